"""The same questions to imapd and to a real Dovecot about the same odd messages: both answer alike."""
import os
import random
import shutil

from dovecot import Dovecot
from harness import check, equal, test
from mailhost import Host, give

BOB = "bob@example.test"
COUNT = 120

SUBJECTS = ["alpha", "Beta", "gamma delta", "=?utf-8?q?=C3=84pfel_und_Birnen?=", "=?iso-8859-1?q?=E4pfel_und_Birnen?=", "[x]", "", "zeta (fwd)", "re-read it",
            "=?utf-8?b?0LbRg9C6?=", "one  two\tthree"]
MARKS = ["", "", "Re: ", "RE: Re:  ", "Fwd: ", "fw:", "[list] ", "[list] Re: ", "Re[2]: ", "Re: [list] Fwd: ", "[fwd: "]
NAMES = ["ann@x.org", "Bob <BOB@x.org>", '"Carl, C." <carl@y.org>', "=?utf-8?q?=C3=84nne?= <zoe@x.org>", "group: ann@x.org, zed@x.org;", "nobody",
         "<@route.org:ann@x.org>", "", "(comment) dora@x.org"]


def corpus():
    """The messages as (octets, INTERNALDATE): replies, some to what is not there, circles, dates that are none."""
    chance = random.Random(5256)
    messages = []
    for number in range(COUNT):
        earlier = [f"<m{chance.randrange(number + 3)}@x.org>" for _ in range(chance.randrange(4))]
        mark, subject = chance.choice(MARKS), chance.choice(SUBJECTS)
        fields = [f"Subject: {mark}{subject}{']' if mark == '[fwd: ' else ''}", f"From: {chance.choice(NAMES)}", f"To: {chance.choice(NAMES)}"]
        if chance.random() < 0.5:
            fields.append(f"Cc: {chance.choice(NAMES)}")
        if chance.random() < 0.9:
            fields.append(f"Message-ID: <m{number if chance.random() < 0.9 else number // 2}@x.org>")
        if earlier and chance.random() < 0.8:
            fields.append("References: " + " ".join(earlier))
        elif earlier:
            fields.append(f"In-Reply-To: {earlier[0]} of yesterday")
        if chance.random() < 0.9:
            zone = chance.choice(["+0000", "-0800", "+0530", "GMT", "EST"])
            fields.append(f"Date: {1 + chance.randrange(28)} Mar 2021 {chance.randrange(24):02}:{chance.randrange(60):02}:{number % 60:02} {zone}")
        elif chance.random() < 0.5:
            fields.append("Date: some day")
        body = "x" * chance.randrange(400)
        messages.append((("\n".join(fields) + "\n\n" + body + "\n").encode(), 1_600_000_000 + chance.randrange(10_000_000)))
    return messages


KEYS = ["ARRIVAL", "CC", "DATE", "FROM", "SIZE", "SUBJECT", "TO", "DISPLAYFROM", "DISPLAYTO"]
QUESTIONS = [f"SORT ({key}) UTF-8 ALL" for key in KEYS]
QUESTIONS += [f"UID SORT (REVERSE {key} REVERSE SIZE) UTF-8 SUBJECT e" for key in KEYS]
QUESTIONS += [f"{uid}THREAD {way} UTF-8 {which}" for uid in ("", "UID ") for way in ("REFERENCES", "REFS", "ORDEREDSUBJECT")
              for which in ("ALL", "NOT FROM ann", "10:60", "LARGER 300")]
QUESTIONS += ["SORT RETURN (MIN MAX COUNT) (SUBJECT DATE) UTF-8 ALL", "UID SORT RETURN () (REVERSE DATE) UTF-8 1:40",
              "SORT RETURN (PARTIAL 5:14) (FROM) UTF-8 ALL", "SORT RETURN (PARTIAL 500:600) (FROM) UTF-8 ALL",
              "SEARCH RETURN (PARTIAL 14:5) SUBJECT e", "UID SEARCH RETURN (PARTIAL 1:3 COUNT) ALL", "SEARCH RETURN (SAVE) SUBJECT beta",
              "SEARCH $", "UID SEARCH RETURN (COUNT) NOT $", "SEARCH RETURN (SAVE MIN MAX) ALL", "SEARCH $", "SEARCH CHARSET UTF-8 SUBJECT {6+}\r\n\u00c4PFEL",
              "SORT (DATE) US-ASCII BODY nothing", "THREAD REFERENCES US-ASCII BODY nothing"]


def ask(client, tag, question):
    """The untagged lines but those that tell of the mailbox, and the word behind the tag."""
    client.send(f"{tag} {question}\r\n".encode())
    lines = []
    while True:
        line = client.readline().decode().rstrip()
        check(line, f"the connection ends within {question}")
        if line.startswith(tag + " "):
            return lines, line.split()[1]
        if line.split()[1] in ("SEARCH", "ESEARCH", "SORT", "THREAD"):
            lines.append(line.replace(f'"{tag}"', tag))


@test("SORT, THREAD and the results of SEARCH are Dovecot's for a mailbox of odd messages")
def same_answers(t):
    host = Host(t, daemons=("imapd",), start=False)
    maildir = host.maildir(BOB)
    for part in ("new", "cur", "tmp"):
        os.makedirs(os.path.join(maildir, part), mode=0o700, exist_ok=True)
    for number, (octets, date) in enumerate(corpus()):
        path = os.path.join(maildir, "cur", f"{1_700_000_000 + number}.M1P1.elsewhere:2,S")
        with open(path, "wb") as file:
            file.write(octets)
        os.utime(path, (date, date))
    copy = os.path.join(t.folder, "copy")
    shutil.copytree(maildir, copy)
    give(host.mail)
    give(copy)
    host.start("imapd")
    ours, theirs = host.imap(BOB), Dovecot(t, copy)
    for client in (ours, theirs):
        equal(client.select("INBOX")[1], [str(COUNT).encode()], "messages")
    troubles = []
    for number, question in enumerate(QUESTIONS):
        own, other = (ask(client, f"q{number}", question) for client in (ours, theirs))
        if own != other:
            troubles.append(f"{question}\n  ours    {own}\n  Dovecot {other}")
    ours.logout()
    theirs.logout()
    check(not troubles, f"{len(troubles)} of {len(QUESTIONS)} answers differ\n" + "\n".join(troubles))

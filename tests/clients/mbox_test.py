"""Mail in mbox files: delivered, served over IMAP and POP3, and read by programs that know nothing of us."""
import grp
import mailbox
import os
import re
import time

from harness import Shared, check, contains, equal, eventually, test
from mailhost import Host, give, letter
from programs import READERS, crlf, maildir_texts, same_octets
from roothost import CAROL, CAROL_PASSWORD, RootHost
from samples import samples
from stock import run
from terminal import run_in_terminal

ALICE, BOB = "alice@example.test", "bob@example.test"


def mbox_host(t):
    """bob's INBOX is the file inbox, his further mailboxes are files below mail/."""
    return Host(t, {"virtual_mail_location": "mbox:~/mail:INBOX=~/inbox", "deliver_lock_delay": "1s"})


def send(host, *messages):
    """One after another, so that they lie in this order."""
    before = len(messages_of(inbox(host)))
    with host.smtp() as client:
        for number, message in enumerate(messages, before + 1):
            client.sendmail(ALICE, [BOB], message, mail_options=["BODY=8BITMIME"])
            eventually(lambda n=number: len(messages_of(inbox(host))) == n, f"message {number} is in the mbox")


def with_letters(t, count):
    """A host whose bob has the letters n1, n2, ..."""
    host = mbox_host(t)
    send(host, *(letter(f"n{number}", f"From here {number}\r\n") for number in range(1, count + 1)))
    return host


SAMPLES = samples()


def filled(t):
    host = mbox_host(t)
    send(host, *SAMPLES.values())
    return host


shared = Shared(filled)


def home(host, *parts):
    return os.path.join(host.mail, "example.test", "bob", *parts)


def inbox(host):
    return home(host, "inbox")


def messages_of(path):
    """What Python's mailbox module finds: [(subject, flags, octets)]."""
    if not os.path.exists(path):
        return []
    box = mailbox.mbox(path, create=False)
    try:
        return [(one["Subject"], one.get_flags(), box.get_bytes(key)) for key, one in box.iteritems()]
    finally:
        box.close()


def quoted(octets):
    """The form of mboxrd."""
    return re.sub(rb"(?m)^(>*From )", rb">\1", octets.replace(b"\r\n", b"\n"))


def body(octets):
    return octets.partition(b"\n\n")[2]


def flags_of(row):
    return set(re.search(rb"FLAGS \(([^)]*)\)", row)[1].split()) - {rb"\Recent"}


@test("mbox: each message comes out over IMAP and POP3 as it went in, and lies in the file as mboxrd has it")
def octets(t):
    del t
    host = shared.get()
    sent = {re.search(rb"Subject: (.*?)\r", message)[1]: message for message in SAMPLES.values()}
    for name in ("imaplib", "poplib", "curl imap", "curl pop3"):
        texts = READERS[name](host, BOB)
        equal(len(texts), len(sent), f"{name}: messages")
        for text in texts:
            subject = re.search(rb"(?m)^Subject: (.*?)\r?$", text)[1]
            same_octets(text, sent[subject], f"{name}, {subject.decode()}")
    lying = messages_of(inbox(host))
    equal([subject.encode() for subject, _, _ in lying], list(sent), "messages that Python's mailbox finds, in their order")
    for subject, _, text in lying:
        expected = quoted(sent[subject.encode()].partition(b"\r\n\r\n")[2])
        check(body(text) in (expected, expected.rstrip(b"\n"), expected + b"\n"),
              f"{subject} as it lies in the file: {body(text)[-300:]!r}, expected {expected[-300:]!r}")
    with open(inbox(host), "rb") as file:
        octets_of_file = file.read()
    equal(len(re.findall(rb"(?m)\A^From |(?<=\n\n)From ", octets_of_file)), len(sent), "From_ lines in the file")
    check(octets_of_file.endswith(b"\n\n"), "the file does not end with an empty line")


@test("mbox: mutt reads all over imap://, and the file itself")
def mutt(t):
    host = shared.get()
    configuration = os.path.join(t.folder, "rc")
    with open(configuration, "w", encoding="ascii") as file:
        file.write(f'set imap_pass = "{host.users[BOB]}"\nset ssl_starttls = no\nset ssl_force_tls = no\nset delete = no\n'
                   f'set confirmappend = no\nset confirmcreate = no\nset quit = yes\nset timeout = 5\nset sleep_time = 0\n'
                   f'set wait_key = no\nset mbox_type = Maildir\nset header_cache = ""\nset tmpdir = {t.folder}\nset folder = {t.folder}\n')
    places = {"imap": f"imap://{BOB.replace('@', '%40')}@{host.address}:{host.port('imap')}/INBOX", "file": inbox(host)}
    for name, place in places.items():
        saved = os.path.join(t.folder, "saved-" + name)
        run_in_terminal(["mutt", "-n", "-R", "-F", configuration, "-f", place, "-e",
                         f'push "<tag-pattern>~A<enter><tag-prefix><copy-message>{saved}<enter><exit>"'],
                        {"HOME": t.folder, "TERM": "xterm", "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"})
        texts = maildir_texts(saved)
        equal(len(texts), len(SAMPLES), f"messages that mutt has from {name}")
        for kind, message in SAMPLES.items():
            wanted = message.partition(b"\r\n\r\n")[2]
            if name == "file":  # mutt shows the quoting as it is
                wanted = crlf(quoted(wanted))
            subject = re.search(rb"Subject: .*?\r\n", message)[0]
            same = [text for text in texts if subject in text]
            check(len(same) == 1 and same[0].partition(b"\r\n\r\n")[2].rstrip(b"\r\n") == wanted.rstrip(b"\r\n"),
                  f"{kind} as mutt has it from {name}: {same[0][-300:] if same else None!r}")


@test("mbox: STORE, EXPUNGE, APPEND and COPY over IMAP are what Python's mailbox finds in the files, UIDs stay")
def changes(t):
    host = with_letters(t, 5)
    client = host.imap(BOB)
    equal(client.select("INBOX"), ("OK", [b"5"]), "SELECT")
    validity = client.response("UIDVALIDITY")[1]
    equal(client.uid("SEARCH", None, "ALL")[1][0].split(), [b"1", b"2", b"3", b"4", b"5"], "UIDs")
    client.uid("STORE", "1", "+FLAGS", r"(\Seen \Answered $Work)")
    client.uid("STORE", "2", "+FLAGS", r"(\Flagged)")
    client.uid("STORE", "3", "+FLAGS", r"(\Deleted)")
    client.uid("STORE", "4", "FLAGS", r"(\Draft \Seen)")
    equal(client.expunge(), ("OK", [b"3"]), "EXPUNGE")
    when = '"17-Jul-1996 02:44:25 -0700"'
    appended = letter("appended", "From APPEND\r\n>From twice\r\n.\r\n")
    equal(client.append("INBOX", r"(\Seen)", when, appended)[0], "OK", "APPEND")
    client.noop()
    equal(client.create("Work/Saved")[0], "OK", "CREATE")
    equal(client.uid("COPY", "2,6", "Work/Saved")[0], "OK", "COPY")
    client.logout()

    def flags_by_subject(path):
        return {subject: "".join(sorted(set(flags) - set("O "))) for subject, flags, _ in messages_of(path)}
    eventually(lambda: flags_by_subject(inbox(host)) == {"n1": "AR", "n2": "F", "n4": "RT", "n5": "", "appended": "R"},
               "the flags are in the file as other programs know them")
    equal(flags_by_subject(home(host, "mail", "Work", "Saved")), {"n2": "F", "appended": "R"}, "the copies in their file")
    copied = next(text for subject, _, text in messages_of(home(host, "mail", "Work", "Saved")) if subject == "appended")
    contains(copied, b"\n\n>From APPEND\n>>From twice\n.\n", "the copy")
    for restart in (False, True):
        if restart:
            host.stop("imapd")
            host.start("imapd")
        client = host.imap(BOB)
        equal(client.select("INBOX"), ("OK", [b"5"]), "SELECT again")
        equal(client.response("UIDVALIDITY")[1], validity, "UIDVALIDITY")
        rows = client.uid("FETCH", "1:*", "(FLAGS INTERNALDATE)")[1]
        seen = {int(re.search(rb"UID (\d+)", row)[1]): flags_of(row) for row in rows}
        equal(seen, {1: {rb"\Seen", rb"\Answered", b"$Work"}, 2: {rb"\Flagged"}, 4: {rb"\Draft", rb"\Seen"}, 5: set(),
                     6: {rb"\Seen"}}, "UIDs and flags")
        contains(rows[-1], b"17-Jul-1996", "INTERNALDATE of what was appended")
        equal(client.uid("FETCH", "6", "(BODY.PEEK[])")[1][0][1], appended, "what was appended")
        client.select("Work/Saved", readonly=True)
        equal(client.uid("FETCH", "2", "(BODY.PEEK[])")[1][0][1], appended, "its copy")
        client.logout()
    client = host.pop3(BOB)
    equal(client.stat()[0], 5, "messages over POP3")
    names = [line.split()[1] for line in client.uidl()[1]]
    client.dele(1)
    client.quit()
    eventually(lambda: len(messages_of(inbox(host))) == 4, "DELE took one out of the file")
    client = host.pop3(BOB)
    equal([line.split()[1] for line in client.uidl()[1]], names[1:], "UIDLs after DELE")
    client.quit()


@test("mbox: what another program adds and takes away under a selected mailbox is announced, UIDs of the rest stay")
def others(t):
    host = with_letters(t, 3)
    client = host.imap(BOB)
    client.select("INBOX")

    def uids():
        client.noop()
        rows = client.uid("FETCH", "1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1]
        return {int(re.search(rb"UID (\d+)", row[0])[1]): row[1].split()[1].decode() for row in rows if isinstance(row, tuple)}
    equal(uids(), {1: "n1", 2: "n2", 3: "n3"}, "UIDs at first")
    box = mailbox.mbox(inbox(host), create=False)
    box.lock()
    box.add(letter("n4", "From another program\r\n").replace(b"\r\n", b"\n"))
    box.remove(1)
    box.flush()
    box.unlock()
    box.close()
    give(home(host))
    eventually(lambda: uids() == {1: "n1", 3: "n3", 4: "n4"}, "imapd shows what the other program did")
    equal(client.uid("FETCH", "4", "(BODY.PEEK[TEXT])")[1][0][1], b"From another program\r\n", "the text it added")
    with host.smtp() as sender:
        sender.sendmail(ALICE, [BOB], letter("n5"))
    eventually(lambda: uids() == {1: "n1", 3: "n3", 4: "n4", 5: "n5"}, "a delivery after it")
    client.logout()


@test("mbox: mailx of the same host reads and deletes in the file under the lock; IDLE tells of a delivery")
def mailx(t):
    host = with_letters(t, 3)
    run(["s-nail", "-:/", "-Sv15-compat", "-Sfolder-hook=", "-f", inbox(host)], input=b"delete 2\nquit\n", user=True,
        HOME=home(host), TERM="dumb", TMPDIR=t.folder)
    equal([subject for subject, _, _ in messages_of(inbox(host))], ["n1", "n3"], "messages after mailx")
    client = host.imap(BOB)
    equal(client.select("INBOX"), ("OK", [b"2"]), "SELECT after mailx")
    client.send(b"i1 IDLE\r\n")
    contains(client.readline(), b"+", "the answer to IDLE")
    began = time.monotonic()
    with host.smtp() as sender:
        sender.sendmail(ALICE, [BOB], letter("n4"))
    line = client.readline()
    while not re.match(rb"\* 3 EXISTS", line):
        check(line.startswith(b"*"), f"within IDLE: {line!r}")
        line = client.readline()
    check(time.monotonic() - began < 10, "IDLE told of it late")
    client.send(b"DONE\r\n")
    while not line.startswith(b"i1 "):
        line = client.readline()
    client.logout()


def system_user(name, settings, place):
    @test(f"mbox: a system user's mail lies in {name}, as that user's, and is served and changed there")
    def read(t):
        spool = os.path.join(t.folder, "spool")
        os.mkdir(spool)
        os.chown(spool, 0, grp.getgrnam("mail").gr_gid)
        os.chmod(spool, 0o2775)  # as Debian's /var/mail: carol makes no file there, nor a dotlock, on her own
        host = RootHost(t, {"mail_location": None, "mail_spool_directory": spool, **settings})
        path = place.format(spool=spool, home=host.carol_home)
        with host.smtp() as client:
            for number in range(1, 4):
                client.sendmail(ALICE, ["carol@example.test"], letter(f"n{number}", "From the top\r\n"))
                eventually(lambda n=number: len(messages_of(path)) == n, f"message {number} is in {path}")
        equal((os.stat(path).st_uid, os.stat(path).st_mode & 0o777), (CAROL, 0o600), "owner and mode of the file")
        host.users["carol"] = CAROL_PASSWORD
        client = host.imap("carol")
        equal(client.select("INBOX"), ("OK", [b"3"]), "SELECT")
        client.store("1", "+FLAGS", r"(\Seen)")
        client.store("2", "+FLAGS", r"(\Deleted)")
        equal(client.expunge()[1], [b"2"], "EXPUNGE")
        check(client.fetch("2", "(BODY.PEEK[])")[1][0][1].endswith(b"\r\nFrom the top\r\n"), "the text over IMAP")
        client.logout()
        client = host.pop3("carol")
        equal(client.stat()[0], 2, "messages over POP3")
        client.dele(2)
        client.quit()
        eventually(lambda: [subject for subject, _, _ in messages_of(path)] == ["n1"], "what stays in the file")
        equal((os.stat(path).st_uid, os.stat(path).st_mode & 0o777), (CAROL, 0o600), "owner and mode of the file at last")
        check(not os.path.exists(path + ".lock"), "the dotlock is left behind")


system_user("the spool", {}, "{spool}/carol")
system_user("home_mailbox", {"home_mailbox": "Mailbox"}, "{home}/Mailbox")


@test("mbox: pennypost sieve run changes a system user's mail in the spool, with that user's rights")
def run_script(t):
    spool = os.path.join(t.folder, "spool")
    os.mkdir(spool)
    os.chown(spool, 0, grp.getgrnam("mail").gr_gid)
    os.chmod(spool, 0o2775)
    host = RootHost(t, {"mail_location": None, "mail_spool_directory": spool})
    path = os.path.join(spool, "carol")
    with host.smtp() as client:
        client.sendmail(ALICE, ["carol@example.test"], letter("lunch"))
        client.sendmail(ALICE, ["carol@example.test"], letter("spam"))
    eventually(lambda: len(messages_of(path)) == 2, f"both messages are in {path}")
    host.command("pennypost", "sieve", "put", "carol", "clean", "-",
                 input='if header "subject" "spam" { discard; }\n')
    host.command("pennypost", "sieve", "run", "carol", "clean", "--remove-discarded")
    equal([subject for subject, _, _ in messages_of(path)], ["lunch"], "what stays in the file")
    equal((os.stat(path).st_uid, os.stat(path).st_mode & 0o777), (CAROL, 0o600), "owner and mode of the file")

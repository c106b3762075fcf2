"""SEARCH answers the same while its index of words is made, killed, removed, while mail comes and goes behind it, and while
clients leave."""
import imaplib
import os
import random
import shutil
import time

from harness import check, equal, eventually, test
from mailhost import Host, letter

BOB = "bob@example.test"
LETTERS = 120
# Each letter has a word of its own, one that it shares with others, and text that takes a while to be put in.
FILL = "".join(f"filler{number} of no meaning at all\r\n" for number in range(700))


def words_of(host):
    return os.path.join(host.maildir(BOB), "pennypost-words")


def worker_pids(host):
    return [pid for title, pids in host.pids("imapd").items() if title.startswith("imapd: worker") for pid in pids]


def search(client, *keys):
    kind, data = client.uid("SEARCH", *keys)
    equal(kind, "OK", f"SEARCH {keys}")
    return [int(uid) for uid in data[0].split()]


def log_in(host):
    """A client with INBOX selected; a worker that was killed has a successor in a moment."""
    def attempt():
        try:
            client = host.imap(BOB)
        except imaplib.IMAP4.error as error:
            check("UNAVAILABLE" in str(error), str(error))
            return None
        return client
    client = eventually(attempt, "a session begins")
    client.select("INBOX")
    return client


def own(number):
    """A word that begins and ends as that of no other letter does."""
    return f"w{number}x"


def check_answers(host, present):
    """`present`: the number of the letter behind each UID."""
    client = log_in(host)
    equal(search(client, "ALL"), sorted(present), "the messages that are there")
    for uid in random.sample(sorted(present), 3):
        equal(search(client, "BODY", own(present[uid])), [uid], "BODY finds the letter with the word")
    third = sorted(uid for uid, number in present.items() if number % 3 == 0)
    equal(search(client, "TEXT", "ree-fol"), third, "a part of words")
    equal(search(client, "BODY", "absent"), [], "a word that is nowhere")
    return client


@test("SEARCH is right whenever the worker that makes the index is killed, and after mail has gone")
def killed(t):
    host = Host(t, {"imap_worker_shards": 1}, daemons=("imapd",))
    for number in range(1, LETTERS + 1):
        host.put(BOB, letter(f"n{number}", f"{own(number)} {'three-fold' if number % 3 == 0 else 'single'}\r\n{FILL}"))
    client = log_in(host)
    # Which UID is which letter's: the order of files is not that of their making.
    present = {search(client, "BODY", own(number))[0]: number for number in range(1, LETTERS + 1)}
    for wait in (0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8):
        shutil.rmtree(words_of(host), ignore_errors=True)
        client = check_answers(host, present)
        time.sleep(wait)
        for pid in worker_pids(host):
            host.crash(pid)
        check_answers(host, present)
    eventually(lambda: check_answers(host, present) and os.path.exists(os.path.join(words_of(host), "iamglass")),
               "the index is there")
    # A second session, and another program, take messages away.
    client, other = log_in(host), log_in(host)
    gone = random.sample(sorted(present), 20)
    other.uid("STORE", ",".join(map(str, gone[:10])), "+FLAGS.SILENT", r"(\Deleted)")
    other.expunge()
    for uid in gone[:10]:
        equal(search(client, "BODY", own(present.pop(uid))), [], "a letter that another session has removed")
    folder = os.path.join(host.maildir(BOB), "cur")
    for uid in gone[10:]:
        word = own(present[uid]).encode()
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                found = word + b" " in file.read()
            if found:
                os.unlink(path)
                break
        else:
            check(False, f"no file has {word}")
        del present[uid]
    check_answers(host, present)
    equal(search(client, "FUZZY", "BODY", own(next(iter(present.values())))), [next(iter(present))], "FUZZY")
    client.logout()


@test("mail whose delivery is killed before its words are in the index is put in with the next mail")
def delivery_killed(t):
    host = Host(t, {"imap_worker_shards": 1}, daemons=("smtpd", "imapd"))
    client = log_in(host)
    search(client, "FUZZY", "BODY", "nothing")  # makes the index
    client.logout()
    host.stop("imapd")
    sent = 0

    def send(count):
        nonlocal sent
        with host.smtp() as smtp:
            for sent in range(sent + 1, sent + count + 1):
                smtp.sendmail("alice@example.net", [BOB], letter(f"n{sent}", f"{own(sent)}\r\n{FILL}"))
        host.wait_messages(BOB, sent)

    def deliver_pids():
        return [pid for title, pids in host.pids("smtpd").items() if title.startswith("smtpd: deliver") for pid in pids]

    def stamp():
        return os.stat(os.path.join(words_of(host), "iamglass")).st_mtime_ns

    # The first time before anything is put in; then at moments about that at which it is.
    for wait in (0, 1.9, 2.0, 2.05, 2.1, 2.2, 2.4):
        send(8)
        time.sleep(wait)
        pids = eventually(deliver_pids, "there is a deliver process")
        for pid in pids:
            host.crash(pid)
        eventually(lambda gone=pids: not set(gone) & set(deliver_pids()), "it is gone")
    before = stamp()
    send(1)
    eventually(lambda: stamp() != before, "the index has changed")
    told = host.command("pennypost", "fts", "rescan", "-u", BOB, "INBOX").stdout.splitlines()
    equal(told, [f"INBOX messages={sent} added=0 dropped=0"], "what the index has")
    host.start("imapd")
    client = log_in(host)
    for number in random.sample(range(1, sent + 1), 5):
        equal(len(search(client, "BODY", own(number))), 1, f"letter {number}")
    client.logout()


@test("clients that leave while SEARCH reads their mail leave the worker as it was")
def leaving(t):
    host = Host(t, {"imap_worker_shards": 1, "imap_fts": False}, daemons=("imapd",))
    for number in range(1, 2 * LETTERS + 1):
        host.put(BOB, letter(f"n{number}", f"{own(number)}\r\n{FILL * 3}"))
    client = log_in(host)
    before = worker_pids(host)
    begun = time.monotonic()
    equal(search(client, "BODY", "absent"), [], "a word that is nowhere")
    whole = time.monotonic() - begun
    for _ in range(30):
        leaver = log_in(host)
        leaver.send(b"gone UID SEARCH BODY absent\r\n")
        time.sleep(random.random() * whole)
        leaver.shutdown()
    equal(len(search(client, "BODY", own(7))), 1, "the letter with the word")
    equal(worker_pids(host), before, "the worker's process")

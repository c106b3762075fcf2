"""Users' indexes of words: an admin keeps them with pennypost fts, and deliveries put new mail in, while imapd uses them."""
import contextlib
import fcntl
import os
import shutil
import threading
import time

from harness import Shared, check, contains, equal, eventually, test
from mailhost import Host, give, letter

ANN, BOB = "ann@example.test", "bob@example.test"
USERS = {ANN: "ann-secret", BOB: "bob-secret"}


def make_host(t):
    return Host(t, {"disable_plaintext_auth": False, "imap_auto_create_special": False, "imap_worker_shards": 4}, users=USERS,
                daemons=("imapd",))


shared = Shared(make_host)


def run(host, *arguments, ok=True):
    return host.command("pennypost", "fts", *arguments, ok=ok)


def rescan(host, *arguments):
    return run(host, "rescan", *arguments).stdout.splitlines()


def search(client, *keys):
    return [int(uid) for uid in client.uid("SEARCH", *keys)[1][0].split()]


@test("pennypost fts rescan puts in what is missing and takes out what has gone, beside a client that searches")
def rescanned(t):
    host = shared.get()
    client = host.imap(ANN)
    client.create("Old")
    for word in ("orange", "banana", "cherry"):
        client.append("INBOX", "", None, letter(f"new {word}", f"{word} of many\r\n"))
        client.append("Old", "", None, letter(f"old {word}", f"{word} of few\r\n"))
    client.select("INBOX")
    equal(rescan(host, "-u", ANN), ["INBOX messages=3 added=3 dropped=0", "Old messages=3 added=3 dropped=0"], "the first time")
    equal(search(client, "BODY", "nana"), [2], "what the index knows")
    equal(search(client, "FUZZY", "BODY", "bnaana"), [2], "what the index alone knows")
    os.remove(next(path for path in host.messages(ANN) if b"cherry" in open(path, "rb").read()))
    host.put(ANN, letter("n3", "melon7\r\n"))
    equal(rescan(host, "-u", ANN, "IN*"), ["INBOX messages=3 added=1 dropped=1"], "what came and went")
    client.noop()
    equal(search(client, "BODY", "melon7"), [4], "what has come")
    host.command("pennypost", "mailbox", "delete", "-u", ANN, "Old")
    equal(rescan(host, "-u", ANN), ["INBOX messages=3 added=0 dropped=0", "(removed) messages=0 added=0 dropped=3"], "a mailbox less")
    equal(rescan(host, "-u", ANN), ["INBOX messages=3 added=0 dropped=0"], "nothing is left to do")
    client.logout()


@test("pennypost fts optimize writes the index anew, and says what is wrong with a call")
def optimized(t):
    host = shared.get()
    host.put(BOB, letter("one", "the only word\r\n"))
    equal(run(host, "optimize", "-u", BOB).stdout, "", "no index yet")
    rescan(host, "-u", BOB)
    told = run(host, "optimize", "-u", BOB).stdout.split()
    equal(told[0], os.path.join(host.maildir(BOB), "pennypost-words"), "the index")
    sizes = [int(word.partition("=")[2]) for word in told[1:]]
    check(sizes[0] >= sizes[1] > 0, f"the sizes {sizes}")
    client = host.imap(BOB)
    client.select("INBOX")
    equal(search(client, "BODY", "only"), [1], "what it knows")
    client.logout()
    equal(host.command("doveadm", "fts", "optimize", "-u", BOB).returncode, 0, "by doveadm's name")
    equal(host.command("doveadm", "fts", "rescan", "-A").returncode, 0, "for all")
    refused = run(host, "optimize", "-u", BOB, "INBOX", ok=False)
    equal(refused.returncode, 64, "a mailbox for optimize")
    contains(refused.stderr, "one index for all mailboxes", "why")
    equal(run(host, "rescan", "-u", BOB, "Nope", ok=False).returncode, 68, "no such mailbox")
    refused = run(host, "rescan", "-o", "imap_fts=no", "-u", BOB, ok=False)
    equal(refused.returncode, 1, "without an index")
    contains(refused.stderr, "imap_fts is no", "why")


@test("words of another user's mailbox are found by a reader, but not kept in the reader's index")
def others(t):
    host = shared.get()
    ann = host.imap(ANN)
    ann.create("Lists")
    ann.append("Lists", "", None, letter("shared", "a secret word\r\n"))
    equal(ann.setacl("Lists", BOB, "lr")[0], "OK", "SETACL")
    bob = host.imap(BOB)
    eventually(lambda: bob.select("shared.ann@example^test.Lists", readonly=True)[0] == "OK", "bob sees it")
    equal(search(bob, "BODY", "secret"), [1], "found")
    equal(search(bob, "FUZZY", "BODY", "secret"), [1], "found as it is")
    bob.select("INBOX")
    # Waits for the index, which has seen the mailbox before by then.
    search(bob, "FUZZY", "BODY", "anything")
    told = rescan(host, "-u", BOB)
    check(not [line for line in told if "(removed)" in line], f"nothing of ann's to take out: {told}")
    bob.logout()
    ann.logout()


def left_out(host, login, twin):
    """What rescan says of `login`'s mail, asked of a copy in `twin`'s place: asking puts in what is missing."""
    place = host.maildir(twin)
    shutil.rmtree(place, ignore_errors=True)
    try:
        shutil.copytree(host.maildir(login), place)
    except shutil.Error:
        return None  # it was written just then
    give(place)
    return rescan(host, "-u", twin)


def send(host, login, *messages):
    with host.smtp() as client:
        for message in messages:
            client.sendmail("alice@example.net", [login], message)


def make_delivering_host(t):
    return Host(t, {"disable_plaintext_auth": False, "imap_auto_create_special": False, "imap_worker_shards": 1,
                    "sieve": "file:~/sieve;active=~/.dovecot.sieve"}, users=USERS, daemons=("smtpd", "imapd"))


@test("delivered mail is put into the index of words without a session, also what a script files elsewhere, and stays recent")
def at_delivery(t):
    host = make_delivering_host(t)
    host.command("pennypost", "sieve", "put", ANN, "main", "-",
                 input='require ["fileinto", "mailbox"]; if header :contains "subject" "list" { fileinto :create "Lists"; }\n')
    host.command("pennypost", "sieve", "activate", ANN, "main")
    host.put(ANN, letter("zero", "apple\r\n"))
    equal(rescan(host, "-u", ANN), ["INBOX messages=1 added=1 dropped=0"], "the index is made")
    host.stop("imapd")
    send(host, ANN, letter("one", "orange\r\n"), letter("list one", "banana\r\n"), letter("two", "cherry\r\n"))
    send(host, BOB, letter("one", "melon\r\n"))
    host.wait_messages(BOB, 1)
    check(not os.path.exists(os.path.join(host.maildir(BOB), "pennypost-words")), "bob, who has never searched, has an index")
    there = ["INBOX messages=3 added=0 dropped=0", "Lists messages=1 added=0 dropped=0"]
    eventually(lambda: left_out(host, ANN, BOB) == there, "the index has all that was delivered")
    host.start("imapd")
    client = host.imap(ANN)
    client.select("INBOX")
    equal(client.response("RECENT")[1], [b"3"], "RECENT")
    equal(len(search(client, "FUZZY", "BODY", "chrery")), 1, "what the index alone knows")
    client.logout()


@contextlib.contextmanager
def written_by_another(host, login):
    """Holds Xapian's lock, as who writes the index does."""
    with open(os.path.join(host.maildir(login), "pennypost-words", "flintlock"), "r+b") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        yield


@test("pennypost fts waits for who writes the index just now, and so does a delivery, which is not held up by that")
def waiting(t):
    host = make_delivering_host(t)
    host.put(ANN, letter("zero", "apple\r\n"))
    rescan(host, "-u", ANN)
    host.stop("imapd")
    told = {}

    def ask(verb):
        told[verb] = run(host, verb, "-u", ANN, ok=False)

    with written_by_another(host, ANN):
        asking = [threading.Thread(target=ask, args=(verb,)) for verb in ("rescan", "optimize")]
        for one in asking:
            one.start()
        time.sleep(3)  # longer than they take to look
        check(not told, f"ended while the index was locked: {told}")
    for one in asking:
        one.join(60)
    equal([(verb, one.returncode) for verb, one in sorted(told.items())], [("optimize", 0), ("rescan", 0)], f"{told}")
    with written_by_another(host, ANN):
        send(host, ANN, letter("one", "orange\r\n"))
        host.wait_messages(ANN, 2)
        time.sleep(3)  # longer than a delivery waits for more mail
    eventually(lambda: left_out(host, ANN, BOB) == ["INBOX messages=2 added=0 dropped=0"], "the index has all")
    check("words of" not in host.log(), "a delivery that waited for the index tells of no error")


@test("the index of words is whole when a session and the delivery put the same mail in at the same time")
def both_at_once(t):
    host = make_delivering_host(t)
    client = host.imap(ANN)
    client.select("INBOX")
    equal(search(client, "FUZZY", "BODY", "nothing"), [], "the index is made")
    for number in range(60):
        send(host, ANN, letter(f"n{number}", f"{'fruit and ' * 500}apple{number}\r\n"))
        if number % 5 == 0:
            client.noop()
    host.wait_messages(ANN, 60)
    client.noop()
    eventually(lambda: left_out(host, ANN, BOB) == ["INBOX messages=60 added=0 dropped=0"], "the index has all")
    for number in (0, 29, 59):
        equal(len(search(client, "BODY", f"apple{number}\r\n")), 1, f"letter {number}")
    check("words of" not in host.log(), "the log: " + "".join(line for line in host.log().splitlines(True) if "words of" in line))
    client.logout()

"""Mailboxes that a program on another host has locked: who needs them waits, all others are served."""
import os
import re
import time

from harness import check, equal, eventually, test
from mailhost import Host, give, letter

ALICE, BOB = "alice@example.test", "bob@example.test"
SESSIONS = 40  # more than imapd's io_threads
LETTER = letter("n", "the body\r\n")


def lock(path):
    """As a host leaves it that died, or that shares the file system."""
    with open(path, "w", encoding="ascii") as file:
        file.write("1:otherhost")
    give(path)


def has_read_all(port):
    """Whether the server has taken all from its sockets that its clients have sent."""
    with open("/proc/net/tcp", encoding="ascii") as file:
        rows = [line.split() for line in file][1:]
    queues = [row[4].split(":")[1] for row in rows if int(row[1].split(":")[1], 16) == port and row[3] == "01"]
    return queues and all(int(queue, 16) == 0 for queue in queues)


def append(client, tag):
    """Sends a whole APPEND and waits for nothing."""
    client.send(b"%s APPEND INBOX {%d+}\r\n%s\r\n" % (tag, len(LETTER), LETTER))


def work(client):
    """What a session does all day; how many seconds the slowest of it took."""
    slowest = 0.0
    for name, arguments in (("select", ()), ("append", ("INBOX", None, None, LETTER)), ("noop", ()),
                            ("fetch", ("1:*", "(FLAGS BODY[])")), ("store", ("1", "+FLAGS", "\\Flagged"))):
        begin = time.monotonic()
        answer = getattr(client, name)(*arguments)
        equal(answer[0], "OK", f"{name}: {answer}")
        slowest = max(slowest, time.monotonic() - begin)
    return slowest


def held_up(t, settings, path):
    host = Host(t, {"imap_worker_shards": 1, "mail_max_userip_connections": 100, **settings}, daemons=("imapd",))
    alice = host.imap(ALICE)
    for client in (alice, host.imap(BOB)):
        client.append("INBOX", None, None, LETTER)
    bobs = [host.imap(BOB) for _ in range(SESSIONS)]
    held = path(host)
    lock(held)
    for number, client in enumerate(bobs):
        append(client, b"x%d" % number)
    eventually(lambda: has_read_all(host.port("imap")), "imapd has read what they sent")
    slowest = max(work(alice) for _ in range(3))
    check(slowest < 3, f"the other user waited {slowest:.1f} s")
    os.unlink(held)
    for number, client in enumerate(bobs):
        answer = client.readline()
        check(answer.startswith(b"x%d OK [APPENDUID " % number), f"the answer to APPEND: {answer}")
    bob = host.imap(BOB)
    equal(bob.select()[1], [b"%d" % (SESSIONS + 1)], "bob's messages")


@test("locks: 40 sessions append to a Maildir whose uidlist another host has locked, another user's session goes on", alone=True)
def maildir(t):
    held_up(t, {}, lambda host: os.path.join(host.maildir(BOB), "dovecot-uidlist.lock"))


@test("locks: 40 sessions append to an mbox that another host has locked, another user's session goes on", alone=True)
def mbox(t):
    held_up(t, {"virtual_mail_location": "mbox:~/mail:INBOX=~/inbox", "deliver_lock_attempts": 100},
            lambda host: os.path.join(host.mail, "example.test", "bob", "inbox.lock"))


@test("locks: 20 POP3 logins to an mbox that another host has locked, another user's session goes on", alone=True)
def pop3(t):
    host = Host(t, {"virtual_mail_location": "mbox:~/mail:INBOX=~/inbox", "deliver_lock_attempts": 100,
                    "pop3_lock_session": False, "mail_max_userip_connections": 100}, daemons=("imapd", "popd"))
    for login in (ALICE, BOB):
        host.imap(login).append("INBOX", None, None, LETTER)
    held = os.path.join(host.mail, "example.test", "bob", "inbox.lock")
    lock(held)
    bobs = [host.pop3() for _ in range(20)]
    for client in bobs:
        client.user(BOB)
        client.sock.sendall(b"PASS %s\r\n" % host.users[BOB].encode())
    eventually(lambda: len(re.findall(r"pop3-login\[\d+\]: Login: user=<bob", host.log())) == len(bobs),
               "all are handed to the worker")
    begin = time.monotonic()
    for _ in range(3):
        alice = host.pop3(ALICE)
        equal(len(alice.retr(1)[1]) > 3, True, "alice's message")
        alice.quit()
    slowest = time.monotonic() - begin
    check(slowest < 5, f"the other user waited {slowest:.1f} s")
    os.unlink(held)
    for client in bobs:
        answer = client.file.readline()
        check(answer.startswith(b"+OK"), f"the answer to PASS: {answer}")
    bobs[0].dele(1)
    lock(held)
    bobs[0].sock.sendall(b"QUIT\r\n")
    time.sleep(0.5)
    os.unlink(held)
    answer = bobs[0].file.readline()
    check(answer.startswith(b"+OK Logging out, messages deleted"), f"the answer to QUIT: {answer}")

"""What is synced before what, and all of it before the acknowledgement: seen in the system calls.

A power cut tried on one file system (power_test.py) forgives what that file system does beyond its duty: ext4's
journal takes the name of a new file along with any other sync. So the order itself is looked at here, under strace.
"""
import collections
import os
import re
import subprocess

from harness import check, contains, eventually, test
from mailhost import Host, letter

ALICE, BOB = "alice@example.test", "bob@example.test"
CALLS = "unlink,fsync,fdatasync,syncfs,rename,renameat,renameat2,link,linkat,write,writev,sendto,sendmsg"
LARGE = b"0123456789abcdef" * 4 + b"\r\n"
Event = collections.namedtuple("Event", "begun ended text")


class Trace:
    """strace of processes, or of a command put behind its words; events() in the order in which they ended."""

    def __init__(self, t, name, *more):
        self.file = os.path.join(t.folder, name + ".strace")
        self.words = ["strace", "-f", "-y", "-s", "300", "-e", "trace=" + CALLS, "-e", "signal=none", *more, "-o", self.file]
        self._process = None

    def attach(self, t, pids):
        words = [word for pid in pids for word in ("-p", str(pid))]
        errors = self.file + ".err"
        with open(errors, "wb") as said:
            self._process = subprocess.Popen([*self.words, *words], stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        t.cleanup(self.stop)

        def attached():
            with open(errors, encoding="utf-8", errors="replace") as said:
                return said.read().count(" attached") >= len(pids)
        eventually(attached, "strace has attached")
        return self

    def stop(self):
        if self._process and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(30)

    def events(self):
        found, open_calls = [], {}
        with open(self.file, encoding="utf-8", errors="replace") as file:
            for number, line in enumerate(file):
                pid, _, text = line.rstrip("\n").partition(" ")
                text = text.strip()
                if text.endswith("<unfinished ...>"):
                    open_calls[pid] = (number, text.removesuffix("<unfinished ...>"))
                elif match := re.match(r"<\.\.\. \w+ resumed>(.*)", text):
                    begun, before = open_calls.pop(pid, (number, ""))
                    found.append(Event(begun, number, before.rstrip() + re.sub(r"^\)\s+=", ") =", match[1])))
                else:
                    found.append(Event(number, number, text))
        return found


def in_order(trace, what, *patterns):
    """Each call must have ended, with success, before the next began."""
    wanted = [re.compile(pattern) for pattern in patterns]

    def last_seen():
        events, at, seen = trace.events(), -1, []
        for pattern in wanted:
            event = next((one for one in events if one.begun > at and pattern.search(one.text)
                          and not re.search(r"= -1 E", one.text)), None)
            if event is None:
                return seen, pattern.pattern, events
            at = event.ended
            seen.append(event.text)
        return seen, None, events

    def complete():
        return last_seen()[1] is None
    try:
        eventually(complete, what, 15)
    except AssertionError as error:
        seen, missing, events = last_seen()
        tail = "\n".join(f"{one.text[:160]}" for one in events if "sync" in one.text or "rename" in one.text)
        raise AssertionError(f"{what}: after {len(seen)} steps not found: {missing}\n{tail[-3000:]}") from error


def traced_host(t, daemons, settings=None):
    """A host whose databases and mailboxes have long been there, and the trace of its processes."""
    host = Host(t, settings, daemons=daemons)
    with host.smtp() as client:
        client.sendmail(ALICE, [BOB], letter("first"))
    host.wait_log(r"to=<bob@example\.test>.*status=sent")
    host.wait_queue(0)
    if "imapd" in daemons:
        client = host.imap(BOB)
        client.select("INBOX")
        client.logout()
    pids = [pid for daemon in host.daemons for same in host.pids(daemon).values() for pid in same]
    return host, Trace(t, "daemons").attach(t, pids)


BODY = (r"^f(data)?sync\(\d+<\S+/queue/body/\w+>\) += 0", r"^f(data)?sync\(\d+<\S+/queue/body>\) += 0")
COMMIT = r"^f(data)?sync\(\d+<\S+/queue/db/\d+\.log>\) += 0"


@test("a large body is synced, then the directory that names it, then the commit; then comes the 250")
def large_body(t):
    host, trace = traced_host(t, ("smtpd",))
    with host.smtp() as client:
        client.sendmail(ALICE, [BOB], letter("large", LARGE * 8000))
    in_order(trace, "a message of 500 kB", *BODY, COMMIT, r"250 2\.0\.0 Ok: queued as")


@test("a small message is committed and synced before its 250")
def small_body(t):
    host, trace = traced_host(t, ("smtpd",))
    with host.smtp() as client:
        client.sendmail(ALICE, [BOB], letter("small"))
    in_order(trace, "a small message", r"354 ", COMMIT, r"250 2\.0\.0 Ok: queued as")


@test("a Maildir's file is synced before it is named in new/, and new/ before the log says sent")
def maildir(t):
    host, trace = traced_host(t, ("smtpd",))
    with host.smtp() as client:
        client.sendmail(ALICE, [BOB], letter("to the Maildir"))
    in_order(trace, "a delivery", r"^f(data)?sync\(\d+<\S+/Maildir/tmp/[^>]+>\) += 0", r"^(rename|link)\w*\(.*/Maildir/tmp/.*/Maildir/new/",
             r"^fsync\(\d+<\S+/Maildir/new>\) += 0", r"status=sent")


@test("an mbox is synced before the log says sent")
def mbox(t):
    host, trace = traced_host(t, ("smtpd",), {"virtual_mail_location": "mbox:~/mail:INBOX=~/inbox"})
    with host.smtp() as client:
        client.sendmail(ALICE, [BOB], letter("to the mbox"))
    in_order(trace, "a delivery", r"^f(data)?sync\(\d+<\S+/inbox>\) += 0", r"status=sent")


@test("sendmail's message is committed before sendmail ends: a large body, its directory, the commit")
def by_sendmail(t):
    host, trace = traced_host(t, ("smtpd",))
    host.command("sendmail", "-i", "-f", ALICE, BOB, input=letter("large", LARGE * 8000).replace(b"\r\n", b"\n").decode())
    # The queue's answer on the socket is what lets sendmail end.
    in_order(trace, "a message from sendmail", *BODY, COMMIT, r"^(write|writev|sendto|sendmsg)\(\d+<(UNIX|socket)")


@test("with smtpd stopped postdrop syncs the file, names it, and syncs maildrop before sendmail ends")
def by_postdrop(t):
    host, _ = traced_host(t, ("smtpd",))
    host.stop("smtpd")
    trace = Trace(t, "sendmail")
    plain = host.wrapped
    host.wrapped = lambda command: [*trace.words, *plain(command)]
    with open(trace.file, "wb"):
        os.chmod(trace.file, 0o666)
    host.command("sendmail", "-i", "-f", ALICE, BOB, input="Subject: dropped\n\nbody\n")
    host.wrapped = plain
    in_order(trace, "a dropped message", r"^fsync\(\d+<\S+/maildrop/new\.\w+>\) += 0", r"^rename\w*\(.*new\.",
             r"^(fsync\(\d+<\S+/maildrop>\)|syncfs\(.*\)) += 0")


@test("APPEND: the file, its name, the UID, the directories; then comes the OK")
def by_append(t):
    host, trace = traced_host(t, ("smtpd", "imapd"))
    client = host.imap(BOB)
    answer = client.append("INBOX", None, None, letter("appended"))
    contains(str(answer), "APPENDUID", "the answer to APPEND")
    client.logout()
    in_order(trace, "APPEND", r"^f(data)?sync\(\d+<\S+/Maildir/tmp/[^>]+>\) += 0", r"^(rename|link)\w*\(.*/Maildir/tmp/",
             r"^f(data)?sync\(\d+<\S+/dovecot-uidlist(\.tmp)?>\) += 0", r"^fsync\(\d+<\S+/Maildir/(new|cur)>\) += 0",
             r"OK \[APPENDUID")
    check(host.messages(BOB), "the message is there")


@test("a message from maildrop whose file cannot be removed is taken in once")
def drop_stays(t):
    host, _ = traced_host(t, ("smtpd",))
    host.stop("smtpd")
    host.command("sendmail", "-i", "-f", ALICE, BOB, input="Subject: dropped\n\nbody\n")
    maildrop = host.path("queue", "maildrop")
    (name,) = os.listdir(maildrop)
    with open(os.path.join(maildrop, name), "rb") as file:
        octets = file.read()
    os.unlink(os.path.join(maildrop, name))
    host.start("smtpd")
    (queue,) = [pids[0] for title, pids in host.pids("smtpd").items() if title.startswith("smtpd: queue")]
    faults = Trace(t, "faults", "-e", "inject=unlink:error=EIO").attach(t, [queue])
    for count in (2, 3):  # the second wakes the queue, which finds the first one's file as well
        host.command("postdrop", input=octets)
        host.wait_messages(BOB, count)
    host.wait_log(r"(?s)(maildrop/\w+: Input/output error.*){3}")
    faults.stop()
    host.command("postdrop", input=octets)
    eventually(lambda: not os.listdir(maildrop), "maildrop is empty")
    host.wait_queue(0)
    host.wait_messages(BOB, 4)

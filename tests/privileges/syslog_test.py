"""syslogd goes away, comes back, or hangs: the processes in a changed root go on, and every line arrives or is counted."""
import contextlib
import os
import re
import smtplib
import socket
import threading
import time

from harness import check, eventually, test
from roothost import RootHost

SESSIONS = 20
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")


class Syslogd:
    """What /dev/log leads to: keeps the lines that it was sent."""

    def __init__(self, t):
        self.path = os.path.join(t.folder, "log.socket")
        self.lines = []
        self.socket = None
        self.thread = None
        self.start()
        t.cleanup(self.stop)

    def start(self, reads=True):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        os.chmod(self.path, 0o666)
        self.socket.settimeout(0.2)
        if reads:
            self.read()

    def read(self):
        self.thread = threading.Thread(target=self._read, args=(self.socket,), daemon=True)
        self.thread.start()

    def _read(self, stream):
        while stream is self.socket:
            with contextlib.suppress(TimeoutError):
                self.lines.append(stream.recv(65536).decode(errors="replace"))

    def stop(self):
        stream, self.socket = self.socket, None
        if self.thread is not None:
            self.thread.join()
        if stream is not None:
            stream.close()
        self.thread = None

    def count(self, pattern):
        return sum(bool(re.search(pattern, line)) for line in self.lines)


class SyslogHost(RootHost):
    """A host in whose /dev there is a log of the test's own."""

    def __init__(self, t, syslogd, settings=None, **options):
        self.dev = os.path.join(t.folder, "dev")
        os.makedirs(self.dev)
        for name in DEVICES:
            with open(os.path.join(self.dev, name), "w", encoding="ascii"):
                pass
        os.symlink("/proc/self/fd", os.path.join(self.dev, "fd"))
        os.symlink(syslogd.path, os.path.join(self.dev, "log"))
        super().__init__(t, {"maillog_file": None, "smtpd_error_sleep_time": "0s", "smtpd_hard_error_limit": 10000,
                             "smtpd_soft_error_limit": 10000, **(settings or {})}, **options)

    def wrapped(self, command):
        words = super().wrapped(command)
        at = words.index("-c") + 1
        mount = " && ".join([*(f"mount --bind /dev/{name} {self.dev}/{name}" for name in DEVICES), f"mount --rbind {self.dev} /dev"])
        return [*words[:at], f"{mount} && {words[at]}", *words[at + 1:]]


def greet(host, count, name):
    """So many sessions of a client that gives this name, of which the log tells."""
    for _ in range(count):
        with host.smtp() as client:
            client.ehlo(name)
            try:
                client.sendmail("x@" + name, ["y@example.test"], b"")
            except smtplib.SMTPRecipientsRefused:
                continue
            raise AssertionError("an unknown recipient is taken")


def failed_login(host):
    client = host.imap()
    with contextlib.suppress(client.error):
        client.login("nobody@example.test", "wrong")
    client.logout()


@test("syslogd is started anew: the processes in a changed root log again by themselves, with what came meanwhile")
def restarted(t):
    syslogd = Syslogd(t)
    host = SyslogHost(t, syslogd)
    greet(host, 1, "before.test")
    eventually(lambda: syslogd.count("reject: RCPT.*helo=<before.test>") == 1, "the line of a session")
    syslogd.stop()
    os.unlink(syslogd.path)
    greet(host, SESSIONS, "away.test")
    failed_login(host)
    syslogd.start()
    begun = time.monotonic()
    eventually(lambda: syslogd.count("reject: RCPT.*helo=<away.test>") == SESSIONS, "the lines of sessions meanwhile", 10)
    eventually(lambda: syslogd.count("imap-login.*nobody@example.test") >= 1, "the line of the login meanwhile", 10)
    print(f"{SESSIONS} sessions and a login while syslogd was away: all lines {time.monotonic() - begun:.1f} s after its return")
    greet(host, 1, "after.test")
    eventually(lambda: syslogd.count("reject: RCPT.*helo=<after.test>") == 1, "the line of a session after it", 10)


@test("what a process can't keep while syslogd is away is counted, and the count is logged")
def counted(t):
    syslogd = Syslogd(t)
    host = SyslogHost(t, syslogd, daemons=("smtpd",))
    syslogd.stop()
    os.unlink(syslogd.path)
    sent = 0
    with host.smtp() as client:
        client.ehlo("away.test")
        client.mail("x" * 60 + "@away.test")
        for sent in range(1, 3001):
            code, _ = client.rcpt(f"{'y' * 60}{sent}@example.test")
            check(code // 100 == 5, f"code {code}")
    syslogd.start()
    told = r"log\[\d+\]: warning: (\d+) log lines of this process are lost"
    eventually(lambda: syslogd.count(told), "the count", 20)
    lost = sum(int(found[1]) for line in syslogd.lines if (found := re.search(told, line)))
    came = syslogd.count("reject: RCPT.*example.test")
    print(f"{sent} lines while syslogd was away: {came} kept, {lost} lost and counted")
    check(came >= 500, f"only {came} lines were kept")
    check(0 <= came + lost - sent <= 5, f"{sent} lines, {came} came, {lost} were told to be lost")


@test("a syslogd that reads nothing holds nobody up, and gets all lines once it reads")
def hangs(t):
    syslogd = Syslogd(t)
    host = SyslogHost(t, syslogd, daemons=("smtpd",))
    syslogd.stop()
    syslogd.start(reads=False)
    greet(host, 1, "first.test")
    begun = time.monotonic()
    greet(host, SESSIONS, "hung.test")
    took = time.monotonic() - begun
    check(took < 10, f"{SESSIONS} sessions took {took:.1f} s")
    syslogd.read()
    eventually(lambda: syslogd.count("reject: RCPT.*helo=<hung.test>") == SESSIONS, "all lines", 10)
    print(f"{SESSIONS} sessions while syslogd hung: {took:.2f} s, and no line missing")

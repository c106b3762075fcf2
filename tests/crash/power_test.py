"""A power cut: what was acknowledged is, after it, there once: in the queue or in the mailbox.

Queue and mailboxes lie on ext4 with a journal in a loop file. Right after the 250 (with local delivery
put off, so that it is the queue that must hold the message), and again right after the log's status=sent, all our
processes are stopped and the file is copied. A second host starts on the copy, which replays its journal, and
delivers what waits there. The same with every sync made a no-op must lose each of these messages, or the
test would prove nothing.
"""
import collections
import os
import re
import subprocess

from disks import Disk, frozen
from harness import check, equal, eventually, test
from mailhost import TOP, Host, give, letter

ALICE, BOB = "alice@example.test", "bob@example.test"
SIZES = (4096, 1 << 20)
STRANGERS_SYNCS_MAX = 3  # another program of this machine may call sync() at the wrong moment


def message(name, octets):
    line = b"0123456789abcdef" * 4 + b"\r\n"
    return letter(name, line * (octets // len(line)) + b"end of it\r\n", message_id=f"<{name}@client.example.test>")


def by_smtp(host, name, octets):
    with host.smtp() as client:
        client.sendmail(ALICE, [BOB], message(name, octets))


def by_sendmail(host, name, octets):
    host.command("sendmail", "-i", "-f", ALICE, BOB, input=message(name, octets).replace(b"\r\n", b"\n").decode())


def by_sendmail_alone(host, name, octets):
    host.stop("smtpd")
    by_sendmail(host, name, octets)


def by_append(host, name, octets):
    client = host.imap(BOB)
    equal(client.append("INBOX", None, None, message(name, octets))[0], "OK", "APPEND")
    client.logout()


ACCEPTED = {"smtp": by_smtp, "sendmail": by_sendmail, "append": by_append, "sendmail-without-smtpd": by_sendmail_alone}
SENT = {"smtp": by_smtp, "sendmail": by_sendmail}


class PowerCut:
    """A host on a disk, and another that starts on what a power cut would leave of it."""

    def __init__(self, t):
        self.disk, self.copy = Disk(t, "disk"), Disk(t, "copy")
        self.host = self._host_on(t, self.disk, "host")
        self.after = self._host_on(t, self.copy, "after")
        self.delivery = "local:$myhostname"
        # Databases and mailboxes as if they were long there.
        self.host.start()
        by_smtp(self.host, "first", 100)
        self.host.wait_messages(BOB, 1)
        self.host.wait_queue(0)
        self.stop()
        self.disk.sync()

    @staticmethod
    def _host_on(t, disk, name):
        places = {"queue_directory": "queue", "virtual_mailbox_base": "mail", "data_directory": "data"}
        for place in places.values():
            os.makedirs(os.path.join(disk.folder, place), exist_ok=True)
        give(disk.folder)
        host = Host(t, {key: os.path.join(disk.folder, place) for key, place in places.items()}, name=name,
                    daemons=("smtpd", "imapd"), start=False)
        host.mail = os.path.join(disk.folder, "mail")
        return host

    def stop(self):
        for daemon in list(self.host.running):
            self.host.stop(daemon)

    def make_syncs_lie(self, library):
        plain = self.host.environment
        self.host.environment = lambda: {**plain(), "LD_PRELOAD": library}

    def start(self, delivery):
        """Starts what does not run, with local delivery or without."""
        if delivery != self.delivery:
            self.stop()
            self.delivery = self.host.settings["local_transport"] = delivery
            self.host.write_settings()
        absent = [daemon for daemon in self.host.daemons if daemon not in self.host.running]
        if absent:
            self.host.start(*absent)

    def copies(self, name, is_delivered):
        """How often the message is there after a power cut now. is_delivered: it must be in the mailbox already."""
        groups = [process.pid for process in self.host.running.values()]
        with frozen(*groups):
            self.copy.replace_by_copy_of(self.disk)
        full = f"{name}@client.example.test"
        if is_delivered and self._ids()[full] != 1:
            return 0
        self.after.start("smtpd")
        # What has been put off is due now.
        eventually(lambda: self.after.command("postqueue", "-f", ok=False).returncode == 0, "postqueue is answered")
        self.after.wait_queue(0)
        self.after.stop("smtpd")
        return self._ids()[full]

    def _ids(self):
        found = collections.Counter()
        for path in self.after.messages(BOB):
            with open(path, "rb") as file:
                text = file.read()
            match = re.search(rb"(?mi)^Message-ID: <([^>]+)>", text)
            check(match and text.endswith(b"end of it\n"), f"half a message: {path}, {len(text)} octets")
            found[match[1].decode()] += 1
        return found

    def accepted(self, way, octets, attempt=1):
        name = f"accepted-{way}-{octets}-{attempt}"
        self.start("retry:4.3.0 put off by the test")
        ACCEPTED[way](self.host, name, octets)
        return self.copies(name, way == "append")

    def sent(self, way, octets, attempt=1):
        name = f"sent-{way}-{octets}-{attempt}"
        self.start("local:$myhostname")
        SENT[way](self.host, name, octets)
        entry = self.host.wait_log(rf"(\w+): message-id=<{re.escape(name)}@client\.example\.test>")[1]
        self.host.wait_log(rf"{entry}: to=<bob@example\.test>.*status=sent")
        return self.copies(name, True)


@test("power cut right after the 250, and after sendmail's and APPEND's success: the message is there once")
def after_250(t):
    cut = PowerCut(t)
    for way in ACCEPTED:
        for octets in SIZES:
            equal(cut.accepted(way, octets), 1, f"copies of a message of {octets} octets by {way}")


@test("power cut right after the log's status=sent: the message is in the mailbox, once")
def after_sent(t):
    cut = PowerCut(t)
    for way in SENT:
        for octets in SIZES:
            equal(cut.sent(way, octets), 1, f"copies of a message of {octets} octets by {way}")


@test("with every sync made a no-op each of these messages is lost, so the test proves something")
def without_sync(t):
    library = os.path.join(t.folder, "no_sync.so")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library,
                    os.path.join(TOP, "tests", "crash", "no_sync.c")], check=True, stdin=subprocess.DEVNULL)
    os.chmod(library, 0o755)
    cut = PowerCut(t)
    cut.make_syncs_lie(library)
    kinds = [(cut.accepted, way) for way in ACCEPTED] + [(cut.sent, way) for way in SENT]
    for moment, way in kinds:
        for octets in SIZES:
            check(any(is_lost(moment, way, octets, attempt) for attempt in range(STRANGERS_SYNCS_MAX)),
                  f"{moment.__name__}, {way}, {octets} octets: not lost, so the test cannot see a power cut")


def is_lost(moment, way, octets, attempt):
    try:
        return moment(way, octets, attempt) == 0
    except AssertionError as error:
        return "half a message" in str(error)

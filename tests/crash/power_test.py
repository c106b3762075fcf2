"""A power cut: the file system's backing file is copied right after the 250, and the copy must hold the message once.

Queue and mailboxes lie on ext4 with a journal in a loop file. The copy is mounted (which replays its
journal), and a second host starts on it; the message must arrive exactly once. The same with syncs
made no-ops must fail, or the test would prove nothing.
"""
import collections
import os
import re
import subprocess

from harness import check, equal, eventually, test
from mailhost import IS_ROOT, TOP, Host, give, letter

ALICE, BOB = "alice@example.test", "bob@example.test"
MEGABYTES = 160


def as_root(*command):
    done = subprocess.run([*([] if IS_ROOT else ["sudo", "-n"]), *command], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False)
    check(done.returncode == 0, f"{' '.join(command)}: {done.stderr}")
    return done.stdout


class Disk:
    """A journalled ext4 in a file, mounted below t.folder."""

    def __init__(self, t, name, copy_of=None):
        self.t, self.file, self.place = t, os.path.join(t.folder, name + ".img"), os.path.join(t.folder, name)
        os.makedirs(self.place, exist_ok=True)
        if copy_of is None:
            with open(self.file, "wb") as file:
                file.truncate(MEGABYTES << 20)
            as_root("mkfs.ext4", "-q", "-F", "-O", "has_journal", "-E", "lazy_itable_init=0,lazy_journal_init=0", self.file)
        else:
            subprocess.run(["cp", "--sparse=always", copy_of.file, self.file], check=True)
        as_root("mount", "-o", "loop", self.file, self.place)
        t.cleanup(self.unmount)
        if copy_of is None:
            as_root("chmod", "755", self.place)
            give(self.place)
            if not IS_ROOT:
                as_root("chown", f"{os.geteuid()}:{os.getegid()}", self.place)

    def unmount(self):
        as_root("umount", self.place)
        os.unlink(self.file)


def settings_on(place):
    return {"queue_directory": os.path.join(place, "queue"), "virtual_mailbox_base": os.path.join(place, "mail"),
            "data_directory": os.path.join(place, "data"), "message_size_limit": "10M"}


def host_on(t, disk, name, **more):
    for part in ("queue", "mail", "data"):
        os.makedirs(os.path.join(disk.place, part), exist_ok=True)
    give(disk.place)
    host = Host(t, {**settings_on(disk.place), **more}, name=name, start=False)
    host.mail = os.path.join(disk.place, "mail")
    return host


def after_power_cut(t, disk, name):
    """{Message-ID: how often it is in bob's and alice's mailboxes} after a restart on a copy of the disk."""
    copy = Disk(t, name, copy_of=disk)
    host = host_on(t, copy, name + "-host")
    host.start("smtpd")
    host.wait_queue(0)
    host.stop("smtpd")
    found = collections.Counter()
    for login in (ALICE, BOB):
        for path in host.messages(login):
            with open(path, "rb") as file:
                text = file.read()
            match = re.search(rb"(?mi)^Message-ID: <([^>]+)>", text)
            check(match and text.endswith(b"end of it\n"), f"half a message after the power cut: {path}, {len(text)} octets")
            found[match[1].decode()] += 1
    return found


def message(name, octets):
    line = b"0123456789abcdef" * 4 + b"\r\n"
    return letter(name, line * (octets // len(line)) + b"end of it\r\n", message_id=f"<{name}@client.example.test>")


def by_smtp(host, name, octets):
    with host.smtp() as client:
        client.sendmail(ALICE, [BOB], message(name, octets))


def by_sendmail(host, name, octets):
    host.command("sendmail", "-i", "-f", ALICE, BOB, input=message(name, octets).replace(b"\r\n", b"\n").decode())


def by_append(host, name, octets):
    client = host.imap(BOB)
    equal(client.append("INBOX", None, None, message(name, octets))[0], "OK", "APPEND")
    client.logout()


WAYS = [("smtp", by_smtp, 4096), ("smtp", by_smtp, 1 << 20), ("sendmail", by_sendmail, 4096),
        ("sendmail", by_sendmail, 1 << 20), ("append", by_append, 4096), ("append", by_append, 1 << 20)]


def cut(t, moments, ways, environment=None, **settings):
    """Sends by each way and cuts the power at the moment; returns [(what, copies found)]."""
    disk = Disk(t, "disk")
    host = host_on(t, disk, "host", **settings)
    if environment:
        plain = host.environment
        host.environment = lambda: {**plain(), **environment}
    host.start()
    results = []
    for moment in moments:
        for way, function, octets in ways:
            name = f"{moment}-{way}-{octets}"
            function(host, name, octets)
            if moment == "sent" and way != "append":
                host.wait_log(rf"{way_line(host, name)}")
            found = after_power_cut(t, disk, "copy-" + name)
            results.append((name, found[f"{name}@client.example.test"]))
    return results


def way_line(host, name):
    """The log line that says that this message is in the mailbox."""
    entry = eventually(lambda: re.search(rf"(\w+): message-id=<{re.escape(name)}@client\.example\.test>", host.log()),
                       "the log names the message")
    return rf"{entry[1]}: to=<bob@example\.test>.*status=sent"


@test("power cut right after the 250, and after sendmail's and APPEND's success: the message is there once", seconds=600)
def after_250(t):
    for name, copies in cut(t, ["accepted"], WAYS):
        equal(copies, 1, f"copies of {name} after the power cut")


@test("power cut right after the log's status=sent: the message is there once", seconds=600)
def after_sent(t):
    for name, copies in cut(t, ["sent"], WAYS[:4]):
        equal(copies, 1, f"copies of {name} after the power cut")


@test("with fsync, fdatasync and syncfs made no-ops the power-cut test fails, so it proves something", seconds=600)
def without_sync(t):
    library = os.path.join(t.folder, "no_sync.so")
    subprocess.run(["g++", "-shared", "-fPIC", "-O1", "-o", library, os.path.join(TOP, "tests", "crash", "no_sync.cpp")],
                   check=True, stdin=subprocess.DEVNULL)
    os.chmod(library, 0o755)
    lost = 0
    try:
        results = cut(t, ["accepted"], WAYS[:2] + WAYS[4:], {"LD_PRELOAD": library})
        lost = sum(copies == 0 for _, copies in results)
    except AssertionError as error:  # a torn database or half a message shows the loss as well
        lost = 1
        print(f"   without sync: {str(error).splitlines()[0]}")
    check(lost, "nothing is lost without syncs: the test cannot see a power cut")

"""What a user of the host tries in order to see files that are not hers: by the :include: that an alias of the
administrator's names in her home, by her .forward, and by what errors say of them."""
import os
import re
import socket
import stat
import time

from harness import check, contains, equal, eventually, test
from mailhost import letter
from roothost import CAROL, MAIL_OWNER, RootHost

ALICE = "alice@example.test"
LIST = "list@example.test"


class ListHost(RootHost):
    """`list` includes a file in Carol's home; beside it lie files that she may not read."""

    def __init__(self, t, settings=None, home_mode=0o755, aliases="", start=True, **options):
        self.list_file = os.path.join(t.folder, "home", "carol", "list")
        super().__init__(t, settings, daemons=("smtpd",), start=False,
                         aliases=f"list: :include:{self.list_file}\n{aliases}", **options)
        os.chmod(self.carol_home, home_mode)
        self.secret = self.path("etc/secret")
        with open(self.secret, "w", encoding="ascii"):
            pass
        os.chown(self.secret, 0, MAIL_OWNER)
        os.chmod(self.secret, 0o640)
        if start:
            self.start()

    def carols(self, path, text, mode=0o644, owner=CAROL):
        if os.path.lexists(path):
            os.unlink(path)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chown(path, owner, owner)
        os.chmod(path, mode)

    def carols_link(self, target, path):
        if os.path.lexists(path):
            os.unlink(path)
        os.symlink(target, path)
        os.lchown(path, CAROL, CAROL)

    def send(self, recipient=LIST, sender="bob@example.test"):
        """Returns the log lines of its deliveries, once it is decided."""
        with self.smtp() as client:
            before = len(self.log())
            client.sendmail(sender, [recipient], letter("to a list", to=recipient))
        eventually(lambda: re.search(r"status=(sent|deferred|bounced)", self.log()[before:]), "the message is tried")
        return self.log()[before:]

    def everything_said(self):
        """What the log, mailq and the mail that came back say."""
        said = self.log() + self.command("mailq", ok=False).stdout
        for folder, _, names in os.walk(self.mail):
            for name in names:
                with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
                    said += file.read()
        return said


def plant(host, kind):
    """Puts what must not be read where the alias, or Carol's .forward, looks for addresses."""
    if kind == "a link to the file":
        host.carols_link(host.secret, host.list_file)
    elif kind == "a hard link":
        os.unlink(host.list_file)
        os.link(host.secret, host.list_file)
    elif kind == "a list that includes the file":
        host.carols(host.list_file, f":include:{host.secret}\n")
    elif kind == "a list that includes a link":
        link = os.path.join(host.carol_home, "link")
        host.carols_link(host.secret, link)
        host.carols(host.list_file, f":include:{link}\n")
    elif kind == "a .forward that is a link":
        host.carols_link(host.secret, os.path.join(host.carol_home, ".forward"))
    elif kind == "a list below a directory that is a link":
        directory = os.path.join(host.carol_home, "lists")
        host.carols_link(host.etc, directory)


# %s is what must not be told.
LINES = ("%s\n", "\"%s\n", "[relay] ann:%s\n", "<%s\n", "|%s\n", "/%s\n", "ann@%s@\n", ":include:%s\n", ":include:/%s\n",
         "%s (\n")
KINDS = ("a link to the file", "a hard link", "a list that includes the file", "a list that includes a link",
         "a .forward that is a link", "a list below a directory that is a link")


@test("no file that a user may not read is read for her as a list, and nothing of it is told")
def secrets(t):
    deep = os.path.join(t.folder, "home", "carol", "lists", "secret")
    host = ListHost(t, aliases=f"deep: :include:{deep}\n")
    host.carols(host.list_file, "")
    told = {}
    for kind in KINDS:
        for number, line in enumerate(LINES):
            secret = f"s3cr3t{KINDS.index(kind)}n{number}"
            with open(host.secret, "w", encoding="ascii") as file:
                file.write(line % secret)
            plant(host, kind)
            host.send({"a .forward that is a link": "carol@example.test",
                       "a list below a directory that is a link": "deep@example.test"}.get(kind, LIST))
            told[secret] = kind
    eventually(lambda: not host.queue() or all(entry["queue_name"] == "deferred" for entry in host.queue()), "all are tried")
    said = host.everything_said()
    leaks = [next(text for text in said.splitlines() if secret in text) for secret in told if secret in said]
    print(f"   lists that are not hers: {len(told)} tries: {len(leaks)} told")
    equal(leaks, [], "what was told")


@test("nor does an error quote a line of a list or .forward that is closed to others")
def closed(t):
    host = ListHost(t, home_mode=0o700)
    told = []
    for where, recipient in ((host.list_file, LIST), (os.path.join(host.carol_home, ".forward"), "carol@example.test")):
        for number, line in enumerate(LINES[1:]):
            if line.startswith(("|", "/")):
                continue  # a command or a file of hers, as she says
            secret = f"cl0sed{len(told)}n{number}"
            host.carols(where, line % secret, 0o600)
            said = host.send(recipient)
            contains(said, where if recipient == LIST else "forward", "what the log says")
            told.append(secret)
    said = host.everything_said()
    leaks = [next(text for text in said.splitlines() if secret in text) for secret in told if secret in said]
    print(f"   closed lists with an error: {len(told)} tries: {len(leaks)} told")
    equal(leaks, [], "what was told")


@test("lists are read with their owner's rights: in a closed home, others' by root's, and more in them by the owner's")
def rights(t):
    host = ListHost(t, home_mode=0o700, aliases=f"staff: :include:{os.path.join(t.folder, 'staff')}\n")
    more, link = os.path.join(host.carol_home, "more"), os.path.join(host.carol_home, "link")
    host.carols(host.list_file, f"alice@example.test\n:include:{link}\n", 0o600)
    host.carols(more, "bob@example.test\n", 0o600)
    host.carols_link(more, link)
    host.carols(os.path.join(t.folder, "staff"), f"bob@example.test, :include:{host.list_file}\n", owner=0)
    host.send()
    host.wait_messages("alice@example.test", 1)
    host.wait_messages("bob@example.test", 1)
    contains(host.log(), f"(expanded by {host.list_file})", "the log")
    host.send("staff@example.test")
    host.wait_messages("alice@example.test", 2)
    host.wait_messages("bob@example.test", 2)  # once, though two lists name him
    host.carols(os.path.join(host.carol_home, ".forward"), f"\\carol, :include:{host.list_file}\n", 0o600)
    host.send("carol@example.test")
    host.wait_messages("alice@example.test", 3)
    host.wait_messages("bob@example.test", 3)
    eventually(lambda: os.listdir(os.path.join(host.carol_home, "Maildir", "new")), "Carol has her copy")
    host.wait_queue(0)


@test("a FIFO or a device in the place of a list or .forward holds nothing up")
def fifo(t):
    host = ListHost(t)
    began = time.monotonic()
    for path, recipient in ((host.list_file, LIST), (os.path.join(host.carol_home, ".forward"), "carol@example.test")):
        os.mkfifo(path)
        contains(host.send(recipient), "not a regular file", "what the log says of a FIFO")
        os.unlink(path)
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))
        contains(host.send(recipient), "not a regular file", "what the log says of a device")
        os.unlink(path)
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path)
            contains(host.send(recipient), "status=deferred", "what the log says of a socket")
        os.unlink(path)
    host.send("alice@example.test")
    check(time.monotonic() - began < 60, f"it took {time.monotonic() - began:.0f} s")

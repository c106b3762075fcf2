"""What a user of the host tries in order to borrow the group of the mail spool, while mail is delivered to her.

Carol exchanges a directory of hers with a link to the spool, over and over (renameat2), and hopes that a delivery to her
/file, or her own IMAP session, opens the directory and the file in it at two different moments.
"""
import contextlib
import ctypes
import grp
import imaplib
import os
import poplib
import signal
import time

from harness import check, contains, equal, eventually, test
from mailhost import letter
from roothost import CAROL, CAROL_PASSWORD, RootHost

DAVE = 52006
MAIL_GROUP = grp.getgrnam("mail").gr_gid
ALICE = "alice@example.test"
CAROLS, DAVES = "carol@example.test", "dave@example.test"
RENAME_EXCHANGE = 2
AT_FDCWD = -100
FILES_PER_MESSAGE = 20
MESSAGES = 40
APPENDS = 150
IMAP_SECONDS = 15
VICTIM_TEXT = "From alice@example.test  Thu Jan  1 00:00:00 2026\nSubject: kept\n\nThis is Dave's.\n\n"


class Neighbours(RootHost):
    """Carol and Dave, with their INBOXes in a spool of group mail, as Debian has it."""

    def __init__(self, t, settings=None, **options):
        self.dave_home = os.path.join(t.folder, "home", "dave")
        self.spool = os.path.join(t.folder, "spool")
        os.makedirs(self.dave_home)
        os.chown(self.dave_home, DAVE, DAVE)
        os.makedirs(self.spool)
        os.chown(self.spool, 0, MAIL_GROUP)
        os.chmod(self.spool, 0o2775)
        super().__init__(t, {"mail_spool_directory": self.spool, "mail_location": None, "deliver_lock_attempts": 2,
                             "deliver_lock_delay": "1s", **(settings or {})}, **options)
        self.users["carol"] = CAROL_PASSWORD

    def _write_accounts(self):
        super()._write_accounts()
        for name, line in (("passwd", f"dave:x:{DAVE}:{DAVE}::{self.dave_home}:/usr/sbin/nologin\n"),
                           ("group", f"dave:x:{DAVE}:\n"), ("shadow", "dave:*:19000:0:99999:7:::\n")):
            with open(os.path.join(self.overlay, name), "a", encoding="ascii") as file:
                file.write(line)

    def carols(self, name, text=None, mode=0o600):
        """A file (or without text a directory) of Carol's in her home."""
        path = os.path.join(self.carol_home, name)
        if text is None:
            os.makedirs(path, exist_ok=True)
        else:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            os.chmod(path, mode)
        os.chown(path, CAROL, CAROL)
        return path

    def send(self, recipient, count=1):
        with self.smtp() as client:
            for number in range(count):
                client.sendmail(ALICE, [recipient], letter(f"message {number}", to=recipient))


@contextlib.contextmanager
def exchanging(one, other, names):
    """A process of Carol's that exchanges two names as fast as it can while the context lasts, and takes her own files
    away again, so that they are missing when the next message comes."""
    pid = os.fork()
    if pid == 0:
        os.setgroups([])
        os.setresgid(CAROL, CAROL, CAROL)
        os.setresuid(CAROL, CAROL, CAROL)
        rename = ctypes.CDLL(None, use_errno=True).renameat2
        end = time.monotonic() + 60
        while time.monotonic() < end:
            for _ in range(50):
                rename(AT_FDCWD, one.encode(), AT_FDCWD, other.encode(), RENAME_EXCHANGE)
            for name in names:
                with contextlib.suppress(OSError):
                    os.unlink(os.path.join(one, name))
        os._exit(0)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def trap(host, below):
    """A directory of Carol's and a link to the spool, to be exchanged. In the directory lies a journal that would
    overwrite the first message of the mbox for which it is taken."""
    directory, link = host.carols(os.path.join(below, "d")), os.path.join(host.carol_home, below, "x")
    os.symlink(host.spool, link)
    os.lchown(link, CAROL, CAROL)
    host.carols(os.path.join(below, "d", ".imap"))
    host.carols(os.path.join(below, "d", ".imap", ".pennypost"))
    planted = VICTIM_TEXT.replace("Dave's.", "Carol's")
    head = f"pennypost-mbox C 0 {len(planted)} {len(planted)} 0\n".ljust(128, "\0")
    host.carols(os.path.join(below, "d", ".imap", ".pennypost", "INBOX.journal"), head + planted)
    return directory, link


def victims(host):
    """Dave's mailbox with a message, and nothing for the others."""
    path = os.path.join(host.spool, "dave")
    with open(path, "w", encoding="ascii") as file:
        file.write(VICTIM_TEXT)
    os.chown(path, DAVE, MAIL_GROUP)
    os.chmod(path, 0o660)
    return path


def watch(host, found):
    """Notes what is in the spool now that must not be there: names of the wrong owner, and locks, which may go again."""
    for entry in os.scandir(host.spool):
        with contextlib.suppress(FileNotFoundError):
            if entry.name not in ("carol", "carol.lock") and entry.stat(follow_symlinks=False).st_uid == CAROL:
                found.add(entry.name)


def judge(host, what, tries, found, dave):
    """Prints the figures, and fails if any is not 0."""
    watch(host, found)
    with open(dave, encoding="ascii", errors="replace") as file:
        text = file.read()
    locks = sum(name.endswith(".lock") for name in found)
    overwritten = int(not text.startswith(VICTIM_TEXT))
    appended = text.count("\nFrom ")
    spools = len(found) - locks
    print(f"   {what}: {tries} tries: {spools} spools of others taken, {locks} locked, {appended} messages appended, "
          f"{overwritten} overwritten")
    equal((spools, locks, appended, overwritten), (0, 0, 0, 0), "spools taken, locked, appended to, overwritten")


@test("no name of another comes into the mail spool, however a user exchanges directories while mail goes to her /file")
def exchanged_on_delivery(t):
    host = Neighbours(t, daemons=("smtpd",))
    dave = victims(host)
    directory, link = trap(host, ".")
    names = [f"victim{number}" for number in range(FILES_PER_MESSAGE // 2)]
    names += ["./" * number + "dave" for number in range(FILES_PER_MESSAGE // 2)]  # a name each, for the same file
    host.carols(".forward", "".join(f"{directory}/{name}\n" for name in names))
    found = set()
    with exchanging(directory, link, names):
        host.send(CAROLS, MESSAGES)
        tries = MESSAGES * len(names)

        def over():
            watch(host, found)
            return len([line for line in host.log().splitlines() if "to=<" in line and f"{directory}/" in line]) >= tries
        eventually(over, f"{tries} deliveries were tried")
    judge(host, "/file of .forward", tries, found, dave)


@test("nor while she writes to her own folders by IMAP")
def exchanged_on_append(t):
    host = Neighbours(t, daemons=("imapd",))
    dave = victims(host)
    host.carols("mail")
    directory, link = trap(host, "mail")
    names = ["dave", "victim1", "victim2"]
    found = set()
    tries = 0
    client = host.imap("carol")
    for name in names:
        equal(client.create(f"d/{name}")[0], "OK", "CREATE")
    end = time.monotonic() + IMAP_SECONDS
    with exchanging(directory, link, []):
        while tries < APPENDS and time.monotonic() < end:
            name = f"d/{names[tries % len(names)]}"
            tries += 1
            try:
                client.append(name, None, None, letter("from Carol"))
                client.select(name)
                client.delete(name)
                client.create(name)
            except imaplib.IMAP4.abort:  # the selected mailbox has gone, and the session with it
                client = host.imap("carol")
            watch(host, found)
    judge(host, "APPEND, SELECT, DELETE, CREATE", tries, found, dave)


def saved_groups(host):
    """{title: saved group} of the processes that run as Carol."""
    found = {}
    for daemon in host.running:
        for title, pids in host.pids(daemon).items():
            for pid in pids:
                with open(f"/proc/{pid}/status", encoding="ascii") as file:
                    status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
                if status["Uid"].split()[0] == str(CAROL):
                    equal(status["Groups"].split(), [str(CAROL)], f"Groups of {title}")
                    equal([status["Gid"].split()[i] for i in (0, 1, 3)], [str(CAROL)] * 3, f"Gid of {title}")
                    found[title] = int(status["Gid"].split()[2])
    return found


@test("the group serves the account's own file in the spool: delivery, POP3 and IMAP make, lock and read it there")
def own_file(t):
    host = Neighbours(t)
    host.send(CAROLS)
    host.wait_log(r"to=<carol@.*status=sent \(delivered to mailbox\)")
    mailbox = os.path.join(host.spool, "carol")
    status = os.stat(mailbox)
    equal((status.st_uid, status.st_gid, oct(status.st_mode & 0o777)), (CAROL, MAIL_GROUP, "0o600"), "the file's owner, group and mode")
    equal(os.listdir(host.carol_home), [], "what delivery leaves in the home directory")
    with host.imap("carol") as imap:
        equal(imap.select("INBOX"), ("OK", [b"1"]), "SELECT")
        equal(imap.store("1", "+FLAGS", "\\Flagged")[0], "OK", "STORE")
        equal(imap.append("INBOX", None, None, letter("by IMAP"))[0], "OK", "APPEND")
        pop3 = host.pop3("carol")
        equal(pop3.stat()[0], 2, "messages by POP3")
        pop3.dele(1)
        pop3.quit()
        equal(imap.noop()[0], "OK", "NOOP")
        groups = saved_groups(host)
        equal(set(groups.values()), {MAIL_GROUP}, f"saved groups of {groups}")
        check(len(groups) == 3, f"processes of Carol's: {groups}")
    with open(mailbox, encoding="ascii") as file:
        text = file.read()
    contains(text, "by IMAP", "the mailbox")
    check("message 0" not in text, "POP3 has deleted the first message")
    equal(os.listdir(host.spool), ["carol"], "what is in the spool")
    # Another program's lock is waited for, in the spool.
    lock = os.path.join(host.spool, "carol.lock")
    with open(lock, "w", encoding="ascii") as file:
        file.write(str(os.getpid()) + ":" + os.uname().nodename)
    host.send(CAROLS)
    host.wait_log(r"to=<carol@.*status=deferred .*is locked by another program")
    os.unlink(lock)
    host.command("postqueue", "-f")
    eventually(lambda: host.log().count("status=sent") == 2, "the message is delivered once the lock is gone")


@test("a spool file that is another's, a link, or has a second name gets no mail and is not read, and the log says why")
def others_file(t):
    host = Neighbours(t)
    mailbox, other = os.path.join(host.spool, "carol"), os.path.join(host.spool, "dave")
    with open(other, "w", encoding="ascii") as file:
        file.write(VICTIM_TEXT)
    os.chmod(other, 0o666)
    os.chown(other, DAVE, MAIL_GROUP)

    def owned():
        os.rename(other, mailbox)

    def linked():
        os.rename(mailbox, other)
        os.symlink("dave", mailbox)

    def named_twice():
        os.chown(other, CAROL, MAIL_GROUP)
        os.unlink(mailbox)
        os.link(other, mailbox)

    for spoil, reason in ((owned, "is not owned by recipient"), (linked, "is a symbolic link"),
                          (named_twice, "has more than one name")):
        spoil()
        host.send(CAROLS)
        host.wait_log(rf"to=<carol@.*status=deferred .*{reason}")
        with host.imap("carol") as imap:
            said = imap.select("INBOX")
            equal(said[0], "NO", f"SELECT of a mailbox that {reason}")
        try:
            host.pop3("carol").quit()
            raise AssertionError(f"POP3 serves a mailbox that {reason}")
        except poplib.error_proto:
            pass
        with open(mailbox, encoding="ascii") as file:
            equal(file.read(), VICTIM_TEXT, f"the mailbox that {reason}")


@test("strict_mailbox_ownership = no takes another's file, if its mode lets the recipient")
def lenient(t):
    host = Neighbours(t, {"strict_mailbox_ownership": False}, daemons=("smtpd",))
    mailbox = os.path.join(host.spool, "carol")
    with open(mailbox, "w", encoding="ascii") as file:
        file.write(VICTIM_TEXT)
    os.chown(mailbox, DAVE, MAIL_GROUP)
    os.chmod(mailbox, 0o666)
    host.send(CAROLS)
    host.wait_log(r"to=<carol@.*status=sent")


@test("what lies beside an mbox is used only if it is the account's own and nobody else may write to it")
def planted_state(t):
    host = Neighbours(t)
    mailbox = os.path.join(host.spool, "carol")
    host.send(CAROLS)
    host.wait_log(r"to=<carol@.*status=sent")
    with open(mailbox, encoding="ascii") as file:
        before = file.read()
    for name in ("mail", "mail/.imap", "mail/.imap/.pennypost"):
        host.carols(name)
    state = os.path.join(host.carol_home, "mail", ".imap", ".pennypost")
    planted = before.replace("message 0", "forged   ")
    head = f"pennypost-mbox C 0 {len(planted)} {len(planted)} 0\n".ljust(128, "\0")
    journal = host.carols("mail/.imap/.pennypost/INBOX.journal", head + planted)
    for path, owner, mode in ((journal, DAVE, 0o600), (journal, CAROL, 0o666), (state, DAVE, 0o755), (state, CAROL, 0o777),
                              (os.path.dirname(state), CAROL, 0o775)):
        kept = os.stat(path)
        os.chown(path, owner, owner)
        os.chmod(path, mode)
        with host.imap("carol") as imap:
            equal(imap.select("INBOX")[0], "NO", f"SELECT with {path} of {owner}, mode {mode:o}")
        host.send(CAROLS)
        eventually(lambda p=path: f"{p} must belong to the account" in host.log(), f"the log names {path}")
        with open(mailbox, encoding="ascii") as file:
            equal(file.read(), before, "the mailbox")
        os.chown(path, kept.st_uid, kept.st_gid)
        os.chmod(path, kept.st_mode & 0o7777)
    # Carol's own is what a crash has left.
    with host.imap("carol") as imap:
        equal(imap.select("INBOX")[0], "OK", "SELECT with a journal of one's own")
    with open(mailbox, encoding="ascii") as file:
        contains(file.read(), "forged", "the mailbox after the rewrite was finished")


@test("a delivery to /file leaves nothing beside the file, and needs no lock file where the account may make none")
def file_alone(t):
    host = Neighbours(t, daemons=("smtpd",))
    target = host.carols("list")
    closed = os.path.join(t.folder, "closed")
    os.makedirs(closed)
    os.chown(host.carols("archive", ""), CAROL, CAROL)
    os.rename(os.path.join(host.carol_home, "archive"), os.path.join(closed, "archive"))
    host.carols(".forward", f"{target}/mbox\n{closed}/archive\n")
    host.send(CAROLS)
    eventually(lambda: host.log().count("status=sent (delivered to file") == 2, "both files are delivered to")
    equal(os.listdir(target), ["mbox"], "what is beside the file")
    equal(os.listdir(closed), ["archive"], "what is in the closed directory")
    with open(os.path.join(closed, "archive"), encoding="ascii") as file:
        contains(file.read(), "message 0", "the file in the closed directory")

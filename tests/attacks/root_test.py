"""What root does follows no link that another user has put in its way: at the start, at a reload, and in the commands.

The attackers are the owner of the mail system, who owns the queue, and carol, an ordinary user. Each replaces something
in a directory of his own by a link to what belongs to root, and waits for root to come along.
"""
import contextlib
import fcntl
import os
import re
import shutil
import signal
import subprocess

from harness import check, contains, equal, eventually, test
from mailhost import TOP
from roothost import CAROL, MAIL_OWNER, RootHost

SECRET = "secret value\n"
BUILDS = 40


@contextlib.contextmanager
def acting_as(uid):
    """The body may do what this user may."""
    os.setegid(uid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


class Victim:
    """A directory and a file of root's, which nothing may change."""

    def __init__(self, t, text=SECRET):
        self.folder = os.path.join(t.folder, "victim")
        self.file = os.path.join(self.folder, "file")
        os.mkdir(self.folder, 0o700)
        with open(self.file, "w", encoding="ascii") as out:
            out.write(text)
        os.chmod(self.file, 0o600)
        self.before = self.look()

    def look(self):
        with open(self.file, encoding="ascii") as file:
            seen = [file.read(), sorted(os.listdir(self.folder))]
        for path in (self.folder, self.file):
            status = os.stat(path)
            seen.append((status.st_uid, status.st_gid, oct(status.st_mode)))
        return seen

    def is_hurt(self):
        return self.look() != self.before

    def heal(self):
        for name in set(os.listdir(self.folder)) - {"file"}:
            path = os.path.join(self.folder, name)
            shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
        for path, mode in ((self.folder, 0o700), (self.file, 0o600)):
            os.chown(path, 0, 0)
            os.chmod(path, mode)

    def check(self, what):
        equal(self.look(), self.before, f"root's directory and file after: {what}")


class Place:
    """Something that root touches: its path below the host's folder, and what takes its place."""

    def __init__(self, path, to_file=False, hard=False):
        self.path, self.to_file, self.hard = path, to_file, hard

    def plant(self, host, victim):
        path, target = host.path(self.path), victim.file if self.to_file else victim.folder
        if self.hard:  # as others may where fs.protected_hardlinks is 0
            os.rename(path, path + ".old")
            os.link(target, path)
            return
        with acting_as(MAIL_OWNER):
            if os.path.lexists(path):
                os.rename(path, path + ".old")
            os.symlink(target, path)

    def remove(self, host):
        path = host.path(self.path)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        if os.path.exists(path + ".old"):
            os.rename(path + ".old", path)


# `theirs` belongs to mail_owner. What is to be made below `theirs/way` is not there yet.
PLACES = {
    "maildrop": Place("queue/maildrop"),
    "db": Place("queue/db"),
    "the pid file": Place("theirs/smtpd.pid", to_file=True),
    "the log": Place("theirs/mail.log", to_file=True),
    "the log, a hard link": Place("theirs/mail.log", to_file=True, hard=True),
    "the way to virtual_mailbox_base, data_directory and index_directory": Place("theirs/way"),
}


def attacked_host(t):
    host = RootHost(t, daemons=("smtpd",), start=False)
    os.mkdir(host.path("theirs"))
    os.chown(host.path("theirs"), MAIL_OWNER, MAIL_OWNER)
    host.log_file = host.path("theirs", "mail.log")
    host.settings.update({
        "base_dir": host.path("theirs"), "empty_directory": host.path("empty"), "maillog_file": host.log_file,
        "virtual_mailbox_base": host.path("theirs/way/mail"), "data_directory": host.path("theirs/way/data"),
        "index_directory": host.path("theirs/way/data/index")})
    host.write_settings()
    return host


def processes(host):
    return {pid for pids in host.pids("smtpd").values() for pid in pids}


def reload(host):
    """A reload, as far as it comes: refused, or with new processes."""
    before, lines = processes(host), len(whole_log(host))
    host.reload()
    eventually(lambda: "the old one stays in force" in whole_log(host)[lines:] or processes(host) - before,
               "the reload is over")


def whole_log(host):
    """Also what is written to the file that the attacker has moved away."""
    text = ""
    for path in (host.log_file + ".old", host.log_file):
        if os.path.exists(path) and os.path.getsize(path) != len(SECRET):
            with open(path, encoding="utf-8", errors="replace") as file:
                text += file.read()
    return text


def restart(host):
    """A start, as far as it comes: refused, or with its processes. True: it runs."""
    if "smtpd" in host.running:
        host.stop("smtpd")
    process = host.launch("smtpd")
    eventually(lambda: process.poll() is not None or len(host.pids("smtpd")) > 3, "the start is over")
    if process.poll() is None:
        return True
    del host.running["smtpd"]
    return False


@test("a link that mail_owner puts in root's way leads neither a start nor a reload to change what is root's")
def links_below_mail_owner(t):
    host = attacked_host(t)
    hurt = []
    for name, place in PLACES.items():
        victim = Victim(t)
        host.start("smtpd")
        shutil.rmtree(host.path("theirs/way"), ignore_errors=True)
        place.plant(host, victim)
        reload(host)
        after_reload = victim.is_hurt()
        victim.heal()
        started = restart(host)
        after_start = victim.is_hurt()
        print(f"    {name}: a reload {'CHANGES' if after_reload else 'leaves'} root's, a start "
              f"{'CHANGES' if after_start else 'leaves'} it{'' if started else ' and is refused'}", flush=True)
        hurt += [name] if after_reload or after_start else []
        if started:
            host.stop("smtpd")
        place.remove(host)
        shutil.rmtree(victim.folder)
    equal(hurt, [], "places where root's directory or file was changed")


@test("a start and a reload that meet a planted link say which it is and what to do")
def refusal_in_words(t):
    host = attacked_host(t)
    host.start("smtpd")
    place, victim = PLACES["maildrop"], Victim(t)
    place.plant(host, victim)
    reload(host)
    host.wait_log(r"error: reload: \S*/queue/maildrop: .*symbolic link.*remove it")
    check(not restart(host), "smtpd starts with a link for its maildrop")
    host.wait_log(r"fatal: \S*/queue/maildrop: .*symbolic link.*remove it")
    place.remove(host)
    check(restart(host), "smtpd starts after the link was removed")


@test("a queue below a directory that another user may change is refused, and the text says what would be right")
def parent_of_the_queue(t):
    host = RootHost(t, daemons=("smtpd",), start=False)
    parent = host.path("parent")
    host.settings["queue_directory"] = os.path.join(parent, "queue")
    host.write_settings()
    for owner, mode, reason in ((CAROL, 0o755, "belongs to user carol"), (0, 0o777, "is writable by everybody")):
        shutil.rmtree(parent, ignore_errors=True)
        os.mkdir(parent)
        os.chmod(parent, mode)
        os.chown(parent, owner, owner)
        check(not restart(host), f"smtpd starts where {parent} {reason}")
        contains(host.log(), f"queue_directory = {parent}/queue: {parent} {reason}", "the log")
        contains(host.log(), "(chown root, chmod go-w)", "the log")
        equal(os.listdir(parent), [], "what was made in it")
    for mode in (0o755, 0o1777):  # in a directory like /tmp nobody can remove what is another's
        os.chown(parent, 0, 0)
        os.chmod(parent, mode)
        check(restart(host), f"smtpd starts where {parent} is root's, mode {mode:o}: {host.log()[-300:]}")


@test("root builds a table in a user's directory with that user's rights alone")
def tables_of_others(t):
    host = RootHost(t, daemons=("smtpd",), start=False)
    victim = Victim(t)
    lists = os.path.join(host.carol_home, "lists")
    with acting_as(CAROL):
        os.mkdir(lists)
        with open(os.path.join(lists, "list"), "w", encoding="ascii") as file:
            file.writelines(f"key{number} value\n" for number in range(2000))
        os.symlink(victim.file, os.path.join(lists, "secret"))
    lured = lure(host, lists, victim)
    print(f"    {lured} of {BUILDS} builds, beside a user who exchanges the new table for a link, changed root's directory",
          flush=True)
    equal(lured, 0, "builds that changed root's directory")
    for folder, folders, files in os.walk(lists):
        for name in folders + files:
            equal(os.lstat(os.path.join(folder, name)).st_uid, CAROL, f"owner of {folder}/{name}")
    done = host.command("postmap", os.path.join(lists, "secret"), ok=False)
    check(done.returncode != 0, "root reads for carol what she may not read")
    contains(done.stderr, "Permission denied", "what postmap says")
    victim.check("postmap")


def lure(host, lists, victim):
    """Root builds again and again, while carol puts links in the place of what it makes. How often it was led astray."""
    lured = 0
    carol = os.fork()
    if carol == 0:
        try:
            os.setgroups([])
            os.setresgid(CAROL, CAROL, CAROL)
            os.setresuid(CAROL, CAROL, CAROL)
            exchange(lists, victim.folder)
        finally:
            os._exit(0)
    try:
        for _ in range(BUILDS):
            host.command("postmap", os.path.join(lists, "list"), ok=False)
            lured += victim.is_hurt()
            victim.heal()
    finally:
        os.kill(carol, signal.SIGKILL)
        os.waitpid(carol, 0)
    return lured


def exchange(lists, target):
    while True:
        for name in os.listdir(lists):
            path = os.path.join(lists, name)
            if re.fullmatch(r"list\.rdb\.\d+", name) and not os.path.islink(path):
                with contextlib.suppress(OSError):
                    os.rename(path, path + ".away")
                    os.symlink(target, path)


@test("postconf -e, sendmail and stop, run by root, leave alone what a user's link or pid file names")
def commands_of_root(t):
    host = RootHost(t, daemons=("smtpd",), start=False)
    victim = Victim(t, 'myhostname = "root.example.test"\n')
    theirs = os.path.join(host.carol_home, "etc")
    with acting_as(CAROL):
        os.mkdir(theirs)
        os.symlink(victim.file, os.path.join(theirs, "main.toml"))
    done = subprocess.run(host.wrapped([os.path.join(host.bin, "postconf"), "-c", theirs, "-e", "myhostname=evil.example.test"]),
                          cwd=TOP, capture_output=True, text=True, check=False)
    check(done.returncode != 0, "postconf -e edits a file over a user's link")
    contains(done.stderr, "symbolic link", "what postconf says")
    victim.check("postconf -e")
    Place("queue/maildrop").plant(host, victim)
    done = host.command("sendmail", "alice@example.test", input="Subject: x\n\nx\n", ok=False)
    equal(done.returncode, 75, "exit status of sendmail")
    victim.check("sendmail while smtpd is stopped")


@test("a pid file of mail_owner's can make root stop no process but mail_owner's own")
def forged_pid_file(t):
    host = attacked_host(t)
    bystander = subprocess.Popen(["sleep", "60"])
    t.cleanup(bystander.wait)
    t.cleanup(bystander.kill)
    with acting_as(MAIL_OWNER):
        forged = open(host.path("theirs/smtpd.pid"), "w", encoding="ascii")
    with forged:
        forged.write(f"{bystander.pid}\n")
        forged.flush()
        fcntl.flock(forged, fcntl.LOCK_EX)
        done = host.command("pennypost", "stop", ok=False)
        contains(done.stdout, "smtpd: does not run", "what stop says")
        equal(bystander.poll(), None, "the exit status of root's other process")

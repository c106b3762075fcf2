"""Backups that root makes: owners and modes, and what users can do to them."""
import os
import stat
import subprocess

from harness import check, contains, equal, test
from mailhost import TOP, letter
from roothost import CAROL, CAROL_PASSWORD, MAIL_USER, RootHost

BOB = "bob@example.test"


def command(host, *words):
    return subprocess.run(host.wrapped([os.path.join(host.bin, "pennypost"), *words]), cwd=TOP, capture_output=True, text=True,
                          env=host.environment(), check=False, timeout=120, **host.identity())


def owners(top, path):
    """{path: (mode, uid, gid, kind)} of all below path."""
    found = {}
    for folder, folders, files in os.walk(top + path):
        for name in [folder, *(os.path.join(folder, entry) for entry in folders + files)]:
            status = os.lstat(name)
            found[name[len(top):]] = (oct(status.st_mode), status.st_uid, status.st_gid)
    return found


def with_mail(t):
    host = RootHost(t, {"disable_plaintext_auth": False})
    host.users["carol"] = CAROL_PASSWORD
    for recipient in (BOB, "carol@example.test"):
        with host.smtp() as client:
            client.sendmail("alice@example.test", [recipient], letter("hello"))
    host.wait_queue(0)
    return host


@test("a restored host's files have the owners and modes that they had, and belong to nobody else meanwhile")
def owners_kept(t):
    host = with_mail(t)
    target, root = os.path.join(t.folder, "backup"), os.path.join(t.folder, "root")
    done = command(host, "backup", "-c", host.etc, target)
    equal(done.returncode, 0, f"backup's exit status: {done.stderr}")
    equal(stat.S_IMODE(os.stat(target).st_mode), 0o700, "the mode of the backups' directory")
    done = command(host, "restore", "--root", root, target)
    equal(done.returncode, 0, f"restore's exit status: {done.stderr}")
    for path in (host.etc, host.mail, os.path.join(host.carol_home, "Maildir")):
        here, there = owners("", path), owners(root, path)
        for name in list(here):
            if name.endswith(".lock") or "pennypost-index" in name or "Maildir/tmp/" in name:
                del here[name]
        equal(there, here, f"owners and modes below {path}")
    check(any(owner[1] == CAROL for owner in owners(root, host.carol_home).values()), "carol owns nothing")
    check(any(owner[1] == MAIL_USER for owner in owners(root, host.mail).values()), "own users' mail has another owner")
    credentials = os.stat(root + host.path("etc/credentials"))
    equal(stat.S_IMODE(credentials.st_mode), 0o600, "the mode of the passwords")


@test("a user's links lead a backup nowhere, and other users' files that he links to are not in it")
def planted(t):
    host = with_mail(t)
    maildir = os.path.join(host.carol_home, "Maildir")
    secret = os.path.join(t.folder, "secret")
    with open(secret, "w", encoding="ascii") as file:
        file.write("nobody else's business")
    os.chmod(secret, 0o600)
    os.symlink(secret, os.path.join(maildir, "cur", "1700000000.M1P1.elsewhere:2,S"))
    os.symlink(os.path.dirname(secret), os.path.join(maildir, ".Linked"))
    os.link(secret, os.path.join(maildir, "second-name"))
    os.mkfifo(os.path.join(maildir, "fifo"), 0o600)
    target = os.path.join(t.folder, "backup")
    done = command(host, "backup", "-c", host.etc, target)
    equal(done.returncode, 1, "backup's exit status")
    contains(done.stderr, "second-name: belongs to another user and has a second name; left out", "what backup says")
    for folder, _, files in os.walk(os.path.join(target, "last") + "/files"):
        for name in files:
            path = os.path.join(folder, name)
            if os.path.islink(path) or not os.path.isfile(path):
                continue
            with open(path, "rb") as file:
                check(b"nobody else's business" not in file.read(), f"{path} holds another user's file")


@test("a system user's mail comes back as that user's, and not by way of a link that he made of his directory")
def as_user(t):
    host = with_mail(t)
    maildir = os.path.join(host.carol_home, "Maildir")
    target = os.path.join(t.folder, "backup")
    equal(command(host, "backup", "-c", host.etc, target).returncode, 0, "backup's exit status")
    os.rename(maildir, maildir + ".old")
    done = command(host, "restore", "-c", host.etc, "--user", "carol", target)
    equal(done.returncode, 0, f"restore's exit status: {done.stderr}")
    equal({owner[1] for owner in owners("", maildir).values()}, {CAROL}, "who owns what was restored")
    client = host.pop3("carol")
    equal(client.stat()[0], 1, "messages over POP3")
    client.quit()
    closed = os.path.join(t.folder, "closed")
    os.makedirs(closed, mode=0o755)
    os.rename(maildir, maildir + ".second")
    os.symlink(closed, maildir)
    done = command(host, "restore", "-c", host.etc, "--user", "carol", target)
    equal(done.returncode, 1, "restore's exit status through a link to a directory that is not carol's")
    equal(os.listdir(closed), [], "what was written by way of the link")

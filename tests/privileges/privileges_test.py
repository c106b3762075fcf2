"""The daemons as root: each process holds the one privilege that the plan's table gives it, and no other.

What a process may open is tried by processes with the same users; those that talk to strangers have an
empty root besides.
"""
import os
import re

from harness import check, contains, equal, test
from mailhost import letter
from roothost import CAROL, MAIL_OWNER, MAIL_USER, NULL_USER, RootHost

ALICE, BOB = "alice@example.test", "bob@example.test"
ROOT = 0

# process: (uid, is in the empty root). Master alone keeps root's power; auth needs it for PAM.
TABLE = {
    "smtpd: master": (ROOT, False), "smtpd: receive": (NULL_USER, True), "smtpd: auth": (ROOT, False),
    "smtpd: lookup": (MAIL_OWNER, False), "smtpd: queue": (MAIL_OWNER, False), "smtpd: send": (NULL_USER, True),
    "popd: master": (ROOT, False), "popd: login": (NULL_USER, True), "popd: auth": (ROOT, False),
    "imapd: master": (ROOT, False), "imapd: login": (NULL_USER, True), "imapd: auth": (ROOT, False),
}
ON_DEMAND = {"worker own": MAIL_USER, "worker carol": CAROL, "deliver own": MAIL_USER, "deliver carol": CAROL}


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def judge(title, pid, uid, in_empty_root, empty):
    status = status_of(pid)
    what = f"{title} [{pid}]"
    uids = set(status["Uid"].split())
    equal(uids, {str(uid)}, f"Uid of {what}")
    root = os.readlink(f"/proc/{pid}/root")
    equal(root, empty if in_empty_root else "/", f"root of {what}")
    if uid == ROOT:
        if "master" not in title:
            equal(status["NoNewPrivs"], "1", f"NoNewPrivs of {what}")
        return
    equal(status["NoNewPrivs"], "1", f"NoNewPrivs of {what}")
    for kind in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
        equal(int(status[kind], 16), 0, f"{kind} of {what}")
    gids = status["Gid"].split()
    # A worker and a deliver process may take the mail group for an mbox's dotlock, as saved group alone.
    equal((gids[0], gids[1], gids[3]), (str(uid), str(uid), str(uid)), f"Gid of {what}")
    may_save = "worker" in title or "deliver" in title
    check(gids[2] in ([str(uid), "8"] if may_save else [str(uid)]), f"saved group of {what} is {gids[2]}")
    check(set(status["Groups"].split()) <= {str(uid)}, f"Groups of {what} are {status['Groups']}")
    if in_empty_root:
        equal(os.listdir(f"/proc/{pid}/root"), [], f"what {what} finds in its root")


def opens(uid, path, like=None):
    """Whether a process of this uid and its own group alone may open the file; `like`: in the root of that process."""
    pid = os.fork()
    if pid == 0:
        try:
            if like is not None:
                os.chroot(f"/proc/{like}/root")
                os.chdir("/")
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            with open(path, "rb"):
                os._exit(0)
        except OSError:
            os._exit(1)
        finally:
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def busy_host(t):
    """All daemons, with mail for an own and a system user, who are both logged in."""
    host = RootHost(t)
    host.users["carol"] = "carol-secret"
    with host.smtp() as client:
        client.sendmail(ALICE, [BOB], letter("to an own user"))
        client.sendmail(ALICE, ["carol@example.test"], letter("to a system user", to="carol@example.test"))
    host.wait_messages(BOB, 1)
    host.wait_log(r"to=<carol@example\.test>.*status=sent")
    return host


def credentials(host):
    return [os.path.join(folder, name) for folder, _, names in os.walk(host.etc) for name in names
            if "credentials" in os.path.join(folder, name)]


@test("each process has the user, groups, capabilities and root of the plan's table")
def table(t):
    host = busy_host(t)
    sessions = [host.pop3(BOB), host.pop3("carol"), host.imap(BOB), host.imap("carol")]
    empty = host.path("run", "empty")
    seen = set()
    for daemon in host.daemons:
        for title, pids in host.pids(daemon).items():
            known = next((key for key in TABLE if title.startswith(key)), None)
            on_demand = next((key for key in ON_DEMAND if f": {key}" in title), None)
            check(known or on_demand, f"a process that the table does not know: {title}")
            seen.add(known or on_demand)
            for pid in pids:
                if known:
                    judge(title, pid, *TABLE[known], empty)
                    uid, in_empty_root = TABLE[known]
                    equal(opens(uid, "/etc/passwd", like=pid), not in_empty_root, f"{title} may open /etc/passwd")
                    if uid != ROOT:
                        for path in credentials(host):
                            check(not opens(uid, path, like=pid), f"{title} may open {path}")
                else:
                    judge(title, pid, ON_DEMAND[on_demand], False, empty)
    equal(sorted((set(TABLE) | set(ON_DEMAND)) - seen), [], "processes of the table that do not run")
    for session in sessions:
        (session.quit if hasattr(session, "quit") else session.logout)()


@test("the credentials are for root and auth alone, the users map for those who must know who exists")
def files(t):
    host = busy_host(t)
    secrets = credentials(host)
    check(secrets, "no credentials found")
    for path in secrets:
        for uid in (NULL_USER, MAIL_USER, CAROL):
            check(not opens(uid, path), f"uid {uid} may read {path}")
    check(not opens(NULL_USER, host.messages(BOB)[0]), "the processes that talk to strangers may read mail")
    for folder, _, names in os.walk(host.path("queue")):
        for name in names:
            for uid in (NULL_USER, MAIL_USER, CAROL):
                check(not opens(uid, os.path.join(folder, name)), f"uid {uid} may read {folder}/{name} of the queue")
    check(not opens(CAROL, host.messages(BOB)[0]), "a system user may read an own user's mail")
    check(not opens(MAIL_USER, "/etc/shadow"), "the owner of mail may read /etc/shadow")


@test("a system user's mail is written as that user, and read over IMAP with that user's own rights")
def system_user(t):
    host = busy_host(t)
    maildir = os.path.join(host.carol_home, "Maildir")
    paths = [os.path.join(folder, name) for folder, _, names in os.walk(maildir) for name in names]
    check(any("/new/" in path or "/cur/" in path for path in paths), f"no message below {maildir}: {paths}")
    for path in [maildir, *paths]:
        status = os.stat(path)
        equal((status.st_uid, status.st_gid), (CAROL, CAROL), f"owner of {path}")
    client = host.imap("carol")
    equal(client.select("INBOX"), ("OK", [b"1"]), "SELECT")
    contains(client.fetch("1", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1][0][1], b"to a system user", "the message")
    equal(client.create("Work")[0], "OK", "CREATE")
    equal(os.stat(os.path.join(maildir, ".Work")).st_uid, CAROL, "owner of the new folder")
    client.logout()
    # What the user may not read the session can't either.
    folder = os.path.join(maildir, ".Work")
    os.chown(folder, ROOT, ROOT)
    os.chmod(folder, 0o700)
    client = host.imap("carol")
    equal(client.select("Work")[0], "NO", "SELECT of a folder that is root's")
    client.logout()


@test("as root the daemons refuse to start without their accounts, and say which command makes them")
def accounts_missing(t):
    host = RootHost(t, start=False)
    with open(os.path.join(host.overlay, "passwd"), encoding="ascii") as file:
        text = file.read()
    with open(os.path.join(host.overlay, "passwd"), "w", encoding="ascii") as file:
        file.write(re.sub(r"(?m)^pennynull:.*\n", "", text))
    for daemon in host.daemons:
        process = host.launch(daemon)
        check(process.wait(60) in (71, 78), f"{daemon} ended with {process.returncode}")
        del host.running[daemon]
        said = host.errors(daemon) + host.log()
        contains(said, "pennynull", f"what {daemon} says")
        contains(said, "useradd --system", f"what {daemon} says")


@test("root's own mail without an alias is deferred, with the remedy in the log")
def roots_mail(t):
    host = RootHost(t, daemons=("smtpd",))
    with host.smtp() as client:
        client.sendmail(ALICE, ["root@example.test"], letter("to root"))
    line = host.wait_log(r"to=<root@example\.test>.*status=deferred \(.*")[0]
    contains(line, "alias", "the remedy in the log")
    equal(len(host.queue()), 1, "messages in the queue")

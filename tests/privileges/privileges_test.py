"""The daemons as root: each process holds the one privilege that the plan's table gives it, and no other.

What a process may open is asked from within it (probe.py); what a user may open, by a process of that user. No filter
of system calls is on, so that users, roots and landlock are seen to hold by themselves; attacks/children_test.py has it.
"""
import os
import re

import probe
from harness import check, contains, equal, test
from mailhost import free_port, letter
from peers import Sink
from roothost import AUTH_USER, CAROL, MAIL_OWNER, MAIL_USER, NULL_USER, RootHost

ALICE, BOB = "alice@example.test", "bob@example.test"
ROOT = 0

class Row:
    """A process of the table: whose it is, and what it can open."""

    def __init__(self, uid, confined=False, credentials=False, network=True, writes=False):
        self.uid, self.confined, self.credentials, self.network = uid, confined, credentials, network
        self.writes = writes


MASTER, EDGE = Row(ROOT, credentials=True), Row(NULL_USER, confined=True)
OWN, SYSTEM = Row(MAIL_USER), Row(CAROL)


def table_of(daemons, auth, system_users, role="destination"):
    """{the title's beginning: Row}."""
    table = {"smtpd: master": MASTER, "smtpd: receive": EDGE, "smtpd: send": EDGE, "smtpd: lookup": Row(MAIL_OWNER),
             "smtpd: queue": Row(MAIL_OWNER, network=False, writes=True)}
    if role != "null-client":
        table.update({"smtpd: auth": Row(auth, credentials=True), "smtpd: deliver own": OWN})
        if system_users:
            table["smtpd: deliver carol"] = SYSTEM
    for daemon in set(daemons) - {"smtpd"}:
        table.update({f"{daemon}: master": MASTER, f"{daemon}: login": EDGE,
                      f"{daemon}: auth": Row(auth, credentials=True), f"{daemon}: worker own": OWN})
        if system_users:
            table[f"{daemon}: worker carol"] = SYSTEM
    return table


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def judge_identity(what, pid, row, empty):
    status = status_of(pid)
    equal(status["Uid"].split(), [str(row.uid)] * 4, f"Uid of {what}")
    equal(status["NoNewPrivs"], "0" if what.split()[1] == "master" else "1", f"NoNewPrivs of {what}")
    equal(os.readlink(f"/proc/{pid}/root"), empty if row.confined else "/", f"root of {what}")
    capabilities = {kind: status[kind] for kind in ("CapEff", "CapPrm", "CapInh", "CapAmb")}
    if row.uid == ROOT:
        equal(capabilities["CapEff"], status_of("self")["CapEff"], f"CapEff of {what}")
        equal(status["Gid"].split(), [str(ROOT)] * 4, f"Gid of {what}")
        return
    equal({kind: int(text, 16) for kind, text in capabilities.items()}, dict.fromkeys(capabilities, 0), f"capabilities of {what}")
    # Nor the mail group: mail is in Maildirs here. attacks/spool_test.py has a spool of mboxes.
    own = str(row.uid)
    equal(status["Gid"].split(), [own] * 4, f"Gid of {what}")
    equal(status["Groups"].split(), [own], f"Groups of {what}")


def judge_files(what, pid, row, host):
    """What the process can open, asked from within it."""
    if row.confined:
        equal(os.listdir(f"/proc/{pid}/root"), [], f"what {what} finds in its root")
        equal(probe.opens(pid, "/etc/passwd"), "ENOENT", f"{what} opens /etc/passwd")
        equal(probe.opens(pid, "/", os.O_RDONLY | os.O_DIRECTORY), "EACCES", f"{what} opens its root: landlock")
        equal(probe.opens(pid, "/new", os.O_WRONLY | os.O_CREAT), "EACCES", f"{what} makes a file")
    else:
        equal(probe.opens(pid, "/etc/passwd"), "", f"{what} opens /etc/passwd")
    for path in credentials(host):
        problem = probe.opens(pid, path)
        if row.credentials:
            equal(problem, "", f"{what} opens {path}")
        else:
            check(problem in ("EACCES", "ENOENT"), f"{what} opens {path}: {problem or 'it can'}")
    if row.uid == MAIL_OWNER:
        path = host.path("queue", "probe")
        equal(probe.opens(pid, path, os.O_WRONLY | os.O_CREAT), "" if row.writes else "EACCES", f"{what} writes in the queue")
        if row.writes:
            os.unlink(path)
    elif row.uid != ROOT:
        check(probe.opens(pid, host.path("queue", "db", "CURRENT")), f"{what} may read the queue")
        check(probe.opens(pid, "/etc/shadow"), f"{what} may read /etc/shadow")
    if what.startswith("smtpd: lookup") and host.settings["role"] != "null-client":
        # The only files that it may change are the MTA-STS policies that it keeps.
        equal(probe.opens(pid, host.path("data", "probe"), os.O_WRONLY | os.O_CREAT), "EACCES", f"{what} writes in data_directory")
        path = host.path("data", "mta-sts", "example.org")
        equal(probe.opens(pid, path, os.O_WRONLY | os.O_CREAT), "", f"{what} keeps a policy")
        os.unlink(path)


def judge_network(what, pid, row):
    ours = os.readlink("/proc/self/ns/net") == os.readlink(f"/proc/{pid}/ns/net")
    equal(ours, row.network, f"{what} has the host's network")


def judge_all(host, table):
    seen = set()
    for daemon in host.daemons:
        for title, pids in host.pids(daemon).items():
            known = next((key for key in table if title.startswith(key)), None)
            check(known, f"a process that the table does not know: {title}")
            seen.add(known)
            for pid in pids:
                what = f"{title} [{pid}]"
                judge_identity(what, pid, table[known], host.path("run", "empty"))
                judge_files(what, pid, table[known], host)
                judge_network(what, pid, table[known])
    equal(sorted(set(table) - seen), [], "processes of the table that do not run")


def opens(uid, path):
    """Whether a process of this uid and its own group alone may open the file."""
    pid = os.fork()
    if pid == 0:
        try:
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


def busy_host(t, system_users=True):
    """All daemons, with mail for an own and, where there are any, a system user."""
    host = RootHost(t, {"system_users": system_users, "seccomp_filter": False, "metrics_port": free_port()})
    host.users["carol"] = "carol-secret"
    with host.smtp() as client:
        client.sendmail(ALICE, [BOB], letter("to an own user"))
        if system_users:
            client.sendmail(ALICE, ["carol@example.test"], letter("to a system user", to="carol@example.test"))
    host.wait_messages(BOB, 1)
    if system_users:
        host.wait_log(r"to=<carol@example\.test>.*status=sent")
    return host


def credentials(host):
    return [os.path.join(folder, name) for folder, _, names in os.walk(host.etc) for name in names
            if "credentials" in os.path.join(folder, name) and not name.endswith(".lock")]


def judged(name, auth, system_users):
    @test(f"destination{name}: each process has the user, groups, capabilities and root of the plan's table, and opens no more")
    def destination(t):
        host = busy_host(t, system_users)
        people = (BOB, "carol") if system_users else (BOB,)
        sessions = [open_session(person) for person in people for open_session in (host.pop3, host.imap)]
        check(credentials(host), "no credentials found")
        judge_all(host, {**table_of(host.daemons, auth, system_users), "smtpd: metrics": EDGE})
        for session in sessions:  # the probes have harmed nobody
            session.noop()
            (session.quit if hasattr(session, "quit") else session.logout)()
        with host.smtp() as client:
            client.sendmail(ALICE, [BOB], letter("after the probes"))
        host.wait_messages(BOB, 2)


judged(", system users by PAM", ROOT, True)
judged(", own users alone", AUTH_USER, False)


@test("relay: the same, and no process more than the role has")
def relay(t):
    own = "ann@mail.example.test"
    host = RootHost(t, {"role": "relay", "system_users": False, "seccomp_filter": False}, users={own: "ann-secret"}, daemons=("smtpd",))
    with host.smtp() as client:
        client.sendmail(ALICE, [own], letter("to the relay itself"))
    host.wait_messages(own, 1)
    judge_all(host, table_of(("smtpd",), AUTH_USER, False))


@test("null client: the same, with neither auth nor deliver")
def null_client(t):
    host = RootHost(t, {"role": "null-client", "seccomp_filter": False, "relayhost": "[127.0.0.1]:9", "submission_port": None,
                        "submissions_port": None, "alias_maps": None}, users={}, daemons=("smtpd",))
    judge_all(host, table_of(("smtpd",), None, False, "null-client"))


@test("the credentials are for root and auth alone, the users map for those who must know who exists")
def files(t):
    host = busy_host(t)
    secrets = credentials(host)
    check(secrets, "no credentials found")
    for path in secrets:
        for uid in (NULL_USER, MAIL_USER, CAROL):
            check(not opens(uid, path), f"uid {uid} may read {path}")
    check(not opens(NULL_USER, host.messages(BOB)[0]), "the processes that talk to strangers may read mail")
    for name in ("db", "body"):
        equal(oct(os.stat(host.path("queue", name)).st_mode & 0o777), "0o700", f"mode of the queue's {name}")
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
    host = RootHost(t, {"system_users": False}, start=False)
    with open(os.path.join(host.overlay, "passwd"), encoding="ascii") as file:
        text = file.read()
    for name, setting in (("pennynull", "default_login_user"), ("pennyauth", "auth_user")):
        with open(os.path.join(host.overlay, "passwd"), "w", encoding="ascii") as file:
            file.write(re.sub(rf"(?m)^{name}:.*\n", "", text))
        for daemon in host.daemons:
            process = host.launch(daemon)
            check(process.wait(60) in (71, 78), f"{daemon} ended with {process.returncode}")
            del host.running[daemon]
            said = host.errors(daemon) + host.log()
            contains(said, setting, f"what {daemon} says")
            contains(said, "useradd --system --user-group --no-create-home", f"what {daemon} says")
            contains(said, name, f"what {daemon} says")


@test("root's own mail without an alias is deferred, with the remedy in the log")
def roots_mail(t):
    host = RootHost(t, daemons=("smtpd",))
    with host.smtp() as client:
        client.sendmail(ALICE, ["root@example.test"], letter("to root"))
    line = host.wait_log(r"to=<root@example\.test>.*status=deferred \(.*")[0]
    contains(line, "alias", "the remedy in the log")
    equal(len(host.queue()), 1, "messages in the queue")


@test("newaliases and postqueue -f, in one line, deliver root's mail at once, by the new table")
def flushed_after_newaliases(t):
    host = RootHost(t, {"map_check_interval": "60s"}, daemons=("smtpd",))
    with host.smtp() as client:
        client.sendmail(ALICE, ["root@example.test"], letter("to root"))
    host.wait_log(r"to=<root@example\.test>.*status=deferred \(")
    host.write("etc/aliases", f"root: {BOB}\n")
    host.command("newaliases")
    host.command("postqueue", "-f")
    host.wait_queue(0)
    host.wait_messages(BOB, 1)


@test("as root mailq, postcat and postsuper work while smtpd is stopped, and nothing in the queue becomes root's")
def queue_of_a_stopped_smtpd(t):
    host = RootHost(t, {"relayhost": "[127.0.0.1]:9"}, daemons=("smtpd",))
    host.command("sendmail", "-f", ALICE, "far@remote.test", input="Subject: one\n\nthe body\n")
    host.wait_log("status=deferred")
    host.stop("smtpd")
    host.command("sendmail", "-f", ALICE, "far@remote.test", input="Subject: two\n\nthe body\n")
    waiting = host.queue()
    equal(len(waiting), 2, "messages while smtpd is stopped")
    equal(host.command("postcat", "-bq", waiting[0]["queue_id"]).stdout, "\nthe body\n", "postcat -bq")
    contains(host.command("postsuper", "-d", waiting[0]["queue_id"]).stdout, "Deleted: 1 message\n", "postsuper -d")
    for folder, folders, files in os.walk(host.path("queue")):
        for name in folders + files:
            equal(os.lstat(os.path.join(folder, name)).st_uid, MAIL_OWNER, f"the owner of {folder}/{name}")
    host.start("smtpd")
    equal([entry["queue_id"] for entry in host.queue()], [waiting[1]["queue_id"]], "what waits after the start")


@test("send can open no socket: queue connects it to that of an LMTP server, if the socket lets mail_owner in")
def lmtp_socket(t):
    host = RootHost(t, {"relay_domains": ["lmtp.test", "closed.test"], "relay_transport": "lmtp:unix:private/lmtp",
                        "transport_maps": "inline:{{closed.test=lmtp:unix:private/closed}}"}, start=False, daemons=("smtpd",))
    folder = host.path("queue", "private")
    os.makedirs(folder)
    os.chown(folder, MAIL_OWNER, MAIL_OWNER)
    os.chmod(folder, 0o700)
    sinks = {name: Sink(t, lmtp=True, path=os.path.join(folder, name)) for name in ("lmtp", "closed")}
    for name, owner in (("lmtp", MAIL_OWNER), ("closed", 0)):
        os.chown(sinks[name].path, owner, owner)
        os.chmod(sinks[name].path, 0o600)
    host.start()
    with host.smtp() as client:
        client.sendmail("alice@example.test", ["a@lmtp.test", "b@closed.test"], letter("by a socket"))
    host.wait_log("to=<a@lmtp.test>.*status=sent")
    host.wait_log(r"to=<b@closed.test>.*status=deferred \(connect to mail\.example\.test\[private/closed\]: Permission denied\)")
    equal([one.recipients for one in sinks["lmtp"].transactions], [["a@lmtp.test"]], "what the server took")
    equal(sinks["closed"].connections, 0, "connections to the other")

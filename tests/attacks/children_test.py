"""A child in a stranger's hands: what receive, login and send can do to each other and to other people's mail.

The tests speak as the process itself would, over its own links (takeover.py), or make system calls from within it (probe.py).
"""
import contextlib
import errno
import os
import re
import signal
import socket
import ssl
import struct
import subprocess

import probe
import takeover
from harness import check, equal, eventually, test
from mailhost import Host, as_user, letter, unverified
from roothost import CAROL, RootHost
from takeover import Link, pid_of, text

ALICE, BOB = "alice@example.test", "bob@example.test"
RELOAD, DRAIN = 17, 18
AUTH_STEP, AUTH_ABORT, HAND_OVER = 40, 41, 43
SET_QUOTA = 50
OPEN_BODY, SUBMIT, RESOLVE, DROP_BODY = 101, 102, 105, 109
CONTINUE, SUCCESS, FAILURE = 0, 1, 2
LARGE = b"".join(b"%06d of a large body, which is a file of its own\r\n" % line for line in range(4000))


class Sender:
    """A client in the middle of a large DATA."""

    def __init__(self, host, subject="unfinished"):
        self.socket = socket.create_connection((host.address, host.port("smtp")), timeout=30)
        self.file = self.socket.makefile("rb")
        self.line()
        for command in ("EHLO client.example.test", f"MAIL FROM:<{ALICE}>", f"RCPT TO:<{BOB}>", "DATA"):
            self.socket.sendall(command.encode() + b"\r\n")
            self.line()
        before = set(bodies(host))
        self.message = letter(subject) + LARGE
        self.socket.sendall(self.message[:-1000])
        self.id = eventually(lambda: set(bodies(host)) - before, "the body has a file").pop()
        self.rest = self.message[-1000:] + b".\r\n"

    def line(self):
        while True:
            line = self.file.readline()
            if line[3:4] != b"-":
                return line

    def finish(self):
        self.socket.sendall(self.rest)
        return self.line()


def bodies(host):
    return os.listdir(host.path("queue", "body"))


def envelope_to(recipient, queue_id, size):
    """An Envelope of smtpd/queue/envelope.h whose body is that file, as a Submit ends with it."""
    piece = text("") + struct.pack("<QQ", 0, size)
    person = (struct.pack("<IB", 1, 0) + text(recipient) + text(recipient) + text("") + struct.pack("<BB", 0, 0) + text("")
              + struct.pack("<H", 0) + text("") + struct.pack("<BB", 0, 0) + text(""))
    return (text(queue_id) + struct.pack("<q", 1_700_000_000_000_000) + text(ALICE) + text("unknown") + text("192.0.2.66")
            + text("thief") + text("ESMTP") + text("") + text("") + text("") + struct.pack("<BBBBB", 0, 0, 0, 0, 0)
            + text("") + struct.pack("<QB", size, 1) + struct.pack("<I", 1) + piece + struct.pack("<I", 1) + person)


@test("a process that does not receive a body can neither drop it nor submit it as its own")
def stolen_body(t):
    host = Host(t, daemons=("smtpd",))
    queue = pid_of(host, "smtpd", "smtpd: queue")
    victim = Sender(host)
    # After a reload the client is still served by the old process; strangers come to the new one.
    old = pid_of(host, "smtpd", "smtpd: receive")
    host.reload("smtpd")
    new = eventually(lambda: [pid for pid in host.pids("smtpd").get("smtpd: receive", []) if pid != old],
                     "another receive process").pop()
    size = os.stat(host.path("queue", "body", victim.id)).st_size
    thief = Link(new, queue)
    kind, said = thief.call(SUBMIT, envelope_to(ALICE, victim.id, size) + text(""))
    stolen = kind == takeover.REPLY
    for attacker in (thief, Link(pid_of(host, "smtpd", "smtpd: lookup"), queue)):
        attacker.call(DROP_BODY, text(victim.id))
        attacker.close()
    dropped = victim.id not in bodies(host)
    answer = victim.finish()
    print(f"   submitted by another process: {stolen}; dropped: {dropped}; the client hears: {answer.decode().strip()}")
    equal((stolen, dropped, answer[:3]), (False, False, b"250"), f"stolen, dropped, and the answer {answer}: {said}")
    check(host.wait_messages(BOB, 1), "the message arrives")
    equal(host.messages(ALICE), [], "messages of the thief")
    eventually(lambda: bodies(host) == [], "no body is left")


@test("bodies that a receive process had open go with it at once, those of others stay")
def dead_process(t):
    host = Host(t, daemons=("smtpd",))
    victims = [Sender(host, f"lost {number}") for number in range(3)]
    old = pid_of(host, "smtpd", "smtpd: receive")
    host.reload("smtpd")
    host.wait_log("smtpd: reload")

    def of_another_process():
        sender = Sender(host, "of another process")
        if int(host.wait_log(rf"smtpd\[(\d+)\]: {sender.id}: client=")[1]) != old:
            return sender
        victims.append(sender)  # the old one takes clients until it has heard of the reload
        return None
    other = eventually(of_another_process, "a client of the new process")
    host.crash(old)
    try:
        eventually(lambda: bodies(host) == [other.id], "the dead process's bodies are gone", 10)
    finally:
        print(f"   bodies of {len(victims)} sessions whose process died: {len(set(bodies(host)) - {other.id})} left")
    equal(other.finish()[:3], b"250", "the answer to a client of the other process")
    host.wait_messages(BOB, 1)


@test("a child obeys its master alone, and tells the next hop's password to the queue alone")
def wrong_kind(t):
    secret = "relay-secret"
    host = Host(t, {"smtp_sasl_auth_enable": True, "smtp_sasl_password_maps": f"inline:{{ relay.example.net=me:{secret} }}",
                    "transport_maps": "inline:{ else.example=smtp:relay.example.net }"}, daemons=("smtpd",))
    receive, lookup, queue = (pid_of(host, "smtpd", f"smtpd: {kind}") for kind in ("receive", "lookup", "queue"))
    link = Link(receive, lookup)
    someone = (struct.pack("<IB", 1, 0) + text("x@else.example") + text("x@else.example") + text("") + struct.pack("<BB", 0, 0)
               + text("") + struct.pack("<H", 0) + text("") + struct.pack("<BB", 0, 0) + text(""))
    _, said = link.call(RESOLVE, someone + text(ALICE))
    told = secret.encode() in said
    obeyed = []
    for pid in (lookup, queue):
        attacker = Link(receive, pid)
        kind, _ = attacker.call(RELOAD, text(""))
        obeyed.append(kind == takeover.REPLY)
        attacker.post(DRAIN, struct.pack("<BI", 1, 1))
        attacker.close()
    link.close()
    with host.smtp() as client:
        client.sendmail(ALICE, [BOB], letter("all is well"))
    host.wait_messages(BOB, 1)
    still = (pid_of(host, "smtpd", "smtpd: lookup"), pid_of(host, "smtpd", "smtpd: queue")) == (lookup, queue)
    print(f"   receive is told the password: {told}; reload obeyed: {obeyed}; the others still run: {still}")
    check(not told, "receive was told the next hop's password")
    check(still, "receive ended another process")


def auth_step(exchange, mechanism, response):
    """The first AuthStep of store/login/auth.h, with a response."""
    return (struct.pack("<QB", exchange, 1) + text("imap") + text(mechanism) + b"\1" + text(response) + text("127.0.0.1")
            + text("127.0.0.1") + b"\1" + text("") + text("") + struct.pack("<II", 0, 0))


def client_info():
    return (struct.pack("<i", 5) + text(BOB) + text("127.0.0.1") + text("127.0.0.1") + b"\1" + text("session")
            + text("") + text("") + b"\0" + text("") + text("a1") + text(""))


@test("a login's token serves the process alone that the client logged in to")
def borrowed_token(t):
    host = Host(t, daemons=("imapd",))
    processes = sorted(pid for title, pids in host.pids("imapd").items() if title.startswith("imapd: login") for pid in pids)
    if len(processes) < 2:  # one a core
        host.reload("imapd")
        idle = host.imap()
        processes = eventually(lambda: [p for n, v in host.pids("imapd").items() if n.startswith("imapd: login") for p in v][1:]
                               and sorted(p for n, v in host.pids("imapd").items() if n.startswith("imapd: login") for p in v),
                               "two login processes")
        idle.logout()
    first, second = processes[:2]
    auth, master = pid_of(host, "imapd", "imapd: auth"), host.running["imapd"].pid
    outcomes = []
    for holder in (second, first):
        kind, body = Link(first, auth).call(AUTH_STEP, auth_step(5 << 40, "PLAIN", f"\0{BOB}\0{host.users[BOB]}"))
        equal((kind, body[0]), (takeover.REPLY, SUCCESS), f"the answer to bob's password: {body}")
        _, at = takeover.read_text(body, 1)
        _, at = takeover.read_text(body, at)
        token = takeover.read_text(body, at)[0]
        ours, theirs = socket.socketpair()
        kind, body = Link(holder, master).call(HAND_OVER, text(token) + client_info(), [theirs.fileno()])
        theirs.close()
        ours.settimeout(10)
        got = ours.recv(200) if kind == takeover.REPLY else takeover.error_text(body).encode()
        ours.close()
        outcomes.append((kind == takeover.REPLY, got.decode().strip()))
    print(f"   with the token of another process: {outcomes[0]}; of its own: {outcomes[1]}")
    check(not outcomes[0][0], f"another process got bob's mail: {outcomes[0]}")
    check(outcomes[1][0] and "OK" in outcomes[1][1], f"its own client is not served: {outcomes[1]}")


@test("a worker can set quotas in the name of no admin whose session it was not given")
def borrowed_name(t):
    admin = "admin@example.test"
    host = Host(t, {"imap_worker_shards": 1}, daemons=("imapd",), users={BOB: "bob-secret", admin: "admin-secret"})
    host.command("pennypost", "user", "set", admin, "admin=yes")
    sessions = [host.imap(BOB)]
    worker = eventually(lambda: pids_of(host, "imapd: worker"), "a worker")[0]

    def outcome():
        link = Link(worker, host.running["imapd"].pid)
        kind, body = link.call(SET_QUOTA, text(admin) + text(BOB) + struct.pack("<QQ", 1 << 20, 0))
        link.close()
        return "done" if kind == takeover.REPLY else takeover.error_text(body)

    def quota():
        return "bytes=1048576" in host.command("pennypost", "user", "quota", BOB).stdout

    without, then = outcome(), quota()
    # In the name of whose session it has it can speak whatever the others do.
    sessions.append(host.imap(admin))
    equal(pids_of(host, "imapd: worker"), [worker], "the one worker")
    beside = eventually(lambda: outcome() == "done" and "done", "with the admin's session")
    print(f"   in the admin's name without a session of theirs: {without}, set: {then}; with one: {beside}, set: {quota()}")
    equal((without, then), (f"{admin} has no session there", False), "the answer without the admin's session")
    check(quota(), "the quota is set once the admin's session is there")
    host.wait_log(f"a worker without a session of {admin} asks for a quota in that name")
    sessions[1].logout()
    eventually(lambda: outcome() == without, "it is over with the admin's session")
    sessions[0].logout()


# System calls of x86-64, made from within a process.
SOCKET, CLONE, EXECVE, KILL, PTRACE, OPEN_AT, MMAP, IO_URING_SETUP = 41, 56, 59, 62, 101, 257, 9, 425
ATTACH, PROT_READ_WRITE_EXEC, MAP_PRIVATE_ANONYMOUS, AT_FDCWD = 16, 7, 0x22, -100
MAP_CODE = (MMAP, 0, 4096, PROT_READ_WRITE_EXEC, MAP_PRIVATE_ANONYMOUS, -1, 0)
OPEN_PASSWD = (OPEN_AT, AT_FDCWD, "/etc/passwd", os.O_RDONLY)
EXEC_SHELL = (EXECVE, "/bin/sh", 0, 0)
# Kind: what it is told, call by call. "" is success; what ends a process is tried last, and by few of them.
REFUSED = {
    "smtpd: receive": [(OPEN_PASSWD, "ENOENT"), (MAP_CODE, "ENOSYS"), ((SOCKET, 1, 1, 0), "ENOSYS"), ((CLONE, 17, 0), "ENOSYS"), (EXEC_SHELL, "SIGSYS")],
    "smtpd: send": [(OPEN_PASSWD, "ENOENT"), (MAP_CODE, "ENOSYS"), ((IO_URING_SETUP, 1, 0), "SIGSYS")],
    "smtpd: lookup": [((SOCKET, 17, 3, 0), "ENOSYS"), (OPEN_PASSWD, "")],
    "smtpd: queue": [((CLONE, 17, 0), "ENOSYS"), (OPEN_PASSWD, "")],
    "smtpd: deliver own": [((PTRACE, ATTACH, 1, 0), "EPERM"), ((IO_URING_SETUP, 1, 0), "EPERM"), (OPEN_PASSWD, "")],
    "imapd: login": [(OPEN_PASSWD, "ENOENT"), (MAP_CODE, "ENOSYS"), ((SOCKET, 2, 1, 0), "ENOSYS")],
    "imapd: worker own": [((SOCKET, 2, 1, 0), "ENOSYS"), ((CLONE, 17, 0), "ENOSYS"), (OPEN_PASSWD, ""), (EXEC_SHELL, "SIGSYS")],
}


def pids_of(host, title):
    return sorted(pid for name, pids in host.pids(title.split(":")[0]).items() if name.startswith(title) for pid in pids)


@test("each kind of process can make only the system calls that it needs; an intruder's end it, and the mail goes on")
def system_calls(t):
    host = RootHost(t, {"system_users": False}, daemons=("smtpd", "imapd"))
    with host.smtp() as client:
        client.sendmail(ALICE, [BOB], letter("first"))
    host.wait_messages(BOB, 1)
    client = host.imap(BOB)
    seen = {}
    for title, rows in REFUSED.items():
        pid = eventually(lambda wanted=title: pids_of(host, wanted), f"a process {title}")[0]
        for call, expected in rows:
            if expected == "SIGSYS":
                host.victims.add(pid)
            answer = probe.calls(pid, *call)
            seen[answer or "done"] = seen.get(answer or "done", 0) + 1
            equal(answer, expected, f"{title} calls {call}")
            if expected == "SIGSYS":
                host.wait_log(rf"process .* pid {pid} killed by signal 31 \(a system call that it must not make")
    print(f"   answers to {sum(seen.values())} calls: {seen}")
    client.shutdown()
    with eventually(host.smtp, "another receive process answers") as client:
        client.sendmail(ALICE, [BOB], letter("second"))
    host.wait_messages(BOB, 2)
    equal(host.imap(BOB).select("INBOX"), ("OK", [b"2"]), "SELECT by another worker")


def landlock_version():
    return takeover.system_call(444, 0, 0, 1)


def fenced(filtered):
    @test(f"receive, send and login, which share a uid, can neither signal nor debug each other, {'filtered' if filtered else 'even without a filter'}")
    def signals(t):
        host = RootHost(t, {"system_users": False, "seccomp_filter": filtered}, daemons=("smtpd", "imapd"))
        kinds = ("smtpd: receive", "smtpd: send", "imapd: login")
        answers = {"ptrace": set(), "kill": set()}
        for kind in kinds:
            for name, number, argument in (("ptrace", PTRACE, 0), ("kill", KILL, 9)):
                pid = eventually(lambda wanted=kind: pids_of(host, wanted), f"a process {kind}")[0]
                victim = eventually(lambda not_this=kind: [p for k in kinds if k != not_this for p in pids_of(host, k)], "a victim")[0]
                host.victims.update((pid, victim))
                call = (PTRACE, ATTACH, victim, argument) if number == PTRACE else (KILL, victim, argument)
                answers[name].add(probe.calls(pid, *call))
                check(os.path.exists(f"/proc/{victim}"), f"{kind} has ended another process by {name}")
        print(f"   {answers}")
        equal(answers["ptrace"], {"SIGSYS"} if filtered else {"EPERM"}, "answers to ptrace")
        # Without the filter landlock alone is in the way, from Linux 6.12 on.
        check(filtered or landlock_version() < 6 or answers["kill"] == {"EPERM"}, f"answers to kill: {answers['kill']}")
        check(not filtered or answers["kill"] == {"SIGSYS"}, f"answers to kill: {answers['kill']}")


fenced(True)
fenced(False)


@test("without root too, no other process of the user may read a child's memory")
def memory(t):
    host = Host(t, daemons=("smtpd", "imapd"))
    identity = as_user()
    pids = {title: pid for daemon in host.daemons for title, group in host.pids(daemon).items() for pid in group
            if not title.endswith(": master")}
    readable = []
    for title, pid in pids.items():
        reader = os.fork()
        if reader == 0:
            problem = errno.EPERM
            try:
                if identity:
                    os.setgroups([])
                    os.setresgid(*[identity["group"]] * 3)
                    os.setresuid(*[identity["user"]] * 3)
                with open(f"/proc/{pid}/maps", "rb") as file:
                    file.read(1)
                problem = 0
            except OSError:
                pass
            finally:
                os._exit(problem)
        if os.waitstatus_to_exitcode(os.waitpid(reader, 0)[1]) == 0:
            readable.append(title)
    print(f"   readable by others of the user: {len(readable)} of {len(pids)} kinds of process")
    equal(readable, [], "processes whose memory others may read")


def seccomp_mode(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(line.split()[1] for line in file if line.startswith("Seccomp:"))


def commanded(filtered):
    @test(f"with seccomp_filter = {'yes' if filtered else 'no'} all children have {'a' if filtered else 'no'} filter, and commands of .forward run")
    def command(t):
        host = RootHost(t, {"seccomp_filter": filtered}, daemons=("smtpd",))
        out = os.path.join(host.carol_home, "out")
        with open(os.path.join(host.carol_home, ".forward"), "w", encoding="ascii") as file:
            file.write(f'"|grep Seccomp: /proc/self/status > {out}; kill -0 $$ && (ls | sort) >> {out}"\n')
        os.chown(os.path.join(host.carol_home, ".forward"), CAROL, CAROL)
        with host.smtp() as client:
            client.sendmail(ALICE, ["carol@example.test"], letter("to a command", to="carol@example.test"))
        host.wait_log(r"status=sent \(delivered to command")
        with open(out, encoding="ascii") as file:
            said = file.read().split()
        mode = "2" if filtered else "0"
        equal(said, ["Seccomp:", mode, "out"], "what the command sees")
        for title, pids in host.pids("smtpd").items():
            equal(seccomp_mode(pids[0]), "0" if title.endswith("master") else mode, f"Seccomp of {title}")


commanded(True)
commanded(False)


def private_key(path):
    """The secret number of an EC key."""
    text_of_key = subprocess.run(["openssl", "ec", "-in", path, "-noout", "-text"], capture_output=True, text=True, check=True).stdout
    digits = re.sub(r"[^0-9a-f]", "", re.search(r"priv:([0-9a-f:\s]+)pub:", text_of_key)[1])
    return bytes.fromhex(digits).lstrip(b"\0").rjust(32, b"\0")


def memory_of(pid):
    """All that the process has in memory, piece by piece."""
    with open(f"/proc/{pid}/maps", encoding="ascii", errors="replace") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            place, rights = line.split()[:2]
            if "r" in rights and "[v" not in line:
                first, last = (int(end, 16) for end in place.split("-"))
                with contextlib.suppress(OSError):
                    memory.seek(first)
                    yield memory.read(last - first)


@test("only processes that accept connections have the certificate's private key in memory")
def key_in_memory(t):
    host = Host(t, daemons=("smtpd", "imapd"))
    with host.smtp() as client:
        client.sendmail(ALICE, [BOB], letter("so that all processes run"))
    host.wait_messages(BOB, 1)
    session = host.imap(BOB)
    number = private_key(host.key)
    holders = sorted({title for daemon in host.daemons for title, pids in host.pids(daemon).items() for pid in pids
                      if any(octets in piece for piece in memory_of(pid) for octets in (number, number[::-1]))})
    session.logout()
    print(f"   the key is in: {', '.join(holders)}")
    equal(holders, ["imapd: login", "imapd: master", "smtpd: master", "smtpd: receive"], "processes with the private key")


class TlsClient:
    """Connects to a port with TLS and keeps the session of the last time."""

    def __init__(self, host, version):
        self.host, self.session, self.context = host, None, unverified()
        self.context.minimum_version = self.context.maximum_version = version

    def resumes(self):
        with socket.create_connection((self.host.address, self.host.port("imaps")), timeout=20) as plain:
            with self.context.wrap_socket(plain, session=self.session) as secure:
                check(secure.recv(200).startswith(b"* OK"), "the greeting")
                self.session = secure.session
                return secure.session_reused


@contextlib.contextmanager
def stopped(pid):
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@test("a TLS session is resumed by any login process and after a reload, and by none after a restart")
def resumption(t):
    host = Host(t, daemons=("imapd",))
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        client = TlsClient(host, version)
        check(not client.resumes(), "a first session is a new one")
        for pid in pids_of(host, "imapd: login")[1:]:
            with stopped(pid):
                check(client.resumes(), f"with process {pid} out of the way, another resumes it")
        for pid in pids_of(host, "imapd: login")[:1]:
            others = len(pids_of(host, "imapd: login")) > 1
            with stopped(pid) if others else contextlib.nullcontext():
                check(client.resumes(), f"with process {pid} out of the way, another resumes it")
        before = pids_of(host, "imapd: login")
        host.reload("imapd")
        eventually(lambda old=before: not set(old) & set(pids_of(host, "imapd: login")), "younger login processes")
        check(client.resumes(), "a session from before a reload is resumed")
        host.stop("imapd")
        host.start("imapd")
        check(not client.resumes(), "no session from before a restart is resumed")

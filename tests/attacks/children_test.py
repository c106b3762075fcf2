"""A child in a stranger's hands: what receive, login and send can do to each other and to other people's mail.

The tests speak as the process itself would, over its own links (takeover.py), or make system calls from within it (probe.py).
"""
import os
import signal
import socket
import struct

import takeover
from harness import check, equal, eventually, test
from mailhost import Host, letter
from takeover import Link, pid_of, text

ALICE, BOB = "alice@example.test", "bob@example.test"
RELOAD, DRAIN = 17, 18
AUTH_STEP, AUTH_ABORT, HAND_OVER = 40, 41, 43
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
    eventually(lambda: [pid for pid in host.pids("smtpd").get("smtpd: receive", []) if pid != old], "another receive process")
    other = eventually(lambda: Sender(host, "of another process"), "a client of the new process")
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


def auth_step(exchange, mechanism, response, process=None):
    return (struct.pack("<Q", exchange) + (b"" if process is None else struct.pack("<I", process)) + text("imap")
            + text(mechanism) + b"\1" + text(response) + text("127.0.0.1") + text("127.0.0.1") + b"\1" + text(""))


def client_info():
    return (b"\5" + text(BOB) + text("127.0.0.1") + text("127.0.0.1") + b"\1" + text("session") + text("a1") + text(""))


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

"""SIGTERM in the middle of a conversation: what was begun ends well or with 421 or BYE, nothing is lost, exit status 0."""
import os
import re
import signal
import socket
import threading
import time

from harness import check, contains, equal, eventually, test
from mailhost import Host, letter
from peers import NameServer, Sink

ALICE, BOB = "alice@example.test", "bob@example.test"
DRAIN_SECONDS_MAX = 25  # two halves of 10 s, and some for the machine
BIG = b"".join(b"%07d %s\r\n" % (number, b"x" * 66) for number in range(400_000))  # 30 MB, more than sockets hold


def tell(host, daemon):
    """SIGTERM; returns when the daemon has heard it: it takes no connections any more."""
    os.kill(host.running[daemon].pid, signal.SIGTERM)
    port = host.port({"smtpd": "smtp", "popd": "pop3", "imapd": "imap"}[daemon])

    def refuses():
        try:
            # The kernel may drop, without a word, what arrives while it closes a listener: then the next try tells.
            with socket.create_connection((host.address, port), timeout=2) as stream:
                return stream.recv(64).startswith((b"421", b"-ERR", b"* BYE")) or None
        except (ConnectionRefusedError, ConnectionResetError):
            return True
    eventually(refuses, f"{daemon} takes no connections any more", 10)


def ends(host, daemon, began):
    equal(host.stop(daemon, how=None), 0, f"exit status of {daemon}")
    check(time.monotonic() - began < DRAIN_SECONDS_MAX, f"{daemon} took {time.monotonic() - began:.0f} s to stop")


def end_of(client):
    """What a server says last, before it closes."""
    return b"".join(iter(client.file.readline, b""))


@test("SIGTERM within DATA: the message under way is taken and kept, idle sessions get 421, the next command 421")
def smtp_data(t):
    host = Host(t, daemons=("smtpd",))
    busy, idle, between = host.smtp(), host.smtp(), host.smtp()
    for client in (busy, between):
        client.ehlo()
        client.mail(ALICE)
        client.rcpt(BOB)
    busy.putcmd("DATA")
    equal(busy.getreply()[0], 354, "DATA")
    message = letter("under way", b"0123456789\r\n" * 30000)
    busy.send(message[:100000])
    began = time.monotonic()
    tell(host, "smtpd")
    contains(end_of(idle), b"421 4.3.2", "what an idle session is told")
    for at in range(100000, len(message), 50000):  # some seconds, as over a thin line
        time.sleep(0.4)
        busy.send(message[at:at + 50000])
    busy.send(b".\r\n")
    code, text = busy.getreply()
    equal(code, 250, f"the answer to the message, {text}")
    code, text = busy.docmd("MAIL FROM:<>")
    equal(code, 421, f"the answer to the next command, {text}")
    # A transaction before DATA may go on or end by 421; either way the client knows.
    code = 0
    try:
        between.putcmd("DATA")
        code = between.getreply()[0]
    except OSError:
        code = 421
    check(code in (354, 421), f"DATA of a transaction begun before is answered {code}")
    between.close()
    ends(host, "smtpd", began)
    host.start("smtpd")
    paths = host.wait_messages(BOB, 1)
    with open(paths[0], "rb") as file:
        check(file.read().endswith(message.replace(b"\r\n", b"\n")), "the message is whole")
    host.wait_queue(0)


@test("SIGTERM within a DATA that never ends: smtpd stops in time all the same, and nothing of the message is kept")
def smtp_endless(t):
    host = Host(t, daemons=("smtpd",))
    client = host.smtp()
    client.ehlo()
    client.mail(ALICE)
    client.rcpt(BOB)
    client.putcmd("DATA")
    equal(client.getreply()[0], 354, "DATA")
    client.send(letter("endless"))
    began = time.monotonic()
    tell(host, "smtpd")
    ends(host, "smtpd", began)
    contains(end_of(client), b"421 4.3.2", "the last words within DATA")
    host.start("smtpd")
    host.wait_queue(0)
    equal(host.messages(BOB), [], "messages")


@test("SIGTERM while another host takes a message: it is handed over once, also after the next start")
def smtp_delivery(t):
    sink = Sink(t, "127.0.0.22")
    go_on = threading.Event()
    wait, sink.reply_to = sink.reply_to, lambda command, default: (command == "END" and go_on.wait(60), wait(command, default))[1]
    names = NameServer(t, "--host-record=a.test,127.0.0.22")
    host = Host(t, {"dns_servers": [names.address], "smtp_target_port": sink.port, "minimal_backoff_time": "1s"},
                daemons=("smtpd",))
    with host.smtp() as client:
        client.sendmail(ALICE, ["x@a.test"], letter("once"))
    eventually(lambda: "DATA" in sink.commands, "the other host takes the message")
    began = time.monotonic()
    tell(host, "smtpd")
    time.sleep(1)
    go_on.set()
    eventually(lambda: sink.transactions, "the other host has it")
    ends(host, "smtpd", began)
    host.start("smtpd")
    host.wait_queue(0)
    equal(len(sink.transactions), 1, "copies at the other host")


class Lines:
    """A connection as bytes, for what the libraries keep from us."""

    def __init__(self, host, service, receive_bytes=0):
        self.stream = socket.socket()
        if receive_bytes:
            self.stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.stream.settimeout(60)
        self.stream.connect((host.address, host.port(service)))
        self.file = self.stream.makefile("rb")
        self.greeting = self.file.readline()

    def say(self, text, until):
        """Sends a line; returns what comes up to a line that begins with `until`."""
        self.stream.sendall(text if isinstance(text, bytes) else text.encode() + b"\r\n")
        return self.up_to(until) if until else b""

    def up_to(self, until):
        seen = []
        while not seen or not seen[-1].startswith(until):
            line = self.file.readline()
            check(line, f"the connection ended before {until!r}: {b''.join(seen)[-500:]!r}")
            seen.append(line)
        return b"".join(seen)


def imap_client(host, receive_bytes=0):
    client = Lines(host, "imap", receive_bytes)
    client.say(f"a LOGIN {BOB} {host.users[BOB]}", b"a OK")
    client.say("b SELECT INBOX", b"b OK")
    return client


@test("SIGTERM within FETCH, APPEND and IDLE: FETCH ends whole, APPEND is kept or not as its answer says, all get BYE")
def imap(t):
    host = Host(t, daemons=("imapd",))
    host.put(BOB, letter("big", BIG))
    fetching, idling, waiting, appending = imap_client(host, 4096), imap_client(host), imap_client(host), imap_client(host)
    stranger = Lines(host, "imap")
    contains(idling.say("c IDLE", b"+"), b"+", "IDLE")
    appended = letter("appended", b"x" * 500 + b"\r\n")
    contains(appending.say(f"d APPEND INBOX {{{len(appended)}}}", b"+"), b"+", "APPEND")
    appending.stream.sendall(appended[:300])
    head = fetching.say("e FETCH 1 BODY.PEEK[]", b"* 1 FETCH")
    began = time.monotonic()
    tell(host, "imapd")
    for client, what in ((idling, "IDLE"), (waiting, "a quiet session"), (stranger, "a session before login")):
        contains(end_of(client), b"* BYE", f"the last words to {what}")
    try:
        appending.stream.sendall(appended[300:] + b"\r\n")
    except OSError:
        pass
    answer = end_of(appending)
    kept = b"d OK" in answer
    check(kept or b"BYE" in answer or answer == b"", f"the answer to APPEND: {answer!r}")
    count = int(re.search(rb"\{(\d+)\}", head)[1])
    time.sleep(1)
    octets = fetching.file.read(count)
    equal(len(octets), count, "octets of the message that was being fetched")
    check(octets.endswith(BIG), "the message that was being fetched is not as it was")
    rest = end_of(fetching)
    check(re.search(rb"(?m)^e OK", rest), f"FETCH ends with {rest!r}")
    contains(rest, b"* BYE", "the last words after FETCH")
    ends(host, "imapd", began)
    host.start("imapd")
    client = host.imap(BOB)
    equal(client.select("INBOX"), ("OK", [b"2" if kept else b"1"]), f"SELECT after APPEND was answered {answer!r}")
    client.logout()


@test("SIGTERM while an IMAP client does not read its FETCH: imapd stops in time all the same")
def imap_stuck(t):
    host = Host(t, daemons=("imapd",))
    host.put(BOB, letter("big", BIG))
    client = imap_client(host, 4096)
    client.say("e FETCH 1 BODY.PEEK[]", b"* 1 FETCH")
    began = time.monotonic()
    tell(host, "imapd")
    ends(host, "imapd", began)
    client.stream.close()


@test("SIGTERM within RETR: it ends whole; a session without QUIT deletes nothing")
def pop3(t):
    host = Host(t, daemons=("popd",))
    host.put(BOB, letter("big", BIG))
    host.put(ALICE, letter("marked", to=ALICE))
    reading = Lines(host, "pop3", 4096)
    reading.say(f"USER {BOB}", b"+OK")
    reading.say(f"PASS {host.users[BOB]}", b"+OK")
    reading.say("RETR 1", b"+OK")
    marking = host.pop3(ALICE)
    marking.dele(1)
    began = time.monotonic()
    tell(host, "popd")
    contains(end_of(marking), b"-ERR [SYS/TEMP]", "the last words to a quiet session")
    time.sleep(1)
    octets = end_of(reading)
    check(octets.partition(b"\r\n.\r\n")[0].endswith(BIG[:-2]), f"RETR ends with {octets[-200:]!r}")
    ends(host, "popd", began)
    equal(len(host.messages(ALICE)), 1, "messages of the session that had no QUIT")

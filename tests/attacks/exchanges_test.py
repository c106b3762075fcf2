"""A partner in a dialogue who never comes to the end of it; what follows a refused command is not taken for another.

Every exchange is bounded, in count and in time, whichever side we are on; and TLS is ended by a close_notify.
"""
import base64
import contextlib
import select
import socket
import ssl
import threading
import time

from harness import check, contains, equal, eventually, test
from mailhost import Host, letter, unverified
from peers import Sink

ALICE, BOB = "alice@example.test", "bob@example.test"


def open_dialogue(host, name, tls=False, source=None):
    """A stream whose end without a close_notify is an error."""
    plain = socket.create_connection((host.address, host.port(name)), timeout=20, source_address=(source or host.address, 0))
    stream = strict_tls(plain) if tls else plain
    line(stream)
    return stream


def strict_tls(plain):
    return unverified().wrap_socket(plain, suppress_ragged_eofs=False)


def line(stream):
    """One line, octet by octet, so that nothing behind it is read."""
    said = b""
    while not said.endswith(b"\n"):
        octet = stream.recv(1)
        if not octet:
            break
        said += octet
    return said


def ask(stream, *commands):
    """Says so; the lines of the last answer, which is one line or an SMTP reply."""
    stream.sendall("".join(command + "\r\n" for command in commands).encode())
    lines = [line(stream)]
    while lines[-1][3:4] == b"-" and lines[-1][:3].isdigit():
        lines.append(line(stream))
    return b"".join(lines)


def rest(stream):
    """All that comes until the other side ends the conversation properly."""
    said = b""
    while more := stream.recv(4096):
        said += more
    return said


# Our client


def relaying(t, sink, **settings):
    return Host(t, {"relayhost": f"[127.0.0.1]:{sink.port}", "smtp_sasl_auth_enable": True,
                    "smtp_sasl_password_maps": "inline:{{[127.0.0.1]:%d=bob:secret}}" % sink.port,
                    "smtp_tls_security_level": "none", "smtp_sasl_security_options": "", "minimal_backoff_time": "1h", **settings}, daemons=("smtpd",))


def give_away(host):
    with host.smtp() as client:
        client.sendmail(ALICE, ["x@elsewhere.test"], letter("out"))


@test("attack: a next hop that asks for ever for another response gets smtp_sasl_steps_max of them, and the mail waits", alone=True)
def endless_challenges(t):
    last_words = "334 " + base64.b64encode(b"v=for ever").decode()
    sink = Sink(t, answers={"CONNECT": "220 x", "EHLO": "250", "QUIT": "221 x", "": last_words}, keywords=["AUTH SCRAM-SHA-256"])
    host = relaying(t, sink)
    give_away(host)
    deferred = r"to=<x@elsewhere\.test>.*status=deferred \(.*smtp_sasl_steps_max = 10"
    with contextlib.suppress(AssertionError):
        host.wait_log(deferred, 8)
    responses = [command for command in sink.commands if not command.startswith(("EHLO", "AUTH", "QUIT"))]
    print(f"   {len(responses)} responses to a next hop that asks for ever, smtp_sasl_steps_max 10")
    check(len(responses) <= 10, f"{len(responses)} responses")
    host.wait_log(deferred, 1)
    equal(len(host.queue()), 1, "messages that wait")


class Dripper:
    """Greets with an endless reply of short lines."""

    def __init__(self, t, piece):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port, self.piece, self.ended = self.listener.getsockname()[1], piece, None
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()
        t.cleanup(self.stop)

    def serve(self):
        with contextlib.suppress(OSError):
            stream = self.listener.accept()[0]
            began = time.monotonic()
            with stream, contextlib.suppress(OSError):
                while time.monotonic() - began < 20:
                    stream.sendall(self.piece)
                    if select.select([stream], [], [], 0.25)[0] and not stream.recv(100):
                        break
            self.ended = time.monotonic() - began

    def stop(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(30)


@test("attack: a next hop whose greeting drips has smtp_helo_timeout for the whole of it", alone=True)
def dripping_greeting(t):
    drippers = [Dripper(t, b"220-a\r\n"), Dripper(t, b"2")]
    host = Host(t, {"smtp_helo_timeout": "2s", "minimal_backoff_time": "1h", "smtp_tls_security_level": "none",
                    "transport_maps": "inline:{a.test=smtp:[127.0.0.1]:%d, b.test=smtp:[127.0.0.1]:%d}" % tuple(
                        dripper.port for dripper in drippers)}, daemons=("smtpd",))
    with host.smtp() as client:
        for domain in ("a.test", "b.test"):
            client.sendmail(ALICE, ["x@" + domain], letter("out"))
    eventually(lambda: all(dripper.ended for dripper in drippers), "both greetings are given up", 30)
    for dripper in drippers:
        print(f"   a greeting of {dripper.piece} four times a second: given up after {dripper.ended:.1f} s, limit 2 s")
        check(dripper.ended < 5, f"given up after {dripper.ended:.1f} s")


# Our servers


@test("attack: the octets of a refused BDAT are skipped, up to message_size_limit, and none of them is run as a command")
def refused_chunks(t):
    host = Host(t, {"message_size_limit": 100000}, daemons=("smtpd",), sections={"service.smtp": {"smtpd_helo_required": True}})
    octets, run = b"NOOP\r\n" * 50, 0
    cases = [("without login", "submission", True, ["EHLO x"], b"530"), ("without TLS", "submission", False, ["EHLO x"], b"530"),
             ("without MAIL", "smtp", False, ["EHLO x"], b"503"),
             ("without RCPT", "smtp", False, ["EHLO x", f"MAIL FROM:<{ALICE}>"], b"554")]
    for what, service, tls, commands, code in cases:
        plain = stream = open_dialogue(host, service)
        if tls:
            ask(plain, "EHLO x")
            ask(plain, "STARTTLS")
            stream = strict_tls(plain)
        for command in commands:
            ask(stream, command)
        stream.sendall(b"BDAT %d LAST\r\n" % len(octets) + octets + b"QUIT\r\n")
        answers = rest(stream).splitlines()
        run += sum(answer.startswith(b"250 ") for answer in answers)
        print(f"   BDAT {what}: {len(answers) - 2} of 50 commands among its octets run")
        equal([answer[:3] for answer in answers], [code, b"221"], f"answers to BDAT {what} and QUIT")
    # Before EHLO a chunk may stand behind its BDAT (RFC 3030 section 2), but nothing behind the chunk:
    # the connection ends.
    with open_dialogue(host, "smtp") as stream:
        stream.sendall(b"BDAT %d LAST\r\n" % len(octets) + octets + b"RSET\r\nNOOP\r\n")
        equal([answer[:3] for answer in rest(stream).splitlines()], [b"503", b"554"], "the answers to BDAT before EHLO and RSET")
    for argument in ("999999999", "x", "5 " + "x" * 5000):
        with open_dialogue(host, "submission") as stream:
            ask(stream, "EHLO x")
            answer = ask(stream, "BDAT " + argument)
            check(answer[:3] in (b"530", b"500"), f"the answer to BDAT {argument[:20]} is {answer}")
            equal(rest(stream), b"", f"what follows it when nobody knows, or wants to know, where its octets end")


@test("attack: a dialogue before login is bounded in the number of its commands, whatever they are")
def endless_commands(t):
    host = Host(t, {"auth_failure_delay": "0s"})
    plain = base64.b64encode(b"\0nobody\0wrong").decode()
    cases = [("pop3", ["CAPA"], 100), ("pop3", ["AUTH PLAIN", "*"], 100), ("pop3", ["AUTH PLAIN", "?"], 100),
             ("imap", ["a NOOP"], 100), ("imap", ["a CAPABILITY"], 100), ("imap", ["a AUTHENTICATE PLAIN", "*"], 20),
             ("imap", ["a AUTHENTICATE XYZ"], 100), ("imap", [f"a AUTHENTICATE PLAIN {plain}"], 10), ("smtp", ["EHLO x"], 140),
             ("smtp", ["EHLO x", f"MAIL FROM:<{ALICE}>"], 300), ("submissions", ["EHLO x", "AUTH PLAIN", "*"], 100)]
    for name, commands, most in cases:
        stream, asked, answer = open_dialogue(host, name, tls=name == "submissions"), 0, b""
        with contextlib.suppress(OSError):
            while asked < 400:
                answer = ask(stream, commands[asked % len(commands)])
                while answer and (answer.startswith(b"* ") or name == "pop3" and commands == ["CAPA"] and b"-ERR" not in answer
                                  and answer != b".\r\n"):
                    if answer.startswith(b"* BYE"):
                        break
                    answer = line(stream)
                if not answer or answer.startswith((b"421", b"* BYE", b"-ERR Too many")):
                    break
                asked += 1
        stream.close()
        print(f"   {name} {commands}: the dialogue ends after {asked} commands")
        check(asked <= most, f"{name} takes {asked} commands of {commands}")


@test("attack: a PROXY header that drips is not waited for longer than five seconds", alone=True)
def dripping_proxy(t):
    host = Host(t, {"smtpd_proxy_networks": ["127.0.0.2"]}, daemons=("smtpd",))
    with socket.create_connection((host.address, host.port("smtp")), timeout=20, source_address=("127.0.0.2", 0)) as stream:
        began = time.monotonic()
        with contextlib.suppress(OSError):
            for octet in b"PROXY TCP4 192.0.2.7 192.0.2.9 4711 25 and so on":
                stream.sendall(bytes([octet]))
                if select.select([stream], [], [], 0.25)[0]:
                    break
        took = time.monotonic() - began
    print(f"   a header of 4 octets a second: given up after {took:.1f} s")
    check(3 < took < 8, f"given up after {took:.1f} s")


@test("attack: a client that sends ahead where it may not is refused, unless smtpd_forbid_unauth_pipelining is off")
def ahead(t):
    host = Host(t, daemons=("smtpd",))
    message = "Subject: ahead\r\n\r\nahead\r\n.\r\n"
    for what, before, ahead_of_us in (
            ("behind EHLO", [], f"EHLO x\r\nMAIL FROM:<{ALICE}>\r\n"), ("after HELO", ["HELO x"], f"MAIL FROM:<{ALICE}>\r\nRCPT TO:<{BOB}>\r\n"),
            ("behind DATA", ["EHLO x", f"MAIL FROM:<{ALICE}>", f"RCPT TO:<{BOB}>"], "DATA\r\n" + message)):
        with open_dialogue(host, "smtp") as stream:
            for command in before:
                ask(stream, command)
            stream.sendall(ahead_of_us.encode() + b"QUIT\r\n")
            equal(rest(stream), b"554 5.5.0 Error: SMTP protocol synchronization\r\n", f"the answer to what was sent {what}")
    host.wait_log(r"improper command pipelining after DATA from unknown\[127\.0\.0\.1\]")
    with open_dialogue(host, "smtp") as stream:
        ask(stream, "EHLO x")
        stream.sendall(f"MAIL FROM:<{ALICE}>\r\nRCPT TO:<{BOB}>\r\nDATA\r\n".encode())
        eventually(lambda: line(stream).startswith(b"354"), "commands sent ahead where that is allowed are served")
        equal(ask(stream, message[:-2])[:3], b"250", "the end of the message")
    host.settings["smtpd_forbid_unauth_pipelining"] = False
    host.write_settings()
    host.stop("smtpd")
    host.start("smtpd")
    with open_dialogue(host, "smtp") as stream:
        stream.sendall(f"EHLO x\r\nMAIL FROM:<{ALICE}>\r\nQUIT\r\n".encode())
        contains(rest(stream), b"250 2.1.0 Ok", "the answer where the setting is off")


def starttls(host, name, command):
    plain = open_dialogue(host, name)
    if name == "submission":
        ask(plain, "EHLO x")
    ask(plain, command)
    return strict_tls(plain)


@test("attack: TLS ends with a close_notify after QUIT and LOGOUT before login, and whenever else we end a dialogue")
def close_notify(t):
    host = Host(t, {"smtpd_first_mail_timeout": "3s", "pop3_login_timeout": "3s", "imap_login_timeout": "3s", "auth_failure_delay": "0s",
                    "login_tries_max": 1})
    wrong = base64.b64encode(b"\0bob@example.test\0wrong").decode()
    implicit = {name: lambda n=name: open_dialogue(host, n, tls=True) for name in ("submissions", "pop3s", "imaps")}
    begun = {"submission": lambda: starttls(host, "submission", "STARTTLS"), "pop3": lambda: starttls(host, "pop3", "STLS"),
             "imap": lambda: starttls(host, "imap", "a STARTTLS")}
    last_words = {"submission": ["QUIT"], "submissions": ["QUIT"], "pop3": ["QUIT"], "pop3s": ["QUIT"], "imap": ["a LOGOUT"],
                  "imaps": ["a LOGOUT"]}
    cases = [(f"{name}: {word}", make, word) for name, make in {**implicit, **begun}.items() for word in last_words[name]]
    cases += [("pop3s: AUTH, wrong", implicit["pop3s"], f"AUTH PLAIN {wrong}"),
              ("imaps: AUTHENTICATE, wrong", implicit["imaps"], f"a AUTHENTICATE PLAIN {wrong}"),
              ("pop3s: bad commands", implicit["pop3s"], "\r\n".join(["X"] * 50)),
              ("imaps: bad commands", implicit["imaps"], "\r\n".join(["a X"] * 50))]
    cases += [(f"{name}: time is over", make, None) for name, make in implicit.items()]
    missing = []
    streams = [(what, make(), word) for what, make, word in cases]
    for _, stream, word in streams:
        if word:
            stream.sendall(word.encode() + b"\r\n")
    for what, stream, _ in streams:
        try:
            rest(stream)
        except (ssl.SSLError, OSError) as error:
            missing.append(f"{what}: {error}")
        stream.close()
    print(f"   {len(missing)} of {len(cases)} ends without a close_notify")
    check(not missing, "\n".join(missing))
    last = {name: make() for name, make in implicit.items()}
    for daemon in list(host.running):
        host.stop(daemon)
    for name, stream in last.items():
        try:
            rest(stream)
        except (ssl.SSLError, OSError) as error:
            raise AssertionError(f"{name}: no close_notify when the daemon stops: {error}") from error

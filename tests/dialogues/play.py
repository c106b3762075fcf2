"""Plays the cases of a dialogue file against a real host.

    # settings of the host, before the first case; values are TOML
    set message_size_limit = 5000
    alias staff: alice, bob
    daemons popd                           which of them run; all three without this line
    deliver alice@example.test             a letter that lies in her Maildir before the cases, with
                                           the subject `Number N`, N being that of the line
    == a sentence that names the case
    connect smtp                           smtp submission submissions pop3 pop3s imap imaps; `as NAME`
    C: EHLO client.example.test            a line to the server; the end of line is added
    C- one\\r\\ntwo                          exactly these octets: \\r \\n \\t \\0 \\\\ \\xHH
    C* 70000 a                             `a` so many times, without an end of line
    S: 221 2.0.0 Bye                       the server's next line is this
    S~ 250 2.1.0                           the next line begins so
    S/ \\* \\d+ EXISTS                       the next line matches this regular expression
    S+ 250 HELP                            lines are passed over until one begins so; it must come
    S! -ERR                                the next line does not begin so
    TLS                                    a handshake; what the server sent before it must be read
    CLOSED                                 the server closes the connection
    @NAME                                  go on with another connection
    mailbox bob@example.test 1             so many messages, waited for
    queue 0                                so many queued messages, waited for
    log: regular expression                the log says it, waited for

`${plain LOGIN}` is the base64 of SASL PLAIN for one of the host's users, `${b64 text}` any base64.
The cases of a file share one host and come in order; a last case stops it and reads its log.
"""
import base64
import re
import socket
import tomllib

import harness
from harness import check
from mailhost import DAEMONS, Host, letter, unverified

IMPLICIT_TLS = ("submissions", "pop3s", "imaps")
LINE_BYTES_MAX = 1 << 20
SECONDS_PER_LINE = 60


class Connection:
    def __init__(self, host, service):
        self.stream = socket.create_connection((host.address, host.port(service)), timeout=SECONDS_PER_LINE)
        self.buffer = b""
        if service in IMPLICIT_TLS:
            self.start_tls()

    def start_tls(self):
        check(not self.buffer, f"the server sent {self.buffer!r} before the handshake")
        self.stream = unverified().wrap_socket(self.stream, server_hostname="mail.example.test")

    def send(self, octets):
        self.stream.sendall(octets)

    def line(self):
        """The next line without its end; None at the end of the connection."""
        while b"\n" not in self.buffer:
            check(len(self.buffer) < LINE_BYTES_MAX, "the server's line does not end")
            try:
                more = self.stream.recv(65536)
            except (ConnectionError, OSError) as error:
                if isinstance(error, TimeoutError):
                    raise AssertionError(f"the server is silent for {SECONDS_PER_LINE} s") from error
                more = b""
            if not more:
                check(not self.buffer, f"the connection ended within the line {self.buffer!r}")
                return None
            self.buffer += more
        text, _, self.buffer = self.buffer.partition(b"\n")
        check(text.endswith(b"\r"), f"the line {text!r} does not end with CRLF")
        return text[:-1].decode("utf-8", "replace")

    def close(self):
        self.stream.close()


def unescape(text):
    return re.sub(rb"\\(x[0-9a-fA-F]{2}|.)",
                  lambda m: {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"0": b"\0"}.get(
                      m[1], bytes([int(m[1][1:], 16)]) if len(m[1]) == 3 else m[1]), text.encode())


class Player:
    def __init__(self, host):
        self.host = host
        self.connections = {}
        self.current = None

    def expand(self, text):
        def value(match):
            kind, _, rest = match[1].partition(" ")
            if kind == "plain":
                return base64.b64encode(f"\0{rest}\0{self.host.users[rest]}".encode()).decode()
            if kind == "b64":
                return base64.b64encode(rest.encode()).decode()
            raise ValueError(f"unknown ${{{match[1]}}}")
        return re.sub(r"\$\{([^}]+)\}", value, text)

    def play(self, lines, path):
        try:
            for number, line in lines:
                try:
                    self.step(line)
                except AssertionError as error:
                    raise AssertionError(f"{path}:{number}: {line}: {error}") from error
                except (OSError, ValueError, KeyError) as error:
                    raise AssertionError(f"{path}:{number}: {line}: {type(error).__name__}: {error}") from error
        finally:
            for connection in self.connections.values():
                connection.close()

    def step(self, line):
        sign, text = line[:2], self.expand(line[3:])
        at = self.connections.get(self.current)
        if sign == "C:":
            at.send(text.encode() + b"\r\n")
        elif sign == "C-":
            at.send(unescape(text))
        elif sign == "C*":
            count, _, what = text.partition(" ")
            at.send(unescape(what) * int(count))
        elif sign in ("S:", "S~", "S/", "S+", "S!"):
            self.expect(at, sign, text)
        elif line == "TLS":
            at.start_tls()
        elif line == "CLOSED":
            seen = at.line()
            check(seen is None, f"the connection lives on: {seen!r}")
        elif line.startswith("@"):
            self.current = line[1:]
            check(self.current in self.connections, "no such connection")
        else:
            word, _, rest = line.partition(" ")
            {"connect": self.connect, "mailbox": self.mailbox, "queue": self.queue, "log:": self.log}[word](rest)

    def expect(self, at, sign, text):
        seen = at.line()
        if sign == "S+":
            passed = []
            while seen is not None and not seen.startswith(text):
                passed.append(seen)
                seen = at.line()
            check(seen is not None, f"never came; seen {harness.short(passed)}")
            return
        check(seen is not None, "the server closed the connection")
        good = {"S:": seen == text, "S~": seen.startswith(text), "S!": not seen.startswith(text),
                "S/": sign == "S/" and re.fullmatch(text, seen)}[sign]
        check(good, f"seen {seen!r}")

    def connect(self, rest):
        service, _, name = rest.partition(" as ")
        self.current = name or service
        if self.current in self.connections:
            self.connections.pop(self.current).close()
        self.connections[self.current] = Connection(self.host, service)

    def mailbox(self, rest):
        login, count = rest.split()
        self.host.wait_messages(login, int(count))

    def queue(self, rest):
        self.host.wait_queue(int(rest))

    def log(self, rest):
        self.host.wait_log(rest)


def add_file(path, build="release"):
    """Declares the cases of a dialogue file as tests."""
    settings, aliases, letters, cases, daemons = {}, [], [], [], DAEMONS
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file.read().splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            if line.startswith("== "):
                cases.append((line[3:], []))
            elif cases:
                cases[-1][1].append((number, line))
            elif line.startswith("set "):
                settings.update(tomllib.loads(line[4:]))
            elif line.startswith("alias "):
                aliases.append(line[6:] + "\n")
            elif line.startswith("deliver "):
                letters.append(line[8:].strip())
            elif line.startswith("daemons "):
                daemons = line.split()[1:]
            else:
                raise ValueError(f"{path}:{number}: expected set, alias, daemons, deliver or ==")

    def make(context):
        host = Host(context, settings, build=build, aliases="".join(aliases), daemons=daemons, start=False)
        for number, login in enumerate(letters, 1):
            host.put(login, letter(f"Number {number}", to=login))
        host.start()
        return host

    shared = harness.Shared(make)
    short = path.rpartition("/")[2]

    def player(lines):
        return lambda t: Player(shared.get()).play(lines, short)

    for name, lines in cases:
        harness.add_case(f"{short.removesuffix('.dialogue')}: {name}", player(lines), together=shared)
    harness.add_case(f"{short.removesuffix('.dialogue')}: the daemons end cleanly after it", lambda t: shared.stop(), together=shared)

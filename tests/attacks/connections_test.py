"""Strangers who hold connections in; everybody else is served all the same, and quickly.

What a stranger may do is counted as the connection is accepted, before TLS and DNS; and when no place is left, it is
the oldest stranger that goes.
"""
import concurrent.futures
import contextlib
import os
import resource
import select
import socket
import time

from harness import check, equal, eventually, test
from mailhost import Host, free_port, letter, unverified

ALICE, BOB = "alice@example.test", "bob@example.test"
STRANGER, OTHER = "127.0.0.2", "127.0.0.3"  # outside of mynetworks, which the limits spare
PLAIN = ("smtp", "submission", "pop3", "imap")
WITH_TLS = ("submissions", "pop3s", "imaps")
TURNED_AWAY = {"smtp": b"421 4.7.0 ", "submission": b"421 4.7.0 ", "pop3": b"-ERR ", "imap": b"* BYE "}


def connect(host, name, source=STRANGER, timeout=20):
    return socket.create_connection((host.address, host.port(name)), timeout=timeout, source_address=(source, 0))


def crowd(t, host, name, count, source=STRANGER):
    """So many connections that say nothing."""
    streams = [connect(host, name, source) for _ in range(count)]
    t.cleanup(close_all, streams)
    for stream in streams:
        stream.setblocking(False)
    return streams


def close_all(streams):
    for stream in streams:
        stream.close()


def closed(streams):
    """Those of them that the server has closed. What it said before is thrown away."""
    found, by_number, poll = [], {stream.fileno(): stream for stream in streams}, select.poll()
    for number in by_number:
        poll.register(number, select.POLLIN)
    for stream in [by_number[number] for number, _ in poll.poll(0)]:
        with contextlib.suppress(BlockingIOError):
            try:
                while stream.recv(4096):
                    pass
                found.append(stream)
            except ConnectionResetError:
                found.append(stream)
    return found


def hear(stream):
    """All that is said until the other side closes."""
    said = b""
    with contextlib.suppress(ConnectionResetError):
        while more := stream.recv(4096):
            said += more
    return said


def is_greeted(host, name, source=OTHER):
    """How many seconds it takes until a client is greeted, TLS included."""
    began = time.monotonic()
    with connect(host, name, source) as stream:
        with unverified().wrap_socket(stream) if name in WITH_TLS else contextlib.nullcontext(stream) as talk:
            said = talk.recv(100)
            check(said.startswith((b"220 ", b"+OK ", b"* OK ")), f"{name} greets with {said}")
    return time.monotonic() - began


def limits(count=0, rate=0, **more):
    return {"smtpd_client_connection_count_limit": count, "login_client_connection_count_limit": count,
            "smtpd_client_connection_rate_limit": rate, "login_client_connection_rate_limit": rate, **more}


@test("attack: one address holds no more connections than its limit on any port, without a handshake too, and others are served")
def count_limit(t):
    limit, tried = 20, 100
    host = Host(t, limits(limit))
    for name in (*PLAIN, *WITH_TLS):
        gone = set()
        streams = crowd(t, host, name, tried)

        def held(streams=streams, gone=gone):
            gone.update(closed([stream for stream in streams if stream not in gone]))
            return len(streams) - len(gone) <= limit

        try:
            eventually(held, f"{name}: no more than {limit} connections of one address are held", 10)
        finally:
            print(f"   {name}: {tried - len(gone)} of {tried} silent connections of one address held, limit {limit}")
        check(len(gone) <= tried - limit, f"{name}: fewer than {limit} are held")
        if name in PLAIN:
            with connect(host, name) as stream:
                said = hear(stream)
                check(said.startswith(TURNED_AWAY[name]), f"{name}: one too many hears {said}")
        is_greeted(host, name)
        close_all(streams)
        eventually(lambda n=name: is_greeted(host, n, STRANGER), f"{name}: places that were left can be had again")
    host.wait_log(r"warning: Connection concurrency limit exceeded: 21 from unknown\[127\.0\.0\.2\] for service submissions")
    host.wait_log(r"warning: Connection concurrency limit exceeded: 21 from 127\.0\.0\.2 for service imaps")


@test("attack: one address makes no more connections per unit of time than its limit, on any daemon")
def rate_limit(t):
    limit = 5
    host = Host(t, limits(0, limit, anvil_rate_time_unit="1h"))
    for name in ("smtp", "pop3", "imap"):
        heard = []
        for _ in range(limit + 2):
            with connect(host, name) as stream:
                heard.append(stream.recv(100))
        welcome = [said for said in heard if not said.startswith(TURNED_AWAY[name])]
        print(f"   {name}: {len(welcome)} of {len(heard)} connections within an hour are welcome, limit {limit}")
        equal(len(welcome), limit, f"{name}: welcome connections")
        is_greeted(host, name)


@test("attack: what a receive process held is forgotten when it dies")
def crash(t):
    limit = 4
    host = Host(t, limits(limit), daemons=("smtpd",))
    crowd(t, host, "smtp", limit)
    with connect(host, "smtp") as stream:
        check(stream.recv(100).startswith(b"421"), "one too many is welcome")
    for pid in host.pids("smtpd")["smtpd: receive"]:
        host.crash(pid)
    eventually(lambda: is_greeted(host, "smtp", STRANGER), "the address is served by the process that came after")


@test("attack: after login a session counts no more among those of its address")
def logged_in(t):
    host = Host(t, limits(2, login_client_event_limit_exceptions=[]), daemons=("popd", "imapd"))
    clients = [host.imap(BOB, tls=number % 2 == 0) for number in range(5)]
    for client in clients:
        equal(client.noop()[0], "OK", "a session among five of one address")
        client.logout()


def most(host, daemon, kind):
    return len(host.pids(daemon)[f"{daemon}: {kind}"])


@test("attack: when no place is left the oldest stranger goes, is told so, and new clients are served at once", alone=True)
def full(t):
    places = 20
    host = Host(t, limits(0, smtpd_connections_max=places, login_max_connections=places))
    host.put(BOB, letter("kept"))
    mail = host.smtp()
    mail.ehlo()
    equal(mail.mail(ALICE)[0], 250, "MAIL")
    reader = host.imap(BOB, tls=True)
    for daemon, kind, plain, hidden in (("smtpd", "receive", "smtp", "submissions"), ("popd", "login", "pop3", "pop3s"),
                                        ("imapd", "login", "imap", "imaps")):
        oldest = connect(host, plain)
        oldest.recv(1000)
        streams = crowd(t, host, hidden, 2 * places * most(host, daemon, kind))
        # The kernel does not share connections out evenly.
        while not select.select([oldest], [], [], 0.5)[0] and len(streams) < 1000:
            streams += crowd(t, host, hidden, places)
        slowest = max(is_greeted(host, name) for name in (plain, hidden) for _ in range(5))
        print(f"   {daemon}: {len(streams)} half-open connections over {places} places a process; the slowest of 10 greetings took "
              f"{slowest:.2f} s")
        check(slowest < 5, f"{daemon}: a greeting takes {slowest:.1f} s")
        said = hear(oldest)
        check(said.startswith({"smtp": b"421 4.3.2 ", "pop3": b"-ERR [SYS/TEMP] Too", "imap": b"* BYE Too"}[plain]),
              f"{daemon}: the oldest stranger hears {said}")
        close_all(streams)
    equal(mail.rcpt(BOB)[0], 250, "RCPT of a client that said MAIL before the strangers came")
    equal(mail.data(letter("through"))[0], 250, "its message")
    equal(reader.select("INBOX")[0], "OK", "SELECT of a client that had logged in before they came")
    host.wait_messages(BOB, 2)


@test("attack: when descriptors are few, the oldest stranger goes before they are used up", alone=True)
def descriptors(t):
    host = Host(t, limits(0), start=False)
    host.wrapped = lambda command: ["prlimit", "--nofile=320:320", *command]
    host.start()
    for name in ("submissions", "imaps"):
        crowd(t, host, name, 400)
        slowest = max(is_greeted(host, name) for _ in range(5))
        print(f"   {name}: 400 half-open connections over 320 descriptors; the slowest of 5 greetings took {slowest:.2f} s")
        check(slowest < 5, f"{name}: a greeting takes {slowest:.1f} s")


def resident(pid):
    """Bytes of memory that a process has for itself and that are not files."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("RssAnon"))


@test("attack: thousands of strangers at once, all under test, take bounded memory and descriptors, and others are served", seconds=240, alone=True)
def mass(t):
    places, tried = 300, 3000
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(tried + 500, resource.getrlimit(resource.RLIMIT_NOFILE)[0]),
                                                resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    port = free_port()
    host = Host(t, limits(0, smtpd_connections_max=places), daemons=("smtpd",), sections={"service.tested": {
        "kind": "smtp", "port": port, "postscreen_enable": True, "postscreen_greet_wait": "60s", "postscreen_greet_action": "drop",
        "postscreen_pipelining_enable": True}})
    before = {pid: resident(pid) for pid in host.pids("smtpd")["smtpd: receive"]}
    streams = []
    t.cleanup(close_all, streams)
    began = time.monotonic()
    for number in range(tried):
        stream = socket.socket()
        streams.append(stream)
        stream.bind((f"127.0.{number // 250 + 1}.{number % 250 + 1}", 0))
        stream.settimeout(60)
        stream.connect((host.address, port))
        stream.setblocking(False)
    took = time.monotonic() - began
    eventually(lambda: len(closed(streams)) >= tried - 2 * places * len(before), "those for whom there is no place are gone")
    slowest = max(is_greeted(host, "smtp") for _ in range(5))
    for pid, bytes_before in before.items():
        descriptors = len(os.listdir(f"/proc/{pid}/fd"))
        grown = resident(pid) - bytes_before
        print(f"   {tried} connections in {took:.1f} s over {places} places: {descriptors} descriptors, {grown / places / 1024:.0f} KiB a place")
        check(descriptors < places + 100, f"{descriptors} descriptors for {places} places")
        check(grown < places * 100 * 1024, f"{grown} bytes for {places} places")
    equal(sorted(host.pids("smtpd")["smtpd: receive"]), sorted(before), "no process has ended")
    check(slowest < 5, f"a greeting takes {slowest:.1f} s")


HELLO = b"\x16\x03\x01\x02\x00"  # the beginning of a ClientHello of 512 octets


def drip(host, name, piece, longest, before=b"", tls=False):
    """Sends `piece` four times a second; how many seconds until the server has had enough."""
    began = time.monotonic()
    with connect(host, name) as plain:
        with unverified().wrap_socket(plain) if tls else contextlib.nullcontext(plain) as stream:
            if before not in (b"", HELLO):
                stream.recv(1000)
                stream.sendall(before)
                stream.recv(1000)
            if before:
                stream.sendall(HELLO)
            with contextlib.suppress(OSError):
                while time.monotonic() - began < longest:
                    stream.sendall(piece)
                    pause = time.monotonic() + 0.25
                    while (left := pause - time.monotonic()) > 0:
                        if select.select([stream], [], [], left)[0] and not stream.recv(4096):
                            return time.monotonic() - began
    return time.monotonic() - began


@test("attack: the time before login or the first MAIL is one for all that a client does in it, the handshake too", alone=True)
def drips(t):
    limit = 2
    host = Host(t, {"smtpd_first_mail_timeout": f"{limit}s", "pop3_login_timeout": f"{limit}s", "imap_login_timeout": f"{limit}s"})
    cases = [("pop3", b"C"), ("pop3", b"CAPA\r\n"), ("imap", b"a"), ("imap", b"a NOOP\r\n"), ("smtp", b"E"), ("smtp", b"NOOP\r\n"),
             ("submissions", b"\0", HELLO), ("pop3s", b"\0", HELLO), ("imaps", b"\0", HELLO), ("pop3", b"\0", b"STLS\r\n"),
             ("imap", b"\0", b"a STARTTLS\r\n"), ("smtp", b"\0", b"STARTTLS\r\n"), ("pop3s", b"C", b"", True),
             ("imaps", b"a", b"", True), ("submissions", b"E", b"", True)]

    def run(case):
        name, piece, before, tls = (*case, b"", False)[:4] if len(case) == 2 else (*case, False)[:4]
        what = " ".join([name, *(["in TLS"] if tls else []), repr(before + piece)])
        return what, drip(host, name, piece, limit + 4.0, before, tls)

    with concurrent.futures.ThreadPoolExecutor(len(cases)) as pool:
        took = dict(pool.map(run, cases))
    for what, seconds in took.items():
        print(f"   {what}: closed after {seconds:.1f} s, limit {limit} s")
    for what, seconds in took.items():
        check(limit - 0.5 < seconds < limit + 2, f"{what} is closed after {seconds:.1f} s, limit {limit} s")


@test("attack: a name server that is silent delays no greeting longer than smtpd_peername_timeout", alone=True)
def silent_names(t):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        host = Host(t, {"smtpd_peername_lookup": True, "dns_servers": [f"127.0.0.1:{silent.getsockname()[1]}"],
                        "dns_timeout": "4s", "dns_tries": 2, "smtpd_peername_timeout": "1s"}, daemons=("smtpd",))
        took = max(is_greeted(host, name, OTHER) for name in ("smtp", "submissions"))
        print(f"   the slower of 2 greetings took {took:.1f} s, smtpd_peername_timeout 1 s, dns_timeout 4 s")
        check(took < 3, f"a greeting takes {took:.1f} s")

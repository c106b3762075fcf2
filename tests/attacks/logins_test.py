"""Guessing passwords: what it costs us, what it tells the guesser, and whom it keeps out.

Every attack is bounded and comes from loopback addresses, which the server takes for strangers.
"""
import asyncio
import base64
import contextlib
import glob
import itertools
import multiprocessing
import os
import re
import socket
import statistics
import time

from harness import check, eventually, test
from mailhost import Host
from roothost import CAROL_PASSWORD, RootHost

ALICE, BOB = "alice@example.test", "bob@example.test"
ATTACK_SECONDS = 8
ATTACKERS = 100
RIGHT_LOGIN_SECONDS_MAX = 2.0
NO_DELAY = {"auth_failure_delay": "0s"}
# So that the clients here need no TLS for submission.
OPEN_SUBMISSION = {"service.submission": {"smtpd_tls_auth_only": False, "smtpd_tls_security_level": "may"}}


class Client:
    """One connection from `address`; login() answers ok, wrong, or the line."""

    def __init__(self, host, protocol, address="127.0.0.1", timeout=30):
        self.protocol = protocol
        self.socket = socket.create_connection((host.address, host.port(protocol)), timeout, (address, 0))
        self.file = self.socket.makefile("rb")
        self.line()
        if protocol == "submission":
            self.say("EHLO client.example.test")
            while self.line()[3:4] == "-":
                pass

    def __enter__(self):
        return self

    def __exit__(self, *about):
        self.close()

    def close(self):
        self.file.close()
        self.socket.close()

    def line(self):
        return self.file.readline().decode()

    def say(self, text):
        self.socket.sendall(text.encode() + b"\r\n")

    def send_login(self, login, password):
        if self.protocol == "imap":
            self.say(f'a LOGIN "{login}" "{password}"')
        elif self.protocol == "pop3":
            self.say(f"USER {login}")
            self.line()
            self.say(f"PASS {password}")
        else:
            token = base64.b64encode(f"\0{login}\0{password}".encode()).decode()
            self.say("AUTH PLAIN " + token)

    def login(self, login, password):
        self.send_login(login, password)
        answer = self.line()
        while answer.startswith("* "):
            answer = self.line()
        if answer.startswith(("a OK", "+OK", "235")):
            return "ok"
        wrong = ("a NO [AUTHENTICATIONFAILED]", "-ERR [AUTH] Auth", "535")
        return "wrong" if answer.startswith(wrong) else answer.strip() or "closed"


def attempt(host, protocol, login, password, address="127.0.0.1", timeout=30):
    with Client(host, protocol, address, timeout) as client:
        return client.login(login, password)


def timed(host, protocol, login, password, address="127.0.0.1", timeout=30):
    """(answer, seconds); the connection is not counted."""
    with Client(host, protocol, address, timeout) as client:
        begin = time.monotonic()
        try:
            answer = client.login(login, password)
        except TimeoutError:
            answer = "no answer"
        return answer, time.monotonic() - begin


def auth_seconds(host, daemon="imapd"):
    """Processor time that the threads of the daemon's auth process have used; finer than clock ticks."""
    [pid] = host.pids(daemon)[f"{daemon}: auth"]
    nanoseconds = 0
    for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
        with open(path, encoding="ascii") as file:
            nanoseconds += int(file.read().split()[0])
    return nanoseconds / 1e9


def memory_mb(host, daemon="imapd"):
    [pid] = host.pids(daemon)[f"{daemon}: auth"]
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) // 1024 for line in file if line.startswith("VmRSS"))


_guesses = itertools.count()


async def guess(place, address, login, patience):
    """One wrong LOGIN; its client leaves after `patience` seconds. True if it was answered."""
    reader, writer = await asyncio.open_connection(*place, local_addr=(address, 0))
    try:
        await reader.readline()
        writer.write(f"a LOGIN {login} guess{next(_guesses)}\r\n".encode())
        return bool(await asyncio.wait_for(reader.readline(), patience))
    except (TimeoutError, asyncio.TimeoutError):
        return False
    finally:
        writer.close()


def attack(place, addresses, logins, per_address, seconds, patience, counts):
    """Each address guesses on `per_address` connections at a time, for so many seconds."""
    end = time.monotonic() + seconds

    async def guesser(address):
        while time.monotonic() < end:
            login = next(names)
            with contextlib.suppress(OSError):
                answered = await guess(place, address, login, patience)
                counts[0] += 1
                counts[1] += answered

    async def everybody():
        await asyncio.gather(*(guesser(address) for address in addresses for _ in range(per_address)))

    names = itertools.cycle(logins)
    asyncio.run(everybody())


@contextlib.contextmanager
def under_attack(host, addresses, logins, per_address=6, seconds=ATTACK_SECONDS, patience=1.0):
    """The attack in a process of its own; counts: [guesses, answered ones]."""
    counts = multiprocessing.Array("i", 2)
    place = (host.address, host.port("imap"))
    process = multiprocessing.get_context("fork").Process(
        target=attack, args=(place, addresses, logins, per_address, seconds, patience, counts))
    process.start()
    try:
        yield process, counts
        process.join()
    finally:
        if process.is_alive():
            process.terminate()
            process.join()


def strangers(number, net=1):
    return [f"127.0.{net}.{n}" for n in range(1, number + 1)]


def right_logins_pass(name, logins):
    @test(f"while 100 addresses guess {name}, a right login takes under 2 seconds, from a known address or a new one", alone=True)
    def right(t):
        host = Host(t, sections=OPEN_SUBMISSION)
        check(attempt(host, "imap", ALICE, host.users[ALICE]) == "ok", "alice can't log in")
        calm = [timed(host, protocol, ALICE, host.users[ALICE])[1] for protocol in ("imap", "pop3", "submission")]
        # Where others use the processor as well, a login takes long without any attack.
        limit = max(RIGHT_LOGIN_SECONDS_MAX, 8 * max(calm))
        before = auth_seconds(host)
        with under_attack(host, strangers(ATTACKERS), logins) as (process, counts):
            eventually(lambda: counts[0] > 0, "the attack begins")
            pairs = itertools.chain.from_iterable(((ALICE, "127.0.0.1"), (BOB, new)) for new in strangers(200, net=2))
            known, new = [], []
            protocols = itertools.cycle(("imap", "imap", "pop3", "pop3", "submission", "submission"))
            for (who, address), protocol in zip(pairs, protocols):
                if not process.is_alive():
                    break
                answer, seconds = timed(host, protocol, who, host.users[who], address, timeout=20)
                (known if who == ALICE else new).append((seconds, protocol, answer))
            guesses, answered = counts[0], counts[1]
        used = auth_seconds(host) - before
        last = timed(host, "imap", ALICE, host.users[ALICE], timeout=60)
        for kind, seen in (("known", known), ("new", new)):
            seconds = [entry[0] for entry in seen]
            print(f"   {name}: {guesses} guesses, {answered} answered; {len(seen)} right logins from {kind} addresses: "
                  f"median {statistics.median(seconds):.2f} s, longest {max(seconds):.2f} s")
        print(f"   {name}: without attack {max(calm):.2f} s; auth used {used:.1f} s of processor time and has {memory_mb(host)} MB; "
              f"the first login afterwards took {last[1]:.2f} s")
        for entry in known + new + [(last[1], "imap", last[0])]:
            check(entry[2] == "ok" and entry[0] < limit, f"a right login: {entry}")


right_logins_pass("at names that do not exist", [f"user{n}@example.test" for n in range(5000)])
right_logins_pass("at the very users who log in", [ALICE, BOB])


@test("attempts whose clients have gone are not checked", alone=True)
def abandoned(t):
    host = Host(t)
    before = auth_seconds(host)
    timed(host, "imap", ALICE, host.users[ALICE])
    one = max(auth_seconds(host) - before, 0.02)
    before = auth_seconds(host)
    number = 300
    for n, address in itertools.islice(itertools.product(range(5), strangers(60, net=3)), number):
        with Client(host, "imap", address) as client:
            client.send_login(f"user{n}@example.test", "guess")
    check(timed(host, "imap", ALICE, host.users[ALICE])[0] == "ok", "alice can't log in")
    eventually(lambda: len(re.findall(r"imap-login.*: Disconnected", host.log())) >= number, "all sessions end")
    used = (auth_seconds(host) - before) / one
    print(f"   {number} abandoned attempts and one right login cost as much as {used:.0f} checks")
    check(used < number / 3, f"{used:.0f} checks for {number} abandoned attempts")


@test("guesses sent to one daemon count in all, and pennypost throttle shows and lifts the block")
def one_throttle(t):
    host = Host(t, {**NO_DELAY, "auth_failures_per_pair_max": 4}, sections=OPEN_SUBMISSION)
    guesser, other = "127.0.4.1", "127.0.4.2"
    for n, protocol in enumerate(("imap", "pop3", "submission", "imap")):
        check(attempt(host, protocol, BOB, f"guess{n}", guesser) == "wrong", f"{protocol}: a guess")

    def everywhere(login, address, expected, what):
        for protocol in ("imap", "pop3", "submission"):
            eventually(lambda p=protocol: attempt(host, p, login, host.users[login], address) == expected,
                       f"{protocol}: {what}: {expected}", 5)

    everywhere(BOB, guesser, "wrong", "the right password after the block")
    everywhere(ALICE, guesser, "ok", "another login from there")
    everywhere(BOB, other, "ok", "the login from another address")
    listed = host.command("pennypost", "throttle", "list", BOB).stdout.split("\t")
    check(listed[:4] == [guesser, BOB, "4", "blocked"], f"pennypost throttle list: {listed}")
    # A process that begins anew knows of it, and so do all after a restart.
    for daemon, protocol in (("imapd", "imap"), ("popd", "pop3"), ("smtpd", "submission")):
        [pid] = host.pids(daemon)[f"{daemon}: auth"]
        host.crash(pid)
        eventually(lambda d=daemon, p=pid: host.pids(d).get(f"{d}: auth", [p]) != [p], "auth is started again")
        check(attempt(host, protocol, ALICE, host.users[ALICE]) == "ok", f"{protocol}: no login after auth died")
    everywhere(BOB, guesser, "wrong", "after the auth processes died one by one")
    for daemon in ("imapd", "popd", "smtpd"):
        host.stop(daemon)
    host.start()
    everywhere(BOB, guesser, "wrong", "after a restart")
    check("1 entry lifted" in host.command("pennypost", "throttle", "lift", BOB).stdout, "nothing was lifted")
    everywhere(BOB, guesser, "ok", "after the lift")
    check(host.command("pennypost", "throttle", "lift", BOB, ok=False).returncode == 1, "a second lift finds nothing")


@test("own logins do not clear the guesses on others")
def own_success(t):
    host = Host(t, {**NO_DELAY, "auth_failures_per_pair_max": 5})
    answers = []
    for n in range(9):
        answers.append(attempt(host, "imap", BOB, f"guess{n}", "127.0.4.3"))
        check(attempt(host, "imap", ALICE, host.users[ALICE], "127.0.4.3") == "ok", "the guesser's own login")
    check(attempt(host, "imap", BOB, host.users[BOB], "127.0.4.3") == "wrong", "bob's password passes after 9 guesses")
    print(f"   9 guesses between own logins: {answers.count('wrong')} wrong; the right one then is refused unchecked")


@test("a wrong answer comes at a fixed time whoever is asked for, in all daemons; a right one at once", alone=True)
def fixed_time(t):
    delay = 1.0
    settings = {"auth_failure_delay": "1s", "auth_failure_delay_max": "1s", "auth_failures_per_pair_max": 3}
    host = Host(t, settings, sections=OPEN_SUBMISSION)
    host.command("pennypost", "user", "add", "-s", "locked@example.test", input="{SHA512-CRYPT}!$6$locked\n", ok=False)
    who = [(BOB, "known"), ("nobody@example.test", "unknown"), ("nobody@elsewhere.test", "foreign"),
           ("root", "system"), ("locked@example.test", "locked")]
    for protocol in ("imap", "pop3", "submission"):
        times = {}
        for login, kind in who:
            seen = [timed(host, protocol, login, f"guess{n}", "127.0.4.4") for n in range(2)]
            check(all(answer == "wrong" for answer, _ in seen), f"{protocol}: {kind}: {seen}")
            times[kind] = max(seconds for _, seconds in seen)
        timed(host, protocol, BOB, "guess3", "127.0.4.4")
        check("blocked" in host.command("pennypost", "throttle", "list", BOB).stdout, "bob's pair is not blocked")
        times["blocked"] = timed(host, protocol, BOB, "guess4", "127.0.4.4")[1]
        right = timed(host, protocol, ALICE, host.users[ALICE], "127.0.4.4")
        print(f"   {protocol}: " + ", ".join(f"{kind} {seconds:.3f} s" for kind, seconds in times.items()) +
              f"; right {right[1]:.3f} s")
        for kind, seconds in times.items():
            check(seconds % delay < 0.25 and seconds >= delay, f"{protocol}: {kind} answers after {seconds:.3f} s")
        check(right[0] == "ok", f"{protocol}: {right}")


@test("a device that repeats an old password has the others at its address neither blocked nor slowed")
def old_password(t):
    host = Host(t, {**NO_DELAY, "auth_failures_per_pair_max": 3, "auth_failures_per_address_max": 10})
    address = "127.0.4.5"
    check(attempt(host, "imap", BOB, host.users[BOB], address) == "ok", "bob's laptop can't log in")
    for _ in range(20):
        check(attempt(host, "imap", BOB, "last year's", address) == "wrong", "an old password passes")
    answer, seconds = timed(host, "imap", BOB, host.users[BOB], address)
    check(answer == "ok", f"bob's laptop can't log in any more: {answer}")
    print(f"   20 times an old password from the same address; then the right one took {seconds:.2f} s")


@test("guessing from one address at many logins is slowed, and one who has logged in from there before goes on", alone=True)
def slowed(t):
    host = Host(t, {"auth_failure_delay": "1s", "auth_failure_delay_max": "4s", "auth_failures_per_address_max": 5},
                users={ALICE: "alice-secret", BOB: "bob-secret"})
    address = "127.0.4.6"
    check(attempt(host, "imap", ALICE, host.users[ALICE], address) == "ok", "alice can't log in")
    with under_attack(host, [address], [f"user{n}@example.test" for n in range(1000)], 8, 10, 9) as (process, counts):
        eventually(lambda: "slowed" in host.command("pennypost", "throttle", "list", address).stdout, "it is slowed", 8)
        times = []
        while process.is_alive():
            answer, seconds = timed(host, "imap", ALICE, host.users[ALICE], address)
            check(answer == "ok", f"alice is told {answer}")
            times.append(seconds)
            time.sleep(0.2)
    listed = host.command("pennypost", "throttle", "list", address).stdout
    [failures] = re.findall(r"\t\*\t(\d+)\t", listed)
    print(f"   {counts[0]} guesses in 10 s from one address, {failures} of them checked; "
          f"her right logins from there took {max(times):.2f} s at most")
    check(int(failures) < 25, f"{failures} guesses were checked")


@test("system users, own users and strangers are refused after the same time, in all daemons", alone=True)
def system_users(t):
    host = RootHost(t, {"auth_failure_delay": "1s", "auth_failure_delay_max": "1s"}, sections=OPEN_SUBMISSION)
    domain = host.settings["myhostname"]
    who = ("carol", f"carol@{domain}", f"nobody-here@{domain}", "nobody-here", BOB, "nobody-here@example.test", "root")
    check(attempt(host, "imap", f"carol@{domain}", CAROL_PASSWORD) == "ok", "carol can't log in")
    for protocol in ("imap", "pop3", "submission"):
        seen = {login: timed(host, protocol, login, f"guess {protocol}", "127.0.4.7") for login in who}
        print(f"   {protocol}: " + ", ".join(f"{login} {seconds:.3f} s" for login, (_, seconds) in seen.items()))
        for login, (answer, seconds) in seen.items():
            check(answer == "wrong" and 1 <= seconds and seconds % 1 < 0.25, f"{protocol}: {login}: {answer}, {seconds:.3f} s")

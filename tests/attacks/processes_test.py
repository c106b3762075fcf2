"""The processes that serve one system user each are bounded: who comes too many waits or is told to, and nothing is lost.

A deliver process (smtpd) and a worker (popd, imapd) stay for a while in case of more; one that is idle ends when another
user needs its place.
"""
import contextlib
import imaplib
import os
import poplib
import re
import threading
import time

from harness import check, contains, equal, eventually, test
from mailhost import letter
from roothost import CAROL_PASSWORD, RootHost

BOB = "bob@example.test"
CROWD = 400
LIMIT = 100  # deliver_process_limit's default
SECONDS_MAX = 60


def crowd_host(t, settings=None, crowd=CROWD, **options):
    host = RootHost(t, settings, crowd=crowd, **options)
    host.users.update({name: CAROL_PASSWORD for name, _, _ in host.people})
    return host


def address(name):
    return f"{name}@example.test"


def names(host):
    return [name for name, _, _ in host.people if name != "carol"]


def mail_of(host, name):
    home = next(home for other, _, home in host.people if other == name)
    return sum(len(files) for folder, _, files in os.walk(os.path.join(home, "Maildir"))
               if os.path.basename(folder) in ("new", "cur"))


def processes_of(host, daemon, kind, shared=("own-", "nobody")):
    """Pids of the processes that serve one system user each."""
    start = f"{daemon}: {kind} "
    return [pid for title, pids in host.pids(daemon).items() for pid in pids
            if title.startswith(start) and not title[len(start):].startswith(shared)]


def megabytes(pids):
    """What they have, and their share of what they have together."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError), open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            total += sum(int(line.split()[1]) for line in file if line.startswith("Pss:"))
    return total / 1024


@test(f"a message to {CROWD} system users is delivered to each by no more processes than deliver_process_limit allows", alone=True)
def many_recipients(t):
    host = crowd_host(t, daemons=("smtpd",))
    begun = time.monotonic()
    with host.smtp() as client:
        client.sendmail(address("alice"), [address(name) for name in names(host)], letter("to all"))
    peak, own_seconds = 0, 0.0
    with host.smtp() as client:
        client.sendmail(address("alice"), [BOB], letter("to one more"))
        sent = time.monotonic()
    while host.log().count("status=sent") < CROWD + 1:
        check(time.monotonic() - begun < SECONDS_MAX, f"not delivered within {SECONDS_MAX} s")
        peak = max(peak, len(processes_of(host, "smtpd", "deliver")))
        if host.messages(BOB) and not own_seconds:
            own_seconds = time.monotonic() - sent
        time.sleep(0.02)
    seconds = time.monotonic() - begun
    staying = processes_of(host, "smtpd", "deliver")
    print(f"    {CROWD} recipients: {seconds:.1f} s, at most {peak} deliver processes at once; {len(staying)} stay, with "
          f"{megabytes(staying):.0f} MB; another's mail waited {own_seconds:.1f} s", flush=True)
    equal([name for name in names(host) if mail_of(host, name) != 1], [], "users without their one copy")
    for word in ("status=bounced", "status=deferred"):
        equal(host.log().count(word), 0, word)
    check(peak <= LIMIT, f"{peak} deliver processes, the limit is {LIMIT}")
    host.wait_queue(0)


@test("users whose commands run long do not keep others from their mail: the place is given on, and nothing bounces", alone=True)
def long_commands(t):
    host = crowd_host(t, {"deliver_process_limit": 2}, crowd=5, daemons=("smtpd",))
    slow, quick = names(host)[:2], names(host)[2:]
    for name, uid, home in host.people:
        if name in slow:
            path = os.path.join(home, ".forward")
            with open(path, "w", encoding="ascii") as file:
                file.write('"|/bin/sleep 4"\n')
            os.chown(path, uid, uid)
    with host.smtp() as client:
        client.sendmail(address("alice"), [address(name) for name in slow], letter("to the slow"))
        eventually(lambda: len(processes_of(host, "smtpd", "deliver")) == 2, "both places are taken")
        client.sendmail(address("alice"), [BOB], letter("to an own user"))
        host.wait_messages(BOB, 1, seconds=3)
        begun = time.monotonic()
        client.sendmail(address("alice"), [address(name) for name in quick], letter("to the quick"))
        eventually(lambda: all(mail_of(host, name) == 1 for name in quick), "the others have their mail", 20)
    print(f"    {len(quick)} others waited {time.monotonic() - begun:.1f} s for users whose commands take 4 s", flush=True)
    host.wait_queue(0)
    for word in ("status=bounced", "status=deferred"):
        equal(host.log().count(word), 0, word)


@test("no mail is lost, doubled or put off between a deliver process that ends and the next one of its user")
def ends_and_begins(t):
    host = crowd_host(t, {"deliver_process_limit": 2, "max_idle": 1}, crowd=6, daemons=("smtpd",))
    rounds, crowd = 40, names(host)
    seen = set()
    with host.smtp() as client:
        for number in range(rounds):
            for name in crowd:
                client.sendmail(address("alice"), [address(name)], letter(f"number {number}"))
            now = processes_of(host, "smtpd", "deliver")
            check(len(now) <= 2, f"{len(now)} deliver processes, the limit is 2")
            seen.update(now)
    eventually(lambda: host.log().count("status=sent") >= rounds * len(crowd), "all is delivered")
    print(f"    {rounds * len(crowd)} messages to {len(crowd)} users by at most 2 processes at a time, "
          f"at least {len(seen)} in all", flush=True)
    equal({name: mail_of(host, name) for name in crowd}, dict.fromkeys(crowd, rounds), "messages of each user")
    equal(host.log().count("status=deferred"), 0, "status=deferred")
    eventually(lambda: not processes_of(host, "smtpd", "deliver"), "idle processes end", 10)


@test("beyond worker_process_limit an IMAP or POP3 login is told to come again, and idle workers end for it first")
def too_many_workers(t):
    host = crowd_host(t, {"worker_process_limit": 3}, crowd=5, daemons=("imapd", "popd"))
    crowd = names(host)
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(host.imap(name)) for name in crowd[:3]]
        equal(refusal(lambda: host.imap(crowd[3])), "[UNAVAILABLE]", "a fourth user's IMAP login")
        second = stack.enter_context(host.imap(crowd[0]))
        equal(second.noop()[0], "OK", "another session of a user who is there")
        own = stack.enter_context(host.imap("alice@example.test"))
        equal(own.noop()[0], "OK", "an own user's session")
        held.pop(0).logout()
        second.logout()
        begun = time.monotonic()
        stack.enter_context(host.imap(crowd[3]))
        print(f"    in the place of an idle worker a login takes {time.monotonic() - begun:.2f} s", flush=True)
        check(len(processes_of(host, "imapd", "worker")) <= 3, f"workers: {host.pids('imapd')}")
        equal(refusal(lambda: host.imap(crowd[0])), "[UNAVAILABLE]", "the login of the user whose worker has ended")

        popped = [host.pop3(name) for name in crowd[:3]]
        equal(refusal(lambda: host.pop3(crowd[3])), "[SYS/TEMP]", "a fourth user's POP3 login")
        popped.pop(0).quit()
        popped.append(host.pop3(crowd[3]))
        check(len(processes_of(host, "popd", "worker")) <= 3, f"workers: {host.pids('popd')}")
        for client in popped:
            client.quit()
    for daemon in ("imap", "pop3"):
        check(re.search(rf"{daemon}-login\[\d+\]: warning: all worker processes are busy", host.log()),
              f"the log does not say why {daemon}'s logins were refused")
    contains(host.log(), "worker_process_limit = 3: all worker processes are busy", "the log")


def refusal(login):
    """The response code with which a login is refused."""
    try:
        login()
    except (imaplib.IMAP4.error, poplib.error_proto) as error:
        text = error.args[0] if isinstance(error.args[0], str) else error.args[0].decode()
        return text[text.find("["):text.find("]") + 1]
    return "none: it succeeds"


@test("users who log in and out again and again, twice as many as there are places, lose no session")
def logins_in_turns(t):
    host = crowd_host(t, {"worker_process_limit": 3, "max_idle": 1}, crowd=6, daemons=("imapd",))
    rounds, counts, troubles = 12, {"sessions": 0, "refused": 0}, []

    def come_and_go(name):
        done = 0
        while done < rounds and not troubles:
            try:
                with host.imap(name) as client:
                    check(client.select("INBOX")[0] == "OK", "SELECT")
                    check(client.append("INBOX", None, None, letter(f"{name} {done}"))[0] == "OK", "APPEND")
                done += 1
                counts["sessions"] += 1
            except imaplib.IMAP4.error as error:
                if "[UNAVAILABLE]" not in str(error):
                    troubles.append(f"{name}: {error}")
                counts["refused"] += 1
                time.sleep(0.1)
            except (OSError, AssertionError) as error:
                troubles.append(f"{name}: {error!r}")

    threads = [threading.Thread(target=come_and_go, args=(name,)) for name in names(host)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS_MAX)
    print(f"    {counts['sessions']} sessions of {len(threads)} users by at most 3 workers; {counts['refused']} more came too early",
          flush=True)
    equal(troubles, [], "what went wrong")
    equal({name: mail_of(host, name) for name in names(host)}, dict.fromkeys(names(host), rounds), "messages of each user")
    check(len(processes_of(host, "imapd", "worker")) <= 3, f"workers: {host.pids('imapd')}")

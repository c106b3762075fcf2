"""A neighbour on the host asks the queue over its control socket, and does not read the answers, or asks without pause.

He may list and flush as everybody may, but holds up nobody: neither mail that comes in, nor root, nor the queue's owner.
"""
import os
import signal
import subprocess
import sys
import textwrap
import time

from harness import Shared, check, eventually, test
from load import Load
from mailhost import IS_ROOT, Host, letter
from roothost import CAROL

NEIGHBOUR = CAROL  # any user who is neither root nor the queue's owner
LISTED = 400  # messages that wait, so that a page of the list is full
SECONDS = 4.0

# Opens `count` connections, keeps each full of requests, opens another for each that is closed. `reads`: takes the answers.
ATTACK = textwrap.dedent("""
    import os, select, socket, struct, sys, time
    path, user, count, reads, kind = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "reads", int(sys.argv[5])
    body = {202: b"\\0\\0\\0\\0", 203: b"\\0\\0\\0\\0\\x08\\0\\0\\0far.test"}[kind]
    request = (struct.pack("<IHHQ", len(body), kind, 0, 1) + body) * 200
    poll, open_ones, asked, taken, opened = select.poll(), {}, 0, 0, 0
    if user:
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)
    print("begun", flush=True)
    while True:
        while len(open_ones) < count:
            stream = socket.socket(socket.AF_UNIX)
            stream.setblocking(False)
            try:
                stream.connect(path)
            except OSError:
                time.sleep(0.01)
                break
            opened += 1
            open_ones[stream.fileno()] = stream
            poll.register(stream, select.POLLOUT | (select.POLLIN if reads else 0))
        for number, event in poll.poll(100):
            stream = open_ones[number]
            try:
                if event & select.POLLIN:
                    if not (got := stream.recv(1 << 16)):
                        raise OSError
                    taken += len(got)
                if event & select.POLLOUT:
                    asked += stream.send(request)
                if event & (select.POLLHUP | select.POLLERR):
                    raise OSError
            except BlockingIOError:
                pass
            except OSError:
                poll.unregister(stream)
                del open_ones[number]
                stream.close()
                time.sleep(0.001)
""")


class Queued:
    """A host with many messages that wait."""

    def __init__(self, t):
        self.host = Host(t, {"relayhost": "[127.0.0.1]:1", "minimal_backoff_time": "4000s", "maximal_backoff_time": "4000s",
                             "smtpd_recipient_limit": 1000}, daemons=("smtpd",))
        with self.host.smtp() as client:
            for number in range(LISTED):
                recipients = [f"user{number}-{one}@far.test" for one in range(20)]
                client.sendmail("ann@client.test", recipients, letter(f"waits {number}"))
        self.socket = os.path.join(self.host.path("queue"), "socket")
        for folder in (t.folder, self.host.folder, self.host.path("queue")):
            os.chmod(folder, os.stat(folder).st_mode | 0o011)

    def attack(self, t, *arguments, user=NEIGHBOUR):
        words = [self.socket, user if IS_ROOT else 0, *arguments]
        process = subprocess.Popen([sys.executable, "-c", ATTACK, *map(str, words)], stdout=subprocess.PIPE, text=True, cwd="/")

        def end():
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                process.wait(30)
        t.cleanup(end)
        check(process.stdout.readline() == "begun\n", "the attacker does not start")
        return end

    def rate(self, t, name):
        """Messages a second that the host takes from four clients."""
        load = Load(t, self.host, "alice@example.test", name=name)
        time.sleep(SECONDS)  # the time over which the rate is measured
        load.stop()
        check(not load.refused, f"mail was refused: {load.refused[:3]}")
        return len(load.acknowledged) / SECONDS

    def memory(self):
        """Megabytes of the queue process."""
        (pid,) = self.host.pids("smtpd")["smtpd: queue"]
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) / 1024


queued = Shared(Queued)


def judge(t, what, *attack, least):
    full = queued.get()
    quiet, before = full.rate(t, f"quiet-{what.replace(' ', '-')}"), full.memory()
    end = full.attack(t, *attack)
    busy, grown = full.rate(t, f"busy-{what.replace(' ', '-')}"), full.memory() - before
    began = time.monotonic()
    full.host.command("postqueue", "-p")
    listed = time.monotonic() - began
    end()
    print(f"{what}: {quiet:.0f} messages/s taken before, {busy:.0f} under attack; +{grown:.0f} MB; mailq of the owner {listed:.2f} s")
    check(busy >= quiet * least, f"{what}: {quiet:.0f} messages/s before, {busy:.0f} under attack")
    check(grown < 64, f"{what}: the queue process grew by {grown:.0f} MB")
    check(listed < 5, f"{what}: mailq took {listed:.2f} s")


@test("a neighbour who asks for lists and does not read them holds up nobody", alone=True)
def not_reading(t):
    judge(t, "lists not read", 300, "sleeps", 202, least=0.25)


@test("a neighbour who lists the queue without pause holds up nobody", alone=True)
def reading(t):
    judge(t, "lists read without pause", 300, "reads", 202, least=0.25)


@test("a neighbour who flushes a site without pause holds up nobody", alone=True)
def flushing(t):
    judge(t, "flushes without pause", 300, "reads", 203, least=0.25)

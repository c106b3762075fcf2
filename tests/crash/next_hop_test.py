"""The client's processes die between a next hop's 250 for a recipient and our own record of it: at least once, never lost."""
import collections
import os
import signal
import threading

from harness import check, equal, eventually, test
from mailhost import Host, letter
from peers import Sink

ALICE, NAMES = "alice@example.test", ["a@lmtp.test", "b@lmtp.test", "c@lmtp.test"]


class HeldSink(Sink):
    """An LMTP server that answers for its first recipient, and for the others once `go_on` is set; it closes if `gives_up`."""

    def __init__(self, t, gives_up=False):
        self.go_on, self.said, self.gives_up = threading.Event(), [], gives_up
        t.cleanup(self.go_on.set)
        super().__init__(t, lmtp=True)

    def reply_to(self, command, default):
        if command.startswith("END <"):
            if self.said:
                self.go_on.wait(60)
            if self.said and self.gives_up:
                self.gives_up = False
                return "CLOSE"
            self.said.append(command[5:-1])
        return super().reply_to(command, default)


def host_for(t, sink):
    host = Host(t, {"relay_domains": "lmtp.test", "relay_transport": f"lmtp:inet:{sink.address}:{sink.port}",
                    "minimal_backoff_time": "1s", "maximal_backoff_time": "2s"}, daemons=("smtpd",))
    with host.smtp() as client:
        client.sendmail(ALICE, NAMES, letter("to three"))
    return host


def forget(sink):
    """The server sees that its client has gone: only the first recipient has the message."""
    sink.go_on.set()
    eventually(lambda: not sink.gives_up, "the server has closed the connection")
    equal(sum(len(one.recipients) for one in sink.transactions), 1, "recipients who have the message")


def all_have_it(host, sink):
    host.wait_queue(0)
    got = collections.Counter(name for one in sink.transactions for name in one.recipients)
    equal(sorted(got), NAMES, "who has the message")
    told = {name: host.log().count(f"to=<{name}>") - host.log().count(f"to=<{name}>, relay=none") for name in NAMES}
    check(all(told.values()), f"the log tells of each: {told}")
    equal(host.messages(ALICE), [], "reports to the sender")
    return got


@test("kill -9 of the process that speaks LMTP, between a recipient's 250 and its record: all get the message, none is given up")
def send_dies(t):
    sink = HeldSink(t, gives_up=True)
    host = host_for(t, sink)
    eventually(lambda: sink.said, "the server has confirmed one recipient")
    for pid in host.pids("smtpd")["smtpd: send"]:
        host.crash(pid)
    forget(sink)
    got = all_have_it(host, sink)
    check(max(got.values()) <= 2, f"copies: {dict(got)}")


@test("kill -9 of the queue's process when all recipients are confirmed and none is recorded: all get it, at most once more")
def queue_dies(t):
    sink = HeldSink(t)
    host = host_for(t, sink)
    eventually(lambda: sink.said, "the server has confirmed one recipient")
    queue, = host.pids("smtpd")["smtpd: queue"]
    os.kill(queue, signal.SIGSTOP)  # what send tells it now is never recorded
    sink.go_on.set()
    eventually(lambda: sink.transactions and len(sink.transactions[0].recipients) == len(NAMES), "all are confirmed")
    host.crash(queue)
    got = all_have_it(host, sink)
    equal(dict(got), {name: 2 for name in NAMES}, "copies, since no record was left of the first")


@test("kill -9 of all of smtpd between a recipient's 250 and its record: after the next start all get the message")
def all_die(t):
    sink = HeldSink(t, gives_up=True)
    host = host_for(t, sink)
    eventually(lambda: sink.said, "the server has confirmed one recipient")
    host.kill("smtpd")
    forget(sink)
    host.start("smtpd")
    all_have_it(host, sink)

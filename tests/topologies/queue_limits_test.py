"""How fast, and how much at once, mail goes out: pauses between deliveries, and mail that more comes in of than goes out."""
import time

from harness import check, equal, eventually, test
from mailhost import Host, letter
from peers import Sink

ALICE = "alice@example.test"


class ClockedSink(Sink):
    """A sink that notes when each transaction began."""

    def __init__(self, t, **options):
        self.begun = []
        super().__init__(t, **options)

    def reply_to(self, command, default):
        if command.upper().startswith("MAIL"):
            self.begun.append(time.monotonic())
        return super().reply_to(command, default)


def host_with_routes(t, settings, **sinks):
    host = Host(t, {"transport_maps": "texthash:" + t.folder + "/routes", **settings}, daemons=("smtpd",), start=False)
    with open(t.folder + "/routes", "w", encoding="ascii") as file:
        for name, (transport, sink) in sinks.items():
            file.write(f"{name}.test {transport}:[{sink.address}]:{sink.port}\n")
    host.start("smtpd")
    return host


@test("with a rate delay one destination gets its mail one by one with that pause, and all others at once", alone=True)
def rate_delay(t):
    slow, quick = ClockedSink(t), ClockedSink(t)
    host = host_with_routes(t, {"relay_destination_rate_delay": "2s"}, slow=("relay", slow), quick=("smtp", quick))
    with host.smtp() as client:
        for number in range(3):
            client.sendmail(ALICE, ["x@slow.test"], letter(f"slow {number}", to=ALICE))
        for number in range(10):
            client.sendmail(ALICE, ["x@quick.test"], letter(f"quick {number}", to=ALICE))
    eventually(lambda: len(quick.transactions) == 10, "all of the quick ones")
    check(len(slow.begun) < 3, f"the slow ones wait meanwhile: {len(slow.begun)} of 3 have begun")
    eventually(lambda: len(slow.transactions) == 3, "all of the slow ones")
    pauses = [later - earlier for earlier, later in zip(slow.begun, slow.begun[1:])]
    check(all(1.9 <= pause < 10 for pause in pauses), f"the pauses: {pauses}")
    check(max(quick.begun) - min(quick.begun) < 10, "the quick ones do not wait for each other")
    eventually(lambda: host.queue() == [], "the queue is empty")


@test("with a recipient limit of 1 each recipient gets a transaction of its own; a stop in a pause loses nothing")
def recipient_limit(t):
    sink = ClockedSink(t)
    host = host_with_routes(t, {"relay_destination_recipient_limit": 1, "relay_transport_rate_delay": "1h"}, far=("relay", sink))
    with host.smtp() as client:
        client.sendmail(ALICE, ["a@far.test", "b@far.test"], letter("two", to=ALICE))
    eventually(lambda: len(sink.transactions) == 1, "the first recipient's")
    equal(len(sink.transactions[0].recipients), 1, "recipients of the transaction")
    equal(host.stop("smtpd"), 0, "smtpd's exit status")
    left = [recipient["address"] for entry in host.queue() for recipient in entry["recipients"]]
    equal(sorted(left + sink.transactions[0].recipients), ["a@far.test", "b@far.test"], "who has it and who still waits")
    host.settings["relay_transport_rate_delay"] = "0s"
    host.write_settings()
    host.start("smtpd")
    eventually(lambda: len(sink.transactions) == 2, "the second recipient's")
    equal(sorted(sink.transactions[1].recipients + sink.transactions[0].recipients), ["a@far.test", "b@far.test"], "both have it")

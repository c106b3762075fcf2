"""The disk runs full under load; what was acknowledged arrives once when there is room again, and all is well."""
import os

from disks import Disk, fill
from harness import check, equal, eventually, test
from load import Load, ids_of
from mailhost import Host, give

BOB = "bob@example.test"
LINE = b"x" * 78 + b"\r\n"
SIZES = {"small": 50, "large": 2000}  # lines; the large ones are body files of the queue
REFUSALS = 40


def full_under_load(name, place, settings):
    @test(f"the disk of {name} runs full while ten sessions send: 452 or deferral, and what got a 250 arrives once", seconds=600)
    def full(t):
        disk = Disk(t, "disk", megabytes=192)
        folder = os.path.join(disk.folder, "post")
        os.makedirs(folder)
        give(disk.folder)
        host = Host(t, {place: folder, "smtpd_client_connection_count_limit": 0, "minimal_backoff_time": "1s",
                        "maximal_backoff_time": "2s", "queue_ballast": "4M", **settings}, daemons=("smtpd",), start=False)
        if place == "virtual_mailbox_base":
            host.mail = folder
        host.start()
        loads = [Load(t, host, BOB, sessions=5, body=LINE * lines, pause=0.01, name=size) for size, lines in SIZES.items()]

        def acknowledged():
            return sum(len(load.acknowledged) for load in loads)

        def troubles():
            refused = [code for load in loads for code, _ in load.refused]
            return len(refused) + host.log().count("status=deferred")

        eventually(lambda: acknowledged() >= 50, "mail is taken")
        filler = fill(os.path.join(disk.folder, "filler"), 0)
        eventually(lambda: troubles() >= REFUSALS, "the full disk is felt", 120)
        # Room for a moment, and none again: what heals must bear a second time.
        os.unlink(filler)
        before = acknowledged()
        eventually(lambda: acknowledged() >= before + 20, "mail is taken again", 120)
        fill(filler, 0)
        felt = troubles()
        eventually(lambda: troubles() >= felt + REFUSALS, "the full disk is felt again", 120)
        os.unlink(filler)
        before = acknowledged()
        eventually(lambda: acknowledged() >= before + 20, "mail is taken at the end", 120)
        for load in loads:
            load.stop()
            equal({code for code, _ in load.refused} - {451, 452}, set(), f"codes of refusals: {load.refused[-3:]}")
        host.command("postqueue", "-f")
        host.wait_queue(0, 180)
        arrived = ids_of(host.messages(BOB))
        taken = set().union(*(load.acknowledged for load in loads))
        attempted = set().union(*(load.attempted for load in loads))
        lost = [one for one in taken if not arrived[one]]
        twice = [one for one, count in arrived.items() if count > 1]
        equal((lost, twice), ([], []), f"lost and doubled among {len(taken)} acknowledged messages")
        check(set(arrived) <= attempted, "messages that nobody sent")
        host.stop("smtpd")
        host.start("smtpd")
        equal(host.queue(), [], "what the queue holds after a restart")


full_under_load("the queue", "queue_directory", {})
# Nothing is kept free: the write itself fails, not the look for room before it.
full_under_load("the queue, used to the last octet,", "queue_directory", {"queue_minfree": 1})
full_under_load("the mailboxes", "virtual_mailbox_base", {})

"""The disk runs full under load; what was acknowledged arrives once when there is room again, and all is well."""
import os

from disks import Disk, fill, occupy
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

        filler = os.path.join(disk.folder, "filler")

        def is_felt(least):
            # What is delivered, and a log that is done with, leaves room behind, at any time: that is taken too.
            fill(filler, 0)
            return troubles() >= least

        eventually(lambda: acknowledged() >= 50, "mail is taken")
        eventually(lambda: is_felt(REFUSALS), "the full disk is felt", 120)
        # Room for a moment, and none again: what heals must bear a second time.
        os.unlink(filler)
        before = acknowledged()
        eventually(lambda: acknowledged() >= before + 20, "mail is taken again", 120)
        felt = troubles()
        eventually(lambda: is_felt(felt + REFUSALS), "the full disk is felt again", 120)
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


def host_on_full_disk(t):
    """A host whose delivery is put off, so that what is acknowledged lies on the disk alone; its disk is full.

    Returns the host, the file that fills the disk, and the ids that got a 250.
    """
    disk = Disk(t, "disk", megabytes=192)
    folder = os.path.join(disk.folder, "post")
    os.makedirs(folder)
    give(disk.folder)
    host = Host(t, {"queue_directory": folder, "queue_ballast": "16M", "queue_minfree": 1,
                    "smtpd_client_connection_count_limit": 0, "local_transport": "retry:4.3.0 put off by the test"},
                daemons=("smtpd",))
    load = Load(t, host, BOB, sessions=10, body=LINE * SIZES["small"], name="waiting")
    eventually(lambda: len(load.acknowledged) >= 100, "mail is taken")
    # A little is left, so that the look for room finds some, and a commit is what fails. The ballast's
    # room, freed then, is left to the host.
    filler = occupy(os.path.join(disk.folder, "filler"), 3 << 20)
    host.wait_log(r"the queue's disk is full: new mail is refused until there is room; deliveries go on", 120)
    eventually(lambda: len(load.refused) >= REFUSALS, "mail is refused")
    load.stop()
    equal({code for code, _ in load.refused} - {451, 452}, set(), f"codes of refusals: {load.refused[-3:]}")
    return host, filler, load.acknowledged


def deliver_at_last(host):
    host.settings["local_transport"] = "local:$myhostname"
    host.write_settings()


def arrived_once(host, taken):
    arrived = ids_of(host.messages(BOB))
    equal([one for one in taken if arrived[one] != 1], [], f"not there once, of {len(taken)} acknowledged messages")


@test("the queue's disk runs full while delivery is put off, then kill -9: what got a 250 arrives once", seconds=600)
def killed_when_full(t):
    host, filler, taken = host_on_full_disk(t)
    host.kill("smtpd")
    os.unlink(filler)
    deliver_at_last(host)
    host.start("smtpd")
    host.command("postqueue", "-f")
    host.wait_queue(0, 180)
    arrived_once(host, taken)


@test("while the queue's disk is full, what waits is delivered and its outcome recorded: the ballast makes room for it",
      seconds=600)
def ballast(t):
    host, filler, taken = host_on_full_disk(t)
    deliver_at_last(host)
    host.reload("smtpd")

    def is_emptied():
        host.command("postqueue", "-f")
        return not host.queue()
    eventually(is_emptied, "the queue empties", 120)
    arrived_once(host, taken)
    host.stop("smtpd")
    os.unlink(filler)
    host.start("smtpd")
    host.wait_queue(0)
    arrived_once(host, taken)


@test("a queue lies on a small disk that can't reserve blocks, too: what got a 250 is there after kill -9", seconds=120)
def no_reserve(t):
    disk = Disk(t, "disk", megabytes=96, options=["-O", "^extents,^64bit,^metadata_csum"])  # as ext3
    folder = os.path.join(disk.folder, "post")
    os.makedirs(folder)
    give(disk.folder)
    host = Host(t, {"queue_directory": folder, "queue_ballast": "4M", "queue_minfree": 1,
                    "local_transport": "retry:4.3.0 put off by the test"}, daemons=("smtpd",))
    load = Load(t, host, BOB, sessions=2, body=LINE * SIZES["small"], name="waiting")
    eventually(lambda: len(load.acknowledged) >= 20, "mail is taken")
    load.stop()
    host.kill("smtpd")
    deliver_at_last(host)
    host.start("smtpd")
    host.command("postqueue", "-f")
    host.wait_queue(0, 60)
    arrived_once(host, load.acknowledged)

"""All that a host writes lies on one disk, which is full: no process dies of it, mail is read and deleted, and new mail gets 452."""
import contextlib
import itertools
import os
import shutil
import smtplib

from disks import Disk, fill, run
from harness import check, contains, equal, eventually, test
from mailhost import Host, give, letter

ALICE, BOB = "alice@example.test", "bob@example.test"
FREE_KIB = ((0, 16, 64), (128, 512))
LETTERS = 20
OFFERS_MAX = 100


def host_on(t, disk):
    folder = os.path.join(disk.folder, "post")
    os.makedirs(folder)
    give(disk.folder)
    places = {name: os.path.join(folder, name) for name in ("queue", "data", "mail", "run")}
    for place in places.values():
        os.makedirs(place)
    give(disk.folder)
    host = Host(t, {"queue_directory": places["queue"], "data_directory": places["data"], "virtual_mailbox_base": places["mail"],
                    "base_dir": places["run"], "queue_ballast": "1M", "queue_minfree": 1,
                    "smtpd_client_connection_count_limit": 0}, start=False)
    host.mail = places["mail"]
    return host


def offer(host):
    """What the server says to a message: its code."""
    with host.smtp(timeout=30) as client:
        try:
            client.sendmail(ALICE, [BOB], letter("one more", body="x" * 3000 + "\r\n"))
        except smtplib.SMTPResponseException as error:
            return error.smtp_code
        except smtplib.SMTPRecipientsRefused as error:
            return max(code for code, _ in error.recipients.values())
    return 250


def said(answer):
    """OK, or the server's words."""
    status, text = answer
    return status if status == "OK" else f"{status} {text}"


def names(host):
    """Of Bob's messages, without their flags."""
    return {os.path.basename(path).partition(":")[0] for path in host.messages(BOB)}


def read_and_delete(host):
    """Bob reads a message by IMAP and deletes it, and another by POP3. Some may wait to be seen for want of a UID."""
    before = names(host)
    imap = host.imap(BOB)
    equal(said(imap.select("INBOX")), "OK", "SELECT")
    status, data = imap.fetch("1", "(UID ENVELOPE BODY[])")
    check(status == "OK" and b"Subject" in data[0][1], f"FETCH: {status} {data}")
    equal(said(imap.store("1", "+FLAGS", r"(\Deleted)")), "OK", "STORE")
    equal(imap.expunge(), ("OK", [b"1"]), "EXPUNGE")
    imap.logout()
    pop3 = host.pop3(BOB)
    pop3.retr(1)
    pop3.dele(1)
    pop3.quit()
    equal(len(before - names(host)), 2, "messages that have gone")


def launch(host):
    """Starts all, whose queue may not be open yet."""
    for daemon in host.daemons:
        host.launch(daemon)
    for daemon, name in (("smtpd", "smtp"), ("popd", "pop3"), ("imapd", "imap")):
        eventually(lambda d=daemon, n=name: host.answers(d, host.port(n), n + "_port"), f"{daemon} answers")


def tried(host, disk, free, how):
    """How many messages got a 250."""
    filler = os.path.join(disk.folder, "filler")
    if how == "at start":
        host.stop_all()
        fill(filler, free << 10)
        launch(host)
    else:
        fill(filler, free << 10)
    codes = [offer(host)]
    while codes[-1] == 250 and len(codes) < OFFERS_MAX:
        fill(filler, 0)
        codes.append(offer(host))
    equal(codes[-1], 452, f"{free} KiB {how}: the last code of {codes[-5:]}")
    read_and_delete(host)
    os.unlink(filler)
    eventually(lambda: offer(host) == 250, f"{free} KiB {how}: mail is taken again", 40)
    print(f"{free} KiB free {how}: {len(codes) - 1} messages taken, then 452; and taken again with room")
    return codes.count(250) + 1


def no_room(kind, how, free_kib, **disk_options):
    @test(f"with {', '.join(str(kib) for kib in free_kib)} KiB free on ext4 {kind} {how}, the daemons serve, refuse mail with 452, and recover")
    def full(t):
        disk = Disk(t, "disk", megabytes=64, options=["-m", "0"], **disk_options)
        host = host_on(t, disk)
        for _ in range(LETTERS):
            host.put(BOB, letter("waiting", body="y" * 2000 + "\r\n"))
        host.start()
        taken = sum(tried(host, disk, free, how) for free in free_kib)
        contains(host.log(), "No space left on device", "the log")
        host.command("postqueue", "-f")
        host.wait_messages(BOB, LETTERS - 2 * len(free_kib) + taken)


for journal in (True, False):
    for moment in ("at start", "while they run"):
        for sizes in FREE_KIB:
            no_room("with a journal" if journal else "without a journal", moment, sizes, journal=journal)


@test("on a full disk each command that writes says so and leaves what was there, and works again with room")
def commands(t):
    disk = Disk(t, "host", megabytes=64, options=["-m", "0"])
    give(disk.folder)
    host = Host(t, {"queue_ballast": "1M"}, daemons=("smtpd",))
    host.stop("smtpd")
    table = "hash:" + host.write("etc/virtual", "a@example.test bob@example.test\n")
    writers = (("postmap", table), ("newaliases",), ("pennypost", "user", "add", "carol@example.test"),
               ("postconf", "-e", "message_size_limit=1000000"))
    host.command("postmap", table)
    filler = fill(os.path.join(disk.folder, "filler"), 0)
    for words in writers:
        done = host.command(*words, input="carol-secret\n", ok=False)
        check(done.returncode > 0, f"{words}: exit status {done.returncode}")
        contains(done.stderr, "No space left on device", f"{words}")
    done = host.command("sendmail", BOB, input=letter("none").decode(), ok=False)
    equal(done.returncode, os.EX_TEMPFAIL, f"exit status of sendmail, which said {done.stderr}")
    contains(done.stderr, "No space left on device", "sendmail")
    equal(host.command("postmap", "-q", "a@example.test", table).stdout, "bob@example.test\n", "the table of before")
    os.unlink(filler)
    for words in writers:
        host.command(*words, input="carol-secret\n")
    host.users["carol@example.test"] = "carol-secret"
    host.start("imapd")
    host.imap("carol@example.test").logout()


@test("on a disk that is read-only at start no process dies: mail can be read, new mail gets 4xx, and is taken once it can be written")
def read_only(t):
    disk = Disk(t, "disk", megabytes=64, options=["-m", "0"])
    host = host_on(t, disk)
    host.settings["base_dir"] = host.path("run")
    host.write_settings()
    for _ in range(3):
        host.put(BOB, letter("waiting"))
    host.start()
    imap = host.imap(BOB)
    equal(said(imap.select("INBOX")), "OK", "SELECT")
    imap.logout()
    host.stop_all()
    run("mount", "-o", "remount,ro", disk.folder)
    t.cleanup(lambda: run("mount", "-o", "remount,rw", disk.folder))
    launch(host)
    code = offer(host)
    check(400 <= code < 500, f"code {code} to new mail")
    imap = host.imap(BOB)
    equal(said(imap.select("INBOX")), "OK", "SELECT of what can't be written")
    status, data = imap.fetch("1", "(BODY[])")
    check(status == "OK" and b"Subject" in data[0][1], f"FETCH: {status} {data}")
    imap.logout()
    contains(host.log(), "Read-only file system", "the log")
    run("mount", "-o", "remount,rw", disk.folder)
    eventually(lambda: offer(host) == 250, "mail is taken again", 40)


@test("a disk without inodes kills no process: mail is read and deleted, new mail gets 452, and is taken once there are some")
def no_inodes(t):
    disk = Disk(t, "disk", megabytes=64, options=["-m", "0", "-N", "256"])
    host = host_on(t, disk)
    for _ in range(LETTERS):
        host.put(BOB, letter("waiting"))
    host.start()
    imap = host.imap(BOB)
    equal(said(imap.select("INBOX")), "OK", "SELECT")
    imap.logout()
    folder = os.path.join(disk.folder, "fillers")
    os.makedirs(folder)
    use_up(folder)
    codes = [offer(host) for _ in range(3)]
    check(set(codes) <= {250, 452}, f"codes {codes}")
    use_up(folder)
    read_and_delete(host)
    shutil.rmtree(folder)
    eventually(lambda: offer(host) == 250, "mail is taken again", 40)


def use_up(folder):
    """Takes all inodes that are left."""
    with contextlib.suppress(OSError):
        for number in itertools.count(len(os.listdir(folder))):
            with open(os.path.join(folder, str(number)), "xb"):
                pass

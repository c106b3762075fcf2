"""All that a host writes lies on one disk, which is full: no process dies of it, mail is read and deleted, and new mail gets 452."""
import contextlib
import itertools
import os
import select
import shutil
import smtplib
import time

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


# --- mbox ---------------------------------------------------------------------------------------

MBOX_LETTERS = 12
BODY = "z" * 9000 + "\r\n"


def mbox_host_on(t, disk):
    """As host_on, but bob's INBOX is one file; he has letters 1 to 12, of which the last three came after he last looked."""
    host = host_on(t, disk)
    host.settings["virtual_mail_location"] = "mbox:~/mail:INBOX=~/inbox"
    host.write_settings()
    host.start()
    for number in range(1, MBOX_LETTERS + 1):
        if number == MBOX_LETTERS - 2:
            imap = host.imap(BOB)
            equal(imap.select("INBOX"), ("OK", [b"9"]), "SELECT with room")
            imap.logout()
        with host.smtp() as client:
            client.sendmail(ALICE, [BOB], letter(f"n{number}", body=f"{number} {BODY}"))
        eventually(lambda n=number: len(subjects(host)) == n, f"letter {number} is in the mbox")
    return host


def inbox_of(host):
    return os.path.join(host.mail, "example.test", "bob", "inbox")


def subjects(host):
    """Of the messages in bob's mbox, each of which is whole."""
    try:
        with open(inbox_of(host), encoding="ascii") as file:
            text = file.read()
    except FileNotFoundError:
        return []
    found = []
    for message in text.split("\nFrom ") if text else []:
        number = message.partition("Subject: n")[2].partition("\n")[0]
        contains(message, f"\n\n{number} {BODY.strip()}\n", f"letter {number}")
        found.append(int(number))
    return found


def fill_up(disk):
    """Not one block is left."""
    filler = os.path.join(disk.folder, "filler")
    # A last block may be free that this file could only use with a further one; another file can.
    for i in range(20):
        fill(f"{filler}{i}" if i > 2 else filler, 0)
        os.sync()
        if i > 1 and shutil.disk_usage(disk.folder).free == 0:
            break
    equal(shutil.disk_usage(disk.folder).free, 0, "room on the disk")
    return filler


def kept(*gone):
    return [number for number in range(1, MBOX_LETTERS + 1) if number not in gone]


def mbox_without_room(kind, **disk_options):
    @test(f"on a full ext4 {kind}, mail in an mbox is read, flagged and deleted by IMAP and POP3, and room comes of it")
    def mbox(t):
        disk = Disk(t, "disk", megabytes=64, options=["-m", "0"], **disk_options)
        host = mbox_host_on(t, disk)
        filler = fill_up(disk)
        imap = host.imap(BOB)
        equal(said(imap.select("INBOX")), "OK", "SELECT")
        status, data = imap.fetch("11", "(UID FLAGS BODY[])")
        check(status == "OK" and b"Subject: n11" in data[0][1], f"FETCH: {status} {data}")
        equal(said(imap.store("2,5,10", "+FLAGS", r"(\Deleted)")), "OK", "STORE")
        equal(said(imap.store("11", "+FLAGS", r"(\Flagged)")), "OK", "STORE of a letter without fields in the file")
        size = os.path.getsize(inbox_of(host))
        equal(imap.expunge(), ("OK", [b"10", b"5", b"2"]), "EXPUNGE")
        check(os.path.getsize(inbox_of(host)) < size - 3 * len(BODY) + 2000, "the mbox is shorter")
        equal(subjects(host), kept(2, 5, 10), "what is left")
        contains(imap.fetch("8", "(FLAGS)")[1][0].decode(), r"\Flagged", "flags that were told before")
        imap.logout()
        pop3 = host.pop3(BOB)
        pop3.dele(1)
        pop3.dele(9)
        pop3.quit()
        equal(subjects(host), kept(1, 2, 5, 10, 12), "what POP3 leaves")
        check(shutil.disk_usage(disk.folder).free > 0, "there is room again")
        os.unlink(filler)
        imap = host.imap(BOB)
        equal(imap.select("INBOX"), ("OK", [b"7"]), "SELECT with room again")
        equal(imap.fetch("7", "(UID FLAGS)")[1][0].decode(), r"7 (UID 11 FLAGS (\Flagged \Seen))", "the last letter")
        imap.logout()


mbox_without_room("with a journal", journal=True)
mbox_without_room("without a journal", journal=False)


BIG_LETTERS = 60
KILL_AT_STEPS = (1, 3, 30)
BIG_LINE = "w" * 60_000


def steps_of_gap(host):
    """How far a removal in place has come; 0 while none is under way."""
    with open(os.path.join(host.mail, "example.test", "bob", "mail", ".imap", ".pennypost", "INBOX.reserve"), "rb") as file:
        reserve = file.read()
    records = [reserve[at:at + 512].split(b"\n")[0].split() for at in (0, len(reserve) // 2)]
    return max((int(words[2]) for words in records if words and words[0] == b"pennypost-gap"), default=0)


def numbers_of(path):
    """The numbers of the messages in an mbox, each of which is whole."""
    with open(path, encoding="ascii") as file:
        text = file.read()
    found = []
    for message in ("\n" + text).split("\nFrom ")[1:]:
        number = message.partition("Subject: n")[2].partition("\n")[0]
        check(message.count(f"\n{number} {BIG_LINE}\n") == 1, f"letter {number} is not whole")
        found.append(int(number))
    return found


def killed_while_removing(host, imap, steps):
    """Asks for EXPUNGE and kills imapd at that step of the removal; False if the removal had ended before."""
    imap.send(b"x EXPUNGE\r\n")
    until = time.monotonic() + 60
    while steps_of_gap(host) < steps:  # without a pause: a step takes less than a millisecond on a quick disk
        if select.select([imap.sock], [], [], 0)[0]:
            return False
        check(time.monotonic() < until, f"neither step {steps} of the removal nor an answer within 60 s")
    host.kill("imapd")
    is_under_way = steps_of_gap(host) > 0
    host.start("imapd")
    return is_under_way


@test("imapd killed in the middle of an expunge on a full disk loses no letter of an mbox and doubles none")
def mbox_killed(t):
    disk = Disk(t, "disk", megabytes=64, options=["-m", "0"])
    host = host_on(t, disk)
    host.settings["virtual_mail_location"] = "mbox:~/mail:INBOX=~/inbox"
    # What kill -9 leaves is a lock file that had no room for its owner's name: it goes by its age alone.
    host.settings["stale_lock_time"] = "10s"
    host.write_settings()
    inbox = inbox_of(host)
    os.makedirs(os.path.dirname(inbox), exist_ok=True)
    with open(inbox, "w", encoding="ascii") as file:
        for number in range(1, BIG_LETTERS + 1):
            file.write(f"From ann@example.net Tue Nov 14 22:13:20 2023\nSubject: n{number}\n\n{number} {BIG_LINE}\n\n")
    give(host.mail)
    host.start("imapd")
    imap = host.imap(BOB)
    equal(said(imap.select("INBOX")), "OK", "SELECT with room")
    imap.logout()
    fill_up(disk)
    there = set(range(1, BIG_LETTERS + 1))
    seen = []
    tries = list(KILL_AT_STEPS) * 5
    while tries:
        steps = tries.pop(0)
        imap = host.imap(BOB)
        equal(said(imap.select("INBOX")), "OK", "SELECT")
        gone = sorted(there)[:1]
        equal(said(imap.store("1", "+FLAGS", r"(\Deleted)")), "OK", "STORE")
        if not killed_while_removing(host, imap, steps):
            imap.shutdown()
            there -= set(gone)
            continue
        tries = [later for later in tries if later != steps]
        seen.append(steps)
        imap = host.imap(BOB)
        equal(said(imap.select("INBOX")), "OK", "SELECT after the kill")
        left = numbers_of(inbox)
        imap.logout()
        equal([number for number in left if number not in gone], sorted(there - set(gone)), f"killed at step {steps}: the other letters")
        equal(len(left), len(set(left)), f"killed at step {steps}: no letter is doubled")
        there = set(left)
    equal(sorted(seen), sorted(KILL_AT_STEPS), "the steps at which imapd was killed")

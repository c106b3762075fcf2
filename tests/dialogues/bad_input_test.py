"""A faulty configuration, table, mailbox or disk gives a clear message and loses no mail.

Each test looks for the exit status, `file:line:` where there is one, the words of the remedy, and the
number of messages in the queue and the mailboxes before and after.
"""
import concurrent.futures
import glob
import os
import re
import shutil
import socket
import subprocess

from harness import check, contains, equal, eventually, test
from mailhost import DAEMONS, IS_ROOT, TOP, Host, give, letter

ALICE, BOB = "alice@example.test", "bob@example.test"
USAGE, OS_ERROR, CONFIGURATION = 64, 71, 78  # sysexits(3)


def with_mail(t, **options):
    """A host whose bob has one message, and which is stopped again."""
    host = Host(t, **options)
    with host.smtp() as client:
        client.sendmail(ALICE, [BOB], letter("before"))
    host.wait_messages(BOB, 1)
    host.wait_queue(0)
    return host


def line_of(host, text):
    with open(os.path.join(host.etc, "main.toml"), encoding="utf-8") as file:
        return next(number for number, line in enumerate(file, 1) if text in line)


def refuses(host, daemon, status, *words):
    """The daemon must end by itself with this status, and say these words."""
    before = len(host.log())
    process = host.launch(daemon)
    try:
        ended = process.wait(60)
    except subprocess.TimeoutExpired:
        host.stop(daemon)
        raise AssertionError(f"{daemon} starts as if nothing were wrong")
    del host.running[daemon]
    said = host.errors(daemon) + host.log()[before:]
    for word in words:
        contains(said, word, f"what {daemon} says")
    equal(ended, status, f"exit status of {daemon}, which says {said[-600:]}")


def bad_setting(name, line, *words, status=CONFIGURATION):
    @test(f"bad input: {name}")
    def case(t):
        host = with_mail(t, daemons=("smtpd",))
        before = host.post_counts()
        host.stop("smtpd")
        with open(os.path.join(host.etc, "main.toml"), "a", encoding="utf-8") as file:
            file.write(line + "\n")
        where = f"{host.etc}/main.toml:{line_of(host, line)}:"
        for daemon in ("smtpd", "popd", "imapd"):
            refuses(host, daemon, status, where, *words)
        done = host.command("pennypost", "check", ok=False)
        check(done.returncode != 0, "pennypost check finds nothing wrong")
        contains(done.stdout + done.stderr, where, "what pennypost check says")
        with open(os.path.join(host.etc, "main.toml"), encoding="utf-8") as file:
            good = file.read().replace(line + "\n", "")
        host.write("etc/main.toml", good)
        host.start("smtpd")
        equal(host.post_counts(), before, "messages before and after")


bad_setting("an unknown setting is answered with the nearest known one", 'mynetwork_style = "host"',
            "mynetwork_style", "mynetworks_style")
bad_setting("a setting of the wrong type", "smtpd_banner = 5", "smtpd_banner")
bad_setting("a number out of range", "smtpd_hard_error_limit = 0", "smtpd_hard_error_limit", "1")
bad_setting("a word where a duration must stand", 'minimal_backoff_time = "soon"', "minimal_backoff_time")
bad_setting("no TOML at all", "this is no TOML")


COMMANDS = ("sendmail", "mailq", "newaliases", "postmap", "postalias", "postconf", "postqueue", "postsuper", "postcat", "pennypost",
            "postdrop", *DAEMONS)


@test("bad input: each command names an option that is not there, or says its usage; --help says that by itself")
def options(t):
    def call(name, *words):
        return subprocess.run([os.path.join(TOP, "build/release/bin", name), *words], input="", capture_output=True, text=True,
                              timeout=60, check=False)
    for name in COMMANDS:
        asked = call(name, "--help")
        equal((asked.returncode, asked.stderr), (0, ""), f"{name} --help")
        check(asked.stdout.lower().startswith(f"usage: {name} "), f"{name} --help says {asked.stdout}")
        wrong = call(name, "-Z")
        check(wrong.returncode in (1, USAGE), f"{name} -Z: exit status {wrong.returncode}")
        check(re.search("(?i)option.*Z|usage: ", wrong.stderr) and not wrong.stdout, f"{name} -Z says {wrong.stderr}")


@test("bad input: every daemon refuses a certificate that is not there, and says where it was looked for")
def certificate(t):
    host = with_mail(t)
    before = host.post_counts()
    for daemon in list(host.running):
        host.stop(daemon)
    missing = os.path.join(host.etc, "missing.crt")
    host.settings["ssl_cert"] = missing
    host.write_settings()
    for daemon in ("smtpd", "popd", "imapd"):
        refuses(host, daemon, CONFIGURATION, f"{host.etc}/main.toml:{line_of(host, missing)}: ssl_cert: {missing}: No such file",
                "make one, or correct the path")
    host.settings["ssl_cert"] = host.certificate
    host.write_settings()
    host.start()
    equal(host.post_counts(), before, "messages before and after")


@test("bad input: a port in use is named with its setting, and the daemon does not pretend to serve")
def port_in_use(t):
    host = with_mail(t)
    before = host.post_counts()
    for daemon in list(host.running):
        host.stop(daemon)
    for daemon, name in (("smtpd", "smtp"), ("popd", "pop3"), ("imapd", "imap")):
        with socket.socket() as taken:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind((host.address, host.port(name)))
            taken.listen()
            refuses(host, daemon, OS_ERROR, f"{host.address}", str(host.port(name)), "in use")
    host.start()
    equal(host.post_counts(), before, "messages before and after")


@test("bad input: a reload with a bad configuration keeps the old one and says so")
def bad_reload(t):
    host = with_mail(t, daemons=("smtpd",))
    with open(os.path.join(host.etc, "main.toml"), "a", encoding="utf-8") as file:
        file.write('no_such_setting = "1"\n')
    host.reload("smtpd")
    host.wait_log(rf"{re.escape(host.etc)}/main\.toml:{line_of(host, 'no_such_setting')}: .*no_such_setting")
    with host.smtp() as client:
        client.sendmail(ALICE, [BOB], letter("after a bad reload"))
    host.wait_messages(BOB, 2)


@test("bad input: a syntax error in aliases is named by line, and the old table stays in use")
def aliases(t):
    host = with_mail(t, daemons=("smtpd",), aliases=f"team: {BOB}\n")
    file = host.write("etc/aliases", f"team: {BOB}\nfilter: \"|cat\n")
    done = host.command("newaliases", ok=False)
    contains(done.stderr, f"{file}:2:", "what newaliases says")
    check(done.returncode != 0, "newaliases exits with 0")
    with host.smtp() as client:
        client.sendmail(ALICE, ["team@example.test"], letter("by the old table"))
    host.wait_messages(BOB, 2)


@test("bad input: a Maildir that cannot be read: mail is deferred with the reason, popd and imapd say they can't serve")
def unreadable_maildir(t):
    host = with_mail(t, settings={"minimal_backoff_time": "1s", "maximal_backoff_time": "2s"})
    maildir = host.maildir(BOB)
    shutil.move(maildir, maildir + ".kept")
    os.makedirs(maildir)
    os.chmod(maildir, 0)
    if IS_ROOT:
        os.chown(maildir, 0, 0)
    with host.smtp() as client:
        client.sendmail(ALICE, [BOB], letter("deferred"))
    host.wait_log(r"to=<bob@example\.test>.*status=deferred \(.*" + re.escape(maildir) + r".*ermission denied")
    equal(len(host.queue()), 1, "messages in the queue")
    pop = host.pop3()
    pop.user(BOB)
    try:
        pop.pass_(host.users[BOB])
        check(False, "popd serves a mailbox that it cannot read")
    except Exception as error:
        contains(str(error), "[SYS/", "popd's answer")
    imap = host.imap()
    try:
        imap.login(BOB, host.users[BOB])
        answer = imap.select("INBOX")
        equal(answer[0], "NO", f"imapd's answer to SELECT, which is {answer}")
    except imap.error as error:
        check("BAD" not in str(error), f"imapd's answer: {error}")
    os.rmdir(maildir)
    shutil.move(maildir + ".kept", maildir)
    host.command("postqueue", "-f")
    host.wait_messages(BOB, 2)
    host.wait_queue(0)


@test("bad input: a corrupt map makes recipients wait with 451, never unknown with 550; rebuilt, all is well")
def corrupt_map(t):
    host = with_mail(t, daemons=("smtpd",), aliases=f"team: {BOB}\n")
    before = host.post_counts()
    damaged = [path for path in glob.glob(os.path.join(host.etc, "aliases.rdb*/*")) if path.endswith(".sst")]
    check(damaged, "no table of aliases found below etc/")
    host.stop("smtpd")
    for path in damaged:
        with open(path, "r+b") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            file.write(b"\xa5" * size)
    host.start("smtpd")
    with host.smtp() as client:
        client.ehlo()
        client.mail(ALICE)
        code, text = client.rcpt("team@example.test")
        equal(code, 451, f"the answer to a recipient that needs the map, {text}")
    host.wait_log(r"aliases")
    equal(host.post_counts(), before, "messages before and after")
    host.command("newaliases")
    def known():
        with host.smtp() as client:
            client.ehlo()
            client.mail(ALICE)
            return client.rcpt("team@example.test")[0] == 250
    eventually(known, "the rebuilt table is in use")


@test("bad input: a corrupt index is rebuilt with the same UIDs, and the log names it")
def corrupt_index(t):
    host = with_mail(t)
    client = host.imap(BOB)
    client.select("INBOX")
    client.uid("STORE", "1", "+FLAGS", r"(\Flagged)")
    validity = client.response("UIDVALIDITY")[1]
    client.logout()
    before = host.post_counts()
    host.stop("imapd")
    index = os.path.join(host.path("data"), "index")
    damaged = 0
    for folder, _, files in os.walk(index):
        for name in files:
            path = os.path.join(folder, name)
            if name == "LOCK" or not os.path.getsize(path):
                continue
            with open(path, "r+b") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(0)
                file.write(b"\xa5" * size)
            damaged += 1
    check(damaged, f"no index found below {index}")
    host.start("imapd")
    client = host.imap(BOB)
    equal(client.select("INBOX"), ("OK", [b"1"]), "SELECT")
    equal(client.response("UIDVALIDITY")[1], validity, "UIDVALIDITY")
    row = client.uid("FETCH", "1", "(FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1]
    contains(row[0][0] + row[0][1] + (row[1] if isinstance(row[1], bytes) else b""), rb"\Flagged", "the flags")
    client.logout()
    host.wait_log(re.escape(index))
    equal(host.post_counts(), before, "messages before and after")


def mount_small(t, host, path, megabytes):
    """A file system of its own at `path`, unmounted at the end of the test, when the host has stopped."""
    command = [] if IS_ROOT else ["sudo", "-n"]
    owner = os.stat(path)
    subprocess.run([*command, "mount", "-t", "tmpfs", "-o",
                    f"size={megabytes}m,uid={owner.st_uid},gid={owner.st_gid},mode=755", "tmpfs", path],
                   check=True, stdin=subprocess.DEVNULL)
    t.cleanup(lambda: subprocess.run([*command, "umount", path], check=True, stdin=subprocess.DEVNULL))
    t.cleanup(host.stop_all)


def fill(path):
    """Takes all the room there is; returns the file that does."""
    name = os.path.join(path, "filler")
    try:
        with open(name, "wb", buffering=0) as file:
            while file.write(b"x" * 65536):
                pass
    except OSError:
        pass
    give(name)
    return name


@test("bad input: a full disk under the queue in the middle of a load: 452, and after room is made all goes on; nothing is lost")
def full_queue(t):
    host = Host(t, {"queue_ballast": "4M"}, daemons=("smtpd",), start=False)
    mount_small(t, host, host.path("queue"), 64)
    host.start()
    with host.smtp() as client:
        client.sendmail(ALICE, [BOB], letter("before"))
    host.wait_messages(BOB, 1)
    host.wait_queue(0)
    filler = []
    answers = []

    def try_one():
        with host.smtp() as client:
            client.ehlo()
            code, text = client.mail(ALICE)
            if code == 250:
                code, text = client.rcpt(BOB)
            if code == 250:
                code, text = client.data(letter("full", os.urandom(30000).hex().encode() + b"\r\n"))
        return code, text

    def load():
        """Sends until the disk has been full for some messages; eight do so at once."""
        refusals = 0
        while refusals < 3 and len(answers) < 4000:
            answers.append(try_one())
            refusals += answers[-1][0] != 250

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        loads = [pool.submit(load) for _ in range(8)]
        eventually(lambda: len(answers) > 40, "the load runs")
        filler.append(fill(host.path("queue")))
        for one in loads:
            one.result()
    taken = 1 + sum(code == 250 for code, _ in answers)
    refused = [answer for answer in answers if answer[0] != 250]
    check(refused and all(code in (452, 451) for code, _ in refused), f"with a full disk the answers are {refused}")
    check(any(code == 452 for code, _ in refused), f"none of the answers is 452: {refused}")
    os.unlink(filler[0])
    eventually(lambda: try_one()[0] == 250, "mail is taken again after room was made")
    eventually(lambda: len(host.messages(BOB)) == taken + 1, f"all {taken + 1} messages that got a 250 arrive")
    host.wait_queue(0)
    check("killed by signal" not in host.log(), "a process died of the full disk")


def disk_full_twice(name, loses_log):
    @test("bad input: the queue's disk fills a second time, when its ballast is gone, while deliveries are tried" + name)
    def full_twice(t):
        host = Host(t, {"queue_ballast": "4M", "minimal_backoff_time": "1s", "maximal_backoff_time": "1s",
                        "transport_maps": "inline:{{later.test=retry:4.2.0 not now}}"}, daemons=("smtpd",), start=False)
        mount_small(t, host, host.path("queue"), 64)
        host.start()
        waiting = 30
        with host.smtp() as client:
            for number in range(waiting):
                client.sendmail(ALICE, [f"x{number}@later.test"], letter(f"later {number}"))
        first = fill(host.path("queue"))
        host.wait_log(r"disk is full")
        if loses_log:
            os.unlink(host.path("queue", "db", "reserve.first"))
        os.rename(first, first + ".1")
        fillers = [first + ".1", fill(host.path("queue"))]
        host.wait_log(r"database must be reopened" if loses_log else r"deliveries wait until it can")
        for filler in fillers:
            os.unlink(filler)

        def is_taken():
            with host.smtp() as client:
                client.ehlo()
                client.mail(ALICE)
                return client.rcpt(BOB)[0] == 250 and client.data(letter("again"))[0] == 250

        eventually(is_taken, "mail is taken again after room was made")
        host.wait_messages(BOB, 1)
        host.wait_queue(waiting)
        check("killed by signal" not in host.log(), "a process died of the full disk")
        anew = re.findall(r"qmgr\[(\d+)\]: fatal: the queue's database must be reopened", host.log())
        equal(len(anew), int(loses_log), "queue processes that had to begin anew")
        host.victims.update(anew)


disk_full_twice(": it heals when there is room", False)
# As if RocksDB could not make a log for another reason: that it never forgives.
disk_full_twice(", and the next log can't be made: another queue process goes on", True)


@test("bad input: a full disk under the mailboxes: mail is deferred and arrives after room is made")
def full_mailboxes(t):
    host = Host(t, {"minimal_backoff_time": "1s", "maximal_backoff_time": "2s"},
                daemons=("smtpd",), start=False)
    mount_small(t, host, host.mail, 16)
    host.start()
    filler = fill(host.mail)
    with host.smtp() as client:
        client.sendmail(ALICE, [BOB], letter("big", b"0123456789\r\n" * 10000))
    host.wait_log(r"to=<bob@example\.test>.*status=deferred \(.*[Nn]o space left")
    equal(len(host.queue()), 1, "messages in the queue")
    equal(host.messages(BOB), [], "nothing half-written is to be seen")
    os.unlink(filler)
    host.command("postqueue", "-f")
    host.wait_messages(BOB, 1)
    host.wait_queue(0)

"""mailq, postcat, postsuper, `pennypost stop` and `status`: what an administrator does with a queue, with smtpd running or stopped."""
import os
import subprocess

from harness import check, contains, equal, eventually, test
from mailhost import IS_ROOT, TOP, Host, letter

ALICE, FAR = "alice@example.test", "far@remote.test"
NO_NEXT_HOP = {"relayhost": "[127.0.0.1]:9"}
STRANGER = 65533


def waiting(t, count=1, **options):
    """A host whose queue holds `count` messages that nobody takes; and their ids."""
    host = Host(t, NO_NEXT_HOP, daemons=("smtpd",), **options)
    for number in range(count):
        host.command("sendmail", "-f", ALICE, FAR, input=f"Subject: number {number}\nX-Mark: yes\n\nthe body\n")
    ids = [entry["queue_id"] for entry in host.wait_queue(count)]
    eventually(lambda: host.log().count("status=deferred") >= count, "all were tried")
    return host, ids


def text_of(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def as_stranger(host, name, *words):
    """A command run by a user who owns nothing of the queue."""
    return subprocess.run([os.path.join(host.bin, name), *(("-C",) if name == "mailq" else ("-c",)), host.etc, *words], cwd=TOP, capture_output=True, text=True,
                          input="", timeout=60, check=False, user=STRANGER, group=STRANGER, extra_groups=[])


@test("postcat shows header, body and envelope by letters in any combination, as Postfix's")
def postcat_letters(t):
    host, (one,) = waiting(t)
    header, body = "X-Mark: yes\n", "\nthe body\n"
    envelope = f"sender: {ALICE}\n"
    for letters, parts in (("-bq", "b"), ("-qb", "b"), ("-hq", "h"), ("-eq", "e"), ("-bhq", "bh"), ("-hbq", "bh"),
                           ("-beq", "be"), ("-ehq", "eh"), ("-q", "beh"), ("-vq", "beh")):
        shown = host.command("postcat", letters, one).stdout
        for part, text in (("b", body), ("h", header), ("e", envelope)):
            equal(text in shown, part in parts, f"postcat {letters} shows {text!r}")
    equal(host.command("postcat", "-bq", one).stdout, body, "postcat -bq")
    check(not host.command("postcat", "-hq", one).stdout.endswith("\n\n"), "the empty line is the body's")
    equal(host.command("postcat", "-xq", one, ok=False).returncode, 64, "an unknown letter")
    for letter_of_records in ("-d", "-o", "-r", "-s"):
        refused = host.command("postcat", letter_of_records, "-q", one, ok=False)
        equal(refused.returncode, 64, f"postcat {letter_of_records}")
        contains(refused.stderr, f"{letter_of_records} is about the records of Postfix's queue files", f"postcat {letter_of_records}")
    equal(host.command("postcat", "-q", "0B2C3D4F5G6H7J8", ok=False).returncode, 1, "no such message")


@test("postsuper takes ids from standard input for each of its actions, and -s and -p as Postfix's scripts call them")
def postsuper_ids(t):
    host, ids = waiting(t, 3)
    names = lambda: {entry["queue_id"]: entry["queue_name"] for entry in host.queue()}
    done = host.command("postsuper", "-h", "-", input=f" {ids[0]}\n\nnonsense\n{ids[1]}\n")
    contains(done.stdout, "Placed on hold: 2 messages", "what postsuper says")
    contains(done.stderr, "invalid mail queue id: nonsense", "what postsuper warns of")
    equal([names()[one] for one in ids], ["hold", "hold", "deferred"], "who is on hold")
    contains(host.command("postsuper", "-h", "ALL").stdout, "Placed on hold: 1 message\n", "those held already")
    contains(host.command("postsuper", "-H", "-", input=ids[0] + "\n").stdout, "Released from hold: 1 message\n", "-H -")
    contains(host.command("postsuper", "-H", ids[0]).stdout, "Released from hold: 0 messages\n", "what is not held")
    contains(host.command("postsuper", "-r", "-", input=ids[1] + "\n").stdout, "Requeued: 1 message\n", "-r -")
    for care in ("-s", "-p", "-psv", "-S"):
        done = host.command("postsuper", care)
        equal(done.stdout + done.stderr, "", f"postsuper {care}")
    eventually(lambda: names().get(ids[1]) == "deferred", "the requeued one waits again")
    contains(host.command("postsuper", "-d", "ALL", "hold").stdout, "Deleted: 1 message\n", "-d ALL hold")
    contains(host.command("postsuper", "-d", "-", input="\n".join(ids)).stdout, "Deleted: 2 messages\n", "-d -")
    equal(host.queue(), [], "the queue at last")
    equal(host.command("postsuper", "-d", ids[0]).stdout, "postsuper: Deleted: 0 messages\n", "-d of what has gone")


@test("postsuper -e and -f have mail returned to its sender, which mailq marks with # and postqueue -j with forced_expire")
def expired(t):
    host, ids = waiting(t, 2)
    contains(host.command("postsuper", "-h", ids[0]).stdout, "Placed on hold: 1 message\n", "postsuper -h")
    contains(host.command("postsuper", "-e", "ALL").stdout, "Force-expired: 2 messages\n", "postsuper -e ALL")
    equal([entry["forced_expire"] for entry in host.queue()], [True, True], "forced_expire")
    shown = host.command("mailq").stdout
    contains(shown, f"{ids[0]}!#", "mailq, of the one on hold")
    contains(shown, f"{ids[1]}# ", "mailq, of the other")
    host.command("postqueue", "-i", ids[1])
    host.wait_messages(ALICE, 1)
    contains(host.log(), f"{ids[1]}: from=<{ALICE}>, status=force-expired, returned to sender", "the log")
    equal([entry["queue_id"] for entry in host.wait_queue(1)], ids[:1], "the one on hold stays")
    host.command("postsuper", "-f", "-", input=ids[0] + "\n")
    host.wait_messages(ALICE, 2)
    host.wait_queue(0)
    check(all("Connection refused" in text_of(path) for path in host.messages(ALICE)), "the reports say why the mail waited")


@test("postsuper -s names damaged mail, which waits on; what is sound goes out")
def damaged(t):
    host = Host(t, NO_NEXT_HOP, daemons=("smtpd",))
    for number in range(2):
        host.command("sendmail", "-f", ALICE, FAR, input=f"Subject: {number}\n\n" + "a long line of text\n" * 5000)
    ids = [entry["queue_id"] for entry in host.wait_queue(2)]
    eventually(lambda: host.log().count("status=deferred") >= 2, "all were tried")
    equal(host.command("postsuper", "-s").stderr, "", "postsuper -s of sound mail")
    with open(host.path("queue/body", ids[0]), "r+b") as body:
        body.truncate(1000)
    for how in ("running", "stopped"):
        done = host.command("postsuper", "-s", "-p", ok=False)
        equal(done.returncode, 1, f"postsuper -s with smtpd {how}")
        contains(done.stderr, f"postsuper: warning: {ids[0]}: the body's file is incomplete\n", "what is damaged")
        contains(done.stderr, "Damaged: 1 message; -d removes a message", "how many")
        check(ids[1] not in done.stderr, "the other one is sound")
        if how == "running":
            host.stop("smtpd")


@test("pennypost queue shape counts recipients and senders by domain and age, of the queues that are named")
def shape(t):
    host = Host(t, NO_NEXT_HOP, daemons=("smtpd",))
    host.command("sendmail", "-f", ALICE, "a@one.test", "b@one.test", "c@two.test", input="Subject: x\n\nx\n")
    host.command("sendmail", "-f", "<>", "d@one.test", input="Subject: x\n\nx\n")
    host.wait_queue(2)
    eventually(lambda: all(entry["queue_name"] == "deferred" for entry in host.queue()), "all were tried")
    rows = lambda *words: [line.split() for line in host.command("pennypost", "queue", "shape", *words).stdout.splitlines()]
    zeros = ["0"] * 9
    equal(rows("deferred"), [["T", "5", "10", "20", "40", "80", "160", "320", "640", "1280", "1280+"],
                             ["TOTAL", "4", "4", *zeros], ["one.test", "3", "3", *zeros], ["two.test", "1", "1", *zeros]], "by recipient")
    equal(rows("-s", "-b", "2", "deferred")[1:],
          [["TOTAL", "2", "2", "0"], ["example.test", "1", "1", "0"], ["MAILER-DAEMON", "1", "1", "0"]], "by sender")
    equal(rows()[1:], [["TOTAL", "0", "0", *zeros]], "of what is incoming or active")
    host.stop("smtpd")
    equal(rows("-l", "-t", "1", "-b", "3", "hold", "deferred")[:2], [["T", "1", "2", "2+"], ["TOTAL", "4", "4", "0", "0"]], "while smtpd is stopped")


@test("postqueue -s takes a domain or an address literal, and says so to anything else")
def flush_site(t):
    host, ids = waiting(t, 2)
    host.command("sendmail", "-f", ALICE, "x@other.test", input="Subject: x\n\nx\n")
    host.wait_queue(3)
    tries = lambda name: host.log().count(f"to=<{name}>")
    eventually(lambda: tries("x@other.test") == 1, "the other was tried")
    host.command("postqueue", "-s", "REMOTE.test")
    eventually(lambda: tries(FAR) == 4, f"mail for the site is tried again: {ids}")
    host.command("postqueue", "-s", "[192.0.2.1]")
    wrong = host.command("postqueue", "-s", "no domain", ok=False)
    equal(wrong.returncode, 64, "exit status")
    contains(wrong.stderr, "no domain: not a domain; write example.com or [192.0.2.1]", "postqueue -s")
    equal(tries("x@other.test"), 1, "tries of the mail for another site")


@test("bounce_template_file gives reports their words; with a mistake in it check names its line and the built-in words are used")
def bounce_templates(t):
    host = Host(t, {"bounce_template_file": os.path.join(t.folder, "templates")}, daemons=("smtpd",), start=False)
    template = ("failure_template = <<EOF\nCharset: utf-8\nFrom: MAILER-DAEMON (Die Post)\nSubject: =?utf-8?Q?Zur=C3=BCck?=\n\n"
                "Hier ist $myhostname, für ${maximal_queue_lifetime_days} Tage.\nEOF\n")
    path = os.path.join(t.folder, "templates")
    with open(path, "w", encoding="utf-8") as file:
        file.write(template)
    host.start("smtpd")
    host.command("sendmail", "-f", ALICE, "nobody@example.test", input="Subject: x\n\nx\n")
    report = text_of(host.wait_messages(ALICE, 1)[0])
    contains(report, "From: Die Post <MAILER-DAEMON@", "From")
    contains(report, "Subject: =?utf-8?Q?Zur=C3=BCck?=", "Subject")
    contains(report, "Hier ist mail.example.test, für 5 Tage.", "the text")
    with open(path, "w", encoding="utf-8") as file:
        file.write(template.replace("${maximal_queue_lifetime_days}", "$no_such_setting"))
    checked = host.command("pennypost", "check", ok=False)
    contains(checked.stdout + checked.stderr, f"{path}:6: $no_such_setting is no setting", "check")
    host.reload("smtpd")
    host.wait_log(r"bounce_template_file: .*templates:6: .*the built-in texts are used")
    host.command("sendmail", "-f", ALICE, "nobody@example.test", input="Subject: x\n\nx\n")
    subjects = [text_of(path).count("Undelivered Mail Returned to Sender") for path in host.wait_messages(ALICE, 2)]
    equal(sorted(subjects), [0, 1], "reports with the built-in subject")


@test("postconf -t prints templates that bounce_template_file takes as they are, and postconf -b their texts with values")
def printed_templates(t):
    host = Host(t, daemons=(), start=False)
    built_in = host.command("postconf", "-t").stdout
    for part in ("failure_template = <<EOF\nCharset: us-ascii\nFrom: Mail Delivery System <MAILER-DAEMON>\nSubject: Undelivered Mail Returned to Sender\n"
                 "Postmaster-Subject: Postmaster Copy: Undelivered Mail\n\n", "verify_template = <<EOF\n", "at host $myhostname.\n"):
        contains(built_in, part, "postconf -t")
    host.settings["bounce_template_file"] = host.write("etc/templates", built_in.replace("If you need", "Should you need"))
    host.write_settings()
    ours = host.command("postconf", "-t").stdout
    equal(ours, built_in.replace("If you need", "Should you need"), "what postconf -t printed, taken and printed again")
    filled = host.command("postconf", "-b").stdout
    contains(filled, "expanded_failure_text = <<EOF\nThis is the mail system at host mail.example.test.\n\nYour message", "postconf -b")
    contains(filled, "\nShould you need help", "postconf -b")
    check("$" not in filled, f"all names have their values: {filled}")
    contains(host.command("postconf", "-b", host.write("etc/others", built_in)).stdout, "\nIf you need help", "postconf -b of a file")
    wrong = host.command("postconf", "-t", host.write("etc/wrong", built_in.replace("$myhostname", "$no_such")), ok=False)
    equal(wrong.returncode, 1, "exit status with a mistake")
    contains(wrong.stderr, "etc/wrong:7: $no_such is no setting", "postconf -t of a file with a mistake")


@test("while smtpd is stopped its owner lists, shows, holds and removes mail, and nobody else does")
def stopped(t):
    host, (one,) = waiting(t)
    equal(host.stop("smtpd"), 0, "smtpd's exit status")
    listed = host.command("mailq")
    contains(listed.stderr, "accessing queue directly", "mailq's warning")
    contains(listed.stdout, FAR, "mailq")
    equal(host.queue()[0]["queue_id"], one, "postqueue -j")
    equal(host.command("sendmail", "-bp").stdout, listed.stdout, "sendmail -bp")
    equal(host.command("postcat", "-bq", one).stdout, "\nthe body\n", "postcat -bq")
    if IS_ROOT:
        for name, words in (("mailq", ()), ("postcat", ("-q", one)), ("postsuper", ("-d", "ALL"))):
            done = as_stranger(host, name, *words)
            equal(done.returncode, 69, f"{name} of a stranger: {done.stdout}{done.stderr}")
            contains(done.stderr, "mail system is down", f"{name} of a stranger")
    host.command("postsuper", "-h", "-", input=one)
    equal(host.queue()[0]["queue_name"], "hold", "the message's state")
    host.command("sendmail", "-f", ALICE, ALICE, input="Subject: posted while stopped\n\nx\n")
    equal(len(host.queue()), 2, "messages, with the one that postdrop left")
    host.start("smtpd")
    host.wait_messages(ALICE, 1)
    equal([entry["queue_name"] for entry in host.wait_queue(1)], ["hold"], "what waits after the start")
    host.stop("smtpd")
    equal(host.command("postsuper", "-d", "ALL").stdout, "postsuper: Deleted: 1 message\n", "postsuper -d ALL")
    contains(host.command("mailq").stdout, "Mail queue is empty", "mailq at last")
    host.start("smtpd")
    equal(host.queue(), [], "the queue after the start")
    check("may be a repeat" not in host.log(), "an orderly stop stays one when a command looked in between")


@test("pennypost stop and status find what runs whatever has become of main.toml, and pid files are gone after it")
def stop_broken(t):
    for name, breaks in (("unquoted", lambda text: text + "\nrole = destination\n"),
                         ("open-section", lambda text: text + "\n[service.imap\nsyslog_name = \"x\"\n"),
                         ("unknown", lambda text: text + "\nmy_hostname = \"x\"\n"),
                         ("null-client", lambda text: text.replace('role = "destination"', 'role = "null-client"\nrelayhost = "[127.0.0.1]:9"'))):
        host = Host(t, name=name)
        with open(os.path.join(host.etc, "main.toml"), encoding="utf-8") as file:
            good = file.read()
        host.write("etc/main.toml", breaks(good))
        shown = host.command("pennypost", "status")
        for daemon in host.daemons:
            contains(shown.stdout, f"{daemon}: runs, as process {host.running[daemon].pid}\n", f"status with {name}")
            check(os.path.exists(host.path("run", daemon + ".pid")), f"{daemon}'s pid file while it runs")
        done = host.command("pennypost", "stop")
        for daemon in host.daemons:
            contains(done.stdout, f"{daemon}: stopped\n", f"stop with {name}")
            equal(host.stop(daemon, how=None), 0, f"{daemon}'s exit status")
            check(not os.path.exists(host.path("run", daemon + ".pid")), f"{daemon}'s pid file after a stop")
        host.write("etc/main.toml", good)


@test("a pid file that a crash left behind stops nobody and no start")
def stale_pid_file(t):
    host = Host(t, daemons=("smtpd",))
    host.kill("smtpd")
    path = host.path("run", "smtpd.pid")
    check(os.path.exists(path), "a crash leaves the pid file")
    innocent = subprocess.Popen(["sleep", "60"])
    t.cleanup(lambda: (innocent.kill(), innocent.wait()))
    with open(path, "w", encoding="ascii") as file:
        file.write(f"{innocent.pid}\n")
    equal(host.command("pennypost", "status", ok=False).returncode, 3, "exit status of status")
    contains(host.command("pennypost", "stop").stdout, "smtpd: does not run", "what stop says")
    equal(innocent.poll(), None, "the process that the file names")
    host.start("smtpd")
    with host.smtp() as client:
        client.sendmail(ALICE, [ALICE], letter("after the crash", to=ALICE))
    host.wait_messages(ALICE, 1)

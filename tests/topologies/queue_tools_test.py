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
    equal([entry["queue_name"] for entry in host.queue()], ["hold"], "what waits after the start")
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

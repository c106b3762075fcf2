"""Backups under load, and backups that are killed."""
import glob
import os
import re
import signal
import subprocess
import time

from harness import check, equal, eventually, test
from load import Load, ids_of
from mailhost import TOP, Host, give, letter

BOB = "bob@example.test"
KILLS = 12


def begin(host, target):
    words = [os.path.join(host.bin, "pennypost"), "backup", "-c", host.etc, target]
    return subprocess.Popen(host.wrapped(words), cwd=TOP, env=host.environment(), stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL, **host.identity())


def command(host, *words):
    return subprocess.run(host.wrapped([os.path.join(host.bin, "pennypost"), *words]), cwd=TOP, capture_output=True, text=True,
                          env=host.environment(), check=False, timeout=120, **host.identity())


def backups(target):
    return sorted(name for name in os.listdir(target) if re.match(r"\d{4}-", name))


@test("kill -9 of a backup leaves those before it whole; one made under load has each message that was taken before it, whole",
      seconds=600)
def killed(t):
    host = Host(t, {"smtpd_client_connection_count_limit": 0}, daemons=("smtpd",))
    target = os.path.join(t.folder, "backup")
    os.makedirs(target)
    give(target)
    load = Load(t, host, BOB, pause=0.01)
    large = Load(t, host, BOB, sessions=1, body=(b"x" * 78 + b"\r\n") * 2000, pause=0.05, name="large")
    eventually(lambda: len(load.acknowledged) > 50, "mail is taken")
    equal(command(host, "backup", "-c", host.etc, target).returncode, 0, "exit status of the first backup")
    (first,) = backups(target)
    for number in range(KILLS):
        process = begin(host, target)
        # At another moment each time, from the first files on.
        eventually(lambda p=process: p.poll() is not None or any(name.startswith("unfinished-") for name in os.listdir(target)),
                   "a backup has begun")
        time.sleep(0.005 * number)
        process.kill()
        process.wait()
        check(first in backups(target), "the first backup is gone")
        equal(os.path.basename(os.path.realpath(os.path.join(target, "last"))), backups(target)[-1], "where last leads")
        equal(command(host, "backup", "verify", target).returncode, 0, f"verify after {number + 1} kills")
    taken = load.acknowledged | large.acknowledged
    done = command(host, "backup", "-c", host.etc, target)
    equal(done.returncode, 0, f"exit status of the last backup: {done.stderr}")
    large.stop()
    load.stop()
    check(not any(name.startswith("unfinished-") for name in os.listdir(target)), f"left over in {os.listdir(target)}")
    equal(command(host, "backup", "verify", target, first).returncode, 0, "verify of the first backup at the end")
    # The disk is lost, and what the backup holds goes on as a host of its own.
    host.kill("smtpd")
    os.rename(host.folder, host.folder + ".lost")
    os.makedirs(host.path("log"))
    give(host.folder)
    done = command(host, "restore", target)
    equal(done.returncode, 0, f"restore's exit status: {done.stderr}")
    host.start()
    host.wait_queue(0, 180)
    arrived = ids_of(host.messages(BOB))
    equal([name for name in taken if not arrived[name]], [], "messages taken before the backup that are not in it")
    equal([name for name, count in arrived.items() if count > 1], [], "messages that are there twice")
    check(set(arrived) <= load.attempted | large.attempted, "messages that nobody sent")
    for path in host.messages(BOB):
        with open(path, "rb") as file:
            check(file.read().endswith(b"x" * 78 + b"\n"), f"{path} is not whole")


@test("a message that is delivered between the copy of the queue and that of the mail is in the backup, and arrives once")
def in_between(t):
    host = Host(t, {"smtpd_sender_restrictions": ["check_sender_access inline:{alice@example.test=HOLD}", "permit"]},
                daemons=("smtpd",))
    for number in range(100):
        host.put(BOB, letter(f"message {number}"))
    with host.smtp() as client:
        client.sendmail("alice@example.test", [BOB], letter("in between"))
    host.wait_queue(1)
    target = os.path.join(t.folder, "backup")
    os.makedirs(target)
    give(target)
    process = begin(host, target)
    # Stopped behind the first of the two, whichever it is.
    first = [os.path.join(target, "unfinished-*", "files" + path)
             for path in (host.path("queue", "db", "CURRENT"), os.path.join(host.maildir(BOB), "new", "*"))]
    deadline = time.monotonic() + 60
    while not any(glob.glob(path) for path in first) or (not glob.glob(first[0]) and len(glob.glob(first[1])) < 100):
        check(process.poll() is None and time.monotonic() < deadline, "the backup copied neither queue nor mail")
    process.send_signal(signal.SIGSTOP)
    host.command("postsuper", "-H", "ALL")
    host.wait_queue(0)
    host.wait_messages(BOB, 101)
    process.send_signal(signal.SIGCONT)
    equal(process.wait(timeout=120), 0, "exit status of the backup")
    host.kill("smtpd")
    os.rename(host.folder, host.folder + ".lost")
    os.makedirs(host.path("log"))
    give(host.folder)
    equal(command(host, "restore", target).returncode, 0, "restore's exit status")
    host.start()
    host.command("postsuper", "-H", "ALL")
    host.wait_queue(0)
    texts = []
    for path in host.messages(BOB):
        with open(path, encoding="utf-8", errors="replace") as file:
            texts.append(file.read())
    equal(sum("Subject: in between" in text for text in texts), 1, "copies of the message in between")
    equal(len(texts), 101, "all messages")

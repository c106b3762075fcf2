"""Backups under load, and backups that are killed."""
import os
import re
import subprocess
import time

from harness import check, equal, eventually, test
from load import Load, ids_of
from mailhost import TOP, Host, give

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

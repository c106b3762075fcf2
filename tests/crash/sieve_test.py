"""smtpd is killed while scripts file, redirect and answer mail: each of these happens exactly once. A program gets
each message, and those twice that it had when smtpd was killed."""
import collections
import os
import re
import threading
import time

from harness import check, equal, eventually, test
from mailhost import Host, letter

ALICE, BOB, CAROL = "alice@example.test", "bob@example.test", "carol@example.test"
KILLS = 10
SCRIPT = f'''require ["fileinto", "copy", "vacation", "editheader", "vnd.dovecot.pipe"];
pipe :copy "note";
fileinto :copy "Work";
redirect :copy "{ALICE}";
vacation "I am away.";
keep;
addheader "X-Changed" "yes";
redirect :copy "dave@example.test";
'''


class Senders:
    """Each message has a sender of its own, whom vacation has not answered before."""

    def __init__(self, t, host):
        self.host, self.taken, self.tried = host, set(), set()
        self._stopping, self._count, self._lock = threading.Event(), 0, threading.Lock()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(3)]
        for thread in self._threads:
            thread.start()
        t.cleanup(self.stop)

    def stop(self):
        self._stopping.set()
        for thread in self._threads:
            thread.join(60)

    def _run(self):
        while not self._stopping.is_set():
            with self._lock:
                self._count += 1
                number = self._count
            try:
                with self.host.smtp(timeout=30) as client:
                    self.tried.add(number)
                    client.sendmail(f"carol+{number}@example.test", [BOB],
                                    letter("load", sender=f"carol+{number}@example.test", message_id=f"<n{number}@client.test>"))
                    self.taken.add(number)
            except OSError:
                time.sleep(0.02)


def numbers_in(paths, pattern):
    found = collections.Counter()
    for path in paths:
        with open(path, "rb") as file:
            match = re.search(pattern, file.read())
        check(match, f"{path} is none of these messages")
        found[int(match[1])] += 1
    return found


def numbers_piped(path):
    with open(path, encoding="utf-8") as file:
        return collections.Counter(int(line) for line in file)


@test(f"kill -9 under load, {KILLS} times: each copy, redirect and answer of a script is there once", seconds=600)
def killed(t):
    users = {login: "secret-" + login[:3] for login in (ALICE, BOB, CAROL, "dave@example.test")}
    programs = os.path.join(t.folder, "bin")
    os.makedirs(programs)
    with open(os.path.join(programs, "note"), "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\nsed -n 's/^Message-ID: <n\\([0-9]*\\)@client.*/\\1/p' >> \"$HOME/piped\"\n")
    os.chmod(os.path.join(programs, "note"), 0o755)
    host = Host(t, {"minimal_backoff_time": "1s", "maximal_backoff_time": "2s", "smtpd_client_connection_count_limit": 0,
                    "recipient_delimiter": "+", "sieve_pipe_bin_dir": programs}, users=users, daemons=("smtpd",))
    host.command("pennypost", "sieve", "put", BOB, "main", "-", input=SCRIPT)
    host.command("pennypost", "sieve", "activate", BOB, "main")
    senders = Senders(t, host)
    for _ in range(KILLS):
        before = len(senders.taken)
        eventually(lambda goal=before + 8: len(senders.taken) >= goal, "mail is taken")
        host.kill("smtpd")
        host.start("smtpd")
    senders.stop()
    host.wait_queue(0, 180)
    own_id = rb"(?m)^Message-ID: <n(\d+)@client"
    places = {"INBOX": (BOB, "", own_id), "Work": (BOB, ".Work", own_id), "redirects": (ALICE, "", own_id),
              "changed redirects": ("dave@example.test", "", own_id),
              "answers": (CAROL, "", rb"(?m)^To: <?carol\+(\d+)@example")}
    for what, (login, folder, pattern) in places.items():
        found = numbers_in(host.messages(login, folder), pattern)
        lost = sorted(senders.taken - set(found))
        twice = sorted(number for number, count in found.items() if count > 1)
        equal((lost, twice), ([], []), f"{what}: lost and doubled of {len(senders.taken)}")
        check(set(found) <= senders.tried, f"{what}: messages that nobody sent")
    found = numbers_piped(os.path.join(host.mail, "example.test", "bob", "piped"))
    equal(sorted(senders.taken - set(found)), [], "messages that the program did not get")
    check(max(found.values()) <= KILLS + 1, f"a message was piped {max(found.values())} times")
    twice = sum(count > 1 for count in found.values())
    check(twice < len(found) / 2, f"{twice} of {len(found)} messages were piped again")

"""Restores that are killed at each of their steps: the next one completes them, and nothing is half done before."""
import filecmp
import os
import shutil
import subprocess

from harness import check, equal, test
from mailhost import TOP, Host, give, letter

BOB = "bob@example.test"
STEPS_MAX = 300
# Each is killed at its first call, its fourth, and so on; of those that are many, at fewer.
EACH = ("rename", "symlink")
SOME = ("mkdir", "unlink", "write", "fsync", "fchmod", "utimensat")
EACH_STEP = 3
SOME_STEP = 37
BESIDE = ".pennypost-restore"
RESTORE_SECONDS_MAX = 120


def run(host, words, kill=None):
    command = [os.path.join(host.bin, "pennypost"), *words]
    if kill:
        call, step = kill
        command = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=" + call, "-e", f"inject={call}:signal=SIGKILL:when={step}",
                   *command]
    return subprocess.run(host.wrapped(command), cwd=TOP, capture_output=True, text=True, env=host.environment(), check=False,
                          timeout=RESTORE_SECONDS_MAX, **host.identity())


def tree(root):
    """{path below root: a directory, where a link leads, or the file's bytes}"""
    found = {}
    for folder, folders, files in os.walk(root):
        for name in folders + files:
            path = os.path.join(folder, name)
            if os.path.islink(path):
                found[os.path.relpath(path, root)] = os.readlink(path)
            elif os.path.isdir(path):
                found[os.path.relpath(path, root)] = None
            else:
                with open(path, "rb") as file:
                    found[os.path.relpath(path, root)] = file.read()
    return found


def until_the_end(t, begin, restore, judge, each=EACH, some=SOME):
    """Kills a restore at each step; the next one must complete it. Returns how many were killed."""
    kills, over = 0, set()
    steps = [(call, step) for call in each for step in range(1, STEPS_MAX, EACH_STEP)]
    steps += [(call, step) for call in some for step in range(1, STEPS_MAX, SOME_STEP)]
    for call, step in steps:
        if call in over:
            continue
        place = os.path.join(t.folder, f"{call}-{step}")
        os.makedirs(place)
        begin(place)
        done = restore(place, (call, step))
        check(done.returncode in (0, -9, 137), f"restore killed at {call} {step}: {done.returncode}: {done.stderr}")
        was_killed = done.returncode != 0
        kills += was_killed
        judge(place, f"after {call} {step}", is_whole=False)
        if was_killed:
            done = restore(place, None)
            equal(done.returncode, 0, f"exit status of the restore after {call} {step}: {done.stderr}")
        else:
            over.add(call)
        judge(place, f"after {call} {step} and another restore", is_whole=True)
        shutil.rmtree(place)
    equal(over, set(each + some), "calls that come to an end")
    return kills


def host_with_backup(t):
    host = Host(t, start=False)
    for number in range(2):
        host.put(BOB, letter(f"message {number}"))
    host.start()
    with host.smtp() as client:
        client.sendmail(BOB, ["far@elsewhere.test"], letter("waits"))
    with host.imap(BOB) as client:
        client.select("INBOX")
        client.create("Sent")
        client.uid("COPY", "1:2", "Sent")
        client.uid("STORE", "1", "+FLAGS", r"(\Seen $Label1)")
        client.logout()
    host.wait_queue(1)
    target = os.path.join(t.folder, "backup")
    os.makedirs(target)
    give(target)
    host.command("pennypost", "backup", target)
    return host, target


@test("kill -9 at any step of a restore leaves no file half written, and the next restore brings all back", seconds=300)
def whole_host(t):
    host, target = host_with_backup(t)
    reference = os.path.join(t.folder, "reference")
    os.makedirs(reference)
    give(reference)
    equal(run(host, ["restore", "--root", reference, target]).returncode, 0, "exit status of a restore in one go")
    wanted = tree(reference)
    check(any(path.endswith("/CURRENT") for path in wanted), "the queue is in the backup")

    def judge(place, when, is_whole):
        found = tree(place)
        beside = [path for path in found if path.endswith(BESIDE)]
        for path, content in found.items():
            if path not in beside:
                check(path in wanted and wanted[path] == content, f"{path} is not as in the backup {when}")
        if is_whole:
            equal(sorted(found), sorted(wanted), f"what is there {when}")

    kills = until_the_end(t, give, lambda place, kill: run(host, ["restore", "--root", place, target], kill), judge)
    check(kills > 10, f"only {kills} kills")


@test("kill -9 at any step of a restore over another queue leaves that queue beside, whole, and the next restore brings its own",
      seconds=300)
def another_queue(t):
    host, target = host_with_backup(t)
    other = Host(t, name="other", daemons=("smtpd",))
    other.stop("smtpd")
    database = os.path.join(other.folder, "queue/db")
    wanted = {}

    def place_of(place):
        return place + os.path.join(host.folder, "queue/db")

    def begin(place):
        os.makedirs(os.path.dirname(place_of(place)))
        shutil.copytree(database, place_of(place))
        give(place)

    def judge(place, when, is_whole):
        above = os.path.dirname(place_of(place))
        aside = [name for name in os.listdir(above) if name.startswith("db.before-")]
        check(len(aside) <= 1, f"{aside} {when}")
        for name in aside or ["db"]:
            comparison = filecmp.dircmp(database, os.path.join(above, name))
            equal((comparison.left_only, comparison.diff_files), ([], []), f"what differs in the old queue {when}")
        if is_whole:
            equal(len(aside), 1, f"old queues beside {when}")
            found = {path: content for path, content in tree(place_of(place)).items()}
            if not wanted:
                wanted.update(found)
            equal(found, wanted, f"the queue {when}")
            contents = b"".join(content or b"" for content in found.values())
            check(b"far@elsewhere.test" in contents, f"the message that waited is not in the queue {when}")

    kills = until_the_end(t, begin, lambda place, kill: run(host, ["restore", "--overwrite", "--root", place, target], kill), judge,
                          each=("rename",), some=("fsync",))
    check(kills > 3, f"only {kills} kills")


@test("kill -9 at any step of the restore of one user's mail loses no UID and no flag", seconds=300)
def one_user(t):
    host, target = host_with_backup(t)
    for daemon in list(host.running):
        host.stop(daemon)
    maildir = host.maildir(BOB)
    lost = maildir + ".lost"
    os.rename(maildir, lost)
    wanted = {path: content for path, content in tree(lost).items() if not path.endswith("maildirsize")}

    def begin(place):
        del place
        shutil.rmtree(maildir, ignore_errors=True)

    def judge(place, when, is_whole):
        del place
        found = tree(maildir)
        for path, content in found.items():
            if os.path.basename(os.path.dirname(path)) in ("cur", "new"):
                equal(content, wanted.get(path), f"{path} {when}")
            # A kill before the owner is written leaves a lock that is broken after two minutes; here it has been there that long.
            if not is_whole and path.endswith("dovecot-uidlist.lock") and not content:
                os.remove(os.path.join(maildir, path))
        if is_whole:
            equal({path: content for path, content in found.items() if path in wanted}, wanted, f"the mail {when}")
            equal([path for path in found if "restor" in path], [], f"what is left over {when}")

    kills = until_the_end(t, begin, lambda place, kill: run(host, ["restore", "-c", host.etc, "--user", BOB, target], kill), judge)
    check(kills > 5, f"only {kills} kills")

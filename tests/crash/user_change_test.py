"""Users are renamed and removed, and the command is killed at every step that changes a file."""
import os
import subprocess

from harness import check, equal, test
from mailhost import TOP, Host, letter

# Each is killed at its first call, its second, and so on, until the command comes to its end.
CALLS = ("rename", "renameat2", "symlink", "unlinkat", "link", "ftruncate")
STEPS_MAX = 60
OTHER = "alice@example.test"


def killed_at(host, call, step, *words):
    """Whether the command was killed at this call."""
    command = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=" + call, "-e", f"inject={call}:signal=SIGKILL:when={step}",
               os.path.join(host.bin, "pennypost"), *words[:2], "-c", host.etc, *words[2:]]
    done = subprocess.run(host.wrapped(command), cwd=TOP, capture_output=True, text=True, env=host.environment(), check=False,
                          timeout=60, **host.identity())
    check(done.returncode in (0, -9, 137), f"{words} killed at {call} {step}: {done.returncode}: {done.stderr}")
    return done.returncode != 0


def users(host):
    """{name: home}"""
    lines = host.command("pennypost", "user", "list", "-l").stdout.splitlines()
    return {line.split("\t")[0]: line.split("home=")[1].split()[0] for line in lines}


def passwords(host):
    with open(host.path("etc/credentials"), encoding="ascii") as file:
        return sorted(line.split()[0] for line in file if line.strip())


def messages_at(home):
    found = 0
    for part in ("new", "cur"):
        folder = os.path.join(home, "Maildir", part)
        found += len(os.listdir(folder)) if os.path.isdir(folder) else 0
    return found


def settle(host):
    """Any change of users finishes what was begun."""
    host.command("pennypost", "user", "passwd", OTHER, input="another\n")


def user_with_mail(host, name):
    host.command("pennypost", "user", "add", name, input="secret\n")
    for number in range(2):
        host.put(name, letter(f"message {number}"))


@test("kill -9 at any step of a rename leaves a user who can log in and has all the mail; the next change finishes it",
      seconds=600)
def rename(t):
    host = Host(t, users={OTHER: "secret"}, start=False)
    kills = 0
    for call in CALLS:
        for step in range(1, STEPS_MAX):
            old, new = (f"{name}-{call}-{step}@example.test" for name in ("old", "new"))
            user_with_mail(host, old)
            was_killed = killed_at(host, call, step, "user", "rename", old, new)
            kills += was_killed
            now = users(host)
            equal(len({old, new} & set(now)), 1, f"names of the user after {call} {step}")
            name = old if old in now else new
            check(name in passwords(host), f"no password of {name} after {call} {step}")
            equal(messages_at(now[name]), 2, f"messages of {name} after {call} {step}")
            settle(host)
            now = users(host)
            (name,) = {old, new} & set(now)
            equal([each for each in passwords(host) if each in (old, new)], [name], f"passwords after {call} {step}")
            equal(messages_at(now[name]), 2, f"messages of {name} after {call} {step} and another change")
            homes = [entry for entry in os.listdir(os.path.join(host.mail, "example.test")) if call + "-" + str(step) in entry]
            equal(homes, [name.split("@")[0]], f"homes after {call} {step}")
            check(not os.path.islink(now[name]), f"a home is a link after {call} {step}")
            host.command("pennypost", "user", "del", "--with-mail", name)
            if not was_killed:
                equal(name, new, "the name after a rename to its end")
                break
        else:
            raise AssertionError(f"{call} is called without end")
    check(kills > 10, f"only {kills} kills")


@test("kill -9 at any step of a removal with an archive leaves the user as it was, or no user and one whole archive in the end",
      seconds=600)
def removal(t):
    host = Host(t, users={OTHER: "secret"}, start=False)
    kills = 0
    for call in CALLS:
        for step in range(1, STEPS_MAX):
            name = f"u-{call}-{step}@example.test"
            user_with_mail(host, name)
            archive = host.path("mail", f"{call}-{step}.tar.gz")
            was_killed = killed_at(host, call, step, "user", "del", "--archive", archive, name)
            kills += was_killed
            if name in users(host):
                equal(messages_at(users(host)[name]), 2, f"messages of {name}, who is still there, after {call} {step}")
            settle(host)
            homes = [entry for entry in os.listdir(os.path.join(host.mail, "example.test")) if f"u-{call}-{step}" in entry.split(".")[0]]
            if name in users(host):
                equal(homes, [name.split("@")[0]], f"homes after {call} {step}")
                check(not os.path.exists(archive), f"an archive of a user who is still there after {call} {step}")
                host.command("pennypost", "user", "del", "--with-mail", name)
            else:
                equal(homes, [], f"homes after {call} {step}")
                listed = subprocess.run(["tar", "tzf", archive], capture_output=True, text=True, check=True).stdout
                equal(listed.count("Maildir/new/1"), 2, f"messages in the archive after {call} {step}")
            check(name not in passwords(host), f"a password is left after {call} {step}")
            check(not os.path.exists(archive + ".new"), f"half an archive is left after {call} {step}")
            if not was_killed:
                break
        else:
            raise AssertionError(f"{call} is called without end")
    check(kills > 10, f"only {kills} kills")

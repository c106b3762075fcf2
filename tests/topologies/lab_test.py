"""What contrib/lab promises of itself: whole stories, hosts apart from this machine, nothing left behind."""
import contextlib
import os
import shutil
import signal
import subprocess

from harness import check, contains, equal, eventually, test
from lab import COMMAND, shared
from mailhost import TOP


def processes(words):
    """Pids of this machine whose command line has these words."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            with contextlib.suppress(OSError):
                with open(f"/proc/{name}/cmdline", "rb") as file:
                    if words in file.read().replace(b"\0", b" ").decode(errors="replace"):
                        found.append(int(name))
    return found


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


@test("lab: every step of the demonstration holds, also when it is told twice")
def demo(t):
    del t
    lab = shared.get()
    for _ in range(2):
        told = lab.command("demo")
        contains(told, "steps hold.", "the end of the story")
        check("DOES NOT HOLD" not in told, told[-2000:])


@test("lab: the demonstration ends with an error at a step that does not hold, and names it")
def demo_fails(t):
    del t
    lab = shared.get()
    with lab.changed("desktop1", "relayhost=[172.25.0.25]"):
        done = subprocess.run([COMMAND, "--state", lab.state, "demo"], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=120, check=False)
    equal(done.returncode, 1, "exit status of the demonstration")
    contains(done.stderr, "THIS DOES NOT HOLD: the brackets suppress", "what it says")


@test("lab: a host sees none of this machine's accounts, homes, processes and other hosts' files, and changes nothing of it")
def apart(t):
    lab = shared.get()
    distribution = read("/usr/share/base-passwd/passwd.master") + "pennypost pennynull pennymail student kevin"
    for line in lab.run("server1", "cat /etc/passwd").splitlines():
        contains(distribution, line.partition(":")[0], "the accounts that a host begins with")
    equal(lab.run("server1", "hostname -f").strip(), "server1.example.com", "its name")
    check(len(lab.run("server1", "ps -e").splitlines()) < 30, "its processes are its own")
    equal(sorted(lab.run("server1", "ls /home").split()), ["kevin", "student"], "its homes")
    equal(lab.run("server1", f"ls -d {lab.state} {t.folder} 2>/dev/null", ok=False), "", "files of the lab itself")
    name = f"lab-test-{os.getpid()}"
    lab.run("server1", f"touch /etc/{name} /usr/bin/{name} /tmp/{name} /run/{name} /var/lib/{name} /home/{name}")
    for folder in ("/etc", "/usr/bin", "/tmp", "/run", "/var/lib", "/home"):
        check(not os.path.exists(f"{folder}/{name}"), f"{folder}/{name} is on this machine")
        equal(lab.run("imap1", f"ls {folder}/{name} 2>/dev/null", ok=False), "", f"{folder}/{name} on another host")


@test("lab: status names each host with its address and services; one host is ended and made anew alone")
def one_host(t):
    del t
    lab = shared.get()
    shown = lab.command("status")
    for words in ("imap1            172.25.0.143 ", "smtpd: 25", "slapd 389", "dnsmasq 53"):
        contains(shown, words, "status")
    lab.run("server1", "rm -rf /etc/pennypost")
    lab.command("down", "server1")
    contains(lab.command("status"), "server1          down", "status")
    lab.command("up", "server1")
    subject = lab.subject("made anew")
    lab.mail("student", "server1", "alice@example.com", subject)
    lab.arrives("imap1", "alice", subject)


@test("lab: what a student starts on a host ends with the lab; down after a killed up leaves no process, file or mount")
def nothing_left(t):
    state = os.path.join(t.folder, "killed")
    t.cleanup(subprocess.run, [COMMAND, "--state", state, "down"])
    with subprocess.Popen([COMMAND, "--state", state, "up"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, start_new_session=True) as up:
        eventually(lambda: os.path.exists(os.path.join(state, "hosts", "imap1", "pid")), "imap1 is being made")
        os.killpg(up.pid, signal.SIGKILL)
    subprocess.run([COMMAND, "--state", state, "run", "ns1", "sh", "-c", f"sh -c 'sleep 1001; :' {state} & setsid sh -c 'sleep 1002; :' {state} &"],
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    check(processes(state), "something of the lab runs")
    done = subprocess.run([COMMAND, "--state", state, "down"], capture_output=True, text=True, timeout=120, check=False)
    equal((done.returncode, done.stderr), (0, ""), "lab down")
    eventually(lambda: not processes(state), "all its processes are gone")
    check(not os.path.exists(state), f"{state} is there")
    check(state not in read("/proc/mounts"), "something is mounted")
    equal(subprocess.run([COMMAND, "--state", state, "down"], check=False).returncode, 0, "a second lab down")


@test("lab: a user without root brings it up as well, with ids of /etc/subuid, sends mail in it, and leaves nothing behind")
def without_root(t):
    del t
    lab = shared.get()
    home = lab.path("roaming", "/home/tester")
    lab.run("roaming", "useradd --create-home --shell /bin/bash tester; "
            "for ids in subuid subgid; do echo tester:100000:65536 >/etc/$ids; done")
    shutil.copytree(os.path.join(TOP, "contrib"), os.path.join(home, "contrib"))
    os.makedirs(os.path.join(home, "bin"))
    for program in ("smtpd", "popd", "imapd", "pennypost", "sendmail", "postdrop"):
        shutil.copy(os.path.join(TOP, "build", "release", "bin", program), os.path.join(home, "bin"))
    lab.run("roaming", "chown -R tester: /home/tester")
    inner = "contrib/lab --state /home/tester/state --bin /home/tester/bin"
    try:
        lab.run("roaming", f"{inner} up", "tester")
        lab.run("roaming", f"{inner} run desktop1 sh -c 'echo Hello. | mail -s inside alice@example.com'", "tester")
        eventually(lambda: "inside" in lab.run("roaming", f"{inner} run imap1 sh -c "
                                               "'cat /var/vmail/example.com/alice/Maildir/new/*'", "tester", ok=False),
                   "the message arrives")
    finally:
        lab.run("roaming", f"{inner} down", "tester")
    equal(lab.run("roaming", "ls -d /home/tester/state 2>/dev/null; pgrep -u tester", ok=False), "", "what is left")


@test("lab: wrong words are answered with what would be right and exit status 64; what is missing is named with its remedy")
def wrong_words(t):
    state = os.path.join(t.folder, "none")

    def said(status, *words):
        done = subprocess.run([COMMAND, "--state", state, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=60, check=False)
        equal(done.returncode, status, f"exit status of lab {' '.join(words)}")
        return done.stdout + done.stderr
    contains(said(64, "ups"), "no command is called ups", "lab ups")
    contains(said(64, "shell", "smtp2"), "there are: ns1 ldap1 imap1", "a host that is none")
    contains(said(64, "--mx", "qmail", "up"), "--mx is one of pennypost, postfix, exim", "a kind that is none")
    contains(said(1, "run", "smtp1", "true"), "contrib/lab up", "a host that is down")
    contains(said(1, "status"), "The lab is down.", "status")
    contains(said(1, "--bin", t.folder, "up"), "smtpd is missing; build:", "programs that are not there")
    check(not os.path.exists(state), "wrong words make files")

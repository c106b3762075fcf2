"""The Debian package on a bare Debian root of its own: what it makes, says, keeps and leaves behind."""
import glob
import os
import re
import subprocess

from harness import check, contains, equal, eventually, test
from mailhost import TOP

ACCOUNTS = ("pennypost", "pennynull", "pennymail", "pennyauth")
DESTINATION = """
role = "destination"
myhostname = "mail.example.test"
mydomain = "example.test"
system_users = "no"
ssl_cert = "/etc/pennypost/cert.pem"
"""
CERTIFICATE = """openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=mail.example.test \
    -keyout /etc/pennypost/cert.pem -out /tmp/cert && cat /tmp/cert >>/etc/pennypost/cert.pem && chmod 600 /etc/pennypost/cert.pem"""


def package(folder):
    """Builds it into `folder`; its path."""
    done = subprocess.run(["contrib/package", "--no-install"], cwd=TOP, capture_output=True, text=True, timeout=900, check=False,
                          env={**os.environ, "DEBFULLNAME": "A Builder", "DEBEMAIL": "builder@debian.org"})
    equal(done.returncode, 0, f"contrib/package: {done.stderr[-2000:]}")
    built = os.path.join(TOP, done.stdout.splitlines()[-1])
    path = os.path.join(folder, os.path.basename(built))
    os.rename(built, path)
    return path


def mirror():
    """From where this host gets its own packages of Debian 12."""
    listed = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Origin: Debian", "Codename: bookworm"],
                            capture_output=True, text=True, check=True, timeout=60).stdout.split()
    check(listed, "apt knows no repository of Debian 12")
    return listed[0]


class Root:
    """A bare Debian below t.folder. What runs in it has the host's network for packages, else one of its own."""

    def __init__(self, t):
        self.path = os.path.join(t.folder, "root")
        done = subprocess.run(["debootstrap", "--variant=minbase", "--include=ca-certificates,curl,openssl,procps", "bookworm", self.path, mirror()],
                              capture_output=True, text=True, timeout=900, check=False)
        equal(done.returncode, 0, f"debootstrap: {done.stdout[-1500:]}{done.stderr[-1500:]}")
        for place in ("dev", "proc"):
            subprocess.run(["mount", "--rbind", "/" + place, self.file(place)], check=True)
            t.cleanup(lambda place=place: subprocess.run(["umount", "--lazy", "--recursive", self.file(place)], check=True))
        t.cleanup(self.kill_all)
        # A network namespace that lives as long as the test, so that daemons of one step serve the next.
        self.network = os.path.join(t.folder, "network")
        open(self.network, "wb").close()
        subprocess.run(["unshare", f"--net={self.network}", "ip", "link", "set", "lo", "up"], check=True)
        t.cleanup(lambda: subprocess.run(["umount", self.network], check=True))

    def file(self, path):
        return os.path.join(self.path, path.lstrip("/"))

    def run(self, script, status=0, outside=False):
        """Output of a shell script; `outside`: it needs the real network."""
        before = [] if outside else ["nsenter", f"--net={self.network}"]
        done = subprocess.run([*before, "chroot", self.path, "sh", "-ec", script], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", timeout=300, check=False,
                              env={**os.environ, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8",
                                   "DEBIAN_FRONTEND": "noninteractive"})
        check(status is None or done.returncode == status, f"{script}: exit status {done.returncode}: {done.stdout[-3000:]}")
        return done.stdout

    def kill_all(self):
        """Ends what still runs below the root."""
        for entry in glob.glob("/proc/[0-9]*/root"):
            try:
                if os.readlink(entry) == self.path:
                    os.kill(int(entry.split("/")[2]), 9)
            except OSError:
                continue


@test("lintian finds no error in the package, and no program without a manual page", seconds=300)
def lintian(t):
    done = subprocess.run(["lintian", "--fail-on", "error", package(t.folder)], capture_output=True, text=True, timeout=240, check=False)
    check(done.returncode == 0 and "no-manual-page" not in done.stdout, done.stdout + done.stderr)


@test("the package's AppArmor profiles are such that the parser takes them", seconds=300)
def apparmor(t):
    subprocess.run(["dpkg-deb", "-x", package(t.folder), t.folder], check=True)
    profile = os.path.join(t.folder, "etc/apparmor.d/pennypost")
    done = subprocess.run(["apparmor_parser", "--skip-kernel-load", "--skip-cache", profile], capture_output=True, text=True, check=False)
    check(done.returncode == 0, done.stderr)
    with open(profile, encoding="ascii") as file:
        text = file.read()
    for program in ("smtpd", "popd", "imapd"):
        contains(text, f"/usr/sbin/{program} flags=", "the profiles")


def installed_without_settings(root, path):
    """A null client without a relayhost says so, and takes nothing."""
    told = root.run(f"apt-get update -q && apt-get install -y --no-install-recommends {path} 2>&1", outside=True)
    contains(told, "Pennypost is not started", "what the installation says")
    contains(told, 'a null client needs the host that takes its mail; write relayhost = "[smtp.example.com]"', "what the installation says")
    for account in ACCOUNTS:
        contains(root.run(f"getent passwd {account}"), "nologin", account)
    contains(root.run("stat -c '%U:%G %a' /usr/sbin/postdrop"), "root:pennydrop 2755", "postdrop")
    contains(root.run("echo hello | sendmail root", status=78), "relayhost", "sendmail")
    contains(root.run("readlink -f /usr/bin/mailq /usr/lib/sendmail /usr/bin/newaliases"),
             "/usr/sbin/sendmail\n/usr/sbin/sendmail\n/usr/sbin/pennypost\n", "links")
    contains(root.run("dpkg -L pennypost"), "/usr/share/man/man5/parameters.5.gz", "files of the package")
    root.run("""echo 'relayhost = "[smtp.example.test]"' >>/etc/pennypost/main.toml; smtpd -t""")
    for daemon in ("popd", "imapd"):
        contains(root.run(f"{daemon} -t", status=1), "a null client keeps no mailboxes", f"{daemon} on a null client")


def becomes_a_destination(root):
    with open(root.file("/etc/pennypost/main.toml"), "w", encoding="utf-8") as file:
        file.write(DESTINATION)
    root.run(f"{CERTIFICATE}; newaliases; for user in alice bob; do echo secret | pennypost user add $user@example.test; done")
    contains(root.run("pennypost check"), "all is well", "check")
    root.run("for daemon in smtpd popd imapd; do $daemon -t; done; pennypost start")


def send(root, subject, recipient="bob@example.test", as_nobody=False):
    command = f"printf 'Subject: {subject}\\n\\nhello\\n' | sendmail -f alice@example.test {recipient}"
    root.run(f'setpriv --reuid=65534 --regid=65534 --clear-groups sh -ec "{command}"' if as_nobody else command)


def subjects(root):
    files = glob.glob(root.file("/var/vmail/example.test/bob/Maildir/*/*:2,*")) + glob.glob(root.file("/var/vmail/example.test/bob/Maildir/new/*"))
    found = []
    for path in files:
        with open(path, encoding="utf-8") as file:
            found.append(re.search(r"(?m)^Subject: (.*)$", file.read())[1])
    return sorted(found)


@test("on a bare Debian the package is a null client that says what it lacks, then the host that its settings make of it; mail "
      "and settings outlive an upgrade, its removal and a purge", seconds=600)
def life(t):
    path = package(t.folder)
    root = Root(t)
    deb = "/root/" + os.path.basename(path)
    os.link(path, root.file(deb))
    installed_without_settings(root, deb)
    becomes_a_destination(root)
    send(root, "one")
    eventually(lambda: subjects(root) == ["one"], "mail of sendmail is delivered")
    contains(root.run('curl -s --insecure --ssl-reqd --user bob@example.test:secret "imap://localhost/INBOX;UID=1"'), "Subject: one", "IMAP")
    contains(root.run('curl -s --insecure --ssl-reqd --user bob@example.test:secret "pop3://localhost/1"'), "Subject: one", "POP3")

    send(root, "waits", "far@nowhere.invalid")
    eventually(lambda: "1 Request" in root.run("mailq"), "one message waits")
    root.run(f"dpkg -i {deb}")
    contains(root.run("mailq"), "1 Request", "the queue after an upgrade")
    with open(root.file("/etc/pennypost/main.toml"), encoding="utf-8") as file:
        equal(file.read(), DESTINATION, "the settings after an upgrade")

    root.run("pennypost stop")
    send(root, "while stopped", as_nobody=True)
    root.run("pennypost start")
    eventually(lambda: subjects(root) == ["one", "while stopped"], "what a user sent while smtpd was stopped")

    root.run("pennypost stop; dpkg -r pennypost")
    check(not os.path.exists(root.file("/usr/sbin/sendmail")), "a program is left")
    told = root.run("dpkg -P pennypost")
    contains(told, "/var/spool/pennypost is kept", "what a purge says")
    check(not os.path.exists(root.file("/etc/pam.d/pennypost")), "a configuration file is left")
    equal(subjects(root), ["one", "while stopped"], "mail after a purge")
    told = root.run(f"rm -r /etc/aliases.rdb*; dpkg -i {deb} && pennypost start")
    check("is not started" not in told, f"a host that lacks only the table of its aliases is called unfinished: {told}")
    contains(root.run("mailq"), "1 Request", "the queue after a purge and a new installation")
    root.run("pennypost stop")

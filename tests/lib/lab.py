"""Brings up the hosts of contrib/lab once for all tests of a part, and asks them what the tests ask.

    lab = shared.get()
    lab.mail("student", "desktop1", "student@example.com", "hello")
    lab.arrives("imap1", "student", "hello")

Hosts are those of contrib/lab-hosts, configured by these scripts alone. A test that changes a setting does so in
`with lab.changed(host, "name = value")`, so that the next one finds the host as it was.
"""
import contextlib
import glob
import imaplib
import itertools
import os
import poplib
import re
import select
import shlex
import smtplib
import ssl
import subprocess

from harness import PATIENCE_SECONDS, Shared, check, contains, eventually, short
from mailhost import TOP
from netns import Place

COMMAND = os.path.join(TOP, "contrib", "lab")
SECONDS_MAX = 200
ADDRESSES = {"ns1": "172.25.0.53", "ldap1": "172.25.0.89", "imap1": "172.25.0.143", "smtp1": "172.25.0.25",
             "mx.example.net": "198.51.100.25", "desktop1": "172.25.0.10", "server1": "172.25.0.11",
             "roaming": "203.0.113.9"}
OWN_USERS = ("alice", "david")
_count = itertools.count(1)


class HostPlace(Place):
    """The network of one of the lab's hosts, for this thread's sockets."""

    def __init__(self, name, process):  # no super(): the network is there already
        self.name, self.address, self._before = name, ADDRESSES[name], []
        self.namespace = os.open(f"/proc/{process}/ns/net", os.O_RDONLY | os.O_CLOEXEC)


class Lab:
    def __init__(self, t, mx="pennypost"):
        self.state = os.path.join(t.folder, "lab")
        self.mx = mx
        t.cleanup(self.command, "down")
        self.command("--mx", mx, "up")

    def command(self, *words, ok=True, input=""):
        """contrib/lab with these words; what it printed."""
        done = subprocess.run([COMMAND, "--state", self.state, *words], input=input, capture_output=True, text=True,
                              errors="replace", timeout=SECONDS_MAX, check=False)
        check(done.returncode == 0 or not ok, f"lab {' '.join(words)}: exit status {done.returncode}: {short(done.stderr + done.stdout)}")
        return done.stdout + done.stderr

    def run(self, host, command, user="root", ok=True, input=""):
        """A command line of the shell on a host; what it printed."""
        if user != "root":
            command = f"runuser -l {user} -c {shlex.quote(command)}"
        return self.command("run", host, "bash", "-c", command, ok=ok, input=input)

    def use_mx(self, mx):
        """mx.example.net anew, as a host of this program."""
        if mx != self.mx:
            self.command("--mx", mx, "up", "mx.example.net")
            self.mx = mx

    @property
    def stop_mx(self):
        """The command that stops what mx.example.net runs."""
        return {"pennypost": "pennypost stop", "postfix": "postfix stop", "exim": "while pkill -x exim4; do :; done"}[self.mx]

    @property
    def start_mx(self):
        return {"pennypost": "pennypost start", "postfix": "postfix start", "exim": "exim4 -bd -q1m"}[self.mx]

    def path(self, host, path):
        """Where a file of a host (below /etc, /var, /home, /root) is for us."""
        return os.path.join(self.state, "hosts", host, path.lstrip("/"))

    def read(self, host, path):
        with contextlib.suppress(FileNotFoundError):
            with open(self.path(host, path), encoding="utf-8", errors="replace") as file:
                return file.read()
        return ""

    def log(self, host):
        return self.read(host, "/var/log/maillog")

    def wait_log(self, host, pattern, after=0):
        """The first match of a regular expression in a host's log, from a length of it that was seen before."""
        return eventually(lambda: re.search(pattern, self.log(host)[after:]), f"the log of {host} says {pattern}")

    def place(self, host):
        """As a context: this thread's sockets are on the host."""
        with open(self.path(host, "pid"), encoding="ascii") as file:
            return HostPlace(host, int(file.read()))

    @contextlib.contextmanager
    def on(self, host):
        place = self.place(host)
        try:
            with place:
                yield
        finally:
            place.close()

    @contextlib.contextmanager
    def changed(self, host, *settings, restart=False):
        """These settings, by postconf -e, while the context lasts; restart: for what a reload cannot change."""
        def apply():
            self.run(host, "pennypost stop; pennypost start" if restart else "pennypost reload")
        before = self.read(host, "/etc/pennypost/main.toml")
        try:
            self.run(host, "postconf -e " + " ".join(shlex.quote(setting) for setting in settings))
            apply()
            yield
        finally:
            with open(self.path(host, "/etc/pennypost/main.toml"), "w", encoding="utf-8") as file:
                file.write(before)
            apply()

    # Mail

    def subject(self, words="letter"):
        """A subject that no other message has."""
        return f"{words} {os.getpid()}.{next(_count)}"

    def mail(self, user, host, recipient, subject, body="Hello."):
        """`mail -s` of a user on a host."""
        return self.run(host, f"echo {shlex.quote(body)} | mail -s {shlex.quote(subject)} {recipient}", user)

    def messages(self, host, user):
        """The messages in a user's mailbox, as texts: of an mbox file or a Maildir, whichever the host keeps."""
        home = f"/var/vmail/example.com/{user}" if host == "imap1" and user in OWN_USERS else f"/home/{user}"
        texts = re.split(r"(?m)^From .*\n", self.read(host, f"/var/mail/{user}"))[1:]
        for part in ("new", "cur"):
            for path in sorted(glob.glob(self.path(host, f"{home}/Maildir/{part}/*"))):
                with contextlib.suppress(FileNotFoundError):
                    with open(path, encoding="utf-8", errors="replace") as file:
                        texts.append(file.read())
        return texts

    def with_subject(self, host, user, subject):
        return [text for text in self.messages(host, user) if f"Subject: {subject}\n" in text]

    def arrives(self, host, user, subject):
        """The one message of this subject, when it has come."""
        found = eventually(lambda: self.with_subject(host, user, subject), f"{subject} arrives for {user} at {host}")
        check(len(found) == 1, f"{len(found)} copies of {subject} for {user} at {host}")
        return found[0]

    def report(self, host, user, words):
        """A delivery report in a user's mailbox that has these words."""
        return eventually(lambda: [text for text in self.messages(host, user) if "Content-Type: message/delivery-status" in text
                                   and words in text], f"a report with {words} arrives for {user} at {host}")[0]

    def queue_is_empty(self, host):
        return "Mail queue is empty" in self.run(host, "mailq", ok=False)

    # Dialogues

    def smtp(self, source, server, port=25):
        """An SMTP session from one host to another."""
        with self.on(source):
            return smtplib.SMTP(ADDRESSES.get(server, server), port, timeout=60, local_hostname="client.example.org")

    def authority(self):
        """TLS that trusts the lab's own authority and no other."""
        return ssl.create_default_context(cafile=os.path.join(self.state, "tls", "ca.crt"))

    def starttls(self, client, name):
        client._host = name  # what the certificate must bear
        client.starttls(context=self.authority())
        return client

    def imap(self, source, login, password, tls=True):
        with self.on(source):
            if tls:
                context = self.authority()
                context.check_hostname = False  # we connect by address
                client = imaplib.IMAP4_SSL(ADDRESSES["imap1"], 993, ssl_context=context, timeout=60)
            else:
                client = imaplib.IMAP4(ADDRESSES["imap1"], 143, timeout=60)
            client.login(login, password)
            return client

    def pop3(self, source, login, password):
        with self.on(source):
            context = self.authority()
            context.check_hostname = False
            client = poplib.POP3_SSL(ADDRESSES["imap1"], 995, timeout=60, context=context)
            client.user(login)
            client.pass_(password)
            return client

    def telnet(self, host, server, port, lines):
        """A dialogue typed into telnet: each line when the answer to the one before has come. The whole, as printed."""
        command = [COMMAND, "--state", self.state, "run", host, "telnet", server, str(port)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            shown = Typed(process.stdout)
            try:
                shown.read_until(r"(?m)^(220 |\+OK).*\n")
                for line, answer in lines:
                    process.stdin.write(line.encode() + b"\n")
                    process.stdin.flush()
                    shown.read_until(answer)
            finally:
                process.stdin.close()
                process.wait(PATIENCE_SECONDS)
        return shown.text


class Typed:
    """What a program prints, read up to what is waited for."""

    def __init__(self, stream):
        self.stream, self.text, self.at = stream, "", 0

    def read_until(self, pattern):
        while True:
            found = re.compile(pattern).search(self.text, self.at)
            if found:
                self.at = found.end()
                return
            ready = select.select([self.stream], [], [], PATIENCE_SECONDS)[0]
            octets = os.read(self.stream.fileno(), 65536) if ready else b""
            check(octets, f"expected {pattern!r} in {short(self.text)}")
            self.text += octets.decode("utf-8", "replace").replace("\r\n", "\n")


def letter(subject, sender="student@example.com", to="student@example.com"):
    return f"From: <{sender}>\r\nTo: <{to}>\r\nSubject: {subject}\r\n\r\nHello.\r\n"


def refused(answer, code, words):
    """An SMTP answer of smtplib, (code, text), is a refusal with this code and these words."""
    text = answer[1].decode(errors="replace")
    check(answer[0] == code, f"expected {code} {words}, seen {answer[0]} {text}")
    contains(text, words, "the answer")


shared = Shared(Lab)

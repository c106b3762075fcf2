"""From a real Dovecot to Pennypost on the same Maildirs and ports, and back: no client downloads anything again.

The clients keep what they know between the turns: mbsync and offlineimap by IMAP; fetchmail, mpop and getmail, which
leave mail on the server, by POP3.
"""
import imaplib
import os
import re
import subprocess

from dovecot import DovecotServer
from harness import check, equal, test
from mailhost import TOP, Host, as_user, give, letter, toml
from samples import samples
from stock import run

FAR = "far@other.test"
SECRET = "far-secret"
# What a test's host has of its own, whatever migrate wrote.
OWN = ("smtp_port", "base_dir", "queue_directory", "data_directory", "maillog_file", "dns_servers", "dns_timeout", "dns_tries",
       "command_directory", "smtpd_peername_lookup", "myhostname", "mydomain", "alias_maps", "alias_database",
       "inet_interfaces", "mynetworks", "mailauth_checks", "notify_classes")


def tree(folder):
    """The messages in Maildirs below `folder`, by their names without flags and the mark of mbsync's UID."""
    return {os.path.join(os.path.relpath(os.path.dirname(where), folder), re.split(r"[:,]", file)[0])
            for where, _, files in os.walk(folder) if os.path.basename(where) in ("new", "cur") for file in files}


def flags_in(folder):
    """The flags of those messages, sorted."""
    return sorted(file.partition(":2,")[2] for where, _, files in os.walk(folder)
                  if os.path.basename(where) in ("new", "cur") for file in files)


class Client:
    """A program with a place of its own; fetch() brings it up to date, messages() is what it has then."""

    def __init__(self, t, server):
        self.folder = os.path.join(t.folder, type(self).__name__)
        self.store = os.path.join(self.folder, "store")
        os.makedirs(self.store)
        self.server = server
        self.prepare()
        give(self.folder)

    def write(self, file, text):
        path = os.path.join(self.folder, file)
        with open(path, "w", encoding="ascii") as out:
            out.write(text)
        os.chmod(path, 0o600)
        return path

    def messages(self):
        return tree(self.store)

    def run(self, *command, ok=(0,)):
        return run(list(command), ok=ok, user=True, HOME=self.folder)


class Mbsync(Client):
    def prepare(self):
        server = self.server
        self.file = self.write("rc", f"""IMAPAccount far
Host localhost
Port {server.port("imaps")}
User {FAR}
Pass {SECRET}
SSLType IMAPS
CertificateFile {server.certificate}
Timeout 100

IMAPStore far
Account far

MaildirStore near
Inbox {self.store}/INBOX
Path {self.store}/
Subfolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Near
Sync All
SyncState *
""")

    def fetch(self):
        self.run("mbsync", "--config", self.file, "all")


class Offlineimap(Client):
    def prepare(self):
        self.file = self.write("rc", f"""[general]
metadata = {self.folder}/metadata
accounts = far
ui = basic

[Account far]
localrepository = near
remoterepository = server

[Repository near]
type = Maildir
localfolders = {self.store}

[Repository server]
type = IMAP
remotehost = localhost
remoteport = {self.server.port("imap")}
remoteuser = {FAR}
remotepass = {SECRET}
ssl = no
starttls = no
""")

    def fetch(self):
        self.run("offlineimap", "-o", "-c", self.file)


class Fetchmail(Client):
    def prepare(self):
        keep = self.write("keep", f'#!/bin/sh\nexec cat > "$(mktemp {self.store}/XXXXXX)"\n')
        os.chmod(keep, 0o700)
        self.file = self.write("rc", f"""poll localhost protocol pop3 port {self.server.port("pop3")} uidl timeout 60
user "{FAR}" password "{SECRET}" keep sslproto "" mda "{keep}"
""")

    def fetch(self):
        self.run("fetchmail", "--fetchmailrc", self.file, "--idfile", os.path.join(self.folder, "ids"), "--pidfile",
                 os.path.join(self.folder, "pid"), "--nosyslog", ok=(0, 1))  # 1: nothing is new

    def messages(self):
        return set(os.listdir(self.store))


class Mpop(Client):
    def prepare(self):
        for part in ("cur", "new", "tmp"):
            os.makedirs(os.path.join(self.store, part))
        self.file = self.write("rc", f"""account default
host localhost
port {self.server.port("pop3")}
user {FAR}
password {SECRET}
auth user
tls off
keep on
only_new on
uidls_file {self.folder}/uidls
delivery maildir {self.store}
""")

    def fetch(self):
        self.run("mpop", "-C", self.file)


class Getmail(Client):
    def prepare(self):
        for part in ("cur", "new", "tmp"):
            os.makedirs(os.path.join(self.store, part))
        self.write("getmailrc", f"""[retriever]
type = SimplePOP3Retriever
server = localhost
port = {self.server.port("pop3")}
username = {FAR}
password = {SECRET}

[destination]
type = Maildir
path = {self.store}/

[options]
read_all = false
delete = false
received = false
delivered_to = false
""")

    def fetch(self):
        self.run("getmail", f"--getmaildir={self.folder}", "--rcfile=getmailrc")


CLIENTS = (Mbsync, Offlineimap, Fetchmail, Mpop, Getmail)


def shown(client):
    """{folder: [(UID, flags and keywords)]} by IMAP."""
    found = {}
    for line in client.list()[1]:
        name = line.decode().rpartition(" ")[2].strip('"')
        equal(client.select(f'"{name}"', readonly=True)[0], "OK", f"SELECT {name}")
        validity = client.response("UIDVALIDITY")[1]
        rows = client.uid("FETCH", "1:*", "(UID FLAGS)")[1]
        found[name] = (validity, [(int(re.search(rb"UID (\d+)", row)[1]),
                                   tuple(sorted(set(re.search(rb"FLAGS \(([^)]*)\)", row)[1].split()) - {rb"\Recent"})))
                                  for row in rows if row])
    return found


def fill(client):
    for name in ("Work", "Work.Old", "Sent"):
        client.create(name)
        client.subscribe(name)
    for number, message in enumerate(samples().values()):
        client.append("INBOX" if number % 2 else "Work", r"(\Flagged $Label1 Urgent)" if number % 3 == 0 else r"(\Seen)",
                      imaplib.Time2Internaldate(1500000000 + number), message)


def take_over(t, server):
    """A host with what `pennypost migrate dovecot` makes of Dovecot's own `doveconf -nP`, on its ports and its mail."""
    host = Host(t, {"submission_port": 0, "submissions_port": 0}, users={}, daemons=("popd", "imapd"), start=False)
    source = host.write("dovecot.conf", server.command("doveconf", "-nP"))
    output = host.path("dovecot-out")
    os.makedirs(output, exist_ok=True)
    host.own()
    call = [os.path.join(TOP, host.bin, "pennypost"), "migrate", "--output", output, "dovecot", source]
    done = subprocess.run(call, capture_output=True, text=True, timeout=60, check=False, cwd=host.folder, **as_user())
    check(done.returncode in (0, 1), f"migrate: {done.stderr}{done.stdout}")
    with open(os.path.join(output, "main.toml"), encoding="utf-8") as file:
        text = file.read()
    own = {name: host.settings[name] for name in OWN}
    own.update(virtual_mailbox_base=server.mail, imap_port=server.port("imap"), imaps_port=server.port("imaps"), pop3_port=server.port("pop3"), pop3s_port=0,
               sieve_port=0, submission_port=0, submissions_port=0)
    lines = [line for line in text.splitlines() if line.split(" = ")[0] not in own]
    at = next((number for number, line in enumerate(lines) if line.startswith("[")), len(lines))
    lines[at:at] = [f"{name} = {toml(value)}" for name, value in own.items()]
    host.write("dovecot-out/main.toml", "\n".join(lines) + "\n")
    host.etc = output  # where the tables are as well
    for name, port in (("imap", "imap"), ("imaps", "imaps"), ("pop3", "pop3")):
        host.settings[name + "_port"] = server.port(port)
    host.settings.update(pop3s_port=0, sieve_port=0)
    host.users[FAR] = SECRET
    return host, done


@test("a Dovecot that Pennypost takes over from, and that comes back: UIDs, flags, keywords stay, and no client downloads again",
      seconds=600)
def switch(t):
    server = DovecotServer(t, {FAR: SECRET})
    with server.imap(FAR) as client:
        fill(client)
    clients = [kind(t, server) for kind in CLIENTS]
    for client in clients:
        client.fetch()
        check(client.messages(), f"{type(client).__name__} downloaded nothing")
    # A message that a POP3 client has taken is seen, which those by IMAP learn in the next round.
    for client in clients:
        client.fetch()
    with server.imap(FAR) as client:
        before = shown(client)
    had = {client: client.messages() for client in clients}
    marks = {client: flags_in(client.store) for client in clients}
    server.stop()

    def nothing_new(when):
        for client in clients:
            client.fetch()
            name = type(client).__name__
            equal(sorted(client.messages() - had[client]), [], f"{name} downloads {when}")
            equal(sorted(had[client] - client.messages()), [], f"{name} loses {when}")
            equal(flags_in(client.store), marks[client], f"flags that {name} has {when}")

    host, _ = take_over(t, server)
    host.command("pennypost", "check")
    host.start()
    with host.imap(FAR) as client:
        equal(shown(client), before, "UIDs, flags and keywords, seen by our imapd")
    nothing_new("from us")

    # What happens with us is there when Dovecot comes back.
    with host.imap(FAR) as client:
        client.select("INBOX")
        client.store("1", "+FLAGS", r"(\Answered Later)")
        client.append("INBOX", r"(\Seen $Label1)", None, letter("while we served"))
    for client in clients:
        client.fetch()
        equal(len(client.messages() - had[client]), 1, f"messages that {type(client).__name__} has of the one")
    for client in clients:
        client.fetch()
        had[client], marks[client] = client.messages(), flags_in(client.store)
    with host.imap(FAR) as client:
        here = shown(client)
    for daemon in list(host.running):
        host.stop(daemon)
    server.start()
    with server.imap(FAR) as client:
        equal(shown(client), here, "UIDs, flags and keywords, seen by Dovecot again")
    nothing_new("from Dovecot again")

"""`pennypost setup` turns an empty directory into a mail host, and a second run changes nothing."""
import imaplib
import os
import re
import socket
import ssl
import stat
import subprocess

from harness import check, contains, equal, test
from mailhost import TOP, as_user, free_port, give

PROGRAM = "build/release/bin/pennypost"
PORTS = ("smtp_port", "submission_port", "submissions_port", "pop3_port", "pop3s_port", "imap_port", "imaps_port")


class Place:
    """An empty directory of the user who runs the daemons, and setup run in it."""

    def __init__(self, t):
        self.root = os.path.join(t.folder, "host")
        os.mkdir(self.root)
        os.chmod(t.folder, 0o755)
        give(self.root)
        self.ports = {name: free_port() for name in PORTS}
        at = self.root
        self.settings = {**self.ports, "inet_interfaces": "127.0.0.1", "base_dir": f"{at}/run", "queue_directory": f"{at}/queue",
                         "data_directory": f"{at}/data", "virtual_mailbox_base": f"{at}/mail", "alias_maps": f"hash:{at}/etc/aliases",
                         "alias_database": f"hash:{at}/etc/aliases", "maillog_file": f"{at}/log", "command_directory": "/proc/self/cwd/build/release/bin",
                         "system_users": "no"}
        t.cleanup(lambda: self.command("stop"))

    def command(self, verb, *arguments, input=""):
        return subprocess.run([PROGRAM, verb, "-c", f"{self.root}/etc", *arguments], cwd=TOP, input=input, capture_output=True, text=True,
                              timeout=120, check=False, **as_user())

    def setup(self, *arguments, input="", role="destination"):
        given = [word for name, value in self.settings.items() for word in ("--set", f"{name}={value}")]
        return self.command("setup", "--role", role, "--hostname", "mail.example.test", "--domain", "example.test", *given, *arguments,
                            input=input)

    def file(self, name):
        with open(os.path.join(self.root, name), encoding="utf-8") as file:
            return file.read()


@test("setup makes a host of an empty directory: certificate, aliases, user, daemons, a first message, DNS records")
def first_run(t):
    place = Place(t)
    tried = place.setup("--user", "alice@example.test", "--dry-run")
    equal(tried.returncode, 0, tried.stderr)
    check(not os.path.exists(f"{place.root}/etc"), "a dry run writes nothing")
    for text in ('+ role = "destination"', "opens port %d (imap)" % place.ports["imap_port"], "A self-signed certificate is made"):
        contains(tried.stdout, text, "the dry run")

    unsaid = place.setup("--user", "alice@example.test", input="wonder land\n")
    equal(unsaid.returncode, 1, "without a terminal only --yes goes on")
    check(not os.path.exists(f"{place.root}/etc"), "what was not agreed to is not done")

    silent = place.setup("--user", "alice@example.test", "--yes")
    equal(silent.returncode, 1, silent.stdout)
    contains(silent.stderr, "no password was given\nNothing was written.\n", "without a password")
    check(not os.path.exists(f"{place.root}/etc"), "without a password nothing is done")

    done = place.setup("--user", "alice@example.test", "--yes", input="wonder land\n")
    equal(done.returncode, 0, done.stdout + done.stderr)
    for text in ("DKIM keys made for example.test.", "_domainkey.example.test. IN TXT", "User alice@example.test added.", "all is well", "imapd: started", "A message to alice@example.test was sent: it lies in",
                 "example.test.                       MX    10 mail.example.test.",
                 "autoconfig.example.test.            CNAME mail.example.test.",
                 "_autodiscover._tcp.example.test.    SRV   0 1 443 mail.example.test."):
        contains(done.stdout, text, "the first run")
    contains(place.file("etc/aliases"), "root: alice@example.test\n", "aliases")
    equal(stat.S_IMODE(os.stat(f"{place.root}/etc/tls/mail.example.test.key").st_mode), 0o600, "the key is its owner's alone")

    # The certificate that was made is one that a client can check, and the password one to log in with.
    trust = ssl.create_default_context(cafile=f"{place.root}/etc/tls/mail.example.test.crt")
    class Client(imaplib.IMAP4_SSL):
        def _create_socket(self, timeout):
            return trust.wrap_socket(socket.create_connection(("127.0.0.1", self.port), 60), server_hostname="mail.example.test")

    with Client("mail.example.test", place.ports["imaps_port"], ssl_context=trust) as client:
        client.login("alice@example.test", "wonder land")
        equal(client.select()[1], [b"1"], "the message is there")
        subject = client.fetch("1", "BODY[HEADER.FIELDS (SUBJECT)]")[1][0][1]
        contains(subject, b"mail.example.test is set up", "the message")

    before = place.file("etc/main.toml")
    again = place.setup("--user", "alice@example.test", "--yes")
    equal(again.returncode, 0, again.stdout + again.stderr)
    contains(again.stdout, "main.toml stays as it is.\nUser alice@example.test exists.\n", "the second run")
    contains(again.stdout, "imapd: reloaded", "the second run")
    equal(place.file("etc/main.toml"), before, "a second run changes nothing")


@test("setup gives root's mail to the first user where the file of aliases names nobody for it, and leaves what it says")
def aliases(t):
    place = Place(t)
    os.mkdir(f"{place.root}/etc")
    with open(f"{place.root}/etc/aliases", "w", encoding="utf-8") as file:
        file.write("# rooted: x\npostmaster: root\nteam: bob")
    give(f"{place.root}/etc")
    done = place.setup("--user", "alice@example.test", "--yes", "--no-start", input="wonder land\n")
    equal(done.returncode, 0, done.stdout + done.stderr)
    contains(done.stdout, f"{place.root}/etc/aliases:\n+ root: alice@example.test\n", "what is shown")
    equal(place.file("etc/aliases"), "# rooted: x\npostmaster: root\nteam: bob\nroot: alice@example.test\n", "the file")
    again = place.setup("--user", "bob@example.test", "--yes", "--no-start", input="other land\n")
    equal(again.returncode, 0, again.stdout + again.stderr)
    equal(place.file("etc/aliases").count("root:"), 1, "lines for root after a second run")


@test("setup refuses answers that make no configuration, names each mistake, and writes nothing")
def refusals(t):
    place = Place(t)
    place.settings["smtp_port"] = "many"
    wrong = place.setup("--yes")
    equal(wrong.returncode, 78, wrong.stderr)
    contains(wrong.stderr, 'smtp_port: "many" is not a number', "the refusal")
    contains(wrong.stderr, "Nothing was written.", "the refusal")
    check(not os.path.exists(f"{place.root}/etc"), "nothing was written")
    equal(place.command("setup", "--role").returncode, 64, "an option without its value")
    missing = place.command("setup", "--yes")
    equal(missing.returncode, 64, missing.stderr)
    contains(missing.stderr, "--role is missing", "no role")


@test("setup tells what a change of role opens, closes and keeps")
def change(t):
    place = Place(t)
    os.mkdir(f"{place.root}/etc")
    text = '# mine\nrole = "null-client"\nrelayhost = "[smtp.example.test]"\n'
    with open(f"{place.root}/etc/main.toml", "w", encoding="utf-8") as file:
        file.write(text)
    give(f"{place.root}/etc")
    told = place.setup("--dry-run", role="relay")
    equal(told.returncode, 0, told.stderr)
    contains(told.stdout, '- role = "null-client"\n+ role = "relay"\n', "the diff")
    check("# mine" not in told.stdout, "what stays is not shown")
    contains(told.stdout, "opens port %d (submission)" % place.ports["submission_port"], "the ports")
    check(re.search(r"queue_directory was /var/spool/pennypost and becomes ", told.stdout), told.stdout)
    equal(place.file("etc/main.toml"), text, "the file")


@test("setup writes the files by which clients set themselves up, where it is told to")
def autoconfig(t):
    place = Place(t)
    place.settings["blocked_users_map"] = ""
    done = place.setup("--yes", "--no-start", "--autoconfig", f"{place.root}/web")
    equal(done.returncode, 0, done.stdout + done.stderr)
    contains(done.stdout, f"{place.root}/web/mail/config-v1.1.xml\n", "what setup says")
    contains(place.file("web/mail/config-v1.1.xml"), f"<port>{place.ports['imaps_port']}</port>", "the file for Thunderbird")
    contains(place.file("web/mail/example.test.mobileconfig"), "mail.example.test", "the profile for Apple's devices")

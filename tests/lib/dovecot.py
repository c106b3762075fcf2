"""A real Dovecot: one process of its imap or pop3 program asked about a Maildir, or a server that takes mail by LMTP."""
import glob
import imaplib
import os
import socket
import subprocess

from harness import check, eventually
from mailhost import as_user, free_port, give, has_program, make_certificate

PROGRAM = "/usr/lib/dovecot/imap"
POP3_PROGRAM = "/usr/lib/dovecot/pop3"


def write_configuration(t, maildir, name, more=""):
    """The file's path; its directory is the program's home."""
    folder = os.path.join(t.folder, name)
    os.makedirs(os.path.join(folder, "run"), exist_ok=True)
    configuration = os.path.join(folder, "dovecot.conf")
    with open(configuration, "w", encoding="ascii") as file:
        file.write(f"""base_dir = {folder}/run
log_path = {folder}/dovecot.log
state_dir = {folder}/run
mail_location = maildir:{maildir}
protocols = imap
ssl = no
first_valid_uid = 1
stats_writer_socket_path =
default_internal_user = nobody
default_login_user = nobody
{more}""")
    give(folder)
    return configuration


def environment_of(configuration):
    return {"PATH": os.environ["PATH"], "USER": "tester", "HOME": os.path.dirname(configuration)}


def dovecot_uidls(t, maildir, style, name="pop3", more="", before=b""):
    """What UIDL lists by this pop3_uidl_format, in order; the empty one is Dovecot's default. more: further settings.
    before: commands before UIDL, whose answers are of one line each."""
    more += f"pop3_uidl_format = {style}\n" if style else ""
    configuration = write_configuration(t, maildir, name, more)
    done = subprocess.run([POP3_PROGRAM, "-c", configuration], input=before + b"UIDL\r\nQUIT\r\n", stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env=environment_of(configuration), cwd="/", timeout=30, check=False,
                          **as_user())
    lines = done.stdout.decode("ascii").split("\r\n")
    if "." not in lines:
        raise AssertionError(f"Dovecot's pop3 said {lines}, {done.stderr.decode()[-500:]}")
    return [line.split()[1] for line in lines[:lines.index(".")] if not line.startswith(("+OK", "-ERR"))]


class Dovecot(imaplib.IMAP4):
    """An IMAP session of Dovecot's own program, logged in from the start. Use as a context."""

    def __init__(self, t, maildir, name="dovecot", more=""):
        self.configuration = write_configuration(t, maildir, name, more)
        super().__init__()

    def open(self, host="", port=0, timeout=None):
        del host, port, timeout
        environment = environment_of(self.configuration)
        self.process = subprocess.Popen([PROGRAM, "-c", self.configuration], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, bufsize=0,
                                        cwd="/", **as_user())
        self.host, self.port, self.sock = None, None, None
        self.file = self.readfile = self.process.stdout

    def read(self, size):
        octets = b""
        while len(octets) < size:
            more = self.process.stdout.read(size - len(octets))
            if not more:
                break
            octets += more
        return octets

    def readline(self):
        return self.process.stdout.readline()

    def send(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def shutdown(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(30)


class DovecotLmtp:
    """Dovecot's LMTP server, on `port` of `address` and on the socket self.path, for the users of dovecot.test.

    users: {name: the quota of his Maildir in octets, or None}. answer_full: Dovecot's quota_full_tempfail.
    """

    def __init__(self, t, users, address="127.0.0.1", answer_full="no", name="dovecot-lmtp"):
        check(has_program("dovecot") and os.path.exists("/usr/lib/dovecot/lmtp"),
              "Dovecot's LMTP server is missing; contrib/packages/test lists it")
        self.address, self.port = address, free_port(address)
        self.folder = os.path.join(t.folder, name)
        self.path = os.path.join(self.folder, "run", "lmtp.sock")
        me = as_user().get("user", os.geteuid())
        group = as_user().get("group", os.getegid())
        os.makedirs(os.path.join(self.folder, "run"))
        os.makedirs(os.path.join(self.folder, "mail"))
        lines = [f"{user}::{me}:{group}::{self.folder}/mail/{user}::" + (f"userdb_quota_rule=*:bytes={quota}" if quota else "")
                 for user, quota in users.items()]
        self._write("users", "\n".join(lines) + "\n")
        account, accounts = self._name_of(me, "passwd"), self._name_of(group, "group")
        self._write("dovecot.conf", f"""base_dir = {self.folder}/run
state_dir = {self.folder}/run
log_path = {self.folder}/dovecot.log
protocols = lmtp
listen = {address}
ssl = no
hostname = {name}.test
postmaster_address = postmaster@dovecot.test
mail_location = maildir:~/Maildir
mail_plugins = quota
mail_max_userip_connections = 0
auth_username_format = %n
first_valid_uid = 1
quota_full_tempfail = {answer_full}
lmtp_rcpt_check_quota = no
default_internal_user = {account}
default_internal_group = {accounts}
default_login_user = {account}
plugin {{
  quota = maildir:User quota
}}
passdb {{
  driver = passwd-file
  args = {self.folder}/users
}}
userdb {{
  driver = passwd-file
  args = {self.folder}/users
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
service lmtp {{
  unix_listener {self.path} {{
    mode = 0600
  }}
  inet_listener lmtp {{
    address = {address}
    port = {self.port}
  }}
}}
""")
        give(self.folder)
        with open(os.path.join(self.folder, "stderr"), "wb") as errors:
            self.process = subprocess.Popen(["dovecot", "-F", "-c", os.path.join(self.folder, "dovecot.conf")], cwd="/",
                                            stdin=subprocess.DEVNULL, stdout=errors, stderr=errors, **as_user())
        t.cleanup(self.stop)
        eventually(self._greets, "Dovecot's LMTP server answers")

    @staticmethod
    def _name_of(number, file):
        found = subprocess.run(["getent", file, str(number)], capture_output=True, text=True, check=True)
        return found.stdout.split(":")[0]

    def _write(self, file, text):
        with open(os.path.join(self.folder, file), "w", encoding="ascii") as out:
            out.write(text)

    def _greets(self):
        status = self.process.poll()
        check(status is None, f"Dovecot ended with status {status}: {self.log()[-1500:]}")
        with socket.create_connection((self.address, self.port), timeout=10) as stream:
            return stream.recv(512).startswith(b"220")

    def log(self):
        text = ""
        for file in ("stderr", "dovecot.log"):
            if os.path.exists(os.path.join(self.folder, file)):
                with open(os.path.join(self.folder, file), encoding="utf-8", errors="replace") as opened:
                    text += opened.read()
        return text

    def messages(self, user):
        """The texts of the messages in a user's INBOX."""
        texts = []
        for path in sorted(glob.glob(os.path.join(self.folder, "mail", user, "Maildir", "new", "*"))):
            with open(path, "rb") as file:
                texts.append(file.read())
        return texts

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


class DovecotServer:
    """Dovecot's IMAP and POP3 servers with TLS, on ports of their own, for users of a passwd-file.

    users: {login: password}; their mail is in mail/DOMAIN/NAME/Maildir below `folder`. self.port("imap"|"imaps"|"pop3"),
    self.certificate. more: further settings; stop() and start() at will, the mail stays.
    """

    PORTS = ("imap", "imaps", "pop3")

    def __init__(self, t, users, name="dovecot-server", more="", address="127.0.0.1", mail=None):
        check(has_program("dovecot"), "Dovecot is missing; contrib/packages/test lists it")
        self.address, self.users, self.process = address, users, None
        self.mail = mail or os.path.join(t.folder, name, "mail")
        self.ports = {which: free_port(address) for which in self.PORTS}
        self.folder = os.path.join(t.folder, name)
        os.makedirs(os.path.join(self.folder, "run"))
        self.certificate, key = make_certificate(self.folder)
        me = as_user().get("user", os.geteuid())
        group = as_user().get("group", os.getegid())
        account, accounts = (self._name_of(number, file) for number, file in ((me, "passwd"), (group, "group")))
        os.makedirs(self.mail, exist_ok=True)
        give(self.mail)
        self._write("users", "".join(f"{login}:{{PLAIN}}{password}:{me}:{group}::{self.home(login)}::\n"
                                     for login, password in users.items()))
        self.configuration = self._write("dovecot.conf", f"""base_dir = {self.folder}/run
state_dir = {self.folder}/run
log_path = {self.folder}/dovecot.log
mail_location = maildir:{self.mail}/%d/%n/Maildir
protocols = imap pop3
listen = {address}
ssl = yes
ssl_cert = <{self.certificate}
ssl_key = <{key}
disable_plaintext_auth = no
first_valid_uid = 1
default_internal_user = {account}
default_internal_group = {accounts}
default_login_user = {account}
mail_max_userip_connections = 0
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {self.folder}/users
}}
userdb {{
  driver = passwd-file
  args = username_format=%u {self.folder}/users
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {self.ports["imap"]}
  }}
  inet_listener imaps {{
    port = {self.ports["imaps"]}
    ssl = yes
  }}
}}
service pop3-login {{
  chroot =
  inet_listener pop3 {{
    port = {self.ports["pop3"]}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
{more}""")
        give(self.folder)
        t.cleanup(self.stop)
        self.start()

    _name_of = staticmethod(DovecotLmtp._name_of)

    def _write(self, file, text):
        path = os.path.join(self.folder, file)
        with open(path, "w", encoding="ascii") as out:
            out.write(text)
        return path

    def home(self, login):
        name, _, domain = login.partition("@")
        return os.path.join(self.mail, domain, name)

    def port(self, which):
        return self.ports[which]

    def start(self):
        with open(os.path.join(self.folder, "stderr"), "ab") as errors:
            self.process = subprocess.Popen(["dovecot", "-F", "-c", self.configuration], cwd="/",
                                            stdin=subprocess.DEVNULL, stdout=errors, stderr=errors, **as_user())
        eventually(self._greets, "Dovecot answers")

    def _greets(self):
        status = self.process.poll()
        check(status is None, f"Dovecot ended with status {status}: {self.log()[-1500:]}")
        for which, greeting in (("imap", b"* OK"), ("pop3", b"+OK")):
            with socket.create_connection((self.address, self.ports[which]), timeout=10) as stream:
                if not stream.recv(512).startswith(greeting):
                    return False
        return True

    log = DovecotLmtp.log

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(30)
            self.process = None

    def imap(self, login):
        client = imaplib.IMAP4(self.address, self.port("imap"), timeout=60)
        client.login(login, self.users[login])
        return client

    def command(self, *words):
        """What a program of Dovecot prints that takes -c: doveadm, doveconf."""
        done = subprocess.run([words[0], "-c", self.configuration, *words[1:]], capture_output=True, text=True, timeout=60,
                              check=False, cwd="/", env=environment_of(self.configuration), **as_user())
        check(done.returncode == 0, f"{' '.join(words)}: {done.stderr or done.stdout}")
        return done.stdout

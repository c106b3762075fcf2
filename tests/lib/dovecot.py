"""A Maildir in, what a real Dovecot makes of it out: one process of its imap program, without a server."""
import imaplib
import os
import subprocess

from mailhost import as_user, give

PROGRAM = "/usr/lib/dovecot/imap"


class Dovecot(imaplib.IMAP4):
    """An IMAP session of Dovecot's own program, logged in from the start. Use as a context."""

    def __init__(self, t, maildir, name="dovecot"):
        folder = os.path.join(t.folder, name)
        os.makedirs(os.path.join(folder, "run"), exist_ok=True)
        self.configuration = os.path.join(folder, "dovecot.conf")
        with open(self.configuration, "w", encoding="ascii") as file:
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
""")
        give(folder)
        super().__init__()

    def open(self, host="", port=0, timeout=None):
        del host, port, timeout
        environment = {"PATH": os.environ["PATH"], "USER": "tester", "HOME": os.path.dirname(self.configuration)}
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

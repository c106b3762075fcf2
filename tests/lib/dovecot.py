"""Asks a real Dovecot about a Maildir: runs one process of its imap or pop3 program, without a server."""
import imaplib
import os
import subprocess

from mailhost import as_user, give

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


def dovecot_uidls(t, maildir, style, name="pop3"):
    """What UIDL lists by this pop3_uidl_format, in order; the empty one is Dovecot's default."""
    more = f"pop3_uidl_format = {style}\n" if style else ""
    configuration = write_configuration(t, maildir, name, more)
    done = subprocess.run([POP3_PROGRAM, "-c", configuration], input=b"UIDL\r\nQUIT\r\n", stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env=environment_of(configuration), cwd="/", timeout=30, check=False,
                          **as_user())
    lines = done.stdout.decode("ascii").split("\r\n")
    if "." not in lines:
        raise AssertionError(f"Dovecot's pop3 said {lines}, {done.stderr.decode()[-500:]}")
    return [line.split()[1] for line in lines[1:lines.index(".")]]


class Dovecot(imaplib.IMAP4):
    """An IMAP session of Dovecot's own program, logged in from the start. Use as a context."""

    def __init__(self, t, maildir, name="dovecot"):
        self.configuration = write_configuration(t, maildir, name)
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

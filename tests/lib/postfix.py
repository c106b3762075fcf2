"""Starts a real Postfix for one test, on one loopback address and port, with its queue below t.folder.

Nothing of /etc/postfix is used, and no other Postfix of this machine is touched. Needs root, as Postfix does.
"""
import contextlib
import os
import pwd
import socket
import subprocess

from harness import check, eventually
from mailhost import free_port, has_program

DAEMONS = """
cleanup   unix  n  -  n  -  0  cleanup
qmgr      unix  n  -  n  1  1  qmgr
rewrite   unix  -  -  n  -  -  trivial-rewrite
bounce    unix  -  -  n  -  0  bounce
defer     unix  -  -  n  -  0  bounce
trace     unix  -  -  n  -  0  bounce
flush     unix  n  -  n  1000? 0 flush
smtp      unix  -  -  n  -  -  smtp
error     unix  -  -  n  -  -  error
retry     unix  -  -  n  -  -  error
virtual   unix  -  n  n  -  -  virtual
anvil     unix  -  -  n  -  1  anvil
tlsmgr    unix  -  -  n  1000? 1 tlsmgr
scache    unix  -  -  n  -  1  scache
postlog   unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """domain: whose mail ends here, in the Maildir self.mail. settings: lines of main.cf over those below.

    listeners: {address: options}, further ones on the same port. services: further lines of master.cf.
    """

    def __init__(self, t, domain, settings, address="127.0.0.1", name="postfix", listeners=None, services=""):
        check(has_program("postfix"), "Postfix is missing; contrib/packages/test lists it")
        check(os.geteuid() == 0, "Postfix runs as root alone; run: sudo tests/run")
        self.address, self.port = address, free_port(address)
        self.folder = os.path.join(t.folder, name)
        self.etc, self.queue, self.mail = (os.path.join(self.folder, part) for part in ("etc", "queue", "mail"))
        for part in (self.etc, self.queue, self.mail, os.path.join(self.folder, "data")):
            os.makedirs(part)
        owner = pwd.getpwnam("postfix")
        os.chown(os.path.join(self.folder, "data"), owner.pw_uid, owner.pw_gid)
        nobody = pwd.getpwnam("nobody")
        os.chown(self.mail, nobody.pw_uid, nobody.pw_gid)
        lines = {
            "compatibility_level": "3.6", "queue_directory": self.queue, "data_directory": self.folder + "/data",
            "maillog_file": self.folder + "/maillog", "maillog_file_prefixes": t.folder, "myhostname": f"mail.{domain}",
            "mydestination": "", "local_recipient_maps": "", "alias_maps": "", "alias_database": "",
            "mynetworks": "127.0.0.0/8", "inet_interfaces": "127.0.0.1", "inet_protocols": "ipv4",
            "smtpd_relay_restrictions": "permit_mynetworks, reject", "biff": "no", "smtp_bind_address": address,
            "virtual_mailbox_domains": domain, "virtual_mailbox_base": self.mail,
            "virtual_mailbox_maps": "static:box/", "virtual_uid_maps": f"static:{nobody.pw_uid}",
            "virtual_gid_maps": f"static:{nobody.pw_gid}", "virtual_minimum_uid": "1",
            "minimal_backoff_time": "1s", "maximal_backoff_time": "2s", "queue_run_delay": "1s", **settings}
        self._write("main.cf", "".join(f"{key} = {value}\n" for key, value in lines.items()))
        self._write("master.cf", DAEMONS + "".join(
            f"{at}:{self.port} inet n - n - - smtpd {' '.join(options)}\n"
            for at, options in {address: [], **(listeners or {})}.items()) + services)
        t.cleanup(self.stop)
        self._run("postfix", "start")
        eventually(self._greets, "Postfix answers")

    def _write(self, name, text):
        with open(os.path.join(self.etc, name), "w", encoding="utf-8") as file:
            file.write(text)

    def _run(self, program, *words, **options):
        done = subprocess.run([has_program(program), "-c", self.etc, *words], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False, **options)
        check(done.returncode == 0, f"{program} {' '.join(words)}: {done.stderr or done.stdout}{self.log()[-1000:]}")
        return done.stdout

    def _greets(self):
        with socket.create_connection((self.address, self.port), timeout=10) as stream:
            return stream.recv(64).startswith(b"220")

    def stop(self):
        self._run("postfix", "stop")

    def log(self):
        with contextlib.suppress(FileNotFoundError):
            with open(self.folder + "/maillog", encoding="utf-8", errors="replace") as file:
                return file.read()
        return ""

    def messages(self):
        """Paths of what has arrived."""
        folder = os.path.join(self.mail, "box", "new")
        return sorted(os.path.join(folder, name) for name in os.listdir(folder)) if os.path.isdir(folder) else []

    def queue_is_empty(self):
        return "Mail queue is empty" in self._run("postqueue", "-p")

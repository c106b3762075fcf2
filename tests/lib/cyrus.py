"""A real Cyrus that takes mail by LMTP, on a port and on a socket, unprivileged, with its configuration and mail below t.folder."""
import contextlib
import glob
import os
import socket
import subprocess

from harness import check, eventually
from mailhost import as_user, free_port, give, has_program

LMTPD = "/usr/lib/cyrus/bin/lmtpd"


class CyrusLmtp:
    """For these users of cyrus.test, whose mailboxes are made by their first message, each for `kilobytes` of mail."""

    def __init__(self, t, users, kilobytes, address="127.0.0.1"):
        check(has_program("cyrmaster") and os.path.exists(LMTPD), "Cyrus is missing; contrib/packages/test lists it")
        self.address, self.port = address, free_port(address)
        self.folder = os.path.join(t.folder, "cyrus")
        self.path = os.path.join(self.folder, "socket", "lmtp")
        for name in ("conf/socket", "spool", "sieve", "socket"):
            os.makedirs(os.path.join(self.folder, name))
        account = subprocess.run(["id", "-un", str(as_user().get("user", os.geteuid()))], capture_output=True, text=True,
                                 check=True).stdout.strip()
        configuration = self._write("imapd.conf", f"""configdirectory: {self.folder}/conf
defaultpartition: default
partition-default: {self.folder}/spool
sievedir: {self.folder}/sieve
cyrus_user: {account}
servername: cyrus.test
sendmail: /bin/false
lmtp_downcase_rcpt: yes
lmtp_strict_quota: yes
lmtp_over_quota_perm_failure: yes
autocreate_post: yes
autocreate_quota: {kilobytes}
autocreate_users: {" ".join(users)}
mailbox_legacy_dirs: yes
duplicatesuppression: no
""")
        services = self._write("cyrus.conf", f"""START {{
  recover cmd="/usr/lib/cyrus/bin/ctl_cyrusdb -C {configuration} -r"
}}
SERVICES {{
  lmtp cmd="{LMTPD} -C {configuration} -a" listen="{address}:{self.port}" prefork=0
  lmtpunix cmd="{LMTPD} -C {configuration}" listen="{self.path}" prefork=0
}}
EVENTS {{
}}
""")
        give(self.folder)
        with open(os.path.join(self.folder, "stderr"), "wb") as errors:
            # -D: it stays in front.
            self.process = subprocess.Popen([has_program("cyrmaster"), "-D", "-C", configuration, "-M", services,
                                             "-p", os.path.join(self.folder, "pid")], cwd="/", stdin=subprocess.DEVNULL,
                                            stdout=errors, stderr=errors, start_new_session=True, **as_user())
        t.cleanup(self.stop)
        eventually(self._greets, "Cyrus's LMTP server answers")

    def _write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        return path

    def _greets(self):
        status = self.process.poll()
        with open(os.path.join(self.folder, "stderr"), encoding="utf-8", errors="replace") as errors:
            check(status is None, f"Cyrus ended with status {status}: {errors.read()[-1500:]}")
        with socket.create_connection((self.address, self.port), timeout=10) as stream:
            return stream.recv(512).startswith(b"220")

    def messages(self, user):
        """The texts of the messages in a user's INBOX."""
        texts = []
        for path in sorted(glob.glob(os.path.join(self.folder, "spool", "user", user, "[0-9]*."))):
            with contextlib.suppress(FileNotFoundError), open(path, "rb") as file:
                texts.append(file.read())
        return texts

    def stop(self):
        self.process.terminate()
        self.process.wait(30)

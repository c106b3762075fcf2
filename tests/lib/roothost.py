"""Runs a Host as root in a mount namespace with accounts of its own; nothing of the real host changes.

In the namespace /etc/passwd, group, shadow and pam.d are copies with the accounts that Pennypost asks for, PAM's file
of contrib/, one system user, carol, and a crowd of others where a test asks for one. The host below is the real one; only these files look different to what runs in it.
"""
import os
import shutil
import subprocess

import mailhost
from harness import check

MAIL_OWNER, NULL_USER, MAIL_USER, CAROL, AUTH_USER = 52001, 52002, 52003, 52004, 52005
DROP_GROUP = 52009
CROWD_FIRST = 52100
# The real host may have some of them.
OUR_NAMES = ("pennypost", "pennynull", "pennymail", "pennyauth", "pennydrop", "carol")
CAROL_PASSWORD = "carol-secret"


class RootHost(mailhost.Host):
    """Everything runs as root in the namespace. Start it on usual or given ports, as any Host.

    crowd: so many more system users, crowd0, crowd1, ..., whose password is carol's.
    """

    def __init__(self, t, settings=None, crowd=0, **options):
        check(mailhost.IS_ROOT or subprocess.run(["sudo", "-n", "true"], check=False).returncode == 0,
              "neither root nor password-free sudo")
        check(mailhost.IS_ROOT, "the tests of root's mode must run as root; run: sudo tests/run --only privileges")
        self.overlay = os.path.join(t.folder, "overlay")
        self.carol_home = os.path.join(t.folder, "home", "carol")
        os.makedirs(self.overlay)
        # Name, uid and home of each system user.
        self.people = [("carol", CAROL, self.carol_home)]
        self.people += [(f"crowd{i}", CROWD_FIRST + i, os.path.join(t.folder, "home", f"crowd{i}")) for i in range(crowd)]
        for _, number, home in self.people:
            os.makedirs(home)
            os.chown(home, number, number)
            os.chmod(home, 0o700)
        self._write_accounts()
        super().__init__(t, {"system_users": True, "mail_location": "maildir:~/Maildir", **(settings or {})}, **options)

    def _write_accounts(self):
        for name in ("passwd", "group", "shadow"):
            with open(os.path.join("/etc", name), encoding="utf-8") as file:
                lines = [line for line in file if line.split(":")[0] not in OUR_NAMES]
            with open(os.path.join(self.overlay, name), "w", encoding="utf-8") as file:
                file.writelines(lines)
        os.chmod(os.path.join(self.overlay, "shadow"), 0o640)
        shutil.copytree("/etc/pam.d", os.path.join(self.overlay, "pam.d"))
        shutil.copy(os.path.join(mailhost.TOP, "contrib", "pam", "pennypost"), os.path.join(self.overlay, "pam.d"))
        secret = subprocess.run(["openssl", "passwd", "-6", CAROL_PASSWORD], capture_output=True, text=True,
                                check=True).stdout.strip()
        accounts = [("pennypost", MAIL_OWNER, "/nonexistent"), ("pennynull", NULL_USER, "/nonexistent"),
                    ("pennymail", MAIL_USER, "/nonexistent"), ("pennyauth", AUTH_USER, "/nonexistent"),
                    *self.people]
        with open(os.path.join(self.overlay, "passwd"), "a", encoding="ascii") as file:
            for name, number, home in accounts:
                file.write(f"{name}:x:{number}:{number}::{home}:/usr/sbin/nologin\n")
        with open(os.path.join(self.overlay, "group"), "a", encoding="ascii") as file:
            for name, number, _ in accounts:
                file.write(f"{name}:x:{number}:\n")
            file.write(f"pennydrop:x:{DROP_GROUP}:\n")
        with open(os.path.join(self.overlay, "shadow"), "a", encoding="ascii") as file:
            for name, _, _ in accounts:
                file.write(f"{name}:{'*' if name.startswith('penny') else secret}:19000:0:99999:7:::\n")

    def wrapped(self, command):
        binds = " && ".join(f"mount --bind {self.overlay}/{name} /etc/{name}" for name in ("passwd", "group", "shadow", "pam.d"))
        return ["unshare", "--mount", "--propagation", "private", "sh", "-c", f'{binds} && exec "$@"', "sh", *command]

    def identity(self):
        return {}

    def own(self):
        """As an administrator has it: the configuration root's, the rest for the daemons to take."""
        os.chmod(self.folder, 0o755)
        os.chown(self.path("queue"), MAIL_OWNER, MAIL_OWNER)
        os.chown(self.path("data"), MAIL_OWNER, MAIL_OWNER)
        os.chown(self.mail, MAIL_USER, MAIL_USER)
        os.chmod(self.mail, 0o700)

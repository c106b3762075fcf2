"""Which users of the host may send, list and flush: authorized_submit_users and its kin."""
import os
import shutil
import subprocess

from harness import check, equal, eventually, test
from mailhost import TOP
from roothost import RootHost


class Machine:
    """A host as root's, whose programs carol and others can run."""

    def __init__(self, t, **settings):
        self.host = RootHost(t, {"relayhost": "[127.0.0.1]:9", **settings}, crowd=1, daemons=("smtpd",), users={})
        self.bin = os.path.join(t.folder, "bin")
        shutil.copytree(os.path.join(TOP, self.host.bin), self.bin, ignore=shutil.ignore_patterns("unit_*", "fuzz_*"))
        for folder in (t.folder, self.host.path("etc"), self.host.path("queue")):
            os.chmod(folder, os.stat(folder).st_mode | 0o055)

    def run(self, user, name, *words):
        """As a user of the host, by name or number."""
        option = "-C" if name == "sendmail" else "-c"
        command = ["setpriv", f"--reuid={user}", "--clear-groups", os.path.join(self.bin, name), option, self.host.etc, *words]
        return subprocess.run(self.host.wrapped(command), input="Subject: x\n\nx\n", capture_output=True, text=True, cwd="/",
                              timeout=60, check=False)

    def says(self, user, name, *words):
        done = self.run(user, name, *words)
        return done.returncode, done.stderr.strip()


@test("authorized_submit_users, authorized_mailq_users and authorized_flush_users decide what a local user may, as in Postfix")
def local_users(t):
    machine = Machine(t, authorized_submit_users="!crowd0, static:all", authorized_mailq_users="carol, !static:all",
                      authorized_flush_users=["inline:{crowd0=yes}"])
    equal(machine.says("carol", "sendmail", "x@far.test"), (0, ""), "carol sends")
    equal(machine.says("crowd0", "sendmail", "x@far.test"),
          (77, "sendmail: fatal: User crowd0(52100) is not allowed to submit mail"), "crowd0 does not")
    equal(machine.says("58888", "sendmail", "x@far.test"), (0, ""), "who is unknown is one of all")
    equal(machine.run("carol", "postqueue", "-p").returncode, 0, "carol lists")
    equal(machine.says("crowd0", "postqueue", "-p"),
          (77, "postqueue: fatal: User crowd0(52100) is not allowed to view the mail queue"), "crowd0 does not")
    equal(machine.says("58888", "postqueue", "-j"),
          (77, "postqueue: fatal: User unknown(58888) is not allowed to view the mail queue"), "nor does who is unknown")
    equal(machine.says("crowd0", "postqueue", "-f"), (0, ""), "crowd0 flushes, by a table")
    equal(machine.says("carol", "postqueue", "-f"),
          (77, "postqueue: fatal: User carol(52004) is not allowed to flush the mail queue"), "carol does not")
    equal(machine.says("carol", "postqueue", "-s", "far.test")[0], 77, "nor for one site")
    equal(machine.says("root", "postqueue", "-f"), (0, ""), "root flushes")
    equal(machine.run("root", "postqueue", "-p").returncode, 0, "root lists")
    eventually(lambda: len(machine.host.queue()) == 2, "two messages were taken")


@test("while smtpd is stopped postdrop refuses a user whom authorized_submit_users names; what a table refuses is never sent")
def while_stopped(t):
    machine = Machine(t, authorized_submit_users="!root, static:all")
    host, maildrop = machine.host, machine.host.path("queue", "maildrop")
    host.stop("smtpd")
    equal(machine.says("root", "sendmail", "x@far.test"),
          (77, "postdrop: fatal: User root(0) is not allowed to submit mail"), "by name")
    equal(os.listdir(maildrop), [], "nothing lies there")
    host.settings["authorized_submit_users"] = ["!inline:{root=no}", "static:all"]
    host.write_settings()
    equal(machine.says("root", "sendmail", "x@far.test"), (0, ""), "postdrop opens no table")
    equal(len(os.listdir(maildrop)), 1, "files there")
    host.start()
    host.wait_log(r"User root\(0\) is not allowed to submit mail")
    eventually(lambda: [name.split(".")[0] for name in os.listdir(maildrop)] == ["corrupt"], "it is kept")
    check(not host.queue(), "nothing is in the queue")

"""imapflow, the IMAP client that webmail and mail APIs written for Node.js are built on: a day of it, with each kind of connection."""
import os
import shutil
import subprocess

from harness import Shared, add_case, check, contains
from mailhost import Host
from stock import run_any

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "imapflow")
BOB = "bob@example.test"
# What imapflow is told to use, and the service that it then goes to.
MODES = {"TLS": ("tls", "imaps"), "STARTTLS": ("starttls", "imap"), "nothing but the password": ("plain", "imap"),
         "TLS, and nothing newer than IMAP4rev1": ("old", "imaps")}
INSTALL_SECONDS_MAX = 180
CASE_SECONDS_MAX = 400
# A download that fails is tried twice again, after one and three seconds.
INSTALL = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--fetch-retries=2",
           "--fetch-retry-factor=3", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=3000", "--fetch-timeout=30000"]


def install(t):
    """A folder with imapflow as package-lock.json has it: the same octets in each run, from the registry that npm is set up for."""
    for program in ("node", "npm"):
        check(shutil.which(program), f"{program} is missing; contrib/packages/test lists npm, which brings both")
    folder = os.path.join(t.folder, "modules")
    os.mkdir(folder)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(os.path.join(HERE, name), folder)
    try:
        done = subprocess.run([*INSTALL, "--cache", os.path.join(t.folder, "cache")], cwd=folder, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=INSTALL_SECONDS_MAX, check=False)
    except subprocess.TimeoutExpired:
        check(False, f"npm did not fetch imapflow and what it needs within {INSTALL_SECONDS_MAX} s")
    check(done.returncode == 0, f"npm could not fetch imapflow and what it needs: {done.stderr.strip()[-1500:]}")
    return folder


modules = Shared(install)


def session(mode, service):
    def case(t):
        packages = modules.get()
        host = Host(t, {"disable_plaintext_auth": mode != "plain", "quota_rule": "*:storage=8M"}, users={BOB: "bob-secret"}, daemons=("imapd",))
        done = run_any(["node", os.path.join(HERE, "session.mjs"), packages, host.address, str(host.port(service)), mode, BOB, host.users[BOB]])
        check(done.returncode == 0, done.stderr.decode())
        contains(done.stdout.decode(), "ok is told that a password is wrong", "its last step")
    return case


for _words, _mode in MODES.items():
    add_case(f"imapflow with {_words} reads, searches, flags, moves and is told of changes", session(*_mode), CASE_SECONDS_MAX, together=modules)

"""ManageSieve clients keep a user's Sieve scripts on our server."""
import os
import re
import shutil
import subprocess

from harness import check, contains, equal, eventually, test
from mailhost import Host

BOB = "bob@example.test"
SERVED = {"protocols": ["imap", "pop3", "sieve"]}
SCRIPT = 'require "fileinto";\nif header :contains "subject" "list" { fileinto "Lists"; }\n'


def need(program):
    path = shutil.which(program)
    check(path is not None, f"{program} is not installed")
    return path


def sieve_connect(t, host, *words, ok=True):
    """sieve-connect over STARTTLS, as bob."""
    password = os.path.join(t.folder, "password")
    with open(password, "w", encoding="ascii") as file:
        file.write(host.users[BOB] + "\n")
    command = [need("sieve-connect"), "--server", "127.0.0.1", "--port", str(host.port("sieve")), "--user", BOB, "--notlsverify",
               "--passwordfd", "3", *words]
    with open(password, "rb") as file:
        done = subprocess.run(["sh", "-c", 'exec 3<"$0"; exec "$@"', password, *command], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=120, check=False, cwd=t.folder, env={**os.environ, "HOME": t.folder})
        del file
    if ok:
        equal(done.returncode, 0, f"sieve-connect {words}: {done.stdout}{done.stderr}")
    return done


@test("sieve-connect puts, lists, activates, fetches and removes scripts over TLS, and they are where Pigeonhole has them")
def stock_client(t):
    host = Host(t, SERVED, daemons=("imapd",))
    local = os.path.join(t.folder, "lists.sieve")
    with open(local, "w", encoding="ascii") as file:
        file.write(SCRIPT)
    sieve_connect(t, host, "--upload", "--localsieve", local, "--remotesieve", "lists")
    sieve_connect(t, host, "--activate", "--remotesieve", "lists")
    contains(sieve_connect(t, host, "--list").stdout, "lists", "the list")
    fetched = os.path.join(t.folder, "fetched.sieve")
    sieve_connect(t, host, "--download", "--remotesieve", "lists", "--localsieve", fetched)
    with open(fetched, encoding="ascii") as file:
        equal(file.read(), SCRIPT, "the script that was fetched")
    home = os.path.join(host.mail, "example.test", "bob")
    equal(os.readlink(os.path.join(home, ".dovecot.sieve")), "sieve/lists.sieve", "where the active script's link leads")
    with open(os.path.join(home, "sieve", "lists.sieve"), encoding="ascii") as file:
        equal(file.read(), SCRIPT, "the script on the disk")
    with open(local, "w", encoding="ascii") as file:
        file.write("fileinto;\n")
    done = sieve_connect(t, host, "--upload", "--localsieve", local, "--remotesieve", "lists", ok=False)
    contains(done.stdout + done.stderr, "1:1:", "what is said of a script with a mistake")
    sieve_connect(t, host, "--deactivate")
    sieve_connect(t, host, "--delete", "--remotesieve", "lists")
    equal(os.listdir(os.path.join(home, "sieve")), [], "scripts at the end")
    eventually(lambda: re.search(r"managesieve-login\[\d+\]: Login: user=<bob@example.test>, .*, TLS, ", host.log()), "the log tells of the login")


@test("without sieve among protocols the port is closed, and a reload that names it opens it")
def by_protocols(t):
    host = Host(t, daemons=("imapd",))
    done = subprocess.run(["sh", "-c", f"exec 2>/dev/null; exec 3<>/dev/tcp/127.0.0.1/{host.port('sieve')}"], executable="/bin/bash",
                          check=False)
    check(done.returncode != 0, "the port is open")
    host.settings["protocols"] = SERVED["protocols"]
    host.write_settings()
    host.reload("imapd")
    host.wait_ready("imapd")

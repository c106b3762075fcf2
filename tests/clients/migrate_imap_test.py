"""pennypost migrate imap: an account of another server comes over whole, from a real Dovecot and from our own imapd, and
nothing comes twice, wherever it was stopped."""
import contextlib
import imaplib
import os
import re
import signal
import socket
import subprocess
import threading

from dovecot import DovecotServer
from harness import check, contains, equal, eventually, test
from mailhost import TOP, Host, letter
from samples import large, samples

FAR, NEAR = "far@other.test", "bob@example.test"
SECRET = "far-secret"
MANY = 400


def far_server(t, more=""):
    return DovecotServer(t, {FAR: SECRET}, name="far", more=more)


def migrate(host, server, *more, ok=True, port=None, password=SECRET, user=FAR):
    file = host.write("far-password", password + "\n")
    return host.command("pennypost", "migrate", "imap", "--user", user, "--to", NEAR, "--password-file", file,
                        "--port", str(port or server.port("imaps")), "--ca-file", server.certificate, *more,
                        "localhost", ok=ok)


def names(client, command="list"):
    """The folders' names, with `/` between levels."""
    found = []
    for line in getattr(client, command)()[1]:
        if line is None or b"\\Noselect" in line:
            continue
        match = re.fullmatch(rb'\(.*?\) "(.)" (.*)', line)
        found.append(match[2].decode().strip('"').replace(match[1].decode(), "/"))
    return sorted(found)


def content(client, folder):
    """[(text, flags, date)] of a folder, without an order."""
    told = client.select(f'"{folder}"', readonly=True)
    equal(told[0], "OK", f"SELECT {folder}: {told}")
    if told[1] == [b"0"]:
        return []
    rows = client.fetch("1:*", "(FLAGS INTERNALDATE BODY.PEEK[])")[1]
    # imaplib gives (what stands before the literal, the literal), and what stands behind it.
    found = []
    for at, row in enumerate(rows):
        if not isinstance(row, tuple):
            continue
        around = row[0] + b" " + (rows[at + 1] if isinstance(rows[at + 1], bytes) else b"")
        flags = set(re.search(rb"FLAGS \(([^)]*)\)", around)[1].decode().split()) - {"\\Recent"}
        date = imaplib.Internaldate2tuple(around)
        found.append((row[1], tuple(sorted(flags)), date))
    return sorted(found)


def fill(client):
    """What is odd about an account: folders of all kinds, keywords, dates, odd messages, an empty folder."""
    for name in ("Sent Items", "Lists", "Lists.Deep.Er", "Gr&APwA3w-e", "Empty", "Odd&-Even"):
        equal(client.create(f'"{name}"')[0], "OK", f"CREATE {name}")
        client.subscribe(f'"{name}"')
    client.unsubscribe("Lists")
    for number, message in enumerate(samples().values()):
        flags = r"(\Flagged $Label1 Work)" if number % 3 == 0 else r"(\Seen \Answered)" if number % 3 == 1 else ""
        done = client.append("INBOX", flags, imaplib.Time2Internaldate(1500000000 + number * 86400), message)
        equal(done[0], "OK", f"APPEND: {done}")
    for name in ("Sent Items", "Lists", "Lists.Deep.Er", "Gr&APwA3w-e", "Odd&-Even"):
        client.append(f'"{name}"', r"(\Seen \Draft)", imaplib.Time2Internaldate(1400000000), letter(f"in {name}"))


SPECIAL = """namespace inbox {
  inbox = yes
  separator = .
  mailbox "Sent Items" {
    special_use = \\Sent
  }
}
"""


@test("an account of Dovecot comes over whole: folders, subscriptions, special use, flags, keywords, dates and octets")
def whole(t):
    server = far_server(t, more=SPECIAL)
    with server.imap(FAR) as far:
        fill(far)
        # Larger than any answer that is held in memory.
        equal(far.append("Lists", "", None, large())[0], "OK", "APPEND of a large message")
        host = Host(t, {"namespace_separator": "/"}, daemons=("imapd",))
        done = migrate(host, server)
        contains(done.stdout, f"INBOX copied={len(samples())} present=0 left-out=0", "the row of INBOX")
        with host.imap(NEAR) as near:
            for name in names(far):
                ours = "Sent" if name == "Sent Items" else name
                equal(content(near, ours), content(far, name.replace("/", ".")), f"what is in {name}")
            check(set(names(far, "lsub")) - {"Sent Items"} <= set(names(near, "lsub")), "subscriptions came along")
            check("Lists" not in names(near, "lsub"), "what was not subscribed there is not here")
        again = migrate(host, server)
        check(all("copied=0 present=0" in line for line in again.stdout.splitlines()), f"the second time: {again.stdout}")
        far.append("INBOX", "", None, letter("new"))
        contains(migrate(host, server).stdout, "INBOX copied=1 present=0", "what has come since")


@test("from our own imapd it comes over by STARTTLS and PREFIX, and what was brought by other means before does not come again")
def from_ours(t):
    far_host = Host(t, {"namespace_prefix": "INBOX."}, users={FAR: SECRET}, name="far-host", daemons=("imapd",))
    host = Host(t, daemons=("imapd",))
    with far_host.imap(FAR) as far, host.imap(NEAR) as near:
        far.create("INBOX.Work")
        for number in range(5):
            message = letter(f"n{number}")
            far.append("INBOX.Work", r"(\Seen $Later)", imaplib.Time2Internaldate(1500000000), message)
            if number in (1, 3):
                near.create("Work")
                near.append("Work", "", None, message)
        done = migrate(host, far_host, "--starttls", port=far_host.port("imap"))
        contains(done.stdout, "Work copied=3 present=2 left-out=0", "the row of Work")
        near.select("Work")
        equal(len(near.search(None, "ALL")[1][0].split()), 5, "messages in Work")
        # The note is with the target: in another account everything is copied.
        other = host.command("pennypost", "migrate", "imap", "--user", FAR, "--to", "alice@example.test", "--starttls",
                             "--port", str(far_host.port("imap")), "--insecure-tls", "127.0.0.1", input=SECRET + "\n")
        contains(other.stdout, "Work copied=5", "to another user, without a check of the certificate")


@test("killed at any time and started again, every message is there once")
def killed(t):
    server = far_server(t)
    with server.imap(FAR) as far:
        far.create("Box")
        for number in range(MANY):
            # Some are equal octet by octet: each counts.
            subject = "twin" if number % 50 == 0 else f"n{number}"
            far.append("Box", "", None, letter(subject, f"{subject}\r\n" * 40, message_id=f"<{subject}@far.test>"))
        host = Host(t, daemons=("imapd",))
        password = host.write("far-password", SECRET + "\n")
        box = os.path.join(host.maildir(NEAR), ".Box")
        command = [os.path.join(TOP, host.bin, "pennypost"), "migrate", "imap", "-c", host.etc, "--user", FAR, "--to", NEAR,
                   "--password-file", password, "--port", str(server.port("imaps")), "--ca-file", server.certificate,
                   "localhost"]
        kills = 0
        for wanted in range(20, MANY, 60):
            running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=TOP,
                                       env=host.environment(), start_new_session=True, **host.identity())

            def is_there(count=wanted, process=running):
                return process.poll() is not None or len(host.messages(NEAR, ".Box")) >= count

            eventually(is_there, f"{wanted} messages in {box}")
            if running.poll() is None:
                os.killpg(running.pid, signal.SIGKILL)
                kills += 1
            running.wait()
        check(kills >= 3, f"it was killed {kills} times only")
        last = migrate(host, server)
        with host.imap(NEAR) as near:
            seen, there = content(near, "Box"), content(far, "Box")
        equal(len(seen), MANY, f"messages in Box, at last {last.stdout}")
        equal([text for text, _, _ in seen], [text for text, _, _ in there], "the texts")


@test("what is wrong is told before anything is made: password, certificate, port, user, host, call")
def wrong(t):
    server = far_server(t)
    host = Host(t, daemons=())
    refused = migrate(host, server, ok=False, password="guess")
    equal(refused.returncode, 1, f"a wrong password: {refused.stderr}")
    contains(refused.stderr, "AUTHENTICATE with NO", "a wrong password")
    check(SECRET not in refused.stderr and "guess" not in refused.stderr, "the password is shown")
    check(not os.path.exists(host.maildir(NEAR)), "something was made")
    strange = host.command("pennypost", "migrate", "imap", "--user", FAR, "--to", NEAR, "--port",
                           str(server.port("imaps")), "localhost", input=SECRET + "\n", ok=False)
    equal(strange.returncode, 75, f"a certificate of its own: {strange.stderr}")
    contains(strange.stderr, "certificate", "a certificate of its own")
    other_name = migrate(host, server, "--folder", "INBOX", ok=False, port=1)
    equal(other_name.returncode, 75, "a port where nobody listens")
    contains(other_name.stderr, "localhost:1: ", "a port where nobody listens")
    equal(migrate(host, server, "--to", "nobody@example.test", ok=False).returncode, 64, "two users")
    equal(migrate(host, server, "--password", "x", ok=False).returncode, 64, "a password on the command line")
    equal(migrate(host, server, "--folder", "Nope", ok=False).returncode, 68, "a folder that is not there")
    plain = migrate(host, server, ok=False, port=server.port("imap"))
    equal(plain.returncode, 75, f"TLS to a port without it: {plain.stderr}")


@test("what a server says before TLS, behind its answer to STARTTLS, is not taken for what it says within")
def injected(t):
    host = Host(t, daemons=())
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        with contextlib.suppress(OSError):
            stream, _ = listener.accept()
            with stream:
                stream.sendall(b"* OK ready\r\n")
                tag = stream.recv(4096).split()[0]
                stream.sendall(tag + b" OK go on\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n")
                stream.recv(4096)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    done = host.command("pennypost", "migrate", "imap", "--user", FAR, "--to", NEAR, "--starttls", "--insecure-tls",
                        "--port", str(listener.getsockname()[1]), "127.0.0.1", input=SECRET + "\n", ok=False)
    listener.close()
    contains(done.stderr, "more follows the answer to STARTTLS", "what follows the answer")

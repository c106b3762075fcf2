"""Runs stock mail programs against a host. Each needs a program of contrib/packages/test."""
import base64
import hashlib
import hmac
import os
import poplib
import re

from harness import check, equal, short
from mailhost import unverified
from stock import run

# Headers that may stand above what was sent.
ADDED = rb"(?:(?:Return-Path|Delivered-To|X-Original-To|Received|Message-I[dD]|Date):.*\r\n(?:[ \t].*\r\n)*)*"


poplib._MAXLINE = 1 << 20  # Python's own bound of 2048 is below what mail may hold


def same_octets(seen, sent, what):
    """`seen` must be `sent` with nothing but known headers on top."""
    if seen.endswith(sent):
        top = seen[:len(seen) - len(sent)]
        check(re.fullmatch(ADDED, top), f"{what}: unknown octets above the message: {short(top)}")
        return
    at = next((n for n, (a, b) in enumerate(zip(reversed(seen), reversed(sent))) if a != b), min(len(seen), len(sent)))
    raise AssertionError(f"{what}: {len(sent)} octets sent, {len(seen)} seen; they differ {at} octets from the end: sent "
                         f"{sent[max(0, len(sent) - at - 40):len(sent) - at + 20]!r}, seen "
                         f"{seen[max(0, len(seen) - at - 40):len(seen) - at + 20]!r}")


def crlf(octets):
    return octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


# Senders: (host, way, login, recipient, file). Ways: plain on loopback, STARTTLS with AUTH, TLS with AUTH.

WAYS = {"plain": "smtp", "starttls": "submission", "tls": "submissions"}


def send_curl(host, way, login, recipient, file):
    scheme = "smtps" if way == "tls" else "smtp"
    command = ["curl", "--silent", "--show-error", "--insecure", "--max-time", "100",
               f"{scheme}://{host.address}:{host.port(WAYS[way])}/client.example.test", "--mail-from", login,
               "--mail-rcpt", recipient, "--upload-file", file]
    if way != "plain":
        command += ["--ssl-reqd", "--user", f"{login}:{host.users[login]}"]
    run(command)


def send_swaks(host, way, login, recipient, file):
    with open(file, "rb") as message:  # in the form of the wire; swaks adds the last line end itself
        octets = re.sub(rb"(?m)^\.", b"..", message.read()) + b"."
    with open(file, "wb") as message:
        message.write(octets)
    command = ["swaks", "--server", host.address, "--port", str(host.port(WAYS[way])), "--helo", "client.example.test",
               "--from", login, "--to", recipient, "--data", "@" + file, "--no-data-fixup", "--timeout", "60",
               "--hide-all"]
    if way != "plain":
        command += ["--auth", "LOGIN" if way == "tls" else "PLAIN", "--auth-user", login,
                    "--auth-password", host.users[login], "--tls" if way == "starttls" else "--tls-on-connect"]
    run(command)


def send_msmtp(host, way, login, recipient, file):
    command = ["msmtp", "--file=/dev/null", f"--host={host.address}", f"--port={host.port(WAYS[way])}",
               f"--from={login}", "--domain=client.example.test", "--timeout=60"]
    if way != "plain":
        command += ["--auth=plain" if way == "starttls" else "--auth=scram-sha-256", f"--user={login}",
                    f"--passwordeval=echo {host.users[login]}", "--tls=on", "--tls-certcheck=off",
                    "--tls-starttls=" + ("on" if way == "starttls" else "off")]
    with open(file, "rb") as message:
        run([*command, "--", recipient], input=message.read().replace(b"\r\n", b"\n"))


def send_python(host, way, login, recipient, file):
    with open(file, "rb") as message, host.smtp(WAYS[way]) as client:
        client.ehlo()
        if way == "starttls":
            client.starttls(context=unverified())
        if way != "plain":
            client.login(login, host.users[login])
        client.mail(login, ["BODY=8BITMIME"])
        check(client.rcpt(recipient)[0] == 250, "RCPT was refused")
        code, text = client.data(message.read())
        check(code == 250, f"DATA: {code} {text}")


SENDERS = {"curl": send_curl, "swaks": send_swaks, "msmtp": send_msmtp, "smtplib": send_python}


# Readers: (host, login) -> the INBOX's messages with CRLF, in the order of the mailbox.

def curl_read(host, login, scheme, service, more=()):
    return ["curl", "--silent", "--show-error", "--insecure", "--max-time", "100", *more, "--user",
            f"{login}:{host.users[login]}", f"{scheme}://{host.address}:{host.port(service)}"]


def read_curl_pop3(host, login, scheme="pop3", service="pop3", more=("--ssl-reqd",)):
    command = curl_read(host, login, scheme, service, more)
    listing = run([*command[:-1], command[-1] + "/"]).decode().split("\r\n")
    numbers = [line.split()[0] for line in listing if len(line.split()) == 2]
    return [run([*command[:-1], f"{command[-1]}/{number}"]) for number in numbers]


def read_curl_imap(host, login, scheme="imap", service="imap", more=("--ssl-reqd",)):
    command = curl_read(host, login, scheme, service, more)
    found = run([*command[:-1], command[-1] + "/INBOX", "--request", "UID SEARCH ALL"]).decode()
    return [run([*command[:-1], f"{command[-1]}/INBOX;UID={uid}"])
            for line in found.splitlines() if line.startswith("* SEARCH") for uid in line.split()[2:]]


def read_poplib(host, login, tls=False):
    client = host.pop3(login, tls)
    count = client.stat()[0]
    texts = [b"\r\n".join(client.retr(number)[1]) + b"\r\n" for number in range(1, count + 1)]
    client.quit()
    return texts


def read_imaplib(host, login, tls=False):
    client = host.imap(login, tls)
    client.select("INBOX", readonly=True)
    uids = client.uid("SEARCH", None, "ALL")[1][0].split()
    texts = [client.uid("FETCH", uid, "(BODY.PEEK[])")[1][0][1] for uid in uids]
    client.logout()
    return texts


def pull_by_mbsync(host, login):
    """Pulls INBOX into a Maildir, which it returns; called again, what is new."""
    near = os.path.join(host.t.folder, "mbsync")
    os.makedirs(near, exist_ok=True)
    configuration = os.path.join(near, "rc")
    with open(configuration, "w", encoding="ascii") as file:
        file.write(f"""IMAPAccount far
Host localhost
Port {host.port('imaps')}
User {login}
Pass {host.users[login]}
SSLType IMAPS
CertificateFile {host.certificate}
Timeout 60

IMAPStore far
Account far

MaildirStore near
Inbox {near}/INBOX
Path {near}/

Channel all
Far :far:
Near :near:
Pattern INBOX
Create Near
Sync Pull
SyncState *
""")
    run(["mbsync", "--config", configuration, "all"])
    return os.path.join(near, "INBOX")


def read_mbsync(host, login):
    return maildir_texts(pull_by_mbsync(host, login))


def maildir_texts(folder):
    names = [os.path.join(folder, part, name) for part in ("new", "cur") for name in os.listdir(os.path.join(folder, part))]
    texts = []
    for name in names:
        with open(name, "rb") as file:
            text = crlf(file.read())
        head, parting, body = text.partition(b"\r\n\r\n")
        texts.append(re.sub(rb"(?m)^X-TUID: .*\r\n", b"", head + b"\r\n") + parting[2:] + body)
    return texts


READERS = {
    "curl pop3": read_curl_pop3,
    "curl pop3s": lambda host, login: read_curl_pop3(host, login, "pop3s", "pop3s", ()),
    "curl imap": read_curl_imap,
    "curl imaps": lambda host, login: read_curl_imap(host, login, "imaps", "imaps", ()),
    "poplib": read_poplib,
    "poplib over TLS": lambda host, login: read_poplib(host, login, True),
    "imaplib": read_imaplib,
    "imaplib over TLS": lambda host, login: read_imaplib(host, login, True),
    "mbsync": read_mbsync,
}


class Scram:
    """The client's side of SCRAM-SHA-256, RFC 5802: a response for each challenge."""

    def __init__(self, login, password):
        self.password = password.encode()
        self.bare = f"n={login},r={base64.b64encode(os.urandom(18)).decode()}"
        self.last = None

    def answer(self, challenge):
        text = challenge.decode()
        if not text:
            return ("n,," + self.bare).encode()
        if self.last:
            equal(text, self.last, "the server's proof")
            return b""
        parts = dict(part.split("=", 1) for part in text.split(","))
        without = f"c=biws,r={parts['r']}"
        salted = hashlib.pbkdf2_hmac("sha256", self.password, base64.b64decode(parts["s"]), int(parts["i"]))
        key, server_key = (hmac.digest(salted, name, "sha256") for name in (b"Client Key", b"Server Key"))
        signed = f"{self.bare},{text},{without}".encode()
        signature = hmac.digest(hashlib.sha256(key).digest(), signed, "sha256")
        self.last = "v=" + base64.b64encode(hmac.digest(server_key, signed, "sha256")).decode()
        proof = base64.b64encode(bytes(x ^ y for x, y in zip(key, signature))).decode()
        return f"{without},p={proof}".encode()

"""SPF, DKIM, DMARC and ARC of strangers' mail, with a real DNS server, signatures by dkimpy and opendkim, and names that answer nothing."""
import base64
import os
import re
import smtplib
import socket
import subprocess
import threading
import time

from debian_modules import debian_module
from harness import check, contains, equal, eventually, test
from mailhost import Host, free_port
from milter_client import OpenDkim
from peers import NameServer

OURS, STRANGER, OTHER = "127.0.0.51", "127.0.0.52", "127.0.0.53"
LETTER = "From: Ann <ann@good.test>\r\nTo: bob@example.test\r\nSubject: {}\r\nDate: Sun, 29 Nov 2026 10:00:00 +0000\r\n" \
         "Message-ID: <{}@good.test>\r\n\r\nHello Bob,\r\nthis is a letter.\r\n"


class Keys:
    """An RSA and an Ed25519 key, and the options of dnsmasq that publish them."""

    def __init__(self, folder):
        self.rsa_file, ed_file = os.path.join(folder, "rsa.pem"), os.path.join(folder, "ed.pem")
        subprocess.run(["openssl", "genrsa", "-out", self.rsa_file, "2048"], check=True, capture_output=True)
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", ed_file], check=True, capture_output=True)
        with open(self.rsa_file, "rb") as file:
            self.rsa = file.read()
        raw = subprocess.run(["openssl", "pkey", "-in", ed_file, "-outform", "DER"], check=True, capture_output=True).stdout
        self.ed = base64.b64encode(raw[-32:])
        self.rsa_public = self.public(self.rsa_file)
        self.ed_public = base64.b64encode(base64.b64decode(self.public(ed_file))[-32:]).decode()

    @staticmethod
    def public(file):
        der = subprocess.run(["openssl", "pkey", "-in", file, "-pubout", "-outform", "DER"], check=True, capture_output=True)
        return base64.b64encode(der.stdout).decode()

    def records(self, domain):
        p = self.rsa_public
        return [f"--txt-record=rsa._domainkey.{domain},v=DKIM1; k=rsa; p={p[:200]},{p[200:]}",
                f"--txt-record=ed._domainkey.{domain},v=DKIM1; k=ed25519; p={self.ed_public}"]

    def signed(self, message, domain="good.test", algorithm="rsa-sha256"):
        message = message.encode() if isinstance(message, str) else message
        is_rsa = algorithm == "rsa-sha256"
        field = debian_module("dkim", "python3-dkim").sign(message, b"rsa" if is_rsa else b"ed", domain.encode(), self.rsa if is_rsa else self.ed,
                          canonicalize=(b"relaxed", b"relaxed"), signature_algorithm=algorithm.encode())
        return field + message


def hosts(t, settings=None, records=(), **options):
    keys = Keys(t.folder)
    dns = NameServer(t, f"--txt-record=good.test,v=spf1 ip4:{STRANGER} -all", "--txt-record=_dmarc.good.test,v=DMARC1; p=reject",
                     "--txt-record=_dmarc.mild.test,v=DMARC1; p=quarantine", *keys.records("good.test"), *records)
    settings = {"mynetworks": ["127.0.0.1"], "mailauth_checks": None, "dns_servers": [dns.address], **(settings or {})}
    return keys, Host(t, settings, address=OURS, daemons=("smtpd",), **options)


def send(host, message, source=STRANGER, sender="ann@good.test", recipient="bob@example.test"):
    """The reply to the message."""
    message = message.encode() if isinstance(message, str) else message
    with smtplib.SMTP(host.address, host.port("smtp"), timeout=60, source_address=(source, 0)) as client:
        client.ehlo("client.test")
        client.mail(sender)
        equal(client.rcpt(recipient)[0], 250, "the recipient is taken")
        code, text = client.data(message)
        return f"{code} {text.decode()}"


def delivered(host, subject, folder=""):
    """The message of that subject, from bob's folder."""
    def found():
        for path in host.messages("bob@example.test", folder):
            with open(path, "rb") as file:
                text = file.read()
            if f"Subject: {subject}\n".encode() in text:
                return text.decode()
        return None
    return eventually(found, f"{subject} is delivered")


def results(text):
    """The first Authentication-Results, unfolded."""
    found = re.search(r"(?m)^Authentication-Results: ((?:.|\n[ \t])*)", text)
    check(found, "the message has Authentication-Results")
    return re.sub(r"\s+", " ", found.group(1))


@test("a stranger's mail is checked, and what was found is on top of it and in the log")
def checked(t):
    keys, host = hosts(t)
    for name, algorithm in (("rsa", "rsa-sha256"), ("ed", "ed25519-sha256")):
        contains(send(host, keys.signed(LETTER.format(name, name), algorithm=algorithm)), "250 2.0.0 Ok", name)
        text = delivered(host, name)
        check(re.match(r"(?s)Return-Path: .*?\nAuthentication-Results: mail\.example\.test;", text), "it is on top")
        for part in ("spf=pass smtp.mailfrom=ann@good.test", "dkim=pass", f"header.a={algorithm}", "header.d=good.test",
                     "dmarc=pass header.from=good.test policy.published-domain-policy=reject", "arc=none"):
            contains(results(text), part, name)
    host.wait_log(r"smtpd\[\d+\]: \w+: authentication: spf=pass dkim=pass \(good\.test\) arc=none dmarc=pass \(good\.test\)")


@test("a large signed message is checked while it arrives")
def large(t):
    keys, host = hosts(t, {"message_size_limit": 30_000_000})
    body = "".join(f"line {i} of a large message, {'x' * 60}\r\n" for i in range(60_000))
    contains(send(host, keys.signed(LETTER.format("large", "large") + body)), "250 2.0.0 Ok", "it is taken")
    contains(results(delivered(host, "large")), "dkim=pass", "its signature")
    contains(send(host, keys.signed(LETTER.format("larger", "larger") + body).replace(b"line 59999", b"line 5999x"), source=OTHER),
             "250 2.0.0 Ok", "what fails is put aside")
    contains(results(delivered(host, "larger", ".Junk")), "dkim=fail", "one octet is different")


@test("mail that fails DMARC goes to Junk by default, and is refused where the admin says so")
def quarantined(t):
    _, host = hosts(t)
    contains(send(host, LETTER.format("forged", "forged"), source=OTHER), "250 2.0.0 Ok", "it is taken")
    contains(results(delivered(host, "forged", ".Junk")), "dmarc=fail", "it says why")
    equal(host.messages("bob@example.test"), [], "nothing is in INBOX")
    mild = LETTER.format("mild", "mild").replace("good.test>\r\nTo", "mild.test>\r\nTo")
    contains(send(host, mild, source=OTHER), "250 2.0.0 Ok", "it is taken")
    delivered(host, "mild", ".Junk")
    host.settings["dmarc_policy_action"] = "reject"
    host.write_settings()
    host.reload("smtpd")
    eventually(lambda: send(host, LETTER.format("refused", "refused"), source=OTHER).startswith("550 5.7.1 "), "then it is refused")
    contains(send(host, mild.replace("Subject: mild", "Subject: mild again"), source=OTHER), "250 2.0.0 Ok",
             "a domain that asks for quarantine gets that")
    delivered(host, "mild again", ".Junk")
    host.wait_log(r"reject: END-OF-MESSAGE from unknown\[127\.0\.0\.53\]: 550 5\.7\.1 Message rejected by the DMARC policy")


@test("a name server that answers nothing delays a message by mailauth_timeout twice at most, and refuses none")
def silent(t):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind((OURS, free_port(OURS)))
        keys, host = hosts(t, {"dns_servers": [f"{OURS}:{deaf.getsockname()[1]}"], "dns_timeout": "20s", "mailauth_timeout": "1s",
                               "dmarc_policy_action": "reject", "spf_policy_action": "reject"})
        begun = time.monotonic()
        contains(send(host, keys.signed(LETTER.format("deaf", "deaf"))), "250 2.0.0 Ok", "it is taken")
        took = time.monotonic() - begun
        check(took < 8, f"it took {took:.1f} s")
        text = results(delivered(host, "deaf"))
        for part in ("spf=temperror", "dkim=temperror", "dmarc=temperror"):
            contains(text, part, "no verdict")


@test("other sessions go on while one waits for the name server")
def beside(t):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind((OURS, free_port(OURS)))
        _, host = hosts(t, {"dns_servers": [f"{OURS}:{deaf.getsockname()[1]}"], "dns_timeout": "20s", "mailauth_timeout": "8s"})
        waiting = threading.Thread(target=send, args=(host, LETTER.format("slow", "slow")))
        waiting.start()
        deaf.recv(512)
        begun = time.monotonic()
        contains(send(host, LETTER.format("fast", "fast"), source="127.0.0.1"), "250 2.0.0 Ok", "mail of mynetworks")
        check(time.monotonic() - begun < 4, "it did not wait for the other")
        check(waiting.is_alive(), "which still waits")
        waiting.join(60)
        check("Authentication-Results" not in delivered(host, "fast"), "mail of mynetworks is not checked")


@test("a list that seals its mail, and is trusted, gets the mail of strict domains through")
def sealed(t):
    records = []
    keys = Keys(t.folder)
    records += keys.records("lists.test")
    _, host = hosts(t, {"arc_trusted_sealers": ["lists.test"], "dmarc_policy_action": "reject"}, records=records)
    message = LETTER.format("[list] sealed", "sealed").encode()
    seen = b"Authentication-Results: lists.test; dmarc=pass header.from=good.test\r\n"
    fields = debian_module("dkim", "python3-dkim").arc_sign(seen + message, b"rsa", b"lists.test", keys.rsa, b"lists.test")
    contains(send(host, b"".join(fields) + message, source=OTHER, sender="owner@lists.test"), "250 2.0.0 Ok", "it is taken")
    text = results(delivered(host, "[list] sealed"))
    contains(text, "arc=pass header.d=lists.test", "the chain")
    contains(text, "dmarc=fail reason=\"a trusted ARC sealer has seen it pass\"", "the verdict")
    changed = b"".join(fields) + message.replace(b"Hello", b"Hallo")
    contains(send(host, changed, source=OTHER, sender="owner@lists.test"), "550 5.7.1", "a chain that is broken helps nobody")


@test("what opendkim signs, we verify")
def opendkim_signs(t):
    keys, host = hosts(t)
    message = LETTER.format("milter", "milter") + "8 bits: \u00fc\r\n\r\n\r\n"
    signed = signed_by_opendkim(t, keys, message.encode())
    contains(send(host, signed), "250 2.0.0 Ok", "it is taken")
    text = results(delivered(host, "milter"))
    contains(text, "dkim=pass", "opendkim's signature")
    contains(text, "header.s=rsa", "its key")


def signed_by_opendkim(t, keys, message):
    """The message with the field that a real opendkim adds."""
    client = OpenDkim(t, "signer", Mode="s", Domain="good.test", Selector="rsa", KeyFile=keys.rsa_file, RequireSafeKeys="no",
                      Canonicalization="relaxed/simple").client()
    fields = client.inserted(message)
    equal(len(fields), 1, "opendkim adds a field")
    return b"%s: %s\r\n" % (fields[0][0], fields[0][1].replace(b"\n", b"\r\n")) + message

"""DKIM signatures on what leaves, verified by dkimpy and opendkim; keys made, rotated and retired; SRS, beside a real postsrsd."""
import os
import re
import smtplib
import socket
import stat
import subprocess

from debian_modules import debian_module
from harness import check, contains, equal, eventually, test
from mailhost import Host, free_port, has_program
from milter_client import OpenDkim
from peers import NameServer, Sink

STRANGER = "127.0.0.54"
LETTER = "From: Alice <alice@example.test>\r\nTo: bob@far.test\r\nSubject: {}\r\nDate: Sun, 29 Nov 2026 10:00:00 +0000\r\n" \
         "Message-ID: <{}@example.test>\r\n\r\nHello Bob,\r\nthis is a letter.\r\n"


def records(zone):
    """The options of dnsmasq that publish the lines for a zone which `pennypost dkim` prints."""
    found = re.findall(r"^(\S+)\. IN TXT \((.*)\)$", zone, re.M)
    check(found, f"there are records: {zone}")
    return [f"--txt-record={name}," + ",".join(re.findall(r'"([^"]*)"', text)) for name, text in found]


def signing_host(t, settings=None, **options):
    """A host with keys that DNS shows, the server that gets all its mail, and the name server."""
    sink = Sink(t)
    host = Host(t, {"relayhost": f"[127.0.0.1]:{sink.port}", **(settings or {})}, daemons=("smtpd",), start=False, **options)
    name_server = NameServer(t, *records(host.command("pennypost", "dkim", "new", "example.test").stdout))
    host.settings["dns_servers"] = [name_server.address]
    host.write_settings()
    host.start()
    return host, sink, name_server


def send(host, message, source="127.0.0.1", sender="alice@example.test", recipient="bob@far.test"):
    message = message.encode() if isinstance(message, str) else message
    with smtplib.SMTP("127.0.0.1", host.port("smtp"), timeout=60, source_address=(source, 0)) as client:
        client.ehlo("client.test")
        client.mail(sender, ["BODY=8BITMIME"])
        code, text = client.rcpt(recipient)
        if code != 250:
            return f"{code} {text.decode()}"
        code, text = client.data(message)
        return f"{code} {text.decode()}"


def sent(sink, subject):
    """What the next server got, as an object of Sink."""
    def found():
        return next((one for one in sink.transactions if f"Subject: {subject}\r\n".encode() in one.data), None)
    return eventually(found, f"{subject} is sent")


def verdicts(data, name_server):
    """What dkimpy says of each signature: {selector: bool}."""
    resolver = debian_module("dns.resolver", "python3-dnspython").Resolver(configure=False)
    resolver.nameservers, resolver.port = [name_server.host], name_server.port

    def txt(name, timeout=5):
        name = name.decode() if isinstance(name, bytes) else name
        return b"".join(resolver.resolve(name, "TXT", lifetime=timeout)[0].strings)
    message = debian_module("dkim", "python3-dkim").DKIM(data, minkey=1024)
    fields = [value for name, value in message.headers if name.lower() == b"dkim-signature"]
    selectors = [re.search(rb"\bs=([^;\s]+)", field).group(1).decode() for field in fields]
    return {selector: message.verify(at, dnsfunc=txt) for at, selector in enumerate(selectors)}


def all_pass(data, name_server, opendkim):
    """Both an RSA and an Ed25519 signature, for dkimpy and for opendkim."""
    found = verdicts(data, name_server)
    equal(sorted(found.values()), [True, True], "dkimpy verifies both")
    equal(sorted(selector[-1] for selector in found), ["e", "r"], "one of each kind")
    fields = opendkim.client().inserted(data)
    text = b" ".join(value for _, value in fields)
    equal(text.count(b"dkim=pass"), 2, f"opendkim verifies both: {text}")


@test("what users and this host send is signed with RSA and Ed25519, and dkimpy and opendkim verify it", seconds=120)
def signed(t):
    host, sink, name_server = signing_host(t)
    opendkim = OpenDkim(t, "verifier", name_server, Mode="v", AlwaysAddARHeader="yes", AuthservID="verifier")
    contains(send(host, LETTER.format("plain", "plain")), "250 ", "it is taken")
    all_pass(sent(sink, "plain").data, name_server, opendkim)
    large = LETTER.format("large", "large") + "".join(f"line {i} of a large message\r\n" for i in range(50_000))
    contains(send(host, large), "250 ", "it is taken")
    all_pass(sent(sink, "large").data, name_server, opendkim)
    odd = LETTER.format("odd", "odd") + "8 bits: \u00fc \t \r\n..\r\n.dots\r\n\r\n\r\n"
    contains(send(host, odd), "250 ", "it is taken")
    all_pass(sent(sink, "odd").data, name_server, opendkim)
    host.command("sendmail", "-f", "alice@example.test", "-t", input="From: alice@example.test\nTo: bob@far.test\nSubject: local\n\ntext\n")
    all_pass(sent(sink, "local").data, name_server, opendkim)
    host.command("sendmail", "-f", "root@mail.example.test", "-t",
                 input="From: root@mail.example.test\nTo: bob@far.test\nSubject: below\n\ntext\n")
    data = sent(sink, "below").data
    all_pass(data, name_server, opendkim)
    contains(data, b"d=example.test;", "a host's mail is signed by the domain above it")


@test("mail of other domains, and of strangers, leaves without a signature of ours")
def unsigned(t):
    host, sink, _ = signing_host(t, {"mynetworks": ["127.0.0.1"], "relay_domains": ["far.test"], "inet_interfaces": ["all"]})
    other = LETTER.format("other", "other").replace("alice@example.test>\r\nTo", "alice@other.test>\r\nTo")
    contains(send(host, other), "250 ", "it is taken")
    contains(send(host, LETTER.format("stranger", "stranger"), source=STRANGER), "250 ", "it is taken")
    for name in ("other", "stranger"):
        check(b"DKIM-Signature:" not in sent(sink, name).data, f"{name} is not signed")


@test("a signature is valid whatever generic maps and header checks make of the mail as it leaves")
def after_changes(t):
    host, sink, name_server = signing_host(t, {
        "smtp_generic_maps": "inline:{alice@example.test=sales@example.test}",
        "smtp_header_checks": "inline:{{Subject: changed = REPLACE Subject: changed again}}"})
    contains(send(host, LETTER.format("changed", "changed")), "250 ", "it is taken")
    one = sent(sink, "changed again")
    equal(one.sender, "sales@example.test", "generic maps")
    contains(one.data, b"sales@example.test", "in the header, too")
    equal(sorted(verdicts(one.data, name_server).values()), [True, True], "dkimpy verifies both")


@test("a new key waits, and signs when DNS shows it and the old one is retired", seconds=120)
def rotated(t):
    host, sink, old_server = signing_host(t)
    first = host.command("pennypost", "dkim", "list", "example.test").stdout
    equal(len(re.findall(r"\tsigns\tpublished\n", first)), 2, "the first keys sign")
    selectors = re.findall(r"example\.test\t(\S+)\t", first)
    zone = host.command("pennypost", "dkim", "new", "example.test").stdout
    listed = host.command("pennypost", "dkim", "list").stdout
    equal(len(re.findall(r"\twaits\tmissing\n", listed)), 2, "the new ones wait")
    refused = host.command("pennypost", "dkim", "retire", "example.test", selectors[0], ok=False)
    equal(refused.returncode, 1, "the old one can't be retired yet")
    contains(refused.stderr, "is not in DNS yet; publish what pennypost dkim record example.test", "it says what is missing")
    contains(send(host, LETTER.format("before", "before")), "250 ", "it is taken")
    equal(sorted(verdicts(sent(sink, "before").data, old_server)), sorted(selectors), "the old keys sign")
    equal(host.command("pennypost", "dkim", "record", "example.test").stdout.count(" IN TXT ("), 4, "all four have records")
    both = NameServer(t, *records(host.command("pennypost", "dkim", "record", "example.test").stdout))
    host.settings["dns_servers"] = [both.address]
    host.write_settings()
    for selector in selectors:
        contains(host.command("pennypost", "dkim", "retire", "example.test", selector).stdout, "signs no more", selector)
    new = [re.match(r"(\S+)\._domainkey", name).group(1) for name in re.findall(r"^(\S+)\. IN TXT", zone, re.M)]

    def signs():
        subject = f"after {len(sink.transactions)}"
        send(host, LETTER.format(subject, subject.replace(" ", "-")))
        found = verdicts(sent(sink, subject).data, both)
        return sorted(found) == sorted(new) and all(found.values())
    eventually(signs, "the new keys sign")
    refused = host.command("pennypost", "dkim", "retire", "example.test", new[0], ok=False)
    equal(refused.returncode, 0, "the other kind still signs")
    refused = host.command("pennypost", "dkim", "retire", "example.test", new[1], ok=False)
    contains(refused.stderr, "it is the last key of example.test", "the last key stays")


@test("keys are readable by their owner alone, and one that is not is not used", seconds=90)
def guarded(t):
    host, sink, _ = signing_host(t)
    folder = os.path.join(host.etc, "dkim", "example.test")
    for name in os.listdir(folder):
        equal(stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode), 0o600, name)
        os.chmod(os.path.join(folder, name), 0o640)
    os.rename(os.path.join(folder, name), os.path.join(folder, "open.pem"))  # so that it is looked at again
    checked = host.command("pennypost", "check", ok=False)
    contains(checked.stdout + checked.stderr, "open.pem: others can read or change it", "pennypost check says so")
    host.stop("smtpd")
    host.start()
    contains(send(host, LETTER.format("open", "open")), "250 ", "it is taken")
    check(b"DKIM-Signature:" not in sent(sink, "open").data, "it is not signed")
    host.wait_log(r"dkim\[\d+\]: warning: .*open\.pem: others can read or change it; chmod 600, and make a new key; it is not used")
    for arguments in (["new"], ["new", "com"], ["retire", "example.test"], ["record", "nokeys.test"], ["list", "-x"]):
        check(host.command("pennypost", "dkim", *arguments, ok=False).returncode != 0, f"{arguments} is refused")


# SRS

def forwarding_host(t, settings=None):
    sink = Sink(t)
    name_server = NameServer(t)
    return Host(t, {"relayhost": f"[127.0.0.1]:{sink.port}", "mynetworks": ["127.0.0.1"], "inet_interfaces": ["all"],
                    "dns_servers": [name_server.address], "srs_domain": "srs.example.test", "srs_exempt_domains": ["friend.test"],
                    "virtual_alias_maps": "inline:{{to-far@example.test = carol@far.test}, {also@example.test = to-far}}",
                    **(settings or {})}, daemons=("smtpd",), aliases="list: carol@far.test, bob\n"), sink


@test("forwarded mail of strangers leaves with a sender of ours, and a bounce to it finds the stranger", seconds=90)
def forwarded(t):
    host, sink = forwarding_host(t)
    for recipient in ("to-far", "also", "list"):
        contains(send(host, LETTER.format(recipient, recipient), STRANGER, "eve@good.test", f"{recipient}@example.test"), "250 ", recipient)
        sender = sent(sink, recipient).sender
        check(re.fullmatch(r"SRS0=[A-Za-z0-9+/]{4}=[A-Z2-7]{2}=good\.test=eve@srs\.example\.test", sender), f"{recipient}: {sender}")
    for name, sender in (("friend", "x@friend.test"), ("own", "alice@example.test")):
        source = STRANGER if name == "friend" else "127.0.0.1"
        contains(send(host, LETTER.format(name, name), source, sender, "to-far@example.test"), "250 ", name)
        equal(sent(sink, name).sender, sender, f"{name}: the sender stays")
    made = sent(sink, "to-far").sender
    contains(send(host, LETTER.format("bounce", "bounce"), STRANGER, "", made), "250 ", "the bounce is taken")
    bounce = sent(sink, "bounce")
    equal((bounce.sender, bounce.recipients), ("", ["eve@good.test"]), "it goes to the stranger")
    contains(send(host, LETTER.format("x", "x"), STRANGER, "", made.replace("=eve@", "=bob@")), "550 5.1.1 ", "a forged one is refused")
    contains(send(host, LETTER.format("x", "x"), STRANGER, "", "bob@srs.example.test"), "550 5.1.1 ", "nobody else is there")
    path = host.path("data", "srs_secret")
    equal(stat.S_IMODE(os.stat(path).st_mode), 0o600, "the secret is its owner's alone")
    host.stop("smtpd")
    host.start()
    contains(send(host, LETTER.format("late", "late"), STRANGER, "", made), "250 ", "the secret outlives a restart")


@test("senders are rewritten as postsrsd does with the same secret, and each leads back through the other")
def beside_postsrsd(t):
    check(has_program("postsrsd"), "postsrsd is missing; contrib/packages/test lists it")
    forward, reverse = free_port(), free_port()
    secret = os.path.join(t.folder, "postsrsd.secret")
    with open(secret, "w", encoding="utf-8") as file:
        file.write("a secret of postsrsd\n")
    process = subprocess.Popen(["postsrsd", f"-s{secret}", "-dsrs.example.test", f"-f{forward}", f"-r{reverse}", "-4"],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    t.cleanup(lambda: (process.terminate(), process.wait(30)))

    def ask(port, address):
        def answer():
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=10) as stream:
                    stream.sendall(f"get {address}\n".encode())
                    return stream.recv(1000).decode().strip()
            except OSError:
                return None
        code, _, text = eventually(answer, "postsrsd answers").partition(" ")
        equal(code, "200", f"postsrsd knows {address}")
        return text
    host, sink = forwarding_host(t, {"srs_secret_file": os.path.join(t.folder, "host", "etc", "secret")})
    host.stop("smtpd")
    host.write("etc/secret", "a secret of postsrsd\n")
    os.chmod(host.path("etc", "secret"), 0o600)
    host.start()
    for number, sender in enumerate(("Eve@good.test", "SRS0=abcd=AB=one.test=ann@two.test", "SRS1=abcd=one.test==efgh=AB=x.test=y@two.test",
                                     "a=b+c@good.test")):
        contains(send(host, LETTER.format(f"n{number}", number), STRANGER, sender, "to-far@example.test"), "250 ", sender)
        ours, theirs = sent(sink, f"n{number}").sender, ask(forward, sender)
        equal(ours, theirs, f"{sender} is rewritten alike")
        back = ask(reverse, ours)
        contains(send(host, LETTER.format(f"b{number}", number), STRANGER, "", theirs), "250 ", f"{theirs} is known here")
        equal(sent(sink, f"b{number}").recipients, [back], f"{theirs} leads back alike")

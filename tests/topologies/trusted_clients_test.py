"""Clients and hosts that are trusted by more than their address: certificates, XCLIENT, XFORWARD, ETRN."""
import re
import smtplib
import socket
import ssl
import subprocess

from harness import Shared, check, contains, equal, eventually, test
from mailhost import Host, letter, make_certificate
from peers import Sink
from postfix import Postfix

ANN, BOB = "ann@sender.test", "bob@example.test"
OURS, THEIRS = "127.0.0.41", "127.0.0.42"


def fingerprint(certificate):
    """As openssl prints it: AA:BB:..."""
    done = subprocess.run(["openssl", "x509", "-in", certificate, "-noout", "-fingerprint", "-sha256"], check=True,
                          capture_output=True, text=True)
    return done.stdout.strip().partition("=")[2]


def key_fingerprint(certificate):
    """The same of the public key."""
    key = subprocess.run(["openssl", "x509", "-in", certificate, "-noout", "-pubkey"], check=True, capture_output=True)
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=key.stdout, check=True, capture_output=True)
    done = subprocess.run(["openssl", "dgst", "-sha256", "-c"], input=der.stdout, check=True, capture_output=True, text=False)
    return done.stdout.decode().strip().rpartition(" ")[2].upper()


class Guarded:
    """A host that lets clients relay by their certificate; ann's is known by its fingerprint, kim's by its key's."""

    def __init__(self, t):
        self.host = Host(t, daemons=["smtpd"], start=False)
        self.ann, self.kim, self.eve = (make_certificate(self.host.etc, name, name) for name in ("ann", "kim", "eve"))
        prints = self.host.write("etc/prints", f"{fingerprint(self.ann[0])} ann\n{key_fingerprint(self.kim[0])} kim\n")
        self.host.settings.update({
            "mynetworks": "127.0.0.9", "relay_clientcerts": "texthash:" + prints, "smtpd_tls_ask_ccert": "yes",
            "smtpd_tls_CAfile": self.ann[0], "smtpd_tls_loglevel": 1,
            "smtpd_relay_restrictions": "permit_tls_clientcerts, reject_unauth_destination",
            "smtpd_client_restrictions": "check_ccert_access inline:{ {%s = REJECT not eve} }" % fingerprint(self.eve[0])})
        self.host.write_settings()
        self.host.own()
        self.host.start()

    def rcpt(self, pair, recipient):
        with smtplib.SMTP(self.host.address, self.host.port("smtp"), timeout=60) as client:
            context = ssl._create_unverified_context()  # pylint: disable=protected-access
            if pair:
                context.load_cert_chain(*pair)
            client.starttls(context=context)
            client.ehlo("client.test")
            client.mail(ANN)
            code, text = client.rcpt(recipient)
            return f"{code} {text.decode()}"


guarded = Shared(Guarded)


@test("a client relays by a certificate whose fingerprint or key we know, and by no other")
def by_certificate(_):
    host = guarded.get()
    equal(host.rcpt(host.ann, "x@elsewhere.test"), "250 2.1.5 Ok", "by the certificate")
    equal(host.rcpt(host.kim, "x@elsewhere.test"), "250 2.1.5 Ok", "by the key")
    equal(host.rcpt(None, "x@elsewhere.test"), "554 5.7.1 <x@elsewhere.test>: Relay access denied", "without")
    equal(host.rcpt(host.eve, BOB), "554 5.7.1 <eve>: Client certificate rejected: not eve", "refused by name")
    equal(host.rcpt(None, BOB), "250 2.1.5 Ok", "mail for us needs none")
    log = host.host.log()
    contains(log, "Trusted TLS connection established from unknown[127.0.0.1]", "ann's authority is known")
    contains(log, "Untrusted TLS connection established from unknown[127.0.0.1]", "kim's is not")


@test("the Received field says which certificate a message came with")
def in_received(_):
    guard = guarded.get()
    with smtplib.SMTP(guard.host.address, guard.host.port("smtp"), timeout=60) as client:
        context = ssl._create_unverified_context()  # pylint: disable=protected-access
        context.load_cert_chain(*guard.ann)
        client.starttls(context=context)
        client.sendmail(ANN, [BOB], letter("with a certificate"))
    with open(guard.host.wait_messages(BOB, 1)[0], "rb") as file:
        contains(file.read().decode(), '(Client CN "ann", Issuer "ann" (verified OK))', "Received")


@test("where smtpd_tls_req_ccert asks for one, nobody is served without a certificate that we trust")
def required(t):
    host = Host(t, daemons=["smtpd"], start=False)
    ann, eve = (make_certificate(host.etc, name, name) for name in ("ann", "eve"))
    host.settings.update({"smtpd_tls_security_level": "encrypt", "smtpd_tls_req_ccert": "yes", "smtpd_tls_CAfile": ann[0],
                          "submissions_port": 0})
    host.write_settings()
    host.own()
    host.start()

    def answer(pair):
        context = ssl._create_unverified_context()  # pylint: disable=protected-access
        if pair:
            context.load_cert_chain(*pair)
        with smtplib.SMTP(host.address, host.port("smtp"), timeout=60) as client:
            try:
                client.starttls(context=context)
                return client.docmd("EHLO client.test")[0]
            except (ssl.SSLError, smtplib.SMTPServerDisconnected, ConnectionError):
                return None
    equal(answer(ann), 250, "a trusted one")
    equal(answer(eve), 421, "another")
    equal(answer(None), None, "none")


@test("a client that asks for a name in tls_server_sni_maps gets that name's certificate")
def by_name(t):
    host = Host(t, daemons=["smtpd"], start=False)
    for name in ("other.test", "wild.test"):
        certificate, key = make_certificate(host.etc, name, name)
        with open(certificate, encoding="ascii") as one, open(key, encoding="ascii") as two:
            host.write(f"etc/{name}.pem", two.read() + one.read())
    names = host.write("etc/names", f"other.test {host.path('etc/other.test.pem')}\n"
                                    f".wild.test {host.path('etc/wild.test.key')}, {host.path('etc/wild.test.crt')}\n")
    host.settings.update({"tls_server_sni_maps": "texthash:" + names})
    host.write_settings()
    host.own()
    host.start()

    def shown(name):
        with socket.create_connection((host.address, host.port("submissions")), timeout=60) as plain:
            context = ssl._create_unverified_context()  # pylint: disable=protected-access
            with context.wrap_socket(plain, server_hostname=name) as stream:
                der = stream.getpeercert(binary_form=True)
        return subprocess.run(["openssl", "x509", "-inform", "DER", "-noout", "-subject"], input=der, check=True,
                              capture_output=True).stdout.decode().strip().rpartition(" ")[2]
    equal([shown(name) for name in ("other.test", "a.wild.test", "mail.example.test", "wild.test")],
          ["other.test", "wild.test", "mail.example.test", "mail.example.test"], "the certificates' names")
    host.write("etc/names", "other.test other.pem\n")
    result = host.command("pennypost", "check", ok=False)
    contains(result.stdout + result.stderr, '/names:1: "other.pem" is no absolute path', "check")


@test("a Postfix that asks for a certificate takes mail from us by ours")
def shown_to_postfix(t):
    host = Host(t, daemons=["smtpd"], address=OURS, start=False)
    postfix = Postfix(t, "postfix.test", {
        "smtpd_tls_security_level": "encrypt", "smtpd_tls_req_ccert": "yes", "smtpd_tls_CAfile": host.certificate,
        "smtpd_tls_cert_file": host.certificate, "smtpd_tls_key_file": host.key, "smtpd_tls_loglevel": "1",
        "mynetworks": "127.0.0.99", "smtpd_relay_restrictions": "permit_tls_all_clientcerts, reject"}, THEIRS)
    host.settings.update({"relayhost": f"[{THEIRS}]:{postfix.port}", "smtp_tls_cert_file": host.certificate,
                          "smtp_tls_key_file": host.key, "smtp_bind_address": OURS})
    host.write_settings()
    host.start()
    with host.smtp(source=OURS) as client:
        client.sendmail("alice@example.test", ["x@postfix.test"], letter("by certificate"))
    eventually(lambda: len(postfix.messages()) == 1, "it arrives at Postfix")
    contains(postfix.log(), f"Trusted TLS connection established from unknown[{OURS}]", "Postfix's log")


@test("by XCLIENT a trusted client speaks for another, whom restrictions and log then mean")
def xclient(t):
    host = Host(t, {"smtpd_authorized_xclient_hosts": "127.0.0.1", "mynetworks": "192.0.2.0/24"}, daemons=["smtpd"])
    with smtplib.SMTP(host.address, host.port("smtp"), timeout=60) as client:
        client.ehlo("proxy.test")
        contains(client.esmtp_features, "xclient", "EHLO")
        equal(client.docmd("MAIL FROM:<a@b.test>")[0], 250, "MAIL")
        equal(client.docmd("RCPT TO:<x@elsewhere.test>")[0], 554, "as itself it may not relay")
        client.rset()
        equal(client.docmd("XCLIENT NAME=spike.test ADDR=192.0.2.9")[0], 220, "XCLIENT")
        client.ehlo("spike.test")
        equal(client.docmd("MAIL FROM:<a@b.test>")[0], 250, "MAIL")
        equal(client.docmd("RCPT TO:<x@elsewhere.test>"), (250, b"2.1.5 Ok"), "as spike it may")
    host.wait_log(r"client=spike\.test\[192\.0\.2\.9\]")


@test("XFORWARD tells the next host whose mail it is, from a Postfix to us and from us to a Postfix")
def xforward(t):
    host = Host(t, {"mynetworks": [OURS, THEIRS], "smtpd_authorized_xforward_hosts": THEIRS, "smtp_bind_address": OURS,
                    "smtp_send_xforward_command": "yes"}, daemons=["smtpd"], address=OURS, start=False)
    postfix = Postfix(t, "postfix.test", {"relayhost": f"[{OURS}]:{host.port('smtp')}", "smtp_send_xforward_command": "yes",
                                          "smtpd_authorized_xforward_hosts": OURS, "smtpd_authorized_xclient_hosts": "127.0.0.1",
                                          "mynetworks": "127.0.0.0/8 192.0.2.0/24"}, THEIRS)
    host.settings["transport_maps"] = f"inline:{{postfix.test=smtp:[{THEIRS}]:{postfix.port}}}"
    host.settings["smtpd_authorized_xclient_hosts"] = OURS
    host.settings["smtpd_relay_restrictions"] = "permit"
    host.settings["smtpd_recipient_restrictions"] = "permit_mynetworks, permit, reject_unauth_destination"
    host.write_settings()
    host.start()
    for (address, port), recipient in (((THEIRS, postfix.port), BOB), ((OURS, host.port("smtp")), "x@postfix.test")):
        with smtplib.SMTP(address, port, timeout=60, source_address=(OURS if address == OURS else "127.0.0.1", 0)) as client:
            client.ehlo("proxy.test")
            equal(client.docmd("XCLIENT NAME=spike.test ADDR=192.0.2.9 HELO=spike.test PROTO=ESMTP")[0], 220, "XCLIENT")
            client.ehlo("spike.test")
            equal(client.docmd("MAIL FROM:<ann@sender.test>")[0], 250, "MAIL")
            equal(client.docmd(f"RCPT TO:<{recipient}>")[0], 250, "RCPT")
            equal(client.data(letter("for another"))[0], 250, "DATA")
    host.wait_messages(BOB, 1)
    eventually(lambda: len(postfix.messages()) == 1, "it arrives at Postfix")
    check(re.search(r"client=\S+, orig_queue_id=\S+, orig_client=spike\.test\[192\.0\.2\.9\]", host.log()), "our log names spike")
    check(re.search(r"client=\S+, orig_queue_id=\S+, orig_client=spike\.test\[192\.0\.2\.9\]", postfix.log()),
          "Postfix's log names spike")


@test("ETRN has the mail that waits for a domain sent at once, and no other's")
def etrn(t):
    host = Host(t, {"relay_domains": "relayed.test, closed.test", "fast_flush_domains": "relayed.test",
                    "minimal_backoff_time": "1h", "maximal_backoff_time": "1h"}, daemons=["smtpd"], start=False)
    sink = Sink(t, answers={"RCPT TO": "450 4.2.0 not now"})
    host.settings["transport_maps"] = ", ".join(
        f"inline:{{{domain}=smtp:[127.0.0.1]:{sink.port}}}" for domain in ("relayed.test", "closed.test"))
    host.write_settings()
    host.start()
    with host.smtp() as client:
        client.sendmail(ANN, ["x@relayed.test"], letter("one"))
        client.sendmail(ANN, ["x@closed.test"], letter("two"))
    host.wait_log(r"to=<x@relayed\.test>.*status=deferred")
    host.wait_log(r"to=<x@closed\.test>.*status=deferred")
    sink.answers.clear()
    with host.smtp() as client:
        client.ehlo("relayed.test")
        contains(client.esmtp_features, "etrn", "EHLO")
        equal(client.docmd("ETRN closed.test"), (459, b"4.7.0 <closed.test>: service unavailable"), "another's")
        equal(client.docmd("ETRN relayed.test"), (250, b"2.0.0 Queuing started"), "its own")
    eventually(lambda: [one.recipients for one in sink.transactions if one.data] == [["x@relayed.test"]], "it is sent")
    host.wait_queue(1)


@test("refusals end with the footer that a table or the settings give them")
def footer(t):
    host = Host(t, {"smtpd_reject_footer": "\\c. Ask postmaster@example.test about $client_address.",
                    "smtpd_reject_footer_maps": "inline:{ {554 5.7.1 <x@elsewhere.test>: Relay access denied = Log in first.} }",
                    "mynetworks": "127.0.0.9"}, daemons=["smtpd"])
    with host.smtp() as client:
        client.ehlo("client.test")
        client.mail(ANN)
        equal(client.rcpt("x@elsewhere.test"), (554, b"5.7.1 <x@elsewhere.test>: Relay access denied\n5.7.1 Log in first."), "by table")
        equal(client.rcpt("y@elsewhere.test"),
              (554, b"5.7.1 <y@elsewhere.test>: Relay access denied. Ask postmaster@example.test about 127.0.0.1."), "by setting")
    host.wait_log(r"<y@elsewhere\.test>: Relay access denied; from=")

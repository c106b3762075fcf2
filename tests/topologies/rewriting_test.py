"""What a gateway changes in the mail that passes, and who gets a copy: a real Postfix with the same settings is the measure."""
import email
import os
import smtplib

from harness import equal, eventually, test
from mailhost import Host
from peers import Sink
from postfix import Postfix

NEAR, FAR = "127.0.0.9", "127.0.0.10"  # clients in mynetworks, and others
GATE = {
    "myhostname": "mail.gate.test", "myorigin": "gate.test", "mydestination": "", "relay_domains": "far.test",
    "mynetworks": NEAR + "/32", "local_header_rewrite_clients": "permit_mynetworks",
    "smtpd_relay_restrictions": "permit_mynetworks, reject_unauth_destination", "append_dot_mydomain": "yes",
    "mydomain": "gate.test"}
LETTER = ("From: Ann <ann@pc1.example.test>\r\nTo: old@far.test, bob@pc2.foo.example.test,\r\n\troot@pc3.example.test\r\n"
          "Cc: carol, dan@host, eve@pc4.bar.example.test\r\nReply-To: daemon@pc5.example.test\r\nSubject: x\r\n\r\nbody\r\n")
MAILS = (  # sender, recipients
    ("ann@pc1.example.test", ["old@far.test", "b@pc2.example.test.far.test"]),
    ("root@pc1.example.test", ["x@far.test"]),
    ("spied@pc2.foo.example.test", ["new@far.test", "x@far.test"]),
    ("", ["y@sub.far.test"]))


def seen_by(sink):
    """{(sender, recipient, the rewritten fields)}, without what differs by nature."""
    seen = set()
    for one in sink.transactions:
        header = email.message_from_bytes(one.data)
        fields = tuple((name, " ".join((header[name] or "").split())) for name in ("From", "To", "Cc", "Reply-To"))
        added = tuple(name for name in ("Date", "Message-ID") if header[name])
        seen |= {(one.sender, recipient, fields, added) for recipient in one.recipients}
    return seen


def send_all(connect):
    for source in (NEAR, FAR):
        for sender, recipients in MAILS:
            with connect(source) as client:
                client.sendmail(sender, recipients, LETTER.replace("Subject: x", f"Subject: {source}"))


def compare(t, settings, copies):
    """`copies`: how many more deliveries than recipients there are."""
    ours, theirs = Sink(t, "127.0.0.22"), Sink(t, "127.0.0.23")
    wanted = 2 * sum(len(recipients) for _, recipients in MAILS) + copies
    host = Host(t, {**GATE, **settings, "role": "relay", "relayhost": f"[{ours.address}]:{ours.port}",
                    "relay_transport": f"relay:[{ours.address}]:{ours.port}"}, daemons=("smtpd",), users={})
    postfix = Postfix(t, "postfix.test", {**GATE, **settings, "relayhost": f"[{theirs.address}]:{theirs.port}",
                                          "relay_transport": f"smtp:[{theirs.address}]:{theirs.port}"}, "127.0.0.24")
    send_all(lambda source: host.smtp(source=source))
    send_all(lambda source: smtplib.SMTP(postfix.address, postfix.port, source_address=(source, 0), timeout=60))
    for sink, who in ((ours, "ours"), (theirs, "Postfix")):
        eventually(lambda sink=sink: sum(len(one.recipients) for one in sink.transactions) >= wanted, f"all mail has left {who}")
    equal(sorted(seen_by(ours)), sorted(seen_by(theirs)), "what the next host gets from us, and from Postfix")
    host.wait_queue(0)
    return ours


@test("masquerade_domains, their exceptions and classes rewrite as in Postfix", seconds=120)
def masquerade(t):
    sink = compare(t, {
        "masquerade_domains": "foo.example.test, !bar.example.test, example.test, far.test", "masquerade_exceptions": "root, daemon",
        "sender_canonical_maps": "inline:{spied@pc2.foo.example.test=spied@pc9.example.test}",
        "masquerade_classes": "envelope_sender, envelope_recipient, header_sender, header_recipient"}, 0)
    equal({one.sender for one in sink.transactions}, {"", "ann@example.test", "root@pc1.example.test", "spied@example.test"}, "senders")


@test("blind copies by sender, by recipient and of all go where Postfix sends them, and no field tells of them", seconds=120)
def blind_copies(t):
    sink = compare(t, {
        "always_bcc": "archive@far.test", "recipient_canonical_maps": "inline:{old@far.test=new@far.test}",
        "sender_bcc_maps": "inline:{ {ann@pc1.example.test=boss@far.test}, {@pc2.foo.example.test=spy} }",
        "recipient_bcc_maps": "inline:{ {new@far.test=copy@far.test}, {@sub.far.test=copy@far.test} }"}, 2 * (4 + 2 + 3))
    for one in sink.transactions:
        text = one.data.decode()
        for address in ("archive@", "boss@", "spy@", "copy@"):
            equal(address in text, False, f"{address} in the message")


@test("remote_header_rewrite_domain completes strangers' headers as in Postfix, and our own clients' stay with ours", seconds=120)
def remote_headers(t):
    compare(t, {"remote_header_rewrite_domain": "domain.invalid",
                "canonical_maps": "inline:{ {carol@gate.test=c@gate.test}, {carol@domain.invalid=c@domain.invalid} }"}, 0)


@test("receive_override_options leave out what Postfix leaves out", seconds=120)
def overrides(t):
    checks = os.path.join(t.folder, "checks")
    with open(checks, "w", encoding="utf-8") as file:
        file.write("/^Subject:/ REJECT\n")
    os.chmod(t.folder, 0o755)
    compare(t, {"always_bcc": "archive@far.test", "virtual_alias_maps": "inline:{x@far.test=z@far.test}",
                "canonical_maps": "inline:{old@far.test=new@far.test}", "masquerade_domains": "example.test",
                "header_checks": "regexp:" + checks,
                "receive_override_options": "no_address_mappings, no_header_body_checks"}, 0)

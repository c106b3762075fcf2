"""`pennypost route` says what smtpd says, for the same client, sender and recipient."""
import re

from harness import check, equal, test
from mailhost import Host

CASES = (
    # (sender, recipient)
    ("a@far.example", "alice@example.test"),
    ("a@far.example", "nobody@example.test"),
    ("a@far.example", "sales@example.test"),
    ("a@far.example", "x@elsewhere.example"),
    ("spam@far.example", "alice@example.test"),
    ("a@far.example", "held@example.test"),
    ("a@far.example", "old@example.test"),
    ("a@far.example", "x%elsewhere.example@example.test"),
    ("", "postmaster"),
    ("a@far.example", "any@virtual.test"),
    ("a@far.example", "info@virtual.test"),
)


@test("pennypost route gives the reply that RCPT gives, whatever decides it")
def same_replies(t):
    host = Host(t, daemons=("smtpd",), start=False)
    host.settings.update({
        "mynetworks": "10.0.0.0/8",
        "relay_domains": "relay.test",
        "smtpd_peername_lookup": False,
        "virtual_alias_domains": "virtual.test",
        "virtual_alias_maps": "texthash:" + host.write("etc/virtual", "info@virtual.test alice@example.test\n"),
        "relocated_maps": "texthash:" + host.write("etc/relocated", "old@example.test new@far.example\n"),
        "smtpd_sender_restrictions": "check_sender_access pcre:" + host.write("etc/senders", "/^spam@/ REJECT no spam\n"),
        "smtpd_recipient_restrictions": "check_recipient_access texthash:" + host.write("etc/recipients", "held@example.test 450 4.7.1 come back\n"),
    })
    host.write_settings()
    host.write("etc/aliases", "sales: alice\n")
    host.command("newaliases")
    host.start("smtpd")
    seen = set()
    for sender, recipient in CASES:
        with host.smtp() as client:
            client.ehlo("client.example")
            equal(client.mail(sender)[0], 250, f"MAIL FROM:<{sender}>")
            code, text = client.rcpt(recipient)
        told = host.command("pennypost", "route", "--client", "127.0.0.1", "--helo", "client.example", "--from", sender or "<>", recipient,
                            ok=False)
        reply = re.search(r"^  (\d\d\d) (\d\.\d+\.\d+) (.*)$", told.stdout, re.M)
        check(reply, told.stdout + told.stderr)
        said = f"{code} {text.decode()}"
        equal(f"{reply[1] if reply[1] != '250' else code} {reply[2]} {reply[3]}", said, f"{sender} to {recipient}: {told.stdout}")
        seen.add(code)
    equal(seen, {250, 450, 550, 554}, "the cases are of all kinds")

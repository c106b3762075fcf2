"""From an address outside mynetworks nothing is relayed, by whatever trick the recipient is written."""
import smtplib
import socket

from harness import check, equal, test
from mailhost import Host, unverified

OUTSIDE = "127.0.0.2"  # the host's mynetworks is 127.0.0.1 alone
FOREIGN = "foreign.example.net"
LOCAL = "example.test"
TRICKS = [
    f"<user@{FOREIGN}>",
    f"<user%{FOREIGN}@{LOCAL}>",
    f"<user%{FOREIGN}%{LOCAL}@{LOCAL}>",
    f"<user%{FOREIGN}@mail.{LOCAL}>",
    f"<user%{FOREIGN}>",
    f"<{FOREIGN}!user@{LOCAL}>",
    f"<{FOREIGN}!user>",
    f"<@{LOCAL}:user@{FOREIGN}>",
    f"<@{LOCAL},@mail.{LOCAL}:user@{FOREIGN}>",
    f'<"user@{FOREIGN}"@{LOCAL}>',
    f'<"user%{FOREIGN}"@{LOCAL}>',
    f'<"{FOREIGN}!user"@{LOCAL}>',
    f'<"user@{FOREIGN}">',
    f"<user@{FOREIGN}@{LOCAL}>",
    "<user@[127.0.0.1]>",
    f'<"user@{FOREIGN}"@[127.0.0.1]>',
    f"<user%{FOREIGN}@[127.0.0.1]>",
    f"<{FOREIGN}!user@[127.0.0.1]>",
    "<user@[IPv6:::ffff:127.0.0.1]>",
    "<user@[192.0.2.1]>",
    f"<user@{FOREIGN}.>",
    f"<user@{LOCAL}.{FOREIGN}>",
    f"<user@x{LOCAL}>",
]
SENDERS = ["<someone@elsewhere.example.org>", "<>", f"<alice@{LOCAL}>", "<mailer-daemon>"]


def try_all(host, client, where):
    """Every trick with every sender must be refused for good."""
    for sender in SENDERS:
        for trick in TRICKS:
            client.rset()
            code, text = client.docmd("MAIL FROM:" + sender)
            if code == 250:
                code, text = client.docmd("RCPT TO:" + trick)
            check(500 <= code < 600, f"{where}: MAIL FROM:{sender} RCPT TO:{trick} is answered {code} {text.decode()}")
    code, text = client.docmd("DATA")
    check(500 <= code < 600, f"{where}: DATA is answered {code} {text.decode()}")
    equal(host.queue(), [], "the queue")


def relay_host(t):
    # So many refusals would otherwise end the session: the limits have dialogues of their own.
    return Host(t, {"smtpd_hard_error_limit": 10000, "smtpd_soft_error_limit": 10000, "auth_failure_delay": "0s",
                    "smtpd_junk_command_limit": 100000}, daemons=("smtpd",))


@test("no trick relays from outside mynetworks, whoever the sender says they are")
def outside(t):
    host = relay_host(t)
    with host.smtp(source=OUTSIDE) as client:
        client.ehlo()
        try_all(host, client, "on 25")
        client.rset()
        client.docmd("MAIL FROM:<a@elsewhere.example.org>")
        code, text = client.docmd(f"RCPT TO:<user@{FOREIGN}>")
        equal((code, text.decode().startswith("5.7.1 ") and text.decode().endswith("Relay access denied")), (554, True),
              f"the answer, which is {text}")
        equal(client.docmd("RCPT TO:<bob@example.test>")[0], 250, "our own user is taken from anywhere")
    host.wait_log(r"NOQUEUE: reject: RCPT from \S+\[127\.0\.0\.2\]: 554 5\.7\.1 <\S+>: Relay access denied; from=<")


@test("a client of mynetworks may relay, which shows that the refusals are not for other reasons")
def inside(t):
    host = relay_host(t)
    with host.smtp() as client:
        client.ehlo()
        equal(client.docmd("MAIL FROM:<a@elsewhere.example.org>")[0], 250, "MAIL")
        equal(client.docmd(f"RCPT TO:<user@{FOREIGN}>")[0], 250, "RCPT of a foreign address from 127.0.0.1")


@test("HELO in place of EHLO, STARTTLS, and a failed AUTH change nothing")
def after_events(t):
    host = relay_host(t)
    with host.smtp(source=OUTSIDE) as client:
        client.helo()
        try_all(host, client, "after HELO")
    with host.smtp(source=OUTSIDE) as client:
        client.starttls(context=unverified())
        client.ehlo()
        try_all(host, client, "after STARTTLS")
    with host.smtp("submission", source=OUTSIDE) as client:
        client.starttls(context=unverified())
        client.ehlo()
        try:
            client.login("alice@example.test", "wrong")
            check(False, "a wrong password is taken")
        except smtplib.SMTPAuthenticationError as error:
            equal(error.smtp_code, 535, "the answer to a wrong password")
        try_all(host, client, "after a failed AUTH")
        equal(client.docmd("MAIL FROM:<alice@example.test>")[0], 530, "MAIL after a failed AUTH")


@test("submission without AUTH takes nothing, not even for our own users")
def submission(t):
    host = relay_host(t)
    for service in ("submission", "submissions"):
        for source in (OUTSIDE, None):
            with host.smtp(service, source=source) as client:
                if service == "submission":
                    client.starttls(context=unverified())
                client.ehlo()
                equal(client.docmd("MAIL FROM:<alice@example.test>")[0], 530, f"MAIL without AUTH on {service}")
                equal(client.docmd("RCPT TO:<bob@example.test>")[0] // 100, 5, f"RCPT without AUTH on {service}")


@test("an IPv4 client that comes as ::ffff: is judged as the IPv4 client it is")
def mapped(t):
    host = relay_host(t)
    with socket.socket(socket.AF_INET6) as stream:
        stream.settimeout(60)
        stream.bind(("::ffff:" + OUTSIDE, 0))
        stream.connect(("::ffff:" + host.address, host.port("smtp")))
        client = smtplib.SMTP(local_hostname="client.example.test")
        client.sock = stream
        client.file = stream.makefile("rb")
        equal(client.getreply()[0], 220, "greeting")
        client.ehlo()
        try_all(host, client, "as ::ffff:")


@test("a login relays, and is named in the log")
def login(t):
    host = relay_host(t)
    with host.smtp("submission", source=OUTSIDE) as client:
        client.starttls(context=unverified())
        client.login("alice@example.test", host.users["alice@example.test"])
        equal(client.docmd("MAIL FROM:<alice@example.test>")[0], 250, "MAIL after AUTH")
        equal(client.docmd(f"RCPT TO:<user@{FOREIGN}>")[0], 250, "RCPT of a foreign address after AUTH")

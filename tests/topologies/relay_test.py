"""From a host outside mynetworks nothing is relayed, by whatever trick the recipient is written."""
import smtplib
import socket

from harness import Shared, check, contains, equal, test
from mailhost import unverified
from netns import Network, PlacedHost, connect

FOREIGN = "foreign.example.net"
LOCAL = "example.test"
DENIED, UNKNOWN, SYNTAX = "554 5.7.1", "550 5.1.1", "501 5.1.3"
V4, V6 = "192.0.2.11", "2001:db8::11"  # the server: the first place of its network
TRICKS = {
    f"<user@{FOREIGN}>": DENIED,
    f"<user%{FOREIGN}@{LOCAL}>": DENIED,
    f"<user%{FOREIGN}%{LOCAL}@{LOCAL}>": DENIED,
    f"<user%{FOREIGN}@mail.{LOCAL}>": DENIED,
    f"<user%{FOREIGN}>": DENIED,
    f"<{FOREIGN}!user@{LOCAL}>": DENIED,
    f"<{FOREIGN}!user>": DENIED,
    f"<@{LOCAL}:user@{FOREIGN}>": DENIED,
    f"<@{LOCAL},@mail.{LOCAL}:user@{FOREIGN}>": DENIED,
    f'<"user@{FOREIGN}"@{LOCAL}>': DENIED,
    f'<"user%{FOREIGN}"@{LOCAL}>': DENIED,
    f'<"{FOREIGN}!user"@{LOCAL}>': DENIED,
    f'<"user@{FOREIGN}">': DENIED,
    f"<user@{FOREIGN}@{LOCAL}>": SYNTAX,
    f"<user@[{V4}]>": UNKNOWN,
    f"<user@[IPv6:{V6}]>": UNKNOWN,
    f"<user@[IPv6:::ffff:{V4}]>": UNKNOWN,
    "<user@[127.0.0.1]>": UNKNOWN,
    "<user@[IPv6:::1]>": UNKNOWN,
    f'<"user@{FOREIGN}"@[{V4}]>': DENIED,
    f"<user%{FOREIGN}@[{V4}]>": DENIED,
    f"<user%{FOREIGN}@[IPv6:{V6}]>": DENIED,
    f"<{FOREIGN}!user@[{V4}]>": DENIED,
    "<user@[192.0.2.1]>": DENIED,
    f"<user@{FOREIGN}.>": DENIED,
    f"<user@{LOCAL}.{FOREIGN}>": DENIED,
    f"<user@x{LOCAL}>": DENIED,
}
SENDERS = ["<someone@elsewhere.example.org>", "<>", f"<alice@{LOCAL}>", "<mailer-daemon>"]


class Two:
    """A destination, and a stranger's host."""

    def __init__(self, t):
        network = Network(t)
        place = network.place("server")
        self.stranger, self.proxy = network.place("stranger"), network.place("proxy")
        equal((place.address, place.address6), (V4, V6), "the server's addresses")
        # So many refusals would otherwise end the session: the limits have dialogues of their own.
        self.server = PlacedHost(t, place, {
            "smtpd_hard_error_limit": 10000, "smtpd_soft_error_limit": 10000, "auth_failure_delay": "0s",
            "smtpd_junk_command_limit": 100000, "smtpd_proxy_networks": [self.proxy.address],
            "smtpd_sasl_auth_enable": True}, daemons=("smtpd",))

    def smtp(self, address=V4, port=25, place=None, proxied=""):
        """A session from the stranger's host; proxied: a first line, as the PROXY protocol has it."""
        stream = connect(place or self.stranger, address, port)
        stream.sendall(proxied.encode())
        client = smtplib.SMTP(local_hostname="client.example.test")
        client._host = "mail.example.test"  # what starttls() asks the certificate for
        client.sock, client.file = stream, stream.makefile("rb")
        equal(client.getreply()[0], 220, "greeting")
        client.ehlo()
        return client


two = Shared(Two)


def try_all(host, client, where, always=""):
    """Every trick with every sender must be refused for good, with the reply that fits (`always`: with this)."""
    for sender in SENDERS:
        for trick, reply in TRICKS.items():
            client.rset()
            code, text = client.docmd("MAIL FROM:" + sender)
            if code == 250:
                code, text = client.docmd("RCPT TO:" + trick)
            check(f"{code} {text.decode()}".startswith((always or reply) + " "),
                  f"{where}: MAIL FROM:{sender} RCPT TO:{trick} is answered {code} {text.decode()}, expected {always or reply}")
    code, text = client.docmd("DATA")
    check(500 <= code < 600, f"{where}: DATA is answered {code} {text.decode()}")
    equal(host.queue(), [], "the queue")
    client.quit()


@test("no trick relays from outside mynetworks, whoever the sender says they are, over IPv4 and over IPv6")
def outside(t):
    del t
    hosts = two.get()
    for address in (V4, V6):
        client = hosts.smtp(address)
        try_all(hosts.server, client, f"from outside to {address}")
        client = hosts.smtp(address)
        equal(client.docmd("MAIL FROM:<a@elsewhere.example.org>")[0], 250, "MAIL")
        code, text = client.docmd(f"RCPT TO:<user@{FOREIGN}>")
        equal((code, text.decode().startswith("5.7.1 ") and text.decode().endswith("Relay access denied")), (554, True),
              f"the answer, which is {text}")
        equal(client.docmd("RCPT TO:<bob@example.test>")[0], 250, "our own user is taken from anywhere")
        client.quit()
    for address in (hosts.stranger.address.replace(".", r"\."), hosts.stranger.address6):
        hosts.server.wait_log(rf"NOQUEUE: reject: RCPT from \S+\[{address}\]: 554 5\.7\.1 <\S+>: Relay access denied; from=<")


@test("a client of mynetworks may relay, which shows that the refusals are not for other reasons")
def inside(t):
    del t
    hosts = two.get()
    for address in (V4, V6, "127.0.0.1", "::1"):
        client = hosts.smtp(address, place=hosts.server.place)
        equal(client.docmd("MAIL FROM:<a@elsewhere.example.org>")[0], 250, "MAIL")
        equal(client.docmd(f"RCPT TO:<user@{FOREIGN}>")[0], 250, f"RCPT of a foreign address from the host itself, {address}")
        client.quit()


@test("HELO in place of EHLO, STARTTLS, and a failed AUTH change nothing")
def after_events(t):
    del t
    hosts = two.get()
    client = hosts.smtp()
    client.helo()
    try_all(hosts.server, client, "after HELO")
    client = hosts.smtp()
    client.starttls(context=unverified())
    client.ehlo()
    try_all(hosts.server, client, "after STARTTLS")
    for port, always in ((25, ""), (587, "530 5.7.0")):
        client = hosts.smtp(port=port)
        client.starttls(context=unverified())
        client.ehlo()
        for method in ("PLAIN", "LOGIN"):
            try:
                client.user, client.password = "alice@example.test", "wrong"
                client.auth(method, getattr(client, "auth_" + method.lower()))
                check(False, "a wrong password is taken")
            except smtplib.SMTPAuthenticationError as error:
                equal(error.smtp_code, 535, "the answer to a wrong password")
        try_all(hosts.server, client, f"after a failed AUTH on {port}", always)


@test("submission without AUTH takes nothing, not even for our own users or from the host itself")
def submission(t):
    del t
    hosts = two.get()
    for place in (hosts.stranger, hosts.server.place):
        client = hosts.smtp(port=587, place=place)
        try_all(hosts.server, client, "on 587 before STARTTLS", "530 5.7.0")
        client = hosts.smtp(port=587, place=place)
        client.starttls(context=unverified())
        client.ehlo()
        try_all(hosts.server, client, "on 587 after STARTTLS", "530 5.7.0")
        with place, hosts.server.smtp("submissions") as client:
            client.ehlo()
            equal(client.docmd("MAIL FROM:<alice@example.test>")[0], 530, "MAIL without AUTH on 465")
            equal(client.docmd("RCPT TO:<bob@example.test>")[0] // 100, 5, "RCPT without AUTH on 465")


@test("an IPv4 client that comes as ::ffff: is judged as the IPv4 client it is, also by a proxy's word")
def mapped(t):
    del t
    hosts = two.get()
    try_all(hosts.server, hosts.smtp("::ffff:" + V4), "from a socket of IPv6")
    stranger = hosts.stranger.address
    for family, source in (("TCP6", "::ffff:" + stranger), ("TCP4", stranger), ("TCP6", hosts.stranger.address6)):
        line = f"PROXY {family} {source} {V4 if family == 'TCP4' else V6} 40000 25\r\n"
        try_all(hosts.server, hosts.smtp(place=hosts.proxy, proxied=line), f"proxied from {source}")
    # The proxy's own address opens nothing, and a word of this kind from a stranger is no command.
    line = f"PROXY TCP6 ::ffff:{V4} {V6} 40000 25\r\n"
    client = hosts.smtp(place=hosts.proxy, proxied=line)
    client.docmd("MAIL FROM:<a@elsewhere.example.org>")
    equal(client.docmd(f"RCPT TO:<user@{FOREIGN}>")[0], 250, "RCPT from the mapped address of mynetworks")
    client.quit()
    with connect(hosts.stranger, V4, 25) as stream:
        replies = stream.makefile("r", encoding="utf-8", newline="")
        answers = replies.readline()
        for command in (line, "MAIL FROM:<>\r\n", f"RCPT TO:<user@{FOREIGN}>\r\n", "QUIT\r\n"):
            stream.sendall(command.encode())
            answers += replies.readline()
    check(" 250 " not in answers and f"\r\n554 5.7.1 " in answers.replace("250 2.1.0", ""), f"PROXY of a stranger: {answers}")


@test("a login relays, and is named in the log")
def login(t):
    del t
    hosts = two.get()
    client = hosts.smtp(port=587)
    client.starttls(context=unverified())
    client.login("alice@example.test", hosts.server.users["alice@example.test"])
    equal(client.docmd("MAIL FROM:<alice@example.test>")[0], 250, "MAIL after AUTH")
    equal(client.docmd(f"RCPT TO:<user@{FOREIGN}>")[0], 250, "RCPT of a foreign address after AUTH")
    client.quit()

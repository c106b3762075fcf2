"""From another host no password goes over the wire in the clear: not offered, refused; after TLS all is well.

A client on the server's own host counts as secure for POP3 and IMAP, as in Dovecot; submission wants TLS from all.
"""
import base64
import imaplib
import poplib
import smtplib

from harness import Shared, check, contains, equal, test
from mailhost import letter, unverified
from netns import Network, PlacedHost
from stock import run, run_any

ALICE = "alice@example.test"
CURL_DENIED = (67, 9)  # the server denied the login; access denied
PLAIN_MECHANISMS = {"PLAIN", "LOGIN"}


class Two:
    """A destination with one message for alice, and a client host."""

    def __init__(self, t):
        network = Network(t)
        self.client = network.place("client")
        self.server = PlacedHost(t, network.place("server"), {"auth_failure_delay": "0s"})
        self.server.put(ALICE, letter("for alice", to=ALICE))
        self.password = self.server.users[ALICE]
        self.plain = base64.b64encode(f"\0{ALICE}\0{self.password}".encode())

    def curl(self, url, *more, ok=(0,), user=True):
        credentials = ["--user", f"{ALICE}:{self.password}"] if user else []
        return run(["curl", "--silent", "--show-error", "--insecure", "--max-time", "60", *credentials, *more, url], ok=ok)


two = Shared(Two)


def refused(call, what):
    try:
        call()
    except (poplib.error_proto, imaplib.IMAP4.error, smtplib.SMTPException) as error:
        return str(error)
    raise AssertionError(f"{what} is taken in the clear")


@test("POP3 from another host: no USER and no PLAIN in CAPA, both refused; after STLS both work")
def pop3(t):
    del t
    hosts = two.get()
    with hosts.client:
        client = hosts.server.pop3()
        offered = client.capa()
        check("STLS" in offered, f"STLS is not offered: {offered}")
        check("USER" not in offered, f"USER is offered in the clear: {offered}")
        check(not PLAIN_MECHANISMS & set(offered.get("SASL", [])), f"plaintext mechanisms are offered: {offered}")
        contains(refused(lambda: client.user(ALICE), "USER"), "TLS", "the answer to USER")
        refused(lambda: client.pass_(hosts.password), "PASS after a refused USER")
        refused(lambda: client._shortcmd("AUTH PLAIN " + hosts.plain.decode()), "AUTH PLAIN")
        refused(lambda: client._shortcmd("AUTH PLAIN"), "AUTH PLAIN without an initial response")
        refused(lambda: client._shortcmd("AUTH LOGIN"), "AUTH LOGIN")
        client.stls(context=unverified())
        offered = client.capa()
        check("USER" in offered and "PLAIN" in offered["SASL"], f"after STLS there is {offered}")
        check("STLS" not in offered, "STLS is offered after STLS")
        client.user(ALICE)
        client.pass_(hosts.password)
        equal(client.stat()[0], 1, "messages")
        client.quit()
        client = hosts.server.pop3(ALICE, tls=True)
        equal(client.stat()[0], 1, "messages over the implicit TLS port")
        client.quit()
        url = f"pop3://{hosts.server.address}/1"
        for mechanism in ("AUTH=PLAIN", "AUTH=LOGIN", "AUTH=*"):
            hosts.curl(url, "--login-options", mechanism, ok=CURL_DENIED)
        for mechanism in ("AUTH=PLAIN", "AUTH=LOGIN", "AUTH=*"):
            contains(hosts.curl(url, "--ssl-reqd", "--login-options", mechanism), b"Subject: for alice", "curl over STLS")


@test("IMAP from another host: LOGINDISABLED, no AUTH=PLAIN, LOGIN and AUTHENTICATE refused; after STARTTLS both work")
def imap(t):
    del t
    hosts = two.get()
    with hosts.client:
        client = hosts.server.imap()
        check("LOGINDISABLED" in client.capabilities, f"the capabilities are {client.capabilities}")
        check("STARTTLS" in client.capabilities, f"the capabilities are {client.capabilities}")
        for mechanism in PLAIN_MECHANISMS:
            check(f"AUTH={mechanism}" not in client.capabilities, f"AUTH={mechanism} is offered in the clear")
        contains(refused(lambda: client.login(ALICE, hosts.password), "LOGIN"), "PRIVACYREQUIRED", "the answer to LOGIN")
        contains(refused(lambda: client.authenticate("PLAIN", lambda _: f"\0{ALICE}\0{hosts.password}"), "AUTHENTICATE"),
                 "PRIVACYREQUIRED", "the answer to AUTHENTICATE")
        client.send(b"x SELECT INBOX\r\n")
        check(client.readline().startswith(b"x BAD"), "SELECT without a login is taken")
        client.starttls(unverified())
        check("LOGINDISABLED" not in client.capabilities and "AUTH=PLAIN" in client.capabilities and
              "STARTTLS" not in client.capabilities, f"after STARTTLS the capabilities are {client.capabilities}")
        client.login(ALICE, hosts.password)
        equal(client.select("INBOX", readonly=True), ("OK", [b"1"]), "SELECT")
        client.logout()
        client = hosts.server.imap(tls=True)
        client.authenticate("PLAIN", lambda _: f"\0{ALICE}\0{hosts.password}".encode())
        equal(client.select("INBOX", readonly=True), ("OK", [b"1"]), "SELECT over the implicit TLS port")
        client.logout()
        url = f"imap://{hosts.server.address}/INBOX;UID=1"
        for mechanism in ("AUTH=PLAIN", "AUTH=LOGIN", "AUTH=*"):
            hosts.curl(url, "--login-options", mechanism, ok=CURL_DENIED)
            contains(hosts.curl(url, "--ssl-reqd", "--login-options", mechanism), b"Subject: for alice", "curl over STARTTLS")


@test("submission from another host: AUTH is not offered and refused before STARTTLS, and works after it")
def submission(t):
    del t
    hosts = two.get()
    swaks = ["swaks", "--server", hosts.server.address, "--port", "587", "--helo", "client.example.test", "--from", ALICE,
             "--to", ALICE, "--quit-after", "RCPT", "--timeout", "60", "--auth-user", ALICE, "--auth-password", hosts.password]
    with hosts.client:
        client = hosts.server.smtp("submission")
        client.ehlo()
        check(client.has_extn("starttls") and not client.has_extn("auth"), f"EHLO offers {client.esmtp_features}")
        for words in ("PLAIN " + hosts.plain.decode(), "PLAIN", "LOGIN"):
            code, text = client.docmd("AUTH", words)
            check(500 <= code < 600, f"AUTH {words} in the clear is answered {code} {text}")
        equal(client.docmd("MAIL FROM:<alice@example.test>")[0], 530, "MAIL without a login")
        client.starttls(context=unverified())
        client.ehlo()
        check(PLAIN_MECHANISMS <= set(client.esmtp_features["auth"].split()), f"after STARTTLS: {client.esmtp_features}")
        client.login(ALICE, hosts.password)
        equal(client.docmd("MAIL FROM:<alice@example.test>")[0], 250, "MAIL after AUTH")
        client.quit()
        for mechanism in sorted(PLAIN_MECHANISMS):
            check(run_any([*swaks, "--auth", mechanism]).returncode != 0, f"swaks logs in by {mechanism} in the clear")
            run([*swaks, "--auth", mechanism, "--tls"])
        client = hosts.server.smtp()
        client.ehlo()
        check(not client.has_extn("auth"), f"port 25 offers {client.esmtp_features}")
        client.starttls(context=unverified())
        client.ehlo()
        check(not client.has_extn("auth"), f"port 25 after STARTTLS offers {client.esmtp_features}")
        client.quit()


@test("a password sent in the clear all the same is not even looked at: nothing of it reaches auth or the log")
def not_looked_at(t):
    del t
    hosts = two.get()
    with hosts.client:
        for service, command in ((hosts.server.pop3, lambda client: client.user(ALICE)),
                                 (hosts.server.imap, lambda client: client.login(ALICE, "guess"))):
            for _ in range(30):  # more than auth_failures_per_address_max would let pass
                client = service()
                refused(lambda: command(client), "a login")
                client.shutdown() if hasattr(client, "shutdown") else client.close()
        hosts.server.imap(ALICE, tls=True).logout()
    check(hosts.password not in hosts.server.log(), "the log has a password")


@test("from the server's own host POP3 and IMAP take a password in the clear; submission wants TLS there too")
def own_host(t):
    del t
    hosts = two.get()
    server = hosts.server
    with server.place:
        for address in ("127.0.0.1", server.address, "::1", server.place.address6):
            client = poplib.POP3(address, 110, timeout=60)
            check("USER" in client.capa(), f"{address}: CAPA has no USER: {client.capa()}")
            client.user(ALICE)
            client.pass_(hosts.password)
            client.quit()
            client = imaplib.IMAP4(address, 143, timeout=60)
            check("LOGINDISABLED" not in client.capabilities, f"{address}: {client.capabilities}")
            client.login(ALICE, hosts.password)
            client.logout()
            with smtplib.SMTP(address, 587, timeout=60, local_hostname="client.example.test") as client:
                client.ehlo()
                check(not client.has_extn("auth"), f"{address}: submission offers {client.esmtp_features} in the clear")

"""Wrong passwords in; after auth_failures_per_address_max of them every login of that address is refused."""
import imaplib
import poplib
import smtplib

from harness import check, test
from mailhost import Host, unverified

BOB = "bob@example.test"
FAILURES = 3


def pop3(host, password):
    client = host.pop3()
    try:
        client.user(BOB)
        client.pass_(password)
        return True
    except poplib.error_proto:
        return False
    finally:
        client.close()


def imap(host, password):
    client = host.imap()
    try:
        client.login(BOB, password)
        return True
    except imaplib.IMAP4.error:
        return False
    finally:
        client.shutdown()


def submission(host, password):
    with host.smtp("submission") as client:
        client.starttls(context=unverified())
        try:
            client.login(BOB, password)
            return True
        except smtplib.SMTPAuthenticationError:
            return False


def blocks(login):
    @test(f"{login.__name__}: after too many failures of its address even the right password is refused")
    def block(t):
        host = Host(t, {"auth_failures_per_address_max": FAILURES, "auth_failure_delay": "0s",
                        "auth_failures_window": "600s"})
        check(login(host, host.users[BOB]), "the right password is taken")
        for _ in range(FAILURES):
            check(not login(host, "wrong"), "a wrong password is taken")
        check(not login(host, host.users[BOB]), "the right password is taken after too many failures")


for kind in (pop3, imap, submission):
    blocks(kind)

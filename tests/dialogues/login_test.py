"""After auth_failures_per_pair_max wrong passwords for a login its address is refused that login, and no other."""
import imaplib
import poplib
import smtplib

from harness import check, test
from mailhost import Host, unverified

ALICE = "alice@example.test"
BOB = "bob@example.test"
FAILURES = 3


def pop3(host, password, login=BOB):
    client = host.pop3()
    try:
        client.user(login)
        client.pass_(password)
        return True
    except poplib.error_proto:
        return False
    finally:
        client.close()


def imap(host, password, login=BOB):
    client = host.imap()
    try:
        client.login(login, password)
        return True
    except imaplib.IMAP4.error:
        return False
    finally:
        client.shutdown()


def submission(host, password, login=BOB):
    with host.smtp("submission") as client:
        client.starttls(context=unverified())
        try:
            client.login(login, password)
            return True
        except smtplib.SMTPAuthenticationError:
            return False


def blocks(login):
    @test(f"{login.__name__}: after too many failures of its address for a login even the right password is refused, for that login")
    def block(t):
        host = Host(t, {"auth_failures_per_pair_max": FAILURES, "auth_failure_delay": "0s",
                        "auth_failures_window": "600s"})
        check(login(host, host.users[BOB]), "the right password is taken")
        for n in range(FAILURES):
            for _ in range(2):  # who only repeats a wrong password guesses nothing
                check(not login(host, f"wrong{n}"), "a wrong password is taken")
        check(not login(host, host.users[BOB]), "the right password is taken after too many failures")
        check(login(host, host.users[ALICE], ALICE), "another login from there is refused")


for kind in (pop3, imap, submission):
    blocks(kind)

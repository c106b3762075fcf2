"""The stock settings of fail2ban and pflogsumm read the logs that our daemons write with syslog_name = "postfix"."""
import contextlib
import imaplib
import poplib
import os
import re
import shutil
import smtplib
import subprocess

from harness import check, equal, eventually, test
from mailhost import TOP, Host, has_program, letter, unverified

ALICE, BOB, FAR = "alice@example.test", "bob@example.test", "far@remote.test"


def has_read(program, *words):
    check(has_program(program), f"{program} is missing; contrib/packages/test lists it")
    done = subprocess.run([has_program(program), *words], capture_output=True, text=True, timeout=120, check=False)
    check(done.returncode in (0, 1), f"{program}: {done.stderr or done.stdout}")  # 1: fail2ban-regex matched nothing
    return done.stdout


def seen_by_fail2ban(host, stock_filter):
    """How many lines of the log a filter of fail2ban, with no setting of ours, would count against an address."""
    told = has_read("fail2ban-regex", host.log_file, stock_filter)
    return int(re.search(r"(\d+) matched", told)[1])


def seen_by_pflogsumm(host):
    """{received: n, delivered: n, ...} of its first table."""
    table = has_read("pflogsumm", host.log_file).split("bytes received")[0]
    return {word: int(number) for number, word in re.findall(r"(?m)^\s*(\d+)\s+(\w+)", table)}


def wrong_passwords_by_smtp(host):
    for mechanism in ("PLAIN", "LOGIN"):
        with host.smtp("submission") as client:
            client.starttls(context=unverified())
            client.ehlo()
            client.user, client.password = BOB, "wrong"
            with contextlib.suppress(smtplib.SMTPAuthenticationError):
                client.auth(mechanism, getattr(client, "auth_" + mechanism.lower()))


def wrong_passwords_by_imap_and_pop3(host):
    for login in (BOB, "nobody@example.test"):
        for tls in (False, True):
            client = host.imap(tls=tls)
            with contextlib.suppress(imaplib.IMAP4.error):
                client.login(login, "wrong")
            client.shutdown()
            client = host.pop3(tls=tls)
            client.user(login)
            with contextlib.suppress(poplib.error_proto):
                client.pass_("wrong")
            client.close()


def refused_and_unruly(host):
    with host.smtp() as client:
        for recipient, code in (("nobody@example.test", 550), (FAR, 554)):
            client.ehlo()
            client.mail("ann@client.test")
            equal(client.rcpt(recipient)[0], code, f"RCPT TO:<{recipient}>")
            client.rset()
    with host.smtp() as client, contextlib.suppress(smtplib.SMTPServerDisconnected):
        for _ in range(5):
            client.docmd("NONSENSE")


@test("fail2ban's stock filters and pflogsumm count what happened, by syslog_name = postfix alone")
def stock_readers(t):
    host = Host(t, {"syslog_name": "postfix", "mynetworks": ["127.0.0.99"], "relayhost": "[127.0.0.1]:9", "smtpd_hard_error_limit": 3,
                    "smtpd_soft_error_limit": 2, "smtpd_error_sleep_time": "0s", "auth_failure_delay": "0s"})
    with host.smtp() as client:
        client.sendmail("ann@client.test", [BOB], letter("arrives"))
    host.wait_messages(BOB, 1)
    refused_and_unruly(host)
    wrong_passwords_by_smtp(host)
    wrong_passwords_by_imap_and_pop3(host)
    host.imap(BOB).logout()
    host.command("sendmail", "-f", ALICE, "gone@example.test", input="Subject: returned\n\nx\n")
    host.command("sendmail", "-f", ALICE, FAR, input="Subject: waits\n\nx\n")
    host.wait_messages(ALICE, 1)
    host.wait_log("status=deferred")
    eventually(lambda: host.log().count("auth failed, ") == 8, "all failed logins are in the log")
    host.stop_all()
    equal(seen_by_fail2ban(host, "postfix"), 3, "refused recipients and sessions with too many errors, by [postfix]")
    equal(seen_by_fail2ban(host, "postfix[mode=auth]"), 2, "failed logins to send, by [postfix-sasl]")
    equal(seen_by_fail2ban(host, "dovecot"), 8, "failed logins to read, by [dovecot]")
    seen = seen_by_pflogsumm(host)
    deferrals = host.log().count("status=deferred")
    print(f"pflogsumm: {seen}")
    for what, number in (("received", 3), ("delivered", 2), ("deferred", 1), ("bounced", 1), ("rejected", 2)):
        equal(seen[what], number, f"{what}, by pflogsumm ({deferrals} deferrals)")


@test("the filters of contrib/fail2ban count the same under our own name")
def own_filters(t):
    host = Host(t, {"smtpd_hard_error_limit": 3, "smtpd_soft_error_limit": 2, "smtpd_error_sleep_time": "0s", "auth_failure_delay": "0s",
                    "mynetworks": ["127.0.0.99"]})
    refused_and_unruly(host)
    wrong_passwords_by_smtp(host)
    wrong_passwords_by_imap_and_pop3(host)
    host.imap(BOB).logout()
    eventually(lambda: host.log().count("auth failed, ") == 8, "all failed logins are in the log")
    host.stop_all()
    filters = os.path.join(t.folder, "filter.d")
    shutil.copytree("/etc/fail2ban/filter.d", filters)
    for name in ("pennypost.conf", "pennypost-login.conf"):
        shutil.copy(os.path.join(TOP, "contrib", "fail2ban", name), filters)
    for name, mode, count in (("pennypost", "", 3), ("pennypost", "[mode=auth]", 2), ("pennypost-login", "", 8)):
        equal(seen_by_fail2ban(host, os.path.join(filters, name + ".conf") + mode), count, f"what {name}{mode} counts")

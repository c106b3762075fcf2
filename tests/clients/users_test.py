"""The own users of a running host change: what login offers, whom it lets in, and what stays on disk follow at once."""
import base64
import concurrent.futures
import contextlib
import glob
import imaplib
import os
import poplib
import re
import smtplib
import subprocess
import time

from harness import check, contains, equal, eventually, test
from mailhost import Host, letter, unverified
from programs import READERS, Scram
from stock import run

ALICE, BOB, DORA = "alice@example.test", "bob@example.test", "dora@example.test"
SECONDS_MAX = 2.0  # from the end of the command to its effect
QUICK = {"auth_failure_delay": 0, "auth_failures_per_pair_max": 0, "auth_failures_per_address_max": 0}


def crypt_hash(password):
    done = subprocess.run(["openssl", "passwd", "-6", password], capture_output=True, text=True, check=True)
    return "{SHA512-CRYPT}" + done.stdout.strip()


def import_user(host, login, password):
    """As from another server's files: with a hash from which no SCRAM keys can be made."""
    host.users[login] = password
    host.command("pennypost", "user", "add", "-s", login, input=crypt_hash(password) + "\n")


def offers(host):
    """{way in: mechanisms}, over TLS."""
    found = {}
    with host.smtp("submission") as client:
        client.starttls(context=unverified())
        client.ehlo()
        found["submission"] = client.esmtp_features.get("auth", "").split()
    client = host.pop3(tls=True)
    found["pop3s"] = client.capa().get("SASL", [])
    client.quit()
    client = host.imap(tls=True)
    greeting = client.welcome.decode()
    capabilities = " ".join(client.capability()[1][0].decode().split())
    client.logout()
    found["imaps"] = re.findall(r"AUTH=(\S+)", capabilities)
    equal(re.findall(r"AUTH=([^\s\]]+)", greeting), found["imaps"], "the greeting's mechanisms, and CAPABILITY's")
    return found


def offer_scram(host):
    return {way for way, mechanisms in offers(host).items() if "SCRAM-SHA-256" in mechanisms}


EVERYWHERE = {"submission", "pop3s", "imaps"}


@test("SCRAM is offered as long as every own user has keys; by every way in the offer follows a change of the users", alone=True)
def offer(t):
    host = Host(t, QUICK)
    equal(offer_scram(host), EVERYWHERE, "who offers SCRAM where all have keys")
    import_user(host, DORA, "dora-secret")
    began = time.monotonic()
    eventually(lambda: offer_scram(host) == set(), "nobody offers SCRAM any more", 10)
    gone = time.monotonic() - began
    # Each process that accepts connections learns it by itself.
    eventually(lambda: all(set(each) == {"PLAIN", "LOGIN"} for each in offers(host).values()), "PLAIN and LOGIN are left", 10)
    host.command("pennypost", "user", "passwd", DORA, input="dora-secret\n")
    began = time.monotonic()
    eventually(lambda: offer_scram(host) == EVERYWHERE, "all offer SCRAM again", 10)
    print(f"SCRAM's offer went {gone:.1f} s after a user without keys came, and was back "
          f"{time.monotonic() - began:.1f} s after he got some")
    check(gone < 5, f"the offer of SCRAM stood for {gone:.1f} s")


@test("SCRAM that auth_mechanisms names is offered whatever the users have")
def named(t):
    host = Host(t, {**QUICK, "auth_mechanisms": ["plain", "login", "scram-sha-256"]}, start=False)
    import_user(host, DORA, "dora-secret")
    host.start()
    equal(offer_scram(host), EVERYWHERE, "who offers SCRAM")
    client = host.imap(tls=True)
    equal(client.authenticate("SCRAM-SHA-256", Scram(ALICE, host.users[ALICE]).answer)[0], "OK", "alice's login by SCRAM")
    client.logout()


@test("stock programs that pick the best mechanism log in with an imported hash, and our own client does at such a host")
def stock_programs(t):
    host = Host(t, QUICK, start=False)
    import_user(host, DORA, "dora-secret")
    host.start()
    host.put(DORA, letter("imported"))
    for name in ("mbsync", "curl imaps", "curl pop3s"):
        equal(len(READERS[name](host, DORA)), 1, f"messages that {name} reads")
    run(["msmtp", "--file=/dev/null", f"--host={host.address}", f"--port={host.port('submission')}", f"--from={DORA}",
         "--auth=on", f"--user={DORA}", "--passwordeval=echo dora-secret", "--tls=on", "--tls-certcheck=off", "--", BOB],
        input=b"Subject: by msmtp\n\nx\n")
    host.wait_messages(BOB, 1)
    # A server of the old kind offers what dora can't use: our client goes on to the next.
    far = Host(t, {**QUICK, "auth_mechanisms": ["scram-sha-256", "plain"]}, name="far", daemons=("smtpd",), start=False)
    import_user(far, DORA, "dora-secret")
    far.start()
    hop = f"[127.0.0.1]:{far.port('submission')}"
    near = Host(t, {**QUICK, "relayhost": hop, "smtp_sasl_auth_enable": True, "smtp_tls_security_level": "encrypt",
                    "smtp_sasl_password_maps": f"inline:{{ {hop}=dora@example.test:dora-secret }}",
                    "mydestination": "localhost", "myhostname": "near.test", "myorigin": "near.test"}, name="near", daemons=("smtpd",), users={})
    with near.smtp() as client:
        client.sendmail(DORA, [BOB], letter("relayed", sender=DORA))
    far.wait_messages(BOB, 1)
    contains(far.log(), "SASL SCRAM-SHA-256 authentication failed", "the far host's log")


# Deletion and new passwords

def by_pop3(host, login, password):
    client = poplib.POP3(host.address, host.port("pop3"), timeout=20)
    try:
        client.user(login)
        client.pass_(password)
        return True
    except poplib.error_proto:
        return False
    finally:
        with contextlib.suppress(poplib.error_proto, OSError):
            client.quit()


def by_imap(host, login, password):
    client = imaplib.IMAP4(host.address, host.port("imap"), timeout=20)
    try:
        client.login(login, password)
        return True
    except imaplib.IMAP4.error:
        return False
    finally:
        with contextlib.suppress(imaplib.IMAP4.error, OSError):
            client.logout()


def by_submission(host, login, password):
    with host.smtp("submission") as client:
        client.starttls(context=unverified())
        try:
            client.login(login, password)
            return True
        except smtplib.SMTPAuthenticationError:
            return False


def by_rcpt(host, login, password):
    del password
    with host.smtp() as client:
        client.ehlo()
        client.mail("ann@client.test")
        return client.rcpt(login)[0] == 250


LOGINS = {"POP3": by_pop3, "IMAP": by_imap, "submission": by_submission}


def follow(attempts, wanted, host, login, password, change):
    """Tries all ways at once, over and over, while `change` is made and until each has the wanted result.

    {way: when the last attempt with the old result began, in seconds after the end of the change}
    """
    last = {}

    def poll(way):
        began = time.monotonic()
        while attempts[way](host, login, password) != wanted:
            last[way] = began
            time.sleep(0.02)
            began = time.monotonic()
            check(began - start < 60, f"nothing changes for {way}")
    with concurrent.futures.ThreadPoolExecutor(len(attempts)) as pool:
        start = time.monotonic()
        polls = [pool.submit(poll, way) for way in attempts]
        eventually(lambda: len(last) == len(attempts), "each way has had the old result")
        change()
        end = time.monotonic()
        for done in polls:
            done.result()
    return {way: max(0.0, began - end) for way, began in last.items()}


def judge(what, latest):
    print(what + " came late by: " + ", ".join(f"{way} {seconds:.2f} s" for way, seconds in latest.items()))
    check(max(latest.values()) < SECONDS_MAX, f"{what}: {latest}")


@test("a user who is deleted is nobody within two seconds, by every way in; who was logged in reads on", alone=True)
def deletion(t):
    host = Host(t, QUICK)
    host.put(BOB, letter("kept"))
    attempts = {**LOGINS, "RCPT": by_rcpt}
    session = host.imap(BOB)
    session.select("INBOX", readonly=True)
    password = host.users[BOB]
    for turn in ("first", "second"):
        judge(f"the {turn} deletion", follow(attempts, False, host, BOB, password,
                                             lambda: host.command("pennypost", "user", "del", BOB)))
        equal(session.uid("FETCH", "1:*", "(FLAGS)")[0], "OK", "the session that was logged in before")
        judge(f"the {turn} addition", follow(attempts, True, host, BOB, password,
                                             lambda: host.command("pennypost", "user", "add", BOB, input=password + "\n")))
    session.logout()


def stored_forms(host, login):
    with open(host.path("etc/credentials"), "rb") as file:
        return re.search(rb"(?m)^" + re.escape(login.encode()) + rb"\s+(.*)$", file.read())[1].split()


@test("a new password is the only one within two seconds, by every way in, and nothing on disk is left of the old", alone=True)
def new_password(t):
    host = Host(t, QUICK)
    old = stored_forms(host, BOB)
    for what, wanted, password, new in (("the old password's end", False, host.users[BOB], "quite another"),
                                        ("the new password's validity", True, "a third one", "a third one")):
        judge(what, follow(LOGINS, wanted, host, BOB, password,
                           lambda word=new: host.command("pennypost", "user", "passwd", BOB, input=word + "\n")))
    for table in ("users", "credentials"):
        equal(len(glob.glob(host.path("etc", table + ".rdb.[0-9]*"))), 1, f"generations of {table}")
    old += stored_forms(host, BOB)
    host.command("pennypost", "user", "del", BOB)
    for folder, _, files in os.walk(host.folder):
        for path in [os.path.join(folder, name) for name in files]:
            if os.path.isfile(path):
                with open(path, "rb") as file:
                    octets = file.read()
                check(not any(form in octets for form in old), f"{path} still holds a password that is void")


def scram_begun(host):
    """A POP3 session with bob's SCRAM exchange at its second step, and the response that ends it."""
    client = host.pop3(tls=True)
    exchange = Scram(BOB, host.users[BOB])
    first = client._shortcmd("AUTH SCRAM-SHA-256 " + base64.b64encode(exchange.answer(b"")).decode())
    return client, base64.b64encode(exchange.answer(base64.b64decode(first.split()[1]))).decode()


@test("a SCRAM login under way fails once the password is another or the user is gone")
def scram_under_way(t):
    host = Host(t, QUICK)
    client, last = scram_begun(host)
    equal(client._shortcmd(last)[:1], b"+", "the exchange without a change")
    for what, change, more in (("a new password", ("passwd", BOB), "quite another\n"), ("deletion", ("del", BOB), "")):
        client, last = scram_begun(host)
        host.command("pennypost", "user", *change, input=more)
        eventually(lambda: not by_pop3(host, BOB, host.users[BOB]), f"{what} has been seen", 10)
        try:
            said = client._shortcmd(last)
        except poplib.error_proto as error:
            said = error.args[0]
        check(said.startswith(b"-ERR"), f"after {what} the exchange was answered {said}")
        if change[0] == "passwd":
            host.users[BOB] = "quite another"

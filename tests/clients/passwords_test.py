"""Passwords of other systems, app passwords, and who may not log in: as clients meet them, and what the admin is told."""
import contextlib
import imaplib
import json
import poplib
import re
import shutil
import subprocess

from harness import check, contains, equal, eventually, test
from mailhost import Host, letter

ALICE, BOB = "alice@example.test", "bob@example.test"
QUICK = {"auth_failure_delay": 0, "auth_failures_per_pair_max": 0, "auth_failures_per_address_max": 0}
SCHEMES = ("SHA512-CRYPT", "SHA256-CRYPT", "MD5-CRYPT", "BLF-CRYPT", "CRYPT", "ARGON2I", "ARGON2ID", "SSHA", "SSHA256",
           "SSHA512", "PBKDF2", "SCRAM-SHA-256", "PLAIN")


def by_imap(host, login, password):
    client = imaplib.IMAP4(host.address, host.port("imap"), timeout=30)
    try:
        client.login(login, password)
        return True
    except imaplib.IMAP4.error:
        return False
    finally:
        with contextlib.suppress(imaplib.IMAP4.error, OSError):
            client.logout()


def by_pop3(host, login, password):
    client = poplib.POP3(host.address, host.port("pop3"), timeout=30)
    try:
        client.user(login)
        client.pass_(password)
        return True
    except poplib.error_proto:
        return False
    finally:
        with contextlib.suppress(poplib.error_proto, OSError):
            client.quit()


def credentials(host, login):
    with open(host.path("etc/credentials"), encoding="utf-8") as file:
        return next(line.split("\t", 1)[1].strip() for line in file if line.startswith(login + "\t"))


def stored_by_dovecot(scheme, password):
    if shutil.which("doveadm") is None:
        raise RuntimeError("doveadm is not installed (dovecot-core)")
    done = subprocess.run(["doveadm", "-c", "/dev/null", "-O", "pw", "-s", scheme, "-p", password], capture_output=True,
                          text=True, check=False)
    if done.returncode != 0:
        done = subprocess.run(["doveadm", "pw", "-s", scheme, "-p", password], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@test("a password in each form that doveadm pw makes opens the mailbox, and is argon2id with SCRAM keys from then on")
def foreign_forms(t):
    host = Host(t, QUICK, daemons=("popd", "imapd"), start=False)
    for scheme in SCHEMES:
        login = f"{scheme.lower()}@example.test"
        host.users[login] = "geheim " + scheme
        host.command("pennypost", "user", "add", "-s", login, input=stored_by_dovecot(scheme, host.users[login]) + "\n")
    host.start()
    for scheme in SCHEMES:
        login = f"{scheme.lower()}@example.test"
        check(not by_pop3(host, login, "geheim"), f"{scheme}: a wrong password opens the mailbox")
        check(by_imap(host, login, host.users[login]), f"{scheme}: the right password is refused")
        if scheme == "SCRAM-SHA-256":
            continue
        # One at a time: a password whose turn has not come follows at the next login.
        eventually(lambda name=login: by_imap(host, name, host.users[name]) and re.match(
            r"\{ARGON2ID\}\$argon2id\$\S+ \{SCRAM-SHA-256\}\S+$", credentials(host, name)), f"{scheme}: stored as argon2id", 90)
        check(by_pop3(host, login, host.users[login]), f"{scheme}: the right password is refused afterwards")
    contains(host.log(), "the password of ssha@example.test was {SSHA}, and is stored as argon2id now", "the log")


@test("with auth_rehash_passwords = no, credentials stay as another program has written them")
def foreign_forms_stay(t):
    host = Host(t, {**QUICK, "auth_rehash_passwords": False}, daemons=("imapd",), start=False)
    stored = "{PLAIN}pencil"
    host.command("pennypost", "user", "add", "-s", "eve@example.test", input=stored + "\n")
    host.start()
    for _ in range(3):
        check(by_imap(host, "eve@example.test", "pencil"), "the right password is refused")
    equal(credentials(host, "eve@example.test"), stored, "what is stored")


@test("an app password opens what its scope has; a change of the password leaves it, del ends it; its last use is listed")
def app_passwords(t):
    host = Host(t, QUICK, daemons=("popd", "imapd"))
    made = json.loads(host.command("pennypost", "user", "apppass", "add", "--json", "--scope", "imap,smtp", ALICE, "phone").stdout)
    password = made["password"]
    eventually(lambda: by_imap(host, ALICE, password), "the app password opens IMAP", 20)
    check(not by_pop3(host, ALICE, password), "POP3 is not in its scope")
    check(not by_imap(host, BOB, password), "it is bob's as well")
    contains(host.command("pennypost", "auth", "test", ALICE, password).stdout, "app_password=phone", "auth test")
    check("app_password" not in host.command("pennypost", "auth", "test", ALICE, host.users[ALICE]).stdout, "auth test of the own password")
    for service, status in (("smtp", 0), ("pop3", 77)):
        tried = host.command("pennypost", "auth", "test", "--service", service, ALICE, password, ok=status == 0)
        equal(tried.returncode, status, f"auth test for {service}")
    host.command("pennypost", "user", "passwd", ALICE, input="another\n")
    eventually(lambda: by_imap(host, ALICE, "another"), "the new password", 20)
    check(by_imap(host, ALICE, password), "the app password has gone with the old password")
    host.stop("imapd")  # the file is written once a minute, and at the end
    listed = json.loads(host.command("pennypost", "user", "apppass", "list", "--json", ALICE).stdout)
    equal([(one["name"], one["scope"], one["last_service"], one["last_client"]) for one in listed],
          [("phone", "imap,smtp", "imap", host.address)], "the list")
    host.start("imapd")
    host.command("pennypost", "user", "apppass", "del", ALICE, "phone")
    eventually(lambda: not by_imap(host, ALICE, password), "the app password is refused once it is removed", 20)
    check(by_imap(host, ALICE, "another"), "alice's own password is refused")


@test("a login that is refused though the password is right looks like a wrong one to the client; the log says why")
def refused(t):
    host = Host(t, QUICK, daemons=("imapd",))
    check(by_imap(host, ALICE, host.users[ALICE]), "the login before")
    host.command("pennypost", "user", "set", ALICE, "allow_nets=192.0.2.0/24")
    eventually(lambda: not by_imap(host, ALICE, host.users[ALICE]), "allow_nets holds", 20)
    contains(host.log(), f"{ALICE} may not log in from {host.address}: not one of the user's allow_nets (192.0.2.0/24)", "the log")
    host.command("pennypost", "user", "set", ALICE, f"allow_nets=192.0.2.0/24,{host.address}", "comment=moved to Berlin")
    eventually(lambda: by_imap(host, ALICE, host.users[ALICE]), "a network of two", 20)
    host.command("pennypost", "user", "set", "@example.test", "disabled=yes")
    eventually(lambda: not by_imap(host, BOB, host.users[BOB]), "the domain is disabled", 20)
    contains(host.log(), f"{BOB} may not log in from {host.address}: disabled", "the log")
    host.command("pennypost", "user", "set", BOB, "disabled=no")
    eventually(lambda: by_imap(host, BOB, host.users[BOB]), "bob's own entry holds", 20)
    shown = json.loads(host.command("pennypost", "user", "show", "--json", ALICE).stdout)
    equal((shown["disabled"], shown["comment"]), ("yes", "moved to Berlin"), "what is shown")
    answers = []
    for password in (host.users[ALICE], "wrong"):
        client = imaplib.IMAP4(host.address, host.port("imap"), timeout=30)
        try:
            client.login(ALICE, password)
        except imaplib.IMAP4.error as error:
            answers.append(str(error))
        client.logout()
    equal(answers[0], answers[1], "what the client is told")


@test("a mailbox that crosses a limit of quota_warning warns its user once; the quota and its figures follow the rules")
def quota(t):
    host = Host(t, {"quota_rule": "*:storage=100K", "quota_warning": ["storage=50%", "storage=80%"]}, daemons=("smtpd",))

    def send(number):
        with host.smtp() as client:
            client.sendmail(ALICE, [BOB], letter(f"n{number}", b"0123456789\r\n" * 1600))
    for number in range(1, 4):
        send(number)
        host.wait_messages(BOB, number + (1 if number == 3 else 0))
    subjects = [re.search(rb"^Subject: (.*?)\r?$", open(path, "rb").read(), re.M).group(1)
                for path in host.messages(BOB)]
    equal(sorted(subjects), [b"Your mailbox is 50% full", b"n1", b"n2", b"n3"], "bob's mail")
    figures = json.loads(host.command("pennypost", "quota", "get", "--json", "-u", BOB).stdout)
    equal([(one["type"], one["limit"]) for one in figures], [("STORAGE", 100), ("MESSAGE", None)], "the limits")
    equal(figures[1]["value"], 4, "messages")
    check(50 <= figures[0]["percent"] < 80, f"percent: {figures[0]}")
    host.command("pennypost", "user", "quota", BOB, "*:storage=1M:messages=50", "Trash:storage=+10%")
    equal(host.command("pennypost", "user", "quota", BOB).stdout, f"{BOB}\t*:bytes=1048576:messages=50 Trash:bytes=+10%\n",
          "the rules")
    recounted = json.loads(host.command("pennypost", "quota", "recalc", "--json", "-A").stdout)
    equal([(one["user"], one["limit"]) for one in recounted if one["type"] == "STORAGE" and one["user"] == BOB],
          [(BOB, 1024)], "the new limit")

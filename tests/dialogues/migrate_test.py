"""pennypost migrate: what it writes from Sendmail's files is a configuration that does what they say."""
import os
import smtplib
import subprocess

from harness import contains, equal, test
from mailhost import TOP, Host, toml

FILES = {
    "sendmail.mc": """divert(-1)dnl
# The usual file of a gateway.
divert(0)dnl
VERSIONID(`setup for linux')dnl
OSTYPE(`linux')dnl
define(`confMAX_MESSAGE_SIZE', `300000')dnl
define(`confPRIVACY_FLAGS', `authwarnings,novrfy,noexpn')dnl
FEATURE(`no_default_msa', `dnl')dnl
FEATURE(`mailertable', `hash -o /etc/mail/mailertable.db')dnl
FEATURE(`virtusertable', `hash -o /etc/mail/virtusertable.db')dnl
FEATURE(use_cw_file)dnl
FEATURE(`access_db', `hash -T<TMPF> -o /etc/mail/access.db')dnl
FEATURE(`blocklist_recipients')dnl
FEATURE(`accept_unresolvable_domains')dnl
DAEMON_OPTIONS(`Port=smtp,Addr=127.0.0.1, Name=MTA')dnl
MAILER(smtp)dnl
""",
    "access": "Connect:127.0.0.2\tREJECT\nConnect:127.0.3\tRELAY\nConnect:127.0.3.9\tSKIP\n"
              "From:bad.example\tERROR:5.7.1:550 go away\nTo:friend.example\tRELAY\nTo:root@\tERROR:550 not root\n",
    "mailertable": "closed.example\terror:5.7.0:550 no mail there\n",
    "virtusertable": "info@own.example\tann\njoe@own.example\terror:nouser 550 No such user here\n"
                     "jim@own.example\terror:5.7.0:550 Address invalid\n"
                     "@other.example\t%1-other@own.example\n",
    "local-host-names": "own.example\nother.example\n",
    "relay-domains": "customer.example\n",
    "aliases": "ann: somebody@friend.example\npostmaster: ann\nsue-other: ann\nroot: ann\n",
}
# What a test's host has of its own.
OWN = ("smtp_port", "base_dir", "queue_directory", "data_directory", "virtual_mailbox_base", "maillog_file", "dns_servers",
       "dns_timeout", "dns_tries", "command_directory", "smtpd_peername_lookup", "myhostname", "mydomain")


def migrated(t):
    """A host, not started, whose main.toml is what migrate wrote and what a test's host needs; and what migrate said."""
    host = Host(t, {"submission_port": 0, "submissions_port": 0}, daemons=("smtpd",), start=False)
    source, output = host.path("mail"), host.path("sendmail-out")
    os.makedirs(source, exist_ok=True)
    for name, text in FILES.items():
        host.write("mail/" + name, text)
    call = [os.path.join(TOP, host.bin, "pennypost"), "migrate", "sendmail", "--output", output, source]
    done = subprocess.run(call, capture_output=True, text=True, timeout=60, check=False, cwd=host.folder, **host.identity())
    with open(os.path.join(output, "main.toml"), encoding="utf-8") as file:
        text = file.read()
    own = {**{name: host.settings[name] for name in OWN}, "mynetworks": "192.0.2.0/24", "system_users": False}
    host.write("etc/main.toml", text + "\n".join(f"{name} = {toml(value)}" for name, value in own.items()) + "\n")
    return host, done


@test("pennypost migrate writes from a directory of Sendmail's what `pennypost check` finds right, and its tables")
def checked(t):
    host, done = migrated(t)
    equal((done.returncode, done.stdout), (0, ""), f"what migrate says: {done.stderr}")
    host.command("pennypost", "check")
    again = subprocess.run([os.path.join(TOP, host.bin, "pennypost"), "migrate", "sendmail", "--output",
                            host.path("sendmail-out"), host.path("mail")], capture_output=True, text=True, timeout=60,
                           check=False, **host.identity())
    equal(again.returncode, 73, f"a second migration into the same directory: {again.stderr}")


@test("after pennypost migrate smtpd refuses, relays and rewrites as Sendmail's access, mailertable and virtusertable say")
def served(t):
    host, _ = migrated(t)
    host.start("smtpd")

    def rcpt(client, sender, recipient):
        with smtplib.SMTP(host.address, host.port("smtp"), source_address=(client, 0), timeout=30) as session:
            session.ehlo("client.example")
            code, text = session.mail(sender)
            if code == 250:
                code, text = session.rcpt(recipient)
            return f"{code} {text.decode()}"

    stranger, good = "127.0.9.1", "sue@good.example"
    for client, sender, recipient, answer in (
            ("127.0.0.2", good, "info@own.example", "554 5.7.1"),
            (stranger, good, "info@own.example", "250 "),
            (stranger, good, "joe@own.example", "550 5.1.1"),
            (stranger, good, "nobody@own.example", "550 5.1.1"),
            (stranger, good, "sue@other.example", "250 "),
            (stranger, good, "bob@other.example", "550 5.1.1"),
            (stranger, good, "root@own.example", "550 "),
            (stranger, "x@bad.example", "info@own.example", "550 5.7.1"),
            (stranger, "x@deep.bad.example", "info@own.example", "550 5.7.1"),
            (stranger, good, "x@friend.example", "250 "),
            (stranger, good, "x@customer.example", "250 "),
            (stranger, good, "x@elsewhere.example", "554 5.7.1"),
            ("127.0.3.1", good, "x@elsewhere.example", "250 "),
            ("127.0.3.9", good, "x@elsewhere.example", "554 5.7.1"),
            ("127.0.3.1", good, "x@closed.example", "550 5.7.0")):
        said = rcpt(client, sender, recipient)
        equal(said[:len(answer)], answer, f"{client} sends from {sender} to {recipient}: {said}")
    contains(rcpt(stranger, "x@bad.example", "info@own.example"), "go away", "the text of access")
    contains(rcpt(stranger, good, "jim@own.example"), "Address invalid", "the text of virtusertable")
    with smtplib.SMTP(host.address, host.port("smtp"), timeout=30) as session:
        session.ehlo("client.example")
        equal(session.esmtp_features["size"], "300000", "confMAX_MESSAGE_SIZE")

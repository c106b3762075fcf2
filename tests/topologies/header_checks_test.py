"""header_checks beside a real Postfix: the same tables and the same messages, the same headers, replies and log lines."""
import os
import re
import smtplib

from harness import contains, equal, eventually, test
from mailhost import Host
from postfix import Postfix

OURS, THEIRS = "127.0.0.33", "127.0.0.34"
TABLE = r"""
/^Subject: reject$/         REJECT
/^Subject: refuse$/         reject 5.7.9 not this one
/^Subject: later$/          REJECT 4.7.3 come again
/^Subject: gone$/           DISCARD thrown away
/^Subject: note$/           WARN look at it
/^Subject: told$/           INFO
/^Subject: fold. ed$/       REPLACE Subject: unfolded
/^Subject: list (.*)$/      REPLACE Subject: [list] $1
/^X-Remove:/                IGNORE
/^X-Mark:/                  PREPEND X-Marked: yes
/^X-Spaced:  two/           REPLACE X-Spaced: one
/^Subject: elsewhere/       REDIRECT eve@postfix.test
/^Subject: unknown/         FROBNICATE it
"""
MESSAGES = {
    "reject": "Subject: reject", "refuse": "Subject: refuse", "later": "Subject: later", "gone": "Subject: gone",
    "note": "Subject: note", "told": "subject: told", "fold": "Subject: fold\n ed\nX-Remove: a\n b\nX-After: c",
    "list": "Subject: list long\n one", "mark": "Subject: mark\nX-Mark: 1\nX-Remove: 2",
    "spaced": "X-Spaced :  two", "elsewhere": "Subject: elsewhere", "unknown": "Subject: unknown\nX-Remove: 1"}


def send(address, port, name, header):
    """The reply to the message."""
    with smtplib.SMTP(address, port, timeout=60) as client:
        client.ehlo("client.test")
        client.mail("ann@postfix.test")
        client.rcpt("bob@postfix.test")
        text = f"{header}\nX-Name: {name}\nDate: Thu, 1 Jan 2026 00:00:00 +0000\nMessage-ID: <{name}@x>\n" \
               "From: ann@postfix.test\n\nbody\n"
        code, reply = client.data(text.replace("\n", "\r\n").encode())
        return code, re.sub(r"queued as .*", "queued", reply.decode())


def headers(paths):
    """By X-Name: the lines of the header from the first field that the sender wrote on."""
    found = {}
    for path in paths:
        with open(path, encoding="utf-8") as file:
            header = file.read().partition("\n\n")[0]
        lines = re.sub(r"(?m)^(Received|Return-Path|X-Original-To|Delivered-To): .*(\n[ \t].*)*\n", "", header + "\n")
        found[re.search(r"X-Name: (.*)", header).group(1)] = lines
    return found


def checked_lines(log):
    """What header_checks logged, without times, ids and what differs between hosts."""
    lines = re.findall(r"cleanup\[\d+\]: \w+: ((?:reject|warning|info|discard|replace|prepend|redirect): header .*)", log)
    return sorted(re.sub(r"from \S+\[\S+\]", "from HOST", line) for line in lines)


@test("header_checks make of a message what Postfix's make of it, answer and log as they do", seconds=120)
def same_as_postfix(t):
    path = os.path.join(t.folder, "checks")
    with open(path, "w", encoding="utf-8") as file:
        file.write(TABLE)
    os.chmod(t.folder, 0o755)
    os.chmod(path, 0o644)
    postfix = Postfix(t, "postfix.test", {"header_checks": "regexp:" + path}, THEIRS)
    host = Host(t, {"mydestination": ["postfix.test"], "header_checks": "regexp:" + path, "mynetworks": [OURS],
                    "myhostname": "mail.postfix.test", "local_recipient_maps": ""},
                users={"bob@postfix.test": "secret", "eve@postfix.test": "secret"}, daemons=("smtpd",), address=OURS)
    ours = {name: send(OURS, host.port("smtp"), name, header) for name, header in MESSAGES.items()}
    theirs = {name: send(THEIRS, postfix.port, name, header) for name, header in MESSAGES.items()}
    equal(ours, theirs, "the replies")
    kept = len([name for name, (code, _) in theirs.items() if code == 250 and name != "gone"])
    eventually(lambda: len(postfix.messages()) == kept, "all arrive at Postfix")
    arrived = host.wait_messages("bob@postfix.test", kept - 1) + host.wait_messages("eve@postfix.test", 1)
    equal(headers(arrived), headers(postfix.messages()), "the headers")
    equal(checked_lines(host.log()), checked_lines(postfix.log()), "the log")
    contains(host.log(), "unknown action FROBNICATE", "the log")


@test("header_checks hold for mail from sendmail, too, and for no report of ours")
def from_sendmail(t):
    host = Host(t, daemons=("smtpd",), start=False)
    host.settings["header_checks"] = "pcre:" + host.write("etc/checks", "/: bad/ REJECT not from here\n/: wait/ HOLD\n"
                                                          "/^Subject: x/ REPLACE Subject: y\n/^From: MAILER-DAEMON/ REJECT\n")
    host.write_settings()
    host.start()
    refused = host.command("sendmail", "bob@example.test", input="Subject: bad\n\nx\n", ok=False)
    contains(refused.stderr, "5.7.1 not from here", "what sendmail says")
    equal(refused.returncode, 69, "the status")
    host.command("sendmail", "bob@example.test", input="Subject: x\n\nx\n")
    with open(host.wait_messages("bob@example.test", 1)[0], encoding="utf-8") as file:
        contains(file.read(), "\nSubject: y\n", "the message")
    host.command("sendmail", "-f", "alice@example.test", "bob@example.test", input="Subject: wait\n\nx\n")
    contains(host.log(), "hold: header Subject: wait from local; from=<alice@example.test> to=<bob@example.test>", "the log")
    host.command("sendmail", "-f", "alice@example.test", "nobody@example.test", input="Subject: z\n\nx\n")
    with open(host.wait_messages("alice@example.test", 1)[0], encoding="utf-8") as file:
        contains(file.read(), "nobody@example.test", "the report")

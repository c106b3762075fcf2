"""header_checks, body_checks and their kin beside a real Postfix: the same tables and messages, the same replies, mail and log lines."""
import concurrent.futures
import os
import re
import smtplib

from harness import check, contains, equal, eventually, test
from mailhost import Host
from postfix import Postfix

OURS, THEIRS = "127.0.0.33", "127.0.0.34"
CHECK_THREADS = 4  # that lookup has for the content of messages
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
/^Subject: copied/          BCC eve@postfix.test
/^X-Strip:/                 STRIP it goes
/^Subject: pass/            PASS trusted
/name="?bad\.exe/           REJECT 5.7.8 no programs
/^Content-Type: text.html/  REPLACE Content-Type: text/plain
/^Subject: inner/           REPLACE Subject: [attached]
/^X-Part:/                  PREPEND X-Seen: part
"""
BODY = r"""
/^cheap pills/              REJECT 5.7.7 spam
/^remove me/                IGNORE
/^strip me/                 STRIP
/^change me (.*)/           REPLACE changed $1
/^above/                    PREPEND inserted
/^note me/                  WARN seen
/^long x+$/                 REPLACE short
"""
MIXED = "Subject: {}\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"b b\"\n\npreamble\n--b b\n{}\n--b b--\nremove me\nend"
MESSAGES = {
    "reject": "Subject: reject", "refuse": "Subject: refuse", "later": "Subject: later", "gone": "Subject: gone",
    "note": "Subject: note", "told": "subject: told", "fold": "Subject: fold\n ed\nX-Remove: a\n b\nX-After: c",
    "list": "Subject: list long\n one", "mark": "Subject: mark\nX-Mark: 1\nX-Remove: 2",
    "spaced": "X-Spaced :  two", "elsewhere": "Subject: elsewhere", "unknown": "Subject: unknown\nX-Remove: 1",
    "strip": "Subject: strip\nX-Strip: 1\nX-After: 2"}
WHOLE = {
    "body": "Subject: body\n\nremove me\nchange me now\nabove\nstrip me\nnote me\nend",
    "spam": "Subject: a\n\nremove me\ncheap pills\nend",
    "pass": "Subject: pass\nX-Remove: stays\n\nremove me\nend",
    "part": MIXED.format("part", "Content-Type: text/html\nX-Part: 1\n\nremove me\nx"),
    "program": MIXED.format("program", "Content-Type: application/x; name=bad.exe\n\nx"),
    "attached": MIXED.format("attached", "Content-Type: message/rfc822\n\nSubject: inner\nX-Part: 1\n"
                             "Content-Type: multipart/mixed; boundary=in\n\n--in\nX-Remove: 1\n\nabove\n--in--\n"),
    "digest": "Subject: digest\nMIME-Version: 1.0\nContent-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: inner\n\nx\n--b--\nend",
    "no-header": MIXED.format("no-header", "\nSubject: inner\nremove me\n--b b\nno field\nX-Remove: no field\n"),
    "far": "Subject: far\n\n" + "x" * 70 + "\n" + ("y" * 70 + "\n") * 800 + "remove me\nend",
    "long": "Subject: long\n\nlong " + "x" * 900 + "\nend"}


def send(address, port, name, header, body="body\n", recipient="bob@postfix.test"):
    """The reply to the message."""
    with smtplib.SMTP(address, port, timeout=60) as client:
        client.ehlo("client.test")
        client.mail("ann@postfix.test")
        client.rcpt(recipient)
        text = f"{header}\nX-Name: {name}\nDate: Thu, 1 Jan 2026 00:00:00 +0000\nMessage-ID: <{name}@x>\n" \
               f"From: ann@postfix.test\n\n{body}"
        code, reply = client.data(text.replace("\n", "\r\n").encode())
        return code, re.sub(r"queued as .*", "queued", reply.decode())


def send_whole(address, port, name, text):
    header, _, body = text.partition("\n\n")
    return send(address, port, name, header, body + "\n")


def headers(paths, whole=False):
    """By X-Name: the lines of the header from the first field that the sender wrote on, or all of the message."""
    found = {}
    for path in paths:
        with open(path, encoding="utf-8") as file:
            header = file.read() if whole else file.read().partition("\n\n")[0]
        lines = re.sub(r"(?m)^(Received|Return-Path|X-Original-To|Delivered-To): .*(\n[ \t].*)*\n", "", header + "\n")
        found[re.search(r"X-Name: (.*)", header).group(1)] = lines
    return found


def checked_lines(log):
    """What header_checks logged, without times, ids and what differs between hosts."""
    lines = re.findall(r"cleanup\[\d+\]: \w+: ((?:reject|warning|info|discard|replace|prepend|redirect|strip|pass|bcc): (?:header|body) .*)", log)
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


@test("body_checks and the headers of parts give what they give in Postfix, in the message, reply and log", seconds=120)
def parts_as_postfix(t):
    paths = {}
    for name, table in (("header", TABLE), ("body", BODY)):
        paths[name] = os.path.join(t.folder, name)
        with open(paths[name], "w", encoding="utf-8") as file:
            file.write(table)
        os.chmod(paths[name], 0o644)
    os.chmod(t.folder, 0o755)
    checks = {"header_checks": "regexp:" + paths["header"], "body_checks": "regexp:" + paths["body"]}
    postfix = Postfix(t, "postfix.test", checks, THEIRS)
    host = Host(t, {"mydestination": ["postfix.test"], "mynetworks": [OURS], "myhostname": "mail.postfix.test",
                    "local_recipient_maps": "", **checks},
                users={"bob@postfix.test": "secret"}, daemons=("smtpd",), address=OURS)
    ours = {name: send_whole(OURS, host.port("smtp"), name, text) for name, text in WHOLE.items()}
    theirs = {name: send_whole(THEIRS, postfix.port, name, text) for name, text in WHOLE.items()}
    equal(ours, theirs, "the replies")
    kept = len([name for name, (code, _) in theirs.items() if code == 250])
    eventually(lambda: len(postfix.messages()) == kept, "all arrive at Postfix")
    arrived = headers(host.wait_messages("bob@postfix.test", kept), whole=True)
    expected = headers(postfix.messages(), whole=True)
    for name, text in expected.items():
        equal(arrived[name], text, name)
    equal(sorted(arrived), sorted(expected), "the messages")
    equal(checked_lines(host.log()), checked_lines(postfix.log()), "the log")


@test("an added recipient of header_checks gets the message beside the others")
def copied(t):
    host = Host(t, users={"bob@example.test": "secret", "eve@example.test": "secret"}, daemons=("smtpd",), start=False)
    host.settings["header_checks"] = "pcre:" + host.write("etc/checks", "/^Subject: copied/ BCC eve@example.test\n")
    host.write_settings()
    host.start()
    host.command("sendmail", "bob@example.test", input="Subject: copied\n\nx\n")
    host.wait_messages("bob@example.test", 1)
    host.wait_messages("eve@example.test", 1)


@test("body_checks reach a message from sendmail that is kept in a file, in all of its parts")
def large_from_sendmail(t):
    host = Host(t, daemons=("smtpd",), start=False)
    host.settings["body_checks"] = "pcre:" + host.write("etc/checks", "/^remove me$/ IGNORE\n/^forbidden$/ REJECT\n")
    host.write_settings()
    host.start()
    part = "--b\nContent-Type: text/plain\n\nremove me\n" + ("y" * 70 + "\n") * 3000
    text = "Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n" + part * 5 + "--b\n\nremove me\nend\n--b--\n"
    host.command("sendmail", "bob@example.test", input=text)
    with open(host.wait_messages("bob@example.test", 1)[0], encoding="utf-8") as file:
        body = file.read().partition("\n\n")[2]
    equal(body, text.partition("\n\n")[2].replace("remove me\n", ""), "the body")
    refused = host.command("sendmail", "bob@example.test", input=text.replace("end\n", "forbidden\n"), ok=False)
    contains(refused.stderr, "5.7.1 message content rejected", "what sendmail says")


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


@test("headers that are slow to match put off their own messages, and nobody's recipients", alone=True)
def slow_headers(t):
    host = Host(t, daemons=("smtpd",), start=False)
    # Each of these rules takes about a millisecond for such a header; all of them, longer than a look-up may.
    host.settings["header_checks"] = "pcre:" + host.write("etc/checks", "/^X-Slow: (a|aa)+$/ WARN\n" * 50000)
    host.write_settings()
    host.start()
    slow = "X-Slow: " + "a" * 25 + "b"
    with concurrent.futures.ThreadPoolExecutor(CHECK_THREADS) as pool:
        asked = [pool.submit(send, host.address, host.port("smtp"), f"slow{i}", slow, recipient="bob@example.test") for i in range(CHECK_THREADS)]
        eventually(lambda: host.log().count(": client=") >= CHECK_THREADS, "all have sent their recipients")
        for _ in range(3):
            with host.smtp() as client:
                client.ehlo()
                client.mail("ann@elsewhere.test")
                equal(client.rcpt("alice@example.test")[0], 250, "a recipient, meanwhile")
        check(not any(one.done() for one in asked), "the headers were still being matched")
        for one in asked:
            contains(str(one.result()), "451", "a message that takes too long")
    contains(host.log(), "took longer than", "the log")

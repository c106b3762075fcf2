"""What is changed in mail on its way out, by smtp_generic_maps and smtp_header_checks: a real Postfix with the same settings is the measure."""
import os
import re
import smtplib

from harness import contains, equal, eventually, test
from mailhost import Host
from peers import Sink
from postfix import Postfix

NEAR = "127.0.0.41"
OURS, THEIRS, POSTFIX = "127.0.0.42", "127.0.0.43", "127.0.0.44"
GATE = {"myhostname": "mail.gate.test", "mydomain": "gate.test", "myorigin": "gate.test", "recipient_delimiter": "+",
        "relay_domains": "far.test", "mynetworks": NEAR + "/32", "smtpd_relay_restrictions": "permit_mynetworks, reject"}
CHECKS = r"""
/^Received:.*gate\.test/    IGNORE
/^Subject: list (.*)$/      REPLACE Subject: [list] $1
/^Subject: note/            WARN look at it
/^Subject: told/            INFO
/^Subject: refuse/          REJECT too late
/^Subject: gone/            DISCARD
/^Subject: held/            HOLD
/^Subject: copied/          BCC eve@far.test
/^Subject: unknown/         FROBNICATE it
/^X-Remove:/                IGNORE
/^X-Strip:/                 STRIP it goes
/^X-Mark:/                  PREPEND X-Marked: yes
/^X-Fine:/                  DUNNO
/^X-F/                      IGNORE
/^X-From:/                  REPLACE Reply-To: ann@inside.test
/^Content-Type: text.html/  REPLACE Content-Type: text/plain
/^Subject: inner/           REPLACE Subject: [attached]
"""
BODY = r"""
/^remove me/                IGNORE
/^strip me/                 STRIP
/^change me (.*)/           REPLACE changed $1
/^above/                    PREPEND inserted
/^note me/                  WARN seen
/^refuse me/                REJECT
"""
MIXED = "Subject: {}\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"b b\"\n\npreamble\n--b b\n{}\n--b b--\nremove me\nend"
MESSAGES = {
    "list": "Subject: list long\n one\nX-Remove: a\n b\nX-After: c\n\nbody", "note": "Subject: note\n\nx", "told": "subject: told\n\nx",
    "refuse": "Subject: refuse\nX-Remove: 1\n\nx", "gone": "Subject: gone\n\nx", "held": "Subject: held\n\nx",
    "copied": "Subject: copied\n\nx", "unknown": "Subject: unknown\n\nx", "strip": "Subject: strip\nX-Strip: 1\nX-Mark: 2\nX-Fine: 3\nX-Foul: 4\n\nx",
    "body": "Subject: body\n\nremove me\nchange me now\nabove\nstrip me\nnote me\nrefuse me\nend",
    "part": MIXED.format("part", "Content-Type: text/html\nX-Mark: 1\n\nremove me\nx"),
    "attached": MIXED.format("attached", "Content-Type: message/rfc822\n\nSubject: inner\nX-Mark: 1\n\nabove"),
    "long": "Subject: long\n\n" + ("y" * 70 + "\n") * 700 + "remove me\nend"}


def two_hosts(t, settings, more=None):
    """Ours and Postfix with the same settings, each with the server to which its mail goes."""
    ours, theirs = Sink(t, OURS), Sink(t, THEIRS)
    host = Host(t, {**GATE, **settings, **(more or {}), "role": "relay", "relayhost": f"[{ours.address}]:{ours.port}",
                    "relay_transport": f"relay:[{ours.address}]:{ours.port}"}, daemons=("smtpd",), users={})
    postfix = Postfix(t, "postfix.test", {**GATE, **settings, "relayhost": f"[{theirs.address}]:{theirs.port}",
                                          "relay_transport": f"smtp:[{theirs.address}]:{theirs.port}"}, POSTFIX)
    return host, ours, postfix, theirs


def send(connect, sender, recipients, text):
    with connect() as client:
        client.sendmail(sender, recipients, text.replace("\n", "\r\n"))


def to_both(host, postfix, sender, recipients, text):
    send(lambda: host.smtp(source=NEAR), sender, recipients, text)
    send(lambda: smtplib.SMTP(postfix.address, postfix.port, source_address=(NEAR, 0), timeout=60), sender, recipients, text)


def bare(transaction):
    """The message without the fields that each host adds, and without the folds and blanks that Postfix changes."""
    text = re.sub(r"(?m)^(Received|(Resent-)?(Date|Message-I[Dd])): .*\r\n([ \t].*\r\n)*", "", transaction.data.decode())
    header, _, body = text.partition("\r\n\r\n")
    return re.sub(r"[ \t]|\r\n[ \t]+", "", header), body


def seen(sink):
    """{(sender, recipient, message)}"""
    return sorted((one.sender, recipient, bare(one)) for one in sink.transactions for recipient in one.recipients)


def table(t, name, text):
    path = os.path.join(t.folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, 0o644)
    return "regexp:" + path


@test("generic maps rewrite envelope and header of what leaves by SMTP as Postfix's do, and nothing of what stays", seconds=120)
def generic(t):
    maps = ("inline:{ann@inside.test=ann@isp.test,bob=robert@isp.test,@lan.test=@isp.test,eve@far.test=evelyn@far.test,"
            "two@inside.test=ann@inside.test}, ") + table(t, "generic", r"/^(.*)@(.*)\.pc\.test$/ $1.$2@isp.test")
    host, ours, postfix, theirs = two_hosts(t, {"smtp_generic_maps": maps, "propagate_unmatched_extensions": "canonical, virtual, generic"})
    letter = ("From: Ann <ann@inside.test>\nTo: eve@far.test, bob@gate.test,\n\t\"Any One\" <any.one@lan.test> (x)\n"
              "Cc: ann+lists@inside.test, kim@one.pc.test, out@side.test\nReply-To: two@inside.test\nSender: ANN@INSIDE.test\n"
              "Resent-From: ann@inside.test\nDisposition-Notification-To: ann@inside.test\nX-Other: ann@inside.test\n"
              "Subject: ann@inside.test\n\nann@inside.test\n")
    mails = (("ann@inside.test", ["eve@far.test", "x@far.test"]), ("ann+lists@inside.test", ["eve+a@far.test"]),
             ("bob@gate.test", ["x@far.test"]), ("", ["x@far.test"]), ("kim@one.pc.test", ["any@lan.test.far.test"]))
    for sender, recipients in mails:
        to_both(host, postfix, sender, recipients, letter)
    wanted = sum(len(recipients) for _, recipients in mails)
    for sink, who in ((ours, "ours"), (theirs, "Postfix")):
        eventually(lambda sink=sink: sum(len(one.recipients) for one in sink.transactions) >= wanted, f"all mail has left {who}")
    equal(seen(ours), seen(theirs), "what the next host gets from us, and from Postfix")
    equal({one.sender for one in ours.transactions}, {"ann@isp.test", "ann+lists@isp.test", "robert@isp.test", "", "kim.one@isp.test"}, "senders")
    contains(host.log(), "to=<eve@far.test>, relay=", "the log, which names the recipient as the queue has it")
    host.wait_queue(0)


@test("mail that is delivered on this host, and reports, keep the addresses that generic maps rewrite")
def generic_local(t):
    sink = Sink(t, OURS)
    host = Host(t, {"smtp_generic_maps": "inline:{@example.test=@isp.test}", "relay_domains": "far.test",
                    "relay_transport": f"relay:[{sink.address}]:{sink.port}"}, daemons=("smtpd",))
    sink.answers["RCPT TO:<gone@"] = "550 5.1.1 gone"
    text = "From: alice@example.test\nTo: bob@example.test, x@far.test\nSubject: x\n\nx\n"
    send(host.smtp, "alice@example.test", ["bob@example.test", "x@far.test", "gone@far.test"], text)
    for login, start in (("bob@example.test", "Return-Path: <alice@example.test>"), ("alice@example.test", "Return-Path: <>")):
        with open(host.wait_messages(login, 1)[0], encoding="utf-8") as file:
            message = file.read()
        contains(message, start, f"what {login} got")
        contains(message, "From: alice@example.test\nTo: bob@example.test, x@far.test\n", f"what {login} got")
    eventually(lambda: sink.transactions, "the other mail has left")
    equal((sink.transactions[0].sender, sink.transactions[0].recipients), ("alice@isp.test", ["x@far.test"]), "the envelope outside")
    contains(sink.transactions[0].data, b"From: alice@isp.test\r\nTo: bob@isp.test, x@far.test\r\n", "the header outside")


def logged(log):
    """What the checks logged, without times and ids."""
    return sorted(re.findall(r"/smtp\[\d+\]: \w+: ((?:warning|info|replace|prepend|strip): (?:header|body) .*)", log))


@test("smtp_header_checks, smtp_body_checks and their kin make of mail that leaves what Postfix's make of it, and log as they do", seconds=120)
def checks(t):
    header, body = table(t, "header", CHECKS), table(t, "body", BODY)
    host, ours, postfix, theirs = two_hosts(t, {
        "smtp_header_checks": header, "smtp_mime_header_checks": header, "smtp_nested_header_checks": header, "smtp_body_checks": body,
        "smtp_generic_maps": "inline:{ann@inside.test=ann@isp.test}"})
    for name, text in MESSAGES.items():
        to_both(host, postfix, f"{name}@inside.test", ["x@far.test"], f"From: ann@inside.test\nX-From: 1\n{text}\n")
    for sink, who in ((ours, "ours"), (theirs, "Postfix")):
        eventually(lambda sink=sink: len(sink.transactions) >= len(MESSAGES), f"all mail has left {who}")
    for mine, other in zip(seen(ours), seen(theirs), strict=True):
        equal(mine, other, f"the message of {other[0]}")
    equal(logged(host.log()), logged(postfix.log()), "the log")
    contains(host.log(), "smtp_header_checks: " + header + ": REJECT can't be done to mail that leaves", "the log")
    host.wait_queue(0)


@test("an action that can't be done to mail that leaves is found by check, with the line of its table")
def checked(t):
    host = Host(t, daemons=("smtpd",), start=False)
    host.settings["smtp_header_checks"] = "pcre:" + host.write("etc/out", "/^X-A/ IGNORE\n/^X-B/ REJECT no\n")
    host.settings["lmtp_body_checks"] = "pcre:" + host.write("etc/body", "/x/ HOLD\n")
    host.write_settings()
    done = host.command("pennypost", "check", ok=False)
    contains(done.stderr, "smtp_header_checks: ", "what check says")
    contains(done.stderr, "out:2: REJECT can't be done to mail that leaves; possible actions are DUNNO, IGNORE, INFO,", "what check says")
    contains(done.stderr, "body:1: HOLD can't be done to mail that leaves", "what check says")


@test("mail waits while a table for its way out can't be read, and leaves changed when it can")
def away(t):
    sink = Sink(t, OURS)
    host = Host(t, {"relay_domains": "far.test", "relay_transport": f"relay:[{sink.address}]:{sink.port}", "minimal_backoff_time": "1s",
                    "maximal_backoff_time": "2s"}, daemons=("smtpd",), start=False)
    path = host.write("etc/generic", "alice@example.test ann@isp.test\n")
    host.command("postmap", path)
    host.settings["smtp_generic_maps"] = "hash:" + path
    host.write_settings()
    host.start()
    os.rename(path + ".rdb", path + ".away")
    send(host.smtp, "alice@example.test", ["x@far.test"], "Subject: x\n\nx\n")
    host.wait_log(r"to=<x@far\.test>.*dsn=4\.3\.\d, status=deferred")
    equal(sink.transactions, [], "what has left")
    os.rename(path + ".away", path + ".rdb")
    eventually(lambda: sink.transactions, "the mail has left")
    equal(sink.transactions[0].sender, "ann@isp.test", "its sender")

"""DSN, SMTPUTF8 and 8BITMIME between a real Postfix and us, both ways, and what becomes of them where the next hop lacks them."""
import email
import email.policy
import re
import smtplib

from harness import Shared, check, contains, equal, eventually, test
from mailhost import Host, letter
from peers import NameServer, Sink
from postfix import Postfix

ALICE, BOB = "alice@example.test", "bob@example.test"
OURS, THEIRS, POOR, BROKEN = "127.0.0.41", "127.0.0.42", "127.0.0.43", "127.0.0.44"
UTF8 = "j\u00f6rg"
WITHOUT = "dsn,8bitmime,smtputf8"  # what Postfix's second listener does not offer
ANN = "ann@postfix.test"


class Pair:
    """postfix.test is reached with every extension, poor.test without; dead.test not at all. Both relay to each other."""

    def __init__(self, t):
        names = NameServer(t, "--host-record=dead.test,127.0.0.99")
        self.host = Host(t, {"smtp_bind_address": OURS, "mynetworks": [OURS, THEIRS, "127.0.0.1"], "delay_warning_time": "2s",
                             "minimal_backoff_time": "1s", "maximal_backoff_time": "2s", "dns_servers": [names.address],
                             "smtp_target_port": 9}, aliases=f"{UTF8}: {BOB}\n", daemons=("smtpd",), address=OURS, start=False)
        self.broken = Sink(t, BROKEN, {"RCPT": "550 5.2.0 broken"})  # where Postfix finds no luck
        self.postfix = Postfix(t, "postfix.test", {
            "virtual_mailbox_domains": "postfix.test poor.test", "relayhost": f"[{OURS}]:{self.host.port('smtp')}",
            "virtual_mailbox_maps": f"inline:{{ {ANN}=box/, ann@poor.test=box/, broken@postfix.test=box/, {UTF8}@postfix.test=box/ }}",
            "transport_maps": f"inline:{{ broken@postfix.test=smtp:[{BROKEN}]:{self.broken.port} }}",
            "smtputf8_enable": "yes"}, THEIRS, listeners={POOR: ["-o", "smtpd_discard_ehlo_keywords=" + WITHOUT]})
        self.host.settings["transport_maps"] = (f"inline:{{ postfix.test=smtp:[{THEIRS}]:{self.postfix.port}, "
                                                f"poor.test=smtp:[{POOR}]:{self.postfix.port} }}")
        self.host.write_settings()
        self.host.start()

    def send(self, message, recipients, options=(), sender=ALICE, to_postfix=False, rcpt_options=()):
        """From a client on our host, or on Postfix's."""
        at = (THEIRS, self.postfix.port) if to_postfix else (OURS, self.host.port("smtp"))
        with smtplib.SMTP(*at, timeout=60, source_address=(at[0], 0), local_hostname="client.example.test") as client:
            client.ehlo()
            if "SMTPUTF8" in options:
                client.command_encoding = "utf-8"
            code, text = client.mail(sender, options)
            equal(code, 250, f"MAIL, {text}")
            for recipient in recipients:
                code, text = client.rcpt(recipient, rcpt_options)
                equal(code, 250, f"RCPT, {text}")
            code, text = client.data(message)
            equal(code, 250, f"DATA, {text}")

    def at_postfix(self, subject):
        return find(self.postfix.messages, subject)

    def at(self, login, subject):
        return find(lambda: self.host.messages(login), subject)

    def report(self, login, action, about):
        """The report of this action that returns the message with subject `about`: its delivery-status and its whole text."""
        def matching():
            for text in map(stored, self.host.messages(login) if login != ANN else self.postfix.messages()):
                if b"report-type" in text and re.search(rb"(?m)^Action: " + action.encode(), text) and about.encode() in text:
                    return text
            return None
        return eventually(matching, f"a report `{action}` on {about} reaches {login}")

    def settled(self):
        self.host.wait_queue(0)
        eventually(self.postfix.queue_is_empty, "Postfix has nothing left")


def stored(path):
    with open(path, "rb") as file:
        return file.read()


def find(paths, subject):
    """The one message with this subject, once it is there."""
    def there():
        return [text for text in map(stored, paths()) if text.startswith(b"Return-Path: <") and
                re.search(rb"\nSubject: " + re.escape(subject.encode()) + rb"\n", text.partition(b"\n\n")[0] + b"\n")]
    found = eventually(there, f"{subject} arrives")
    equal(len(found), 1, f"copies of {subject}")
    return found[0]


def field(report, name):
    found = re.search(rb"(?mi)^" + name.encode() + rb": (.*)$", report)
    return re.sub(r"^(rfc822|dns|utf-8); +", r"\1;", found[1].decode().strip()) if found else None


def parts(report):
    return [part.get_content_type() for part in email.message_from_bytes(report).walk()]


pair = Shared(Pair)
DSN = ("RET=HDRS", "ENVID=mark+2B17")
EACH = ("NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;the+2Bfirst@origin.test")


@test("ENVID, RET, NOTIFY and ORCPT reach a Postfix that has DSN: its reports of success and of failure have them all")
def dsn_relayed(t):
    del t
    both = pair.get()
    both.send(letter("passed on", to=ANN), [ANN], DSN, rcpt_options=EACH)
    both.at_postfix("passed on")
    reports = [both.report(ALICE, "delivered", "passed on")]
    for returned in ("HDRS", "FULL"):
        subject = f"fails there {returned}"
        both.send(letter(subject, "the body of it\r\n"), ["broken@postfix.test"], (f"RET={returned}", DSN[1]), rcpt_options=EACH)
        reports.append(both.report(ALICE, "failed", subject))
        # RFC 3461 section 4.3: it says how much comes back of what could not be delivered.
        equal(b"the body of it" in reports[-1], returned == "FULL", f"whether the body comes back with RET={returned}")
    for report in reports:
        equal(field(report, "Original-Envelope-Id"), "mark+17", "ENVID")
        equal(field(report, "Original-Recipient"), "rfc822;the+first@origin.test", "ORCPT")
        contains(field(report, "Reporting-MTA"), "postfix.test", "who made the report")
    both.send(letter("fails in silence"), ["broken@postfix.test"], rcpt_options=["NOTIFY=NEVER"])
    eventually(lambda: sum("RCPT TO:<broken@" in command for command in both.broken.commands) == 3, "Postfix tries it")
    both.settled()
    texts = [stored(path) for path in both.host.messages(ALICE)]
    check(not any(b"Action: relayed" in text for text in texts), "we made a report though the next hop has DSN")
    check(not any(b"fails in silence" in text for text in texts), "NOTIFY=NEVER did not reach Postfix")


@test("where the next hop has no DSN, NOTIFY=SUCCESS gives our own report `relayed`, and NOTIFY=FAILURE none")
def dsn_ends(t):
    del t
    both = pair.get()
    both.send(letter("leaves DSN", "the body of it\r\n", to="ann@poor.test"), ["ann@poor.test"], DSN, rcpt_options=EACH)
    both.at_postfix("leaves DSN")
    report = both.report(ALICE, "relayed", "leaves DSN")
    equal(field(report, "Original-Envelope-Id"), "mark+17", "ENVID")
    equal(field(report, "Original-Recipient"), "rfc822;the+first@origin.test", "ORCPT")
    equal(field(report, "Final-Recipient"), "rfc822;ann@poor.test", "who it is about")
    check(field(report, "Status").startswith("2."), f"its status: {field(report, 'Status')}")
    equal(field(report, "Return-Path"), "<>", "the report's sender")
    contains(parts(report), "text/rfc822-headers", "what of the message comes back with RET=HDRS")
    check(b"the body of it" not in report, "the body comes back though RET=HDRS was asked for")
    both.send(letter("only failures", to="ann@poor.test"), ["ann@poor.test"], rcpt_options=["NOTIFY=FAILURE"])
    both.at_postfix("only failures")
    both.settled()
    check(not any(b"only failures" in stored(path) for path in both.host.messages(ALICE)), "NOTIFY=FAILURE brought a report")


@test("local delivery: NOTIFY=SUCCESS gives a report of success, NOTIFY=NEVER none of a failure, and default none of success")
def dsn_local(t):
    del t
    both = pair.get()
    both.send(letter("here", "the body of it\r\n"), [BOB], ("RET=FULL", "ENVID=local1"), rcpt_options=EACH)
    both.at(BOB, "here")
    report = both.report(ALICE, "delivered", "here")
    equal(field(report, "Original-Envelope-Id"), "local1", "ENVID")
    equal(field(report, "Original-Recipient"), "rfc822;the+first@origin.test", "ORCPT")
    check(field(report, "Status").startswith("2."), f"its status: {field(report, 'Status')}")
    contains(parts(report), "text/rfc822-headers", "what comes back of a message that was delivered, whatever RET says")
    both.send(letter("quiet"), [BOB])
    both.at(BOB, "quiet")
    both.send(letter("never", to="nobody@postfix.test"), ["nobody@postfix.test"], rcpt_options=["NOTIFY=NEVER"])
    both.host.wait_log(r"to=<nobody@postfix\.test>.*status=bounced")
    both.send(letter("failure only", to="nobody@poor.test"), ["nobody@poor.test"], DSN, rcpt_options=["NOTIFY=FAILURE"])
    report = both.report(ALICE, "failed", "failure only")
    equal(field(report, "Original-Envelope-Id"), "mark+17", "ENVID in the report of failure")
    contains(report, b"User unknown", "the reason")
    both.settled()
    for subject in (b"quiet", b"never"):
        check(not any(b"Subject: " + subject in stored(path) for path in both.host.messages(ALICE)), f"a report on {subject}")


@test("mail that waits longer than delay_warning_time: one report `delayed` by default and with NOTIFY=DELAY, none without")
def dsn_delay(t):
    del t
    both = pair.get()
    both.send(letter("late by default", to="x@dead.test"), ["x@dead.test"])
    both.send(letter("late as asked", to="y@dead.test"), ["y@dead.test"], DSN, rcpt_options=["NOTIFY=DELAY"])
    both.send(letter("late unasked", to="z@dead.test"), ["z@dead.test"], rcpt_options=["NOTIFY=SUCCESS,FAILURE"])
    both.report(ALICE, "delayed", "late by default")
    report = both.report(ALICE, "delayed", "late as asked")
    equal(field(report, "Original-Envelope-Id"), "mark+17", "ENVID")
    check(field(report, "Status").startswith("4."), f"its status: {field(report, 'Status')}")
    check(field(report, "Will-Retry-Until"), "the report does not say until when it is tried")
    eventually(lambda: len(re.findall(r"to=<z@dead\.test>.*status=deferred", both.host.log())) >= 4, "more retries")
    texts = [stored(path) for path in both.host.messages(ALICE)]
    for subject, count in ((b"late by default", 1), (b"late as asked", 1), (b"late unasked", 0)):
        equal(sum(b"Subject: " + subject in text for text in texts), count, f"reports on {subject}")
    for entry in both.host.queue():
        both.host.command("postsuper", "-d", entry["queue_id"])
    both.settled()


@test("SMTPUTF8: addresses and headers in UTF-8 go to a Postfix that has it, with the octets as they were")
def utf8_relayed(t):
    del t
    both = pair.get()
    message = letter("Gr\u00fc\u00dfe an dich", "K\u00f6rper\r\n".encode(), sender=f"{UTF8}@example.test", to=f"{UTF8}@postfix.test")
    both.send(message, [f"{UTF8}@postfix.test"], ["SMTPUTF8", "BODY=8BITMIME"], sender=f"{UTF8}@example.test")
    text = both.at_postfix("Gr\u00fc\u00dfe an dich")
    check(text.endswith(message.replace(b"\r\n", b"\n")), f"what arrived: {text!r}")
    contains(text, f"Return-Path: <{UTF8}@example.test>".encode(), "the sender")
    both.settled()


@test("SMTPUTF8: mail that needs it is returned with 5.6.7 where the next hop lacks it; mail that does not need it passes")
def utf8_ends(t):
    del t
    both = pair.get()
    both.send(letter("\u00fcber", "x\r\n", to="ann@poor.test"), ["ann@poor.test"], ["SMTPUTF8", "BODY=8BITMIME"])
    report = both.report(ALICE, "failed", "ann@poor.test")
    equal(field(report, "Status"), "5.6.7", "the status for a header in UTF-8")
    both.host.wait_log(r"to=<ann@poor\.test>.*dsn=5\.6\.7, status=bounced")
    both.send(letter("to a UTF-8 name", to="x@poor.test"), [f"{UTF8}@poor.test"], ["SMTPUTF8"])
    both.host.wait_log(rf"to=<{UTF8}@poor\.test>.*dsn=5\.6\.7, status=bounced")
    # RFC 6533 section 3: to a sender whose address is ASCII the report names the UTF-8 address in ASCII.
    report = both.report(ALICE, "failed", "to a UTF-8 name")
    equal(field(report, "Final-Recipient"), r"utf-8;j\x{F6}rg@poor.test", "the recipient")
    contains(parts(report), "message/delivery-status", "the parts")
    # The sender's address alone needs it.
    both.send(letter("from a UTF-8 name", to="ann@poor.test"), ["ann@poor.test"], ["SMTPUTF8"], sender=f"{UTF8}@example.test")
    report = both.report(BOB, "failed", "from a UTF-8 name")
    equal(field(report, "Status"), "5.6.7", "the status for a sender in UTF-8")
    contains(parts(report), "message/global-delivery-status", "the parts of a report to a UTF-8 address")
    both.send(letter("nothing special", to="ann@poor.test"), ["ann@poor.test"], ["SMTPUTF8"])
    both.at_postfix("nothing special")
    both.settled()


@test("8-bit mail to a Postfix without 8BITMIME arrives in 7 bits with the same content; to one with it unchanged")
def eight_bit(t):
    del t
    both = pair.get()
    body = "Gr\u00fc\u00dfe, \u65e5\u672c\r\n.\r\n..x\r\nlong " .encode() + "\u00e9".encode() * 400 + b"\r\nbinary \xff\xfe\r\n"
    head = b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
    simple = letter("8 bits", body, to=ANN).replace(b"\r\n\r\n", b"\r\n" + head + b"\r\n", 1)
    mixed = letter("8 bits in parts", b"", to=ANN).replace(
        b"\r\n\r\n", b"\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=zz\r\n\r\n", 1)
    mixed += b"--zz\r\n" + head + b"\r\n" + body + b"--zz\r\nContent-Type: text/plain\r\n\r\nplain\r\n--zz--\r\n"
    for message, subject in ((simple, "8 bits"), (mixed, "8 bits in parts")):
        both.send(message, [ANN, "ann@poor.test"], ["BODY=8BITMIME"])
        texts = eventually(lambda s=subject: (found := [text for text in map(stored, both.postfix.messages())
                                                        if f"\nSubject: {s}\n".encode() in text]) and len(found) == 2 and found,
                           f"both copies of {subject} arrive")
        texts.sort(key=lambda text: text.isascii())
        check(texts[0].endswith(message.replace(b"\r\n", b"\n")), f"the copy sent with 8BITMIME: {texts[0]!r}")
        check(texts[1].isascii(), f"octets above 127 went to a host without 8BITMIME: {texts[1]!r}")
        check(all(len(line) <= 998 for line in texts[1].split(b"\n")), "a line is longer than 998 octets")
        leaves = [part for part in email.message_from_bytes(texts[1], policy=email.policy.SMTP).walk() if not part.is_multipart()]
        contains(("quoted-printable", "base64"), leaves[0]["Content-Transfer-Encoding"], "the encoding")
        seen = leaves[0].get_payload(decode=True).replace(b"\r\n", b"\n").rstrip(b"\n")
        equal(seen, body.replace(b"\r\n", b"\n").rstrip(b"\n"), f"the content of {subject}")
        if len(leaves) > 1:
            equal(leaves[1].get_payload(decode=True).strip(), b"plain", "the part that was in 7 bits")
    both.settled()


@test("from a Postfix: DSN and SMTPUTF8 arrive, and our report of success and of failure reach its sender")
def from_postfix(t):
    del t
    both = pair.get()
    both.send(letter("asks for word", sender=ANN), [BOB], DSN, sender=ANN, to_postfix=True, rcpt_options=EACH)
    both.at(BOB, "asks for word")
    report = both.report(ANN, "delivered", "asks for word")
    equal(field(report, "Original-Envelope-Id"), "mark+17", "ENVID")
    equal(field(report, "Original-Recipient"), "rfc822;the+first@origin.test", "ORCPT")
    contains(field(report, "Reporting-MTA"), "mail.example.test", "who made the report")
    message = letter("\u00e0 toi", "K\u00f6rper\r\n".encode(), sender=f"{UTF8}@postfix.test", to=f"{UTF8}@example.test")
    both.send(message, [f"{UTF8}@example.test"], ["SMTPUTF8", "BODY=8BITMIME"], sender=f"{UTF8}@postfix.test", to_postfix=True)
    text = both.at(BOB, "\u00e0 toi")
    check(text.endswith(message.replace(b"\r\n", b"\n")), f"what arrived: {text!r}")
    contains(text, f"Return-Path: <{UTF8}@postfix.test>".encode(), "the sender")
    contains(text, b"with UTF8SMTP", "our Received: line, RFC 6531 section 3.7.3")
    both.settled()

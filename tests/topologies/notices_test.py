"""What postmaster is told by mail, as notify_classes asks; a real Postfix beside tells the same."""
import os
import re
import smtplib
import socket

from harness import check, contains, equal, eventually, test
from mailhost import Host
from peers import Sink
from postfix import Postfix

OURS, THEIRS, CLIENT = "127.0.0.35", "127.0.0.36", "127.0.0.37"
PM = "pm@post.test"
# What a client says, one line after the other, and when it leaves without QUIT.
DIALOGUES = {
    "protocol": ["EHLO client.test", "RCPT TO:<ann@post.test>", "VRFY", "QUIT"],
    "policy": ["EHLO client.test", "MAIL FROM:<a@client.test>", "RCPT TO:<x@elsewhere.test>", "QUIT"],
    "lost": ["EHLO client.test", "MAIL FROM:<a@client.test>", "RCPT TO:<x@elsewhere.test>"],
    "nothing": ["EHLO client.test", "MAIL FROM:<a@client.test>", "NOOP", "QUIT"],
}


def converse(address, port, lines):
    with socket.create_connection((address, port), timeout=60, source_address=(CLIENT, 0)) as stream:
        file = stream.makefile("rb")

        def hear():
            while (line := file.readline())[3:4] == b"-":
                pass
            return line
        hear()
        for line in lines:
            stream.sendall(line.encode() + b"\r\n")
            check(hear() != b"", f"{line} is answered")


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def told(text):
    """What a notice says that must be equal: the mail's sender, subject, what the client said, its refusals, the end."""
    subject = re.search(r"^Subject: \w+ (SMTP server: errors from) \S+\[([0-9.]+)\]$", text, re.MULTILINE)
    check(subject, f"the subject of {text}")
    return (re.search(r"^Return-Path: <(double-bounce@)", text, re.MULTILINE)[1], *subject.groups(),
            re.findall(r"^ (In: .*)$", text, re.MULTILINE), re.findall(r"^ Out: ([45]\d\d [45]\.\d\.\d+) ", text, re.MULTILINE),
            re.findall(r"^(Session aborted.*)$", text, re.MULTILINE), "For other details, see the local mail logfile" in text)


@test("postmaster gets the dialogue of a client with an error of notify_classes, in Postfix's words", seconds=300)
def sessions(t):
    settings = {"notify_classes": "policy, protocol, resource, software", "error_notice_recipient": PM, "disable_vrfy_command": "no",
                "smtpd_peername_lookup": "no", "smtpd_recipient_restrictions": "permit_mynetworks, reject_unauth_destination"}
    postfix = Postfix(t, "post.test", {**settings, "mynetworks": THEIRS}, THEIRS)
    host = Host(t, {**settings, "myhostname": "mail.post.test", "mydomain": "post.test", "mydestination": "",
                    "virtual_mailbox_domains": "post.test", "disable_vrfy_command": "no"},
                users={PM: "secret"}, daemons=("smtpd",), address=OURS)
    for name, lines in DIALOGUES.items():
        before = (len(postfix.messages()), len(host.messages(PM)))
        converse(THEIRS, postfix.port, lines)
        converse(OURS, host.port("smtp"), lines)
        if name == "nothing":
            continue
        eventually(lambda: len(postfix.messages()) > before[0], f"Postfix tells of {name}")
        eventually(lambda: len(host.messages(PM)) > before[1], f"we tell of {name}")
    texts = [[read(path) for path in paths] for paths in (postfix.messages(), host.messages(PM))]
    equal(sorted(map(told, texts[1])), sorted(map(told, texts[0])), "what is told")
    equal(len(texts[1]), 3, "notices")
    contains(texts[1][0], f"\nTo: Postmaster <{PM}>\n", "the notice")


@test("of mail that bounces bounce_notice_recipient gets the header, of a report that bounces 2bounce_notice_recipient all",
      seconds=300)
def bounces(t):
    sink = Sink(t, answers={"RCPT TO:<gone@": "550 5.1.1 no such user", "RCPT TO:<back@": "550 5.1.1 nor this one"})
    settings = {"notify_classes": "bounce, 2bounce", "bounce_notice_recipient": "b@post.test", "2bounce_notice_recipient": "bb@post.test"}
    postfix = Postfix(t, "post.test", {**settings, "relayhost": f"[{sink.address}]:{sink.port}", "mynetworks": f"{CLIENT}, {THEIRS}",
                                       "virtual_mailbox_maps": "inline:{b@post.test=b/, bb@post.test=bb/}"}, THEIRS)
    host = Host(t, {**settings, "relayhost": f"[{sink.address}]:{sink.port}", "mynetworks": [CLIENT, OURS], "myhostname": "mail.post.test",
                    "mydomain": "post.test", "mydestination": "", "virtual_mailbox_domains": "post.test"},
                users={"b@post.test": "x", "bb@post.test": "x"}, daemons=("smtpd",), address=OURS)

    def theirs(box):
        folder = os.path.join(postfix.mail, box, "new")
        return [os.path.join(folder, name) for name in os.listdir(folder)] if os.path.isdir(folder) else []

    def notices(box):
        eventually(lambda: len(theirs(box)) == 1, f"Postfix tells {box}")
        path = host.wait_messages(box + "@post.test", 1)[0]
        def words(text):
            return (re.search(r"^Return-Path: <(double-bounce@mail.post.test)>$", text, re.MULTILINE) is not None,
                    re.search(r"^Subject: (.*)$", text, re.MULTILINE)[1], "the very body" in text, "no such user" in text)
        return words(read(path)), words(read(theirs(box)[0]))

    for address, port in ((THEIRS, postfix.port), (OURS, host.port("smtp"))):
        with smtplib.SMTP(address, port, timeout=60, source_address=(CLIENT, 0)) as client:
            client.sendmail("back@far.test", ["gone@far.test"], "Subject: x\r\n\r\nthe very body\r\n")
    # The report goes to back@, who does not exist either.
    first, second = notices("b"), notices("bb")
    equal(first[0], first[1], "of the message")
    equal(second[0], second[1], "of the report")
    equal(first[0], (True, "Postmaster Copy: Undelivered Mail", False, True), "of the message")
    host.wait_queue(0)
    eventually(postfix.queue_is_empty, "Postfix has nothing left")


@test("a server that breaks the protocol is told of, but not when the notice itself meets one")
def client_side(t):
    sink = Sink(t, answers={"MAIL FROM:<odd@": "502 what?", "MAIL FROM:<double-bounce@": "502 what?"})
    host = Host(t, {"relayhost": f"[{sink.address}]:{sink.port}", "notify_classes": "protocol",
                    "error_notice_recipient": "alice@example.test"}, daemons=("smtpd",))
    with host.smtp() as client:
        client.sendmail("odd@example.test", ["x@far.test"], "Subject: x\r\n\r\nx\r\n")
    text = read(host.wait_messages("alice@example.test", 1)[0])
    contains(text, f"Subject: Pennypost SMTP client: errors from {sink.address}[{sink.address}]:{sink.port}\n", "the notice")
    contains(text, f"\nUnexpected response from {sink.address}[{sink.address}]:{sink.port}.\n", "the notice")
    contains(text, "\n In:  502 what?\n", "the notice")
    host.settings["error_notice_recipient"] = "pm@far.test"
    host.write_settings()
    host.reload("smtpd")
    eventually(lambda: "pm@far.test" in host.command("postconf", "-h", "error_notice_recipient").stdout, "the setting")

    def sends():
        with host.smtp() as client:
            client.sendmail("odd@example.test", ["x@far.test"], "Subject: x\r\n\r\nx\r\n")
        return eventually(lambda: re.search(r"to=<pm@far.test>.* status=bounced", host.log()), "the notice is refused", 20)
    eventually(sends, "the reload")
    host.wait_log("undeliverable notification discarded")
    host.wait_queue(0)
    refused = host.log().count("to=<pm@far.test>")
    odd = host.log().count("from=<odd@example.test>")
    check(refused < odd, f"{refused} notices of {odd} messages: none leads to another")

"""Addresses are verified at the hosts that take their mail (reject_unverified_...), as Postfix does it, and beside it."""
import re
import smtplib
import socket
import time

from harness import check, contains, equal, eventually, test
from mailhost import Host, free_port
from peers import Sink
from postfix import Postfix

NO_USER = "550 5.1.1 no such user here"


def rcpt(address, port, recipient, sender="ann@good.test", source=("127.0.0.2", 0)):
    with smtplib.SMTP(address, port, timeout=60, source_address=source, local_hostname="client.test") as client:
        client.ehlo()
        client.mail(sender)
        code, text = client.rcpt(recipient)
        return f"{code} {text.decode()}"


def behind(t):
    """The host that knows the users."""
    return Sink(t, answers={"RCPT TO:<gone@behind.test>": NO_USER, "RCPT TO:<busy@behind.test>": "451 4.3.0 come again",
                            "RCPT TO:<bad@good.test>": NO_USER})


def verifying(t, sink, name="host", **settings):
    return Host(t, {
        "mynetworks": ["127.0.0.1"], "relay_domains": ["behind.test", "dead.test"],
        "transport_maps": f"inline:{{behind.test=smtp:[{sink.address}]:{sink.port}, "
                          f"good.test=smtp:[{sink.address}]:{sink.port}, dead.test=smtp:[127.0.0.1]:9}}",
        "smtpd_relay_restrictions": "permit_auth_destination, reject",
        "smtpd_recipient_restrictions": "reject_unverified_recipient, reject_unverified_sender",
        **settings}, daemons=("smtpd",), name=name)


@test("recipients and senders are verified at their hosts once, and the answers outlive a restart")
def verifies(t):
    sink = behind(t)
    host = verifying(t, sink, unverified_recipient_reject_code=550)

    def told(recipient, sender="ann@good.test"):
        return rcpt(host.address, host.port("smtp"), recipient, sender)

    equal(told("ann@behind.test"), "250 2.1.5 Ok", "a user who is there")
    contains(told("gone@behind.test"),
             "550 5.1.1 <gone@behind.test>: Recipient address rejected: undeliverable address: host 127.0.0.1[127.0.0.1] "
             f"said: {NO_USER} (in reply to RCPT TO command)", "one who is not")
    contains(told("ann@behind.test", "bad@good.test"),
             "450 4.1.7 <bad@good.test>: Sender address rejected: unverified address: ", "a sender who is not")
    contains(told("busy@behind.test"), "450 4.1.1 <busy@behind.test>: Recipient address rejected: unverified address: ",
             "one that the other host puts off")
    contains(told("ann@dead.test"), "450 4.1.1 <ann@dead.test>: Recipient address rejected: unverified address: ",
             "one whose host is down")
    equal(told("alice@example.test"), "250 2.1.5 Ok", "a mailbox of this host")
    host.wait_log(r"to=<gone@behind\.test>, relay=.*, dsn=5\.1\.1, status=undeliverable ")
    host.wait_log(r"to=<ann@behind\.test>, relay=.*, dsn=2\.\d\.\d, status=deliverable ")
    equal(host.queue(), [], "no message entered the queue")
    check(not [one for one in sink.commands if one.startswith("DATA")], "a probe has sent DATA")
    check(any(one.startswith("MAIL FROM:<double-bounce@example.test>") for one in sink.commands), sink.commands)
    asked = [one for one in sink.commands if "gone@behind.test" in one]
    told("gone@behind.test")
    host.stop("smtpd")
    host.start("smtpd")
    contains(told("gone@behind.test"), "550 5.1.1", "after a restart")
    equal([one for one in sink.commands if "gone@behind.test" in one], asked, "it is asked once")


@test("a host that is slow to answer delays a client no longer than address_verify_poll_count says")
def slow_host(t):
    sink = behind(t)
    host = verifying(t, sink, address_verify_poll_count=2, address_verify_poll_delay="1s")
    sink.stop()
    began = time.monotonic()
    with socket.create_server((sink.address, sink.port)):  # it accepts, and says nothing
        contains(rcpt(host.address, host.port("smtp"), "ann@behind.test"),
                 "450 4.1.1 <ann@behind.test>: Recipient address rejected: unverified address: "
                 "Address verification in progress", "while the other host says nothing")
    check(time.monotonic() - began < 30, "the client waited long")


@test("what is known of an address is found out again in the background, and forgotten when its time is over", seconds=120)
def refreshes(t):
    sink = behind(t)
    host = verifying(t, sink, unverified_recipient_reject_code=550, address_verify_positive_refresh_time="1s",
                     address_verify_negative_refresh_time="1s")

    def told(name):
        return rcpt(host.address, host.port("smtp"), f"{name}@behind.test")

    def asked(name):
        return len([one for one in sink.commands if one.startswith(f"RCPT TO:<{name}@behind.test>")])

    equal(told("ann"), "250 2.1.5 Ok", "a user who is there")
    contains(told("gone"), "550 5.1.1", "one who is not")
    sink.answers["RCPT TO:<ann@behind.test>"] = NO_USER
    del sink.answers["RCPT TO:<gone@behind.test>"]
    time.sleep(1.1)  # until both answers are old
    before = asked("ann"), asked("gone")
    equal(told("ann"), "250 2.1.5 Ok", "the old answer is given at once")
    contains(told("gone"), "550 5.1.1", "the old refusal, too")
    eventually(lambda: (asked("ann"), asked("gone")) > before and told("ann").startswith("550") and told("gone").startswith("250"),
               "both are found out again")
    sink.answers["RCPT TO:<ann@behind.test>"] = "451 4.3.0 not now"
    time.sleep(1.1)
    told("ann")
    eventually(lambda: sink.commands.count("RCPT TO:<ann@behind.test>") > before[0] + 1, "it is asked once more")
    contains(told("ann"), "550 5.1.1", "an answer that is none replaces nothing")


@test("refusals expire, and are not remembered at all without address_verify_negative_cache", seconds=120)
def forgets(t):
    sink = behind(t)
    expiring = verifying(t, sink, unverified_recipient_reject_code=550, address_verify_negative_expire_time="1s",
                         address_verify_negative_refresh_time="1s")
    never = verifying(t, sink, name="never", unverified_recipient_reject_code=550, address_verify_negative_cache=False)

    def asks(host, command):
        before = len(sink.commands)
        contains(rcpt(host.address, host.port("smtp"), "gone@behind.test"), "550 5.1.1", "it is refused")
        return command in sink.commands[before:]

    command = "RCPT TO:<gone@behind.test>"
    check(asks(expiring, command), "the first time")
    time.sleep(1.1)  # until it has expired
    check(asks(expiring, command), "an expired refusal is found out before the client is answered")
    check(asks(never, command), "the first time")
    eventually(lambda: asks(never, command), "it is asked each time, but for answers of the last second")


@test("address_verify_transport_maps and address_verify_relayhost lead probes another way than mail", seconds=120)
def other_way(t):
    sink, mail = behind(t), Sink(t)
    ways = {"transport_maps": f"inline:{{behind.test=smtp:[{mail.address}]:{mail.port}}}",
            "address_verify_transport_maps": f"inline:{{behind.test=smtp:[{sink.address}]:{sink.port}}}",
            "relayhost": f"[{mail.address}]:{mail.port}", "address_verify_relayhost": f"[{sink.address}]:{sink.port}"}
    host = verifying(t, sink, unverified_recipient_reject_code=550, **ways)
    contains(rcpt(host.address, host.port("smtp"), "gone@behind.test"), "550 5.1.1", "one who is not there")
    contains(rcpt(host.address, host.port("smtp"), "ann@behind.test", "bad@good.test"), "450 4.1.7", "a sender behind the relayhost")
    equal(mail.commands, [], "the way of mail is not asked")
    with smtplib.SMTP(host.address, host.port("smtp"), timeout=60, local_hostname="client.test") as client:
        client.sendmail("ann@good.test", ["ann@behind.test"], "Subject: by mail\r\n\r\nx\r\n")
    eventually(lambda: mail.transactions, "the mail takes its own")


@test("two hosts that verify each other's senders come to an end")
def each_other(t):
    ports = free_port(), free_port()
    hosts = [Host(t, {"mydomain": f"h{number}.test", "myhostname": f"mail.h{number}.test", "smtp_port": ports[number],
                      "mynetworks": ["127.0.0.9"],
                      "transport_maps": f"inline:{{h{1 - number}.test=smtp:[127.0.0.1]:{ports[1 - number]}}}",
                      "smtpd_recipient_restrictions": "reject_unverified_sender"},
                  users={f"ann@h{number}.test": "ann-secret"}, daemons=("smtpd",), name=f"h{number}") for number in (0, 1)]
    equal(rcpt("127.0.0.1", ports[0], "ann@h0.test", "ann@h1.test"), "250 2.1.5 Ok", "a sender who is there")
    contains(rcpt("127.0.0.1", ports[0], "ann@h0.test", "eve@h1.test"),
             "450 4.1.7 <eve@h1.test>: Sender address rejected: unverified address: ", "one who is not")
    for host in hosts:
        check(host.log().count("connect from") < 20, "they have asked each other again and again")


@test("what clients are told of addresses is what a real Postfix tells them")
def like_postfix(t):
    sink = behind(t)
    settings = {"unverified_recipient_reject_code": "550", "unverified_sender_reject_reason": "we know no such sender"}
    ours = verifying(t, sink, **settings)
    folder = f"smtp:[{sink.address}]:{sink.port}"
    theirs = Postfix(t, "example.test", {
        **settings, "mynetworks": "127.0.0.1/32", "relay_domains": "behind.test", "smtpd_peername_lookup": "no",
        "transport_maps": f"inline:{{behind.test={folder}, good.test={folder}}}", "relay_recipient_maps": "",
        "smtpd_relay_restrictions": "permit_auth_destination, reject", "myorigin": "example.test",
        "smtpd_recipient_restrictions": "reject_unverified_recipient, reject_unverified_sender",
        "address_verify_poll_delay": "1s", "address_verify_poll_count": "20"},
        services="verify unix - - n - 1 verify\nrelay unix - - n - - smtp\n")
    for recipient, sender in (("ann@behind.test", "ann@good.test"), ("gone@behind.test", "ann@good.test"),
                              ("busy@behind.test", "ann@good.test"), ("ann@behind.test", "bad@good.test")):
        told = [rcpt(address, port, recipient, sender)
                for address, port in ((ours.address, ours.port("smtp")), (theirs.address, theirs.port))]
        equal(told[0], told[1], f"{recipient} from {sender}")
    eventually(lambda: re.search(r"status=undeliverable", ours.log()), "our log tells of it")

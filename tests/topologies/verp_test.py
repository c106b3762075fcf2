"""Variable envelope return paths: sendmail -XV and XVERP in MAIL, as in Postfix's VERP_README."""
import smtplib

from harness import check, contains, equal, eventually, test
from mailhost import Host, letter
from peers import Sink
from postfix import Postfix

LIST = "list@example.test"


def host_before(t, **settings):
    sink = Sink(t, answers={"RCPT TO:<gone@": "550 5.1.1 no such user"})
    return sink, Host(t, {"relayhost": f"[{sink.address}]:{sink.port}",
                          "recipient_delimiter": "+", **settings}, daemons=("smtpd",))


def pairs(sink):
    return sorted((one.sender, *one.recipients) for one in sink.transactions)


@test("sendmail -XV gives each recipient a sender that names him, and a bounce goes to that one")
def sendmail_verp(t):
    sink, host = host_before(t)
    host.command("sendmail", "-XV", "-f", "alice@example.test", "a@far.test", "gone@far.test", input="Subject: x\n\nx\n")
    eventually(lambda: len(sink.transactions) == 1, "the first")
    equal(pairs(sink), [("alice+a=far.test@example.test", "a@far.test")], "who sent to whom")
    with open(host.wait_messages("alice@example.test", 1)[0], encoding="utf-8") as file:
        contains(file.read(), "To: alice+gone=far.test@example.test\n", "the bounce")
    host.command("sendmail", "-XV-=", "-f", LIST, "b@far.test", "c@far.test", input="Subject: x\n\nx\n")
    eventually(lambda: len(sink.transactions) == 3, "the others")
    equal(pairs(sink)[1:], [("list-b=far.test@example.test", "b@far.test"), ("list-c=far.test@example.test", "c@far.test")], "with own delimiters")
    wrong = host.command("sendmail", "-XV//", "-f", LIST, "b@far.test", input="x\n", ok=False)
    contains(wrong.stderr, 'the delimiters are two characters of "-=+"', "wrong delimiters")
    host.stop("smtpd")
    host.command("sendmail", "-XV", "-f", LIST, "d@far.test", input="Subject: x\n\nx\n")
    host.start("smtpd")
    eventually(lambda: len(sink.transactions) == 4, "what postdrop left")
    equal(pairs(sink)[-1], ("list-c=far.test@example.test", "c@far.test"), "the last by name")
    check(("list+d=far.test@example.test", "d@far.test") in pairs(sink), f"what postdrop left: {pairs(sink)}")


@test("XVERP is offered to and taken from authorized clients, and refused to others")
def xverp(t):
    sink, host = host_before(t)
    with host.smtp() as client:
        client.ehlo("client.test")
        check("xverp" in client.esmtp_features, "XVERP is announced")
        for number, option in enumerate(("XVERP", "XVERP=-=")):
            equal(client.docmd(f"MAIL FROM:<{LIST}> {option}")[0], 250, option)
            equal(client.docmd(f"RCPT TO:<r{number}@far.test>")[0], 250, "RCPT")
            client.data(letter("x", to=LIST))
        equal(client.docmd(f"MAIL FROM:<{LIST}> XVERP=//"), (503, b"5.5.4 Error: invalid verp delimiter characters"), "other delimiters")
        equal(client.docmd("MAIL FROM:<> XVERP")[0], 503, "the null sender")
    eventually(lambda: len(sink.transactions) == 2, "both")
    equal(pairs(sink), [("list+r0=far.test@example.test", "r0@far.test"), ("list-r1=far.test@example.test", "r1@far.test")], "who sent to whom")
    host.settings["smtpd_authorized_verp_clients"] = "192.0.2.0/24"
    host.write_settings()
    host.reload("smtpd")
    def is_refused():
        with host.smtp() as client:
            client.ehlo("client.test")
            return "xverp" not in client.esmtp_features and client.docmd(f"MAIL FROM:<{LIST}> XVERP")
    equal(eventually(is_refused, "the reload"), (503, b"5.5.4 Error: XVERP requires special privileges"), "an unauthorized client")


@test("a variable return path is the one that Postfix makes, of every sender and recipient")
def as_postfix(t):
    ways = {"XVERP": "XVERP", "own": "XVERP=-="}
    addresses = ["bob@far.test", "Bob.Smith@Far.Test", "a+b@sub.far.test", '"a b"@far.test', "x-y=z@far.test"]
    seen = []
    for kind in ("postfix", "ours"):
        sink = Sink(t)
        relay = f"[{sink.address}]:{sink.port}"
        if kind == "postfix":
            server = Postfix(t, "post.test", {"relayhost": relay, "smtpd_authorized_verp_clients": "127.0.0.0/8"})
            place = (server.address, server.port)
        else:
            server = Host(t, {"relayhost": relay}, daemons=("smtpd",))
            place = (server.address, server.port("smtp"))
        for sender in (LIST, "list+x@example.test", '"odd one"@example.test'):
            for option in ways.values():
                with smtplib.SMTP(*place, timeout=60) as client:
                    client.ehlo("client.test")
                    equal(client.docmd(f"MAIL FROM:<{sender}> {option}")[0], 250, f"MAIL of {kind}")
                    for address in addresses:
                        equal(client.docmd(f"RCPT TO:<{address}>")[0], 250, f"RCPT of {kind}")
                    client.data(letter("x", to=LIST))
        eventually(lambda s=sink: len(s.transactions) == 6 * len(addresses), f"{kind} sends one copy to each")
        seen.append(pairs(sink))
    equal(seen[1], seen[0], "who sent to whom")

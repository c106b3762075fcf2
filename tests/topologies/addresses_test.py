"""One address in all its spellings: U-labels and A-labels, upper and lower case, composed and decomposed."""
import base64
import os

from harness import Shared, contains, equal, eventually, test
from mailhost import Host, letter, unverified
from peers import Sink

EVA, JOSE = "eva@xn--bcher-kva.test", "jos\u00e9@example.test"  # as accounts are named
SPELLINGS = {EVA: ("eva@b\u00fccher.test", EVA, "Eva@BU\u0308CHER.Test", "EVA@XN--BCHER-KVA.test"),
             JOSE: (JOSE, "JOS\u00c9@example.test", "jose\u0301@EXAMPLE.test")}
MUELL = ("m\u00fcll.test", "xn--mll-hoa.test", "M\u00dcLL.test")


class Bookshop:
    """A destination whose settings and tables are written with U-labels here, with A-labels there."""

    def __init__(self, t):
        self.host = Host(t, {
            "mydestination": ["$myhostname", "example.test", "b\u00fccher.test"],
            "virtual_alias_domains": ["gr\u00fcn.test", "xn--wei-7ka.test"],
            "relay_domains": ["\u2603.test"],
            "relocated_maps": "inline:{moved@b\u00fccher.test=eva@elsewhere.test}",
            "transport_maps": "inline:{ {\u2603.test = error:5.7.1 no snow}, {xn--rger-koa.test = error:5.7.1 no anger} }",
            "auth_failure_delay": "0s",
            "smtpd_sender_restrictions": ["check_sender_access inline:{m\u00fcll.test=REJECT, xn--mst-qla.test=REJECT}"]},
            start=False)
        virtual = self.host.write("etc/virtual", "@gr\u00fcn.test eva@b\u00fccher.test\nann@wei\u00df.test " + JOSE + "\n")
        self.host.settings["virtual_alias_maps"] = "hash:" + virtual
        self.host.write_settings()
        self.host.command("postmap", virtual)
        for name in ("Eva@B\u00fccher.test", "Jose\u0301@example.test"):
            contains(self.host.command("pennypost", "user", "add", name, input="secret\n").stdout, " added", "user add")
        self.host.start()

    def try_rcpt(self, recipient, sender="ann@client.test"):
        """The last reply to MAIL and RCPT, as text."""
        with self.host.smtp() as client:
            client.command_encoding = "utf-8"
            client.ehlo()
            code, text = client.docmd(f"MAIL FROM:<{sender}> SMTPUTF8")
            if code == 250:
                code, text = client.docmd(f"RCPT TO:<{recipient}>")
            return f"{code} {text.decode()}"


shop = Shared(Bookshop)


@test("own users in a domain with U-labels get mail, log in and are found by every spelling of their address")
def users(_):
    host = shop.get().host
    listed = host.command("pennypost", "user", "list").stdout
    for name in (EVA, JOSE, "eva@b\u00fccher.test"):
        contains(listed, name, "user list")
    for account, spellings in SPELLINGS.items():
        for count, spelling in enumerate(spellings, 1):
            with host.smtp() as client:
                client.command_encoding = "utf-8"
                client.ehlo()
                equal(client.mail("ann@client.test", ["SMTPUTF8"])[0], 250, "MAIL")
                equal(client.rcpt(spelling)[0], 250, f"RCPT {spelling}")
                equal(client.data(letter("hello"))[0], 250, "DATA")
            host.wait_messages(account, count)
        for spelling in spellings:
            log_in_everywhere(host, spelling)


def log_in_everywhere(host, login):
    """IMAP by LOGIN and PLAIN, POP3, submission."""
    plain = f"\0{login}\0secret".encode()
    with host.imap() as client:
        equal(client.authenticate("PLAIN", lambda _: plain)[0], "OK", f"AUTHENTICATE as {login}")
        equal(client.select()[0], "OK", "SELECT")
    with host.imap() as client:
        client.send(f'x LOGIN "{login}" secret\r\n'.encode())
        contains(client.readline().decode(), "x OK", f"LOGIN as {login}")
    pop = host.pop3()
    pop.encoding = "utf-8"
    pop.user(login)
    contains(pop.pass_("secret").decode(), "+OK", f"PASS as {login}")
    pop.quit()
    with host.smtp("submission") as client:
        client.starttls(context=unverified())
        client.ehlo()
        code, text = client.docmd("AUTH", "PLAIN " + base64.b64encode(plain).decode())
        equal(code, 235, f"submission as {login}: {text}")


@test("tables and lists with U-labels hold for A-labels, and the other way round")
def tables(_):
    host = shop.get()
    for domain in MUELL + ("m\u00e4st.test", "xn--mst-qla.test"):
        contains(host.try_rcpt(JOSE, f"x@{domain}"), "554 5.7.1", f"sender in {domain}")
    for recipient in ("any@gr\u00fcn.test", "any@xn--grn-ioa.test", "ann@wei\u00df.test", "ann@xn--wei-7ka.test"):
        contains(host.try_rcpt(recipient), "250", recipient)
    for recipient in ("moved@b\u00fccher.test", "moved@xn--bcher-kva.test"):
        contains(host.try_rcpt(recipient), "5.1.6", recipient)
    for recipient in ("x@\u2603.test", "x@xn--n3h.test"):
        contains(host.try_rcpt(recipient), "no snow", recipient)
    contains(host.try_rcpt("nobody@b\u00fccher.test"), "5.1.1", "an unknown user")


@test("a user outside mydestination is added with a warning, and goes by any spelling")
def warned(t):
    host = Host(t, {"mydestination": ["example.test"]}, start=False)
    added = host.command("pennypost", "user", "add", "ann@m\u00fcll.test", input="secret\n").stderr
    contains(added, "warning: m\u00fcll.test (xn--mll-hoa.test) is not in mydestination", "what user add says")
    equal(host.command("pennypost", "user", "add", "ann@example.test", input="secret\n").stderr, "", "of a domain of ours")
    contains(host.command("pennypost", "user", "del", "ann@xn--mll-hoa.test").stdout, "removed", "user del")
    equal(host.command("pennypost", "user", "list").stdout.count("xn--"), 0, "users left")


CANONICAL = {"canonical_maps": "inline:{ @pc1.example.test=@example.test, alice=Alice.Liddell@example.test, "
                               "Alice.Liddell@example.test=Alice.Liddell@example.test, out@far.test=in@far.test }",
             "virtual_alias_maps": "inline:{ Alice.Liddell@example.test=alice@example.test }"}
HEADER = ("From: \"Alice (at home)\" <alice@pc1.example.test>\r\nReply-To: alice@pc1.example.test (me),\r\n\troot@pc1.example.test\r\n"
          "To: out@far.test, x@far.test\r\nCc: Team: alice@pc1.example.test;\r\nSubject: alice@pc1.example.test\r\n"
          "Date: Sun, 29 Nov 2026 00:00:00 +0000\r\nMessage-ID: <alice@pc1.example.test>\r\n")
BODY = "\r\nFrom: alice@pc1.example.test\r\n\r\nbody of alice@pc1.example.test\r\n"
REWRITTEN = (HEADER.replace("<alice@pc1.example.test>\r\nReply-To: alice@pc1.example.test (me),\r\n\troot@pc1.example.test",
                            "<Alice.Liddell@example.test>\r\nReply-To: Alice.Liddell@example.test (me),\r\n\troot@example.test")
             .replace("out@far.test", "in@far.test").replace("Team: alice@pc1.example.test", "Team: Alice.Liddell@example.test"))


def relay_to(t, sink, **settings):
    return Host(t, {**CANONICAL, "relayhost": f"[{sink.address}]:{sink.port}", "message_drop_headers": [], **settings},
                daemons=("smtpd",))


def post(host, *options, text=HEADER + BODY):
    host.command("sendmail", "-i", "-f", "alice@pc1.example.test", *options, "out@far.test", input=text.replace("\r\n", "\n"))


@test("one return address for all mail that leaves, whichever way it came in; the body stays as it is")
def consistent(t):
    sink = Sink(t, "127.0.0.22")
    host = relay_to(t, sink)
    with host.smtp() as client:
        client.sendmail("alice@pc1.example.test", ["out@far.test"], HEADER + BODY)
    host.submit("alice@example.test", "alice@pc1.example.test", ["out@far.test"], HEADER + BODY)
    post(host)
    eventually(lambda: len(sink.transactions) == 3, "these have left")
    host.stop("smtpd")
    post(host)  # postdrop keeps it
    host.start("smtpd")
    with host.smtp() as client:
        client.sendmail("alice@pc1.example.test", ["out@far.test"], (HEADER + BODY + "x" * 70 + "\r\n" * 60000))
    eventually(lambda: len(sink.transactions) == 5, "all are relayed")
    for one in sink.transactions:
        equal((one.sender, one.recipients), ("Alice.Liddell@example.test", ["in@far.test"]), "envelope")
        text = one.data.decode()
        start = text.index("From: \"Alice")
        equal(text[start:start + len(REWRITTEN + BODY)], REWRITTEN + BODY, "header and body")
    host.wait_queue(0)


@test("strangers' headers stay as they are, their envelopes do not, and a report goes to the address that mail now bears")
def strangers(t):
    sink = Sink(t, "127.0.0.22", {"RCPT TO:<in@far.test>": "550 5.1.1 nobody"})
    host = relay_to(t, sink, mynetworks=["127.0.0.9/32"], local_header_rewrite_clients=["permit_mynetworks"],
                    relay_domains=["far.test"])
    with host.smtp() as client:
        client.sendmail("alice@pc1.example.test", ["x@far.test", "out@far.test"], HEADER + BODY)
    eventually(lambda: sink.transactions, "it is relayed")
    equal(sink.transactions[0].sender, "Alice.Liddell@example.test", "the sender")
    contains(sink.transactions[0].data.decode(), HEADER + BODY, "header and body")
    report = host.wait_messages("alice@example.test", 1)[0]
    with open(report, "rb") as file:
        contains(file.read(), b"in@far.test", "the report")
    host.wait_queue(0)


@test("where a canonical table can't tell, clients are asked to come again, and what sendmail posts waits")
def later(t):
    sink = Sink(t, "127.0.0.22")
    table = os.path.join(t.folder, "host", "etc", "senders")
    host = relay_to(t, sink, sender_canonical_maps="hash:" + table)
    with host.smtp() as client:
        client.mail("alice@pc1.example.test")
        client.rcpt("x@far.test")
        code, text = client.data(HEADER + BODY)
        equal((code, text.split()[0]), (451, b"4.3.0"), "DATA")
    post(host)
    equal(sink.transactions, [], "what left")
    host.command("postmap", host.write("etc/senders", "alice@pc1.example.test pc@example.test\n"))
    host.reload("smtpd")
    post(host)
    # What waits in maildrop is looked at again when smtpd starts, and each minute.
    host.stop("smtpd")
    host.start("smtpd")
    eventually(lambda: len(sink.transactions) == 2, "mail leaves when the table is there", seconds=30)
    equal({one.sender for one in sink.transactions}, {"pc@example.test"}, "the senders")

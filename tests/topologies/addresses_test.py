"""One address in all its spellings: U-labels and A-labels, upper and lower case, composed and decomposed."""
import base64

from harness import Shared, contains, equal, test
from mailhost import Host, letter, unverified

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


@test("own users in a domain with U-labels get mail, log in and are found by every spelling of their address", seconds=60)
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


@test("a user outside mydestination is added with a warning, and goes by any spelling", seconds=60)
def warned(t):
    host = Host(t, {"mydestination": ["example.test"]}, start=False)
    added = host.command("pennypost", "user", "add", "ann@m\u00fcll.test", input="secret\n").stderr
    contains(added, "warning: m\u00fcll.test (xn--mll-hoa.test) is not in mydestination", "what user add says")
    equal(host.command("pennypost", "user", "add", "ann@example.test", input="secret\n").stderr, "", "of a domain of ours")
    contains(host.command("pennypost", "user", "del", "ann@xn--mll-hoa.test").stdout, "removed", "user del")
    equal(host.command("pennypost", "user", "list").stdout.count("xn--"), 0, "users left")

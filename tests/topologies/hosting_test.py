"""Hosted domains, whose users are own users alone; and who gets the mail that no user of a final domain claims."""
from harness import contains, equal, eventually, test
from mailhost import Host, letter, unverified
from peers import Sink

ANN = "ann@hosted.test"


def rcpt(host, address, source=None):
    """The reply to RCPT, as text."""
    with host.smtp(source=source) as client:
        client.ehlo()
        client.mail("x@client.test")
        code, text = client.rcpt(address)
    return f"{code} {text.decode()}"


@test("a domain that pennypost domain adds gets mail for its own users at once, and is refused when it is removed")
def hosted(t):
    host = Host(t, {"mynetworks": ["127.0.0.9/32"], "mydestination": ["example.test"], "alias_maps": "inline:{staff=alice}"})
    contains(rcpt(host, ANN), "554 5.7.1", "before the domain is ours")
    contains(host.command("pennypost", "domain", "add", "Hosted.test").stdout, "hosted.test added", "domain add")
    host.users[ANN] = "ann-secret"
    added = host.command("pennypost", "user", "add", ANN, input="ann-secret\n")
    equal((added.stdout, added.stderr), (f"{ANN} added\n", ""), "user add")
    eventually(lambda: rcpt(host, ANN).startswith("250"), "the domain is hosted", 10)
    contains(rcpt(host, "nobody@hosted.test"), "550 5.1.1 <nobody@hosted.test>: Recipient address rejected: "
             "User unknown in virtual mailbox table", "an unknown user")
    contains(rcpt(host, "alice@hosted.test"), "550 5.1.1", "a user of another domain")
    contains(rcpt(host, "staff@hosted.test"), "550 5.1.1", "an alias of the final domains")
    with host.smtp() as client:
        client.sendmail("x@client.test", [ANN], letter("hello"))
    host.wait_messages(ANN, 1)
    host.wait_log(r"virtual\[\d+\]: \w+: to=<ann@hosted\.test>, relay=virtual, .*status=sent ")
    client = host.imap(ANN)
    equal(client.select()[1], [b"1"], "ann's messages by IMAP")
    client.logout()
    with host.smtp("submission") as client:
        client.starttls(context=unverified())
        client.login(ANN, "ann-secret")
        client.sendmail(ANN, ["alice@example.test"], letter("and back", sender=ANN))
    host.wait_messages("alice@example.test", 1)
    equal(host.command("pennypost", "domain", "list").stdout, "hosted.test\n", "domain list")
    removed = host.command("pennypost", "domain", "del", "hosted.test")
    contains(removed.stderr, "users of hosted.test that are left, and get no mail from outside: 1", "domain del")
    eventually(lambda: rcpt(host, ANN).startswith("554 5.7.1"), "the domain is no longer ours", 10)


@test("the domains of each class are read from a table as well as from the list itself")
def from_tables(t):
    host = Host(t, {"mynetworks": ["127.0.0.9/32"]}, daemons=("smtpd",), start=False)
    host.settings.update({
        "mydestination": ["$myhostname", "example.test", "hash:" + host.write("etc/final", "final.test x\n")],
        "virtual_alias_domains": "hash:" + host.write("etc/aliased", "aliased.test x\n"),
        "virtual_alias_maps": "inline:{info@aliased.test=alice@example.test}",
        "virtual_mailbox_domains": host.write("etc/hosted", "# ours\nhosted.test\n"),
        "relay_domains": "texthash:" + host.write("etc/relayed", "relayed.test x\n")})
    host.write_settings()
    for file in ("final", "aliased"):
        host.command("postmap", host.etc + "/" + file)
    host.command("pennypost", "user", "add", ANN, input="ann-secret\n")
    host.command("pennypost", "user", "add", "ann@final.test", input="ann-secret\n")
    host.start()
    for address in ("ann@final.test", "info@aliased.test", ANN, "any@relayed.test"):
        contains(rcpt(host, address), "250 2.1.5", address)
    for address, table in (("no@final.test", "local recipient"), ("no@aliased.test", "virtual alias"),
                           ("no@hosted.test", "virtual mailbox")):
        contains(rcpt(host, address), f"User unknown in {table} table", address)
    contains(rcpt(host, "any@else.test"), "554 5.7.1", "a foreign domain")


@test("mail of unknown users goes to fallback_transport or luser_relay, and clients may send it where local_recipient_maps is empty",
      seconds=60)
def unknown(t):
    sink = Sink(t, "127.0.0.22")
    host = Host(t, {"fallback_transport_maps": f"inline:{{carol=smtp:[{sink.address}]:{sink.port}}}",
                    "luser_relay": "bob+$local", "recipient_delimiter": "+"}, daemons=("smtpd",))
    contains(rcpt(host, "nobody@example.test"), "550 5.1.1", "as long as local_recipient_maps is unset")
    host.command("sendmail", "-i", "carol@example.test", "nobody@example.test", input="Subject: x\n\nx\n")
    eventually(lambda: sink.transactions, "carol's mail goes to the fallback")
    equal(sink.transactions[0].recipients, ["carol@example.test"], "its recipient")
    with open(host.wait_messages("bob@example.test", 1)[0], encoding="utf-8") as file:
        text = file.read()
    contains(text, "X-Original-To: nobody@example.test", "whom it was for")
    contains(text, "Delivered-To: bob+nobody@example.test", "who got it")
    host.settings["local_recipient_maps"] = ""
    host.write_settings()
    host.reload("smtpd")
    eventually(lambda: rcpt(host, "who@example.test").startswith("250"), "any name is accepted")
    with host.smtp() as client:
        client.sendmail("x@client.test", ["who@example.test"], letter("hello"))
    host.wait_messages("bob@example.test", 2)
    host.wait_queue(0)

"""Mail that would come back to this host ends at once, and nothing comes of its reports but one."""
import re

from harness import check, contains, equal, eventually, test
from mailhost import Host, letter
from peers import NameServer, Sink

ALICE, BOB, FAR = "alice@example.test", "bob@example.test", "someone@far.test"
LOOPS = r"to=<someone@far\.test>.*dsn=5\.4\.6, status=bounced \(mail for .* loops back to myself\)"


def host_of(t, **settings):
    """Not started; its own port is known."""
    return Host(t, {"delay_warning_time": "0s", **settings}, daemons=("smtpd",), start=False)


def try_both_senders(host):
    """A user here is told once; a stranger's report loops as well, and ends."""
    for sender in (ALICE, "stranger@far.test"):
        with host.smtp() as client:
            client.sendmail(sender, [FAR], letter("round"))
        host.wait_queue(0)
    equal(len(host.messages(ALICE)), 1, "what alice gets")
    with open(host.messages(ALICE)[0], "rb") as file:
        contains(file.read(), b"5.4.6", "her report")
    log = host.log()
    equal(len(re.findall(LOOPS, log)), 2, "deliveries that looped")
    check(re.search(r"to=<stranger@far\.test>.*dsn=5\.4\.6, status=bounced", log), "the stranger's report loops, too")
    equal(log.count("sender non-delivery notification"), 2, "reports")


@test("a relayhost that is this host ends mail with 5.4.6, and its reports once")
def relayhost_is_self(t):
    host = host_of(t)
    host.settings["relayhost"] = f"[127.0.0.1]:{host.port('smtp')}"
    host.write_settings()
    host.start()
    try_both_senders(host)
    contains(host.log(), "warning: relayhost configuration problem", "the admin's remedy")
    check("connect from" not in host.log().partition("round")[2], "it was connected to")


@test("an MX that is an address of proxy_interfaces ends mail with 5.4.6")
def mx_is_proxy(t):
    names = NameServer(t, "--mx-host=far.test,mx.far.test,10", "--host-record=mx.far.test,127.0.0.77")
    host = host_of(t, proxy_interfaces=["127.0.0.77"], dns_servers=[names.address])
    host.settings["smtp_target_port"] = host.port("smtp")
    host.write_settings()
    host.start()
    try_both_senders(host)


@test("a next hop that bears this host's name ends mail with 5.4.6, and no other is tried")
def named_like_us(t):
    for words in ({"CONNECT": "220 mail.example.test ESMTP"}, {"EHLO": "500 what", "HELO": "250 Mail.Example.Test hello"}):
        sink, other = Sink(t, "127.0.0.22", words), Sink(t, "127.0.0.23")
        host = Host(t, {"relayhost": f"[{sink.address}]:{sink.port}", "smtp_fallback_relay": [f"[{other.address}]:{other.port}"],
                        "smtp_target_port": sink.port}, daemons=("smtpd",), name="of" + next(iter(words)))
        try_both_senders(host)
        equal((sink.transactions, other.commands), ([], []), "what the next hops got")
        eventually(lambda sink=sink: "QUIT" in sink.commands, "we leave politely")
        contains(host.log(), "with my own hostname mail.example.test", "the log")
        host.stop("smtpd")


@test("at another port a next hop may bear this host's name, as a content filter that passes our greeting on")
def filter_named_like_us(t):
    sink = Sink(t, "127.0.0.24", {"CONNECT": "220 mail.example.test ESMTP"})
    host = Host(t, {"content_filter": f"smtp:[{sink.address}]:{sink.port}"}, daemons=("smtpd",))
    host.command("sendmail", "alice@example.test", input="Subject: x\n\nx\n")
    eventually(lambda: sink.transactions, "the filter has the message")
    equal(sink.transactions[0].recipients, ["alice@example.test"], "for whom")


def circle(t, one, other):
    """Two hosts, each with its own domain and the way to the other's; `one` and `other`: their further settings."""
    hosts = []
    for name, address in (("one", "127.0.0.31"), ("two", "127.0.0.32")):
        hosts.append(Host(t, {"myhostname": f"mail.{name}.test", "mydomain": f"{name}.test", "mydestination": f"{name}.test",
                              "smtp_bind_address": address, "mynetworks": ["127.0.0.0/8"], "delay_warning_time": "0s"},
                          users={f"alice@{name}.test": "secret"}, daemons=("smtpd",), name=name, address=address, start=False))
    for host, further, next_host, domain in ((hosts[0], one, hosts[1], "two.test"), (hosts[1], other, hosts[0], "one.test")):
        aliases = further.pop("aliases", None)
        host.settings.update(further)
        host.settings["transport_maps"] = f"inline:{{{domain}=smtp:[{next_host.address}]:{next_host.port('smtp')}}}"
        host.write_settings()
        if aliases:
            host.write("etc/aliases", aliases)
            host.command("newaliases")
        host.start()
    return hosts


def one_report(host, pattern):
    """The sender's report says why, and both queues empty themselves."""
    with open(host.wait_messages("alice@one.test", 1)[0], "rb") as file:
        text = file.read()
    check(re.search(pattern, text), f"the report lacks {pattern}: {text.decode(errors='replace')[:3000]}")


@test("aliases of two hosts that lead to each other: Delivered-To ends it the second time round, and the sender is told")
def circle_of_aliases(t):
    one, two = circle(t, {"aliases": "bob: bob@two.test\n"}, {"aliases": "bob: bob@one.test\n"})
    with one.smtp() as client:
        client.sendmail("alice@one.test", ["bob@one.test"], letter("round"))
    one_report(one, rb"mail forwarding loop for bob@one\.test")
    for host in (one, two):
        host.wait_queue(0)
    equal(two.log().count("to=<bob@one.test>, orig_to=<bob@two.test>"), 1, "how often it went back")
    equal(len(one.messages("alice@one.test")), 1, "what alice gets")


@test("virtual aliases of two hosts that lead to each other: hopcount_limit ends it, and the sender is told", seconds=120)
def circle_of_virtual_aliases(t):
    one, two = circle(t, {"virtual_alias_maps": "inline:{bob@one.test=bob@two.test}", "hopcount_limit": 20},
                      {"virtual_alias_maps": "inline:{bob@two.test=bob@one.test}", "hopcount_limit": 20})
    with one.smtp() as client:
        client.sendmail("alice@one.test", ["bob@one.test"], letter("round"))
    one_report(one, rb"554 5\.4\.0 Error: too many hops")
    for host in (one, two):
        host.wait_queue(0)
    equal(one.log().count("status=sent (250"), 10, "how often it went from here")
    equal(len(one.messages("alice@one.test")), 1, "what alice gets")

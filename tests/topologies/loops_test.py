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


@test("a relayhost that is this host ends mail with 5.4.6, and its reports once", seconds=60)
def relayhost_is_self(t):
    host = host_of(t)
    host.settings["relayhost"] = f"[127.0.0.1]:{host.port('smtp')}"
    host.write_settings()
    host.start()
    try_both_senders(host)
    contains(host.log(), "warning: relayhost configuration problem", "the admin's remedy")
    check("connect from" not in host.log().partition("round")[2], "it was connected to")


@test("an MX that is an address of proxy_interfaces ends mail with 5.4.6", seconds=60)
def mx_is_proxy(t):
    names = NameServer(t, "--mx-host=far.test,mx.far.test,10", "--host-record=mx.far.test,127.0.0.77")
    host = host_of(t, proxy_interfaces=["127.0.0.77"], dns_servers=[names.address])
    host.settings["smtp_target_port"] = host.port("smtp")
    host.write_settings()
    host.start()
    try_both_senders(host)


@test("a next hop that bears this host's name ends mail with 5.4.6, and no other is tried", seconds=60)
def named_like_us(t):
    for words in ({"CONNECT": "220 mail.example.test ESMTP"}, {"EHLO": "500 what", "HELO": "250 Mail.Example.Test hello"}):
        sink, other = Sink(t, "127.0.0.22", words), Sink(t, "127.0.0.23")
        host = Host(t, {"relayhost": f"[{sink.address}]:{sink.port}", "smtp_fallback_relay": [f"[{other.address}]:{other.port}"]},
                    daemons=("smtpd",), name="of" + next(iter(words)))
        try_both_senders(host)
        equal((sink.transactions, other.commands), ([], []), "what the next hops got")
        eventually(lambda sink=sink: "QUIT" in sink.commands, "we leave politely")
        contains(host.log(), "with my own hostname mail.example.test", "the log")
        host.stop("smtpd")

"""What depends on a message's sender: the transport, the login at the next hop; and transports made by postconf -e."""
import smtplib
import time

from harness import check, equal, eventually, test
from mailhost import Host, letter
from peers import Sink
from postfix import Postfix

OURS, THEIRS = "127.0.0.38", "127.0.0.39"
SENDERS = ["ann@one.test", "ann+x@one.test", "bob@one.test", "eve@two.test", "dun@two.test", ""]


def send(address, port, sender, recipient):
    with smtplib.SMTP(address, port, timeout=60) as client:
        client.sendmail(sender, [recipient], letter("x", to=recipient))


@test("sender_dependent_default_transport_maps leads mail where Postfix leads it")
def transports(t):
    seen = []
    for kind in ("postfix", "ours"):
        sinks = [Sink(t) for _ in range(4)]
        hops = [f"[{sink.address}]:{sink.port}" for sink in sinks]
        table = (f"inline:{{{{ann@one.test=smtp:{hops[0]}}},{{@one.test=smtp:{hops[1]}}},"
                 f"{{eve@two.test=smtp:}},{{dun@two.test=DUNNO}},{{<>=smtp:{hops[2]}}}}}")
        settings = {"sender_dependent_default_transport_maps": table, "relayhost": hops[3], "recipient_delimiter": "+",
                    "transport_maps": f"inline:{{{{mapped.test=smtp:{hops[2]}}}}}"}
        if kind == "postfix":
            server = Postfix(t, "post.test", settings, THEIRS)
            place = (THEIRS, server.port)
        else:
            server = Host(t, {**settings, "mynetworks": ["127.0.0.0/8"]}, daemons=("smtpd",), address=OURS)
            place = (OURS, server.port("smtp"))
        for number, sender in enumerate(SENDERS):
            send(*place, sender, f"r{number}@far.test")
            send(*place, sender, f"r{number}@mapped.test")
        eventually(lambda s=sinks: sum(len(sink.transactions) for sink in s) == 2 * len(SENDERS), f"{kind} has sent all")
        seen.append([sorted((one.sender, *one.recipients) for one in sink.transactions) for sink in sinks])
    equal(seen[1], seen[0], "who got what")
    equal([len(one) for one in seen[1]], [2, 1, 7, 2], "messages at each next hop")


@test("with smtp_sender_dependent_authentication each sender has a login, and a connection is not used for another's mail")
def logins(t):
    sink = Sink(t, answers={"AUTH": "235 2.7.0 Ok"}, keywords=("PIPELINING", "AUTH PLAIN"))
    hop = f"[{sink.address}]:{sink.port}"
    host = Host(t, {"relayhost": hop, "smtp_sasl_auth_enable": True, "smtp_sasl_security_options": "noanonymous",
                    "smtp_sender_dependent_authentication": True, "smtp_destination_concurrency_limit": 1,
                    "defer_transports": "smtp",  # all wait, so that the next hop is busy enough for connections to be kept
                    "smtp_sasl_password_maps": f"inline:{{{{ann@example.test=ann:a}},{{bob@example.test=bob:b}},{{{hop}=all:c}}}}"},
                daemons=("smtpd",))
    senders = ["ann@example.test", "bob@example.test", "x@example.test"] * 4
    for number, sender in enumerate(senders):
        send(host.address, host.port("smtp"), sender, f"r{number}@far.test")
    host.settings["defer_transports"] = ""
    host.write_settings()
    host.reload("smtpd")
    eventually(lambda: host.command("postqueue", "-f") and len(sink.transactions) == len(senders), "all are sent")
    names = {"AGFubgBh": "ann", "AGJvYgBi": "bob", "AGFsbABj": "x"}
    for one in sink.transactions:
        logged_in = [names[command.split()[2]] for command in one.commands if command.startswith("AUTH PLAIN ")]
        equal(logged_in, [one.sender.partition("@")[0]], f"the login of the connection with {one.sender}'s mail")
    check(sink.connections < len(senders), f"{sink.connections} connections: none was kept")


@test("a transport is made by postconf -e, with its limits under Postfix's names, and mail goes by it after a reload")
def made_by_postconf(t):
    sink = Sink(t)
    host = Host(t, daemons=("smtpd",))
    refused = host.command("postconf", "-e", "transport.slow.smtp_helo_name=x.test", ok=False)
    equal((refused.returncode, refused.stderr), (1, "postconf: fatal: transport.slow.smtp_helo_name: there is no such section; begin it "
                                                 "with transport.slow.kind=smtp\n"), "a section without kind")
    host.command("postconf", "-e", "transport.slow.smtp_helo_name=slow.example.test", "transport.slow.kind=smtp",
                 f"relayhost=[{sink.address}]:{sink.port}", "default_transport=slow")
    host.command("postconf", "-e", "slow_destination_rate_delay=2s")
    equal(host.command("postconf", "-h", "transport.slow.smtp_helo_name", "slow_destination_rate_delay").stdout.split(),
          ["2s", "slow.example.test"], "what postconf shows")
    wrong = host.command("postconf", "-e", "quick_destination_rate_delay=2s", ok=False)
    check(wrong.returncode == 1 and "unknown setting" in wrong.stderr, f"no such transport: {wrong}")
    host.command("pennypost", "check")
    host.reload("smtpd")
    host.wait_log("reload")
    for number in range(3):
        host.command("sendmail", "-f", "alice@example.test", f"r{number}@far.test", input="Subject: x\n\nx\n")
    eventually(lambda: len(sink.transactions) == 1, "the first is sent")
    began = time.monotonic()
    eventually(lambda: len(sink.transactions) == 3, "all are sent")
    check(time.monotonic() - began > 2, "with pauses between them")
    check(all(command in ("EHLO slow.example.test", *[c for c in sink.commands if not c.startswith("EHLO")]) for command in sink.commands),
          f"each EHLO has the transport's name: {sink.commands}")

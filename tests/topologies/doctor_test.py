"""`pennypost doctor` beside a real DNS server, in a network of its own: what is well, and each thing that is not."""
import json

from harness import check, contains, equal, test
from netns import Network, PlacedHost
from peers import NameServer, Sink

PUBLIC = "5.6.7.8"
GOOD = ["--mx-host=example.test,mail.example.test,10", f"--host-record=mail.example.test,{PUBLIC}",
        "--txt-record=example.test,v=spf1 mx -all", "--txt-record=_dmarc.example.test,v=DMARC1; p=none"]


class Checked:
    """A destination with a public address, and the world, where the DNS server and far.test's mail host are."""

    def __init__(self, t, records, settings=None):
        network = Network(t)
        home, world = network.place("home"), network.place("world")
        home.ip("address", "add", f"{PUBLIC}/32", "dev", "eth0")
        NameServer(t, "--mx-host=far.test,mx.far.test,10", f"--host-record=mx.far.test,{world.address}", *records, place=world)
        with world:
            self.far = Sink(t, world.address)
        self.home = home
        self.host = PlacedHost(t, home, {"myhostname": "mail.example.test", "mydomain": "example.test", "dns_servers": world.address,
                                         "dns_timeout": "2s", "smtp_target_port": self.far.port, "dkim_signing": False, **(settings or {})})

    def doctor(self, *arguments):
        """Its findings by their first words, and its exit status."""
        with self.home:
            done = self.host.command("pennypost", "doctor", "--json", "--probe", "far.test", *arguments, ok=False)
        findings = [json.loads(line) for line in done.stdout.splitlines()]
        check(findings, done.stderr)
        return findings, done.returncode


def levels(findings, area):
    return {finding["what"]: finding["level"] for finding in findings if finding["area"] == area}


@test("doctor finds DNS, relaying and the way out well on a host that is set up right")
def well(t):
    checked = Checked(t, GOOD)
    findings, _ = checked.doctor()
    equal({level for area in ("dns", "relaying", "way out", "block lists", "daemons", "queue") for level in levels(findings, area).values()},
          {"good"}, f"{findings}")
    contains(levels(findings, "certificate"), "it is self-signed", "what a test's certificate is")


@test("doctor names each thing that keeps mail away, with what to do")
def broken(t):
    checked = Checked(t, ["--host-record=mail.example.test,9.9.9.9", "--txt-record=example.test,v=spf1 ip4:9.9.9.9 -all",
                          "--address=/8.7.6.5.zen.spamhaus.org/127.0.0.4"],
                      {"smtpd_relay_restrictions": "check_sender_access inline:{example.com=OK}, reject_unauth_destination",
                       "dkim_signing": True})
    checked.far.stop()
    checked.host.stop("popd")
    findings, status = checked.doctor()
    equal(status, 1, "there is something wrong")
    found = {finding["what"]: finding for finding in findings}
    for what, level in {"popd does not run": "problem", f"{PUBLIC} has no name (PTR)": "problem", "example.test has no MX record": "problem",
                        f"SPF of example.test does not allow {PUBLIC}: fail": "problem", "example.test has no DMARC record": "warning",
                        "mail of example.test is not signed (DKIM)": "warning",
                        f"mail.example.test is 9.9.9.9, and this host has {PUBLIC}": "warning",
                        f"{PUBLIC} is listed by zen.spamhaus.org": "problem",
                        "a stranger may send mail to <relaytest@example.net>: 250 Ok": "problem"}.items():
        check(what in found, f"{what} is not among {sorted(found)}")
        equal(found[what]["level"], level, what)
        check(found[what]["why"] and found[what]["remedy"], f"why and what to do: {found[what]}")
    check(any(what.startswith("no mail gets out to far.test") for what in found), f"{sorted(found)}")


@test("doctor --mail mails postmaster what is new, once")
def mailed(t):
    checked = Checked(t, GOOD)
    host = checked.host
    host.write("etc/aliases", "postmaster: alice@example.test\n")
    host.command("newaliases")
    with checked.home:
        for _ in range(2):
            equal(host.command("pennypost", "doctor", "--probe", "far.test", "--mail", ok=False).stdout, "", "nothing is printed")
    host.wait_messages("alice@example.test", 1)
    with open(host.messages("alice@example.test")[0], encoding="utf-8") as message:
        contains(message.read(), "warning: certificate: it is self-signed", "the finding")
    host.wait_queue(0)
    equal(len(host.messages("alice@example.test")), 1, "what is known is not mailed again")

"""Four hosts, each with a network of its own: a null client, a relay, the destination; and a DNS server between them."""
import os
import re
import smtplib

from harness import Shared, check, contains, equal, eventually, test
from mailhost import TOP, Host, letter
from netns import Network, PlacedHost
from peers import NameServer

BOB = "bob@dest.test"
RETRIES = {"minimal_backoff_time": "2s", "maximal_backoff_time": "5s"}
PATIENT = {"minimal_backoff_time": "1000s", "maximal_backoff_time": "2000s"}


class Hosts:
    """dest.test has an MX with an A record, six.test one with an AAAA record alone, old.test no MX; all lead home."""

    def __init__(self, t):
        network = Network(t)
        places = {name: network.place(name) for name in ("home", "relay", "client", "names")}
        home, relay, self.names = places["home"], places["relay"], places["names"]
        names = NameServer(t, "--mx-host=dest.test,mail.dest.test,10", f"--host-record=mail.dest.test,{home.address}",
                           "--mx-host=six.test,mail.six.test,10", f"--host-record=mail.six.test,{home.address6}",
                           f"--host-record=old.test,{home.address6}", f"--host-record=smtp1.relay.test,{relay.address}",
                           f"--host-record=ws1.client.test,{places['client'].address}", place=places["names"])
        common = {"dns_servers": [names.address], "smtpd_peername_lookup": True, **RETRIES}
        self.home = PlacedHost(t, home, {
            **common, "mydomain": "dest.test", "myhostname": "mail.dest.test",
            "virtual_alias_domains": ["six.test", "old.test"],
            "virtual_alias_maps": f"inline:{{ bob@six.test={BOB}, bob@old.test={BOB} }}"}, users={BOB: "bob-secret"})
        self.relay = PlacedHost(t, relay, {
            **common, "role": "relay", "mydomain": "relay.test", "myhostname": "smtp1.relay.test",
            "mynetworks": [places["client"].address, places["client"].address6], "dns_servers": [names.address]},
            users={}, daemons=("smtpd",))
        self.client = PlacedHost(t, places["client"], {
            **common, "role": "null-client", "mydomain": "client.test", "myhostname": "ws1.client.test",
            "relayhost": "smtp1.relay.test", "submission_port": None, "submissions_port": None, "alias_maps": None},
            users={}, daemons=("smtpd",))

    def send(self, recipient, message):
        self.client.command("sendmail", "-i", "-f", "ann@client.test", recipient,
                            input=message.replace(b"\r\n", b"\n").decode())

    def arrived(self, subject):
        """The message of this subject, when it is in bob's mailbox."""
        def find():
            texts = [stored(path) for path in self.home.messages(BOB)]
            return [text for text in texts if f"Subject: {subject}\n".encode() in text]
        found = eventually(find, f"{subject} arrives")
        equal(len(found), 1, f"copies of {subject}")
        return found[0]


hosts_shared = Shared(Hosts)


def stored(path):
    with open(path, "rb") as file:
        return file.read()


@test("a message goes from a null client over a relay and its MX look-up to the destination, and is read there")
def all_the_way(t):
    del t
    hosts = hosts_shared.get()
    message = letter("all the way", "Hello.\r\n.dot\r\n", sender="ann@client.test", to=BOB)
    hosts.send(BOB, message)
    text = hosts.arrived("all the way")
    check(text.endswith(message.replace(b"\r\n", b"\n")), f"the message is as it was sent: {text!r}")
    received = re.findall(rb"(?m)^Received: from (\S+) \((\S+) \[([^]]+)\]\)", text)
    equal([name for name, _, _ in received], [b"smtp1.relay.test", b"ws1.client.test"], f"the hosts it came from, in {text!r}")
    equal(received[0][1:], (b"smtp1.relay.test", hosts.relay.address.encode()), "how the destination saw the relay")
    equal(len(re.findall(rb"(?m)^Received: ", text)), 3, f"Received: lines, in {text!r}")
    contains(text, b"Return-Path: <ann@client.test>", "the message")
    relay, home = hosts.relay, hosts.home
    relay.wait_log(rf"to=<bob@dest\.test>, relay=mail\.dest\.test\[{re.escape(home.address)}\]:25, .*dsn=2\.0\.0, status=sent")
    for host in (hosts.client, relay, home):
        host.wait_queue(0)
    with home.place:
        for address in ("127.0.0.1", "::1", home.place.address6):
            home.near = home.address = address
            for reader in (home.imap(BOB), home.imap(BOB, tls=True)):
                equal(reader.select("INBOX", readonly=True)[0], "OK", f"SELECT at {address}")
                contains(reader.fetch("1:*", "(BODY.PEEK[])")[1][0][1], b"Hello.\r\n.dot\r\n", f"what IMAP shows at {address}")
                reader.logout()
            for tls in (False, True):
                reader = home.pop3(BOB, tls)
                contains(b"\r\n".join(reader.retr(1)[1]), b"Hello.\r\n.dot", f"what POP3 shows at {address}")
                reader.quit()
        home.address = home.place.address


@test("a destination known by AAAA alone, of its MX or of itself, is reached over IPv6; ::1 takes mail on the null client")
def ipv6(t):
    del t
    hosts = hosts_shared.get()
    with hosts.client.place, smtplib.SMTP("::1", 25, timeout=60, local_hostname="localhost") as client:
        client.sendmail("ann@client.test", ["bob@six.test"], letter("by MX and AAAA", to="bob@six.test"))
        client.sendmail("ann@client.test", ["bob@old.test"], letter("by AAAA", to="bob@old.test"))
    text = hosts.arrived("by MX and AAAA")
    contains(text, f"[IPv6:{hosts.relay.place.address6}]".encode(), "how the destination saw the relay")
    contains(text, b"[IPv6:::1]", "how the null client saw its client")
    contains(hosts.arrived("by AAAA"), f"[IPv6:{hosts.relay.place.address6}]".encode(), "how the destination saw the relay")
    six = re.escape(hosts.home.place.address6)
    hosts.relay.wait_log(rf"to=<bob@six\.test>, relay=mail\.six\.test\[{six}\]:25, .*status=sent")
    hosts.relay.wait_log(rf"to=<bob@old\.test>, relay=old\.test\[{six}\]:25, .*status=sent")


def restarted(host, settings):
    host.stop("smtpd")
    host.settings.update(settings)
    host.write_settings()
    host.start("smtpd")


@test("while the relay is stopped mail waits with its reason in mailq; postqueue -f sends it when the relay is back")
def relay_away(t):
    del t
    hosts = hosts_shared.get()
    client, relay = hosts.client, hosts.relay
    restarted(client, PATIENT)  # retries by themselves far away: postqueue -f must do it
    before = len(hosts.home.messages(BOB))
    relay.stop("smtpd")
    with client.place, smtplib.SMTP("127.0.0.1", 25, timeout=60, local_hostname="localhost") as submitter:
        submitter.sendmail("ann@client.test", [BOB], letter("patient", to=BOB))
    client.wait_log(r"to=<bob@dest\.test>.*status=deferred \(.*[Cc]onnection refused")
    shown = client.command("mailq").stdout
    contains(shown, BOB, "mailq")
    check(re.search(r"connect to smtp1\.relay\.test\[" + re.escape(relay.address) + r"\]:25: Connection refused", shown),
          f"the reason in mailq: {shown}")
    equal(len(hosts.home.messages(BOB)), before, "messages at the destination")
    relay.start("smtpd")
    client.command("postqueue", "-f")
    hosts.arrived("patient")
    client.wait_queue(0)
    contains(client.command("mailq").stdout, "Mail queue is empty", "mailq afterwards")


@test("while the relay's plug or the DNS server's is out mail waits with its reason; put back, it is sent")
def unplugged(t):
    del t
    hosts = hosts_shared.get()
    client, relay = hosts.client, hosts.relay
    restarted(client, {**RETRIES, "smtp_connect_timeout": "3s"})
    relay.place.cut()
    hosts.send(BOB, letter("unplugged", to=BOB))
    client.wait_log(r"to=<bob@dest\.test>.*status=deferred \(.*(timed out|No route to host|unreachable)")
    relay.place.plug()
    hosts.arrived("unplugged")
    client.wait_queue(0)
    names = hosts.names
    names.cut()
    hosts.send("bob@new.dest.test", letter("no names", to=BOB))
    line = client.wait_log(r"to=<bob@new\.dest\.test>.*status=(\w+) \((.*)")
    equal(line[1], "deferred", f"the outcome without DNS, {line[0]}")
    names.plug()
    # The name does not exist: now that this is known, the sender is told; the null client's mail goes to the relay.
    relay.wait_log(r"to=<bob@new\.dest\.test>.*dsn=5\.\d+\.\d+, status=bounced")
    client.wait_queue(0)


@test("a null client listens on port 25 of loopback alone and runs neither auth nor deliver, popd nor imapd")
def null_client(t):
    del t
    client = hosts_shared.get().client
    kinds = ("receive", "lookup", "queue", "send")
    eventually(lambda: all(f"smtpd: {kind}" in " ".join(client.pids("smtpd")) for kind in kinds), "its processes run")
    titles = client.place.run("ps", "-o", "args=", "-g", str(client.running["smtpd"].pid))
    contains(titles, "smtpd: master", "ps")
    for kind in ("auth", "deliver"):
        check(f"smtpd: {kind}" not in titles, f"a null client runs {kind}: {titles}")
    listening = client.place.run("ss", "-ltnuH")
    equal(sorted(line.split()[4] for line in listening.splitlines()), ["127.0.0.1:25", "[::1]:25"], "what listens on the host")
    for daemon, protocol in (("popd", "pop3"), ("imapd", "imap")):
        process = client.launch(daemon)
        equal(process.wait(60), 78, f"exit status of {daemon} on a null client")
        del client.running[daemon]
        contains(client.errors(daemon) + client.log(), f'so {protocol} is not served here; set role = "destination"', daemon)


@test("a relay and a destination listen on every address; a relay has no POP3 and no IMAP")
def listening_elsewhere(t):
    del t
    hosts = hosts_shared.get()
    for host, ports in ((hosts.relay, (25, 465, 587)), (hosts.home, (25, 465, 587, 110, 143, 993, 995))):
        places = {line.split()[3] for line in host.place.run("ss", "-ltnH").splitlines()}
        equal(places, {f"{address}:{port}" for address in ("0.0.0.0", "[::]") for port in ports}, "what listens")


@test("what contradicts the role is refused with the setting, the line and the reason")
def contradictions(t):
    host = Host(t, {"role": "null-client", "relayhost": "[127.0.0.1]:9", "submission_port": None,
                    "submissions_port": None, "alias_maps": None}, users={}, daemons=("smtpd",), start=False)
    good = dict(host.settings)
    for setting, value, words in (("mydestination", ["example.test"], "final for no domain"),
                                  ("relayhost", "", "relayhost"),
                                  ("inet_interfaces", "all", "from this host alone"),
                                  ("local_transport", "local:x", "delivers nothing itself")):
        host.settings = {**good, setting: value}
        host.write_settings()
        with open(os.path.join(host.etc, "main.toml"), encoding="utf-8") as file:
            line = next(number for number, text in enumerate(file, 1) if text.startswith(setting + " "))
        process = host.launch("smtpd")
        equal(process.wait(60), 78, f"exit status with {setting} = {value}")
        del host.running["smtpd"]
        said = host.errors("smtpd") + host.log()
        contains(said, f"main.toml:{line}: {setting}: ", "what smtpd says")
        contains(said, words, "what smtpd says")


@test("the three configurations that README shows are accepted")
def readme(t):
    with open(os.path.join(TOP, "README.md"), encoding="utf-8") as file:
        blocks = re.findall(r"```toml\n(.*?)```", file.read(), re.DOTALL)
    equal(len(blocks), 3, "configurations in README")
    host = Host(t, users={}, start=False)
    for block in blocks:
        host.write("etc/main.toml", block.replace("/etc/ssl/private/mail.pem", host.path("etc/both.pem")))
        done = host.command("postconf", "-n", ok=False)
        equal(done.returncode, 0, f"exit status of postconf -n, which says {done.stderr}")
        equal(len(done.stdout.splitlines()), 3, f"settings that differ: {done.stdout}")


@test("the examples in etc/ are accepted, and are what postconf --example prints")
def examples(t):
    host = Host(t, users={}, start=False)
    for role in ("null-client", "relay", "destination"):
        with open(os.path.join(TOP, "etc", role + ".toml"), encoding="utf-8") as file:
            text = file.read()
        equal(host.command("postconf", "--example", role).stdout == text, True, f"etc/{role}.toml is up to date")
        host.write("etc/main.toml", text)
        equal(host.command("postconf", "-n", ok=False).returncode, 0, f"exit status of postconf -n with etc/{role}.toml")

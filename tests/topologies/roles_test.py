"""Three hosts on three loopback addresses: a null client, a relay, the destination; and a DNS server between them."""
import os
import re
import subprocess

from harness import check, contains, equal, eventually, test
from mailhost import TOP, Host, letter
from peers import NameServer

CLIENT, RELAY, HOME = "127.0.0.11", "127.0.0.12", "127.0.0.13"
RETRIES = {"minimal_backoff_time": "2s", "maximal_backoff_time": "5s"}


def three_hosts(t):
    home = Host(t, {"mydomain": "dest.test", "myhostname": "mail.dest.test", "mynetworks": [HOME],
                    "smtp_bind_address": HOME}, users={"bob@dest.test": "bob-secret"}, name="home", address=HOME)
    names = NameServer(t, "--mx-host=dest.test,mail.dest.test,10", f"--host-record=mail.dest.test,{HOME}")
    relay = Host(t, {"role": "relay", "mydomain": "relay.test", "myhostname": "smtp1.relay.test",
                     "mynetworks": [CLIENT], "dns_servers": [names.address], "smtp_bind_address": RELAY,
                     "smtp_target_port": home.port("smtp"), **RETRIES},
                 users={}, daemons=("smtpd",), name="relay", address=RELAY)
    client = Host(t, {"role": "null-client", "mydomain": "client.test", "myhostname": "ws1.client.test",
                      "relayhost": f"[{RELAY}]:{relay.port('smtp')}", "smtp_bind_address": CLIENT,
                      "submission_port": None, "submissions_port": None, "alias_maps": None, **RETRIES},
                  users={}, daemons=("smtpd",), name="client", address=CLIENT)
    return client, relay, home


@test("a message goes from a null client over a relay and its MX look-up to the destination, and is read there")
def all_the_way(t):
    client, relay, home = three_hosts(t)
    message = letter("all the way", "Hello.\r\n.dot\r\n", sender="ann@client.test", to="bob@dest.test")
    client.command("sendmail", "-i", "-f", "ann@client.test", "bob@dest.test",
                   input=message.replace(b"\r\n", b"\n").decode())
    path = home.wait_messages("bob@dest.test", 1)[0]
    with open(path, "rb") as file:
        text = file.read()
    check(text.endswith(message.replace(b"\r\n", b"\n")), f"the message is as it was sent: {text!r}")
    received = re.findall(rb"(?m)^Received: ", text)
    equal(len(received), 3, f"Received: lines, in {text!r}")
    contains(text, b"Return-Path: <ann@client.test>", "the message")
    reader = home.imap("bob@dest.test")
    equal(reader.select("INBOX"), ("OK", [b"1"]), "SELECT")
    reader.logout()
    relay.wait_log(r"to=<bob@dest\.test>, relay=mail\.dest\.test\[127\.0\.0\.13\]:\d+, .*dsn=2\.0\.0, status=sent")
    for host in (client, relay, home):
        host.wait_queue(0)


@test("while the relay is stopped mail waits with its reason in mailq; postqueue -f sends it when the relay is back")
def relay_away(t):
    client, relay, home = three_hosts(t)
    # Retries by themselves far away: postqueue -f must do it.
    client.stop("smtpd")
    client.settings.update({"minimal_backoff_time": "1000s", "maximal_backoff_time": "2000s"})
    client.write_settings()
    client.start("smtpd")
    relay.stop("smtpd")
    with client.smtp(source=CLIENT) as submitter:
        submitter.sendmail("ann@client.test", ["bob@dest.test"], letter("patient", to="bob@dest.test"))
    client.wait_log(r"to=<bob@dest\.test>.*status=deferred \(.*[Cc]onnection refused")
    shown = client.command("mailq").stdout
    contains(shown, "bob@dest.test", "mailq")
    check(re.search(r"[Cc]onnection refused", shown), f"the reason in mailq: {shown}")
    equal(home.messages("bob@dest.test"), [], "messages at the destination")
    relay.start("smtpd")
    client.command("postqueue", "-f")
    home.wait_messages("bob@dest.test", 1)
    client.wait_queue(0)
    contains(client.command("mailq").stdout, "Mail queue is empty", "mailq afterwards")


@test("a null client listens on loopback alone and runs neither auth nor deliver, popd nor imapd")
def null_client(t):
    host = Host(t, {"role": "null-client", "relayhost": "[127.0.0.1]:9", "inet_interfaces": None, "mynetworks": None,
                    "submission_port": None, "submissions_port": None, "alias_maps": None}, users={}, daemons=("smtpd",))
    kinds = ("receive", "lookup", "queue", "send")
    eventually(lambda: all(f"smtpd: {kind}" in " ".join(host.pids("smtpd")) for kind in kinds), "its processes run")
    titles = " ".join(host.pids("smtpd"))
    for kind in ("auth", "deliver"):
        check(f"smtpd: {kind}" not in titles, f"a null client runs {kind}: {titles}")
    listening = subprocess.run(["ss", "-ltnH"], capture_output=True, text=True, check=True).stdout
    places = [line.split()[3] for line in listening.splitlines() if line.split()[3].endswith(f":{host.port('smtp')}")]
    check(places, f"nothing listens on {host.port('smtp')}")
    for place in places:
        check(place.startswith(("127.0.0.1:", "[::1]:")), f"a null client listens on {place}")
    for daemon in ("popd", "imapd"):
        process = host.launch(daemon)
        equal(process.wait(60), 78, f"exit status of {daemon} on a null client")
        del host.running[daemon]
        contains(host.errors(daemon) + host.log(), f'so {daemon} does not run here; set role = "destination"', daemon)


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

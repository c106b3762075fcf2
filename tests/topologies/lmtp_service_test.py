"""Mail that comes in by LMTP, and services on Unix sockets: [service.NAME] with kind = lmtp, and with a socket."""
import contextlib
import os
import smtplib
import socket
import stat
import subprocess

from harness import check, contains, equal, eventually, test
from mailhost import Host, free_port, give, has_program, letter
from postfix import Postfix

ALICE, BOB = "alice@example.test", "bob@example.test"
SENDER = "ann@far.test"
# Waits for a file beside it, and ends with the status that stands there.
GATE = """#!/bin/sh
cat > /dev/null
touch "$1.waits"
while [ ! -e "$1.open" ]; do sleep 0.05; done
exit $(cat "$1.open")
"""


def socket_in(t, name="lmtp"):
    """A path in a folder where who runs the daemons may make a socket."""
    folder = os.path.join(t.folder, "sockets")
    os.makedirs(folder, exist_ok=True)
    give(folder)
    return os.path.join(folder, name)


def lmtp_host(t, settings=None, section=None, **options):
    """A host with a service `delivery` of kind lmtp, on a port and on a socket."""
    host = Host(t, settings, daemons=("smtpd",), start=False, name=options.pop("name", "host"),
                sections={"service.delivery": {"kind": "lmtp", "port": free_port(), "socket": socket_in(t), "mode": "0666",
                                               "inet_interfaces": ["127.0.0.1"], **(section or {})}}, **options)
    host.start()
    return host


def client_of(host, is_unix=False):
    section = host.sections["service.delivery"]
    if is_unix:
        return smtplib.LMTP(section["socket"], timeout=120, local_hostname="client.test")
    return smtplib.LMTP("127.0.0.1", section["port"], timeout=120, local_hostname="client.test")


def begin(client, recipients, text=b"", sender=SENDER):
    """Sends a message up to its dot."""
    client.ehlo_or_helo_if_needed()
    equal(client.mail(sender)[0], 250, "MAIL")
    for recipient in recipients:
        code, reply = client.rcpt(recipient)
        check(code == 250, f"{recipient}: {code} {reply}")
    equal(client.docmd("DATA")[0], 354, "DATA")
    client.send(letter("x", text or b"hello\r\n") + b".\r\n")


def deliver(client, recipients, text=b"", sender=SENDER):
    """The replies to a message, as code and status."""
    begin(client, recipients, text, sender)
    return [f"{code} {reply.split()[0].decode()}" for code, reply in (client.getreply() for _ in recipients)]


def gate_alias(t, name):
    """An alias whose command waits for open_gate()."""
    script = os.path.join(t.folder, "gate")
    with open(script, "w", encoding="ascii") as file:
        file.write(GATE)
    os.chmod(script, 0o755)
    place = socket_in(t, name)
    return f'{name}: "|{script} {place}"\n', place


def open_gate(place, status):
    with open(place + ".new", "w", encoding="ascii") as file:
        file.write(str(status))
    os.chmod(place + ".new", 0o644)
    os.rename(place + ".new", place + ".open")


@test("an LMTP client hears of each recipient what became of it, by port and by socket, and the queue keeps none of it")
def each(t):
    aliases = 'gone: "|exit 67"\nlater: "|exit 75"\nmany: alice, gone\nstaff: bob\nsame: bob\n'
    host = lmtp_host(t, {"quota_rule": "*:storage=20K"}, aliases=aliases)
    for is_unix in (False, True):
        with client_of(host, is_unix) as client:
            equal(deliver(client, [ALICE, "gone@example.test", BOB, "later@example.test", "staff@example.test"]),
                  ["250 2.0.0", "550 5.1.1", "250 2.0.0", "451 4.3.0", "250 2.0.0"], f"the replies, unix: {is_unix}")
            code, reply = client.rcpt("nobody@example.test")
            equal(code, 503, "RCPT without MAIL")
            client.mail(SENDER)
            code, reply = client.rcpt("nobody@example.test")
            equal((code, reply.split()[0]), (550, b"5.1.1"), "an unknown user")
            client.rset()
    with client_of(host) as client:
        equal(deliver(client, [ALICE, BOB], (b"y" * 78 + b"\r\n") * 500), ["552 5.2.2"] * 2, "more than the quota")
    host.wait_queue(0)
    check("from=<>" not in host.log(), "no report is written: the client does that")
    equal((len(host.messages(ALICE)), len(host.messages(BOB))), (2, 2), "copies")
    with open(host.messages(ALICE)[0], encoding="utf-8") as file:
        text = file.read()
    contains(text, "Return-Path: <ann@far.test>", "the message")
    contains(text, "with LMTP id", "the message")
    contains(host.log(), "proto=LMTP helo=<client.test>", "the log")
    contains(host.log(), "connect from localhost[127.0.0.1]", "the client of the socket in the log")


@test("an alias is answered for as a whole: once a member has the mail, the queue sees to the others and reports them")
def expansion(t):
    host = lmtp_host(t, aliases='gone: "|exit 67"\nmany: alice, gone\nnone: gone, later\nlater: "|exit 75"\n')
    with client_of(host) as client:
        equal(deliver(client, ["many@example.test"], sender=BOB), ["250 2.0.0"], "one of two has it")
        host.wait_messages(BOB, 1)
        equal(deliver(client, ["none@example.test"], sender=BOB), ["451 4.3.0"], "one of two may have it yet")
    host.wait_queue(0)
    equal((len(host.messages(ALICE)), len(host.messages(BOB))), (1, 1), "alice's mail, and the report to bob")


@test("LMTP relays for nobody, whoever asks, and delivers where this host is the mail's end")
def no_relay(t):
    host = lmtp_host(t, {"relay_domains": "relayed.test", "virtual_alias_domains": "alias.test",
                         "virtual_alias_maps": "inline:{{ann@alias.test=alice@example.test}}", "mynetworks": "127.0.0.0/8"},
                     {"smtpd_relay_restrictions": "permit_mynetworks, reject_unauth_destination"})
    with client_of(host) as client:
        client.ehlo()
        client.mail(SENDER)
        for recipient in ("x@relayed.test", "x@far.test", "x%far.test@example.test"):
            code, reply = client.rcpt(recipient)
            equal((code, reply), (554, f"5.7.1 <{recipient}>: Relay access denied".encode()), recipient)
        equal(client.rcpt("ann@alias.test")[0], 250, "a virtual alias")
        client.rset()
        equal(deliver(client, ["ann@alias.test"]), ["250 2.0.0"], "its delivery")
    host.wait_messages(ALICE, 1)


@test("the reply comes only after the delivery, while others are served; a client that goes away finds nothing queued for it")
def waits(t):
    lines, place = gate_alias(t, "gate")
    host = lmtp_host(t, aliases=lines)
    with client_of(host) as client:
        begin(client, [ALICE, "gate@example.test"])
        eventually(lambda: os.path.exists(place + ".waits"), "the delivery is under way")
        host.wait_messages(ALICE, 1)
        client.sock.settimeout(0.5)
        with contextlib.suppress(TimeoutError):
            raise AssertionError(f"a reply before the delivery: {client.sock.recv(100)}")
        client.sock.settimeout(120)
        with client_of(host) as other:
            equal(deliver(other, [BOB]), ["250 2.0.0"], "another client meanwhile")
        host.wait_queue(1)  # the other's is gone, and this one on disk, while the client waits
        open_gate(place, 75)
        equal([client.getreply()[0] for _ in range(2)], [250, 451], "the replies")
    host.wait_queue(0)
    for name in (".waits", ".open"):
        os.remove(place + name)
    client = client_of(host)
    begin(client, ["gate@example.test"])
    eventually(lambda: os.path.exists(place + ".waits"), "the second delivery is under way")
    client.close()
    open_gate(place, 75)
    host.wait_queue(0)
    host.wait_log("left with the LMTP client: 1 recipient\n")
    check("from=<>" not in host.log(), "no report")


@test("after kill -9 while an LMTP client waits, its recipients have the mail once or twice, and nothing is lost")
def killed(t):
    lines, place = gate_alias(t, "gate")
    host = lmtp_host(t, aliases=lines)
    client = client_of(host)
    begin(client, [ALICE, "gate@example.test", BOB])
    eventually(lambda: os.path.exists(place + ".waits"), "the delivery is under way")
    host.kill("smtpd")
    try:
        client.getreply()
        raise AssertionError("a reply of a server that is dead")
    except (smtplib.SMTPServerDisconnected, ConnectionError):
        pass
    open_gate(place, 0)
    host.start("smtpd")
    with client_of(host) as again:
        equal(deliver(again, [ALICE, "gate@example.test", BOB]), ["250 2.0.0"] * 3, "the client sends it again")
    host.wait_queue(0)
    for login in (ALICE, BOB):
        check(len(host.messages(login)) in (1, 2), f"{login} has {len(host.messages(login))} copies")


@test("a stop while an LMTP client waits ends with its reply, or with none at all")
def stopped(t):
    lines, place = gate_alias(t, "gate")
    host = lmtp_host(t, aliases=lines)
    client = client_of(host)
    begin(client, ["gate@example.test"])
    eventually(lambda: os.path.exists(place + ".waits"), "the delivery is under way")
    host.running["smtpd"].terminate()
    host.wait_log("terminating on signal")
    open_gate(place, 0)
    equal(client.getreply()[0], 250, "the reply")
    equal(host.stop("smtpd", how=None), 0, "the exit status")
    check(not os.path.exists(host.sections["service.delivery"]["socket"]), "the socket's file is gone")


@test("Postfix delivers by LMTP to us, by port and by socket: what fails it returns, what waits it keeps")
def from_postfix(t):
    host = lmtp_host(t, {"quota_rule": "*:storage=20K"}, aliases='later: "|exit 75"\nbig: "|exit 69"\n')
    section = host.sections["service.delivery"]
    postfix = Postfix(t, "none.test", {"relay_domains": "example.test", "mynetworks": "127.0.0.0/8",
                                       "transport_maps": f"inline:{{{{{BOB}=lmtp:unix:{section['socket']}}}, "
                                                         f"{{example.test=lmtp:inet:127.0.0.1:{section['port']}}}}}"},
                      services="lmtp unix - - n - - lmtp\n")
    with smtplib.SMTP(postfix.address, postfix.port, timeout=60) as client:
        client.sendmail("box@none.test", [ALICE, BOB, "later@example.test", "big@example.test"], letter("x"))
    host.wait_messages(ALICE, 1)
    host.wait_messages(BOB, 1)
    eventually(lambda: "to=<later@example.test>" in postfix.log() and postfix.messages(), "Postfix knows of all, and has a report")
    contains(postfix.log(), "status=sent (250 2.0.0 Ok: ", "Postfix's log")
    contains(postfix.log(), "dsn=4.3.0, status=deferred (host 127.0.0.1[127.0.0.1] said: 451 4.3.0 <later@example.test>: ", "its log")
    with open(postfix.messages()[0], encoding="utf-8") as file:
        contains(file.read(), "big@example.test", "the report that Postfix wrote")
    host.wait_queue(0)


@test("our own LMTP transport delivers to our own LMTP service, with DSN, by its socket")
def from_ourselves(t):
    host = lmtp_host(t)
    path = host.sections["service.delivery"]["socket"]
    relay = Host(t, {"myhostname": "relay.example.test", "mydestination": "", "relay_domains": "example.test",
                     "relay_transport": f"lmtp:unix:{path}"}, users={}, daemons=("smtpd",), name="relay")
    with relay.smtp() as client:
        client.sendmail(SENDER, [ALICE, BOB], letter("x"))
    host.wait_messages(ALICE, 1)
    host.wait_messages(BOB, 1)
    relay.wait_log(r"relay=relay\.example\.test\[.*/lmtp\], .*status=sent \(250 2\.0\.0 Ok: ")
    relay.wait_queue(0)


@test("swaks delivers by LMTP over a port and over a socket")
def swaks(t):
    check(has_program("swaks"), "swaks is missing; contrib/packages/test lists it")
    host = lmtp_host(t)
    section = host.sections["service.delivery"]
    for count, where in enumerate((["--server", "127.0.0.1", "--port", str(section["port"])], ["--socket", section["socket"]]), 1):
        done = subprocess.run(["swaks", "--protocol", "LMTP", *where, "--to", ALICE, "--from", SENDER, "--helo", "client.test"],
                              capture_output=True, text=True, check=False, timeout=60)
        equal(done.returncode, 0, done.stdout + done.stderr)
        host.wait_messages(ALICE, count)


@test("a socket has its mode, follows a reload, and SMTP and submission are served on one as well")
def sockets(t):
    host = lmtp_host(t, {"mynetworks": "127.0.0.0/8", "relayhost": "[127.0.0.1]:9", "protocols": "none"}, {"mode": "0640"})
    lmtp, smtp = host.sections["service.delivery"]["socket"], socket_in(t, "smtp")

    def mode(path):
        return stat.S_IMODE(os.stat(path).st_mode)

    equal(mode(lmtp), 0o640, "the mode")
    host.sections["service.delivery"]["mode"] = "0666"
    host.sections["service.inject"] = {"kind": "smtp", "socket": smtp, "mode": "0666"}
    host.write_settings()
    host.command("pennypost", "reload")
    equal((mode(lmtp), mode(smtp)), (0o666, 0o666), "after a reload")
    with socket.socket(socket.AF_UNIX) as stream:
        stream.connect(smtp)
        client = smtplib.SMTP(local_hostname="client.test")
        client.sock = stream
        equal(client.getreply()[0], 220, "the greeting of SMTP")
        client.ehlo()
        equal(client.sendmail(SENDER, [ALICE, "x@far.test"], letter("x")), {}, "a client on this host may relay, as by 127.0.0.1")
        client.quit()
    host.wait_messages(ALICE, 1)
    with client_of(host, is_unix=True) as client:
        equal(deliver(client, [BOB]), ["250 2.0.0"], "LMTP goes on")
    del host.sections["service.inject"]
    host.write_settings()
    host.command("pennypost", "reload")
    check(not os.path.exists(smtp), "a socket that is served no more is removed")
    check(os.path.exists(lmtp), "the other stays")


@test("a place that can't be a socket's is named before the start: a file, a missing folder, an unknown user")
def wrong_places(t):
    host = Host(t, daemons=("smtpd",), start=False)
    file = host.write("file", "text\n")
    for section, text in (({"socket": t.folder + "/none/lmtp"}, "make the directory"),
                          ({"socket": socket_in(t), "user": "no-such-user"}, "service.x.user"),
                          ({"socket": socket_in(t), "group": "no-such-group"}, "there is no group no-such-group")):
        host.sections = {"service.x": {"kind": "lmtp", **section}}
        host.write_settings()
        done = host.command("pennypost", "check", ok=False)
        check(done.returncode != 0, f"check of {section}")
        contains(done.stdout + done.stderr, text, "check")
    host.sections = {"service.x": {"kind": "lmtp", "socket": file}}
    host.write_settings()
    process = host.launch("smtpd")
    equal(process.wait(60), 71, "the exit status")
    host.running.clear()
    contains(host.errors("smtpd") + host.log(), f"listen on {file}: a file of that name exists and is no socket", "why")
    with open(file, encoding="ascii") as left:
        equal(left.read(), "text\n", "the file")

"""Strangers are tested before a session (postscreen_...): with a name server, over a restart, beside Postfix's postscreen."""
import ipaddress
import os
import re
import socket
import time

from harness import check, contains, equal, eventually, test
from mailhost import Host, free_port, unverified
from peers import NameServer
from postfix import Postfix

STRANGER, LISTED, GOOD = "127.0.0.2", "127.0.0.3", "127.0.0.4"  # outside of mynetworks
LISTS = ("--host-record=3.0.0.127.bl.test,127.0.0.4", "--host-record=3.0.0.127.key9.test,127.0.0.2",
         "--host-record=4.0.0.127.wl.test,127.0.0.1")


class Client:
    """A raw client, since what is tested is when it speaks."""

    def __init__(self, address, port, source, early=b""):
        self.began = time.monotonic()
        self.stream = socket.create_connection((address, port), timeout=60, source_address=(source, 0))
        if early:
            self.stream.sendall(early)
        self.file = self.stream.makefile("rwb")

    def reply(self):
        """The next reply; "" if the server has closed."""
        lines = []
        while True:
            line = self.file.readline().decode()
            lines.append(line.rstrip("\r\n"))
            if line[3:4] != "-":
                return "\n".join(lines)

    def say(self, *commands):
        """The replies to commands, each sent when the one before is answered."""
        replies = []
        for command in commands:
            self.stream.sendall(command.encode() + b"\r\n")
            replies.append(self.reply())
        return replies

    def close(self):
        self.file.close()
        self.stream.close()


DIALOGUE = ("EHLO client.test", "MAIL FROM:<ann@client.test>", "RCPT TO:<alice@example.test>", "QUIT")


def screened(t, services, names=(), address="127.0.0.1", **settings):
    """A host with a service for each of `services`, NAME: its settings."""
    name_server = NameServer(t, *names)
    sections = {f"service.{name}": {"kind": "smtp", "port": free_port(address), "postscreen_enable": "yes",
                                    "postscreen_greet_wait": "1s", **own}
                for name, own in services.items()}
    host = Host(t, {"mynetworks": ["127.0.0.1"], "dns_servers": [name_server.address], **settings},
                daemons=("smtpd",), sections=sections, address=address)
    return host


def written(t, rules):
    """A cidr: table that everybody may read."""
    path = os.path.join(t.folder, "access.cidr")
    with open(path, "w", encoding="utf-8") as file:
        file.write(rules)
    return f"cidr:{path}"


def client(host, service, source=STRANGER, early=b""):
    return Client(host.address, host.sections[f"service.{service}"]["port"], source, early)


def last_code(host, service, source=STRANGER):
    """What a client that keeps to all rules is told of its recipient, or in place of the greeting."""
    one = client(host, service, source)
    greeting = one.reply()
    is_over = not greeting.splitlines()[-1].startswith("220")
    answer = greeting if is_over else one.say(*DIALOGUE)[2]
    one.close()
    return answer


@test("a stranger waits once for its greeting and passes, which is remembered over a restart")
def passes(t):
    host = screened(t, {"wait": {"postscreen_greet_action": "drop"}})
    one = client(host, "wait")
    contains(one.reply(), "220-mail.example.test ESMTP", "the first line of the greeting")
    equal([text[:3] for text in one.say(*DIALOGUE)], ["250", "250", "250", "221"], "a session like any other")
    check(time.monotonic() - one.began >= 1, "it was not kept waiting")
    host.wait_log(r"postscreen\[\d+\]: PASS NEW \[127\.0\.0\.2\]:\d+")
    contains(last_code(host, "wait"), "250", "it comes again")
    host.wait_log(r"postscreen\[\d+\]: PASS OLD \[127\.0\.0\.2\]:\d+")
    host.stop("smtpd")
    host.start("smtpd")
    one = client(host, "wait")
    check(not one.reply().startswith("220-"), "it is tested again after a restart")
    eventually(lambda: len(re.findall("PASS OLD", host.log())) == 2, "the log says PASS OLD")


@test("who speaks before the greeting is dropped, refused or let through, and never remembered as good")
def speaks_early(t):
    host = screened(t, {name: {"postscreen_greet_action": name} for name in ("drop", "enforce", "ignore")})
    early = b"EHLO spammer.test\r\n"
    one = client(host, "drop", early=early)
    one.reply()
    host.wait_log(r"postscreen\[\d+\]: PREGREET 19 after [0-9.]+ from \[127\.0\.0\.2\]:\d+: EHLO spammer\.test\\r\\n")
    one = client(host, "drop", early=early)
    contains(one.reply(), "521 5.5.1 Protocol error", "a client whose action is drop")
    equal(one.reply(), "", "then the server closes")
    one = client(host, "enforce", early=early)
    one.reply()  # the first line, and the answer to EHLO with it
    answers = one.say(*DIALOGUE[1:])
    equal(answers[1], "550 5.5.1 Protocol error", "its recipient")
    host.wait_log(r"postscreen\[\d+\]: NOQUEUE: reject: RCPT from \[127\.0\.0\.2\]:\d+: 550 5\.5\.1 Protocol error; "
                  r"from=<ann@client\.test>, to=<alice@example\.test>, proto=ESMTP, helo=<spammer\.test>")
    one = client(host, "ignore", early=early)
    one.reply()
    one.reply()
    equal(one.say(*DIALOGUE[1:])[1], "250 2.1.5 Ok", "a client whose action is ignore")
    check("PASS" not in host.log(), "a client that spoke too early has passed")


@test("the scores of DNS lists decide, with weights, replies that count and a list of the good")
def lists(t):
    sites = "bl.test=127.0.0.[2;4..6]*2, key9.test*1, wl.test*-3"
    host = screened(t, {
        "drop": {"postscreen_dnsbl_sites": sites, "postscreen_dnsbl_action": "drop", "postscreen_dnsbl_threshold": 3,
                 "postscreen_dnsbl_reply_map": "inline:{bl.test=blocked.example}"},
        "high": {"postscreen_dnsbl_sites": sites, "postscreen_dnsbl_action": "enforce", "postscreen_dnsbl_threshold": 4},
        "praise": {"postscreen_dnsbl_sites": sites, "postscreen_dnsbl_allowlist_threshold": -3,
                   "postscreen_greet_wait": "60s", "postscreen_greet_action": "drop"}}, LISTS)
    contains(last_code(host, "drop", LISTED),
             "521 5.7.1 Service unavailable; client [127.0.0.3] blocked using blocked.example", "who is listed twice")
    host.wait_log(r"postscreen\[\d+\]: DNSBL rank 3 for \[127\.0\.0\.3\]:\d+")
    host.wait_log(r"dnsblog\[\d+\]: addr 127\.0\.0\.3 listed by domain bl\.test as 127\.0\.0\.4")
    equal(last_code(host, "high", LISTED), "250 2.1.5 Ok", "below the threshold")
    equal(last_code(host, "drop", STRANGER), "250 2.1.5 Ok", "who is not listed")
    equal(last_code(host, "praise", GOOD), "250 2.1.5 Ok", "who is praised need not wait")


@test("a name server that is silent turns no stranger away")
def silent_lists(t):
    host = screened(t, {"drop": {"postscreen_dnsbl_sites": "bl.test", "postscreen_dnsbl_action": "drop",
                                 "postscreen_dnsbl_timeout": "1s"}}, dns_servers=["127.0.0.1:9"])
    equal(last_code(host, "drop", LISTED), "250 2.1.5 Ok", "although it would be listed")


@test("postscreen_access_list exempts and blocks by tables, and is asked before all else")
def access(t):
    table = written(t, "127.0.0.2/32 permit\n127.0.0.3/32 reject\n")
    host = screened(t, {
        "table": {"postscreen_access_list": f"permit_mynetworks, {table}",
                  "postscreen_denylist_action": "drop", "postscreen_greet_wait": "60s"}})
    for source in ("127.0.0.1", STRANGER):
        check(not client(host, "table", source).reply().startswith("220-"), f"{source} is kept waiting")
        host.wait_log(rf"ALLOWLISTED \[{re.escape(source)}\]:\d+")
    equal(client(host, "table", LISTED).reply(), "521 5.3.2 Service currently unavailable", "who is rejected")
    host.wait_log(r"DENYLISTED \[127\.0\.0\.3\]:\d+")


@test("clients that break the protocol after the greeting are caught, others pass with their first mail")
def protocol(t):
    host = screened(t, {"deep": {
        "postscreen_greet_banner": "", "postscreen_pipelining_enable": "yes", "postscreen_bare_newline_enable": "yes",
        "postscreen_bare_newline_action": "enforce", "postscreen_non_smtp_command_enable": "yes"}})
    one = client(host, "deep")
    one.reply()
    check("PIPELINING" not in one.say("EHLO client.test")[0], "PIPELINING is offered to a client under test")
    one.stream.sendall(b"MAIL FROM:<ann@client.test>\r\nRCPT TO:<alice@example.test>\r\n")
    one.reply()
    equal(one.reply(), "550 5.5.1 Protocol error", "a client that pipelines")
    one = client(host, "deep")
    one.reply()
    equal(one.say("GET / HTTP/1.1")[0], "521 5.7.0 Error: this is not an SMTP command. Goodbye.", "a browser")
    one = client(host, "deep")
    one.reply()
    one.stream.sendall(b"EHLO client.test\n")
    one.reply()
    equal(one.say(*DIALOGUE[1:3])[1], "550 5.5.1 Protocol error", "a client with bare newlines")
    check("PASS" not in host.log(), "one of them has passed")
    with host.smtp(source=STRANGER) as plain:  # without tests
        plain.ehlo()
        check(plain.has_extn("pipelining"), "PIPELINING is not offered where nothing is tested")
    equal(last_code(host, "deep", GOOD), "250 2.1.5 Ok", "a client that keeps to the protocol")
    host.wait_log(r"PASS NEW \[127\.0\.0\.4\]:\d+")


@test("strangers that come over IPv6 are tested, scored and remembered like others")
def over_ipv6(t):
    nibbles = ".".join(reversed(ipaddress.ip_address("::1").exploded.replace(":", "")))
    table = written(t, "::1/128 reject\n")
    host = screened(t, {
        "wait": {"postscreen_greet_action": "enforce"},
        "listed": {"postscreen_dnsbl_sites": "bl.test", "postscreen_dnsbl_action": "drop", "postscreen_dnsbl_ttl": "1s"},
        "denied": {"postscreen_access_list": table, "postscreen_denylist_action": "drop"}},
        [f"--host-record={nibbles}.bl.test,127.0.0.2"], address="::1")
    one = client(host, "wait", "::1", b"EHLO spammer.test\r\n")
    one.reply()
    equal(one.say(*DIALOGUE[1:3])[1], "550 5.5.1 Protocol error", "who speaks before the greeting")
    host.wait_log(r"PREGREET 19 after [0-9.]+ from \[::1\]:\d+: EHLO spammer\.test")
    equal(last_code(host, "wait", "::1"), "250 2.1.5 Ok", "who waits")
    host.wait_log(r"postscreen\[\d+\]: PASS NEW \[::1\]:\d+")
    equal(last_code(host, "wait", "::1"), "250 2.1.5 Ok", "it comes again")
    host.wait_log(r"postscreen\[\d+\]: PASS OLD \[::1\]:\d+")
    contains(last_code(host, "listed", "::1"), "521 5.7.1 Service unavailable; client [::1] blocked using bl.test", "who is listed")
    host.wait_log(r"dnsblog\[\d+\]: addr ::1 listed by domain bl\.test as 127\.0\.0\.2")
    equal(client(host, "denied", "::1").reply(), "521 5.3.2 Service currently unavailable", "whom a table rejects")


@test("behind a proxy the client that it names is tested, and its header is not taken for a client that speaks too early")
def behind_a_proxy(t):
    host = screened(t, {"wait": {"postscreen_greet_action": "drop"},
                        "listed": {"postscreen_dnsbl_sites": "bl.test", "postscreen_dnsbl_action": "drop"}},
                    ["--host-record=8.100.51.198.bl.test,127.0.0.2"], smtpd_proxy_networks=["127.0.0.9"])

    def named(source, port):
        return f"PROXY TCP4 {source} 192.0.2.25 {port} 25\r\n".encode()

    one = client(host, "wait", "127.0.0.9", named("198.51.100.7", 40001))
    contains(one.reply(), "220", "a client that waits")
    equal(one.say(*DIALOGUE)[2], "250 2.1.5 Ok", "its recipient")
    host.wait_log(r"postscreen\[\d+\]: PASS NEW \[198\.51\.100\.7\]:40001")
    one = client(host, "wait", "127.0.0.9", named("198.51.100.9", 40002) + b"EHLO spammer.test\r\n")
    host.wait_log(r"postscreen\[\d+\]: PREGREET 19 after [0-9.]+ from \[198\.51\.100\.9\]:40002: EHLO spammer\.test\\r\\n")
    one = client(host, "listed", "127.0.0.9", named("198.51.100.8", 40003))
    contains(one.reply(), "521 5.7.1 Service unavailable; client [198.51.100.8] blocked using bl.test", "one that is listed")
    check("[127.0.0.9]" not in "".join(re.findall("(?:PASS|PREGREET|DNSBL).*", host.log())), "the proxy itself was tested")


@test("a client under test may begin TLS, and its tests go on behind it")
def with_starttls(t):
    host = screened(t, {"deep": {
        "postscreen_greet_action": "enforce", "postscreen_pipelining_enable": "yes", "postscreen_pipelining_action": "enforce",
        "postscreen_non_smtp_command_enable": "yes", "postscreen_non_smtp_command_action": "drop"}})

    def encrypted(source, early=b""):
        one = client(host, "deep", source, early)
        one.reply()
        if not early:
            contains(one.say("EHLO client.test")[0], "STARTTLS", "what is offered")
        contains(one.say("STARTTLS")[0], "220 2.0.0", "STARTTLS")
        one.file.close()
        one.stream = unverified().wrap_socket(one.stream)
        one.file = one.stream.makefile("rwb")
        contains(one.say("EHLO client.test")[0], "250", "EHLO behind TLS")
        return one

    one = encrypted(STRANGER)
    equal(one.say(*DIALOGUE[1:3])[1], "250 2.1.5 Ok", "a client that keeps to all rules")
    host.wait_log(r"postscreen\[\d+\]: PASS NEW \[127\.0\.0\.2\]:\d+")
    one = encrypted(LISTED, b"EHLO early.test\r\n")
    equal(one.say(*DIALOGUE[1:3])[1], "550 5.5.1 Protocol error", "TLS makes nobody good who spoke too early")
    one = encrypted(GOOD)
    one.stream.sendall(b"MAIL FROM:<ann@client.test>\r\nRCPT TO:<alice@example.test>\r\n")
    one.reply()
    equal(one.reply(), "550 5.5.1 Protocol error", "a client that pipelines behind TLS")
    one = encrypted("127.0.0.5")
    equal(one.say("GET / HTTP/1.1")[0], "521 5.7.0 Error: this is not an SMTP command. Goodbye.", "a browser behind TLS")


def normalized(log):
    """What postscreen says, without the addresses' ports and times."""
    lines = re.findall(r"postscreen\[\d+\]: (.*)", log)
    lines = [re.sub(r"\]:\d+", "]:P", re.sub(r"after [0-9.]+", "after T", line)) for line in lines]
    words = ("CONNECT", "PASS", "PREGREET", "DENYLISTED", "WHITELISTED", "ALLOWLISTED", "NOQUEUE", "HANGUP", "DISCONNECT")
    return [line for line in lines if line.startswith(words)]


@test("the log of a real postscreen and ours are the same for the same clients")
def like_postfix(t):
    table = written(t, "127.0.0.3/32 reject\n")
    settings = {"postscreen_greet_action": "enforce", "postscreen_greet_wait": "1s", "postscreen_denylist_action": "drop",
                "postscreen_access_list": f"permit_mynetworks, {table}",
                "postscreen_greet_banner": "wait for it"}
    port = free_port()
    services = (f"127.0.0.1:{port} inet n - n - 1 postscreen\nsmtpd pass - - n - - smtpd\n"
                "dnsblog unix - - n - 0 dnsblog\ntlsproxy unix - - n - 0 tlsproxy\n")
    theirs = Postfix(t, "example.test", {**settings, "mynetworks": "127.0.0.1/32", "smtpd_peername_lookup": "no",
                                         "smtpd_relay_restrictions": "permit_mynetworks, reject_unauth_destination",
                                         "respectful_logging": "yes", "smtpd_banner": "mail.example.test ESMTP"},
                     services=services)
    ours = screened(t, {"like": settings}, smtpd_banner="mail.example.test ESMTP")
    seen = {}
    for name, at in (("theirs", port), ("ours", ours.sections["service.like"]["port"])):
        said = []
        permitted = Client("127.0.0.1", at, "127.0.0.1")
        said += [permitted.reply(), *permitted.say("QUIT")]
        denied = Client("127.0.0.1", at, LISTED)
        said += [denied.reply(), denied.reply()]
        denied.close()
        early = Client("127.0.0.1", at, STRANGER, b"HELO early.test\r\n")
        said += [early.reply(), *early.say(*DIALOGUE[1:])]
        patient = Client("127.0.0.1", at, GOOD)
        said += [patient.reply(), *patient.say("QUIT")]
        again = Client("127.0.0.1", at, GOOD)
        said += [again.reply(), *again.say("QUIT")]
        left = Client("127.0.0.1", at, "127.0.0.5")
        left.close()
        seen[name] = said
    for host in (theirs, ours):
        eventually(lambda h=host: "DISCONNECT [127.0.0.5]" in h.log(), "the last client's end is logged")
    equal(seen["ours"], seen["theirs"], "what clients are told")
    for source in ("127.0.0.1", STRANGER, LISTED, GOOD, "127.0.0.5"):
        about = [[line for line in normalized(host.log()) if f"[{source}]" in line.split(" to ")[0]]
                 for host in (ours, theirs)]
        # The address of our port in CONNECT is the same; a permitted client's name is what respectful_logging says.
        equal(about[0], about[1], f"the log about {source}")

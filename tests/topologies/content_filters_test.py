"""Content filters: after the queue (content_filter, FILTER), and before it (smtpd_proxy_filter)."""
import grp
import os
import pwd
import smtplib
import socket
import subprocess

from harness import check, contains, equal, eventually, test
from mailhost import TOP, Host, as_user, free_port, give, has_program
from peers import ContentFilter

BACK = {"kind": "smtp", "content_filter": "", "smtpd_proxy_filter": "", "inet_interfaces": ["127.0.0.1"],
        "mynetworks": ["127.0.0.0/8"], "smtpd_recipient_restrictions": "permit_mynetworks, reject",
        "smtpd_authorized_xforward_hosts": ["127.0.0.0/8"]}


def send(host, recipients, text="x", sender="ann@client.test", subject="plain"):
    """The reply to the message."""
    with host.smtp() as client:
        client.ehlo()
        client.mail(sender)
        for recipient in recipients:
            code, reply = client.rcpt(recipient)
            check(code == 250, f"{recipient}: {code} {reply}")
        return client.data(f"Subject: {subject}\r\n\r\n{text}\r\n")


def text_of(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def texts(host, login, count):
    return [text_of(path) for path in host.wait_messages(login, count)]


@test("mail goes to content_filter once its virtual aliases are expanded, comes back by a service without it, and is delivered once")
def after_queue(t):
    back = free_port()
    scan = ContentFilter(t, ("127.0.0.1", back))
    host = Host(t, {"content_filter": f"scan:[127.0.0.1]:{scan.port}", "virtual_alias_maps": "inline:{{both@example.test=alice, bob}}",
                    "header_checks": "inline:{{Subject: count me=PREPEND X-Counted: yes}}"}, daemons=("smtpd",),
                sections={"transport.scan": {"kind": "smtp", "smtp_send_xforward_command": True, "smtp_helo_name": "scanned.example.test"},
                          "service.back": {**BACK, "port": back, "receive_override_options": "no_unknown_recipient_checks, no_header_body_checks, no_address_mappings"}},
                aliases="staff: bob\n")
    equal(send(host, ["both@example.test"], subject="count me")[0], 250, "the message is taken")
    for login in ("alice@example.test", "bob@example.test"):
        text = texts(host, login, 1)[0]
        equal((text.count("X-Scanned: yes"), text.count("X-Counted: yes")), (1, 1), f"{login}: filtered and counted once")
    eventually(lambda: sorted(recipient for one in scan.transactions for recipient in one.recipients) ==
               ["alice@example.test", "bob@example.test"], "the filter heard of both, once")
    check("EHLO scanned.example.test" in scan.commands, "the transport's own settings")
    check(any(command.startswith("XFORWARD") and "ADDR=127.0.0.1" in command for command in scan.commands), "the filter learns whose mail it is")
    host.wait_log(r"relay=127\.0\.0\.1\[127\.0\.0\.1\]:\d+, .*status=sent \(250 2\.6\.0 Ok, passed on\)")
    # What sendmail posts is filtered, too; aliases are expanded behind the filter.
    host.command("sendmail", "-f", "alice@example.test", "staff@example.test", input="Subject: posted\n\nx\n")
    contains(texts(host, "bob@example.test", 2)[0] + texts(host, "bob@example.test", 2)[1], "Subject: posted", "it has come")
    eventually(lambda: any("staff@example.test" in one.recipients for one in scan.transactions), "the alias itself went to the filter")


@test("what the filter refuses is returned, and the report about it is not filtered")
def refused(t):
    back = free_port()
    scan = ContentFilter(t, ("127.0.0.1", back))
    host = Host(t, {"content_filter": f"smtp:[127.0.0.1]:{scan.port}"}, daemons=("smtpd",), sections={"service.back": {**BACK, "port": back}})
    equal(send(host, ["bob@example.test"], "refuse this", "alice@example.test")[0], 250, "the message is taken")
    report = texts(host, "alice@example.test", 1)[0]
    contains(report, "550 5.7.1 the filter refuses this", "the report")
    check("X-Scanned" not in report.split("\n\n")[0], "the report did not pass the filter")
    equal(len(scan.transactions), 0, "messages that the filter took")


@test("FILTER of an access table and of header_checks goes before content_filter")
def filter_action(t):
    back = free_port()
    first, second = ContentFilter(t, ("127.0.0.1", back), "X-First"), ContentFilter(t, ("127.0.0.1", back), "X-Second")
    table = os.path.join(t.folder, "access")
    with open(table, "w", encoding="ascii") as file:
        file.write(f"bob@example.test FILTER smtp:[127.0.0.1]:{second.port}\n")
    host = Host(t, {"content_filter": f"smtp:[127.0.0.1]:{first.port}", "smtpd_recipient_restrictions": f"check_recipient_access texthash:{table}",
                    "header_checks": f"inline:{{{{Subject: to second=FILTER smtp:[127.0.0.1]:{second.port}}}}}"}, daemons=("smtpd",),
                sections={"service.back": {**BACK, "port": back, "receive_override_options": "no_header_body_checks"}})
    send(host, ["alice@example.test"])
    contains(texts(host, "alice@example.test", 1)[0], "X-First: yes", "by content_filter")
    send(host, ["bob@example.test"])
    text = texts(host, "bob@example.test", 1)[0]
    check("X-Second: yes" in text and "X-First" not in text, "by FILTER of the access table")
    send(host, ["alice@example.test"], subject="to second")
    eventually(lambda: any("X-Second: yes" in one for one in texts(host, "alice@example.test", 2)), "by FILTER of header_checks")
    host.wait_log(r"NOQUEUE: filter: RCPT from .*<bob@example\.test>: Recipient address triggers FILTER smtp:")
    host.wait_log(r"cleanup\[\d+\]: \w+: filter: header Subject: to second from .*: smtp:\[127")


@test("while a content filter is down mail waits, and goes through it once it is back")
def filter_down(t):
    back = free_port()
    scan = ContentFilter(t, ("127.0.0.1", back))
    scan.stop()
    host = Host(t, {"content_filter": f"smtp:[127.0.0.1]:{scan.port}", "minimal_backoff_time": "1s", "maximal_backoff_time": "2s"},
                daemons=("smtpd",), sections={"service.back": {**BACK, "port": back}})
    equal(send(host, ["bob@example.test"])[0], 250, "the message is taken")
    host.wait_log(r"to=<bob@example\.test>, .*status=deferred \(connect to 127\.0\.0\.1\[127\.0\.0\.1\]:\d+: Connection refused\)")
    equal(host.messages("bob@example.test"), [], "nothing goes past the filter")
    scan.listen()
    contains(texts(host, "bob@example.test", 1)[0], "X-Scanned: yes", "it came through the filter")


@test("smtpd_proxy_filter sees a message before it is accepted: its refusal is the client's, and what it takes is delivered", seconds=300)
def before_queue(t):
    before_queue_with(t, {"smtpd_proxy_options": "speed_adjust"})


@test("smtpd_proxy_filter answers each command, if it is not to wait for the message, by the name of its host", seconds=300)
def stepwise(t):
    before_queue_with(t, {})


def before_queue_with(t, settings):
    back = free_port()
    scan = ContentFilter(t, ("127.0.0.1", back))
    place = f"127.0.0.1:{scan.port}" if settings else f"ip4.localhost:{scan.port}"
    host = Host(t, {"smtpd_proxy_filter": place, "smtpd_proxy_ehlo": "proxy.example.test",
                    "always_bcc": "bob@example.test", **settings}, daemons=("smtpd",),
                sections={"service.back": {**BACK, "port": back}})
    equal(send(host, ["alice@example.test"]), (250, b"2.6.0 Ok, passed on"), "the filter's answer")
    text = texts(host, "alice@example.test", 1)[0]
    contains(text, "X-Scanned: yes", "it passed the filter")
    equal(len(host.wait_messages("bob@example.test", 1)), 1, "copies, made behind the filter alone")
    check("EHLO proxy.example.test" in scan.commands, "the name in EHLO")
    check(any(command.startswith("XFORWARD") for command in scan.commands), "the filter learns whose mail it is")
    equal(send(host, ["alice@example.test"], "refuse me"), (550, b"5.7.1 the filter refuses this"), "a refusal")
    host.wait_log(r"proxy-accept: END-OF-MESSAGE from .*: 250 2\.6\.0 Ok, passed on; from=<ann@client\.test>")
    host.wait_log(r"proxy-reject: END-OF-MESSAGE from .*: 550 5\.7\.1 the filter refuses this; ")
    # A large message is in a file.
    large = "\r\n".join(["z" * 70] * 3000)
    equal(send(host, ["alice@example.test"], large)[0], 250, "a large message")
    check(any("z" * 70 in one and one.count("z" * 70) == 3000 for one in texts(host, "alice@example.test", 2)), "it is whole")
    scan.stop()
    unusable = (451, b"4.3.0 Error: the content filter can't be used now")
    if settings:
        equal(send(host, ["alice@example.test"]), unusable, "without the filter")
    else:
        with host.smtp() as client:
            client.ehlo()
            client.mail("ann@client.test")
            equal(client.rcpt("alice@example.test"), unusable, "without the filter")
    host.wait_log(r"warning: smtpd_proxy_filter [\w.]+:\d+: .*Connection refused")
    equal(host.queue(), [], "nothing stays in the queue")
    try:
        with smtplib.SMTP("127.0.0.1", back, timeout=60) as client:
            client.ehlo("client.test")
    except OSError as error:
        raise AssertionError(f"the way back is closed: {error}") from error


@test("a pipe is a content filter, too, which posts the mail anew by sendmail, whose mail is not filtered")
def simple_filter(t):
    script = os.path.join(t.folder, "filter")
    with open(script, "w", encoding="utf-8") as file:
        file.write('#!/bin/sh\n# where, sendmail, sender, recipients\nat=$1 sendmail=$2 from=$3; shift 3; shift\n'
                   'text=$(mktemp); cat > "$text"\n'
                   'if grep -q refuse "$text"; then echo 5.7.1 not this; rm "$text"; exit 69; fi\n'
                   '{ echo "X-Piped: yes"; cat "$text"; } | "$sendmail" -C "$at" -G -i -f "$from" -- "$@"; status=$?\n'
                   'rm "$text"; exit $status\n')
    os.chmod(script, 0o755)
    host = Host(t, daemons=("smtpd",),
                sections={"service.smtp": {"content_filter": "filter:dummy"},
                          "transport.filter": {"kind": "pipe", "user": "nobody", "null_sender": "", "flags": "q", "directory": "/tmp",
                                               "argv": [script, os.path.join(t.folder, "host", "etc"), os.path.join(TOP, "build/release/bin/sendmail"),
                                                        "${sender}", "--", "${recipient}"]}})
    equal(send(host, ["alice@example.test", "bob@example.test"])[0], 250, "the message is taken")
    for login in ("alice@example.test", "bob@example.test"):
        equal(texts(host, login, 1)[0].count("X-Piped: yes"), 1, login)
    host.wait_log(r"relay=filter, .*dsn=2\.0\.0, status=sent \(delivered via filter service\)")
    send(host, ["bob@example.test"], "refuse this", "alice@example.test")
    contains(texts(host, "alice@example.test", 2)[0] + texts(host, "alice@example.test", 2)[1], "not this", "the report")


GTUBE = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"  # SpamAssassin's text that is spam to all


def spampd(t, listen, *relay):
    """Debian's filter on SpamAssassin, in front of `relay`; `listen` and `relay` are its options."""
    check(has_program("spampd"), "spampd is missing; contrib/packages/test lists it")
    home = os.path.join(t.folder, "spampd")
    os.makedirs(home)
    user = pwd.getpwuid(as_user().get("user", os.geteuid())).pw_name
    group = grp.getgrgid(as_user().get("group", os.getegid())).gr_name
    log = open(os.path.join(home, "log"), "w", encoding="utf-8")
    # It logs to syslog alone, which need not be there.
    process = subprocess.Popen([has_program("spampd"), *listen, *relay, "--nodetach", "--local-only", "--tagall", "--children=2",
                                f"--user={user}", f"--group={group}", "--logsock=inet", f"--pid={home}/pid"],
                               stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})

    def end():
        process.terminate()
        process.wait(60)
        log.close()
    t.cleanup(end)


def opens(place):
    """Whether a port or a socket is served."""
    with socket.socket(socket.AF_UNIX if isinstance(place, str) else socket.AF_INET) as probe:
        return probe.connect_ex(place) == 0


@test("spampd filters mail before it is accepted, by Unix sockets on both of its sides, and passes refusals of RCPT on", seconds=300)
def spampd_before(t):
    folder = os.path.join(t.folder, "sockets")
    os.makedirs(folder)
    give(folder)
    front, back = os.path.join(folder, "front"), os.path.join(folder, "back")
    host = Host(t, {"smtpd_proxy_filter": f"unix:{front}"}, daemons=("smtpd",),
                sections={"service.back": {**BACK, "socket": back, "mode": "0666",
                                           "smtpd_recipient_restrictions": "check_recipient_access inline:{bob@example.test=REJECT}, permit"}})
    spampd(t, [f"--socket={front}", "--socket-perms=0666"], f"--relaysocket={back}")
    eventually(lambda: os.path.exists(front) and opens(front), "spampd listens", 120)
    equal(send(host, ["alice@example.test"])[0], 250, "mail")
    contains(texts(host, "alice@example.test", 1)[0], "X-Spam-Status: No", "what alice has")
    equal(send(host, ["alice@example.test"], GTUBE)[0], 250, "spam")
    (junk,) = eventually(lambda: host.messages("alice@example.test", ".Junk"), "what is marked is in Junk")
    contains(text_of(junk), "X-Spam-Flag: YES", "what is in Junk")
    with host.smtp() as client:
        client.ehlo()
        client.mail("ann@client.test")
        code, reply = client.rcpt("bob@example.test")
        equal((code, reply.split()[0]), (554, b"5.7.1"), "what the service behind the filter refuses is refused at RCPT")
    host.wait_log("proxy-reject: RCPT from ")

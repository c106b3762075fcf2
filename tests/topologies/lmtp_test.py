"""Mail that leaves by LMTP: to a server that answers as it is told, to Dovecot's and to Cyrus's, by TCP and by a Unix socket."""
import os
import re

from cyrus import CyrusLmtp
from dovecot import DovecotLmtp
from harness import check, contains, equal, eventually, test
from mailhost import Host, give, letter
from peers import Sink

ALICE = "alice@example.test"
SERVER = "127.0.0.40"
SOON = {"minimal_backoff_time": "1s", "maximal_backoff_time": "2s"}


def host_for(t, transport, more=None, **options):
    """A host that relays lmtp.test by this transport."""
    return Host(t, {"relay_domains": ["lmtp.test", "dovecot.test"], "relay_transport": transport, **SOON, **(more or {})},
                daemons=("smtpd",), **options)


def socket_of_queue(host, name):
    """The path of a socket in queue_directory/private, as Postfix's users have it."""
    folder = host.path("queue", "private")
    os.makedirs(folder, exist_ok=True)
    give(folder)
    return os.path.join(folder, name)


def send(host, *recipients, subject="x", lines=1):
    with host.smtp() as client:
        client.sendmail(ALICE, list(recipients), letter(subject, b"line\r\n" * lines))


def outcomes(host):
    """{recipient: the statuses that the log tells of him, in order}."""
    found = {}
    for recipient, dsn, status in re.findall(r"lmtp\[\d+\]: \S+: to=<([^>]*)>.* dsn=([\d.]+), status=(\w+)", host.log()):
        found.setdefault(recipient, []).append(f"{dsn} {status}")
    return found


@test("each recipient of a message has a fate of its own with an LMTP server: sent, returned, tried again until taken")
def mixed(t):
    sink = Sink(t, SERVER, lmtp=True, answers={
        "RCPT TO:<unknown@": "550 5.1.1 nobody", "END <full@": "452 4.2.2 over quota", "END <never@": "552 5.2.2 too much"})
    host = host_for(t, f"lmtp:inet:{sink.address}:{sink.port}")
    send(host, "ok@lmtp.test", "unknown@lmtp.test", "full@lmtp.test", "never@lmtp.test")
    host.wait_log("to=<full@lmtp.test>.*status=deferred")
    host.wait_messages(ALICE, 1)
    sink.answers.clear()
    host.wait_log("to=<full@lmtp.test>.*status=sent")
    host.wait_queue(0)
    found = outcomes(host)
    equal(found.pop("full@lmtp.test")[-1], "2.1.5 sent", "the recipient who was over quota, at last")
    equal(found, {"ok@lmtp.test": ["2.1.5 sent"], "unknown@lmtp.test": ["5.1.1 bounced"],
                  "never@lmtp.test": ["5.2.2 bounced"]}, "the others")
    equal([one.recipients for one in sink.transactions if one.recipients], [["ok@lmtp.test"], ["full@lmtp.test"]],
          "who got the message, each once")
    with open(host.messages(ALICE)[0], encoding="utf-8") as file:
        report = " ".join(file.read().split())
    contains(report, "552 5.2.2 too much (in reply to end of DATA command)", "the report")
    contains(report, "550 5.1.1 nobody (in reply to RCPT TO command)", "the report")
    contains(host.log(), f"relay={SERVER}[{SERVER}]:{sink.port}, ", "the log")
    equal({command.split()[0] for command in sink.commands} & {"EHLO", "HELO"}, set(), "greetings that LMTP does not have")


@test("an LMTP server that dies between its replies keeps what it has confirmed, and gets the rest again")
def dies(t):
    sink = Sink(t, SERVER, lmtp=True, answers={"END <b@": "CLOSE"})
    host = host_for(t, f"lmtp:[{sink.address}]:{sink.port}")
    send(host, "a@lmtp.test", "b@lmtp.test", "c@lmtp.test")
    host.wait_log("to=<b@lmtp.test>.*status=deferred")
    first = sink.transactions[0].recipients
    equal(len(first), 1, "those confirmed before the server died")
    sink.answers.clear()
    host.wait_queue(0)
    equal(sorted(name for one in sink.transactions for name in one.recipients),
          ["a@lmtp.test", "b@lmtp.test", "c@lmtp.test"], "who got the message, each once")
    equal(outcomes(host)[first[0]], ["2.1.5 sent"], "what became of him who was confirmed")
    contains(host.log(), "while sending end of data -- message may be sent more than once", "the log")


@test("a Unix socket is found in queue_directory or from the root, and one connection serves much mail")
def sockets(t):
    host = host_for(t, "lmtp:unix:private/lmtp", {"transport_maps": "inline:{{far.lmtp.test=lmtp:unix:" + t.folder + "/far.sock}}"},
                    start=False)
    near = Sink(t, lmtp=True, path=socket_of_queue(host, "lmtp"))
    far = Sink(t, lmtp=True, path=os.path.join(t.folder, "far.sock"))
    host.start()
    for number in range(20):
        send(host, "near@lmtp.test", "far@far.lmtp.test", subject=f"number {number}")
    host.wait_queue(0)
    for sink, name in ((near, "near@lmtp.test"), (far, "far@far.lmtp.test")):
        equal([one.recipients for one in sink.transactions], [[name]] * 20, f"what {name} got")
        check(sink.connections < 20, f"{sink.connections} connections for 20 messages")
    contains(host.log(), "relay=mail.example.test[private/lmtp], ", "the log")


@test("mail for a socket that nobody serves waits, says why, and goes out once it is served")
def no_server(t):
    host = host_for(t, "lmtp:unix:private/lmtp")
    path = socket_of_queue(host, "lmtp")
    send(host, "a@lmtp.test")
    host.wait_log(r"status=deferred \(connect to mail\.example\.test\[private/lmtp\]: No such file or directory\)")
    sink = Sink(t, lmtp=True, path=path)
    host.wait_queue(0)
    equal([one.recipients for one in sink.transactions], [["a@lmtp.test"]], "what was delivered")


@test("LMTP uses the lmtp_ settings: the name in LHLO, TLS, login, and the parameters of DSN and 8-bit mail")
def settings(t):
    host = host_for(t, "lmtp:inet:localhost", start=False)
    sink = Sink(t, lmtp=True, certificate=(host.certificate, host.key), answers={"AUTH": "235 2.7.0 in"},
                keywords=("PIPELINING", "8BITMIME", "SIZE 50000000", "DSN", "AUTH PLAIN"))
    host.settings.update({"lmtp_tcp_port": sink.port, "lmtp_lhlo_name": "client.example.test", "lmtp_tls_security_level": "encrypt",
                          "lmtp_sasl_auth_enable": True, "lmtp_sasl_password_maps": "inline:{{localhost=ann:secret}}",
                          "lmtp_host_lookup": "native", "smtp_tls_security_level": "none"})
    host.write_settings()
    host.start()
    with host.smtp() as client:
        client.sendmail(ALICE, ["a@lmtp.test"], letter("x", "gr\u00fcn\r\n".encode()), ["BODY=8BITMIME", "RET=HDRS"], ["NOTIFY=SUCCESS"])
    eventually(lambda: sink.transactions, "the mail is there")
    one = sink.transactions[0]
    check(one.tls, "TLS")
    contains(" ".join(sink.commands), "LHLO client.example.test", "the commands")
    contains(" ".join(sink.commands), "AUTH PLAIN AGFubgBzZWNyZXQ=", "the commands")
    contains(one.mail, "BODY=8BITMIME RET=HDRS", "MAIL")
    contains(one.rcpts[0], "NOTIFY=SUCCESS", "RCPT")


@test("Dovecot's LMTP server takes mail by TCP and by its socket into Maildirs; unknown users and full mailboxes are returned")
def dovecot_delivers(t):
    dovecot = DovecotLmtp(t, {"bob": None, "eve": None, "tiny": 2000}, SERVER)
    host = host_for(t, f"lmtp:inet:{SERVER}:{dovecot.port}",
                    {"transport_maps": "inline:{{eve@dovecot.test=lmtp:unix:" + dovecot.path + "}}"})
    send(host, "bob@dovecot.test", "eve@dovecot.test", "tiny@dovecot.test", "nobody@dovecot.test", subject="greetings", lines=2000)
    host.wait_messages(ALICE, 1)
    host.wait_queue(0)
    for user in ("bob", "eve"):
        texts = dovecot.messages(user)
        equal(len(texts), 1, f"messages of {user}")
        contains(texts[0], b"Subject: greetings", "the message")
        equal(texts[0].count(b"line\n"), 2000, "its lines")
    equal(dovecot.messages("tiny"), [], "the full mailbox")
    found = outcomes(host)
    equal(found, {"bob@dovecot.test": ["2.0.0 sent"], "eve@dovecot.test": ["2.0.0 sent"],
                  "tiny@dovecot.test": ["5.2.2 bounced"], "nobody@dovecot.test": ["5.1.1 bounced"]}, "what the log says")
    contains(host.log(), "Saved)", "Dovecot's own words in the log")


@test("mail for a Dovecot mailbox that is full waits until there is room")
def dovecot_full(t):
    dovecot = DovecotLmtp(t, {"tiny": 100_000}, SERVER, answer_full="yes")
    host = host_for(t, f"lmtp:inet:{SERVER}:{dovecot.port}")
    send(host, "tiny@dovecot.test", subject="first", lines=15_000)
    host.wait_queue(0)
    send(host, "tiny@dovecot.test", subject="second", lines=10_000)
    host.wait_log(r"to=<tiny@dovecot.test>.*dsn=4\.2\.2, status=deferred")
    folder = os.path.join(dovecot.folder, "mail", "tiny", "Maildir")
    for path in os.listdir(os.path.join(folder, "new")):
        os.remove(os.path.join(folder, "new", path))
    os.remove(os.path.join(folder, "maildirsize"))
    host.wait_queue(0)
    equal([b"Subject: second" in text for text in dovecot.messages("tiny")], [True], "what is in the mailbox now")


@test("Cyrus's LMTP server takes mail by TCP and by its socket into mailboxes; unknown users and full mailboxes are returned")
def cyrus_delivers(t):
    cyrus = CyrusLmtp(t, ["bob", "zoe", "eve"], 100, SERVER)
    host = host_for(t, f"lmtp:inet:{SERVER}:{cyrus.port}", {"relay_domains": "cyrus.test",
                                                            "transport_maps": "inline:{{eve@cyrus.test=lmtp:unix:" + cyrus.path + "}}"})
    send(host, "bob@cyrus.test", "zoe@cyrus.test", "eve@cyrus.test", "nobody@cyrus.test", subject="greetings", lines=2000)
    host.wait_messages(ALICE, 1)
    host.wait_queue(0)
    for user in ("bob", "zoe", "eve"):
        texts = cyrus.messages(user)
        equal(len(texts), 1, f"messages of {user}")
        contains(texts[0], b"Subject: greetings\r\n", "the message")
        equal(texts[0].count(b"line\r\n"), 2000, "its lines")
    send(host, "bob@cyrus.test", "eve@cyrus.test", subject="too much for what is left of 100 kB", lines=16_000)
    host.wait_messages(ALICE, 2)
    send(host, "bob@cyrus.test", subject="fits")
    host.wait_queue(0)
    equal([b"Subject: fits" in text for text in cyrus.messages("bob")], [False, True], "what bob has")
    equal(len(cyrus.messages("eve")), 1, "messages of eve")
    equal(outcomes(host), {"bob@cyrus.test": ["2.1.5 sent", "5.2.2 bounced", "2.1.5 sent"], "eve@cyrus.test": ["2.1.5 sent", "5.2.2 bounced"],
                           "zoe@cyrus.test": ["2.1.5 sent"], "nobody@cyrus.test": ["5.1.1 bounced"]}, "what the log says")
    contains(host.log(), "SESSIONID=<", "Cyrus's own words in the log")


@test("own users' mailboxes and hosted domains can be Dovecot's: mailbox_transport and virtual_transport name its socket")
def dovecot_mailboxes(t):
    dovecot = DovecotLmtp(t, {"alice": None, "bob": None})
    host = Host(t, {"mailbox_transport": "lmtp:unix:" + dovecot.path, "virtual_mailbox_domains": "hosted.test",
                    "virtual_transport": f"lmtp:inet:127.0.0.1:{dovecot.port}", "virtual_mailbox_maps": "inline:{{bob@hosted.test=x}}"},
                daemons=("smtpd",), aliases="staff: alice@example.test\n")
    send(host, "staff@example.test", subject="to alice")
    send(host, "bob@hosted.test", subject="to bob")
    host.wait_queue(0)
    contains(dovecot.messages("alice")[0], b"Subject: to alice", "alice's mail")
    contains(dovecot.messages("bob")[0], b"Subject: to bob", "bob's mail")
    with host.smtp() as client:
        client.ehlo()
        client.mail(ALICE)
        equal(client.rcpt("carol@hosted.test")[0], 550, "RCPT of an unknown user")


@test("a transport of one's own of kind lmtp speaks LMTP with its own settings, by TCP and by a Unix socket")
def own_transport(t):
    host = host_for(t, "inner:unix:private/inner", {"transport_maps": "inline:{{far.lmtp.test=inner:inet:" + SERVER + "}}",
                                                    "lmtp_lhlo_name": "host.example.test"},
                    sections={"transport.inner": {"kind": "lmtp", "lmtp_lhlo_name": "inner.example.test"}}, start=False)
    near, far = Sink(t, lmtp=True, path=socket_of_queue(host, "inner")), Sink(t, SERVER, lmtp=True)
    host.sections["transport.inner"]["lmtp_tcp_port"] = far.port
    host.write_settings()
    host.start()
    send(host, "a@lmtp.test", "b@far.lmtp.test")
    host.wait_queue(0)
    for sink, name in ((near, "a@lmtp.test"), (far, "b@far.lmtp.test")):
        equal([one.recipients for one in sink.transactions], [[name]], f"what {name} got")
        contains(sink.commands[0], "LHLO inner.example.test", "the greeting")

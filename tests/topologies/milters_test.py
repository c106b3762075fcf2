"""Milters: programs on libmilter, opendkim, and one that lies (smtpd_milters, non_smtpd_milters, smtpd_milter_maps)."""
import base64
import os
import re
import smtplib
import socket
import struct
import subprocess
import time

from harness import check, contains, equal, eventually, test
from mailhost import Host, as_user, free_port, give, has_program
from milters import SAMPLE, LyingMilter, RealMilter, SampleMilter, packet

LARGE = "\r\n".join(["z" * 70] * 3000)  # beyond what the queue keeps in memory


def send(host, recipients=("alice@example.test",), text="x", sender="ann@client.test", subject="plain", port=None):
    """The last reply of the dialogue: that to the message, or the first refusal."""
    with smtplib.SMTP(host.address, port or host.port("smtp"), timeout=100) as client:
        client.ehlo("client.example.test")
        code, reply = client.mail(sender, ["SIZE=100"])
        for recipient in recipients if code == 250 else ():
            code, reply = client.rcpt(recipient)
            if code != 250:
                break
        if code != 250:
            return code, reply
        try:
            return client.data(f"Subject: {subject}\r\n\r\n{text}\r\n")
        except smtplib.SMTPDataError as error:  # DATA itself
            return error.smtp_code, error.smtp_error


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


def text_of(path):
    with open(path, encoding="utf-8", newline="") as file:
        return file.read()


def texts(host, login, count):
    return [text_of(path) for path in host.wait_messages(login, count)]


@test("a milter on libmilter hears the whole dialogue and message, with the macros of Postfix", seconds=300)
def hears(t):
    milter = RealMilter(t, {})
    host = Host(t, {"smtpd_milters": milter.at, "milter_macro_daemon_name": "the-daemon"}, daemons=("smtpd",))
    equal(send(host)[0], 250, "the message")
    queue_id = host.wait_log(r"(\w+): client=unknown\[127").group(1)
    eventually(lambda: milter.calls("eom") and milter.calls()[-1][0] == "close", "the session's end is heard")
    calls = milter.calls()
    calls = calls[[one[0] for one in calls].index("helo") - 1:]  # those before looked whether the host answers
    equal([one[0] for one in calls if one[0] != "header"], ["connect", "helo", "mail", "rcpt", "data", "eoh", "eom", "close"], "the order")
    equal(calls[0], ["connect", "[127.0.0.1]", "127.0.0.1", "mail.example.test", "the-daemon"], "connect")
    equal(calls[1], ["helo", "client.example.test", None], "helo")
    equal(calls[2], ["mail", "<ann@client.test>", ["SIZE=100"], queue_id, "ann@client.test", None], "mail")
    equal(calls[3], ["rcpt", "<alice@example.test>", [], "alice@example.test", "local"], "rcpt")
    # The client is in mynetworks: what we add is there already, and our Received is not seen.
    names = [one[1] for one in milter.calls("header")]
    equal(sorted(names), ["Date", "From", "Message-ID", "Subject"], "the header")
    equal(milter.calls("eom")[0][1:], [3, "x\r\n", queue_id], "the body")
    equal(send(host, text=LARGE)[0], 250, "a large message")
    equal(milter.calls("eom")[1][1], len(LARGE) + 2, "its body as a whole")
    check(any(LARGE.replace("\r\n", "\n") in one for one in texts(host, "alice@example.test", 2)), "it is delivered as it came")


@test("milters refuse, discard and hold at each step, and what they say is told and logged", seconds=300)
def decides(t):
    milter = RealMilter(t, {}, path=os.path.join(t.folder, "milter.sock"))
    host = Host(t, {"smtpd_milters": milter.at}, daemons=("smtpd",))
    for step, stage in (("mail", "MAIL"), ("rcpt", "RCPT"), ("data", "DATA"), ("header", "END-OF-MESSAGE"), ("eom", "END-OF-MESSAGE")):
        milter.set({step: [["reply", "550", "5.7.1", "not at " + step]]})
        equal(send(host), (550, f"5.7.1 not at {step}".encode()), step)
        host.wait_log(rf"milter-reject: {stage} from unknown\[127\.0\.0\.1\]: 550 5\.7\.1 not at {step}; from=<ann@client\.test>")
    milter.set({"connect": [["reject"]]})
    equal(send(host), (550, b"5.7.1 Command rejected"), "a refused connection, told at MAIL")
    milter.set({"eom": [["tempfail"]]})
    equal(send(host), (451, b"4.7.1 Service unavailable - try again later"), "tempfail")
    milter.set({"rcpt bob@example.test": [["reject"]]})
    with host.smtp() as client:
        client.ehlo()
        client.mail("ann@client.test")
        equal([client.rcpt(name)[0] for name in ("bob@example.test", "alice@example.test")], [550, 250], "one of two recipients")
        equal(client.data("Subject: one\r\n\r\nx\r\n")[0], 250, "the message")
        equal((client.docmd("NONSENSE")[0], client.mail("ann@client.test")[0], client.rset()[0]), (500, 250, 250), "the session goes on")
    texts(host, "alice@example.test", 1)
    check(milter.calls("unknown"), "an unknown command is heard")
    milter.set({"eom": [["discard"]]})
    equal(send(host, subject="gone")[0], 250, "discarded")
    host.wait_log(r"milter-discard: END-OF-MESSAGE from .*: milter triggers DISCARD action; ")
    milter.set({"eom": [["quarantine", "a virus"]]})
    equal(send(host, subject="held")[0], 250, "held")
    equal([one["queue_name"] for one in host.wait_queue(1)], ["hold"], "the queue")
    host.wait_log(r"milter-hold: END-OF-MESSAGE from .*: a virus; ")
    equal(len(host.messages("alice@example.test")), 1, "neither was delivered")


STEPS = ("helo", "mail", "rcpt", "data", "header", "eoh", "body", "eom")
REPLIES = {"reject": (550, b"5.7.1 Command rejected"), "tempfail": (451, b"4.7.1 Service unavailable - try again later")}


@test("each of a milter's answers is obeyed at each of its steps, and none after it is asked", seconds=300)
def each_step(t):
    milter = RealMilter(t, {})
    host = Host(t, {"smtpd_milters": milter.at}, daemons=("smtpd",))
    delivered = 0
    for step in STEPS:
        # libmilter has no message to discard at HELO.
        for answer in ("accept", "reject", "tempfail", *(["discard"] if step != "helo" else [])):
            heard = len(milter.calls())
            milter.set({step: [[answer]]})
            subject = f"{answer} at {step}"
            said = send(host, subject=subject)
            if answer in REPLIES:
                equal(said, REPLIES[answer], subject)
            else:
                equal(said[0], 250, subject)
            delivered += answer == "accept"
            eventually(lambda h=heard: milter.calls()[h:] and milter.calls()[-1][0] == "close", "the session's end is heard")
            calls = [one[0] for one in milter.calls()[heard:]]
            last = "eoh" if step == "body" else step  # the body is noted at its end alone
            after = calls[len(calls) - calls[::-1].index(last):]
            check(set(after) <= {"abort", "close"}, f"{subject}: afterwards it hears {after}")
    found = [one for one in texts(host, "alice@example.test", delivered) if "Subject: accept at " in one]
    equal(len(found), len(STEPS), "what was accepted is delivered, and what was discarded is not")
    equal(len(host.messages("alice@example.test")), delivered, "no more than that")


@test("Sendmail's sample milter in C keeps what comes, adds its recipient and its field, and refuses the recipient it is told to", seconds=120)
def sample(t):
    check(os.path.exists(SAMPLE), "sendmail-doc is missing; contrib/packages/test lists it")
    milter = SampleMilter(t, "-r", "bob@example.test", "-a", "<carol@example.test>")
    host = Host(t, {"smtpd_milters": milter.at}, {f"{name}@example.test": name + "-secret" for name in ("alice", "bob", "carol")}, daemons=("smtpd",))
    with host.smtp() as client:
        client.ehlo("client.example.test")
        for number, text in enumerate(("one line", LARGE), 1):
            client.mail("ann@client.test", ["SIZE=100"])
            equal([client.rcpt(name)[0] for name in ("bob@example.test", "alice@example.test")], [550, 250], "who is refused, and who is not")
            equal(client.data(f"Subject: number {number}\r\n\r\n{text}\r\n")[0], 250, "the message")
        client.mail("ann@client.test")
        equal(client.rset()[0], 250, "a message that is given up")
        client.mail("ann@client.test")
        equal(client.rcpt("bob@example.test")[0], 550, "one without recipients")
    found = texts(host, "carol@example.test", 2)
    equal(len(host.messages("bob@example.test")), 0, "nothing for the one who is refused")
    contents = [[one.partition("\nReceived: ")[2] for one in all_of] for all_of in (found, texts(host, "alice@example.test", 2))]
    equal(sorted(contents[0]), sorted(contents[1]), "both get the same")
    names = [re.search(r"\nX-Archived: (msg\.\w{6})@", one).group(1) for one in found]
    copies = sorted((milter.kept(name) for name in names), key=len)
    for number, (copy, text) in enumerate(zip(copies, ("one line", LARGE)), 1):
        check(copy.startswith("Connect from client.example.test, No TLS ("), f"the connection: {copy[:100]}")
        contains(copy, "FROM ann@client.test (2 arguments)\nRCPT bob@example.test -- REJECTED\nRCPT alice@example.test (1 argument)\n", "the envelope")
        contains(copy, f"\nSubject: number {number}\n", "the header")
        check(copy.endswith(f"\n\n{text}\r\n"), "the body as it came")
    eventually(lambda: sorted(os.listdir(milter.archive)) == sorted(names), "what was given up leaves no copy")
    check(milter.process.poll() is None, "the sample has died")


@test("a milter changes header, body, sender and recipients of small and large messages", seconds=300)
def changes(t):
    new_line = "A new line of text that is long enough.\r\n"
    rules = [["addheader", "X-Added", "one\n two"], ["addheader", "X-Top", "first", 0], ["chgheader", "Subject", 1, "changed"],
             ["chgheader", "X-Gone", 1, ""], ["addrcpt", "<bob@example.test>"], ["delrcpt", "<alice@example.test>"],
             ["chgfrom", "<new@client.test>"]]
    milter = RealMilter(t, {"eom": [*rules, ["body", new_line, 2]]})
    host = Host(t, {"smtpd_milters": milter.at}, daemons=("smtpd",))
    for count, text, times in ((1, "x", 2), (2, LARGE, 2), (3, "x", 5000), (4, LARGE, 5000)):
        milter.set({"eom": [*rules, ["body", new_line, times]]})
        equal(send(host, text=text + "\r\n.", subject="as sent\r\nX-Gone: x")[0], 250, "the message")
        found = [one for one in texts(host, "bob@example.test", count) if one.endswith("\n\n" + new_line.replace("\r\n", "\n") * times)]
        check(found, f"case {count}: the new body, and nothing else of the old one")
        one = found[-1]
        header, _, body = one.partition("\n\n")
        contains(header, "\nX-Added: one\n two", "a field at the end")
        contains(header, "\nSubject: changed\n", "a changed field")
        check("X-Gone" not in header and "as sent" not in header and "zzz" not in body, "what was removed")
        check(header.index("X-Top: first") < header.index("Received: from client.example.test"), "above our own Received")
        contains(header, "Return-Path: <new@client.test>", "the sender")
    equal(host.messages("alice@example.test"), [], "the recipient that was removed")
    check("CRLF" not in host.log(), "sizes agree")


@test("of two milters the second sees what the first has changed, and smtpd_milter_maps chooses them by client", seconds=300)
def several(t):
    first, second = RealMilter(t, {"eom": [["addheader", "X-First", "1"], ["body", "new\r\n", 1]]}, "first"), RealMilter(t, {}, "second")
    host = Host(t, {"smtpd_milters": [first.at, second.at],
                    "smtpd_milter_maps": f"inline:{{{{127.0.0.2=DISABLE}}, {{127.0.0.3={second.at}}}}}"}, daemons=("smtpd",))
    equal(send(host)[0], 250, "the message")
    check(["header", "X-First", "1"] in second.calls(), "the header of the first")
    equal(second.calls("eom")[0][1:3], [5, "new\r\n"], "the body of the first")
    heard = len(first.calls("eom")), len(second.calls("eom"))
    for source, expected in (("127.0.0.2", (0, 0)), ("127.0.0.3", (0, 1))):
        with host.smtp(source=source) as client:
            client.sendmail("ann@client.test", ["alice@example.test"], "Subject: x\r\n\r\nx\r\n")
        equal((len(first.calls("eom")) - heard[0], len(second.calls("eom")) - heard[1]), expected, source)


@test("a milter that is down, hangs, dies or lies costs its time-out, and its default action applies", seconds=300)
def hostile(t):
    cases = (("silent", {"M": None}, "no answer in time"),
             ("silent offer", {"O": None}, "no answer in time"),
             ("silent at the end", {"E": None}, "no answer in time"),
             ("endless progress", {"E": packet("p") * 1000}, "no answer in time"),
             ("dies", {"B": b""}, "lost connection"),
             ("garbage", {"R": b"HTTP/1.0 400 Bad request\r\n\r\n"}, "a packet of"),
             ("huge", {"E": struct.pack(">I", 0x7fffffff) + b"b" + b"x" * 1_000_000}, "a packet of"),
             ("odd", {"T": packet("!")}, "an unknown answer"),
             ("early change", {"L": packet("+", b"eve@example.test\0")}, "it asks for a change before the end of the message"),
             ("many changes", {"E": packet("h", b"X-A\0one\0") * 2000 + packet("c")}, "more than 1000 changes"),
             ("half a body", {"E": packet("b", b"half") + packet("?")}, "an unknown answer"),
             ("future", {"O": packet("O", struct.pack(">III", 7, 0, 0))}, "it speaks version 7"))
    # Each at a service of its own.
    milters = [LyingMilter(t, answers) for _, answers, _ in cases]
    services = [{"kind": "smtp", "port": free_port(), "smtpd_milters": f"{{ {milter.at}, command_timeout=1s, content_timeout=1s }}"} for milter in milters]
    nobody = f"inet:127.0.0.1:{free_port()}"
    passing = {"kind": "smtp", "port": free_port(), "smtpd_milters": f"{{ {nobody}, default_action=accept }}"}
    holding = {"kind": "smtp", "port": free_port(), "smtpd_milters": nobody, "milter_default_action": "quarantine"}
    host = Host(t, {}, daemons=("smtpd",), sections={"service.passing": passing, "service.holding": holding,
                                                     **{f"service.case{number}": service for number, service in enumerate(services)}})
    for (name, _, told), milter, service in zip(cases, milters, services):
        began = time.monotonic()
        equal(send(host, port=service["port"]), (451, b"4.7.1 Service unavailable - try again later"), name)
        check(time.monotonic() - began < 60, f"{name} took too long")
        host.wait_log(rf"warning: milter {milter.at}: .*{told}")
    equal((host.queue(), host.messages("alice@example.test")), ([], []), "nothing was taken")
    equal(send(host)[0], 250, "a service without milters")
    equal(send(host, port=passing["port"])[0], 250, "a milter that is down is passed by")
    host.wait_log(rf"warning: milter {nobody}: can't connect: .*Connection refused")
    host.wait_messages("alice@example.test", 2)
    equal(send(host, port=holding["port"])[0], 250, "or its mail is held")
    equal([one["queue_name"] for one in host.wait_queue(1)], ["hold"], "the queue")


@test("non_smtpd_milters see what programs of this host post, and change or refuse it", seconds=300)
def posted(t):
    milter = RealMilter(t, {"eom": [["addheader", "X-Seen", "yes"], ["body", "new\r\n", 1]]})
    host = Host(t, {"non_smtpd_milters": milter.at}, daemons=("smtpd",))
    for count, text in ((1, "x\n"), (2, "z" * 70 + "\n" + "zz\n" * 60000)):
        host.command("sendmail", "-f", "bob@example.test", "alice@example.test", input="Subject: posted\n\n" + text)
        for one in texts(host, "alice@example.test", count):
            contains(one, "\nX-Seen: yes\n", "the field")
            check(one.endswith("\n\nnew\n"), "the new body")
    equal(milter.calls("connect")[0][1:3], ["localhost", "127.0.0.1"], "the client")
    equal(milter.calls("rcpt")[0][1], "<alice@example.test>", "the recipient")
    milter.set({"eom": [["reply", "550", "5.7.1", "not this"]]})
    refused = host.command("sendmail", "-f", "bob@example.test", "alice@example.test", input="Subject: bad\n\nx\n", ok=False)
    check(refused.returncode != 0, "sendmail tells of the refusal")
    host.wait_log(r"cleanup\[\d+\]: \w+: milter-reject: END-OF-MESSAGE from localhost\[127\.0\.0\.1\]: 5\.7\.1 not this; from=<bob@example\.test>")
    equal(len(host.messages("alice@example.test")), 2, "it was not delivered")


@test("opendkim signs through smtpd_milters what is then sent, and verifies what it has signed", seconds=300)
def opendkim(t):
    folder = os.path.join(t.folder, "opendkim")
    os.makedirs(folder)
    subprocess.run(["openssl", "genrsa", "-traditional", "-out", os.path.join(folder, "key"), "2048"], check=True, capture_output=True)
    public = subprocess.run(["openssl", "rsa", "-in", os.path.join(folder, "key"), "-pubout", "-outform", "DER"], check=True, capture_output=True).stdout
    record = "v=DKIM1; k=rsa; p=" + base64.b64encode(public).decode()
    with open(os.path.join(folder, "keys"), "w", encoding="ascii") as file:
        file.write(f"test._domainkey.example.test {record}\n")
    os.chmod(os.path.join(folder, "key"), 0o600)
    give(folder)

    def daemon(name, *lines):
        port, config = free_port(), os.path.join(folder, name + ".conf")
        with open(config, "w", encoding="ascii") as file:
            file.write("\n".join([*lines, "RequireSafeKeys no", "Background no", f"Socket inet:{port}@127.0.0.1"]) + "\n")
        with open(os.path.join(folder, name + ".log"), "wb") as log:
            process = subprocess.Popen(["/usr/sbin/opendkim", "-f", "-x", config], stdout=log, stderr=log, **as_user())
        t.cleanup(process.wait)
        t.cleanup(process.terminate)
        eventually(lambda: listens(port), f"opendkim ({name}) listens")
        return f"inet:127.0.0.1:{port}"

    signer = daemon("signer", "Mode s", "Domain example.test", "Selector test", f"KeyFile {os.path.join(folder, 'key')}")
    verifier = daemon("verifier", "Mode v", f"TestPublicKeys {os.path.join(folder, 'keys')}", "AuthservID verifier.test",
                      "AlwaysAddARHeader yes", "InternalHosts /dev/null")
    # It signs what is sent: with a Message-ID and Date of ours, and From completed.
    host = Host(t, {"smtpd_milters": [signer, verifier]}, daemons=("smtpd",))
    with host.smtp() as client:
        client.sendmail("alice@example.test", ["bob@example.test"], "From: alice@example.test\r\nTo: bob@example.test\r\nSubject: signed\r\n\r\nbody\r\n" + LARGE)
    text = texts(host, "bob@example.test", 1)[0]
    contains(text, "DKIM-Signature: v=1", "the signature")
    again = Host(t, {"smtpd_milters": verifier}, daemons=("smtpd",), name="again")
    received = text[text.index("DKIM-Signature:"):].replace("\n", "\r\n")
    with smtplib.SMTP("127.0.0.1", again.port("smtp"), timeout=60) as client:
        client.sendmail("alice@example.test", ["bob@example.test"], received)
    contains(texts(again, "bob@example.test", 1)[0], "dkim=pass", "what the verifier says of what was delivered")


@test("rspamd's proxy refuses through smtpd_milters what it takes for spam, and lets other mail pass", seconds=300)
def rspamd(t):
    folder, port = os.path.join(t.folder, "rspamd"), free_port()
    os.makedirs(folder)
    with open(os.path.join(folder, "rspamd.conf"), "w", encoding="ascii") as file:
        file.write(f"""options {{ pidfile = "{folder}/pid"; filters = ""; control_socket = "{folder}/control.sock mode=0600"; hs_cache_dir = "{folder}";
  tempdir = "{folder}"; dns {{ nameserver = ["127.0.0.1:9"]; timeout = 100ms; retransmits = 1; }} }}
logging {{ type = "file"; filename = "{folder}/log"; level = "info"; }}
worker "rspamd_proxy" {{ bind_socket = "127.0.0.1:{port}"; milter = yes; timeout = 60s; count = 1;
  upstream "local" {{ default = yes; self_scan = yes; }} }}
""")
    give(folder)
    with open(os.path.join(folder, "err"), "wb") as errors:
        process = subprocess.Popen(["rspamd", "-f", "-c", os.path.join(folder, "rspamd.conf")], stdout=errors, stderr=errors, **as_user())
    t.cleanup(process.wait)
    t.cleanup(process.terminate)

    eventually(lambda: listens(port), "rspamd listens", 200)
    host = Host(t, {"smtpd_milters": f"inet:127.0.0.1:{port}"}, daemons=("smtpd",))
    equal(send(host, text="an honest letter")[0], 250, "other mail")
    gtube = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
    equal(send(host, text=gtube), (554, b"5.7.1 Gtube pattern"), "the test string for spam")
    host.wait_log(r"milter-reject: END-OF-MESSAGE from .*: 554 5\.7\.1 Gtube pattern; ")
    equal(len(host.wait_messages("alice@example.test", 1)), 1, "what was delivered")


@test("clamav-milter refuses a message in which clamd finds a signature, in an attachment too, and lets others pass", seconds=120)
def clamav(t):
    for program in ("clamd", "clamav-milter"):
        check(has_program(program), f"{program} is missing; contrib/packages/test lists it")
    folder, scanner, port = os.path.join(t.folder, "clamav"), free_port(), free_port()
    os.makedirs(os.path.join(folder, "database"))
    mark = b"PENNYPOST-TEST-SIGNATURE"
    with open(os.path.join(folder, "database", "test.ndb"), "w", encoding="ascii") as file:
        file.write(f"Pennypost.Test.Signature:0:*:{mark.hex()}\n")
    common = f"Foreground yes\nTemporaryDirectory {folder}\n"
    with open(os.path.join(folder, "clamd.conf"), "w", encoding="ascii") as file:
        file.write(f"{common}TCPSocket {scanner}\nTCPAddr 127.0.0.1\nDatabaseDirectory {folder}/database\n")
    with open(os.path.join(folder, "clamav-milter.conf"), "w", encoding="ascii") as file:
        file.write(f"{common}ClamdSocket tcp:127.0.0.1:{scanner}\nMilterSocket inet:{port}@127.0.0.1\nOnInfected Reject\n"
                   "RejectMsg Infected by %v\nAddHeader Replace\n")
    for path, _, names in os.walk(folder):
        for name in ("", *names):
            give(os.path.join(path, name))
    for program, at in (("clamd", scanner), ("clamav-milter", port)):
        process = subprocess.Popen([program, "-c", os.path.join(folder, program + ".conf")], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **as_user())
        t.cleanup(process.wait)
        t.cleanup(process.terminate)
        eventually(lambda at=at: listens(at), f"{program} listens", 60)

    host = Host(t, {"smtpd_milters": f"inet:127.0.0.1:{port}"}, daemons=("smtpd",))
    equal(send(host, text="an honest letter")[0], 250, "other mail")
    equal(send(host, text=f"a letter with {mark.decode()} in it")[0], 550, "the signature in the text")
    attached = f"see below\r\n--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n" \
               f"{base64.b64encode(mark).decode()}\r\n--b--"
    code, reply = send(host, text="--b\r\n\r\n" + attached, subject="x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b")
    equal(code, 550, "the signature in an attachment")
    contains(reply, b"Infected by Pennypost.Test.Signature", "what the client is told")
    host.wait_log(r"milter-reject: END-OF-MESSAGE from .*: 5[0-9.]+ [0-9. ]*Infected by Pennypost\.Test\.Signature")
    text = texts(host, "alice@example.test", 1)[0]
    contains(text, "X-Virus-Status: Clean", "the field that it adds")

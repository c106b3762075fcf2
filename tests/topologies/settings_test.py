"""Settings of a running host, tried by what their sentences say: for a service alone, after a reload, in every way in."""
import contextlib
import imaplib
import os
import re
import smtplib
import socket
import subprocess
import threading

from harness import check, contains, equal, eventually, test
from mailhost import Host, letter
from peers import NameServer

ALICE = "alice@example.test"
BOB = "bob@example.test"
NEVER = {"minimal_backoff_time": "1000s", "maximal_backoff_time": "2000s"}


def send(host, recipients, message=None, service="smtp"):
    with host.smtp(service) as client:
        return client.sendmail(ALICE, recipients, message or letter("a letter"))


def stored(path):
    with open(path, "rb") as file:
        return file.read().decode()


@test("a service's syslog_name stands in the lines of its sessions, and popd's or imapd's in all of theirs")
def names_in_log(t):
    host = Host(t, {"syslog_name": "penny", "smtpd_tls_loglevel": 1},
                sections={"service.submission": {"syslog_name": "postfix/submission"}, "service.imap": {"syslog_name": "dovecot"}})
    send(host, [BOB])
    host.submit(ALICE, ALICE, [BOB], letter("handed in"))
    host.wait_messages(BOB, 2)
    with host.imap(BOB) as client:
        client.logout()
    host.pop3(BOB).quit()
    eventually(lambda: re.search(r" dovecot\[\d+\]: imap: user=", host.log()), "the end of the IMAP session is logged")
    log = host.log()
    for pattern in (r" penny/smtpd\[\d+\]: connect from", r" penny/smtpd\[\d+\]: \w+: client=",
                    r" postfix/submission/smtpd\[\d+\]: connect from", r" postfix/submission/smtpd\[\d+\]: Anonymous TLS",
                    r" postfix/submission/smtpd\[\d+\]: \w+: client=.*sasl_username=", r" penny/qmgr\[\d+\]: ",
                    r" dovecot\[\d+\]: imap-login: Login: user=<bob", r" dovecot\[\d+\]: master: imapd: daemon started",
                    r" penny/pop3-login\[\d+\]: Login: user=<bob"):
        check(re.search(pattern, log), f"the log has {pattern}: {log[-2500:]}")
    check(" penny/imap" not in log, "nothing of imapd bears the host's name")


@test("mail for discard: is logged as discarded with its text; defer_transports puts off relay until it is flushed")
def transports(t):
    host = Host(t, {"transport_maps": "inline:{{none.test=discard:no news is good news},{partner.test=relay:[127.0.0.1]:9}}",
                    "defer_transports": "relay", **NEVER}, daemons=("smtpd",))
    send(host, ["ann@none.test", "eve@partner.test"])
    host.wait_log(r"/discard\[\d+\]: \w+: to=<ann@none.test>, relay=none, .*dsn=2.0.0, status=sent \(no news is good news\)")
    host.wait_log(r"to=<eve@partner.test>, relay=none, .*dsn=4.3.2, status=deferred \(deferred transport\)")
    host.command("postqueue", "-f")
    host.wait_log(r"to=<eve@partner.test>, relay=none, .*status=deferred \(connect to 127.0.0.1")


@test("mail_max_userip_connections of a service holds for that service alone")
def sessions_of_a_service(t):
    host = Host(t, sections={"service.imap": {"mail_max_userip_connections": 1}}, daemons=("imapd",))
    with host.imap(BOB):
        try:
            host.imap(BOB).logout()
            check(False, "a second session of port 143 is refused")
        except imaplib.IMAP4.error as error:
            contains(str(error), "[LIMIT]", "why")
        host.imap(BOB, tls=True).logout()


@test("queue_minfree takes effect with a reload, both ways")
def room(t):
    host = Host(t, daemons=("smtpd",))

    def answer():
        try:
            send(host, [BOB])
            return 250
        except smtplib.SMTPResponseException as refused:
            return refused.smtp_code

    equal(answer(), 250, "the answer where there is room")
    for minfree, code in ((2**52, 452), (1, 250)):
        host.settings["queue_minfree"] = minfree
        host.write_settings()
        host.reload()
        eventually(lambda c=code: answer() == c, f"queue_minfree = {minfree} is answered with {code}")


@test("append_at_myorigin = no leaves a bare address bare, in the header of sendmail's mail as in that of a session")
def bare_addresses(t):
    host = Host(t, {"append_at_myorigin": False})
    text = "From: eve\nTo: kim, <lee@there.test>\nSubject: names\n\nHello.\n"
    host.command("sendmail", "-i", BOB, input=text)
    send(host, [BOB], text.replace("\n", "\r\n").encode())
    for path in host.wait_messages(BOB, 2):
        header = stored(path).split("\n\n")[0]
        contains(header, "\nFrom: eve\n", "From")
        contains(header, "\nTo: kim, <lee@there.test>\n", "To")


@test("append_dot_mydomain completes a domain without a dot in the header of sendmail's mail as in that of a session, "
      "before canonical maps are asked")
def short_domains(t):
    host = Host(t, {"append_dot_mydomain": True, "canonical_maps": "inline:{ kim@lab.example.test=kim.ng@example.test }"})
    text = "From: eve@lab\nTo: kim@lab, <lee@lab>, x@[192.0.2.1]\nSubject: names\n\nHello.\n"
    host.command("sendmail", "-i", BOB, input=text)
    send(host, [BOB], text.replace("\n", "\r\n").encode())
    for path in host.wait_messages(BOB, 2):
        header = stored(path).split("\n\n")[0]
        contains(header, "\nFrom: eve@lab.example.test\n", "From")
        contains(header, "\nTo: kim.ng@example.test, <lee@lab.example.test>, x@[192.0.2.1]\n", "To")


@test("a command whose command_execution_directory is missing waits, and runs there once it is made")
def directory_of_commands(t):
    host = Host(t, {"minimal_backoff_time": "1s", "maximal_backoff_time": "1s"}, start=False, daemons=("smtpd",))
    place = host.path("data", "commands")
    host.settings["command_execution_directory"] = place
    host.write_settings()
    host.write("etc/aliases", f'run: "|cat >/dev/null; pwd >{host.path("data", "where")}"\n')
    host.command("newaliases")
    host.start()
    send(host, ["run@example.test"])
    host.wait_log(r"status=deferred \(temporary failure. Command output: can't change to the directory " + re.escape(place))
    os.mkdir(place, 0o755)
    host.own()
    host.wait_log(r"to=<run@example.test>, .*status=sent")
    equal(stored(host.path("data", "where")).strip(), place, "where the command ran")


class Validator:
    """A name server that calls all that it says authentic (RFC 4035 section 3.2.3): "there is none", with the AD bit."""

    def __init__(self, t):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.socket.getsockname()[1]}"
        self.asked = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()
        t.cleanup(self.socket.close)

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                query, client = self.socket.recvfrom(4096)
                end = query.index(b"\0", 12) + 5
                self.socket.sendto(query[:2] + b"\x81\xa0" + b"\0\1" + b"\0" * 6 + query[12:end], client)
                self.asked.set()


@test("reject_unknown_sender_domain asks DNS for an MX or an address, and tells who can't be asked about to come again")
def unknown_senders(t):
    names = NameServer(t, "--mx-host=mx.test,a.test,10", "--host-record=host.test,192.0.2.1", "--mx-host=null.test,.,0",
                       "--txt-record=empty.test,x")
    host = Host(t, {"dns_servers": [names.address], "smtpd_sender_restrictions": "reject_unknown_sender_domain",
                    "smtpd_recipient_restrictions": "reject_unknown_recipient_domain, permit_mynetworks, reject"},
                daemons=("smtpd",))

    def answers(sender, recipient=BOB):
        with host.smtp() as client:
            client.ehlo("client.test")
            client.mail(sender)
            code, text = client.rcpt(recipient)
            return code, text.decode()

    for sender in ("ann@mx.test", "ann@host.test", "", "ann@example.test"):
        equal(answers(sender)[0], 250, f"MAIL FROM:<{sender}>")
    refused = (550, "5.7.27 <ann@null.test>: Sender address rejected: Domain null.test does not accept mail (nullMX)")
    equal(answers("ann@null.test"), refused, "MAIL FROM:<ann@null.test>")
    for sender in ("ann@empty.test", "ann@none.test"):
        equal(answers(sender), (450, f"4.1.8 <{sender}>: Sender address rejected: Domain not found"), f"MAIL FROM:<{sender}>")
    equal(answers("ann@mx.test", "eve@mx.test")[0], 250, "a recipient with an MX")
    equal(answers("ann@mx.test", "eve@none.test"),
          (450, "4.1.2 <eve@none.test>: Recipient address rejected: Domain not found"), "a recipient without")
    at_once = Host(t, {"dns_servers": [names.address], "smtpd_sender_restrictions": "reject_unknown_sender_domain",
                       "smtpd_delay_reject": "no"}, name="at_once", daemons=("smtpd",))
    with at_once.smtp() as client:
        client.ehlo("client.test")
        equal(client.mail("ann@none.test")[0], 450, "where nobody waits for RCPT")
        equal(client.mail("ann@mx.test")[0], 250, "a sender with an MX")
    names.stop()
    # In Postfix's words, though nothing is known of it.
    equal(answers("ann@other.test"), (450, "4.1.8 <ann@other.test>: Sender address rejected: Domain not found"), "with no name server to ask")


@test("smtp_dns_support_level = dnssec warns where the name servers do not validate, and only there")
def dnssec(t):
    warning = "the name servers do not validate DNSSEC"
    plain = Host(t, {"smtp_dns_support_level": "dnssec", "dns_servers": [NameServer(t).address]}, name="plain", daemons=("smtpd",))
    plain.wait_log(warning)
    validator = Validator(t)
    validated = Host(t, {"smtp_dns_support_level": "dnssec", "dns_servers": [validator.address]}, name="validated", daemons=("smtpd",))
    check(validator.asked.wait(30), "the root zone is asked for")
    with validated.smtp() as client:
        client.sendmail("ann@client.test", ["bob@example.test"], letter("later than the answer"))
    validated.wait_messages("bob@example.test", 1)
    check(warning not in validated.log(), "a warning though the name server validates")


MASTER_CF = "".join(f"{name} unix - n n - - {name}\n" for name in ("smtp", "relay", "lmtp", "local", "virtual", "error", "retry"))


def settings_of_postfix(t):
    """The names of all parameters that Postfix knows, with those of its usual transports."""
    for name, text in (("main.cf", "compatibility_level = 3.6\n"), ("master.cf", MASTER_CF)):
        with open(os.path.join(t.folder, name), "w", encoding="ascii") as file:
            file.write(text)
    listed = subprocess.run(["postconf", "-c", t.folder, "-d"], capture_output=True, text=True, check=True, timeout=60).stdout
    return sorted(set(re.findall(r"(?m)^(\w+) =", listed)))


@test("each parameter of Postfix is known, taken with a warning that says why, or refused with what to write instead")
def postfix_settings(t):
    names = settings_of_postfix(t)
    check(len(names) > 800, f"Postfix knows only {len(names)}")
    host = Host(t, daemons=("smtpd",), start=False)
    known = set(re.findall(r"(?m)^(\w+) =", host.command("postconf", "-d").stdout))
    kept = host.settings
    others = [name for name in names if name not in known]
    host.settings = dict.fromkeys(others, "x")
    host.write_settings()
    told = host.command("pennypost", "check", ok=False).stderr
    refused = [name for number, name in enumerate(others, 1) if f'main.toml:{number}: "{name}" is no setting of Pennypost; ' in told]
    equal([name for name in others if f'unknown setting "{name}"' in told], [], "parameters that are called unknown")
    taken = [name for name in others if name not in refused]
    host.settings = {**dict.fromkeys(taken, "x"), **kept}
    host.write_settings()
    told = host.command("pennypost", "check", ok=False).stderr
    equal([name for number, name in enumerate(taken, 1) if f"main.toml:{number}: {name} has no effect here: " not in told], [],
          "parameters of which nothing is said")
    print(f"{len(names)} parameters of Postfix: {len(names) - len(others)} known, {len(taken)} taken, {len(refused)} refused")

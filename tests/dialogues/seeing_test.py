"""What an administrator sees of a running host: its figures, its log as JSON, dialogues as they happen, what users did."""
import base64
import contextlib
import imaplib
import json
import os
import pty
import re
import subprocess
import threading
import urllib.error
import urllib.request

from harness import check, contains, equal, eventually, test
from mailhost import TOP, Host, free_port, letter, unverified

ALICE = "alice@example.test"
BOB = "bob@example.test"
ALL_EVENTS = ["delete", "undelete", "expunge", "save", "copy", "mailbox_create", "mailbox_delete", "mailbox_rename", "flag_change"]


def send(host, recipient=ALICE, message_id="<seen@far.example>"):
    with host.smtp() as client:
        client.sendmail("ann@far.example", [recipient], letter("seen", sender="ann@far.example", to=recipient, message_id=message_id))


# The log as JSON, and what users did


def read_and_remove(host, login):
    """Reads a message by IMAP, moves it, and removes it there."""
    with host.imap(login) as client:
        client.create("Old")
        client.select("INBOX")
        client.fetch("1", "(BODY[])")
        client.copy("1", "Old")
        client.store("1", "+FLAGS", r"(\Deleted)")
        client.expunge()
        client.logout()


def told_of(host):
    """What pennypost where tells of the message, without times and session ids."""
    text = host.command("pennypost", "where", "seen@far.example").stdout
    return [re.sub(r"session=<[^>]*>", "session=<>", re.sub(r"^  .*?[\dZ]  (?=\w+: )", "", line)) for line in text.splitlines()]


@test("pennypost where tells who read, copied and removed a message, and by which protocol, from a log of text and of JSON")
def story_of_users(t):
    for form in ("text", "json"):
        host = Host(t, {"log_format": form, "mail_log_events": ALL_EVENTS}, name=form)
        send(host)
        host.wait_messages(ALICE, 1)
        read_and_remove(host, ALICE)
        host.wait_log("expunge: box=INBOX")
        told = told_of(host)
        who = f"imap: user=<{ALICE}>, session=<>: "
        for event in ("flag_change: box=INBOX, uid=1, msgid=<seen@far.example>, size=",
                      "copy from INBOX: box=Old, uid=1, msgid=<seen@far.example>, size=",
                      "delete: box=INBOX, uid=1, msgid=<seen@far.example>, size=",
                      "expunge: box=INBOX, uid=1, msgid=<seen@far.example>, size="):
            check(any(line.startswith(who + event) for line in told), f"{form}: {event} in {told}")
        check(any("status=sent" in line for line in told), f"{form}: the delivery is in {told}")


@test("what POP3's clients read and remove is logged as mail_log_events asks, and nothing without it")
def events_of_pop3(t):
    host = Host(t, {"mail_log_events": ["flag_change", "expunge"]}, daemons=("popd",))
    for _ in range(2):
        host.put(ALICE, letter("x", message_id="<pop@far.example>"))
    client = host.pop3(ALICE)
    client.retr(1)
    client.dele(2)
    client.quit()
    who = rf"pennypost/pop3\[\d+\]: user=<{ALICE}>, session=<[^>]+>: "
    host.wait_log(who + r"flag_change: box=INBOX, uid=1, msgid=<pop@far.example>, size=\d+\n")
    host.wait_log(who + r"expunge: box=INBOX, uid=2, msgid=<pop@far.example>, size=\d+\n")


@test("with log_format = json each line of all daemons is an object, with the parts of the text form as fields")
def json_lines(t):
    host = Host(t, {"log_format": "json"})
    send(host)
    host.wait_messages(ALICE, 1)
    with host.imap(ALICE) as client:
        client.logout()
    host.pop3(ALICE).quit()
    host.wait_log("Logged out.*pop3|pop3.*Logged out")
    lines = [json.loads(line) for line in host.log().splitlines()]
    for line in lines:
        for field in ("time", "host", "program", "pid", "severity", "message"):
            check(field in line, f"{field} is in {line}")
    sent = next(line for line in lines if line.get("status") == "sent")
    equal((sent["program"], sent["to"], sent["relay"], sent["dsn"], type(sent["delay"])),
          ("pennypost/local", ALICE, "local", "2.0.0", type(sent["delay"])), "the delivery")
    check(isinstance(sent["delay"], (int, float)), "a number is a number")
    contains(sent["message"], f"{sent['queue_id']}: to=<{ALICE}>, relay=local, delay=", "the text as in the other form")
    logins = {(line["program"], line["user"], line["method"]) for line in lines if line.get("action") == "Login"}
    equal(logins, {("pennypost/imap-login", ALICE, "PLAIN"), ("pennypost/pop3-login", ALICE, "PLAIN")}, "the logins")


# Figures


def get(host, path="/metrics", method="GET", body=None):
    request = urllib.request.Request(f"http://127.0.0.1:{host.settings['metrics_port']}{path}", method=method, data=body)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.headers["Content-Type"], answer.read().decode()


# What Debian's python3-prometheus-client makes of the text; another Python may not have it.
PARSER = """
import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
for family in text_string_to_metric_families(sys.stdin.read()):
    for sample in family.samples:
        print(json.dumps([sample.name, sample.labels, sample.value, family.documentation]))
"""


def samples(text):
    """Each sample by name and labels, as Prometheus' own parser reads them."""
    done = subprocess.run(["/usr/bin/python3", "-c", PARSER], input=text, capture_output=True, text=True, timeout=60, check=False)
    equal(done.returncode, 0, f"the parser takes it: {done.stderr[-500:]}")
    found = {}
    for name, labels, value, sentence in map(json.loads, done.stdout.splitlines()):
        check(sentence.endswith("."), f"{name} has a sentence")
        found[name, *sorted(labels.items())] = value
    return found


def figure(found, name, **labels):
    return found[f"pennypost_{name}", *sorted(labels.items())]


@test("the figures of all daemons are at metrics_port in Prometheus' form, and pennypost status --metrics prints the same")
def figures(t):
    host = Host(t, {"metrics_port": free_port()})
    eventually(lambda: "metrics" in "".join(host.pids("smtpd")), "the process for the figures runs")
    send(host)
    host.wait_messages(ALICE, 1)
    with host.smtp() as client:
        client.ehlo("client.example.test")
        client.mail("ann@far.example")
        equal(client.rcpt("nobody@example.test")[0], 550, "who is not here")
    client = host.imap()
    with contextlib.suppress(imaplib.IMAP4.error):
        client.login(BOB, "wrong")
    client.shutdown()
    with host.imap(ALICE):
        eventually(lambda: figure(samples(get(host)[1]), "sessions", daemon="imapd") == 1, "an IMAP session")
        kind, text = get(host)
        contains(kind, "application/openmetrics-text; version=1.0.0", "the type")
        found = samples(text)
    equal(figure(found, "messages_received_total", daemon="smtpd"), 1, "messages")
    equal(figure(found, "deliveries_total", daemon="smtpd", transport="local", status="sent"), 1, "deliveries")
    equal(figure(found, "delivery_delay_seconds_count", daemon="smtpd", stage="total"), 1, "delays")
    equal(figure(found, "decisions_total", daemon="smtpd", action="reject", stage="RCPT"), 1, "refusals")
    equal(figure(found, "logins_total", daemon="imapd", result="failure"), 1, "wrong passwords")
    equal(figure(found, "logins_total", daemon="imapd", result="success"), 1, "logins")
    equal(figure(found, "processes", daemon="smtpd", process="queue"), 1, "processes")
    check(figure(found, "connections_total", daemon="popd") >= 1, "the test's own look at popd")
    check(figure(found, "certificate_not_after_timestamp_seconds", daemon="imapd", service="imaps") > 1.7e9, "the certificate")
    memory = [value for key, value in found.items() if key[0] == "pennypost_process_resident_memory_bytes"]
    check(len(memory) > 5 and min(memory) > 1 << 20, f"memory of each process: {memory}")

    printed = samples(host.command("pennypost", "status", "--metrics").stdout)
    equal(set(printed), set(found), "the same figures without HTTP")
    for path, method, status in (("/", "GET", 404), ("/metrics", "POST", 405)):
        try:
            get(host, path, method)
            check(False, f"{method} {path} is refused")
        except urllib.error.HTTPError as error:
            equal(error.code, status, f"{method} {path}")


@test("metrics_port tells mail clients their settings, for a web server that passes on what they ask")
def client_settings(t):
    host = Host(t, {"metrics_port": free_port()})
    eventually(lambda: "metrics" in "".join(host.pids("smtpd")), "the process for the figures runs")
    kind, text = get(host, "/mail/config-v1.1.xml?emailaddress=alice%40example.test")
    contains(kind, "xml", "the type")
    for part in ('<incomingServer type="imap">', "<hostname>mail.example.test</hostname>", f"<port>{host.port('imaps')}</port>"):
        contains(text, part, "Thunderbird's settings")
    ask = ('<?xml version="1.0"?><Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006">'
           "<Request><EMailAddress>alice@example.test</EMailAddress><AcceptableResponseSchema>"
           "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
           "</AcceptableResponseSchema></Request></Autodiscover>")
    contains(get(host, "/Autodiscover/Autodiscover.xml", "POST", ask.encode())[1], "<Server>mail.example.test</Server>", "Outlook's settings")
    for path, body, status in (("/autodiscover/autodiscover.xml", b"no address", 404), ("/mail/config.mobileconfig", None, 404),
                               ("/autodiscover/autodiscover.xml", b"x" * 100_000, 413)):
        try:
            get(host, path, "POST" if body else "GET", body)
            check(False, f"{path} is refused")
        except urllib.error.HTTPError as error:
            equal(error.code, status, path)


@test("a daemon that stops is no longer among the figures, and counts from 0 when it is back")
def restarted(t):
    host = Host(t, {"metrics_port": free_port()}, daemons=("smtpd", "popd"))
    host.pop3(ALICE).quit()
    equal(figure(samples(get(host)[1]), "logins_total", daemon="popd", result="success"), 1, "a login")
    host.stop("popd")
    check(not any(("daemon", "popd") in key for key in samples(get(host)[1])), "popd is away")
    host.start("popd")
    equal(figure(samples(get(host)[1]), "logins_total", daemon="popd", result="success"), 0, "from the beginning")


@test("a process that dies takes nothing counted with it, and its sessions are over")
def crashed(t):
    host = Host(t, daemons=("smtpd",))
    send(host)
    host.wait_messages(ALICE, 1)
    with host.smtp() as client:
        client.ehlo("client.example.test")
        show = lambda: samples(host.command("pennypost", "status", "--metrics").stdout)  # noqa: E731
        eventually(lambda: figure(show(), "sessions", daemon="smtpd") == 1, "a session")
        before = show()
        for title, pids in host.pids("smtpd").items():
            if "receive" in title:
                for pid in pids:
                    host.crash(pid)
        eventually(lambda: figure(show(), "sessions", daemon="smtpd") == 0, "its sessions are over")
    after = show()
    equal(figure(after, "connections_total", daemon="smtpd"), figure(before, "connections_total", daemon="smtpd"), "connections")
    check(figure(after, "process_failures_total", daemon="smtpd") >= 1, "the failure is counted")


@test("metrics_port moves, and closes, with a reload; a port that is taken refuses it")
def moved(t):
    host = Host(t, {"metrics_port": free_port()}, daemons=("smtpd",))
    get(host)
    old = host.settings["metrics_port"]
    host.settings["metrics_port"] = host.port("smtp")
    host.write_settings()
    host.reload("smtpd")
    host.wait_log(r"error: reload: metrics_port: .*" + str(host.settings["metrics_port"]))
    host.wait_log("the old one stays in force")
    equal(urllib.request.urlopen(f"http://127.0.0.1:{old}/metrics", timeout=30).status, 200, "the old port answers")
    host.settings["metrics_port"] = free_port()
    host.write_settings()
    host.reload()
    eventually(lambda: "pennypost_sessions" in get(host)[1], "the new port answers")
    check(old != host.settings["metrics_port"], "another port")
    host.settings["metrics_port"] = 0
    host.write_settings()
    host.reload()
    eventually(lambda: not any("metrics" in title for title in host.pids("smtpd")), "the process has ended")


@test("a metrics_address that is no IP address is refused with its line")
def bad_address(t):
    host = Host(t, start=False)
    host.settings["metrics_address"] = "everywhere"
    host.write_settings()
    done = host.command("pennypost", "check", ok=False)
    equal(done.returncode, 78, "the configuration is wrong")
    contains(done.stderr, 'metrics_address', "which setting")
    contains(done.stderr, '"everywhere" is not an IP address', "why")


@test("each panel of the dashboard in contrib/grafana asks for figures that exist, with labels that they have")
def dashboard(t):
    host = Host(t)
    found = samples(host.command("pennypost", "status", "--metrics").stdout)
    labels = {}
    for name, *pairs in found:
        labels.setdefault(name, {"le"} if name.endswith("_bucket") else set()).update(key for key, _ in pairs)
    with open(os.path.join(TOP, "contrib/grafana/pennypost.json"), encoding="utf-8") as file:
        panels = json.load(file)["panels"]
    asked = set()
    for panel in panels:
        for target in panel["targets"]:
            names = re.findall(r"\bpennypost_\w+", target["expr"])
            check(names, f"{panel['title']} asks for something")
            for name in names:
                check(name in labels, f"{panel['title']}: there is no {name}")
            known = set().union(*(labels[name] for name in names))
            used = re.findall(r"(\w+)(?:=~|!=|=)\"", target["expr"])
            used += [word for group in re.findall(r"by \(([^)]*)\)", target["expr"]) for word in re.findall(r"\w+", group)]
            used += re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])
            check(set(used) <= known, f"{panel['title']}: {set(used) - known} of {names}")
            asked.update(names)
    families = {re.sub(r"_(total|bucket|count|sum|info)$", "", name) for name in labels}
    equal({re.sub(r"_(total|bucket|count|sum|info)$", "", name) for name in asked}, families, "each figure has its place")


# Live


class Watching:
    """`pennypost trace`, running; its lines so far."""

    def __init__(self, t, host, *arguments):
        words = [os.path.join(host.bin, "pennypost"), "trace", "-c", host.etc, *arguments]
        self.text = ""
        self.process = subprocess.Popen(words, cwd=TOP, env=host.environment(), stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, **host.identity())
        t.cleanup(self.end)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        line = f"dialogues of {arguments[0][2:]} {arguments[1]} are being watched"
        eventually(lambda: host.log().count(line) == len(host.running), "all daemons know")

    def read(self):
        for line in self.process.stdout:
            self.text += line

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(timeout=30)
        self.reader.join(timeout=30)

    def wait(self, pattern):
        return eventually(lambda: re.search(pattern, self.text), f"the trace shows {pattern}")


@test("pennypost trace shows what a client says and hears from all daemons, and no password in any form")
def watched_client(t):
    host = Host(t)
    with host.smtp("submission") as running:
        running.ehlo("before.example.test")
        watching = Watching(t, host, "--client", "127.0.0.1", "--seconds", "120")
        eventually(lambda: running.noop() and "127.0.0.1 - C: noop" in watching.text, "its next command is shown")
        watching.wait(r"smtpd\[\d+\] 127.0.0.1 - S: 250 2.0.0 Ok")
    for login in (ALICE, BOB):
        host.submit(login, login, [ALICE], letter("watched", sender=login))
    with host.smtp("submission") as client:
        client.starttls(context=unverified())
        client.ehlo("steps.example.test")
        client.user, client.password = ALICE, host.users[ALICE]
        client.auth("LOGIN", client.auth_login, initial_response_ok=False)
        client.docmd(base64.b64encode(host.users[ALICE].encode()).decode())
    with host.imap(ALICE) as client:
        client.select("INBOX")
        client.logout()
    with host.imap(tls=True) as client:
        client.authenticate("PLAIN", lambda _: f"\0{ALICE}\0{host.users[ALICE]}".encode())
        client.logout()
    with host.imap() as client:
        client.send(b"x1 LOGIN {%d}\r\n" % len(ALICE))
        client.readline()
        client.send(f"{ALICE} {{{len(host.users[ALICE])}}}\r\n".encode())
        client.readline()
        client.send(f"{host.users[ALICE]}\r\n".encode())
        contains(client.readline().decode(), "x1 OK", "login by literals")
    pop3 = host.pop3(BOB)
    pop3.stat()
    pop3.quit()
    for pattern in (r"smtpd\[\d+\] 127.0.0.1 - S: 220 mail.example.test ESMTP", r"smtpd\[\d+\] 127.0.0.1 - C: EHLO|ehlo",
                    r"- C: AUTH \(not shown\)", r"- C: \(a response, not shown\)", r"C: \(an unknown command, not shown\)",
                    rf"smtpd\[\d+\] 127.0.0.1 {ALICE} C: mail FROM", r"imapd\[\d+\] 127.0.0.1 - C: \S+ LOGIN \(not shown\)",
                    r"imapd\[\d+\] 127.0.0.1 - C: \S+ AUTHENTICATE \(not shown\)",
                    rf"imapd\[\d+\] 127.0.0.1 {ALICE} C: \S+ SELECT INBOX", rf"imapd\[\d+\] 127.0.0.1 {ALICE} S: \S+ OK \[READ-WRITE\]",
                    rf"popd\[\d+\] 127.0.0.1 - C: USER {BOB}", r"popd\[\d+\] 127.0.0.1 - C: PASS \(not shown\)",
                    rf"popd\[\d+\] 127.0.0.1 {BOB} C: STAT", rf"popd\[\d+\] 127.0.0.1 {BOB} S: \+OK \d+ \d+"):
        watching.wait(pattern)
    watching.end()
    for login, password in host.users.items():
        plain = f"\0{login}\0{password}".encode()
        for secret in (password, base64.b64encode(password.encode()).decode(), base64.b64encode(plain).decode()):
            check(secret not in watching.text, f"{secret} is not in {watching.text}")
    check("watched\r" not in watching.text and "Subject: watched" not in watching.text, "a message that is sent is not shown")


@test("pennypost trace of a user shows that user's sessions alone, also of a worker that starts later, until it ends")
def watched_user(t):
    host = Host(t, daemons=("imapd",))
    watching = Watching(t, host, "--user", ALICE, "--seconds", "120")
    with host.imap(BOB) as client:
        client.select("INBOX")
    with host.imap(ALICE) as client:
        client.select("INBOX")
        watching.wait(rf"127.0.0.1 {ALICE} C: \S+ SELECT INBOX")
        watching.end()
        client.list()
    check(BOB not in watching.text, f"of bob nothing: {watching.text}")
    check(not re.search(r"C: \S+ LIST", watching.text), "nothing after the end")
    for wrong in ((), ("--client", "everywhere"), ("--user", ALICE, "--seconds", "0"), ("--user",)):
        equal(host.command("pennypost", "trace", *wrong, ok=False).returncode, 64, f"trace {wrong}")
    equal(host.command("pennypost", "trace", "--user", BOB, "--seconds", "1").stdout, "", "nothing to see, for a second")


@test("pennypost trace of a destination shows the dialogue with the relay, and its password in no form")
def watched_destination(t):
    relay = Host(t, {"smtpd_sasl_auth_enable": True, "smtpd_tls_auth_only": False}, name="relay")
    password = relay.users[ALICE]
    host = Host(t, {"relayhost": f"[127.0.0.1]:{relay.port('submission')}", "smtp_sasl_auth_enable": True,
                    "smtp_sasl_security_options": "", "smtp_sasl_password_maps": f"inline:{{[127.0.0.1]:{relay.port('submission')}={ALICE}:{password}}}",
                    "smtp_sasl_mechanism_filter": "plain", "myhostname": "mail.here.test", "mydomain": "here.test"}, users={"carol@here.test": "x"}, daemons=("smtpd",), name="near")
    watching = Watching(t, host, "--destination", "127.0.0.1", "--seconds", "120")
    with host.smtp() as client:
        client.sendmail("carol@here.test", [BOB], letter("watched", sender="carol@here.test"))
    relay.wait_messages(BOB, 1)
    for pattern in (r"smtp\[\d+\] \S+:\d+ \S+ S: 220 ", r"C: EHLO ", r"C: AUTH PLAIN \(response not shown\)", r"S: 235 ",
                    rf"C: RCPT TO:<{BOB}>", r"C: DATA", r"S: 250 2\.0\.0 Ok: queued as"):
        watching.wait(pattern)
    watching.end()
    plain = f"\0{ALICE}\0{password}".encode()
    for secret in (password, base64.b64encode(plain).decode()):
        check(secret not in watching.text, f"{secret} is in {watching.text}")
    check("Subject: watched" not in watching.text, "the message is shown")
    check("127.0.0.1 - C: " not in watching.text, "the client's own dialogue is shown")


@test("pennypost trace refuses a fifth watcher, and without daemons says so")
def too_many_watch(t):
    host = Host(t, daemons=("popd",))
    watchers = []
    for number in range(4):
        watchers.append(Watching(t, host, "--user", f"user{number}", "--seconds", "120"))
    done = host.command("pennypost", "trace", "--user", BOB, ok=False)
    equal(done.returncode, 75, "a fifth")
    contains(done.stderr, "there are 4 traces under way", "why")
    watchers[0].end()
    eventually(lambda: host.command("pennypost", "trace", "--user", BOB, "--seconds", "1", ok=False).returncode == 0, "there is room again")
    for watcher in watchers:
        watcher.end()
    host.stop("popd")
    done = host.command("pennypost", "trace", "--user", BOB, ok=False)
    equal(done.returncode, 3, "no daemon")
    contains(done.stderr, "pennypost start", "the remedy")


@test("pennypost top --once prints what is going on, and in a terminal it refreshes until q")
def on_top(t):
    host = Host(t, {"default_transport": "retry:4.4.1 the line is cut"}, daemons=("smtpd", "imapd"))
    host.command("sendmail", "x@elsewhere.example", input="Subject: waits\n\nx\n")
    host.wait_queue(1)
    with host.imap(ALICE):
        show = lambda: host.command("pennypost", "top", "--once").stdout  # noqa: E731
        eventually(lambda: re.search(r"queue +1 messages; by age: 5m 1\n", show()), "the queue is shown")
        text = show()
    check(re.search(r"(?m)^smtpd +\dm +\d", text) and re.search(r"(?m)^imapd +\dm +[12] ", text), text)
    check("popd" not in text, "popd does not run")
    ours, theirs = pty.openpty()
    process = subprocess.Popen([os.path.join(host.bin, "pennypost"), "top", "-c", host.etc], cwd=TOP, env=host.environment(),
                               stdin=theirs, stdout=theirs, stderr=theirs, **host.identity())
    os.close(theirs)
    shown = b""
    while shown.count(b"q ends this") < 2:
        shown += os.read(ours, 4096)
    os.write(ours, b"q")
    equal(process.wait(timeout=30), 0, "q ends it")
    os.close(ours)
    contains(shown.decode(), "\x1b[H\x1b[2J", "the screen is cleared")
    host.stop("smtpd")
    host.stop("imapd")
    equal(host.command("pennypost", "top", "--once", ok=False).returncode, 3, "without daemons")

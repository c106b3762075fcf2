"""Policy services (check_policy_service): a real one, one that a test plays, and hostile ones."""
import contextlib
import os
import smtplib
import socket
import socketserver
import subprocess
import threading
import time

from harness import check, contains, equal, eventually, test
from mailhost import Host, as_user, free_port, give, unverified

STRANGER = "127.0.0.2"  # outside of mynetworks


class PolicyServer:
    """Answers each request, a dict, with the text that `judge` gives; None: nothing is answered."""

    def __init__(self, t, judge, path=None):
        self.judge = judge
        self.requests, self.connections = [], 0
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                outer.connections += 1
                with contextlib.suppress(OSError):
                    self.serve()

            def serve(self):
                request = {}
                for line in self.rfile:
                    name, _, value = line.decode().rstrip("\n").partition("=")
                    if name:
                        request[name] = value
                        continue
                    outer.requests.append(request)
                    answer, request = outer.judge(request), {}
                    if answer is None:
                        continue
                    self.wfile.write(answer.encode())
                    if not answer.endswith("\n\n"):
                        return  # and so the connection is closed

        base = socketserver.ThreadingUnixStreamServer if path else socketserver.ThreadingTCPServer
        base.daemon_threads = True
        self.server = base(path or ("127.0.0.1", free_port()), Handler)
        self.name = f"unix:{path}" if path else f"inet:127.0.0.1:{self.server.server_address[1]}"
        if path:
            os.chmod(path, 0o666)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        t.cleanup(self.server.server_close)
        t.cleanup(self.server.shutdown)


def rcpt(host, recipient="alice@example.test", sender="ann@client.test", source=STRANGER):
    with host.smtp(source=source) as client:
        client.ehlo()
        client.mail(sender)
        return client.rcpt(recipient)


def policy_host(t, service, name="host", **settings):
    return Host(t, {"smtpd_recipient_restrictions": f"permit_mynetworks, check_policy_service {service}",
                    "mynetworks": ["127.0.0.1"], **settings}, daemons=("smtpd",), name=name)


@test("postgrey puts a stranger's first try off and takes the next one, with its header on top")
def postgrey(t):
    port, folder = free_port(), os.path.join(t.folder, "postgrey")
    os.makedirs(folder)
    give(folder)
    identity = as_user()
    me = ["--user=nobody", "--group=nogroup"] if identity else []
    with open(os.path.join(t.folder, "postgrey.log"), "wb") as log:
        process = subprocess.Popen(["postgrey", f"--inet=127.0.0.1:{port}", f"--dbdir={folder}", "--delay=1",
                                    "--greylist-text=Greylisted, come again", *me], stdout=log, stderr=log)
    t.cleanup(process.wait)
    t.cleanup(process.terminate)

    def listens():
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            return True
    eventually(lambda: _quietly(listens), "postgrey listens")
    host = policy_host(t, f"inet:127.0.0.1:{port}")
    code, reply = rcpt(host)
    equal(code, 450, reply)
    contains(reply.decode(), "4.2.0 <alice@example.test>: Recipient address rejected: Greylisted, come again", "the reply")

    def passes():
        with host.smtp(source=STRANGER) as client:
            try:
                client.sendmail("ann@client.test", ["alice@example.test"], "Subject: late\r\n\r\nx\r\n")
            except smtplib.SMTPRecipientsRefused:
                return False
        return True
    eventually(passes, "a later try is taken")
    with open(host.wait_messages("alice@example.test", 1)[0], encoding="utf-8") as file:
        contains(file.read(), "X-Greylist: delayed", "postgrey's header")
    equal(rcpt(host, source="127.0.0.1")[0], 250, "mynetworks come first")


def _quietly(function):
    try:
        return function()
    except OSError:
        return False


@test("a policy service learns what Postfix's would, over TCP and over a Unix socket, and its actions are carried out")
def attributes(t):
    def judge(request):
        if request["protocol_state"] == "END-OF-MESSAGE":
            return "action=PREPEND X-Size: " + request["size"] + "\n\n"
        return {"held": "action=HOLD for a look\n\n", "bad": "action=550 5.7.1 not here\n\n"}.get(
            request["sender"].partition("@")[0], "action=DUNNO\n\n")
    server = PolicyServer(t, judge)
    local = PolicyServer(t, judge, os.path.join(t.folder, "policy.sock"))
    host = Host(t, {"smtpd_recipient_restrictions": f"check_policy_service {{ {server.name}, policy_context=incoming }}",
                    "smtpd_end_of_data_restrictions": f"check_policy_service {local.name}"}, daemons=("smtpd",))
    with host.smtp() as client:
        client.ehlo("client.example.test")
        client.starttls(context=unverified())
        client.ehlo("client.example.test")
        client.mail("ann@client.test", ["SIZE=1234"])
        equal(client.rcpt("alice@example.test")[0], 250, "the recipient")
        equal(client.data("Subject: x\r\n\r\nbody\r\n")[0], 250, "the message")
    first, last = server.requests[0], local.requests[0]
    expected = {"request": "smtpd_access_policy", "protocol_state": "RCPT", "protocol_name": "ESMTP",
                "client_address": "127.0.0.1", "server_address": "127.0.0.1", "server_port": str(host.port("smtp")),
                "helo_name": "client.example.test", "sender": "ann@client.test", "recipient": "alice@example.test",
                "recipient_count": "0", "queue_id": "", "size": "1234", "policy_context": "incoming"}
    equal({name: first.get(name) for name in expected}, expected, "the attributes at RCPT")
    contains(first["encryption_protocol"], "TLSv1", "TLS")
    equal((last["protocol_state"], last["recipient_count"], last["recipient"]), ("END-OF-MESSAGE", "1", "alice@example.test"), "at the end")
    equal(last["instance"], first["instance"], "both are about one message")
    contains(host.log(), f"{last['queue_id']}: client=", "the queue id is that of the log")
    with open(host.wait_messages("alice@example.test", 1)[0], encoding="utf-8") as file:
        contains(file.read(), "X-Size: " + last["size"], "PREPEND")
    code, reply = rcpt(host, sender="bad@client.test")
    equal((code, reply), (550, b"5.7.1 <alice@example.test>: Recipient address rejected: not here"), "a refusal")
    with host.smtp() as client:
        client.sendmail("held@client.test", ["alice@example.test"], "Subject: held\r\n\r\nx\r\n")
    equal([one["queue_name"] for one in host.wait_queue(1)], ["hold"], "HOLD")
    # Answers are for one message each, and come over the same connections.
    asked = len(server.requests)
    rcpt(host), rcpt(host)
    equal(len(server.requests), asked + 2, "the same question is asked again")
    check(server.connections <= 2, f"{server.connections} connections for {len(server.requests)} requests")



@test("a policy service that is down, hangs, breaks off or lies costs its time-out, and its default action applies", seconds=300)
def hostile(t):
    answers = {"hang": None, "close": "action=DUN", "garbage": "\0\xff garbage\n\n", "empty": "\n\n",
               "huge": "action=" + "x" * 1_000_000 + "\n\n", "endless": "a=b\n" * 250_000 + "\n",
               "nonsense": "action=what is this\n\n"}
    server = PolicyServer(t, lambda request: answers[request["sender"].partition("@")[0]])
    options = "timeout=1s, try_limit=2, retry_delay=0"
    host = policy_host(t, f"{{ {server.name}, {options} }}")
    for name in answers:
        began = time.monotonic()
        code, reply = rcpt(host, sender=name + "@client.test")
        equal(code, 451, f"{name}: {reply}")
        contains(reply.decode(), "4.3.5", name)
        check(time.monotonic() - began < 30, f"{name} took too long")
    for pattern in ("Connection timed out", "lost connection", "its answer has no name=value", "its answer has no action",
                    "its answer is longer than 16384 bytes"):
        host.wait_log(f"warning: problem talking to server 127\\.0\\.0\\.1:\\d+: {pattern}")
    host.wait_log(r"warning: unknown restriction: \"what\"")
    down = policy_host(t, f"{{ inet:127.0.0.1:{free_port()}, {options}, default_action=DUNNO }}", name="down")
    equal(rcpt(down)[0], 250, "default_action lets it pass")
    down.wait_log(r"warning: problem talking to server 127\.0\.0\.1:\d+: .*Connection refused")
    equal(rcpt(host, source="127.0.0.1")[0], 250, "who need not ask is served")

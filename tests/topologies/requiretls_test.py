"""Mail that asks for TLS all the way (REQUIRETLS), or for none (TLS-Required: No), and the daily reports on TLS."""
import gzip
import http.server
import json
import os
import ssl
import threading
import time
from email import message_from_bytes

from harness import check, contains, equal, eventually, test
from mailhost import Host, free_port, give, letter, make_certificate, unverified
from peers import NameServer, Sink

HOSTS = ("old.test", "good.test", "other.test")


def certificate_of(t, name):
    folder = os.path.join(t.folder, name)
    os.mkdir(folder)
    made = make_certificate(folder, name)
    give(folder)
    return made


def sending_host(t, **settings):
    """A host with TLS that knows three others: one with REQUIRETLS, one without, one with a wrong certificate."""
    certificates = {name: certificate_of(t, "mx." + name) for name in HOSTS}
    certificates["other.test"] = certificate_of(t, "somebody.else.test")
    keywords = {name: ("PIPELINING", "8BITMIME") + (() if name == "old.test" else ("REQUIRETLS",)) for name in HOSTS}
    sinks = {name: Sink(t, keywords=keywords[name], certificate=certificates[name]) for name in HOSTS}
    authorities = os.path.join(t.folder, "authorities.pem")
    with open(authorities, "wb") as file:
        for certificate, _ in certificates.values():
            with open(certificate, "rb") as one:
                file.write(one.read())
    name_server = NameServer(t, *(f"--host-record=mx.{name},{sinks[name].address}" for name in HOSTS))
    own = certificate_of(t, "mail.example.test")
    hops = ", ".join(f"{name}=smtp:[mx.{name}]:{sinks[name].port}" for name in HOSTS)
    host = Host(t, {"dns_servers": [name_server.address], "transport_maps": f"inline:{{{hops}}}", "mynetworks": ["127.0.0.0/8"],
                    "smtp_tls_CAfile": authorities, "smtp_tls_security_level": "may", "ssl_cert": own[0], "ssl_key": own[1],
                    "smtpd_tls_cert_file": own[0], "smtpd_tls_key_file": own[1], "smtp_tls_mta_sts": False, **settings},
                daemons=("smtpd",))
    return host, sinks


def send(host, recipient, subject, options=("REQUIRETLS",), field=""):
    with host.smtp() as client:
        client.starttls(context=unverified())
        client.sendmail("alice@example.test", [recipient], field.encode() + letter(subject, to=recipient), mail_options=list(options))


@test("a message with REQUIRETLS goes to the host that can keep it, and is returned without its content where none can", seconds=120)
def requires(t):
    host, sinks = sending_host(t)
    send(host, "ann@good.test", "kept")
    taken = eventually(lambda: sinks["good.test"].transactions, "it is sent")[0]
    check(taken.tls and taken.mail.endswith(" REQUIRETLS"), f"{taken.mail}, over TLS: {taken.tls}")
    contains(taken.data, b"\r\nRequire-TLS-ESMTP: yes\r\n", "the message")
    for name, reason in (("old.test", "5.7.30 .*REQUIRETLS is required, but was not offered by host mx.old.test"),
                         ("other.test", "5.7.10 .*REQUIRETLS: Server certificate not ")):
        send(host, f"ann@{name}", name)
        status, _, text = reason.partition(" .*")
        host.wait_log(rf"to=<ann@{name}>.* dsn={status}, status=bounced \({text}")
    for path in host.wait_messages("alice@example.test", 2):
        with open(path, "rb") as file:
            report = file.read()
        contains(report, b"Subject: ", "the header is returned")
        check(b"Hello." not in report, "the content is returned")
    check(not sinks["old.test"].transactions and not sinks["other.test"].transactions, "it was sent nonetheless")


@test("smtp_requiretls_policy and TLS-Required: No ask less of a next hop", seconds=120)
def asks_less(t):
    host, sinks = sending_host(t, smtp_requiretls_policy="inline:{old.test=enforce, mx.old.test=opportunistic+starttls}, enforce",
                               smtp_tls_policy_maps="inline:{mx.other.test=verify}")
    send(host, "ann@old.test", "to an old host")
    taken = eventually(lambda: sinks["old.test"].transactions, "it is sent")[0]
    check(taken.tls and "REQUIRETLS" not in taken.mail, taken.mail)
    send(host, "ann@other.test", "waits", options=())
    host.wait_log(r"to=<ann@other\.test>.* status=deferred \(Server certificate not ")
    send(host, "ann@other.test", "goes", options=(), field="TLS-Required: No\r\n")
    taken = eventually(lambda: sinks["other.test"].transactions, "it is sent")[0]
    contains(taken.data, b"Subject: goes", "the one that forgoes TLS")


@test("REQUIRETLS outlives a restart, and goes through an alias", seconds=120)
def outlives(t):
    host, sinks = sending_host(t, virtual_alias_maps="inline:{list@example.test=ann@good.test}")
    sinks["good.test"].stop()
    send(host, "list@example.test", "later")
    host.wait_log(r"to=<ann@good\.test>, orig_to=<list@example\.test>.* status=deferred ")
    host.kill("smtpd")
    sinks["good.test"].listen()
    host.start("smtpd")
    host.command("postqueue", "-f")
    taken = eventually(lambda: sinks["good.test"].transactions, "it is sent")[0]
    check(taken.mail.endswith(" REQUIRETLS"), taken.mail)


class ReportServer:
    """Takes what is posted to it over HTTPS; answers with the first of `statuses`, which are used up, then with 201."""

    def __init__(self, t, certificate, address, statuses=()):
        self.posted, self.statuses = [], list(statuses)
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = server.statuses.pop(0) if server.statuses else 201
                server.posted.append((self.path, self.headers["Host"], self.headers["Content-Type"], body, status))
                self.send_response(status)
                self.send_header("Location", "https://elsewhere.test/")
                self.end_headers()

            def log_message(self, *words):
                pass

        web = http.server.ThreadingHTTPServer((address, 0), Handler)
        self.port = web.server_address[1]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        web.socket = context.wrap_socket(web.socket, server_side=True)
        threading.Thread(target=web.serve_forever, daemon=True).start()
        t.cleanup(web.server_close)
        t.cleanup(web.shutdown)


def results(host):
    top = host.path("queue", "tlsrpt")
    if not os.path.isdir(top):
        return {}
    return {domain: os.path.join(top, day, domain) for day in os.listdir(top) for domain in os.listdir(os.path.join(top, day))}


@test("a domain that wants one gets a report, over kill -9, of the TLS of a day's sessions, and no other domain does", seconds=120)
def reported(t):
    certificate = certificate_of(t, "mx.good.test")
    port = free_port()
    good = Sink(t, certificate=certificate, address="127.0.0.31")
    good.stop()
    good.port = port
    good.listen()
    plain = Sink(t, address="127.0.0.32")
    plain.stop()
    plain.port = port
    plain.listen()
    name_server = NameServer(t, "--mx-host=good.test,mx.good.test,10", "--host-record=mx.good.test,127.0.0.31",
                             "--mx-host=plain.test,mx.plain.test,10", "--host-record=mx.plain.test,127.0.0.32",
                             "--mx-host=quiet.test,mx.plain.test,10",
                             "--txt-record=_smtp._tls.good.test,v=TLSRPTv1; rua=mailto:tls@good.test",
                             "--txt-record=_smtp._tls.plain.test,v=TLSRPTv1; rua=mailto:tls@good.test")
    host = Host(t, {"dns_servers": [name_server.address], "mynetworks": ["127.0.0.0/8"], "smtp_target_port": port,
                    "smtp_tls_security_level": "may", "smtp_tlsrpt_enable": True, "smtp_tls_mta_sts": False, "inet_protocols": "ipv4",
                    "smtp_connection_cache_on_demand": False}, daemons=("smtpd",))
    for number, name in enumerate(("good.test", "good.test", "plain.test", "quiet.test")):
        with host.smtp() as client:
            client.sendmail("alice@example.test", [f"ann@{name}"], letter(f"letter {number}", to=f"ann@{name}"))
        sink = good if name == "good.test" else plain
        eventually(lambda s=sink, n=number: any(f"letter {n}".encode() in one.data for one in s.transactions), f"letter {number}")
    eventually(lambda: sorted(results(host)) == ["good.test", "plain.test"], "results of those that want reports")

    def lines(domain):
        with open(results(host)[domain], encoding="ascii") as file:
            return file.read().splitlines()
    eventually(lambda: len(lines("good.test")) == 2, "both sessions")
    host.kill("smtpd")
    top = host.path("queue", "tlsrpt")
    today, = os.listdir(top)
    os.rename(os.path.join(top, today), os.path.join(top, time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86400))))
    host.start()

    def report_about(domain):
        return next((one for one in good.transactions if f"Report Domain: {domain}".encode() in one.data), None)
    seen = {}
    for domain in ("good.test", "plain.test"):
        one = eventually(lambda d=domain: report_about(d), f"the report about {domain}")
        equal(one.recipients, ["tls@good.test"], "who gets it")
        mail = message_from_bytes(one.data)
        equal((mail["TLS-Report-Domain"], mail["TLS-Report-Submitter"], mail["TLS-Required"]), (domain, "example.test", "No"),
              "its header")
        equal((mail.get_content_type(), mail.get_param("report-type")), ("multipart/report", "tlsrpt"), "its type")
        part, = [part for part in mail.walk() if part.get_content_type() == "application/tlsrpt+gzip"]
        seen[domain] = json.loads(gzip.decompress(part.get_payload(decode=True)))
    policy, = seen["good.test"]["policies"]
    equal(policy["policy"], {"policy-type": "no-policy-found", "policy-domain": "good.test"}, "the policy")
    equal(policy["summary"], {"total-successful-session-count": 2, "total-failure-session-count": 0}, "good.test")
    policy, = seen["plain.test"]["policies"]
    equal(policy["summary"], {"total-successful-session-count": 0, "total-failure-session-count": 1}, "plain.test")
    failure, = policy["failure-details"]
    equal((failure["result-type"], failure["receiving-mx-hostname"], failure["receiving-ip"]),
          ("starttls-not-supported", "mx.plain.test", "127.0.0.32"), "what failed")
    eventually(lambda: not results(host), "what is reported is forgotten, and reports are not reported")


@test("a TLS report is posted to a domain's web server until that accepts it, and not to one with another's certificate", seconds=120)
def posted(t):
    good = ReportServer(t, certificate_of(t, "reports.good.test"), "127.0.0.33", statuses=[503, 302])
    false = ReportServer(t, certificate_of(t, "reports.elsewhere.test"), "127.0.0.34")
    authorities = os.path.join(t.folder, "authorities.pem")
    with open(authorities, "wb") as file:
        for name in ("reports.good.test", "reports.elsewhere.test"):
            with open(os.path.join(t.folder, name, "tls.crt"), "rb") as one:
                file.write(one.read())
    sink = Sink(t)
    name_server = NameServer(t, f"--host-record=mx.good.test,{sink.address}", "--host-record=reports.good.test,127.0.0.33",
                             "--host-record=reports.false.test,127.0.0.34", "--mx-host=good.test,mx.good.test,10", "--mx-host=false.test,mx.good.test,10",
                             f"--txt-record=_smtp._tls.good.test,v=TLSRPTv1; rua=https://reports.good.test:{good.port}/v1?of=good",
                             f"--txt-record=_smtp._tls.false.test,v=TLSRPTv1; rua=https://reports.false.test:{false.port}/")
    host = Host(t, {"dns_servers": [name_server.address], "mynetworks": ["127.0.0.0/8"], "smtp_target_port": sink.port,
                    "smtp_tls_security_level": "may", "smtp_tlsrpt_enable": True, "smtp_tls_mta_sts": False, "inet_protocols": "ipv4",
                    "smtp_tls_mta_sts_CAfile": authorities, "smtp_connection_cache_on_demand": False}, daemons=("smtpd",))
    for name in ("good.test", "false.test"):
        with host.smtp() as client:
            client.sendmail("alice@example.test", [f"ann@{name}"], letter("x", to=f"ann@{name}"))
    eventually(lambda: sorted(results(host)) == ["false.test", "good.test"], "results of both")
    host.stop("smtpd")
    top = host.path("queue", "tlsrpt")
    yesterday = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86400))
    os.rename(os.path.join(top, os.listdir(top)[0]), os.path.join(top, yesterday))
    uri = rf"https://reports\.good\.test:{good.port}/v1\?of=good"
    # What is refused is tried again an hour later, and after a restart.
    for said in ("HTTP status 503", "HTTP status 302"):
        host.start("smtpd")
        host.wait_log(rf"tlsrpt\[\d+\]: warning: report to good\.test of {yesterday}: {uri}: {said}")
        host.wait_log(rf"tlsrpt\[\d+\]: warning: report to false\.test of {yesterday}: https://reports\.false\.test:{false.port}/: SSL: ")
        check(sorted(results(host)) == ["false.test", "good.test"], "what was refused is forgotten")
        host.stop("smtpd")
    host.start("smtpd")
    host.wait_log(rf"tlsrpt\[\d+\]: report to good\.test of {yesterday}: posted to {uri}")
    eventually(lambda: sorted(results(host)) == ["false.test"], "what was posted is forgotten")
    equal([one[4] for one in good.posted], [503, 302, 201], "how often it is posted")
    path, name, kind, body, _ = good.posted[-1]
    equal((path, name, kind), ("/v1?of=good", f"reports.good.test:{good.port}", "application/tlsrpt+gzip"), "the request")
    policy, = json.loads(gzip.decompress(body))["policies"]
    equal(policy["summary"], {"total-successful-session-count": 0, "total-failure-session-count": 1}, "what is told")
    check(not false.posted, "the server with another's certificate got it")

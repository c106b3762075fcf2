"""Which TLS mail goes out with: DANE and MTA-STS, with zones that Knot signs, Unbound, a web server and a real Postfix as next hop."""
import contextlib
import ctypes
import http.server
import os
import re
import smtplib
import ssl
import subprocess
import threading

from harness import check, contains, equal, eventually, test
from mailhost import Host, give, letter, make_certificate
from netns import Network
from postfix import Postfix
from secure_dns import UNBOUND, SecureDns, public_key_digest

OURS, THEIRS, WEB = "127.0.0.11", "127.0.0.12", "127.0.0.13"
NOBODY_THERE = "127.0.0.99"
VERIFIED, UNTRUSTED = (f"{trust} TLS connection established to " for trust in ("Verified", "Untrusted"))


class Next:
    """A Postfix that takes mail for some domains, with a certificate for `name`."""

    def __init__(self, t, name, domains):
        self.certificate, key = make_certificate(t.folder, name, "next")
        self.postfix = Postfix(t, domains[0], {
            "virtual_mailbox_domains": " ".join(domains), "smtpd_tls_security_level": "may",
            "smtpd_tls_cert_file": self.certificate, "smtpd_tls_key_file": key, "mynetworks": "127.0.0.0/8"}, THEIRS)
        self.port = self.postfix.port

    def has(self, subject):
        for path in self.postfix.messages():
            with open(path, encoding="utf-8", errors="replace") as file:
                if f"Subject: {subject}\n" in file.read():
                    return True
        return False


def own_certificate(t, name):
    """A certificate whose key those who run the programs may read."""
    folder = os.path.join(t.folder, name)
    os.mkdir(folder)
    made = make_certificate(folder, name)
    give(folder)
    return made


def our_host(t, dns, port, settings):
    return Host(t, {"role": "relay", "dns_servers": [dns.server], "dns_timeout": "2s", "smtp_tls_loglevel": 1,
                    "smtp_target_port": port, "smtp_tls_mta_sts": False, "minimal_backoff_time": "1000s", "inet_protocols": "ipv4",
                    "mynetworks": ["127.0.0.0/8"], "relay_transport": "smtp", **settings}, daemons=("smtpd",), users={}, address=OURS)


def send(host, domain, subject):
    with host.smtp() as client:
        client.sendmail("ann@example.test", [f"ann@{domain}"], letter(subject, to=f"ann@{domain}"))


def goes(host, there, domain, subject):
    send(host, domain, subject)
    eventually(lambda: there.has(subject), f"{subject} arrives")


def waits(host, domain, subject, reason):
    """It stays in the queue, and the log says why; domain is in no other line of that kind."""
    send(host, domain, subject)
    host.wait_log(rf"to=<ann@{domain}>.* status=deferred \({reason}")


@contextlib.contextmanager
def on_a_machine_of_its_own(t):
    with Network(t).place("machine"):
        yield


def signed_zone(port, right, wrong):
    """Domains below signed.test, whose MX hosts are all the same server, with different TLSA records."""
    def host(name, *records):
        yield f"{name} MX 10 mx.{name}"
        yield f"mx.{name} A {THEIRS}"
        for record in records:
            yield f"_{port}._tcp.mx.{name} TLSA {record}"
    return [*host("good", f"3 1 1 {wrong}", f"3 1 1 {right}"), *host("bad", f"3 1 1 {wrong}"),
            *host("odd", f"1 1 1 {wrong}"), *host("none"), *host("broken"),
            # Signed by a key that nobody has: whatever is said of names below it is forged.
            "_tcp.mx.broken NS ns.dead", f"ns.dead A {NOBODY_THERE}", f"_tcp.mx.broken DS 1 13 2 {wrong}",
            "alias MX 10 mx.alias", "mx.alias CNAME mx.good"]


DOMAINS = [f"{name}.signed.test" for name in ("good", "bad", "odd", "none", "broken", "alias")]


@test("with level dane mail goes to whom TLSA records name and to nobody else, and in plain sight where there are none", seconds=240)
def dane(t):
    with on_a_machine_of_its_own(t):
        there = Next(t, "other.name.test", [*DOMAINS, "plain.test", "misled.test"])
        right, wrong = public_key_digest(there.certificate), "ab" * 32
        plain = ["@ MX 10 mx", f"mx A {THEIRS}", f"_{there.port}._tcp.mx TLSA 3 1 1 {wrong}"]
        dns = SecureDns(t, {"signed.test": signed_zone(there.port, right, wrong)},
                        {"plain.test": plain, "misled.test": ["@ MX 10 mx.good.signed.test."]})
        host = our_host(t, dns, there.port, {"smtp_tls_security_level": "dane", "smtp_dns_support_level": "dnssec"})
        good = f"{VERIFIED}mx.good.signed.test[{THEIRS}]:{there.port}: TLSv1.3 with cipher "
        goes(host, there, "good.signed.test", "good")
        contains(host.log(), good, "our log")
        contains(host.log(), " server-signature ECDSA (prime256v1) server-digest SHA256", "our log")
        goes(host, there, "alias.signed.test", "alias")
        contains(host.log(), f"{VERIFIED}mx.alias.signed.test[{THEIRS}]", "our log")
        waits(host, "bad.signed.test", "bad", "Server certificate not trusted")
        contains(host.log(), f"{UNTRUSTED}mx.bad.signed.test[{THEIRS}]", "our log")
        goes(host, there, "odd.signed.test", "odd")
        contains(host.log(), f"{UNTRUSTED}mx.odd.signed.test[{THEIRS}]", "our log")
        goes(host, there, "none.signed.test", "none")
        waits(host, "broken.signed.test", "broken", f"TLSA lookup error for mx.broken.signed.test:{there.port}: ")
        goes(host, there, "plain.test", "plain")
        contains(host.log(), f"{UNTRUSTED}mx.plain.test[{THEIRS}]", "our log")
        # As in Postfix, an MX record that nobody secures is obeyed, and then its host's TLSA records.
        goes(host, there, "misled.test", "misled")
        check(host.log().count(good) == 2, "the host of an insecure MX record was not verified")
        check(not there.has("bad") and not there.has("broken"), "mail went to the wrong host")


@test("with level dane-only mail waits for TLSA records, and a name server that is not trusted has none", seconds=240)
def dane_only(t):
    with on_a_machine_of_its_own(t):
        there = Next(t, "other.name.test", DOMAINS)
        dns = SecureDns(t, {"signed.test": signed_zone(there.port, public_key_digest(there.certificate), "ab" * 32)}, {})
        host = our_host(t, dns, there.port, {"smtp_tls_security_level": "dane-only", "smtp_dns_support_level": "dnssec"})
        goes(host, there, "good.signed.test", "good")
        waits(host, "none.signed.test", "none", "no TLSA records found for mx.none.signed.test, but dane-only is required")
        host.stop("smtpd")
        host.settings["dns_trust_ad"] = "no"
        host.write_settings()
        host.start("smtpd")
        waits(host, "good.signed.test", "doubtful", "non DNSSEC destination for mx.good.signed.test, but dane-only is required")


class AskingPostfix(Postfix):
    """A Postfix that asks the name server of ours, at port 53: it knows no setting for that but /etc/resolv.conf."""

    def _run(self, program, *words, **options):
        is_start = words == ("start",)
        return super()._run(program, *words, **options, preexec_fn=self._use_resolv_conf if is_start else None)

    def _use_resolv_conf(self):
        libc = ctypes.CDLL(None, use_errno=True)
        private, bind = 0x44000, 0x1000  # MS_REC | MS_PRIVATE, MS_BIND
        if libc.unshare(0x20000) or libc.mount(None, b"/", None, private, None) or libc.mount(
                os.path.join(self.etc, "resolv.conf").encode(), b"/etc/resolv.conf", None, bind, None):
            raise OSError(ctypes.get_errno(), "a resolv.conf of its own")

    def _write(self, name, text):
        super()._write(name, text)
        super()._write("resolv.conf", f"nameserver {UNBOUND}\n")


def established(log, host):
    """What a line of TLS with this host says of the session, behind the host's address and port."""
    return re.search(rf"Verified TLS connection established to {re.escape(host)}\[.*?\]:\d+: (.*)", log)[1]


@test("a real Postfix with level dane finds that we are who our TLSA record says, and our log line has the form of its own", seconds=240)
def dane_by_postfix(t):
    with on_a_machine_of_its_own(t):
        there = Next(t, "mx.theirs.test", ["theirs.test"])
        certificate, key = own_certificate(t, "mx.ours.test")
        host = our_host_with(t, there.port, certificate, key)
        dns = SecureDns(t, {
            "ours.test": ["@ MX 10 mx", f"mx A {OURS}", f"_25._tcp.mx TLSA 3 1 1 {public_key_digest(certificate)}"],
            "theirs.test": ["@ MX 10 mx", f"mx A {THEIRS}", f"_{there.port}._tcp.mx TLSA 3 1 1 {public_key_digest(there.certificate)}"]},
            {}, port=53)
        postfix = AskingPostfix(t, "postfix.test", {
            "smtp_tls_security_level": "dane", "smtp_dns_support_level": "dnssec", "smtp_tls_loglevel": "1",
            "mynetworks": "127.0.0.0/8"}, WEB, name="asking")
        with smtplib.SMTP(postfix.address, postfix.port, timeout=60) as client:
            client.sendmail("ann@postfix.test", ["bob@ours.test"], letter("by postfix", to="bob@ours.test"))
        host.wait_messages("bob@ours.test", 1)
        goes(host, there, "theirs.test", "by us")
        check(dns.server.endswith(":53"), "the name server is at its port")
        equal(established(host.log(), "mx.theirs.test"), established(postfix.log(), "mx.ours.test"), "our line and Postfix's")


def our_host_with(t, port, certificate, key):
    return Host(t, {"mydomain": "ours.test", "myhostname": "mx.ours.test", "dns_servers": [f"{UNBOUND}:53"], "dns_timeout": "2s",
                    "smtp_port": 25, "smtp_target_port": port, "mynetworks": ["127.0.0.0/8"], "smtp_tls_security_level": "dane",
                    "smtp_dns_support_level": "dnssec", "smtp_tls_loglevel": 1, "smtp_tls_mta_sts": False, "inet_protocols": "ipv4",
                    "smtpd_tls_cert_file": certificate, "smtpd_tls_key_file": key},
                daemons=("smtpd",), users={"bob@ours.test": "secret"}, address=OURS)


@test("a next hop whose TLS gets worse is warned of, also after a restart", seconds=240)
def worse(t):
    with on_a_machine_of_its_own(t):
        there = Next(t, "other.name.test", DOMAINS)
        right = public_key_digest(there.certificate)
        dns = SecureDns(t, {"signed.test": signed_zone(there.port, right, "ab" * 32)}, {})
        host = our_host(t, dns, there.port, {"smtp_tls_security_level": "dane", "smtp_dns_support_level": "dnssec"})
        goes(host, there, "good.signed.test", "first")
        host.stop("smtpd")
        dns.change("signed.test", ["good MX 10 mx.good", f"mx.good A {THEIRS}"])
        eventually(lambda: "NXDOMAIN" in dns.ask(f"_{there.port}._tcp.mx.good.signed.test", "TLSA"), "the TLSA records are gone")
        host.start("smtpd")
        goes(host, there, "good.signed.test", "second")
        host.wait_log(r"warning: mail for good\.signed\.test goes to mx\.good\.signed\.test\[.*\]:\d+ with a TLS certificate that is "
                      r"untrusted, earlier it went with a TLS certificate that is verified")


class PolicyServer:
    """The web servers of some domains' MTA-STS policies, all at one address, with a certificate for their names."""

    def __init__(self, t, domains):
        self.policies, self.asked, self.is_slow = {}, [], threading.Event()
        self.certificate, key = os.path.join(t.folder, "web.crt"), os.path.join(t.folder, "web.key")
        names = ",".join(f"DNS:mta-sts.{domain}" for domain in domains)
        run = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
               "-keyout", key, "-out", self.certificate, "-subj", "/CN=web.test", "-addext", "subjectAltName=" + names]
        subprocess.run(run, check=True, stdin=subprocess.DEVNULL, capture_output=True)
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                domain = self.headers["Host"].removeprefix("mta-sts.")
                server.asked.append((domain, self.path))
                body = server.policies.get(domain)
                self.send_response(200 if body else 404)
                self.send_header("Content-Type", "text/plain")
                self.end_headers()
                with contextlib.suppress(OSError):
                    if body == "slow":
                        server.is_slow.wait(60)
                    elif body == "endless":
                        while True:
                            self.wfile.write(b"mx: a.example\n" * 1000)
                    else:
                        self.wfile.write((body or "").encode())

            def log_message(self, *words):
                pass

        self.http = http.server.ThreadingHTTPServer((WEB, 443), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, key)
        self.http.socket = context.wrap_socket(self.http.socket, server_side=True)
        thread = threading.Thread(target=self.http.serve_forever, daemon=True)
        thread.start()
        t.cleanup(self.stop)
        self.is_up = True

    def stop(self):
        self.is_slow.set()
        if self.__dict__.pop("is_up", False):
            self.http.shutdown()
            self.http.server_close()


def sts_zone(domain):
    return {domain: ["@ MX 10 mx", f"mx A {THEIRS}", f"mta-sts A {WEB}", '_mta-sts TXT "v=STSv1; id=1;"']}


def policy(mode, host):
    return f"version: STSv1\r\nmode: {mode}\r\nmx: {host}\r\nmax_age: 86400\r\n"


@test("mail obeys a domain's MTA-STS policy, also after a restart while its web server is down", seconds=240)
def mta_sts(t):
    domains = ["sts.test", "other.test", "testing.test", "slow.test", "endless.test", "without.test"]
    with on_a_machine_of_its_own(t):
        there = Next(t, "mx.sts.test", domains)
        dns = SecureDns(t, {}, {name: lines for domain in domains for name, lines in sts_zone(domain).items()})
        web = PolicyServer(t, domains)
        web.policies = {"sts.test": policy("enforce", "*.sts.test"), "other.test": policy("enforce", "mx.elsewhere.test"),
                        "testing.test": policy("testing", "mx.elsewhere.test"), "slow.test": "slow", "endless.test": "endless"}
        host = our_host(t, dns, there.port, {
            "smtp_tls_mta_sts": True, "smtp_tls_CAfile": there.certificate, "smtp_tls_mta_sts_CAfile": web.certificate,
            "smtp_tls_mta_sts_timeout": "3s"})
        goes(host, there, "sts.test", "enforced")
        contains(host.log(), "mta-sts[", "our log")
        contains(host.log(), f"{VERIFIED}mx.sts.test[{THEIRS}]:{there.port}: ", "our log")
        waits(host, "other.test", "elsewhere", "the MTA-STS policy of other.test does not name the host mx.other.test")
        for domain, subject in (("testing.test", "tested"), ("slow.test", "slow"), ("endless.test", "endless"), ("without.test", "none")):
            goes(host, there, domain, subject)
        host.wait_log(r"warning: the policy of endless\.test can't be fetched: more than 65536 bytes; mail goes there as without one")
        host.wait_log(r"warning: the policy of slow\.test can't be fetched: ")
        host.wait_log(r"warning: the policy of without\.test can't be fetched: HTTP status 404")
        asked = len(web.asked)
        web.stop()
        host.stop("smtpd")
        host.start("smtpd")
        goes(host, there, "sts.test", "again")
        check(host.log().count(f"{VERIFIED}mx.sts.test[") == 2, "the policy did not outlive the restart")
        waits(host, "other.test", "elsewhere again", "the MTA-STS policy of other.test does not name the host mx.other.test")
        check(len(web.asked) == asked, "the web server was asked again")


@test("an MTA-STS policy of a web server without a valid certificate is none", seconds=120)
def mta_sts_by_a_stranger(t):
    with on_a_machine_of_its_own(t):
        there = Next(t, "mx.sts.test", ["sts.test"])
        dns = SecureDns(t, {}, sts_zone("sts.test"))
        web = PolicyServer(t, ["sts.test"])
        web.policies = {"sts.test": policy("enforce", "mx.elsewhere.test")}
        host = our_host(t, dns, there.port, {"smtp_tls_mta_sts": True, "smtp_tls_mta_sts_CAfile": there.certificate})
        goes(host, there, "sts.test", "letter")
        host.wait_log(r"the policy of sts\.test can't be fetched: SSL certificate problem: ")

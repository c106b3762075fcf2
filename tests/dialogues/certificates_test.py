"""A client that shows a certificate logs in with EXTERNAL, as the one whom the certificate names."""
import base64
import imaplib
import os
import poplib
import smtplib
import subprocess

from harness import check, test
from mailhost import Host, unverified

ALICE = "alice@example.test"
BOB = "bob@example.test"


def openssl(*words):
    subprocess.run(["openssl", *words], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


class Authority:
    """Signs certificates for clients; a certificate's file holds its key as well."""

    def __init__(self, folder):
        self.folder = os.path.join(folder, "ca")
        os.makedirs(self.folder, exist_ok=True)
        self.key, self.certificate = self.path("ca.key"), self.path("ca.crt")
        openssl("req", "-x509", *self.new_key(self.key), "-out", self.certificate, "-subj", "/CN=Our users", "-days", "30")

    def path(self, name):
        return os.path.join(self.folder, name)

    @staticmethod
    def new_key(file):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", file]

    def sign(self, name, email=None):
        pem, request, extra = self.path(f"{name}.pem"), self.path(f"{name}.csr"), self.path(f"{name}.ext")
        openssl("req", *self.new_key(pem), "-out", request, "-subj", f"/CN={name}")
        with open(extra, "w", encoding="ascii") as out:
            out.write(f"subjectAltName=email:{email}\n" if email else "basicConstraints=CA:FALSE\n")
        certificate = self.path(f"{name}.crt")
        openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial",
                "-days", "30", "-extfile", extra, "-out", certificate)
        with open(certificate, "rb") as made, open(pem, "ab") as out:
            out.write(made.read())
        return pem


def showing(pem):
    context = unverified()
    if pem:
        context.load_cert_chain(pem)
    return context


def imap(host, pem, identity=""):
    """The mechanisms announced, and as whom EXTERNAL logs in; None: as nobody."""
    client = imaplib.IMAP4_SSL("127.0.0.1", host.port("imaps"), ssl_context=showing(pem), timeout=60)
    try:
        offered = [word[5:] for word in client.capabilities if word.startswith("AUTH=")]
        try:
            client.authenticate("EXTERNAL", lambda _: identity.encode())
        except imaplib.IMAP4.error:
            return offered, False
        return offered, client.select()[0] == "OK"
    finally:
        client.shutdown()


def pop3(host, pem, identity=""):
    client = poplib.POP3_SSL("127.0.0.1", host.port("pop3s"), context=showing(pem), timeout=60)
    try:
        offered = client.capa().get("SASL", [])
        try:
            client._shortcmd("AUTH EXTERNAL " + (base64.b64encode(identity.encode()).decode() or "="))
        except poplib.error_proto:
            return offered, False
        return offered, client.stat() is not None
    finally:
        client.close()


def submission(host, pem, identity=""):
    with smtplib.SMTP("127.0.0.1", host.port("submission"), timeout=60) as client:
        client.starttls(context=showing(pem))
        client.ehlo()
        offered = client.esmtp_features.get("auth", "").split()
        code, _ = client.docmd("AUTH", "EXTERNAL " + (base64.b64encode(identity.encode()).decode() or "="))
        return offered, code == 235


def settings(authority, **more):
    return {"auth_mechanisms": ["plain", "external"], "ssl_verify_client_cert": True, "ssl_ca": authority.certificate,
            "smtpd_tls_ask_ccert": True, "smtpd_tls_CAfile": authority.certificate,
            "auth_ssl_username_from_cert": True, "auth_failure_delay": "0s", **more}



@test("EXTERNAL is offered to who shows a certificate that the authority signed, and logs in whom it names and no one else")
def external(t):
    ours, theirs = Authority(t.folder), Authority(os.path.join(t.folder, "other"))
    alice, stranger = ours.sign(ALICE), ours.sign("nobody@example.test")
    forged = theirs.sign(ALICE)
    host = Host(t, settings(ours))
    for protocol in (imap, pop3, submission):
        name = protocol.__name__
        offered, logged_in = protocol(host, alice)
        check("EXTERNAL" in offered and logged_in, f"{name}: alice's certificate does not log in: {offered}")
        check(protocol(host, alice, ALICE)[1], f"{name}: alice's own name is refused")
        check(not protocol(host, alice, BOB)[1], f"{name}: alice's certificate logs in bob")
        check(not protocol(host, stranger)[1], f"{name}: a certificate for nobody logs in")
        for pem in (None, forged):
            offered, logged_in = protocol(host, pem)
            check("EXTERNAL" not in offered and not logged_in, f"{name}: {pem} is believed: {offered}")


@test("the name in a certificate is its mail address where the settings say so, and nothing while they do not believe it")
def fields(t):
    authority = Authority(t.folder)
    pem = authority.sign("Bob the builder", email=BOB)
    host = Host(t, settings(authority, ssl_cert_username_field="emailAddress"))
    check(imap(host, pem)[1], "the mail address in the certificate does not log in")
    host.settings["auth_ssl_username_from_cert"] = False
    host.write_settings()
    host.stop_all()
    host.start()
    offered, logged_in = imap(host, pem)
    check("EXTERNAL" not in offered and not logged_in, f"a certificate is believed though it should not be: {offered}")


@test("auth_ssl_require_client_cert lets nobody in by password alone")
def required(t):
    authority = Authority(t.folder)
    pem = authority.sign("a device of ours")
    host = Host(t, settings(authority, auth_ssl_username_from_cert=False, auth_ssl_require_client_cert=True))
    for shown, is_welcome in ((None, False), (pem, True)):
        client = imaplib.IMAP4_SSL("127.0.0.1", host.port("imaps"), ssl_context=showing(shown), timeout=60)
        check(("LOGINDISABLED" in client.capabilities) != is_welcome, f"{shown}: {client.capabilities}")
        try:
            client.login(ALICE, host.users[ALICE])
            logged_in = True
        except imaplib.IMAP4.error:
            logged_in = False
        check(logged_in == is_welcome, f"with {shown} a password logs in: {logged_in}")
        client.shutdown()

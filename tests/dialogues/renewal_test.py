"""A certificate that is renewed while the daemons run is used without a reload; one that is wrong is not."""
import hashlib
import os
import smtplib
import socket
import ssl

from harness import contains, equal, eventually, test
from mailhost import Host, give, make_certificate, unverified

CHECK_SECONDS_MAX = 60  # what README promises


def shown(host, port, starttls=False):
    """The digest of the certificate that a service shows."""
    if starttls:
        with smtplib.SMTP("127.0.0.1", port, timeout=60) as client:
            client.starttls(context=unverified())
            certificate = client.sock.getpeercert(binary_form=True)
    else:
        with unverified().wrap_socket(socket.create_connection(("127.0.0.1", port), 60)) as stream:
            certificate = stream.getpeercert(binary_form=True)
    return hashlib.sha256(certificate).hexdigest()


def all_shown(host):
    return {shown(host, host.port("smtp"), starttls=True), shown(host, host.port("submissions")), shown(host, host.port("imaps")),
            shown(host, host.port("pop3s"))}


def digest_of(path):
    with open(path, encoding="ascii") as file:
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(file.read())).hexdigest()


def replace(host, certificate, key):
    """As certbot does: new files under the old names."""
    give(host.etc)
    for new, old in ((key, host.key), (certificate, host.certificate)):
        os.rename(new, old)


@test("a renewed certificate is shown by all services within a minute, by new sessions and not by running ones; a wrong one is refused with a warning")
def renewed(t):
    host = Host(t)
    equal(all_shown(host), {digest_of(host.certificate)}, "before")
    kept = host.imap("alice@example.test", tls=True)
    main_toml = os.path.join(host.etc, "main.toml")
    with open(main_toml, "a", encoding="utf-8") as file:
        file.write('\nsmtpd_banner = "edited ESMTP"\n')

    replace(host, *make_certificate(host.etc, file="second"))
    second = digest_of(host.certificate)
    eventually(lambda: all_shown(host) == {second}, "all services show the new certificate", CHECK_SECONDS_MAX)
    contains(host.log(), "the certificate has changed; the new one is used from now on", "the log")
    equal(kept.noop()[0], "OK", "a session from before goes on")
    with socket.create_connection(("127.0.0.1", host.port("smtp")), 60) as stream:
        contains(stream.recv(200).decode(), "220 mail.example.test", "the banner: an edit of main.toml waits for its reload")

    # A key that does not fit: nothing changes, and the log says why.
    certificate, _ = make_certificate(host.etc, file="third")
    give(host.etc)
    os.rename(certificate, host.certificate)
    host.wait_log("the certificate has changed, but can't be used: .*does not belong", CHECK_SECONDS_MAX)
    equal(all_shown(host), {second}, "the old certificate stays in use")
    host.stop_all()

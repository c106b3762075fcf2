"""What mail clients read to set themselves up, what a report of a problem shows, and what an upgrade would find."""
import os
import plistlib
import re
import xml.etree.ElementTree as tree

from harness import check, contains, equal, eventually, test
from mailhost import Host, letter

BOB = "bob@example.test"
POX = "{http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a}"


def with_submission(t, settings=None):
    host = Host(t, start=False, settings=settings)
    host.settings.update({"smtpd_tls_cert_file": host.certificate, "smtpd_tls_key_file": host.key})
    host.write_settings()
    return host


@test("the files that clients read name the ports that are open, for the host's domain and the hosted ones")
def autoconfig(t):
    host = with_submission(t)
    host.command("pennypost", "domain", "add", "other.test")
    folder = host.path("mail/web")
    done = host.command("pennypost", "autoconfig", folder)
    equal(len(done.stdout.splitlines()), 5, f"files written: {done.stdout}")
    provider = tree.parse(os.path.join(folder, "mail/config-v1.1.xml")).getroot().find("emailProvider")
    equal([each.text for each in provider.findall("domain")], ["example.test", "other.test"], "domains")
    first = provider.find("incomingServer")
    equal((first.get("type"), first.find("hostname").text, first.find("port").text, first.find("socketType").text),
          ("imap", "mail.example.test", str(host.port("imaps")), "SSL"), "the first server")
    equal(provider.find("outgoingServer/port").text, str(host.port("submissions")), "the first port for mail that leaves")
    answer = tree.parse(os.path.join(folder, "autodiscover/autodiscover.xml")).getroot()
    ports = {each.find(POX + "Type").text: each.find(POX + "Port").text for each in reversed(list(answer.iter(POX + "Protocol")))}
    equal(ports, {"IMAP": str(host.port("imaps")), "POP3": str(host.port("pop3s")), "SMTP": str(host.port("submissions"))}, "Outlook's ports")
    with open(os.path.join(folder, "mail/example.test.mobileconfig"), "rb") as file:
        (account,) = plistlib.load(file)["PayloadContent"]
    equal((account["IncomingMailServerPortNumber"], account["IncomingMailServerUseSSL"], account["EmailAccountType"]),
          (host.port("imaps"), True, "EmailTypeIMAP"), "an Apple device's server")
    equal(os.stat(os.path.join(folder, "mail/config-v1.1.xml")).st_mode & 0o777, 0o644, "the mode of a file for the web server")


@test("no file for clients is written where no port offers TLS")
def no_tls(t):
    host = Host(t, {"ssl_cert": None, "ssl_key": None, "imaps_port": 0, "pop3s_port": 0, "submissions_port": 0}, start=False)
    done = host.command("pennypost", "autoconfig", host.path("mail/web"), ok=False)
    equal(done.returncode, 1, "exit status")
    contains(done.stderr, "ssl_cert", "what autoconfig says")
    check(not os.path.exists(host.path("mail/web")), "something was written")


@test("a report shows settings, owners and the last errors, and none of the host's secrets")
def report(t):
    host = with_submission(t, {"soft_bounce": True, "smtp_sasl_auth_enable": True, "smtp_sasl_password_maps": f"hash:{t.folder}/host/etc/sasl",
                               "sender_canonical_maps": f"ldap:{t.folder}/host/etc/ldap.cf", "srs_domain": "example.test",
                               "recipient_canonical_maps": "inline:{a=inlined-value}"})
    host.write("etc/sasl", "[smtp.example.net] relayuser:relay-pass-word\n")
    host.write("etc/ldap.cf", "server_host = ldap://127.0.0.1:9\nsearch_base = dc=x\nbind_pw = directory-pass-word\n")
    host.command("postmap", "hash:" + host.path("etc/sasl"))
    srs = host.write("data/srs_secret", "forwarder-secret-0123456789\n")
    os.chmod(srs, 0o600)
    with open(host.log_file, "a", encoding="ascii") as log:
        log.write("Nov 29 12:00:00 mail pennypost/smtpd[1]: warning: the password relay-pass-word was in a line\n")
    done = host.command("pennypost", "report")
    contains(done.stdout, "soft_bounce", "settings")
    contains(done.stdout, "nothing is refused for good", "what check says")
    contains(done.stdout, host.path("etc/credentials"), "files")
    contains(done.stdout, "warning: the password [secret] was in a line", "the log")
    with open(host.path("etc/credentials"), encoding="ascii") as file:
        hashes = file.read().split()
    for secret in (*[word for word in hashes if len(word) > 30], "relay-pass-word", "directory-pass-word", "forwarder-secret", "inlined-value"):
        check(secret not in done.stdout + done.stderr, f"{secret} is in the report")
    with open(host.key, encoding="ascii") as file:
        key = file.read().splitlines()[1]
    check(key not in done.stdout, "a private key is in the report")
    check(len(done.stdout) < 300_000, f"{len(done.stdout)} octets")


@test("a report tells of a configuration that is wrong")
def wrong(t):
    host = Host(t, start=False)
    host.settings["relay_host"] = "x"
    host.write_settings()
    contains(host.command("pennypost", "report").stdout, "did you mean relayhost", "the report")


@test("check --stored tells of the queue, the tables and the lists of UIDs, while the daemons run")
def stored(t):
    host = Host(t)
    host.put(BOB, letter("hello"))
    client = host.imap(BOB)
    client.select("INBOX")
    client.logout()
    os.makedirs(os.path.join(host.maildir("alice@example.test"), "cur"), exist_ok=True)
    with open(os.path.join(host.maildir("alice@example.test"), "dovecot-uidlist"), "w", encoding="ascii") as file:
        file.write("1 1700000000 1\n")
    eventually(lambda: host.command("pennypost", "check", "--stored", ok=False).returncode == 0, "the queue has been written")
    done = host.command("pennypost", "check", "--stored")
    contains(done.stdout, "queue " + host.path("queue/db") + ": format ", "the queue")
    contains(done.stdout, "read as it is", "the queue")
    contains(done.stdout, "table hash:" + host.path("etc/users") + ": read as it is", "a table")
    check(re.search(r"version 3: \d+, read as they are", done.stdout), f"no list of UIDs in {done.stdout}")
    contains(done.stdout, "version 1: 1, written in version 3 when their folder is opened", "an old list of UIDs")

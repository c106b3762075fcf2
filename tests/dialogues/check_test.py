"""`pennypost check` finds what the daemons would find, before they do: with the setting, its line and the reason."""
import os
import re
import shutil
import socket
import subprocess

from harness import check, contains, equal, test
from mailhost import Host


def line_of(host, setting):
    with open(os.path.join(host.etc, "main.toml"), encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if line.startswith(setting + " ="):
                return number
    return 0


def with_settings(host, settings):
    """What check says with these settings over the usual ones: (status, text)."""
    before = dict(host.settings)
    host.settings.update(settings)
    host.write_settings()
    done = host.command("pennypost", "check", ok=False)
    line = line_of(host, next(iter(settings)))
    host.settings = before
    return done.returncode, done.stderr, line


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


def certificate_files(host):
    """Wrong in each way that a renewal script can get it wrong."""
    other, locked = host.path("etc", "other.key"), host.path("etc", "locked.key")
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", other)
    openssl("ec", "-in", host.key, "-aes128", "-passout", "pass:x", "-out", locked)
    openssl("req", "-x509", "-new", "-key", other, "-days", "2", "-subj", "/CN=Root", "-out", host.path("etc", "root.crt"))
    with open(host.path("etc", "root.crt"), encoding="ascii") as root, open(host.certificate, encoding="ascii") as own:
        host.write("etc/reversed.pem", root.read() + own.read())
    host.write("etc/notpem.crt", "this is no certificate\n")
    host.own()
    return {"other": other, "locked": locked, "reversed": host.path("etc", "reversed.pem"),
            "notpem": host.path("etc", "notpem.crt")}


@test("pennypost check finds what is wrong in tables, certificates, ports, directories and users, and says where")
def finds_mistakes(t):
    host = Host(t, start=False)
    equal(host.command("pennypost", "check").returncode, 0, "check of a host that is right")
    files = certificate_files(host)
    host.write("etc/table", "a.test error:x\n")
    host.write("etc/networks", "10.0.0.1/8 OK\n")
    host.write("etc/patterns", "/(unclosed/ REJECT\n")
    host.write("etc/headers", "/^Subject:/ WARN\n\n/^X-(.*):/ REPLACE $1: x\n/^To:/ FILTR smtp:x\n/^Cc:/ FILTER scan:x\n")
    host.write("etc/ways", "a.test smtp:[b.test]\nc.test uucp:d\ne.test :[f.test]\ng.test discard\n")
    host.write("etc/file", "")
    taken = socket.create_server((host.address, 0))
    t.cleanup(taken.close)
    nothing = host.path("etc", "nothing")
    rows = [
        ({"transport_maps": "hash:" + host.path("etc/table")}, r"No such file.*build it: postmap "),
        ({"canonical_maps": "texthash:" + nothing}, r"No such file"),
        ({"virtual_alias_maps": "nis:mail.aliases"}, r"NIS maps are not supported; write the map to a file"),
        ({"virtual_alias_maps": "inline:{ a = b }"}, r"key=value"),
        ({"transport_maps": "regexp:" + host.path("etc/patterns")}, r"patterns:1: "),
        ({"header_checks": "pcre:" + host.path("etc/headers")}, r"headers:4: unknown action FILTR; possible actions are BCC, DISCARD, "),
        ({"header_checks": "pcre:" + host.path("etc/headers")}, r"headers:5: FILTER scan:x: \"scan\" is no transport; "),
        ({"transport_maps": "texthash:" + host.path("etc/ways")}, r"ways:2: \"uucp\" is no transport; "),
        ({"smtpd_client_restrictions": "check_client_access cidr:" + host.path("etc/networks")}, r"networks:1: "),
        ({"smtpd_sender_restrictions": "check_sender_access hash:" + nothing}, r"No such file"),
        ({"relocated_maps": "unionmap:{static:x, hash:" + nothing + "}"}, r"No such file"),
        ({"smtp_sasl_password_maps": "hash:" + nothing}, r"No such file"),
        ({"relay_domains": nothing}, r"No such file"),
        ({"mydestination": "example.test, hash:" + nothing}, r"No such file"),
        ({"ssl_cert": files["notpem"]}, r"PEM"),
        ({"ssl_key": files["other"]}, r"does not belong to certificate"),
        ({"ssl_key": files["locked"]}, r"without passphrase"),
        ({"ssl_cert": files["reversed"]}, r"does not belong to certificate .*reversed.pem, the first in its file"),
        ({"ssl_cert": nothing}, r"No such file"),
        ({"smtp_tls_CAfile": files["notpem"], "smtp_tls_security_level": "verify"}, r"CA certificates"),
        ({"submission_port": host.port("smtp")}, r"is the port of smtp_port, too"),
        ({"imap_port": taken.getsockname()[1]}, r"in use"),
        ({"inet_interfaces": ["eth77"]}, r"eth77"),
        ({"inet_interfaces": ["192.0.2.99"]}, r"192\.0\.2\.99"),
        ({"quota_rule": "1G"}, r"\*:storage="),
        ({"virtual_mailbox_base": host.path("etc", "file")}, r"is not a directory"),
        ({"queue_directory": host.path("etc", "file", "queue")}, r"is not a directory"),
        ({"data_directory": host.path("etc", "file")}, r"is not a directory"),
        ({"maillog_file": host.path("etc")}, r"is a directory"),
        ({"mail_location": "Maildir"}, r"no place of mail"),
    ]
    missed = []
    for settings, reason in rows:
        setting = next(iter(settings))
        status, text, line = with_settings(host, settings)
        if settings.get("ssl_cert") == files["reversed"]:
            setting, line = "ssl_key", line_of(host, "ssl_key")
        found = any(re.search(reason, told) and f"main.toml:{line}: {setting}: " in told for told in text.splitlines())
        print(f"    {'found' if status == 78 and found else 'MISSED'}: {settings}")
        if status != 78 or not found:
            missed.append(f"{settings}: status {status}, {text}")
    check(not missed, "\n".join(missed))


@test("pennypost check reads the settings of every user")
def reads_users(t):
    host = Host(t, start=False)
    host.write("etc/users", "alice@example.test home=/srv/alice quota_rule=1G\nbob@example.test mail=maildir:Maildir\n")
    host.command("postmap", host.path("etc/users"))
    done = host.command("pennypost", "check", ok=False)
    equal(done.returncode, 78, "the status")
    contains(done.stderr, "alice@example.test: quota rule 1G", "alice's quota")
    contains(done.stderr, "bob@example.test: ", "bob's place")


@test("what is legal but would do harm is a warning of check, and its status stays 0")
def warns(t):
    host = Host(t, {"mynetworks": ["0.0.0.0/0"]}, start=False)
    done = host.command("pennypost", "check")
    contains(done.stderr, "warning: ", "a warning")
    contains(done.stderr, "mynetworks: 0.0.0.0/0 holds a large part of the Internet", "its harm")
    shutil.rmtree(host.path("run"))
    equal(host.command("pennypost", "check").returncode, 0, "a directory that can be made is no mistake")

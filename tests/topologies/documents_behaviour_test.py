"""What the texts say of mail that waits, of open relays, of fetchmail and of privileges, tried on the lab's hosts."""
import re

from harness import check, contains, equal, eventually, test
from lab import letter, refused, shared

QUICK = ("minimal_backoff_time = 1s", "maximal_backoff_time = 2s")


@test("000: mail that cannot be sent is tried again by itself until it is accepted")
def retried(t):
    del t
    lab = shared.get()
    with lab.changed("server1", *QUICK):
        lab.run("smtp1", "pennypost stop")
        try:
            subject = lab.subject("tried again")
            seen = len(lab.log("server1"))
            lab.mail("student", "server1", "alice@example.com", subject)
            eventually(lambda: lab.log("server1")[seen:].count("status=deferred") >= 2, "it is tried again")
        finally:
            lab.run("smtp1", "pennypost start")
        lab.arrives("imap1", "alice", subject)


@test("000: mail that cannot be sent within maximal_queue_lifetime goes back to its sender with the reason")
def expires(t):
    del t
    lab = shared.get()
    with lab.changed("smtp1", *QUICK, "maximal_queue_lifetime = 3s"):
        lab.run("mx.example.net", lab.stop_mx)
        try:
            lab.mail("kevin", "desktop1", "bob@example.net", lab.subject("expires"))
            lab.wait_log("smtp1", r"to=<bob@example\.net>.*status=deferred \(connect to mx\.example\.net.*Connection refused")
            lab.wait_log("smtp1", r"from=<kevin@example\.com>, status=expired, returned to sender")
            contains(lab.report("imap1", "kevin", "Final-Recipient: rfc822; bob@example.net"), "Connection refused", "the report")
        finally:
            lab.run("mx.example.net", lab.start_mx)


@test("002: while no name server answers mail stays queued with that reason, and goes out when one does")
def no_names(t):
    del t
    lab = shared.get()
    subject = lab.subject("no names")
    # Addresses that were asked before are known for a while: a host that has just started knows none.
    lab.run("smtp1", "pennypost stop")
    lab.run("ns1", "kill $(cat /run/dnsmasq.pid)")
    try:
        lab.run("smtp1", "pennypost start")
        with lab.smtp("imap1", "smtp1") as client:
            client.sendmail("john@example.com", ["bob@example.net"], letter(subject, "john@example.com", "bob@example.net"))
        shown = eventually(lambda: "Host not found, try again" in (text := lab.run("smtp1", "mailq")) and text, "mailq says why")
        contains(shown, "Name service error for name=example.net", "mailq")
    finally:
        lab.run("ns1", "dnsmasq")
    equal(lab.with_subject("mx.example.net", "bob", subject), [], "what has come meanwhile")
    lab.run("smtp1", "postqueue -f")
    lab.arrives("mx.example.net", "bob", subject)


@test("002: mail for a host that does not exist comes back with 5.1.2 and Host unknown")
def unknown_host(t):
    del t
    lab = shared.get()
    address = f"mike@{lab.subject('h').replace(' ', '').replace('.', '-')}.example"
    lab.mail("kevin", "desktop1", address, lab.subject("unknown host"))
    line = lab.wait_log("smtp1", rf"to=<{re.escape(address)}>.*dsn=(\S+), status=bounced \((.*)\)")
    equal(line[1], "5.1.2", "the status")
    contains(line[2], "Host unknown", "the reason")
    report = lab.report("imap1", "kevin", address)
    contains(report, "Status: 5.1.2", "the report")
    contains(report, "Host unknown", "the report")


@test("002: no host is an open relay: a foreign client cannot send from and to foreign domains, however it writes the address")
def open_relay(t):
    del t
    lab = shared.get()
    for server in ("smtp1", "imap1"):
        for recipient in ("victim@example.org", "victim%example.org@" + server + ".example.com", "example.org!victim",
                          '"victim@example.org"', "@smtp1.example.com:victim@example.org"):
            with lab.smtp("roaming", server) as client:
                client.ehlo()
                client.mail("spammer@example.org")
                code, text = client.docmd(f"RCPT TO:<{recipient}>")
                check(500 <= code < 600, f"{server} takes {recipient}: {code} {text}")
    with lab.smtp("roaming", "smtp1") as client:
        client.ehlo()
        client.mail("student@example.com")
        refused(client.rcpt("victim@example.org"), 554, "Relay access denied")


@test("001: processes that talk with strangers run in a changed root, without privileges, under a supervisor")
def privileges(t):
    del t
    lab = shared.get()
    shown = lab.run("imap1", "ps -eo user:20,args | grep -E '(smtpd|popd|imapd):' | grep -v grep")
    users = {line.split(None, 1)[1].strip(): line.split()[0] for line in shown.splitlines()}
    for title, user in (("smtpd: master", "root"), ("smtpd: receive", "pennynull"), ("smtpd: send", "pennynull"),
                        ("smtpd: queue", "pennypost"), ("smtpd: lookup", "pennypost"), ("popd: login", "pennynull"),
                        ("imapd: login", "pennynull")):
        equal(users.get(title), user, f"who runs {title}, in {shown}")
    for title in ("smtpd: receive", "popd: login", "imapd: login"):
        root = lab.run("imap1", f"readlink /proc/$(pgrep -of '^{title}')/root").strip()
        equal(root, "/run/pennypost/empty", f"the root directory of {title}")
        contains(lab.run("imap1", f"grep CapEff /proc/$(pgrep -of '^{title}')/status"), "0000000000000000", f"capabilities of {title}")


@test("001: fetchmail takes mail by POP3 and by IMAP from our servers and hands it to an SMTP server of its own host")
def fetchmail(t):
    del t
    lab = shared.get()
    for protocol, login, password in (("POP3", "david@example.com", "david"), ("IMAP", "mike", "mike")):
        subject = lab.subject(protocol)
        lab.mail("student", "desktop1", login if "@" in login else login + "@example.com", subject)
        lab.arrives("imap1", login.partition("@")[0], subject)
        lab.run("mx.example.net", "cat >.fetchmailrc; chmod 600 .fetchmailrc; "
                "fetchmail --ssl --sslcertck --smtphost localhost; rm .fetchmailrc", "bob",
                input=f"poll imap1.example.com protocol {protocol} user \"{login}\" password \"{password}\" is bob here\n")
        lab.arrives("mx.example.net", "bob", subject)
        eventually(lambda s=subject, l=login: not lab.with_subject("imap1", l.partition("@")[0], s), "it is gone from imap1")


@test("001: a POP client that deletes takes mail away for good; one that does not leaves it for the next")
def pop_leaves(t):
    del t
    lab = shared.get()
    subject = lab.subject("left")
    lab.mail("kevin", "desktop1", "alice@example.com", subject)
    lab.arrives("imap1", "alice", subject)

    def numbers(client):
        return [number for number in range(1, len(client.list()[1]) + 1)
                if subject.encode() in b"\n".join(client.top(number, 0)[1])]
    first = lab.pop3("roaming", "alice@example.com", "alice")
    first.retr(numbers(first)[0])
    first.quit()
    second = lab.pop3("desktop1", "alice@example.com", "alice")
    second.dele(numbers(second)[0])
    second.quit()
    equal(lab.with_subject("imap1", "alice", subject), [], "what is left")

"""The texts' settings and tables, each with the value that the text shows, on the lab's hosts."""
import imaplib
import re
import smtplib

from harness import check, contains, equal, eventually, test
from lab import ADDRESSES, letter, refused, shared


def send(lab, source, server, sender, recipient, subject):
    with lab.smtp(source, server) as client:
        client.sendmail(sender, [recipient], letter(subject, sender, recipient))


@test("000: inet_interfaces may list names and addresses, and listens there alone")
def interfaces(t):
    del t
    lab = shared.get()
    with lab.changed("server1", "inet_interfaces = 127.0.0.1, 172.25.0.11", "relayhost=", "mydestination=$myhostname",
                     "local_transport=local:$myhostname", "protocols=none", restart=True):
        places = sorted(line.split()[3] for line in lab.run("server1", "ss -ltnH").splitlines())
        equal(places, ["127.0.0.1:25", "172.25.0.11:25"], "where server1 listens")


@test("002: myhostname is the system's name and mydomain its domain unless they are set; then what is derived from them follows")
def names(t):
    del t
    lab = shared.get()
    equal(lab.run("imap1", "postconf -x myhostname mydomain"), "myhostname = imap1.example.com\nmydomain = example.com\n",
          "the system's names")
    with lab.changed("imap1", "mydomain = info.example", "virtual_alias_domains = ", "virtual_alias_maps = "):
        equal(lab.run("imap1", "postconf -x -h myorigin mydestination"),
              "info.example\nimap1.example.com, localhost.info.example, localhost, info.example\n", "what follows")
        subject = lab.subject("of another domain")
        lab.run("imap1", f"echo Hello. | mail -s '{subject}' john@info.example", "mike")
        contains(lab.arrives("imap1", "john", subject), "From: mike@info.example", "the message")


@test("002: home_mailbox = Maildir/ puts mail into the Maildir of the home directory")
def home_mailbox(t):
    del t
    lab = shared.get()
    lab.use_mx("pennypost")
    subject = lab.subject("home_mailbox")
    lab.mail("student", "desktop1", "bob@example.net", subject)
    lab.arrives("mx.example.net", "bob", subject)
    listed = lab.run("mx.example.net", f"grep -rl '{subject}' /home/bob/Maildir/new")
    contains(listed, "/home/bob/Maildir/new/", "the file")
    equal(lab.run("mx.example.net", "stat -c %U:%a " + listed.strip()).strip(), "bob:600", "its owner and mode")


@test("003: mail_location = mbox:~/mail:INBOX=/var/mail/%u with mail_access_groups = mail serves the spool and folders of ~/mail")
def mbox(t):
    del t
    lab = shared.get()
    subject = lab.subject("mbox")
    lab.mail("kevin", "desktop1", "john@example.com", subject)
    lab.arrives("imap1", "john", subject)
    equal(lab.run("imap1", "stat -c %U:%G:%a /var/mail/john").strip(), "john:mail:600", "the mailbox's owner and mode")
    client = lab.imap("desktop1", "john", "john")
    client.select("INBOX")
    number = client.search(None, "SUBJECT", f'"{subject}"')[1][0]
    check(number, "IMAP finds the message")
    client.create("saved")
    equal(client.copy(number, "saved")[0], "OK", "COPY")
    client.logout()
    contains(lab.read("imap1", "/home/john/mail/saved"), subject, "~/mail/saved")


@test("002: mail_location = maildir:~/Maildir serves the Maildirs; a system user's mail then goes to ~/Maildir, too")
def maildir(t):
    del t
    lab = shared.get()
    with lab.changed("imap1", "mail_location = maildir:~/Maildir"):
        subject = lab.subject("maildir")
        lab.mail("kevin", "desktop1", "mike@example.com", subject)
        lab.arrives("imap1", "mike", subject)
        check(lab.run("imap1", f"grep -rl '{subject}' /home/mike/Maildir/new"), "it lies in ~/Maildir/new")
        client = lab.pop3("desktop1", "mike", "mike")
        contains(b"\n".join(client.retr(len(client.list()[1]))[1]).decode(), subject, "what POP3 shows")
        client.quit()


@test("003: a plaintext login without TLS is refused unless disable_plaintext_auth = no; the server's own host may always")
def plaintext(t):
    del t
    lab = shared.get()
    try:
        lab.imap("desktop1", "student", "student", tls=False)
        raise AssertionError("a password was taken without TLS")
    except imaplib.IMAP4.error:
        pass
    with lab.on("imap1"), imaplib.IMAP4(ADDRESSES["imap1"], 143, timeout=60) as local:
        equal(local.login("student", "student")[0], "OK", "LOGIN on the host itself")
    with lab.changed("imap1", "disable_plaintext_auth = no"):
        lab.imap("desktop1", "student", "student", tls=False).logout()


@test("003: ssl = no closes 993 and 995 and offers no STARTTLS; ssl = required takes no login without TLS from any host")
def ssl_setting(t):
    del t
    lab = shared.get()
    with lab.changed("imap1", "ssl = no", "disable_plaintext_auth = no", restart=True):
        ports = {line.split()[3].rpartition(":")[2] for line in lab.run("imap1", "ss -ltnH").splitlines()}
        check("143" in ports and "110" in ports and "993" not in ports and "995" not in ports, f"ports with ssl = no: {ports}")
        client = lab.imap("desktop1", "student", "student", tls=False)
        check("STARTTLS" not in client.capabilities, f"capabilities: {client.capabilities}")
        client.logout()
    with lab.changed("imap1", "ssl = required", "disable_plaintext_auth = no"):
        try:
            lab.imap("desktop1", "student", "student", tls=False)
            raise AssertionError("a password was taken without TLS")
        except imaplib.IMAP4.error:
            pass
        lab.imap("desktop1", "student", "student").logout()


@test("002: protocols = imap pop3 serves both; with one of them the other is not served")
def protocols(t):
    del t
    lab = shared.get()
    with lab.changed("imap1", "protocols = imap", restart=True):
        ports = {line.split()[3].rpartition(":")[2] for line in lab.run("imap1", "ss -ltnH").splitlines()}
        check("143" in ports and "110" not in ports, f"ports with protocols = imap: {ports}")


@test("002: the access table lets a network in and keeps one address of it out")
def access_by_address(t):
    del t
    lab = shared.get()
    lab.run("smtp1", "cp /etc/pennypost/access /root/")
    try:
        lab.run("smtp1", "echo '198.51.100.0/24 OK' >>/etc/pennypost/access; echo '203.0.113.9 REJECT' >>/etc/pennypost/access; "
                "postmap /etc/pennypost/access; pennypost reload")
        with lab.smtp("roaming", "smtp1") as client:
            client.ehlo()
            client.mail("stranger@example.net")
            refused(client.rcpt("alice@example.com"), 554, "Client host rejected: Access denied")
        subject = lab.subject("let in")
        send(lab, "mx.example.net", "smtp1", "bob@example.net", "alice@example.com", subject)
        lab.arrives("imap1", "alice", subject)
    finally:
        lab.run("smtp1", "mv /root/access /etc/pennypost/; postmap /etc/pennypost/access; pennypost reload")


@test("001: RELAY in the table of clients lets the hosts of a network send anywhere")
def access_relay(t):
    del t
    lab = shared.get()
    lab.run("smtp1", "cp /etc/pennypost/access /root/; echo '203.0 RELAY' >>/etc/pennypost/access; postmap /etc/pennypost/access")
    try:
        lab.run("smtp1", "pennypost reload")
        subject = lab.subject("let through")
        send(lab, "roaming", "smtp1", "alice@example.com", "bob@example.net", subject)
        lab.arrives("mx.example.net", "bob", subject)
    finally:
        lab.run("smtp1", "mv /root/access /etc/pennypost/; postmap /etc/pennypost/access; pennypost reload")


@test("001: a sender's domain is blocked with the table's 550 and text, and a subdomain of it let in")
def access_by_sender(t):
    del t
    lab = shared.get()
    lab.run("smtp1", "printf 'badspammer.com 550 Go away and do not spam us anymore\\ntux.badspammer.com OK\\n' "
            ">/etc/pennypost/senders; postmap /etc/pennypost/senders")
    with lab.changed("smtp1", "smtpd_sender_restrictions = check_sender_access hash:/etc/pennypost/senders"):
        with lab.smtp("mx.example.net", "smtp1") as client:
            client.ehlo()
            client.mail("eve@badspammer.com")
            refused(client.rcpt("alice@example.com"), 550, "Go away and do not spam us anymore")
        subject = lab.subject("from a subdomain")
        send(lab, "mx.example.net", "smtp1", "tux@tux.badspammer.com", "alice@example.com", subject)
        lab.arrives("imap1", "alice", subject)


@test("002: aliases give root's mail to john and sales' to a list, one of whom is elsewhere")
def aliases(t):
    del t
    lab = shared.get()
    subject = lab.subject("root")
    send(lab, "mx.example.net", "smtp1", "bob@example.net", "root@example.com", subject)
    contains(lab.arrives("imap1", "john", subject), "X-Original-To: root@example.com", "the message")
    subject = lab.subject("sales")
    send(lab, "mx.example.net", "smtp1", "bob@example.net", "sales@example.com", subject)
    for user in ("john", "mike"):
        lab.arrives("imap1", user, subject)
    came = lab.arrives("mx.example.net", "bob", subject)
    equal(re.findall(r"(?m)^Received: from (\S+)", came)[:3], ["smtp1.example.com", "imap1.example.com", "smtp1.example.com"],
          "the way of charles's copy")


@test("004: addresses of a virtual domain go where the table says, and any other of the domain to the catch-all")
def virtual(t):
    del t
    lab = shared.get()
    for address, user in (("info@hosted.example", "alice"), ("anyone@hosted.example", "john")):
        subject = lab.subject(address)
        send(lab, "mx.example.net", "smtp1", "bob@example.net", address, subject)
        lab.arrives("imap1", user, subject)


@test("002: a virtual domain's catch-all may lead to an account of another host")
def virtual_elsewhere(t):
    del t
    lab = shared.get()
    lab.run("imap1", "echo '@hosted.example bob@example.net' >/etc/pennypost/elsewhere; postmap /etc/pennypost/elsewhere")
    with lab.changed("imap1", "virtual_alias_maps = hash:/etc/pennypost/elsewhere"):
        subject = lab.subject("forwarded")
        send(lab, "smtp1", "imap1", "student@example.com", "any@hosted.example", subject)
        lab.arrives("mx.example.net", "bob", subject)


FRANK = """dn: uid=frank,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
objectClass: inetLocalMailRecipient
uid: frank
cn: Frank
sn: Example
mailLocalAddress: frank@example.com
mailHost: imap1.example.com
mailRoutingAddress: mike@example.com
"""


@test("001: aliases and hosts of users come from a directory that the mail hosts share: who is added there gets mail at once")
def directory(t):
    del t
    lab = shared.get()
    with lab.smtp("mx.example.net", "imap1") as client:
        client.ehlo()
        client.mail("bob@example.net")
        refused(client.rcpt("frank@example.com"), 550, "5.1.1")
    admin = "-x -H ldap://ldap1.example.com -D cn=admin,dc=example,dc=com -w admin"
    lab.run("ldap1", f"ldapadd {admin}", input=FRANK)
    try:
        for address, user in (("erin@example.com", "alice"), ("frank@example.com", "mike")):
            subject = lab.subject(address)
            eventually(lambda a=address: "imap1" in lab.run("smtp1", f"postmap -q {a} ldap:/etc/pennypost/ldap-hosts.cf"), "smtp1 knows it")
            send(lab, "mx.example.net", "smtp1", "bob@example.net", address, subject)
            contains(lab.arrives("imap1", user, subject), f"X-Original-To: {address}", "the message")
    finally:
        lab.run("ldap1", f"ldapdelete {admin} uid=frank,ou=people,dc=example,dc=com")


@test("001: while the directory does not answer, mail that needs it is put off and none is lost")
def directory_away(t):
    del t
    lab = shared.get()
    lab.run("ldap1", "kill $(cat /run/slapd/slapd.pid); while pgrep -x slapd; do :; done")
    try:
        with lab.smtp("mx.example.net", "imap1") as client:
            client.ehlo()
            client.mail("bob@example.net")
            refused(client.rcpt("unheard-of@example.com"), 451, "4.3.0")
        subject = lab.subject("put off")
        lab.run("imap1", f"echo Hello. | mail -s '{subject}' erin@example.com", "john")
        eventually(lambda: "erin@example.com" in lab.run("imap1", "mailq"), "it waits")
    finally:
        lab.run("ldap1", 'slapd -f /etc/ldap/slapd.conf -h "ldap:///"')
    eventually(lambda: "alice" in lab.run("imap1", "postmap -q erin@example.com ldap:/etc/pennypost/ldap-aliases.cf"), "it answers again")
    lab.run("imap1", "postqueue -f")
    lab.arrives("imap1", "alice", subject)


@test("004: virtual_alias_domains may be a table; so may mydestination, beside names")
def domain_tables(t):
    del t
    lab = shared.get()
    lab.run("imap1", "printf 'another.example anything\\n' >/etc/pennypost/moredomains; postmap /etc/pennypost/moredomains; "
            "printf 'shop.example -\\nsales@shop.example mike\\n' >/etc/pennypost/shop; postmap /etc/pennypost/shop")
    with lab.changed("imap1", "mydestination = $mydomain, localhost.$mydomain, hash:/etc/pennypost/moredomains",
                     "virtual_alias_domains = hash:/etc/pennypost/shop", "virtual_alias_maps = hash:/etc/pennypost/shop"):
        for address in ("mike@another.example", "sales@shop.example"):
            subject = lab.subject(address)
            send(lab, "smtp1", "imap1", "student@example.com", address, subject)
            lab.arrives("imap1", "mike", subject)


@test("004: relay_domains may list several domains; a relay takes mail for these from everywhere and for no other")
def relay_domains(t):
    del t
    lab = shared.get()
    with lab.smtp("mx.example.net", "smtp1") as client:
        client.ehlo()
        client.mail("bob@example.net")
        for domain, code in (("example.com", 250), ("hosted.example", 250), ("sub.example.com", 250), ("other.example", 554)):
            equal(client.rcpt(f"anyone@{domain}")[0], code, f"RCPT for {domain}")


@test("004: an empty relayhost sends to the recipient's own host; another one sends all foreign mail there")
def relayhost(t):
    del t
    lab = shared.get()
    with lab.changed("imap1", "relayhost ="):
        subject = lab.subject("directly")
        lab.run("imap1", f"echo Hello. | mail -s '{subject}' bob@example.net", "john")
        came = lab.arrives("mx.example.net", "bob", subject)
        equal(re.findall(r"(?m)^Received: from (\S+)", came), ["imap1.example.com"], "the hosts it came from")
    subject = lab.subject("by the relay")
    lab.run("imap1", f"echo Hello. | mail -s '{subject}' bob@example.net", "john")
    came = lab.arrives("mx.example.net", "bob", subject)
    equal(re.findall(r"(?m)^Received: from (\S+)", came), ["smtp1.example.com", "imap1.example.com"], "the hosts it came from")


@test("001: a header check refuses a message by a line of its header")
def header_checks(t):
    del t
    lab = shared.get()
    lab.run("smtp1", "echo '/^Subject:.*make money fast/ REJECT no spam here' >/etc/pennypost/header_checks")
    with lab.changed("smtp1", "header_checks = regexp:/etc/pennypost/header_checks"):
        with lab.smtp("mx.example.net", "smtp1") as client:
            try:
                client.sendmail("bob@example.net", ["alice@example.com"], letter("Make Money Fast"))
                raise AssertionError("the message was taken")
            except smtplib.SMTPDataError as error:
                refused((error.smtp_code, error.smtp_error), 550, "no spam here")


@test("004: a user whose quota is full gets no more mail; the sender is told")
def quota(t):
    del t
    lab = shared.get()
    with lab.changed("imap1", "quota_rule = *:storage=1K"):
        with lab.smtp("mx.example.net", "smtp1") as client:
            client.sendmail("bob@example.net", ["david@example.com"], letter("too large", to="david@example.com") + "x" * 70 * 20)
        # imap1 refuses it before it is taken, so that smtp1 reports it.
        line = lab.wait_log("smtp1", r"to=<david@example\.com>.*dsn=(\d\.2\.2), status=(\w+)")
        equal(line[2], "bounced", "the outcome")


@test("004: a user sorts his own mail by .forward: into a file, to a program, or to another address")
def forward(t):
    del t
    lab = shared.get()
    lab.run("imap1", "printf '%s\\n' '/home/mike/all-mail' '\"|cat >/home/mike/by-program\"' 'alice@example.com' "
            ">/home/mike/.forward; chown mike /home/mike/.forward")
    try:
        subject = lab.subject("sorted")
        send(lab, "smtp1", "imap1", "student@example.com", "mike@example.com", subject)
        lab.arrives("imap1", "alice", subject)
        for file in ("all-mail", "by-program"):
            eventually(lambda f=file: subject in lab.read("imap1", f"/home/mike/{f}"), f"it is in {file}")
        equal(lab.with_subject("imap1", "mike", subject), [], "what is in the mailbox")
    finally:
        lab.run("imap1", "rm -f /home/mike/.forward /home/mike/all-mail /home/mike/by-program")

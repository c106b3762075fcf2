"""The texts' null client, relay and final destination, each sentence tried on the lab's hosts."""
import contextlib
import re

from harness import check, contains, equal, eventually, test
from lab import letter, refused, shared

SIX = {"relayhost": "[smtp1.example.com]", "inet_interfaces": "loopback-only", "mynetworks": "127.0.0.0/8 [::1]/128",
       "myorigin": "desktop1.example.com", "mydestination": "", "local_transport": "error: local delivery disabled"}


def settings(text):
    """{name: value} of what postconf prints."""
    return {line.partition(" =")[0]: line.partition(" =")[2].strip() for line in text.splitlines()}


def listening(lab, host):
    return sorted(line.split()[3] for line in lab.run(host, "ss -ltnH").splitlines())


@test("000: the six commands make server1 a null client, and postconf -n shows these settings and no other")
def six_commands(t):
    del t
    lab = shared.get()
    shown = settings(lab.run("server1", "postconf -n"))
    equal(shown.pop("maillog_file"), "/var/log/maillog", "where the log is")
    equal(shown, SIX, "what postconf -n shows")


@test("000: a null client listens on 127.0.0.1 and ::1 alone, on port 25 alone")
def loopback_only(t):
    del t
    lab = shared.get()
    for host in ("desktop1", "server1"):
        equal(listening(lab, host), ["127.0.0.1:25", "[::1]:25"], f"what listens on {host}")
    with contextlib.suppress(ConnectionRefusedError):
        lab.smtp("smtp1", "desktop1")
        raise AssertionError("desktop1 takes a connection of another host")


@test("003: a null client runs neither POP3 nor IMAP: pennypost start starts smtpd alone, and popd says why it does not run")
def no_mailboxes(t):
    del t
    lab = shared.get()
    running = lab.run("server1", "pennypost status", ok=False)
    contains(running, "smtpd", "pennypost status")
    for daemon in ("popd", "imapd"):
        said = lab.run("server1", f"/usr/sbin/{daemon}; echo status $?")
        contains(said, "status 78", daemon)
        contains(said + lab.log("server1"), "a null client keeps no mailboxes", daemon)
    titles = lab.run("server1", "ps -eo args")
    check("popd" not in titles and "imapd" not in titles, f"ps on server1: {titles}")


@test("000: sendmail, mail and programs that speak SMTP to localhost all end at the outbound relay")
def ways_out(t):
    del t
    lab = shared.get()
    subjects = [lab.subject(way) for way in ("mail", "sendmail", "sendmail -t", "smtp")]
    lab.mail("student", "desktop1", "kevin@example.com", subjects[0])
    text = "From: student@example.com\nTo: kevin@example.com\nSubject: {}\n\nHello.\n"
    lab.run("desktop1", "/usr/sbin/sendmail kevin@example.com", "student", input=text.format(subjects[1]))
    lab.run("desktop1", "/usr/sbin/sendmail -t", "student", input=text.format(subjects[2]))
    with lab.smtp("desktop1", "127.0.0.1") as client:
        client.sendmail("student@example.com", ["kevin@example.com"], letter(subjects[3], to="kevin@example.com"))
    for subject in subjects:
        came = lab.arrives("imap1", "kevin", subject)
        names = re.findall(r"(?m)^Received: from (\S+)", came)
        equal(names[:2], ["smtp1.example.com", "desktop1.example.com"], f"the hosts that {subject} came from")


@test("000: a null client delivers nothing to its own accounts: a name without a domain goes to the domain of myorigin")
def no_local_delivery(t):
    del t
    lab = shared.get()
    subject = lab.subject("bare name")
    lab.mail("kevin", "desktop1", "student", subject)
    came = lab.arrives("imap1", "student", subject)
    contains(came, "From: kevin@example.com\n", "the message")
    equal(lab.messages("desktop1", "student"), [], "mail kept on desktop1")


@test("000: myorigin is the domain of locally posted mail, of the envelope and of From")
def origin(t):
    del t
    lab = shared.get()
    subject = lab.subject("origin")
    lab.mail("student", "server1", "alice@example.com", subject)
    came = lab.arrives("imap1", "alice", subject)
    contains(came, "Return-Path: <student@desktop1.example.com>\n", "the message")
    contains(came, "From: student@desktop1.example.com\n", "the message")


@test("000: brackets around relayhost suppress the MX look-up; without them the domain's MX is asked")
def brackets(t):
    del t
    lab = shared.get()
    seen = len(lab.log("server1"))
    with lab.changed("server1", "relayhost=example.com"):
        subject = lab.subject("by MX")
        lab.mail("student", "server1", "alice@example.com", subject)
        lab.wait_log("server1", r"relay=smtp1\.example\.com\[172\.25\.0\.25\]:25.*status=sent", seen)
        lab.arrives("imap1", "alice", subject)
    with lab.changed("server1", "relayhost=[example.com]"):
        lab.mail("student", "server1", "alice@example.com", lab.subject("no such host"))
        line = lab.wait_log("server1", r"to=<alice@example\.com>.*status=(deferred|bounced) \((.*)\)", seen)
        contains(line[2], "name=example.com type=A", "the reason")
        lab.run("server1", "postsuper -d ALL")


@test("004: relayhost takes host:port")
def relayhost_port(t):
    del t
    lab = shared.get()
    with lab.changed("server1", "relayhost=[smtp1.example.com]:2525"):
        subject = lab.subject("port")
        lab.mail("student", "server1", "alice@example.com", subject)
        eventually(lambda: "smtp1.example.com[172.25.0.25]:2525: Connection refused" in lab.run("server1", "mailq"),
                   "mailq names the port")
    lab.run("server1", "postqueue -f")
    lab.arrives("imap1", "alice", subject)


@test("003: the foundation's three settings send mail for its own accounts back with the text of local_transport")
def foundation(t):
    del t
    lab = shared.get()
    before = lab.read("server1", "/etc/pennypost/main.toml")
    lab.run("server1", "pennypost stop; sed -i '/^mydestination/d; /^inet_interfaces/d; /^mynetworks/d' /etc/pennypost/main.toml; "
            "postconf -e 'myorigin = example.com'; pennypost start")
    try:
        lab.mail("kevin", "server1", "student@server1.example.com", lab.subject("for the foundation"))
        line = lab.wait_log("server1", r"to=<student@server1\.example\.com>.*dsn=(\S+), status=bounced \((.*)\)")
        equal(line[2], "local delivery disabled", "the reason")
        contains(lab.report("imap1", "kevin", "student@server1.example.com"), "local delivery disabled", "the report")
        subject = lab.subject("from the foundation")
        lab.run("server1", f'echo "THIS IS MAIL TEST" | mail -s "{subject}" student@example.com', "kevin")
        lab.arrives("imap1", "student", subject)
    finally:
        lab.run("server1", "pennypost stop", ok=False)
        with open(lab.path("server1", "/etc/pennypost/main.toml"), "w", encoding="utf-8") as file:
            file.write(before)
        lab.run("server1", "pennypost start")


@test("000: the relay takes mail from hosts of mynetworks without a login, and from no other for foreign domains")
def relay_by_address(t):
    del t
    lab = shared.get()
    subject = lab.subject("from the LAN")
    with lab.smtp("server1", "smtp1") as client:
        client.sendmail("student@example.com", ["bob@example.net"], letter(subject, to="bob@example.net"))
    lab.arrives("mx.example.net", "bob", subject)
    for host in ("roaming", "mx.example.net"):
        with lab.smtp(host, "smtp1") as client:
            client.ehlo()
            equal(client.mail("spammer@example.org")[0], 250, "MAIL")
            refused(client.rcpt("victim@example.org"), 554, "5.7.1 <victim@example.org>: Relay access denied")


@test("000: the relay looks up the MX of the recipient's domain and speaks SMTP on port 25 to it")
def by_mx(t):
    del t
    lab = shared.get()
    subject = lab.subject("by MX")
    lab.mail("student", "desktop1", "bob@example.net", subject)
    lab.arrives("mx.example.net", "bob", subject)
    lab.wait_log("smtp1", r"to=<bob@example\.net>, relay=mx\.example\.net\[198\.51\.100\.25\]:25.*status=sent")


@test("000: port 587 asks for a login before it takes mail, takes none of wrong passwords, and sends the mail of who logs in")
def submission(t):
    del t
    lab = shared.get()
    with lab.smtp("roaming", "smtp1", 587) as client:
        client.ehlo()
        check("auth" not in client.esmtp_features, "AUTH is offered without TLS")
        refused(client.mail("alice@example.com"), 530, "Must issue a STARTTLS command first")
        lab.starttls(client, "smtp1.example.com")
        client.ehlo()
        refused(client.mail("alice@example.com"), 530, "5.7.0 Authentication required")
        equal(client.docmd("AUTH", "PLAIN AGFsaWNlAHdyb25n")[0], 535, "a wrong password")
        client.login("alice", "alice")
        subject = lab.subject("submitted")
        client.sendmail("alice@example.com", ["bob@example.net"], letter(subject, "alice@example.com", "bob@example.net"))
    came = lab.arrives("mx.example.net", "bob", subject)
    contains(came, "Return-Path: <alice@example.com>", "the message")


@test("000: the MX of example.com is smtp1, which passes mail from the world inward to imap1 and keeps none itself")
def inward(t):
    del t
    lab = shared.get()
    equal(lab.run("desktop1", "dig +short example.com mx").strip(), "10 smtp1.example.com.", "the MX of example.com")
    subject = lab.subject("inward")
    lab.run("mx.example.net", f"echo Hello. | mail -s '{subject}' alice@example.com", "bob")
    came = lab.arrives("imap1", "alice", subject)
    names = re.findall(r"(?m)^Received: from (\S+)", came)
    equal(names, ["smtp1.example.com", "mx.example.net"], "the hosts it came from")
    for part in ("mail", "vmail", "spool/mail"):
        equal(lab.run("smtp1", f"ls /var/{part}/ 2>/dev/null", ok=False), "", f"/var/{part} of smtp1")


@test("002: the final destination listens on all interfaces, for SMTP, POP3 and IMAP, with TLS and without")
def destination_listens(t):
    del t
    lab = shared.get()
    ports = {place.rpartition(":")[2] for place in listening(lab, "imap1")}
    equal(ports, {"25", "110", "143", "993", "995"}, "ports of imap1")
    addresses = {place.rpartition(":")[0] for place in listening(lab, "imap1")}
    equal(addresses, {"0.0.0.0", "[::]"}, "addresses of imap1")
    equal(lab.run("imap1", "ss -lunH"), "", "what imap1 serves by UDP, which none of these protocols uses")


@test("002: mail for $myhostname, localhost.$mydomain, localhost and $mydomain ends at the destination, other mail does not")
def destinations(t):
    del t
    lab = shared.get()
    for domain in ("imap1.example.com", "localhost.example.com", "localhost", "example.com"):
        subject = lab.subject(domain)
        lab.run("imap1", f"echo Hello. | mail -s '{subject}' mike@{domain}", "john")
        lab.arrives("imap1", "mike", subject)
    subject = lab.subject("elsewhere")
    lab.run("imap1", f"echo Hello. | mail -s '{subject}' bob@example.net", "john")
    lab.wait_log("imap1", r"to=<bob@example\.net>, relay=smtp1\.example\.com\[172\.25\.0\.25\]:25.*status=sent")
    contains(lab.arrives("mx.example.net", "bob", subject), "From: john@example.com", "the message")


@test("003: a message goes from the user by sendmail, queue and SMTP to the other host's queue, mailbox, and out by POP3")
def the_path(t):
    del t
    lab = shared.get()
    subject = lab.subject("the path")
    lab.run("desktop1", f'echo "THIS IS MAIL TEST" | mail -s "{subject}" student@example.com', "kevin")
    came = lab.arrives("imap1", "student", subject)
    check(came.rstrip().endswith("THIS IS MAIL TEST"), f"the text: {came}")
    ids = re.findall(r"(?m)^\s(?:by \S+ \(Pennypost\) with ESMTPS? )?id (\w+)", came)
    equal(len(ids), 3, f"queue ids in {came}")
    for host, queue_id in zip(("imap1", "smtp1", "desktop1"), ids):
        lab.wait_log(host, rf"qmgr\[\d+\]: {queue_id}: removed")
    client = lab.pop3("roaming", "student", "student")
    number = len(client.list()[1])
    contains(b"\n".join(client.retr(number)[1]).decode(), subject, "the last message")
    for one in range(1, number + 1):
        client.dele(one)
    client.quit()
    equal(lab.messages("imap1", "student"), [], "what POP3 left on the server")


@test("003: IMAP reads the header first and the text when asked, and leaves the message on the server")
def by_imap(t):
    del t
    lab = shared.get()
    subject = lab.subject("by IMAP")
    lab.mail("student", "desktop1", "alice@example.com", subject)
    lab.arrives("imap1", "alice", subject)
    client = lab.imap("roaming", "alice@example.com", "alice")
    client.select("INBOX")
    number = client.search(None, "SUBJECT", f'"{subject}"')[1][0].decode()
    header = client.fetch(number, "(BODY.PEEK[HEADER])")[1][0][1].decode()
    check(subject in header and "Hello." not in header, f"the header: {header}")
    contains(client.fetch(number, "(BODY[TEXT])")[1][0][1].decode(), "Hello.", "the text")
    client.logout()
    lab.arrives("imap1", "alice", subject)


@test("001: an IMAP client makes, renames and deletes folders on the server, in mbox and in Maildir")
def folders(t):
    del t
    lab = shared.get()
    for login, password in (("alice@example.com", "alice"), ("mike", "mike")):
        client = lab.imap("desktop1", login, password)
        equal(client.create("Reports")[0], "OK", f"CREATE of {login}")
        equal(client.rename("Reports", "Old-Reports")[0], "OK", f"RENAME of {login}")
        names = b"\n".join(client.list()[1])
        check(b"Old-Reports" in names and b"/Reports" not in names and b" Reports" not in names, f"the folders of {login}: {names}")
        equal(client.delete("Old-Reports")[0], "OK", f"DELETE of {login}")
        client.logout()

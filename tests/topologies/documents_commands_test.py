"""The texts' commands, by their own names, as typed on the lab's hosts."""
import re
import smtplib

from harness import check, contains, equal, eventually, test
from lab import letter, shared


@test("000: postconf shows all settings, in order, or those that are named")
def postconf_shows(t):
    del t
    lab = shared.get()
    shown = lab.run("server1", "postconf")
    names = [line.partition(" =")[0] for line in shown.splitlines() if not line.startswith("service.")]
    check(len(names) > 250, f"{len(names)} settings")
    equal(names, sorted(names), "their order")
    equal(lab.run("server1", "postconf inet_interfaces  myorigin"),
          "inet_interfaces = loopback-only\nmyorigin = desktop1.example.com\n", "two settings")


@test("000: a value that points to another setting is shown as it is written; -d shows the texts' defaults")
def postconf_defaults(t):
    del t
    lab = shared.get()
    equal(lab.run("imap1", "postconf myorigin"), "myorigin = $mydomain\n", "myorigin of imap1")
    expected = {"inet_interfaces": "localhost", "myorigin": "$myhostname", "relayhost": "",
                "mydestination": "$myhostname, localhost.$mydomain, localhost", "local_transport": "local:$myhostname",
                "home_mailbox": "", "relay_domains": "", "alias_maps": "hash:/etc/aliases", "smtpd_client_restrictions": ""}
    for name, value in expected.items():
        equal(lab.run("imap1", f"postconf -d {name}").rstrip(), f"{name} = {value}".rstrip(), "a default")


@test("000: without mynetworks a host trusts itself alone; mynetworks_style gives a subnet or a class instead")
def networks(t):
    del t
    lab = shared.get()
    seen = {}
    for style in ("host", "subnet", "class"):
        seen[style] = lab.run("imap1", "sed '/^mynetworks/d' /etc/pennypost/main.toml >/tmp/main.toml; mkdir -p /tmp/style; "
                              "mv /tmp/main.toml /tmp/style/; "
                              f"postconf -c /tmp/style -e mynetworks_style={style}; postconf -c /tmp/style -x -h mynetworks")
    contains(seen["host"], "172.25.0.143/32", "mynetworks of the host")
    check("172.25.0.0" not in seen["host"], f"mynetworks of the host: {seen['host']}")
    contains(seen["subnet"], "172.25.0.0/24", "mynetworks of the subnet")
    contains(seen["class"], "172.25.0.0/16", "mynetworks of the class")
    for value in seen.values():
        contains(value, "127.0.0.", "every mynetworks")


@test("000: postconf -e puts a new value in the place of the old one, and a new setting at the end")
def postconf_edits(t):
    del t
    lab = shared.get()
    before = lab.read("server1", "/etc/pennypost/main.toml").splitlines()
    with lab.changed("server1", "myorigin = example.com", "delay_warning_time = 4h"):
        after = lab.read("server1", "/etc/pennypost/main.toml").splitlines()
        at = next(number for number, line in enumerate(before) if line.startswith("myorigin"))
        equal(after[at], 'myorigin = "example.com"', "the line of myorigin")
        equal(len(after), len(before) + 1, "lines")
        check(after[-1].startswith("delay_warning_time"), f"the last line: {after[-1]}")
        equal(lab.run("server1", "postconf myorigin"), "myorigin = example.com\n", "postconf myorigin")


@test("000: a change of the configuration takes effect with reload, and not before")
def after_reload(t):
    del t
    lab = shared.get()
    first, second = lab.subject("before reload"), lab.subject("after reload")
    lab.run("server1", "cp /etc/pennypost/main.toml /root/; postconf -e myorigin=example.com")
    try:
        lab.mail("student", "server1", "alice@example.com", first)
        lab.run("server1", "pennypost reload")
        lab.mail("student", "server1", "alice@example.com", second)
        contains(lab.arrives("imap1", "alice", second), "Return-Path: <student@example.com>\n", "the later message")
        lab.arrives("imap1", "alice", first)
    finally:
        lab.run("server1", "mv /root/main.toml /etc/pennypost/; pennypost reload")


@test("000: the services start, stop, restart and reload by one command each, which says whether they did")
def start_stop(t):
    del t
    lab = shared.get()
    contains(lab.run("server1", "pennypost stop"), "smtpd: stopped", "stop")
    contains(lab.run("server1", "pennypost status; echo status $?"), "status 3", "status of what is stopped")
    contains(lab.run("server1", "pennypost start"), "smtpd: started", "start")
    lab.run("server1", "pennypost reload")
    contains(lab.run("server1", "pennypost status; echo status $?"), "status 0", "status of what runs")


@test("003: a setting misspelt as in the text gets an error that suggests the right name")
def misspelt(t):
    del t
    lab = shared.get()
    for wrong, right in (("inet_interface = all", "inet_interfaces"), ("relay_host = [smtp1.example.com]", "relayhost"),
                         ("mail_localtion = mbox:~/mail:INBOX=/var/mail/%u", "mail_location")):
        before = lab.read("imap1", "/etc/pennypost/main.toml")
        said = lab.run("imap1", f"postconf -e '{wrong}'; echo status $?")
        after = lab.read("imap1", "/etc/pennypost/main.toml")
        with open(lab.path("imap1", "/etc/pennypost/main.toml"), "w", encoding="utf-8") as file:
            file.write(before)
        check("status 0" not in said, f"postconf -e '{wrong}': {said}")
        contains(said, f"did you mean {right}?", "what postconf says")
        equal(after, before, "main.toml")


@test("003: /var/mail%u of the text is answered with /var/mail/%u, and neither check nor reload takes it")
def missing_slash(t):
    del t
    lab = shared.get()
    before = lab.read("imap1", "/etc/pennypost/main.toml")
    said = lab.run("imap1", "postconf -e 'mail_location = mbox:~/mail:INBOX=/var/mail%u'; pennypost check; echo check $?; "
                   "pennypost reload; echo reload $?", ok=False)
    with open(lab.path("imap1", "/etc/pennypost/main.toml"), "w", encoding="utf-8") as file:
        file.write(before)
    lab.run("imap1", "pennypost reload")
    equal(said.count('"/var/mail%u" lies beside the spool directory, not in it; did you mean /var/mail/%u?') >= 2, True, said)
    check("check 0" not in said and "reload 0" not in said, said)


@test("000: while the relay is away postqueue -p and mailq show the mail and why it waits; postqueue -f sends it")
def queue_tools(t):
    del t
    lab = shared.get()
    lab.run("smtp1", "pennypost stop")
    try:
        subject = lab.subject("waits")
        lab.mail("student", "server1", "alice@example.com", subject)
        eventually(lambda: "Connection refused" in lab.run("server1", "mailq"), "mailq says why")
        for command in ("mailq", "postqueue -p", "sendmail -bp"):
            shown = lab.run("server1", command)
            contains(shown, "alice@example.com", command)
            check(re.search(r"\(connect to smtp1\.example\.com\[172\.25\.0\.25\]:25: Connection refused\)", shown),
                  f"{command}: {shown}")
    finally:
        lab.run("smtp1", "pennypost start")
    equal(lab.with_subject("imap1", "alice", subject), [], "what has come meanwhile")
    lab.run("server1", "postqueue -f")
    lab.arrives("imap1", "alice", subject)
    eventually(lambda: lab.queue_is_empty("server1"), "the queue is empty")


@test("002: postmap makes a table that takes effect without a restart; newaliases does for /etc/aliases")
def tables(t):
    del t
    lab = shared.get()
    lab.run("imap1", "cp /etc/aliases /root/; cp /etc/pennypost/virtual /root/")
    try:
        lab.run("imap1", "echo 'boss: mike' >>/etc/aliases; newaliases")
        lab.run("imap1", "echo 'chief@hosted.example mike' >>/etc/pennypost/virtual; postmap /etc/pennypost/virtual")
        contains(lab.run("imap1", "postmap -q chief@hosted.example hash:/etc/pennypost/virtual"), "mike", "postmap -q")
        for address in ("boss@example.com", "chief@hosted.example"):
            subject = lab.subject(address)

            def sent(address=address, subject=subject):
                try:
                    with lab.smtp("smtp1", "imap1") as client:
                        return client.sendmail("student@example.com", [address], letter(subject, to=address)) == {}
                except smtplib.SMTPRecipientsRefused:  # for as long as map_check_interval
                    return False
            eventually(sent, f"{address} is taken")
            lab.arrives("imap1", "mike", subject)
    finally:
        lab.run("imap1", "mv /root/aliases /etc/; newaliases; mv /root/virtual /etc/pennypost/; postmap /etc/pennypost/virtual")


@test("002: mail -s of the text reaches root, who has an alias; mail reads the mailbox of who calls it")
def mail_command(t):
    del t
    lab = shared.get()
    subject = lab.subject("Test subject")
    lab.run("imap1", f'echo "Test message" | mail -s "{subject}" root@example.com')
    contains(lab.arrives("imap1", "john", subject), "Test message", "the message")
    contains(lab.run("imap1", "mail -H", "john"), subject, "what mail lists")


@test("004: egrep with the text's pattern finds a rejection in the log of the relay")
def log_search(t):
    del t
    lab = shared.get()
    with lab.smtp("roaming", "smtp1") as client:
        client.ehlo()
        client.mail("spammer@example.org")
        client.rcpt("searched@example.org")
    found = eventually(lambda: lab.run("smtp1", "egrep '(reject|warning|error|fatal|panic):' /var/log/maillog | grep searched", ok=False),
                       "egrep finds it")
    contains(found, "NOQUEUE: reject: RCPT from roaming.example.org[203.0.113.9]: 554 5.7.1", "the line")


@test("003: the text's POP3 session, typed into telnet on the server itself, lists and shows the first message")
def typed_pop3(t):
    del t
    lab = shared.get()
    subject = lab.subject("typed")
    lab.mail("kevin", "desktop1", "mike@example.com", subject)
    lab.arrives("imap1", "mike", subject)
    shown = lab.telnet("imap1", "imap1", 110, [
        ("user mike", r"(?m)^\+OK.*\n"), ("pass mike", r"(?m)^\+OK.*\n"), ("list", r"(?m)^1 \d+\n(?:\d+ \d+\n)*\.\n"),
        ("retr 1", r"(?ms)^\+OK \d+.*?^\.\n"), ("quit", r"(?m)^\+OK.*\n")])
    contains(shown, "Delivered-To: mike@example.com", "the dialogue")


@test("004: the text's SMTP dialogue, typed into telnet: 501 for a bad address, 250, 354, and a 250 with the queue id")
def typed_smtp(t):
    del t
    lab = shared.get()
    subject = lab.subject("Demo messages")
    shown = lab.telnet("mx.example.net", "smtp1.example.com", 25, [
        ("ehlo mx.example.net", r"(?ms)^250-SIZE \d+$.*?^250 .*?\n"), ("mail from: <bob@>", r"(?m)^501 5\.1\.7 .*\n"),
        ("mail from: bob@example.net", r"(?m)^250 .*\n"), ("rcpt to: <info@>", r"(?m)^501 5\.1\.3 .*\n"),
        ("rcpt to: alice@example.com", r"(?m)^250 .*\n"), ("data", r"(?m)^354 .*\n"),
        (f"From: <bob@example.net>\nTo: Info <alice@example.com>\nSubject: {subject}\n\nThis is a demonstration message.\n.",
         r"(?m)^250 2\.0\.0 Ok: queued as \w+\n"), ("quit", r"(?m)^221 ")])
    queue_id = re.search(r"queued as (\w+)", shown)[1]
    came = lab.arrives("imap1", "alice", subject)
    contains(came, f"id {queue_id}", "the message")
    contains(came, "This is a demonstration message.", "the message")


@test("004: EHLO tells SIZE and PIPELINING, STARTTLS, HELP, and AUTH PLAIN LOGIN under TLS; what is larger than SIZE is refused")
def extensions(t):
    del t
    lab = shared.get()
    with lab.smtp("roaming", "smtp1", 587) as client:
        client.ehlo()
        features = client.esmtp_features
        for word in ("size", "pipelining", "starttls", "help"):
            check(word in features, f"EHLO tells {word}: {features}")
        lab.starttls(client, "smtp1.example.com")
        client.ehlo()
        equal(client.esmtp_features["auth"].split(), ["PLAIN", "LOGIN"], "AUTH")
        client.login("alice", "alice")
        size = int(client.esmtp_features["size"])
        equal(client.mail("alice@example.com", [f"SIZE={size + 1}"])[0], 552, "MAIL with a larger size")

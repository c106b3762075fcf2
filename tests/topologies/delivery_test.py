"""One host between strangers that answer as the test tells them: what is delivered, tried again, returned."""
import os
import re
import subprocess

from harness import check, contains, equal, eventually, test
from mailhost import Host, as_user, letter, make_certificate
from peers import NameServer, Sink

ALICE, BOB, CAROL = "alice@example.test", "bob@example.test", "carol@example.test"
RETRIES = {"minimal_backoff_time": "1s", "maximal_backoff_time": "2s"}
DEAD = "127.0.0.99"


def host_with_names(t, port, *records, **settings):
    names = NameServer(t, *records)
    return Host(t, {"dns_servers": [names.address], "smtp_target_port": port, **RETRIES, **settings}, daemons=("smtpd",))


def send(host, recipient, message=None, sender=ALICE):
    with host.smtp() as client:
        client.sendmail(sender, [recipient] if isinstance(recipient, str) else recipient,
                        message or letter("a test", to=ALICE))


def stored(path):
    with open(path, "rb") as file:
        return file.read()


@test("an alias of a local user, a stopped host and a local user: after ten retries each local mailbox has one copy")
def alias_of_three(t):
    dead = Sink(t, DEAD)
    dead.stop()
    names = NameServer(t, f"--host-record=dead.test,{DEAD}")
    host = Host(t, {"dns_servers": [names.address], "smtp_target_port": dead.port, "minimal_backoff_time": "1s",
                    "maximal_backoff_time": "1s"}, daemons=("smtpd",),
                aliases=f"team: {ALICE}, x@dead.test, {BOB}\n")
    send(host, "team@example.test")
    eventually(lambda: len(re.findall(r"to=<x@dead\.test>.*status=deferred", host.log())) >= 11, "ten retries", 120)
    host.wait_messages(ALICE, 1)
    host.wait_messages(BOB, 1)
    host.stop("smtpd")
    host.start("smtpd")
    eventually(lambda: len(re.findall(r"to=<x@dead\.test>.*status=deferred", host.log())) >= 13, "retries after a restart")
    host.wait_messages(ALICE, 1)
    host.wait_messages(BOB, 1)
    equal([entry["recipients"][0]["address"] for entry in host.wait_queue(1)], ["x@dead.test"], "who is still waited for")


@test("sendmail -t sends to the good addresses of a header and reports the bad ones, with smtpd running or stopped")
def bad_among_good(t):
    host = Host(t, daemons=("smtpd",))
    text = "To: alice smith, 'x@example.test'\nCc: <>\nSubject: {}\n\nhello\n"
    for count, how in enumerate(("running", "stopped"), 1):
        if how == "stopped":
            host.stop("smtpd")
        host.command("sendmail", "-t", "-f", BOB, input=text.format(how))
        if how == "stopped":
            host.start("smtpd")
        host.wait_messages(ALICE, count)
        report = [stored(path) for path in host.wait_messages(BOB, count)][-1]
        for told in (b"Final-Recipient: rfc822; 'x@example.test'\r\n", b"\n<'x@example.test'>: ", b"Status: 5.1.3", b"smith@example.test"):
            check(told in report.replace(b"\n", b"\r\n").replace(b"\r\r", b"\r"), f"with smtpd {how} the report tells {told}: {report}")
        host.wait_queue(0)


@test("a backslash before a name in another alias leads to that name's own mailbox, past its aliases")
def mailbox_of_name(t):
    host = Host(t, daemons=("smtpd",), aliases=f"team: \\alice\nalice: {BOB}\n")
    send(host, "team@example.test")
    host.wait_messages(ALICE, 1)
    host.wait_queue(0)
    equal(host.messages(BOB), [], "what her alias got of it")
    send(host, ALICE)
    host.wait_messages(BOB, 1)
    host.wait_messages(ALICE, 1)


@test("MX by preference, the next after one that is down, and A where there is no MX")
def mx_order(t):
    good, other = Sink(t, "127.0.0.22"), Sink(t, "127.0.0.23")
    other.stop()
    # All exchangers are asked on one port: the good one's.
    host = host_with_names(t, good.port, "--mx-host=a.test,first.a.test,5", "--mx-host=a.test,second.a.test,10",
                           "--host-record=first.a.test,127.0.0.23", "--host-record=second.a.test,127.0.0.22",
                           "--host-record=plain.test,127.0.0.22")
    send(host, "x@a.test")
    eventually(lambda: any(one.recipients == ["x@a.test"] for one in good.transactions), "the second MX gets it")
    send(host, "x@plain.test")
    eventually(lambda: any(one.recipients == ["x@plain.test"] for one in good.transactions), "the A record's host gets it")
    host.wait_queue(0)


@test("a domain that does not exist is returned to the sender at once, as a report of RFC 3464")
def no_such_domain(t):
    host = host_with_names(t, 9)
    send(host, "x@nowhere.test", letter("lost", "the body\r\n"))
    text = stored(host.wait_messages(ALICE, 1)[0])
    check(text.startswith(b"Return-Path: <>"), f"the report has no sender: {text[:200]!r}")
    check(re.search(rb"Content-Type: multipart/report;[^\n]*(\n[ \t][^\n]*)*report-type=\"?delivery-status", text), "its type")
    for words in (rb"(?m)^Final-Recipient: rfc822; ?x@nowhere\.test", rb"(?m)^Action: failed", rb"(?m)^Status: 5\.\d+\.\d+",
                  rb"(?m)^Subject: lost", rb"(?m)^Reporting-MTA: dns; ?mail\.example\.test"):
        check(re.search(words, text), f"{words!r} is not in the report {text!r}")
    host.wait_queue(0)


@test("5xx is returned, 4xx is tried again, each recipient by its own reply")
def replies(t):
    sink = Sink(t, "127.0.0.22", {"RCPT TO:<no@a.test>": "550 5.1.1 no such user", "RCPT TO:<later@a.test>": "450 4.2.0 later"})
    host = host_with_names(t, sink.port, "--host-record=a.test,127.0.0.22")
    send(host, ["yes@a.test", "no@a.test", "later@a.test"])
    eventually(lambda: any("yes@a.test" in one.recipients for one in sink.transactions), "the good recipient gets it")
    report = stored(host.wait_messages(ALICE, 1)[0])
    contains(report, b"no@a.test", "the report")
    contains(report, b"550 5.1.1 no such user", "the report")
    check(b"later@a.test" not in report, "the report names the one that is still tried")
    host.wait_log(r"to=<later@a\.test>.*dsn=4\.2\.0, status=deferred \(.*450 4\.2\.0 later")
    del sink.answers["RCPT TO:<later@a.test>"]
    eventually(lambda: any("later@a.test" in one.recipients for one in sink.transactions), "it is delivered in the end")
    host.wait_queue(0)
    equal(sum("yes@a.test" in one.recipients for one in sink.transactions), 1, "copies for the good recipient")


@test("a report that cannot be delivered makes no report: <> never gets one")
def no_bounce_of_bounce(t):
    sink = Sink(t, "127.0.0.22", {"RCPT": "550 5.1.1 nobody here"})
    host = host_with_names(t, sink.port, "--host-record=a.test,127.0.0.22")
    send(host, "x@a.test", sender="<>")
    host.wait_log(r"to=<x@a\.test>.*status=bounced")
    host.wait_queue(0)
    send(host, "x@a.test", sender="y@a.test")
    eventually(lambda: sum(command.startswith("MAIL FROM:<>") for command in sink.commands) >= 2, "the report is tried")
    host.wait_queue(0)
    equal(host.messages(ALICE), [], "reports in alice's mailbox")
    check(not any("RCPT TO:<>" in command for command in sink.commands), "something is sent to <>")


@test("mail that stays undeliverable is returned when maximal_queue_lifetime is over")
def expiry(t):
    dead = Sink(t, DEAD)
    dead.stop()
    host = host_with_names(t, dead.port, f"--host-record=dead.test,{DEAD}", maximal_queue_lifetime="3s",
                           bounce_queue_lifetime="3s")
    send(host, "x@dead.test")
    contains(stored(host.wait_messages(ALICE, 1)[0]), b"x@dead.test", "the report")
    host.wait_log(r"status=expired|x@dead\.test>.*status=bounced")
    host.wait_queue(0)


@test("TLS is used where the other host offers it, whatever its certificate, and its absence is no obstacle")
def opportunistic_tls(t):
    secure = Sink(t, "127.0.0.22", certificate=make_certificate(t.folder, "other.test", "sink"))
    host = host_with_names(t, secure.port, "--host-record=a.test,127.0.0.22")
    send(host, "x@a.test")
    eventually(lambda: secure.transactions, "the host with TLS gets it")
    check(secure.transactions[0].tls, "it came in the clear though TLS was offered")


@test("dots and 8-bit octets reach the other host as they were; a line over smtp_line_length_limit is folded, not lost")
def octets(t):
    sink = Sink(t, "127.0.0.22")
    host = host_with_names(t, sink.port, "--host-record=a.test,127.0.0.22")
    body = b".\r\n..\r\n.a\r\n" + "Gr\u00fc\u00dfe\r\n".encode() + b"\r\n"
    long_line = b"".join(b"%04d." % number for number in range(1000))
    send(host, "x@a.test", letter("octets", body))
    send(host, "x@a.test", letter("folded", long_line + b"\r\nend\r\n"))
    eventually(lambda: len(sink.transactions) == 2, "both arrive")
    first, second = sorted((one.data for one in sink.transactions), key=len)
    check(first.endswith(b"\r\n\r\n" + body), f"the octets are as they were: {first!r}")
    check(all(len(line) <= 998 for line in second.split(b"\r\n")), "no line is longer than 998 octets")
    contains(second.replace(b"\r\n ", b""), long_line + b"\r\nend\r\n", "the folded message, unfolded")


@test("a command and /dev/null behind aliases are logged under the alias, and mailq names a command that waits by it")
def command_alias(t):
    host = Host(t, {"minimal_backoff_time": "300s"}, daemons=("smtpd",),
                aliases='run: "|cat >/dev/null"\nlater: "|exit 75"\nnobody: /dev/null\n')
    with host.smtp() as client:
        client.sendmail(ALICE, ["run@example.test", "later@example.test", "nobody@example.test"], letter("aliases"))
    host.wait_log(r"local\[\d+\]: \w+: to=<run@example\.test>, relay=local, .*status=sent "
                  r"\(delivered to command: cat >/dev/null\)")
    host.wait_log(r"local\[\d+\]: \w+: to=<nobody@example\.test>, relay=local, .*status=sent "
                  r"\(delivered to file: /dev/null\)")
    host.wait_log(r"local\[\d+\]: \w+: to=<later@example\.test>, relay=local, .*status=deferred")
    equal([one["address"] for one in host.queue()[0]["recipients"]], ["later@example.test"], "who waits")


@test("a catch-all and virtual aliases lead where they say; an address reached twice gets one copy")
def virtual(t):
    names = NameServer(t)
    host = Host(t, {"dns_servers": [names.address], "virtual_alias_domains": ["hosted.test"]}, daemons=("smtpd",), start=False)
    table = host.write("etc/virtual", f"info@hosted.test {ALICE}, {BOB}, {ALICE}\n@hosted.test {BOB}\n")
    host.settings["virtual_alias_maps"] = "hash:" + table
    host.write_settings()
    host.command("postmap", "hash:" + table)
    host.start()
    send(host, "info@hosted.test")
    host.wait_messages(ALICE, 1)
    host.wait_messages(BOB, 1)
    send(host, "whoever@hosted.test")
    host.wait_messages(BOB, 2)
    host.wait_queue(0)
    host.wait_messages(ALICE, 1)


@test("a map rebuilt under a running smtpd takes effect within 2 s")
def rebuilt_map(t):
    host = Host(t, daemons=("smtpd",), aliases=f"team: {ALICE}\n")
    send(host, "team@example.test")
    host.wait_messages(ALICE, 1)
    for turn in range(3):
        name = f"new{turn}"
        host.write("etc/aliases", f"team: {BOB}\n{name}: {BOB}\n")
        host.command("newaliases")

        def known(word=name):
            with host.smtp() as client:
                client.ehlo()
                client.mail(ALICE)
                return client.rcpt(f"{word}@example.test")[0] == 250
        eventually(known, f"{name} is known", 2.5)
    send(host, "team@example.test")
    host.wait_messages(BOB, 1)
    host.wait_messages(ALICE, 1)


@test("a message that a mailbox has no room for is refused at RCPT or at its end, the size being announced or not")
def over_quota(t):
    host = Host(t, {"quota_rule": "*:storage=20K"},
                aliases="team: alice, bob\nonly: bob\n", daemons=("smtpd",))
    large = letter("large", b"0123456789\r\n" * 800)

    def rcpt(recipient, options=()):
        with host.smtp() as client:
            client.ehlo()
            client.mail(ALICE, options)
            return client.rcpt(recipient)

    def at_end(*recipients):
        """The reply to `large` where its size was not announced."""
        with host.smtp() as client:
            client.ehlo()
            client.mail(ALICE)
            for recipient in recipients:
                equal(client.rcpt(recipient)[0], 250, f"RCPT of {recipient}")
            return client.data(large)
    equal(rcpt(BOB, ["SIZE=20000"])[0], 250, "what fits")
    code, reply = rcpt(BOB, ["SIZE=30000"])
    equal((code, reply.split()[0]), (552, b"5.2.2"), "more than the whole quota")
    for number in (1, 2):
        equal(at_end(BOB)[0], 250, f"large mail, {number}")
        host.wait_messages(BOB, number)
    for recipient in (BOB, "only@example.test"):
        code, reply = at_end(recipient)
        equal((code, reply.split()[0]), (452, b"4.2.2"), f"large mail to {recipient} when there is no room")
        contains(reply, b"Recipient address rejected: Quota exceeded (mailbox for user is full)", "the refusal")
        equal(rcpt(recipient, ["SIZE=9600"])[0], 452, f"RCPT of {recipient}, the size announced")
    host.wait_log(r"reject: END-OF-MESSAGE from .*: 452 4\.2\.2 <bob@example\.test>")
    equal(rcpt(BOB)[0], 250, "RCPT of a small message")
    equal(rcpt("team@example.test", ["SIZE=9600"])[0], 250, "RCPT of an alias for several")
    host.wait_queue(0)
    equal(len(host.messages(BOB)), 2, "bob's messages")
    os.unlink(host.messages(BOB)[0])
    os.unlink(os.path.join(os.path.dirname(os.path.dirname(host.messages(BOB)[0])), "maildirsize"))
    equal(at_end(BOB)[0], 250, "as soon as there is room")
    host.wait_messages(BOB, 2)


@test("of a message for two mailboxes the full one gets its own copy refused: the other has it once, and the sender a report")
def one_of_two_full(t):
    host = Host(t, {"quota_rule": "*:storage=20K", "quota_exceeded": "reject"}, daemons=("smtpd",),
                users={user: "secret" for user in (ALICE, BOB, CAROL)})
    large = letter("large", b"0123456789\r\n" * 800)
    for number in (1, 2):
        send(host, BOB, letter(f"n{number}", b"0123456789\r\n" * 800))
        host.wait_messages(BOB, number)
    with host.smtp() as client:
        client.ehlo()
        client.mail(CAROL)
        for recipient in (ALICE, BOB):
            equal(client.rcpt(recipient)[0], 250, f"RCPT of {recipient}")
        equal(client.data(large)[0], 250, "the message")
    host.wait_messages(ALICE, 1)
    host.wait_log(r"to=<bob@example\.test>.*dsn=5\.2\.2, status=bounced")
    host.wait_messages(CAROL, 1)
    with open(host.messages(CAROL)[0], encoding="utf-8") as file:
        report = file.read()
    contains(report, "Final-Recipient: rfc822; bob@example.test", "the report")
    contains(report, "Status: 5.2.2", "the report")
    host.wait_queue(0)
    equal((len(host.messages(ALICE)), len(host.messages(BOB))), (1, 2), "copies")
    # What a program of this host hands in is taken whatever it is, and reported.
    host.command("sendmail", "-f", CAROL, BOB, input="Subject: large\n\n" + "0123456789\n" * 300)
    host.wait_messages(CAROL, 2)
    host.wait_queue(0)
    equal(len(host.messages(BOB)), 2, "bob's messages")


@test("a mailbox that a quota of its own does not bound is refused at RCPT once a delivery has found it full, until there is room")
def found_full(t):
    host = Host(t, {**RETRIES, "virtual_mail_location": "mbox:~/mail:INBOX=~/inbox", "mailbox_size_limit": "15000",
                    "message_size_limit": "12000"}, daemons=("smtpd",))

    def rcpt(recipient):
        with host.smtp() as client:
            client.ehlo()
            client.mail(ALICE)
            return client.rcpt(recipient)
    for number in (1, 2):
        send(host, BOB, letter(f"n{number}", b"0123456789\r\n" * 800))
        host.wait_log(rf"(?s)(to=<bob@example\.test>.*){{{number}}}")
    host.wait_log(r"to=<bob@example\.test>.*dsn=4\.2\.2, status=deferred")
    # Each process of receive keeps what it has been told of a recipient for a moment.
    eventually(lambda: all(rcpt(BOB)[0] == 452 for _ in range(6)), "RCPT refuses the full mailbox")
    contains(rcpt(BOB)[1], b"4.2.2 <bob@example.test>: Recipient address rejected: Quota exceeded (mailbox for user is full)", "the refusal")
    equal(rcpt(ALICE)[0], 250, "RCPT of another mailbox")
    host.settings["mailbox_size_limit"] = "1000000"
    host.write_settings()
    host.reload("smtpd")
    eventually(lambda: rcpt(BOB)[0] == 250, "RCPT takes mail again")


@test("while mutt's dotlock holds an mbox, mail for it is deferred, not lost; then it arrives once")
def mbox_locked(t):
    host = Host(t, {"virtual_mail_location": "mbox:~/mail:INBOX=~/inbox", "deliver_lock_attempts": 2,
                    "deliver_lock_delay": "1s", **RETRIES}, daemons=("smtpd",))
    send(host, BOB, letter("first"))
    inbox = os.path.join(host.mail, "example.test", "bob", "inbox")
    eventually(lambda: os.path.exists(inbox) and b"Subject: first" in stored(inbox), "the first message is in the mbox")
    subprocess.run(["mutt_dotlock", inbox], check=True, **as_user())
    try:
        send(host, BOB, letter("second"))
        host.wait_log(r"to=<bob@example\.test>.*status=deferred \(.*lock")
        check(b"Subject: second" not in stored(inbox), "the mbox was written under the lock")
    finally:
        subprocess.run(["mutt_dotlock", "-u", inbox], check=True, **as_user())
    host.command("postqueue", "-f")
    eventually(lambda: stored(inbox).count(b"Subject: second") == 1, "the second message arrives")
    host.wait_queue(0)
    equal(stored(inbox).count(b"Subject: second"), 1, "copies of it")


LIMIT = 5000
HEAD = "Subject: size\r\nFrom: alice@example.test\r\nTo: bob@example.test\r\nDate: Tue, 14 Nov 2023 22:13:20 +0000\r\nMessage-ID: <1@x>\r\n\r\n"


def with_lines(octets):
    """A message of so many octets, counted with CRLF, most of whose body is empty lines."""
    left = octets - len(HEAD)
    return HEAD + ("x\r\n" if left % 2 else "") + "\r\n" * ((left - 3 if left % 2 else left) // 2)


@test("a message's size is counted with CRLF on each way in, announced so to the next hop, and told so")
def sizes(t):
    sink = Sink(t, "127.0.0.22", keywords=("PIPELINING", f"SIZE {LIMIT + 3000}"))
    host = host_with_names(t, sink.port, "--host-record=next.test,127.0.0.22", message_size_limit=LIMIT)
    at_limit, beyond = with_lines(LIMIT), with_lines(LIMIT + 1)
    equal(len(at_limit), LIMIT, "the message of the limit")

    def by_data(message):
        with host.smtp() as client:
            client.ehlo()
            client.mail(ALICE)
            client.rcpt("x@next.test")
            return client.data(message)[0] == 250

    def by_chunk(message):
        with host.smtp() as client:
            client.ehlo()
            client.mail(ALICE)
            client.rcpt("x@next.test")
            client.send(f"BDAT {len(message)} LAST\r\n{message}")
            return client.getreply()[0] == 250

    def by_sendmail(message):
        return host.command("sendmail", "x@next.test", input=message.replace("\r\n", "\n"), ok=False).returncode == 0

    def by_dialogue(message):
        talk = f"EHLO x\r\nMAIL FROM:<{ALICE}>\r\nRCPT TO:<x@next.test>\r\nDATA\r\n{message}.\r\nQUIT\r\n"
        return "\n250 2.0.0" in host.command("sendmail", "-bs", input=talk, ok=False).stdout.replace("\r", "")

    for name, way in (("DATA", by_data), ("BDAT", by_chunk), ("sendmail", by_sendmail), ("sendmail -bs", by_dialogue)):
        check(way(at_limit), f"{name}: a message of the limit is refused")
        check(not way(beyond), f"{name}: a message of one octet more is taken")
    host.wait_queue(0)
    equal(len(sink.transactions), 4, "messages that came through")
    for one in sink.transactions:
        announced = int(re.search(r" SIZE=(\d+)", one.mail)[1])
        equal(announced, len(one.data), "SIZE= of MAIL, against what was sent")
        contains(host.log(), f"size={announced}, nrcpt=1", "the log's size")

    host.stop("smtpd")
    check(by_sendmail(at_limit) and not by_sendmail(beyond), "postdrop counts another size")
    host.start("smtpd")
    eventually(lambda: len(sink.transactions) == 5, "what postdrop left is sent")


@test("a message larger with CRLF than the next hop takes is not sent, but returned with both sizes")
def too_large_for_next(t):
    sink = Sink(t, "127.0.0.22", keywords=("PIPELINING", "SIZE 3000"))
    host = host_with_names(t, sink.port, "--host-record=next.test,127.0.0.22")
    send(host, "x@next.test", with_lines(2900).encode())
    text = stored(host.wait_messages(ALICE, 1)[0])
    size = re.search(rb"message size (\d+) exceeds size limit 3000", text)
    check(size and int(size[1]) > 3000, f"the report says {text!r}")
    check(not sink.transactions, "it was sent nevertheless")

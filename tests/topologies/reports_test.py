"""What others are told of their mail, and what they tell us: ARC seals, DMARC reports out and in, TLS reports in."""
import gzip
import io
import json
import os
import re
import smtplib
import stat
import time
import zipfile
from email import message_from_bytes
from email.message import EmailMessage
from xml.etree import ElementTree

from harness import check, contains, equal, eventually, test
from judges import Rspamd, arc_verdict, dkim_verdicts
from mailhost import Host
from peers import NameServer, Sink

OURS, STRANGER, FORGER = "127.0.0.56", "127.0.0.57", "127.0.0.58"
SHOWN = "192.0.2.56"  # as which rspamd is told that we came: it checks nothing of 127.0.0.0/8
LETTER = "From: Ann <ann@good.test>\r\nTo: list@example.test\r\nSubject: {}\r\nDate: Sun, 29 Nov 2026 10:00:00 +0000\r\n" \
         "Message-ID: <{}@good.test>\r\n\r\nHello,\r\nthis is a letter.\r\n"
GOOD = [f"--txt-record=good.test,v=spf1 ip4:{STRANGER} -all", f"--txt-record=example.test,v=spf1 ip4:{SHOWN} -all",
        "--txt-record=_dmarc.example.test,v=DMARC1; p=reject"]


def checking_host(t, settings=None, records=(), **options):
    """A host of example.test with keys that checks strangers' mail and sends all it has for others to a Sink."""
    sink = Sink(t)
    host = Host(t, {"relayhost": f"[127.0.0.1]:{sink.port}", "mynetworks": ["127.0.0.1"], "mailauth_checks": None,
                    "virtual_alias_maps": "inline:{list@example.test=far@far.test}", **(settings or {})},
                address=OURS, daemons=("smtpd",), start=False, **options)
    zone = host.command("pennypost", "dkim", "new", "example.test").stdout
    keys = [f"--txt-record={name}," + ",".join(re.findall(r'"([^"]*)"', text))
            for name, text in re.findall(r"^(\S+)\. IN TXT \((.*)\)$", zone, re.M)]
    equal(len(keys), 2, "keys of both kinds")
    name_server = NameServer(t, *GOOD, *keys, *records)
    host.settings["dns_servers"] = [name_server.address]
    host.write_settings()
    host.start()
    return host, sink, name_server


def send(host, message, source=STRANGER, sender="ann@good.test", recipient="list@example.test"):
    message = message.encode() if isinstance(message, str) else message
    with smtplib.SMTP(host.address, host.port("smtp"), timeout=60, source_address=(source, 0)) as client:
        client.ehlo("client.test")
        client.mail(sender)
        equal(client.rcpt(recipient)[0], 250, "the recipient is taken")
        code, text = client.data(message)
        return f"{code} {text.decode()}"


def sent(sink, words):
    """The message that the next server got with these words in it."""
    def found():
        return next((one for one in list(sink.transactions) if words.encode() in one.data), None)
    return eventually(found, f"{words} is sent")


def bare(data):
    """A message as the next host would get it again: without what says that it was here."""
    return re.sub(rb"(?m)^Delivered-To: .*\r\n", b"", data)


@test("forwarded mail of strangers is sealed by ARC, as dkimpy, rspamd and a second reception here agree", seconds=180)
def sealed(t):
    host, sink, name_server = checking_host(t)
    contains(send(host, LETTER.format("first", "first")), "250 ", "it is taken")
    once = sent(sink, "Subject: first").data
    status, sets, reason = arc_verdict(once, name_server)
    equal((status, len(sets)), (b"pass", 1), f"dkimpy: {reason}")
    contains(once, b"ARC-Authentication-Results: i=1; mail.example.test;", "our verdict")
    contains(once.partition(b"ARC-Authentication-Results:")[2].partition(b"\r\nAuthentication")[0], b"spf=pass", "what it says")
    symbols = Rspamd(t, name_server).symbols(once, SHOWN, "ann@good.test")
    check("ARC_ALLOW" in symbols, f"rspamd: {symbols}")

    contains(send(host, bare(once).replace(b"Subject: first", b"Subject: first", 1), recipient="alice@example.test"), "250 ",
             "it comes again")
    path = eventually(lambda: host.messages("alice@example.test"), "it is delivered")[0]
    with open(path, encoding="utf-8") as file:
        text = re.sub(r"\s+", " ", file.read())
    contains(text, "arc=pass header.d=example.test", "our own validator")

    contains(send(host, bare(once)), "250 ", "it comes to the list again")
    twice = eventually(lambda: next((one.data for one in list(sink.transactions) if b"i=2" in one.data), None), "it is sent")
    status, sets, reason = arc_verdict(twice, name_server)
    equal((status, len(sets)), (b"pass", 2), f"dkimpy: {reason}")

    broken = bare(once).replace(b"Hello", b"Hallo")
    contains(send(host, broken.replace(b"<first@", b"<broken@")), "250 ", "a chain that is broken")
    marked = sent(sink, "<broken@").data
    contains(marked, b"cv=fail", "is marked as broken")
    contains(send(host, bare(marked).replace(b"<broken@", b"<again@")), "250 ", "and once more")
    check(b"i=3" not in sent(sink, "<again@").data, "no set is added to a chain that has failed")


@test("mail of users, and mail that was not checked, leaves without a seal")
def unsealed(t):
    host, sink, _ = checking_host(t)
    contains(send(host, LETTER.format("own", "own"), source="127.0.0.1"), "250 ", "it is taken")
    check(b"ARC-" not in sent(sink, "Subject: own").data, "mail of mynetworks is not sealed")
    contains(send(host, "Authentication-Results: mail.example.test; spf=pass; arc=none\r\n" + LETTER.format("forged", "forged"),
                  source="127.0.0.1"), "250 ", "it is taken")
    check(b"ARC-" not in sent(sink, "Subject: forged").data, "nor is a verdict that a client has written")
    host.settings["arc_sealing"] = False
    host.write_settings()
    host.reload("smtpd")

    def is_plain():
        name = f"off{len(sink.transactions)}"
        send(host, LETTER.format(name, name))
        return b"ARC-" not in sent(sink, f"Subject: {name}\r\n").data
    eventually(is_plain, "without arc_sealing there is no seal")


@test("a message of the host's domain passes SPF, DKIM and DMARC as rspamd and dkimpy judge it")
def judged(t):
    host, sink, name_server = checking_host(t)
    own = LETTER.format("own", "own").replace("ann@good.test", "alice@example.test")
    contains(send(host, own, source="127.0.0.1", sender="alice@example.test", recipient="bob@far.test"), "250 ", "it is taken")
    data = sent(sink, "Subject: own").data
    equal(sorted(dkim_verdicts(data, name_server).values()), [True, True], "dkimpy")
    symbols = Rspamd(t, name_server).symbols(data, SHOWN, "alice@example.test")
    for name in ("R_SPF_ALLOW", "R_DKIM_ALLOW", "DMARC_POLICY_ALLOW"):
        check(name in symbols, f"rspamd: {name} is not in {symbols}")


def kept(host):
    """The files of what DMARC has said, by domain."""
    top = host.path("queue", "dmarc")
    if not os.path.isdir(top):
        return {}
    return {domain: os.path.join(top, day, domain) for day in os.listdir(top) for domain in os.listdir(os.path.join(top, day))}


def rows(host, domain):
    if domain not in kept(host):
        return []
    with open(kept(host)[domain], encoding="ascii") as file:
        return file.read().splitlines()


def make_yesterday(host):
    """What was noted today becomes the day before's: then it is due."""
    top = host.path("queue", "dmarc")
    today, = os.listdir(top)
    os.rename(os.path.join(top, today), os.path.join(top, time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86400))))


def report_in(data):
    """The XML in a message that brings a DMARC report."""
    attachment, = [part for part in message_from_bytes(data).walk() if part.get_content_type() == "application/gzip"]
    return attachment.get_filename(), ElementTree.fromstring(gzip.decompress(attachment.get_payload(decode=True)))


@test("each domain that asks for one gets a signed DMARC report, over kill -9, of what came in its name", seconds=180)
def reported(t):
    records = ["--txt-record=_dmarc.good.test,v=DMARC1; p=quarantine; rua=mailto:dmarc@good.test!1m",
               "--txt-record=_dmarc.rude.test,v=DMARC1; p=none; rua=mailto:x@victim.test",
               "--txt-record=quiet.test,v=spf1 -all", "--txt-record=_dmarc.quiet.test,v=DMARC1; p=none",
               "--txt-record=_dmarc.far.test,v=DMARC1; p=none; rua=mailto:d@hub.test",
               "--txt-record=far.test._report._dmarc.hub.test,v=DMARC1"]
    host, sink, name_server = checking_host(t, {"dmarc_reports": True}, records)
    for name in ("one", "two"):
        contains(send(host, LETTER.format(name, name)), "250 ", name)
    contains(send(host, LETTER.format("bad", "bad"), source=FORGER), "250 ", "a forged one is put aside")
    quiet = LETTER.format("quiet", "quiet").replace("ann@good.test", "ann@quiet.test")
    contains(send(host, quiet, sender="ann@quiet.test"), "250 ", "one of a domain that wants no reports")
    for domain in ("far.test", "rude.test"):
        other = LETTER.format(domain, domain).replace("ann@good.test", f"ann@{domain}")
        contains(send(host, other, sender=f"ann@{domain}"), "250 ", "one of a domain whose reports go elsewhere")
    eventually(lambda: len(rows(host, "good.test")) == 3 and len(kept(host)) == 3, "what was found out is kept")
    equal(sorted(kept(host)), ["far.test", "good.test", "rude.test"], "of domains that want reports")
    equal(stat.S_IMODE(os.stat(kept(host)["good.test"]).st_mode), 0o600, "its owner's alone")
    check("ann" not in "".join(rows(host, "good.test")), "no address is kept")
    host.kill("smtpd")
    make_yesterday(host)
    host.start()
    one = sent(sink, "Subject: Report Domain: good.test")
    equal((one.sender, one.recipients), ("postmaster@example.test", ["dmarc@good.test"]), "who gets it")
    equal(sorted(dkim_verdicts(one.data, name_server).values()), [True, True], "it is signed")
    name, report = report_in(one.data)
    begin, end = (int(report.findtext(f"report_metadata/date_range/{at}")) for at in ("begin", "end"))
    equal(name, f"mail.example.test!good.test!{begin}!{end}.xml.gz", "the file's name")
    equal((begin % 86400, end - begin), (0, 86399), "one day in UTC")
    equal(report.findtext("report_metadata/org_name"), "example.test", "who reports")
    equal([report.findtext(f"policy_published/{name}") for name in ("domain", "p", "sp", "adkim", "aspf", "pct")],
          ["good.test", "quarantine", "quarantine", "r", "r", "100"], "what it had published")
    found = {record.findtext("row/source_ip"): record for record in report.findall("record")}
    equal(sorted(found), [STRANGER, FORGER], "who has sent")
    good, bad = found[STRANGER], found[FORGER]
    equal([good.findtext(f"row/{name}") for name in ("count", "policy_evaluated/disposition", "policy_evaluated/dkim", "policy_evaluated/spf")],
          ["2", "none", "fail", "pass"], "what passes")
    equal([bad.findtext(f"row/{name}") for name in ("count", "policy_evaluated/disposition", "policy_evaluated/dkim", "policy_evaluated/spf")],
          ["1", "quarantine", "fail", "fail"], "what fails")
    equal([good.findtext(f"auth_results/spf/{name}") for name in ("domain", "scope", "result")], ["good.test", "mfrom", "pass"], "SPF")
    equal(good.findtext("identifiers/header_from"), "good.test", "whose mail it is")
    equal(sent(sink, "Subject: Report Domain: far.test").recipients, ["d@hub.test"], "the other host has said that it wants them")
    eventually(lambda: not kept(host), "what is reported, or not wanted where it should go, is forgotten")
    check(not any(b"rude.test Submitter" in one.data for one in sink.transactions), "nobody gets reports without having said so")
    host.stop("smtpd")
    host.start()
    host.wait_queue(0)
    equal(len([one for one in sink.transactions if b"Report Domain: good.test" in one.data]), 1, "it is sent once")


# Reports that arrive

def dmarc_xml(organization="receiver.test", report_id="1", forged=7):
    return f"""<?xml version="1.0"?><feedback><report_metadata><org_name>{organization}</org_name><report_id>{report_id}</report_id>
<date_range><begin>{int(time.time()) - 86400}</begin><end>{int(time.time())}</end></date_range></report_metadata>
<policy_published><domain>example.test</domain><p>none</p></policy_published>
<record><row><source_ip>192.0.2.1</source_ip><count>40</count><policy_evaluated><disposition>none</disposition><dkim>pass</dkim>
<spf>pass</spf></policy_evaluated></row><identifiers><header_from>example.test</header_from></identifiers></record>
<record><row><source_ip>203.0.113.9</source_ip><count>{forged}</count><policy_evaluated><disposition>none</disposition><dkim>fail</dkim>
<spf>fail</spf></policy_evaluated></row><identifiers><header_from>example.test</header_from></identifiers></record></feedback>"""


def tls_json():
    return json.dumps({"organization-name": "tls.test", "report-id": "t1", "policies": [
        {"policy": {"policy-type": "sts", "policy-domain": "example.test"},
         "summary": {"total-successful-session-count": 5, "total-failure-session-count": 2},
         "failure-details": [{"result-type": "certificate-expired", "receiving-mx-hostname": "mail.example.test",
                              "failed-session-count": 2}]}]})


def zipped(text):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("report.xml", text)
    return data.getvalue()


def report_mail(kind, data):
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "noreply@receiver.test", "postmaster@example.test", "Report Domain: example.test"
    mail.set_content("This is a report.")
    mail.add_attachment(data, maintype="application", subtype=kind, filename="report")
    return mail.as_bytes().replace(b"\n", b"\r\n")


@test("reports that come by mail, plain or packed, are told in words by pennypost reports", seconds=120)
def read(t):
    host = Host(t, daemons=("smtpd",), aliases="postmaster: alice\n")
    none = host.command("pennypost", "reports", ok=False)
    equal(none.returncode, 1, "there are none")
    contains(none.stderr, "no reports in ", "it says where it has looked")
    mails = [report_mail("zip", zipped(dmarc_xml())), report_mail("gzip", gzip.compress(dmarc_xml("other.test", "2", 3).encode())),
             report_mail("xml", dmarc_xml("third.test", "3", 1).encode()), report_mail("zip", zipped(dmarc_xml())),
             report_mail("tlsrpt+gzip", gzip.compress(tls_json().encode())),
             report_mail("gzip", gzip.compress(b" " * 50_000_000))]
    with host.smtp() as client:
        for mail in mails:
            client.sendmail("noreply@receiver.test", ["postmaster@example.test"], mail)
        client.sendmail("bob@example.test", ["alice@example.test"], LETTER.format("a letter", "x"))
    host.wait_messages("alice@example.test", len(mails) + 1)
    told = host.command("pennypost", "reports")
    for words in ("example.test, ", ": 4 reports of other.test, receiver.test, third.test, tls.test\n",
                  "  131 messages in its name: 120 pass DMARC, 11 fail; its policy is p=none\n", "203.0.113.9",
                  "11  neither signed nor allowed by SPF: forged, or a host of yours that the SPF record lacks",
                  "  TLS: 7 sessions, of which 2 failed\n", "the certificate has expired (mail.example.test)"):
        contains(told.stdout, words, "what it says")
    contains(told.stderr, "it unpacks to more than 33554432 bytes", "a bomb is told of, and costs nothing else")
    found = json.loads(host.command("pennypost", "reports", "--json", "example.test").stdout)
    equal((found["messages"], found["passed"], found["tls_failures"]), (131, 120, 2), "the same as JSON")
    equal(host.command("pennypost", "reports", "other.example", ok=False).returncode, 1, "another domain has none")
    path = os.path.join(t.folder, "report.xml.gz")
    with open(path, "wb") as file:
        file.write(gzip.compress(dmarc_xml("file.test").encode()))
    contains(host.command("pennypost", "reports", "--from", path).stdout, "1 report of file.test", "a file")
    contains(host.command("pennypost", "reports", "--from", host.maildir("alice@example.test")).stdout, ": 4 reports of ", "a Maildir")
    contains(host.command("pennypost", "reports", "--from", "alice@example.test").stdout, ": 4 reports of ", "a user")
    contains(host.command("pennypost", "reports", "--from", "nobody-here", ok=False).stderr, "there is no user nobody-here", "no user")
    equal(host.command("pennypost", "reports", "--since", "soon", ok=False).returncode, 64, "a wrong time")

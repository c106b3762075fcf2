"""What a user's Sieve script does with mail that a stock program sends, as stock readers see it."""
import email
import os
import re

from harness import check, contains, equal, eventually, test
from mailhost import Host, letter
from peers import Sink
from programs import read_imaplib, read_mbsync, send_swaks

ALICE, BOB = "alice@example.test", "bob@example.test"


def script(host, text, login=BOB, name="main"):
    """Makes it the user's active script."""
    host.command("pennypost", "sieve", "put", login, name, "-", input=text)
    host.command("pennypost", "sieve", "activate", login, name)


def post(t, host, subject, sender=ALICE, recipient=BOB, fields=""):
    """Sends a letter by swaks."""
    path = os.path.join(t.folder, "letter")
    with open(path, "wb") as file:
        file.write(fields.encode() + letter(subject, sender=sender, to=recipient))
    send_swaks(host, "plain", sender, recipient, path)


def subjects(host, login, folder=""):
    found = []
    for path in host.messages(login, folder):
        with open(path, "rb") as file:
            found.append(email.message_from_binary_file(file)["Subject"])
    return sorted(found)


@test("a script sorts and flags mail, and readers find it in the folders")
def sorting(t):
    host = Host(t)
    script(host, 'require ["fileinto", "imap4flags"];\n'
                 'if header :contains "subject" "invoice" { addflag "\\\\Flagged"; fileinto "Money"; }\n'
                 'elsif header :contains "subject" "advertisement" { discard; }\n')
    for subject in ("invoice 7", "advertisement", "lunch"):
        post(t, host, subject)
    host.wait_queue(0)
    equal(subjects(host, BOB), ["lunch"], "INBOX")
    equal(subjects(host, BOB, ".Money"), ["invoice 7"], "Money")
    with host.imap(BOB) as client:
        client.select("Money")
        equal(client.search(None, "FLAGGED")[1], [b"1"], "flagged in Money")
    equal(len(read_mbsync(host, BOB)), 1, "what mbsync pulls of INBOX")


@test("an absent user's sender is answered once, and neither a list nor a report is")
def vacation(t):
    host = Host(t)
    script(host, 'require "vacation"; vacation :subject "Away" "Back on Monday.";\n')
    post(t, host, "first")
    eventually(lambda: subjects(host, ALICE) == ["Away"], "alice is answered")
    post(t, host, "second")
    post(t, host, "from a list", fields="List-Id: <x.example.test>\r\n", sender="alice+list@example.test")
    with host.smtp() as client:
        client.sendmail("", [BOB], letter("a report"))
    eventually(lambda: len(host.messages(BOB)) == 4, "bob has all")
    host.wait_queue(0)
    equal(subjects(host, ALICE), ["Away"], "alice's mail")
    answer = email.message_from_bytes(read_imaplib(host, ALICE)[0])
    equal(answer["Auto-Submitted"], "auto-replied (vacation)", "Auto-Submitted")
    equal(answer["Return-Path"], "<>", "the answer's envelope sender")
    check(answer["Message-ID"] and answer["In-Reply-To"], "the answer has no ids")
    # The memory survives a restart.
    host.stop("smtpd")
    host.start("smtpd")
    post(t, host, "third")
    eventually(lambda: len(host.messages(BOB)) == 5, "bob has the third")
    host.wait_queue(0)
    equal(subjects(host, ALICE), ["Away"], "alice's mail after a restart")


@test("what a script redirects reaches another host with its sender, changed if the script changed it, and loops end")
def redirecting(t):
    sink = Sink(t)
    host = Host(t, {"relayhost": f"[{sink.address}]:{sink.port}"})
    script(host, 'require ["copy", "editheader"];\nredirect :copy "plain@far.test";\n'
                 'addheader "X-Via" "bob"; redirect "changed@far.test";\n')
    post(t, host, "hello")
    eventually(lambda: len(sink.transactions) == 2, "both have arrived")
    by_recipient = {one.recipients[0]: one for one in sink.transactions}
    for recipient in ("plain@far.test", "changed@far.test"):
        equal(by_recipient[recipient].sender, ALICE, f"sender for {recipient}")
        contains(by_recipient[recipient].data, b"Delivered-To: bob@example.test", f"loop mark for {recipient}")
        contains(by_recipient[recipient].data, b"Hello.", f"body for {recipient}")
    contains(by_recipient["changed@far.test"].data, b"X-Via: bob", "the changed one")
    check(b"X-Via" not in by_recipient["plain@far.test"].data, "the plain one is changed")
    # alice and bob redirect to each other, the one plainly, the other changed.
    script(host, f'redirect "{ALICE}";\n')
    script(host, f'require "editheader"; addheader "X-Via" "alice"; redirect "{BOB}";\n', ALICE)
    post(t, host, "round", sender="carol@far.test")
    eventually(lambda: len(sink.transactions) == 3, "carol hears of the loop")
    contains(sink.transactions[2].data, b"mail forwarding loop for", "what carol is told")
    host.wait_queue(0)


@test("a script that can't be run keeps the mail in INBOX, and its owner is told once")
def failing(t):
    host = Host(t)
    host.command("pennypost", "sieve", "put", BOB, "main", "-", input="keep;\n")
    host.command("pennypost", "sieve", "activate", BOB, "main")
    host.write("mail/example.test/bob/sieve/main.sieve", 'fileinto "x";\n')
    for subject in ("one", "two"):
        post(t, host, subject)
    host.wait_queue(0)
    notice = "Your mail filter could not be run"
    eventually(lambda: subjects(host, BOB) == [notice, "one", "two"], "the mail and one notice")
    contains(host.log(), "1:1: ", "the log")


@test("a user's scripts are listed, shown, renamed, refused with their mistakes, and applied to mail that is there")
def commands(t):
    host = Host(t, daemons=("smtpd", "imapd"))

    def sieve(*words, ok=True, **more):
        return host.command("pennypost", "sieve", *words, ok=ok, **more)

    script(host, 'require "fileinto"; if header :is "subject" "old" { fileinto "Old"; } else { discard; }\n')
    bad = sieve("put", BOB, "bad", "-", input="kepp;\n", ok=False)
    equal(bad.returncode, 65, "status for a script with mistakes")
    contains(bad.stderr, "1:1: ", "its mistake")
    equal(sieve("rename", BOB, "main", "sort").returncode, 0, "rename")
    check(re.fullmatch(r"\* sort  \d+\n", sieve("list", BOB).stdout), f"the list: {sieve('list', BOB).stdout}")
    contains(sieve("get", BOB, "sort").stdout, 'fileinto "Old"', "the script")
    equal(sieve("delete", BOB, "sort", ok=False).returncode, 1, "the active script is deleted")
    sieve("deactivate", BOB)
    for subject in ("old", "new"):
        post(t, host, subject)
    eventually(lambda: len(host.messages(BOB)) == 2, "both are in INBOX")
    dry = sieve("run", "--dry-run", BOB, "sort").stdout
    equal(sorted(re.findall(r"(?m)^\d+: (.*)$", dry)), ["kept", "moved to Old"], "what would be done")
    equal(subjects(host, BOB), ["new", "old"], "INBOX after the dry run")
    sieve("run", BOB, "sort")
    equal((subjects(host, BOB), subjects(host, BOB, ".Old")), (["new"], ["old"]), "INBOX and Old")
    sieve("run", "--remove-discarded", BOB, "sort")
    equal(subjects(host, BOB), [], "INBOX after what is discarded is removed")
    sieve("delete", BOB, "sort")
    equal(sieve("list", BOB).stdout, "", "the list at the end")
    equal(sieve("list", "nobody@example.test", ok=False).returncode, 1, "status for a user who is not there")

"""`pennypost where` tells a message's story from the log, the queue and the mailbox."""
import json
import os
import re

from harness import check, contains, equal, test
from mailhost import Host, letter


@test("pennypost where finds a message by queue id, Message-ID and address: its way, its file, and what was refused")
def story(t):
    host = Host(t, daemons=("smtpd",))
    with host.smtp() as client:
        client.sendmail("ann@far.example", ["alice@example.test"], letter("found", sender="ann@far.example", to="alice@example.test",
                                                                          message_id="<find-me@far.example>"))
        client.mail("ann@far.example")
        client.rcpt("nobody@example.test")
    host.wait_messages("alice@example.test", 1)
    host.wait_queue(0)
    host.wait_log(": removed")
    told = host.command("pennypost", "where", "find-me@far.example").stdout
    for text in ("smtpd: client=", "cleanup: message-id=<find-me@far.example>", "status=sent", "qmgr: removed"):
        contains(told, text, "the story")
    contains(told, f"now  alice@example.test: {host.messages('alice@example.test')[0]}", "the file in the mailbox")
    queue_id = re.match(r"\w+", told)[0]
    equal(host.command("pennypost", "where", queue_id).stdout, told, "the same by its queue id")
    stories = [json.loads(line) for line in host.command("pennypost", "where", "--json", "ann@far.example").stdout.splitlines()]
    equal([one["queue_id"] for one in stories], [queue_id, ""], "the message, and the one that was refused")
    contains(stories[1]["lines"][0]["text"], "User unknown", "why it was refused")

    os.remove(host.messages("alice@example.test")[0])
    contains(host.command("pennypost", "where", queue_id).stdout, "alice@example.test: no longer in the mailbox", "after its removal")
    missing = host.command("pennypost", "where", "never@far.example", ok=False)
    equal((missing.returncode, missing.stdout), (1, ""), "what the log does not know")


@test("pennypost where tells of a message that waits why it does")
def waiting(t):
    host = Host(t, {"default_transport": "retry:4.4.1 the line is cut"}, daemons=("smtpd",))
    host.command("sendmail", "x@elsewhere.example", input="Subject: waits\n\nx\n")
    queue_id = host.wait_log(r"(\w+): to=<x@elsewhere.example>.*status=deferred")
    told = host.command("pennypost", "where", "x@elsewhere.example").stdout
    check(re.search(r"now  waits for x@elsewhere.example: .*the line is cut", told), f"{queue_id}: {told}")

"""A real Postfix as the next hop, and as the client: what we send it takes, what it sends we take."""
import smtplib

from harness import check, contains, equal, eventually, test
from mailhost import Host, letter
from postfix import Postfix

ALICE, BOB = "alice@example.test", "bob@example.test"
OURS, THEIRS = "127.0.0.31", "127.0.0.32"
BODIES = {"plain": b"Hello.\r\n.\r\n..two\r\n", "8-bit": "Gr\u00fc\u00dfe, \u65e5\u672c\r\n".encode(), "empty": b"",
          "longest line": b"x" * 998 + b"\r\n", "megabyte": (b"0123456789" * 7 + b"\r\n") * 14000}


def stored(path):
    with open(path, "rb") as file:
        return file.read()


@test("mail goes to a Postfix as next hop as it was, and what Postfix refuses comes back as a report")
def to_postfix(t):
    postfix = Postfix(t, "postfix.test", {"virtual_mailbox_maps": "inline:{ann@postfix.test=box/}"}, THEIRS)
    host = Host(t, {"relayhost": f"[{THEIRS}]:{postfix.port}", "smtp_bind_address": OURS, "mynetworks": [OURS, "127.0.0.1"],
                    "minimal_backoff_time": "1s"}, daemons=("smtpd",), address=OURS)
    with host.smtp(source=OURS) as client:
        for name, body in BODIES.items():
            client.sendmail(ALICE, ["ann@postfix.test"], letter(name, body), mail_options=["BODY=8BITMIME"])
        client.sendmail(ALICE, ["nobody@postfix.test"], letter("no such user"))
    eventually(lambda: len(postfix.messages()) == len(BODIES), "all arrive at Postfix")
    texts = [stored(path) for path in postfix.messages()]
    for name, body in BODIES.items():
        text = next((text for text in texts if b"Subject: " + name.encode() + b"\n" in text), None)
        check(text is not None, f"{name} is there")
        check(text.endswith(b"\n\n" + body.replace(b"\r\n", b"\n")), f"{name} is as it was: {text[-200:]!r}")
    report = stored(host.wait_messages(ALICE, 1)[0])
    contains(report, b"nobody@postfix.test", "the report")
    contains(report, b"User unknown", "the report")
    host.wait_queue(0)
    equal(host.log().count("status=sent"), len(BODIES) + 1, "deliveries in the log")


@test("mail comes from a Postfix as it was, over several sessions at once; whom we refuse Postfix returns")
def from_postfix(t):
    host = Host(t, {"mynetworks": [THEIRS]}, daemons=("smtpd",), address=OURS)
    postfix = Postfix(t, "postfix.test", {"relayhost": f"[{OURS}]:{host.port('smtp')}"}, THEIRS)
    with smtplib.SMTP(THEIRS, postfix.port, timeout=60) as client:
        for name, body in BODIES.items():
            client.sendmail("ann@postfix.test", [ALICE, BOB], letter(name, body, sender="ann@postfix.test"),
                            mail_options=["BODY=8BITMIME"])
        client.sendmail("ann@postfix.test", ["nobody@example.test"], letter("no such user", sender="ann@postfix.test"))
    for login in (ALICE, BOB):
        texts = [stored(path) for path in host.wait_messages(login, len(BODIES))]
        for name, body in BODIES.items():
            text = next((text for text in texts if b"Subject: " + name.encode() + b"\n" in text), None)
            check(text is not None, f"{name} is there")
            check(text.endswith(b"\n\n" + body.replace(b"\r\n", b"\n")), f"{name} is as it was: {text[-200:]!r}")
    eventually(lambda: len(postfix.messages()) == 1, "the report arrives at Postfix")
    contains(stored(postfix.messages()[0]), b"nobody@example.test", "the report")
    eventually(postfix.queue_is_empty, "Postfix has nothing left")

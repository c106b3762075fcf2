"""One door for all ways in: no CR or LF that stands alone leaves us or is stored, no blind copy is passed on, no text is
taken for a header, and what strangers write never reaches a terminal as a command.

A CR that stands alone is the dangerous one: a server that takes it for a line's end lets `\\r.\\r` end a message, and
what its sender wrote behind it becomes a message of ours.
"""
import base64
import contextlib
import json
import os
import re
import socket
import subprocess
import unicodedata

from harness import Shared, check, eventually, test
from mailhost import Host, letter, unverified
from peers import Sink

ALICE, BOB, FAR = "alice@example.test", "bob@example.test", "zoe@far.test"
EVIL = b"MAIL FROM:<evil@far.test>\r\nRCPT TO:<zoe@far.test>\r\nDATA\r\nsmuggled\r\n.\r\n"
STRAY = [b"one\r\n\r.\r\n" + EVIL, b"two\r.\r" + EVIL, b"three\r\n.\r\r\n" + EVIL, b"four\r\r\n.\r\r\n" + EVIL,
         b"five\n.\r\rsix\r\n", b"seven\r.\n", b"eight\r", b"\r.\r\n"]
LARGE = b"x" * 98 + b"\r\n"  # so often that the message is a file of the queue


class Doors:
    """A host that stores for bob, runs a command and a file for two aliases, and relays to a sink."""

    def __init__(self, t, settings=None):
        self.t = t
        self.sink = Sink(t)
        self.host = Host(t, {"relayhost": f"[127.0.0.1]:{self.sink.port}", "smtpd_forbid_bare_newline": "no",
                             "auth_failure_delay": "0s", **(settings or {})}, daemons=("smtpd",), start=False)
        run, spool = self.host.path("data", "run"), self.host.path("data", "spool")
        self.host.write("etc/aliases", f'run: "|cat >> {run}"\nspool: {spool}\n')
        self.host.command("newaliases")
        self.host.start()
        self.files = {"|command": run, "/file": spool}
        self.count = 0

    def ways(self):
        """{name: function of recipients and message (CRLF)}."""
        return {"SMTP": self.by_smtp, "submission": self.by_submission, "sendmail": self.by_sendmail,
                "sendmail -t": self.by_sendmail_t, "sendmail -bs": self.by_dialogue}

    def _dialogue(self, stream, recipients, message):
        file = stream.makefile("rb")

        def say(line, wanted="2"):
            stream.sendall(line)
            while (reply := file.readline())[3:4] == b"-":
                pass
            check(reply.decode("latin-1").startswith(wanted), f"{line[:80]!r} is answered by {reply!r}")
        say(b"MAIL FROM:<alice@example.test>\r\n")
        for one in recipients:
            say(f"RCPT TO:<{one}>\r\n".encode())
        say(b"DATA\r\n", "354")
        end = b".\r\n" if message.endswith(b"\r\n") else b"\r\n.\r\n"
        say(re.sub(rb"(^|(?<=\n))\.", b"..", message) + end)

    def by_smtp(self, recipients, message):
        with socket.create_connection(("127.0.0.1", self.host.port("smtp")), 60) as stream:
            stream.recv(512)
            stream.sendall(b"HELO client.test\r\n")
            stream.recv(512)
            self._dialogue(stream, recipients, message)

    def by_submission(self, recipients, message):
        with socket.create_connection(("127.0.0.1", self.host.port("submission")), 60) as plain:
            plain.recv(512)
            for line in (b"EHLO client.test\r\n", b"STARTTLS\r\n"):
                plain.sendall(line)
                plain.recv(4096)
            with unverified().wrap_socket(plain) as stream:
                stream.sendall(b"EHLO client.test\r\n")
                stream.recv(4096)
                secret = base64.b64encode(f"\0{ALICE}\0{self.host.users[ALICE]}".encode())
                stream.sendall(b"AUTH PLAIN " + secret + b"\r\n")
                check(stream.recv(512).startswith(b"235"), "the login is refused")
                self._dialogue(stream, recipients, message)

    def by_sendmail(self, recipients, message):
        self.host.command("sendmail", "-i", *recipients, input=message.replace(b"\r\n", b"\n"))

    def by_sendmail_t(self, recipients, message):
        check(message.startswith(b"To: "), "the message names its recipients")
        listed = ", ".join(recipients).encode()
        self.host.command("sendmail", "-t", "-i", input=b"To: " + listed + b"\r\n" + message.partition(b"\r\n")[2])

    def by_dialogue(self, recipients, message):
        lines = ["EHLO x", "MAIL FROM:<alice@example.test>", *(f"RCPT TO:<{one}>" for one in recipients), "DATA"]
        text = "".join(line + "\r\n" for line in lines).encode() + re.sub(rb"(^|(?<=\n))\.", b"..", message)
        text += b".\r\nQUIT\r\n" if message.endswith(b"\r\n") else b"\r\n.\r\nQUIT\r\n"
        said = self.host.command("sendmail", "-bs", input=text).stdout
        check(b"queued" in said, f"sendmail -bs says {said!r}")

    def marked(self, mark):
        """{place: message} of the copies that hold `mark`, as far as they have arrived."""
        found = {}
        for path in self.host.messages(BOB):
            with contextlib.suppress(FileNotFoundError), open(path, "rb") as file:
                if mark in (text := file.read()):
                    found["Maildir"] = text
        for place, path in self.files.items():
            with contextlib.suppress(FileNotFoundError), open(path, "rb") as file:
                parts = re.split(rb"(?m)^(?=From )", file.read())
                found.update({place: part for part in parts if mark in part})
        found.update({"SMTP": one.data for one in self.sink.transactions if mark in one.data})
        return found

    def through(self, way, header, body, recipients=(BOB, "run@example.test", "spool@example.test", FAR)):
        """Sends it; {place: message} of all its copies."""
        self.count += 1
        mark = f"mark-{self.count}-{os.getpid()}".encode()
        message = header + b"X-Mark: " + mark + b"\r\n" + body
        self.ways()[way](list(recipients), message)
        wanted = len(recipients)
        return eventually(lambda: len(found := self.marked(mark)) == wanted and found,
                          f"{wanted} copies of {way}'s message {mark.decode()}")


doors = Shared(Doors)


def stray(text, line_end):
    """CRs and LFs that belong to no line end."""
    return len(re.findall(rb"\r(?!\n)|(?<!\r)\n" if line_end == b"\r\n" else rb"\r", text))


def judge_stray(way):
    many = doors.get()
    found, copies = {}, 0
    for number, payload in enumerate(STRAY):
        body = b"\r\n" + (LARGE * 1000 if number == 0 else b"") + payload
        for place, text in many.through(way, b"To: a\r\nSubject: x\ry\r\n", body).items():
            copies += 1
            found[place] = found.get(place, 0) + stray(text, b"\r\n" if place == "SMTP" else b"\n")
    print(f"{way}: stray CRs and LFs in {copies} copies of {len(STRAY)} messages: {found}")
    check(not any(found.values()), f"{way}: CRs and LFs stand alone: {found}")
    check(all("evil" not in one.sender for one in many.sink.transactions), f"{way}: a message was smuggled")


for name in ("SMTP", "submission", "sendmail", "sendmail -t", "sendmail -bs"):
    test(f"no CR or LF stands alone in what came by {name}: on the wire, in a mailbox, a file, a command's input")(
        lambda t, way=name: judge_stray(way))


@test("no CR or LF stands alone in what waited in maildrop; blind copies and missing empty lines neither")
def maildrop(t):
    del t
    many = doors.get()
    many.host.stop("smtpd")
    mark = b"dropped-%d" % os.getpid()
    for payload in STRAY:
        many.by_sendmail([BOB, FAR], b"To: a\r\nBcc: secret@partner.test\r\nX-Mark: " + mark + b"\r\n" + payload)
    many.host.start("smtpd")

    def arrived():
        stored = [open(path, "rb").read() for path in many.host.messages(BOB)]
        stored = [text for text in stored if mark in text]
        sent = [one.data for one in many.sink.transactions if mark in one.data]
        return len(stored) == len(sent) == len(STRAY) and (stored, sent)
    stored, sent = eventually(arrived, "all that waited in maildrop arrives")
    found = sum(stray(text, b"\n") for text in stored) + sum(stray(text, b"\r\n") for text in sent)
    print(f"maildrop: {found} stray CRs and LFs in {len(stored) + len(sent)} copies")
    check(found == 0, f"{found} CRs and LFs stand alone")
    check(not any(b"partner.test" in text for text in stored + sent), "a blind copy is seen")
    check(all(b"\n\none" in text for text in stored if b"one" in text), "the text is taken for a header")


DROPPED = (b"Bcc: secret@partner.test,\r\n other@partner.test\r\nRESENT-BCC : third@partner.test\r\n"
           b"Return-Path: <evil@partner.test>\r\nContent-Length: 31337\r\n")


@test("message_drop_headers go from what enters, whatever the way, and from no body or part")
def blind_copies(t):
    del t
    many = doors.get()
    part = b"\r\nBcc: kept@body.test\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nBcc: kept@part.test\r\n\r\nx\r\n--b--\r\n"
    long_field = b"X-Long: " + b"y" * 120_000 + b"\r\n"
    seen = 0
    for way in ("SMTP", "submission", "sendmail", "sendmail -t", "sendmail -bs"):
        # sendmail -t sends to those of Bcc as well, and to those of Resent-Bcc alone if there is one.
        dropped = DROPPED if way != "sendmail -t" else DROPPED.replace(b"RESENT-BCC", b"bcc").replace(b"@partner", b"@far")
        header = b"To: a@example.test\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n" + long_field + dropped
        for place, text in many.through(way, header, part).items():
            seen += 1
            for word in (b"secret@", b"other@", b"third@", b"31337", b"evil@"):
                check(word not in text, f"{way}, {place}: {word.decode()} of a dropped header is seen")
            for word in (b"kept@body.test", b"kept@part.test"):
                check(word in text, f"{way}, {place}: {word.decode()} of the body is gone")
    print(f"blind copies seen: 0 in {seen} copies")


@test("a header that text follows at once keeps the text out, whatever the way in")
def empty_line(t):
    del t
    many = doors.get()
    for way in ("SMTP", "submission", "sendmail", "sendmail -t", "sendmail -bs"):
        body = b"The load is 17 now\r\nTo: mallory@far.test\r\nBcc: mallory@far.test\r\n"
        for place, text in many.through(way, b"To: a@example.test\r\nSubject: s\r\n", body).items():
            ends = b"\r\n\r\n" if place == "SMTP" else b"\n\n"
            head, _, rest = text.partition(ends)
            check(rest.startswith(b"The load is 17 now"), f"{way}, {place}: the body begins with {rest[:60]!r}")
            check(b"mallory" not in head, f"{way}, {place}: the text is in the header")
    check(not any("mallory" in " ".join(one.rcpts) for one in many.sink.transactions), "mail went to a name in the text")


@test("a header that never ends is refused, over SMTP and from sendmail")
def endless(t):
    del t
    many = doors.get()
    header = b"To: a@example.test\r\n" + b"".join(b"X-%d: y\r\n" % number for number in range(150_000))
    with contextlib.suppress(AssertionError):
        many.by_smtp([BOB], header)
        raise RuntimeError("taken over SMTP")
    done = many.host.command("sendmail", BOB, input=header, ok=False)
    check(done.returncode == 69 and b"header is longer" in done.stderr, f"sendmail: {done.returncode} {done.stderr!r}")


# What goes out to terminals and log files.

HOSTILE = [b"\x9b31m", b"\x1b[31m", b"\xc2\x9b31m", b"\xe2\x80\xae", b"\xff\xfe", b"b\xfccher", b"\xed\xa0\x80"]


def unfit(octets):
    """What is no UTF-8, a control character, or turns the text round; '' if all is well."""
    try:
        text = octets.decode()
    except UnicodeDecodeError as error:
        return f"no UTF-8: {octets[max(0, error.start - 30):error.end + 5]!r}"
    for char in text:
        if (unicodedata.category(char) == "Cc" and char not in "\n\t") or char in "\u2028\u2029\u202d\u202e":
            return f"U+{ord(char):04X} in {text[max(0, text.index(char) - 30):][:60]!r}"
    return ""


@test("octets of strangers reach no log, list, report or terminal as they are, and postqueue -j is JSON")
def printable(t):
    refusing = Sink(t, answers={"RCPT": "450 4.2.0 \x1b[31m not \u009b now \u202e"})
    host = Host(t, {"relayhost": f"[127.0.0.1]:{refusing.port}", "auth_failure_delay": "0s", "smtpd_hard_error_limit": 1000,
                    "smtpd_error_sleep_time": "0s"})
    replies = b""
    for word in HOSTILE:
        with socket.create_connection(("127.0.0.1", host.port("smtp")), 60) as stream:
            replies += stream.recv(4096)
            for line in (b"EHLO " + word, word, b"MAIL FROM:<" + word + b"@x.test>", b"VRFY " + word, b"HELP " + word,
                         b"RCPT TO:<" + word + b">", b"MAIL FROM:<a@x.test> " + word + b"=" + word, b"MAIL FROM:<a@x.test>",
                         b"RCPT TO:<zoe@far.test>", b"DATA"):
                stream.sendall(line + b"\r\n")
                replies += stream.recv(4096)
            stream.sendall(b"Message-ID: <" + word + b"@x>\r\nSubject: " + word + b"\r\n\r\nx\r\n.\r\nQUIT\r\n")
            while more := stream.recv(4096):
                replies += more
        for port, lines in (("pop3", [b"USER " + word, b"PASS x", word, b"QUIT"]),
                            ("imap", [b"a " + word, word + b" NOOP", b"b LOGIN " + word + b" x", b"c SELECT " + word, b"d LOGOUT"])):
            with socket.create_connection(("127.0.0.1", host.port(port)), 60) as stream:
                stream.sendall(b"\r\n".join(lines) + b"\r\n")
                with contextlib.suppress(ConnectionResetError):
                    while more := stream.recv(4096):
                        replies += more
    host.wait_queue(len(HOSTILE))
    eventually(lambda: all("delay_reason" in one["recipients"][0] for one in host.queue()), "all have been tried")
    outputs = {"replies": replies.replace(b"\r\n", b"\n"), "log": open(host.log_file, "rb").read()}
    for name, arguments in (("postqueue -j", ("postqueue", "-j")), ("mailq", ("mailq",))):
        outputs[name] = host.command(*arguments, input=b"").stdout
    for one in outputs["postqueue -j"].splitlines():
        host.command("postqueue", "-i", json.loads(one)["queue_id"])
        shown = host.command("postcat", "-e", json.loads(one)["queue_id"], input=b"").stdout
        outputs["postcat -e"] = outputs.get("postcat -e", b"") + shown
        text = host.command("postcat", "-h", json.loads(one)["queue_id"], input=b"").stdout
        received = text.partition(b"Message-ID:")[0]
        check(received.isascii() and b"\x1b" not in received, f"Received: shows {received[:80]!r}")
    troubles = {name: unfit(text) for name, text in outputs.items()}
    print("octets that no terminal should get: " + str({name: bool(what) for name, what in troubles.items()}))
    check(not any(troubles.values()), f"{troubles}")


# Readers of what other programs stored.

class Stored:
    """Mailboxes with messages that another program wrote, CRs and all."""

    def __init__(self, t):
        self.host = Host(t, daemons=("popd", "imapd"))
        self.messages = [letter(f"stray {number}", to=BOB).replace(b"\r\n", b"\n") + payload
                         for number, payload in enumerate([*STRAY, b"\n\r\n.\r\n\r.\n", b".\r", b"x" * 65_000 + b"\r" + b"." * 9])]
        for message in self.messages:
            path = self.host.put(BOB, b"")
            with open(path, "wb") as file:
                file.write(message)


@test("POP3 and IMAP readers get stored CRs with the right sizes, and no answer ends early")
def readers(t):
    stored = Stored(t)
    whole = [re.sub(rb"(?<!\r)\n", b"\r\n", message) for message in stored.messages]
    with socket.create_connection(("127.0.0.1", stored.host.port("pop3")), 60) as stream:
        file = stream.makefile("rb")

        def ask(line):
            stream.sendall(line + b"\r\n")
            first = file.readline()
            check(first.startswith(b"+OK"), f"{line!r}: {first!r}")
            return first

        def lines():
            octets = b""
            while (line := file.readline()) != b".\r\n":
                check(line.endswith(b"\r\n"), f"a line ends with {line[-3:]!r}")
                octets += line[1:] if line.startswith(b".") else line
            return octets
        file.readline()
        ask(b"USER " + BOB.encode())
        ask(b"PASS " + stored.host.users[BOB].encode())
        ask(b"LIST")
        sizes = [int(line.split()[1]) for line in lines().splitlines()]
        texts = []
        for number in range(1, len(whole) + 1):
            ask(b"RETR %d" % number)
            texts.append(lines())
            ask(b"TOP %d 1000" % number)
            check(lines() == texts[-1], f"TOP differs from RETR in message {number}")
        ask(b"NOOP")
    for text, message, size in zip(texts, whole, sizes, strict=True):
        check(text in (message, message + b"\r\n"), f"RETR gives {text[-40:]!r} for {message[-40:]!r}")
        check(size == len(message), f"LIST says {size} for {len(message)} octets: {message[-40:]!r}")
    client = stored.host.imap(BOB)
    client.select("INBOX")
    for number, message in enumerate(whole, 1):
        data = client.fetch(str(number), "(RFC822.SIZE BODY.PEEK[])")[1]
        check(data[0][1] == message, f"FETCH gives {data[0][1][-40:]!r} for {message[-40:]!r}")
        check(f"RFC822.SIZE {len(message)} ".encode() in data[0][0] + data[1], f"{data[0][0]!r} for {len(message)} octets")
        part = client.fetch(str(number), f"(BODY.PEEK[]<{len(message) - 9}.9>)")[1][0][1]
        check(part == message[-9:], f"a partial FETCH gives {part!r} for {message[-9:]!r}")
    check(client.noop()[0] == "OK", "the session is out of step")
    print(f"{len(whole)} messages with {sum(stray(text, bytes([13, 10])) for text in whole)} stray CRs read by RETR, TOP and FETCH")

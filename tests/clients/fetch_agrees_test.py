"""What FETCH tells of odd messages keeps to the grammar of RFC 9051 section 9, and its items agree with one another.

No other server is asked: a section and its size, a part and the whole, the header and its fields, BODY and BODYSTRUCTURE,
BINARY and BINARY.SIZE, a range and what it is cut from must fit, whatever the message looks like.
"""
import os
import random
import re

from harness import check, equal, test
from mailhost import Host, give
from odd_messages import entity

BOB = "bob@example.test"
COUNT = 500
PARTS_MAX = 40  # of a message, that are looked at
QUOTED = re.compile(rb'"((?:[^"\\\r\n\0\x80-\xff]|\\["\\])*)"')
LITERAL = re.compile(rb"(~?)\{(\d+)\}\r\n")
ENCODINGS = (b"7bit", b"8bit", b"binary", b"base64", b"quoted-printable")


class Answer:
    """Reads an answer as RFC 9051 section 9 has it, with nothing that is not there."""

    def __init__(self, octets):
        self.octets, self.place = octets, 0

    def at(self, octets):
        return self.octets.startswith(octets, self.place)

    def take(self, octets):
        check(self.at(octets), f"{octets!r} expected at {self.octets[max(0, self.place - 40):self.place + 40]!r}")
        self.place += len(octets)

    def match(self, pattern, what):
        found = pattern.match(self.octets, self.place)
        check(found, f"{what} expected at {self.octets[max(0, self.place - 40):self.place + 40]!r}")
        self.place = found.end()
        return found

    def string(self):
        if self.at(b'"'):
            return re.sub(rb"\\(.)", rb"\1", self.match(QUOTED, "a quoted string")[1])
        header = self.match(LITERAL, "a string")
        self.place += int(header[2])
        octets = self.octets[header.end():self.place]
        check(header[1] or b"\0" not in octets, "NUL in a literal")
        return octets

    def nil_or(self, read):
        if not self.at(b"NIL"):
            return read()
        self.take(b"NIL")
        return None

    def nstring(self):
        return self.nil_or(self.string)

    def number(self):
        return int(self.match(re.compile(rb"\d+"), "a number")[0])

    def in_turn(self, *readers):
        values = []
        for read in readers:
            if values:
                self.take(b" ")
            values.append(read())
        return values

    def some(self, read, between=b" "):
        """At least one, in parentheses."""
        self.take(b"(")
        values = [read()]
        while not self.at(b")"):
            self.take(between)
            values.append(read())
        self.take(b")")
        return values

    def address(self):
        self.take(b"(")
        parts = self.in_turn(*[self.nstring] * 4)
        self.take(b")")
        return parts

    def addresses(self):
        found = self.nil_or(lambda: self.some(self.address, b""))
        groups = [parts[2] is not None for parts in found or () if parts[3] is None]
        check(groups == [True, False] * (len(groups) // 2), f"groups begin and end in turn: {found}")
        return found

    def envelope(self):
        self.take(b"(")
        fields = self.in_turn(*[self.nstring] * 2, *[self.addresses] * 6, *[self.nstring] * 2)
        self.take(b")")
        return fields

    def parameters(self):
        return self.nil_or(lambda: self.some(lambda: self.in_turn(self.string, self.string)))

    def disposition(self):
        self.take(b"(")
        parts = self.in_turn(self.string, self.parameters)
        self.take(b")")
        return parts

    def extension(self, first):
        """What only BODYSTRUCTURE has, behind the rest."""
        self.take(b" ")
        self.in_turn(first, lambda: self.nil_or(self.disposition),
                     lambda: self.some(self.string) if self.at(b"(") else self.nstring(), self.nstring)

    def body(self, is_extensible):
        """What BODY tells, as a dict."""
        self.take(b"(")
        if self.at(b"("):
            parts = []
            while self.at(b"("):
                parts.append(self.body(is_extensible))
            self.take(b" ")
            found = {"parts": parts, "type": b"multipart", "subtype": self.string()}
            if is_extensible:
                self.extension(self.parameters)
            self.take(b")")
            return found
        names = ("type", "subtype", "parameters", "id", "description", "encoding", "octets")
        found = dict(zip(names, self.in_turn(self.string, self.string, self.parameters, self.nstring, self.nstring, self.string, self.number)))
        check(found["type"] and found["subtype"] and found["encoding"] and found["type"] != b"multipart", f"the type of a part: {found}")
        if found["type"] == b"message" and found["subtype"] in (b"rfc822", b"global"):
            self.take(b" ")
            found["envelope"], found["message"], found["lines"] = self.in_turn(self.envelope, lambda: self.body(is_extensible), self.number)
        elif found["type"] == b"text":
            self.take(b" ")
            found["lines"] = self.number()
        if is_extensible:
            self.extension(self.nstring)
        self.take(b")")
        return found


class Fetched:
    """Asks for a message's items, and finds what does not fit."""

    def __init__(self, client, number, chance):
        self.client, self.number, self.chance, self.left = client, number, chance, PARTS_MAX

    def fetch(self, *items):
        """Their values; nothing where an encoding is not known."""
        self.client.send(f"f FETCH {self.number} ({' '.join(items)})\r\n".encode())
        octets = b""
        while not octets.startswith(b"f ") and b"\r\nf " not in octets[-200:]:
            line = self.client.readline()
            check(line, f"the connection ends within {items}")
            while literal := re.search(rb"\{(\d+)\}\r\n$", line):
                line += self.client.read(int(literal[1])) + self.client.readline()
            octets += line
        if octets.startswith(b"f NO [UNKNOWN-CTE] "):
            return None
        answer = Answer(octets)
        answer.take(b"* %d FETCH (" % self.number)
        values = answer.in_turn(*(lambda item=item: self.value(answer, item) for item in items))
        answer.take(b")\r\nf OK ")
        return values

    @staticmethod
    def value(answer, item):
        answer.take(re.sub(r"<(\d+)\..*", r"<\1>", item.replace(".PEEK", "")).encode() + b" ")
        if item == "ENVELOPE":
            return answer.envelope()
        if item in ("BODY", "BODYSTRUCTURE"):
            return answer.body(item != "BODY")
        return answer.number() if "SIZE" in item else answer.nstring()

    def range_of(self, item, octets):
        """A range of it is what is cut from it, also where it reaches beyond the end."""
        first, length = self.chance.randrange(len(octets) + 3), self.chance.randrange(1, len(octets) + 5)
        equal(self.fetch(f"{item}<{first}.{length}>"), [octets[first:first + length]], f"{item}<{first}.{length}>")

    def look(self):
        items = ("BODY.PEEK[]", "BODY.PEEK[HEADER]", "BODY.PEEK[TEXT]", "RFC822.SIZE", "BODY", "ENVELOPE", "BODYSTRUCTURE")
        values = self.fetch(*items)
        whole, header, text, size, body, envelope, structure = values
        equal(header + text, whole, "header and text")
        equal(size, len(whole), "RFC822.SIZE")
        equal(structure, body, "BODYSTRUCTURE without its extension data, and BODY")
        equal(self.fetch(*items), values, "the same, asked again")
        equal(self.fetch("BODY.PEEK[HEADER.FIELDS.NOT (X-NONE)]"), [header], "all fields")
        names = dict.fromkeys(re.findall(rb"(?m)^([A-Za-z][A-Za-z0-9-]*)[ \t]*:", header))
        listed = f"BODY.PEEK[HEADER.FIELDS ({b' '.join(list(names)[:20]).decode() or 'X-NONE'})]"
        by_themselves = [self.fetch(listed)[0] for _ in range(2)]
        equal(by_themselves, [self.fetch("BODY.PEEK[]", listed)[1]] * 2, "fields read from the message, then from the index, and from the whole message")
        for item, octets in (("BODY.PEEK[]", whole), ("BODY.PEEK[HEADER]", header), ("BODY.PEEK[TEXT]", text)):
            self.range_of(item, octets)
        for place, name in ((0, b"Date"), (1, b"Subject"), (8, b"In-Reply-To"), (9, b"Message-ID")):
            fields, = self.fetch(f"BODY.PEEK[HEADER.FIELDS ({name.decode()})]")
            equal(envelope[place] is not None, re.search(rb"(?mi)^" + name + rb"[ \t]*:", fields) is not None, f"whether there is {name}")
        check(envelope[2] is None or (envelope[3] and envelope[4]), "From stands in for Sender and Reply-To")
        self.message(structure, "", whole)

    def message(self, body, prefix, whole):
        if "parts" in body:
            self.parts(body, prefix, whole)
        else:
            self.part(body, prefix + "1", whole)

    def parts(self, body, prefix, whole):
        for number, part in enumerate(body["parts"], 1):
            self.part(part, f"{prefix}{number}", whole)
        beyond = f"{prefix}{len(body['parts']) + 1}"
        equal(self.fetch(f"BODY.PEEK[{beyond}]", f"BODY.PEEK[{beyond}.MIME]", f"BINARY.PEEK[{beyond}]", f"BINARY.SIZE[{beyond}]"),
              [None, None, None, 0], f"part {beyond}, which is not there")

    def part(self, body, name, whole):
        self.left -= 1
        if self.left < 0:
            return
        octets, mime = self.fetch(f"BODY.PEEK[{name}]", f"BODY.PEEK[{name}.MIME]")
        check(mime + octets in whole, f"{name}: a part's header and body are beside each other")
        within = self.fetch(f"BODY.PEEK[{name}.HEADER]", f"BODY.PEEK[{name}.TEXT]")
        if "parts" in body:
            equal(within, [None, None], f"header and text of {name}, which is no message")
            self.parts(body, name + ".", whole)
            return
        equal(len(octets), body["octets"], f"octets of {name}")
        equal(body.get("lines", octets.count(b"\n")), octets.count(b"\n"), f"lines of {name}")
        self.range_of(f"BODY.PEEK[{name}]", octets)
        if "message" in body:
            equal(b"".join(within), octets, f"header and text of {name}, and all of it")
            equal(self.fetch(f"BODY.PEEK[{name}.HEADER.FIELDS.NOT (X-NONE)]"), within[:1], f"all fields of {name}")
            self.message(body["message"], name + ".", whole)
            return
        equal(within, [None, None], f"header and text of {name}, which is no message")
        binary, size = self.fetch(f"BINARY.PEEK[{name}]"), self.fetch(f"BINARY.SIZE[{name}]")
        encoding = body["encoding"].lower()
        equal([binary is not None, size is not None], [encoding in ENCODINGS] * 2, f"whether {name} in {encoding} is decoded")
        if binary is None:
            return
        equal(size, [len(binary[0])], f"BINARY.SIZE of {name}")
        self.range_of(f"BINARY.PEEK[{name}]", binary[0])
        if encoding in ENCODINGS[:3]:
            equal(binary[0].replace(b"\0", b"\x80"), octets, f"{name} without its {encoding}")
        elif body["type"] == b"text" and b"\0" not in binary[0]:
            check(not re.search(rb"(?<!\r)\n", binary[0]), f"lines of {name} end in CRLF")


def look_at_all(client, messages, chance):
    equal(client.select("INBOX")[1], [str(len(messages)).encode()], "messages")
    for number, octets in enumerate(messages, 1):
        try:
            Fetched(client, number, chance).look()
        except AssertionError as trouble:
            raise AssertionError(f"{trouble}\nmessage {number}: {octets[:3000]!r}") from None


@test("FETCH keeps to the grammar, and what it tells of odd messages agrees with itself")
def agrees(t):
    chance = random.Random(9051)
    messages = [entity(chance).replace("\n", chance.choice(["\n", "\n", "\r\n"])).encode() for _ in range(COUNT)]
    # One that is read from the disk piece by piece.
    messages.append(b"Subject: large\nContent-Type: multipart/mixed; boundary=a\n\n" + b"".join(
        b"--a\nContent-Type: %s\n\n" % kind + b"Subject: within\n\n" + b"line\r\nline\n" * 60_000 for kind in (b"text/plain", b"message/rfc822")) + b"--a--\n")
    host = Host(t, daemons=("imapd",), start=False)
    maildir = host.maildir(BOB)
    for part in ("new", "cur", "tmp"):
        os.makedirs(os.path.join(maildir, part), mode=0o700, exist_ok=True)
    for number, octets in enumerate(messages):
        with open(os.path.join(maildir, "cur", f"{1_700_000_000 + number}.M1P1.elsewhere:2,S"), "wb") as file:
            file.write(octets)
    give(host.mail)
    host.start("imapd")
    look_at_all(host.imap(BOB), messages, chance)


@test("an mbox can be used whatever messages are put into it, and FETCH tells of them likewise")
def mbox(t):
    chance = random.Random(4155)
    messages = [entity(chance).replace("\n", "\r\n").encode() for _ in range(COUNT // 2)]
    host = Host(t, {"virtual_mail_location": "mbox:~/mail:INBOX=~/inbox"}, daemons=("imapd",))
    client = host.imap(BOB)
    for octets in messages:
        # imaplib's append() would make line ends of bare CRs.
        client.send(b"a APPEND INBOX (\\Flagged) {%d+}\r\n%s\r\n" % (len(octets), octets))
        line = client.readline()
        check(line.startswith(b"a OK "), f"{line!r} to APPEND of {octets[:3000]!r}")
    look_at_all(client, messages, chance)
    client.store("1:*", "+FLAGS", "(a-keyword-for-which-each-header-has-to-be-written-anew)")
    look_at_all(client, messages, chance)

"""ENVELOPE, BODYSTRUCTURE, sections, BINARY and SEARCH of odd messages: imapd and a real Dovecot answer alike.

Where they do not, DIFFERENT says why.
"""
import os
import re
import shutil

from dovecot import Dovecot
from harness import check, equal, test
from mailhost import Host, give

BOB = "bob@example.test"
HEAD = "From: Ann <ann@x.org>\nTo: bob@y.org\nSubject: {}\nDate: Mon, 1 Mar 2021 10:00:00 +0000\nMessage-ID: <{}@x.org>\n"


def mime(name, kind, body, more=""):
    return HEAD.format(name, name) + f"MIME-Version: 1.0\nContent-Type: {kind}\n{more}\n{body}"


INNER = "From: in@x.org\nTo: \"In, Ner\" <ner@x.org>\nSubject: inner\nContent-Type: text/html; charset=utf-8\n\n<p>hi</p>\n<p>there</p>\n"
NESTED = ("--a\nContent-Type: multipart/alternative; boundary=b\n\n--b\n\nplain\n--b\nContent-Type: text/html\n\n<b>bold</b>\n\n--b--\n"
          "--a\nContent-Type: message/rfc822\n\n" + INNER + "--a\nContent-Type: application/octet-stream; name=x.bin\n"
          "Content-Transfer-Encoding: base64\nContent-Disposition: attachment; filename=\"x y.bin\"; size=4\n\nAAECAw==\n--a--\n")
MESSAGES = {
    "plain": HEAD.format("plain", "plain") + "\nfirst line\nsecond line\n",
    "no body": HEAD.format("no body", "nobody"),
    "no end of line": HEAD.format("x", "x") + "\nno end",
    "no header": "\nbody alone\n",
    "no separator": "Subject: one\nthis is no field\n\nbody\n",
    "empty fields": "From:\nTo: \nSubject:\nDate:\nMessage-ID:\nIn-Reply-To:\n\nx\n",
    "nested": mime("nested", "multipart/mixed; boundary=a", "preamble\n" + NESTED + "epilogue\n"),
    "no end boundary": mime("open", "multipart/mixed; boundary=a", "--a\n\none\n--a\nContent-Type: text/css\n\ntwo\n"),
    "no boundary": mime("none", "multipart/mixed", "--a\n\none\n--a--\n"),
    "boundary never comes": mime("never", "multipart/mixed; boundary=zzz", "just text\n"),
    "quoted boundary": mime("quoted", "multipart/mixed; boundary=\"a b:c\"", "--a b:c\n\none\n--a b:c--\n"),
    "boundary with blanks behind": mime("blanks", "multipart/mixed; boundary=a", "--a  \n\none\n--a\t\n\ntwo\n--a--  \nthree\n"),
    "boundary that begins another": mime("prefix", "multipart/mixed; boundary=a",
                                         "--a\nContent-Type: multipart/mixed; boundary=ab\n\n--ab\n\none\n--ab--\n--a\n\ntwo\n--a--\n"),
    "same boundary inside": mime("same", "multipart/mixed; boundary=a",
                                 "--a\nContent-Type: multipart/mixed; boundary=a\n\n--a\n\none\n--a--\n"),
    "digest": mime("digest", "multipart/digest; boundary=a", "--a\n\n" + INNER + "\n--a\nContent-Type: text/plain\n\nno message\n--a--\n"),
    "rfc822": mime("rfc822", "message/rfc822", INNER),
    "rfc822 of a multipart": mime("deep", "message/rfc822", mime("deeper", "multipart/mixed; boundary=a", NESTED)),
    "rfc822 in base64": mime("b64", "message/rfc822", "U3ViamVjdDogeAoKeQo=\n", "Content-Transfer-Encoding: base64\n"),
    "empty rfc822": mime("empty", "message/rfc822", ""),
    "partial": mime("partial", "message/partial; id=\"x@y\"; number=1; total=2", "half\n"),
    "all fields of MIME": mime("fields", "text/plain; charset=us-ascii; format=flowed", "text\n",
                               "Content-ID: <id@x.org>\nContent-Description: a =?utf-8?q?d=C3=A9?= thing\nContent-MD5: Q2hlY2s=\n"
                               "Content-Language: en, de\nContent-Location: http://x.org/a\nContent-Transfer-Encoding: 8BIT\n"
                               "Content-Disposition: inline; filename*=utf-8''na%C3%AFve.txt\n"),
    "parameters of RFC 2231": mime("2231", "application/x-y; name*0*=utf-8''a%20b; name*1=c; name*2*=%C3%A4; x=\"q\\\"uoted\"", "x\n"),
    "comments in Content-Type": mime("comments", "text/plain (a comment); charset=utf-8 (another)", "x\n"),
    "no subtype": mime("nosub", "text", "x\n"),
    "empty type": mime("notype", "", "x\n"),
    "nonsense type": mime("nonsense", "a b c/d; e", "x\n"),
    "no value": mime("novalue", "text/plain; charset; format=", "x\n"),
    "trailing semicolon": mime("semi", "text/html; charset=utf-8;", "x\n"),
    "unknown encoding": mime("enc", "text/plain", "x\n", "Content-Transfer-Encoding: x-own\n"),
    "upper case": mime("upper", "TEXT/HTML; CHARSET=UTF-8", "x\n", "Content-Transfer-Encoding: QUOTED-PRINTABLE\n"),
    "quoted-printable": mime("qp", "text/plain; charset=utf-8", "caf=C3=A9 =\nsoft\n=3D\ntrailing  \n", "Content-Transfer-Encoding: quoted-printable\n"),
    "base64": mime("base64", "text/plain; charset=utf-8", "Y2Fmw6kKbGluZQo=\n", "Content-Transfer-Encoding: base64\n"),
    "type twice": mime("twice", "text/html", "x\n", "Content-Type: text/css\n"),
    "groups": "From: ann@x.org\nTo: friends: ann@x.org, \"B, C\" <bob@y.org>;, nobody:;\nCc: undisclosed-recipients:;\nSubject: groups\n\nx\n",
    "routes and comments": "From: <@a.org,@b.org:ann@x.org>\nSender: ann (Ann (the first) Smith) @ x.org\nReply-To: \"quoted \\\" local\"@x.org\n"
                           "To: =?utf-8?q?=C3=84nne?= <a@x.org>, Joe Q. Public <j@x.org>\nSubject: routes\n\nx\n",
    "addresses that are none": "From: nobody\nTo: <>\nCc: @x.org, a@, ,, b@c.org\nBcc: <broken@x.org\nReply-To: \"\" <e@x.org>\nSubject: none\n\nx\n",
    "fields twice": "From: a@x.org\nFrom: b@x.org\nTo: c@x.org\nTo: d@x.org\nSubject: one\nSubject: two\nIn-Reply-To: <i@x>\nIn-Reply-To: <j@x>\n\nx\n",
    "folded": "From: Ann\n <ann@x.org>\nTo: bob@y.org,\n\tcarl@z.org\nSubject: a\n  long\n\tsubject\nMessage-ID:\n <m@x.org>\nReferences: <a@x>\n <b@x>\n\nx\n",
    "eight bits": "From: J\u00f6rg <j@x.org>\nTo: \u00e4@x.org\nSubject: \u00fcber\n\nz\u00fcrich\n",
    "quotes": "From: \"a\\\\b\" <q@x.org>\nSubject: \"quoted\" and \\ back\nTo: \"Sm\\\"ith\" <s@x.org>\n\nx\n",
    "blank before the colon": "From : ann@x.org\nSubject  : blanks\nTo: bob@y.org\n\nx\n",
    "CRLF": HEAD.format("crlf", "crlf").replace("\n", "\r\n") + "\r\nline\r\n",
    "bare CR": HEAD.format("cr", "cr") + "\na\rb\n",
    "long line": HEAD.format("long", "long") + "\n" + "x" * 3000 + "\n",
    "many parts": mime("many", "multipart/mixed; boundary=a", "".join(f"--a\n\n{n}\n" for n in range(60)) + "--a--\n"),
    "deep parts": mime("down", "multipart/mixed; boundary=b0", "".join(
        f"--b{n}\nContent-Type: multipart/mixed; boundary=b{n + 1}\n\n" for n in range(20)) + "--b20\n\nbottom\n"),
}
SECTIONS = ["", "HEADER", "TEXT", "1", "1.MIME", "2", "2.MIME", "2.HEADER", "2.TEXT", "2.1", "1.1", "1.2", "1.1.MIME", "3", "1.HEADER", "1.TEXT", "9"]
ITEMS = ["ENVELOPE", "BODYSTRUCTURE", "BODY", "RFC822.SIZE", *(f"BODY.PEEK[{section}]" for section in SECTIONS),
         "BODY.PEEK[HEADER.FIELDS (Subject TO x-none)]", "BODY.PEEK[HEADER.FIELDS.NOT (From Date)]", "BODY.PEEK[]<3.20>", "BODY.PEEK[TEXT]<2.100000>",
         "BODY.PEEK[1]<0.1>", "BINARY.PEEK[1]", "BINARY.SIZE[1]", "BINARY.SIZE[2]", "BINARY.PEEK[3]", "BINARY.PEEK[1]<1.4>"]
SEARCHES = ["FROM ann", "FROM j@x.org", "TO friends", "TO \"B, C\"", "CC undisclosed", "SUBJECT inner", "SUBJECT \"long subject\"", "SUBJECT two", "BODY line",
            "BODY bold", "BODY caf\u00e9", "TEXT hi", "TEXT attachment", "BODY x.bin", "HEADER Content-Type html", "HEADER References \"\"", "HEADER In-Reply-To j@x",
            "SENTON 1-Mar-2021", "SENTBEFORE 2-Mar-2021 HEADER Date 2021", "LARGER 1000", "SMALLER 60", "NOT TEXT x", "BODY preamble", "BODY epilogue", "BODY soft",
            "HEADER Message-ID <m@x.org>", "SUBJECT \u00fcber", "FROM \u00f6rg"]
# Messages ("": any), items, and why the answers differ there.
DIFFERENT = [
    ("", r"BODY.PEEK\[[12]\.1", "of a part that is no multipart there is none within; Dovecot gives the part itself"),
    ("no body", r".*HEADER.FIELDS \(", "the line between header and body is not there (RFC 9051 section 6.4.5.1)"),
    ("base64", r"BINARY", "lines of text end in CRLF (RFC 9051 section 7.5.2)"),
    ("nested|boundary that begins another|rfc822 of a multipart", r"(BODY|BINARY).*\[1(\.1)?\]",
     "the line end before a boundary is the boundary's (RFC 2046 section 5.1.1), and BINARY decodes a part, not those within"),
    ("nested", r"BINARY.SIZE\[2\]", "BINARY decodes a part, not those within"),
    ("no boundary", ".*", "a multipart without a boundary is text (RFC 2045 section 5.2); Dovecot makes it one with an empty part"),
    ("rfc822 in base64", r"BINARY.SIZE", "it is decoded all the same"),
    ("parameters of RFC 2231", "BODY", "parameters are told in the message's order"),
    ("no subtype|empty type|nonsense type|no value", "BODY", "what is no type is text/plain (RFC 2045 section 5.2)"),
    ("unknown encoding", "BINARY", "Dovecot adds an empty FETCH to its NO [UNKNOWN-CTE]"),
    ("addresses that are none", "ENVELOPE", "Dovecot counts the gaps between commas as addresses"),
    ("fields twice", "ENVELOPE", "the first of a field counts"),
    ("folded", "ENVELOPE", "unfolding takes away the line end alone (RFC 5322 section 2.2.3)"),
]
# Dovecot 2.3.19 ends the connection.
CRASHES = {(list(MESSAGES)[42], "BODY.PEEK[TEXT]<2.100000>")}


def is_known(name, item):
    """Notes which of DIFFERENT is met."""
    for rule in DIFFERENT:
        if (not rule[0] or name in rule[0].split("|")) and re.match(rule[1], item):
            met.add(rule)
            return True
    return False


met = set()


def parse(octets):
    """Nested lists of what a line says; quoted strings and literals are alike."""
    stack, at = [[]], 0
    while at < len(octets):
        token = re.compile(rb'\s+|\(|\)|"(?:[^"\\]|\\.)*"|~?\{(\d+)\}\r\n|[^\s()"{]*\[[^\]]*\](?:<\d+>)?|[^\s()"{]+').match(octets, at)
        check(token, f"no IMAP: {octets[at:at + 80]!r}")
        text, at = token[0], token.end()
        if text == b"(":
            stack.append([])
        elif text == b")":
            done = stack.pop()
            stack[-1].append(done)
        elif token[1]:
            stack[-1].append(("string", octets[at:at + int(token[1])]))
            at += int(token[1])
        elif text.startswith(b'"'):
            stack[-1].append(("string", re.sub(rb"\\(.)", rb"\1", text[1:-1])))
        elif not text.isspace():
            stack[-1].append(text.upper())
    return stack[0]


def lower(value):
    """Types, parameters and encodings are the same in any case."""
    if isinstance(value, list):
        value = [lower(one) for one in value]
        # Dovecot adds the charset that text has where none is told.
        return b"nil" if value == [("string", b"charset"), ("string", b"us-ascii")] else value
    return value.lower() if isinstance(value, bytes) else (value[0], value[1].lower())


def nothing(answer):
    """Of a part that is not there NIL says as much as an empty string."""
    return repr(answer).replace("('string', b'')", "b'NIL'")


def ask(client, tag, command):
    """The untagged answers, parsed, and the word behind the tag."""
    client.send(f"{tag} {command}\r\n".encode())
    answers = []
    while True:
        line = client.readline()
        check(line, f"{type(client).__name__}'s connection ends within {command}")
        while literal := re.search(rb"\{(\d+)\}\r\n$", line):
            line += client.read(int(literal[1])) + client.readline()
        if line.startswith(tag.encode() + b" "):
            return answers, line.split()[1]
        if line.split()[1] == b"SEARCH" or line.split()[2] == b"FETCH":
            answers.append(parse(line[2:]))


def both(t):
    host = Host(t, daemons=("imapd",), start=False)
    maildir = host.maildir(BOB)
    for part in ("new", "cur", "tmp"):
        os.makedirs(os.path.join(maildir, part), mode=0o700, exist_ok=True)
    for number, text in enumerate(MESSAGES.values()):
        with open(os.path.join(maildir, "cur", f"{1_700_000_000 + number}.M1P1.elsewhere:2,S"), "wb") as file:
            file.write(text.encode())
    copy = os.path.join(t.folder, "copy")
    shutil.copytree(maildir, copy)
    give(host.mail)
    give(copy)
    host.start("imapd")
    ours, theirs = host.imap(BOB), Dovecot(t, copy)
    for client in (ours, theirs):
        equal(client.select("INBOX")[1], [str(len(MESSAGES)).encode()], "messages")
    return ours, theirs


@test("ENVELOPE, BODYSTRUCTURE, sections and BINARY of odd messages are Dovecot's")
def structure(t):
    ours, theirs = both(t)
    troubles = []
    for number, name in enumerate(MESSAGES, 1):
        for item in ITEMS:
            if (name, item) in CRASHES:
                continue
            own, other = (ask(client, "q", f"FETCH {number} ({item})") for client in (ours, theirs))
            if item in ("BODYSTRUCTURE", "BODY"):
                own, other = lower(own[0]), lower(other[0])
            elif "[" in item:
                own, other = nothing(own), nothing(other)
            if own != other and not is_known(name, item):
                troubles.append(f"{name}: {item}\n  ours    {own}\n  Dovecot {other}")
    check(not troubles, f"{len(troubles)} answers differ\n" + "\n".join(troubles))
    equal(met, set(DIFFERENT), "the differences that there are, and those that DIFFERENT names")


@test("SEARCH finds in odd messages what Dovecot finds")
def search(t):
    ours, theirs = both(t)
    troubles = []
    for query in SEARCHES:
        own, other = (ask(client, "q", f"SEARCH CHARSET UTF-8 {query}" if query.isascii() else
                          "SEARCH CHARSET UTF-8 " + re.sub(r"(\S+)$", lambda m: f"{{{len(m[1].encode())}+}}\r\n{m[1]}", query))
                      for client in (ours, theirs))
        if own != other:
            names = list(MESSAGES)
            found = [[names[int(one) - 1] for one in answer[0][0][1:]] for answer in (own, other)]
            troubles.append(f"{query}\n  ours alone    {set(found[0]) - set(found[1])}\n  Dovecot alone {set(found[1]) - set(found[0])}")
    check(not troubles, f"{len(troubles)} of {len(SEARCHES)} answers differ\n" + "\n".join(troubles))

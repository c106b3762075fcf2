"""Thunderbird's way of using an account, command for command: what it asks at the start, while it waits, and for a removal."""
import re
import socket

from harness import check, contains, equal, test
from mailhost import Host, letter, unverified

BOB = "bob@example.test"
# The fields that its list of messages needs.
FIELDS = ("From To Cc Bcc Subject Date Message-ID Priority X-Priority References Newsgroups In-Reply-To Content-Type Reply-To "
          "List-Unsubscribe")


class Dialogue:
    """Commands with its tags, numbers that count up; `until` ends what is read."""

    def __init__(self, t, host):
        stream = socket.create_connection((host.address, host.port("imaps")), timeout=60)
        self.stream = unverified().wrap_socket(stream)
        t.cleanup(self.stream.close)
        self.file = self.stream.makefile("rb")
        self.number = 0
        self.greeting = self.file.readline().decode()

    def read_until(self, pattern):
        text = ""
        while True:
            line = self.file.readline().decode()
            check(line, f"the server hung up before {pattern}: {text}")
            text += line
            if re.match(pattern, line):
                return text

    def start(self, command):
        self.number += 1
        self.stream.sendall(f"{self.number} {command}\r\n".encode())

    def ask(self, command):
        """What is answered, the last line among it, which must be OK."""
        self.start(command)
        text = self.read_until(rf"{self.number} ")
        contains(text.splitlines()[-1], f"{self.number} OK", f"the answer to {command[:60]}")
        return text


@test("Thunderbird's commands: start, list of messages, IDLE with a message that comes, a removal to Trash, and the next start")
def commands(t):
    host = Host(t, daemons=("imapd",))
    for number in range(3):
        host.put(BOB, letter(f"n{number}", to=BOB))
    one = Dialogue(t, host)
    one.ask("capability")
    one.ask(f'login "{BOB}" "{host.users[BOB]}"')
    capability = one.ask("capability")
    for word in ("IDLE", "CONDSTORE", "MOVE", "NAMESPACE", "ID", "UIDPLUS", "SPECIAL-USE", "LIST-EXTENDED", "ENABLE"):
        check(re.search(rf" {word}[ \r]", capability), f"CAPABILITY lacks {word}: {capability}")
    check("XLIST" not in capability, "XLIST is announced")  # RFC 6154 has taken its place
    contains(one.ask('ID ("name" "Thunderbird" "version" "115.0")'), "* ID ", "ID")
    contains(one.ask("namespace"), '* NAMESPACE (("" ', "NAMESPACE")
    contains(one.ask('list (subscribed) "" "*" return (special-use)'), f"{one.number} OK", "LIST")
    contains(one.ask('list "" "INBOX"'), "INBOX", "LIST of INBOX")
    one.ask('subscribe "Trash"')
    selected = one.ask('select "INBOX" (CONDSTORE)')
    modseq = int(re.search(r"HIGHESTMODSEQ (\d+)", selected)[1])
    contains(selected, "* 3 EXISTS", "SELECT")
    flags = one.ask("UID fetch 1:* (FLAGS)")
    uids = re.findall(r"UID (\d+)", flags)
    equal(uids, ["1", "2", "3"], "UIDs")
    listed = one.ask(f"UID fetch 1:3 (UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS ({FIELDS})])")
    equal(re.findall(r"Subject: (n\d)", listed), ["n0", "n1", "n2"], "subjects")

    # A message comes while it waits.
    one.start("IDLE")
    one.read_until(r"\+ ")
    host.put(BOB, letter("news", to=BOB))
    one.read_until(r"\* 4 EXISTS")
    one.stream.sendall(b"DONE\r\n")
    contains(one.read_until(rf"{one.number} "), f"{one.number} OK", "the end of IDLE")
    contains(one.ask("UID fetch 4:* (FLAGS)"), "UID 4", "the flags of the new message")
    contains(one.ask("UID fetch 4 (UID RFC822.SIZE BODY.PEEK[])"), "Subject: news", "the new message")
    one.ask("uid store 4 +Flags (\\Seen)")

    moved = one.ask('uid move 2 "Trash"')
    check(re.search(r"COPYUID \d+ 2 1\]", moved), f"the answer to MOVE: {moved}")
    contains(moved, "EXPUNGE", "the answer to MOVE")
    one.ask("uid store 1 +FLAGS (\\Deleted)")
    one.ask("UID expunge 1")
    one.start("logout")
    contains(one.read_until(rf"{one.number} "), "* BYE", "LOGOUT")

    # The next start asks for what has changed alone.
    two = Dialogue(t, host)
    two.ask(f'login "{BOB}" "{host.users[BOB]}"')
    contains(two.ask('select "INBOX" (CONDSTORE)'), "* 2 EXISTS", "SELECT at the next start")
    changed = two.ask(f"UID fetch 1:* (FLAGS) (CHANGEDSINCE {modseq})")
    equal(re.findall(r"UID (\d+)", changed), ["4"], "what has changed")
    contains(changed, "\\Seen", "what has changed")

"""postmap and postalias answer as Postfix's own do: the same exit status, entries and answers.

Each case is played twice, in folders with the same files: once with Postfix's command, once with ours. What is
compared is the exit status, what is written, and the entries of all tables afterwards. Warnings are compared by their
number; they have words of their own.
"""
import concurrent.futures
import os
import re
import subprocess

from harness import check, equal, test
from mailhost import TOP, has_program

CASES_AT_ONCE = 16
FILES = {
    "virtual": b"Ann@example.org ann\n# comment\n\nann@example.org twice\nbob\n  of two\n# between\n\tlines\nlonely\n"
               b'"two words"@example.org x\n@example.org all # no comment\nk\t\ttabs  within \n',
    "indented": b"  a b\nc d\n",
    "plain": b"a one\nb two\n",
    "latin": b"caf\xe9 v\nok w\n",
    "utf8": "grün v\nGRÜN x\n".encode(),
    "empty": b"",
    "no_newline": b"a b",
    "crlf": b"a b\r\nc d\r\n",
    "content": b"line one\nline two\n",
    "second": b"more",
    "files": b"k content\nm content, second\nbad /nonexistent/file\n",
    "aliases": b"Root: ann\nroot: bob\nstaff: a, b\n   c\nno colon\n: x\nempty:\nlist: :include:/x\n"
               b'quoted: "|/bin/x y"\n',
    "patterns": b"/^(.*)$/ [$1]\n",
    "parts": b"/^X-Part:/ part\n/^Subject:/ subject\n/body/ line\n/^$/ empty\n/^--/ boundary\n",
}
MESSAGE = b"""Received: from a
\tby b
Subject: hello
 folded
Content-Type: multipart/mixed; boundary=bb

preamble of the body
--bb
Content-Type: text/plain
X-Part: 1

body one

.body two
--bb
Content-Type: message/rfc822

Subject: inner
X-Part: 2

inner body
--bb--
epilogue
"""
NO_HEADER = b"From ann Mon Jan  1\nSubject: a\n\nbody\n"
BROKEN = b"Subject: a\nno field\nX-Part: body\n\nbody\n"

# The arguments of calls, after each other in one folder; with standard input where it is read.
MAP_CASES = [
    ["virtual"], ["-w", "virtual"], ["-r", "virtual"], ["indented"], ["plain", "virtual"], ["hash:plain"],
    ["empty"], ["no_newline"], ["crlf"], ["latin"], ["-u", "latin"], ["utf8"], ["-f", "virtual"], ["-v", "empty"],
    ["-F", "files"], ["-o", "plain"], ["-p", "plain"], ["nosuch"], ["plain", "nosuch", "virtual"],
    ["-x", "plain"], ["-Zi", "plain"], [], ["-q"], ["-q", "a"], ["-d"], ["-c"], ["unknown:plain"], ["-q", "a", "unknown:plain"],
    ["texthash:plain"], ["cidr:plain"], ["-d", "a", "texthash:plain"], ["-i", "regexp:patterns"], ["--", "plain"],
    ["-q", "a", "nosuch"], ["-s", "nosuch"], ["-d", "a", "nosuch"], ["-c", "/nonexistent", "plain"],
    ["-s", "-q", "k", "plain"], ["-s", "-d", "k", "plain"], ["-q", "k", "-d", "j", "plain"], ["-q", "k", "-q", "j", "plain"],
    ["-h", "plain"], ["-b", "-q", "x", "plain"], ["-h", "-s", "plain"], ["-b", "-d", "-", "plain"], ["-m", "plain"],
    ["-i", "fresh"], ["-d", "", "virtual"], ["-q", "", "texthash:plain"], ["-q", "a", "texthash:plain"],
    ["-q", "A", "texthash:plain"], ["-q", "zz", "texthash:plain"], ["-q", "a", "inline:{a=b}"], ["-q", "x", "static:y"],
    ["-q", "a", "-s", "plain"], ["-qa", "texthash:plain"], ["-fqa", "texthash:plain"],
]
# What is asked of a table after it was built by the first call.
SEQUENCES = [
    (["virtual"], ["-q", "ANN@example.org", "virtual"], ["-f", "-q", "ANN@example.org", "virtual"], ["-q", "k", "virtual"],
     ["-q", "zz", "virtual"], ["-q", '"two words"@example.org', "virtual"], ["-s", "virtual"]),
    (["-f", "virtual"], ["-f", "-q", "Ann@example.org", "virtual"], ["-f", "-d", "Ann@example.org", "virtual"],
     ["-f", "-d", "Ann@example.org", "virtual"]),
    (["plain"], ["-q", "-", "plain", b"a\nzz\nb\na\n"], ["-q", "-", "plain", b"zz\n\n"], ["-q", "-", "plain", b""]),
    (["plain"], ["-i", "plain", b"c three\na again\n"], ["-s", "plain"], ["-ir", "plain", b"a again\n"], ["-q", "a", "plain"],
     ["-iw", "plain", b"a once more\nd four\n"], ["-s", "plain"], ["-i", "plain", b"broken\ne five\n"], ["-s", "plain"]),
    (["plain"], ["-d", "a", "plain"], ["-d", "a", "plain"], ["-d", "-", "plain", b"zz\nb\n"], ["-d", "-", "plain", b"zz\n"],
     ["-s", "plain"], ["-d", "B", "plain"]),
    (["plain", "virtual"], ["-q", "bob", "plain", "virtual"], ["-d", "bob", "plain", "virtual"], ["-q", "bob", "plain", "virtual"],
     ["-q", "b", "nosuch", "plain"]),
    (["-F", "files"], ["-q", "k", "files"], ["-F", "-q", "k", "files"], ["-F", "-q", "m", "files"], ["-F", "-s", "files"]),
    (["plain"], ["-F", "-q", "a", "plain"], ["-m", "-q", "-", "plain", b"a\n"]),
    (["utf8"], ["-q", "GRÜN", "utf8"], ["-q", b"caf\xe9", "utf8"]),
]
MESSAGES = [[flags, "-q", "-", f"regexp:{table}", message]
            for flags in ("-h", "-b", "-hb", "-hm", "-bm", "-hbm") for table in ("patterns", "parts")
            for message in (MESSAGE, NO_HEADER, BROKEN, b"A: b", b"")]

ALIAS_CASES = [["aliases"], ["-w", "aliases"], ["-r", "aliases"], ["-x", "aliases"], ["-b", "aliases"], ["-h", "-q", "-", "aliases"],
               ["-F", "aliases"], [], ["nosuch"], ["-q", "x", "nosuch"], ["-s", "-q", "k", "aliases"]]
ALIAS_SEQUENCES = [
    (["aliases"], ["-q", "ROOT", "aliases"], ["-q", "zz", "aliases"], ["-q", "-", "aliases", b"root\nzz\nstaff\n"],
     ["-q", "quoted", "aliases"], ["-d", "root", "aliases"], ["-d", "root", "aliases"]),
    (["aliases"], ["-i", "aliases", b"k: v\nroot: new\n"], ["-q", "root", "aliases"], ["-ir", "aliases", b"root: newer\n"],
     ["-q", "root", "aliases"], ["-d", "-", "aliases", b"k\nlist\n"]),
]


class Side:
    """One of the two commands in its own folder."""

    def __init__(self, t, tool, name, command):
        self.folder, self.command, self.tool = os.path.join(t.folder, name), command, tool
        for folder in ("", "etc"):
            os.makedirs(os.path.join(self.folder, folder), exist_ok=True)
        with open(os.path.join(self.folder, "etc", "main.cf"), "w", encoding="utf-8") as file:
            file.write("compatibility_level = 3.6\nmyhostname = mail.example.test\n")
        for name_of_file, content in FILES.items():
            with open(os.path.join(self.folder, name_of_file), "wb") as file:
                file.write(content)

    def play(self, arguments):
        words, given = arguments, b""
        if arguments and isinstance(arguments[-1], bytes) and "-q" not in arguments[-2:-1]:
            words, given = arguments[:-1], arguments[-1]
        environment = {**os.environ, "MAIL_CONFIG": os.path.join(self.folder, "etc")}
        done = subprocess.run([self.command, *words], input=given, capture_output=True, cwd=self.folder, env=environment,
                              timeout=60, check=False)
        warnings = sum(b"warning:" in line for line in done.stderr.splitlines())
        lists = "-s" in words
        written = [self.plain(line) for line in done.stdout.splitlines()]
        return done.returncode, sorted(written) if lists else written, warnings if done.returncode == 0 else bool(done.stderr), \
            None if "-q" in words or lists else self.entries()

    def entries(self):
        """Of all tables that were built, by file."""
        found = {}
        for name in (*FILES, "fresh", "nosuch"):
            if os.path.lexists(os.path.join(self.folder, name + (".rdb" if self.is_ours() else ".db"))):
                done = subprocess.run([self.command, "-s", "hash:" + name], capture_output=True, cwd=self.folder, timeout=60,
                                      env={**os.environ, "MAIL_CONFIG": os.path.join(self.folder, "etc")}, check=True)
                # What NIS wants to know, and what sendmail's databases begin with.
                found[name] = sorted(self.plain(line) for line in done.stdout.splitlines() if not line.startswith((b"@:", b"YP_")))
        return found

    def plain(self, line):
        """Postfix's postalias writes what it understood, with one blank between the words."""
        return line if self.tool == "postmap" else re.sub(rb"(?<=[^:])[ \t]+", b" ", line)

    def is_ours(self):
        return self.command.startswith(TOP)


def compare_case(t, tool, number, calls):
    sides = [Side(t, tool, f"{number}.{name}", command)
             for name, command in (("postfix", f"/usr/sbin/{tool}"), ("ours", os.path.join(TOP, "build/release/bin", tool)))]
    for call in calls:
        said = [side.play(call) for side in sides]
        equal(said[1], said[0], f"{tool} {call} of {calls}: exit status, output, warnings, entries")


def compare(t, tool, cases):
    """Side by side, since Postfix's commands sleep for a second before they give up."""
    check(has_program(f"/usr/sbin/{tool}"), "Postfix is missing; contrib/packages/test lists it")
    with concurrent.futures.ThreadPoolExecutor(CASES_AT_ONCE) as pool:
        for done in [pool.submit(compare_case, t, tool, number, calls) for number, calls in enumerate(cases)]:
            done.result()


@test("postmap builds, changes and asks tables as Postfix's does, with its exit status")
def maps(t):
    compare(t, "postmap", [(case,) for case in MAP_CASES])


@test("postmap asked one after another answers as Postfix's does, also for the header and body of a message")
def sequences(t):
    compare(t, "postmap", [*SEQUENCES, MESSAGES])


@test("postalias builds, changes and asks tables of aliases as Postfix's does, with its exit status")
def aliases(t):
    compare(t, "postalias", [(case,) for case in ALIAS_CASES] + ALIAS_SEQUENCES)

"""`pennypost sieve`: what it says of scripts, and what it prints that they would do."""
import os

from harness import contains, equal, test
from mailhost import Host

SCRIPT = """require ["fileinto", "vacation", "include", "editheader", "imap4flags", "subaddress", "envelope", "mailbox"];
include :optional "common";
if header :contains "subject" "invoice" {
  addheader "X-Sorted" "yes";
  fileinto :flags "\\\\Seen" "Bills";
} elsif envelope :detail "to" "away" {
  vacation :handle "summer" "I am away.";
} elsif mailboxexists "Lists" {
  redirect "list@far.example";
} elsif header :is "subject" "junk" {
  discard;
} else {
  redirect "nobody";
}
"""
RIGHT = SCRIPT.replace('"nobody"', '"eve@far.example"')


def write(t, name, text):
    path = os.path.join(t.folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def mail(t, subject, more=""):
    return write(t, "message", f"Return-Path: <ann@far.example>\nDelivered-To: bob@example.test\nTo: bob@example.test\n"
                               f"Subject: {subject}\n{more}\nbody\n")


@test("pennypost sieve check tells each mistake of each script with file, line and column, and nothing of a script that is right")
def checked(t):
    host = Host(t, daemons=())
    wrong, right = write(t, "wrong.sieve", SCRIPT + "kep;\n"), write(t, "right.sieve", RIGHT)
    done = host.command("pennypost", "sieve", "check", right)
    equal((done.returncode, done.stdout, done.stderr), (0, "", ""), "a script that is right")
    done = host.command("pennypost", "sieve", "check", right, wrong, ok=False)
    equal(done.returncode, 65, "exit status")
    equal(done.stderr, f'{wrong}:13:12: "nobody" is no mail address: it needs a domain, @example.org\n'
                       f'{wrong}:15:1: there is no command "kep"; did you mean keep?\n', "the mistakes")
    done = host.command("pennypost", "sieve", "check", right + ".none", ok=False)
    equal(done.returncode, 1, "a file that is not there")
    contains(done.stderr, "there is no file", "why")
    for args in ((), ("check",), ("test", right), ("check", "--from", "a", right), ("try", right)):
        done = host.command("pennypost", "sieve", *args, ok=False)
        equal(done.returncode, 64, f"the call {args}")
        contains(done.stderr, "usage: pennypost sieve check", "the usage")


@test("pennypost sieve test prints what a script would do with a message, with flags, header changes and answers, and does nothing")
def tested(t):
    host = Host(t, {"recipient_delimiter": "+"}, daemons=())
    script = write(t, "right.sieve", RIGHT)

    def told(*args):
        return host.command("pennypost", "sieve", "test", *args).stdout
    equal(told(script, mail(t, "an invoice")), 'fileinto "Bills", flags \\Seen\n    + X-Sorted: yes\n', "fileinto")
    equal(told(script, mail(t, "junk")), "discard\n", "discard")
    equal(told("--mailbox", "Lists", script, mail(t, "junk")), "redirect list@far.example\n", "a mailbox that exists")
    message = mail(t, "hi", "Cc: bob+away@example.test\n")
    answer = told("--to", "bob+away@example.test", script, message)
    contains(answer, "vacation to ann@far.example\n    From: bob+away@example.test\n    To: ann@far.example\n", "the answer")
    contains(answer, "\n    I am away.\nkeep\nremember for 604800 s vacation:", "what follows it")
    key = answer.split("604800 s ")[1].strip()
    equal(told("--to", "bob+away@example.test", "--remembered", key, script, message), "keep\n", "who was answered")
    equal(told("--from", "", "--to", "bob+away@example.test", script, message), "keep\n", "the null sender")
    equal(host.command("pennypost", "sieve", "test", script, "-", input="Subject: invoice\n\nx\n").stdout,
          'fileinto "Bills", flags \\Seen\n    + X-Sorted: yes\n', "from standard input")
    write(t, "common.sieve", "reject;\n")
    done = host.command("pennypost", "sieve", "test", script, mail(t, "junk"), ok=False)
    equal((done.returncode, done.stdout), (1, "keep\n"), "a run that fails keeps the message")
    contains(done.stderr, f"{script}:2:1: ", "where it failed")
    contains(done.stderr, 'common.sieve:1:1: reject needs require "reject"', "why")

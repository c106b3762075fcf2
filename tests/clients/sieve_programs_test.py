"""Programs that Sieve scripts use, at delivery and for what a client of IMAP does, with stock clients."""
import email
import os

from harness import contains, equal, eventually, test
from mailhost import Host, letter
from programs import send_swaks

ALICE, BOB = "alice@example.test", "bob@example.test"


def script(host, text):
    """Makes it bob's active script."""
    host.command("pennypost", "sieve", "put", BOB, "main", "-", input=text)
    host.command("pennypost", "sieve", "activate", BOB, "main")


def post(t, host, subject):
    """Sends bob a letter from alice, by swaks."""
    path = os.path.join(t.folder, "letter")
    with open(path, "wb") as file:
        file.write(letter(subject, sender=ALICE, to=BOB))
    send_swaks(host, "plain", ALICE, BOB, path)


def subjects(host, login, folder=""):
    found = []
    for path in host.messages(login, folder):
        with open(path, "rb") as file:
            found.append(email.message_from_binary_file(file)["Subject"])
    return sorted(found)


def program(host, name, text):
    """A program of all three directories."""
    path = os.path.join(host.folder, "bin", name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\n" + text + "\n")
    os.chmod(path, 0o755)


def host_with_programs(t, settings=None):
    folder = os.path.join(t.folder, "host", "bin")
    os.makedirs(folder, exist_ok=True)
    return Host(t, {"sieve_pipe_bin_dir": folder, "sieve_filter_bin_dir": folder, "sieve_execute_bin_dir": folder,
                    "sieve_program_exec_timeout": "5s", **(settings or {})})


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def learning_scripts(host):
    """What an admin has for a filter that learns: from what is moved into Junk, and out of it."""
    etc = os.path.join(host.folder, "etc")
    for name, condition, word in (
            ("spam", "true", "spam"),
            ("ham", 'environment :is "vnd.dovecot.mailbox-from" "Junk"', "ham")):
        with open(os.path.join(etc, f"learn-{name}.sieve"), "w", encoding="utf-8") as file:
            file.write('require ["imapsieve", "environment", "vnd.dovecot.pipe", "copy"];\n'
                       f'if {condition} {{ pipe :copy "learn" "{word}"; }}\n')
    return [f"Junk:copy,append={etc}/learn-spam.sieve", f"INBOX:copy={etc}/learn-ham.sieve"]


@test("mail that a user moves into Junk, or out of it, is given to a program that learns")
def learning(t):
    host = host_with_programs(t)
    learned = os.path.join(host.folder, "learned")
    program(host, "learn", f'subject=$(sed -n "s/^Subject: //p;/^\\r*$/q" | tr -d "\\r"); echo "$1 $USER $subject" >> {learned}')
    host.settings["imapsieve_scripts"] = learning_scripts(host)
    host.write_settings()
    host.stop("imapd")
    host.start("imapd")
    for subject in ("cheap watches", "lunch"):
        post(t, host, subject)
    eventually(lambda: len(host.messages(BOB)) == 2, "bob has both")
    with host.imap(BOB) as client:
        client.create("Junk")
        client.select("INBOX")
        number = client.search(None, "SUBJECT", "watches")[1][0].decode()
        equal(client.xatom("MOVE", number, "Junk")[0], "OK", "MOVE")
        equal(read(learned), f"spam {BOB} cheap watches\n", "learned by a move into Junk")
        client.append("Junk", None, None, letter("pills", sender=ALICE, to=BOB))
        equal(read(learned).splitlines()[1:], [f"spam {BOB} pills"], "learned by an append to Junk")
        client.select("Junk")
        client.copy("1", "INBOX")
        equal(read(learned).splitlines()[2:], [f"ham {BOB} cheap watches"], "learned by a copy out of Junk")
        client.select("INBOX")
        client.store("1", "+FLAGS", "\\Flagged")
    equal(len(read(learned).splitlines()), 3, "what was learned in all")


@test("the keywords Junk and NonJunk, as Thunderbird sets them, are given to a program that learns, and other flags are not")
def keywords(t):
    host = host_with_programs(t)
    learned = os.path.join(host.folder, "learned")
    program(host, "learn", f'cat > /dev/null; echo "$1 $USER" >> {learned}')
    path = os.path.join(host.folder, "etc", "learn.sieve")
    with open(path, "w", encoding="utf-8") as file:
        file.write('require ["imapsieve", "environment", "imap4flags", "vnd.dovecot.pipe", "copy"];\n'
                   'if environment :matches "imap.changedflags" ["*Junk*", "*NonJunk*"] {\n'
                   '  if hasflag "NonJunk" { pipe :copy "learn" "ham"; }\n'
                   '  elsif hasflag "Junk" { pipe :copy "learn" "spam"; }\n'
                   '}\n')
    host.settings["imapsieve_scripts"] = [f"*:flag={path}"]
    host.write_settings()
    host.stop("imapd")
    host.start("imapd")
    host.put(BOB, letter("cheap watches", to=BOB))
    with host.imap(BOB) as client:
        client.select("INBOX")
        client.store("1", "+FLAGS", "(\\Seen \\Flagged $Label1)")
        equal(read(learned), "", "after flags of another kind")
        client.store("1", "+FLAGS", "(Junk)")
        equal(read(learned), f"spam {BOB}\n", "after Junk")
        client.store("1", "+FLAGS", "(Junk)")
        client.store("1", "-FLAGS", "(Junk)")
        equal(read(learned), f"spam {BOB}\n", "after no change, and after Junk is taken away")
        client.uid("STORE", "1", "+FLAGS.SILENT", "(NonJunk)")
        equal(read(learned), f"spam {BOB}\nham {BOB}\n", "after NonJunk")


@test("a script of imapd redirects what comes into a mailbox, as its owner")
def redirecting(t):
    host = Host(t, {"imapsieve_url": "sieve://mail.example.test"})
    host.command("pennypost", "sieve", "put", BOB, "send", "-", input=(
        'require ["imapsieve", "environment", "copy"];\n'
        'if environment "imap.cause" "APPEND" { redirect :copy "' + ALICE + '"; }\n'))
    with host.imap(BOB) as client:
        contains(client.capability()[1][0].decode(), "IMAPSIEVE=sieve://mail.example.test", "CAPABILITY")
        client.create("ActionItems")
        equal(client.xatom("SETMETADATA", "ActionItems", '(/shared/imapsieve/script "send")')[0], "OK",
              "SETMETADATA")
        client.append("ActionItems", None, None, letter("to be done", sender=BOB, to=BOB))
    eventually(lambda: subjects(host, ALICE) == ["to be done"], "alice has it")
    with open(host.messages(ALICE)[0], "rb") as file:
        contains(file.read().decode(), f"Return-Path: <{BOB}>", "alice's copy")
    equal(subjects(host, BOB, ".ActionItems"), ["to be done"], "bob's mailbox")


@test("a program at delivery gets each message once, with the user's environment, and its failure keeps the mail")
def delivering(t):
    host = host_with_programs(t)
    seen = os.path.join(host.folder, "seen")
    program(host, "take", f'cat > /dev/null; echo "$USER $SENDER $RECIPIENT $1" >> {seen}')
    program(host, "fail", "echo 'not today' >&2; exit 1")
    program(host, "mark", "sed 's/^Subject: /&[marked] /'")
    program(host, "hang", "sleep 600")
    script(host, 'require ["vnd.dovecot.pipe", "vnd.dovecot.filter", "copy"];\n'
                 'if header "subject" "take" { pipe "take" "a b"; }\n'
                 'elsif header "subject" "fail" { pipe :try "fail"; }\n'
                 'elsif header "subject" "hang" { pipe :try "hang"; }\n'
                 'else { filter "mark"; }\n')
    for subject in ("take", "fail", "hang", "lunch"):
        post(t, host, subject)
    host.wait_queue(0)
    equal(read(seen), f"{BOB} {ALICE} {BOB} a b\n", "what the program saw")
    equal(subjects(host, BOB), ["[marked] lunch", "fail", "hang"], "INBOX")
    log = host.log()
    contains(log, "status=sent (piped to take by filter)", "the log")
    contains(log, 'the program "fail" ended with status 1: not today', "the log")
    contains(log, 'the program "hang" took more than 5 s (sieve_program_exec_timeout)', "the log")


@test("FILTER applies a script to mail that is there")
def filtering(t):
    host = Host(t)
    for subject in ("invoice 7", "lunch"):
        post(t, host, subject)
    eventually(lambda: len(host.messages(BOB)) == 2, "bob has both")
    script(host, 'require "fileinto"; if header :contains "subject" "invoice" { fileinto "Money"; }\n')
    with host.imap(BOB) as client:
        client.select("INBOX")
        equal(client.xatom("UID", "FILTER SIEVE DELIVERY ALL")[0], "OK", "UID FILTER")
        equal(len(client.search(None, "DELETED")[1][0].split()), 1, "flagged as deleted")
        client.expunge()
    equal(subjects(host, BOB), ["lunch"], "INBOX")
    equal(subjects(host, BOB, ".Money"), ["invoice 7"], "Money")


@test("FILTER tells of the message for which a script fails at run time, leaves it, and goes on")
def failing(t):
    host = host_with_programs(t)
    program(host, "refuse", "cat > /dev/null; exit 1")
    for subject in ("broken", "lunch"):
        host.put(BOB, letter(subject, to=BOB))
    script(host, 'require ["fileinto", "mailbox", "vnd.dovecot.pipe"];\n'
                 'if header "subject" "broken" { pipe "refuse"; } else { fileinto :create "Food"; }\n')
    with host.imap(BOB) as client:
        client.select("INBOX")
        broken = client.search(None, "SUBJECT", "broken")[1][0]
        equal(client.xatom("FILTER", "SIEVE DELIVERY ALL")[0], "OK", "FILTER")
        told = {row.split()[0]: row.decode() for row in client.response("FILTERED")[1]}
        contains(told[broken], 'ERRORS "the program', "what FILTER says of the message that is broken")
        contains(told[broken], "refuse", "which program failed")
        equal(client.search(None, "DELETED", "SUBJECT", "broken")[1][0], b"", "the message that was left")
    equal(subjects(host, BOB, ".Food"), ["lunch"], "Food")
    equal(subjects(host, BOB), ["broken", "lunch"], "INBOX")

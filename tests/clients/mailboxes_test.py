"""An admin's commands for mailboxes: they change what clients see while the daemons run, and find what IMAP's SEARCH finds."""
import imaplib
import json
import mailbox
import os
import tarfile

from harness import Shared, check, contains, equal, eventually, test
from mailhost import Host, letter, unverified

ALICE, BOB = "alice@example.test", "bob@example.test"


def make_host(t):
    return Host(t, {"disable_plaintext_auth": False, "imap_auto_create_special": False})


shared = Shared(make_host)


def run(host, *arguments, ok=True, **options):
    return host.command("pennypost", *arguments, ok=ok, **options)


def lines(host, *arguments):
    return run(host, *arguments).stdout.splitlines()


def rows(host, *arguments):
    """What --json prints; it stands before the words that follow the command's name."""
    at = 2 if arguments[0] in ("mailbox", "flags") else 1
    return [json.loads(line) for line in lines(host, *arguments[:at], "--json", *arguments[at:])]


def fresh_user(host, name):
    """An account of a test's own on the shared host."""
    login = f"{name}@example.test"
    host.users[login] = f"{name}-secret"
    host.command("pennypost", "user", "add", login, input=f"{name}-secret\n")

    def logs_in():  # the daemons look at the tables once a second
        try:
            host.imap(login).logout()
        except imaplib.IMAP4.error:
            return False
        return True

    eventually(logs_in, f"{login} logs in")
    return login


def store(client, folder, subject, flags="", date=None, body="Hello.\r\n"):
    done, answer = client.append(folder, flags, date, letter(subject, body))
    equal(done, "OK", f"APPEND: {answer}")


def subjects(host, login, *query):
    return [row["hdr.subject"] for row in rows(host, "fetch", "-u", login, "hdr.subject", *query)]


@test("folders that an admin makes, renames, subscribes and removes are those that a client sees at once")
def folders(t):
    host = shared.get()
    login = fresh_user(host, "fay")
    equal(lines(host, "mailbox", "list", "-u", login), ["INBOX"], "the folders of a new account")
    client = host.imap(login)

    def seen(command="LIST"):
        answer = client.list()[1] if command == "LIST" else client.lsub()[1]
        return sorted(line.decode().split()[-1].strip('"') for line in answer if line)

    run(host, "mailbox", "create", "-s", "-u", login, "Work", "Work.Old", "Grüße")
    contains(seen(), "Gr&APwA3w-e", "LIST after create")
    contains(seen("LSUB"), "Work.Old", "LSUB after create -s")
    equal(run(host, "mailbox", "create", "-u", login, "Work", ok=False).returncode, 1, "the second time")
    run(host, "mailbox", "rename", "-s", "-u", login, "Work", "Job")
    check({"Job", "Job.Old"} <= set(seen()) and "Work" not in seen(), f"after rename: {seen()}")
    equal(lines(host, "mailbox", "list", "-u", login, "Job*"), ["Job", "Job.Old"], "the list of a pattern")
    run(host, "mailbox", "unsubscribe", "-u", login, "Grüße")
    check("Grüße" not in lines(host, "mailbox", "list", "-s", "-u", login), "still subscribed")
    store(client, "Job", "kept")
    refused = run(host, "mailbox", "delete", "-e", "-u", login, "Job", ok=False)
    equal(refused.returncode, 1, "delete -e of a folder with mail")
    contains(refused.stderr, "1 messages", "why not")
    run(host, "mailbox", "delete", "-r", "-s", "-u", login, "Job")
    check(not [name for name in seen() if name.startswith("Job")], f"after delete -r: {seen()}")
    equal(run(host, "mailbox", "delete", "-u", login, "Job", ok=False).returncode, 68, "of a folder that is not there")
    client.logout()


@test("mailbox status counts as STATUS does, folder by folder and in all")
def status(t):
    host = shared.get()
    login = fresh_user(host, "stan")
    client = host.imap(login)
    client.create("Box")
    for number in range(3):
        store(client, "INBOX", f"n{number}", r"(\Seen)" if number else "")
    store(client, "Box", "other")
    [row] = rows(host, "mailbox", "status", "-u", login, "all", "INBOX")
    told = client.status("INBOX", "(MESSAGES UNSEEN UIDNEXT UIDVALIDITY SIZE)")[1][0].decode()
    for name, item in (("messages", "MESSAGES"), ("unseen", "UNSEEN"), ("uidnext", "UIDNEXT"),
                       ("uidvalidity", "UIDVALIDITY"), ("vsize", "SIZE")):
        contains(told, f"{item} {row[name]}", f"{name} in STATUS")
    equal(lines(host, "mailbox", "status", "-u", login, "messages unseen", "*"),
          ["INBOX messages=3 unseen=1", "Box messages=1 unseen=1"], "of all folders")
    equal(lines(host, "mailbox", "status", "-t", "-u", login, "messages", "*"), ["total messages=4"], "the sum")
    equal(run(host, "mailbox", "status", "-u", login, "messages", "Nope", ok=False).returncode, 68, "no such folder")
    client.logout()


@test("a query finds what SEARCH finds, in the folders that it names")
def queries(t):
    host = shared.get()
    login = fresh_user(host, "quinn")
    client = host.imap(login)
    client.create("Sent")
    store(client, "INBOX", "the plan", r"(\Flagged $Work)", body="Meet me.\r\n")
    store(client, "INBOX", "old news", r"(\Seen)", imaplib.Time2Internaldate(1600000000.0))
    store(client, "INBOX", "=?utf-8?q?Gr=C3=BC=C3=9Fe?=")
    store(client, "Sent", "the plan again", r"(\Seen)")

    def found(*query):
        return sorted(subjects(host, login, *query))

    equal(found("subject", "the plan"), ["the plan", "the plan again"], "in all folders")
    equal(found('mailbox INBOX subject "the plan"'), ["the plan"], "as one argument")
    equal(found("mailbox", "Sent", "or", "mailbox", "INBOX", "flagged"), [], "AND of two folders")
    equal(found("or", "mailbox", "Sent", "flagged"), ["the plan", "the plan again"], "a folder or a flag")
    equal(found("keyword", "$Work", "body", "meet me"), ["the plan"], "a keyword and a body")
    equal(found("before", "1w"), ["old news"], "an age")
    equal(found("since", "2020-09-01", "before", "2020-10-01"), ["old news"], "ISO days")
    equal(found("mailbox", "I*", "not", "seen", "not", "flagged"), ["=?utf-8?q?Gr=C3=BC=C3=9Fe?="], "NOT")
    equal([row["hdr.subject.utf8"] for row in rows(host, "fetch", "-u", login, "hdr.subject.utf8", "subject", "grüsse")],
          ["Grüße"], "a text in UTF-8, and its field decoded")
    client.select("INBOX")
    [uid] = client.uid("SEARCH", "FLAGGED")[1][0].split()
    [guid] = [row["guid"] for row in rows(host, "mailbox", "status", "-u", login, "guid", "INBOX")]
    equal(lines(host, "search", "-u", login, "flagged"), [f"{guid} {uid.decode()}"], "search, as doveadm prints it")
    equal(found("mailbox-guid", guid, "uid", uid.decode()), ["the plan"], "a query of what search printed")
    client.logout()
    for wrong in (["subject"], ["nonsense"], ["since", "yesterday"], ["modseq", "7"], ["("]):
        equal(run(host, "search", "-u", login, *wrong, ok=False).returncode, 64, f"the status for {wrong}")
    equal(run(host, "search", "-u", login, "mailbox", "Nope", ok=False).returncode, 68, "for a folder that is not there")


@test("fetch shows the fields of a message as doveadm names them, and marks nothing as seen")
def fields(t):
    host = shared.get()
    login = fresh_user(host, "fern")
    client = host.imap(login)
    store(client, "INBOX", "fields", "($Work)", imaplib.Time2Internaldate(1600000000.0), "one\r\ntwo\r\n")
    names = "uid seq mailbox flags size.virtual date.received hdr.subject body body.snippet imap.envelope imap.bodystructure"
    [row] = rows(host, "fetch", "-u", login, names, "all")
    client.select("INBOX", readonly=True)
    told = b"".join(part if isinstance(part, bytes) else b" ".join(part)
                    for part in client.fetch("1", "(UID FLAGS RFC822.SIZE ENVELOPE BODYSTRUCTURE)")[1]).decode()
    equal((row["uid"], row["seq"], row["mailbox"], row["flags"]), (1, 1, "INBOX", "$Work"), "uid, seq, mailbox, flags")
    contains(told, f"RFC822.SIZE {row['size.virtual']}", "the size")
    contains(told, "ENVELOPE " + row["imap.envelope"], "the envelope")
    contains(told, "BODYSTRUCTURE " + row["imap.bodystructure"], "the structure")
    equal((row["body"], row["body.snippet"]), ("one\ntwo\n", "one two"), "the body")
    check(row["date.received"].startswith("2020-09-13"), f"date.received: {row['date.received']}")
    text = run(host, "fetch", "-u", login, "uid hdr.subject body", "all").stdout
    equal(text, "uid: 1\nhdr.subject: fields\nbody:\none\ntwo\n\n\f\n", "as text")
    unknown = run(host, "fetch", "-u", login, "uid colour", "all", ok=False)
    equal(unknown.returncode, 64, "an unknown field")
    contains(unknown.stderr, "hdr.NAME", "what the fields are")
    client.logout()


@test("flags, moves, copies and removals by an admin are told to a client that has the folder open")
def changes(t):
    host = shared.get()
    login = fresh_user(host, "chip")
    client = host.imap(login)
    client.create("Archive")
    for number in range(4):
        store(client, "INBOX", f"n{number}")
    client.select("INBOX")

    def flags_of(uid):
        client.noop()
        return client.uid("FETCH", str(uid), "(FLAGS)")[1][0].decode()

    run(host, "flags", "add", "-u", login, r"\Seen $Done", "mailbox", "INBOX", "uid", "1:2")
    contains(flags_of(1), r"\Seen", "a flag that was added")
    contains(flags_of(2), "$Done", "a keyword that was added")
    run(host, "flags", "remove", "-u", login, r"\Seen", "uid", "1")
    check(r"\Seen" not in flags_of(1), "the flag was removed")
    run(host, "flags", "replace", "-u", login, r"\Flagged", "uid", "1")
    check("$Done" not in flags_of(1) and r"\Flagged" in flags_of(1), "the flags were replaced")
    run(host, "copy", "-u", login, "Archive", "mailbox", "INBOX", "subject", "n3")
    run(host, "move", "-u", login, "Archive", "mailbox", "INBOX", "subject", "n0")
    equal(sorted(subjects(host, login, "mailbox", "Archive")), ["n0", "n3"], "what is in Archive")
    client.noop()
    equal(client.uid("SEARCH", "ALL")[1], [b"2 3 4"], "what is left in INBOX")
    run(host, "expunge", "-u", login, "mailbox", "INBOX", "subject", "n2")
    client.noop()
    equal(client.uid("SEARCH", "ALL")[1], [b"2 4"], "after expunge")
    equal(run(host, "expunge", "-u", login, "subject", "n1", ok=False).returncode, 64, "expunge without a folder")
    missing = run(host, "move", "-u", login, "Nope", "mailbox", "INBOX", "all", ok=False)
    equal(missing.returncode, 68, "move to a folder that is not there")
    contains(missing.stderr, "mailbox create", "the remedy")
    run(host, "expunge", "-d", "-u", login, "mailbox", "Archive", "all")
    check("Archive" not in lines(host, "mailbox", "list", "-u", login), "expunge -d left an empty folder")
    equal(run(host, "flags", "add", "-u", login, r"\Nope", "all", ok=False).returncode, 64, "an unknown flag")
    client.logout()


def contents(host, login, *query):
    names = "mailbox flags date.received text"
    return sorted((row["mailbox"], " ".join(sorted(row["flags"].split())), row["date.received"], row["text"])
                  for row in rows(host, "fetch", "-u", login, names, *query))


@test("what is exported to an mbox, a Maildir or a tar archive comes back whole by import")
def there_and_back(t):
    host = shared.get()
    source = fresh_user(host, "edna")
    client = host.imap(source)
    client.create("Box.Deep")
    store(client, "INBOX", "first", r"(\Seen \Answered)", imaplib.Time2Internaldate(1500000000.0), "From the start.\r\n>From here\r\n")
    store(client, "INBOX", "second", r"($Work \Flagged)", imaplib.Time2Internaldate(1600000000.0))
    store(client, "Box.Deep", "third", r"(\Draft)", imaplib.Time2Internaldate(1550000000.0), "ü\r\n")
    client.logout()
    before = contents(host, source, "all")
    equal(len(before), 3, "how many messages there are")

    folder = host.path("export")
    os.makedirs(folder)
    host.own()
    for form in ("mbox", "maildir", "tar"):
        run(host, "export", "-u", source, f"{form}:{folder}/{form}", "all")
        again = run(host, "export", "-u", source, f"{form}:{folder}/{form}", "all", ok=False)
        check(again.returncode != 0 and "exists" in again.stderr, f"{form}: what exists was written over: {again.stderr}")
    equal(len(mailbox.mbox(f"{folder}/mbox")), 3, "messages that Python finds in the mbox")
    equal(len(list(mailbox.Maildir(f"{folder}/maildir"))), 2, "and in the Maildir's INBOX")
    with tarfile.open(f"{folder}/tar") as archive:
        archive.extractall(f"{folder}/untarred", filter="data")
    host.own()

    for form, location in (("maildir", "maildir"), ("tar", "untarred")):
        target = fresh_user(host, form)
        run(host, "import", "-u", target, f"maildir:{folder}/{location}", "", "all")
        equal(contents(host, target, "all"), before, f"what has come back from {form}")
    target = fresh_user(host, "mbox")
    told = lines(host, "import", "-s", "-u", target, f"mbox:{folder}/mbox", "Old", "all")
    equal(told, ["Old messages=3"], "what import tells")
    equal([row[1:] for row in contents(host, target, "all")], sorted(row[1:] for row in before), "what has come back from the mbox")
    contains(lines(host, "mailbox", "list", "-s", "-u", target), "Old", "import -s")
    run(host, "import", "-u", target, f"maildir:{folder}/maildir", "Below", "mailbox Box.* draft")
    equal(subjects(host, target, "mailbox", "Below.Box.Deep"), ["third"], "a part, below a folder")
    # A source is only read: no lock, no list of UIDs.
    equal([name for name in os.listdir(f"{folder}/maildir") if name.startswith("dovecot-uidlist")], [], "left in the source")
    piped = host.command("pennypost", "export", "-u", source, "tar:-", "subject", "third", input=b"")
    check(b"third" in piped.stdout, "an archive on standard output")
    equal(run(host, "import", "-u", target, "zip:x", "", "all", ok=False).returncode, 64, "an unknown source")


@test("where / separates levels, a dot within one does not divide the folder that is exported")
def dots(t):
    host = Host(t, {"mail_location": "maildir:~/Maildir:LAYOUT=fs", "namespace_separator": "/"}, daemons=("imapd",))
    with host.imap(BOB) as client:
        client.create('"a.b/c"')
        store(client, '"a.b/c"', "dotted")
    folder = host.path("export")
    os.makedirs(folder)
    host.own()
    run(host, "export", "-u", BOB, f"maildir:{folder}/maildir", "all")
    equal([name for name in os.listdir(f"{folder}/maildir") if name.startswith(".")], [".a_b.c"], "the folders of the Maildir")


@test("-A and a pattern stand for many users, each named in the output; one who fails does not stop the others")
def many(t):
    host = shared.get()
    for name in ("ma", "mb"):
        with_mail = fresh_user(host, name)
        host.put(with_mail, letter("for all of them"))
    seen = lines(host, "fetch", "-A", "uid", "subject", "for all of them")
    contains(seen, "user: ma@example.test", "who is named")
    contains(seen, "user: mb@example.test", "who is named")
    equal({row["user"] for row in rows(host, "search", "-u", "m?@example.test", "subject", "for all of them")},
          {"ma@example.test", "mb@example.test"}, "the users of a pattern")
    box = host.maildir("ma@example.test")
    host.put("ma@example.test", letter("hidden"), ".Shut")
    os.chmod(os.path.join(box, ".Shut", "cur"), 0)
    try:
        done = run(host, "search", "-u", "m?@example.test", "subject", "for all of them", ok=False)
        equal(done.returncode, 75, "a folder that can't be read")
        contains(done.stderr, "ma@example.test: can't read", "whose folder it is")
        contains(done.stdout, "mb@example.test", "the other one")
    finally:
        os.chmod(os.path.join(box, ".Shut", "cur"), 0o700)
    equal(run(host, "search", "-u", "nobody@example.test", "all", ok=False).returncode, 67, "a user who is not there")
    both = run(host, "search", "-A", "-u", ALICE, "all", ok=False)
    equal(both.returncode, 64, "-A with -u")
    equal(run(host, "search", "all", ok=False).returncode, 64, "neither")
    refused = run(host, "export", "-A", "mbox:/nowhere", "all", ok=False)
    contains(refused.stderr, "%u", "a target for many")


@test("doveadm's names do the same")
def by_other_name(t):
    host = shared.get()
    login = fresh_user(host, "dov")
    client = host.imap(login)
    store(client, "INBOX", "same")
    host.command("doveadm", "mailbox", "create", "-u", login, "Made")
    equal(host.command("doveadm", "mailbox", "list", "-u", login).stdout.split(), ["INBOX", "Made"], "the list")
    equal(host.command("doveadm", "search", "-u", login, "mailbox", "INBOX").stdout, run(host, "search", "-u", login, "all").stdout,
          "search by both names")
    contains(host.command("doveadm", "who").stdout, login, "who")
    contains(host.command("doveadm", "auth", "test", login, "dov-secret").stdout, "auth succeeded", "auth test")
    client.logout()


@test("who shows the sessions of IMAP, POP3 and submission, and kick ends those that it names")
def sessions(t):
    host = make_host(t)
    imap, pop = host.imap(ALICE), host.pop3(BOB)
    secure = host.imap(ALICE, tls=True)
    with host.smtp("submission") as smtp:
        smtp.starttls(context=unverified())
        smtp.login(BOB, host.users[BOB])
        seen = {(row["user"], row["service"], row["client"], row["encrypted"]) for row in rows(host, "who")}
        equal(seen, {(ALICE, "imap", "127.0.0.1", False), (ALICE, "imaps", "127.0.0.1", True),
                     (BOB, "pop3", "127.0.0.1", False), (BOB, "submission", "127.0.0.1", True)}, "who is there")
        contains(run(host, "who", "alice*").stdout, "1 imaps", "the table")
        check(BOB not in run(host, "who", "-1", ALICE).stdout, "a mask was not kept to")
        equal(rows(host, "who", "192.0.2.0/24"), [], "who is there from elsewhere")
        equal(run(host, "kick", "carol@example.test", ok=False).returncode, 68, "kick finds nobody")
        equal(run(host, "kick", ok=False).returncode, 64, "kick without a mask")
        equal(run(host, "kick", ALICE).stdout, "2 sessions ended\n", "how many are ended")
        for client in (imap, secure):
            try:
                client.noop()
                raise AssertionError("a session goes on after kick")
            except (imaplib.IMAP4.abort, OSError):
                pass
        eventually(lambda: {row["user"] for row in rows(host, "who")} == {BOB}, "only bob is left")
        check(pop.stat() and smtp.noop()[0] == 250, "another user was ended as well")
        run(host, "kick", BOB, "127.0.0.0/8")
        eventually(lambda: rows(host, "who") == [], "nobody is left")
        try:
            smtp.noop()
        except OSError:
            smtp.close()
        else:
            code = smtp.noop()[0] if smtp.sock else -1
            check(code != 250, "a submission goes on after kick")
    host.wait_log(r"kick: \d+ sessions of ")


@test("auth test tells whether a login is right, and for whom")
def logins(t):
    host = shared.get()
    done = run(host, "auth", "test", ALICE, "alice-secret")
    contains(done.stdout, f"user={ALICE}", "whose mail it leads to")
    equal(run(host, "auth", "test", ALICE, input="alice-secret\n").returncode, 0, "the password on standard input")
    wrong = run(host, "auth", "test", ALICE, "nonsense", ok=False)
    equal((wrong.returncode, wrong.stdout), (77, f"passdb: {ALICE} auth failed\n"), "a wrong password")
    contains(run(host, "auth", "test", "carol@example.test", "x", ok=False).stderr, "no such user", "a name that is not there")
    run(host, "user", "block", "--logins", BOB)
    contains(run(host, "auth", "test", BOB, "bob-secret", ok=False).stderr, "blocked", "a blocked user")
    run(host, "user", "unblock", BOB)
    run(host, "auth", "test", BOB, "bob-secret")
    run(host, "user", "set", BOB, "disabled=yes")
    refused = run(host, "auth", "test", BOB, "bob-secret", ok=False)
    contains(refused.stderr, "disabled", "a user who is disabled")
    equal((refused.returncode, refused.stdout), (77, f"passdb: {BOB} auth failed\n"), "the same")
    run(host, "user", "set", BOB, "disabled=", "allow_nets=192.0.2.0/24")
    contains(run(host, "auth", "test", BOB, "bob-secret", ok=False).stderr, "allow_nets", "a user from elsewhere")
    run(host, "auth", "test", "--client", "192.0.2.7", BOB, "bob-secret")
    run(host, "user", "set", BOB, "allow_nets=")


@test("force-resync gives the messages of a folder their UIDs back where a client has it open, and counts what it found")
def resync(t):
    host = shared.get()
    login = fresh_user(host, "rosa")
    client = host.imap(login)
    for number in range(3):
        store(client, "INBOX", f"n{number}")
    client.select("INBOX")
    before = client.uid("FETCH", "1:*", "(UID ENVELOPE)")[1]
    os.remove(next(path for path in host.messages(login) if b"Subject: n1" in open(path, "rb").read()))
    host.put(login, letter("n3"))
    equal(lines(host, "force-resync", "-u", login, "INBOX"), ["INBOX messages=3 added=1 dropped=1"], "what it found")
    client.noop()
    after = client.uid("FETCH", "1:*", "(UID ENVELOPE)")[1]
    equal([row.split(b" ", 1)[1] for row in after[:2]], [row.split(b" ", 1)[1] for row in (before[0], before[2])],
          "those that stayed, by UID")
    contains(after[2], b"UID 4 ", "the new one")
    equal(lines(host, "force-resync", "-u", login)[0], "INBOX messages=3 added=0 dropped=0", "the second time")
    client.noop()
    equal(client.uid("FETCH", "1:*", "(UID ENVELOPE)")[1], after, "after the second time")
    client.logout()
    equal(run(host, "force-resync", "-u", login, "Nope", ok=False).returncode, 68, "no such folder")
    equal(host.command("doveadm", "force-resync", "-u", login, "INBOX").returncode, 0, "by doveadm's name")

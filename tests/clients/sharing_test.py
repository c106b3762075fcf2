"""Users share mailboxes: over IMAP, by pennypost acl, and beside a Dovecot that reads the same dovecot-acl."""
import os
import re

from dovecot import Dovecot
from harness import check, contains, equal, eventually, test
from mailhost import Host, give, letter

ANN, BOB, CARL = "ann@example.test", "bob@example.test", "carl@example.test"
USERS = {ANN: "ann-secret", BOB: "bob-secret", CARL: "carl-secret"}
LISTS = "shared.ann@example^test.Lists"
# More workers than users, so that they hardly share one.
SETTINGS = {"imap_worker_shards": 16, "imap_auto_create_special": False}


def ok(told, what):
    equal(told[0], "OK", f"{what}: {told}")
    return told[1]


def rights(client, mailbox):
    """What MYRIGHTS says; nothing where there is no such mailbox."""
    status, rows = client.myrights(mailbox)
    if status != "OK":
        contains(rows[0], b"[NONEXISTENT]", "MYRIGHTS of a mailbox that is not there")
        return set()
    return set(rows[0].decode().split()[-1].strip('"'))


def names(client):
    rows = ok(client.list(), "LIST")
    return {row.decode().rsplit(" ", 1)[1].strip('"') for row in rows if row}


def numbers(client, name, items):
    text = ok(client.status(name, items), f"STATUS of {name}")[0].decode()
    return [int(number) for number in re.findall(r" (\d+)", text.rsplit("(", 1)[1])]


@test("two users work on one shared mailbox: each sees at once what the other does, by the same UIDs")
def together(t):
    host = Host(t, SETTINGS, users=USERS)
    ann, bob, carl = (host.imap(user) for user in USERS)
    ok(ann.create("Lists"), "CREATE")
    for number in range(3):
        ok(ann.append("Lists", "", None, letter(f"n{number}")), "APPEND")
    ok(ann.setacl("Lists", "bob", "lrwstie"), "SETACL")
    eventually(lambda: LISTS in names(bob), "bob's LIST shows the mailbox")
    check(not [name for name in names(carl) if name.startswith("shared")], "carl sees nothing of it")
    equal(carl.select(LISTS)[0], "NO", "carl's SELECT")

    ok(ann.select("Lists"), "ann's SELECT")
    ok(bob.select(LISTS), "bob's SELECT")
    uids = [client.uid("SEARCH", "ALL")[1][0] for client in (ann, bob)]
    equal(uids[0], uids[1], "the UIDs")
    ok(bob.store("1", "+FLAGS", r"(\Seen \Flagged)"), "bob's STORE")
    eventually(lambda: rb"\Flagged" in ann.fetch("1", "FLAGS")[1][0], "ann sees bob's flag")
    ok(ann.store("2", "+FLAGS", r"(\Deleted)"), "ann's STORE")
    ok(ann.expunge(), "ann's EXPUNGE")
    eventually(lambda: bob.noop() and len(bob.uid("SEARCH", "ALL")[1][0].split()) == 2, "bob sees ann's EXPUNGE")
    ok(bob.append(LISTS, "", None, letter("from bob")), "bob's APPEND")
    eventually(lambda: len(ann.uid("SEARCH", "ALL")[1][0].split()) == 3 or not ann.noop(), "ann sees bob's message")
    equal(numbers(ann, "Lists", "(MESSAGES UIDNEXT UIDVALIDITY)"), numbers(bob, LISTS, "(MESSAGES UIDNEXT UIDVALIDITY)"),
          "STATUS by either name")

    # Between users, in both directions.
    ok(bob.copy("1", "INBOX"), "COPY into bob's INBOX")
    equal(len(host.messages(BOB)), 1, "messages that bob has")
    ok(bob.select("INBOX"), "SELECT")
    moved = bob._simple_command("MOVE", "1", LISTS)  # pylint: disable=protected-access
    equal(moved[0], "OK", f"MOVE to ann: {moved}")
    equal((len(host.messages(BOB)), len(host.messages(ANN, ".Lists"))), (0, 4), "messages of bob, and in the mailbox")

    # HIGHESTMODSEQ never goes back, also after another's change and a new session.
    before = numbers(bob, LISTS, "(HIGHESTMODSEQ)")
    ok(ann.store("1", "-FLAGS", r"(\Flagged)"), "ann's STORE")
    bob.logout()
    bob = host.imap(BOB)
    after = numbers(bob, LISTS, "(HIGHESTMODSEQ)")
    check(after > before, f"HIGHESTMODSEQ {before} became {after}")

    # What is taken away is gone at once.
    ok(bob.select(LISTS), "bob's SELECT")
    ok(ann.deleteacl("Lists", "bob"), "DELETEACL")
    try:
        bob.noop()
        told = bob.select(LISTS)[0]
    except bob.abort:
        told = "BYE"
    check(told in ("BYE", "NO"), f"bob is told {told}")
    bob = host.imap(BOB)
    equal(bob.select(LISTS)[0], "NO", "bob's next SELECT")
    check(LISTS not in names(bob), "LIST shows it no more")


def idle_line(client):
    """Begins IDLE, and gives a function that waits for its next untagged line."""
    client.send(b"x1 IDLE\r\n")
    line = client.readline()
    check(line.startswith(b"+"), f"IDLE is answered {line!r}")
    return client.readline


@test("a waiting reader of a shared mailbox is told of new mail and of its owner's changes")
def waiting(t):
    host = Host(t, SETTINGS, users=USERS)
    ann, bob = host.imap(ANN), host.imap(BOB)
    ok(ann.append("INBOX", "", None, letter("first")), "APPEND")
    ok(ann.setacl("INBOX", "bob", "lr"), "SETACL")
    ok(bob.select("shared.ann@example^test.INBOX", readonly=True), "SELECT")
    next_line = idle_line(bob)
    with host.smtp() as client:
        client.sendmail(BOB, [ANN], letter("second"))
    contains(next_line(), b"2 EXISTS", "IDLE")
    ok(ann.select("INBOX"), "SELECT")
    ok(ann.store("1", "+FLAGS", r"(\Flagged)"), "STORE")
    lines = b""
    while b"Flagged" not in lines:
        more = next_line()
        check(more, f"IDLE ended after {lines}")
        lines += more
    contains(lines, b"* 1 FETCH", "IDLE")


@test("NOTIFY tells a visitor which annotations the owner's process has changed")
def annotated(t):
    host = Host(t, SETTINGS, users=USERS)
    ann, bob = host.imap(ANN), host.imap(BOB)
    ok(ann.create("Lists"), "CREATE")
    ok(ann.setacl("Lists", "bob", "lr"), "SETACL")
    eventually(lambda: LISTS in names(bob), "bob sees it")
    bob.send(b"n1 NOTIFY SET (subtree shared (MailboxMetadataChange))\r\n")
    contains(bob.readline(), b"n1 OK", "NOTIFY")
    for values, told in (('/shared/comment "for all" /private/comment "mine"', "/shared/comment"), ('/shared/comment NIL /shared/x "y"', "/shared/comment /shared/x")):
        ann.send(f"s1 SETMETADATA Lists ({values})\r\n".encode())
        contains(ann.readline(), b"s1 OK", "SETMETADATA")
        equal(bob.readline().decode(), f"* METADATA {LISTS} {told}\r\n", "what the visitor is told")


ACLS = {
    "user": "user=bob@example.test lr\n",
    "anyone": "anyone lr\n",
    "over": "anyone lrwst\nuser=bob@example.test l\n",
    "minus": "authenticated lrwstie\n-user=bob@example.test wst\n",
    "minus first": "-anyone w\nuser=bob@example.test lrw\n",
    "nothing": "user=bob@example.test\nanyone lr\n",
    "another": "user=carl@example.test lrwstipekxa\n",
    "another group": "group=others lr\n",
    "group": "group=staff lr\n",
    "two groups": "group=ops lw\ngroup=staff lr\n-group=ops s\n",
    "group over anyone": "anyone lrwst\ngroup=staff lr\n",
    "user over group": "group=staff lrwst\nuser=bob@example.test l\n",
    "group-override": "user=bob@example.test lrwst\ngroup-override=ops lr\nowner lra\n",
    "group with minus": "anyone lrws\n-group=staff w\ngroup=ops lrwt\n",
    "owner": "owner lra\nanyone l\n",
    "owner by name": "user=ann@example.test lr\n",
    "named": "user=bob@example.test l :read\n",
    "all": "user=bob@example.test lrwstipekxa\n",
    "remark": "# for bob\n\nuser=bob@example.test lrs\n",
    "twice": "user=bob@example.test l\nuser=bob@example.test rs\n",
    "damaged": "user=bob@example.test lr\nnonsense\n",
}


@test("Dovecot and we read the same rights out of the same dovecot-acl, as visitor and as owner")
def same_rights(t):
    host = Host(t, SETTINGS, users=USERS, start=False)
    for user in (ANN, BOB):
        host.command("pennypost", "user", "set", user, "acl_groups=staff,ops")
    contains(host.command("pennypost", "user", "show", BOB).stdout, "staff,ops", "user show")
    host.start()
    ann, bob = host.imap(ANN), host.imap(BOB)
    for number, text in enumerate(ACLS.values()):
        ok(ann.create(f"m{number}"), "CREATE")
        path = os.path.join(host.maildir(ANN), f".m{number}", "dovecot-acl")
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
    give(host.mail)
    theirs = {}
    for user in (BOB, ANN):
        more = f"""mail_plugins = acl
protocol imap {{
  mail_plugins = acl imap_acl
}}
plugin {{
  acl = vfile
  acl_user = {user}
  acl_groups = staff,ops
}}
"""
        # The process is tester's; the owner of the mail by Dovecot's rule is whoever the process is.
        more = more if user == BOB else more.replace(f"  acl_user = {user}\n", "")
        with Dovecot(t, host.maildir(ANN), f"dovecot-{user}", more) as other:
            for number in range(len(ACLS)):
                told = other.myrights(f"m{number}")
                theirs[user, number] = set(told[1][0].decode().split()[-1].strip('"')) if told[0] == "OK" else set()
    for number, name in enumerate(ACLS):
        ours = rights(bob, f"shared.ann@example^test.m{number}")
        equal(ours, theirs[BOB, number], f"bob's rights by `{name}`")
        # Dovecot's process has another name than ann, and shuts the owner out of what is damaged.
        if name not in ("owner by name", "damaged"):
            equal(rights(ann, f"m{number}"), theirs[ANN, number], f"the owner's rights by `{name}`")


@test("pennypost acl does what doveadm acl does; rights follow a user who is renamed, and end with one who is removed")
def admin(t):
    host = Host(t, SETTINGS, users=USERS)
    ann = host.imap(ANN)
    ok(ann.create("Lists"), "CREATE")
    acl = lambda *words: host.command("pennypost", "acl", *words).stdout
    acl("set", "-u", ANN, "Lists", f"user={BOB}", "lookup", "read", "-write")
    acl("add", "-u", ANN, "Lists", "anyone", "lookup")
    acl("add", "-u", ANN, "Lists", f"user={BOB}", "write-seen")
    equal(acl("get", "-u", ANN, "Lists").splitlines(), ["anyone lookup", f"user={BOB} lookup read write-seen -write"], "acl get")
    equal(acl("rights", "-u", BOB, LISTS).split(), ["lookup", "read", "write-seen"], "acl rights of bob")
    equal(acl("rights", "-u", CARL, LISTS).split(), ["lookup"], "acl rights of carl")
    acl("delete", "-u", ANN, "Lists", "anyone")
    equal(acl("list", "-A").splitlines(), [f"{ANN} Lists user={BOB} lookup read write-seen -write"], "acl list")
    bad = host.command("pennypost", "acl", "set", "-u", ANN, "Lists", "bob", "lookup", ok=False)
    equal(bad.returncode, 64, "the status for a bad ID")
    contains(bad.stderr, "user=NAME", "what a bad ID is answered")
    contains(host.command("doveadm", "acl", "get", "-u", ANN, "Lists").stdout, f"user={BOB}", "doveadm acl get")

    host.command("pennypost", "user", "rename", BOB, "robert@example.test")
    contains(acl("get", "-u", ANN, "Lists"), "user=robert@example.test lookup read write-seen", "the list after the renaming")
    host.users["robert@example.test"] = USERS[BOB]
    host.wait_login("robert@example.test")
    robert = host.imap("robert@example.test")
    eventually(lambda: LISTS in names(robert), "the renamed user sees it")
    host.command("pennypost", "user", "rename", ANN, "anna@example.test")
    eventually(lambda: "shared.anna@example^test.Lists" in names(robert), "it goes along with its owner")
    host.command("pennypost", "user", "del", "robert@example.test")
    equal(acl("get", "-u", "anna@example.test", "Lists"), "", "the list after the removal")

    # The record of who shares with whom can be made again.
    acl("set", "-u", "anna@example.test", "Lists", f"user={CARL}", "lookup", "read")
    carl = host.imap(CARL)
    record = os.path.join(host.mail, ".shared-mailboxes")
    os.remove(record)
    equal(rights(carl, "shared.anna@example^test.Lists"), set("lr"), "rights without the record")
    check("shared.anna@example^test.Lists" not in names(carl), "LIST without the record")
    acl("recalc", "-A")
    eventually(lambda: "shared.anna@example^test.Lists" in names(carl), "LIST with a new record")

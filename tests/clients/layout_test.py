"""Maildirs with LAYOUT=fs and with CONTROL=: the same to us and to a real Dovecot, and whole in all that we do with mail."""
import imaplib
import os
import re

from dovecot import Dovecot
from harness import check, contains, equal, eventually, test
from mailhost import Host, give, letter

ALICE, BOB = "alice@example.test", "bob@example.test"
SETTINGS = {"disable_plaintext_auth": False, "imap_auto_create_special": False}
# What stands behind the path in mail_location; {more} is a directory of the test's own.
LOCATIONS = {
    "fs": ":LAYOUT=fs",
    "fs and CONTROL": ":LAYOUT=fs:CONTROL={more}/control",
    "fs and INBOX": ":LAYOUT=fs:INBOX={more}/inbox",
    "Maildir++ and CONTROL": ":CONTROL={more}/control",
}


def location_of(t, which):
    more = os.path.join(t.folder, "host", "mail", "more")
    os.makedirs(more, exist_ok=True)
    return "maildir:" + os.path.join(t.folder, "host", "mail", "boxes") + LOCATIONS[which].format(more=more)


def make_host(t, which, settings=None):
    """A host of one user, so that her mail can be anywhere."""
    location = location_of(t, which)
    host = Host(t, {**SETTINGS, "virtual_mail_location": location, **(settings or {})}, users={BOB: "bob-secret"}, start=False)
    give(host.mail)
    return host, location[len("maildir:"):]


def ok(told, what):
    equal(told[0], "OK", f"{what}: {told}")
    return told[1]


def view(client):
    """All that a client keeps: names with attributes, subscriptions, and of each folder UIDVALIDITY, UIDs and flags."""
    folders, seen = {}, {}
    for row in ok(client.list(), "LIST"):
        attributes, _, name = re.fullmatch(r'\(([^)]*)\) "(.)" "?([^"]*)"?', row.decode()).groups()
        # A level that no directory stands for is \NonExistent to the one and \Noselect to the other.
        marks = {mark.lower().replace("nonexistent", "noselect") for mark in attributes.split()}
        folders[name] = marks & {"\\noselect", "\\hasnochildren", "\\haschildren"}
        if "\\noselect" in marks:
            continue
        ok(client.select(f'"{name}"', readonly=True), f"SELECT {name}")
        validity = client.response("UIDVALIDITY")[1][0]
        rows = [row.decode() for row in client.uid("FETCH", "1:*", "(FLAGS)")[1] if row]
        seen[name] = validity, {int(re.search(r"UID (\d+)", row)[1]):
                                sorted(set(re.search(r"FLAGS \(([^)]*)", row)[1].split()) - {"\\Recent"}) for row in rows}
    client.unselect()  # others may remove what is selected
    subscribed = sorted(row.decode().rsplit(" ", 1)[1].strip('"') for row in ok(client.lsub(), "LSUB") if row)
    return folders, subscribed, seen


def separator_of(client):
    return re.search(rb'\) "(.)" ', ok(client.list(), "LIST")[0])[1].decode()


def fill(client, mark):
    """Folders at two levels, messages with flags and a keyword, subscriptions."""
    name = lambda *levels: separator_of(client).join(levels)
    for folder in (name(f"{mark}-Work", "2026"), name(f"{mark}-Work", "2026", "deep"), f"{mark}-a", name(f"{mark}-a", "b"),
                   name("INBOX", f"{mark}-below"), f"{mark}-gone", name(f"{mark}-old", "x")):
        ok(client.create(folder), f"CREATE {folder}")
    for folder in ("INBOX", name(f"{mark}-Work", "2026"), f"{mark}-a", name(f"{mark}-a", "b"), name(f"{mark}-old", "x")):
        ok(client.append(folder, r"(\Seen \Flagged)", None, letter(f"{mark} one")), f"APPEND to {folder}")
        ok(client.append(folder, f"({mark}word)", None, letter(f"{mark} two")), f"APPEND to {folder}")
        ok(client.select(folder), f"SELECT {folder}")
        ok(client.uid("STORE", "1", "+FLAGS", r"(\Answered)"), "STORE")
        ok(client.close(), "CLOSE")
    ok(client.subscribe(name(f"{mark}-Work", "2026")), "SUBSCRIBE")
    ok(client.subscribe("INBOX"), "SUBSCRIBE")
    ok(client.delete(f"{mark}-gone"), "DELETE")
    if separator_of(client) == "/":  # Dovecot still shows such a folder in Maildir++
        ok(client.delete(f"{mark}-a"), "DELETE of one with another below")
    ok(client.rename(f"{mark}-old", name(f"{mark}-new", "er")), "RENAME")


def both_ways(t, which):
    host, path = make_host(t, which)
    with Dovecot(t, path, "first") as theirs:
        fill(theirs, "d")
        before = view(theirs)
    host.start("imapd")
    ours = host.imap(BOB)
    equal(view(ours), before, "what we show of Dovecot's Maildir")
    fill(ours, "p")
    after = view(ours)
    check(len(after[0]) > len(before[0]), "more folders")
    with Dovecot(t, path, "second") as theirs:
        equal(view(theirs), after, "what Dovecot shows of ours")
        ok(theirs.append("INBOX", "", None, letter("third")), "APPEND")
        ok(theirs.rename("p-new", "again"), "RENAME")
        last = view(theirs)
    eventually(lambda: view(ours) == last, "our session sees what Dovecot did meanwhile")
    ours.logout()


for which_place in LOCATIONS:
    test(f"{which_place}: Dovecot and we show the same list, UIDs, flags and subscriptions, in both directions")(
        lambda t, which=which_place: both_ways(t, which))


# Dovecot's plugin listescape and our LISTESCAPE=: (what stands behind the path, separator of names, names).
ESCAPED = {
    "Maildir++ with /": ("", "/", ["v1.0", "x.y/z.0", "~x", "a/~y", "pl+us", "m~d"]),
    "Maildir++ with .": ("", ".", ["~x", "a.~y", "pl+us"]),
    "fs with /": (":LAYOUT=fs", "/", ["~x", "a/~y", "pl+us", "a.b", "a/c.d"]),
    "fs with .": (":LAYOUT=fs", ".", ["~x", "a.~y", "pl+us"]),
}


def folders_on_disk(path):
    return sorted(os.path.relpath(place, path) for place, parts, _ in os.walk(path) if "cur" in parts)


def escaped_names(t, which):
    layout, separator, names = ESCAPED[which]
    boxes = {who: os.path.join(t.folder, "host", "mail", who) for who in ("theirs", "ours")}
    for box in boxes.values():
        os.makedirs(box)
    plugin = (f"namespace inbox {{\n  inbox = yes\n  separator = {separator}\n}}\nmail_plugins = listescape\n"
              "plugin {\n  listescape_char = +\n}\n")
    host = Host(t, {**SETTINGS, "virtual_mail_location": f"maildir:{boxes['ours']}{layout}:LISTESCAPE=+",
                    "namespace_separator": separator}, users={BOB: "bob-secret"}, start=False)
    give(host.mail)

    def use(client, box):
        for name in names:
            ok(client.create(f'"{name}"'), f"CREATE {name}")
            ok(client.append(f'"{name}"', "", None, letter(name)), f"APPEND to {name}")
        return view(client)

    with Dovecot(t, boxes["theirs"] + layout, "theirs", plugin) as client:
        shown = use(client, boxes["theirs"])
    host.start("imapd")
    with host.imap(BOB) as client:
        use(client, boxes["ours"])
    equal(folders_on_disk(boxes["ours"]), folders_on_disk(boxes["theirs"]), "the directories of the same names")
    check(any("+" in place for place in folders_on_disk(boxes["ours"])), "something is escaped")
    # Each reads the other's.
    os.rename(boxes["ours"], boxes["ours"] + ".old")
    os.rename(boxes["theirs"], boxes["ours"])
    with host.imap(BOB) as client:
        equal(view(client), shown, "what we show of Dovecot's folders")
    with Dovecot(t, boxes["ours"] + ".old" + layout, "again", plugin) as client:
        equal(set(view(client)[0]), set(shown[0]), "what Dovecot shows of ours")


for which_names in ESCAPED:
    test(f"LISTESCAPE, {which_names}: the same names have the same directories as with Dovecot's listescape")(
        lambda t, which=which_names: escaped_names(t, which))


STEPS = [("create", "a/b/c"), ("create", "a/b/d"), ("delete", "a/b/c"), ("delete", "a/b/d"), ("create", "x/"), ("delete", "x"),
         ("create", "p"), ("create", "p/q"), ("delete", "p"), ("delete", "p/q"), ("create", "r/s/t"), ("rename", "r/s/t", "u"),
         ("create", "v/w"), ("rename", "v/w", "v/z"), ("delete", "v"), ("create", "k/"), ("create", "k/l/m"), ("delete", "k/l/m")]


def parents(t, option):
    boxes = {who: os.path.join(t.folder, "host", "mail", who) for who in ("theirs", "ours")}
    for box in boxes.values():
        os.makedirs(box)
    host = Host(t, {**SETTINGS, "virtual_mail_location": f"maildir:{boxes['ours']}:LAYOUT=fs{option}"},
                users={BOB: "bob-secret"}, start=False)
    give(host.mail)
    host.start("imapd")

    def step(client, verb, names):
        told = getattr(client, verb)(*[f'"{name}"' for name in names])[0]
        return told, view(client)[0]

    def places(box):
        parts = ("cur", "new", "tmp")
        return sorted(os.path.relpath(place, box) for place, _, _ in os.walk(box) if os.path.basename(place) not in parts)

    with host.imap(BOB) as ours, Dovecot(t, f"{boxes['theirs']}:LAYOUT=fs{option}") as theirs:
        for verb, *names in STEPS:
            equal(step(ours, verb, names), step(theirs, verb, names), f"{verb} {names}: the answer and LIST")
            equal(places(boxes["ours"]), places(boxes["theirs"]), f"the directories after {verb} {names}")
        # An empty directory of anybody's making; Dovecot's session may not look for it again.
        os.makedirs(os.path.join(boxes["ours"], "strange", "deep"))
        equal("strange" in view(ours)[0], not option, "whether it is listed")


test("LAYOUT=fs: folders that hold folders only stay, go and are shown as with Dovecot")(lambda t: parents(t, ""))
test("LAYOUT=fs and NO-NOSELECT: a folder without messages goes with the last one below it, as with Dovecot")(
    lambda t: parents(t, ":NO-NOSELECT"))


def all_of_it(t, which):
    host, path = make_host(t, which, {"quota_rule": "*:storage=1M"})
    host.start()
    admin = lambda *words: host.command("pennypost", *words).stdout
    mark = "." if which.startswith("Maildir") else "/"
    folder = f"Lists{mark}dev"
    host.command("pennypost", "sieve", "put", BOB, "rules", "-",
                 input=f'require "fileinto"; if header :contains "subject" "list" {{ fileinto "{folder}"; }}\n')
    admin("sieve", "activate", BOB, "rules")
    for subject in ("for the list", "plain"):
        with host.smtp() as client:
            client.sendmail(ALICE, [BOB], letter(subject))
    host.wait_queue(0)
    with host.imap(BOB) as client:
        for name in ("INBOX", folder):
            eventually(lambda n=name: ok(client.select(n), f"SELECT {n}") == [b"1"], f"a message in {name}")
        contains(ok(client.getquotaroot("INBOX"), "GETQUOTAROOT")[1][0], b"STORAGE", "the quota")
        check("STORAGE 0 " not in str(client.getquotaroot("INBOX")), "something is used")
        ok(client.setacl(folder, "alice", "lr"), "SETACL")
        ok(client.select(folder), "SELECT")
        equal(ok(client.uid("SEARCH", "FUZZY", "TEXT", "list"), "SEARCH"), [b"1"], "what FUZZY finds")
        ok(client.subscribe(folder), "SUBSCRIBE")
        before = view(client)
    equal({name for name in before[0]}, {"INBOX", "Lists", folder}, "folders, and none of our own files")
    pop = host.pop3(BOB)
    equal(pop.stat()[0], 1, "messages over POP3")
    pop.quit()
    check("dovecot-acl" in os.listdir(os.path.join(path.split(":")[0], ("." if mark == "." else "") + folder)),
          "dovecot-acl lies in the folder")

    # An admin's commands.
    contains(admin("mailbox", "list", "-u", BOB), folder, "mailbox list")
    equal(len(admin("search", "-u", BOB, "SUBJECT", "list").splitlines()), 1, "what search finds")
    admin("quota", "recalc", "-u", BOB)
    check("\n" in admin("quota", "get", "-u", BOB), "quota get")
    admin("force-resync", "-u", BOB, folder)
    copy = host.path("copy")
    admin("export", "-u", BOB, "maildir:" + copy, "all")
    check(os.path.isdir(os.path.join(copy, ".Lists.dev", "cur")), f"the exported folder: {os.listdir(copy)}")
    source = path.split(":")[0] + (":LAYOUT=fs" if mark == "/" else "")
    admin("import", "-u", BOB, "maildir:" + source, "Copy", "SUBJECT", "list")
    equal(admin("mailbox", "status", "-u", BOB, "messages", f"Copy{mark}{folder}").split()[-1], "messages=1", "what was imported")
    admin("mailbox", "delete", "-u", BOB, f"Copy{mark}{folder}")
    admin("mailbox", "create", "-u", BOB, f"one{mark}two")
    admin("mailbox", "rename", "-u", BOB, "one", "uno")
    contains(admin("mailbox", "list", "-u", BOB), f"uno{mark}two", "mailbox list")
    admin("mailbox", "delete", "-u", BOB, f"uno{mark}two")
    restored(t, host, path, before, folder)


def restored(t, host, path, before, folder):
    """A folder that is lost comes back with its UIDs; one that has mail keeps it."""
    target = os.path.join(t.folder, "backup")
    os.makedirs(target)
    give(target)
    host.command("pennypost", "backup", target)
    with host.imap(BOB) as client:
        ok(client.delete(folder), "DELETE")
        ok(client.append("INBOX", "", None, letter("later")), "APPEND")
    done = host.command("pennypost", "restore", "--user", BOB, target, ok=False)
    equal(done.returncode, 0, f"restore: {done.stderr}")
    with host.imap(BOB) as client:
        now = view(client)
        equal(now[2][folder], before[2][folder], "the folder that was lost")
        equal(sorted(now[2]["INBOX"][1]), [1, 2], "UIDs in INBOX")
        equal(now[1], before[1], "subscriptions")


for which_place in LOCATIONS:
    test(f"{which_place}: delivery, Sieve, quota, ACL, search, POP3, admin's commands, backup and restore work")(
        lambda t, which=which_place: all_of_it(t, which))


@test("users whose mail has different layouts share mailboxes: each sees names with the separator of the own ones")
def shared(t):
    host = Host(t, SETTINGS, start=False)
    host.command("pennypost", "user", "set", ALICE, "mail=maildir:~/Maildir:LAYOUT=fs")
    host.start("imapd")
    with host.imap(ALICE) as alice, host.imap(BOB) as bob:
        for client, own, theirs, owner, other in ((alice, "Work/2026", "shared.alice@example^test.Work.2026", "alice", bob),
                                                  (bob, "Lists.dev", "shared/bob@example.test/Lists/dev", "bob", alice)):
            ok(client.create(own), "CREATE")
            ok(client.append(own, "", None, letter("shared")), "APPEND")
            ok(client.setacl(own, {"alice": "bob", "bob": "alice"}[owner], "lr"), "SETACL")
            eventually(lambda c=other, n=theirs: n.encode() in b"".join(ok(c.list(), "LIST")), f"LIST shows {theirs}")
            equal(ok(other.select(theirs, readonly=True), f"SELECT {theirs}"), [b"1"], "messages")


@test("a namespace whose end is not the separator of users' mailboxes is told in the log, once")
def separators(t):
    host = Host(t, {**SETTINGS, "virtual_mail_location": "maildir:~/Maildir:LAYOUT=fs", "imap_worker_shards": 1,
                    "namespace_aliases": ["mail.", "old/"], "namespace_shared_prefix": "shared."}, daemons=("imapd",))
    for login in (BOB, BOB):
        with host.imap(login) as client:
            client.create("a")
            ok(client.select("old/a"), "SELECT by the alias that is right")
            equal(client.select("mail.a")[0], "NO", "SELECT by the other")
    host.wait_log(r"namespace_aliases: mail\. does not end in the separator / of users' mailboxes")
    host.wait_log(r"namespace_shared_prefix: shared\. does not end in the separator /")
    equal(host.log().count("does not end in the separator"), 2, "lines in the log")


@test("what a mail_location has that is not known here, check and each login tell in words")
def refused(t):
    host = Host(t, SETTINGS, start=False)
    for part, why in ((":LAYOUT=index", "LAYOUT=index is unknown; a Maildir's is maildir++ or fs"), (":ALT=/alt", "ALT= is not supported"),
                      (":INBOX=~/elsewhere", "unless it has LAYOUT=fs")):
        host.settings["virtual_mail_location"] = "maildir:~/Maildir" + part
        host.write_settings()
        done = host.command("pennypost", "check", ok=False)
        check(done.returncode != 0, "check's exit status")
        contains(done.stderr + done.stdout, why, "what check says")
        contains(done.stderr + done.stdout, "virtual_mail_location", "what check says")
    host.start("imapd")
    try:
        host.imap(BOB)
        raise AssertionError("bob logs in")
    except imaplib.IMAP4.error:
        pass
    host.wait_log(r"unless it has LAYOUT=fs")

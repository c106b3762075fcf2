"""What a user tries with the names of folders, and what links lie in a Maildir with LAYOUT=fs: nothing leaves the Maildir."""
import imaplib
import os
import time

from harness import check, equal, test
from mailhost import Host, give, letter

BOB = "bob@example.test"
LIST_SECONDS_MAX = 5
NAMES = ("..", "../x", "a/../../x", "a/..", "./a", "a/./b", "/etc/x", "//x", "cur", "new", "tmp", "a/cur", "cur/a", "tmp/a/b",
         "dovecot-uidlist", "a/dovecot-uidlist", "dovecot-acl", "subscriptions", "maildirsize", "pennypost-meta", ".hidden", "a/.b",
         "x.lock", "/".join("d" * 30), "n" * 300, "&AC4-&AC4-/x", "&AC8-x")


def mail_host(t):
    return Host(t, {"disable_plaintext_auth": False, "virtual_mail_location": "maildir:~/Maildir:LAYOUT=fs:CONTROL=~/control",
                    "imap_auto_create_special": False})


def is_refused(command, *words):
    try:
        return command(*words)[0] == "NO"
    except imaplib.IMAP4.error as error:
        return "BAD" in str(error)


def everything(folder):
    return sorted(os.path.join(where, name) for where, folders, files in os.walk(folder) for name in folders + files)


@test("with LAYOUT=fs no name that IMAP takes leads out of the Maildir, or to a file that is no folder")
def names(t):
    host = mail_host(t)
    client = host.imap(BOB)
    equal(client.append("INBOX", "", None, letter("kept"))[0], "OK", "APPEND")
    equal(client.create("a")[0], "OK", "CREATE")
    outside = os.path.join(t.folder, "outside")
    os.makedirs(outside)
    before = [path for path in everything(host.mail) if "pennypost" not in path]
    for name in NAMES:
        quoted = f'"{name}"'
        for command, *words in ((client.create, quoted), (client.delete, quoted), (client.rename, "a", quoted), (client.rename, quoted, "b"),
                                (client.select, quoted), (client.append, quoted, "", None, letter("x"))):
            check(is_refused(command, *words), f"{command.__name__} {words[:2]}")
    equal([path for path in everything(host.mail) if "pennypost" not in path], before, "files")
    equal(client.select("INBOX")[1], [b"1"], "messages in INBOX")


@test("with LAYOUT=fs links that lead in circles or elsewhere hold up no LIST, and DELETE removes the link alone")
def links(t):
    host = mail_host(t)
    client = host.imap(BOB)
    for name in ("a/b/c", "d"):
        equal(client.create(name)[0], "OK", "CREATE")
    root, outside = host.maildir(BOB), os.path.join(host.mail, "outside")
    for part in ("cur", "new", "tmp", "below/cur"):
        os.makedirs(os.path.join(outside, part))
    kept = os.path.join(outside, "cur", "1700000000.M1.elsewhere:2,S")
    with open(kept, "wb") as file:
        file.write(letter("kept").replace(b"\r\n", b"\n"))
    for where, to in (("loop", "."), ("a/up", ".."), ("a/b/c/top", root), ("d/link", outside), ("d/file", kept), ("d/gone", "nowhere"),
                      ("d/self", "self")):
        os.symlink(to, os.path.join(root, where))
    give(host.mail)
    began = time.monotonic()
    rows = {row.decode().rsplit(" ", 1)[1].strip('"') for row in client.list()[1]}
    check(time.monotonic() - began < LIST_SECONDS_MAX, "LIST is quick")
    equal(rows, {"INBOX", "a", "a/b", "a/b/c", "d", "d/link", "d/link/below"}, "folders")
    equal(client.select("d/link")[1], [b"1"], "messages in the folder that is a link")
    equal(client.close()[0], "OK", "CLOSE")
    equal(client.delete("d/link")[0], "OK", "DELETE")
    check(os.path.exists(kept) and not os.path.islink(os.path.join(root, "d", "link")), "the link is gone, and nothing else")
    equal(client.delete("d")[0], "OK", "DELETE of a folder with links")
    check(os.path.exists(kept), "what a link leads to")
    equal(client.rename("a", "z")[0], "OK", "RENAME")
    check(os.path.exists(os.path.join(root, "z", "b", "c", "cur")), "the renamed folder")
    client.logout()

"""root's commands for mailboxes act with the rights of the user whose mail it is, and with no other."""
import os

from harness import check, contains, equal, test
from mailhost import letter
from roothost import CAROL, MAIL_USER, RootHost

ALICE = "alice@example.test"


def owners(top):
    """The uids of all that is below a directory."""
    return {os.lstat(os.path.join(folder, name)).st_uid for folder, folders, files in os.walk(top)
            for name in [*folders, *files]}


@test("what root makes in a mailbox belongs to its user; a link that the user made leads root to nothing of others")
def rights(t):
    host = RootHost(t, {"disable_plaintext_auth": False}, daemons=("imapd",))

    def run(*arguments, **options):
        return host.command("pennypost", *arguments, **options)

    source = os.path.join(t.folder, "home", "old.mbox")
    with open(source, "wb") as file:
        file.write(b"From x Mon Nov 13 00:00:00 2023\n" + letter("imported").replace(b"\r\n", b"\n") + b"\n")
    os.chmod(source, 0o600)
    for login, uid, box in (("carol", CAROL, os.path.join(host.carol_home, "Maildir")),
                            (ALICE, MAIL_USER, os.path.join(host.mail, "example.test", "alice", "Maildir"))):
        # A file that only root can read is opened with root's rights, and written with the user's.
        run("import", "-s", "-u", login, f"mbox:{source}", "Old", "all")
        run("mailbox", "create", "-u", login, "Made")
        run("flags", "add", "-u", login, r"\Seen", "all")
        equal(owners(box), {uid}, f"whose the files of {login} are")
        target = os.path.join(t.folder, "home", f"export-{uid}")
        run("export", "-u", login, f"maildir:{target}", "all")
        equal(owners(target) | {os.stat(target).st_uid}, {uid}, "whose an exported Maildir is")
        contains(run("fetch", "-u", login, "hdr.subject", "all").stdout, "imported", "what is in it")
    secret = os.path.join(t.folder, "home", "secret")
    for part in ("cur", "new", "tmp"):
        os.makedirs(os.path.join(secret, part), mode=0o700)
    with open(os.path.join(secret, "cur", "1.a.b:2,"), "wb") as file:
        file.write(letter("root's own").replace(b"\r\n", b"\n"))
    os.chmod(secret, 0o700)
    os.symlink(secret, os.path.join(host.carol_home, "Maildir", ".Link"))
    done = run("fetch", "-u", "carol", "text", "all", ok=False)
    check("root's own" not in done.stdout, "a user's link showed what only root may read")
    done = run("import", "-u", "carol", f"maildir:{secret}", "", "all", ok=False)
    check(done.returncode != 0 and "root's own" not in run("fetch", "-u", "carol", "text", "mailbox", "INBOX", ok=False).stdout,
          "a Maildir that only root may read was imported")
    everybody = run("mailbox", "list", "-A").stdout
    contains(everybody, "carol Old", "-A has system users")
    contains(everybody, f"{ALICE} Made", "-A has own users")
    check("root " not in everybody, "-A has root")

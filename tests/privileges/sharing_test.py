"""Shared mailboxes where root runs the daemons: own users reach each other's by the uid that they share, system users none."""
import os
import stat

from harness import check, contains, equal, test
from roothost import CAROL_PASSWORD, MAIL_USER, RootHost

ALICE, BOB = "alice@example.test", "bob@example.test"
SHARED = "shared.alice@example^test.INBOX"


def names(client):
    return {row.decode().rsplit(" ", 1)[1].strip('"') for row in client.list()[1] if row}


@test("own users share mailboxes, system users can't, and a removal by root ends what was shared")
def sharing(t):
    host = RootHost(t, {"disable_plaintext_auth": False})
    host.users["carol"] = CAROL_PASSWORD
    alice, bob, carol = host.imap(ALICE), host.imap(BOB), host.imap("carol")
    equal(alice.setacl("INBOX", "bob", "lr")[0], "OK", "SETACL")
    check(SHARED in names(bob), f"LIST shows {names(bob)}")
    equal(bob.select(SHARED, readonly=True)[0], "OK", "SELECT")
    for file in (os.path.join(host.mail, ".shared-mailboxes"), os.path.join(host.maildir(ALICE), "dovecot-acl")):
        status = os.stat(file)
        equal((stat.S_IMODE(status.st_mode), status.st_uid), (0o600, MAIL_USER), f"mode and owner of {file}")

    check("ACL" not in carol.capability()[1][0].decode().split(), "CAPABILITY of a system user names ACL")
    contains(carol.setacl("INBOX", "bob", "lr")[1][0], b"can't be shared", "SETACL of a system user")
    equal(carol.select(SHARED)[0], "NO", "SELECT by a system user")
    check(SHARED not in names(carol), "LIST of a system user")
    equal(alice.setacl("INBOX", "carol", "lr")[0], "OK", "SETACL for a system user's name")
    check(SHARED not in names(carol), "LIST of a system user to whom something is granted")

    bob.logout()
    host.command("pennypost", "user", "del", BOB)
    contains(host.command("pennypost", "acl", "list", "-u", ALICE).stdout, "user=carol@example.test", "what is still shared")
    check(BOB not in host.command("pennypost", "acl", "list", "-u", ALICE).stdout, "the removed user is in a list")

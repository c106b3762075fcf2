"""The quota over IMAP: of mailboxes that users share, beside a real Dovecot, and as an admin sets it (RFC 9208)."""
import os
import re

from dovecot import DovecotServer
from harness import check, contains, equal, eventually, test
from mailhost import Host, letter

ANN, BOB, ADMIN = "ann@example.test", "bob@example.test", "admin@example.test"
USERS = {ANN: "ann-secret", BOB: "bob-secret", ADMIN: "admin-secret"}
ROOT = '"User quota"'
# Two of these have room in 10 KiB, three have not.
LARGE = letter("large", b"0123456789\r\n" * 300)


def dovecot_with_quota(t):
    """A Dovecot with shared mailboxes and a quota of 10 KiB for each user."""
    mail = os.path.join(t.folder, "dovecot-mail")
    return DovecotServer(t, USERS, mail=mail, more=f"""
mail_plugins = acl quota
protocol imap {{
  mail_plugins = acl quota imap_acl imap_quota
}}
plugin {{
  acl = vfile
  acl_shared_dict = file:{mail}/shared.db
  quota = maildir:User quota
  quota_rule = *:storage=10K
}}
namespace inbox {{
  inbox = yes
  separator = .
}}
namespace shared {{
  type = shared
  separator = .
  prefix = shared.%%n.
  location = maildir:{mail}/%%d/%%n/Maildir
  list = children
  subscriptions = no
}}
""")


def asked(client, *words):
    """The tagged answer's status and code, and what QUOTAROOT and QUOTA say."""
    client.untagged_responses.clear()
    status, told = client._simple_command(*words)  # pylint: disable=protected-access
    code = re.match(rb"\[([A-Z]+)", told[-1] or b"")
    lines = [line.decode() for name in ("QUOTAROOT", "QUOTA") for line in client.untagged_responses.get(name, [])]
    return status, code.group(1).decode() if code else "", lines


def appended(client, mailbox):
    status, told = client.append(mailbox, "", None, LARGE)
    return status, "OVERQUOTA" if b"[OVERQUOTA]" in told[-1] else ""


def visit(server, shared, is_ours):
    """What bob and ann are told about a mailbox of hers, called `shared` by him."""
    ann, bob = server.imap(ANN), server.imap(BOB)
    equal(ann.create("Lists")[0], "OK", "CREATE")
    equal(ann.setacl("Lists", BOB, "lrwstie")[0], "OK", "SETACL")
    eventually(lambda: bob.status(shared, "(MESSAGES)")[0] == "OK", "bob sees the mailbox")
    seen = [appended(bob, shared), appended(bob, shared), appended(bob, shared)]
    seen.append(asked(bob, "GETQUOTAROOT", shared)[0])
    seen.append(asked(bob, "GETQUOTAROOT", shared + "x")[0])
    seen.append(asked(bob, "GETQUOTA", ROOT))
    seen.append(asked(ann, "GETQUOTAROOT", "Lists"))
    seen.append(appended(ann, "INBOX"))
    seen.append(appended(bob, "INBOX"))
    equal(bob.select("INBOX")[0], "OK", "SELECT")
    seen.append(asked(bob, "COPY", "1", shared)[:2])
    if is_ours:  # Dovecot does not ask the owner's quota for a MOVE
        equal(asked(bob, "MOVE", "1", shared)[:2], ("NO", "OVERQUOTA"), "MOVE by bob into the full mailbox")
    equal(bob.select(shared)[0], "OK", "SELECT of the shared mailbox")
    seen.append(asked(bob, "COPY", "1", shared)[:2])
    equal(bob.store("1:*", "+FLAGS", r"(\Deleted)")[0], "OK", "STORE")
    equal(bob.expunge()[0], "OK", "EXPUNGE")
    seen.append(asked(ann, "GETQUOTA", ROOT))
    equal(bob.select("INBOX")[0], "OK", "SELECT")
    seen.append(asked(bob, "MOVE", "1", shared)[0])
    seen.append(asked(bob, "GETQUOTA", ROOT))
    seen.append(asked(ann, "GETQUOTA", ROOT))
    for client in (ann, bob):
        client.logout()
    return seen


@test("what others put into a mailbox that a user shares counts for its owner, who alone sees the quota: as with Dovecot")
def shared_mailbox(t):
    host = Host(t, {"quota_rule": "*:storage=10K", "imap_auto_create_special": False}, daemons=("imapd",), users=USERS)
    ours = visit(host, "shared.ann@example^test.Lists", True)
    theirs = visit(dovecot_with_quota(t), "shared.ann.Lists", False)
    for number, (one, other) in enumerate(zip(ours, theirs)):
        equal(one, other, f"answer {number} of ours and Dovecot's")
    # So that both are not wrong alike.
    equal(ours[:5], [("OK", ""), ("OK", ""), ("NO", "OVERQUOTA"), "NO", "NO"], "APPEND by bob, and his GETQUOTAROOT")
    equal(ours[5][2], ['"User quota" (STORAGE 0 10)'], "what bob himself uses")
    equal(ours[9], ("NO", "OVERQUOTA"), "COPY by bob")


@test("an admin sets a user's quota by SETQUOTA: it stands in the users map, and holds for mail that comes")
def set_by_admin(t):
    host = Host(t, {"imap_auto_create_special": False}, daemons=("smtpd", "imapd"), users=USERS)
    host.command("pennypost", "user", "quota", BOB, "*:storage=1G:messages=50", "Trash:storage=+10%")
    host.command("pennypost", "user", "set", ADMIN, "admin=yes")
    contains(host.command("pennypost", "user", "show", ADMIN).stdout, "admin", "user show")
    bob_root = f'"{BOB}:User quota"'

    def admin_session():
        client = host.imap(ADMIN)
        if b"QUOTASET" in client.capability()[1][-1]:
            return client
        client.logout()
        return None
    admin = eventually(admin_session, "the admin is told of QUOTASET")
    equal(admin.getquota(bob_root), ("OK", [f"{bob_root} (STORAGE 0 1048576 MESSAGE 0 50)".encode()]), "GETQUOTA")
    equal(admin.setquota(bob_root, "(STORAGE 10)"), ("OK", [f"{bob_root} (STORAGE 0 10)".encode()]), "SETQUOTA")
    equal(host.command("pennypost", "user", "quota", BOB).stdout, f"{BOB}\t*:bytes=10240:messages=0 Trash:bytes=+10%\n",
          "the rules in the users map")
    host.wait_log(rf"the quota of {BOB} is .* now, set by {ADMIN}")

    def refused():
        with host.smtp() as client:
            client.ehlo()
            client.mail(ANN, ["SIZE=20000"])
            return client.rcpt(BOB)[0] == 552
    eventually(refused, "RCPT refuses more than the new quota")

    def own_quota():
        with host.imap(BOB) as bob:
            return bob.getquota(ROOT)
    eventually(lambda: own_quota() == ("OK", [b'"User quota" (STORAGE 0 10)']), "bob's GETQUOTA shows the new quota")
    with host.imap(BOB) as bob:
        check(b"QUOTASET" not in bob.capability()[1][-1], "QUOTASET is announced to bob")
        equal(asked(bob, "SETQUOTA", ROOT, "(STORAGE 1000)")[:2], ("NO", "NOPERM"), "bob's SETQUOTA")
        equal(asked(bob, "GETQUOTA", f'"{ANN}:User quota"')[:2], ("NO", "NONEXISTENT"), "bob asks for ann's")

    # What is given to nobody: a user who is not there, a limit that is none.
    equal(asked(admin, "SETQUOTA", '"zoe@example.test:User quota"', "(STORAGE 1)")[:2], ("NO", "NONEXISTENT"), "an unknown user")
    equal(asked(admin, "SETQUOTA", bob_root, "(STORAGE 0)")[:2], ("NO", "CANNOT"), "a limit of 0")
    # The keeper looks again: the session began as an admin's.
    host.command("pennypost", "user", "set", ADMIN, "admin=")
    equal(asked(admin, "SETQUOTA", bob_root, "(STORAGE 1000)")[:2], ("NO", "NOPERM"), "SETQUOTA by who is an admin no more")
    contains(host.command("pennypost", "user", "quota", BOB).stdout, "*:bytes=10240:", "bob's rules")
    admin.logout()

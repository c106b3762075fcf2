"""Own users get other names and leave; their mail goes with them, and what still names them is told of."""
import os
import tarfile

from harness import check, contains, equal, eventually, test
from mailhost import Host, letter

BOB = "bob@example.test"
ROB = "rob@example.test"
OPEN = {"disable_plaintext_auth": False}


def names(host):
    return sorted(line.split()[0] for line in host.command("pennypost", "user", "list").stdout.splitlines())


def texts(host, login):
    client = host.pop3(login)
    found = sorted(b"\r\n".join(client.retr(number + 1)[1]) for number in range(client.stat()[0]))
    client.quit()
    return found


def may_log_in(host, login):
    try:
        host.pop3(login).quit()
        return True
    except Exception:  # pylint: disable=broad-except
        return False


def uids(host, login):
    client = host.imap(login)
    client.select("INBOX", readonly=True)
    found = (client.response("UIDVALIDITY")[1], client.uid("FETCH", "1:*", "(FLAGS)")[1])
    client.logout()
    return found


@test("a user who is renamed logs in by the new name alone, with the same password, mail, UIDs and flags")
def rename(t):
    host = Host(t, OPEN, aliases="staff: bob\n")
    for number in range(3):
        host.put(BOB, letter(f"message {number}"))
    client = host.imap(BOB)
    client.select("INBOX")
    client.store("2", "+FLAGS", r"(\Seen $Label1)")
    client.logout()
    before, seen = texts(host, BOB), uids(host, BOB)
    done = host.command("pennypost", "user", "rename", BOB, "Rob")
    contains(done.stdout, f"{BOB} is now {ROB}", "what rename says")
    contains(done.stderr, host.path("etc/aliases") + ":1: alias_maps still names bob@example.test", "what rename warns of")
    equal(names(host), ["alice@example.test", ROB], "users")
    host.users[ROB] = host.users[BOB]
    eventually(lambda: may_log_in(host, ROB), "rob may log in")
    eventually(lambda: not may_log_in(host, BOB), "bob may not log in")
    equal(texts(host, ROB), before, "messages")
    equal(uids(host, ROB), seen, "UIDVALIDITY, UIDs and flags")
    check(not os.path.lexists(os.path.join(host.mail, "example.test/bob")), "the old home is still there")
    check(not os.path.islink(os.path.join(host.mail, "example.test/rob")), "the new home is a link")
    with host.smtp() as client:
        client.sendmail("alice@example.test", [ROB], letter("after"))
        client.mail("alice@example.test")
        equal(client.rcpt(BOB)[0], 550, "the answer to the old name")
    eventually(lambda: len(texts(host, ROB)) == 4, "mail for the new name arrives")


@test("a user gets a name in another domain, where the mail goes by domain and name")
def other_domain(t):
    host = Host(t, {**OPEN, "virtual_mail_location": f"maildir:{t.folder}/host/mail/boxes/%d/%n"})
    for number in range(2):
        with host.smtp() as client:
            client.sendmail("alice@example.test", [BOB], letter(f"message {number}"))
    eventually(lambda: len(texts(host, BOB)) == 2, "the messages have arrived")
    before = texts(host, BOB)
    host.command("pennypost", "user", "rename", BOB, "bob@other.test")
    host.users["bob@other.test"] = host.users[BOB]
    eventually(lambda: may_log_in(host, "bob@other.test"), "the new name may log in")
    equal(texts(host, "bob@other.test"), before, "messages")
    check(os.path.isdir(host.path("mail/boxes/other.test/bob/cur")), "the mail is where the new name's belongs")
    check(not os.path.lexists(host.path("mail/boxes/example.test/bob")), "the old directory is still there")


@test("rename refuses a user who is not there, a name that is taken, and a place that is")
def refusals(t):
    host = Host(t, OPEN)
    host.put(BOB, letter("stays"))
    for words, why in (((BOB, "alice"), "exists already"), (("eve", "adam"), "no user eve@example.test")):
        done = host.command("pennypost", "user", "rename", *words, ok=False)
        equal(done.returncode, 1, f"exit status of rename {words}")
        contains(done.stderr, why, "what rename says")
    os.makedirs(os.path.join(host.mail, "example.test/rob"))
    done = host.command("pennypost", "user", "rename", BOB, ROB, ok=False)
    contains(done.stderr, "example.test/rob is there already", "what rename says")
    equal(names(host), ["alice@example.test", BOB], "users")
    equal(len(texts(host, BOB)), 1, "messages")


@test("a user who is removed leaves the mail, takes it along, or leaves an archive that tar opens")
def removal(t):
    users = {f"{name}@example.test": "secret" for name in ("stay", "gone", "kept")}
    host = Host(t, OPEN, users=users, aliases="all: stay@example.test, gone, kept@example.test\n")
    for login in users:
        host.put(login, letter(f"of {login}"))
    home = os.path.join(host.mail, "example.test")
    done = host.command("pennypost", "user", "del", "stay")
    contains(done.stdout, "the mail is still in " + os.path.join(home, "stay"), "what del says")
    check(os.path.isdir(os.path.join(home, "stay/Maildir")), "the mail is gone")
    done = host.command("pennypost", "user", "del", "--with-mail", "gone")
    contains(done.stderr, "etc/aliases:1: alias_maps still names gone@example.test", "what del warns of")
    check(not os.path.lexists(os.path.join(home, "gone")), "the mail is still there")
    archive = host.path("mail", "kept.tar.gz")
    done = host.command("pennypost", "user", "del", "--archive", host.path("mail", "kept.zip"), "kept", ok=False)
    contains(done.stderr, "one of .tar, .tar.gz, ", "what del says of another kind of archive")
    host.command("pennypost", "user", "del", "--archive", archive, "kept")
    equal(names(host), [], "users")
    equal(sorted(os.listdir(home)), ["stay"], "homes")
    with tarfile.open(archive) as tar:
        (message,) = [entry for entry in tar.getmembers() if "/new/" in entry.name]
        contains(tar.extractfile(message).read(), b"Subject: of kept@example.test", "the message in the archive")
    equal(os.stat(archive).st_mode & 0o777, 0o600, "the archive's mode")
    with open(host.path("etc/credentials"), encoding="ascii") as file:
        equal(file.read().strip(), "", "passwords")


@test("an archive of a user's mail is compressed as its name says")
def forms(t):
    begin = {".tar": (257, b"ustar"), ".tar.gz": (0, b"\x1f\x8b"), ".tgz": (0, b"\x1f\x8b"), ".tar.xz": (0, b"\xfd7zXZ"),
             ".tar.zst": (0, b"\x28\xb5\x2f\xfd")}
    users = {f"u{number}@example.test": "secret" for number in range(len(begin))}
    host = Host(t, OPEN, users=users, start=False)
    for login, (suffix, (place, magic)) in zip(users, begin.items()):
        host.put(login, letter(f"of {login}"))
        archive = host.path("mail", "kept" + suffix)
        host.command("pennypost", "user", "del", "--archive", archive, login)
        with open(archive, "rb") as file:
            equal(file.read()[place:place + len(magic)], magic, f"how {suffix} begins")
        if suffix != ".tar.zst":  # Python's library does not know it
            with tarfile.open(archive) as tar:
                check(any("/new/" in name for name in tar.getnames()), f"no message in {tar.getnames()}")


@test("mail that another user has as well is not removed")
def shared(t):
    host = Host(t, OPEN, users={})
    host.command("pennypost", "user", "add", "-d", host.path("mail/shared"), "one", input="secret\n")
    host.command("pennypost", "user", "add", "-d", host.path("mail/shared"), "two", input="secret\n")
    os.makedirs(host.path("mail/shared/Maildir"))
    done = host.command("pennypost", "user", "del", "--with-mail", "one", ok=False)
    contains(done.stderr, "has the mail of two@example.test as well", "what del says")
    check(os.path.isdir(host.path("mail/shared/Maildir")), "the mail is gone")
    equal(names(host), ["one@example.test", "two@example.test"], "users")
    host.command("pennypost", "user", "del", "one")

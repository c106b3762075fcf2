"""Backups of a running host: what a restored one shows to clients that knew the old one, and what a user gets back."""
import fcntl
import mailbox
import os
import re
import subprocess

from harness import check, contains, equal, eventually, test
from mailhost import TOP, Host, give, letter
from programs import pull_by_mbsync

ALICE = "alice@example.test"
BOB = "bob@example.test"
LARGE = b"0123456789" * 7 + b"\r\n"
LARGE_LINES = 3000  # more than the queue's database takes in: its body is a file


def target_of(t):
    path = os.path.join(t.folder, "backup")
    os.makedirs(path)
    give(path)
    return path


def empty_place(host):
    """The host's disk is lost: nothing is left of it but an empty directory."""
    for daemon in list(host.running):
        host.stop(daemon)
    os.rename(host.folder, host.folder + ".lost")
    os.makedirs(host.path("log"))
    give(host.folder)


def command_of(host, *words):
    """pennypost without a configuration, as on a host that has none yet."""
    return subprocess.run(host.wrapped([os.path.join(host.bin, "pennypost"), *words]), capture_output=True, text=True,
                          env=host.environment(), cwd=TOP, check=False, timeout=120, **host.identity())


def run_restore(host, target, *options, ok=True):
    done = command_of(host, "restore", *options, target)
    if ok:
        equal(done.returncode, 0, f"restore's exit status: {done.stderr}")
    return done


def sync(host, login):
    """mbsync, which remembers what it has: the file names of INBOX after another run."""
    near = pull_by_mbsync(host, login)
    return sorted(name for part in ("new", "cur") for name in os.listdir(os.path.join(near, part)))


def by_pop3(host, login):
    """{unique id: message}"""
    client = host.pop3(login, tls=True)
    found = {line.split()[1]: b"\r\n".join(client.retr(int(line.split()[0]))[1]) for line in client.uidl()[1]}
    client.quit()
    return found


def by_imap(host, login, folder="INBOX"):
    """{UID: (flags, keywords among them)}, and UIDVALIDITY."""
    client = host.imap(login)
    equal(client.select(folder, readonly=True)[0], "OK", f"SELECT {folder}")
    validity = client.response("UIDVALIDITY")[1][0]
    rows = [row.decode() for row in client.uid("FETCH", "1:*", "(FLAGS)")[1] if row]
    client.logout()
    return validity, {re.search(r"UID (\d+)", row)[1]: sorted(set(re.search(r"FLAGS \(([^)]*)", row)[1].split()) - {"\\Recent"})
                      for row in rows}


def lived_in(t, settings=None):
    """A host whose users have read and marked mail, with a message that waits for a host elsewhere."""
    host = Host(t, {"disable_plaintext_auth": False, **(settings or {})})
    for number in range(5):
        with host.smtp() as client:
            client.sendmail(ALICE, [BOB], letter(f"message {number}"))
    with host.smtp() as client:
        client.sendmail(ALICE, ["far@elsewhere.test"], letter("waits", LARGE * LARGE_LINES))
    client = host.imap(BOB)
    eventually(lambda: client.select("INBOX")[1][0] == b"5", "bob has five messages")
    client.uid("STORE", "2", "+FLAGS", r"(\Seen $Label1)")
    client.uid("STORE", "3", "+FLAGS", r"(\Deleted)")
    client.uid("EXPUNGE", "3")
    client.create("Sent")
    client.uid("COPY", "2", "Sent")
    client.logout()
    return host


@test("a host that is lost comes back from its backup: mbsync and a POP3 client fetch nothing again, the queue waits on", seconds=600)
def lost_host(t):
    host = lived_in(t)
    target = target_of(t)
    ids = by_pop3(host, BOB)  # first, since it marks them as seen
    near, marks, sent = sync(host, BOB), by_imap(host, BOB), by_imap(host, BOB, "Sent")
    equal(len(near), 4, "messages that mbsync has fetched")
    (waiting,) = host.wait_queue(1)
    contains(host.command("pennypost", "backup", target).stdout, " files, ", "what backup says")
    empty_place(host)
    restored = run_restore(host, target)
    contains(restored.stdout, "files restored", "what restore says")
    # A second time there is nothing to do.
    contains(run_restore(host, target).stdout, ": 0 files restored", "what a second restore says")
    host.start()
    equal(by_imap(host, BOB), marks, "UIDVALIDITY, UIDs and flags of INBOX")
    equal(by_imap(host, BOB, "Sent"), sent, "UIDVALIDITY, UIDs and flags of Sent")
    equal(sync(host, BOB), near, "what mbsync has after another run")
    equal(by_pop3(host, BOB), ids, "unique ids and messages over POP3")
    (again,) = host.wait_queue(1)
    equal(again["queue_id"], waiting["queue_id"], "the message that waits")
    contains(host.command("postcat", "-q", again["queue_id"]).stdout, "0123456789" * 7, "the text of the message that waits")
    with host.smtp() as client:
        client.sendmail(ALICE, [BOB], letter("after"))
    host.wait_messages(BOB, 5)
    equal(len(sync(host, BOB)), 5, "messages that mbsync has after a new one")


@test("a second backup links what the first has, also of messages whose flags changed, and each is whole")
def incremental(t):
    host = lived_in(t)
    target = target_of(t)
    host.command("pennypost", "backup", target)
    client = host.imap(BOB)
    client.select("INBOX")
    client.uid("STORE", "1", "+FLAGS", r"(\Flagged \Seen)")
    client.uid("STORE", "5", "+FLAGS", r"(\Deleted)")
    client.expunge()
    client.logout()
    host.command("pennypost", "backup", "--keep", "2", target)
    names = backups(target)
    equal(len(names), 2, f"backups in {os.listdir(target)}")
    equal(command_of(host, "backup", "list", target).stdout.split(), names, "what backup list shows")
    old, new = (messages_in(os.path.join(target, name), host.maildir(BOB)) for name in names)
    equal((len(old), len(new)), (4, 3), "messages in the first and in the second backup")
    for base, (inode, name) in new.items():
        equal(inode, old[base][0], f"the file of {name}, a link")
    check(any("F" in name.split(":2,")[-1] for _, name in new.values()), f"no flag in {new}")
    for name in names:
        done = command_of(host, "backup", "verify", target, name)
        equal(done.returncode, 0, f"verify of {name}: {done.stderr}")
    host.command("pennypost", "backup", "--keep", "2", target)
    equal(len(backups(target)), 2, "backups that --keep leaves")
    check(names[0] not in backups(target), "the oldest is still there")
    equal(os.path.basename(os.path.realpath(os.path.join(target, "last"))), backups(target)[-1], "where last leads")


def backups(target):
    return sorted(name for name in os.listdir(target) if re.match(r"\d{4}-", name))


def messages_in(backup, maildir):
    """{base name: (inode, name)}"""
    found = {}
    for part in ("new", "cur"):
        folder = backup + "/files" + maildir + "/" + part
        for name in os.listdir(folder):
            found[name.split(":")[0]] = (os.stat(os.path.join(folder, name)).st_ino, name)
    return found


@test("verify names a file of a backup that is damaged and one that is missing, and restore refuses the damaged one")
def damaged(t):
    host = lived_in(t)
    target = target_of(t)
    host.command("pennypost", "backup", target)
    (name,) = backups(target)
    paths = [f"{target}/{name}/files{host.maildir(BOB)}/cur/" + entry
             for entry in sorted(os.listdir(f"{target}/{name}/files{host.maildir(BOB)}/cur"))]
    status = os.stat(paths[0])
    with open(paths[0], "r+b") as file:
        file.seek(20)
        file.write(b"\0")
    os.utime(paths[0], ns=(status.st_atime_ns, status.st_mtime_ns))
    os.remove(paths[1])
    done = command_of(host, "backup", "verify", target)
    equal(done.returncode, 1, "verify's exit status")
    contains(done.stderr, paths[0].split("/files")[1] + ": is not what was copied", "what verify says")
    contains(done.stderr, paths[1].split("/files")[1] + ": No such file", "what verify says")
    empty_place(host)
    done = run_restore(host, target, ok=False)
    equal(done.returncode, 1, "restore's exit status")
    check(not os.path.exists(paths[0].split("/files")[1]), "a damaged message was restored")


@test("restore replaces nothing unless told, and nothing at all under daemons that run")
def careful(t):
    host = lived_in(t)
    target = target_of(t)
    host.command("pennypost", "backup", target)
    done = run_restore(host, target, ok=False)
    equal(done.returncode, 1, "restore's exit status while the daemons run")
    contains(done.stderr, "smtpd runs", "what restore says")
    for daemon in list(host.running):
        host.stop(daemon)
    aliases = host.write("etc/aliases", "changed: alice@example.test\n")
    done = run_restore(host, target, ok=False)
    equal(done.returncode, 1, "restore's exit status over a file that differs")
    contains(done.stderr, aliases, "what restore says")
    with open(aliases, encoding="ascii") as file:
        contains(file.read(), "changed", "the file")
    run_restore(host, target, "--overwrite")
    with open(aliases, encoding="ascii") as file:
        equal(file.read(), "", "the file that was restored")
    host.start()
    host.wait_queue(1)


@test("one user's mail comes back under running daemons: what is missing, with its flags; what is there stays as it is")
def one_user(t):
    host = lived_in(t)
    target = target_of(t)
    texts = sorted(by_pop3(host, BOB).values())
    marks, sent = by_imap(host, BOB), by_imap(host, BOB, "Sent")
    host.command("pennypost", "backup", target)
    client = host.imap(BOB)
    client.select("INBOX")
    client.uid("STORE", "1:2", "+FLAGS", r"(\Deleted)")
    client.expunge()
    client.close()
    client.delete("Sent")
    client.logout()
    done = host.command("pennypost", "restore", "--user", BOB, "--folder", "Sent", target)
    contains(done.stdout, "files restored", "what restore says")
    equal(by_imap(host, BOB, "Sent"), sent, "a folder that was deleted, with its UIDs")
    equal(sorted(by_imap(host, BOB)[1]), ["4", "5"], "INBOX, for which was not asked")
    host.command("pennypost", "restore", "--user", BOB, target)
    validity, after = by_imap(host, BOB)
    equal(validity, marks[0], "UIDVALIDITY of a folder that had mail")
    equal({uid: after[uid] for uid in ("4", "5")}, {uid: marks[1][uid] for uid in ("4", "5")}, "what was there")
    equal(len(after), 4, "messages after the restore")
    check("1" not in after and "2" not in after, f"a UID was given twice: {after}")
    check(any("\\Seen" in flags and "$Label1" in flags for flags in after.values()), f"flags are lost: {after}")
    equal(sorted(by_pop3(host, BOB).values()), texts, "messages after the restore")
    again = host.command("pennypost", "restore", "--user", BOB, target)
    contains(again.stdout, ": 0 files restored", "what a second restore says")
    done = host.command("pennypost", "restore", "--user", "nobody@example.test", target, ok=False)
    equal(done.returncode, 1, "restore's exit status for a user who is not in the backup")


@test("mail in mbox files comes back from a backup, with its UIDs, and beside what is there")
def mbox_host(t):
    host = lived_in(t, {"virtual_mail_location": "mbox:~/mail:INBOX=~/inbox", "deliver_lock_delay": "1s"})
    target = target_of(t)
    by_pop3(host, BOB)
    host.command("pennypost", "backup", target)
    ids, marks, sent = by_pop3(host, BOB), by_imap(host, BOB), by_imap(host, BOB, "Sent")
    host.command("pennypost", "restore", "--user", BOB, "--folder", "INBOX", target)
    box = os.path.join(host.mail, "example.test/bob")
    beside = [name for name in os.listdir(os.path.join(box, "mail")) if name.startswith("inbox.restored-")]
    equal(len(beside), 1, f"folders beside INBOX in {os.listdir(os.path.join(box, 'mail'))}")
    equal(len(mailbox.mbox(os.path.join(box, "mail", beside[0]))), 4, "messages in the folder beside INBOX")
    equal(by_imap(host, BOB), marks, "INBOX, which had mail")
    empty_place(host)
    run_restore(host, target)
    host.start()
    equal((by_imap(host, BOB), by_imap(host, BOB, "Sent"), by_pop3(host, BOB)), (marks, sent, ids), "the mail of the restored host")


@test("an mbox that another program has locked is not copied in the middle of its work, and backup says so")
def locked_mbox(t):
    host = lived_in(t, {"virtual_mail_location": "mbox:~/mail:INBOX=~/inbox", "deliver_lock_delay": "1s", "deliver_lock_attempts": 2,
                        "mailbox_delivery_lock": ["dotlock"]})
    target = target_of(t)
    lock = os.path.join(host.mail, "example.test/bob/inbox.lock")
    with open(lock, "w", encoding="ascii") as file:
        file.write(str(os.getpid()))
    done = host.command("pennypost", "backup", target, ok=False)
    equal(done.returncode, 1, "backup's exit status")
    contains(done.stderr, "bob/inbox: ", "what backup says")
    os.remove(lock)
    host.command("pennypost", "backup", target)


@test("backups are for who makes them alone, and one at a time")
def alone(t):
    host = lived_in(t)
    target = os.path.join(target_of(t), "inner")
    host.command("pennypost", "backup", target)
    equal(os.stat(target).st_mode & 0o777, 0o700, "the mode of the backups' directory")
    with open(os.path.join(target, "lock"), "r+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = host.command("pennypost", "backup", target, ok=False)
        equal(done.returncode, 1, "the exit status of a second one")
        contains(done.stderr, "another backup", "what a second one says")
    equal(len(backups(target)), 1, "backups")


@test("an account whose mail can't be found is named, and all the others are in the backup")
def lost_account(t):
    host = lived_in(t)
    with open(host.path("etc/users"), "a", encoding="ascii") as file:
        file.write(f".eve@example.test\thome={host.mail}/example.test/eve mail=maildir:{host.mail}/%u\n")
    host.command("postmap", "hash:" + host.path("etc/users"))
    target = target_of(t)
    done = host.command("pennypost", "backup", target, ok=False)
    equal(done.returncode, 1, "backup's exit status")
    contains(done.stderr, "mail of .eve@example.test: ", "what backup says")
    (name,) = backups(target)
    equal(len(messages_in(os.path.join(target, name), host.maildir(BOB))), 4, "messages of another user in the backup")


@test("backup names the tables whose content is in a directory or a database, and keeps their settings")
def kept_elsewhere(t):
    host = Host(t, start=False)
    table = host.write("etc/aliases.cf", "server_host = ldap://127.0.0.1:9\nsearch_base = dc=example\n")
    host.settings["virtual_alias_maps"] = "ldap:" + table
    host.write_settings()
    target = target_of(t)
    done = host.command("pennypost", "backup", target)
    contains(done.stdout, f"not in it: ldap:{table} (virtual_alias_domains, virtual_alias_maps): ", "what backup says")
    check(os.path.exists(os.path.join(target, "last", "files" + table)), "the connection's settings are not in the backup")

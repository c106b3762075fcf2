"""As root, check and reload look with the rights of the processes that will need what they look at."""
import base64
import os
import re
import stat
import subprocess

import mailhost
from harness import check, contains, equal, eventually, test
from peers import Sink
from roothost import AUTH_USER, CAROL, CAROL_PASSWORD, DROP_GROUP, MAIL_OWNER, MAIL_USER, NULL_USER, RootHost

MAIL_GROUP = 8  # Debian's


def table_of_roots(host, name, text):
    """A hash: table that root alone may read; its reference."""
    path = host.write("etc/" + name, text)
    os.chown(path, 0, 0)
    os.chmod(path, 0o600)
    host.command("postmap", path)
    return "hash:" + path


def may_read(user, path):
    """Whether a process of that user and its own group alone could read all files of the table."""
    command = ["sh", "-c", 'cat "$1"/* > /dev/null', "sh", path + ".rdb"]
    return subprocess.run(command, stderr=subprocess.DEVNULL, check=False, user=user, group=user, extra_groups=[]).returncode == 0


def readers(path):
    """Who may read a built table, of all users that this host has."""
    people = {"lookup": MAIL_OWNER, "null": NULL_USER, "mail": MAIL_USER, "auth": AUTH_USER, "carol": CAROL, "nobody": 65534}
    return [name for name, number in people.items() if may_read(number, path)]


@test("a password table that root alone can read is built by root's postmap for lookup and nobody else: mail goes out with the login")
def table_of_root(t):
    sink = Sink(t, answers={"AUTH": "235 2.7.0 Ok"}, keywords=("PIPELINING", "AUTH PLAIN"))
    hop = f"[{sink.address}]:{sink.port}"
    host = RootHost(t, {"relayhost": hop, "smtp_sasl_auth_enable": True, "smtp_sasl_security_options": "noanonymous"},
                    start=False, daemons=("smtpd",))
    path = host.path("etc", "sasl_passwd")
    host.settings["smtp_sasl_password_maps"] = table_of_roots(host, "sasl_passwd", f"{hop} acct:topsecret\n")
    host.write_settings()
    equal(readers(path), ["lookup"], "who may read the built table")
    status = os.stat(path + ".rdb/CURRENT")
    equal((status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)), (0, MAIL_OWNER, 0o640), "its files' rights")
    equal(stat.S_IMODE(os.stat(path).st_mode), 0o600, "the source's rights, which nobody touches")
    host.command("postmap", "-i", path, input="more.test user:word\n")
    host.command("postmap", "-d", "more.test", path)
    equal(readers(path), ["lookup"], "who may read the changed table")
    done = host.command("pennypost", "check", ok=False)
    check("smtp_sasl_password_maps" not in done.stderr, f"what check says: {done.stderr}")
    os.chmod(host.path("etc", "aliases"), 0o600)
    host.command("newaliases")
    equal(readers(host.path("etc", "aliases")), ["lookup"], "who may read the aliases")
    host.start()
    host.command("sendmail", "-f", "ann@example.test", "zoe@far.test", input="Subject: with the login\n\nHello.\n")
    eventually(lambda: sink.transactions, "the mail goes out")
    login = base64.b64encode(b"\0acct\0topsecret").decode()
    check(any(login in command for command in sink.commands), f"the dialogue: {sink.commands}")


@test("root's postmap lets auth alone read credentials; in a directory of somebody else it gives nobody a right")
def other_tables(t):
    host = RootHost(t, {"system_users": False, "mail_location": None}, start=False, daemons=("smtpd",))
    path = host.path("etc", "logins")
    host.settings["credentials_map"] = "hash:" + path
    host.write_settings()
    table_of_roots(host, "logins", "ann {PLAIN}secret\n")
    equal(readers(path), ["auth"], "who may read credentials")
    os.mkdir(host.path("lists"))
    path = host.write("lists/table", "ann secret\n")
    for part in (host.path("lists"), path):
        os.chown(part, CAROL, CAROL)
    os.chmod(path, 0o600)
    host.command("postmap", path)
    equal(readers(path), ["carol"], "who may read a user's own table")


@test("a table that lookup can't read is told by check and start, with who reads it and what must change; then it works")
def unreadable_table(t):
    host = RootHost(t, start=False, daemons=("smtpd",))
    path = host.path("etc", "sasl_passwd")
    host.settings["smtp_sasl_password_maps"] = table_of_roots(host, "sasl_passwd", "[next.test] user:word\n")
    host.settings["smtp_sasl_auth_enable"] = "yes"
    host.write_settings()
    # As an earlier version has built it.
    os.chown(path + ".rdb/", 0, 0)
    done = host.command("pennypost", "check", ok=False)
    equal(done.returncode, 78, "the status of check")
    told = [line for line in done.stderr.splitlines() if "smtp_sasl_password_maps" in line]
    equal(len(told), 1, f"lines about the table in {done.stderr}")
    check(told[0].endswith(f"it is read as user pennypost: postmap {path}"), f"the remedy: {told[0]}")
    t.cleanup(lambda: host.command("pennypost", "stop", ok=False))
    done = host.command("pennypost", "start", ok=False)
    equal(done.returncode, 1, "the status of start")
    contains(done.stderr, "smtp_sasl_password_maps: ", "what start says")
    host.command("postmap", path)
    done = host.command("pennypost", "check", ok=False)
    check("smtp_sasl_password_maps" not in done.stderr, f"after the remedy: {done.stderr}")
    # Nobody builds these: the source itself is read.
    host.settings["smtp_sasl_password_maps"] = "texthash:" + path
    host.write_settings()
    done = host.command("pennypost", "check", ok=False)
    contains(done.stderr, f"it is read as user pennypost: chgrp pennypost {path}; chmod g+r {path}\n", "the remedy for texthash:")


@test("a postdrop that is not set-gid, and a main.toml that users can't read, are told by check with the remedy")
def installation(t):
    host = RootHost(t, start=False, daemons=("smtpd",))
    programs = host.path("sbin")
    os.mkdir(programs)
    with open(os.path.join(mailhost.TOP, host.bin, "postdrop"), "rb") as file:
        program = host.write("sbin/postdrop", file.read())
    os.chmod(program, 0o755)
    host.settings["command_directory"] = programs
    host.write_settings()
    os.chmod(host.path("etc", "main.toml"), 0o600)
    done = host.command("pennypost", "check", ok=False)
    equal(done.returncode, 78, "the status")
    contains(done.stderr, f"chgrp pennydrop {program}; chmod 2755 {program}", "what must change")
    contains(done.stderr, f"chmod o+r {host.path('etc', 'main.toml')}", "what must change")
    os.chown(program, 0, DROP_GROUP)
    os.chmod(program, 0o2755)
    os.chmod(host.path("etc", "main.toml"), 0o644)
    done = host.command("pennypost", "check", ok=False)
    equal(done.stderr, "", "what check says then")
    equal(done.returncode, 0, "the status then")
    check(os.stat(program).st_mode & stat.S_ISGID, "check has changed nothing")


def groups_of_worker(host):
    for title, pids in host.pids("imapd").items():
        if title.startswith("imapd: worker carol"):
            with open(f"/proc/{pids[-1]}/status", encoding="ascii") as file:
                return [int(word) for word in re.search(r"(?m)^Groups:\t(.*)$", file.read())[1].split()]
    return None


@test("mail_access_groups reaches a user who is logged in: her worker ends at the reload, the next one has the group")
def access_groups(t):
    host = RootHost(t, daemons=("imapd",))
    host.users["carol"] = CAROL_PASSWORD
    client = host.imap("carol")
    client.select("INBOX")
    check(MAIL_GROUP not in groups_of_worker(host), "the group before")
    host.settings["mail_access_groups"] = ["mail"]
    host.write_settings()
    host.reload("imapd")
    eventually(lambda: groups_of_worker(host) is None, "the old worker ends")
    client.shutdown()
    client = host.imap("carol")
    equal(client.select("INBOX")[0], "OK", "SELECT by the new worker")
    check(MAIL_GROUP in groups_of_worker(host), "the group after")
    # A reload that changes no rights lets her go on.
    host.settings["login_greeting"] = "Hello."
    host.write_settings()
    host.reload("imapd")
    host.wait_log(r"imapd: reload(?s:.)*imapd: reload")
    equal(client.noop()[0], "OK", "the session goes on")
    client.logout()

"""As root, check and reload look with the rights of the processes that will need what they look at."""
import os
import re
import stat

import mailhost
from harness import check, contains, equal, eventually, test
from roothost import CAROL_PASSWORD, DROP_GROUP, MAIL_OWNER, RootHost

MAIL_GROUP = 8  # Debian's


def table_of_roots(host, name, text):
    """A hash: table that root alone may read; its reference."""
    path = host.write("etc/" + name, text)
    os.chown(path, 0, 0)
    os.chmod(path, 0o600)
    host.command("postmap", path)
    return "hash:" + path


@test("a table that root alone can read is told by check and start, with who reads it and what must change; then it works")
def unreadable_table(t):
    host = RootHost(t, start=False, daemons=("smtpd",))
    path = host.path("etc", "sasl_passwd")
    host.settings["smtp_sasl_password_maps"] = table_of_roots(host, "sasl_passwd", "[next.test] user:word\n")
    host.write_settings()
    done = host.command("pennypost", "check", ok=False)
    equal(done.returncode, 78, "the status of check")
    told = [line for line in done.stderr.splitlines() if "smtp_sasl_password_maps" in line]
    equal(len(told), 1, f"lines about the table in {done.stderr}")
    contains(told[0], f"it is read as user pennypost: chgrp pennypost {path}; chmod g+r {path}; postmap {path}", "the remedy")
    t.cleanup(lambda: host.command("pennypost", "stop", ok=False))
    done = host.command("pennypost", "start", ok=False)
    equal(done.returncode, 1, "the status of start")
    contains(done.stderr, "smtp_sasl_password_maps: ", "what start says")
    os.chown(path, 0, MAIL_OWNER)
    os.chmod(path, 0o640)
    host.command("postmap", path)
    done = host.command("pennypost", "check", ok=False)
    check("smtp_sasl_password_maps" not in done.stderr, f"after the remedy: {done.stderr}")


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

"""The command of a [transport.NAME] runs as its user, with that user's rights alone."""
import os
import re

from harness import check, contains, equal, eventually, test
from roothost import CAROL, MAIL_OWNER, RootHost


@test("a pipe command runs as its user, with one group, no descriptor of ours and no other right; root and the queue's owner are refused")
def as_user(t):
    script = os.path.join(t.folder, "who")
    told = os.path.join(t.folder, "open", "told")
    os.makedirs(os.path.dirname(told))
    os.chmod(os.path.dirname(told), 0o777)
    with open(script, "w", encoding="utf-8") as file:
        file.write(f"#!/bin/sh\ncat > /dev/null\n{{ id -u; id -g; id -G; ls /proc/self/fd | tr '\\n' ' '; echo; grep Cap /proc/self/status; }} > {told}.$1 2>&1\n")
    os.chmod(script, 0o755)
    host = RootHost(t, {"transport_maps": "inline:{{pipe.test=who:},{root.test=asroot:},{ours.test=asours:}}", "mail_access_groups": ["pennymail"]},
                    sections={"transport.who": {"kind": "pipe", "user": "carol", "argv": f"{script} ${{user}}"},
                              "transport.asroot": {"kind": "pipe", "user": "toor", "argv": f"{script} ${{user}}"},
                              "transport.asours": {"kind": "pipe", "user": "carol:pennypost", "argv": f"{script} ${{user}}"}},
                    daemons=("smtpd",), start=False)
    with open(os.path.join(host.overlay, "passwd"), "a", encoding="ascii") as file:
        file.write("toor:x:0:0::/root:/usr/sbin/nologin\n")
    done = host.command("pennypost", "check", ok=False)
    said = done.stdout + done.stderr
    contains(said, "transport.asroot.user: the command may not run as root", "check")
    contains(said, "transport.asours.user: the command may not run as pennypost, who owns the queue", "check")
    host.start()
    with host.smtp() as client:
        client.sendmail("ann@client.test", ["a@pipe.test"], "Subject: x\r\n\r\nx\r\n")
        client.sendmail("ann@client.test", ["b@root.test"], "Subject: x\r\n\r\nx\r\n")
        client.sendmail("ann@client.test", ["c@ours.test"], "Subject: x\r\n\r\nx\r\n")
    eventually(lambda: os.path.exists(told + ".a") and host.log().count("status=deferred") >= 2 and "status=sent" in host.log(), "all were tried")
    with open(told + ".a", encoding="utf-8") as file:
        lines = file.read().splitlines()
    equal(lines[:3], [str(CAROL), str(CAROL), str(CAROL)], "user, group and groups")
    equal(lines[3].split()[:3], ["0", "1", "2"], "descriptors")
    check(len(lines[3].split()) == 4, f"descriptors, with that of ls: {lines[3]}")
    for line in lines[4:]:
        if not line.startswith("CapBnd"):
            equal(re.sub(r".*\t", "", line), "0" * 16, line)
    check(MAIL_OWNER != CAROL, "two users")
    for name in (".b", ".c"):
        check(not os.path.exists(told + name), f"{name} did not run")
    contains(host.log(), "the command may not run as root", "the log")

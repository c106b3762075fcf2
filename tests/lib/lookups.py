"""Asks tables: over a host's SMTP, by our postmap and by Postfix's."""
import os
import subprocess

from harness import check, equal, eventually
from mailhost import TOP, has_program


def aliases(host_settings=None, **tables):
    """Settings of a host whose aliases of alias.test are in a table."""
    return {"virtual_alias_domains": "alias.test", **tables, **(host_settings or {})}


def rcpt(host, recipient, sender="stranger@elsewhere.test"):
    with host.smtp() as client:
        client.ehlo()
        client.mail(sender)
        code, text = client.rcpt(recipient)
        return f"{code} {text.decode(errors='replace')}"


def becomes(host, recipient, reply, when):
    """A receive process remembers an answer for a second."""
    eventually(lambda: rcpt(host, recipient).startswith(reply), f"{recipient}, {when}: {reply}")


def complaints(host):
    done = host.command("pennypost", "check", ok=False)
    return done.stdout + done.stderr


def looked_up(program, folder, table, keys):
    """What `postmap -q -` prints for the keys, and its status."""
    done = subprocess.run([program, "-c", folder, "-q", "-", table], input="".join(key + "\n" for key in keys).encode("utf-8", "surrogateescape"),
                          capture_output=True, check=False, cwd=TOP, timeout=120)
    return done.returncode, done.stdout.decode("utf-8", "replace").splitlines(), done.stderr.decode("utf-8", "replace")


def our_postmap(host):
    return os.path.join(host.bin, "postmap")


def postfix_folder(t):
    """A configuration directory for Postfix's postmap alone."""
    folder = os.path.join(t.folder, "postfix")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "main.cf"), "w", encoding="ascii") as file:
        file.write("compatibility_level = 3.6\ninet_interfaces = 127.0.0.1\nmyhostname = mail.example.test\n")
    return folder


def same_as_postfix(t, host, table, keys):
    """What both find."""
    status, ours, errors = looked_up(our_postmap(host), host.etc, table, keys)
    theirs_status, theirs, theirs_errors = looked_up(has_program("postmap"), postfix_folder(t), table, keys)
    check("unsupported dictionary type" not in theirs_errors, f"Postfix's client of {table} is missing; contrib/packages/test lists it")
    equal((status, ours), (theirs_status, theirs), f"{table}: {errors} {theirs_errors}")
    return ours

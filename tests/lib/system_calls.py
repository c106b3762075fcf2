#!/usr/bin/env python3
"""Which system calls each kind of process makes, measured over any run of the tests.

    PENNYPOST_MEASURE=FILE tests/run --only dialogues --only clients ...
    tests/lib/system_calls.py FILE           prints, for each kind, what was called

With that variable set, mailhost.py starts every daemon below strace, which writes to this program; it adds to FILE one
line for each kind and call that it has not seen before. The lists of common/process/system_calls.cpp were made so.
"""
import fcntl
import os
import re
import sys

TELLING = {  # calls that are one or another by an argument
    "socket": r"\((AF_\w+, SOCK_\w+)", "prctl": r"\((\w+)", "ioctl": r"\(\d+, (\w+)", "fcntl": r"\(\d+, (\w+)",
    "mmap": r", (PROT_\w+(?:\|PROT_\w+)*)", "mprotect": r", (PROT_\w+(?:\|PROT_\w+)*)", "clone": r"flags=([\w|]+)",
    "clone3": r"flags=([\w|]+)", "madvise": r"(MADV_\w+)", "tgkill": r"(SIG\w+)", "kill": r"(SIG\w+)",
    "getsockopt": r"\(\d+, (\w+, \w+)", "setsockopt": r"\(\d+, (\w+, \w+)", "prlimit64": r"\((\d+, \w+)",
}
CALL = re.compile(r"(\d+) +(?:<\.\.\. )?(\w+)(?: resumed>|\()")
TITLE = re.compile(r'prctl\(PR_SET_NAME, "(?:smtpd|popd|imapd): (\w+)')
CHILD = re.compile(r"\b(?:clone3?|v?fork)\b.*= (\d+)$")
CONFINED = re.compile(r"prctl\(PR_SET_NO_NEW_PRIVS")


def command(file):
    """What comes before a daemon's command line, in the folder of the checkout."""
    return ["strace", "-DDD", "-f", "-qq", "-s", "16", "-o", f"|/usr/bin/python3 tests/lib/system_calls.py --read {file}"]


def read(lines):
    """Yields (kind, call) for each call that a child makes once it is confined."""
    kinds, confined = {}, set()
    unfinished = {}
    for line in lines:
        match = CALL.match(line)
        if not match:
            continue
        pid, name = match[1], match[2]
        if line.rstrip().endswith("<unfinished ...>"):
            unfinished[pid] = line.rstrip().removesuffix("<unfinished ...>")
        elif " resumed>" in line:
            line = unfinished.pop(pid, "") + line
        title = TITLE.search(line)
        if title:
            kinds[pid] = title[1]
            confined.discard(pid)
        child = CHILD.search(line.rstrip())
        if child:
            if "CLONE_THREAD" in line:
                kinds[child[1]] = kinds.get(pid, "")
                confined.add(child[1])
            else:
                kinds[child[1]] = kinds.get(pid, "") + (" child" if kinds.get(pid, "master") != "master" else "")
                confined.add(child[1])
        if "execve(" in line and kinds.get(pid, "").endswith(" child"):
            kinds[pid] = ""
        if kinds.get(pid, "master") not in ("", "master") and pid in confined:
            argument = re.search(TELLING[name], line) if name in TELLING else None
            refused = " refused" if re.search(r"= -1 ENOSYS|\+\+\+ killed by SIGSYS", line) else ""
            yield kinds[pid], name + (f"({argument[1]})" if argument else "") + refused
        if CONFINED.search(line):
            confined.add(pid)


def add(file):
    seen = set()
    for kind, call in read(sys.stdin):
        if (kind, call) in seen:
            continue
        seen.add((kind, call))
        with open(file, "a", encoding="ascii") as out:
            fcntl.flock(out, fcntl.LOCK_EX)
            out.write(f"{kind}\t{call}\n")


def show(file):
    calls = {}
    with open(file, encoding="ascii") as lines:
        for line in lines:
            kind, call = line.rstrip("\n").split("\t")
            calls.setdefault(kind, set()).add(call)
    for kind, names in sorted(calls.items()):
        print(f"{kind}: {' '.join(sorted(names))}")


if __name__ == "__main__":
    add(sys.argv[2]) if sys.argv[1] == "--read" else show(sys.argv[1])

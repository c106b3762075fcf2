"""Installs the packages that contrib/packages lists and the machine lacks.

A line of a list is a package's name, or `PACKAGE unless PROGRAM`: the package is wanted only where PROGRAM is not in the path.
"""
import os
import shutil
import subprocess

POLICY = "/usr/sbin/policy-rc.d"


def wanted(line, has_program=shutil.which):
    """The packages that one line of a list asks for on this machine: one or none."""
    words = line.partition("#")[0].split()
    if len(words) == 3 and words[1] == "unless":
        return [] if has_program(words[2]) else words[:1]
    if len(words) > 1:
        raise ValueError(f"{line.strip()}: a line is `PACKAGE` or `PACKAGE unless PROGRAM`")
    return words


def listed(top, lists):
    names = []
    for name in lists:
        with open(os.path.join(top, "contrib", "packages", name), encoding="ascii") as file:
            for line in file:
                names += wanted(line)
    return names


def missing(names):
    query = subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${db:Status-Abbrev}\n", *names],
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    there = {line.split()[0] for line in query.stdout.splitlines() if line.split()[1:2] == ["ii"]}
    return [name for name in names if name not in there]


def install(top, lists):
    """Empty when all packages are there; else what went wrong, with the line to run by hand."""
    absent = missing(listed(top, lists))
    if not absent:
        return unpack_exim(top)
    line = "apt-get install -y --no-install-recommends " + " ".join(absent)
    print("installs: " + " ".join(absent), flush=True)
    as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if as_root and subprocess.run([*as_root, "true"], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                  check=False).returncode != 0:
        return f"neither root nor password-free sudo; run: {line}"
    # The servers among them are for our own instances alone: keep the host from starting them.
    hold = f"test -e {POLICY} || {{ printf '#!/bin/sh\\nexit 101\\n' > {POLICY}; chmod 755 {POLICY}; held=1; }}"
    script = (f"{hold}; apt-get update -q; DEBIAN_FRONTEND=noninteractive {line} -q; status=$?; "
              f"test -z \"$held\" || rm {POLICY}; exit $status")
    done = subprocess.run([*as_root, "sh", "-c", script], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0 or missing(absent):
        return f"apt-get failed; run: {line}\n" + "\n".join(done.stdout.splitlines()[-8:])
    return unpack_exim(top)


def unpack_exim(top):
    """Exim is unpacked beside the builds: its package and Postfix's cannot be installed together."""
    done = subprocess.run([os.path.join(top, "contrib", "lab-exim"), os.path.join(top, "build", "exim")],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.stdout if done.returncode != 0 else ""

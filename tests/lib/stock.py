"""Runs a stock program without anything of the caller's configuration."""
import os
import subprocess

from harness import check, short
from mailhost import TOP, as_user, has_program

SECONDS_MAX = 120


def run_any(command, input=b"", user=False, **environment):
    """Runs a program of contrib/packages/test; returns what subprocess says of it."""
    check(has_program(command[0]), f"{command[0]} is missing; contrib/packages/test lists it")
    kept = {"PATH": os.environ["PATH"] + ":/usr/sbin", "HOME": "/nonexistent", "LC_ALL": "C.UTF-8", **environment}
    return subprocess.run(command, input=input, capture_output=True, env=kept, timeout=SECONDS_MAX, cwd=TOP,
                          check=False, **(as_user() if user else {}))


def run(command, input=b"", ok=(0,), user=False, **environment):
    """The same; returns its standard output, and fails the test when the exit status is not one of `ok`."""
    done = run_any(command, input, user, **environment)
    check(done.returncode in ok, f"{' '.join(command)[:300]}: exit status {done.returncode}: "
          f"{short((done.stderr or done.stdout).decode(errors='replace')[-1500:])}")
    return done.stdout

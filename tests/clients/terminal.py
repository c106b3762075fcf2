"""Runs a full-screen program on a pseudo-terminal that nobody looks at, until it ends."""
import errno
import os
import pty
import select
import signal
import struct
import time
import fcntl
import termios

from harness import check
from mailhost import has_program

SECONDS_MAX = 90


def run_in_terminal(command, environment, seconds=SECONDS_MAX):
    """Runs a command on a terminal of 24 x 100; fails when it does not end by itself."""
    check(has_program(command[0]), f"{command[0]} is missing; contrib/packages/test lists it")
    pid, terminal = pty.fork()
    if pid == 0:
        try:  # the size first: a program that is told of a change later may drop keys
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
            os.execvpe(command[0], command, environment)
        finally:
            os._exit(127)
    shown, end = b"", time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            if not select.select([terminal], [], [], 1)[0]:
                continue
            try:
                more = os.read(terminal, 65536)
            except OSError as error:
                if error.errno != errno.EIO:
                    raise
                more = b""
            if not more:
                status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                pid = 0
                check(status == 0, f"{command[0]}: exit status {status}: {shown[-800:]!r}")
                return
            shown += more
        raise AssertionError(f"{command[0]} does not end within {seconds} s; it shows {shown[-800:]!r}")
    finally:
        os.close(terminal)
        if pid:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)

"""A process of a daemon in a stranger's hands: what it could tell the others over its own links, told by a test.

A link is a Unix socketpair with frames on it (common/net/message_socket.h). Its descriptor is taken out of the process
by pidfd_getfd, so the others can't know the test from the process. Needs root.
"""
import contextlib
import ctypes
import os
import re
import select
import signal
import socket
import struct
import subprocess

from harness import check, eventually

PIDFD_OPEN, PIDFD_GETFD = 434, 438
REPLY, ERROR = 1, 2
HEADER = struct.Struct("<IHHQ")
FIRST_ID = 1 << 60  # no honest call has come so far
REPLY_SECONDS = 10

_libc = ctypes.CDLL(None, use_errno=True)


def system_call(number, *arguments):
    """What the kernel answers to ourselves."""
    return _libc.syscall(number, *arguments)


def text(value):
    """A text as wire.h writes it."""
    octets = value.encode() if isinstance(value, str) else value
    return struct.pack("<I", len(octets)) + octets


def read_text(octets, at=0):
    """(the text there, where it ends)"""
    size = struct.unpack_from("<I", octets, at)[0]
    return octets[at + 4:at + 4 + size], at + 4 + size


def frame(kind, body, number=0, descriptors=0):
    return HEADER.pack(len(body), kind, descriptors, number) + body


def _sockets(pid):
    """{inode: descriptor} of a process's sockets."""
    found = {}
    for name in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(OSError):
            match = re.fullmatch(r"socket:\[(\d+)\]", os.readlink(f"/proc/{pid}/fd/{name}"))
            if match:
                found[int(match[1])] = int(name)
    return found


def _peers():
    """{inode: inode of the other end} of all Unix sockets of this network namespace."""
    listed = subprocess.run(["ss", "-xnaH"], capture_output=True, text=True, check=True).stdout
    return {int(one): int(other) for one, other in re.findall(r"\* (\d+)\s+\* (\d+)", listed)}


def link_between(pid, other):
    """The descriptor by which `pid` talks to the process `other`."""
    def look():
        peers, theirs = _peers(), _sockets(other)
        return [fd for inode, fd in _sockets(pid).items() if peers.get(inode) in theirs]
    found = eventually(look, f"process {pid} has a link to {other}")
    check(len(found) == 1, f"links between {pid} and {other}: {found}")
    return found[0]


class Link:
    """A process's link to another, in our hands as well."""

    def __init__(self, pid, other):
        self.pid, self.last = pid, FIRST_ID
        pidfd = _libc.syscall(PIDFD_OPEN, pid, 0)
        descriptor = _libc.syscall(PIDFD_GETFD, pidfd, link_between(pid, other), 0)
        problem = ctypes.get_errno()
        os.close(pidfd)
        check(descriptor >= 0, f"pidfd_getfd: {os.strerror(problem)}")
        self.socket = socket.socket(fileno=descriptor)

    def close(self):
        self.socket.detach() if self.socket.fileno() < 0 else self.socket.close()

    def post(self, kind, body):
        """Sends a message that wants no answer."""
        self.socket.sendall(frame(kind, body))

    def call(self, kind, body, descriptors=()):
        """Asks; (REPLY or ERROR, the answer's bytes). The process itself is stopped meanwhile, or it would take the answer."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            self.last += 1
            socket.send_fds(self.socket, [frame(kind, body, self.last, len(descriptors))], list(descriptors))
            return self._answer_to(self.last)
        finally:
            os.kill(self.pid, signal.SIGCONT)

    def _answer_to(self, number):
        octets = b""
        while True:
            check(select.select([self.socket], [], [], REPLY_SECONDS)[0], f"no answer within {REPLY_SECONDS} s")
            more = self.socket.recv(65536)
            check(more, "the other process has gone")
            octets += more
            while len(octets) >= HEADER.size:
                size, kind, _, answered = HEADER.unpack_from(octets)
                if len(octets) < HEADER.size + size:
                    break
                body, octets = octets[HEADER.size:HEADER.size + size], octets[HEADER.size + size:]
                if answered == number:
                    return kind, body


def error_text(body):
    """What an answer of kind ERROR says: the text of a WireError, behind its status code and one octet."""
    _, at = read_text(body, 4)
    return read_text(body, at + 1)[0].decode()


def pid_of(host, daemon, title):
    """The one process of that title's beginning."""
    found = [pid for name, pids in host.pids(daemon).items() if name.startswith(title) for pid in pids]
    check(len(found) == 1, f"processes {title}: {found}")
    return found[0]

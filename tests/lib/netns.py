"""Makes hosts with a network stack of their own, joined by one switch as on a real network.

    net = Network(t)
    server, client = net.place("server"), net.place("client")
    with client:                        # this thread, and what it starts, is on the host `client`
        socket.create_connection((server.address, 25))

A place has an IPv4 address of 192.0.2.0/24 and an IPv6 address of 2001:db8::/64, and loopback; ports below 1024
need no privilege there. Nothing of the real host's network is seen or changed, and all is gone with the last
process and descriptor that holds it. Needs CAP_SYS_ADMIN and CAP_NET_ADMIN: tests/run sees to that.
"""
import ctypes
import os
import socket
import subprocess

from harness import check
from mailhost import Host, has_program

CLONE_NEWNET = 0x40000000
PREFIX, PREFIX6 = "192.0.2.", "2001:db8::"
STANDARD_PORTS = {"smtp": 25, "submission": 587, "submissions": 465, "pop3": 110, "pop3s": 995, "imap": 143, "imaps": 993, "sieve": 4190}
_libc = ctypes.CDLL(None, use_errno=True)


def _call(function, *arguments):
    if function(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"a network namespace needs root: {os.strerror(number)}")


def _mine():
    """A descriptor of the network namespace that this thread is in."""
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


class Place:
    """One host's network stack. As a context: this thread is there."""

    def __init__(self, name, number):
        self.name, self.address, self.address6 = name, f"{PREFIX}{number}", f"{PREFIX6}{number}"
        self.switch = self.port = None  # where its plug is
        self._before = []
        before = _mine()
        try:
            _call(_libc.unshare, CLONE_NEWNET)
            self.namespace = _mine()
        finally:
            _call(_libc.setns, before, CLONE_NEWNET)
            os.close(before)
        self.ip("link", "set", "lo", "up")
        with self, open("/proc/sys/net/ipv4/ip_unprivileged_port_start", "w", encoding="ascii") as file:
            file.write("0")

    def __enter__(self):
        self._before.append(_mine())
        _call(_libc.setns, self.namespace, CLONE_NEWNET)
        return self

    def __exit__(self, *error):
        before = self._before.pop()
        _call(_libc.setns, before, CLONE_NEWNET)
        os.close(before)

    def run(self, *command):
        """What a command says that runs here."""
        with self:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        check(done.returncode == 0, f"{' '.join(command)}: {done.stderr or done.stdout}")
        return done.stdout

    def ip(self, *words):
        check(has_program("ip"), "ip is missing; contrib/packages/test lists iproute2")
        return self.run("ip", *words)

    def cut(self):
        """Takes the plug out of the switch."""
        self.switch.ip("link", "set", self.port, "down")

    def plug(self):
        self.switch.ip("link", "set", self.port, "up")

    def close(self):
        os.close(self.namespace)


class Network:
    """One switch; a place for every name."""

    def __init__(self, t):
        self.t = t
        self.switch = Place("switch", 0)
        t.cleanup(self.switch.close)
        self.switch.ip("link", "add", "bridge", "type", "bridge")
        self.switch.ip("link", "set", "bridge", "up")
        self.count = 0

    def place(self, name):
        self.count += 1
        place = Place(name, 10 + self.count)
        self.t.cleanup(place.close)
        place.switch, place.port = self.switch, f"port{self.count}"
        place.ip("link", "add", "eth0", "type", "veth", "peer", "name", place.port,
                 "netns", f"/proc/{os.getpid()}/fd/{self.switch.namespace}")
        self.switch.ip("link", "set", place.port, "master", "bridge", "up")
        place.ip("address", "add", f"{place.address}/24", "dev", "eth0")
        place.ip("address", "add", f"{place.address6}/64", "dev", "eth0", "nodad")
        place.ip("link", "set", "eth0", "up")
        return place


class PlacedHost(Host):
    """A Host in a place of its own, on the standard ports, with the role's own interfaces and networks."""

    def __init__(self, t, place, settings=None, **options):
        self.place = place
        super().__init__(t, settings, address=place.address, name=place.name, **options)

    def ports(self):
        return {name + "_port": port for name, port in STANDARD_PORTS.items()}

    def default_settings(self):
        return {**super().default_settings(), "inet_interfaces": None, "mynetworks": None}

    def launch(self, daemon, options=()):
        with self.place:
            return super().launch(daemon, options)

    def answers(self, daemon, port, name):
        self.near = "127.0.0.1"  # every role serves loopback
        with self.place:
            return super().answers(daemon, port, name)


def connect(place, address, port, timeout=60):
    """A TCP connection from a place."""
    with place:
        return socket.create_connection((address, port), timeout=timeout)

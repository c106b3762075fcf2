"""A mail server's side of the milter protocol, to ask a real milter about one message; and opendkim, which is such a milter."""
import contextlib
import os
import socket
import struct
import subprocess

from harness import check, eventually
from mailhost import free_port, has_program


class MilterClient:
    def __init__(self, address, port):
        self.stream = socket.create_connection((address, port), timeout=30)
        # Version 6; the milter may add and change fields, and need not be asked about each step.
        self.put(b"O", struct.pack(">III", 6, 0x1ff, 0))
        kind, _ = self.get()
        if kind != b"O":
            raise OSError("the milter does not negotiate")

    def put(self, kind, data=b""):
        self.stream.sendall(struct.pack(">I", len(data) + 1) + kind + data)

    def get(self):
        size, = struct.unpack(">I", self.exactly(4))
        packet = self.exactly(size)
        return packet[:1], packet[1:]

    def exactly(self, count):
        data = b""
        while len(data) < count:
            more = self.stream.recv(count - len(data))
            if not more:
                raise OSError("the milter has closed")
            data += more
        return data

    def ask(self, kind, data=b""):
        self.put(kind, data)
        answer, _ = self.get()
        if answer not in (b"c", b"a"):
            raise AssertionError(f"the milter answers {answer!r} to {kind!r}")

    def inserted(self, message, address="127.0.0.1", sender="ann@good.test"):
        """The fields that the milter adds to a message with CRLF line ends: [(name, value)]."""
        header, _, body = message.partition(b"\r\n\r\n")
        self.ask(b"C", b"localhost\0" + b"4" + struct.pack(">H", 4711) + address.encode() + b"\0")
        self.ask(b"H", b"localhost\0")
        self.ask(b"M", b"<%s>\0" % sender.encode())
        self.ask(b"R", b"<bob@example.test>\0")
        for field in header.replace(b"\r\n ", b"\n ").replace(b"\r\n\t", b"\n\t").split(b"\r\n"):
            name, _, value = field.partition(b":")
            self.ask(b"L", name + b"\0" + value.lstrip(b" ") + b"\0")
        self.ask(b"N")
        for at in range(0, len(body), 65535):
            self.ask(b"B", body[at:at + 65535])
        self.put(b"E")
        fields = []
        while True:
            kind, data = self.get()
            if kind in (b"i", b"h"):
                name, value = (data[4:] if kind == b"i" else data).split(b"\0")[:2]
                fields.append((name, value))
            elif kind in (b"c", b"a"):
                return fields
            elif kind not in (b"p", b"m"):
                raise AssertionError(f"the milter answers {kind!r} at the end")


class OpenDkim:
    """A real opendkim with these settings, on a port of 127.0.0.1; it asks the DNS server dns, a NameServer."""

    def __init__(self, t, name, dns=None, **settings):
        check(has_program("opendkim"), "opendkim is missing; contrib/packages/test lists it")
        self.port = free_port()
        path = os.path.join(t.folder, name + ".conf")
        settings = {"Socket": f"inet:{self.port}@127.0.0.1", "Background": "no", **settings}
        if dns:
            # Its libunbound knows of no .test otherwise, and asks nobody on its own host.
            settings["ResolverConfiguration"] = path + ".unbound"
            with open(path + ".unbound", "w", encoding="utf-8") as file:
                file.write("server:\n do-not-query-localhost: no\n module-config: iterator\n local-zone: \"test.\" nodefault\n"
                           f"forward-zone:\n name: \".\"\n forward-addr: {dns.host}@{dns.port}\n")
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(f"{key} {value}\n" for key, value in settings.items())
        os.chmod(path, 0o600)
        self.process = subprocess.Popen(["opendkim", "-f", "-x", path], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        t.cleanup(self.stop)

    def client(self):
        """A new connection to it; one message for each."""
        def reached():
            with contextlib.suppress(OSError):
                return MilterClient("127.0.0.1", self.port)
            return None
        return eventually(reached, "opendkim answers")

    def stop(self):
        self.process.terminate()
        self.process.wait(30)

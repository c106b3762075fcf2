"""Milters for the tests: one on python3-milter (libmilter) that does as its file of rules says, Sendmail's sample in C, and one that lies."""
import html
import json
import os
import re
import socket
import struct
import subprocess
import threading

from harness import eventually
from mailhost import as_user, free_port, give

HERE = os.path.dirname(os.path.abspath(__file__))


class RealMilter:
    """A libmilter program with `rules` ({step: action}); what it heard is in calls()."""

    def __init__(self, t, rules, name="milter", path=None):
        self.notes = os.path.join(t.folder, name + ".notes")
        self.rules = os.path.join(t.folder, name + ".rules")
        port = free_port()
        self.at = f"unix:{path}" if path else f"inet:127.0.0.1:{port}"
        open(self.notes, "w", encoding="utf-8").close()
        os.chmod(self.notes, 0o666)
        self.set(rules)
        place = path or f"inet:{port}@127.0.0.1"
        log = os.path.join(t.folder, name + ".err")
        with open(log, "wb") as errors:
            self.process = subprocess.Popen(["/usr/bin/python3", os.path.join(HERE, "milter_program.py"), place, self.rules, self.notes],
                                            stdout=errors, stderr=errors, **(as_user() if not path else {}))
        t.cleanup(self.stop)
        eventually(lambda: _listens(path or ("127.0.0.1", port)), f"the milter listens: {open(log, encoding='utf-8').read()}")
        if path:
            os.chmod(path, 0o666)

    def set(self, rules):
        with open(self.rules, "w", encoding="utf-8") as file:
            json.dump(rules, file)

    def calls(self, step=None):
        """What it was called with: [step, ...] in order."""
        with open(self.notes, encoding="utf-8") as file:
            found = [json.loads(line) for line in file]
        return [one for one in found if step in (None, one[0])]

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


SAMPLE = "/usr/share/doc/sendmail-doc/libmilter/html/sample.html"


class SampleMilter:
    """The filter that libmilter's documentation shows, compiled from there; it keeps a copy of each message in `archive`."""

    def __init__(self, t, *options):
        self.archive = os.path.join(t.folder, "archive")
        os.mkdir(self.archive)
        program, port = os.path.join(t.folder, "sample"), free_port()
        with open(SAMPLE, encoding="latin-1") as file:
            source = html.unescape(re.sub("<[^>]*>", "", re.search("<PRE>(.*)</PRE>", file.read(), re.S | re.I).group(1)))
        # It would write to /tmp itself.
        source = source.replace('"/tmp/', f'"{self.archive}/')
        with open(program + ".c", "w", encoding="latin-1") as file:
            file.write(source)
        subprocess.run(["cc", "-w", "-o", program, program + ".c", "-lmilter", "-lpthread"], check=True)
        give(self.archive)
        self.at = f"inet:127.0.0.1:{port}"
        self.log = os.path.join(t.folder, "sample.err")
        with open(self.log, "wb") as errors:
            self.process = subprocess.Popen([program, "-p", f"inet:{port}@127.0.0.1", *options], stdout=errors, stderr=errors, **as_user())
        t.cleanup(self.process.wait)
        t.cleanup(self.process.terminate)
        eventually(lambda: _listens(("127.0.0.1", port)), "the sample milter listens")

    def kept(self, name):
        """The copy that it calls so."""
        with open(os.path.join(self.archive, name), encoding="utf-8", newline="") as file:
            return file.read()


def _listens(place):
    with socket.socket(socket.AF_UNIX if isinstance(place, str) else socket.AF_INET) as probe:
        try:
            probe.connect(place)
        except OSError:
            return False
    return True


def packet(kind, data=b""):
    return struct.pack(">I", len(data) + 1) + kind.encode() + data


OFFER = packet("O", struct.pack(">III", 6, 0x1ff, 0))


class LyingMilter:
    """Answers each event with the bytes that `answers` has for it, else continues; None: silence, b"": closes."""

    def __init__(self, t, answers):
        self.answers = answers
        self.listener = socket.create_server(("127.0.0.1", free_port()))
        self.at = f"inet:127.0.0.1:{self.listener.getsockname()[1]}"
        t.cleanup(self.listener.close)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                stream, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(stream,), daemon=True).start()

    def serve(self, stream):
        with stream, stream.makefile("rb") as reader:
            try:
                while len(head := reader.read(4)) == 4:
                    data = reader.read(struct.unpack(">I", head)[0])
                    event = data[:1].decode()
                    if event in "DAQ":
                        continue
                    answer = self.answers.get(event, OFFER if event == "O" else packet("c"))
                    if answer is None:
                        continue
                    if answer == b"":
                        return
                    stream.sendall(answer)
            except OSError:
                return

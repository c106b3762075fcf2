"""A client of SCRAM-SHA-256-PLUS that binds the exchange to its TLS connection (tls-exporter, RFC 9266).

Python's ssl can't export keying material; `openssl s_client` prints it, and then carries the dialogue.
"""
import base64
import hashlib
import hmac
import os
import re
import select
import subprocess
import time

LABEL = "EXPORTER-Channel-Binding"
SECONDS_MAX = 60


class TlsDialogue:
    """Lines over TLS 1.3, and the channel binding of the connection."""

    def __init__(self, t, address, port):
        self.process = subprocess.Popen(
            ["openssl", "s_client", "-connect", f"{address}:{port}", "-tls1_3", "-nocommands", "-ign_eof",
             "-keymatexport", LABEL, "-keymatexportlen", "32"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0)
        t.cleanup(self.close)
        self.rest = b""
        self.binding = bytes.fromhex(self.until(r"\s*Keying material: [0-9A-F]+").split()[-1])

    def say(self, line):
        self.process.stdin.write(line.encode() + b"\r\n")

    def until(self, pattern):
        """The next line that matches from its begin; s_client writes lines of its own among them."""
        end = time.monotonic() + SECONDS_MAX
        while True:
            line, found, rest = self.rest.partition(b"\n")
            if found:
                self.rest = rest
                text = line.decode(errors="replace").rstrip("\r")
                if re.match(pattern, text):
                    return text
                continue
            if not select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))[0]:
                raise AssertionError(f"no line {pattern}, but {self.rest!r}")
            piece = os.read(self.process.stdout.fileno(), 65536)
            if not piece:
                raise AssertionError(f"the connection ends before a line {pattern}")
            self.rest += piece

    def close(self):
        self.process.kill()
        self.process.wait()


def log_in(dialogue, login, password, header="p=tls-exporter,,", binding=None, mechanism="SCRAM-SHA-256-PLUS"):
    """The tagged answer to IMAP's AUTHENTICATE. header: of GS2 (RFC 5801); binding: in place of the connection's own."""
    own = dialogue.binding if header.startswith("p=") else b""
    channel = base64.b64encode(header.encode() + (own if binding is None else binding)).decode()
    bare = f"n={login},r={base64.b64encode(os.urandom(18)).decode()}"
    dialogue.until(r"\* OK ")
    dialogue.say(f"a AUTHENTICATE {mechanism} " + base64.b64encode((header + bare).encode()).decode())
    line = dialogue.until(r"\+ |a ")
    if not line.startswith("+ "):
        return line
    text = base64.b64decode(line[2:]).decode()
    parts = dict(part.split("=", 1) for part in text.split(","))
    without = f"c={channel},r={parts['r']}"
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(parts["s"]), int(parts["i"]))
    key = hmac.digest(salted, b"Client Key", "sha256")
    signature = hmac.digest(hashlib.sha256(key).digest(), f"{bare},{text},{without}".encode(), "sha256")
    proof = base64.b64encode(bytes(x ^ y for x, y in zip(key, signature))).decode()
    dialogue.say(base64.b64encode(f"{without},p={proof}".encode()).decode())
    line = dialogue.until(r"\+ |a ")
    if line.startswith("+ "):  # the server's proof
        dialogue.say("")
        line = dialogue.until(r"a ")
    return line

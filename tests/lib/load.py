"""Clients that send mail to a host without pause; each attempt has a Message-ID of its own."""
import collections
import contextlib
import re
import smtplib
import threading
import time

from harness import check
from mailhost import letter


class Load:
    """Sends from `sessions` threads until stop(). acknowledged: ids that got a 250; attempted: all ids; refused:
    (code, text) of what was not taken, at MAIL, RCPT or the end of DATA."""

    def __init__(self, t, host, recipient, sessions=4, body=b"x" * 78 + b"\r\n", pause=0.0, name="load"):
        self.host, self.recipient, self.body, self.pause = host, recipient, body, pause
        self.name = name
        self.acknowledged, self.attempted, self.refused = set(), set(), []
        self._lock, self._stopping, self._count = threading.Lock(), threading.Event(), 0
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(sessions)]
        for thread in self._threads:
            thread.start()
        t.cleanup(self.stop)

    def stop(self):
        self._stopping.set()
        for thread in self._threads:
            thread.join(120)

    def _next_id(self):
        with self._lock:
            self._count += 1
            name = f"{self.name}-{self._count}@client.example.test"
            self.attempted.add(name)
            return name

    def _run(self):
        while not self._stopping.is_set():
            try:
                with self.host.smtp(timeout=30) as client:
                    client.ehlo()
                    while not self._stopping.is_set():
                        self._send(client)
                        time.sleep(self.pause)
            except (OSError, smtplib.SMTPException):
                time.sleep(0.02)

    def _send(self, client):
        for say in (lambda: client.mail("alice@example.test"), lambda: client.rcpt(self.recipient)):
            code, text = say()
            if code != 250:
                with self._lock:
                    self.refused.append((code, text))
                client.rset()
                return
        name = self._next_id()
        code, text = client.data(letter("load", self.body, message_id=f"<{name}>"))
        with self._lock:
            if code == 250:
                self.acknowledged.add(name)
            else:
                self.refused.append((code, text))


def ids_of(paths):
    """{Message-ID: how often it is there}; each must be whole, as Load sends it."""
    found = collections.Counter()
    for path in paths:
        with contextlib.suppress(FileNotFoundError):  # a reader may move it meanwhile
            with open(path, "rb") as file:
                text = file.read()
            match = re.search(rb"(?m)^Message-ID: <([^>]+)>", text)
            check(match and text.endswith(b"x" * 78 + b"\n"), f"half a message in the mailbox: {path}")
            found[match[1].decode()] += 1
    return found

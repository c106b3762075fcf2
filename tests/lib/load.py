"""A host in, clients that send to it without pause out; each attempt has a Message-ID of its own."""
import smtplib
import threading
import time

from mailhost import letter


class Load:
    """Sends from `sessions` threads until stop(). acknowledged: ids that got a 250; attempted: all ids."""

    def __init__(self, t, host, recipient, sessions=4, body=b"x" * 78 + b"\r\n", pause=0.0):
        self.host, self.recipient, self.body, self.pause = host, recipient, body, pause
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
            name = f"load-{self._count}@client.example.test"
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
        if client.mail("alice@example.test")[0] != 250 or client.rcpt(self.recipient)[0] != 250:
            client.rset()
            return
        name = self._next_id()
        code, text = client.data(letter("load", self.body, message_id=f"<{name}>"))
        with self._lock:
            if code == 250:
                self.acknowledged.add(name)
            else:
                self.refused.append((code, text))

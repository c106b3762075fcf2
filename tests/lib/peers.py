"""The other side in: a DNS server with the records a test names, an SMTP or LMTP server that answers as it is told."""
import contextlib
import os
import smtplib
import socket
import ssl
import subprocess
import threading

from harness import check, eventually
from mailhost import as_user, free_port, has_program


class NameServer:
    """A dnsmasq of the test's own. records are its options, as in "--mx-host=a.test,mx.a.test,10".

    place: the host of netns.py it runs on, there on port 53; else on a free port of 127.0.0.1.
    """

    def __init__(self, t, *records, place=None):
        self.host, self.port = (place.address, 53) if place else ("127.0.0.1", free_port())
        self.place = place or contextlib.nullcontext()
        check(has_program("dnsmasq"), "dnsmasq is missing; contrib/packages/test lists it")
        # Its log goes to standard error: of a file, be it /dev/null, dnsmasq makes itself the owner.
        command = ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--pid-file=",
                   f"--port={self.port}", f"--listen-address={self.host}", "--bind-interfaces", "--log-facility=-",
                   "--local=/#/", *records]
        with self.place:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                            stderr=subprocess.DEVNULL)
        t.cleanup(self.stop)
        eventually(self.answers, "dnsmasq answers")

    @property
    def address(self):
        return f"{self.host}:{self.port}"

    def answers(self):
        # An A query for the root's name; any answer will do.
        query = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x04test\x00\x00\x01\x00\x01"
        with self.place, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stream:
            stream.settimeout(1)
            stream.sendto(query, (self.host, self.port))
            return stream.recv(512)[:2] == b"\x12\x34"

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


class Sink:
    """An SMTP server in threads. `answers` maps a command's first words to a reply, as in {"RCPT TO:<a@b>": "450 no"}.

    transactions: what it took, as objects with sender, recipients, parameters, data (octets, unstuffed), tls, and the
    commands of their connection.

    lmtp: it speaks LMTP. Then the reply for each recipient is that to the command "END <a@b>", or "CLOSE": it closes
    the connection in place of a reply; recipients are those for whom it said 2xx at the end. path: it listens to a
    Unix socket.
    """

    class Transaction:
        def __init__(self, mail, tls, commands):
            self.mail, self.tls, self.rcpts, self.data = mail, tls, [], b""
            self.commands = commands

        @property
        def sender(self):
            return self.mail.partition("<")[2].partition(">")[0]

        @property
        def recipients(self):
            return [rcpt.partition("<")[2].partition(">")[0] for rcpt in self.rcpts]

    def __init__(self, t, address="127.0.0.1", answers=None, keywords=("PIPELINING", "8BITMIME", "SIZE 50000000"),
                 certificate=None, lmtp=False, path=None):
        self.answers, self.keywords, self.certificate = dict(answers or {}), list(keywords), certificate
        self.transactions, self.commands, self._open = [], [], set()
        self.connections, self.lmtp, self.path = 0, lmtp, path
        if not path:
            self.address, self.port = address, free_port(address)
        self.listen()
        t.cleanup(self.stop)

    def listen(self):
        """Begins, also after stop()."""
        if self.path:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(self.path)
            if as_user():
                os.chown(self.path, as_user()["user"], as_user()["group"])
            self.listener.listen(128)
        else:
            self.listener = socket.create_server((self.address, self.port))
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def stop(self):
        # The thread that waits in accept() would keep a listener that is only closed, and serve one client more.
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(30)
        for stream in list(self._open):
            with contextlib.suppress(OSError):
                stream.shutdown(socket.SHUT_RDWR)

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                stream = self.listener.accept()[0]
                self.connections += 1
                stream.settimeout(120)
                threading.Thread(target=self._serve, args=(stream,), daemon=True).start()

    def reply_to(self, command, default):
        for words, reply in self.answers.items():
            if command.upper().startswith(words.upper()):
                return reply
        return default

    def end_of_message(self, transaction):
        """The reply to a message that has arrived; a filter may pass it on before."""
        return self.reply_to("END", "250 2.0.0 Ok: queued as SINK")

    def _serve(self, stream):
        self._open.add(stream)
        try:
            self._talk(stream)
        except OSError:
            pass
        finally:
            self._open.discard(stream)
            stream.close()

    def _talk(self, stream):
        file, tls, current = stream.makefile("rb"), False, None
        commands = []

        def say(text):
            stream.sendall(text.encode() + b"\r\n")

        say(self.reply_to("CONNECT", "220 sink.example.net ESMTP"))
        while True:
            line = file.readline()
            if not line:
                return
            command = line.decode("utf-8", "replace").rstrip("\r\n")
            self.commands.append(command)
            commands.append(command)
            verb = command.split(" ")[0].upper()
            reply = self.reply_to(command, "250 2.0.0 Ok")
            if verb == ("LHLO" if self.lmtp else "EHLO") and reply.startswith("250"):
                words = self.keywords + (["STARTTLS"] if self.certificate and not tls else [])
                lines = ["sink.example.net", *words]
                for number, word in enumerate(lines):
                    say(f"250{'-' if number + 1 < len(lines) else ' '}{word}")
                continue
            if verb == "STARTTLS" and self.certificate:
                say("220 2.0.0 Go")
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(*self.certificate)
                self._open.discard(stream)
                stream = context.wrap_socket(stream, server_side=True)
                self._open.add(stream)
                file, tls = stream.makefile("rb"), True
                continue
            if verb == "MAIL" and reply.startswith("250"):
                current = Sink.Transaction(command, tls, commands)
            elif verb == "RCPT" and reply.startswith("250") and current:
                current.rcpts.append(command)
            elif verb == "RSET":
                current = None
            elif verb == "DATA":
                reply = self.reply_to("DATA", "354 Go" if current and current.rcpts else "554 5.5.1 No valid recipients")
                say(reply)
                if not reply.startswith("354"):
                    continue
                octets = []
                while (line := file.readline()) not in (b".\r\n", b""):
                    octets.append(line[1:] if line.startswith(b".") else line)
                if line == b"":
                    return
                current.data = b"".join(octets)
                if self.lmtp:
                    if not self._reply_to_each(current, say):
                        return
                    current = None
                    continue
                reply = self.end_of_message(current)
                if reply.startswith("250"):
                    self.transactions.append(current)
                current = None
            elif verb == "QUIT":
                say("221 2.0.0 Bye")
                return
            say(reply)

    def _reply_to_each(self, transaction, say):
        """False: the connection is to be closed."""
        accepted, transaction.rcpts = transaction.rcpts, []
        self.transactions.append(transaction)
        for rcpt in accepted:
            address = rcpt.partition("<")[2].partition(">")[0]
            reply = self.reply_to(f"END <{address}>", f"250 2.1.5 <{address}> saved")
            if reply == "CLOSE":
                return False
            if reply.startswith("2"):
                transaction.rcpts.append(rcpt)
            say(reply)
        return True

class ContentFilter(Sink):
    """A filter: passes each message on to `place`, (address, port), with a field on top; `refuse` in it is refused."""

    def __init__(self, t, place, mark="X-Scanned", **options):
        self.place, self.mark = place, mark
        super().__init__(t, keywords=("PIPELINING", "8BITMIME", "XFORWARD NAME ADDR PORT PROTO HELO SOURCE"), **options)

    def end_of_message(self, transaction):
        if b"refuse" in transaction.data:
            return "550 5.7.1 the filter refuses this"
        try:
            with smtplib.SMTP(*self.place, timeout=60, local_hostname="filter.test") as client:
                client.ehlo()
                client.sendmail(transaction.sender, transaction.recipients,
                                self.mark.encode() + b": yes\r\n" + transaction.data)
        except smtplib.SMTPException as error:
            return f"451 4.3.0 {type(error).__name__}"
        return "250 2.6.0 Ok, passed on"

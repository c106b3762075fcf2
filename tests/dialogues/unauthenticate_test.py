"""UNAUTHENTICATE (RFC 8437; RFC 5804 section 2.14.1): one connection, one user after another."""
import base64
import socket
import zlib

from harness import check, contains, equal, eventually, test
from mailhost import Host, letter, unverified

ALICE, BOB = "alice@example.test", "bob@example.test"


class Dialogue:
    """Lines over a connection, which may be encrypted or compressed."""

    def __init__(self, host, service):
        self.stream = socket.create_connection((host.address, host.port(service)), timeout=60)
        if service == "imaps":
            self.encrypt()
        self.rest = b""
        self.packer = self.unpacker = None

    def encrypt(self):
        self.stream = unverified().wrap_socket(self.stream)

    def compress(self):
        self.packer, self.unpacker = zlib.compressobj(wbits=-15), zlib.decompressobj(-15)

    def send(self, text):
        octets = text.encode()
        if self.packer:
            octets = self.packer.compress(octets) + self.packer.flush(zlib.Z_SYNC_FLUSH)
        self.stream.sendall(octets)

    def until(self, begin):
        """All lines up to one that begins so; every one of them."""
        lines = []
        while True:
            while b"\n" not in self.rest:
                piece = self.stream.recv(65536)
                check(piece, f"the connection ends before {begin}, after {lines}")
                self.rest += self.unpacker.decompress(piece) if self.unpacker else piece
            line, _, self.rest = self.rest.partition(b"\n")
            lines.append(line.decode().rstrip("\r"))
            if lines[-1].startswith(begin):
                return lines

    def command(self, text):
        """The lines of the answer to a command `TAG ...` of IMAP."""
        self.send(text + "\r\n")
        return self.until(text.split()[0] + " ")

    def ask(self, text):
        """The last line of the answer, without its tag."""
        return self.command(text)[-1].partition(" ")[2]


def make(t, **settings):
    host = Host(t, {"auth_failure_delay": "0s", "protocols": ["imap", "pop3", "sieve"], **settings}, daemons=("imapd",))
    host.put(ALICE, letter("for alice", to=ALICE))
    host.put(ALICE, letter("for alice, too", to=ALICE))
    host.put(BOB, letter("for bob", to=BOB))
    return host


def login(host, tag, user):
    return f"{tag} LOGIN {user} {host.users[user]}"


@test("after UNAUTHENTICATE another user logs in on the connection, plain or TLS, again and again, with nothing of the first's")
def users(t):
    host = make(t)
    for service in ("imap", "imaps"):
        client = Dialogue(host, service)
        client.until("* OK")
        first = client.ask(login(host, "a1", ALICE))
        contains(first, "OK [CAPABILITY", f"{service}: the first login")
        contains(first, " UNAUTHENTICATE", f"{service}: what is announced")
        client.ask("a2 ENABLE QRESYNC UTF8=ACCEPT")
        client.ask("a3 SELECT INBOX")
        client.ask("a4 STORE 1 +FLAGS (\\Deleted)")
        client.ask("a5 NOTIFY SET (personal (MessageNew MessageExpunge))")
        equal(len(client.command("a6 UNAUTHENTICATE")), 1, f"{service}: lines of the answer to UNAUTHENTICATE")
        contains(client.ask("a7 SELECT INBOX"), "BAD", f"{service}: a mailbox before login")
        capabilities = client.command("a8 CAPABILITY")[0]
        check("AUTH=PLAIN" in capabilities and "UNAUTHENTICATE" not in capabilities, f"{service}: {capabilities}")
        contains(client.ask(f"a9 LOGIN {ALICE} wrong"), "NO [AUTHENTICATIONFAILED]", f"{service}: a wrong password")
        contains(client.ask(login(host, "b1", BOB)), "OK", f"{service}: bob's login")
        contains("\n".join(client.command("b2 SELECT INBOX")), "* 1 EXISTS", f"{service}: bob's mailbox")
        # QRESYNC would make VANISHED of it, and NOTIFY tell of mail for alice.
        host.put(ALICE, letter("more for alice", to=ALICE))
        client.ask("b3 STORE 1 +FLAGS (\\Deleted)")
        lines = client.command("b4 EXPUNGE")
        check("* 1 EXPUNGE" in lines and not any("STATUS" in line for line in lines), f"{service}: {lines}")
        host.put(BOB, letter("for bob", to=BOB))
        client.ask("b5 UNAUTHENTICATE")
        contains(client.ask(login(host, "c1", ALICE)), "OK", f"{service}: alice's second login")
        found = client.command("c2 EXAMINE INBOX")
        check(any(line.endswith("EXISTS") and int(line.split()[1]) >= 3 for line in found), f"{service}: {found}")
        contains(client.command("c3 UID SEARCH DELETED")[0], "* SEARCH 1", f"{service}: what was marked, but not removed")
        client.command("c4 LOGOUT")
    check(host.log().count("Login: user=<") == 6, "not every login is logged")


@test("UNAUTHENTICATE and the next login may be sent at once; COMPRESS ends with it, and a plain connection may begin TLS after it")
def pipelined(t):
    host = make(t)
    for service in ("imap", "imaps"):
        client = Dialogue(host, service)
        client.until("* OK")
        plain = base64.b64encode(f"\0{BOB}\0{host.users[BOB]}".encode()).decode()
        client.send(login(host, "a", ALICE) + f"\r\nb UNAUTHENTICATE\r\nc AUTHENTICATE PLAIN {plain}\r\nd SELECT INBOX\r\n")
        lines = client.until("d ")
        for tag in "abcd":
            check(any(line.startswith(tag + " OK") for line in lines), f"{service}: {tag} is not answered OK: {lines}")
        check("* 1 EXISTS" in lines, f"{service}: not bob's mailbox: {lines}")
        client.ask("e COMPRESS DEFLATE")
        client.compress()
        contains(client.ask("f NOOP"), "OK", f"{service}: within COMPRESS")
        contains(client.ask("g UNAUTHENTICATE"), "OK", f"{service}: the last compressed line")
        client.packer = client.unpacker = None
        contains(client.ask(login(host, "h", ALICE)), "OK", f"{service}: a login without compression")
        if service == "imap":
            client.ask("i UNAUTHENTICATE")
            contains(client.ask("j STARTTLS"), "OK", "STARTTLS after UNAUTHENTICATE")
            client.encrypt()
            contains(client.ask(login(host, "k", BOB)), "OK", "a login over TLS")
        contains(client.ask("l LOGOUT"), "OK", f"{service}: LOGOUT")


@test("a connection that is given back counts for its user no more, and as long as it likes it may stay only once logged in")
def counted(t):
    host = make(t, mail_max_userip_connections=1, imap_login_timeout="3s")
    client = Dialogue(host, "imaps")
    client.until("* OK")
    for number in range(3):
        contains(client.ask(login(host, f"a{number}", ALICE)), "OK", "a login again")
        client.ask(f"b{number} UNAUTHENTICATE")
    other = Dialogue(host, "imap")
    other.until("* OK")
    contains(other.ask(login(host, "c", ALICE)), "OK", "a login elsewhere")
    contains(client.ask(login(host, "d", ALICE)), "NO [LIMIT]", "one too many")
    other.ask("e UNAUTHENTICATE")
    other.until("* BYE")


@test("a reload takes nobody's connection away who says UNAUTHENTICATE afterwards")
def reloaded(t):
    host = make(t)
    clients = []
    for service in ("imap", "imaps"):
        clients.append(Dialogue(host, service))
        clients[-1].until("* OK")
        clients[-1].ask(login(host, "a", ALICE))
    host.reload("imapd")
    host.wait_log("imapd.*: reload")
    for client in clients:
        contains(client.ask("b UNAUTHENTICATE"), "OK", "UNAUTHENTICATE after a reload")
        contains(client.ask(login(host, "c", BOB)), "OK", "a login after a reload")
        client.ask("d LOGOUT")


@test("imap_capability hides UNAUTHENTICATE, and then it is not there")
def hidden(t):
    host = make(t, imap_capability="-UNAUTHENTICATE")
    client = Dialogue(host, "imap")
    client.until("* OK")
    check("UNAUTHENTICATE" not in client.ask(login(host, "a", ALICE)), "hidden, and told")
    contains(client.ask("b UNAUTHENTICATE"), "BAD", "what is not offered")
    contains(client.ask("c SELECT INBOX"), "OK", "the session goes on")


@test("ManageSieve: after UNAUTHENTICATE another user logs in, and has scripts of his own")
def sieve(t):
    host = make(t)
    for is_encrypted in (False, True):
        client = Dialogue(host, "sieve")
        client.until("OK")
        if is_encrypted:
            client.send("STARTTLS\r\n")
            client.until("OK")
            client.encrypt()
            client.until("OK")

        def authenticate(user, client=client):
            plain = base64.b64encode(f"\0{user}\0{host.users[user]}".encode()).decode()
            return f'AUTHENTICATE "PLAIN" "{plain}"\r\n'
        client.send(authenticate(ALICE) + 'PUTSCRIPT "hers" "keep;"\r\nCAPABILITY\r\n')
        client.until("OK")
        client.until("OK")
        check('"UNAUTHENTICATE"' in client.until("OK"), "it is not announced")
        client.send("UNAUTHENTICATE\r\nLISTSCRIPTS\r\n")
        client.until("OK")
        client.until("NO")
        client.send(authenticate(BOB) + "LISTSCRIPTS\r\nLOGOUT\r\n")
        client.until("OK")
        equal(len(client.until("OK")), 1, "lines of bob's LISTSCRIPTS")
        client.until("OK")
    eventually(lambda: host.log().count("Unauthenticated") == 2, "the log says how the sessions ended")

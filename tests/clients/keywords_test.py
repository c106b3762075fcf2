"""Each keyword of EHLO, CAPA and CAPABILITY in; one exchange by a stock client that shows that it holds.

A keyword that is announced and not in the tables here fails the test: write its exchange first.
"""
import base64
import os
import poplib
import re
import socket
import zlib

from bound_scram import TlsDialogue, log_in
from harness import Shared, check, contains, equal, eventually, test
from mailhost import Host, letter, unverified
from programs import Scram
from stock import run

ALICE, BOB, ADMIN = "alice@example.test", "bob@example.test", "admin@example.test"
UTF8 = "j\u00f6rg@example.test"


def make(t):
    host = Host(t, {"auth_failure_delay": "0s", "message_size_limit": 1000000, "auth_mechanisms": "auto, scram-sha-256-plus"},
                aliases="j\u00f6rg: " + BOB + "\n", users={ALICE: "alice-secret", BOB: "bob-secret", ADMIN: "admin-secret"})
    host.command("pennypost", "user", "set", ADMIN, "admin=yes")
    for number in range(1, 4):
        host.put(ALICE, letter(f"n{number}", "the body\r\n", to=ALICE))
    return host


shared = Shared(make)


def curl(host, service, *more, path="/", login=True, ok=(0,)):
    scheme = {"submission": "smtp"}.get(service, service)
    user = ["--user", f"{ALICE}:{host.users[ALICE]}"] if login else []
    return run(["curl", "--silent", "--show-error", "--insecure", "--verbose", "--max-time", "60", *user, *more,
                f"{scheme}://{host.address}:{host.port(service)}{path}"], ok=ok)


def talk(host, service, *lines):
    """Octets sent at once, as a client with pipelining does; all that comes back."""
    with socket.create_connection((host.address, host.port(service)), timeout=60) as stream:
        stream.sendall("".join(line + "\r\n" for line in lines).encode())
        return stream.makefile("rb").read().decode()


def all_of(announced, table, host, what):
    """Calls the exchange of each keyword; each must be known."""
    unknown = sorted(set(announced) - set(table))
    check(not unknown, f"{what} announces what no exchange here shows: {unknown}")
    check("" not in announced and announced, f"{what} announces nothing")
    for word in announced:
        try:
            table[word](host)
        except Exception as error:
            raise AssertionError(f"{what} announces {word}: {type(error).__name__}: {error}") from error


# EHLO

def swaks(host, service, *more):
    return run(["swaks", "--server", host.address, "--port", str(host.port(service)), "--helo", "client.example.test", "--from",
                ALICE, "--to", BOB, "--timeout", "60", *more]).decode()


def auth(host):
    for mechanism in ("PLAIN", "LOGIN"):
        contains(swaks(host, "submission", "--tls", "--auth", mechanism, "--auth-user", ALICE, "--auth-password",
                       host.users[ALICE], "--quit-after", "AUTH"), "235 2.7.0", mechanism)
    run(["msmtp", "--file=/dev/null", f"--host={host.address}", f"--port={host.port('submission')}", f"--from={ALICE}",
         "--auth=scram-sha-256", f"--user={ALICE}", f"--passwordeval=echo {host.users[ALICE]}", "--tls=on",
         "--tls-certcheck=off", "--", BOB], input=b"Subject: by SCRAM\n\nx\n")


def size(host):
    with host.smtp() as client:
        client.ehlo()
        limit = int(client.esmtp_features["size"])
        equal(limit, 1000000, "the limit")
        equal(client.mail(ALICE, [f"SIZE={limit + 1}"])[0], 552, "a larger message")
        equal(client.mail(ALICE, [f"SIZE={limit}"])[0], 250, "one of the limit")


def eight_bit(host):
    before = len(host.messages(BOB))
    with host.smtp() as client:
        client.sendmail(ALICE, [BOB], letter("8BITMIME", b"\xe9\xff\r\n"), mail_options=["BODY=8BITMIME"])
    texts = [open(path, "rb").read() for path in host.wait_messages(BOB, before + 1)]
    check(any(text.endswith(b"\n\n\xe9\xff\n") for text in texts), "the octets have arrived")


def dsn(host):
    with host.smtp() as client:
        client.sendmail(BOB, [BOB], letter("DSN"), mail_options=["RET=HDRS", "ENVID=e1"],
                        rcpt_options=["NOTIFY=SUCCESS", f"ORCPT=rfc822;{BOB}"])
    host.wait_log(r"sender delivery status notification: ")


def smtputf8(host):
    with host.smtp() as client:
        client.ehlo()
        client.command_encoding = "utf-8"
        equal(client.mail(ALICE, ["SMTPUTF8"])[0], 250, "MAIL")
        equal(client.rcpt(UTF8)[0], 250, "RCPT of a UTF-8 address")


def chunking(host):
    message = letter("CHUNKING", "a\r\n.\r\nb").decode()
    with socket.create_connection((host.address, host.port("smtp")), timeout=60) as stream:
        answers = stream.makefile("rb")
        answers.readline()
        stream.sendall(b"EHLO client.example.test\r\n")
        while not answers.readline().startswith(b"250 "):  # RFC 2920 section 3.1: only then
            pass
        stream.sendall(f"MAIL FROM:<{ALICE}>\r\nRCPT TO:<{BOB}>\r\nBDAT {len(message)}\r\n{message}"
                       "BDAT 0 LAST\r\nQUIT\r\n".encode())
        contains(answers.read().decode(), "queued as", "the answers to BDAT")


def verp(host):
    with host.smtp() as client:
        client.sendmail(ALICE, [BOB], letter("XVERP"), mail_options=["XVERP=+="])
    eventually(lambda: any(b"Return-Path: <alice+bob=example.test@example.test>" in open(path, "rb").read() for path in host.messages(BOB)),
               "a message whose sender names its recipient")


def requiretls(host):
    before = len(host.messages(BOB))
    with host.smtp() as client:
        client.ehlo()
        equal(client.mail(ALICE, ["REQUIRETLS"])[0], 555, "MAIL with REQUIRETLS before TLS")
        client.starttls(context=unverified())
        client.sendmail(ALICE, [BOB], letter("REQUIRETLS"), mail_options=["REQUIRETLS"])
    texts = [open(path, "rb").read() for path in host.wait_messages(BOB, before + 1)]
    check(any(b"\nRequire-TLS-ESMTP: yes\n" in text for text in texts), "a message that asks for TLS")


SMTP = {
    "PIPELINING": lambda host: contains(swaks(host, "smtp", "--pipeline", "--quit-after", "RCPT"), "250 2.1.5", "swaks"),
    "SIZE": size,
    "VRFY": lambda host: curl(host, "smtp", "--mail-rcpt", BOB, login=False),
    "STARTTLS": lambda host: contains(swaks(host, "smtp", "--tls", "--quit-after", "RCPT"), "250 2.1.5", "swaks"),
    "AUTH": auth,
    "ENHANCEDSTATUSCODES": lambda host: check(re.search(r"^<-  250 2\.1\.0 .*\n(.*\n)*<-  250 2\.1\.5 ", swaks(
        host, "smtp", "--quit-after", "RCPT"), re.MULTILINE), "codes in the answers"),
    "8BITMIME": eight_bit, "DSN": dsn, "SMTPUTF8": smtputf8, "CHUNKING": chunking,
    "XVERP": verp, "REQUIRETLS": requiretls,
    "HELP": lambda host: contains(curl(host, "smtp", "-X", "HELP", login=False), b"214 2.0.0", "HELP"),
}


@test("EHLO: each keyword is shown to hold by an exchange, on 25, 587 and 465")
def ehlo(t):
    del t
    host = shared.get()
    words = {}
    for service, secure in (("smtp", False), ("smtp", True), ("submission", False), ("submission", True), ("submissions", False)):
        with host.smtp(service) as client:
            client.ehlo()
            if secure:
                client.starttls(context=unverified())
                client.ehlo()
            lines = client.ehlo_resp.decode().split("\n")[1:]
            equal(sorted({line.split()[0].lower() for line in lines}), sorted(client.esmtp_features), "keywords, each once")
            words.update({line.split()[0]: 1 for line in lines})
            mechanisms = client.esmtp_features.get("auth", "").split()
            check(set(mechanisms) <= {"PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"}, f"AUTH announces {mechanisms}")
    all_of(list(words), SMTP, host, "EHLO")


# CAPA

def pop3_refused(call):
    try:
        call()
    except poplib.error_proto as error:
        return str(error)
    raise AssertionError("it is taken")


def in_use(host):
    first = host.pop3(ALICE)
    contains(pop3_refused(lambda: host.pop3(ALICE)), "[IN-USE]", "a second session")
    first.quit()


def wrong_password(host):
    client = host.pop3()
    client.user(ALICE)
    contains(pop3_refused(lambda: client.pass_("wrong")), "[AUTH]", "a wrong password")


def pop3_sasl(host):
    for mechanism in ("PLAIN", "LOGIN"):
        contains(curl(host, "pop3", "--ssl-reqd", "--login-options", "AUTH=" + mechanism, path="/1"), b"Subject: n1", mechanism)
    client, exchange = host.pop3(), Scram(ALICE, host.users[ALICE])
    client._putcmd("AUTH SCRAM-SHA-256")
    while (line := client._getline()[0]).startswith(b"+ "):
        client._putcmd(base64.b64encode(exchange.answer(base64.b64decode(line[2:]))).decode())
    contains(line, b"+OK", "the end of SCRAM-SHA-256")
    equal(client.stat()[0], 3, "messages after SCRAM-SHA-256")
    client.quit()


def pop3(host, *lines):
    return talk(host, "pop3", f"USER {ALICE}", f"PASS {host.users[ALICE]}", *lines, "QUIT")


def stls(host):
    client = host.pop3()
    client.stls(context=unverified())
    client.user(ALICE)
    client.pass_(host.users[ALICE])
    client.quit()


POP3 = {
    "TOP": lambda host: check(b"the body" not in curl(host, "pop3", "-X", "TOP 1 0"), "TOP 1 0 shows the body"),
    "UIDL": lambda host: equal(len(re.findall(rb"(?m)^\d+ \S+\r?$", curl(host, "pop3", "-X", "UIDL"))), 3, "lines of UIDL"),
    "USER": lambda host: host.pop3(ALICE).quit(),
    "RESP-CODES": in_use,
    "AUTH-RESP-CODE": wrong_password,
    "PIPELINING": lambda host: equal(pop3(host, "NOOP", "LIST 1", "NOOP").count("+OK"), 7, "answers to what came at once"),
    "EXPIRE": lambda host: contains(pop3(host, "RETR 1") and pop3(host, "STAT"), "+OK 3 ", "what was read stays"),
    "SASL": pop3_sasl,
    "STLS": stls,
    "LANG": lambda host: check(re.search(r"(?m)^en English\r$", talk(host, "pop3", "LANG", "QUIT")), "LANG lists English"),
    "UTF8": lambda host: equal(talk(host, "pop3", "UTF8", "UTF8", f"USER {ALICE}", f"PASS {host.users[ALICE]}", "UTF8", "QUIT")
                               .count("+OK"), 6, "answers to UTF8 before login, where it may be said again, and after"),
    "IMPLEMENTATION": lambda host: contains(talk(host, "pop3", "CAPA", "QUIT"), "IMPLEMENTATION Pennypost", "CAPA"),
}


@test("CAPA: each capability is shown to hold by an exchange, before and after STLS and login")
def capa(t):
    del t
    host = shared.get()
    client = host.pop3()
    words = dict(client.capa())
    equal(set(words["SASL"]), {"PLAIN", "LOGIN", "SCRAM-SHA-256"}, "mechanisms")
    client.stls(context=unverified())
    words.update(client.capa())
    # imap_plus() shows it, by what both have in common.
    equal(set(words["SASL"]), {"PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"}, "mechanisms over TLS")
    client.user(ALICE)
    client.pass_(host.users[ALICE])
    words.update(client.capa())
    client.quit()
    all_of(list(words), POP3, host, "CAPA")


# CAPABILITY

def imap(host, *lines):
    return talk(host, "imap", f"a LOGIN {ALICE} {host.users[ALICE]}", *lines, "z LOGOUT")


def has(pattern, *lines):
    def exchange(host):
        seen = imap(host, *lines)
        check(re.search(pattern, seen, re.MULTILINE), f"{lines} is answered {seen}")
    return exchange


def sets_quota(host):
    """Another user's quota is set by an admin, and seen by the user."""
    admin = host.imap(ADMIN)
    told = admin.setquota(f'"{BOB}:User quota"', "(STORAGE 5000)")[1][0].decode()
    check(re.fullmatch(rf'"{BOB}:User quota" \(STORAGE \d+ 5000\)', told), f"SETQUOTA: {told}")
    with host.imap(BOB) as bob:
        contains(bob.getquota('"User quota"')[1][0], b" 5000)", "the user's GETQUOTA")
    equal(admin.setquota(f'"{BOB}:User quota"', "()")[0], "OK", "SETQUOTA without limits")
    admin.logout()


def imap_auth(mechanism):
    def exchange(host):
        contains(curl(host, "imap", "--ssl-reqd", "--login-options", "AUTH=" + mechanism, path="/INBOX;UID=1"), b"Subject: n1",
                 mechanism)
    return exchange


def imap_scram(host):
    client = host.imap()
    equal(client.authenticate("SCRAM-SHA-256", Scram(ALICE, host.users[ALICE]).answer)[0], "OK", "AUTHENTICATE SCRAM-SHA-256")
    client.logout()


def imap_plus(host):
    dialogue = TlsDialogue(host.t, host.address, host.port("imaps"))
    contains(log_in(dialogue, ALICE, host.users[ALICE]), "a OK", "AUTHENTICATE SCRAM-SHA-256-PLUS")


def starttls(host):
    client = host.imap()
    client.starttls(unverified())
    client.login(ALICE, host.users[ALICE])
    client.logout()


def sasl_ir(host):
    plain = base64.b64encode(f"\0{ALICE}\0{host.users[ALICE]}".encode()).decode()
    contains(talk(host, "imap", f"a AUTHENTICATE PLAIN {plain}", "z LOGOUT"), "a OK", "AUTHENTICATE with an initial response")


def idle(host):
    with socket.create_connection((host.address, host.port("imap")), timeout=60) as stream:
        file = stream.makefile("rwb", buffering=0)
        file.write(f"a LOGIN {BOB} {host.users[BOB]}\r\nb SELECT INBOX\r\nc IDLE\r\n".encode())
        while not (line := file.readline()).startswith(b"+"):
            check(line, "the connection ends before IDLE")
        with host.smtp() as client:
            client.sendmail(ALICE, [BOB], letter("IDLE"))
        while not re.match(rb"\* \d+ EXISTS", line := file.readline()):
            check(line.startswith(b"*"), f"within IDLE: {line!r}")
        file.write(b"DONE\r\nz LOGOUT\r\n")
        while not line.startswith(b"z OK"):
            line = file.readline()
            check(line, "the connection ends before LOGOUT is answered")


def unselect(host):
    client = host.imap(ALICE)
    client.select("INBOX")
    equal(client.unselect()[0], "OK", "UNSELECT")
    client.logout()


def move(host):
    client = host.imap(ALICE)
    client.create("Moved")
    client.append("INBOX", None, None, letter("to be moved"))
    client.select("INBOX")
    uid = client.uid("SEARCH", None, 'SUBJECT "to be moved"')[1][0].split()[-1].decode()
    equal(client.uid("MOVE", uid, "Moved")[0], "OK", "UID MOVE")
    equal(client.uid("SEARCH", None, 'SUBJECT "to be moved"')[1], [b""], "what is left in INBOX")
    equal(client.select("Moved")[1], [b"1"], "what is in the other mailbox")
    client.delete("Moved")
    client.logout()


def namespace(host):
    client = host.imap(ALICE)
    contains(client.namespace()[1][0], b'(("" ', "NAMESPACE")
    client.logout()


def compress(host):
    with socket.create_connection((host.address, host.port("imap")), timeout=60) as stream:
        file = stream.makefile("rwb", buffering=0)
        file.write(f"a LOGIN {ALICE} {host.users[ALICE]}\r\nb COMPRESS DEFLATE\r\n".encode())
        while not (line := file.readline()).startswith(b"b "):
            check(line, "the connection ends before COMPRESS is answered")
        check(line.startswith(b"b OK"), f"COMPRESS is answered {line!r}")
        out, back = zlib.compressobj(wbits=-15), zlib.decompressobj(-15)
        file.write(out.compress(b"c NOOP\r\nd COMPRESS DEFLATE\r\ne LOGOUT\r\n") + out.flush(zlib.Z_SYNC_FLUSH))
        seen = b""
        while b"e OK" not in seen:
            piece = file.read(65536)
            check(piece, f"the connection ends after {seen!r}")
            seen += back.decompress(piece)
        check(b"c OK" in seen and b"d BAD" in seen, f"within COMPRESS: {seen!r}")


UMLAUT = "Subject: =?utf-8?q?a=CC=88pfel?=\r\n\r\nx\r\n"
SMALL = "Subject: s\r\n\r\nx\r\n"
IMAP = {
    "IMAP4REV1": has(r"^b OK", "b SELECT INBOX"),
    "SASL-IR": sasl_ir,
    "LITERAL+": has(r"^b OK", "b SELECT {5+}\r\nINBOX"),
    "ENABLE": has(r"^\* ENABLED", "b ENABLE X-NOTHING"),
    "ID": lambda host: contains(curl(host, "imap", "-X", 'ID ("name" "curl")'), b'"name" "Pennypost"', "ID"),
    "IDLE": idle,
    "MOVE": move,
    "NAMESPACE": namespace,
    "ESEARCH": has(r"^\* ESEARCH .*COUNT 3", "b SELECT INBOX", 'c SEARCH RETURN (COUNT) SUBJECT "n"'),
    "UIDPLUS": has(r"^c OK \[COPYUID (?s:.)*^d OK \[APPENDUID \d+ \d+\]", "b SELECT INBOX", "b2 CREATE Plus", "c COPY 1 Plus",
                   f"d APPEND Plus {{{len(SMALL)}+}}\r\n{SMALL}", "e DELETE Plus"),
    "UNSELECT": unselect,
    "FILTER=SIEVE": has(r'^\* 1 FILTERED \(TAG "c"\) OK(?s:.)*^d OK', "b SELECT INBOX", 'c FILTER SIEVE SCRIPT "discard;" 1',
                        "d STORE 1 -FLAGS (\\Deleted)"),
    "CHILDREN": has(r"^\* LIST \(.*\\HasChildren.*\) .* \"?Up\"?\r$", "b CREATE Up/Down", 'c LIST "" "*"', 'c2 CREATE Up.Down',
                    'd LIST "" "*"'),
    "MULTIAPPEND": has(r"^c OK \[APPENDUID \d+ \d+:\d+\]", "b CREATE Many",
                       f"c APPEND Many {{{len(SMALL)}+}}\r\n{SMALL} {{{len(SMALL)}+}}\r\n{SMALL}", "d DELETE Many"),
    "SPECIAL-USE": has(r"^\* LIST \([^)]*\\Sent[^)]*\)", 'b LIST (SPECIAL-USE) "" "*"'),
    "LIST-EXTENDED": has(r"^\* LIST \([^)]*\) .* \"?Over\"? \(\"CHILDINFO\" \(\"SUBSCRIBED\"\)\)\r$", "b SUBSCRIBE Over.Under",
                         "c SUBSCRIBE Over/Under", 'd LIST (SUBSCRIBED RECURSIVEMATCH) "" (% "") RETURN (CHILDREN)',
                         "e UNSUBSCRIBE Over.Under", "f UNSUBSCRIBE Over/Under"),
    "LIST-STATUS": has(r"^\* LIST \([^)]*\) .* \"?INBOX\"?\r\n\* STATUS \"?INBOX\"? \(MESSAGES \d+ SIZE \d+\)\r$",
                       'b LIST "" INBOX RETURN (STATUS (MESSAGES SIZE))'),
    "APPENDLIMIT": has(r"^\* CAPABILITY .*APPENDLIMIT=(\d+)(?s:.)*^\* STATUS .* \(APPENDLIMIT \1\)\r$", "b CAPABILITY",
                       "c STATUS INBOX (APPENDLIMIT)"),
    "BINARY": has(r"^\* 1 FETCH \(BINARY\.SIZE\[1\] (\d+) BINARY\[1\] \{\1\}", "b SELECT INBOX",
                  "c FETCH 1 (BINARY.SIZE[1] BINARY.PEEK[1])"),
    "COMPRESS=DEFLATE": compress,
    "CONDSTORE": has(r"^\* OK \[HIGHESTMODSEQ \d+\](?s:.)*^\* 1 FETCH \(MODSEQ \(\d+\)\)", "b SELECT INBOX (CONDSTORE)",
                     "c FETCH 1 (MODSEQ)"),
    "CREATE-SPECIAL-USE": has(r"^b OK (?s:.)*^\* LIST \([^)]*\\Archive\)(?s:.)*^d NO \[USEATTR\]", "b0 DELETE Archive",
                              "b CREATE Archive (USE (\\Archive))", 'c LIST "" Archive', "d CREATE Other (USE (\\Archive))"),
    "ESORT": has(r"^\* ESEARCH .*MIN 3 COUNT 3\r$", "b SELECT INBOX",
                 'c SORT RETURN (MIN COUNT) (REVERSE SUBJECT) UTF-8 SUBJECT "n"'),
    "I18NLEVEL=1": has(r"^\* SEARCH \d+\r$", f"b APPEND INBOX {{{len(UMLAUT)}+}}\r\n{UMLAUT}", "c SELECT INBOX",
                       "d SEARCH CHARSET UTF-8 SUBJECT {6+}\r\n\u00c4PFEL", "e STORE * +FLAGS.SILENT (\\Deleted)", "f EXPUNGE"),
    "OBJECTID": has(r"^\* OK \[MAILBOXID \((\w+)\)\](?s:.)*^\* 1 FETCH \(EMAILID \(\w+\)\)", "b SELECT INBOX", "c FETCH 1 (EMAILID)"),
    "PARTIAL": has(r"^\* ESEARCH .* PARTIAL \(-1:-2 2:3\)\r$", "b SELECT INBOX", 'c SEARCH RETURN (PARTIAL -1:-2) SUBJECT "n"'),
    "PREVIEW": has(r"^\* 1 FETCH \(PREVIEW (\"|\{)", "b SELECT INBOX", "c FETCH 1 (PREVIEW)"),
    "QRESYNC": has(r"^\* ENABLED .*QRESYNC(?s:.)*^\* VANISHED \d+\r$", "b ENABLE QRESYNC", "c CREATE Gone",
                   f"d APPEND Gone (\\Deleted) {{{len(SMALL)}+}}\r\n{SMALL}", "e SELECT Gone", "f EXPUNGE", "g CLOSE", "h DELETE Gone"),
    "REPLACE": has(r"^\* OK \[APPENDUID \d+ 2\](?s:.)*^e OK", "b CREATE Draft", f"c APPEND Draft {{{len(SMALL)}+}}\r\n{SMALL}",
                   "d SELECT Draft", f"e REPLACE 1 Draft {{{len(SMALL)}+}}\r\n{SMALL}", "f CLOSE", "g DELETE Draft"),
    "SAVEDATE": has(r"^\* 1 FETCH \(SAVEDATE \"[^\"]+\"\)", "b SELECT INBOX", "c FETCH 1 (SAVEDATE)"),
    "SEARCH=FUZZY": has(r"^\* ESEARCH .*ALL 2 RELEVANCY \(100\)\r$", "b SELECT INBOX", "c SEARCH RETURN (ALL RELEVANCY) FUZZY SUBJECT n2"),
    "SEARCHRES": has(r"^\* 1 FETCH \(UID 1\)", "b SELECT INBOX", 'c SEARCH RETURN (SAVE) SUBJECT "n1"', "d FETCH $ (UID)"),
    "SORT": has(r"^\* SORT 3 2 1\r$", "b SELECT INBOX", 'c SORT (REVERSE SUBJECT) UTF-8 SUBJECT "n"'),
    "SORT=DISPLAY": has(r"^\* SORT( \d+){3}\r$", "b SELECT INBOX", 'c SORT (DISPLAYFROM) UTF-8 SUBJECT "n"'),
    "THREAD=ORDEREDSUBJECT": has(r"^\* THREAD \(1\)", "b SELECT INBOX", 'c THREAD ORDEREDSUBJECT UTF-8 SUBJECT "n1"'),
    "THREAD=REFERENCES": has(r"^\* THREAD \(1\)", "b SELECT INBOX", 'c THREAD REFERENCES UTF-8 SUBJECT "n1"'),
    "THREAD=REFS": has(r"^\* THREAD \(1\)", "b SELECT INBOX", 'c THREAD REFS UTF-8 SUBJECT "n1"'),
    "WITHIN": has(r"^c OK (?s:.)*^d BAD", "b SELECT INBOX", "c SEARCH YOUNGER 1000 OLDER 1", "d SEARCH YOUNGER 0"),
    "STATUS=SIZE": has(r"^\* STATUS .* \(SIZE [1-9]\d*\)\r$", "b STATUS INBOX (SIZE)"),
    "METADATA": has(r"^c OK (?s:.)*^\* METADATA \"?INBOX\"? \(/private/comment \"note\"\)\r$",
                    'c SETMETADATA INBOX (/private/comment "note")', "d GETMETADATA INBOX /private/comment",
                    "e SETMETADATA INBOX (/private/comment NIL)"),
    "LIST-METADATA": has(r"^\* LIST .*INBOX\"?\r\n\* METADATA \"?INBOX\"? \(/private/x NIL\)\r$",
                         'b LIST "" INBOX RETURN (METADATA (/private/x))'),
    "ACL": has(r"^\* ACL \"?INBOX\"? .*\"?bob@example.test\"? lr(?s:.)*^d OK ", "b SETACL INBOX bob lr", "c GETACL INBOX",
               "d DELETEACL INBOX bob"),
    "RIGHTS=KXTE": has(r"^\* MYRIGHTS \"?INBOX\"? lrwstipekxacd\r$", "b MYRIGHTS INBOX"),
    "LIST-MYRIGHTS": has(r"^\* LIST .*INBOX\"?\r\n\* MYRIGHTS \"?INBOX\"? lrwstipekxacd\r$", 'b LIST "" INBOX RETURN (MYRIGHTS)'),
    "QUOTA": has(r"^\* QUOTAROOT \"?INBOX\"?(?s:.)*^b OK ", "b GETQUOTAROOT INBOX"),
    "QUOTASET": sets_quota,
    "QUOTA=RES-STORAGE": has(r"^\* STATUS .* \(DELETED-STORAGE \d+\)\r$", "b STATUS INBOX (DELETED-STORAGE)"),
    "QUOTA=RES-MESSAGE": has(r"^\* STATUS .* \(DELETED \d+\)\r$", "b STATUS INBOX (DELETED)"),
    "MULTISEARCH": has(r"^\* ESEARCH \(TAG \"b\" MAILBOX \"?INBOX\"? UIDVALIDITY \d+\) UID COUNT 3\r$",
                       'b ESEARCH IN (personal) RETURN (COUNT) SUBJECT "n"'),
    "CONTEXT=SEARCH": has(r"^\* ESEARCH \(TAG \"c\"\) ADDTO \(0 1\)\r$", "b SELECT INBOX",
                          "c SEARCH RETURN (UPDATE COUNT) KEYWORD follow", "d STORE 1 +FLAGS (follow)",
                          'e CANCELUPDATE "c"', "f STORE 1 -FLAGS (follow)"),
    "CONTEXT=SORT": has(r"^\* ESEARCH \(TAG \"c\"\) ADDTO \(1 1\)\r$", "b SELECT INBOX",
                        "c SORT RETURN (UPDATE COUNT) (ARRIVAL) UTF-8 KEYWORD follow", "d STORE 1 +FLAGS (follow)",
                        'e CANCELUPDATE "c"', "f STORE 1 -FLAGS (follow)"),
    "NOTIFY": has(r"^\* STATUS \"?INBOX\"? \(MESSAGES \d+ UIDNEXT \d+ UIDVALIDITY \d+ UNSEEN \d+\)(?s:.)*^b OK ",
                  "b NOTIFY SET STATUS (mailboxes INBOX (MessageNew MessageExpunge))"),
    "CATENATE": has(r"^\* 1 FETCH \(BODY\[\] \{\d+\}\r\nFrom(?s:.)*the end\r\n\)\r$", "b CREATE Cat",
                    'c APPEND Cat CATENATE (URL "/INBOX/;UID=1" TEXT {9+}\r\nthe end\r\n)', "d SELECT Cat", "e FETCH 1 BODY.PEEK[]",
                    "f CLOSE", "g DELETE Cat"),
    "URL-PARTIAL": has(r"^\* 1 FETCH \(RFC822.SIZE 10\)\r$", "b CREATE Part",
                       'c APPEND Part CATENATE (URL "/INBOX/;UID=1/;PARTIAL=0.10")', "d SELECT Part", "e FETCH 1 RFC822.SIZE", "f CLOSE",
                       "g DELETE Part"),
    "IMAP4REV2": has(r"^\* ENABLED .*IMAP4rev2\r$(?s:.)*^\* LIST \([^)]*\) \".\" \"?INBOX\"?\r$", "b ENABLE IMAP4rev2", "c SELECT INBOX"),
    "UTF8=ACCEPT": has("^\\* LIST .* \"\u00c4pfel\"\r$", "b ENABLE UTF8=ACCEPT", 'c CREATE "\u00c4pfel"', 'd LIST "" "\u00c4*"',
                       'e DELETE "\u00c4pfel"'),
    # Its lines come with a command of more than ten seconds only; unit tests show them.
    "INPROGRESS": has(r"^c OK ", "b SELECT INBOX", "c SEARCH TEXT body"),
    "UIDBATCHES": has(r"^\* UIDBATCHES \(TAG \"c\"\) 3:1\r$", "b SELECT INBOX", "c UIDBATCHES 1000"),
    "UNAUTHENTICATE": has(r"^b OK (?s:.)*^d BAD(?s:.)*^e OK", "b UNAUTHENTICATE", "d SELECT INBOX",
                          f"e LOGIN {BOB} bob-secret"),
    "STARTTLS": starttls,
    "AUTH=PLAIN": imap_auth("PLAIN"),
    "AUTH=LOGIN": imap_auth("LOGIN"),
    "AUTH=SCRAM-SHA-256": imap_scram,
    "AUTH=SCRAM-SHA-256-PLUS": imap_plus,
}


@test("CAPABILITY: each capability is shown to hold by an exchange, before and after STARTTLS and login")
def capability(t):
    del t
    host = shared.get()
    client = host.imap()
    words = dict.fromkeys(client.capabilities)
    client.starttls(unverified())
    words.update(dict.fromkeys(client.capabilities))
    client.login(ALICE, host.users[ALICE])
    words.update(dict.fromkeys(client.capability()[1][-1].decode().upper().split()))
    check("QUOTASET" not in words, "QUOTASET is announced to who is no admin")
    client.logout()
    with host.imap(ADMIN) as admin:
        words.update(dict.fromkeys(admin.capability()[1][-1].decode().upper().split()))
    # The number is the exchange's own business.
    names = [re.sub(r"^APPENDLIMIT=\d+$", "APPENDLIMIT", word) for word in words]
    all_of(names, IMAP, host, "CAPABILITY")

"""Messages lie in a Maildir; stock clients read them, and each octet is as it was."""
import os
import poplib
import re
import shutil

from dovecot import Dovecot, dovecot_uidls
from harness import check, equal, eventually, test
from mailhost import Host, give
from programs import READERS, same_octets
from samples import large, samples

BOB = "bob@example.test"


def matched(texts, sent, what):
    """Finds each sent message among the texts by its subject."""
    equal(len(texts), len(sent), f"{what}: number of messages")
    for name, message in sent.items():
        subject = re.search(rb"Subject: .*", message)[0].strip()
        same = [text for text in texts if re.search(rb"(?m)^" + re.escape(subject) + rb"\r?$", text)]
        equal(len(same), 1, f"{what}: messages with {subject}")
        same_octets(same[0], message, f"{what}, {name}")


def reads(name, reader):
    @test(f"{name} reads each message as it lies in the Maildir")
    def read(t):
        host = Host(t, daemons=("popd",) if "pop" in name else ("imapd",))
        sent = samples()
        for message in sent.values():
            host.put(BOB, message)
        matched(reader(host, BOB), sent, name)


for reader_name, reader_function in READERS.items():
    reads(reader_name, reader_function)


@test("a message of 27 MB is read whole over POP3 and IMAP")
def large_message(t):
    host = Host(t, daemons=("popd", "imapd"))
    message = large()
    host.put(BOB, message)
    for name in ("poplib over TLS", "imaplib", "curl imaps"):
        texts = READERS[name](host, BOB)
        check(texts == [message], f"{name}: the message is not as it was")


@test("popd alone gives UIDs; imapd then shows the same, and so does a real Dovecot")
def same_uids(t):
    host = Host(t, daemons=("popd", "imapd"), start=False)
    host.start("popd")
    for number in range(5):
        host.put(BOB, samples()["text"].replace(b"Subject: text", b"Subject: n%d" % number))

    def by_pop3():
        client = host.pop3(BOB)
        listing = [line.split()[1].decode() for line in client.uidl()[1]]
        found = []
        for number, unique in enumerate(listing, 1):
            uid, validity = (int(part, 16) for part in re.fullmatch(r"(\w{8})(\w{8})", unique).groups())
            subject = re.search(rb"Subject: (n\d)", b"\n".join(client.top(number, 0)[1]))[1]
            found.append((uid, validity, subject))
        client.quit()
        return found

    def by_imap(client):
        client.select("INBOX", readonly=True)
        validity = int(client.response("UIDVALIDITY")[1][0])
        rows = client.uid("FETCH", "1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1]
        found = [(int(re.search(rb"UID (\d+)", row[0] if b"UID" in row[0] else row[1])[1]), validity,
                  re.search(rb"Subject: (n\d)", row[1])[1]) for row in rows if isinstance(row, tuple)]
        client.logout()
        return found

    first = by_pop3()
    equal(len(first), 5, "messages over POP3")
    host.start("imapd")
    equal(by_imap(host.imap(BOB)), first, "UIDVALIDITY and UIDs that imapd shows, against popd's")
    equal(by_imap(Dovecot(t, host.maildir(BOB))), first, "those that Dovecot shows")
    # Taking turns: Dovecot numbers a new message, imapd moves on from there, popd sees both.
    host.put(BOB, samples()["text"].replace(b"Subject: text", b"Subject: n5"))
    second = by_imap(Dovecot(t, host.maildir(BOB), "dovecot2"))
    equal(second[:5], first, "Dovecot's UIDs of what was there before")
    host.put(BOB, samples()["text"].replace(b"Subject: text", b"Subject: n6"))
    third = by_imap(host.imap(BOB))
    equal(third[:6], second, "imapd's UIDs after Dovecot's turn")
    host.stop("popd")
    host.stop("imapd")
    host.start("popd", "imapd")
    equal(by_pop3(), third, "popd's UIDLs after Dovecot's and imapd's turns and a restart")
    equal(by_imap(Dovecot(t, host.maildir(BOB), "dovecot3")), third, "Dovecot's after imapd's turn")


FORMATS = ("", "%08Xu%08Xv", "%v-%u", "UID%u-%v", "%f", "%g", "%Uf", "%08XUu", "%4u%05Xv", "%%%012u")


@test("popd's UIDLs are those that a real Dovecot gives by the same pop3_uidl_format, and those it has stored")
def same_uidls(t):
    host = Host(t, daemons=("popd",), start=False)
    names = [f"170000000{place}.M1P2.Host,S=30" if place else "1700000000.M1P2.host" for place in range(4)]
    maildir = host.maildir(BOB)
    for folder in ("new", "cur", "tmp"):
        os.makedirs(os.path.join(maildir, folder), mode=0o700)
    for name in names:
        with open(os.path.join(maildir, "cur", name + ":2,"), "wb") as file:
            file.write(b"Subject: 12345678901234567890\n")
    records = (f"171 :{names[0]}\n172 P0000abCD :{names[1]}\n173 Pold.id :{names[2]}\n254 G0aF1 :{names[3]}\n")
    for number, style in enumerate(FORMATS):
        with open(os.path.join(maildir, "dovecot-uidlist"), "w", encoding="ascii") as file:
            file.write("3 V305419896 N300 G00112233445566778899aabbccddeeff\n" + records)
        give(host.folder)
        theirs = dovecot_uidls(t, maildir, style, f"dovecot-pop3-{number}")
        host.settings.update({"pop3_uidl_format": style} if style else {})
        host.write_settings()
        host.start("popd")
        client = host.pop3(BOB)
        equal([line.split()[1].decode() for line in client.uidl()[1]], theirs, f"UIDLs by {style or 'the default'}")
        client.quit()
        host.stop("popd")


@test("the ids that pop3_save_uidl keeps are those that a real Dovecot shows afterwards, whatever its pop3_uidl_format")
def kept_uidls(t):
    host = Host(t, {"pop3_save_uidl": True, "pop3_uidl_format": "%u.%v"}, daemons=("popd",), start=False)
    maildir = host.maildir(BOB)
    for folder in ("new", "cur", "tmp"):
        os.makedirs(os.path.join(maildir, folder), mode=0o700)
    for place in range(3):
        with open(os.path.join(maildir, "new", f"170000000{place}.M1P2.host"), "wb") as file:
            file.write(b"Subject: x\n\nbody\n")
    give(host.folder)
    host.start("popd")
    client = host.pop3(BOB)
    ours = [line.split()[1].decode() for line in client.uidl()[1]]
    client.quit()
    check(all(uidl.startswith(f"{place}.") for place, uidl in enumerate(ours, 1)), f"our UIDLs: {ours}")
    equal(dovecot_uidls(t, maildir, "%f"), ours, "Dovecot's UIDLs by %f")


@test("what POP3 deletes under pop3_deleted_flag no POP3 session shows again, of ours or Dovecot's, and IMAP keeps it")
def deleted_flag(t):
    host = Host(t, {"pop3_deleted_flag": "POP3Deleted", "pop3_uidl_format": "%f"}, daemons=("popd", "imapd"), start=False)
    theirs = "pop3_deleted_flag = POP3Deleted\npop3_delete_type = flag\n"
    maildir = host.maildir(BOB)
    for folder in ("new", "cur", "tmp"):
        os.makedirs(os.path.join(maildir, folder), mode=0o700)
    names = [f"170000000{place}.M1P2.host" for place in range(4)]
    for name in names:
        with open(os.path.join(maildir, "new", name), "wb") as file:
            file.write(b"Subject: x\n\nbody\n")
    give(host.folder)
    host.start("popd")

    def ours():
        client = host.pop3(BOB)
        shown = [line.split()[1].decode() for line in client.uidl()[1]]
        return client, shown
    client, shown = ours()
    equal(shown, names, "our UIDLs before")
    client.dele(2)
    client.quit()
    host.stop("popd")
    equal(dovecot_uidls(t, maildir, "%f", more=theirs), [names[0], names[2], names[3]], "Dovecot's after we have deleted one")
    dovecot_uidls(t, maildir, "%f", name="pop3-deletes", more=theirs, before=b"DELE 3\r\n")
    host.start("popd", "imapd")
    client, shown = ours()
    equal(shown, [names[0], names[2]], "ours after Dovecot has deleted another")
    client.quit()
    with host.imap(BOB) as imap:
        equal(imap.select("INBOX"), ("OK", [b"4"]), "messages by IMAP")
        equal(imap.search(None, "KEYWORD", "POP3Deleted"), ("OK", [b"2 4"]), "those that POP3 has deleted")


@test("a login before pop3_login_delay has passed is refused with the code of RFC 2449, and a later one is not")
def login_delay(t):
    host = Host(t, {"pop3_login_delay": "3s"}, daemons=("popd",))
    host.pop3(BOB).quit()
    try:
        host.pop3(BOB).quit()
        raise AssertionError("a second login at once was let in")
    except poplib.error_proto as error:
        check(b"[LOGIN-DELAY]" in error.args[0], f"the second login: {error}")

    def is_let_in():
        try:
            host.pop3(BOB).quit()
            return True
        except poplib.error_proto:
            return False
    eventually(is_let_in, "a login after the delay")


@test("flags and keywords set over IMAP are seen by Dovecot, and Dovecot's by imapd")
def same_flags(t):
    host = Host(t, daemons=("imapd",))
    for number in range(3):
        host.put(BOB, samples()["text"].replace(b"Subject: text", b"Subject: n%d" % number))
    ours = host.imap(BOB)
    ours.select("INBOX")
    equal(ours.uid("STORE", "1", "+FLAGS", r"(\Seen \Answered $Work)")[0], "OK", "STORE")
    theirs = Dovecot(t, host.maildir(BOB))
    theirs.select("INBOX")

    def flags(client, uid):
        row = client.uid("FETCH", uid, "(FLAGS)")[1][0]
        return set(re.search(rb"FLAGS \(([^)]*)\)", row)[1].split()) - {rb"\Recent"}

    equal(flags(theirs, "1"), {rb"\Seen", rb"\Answered", b"$Work"}, "flags that Dovecot shows")
    theirs.uid("STORE", "2", "+FLAGS", r"(\Flagged $Play)")
    theirs.logout()

    def seen_by_ours():
        ours.noop()
        return flags(ours, "2") == {rb"\Flagged", b"$Play"}
    eventually(seen_by_ours, "imapd shows the flags that Dovecot set")
    ours.logout()


@test("removing the index under a running imapd changes no UID and no flag")
def index_removed(t):
    host = Host(t, daemons=("imapd",))
    for message in samples().values():
        host.put(BOB, message)
    client = host.imap(BOB)
    client.select("INBOX")
    client.uid("STORE", "2", "+FLAGS", r"(\Flagged $Work)")
    before = client.uid("FETCH", "1:*", "(FLAGS RFC822.SIZE)")[1]
    shutil.rmtree(os.path.join(host.path("data"), "index"))
    client.logout()
    again = host.imap(BOB)
    again.select("INBOX")
    strip = [re.sub(rb" ?\\Recent", b"", row) for row in again.uid("FETCH", "1:*", "(FLAGS RFC822.SIZE)")[1]]
    equal(strip, [re.sub(rb" ?\\Recent", b"", row) for row in before], "messages after the index was removed")
    again.logout()
    host.stop("imapd")
    host.start("imapd")
    third = host.imap(BOB)
    third.select("INBOX")
    strip = [re.sub(rb" ?\\Recent", b"", row) for row in third.uid("FETCH", "1:*", "(FLAGS RFC822.SIZE)")[1]]
    equal(strip, [re.sub(rb" ?\\Recent", b"", row) for row in before], "messages after a restart")
    third.logout()

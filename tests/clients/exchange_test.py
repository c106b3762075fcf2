"""mbsync, fetchmail, s-nail and mutt, each way: what they take and bring is as it was, a file of 20 MB among it."""
import email
import os
import random
import re

from harness import check, equal, eventually, test
from mailhost import Host, letter
from programs import crlf, maildir_texts, read_imaplib, same_octets
from samples import large, samples
from stock import run

ALICE, BOB = "alice@example.test", "bob@example.test"
ROOMY = {"message_size_limit": "50M", "imap_append_limit": "50M", "mailbox_size_limit": 0}
SUBJECT = rb"(?m)^Subject: .*?\r$"


def body(octets):
    return octets.partition(b"\r\n\r\n")[2]


def stored(path):
    with open(path, "rb") as file:
        return crlf(file.read())


def by_subject(texts, message, what):
    subject = re.search(SUBJECT, message)[0]
    same = [text for text in texts if subject in text.partition(b"\r\n\r\n")[0] + b"\r"]
    equal(len(same), 1, f"{what}: messages with {subject}")
    return same[0]


@test("mbsync brings a Maildir to us and takes it back elsewhere: flags, 20 MB and all")
def mbsync(t):
    host = Host(t, ROOMY, daemons=("imapd",))
    sent = {**samples(), "large": large()}
    near = {name: os.path.join(t.folder, name) for name in ("first", "second")}
    for part in ("new", "cur", "tmp"):
        os.makedirs(os.path.join(near["first"], "INBOX", part))
    os.makedirs(near["second"])
    for number, message in enumerate(sent.values()):
        # Maildir's own line ends; the flags are Seen and Flagged for every other one.
        name = f"{1700000000 + number}.{number}.near:2,{'FS' if number % 2 else ''}"
        with open(os.path.join(near["first"], "INBOX", "cur", name), "wb") as file:
            file.write(message.replace(b"\r\n", b"\n"))
    for name, direction in (("first", "Push"), ("second", "Pull")):
        configuration = os.path.join(t.folder, name + ".rc")
        with open(configuration, "w", encoding="ascii") as file:
            file.write(f"IMAPAccount far\nHost localhost\nPort {host.port('imaps')}\nUser {BOB}\nPass {host.users[BOB]}\n"
                       f"SSLType IMAPS\nCertificateFile {host.certificate}\nTimeout 100\n\nIMAPStore far\nAccount far\n\n"
                       f"MaildirStore near\nInbox {near[name]}/INBOX\nPath {near[name]}/\n\nChannel all\nFar :far:\nNear :near:\n"
                       f"Pattern INBOX\nCreate Near\nSync {direction}\nSyncState *\n")
        run(["mbsync", "--config", configuration, "all"])
    texts = maildir_texts(os.path.join(near["second"], "INBOX"))
    equal(len(texts), len(sent), "messages that came back")
    ours = maildir_texts(host.maildir(BOB))  # without the mark that mbsync adds
    for name, message in sent.items():
        same_octets(by_subject(ours, message, "in our Maildir"), message, f"in our Maildir, {name}")
        same_octets(by_subject(texts, message, "what came back"), message, f"what came back, {name}")
    flags = sorted(name.rpartition(",")[2] for name in os.listdir(os.path.join(near["second"], "INBOX", "cur")))
    equal(flags.count("FS"), len(sent) // 2, f"flags that came back: {flags}")


@test("fetchmail takes each kind of message by POP3 and by IMAP to our smtpd, 20 MB among it")
def fetchmail(t):
    host = Host(t, ROOMY)
    home = os.path.join(t.folder, "fetchmail")
    os.mkdir(home)
    sent = {**samples(), "large": large()}
    del sent["longer lines"]  # fetchmail breaks what is above its own buffer
    for protocol in ("pop3", "imap"):
        before = len(host.messages(ALICE))
        for message in sent.values():
            host.put(BOB, message.replace(b"Subject: ", f"Subject: {protocol} ".encode()))
        configuration = os.path.join(home, "rc")
        with open(configuration, "w", encoding="ascii") as file:
            file.write(f"poll localhost protocol {protocol} service {host.port(protocol)}\n"
                       f"  user '{BOB}' password '{host.users[BOB]}' is '{ALICE}' here sslproto ''\n"
                       f"  fetchall no rewrite pass8bits smtphost {host.address}/{host.port('smtp')} smtpname {ALICE}\n")
        os.chmod(configuration, 0o600)
        run(["fetchmail", "--fetchmailrc", configuration, "--pidfile", os.path.join(home, "pid"), "--nosyslog",
             "--idfile", os.path.join(home, "ids")], HOME=home, FETCHMAILHOME=home)
        texts = [stored(path) for path in host.wait_messages(ALICE, before + len(sent))]
        for name, message in sent.items():
            message = message.replace(b"Subject: ", f"Subject: {protocol} ".encode())
            equal(body(by_subject(texts, message, protocol)), body(message), f"the body by {protocol}, {name}")
        eventually(lambda: not host.messages(BOB), "fetchmail has deleted what it fetched")


def attachment_of(text):
    parts = [part for part in email.message_from_bytes(text).walk() if part.get_filename() == "file.bin"]
    equal(len(parts), 1, "parts with the file")
    return parts[0].get_payload(decode=True)


@test("mutt and s-nail send text in 8 bits and a file of 20 MB by submission; both arrive as they were")
def attachments(t):
    host = Host(t, ROOMY, daemons=("smtpd", "imapd"))
    octets = random.Random(3).randbytes(20_000_000)
    words = "Gr\u00fc\u00dfe, \u65e5\u672c\n.\n..\nFrom here\n"
    path = os.path.join(t.folder, "file.bin")
    with open(path, "wb") as file:
        file.write(octets)
    configuration = os.path.join(t.folder, "muttrc")
    with open(configuration, "w", encoding="ascii") as file:
        file.write(f'set from = "{ALICE}"\nset copy = no\nset smtp_url = "smtp://{ALICE}@{host.address}:{host.port("submission")}"\n'
                   f'set smtp_pass = "{host.users[ALICE]}"\nset ssl_starttls = yes\nset ssl_force_tls = yes\n'
                   f'set ssl_verify_host = no\nset certificate_file = {host.certificate}\nset tmpdir = {t.folder}\n')
    run(["mutt", "-n", "-F", configuration, "-s", "from mutt", "-a", path, "--", BOB], input=words.encode(), HOME=t.folder)
    login = ALICE.replace("@", "%40")
    run(["s-nail", "-:/", "-Sv15-compat", f"-Smta=smtp://{login}:{host.users[ALICE]}@localhost:{host.port('submission')}",
         "-Ssmtp-use-starttls", "-Stls-verify=ignore", "-Ssmtp-auth=plain", "-Ssendwait", "-Sttycharset=utf-8", "-r", ALICE,
         "-s", "from s-nail", "-a", path, BOB], input=words.encode(), HOME=t.folder, TMPDIR=t.folder)
    host.wait_messages(BOB, 2, 100)
    texts = read_imaplib(host, BOB, tls=True)
    for name in ("mutt", "s-nail"):
        text = by_subject(texts, f"Subject: from {name}\r\n".encode(), name)
        check(attachment_of(text) == octets, f"the file that {name} sent is not as it was")
        first = next(part for part in email.message_from_bytes(text).walk() if part.get_content_type() == "text/plain")
        equal(first.get_payload(decode=True).replace(b"\r\n", b"\n"), words.encode(), f"the text that {name} sent")


@test("s-nail reads each kind of message over IMAP and POP3, 20 MB among it")
def nail_reads(t):
    host = Host(t, daemons=("popd", "imapd"))
    sent = {**samples(), "large": large()}
    del sent["From lines"]  # s-nail keeps what it reads in an mbox without quoting, and parts it there
    for message in sent.values():
        host.put(BOB, message)
    for scheme, service in (("imaps", "imaps"), ("pop3s", "pop3s")):
        saved = os.path.join(t.folder, "saved-" + scheme)
        place = f"{scheme}://{BOB.replace('@', '%40')}:{host.users[BOB]}@localhost:{host.port(service)}"
        run(["s-nail", "-:/", "-Sv15-compat", "-Stls-verify=ignore", "-Sfolder-hook=", "-Simap-auth=login", "-Spop3-auth=plain",
             "-Sheader=", "-S", "newmail=", "-RN", "-f", place], input=f"copy * maildir://{saved}\nxit\n".encode(), HOME=t.folder,
            TERM="dumb", TMPDIR=t.folder)
        texts = maildir_texts(saved)
        equal(len(texts), len(sent), f"messages over {scheme}")
        for name, message in sent.items():
            seen = by_subject(texts, message, scheme)
            equal(body(seen).rstrip(b"\r\n"), body(message).rstrip(b"\r\n"), f"the body over {scheme}, {name}")

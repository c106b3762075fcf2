"""Stock programs send; what arrives in the Maildir is what was sent, with headers on top alone."""
import os
import re
import shutil
import subprocess

from harness import check, equal, eventually, test
from mailhost import TOP, Host, give, letter
from programs import SENDERS, WAYS, crlf, same_octets
from samples import large, samples
from stock import run
from terminal import run_in_terminal

ALICE, BOB = "alice@example.test", "bob@example.test"


def stored(path):
    """A Maildir file with CRLF line ends."""
    with open(path, "rb") as file:
        return crlf(file.read())


def arrived(host, login, message, count, what):
    """Waits until the mailbox has `count` messages, and compares the one with this subject."""
    paths = host.wait_messages(login, count)
    subject = re.search(rb"Subject: .*?\r\n", message)[0]
    same = [text for text in map(stored, paths) if subject in text]
    check(len(same) == 1, f"{what}: {len(same)} messages have {subject}")
    same_octets(same[0], message, what)


def sends(name, sender):
    @test(f"{name} sends in the clear, by STARTTLS and AUTH, and by TLS and AUTH, and each octet arrives")
    def send(t):
        host = Host(t, daemons=("smtpd",))
        file = os.path.join(t.folder, "message")
        count = 0
        for way in WAYS:
            for kind, message in samples().items():
                message = message.replace(b"Subject: ", f"Subject: {way} ".encode())
                with open(file, "wb") as out:
                    out.write(message)
                sender(host, way, ALICE, BOB, file)
                count += 1
                arrived(host, BOB, message, count, f"{name}, {way}, {kind}")


for sender_name, sender_function in SENDERS.items():
    sends(sender_name, sender_function)


@test("an attachment of 20 MB goes in by submission and comes out over POP3 and IMAP as it was")
def large_message(t):
    host = Host(t, {"message_size_limit": "50M", "mailbox_size_limit": 0})
    message = large()
    file = os.path.join(t.folder, "message")
    with open(file, "wb") as out:
        out.write(message)
    SENDERS["curl"](host, "starttls", ALICE, BOB, file)
    arrived(host, BOB, message, 1, "in the Maildir")
    client = host.imap(BOB, tls=True)
    client.select("INBOX", readonly=True)
    same_octets(client.fetch("1", "(BODY.PEEK[])")[1][0][1], message, "over IMAP")
    client.logout()
    client = host.pop3(BOB, tls=True)
    same_octets(b"\r\n".join(client.retr(1)[1]) + b"\r\n", message, "over POP3")
    client.quit()


@test("a line over smtpd_line_length_limit is refused and never split")
def too_long_line(t):
    host = Host(t, {"smtpd_line_length_limit": 5000}, daemons=("smtpd",))
    with host.smtp() as client:
        client.ehlo()
        client.mail(ALICE)
        client.rcpt(BOB)
        code, text = client.data(letter("long", b"x" * 6000 + b"\r\n"))
        check(500 <= code < 600, f"DATA: {code} {text}")
        client.rset()
        client.sendmail(ALICE, [BOB], letter("short", b"y" * 4000 + b"\r\n"))
    check(b"y" * 4000 in stored(host.wait_messages(BOB, 1)[0]), "the line of 4000 octets is whole")


@test("fetchmail takes mail from popd and from imapd and hands it to smtpd")
def fetchmail(t):
    host = Host(t)
    home = os.path.join(t.folder, "fetchmail")
    os.mkdir(home)
    for number, (protocol, service) in enumerate((("pop3", "pop3"), ("imap", "imap"), ("imap", "imaps")), 1):
        message = letter(f"by {protocol} {service}", ".dots\r\n..\r\nGr\u00fc\u00dfe\r\n")
        host.put(BOB, message)
        configuration = os.path.join(home, "rc")
        with open(configuration, "w", encoding="ascii") as file:
            secure = "ssl sslcertfile " + host.certificate if service == "imaps" else "sslproto ''"
            file.write(f"poll localhost protocol {protocol} service {host.port(service)}\n"
                       f"  user '{BOB}' password '{host.users[BOB]}' is '{ALICE}' here {secure}\n"
                       f"  fetchall smtphost {host.address}/{host.port('smtp')} smtpname {ALICE}\n")
        os.chmod(configuration, 0o600)
        run(["fetchmail", "--fetchmailrc", configuration, "--pidfile", os.path.join(home, "pid"), "--nosyslog",
             "--idfile", os.path.join(home, "ids")], HOME=home, FETCHMAILHOME=home)
        paths = host.wait_messages(ALICE, number)
        texts = [stored(path) for path in paths]
        body = message.partition(b"\r\n\r\n")[2]
        check(sum(f"Subject: by {protocol} {service}\r\n".encode() in text and text.endswith(body) for text in texts) == 1,
              f"the message fetched by {protocol} is in the mailbox with the body as it was")
        eventually(lambda: not host.messages(BOB), "fetchmail has deleted what it fetched")


@test("mutt sends in batch mode by submission, and reads over IMAP and POP3 with keys pushed")
def mutt(t):
    host = Host(t)
    home = os.path.join(t.folder, "mutt")
    os.mkdir(home)
    configuration = os.path.join(home, "rc")
    with open(configuration, "w", encoding="ascii") as file:
        file.write(f"""set from = "{ALICE}"
set realname = "Alice"
set use_envelope_from = no
set copy = no
set smtp_url = "smtp://{ALICE}@{host.address}:{host.port('submission')}"
set smtp_pass = "{host.users[ALICE]}"
set smtp_authenticators = "plain"
set imap_pass = "{host.users[BOB]}"
set pop_pass = "{host.users[BOB]}"
set ssl_starttls = yes
set ssl_force_tls = yes
set ssl_verify_host = no
set ssl_verify_dates = no
set certificate_file = {host.certificate}
set confirmappend = no
set confirmcreate = no
set delete = no
set quit = yes
set timeout = 5
set sleep_time = 0
set wait_key = no
set mbox_type = Maildir
set header_cache = ""
set pop_checkinterval = 1
""")
    run(["mutt", "-n", "-F", configuration, "-s", "from mutt", "--", BOB], input=b"Hello from mutt\n.\n..\n", HOME=home)
    text = stored(host.wait_messages(BOB, 1)[0])
    check(text.endswith(b"\r\n\r\nHello from mutt\r\n.\r\n..\r\n"), f"what mutt sent has arrived as it was: {text!r}")
    for scheme, service in (("imaps", "imaps"), ("imap", "imap"), ("pops", "pop3s"), ("pop", "pop3")):
        saved = os.path.join(home, "saved-" + scheme)
        inbox = "/INBOX" if scheme.startswith("imap") else ""
        run_in_terminal(["mutt", "-n", "-F", configuration, "-f",
                         f"{scheme}://{BOB.replace('@', '%40')}@localhost:{host.port(service)}{inbox}", "-e",
                         f'push "<tag-pattern>~A<enter><tag-prefix><copy-message>{saved}<enter><exit>"'],
                        {"HOME": home, "TERM": "xterm", "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"})
        read = [os.path.join(saved, part, name) for part in ("new", "cur") if os.path.isdir(os.path.join(saved, part))
                for name in os.listdir(os.path.join(saved, part))]
        check(len(read) == 1, f"mutt saved {len(read)} messages over {scheme}")
        check(stored(read[0]).endswith(b"\r\n\r\nHello from mutt\r\n.\r\n..\r\n"), f"what mutt read over {scheme} is as it was")


@test("mailx sends through our sendmail, as any program of the host does")
def mailx(t):
    host = Host(t, daemons=("smtpd",))
    script = os.path.join(t.folder, "sendmail")
    with open(script, "w", encoding="ascii") as file:
        file.write(f"#!/bin/sh\nexec {host.bin}/sendmail -C {host.etc} \"$@\"\n")
    os.chmod(script, 0o755)
    run(["s-nail", "-:/", "-Sv15-compat", "-Smta=" + script, "-Ssendwait", "-s", "from mailx", "-r", ALICE, BOB],
        input=b"Hello from mailx\n.x\n", user=True, HOME=t.folder)
    text = stored(host.wait_messages(BOB, 1)[0])
    check(b"Subject: from mailx\r\n" in text and text.endswith(b"\r\nHello from mailx\r\n.x\r\n"),
          f"what mailx sent has arrived: {text!r}")


@test("sendmail: addresses as arguments, -t, -i, -f, -F; and with smtpd stopped the mail leaves at its next start")
def sendmail(t):
    host = Host(t, daemons=("smtpd",))
    host.command("sendmail", "-i", "-f", ALICE, "-F", "Alice A.", BOB, input="Subject: one\n\nfirst\n.\nsecond\n")
    text = stored(host.wait_messages(BOB, 1)[0])
    check(text.endswith(b"\r\n\r\nfirst\r\n.\r\nsecond\r\n"), f"-i keeps a lone dot: {text!r}")
    check(re.search(rb"(?m)^From: .*Alice A\..*<alice@example\.test>", text), f"-F gives the name: {text!r}")
    host.command("sendmail", "-f", ALICE, BOB, input="Subject: two\n\nfirst\n.\nsecond\n")
    texts = [stored(path) for path in host.wait_messages(BOB, 2)]
    check(any(text.endswith(b"\r\n\r\nfirst\r\n") for text in texts), "without -i a lone dot ends the message")
    host.command("sendmail", "-t", "-i", "-f", ALICE, input=f"To: {BOB}\nBcc: {ALICE}\nSubject: three\n\nbody\n")
    host.wait_messages(BOB, 3)
    check(b"Bcc:" not in stored(host.wait_messages(ALICE, 1)[0]), "-t takes Bcc: out and sends to whom it names")
    host.stop("smtpd")
    host.command("sendmail", "-i", "-f", ALICE, BOB, input="Subject: four\n\nwhile smtpd is down\n")
    check(len(host.messages(BOB)) == 3, "nothing is delivered while smtpd is down")
    host.start("smtpd")
    texts = [stored(path) for path in host.wait_messages(BOB, 4)]
    check(any(b"while smtpd is down" in text for text in texts), "the mail of the meantime has arrived")


@test("sendmail exits with 75 and says so when nothing could be stored: no smtpd, and no postdrop or no maildrop")
def nothing_stored(t):
    host = Host(t, {"command_directory": os.path.join(t.folder, "nothing")}, daemons=("smtpd",), start=False)
    alone = os.path.join(t.folder, "alone")
    os.mkdir(alone)
    shutil.copy(os.path.join(TOP, host.bin, "sendmail"), alone)
    done = subprocess.run([os.path.join(alone, "sendmail"), "-C", host.etc, BOB], input=b"Subject: x\n\nx\n", cwd=TOP,
                          env=host.environment(), capture_output=True, check=False, **host.identity())
    equal(done.returncode, 75, f"exit status without postdrop, with {done.stderr}")
    check(b"nothing was stored" in done.stderr, f"what sendmail says: {done.stderr}")
    maildrop = host.path("queue", "maildrop")
    os.makedirs(maildrop, exist_ok=True)
    give(host.path("queue"))
    os.chmod(maildrop, 0)
    done = host.command("sendmail", BOB, input="Subject: x\n\nx\n", ok=False)
    equal(done.returncode, 75, f"exit status with a closed maildrop, with {done.stderr}")
    check("nothing was stored" in done.stderr, f"what sendmail says: {done.stderr}")
    os.chmod(maildrop, 0o700)

"""neomutt, getmail, mpop, offlineimap, imapfilter and curl: each logs in, reads, and moves, deletes or flags what it has read."""
import glob
import os
import re

from harness import check, contains, equal, eventually, test
from mailhost import Host, give
from programs import curl_read, maildir_texts, pull_by_mbsync, same_octets
from samples import samples
from stock import run
from terminal import run_in_terminal

BOB = "bob@example.test"


def flags(host, folder="INBOX"):
    """{subject: its flags and keywords but \\Recent} of one of bob's folders, as Python's library sees it."""
    with host.imap(BOB) as client:
        equal(client.select(folder, readonly=True)[0], "OK", f"SELECT {folder}")
        found = {}
        if client.search(None, "ALL")[1] == [b""]:
            return found
        for row in client.fetch("1:*", "(FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1]:
            if isinstance(row, tuple):
                subject = re.search(rb"Subject: (.*?)\r\n", row[1])[1].decode()
                found[subject] = set(re.search(rb"FLAGS \(([^)]*)\)", row[0])[1].decode().split()) - {"\\Recent"}
        return found


def put_all(host):
    sent = samples()
    for message in sent.values():
        host.put(BOB, message)
    return {re.search(rb"Subject: (.*?)\r\n", message)[1].decode(): message for message in sent.values()}


def write(t, name, text):
    path = os.path.join(t.folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, 0o600)
    return path


def same_messages(texts, sent, what):
    """Each message is there once, octet for octet, with nothing but known headers on top."""
    equal(len(texts), len(sent), f"{what}: messages")
    for subject, message in sent.items():
        same = [text for text in texts if re.search(rb"(?m)^Subject: " + re.escape(subject.encode()) + rb"\r?$", text)]
        equal(len(same), 1, f"{what}: messages with {subject}")
        same_octets(same[0], message, f"{what}, {subject}")


@test("neomutt flags, moves and deletes over IMAP, and sees what it has done when it comes again")
def neomutt(t):
    host = Host(t, daemons=("imapd",))
    put_all(host)
    with host.imap(BOB) as client:
        client.create("Kept")
    # The keys that a user would press: flag "dots", move "empty", delete "text".
    configuration = write(t, "neomuttrc", f"""set imap_user = "{BOB}"
set imap_pass = "{host.users[BOB]}"
set folder = "imaps://localhost:{host.port('imaps')}"
set spoolfile = "+INBOX"
set ssl_force_tls = yes
set ssl_verify_host = no
set certificate_file = {host.certificate}
set confirmappend = no
set delete = yes
set move = no
set quit = yes
set wait_key = no
set imap_idle = yes
set tmpdir = {t.folder}
set sort = mailbox-order
bind index g noop
push "<limit>~s dots<enter><flag-message><limit>~s empty<enter><save-message>=Kept<enter><limit>~s text<enter><delete-message><limit>all<enter><sync-mailbox><quit>"
""")
    run_in_terminal(["neomutt", "-n", "-F", configuration], {"PATH": os.environ["PATH"], "HOME": t.folder, "TERM": "vt100", "LC_ALL": "C.UTF-8"})
    seen = flags(host)
    check("\\Flagged" in seen["dots"], f"flags of the flagged message: {seen['dots']}")
    check("text" not in seen and "empty" not in seen, f"INBOX has {sorted(seen)}")
    equal(sorted(flags(host, "Kept")), ["empty"], "what was moved")
    # A second visit finds the flagged one by its flag, and takes the flag back.
    with open(configuration, encoding="utf-8") as file:
        text = re.sub(r'push ".*"', 'push "<limit>~F<enter><flag-message><limit>all<enter><sync-mailbox><quit>"', file.read())
    run_in_terminal(["neomutt", "-n", "-F", write(t, "neomuttrc2", text)],
                    {"PATH": os.environ["PATH"], "HOME": t.folder, "TERM": "vt100", "LC_ALL": "C.UTF-8"})
    check("\\Flagged" not in flags(host)["dots"], "the flag is still there")


def getmail_configuration(t, host, protocol, near):
    kind = {"imap": "SimpleIMAPSSLRetriever", "pop3": "SimplePOP3SSLRetriever"}[protocol]
    for part in ("new", "cur", "tmp"):
        os.makedirs(os.path.join(near, part))
    return write(t, f"getmail-{protocol}", f"""[retriever]
type = {kind}
server = localhost
port = {host.port(protocol + 's')}
username = {BOB}
password = {host.users[BOB]}
timeout = 60

[destination]
type = Maildir
path = {near}/

[options]
delete = false
read_all = false
received = false
delivered_to = false
""")


@test("getmail brings each message once over POP3 and IMAP, leaves it there, and deletes it when told to")
def getmail(t):
    host = Host(t, daemons=("popd", "imapd"))
    sent = put_all(host)
    for protocol in ("pop3", "imap"):
        near = os.path.join(t.folder, "near-" + protocol)
        command = ["getmail", "--quiet", f"--getmaildir={t.folder}", "--rcfile", getmail_configuration(t, host, protocol, near)]
        give(t.folder)
        run(command, HOME=t.folder, user=True)
        texts = [re.sub(rb"(?m)^X-getmail-.*\r\n", b"", text) for text in maildir_texts(near)]
        same_messages(texts, sent, f"getmail, {protocol}")
        run(command, HOME=t.folder, user=True)
        equal(len(maildir_texts(near)), len(sent), f"messages after a second {protocol} run")
    run([*command, "--delete", "--all"], HOME=t.folder, user=True)
    eventually(lambda: not host.messages(BOB), "getmail has deleted what it fetched")


@test("mpop brings each message once, knows it again by its UIDL, and deletes it when told to")
def mpop(t):
    host = Host(t, daemons=("popd",))
    sent = put_all(host)
    near = os.path.join(t.folder, "near")
    for part in ("new", "cur", "tmp"):
        os.makedirs(os.path.join(near, part))

    def fetch(*words):
        configuration = write(t, "mpoprc", f"""account here
host localhost
port {host.port('pop3')}
user {BOB}
passwordeval echo {host.users[BOB]}
tls on
tls_starttls on
tls_certcheck off
delivery maildir {near}
uidls_file {t.folder}/uidls
received_header off
""")
        return run(["mpop", f"--file={configuration}", *words, "here"], HOME=t.folder)

    fetch("--keep=on")
    same_messages(maildir_texts(near), sent, "mpop")
    fetch("--keep=on")
    equal(len(maildir_texts(near)), len(sent), "messages after a second run")
    fetch("--keep=off")
    equal(len(maildir_texts(near)), len(sent), "messages after a third run")
    equal(host.messages(BOB), [], "what mpop left on the server")


@test("offlineimap keeps a Maildir the same as the account, in both directions: folders, flags, new and deleted mail")
def offlineimap(t):
    host = Host(t, daemons=("imapd",))
    sent = put_all(host)
    with host.imap(BOB) as client:
        client.create("W&APY-rk")  # Wörk
        client.select("INBOX")
        client.store("1", "+FLAGS", "(\\Flagged)")
    near = os.path.join(t.folder, "near")
    configuration = write(t, "offlineimaprc", f"""[general]
accounts = here
metadata = {t.folder}/offlineimap
[Account here]
localrepository = near
remoterepository = far
[Repository near]
type = Maildir
localfolders = {near}
[Repository far]
type = IMAP
remotehost = localhost
remoteport = {host.port('imaps')}
remoteuser = {BOB}
remotepass = {host.users[BOB]}
ssl = yes
sslcacertfile = {host.certificate}
""")

    def sync():
        run(["offlineimap", "-o", "-c", configuration, "-u", "quiet"], HOME=t.folder)

    sync()
    inbox = os.path.join(near, "INBOX")
    bodies = {text.partition(b"\r\n\r\n")[2] for text in maildir_texts(inbox)}
    equal(bodies, {message.partition(b"\r\n\r\n")[2] for message in sent.values()}, "bodies that offlineimap brought")
    check(os.path.isdir(os.path.join(near, "W&APY-rk", "cur")), f"folders: {os.listdir(near)}")
    flagged = [path for part in ("new", "cur") for path in glob.glob(os.path.join(inbox, part, "*:2,F"))]
    equal(len(flagged), 1, f"flagged messages: {flagged}")

    # One is removed here, one is marked as read there.
    os.remove(flagged[0])
    with host.imap(BOB) as client:
        client.select("INBOX")
        client.store("2", "+FLAGS", "(\\Seen)")
    sync()
    equal(len(flags(host)), len(sent) - 1, "messages on the server after one was removed here")
    equal(len(glob.glob(os.path.join(inbox, "cur", "*:2,S"))), 1, "messages marked as read")


@test("imapfilter finds by subject, size and words of the body, and flags, copies, moves and deletes what it found")
def imapfilter(t):
    host = Host(t, daemons=("imapd",))
    sent = put_all(host)
    configuration = write(t, "imapfilter.lua", f"""options.timeout = 60
options.create = true
options.subscribe = true
account = IMAP {{ server = 'localhost', port = {host.port('imaps')}, username = '{BOB}', password = '{host.users[BOB]}', ssl = 'auto' }}
found = account.INBOX:contain_subject('dots')
found:mark_flagged()
account.INBOX:is_larger(60000):move_messages(account['Large'])
account.INBOX:contain_body('From here on'):copy_messages(account['Copies'])
account.INBOX:match_subject('^empty$'):delete_messages()
account.INBOX:is_unseen():contain_subject('blanks'):add_flags({{ '$Checked', '\\\\Seen' }})
""")
    run(["imapfilter", "-t", host.certificate, "-c", configuration], HOME=t.folder)
    seen = flags(host)
    equal(sorted(seen), sorted(set(sent) - {"longer", "empty"}), "INBOX")
    check("\\Flagged" in seen["dots"], f"flags of dots: {seen['dots']}")
    check({"$Checked", "\\Seen"} <= seen["blanks"], f"flags of blanks: {seen['blanks']}")
    equal(sorted(flags(host, "Large")), ["longer"], "Large")
    equal(sorted(flags(host, "Copies")), ["from"], "Copies")


@test("curl's custom requests flag, move and expunge; what it did is what mbsync then pulls")
def curl(t):
    host = Host(t, daemons=("imapd",))
    sent = put_all(host)

    def ask(request):
        command = curl_read(host, BOB, "imaps", "imaps")
        return run([*command[:-1], command[-1] + "/INBOX", "--request", request]).decode()

    number = re.search(r"SEARCH (\d+)", ask('UID SEARCH SUBJECT "dots"'))[1]
    contains(ask(f"UID STORE {number} +FLAGS (\\Flagged \\Seen)"), "\\Flagged", "the answer to STORE")
    run([*curl_read(host, BOB, "imaps", "imaps"), "--request", "CREATE Kept"])
    number = re.search(r"SEARCH (\d+)", ask('UID SEARCH SUBJECT "empty"'))[1]
    ask(f"UID MOVE {number} Kept")
    number = re.search(r"SEARCH (\d+)", ask('UID SEARCH SUBJECT "blanks"'))[1]
    ask(f"UID STORE {number} +FLAGS (\\Deleted)")
    ask("EXPUNGE")
    equal(sorted(flags(host, "Kept")), ["empty"], "Kept")
    near = pull_by_mbsync(host, BOB)
    same_messages(maildir_texts(near), {subject: text for subject, text in sent.items() if subject not in ("empty", "blanks")}, "mbsync")
    names = os.listdir(os.path.join(near, "cur"))
    equal([name.rpartition(",")[2] for name in names if "F" in name.rpartition(",")[2]], ["FS"], "flags that mbsync brought")

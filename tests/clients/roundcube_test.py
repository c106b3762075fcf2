"""Roundcube in a browser, with the settings of contrib/roundcube: everything is clicked and typed as a user would."""
import email
import email.header
import http.client
import re
import urllib.parse

from browser import CLICK_SECONDS, ENTER
from harness import Shared, check, contains, equal, eventually, test
from mailhost import Host, letter
from programs import crlf
from roundcube import Roundcube

LOGINS = ("alice", "reader", "mover", "sorter", "waiter", "filterer", "absent")
USERS = {f"{name}@example.test": f"{name}-secret" for name in LOGINS}
ALICE = "alice@example.test"


class Site:
    """One host and one browser for all tests here; each test is another user."""

    def __init__(self, t):
        self.host = Host(t, {"protocols": ["imap", "pop3", "sieve"]}, USERS, daemons=("smtpd", "imapd"))
        self.page = Roundcube(t, self.host)
        self.browser = self.page.browser

    def log_in(self, name):
        login = f"{name}@example.test"
        self.page.log_in(login, USERS[login])
        return login

    def is_well(self):
        """Neither Roundcube nor its scripts in the browser have met an error."""
        equal(self.page.errors(), "", "errors that Roundcube and PHP logged")
        equal(self.browser.complaints(), [], "errors of scripts in the browser")

    def sent_to(self, login, count=1, folder=""):
        """The texts of a user's messages, once there are so many."""
        paths = eventually(lambda: len(self.host.messages(login, folder)) == count and self.host.messages(login, folder),
                           f"{login} has {count} messages in {folder or 'INBOX'}")
        texts = []
        for path in paths:
            with open(path, "rb") as file:
                texts.append(crlf(file.read()))
        return texts


SITE = Shared(Site)


def post(host, login, subject, sender=ALICE):
    host.submit(ALICE, sender, [login], letter(subject, sender=sender, to=login))


@test("Roundcube: a message is read and answered; the answer arrives, a copy lies in Sent, and the flags are set")
def reads(t):
    del t
    site = SITE.get()
    host, page, browser = site.host, site.page, site.browser
    login = "reader@example.test"
    host.put(login, letter("=?utf-8?Q?Gr=C3=BC=C3=9Fe?=", "Zwölf Boxkämpfer\r\n", to=login, message_id="<question@example.test>").replace(
        b"\r\n\r\n", b"\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n", 1))
    site.log_in("reader")
    page.select("Grüße")
    browser.enter_frame("#messagecontframe")
    browser.wait("#messagebody", "Zwölf Boxkämpfer")
    browser.leave_frames()
    browser.click_until("#layout-content a.reply:not(.disabled)", "#composebody")
    browser.press("#composebody", "Thank you, naïve €.\n")
    browser.click("button.send")
    browser.wait("#messagelist")

    answer = email.message_from_bytes(site.sent_to(ALICE)[0])
    equal(answer["In-Reply-To"], "<question@example.test>", "In-Reply-To")
    body = answer.get_payload(decode=True).decode()
    contains(body, "Thank you, naïve €.", "the answer")
    contains(body, "> Zwölf Boxkämpfer", "what it quotes")
    contains(email.message_from_bytes(site.sent_to(login, 1, ".Sent")[0]).get_payload(decode=True).decode(), "naïve €", "the copy in Sent")
    with host.imap(login) as client:
        client.select("INBOX", readonly=True)
        flags = client.fetch("1", "(FLAGS)")[1][0]
        check(rb"\Seen" in flags and rb"\Answered" in flags, f"flags of what was answered: {flags}")
    site.is_well()


@test("Roundcube: who comes by http is sent to https before a password can be typed")
def https(t):
    del t
    where = urllib.parse.urlsplit(SITE.get().page.address)
    client = http.client.HTTPConnection(where.netloc, timeout=60)
    client.request("GET", "/", headers={"X-As-Set": "yes"})
    answer = client.getresponse()
    equal((answer.status, answer.getheader("Location")), (302, f"https://{where.hostname}/"), "what Roundcube answers")
    check(b"rcmloginpwd" not in answer.read(), "a page with a field for the password")
    client.close()


@test("Roundcube: messages are searched, marked, moved and deleted by clicking")
def moves(t):
    del t
    site = SITE.get()
    host, page, browser = site.host, site.page, site.browser
    login = "mover@example.test"
    for name, body in (("plain", "nothing\r\n"), ("a needle", "x\r\n"), ("word", "a Strauß of roses\r\n"), ("to be moved", "x\r\n"),
                       ("to be deleted", "y\r\n")):
        host.put(login, letter(name, body, to=login).replace(
            b"\r\n\r\n", b"\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n", 1))
    site.log_in("mover")
    page.wait_subjects(["to be deleted", "to be moved", "word", "a needle", "plain"], "INBOX")

    browser.press("#mailsearchform", "NEEDLE" + ENTER)
    page.wait_subjects(["a needle"], "a search for a word of the subject")
    # Whole messages, by the form's options; in another case and spelling than the message has.
    browser.click("#layout-list .searchbar a.options")
    browser.click('input[name="s_mods[]"][value="text"]')
    browser.write("#mailsearchform", "STRAUSS OF" + ENTER)
    page.wait_subjects(["word"], "a search for words of the body")
    browser.click("#layout-list .searchbar a.reset")
    page.wait_subjects(["to be deleted", "to be moved", "word", "a needle", "plain"], "after the search")

    page.select("to be moved")

    def moved():  # the list of folders may let a click pass while it opens
        browser.click_until("#messagemenulink.active", "#message-menu a.move.active")
        browser.click_until("#message-menu a.move.active", "#folder-selector a")
        browser.click("#folder-selector a", "Archive")
        page.wait_subjects(["to be deleted", "word", "a needle", "plain"], "after the move", 2 * CLICK_SECONDS)
        return True
    eventually(moved, "clicks move the message")
    page.select("to be deleted")
    browser.click("#layout-content a.delete:not(.disabled)")
    page.wait_subjects(["word", "a needle", "plain"], "after the removal")
    page.select("plain")
    browser.click_until("#markmessagemenulink.active", "#markmessage-menu a.flag.active")
    browser.click("#markmessage-menu a.flag.active")
    browser.wait("#messagelist tr.flagged", "plain")
    for folder, subjects in (("Archive", ["to be moved"]), ("Trash", ["to be deleted"])):
        page.show_folder(folder)
        page.wait_subjects(subjects, folder)

    with host.imap(login) as client:
        client.select("INBOX", readonly=True)
        equal(client.search(None, "FLAGGED", "SUBJECT", "plain")[1], [b"1"], "what is flagged")
        equal(int(client.select("Archive", readonly=True)[1][0]), 1, "messages in Archive")
        equal(int(client.select("Trash", readonly=True)[1][0]), 1, "messages in Trash")
    site.is_well()


@test("Roundcube: the list is sorted by subject and by size, and shown as threads")
def sorts(t):
    del t
    site = SITE.get()
    host, page, browser = site.host, site.page, site.browser
    login = "sorter@example.test"
    ids = [f"<n{number}@example.test>" for number in range(3)]
    messages = [("banana", 30, ""), ("Apple", 9000, ""), ("Re: banana", 500, ids[0])]
    for (subject, size, parent), name in zip(messages, ids):
        text = letter(subject, "x" * 60 * 1 + "\r\n" + ("y" * 70 + "\r\n") * (size // 72), to=login, message_id=name)
        host.put(login, text.replace(b"Message-ID:", f"References: {parent}\r\nMessage-ID:".encode(), 1) if parent else text)
    site.log_in("sorter")
    page.arrange("subject", "ASC")
    page.wait_subjects(["Apple", "banana", "Re: banana"], "by subject")
    page.arrange("size", "DESC")
    page.wait_subjects(["Apple", "Re: banana", "banana"], "by size, the largest first")
    page.arrange("", "DESC", "threads")
    browser.wait("#messagelist tr.thread", "banana")
    page.wait_subjects(["Apple", "banana"], "threads, each by its first message")
    browser.click("#messagelist tr.thread div.collapsed")
    page.wait_subjects(["Apple", "banana", "Re: banana"], "the thread, unfolded")
    site.is_well()


@test("Roundcube: a message that comes while the list is open shows up by itself, and its folder's count grows")
def waits(t):
    del t
    site = SITE.get()
    host, page, browser = site.host, site.page, site.browser
    login = "waiter@example.test"
    post(host, login, "olds")  # in an empty folder Roundcube shows the count alone
    host.wait_messages(login, 1)
    site.log_in("waiter")
    page.wait_subjects(["olds"], "INBOX")
    # What comes while Roundcube makes its first list it counts without showing it: it has to refresh the list once.
    logins = host.log().count(f"Login: user=<{login}>")
    eventually(lambda: host.log().count(f"Login: user=<{login}>") >= logins + 2, "Roundcube has looked again")
    post(host, login, "news")
    page.wait_subjects(["news", "olds"], "after its arrival")
    browser.wait("#mailboxlist li.inbox .unreadcount", "2")
    site.is_well()


@test("Roundcube: a filter made by clicking sorts the mail that comes")
def filters(t):
    del t
    site = SITE.get()
    host, page, browser = site.host, site.page, site.browser
    login = site.log_in("filterer")
    page.go("_task=settings&_action=plugin.managesieve")
    browser.click("a.create:not(.disabled)")
    browser.enter_frame("#filter-box")
    browser.write("#_name", 'Bills & "more" €')
    browser.press('input[name="_rule_target[0][]"]', "invoice")
    browser.choose("#action_type0", "fileinto")
    browser.choose("#action_mailbox0", "Archive")
    browser.click("button.submit")
    browser.leave_frames()
    browser.wait("#filterslist tr", 'Bills & "more" €')

    for subject in ("your Invoice 7", "lunch"):
        post(host, login, subject)
    contains(site.sent_to(login, 1, ".Archive")[0], b"Subject: your Invoice 7", "what lies in Archive")
    contains(site.sent_to(login)[0], b"Subject: lunch", "what lies in INBOX")
    # Roundcube reads the script again, with its own marks in it, and switches the rule off.
    page.go("_task=settings&_action=plugin.managesieve")
    browser.click("#filterslist tr", 'Bills & "more" €')
    browser.enter_frame("#filter-box")
    browser.wait("#_name")
    equal(browser.script("return document.querySelector('#_name').value"), 'Bills & "more" €', "the rule's name")
    browser.script("document.querySelector('#fenabled').click()")
    browser.click("button.submit")
    browser.leave_frames()
    browser.wait("#filterslist tr.disabled", "Bills")
    post(host, login, "Invoice 8")
    site.sent_to(login, 2)
    site.is_well()


@test("Roundcube: a vacation made by clicking answers who writes, once")
def vacations(t):
    del t
    site = SITE.get()
    host, page, browser = site.host, site.page, site.browser
    login = site.log_in("absent")
    page.go("_task=settings&_action=plugin.managesieve-vacation")
    browser.write("#vacation_subject", "Außer Haus")
    browser.write("#vacation_reason", "Back on Monday.\nBest wishes\n")
    browser.choose("#vacation_status", "on")

    def saved():  # a page that is still busy may let a click pass
        browser.click("button.submit")
        return eventually(lambda: host.command("pennypost", "sieve", "list", login).stdout.strip(), "the script is there", CLICK_SECONDS)
    eventually(saved, "clicks on the button save the script")
    writer = "waiter@example.test"
    before = len(host.messages(writer))
    for subject in ("first", "second"):
        host.submit(ALICE, writer, [login], letter(subject, sender=writer, to=login))
    site.sent_to(login, 2)
    host.wait_queue(0)
    texts = [email.message_from_bytes(text) for text in site.sent_to(writer, before + 1)]
    answers = [text for text in texts if re.match("auto-replied", text["Auto-Submitted"] or "")]
    equal(len(answers), 1, "answers")
    subject = str(email.header.make_header(email.header.decode_header(answers[0]["Subject"])))
    equal(subject, "Außer Haus", "the answer's subject")
    contains(answers[0].as_string(), "Back on Monday.", "the answer")
    site.is_well()

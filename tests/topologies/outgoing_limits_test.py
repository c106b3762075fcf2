"""What users may send: limits by hour and day with a warning before them, and pennypost user block."""
import contextlib
import os
import pwd
import smtplib
import subprocess

from harness import check, contains, equal, eventually, test
from mailhost import IS_ROOT, Host, unverified
from peers import Sink

ALICE, BOB = "alice@example.test", "bob@example.test"
LETTER = "Subject: hello\r\n\r\nHello.\r\n"


def limited(t, **settings):
    sink = Sink(t)
    return Host(t, {"relayhost": f"[{sink.address}]:{sink.port}", **settings}, aliases=f"postmaster: {BOB}\n")


@contextlib.contextmanager
def logged_in(host, login=ALICE):
    with host.smtp("submission") as client:
        client.starttls(context=unverified())
        client.login(login, host.users[login])
        yield client


def send(client, *recipients):
    """The first code that is not 250, with its words; 250 if the message was taken."""
    with contextlib.suppress(smtplib.SMTPServerDisconnected):
        client.rset()
    answer = client.mail(ALICE)
    for recipient in recipients:
        if answer[0] == 250:
            answer = client.rcpt(recipient)
    if answer[0] == 250:
        answer = client.data(LETTER)
    return answer[0], answer[1].decode()


@test("a user at the limit is refused until a later time, postmaster was warned, and a restart does not forget")
def limits(t):
    host = limited(t, outgoing_user_recipients_per_hour=5)
    with logged_in(host) as client:
        equal(send(client, "a@else.test", "b@else.test")[0], 250, "two recipients")
        check("nears" not in host.log(), "postmaster is warned too early")
        equal(send(client, "a@else.test", "b@else.test")[0], 250, "two more")
        host.wait_log(r"warning: alice@example\.test nears outgoing_user_recipients_per_hour: 4 of 5")
        refused = send(client, "a@else.test", "b@else.test")
        equal(refused, (450, "4.7.1 Error: too much mail from alice@example.test"), "the sixth recipient")
    host.stop("smtpd")
    host.start("smtpd")
    with logged_in(host) as client:
        equal(send(client, "a@else.test")[0], 250, "the fifth recipient after a restart")
        equal(send(client, "a@else.test"), (450, "4.7.1 Error: too much mail from alice@example.test"), "the next message")
    with logged_in(host, BOB) as client:
        equal(send(client, "a@else.test")[0], 250, "another user")
    warning = host.wait_messages(BOB, 1)[0]
    with open(warning, encoding="utf-8") as file:
        text = file.read()
    contains(text, "Subject: Pennypost: alice@example.test sends much mail", "the warning")
    contains(text, "has sent mail to 4 recipients in the last hour", "the warning")
    contains(text, "pennypost user block alice@example.test --hold", "the warning")


@test("a blocked user sends nothing more, in a session that has begun either, and mail in the queue is held")
def blocks(t):
    host = Host(t, {"relayhost": "[127.0.0.1]:9", "minimal_backoff_time": "1000s"})
    with logged_in(host) as client:
        equal(send(client, "a@else.test")[0], 250, "before the block")
        with logged_in(host, BOB) as other:
            equal(send(other, "b@else.test")[0], 250, "of another user")
        host.wait_queue(2)
        said = host.command("pennypost", "user", "block", "--reason", "stolen", "--hold", ALICE).stdout
        contains(said, "1 message placed on hold", "what block says")
        eventually(lambda: send(client, "a@else.test") == (550, "5.7.1 <alice@example.test>: this user may not send mail"),
                   "the running session is refused at MAIL")
    places = [(entry["recipients"][0]["address"], entry["queue_name"]) for entry in host.queue()]
    equal([place for place in places if place[1] == "hold"], [("a@else.test", "hold")], "the user's message alone is on hold")
    check(("b@else.test", "deferred") in places, f"the other user's message is not: {places}")
    with logged_in(host, BOB) as client:
        equal(client.mail(BOB)[0], 250, "another user")
    contains(host.command("pennypost", "user", "list").stdout, "alice@example.test\tblocked: submission since ", "the list")
    host.imap(ALICE).logout()
    host.pop3(ALICE).quit()
    host.command("pennypost", "user", "unblock", ALICE)
    with logged_in(host) as client:
        eventually(lambda: client.rset() and client.mail(ALICE)[0] == 250, "the user is allowed again")


@test("a user who is blocked with --logins can't log in anywhere")
def blocks_logins(t):
    host = Host(t)
    host.command("pennypost", "user", "block", "--logins", ALICE)

    def is_refused(enter):
        try:
            enter()
        except Exception as error:  # each library has its own  # noqa: BLE001
            return "uthentication" in str(error) or "AUTH" in str(error)
        return False

    def submit():
        with logged_in(host):
            pass

    for name, enter in (("IMAP", lambda: host.imap(ALICE)), ("POP3", lambda: host.pop3(ALICE)), ("SMTP", submit)):
        eventually(lambda e=enter: is_refused(e), f"{name} refuses the login")
    host.wait_log(r"blocked by the administrator")
    host.imap(BOB).logout()


@test("mail by sendmail counts for the system user who runs it, and a blocked one is refused")
def system_users(t):
    if not IS_ROOT:
        return  # nobody else could run sendmail
    host = limited(t, outgoing_user_messages_per_day=2, outgoing_limit_warning_percent=100)
    games = pwd.getpwnam("games")
    os.chmod(t.folder, 0o755)

    def sendmail():
        return subprocess.run([os.path.join(host.bin, "sendmail"), "-C", host.etc, "-f", "games@example.test", BOB],
                              input="Subject: x\n\nx\n", capture_output=True, text=True, check=False, user=games.pw_uid,
                              group=games.pw_gid, extra_groups=[], env=host.environment())

    for number in range(2):
        equal(sendmail().returncode, 0, f"message {number}")
    host.wait_log(r"warning: games nears outgoing_user_messages_per_day: 2 of 2")
    sendmail()
    host.wait_log(r"warning: games has reached outgoing_user_messages_per_day")
    host.command("pennypost", "user", "block", "games")
    eventually(lambda: "the user games may not send mail" in sendmail().stderr, "sendmail of a blocked user is refused")

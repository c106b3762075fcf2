"""The index of words of a system user: a delivery puts new mail in with that user's rights."""
import os

from harness import equal, eventually, test
from mailhost import letter
from roothost import CAROL, RootHost


@test("a delivery to a system user puts the mail into the user's index of words, whose files stay the user's")
def index_of_system_user(t):
    host = RootHost(t, daemons=("smtpd",))

    def send():
        with host.smtp() as client:
            client.sendmail("alice@example.net", ["carol@example.test"], letter("fruit", "apples\r\n", to="carol@example.test"))

    def rescan():
        return host.command("pennypost", "fts", "rescan", "-u", "carol", "INBOX").stdout.splitlines()

    words = os.path.join(host.carol_home, "Maildir", "pennypost-words")
    inbox = [os.path.join(host.carol_home, "Maildir", part) for part in ("new", "cur")]
    send()
    eventually(lambda: sum(len(os.listdir(part)) for part in inbox if os.path.isdir(part)) == 1, "the first letter")
    equal(rescan(), ["INBOX messages=1 added=1 dropped=0"], "the index is made")
    before = os.stat(os.path.join(words, "iamglass")).st_mtime_ns
    send()
    eventually(lambda: os.stat(os.path.join(words, "iamglass")).st_mtime_ns != before, "the index has changed")
    equal({os.stat(os.path.join(words, name)).st_uid for name in os.listdir(words)}, {CAROL}, "whose the index is")
    equal(rescan(), ["INBOX messages=2 added=0 dropped=0"], "what the index has")

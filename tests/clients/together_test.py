"""One mailbox, used by all at once while mail comes in: sessions of imapd, and popd."""
import re
import threading
import time

from harness import check, equal, test
from load import Load
from mailhost import Host

BOB = "bob@example.test"
MESSAGES = 300
SECONDS_MAX = 120


def message_id(header):
    return re.search(rb"Message-ID: *<([^>]+)>", header)[1].decode()


def differences(found, expected):
    """The first few keys whose values are not the same."""
    keys = sorted(key for key in {*found, *expected} if found.get(key) != expected.get(key))
    few = [f"{key}: {found.get(key)}, not {expected.get(key)}" for key in keys[:8]]
    return f"{len(keys)} differ: {'; '.join(few)}" if keys else ""


class Follower:
    """An IMAP session that looks on until is_over(messages that it has seen), and sets its own flag on each.

    uids: {UID: Message-ID}, in the order of being seen.
    """

    def __init__(self, client, flag, is_over):
        self.client, self.flag, self.is_over, self.uids, self.trouble = client, flag, is_over, {}, None
        self.client.select("INBOX")
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        end = time.monotonic() + SECONDS_MAX
        try:
            while not self.is_over(len(self.uids)) and time.monotonic() < end:
                self._look()
        except Exception as error:
            self.trouble = f"{type(error).__name__}: {error}"

    def _look(self):
        self.client.noop()
        last = max(self.uids, default=0)
        rows = self.client.uid("FETCH", f"{last + 1}:*", "(UID BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")[1]
        fresh = []
        for row in rows:
            if isinstance(row, tuple):
                uid = int(re.search(rb"UID (\d+)", row[0])[1])
                if uid > last:  # `*` is the last message, new or not
                    fresh.append(uid)
                    self.uids[uid] = message_id(row[1])
        if fresh:
            told = self.client.uid("STORE", ",".join(map(str, fresh)), "+FLAGS.SILENT", f"({self.flag})")
            equal(told[0], "OK", f"STORE of {self.flag}: {told}")

    def flags(self):
        """{UID: its flags}"""
        self.client.noop()
        rows = self.client.uid("FETCH", "1:*", "(UID FLAGS)")[1]
        return {int(re.search(rb"UID (\d+)", row)[1]): set(re.search(rb"FLAGS \(([^)]*)\)", row)[1].decode().split())
                for row in rows if b"UID" in row}  # not those that told NOOP of others' changes


@test("three sessions of imapd, and popd, while mail comes in: one UID a message for all, and no flag gets lost")
def together(t):
    host = Host(t)
    host.imap(BOB).logout()  # the mailbox is there
    clients = [host.imap(BOB) for _ in range(3)]
    flags = ("\\Seen", "\\Flagged", "\\Answered")
    load = Load(t, host, BOB, sessions=3)
    has_ended = threading.Event()
    followers = [Follower(client, flag, lambda seen: has_ended.is_set() and seen >= len(load.acknowledged))
                 for client, flag in zip(clients, flags)]
    uidls = {}

    def ask_popd():
        client = host.pop3(BOB)
        for line in client.uidl()[1]:
            number, uidl = line.split()
            if uidl not in uidls:
                uidls[uidl] = message_id(b"\n".join(client.top(int(number), 0)[1]))
        client.quit()

    while any(follower.thread.is_alive() for follower in followers):
        if not has_ended.is_set() and len(load.acknowledged) >= MESSAGES:
            load.stop()
            has_ended.set()
        ask_popd()
    ask_popd()  # what came while it was asked last

    first = followers[0].uids
    for follower in followers:
        check(not follower.trouble, f"{follower.flag}: {follower.trouble}")
        wrong = differences(follower.uids, first)
        check(not wrong, f"UIDs that {follower.flag}'s session has seen, against the first's: {wrong}")
    equal(len(first), len(load.acknowledged), "messages")
    equal(set(first.values()), load.acknowledged, "messages")
    wrong = differences({int(uidl[:8], 16): name for uidl, name in uidls.items()}, first)
    check(not wrong, f"UIDs that popd gave, against imapd's: {wrong}")
    for follower in followers:
        lacking = {uid: seen for uid, seen in follower.flags().items() if not set(flags) <= seen}
        check(not lacking, f"{follower.flag}'s session does not see all three flags: {lacking}")

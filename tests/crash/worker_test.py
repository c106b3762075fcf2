"""A worker that crashes takes its own sessions along, and nothing else."""
import imaplib

from harness import check, eventually, test
from mailhost import Host

BOB = "bob@example.test"
LIMIT = 3


def worker_pids(host):
    return [pid for title, pids in host.pids("imapd").items() if title.startswith("imapd: worker") for pid in pids]


@test("sessions that a crashed worker took along no longer count against the user's limit")
def crashed_worker(t):
    host = Host(t, {"mail_max_userip_connections": LIMIT, "imap_worker_shards": 1}, daemons=("imapd",))
    for _ in range(2):
        clients = [host.imap(BOB) for _ in range(LIMIT)]
        try:
            host.imap(BOB)
            check(False, "one session more than the limit")
        except imaplib.IMAP4.error as error:
            check("LIMIT" in str(error), str(error))
        workers = worker_pids(host)
        check(len(workers) == 1, f"workers: {workers}")
        host.crash(workers[0])
        eventually(lambda old=workers: worker_pids(host) != old, "the worker is gone")
        for client in clients:
            client.shutdown()

"""A user database that hangs: it makes wait whom it is asked about, and nobody else."""
import concurrent.futures
import os
import subprocess
import time

from harness import check, contains, equal, eventually, test
from mailhost import TOP, Host

# What lookup has for the user database.
THREADS = 4
DEADLINE_SECONDS = 10


def replies(host, *recipients):
    """The code and text of each RCPT, over one connection."""
    with host.smtp() as client:
        client.ehlo()
        client.mail("ann@elsewhere.test")
        found = []
        for recipient in recipients:
            code, text = client.rcpt(recipient)
            found.append(f"{code} {text.decode()}")
        return found


@test("while the host's user database hangs, mail for its users is put off and mail for all others goes on")
def hanging(t):
    host = Host(t, {"system_users": True}, daemons=("smtpd",), start=False)
    hanging_file = host.write("hangs", "")
    library = os.path.join(t.folder, "slow_users.so")
    source = os.path.join(TOP, "tests", "topologies", "slow_users.c")
    subprocess.run(["cc", "-shared", "-fPIC", f'-DHANGING="{hanging_file}"', "-o", library, source, "-ldl"], check=True)
    os.chmod(t.folder, 0o755)
    plain = host.environment
    host.environment = lambda: {**plain(), "LD_PRELOAD": library}
    host.start()
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        asked = [pool.submit(replies, host, f"slow{i}@mail.example.test") for i in range(THREADS)]
        host.wait_log("connect from(?s:.*connect from){%d}" % (THREADS - 1))
        # These ask the tables alone: each answer stands before any of those that hang.
        others = replies(host, "alice@example.test", "bob@elsewhere.test")
        equal([reply[:4] for reply in others], ["250 ", "250 "], "an own user, another host's user")
        equal([one.done() for one in asked], [False] * THREADS, "whom the user database was asked about waits")
        for one in asked:
            contains(one.result()[0], "451 4.3.0", "put off at the deadline")
    host.wait_log("user database: no answer within %d s" % DEADLINE_SECONDS)
    # Its threads are all lost: nobody waits for the deadline any more.
    begun = time.monotonic()
    contains(replies(host, "slow9@mail.example.test")[0], "451 4.3.0", "put off")
    check(time.monotonic() - begun < DEADLINE_SECONDS / 2, "put off at once")
    contains(replies(host, "bob@example.test")[0], "250 ", "an own user")
    os.unlink(hanging_file)
    eventually(lambda: replies(host, "slow9@mail.example.test")[0].startswith("550 "), "the user database is asked again")
    host.wait_log("user database: answers again")

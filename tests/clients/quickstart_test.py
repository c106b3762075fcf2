"""contrib/quickstart does what README says of it, wherever the checkout lies."""
import os
import shutil
import subprocess

from harness import check, test
from mailhost import TOP

SECONDS_MAX = 120


def quickstart(t, mode):
    """Runs it in a network of its own, in the checkout as it is seen below a directory of this mode."""
    above = os.path.join(t.folder, "above")
    checkout = os.path.join(above, "checkout")
    os.makedirs(checkout)
    os.chmod(t.folder, 0o755)
    os.chmod(above, mode)
    state = os.path.join("build", f"quickstart-{os.getpid()}")
    script = 'ip link set lo up && mount --bind "$1" "$2" && cd "$2" && contrib/quickstart --once --no-install --state "$3"'
    try:
        done = subprocess.run(["unshare", "--net", "--mount", "sh", "-c", script, "sh", TOP, checkout, state], capture_output=True,
                              text=True, timeout=SECONDS_MAX, check=False)
    finally:
        shutil.rmtree(os.path.join(TOP, state), ignore_errors=True)
    check(done.returncode == 0, f"quickstart ends with {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    for said in ("Sent:", "Read over IMAP:", "Read over POP3:"):
        check(said in done.stdout, f"quickstart does not say {said} {done.stdout}")


@test("quickstart sends a message and reads it back over IMAP and POP3", alone=True)
def in_the_open(t):
    quickstart(t, 0o755)


@test("quickstart works as root in a checkout that other users have no way to", alone=True)
def closed(t):
    quickstart(t, 0o700)

"""Makes a journalled ext4 file system in a file, which can be copied at any moment as a power cut would leave it.

What the copy sees is what has reached the loop device: pages that ext4 still holds back are missing from it,
as they would be missing from a disk. So that nothing gets there by the passing of time alone, the journal
is committed every 300 s instead of every 5 s, and the kernel's own write-back begins after 30 s only. A copy takes
some ten milliseconds; freeze the writers (frozen()) so that it shows one moment.

Mounting needs root.
"""
import contextlib
import os
import shutil
import signal
import subprocess

from harness import eventually
from mailhost import give, group_members

COMMIT_SECONDS = 300


def run(*words):
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: exit status {done.returncode}: {done.stderr or done.stdout}")
    return done.stdout


class Disk:
    """A file system in the file PATH, mounted at PATH.mount; unmounted at the end of the test."""

    def __init__(self, t, name, megabytes=160, like=None, options=(), journal=True):
        self.file = os.path.join(t.folder, name + ".ext4")
        self.folder = os.path.join(t.folder, name)
        self.options = f"loop,commit={COMMIT_SECONDS}" if journal else "loop"
        self.mounted = False
        os.makedirs(self.folder, exist_ok=True)
        t.cleanup(self.remove)
        if like is None:
            with open(self.file, "wb") as image:
                image.truncate(megabytes << 20)
            kept = ["-J", "size=8"] if journal else ["-O", "^has_journal"]
            run("mkfs.ext4", "-q", "-F", *kept, "-E", "lazy_itable_init=0,lazy_journal_init=0", *options, self.file)
        else:
            like.copy_to(self.file)
        self.mount()

    def mount(self):
        run("mount", "-o", self.options, self.file, self.folder)
        self.mounted = True

    def unmount(self):
        """Waits for those who still have a file open there, and for the loop device to let go of the file.

        Whoever looks through all loop devices, as each mount does, holds a device for a moment; if the file were
        mounted again from that one, its cache would show what was there before.
        """
        if self.mounted:
            eventually(self._try_unmount, f"{self.folder} can be unmounted", 20)
            eventually(lambda: not run("losetup", "-j", self.file).strip(), f"no loop device has {self.file}", 20)

    def _try_unmount(self):
        try:
            run("umount", self.folder)
        except RuntimeError as error:
            raise AssertionError(str(error)) from error
        self.mounted = False
        return True

    def remove(self):
        self.unmount()
        with contextlib.suppress(FileNotFoundError):
            os.remove(self.file)

    def sync(self):
        """All that was written so far is on the disk, as if long ago."""
        run("sync", "-f", self.folder)

    def give(self):
        give(self.folder)

    def copy_to(self, file):
        run("cp", "--sparse=always", "--reflink=never", self.file, file)

    def replace_by_copy_of(self, other):
        """This disk becomes what `other` would be after a power cut now; mounting replays its journal."""
        self.unmount()
        other.copy_to(self.file)
        self.mount()


def tmpfs(t, name, megabytes):
    """A small file system in memory: what a full disk is tried with. Returns its folder."""
    folder = os.path.join(t.folder, name)
    os.makedirs(folder)
    run("mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0755", "tmpfs", folder)
    t.cleanup(lambda: eventually(lambda: _unmounted(folder), f"{folder} can be unmounted", 20))
    give(folder)
    return folder


def _unmounted(folder):
    return subprocess.run(["umount", folder], capture_output=True, check=False).returncode == 0


@contextlib.contextmanager
def frozen(*groups):
    """While this lasts, no process of these process groups runs."""
    for group in groups:
        os.killpg(group, signal.SIGSTOP)
    try:
        eventually(lambda: all(_is_stopped(pid) for group in groups for pid in group_members(group)),
                   "all processes stand still", 20)
        yield
    finally:
        for group in groups:
            os.killpg(group, signal.SIGCONT)


def _is_stopped(pid):
    """Whether all threads have left the kernel, fsync included, and stand."""
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/stat", encoding="ascii", errors="replace") as file:
                if file.read().rpartition(")")[2].split()[0] not in "TtZX":
                    return False
    except FileNotFoundError:
        pass
    return True


def fill(path, leave_bytes):
    """A file of zeros that leaves so much of the disk free; one that is there already grows."""
    folder = os.path.dirname(path)
    with open(path, "ab") as file:
        with contextlib.suppress(OSError):
            while shutil.disk_usage(folder).free > leave_bytes:
                file.write(bytes(min(1 << 20, max(4096, shutil.disk_usage(folder).free - leave_bytes))))
                file.flush()
    return path


def occupy(path, leave_bytes):
    """A file that leaves so much of the disk free, taken in one step: what is freed meanwhile stays free."""
    with open(path, "wb") as file:
        os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(os.path.dirname(path)).free - leave_bytes)
    return path

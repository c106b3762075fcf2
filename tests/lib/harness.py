"""Runs test functions and tells why they fail; holds what tests wait and compare with.

    @test("an unknown recipient is refused")
    def unknown(t):
        host = Host(t)
        ...

A test gets a folder of its own (t.folder) and says with t.cleanup(f) what must be undone; that happens
in reverse order whatever becomes of the test. Nothing here sleeps for a fixed time: eventually() polls.
"""
import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
import traceback

PATIENCE_SECONDS = 60.0  # how long eventually() waits: generous, since the machine may be busy
POLL_SECONDS = 0.05
TEST_SECONDS_MAX = 300


class Case:
    """A test. alone: while it runs, no other does. together: tests with the same thing here run in one process, in order."""

    def __init__(self, name, function, seconds, alone=False, together=None):
        self.name = name
        self.function = function
        self.seconds = seconds
        self.alone = alone
        self.together = together


_collected = None


@contextlib.contextmanager
def collecting():
    """The tests that are declared while this context lasts."""
    global _collected
    found = _collected = []
    try:
        yield found
    finally:
        _collected = None


def test(name, seconds=TEST_SECONDS_MAX, alone=False):
    """Marks a function as a test; `seconds` is how long it may take at most.

    alone: no other test may run meanwhile, since this one measures time, or uses what all of them share.
    """
    def mark(function):
        if _collected is not None:
            add_case(name, function, seconds, alone)
        return function
    return mark


def add_case(name, function, seconds=TEST_SECONDS_MAX, alone=False, together=None):
    """As @test; together: see Case. Tests of a file that use one Shared thing are together without it."""
    if any(case.name == name for case in _collected):
        raise ValueError(f"two tests are called: {name}")
    _collected.append(Case(name, function, seconds, alone, together))


_at_end = []


def at_end(function):
    """What is called after the last test of this process, for things that several tests share."""
    _at_end.append(function)


def end_part():
    """Calls them; returns the troubles met."""
    troubles = []
    while _at_end:
        try:
            _at_end.pop()()
        except Exception as error:
            troubles.append(f"{type(error).__name__}: {error}")
    return troubles


class Context:
    """What one test has: a folder and a list of things to undo."""

    def __init__(self):
        # Short, since Unix sockets lie in it: their path has at most 107 bytes.
        self.folder = tempfile.mkdtemp(prefix="pennypost-")
        os.chmod(self.folder, 0o755)
        self._cleanups = []

    def cleanup(self, function, *arguments):
        self._cleanups.append((function, arguments))

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def undo_all(self):
        """Returns the troubles met."""
        troubles = []
        while self._cleanups:
            function, arguments = self._cleanups.pop()
            try:
                function(*arguments)
            except Exception as error:
                troubles.append(f"{type(error).__name__}: {error}")
        return troubles


class Shared:
    """What several tests use: made by make(context) when the first asks, undone after the last. They run in one process."""

    def __init__(self, make):
        self._make = make
        self._context = self._thing = None

    def get(self):
        if self._thing is None:
            check(self._context is None, "what this test shares with others could not be made")
            self._context = Context()
            at_end(self.stop)
            self._thing = self._make(self._context)
        return self._thing

    def stop(self):
        if self._context is None:
            return
        context, self._context, self._thing = self._context, None, None
        troubles = context.undo_all()
        if troubles:
            raise AssertionError("\n".join([*troubles, f"kept: {context.folder}"]))
        context.remove()


class TooLong(BaseException):
    """Above Exception, so that no test catches it by mistake."""


def run_case(case, keep=False):
    """Empty when the test passed, else why it failed."""
    context = Context()

    def expired(signum, frame):
        del signum, frame
        raise TooLong(f"took longer than {case.seconds} s")

    before = signal.signal(signal.SIGALRM, expired)
    signal.alarm(case.seconds)
    trouble = ""
    try:
        case.function(context)
    except AssertionError as error:
        place = traceback.extract_tb(error.__traceback__)
        where = next((f"{os.path.basename(f.filename)}:{f.lineno}" for f in reversed(place)
                      if not f.filename.endswith("/harness.py")), "")
        trouble = f"{error or 'a check failed'}\nat {where}"
    except KeyboardInterrupt:
        context.undo_all()
        context.remove()
        raise
    except (Exception, TooLong) as error:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/tests/" in frame.filename][-4:]
        trouble = f"{type(error).__name__}: {error}\n" + "".join(traceback.format_list(frames))
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    troubles = context.undo_all()
    if troubles:
        trouble = "\n".join([trouble, *troubles]).strip()
    if (trouble or keep) and os.listdir(context.folder):
        trouble = trouble and f"{trouble}\nkept: {context.folder}"
    else:
        context.remove()
    return trouble


def run_quietly(command, seconds, **options):
    """Runs a command; returns (status, the end of its output). Kills its whole group when it takes too long."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                                   start_new_session=True, **options)
        try:
            status = process.wait(timeout=seconds)
            late = ""
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            status, late = process.wait(), f"\nstill running after {seconds} s"
        output.seek(max(0, output.seek(0, os.SEEK_END) - 6000))
        return status, output.read().decode("utf-8", "replace") + late


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def equal(seen, expected, what):
    if seen != expected:
        raise AssertionError(f"{what}: expected {short(expected)}, seen {short(seen)}")


def contains(text, part, what):
    if part not in text:
        raise AssertionError(f"{what}: expected {part!r} in {short(text)}")


def short(value):
    text = repr(value)
    return text if len(text) <= 1200 else f"{text[:600]} ... {text[-600:]} ({len(text)} characters)"


def eventually(function, what, seconds=PATIENCE_SECONDS):
    """Calls `function` until it returns something true, and returns that. Exceptions count as not yet."""
    end = time.monotonic() + seconds
    while True:
        last = None
        try:
            last = function()
            if last:
                return last
        except (OSError, AssertionError, EOFError) as error:
            last = error
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds:.0f} s: {what} (last: {short(last)})")
        time.sleep(POLL_SECONDS)

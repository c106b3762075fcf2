"""Runs the tests of a folder beside each other, in processes of their own.

A unit is what one process runs: a single test, or, in the order of the text, those that use the same Shared thing. Some
units run at a time; what must have the machine for itself (alone=True) follows at the end, one by one. What a test
prints is kept and shown with its result, so that the lines of different tests do not mix.
"""
import ctypes
import importlib.util
import json
import os
import select
import signal
import sys
import time

import harness

# How many units run at a time. More than there are processors: most tests wait most of the time.
WORKERS = 6
LONGEST_SHOWN = 3
PR_SET_PDEATHSIG = 1
READ_BYTES = 1 << 16
_libc = ctypes.CDLL(None, use_errno=True)


def load_tests(top, part):
    """Imports tests/PART/*_test.py; returns the functions marked @test, each with what it runs together with."""
    folder = os.path.join(top, "tests", part)
    files = sorted(name for name in os.listdir(folder) if name.endswith("_test.py")) if os.path.isdir(folder) else []
    if not files:
        raise FileNotFoundError(f"tests/{part} has no *_test.py")
    sys.path.insert(0, folder)
    try:
        tests = []
        for file in files:
            spec = importlib.util.spec_from_file_location(f"{part}_{file[:-3]}", os.path.join(folder, file))
            module = importlib.util.module_from_spec(spec)
            with harness.collecting() as found:
                spec.loader.exec_module(module)
            shared = next((thing for thing in vars(module).values() if isinstance(thing, harness.Shared)), None)
            for case in found:
                case.together = case.together or shared
            tests += found
        return tests
    finally:
        sys.path.remove(folder)


def units_of(cases):
    """(units that may run beside each other, those that run alone); what may take longest comes first."""
    units = {}
    for case in cases:
        units.setdefault((case.alone, case.together or case), []).append(case)
    beside = [unit for (alone, _), unit in units.items() if not alone]
    beside.sort(key=lambda unit: sum(case.seconds for case in unit), reverse=True)
    return beside, [unit for (alone, _), unit in units.items() if alone]


class Worker:
    """A process that runs the tests of one unit, and sends a line of JSON for each that is over."""

    def __init__(self, unit, keep):
        self.left = [case.name for case in unit]
        self.unread = b""
        self.pipe, theirs = os.pipe()
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid == 0:
            status = 1
            try:
                os.close(self.pipe)
                undo_when_stopped()
                run_unit(unit, keep, theirs)
                status = 0
            finally:
                harness.end_part()
                os._exit(status)
        os.close(theirs)
        os.set_blocking(self.pipe, False)

    def reports(self):
        """What has come since."""
        while True:
            try:
                more = os.read(self.pipe, READ_BYTES)
            except BlockingIOError:
                more = b""
            if not more:
                break
            self.unread += more
        *lines, self.unread = self.unread.split(b"\n")
        found = [json.loads(line) for line in lines]
        for report in found:
            if report["name"] in self.left:
                self.left.remove(report["name"])
        return found

    def ended(self):
        """None while it runs, else its exit status."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        return os.waitstatus_to_exitcode(status) if pid else None


def undo_when_stopped():
    """In the worker: Ctrl-C, or the end of the one who started it, ends it after the test under way has been undone."""
    stopping = []

    def stop(number, frame):
        del frame
        if not stopping:  # the second would interrupt the undoing
            stopping.append(number)
            raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def run_unit(unit, keep, pipe):
    """In the worker: runs the tests, then undoes what they shared."""
    def send(**report):
        octets = json.dumps(report).encode() + b"\n"
        while octets:
            octets = octets[os.write(pipe, octets):]

    for case in unit:
        began = time.monotonic()
        printed = os.memfd_create("printed")
        os.dup2(printed, 1)
        os.dup2(printed, 2)
        trouble = harness.run_case(case, keep)
        sys.stdout.flush()
        sys.stderr.flush()
        text = os.pread(printed, os.fstat(printed).st_size, 0).decode("utf-8", "replace")
        os.close(printed)
        send(name=case.name, trouble=trouble, printed=text, seconds=time.monotonic() - began)
    for trouble in harness.end_part():
        send(name="end", trouble=trouble, printed="", seconds=0)


def run(part, cases, tally, keep, workers):
    """Runs all, tells the tally of each as soon as it is over; returns the seconds that each took."""
    seconds = {}

    def tell(report):
        seconds[report["name"]] = report["seconds"]
        sys.stdout.write(report["printed"])
        if report["trouble"]:
            tally.failed(f"{part}/{report['name']}", report["trouble"])
        else:
            tally.ok(f"{part}/{report['name']}")

    beside, alone = units_of(cases)
    for waiting, at_once in ((beside, workers), (alone, 1)):
        running = []
        while waiting or running:
            while waiting and len(running) < at_once:
                running.append(Worker(waiting.pop(0), keep))
            select.select([worker.pipe for worker in running], [], [], harness.POLL_SECONDS)
            for worker in list(running):
                status = worker.ended()  # before the last reports are read
                for report in worker.reports():
                    tell(report)
                if status is not None:
                    running.remove(worker)
                    os.close(worker.pipe)
                    for name in worker.left:
                        tally.failed(f"{part}/{name}", f"its process ended with status {status}")
    return seconds


def run_folder(top, part, words, tally, keep, workers):
    """Runs the tests of tests/PART whose names have one of the words, or all; says which took longest."""
    cases = [case for case in load_tests(top, part) if not words or any(word in case.name for word in words)]
    seconds = run(part, cases, tally, keep, workers)
    longest = sorted(seconds, key=seconds.get, reverse=True)[:LONGEST_SHOWN]
    if len(seconds) > LONGEST_SHOWN:
        print(f"== {part}: the longest of {len(seconds)}: " + "; ".join(f"{name[:60]} {seconds[name]:.0f} s" for name in longest),
              flush=True)

"""What tests/README.md says of how tests are run: beside each other, alone, each one reported, the same inputs every time."""
import os
import re
import time

import mutations
import packages
import workers
from harness import Case, Shared, at_end, check, equal, test
from mailhost import TOP, free_port

SECONDS_MAX = 20


class Reports:
    """Stands in for the runner's tally."""

    def __init__(self):
        self.passed, self.failures = [], {}

    def ok(self, name):
        self.passed.append(name)

    def failed(self, name, why):
        self.failures[name] = why


def run(*cases, at_once=4):
    reports = Reports()
    workers.run("part", list(cases), reports, keep=False, workers=at_once)
    return reports


def note(t, name, text=""):
    with open(os.path.join(t.folder, name), "a", encoding="ascii") as file:
        file.write(text)


def appears(t, name, seconds):
    end = time.monotonic() + seconds
    while not os.path.exists(os.path.join(t.folder, name)):
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


@test("tests run beside each other, so many at a time; those that measure time run alone, when all others are done")
def beside(t):
    def body(name, others, meets=""):
        def run_it(_):
            note(t, name)
            check(not meets or appears(t, meets, SECONDS_MAX), f"{meets} runs at the same time")
            # Who is to wait for us would begin at once if it did not.
            check(not any(appears(t, other, 0.5) for other in others), f"one of {others} runs at the same time")
            note(t, "done", name)
            if not meets:
                os.unlink(os.path.join(t.folder, name))
        return run_it

    reports = run(Case("c", body("c", "d"), 30, alone=True), Case("d", body("d", "c"), 30, alone=True),
                  Case("a", body("a", "cd", meets="b"), 30), Case("b", body("b", "cd", meets="a"), 30), at_once=3)
    equal(reports.failures, {}, "failures")
    equal(sorted(reports.passed), ["part/a", "part/b", "part/c", "part/d"], "passed")
    with open(os.path.join(t.folder, "done"), encoding="ascii") as file:
        check(re.fullmatch(r"(ab|ba)cd", file.read()), "the order")


@test("tests that share something run in one process, in their order, and what they share is undone at its end")
def together(t):
    def make(context):
        context.cleanup(note, t, "undone", "x")
        note(t, "made", "x")
        return t
    shared = Shared(make)

    def body(_):
        note(shared.get(), "order", f"{os.getpid()} ")
    equal(run(*(Case(str(number), body, 30, together=shared) for number in range(3))).failures, {}, "failures")
    for name in ("made", "undone"):
        equal(os.path.getsize(os.path.join(t.folder, name)), 1, f"times {name}")
    with open(os.path.join(t.folder, "order"), encoding="ascii") as file:
        equal(len(set(file.read().split())), 1, "processes")
    equal(run(Case("last", lambda _: at_end(lambda: check(False, "left behind")), 30)).failures,
          {"part/end": "AssertionError: left behind"}, "what could not be undone")


@test("a test whose process dies has failed, and so have those that were to come after it in that process")
def dies(t):
    del t
    key = object()
    reports = run(Case("good", lambda _: None, 30, together=key), Case("dies", lambda _: os._exit(3), 30, together=key),
                  Case("later", lambda _: None, 30, together=key), Case("other", lambda _: None, 30),
                  Case("fails", lambda _: check(False, "as told"), 30))
    equal(sorted(reports.passed), ["part/good", "part/other"], "passed")
    equal(sorted(reports.failures), ["part/dies", "part/fails", "part/later"], "failed")
    check("status 3" in reports.failures["part/dies"] and "as told" in reports.failures["part/fails"], f"why: {reports.failures}")


@test("a port is given to one test alone, and to no other process while that test's lives")
def ports(t):
    taken = {free_port() for _ in range(50)}
    equal(len(taken), 50, "ports in one process")

    def body(_):
        # The odds that chance alone avoids all of them 2000 times are below one in 3000.
        check(not taken & {free_port() for _ in range(2000)}, "a port was given twice")
    equal(run(Case("other", body, 60)).failures, {}, "what another process gets")
    del t


@test("the inputs made from a fuzz target's corpus are the same in every run, many, and none too long")
def same_inputs(t):
    del t
    corpus = [b"MAIL FROM:<a@b>\r\n", b"RCPT TO:<c@d> SIZE=100\r\n", b"x" * 10000]
    made = list(mutations.inputs(corpus, 500))
    equal(made, list(mutations.inputs(list(reversed(corpus)), 500)), "a second run's")
    check(len(set(made)) > 300, f"{len(set(made))} of 500 are different")
    check(max(map(len, made)) <= mutations.INPUT_BYTES_MAX, "their length")


@test("a package that is listed `unless PROGRAM` is wanted only where that program is missing")
def unless(t):
    del t
    for line, there, expected in (("cmake\n", True, ["cmake"]), ("npm unless npm\n", True, []), ("npm unless npm\n", False, ["npm"]),
                                  ("# a comment\n", False, []), ("\n", False, [])):
        equal(packages.wanted(line, lambda program, there=there: there and program == "npm"), expected, f"{line!r}, npm there: {there}")
    for line in ("npm unless", "npm if npm", "npm nodejs"):
        try:
            check(not packages.wanted(line), f"{line!r} is taken")
        except ValueError as error:
            check(line in str(error), f"the error says which line: {error}")
    check("git" in packages.listed(TOP, ["test"]), "the lists of this checkout are read")

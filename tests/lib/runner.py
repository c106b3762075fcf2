"""Does the work of tests/run: installs, builds, runs the parts, and prints a line for every test and `N passed, N failed`.

A part runs programs of the build (unit, fuzz: fuzzing.py) or is a folder beside lib/ with files *_test.py, whose
functions marked @test are run some at a time (workers.py). A part that cannot run counts as one failed test.
Packages and builds come first, and only those that the chosen parts need.
"""
import argparse
import concurrent.futures
import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
import xml.etree.ElementTree

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))

import fuzzing  # noqa: E402  (after the path is set)
import packages  # noqa: E402
import workers  # noqa: E402
from harness import run_quietly  # noqa: E402

# Part: which builds it needs. The order is that of running: what fails soonest comes first.
PARTS = {
    "tidy": ["release"],
    "rfc": [],
    "unit": ["release", "asan"],
    "dialogues": ["release", "asan"],
    "clients": ["release"],
    "topologies": ["release"],
    "privileges": ["release"],
    "attacks": ["release"],
    "crash": ["release"],
    "package": ["release"],
    "fuzz": ["asan"],
}
AS_ROOT = {"topologies"}  # its hosts have networks of their own
# One test after another: they act on the real host's users and syslog, or install packages.
IN_TURN = {"privileges", "package"}
UNIT_SECONDS_MAX = 900
BUILD_SECONDS_MAX = 3000


class Tally:
    """Counts and prints; the only place that says `ok` and `FAILED`."""

    def __init__(self):
        self.passed = 0
        self.failures = []

    def ok(self, name):
        self.passed += 1
        print(f"ok {name}", flush=True)

    def failed(self, name, why):
        lines = [line for line in str(why).strip().splitlines() if line.strip()] or ["no reason given"]
        self.failures.append(name)
        print(f"FAILED {name}: {lines[0]}", flush=True)
        for line in lines[1:60]:
            print(f"    {line}", flush=True)


def say(text):
    print(f"== {text}", flush=True)


class Times:
    """How long each step took; printed when it ends, and all of them once more at the end of the run."""

    def __init__(self):
        self.began = time.monotonic()
        self.steps = []

    @contextlib.contextmanager
    def step(self, name):
        say(name)
        began = time.monotonic()
        try:
            yield
        finally:
            seconds = time.monotonic() - began
            self.steps.append(f"{name} {seconds:.0f} s")
            say(f"{name}: {seconds:.0f} s")

    def say_all(self):
        say(f"{', '.join(self.steps)}; {time.monotonic() - self.began:.0f} s in all")


def build(preset, tally):
    """Configures and builds one preset; a failure is one failed test. True when it stands."""
    environment = dict(os.environ, CCACHE_BASEDIR=TOP, CCACHE_NOHASHDIR="1")
    configure = ["cmake", "--preset", preset]
    if preset == "asan":
        configure += ["-DPENNYPOST_FUZZ=ON"]
    jobs = str(os.cpu_count() or 2)
    for command in (configure, ["ninja", "-C", os.path.join("build", preset), "-j", jobs]):
        try:
            status, output = run_quietly(command, BUILD_SECONDS_MAX, cwd=TOP, env=environment)
        except OSError as error:
            status, output = 1, str(error)
        if status != 0:
            errors = [line for line in output.splitlines() if "error:" in line or "FAILED:" in line]
            tally.failed(f"build {preset}", "\n".join(errors[:5] + output.splitlines()[-25:]))
            return False
    tally.ok(f"build {preset}")
    return True


def build_needed(parts, tally, times):
    """{preset: whether it stands}, of the builds that the parts need."""
    stands = {}
    for preset in ("release", "asan"):
        if any(preset in PARTS[part] for part in parts):
            with times.step(f"build {preset}"):
                stands[preset] = build(preset, tally)
    return stands


def unit(tally, options, words):
    """Every doctest case of every unit_* program of both builds, a program for each core at a time; words choose nothing here."""
    del options, words
    runs = []
    for preset in ("asan", "release"):  # the slow ones first, so that all cores are busy to the end
        folder = os.path.join(TOP, "build", preset, "bin")
        programs = [os.path.join(folder, name) for name in os.listdir(folder) if name.startswith("unit_")]
        if not programs:
            tally.failed(f"unit/{preset}", f"no unit_* program in {folder}")
        runs += [(preset, path) for path in sorted(programs, key=os.path.getsize, reverse=True)]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        for (preset, path), ended in [(run, pool.submit(unit_program, run[1])) for run in runs]:
            unit_cases(tally, preset, os.path.basename(path), *ended.result())


def unit_program(path):
    """(exit status, the end of its output, the cases of its report) of one program, in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="pennypost-unit-") as scratch:
        os.chmod(scratch, 0o755)  # some tests act as another user
        report = os.path.join(scratch, "report.xml")
        environment = dict(os.environ, TMPDIR=scratch, TEST_TMPDIR=scratch)
        status, output = run_quietly([path, "--reporters=junit", f"--out={report}"], UNIT_SECONDS_MAX,
                                     cwd=TOP, env=environment)
        try:
            return status, output, list(xml.etree.ElementTree.parse(report).iter("testcase"))
        except (OSError, xml.etree.ElementTree.ParseError):
            return status, output, []


def unit_cases(tally, preset, program, status, output, cases):
    failed = 0
    by_name = {}
    for case in cases:  # subcases come as rows of the same name with the path appended
        name = case.get("name", "")
        troubles = [item.get("message") or "" for item in case if item.tag in ("failure", "error")]
        by_name.setdefault(name, []).extend(troubles)
    for name, troubles in by_name.items():
        full = f"unit/{preset}/{program.removeprefix('unit_')}: {name}"
        if troubles:
            failed += 1
            tally.failed(full, "\n".join(troubles))
        else:
            tally.ok(full)
    if not cases or (status != 0 and failed == 0):
        tally.failed(f"unit/{preset}/{program}", f"exit status {status}\n{output[-3000:]}")


def part_as_root(part, tally, options, words):
    """A part in a process that may make network namespaces: by sudo, or else as who we are, root of a namespace alone."""
    sudo = subprocess.run(["sudo", "-n", "true"], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          check=False).returncode == 0 if shutil.which("sudo") else False
    before = ["sudo", "-n"] if sudo else ["unshare", "--user", "--map-current-user", "--keep-caps", "--net", "sh", "-c",
                                            'ip link set lo up && exec "$@"', "sh"]
    only = [word for name in [f"{part}/{word}" for word in words] or [part] for word in ("--only", name)]
    command = [*before, sys.executable, "-B", os.path.abspath(__file__), "--no-install", "--no-build", "--inside", *only,
               "--workers", str(options.workers), *(["--keep"] if options.keep else [])]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace") as process:
        for line in process.stdout:
            if line.startswith("ok "):
                tally.passed += 1
            elif line.startswith("failed: "):
                tally.failures.append(line.removeprefix("failed: ").rstrip("\n"))
            if line.startswith(("ok ", "FAILED ", "    ")):
                print(line, end="", flush=True)
    if process.returncode not in (0, 1):
        tally.failed(part, f"{' '.join(before)}: exit status {process.returncode}")


PROGRAM_PARTS = {"unit": unit, "fuzz": lambda tally, options, words: fuzzing.run(TOP, tally, options.fuzz_seconds, words)}


def run_part(part, tally, options, words):
    try:
        if part in PROGRAM_PARTS:
            PROGRAM_PARTS[part](tally, options, words)
        elif part in AS_ROOT and os.geteuid() != 0 and not options.inside:
            part_as_root(part, tally, options, words)
        else:
            workers.run_folder(TOP, part, words, tally, options.keep, 1 if part in IN_TURN else options.workers)
    except Exception as error:  # a part that cannot run is a failed test
        tally.failed(part, f"could not run: {type(error).__name__}: {error}\n{traceback.format_exc()}")


def chosen_parts(only):
    """{part: words}, in the order of PARTS."""
    chosen = {}
    for name in only or list(PARTS):
        part, _, word = name.partition("/")
        if part not in PARTS:
            sys.exit(f"tests/run: no part is called {part}; there are: {' '.join(PARTS)}")
        chosen.setdefault(part, [])
        if word:
            chosen[part].append(word)
    return {part: chosen[part] for part in PARTS if part in chosen}


def main():
    parser = argparse.ArgumentParser(prog="tests/run", description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", metavar="NAME", help="a part, or PART/WORDS; may be repeated")
    parser.add_argument("--list", action="store_true", help="print the names of the parts")
    parser.add_argument("--no-install", action="store_true", help="install no packages")
    parser.add_argument("--no-build", action="store_true", help="take the builds as they are")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)  # by part_as_root
    parser.add_argument("--workers", type=int, default=workers.WORKERS, metavar="N", help="tests that run at a time (%(default)s)")
    parser.add_argument("--fuzz-seconds", type=int, default=0, metavar="N",
                        help="beside the inputs of every run, so many seconds of new ones per fuzz target, by chance")
    parser.add_argument("--keep", action="store_true", help="keep the folders of all tests")
    options = parser.parse_args()
    sys.stdout.reconfigure(errors="backslashreplace")
    if options.workers < 1:
        parser.error("--workers is a number from 1")
    if options.list:
        print("\n".join(PARTS))
        return 0
    parts = chosen_parts(options.only)
    tally = Tally()
    times = Times()
    if not options.no_install:
        with times.step("install"):
            trouble = packages.install(TOP, ["build", "test", "lab"])
        if trouble:
            tally.failed("install", trouble)
    stands = {} if options.no_build else build_needed(parts, tally, times)
    for part, words in parts.items():
        broken = [preset for preset in PARTS[part] if not stands.get(preset, options.no_build)]
        if broken:
            tally.failed(part, f"could not run: build {broken[0]} failed")
        else:
            with times.step(part):
                run_part(part, tally, options, words)
    times.say_all()
    for name in tally.failures:
        print(f"failed: {name}")
    print(f"{tally.passed} passed, {len(tally.failures)} failed", flush=True)
    return 1 if tally.failures or not tally.passed else 0


if __name__ == "__main__":
    sys.exit(main())

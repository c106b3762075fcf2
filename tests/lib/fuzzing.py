"""Runs the fuzz targets: each over its corpus and over inputs made from it, or in search of new ones.

The inputs are the same in every run (mutations.py), so that a run fails by what was changed and not by chance. With
seconds given, libFuzzer searches for new inputs with a new seed: that is for exploring. An input that makes a target
fail is kept in the directory for temporary files, and goes into tests/fuzz/corpus/NAME together with the cure.
"""
import concurrent.futures
import os
import random
import shutil
import tempfile

import mutations
from harness import run_quietly

INPUTS = 1000  # made for each target
SEED = 1  # of the order in which libFuzzer takes them
LIMITS = ["-timeout=20", "-rss_limit_mb=2048"]
REPLAY_SECONDS_MAX = 600
KEPT = ("crash", "timeout", "oom", "leak")


def commands(program, corpus, scratch, seconds):
    """[(command, how many seconds it may take)]"""
    made, found = os.path.join(scratch, "made"), os.path.join(scratch, "found")
    for folder in (made, found):
        os.mkdir(folder)
    seeds = []
    for name in os.listdir(corpus):
        with open(os.path.join(corpus, name), "rb") as file:
            seeds.append(file.read())
    for number, octets in enumerate(mutations.inputs(seeds, INPUTS)):
        with open(os.path.join(made, f"{number:04}"), "wb") as file:
            file.write(octets)
    # -runs=0: each file once, and no new input.
    chosen = [([program, "-runs=0", f"-seed={SEED}", corpus, made], REPLAY_SECONDS_MAX)]
    if seconds:
        chosen.append(([program, f"-max_total_time={seconds}", f"-seed={random.randrange(1, 1 << 32)}", found, corpus], seconds + 120))
    return chosen


def run_target(program, name, corpus, seconds):
    """(exit status, the end of what it said)"""
    if not os.path.isdir(corpus) or not os.listdir(corpus):
        return 1, "has no corpus in tests/fuzz/corpus"
    with tempfile.TemporaryDirectory(prefix="pennypost-fuzz-") as scratch:
        for command, seconds_max in commands(program, corpus, scratch, seconds):
            status, output = run_quietly([*command, *LIMITS, f"-artifact_prefix={scratch}/"], seconds_max, cwd=scratch)
            if status != 0:
                break
        for entry in os.listdir(scratch) if status != 0 else []:
            if entry.split("-")[0] in KEPT:
                kept = os.path.join(tempfile.gettempdir(), f"pennypost-{name}-{entry}")
                shutil.copy(os.path.join(scratch, entry), kept)
                output += f"\ninput kept: {kept}"
        return status, output


def run(top, tally, seconds, words):
    """Every fuzz target of the build, or those whose names have one of the words; seconds: 0, or how long each explores."""
    folder = os.path.join(top, "build", "asan", "bin")
    built = {name.removeprefix("fuzz_") for name in os.listdir(folder) if name.startswith("fuzz_")}
    sources = sorted(name.removesuffix(".cpp") for name in os.listdir(os.path.join(top, "tests", "fuzz"))
                     if name.endswith(".cpp"))
    targets = [name for name in sources if not words or any(word in name for word in words)]

    def one(name):
        if name not in built:
            return 1, "was not built"
        return run_target(os.path.join(folder, "fuzz_" + name), name, os.path.join(top, "tests", "fuzz", "corpus", name), seconds)

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        for name, (status, output) in zip(targets, pool.map(one, targets)):
            if status == 0:
                tally.ok(f"fuzz/{name}")
            else:
                tail = [line for line in output.splitlines() if "ERROR" in line or "kept:" in line]
                tally.failed(f"fuzz/{name}", "\n".join(tail[:3] + output.splitlines()[-15:]))

"""Makes new inputs for a fuzz target out of its corpus: the same ones in every run, as long as the corpus is the same.

libFuzzer's own search depends on time and addresses even with a fixed seed; what these inputs find, they find again.
"""
import random
import re

INPUT_BYTES_MAX = 4096
CHANGES = (1, 1, 2, 3, 5, 8)  # how many to one input; of these one by chance
PIECE_BYTES = (1, 2, 4, 16, 64, INPUT_BYTES_MAX)
REPEATS = (1, 1, 1, 9, 300)
# What parsers look for, and what breaks those that count with it.
MARKS = [b"\0", b"\xff", b"\r\n", b"\n", b"\r", b"0", b"-1", b"4294967296", b"99999999999999999999", b"=?", b"..", *(
    bytes([octet]) for octet in b" \t\"'\\()<>[]{}@:;,.%$=+-*/|&#")]


def piece(chance, octets):
    at = chance.randint(0, len(octets))
    return octets[at:at + chance.choice(PIECE_BYTES)]


def changed(chance, octets, corpus, words):
    """One change at a place by chance."""
    at = chance.randint(0, len(octets))
    before, after = octets[:at], octets[at:]
    what = chance.randrange(7)
    if what == 0:
        return before + after[chance.choice(PIECE_BYTES):]
    if what == 1:
        return before + bytes([chance.randrange(256)]) + after[1:]
    if what == 2:
        return before + chance.choice(words) + after
    if what == 3:
        return before + chance.choice(words) + after[chance.choice(PIECE_BYTES):]
    if what == 4:
        return before + piece(chance, chance.choice(corpus)) + after
    if what == 5:
        other = chance.choice(corpus)
        return before + other[chance.randint(0, len(other)):]
    return before + chance.choice([piece(chance, octets), chance.choice(MARKS)]) * chance.choice(REPEATS) + after


def inputs(corpus, count):
    """So many inputs made from a corpus (octets each)."""
    chance = random.Random(1)
    corpus = sorted(corpus)
    words = sorted({word for octets in corpus for word in re.findall(rb"\w+|\W", octets)}) or MARKS
    for _ in range(count):
        octets = chance.choice(corpus)
        for _ in range(chance.choice(CHANGES)):
            octets = changed(chance, octets, corpus, words)
        yield octets[:INPUT_BYTES_MAX]

#!/usr/bin/env python3
"""Compares the RFC sections that the code cites with index.tsv, and tells where the two disagree.

Run by hand it prints the reverse index: each section of each RFC with the places that cite it.
A citation is `RFC 9051 section 6.4.8`, or in a command table `"9051 6.4.8"`. index.tsv has, parted by
tabs: number, title, status (yes, partial, no), files (where to look first, parted by blanks), remark.
"""
import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
INDEX = os.path.join(TOP, "tests", "rfc", "index.tsv")
STATUSES = ("yes", "partial", "no")
CITATION = re.compile(r"\bRFCs? (\d{3,5})(?:,? (?:sections?|appendix) (\w[\w.]*\w|\w))?|\"(\d{4}) (\d+[\d.]*)\"")


def index():
    """{number: (title, status, [files], remark)}; raises ValueError naming the line."""
    rows = {}
    with open(INDEX, encoding="utf-8") as file:
        for line_number, line in enumerate(file, 1):
            if not line.strip() or line.startswith("#"):
                continue
            fields = line.rstrip("\n").split("\t")
            if len(fields) not in (4, 5) or not fields[0].isdigit() or fields[2] not in STATUSES:
                raise ValueError(f"tests/rfc/index.tsv:{line_number}: not number, title, status, files, remark")
            if fields[0] in rows:
                raise ValueError(f"tests/rfc/index.tsv:{line_number}: RFC {fields[0]} twice")
            rows[fields[0]] = (fields[1], fields[2], fields[3].split(), fields[4] if len(fields) > 4 else "")
    return rows


def citations():
    """{number: {section: [file:line]}} over the code; unit tests count as little as prose."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=TOP,
                            capture_output=True, text=True, check=True).stdout.split("\0")
    found = {}
    for path in sorted(set(listed)):
        if not path.endswith((".h", ".cpp", ".def")) or path.endswith("_test.cpp") or path.startswith("tests/"):
            continue
        if not os.path.exists(os.path.join(TOP, path)):
            continue
        with open(os.path.join(TOP, path), encoding="utf-8") as file:
            for line_number, line in enumerate(file, 1):
                for match in CITATION.finditer(line):
                    number, section = (match[1], match[2]) if match[1] else (match[3], match[4])
                    place = f"{path}:{line_number}"
                    found.setdefault(number, {}).setdefault(section or "", []).append(place)
    return found


def disagreements():
    rows, cited = index(), citations()
    troubles = [f"{next(iter(sections.values()))[0]}: RFC {number} is not in tests/rfc/index.tsv"
                for number, sections in cited.items() if number not in rows]
    for number, (title, status, files, _) in rows.items():
        if status == "yes" and number not in cited:
            troubles.append(f"RFC {number} ({title}): said to be done, but no code cites it")
        places = [place for section in cited.get(number, {}).values() for place in section]
        for file in files:
            if not os.path.exists(os.path.join(TOP, file)):
                troubles.append(f"RFC {number}: {file} does not exist")
            elif status == "yes" and not any(place.startswith(file) for place in places):
                troubles.append(f"RFC {number}: nothing in {file} cites it")
    return troubles


def section_key(section):
    return [(0, int(part)) if part.isdigit() else (1, part) for part in section.split(".")]


def print_reverse_index():
    rows, cited = index(), citations()
    for number in sorted(set(rows) | set(cited), key=int):
        title, status, _, remark = rows.get(number, ("?", "?", [], ""))
        print(f"RFC {number}  {title}  [{status}]{'  ' + remark if remark else ''}")
        for section in sorted(cited.get(number, {}), key=section_key):
            print(f"  {section or '-':<12} {' '.join(cited[number][section])}")


if __name__ == "__main__":
    print_reverse_index()
    found = disagreements()
    print("\n".join(found), file=sys.stderr)
    sys.exit(1 if found else 0)

"""Looks for manual pages that are missing, and that man -k would not find."""
import re
import subprocess

from harness import check, contains, test
from source import TOP, read


def pages():
    """(name, section, source, other names)"""
    return [(name, section, source, others.split()) for name, section, source, others in
            re.findall(r"^pennypost_page\((\S+) (\d) (\S+)((?: \S+)*)\)", read("contrib/man/pages.cmake"), re.MULTILINE)]


@test("each manual page says in its first line what it is for, and that it is Pennypost's, so that man -k finds it")
def found_by_name(t):
    del t
    check(len(pages()) > 30, f"only {len(pages())} pages")
    for name, section, source, _ in pages():
        done = subprocess.run(["awk", "-f", "contrib/man/page.awk", "-v", f"page={name}", "-v", f"section={section}",
                               "-v", "version=1", source], cwd=TOP, capture_output=True, text=True, check=True)
        head = re.search(r"^\.SH NAME\n(.*)$", done.stdout, re.MULTILINE)
        check(head, f"{name}({section}) has no NAME")
        contains(head[1], name + " \\- ", f"{name}({section})")
        check("ennypost" in head[1], f"{name}({section}): {head[1]}")
        for part in ("SYNOPSIS", "DESCRIPTION"):
            check(f".SH {part}" in done.stdout or (section == "7" and part == "SYNOPSIS"), f"{name}({section}) has no {part}")


@test("each type of table that has rules or settings of its own has a manual page")
def tables(t):
    del t
    named = {each for name, section, _, others in pages() if section == "5" for each in (name, *others)}
    types = re.findall(r"^TABLE_TYPE\((\w+), Path", read("common/config/table_types.def"), re.MULTILINE)
    check(len(types) > 5, f"types of tables: {types}")
    for each in types:
        check(each in ("hash", "texthash") or each + "_table" in named, f"{each}_table(5) is missing")  # those two: postmap(1)
    for each in ("access", "aliases", "canonical", "generic", "header_checks", "body_checks", "relocated", "transport", "virtual"):
        check(each in named, f"{each}(5) is missing")


@test("a manual page names no other page that is not there")
def references(t):
    del t
    own = {f"{each}({section})" for name, section, _, others in pages() for each in (name, *others)} | {"parameters(5)"}
    for name, section, source, _ in pages():
        if not source.startswith("contrib/"):
            continue
        for other in re.findall(r"[a-z][a-z_.-]*\([1-8]\)", read(source)):
            check(other in own, f"{name}({section}) names {other}")

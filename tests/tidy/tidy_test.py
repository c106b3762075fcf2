"""Checks the rules of the house that a script can check: who includes whom, heads, traps, form, settings, words."""
import os
import re
import shutil
import subprocess

from harness import check, test
from source import TOP, Source, read, tracked_files
from traps import traps

CODE = (".h", ".cpp")

# Which foreign headers only some folders may see; a folder's unit tests may see more (second list).
FOREIGN = {
    r"uv\.h": (["common/async/", "common/net/"], []),
    r"openssl/": (["common/tls/", "common/crypto/"], ["common/sasl/", "smtpd/delivery/"]),
    r"ares(_\w+)?\.h": (["common/dns/"], []),
    r"sodium(/.*)?\.?h?": (["common/crypto/"], []),
    r"toml\+\+/": (["common/config/load.cpp"], []),
    r"rocksdb/": (["store/kv/"], []),
    r"xapian\.h": (["store/search/"], []),
    r"seccomp\.h": (["common/process/"], []),
    r"security/": (["store/accounts/"], []),
    r"crypt\.h": (["common/crypto/"], []),
    r"pcre2\.h": (["store/maps/", "store/sieve/"], []),
    r"archive(_entry)?\.h": (["smtpd/backup/"], []),
    r"(idn2|uni(case|conv|ctype|name|norm|stdio|str|types|wbrk|width))\.h": (["common/mail/"], []),
    r"microhttpd\.h": (["smtpd/http/"], []),
    r"libpsl\.h": (["common/mail/"], []),
    r"curl/": (["common/https/"], []),
    r"zlib\.h": (["common/mail/", "imapd/session/", "smtpd/commands/"], []),
    r"zip\.h": (["common/mail/"], []),
    r"(expat\.h|nlohmann/)": (["common/mailauth/"], []),
    r"(ldap|sqlite3|libpq-fe|mysql)\.h": (["store/maps/"], []),
}
FLOORS = {"common": ["common"], "store": ["common", "store"], "smtpd": ["common", "store", "smtpd"],
          "popd": ["common", "store", "popd"], "imapd": ["common", "store", "imapd"]}
FLOORS["tests"] = list(FLOORS)
# sendmail and postdrop start without RocksDB: what they include, directly or not, is common/ or their own.
LIGHT_PROGRAMS = ["smtpd/commands/sendmail_main.cpp", "smtpd/commands/postdrop_main.cpp"]


def code_files():
    return tracked_files(*CODE)


def report(troubles):
    check(not troubles, f"{len(troubles)} found\n" + "\n".join(troubles))


def includes(path):
    for number, line in enumerate(read(path).splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if match:
            yield number, match.group(1) == '"', match.group(2)


@test("arrows point down: common <- store <- daemons, and the daemons never include each other")
def arrows(t):
    del t
    troubles = []
    for path in code_files():
        floor = path.split("/")[0]
        for line, own, name in includes(path):
            if not own:
                continue
            target = name.split("/")[0]
            if not os.path.exists(os.path.join(TOP, name)):
                troubles.append(f"{path}:{line}: {name} is not in the checkout; write it from the root")
            elif target not in FLOORS.get(floor, []):
                troubles.append(f"{path}:{line}: {floor} must not include {name}")
    report(troubles)


def order_of(readme):
    """The groups of rooms in a README's line `Order: top > middle, middle > bottom`; None where it has no such line."""
    match = re.search(r"^`?Order: ([^`\n]+)`?$", readme, re.MULTILINE)
    return [[name.strip() for name in group.split(",")] for group in match.group(1).split(">")] if match else None


def room_of(path, folder):
    """What stands for a file in its folder's Order: the room (a folder), or a name for files of the folder itself."""
    parts = path.removeprefix(folder + "/").split("/")
    return parts[0] if len(parts) > 1 else re.sub(r"(_test)?\.\w+$", "", parts[0])


def against_order(folder, groups, files):
    """What is wrong, given [(path, [(line, included path)])]. A room may include those of later groups and no others;
    files of the folder itself that the Order does not name (main.cpp) may include all, and nothing includes them."""
    level = {name: at for at, group in enumerate(groups) for name in group}
    troubles, seen = [], set()
    for path, included in files:
        here = room_of(path, folder)
        seen.add(here)
        is_room = path.count("/") > folder.count("/") + 1
        if here not in level and is_room:
            troubles.append(f"{folder}/README.md: Order leaves out {here}")
            level[here] = -1
        for line, target in included:
            if not target.startswith(folder + "/"):
                continue
            there = room_of(target, folder)
            if here == there or (here not in level and not is_room):
                continue
            if level.get(there, -1) <= level[here]:
                troubles.append(f"{path}:{line}: {here} must not include {target}; see Order in {folder}/README.md")
    troubles += [f"{folder}/README.md: Order names {name}, which is not there" for name in level if name not in seen]
    return troubles


@test("rooms include each other only in the order that their folder's README gives")
def order(t):
    del t
    files = [(path, [(line, name) for line, own, name in includes(path) if own]) for path in code_files()]
    troubles = []
    for readme in tracked_files("README.md"):
        folder, groups = os.path.dirname(readme), order_of(read(readme))
        if folder and groups:
            troubles += against_order(folder, groups, [file for file in files if file[0].startswith(folder + "/")])
    report(troubles)


@test("the check of the order finds each include that goes up or aside, and nothing else")
def order_found(t):
    del t
    groups = order_of("# A folder\n\n`Order: top > left, right > bottom > base`\n")
    check(groups == [["top"], ["left", "right"], ["bottom"], ["base"]], str(groups))
    check(order_of("In order: a > b\n") is None, "an Order was read where there is none")
    whole = ["top/a.h", "left/a.h", "right/a.h", "bottom/a.h", "base.h"]

    def found(path, target):
        files = [("x/" + name, [(1, target)] if name == path else []) for name in whole]
        if path not in whole:
            files.append(("x/" + path, [(1, target)]))
        return against_order("x", groups, files)
    for path, target in [("bottom/a.h", "x/top/a.h"), ("left/a.h", "x/right/a.h"), ("base.h", "x/bottom/a.h"),
                         ("bottom/a_test.cpp", "x/left/a.h"), ("left/a.h", "x/main.h"), ("new/a.h", "x/base.h")]:
        check(len(found(path, target)) == 1, f"not found: {path} includes {target}")
    for path, target in [("top/a.h", "x/right/a.h"), ("left/a.h", "x/base.h"), ("left/a_test.cpp", "x/left/a.h"),
                         ("main.cpp", "x/top/a.h"), ("base_test.cpp", "x/base.h"), ("bottom/a.h", "y/top/a.h")]:
        check(not found(path, target), f"found without cause: {path} includes {target}")
    check(len(against_order("x", groups, [])) == 5, "an Order may name rooms that are not there")


@test("every request between processes is in the list whose numbers the compiler holds to be distinct")
def requests_listed(t):
    del t
    listed = set(re.findall(r"\w+", read("smtpd/process/message_types.h").split("using AllMessages", 1)[1]))
    number = re.compile(r"^struct (\w+) \{\s+static constexpr std::uint16_t type = \d+;", re.MULTILINE)
    found = [(path, name) for path in code_files() if path.endswith(".h") for name in number.findall(read(path))]
    check(len(found) > 30, f"only {len(found)} requests found")
    report([f"{path}: {name} is not in smtpd/process/message_types.h" for path, name in found if name not in listed])


@test("each foreign library is seen by one folder")
def foreign(t):
    del t
    troubles = []
    for path in code_files():
        for line, own, name in includes(path):
            for pattern, (places, test_places) in FOREIGN.items():
                if own or not re.match(pattern, name):
                    continue
                allowed = places + (test_places if path.endswith(("_test.cpp", "testing.h")) else [])
                if not any(path.startswith(place) for place in allowed):
                    troubles.append(f"{path}:{line}: <{name}> belongs to {', '.join(places)}")
    report(troubles)


def first_paragraph(text):
    """What the comment at the beginning of a file says before its first empty line."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("//") or line.strip() == "//":
            break
        lines.append(line[2:].strip())
    return " ".join(lines)


@test("every file begins with a sentence that states its purpose")
def heads(t):
    del t
    troubles = []
    for path in code_files():
        if path.endswith("_test.cpp"):
            continue
        text = read(path)
        # NAME.cpp whose NAME.h has the head need not repeat it.
        twin = path.removesuffix(".cpp") + ".h"
        if path.endswith(".cpp") and os.path.exists(os.path.join(TOP, twin)) and text.startswith("#include"):
            continue
        head = first_paragraph(text)
        if head.startswith("NAME ") and path.endswith("main.cpp"):  # a daemon's man page
            continue
        if not head:
            troubles.append(f"{path}:1: no head")
        elif not re.match(r"[A-Z0-9`]|\w+\(\d\)", head) or not re.search(r"[.:]\)?$", head):
            troubles.append(f"{path}:1: not a sentence: {head[:80]}")
    report(troubles)


def stale_references(path, text, files):
    """[(line, name)] of the files that comments name and that `files` does not hold: they are written from the file's
    own folder or from the root; a bare name may be that of any file."""
    bare, found = {os.path.basename(file) for file in files}, []
    name = re.compile(r"(?<![\w/.<\"])((?:\.\./)*[\w./-]*\w\.(?:h|cpp|def|py|md))\b(?![\w/]|\.\w)")
    for number, line in enumerate(text.splitlines(), 1):
        comment = re.match(r"\s*//+(.*)", line)
        for named in name.findall(comment.group(1)) if comment else []:
            beside = os.path.normpath(os.path.join(os.path.dirname(path), named))
            if beside not in files and named not in files and named not in bare and not named.startswith("/"):
                found.append((number, named))
    return found


@test("a file that a comment names is there")
def references(t):
    del t
    files = set(tracked_files(*CODE, ".def", ".py", ".md"))
    report([f"{path}:{line}: there is no {name}" for path in code_files()
            for line, name in stale_references(path, read(path), files)])


@test("the check of references finds each file that is gone, and nothing else")
def references_found(t):
    del t
    files = {"a/b.h", "a/c.cpp", "d/e.h"}
    for text in ("// SEE ALSO   f.h", "  /// as ../d/f.h says", "// b/e.h", "// a/e.h", "// (../e.h)"):
        check(len(stale_references("a/b.h", text, files)) == 1, f"not found: {text}")
    for text in ("// SEE ALSO   c.cpp, ../d/e.h", "// a/b.h", "// e.h's form", '#include "f.h"', "int f.h;",
                 "// /etc/f.h", "// mail.example.py.org"):
        check(not stale_references("a/b.h", text, files), f"found without cause: {text}")


@test("no co_await stands where g++ 12 miscompiles it")
def compiler_traps(t):
    del t
    troubles = []
    for path in code_files():
        if "co_await" in read(path):
            troubles += [f"{path}:{line}: {what}" for line, what in traps(Source(path))]
    report(troubles)


@test("the check for compiler traps finds each trap and nothing else")
def traps_found(t):
    del t
    bad = ["co_await f({a, b});", "co_await f(Opt{1});", "auto x = co_await f([y] { g(y); });",
           "auto x = co_await f([y = z] {});", "auto x = c ? co_await f() : 1;", "co_await f(a ? b : c);",
           "if (co_await f()) g();", "while (co_await f()) {}", "co_return Agg{co_await f()};",
           "Agg g{co_await a(), 1};", "if (a && co_await b()) { c(); }", "auto t = [&]() -> Task<> { co_await f(); };",
           "switch (co_await f()) { default: break; }", "if (x) co_await f({1});", "co_await f([=] {});"]
    good = ["co_await f(a, b);", "auto x = co_await loop.offload([&] { return a ? b : c; });",
            "CO_TRY(auto x, co_await f());", "if (x) co_await f();", "for (auto y : list) { co_await g(y); }",
            "Foo x{1, 2}; co_await f(std::move(x));", "co_return co_await f();", "auto a = b ? c : d; co_await f(a);",
            "auto run = []() -> Task<> { co_await f(); };", "if (x) { y({1}); } else co_await f();",
            "auto list = std::vector<int>{1}; co_await f(list[0]);", "co_await f([this] { g(); });",
            "switch (x) { case 1: co_await f(); break; }", "auto x = co_await f([&] { Foo y{1}; return y; });"]
    for text in bad:
        check(traps(Source("bad.cpp", f"Task<> run() {{ {text} }}")), f"not found: {text}")
    for text in good:
        check(not traps(Source("good.cpp", f"Task<> run() {{ {text} }}")), f"found without cause: {text}")


@test("an Error's status code is its own argument, not the beginning of its text")
def statuses_apart(t):
    del t
    made = re.compile(r"\bError(::\w+)?( \w+)?\(\s*(\w+,\s*)*(std::string\()?\"[245]\.\d+\.\d+ ")
    check(made.search('Error(501, "5.5.4 Bad")') and made.search('Error::temporary("4.3.0 busy")'), "the check finds nothing")
    report([f"{path}:{text.count(chr(10), 0, match.start()) + 1}: {match.group()}" for path in code_files()
            for text in [read(path)] for match in made.finditer(text)])


def types_of(source):
    """(qualified name, line) of the classes defined in named namespaces; those within others are left out."""
    tokens, index, names = source.tokens, 0, []  # names: (name or "" when anonymous, where it ends)
    while index < len(tokens):
        while names and index >= names[-1][1]:
            names.pop()
        token = tokens[index]
        if token == "namespace":
            at, name = index + 1, ""
            while tokens[at] not in ("{", ";", "="):
                name += tokens[at]
                at += 1
            if tokens[at] == "{":
                names.append((name, source.partner[at]))
            index = at + 1
            continue
        if token in ("class", "struct", "union") and tokens[index - 1] not in ("enum", "<", ",", "friend"):
            at = index + 2
            if at < len(tokens) and tokens[at] == "final":
                at += 1
            if at < len(tokens) and tokens[at] in ("{", ":") and re.fullmatch(r"\w+", tokens[index + 1]):
                if all(name for name, _ in names):
                    yield "::".join([name for name, _ in names] + [tokens[index + 1]]), source.lines[index]
        if token == "{":
            index = source.partner.get(index, index)
        index += 1


@test("no two files define classes of one name, which the linker would take for one")
def one_definition(t):
    del t
    places = {}
    for path in code_files():
        program = path if path.startswith("tests/") or path.endswith("main.cpp") else ""
        for name, line in types_of(Source(path)):
            places.setdefault((program, name), []).append(f"{path}:{line}")
    report([f"{name}: {', '.join(where)}" for (_, name), where in places.items() if len(where) > 1])


@test("clang-format agrees")
def form(t):
    del t
    program = shutil.which("clang-format-14")
    check(program, "clang-format-14 is missing")
    files = code_files()
    done = subprocess.run([program, "--dry-run", "-Werror", *files], cwd=TOP, capture_output=True, text=True, check=False)
    troubles = [line for line in done.stderr.splitlines() if "error:" in line]
    check(done.returncode == 0, f"{len(troubles)} places; run: clang-format-14 -i\n" + "\n".join(troubles[:40]))


@test("no line is longer than 100 columns in C++")
def width(t):
    del t
    report([f"{path}:{number}: {len(line)} columns" for path in code_files()
            for number, line in enumerate(read(path).splitlines(), 1)
            if len(line) > 100 and "http" not in line and 'R"' not in line])


@test("every setting of parameters.def is used by code")
def settings_used(t):
    del t
    names = re.findall(r"^PARAMETER\(\w+,\s*(\w+)", read("common/config/parameters.def"), re.MULTILINE)
    check(len(names) > 100, f"only {len(names)} rows found")
    # A setting that others are made of does something through them.
    texts = read("common/config/parameters.def") + read("common/config/derive.cpp")
    # The tables, defaults and checks of settings are no use; Config's own answers (config.port(service)) are.
    not_uses = re.compile(r"common/config/(check|kinds|layers|load|manual|nearest|parameter|edit)\.(cpp|h)$")
    # Config::port() makes these names of the services'.
    used = {f"{service}_port" for service in ("smtp", "submission", "submissions", "pop3", "pop3s", "imap", "imaps", "sieve")}
    for path in code_files():
        if path.startswith("tests/") or path.endswith(("_test.cpp", "testing.h")) or not_uses.match(path):
            continue
        source = Source(path)
        for index, token in enumerate(source.tokens):
            literal = source.literals[index]
            if literal:
                used.add(literal.strip('"'))
            elif index and source.tokens[index - 1] in (".", "->", "::"):
                used.add(token)
    used.update(re.findall(r"\$\{?(\w+)", texts))
    unused = [name for name in names if name not in used]
    check(not unused, f"{len(unused)} rows of common/config/parameters.def do nothing\n" + ", ".join(unused))


@test("nothing is announced as unfinished")
def unfinished(t):
    del t
    words = re.compile(r"\b(TODO|FIXME|XXX|HACK|for now|not implemented yet|unimplemented)\b|\bstub\b", re.IGNORECASE)
    troubles = []
    for path in tracked_files(*CODE, ".py", ".def", ".md", ".toml", ".txt", ".sh") + ["contrib/quickstart", "tests/run"]:
        if path == "tests/tidy/tidy_test.py":
            continue
        for number, line in enumerate(read(path).splitlines(), 1):
            match = words.search(line)
            if match and not (match.group() == "XXX" and "XXXXXX" in line):
                troubles.append(f"{path}:{number}: {line.strip()[:100]}")
    report(troubles)


@test("sendmail and postdrop start without RocksDB and include nothing of the store")
def light(t):
    del t
    troubles = []
    for program in LIGHT_PROGRAMS:
        binary = os.path.join(TOP, "build", "release", "bin", os.path.basename(program).removesuffix("_main.cpp"))
        if not os.path.exists(binary):
            troubles.append(f"{binary} was not built")
            continue
        loaded = subprocess.run(["ldd", binary], capture_output=True, text=True, check=True).stdout
        if "librocksdb" in loaded:
            troubles.append(f"{binary} loads librocksdb")
        seen, waiting = set(), [program]
        while waiting:
            path = waiting.pop()
            for _, own, name in includes(path):
                if own and name not in seen:
                    seen.add(name)
                    waiting.append(name)
        troubles += [f"{program} includes {name}" for name in sorted(seen) if name.startswith("store/")]
    report(troubles)


@test("postdrop, which is setgid, has under 200 lines")
def small_postdrop(t):
    del t
    lines = len(read("smtpd/commands/postdrop_main.cpp").splitlines())
    check(lines < 200, f"{lines} lines")


@test("sizes are told, not judged")
def sizes(t):
    del t
    files, functions = [], []
    for path in code_files():
        source = Source(path)
        files.append((source.text.count("\n"), path))
        index = 0
        while index < len(source.tokens):  # a function's body is a block after `)`, in a namespace or a class
            if source.tokens[index] == "{" and index in source.partner and is_function(source, index):
                end = source.partner[index]
                functions.append((source.lines[end] - source.lines[index] + 1, f"{path}:{source.lines[index]}"))
                index = end
            index += 1
    for title, rows in (("files", files), ("functions", functions)):
        rows.sort(reverse=True)
        median = rows[len(rows) // 2][0] if rows else 0
        print(f"   {title}: {len(rows)}, median {median} lines; largest: " +
              ", ".join(f"{name} {lines}" for lines, name in rows[:8]))


def is_function(source, brace):
    index = brace - 1
    while index >= 0 and source.tokens[index] in ("const", "noexcept", "override", "&"):
        index -= 1
    if index >= 0 and source.tokens[index] == ")":
        return True
    for back in range(index, max(0, index - 40), -1):  # a trailing return type or constructor initialisers
        if source.tokens[back] in (";", "}", "{"):
            return False
        if source.tokens[back] == ")" and source.tokens[back + 1] in ("->", ":"):
            return True
    return False

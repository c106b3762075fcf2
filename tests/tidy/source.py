"""Splits a C++ file into tokens and statements: as much of the language as the checks of this folder need."""
import bisect
import os
import re
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

TOKEN = re.compile(r"""
    (?P<comment>//[^\n]*|/\*.*?\*/)
  | (?P<raw>R"(?P<mark>[^()\s\\]{0,16})\(.*?\)(?P=mark)")
  | (?P<string>"(?:\\.|[^"\\\n])*")
  | (?P<char>'(?:\\.|[^'\\\n])+')
  | (?P<directive>^[ \t]*\#(?:[^\n\\]|\\\n|\\.)*)
  | (?P<word>[A-Za-z_]\w*)
  | (?P<number>\.?\d(?:'?[\w.])*)
  | (?P<sign>::|->|\[\[|\]\]|&&|\|\||<<|<=|>=|==|!=|[^\s\w])
""", re.VERBOSE | re.DOTALL | re.MULTILINE)
OPENING = {"(": ")", "{": "}", "[": "]", "[[": "]]"}
CLOSING = {close: open_ for open_, close in OPENING.items()}


def tracked_files(*endings):
    """The checkout's files with these endings, relative to it; new files count before they are committed."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=TOP,
                            capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        names = [name for name in listed.stdout.split("\0") if name]
    else:  # not a git checkout: a released archive
        names = [os.path.relpath(os.path.join(folder, name), TOP) for folder, _, files in os.walk(TOP) for name in files]
        names = [name for name in names if not name.startswith((".git/", "build/", "demo/"))]
    return sorted(name for name in names if name.endswith(endings) and os.path.isfile(os.path.join(TOP, name)))


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as file:
        return file.read()


class Source:
    """Tokens without comments and directives, each with its line; brackets are paired."""

    def __init__(self, path, text=None):
        self.path = path
        self.text = read(path) if text is None else text
        self._starts = [0] + [match.end() for match in re.finditer("\n", self.text)]
        self.tokens, self.lines, self.literals = [], [], []
        for match in TOKEN.finditer(self.text):
            kind = match.lastgroup if match.lastgroup != "mark" else "raw"
            if kind in ("comment", "directive"):
                continue
            literal = kind in ("string", "char", "raw")
            token = '""' if literal else match.group()
            # Templates' `>>` stays two signs, `[[` of an attribute one; a[b[0]] closes twice.
            self.tokens.append(token)
            self.lines.append(bisect.bisect_right(self._starts, match.start()))
            self.literals.append(match.group() if literal else None)
        self._split_brackets()
        self._pair()

    def _split_brackets(self):
        tokens, lines, literals, open_attributes = [], [], [], 0
        for token, line, literal in zip(self.tokens, self.lines, self.literals):
            if token == "[[":
                open_attributes += 1
            elif token == "]]":
                if open_attributes == 0:
                    tokens += ["]", "]"]
                    lines += [line, line]
                    literals += [None, None]
                    continue
                open_attributes -= 1
            tokens.append(token)
            lines.append(line)
            literals.append(literal)
        self.tokens, self.lines, self.literals = tokens, lines, literals

    def _pair(self):
        self.partner, stack = {}, []
        for index, token in enumerate(self.tokens):
            if token in OPENING:
                stack.append(index)
            elif token in CLOSING and stack and self.tokens[stack[-1]] == CLOSING[token]:
                begin = stack.pop()
                self.partner[begin], self.partner[index] = index, begin

    def lambda_introducer(self, index):
        """True where the `[` at `index` begins a lambda and not a subscript."""
        if self.tokens[index] != "[" or index not in self.partner:
            return False
        before = self.tokens[index - 1] if index else ";"
        if re.fullmatch(r"\w+", before):
            return before in ("return", "co_return", "co_await", "co_yield", "else", "throw")
        return before not in (")", "]", '""', ">")

    def lambda_body(self, introducer):
        """The index of the `{` of the lambda whose `[` is given, or None."""
        index = self.partner[introducer] + 1
        while index < len(self.tokens):
            token = self.tokens[index]
            if token == "{":
                return index
            if token in ("(", "[["):
                index = self.partner.get(index, index) + 1
                continue
            if token in (";", ")", ",", "}"):
                return None
            index += 1
        return None

    def lambda_bodies(self):
        """{index of `{`: index of the lambda's `[`}."""
        found = {}
        for index in range(len(self.tokens)):
            if self.lambda_introducer(index):
                body = self.lambda_body(index)
                if body is not None:
                    found[body] = index
        return found

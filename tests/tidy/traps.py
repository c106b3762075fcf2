"""Finds the statements of a Source that g++ 12 miscompiles; common/README.md has the rules."""
import re

CONDITIONS = ("if", "while", "switch", "for")
BLOCK_BEFORE = (")", ";", "{", "}", "else", "do", "try", "const", "noexcept", "override", "mutable", ":")


def is_block(source, brace, bodies):
    """True where `{` begins statements; False where it begins the values of an object."""
    if brace in bodies:
        return True
    before = source.tokens[brace - 1] if brace else ";"
    if before in BLOCK_BEFORE:
        return True
    if re.fullmatch(r"\w+|>|&|\*", before):  # a trailing return type, a class or a namespace has a block
        index = brace - 1
        while index >= 0 and source.tokens[index] not in (";", "{", "}", "(", ",", "="):
            if source.tokens[index] in ("->", "struct", "class", "namespace", "enum", "union"):
                return True
            if source.tokens[index] == ")":
                return source.tokens[index + 1] == "->"
            index -= 1
    return False


def statement_of(source, at, bodies):
    """(first token, is in a condition) of the statement in which the token at `at` stands."""
    tokens = source.tokens
    index = at - 1
    while index >= 0:
        token = tokens[index]
        if token in (")", "]", "}", "]]") and index in source.partner:
            begin = source.partner[index]
            if token == "}" and is_block(source, begin, bodies) and begin not in bodies:
                return index + 1, False
            word = tokens[begin - 1] if begin else ""
            if token == ")" and (word in CONDITIONS or (word == "constexpr" and tokens[begin - 2] == "if")):
                return index + 1, False
            index = begin - 1
            continue
        if token in (";", "else", "do"):
            return index + 1, False
        if token == ":" and any(tokens[i] in ("case", "default") for i in range(max(0, index - 8), index)):
            return index + 1, False
        if token == "(":
            word = tokens[index - 1] if index else ""
            if word in CONDITIONS or (word == "constexpr" and tokens[index - 2] == "if"):
                # `if (init; condition)` and `for (init; …)`: the part before the first `;` is a statement too,
                # but nobody needs the finer rule.
                return index + 1, True
        if token == "{" and is_block(source, index, bodies):
            return index + 1, False
        index -= 1
    return 0, False


def statement_end(source, first):
    index = first
    while index < len(source.tokens):
        token = source.tokens[index]
        if token in ("(", "{", "[", "[["):
            index = source.partner.get(index, index)
        elif token in (";", ")", "}"):
            return index
        index += 1
    return index


def trouble_in(source, first, end, bodies):
    """What in the statement must not stand beside a co_await; lambda bodies are functions of their own."""
    tokens = source.tokens
    index = first
    while index < end:
        token = tokens[index]
        if token == "?":
            return "a ?: in the statement"
        if token == "{":
            if index not in bodies:
                return "a braced value in the statement"
            index = source.partner.get(index, index)
        elif source.lambda_introducer(index):
            captures = tokens[index + 1:source.partner[index]]
            if captures_by_value(captures):
                return "a lambda that captures by value in the statement"
            index = source.partner[index]
        index += 1
    return ""


def captures_by_value(captures):
    items, depth, current = [], 0, []
    for token in captures:
        if token in ("(", "{", "["):
            depth += 1
        elif token in (")", "}", "]"):
            depth -= 1
        if token == "," and depth == 0:
            items.append(current)
            current = []
        else:
            current.append(token)
    items.append(current)
    return any(item and item[0] != "&" and item != ["this"] for item in items)


def traps(source):
    """[(line, what)]"""
    found = []
    bodies = source.lambda_bodies()
    for index, token in enumerate(source.tokens):
        if token != "co_await" or source.tokens[index - 1] == "operator":
            continue
        first, in_condition = statement_of(source, index, bodies)
        if in_condition:
            found.append((source.lines[index], "co_await in a condition; name the value first"))
            continue
        trouble = trouble_in(source, first, statement_end(source, first), bodies)
        if trouble:
            found.append((source.lines[index], f"co_await with {trouble}; name the value first"))
    for body, introducer in bodies.items():
        captures = source.tokens[introducer + 1:source.partner[introducer]]
        inside = nested_tokens(source, body, bodies)
        if captures and any(token in ("co_await", "co_return", "co_yield") for token in inside):
            found.append((source.lines[introducer], "a lambda coroutine with captures; they die before it does"))
    return found


def nested_tokens(source, body, bodies):
    """The tokens of a lambda's body without those of the lambdas inside it."""
    index, end = body + 1, source.partner.get(body, len(source.tokens))
    while index < end:
        if index in bodies:
            index = source.partner.get(index, index)
        else:
            yield source.tokens[index]
        index += 1

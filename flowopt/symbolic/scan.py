"""Whether a text is made of the signs of a formula, and which tokens it holds.

It is split into numbers, names and the few signs a formula needs, so strings, attributes,
brackets ``[]{}`` and keywords end here.
"""

from __future__ import annotations

import keyword
import re

from flowopt.symbolic.language import MAX_BRACKETS, fail, quote

_TOKEN = re.compile(
    r"\s+|(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<name>[^\W0-9]\w*)|(?P<sign>\*\*|//|<=|>=|==|[-+*/<>(),])"
)
_NOT_FINITE = {"nan", "NaN", "inf", "Inf", "oo", "zoo"}
_BRACKET_HINT = "use round brackets only, and write x1, x2 for components"
_HINTS = {
    "^": "write '**' for a power", "'": "text in quotes is not allowed",
    '"': "text in quotes is not allowed", ".": "attributes are not allowed",
    "[": _BRACKET_HINT, "]": _BRACKET_HINT, "{": _BRACKET_HINT, "}": _BRACKET_HINT,
    "=": "write the right-hand side only, without '=' and without keyword arguments",
    ":": "lambda, ':=' and slices are not allowed", "%": "the remainder is not smooth; use sin",
    "\u2212": "write '-'", "\u00d7": "write '*'", "\u00b7": "write '*'", "\u22c5": "write '*'",
    "\u00f7": "write '/'", "\u221a": "write sqrt(...)", "\u2264": "write '<='",
    "\u2265": "write '>='",
}  # fmt: skip


def scan(text: str, what: str) -> list[str]:
    """The tokens of `text`, names in NFKC form as Python has them; brackets match."""
    tokens: list[str] = []
    position = depth = 0
    ended = False  # whether an operand has just ended, so that an operator must follow
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            char = text[position]
            hint = _HINTS.get(char, "use letters, digits, + - * / ** ( ) , and < <= > >= only")
            fail(what, f"has {char!r}, which no formula needs", hint)
        position = match.end()
        kind, token = match.lastgroup, match.group()
        if kind is None:  # blanks
            continue
        if kind == "name":
            token = _checked_name(token, what)
        if ended and (kind != "sign" or token == "("):
            called = token == "(" and re.match(r"[^\W0-9]", tokens[-1])
            if not called:
                hint = "complex numbers are not allowed, and a product needs '*'"
                hint = hint if token in "jJ" else "write '*' for a product"
                fail(what, f"has {quote(tokens[-1])} directly before {quote(token)}", hint)
        depth += (token == "(") - (token == ")")
        if depth < 0:
            fail(what, "closes a bracket that was never opened", "remove a ')' or add a '('")
        if depth > MAX_BRACKETS:
            fail(what, f"has more than {MAX_BRACKETS} brackets inside each other", "use fewer")
        missing = not ended and kind == "sign" and token not in ("(", "+", "-")
        if missing and not (token == ")" and tokens[-1] == "("):
            fail(what, f"has nothing before {token!r}", "add what is missing there")
        ended = kind != "sign" or token == ")"
        tokens.append(token)
    if not tokens:
        fail(what, "is empty", "write a formula such as 'x**2'")
    if depth:
        fail(what, f"leaves {depth} bracket(s) open", "add a ')' or remove a '('")
    if not ended:
        fail(what, f"ends after {tokens[-1]!r}", "add what is missing there")
    return tokens


def _checked_name(token: str, what: str) -> str:
    name = token
    if not token.isascii():
        import unicodedata  # here, because few formulas need its table

        name = unicodedata.normalize("NFKC", token)
    trouble = f"has the name {quote(name)}"
    if not token.isidentifier() or not name.isidentifier():
        hint = "use letters, digits and '_' in a name, and '**2' for a square"
        fail(what, f"has the name {quote(token)}", hint)
    if name.startswith("__"):
        fail(what, trouble, "names must not start with two underscores")
    if name != "True" and keyword.iskeyword(name):
        hint = "Python keeps this word for itself, so choose another (cases go into Piecewise)"
        fail(what, trouble, hint)
    if name in _NOT_FINITE:
        fail(what, trouble, "numbers must be finite")
    return name


def split_long_sums(tokens: list[str], size: int = 100) -> list[str]:
    """Bracket long sums in groups, ``(a + b) + (0 - c + d)``.

    Python's parser nests one level for each term, and gives up at about 3000 or earlier, when
    the caller's own stack is deep.
    """
    out: list[str] = []
    runs: list[tuple[int, list[int]]] = [(0, [])]  # per open bracket: start, places of + and -
    for token in [*tokens, ""]:
        if token in ("+", "-") and out and re.match(r"[\w.)]", out[-1][-1]):
            runs[-1][1].append(len(out))
        elif token in (")", ",", "<", "<=", ">", ">=", ""):  # the sum ends here
            start, places = runs.pop()
            if len(places) > size:
                for place in places[size::size]:
                    out[place] = f") + ( 0 {out[place]}"
                out[start] = f"( {out[start]}"
                out[-1] = f"{out[-1]} )"
            if token != ")":
                runs.append((len(out) + 1, []))
        elif token == "(":
            runs.append((len(out) + 1, []))
        out.append(token)
    return out[:-1]

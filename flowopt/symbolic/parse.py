"""Text of a formula -> checked steps -> sympy, and nothing in the text is ever run.

The text passes three gates. `_scan` splits it into numbers, names and the few signs a formula
needs, so strings, attributes, brackets ``[]{}`` and keywords end there. Python's own grammar
(`ast.parse`) then gives the precedence, and `_check` walks the tree against a whitelist and
writes it in postfix order (operands before their operator). On the way it bounds every exponent
and every purely numeric part, so that nothing can explode when sympy evaluates it. No step is
recursive, and sympy is imported only by `Parsed.to_sympy`.
"""

from __future__ import annotations

import ast
import difflib
import keyword
import math
import re
import unicodedata
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

if TYPE_CHECKING:
    import sympy

MAX_CHARACTERS = 20_000  #: longest text that is read at all
MAX_DIGITS = 400  #: longest number, in digits
MAX_BRACKETS = 100  #: brackets inside brackets; Python's own parser stops at 200
MAX_DEPTH = 100  #: levels of the tree, where a long sum is one; sympy's printers recurse
MAX_EXPONENT = 1000  #: product of the numeric exponents along any path
MAX_ROOT = 10**30  #: denominator of an exponent; sympy may write out its minimal polynomial
MAX_BITS = 16_384  #: numerator and denominator of an exact number

_MOST = 32  # arguments of Min and Max: sympy compares every pair, 0.6 s for 32
#: function -> (fewest arguments, most arguments, its value at floats)
FUNCTIONS: dict[str, tuple[int, int, Callable[..., float]]] = {
    "sin": (1, 1, math.sin), "cos": (1, 1, math.cos), "tan": (1, 1, math.tan),
    "asin": (1, 1, math.asin), "acos": (1, 1, math.acos), "atan": (1, 1, math.atan),
    "atan2": (2, 2, math.atan2),
    "sinh": (1, 1, math.sinh), "cosh": (1, 1, math.cosh), "tanh": (1, 1, math.tanh),
    "exp": (1, 1, math.exp), "log": (1, 1, math.log), "sqrt": (1, 1, math.sqrt),
    "Abs": (1, 1, abs), "abs": (1, 1, abs), "erf": (1, 1, math.erf),
    "sign": (1, 1, lambda x: (x > 0) - (x < 0)),
    "Heaviside": (1, 1, lambda x: ((x > 0) - (x < 0) + 1) / 2),
    "Min": (2, _MOST, min), "min": (2, _MOST, min),
    "Max": (2, _MOST, max), "max": (2, _MOST, max),
    "relu": (1, 1, lambda x: max(x, 0.0)),
    "sigmoid": (1, 1, lambda x: (1 + math.tanh(x / 2)) / 2),
    "softplus": (1, 1, lambda x: max(x, 0.0) + math.log1p(math.exp(-abs(x)))),
}  # fmt: skip
CONSTANTS = {"pi": math.pi, "E": math.e}

_TOKEN = re.compile(
    r"\s+|(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<name>[^\W0-9]\w*)|(?P<sign>\*\*|//|<=|>=|==|[-+*/<>(),])"
)
_COMPARE = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
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
_SPELLING = {
    "ln": "log", "log10": "log(x)/log(10)", "log2": "log(x)/log(2)", "pow": "x**y",
    "arctan2": "atan2", "where": "Piecewise", "step": "Heaviside",
}  # fmt: skip


class ExpressionError(ValueError):
    """A formula given as text was refused; the message is one sentence.

    Examples
    --------
    >>> from flowopt.symbolic.parse import parse
    >>> try:
    ...     parse("x^2", what="loss")
    ... except ValueError as error:
    ...     print(error)
    loss has '^', which no formula needs; write '**' for a power
    """


class Step(NamedTuple):
    """One step of a formula in postfix order: take `arity` results, give one.

    `op` is one of ``number name constant + * neg inv ** call < <= > >= true Piecewise``, and
    `value` the Fraction, the name, or the name of the function (None for the others).
    """

    op: str
    value: Any
    arity: int


def natural_key(name: str) -> tuple[Any, ...]:
    """Sort key that reads digits as numbers, so x2 stands before x10.

    Parameters
    ----------
    name : str
        A name; upper and lower case differ.

    Returns
    -------
    tuple
        A key for `sorted`.

    Examples
    --------
    >>> sorted(["x10", "y", "x2", "X3"], key=natural_key)
    ['X3', 'x2', 'x10', 'y']
    """
    # a run of digits without leading zeros is ordered by its length, then as text
    key: list[Any] = re.split("([0-9]+)", name)
    key[1::2] = [(len(run.lstrip("0")), run.lstrip("0")) for run in key[1::2]]
    return tuple(key), name


@dataclass(frozen=True)
class Parsed:
    """A formula that passed every check; made by `parse`.

    Attributes
    ----------
    text : str
        The text, without the blanks around it.
    names : tuple of str
        The free names in natural order; ``pi`` and ``E`` are constants and not among them.
    calls : frozenset of str
        The functions used.
    tree : tuple of Step
        The formula in postfix order.
    what : str
        What errors call the formula.

    Examples
    --------
    >>> from flowopt.symbolic.parse import parse
    >>> p = parse("x10 + sin(pi*x2)")
    >>> p.names, sorted(p.calls)
    (('x2', 'x10'), ['sin'])
    """

    text: str
    names: tuple[str, ...]
    calls: frozenset[str]
    tree: tuple[Step, ...] = field(repr=False, compare=False)
    what: str = field(default="expression", repr=False, compare=False)

    def to_sympy(
        self,
        symbols: Mapping[str, sympy.Expr],
        functions: Mapping[str, Callable[..., sympy.Expr]] | None = None,
    ) -> sympy.Expr:
        """Build the sympy expression; decimals are exact (0.1 is 1/10), nothing is simplified.

        Parameters
        ----------
        symbols : mapping of str to sympy.Expr
            One entry for each of `names`; more do no harm.
        functions : mapping of str to callable, optional
            The meaning of the extra functions that `parse` allowed. It goes before the built-in
            meaning of the same name.

        Returns
        -------
        sympy.Expr
            A product of several factors is built as one Mul, so ``2*(x + y)*z`` keeps its bracket.

        Raises
        ------
        ExpressionError
            For a name or a function without a meaning, and when the names cancel and leave a
            division by zero or a number that is too long.

        Examples
        --------
        >>> import sympy
        >>> from flowopt.symbolic.parse import parse
        >>> x = sympy.Symbol("x", real=True)
        >>> parse("0.1*x*(x - 1)**2").to_sympy({"x": x})
        x*(x - 1)**2/10
        """
        given = functions or {}
        build = _meanings(self.what)
        stack: list[Any] = []
        for step in self.tree:
            args = stack[len(stack) - step.arity :]
            del stack[len(stack) - step.arity :]
            if step.op == "name":
                if step.value not in symbols:
                    _undefined(self.what, "name", step.value, symbols)
                stack.append(symbols[step.value])
            elif step.op == "call" and step.value in given:
                stack.append(given[step.value](*args))
            elif step.op == "call" and step.value not in FUNCTIONS:
                _undefined(self.what, "function", step.value, given)
            else:
                stack.append(_apply(build, step, args, self.what))
        return stack[0]


def parse(text: str, what: str = "expression", functions: Collection[str] = ()) -> Parsed:
    """Read a formula with a whitelist; nothing in the text is run.

    Allowed are numbers, names, ``+ - * / **``, round brackets, the functions in `FUNCTIONS`,
    the constants ``pi`` and ``E``, and ``Piecewise((value, condition), ..., (value, True))``
    with one of ``< <= > >=`` in a condition. Line breaks count as blanks.

    Parameters
    ----------
    text : str
        The formula, at most 20 000 characters.
    what : str
        What the error should call it, for example ``"loss"``.
    functions : collection of str, or mapping of str to int
        More functions to allow; a mapping gives their number of arguments as well.

    Returns
    -------
    Parsed
        The checked formula.

    Raises
    ------
    TypeError
        When `text` is no string.
    ExpressionError
        When the formula is refused: one sentence with the trouble and what to try.

    Examples
    --------
    >>> parse("a*x**2 + norm(g)", functions={"norm": 1}).names
    ('a', 'g', 'x')
    >>> parse('__import__("os")')  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
        ...
    ExpressionError: expression has the name '__import__'; names must not start with ...
    """
    what = _clip(str(what), 80)
    if not isinstance(text, str):
        raise TypeError(f"{what} must be a string, got {type(text).__name__}")
    if len(text) > MAX_CHARACTERS:
        trouble = f"has {len(text)} characters, and at most {MAX_CHARACTERS} are read"
        _fail(what, trouble, "build a long formula with sympy instead")
    tokens = _scan(text, what)
    source = " ".join(_split_long_sums(tokens))
    try:
        body = ast.parse(source, mode="eval").body
    except (RecursionError, MemoryError):
        _fail(what, "nests too deeply or has too many factors in one product", "split it")
    except (SyntaxError, ValueError):
        hint = "check its signs, and write numbers without leading zeros"
        _fail(what, f"cannot be read in {_quote(text.strip())}", hint)
    steps, names, calls = _check(body, source, what, functions)
    ordered = tuple(sorted(names, key=natural_key))
    return Parsed(text.strip(), ordered, frozenset(calls), tuple(steps), what)


def _clip(text: str, length: int = 40) -> str:
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length - 3] + "..."


def _quote(piece: str) -> str:
    return repr(_clip(piece))


def _fail(what: str, trouble: str, hint: str) -> NoReturn:
    raise ExpressionError(f"{what} {trouble}; {hint}") from None


def _scan(text: str, what: str) -> list[str]:
    """The tokens of `text`, names in NFKC form as Python has them; brackets match."""
    tokens: list[str] = []
    position = depth = 0
    ended = False  # whether an operand has just ended, so that an operator must follow
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            char = text[position]
            hint = _HINTS.get(char, "use letters, digits, + - * / ** ( ) , and < <= > >= only")
            _fail(what, f"has {char!r}, which no formula needs", hint)
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
                _fail(what, f"has {_quote(tokens[-1])} directly before {_quote(token)}", hint)
        depth += (token == "(") - (token == ")")
        if depth < 0:
            _fail(what, "closes a bracket that was never opened", "remove a ')' or add a '('")
        if depth > MAX_BRACKETS:
            _fail(what, f"has more than {MAX_BRACKETS} brackets inside each other", "use fewer")
        missing = not ended and kind == "sign" and token not in ("(", "+", "-")
        if missing and not (token == ")" and tokens[-1] == "("):
            _fail(what, f"has nothing before {token!r}", "add what is missing there")
        ended = kind != "sign" or token == ")"
        tokens.append(token)
    if not tokens:
        _fail(what, "is empty", "write a formula such as 'x**2'")
    if depth:
        _fail(what, f"leaves {depth} bracket(s) open", "add a ')' or remove a '('")
    if not ended:
        _fail(what, f"ends after {tokens[-1]!r}", "add what is missing there")
    return tokens


def _checked_name(token: str, what: str) -> str:
    name = unicodedata.normalize("NFKC", token)
    trouble = f"has the name {_quote(name)}"
    if not token.isidentifier() or not name.isidentifier():
        hint = "use letters, digits and '_' in a name, and '**2' for a square"
        _fail(what, f"has the name {_quote(token)}", hint)
    if name.startswith("__"):
        _fail(what, trouble, "names must not start with two underscores")
    if name != "True" and keyword.iskeyword(name):
        hint = "Python keeps this word for itself, so choose another (cases go into Piecewise)"
        _fail(what, trouble, hint)
    if name in _NOT_FINITE:
        _fail(what, trouble, "numbers must be finite")
    return name


def _split_long_sums(tokens: list[str], size: int = 100) -> list[str]:
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


class _Bound(NamedTuple):
    """What is known of a result: its number (None with names in it) and its largest power."""

    number: Fraction | float | None
    power: float


def _check(
    body: ast.expr, source: str, what: str, functions: Collection[str]
) -> tuple[list[Step], set[str], set[str]]:
    """Walk the tree without recursion; a node is first expanded, then its step is emitted."""
    encoded = source.encode()  # the offsets of ast count bytes
    steps: list[Step] = []
    bounds: list[_Bound] = []
    names: set[str] = set()
    calls: set[str] = set()
    todo: list[tuple[ast.expr, int, Step | None]] = [(body, 1, None)]
    while todo:
        node, depth, step = todo.pop()
        piece = encoded[node.col_offset : node.end_col_offset].decode().replace(" ", "")
        if step is None:
            if depth > MAX_DEPTH:
                _fail(what, f"is nested more than {MAX_DEPTH} levels deep", "use fewer levels")
            step, children = _expand(node, piece, what, functions)
            todo.append((node, depth, step))
            todo += [(child, depth + 1, ready) for child, ready in reversed(children)]
            continue
        cut = len(bounds) - step.arity
        bounds[cut:] = [_bound(step, bounds[cut:], piece, what)]
        steps.append(step)
        if step.op == "name":
            names.add(step.value)
        elif step.op in ("call", "Piecewise"):
            calls.add(step.value)
    return steps, names, calls


_Child = tuple[ast.expr, Step | None]  #: a node, and its step when it needs no expansion


def _expand(
    node: ast.expr, piece: str, what: str, functions: Collection[str]
) -> tuple[Step, list[_Child]]:
    """The step of a node and the nodes (or ready steps) that must come before it."""
    children: list[_Child] = []
    match node:
        case ast.Constant(value=bool() | None):
            _fail(what, f"uses {piece} as a number", "True may only end a Piecewise")
        case ast.Constant():
            return Step("number", _exact(piece, what), 0), []
        case ast.Name(id=name):
            if name in FUNCTIONS or name in functions or name == "Piecewise":
                _fail(what, f"uses the function {name!r} as a name", f"write {name}(...)")
            return Step("constant" if name in CONSTANTS else "name", name, 0), []
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return Step("neg", None, 1), [(operand, None)]
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return Step("+", None, 1), [(operand, None)]
        case ast.BinOp(op=ast.Pow(), left=left, right=right):
            return Step("**", None, 2), [(left, None), (right, None)]
        case ast.BinOp(op=ast.Add() | ast.Sub()):
            return _chain(node, "+", (ast.Add, ast.Sub), "neg")
        case ast.BinOp(op=ast.Mult() | ast.Div()):
            return _chain(node, "*", (ast.Mult, ast.Div), "inv")
        case ast.Call(func=ast.Name(id="Piecewise"), args=args, keywords=[]):
            for number, pair in enumerate(args, 1):
                if not (isinstance(pair, ast.Tuple) and len(pair.elts) == 2):
                    _fail(what, "has a Piecewise part that is no pair", "write (value, condition)")
                children.append((pair.elts[0], None))
                children.extend(_condition(pair.elts[1], number == len(args), what))
            if not args:
                _fail(what, "has an empty Piecewise", "write (value, condition) pairs in it")
            return Step("Piecewise", "Piecewise", 2 * len(args)), children
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
            args = _merge_nested(name, args)
            _check_call(name, len(args), what, functions)
            return Step("call", name, len(args)), [(a, None) for a in args]
        case ast.Compare():
            _fail(what, f"compares in {_quote(piece)}", "comparisons stand in Piecewise only")
        case ast.Tuple():
            trouble = f"has a comma in {_quote(piece)}" if node.elts else "has empty brackets"
            _fail(what, trouble, "commas only separate the arguments of a function")
    _fail(what, f"has {_quote(piece)}, which is not allowed", "use + - * / ** and known functions")


def _chain(
    node: ast.expr, op: str, kinds: tuple[type, type], other: str
) -> tuple[Step, list[_Child]]:
    """Left-deep ``a + b - c`` as one step with three operands, of which c is negated first."""
    operands: list[tuple[ast.expr, bool]] = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, kinds):
        operands.append((node.right, isinstance(node.op, kinds[1])))
        node = node.left
    operands.append((node, False))
    children: list[_Child] = []
    for operand, inverted in reversed(operands):
        children.append((operand, None))
        if inverted:
            children.append((operand, Step(other, None, 1)))
    return Step(op, None, len(operands)), children


def _merge_nested(name: str, args: list[ast.expr]) -> list[ast.expr]:
    """Max(a, Max(b, c)) -> a, b, c: sympy compares all pairs again at each level."""
    lattice = FUNCTIONS[name][2] if name in ("Min", "min", "Max", "max") else None
    merged: list[ast.expr] = []
    todo = args[::-1]
    while todo:
        match todo.pop():
            case ast.Call(func=ast.Name(id=inner), args=[_, _, *_] as more) if (
                inner in FUNCTIONS and FUNCTIONS[inner][2] is lattice
            ):
                todo += more[::-1]
            case arg:
                merged.append(arg)
    return merged


def _condition(node: ast.expr, last: bool, what: str) -> list[_Child]:
    true = isinstance(node, ast.Constant) and node.value is True
    if last != true:
        hint = "write Piecewise((value, condition), ..., (value, True))"
        _fail(what, "has a Piecewise whose last condition alone must be True", hint)
    if true:
        return [(node, Step("true", None, 0))]
    if not (isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _COMPARE):
        hint = "write one comparison with < <= > or >="
        _fail(what, "has a Piecewise condition that is not a plain comparison", hint)
    if any(isinstance(n, ast.Name) and n.id == "Piecewise" for n in ast.walk(node)):
        # sympy would factor polynomials to unfold it, and may not come back
        _fail(what, "has a Piecewise inside a condition", "compare plain formulas")
    sign = _COMPARE[type(node.ops[0])]
    return [(node.left, None), (node.comparators[0], None), (node, Step(sign, None, 2))]


def _check_call(name: str, count: int, what: str, functions: Collection[str]) -> None:
    if name in functions:
        wanted = functions[name] if isinstance(functions, Mapping) else None
        fewest, most = (1, MAX_CHARACTERS) if wanted is None else (wanted, wanted)
    elif name in FUNCTIONS:
        fewest, most, _ = FUNCTIONS[name]
    else:
        near = _SPELLING.get(name) or ", ".join(
            difflib.get_close_matches(name[:40], [*FUNCTIONS, *functions, "Piecewise"], 3)
        )
        hint = f"try {near}" if near else "write '*' for a product, or build it from known ones"
        _fail(what, f"calls the unknown function {_quote(name)}", hint)
    if not fewest <= count <= most:
        wants = f"{fewest}" if fewest == most else f"{fewest} to {most}"
        _fail(what, f"gives {name} {count} argument(s)", f"it takes {wants}")


def _exact(piece: str, what: str) -> Fraction:
    """The number as written, 0.1 -> 1/10; bounded before it is built."""
    digits = re.split("[eE]", piece)[0].replace(".", "")
    if len(digits) > MAX_DIGITS:
        _fail(what, f"has a number of {len(digits)} digits", f"write at most {MAX_DIGITS}")
    if not digits.strip("0"):
        return Fraction(0)  # 0e999999999 must not build its power of ten
    if not 0.0 < float(piece) < math.inf:
        _fail(what, f"has the number {_quote(piece)}", "stay between 1e-307 and 1e308")
    return Fraction(piece)


def _bound(step: Step, args: list[_Bound], piece: str, what: str) -> _Bound:
    """The bound of a step's result; refuses what is too large, undefined or not real."""
    numbers: list[Any] = [a.number for a in args]
    power = max((a.power for a in args), default=1.0)
    if step.op == "inv" and numbers[0] == 0:
        _fail(what, f"divides by {_quote(piece)}, which is zero", "check the denominator")
    if step.op == "**" and numbers[1] is not None:
        power = max(1.0, args[0].power * abs(float(numbers[1])))
        if power > MAX_EXPONENT:
            hint = f"exponents, multiplied along nested powers, must stay within {MAX_EXPONENT}"
            _fail(what, f"has too high a power in {_quote(piece)}", hint)
        if isinstance(numbers[1], Fraction) and numbers[1].denominator > MAX_ROOT:
            _fail(what, f"has {_quote(piece)}, whose exponent has too many digits", "round it")
    if step.op in ("name", "true", "Piecewise") or None in numbers:
        return _Bound(None, power)
    if step.op in _COMPARE.values():  # sympy may try for ever to decide 1 < erf(1000)
        _fail(
            what, f"compares two numbers in {_quote(piece)}", "compare something with a name in it"
        )
    if step.op == "**" and _bits(numbers[0]) * abs(numbers[1]) > MAX_BITS:
        _fail(what, f"has {_quote(piece)}, which has too many digits", "write it as a decimal")
    try:
        number = _value(step, numbers)
        if number is None:
            return _Bound(None, power)
        size = abs(float(number))
    except OverflowError:
        size = math.inf
    except (TypeError, ValueError, ZeroDivisionError):  # complex, outside the domain, 0**-1
        size = math.nan
    if math.isnan(size):
        _fail(what, f"has {_quote(piece)}, which is not a real number", "check the arguments")
    if size > 1e308:
        _fail(what, f"has {_quote(piece)}, which exceeds 1e308", "use smaller numbers")
    if _bits(number) > MAX_BITS:
        _fail(what, f"has {_quote(piece)}, which has too many digits", "write it as a decimal")
    if number and not size:
        _fail(what, f"has {_quote(piece)}, which is below 1e-308", "write 0 or scale it")
    return _Bound(number, power)


def _bits(number: Any) -> int:
    if not isinstance(number, Fraction):
        return 0  # a float is never written out
    return max(number.numerator.bit_length(), number.denominator.bit_length())


def _value(step: Step, args: list[Any]) -> Any:
    """The value at numbers, exact as long as it is rational; None if it is not known."""
    match step.op:
        case "number":
            return step.value
        case "constant":
            return CONSTANTS[step.value]
        case "neg":
            return -args[0]
        case "inv":
            return 1 / args[0]
        case "call":
            return FUNCTIONS[step.value][2](*map(float, args)) if step.value in FUNCTIONS else None
        case "**":
            return args[0] ** args[1]
    total = args[0]
    for arg in args[1:]:
        total = total + arg if step.op == "+" else total * arg
        if _bits(total) > MAX_BITS:
            break
    return total


def _safe_power(what: str, base: Any, exponent: Any) -> Any:
    """base**exponent when no number in it can explode (the names may have cancelled)."""
    fixed = exponent.as_coeff_Add()[0]  # sympy may pull 3**n out of 3**(n + x)
    bits = max(base.p.bit_length(), base.q.bit_length()) if base.is_Rational else 0
    if abs(fixed) > MAX_EXPONENT or bits * abs(fixed) > MAX_BITS:
        _fail(what, "has a power that is too long to write out", "use smaller numbers in it")
    if fixed.is_Rational and fixed.q > MAX_ROOT:
        _fail(what, "has an exponent with too many digits", "round it")
    if base.is_Rational and base < 0 and exponent.is_number and not exponent.is_Integer:
        _fail(what, "takes a root of a negative number once its names cancel", "check its powers")
    return base**exponent


def _apply(build: dict[str, Callable[..., Any]], step: Step, args: list[Any], what: str) -> Any:
    """One step in sympy, which may see more than `_check` did: names can cancel."""
    op, value, _ = step
    try:
        if op == "call" and all(arg.is_Rational for arg in args):
            exact = [_Bound(Fraction(int(a.p), int(a.q)), 1.0) for a in args]
            _bound(step, exact, f"{value}(...)", what)
        if op in ("number", "constant"):
            args = [value]
        result = build[value if op == "call" else op](*args)
        _check_built(what, result)
        if op in _COMPARE.values() and not (result.is_Atom or result.free_symbols):
            _fail(what, "compares two numbers once its names cancel", "leave the comparison out")
    except RecursionError:
        _fail(what, "nests too deeply for sympy", "use fewer levels")
    except ExpressionError:
        raise
    except Exception as error:  # sympy refuses to order complex numbers, for example
        trouble = f"cannot be built by sympy: {_quote(str(error))}"
        _fail(what, trouble, "check for roots and logs that are not real")
    return result


def _check_built(what: str, result: Any) -> None:
    """Refuse 1/(x - x), sqrt(-x**2) and endless numbers; no deeper than one product."""
    import sympy

    factors = result.args if result.is_Mul else (result,)
    unreal = (sympy.zoo, sympy.oo, -sympy.oo, sympy.nan, sympy.I)
    if any(factor is one for factor in factors for one in unreal):
        _fail(what, "is not real or divides by zero once its names cancel", "check it for x - x")
    if factors[0].is_Rational:  # sympy puts the number first
        p, q = abs(factors[0].p), factors[0].q
        if max(p.bit_length(), q.bit_length()) > MAX_BITS or p > 10**308 * q:
            _fail(what, "contains a number that is too long", "use smaller numbers")


def _undefined(what: str, kind: str, name: str, known: Collection[str]) -> NoReturn:
    hint = _clip(", ".join(sorted(known, key=natural_key)), 80) or "none"
    _fail(what, f"uses the {kind} {_quote(name)}, which is not defined", f"known here: {hint}")


def _meanings(what: str) -> dict[str, Callable[..., Any]]:
    """Operators and functions in sympy; sigmoid, relu, softplus are written with known nodes."""
    import sympy

    def exp(x: Any) -> Any:
        for term in sympy.Add.make_args(x):
            factor, rest = term.as_coeff_Mul()
            if isinstance(rest, sympy.log) and abs(factor) > MAX_EXPONENT:
                _safe_power(what, rest.args[0], factor)  # exp(n*log(x)) becomes x**n
        return sympy.exp(x)

    same = "sin cos tan asin acos atan atan2 sinh cosh tanh log sqrt Abs sign Min Max erf Heaviside"
    return {name: getattr(sympy, name) for name in same.split()} | {
        "number": lambda x: sympy.Rational(x.numerator, x.denominator),
        "constant": {"pi": sympy.pi, "E": sympy.E}.__getitem__,
        "true": lambda: sympy.true,
        "+": sympy.Add,
        "*": sympy.Mul,
        "neg": lambda x: -x,
        "inv": lambda x: x**-1,
        "**": lambda x, e: _safe_power(what, x, e),
        "<": sympy.Lt,
        "<=": sympy.Le,
        ">": sympy.Gt,
        ">=": sympy.Ge,
        "Piecewise": lambda *a: sympy.Piecewise(*zip(a[::2], a[1::2], strict=True)),
        "exp": exp,
        "abs": sympy.Abs,
        "min": sympy.Min,
        "max": sympy.Max,
        "relu": lambda x: sympy.Max(x, 0),
        "sigmoid": lambda x: 1 / (1 + exp(-x)),
        "softplus": lambda x: sympy.log(1 + exp(x)),
    }

"""The atlas's formulae in TeX, by a closed table of names and functions."""

from __future__ import annotations

import ast
import re

from flowopt.quoting import Number, formula

NAMES = {"L": "L", "Lstar": r"L^{\star}", "mu": r"\mu", "ell": r"\ell", "gamma": r"\gamma",
         "theta": r"\theta", "phi": r"\phi", "beta": r"\beta", "alpha": r"\alpha", "rho": r"\rho",
         "sigma": r"\sigma", "lam": r"\lambda", "eps": r"\varepsilon", "lr": "h",
         "momentum": r"\beta", "hv": r"\Delta", "new_g": "g_{+}", "V0": "V_0", "V": "V",
         **{name: name for name in "abcdegkmprstvwzDMT"}}
#: calls of one argument; {} is the argument
CALLS = {"sqrt": r"\sqrt{{{}}}", "norm": r"\|{}\|", "norm1": r"\|{}\|_1", "exp": "e^{{{}}}",
         "sum": r"\textstyle\sum {}", "log": r"\ln {}", "K": "K({})"}
LEVELS = {ast.Add: 1, ast.Sub: 1, ast.Mult: 2, ast.Div: 3, ast.Pow: 4}


class Unknown(ValueError):
    """A name or a construction that the table does not hold."""


def tex(text: str) -> str:
    """Return an expression of the atlas in TeX.

    Raises
    ------
    Unknown
        When a name or a construction is not in the table.
    """
    short = re.sub(r"\(L - Lstar\)|L - Lstar(?! *[*/])", "D", text.strip())  # D = L - L*
    return _tree(ast.parse(short, mode="eval").body, 0)


def _tree(node: ast.expr, level: int) -> str:
    """A node; in parentheses where it binds less than `level`."""
    if isinstance(node, ast.Name):
        if node.id not in NAMES:
            raise Unknown(f"the name {node.id}")
        return NAMES[node.id]
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return str(node.value)
    positive = _without_minus(node)
    if positive is not None:
        return _closed("-" + _tree(positive, 2), level > 1)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return _call(node.func.id, node.args)
    if isinstance(node, ast.BinOp) and type(node.op) in LEVELS:
        return _binary(node, level)
    raise Unknown(ast.unparse(node))


def _without_minus(node: ast.expr) -> ast.expr | None:
    """What stands behind the minus that a product begins with, or None.

    To Python -2*x is (-2)*x.
    """
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return node.operand
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mult, ast.Div)):
        left = _without_minus(node.left)
        return None if left is None else ast.BinOp(left, node.op, node.right)
    return None


def _closed(text: str, inside: bool) -> str:
    if not inside:
        return text
    return rf"\left({text}\right)" if "frac" in text else f"({text})"


def _side_by_side(left: str, right: str) -> str:
    """A product; a space ends a command, and keeps a root or a number from what follows."""
    if re.match(r"[0-9]", right) or left.endswith("}") and "sqrt" in left:
        return rf"{left}\,{right}"
    return f"{left} {right}" if re.search(r"\\[a-zA-Z]+$", left) else f"{left}{right}"


def _call(name: str, arguments: list[ast.expr]) -> str:
    if name == "dot" and len(arguments) == 2:
        left, right = (_tree(a, 0) for a in arguments)
        return rf"\|{left}\|^2" if left == right else rf"\langle {left},{right}\rangle"
    if name == "Min":
        return rf"\min({', '.join(_tree(a, 0) for a in arguments)})"
    if name not in CALLS or len(arguments) != 1:
        raise Unknown(f"the function {name}")
    argument = arguments[0]
    needs = name == "log" and not isinstance(argument, ast.Name)
    return CALLS[name].format(_closed(_tree(argument, 2 if name == "sum" else 0), needs))


def _factors(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return [*_factors(node.left), *_factors(node.right)]
    return [node]


def _quotient(over: ast.expr, under: ast.expr) -> str:
    """A fraction; numbers, and sums, stand beside it: 4 mu x/9 is (4/9) mu x."""
    factors = _factors(over)
    if isinstance(under, ast.Constant):
        number = factors[0].value if isinstance(factors[0], ast.Constant) else 1
        rest = factors[1:] if isinstance(factors[0], ast.Constant) else factors
        made = rf"\tfrac{{{number}}}{{{under.value}}}"
        for factor in rest:
            made = _side_by_side(made, _tree(factor, 2))
        return made
    if len(factors) == 1 and isinstance(over, ast.Call) and over.func.id == "sum":  # type: ignore[attr-defined]
        return rf"\frac{{1}}{{{_tree(under, 0)}}}{_tree(over, 2)}"
    return rf"\frac{{{_tree(over, 0)}}}{{{_tree(under, 0)}}}"


def _binary(node: ast.BinOp, level: int) -> str:
    kind = type(node.op)
    if kind is ast.Div:
        return _closed(_quotient(node.left, node.right), level > 4)
    if kind is ast.Pow:
        return f"{_tree(node.left, 5)}^{{{_tree(node.right, 0)}}}"
    mine = LEVELS[kind]
    left = _tree(node.left, mine)
    right = _tree(node.right, mine + (kind is ast.Sub))
    if kind is ast.Mult:
        return _closed(_side_by_side(left, right), level > 2)
    return _closed(f"{left}{'+' if kind is ast.Add else '-'}{right}", level > 1)


RELATIONS = {"<=": r"\le", ">=": r"\ge", "<": "<", ">": ">", "=": "=", "->": r"\to"}
WORDS = {"PL": "PL", "convex": "convex", "strongly_convex": "strongly convex",
         "smooth": r"$\ell$-smooth", "coercive": "coercive", "minimum": r"$L\ge L^{\star}$",
         "L is convex": "convex", "L is ell-smooth": r"$\ell$-smooth",
         "L is ell-smooth in the max norm": r"$\ell$-smooth in $\|\cdot\|_\infty$",
         "L is mu-strongly convex": "strongly convex", "g != 0": r"$g\ne 0$",
         "K is convex and C1": r"$K$ convex", "K >= 0": r"$K\ge K(0)=0$", "K(0) = 0": "",
         "half_square": r"$L=\frac12\|e\|^2$", "bounded": "bounded motion",
         "theta* is a minimiser of L": "",
         "new_theta minimises L(z) + |z - theta|**2/(2*lr)": ""}


def relation(text: str) -> str:
    """Return a relation in TeX; the left side may be V' or V+ - V."""
    left, sign, right = re.fullmatch(r"(.*?) (<=|>=|->|<|>|=) (.*)", text.strip()).groups()
    heads = {"V'": r"\dot V", "V+ - V": r"\Delta V", "V+": "V_{+}"}
    rate = re.fullmatch(r"-\((.*)\) V", right)
    if rate:
        right = f"-({rate[1]})*V"
    return f"{heads.get(left) or tex(left)}{RELATIONS[sign]} {tex(right)}"


def said(says: str) -> Number:
    """Return what is said of V, its last and strongest relation alone."""
    strongest = re.split(r", (?=V' |V\+ |T |g ->)", says)[-1]
    return formula(relation(strongest), strongest)


def given(assumptions: list[str]) -> Number:
    """Return the assumptions as text, formulae in them as such."""
    shown = []
    states = re.compile(r"[vcdu] (>|>=) 0")  # averages of squares, and corrections, as they are
    for one in (one for one in assumptions if not states.fullmatch(one)):
        words = WORDS.get(one)
        shown.append(f"${relation(one)}$" if words is None else words)
    return Number("; ".join(assumptions), ", ".join(s for s in shown if s), "; ".join(assumptions))

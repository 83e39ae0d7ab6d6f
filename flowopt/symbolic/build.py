"""Which sympy expression a checked formula is, now that its names have a meaning.

The names may cancel against each other or against what stands for them, so numbers are bounded
once more here. sympy is imported when the first formula is built.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NoReturn

from flowopt.symbolic.bounds import Bound, bound_of
from flowopt.symbolic.language import (
    COMPARISONS,
    FUNCTIONS,
    MAX_BITS,
    MAX_EXPONENT,
    MAX_ROOT,
    ExpressionError,
    Step,
    clip,
    fail,
    natural_key,
    quote,
)

if TYPE_CHECKING:
    import sympy


def build(
    tree: Sequence[Step],
    what: str,
    symbols: Mapping[str, sympy.Expr],
    functions: Mapping[str, Callable[..., sympy.Expr]],
) -> sympy.Expr:
    """The expression of a checked tree; `Parsed.to_sympy` says what the arguments are."""
    meanings = _meanings(what)
    stack: list[Any] = []
    for step in tree:
        args = stack[len(stack) - step.arity :]
        del stack[len(stack) - step.arity :]
        if step.op == "name":
            if step.value not in symbols:
                _undefined(what, "name", step.value, symbols)
            stack.append(symbols[step.value])
        elif step.op == "call" and step.value in functions:
            stack.append(functions[step.value](*args))
        elif step.op == "call" and step.value not in FUNCTIONS:
            _undefined(what, "function", step.value, functions)
        else:
            stack.append(_apply(meanings, step, args, what))
    return stack[0]


def _apply(meanings: dict[str, Callable[..., Any]], step: Step, args: list[Any], what: str) -> Any:
    """One step in sympy, which may see more than `tree` did: names can cancel."""
    op, value, _ = step
    try:
        if op == "call" and all(arg.is_Rational for arg in args):
            exact = [Bound(Fraction(int(a.p), int(a.q)), 1.0) for a in args]
            bound_of(step, exact, f"{value}(...)", what)
        if op in ("number", "constant"):
            args = [value]
        result = meanings[value if op == "call" else op](*args)
        _check_built(what, result)
        if op in COMPARISONS and not (result.is_Atom or result.free_symbols):
            fail(what, "compares two numbers once its names cancel", "leave the comparison out")
    except RecursionError:
        fail(what, "nests too deeply for sympy", "use fewer levels")
    except ExpressionError:
        raise
    except Exception as error:  # sympy refuses to order complex numbers, for example
        trouble = f"cannot be built by sympy: {quote(str(error))}"
        fail(what, trouble, "check for roots and logs that are not real")
    return result


def _check_built(what: str, result: Any) -> None:
    """Refuse 1/(x - x), sqrt(-x**2) and endless numbers; no deeper than one product."""
    import sympy

    factors = result.args if result.is_Mul else (result,)
    unreal = (sympy.zoo, sympy.oo, -sympy.oo, sympy.nan, sympy.I)
    if any(factor is one for factor in factors for one in unreal):
        fail(what, "is not real or divides by zero once its names cancel", "check it for x - x")
    if factors[0].is_Rational:  # sympy puts the number first
        p, q = abs(factors[0].p), factors[0].q
        if max(p.bit_length(), q.bit_length()) > MAX_BITS or p > 10**308 * q:
            fail(what, "contains a number that is too long", "use smaller numbers")


def _safe_power(what: str, base: Any, exponent: Any) -> Any:
    """base**exponent when no number in it can explode (the names may have cancelled)."""
    fixed = exponent.as_coeff_Add()[0]  # sympy may pull 3**n out of 3**(n + x)
    bits = max(base.p.bit_length(), base.q.bit_length()) if base.is_Rational else 0
    if abs(fixed) > MAX_EXPONENT or bits * abs(fixed) > MAX_BITS:
        fail(what, "has a power that is too long to write out", "use smaller numbers in it")
    if fixed.is_Rational and fixed.q > MAX_ROOT:
        fail(what, "has an exponent with too many digits", "round it")
    if base.is_Rational and base < 0 and exponent.is_number and not exponent.is_Integer:
        fail(what, "takes a root of a negative number once its names cancel", "check its powers")
    return base**exponent


def _undefined(what: str, kind: str, name: str, known: Collection[str]) -> NoReturn:
    hint = clip(", ".join(sorted(known, key=natural_key)), 80) or "none"
    fail(what, f"uses the {kind} {quote(name)}, which is not defined", f"known here: {hint}")


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

"""Text of a formula -> checked steps -> sympy, and nothing in the text is ever run.

The text passes three gates. `scan` splits it into numbers, names and the few signs a formula
needs, so strings, attributes, brackets ``[]{}`` and keywords end there. Python's own grammar
(`ast.parse`) then gives the precedence, and `tree` walks the tree against a whitelist and
writes it in postfix order (operands before their operator). On the way `bounds` bounds every
exponent and every purely numeric part, so that nothing can explode when sympy evaluates it. No
step is recursive, and sympy is imported only by `Parsed.to_sympy`, which leaves the work to
`build`. What they share (limits, functions, errors) stands in `language`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flowopt.symbolic.language import (
    CONSTANTS,
    FUNCTIONS,
    MAX_BITS,
    MAX_BRACKETS,
    MAX_CHARACTERS,
    MAX_DEPTH,
    MAX_DIGITS,
    MAX_EXPONENT,
    MAX_ROOT,
    ExpressionError,
    Step,
    clip,
    fail,
    natural_key,
    quote,
)
from flowopt.symbolic.scan import scan, split_long_sums
from flowopt.symbolic.tree import check

if TYPE_CHECKING:
    import sympy

__all__ = [
    "CONSTANTS",
    "FUNCTIONS",
    "MAX_BITS",
    "MAX_BRACKETS",
    "MAX_CHARACTERS",
    "MAX_DEPTH",
    "MAX_DIGITS",
    "MAX_EXPONENT",
    "MAX_ROOT",
    "ExpressionError",
    "Parsed",
    "Step",
    "natural_key",
    "parse",
]


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
        from flowopt.symbolic.build import build

        return build(self.tree, self.what, symbols, functions or {})


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
    what = clip(str(what), 80)
    if not isinstance(text, str):
        raise TypeError(f"{what} must be a string, got {type(text).__name__}")
    if len(text) > MAX_CHARACTERS:
        trouble = f"has {len(text)} characters, and at most {MAX_CHARACTERS} are read"
        fail(what, trouble, "build a long formula with sympy instead")
    tokens = scan(text, what)
    source = " ".join(split_long_sums(tokens))
    try:
        body = ast.parse(source, mode="eval").body
    except (RecursionError, MemoryError):
        fail(what, "nests too deeply or has too many factors in one product", "split it")
    except (SyntaxError, ValueError):
        hint = "check its signs, and write numbers without leading zeros"
        fail(what, f"cannot be read in {quote(text.strip())}", hint)
    steps, names, calls = check(body, source, what, functions)
    ordered = tuple(sorted(names, key=natural_key))
    return Parsed(text.strip(), ordered, frozenset(calls), tuple(steps), what)

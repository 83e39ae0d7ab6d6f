"""Names and numbers at the door: parameters, variables, exact rationals, the compile stamp."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from flowopt import _check, _native


@functools.cache
def symbolic_stamp() -> str:
    """Return the fingerprint of everything that makes kernels from expressions."""
    version = hashlib.sha256(_native.version_stamp("sympy", ["release.py"])).hexdigest()[:8]
    return _native.fingerprint("symbolic", "_pointers.py", *_native.COMPILER) + "-" + version


def exact(expr: Any) -> Any:
    """Return `expr` with each float replaced by the rational of its shortest decimal."""
    import sympy

    return expr.xreplace({f: sympy.Rational(repr(float(f))) for f in expr.atoms(sympy.Float)})


def checked_parameters(parameters: Mapping[str, float] | None) -> dict[str, float]:
    """Return named numbers, each name an identifier and each value a real number."""
    if parameters is None:
        return {}
    if not isinstance(parameters, Mapping):
        raise TypeError("parameters must be a mapping of names to numbers, got "
                        f"{_check.shown(parameters)}")
    made = {}
    for name, value in parameters.items():
        made[checked_name("parameters", name)] = _check.real(f"parameters[{str(name)!r}]", value,
                                                             finite=False)
    return made


def checked_used(parameters: Mapping[str, float], used: Collection[str], where: str) -> None:
    """Refuse a parameter that does not occur: it has no effect, or its name is mistyped."""
    for name in parameters:
        if name not in used:
            raise ValueError(f"parameters names {name}, which does not occur in {where}; leave it "
                             "out, or correct its name")


def checked_name(what: str, name: Any) -> str:
    """Return `name` (a string or a symbol) if it is an identifier."""
    text = str(name)
    if not text.isidentifier() or text in ("pi", "E"):
        raise ValueError(f"each name in {what} must be an identifier other than pi and E, got "
                         f"{_check.shown(text)}")
    return text


def checked_names(variables: Sequence[Any]) -> list[str]:
    """Return distinct names of variables."""
    if isinstance(variables, str):
        variables = variables.replace(",", " ").split()
    names = [checked_name("variables", v) for v in variables]
    twice = [n for n in names if names.count(n) > 1]
    if twice:
        raise ValueError(f"variables must be distinct, got {twice[0]} twice")
    return names


def merged(parameters: Mapping[str, float], values: Mapping[str, float]) -> dict[str, float]:
    """Return `parameters` with the new `values`; an unknown name is refused."""
    for name in values:
        if name not in parameters:
            raise ValueError(f"there is no parameter {name}; "
                             f"{_check.nearest(name, list(parameters) or ['(none)'])}")
    return {**parameters, **{n: _check.real(n, v, finite=False) for n, v in values.items()}}

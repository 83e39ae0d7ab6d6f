"""A verdict with one leaf of its evidence changed, for each: what a check must refuse."""

import copy
from dataclasses import replace
from fractions import Fraction


def leaves(data, path=()):
    """The paths of all leaves of nested data."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield from leaves(value, (*path, key))
    elif isinstance(data, (list, tuple)):
        for key, value in enumerate(data):
            yield from leaves(value, (*path, key))
    else:
        yield path


def _other(value):
    if isinstance(value, int):
        return [value + 1]
    try:
        number = Fraction(value)
    except ValueError:
        return [f"2*({value})"] if value else ["g"]
    # a tiny change, and the other sign
    return [str(number + Fraction(1, 10**30)), *([str(-number)] if number else [])]


def changed(verdict):
    """The verdict with one leaf of its evidence changed, for each, with the digest made anew."""
    which = "certificate" if verdict.proved else "counterexample"
    shown = getattr(verdict, which)
    for path in leaves(shown.data):
        old = shown.data
        for key in path:
            old = old[key]
        for value in _other(old):
            data = copy.deepcopy(shown.data)
            inner = data
            for key in path[:-1]:
                inner = inner[key]
            inner[path[-1]] = value
            made = replace(verdict, **{which: replace(shown, data=data)})
            yield path, value, replace(made, digest=made._digest())

"""Change every leaf of a verdict's evidence, one at a time, and seal it again."""

import copy
from dataclasses import replace

from flowopt.stability.verdict import Evidence


def leaves(data, path=()):
    """Yield the path of every leaf: what is no dict and no list, and every empty one of these."""
    items = list(data.items()) if isinstance(data, dict) else (
        list(enumerate(data)) if isinstance(data, list) else None)
    if not items:
        yield path
        return
    for key, value in items:
        yield from leaves(value, (*path, key))


def others(value):
    """Return values that a leaf might be changed to."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1]
    if value is None:
        return ["0"]
    if isinstance(value, str):
        number = value.lstrip("-").replace("/", "").isdigit()
        return [f"({value}) + 1" if not number else str(eval_fraction(value) + 1), "no such text"]
    return [["0"]] if isinstance(value, list) else [{"a": "0"}]


def eval_fraction(text):
    from fractions import Fraction

    return Fraction(text)


def changed(data, path, value):
    made = copy.deepcopy(data)
    inner = made
    for key in path[:-1]:
        inner = inner[key]
    if not path:
        return value
    inner[path[-1]] = value
    return made


def survivors(verdict):
    """Return the changes of the evidence after which the check still holds; there should be none.

    The digest is made anew each time, so that the mathematics alone must refuse.
    """
    key = "certificate" if verdict.proved else "counterexample"
    shown = getattr(verdict, key)
    found = []
    for path in leaves(shown.data):
        here = shown.data
        for k in path:
            here = here[k]
        for value in others(here):
            forged = replace(verdict, **{key: Evidence(shown.kind,
                                                       changed(shown.data, path, value))})
            forged = replace(forged, digest=forged._digest())
            if forged.check():
                found.append((path, value))
    return found

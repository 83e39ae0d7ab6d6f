"""What the tests of polynomial proofs share: claims about fields, and changed certificates."""

import copy
import json
import time
from fractions import Fraction

import flowopt as fo
from flowopt.stability.exact import Refused
from flowopt.stability.proving import Problem
from flowopt.stability.rational.polynomial import attempt
from flowopt.stability.statement import box_domain, field_system, statement


def judge(equations, variables, claim, V=None, box=None, parameters=None, seconds=20.0,
          assumptions=(), **options):
    """Return the verdict on a claim about a field, given by equations or as an object."""
    field = equations if hasattr(equations, "system") else fo.VectorField(
        equations, variables, parameters=parameters)
    made = statement(claim, field_system(field), V, domain=box_domain(box, len(field.names)),
                     assumptions=assumptions, **options)
    verdict = attempt(Problem(field, made, V, time.monotonic() + seconds))
    if verdict is not None and not verdict.unknown:
        assert verdict.check(), verdict.refusal()
        assert type(verdict).from_json(verdict.to_json()).check()
        assert verdict.explain() and verdict.latex()
    return verdict


def leaves(data, path=()):
    """Yield the path of every leaf of plain data."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield from leaves(value, (*path, key))
    elif isinstance(data, list):
        for key, value in enumerate(data):
            yield from leaves(value, (*path, key))
    else:
        yield path, data


def changed(value):
    """Return other values for a leaf."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value - 1]
    if value is None:
        return ["1"]
    try:
        number = Fraction(value)
        return [str(number + 1), str(number + Fraction(1, 10**9)), str(-number - 1), "x", ""]
    except ValueError:
        return [f"{value} + 1", f"2*({value})", "1", ""]


def survivors(verdict, most=25):
    """Return the changes of single leaves of the evidence after which the check still holds.

    Of many leaves, `most` of them spread evenly are tried, and those that are not numbers.
    """
    shown = verdict.certificate or verdict.counterexample
    plain = json.loads(json.dumps(shown.data))
    found = []
    every = list(leaves(plain))
    step = -(-len(every) // most)
    for k, (path, value) in enumerate(every):
        if k % step and path[-2:-1] and "gram" in path:
            continue
        for other in changed(value):
            if other == value:
                continue
            data = copy.deepcopy(plain)
            inner = data
            for key in path[:-1]:
                inner = inner[key]
            inner[path[-1]] = other
            try:
                args = ((verdict.status,) if len(getattr(shown.checker, "SHOWS", ("proved",))) > 1
                        else ())
                shown.checker.check(verdict.statement, data, *args)
            except (Refused, TypeError, ValueError, KeyError, IndexError, AttributeError,
                    ArithmeticError):
                continue
            found.append((path, value, other))
    return found

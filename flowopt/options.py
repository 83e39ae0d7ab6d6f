"""The options of an experiment: what each means and may be, stated once, at its field."""

from __future__ import annotations

import dataclasses
import typing
from typing import Any

from flowopt import _check

#: the types that are checked, how, and the bounds that each may have
_KINDS: dict[Any, tuple[Any, frozenset[str]]] = {
    int: (_check.integer, frozenset({"at_least", "at_most"})),
    float: (_check.real, frozenset({"at_least", "above", "at_most"})),
    bool: (_check.flag, frozenset()),
}


def option(default: Any, help: str, *, at_least: float | None = None, above: float | None = None,
           at_most: float | None = None) -> Any:
    """Return a field of a dataclass: an option with its help and its range.

    The range is checked where the dataclass derives from `Options`.

    Parameters
    ----------
    default : object
        The value when nothing is given.
    help : str
        What ``flowopt run NAME --help`` shows.
    at_least, at_most : float, optional
        Closed bounds of an int or a float.
    above : float, optional
        An open bound of a float, in place of `at_least`.

    Returns
    -------
    dataclasses.Field
        With the metadata ``help``, and ``range`` where there is one.

    Raises
    ------
    ValueError, TypeError
        When a bound is no finite number, or both `at_least` and `above` are given.

    Examples
    --------
    >>> dict(option(0.01, "learning rate", above=0.0).metadata)
    {'help': 'learning rate', 'range': {'above': 0.0}}
    """
    given = {"at_least": at_least, "above": above, "at_most": at_most}
    bounds = {name: bound for name, bound in given.items() if bound is not None}
    for name, bound in bounds.items():
        _check.real(name, bound)
    if "at_least" in bounds and "above" in bounds:
        raise ValueError(f"above must not be given together with at_least, got above = {above} and "
                         f"at_least = {at_least}; leave one out")
    metadata = {"help": help, "range": bounds} if bounds else {"help": help}
    return dataclasses.field(default=default, metadata=metadata)


class Options:
    """The base of a frozen dataclass of options, which checks each of them when it is made.

    A value of type int, float or bool must be one, finite and in its range, and is kept as this
    type; values of other types are taken as they are. What depends on more than one field belongs
    in a ``__post_init__`` that calls ``super().__post_init__()`` first.

    Raises
    ------
    ValueError, TypeError
        When a value is refused, in one sentence that names it; and when a range is given that a
        field of its type cannot have.

    Examples
    --------
    >>> @dataclasses.dataclass(frozen=True)
    ... class Config(Options):
    ...     lr: float = option(0.01, "learning rate", above=0.0)
    ...     seed: int = option(0, "the first seed", at_least=0, at_most=2**31)
    >>> Config(lr=1)
    Config(lr=1.0, seed=0)
    >>> Config(seed=-1)
    Traceback (most recent call last):
    ...
    ValueError: seed must be an integer >= 0 and <= 2147483648, got -1
    """

    def __post_init__(self: Any) -> None:
        """Check every field, in order."""
        kinds = typing.get_type_hints(type(self))
        for f in dataclasses.fields(self):
            if f.init:
                value = _checked(f.name, getattr(self, f.name), kinds[f.name],
                                 f.metadata.get("range", {}))
                object.__setattr__(self, f.name, value)


def _checked(name: str, value: Any, kind: Any, bounds: dict[str, float]) -> Any:
    check, may_have = _KINDS.get(kind, (None, frozenset()))
    for bound in bounds:
        if bound not in may_have:
            can = f"can have {' and '.join(sorted(may_have))}" if may_have else "has no range"
            raise TypeError(f"the option {name} must not have {bound}: a field of type "
                            f"{getattr(kind, '__name__', kind)} {can}; check it in __post_init__")
    return value if check is None else check(name, value, **bounds)

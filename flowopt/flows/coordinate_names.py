"""The names of θ and the states of a flow on a loss: made one by one, as there may be millions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, overload


class CoordinateNames(Sequence[str]):
    """The names of the loss's coordinates, then the same again with each state in front."""

    def __init__(self, loss: Any, states: Sequence[str]) -> None:
        self.loss, self.prefixes = loss, ["", *(f"{state}_" for state in states)]

    def __len__(self) -> int:
        return self.loss.n * len(self.prefixes)

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...

    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        places = range(len(self))[index]
        if isinstance(places, range):
            return tuple(self._at(i) for i in places)
        return self._at(places)

    def _at(self, i: int) -> str:
        block, place = divmod(i, self.loss.n)
        return f"{self.prefixes[block]}{self.loss.names[place]}"

    def __iter__(self) -> Iterator[str]:
        return (a + v for a in self.prefixes for v in self.loss.names)

    def __contains__(self, name: object) -> bool:
        return any(str(name).startswith(a) and self.loss.has_name(str(name)[len(a):])
                   for a in self.prefixes)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

"""What a run returns: times, states, status, statistics, events, and the path between the times."""

from __future__ import annotations

import io
import json
import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from flowopt import _check, _native
from flowopt.integrators.dense import Dense, Piece
from flowopt.integrators.status import Status


@dataclass(frozen=True)
class Stats:
    """The cost of a run: steps taken and rejected, evaluations of F and its Jacobian, seconds."""

    n_steps: int = 0
    n_rejected: int = 0
    n_rhs: int = 0
    n_jac: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Events:
    """What happened along a run: when, where, on which surface, and what kind.

    kind is "cross" (the motion goes through a switching surface), "slide" (it stays on it) or
    "leave"; or "event", and then `which` is the place in the user's list of events.
    """

    t: np.ndarray
    y: np.ndarray
    which: np.ndarray
    kind: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.t)

    @staticmethod
    def of(found: list[tuple[float, np.ndarray, int, str]], m: int) -> Events:
        """Return the events of a list of (t, y, which, kind)."""
        if not found:
            return Events(np.zeros(0), np.zeros((0, m)), np.zeros(0, dtype=int))
        return Events(np.array([e[0] for e in found]),
                      np.array([e[1] for e in found]).reshape(len(found), m),
                      np.array([e[2] for e in found], dtype=int), tuple(e[3] for e in found))


@dataclass(frozen=True)
class Trajectory:
    """A run: the states at its times, how it ended, and what it cost.

    Attributes
    ----------
    t : ndarray, shape (k,)
        Times: those of `save_at`, or of every step.
    y : ndarray, shape (k, m)
        States: θ and the states of the flow.
    status : Status
        How the run ended; `message` says it in a sentence.
    stats : Stats
        Steps, evaluations and seconds.
    events : Events
        What happened on switching surfaces.
    seed : int or None
        The seed of a run with noise.

    Examples
    --------
    >>> import flowopt as fo
    >>> field = fo.flows.GradientFlow().on(fo.Loss("x**2/2"))
    >>> traj = fo.integrate(field, [1.0], t=(0.0, 1.0))
    >>> traj.status, traj.x.shape == (len(traj.t), 1)
    (<Status.REACHED_END: 1>, True)
    >>> bool(abs(traj(0.5)[0] - 0.6065306597126334) < 1e-8)
    True
    """

    t: np.ndarray
    y: np.ndarray
    status: Status
    stats: Stats
    events: Events
    n: int
    names: tuple[str, ...]
    method: str
    about: str = ""
    note: str = ""
    seed: int | None = None
    dense: Dense | None = field(default=None, repr=False)
    vector_field: Any = field(default=None, repr=False)
    stored_loss: np.ndarray | None = field(default=None, repr=False)

    @property
    def x(self) -> np.ndarray:
        """The parameters θ along the run: (k, n)."""
        return self.y[:, :self.n]

    @property
    def message(self) -> str:
        """How the run ended, in a sentence."""
        return f"{self.status.sentence} {self.note}".strip()

    @cached_property
    def loss(self) -> np.ndarray:
        """The loss along the run: (k,)."""
        if self.stored_loss is not None:
            return self.stored_loss
        if self.vector_field is None or self.vector_field.loss is None:
            raise ValueError("this run has no loss: its field was given as equations; use a flow "
                             "on a loss")
        return self.vector_field.loss.value(self.x)

    def __call__(self, t: Any) -> np.ndarray:
        """Return y at time t inside the run: (m,), or (k, m) for times (k,)."""
        if self.dense is None:
            raise ValueError("this run kept no steps to interpolate; pass dense=True to integrate")
        times = _check.array("t", t, "() or (k,)", (0, 1))
        flat = np.atleast_1d(times)
        low, high = self.dense.span
        outside = (flat < low) | (flat > high)
        if outside.any() and self.status is Status.STUCK:  # the state stays for ever
            outside = flat < low if self.dense.direction > 0 else flat > high
        if outside.any():
            raise ValueError(f"t must lie inside the run, from {low:g} to {high:g}, got "
                             f"{flat[outside][0]:g}")
        if not self.dense.pieces:
            out = np.repeat(self.y[-1:], len(flat), axis=0)
        else:
            out = self.dense(np.clip(flat, low, high), self.y.shape[1])
        return out[0] if times.ndim == 0 else out

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the run to a file (a zip of arrays and a header); `flowopt.load` reads it."""
        target = Path(path)
        if not target.parent.is_dir():
            raise FileNotFoundError(f"path must lie in a folder that exists, got {target}")
        if target.exists() and not target.is_file():
            raise ValueError(f"path must be an ordinary file, or a new one, got {target}")
        arrays: dict[str, Any] = {"t": self.t, "y": self.y, "event_t": self.events.t,
                                  "event_y": self.events.y, "event_which": self.events.which}
        has_loss = self.stored_loss is not None or (
            self.vector_field is not None and self.vector_field.loss is not None)
        if has_loss:
            arrays["loss"] = self.loss
        pieces = [] if self.dense is None else self.dense.pieces
        for i, piece in enumerate(pieces):
            arrays |= {f"piece{i}_t": piece.t, f"piece{i}_h": piece.h, f"piece{i}_y": piece.y,
                       f"piece{i}_c": piece.polynomial(), f"piece{i}_last": piece.last}
        from flowopt import __version__

        header = {"flowopt": __version__, "status": self.status.name, "stats": vars(self.stats),
                  "kind": self.events.kind, "n": self.n, "names": list(self.names),
                  "method": self.method, "about": self.about, "note": self.note,
                  "seed": self.seed,
                  "ends": [p.end for p in pieces], "roots": [p.root for p in pieces],
                  "begin": None if self.dense is None else self.dense.begin,
                  "direction": None if self.dense is None else self.dense.direction}
        buffer = io.BytesIO()
        np.savez(buffer, header=np.frombuffer(json.dumps(header).encode(), dtype=np.uint8),
                 **arrays)
        _native.write_atomically(target.resolve(), buffer.getvalue())

    def to_xarray(self) -> Any:
        """Return the run as an xarray.Dataset (needs xarray)."""
        try:
            import xarray
        except ImportError:
            raise ImportError("to_xarray needs xarray; install it with pip install xarray"
                              ) from None
        data = {name: ("t", self.y[:, i]) for i, name in enumerate(self.names)}
        if self.stored_loss is not None or (self.vector_field is not None
                                            and self.vector_field.loss is not None):
            data["loss"] = ("t", self.loss)
        return xarray.Dataset(data, coords={"t": self.t},
                              attrs={"status": self.status.name, "method": self.method})

    def __repr__(self) -> str:
        return (f"<Trajectory {self.about}: {self.status.name} at t={self.t[-1]:.6g}, "
                f"{len(self.t)} times, {self.stats.n_steps} steps of {self.method}>")


def load(path: str | os.PathLike[str]) -> Trajectory:
    """Return the run that `Trajectory.save` wrote.

    Raises
    ------
    ValueError
        When the file is not such a run, or is damaged.

    Examples
    --------
    >>> import flowopt as fo, tempfile, os
    >>> traj = fo.integrate(fo.VectorField(["-y"], ["y"]), [1.0], t=(0.0, 1.0))
    >>> name = os.path.join(tempfile.mkdtemp(), "run.npz")
    >>> traj.save(name)
    >>> bool((fo.load(name)(0.5) == traj(0.5)).all())
    True
    """
    import zipfile
    import zlib

    try:
        with np.load(path, allow_pickle=False) as data:
            header = json.loads(bytes(data["header"]).decode())
            pieces = [Piece(data[f"piece{i}_t"], data[f"piece{i}_h"], data[f"piece{i}_y"], end,
                            data[f"piece{i}_last"], coefficients=data[f"piece{i}_c"],
                            root=header["roots"][i])
                      for i, end in enumerate(header["ends"])]
            direction = header["direction"]
            return Trajectory(
                data["t"], data["y"], Status[header["status"]], Stats(**header["stats"]),
                Events(data["event_t"], data["event_y"], data["event_which"],
                       tuple(header["kind"])),
                header["n"], tuple(header["names"]), header["method"], header["about"],
                header["note"], header["seed"], None if direction is None else
                Dense(pieces, header["begin"], direction),
                stored_loss=data["loss"] if "loss" in data else None)
    except FileNotFoundError:
        raise
    except (KeyError, ValueError, TypeError, EOFError, OSError, RuntimeError, NotImplementedError,
            zipfile.BadZipFile, zlib.error) as problem:
        raise ValueError(f"path must be a run written by Trajectory.save, and {os.fspath(path)} "
                         f"is not one, or is damaged ({type(problem).__name__})") from None

"""`analyze`: what is known of a flow on a loss, as one report.

Equilibria with their kinds, what is proved of the flow on any loss and on this one, basins in one
dimension, exact step limits at the minima, and arrival times. A budget of seconds is shared by the
parts; what is not settled by then is listed as unknown.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from flowopt import _check
from flowopt.deadline import Budget, TimeSpent, time_limit
from flowopt.reporting import Table
from flowopt.results import plain

#: the methods whose step limits are told
METHODS = ("Euler", "Heun", "RK4", "ImplicitEuler")
#: what part of the seconds each part may take
SHARES = {"equilibria": 0.4, "proofs": 0.35, "basins": 0.15, "steps": 0.3, "arrivals": 0.2}
#: how long motions are followed for their arrival
HORIZON = 1000.0


@dataclass(frozen=True)
class Analysis:
    """What `analyze` found.

    Attributes
    ----------
    field : VectorField
        The flow on the loss.
    box : list of pairs, or None
        Where it was looked for equilibria; None: everywhere.
    equilibria : Equilibria or None
        As `fo.equilibria` returns them; None where the time was spent.
    any_loss, this_loss : list of Verdict
        Claims about the flow on any loss, and on this one.
    basins : object or None
        As `fo.basins` returns them, in one dimension.
    steps : list of (str, ndarray, StepLimit, NoStableStep or str)
        Method, minimum, and the stable steps there, the proof that there are none, or why they are
        not known.
    arrivals : list of dict
        Start, status, time and place where the motion ended; for the loss-normalised flow the time
        without a clip, ln((L₀ − L*)/(L − L*)); on a quadratic loss the bounds of
        `flowopt.stability.settling_time_bounds`.
    unsettled : tuple of str
        What is unknown, and why.
    seconds : float
        How long it took.
    """

    field: Any
    box: list[tuple[float, float]] | None
    equilibria: Any = None
    any_loss: tuple[Any, ...] = ()
    this_loss: tuple[Any, ...] = ()
    basins: Any = None
    steps: tuple[tuple[str, Any, Any], ...] = ()
    arrivals: tuple[dict[str, Any], ...] = ()
    unsettled: tuple[str, ...] = ()
    seconds: float = field(default=0.0, compare=False)

    @property
    def text(self) -> str:
        """The report."""
        return "\n\n".join(part for part in _parts(self) if part)

    def to_json(self, indent: int | None = 1) -> str:
        """Return the report as JSON; the verdicts in it can be loaded and checked again."""
        return json.dumps(_data(self), indent=indent, allow_nan=False)

    def figures(self) -> dict[str, Any]:
        """Return figures by name: the phase portrait, and in two dimensions the levels of V.

        Raises
        ------
        ValueError
            When the field has more than two variables.
        """
        from flowopt.portraits import phase_portrait

        if self.field.m > 2:
            raise ValueError(f"a portrait needs one or two variables, and {self.field.name} has "
                             f"{self.field.m}")
        box = _portrait_box(self)
        made = {"portrait": phase_portrait(self.field, box, equilibria=self.equilibria or ())}
        V = next((v.statement["V"] for v in self.this_loss if v.proved and v.statement["V"]), None)
        if V is not None and self.field.m == 2:
            made["levels"] = phase_portrait(self.field, box, V=V, equilibria=self.equilibria or (),
                                            title=f"{self.field.name}: V = {_clip(V, 50)}")
        return made

    def __repr__(self) -> str:
        return self.text


def analyze(loss: Any, flow: Any, box: Sequence[Sequence[float]] | None = None, *,
            x0: Any = None, seconds: float = 60.0,
            progress: Callable[[float, str], None] | None = None) -> Analysis:
    """Return what is known of a flow on a loss.

    Parameters
    ----------
    loss : Loss, str or sympy.Expr
        The loss; with an expression.
    flow : Flow
        The flow, given by rules.
    box : sequence of pairs, optional
        Where to look for equilibria and to draw, a pair (low, high) for each variable of θ (or of
        all of y). A polynomial or rational field needs none.
    x0 : array_like, shape (k, n) or (n,), optional
        Starts whose arrival times are told; by default the ends of the box in one dimension.
    seconds : float, > 0
        The budget.
    progress : callable, optional
        ``progress(share, text)``.

    Returns
    -------
    Analysis
        ``.text`` is the report, ``.to_json()`` the same as data.

    Raises
    ------
    TypeError, ValueError
        For a loss or a flow without an expression, and a box that is empty or reversed.

    Examples
    --------
    >>> import flowopt as fo
    >>> found = fo.analyze("x**4/4 - x**2/2", fo.flows.GradientFlow())
    >>> [e.kind for e in found.equilibria]
    ['minimum', 'maximum', 'minimum']
    """
    from flowopt.flows.flow import Flow
    from flowopt.losses.loss import KernelLoss, Loss
    from flowopt.portraits import checked_box

    seconds = _check.real("seconds", seconds, above=0.0)
    if not isinstance(loss, Loss):
        loss = Loss(loss)
    if isinstance(loss, KernelLoss):
        raise TypeError(f"loss must be given by an expression, and {loss.name} is a function")
    if not isinstance(flow, Flow) or not flow.rules:
        raise TypeError("flow must be a Flow given by rules, got " + _check.shown(flow))
    made = flow.on(loss)
    ranges = None if box is None else checked_box(box, loss.n if _length(box) != made.m else made.m)
    starts = _starts(x0, loss.n)
    work = _Work(made, ranges, starts, Budget(seconds), progress or (lambda share, text: None))
    return work.done()


class _Work:
    """The parts, each with its share of the time; what fails is put on the list of unsettled."""

    def __init__(self, field: Any, box: Any, starts: Any, budget: Budget, progress: Any) -> None:
        self.field, self.box, self.starts = field, box, starts
        self.budget, self.progress = budget, progress
        self.unsettled: list[str] = []

    def part(self, name: str, words: str, make: Callable[[], Any], otherwise: Any) -> Any:
        self.progress(1.0 - self.budget.left() / self.budget.seconds, words)
        seconds = self.budget.share(SHARES[name])
        try:
            with time_limit(seconds):
                return make()
        except TimeSpent:
            self.unsettled.append(f"{words}: the time is spent ({seconds:.3g} s)")
        except NotImplementedError as problem:
            self.unsettled.append(f"{words}: {problem}")
        return otherwise

    def done(self) -> Analysis:
        start = time.monotonic()
        found = self.part("equilibria", "equilibria", self._equilibria, None)
        if found is not None and not found.complete:
            self.unsettled.append(f"equilibria: {found.reason}")
        any_loss = self.part("proofs", "proofs for any loss", self._any_loss, ())
        this_loss = self.part("proofs", "proofs for this loss", self._this_loss, ())
        basins = None
        if self.field.m == 1:
            basins = self.part("basins", "basins", self._basins, None)
        steps = self.part("steps", "step limits", lambda: self._steps(found), ())
        arrivals = self.part("arrivals", "arrivals", lambda: self._arrivals(found), ())
        for verdict in (*any_loss, *this_loss):
            if verdict.unknown:
                whole = verdict.statement["system"]["kind"] == "flow"
                where = "any loss" if whole else "this loss"
                V = verdict.statement["V"] if where == "any loss" else "the same V"
                self.unsettled.append(f"{verdict.statement['claim']} with V = {V}, for {where}: "
                                      f"{verdict.reason}".replace("V = the same V", "the same V"))
        return Analysis(self.field, self.box, found, any_loss, this_loss, basins, steps, arrivals,
                        tuple(self.unsettled), time.monotonic() - start)

    def _equilibria(self) -> Any:
        from flowopt.stability import equilibria

        box = self.box
        if box is not None and len(box) != self.field.m:
            box = [*box, *[box[k % self.field.n] for k in range(self.field.m - self.field.n)]]
        return equilibria(self.field, box)

    def _claims(self) -> list[tuple[str | None, str, list[str]]]:
        """Return V, claim and assumptions that may hold for this flow on any loss."""
        states, given = self.field.flow.states, self.field.flow.parameters
        V = "L" if not states else f"L + dot({states[0]}, {states[0]})/2"
        signs = [f"{k} >= 0" for k, v in given.items()
                 if v >= 0 and k not in self.field.flow.positive and k != "minimum"]
        assumed = [*signs, *(["L >= minimum"] if "minimum" in given else [])]
        return [(V, "nonincreasing", assumed),
                (V, "converges_to_critical_set", [*assumed, "coercive"])]

    def _any_loss(self) -> tuple[Any, ...]:
        from flowopt.stability.proving import prove

        return tuple(prove(self.field.flow, V, claim=claim, assumptions=assumed,
                           seconds=max(0.1, 0.4 * self.budget.share(SHARES["proofs"])))
                     for V, claim, assumed in self._claims())

    def _this_loss(self) -> tuple[Any, ...]:
        import sympy

        from flowopt.stability.exact import write
        from flowopt.stability.proving import prove

        field = self.field
        V = sympy.sympify(field.loss.expr)
        if field.flow.states:
            V = V + sum(s**2 for s in field.symbols[field.n:2 * field.n]) / 2
        return tuple(prove(field, write(V), claim=claim,
                           seconds=max(0.1, 0.4 * self.budget.share(SHARES["proofs"])))
                     for claim in ("nonincreasing", "decreasing"))

    def _basins(self) -> Any:
        from flowopt.stability import basins

        return basins(self.field, self.box)

    def _steps(self, found: Any) -> tuple[tuple[str, Any, Any], ...]:
        import flowopt
        from flowopt.stability.iterations.no_stable_step import no_stable_step
        from flowopt.stability.steps.limits import step_limit

        flow, loss = self.field.flow, self.field.loss
        made: list[tuple[str, Any, Any]] = []
        never: Any = False  # whether Euler's step is stable nowhere: asked once
        for e in found or ():
            if "minimum" not in e.kinds:
                continue
            for name in METHODS:
                method = getattr(flowopt, name)(h=0.1)
                limit: Any
                try:
                    limit = step_limit(flow, method, loss=loss, at=e.x)
                except (ValueError, NotImplementedError) as problem:
                    limit = f"not decided: {problem}"
                if name == "Euler" and getattr(limit, "stable", None) is None:
                    if never is False:
                        least = min(p.loss for p in found if p.loss is not None)
                        never = no_stable_step(flow, loss, least,
                                               0.5 * self.budget.share(SHARES["steps"]))
                    limit = never or limit
                made.append((name, e.x, limit))
        return tuple(made)

    def _arrivals(self, found: Any) -> tuple[dict[str, Any], ...]:
        import flowopt as fo

        made = []
        for start in self.starts if self.starts is not None else self._ends(found):
            run = fo.integrate(self.field, start, t=(0.0, HORIZON),
                               method=fo.DOP853(rtol=1e-10, atol=1e-12), rest=1e-9)
            made.append({"x0": np.atleast_1d(start), "status": run.status.name,
                         "t": float(run.t[-1]), "x": run.x[-1],
                         "law": _law(self.field, start, run),
                         "bounds": _bounds(self.field, start)})
        return tuple(made)

    def _ends(self, found: Any) -> list[Any]:
        if self.field.n != 1:
            return []
        low, high = _span(self.box, found)
        return [[low], [high]]


def _law(field: Any, start: Any, run: Any) -> float | None:
    """Return the time of arrival without a clip, by dL/dt = −(L − L*)."""
    from flowopt.flows import LossNormalizedFlow

    if field.flow.definition != LossNormalizedFlow().definition:
        return None
    least = field.flow.parameters["minimum"]
    first, last = (float(field.loss.value(np.atleast_1d(x))) - least for x in (start, run.x[-1]))
    return float(np.log(first / last)) if 0 < last < first else None


def _bounds(field: Any, start: Any) -> list[float] | None:
    """Return bounds of the settling time, on a quadratic loss."""
    from flowopt.stability import settling_time_bounds

    try:
        made = settling_time_bounds(field, start, measure=False)
    except (ValueError, TypeError):  # another loss, or another flow
        return None
    return [float(made.lower), float(made.upper)]


def _length(box: Any) -> int:
    try:
        return len(box)
    except TypeError:
        raise TypeError(f"box must be a sequence of pairs (low, high), got {_check.shown(box)}"
                        ) from None


def _starts(x0: Any, n: int) -> Any:
    if x0 is None:
        return None
    made = _check.array("x0", x0, f"({n},) or (k, {n})", (0, 1, 2))
    made = made.reshape(-1, n) if made.ndim < 2 and made.size % n == 0 else np.atleast_2d(made)
    if made.shape[1] != n:
        raise ValueError(f"x0 must have shape ({n},) or (k, {n}), got {np.shape(x0)}")
    return made


def _span(box: Any, found: Any, margin: float = 0.35) -> tuple[float, float]:
    """Return the box in one dimension, or one around the equilibria."""
    if box is not None:
        return tuple(box[0])
    places = [float(e.x[0]) for e in found or ()] or [0.0]
    wide = max(max(places) - min(places), 1.0)
    return min(places) - margin * wide, max(places) + margin * wide


def _portrait_box(made: Analysis) -> list[tuple[float, float]]:
    if made.box is not None and len(made.box) == made.field.m:
        return made.box
    points = np.array([e.y for e in made.equilibria or ()]).reshape(-1, made.field.m)
    if not len(points):
        points = np.zeros((1, made.field.m))
    ranges = []
    for k in range(made.field.m):
        if made.box is not None and k < len(made.box):
            ranges.append(made.box[k])
            continue
        low, high = points[:, k].min(), points[:, k].max()
        wide = max(high - low, 2.0)
        ranges.append((float(low - 0.35 * wide), float(high + 0.35 * wide)))
    return ranges


# ------------------------------------------------------------------ the report
def _clip(text: str, most: int = 300) -> str:
    return text if len(text) <= most else f"{text[:most - 3]}..."


def _point(x: Any) -> str:
    return ", ".join(f"{v:.10g}" for v in np.atleast_1d(x))


def _parts(a: Analysis) -> list[str]:
    where = "" if a.box is None else ", on " + " x ".join(f"[{p:g}, {q:g}]" for p, q in a.box)
    values = ", ".join(f"{k} = {v:g}" for k, v in a.field.parameters.items())
    parts = [f"{a.field.flow.name}{f' ({values})' if values else ''} on L = "
             f"{_clip(str(a.field.loss.expr))}{where}"]
    if a.equilibria is not None:
        parts.append(str(a.equilibria))
    parts.append(_proof_text("Proved for any loss", a.any_loss))
    parts.append(_proof_text("Proved for this loss", a.this_loss))
    if a.basins is not None:
        parts.append("Basins\n" + "\n".join(f"   {line}" for line in str(a.basins).splitlines()))
    if a.steps:
        parts.append(_step_table(a).text)
    if a.arrivals:
        columns = ("from x0", "ends as", "t", "at x", "t unclipped", "bounds of t")
        parts.append(Table("Arrivals of motions", columns, [
            (_point(r["x0"]), r["status"], f"{r['t']:.8g}", _point(r["x"]),
             "" if r["law"] is None else f"{r['law']:.8g}",
             "" if r["bounds"] is None else "[{:.8g}, {:.8g}]".format(*r["bounds"]))
            for r in a.arrivals]).text)
    if a.unsettled:
        parts.append("Unknown\n" + "\n".join(f"   {_clip(line)}" for line in a.unsettled))
    return parts


def _proof_text(title: str, verdicts: Sequence[Any]) -> str:
    shown = [v for v in verdicts if not v.unknown]
    lines = [f"   [{v.status}, {v.trust}] {_clip(v.claim)}" for v in shown]
    return "\n".join([title, *lines]) if lines else ""


def _step_table(a: Analysis) -> Table:
    rows: dict[tuple[str, str], list[str]] = {}  # what is said of several methods is said once
    for method, x, limit in a.steps:
        said = _limit_text(limit) if hasattr(limit, "stable") else str(limit)
        rows.setdefault((_point(x), said.replace(f", {method}", "")), []).append(method)
    return Table("Stable steps at the minima", ("x", "method", "stable for"),
                 [(x, ", ".join(methods), said) for (x, said), methods in rows.items()])


def _limit_text(limit: Any) -> str:
    pairs = limit.stable
    if pairs is None:
        why = limit.verdict.reason if limit.verdict is not None else ""
        return f"not decided{f': {why}' if why else ''}"
    return " or ".join(f"{low:.10g} < h < {high:.10g}" for low, high in pairs) or "no step"


def _step_data(found: Any, verdict: Callable[[Any], Any]) -> dict[str, Any]:
    if isinstance(found, str):
        return {"stable": None, "why": found}
    if hasattr(found, "stable"):
        return {"stable": plain(found.stable), "why": ""}
    return {"stable": [], "why": str(found), "verdict": verdict(found.verdict),
            "least_loss": verdict(found.least_loss)}


def _data(a: Analysis) -> dict[str, Any]:
    def verdict(v: Any) -> Any:
        return None if v is None else json.loads(v.to_json())

    found = None if a.equilibria is None else {
        "complete": a.equilibria.complete, "reason": a.equilibria.reason,
        "points": [{"x": plain(e.x), "y": plain(e.y), "kinds": list(e.kinds), "loss": plain(e.loss),
                    "enclosure": plain(e.enclosure),
                    "eigenvalues": None if e.eigenvalues is None else
                    [[float(v.real), float(v.imag)] for v in e.eigenvalues],
                    "verdict": verdict(e.verdict)} for e in a.equilibria]}
    return {"flow": a.field.flow.name, "parameters": plain(a.field.parameters),
            "loss": str(a.field.loss.expr), "box": plain(a.box),
            "equations": [str(e) for e in a.field.equations], "equilibria": found,
            "any_loss": [verdict(v) for v in a.any_loss],
            "this_loss": [verdict(v) for v in a.this_loss],
            "basins": None if a.basins is None else str(a.basins).splitlines(),
            "steps": [{"method": m, "x": plain(x),
                       **_step_data(s, verdict)} for m, x, s in a.steps],
            "arrivals": plain(list(a.arrivals)), "unsettled": list(a.unsettled),
            "seconds": a.seconds}

"""The linear one-step map of a method as a pencil, y⁺ = D⁻¹ N y with polynomial N and D.

With y' = A y and Ā = δ A polynomial: a Runge–Kutta method of stability function R = P/Q has
N = P(hA), D = Q(hA), each times a power of δ; a splitting is a product of matrices that differ
from the identity in the rows of one group. The characteristic polynomial det(ζD − N) needs no
division.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flowopt.stability.steps.amplify import amplification
from flowopt.stability.steps.clocks import NoLinearisation, Rules, counted, cycle
from flowopt.stability.steps.linearise import jacobian, reached
from flowopt.stability.steps.pencil import Pencil, identity, polynomial, product


class Unsuited(ValueError):
    """The method does not take such a flow; an integration would refuse it too."""


def pencil_of(made: Rules, method: Any) -> Pencil:
    """Return the linear one-step map of a method on the rules."""
    from flowopt.integrators.composed import ComposedEuler
    from flowopt.integrators.methods import SequentialEuler, SymplecticEuler
    from flowopt.integrators.stochastic import BAOAB
    from flowopt.integrators.structured import ConformalLeapfrog

    if isinstance(method, ComposedEuler) and method.shrink is not None:
        raise NoLinearisation("the proximal step of L1 takes theta to 0 and holds it there")
    splitting = isinstance(method, (SequentialEuler, SymplecticEuler, ComposedEuler))
    parts = _reached(made, _phases(made, method, splitting))
    if isinstance(method, (ConformalLeapfrog, BAOAB)):
        return _exact_friction(made, parts, method, isinstance(method, BAOAB))
    return _splitting(made, parts) if splitting else _stages(made, parts, method)


@dataclass
class _Parts:
    """The groups of a step in their order, each with the Jacobian at its clocks.

    Of the linear variables those that the motion reaches are kept; `held` and `meaning` are as in
    a `Pencil`.
    """

    rows: list[list[int]]
    jacobians: list[Any]
    variables: tuple[str, ...]
    held: dict[str, str]
    meaning: Any


def _phases(made: Rules, method: Any, splitting: bool) -> list[tuple[list[int], Any]]:
    """Return (rows of a group, Jacobian) for each group in one cycle of the clocks."""
    import sympy

    groups = _groups(made, method)
    round_ = cycle(made, groups)
    if len(round_) > 64:
        raise NoLinearisation(f"the cycle of the rule has {len(round_)} steps, and at most 64 "
                              "are taken")
    counts = len(round_) > 1 or any(made.rhs[c].has(sympy.Piecewise) for c in made.clocks)
    if counts and not splitting:
        raise NoLinearisation(f"the rule counts its steps, and {type(method).__name__} takes "
                              "parts of a step")
    phases = []
    for clocks in round_:
        for group in groups:
            rows = [i for i, s in enumerate(made.linear) if s in group]
            if rows:
                phases.append((rows, jacobian(made, clocks)))
            clocks = counted(made, group, clocks)
    return phases


def _reached(made: Rules, phases: list[tuple[list[int], Any]]) -> _Parts:
    """Return the phases on the variables that are reached, with P for the frozen scales."""
    n = range(len(made.linear))
    union = [[next((j[i][k] for _, j in phases if j[i][k] != 0), 0) for k in n] for i in n]
    kept = reached(union)
    rows = [[kept.index(r) for r in rows if r in kept] for rows, _ in phases]
    jacobians = [[[j[i][k] for k in kept] for i in kept] for _, j in phases]
    held, meaning = _hold(made, jacobians)
    return _Parts(rows, jacobians, tuple(made.linear[i] for i in kept), held, meaning)


def _ring_of(made: Rules, parts: _Parts, *extra: Any) -> tuple[Any, Any, list[Any]]:
    """Return the ring with the step as its first generator, δ, and δ times each Jacobian."""
    import sympy

    entries = [sympy.sympify(e) for j in parts.jacobians for row in j for e in row]
    gens = sorted({s for e in entries for s in e.free_symbols} | {made.step} | set(extra),
                  key=lambda s: (s != made.step, str(s)))
    return _ringed(parts.jacobians, gens)


def _exact_friction(made: Rules, parts: _Parts, method: Any, baoab: bool) -> Pencil:
    """Return the pencil of a splitting whose friction is solved exactly, by c = exp(−γh)."""
    import sympy

    c_ = sympy.Symbol("c_", positive=True)
    rubs = _rubs(parts.jacobians[0], method)
    ring, delta, matrices = _ring_of(made, parts, *((c_,) if rubs else ()))
    c = ring.one
    if rubs:
        c = ring.gens[ring.symbols.index(c_)]
        parts.held["c_"] = "exp(-gamma*h)" if baoab else "exp(-gamma*h/2)"
    N, D = _conformal(ring, matrices[0], delta, ring.gens[0], c, baoab)
    return Pencil(N, D, ring, parts.variables, parts.held, None, parts.meaning)


def _splitting(made: Rules, parts: _Parts) -> Pencil:
    """Return the product of explicit steps, each of one group with the new values before it."""
    ring, delta, matrices = _ring_of(made, parts)
    h, n = ring.gens[0], len(parts.variables)
    N, scale = identity(ring, n), ring.one
    for rows, matrix in zip(parts.rows, matrices, strict=True):
        if not rows:
            continue
        step = [[(delta if i == j else ring.zero) + (h * matrix[i][j] if i in rows
                                                     else ring.zero)
                 for j in range(n)] for i in range(n)]
        N, scale = product(step, N), scale * delta
    return Pencil(N, identity(ring, n, scale), ring, parts.variables, parts.held, None,
                  parts.meaning)


def _stages(made: Rules, parts: _Parts, method: Any) -> Pencil:
    """Return R(hA) of a method with a stability function R = P/Q."""
    from flowopt.integrators.structured import DiscreteGradient

    ring, delta, matrices = _ring_of(made, parts)
    if isinstance(method, DiscreteGradient) and not (len(made.rhs) == 1 and _is_gradient(made)):
        raise Unsuited("DiscreteGradient needs a gradient flow, a constant times -grad L")
    found = amplification(method)
    if found is None:
        raise NoLinearisation(f"{type(method).__name__} is no map of one step that can be "
                              "linearised")
    above, below = found
    degree = max(len(above), len(below)) - 1
    scaled = [[ring.gens[0] * e for e in row] for row in matrices[0]]
    return Pencil(polynomial(above, scaled, delta, degree, ring),
                  polynomial(below, scaled, delta, degree, ring), ring, parts.variables,
                  parts.held, (above, below, parts.jacobians[0]), parts.meaning)


def _is_gradient(made: Rules) -> bool:
    import sympy

    slope = sympy.cancel(made.rhs["theta"] / (made.symbols["theta"] * made.symbols["lam"]))
    return not slope.free_symbols & {made.symbols[n] for n in ("theta", "lam", "t")}


def _groups(made: Rules, method: Any) -> list[tuple[str, ...]]:
    """Return the names that are updated together, in the order of a step."""
    from flowopt.integrators.methods import SymplecticEuler

    names = list(made.rhs)
    states = [s for s in made.names if s != "theta"]
    groups = getattr(method, "groups", None)
    if isinstance(method, SymplecticEuler):
        if len(states) != 1:
            raise Unsuited("SymplecticEuler needs a flow with as many velocities as positions")
        order: list[tuple[str, ...]] = [(states[0],), ("theta",)]
        return order if method.first == "v" else order[::-1]
    if type(method).__name__ == "SequentialEuler" and groups is None:
        if not states:
            raise Unsuited("SequentialEuler needs a flow with states next to theta; use Euler")
        return [*((s,) for s in states), ("theta",)]
    if groups is None:
        return [tuple(names)]
    if sorted(n for g in groups for n in g) != sorted(made.names):
        raise ValueError(f"groups must hold each of {', '.join(made.names)} exactly once, got "
                         f"{groups}")
    return [tuple(n for n in g if n in names) for g in groups]


def _hold(made: Rules, matrices: list[Any]) -> tuple[dict[str, str], Any]:
    """Put the symbol P for what the frozen scales divide a step by; change the matrices."""
    import sympy

    frozen = {sympy.Symbol(s, positive=True) for s in made.scales}
    P = sympy.Symbol("P", positive=True)
    if "P" in made.symbols and "P" not in made.clocks:
        P = sympy.Symbol("P_", positive=True)
    factor = None
    for matrix in matrices:
        for row in matrix:
            for k, entry in enumerate(row):
                entry = sympy.sympify(entry)
                if not entry.free_symbols & frozen:
                    continue
                parts = sympy.Mul.make_args(sympy.factor_terms(entry))
                own = sympy.Mul(*[p for p in parts if p.free_symbols & frozen])
                if factor is None:
                    factor = own
                ratio = sympy.simplify(entry / factor)
                if ratio.free_symbols & frozen:
                    raise NoLinearisation("the frozen scales divide in more than one way")
                row[k] = ratio / P
    if factor is None:
        return {}, None
    meaning = sympy.powdenest(1 / factor)
    return {str(P): str(meaning)}, meaning


def _ringed(matrices: list[Any], gens: list[Any]) -> tuple[Any, Any, list[Any]]:
    """Return a ring, the common denominator δ, and δ times each matrix."""
    import sympy
    from sympy.polys.rings import PolyRing

    delta = sympy.Integer(1)
    split = []
    for matrix in matrices:
        rows = []
        for row in matrix:
            entries = []
            for entry in row:
                above, below = sympy.fraction(sympy.together(sympy.sympify(entry)))
                if not (above.is_polynomial(*gens) and below.is_polynomial(*gens)):
                    raise NoLinearisation(f"{entry} is not a rational function of the parameters")
                delta = sympy.lcm(delta, below)
                entries.append((above, below))
            rows.append(entries)
        split.append(rows)
    ring = PolyRing(tuple(gens), sympy.QQ)
    made = [[[ring.from_expr(sympy.expand(a * sympy.cancel(delta / b))) for a, b in row]
             for row in rows] for rows in split]
    return ring, ring.from_expr(sympy.expand(delta)), made


def _rubs(matrix: Any, method: Any) -> bool:
    """Return whether there is friction; refuse one that is not known to be > 0 or 0."""
    import sympy

    if len(matrix) != 2:
        raise Unsuited("ConformalLeapfrog and BAOAB need a flow q' = v, v' = -gamma v + f(q)")
    own = -sympy.sympify(matrix[1][1])
    given = getattr(method, "gamma", None)
    if given is not None and (own == 0 or given == 0):
        return bool(given > 0)
    if own == 0 or own.is_positive:
        return bool(own != 0)
    raise NoLinearisation(f"the friction {own} is not known to be positive")


def _conformal(ring: Any, matrix: Any, delta: Any, h: Any, c: Any, baoab: bool
               ) -> tuple[Any, Any]:
    """Return the map of conformal leapfrog or of BAOAB on q' = v, v' = −γv − kq (times δ²)."""
    if len(matrix) != 2 or matrix[0][0] or matrix[0][1] != delta:
        raise Unsuited("ConformalLeapfrog and BAOAB need a flow q' = v, v' = -gamma v + f(q)")
    k = matrix[1][0]  # −δ × curvature
    half = ring.domain(1, 2)
    one, zero = ring.one, ring.zero
    kick = [[delta, zero], [half * h * k, delta]]  # δ B
    if baoab:
        drift = [[one, half * h], [zero, one]]
        friction = [[one, zero], [zero, c]]
        made = kick
        for part in (drift, friction, drift):
            made = product(part, made)
        made = product(kick, made)
    else:
        friction = [[one, zero], [zero, c]]
        drift = [[one, h], [zero, one]]
        made = friction
        for part in (kick, drift, kick, friction):
            made = product(part, made)
    return made, identity(ring, 2, delta * delta)

"""The linear one-step map of a method as a pencil, y⁺ = D⁻¹ N y with polynomial N and D.

With y' = A y and Ā = δ A polynomial: a Runge–Kutta method of stability function R = P/Q has
N = P(hA), D = Q(hA), each times a power of δ; a splitting is a product of matrices that differ
from the identity in the rows of one group. The characteristic polynomial det(ζD − N) needs no
division.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field as default
from fractions import Fraction
from typing import Any

from flowopt.stability.steps.amplify import amplification
from flowopt.stability.steps.clocks import NoLinearisation, Rules, counted, cycle
from flowopt.stability.steps.linearise import jacobian, reached


class Unsuited(ValueError):
    """The method does not take such a flow; an integration would refuse it too."""




@dataclass
class Pencil:
    """D y⁺ = N y over a polynomial ring.

    Attributes
    ----------
    N, D : list of lists
        Entries are elements of `ring`.
    ring : sympy PolyRing
        Its generators are the step and the symbols of the rule.
    variables : tuple of str
        θ and the momenta.
    held : dict
        What a symbol stands for, where it stands for more than itself.
    """

    N: list[list[Any]]
    D: list[list[Any]]
    ring: Any
    variables: tuple[str, ...]
    held: dict[str, str] = default(default_factory=dict)
    #: for a Runge–Kutta method: the coefficients of P and Q of R = P/Q, and A
    field: Any = None
    #: what P stands for, as an expression
    meaning: Any = None


# ------------------------------------------------------------------ polynomial matrices
def _product(a: Any, b: Any) -> Any:
    columns = list(zip(*b, strict=True))
    return [[sum((u * v for u, v in zip(row, column, strict=True) if u and v), row[0] * 0)
             for column in columns] for row in a]


def _identity(ring: Any, n: int, scale: Any = None) -> Any:
    one = ring.one if scale is None else scale
    return [[one if i == j else ring.zero for j in range(n)] for i in range(n)]


def _polynomial(coefficients: Sequence[Fraction], matrix: Any, delta: Any, degree: int, ring: Any
                ) -> Any:
    """Return δ^degree Σ c_k (matrix/δ)^k."""
    n = len(matrix)
    made, power = [[ring.zero] * n for _ in range(n)], _identity(ring, n)
    for k in range(degree + 1):
        c = coefficients[k] if k < len(coefficients) else Fraction(0)
        if c:
            scale = delta**(degree - k) * ring.domain(c.numerator, c.denominator)
            made = [[u + v * scale for u, v in zip(x, y, strict=True)]
                    for x, y in zip(made, power, strict=True)]
        if k < degree:
            power = _product(power, matrix)
    return made


def determinant(matrix: Any, ring: Any) -> Any:
    """Return the determinant of a small polynomial matrix, by Leibniz's formula."""
    n = len(matrix)
    total = ring.zero
    for order in itertools.permutations(range(n)):
        term = ring.one
        for i, j in enumerate(order):
            term = term * matrix[i][j]
            if not term:
                break
        if term:
            odd = sum(order[i] > order[j] for i in range(n) for j in range(i + 1, n)) % 2
            total = total - term if odd else total + term
    return total


def characteristic(pencil: Pencil) -> list[Any]:
    """Return the coefficients of det(ζD − N), of ζⁿ first; elements of the ring."""
    n, ring = len(pencil.N), pencil.ring
    if n > 5:
        raise NoLinearisation(f"the map has {n} linear states, and at most 5 are taken")
    zeta = _Zeta(ring)
    matrix = [[zeta.line(-p, q) for p, q in zip(x, y, strict=True)]
              for x, y in zip(pencil.N, pencil.D, strict=True)]
    return zeta.coefficients(determinant(matrix, zeta.ring), n)


class _Zeta:
    """The ring with one more generator, ζ, as the first."""

    def __init__(self, ring: Any) -> None:
        import sympy
        from sympy.polys.rings import PolyRing

        self.base = ring
        self.ring = PolyRing((sympy.Symbol("zeta_"), *ring.symbols), ring.domain, ring.order)

    def line(self, constant: Any, slope: Any) -> Any:
        made = self.ring.zero
        for power, part in ((0, constant), (1, slope)):
            for exponents, c in part.terms():
                made[(power, *exponents)] = c
        return made

    def coefficients(self, poly: Any, n: int) -> list[Any]:
        made = [self.base.zero.copy() for _ in range(n + 1)]
        for exponents, c in poly.terms():
            made[n - exponents[0]][exponents[1:]] = c
        return made


# ------------------------------------------------------------------ from rules to a pencil
def pencil_of(made: Rules, method: Any) -> Pencil:
    """Return the linear one-step map of a method on the rules."""
    import sympy

    from flowopt.integrators.composed import ComposedEuler
    from flowopt.integrators.methods import SequentialEuler, SymplecticEuler
    from flowopt.integrators.stochastic import BAOAB
    from flowopt.integrators.structured import ConformalLeapfrog, DiscreteGradient

    if isinstance(method, ComposedEuler) and method.shrink is not None:
        raise NoLinearisation("the proximal step of L1 takes theta to 0 and holds it there")
    groups = _groups(made, method)
    round_ = cycle(made, groups)
    if len(round_) > 64:
        raise NoLinearisation(f"the cycle of the rule has {len(round_)} steps, and at most 64 "
                              "are taken")
    splitting = isinstance(method, (SequentialEuler, SymplecticEuler, ComposedEuler))
    if len(round_) > 1 and not splitting:
        raise NoLinearisation(f"the rule counts its steps, and {type(method).__name__} takes "
                              "parts of a step")
    if any(made.rhs[c].has(sympy.Piecewise) for c in made.clocks) and not splitting:
        raise NoLinearisation(f"the rule counts its steps, and {type(method).__name__} takes "
                              "parts of a step")
    phases = []  # of (rows of the group, Jacobian)
    for clocks in round_:
        for group in groups:
            rows = [i for i, s in enumerate(made.linear) if s in group]
            if rows:
                phases.append((rows, jacobian(made, clocks)))
            clocks = counted(made, group, clocks)
    union = [[next((j[i][k] for _, j in phases if j[i][k] != 0), 0)
              for k in range(len(made.linear))] for i in range(len(made.linear))]
    kept = reached(union)
    parts = [([kept.index(r) for r in rows if r in kept],
              [[j[i][k] for k in kept] for i in kept]) for rows, j in phases]
    variables = tuple(made.linear[i] for i in kept)
    held, meaning = _hold(made, [j for _, j in parts])
    entries = [e for _, j in parts for row in j for e in row]
    exact = isinstance(method, (ConformalLeapfrog, BAOAB))
    extra = [sympy.Symbol("c_", positive=True)] if exact and _rubs(parts[0][1], method) else []
    gens = sorted({s for e in entries for s in sympy.sympify(e).free_symbols} | {made.step}
                  | set(extra), key=lambda s: (s != made.step, str(s)))
    ring, delta, matrices = _ringed([j for _, j in parts], gens)
    h = ring.gens[0]
    n = len(kept)
    if exact:
        c = ring.gens[gens.index(extra[0])] if extra else ring.one
        N = _conformal(ring, matrices[0], delta, h, c, isinstance(method, BAOAB))
        if extra:
            held["c_"] = "exp(-gamma*h)" if isinstance(method, BAOAB) else "exp(-gamma*h/2)"
        return Pencil(N[0], N[1], ring, variables, held, None, meaning)
    if splitting:
        N, scale = _identity(ring, n), ring.one
        for (rows, _), matrix in zip(parts, matrices, strict=True):
            if not rows:
                continue
            step = [[(delta if i == j else ring.zero) + (h * matrix[i][j] if i in rows
                                                         else ring.zero)
                     for j in range(n)] for i in range(n)]
            N, scale = _product(step, N), scale * delta
        return Pencil(N, _identity(ring, n, scale), ring, variables, held, None, meaning)
    if isinstance(method, DiscreteGradient) and not (len(made.rhs) == 1 and _is_gradient(made)):
        raise Unsuited("DiscreteGradient needs a gradient flow, a constant times -grad L")
    found = amplification(method)
    if found is None:
        raise NoLinearisation(f"{type(method).__name__} is no map of one step that can be "
                              "linearised")
    above, below = found
    degree = max(len(above), len(below)) - 1
    scaled = [[h * e for e in row] for row in matrices[0]]
    return Pencil(_polynomial(above, scaled, delta, degree, ring),
                  _polynomial(below, scaled, delta, degree, ring), ring, variables, held,
                  (above, below, parts[0][1]), meaning)


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
            made = _product(part, made)
        made = _product(kick, made)
    else:
        friction = [[one, zero], [zero, c]]
        drift = [[one, h], [zero, one]]
        made = friction
        for part in (kick, drift, kick, friction):
            made = _product(part, made)
    return made, _identity(ring, 2, delta * delta)

"""Check of a rate in the worst case: two exact LDLᵀ over interpolation inequalities.

With the points y_i of k−M, …, k+1 and the minimiser ∗ (x = g = L = 0 there), every μ-strongly
convex and ℓ-smooth L fulfils, for all pairs (Taylor, Hendrickx & Glineur 2017, Theorem 4),

    Q_ij = L_i − L_j − ⟨g_j, y_i−y_j⟩
           − (‖g_i−g_j‖²/ℓ + μ‖y_i−y_j‖² − 2(μ/ℓ)⟨g_i−g_j, y_i−y_j⟩)/(2(1−μ/ℓ)) >= 0.

V_k = ξᵀPξ + Σ p_i L_i proves the rate ρ when ρ²V_k − V_{k+1} − Σλ_ij Q_ij and
V_k − c‖θ_k−θ*‖² − Σν_ij Q_ij are positive semidefinite forms without values of L.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from flowopt.stability.checks.guard import guarded
from flowopt.stability.exact import NotPSD, Refused, fraction, ldl
from flowopt.stability.linear_step import LinearStep, Root, linear_step

TRUST = "A"
#: decimals of the rational bounds of a square root
_DIGITS = 40


def class_words(mu: Any, ell: Any) -> list[str]:
    """Return the assumptions that stand for the class of losses.

    Examples
    --------
    >>> class_words("1", "10")
    ['L is 1-strongly convex', 'L is 10-smooth']
    """
    mu = fraction(mu)
    first = f"L is {mu}-strongly convex" if mu else "L is convex and has a minimiser theta*"
    return [first] + ([] if ell is None else [f"L is {fraction(ell)}-smooth"])


def read_class(statement: Mapping[str, Any]) -> tuple[LinearStep, Fraction, Fraction | None]:
    """Return the map, μ and ℓ (None: not smooth) of a statement, which must say all in words."""
    options = statement["options"]
    mu = fraction(options["mu"])
    ell = None if "ell" not in options else fraction(options["ell"])
    if statement["claim"] != "rate" or statement["V"] is not None or statement["domain"]:
        raise Refused("the statement must claim a rate of the distance, without V and domain")
    if set(options) - {"rate", "mu", "ell"}:
        raise Refused("the options of a rate are rate, mu and ell")
    if mu < 0 or (ell is not None and not mu < ell):
        raise Refused(f"0 <= mu < ell is needed, got mu = {mu}, ell = {ell}")
    if list(statement["assumptions"]) != class_words(mu, ell):
        raise Refused("the assumptions must be those of the class of losses")
    system = statement["system"]
    if system["positive"] or system["parameters"]:
        raise Refused("a rate is proved for numbers, and the map holds names")
    return linear_step(system), mu, ell


@guarded
def check(statement: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Refuse unless `data` proves the rate of the statement."""
    step, mu, ell = read_class(statement)
    rate = fraction(statement["options"]["rate"])
    if rate < 0:
        raise Refused("a rate is not negative")
    if set(data) != {"memory", "P", "p", "decrease", "positive", "below", "pivots"}:
        raise Refused("the certificate must hold memory, P, p, decrease, positive, below, pivots")
    memory = data["memory"]
    if isinstance(memory, bool) or not isinstance(memory, int) or not 0 <= memory <= 8:
        raise Refused("memory must be an integer from 0 to 8")
    path = _Path(step, memory, mu, ell)
    if pivots(path, data, rate) != data["pivots"]:
        raise Refused("the pivots are not those of the two decompositions")


def pivots(path: _Path, data: Mapping[str, Any], rate: Fraction) -> list[list[str]]:
    """Return the pivots of the two decompositions; refuse when the forms are not semidefinite."""
    step, memory = path.step, path.memory
    P = [[fraction(v) for v in row] for row in data["P"]]
    p = [fraction(v) for v in data["p"]]
    width = step.m + memory + 1
    if len(P) != width or any(len(row) != width for row in P) or len(p) != memory + 1 or any(
            P[i][j] != P[j][i] for i in range(width) for j in range(i)):
        raise Refused(f"P must be symmetric with {width} rows, and p have {memory + 1} entries")
    below = fraction(data["below"])
    if below <= 0:
        raise Refused("c must be positive")
    now, new = path.lyapunov(P, 0), path.lyapunov(P, 1)
    square = rate**2
    form = [[square * a - b for a, b in zip(r, s, strict=True)] for r, s in zip(now, new,
                                                                              strict=True)]
    values = {i: square * p[i] for i in range(memory + 1)}
    for i in range(memory + 1):
        values[i + 1] = values.get(i + 1, Fraction(0)) - p[i]
    first = path.settle(form, values, data["decrease"], path.points, "rho^2 V_k - V_{k+1}")
    form = [list(row) for row in now]
    theta = path.zeta[memory][0]
    for i, a in enumerate(theta):
        for j, b in enumerate(theta):
            form[i][j] = form[i][j] - below * a * b
    second = path.settle(form, dict(enumerate(p)), data["positive"], path.points - 1,
                         "V_k - c |theta_k - theta*|^2")
    return [[str(v) for v in row] for row in (first, second)]


class _Path:
    """The points of a few steps as exact linear forms in (ζ_{k−M}, g_{k−M}, …, g_{k+1})."""

    def __init__(self, step: LinearStep, memory: int, mu: Fraction, ell: Fraction | None) -> None:
        m = step.m
        self.step, self.memory, self.mu, self.ell = step, memory, mu, ell
        self.points, self.size = memory + 2, m + memory + 2
        self.radicand = step.radicand
        unit = [[self.number(int(i == j)) for j in range(self.size)] for i in range(self.size)]
        self.zeta, self.gradient, self.place = [unit[:m]], unit[m:], []
        for g in self.gradient:
            z = self.zeta[-1]
            self.place.append(self.sum([*zip(step.C, z, strict=True), (step.D, g)]))
            self.zeta.append([self.sum([*zip(step.A[i], z, strict=True), (step.B[i], g)])
                              for i in range(m)])
        self.unit = unit
        zero = [self.number(0)] * self.size
        self.place.append(zero)  # index −1: the minimiser
        self.gradient = [*self.gradient, zero]

    def number(self, value: Any) -> Any:
        """Return a rational as a number of the map's field."""
        return Root(Fraction(value), Fraction(0), self.radicand) if self.radicand else (
            Fraction(value))

    def sum(self, terms: Sequence[tuple[Root, list[Any]]]) -> list[Any]:
        """Return Σ c v over pairs of a coefficient and a linear form."""
        made = [self.number(0)] * self.size
        for c, v in terms:
            factor = c if self.radicand else c.a
            made = [x + factor * y for x, y in zip(made, v, strict=True)]
        return made

    def lyapunov(self, P: list[list[Fraction]], shift: int) -> list[list[Any]]:
        """Return the form ξᵀ P ξ at step k (shift 0) or k + 1 (shift 1)."""
        m = self.step.m
        xi = [*self.zeta[shift], *self.unit[m + shift:m + shift + self.memory + 1]]
        n = range(self.size)
        made = [[self.number(0)] * self.size for _ in n]
        for r, row in enumerate(P):
            half = self.number(0)
            line = [half] * self.size
            for c, v in enumerate(row):
                if v:
                    line = [x + v * y for x, y in zip(line, xi[c], strict=True)]
            for i in n:
                if xi[r][i] != half:
                    made[i] = [x + xi[r][i] * y for x, y in zip(made[i], line, strict=True)]
        return made

    def inequality(self, i: int, j: int) -> list[list[Any]]:
        """Return the quadratic part of Q_ij; its values are L_i − L_j."""
        dx = [a - b for a, b in zip(self.place[i], self.place[j], strict=True)]
        dg = [a - b for a, b in zip(self.gradient[i], self.gradient[j], strict=True)]
        g = self.gradient[j]
        if self.ell is None:
            factor, curvature, cross, inverse = Fraction(1, 2), self.mu, Fraction(0), Fraction(0)
        else:
            factor = 1 / (2 * (1 - self.mu / self.ell))
            curvature, cross, inverse = self.mu, self.mu / self.ell, 1 / self.ell
        made = []
        for a in range(self.size):
            row = []
            for b in range(self.size):
                row.append(-(g[a] * dx[b] + g[b] * dx[a]) * Fraction(1, 2) - factor * (
                    inverse * (dg[a] * dg[b]) + curvature * (dx[a] * dx[b])
                    - cross * (dg[a] * dx[b] + dg[b] * dx[a])))
            made.append(row)
        return made

    def settle(self, form: list[list[Any]], values: dict[int, Fraction], multipliers: Any,
               points: int, what: str) -> list[Fraction]:
        """Refuse unless form + values = Σ λ Q + a positive semidefinite form; its pivots."""
        seen = set()
        for i, j, text in multipliers:
            weight = fraction(text)
            if any(isinstance(q, bool) or not isinstance(q, int) for q in (i, j)) or not (
                    -1 <= i < points and -1 <= j < points and i != j) or (i, j) in seen:
                raise Refused(f"{what}: there is no pair ({i}, {j}) to use")
            seen.add((i, j))
            if weight <= 0:
                raise Refused(f"{what}: the multiplier of ({i}, {j}) must be positive")
            Q = self.inequality(i, j)
            form = [[x - weight * y for x, y in zip(r, s, strict=True)]
                    for r, s in zip(form, Q, strict=True)]
            values[i] = values.get(i, Fraction(0)) - weight
            values[j] = values.get(j, Fraction(0)) + weight
        if any(v for i, v in values.items() if i != -1):
            raise Refused(f"{what}: the values of L do not cancel")
        try:
            return [ldl(matrix)[1] for matrix in self._ends(form)][0]
        except NotPSD as error:
            raise Refused(f"{what} is not positive semidefinite: {error}") from None

    def _ends(self, form: list[list[Any]]) -> list[list[list[Fraction]]]:
        """Return rational matrices whose segment holds the form: it is affine in √d."""
        d = self.radicand
        if not d:
            return [form]
        low = _isqrt(d)
        return [[[v.a + v.b * root for v in row] for row in form]
                for root in (low, low + Fraction(1, 10**_DIGITS))]


def _isqrt(d: Fraction) -> Fraction:
    from math import isqrt

    scale = 10**_DIGITS
    return Fraction(isqrt(d.numerator * scale**2 // d.denominator), scale)


def explain(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument, one sentence a step."""
    rate, memory = fraction(statement["options"]["rate"]), data["memory"]
    names = [*statement["system"]["variables"]]
    names[0] = "theta - theta*"
    back = f"_(k-{memory})" if memory else ""
    first = [f"{n}{back}" for n in names] + [f"g_(k-{i})" if i else "g_k"
                                             for i in range(memory, -1, -1)]
    n = len(first)
    terms = []
    for i in range(n):
        for j in range(i, n):
            v = fraction(data["P"][i][j]) * (1 if i == j else 2)
            if v:
                terms.append(f"{float(v):+.6g} <{first[i]}, {first[j]}>")
    for i, v in enumerate(data["p"]):
        if fraction(v):
            terms.append(f"{float(fraction(v)):+.6g} (L_(k-{memory - i}) - L*)")
    return ["Let V_k = " + " ".join(terms) + " (exact coefficients in the certificate).",
            f"rho^2 V_k - V_(k+1) with rho = {rate} is the sum of {len(data['decrease'])} "
            "interpolation inequalities of the class of losses, with positive multipliers, and of "
            "a form that is positive semidefinite by its exact LDL^T; so V_(k+1) <= rho^2 V_k.",
            f"V_k - c |theta_k - theta*|^2 with c = {float(fraction(data['below'])):.6g} is such a "
            "sum too; so |theta_k - theta*| <= sqrt(V_0/c) rho^k."]


def latex(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument in LaTeX."""
    rate = fraction(statement["options"]["rate"])
    shown = rf"\frac{{{rate.numerator}}}{{{rate.denominator}}}"
    rows = r" \\ ".join(" & ".join(f"{float(fraction(v)):.6g}" for v in row) for row in data["P"])
    return [rf"$V_k = \xi_k^\top P \xi_k + \sum_i p_i (L_i - L^\star)$ with "
            rf"$P \approx \begin{{pmatrix}} {rows} \end{{pmatrix}}$.",
            rf"$\rho^2 V_k - V_{{k+1}} - \sum \lambda_{{ij}} Q_{{ij}} \succeq 0$ with "
            rf"$\rho = {shown}$ and $\lambda_{{ij}} > 0$.",
            r"$V_k - c\|\theta_k - \theta^\star\|^2 - \sum \nu_{ij} Q_{ij} \succeq 0$, hence "
            r"$\|\theta_k - \theta^\star\| \le \sqrt{V_0/c}\,\rho^k$."]

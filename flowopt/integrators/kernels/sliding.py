"""The motion on an intersection of k surfaces, as kernels: its field, and what keeps it there.

From the sides on which the motion arrived, F_0 is the field and F_v the field with side v of the
active surfaces flipped. As F is affine in the sides, the sliding field is

    F_s = F_0 + Σ_v λ_v (F_v − F_0),    Σ_v λ_v (w_v − w_0) = −w_0,    0 ≤ λ_v ≤ 1,

where the vectors w hold dψ/dt of the active surfaces, so that F_s keeps all of them at zero. For
one surface this is (a₋F₊ − a₊F₋)/(a₋ − a₊) (Filippov 1988, §4, Eq. (7)).

Where the jumps of surfaces multiply each other, F_0 … F_k are the fields of k + 1 *patterns* of
sides, whose convex combination is the motion: the same equations with λ_v ≥ 0 and Σ λ_v ≤ 1.

Both kernels read `c`, whose entries are named below: addresses of the field's kernels for one
lane, sizes, and scratch.
"""

import math

from flowopt._language import Ints, Reals, Truth, call_kernel, doubles, integers, muladd, shift
from flowopt.integrators.kernels.linear import factor, solve

W = 1
(SMOOTH, RATES, SURFACES, CONTEXT,
 ROWS,  # of the state
 ALL,  # surfaces of the field
 ACTIVE,  # surfaces on which the motion slides
 FIXED,  # 1 when ∇ψ depends on no side of an active surface
 SIMPLEX,  # 1 when the λ are weights of patterns, 0 when each belongs to a surface
 PATTERNS,  # on how many of them the other surfaces are looked at
 EVALUATIONS,  # of F, counted here
 WHICH, OTHERS,  # numbers of the active surfaces and of the others
 SIDES,  # of each F_v (ACTIVE + 1, ALL); first those on which the motion arrived
 FIELDS, SPEEDS,  # scratch: F_0, F_1 … (ACTIVE + 1, ROWS); ∇ψ and ∂ψ/∂t (ALL, ROWS + 1)
 MATRIX, SHARES, PIVOTS, PSI,
 SLACK) = range(21)  # how far each ψ may get to the wrong side (ALL)


def shares(c: Ints, t: Reals, y: Reals, p: Reals) -> Truth:
    """Set FIELDS, and SHARES to λ; return whether there is exactly one λ."""
    m, k = c[ROWS], c[ACTIVE]
    which, right = integers(c[WHICH]), doubles(c[SHARES])
    for v in range(k + 1):
        field, sides = shift(doubles(c[FIELDS]), v * m), shift(doubles(c[SIDES]), v * c[ALL])
        call_kernel(c[SMOOTH], integers(c[CONTEXT]), t, y, p, sides, field)
        c[EVALUATIONS] += 1
        if v == 0 or c[FIXED] == 0:
            call_kernel(c[RATES], integers(c[CONTEXT]), t, y, p, sides, doubles(c[SPEEDS]))
        for i in range(k):
            row = shift(doubles(c[SPEEDS]), which[i] * (m + 1))
            speed = row[m]
            for j in range(m):
                speed = muladd(row[j], field[j], speed)
            if v == 0:
                right[i] = -speed
            else:
                doubles(c[MATRIX])[i * k + v - 1] = speed + right[i]
    regular = factor(doubles(c[MATRIX]), integers(c[PIVOTS]), k)
    if regular:
        solve(doubles(c[MATRIX]), integers(c[PIVOTS]), right, k)
    return regular


def sliding_field(c: Ints, t: Reals, y: Reals, p: Reals, s: Reals, out: Reals):
    """Set out to F_s, or to NaN where it is not determined."""
    m = c[ROWS]
    regular = shares(c, t, y, p)
    share, field = doubles(c[SHARES]), doubles(c[FIELDS])
    for j in range(m):
        value = field[j]
        for v in range(c[ACTIVE]):
            value = muladd(share[v], field[(v + 1) * m + j] - field[j], value)
        out[j] = value if regular else math.nan


def sliding_surfaces(c: Ints, t: Reals, y: Reals, p: Reals, s: Reals, out: Reals):
    """Set out to the ends of the shares, then to ψ of the other surfaces, on each pattern's sides.

    The ends are λ_v and 1 − λ_v of each active surface, or the λ_v of patterns and 1 − Σ λ_v.
    """
    k = c[ACTIVE]
    regular = shares(c, t, y, p)
    share, psi, slack = doubles(c[SHARES]), doubles(c[PSI]), doubles(c[SLACK])
    ends = 2 * k
    if c[SIMPLEX] == 0:
        for v in range(k):
            out[2 * v] = share[v] if regular else math.nan
            out[2 * v + 1] = 1.0 - share[v] if regular else math.nan
    else:
        ends, left = k + 1, 1.0
        for v in range(k):
            out[v] = share[v] if regular else math.nan
            left = left - share[v]
        out[k] = left if regular else math.nan
    others = c[ALL] - k
    for v in range(c[PATTERNS]):
        sides = shift(doubles(c[SIDES]), v * c[ALL])
        call_kernel(c[SURFACES], integers(c[CONTEXT]), t, y, p, sides, psi)
        for i in range(others):
            other = integers(c[OTHERS])[i]
            out[ends + v * others + i] = muladd(sides[other], slack[other], psi[other])


def build(width: int, name: str):
    """Return the compiled kernel `name`; one lane only."""
    from flowopt._compiler import compiled

    function = {"sliding_field": sliding_field, "sliding_surfaces": sliding_surfaces}[name]
    return compiled(function, {"W": 1}, vectorise=False)


KINDS = {"sliding_field": "pppppp", "sliding_surfaces": "pppppp"}

"""When a modified field of a gradient flow is a gradient, and of which loss.

With f = −c∇L a term of the modified field is Σ b(τ)/σ(τ) F(τ) over the trees of one size. Rooting
the same free tree at another vertex gives another differential, and their sum over all vertices
is the gradient of one number: S = ∇ᵏL(G(τ₁), …, G(τₖ)) for τ = [τ₁…τₖ], with G the differentials
of ∇L. So the term is a gradient for every loss if and only if b has one value on all rootings of
a free tree, and then

    L̃ = Σ h^(n−1) (−1)^(n−1) cⁿ b/σ_free S,        σ_free = σ(τ) · (rootings that give τ).
"""

from __future__ import annotations

from typing import Any

import sympy

from flowopt.flows.flow import Flow
from flowopt.losses.loss import Loss
from flowopt.stability.backward.jets import Calculus, L, expanded, g
from flowopt.stability.backward.trees import Tree, cuts, grown, joined, size, symmetry, text


def rootings(tree: Tree) -> list[Tree]:
    """Return the tree rooted at each of its vertices.

    Examples
    --------
    >>> leaf = (0, ())
    >>> rootings((0, (leaf, leaf)))[1]
    (0, ((0, ((0, ()),)),))
    """
    return [tree, *(joined(cut, rest) for rest, cut in cuts(tree))]


def _gradients(calculus: Calculus, tree: Tree) -> Any:
    """Return the elementary differential G(τ) of ∇L."""
    parts = [_gradients(calculus, child) for child in tree[1]]
    return calculus.linear(f"D{len(parts) + 1}L", parts) if parts else g


def scalar(tree: Tree) -> Any:
    """Return S of a tree.

    Examples
    --------
    >>> leaf = (0, ())
    >>> scalar((0, (leaf, leaf)))
    dot(g, D2L(g))
    """
    calculus = Calculus([])
    parts = [_gradients(calculus, child) for child in tree[1]]
    if not parts:
        return L
    rest = calculus.linear(f"D{len(parts)}L", parts[1:]) if parts[1:] else g
    return calculus.linear("dot", [parts[0], rest])


def speed(flow: Any) -> Any:
    """Return c of a flow θ̇ = −c∇L, or None."""
    if not isinstance(flow, Flow) or flow.states or not flow.rules:
        return None
    rule = flow.abstract_rules()["theta"]
    c = -rule.diff(g)
    own = {sympy.Symbol(name, real=True) for name in ("g", "theta", "t", "L")}
    held = c.free_symbols & own or c.atoms(sympy.core.function.AppliedUndef)
    return None if held or sympy.expand(rule + c * g) != 0 else c


def potential(made: Any) -> tuple[Any, str]:
    """Return the modified loss of an equation (or None), and why there is none."""
    series, flow = made._potential or (None, None)
    c = speed(flow)
    reason = f"{made.name} is not a modified gradient flow"
    if c is not None:
        expr, reason = _abstract(series, c, made)
        if made.abstract or expr is not None:
            return (expr if made.abstract else _loss(made, expr), "") if expr is not None else (
                None, reason)
    elif made._potential is None:
        return _reduced(made)
    if not made.abstract and made.source.loss is not None and c is not None:
        return _polynomial(made, reason)
    return None, reason


def _abstract(series: Any, c: Any, made: Any) -> tuple[Any, str]:
    """Return L̃ for every loss, or the condition that fails."""
    total = sympy.S.Zero
    for level in grown(1, made.order + 1):
        done: set[Tree] = set()
        for tree in level:
            if tree in done:
                continue
            same = rootings(tree)
            done |= set(same)
            values = {other: series.modified(other) for other in same}
            if len(set(values.values())) > 1:
                shown = ", ".join(f"b({text(k)}) = {v}" for k, v in values.items())
                return None, (f"the term of {made.step}^{size(tree) - 1} is no gradient for a "
                              f"general loss: {shown}, which must be equal")
            n, b = size(tree), values[tree]
            weight = sympy.Rational(b.numerator, b.denominator) / (
                symmetry(tree) * same.count(tree))
            total += (-1) ** (n - 1) * c**n * made.step ** (n - 1) * weight * scalar(tree)
    return expanded(total), ""


def _loss(made: Any, expr: Any) -> Loss:
    """Return the abstract L̃ on the loss of the field."""
    from flowopt.stability.backward.modified_field import coordinates, step_of

    calculus, _, variables = coordinates(made, made.source.loss)
    return _with_step(made, calculus.coordinate(expr, 0), variables, step_of(made, None))


def _with_step(made: Any, expr: Any, variables: list[Any], h: float) -> Loss:
    values = {**made.source.loss.parameters, **made.parameters, str(made.step): h}
    held = {str(s) for s in expr.free_symbols}
    return Loss(expr, variables=[str(v) for v in variables], name=f"modified {made.name}",
                parameters={k: v for k, v in values.items() if k in held})


def _polynomial(made: Any, reason: str) -> tuple[Any, str]:
    """Return L̃ of a polynomial field whose derivative is symmetric: −∫₀¹ ⟨x, F(sx)⟩ ds."""
    from flowopt.stability.backward.modified_field import coordinates, step_of

    calculus, _, x = coordinates(made, made.source.loss)
    field = [sympy.expand(calculus.coordinate(made.rules["theta"], i)) for i in range(len(x))]
    if not all(e.is_polynomial(*x) for e in field):
        return None, reason + "; and this loss is no polynomial, for which it could be decided"
    for i in range(len(x)):
        for j in range(i):
            if sympy.expand(field[i].diff(x[j]) - field[j].diff(x[i])) != 0:
                return None, reason + f"; and on this loss d F_{i + 1}/d {x[j]} differs from " \
                    f"d F_{j + 1}/d {x[i]}"
    s = sympy.Dummy()
    along = sum(v * e.xreplace({w: s * w for w in x}) for v, e in zip(x, field, strict=True))
    expr = -sympy.integrate(sympy.expand(along), (s, 0, 1))
    start = made.source.loss._real[0].xreplace({v: sympy.S.Zero for v in x})
    c = speed(made.source.flow)
    return _with_step(made, sympy.expand(expr + c * start), x, step_of(made, None)), ""


def _reduced(made: Any) -> tuple[Any, str]:
    """Return L̃ of a reduced equation with terms −a g − α b D2L(g): a L + (α b/2)⟨g, g⟩."""
    calculus, total = Calculus([]), sympy.S.Zero
    for k, term in enumerate(made.terms):
        rest = expanded(-term["theta"])
        for vector, value in ((g, L), (calculus.linear("D2L", [g]), scalar((0, ((0, ()),))) / 2)):
            c = rest.coeff(vector)
            if calculus.is_scalar(c):
                total += made.step**k * sympy.factor(c) * value
                rest = expanded(rest - c * vector)
        if sympy.simplify(rest) != 0:
            return None, f"the term of {made.step}^{k} is no gradient, or not known to be one"
    return total, ""

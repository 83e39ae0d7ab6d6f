"""What the structure-preserving methods must know of a field, found once from its expressions.

The findings are kept beside the compiled kernels, so that a later run needs no sympy.
"""

from __future__ import annotations

from typing import Any

from flowopt import _native
from flowopt.symbolic.names import symbolic_stamp


def _found(field: Any, what: str, width: int, build: Any) -> _native.Unit:
    return _native.unit(f"{field.definition} structure {what} {width}", symbolic_stamp(),
                        lambda: build(field, width))


def _kernel(field: Any, outputs: list[Any], width: int) -> dict[str, Any]:
    from flowopt.symbolic.source import compile_kernel, kernel_source

    system = field.system
    source = kernel_source(outputs, system.slots(), system.definitions(False), width)
    return {"kernel": compile_kernel(source)}


def potential(field: Any) -> tuple[str, int]:
    """Return what keeps F from being −∇U with U = c L ("": nothing), and the kernel of U.

    c is a number or a function of the parameters.
    """
    if field.is_kernel:
        return "it is made of kernels", 0
    if field.loss is None:
        return "it is given as equations, not as a flow on a loss", 0
    if field.m != field.n:
        return "it has states next to theta", 0
    unit = _found(field, "potential", 1, _build_potential)
    return unit.meta["reason"], unit.addresses.get("kernel", 0)


def _build_potential(field: Any, width: int) -> tuple[dict[str, Any], dict[str, Any]]:
    import sympy

    system = field.system
    factors = {-rule.diff(g) for rule, g in zip(system.rhs, system.loss.g, strict=True)}
    factor = factors.pop()
    rests = [sympy.expand(rule + factor * g)
             for rule, g in zip(system.rhs, system.loss.g, strict=True)]
    if factors or factor == 0 or not factor.free_symbols <= set(system.parameters) or any(
            rest != 0 for rest in rests):
        return {"reason": "it is not a constant times -grad L"}, {}
    return {"reason": ""}, _kernel(field, [factor * system.loss.L], width)


def force(field: Any, width: int) -> tuple[str, int]:
    """Return what keeps a field from q̇ = v, v̇ = −γ v + f(q) ("": nothing), and its kernel.

    The kernel's rows are f(q) and then γ.
    """
    if field.is_kernel:
        return "it is made of kernels", 0
    if field.m % 2 or (field.loss is not None and field.m != 2 * field.n):
        return "it does not have as many velocities as positions", 0
    unit = _found(field, "force", width, _build_force)
    return unit.meta["reason"], unit.addresses.get("kernel", 0)


def _build_force(field: Any, width: int) -> tuple[dict[str, Any], dict[str, Any]]:
    import sympy

    system, half = field.system, field.m // 2
    rhs = list(system.expanded(system.rhs)) if system.reductions else list(system.rhs)
    velocities = system.variables[half:]
    if any(sympy.expand(rule - v) != 0 for rule, v in zip(rhs[:half], velocities, strict=True)):
        return {"reason": "the velocity of q is not v itself"}, {}
    frictions = {sympy.expand(-rule.diff(v))
                 for rule, v in zip(rhs[half:], velocities, strict=True)}
    gamma = frictions.pop()
    if frictions or not gamma.free_symbols <= set(system.parameters):
        return {"reason": "its friction is not one number or parameter for all velocities"}, {}
    forces = [rule.subs(dict.fromkeys(velocities, 0)) for rule in rhs[half:]]
    for rule, rest, v in zip(rhs[half:], forces, velocities, strict=True):
        if system.time in rule.free_symbols or sympy.expand(rule + gamma * v - rest) != 0:
            return {"reason": "its force is not a function of q alone"}, {}
    return {"reason": ""}, _kernel(field, [*forces, gamma], width)


def jumping(field: Any) -> list[int]:
    """Return for each surface 1 if F may jump there, 0 if F is continuous and kinks only."""
    if not field.surfaces:
        return []
    return list(_found(field, "jumps", 1, _build_jumps).meta["jumps"])


def _build_jumps(field: Any, width: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Min, Max and Abs kink, and their gradient jumps; sign, Heaviside and conditions jump."""
    import sympy

    system = field.system
    regimes, jumps = system.regimes, [0] * len(system.regimes.surfaces)

    def mark(expr: Any) -> None:
        for symbol in regimes.smooth(expr).free_symbols:
            if symbol in regimes.sides:
                jumps[regimes.sides.index(symbol)] = 1

    for expr in (*system.rhs, *system.reductions.values()):
        for part in expr.atoms(sympy.sign, sympy.Heaviside, sympy.Piecewise):
            mark(part)
    if system.loss is not None:
        mark(system.loss.literal)
    return {"jumps": jumps}, {}

"""The check of a claim about a field that is an instance of a proof about any loss.

data holds the flow, the loss and the abstract V whose instance the field and its V are, what is
assumed of the loss and of the parameters, and the abstract proof:

    {"flow": {"rules": ..., "positive": [...]}, "loss": {"expr": text, "parameters": [names]},
     "V": text, "assumptions": {text: None or a proof of L − c >= 0}, "bound": text or None,
     "proof": data of `flowopt.stability.checks.abstract`}
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import sympy

from flowopt.stability.checks import abstract, lyapunov
from flowopt.stability.exact import Refused, fraction, read, write

TRUST = "A"
CLAIMS = ("nonincreasing", "decreasing", "conserved")
#: functions of one argument that are smooth everywhere
SMOOTH = (sympy.exp, sympy.sin, sympy.cos, sympy.tanh, sympy.sinh, sympy.cosh, sympy.atan,
          sympy.erf)
_COMPARED = re.compile(r"(.+?)(<=|>=|<|>)(.+)")


def check(statement: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Refuse unless the field is the instance, and the abstract proof holds for it."""
    if set(data) != {"flow", "loss", "V", "assumptions", "bound", "proof"}:
        raise Refused("the certificate must hold the flow, the loss, V, and the abstract proof")
    if statement["claim"] not in CLAIMS or statement["assumptions"]:
        raise Refused("only a claim about V without assumptions is an instance")
    field = instance(statement, data)
    system = statement["system"]
    if ([write(e) for e in field.equations] != list(system["equations"])
            or [str(s) for s in field.symbols] != list(system["variables"])):
        raise Refused("the field is not the flow on the loss")
    if not smooth(sympy.sympify(field.loss.expr)):
        raise Refused("the loss is not seen to be smooth")
    names = [*system["variables"], *system["parameters"]]
    gap = sympy.expand(read(statement["V"], names) - value_of(data["V"], field))
    if data["V"] not in functions_of(data["flow"]["rules"]):
        raise Refused("the abstract V must be the loss or its energy")
    free = {str(s) for s in gap.free_symbols} & set(system["variables"])
    if free or (gap != 0 and not uses_loss(data["flow"]["rules"])):
        # where the rules do not hold L, the constant of the loss is that of V
        raise Refused("V is not the instance of the abstract V")
    options = dict(statement["options"])
    if ("bound" in options) != (data["bound"] is not None):
        raise Refused("a bound of the claim must be an instance of one of the abstract claim")
    if data["bound"] is not None:
        gap = sympy.expand(read(options["bound"], names) - value_of(data["bound"], field))
        if gap != 0:
            raise Refused("the bound is not the instance of the abstract bound")
    abstract.check(abstract_statement(statement, data), data["proof"])
    for text, proof in data["assumptions"].items():
        assumed(statement, field, text, proof)


def functions_of(rules: Mapping[str, str]) -> list[str]:
    """Return the abstract functions of a flow: the loss, and with each state its energy."""
    return ["L", *(f"L + dot({s}, {s})/2" for s in rules if s != "theta")]


def uses_loss(rules: Mapping[str, str]) -> bool:
    """Return whether the rules hold the loss itself."""
    return any(re.search(r"\bL\b", rule) for rule in rules.values())


def instance(statement: Mapping[str, Any], data: Mapping[str, Any]) -> Any:
    """Return the flow of the data on its loss."""
    from flowopt.flows.flow import Flow
    from flowopt.losses.loss import Loss

    values = {k: float(fraction(v)) for k, v in statement["system"]["parameters"].items()}
    own = data["loss"]["parameters"]
    rules = data["flow"]["rules"]
    flow = Flow(dict(rules), parameters={k: v for k, v in values.items() if k not in own},
                positive=data["flow"]["positive"])
    count = len(statement["system"]["variables"])
    n, rest = divmod(count, len(rules))
    if rest:
        raise Refused("the field has another number of variables than the flow on the loss")
    loss = Loss(data["loss"]["expr"], variables=statement["system"]["variables"][:n],
                parameters={k: values[k] for k in own} or None)
    return flow.on(loss)


def abstract_statement(statement: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the claim about any loss of which the statement is an instance."""
    own = data["loss"]["parameters"]
    return {"claim": statement["claim"], "V": data["V"], "domain": None,
            "system": {"kind": "flow", "rules": data["flow"]["rules"],
                       "positive": data["flow"]["positive"],
                       "parameters": [k for k in statement["system"]["parameters"]
                                      if k not in own]},
            "assumptions": list(data["assumptions"]),
            "options": {} if data["bound"] is None else {"bound": data["bound"]}}


def value_of(text: str, field: Any) -> Any:
    """Return what an abstract V over L, θ, g and the states is on a loss."""
    blocks = {name: list(field.symbols[a:b]) for name, a, b in field.blocks}
    blocks["g"] = [sympy.sympify(g) for g in field.loss.gradient]
    words = {name: sympy.Symbol(name, real=True) for name in blocks}

    def total(summand: Any) -> Any:
        return sum(summand.xreplace({words[k]: blocks[k][i] for k in blocks})
                   for i in range(field.n))

    functions = {"dot": lambda a, b: total(a * b), "sum": total,
                 "norm1": lambda a: total(sympy.Abs(a))}
    made = read(text, ["L", *blocks, *field.parameters], functions=functions)
    return made.xreplace({sympy.Symbol("L", real=True): sympy.sympify(field.loss.expr)})


def smooth(expr: Any) -> bool:
    """Return whether an expression is seen to be smooth everywhere."""
    if expr.is_Symbol or expr.is_number:
        return bool(expr.is_Symbol or expr.is_finite)
    if expr.is_Add or expr.is_Mul:
        return all(map(smooth, expr.args))
    if expr.is_Pow:
        if expr.base == sympy.E or (expr.base.is_Rational and expr.base > 0):
            return smooth(expr.exp)
        if expr.exp.is_Integer and expr.exp >= 0:
            return smooth(expr.base)
        return bool(expr.exp.is_Rational) and smooth(expr.base) and _positive(expr.base)
    if isinstance(expr, sympy.log):
        return smooth(expr.args[0]) and _positive(expr.args[0])
    return isinstance(expr, SMOOTH) and all(map(smooth, expr.args))


def _positive(expr: Any) -> bool:
    """Return whether an expression is a positive number plus terms that are >= 0."""
    terms = sympy.Add.make_args(expr)
    numbers = [t for t in terms if t.is_Rational]
    return sum(numbers) > 0 and all(
        t.is_Rational or isinstance(t, sympy.exp)
        or all((f.is_Rational and f > 0) or isinstance(f, sympy.exp)
               or (f.is_Pow and f.exp.is_Integer and f.exp % 2 == 0 and f.exp > 0)
               for f in sympy.Mul.make_args(t)) for t in terms)


def assumed(statement: Mapping[str, Any], field: Any, text: str, proof: Any) -> None:
    """Refuse unless an assumption holds for this loss and these parameters."""
    found = _COMPARED.fullmatch(text)
    if not found:
        raise Refused(f"{text} is not shown for this loss")
    left, relation, right = (part.strip() for part in found.groups())
    if relation in ("<=", "<"):
        left, right = right, left
    system = statement["system"]
    values = {sympy.Symbol(k, real=True): sympy.Rational(fraction(v).numerator,
                                                         fraction(v).denominator)
              for k, v in system["parameters"].items()}
    if left == "L" and relation in (">=", "<="):
        least = read(right, system["parameters"]).xreplace(values)
        if not least.is_Rational:
            raise Refused(f"{text} does not compare the loss with a number")
        expr = sympy.sympify(field.loss.expr).xreplace(values)
        lyapunov.check(above(field, expr - least), proof)
        return
    gap = (read(left, system["parameters"]) - read(right, system["parameters"])).xreplace(values)
    if proof is not None or not gap.is_Rational or gap < 0 or (
            gap == 0 and relation in ("<", ">")):
        raise Refused(f"{text} does not hold for these parameters")


def above(field: Any, gap: Any) -> dict[str, Any]:
    """Return the statement that a polynomial is never negative."""
    return {"claim": "nonnegative", "V": write(gap), "domain": None, "assumptions": [],
            "options": {}, "system": {"kind": "none", "parameters": {},
                                      "variables": [str(s) for s in field.symbols[:field.n]]}}


def explain(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument, one step a string."""
    rules = ", ".join(f"{k}' = {v}" for k, v in data["flow"]["rules"].items())
    held = [f"{text} holds here{' (sums of squares or a Sturm chain)' if proof else ''}"
            for text, proof in data["assumptions"].items()]
    return [f"The field is the flow {rules} on the smooth loss L = {data['loss']['expr']}, and V "
            f"is {data['V']} up to a constant.", *held,
            "The claim holds for every such loss, in any dimension:",
            *abstract.explain(abstract_statement(statement, data), data["proof"])]


def latex(statement: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return the argument in LaTeX, one step a string."""
    return [r"The field is an instance of a flow on a smooth loss, and $V$ of its function.",
            *abstract.latex(abstract_statement(statement, data), data["proof"])]

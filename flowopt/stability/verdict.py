"""Verdict: proved, disproved or unknown, with what it takes to check it again.

What proves or refutes a statement is *evidence*: plain data, and the name of a checker that did
not find it. A checker stands in ``flowopt.stability.checks`` and knows nothing of the search.
"""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flowopt import _check
from flowopt.stability.checks.reach import beyond
from flowopt.stability.exact import Refused
from flowopt.stability.statement import sentence

STATUSES = ("proved", "disproved", "unknown")
#: A exact certificate, B a complete decision procedure, C rigorous interval arithmetic
TRUST = ("A", "B", "C")


class Text(str):
    """Text that shows itself as it reads."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


@dataclass(frozen=True)
class Evidence:
    """A certificate or a counterexample.

    Attributes
    ----------
    kind : str
        The checker: a module of ``flowopt.stability.checks``.
    data : mapping
        Plain data; numbers are texts of rationals, expressions texts of the rule language.
    """

    kind: str
    data: Mapping[str, Any]

    @property
    def checker(self) -> Any:
        """The module that checks it."""
        if not isinstance(self.kind, str) or not self.kind.isidentifier():
            raise Refused(f"there is no checker {_check.shown(self.kind)}")
        try:
            return importlib.import_module(f"flowopt.stability.checks.{self.kind}")
        except ImportError:
            raise Refused(f"there is no checker {_check.shown(self.kind)}") from None

    def __repr__(self) -> str:
        return f"<{self.kind}: {', '.join(self.data)}>"


@dataclass(frozen=True)
class Verdict:
    """What is known of a claim.

    Made by `flowopt.prove` and its kin; the functions `proved`, `disproved` and `unknown` of this
    module are the only ones that make it, and the first two run the check before they do.

    Attributes
    ----------
    status : {"proved", "disproved", "unknown"}
        What is known.
    statement : mapping
        The claim as data (see ``flowopt.stability.statement``).
    method : str
        How it was found, in words.
    trust : {"A", "B", "C", ""}
        A: an exact certificate, checked in rational arithmetic by code that did not find it.
        B: a complete decision procedure without a short certificate. C: interval arithmetic.
    certificate, counterexample : Evidence or None
        What proves or refutes the claim.
    reason : str
        One sentence: why it is unknown, or what is violated where.
    evidence : mapping or None
        Numbers that speak for or against an unknown claim. They prove nothing.
    skipped : tuple of str
        Kinds of proof that were not tried, and why.

    Examples
    --------
    >>> import flowopt as fo
    >>> verdict = fo.prove(fo.flows.GradientFlow(), "L")
    >>> verdict.status, verdict.trust, verdict.check()
    ('proved', 'A', True)
    >>> print(verdict.claim)
    For all n >= 1, every C1 loss L and every state: V = L has dV/dt <= 0 along theta' = -g.
    """

    status: str
    statement: Mapping[str, Any]
    method: str = ""
    trust: str = ""
    certificate: Evidence | None = None
    counterexample: Evidence | None = None
    reason: str = ""
    evidence: Mapping[str, Any] | None = None
    skipped: tuple[str, ...] = ()
    digest: str = field(default="", repr=False)

    @property
    def claim(self) -> str:
        """The exact quantified sentence."""
        return sentence(self.statement)

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What is assumed."""
        return tuple(self.statement["assumptions"])

    @property
    def domain(self) -> str:
        """Where the claim holds: a box, or everywhere."""
        box = self.statement["domain"]
        return "everywhere" if not box else " x ".join(f"[{a}, {b}]" for a, b in box["box"])

    @property
    def proved(self) -> bool:
        """Whether the claim is proved."""
        return self.status == "proved"

    @property
    def disproved(self) -> bool:
        """Whether the claim is refuted."""
        return self.status == "disproved"

    @property
    def unknown(self) -> bool:
        """Whether neither is known."""
        return self.status == "unknown"

    # ---------------------------------------------------------------- the check
    def check(self) -> bool:
        """Return whether the evidence proves (or refutes) exactly this claim.

        The evidence is checked by code that did not find it, and against its digest. An unknown
        verdict has nothing to check: False. `refusal` tells why a check fails.
        """
        return not self.refusal()

    def refusal(self) -> str:
        """Return why the check fails, or an empty string when it holds."""
        shown = self.certificate if self.proved else self.counterexample
        if self.unknown:
            return "an unknown claim has nothing to check"
        if self.status not in STATUSES or shown is None or (
                self.certificate is not None and self.counterexample is not None):
            return f"a {self.status} claim must come with its evidence alone"
        if self.trust not in TRUST:
            return f"trust must be one of {', '.join(TRUST)}, got {_check.shown(self.trust)}"
        try:
            if self.digest != self._digest():
                return "the digest does not belong to this verdict: something in it was changed"
            sentence(self.statement)
            if outside := beyond(self.statement, self.status):
                return outside
            checker = shown.checker
            allowed = getattr(checker, "TRUST", "A")
            if self.trust != allowed and self.trust not in tuple(allowed):
                return f"the checker {shown.kind} gives trust {allowed}, not {self.trust}"
            if self.status not in getattr(checker, "SHOWS", ("proved",)):
                return f"the checker {shown.kind} does not show that a claim is {self.status}"
            if len(getattr(checker, "SHOWS", ("proved",))) > 1:
                checker.check(self.statement, shown.data, self.status)
            else:
                checker.check(self.statement, shown.data)
        except Refused as error:
            return str(error)
        except (TypeError, ValueError, KeyError, IndexError, AttributeError, ArithmeticError,
                RecursionError) as error:
            return f"the evidence is malformed ({type(error).__name__}: {error})"
        return ""

    def _digest(self) -> str:
        body = self._body()
        return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()

    def _body(self) -> dict[str, Any]:
        def plain(shown: Evidence | None) -> Any:
            return None if shown is None else {"kind": shown.kind, "data": shown.data}

        return {"status": self.status, "statement": self.statement, "method": self.method,
                "trust": self.trust, "certificate": plain(self.certificate),
                "counterexample": plain(self.counterexample), "reason": self.reason,
                "evidence": self.evidence, "skipped": list(self.skipped)}

    # ---------------------------------------------------------------- for readers
    def explain(self) -> Text:
        """Return the argument as a mathematician would write it."""
        lines = [f"Claim ({self.status}"
                 + (f", trust {self.trust}" if self.trust else "") + f"): {self.claim}"]
        if self.method:
            lines.append(f"Method: {self.method}.")
        shown = self.certificate or self.counterexample
        if shown is not None:
            title = "Proof" if self.proved else "Counterexample"
            steps = shown.checker.explain(self.statement, shown.data)
            lines += [f"{title}.", *(f"  {k}. {s}" for k, s in enumerate(steps, 1))]
        if self.reason:
            lines.append(f"{'Reason' if self.unknown else 'Note'}: {self.reason}")
        if self.evidence:
            lines.append("Evidence, which proves nothing: "
                         + ", ".join(f"{k} = {v}" for k, v in self.evidence.items()))
        lines += [f"Not tried: {s}" for s in self.skipped]
        return Text("\n".join(lines))

    def latex(self) -> Text:
        """Return the argument in LaTeX."""
        shown = self.certificate or self.counterexample
        lines = [r"\textbf{Claim} (" + self.status + r"). " + _escaped(self.claim)]
        if shown is not None:
            steps = shown.checker.latex(self.statement, shown.data)
            lines += [r"\begin{enumerate}", *(rf"\item {s}" for s in steps), r"\end{enumerate}"]
        if self.reason:
            lines.append(_escaped(self.reason))
        return Text("\n".join(lines))

    def to_json(self, indent: int | None = None) -> str:
        """Return the verdict as JSON text; `Verdict.from_json` reads it back."""
        return json.dumps({"flowopt": "verdict", "claim": self.claim, **self._body(),
                           "digest": self.digest}, indent=indent)

    @classmethod
    def from_json(cls, text: str) -> Verdict:
        """Return the verdict of a JSON text; nothing is checked until `check` is called.

        Examples
        --------
        >>> import flowopt as fo
        >>> verdict = fo.prove(fo.flows.SignFlow(), "L")
        >>> Verdict.from_json(verdict.to_json()).check()
        True
        """
        try:
            made = json.loads(text)
            assert made.pop("flowopt") == "verdict"
            made.pop("claim")
            for key in ("certificate", "counterexample"):
                made[key] = None if made[key] is None else Evidence(**made[key])
            made["skipped"] = tuple(made["skipped"])
            return cls(**made)
        except (json.JSONDecodeError, AssertionError, KeyError, TypeError, AttributeError):
            raise ValueError("text must be what Verdict.to_json wrote, got "
                             f"{_check.shown(text)}") from None

    def __repr__(self) -> str:
        grade = f" ({self.trust})" if self.trust else ""
        return f"<Verdict {self.status}{grade}: {self.claim}>"


def proved(statement: Mapping[str, Any], method: str, trust: str, certificate: Evidence,
           reason: str = "", skipped: Sequence[str] = ()) -> Verdict:
    """Return a proved verdict, after its check.

    Raises
    ------
    AssertionError
        When the checker refuses the certificate: whoever found it has a fault.
    """
    return _checked(Verdict("proved", statement, method, trust, certificate, None, reason, None,
                            tuple(skipped)))


def disproved(statement: Mapping[str, Any], method: str, counterexample: Evidence,
              reason: str = "", trust: str = "A", skipped: Sequence[str] = ()) -> Verdict:
    """Return a refuted verdict, after the check of its counterexample."""
    return _checked(Verdict("disproved", statement, method, trust, None, counterexample, reason,
                            None, tuple(skipped)))


def unknown(statement: Mapping[str, Any], reason: str, evidence: Mapping[str, Any] | None = None,
            skipped: Sequence[str] = (), method: str = "") -> Verdict:
    """Return an unknown verdict: why, and the numbers that speak for or against it."""
    return _sealed(Verdict("unknown", statement, method, "", None, None, reason, evidence,
                           tuple(skipped)))


def _sealed(made: Verdict) -> Verdict:
    from dataclasses import replace

    plain = json.loads(json.dumps(made._body()))  # what is not plain data fails here
    made = replace(made, statement=plain["statement"])
    return replace(made, digest=made._digest())


def _checked(made: Verdict) -> Verdict:
    made = _sealed(made)
    refusal = made.refusal()
    if refusal:
        raise AssertionError(f"the check refuses what was found: {refusal}")
    return made


#: what LaTeX reads otherwise
_ESCAPES = str.maketrans({"_": r"\_", "^": r"\^{}", "%": r"\%", "&": r"\&", "#": r"\#",
                          "{": r"\{", "}": r"\}", "<": "$<$", ">": "$>$", "*": r"$\ast$"})


def _escaped(text: str) -> str:
    return text.translate(_ESCAPES).replace("$<$=", r"$\le$").replace("$>$=", r"$\ge$")

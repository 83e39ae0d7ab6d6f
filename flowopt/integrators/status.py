"""How a run ended, and the sentence that says so."""

from __future__ import annotations

from enum import IntEnum


class Status(IntEnum):
    """How a run ended.

    Examples
    --------
    >>> import flowopt as fo
    >>> field = fo.flows.SignFlow().on(fo.Loss("x**2"))
    >>> fo.integrate(field, [1.0], t=(0.0, 2.0)).status
    <Status.STUCK: 4>
    """

    RUNNING = 0
    REACHED_END = 1
    CONVERGED = 2
    EVENT = 3
    STUCK = 4
    DIVERGED = 5
    MAX_STEPS = 6
    STEP_TOO_SMALL = 7
    CHATTERING = 8
    CANCELLED = 9
    NOT_UNIQUE = 10
    NOT_CONVERGED = 11

    def __str__(self) -> str:
        return self.name

    @property
    def sentence(self) -> str:
        """What the status means, and what to try."""
        return _SENTENCES[self]


_SENTENCES = {
    Status.RUNNING: "The run has not ended.",
    Status.REACHED_END: "The end of the time span was reached.",
    Status.CONVERGED: "The field became smaller than the tolerance for rest.",
    Status.EVENT: "A terminal event ended the run.",
    Status.STUCK: "The motion came to rest on a switching surface: the field on both sides points "
    "at it (a sliding rest of Filippov), so the state stays for ever.",
    Status.DIVERGED: "The state or the field stopped being finite (overflow or NaN): the solution "
    "blows up, or the step is too large for the method.",
    Status.MAX_STEPS: "The budget of steps was spent; raise max_steps, loosen the tolerances, or "
    "shorten the span.",
    Status.STEP_TOO_SMALL: "The step became too small for the floating-point numbers: the field is "
    "singular here (or the tolerance is below what rounding allows).",
    Status.CHATTERING: "The motion meets switching surfaces again and again, or several at once "
    "from which no motion goes on; a method of fixed step gives the discretised motion instead.",
    Status.NOT_UNIQUE: "The motion can go on in several ways from where it is on the switching "
    "surfaces, so none was chosen; start to one side of them, or change the field where they meet.",
    Status.CANCELLED: "The run was interrupted; what was finished is kept.",
    Status.NOT_CONVERGED: "The equation of an implicit step was not solved: it has no solution, or "
    "Newton's method did not find one; take a smaller step.",
}

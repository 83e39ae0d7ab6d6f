"""Stop work that does not look at the clock: a limit of seconds around a block of code."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any


class TimeSpent(BaseException):
    """The seconds of a block are spent.

    It is no `Exception`, so that what tries one way after another does not take it for a failure
    of one of them.
    """


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise `TimeSpent` in the block when its seconds are spent.

    The timer needs a system with ``SIGALRM`` and the main thread; elsewhere a block runs to its
    end, and only an inner limit that is looked at keeps it short. Compiled code is interrupted
    when it returns.

    Parameters
    ----------
    seconds : float
        The limit; 0 or less raises at once.

    Examples
    --------
    >>> try:
    ...     with time_limit(0.05):
    ...         while True:
    ...             pass
    ... except TimeSpent:
    ...     print("stopped")
    stopped
    """
    if seconds <= 0:
        raise TimeSpent
    if not hasattr(signal, "SIGALRM") or threading.current_thread() is not threading.main_thread():
        yield
        return
    if signal.getitimer(signal.ITIMER_REAL)[0] > 0:  # somebody else's timer: let it be
        yield
        return

    over = False

    def stop(number: int, frame: Any) -> None:
        if not over:
            raise TimeSpent

    before = signal.signal(signal.SIGALRM, stop)
    # again and again: an exception in a callback from compiled code is lost
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.5)
    try:
        yield
    finally:
        over = True
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


class Budget:
    """Seconds that several pieces of work share.

    Examples
    --------
    >>> budget = Budget(10.0)
    >>> 9.0 < budget.left() <= 10.0, 4.5 < budget.share(0.5) <= 5.0
    (True, True)
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.start = time.monotonic()

    def left(self) -> float:
        """Return the seconds that are left."""
        return max(0.0, self.start + self.seconds - time.monotonic())

    def share(self, part: float) -> float:
        """Return a part of the whole, or what is left when this is less."""
        return min(self.left(), part * self.seconds)

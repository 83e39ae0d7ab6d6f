"""The loop of reducers over states that are already there."""

from flowopt._language import Int, Ints, Reals, call_kernel, shift
from flowopt.integrators.kernels.lanes import fill

W = 1


def fold(reducer: Int, context: Ints, times: Reals, states: Reals, p: Reals, totals: Reals,
         count: Int, m: Int, t: Reals) -> Int:
    """Show a reducer the `count` states (count, m, W) at the times, one after another."""
    for k in range(count):
        fill(t, times[k])
        call_kernel(reducer, context, t, shift(states, k * m * W), p, p, totals)
    return 0


def build(width: int, name: str = "fold"):
    """Return the compiled stepper for blocks of `width` lanes."""
    from flowopt._compiler import compiled

    return compiled(fold, {"W": width}, vectorise=width > 1)


#: how ctypes passes the arguments: p address, i integer
KINDS = {"fold": "ipppppiip"}

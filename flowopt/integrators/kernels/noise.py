"""Steppers with noise: Euler–Maruyama, SRA1 and BAOAB; their random numbers are in philox.py.

The three take the same arguments. `sizes` and `key`: see noise_places.py. `lengths`: the lengths
of a fine step and of the last one, and their square roots; a step is made of sizes[FINE] fine
steps, so that runs with other steps, but the same fine step, see the same Brownian path. `heat`:
the kernel of the temperature, or 0 when it does not depend on time and `temperature` holds it.
`word`: room for the generator. The rest is as in fixed.py.
"""

import math

from flowopt._language import Int, Ints, Real, Reals, Truth, call_kernel, shift
from flowopt.integrators.kernels.block import finite
from flowopt.integrators.kernels.increments import both_increments, increments, thermal
from flowopt.integrators.kernels.lanes import all_finite, between, copy, fill, park
from flowopt.integrators.kernels.noise_places import (
    KEEP,
    NEXT_SAVE,
    NOISY,
    ROWS,
    SAVES,
    TOTAL,
)
from flowopt.integrators.kernels.noise_rows import (
    add_rows,
    amplitudes,
    drifted,
    fades,
    fill_rows,
    joined,
    kicked,
    kicked_twice,
    roots,
    stage,
    thrown,
)

W = 1


def maruyama(rhs: Int, context: Ints, sizes: Ints, lengths: Reals, key: Ints, heat: Int,
             temperature: Reals, friction: Reals, word: Ints, p: Reals, y: Reals, bad: Ints,
             first: Int, last: Int, t0: Real, h: Real, h_last: Real, path: Reals, saves: Ints,
             save_at: Reals, saved: Reals, reducer: Int, reducer_context: Ints, totals: Reals,
             work: Reals) -> Int:
    """Take the steps y⁺ = y + h F(t, y) + √(2 T(t)) ΔW."""
    m, n = sizes[ROWS], sizes[NOISY]
    rows, noisy = m * W, n * W
    slope, before, dw = work, shift(work, rows), shift(work, 2 * rows)
    t, size = shift(dw, noisy), shift(dw, noisy + W)
    noise = shift(size, W)
    amplitudes(size, temperature)
    step = first
    while step < last:
        start = t0 + step * h
        length = h_last if step == sizes[TOTAL] - 1 else h
        fill(t, start)
        if heat != 0:
            call_kernel(heat, context, t, y, p, p, temperature)
            amplitudes(size, temperature)
        call_kernel(rhs, context, t, y, p, p, slope)
        fill_rows(dw, 0.0, n)
        increments(dw, noise, word, key, sizes, lengths, step)
        if saves_here(sizes, saves, step):
            copy(before, y, rows)
        good = drifted(y, slope, length, m)
        good = good & kicked(y, size, dw, n)
        step += 1
        if not settle(y, before, step, good, sizes, bad, path, saves, save_at, saved):
            break
        if reducer != 0:
            fill(t, start + length)
            call_kernel(reducer, reducer_context, t, y, p, p, totals)
    return step


def sra1(rhs: Int, context: Ints, sizes: Ints, lengths: Reals, key: Ints, heat: Int,
         temperature: Reals, friction: Reals, word: Ints, p: Reals, y: Reals, bad: Ints, first: Int,
         last: Int, t0: Real, h: Real, h_last: Real, path: Reals, saves: Ints, save_at: Reals,
         saved: Reals, reducer: Int, reducer_context: Ints, totals: Reals, work: Reals) -> Int:
    """Take the steps of SRA1.

    With g = √(2 T), and ΔW and ΔZ = ∫ (W(s) − W(t)) ds over the step,
    H = y + ¾ h F(t, y) + (3/2) g(t + h) ΔZ/h,
    y⁺ = y + h (⅓ F(t, y) + ⅔ F(t + ¾ h, H)) + g(t + h) ΔW + (g(t) − g(t + h)) ΔZ/h.
    """
    m, n = sizes[ROWS], sizes[NOISY]
    rows, noisy = m * W, n * W
    slope, other, before = work, shift(work, rows), shift(work, 2 * rows)
    inner, dw = shift(work, 3 * rows), shift(work, 4 * rows)
    dz, t = shift(dw, noisy), shift(dw, 2 * noisy)
    size, later = shift(t, W), shift(t, 2 * W)
    noise = shift(t, 3 * W)
    step = first
    fill(t, t0 + step * h)
    if heat != 0:
        call_kernel(heat, context, t, y, p, p, temperature)
    amplitudes(later, temperature)
    while step < last:
        start, end = t0 + step * h, t0 + (step + 1) * h
        length = h
        if step == sizes[TOTAL] - 1:
            length = h_last
            end = start + h_last
        copy(size, later, W)
        if heat != 0:
            fill(t, end)
            call_kernel(heat, context, t, y, p, p, temperature)
            amplitudes(later, temperature)
        fill(t, start)
        call_kernel(rhs, context, t, y, p, p, slope)
        fill_rows(dw, 0.0, 2 * n)
        both_increments(dw, dz, noise, word, key, sizes, lengths, step)
        stage(inner, y, slope, later, dz, 0.75 * length, 1.5 / abs(length), m, n)
        fill(t, start + 0.75 * length)
        call_kernel(rhs, context, t, inner, p, p, other)
        if saves_here(sizes, saves, step):
            copy(before, y, rows)
        good = joined(y, slope, other, length / 3.0, m)
        good = good & kicked_twice(y, size, later, dw, dz, 1.0 / abs(length), n)
        step += 1
        if not settle(y, before, step, good, sizes, bad, path, saves, save_at, saved):
            break
        if reducer != 0:
            fill(t, start + length)
            call_kernel(reducer, reducer_context, t, y, p, p, totals)
    return step


def baoab(rhs: Int, context: Ints, sizes: Ints, lengths: Reals, key: Ints, heat: Int,
          temperature: Reals, friction: Reals, word: Ints, p: Reals, y: Reals, bad: Ints,
          first: Int, last: Int, t0: Real, h: Real, h_last: Real, path: Reals, saves: Ints,
          save_at: Reals, saved: Reals, reducer: Int, reducer_context: Ints, totals: Reals,
          work: Reals) -> Int:
    """Take the steps of BAOAB on q̇ = v, v̇ = f(t, q) − γ v + √(2γT) Ẇ.

    B: v + (h/2) f(t, q); A: q + (h/2) v; O: e^{−γh} v + √(T (1 − e^{−2γh})) N(0, 1), with T in
    the middle of the step; then A, and B with f(t + h, q). The force f is F's lower half at v = 0.
    """
    n = sizes[NOISY]
    noisy = n * W
    rows = 2 * noisy
    slope, before, still = work, shift(work, rows), shift(work, 2 * rows)
    dw, t = shift(work, 3 * rows), shift(work, 3 * rows + noisy)
    root, fade, fade_last = shift(t, W), shift(t, 2 * W), shift(t, 3 * W)
    fine, noise = shift(t, 4 * W), shift(t, 9 * W)  # fine: 5 rows, the last is not needed
    fades(fade, shift(fine, 4 * W), friction, h)
    fades(fade_last, shift(fine, 4 * W), friction, h_last)
    fades(fine, shift(fine, W), friction, lengths[0])
    fades(shift(fine, 2 * W), shift(fine, 3 * W), friction, lengths[1])
    fill_rows(shift(still, noisy), 0.0, n)
    copy(still, y, noisy)
    roots(root, temperature)
    fill(t, t0 + first * h)
    call_kernel(rhs, context, t, still, p, p, slope)
    step = first
    while step < last:
        start, end = t0 + step * h, t0 + (step + 1) * h
        length = h
        if step == sizes[TOTAL] - 1:
            length = h_last
            end = start + h_last
            copy(fade, fade_last, W)
        if saves_here(sizes, saves, step):
            copy(before, y, rows)
        if heat != 0:
            fill(t, start + 0.5 * length)
            call_kernel(heat, context, t, y, p, p, temperature)
            roots(root, temperature)
        fill_rows(dw, 0.0, n)
        thermal(dw, fine, noise, word, key, sizes, step)
        thrown(y, shift(y, noisy), shift(slope, noisy), root, fade, dw, 0.5 * length, n)
        copy(still, y, noisy)
        fill(t, end)
        call_kernel(rhs, context, t, still, p, p, slope)
        add_rows(shift(y, noisy), shift(slope, noisy), 0.5 * length, noisy)
        step += 1
        good = all_finite(y, rows)
        if not settle(y, before, step, good, sizes, bad, path, saves, save_at, saved):
            break
        if reducer != 0:
            fill(t, start + length)
            call_kernel(reducer, reducer_context, t, y, p, p, totals)
    return step


def coldest(heat: Int, context: Ints, p: Reals, t: Reals, now: Reals, least: Reals, when: Reals,
            most: Reals, nodes: Reals, count: Int, total: Int, t0: Real, h: Real, h_last: Real
            ) -> Int:
    """Set the least temperature of each lane over the steps, its time, and the greatest one.

    Each step looks at its `count` nodes, fractions of the step. What is not finite counts as NaN,
    and NaN as the least.
    """
    for step in range(total):
        start = t0 + step * h
        length = h_last if step == total - 1 else h
        for k in range(count):
            fill(t, start + nodes[k] * length)
            call_kernel(heat, context, t, t, p, p, now)
            for lane in range(W):
                value = now[lane] if finite(now[lane]) else math.nan
                worse = not (value >= least[lane]) and least[lane] == least[lane]
                when[lane] = t[lane] if worse else when[lane]
                least[lane] = value if worse else least[lane]
                most[lane] = max(most[lane], value)
    return 0


def saves_here(sizes: Ints, saves: Ints, step: Int) -> Truth:
    """Return whether the next time to save lies in the step."""
    return sizes[NEXT_SAVE] < sizes[SAVES] and saves[sizes[NEXT_SAVE]] == step


def settle(y: Reals, before: Reals, step: Int, good: Truth, sizes: Ints, bad: Ints, path: Reals,
           saves: Ints, save_at: Reals, saved: Reals) -> Int:
    """Save and record the state after `step` steps, and park lanes; return whether one runs."""
    m = sizes[ROWS]
    rows = m * W
    save = sizes[NEXT_SAVE]
    while save < sizes[SAVES] and saves[save] == step - 1:
        between(shift(saved, save * rows), before, y, save_at[save], rows)
        save += 1
    sizes[NEXT_SAVE] = save
    if sizes[KEEP] == 1:
        copy(shift(path, step * rows), y, rows)
    if good:
        return 1
    return 1 if park(y, m, bad, step - 1) > 0 else 0


def build(width: int, name: str):
    """Return the compiled function `name` for blocks of `width` lanes."""
    from flowopt._compiler import compiled

    function = {"maruyama": maruyama, "sra1": sra1, "baoab": baoab, "coldest": coldest}[name]
    return compiled(function, {"W": width}, vectorise=True)


#: how ctypes passes the arguments: p address, i integer, d double
KINDS = dict.fromkeys(["maruyama", "sra1", "baoab"],
                      "ipppp" + "ippp" + "ppp" + "iiddd" + "pppp" + "ipp" + "p")
KINDS["coldest"] = "ipppppppp" + "ii" + "ddd"

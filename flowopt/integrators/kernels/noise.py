"""Steppers with noise: Euler–Maruyama, SRA1 and BAOAB; their random numbers are in philox.py.

The three take the same arguments. `sizes`: see the constants below. `lengths`: the lengths of a
fine step and of the last one, and their square roots; a step is made of sizes[FINE] fine steps,
so that runs with other steps, but the same fine step, see the same Brownian path. `key`: the seed
in two halves, the lane of the block's first run, and the fine step from which on the buffer of
normal numbers is filled (−1: not yet). `heat`: the kernel of the temperature, or 0 when it does not
depend on time and `temperature` holds it. `word`: room for the generator. The rest is as in
fixed.py.
"""

import math

from flowopt._language import Int, Ints, Real, Reals, Truth, call_kernel, muladd, shift
from flowopt.integrators.kernels.block import finite
from flowopt.integrators.kernels.fixed import all_finite, between, copy, fill, park
from flowopt.integrators.kernels.philox import normals, words

W = 1
#: rows of the state, coordinates with noise, fine steps of a step, steps, saves, record the path
#: (0 or 1), next save, whether F depends on time, fine steps of the last step, steps in the buffer
ROWS, NOISY, FINE, TOTAL, SAVES, KEEP, NEXT_SAVE, TIMED, FINE_LAST, HELD = range(10)
K0, K1, LANE, BASE = range(4)
#: the counter's stream of the second numbers, which only ∫∫ dW ds needs
SECOND = 0x80000000
#: 1/(2√3)
ROOT_TWELFTH = 0.28867513459481287


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


# ------------------------------------------------------------------ random numbers of a step
def place(noise: Reals, word: Ints, key: Ints, sizes: Ints, j: Int, streams: Int) -> Int:
    """Return where the normal number of coordinate 0 in fine step j is; fill the buffer first.

    For many lanes the buffer holds (2 steps, n, W), for one lane (n, 2, steps/2), or, of many
    coordinates, (2 steps, n); the second stream lies behind the first.
    """
    n, held = sizes[NOISY], sizes[HELD]
    base = j & -held
    if key[BASE] != base:
        key[BASE] = base
        for stream in range(streams):
            draw(shift(noise, stream * n * held * W), word, key, base >> 1, n, held,
                 stream * SECOND)
    if W > 1:
        return (j & 1) * n * W
    odd = n if held == 2 else held >> 1
    return (j & 1) * odd + ((j - base) >> 1)


def stride(sizes: Ints) -> Int:
    """Return how far apart the coordinates are in the buffer."""
    if W > 1:
        return W
    return 1 if sizes[HELD] == 2 else sizes[HELD]


def draw(noise: Reals, word: Ints, key: Ints, pair: Int, n: Int, held: Int, stream: Int):
    """Fill the buffer with the normal numbers of `held` steps, from that of the pair on."""
    if W > 1:
        for i in range(n):
            words(word, W, stream + i, 0, pair, 0, key[LANE], 1, key[K0], key[K1])
            normals(shift(noise, i * W), shift(noise, (n + i) * W), word, W)
    elif held > 2:
        half = held >> 1
        for i in range(n):
            words(word, half, stream + i, 0, pair, 1, key[LANE], 0, key[K0], key[K1])
            normals(shift(noise, i * held), shift(noise, i * held + half), word, half)
    else:
        words(word, n, stream, 1, pair, 0, key[LANE], 0, key[K0], key[K1])
        normals(noise, shift(noise, n), word, n)


def fine_steps(sizes: Ints, step: Int) -> Int:
    """Return how many fine steps the step has."""
    return sizes[FINE_LAST] if step == sizes[TOTAL] - 1 else sizes[FINE]


def is_last(sizes: Ints, j: Int) -> Truth:
    """Return whether fine step j is the last of the run."""
    return j == (sizes[TOTAL] - 1) * sizes[FINE] + sizes[FINE_LAST] - 1


def increments(dw: Reals, noise: Reals, word: Ints, key: Ints, sizes: Ints, lengths: Reals,
               step: Int):
    """Add up ΔW of each coordinate over the fine steps of a step."""
    first = step * sizes[FINE]
    for j in range(first, first + fine_steps(sizes, step)):
        z = shift(noise, place(noise, word, key, sizes, j, 1))
        root = lengths[3] if is_last(sizes, j) else lengths[2]
        for i in range(sizes[NOISY]):
            add_scaled(shift(dw, i * W), shift(z, i * stride(sizes)), root)


def both_increments(dw: Reals, dz: Reals, noise: Reals, word: Ints, key: Ints, sizes: Ints,
                    lengths: Reals, step: Int):
    """Add up ΔW and ΔZ = ∫ (W(s) − W(t)) ds over the fine steps of a step.

    Over one fine step of length δ, ΔW = √δ z₁ and ΔZ = ½ δ^{3/2} (z₁ + z₂/√3); its ΔZ starts from
    the W reached.
    """
    first = step * sizes[FINE]
    second = sizes[NOISY] * sizes[HELD] * W
    for j in range(first, first + fine_steps(sizes, step)):
        at = place(noise, word, key, sizes, j, 2)
        last = 1 if is_last(sizes, j) else 0
        for i in range(sizes[NOISY]):
            z = shift(noise, at + i * stride(sizes))
            add_both(shift(dw, i * W), shift(dz, i * W), z, shift(z, second), lengths[last],
                     lengths[2 + last])


def thermal(dw: Reals, fine: Reals, noise: Reals, word: Ints, key: Ints, sizes: Ints, step: Int):
    """Set the kick of O at T = 1: over each fine step ξ becomes e^{−γδ} ξ + √(1 − e^{−2γδ}) z."""
    first = step * sizes[FINE]
    for j in range(first, first + fine_steps(sizes, step)):
        z = shift(noise, place(noise, word, key, sizes, j, 1))
        fade = shift(fine, 2 * W if is_last(sizes, j) else 0)
        for i in range(sizes[NOISY]):
            relax(shift(dw, i * W), shift(z, i * stride(sizes)), fade, shift(fade, W))


# ------------------------------------------------------------------ loops over a block
def fill_rows(block: Reals, value: Real, rows: Int):
    for q in range(rows * W):
        block[q] = value


def add_scaled(out: Reals, z: Reals, root: Real):
    for lane in range(W):
        out[lane] = muladd(root, z[lane], out[lane])


def add_both(dw: Reals, dz: Reals, z: Reals, other: Reals, length: Real, root: Real):
    for lane in range(W):
        area = root * length * muladd(ROOT_TWELFTH, other[lane], 0.5 * z[lane])
        dz[lane] = muladd(length, dw[lane], dz[lane]) + area
        dw[lane] = muladd(root, z[lane], dw[lane])


def relax(xi: Reals, z: Reals, fade: Reals, kick: Reals):
    for lane in range(W):
        xi[lane] = muladd(fade[lane], xi[lane], kick[lane] * z[lane])


def fades(fade: Reals, kick: Reals, friction: Reals, length: Real):
    """Set e^{−x} and √(1 − e^{−2x}) for x = γ h; 1 − e^{−2x} = (1 + e^{−2x}) tanh x."""
    for lane in range(W):
        x = friction[lane] * length
        f = math.exp(-x)
        fade[lane] = f
        kick[lane] = math.sqrt((1.0 + f * f) * math.tanh(x))


def roots(out: Reals, temperature: Reals):
    """Set √T; a T that rounding made negative counts as 0."""
    for lane in range(W):
        out[lane] = math.sqrt(max(temperature[lane], 0.0))


def amplitudes(out: Reals, temperature: Reals):
    """Set √(2T); a T that rounding made negative counts as 0."""
    for lane in range(W):
        out[lane] = math.sqrt(2.0 * max(temperature[lane], 0.0))


def drifted(y: Reals, slope: Reals, h: Real, m: Int) -> Truth:
    """Set y = y + h F; return whether all numbers are finite."""
    good = True
    for q in range(m * W):
        value = y[q] + h * slope[q]
        y[q] = value
        good = good & finite(value)
    return good


def kicked(y: Reals, size: Reals, dw: Reals, n: Int) -> Truth:
    """Set y = y + g ΔW in the coordinates with noise; return whether they are finite."""
    good = True
    for i in range(n):
        row, add = shift(y, i * W), shift(dw, i * W)
        for lane in range(W):
            value = muladd(size[lane], add[lane], row[lane])
            row[lane] = value
            good = good & finite(value)
    return good


def stage(out: Reals, y: Reals, slope: Reals, size: Reals, dz: Reals, h: Real, weight: Real,
          m: Int, n: Int):
    """Set out = y + h F + weight g ΔZ."""
    for q in range(m * W):
        out[q] = y[q] + h * slope[q]
    for i in range(n):
        row, add = shift(out, i * W), shift(dz, i * W)
        for lane in range(W):
            row[lane] = muladd(size[lane], weight * add[lane], row[lane])


def joined(y: Reals, slope: Reals, other: Reals, third: Real, m: Int) -> Truth:
    """Set y = y + h/3 (F₁ + 2 F₂); return whether all numbers are finite."""
    good = True
    for q in range(m * W):
        value = y[q] + third * muladd(2.0, other[q], slope[q])
        y[q] = value
        good = good & finite(value)
    return good


def kicked_twice(y: Reals, size: Reals, later: Reals, dw: Reals, dz: Reals, rate: Real, n: Int
                 ) -> Truth:
    """Set y = y + g(t + h) ΔW + (g(t) − g(t + h)) ΔZ/h; return whether y is finite."""
    good = True
    for i in range(n):
        row, one, two = shift(y, i * W), shift(dw, i * W), shift(dz, i * W)
        for lane in range(W):
            value = muladd(later[lane], one[lane], row[lane])
            value = muladd(size[lane] - later[lane], rate * two[lane], value)
            row[lane] = value
            good = good & finite(value)
    return good


def thrown(q: Reals, v: Reals, force: Reals, root: Reals, fade: Reals, xi: Reals, half: Real,
           n: Int):
    """Take B, A, O and A; `half` is half a step."""
    for i in range(n):
        a, b, f, x = shift(q, i * W), shift(v, i * W), shift(force, i * W), shift(xi, i * W)
        for lane in range(W):
            speed = b[lane] + half * f[lane]
            middle = a[lane] + half * speed
            speed = muladd(fade[lane], speed, root[lane] * x[lane])
            a[lane] = middle + half * speed
            b[lane] = speed


def add_rows(y: Reals, slope: Reals, h: Real, count: Int):
    for q in range(count):
        y[q] = y[q] + h * slope[q]


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

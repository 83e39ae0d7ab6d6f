"""The adaptive stepper: an embedded explicit pair, with its own time and step in every lane.

Trajectories wait in a queue; a lane that ends one takes the next, so nothing waits for the
slowest. A lane hands its trajectory back when it has reached the end, met a switching surface,
diverged, spent its steps, or cannot go on. The arithmetic of a lane does not depend on the
others, nor on their number.

Layout of `sizes` (int64) and `numbers` (float64): see the names below, shared with the caller.
"""

import math

import numba
from numba import types

from flowopt._native import options
from flowopt._pointers import F8, I8, call_kernel, shift
from flowopt.integrators.kernels.lanes import combine, dense_weights, finite

I = types.int64  # noqa: E741

# sizes
(ROWS, STAGES, ALL_STAGES, DEGREE, ERRORS, QUEUE_END, NEXT, SAVES, CAPACITY, RECORDED, MAX_STEPS,
 SURFACES, PARAMETERS, LATE, ALPHA, BETA, ORDER, STARTED) = range(18)
# numbers
T_END, RTOL, H_MAX, SAFETY, SHRINK, GROW = range(6)
# what a trajectory's status may be
RUNNING, REACHED_END, SWITCH, DIVERGED, OUT_OF_STEPS, STEP_TOO_SMALL = range(6)
# counts of a trajectory
ACCEPTED, REJECTED, EVALUATIONS = range(3)
#: fractions of a step at which the switching functions are looked at
SAMPLES = 4
TINY = 2.220446049250313e-16
HUGE = 1e10


def build(width, name="adaptive"):
    """Return the compiled stepper for blocks of `width` lanes."""
    W = width
    inner = numba.njit(**options())

    @inner
    def gather(block, rows, lane, point):
        for i in range(rows):
            point[i] = block[i * W + lane]

    @inner
    def first_step(rhs1, context1, t, t_end, y, f, p, s, m, atol, rtol, order, h_max, work):
        """The starting step of Hairer, Nørsett & Wanner I, II.4, for one trajectory."""
        d0 = 0.0
        d1 = 0.0
        for i in range(m):
            scale = atol[i] + rtol * abs(y[i])
            d0 += (y[i] / scale) * (y[i] / scale)
            d1 += (f[i] / scale) * (f[i] / scale)
        d0 = math.sqrt(d0 / m)
        d1 = math.sqrt(d1 / m)
        span = abs(t_end - t[0])
        h0 = 1e-6 if d0 < 1e-5 or d1 < 1e-5 or not finite(d1) else 0.01 * d0 / d1
        h0 = min(h0, span)
        direction = 1.0 if t_end > t[0] else -1.0
        y1 = work
        f1 = shift(work, m)
        t1 = shift(work, 2 * m)
        for i in range(m):
            y1[i] = y[i] + direction * h0 * f[i]
        t1[0] = t[0] + direction * h0
        call_kernel(rhs1, context1, t1, y1, p, s, f1)
        d2 = 0.0
        for i in range(m):
            scale = atol[i] + rtol * abs(y[i])
            d2 += ((f1[i] - f[i]) / scale) * ((f1[i] - f[i]) / scale)
        d2 = math.sqrt(d2 / m) / h0
        steepest = max(d1, d2)
        if not finite(steepest):
            h1 = h0
        elif steepest <= 1e-15:
            h1 = max(1e-6, h0 * 1e-3)
        else:
            h1 = (0.01 / steepest) ** (1.0 / order)
        return direction * min(min(100.0 * h0, h1), min(span, h_max))

    @inner
    def power64(value, exponent, root, out):
        """Set out = value^(exponent/64) in each lane, by square roots (they vectorise)."""
        for lane in range(W):
            root[lane] = value[lane]
            out[lane] = 1.0
        bit = 32
        while bit > 0:
            for lane in range(W):
                root[lane] = math.sqrt(root[lane])
            if exponent & bit:
                for lane in range(W):
                    out[lane] = out[lane] * root[lane]
            bit >>= 1

    @inner
    def dense_point(theta, h, y, k, dense, stages, degree, m, lane, weights, point):
        """Set point = y(t + θh) of one lane."""
        dense_weights(weights, theta, dense, stages, degree)
        for i in range(m):
            value = 0.0
            for s in range(stages):
                value = value + weights[s] * k[(s * m + i) * W + lane]
            point[i] = y[i * W + lane] + h * value

    @inner
    def crossing(surface1, context1, which, low, high, side, t, h, y, k, dense, stages, degree, m,
                 lane, p1, s1, weights, point, t1, psi1):
        """Return the fraction in (low, high] at which side·ψ turns negative, by bisection."""
        for _ in range(64):
            middle = 0.5 * (low + high)
            if middle <= low or middle >= high:
                break
            dense_point(middle, h, y, k, dense, stages, degree, m, lane, weights, point)
            t1[0] = t + middle * h
            call_kernel(surface1, context1, t1, point, p1, s1, psi1)
            if side * psi1[which] < 0.0:
                high = middle
            else:
                low = middle
        return high

    def adaptive(rhs, rhs1, surface, surface1, context, context1, sizes, numbers, plan, weight,
                 nodes, error, dense, atol, save_at, queue_t, queue_h, queue_y, queue_p, queue_s,
                 queue_status, queue_which, queue_count, queue_save, saved, path_t, path_h, path_y,
                 lane_id, lane_f, work, budget):
        """Advance; return 0 when the queue is done, 1 when `budget` rounds are spent, 2 when the
        buffer of the path is full.

        plan, weight: rows 1 … S − 1 the stages, row S the new point, then one row for each error
        estimate, then one for each extra stage of the dense output.
        """
        m, stages, total = sizes[ROWS], sizes[STAGES], sizes[ALL_STAGES]
        degree, errors, surfaces = sizes[DEGREE], sizes[ERRORS], sizes[SURFACES]
        n_saves, parameters = sizes[SAVES], sizes[PARAMETERS]
        t_end, rtol = numbers[T_END], numbers[RTOL]
        safety, shrink, grow = numbers[SAFETY], numbers[SHRINK], numbers[GROW]
        size = m * W
        # per lane: t, proposed h, h used, error, memory of the controller, times of the stages …
        t, h = lane_f, shift(lane_f, W)
        used, err = shift(lane_f, 2 * W), shift(lane_f, 3 * W)
        memory, stage_t = shift(lane_f, 4 * W), shift(lane_f, 5 * W)
        root, factor = shift(lane_f, 6 * W), shift(lane_f, 7 * W)
        other, accept = shift(lane_f, 8 * W), shift(lane_f, 9 * W)
        last_rejected = shift(lane_f, 10 * W)
        y = shift(lane_f, 11 * W)
        p = shift(y, size)
        side = shift(p, max(parameters, 1) * W)
        # scratch
        k = work
        trial = shift(k, total * size)
        new = shift(trial, size)
        estimate = shift(new, size)
        psi = shift(estimate, 2 * size)
        point = shift(psi, (SAMPLES + 1) * max(surfaces, 1) * W)
        p1 = shift(point, m)
        s1 = shift(p1, max(parameters, 1))
        psi1 = shift(s1, max(surfaces, 1))
        f1 = shift(psi1, max(surfaces, 1))
        weights = shift(f1, m)
        t1 = shift(weights, total)
        spare = shift(t1, 1)
        stride = total + 1
        rounds = 0
        while True:
            # -- a free lane takes the next trajectory
            active = 0
            for lane in range(W):
                while lane_id[lane] < 0 and sizes[NEXT] < sizes[QUEUE_END]:
                    one = sizes[NEXT]
                    sizes[NEXT] = one + 1
                    if queue_status[one] != RUNNING:
                        continue
                    lane_id[lane] = one
                    t[lane] = queue_t[one]
                    for i in range(m):
                        point[i] = queue_y[one * m + i]
                        y[i * W + lane] = point[i]
                    for i in range(parameters):
                        p1[i] = queue_p[one * parameters + i]
                        p[i * W + lane] = p1[i]
                    for i in range(surfaces):
                        s1[i] = queue_s[one * surfaces + i]
                        side[i * W + lane] = s1[i]
                    t1[0] = t[lane]
                    call_kernel(rhs1, context1, t1, point, p1, s1, f1)
                    for i in range(m):
                        k[i * W + lane] = f1[i]
                    queue_count[3 * one + EVALUATIONS] += 1
                    h[lane] = queue_h[one]
                    if h[lane] == 0.0:
                        h[lane] = first_step(rhs1, context1, t1, t_end, point, f1, p1, s1, m, atol,
                                             rtol, sizes[ORDER], numbers[H_MAX], spare)
                        queue_count[3 * one + EVALUATIONS] += 1
                    memory[lane] = 1.0
                    last_rejected[lane] = 0.0
                    good = True
                    for i in range(m):
                        if not finite(point[i]) or not finite(f1[i]):
                            good = False
                    if not good:
                        queue_status[one] = DIVERGED
                        lane_id[lane] = -1
                        continue
                    while queue_save[one] < n_saves and save_at[queue_save[one]] == t[lane]:
                        for i in range(m):
                            saved[(one * n_saves + queue_save[one]) * m + i] = point[i]
                        queue_save[one] += 1
                if lane_id[lane] >= 0:
                    active += 1
            if active == 0:
                return 0
            if rounds == budget:
                return 1
            if sizes[CAPACITY] > 0 and sizes[RECORDED] == sizes[CAPACITY]:
                return 2
            rounds += 1
            # -- one trial step in every lane
            for lane in range(W):
                remaining = t_end - t[lane]
                used[lane] = remaining if abs(remaining) <= 1.01 * abs(h[lane]) else h[lane]
            for s in range(1, stages):
                row = shift(plan, s * stride)
                combine(new, k, size, row[0], shift(row, 1), shift(weight, s * total))
                for i in range(m):
                    for lane in range(W):
                        trial[i * W + lane] = y[i * W + lane] + used[lane] * new[i * W + lane]
                for lane in range(W):
                    stage_t[lane] = t[lane] + nodes[s] * used[lane]
                call_kernel(rhs, context, stage_t, trial, p, side, shift(k, s * size))
            row = shift(plan, stages * stride)
            combine(trial, k, size, row[0], shift(row, 1), shift(weight, stages * total))
            for i in range(m):
                for lane in range(W):
                    new[i * W + lane] = y[i * W + lane] + used[lane] * trial[i * W + lane]
            for lane in range(W):
                stage_t[lane] = t[lane] + used[lane]
            if sizes[LATE] == 0:
                call_kernel(rhs, context, stage_t, new, p, side, shift(k, stages * size))
            # -- its error, in units of the tolerance
            for e in range(errors):
                row = shift(plan, (stages + 1 + e) * stride)
                combine(shift(estimate, e * size), k, size, row[0], shift(row, 1),
                        shift(weight, (stages + 1 + e) * total))
            for lane in range(W):
                err[lane] = 0.0
                other[lane] = 0.0
            for i in range(m):
                for lane in range(W):
                    q = i * W + lane
                    scale = atol[i] + rtol * max(abs(y[q]), abs(new[q]))
                    ratio = estimate[q] / scale
                    err[lane] = err[lane] + ratio * ratio
                if errors == 2:
                    for lane in range(W):
                        q = i * W + lane
                        scale = atol[i] + rtol * max(abs(y[q]), abs(new[q]))
                        ratio = estimate[size + q] / scale
                        other[lane] = other[lane] + ratio * ratio
            if errors == 2:  # |h| e5² / √((e5² + e3²/100) m)
                for lane in range(W):
                    below = math.sqrt((err[lane] + 0.01 * other[lane]) * m)
                    value = abs(used[lane]) * err[lane] / below
                    err[lane] = value if below > 0.0 else below
            else:
                for lane in range(W):
                    err[lane] = abs(used[lane]) * math.sqrt(err[lane] / m)
            for i in range(m):  # an overflow that the estimate does not see
                for lane in range(W):
                    err[lane] = err[lane] + 0.0 * new[i * W + lane]
            any_accepted = 0
            for lane in range(W):
                accept[lane] = 1.0 if err[lane] <= 1.0 else 0.0
                any_accepted |= 1 if err[lane] <= 1.0 else 0
                if not err[lane] <= 1e300:  # NaN or overflow
                    err[lane] = 1e301
                err[lane] = max(err[lane], 1e-10)
            # -- the next step: safety · err^−α · (last err)^β
            power64(err, sizes[ALPHA], root, factor)
            for lane in range(W):
                proposal = safety * memory[lane] / factor[lane]
                ceiling = 1.0 if last_rejected[lane] > 0.0 else grow
                proposal = min(max(proposal, shrink), ceiling)
                smaller = min(max(safety / factor[lane], 0.1), 0.9)
                smaller = smaller if err[lane] <= 1e300 else 0.1
                factor[lane] = proposal if accept[lane] > 0.0 else smaller
                err[lane] = max(err[lane], 1e-4)
            if any_accepted:
                power64(err, sizes[BETA], root, other)
            if any_accepted and sizes[LATE] == 1:
                call_kernel(rhs, context, stage_t, new, p, side, shift(k, stages * size))
            # -- the extra stages of the dense output, where some lane needs them
            wanted = 1 if surfaces > 0 else 0
            if n_saves > 0 and wanted == 0:
                for lane in range(W):
                    one = lane_id[lane]
                    if one >= 0 and accept[lane] > 0.0 and queue_save[one] < n_saves:
                        ahead = save_at[queue_save[one]] - t[lane]
                        if abs(ahead) < abs(used[lane]):
                            wanted = 1
            if any_accepted == 0:
                wanted = 0
            if wanted == 1:
                for e in range(stages + 1, total):
                    line = stages + 1 + errors + e - (stages + 1)
                    row = shift(plan, line * stride)
                    combine(trial, k, size, row[0], shift(row, 1), shift(weight, line * total))
                    for i in range(m):
                        for lane in range(W):
                            q = i * W + lane
                            trial[q] = y[q] + used[lane] * trial[q]
                    for lane in range(W):
                        stage_t[lane] = t[lane] + nodes[e] * used[lane]
                    call_kernel(rhs, context, stage_t, trial, p, side, shift(k, e * size))
            # -- the switching functions at four points of the step
            if wanted == 1 and surfaces > 0:
                for j in range(1, SAMPLES + 1):
                    theta = j / SAMPLES
                    if j < SAMPLES:
                        dense_weights(weights, theta, dense, total, degree)
                        for i in range(m):
                            for lane in range(W):
                                trial[i * W + lane] = 0.0
                            for s in range(total):
                                for lane in range(W):
                                    q = i * W + lane
                                    trial[q] = trial[q] + weights[s] * k[s * size + q]
                            for lane in range(W):
                                q = i * W + lane
                                trial[q] = y[q] + used[lane] * trial[q]
                    else:
                        for q in range(size):
                            trial[q] = new[q]
                    for lane in range(W):
                        stage_t[lane] = t[lane] + theta * used[lane]
                    call_kernel(surface, context, stage_t, trial, p, side,
                                shift(psi, j * surfaces * W))
            # -- what each lane makes of it
            for lane in range(W):
                one = lane_id[lane]
                if one < 0:
                    accept[lane] = 0.0
                    continue
                queue_count[3 * one + EVALUATIONS] += stages - sizes[LATE]
                if accept[lane] == 0.0:
                    queue_count[3 * one + REJECTED] += 1
                    h[lane] = used[lane] * factor[lane]
                    last_rejected[lane] = 2.0 if err[lane] > 1e300 else 1.0
                    if abs(h[lane]) <= 4.0 * TINY * abs(t[lane]) or abs(h[lane]) < 1e-300:
                        status = DIVERGED if last_rejected[lane] == 2.0 else STEP_TOO_SMALL
                        for i in range(m):
                            if abs(y[i * W + lane]) > HUGE or not finite(k[i * W + lane]):
                                status = DIVERGED
                        queue_status[one] = status
                else:
                    queue_count[3 * one + ACCEPTED] += 1
                    queue_count[3 * one + EVALUATIONS] += sizes[LATE]
                    if wanted == 1:
                        queue_count[3 * one + EVALUATIONS] += total - stages - 1
                    final = used[lane] == t_end - t[lane]
                    end_fraction = 1.0
                    which = -1
                    if surfaces > 0:
                        gather(p, parameters, lane, p1)
                        gather(side, surfaces, lane, s1)
                        j = 1
                        while which < 0 and j <= SAMPLES:
                            for i in range(surfaces):
                                if s1[i] * psi[(j * surfaces + i) * W + lane] < 0.0:
                                    place = crossing(surface1, context1, i, (j - 1) / SAMPLES,
                                                     j / SAMPLES, s1[i], t[lane], used[lane], y, k,
                                                     dense, total, degree, m, lane, p1, s1,
                                                     weights, point, t1, psi1)
                                    if which < 0 or place < end_fraction:
                                        which, end_fraction = i, place
                            j += 1
                    end = t_end if final else t[lane] + used[lane]
                    if which >= 0:
                        end = t[lane] + end_fraction * used[lane]
                    if sizes[CAPACITY] > 0:
                        at = sizes[RECORDED]
                        path_t[at] = t[lane]
                        path_h[at] = used[lane]
                        for i in range(m):
                            path_y[at * m + i] = y[i * W + lane]
                        sizes[RECORDED] = at + 1
                    while queue_save[one] < n_saves:
                        ahead = (save_at[queue_save[one]] - t[lane]) / used[lane]
                        if (save_at[queue_save[one]] - end) * used[lane] > 0.0:
                            break
                        base = (one * n_saves + queue_save[one]) * m
                        if ahead >= 1.0:
                            for i in range(m):
                                saved[base + i] = new[i * W + lane]
                        else:
                            dense_point(ahead, used[lane], y, k, dense, total, degree, m, lane,
                                        weights, point)
                            for i in range(m):
                                saved[base + i] = point[i]
                        queue_save[one] += 1
                    h[lane] = used[lane] * factor[lane]
                    if abs(h[lane]) > numbers[H_MAX]:
                        h[lane] = numbers[H_MAX] if h[lane] > 0.0 else -numbers[H_MAX]
                    memory[lane] = other[lane]
                    last_rejected[lane] = 0.0
                    if which >= 0:
                        dense_point(end_fraction, used[lane], y, k, dense, total, degree, m, lane,
                                    weights, point)
                        for i in range(m):
                            y[i * W + lane] = point[i]
                        queue_status[one] = SWITCH
                        queue_which[one] = which
                        accept[lane] = 0.0
                        t[lane] = end
                    elif final:
                        for i in range(m):
                            y[i * W + lane] = new[i * W + lane]
                        queue_status[one] = REACHED_END
                        accept[lane] = 0.0
                        t[lane] = t_end
                steps = queue_count[3 * one + ACCEPTED] + queue_count[3 * one + REJECTED]
                if queue_status[one] == RUNNING and steps >= sizes[MAX_STEPS]:
                    queue_status[one] = OUT_OF_STEPS
                    if accept[lane] > 0.0:
                        for i in range(m):
                            y[i * W + lane] = new[i * W + lane]
                        t[lane] = t[lane] + used[lane]
                        accept[lane] = 0.0
                if queue_status[one] != RUNNING:
                    queue_t[one] = t[lane]
                    queue_h[one] = h[lane]
                    for i in range(m):
                        queue_y[one * m + i] = y[i * W + lane]
                    lane_id[lane] = -1
            # -- accepted lanes move on; the slope at the new point is the first of the next step
            for i in range(m):
                for lane in range(W):
                    q = i * W + lane
                    y[q] = new[q] if accept[lane] > 0.0 else y[q]
                    k[q] = k[stages * size + q] if accept[lane] > 0.0 else k[q]
            for lane in range(W):
                t[lane] = t[lane] + used[lane] if accept[lane] > 0.0 else t[lane]

    signature = types.int64(I, I, I, I, I8, I8, I8, F8, I8, F8, F8, F8, F8, F8, F8, F8, F8, F8, F8,
                            F8, I8, I8, I8, I8, F8, F8, F8, F8, I8, F8, F8, I)
    return numba.njit(signature, **options())(adaptive)


#: how ctypes passes the arguments: p address, i integer
KINDS = {"adaptive": "iiii" + "p" * 27 + "i"}

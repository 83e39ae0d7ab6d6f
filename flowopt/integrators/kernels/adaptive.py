"""The adaptive stepper: an embedded explicit pair, with its own time and step in every lane.

Trajectories wait in a queue; a lane that ends one takes the next, so nothing waits for the
slowest. A lane hands its trajectory back when it has reached the end, met a switching surface,
diverged, spent its steps, or cannot go on. The arithmetic of a lane does not depend on the
others, nor on their number.

Every function takes the addresses of all arrays, `at`, and the numbers of the run, `sizes` and
`numbers`; the names of their entries follow.
"""

import math

from flowopt._language import (
    Int,
    Ints,
    Real,
    Reals,
    Truth,
    call_kernel,
    doubles,
    integers,
    muladd,
    shift,
)
from flowopt.integrators.kernels.block import (
    combine,
    dense_point,
    dense_weights,
    finite,
    gather,
    power64,
    scatter,
)

W = 1

# sizes: rows m of the state, size of a block, stages of a step and with the dense output …
(ROWS, SIZE, STAGES, ALL_STAGES, DEGREE, ERRORS, QUEUE_END, NEXT, SAVES, CAPACITY, RECORDED,
 MAX_STEPS, SURFACES, PARAMETERS, LATE, ALPHA, BETA, ORDER, TERMS) = range(19)
# numbers
T_END, RTOL, H_MAX, SAFETY, SHRINK, GROW = range(6)
# at: kernels for the block and for one lane, and their contexts
(RHS, RHS1, SURFACE, SURFACE1, CONTEXT, CONTEXT1,
 # the tableau. Row 0 of the lines is all stages, rows 1 … S − 1 are the stages, row S is the new
 # point, then comes one row for each error estimate and for each extra stage of the dense output
 LINES, WEIGHT, NODES, DENSE, ATOL, SAVE_AT,
 # the queue and the path of one trajectory
 QUEUE_T, QUEUE_H, QUEUE_Y, QUEUE_P, QUEUE_S, QUEUE_STATUS, QUEUE_WHICH, QUEUE_COUNT, QUEUE_SAVE,
 SAVED, PATH_T, PATH_H, PATH_Y,
 # one number in each lane: its trajectory, time, next step, step in use, memory of the controller,
 # whether the step is accepted, whether the last one was not; time of a stage, three for the error
 LANE_ID, T, H, USED, MEMORY, ACCEPT, REFUSED, STAGE_T, ERR, OTHER, GUARD,
 # blocks: the state, parameters, sides of the surfaces, slopes, trial and new state, two
 # error estimates, zeros, switching functions at the samples of a step
 Y, P, SIDE, K, TRIAL, NEW, ESTIMATE, ZERO, PSI,
 # one lane: state, slope, parameters, sides, switching functions, time, dense weights, scratch
 POINT, SLOPE, P1, S1, PSI1, T1, WEIGHTS, SPARE) = range(53)
# what a trajectory's status may be
RUNNING, REACHED_END, SWITCH, DIVERGED, OUT_OF_STEPS, STEP_TOO_SMALL = range(6)
# counts of a trajectory
ACCEPTED, REJECTED, EVALUATIONS = range(3)
#: fractions of a step at which the switching functions are looked at
SAMPLES = 4
TINY = 2.220446049250313e-16
HUGE = 1e10


def adaptive(at: Ints, sizes: Ints, numbers: Reals, budget: Int) -> Int:
    """Advance all lanes, step by step.

    Return 0 when the queue is done, 1 when `budget` rounds are spent, 2 when the buffer of the
    path is full.
    """
    rounds = 0
    while True:
        active = 0
        for lane in range(W):
            active += take(at, sizes, numbers, lane)
        if active == 0:
            return 0
        if rounds == budget:
            return 1
        if sizes[CAPACITY] > 0 and sizes[RECORDED] == sizes[CAPACITY]:
            return 2
        rounds += 1
        try_step(at, sizes, numbers)
        error_norm(doubles(at[ERR]), doubles(at[OTHER]), doubles(at[GUARD]), doubles(at[Y]),
                   doubles(at[NEW]), doubles(at[ESTIMATE]), doubles(at[ATOL]), numbers[RTOL],
                   sizes[ROWS], sizes[SIZE], sizes[ERRORS])
        some = control(doubles(at[ERR]), doubles(at[USED]), doubles(at[H]), doubles(at[MEMORY]),
                       doubles(at[REFUSED]), doubles(at[ACCEPT]), integers(at[LANE_ID]), sizes,
                       numbers)
        if some:
            if sizes[LATE] == 1:
                evaluate(at, sizes, NEW, sizes[STAGES])
            if sizes[SURFACES] > 0 or save_inside(at, sizes):
                dense_stages(at, sizes)
            if sizes[SURFACES] > 0:
                sample_surfaces(at, sizes)
        for lane in range(W):
            if integers(at[LANE_ID])[lane] >= 0:
                conclude(at, sizes, numbers, lane)
        if some:
            move_on(doubles(at[Y]), doubles(at[NEW]), doubles(at[T]), doubles(at[USED]),
                    doubles(at[ACCEPT]), sizes[ROWS])
            stages = sizes[STAGES] * sizes[SIZE]
            take_slope(doubles(at[K]), shift(doubles(at[K]), stages), doubles(at[ACCEPT]),
                       sizes[ROWS])


# ------------------------------------------------------------------------- the queue
def take(at: Ints, sizes: Ints, numbers: Reals, lane: Int) -> Int:
    """Give a free lane the next trajectory; return whether the lane has one."""
    lane_id = integers(at[LANE_ID])
    while lane_id[lane] < 0 and sizes[NEXT] < sizes[QUEUE_END]:
        one = sizes[NEXT]
        sizes[NEXT] = one + 1
        if integers(at[QUEUE_STATUS])[one] == RUNNING:
            start(at, sizes, numbers, lane, one)
    return 1 if lane_id[lane] >= 0 else 0


def start(at: Ints, sizes: Ints, numbers: Reals, lane: Int, one: Int):
    """Start trajectory `one` of the queue in a lane: its state, first slope and first step."""
    m, parameters, surfaces = sizes[ROWS], sizes[PARAMETERS], sizes[SURFACES]
    point, slope, t1 = doubles(at[POINT]), doubles(at[SLOPE]), doubles(at[T1])
    p1, s1 = doubles(at[P1]), doubles(at[S1])
    h, count = doubles(at[H]), shift(integers(at[QUEUE_COUNT]), 3 * one)
    for i in range(m):
        point[i] = doubles(at[QUEUE_Y])[one * m + i]
    for i in range(parameters):
        p1[i] = doubles(at[QUEUE_P])[one * parameters + i]
    for i in range(surfaces):
        s1[i] = doubles(at[QUEUE_S])[one * surfaces + i]
    t1[0] = doubles(at[QUEUE_T])[one]
    call_kernel(at[RHS1], integers(at[CONTEXT1]), t1, point, p1, s1, slope)
    count[EVALUATIONS] += 1
    h[lane] = doubles(at[QUEUE_H])[one]
    if h[lane] == 0.0:
        h[lane] = first_step(at, sizes, numbers)
        count[EVALUATIONS] += 1
    for i in range(m):
        if not finite(point[i]) or not finite(slope[i]):
            integers(at[QUEUE_STATUS])[one] = DIVERGED
            return
    integers(at[LANE_ID])[lane] = one
    doubles(at[T])[lane] = t1[0]
    doubles(at[MEMORY])[lane] = 1.0
    doubles(at[REFUSED])[lane] = 0.0
    scatter(doubles(at[Y]), point, m, lane)
    scatter(doubles(at[K]), slope, m, lane)
    scatter(doubles(at[P]), p1, parameters, lane)
    scatter(doubles(at[SIDE]), s1, surfaces, lane)
    save = integers(at[QUEUE_SAVE])
    while save[one] < sizes[SAVES] and doubles(at[SAVE_AT])[save[one]] == t1[0]:
        keep(at, sizes, one, point)


def first_step(at: Ints, sizes: Ints, numbers: Reals) -> Real:
    """The starting step of Hairer, Nørsett & Wanner I, II.4, for the state in POINT."""
    m, atol, rtol = sizes[ROWS], doubles(at[ATOL]), numbers[RTOL]
    t, y, f = doubles(at[T1]), doubles(at[POINT]), doubles(at[SLOPE])
    d0, d1, d2 = 0.0, 0.0, 0.0
    for i in range(m):
        scale = atol[i] + rtol * abs(y[i])
        d0 += (y[i] / scale) * (y[i] / scale)
        d1 += (f[i] / scale) * (f[i] / scale)
    d0 = math.sqrt(d0 / m)
    d1 = math.sqrt(d1 / m)
    span = abs(numbers[T_END] - t[0])
    h0 = 0.01 * d0 / d1
    if d0 < 1e-5 or d1 < 1e-5 or not finite(d1):
        h0 = 1e-6
    h0 = min(h0, span)
    direction = 1.0 if numbers[T_END] > t[0] else -1.0
    y1 = doubles(at[SPARE])
    f1 = shift(y1, m)
    for i in range(m):
        y1[i] = y[i] + direction * h0 * f[i]
    now = t[0]
    t[0] = now + direction * h0
    call_kernel(at[RHS1], integers(at[CONTEXT1]), t, y1, doubles(at[P1]), doubles(at[S1]), f1)
    t[0] = now
    for i in range(m):
        scale = atol[i] + rtol * abs(y[i])
        d2 += ((f1[i] - f[i]) / scale) * ((f1[i] - f[i]) / scale)
    d2 = math.sqrt(d2 / m) / h0
    steepest = max(d1, d2)
    h1 = h0
    if finite(steepest):
        h1 = max(1e-6, h0 * 1e-3)
        if steepest > 1e-15:
            h1 = math.pow(0.01 / steepest, 1.0 / sizes[ORDER])
    return direction * min(min(100.0 * h0, h1), min(span, numbers[H_MAX]))


def keep(at: Ints, sizes: Ints, one: Int, point: Reals):
    """Store a state at the next time to save of trajectory `one`."""
    m, save = sizes[ROWS], integers(at[QUEUE_SAVE])
    saved = shift(doubles(at[SAVED]), (one * sizes[SAVES] + save[one]) * m)
    for i in range(m):
        saved[i] = point[i]
    save[one] += 1


# -------------------------------------------------------------------------- one step
def evaluate(at: Ints, sizes: Ints, where: Int, stage: Int):
    """Set the slopes of a stage: F at the block `where` and the times STAGE_T."""
    call_kernel(at[RHS], integers(at[CONTEXT]), doubles(at[STAGE_T]), doubles(at[where]),
                doubles(at[P]), doubles(at[SIDE]), shift(doubles(at[K]), stage * sizes[SIZE]))


def point_of_line(at: Ints, sizes: Ints, out: Reals, base: Reals, row: Int):
    """Set out = base + h Σ (weights of a row of the tableau) · slopes."""
    combine(out, base, doubles(at[USED]), sizes[SIZE],
            shift(integers(at[LINES]), row * (sizes[TERMS] + 1)),
            shift(doubles(at[WEIGHT]), row * sizes[TERMS]))


def times_of_stage(out: Reals, t: Reals, h: Reals, node: Real):
    for lane in range(W):
        out[lane] = muladd(node, h[lane], t[lane])


def choose_step(used: Reals, h: Reals, t: Reals, t_end: Real):
    """Set the step to use: the proposed one, or up to the end when that is hardly longer."""
    for lane in range(W):
        left = t_end - t[lane]
        used[lane] = left if abs(left) <= 1.01 * abs(h[lane]) else h[lane]


def try_step(at: Ints, sizes: Ints, numbers: Reals):
    """Take one trial step in every lane: slopes, new state, error estimates times h."""
    stages, errors = sizes[STAGES], sizes[ERRORS]
    t, used, stage_t = doubles(at[T]), doubles(at[USED]), doubles(at[STAGE_T])
    choose_step(used, doubles(at[H]), t, numbers[T_END])
    for s in range(1, stages):
        point_of_line(at, sizes, doubles(at[TRIAL]), doubles(at[Y]), s)
        times_of_stage(stage_t, t, used, doubles(at[NODES])[s])
        evaluate(at, sizes, TRIAL, s)
    point_of_line(at, sizes, doubles(at[NEW]), doubles(at[Y]), stages)
    times_of_stage(stage_t, t, used, 1.0)
    if sizes[LATE] == 0:
        evaluate(at, sizes, NEW, stages)
    point_of_line(at, sizes, doubles(at[ESTIMATE]), doubles(at[ZERO]), stages + 1)
    if errors == 2:
        point_of_line(at, sizes, shift(doubles(at[ESTIMATE]), sizes[SIZE]), doubles(at[ZERO]),
                      stages + 2)


def error_norm(err: Reals, other: Reals, guard: Reals, y: Reals, new: Reals, estimate: Reals,
               atol: Reals, rtol: Real, m: Int, size: Int, errors: Int):
    """Set err to the norm of the error in units of the tolerance.

    It is |e|/√m for one estimate and |e|²/√((|e|² + |e'|²/100) m) for two (Hairer's DOP853).
    """
    for lane in range(W):
        err[lane] = 0.0
        other[lane] = 0.0
        guard[lane] = 0.0
    for i in range(m):
        add_error(err, shift(y, i * W), shift(new, i * W), shift(estimate, i * W), atol[i], rtol)
        if errors == 2:
            add_error(other, shift(y, i * W), shift(new, i * W), shift(estimate, size + i * W),
                      atol[i], rtol)
        for lane in range(W):  # an overflow that the estimate does not see: 0·∞ is no number
            guard[lane] = muladd(0.0, new[i * W + lane], guard[lane])
    for lane in range(W):
        if errors == 2:
            below = math.sqrt(muladd(0.01, other[lane], err[lane]) * m)
            err[lane] = (err[lane] / below if below > 0.0 else below) + guard[lane]
        else:
            err[lane] = math.sqrt(err[lane] / m) + guard[lane]


def add_error(total: Reals, y: Reals, new: Reals, estimate: Reals, atol: Real, rtol: Real):
    """Add the squared error of one row, in units of its tolerance."""
    for lane in range(W):
        ratio = estimate[lane] / muladd(rtol, max(abs(y[lane]), abs(new[lane])), atol)
        total[lane] = muladd(ratio, ratio, total[lane])


def control(err: Reals, used: Reals, h: Reals, memory: Reals, refused: Reals, accept: Reals,
            lane_id: Ints, sizes: Ints, numbers: Reals) -> Int:
    """Accept or refuse, and set the next step: h · safety · err^−α · (last err)^β.

    Return whether some lane accepts.
    """
    alpha, beta, safety = sizes[ALPHA], sizes[BETA], numbers[SAFETY]
    shrink, grow, h_max = numbers[SHRINK], numbers[GROW], numbers[H_MAX]
    some = 0
    for lane in range(W):
        good = (err[lane] <= 1.0) & (lane_id[lane] >= 0)
        some |= 1 if good else 0
        known = err[lane] <= 1e300  # no overflow and no NaN
        error = max(err[lane], 1e-10)
        by_error = safety / power64(error, alpha)
        larger = min(max(by_error * memory[lane], shrink), 1.0 if refused[lane] > 0.0 else grow)
        smaller = min(max(by_error, 0.1), 0.9) if known else 0.1
        memory[lane] = power64(max(error, 1e-4), beta) if good else memory[lane]
        proposal = used[lane] * (larger if good else smaller)
        proposal = min(max(proposal, -h_max), h_max)
        h[lane] = proposal
        accept[lane] = 1.0 if good else 0.0
        refused[lane] = 0.0 if good else (1.0 if known else 2.0)
    return some


def move_on(y: Reals, new: Reals, t: Reals, used: Reals, accept: Reals, m: Int):
    """Accepted lanes that go on take the new state and time."""
    for i in range(m):
        for lane in range(W):
            q = i * W + lane
            y[q] = new[q] if accept[lane] > 0.0 else y[q]
    for lane in range(W):
        t[lane] = t[lane] + used[lane] if accept[lane] > 0.0 else t[lane]


def take_slope(k: Reals, last: Reals, accept: Reals, m: Int):
    """The slope at the new point is the first of the next step."""
    for i in range(m):
        for lane in range(W):
            q = i * W + lane
            k[q] = last[q] if accept[lane] > 0.0 else k[q]


# ---------------------------------------------------------- dense output and surfaces
def saves_inside(at: Ints, sizes: Ints, lane: Int) -> Truth:
    """Return whether the next time to save of a lane lies inside its step."""
    one = integers(at[LANE_ID])[lane]
    if doubles(at[ACCEPT])[lane] == 0.0:
        return False
    save = integers(at[QUEUE_SAVE])[one]
    if save >= sizes[SAVES]:
        return False
    ahead = doubles(at[SAVE_AT])[save] - doubles(at[T])[lane]
    return abs(ahead) < abs(doubles(at[USED])[lane])


def save_inside(at: Ints, sizes: Ints) -> Truth:
    """Return whether some lane has a time to save inside its step."""
    for lane in range(W):
        if saves_inside(at, sizes, lane):
            return True
    return False


def dense_stages(at: Ints, sizes: Ints):
    """Evaluate the extra stages of the dense output."""
    first = sizes[STAGES] + 1
    for s in range(first, sizes[ALL_STAGES]):
        point_of_line(at, sizes, doubles(at[TRIAL]), doubles(at[Y]), s + sizes[ERRORS])
        times_of_stage(doubles(at[STAGE_T]), doubles(at[T]), doubles(at[USED]),
                       doubles(at[NODES])[s])
        evaluate(at, sizes, TRIAL, s)


def inside(at: Ints, sizes: Ints, lane: Int, theta: Real):
    """Set POINT to the state of a lane at the fraction θ of its step."""
    weights, line = doubles(at[WEIGHTS]), integers(at[LINES])
    dense_weights(weights, theta, doubles(at[DENSE]), line[0], sizes[DEGREE])
    if W == 1:
        combine(doubles(at[POINT]), doubles(at[Y]), doubles(at[USED]), sizes[SIZE], line, weights)
    else:
        dense_point(doubles(at[POINT]), doubles(at[Y]), doubles(at[USED])[lane], sizes[ROWS], lane,
                    line, weights)


def sample_surfaces(at: Ints, sizes: Ints):
    """Evaluate the switching functions at four points of the step."""
    weights, line = doubles(at[WEIGHTS]), integers(at[LINES])
    for j in range(1, SAMPLES + 1):
        where = NEW
        if j < SAMPLES:
            where = TRIAL
            dense_weights(weights, j / SAMPLES, doubles(at[DENSE]), line[0], sizes[DEGREE])
            combine(doubles(at[TRIAL]), doubles(at[Y]), doubles(at[USED]), sizes[SIZE], line,
                    weights)
        times_of_stage(doubles(at[STAGE_T]), doubles(at[T]), doubles(at[USED]), j / SAMPLES)
        call_kernel(at[SURFACE], integers(at[CONTEXT]), doubles(at[STAGE_T]),
                    doubles(at[where]), doubles(at[P]), doubles(at[SIDE]),
                    shift(doubles(at[PSI]), j * sizes[SURFACES] * W))


def crossing(at: Ints, sizes: Ints, lane: Int, which: Int, low: Real, high: Real) -> Real:
    """Return the fraction in (low, high] at which side·ψ turns negative, by bisection."""
    s1, psi1, t1 = doubles(at[S1]), doubles(at[PSI1]), doubles(at[T1])
    for _ in range(64):
        middle = 0.5 * (low + high)
        if middle <= low or middle >= high:
            break
        inside(at, sizes, lane, middle)
        t1[0] = muladd(middle, doubles(at[USED])[lane], doubles(at[T])[lane])
        call_kernel(at[SURFACE1], integers(at[CONTEXT1]), t1, doubles(at[POINT]), doubles(at[P1]),
                    s1, psi1)
        if s1[which] * psi1[which] < 0.0:
            high = middle
        else:
            low = middle
    return high


def first_switch(at: Ints, sizes: Ints, lane: Int, one: Int) -> Real:
    """Return the fraction of the step at which a surface is met first, or 2; set QUEUE_WHICH."""
    surfaces, psi, s1 = sizes[SURFACES], doubles(at[PSI]), doubles(at[S1])
    gather(doubles(at[P1]), doubles(at[P]), sizes[PARAMETERS], lane)
    gather(s1, doubles(at[SIDE]), surfaces, lane)
    first = 2.0
    for j in range(1, SAMPLES + 1):
        for i in range(surfaces):
            if s1[i] * psi[(j * surfaces + i) * W + lane] < 0.0:
                place = crossing(at, sizes, lane, i, (j - 1) / SAMPLES, j / SAMPLES)
                if place < first:
                    first = place
                    integers(at[QUEUE_WHICH])[one] = i
        if first <= 1.0:
            return first
    return first


# ------------------------------------------------------------------- what a lane makes of it
def conclude(at: Ints, sizes: Ints, numbers: Reals, lane: Int):
    """Count the step of a lane, store what it has to, and hand the trajectory back if it ends."""
    one = integers(at[LANE_ID])[lane]
    count = shift(integers(at[QUEUE_COUNT]), 3 * one)
    status = integers(at[QUEUE_STATUS])
    t, h, used, accept = doubles(at[T]), doubles(at[H]), doubles(at[USED]), doubles(at[ACCEPT])
    count[EVALUATIONS] += sizes[STAGES] - sizes[LATE]
    if accept[lane] == 0.0:
        count[REJECTED] += 1
        if abs(h[lane]) <= 4.0 * TINY * abs(t[lane]) or abs(h[lane]) < 1e-300:
            status[one] = verdict(at, sizes, lane)
    else:
        count[ACCEPTED] += 1
        count[EVALUATIONS] += sizes[LATE]
        accepted(at, sizes, numbers, lane, one)
    if status[one] == RUNNING and count[ACCEPTED] + count[REJECTED] >= sizes[MAX_STEPS]:
        status[one] = OUT_OF_STEPS
        if accept[lane] > 0.0:
            gather(doubles(at[POINT]), doubles(at[NEW]), sizes[ROWS], lane)
            end_at(at, sizes, lane, t[lane] + used[lane])
    if status[one] != RUNNING:
        doubles(at[QUEUE_T])[one] = t[lane]
        doubles(at[QUEUE_H])[one] = h[lane]
        gather(shift(doubles(at[QUEUE_Y]), one * sizes[ROWS]), doubles(at[Y]), sizes[ROWS], lane)
        integers(at[LANE_ID])[lane] = -1


def verdict(at: Ints, sizes: Ints, lane: Int) -> Int:
    """Return why the step is too small: growth beyond all bounds, or a tolerance out of reach."""
    y, k = doubles(at[Y]), doubles(at[K])
    if doubles(at[REFUSED])[lane] == 2.0:
        return DIVERGED
    for i in range(sizes[ROWS]):
        if abs(y[i * W + lane]) > HUGE or not finite(k[i * W + lane]):
            return DIVERGED
    return STEP_TOO_SMALL


def end_at(at: Ints, sizes: Ints, lane: Int, t: Real):
    """End the trajectory of a lane at time t in the state POINT."""
    scatter(doubles(at[Y]), doubles(at[POINT]), sizes[ROWS], lane)
    doubles(at[T])[lane] = t
    doubles(at[ACCEPT])[lane] = 0.0


def accepted(at: Ints, sizes: Ints, numbers: Reals, lane: Int, one: Int):
    """Record and save what an accepted step passes, and end at a surface or at the end."""
    m, t, used = sizes[ROWS], doubles(at[T])[lane], doubles(at[USED])[lane]
    status = integers(at[QUEUE_STATUS])
    final = used == numbers[T_END] - t
    end = numbers[T_END] if final else t + used
    place = 2.0
    if sizes[SURFACES] > 0:
        place = first_switch(at, sizes, lane, one)
        if place <= 1.0:
            end = muladd(place, used, t)
    if sizes[SURFACES] > 0 or saves_inside(at, sizes, lane):
        integers(at[QUEUE_COUNT])[3 * one + EVALUATIONS] += sizes[ALL_STAGES] - sizes[STAGES] - 1
    if sizes[CAPACITY] > 0:
        record(at, sizes, lane)
    save = integers(at[QUEUE_SAVE])
    while save[one] < sizes[SAVES]:
        when = doubles(at[SAVE_AT])[save[one]]
        if (when - end) * used > 0.0:
            break
        if (when - t) / used >= 1.0:
            gather(doubles(at[POINT]), doubles(at[NEW]), m, lane)
        else:
            inside(at, sizes, lane, (when - t) / used)
        keep(at, sizes, one, doubles(at[POINT]))
    if place <= 1.0:
        status[one] = SWITCH
        inside(at, sizes, lane, place)
        end_at(at, sizes, lane, end)
    elif final:
        status[one] = REACHED_END
        gather(doubles(at[POINT]), doubles(at[NEW]), m, lane)
        end_at(at, sizes, lane, end)


def record(at: Ints, sizes: Ints, lane: Int):
    """Add the start of the step, its length and its state to the path."""
    place = sizes[RECORDED]
    doubles(at[PATH_T])[place] = doubles(at[T])[lane]
    doubles(at[PATH_H])[place] = doubles(at[USED])[lane]
    gather(shift(doubles(at[PATH_Y]), place * sizes[ROWS]), doubles(at[Y]), sizes[ROWS], lane)
    sizes[RECORDED] = place + 1


def build(width: int, name: str = "adaptive"):
    """Return the compiled stepper for blocks of `width` lanes."""
    from flowopt._compiler import compiled

    return compiled(adaptive, {"W": width}, vectorise=width > 1)


#: how ctypes passes the arguments: p address, i integer
KINDS = {"adaptive": "pppi"}

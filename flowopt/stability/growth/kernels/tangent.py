"""Steps of an explicit, possibly partitioned, Runge–Kutta method with their exact derivative.

Beside the state y (m, W) runs a frame Q (m, k, W): Q ← DΦ(y) Q, with DΦ of the same stages,

    Y_i = y + h Σ_j a_ij K_j,    K_i = F(Y_i);
    dY_i = Q + h Σ_j a_ij dK_j,  dK_i = J(Y_i) dY_i,

where row r of y takes the weights of its colour (a splitting has one for each group). After each
`every` steps Q is made orthonormal again (Gram–Schmidt, twice), and the logarithms of the
lengths are summed up. Source: Benettin, Galgani, Giorgilli & Strelcyn, Meccanica 15 (1980) 9, 21.

`sizes`: rows m, columns k, stages S, switching functions, `every` (0: never), steps
since then. The array `weights`
is h, then for each row of y the matrix a (S, S) and b (S,), then the nodes of time (S,) and the
weights of the mean divergence (S,). The lengths since the last logarithm are in `product`.
"""

import math

from flowopt._language import Int, Ints, Real, Reals, call_kernel, shift

W = 1
MATRIX_ROWS, COLUMNS, STAGES, SURFACES, EVERY, SINCE = range(6)
#: a product of lengths beyond these is put into the sum
LEAST, MOST, LARGEST = 1e-100, 1e100, 1.7976931348623157e308


def tangent(rhs: Int, jacobian: Int, surfaces: Int, context: Ints, sizes: Ints, weights: Reals,
            p: Reals, y: Reals, frame: Reals, sums: Reals, product: Reals, divergence: Reals,
            bad: Ints, first: Int, last: Int, t0: Real, work: Reals) -> Int:
    """Take the steps first … last − 1; a lane that is not finite any more is marked in `bad`."""
    m, k, stages = sizes[MATRIX_ROWS], sizes[COLUMNS], sizes[STAGES]
    rows, columns = m * W, m * k * W
    h = weights[0]
    per_row = stages * stages + stages
    matrix = shift(weights, 1)
    nodes = shift(weights, 1 + m * per_row)
    traces = shift(nodes, stages)
    slopes = work
    moved = shift(slopes, stages * rows)
    here = shift(moved, stages * columns)
    around = shift(here, rows)
    J = shift(around, columns)
    t = shift(J, m * rows)
    side = shift(t, W)
    psi = shift(side, (sizes[SURFACES] + 1) * W)
    for step in range(first, last):
        for i in range(stages):
            for lane in range(W):
                t[lane] = t0 + (step + nodes[i]) * h
            for r in range(m):
                point(shift(here, r * W), shift(y, r * W), slopes, r, rows, i,
                      shift(matrix, r * per_row + i * stages), h)
                for c in range(k):
                    q = (r * k + c) * W
                    point(shift(around, q), shift(frame, q), moved, r * k + c, columns, i,
                          shift(matrix, r * per_row + i * stages), h)
            call_kernel(rhs, context, t, here, p, p, shift(slopes, i * rows))
            find_sides(surfaces, context, t, here, p, side, psi, sizes[SURFACES])
            call_kernel(jacobian, context, t, here, p, side, J)
            multiply(shift(moved, i * columns), J, around, m, k)
            add_trace(divergence, J, m, h * traces[i])
        for r in range(m):
            b = shift(matrix, r * per_row + stages * stages)
            point(shift(y, r * W), shift(y, r * W), slopes, r, rows, stages, b, h)
            for c in range(k):
                q = (r * k + c) * W
                point(shift(frame, q), shift(frame, q), moved, r * k + c, columns, stages, b, h)
        mark(y, m, bad, step)
        sizes[SINCE] = sizes[SINCE] + 1
        if sizes[SINCE] == sizes[EVERY]:
            sizes[SINCE] = 0
            orthonormalise(frame, m, k, sums, product)
    return last


def point(out: Reals, start: Reals, slopes: Reals, row: Int, size: Int, count: Int, a: Reals,
          h: Real):
    """Set one row of y + h Σ_j a_j K_j, j < count."""
    for lane in range(W):
        out[lane] = start[lane]
    for j in range(count):
        w = a[j] * h
        if a[j] != 0.0:
            slope = shift(slopes, j * size + row * W)
            for lane in range(W):
                out[lane] = out[lane] + w * slope[lane]


def find_sides(kernel: Int, context: Ints, t: Reals, y: Reals, p: Reals, side: Reals, psi: Reals,
               count: Int):
    """Set the side of each switching function: an inner one has a lower number than an outer."""
    for i in range(count * W):
        side[i] = 1.0
    for i in range(count):
        call_kernel(kernel, context, t, y, p, side, psi)
        for lane in range(W):
            side[i * W + lane] = -1.0 if psi[i * W + lane] < 0.0 else 1.0


def multiply(out: Reals, J: Reals, frame: Reals, m: Int, k: Int):
    """Set out = J · frame in every lane."""
    for i in range(m):
        for c in range(k):
            row = shift(out, (i * k + c) * W)
            for lane in range(W):
                row[lane] = 0.0
            for j in range(m):
                a, b = shift(J, (i * m + j) * W), shift(frame, (j * k + c) * W)
                for lane in range(W):
                    row[lane] = row[lane] + a[lane] * b[lane]


def add_trace(divergence: Reals, J: Reals, m: Int, weight: Real):
    """Add weight · tr J."""
    for i in range(m):
        for lane in range(W):
            divergence[lane] = divergence[lane] + weight * J[(i * m + i) * W + lane]


def mark(y: Reals, m: Int, bad: Ints, step: Int):
    """Mark the lanes that are not finite any more with the number of the last good step."""
    for i in range(m):
        for lane in range(W):
            if bad[lane] < 0 and not abs(y[i * W + lane]) <= LARGEST:
                bad[lane] = step


def orthonormalise(frame: Reals, m: Int, k: Int, sums: Reals, product: Reals):
    """Make the frame orthonormal; collect the lengths that its vectors had after projection."""
    for c in range(k):
        # the first round finds the length; the second removes what rounding has left
        project(frame, m, k, c)
        normalise(frame, m, k, c, shift(sums, c * W), shift(product, c * W))
    for c in range(1, k):
        project(frame, m, k, c)
        rescale(frame, m, k, c)


def project(frame: Reals, m: Int, k: Int, c: Int):
    """Take out of column c its parts along the columns before it."""
    for b in range(c):
        for lane in range(W):
            part = 0.0
            for r in range(m):
                part = part + frame[(r * k + b) * W + lane] * frame[(r * k + c) * W + lane]
            for r in range(m):
                at = (r * k + c) * W + lane
                frame[at] = frame[at] - part * frame[(r * k + b) * W + lane]


def normalise(frame: Reals, m: Int, k: Int, c: Int, sums: Reals, product: Reals):
    """Scale column c to length 1 and collect its length; a column that is 0 has log 0 = −∞."""
    for lane in range(W):
        size = 0.0
        for r in range(m):
            size = max(size, abs(frame[(r * k + c) * W + lane]))
        if size > 0.0:
            square = 0.0
            for r in range(m):
                value = frame[(r * k + c) * W + lane] / size
                square = square + value * value
            length = size * math.sqrt(square)
            for r in range(m):
                at = (r * k + c) * W + lane
                frame[at] = frame[at] / length
            if length < LEAST or length > MOST:
                sums[lane] = sums[lane] + math.log(length)
            else:
                product[lane] = product[lane] * length
            if product[lane] < LEAST or product[lane] > MOST:
                sums[lane] = sums[lane] + math.log(product[lane])
                product[lane] = 1.0
        else:
            sums[lane] = -math.inf if size == 0.0 else math.nan
            for r in range(m):
                frame[(r * k + c) * W + lane] = 1.0 if r == c else 0.0


def rescale(frame: Reals, m: Int, k: Int, c: Int):
    """Scale column c to length 1."""
    for lane in range(W):
        square = 0.0
        for r in range(m):
            square = square + frame[(r * k + c) * W + lane] * frame[(r * k + c) * W + lane]
        if square > 0.0:
            for r in range(m):
                at = (r * k + c) * W + lane
                frame[at] = frame[at] / math.sqrt(square)


def build(width: int):
    """Return the compiled stepper for blocks of `width` lanes."""
    from flowopt._compiler import compiled

    return compiled(tangent, {"W": width}, vectorise=width > 1)


#: how ctypes passes the arguments: p address, i integer, d double
KINDS = "iii" + "ppp" + "ppppppp" + "iid" + "p"

"""The small compiler: machine code has Python's meaning, and what it does not know is refused."""

import math

import numpy as np
import pytest

from flowopt import _native
from flowopt._compiler import Program, compiled, compiled_kernel
from flowopt._language import (
    Int,
    Ints,
    NotInLanguage,
    Real,
    Reals,
    Truth,
    bits,
    doubles,
    from_bits,
    integers,
    muladd,
    shift,
)

N = 3
NUMBERS = [0.0, -0.0, 1.0, -1.5, 2.0**-1074, 1e308, math.pi, math.inf, -math.inf, math.nan]


def run(function, *arguments, vectorise=False, **constants):
    """Compile, load and call a function."""
    unit = _native.resident({}, {"f": compiled(function, constants, vectorise)})
    kinds = "".join("p" if isinstance(a, np.ndarray) else "di"[isinstance(a, int)]
                    for a in arguments)
    return _native.Function(unit.addresses["f"], kinds)(*arguments)


def every_operation(a: Real, b: Real, out: Reals):
    out[0], out[1], out[2], out[3] = a + b, a - b, a * b, -a
    out[4] = 1.0 if a < b else 0.0
    out[5] = 1.0 if a <= b else 0.0
    out[6] = 1.0 if a > b else 0.0
    out[7] = 1.0 if a >= b else 0.0
    out[8] = 1.0 if a == b else 0.0
    out[9] = 1.0 if a != b else 0.0
    out[10], out[11] = min(a, b), max(a, b)
    out[12], out[13] = abs(a), math.copysign(a, b)
    out[14] = 1.0 if not a < b and (a == a or b == b) else 0.0


@pytest.mark.parametrize("a", NUMBERS)
@pytest.mark.parametrize("b", NUMBERS)
def test_reals_as_in_python(a, b):
    out, expected = np.zeros(15), np.zeros(15)
    run(every_operation, a, b, out)
    with np.errstate(all="ignore"):
        every_operation(np.float64(a), np.float64(b), expected)
    assert np.array_equal(out, expected, equal_nan=True)
    assert np.array_equal(np.signbit(out[:4]) | np.isnan(out[:4]),
                          np.signbit(expected[:4]) | np.isnan(expected[:4]))


def functions(a: Real, out: Reals):
    out[0], out[1], out[2] = math.sqrt(a), math.exp(a), math.log(a)
    out[3], out[4], out[5] = math.sin(a), math.cos(a), math.tan(a)
    out[6], out[7], out[8] = math.atan(a), math.tanh(a), math.erf(a)
    out[9], out[10], out[11] = math.floor(a), math.ceil(a), math.pow(a, 1.3)


@pytest.mark.parametrize("a", [0.25, 1.0, 3.7, 21.0])
def test_functions_as_in_python(a):
    out, expected = np.zeros(12), np.zeros(12)
    run(functions, a, out)
    functions(a, expected)
    assert np.allclose(out, expected, rtol=4e-16, atol=0)


def words(a: Int, b: Int, out: Ints):
    out[0], out[1], out[2] = a + b, a - b, a * b
    out[3], out[4], out[5], out[6] = a & b, a | b, a ^ b, -a
    out[7], out[8] = a << 3, a >> 2
    out[9], out[10] = min(a, b), max(a, b)


@pytest.mark.parametrize("a", [0, 5, -7, 2**40 + 1])
@pytest.mark.parametrize("b", [3, -2**20])
def test_integers_as_in_python(a, b):
    out, expected = np.zeros(11, dtype=np.int64), np.zeros(11, dtype=np.int64)
    run(words, a, b, out)
    words(a, b, expected)
    assert np.array_equal(out, expected)


def loops(n: Int, out: Ints) -> Int:
    """Every kind of loop and jump."""
    total = 0
    for i in range(n):
        if i == 3:
            continue
        if i == 7:
            break
        total += i
    out[0] = total
    for i in range(n, 0, -2):
        out[1] += i
    for i in range(2, n):
        for j in range(i):
            out[2] += j
    k = n
    while True:
        k -= 1
        if k < 0 or (k == 4 and n > 6):
            break
    out[3] = k
    while not k >= n:
        k += 1
    if k == n:
        return total
    return -1


@pytest.mark.parametrize("n", [0, 1, 5, 12])
def test_loops_and_jumps(n):
    out, expected = np.zeros(4, dtype=np.int64), np.zeros(4, dtype=np.int64)
    assert run(loops, n, out) == loops(n, expected)
    assert np.array_equal(out, expected)


def swapped(a: Reals, b: Reals, out: Reals):
    first, second = shift(a, 1), b
    here = first
    first = second
    second = here
    x, y = 1.0, 2.0
    x, y = y, x  # both values are read before either is written
    out[0], out[1], out[2], out[3] = first[0], second[0], x, y


def test_addresses_and_tuples():
    out = np.zeros(4)
    run(swapped, np.array([1.0, 2.0]), np.array([5.0]), out)
    assert np.array_equal(out, [5.0, 2.0, 2.0, 1.0])


def reread(x: Real, out: Reals, pattern: Ints):
    pattern[0] = bits(x)
    out[0] = from_bits(pattern[0])
    out[1] = from_bits(bits(x) ^ (1 << 63))


@pytest.mark.parametrize("x", NUMBERS)
def test_bits_of_a_double(x):
    out, pattern = np.zeros(2), np.zeros(1, dtype=np.int64)
    run(reread, x, out, pattern)
    assert pattern[0] == np.float64(x).view(np.int64) == bits(x)
    assert out.tobytes() == np.array([x, -x]).tobytes()
    assert math.isnan(x) or from_bits(bits(x)) == x


def through_a_table(at: Ints) -> Int:
    doubles(at[0])[1] = 2.5 + integers(at[1])[0]
    return integers(at[1])[1]


def test_arrays_at_addresses():
    numbers, counts = np.zeros(2), np.array([4, 9])
    at = np.array([_native.address(numbers), _native.address(counts)])
    assert run(through_a_table, at) == 9 and np.array_equal(numbers, [0.0, 6.5])


def with_constant(x: Reals) -> Int:
    for i in range(N):
        x[i] = helper(x[i], i == 1)
    if N == 1:
        return 1
    return N


def helper(value: Real, twice: Truth) -> Real:
    return 2.0 * value if twice else value + N


def test_constants_replace_globals_also_in_functions_that_are_called():
    x = np.ones(5)
    assert run(with_constant, x, N=5) == 5
    assert np.array_equal(x, [6.0, 2.0, 6.0, 6.0, 6.0])


def products(x: Reals, out: Reals):
    for lane in range(N):
        out[lane] = x[lane] * x[lane] - x[N + lane]
        out[N + lane] = muladd(x[lane], x[lane], -x[N + lane])


def test_only_an_explicit_multiply_add_is_rounded_once():
    """x² − fl(x²) is 0 with two roundings, whether the loop is vectorised or not."""
    x = 1.0 + np.random.default_rng(0).random(64)
    both = np.concatenate([x, x * x])
    found = []
    for vectorise in (False, True):
        out = np.ones(128)
        run(products, both, out, vectorise=vectorise, N=64)
        assert not out[:64].any()
        found.append(out[64:].copy())
    assert np.array_equal(*found)


def test_a_sum_keeps_its_order():
    x = np.random.default_rng(1).normal(size=64) * 10.0 ** np.arange(-32, 32)
    expected = 0.0
    for value in x:
        expected += value
    for vectorise in (False, True):
        out = np.zeros(1)
        run(summed, x, out, vectorise=vectorise, N=64)
        assert out[0] == expected


def summed(x: Reals, out: Reals):
    total = 0.0
    for i in range(N):
        total += x[i]
    out[0] = total


def test_a_kernel_for_one_and_for_many_lanes():
    body = "out_[{0}] = math.sqrt(y_[{0}])*p_[{0}] if t_[{0}] > 0.0 else s_[{0}]\n"
    head = "def kernel(context, t_, y_, p_, s_, out_):\n"
    one = head + "    " + body.format("0")
    many = head + "    for lane in range(16):\n        " + body.format("lane")
    rng = np.random.default_rng(2)
    t, y, p, s = rng.normal(size=(4, 16)) ** 2
    t[::3] *= -1.0
    context = np.zeros(4, dtype=np.int64)
    expected = np.where(t > 0, np.sqrt(y) * p, s)
    units = [_native.resident({}, {"k": compiled_kernel(source, "kernel", width > 1)})
             for source, width in ((one, 1), (many, 16))]
    single, block = (_native.Function(u.addresses["k"], "pppppp") for u in units)
    out = np.zeros(16)
    block(context, t, y, p, s, out)
    assert np.array_equal(out, expected)
    for i in range(16):
        cell = np.zeros(1)
        single(context, *(a[i:i + 1].copy() for a in (t, y, p, s)), cell)
        assert cell[0] == expected[i]


@pytest.mark.parametrize("line", [
    "x[0] = [1.0][0]", "x[0] = 'a'", "x[0] = open", "x[0] = x.size", "import os", "x[0:2] = 1.0",
    "x[0] = 1.0 < x[0] < 2.0", "x[0] = x[0] ** 2.0", "x[0] = x[0] % 2.0", "lambda: 0",
    "for v in x: pass", "x[0] = sum(x)", "with x: pass", "x[0] = unknown", "del x[0]",
    "x[0] = eval('1')", "assert x[0] > 0.0", "x[0] = x[0] // 2.0", "raise ValueError"])
def test_what_is_not_in_the_language_is_refused(line):
    source = f"def kernel(c, t, x, p, s, out):\n    {line}\n"
    with pytest.raises((NotInLanguage, KeyError)) as found:
        compiled_kernel(source, "kernel", False)
    assert isinstance(found.value, NotInLanguage)


@pytest.mark.parametrize("source", ["x = 1\n", "def other(c):\n    pass\n"])
def test_a_kernel_must_be_one_function(source):
    with pytest.raises(NotInLanguage, match="must be one function kernel"):
        compiled_kernel(source, "kernel", False)


def untyped(x):
    return x


def mistyped(n: Int) -> Int:
    return 1.5 * n


@pytest.mark.parametrize("function", [untyped, mistyped])
def test_types_are_checked(function):
    with pytest.raises(NotInLanguage):
        compiled(function, {}, False)


def test_a_function_is_lowered_once():
    program = Program({"N": 4})
    assert program.function(helper) is program.function(helper)

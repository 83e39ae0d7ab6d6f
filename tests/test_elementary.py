"""The elementary functions of the compiled language, against 40 digits."""

import mpmath
import numpy as np
import pytest

from flowopt import _elementary, _native
from flowopt._compiler import compiled
from flowopt._elementary import (
    exponential,
    hyperbolic_tangent,
    less_one,
    log_one_plus,
    logistic,
    soft_plus,
)
from flowopt._language import Int, Reals, eight, muladd, put_eight, same_eight, sum_eight

KEPT = []


def compiled_exponential(out: Reals, x: Reals, count: Int):
    for i in range(count):
        out[i] = exponential(x[i])


def compiled_less_one(out: Reals, x: Reals, count: Int):
    for i in range(count):
        out[i] = less_one(x[i])


def compiled_log_one_plus(out: Reals, x: Reals, count: Int):
    for i in range(count):
        out[i] = log_one_plus(x[i])


def compiled_logistic(out: Reals, x: Reals, count: Int):
    for i in range(count):
        out[i] = logistic(x[i])


def compiled_hyperbolic_tangent(out: Reals, x: Reals, count: Int):
    for i in range(count):
        out[i] = hyperbolic_tangent(x[i])


def compiled_soft_plus(out: Reals, x: Reals, count: Int):
    for i in range(count):
        out[i] = soft_plus(x[i])


def eights(out: Reals, x: Reals, count: Int):
    made = same_eight(0.0)
    for s in range(0, count, 8):
        made = muladd(2.0, eight(x, s), made)
    put_eight(out, 0, made)
    out[8] = sum_eight(made)


def run(function, x):
    out = np.zeros(max(len(x), 9))
    unit = _native.resident({}, {"f": compiled(function, {}, vectorise=True)})
    KEPT.append(unit)
    _native.Function(unit.addresses["f"], "ppi")(out, x, len(x))
    return out[:len(x)]


EXACT = {"exponential": mpmath.exp, "less_one": mpmath.expm1, "log_one_plus": mpmath.log1p,
         "logistic": lambda x: 1 / (1 + mpmath.exp(-x)), "hyperbolic_tangent": mpmath.tanh,
         "soft_plus": lambda x: mpmath.log1p(mpmath.exp(x))}


@pytest.mark.parametrize("name", EXACT)
def test_relative_error(name):
    rng = np.random.default_rng(1)
    x = np.concatenate([rng.normal(size=300) * s for s in (1e-12, 1e-3, 1.0, 30.0, 300.0)])
    x = np.clip(x, -700, 700)
    if name in ("less_one",):
        x = -np.abs(x)
    if name == "log_one_plus":
        x = np.abs(x)
    got = run(globals()[f"compiled_{name}"], x)
    with mpmath.workdps(40):
        exact = [EXACT[name](mpmath.mpf(v)) for v in x]
        error = max(abs((mpmath.mpf(g) - e) / e) for g, e in zip(got.tolist(), exact, strict=True)
                    if e != 0)
    assert error < 1e-15
    python = [getattr(_elementary, name)(v) for v in x[:50].tolist()]
    np.testing.assert_allclose(got[:50], python, rtol=1e-15)


@pytest.mark.parametrize("name", EXACT)
def test_not_a_number_stays(name):
    assert np.isnan(run(globals()[f"compiled_{name}"], np.full(16, np.nan))).all()


def test_far_out():
    x = np.array([-1e300, -1000.0, -709.0, 1000.0])
    assert run(compiled_exponential, x[:3]).tolist() == [0.0, 0.0, 0.0]
    assert run(compiled_logistic, x).tolist() == [0.0, 0.0, 0.0, 1.0]
    assert run(compiled_hyperbolic_tangent, x).tolist() == [-1.0, -1.0, -1.0, 1.0]
    assert run(compiled_soft_plus, x).tolist() == [0.0, 0.0, 0.0, 1000.0]


def test_eights_are_arrays_in_python_and_registers_in_code():
    x = np.random.default_rng(0).normal(size=24)
    here, code = np.zeros(9), np.zeros(9)
    eights(here, x, 24)
    unit = _native.resident({}, {"f": compiled(eights, {}, vectorise=True)})
    _native.Function(unit.addresses["f"], "ppi")(code, x, 24)
    np.testing.assert_allclose(code, here, rtol=1e-15)
    np.testing.assert_allclose(code[8], 2 * x.sum(), rtol=1e-13)



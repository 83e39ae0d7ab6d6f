"""The loss: from text, from sympy, from functions; values and derivatives, alone and in batches."""

import numba
import numpy as np
import pytest
import reference
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

import flowopt as fo

EPS = np.finfo(float).eps
LOSS = fo.Loss("a*x1**2*x2 + exp(-x10/b) + x2**4 + sin(x1*x10)", parameters={"b": 2.0, "a": 3.0})
POINT = np.array([0.7, -1.2, 0.4])


def twin(x, a=3.0, b=2.0, lib=np):
    return a * x[0] ** 2 * x[1] + lib.exp(-x[2] / b) + x[1] ** 4 + lib.sin(x[0] * x[2])


# ----------------------------------------------------------------- values and derivatives


def test_names_come_in_natural_order():
    assert LOSS.names == ("x1", "x2", "x10") and LOSS.n == 3
    assert fo.Loss("b + a*x", parameters={"a": 1.0}).names == ("b", "x")
    assert fo.Loss("y - x", variables=["y", "x"]).names == ("y", "x")
    assert fo.Loss("y - x", variables="y, x z").grad([1.0, 2.0, 3.0]).tolist() == [1.0, -1.0, 0.0]


def test_value_gradient_hessian():
    assert LOSS.value(POINT) == pytest.approx(twin(POINT), rel=4 * EPS)
    assert LOSS.grad(POINT) == pytest.approx(reference.complex_gradient(twin, POINT), rel=8 * EPS)
    hess = np.array([reference.complex_gradient(
        lambda z: reference_gradient(z)[i], POINT) for i in range(3)])  # noqa: B023
    assert LOSS.hess(POINT) == pytest.approx(hess, rel=16 * EPS, abs=1e-15)
    assert (LOSS.hess(POINT) == LOSS.hess(POINT).T).all()


def reference_gradient(x, a=3.0, b=2.0):
    c = np.cos(x[0] * x[2])
    return np.array([2 * a * x[0] * x[1] + x[2] * c, a * x[0] ** 2 + 4 * x[1] ** 3,
                     -np.exp(-x[2] / b) / b + x[0] * c])


def test_shapes():
    batch = np.tile(POINT, (5, 1))
    assert LOSS.value(POINT).shape == () and LOSS.value(batch).shape == (5,)
    assert LOSS.grad(POINT).shape == (3,) and LOSS.grad(batch).shape == (5, 3)
    assert LOSS.hess(POINT).shape == (3, 3) and LOSS.hess(batch).shape == (5, 3, 3)
    assert LOSS.value(batch[:1]).shape == (1,) and LOSS.value(POINT.tolist()) == LOSS.value(POINT)
    one = fo.Loss("x**2")
    for x in (3, 3.0, [3.0], np.float32(3), np.array(3)):
        assert one.value(x).shape == () and one.value(x) == 9.0
        assert one.grad(x).tolist() == [6.0] and one.hess(x).tolist() == [[2.0]]
    assert one.value([[1.0], [2.0]]).tolist() == [1.0, 4.0]


@pytest.mark.parametrize("count", [1, 15, 16, 63, 64, 65, 200])
def test_a_batch_has_the_bits_of_its_points(count):
    points = np.random.default_rng(count).normal(size=(count, 3))
    for f in (LOSS.value, LOSS.grad, LOSS.hess):
        assert (f(points) == np.array([f(p) for p in points])).all()
        fortran = np.asfortranarray(points)
        assert (f(fortran) == f(points)).all() and (f(points[::-1]) == f(points)[::-1]).all()


def test_special_values_pass_through():
    loss = fo.Loss("x*y + y**2")
    assert np.isnan(loss.value([np.nan, 1.0])) and loss.value([np.inf, 1.0]) == np.inf
    assert loss.value([[1.0, 2.0], [np.nan, 1.0], [1.0, 2.0]])[[0, 2]].tolist() == [6.0, 6.0]
    assert np.isnan(fo.Loss("log(x)").value(-1.0)) and fo.Loss("log(x)").value(0.0) == -np.inf
    assert fo.Loss("exp(x)").value(1e3) == np.inf and fo.Loss("1/x").value(0.0) == np.inf


# ----------------------------------------------------------------- parameters


def test_parameters_are_read_at_run_time():
    other = LOSS.with_parameters(a=-1.5)
    assert other.value(POINT) == pytest.approx(twin(POINT, a=-1.5), rel=4 * EPS)
    assert other.grad(POINT) == pytest.approx(reference_gradient(POINT, a=-1.5), rel=8 * EPS)
    assert LOSS.parameters == {"b": 2.0, "a": 3.0} and other.parameters == {"b": 2.0, "a": -1.5}
    assert LOSS.value(POINT) == pytest.approx(twin(POINT), rel=4 * EPS)


def test_the_order_of_parameters_does_not_matter():
    """Two losses that differ in the order of their parameters must not share a kernel."""
    text = "a*x**2 + b*x"
    one = fo.Loss(text, parameters={"a": 1.0, "b": 10.0})
    two = fo.Loss(text, parameters={"b": 10.0, "a": 1.0})
    assert one.value(2.0) == two.value(2.0) == 24.0
    flow = fo.flows.GradientFlow()
    assert flow.on(one)(0, [2.0]) == flow.on(two)(0, [2.0]) == -14.0
    rule = [fo.Flow("-p*g + q", parameters=p).on(one) for p in ({"p": 1.0, "q": 5.0},
                                                                {"q": 5.0, "p": 1.0})]
    assert rule[0](0, [2.0]) == rule[1](0, [2.0]) == -9.0


# ----------------------------------------------------------------- symbols


def test_text_and_sympy_are_the_same_loss():
    x, y = sympy.symbols("x y")
    text = fo.Loss("0.1*x**4 + x*y**2/3")
    given_ = fo.Loss(0.1 * x**4 + x * y**2 / 3)
    assert text.expr == given_.expr.xreplace({s: sympy.Symbol(s.name, real=True) for s in (x, y)})
    assert given_.variables == (x, y) and given_.expr.free_symbols == {x, y}
    assert given_.gradient == sympy.Matrix([sympy.Rational(2, 5) * x**3 + y**2 / 3, 2 * x * y / 3])
    assert given_.hessian == sympy.hessian(given_.expr, (x, y))
    points = np.random.default_rng(0).normal(size=(40, 2))
    assert (text.grad(points) == given_.grad(points)).all()


def test_decimals_are_exact():
    assert fo.Loss("0.1*x").expr.coeff(fo.Loss("x").variables[0]) == sympy.Rational(1, 10)
    assert fo.Loss(sympy.Float(0.1) * sympy.Symbol("x")).expr.has(sympy.Rational(1, 10))


def test_symbols_keep_their_assumptions():
    x = sympy.Symbol("x", positive=True)
    loss = fo.Loss(sympy.log(x) + x)
    assert loss.variables == (x,) and loss.gradient[0] == 1 / x + 1
    assert loss.value(2.0) == pytest.approx(np.log(2) + 2, rel=2 * EPS)


def test_what_is_known_is_kept():
    loss = fo.Loss("(x - 1)**2", minimum=0, name="bowl", minima=[[1]], reference="made up")
    assert (loss.minimum, loss.name, loss.minima, loss.reference) == (0.0, "bowl", ((1.0,),),
                                                                      "made up")
    assert repr(loss) == "<Loss bowl: 1 variable>" and fo.Loss("x").minimum is None


KINKS = ("Abs(x)", "Max(x, 0)", "Min(x, 1)", "sign(x)", "Heaviside(x)", "relu(x)",
         "Piecewise((x**2, x < 0), (x, True))")


@pytest.mark.parametrize("text", KINKS)
def test_derivatives_off_a_kink_are_the_smooth_ones_and_no_delta_appears(text):
    loss = fo.Loss(text)
    for x in (-1.3, 0.4, 1.7):
        slope = reference.fd_gradient(lambda z: loss.value(z), [x], h=1e-3)  # noqa: B023
        assert loss.grad(x) == pytest.approx(slope, abs=1e-10)
        assert np.isfinite(loss.hess(x)).all()
    assert np.isfinite(loss.grad(0.0)).all() and np.isfinite(loss.hess(0.0)).all()


# ----------------------------------------------------------------- functions


@numba.njit
def compiled(x, g):
    total = 0.0
    for i in range(len(x)):
        g[i] = 4 * x[i] ** 3
        total += x[i] ** 4
    return total


def plain(x, g):
    g[:] = 4 * x**3
    return float(np.sum(x**4))


@pytest.mark.parametrize("f", [compiled, plain], ids=["compiled", "plain"])
def test_loss_of_a_function(f):
    loss = fo.Loss.from_kernel(f, 4, minimum=0.0, name="quartic")
    points = np.random.default_rng(1).normal(size=(70, 4))
    assert loss.value(points) == pytest.approx(np.sum(points**4, axis=1), rel=4 * EPS)
    assert loss.grad(points) == pytest.approx(4 * points**3, rel=4 * EPS)
    assert (loss.grad(points) == [loss.grad(p) for p in points]).all()
    assert loss.value(points[0]).shape == () and loss.n == 4 and loss.minimum == 0.0
    assert loss.names == ("x1", "x2", "x3", "x4") and fo.Loss.from_kernel(f, 1).names == ("x",)
    for symbolic in ("expr", "gradient", "hessian", "variables"):
        with pytest.raises(ValueError, match="quartic is a kernel and has no expression"):
            getattr(loss, symbolic)
    with pytest.raises(ValueError, match="has no Hessian"):
        loss.hess(points[0])


def test_a_function_gets_its_own_copy_of_the_point():
    def greedy(x, g):
        g[:] = x
        x[:] = 0.0  # must not reach the caller
        return 1.0

    loss, point = fo.Loss.from_kernel(greedy, 2), np.array([1.0, 2.0])
    assert loss.grad(point).tolist() == [1.0, 2.0] and point.tolist() == [1.0, 2.0]


def test_what_a_plain_function_does_not_write_is_nan():
    loss = fo.Loss.from_kernel(lambda x, g: 1.0, 2)
    assert loss.value([1.0, 2.0]) == 1.0 and np.isnan(loss.grad([1.0, 2.0])).all()


@pytest.mark.parametrize("points", [np.ones(2), np.ones((40, 2))])
def test_what_a_plain_function_raises_is_told_once(points):
    calls = []

    def bad(x, g):
        calls.append(1)
        raise KeyError("no such thing")

    loss = fo.Loss.from_kernel(bad, 2, name="bad")
    with pytest.raises(RuntimeError, match="the loss bad raised KeyError: 'no such thing'"):
        loss.value(points)
    assert len(calls) == 1  # and it was not called again after it had raised

    def good(x, g):
        g[:] = x
        return 0.5

    assert fo.Loss.from_kernel(good, 2).value(points).max() == 0.5


def test_a_wrong_result_of_a_plain_function_is_told():
    with pytest.raises(RuntimeError, match="raised TypeError"):
        fo.Loss.from_kernel(lambda x, g: None, 2).value([1.0, 2.0])
    with pytest.raises(RuntimeError, match="raised ValueError"):
        fo.Loss.from_kernel(lambda x, g: g.__setitem__(slice(None), np.ones(3)) or 0.0,
                            2).value([1.0, 2.0])


# ----------------------------------------------------------------- any polynomial


@settings(max_examples=12, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(0, 4), st.integers(0, 4)), min_size=1,
                max_size=6))
def test_any_polynomial(terms):
    text = " + ".join(f"({c})*x**{i}*y**{j}" for c, i, j in terms)
    loss = fo.Loss(text + " + x + y", variables=["x", "y"])
    x, y = 1.25, -0.75  # sums of powers of two: every product is exact
    assert loss.value([x, y]) == sum(c * x**i * y**j for c, i, j in terms) + x + y
    assert loss.grad([x, y]).tolist() == [
        sum(c * i * x ** max(i - 1, 0) * y**j for c, i, j in terms) + 1,
        sum(c * j * x**i * y ** max(j - 1, 0) for c, i, j in terms) + 1]

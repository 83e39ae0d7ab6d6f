"""Modified equations: exact coefficients, published terms, and slopes that are measured."""

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
import sympy

import flowopt as fo
from flowopt.integrators import tableaus
from flowopt.stability.backward import jets
from flowopt.stability.backward.jets import g
from flowopt.stability.backward.schemes import scheme_of
from flowopt.stability.backward.trees import cuts, grown, size, symmetry

GRADIENT, BALL = fo.flows.GradientFlow(), fo.flows.HeavyBall(gamma=1.0)
BOWL = fo.Loss("x**2/2 + y**2 + x**2*y**2/4 + x*y/3 + x**3/6")
START = [0.6, -0.4]
LEAF = (0, ())
CHAIN, CHERRY = (0, ((0, (LEAF,)),)), (0, (LEAF, LEAF))
#: a method that meets any tolerance that is asked for here
SHARP = fo.DOP853(rtol=1e-13, atol=1e-14)


# ------------------------------------------------------------------ trees and coefficients
def test_counts_of_trees():
    assert [len(level) for level in grown(1, 6)] == [1, 1, 2, 4, 9, 20]  # OEIS A000081
    assert [len(level) for level in grown(2, 5)] == [2, 4, 14, 52, 214]  # OEIS A000151
    # n!/σγ labellings of all trees of n vertices are (n-1)! increasing ones
    def gamma(tree):
        return size(tree) * math.prod(gamma(c) for c in tree[1])
    for n, level in enumerate(grown(1, 6), 1):
        total = sum(Fraction(math.factorial(n), symmetry(k) * gamma(k)) for k in level)
        assert total == math.factorial(n - 1)
        assert all(len(cuts(k)) == n - 1 for k in level)


def test_published_coefficients():
    euler = scheme_of(fo.Euler(0.1)).series()
    assert (euler.modified(CHAIN), euler.modified(CHERRY) / 2) == (Fraction(1, 3), Fraction(1, 12))
    # the implicit midpoint rule: h² (f''(f,f)/(-24) + f'f'f/12), HLW Example IX.7.1
    midpoint = fo.stability.runge_kutta([["1/2"]], ["1"], order=2).series()
    assert midpoint.modified((0, (LEAF,))) == 0
    assert midpoint.modified(CHERRY) / 2 == Fraction(-1, 24)
    assert midpoint.modified(CHAIN) == Fraction(1, 12)
    # its adjoint is implicit Euler: h -> -h
    implicit = scheme_of(fo.ImplicitEuler(0.1)).series()
    for level in grown(1, 5):
        for tree in level:
            assert implicit.modified(tree) == (-1) ** (size(tree) - 1) * euler.modified(tree)


@pytest.mark.parametrize("name", ["EULER", "HEUN", "MIDPOINT", "RK4", "DOPRI5", "TSIT5", "DOP853"])
def test_terms_below_the_order_vanish(name):
    tableau = getattr(tableaus, name)
    series = scheme_of(tableau).series()
    for n, level in enumerate(grown(1, 5), 1):
        values = [series.modified(tree) for tree in level]
        assert values == [0] * len(level) if 1 < n <= tableau.order else any(values)


@pytest.mark.parametrize("method", [fo.Euler(0.1), fo.Heun(0.1), fo.RK4(0.1),
                                    fo.ImplicitEuler(0.1)])
def test_linear_fields(method):
    """On y' = -λ y the modified field is -y times the series of -log R(-hλ)/h."""
    made = fo.modified_equation(fo.flows.GradientFlow(), method, order=4)
    h, lam = sympy.symbols("h lam", positive=True)
    z = -h * lam
    growth = {"Euler": 1 + z, "Heun": 1 + z + z**2 / 2, "ImplicitEuler": 1 / (1 - z),
              "RK4": 1 + z + z**2 / 2 + z**3 / 6 + z**4 / 24}[method.name]
    series = sympy.series(sympy.log(growth) / h, h, 0, 5).removeO()
    field = made.on(fo.Loss("lam*x**2/2", variables=["x"], parameters={"lam": 1.0}))
    assert sympy.expand(sum(e.xreplace({s: sympy.Symbol(str(s), positive=True)
                                        for s in e.free_symbols})
                            for e in field.equations) - series * sympy.Symbol("x", positive=True)
                        ) == 0
    exact = mpmath.log(1 - mpmath.mpf("0.1")) / mpmath.mpf("0.1")
    if method.name == "Euler":
        assert abs(field(0.0, [1.0])[0] - float(exact)) < 2 * 0.1**5 / 6


def test_gradient_flow_by_euler():
    made = fo.modified_equation(GRADIENT, fo.Euler(0.1), order=2)
    D2L, D3L = (sympy.Function(f"D{k}L", real=True) for k in (2, 3))
    assert made.terms[0]["theta"] == -g
    assert made.terms[1]["theta"] == -D2L(g) / 2
    assert sympy.expand(made.terms[2]["theta"] + D2L(D2L(g)) / 3 + D3L(g, g) / 12) == 0
    loss = fo.modified_equation(GRADIENT, fo.Euler(0.1), order=1).modified_loss
    assert str(loss) == "L + h*dot(g, g)/4"


@pytest.mark.parametrize(("system", "method"), [
    (GRADIENT.on(BOWL), fo.Euler(0.1)), (GRADIENT.on(BOWL), fo.RK4(0.1)),
    (BALL.on(fo.Loss("x**4/4 + x**2/2")), fo.SymplecticEuler(0.1)),
    (BALL.on(fo.Loss("x**4/4 + x**2/2")), fo.SymplecticEuler(0.1, first="q")),
    (fo.Flow("-g*(1 + sin(t)*L*norm(g))").on(BOWL), fo.Heun(0.1)),
    (fo.Flow({"theta": "-m/sqrt(1 + v)", "m": "g - m", "v": "g**2 - v"}).on(BOWL),
     fo.SequentialEuler(0.1))])
def test_abstract_terms_are_those_of_the_written_out_field(system, method):
    """Two routes: the calculus of any loss, and derivatives of the expressions themselves."""
    order = 2
    field = fo.modified_equation(system, method, order).field
    names = [str(v) for v in system.symbols]
    plain = fo.VectorField(list(system.equations), names, time=system.time_name,
                           parameters=system.parameters)
    if isinstance(method, fo.SequentialEuler):
        from flowopt.stability.backward.schemes import splitting

        blocks = {name: names[a:b] for name, a, b in system.blocks}
        rows = [[n for block in group for n in blocks[block]]
                for group in method.ordered(system)]
        method = splitting("SequentialEuler", rows, method.h)
    other = fo.modified_equation(plain, method, order).field
    at = np.random.default_rng(0).uniform(0.3, 1.0, (5, system.m))
    assert np.allclose(field(0.7, at), other(0.7, at), rtol=1e-11, atol=1e-12)


# ------------------------------------------------------------------ measured slopes
def slopes(field_at, run_at, hs):
    """log2 of the ratio of distances at h and h/2."""
    errors = [np.linalg.norm(field_at(h) - run_at(h)) for h in hs]
    return [math.log2(a / b) for a, b in zip(errors, errors[1:], strict=False)], errors


@pytest.mark.parametrize("method", [fo.Euler, fo.Heun, fo.Midpoint, fo.RK4, fo.ImplicitEuler])
@pytest.mark.parametrize("power", [0, 1, 2, 3, 4])
def test_slopes_on_gradient_flow(method, power):
    h0 = {0: 0.02, 1: 0.04, 2: 0.04, 3: 0.04, 4: 0.05}[power]
    hs = [h0, h0 / 2]
    made = fo.modified_equation(GRADIENT, method(h0), order=power)
    modified, plain = made.on(BOWL), GRADIENT.on(BOWL)
    x0, span = START, (0.0, 0.4)
    found, errors = slopes(
        lambda h: fo.integrate(modified.with_parameters(h=h) if "h" in modified.parameters
                               else modified, x0, span, SHARP).x[-1],
        lambda h: fo.integrate(plain, x0, span, method(h)).x[-1], hs)
    assert errors[-1] > 3e-13 * 10
    assert abs(found[-1] - made.accuracy) < 0.15


@pytest.mark.parametrize("power", [0, 1, 2, 3])
def test_slopes_of_the_heavy_ball(power):
    hs = [0.08, 0.04]
    modified = fo.modified_equation(BALL, fo.SymplecticEuler(0.1), order=power).on(BOWL)
    plain = BALL.on(BOWL)
    y0, span = [0.6, -0.4, 0.2, 0.1], (0.0, 0.8)
    found, _ = slopes(
        lambda h: fo.integrate(modified.with_parameters(h=h) if power else modified, y0, span,
                               SHARP).y[-1],
        lambda h: fo.integrate(plain, y0, span, fo.SymplecticEuler(h)).y[-1], hs)
    assert abs(found[-1] - power - 1) < 0.15


def test_slopes_of_adam_with_its_states():
    loss = fo.Loss("x**2/2 + x**4/4")
    base = fo.optimizers.adam(lr=0.02, betas=(0.9, 0.95), eps=0.1)
    y0 = [1.0, 0.9, 1.1, 0.5, 0.4]
    for power in range(4):
        modified = fo.modified_equation(base, order=power).on(loss)
        hs = [0.02, 0.01]
        found, _ = slopes(
            lambda h, m=modified, k=power: fo.integrate(m.with_parameters(h=h) if k else m, y0,
                                                        (0.0, 0.4), SHARP).y[-1],
            lambda h: base.with_step(h).run(loss, y0, steps=round(0.4 / h)).y[-1], hs)
        assert abs(found[-1] - power - 1) < 0.15


@pytest.mark.parametrize("base", [
    fo.optimizers.heavy_ball(lr=0.01, momentum=0.9), fo.optimizers.sgd(lr=0.01, momentum=0.9),
    fo.optimizers.nesterov(lr=0.01, momentum=0.9, form="torch"),
    fo.optimizers.nesterov(lr=0.01, mu=1.0, form="torch"),
    fo.optimizers.adagrad(lr=0.2, initial_accumulator_value=0.5)],
    ids=["heavy_ball", "sgd", "nesterov", "nesterov-mu", "adagrad"])
def test_slopes_of_optimizers(base):
    """Also where the rule holds the step itself, as in Nesterov's and the centred heavy ball."""
    loss, y0 = fo.Loss("x**2/2 + x**4/4"), [1.0, 0.2]
    for power in (1, 2):
        modified = fo.modified_equation(base, order=power).on(loss)
        found, _ = slopes(
            lambda h, m=modified: fo.integrate(m.with_parameters(h=h), y0, (0.0, 0.8), SHARP).y[-1],
            lambda h: base.with_step(h).run(loss, y0, steps=round(0.8 / h)).y[-1], [0.005, 0.0025])
        assert abs(found[-1] - power - 1) < 0.15


@pytest.mark.parametrize("method", [fo.Euler, fo.Heun, fo.RK4])
def test_slopes_on_a_field_that_depends_on_time(method):
    field = fo.VectorField(["-x*cos(t) + t**2", "sin(x)*y*t"], ["x", "y"])
    for power in (2, 4):
        made = fo.modified_equation(field, method(0.1), order=power)
        found, _ = slopes(
            lambda h, m=made.field: fo.integrate(
                m.with_parameters(h=h) if "h" in m.parameters else m, [1.0, 0.5], (0.0, 1.0),
                SHARP).y[-1],
            lambda h: fo.integrate(field, [1.0, 0.5], (0.0, 1.0), method(h)).y[-1], [0.1, 0.05])
        assert abs(found[-1] - made.accuracy) < 0.15


def test_table_of_gradient_descent():
    """science.md: L = x²/2 + x⁴/4, t = 1; errors with no, one and two terms."""
    loss, table = fo.Loss("x**2/2 + x**4/4"), {0.1: (3.0e-2, 4.7e-3, 1.07e-3),
                                               0.05: (1.44e-2, 1.17e-3, 1.36e-4),
                                               0.025: (7.1e-3, 2.9e-4, 1.7e-5)}
    plain = GRADIENT.on(loss)
    found = {}
    for h in table:
        run = fo.integrate(plain, [1.0], (0.0, 1.0), fo.Euler(h)).x[-1, 0]
        found[h] = []
        for power in range(3):
            field = fo.modified_equation(GRADIENT, fo.Euler(h), power).on(loss)
            found[h].append(abs(fo.integrate(field, [1.0], (0.0, 1.0), SHARP).x[-1, 0] - run))
    for h, known in table.items():  # printed with two or three figures
        assert np.allclose(found[h], known, rtol=0.015)


# ------------------------------------------------------------------ memory removed
def test_reduced_heavy_ball_is_published():
    """Ghosh et al., arXiv 2302.00849: -(1/(1-β)) ∇[L + (α/4)((1+β)/(1-β)²) ‖g‖²]."""
    for make in (fo.optimizers.sgd, fo.optimizers.heavy_ball):
        made = fo.modified_equation(make(lr=0.01, momentum=0.9), order=1, reduced=True)
        loss = made.modified_loss
        beta, alpha = (sympy.Symbol(k, positive=True) for k in ("momentum", "lr"))
        dot = sympy.Function("dot", real=True)
        known = (jets.L + alpha / 4 * (1 + beta) / (1 - beta)**2 * dot(g, g)
                 ) / (1 - beta)
        assert sympy.simplify(loss - known) == 0


def test_reduced_adam_is_published():
    """Cattaneo, Klusowski & Shigida, arXiv 2309.00079, with ε inside the root."""
    opt = fo.optimizers.adam(lr=0.01, betas=(0.6, 0.8), eps=0.0, eps_root=0.01)
    made = fo.modified_equation(opt, order=1, reduced=True)
    beta, rho, eps = (sympy.Symbol(k, positive=True) for k in ("beta1", "beta2", "eps_root"))
    root = sympy.sqrt(g**2 + eps)
    bias = ((1 + beta) / (1 - beta) - (1 + rho) / (1 - rho)
            + (1 + rho) / (1 - rho) * eps / (g**2 + eps)) / 2 * sympy.Function(
        "D2L", real=True)(g / root)
    assert made.terms[0]["theta"] == -g / root
    assert sympy.simplify(made.terms[1]["theta"] + bias / root) == 0


@pytest.mark.parametrize(("make", "most"), [
    (lambda lr: fo.optimizers.sgd(lr=lr, momentum=0.5), 2),
    (lambda lr: fo.optimizers.heavy_ball(lr=lr, momentum=0.5), 1),
    (lambda lr: fo.optimizers.sgd(lr=lr, momentum=0.5, nesterov=True), 1),
    (lambda lr: fo.optimizers.adam(lr=lr, betas=(0.6, 0.8), eps=0.0, eps_root=0.1), 1),
    (lambda lr: fo.optimizers.adam(lr=lr, betas=(0.6, 0.8), eps=0.2), 1),
    (lambda lr: fo.optimizers.rmsprop(lr=lr, alpha=0.7, eps=0.3), 1)],
    ids=["sgd", "heavy_ball", "nesterov", "adam-eps_root", "adam", "rmsprop"])
def test_slopes_without_memory(make, most):
    for power in range(most + 1):
        made = fo.modified_equation(make(0.01), order=power, reduced=True)
        field = made.on(BOWL)
        hs = [0.002, 0.001]

        def run(h, made=made):
            y0 = made.settled(BOWL, START, h=h)  # on the slow manifold: no transient
            return make(h).run(BOWL, y0, steps=round(0.2 / h)).x[-1]

        def flow(h, field=field):
            field = field.with_parameters(lr=h) if "lr" in field.parameters else field
            return fo.integrate(field, START, (0.0, 0.2), SHARP).x[-1]

        found, _ = slopes(flow, run, hs)
        assert abs(found[-1] - power - 1) < 0.15, (power, found)


def test_reduced_equations_of_signs():
    """Off the kinks the sign of a settled average is that of g, and no correction is left."""
    for opt in (fo.optimizers.signsgd(), fo.optimizers.signum(), fo.optimizers.lion()):
        made = fo.modified_equation(opt, order=1, reduced=True)
        assert made.terms[0]["theta"] == -sympy.sign(g) and made.terms[1]["theta"] == 0
    adam = fo.modified_equation(fo.optimizers.adam(), order=0, reduced=True)
    assert adam.terms[0]["theta"] == -g / (sympy.Symbol("eps", positive=True) + sympy.Abs(g))


# ------------------------------------------------------------------ gradients or not
def test_second_order_of_euler_is_no_gradient():
    made = fo.modified_equation(GRADIENT, fo.Euler(0.1), order=2)
    assert made.modified_loss is None
    assert "b(f'f'f) = 1/3" in made.why_no_loss and "b(f''(f,f)) = 1/6" in made.why_no_loss
    on = fo.modified_equation(GRADIENT.on(BOWL), fo.Euler(0.1), order=2)
    assert on.modified_loss is None and "differs" in on.why_no_loss
    # the curl is there: the derivative of the modified field is not symmetric
    J = on.field.jacobian(0.0, [0.6, -0.4])
    assert abs(J[0, 1] - J[1, 0]) > 1e-4


def test_modified_losses_of_losses():
    """In one dimension, and on quadratics, every term is a gradient."""
    for loss in (fo.Loss("x**2/2 + x**4/4 + 3"), fo.Loss("x**2 + 3*y**2 + x*y")):
        made = fo.modified_equation(GRADIENT.on(loss), fo.Euler(0.1), order=2)
        x = np.random.default_rng(1).uniform(-1, 1, (4, loss.n))
        assert np.allclose(made.modified_loss.grad(x), -made.field(0.0, x), rtol=1e-12)
        assert np.isclose(made.modified_loss.value(np.zeros(loss.n)), loss.value(np.zeros(loss.n)))
    # a method whose b are equal on f''(f,f) and f'f'f: then h² is a gradient for every loss
    for c in (Fraction(1, 2), Fraction(1, 3)):
        made = fo.modified_equation(GRADIENT, fo.stability.runge_kutta(
            [[0, 0], [c, 0]], [1 - 1 / (2 * c), 1 / (2 * c)], order=2), order=2)
        if made.modified_loss is not None:
            field = made.on(BOWL, h=0.1)
            assert np.allclose(field.jacobian(0.0, [0.1, 0.2]),
                               field.jacobian(0.0, [0.1, 0.2]).T)


def test_latex_and_names():
    made = fo.modified_equation(fo.Flow("-unit(g)*L"), fo.Heun(0.1), order=2)
    assert r"\left\lVert g \right\rVert" in made.latex()
    assert made.rules["theta"].has(made.step)
    with pytest.raises(ValueError, match="no loss yet"):
        _ = made.field


def test_a_parameter_h_of_ones_own_is_not_the_step():
    flow = fo.Flow("-h*g", parameters={"h": 2.0})
    field = fo.modified_equation(flow, fo.Euler(0.1), order=1).on("x**2/2")
    assert field(0.0, [1.0])[0] == pytest.approx(-2.0 * (1 + 0.1))
    plain = fo.VectorField(["-h*x"], ["x"], parameters={"h": 2.0})
    field = fo.modified_equation(plain, fo.Euler(0.1), order=1).field
    assert field(0.0, [1.0])[0] == pytest.approx(-2.0 * (1 + 0.1))
    assert set(field.parameters) == {"h", "h_step"}


def test_losses_with_parameters():
    loss = fo.Loss("k*x**2/2 + h*x", variables=["x"], parameters={"k": 2.0, "h": 1.0})
    flow = fo.Flow("-c*g", parameters={"c": 3.0})
    made = fo.modified_equation(flow.on(loss), fo.Euler(0.1), order=1)
    assert made.field(0.0, [1.0])[0] == pytest.approx(-9 * (1 + 0.1 / 2 * 3 * 2))
    assert float(made.modified_loss.value([1.0])) == pytest.approx(3 * 2 + 0.1 / 4 * 81)
    changed = made.field.with_parameters(k=4.0, c=1.0, h_step=0.2)
    assert changed(0.0, [1.0])[0] == pytest.approx(-5 * (1 + 0.1 * 4))


def test_names_of_the_calculus_are_free_for_losses():
    """A loss may have variables L, g, theta and t; they are not those of the rule."""
    made = fo.modified_equation(fo.Flow("-g*L*cos(t)"), fo.Heun(0.1), order=2)
    one = made.on(fo.Loss("L**2 + g**4 + theta**2*t**2 + t**4", variables=["L", "g", "theta", "t"]))
    two = made.on(fo.Loss("a**2 + b**4 + c**2*d**2 + d**4", variables=["a", "b", "c", "d"]))
    y = [0.3, 0.4, 0.5, 0.6]
    assert np.array_equal(one(0.2, y), two(0.2, y))


# ------------------------------------------------------------------ refusals
@pytest.mark.parametrize(("call", "kind", "text"), [
    (lambda: fo.modified_equation(GRADIENT), TypeError, "method must be given"),
    (lambda: fo.modified_equation(GRADIENT, fo.Euler), TypeError, "must be an instance"),
    (lambda: fo.modified_equation(GRADIENT, fo.Rodas5P()), TypeError, "must be an explicit"),
    (lambda: fo.modified_equation(GRADIENT, fo.Euler(0.1), order=5), ValueError, "<= 4"),
    (lambda: fo.modified_equation(GRADIENT, fo.Euler(0.1), order=-1), ValueError, ">= 0"),
    (lambda: fo.modified_equation("x", fo.Euler(0.1)), TypeError, "system must be"),
    (lambda: fo.modified_equation(GRADIENT, fo.Euler(0.1), reduced=True), ValueError,
     "needs an optimizer"),
    (lambda: fo.modified_equation(fo.optimizers.adam(), fo.Euler(0.1)), ValueError,
     "method has no effect"),
    (lambda: fo.modified_equation(fo.flows.NewtonFlow(), fo.Euler(0.1)), ValueError, "kernel"),
    (lambda: fo.modified_equation(fo.flows.LossNormalizedFlow(), fo.Euler(0.1)), ValueError,
     "holds Min"),
    (lambda: fo.modified_equation(fo.Flow("-maxabs(g)"), fo.Euler(0.1)), ValueError, "maxabs"),
    (lambda: fo.modified_equation(GRADIENT, fo.SymplecticEuler(0.1)), ValueError, "velocities"),
    (lambda: fo.modified_equation(fo.VectorField(["-sign(x)"], ["x"]), fo.Euler(0.1)), ValueError,
     "not smooth"),
    (lambda: fo.modified_equation(fo.optimizers.sgld(), order=1), ValueError, "random"),
    (lambda: fo.modified_equation(fo.VectorField(["y", "-x"], ["x", "y"]), fo.SequentialEuler(0.1)),
     ValueError, "with states"),
    (lambda: fo.modified_equation(GRADIENT, fo.SequentialEuler(0.1)), ValueError, "with states"),
    (lambda: fo.modified_equation(fo.VectorField(["y"] * 3, ["x", "y", "z"]),
                                  fo.SymplecticEuler(0.1)), ValueError, "velocities"),
    (lambda: fo.modified_equation(fo.optimizers.amsgrad(), order=1, reduced=True), ValueError,
     "holds Max"),
    (lambda: fo.modified_equation(fo.optimizers.rmsprop(centered=True), reduced=True), ValueError,
     "singular"),
    (lambda: fo.modified_equation(fo.optimizers.nesterov(), reduced=True), ValueError, "time"),
    (lambda: fo.modified_equation(fo.optimizers.adagrad(), order=1, reduced=True), ValueError,
     "clock|settle"),
    (lambda: fo.modified_equation(GRADIENT, fo.Euler(0.1)).on("Abs(x)"), ValueError, "kinks"),
    (lambda: fo.modified_equation(GRADIENT, fo.Euler(0.1)).on("x", h=-1.0), ValueError, "h must"),
    (lambda: fo.modified_equation(GRADIENT, fo.Euler(0.1)).on(3), TypeError, "loss must"),
    (lambda: fo.modified_equation(GRADIENT, fo.Dopri5()).on("x**2"), ValueError, "h must be given"),
    (lambda: fo.modified_equation(GRADIENT, fo.Euler(0.1)).on("h**2"), ValueError, "rename"),
    (lambda: fo.stability.runge_kutta([["1/2"]], ["a"]), ValueError, "rational"),
    (lambda: fo.stability.runge_kutta([["1/2"]], ["1", "2"]), ValueError, "shape"),
    (lambda: fo.modified_equation(GRADIENT, fo.Euler(0.1)).settled("x**2", [1.0]), ValueError,
     "no states")])
def test_refusals(call, kind, text):
    with pytest.raises(kind, match=text) as refused:
        call()
    assert "\n" not in str(refused.value)

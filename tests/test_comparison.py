"""compare: who is right, who stops, and who is wrong while reporting success."""

import numpy as np
import pytest

import flowopt as fo

CLIPPED = fo.flows.LossNormalizedFlow(M=1000.0).on(fo.losses.two_minima())


@pytest.fixture(scope="module")
def clipped():
    return fo.compare(CLIPPED, [4.0], (0.0, 25.0), methods=[
        fo.DOP853(), fo.Tsit5(), fo.Euler(h=0.01), fo.SciPy("RK45"),
        fo.SciPy("BDF", rtol=1e-9, atol=1e-12), fo.SciPy("RK45", rtol=1e-9, atol=1e-12,
                                                         max_rhs=5000)])


def test_ours_are_right(clipped):
    for row in clipped.rows[:2]:
        assert row.status == "STUCK" and row.trustworthy and row.error < 1e-9
        assert row.dissipation < 1e-6


def test_success_is_not_trusted(clipped):
    row = clipped.rows[3]
    assert row.success and row.status == "success" and row.t == 25.0
    assert not row.trustworthy and row.dissipation > 0.1 and row.error > 1e-3


def test_a_map_is_not_the_flow(clipped):
    row = clipped.rows[2]
    assert row.success and not row.trustworthy and abs(row.x[0] - 0.407) < 0.01


def test_failures_and_budgets_are_rows(clipped):
    failed, spent = clipped.rows[4:]
    assert failed.status == "failure" and not failed.success and failed.t < 2.2
    assert spent.status == "no end" and spent.n_rhs == 5000 and "5,000" in spent.note


def test_the_table_names_everything(clipped):
    table = clipped.table()
    for words in ("STUCK", "success", "NOT to be trusted", "stopped", "a map, not the flow",
                  "scipy BDF rtol=1e-09", "error against"):
        assert words in table


def test_dissipation_is_small_for_a_good_run_and_grows_with_the_tolerance():
    field = fo.flows.GradientFlow().on(fo.losses.rosenbrock(2))
    rows = fo.compare(field, [-1.2, 1.0], (0.0, 2.0), methods=[
        fo.DOP853(rtol=1e-11, atol=1e-13), fo.Dopri5(rtol=1e-9, atol=1e-11), fo.Tsit5(rtol=1e-3,
                                                                                     atol=1e-4),
        fo.SciPy("Radau", rtol=1e-9, atol=1e-12)]).rows
    assert rows[0].dissipation < 1e-10 < rows[2].dissipation
    assert all(row.trustworthy for row in (rows[0], rows[1], rows[3]))
    assert max(rows[0].error, rows[1].error, rows[3].error) < 1e-6


def test_a_field_without_loss_is_judged_by_error():
    field = fo.VectorField(["-y"], ["y"])
    rows = fo.compare(field, [1.0], (0.0, 1.0), methods=[fo.Tsit5(), fo.Euler(h=0.5)],
                      truth=lambda t: [np.exp(-t)]).rows
    assert rows[0].trustworthy and rows[0].error < 1e-8 and np.isnan(rows[0].dissipation)
    assert not rows[1].trustworthy


def test_default_methods():
    rows = fo.compare(fo.VectorField(["-y"], ["y"]), [1.0], (0.0, 1.0)).rows
    assert len(rows) == 14 and len({row.label for row in rows}) == 14


@pytest.mark.parametrize(("call", "words"), [
    (lambda: fo.SciPy("RK54"), "RK45"), (lambda: fo.SciPy("RK45", rtol=0.0), "rtol"),
    (lambda: fo.SciPy("RK45", max_rhs=0), "max_rhs"),
    (lambda: fo.compare(CLIPPED, [4.0], (0, 1), methods=["RK45"]), "method"),
    (lambda: fo.compare(CLIPPED, [4.0], (0, 1), methods=[fo.EulerMaruyama(h=0.1)]), "random"),
    (lambda: fo.compare(CLIPPED, [4.0], (0, 1), truth=[1.0, 2.0]), "truth"),
    (lambda: fo.compare(CLIPPED, [4.0], (0, 1), trust=-1.0), "trust"),
])
def test_refusals(call, words):
    with pytest.raises((ValueError, TypeError), match=words):
        call()


def test_a_loss_with_kinks_is_judged_by_the_error():
    """Sliding on a kink of the loss, the identity of either side does not hold: no honest run
    may be refused for it. Exactly, x = 2 exp(-t) - 1 reaches 0 at t = ln 2 and stays."""
    field = fo.flows.GradientFlow().on("x**2/2 + Abs(x) + (y - 1)**2/2")
    rows = fo.compare(field, [1.0, 3.0], (0.0, 2.0), methods=[
        fo.DOP853(), fo.Tsit5(), fo.SciPy("RK45", max_rhs=2000)],
        truth=lambda t: [max(2 * np.exp(-t) - 1, 0.0), 1 + 2 * np.exp(-t)]).rows
    for row in rows[:2]:
        assert row.trustworthy and np.isnan(row.dissipation) and row.path_error < 1e-6
    assert not rows[2].trustworthy
    assert not np.isnan(fo.compare(CLIPPED, [4.0], (0.0, 1.0), methods=[fo.DOP853()])
                        .rows[0].dissipation)

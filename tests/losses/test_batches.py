"""Batches and dropout: what a step sees depends on the seed and the step alone."""

import itertools

import numpy as np
import pytest
import scipy.stats
import twins_training as twin

import flowopt as fo
from flowopt.losses.external import order

SIZES = [2, 6, 5, 3]
rng = np.random.default_rng(8)
X, Y = rng.normal(size=(50, 2)), rng.integers(0, 3, 50)
LOSS = fo.losses.network(SIZES, "tanh", "cross_entropy", X=X, y=Y, l2=0.01)
X0 = LOSS.initial(seed=0, rule="torch")


def network(**options):
    return fo.losses.network(SIZES, "tanh", "cross_entropy", X=X, y=Y, **options)


@pytest.mark.parametrize(("size", "seed"), [(16, 1), (7, 2**40 + 3), (50, 0), (1, 9)])
def test_the_batch_of_a_step_is_that_of_the_twin(size, seed):
    loss = LOSS.batches(size, seed)
    assert loss.steps_per_epoch == -(-50 // size)
    for k in (0, 1, loss.steps_per_epoch - 1, loss.steps_per_epoch, 1000):
        chosen = twin.batch(50, size, k, seed)
        wanted = twin.loss(X0, X[chosen], Y[chosen], SIZES, "tanh", "cross_entropy", l2=0.01)
        np.testing.assert_allclose(loss.value(X0, k=k), wanted, rtol=1e-13)
        part = fo.losses.network(SIZES, "tanh", "cross_entropy", X=X[chosen], y=Y[chosen], l2=0.01)
        np.testing.assert_allclose(loss.grad(X0, k=k), part.grad(X0), atol=1e-14)
        v = np.cos(np.arange(loss.n))
        np.testing.assert_allclose(loss.hvp(X0, v, k=k), part.hvp(X0, v), atol=1e-14)
    assert loss.value(X0) == LOSS.value(X0)  # without a step: all data


def test_every_epoch_holds_every_sample_once_in_an_order_of_its_own():
    found = [order(50, epoch, 3) for epoch in range(20)]
    for one in found:
        assert sorted(one) == list(range(50))
    assert all((a != b).any() for a, b in itertools.combinations(found, 2))
    assert (order(50, 4, 3) == twin.order(50, 4, 3)).all()


def test_orders_are_uniform():
    """All 24 orders of four samples are as likely (chi-squared, 1 in 10^4)."""
    counts: dict = {}
    for epoch in range(4800):
        key = tuple(order(4, epoch, 11).tolist())
        counts[key] = counts.get(key, 0) + 1
    assert len(counts) == 24
    assert scipy.stats.chisquare(list(counts.values())).pvalue > 1e-4


def test_unshuffled_batches_are_in_order():
    loss = LOSS.batches(20, seed=0, shuffle=False)
    part = fo.losses.network(SIZES, "tanh", "cross_entropy", X=X[40:], y=Y[40:], l2=0.01)
    np.testing.assert_allclose(loss.grad(X0, k=5), part.grad(X0), atol=1e-15)


@pytest.mark.parametrize("keep", [0.3, 0.8])
def test_masks_are_those_of_the_twin(keep):
    loss = network(dropout=keep, seed=6)
    for k in (0, 7):
        wanted = twin.loss(X0, X, Y, SIZES, "tanh", "cross_entropy", keep=keep, step=k, seed=6)
        np.testing.assert_allclose(loss.value(X0, k=k), wanted, rtol=1e-13)
        np.testing.assert_allclose(
            loss.grad(X0, k=k), twin.slope(lambda x: loss.value(x, k=k), X0), atol=1e-8)  # noqa: B023
        np.testing.assert_allclose(
            loss.hess(X0, k=k), twin.slope(lambda x: loss.grad(x, k=k), X0), atol=1e-8)  # noqa: B023
    plain = network()
    assert loss.value(X0) == plain.value(X0)  # without a step nothing is dropped
    assert (loss.predict(X0) == plain.predict(X0)).all()


def test_dropout_keeps_units_as_often_as_it_says():
    """One hidden unit per sample of value 1: the outputs are the masks."""
    count, keep = 4000, 0.7
    sizes = [1, 8, 1]
    loss = fo.losses.network(sizes, X=np.ones((count, 1)), y=np.zeros(count), dropout=keep, seed=2)
    x = loss.flatten([(np.ones((8, 1)), np.zeros(8)), (np.ones((1, 8)), np.zeros(1))])
    masks = np.stack([twin.mask(0, j, 3, count, keep, 2) for j in range(8)])
    np.testing.assert_allclose(loss.value(x, k=3), (masks.sum(0)**2).mean(), rtol=1e-12)
    kept = masks > 0
    assert set(np.unique(masks)) == {0.0, 1 / keep}
    # binomial: standard error of a share of 32 000 is 0.26 %
    assert abs(kept.mean() - keep) < 4 * np.sqrt(keep * (1 - keep) / kept.size)
    correlation = np.corrcoef(kept)[np.triu_indices(8, 1)]
    assert abs(correlation).max() < 4.5 / np.sqrt(count)
    other = np.stack([twin.mask(0, j, 4, count, keep, 2) for j in range(8)]) > 0
    assert abs(np.corrcoef(kept.ravel(), other.ravel())[0, 1]) < 4 / np.sqrt(kept.size)


def test_dropout_leaves_the_mean_output_as_it_is():
    """E[mask] = 1, so a network that is linear behind the masks has the same mean output."""
    sizes = [2, 40, 1]
    loss = fo.losses.network(sizes, "tanh", X=X[:1], y=[0.0], dropout=0.5, seed=1)
    x = loss.initial(seed=4)
    z = float(loss.predict(x)[0, 0])
    values = np.array([float(loss.value(x, k=k)) for k in range(4000)])  # z^2 with a mask
    weights = loss.unflatten(x)[1][0][0]
    a = np.tanh(loss.unflatten(x)[0][0] @ X[0])
    spread = ((weights * a)**2).sum() * (1 - 0.5) / 0.5
    assert abs(values.mean() - (z**2 + spread)) < 4 * values.std() / np.sqrt(4000)


def test_a_run_sees_batch_k_in_step_k():
    loss, opt = LOSS.batches(16, seed=3), fo.optimizers.sgd(lr=0.1)
    run = opt.run(loss, X0, epochs=2)
    assert run.t[-1] == 8 and run.x.shape == (9, loss.n)
    x = X0.copy()
    for k in range(8):
        x = x - 0.1 * loss.grad(x, k=k)
    np.testing.assert_allclose(run.x[-1], x, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(run.loss[-1], LOSS.value(run.x[-1]), rtol=1e-15)  # of all data
    rest = opt.run(loss, run.y[3], steps=5, first=3)
    assert (rest.x[-1] == run.x[-1]).all()


def test_a_flow_under_euler_sees_batch_k_in_step_k():
    """h = 0.1 is no binary number: the time of step k is k h only up to rounding."""
    loss = LOSS.batches(16, seed=3)
    run = fo.optimizers.gradient_descent(lr=0.1).run(loss, X0, steps=1000, save_every=1000)
    flow = fo.integrate(fo.flows.GradientFlow().on(loss), X0, t=(0.0, 100.0),
                        method=fo.Euler(h=0.1))
    assert (flow.x[-1] == run.x[-1]).all()


@pytest.mark.parametrize("name", ["adam", "rmsprop", "adagrad", "heavy_ball", "adamw"])
def test_optimizers_on_batches_with_dropout(name):
    loss = network(dropout=0.8, seed=1).batches(10, seed=4)
    opt = getattr(fo.optimizers, name)(lr=0.01)
    run = opt.run(loss, X0, epochs=40)
    assert run.status is fo.Status.REACHED_END and run.loss[-1] < run.loss[0]
    assert (run.y == opt.run(loss, X0, epochs=40).y).all()
    step = opt.step(loss, run.y[17], k=17)
    np.testing.assert_allclose(step, run.y[18], rtol=1e-13, atol=1e-15)


def test_the_same_steps_as_optax():
    """1000 steps of Adam on the 1-20-1 network, batches of 20, within 1e-12."""
    jax, optax = pytest.importorskip("jax"), pytest.importorskip("optax")
    x1 = np.linspace(-1, 1, 150)
    y1 = x1**3 + 0.1 * rng.normal(size=150)
    loss = fo.losses.network([1, 20, 1], "tanh", X=x1, y=y1)
    x0 = loss.initial(seed=0)
    run = fo.optimizers.adam(lr=0.01, betas=(0.9, 0.99)).run(loss.batches(20, seed=5), x0,
                                                            steps=1000)
    with jax.enable_x64(True):
        def value(x, a, b):
            hidden = jax.numpy.tanh(a[:, None] * x[:20] + x[20:40])
            return ((hidden @ x[40:60] + x[60] - b)**2).mean()

        peer = optax.adam(0.01, 0.9, 0.99)
        x, state = jax.numpy.asarray(x0), peer.init(jax.numpy.asarray(x0))
        update = jax.jit(lambda x, state, a, b: peer.update(jax.grad(value)(x, a, b), state, x))
        for k in range(1000):
            chosen = twin_order(k)
            change, state = update(x, state, x1[chosen], y1[chosen])
            x = x + change
    np.testing.assert_allclose(run.x[-1], x, rtol=1e-12, atol=1e-12)


def twin_order(k):
    epoch, place = divmod(k, 8)
    return order(150, epoch, 5)[20 * place:20 * place + 20]


def test_ensembles_are_the_single_runs_for_any_threads():
    loss = network(dropout=0.8).batches(16, seed=0)
    opt = fo.optimizers.adam(lr=0.01)
    starts = np.array([loss.initial(seed=s) for s in range(70)])
    seeds = np.arange(70.0)
    one = opt.ensemble(loss, starts, steps=30, parameters={"seed": seeds}, threads=1)
    two = opt.ensemble(loss, starts, steps=30, parameters={"seed": seeds}, threads=2)
    assert (one.x == two.x).all()
    for i in (0, 1, 40, 69):
        run = opt.run(loss.with_parameters(seed=i), starts[i], steps=30)
        assert (run.x[-1] == one.x[i]).all()
    same = opt.ensemble(loss, starts, steps=30)
    assert (same.x[0] == one.x[0]).all() and (same.x[1] != one.x[1]).any()


def test_noise_of_the_same_seed_is_not_that_of_batches():
    """The key of batches and masks differs from that of Brownian paths."""
    import reference

    key = 3, 0
    assert twin.words(1, 0, 0, 3)[0] != reference.philox((0, 0, 0, 0), key)[0]


def test_the_covariance_is_that_of_batches():
    """The gradients of batches without replacement scatter by C/B (N - B)/(N - 1)."""
    size = 5
    loss = LOSS.batches(size, seed=1)
    g = np.array([loss.grad(X0, k=k) for k in range(0, 20000, 10)])  # the first of each epoch
    covariance = LOSS.gradient_covariance(X0)
    wanted = np.trace(covariance) / size * (50 - size) / 49
    found = ((g - LOSS.grad(X0))**2).sum(1)
    assert abs(found.mean() - wanted) < 4 * found.std() / np.sqrt(len(g))


def test_a_loss_has_data_of_its_own():
    """What happens to the caller's arrays afterwards does not reach it."""
    rng = np.random.default_rng(5)
    X, y = rng.normal(size=(10, 2)), rng.normal(size=(10, 1))
    for make in (lambda: fo.losses.least_squares(X, y), lambda: fo.losses.network(
            [2, 3, 1], "tanh", X=X, y=y)):
        loss, other = make(), make()
        x = loss.initial(seed=1)
        before = loss.batches(4, seed=1).grad(x, 0), loss.value(x)
        kept = X.copy(), y.copy()
        X[:], y[:] = 9.0, 5.0
        assert np.array_equal(loss.batches(4, seed=1).grad(x, 0), before[0])
        assert other.value(x) == before[1] == loss.value(x)
        X[:], y[:] = kept

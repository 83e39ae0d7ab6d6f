"""Networks and linear models: values against plain twins, derivatives against differences."""

import itertools

import numpy as np
import pytest
import twins_training as twin

import flowopt as fo
from flowopt.losses import workspace

rng = np.random.default_rng(5)
START = rng.bit_generator.state
SHAPES = [([3, 5, 4, 2], "mse"), ([3, 5, 4, 3], "cross_entropy"), ([2, 4, 1], "cross_entropy"),
          ([3, 2], "mse"), ([1, 17, 1], "mse")]
ACTIVATIONS = list(twin.ACT)


@pytest.fixture(autouse=True)
def same_numbers():
    """Each test draws the same numbers, whatever ran before it."""
    rng.bit_generator.state = START


def problem(sizes, cost, samples=21):
    X = rng.normal(size=(samples, sizes[0]))
    y = (rng.normal(size=(samples, sizes[-1])) if cost == "mse"
         else rng.integers(0, max(2, sizes[-1]), samples))
    return X, y


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(("sizes", "cost"), SHAPES)
@pytest.mark.parametrize("normalised", [False, True])
def test_values_and_derivatives(activation, sizes, cost, normalised):
    if normalised and len(sizes) == 2:
        return
    X, y = problem(sizes, cost)
    loss = fo.losses.network(sizes, activation, cost, X=X, y=y, l1=0.01, l2=0.1,
                             batch_norm=normalised)
    x = loss.initial(seed=1, rule="torch")
    value = twin.loss(x, X, y, sizes, activation, cost, 0.01, 0.1, normalised=normalised)
    np.testing.assert_allclose(loss.value(x), value, rtol=1e-13)
    z = twin.outputs(x, X, sizes, activation, normalised)
    np.testing.assert_allclose(loss.predict(x), z, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(loss.each(x), twin.each(z, y, cost), rtol=1e-12)
    np.testing.assert_allclose(loss.grad(x), twin.slope(loss.value, x), atol=1e-8)
    hessian = loss.hess(x)
    np.testing.assert_allclose(hessian, twin.slope(loss.grad, x), atol=1e-7)
    np.testing.assert_allclose(hessian, hessian.T, atol=1e-13 * (1 + abs(hessian).max()))
    v = rng.normal(size=loss.n)
    np.testing.assert_allclose(loss.hvp(x, v), hessian @ v,
                               atol=1e-12 * (1 + abs(hessian).max()))


@pytest.mark.parametrize("sizes", [[3, 5, 4, 2], [3, 2]])
def test_one_lane_and_many_agree_bit_for_bit(sizes):
    X, y = problem(sizes, "mse")
    loss = fo.losses.network(sizes, "tanh", X=X, y=y)
    xs = rng.normal(size=(70, loss.n))
    vs = rng.normal(size=(70, loss.n))
    for verb, arguments in ((loss.value, (xs,)), (loss.grad, (xs,)), (loss.hess, (xs,)),
                            (loss.hvp, (xs, vs))):
        many = verb(*arguments)
        assert (many == np.array([verb(*one) for one in zip(*arguments, strict=True)])).all()


def test_the_worked_example_of_cross_entropy():
    """Five per-sample losses of softmax cross-entropy, published with nine digits."""
    logits = [[12, 3, 2], [3, 10, 1], [1, 2, 5], [4, 6.5, 1.2], [3, 6, 1]]
    loss = fo.losses.softmax_regression(logits, [0, 1, 2, 0, 1], bias=False)
    published = [1.68795487e-04, 1.03475622e-03, 6.58839038e-02, 2.58349207e+00, 5.49852354e-02]
    np.testing.assert_allclose(loss.each(np.eye(3).ravel()), published, rtol=5e-9)
    np.testing.assert_allclose(loss.value(np.eye(3).ravel()), np.mean(published), rtol=5e-9)


@pytest.mark.parametrize("outputs", [1, 2, 5])
def test_logits_of_a_thousand(outputs):
    X = np.diag([1000.0, -1000.0, 40.0])
    y = np.array([0, 1, 1])
    loss = fo.losses.network([3, outputs], loss="cross_entropy", X=X, y=y, bias=False)
    x = np.zeros((outputs, 3))
    x[-1] = 1.0
    x = x.ravel()
    z = X @ x.reshape(outputs, 3).T
    np.testing.assert_allclose(loss.each(x), twin.each(z, y, "cross_entropy"), rtol=1e-13,
                               atol=1e-15)
    for found in (loss.grad(x), loss.hess(x), loss.hvp(x, np.ones(loss.n))):
        assert np.isfinite(found).all()


def test_a_small_loss_keeps_its_digits():
    """log(1 + e^-40) = e^-40, and a gradient as small."""
    loss = fo.losses.softmax_regression([[1.0]], [0], classes=2, bias=False)
    tiny = np.exp(-40.0)
    np.testing.assert_allclose(loss.value([40.0, 0.0]), tiny, rtol=1e-14)
    np.testing.assert_allclose(loss.grad([40.0, 0.0]), [-tiny, tiny], rtol=1e-14)


def test_least_squares_is_the_closed_form():
    X, y = rng.normal(size=(40, 6)), rng.normal(size=40)
    loss = fo.losses.least_squares(X, y, l2=0.3, bias=False)
    x = rng.normal(size=6)
    np.testing.assert_allclose(loss.grad(x), X.T @ (X @ x - y) / 40 + 0.3 * x, rtol=1e-12)
    np.testing.assert_allclose(loss.hess(x), X.T @ X / 40 + 0.3 * np.eye(6), atol=1e-14)
    best = np.linalg.solve(X.T @ X / 40 + 0.3 * np.eye(6), X.T @ y / 40)
    np.testing.assert_allclose(loss.grad(best), 0, atol=1e-14)


def test_logistic_is_the_closed_form():
    X, y = rng.normal(size=(40, 3)), rng.integers(0, 2, 40)
    loss = fo.losses.logistic(X, y)
    x = rng.normal(size=4)
    s = np.where(y == 1, 1, -1)
    value = np.logaddexp(0, -s * (X @ x[:3] + x[3])).mean()
    np.testing.assert_allclose(loss.value(x), value, rtol=1e-13)


def test_penalties_count_weights_only():
    sizes = [2, 3, 2]
    X, y = problem(sizes, "mse")
    plain = fo.losses.network(sizes, X=X, y=y, batch_norm=True)
    x = plain.initial(seed=0, rule="torch")
    weights = np.concatenate([W.ravel() for W, *_ in plain.unflatten(x)])
    for half, factor in ((True, 0.5), (False, 1.0)):
        loss = fo.losses.network(sizes, X=X, y=y, batch_norm=True, l1=0.2, l2=0.7, half=half)
        added = 0.2 * np.abs(weights).sum() + factor * 0.7 * (weights**2).sum()
        np.testing.assert_allclose(loss.value(x) - plain.value(x), added, rtol=1e-12)
    changed = loss.with_parameters(l1=0.0, l2=0.0)
    np.testing.assert_allclose(changed.value(x), plain.value(x), rtol=1e-15)


@pytest.mark.parametrize("normalised", [False, True])
def test_blas_and_our_own_products_agree(monkeypatch, normalised):
    sizes = [13, 9, 7, 5]
    X, y = problem(sizes, "cross_entropy", 45)
    loss = fo.losses.network(sizes, "softplus", "cross_entropy", X=X, y=y, batch_norm=normalised)
    x, v = loss.initial(seed=0), rng.normal(size=loss.n)
    own = loss.value(x), loss.grad(x), loss.hvp(x, v), loss.batches(20, seed=1).grad(x, k=2)
    monkeypatch.setattr(workspace, "BLAS_FROM", 0)
    blas = loss.value(x), loss.grad(x), loss.hvp(x, v), loss.batches(20, seed=1).grad(x, k=2)
    for a, b in zip(own, blas, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("normalised", [False, True])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_the_same_as_jax(activation, normalised):
    """Gradient and product with the Hessian of a normalised network, by jax."""
    jax = pytest.importorskip("jax")
    jnp = jax.numpy
    sizes = (4, 6, 5, 3)
    X, y = problem(sizes, "cross_entropy")
    loss = fo.losses.network(sizes, activation, "cross_entropy", X=X, y=y, l2=0.1,
                             batch_norm=normalised)
    x, v = loss.initial(seed=2, rule="glorot"), rng.normal(size=loss.n)

    def other(flat):
        a, at, squares = X, 0, 0.0
        for k, (d, out) in enumerate(itertools.pairwise(sizes)):
            w = flat[at:at + d * out].reshape(out, d)
            b = flat[at + d * out:at + d * out + out]
            at += d * out + out
            squares += (w**2).sum()
            a = a @ w.T + b
            if k == len(sizes) - 2:
                break
            if normalised:
                gamma, beta = flat[at:at + out], flat[at + out:at + 2 * out]
                at += 2 * out
                a = gamma * (a - a.mean(0)) / jnp.sqrt(a.var(0) + 1e-5) + beta
            a = jnp.tanh(a) if activation == "tanh" else jax.nn.relu(a)
        chosen = jax.nn.log_softmax(a)[jnp.arange(len(y)), y]
        return -chosen.mean() + 0.05 * squares

    with jax.enable_x64(True):
        flat, direction = jnp.asarray(x), jnp.asarray(v)
        np.testing.assert_allclose(loss.value(x), other(flat), rtol=1e-13)
        np.testing.assert_allclose(loss.grad(x), jax.grad(other)(flat), atol=1e-13)
        product = jax.jvp(jax.grad(other), (flat,), (direction,))[1]
        np.testing.assert_allclose(loss.hvp(x, v), product, atol=1e-12)


def test_narrow_registers_give_the_same_bits(monkeypatch):
    """The blocks of a product that a processor gets do not change a rounding."""
    from flowopt import _native
    from flowopt._compiler import compiled_together
    from flowopt.losses.kernels import network

    sizes = [21, 19, 13, 3]
    X, y = problem(sizes, "cross_entropy", 77)
    loss = fo.losses.network(sizes, "tanh", "cross_entropy", X=X, y=y)
    x = loss.initial(seed=0)
    found = []
    for wide in (0, 1):
        unit = _native.resident({}, compiled_together([network.gradient], {"WIDE": wide}))
        monkeypatch.setattr(workspace, "kernel", lambda kind, u=unit: u.addresses[kind])
        found.append(loss.grad(x))
    assert (found[0] == found[1]).all()


def test_unflatten_and_flatten():
    loss = fo.losses.network([2, 3, 1], X=[[0.0, 1.0], [2.0, 3.0]], y=[1.0, 2.0], batch_norm=True)
    x = rng.normal(size=loss.n)
    parts = loss.unflatten(x)
    assert [[a.shape for a in p] for p in parts] == [[(3, 2), (3,), (3,), (3,)], [(1, 3), (1,)]]
    assert (loss.flatten(parts) == x).all()
    with pytest.raises(ValueError, match=r"layers\[1\] must have arrays of shapes"):
        loss.flatten([parts[0], parts[0]])


@pytest.mark.parametrize(("rule", "spread"), [
    ("he", np.sqrt(2 / 400)), ("he_uniform", np.sqrt(2 / 400)), ("glorot", np.sqrt(2 / 700)),
    ("glorot_normal", np.sqrt(2 / 700)), ("torch", 1 / np.sqrt(3 * 400))])
def test_initial_weights_have_their_spread(rule, spread):
    loss = fo.losses.network([400, 300], X=np.zeros((1, 400)), y=np.zeros((1, 300)))
    x = loss.initial(seed=3, rule=rule)
    (w, b), = loss.unflatten(x)
    # the standard error of a standard deviation of 120 000 numbers is 0.2 %
    assert abs(w.std() / spread - 1) < 0.01 and abs(w.mean()) < 4 * spread / np.sqrt(w.size)
    assert (b == 0).all() if rule != "torch" else 0.8 < b.std() / spread < 1.2
    assert (x == loss.initial(seed=3, rule=rule)).all()
    assert (x != loss.initial(seed=4, rule=rule)).any()


def test_predict_on_other_samples_and_accuracy():
    sizes = [2, 5, 3]
    X, y = problem(sizes, "cross_entropy", 50)
    loss = fo.losses.network(sizes, "tanh", "cross_entropy", X=X, y=y)
    x = loss.initial(seed=0)
    new = rng.normal(size=(7, 2))
    np.testing.assert_allclose(loss.predict(x, new), twin.outputs(x, new, sizes, "tanh"),
                               rtol=1e-12)
    labels = twin.outputs(x, new, sizes, "tanh").argmax(1)
    assert loss.accuracy(x, new, labels) == 1.0
    assert loss.accuracy(x) == (twin.outputs(x, X, sizes, "tanh").argmax(1) == y).mean()


def test_predict_normalises_with_the_statistics_of_training():
    sizes = [2, 5, 1]
    X, y = problem(sizes, "mse", 50)
    loss = fo.losses.network(sizes, "tanh", X=X, y=y, batch_norm=True)
    x = loss.initial(seed=0, rule="torch")
    np.testing.assert_allclose(loss.predict(x, X[:9]), loss.predict(x)[:9], rtol=1e-13)
    np.testing.assert_allclose(loss.predict(x, X[3:4]), loss.predict(x)[3:4], rtol=1e-13)


def test_gradients_by_layer_follow_the_product_formula():
    """A chain of one-neuron layers: dL/db1 = sigma'(z1) w2 sigma'(z2) ... dL/dz."""
    depth = 6
    loss = fo.losses.network([1] * (depth + 1), "sigmoid", X=[[0.7]], y=[2.0])
    x = rng.normal(size=loss.n)
    found = loss.layer_gradients(x)
    a, slopes, layers = 0.7, [], loss.unflatten(x)
    for w, b in layers[:-1]:
        a = twin.ACT["sigmoid"](w[0, 0] * a + b[0])
        slopes.append(a * (1 - a))
    delta = 2 * (layers[-1][0][0, 0] * a + layers[-1][1][0] - 2.0)
    product = np.prod(slopes) * np.prod([w[0, 0] for w, _ in layers[1:]]) * delta
    np.testing.assert_allclose(found.arrays[0][1][0], product, rtol=1e-12)
    assert found.norms.shape == (depth,)
    np.testing.assert_allclose((found.norms**2).sum(), (loss.grad(x)**2).sum(), rtol=1e-13)


@pytest.mark.parametrize("samples", [1, 21])
def test_covariance_of_the_gradients(samples):
    sizes = [2, 4, 3]
    X, y = problem(sizes, "cross_entropy", samples)
    loss = fo.losses.network(sizes, "tanh", "cross_entropy", X=X, y=y, l2=0.5, dropout=0.5)
    x = loss.initial(seed=0)
    alone = np.array([fo.losses.network(sizes, "tanh", "cross_entropy", X=X[i:i + 1],
                                        y=y[i:i + 1]).grad(x) for i in range(samples)])
    np.testing.assert_allclose(loss.sample_gradients(x), alone, atol=1e-14)
    covariance = loss.gradient_covariance(x)
    np.testing.assert_allclose(covariance, np.cov(alone.T, bias=True), atol=1e-14)
    assert (covariance == covariance.T).all()
    assert np.linalg.eigvalsh(covariance).min() > -1e-13


def test_a_network_goes_to_another_process_and_back():
    import pickle

    X, y = problem([3, 4, 2], "mse")
    loss = fo.losses.network([3, 4, 2], X=X, y=y).batches(8, seed=3)
    x = loss.initial(seed=0)
    back = pickle.loads(pickle.dumps(loss))
    assert (back.grad(x, k=5) == loss.grad(x, k=5)).all() and back.definition == loss.definition


def test_no_network_is_compiled_twice():
    before = set(map(str, workspace._native._units))
    for sizes in ([2, 3, 2], [2, 9, 9, 2]):
        X, y = problem(sizes, "mse")
        loss = fo.losses.network(sizes, X=X, y=y)
        loss.grad(loss.initial(seed=0))
    assert len(set(workspace._native._units) - before) <= 1

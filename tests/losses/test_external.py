"""Models of torch and jax as losses; torch's tests run where torch is installed."""

import numpy as np
import pytest

import flowopt as fo

rng = np.random.default_rng(3)
X, Y = rng.normal(size=(40, 3)), rng.integers(0, 4, 40)


def same(loss, own, x):
    v = rng.normal(size=own.n)
    assert loss.n == own.n
    np.testing.assert_allclose(loss.value(x), own.value(x), rtol=1e-13)
    np.testing.assert_allclose(loss.grad(x), own.grad(x), atol=1e-14)
    np.testing.assert_allclose(loss.hvp(x, v), own.hvp(x, v), atol=1e-13)
    np.testing.assert_allclose(loss.hess(x), own.hess(x), atol=1e-13)
    xs = np.array([x, x + 0.1])
    np.testing.assert_allclose(loss.value(xs), own.value(xs), rtol=1e-13)
    np.testing.assert_allclose(loss.grad(xs), own.grad(xs), atol=1e-14)


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


def test_a_torch_module_is_the_same_loss(torch):
    model = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.Tanh(), torch.nn.Linear(5, 4))
    before = [p.clone() for p in model.parameters()]
    with pytest.warns(UserWarning, match="the module is in float32; the loss works with a copy"):
        loss = fo.losses.from_torch(model, torch.nn.CrossEntropyLoss(), (X, Y))
    own = fo.losses.network([3, 5, 4], "tanh", "cross_entropy", X=X, y=Y)
    x = loss.initial()
    same(loss, own, x)
    opt = fo.optimizers.adam(lr=0.01)
    theirs = opt.run(loss.batches(16, seed=2), x, epochs=3)
    ours = opt.run(own.batches(16, seed=2), x, epochs=3)
    np.testing.assert_allclose(theirs.x, ours.x, atol=1e-13)
    flow = fo.integrate(fo.flows.GradientFlow().on(loss), x, t=(0.0, 0.5))
    assert flow.loss[-1] < flow.loss[0]
    assert all(p.dtype == torch.float32 and (p == q).all()
               for p, q in zip(model.parameters(), before, strict=True))
    assert {k: tuple(v.shape) for k, v in loss.unflatten(x).items()} == {
        "0.weight": (5, 3), "0.bias": (5,), "2.weight": (4, 5), "2.bias": (4,)}


def test_torch_normalises_as_we_do(torch):
    model = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.BatchNorm1d(5), torch.nn.Sigmoid(),
                                torch.nn.Linear(5, 4)).double()
    loss = fo.losses.from_torch(model, torch.nn.CrossEntropyLoss(), (X, Y))
    own = fo.losses.network([3, 5, 4], "sigmoid", "cross_entropy", X=X, y=Y, batch_norm=True)
    same(loss, own, loss.initial())


def test_torch_refusals(torch):
    model = torch.nn.Linear(3, 1).double()
    mse, y = torch.nn.MSELoss(), np.zeros((40, 1))
    cases = [
        (lambda: fo.losses.from_torch(3, mse, (X, y)), TypeError, "module must be a torch"),
        (lambda: fo.losses.from_torch(model, 3, (X, y)), TypeError, "loss must be a function"),
        (lambda: fo.losses.from_torch(model, mse, X), TypeError, "data must be a pair"),
        (lambda: fo.losses.from_torch(model, mse, (X, y[:3])), ValueError, "as many samples"),
        (lambda: fo.losses.from_torch(model, mse, (X * np.nan, y)), ValueError, "must be finite"),
        (lambda: fo.losses.from_torch(model, mse, (X[:0], y[:0])), ValueError, "at least one"),
        (lambda: fo.losses.from_torch(model, torch.nn.MSELoss(reduction="none"), (X, y)),
         ValueError, "one number"),
        (lambda: fo.losses.from_torch(torch.nn.Sequential(model, torch.nn.Dropout()), mse, (X, y)),
         ValueError, r"call module.eval\(\) first"),
        (lambda: fo.losses.from_torch(model, mse, (X, y)).batches(41, seed=0), ValueError,
         "at most the 40 samples"),
    ]
    for call, kind, message in cases:
        with pytest.raises(kind, match=message):
            call()


def test_a_jax_function_is_the_same_loss():
    jax = pytest.importorskip("jax")
    own = fo.losses.network([3, 5, 4], "tanh", "cross_entropy", X=X, y=Y)
    (w1, b1), (w2, b2) = own.unflatten(own.initial(seed=0))
    params = [(w1, b1), (w2, b2)]

    def f(params):
        (w1, b1), (w2, b2) = params
        z = jax.numpy.tanh(X @ w1.T + b1) @ w2.T + b2
        return -jax.nn.log_softmax(z)[jax.numpy.arange(40), Y].mean()

    loss = fo.losses.from_jax(f, params)
    x = loss.initial()
    assert (x == own.initial(seed=0)).all()
    same(loss, own, x)
    np.testing.assert_array_equal(loss.unflatten(x)[1][0], w2)
    run = fo.optimizers.gradient_descent(lr=0.1).run(loss, x, steps=5)
    np.testing.assert_allclose(
        run.x, fo.optimizers.gradient_descent(lr=0.1).run(own, x, steps=5).x, atol=1e-14)
    ens = fo.ensemble(fo.flows.GradientFlow().on(loss), np.array([x, x + 0.1]), t=(0.0, 0.1),
                      method=fo.Euler(h=0.05))
    assert np.isfinite(ens.x).all()


def test_jax_in_single_precision_is_computed_in_double():
    pytest.importorskip("jax")
    loss = fo.losses.from_jax(lambda p: (p**2).sum(), np.float32([0.1, 0.2]))
    np.testing.assert_allclose(loss.value([0.1, 0.2]), 0.05, rtol=1e-15)


def test_jax_refusals():
    pytest.importorskip("jax")
    for call, kind, message in [
            (lambda: fo.losses.from_jax(3, np.ones(2)), TypeError, "f must be a function"),
            (lambda: fo.losses.from_jax(lambda p: 0.0, {}), ValueError, "at least one array"),
            (lambda: fo.losses.from_jax(lambda p: p**2, np.ones(2)), ValueError, "one number"),
            (lambda: fo.losses.from_jax(lambda p: p.sum(), np.array([1.0, np.nan])), ValueError,
             "must be finite"),
            (lambda: fo.losses.from_jax(lambda p: p.sum(), np.array(["a"])), TypeError,
             "real numbers"),
            (lambda: fo.losses.from_jax(lambda p: p.sum(), np.ones(2)).batches(2, seed=0),
             ValueError, "no data of its own"),
            (lambda: fo.losses.from_jax(lambda p: p.sum(), np.ones(2)).grad(np.ones(3)),
             ValueError, r"x must have shape \(2,\)")]:
        with pytest.raises(kind, match=message):
            call()


@pytest.mark.parametrize("given, words", [
    (lambda jnp, p: (p.sum(), 1), "f must return one number, got "),
    (lambda jnp, p: None, "f must return one number, got None"),
    (lambda jnp, p: jnp.array(1), "f must return a real number, got one of dtype int"),
], ids=["auxiliary output", "nothing", "integer"])
def test_a_jax_function_returns_one_real_number(given, words):
    jnp = pytest.importorskip("jax.numpy")
    with pytest.raises(TypeError, match=words):
        fo.losses.from_jax(lambda p: given(jnp, p), np.zeros(2))

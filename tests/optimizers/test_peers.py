"""The same algorithms as torch.optim and optax have, in float64: 1000 steps within 1e-12."""

import numpy as np
import pytest
from optimizers.cases import ADAM, CASES
from optimizers.problems import (
    POINTS,
    PROBLEMS,
    SLICES,
    VALUES,
    A,
    all_grads,
    all_starts,
    deviation,
)

STEPS = 1000
BOUND = 1e-12
#: our name -> the class in torch.optim, and its fixed options
TORCH = {
    "gradient_descent": ("SGD", {}), "sgd": ("SGD", {}),
    "sgd nesterov": ("SGD", {"nesterov": True}),
    "heavy_ball": ("SGD", {}), "adagrad": ("Adagrad", {}), "rmsprop": ("RMSprop", {}),
    "rmsprop momentum": ("RMSprop", {}), "rmsprop centered": ("RMSprop", {"centered": True}),
    "adadelta": ("Adadelta", {}), "adam": ("Adam", {}), "adamw": ("AdamW", {}),
    "amsgrad torch": ("Adam", {"amsgrad": True}), "adamax": ("Adamax", {}),
    "nadam torch": ("NAdam", {}), "radam torch": ("RAdam", {}),
}
RENAMED = {"alpha": "decay"}
#: our name -> the name in optax, and its fixed options
OPTAX = {
    "gradient_descent": ("sgd", {}), "sgd": ("sgd", {}),
    "sgd nesterov": ("sgd", {"nesterov": True}),
    "adagrad inside": ("adagrad", {}), "rmsprop inside": ("rmsprop", {}),
    "rmsprop": ("rmsprop", {"eps_in_sqrt": False}),
    "rmsprop momentum": ("rmsprop", {"eps_in_sqrt": False}),
    "rmsprop centered": ("rmsprop", {"eps_in_sqrt": False, "centered": True}),
    "rmsprop corrected": ("rmsprop", {"bias_correction": True}),
    "adadelta": ("adadelta", {}), "adam": ("adam", {}), "adam root": ("adam", {}),
    "adamw": ("adamw", {}), "amsgrad optax": ("amsgrad", {}), "adamax": ("adamax", {}),
    "nadam optax": ("nadam", {}), "radam optax": ("radam", {}), "lion": ("lion", {}),
    "signsgd": ("sign_sgd", {}),
}


def agrees(name, hyper, path):
    optimizer = CASES[name][0](**hyper)
    for problem, part in SLICES.items():
        loss, _, _, x0 = PROBLEMS[problem]
        traj = optimizer.run(loss, x0, steps=STEPS)
        assert deviation(traj.x, path[:, part]) < BOUND, (problem, hyper)


@pytest.fixture(scope="module")
def torch():
    torch = pytest.importorskip("torch")
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)  # else NAdam keeps the product of its mu in float32
    yield torch
    torch.set_default_dtype(before)


@pytest.mark.parametrize("setting", range(3))
@pytest.mark.parametrize("name", TORCH)
def test_torch(name, setting, torch):
    kind, options = TORCH[name]
    hyper = CASES[name][3][setting]
    x = torch.tensor(all_starts(), dtype=torch.float64, requires_grad=True)
    peer = getattr(torch.optim, kind)([x], foreach=False, **options, **hyper)
    path = [x.detach().numpy().copy()]
    for _ in range(STEPS):
        x.grad = torch.from_numpy(all_grads(path[-1]))
        peer.step()
        path.append(x.detach().numpy().copy())
    agrees(name, hyper, np.array(path))


# ------------------------------------------------------------------------------------ optax
@pytest.fixture(scope="module")
def jax():
    jax = pytest.importorskip("jax")
    pytest.importorskip("optax")
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield jax
    jax.config.update("jax_enable_x64", before)


def values_in_jax(jax):
    """The three losses as functions of jax, by name."""
    jnp = jax.numpy

    def network(x):
        hidden = jnp.tanh(jnp.array(POINTS) @ x[:12].reshape(2, 6) + x[12:18])
        return ((hidden @ x[18:24] + x[24] - jnp.array(VALUES)) ** 2).mean() / 2

    return {"rosenbrock": lambda x: (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2,
            "quadratic": lambda x: x @ jnp.array(A) @ x / 2, "network": network}


def optax_paths(jax, make, settings, value, x0):
    """The paths of an optimizer for several settings, compiled once."""
    import optax

    def path(hyper):
        peer = make(hyper)

        def step(carry, _):
            x, state = carry
            L, g = jax.value_and_grad(value)(x)
            moves, state = peer.update(g, state, x, value=L, grad=g, value_fn=value)
            x = optax.apply_updates(x, moves)
            return (x, state), x

        x = jax.numpy.array(x0)
        return jax.lax.scan(step, (x, peer.init(x)), length=STEPS)[1]

    run = jax.jit(path)
    return [np.vstack([x0, np.asarray(run(s))]) for s in settings]


def given(hyper):
    """Our hyper-parameters with optax's names."""
    made = {"learning_rate": hyper["lr"]}
    for key, value in hyper.items():
        if key == "betas":
            made["b1"], made["b2"] = value
        elif key != "lr":
            made[RENAMED.get(key, key)] = value
    return made


@pytest.mark.parametrize("name", OPTAX)
def test_optax(name, jax):
    import optax

    kind, options = OPTAX[name]
    known = CASES[name][3]
    if name not in ("adamw", "lion"):  # coupled decay and dampening are torch's alone
        known = [{k: v for k, v in s.items() if k not in
                  ("weight_decay", "dampening", "momentum_decay")} for s in known]
    if name == "lion":
        known = [{"weight_decay": 0.0} | s for s in known]
    values = values_in_jax(jax)

    def value(x):
        return sum(values[k](x[part]) for k, part in SLICES.items())

    settings = [given(s) for s in known]
    same = len({tuple(s) for s in settings}) == 1  # the same hyper-parameters: one compilation
    paths = []
    for group in [settings] if same else [[s] for s in settings]:
        paths += optax_paths(jax, lambda s: getattr(optax, kind)(**options, **s), group, value,
                             all_starts())
    for hyper, path in zip(known, paths, strict=True):
        agrees(name, hyper, path)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_polyak(problem, jax):
    import optax

    import flowopt as fo

    loss, _, _, x0 = PROBLEMS[problem]
    known = [dict(minimum=0.0, max_learning_rate=2e-4, eps=0.0),
             dict(minimum=-1.0, max_learning_rate=1e-4, eps=10.0),
             dict(minimum=0.1, max_learning_rate=5e-5, eps=1.0)]

    def make(s):
        return optax.polyak_sgd(max_learning_rate=s["max_learning_rate"], f_min=s["minimum"],
                                eps=s["eps"], scaling=0.5)

    for hyper, path in zip(known, optax_paths(jax, make, known, values_in_jax(jax)[problem], x0),
                           strict=True):
        ours = {"minimum": hyper["minimum"], "eps": 4 * hyper["eps"],
                "max_learning_rate": hyper["max_learning_rate"] / 4}
        traj = fo.optimizers.polyak(lr=2.0, **ours).run(loss, x0, steps=STEPS)
        assert deviation(traj.x, path) < BOUND


def test_lookahead(jax):
    import optax

    import flowopt as fo

    values = values_in_jax(jax)
    for (problem, period, alpha), hyper in zip(
            (("rosenbrock", 5, 0.5), ("quadratic", 6, 0.8), ("network", 2, 0.3)), ADAM,
            strict=True):
        loss, _, _, x0 = PROBLEMS[problem]
        grad = jax.jit(jax.grad(values[problem]))
        peer = optax.lookahead(optax.adam(**given(hyper)), sync_period=period,
                               slow_step_size=alpha)
        x = optax.LookaheadParams.init_synced(jax.numpy.array(x0))
        state, path = peer.init(x), [np.asarray(x.fast)]
        update = jax.jit(peer.update)
        for _ in range(200):
            moves, state = update(grad(x.fast), state, x)
            x = optax.apply_updates(x, moves)
            path.append(np.asarray(x.fast))
        optimizer = fo.optimizers.lookahead(fo.optimizers.adam(**hyper), period, alpha)
        assert deviation(optimizer.run(loss, x0, steps=200).x, np.array(path)) < BOUND

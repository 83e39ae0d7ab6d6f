"""Compositions and the rarer names of torch and optax, in float64: 1000 steps within 1e-12."""

import numpy as np
import pytest
from optimizers.cases import ADAM, CASES
from optimizers.problems import PROBLEMS, SLICES, all_grads, all_starts, deviation
from optimizers.test_peers import (  # noqa: F401
    BOUND,
    STEPS,
    given,
    jax,
    optax_paths,
    torch,
    values_in_jax,
)

import flowopt as fo

o = fo.optimizers


def agree(optimizer, path):
    for problem, part in SLICES.items():
        loss, _, _, x0 = PROBLEMS[problem]
        ours = optimizer.run(loss, x0, steps=STEPS)
        assert deviation(ours.x, path[:, part]) < BOUND, problem


def optax_agrees(jax, cases):  # noqa: F811
    """Compare optimizers of ours with transformations of optax, on the sum of the problems."""
    values = values_in_jax(jax)

    def value(x):
        return sum(values[k](x[part]) for k, part in SLICES.items())

    for ours, peer in cases:
        (path,) = optax_paths(jax, lambda s, peer=peer: peer, [{"lr": 0.0}], value, all_starts())
        agree(ours, path)


def test_signum(jax):  # noqa: F811
    import optax

    optax_agrees(jax, [(o.signum(lr, beta), optax.chain(
        optax.ema(beta, debias=False), optax.scale_by_sign(), optax.scale(-lr)))
        for lr, beta in ((1e-4, 0.9), (3e-4, 0.99), (1e-4, 0.5))])


def test_nesterov_in_the_form_of_torch(jax):  # noqa: F811
    import optax

    optax_agrees(jax, [(o.nesterov(lr, momentum=beta, form="torch"),
                        optax.sgd(lr, momentum=beta, nesterov=True))
                       for lr, beta in ((5e-4, 0.9), (2e-4, 0.5), (1e-4, 0.95))])


@pytest.mark.parametrize("problem", PROBLEMS)
def test_normalized_and_polyak(problem, jax):  # noqa: F811
    import optax

    loss, _, _, x0 = PROBLEMS[problem]
    value = values_in_jax(jax)[problem]

    def agree_on(ours, make, settings):  # compiled once for all settings
        for s, path in zip(settings, optax_paths(jax, make, settings, value, x0), strict=True):
            assert deviation(ours(s).run(loss, x0, steps=STEPS).x, path) < BOUND, s

    agree_on(lambda s: o.normalized_gd(s["lr"]),
             lambda s: optax.chain(optax.contrib.normalize(), optax.scale(-s["lr"])),
             [{"lr": lr} for lr in (1e-4, 3e-4, 5e-4)])
    settings = [dict(zip(("s", "m", "M", "eps"), given, strict=True)) for given in (
        (1.0, 0.0, 1.0, 2e5), (0.1, 0.1, 10.0, 1e3), (2.0, -1.0, 1e-4, 10.0))]
    for variant in ("sps", "sps+"):  # optax divides by the norm of the scaled gradient
        agree_on(lambda s, variant=variant: o.polyak(
            1 / s["s"], minimum=s["m"], max_learning_rate=s["M"] * s["s"]**2,
            eps=s["eps"] / s["s"]**2, variant=variant), lambda s, variant=variant: optax.polyak_sgd(
                s["M"], scaling=s["s"], f_min=s["m"], eps=s["eps"], variant=variant), settings)


def test_coupled_and_decoupled_decay(jax):  # noqa: F811
    import optax

    w = optax.add_decayed_weights
    fast, slow = ADAM[0], ADAM[1]
    optax_agrees(jax, [
        (o.adam(**fast).with_l2(0.1), optax.chain(w(0.1), optax.adam(**given(fast)))),
        (o.nadam(**slow, convention="optax").with_decay(0.3), optax.nadamw(
            **given(slow), weight_decay=0.3)),
        (o.adamax(**fast).with_decay(0.2), optax.adamaxw(**given(fast), weight_decay=0.2)),
        (o.sgd(2e-4, momentum=0.9).with_l2(0.5), optax.chain(w(0.5), optax.sgd(
            2e-4, momentum=0.9))),
        (o.sgd(2e-4, momentum=0.9).with_decay(0.5), optax.chain(
            optax.trace(0.9), w(0.5), optax.scale(-2e-4)))])


def test_lookahead(jax):  # noqa: F811
    import optax

    values = values_in_jax(jax)
    for period, alpha, hyper in ((5, 0.5, ADAM[0]), (6, 0.8, ADAM[1]), (2, 0.3, ADAM[2])):
        peer = optax.lookahead(optax.adam(**given(hyper)), sync_period=period, slow_step_size=alpha)

        def value(x):
            return sum(values[k](x[part]) for k, part in SLICES.items())

        def step(carry, _, peer=peer):
            x, state = carry
            moves, state = peer.update(jax.grad(value)(x.fast), state, x)
            x = optax.apply_updates(x, moves)
            return (x, state), x.fast

        x = optax.LookaheadParams.init_synced(jax.numpy.array(all_starts()))
        run = jax.jit(lambda x, s, step=step: jax.lax.scan(step, (x, s), length=STEPS)[1])
        path = np.vstack([all_starts(), np.asarray(run(x, peer.init(x)))])
        agree(o.lookahead(o.adam(**hyper), period, alpha), path)


def torch_path(torch, make, after=None):  # noqa: F811
    """The path of torch's optimizer, or of what `after` reports of it."""
    x = torch.tensor(all_starts(), dtype=torch.float64, requires_grad=True)
    peer, path, seen = make([x]), [all_starts()], [all_starts()]
    for k in range(STEPS):
        x.grad = torch.from_numpy(all_grads(path[-1]))
        peer.step()
        path.append(x.detach().numpy().copy())
        seen.append(path[-1] if after is None else after(k + 1, x))
    return np.array(seen)


def test_decoupled_decay_of_torch(torch):  # noqa: F811
    hyper = {k: v for k, v in ADAM[0].items()}
    for ours, kind in ((o.nadam, "NAdam"), (o.radam, "RAdam")):
        def make(x, kind=kind):
            return getattr(torch.optim, kind)(x, **hyper, weight_decay=0.2, foreach=False,
                                              decoupled_weight_decay=True)

        agree(ours(**hyper).with_decay(0.2), torch_path(torch, make))


def test_averages_of_torch(torch):  # noqa: F811
    from torch.optim import swa_utils

    hyper = CASES["sgd"][3][0]
    for average, rule, start, every in (
            (o.ExponentialAverage(0.99), swa_utils.get_ema_multi_avg_fn(0.99), 0, 1),
            (o.TailAverage(300), swa_utils.get_swa_multi_avg_fn(), 300, 1),
            (o.TailAverage(200, 10), swa_utils.get_swa_multi_avg_fn(), 200, 10)):
        held = torch.nn.ParameterList([torch.nn.Parameter(torch.tensor(all_starts()))])
        mean = swa_utils.AveragedModel(held, multi_avg_fn=rule)
        if start == 0:
            mean.update_parameters(held)

        def after(k, x, held=held, mean=mean, start=start, every=every):
            with torch.no_grad():
                held[0].copy_(x)
            if k < start:
                return x.detach().numpy().copy()
            if (k - start) % every == 0:
                mean.update_parameters(held)
            return mean.module[0].detach().numpy().copy()

        path = torch_path(torch, lambda x: torch.optim.SGD(x, foreach=False, **hyper), after)
        agree(o.sgd(**hyper).with_average(average), path)

"""What is no hyper-parameter is refused in one sentence that names the argument."""

import inspect

import numpy as np
import pytest

import flowopt as fo

o = fo.optimizers
NAN, INF = float("nan"), float("inf")
#: no argument that is a number may be one of these
NO_NUMBER = [NAN, "a", [1.0, 2.0], 1 + 2j, np.array([1.0, 2.0]), {}, object()]
NO_FLAG = [NAN, 1, 0, "yes", None, [True]]
FLAGS = {"nesterov", "centered", "eps_inside", "bias_correction", "proximal", "restore"}
#: arguments that may be something else: their own refusals are in the tests of their subject
OTHERS = {"betas", "temperature", "cooling", "on", "milestones", "form", "clip", "variant",
          "convention", "start"}
MAKERS = [o.gradient_descent, o.sgd, o.heavy_ball, o.nesterov, o.signsgd, o.signum, o.lion,
          o.normalized_gd, o.polyak, o.newton, o.proximal_point, o.adagrad, o.rmsprop, o.adadelta,
          o.adam, o.adamw, o.amsgrad, o.adamax, o.nadam, o.radam, o.sgld, o.annealing,
          o.metropolis, o.schedules.exponential, o.schedules.constant, o.schedules.steps,
          o.schedules.cosine, o.schedules.warm_up, o.schedules.inverse_time, o.ExponentialAverage,
          o.TailAverage, o.Stall, o.EarlyStopping, o.adam().with_l1, o.adam().with_l2,
          o.adam().with_decay, o.adam().with_noise, o.adam().with_kicks, o.adam().with_step]
NEEDED = {"factor": 0.5, "milestones": [2, 4], "total": 5, "decay": 0.5, "weight": 0.5, "size": 1.0,
          "step": 0.1}


@pytest.mark.parametrize("make", MAKERS, ids=lambda f: f.__name__)
def test_every_argument_of(make):
    parameters = inspect.signature(make).parameters
    needed = {n: NEEDED[n] for n, p in parameters.items() if p.default is inspect.Parameter.empty}
    for name in set(parameters) - OTHERS:
        for bad in NO_FLAG if name in FLAGS else NO_NUMBER:
            with pytest.raises((TypeError, ValueError)) as error:
                make(**{**needed, name: bad})
            text = str(error.value)
            assert text.startswith(name) and "must be" in text and "\n" not in text, text


@pytest.mark.parametrize("make", MAKERS[:22], ids=lambda f: f.__name__)
def test_rates_and_decays(make):
    for name in inspect.signature(make).parameters:
        bads = {"lr": [0.0, -1.0, INF], "momentum": [1.0, -0.1], "alpha": [1.0, -0.1],
                "rho": [1.0, -0.1], "dampening": [1.0, -0.1], "eps": [-1e-9, INF],
                "weight_decay": [-1.0, INF], "betas": [0.9, (0.9,), (0.9, 1.0), (-0.1, 0.9),
                                                       (0.9, NAN), ("a", 0.9), None, (1, 2, 3)]}
        for bad in bads.get(name, []):
            with pytest.raises((TypeError, ValueError), match=rf"^{name}.* must be.* got"):
                make(**{name: bad})


STARTS = [([1.0, 2.0, 3.0], "x0 must have shape"), (NAN, "x0 must be finite"),
          (["a", "b"], "x0 must be real numbers"), ([[1.0, 2.0]], "x0 must have shape"),
          ([], "x0 must have shape"), (None, "x0 must be"),
          ([1.0, INF], "x0 must be finite")]


@pytest.mark.parametrize("x0, words", STARTS, ids=range(len(STARTS)))
@pytest.mark.parametrize("optimizer", [o.adam(), o.newton(), o.metropolis(),
                                       o.switch(o.adam(), o.sgd(), at=3)], ids=lambda p: p.name)
def test_starts(optimizer, x0, words):
    with pytest.raises((TypeError, ValueError), match=words):
        optimizer.run("x**2 + y**2", x0, steps=3)


def test_losses_and_steps():
    for loss in (None, 3.0, lambda x: x):
        for run in (o.adam().run, o.metropolis().run, o.adam().ensemble):
            with pytest.raises(TypeError, match="loss must be"):
                run(loss, [1.0])
    for steps in (0, -1, 1.5, "a", True):
        for optimizer in (o.adam(), o.metropolis(), o.switch(o.adam(), o.sgd(), at=3)):
            with pytest.raises((TypeError, ValueError), match="steps must be"):
                optimizer.run("x**2", [1.0], steps=steps)
            with pytest.raises((TypeError, ValueError), match="steps must be"):
                optimizer.ensemble("x**2", [[1.0]], steps=steps)
    for milestones in (3, "ab", None, [2.5], [3, 2], []):
        with pytest.raises((TypeError, ValueError), match="milestones"):
            o.schedules.steps(0.5, milestones)

"""Bad input of training problems: one sentence that says what it must be, and what it was."""

import numpy as np
import pytest

import flowopt as fo

X = np.arange(12.0).reshape(6, 2)
Y = np.arange(6.0)
C = np.array([0, 1, 2, 0, 1, 2])
L = fo.losses
ADAM = fo.optimizers.adam(lr=0.1)


def net(sizes=(2, 3, 1), *a, **options):
    return L.network(sizes, *a, **({"X": X, "y": Y} | options))


def bad(value):
    made = X.copy()
    made[3, 1] = value
    return made


def ensemble(**parameters):
    return ADAM.ensemble(net().batches(4, seed=0), np.zeros((3, 13)), 2, parameters=parameters)


CASES = {
    "seeds that are none": (lambda: ensemble(seed=[0, 1.5, 2]), TypeError,
                            r"parameters\['seed'\] must be an integer >= 0 .* got 1.5"),
    "seed too large, of many": (lambda: ensemble(seed=2.0**60), ValueError,
                                r"parameters\['seed'\] must be an integer"),
    "l2 below 0, of many": (lambda: ensemble(l2=[0.0, -1.0, 0.0]), ValueError,
                            r"parameters\['l2'\] must be >= 0"),
    "l1 that is no number, of many": (lambda: ensemble(l1=float("nan")), ValueError,
                                      r"parameters\['l1'\] must be >= 0"),
    "targets, none": (lambda: L.least_squares(X, None), ValueError, "y must have shape .6, 1."),
    "targets, one number": (lambda: L.least_squares(X, 1.0), ValueError, "y must have shape"),
    "bias": (lambda: L.least_squares(X, Y, bias="no"), TypeError, "bias must be True or False"),
    "half": (lambda: L.logistic(X, C > 0, half=0.5), TypeError, "half must be True or False"),
    "batch_norm": (lambda: net(batch_norm="no"), TypeError, "batch_norm must be True or False"),
    "seed of masks that keep all": (lambda: net(dropout=1.0, seed=3), ValueError,
                                    "seed has no effect without dropout"),
    "a step too far": (lambda: net().batches(4, seed=0).value(np.zeros(13), 2**62), ValueError,
                       "k must be at most 281474976710656, got 4611686018427387904"),
    "biases of a network without": (
        lambda: net((2, 1), bias=False).flatten([(np.ones((1, 2)), [5.0])]), ValueError,
        r"layers.0..1. must be 0, as the layers of network 2-1 have no biases, got \[5.0\]"),
    "batch larger than the data": (lambda: net().batches(7, seed=0), ValueError,
                                   "size must be at most the 6 samples of the data, got 7"),
    "batch of nothing": (lambda: net().batches(0, seed=0), ValueError, "size must be .* >= 1"),
    "batch seed": (lambda: net().batches(2, seed=-1), ValueError, "seed must be an integer >= 0"),
    "batch seed too large": (lambda: net().batches(2, seed=2**60), ValueError, "seed must be"),
    "batch of one, normalised": (lambda: net(batch_norm=True).batches(5, seed=0), ValueError,
                                 "size must leave no batch of one sample"),
    "shuffle": (lambda: net().batches(2, seed=0, shuffle="no"), TypeError, "shuffle must be True"),
    "label outside": (lambda: net((2, 3), loss="cross_entropy", y=C + 1), ValueError,
                      r"y must be in 0 … 2, one of 3 classes, got 3 at index 2"),
    "label below": (lambda: L.softmax_regression(X, C - 1), ValueError,
                    "labels must be >= 0, got -1 at index 0"),
    "label outside, softmax": (lambda: L.softmax_regression(X, C, classes=2), ValueError,
                               "one of 2 classes, got 2 at index 2"),
    "one class": (lambda: L.softmax_regression(X, C * 0), ValueError, "at least two classes"),
    "label of a half": (lambda: L.softmax_regression(X, C + 0.5), TypeError,
                        "labels must be integers, .* got 0.5 at index 0"),
    "labels ±1": (lambda: L.logistic(X, [1, -1, 1, -1, 1, 1]), ValueError,
                  "map -1 and 1 to 0 and 1"),
    "three labels for two": (lambda: L.logistic(X, C), ValueError, "got 2 at index 2"),
    "labels of another shape": (lambda: L.logistic(X, C[:5] % 2), ValueError,
                                r"labels must have shape \(6,\), a label for each sample"),
    "X not finite": (lambda: net(X=bad(np.nan)), ValueError,
                     r"X must be finite, got nan at index \(3, 1\)"),
    "y not finite": (lambda: net(y=Y + np.inf), ValueError, "y must be finite, got inf"),
    "labels not finite": (lambda: L.logistic(X, Y * np.nan), ValueError, "labels must be finite"),
    "X empty": (lambda: net(X=np.zeros((0, 2)), y=[]), ValueError,
                r"X must hold at least one sample, got an empty array of shape \(0, 2\)"),
    "X an empty list": (lambda: L.least_squares([], []), ValueError, "X must hold at least one"),
    "y empty": (lambda: net(y=[]), ValueError, "y must hold at least one sample"),
    "columns of X": (lambda: net((3, 4, 1)), ValueError,
                     r"X must have 3 columns, one for each input of the network, got shape \(6, 2\)"
                     ),
    "rows of y": (lambda: net(y=Y[:4]), ValueError, r"y must have shape \(6, 1\) or \(6,\)"),
    "columns of y": (lambda: net((2, 3, 2)), ValueError, r"y must have shape \(6, 2\), a row"),
    "rows of y, linear": (lambda: L.least_squares(X, Y[:4]), ValueError, "y must have shape"),
    "ragged X": (lambda: net(X=[[1.0], [1.0, 2.0]]), ValueError, "rows of different lengths"),
    "X of words": (lambda: net(X=np.full((6, 2), "a")), TypeError, "X must be real numbers"),
    "X complex": (lambda: net(X=X + 1j), TypeError, "X must be real numbers"),
    "y of words": (lambda: net(y=list("abcdef")), TypeError, "y must be real numbers"),
    "X of three axes": (lambda: net(X=X[None]), ValueError, r"X must have shape \(N, d\)"),
    "unknown activation": (lambda: net((2, 3, 1), "rellu"), ValueError,
                           "activation must be one of .* got 'rellu'; did you mean relu"),
    "unknown loss": (lambda: net(loss="mae"), ValueError, "loss must be one of 'mse'"),
    "sizes of one": (lambda: net((2,)), ValueError, "sizes must have at least two entries"),
    "sizes of zero": (lambda: net((2, 0, 1)), ValueError, r"sizes\[1\] must be an integer >= 1"),
    "sizes a number": (lambda: net(3), TypeError, "sizes must be a sequence"),
    "negative l2": (lambda: net(l2=-1.0), ValueError, "l2 must be a finite number >= 0"),
    "negative l2 later": (lambda: net().with_parameters(l2=-1.0), ValueError, "l2 must be"),
    "unknown parameter": (lambda: net().with_parameters(l3=1.0), ValueError, "l3"),
    "dropout": (lambda: net(dropout=0.0), ValueError, "dropout must be a finite number > 0"),
    "dropout above 1": (lambda: net(dropout=1.5), ValueError, r"dropout .* in \(0, 1\], got 1.5"),
    "dropout without effect": (lambda: net((2, 1), dropout=0.5), ValueError, "no effect"),
    "batch_norm without effect": (lambda: net((2, 1), batch_norm=True), ValueError, "no effect"),
    "batch_norm of one sample": (lambda: net(X=X[:1], y=Y[:1], batch_norm=True), ValueError,
                                 "at least 2 samples"),
    "seed without effect": (lambda: net(seed=3), ValueError, "seed has no effect without dropout"),
    "slope without effect": (lambda: net(negative_slope=0.1), ValueError, "no effect"),
    "k without effect": (lambda: net().grad(np.zeros(13), k=3), ValueError, "k has no effect"),
    "k": (lambda: net().batches(2, 0).grad(np.zeros(13), k=-1), ValueError, "k must be the number"),
    "x": (lambda: net().grad(np.zeros(4)), ValueError, r"x must have shape \(13,\) or \(batch, 13"),
    "v": (lambda: net().hvp(np.zeros(13), np.zeros(4)), ValueError, "v must have shape"),
    "x and v": (lambda: net().hvp(np.zeros((2, 13)), np.zeros((3, 13))), ValueError, "2 and 3"),
    "rule": (lambda: net().initial(0, "glorott"), ValueError, "did you mean .*glorot"),
    "initial seed": (lambda: net().initial(-1), ValueError, "seed must be an integer >= 0"),
    "accuracy of squares": (lambda: net().accuracy(np.zeros(13)), ValueError, "needs classes"),
    "X without labels": (lambda: L.logistic(X, C % 2).accuracy(np.zeros(3), X), ValueError,
                         "X and labels go together"),
    "columns to predict": (lambda: net().predict(np.zeros(13), np.zeros((4, 3))), ValueError,
                           "X must have 2 columns"),
    "many points to predict": (lambda: net().predict(np.zeros((2, 13))), ValueError, "one point"),
    "covariance, normalised": (lambda: net(batch_norm=True).gradient_covariance(np.zeros(19)),
                               ValueError, "depends on the other samples"),
    "epochs and steps": (lambda: ADAM.run(net(), np.zeros(13), 3, epochs=1), ValueError,
                         "steps and epochs say the same"),
    "epochs of a landscape": (lambda: ADAM.run("x**2", [1.0], epochs=1), ValueError,
                              "epochs needs a loss of data"),
    "epochs": (lambda: ADAM.run(net(), np.zeros(13), epochs=0), ValueError, "epochs must be"),
    "an adaptive method": (
        lambda: fo.integrate(fo.flows.GradientFlow().on(net().batches(2, 0)), np.zeros(13),
                             t=(0.0, 1.0)), ValueError, "an adaptive method has no steps of one"),
    "an adaptive method, dropout": (
        lambda: fo.integrate(fo.flows.GradientFlow().on(net(dropout=0.5)), np.zeros(13),
                             t=(0.0, 1.0), method=fo.DOP853(rtol=1e-6, atol=1e-6)), ValueError,
        "or the loss without batches and dropout"),
    "steps of their own": (
        lambda: fo.ensemble(fo.flows.GradientFlow().on(net().batches(2, 0)), np.zeros((2, 13)),
                            t=(0.0, 1.0), method=fo.Euler(h=0.1), h=[0.1, 0.2]), ValueError,
        "give all runs the same step"),
    "an expression of a network": (lambda: net().expr, ValueError, "has no expression"),
}


@pytest.mark.parametrize("name", CASES)
def test_refused(name):
    call, kind, message = CASES[name]
    with pytest.raises(kind, match=message) as caught:
        call()
    text = str(caught.value)
    assert "\n" not in text and len(text) < 400


def test_the_hessian_of_a_large_network_is_refused_with_its_size():
    loss = L.network([100, 60, 1], X=np.zeros((2, 100)), y=[0.0, 1.0])
    with pytest.raises(ValueError, match=r"would take 0.3 GB; use hvp"):
        loss.hess(np.zeros(loss.n))
    with pytest.raises(ValueError, match="use sample_gradients"):
        loss.gradient_covariance(np.zeros(loss.n))


def test_integers_and_single_precision_are_taken_as_they_are():
    x = np.linspace(0, 1, 9)
    one, two = L.least_squares(X, Y), L.least_squares(X.astype(int), Y.astype(np.float32))
    assert one.value(x[:3]) == two.value(x[:3])


def test_a_run_that_diverges_says_so():
    run = fo.optimizers.gradient_descent(lr=1e6).run(L.least_squares(X, Y), np.ones(3), steps=200)
    assert run.status is fo.Status.DIVERGED

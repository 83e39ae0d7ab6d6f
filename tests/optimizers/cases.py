"""Each optimizer that acts coordinate by coordinate, with three settings.

Name: how it is made, its NumPy twin, fixed options of the twin, and the settings. The settings are
such that nearby starts stay near each other for 1000 steps: where they do not (a step beyond the
limit of stability, signs that go to and fro), two roundings of one algorithm part. The twin of
the heavy ball is the form with a buffer: x − x⁻, of the published form, loses digits.
"""

from functools import partial

import flowopt as fo

o = fo.optimizers
ADAM = [dict(lr=1e-3, betas=(0.9, 0.999), eps=1e-8), dict(lr=5e-4, betas=(0.8, 0.99), eps=1e-3),
        dict(lr=2e-3, betas=(0.95, 0.9995), eps=1e-4)]
RMS = [dict(lr=3e-4, alpha=0.99, eps=1e-2), dict(lr=1e-4, alpha=0.95, eps=1e-2),
       dict(lr=2e-3, alpha=0.999, eps=1e-3)]


def _with(settings, **more):
    return [s | more for s in settings]


CASES = {
    "gradient_descent": (o.gradient_descent, "sgd_step", {},
                         [dict(lr=5e-4), dict(lr=1e-4), dict(lr=3e-4, weight_decay=0.1)]),
    "sgd": (o.sgd, "sgd_step", {},
            [dict(lr=5e-4, momentum=0.9), dict(lr=2e-4, momentum=0.5, dampening=0.3),
             dict(lr=2e-4, momentum=0.95, dampening=0.5, weight_decay=0.01)]),
    "sgd nesterov": (partial(o.sgd, nesterov=True), "sgd_step", {"nesterov": True},
                     [dict(lr=5e-4, momentum=0.9), dict(lr=2e-4, momentum=0.5),
                      dict(lr=1e-4, momentum=0.95, weight_decay=0.01)]),
    "heavy_ball": (o.heavy_ball, "sgd_step", {},
                   [dict(lr=2e-4, momentum=0.9), dict(lr=3e-4, momentum=0.5),
                    dict(lr=1e-5, momentum=0.99)]),
    "adagrad": (o.adagrad, "adagrad_step", {},
                [dict(lr=0.01), dict(lr=0.05, lr_decay=0.01, initial_accumulator_value=0.1),
                 dict(lr=0.1, weight_decay=0.01, eps=1e-6)]),
    "adagrad inside": (partial(o.adagrad, eps_inside=True), "adagrad_step", {"eps_inside": True},
                       [dict(lr=0.01, eps=1e-7, initial_accumulator_value=0.1),
                        dict(lr=0.05, eps=1e-4, initial_accumulator_value=0.01),
                        dict(lr=0.1, eps=1e-7, initial_accumulator_value=1.0)]),
    "rmsprop": (o.rmsprop, "rmsprop_step", {}, RMS[:2] + _with(RMS[2:], weight_decay=0.01)),
    "rmsprop inside": (partial(o.rmsprop, eps_inside=True), "rmsprop_step", {"eps_inside": True},
                       RMS[:2] + _with(RMS[2:], initial_scale=1.0)),
    "rmsprop momentum": (o.rmsprop, "rmsprop_step", {},
                         [s | dict(momentum=m, lr=s["lr"] / 5)
                          for s, m in zip(RMS, (0.9, 0.5, 0.8), strict=True)]),
    "rmsprop centered": (partial(o.rmsprop, centered=True), "rmsprop_step", {"centered": True},
                         _with(RMS, eps=0.5)),
    "rmsprop corrected": (partial(o.rmsprop, eps_inside=True, bias_correction=True),
                          "rmsprop_step",
                          {"eps_inside": True, "bias_correction": True}, RMS),
    "adadelta": (o.adadelta, "adadelta_step", {},
                 [dict(lr=1.0, rho=0.9, eps=1e-10), dict(lr=0.02, rho=0.95, eps=1e-8),
                  dict(lr=0.1, rho=0.99, eps=1e-8, weight_decay=0.01)]),
    "adam": (o.adam, "adam_step", {}, ADAM[:2] + _with(ADAM[2:], weight_decay=0.01)),
    "adam root": (o.adam, "adam_step", {}, _with(ADAM, eps_root=1e-6)),
    "adamw": (o.adamw, "adam_step", {"decoupled": True},
              [s | dict(weight_decay=w) for s, w in zip(ADAM, (0.01, 0.1, 1.0), strict=True)]),
    "amsgrad torch": (o.amsgrad, "adam_step", {"amsgrad": "torch"}, ADAM),
    "amsgrad optax": (partial(o.amsgrad, convention="optax"), "adam_step",
                      {"amsgrad": "optax"}, ADAM),
    "adamax": (o.adamax, "adamax_step", {}, ADAM[:2] + _with(ADAM[2:], weight_decay=0.01)),
    "nadam torch": (o.nadam, "nadam_step", {},
                    ADAM[:2] + _with(ADAM[2:], momentum_decay=0.01, weight_decay=0.01)),
    "nadam optax": (partial(o.nadam, convention="optax"), "adam_step",
                    {"nesterov": True}, ADAM),
    "radam torch": (o.radam, "radam_step", {}, ADAM[:2] + _with(ADAM[2:], weight_decay=0.01)),
    "radam optax": (partial(o.radam, convention="optax"), "radam_step",
                    {"convention": "optax"}, ADAM),
    "lion": (o.lion, "lion_step", {},
             [dict(lr=1e-4, betas=(0.9, 0.99)), dict(lr=3e-4, betas=(0.95, 0.98)),
              dict(lr=2e-4, betas=(0.8, 0.9), weight_decay=0.5)]),
    "signsgd": (o.signsgd, "signsgd_step", {}, [dict(lr=1e-4), dict(lr=3e-4), dict(lr=5e-4)]),
    "signum": (o.signum, "signum_step", {},
               [dict(lr=1e-4, momentum=0.9), dict(lr=3e-4, momentum=0.99),
                dict(lr=1e-4, momentum=0.5)]),
}

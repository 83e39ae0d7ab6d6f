"""Quick runs of the experiments for their tests: each is run once in a session."""

import functools
import io
import numbers

import numpy as np

from flowopt import experiment
from flowopt.plotting import style


@functools.cache
def quick(name):
    """The module of an experiment and the result of its quick configuration."""
    module = experiment.load(experiment.find(name))
    return module, module.run(module.Config(**module.QUICK))


def storable(value):
    """Whether a result holds nothing but what a store can keep: keys of text, numbers, arrays."""
    if isinstance(value, dict):
        return all(isinstance(k, str) and storable(v) for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return all(map(storable, value))
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "biuf"
    return value is None or isinstance(value, (str, bool, np.bool_, numbers.Real))


def check_shape(name):
    """The parts of an experiment that hold for all: storable, drawn, told, claims of four parts."""
    module, result = quick(name)
    assert storable(result)
    with style():
        for figure in module.figures(result).values():
            figure.savefig(io.BytesIO(), format="png", dpi=30)
    tables = module.table(result)
    for table in tables if isinstance(tables, list) else [tables]:
        assert table.rows and all(len(row) == len(table.columns) for row in table.rows)
        assert table.text
    claims = module.claims(result)
    assert claims
    for claim in claims:
        assert claim.text and claim.holds in (True, False, None)
    return result, {claim.text: claim for claim in claims}

"""The figure of a spectrum: what is drawn is what was measured."""

import numpy as np

import flowopt as fo
from flowopt.plotting import exponent_spectrum, style

LORENZ = fo.VectorField(["s*(y - x)", "x*(r - z) - y", "x*y - b*z"], ["x", "y", "z"],
                        parameters={"s": 10.0, "r": 28.0, "b": 8 / 3})


def test_the_cascade_of_gradient_descent(tmp_path):
    lr = [2.2, 3.1, 1.0, 2.95, 0.5]  # a 2-cycle, divergence, a multiplier of 0, chaos, a rest
    runs = [fo.lyapunov_exponents(fo.optimizers.gradient_descent(lr=v), [0.1],
                                  loss="x**2/2 - x**3/3", steps=3200) for v in lr]
    with style():
        figure = exponent_spectrum(lr, runs, parameter="learning rate", floor=-2.0,
                                   marks={"2-cycle": 2.0}, known={"log 2": ([0, 3], [0.69, 0.69])})
        figure.savefig(tmp_path / "a.png")
    above, below = figure.axes
    settled, chaotic = above.lines[0], above.lines[1]
    assert set(np.round(settled.get_xdata(), 9)) == {0.5, 1.0, 2.2}
    assert set(np.round(chaotic.get_xdata(), 9)) == {2.95}
    line = next(k for k in below.lines if len(k.get_xdata()) == 5)
    assert line.get_xdata().tolist() == sorted(lr)
    drawn = line.get_ydata()
    assert drawn[1] == -2.0 and np.isnan(drawn[-1])  # −∞ is cut off, divergence leaves a gap
    assert np.allclose(drawn[[0, 2, 3]], [runs[4].largest, runs[0].largest, runs[3].largest])
    assert len(above.patches) == 1  # the shaded end


def test_runs_side_by_side():
    r = np.array([0.5, 10.0])
    made = fo.lyapunov_exponents(LORENZ, [1.0, 1.0, 1.0], t=(0.0, 100.0), k=2,
                                 parameters={"r": r})
    figure = exponent_spectrum(r, made, coordinate=2, parameter="r", quantity="z", title="Lorenz")
    above, below = figure.axes
    assert np.isclose(above.lines[0].get_ydata()[-1], 9.0)  # z = r − 1 at the rest
    assert below.get_legend() is not None and not above.patches

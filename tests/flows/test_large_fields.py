"""Fields of many coordinates: their names are made one by one, and nothing takes n² numbers."""

import numpy as np
import pytest

import flowopt as fo

N = 30_000


def bowl(x, g):
    g[:] = x
    return float(x @ x) / 2


def test_names_are_those_of_a_small_field():
    large = fo.flows.HeavyBall().on(fo.Loss.from_kernel(bowl, N))
    assert len(large.names) == 2 * N == large.m
    assert large.names[0] == "x1" and large.names[-1] == f"v_x{N}"
    assert large.names[N - 1:N + 1] == (f"x{N}", "v_x1")
    assert "v_x7" in large.names and "v_x07" not in large.names and f"x{N + 1}" not in large.names
    assert large.time_name == "t"
    small = fo.flows.HeavyBall().on(fo.Loss.from_kernel(bowl, 2))
    assert small.names == ("x1", "x2", "v_x1", "v_x2")


@pytest.mark.parametrize("n", [3, N])
@pytest.mark.parametrize("name", ["x3", "v_x2"])
def test_a_parameter_with_the_name_of_a_coordinate_is_refused(n, name):
    flow = fo.Flow({"theta": "v", "v": f"-g - {name}*v"}, parameters={name: 1.0})
    with pytest.raises(ValueError, match=f"same name.*{name}.*rename"):
        flow.on(fo.Loss.from_kernel(bowl, n))


def test_a_run_is_saved_and_loaded(tmp_path):
    run = fo.optimizers.heavy_ball(lr=0.1).run(fo.Loss.from_kernel(bowl, N), np.ones(N), steps=2)
    run.save(tmp_path / "run.npz")
    back = fo.load(tmp_path / "run.npz")
    assert (back.x == run.x).all() and back.names[-1] == f"v_x{N}"

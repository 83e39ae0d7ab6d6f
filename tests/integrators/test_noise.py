"""Euler–Maruyama: the generator's known answers, exact stationary variance, orders, seeds."""

import math

import numpy as np
import pytest
import scipy.stats

import flowopt as fo

OU = fo.flows.GradientFlow().on(fo.Loss("mu*x**2/2", parameters={"mu": 1.0}))
STILL = fo.VectorField(["0", "0", "0"], ["x", "y", "z"])


def philox(counter, key):
    """Philox4x32-10 in plain Python (Salmon et al. 2011)."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = ((p1 >> 32) ^ c1 ^ k0, p1 & 0xFFFFFFFF, (p0 >> 32) ^ c3 ^ k1,
                          p0 & 0xFFFFFFFF)
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return c0, c1, c2, c3


@pytest.mark.parametrize(("counter", "key", "answer"), [
    ((0,) * 4, (0,) * 2, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    ((0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0),
     (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)),
])
def test_twin_gives_the_published_answers(counter, key, answer):
    assert philox(counter, key) == answer


def normals(pair, step, lane, seed):
    c0, c1, c2, c3 = philox((pair, step & 0xFFFFFFFF, lane, step >> 32),
                            (seed & 0xFFFFFFFF, seed >> 32))
    u = (((c0 << 32 | c1) >> 11) + 0.5) * 2.0**-53
    v = (((c2 << 32 | c3) >> 11) + 0.5) * 2.0**-53
    radius = math.sqrt(-2 * math.log(u))
    return radius * math.cos(2 * math.pi * v), radius * math.sin(2 * math.pi * v)


def test_compiled_noise_is_the_twin():
    seed, T, h = 2**40 + 12345, 0.7, 0.125
    ens = fo.ensemble(STILL, np.zeros((70, 3)), (0.0, 1.0), seed=seed,
                      method=fo.EulerMaruyama(h=h, temperature=T))
    for lane in (0, 1, 63, 64, 69):
        total = np.zeros(3)
        for step in range(8):
            total += [*normals(0, step, lane, seed), normals(1, step, lane, seed)[0]]
        assert np.allclose(ens.x[lane], math.sqrt(2 * T * h) * total, rtol=1e-12, atol=1e-14)


def test_seeds_and_threads():
    method = fo.EulerMaruyama(h=0.1, temperature=1.0)
    starts = np.zeros((300, 1))
    a = fo.ensemble(OU, starts, (0.0, 2.0), method, seed=7, threads=1)
    b = fo.ensemble(OU, starts, (0.0, 2.0), method, seed=7, threads=2)
    c = fo.ensemble(OU, starts, (0.0, 2.0), method, seed=8)
    few = fo.ensemble(OU, starts[:5], (0.0, 2.0), method, seed=7)
    drawn = fo.ensemble(OU, starts, (0.0, 2.0), method)
    again = fo.ensemble(OU, starts, (0.0, 2.0), method, seed=drawn.seed)
    assert np.array_equal(a.x, b.x) and np.array_equal(a.x[:5], few.x)
    assert not np.array_equal(a.x, c.x) and len(np.unique(a.x)) == 300
    assert np.array_equal(drawn.x, again.x)


def test_stationary_variance():
    """The variance of the map is T/(μ(1 − hμ/2)) exactly (not T/μ)."""
    T, mu, h, count = 0.4, 2.0, 0.25, 20_000
    field = fo.flows.GradientFlow().on(fo.Loss("mu*x**2/2", parameters={"mu": mu}))
    ens = fo.ensemble(field, np.zeros((count, 1)), (0.0, 50.0), seed=11,
                      method=fo.EulerMaruyama(h=h, temperature=T))
    exact = T / (mu * (1 - h * mu / 2))
    low, high = scipy.stats.chi2.ppf([5e-5, 1 - 5e-5], count) / count * exact
    assert low < np.mean(ens.x**2) < high
    assert not low < T / mu < high  # the test can tell the two apart
    assert scipy.stats.kstest(ens.x[:, 0] / math.sqrt(exact), "norm").pvalue > 1e-4


def test_mean_decays_like_the_map():
    ens = fo.ensemble(OU, np.full((20_000, 1), 3.0), (0.0, 1.0), seed=2,
                      method=fo.EulerMaruyama(h=0.1, temperature=0.2))
    error = ens.x.std() / math.sqrt(len(ens))
    assert abs(ens.x.mean() - 3.0 * 0.9**10) < 4 * error


def test_no_noise_is_euler():
    a = fo.ensemble(OU, [[1.0], [2.0]], (0.0, 1.0), fo.EulerMaruyama(h=0.01), seed=1)
    b = fo.ensemble(OU, [[1.0], [2.0]], (0.0, 1.0), fo.Euler(h=0.01))
    assert np.allclose(a.x, b.x, rtol=1e-14)


def test_noise_acts_on_theta_only():
    field = fo.flows.HeavyBall(gamma=0.0).on(fo.Loss("0*x"))
    ens = fo.ensemble(field, np.zeros((4, 1)), (0.0, 1.0), seed=1,
                      method=fo.EulerMaruyama(h=0.1, temperature=1.0))
    assert (ens.y[:, 1] == 0).all() and (ens.y[:, 0] != 0).all()


@pytest.mark.parametrize("bad", [{"temperature": -1.0}, {"temperature": math.nan}, {"h": 0.0}])
def test_refusals(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        fo.EulerMaruyama(**({"h": 0.1, "temperature": 1.0} | bad))

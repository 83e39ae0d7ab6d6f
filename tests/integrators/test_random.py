"""The random numbers: published answers, accuracy, the normal law, independence of their places."""

import math

import mpmath
import numpy as np
import pytest
import reference
import scipy.stats

from flowopt import _native
from flowopt._compiler import compiled
from flowopt.integrators.kernels import philox

KEPT = []
FULL = 0xFFFFFFFF


def machine_code(function, kinds):
    unit = _native.resident({}, {"f": compiled(function, {"W": 64}, vectorise=True)})
    KEPT.append(unit)
    return _native.Function(unit.addresses["f"], kinds)


WORDS = machine_code(philox.words, "piiiiiiiii")
NORMALS = machine_code(philox.normals, "pppi")


def words(count, c0=0, down=0, pair=0, along=0, c2=0, across=0, seed=0):
    out = np.zeros((4, count), dtype=np.int64)
    WORDS(out, count, c0, down, pair, along, c2, across, seed & FULL, seed >> 32)
    return out


def normals(word):
    word = np.ascontiguousarray(word, dtype=np.int64)
    even, odd = np.zeros(word.shape[1]), np.zeros(word.shape[1])
    NORMALS(even, odd, word, word.shape[1])
    return even, odd


@pytest.mark.parametrize(("counter", "key", "answer"), [
    ((0,) * 4, (0,) * 2, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((FULL,) * 4, (FULL,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    ((0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0),
     (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)),
])
def test_known_answers(counter, key, answer):
    """The known answers of Random123, by the twin and by the compiled code, in every lane."""
    assert reference.philox(counter, key) == answer
    pair = counter[1] | counter[3] << 32
    out = np.zeros((4, 37), dtype=np.int64)
    WORDS(out, 37, counter[0], 0, pair - (pair >> 63 << 64), 0, counter[2], 0, *key)
    assert (out == np.array(answer)[:, None]).all()


@pytest.mark.parametrize("moves", ["down", "along", "across"])
def test_each_counter_that_moves(moves):
    place = {"c0": 7 + 2**31, "pair": 2**32 - 20, "c2": 2**32 - 50}
    got = words(40, **place, **{moves: 1}, seed=2**62 + 99)
    for q in (0, 1, 19, 20, 39):
        c0, pair, c2 = (place["c0"] + q * (moves == "down"), place["pair"] + q * (moves == "along"),
                        place["c2"] + q * (moves == "across"))
        want = reference.philox((c0, pair & FULL, c2, pair >> 32), (99, 2**30))
        assert tuple(got[:, q]) == want


def test_normals_are_exact():
    """To 1e-15 of their own size against 40 digits, at random places and at the edges."""
    rng = np.random.default_rng(1)
    word = rng.integers(0, 2**32, (4, 3000))
    word[:2, :9] = [[0, 0, FULL, FULL, 2**31, 2**31 - 1, 0xB504F333, 0xB504F334, 1],
                    [0, 4096, FULL, FULL - 4096, 0, FULL, 0xF9DE6484, 0, 0]]
    word[2:, 9:20] = [[0, 2**29, 2**29 - 1, 2**30 - 1, 2**30, 3 * 2**29, 2**31, FULL, 5 * 2**29,
                       7 * 2**29, 7 * 2**29 - 1],
                      [0, 0, FULL, FULL, 0, 0, FULL, FULL, 1024, 0, FULL]]
    even, odd = normals(word)
    with mpmath.workdps(40):
        for column, a, b in zip(word.T.tolist(), even, odd, strict=True):
            u, quarter, f = reference.polar(column, mpmath.mpf)
            radius, angle = mpmath.sqrt(-2 * mpmath.log(u)), mpmath.pi / 2 * (quarter + f)
            for got, want in ((a, radius * mpmath.cos(angle)), (b, radius * mpmath.sin(angle))):
                assert abs(got / want - 1) < 1e-15
    assert max(abs(even).max(), abs(odd).max()) < 8.58 and (even != 0).all()


def test_normals_in_python_and_in_any_company():
    """The functions run as Python, and a number does not depend on how many are made with it."""
    word = np.random.default_rng(2).integers(0, 2**32, (4, 70))
    even, odd = normals(word)
    for count in (1, 3, 8, 69):
        a, b = normals(word[:, :count])
        assert (a == even[:count]).all() and (b == odd[:count]).all()
    a, b = np.zeros(70), np.zeros(70)
    philox.normals(a, b, word.ravel(), 70)
    assert abs(a / even - 1).max() < 1e-14 and abs(b / odd - 1).max() < 1e-14
    out = np.zeros(4 * 5, dtype=np.int64)
    philox.words(out, 5, 1, 0, 2**33 - 2, 1, 9, 0, 17, 4)
    same = words(5, c0=1, pair=2**33 - 2, along=1, c2=9, seed=17 + 2**34)
    assert (out.reshape(4, 5) == same).all()


COUNT = 2_000_000


@pytest.fixture(scope="module")
def sample():
    even, odd = normals(words(COUNT, pair=12345, along=1, c2=3, seed=2024))
    return np.stack([even, odd])


def test_moments(sample):
    """Moments 1 to 6 lie within 4.5 standard errors of 0, 1, 0, 3, 0, 15."""
    for row in sample:
        for k in range(1, 7):
            exact = math.prod(range(1, k, 2)) if k % 2 == 0 else 0
            error = math.sqrt((math.prod(range(1, 2 * k, 2)) - exact**2) / COUNT)
            assert abs(np.mean(row**k) - exact) < 4.5 * error, k


def test_the_normal_law(sample):
    for row in sample:
        assert scipy.stats.kstest(row, "norm").pvalue > 1e-4
    radius, angle = (sample**2).sum(axis=0) / 2, np.arctan2(*sample)
    assert scipy.stats.kstest(radius, "expon").pvalue > 1e-4
    assert scipy.stats.kstest(angle / (2 * math.pi) + 0.5, "uniform").pvalue > 1e-4


@pytest.mark.parametrize("beyond", [3.0, 4.0, 4.8])
def test_tails(sample, beyond):
    """As many numbers beyond 3, 4 and 4.8 on either side as a Poisson law allows."""
    mean = sample.size * scipy.stats.norm.sf(beyond)
    for found in ((sample > beyond).sum(), (sample < -beyond).sum()):
        assert scipy.stats.poisson.cdf(found, mean) > 1e-5
        assert scipy.stats.poisson.sf(found - 1, mean) > 1e-5


def test_places_are_independent():
    """Numbers of neighbouring lanes, steps, coordinates, streams and seeds do not go together."""
    count = 200_000
    here = {"c0": 5, "pair": 1000, "c2": 77, "seed": 4242}
    for moves in ("down", "along", "across"):
        rows = list(normals(words(count, **here, **{moves: 1})))
        moved = [{"c0": 6}, {"c0": 5 + 2**31}, {"c0": 4}, {"pair": 1001}, {"pair": 1000 + 2**32},
                 {"c2": 78}, {"c2": 77 + 2**20}, {"seed": 4243}, {"seed": 4242 + 2**32}]
        own = {"down": "c0", "along": "pair", "across": "c2"}[moves]
        for other in moved:
            if own not in other or abs(other[own] - here[own]) > count:
                rows += normals(words(count, **(here | other), **{moves: 1}))
        rows += [row[np.r_[1:count, 0]] for row in rows[:2]]  # the neighbour in the moving counter
        rows = np.array(rows)
        for power in (1, 2):
            values = rows**power - (power == 2)
            values /= values.std(axis=1, keepdims=True)
            links = np.triu(values @ values.T / count, 1)
            assert abs(links).max() < 5.2 / math.sqrt(count), (moves, power)
        assert len(np.unique(rows[:-2])) == rows[:-2].size

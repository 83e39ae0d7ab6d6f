"""The door to compiled code: the disk cache is never stale, survives damage, and starts quickly."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
START = """
import json, sys
import flowopt as fo
field = fo.flows.GradientFlow().on(fo.Loss("x*(x-1)*(x-3)**2 + 1.62276"))
"""
ADAPTIVE = """
x = fo.integrate(field, [4.0], t=(0.0, 25.0), method=fo.Tsit5(rtol=1e-9, atol=1e-9)).x[-1, 0]
"""
FIELD = """
x = field(0.0, [4.0])[0]
"""
REPORT = """
heavy = [m for m in ("sympy", "numba", "scipy", "matplotlib", "mpmath") if m in sys.modules]
euler = fo.integrate(field, [4.0], t=(0.0, 1.0), method=fo.Euler(h=0.01))
print(json.dumps({"x": float(x).hex(), "euler": float(euler.x[-1, 0]), "heavy": heavy,
                  "compiled": "flowopt._compiler" in sys.modules}))
"""
RUN = START + ADAPTIVE + REPORT
SMALL = START + FIELD + REPORT  # the adaptive stepper takes long to compile


def answer(cache, package=ROOT, code=RUN):
    environment = {**os.environ, "FLOWOPT_CACHE_DIR": str(cache), "PYTHONPATH": str(package)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, cwd=cache.parent,
                          capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def warm(tmp_path_factory):
    """A cache that holds what RUN needs, and the answer of the cold run."""
    cache = tmp_path_factory.mktemp("native") / "cache"
    cache.mkdir()
    return cache, answer(cache)


def test_a_warm_start_needs_neither_sympy_nor_numba(warm):
    cache, cold = warm
    again = answer(cache)
    assert cold["compiled"] and again["heavy"] == [] and not again["compiled"]
    assert again["x"] == cold["x"] and again["euler"] == cold["euler"]


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The same for SMALL."""
    cache = tmp_path_factory.mktemp("small") / "cache"
    cache.mkdir()
    return cache, answer(cache, code=SMALL)


@pytest.mark.parametrize("damage", ["truncate", "flip", "empty", "foreign"])
def test_damaged_files_are_recompiled(small, tmp_path, damage):
    cache = tmp_path / "cache"
    shutil.copytree(small[0], cache)
    units = list(cache.rglob("*.unit"))
    assert len(units) >= 2
    for path in units:
        data = bytearray(path.read_bytes())
        if damage == "truncate":
            data = data[: len(data) // 2]
        elif damage == "flip":
            data[len(data) // 2] ^= 0xFF
        elif damage == "empty":
            data = bytearray()
        else:
            data = bytearray(b"not a unit at all")
        path.write_bytes(bytes(data))
    done = answer(cache, code=SMALL)
    assert done["compiled"]
    assert (done["x"], done["euler"]) == (small[1]["x"], small[1]["euler"])
    mended = answer(cache, code=SMALL)
    assert mended == {**small[1], "compiled": False, "heavy": []}


def test_an_edited_kernel_gives_the_new_number(small, tmp_path):
    """The cache file's name holds a hash of the sources, so an old one is never found."""
    package = tmp_path / "edited"
    shutil.copytree(ROOT / "flowopt", package / "flowopt")
    cache = tmp_path / "cache"
    shutil.copytree(small[0], cache)
    assert answer(cache, package, SMALL)["euler"] == small[1]["euler"]
    fixed = package / "flowopt" / "integrators" / "kernels" / "fixed.py"
    text = fixed.read_text(encoding="utf-8")
    old = "fill(length, h)\n"
    assert old in text
    fixed.write_text(text.replace(old, "fill(length, 0.5 * h)\n"), encoding="utf-8")
    edited = answer(cache, package, SMALL)
    assert edited["euler"] != small[1]["euler"] and edited["x"] == small[1]["x"]


def test_an_edited_printer_gives_the_new_number(small, tmp_path):
    package = tmp_path / "edited"
    shutil.copytree(ROOT / "flowopt", package / "flowopt")
    source = package / "flowopt" / "symbolic" / "source.py"
    text = source.read_text(encoding="utf-8")
    assert "value = expr.p / expr.q" in text
    source.write_text(text.replace("value = expr.p / expr.q", "value = 1.5 * expr.p / expr.q"),
                      encoding="utf-8")
    assert answer(small[0], package, SMALL)["x"] != small[1]["x"]


@pytest.mark.skipif(os.name != "posix", reason="a path that cannot be written is made with /dev")
def test_a_cache_that_cannot_be_written(small, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("a file, not a folder")
    done = subprocess.run(
        [sys.executable, "-c", SMALL], capture_output=True, text=True, timeout=300,
        env={**os.environ, "FLOWOPT_CACHE_DIR": str(blocked), "PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["euler"] == small[1]["euler"]
    assert blocked.read_text() == "a file, not a folder"


def test_no_partial_files(warm):
    assert not [p for p in warm[0].rglob("*") if p.is_file() and p.suffix != ".unit"]


def test_import_is_light():
    code = ("import sys, json, flowopt; print(json.dumps([m for m in "
            "('sympy','numba','scipy','matplotlib','llvmlite','typer','tqdm') "
            "if m in sys.modules]))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=60)
    assert json.loads(done.stdout) == []


def test_second_call_and_new_parameters_do_not_compile(monkeypatch):
    import flowopt as fo
    from flowopt.symbolic import source

    loss = fo.Loss("a*x**4 + y**2 + x*y", parameters={"a": 1.0})
    field = fo.flows.LossNormalizedFlow(M=10.0).on(loss)
    fo.integrate(field, [1.0, 2.0], (0.0, 1.0), fo.RK4(h=0.1))
    fo.integrate(field, [1.0, 2.0], (0.0, 1.0))

    def refuse(*_, **__):
        raise AssertionError("something was compiled again")

    monkeypatch.setattr(source, "compile_kernel", refuse)
    again = fo.flows.LossNormalizedFlow(M=20.0).on(
        fo.Loss("a*x**4 + y**2 + x*y", parameters={"a": 3.0}))
    for one in (field, field.with_parameters(a=2.0, M=5.0), again):
        fo.integrate(one, [1.0, 2.0], (0.0, 1.0), fo.RK4(h=0.1))
        fo.integrate(one, [1.0, 2.0], (0.0, 1.0))

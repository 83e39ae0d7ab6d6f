"""The floors: a file imports from its own floor or below; and a few rules that hold everywhere."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "flowopt"
FILES = sorted(p for p in PACKAGE.rglob("*.py"))
#: the numeric floor: what is compiled
KERNELS = [p for p in FILES if "kernels" in p.parts]
#: floor of each part of the package (the numeric kernels stand below everything symbolic)
FLOORS = {"_check": 0, "_blas": 0, "_native": 0, "_language": 0, "_lowering": 0, "_compiler": 0,
          "_pointers": 0, "_evaluate": 0, "_elementary": 0, "_philox": 0, "_adapters": 1,
          "symbolic": 1, "losses": 2, "flows": 2, "integrators": 3, "optimizers": 4,
          "stability": 5, "comparison": 6, "experiment": 7, "cli": 8, "reporting": 6,
          "estimates": 6, "options": 6, "plotting": 6, "portraits": 6, "results": 6,
          "provenance": 6, "deadline": 6, "keeping": 7, "analysis": 7, "cli_stability": 8,
          "quoting": 6, "asking": 6, "paper": 8, "gallery": 8}


def part(path):
    inside = path.relative_to(PACKAGE).parts
    return inside[0].removesuffix(".py")


def imports(path):
    """Every import of flowopt in a file, those inside functions included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.split(".")[0] == "flowopt")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "flowopt":
            assert node.level == 0
            if node.module == "flowopt":
                yield from (f"flowopt.{a.name}" for a in node.names)
            else:
                yield node.module


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_floors(path):
    if path == PACKAGE / "__init__.py":
        return
    mine = FLOORS[part(path)]
    for name in imports(path):
        other = name.split(".")[1] if "." in name else None
        if other in (None, "__version__"):
            continue
        assert other in FLOORS, f"{name} stands on no floor"
        assert FLOORS[other] <= mine, f"{path.name} (floor {mine}) imports {name}"


def test_kernels_know_only_numbers():
    """The numeric floor has no classes, and imports nothing of ours but the doors."""
    for path in KERNELS:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert not [n for n in ast.walk(tree) if isinstance(n, ast.ClassDef)], path.name
        for name in imports(path):
            assert name.removeprefix("flowopt.") in (
                "_native", "_pointers", "_language", "_compiler", "_elementary",
                "_philox") or ".kernels" in name


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_rules(path):
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"fastmath\s*=\s*True", text)
    calls = [n.func.id for n in ast.walk(ast.parse(text))
             if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)]
    assert "eval" not in calls
    # the only code that is executed is a kernel's source, which we print ourselves
    assert calls.count("exec") == (1 if path == PACKAGE / "symbolic" / "source.py" else 0)
    assert not re.search(r"(?<![\w.])/(work|root|home)/\w", text)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_heavy_imports_are_inside_functions(path):
    """Importing flowopt and running a compiled kernel need neither sympy nor numba."""
    if {"kernels", "stability"} & set(path.parts) or path.name in (
            "_pointers.py", "newton.py", "regimes.py", "system.py", "figures.py", "style.py"):
        return
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        names = []
        if isinstance(node, ast.Import):
            names = [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        heavy = {"sympy", "numba", "scipy", "matplotlib"}
        assert not heavy & {n.split(".")[0] for n in names}, path.name


def test_losses_know_no_flows():
    """The two folders of one floor point one way: a flow is put on a loss."""
    for path in (PACKAGE / "losses").glob("*.py"):
        assert not [name for name in imports(path) if name.startswith("flowopt.flows")], path.name


def behind_a_check():
    """What of flowopt the checkers import, themselves or through others: (file, name)."""
    stability = PACKAGE / "stability"
    waiting, seen = sorted((stability / "checks").glob("*.py")), set()
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        for name in imports(path):
            yield path, name
            if name.startswith("flowopt.stability."):
                inside = ROOT.joinpath(*name.split("."))
                waiting += [p for p in (inside.with_suffix(".py"), inside / "__init__.py")
                            if p.is_file()]


def test_a_checker_knows_nothing_of_the_search():
    """A certificate is read by code that did not find it: by checkers and exact arithmetic."""
    stability = PACKAGE / "stability"
    searching = {p.name for p in stability.iterdir() if p.is_dir()} - {"checks", "__pycache__"}
    assert {"rest", "rational", "abstract_loss", "steps", "iterations", "backward", "growth",
            "algebra"} <= searching
    found = list(behind_a_check())
    assert len({path for path, _ in found}) > 40
    for path, name in found:
        where = f"{path.relative_to(PACKAGE)} imports {name}"
        assert name not in ("flowopt", "flowopt.stability"), f"{where}, and with it the search"
        if name.startswith("flowopt.stability."):
            assert name.split(".")[2] not in searching | {"proving", "verdict"}, where
    for path in {path for path, _ in found}:
        assert "importlib" not in path.read_text(encoding="utf-8"), path.name


def compiled_functions():
    """The functions of the kernels that are compiled: all but the builders around them."""
    for path in KERNELS:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.name != "build" and not any(
                    isinstance(inner, ast.FunctionDef) for inner in ast.walk(node)
                    if inner is not node):
                yield path, node


def test_compiled_functions_hold_no_strings_and_no_keywords():
    found = list(compiled_functions())
    assert len(found) > 8
    for path, function in found:
        where = f"{path.name}: {function.name}"
        body = function.body[1:] if ast.get_docstring(function) else function.body
        nodes = [node for statement in body for node in ast.walk(statement)]
        assert not [n for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)
                    ], where
        assert not [n for n in nodes if isinstance(n, ast.Call) and n.keywords], where
        assert not function.args.defaults and not function.args.kwonlyargs, where

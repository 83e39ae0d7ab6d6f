"""The reference judges the fast code, so it must not know it; it is judged in ``twins``."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TWINS = [HERE / "reference.py", *sorted(HERE.glob("twins_*.py"))]


@pytest.mark.parametrize("path", TWINS, ids=lambda path: path.stem)
def test_reference_is_independent(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").split(".")[0])
    found -= {twin.stem for twin in TWINS}
    assert found <= {"__future__", "collections", "functools", "mpmath", "numpy", "scipy"}

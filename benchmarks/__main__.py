"""Command line: ``python -m benchmarks [row ...] [--rounds 7] [--quick] [--json out.json]``."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import pkgutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

import benchmarks
from benchmarks.machine import describe, python_path
from benchmarks.report import table, write_json


def rows() -> dict[str, ModuleType]:
    """Return every row: a module of this package with NAME, QUESTION and run."""
    found = {}
    for info in pkgutil.iter_modules(benchmarks.__path__):
        if info.name != "__main__":
            module = importlib.import_module(f"benchmarks.{info.name}")
            if hasattr(module, "NAME") and hasattr(module, "run"):
                found[module.NAME] = module
    return found


def run_here(module: ModuleType, rounds: int, quick: bool) -> dict[str, Any]:
    """Run one row in this process and print its table."""
    scale = " (quick: smaller work, the ratios are not to be quoted)" if quick else ""
    print(f"\n{module.NAME}: {module.QUESTION}{scale}", flush=True)
    results = module.run(rounds, quick)
    print(table(results))
    for target in getattr(module, "TARGETS", ()):
        print(f"target: {target}")
    return {"name": module.NAME, "question": module.QUESTION,
            "targets": list(getattr(module, "TARGETS", ())), "results": results}


def run_apart(name: str, rounds: int, quick: bool) -> dict[str, Any]:
    """Run one row in a process of its own with empty compile caches.

    So the compile column is a cold one, and no row warms up code, threads or memory for another.
    """
    with tempfile.TemporaryDirectory(prefix="flowopt-bench-") as folder:
        out = Path(folder) / "row.json"
        environment = os.environ | {
            "FLOWOPT_CACHE_DIR": str(Path(folder) / "flowopt"),
            "XDG_CACHE_HOME": str(Path(folder) / "xdg"),  # heyoka keeps its disk cache here
            "PYTHONPATH": python_path(),
        }
        command = [sys.executable, "-m", "benchmarks", name, "--here", "--rounds", str(rounds),
                   "--json", str(out), *(["--quick"] if quick else [])]
        code = subprocess.run(command, env=environment, check=False).returncode
        if code or not out.exists():
            print(f"{name}: ended with exit code {code}", file=sys.stderr)
            return {"name": name, "results": [], "exit_code": code}
        return json.loads(out.read_text())["rows"][0]


def main(argv: list[str] | None = None) -> int:
    """Run the chosen rows and print one table for each."""
    known = rows()
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("row", nargs="*", help=f"any of: {', '.join(known)} (default: all)")
    parser.add_argument("--rounds", type=int, default=7, help="alternating rounds (default 7)")
    parser.add_argument("--quick", action="store_true", help="smaller work: shows that all runs")
    parser.add_argument("--json", metavar="FILE", help="also write everything to this file")
    parser.add_argument("--here", action="store_true", help="in this process, with its caches")
    parser.add_argument("--list", action="store_true", help="name the rows and stop")
    args = parser.parse_args(argv)
    if args.rounds < 1:
        parser.error(f"--rounds must be at least 1, not {args.rounds}")
    unknown = [name for name in args.row if name not in known]
    if unknown:
        parser.error(f"no row {', '.join(unknown)}; the rows are {', '.join(known)}")
    if args.list:
        for name, module in known.items():
            print(f"{name:14s} {module.QUESTION}")
        return 0
    machine = describe()
    if not args.here:
        print(f"{machine['cpu']}, {machine['cores']} cores, load {machine['load_1min']}")
        print(", ".join(f"{name} {v}" for name, v in machine["versions"].items()))
    done = [run_here(known[name], args.rounds, args.quick) if args.here
            else run_apart(name, args.rounds, args.quick) for name in args.row or known]
    if args.json:
        write_json(args.json, {"machine": machine, "rounds": args.rounds, "quick": args.quick,
                               "rows": done})
    return 0


if __name__ == "__main__":
    sys.exit(main())

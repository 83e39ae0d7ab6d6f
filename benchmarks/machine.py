"""The machine, the versions, and which peers are installed."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent

#: How to get a peer; one that is missing is a line of the table that says so.
INSTALL = {
    "flowopt": "pip install -e . in this repository",
    "numbalsoda": "pip install numbalsoda (built from source: needs cmake, C++ and Fortran)",
    "heyoka": "pip install heyoka",
    "diffrax": "pip install diffrax (brings jax)",
    "cc": "a C compiler (cc, or the one named by CC)",
}
PACKAGES = (
    "flowopt-dynamics", "numpy", "scipy", "sympy", "numba", "llvmlite",
    "numbalsoda", "heyoka", "diffrax", "jax", "optax", "torch",
)


def missing(needs: tuple[str, ...]) -> str:
    """Return a sentence about the first need that is not installed, or an empty string."""
    for need in needs:
        found = compiler() if need == "cc" else importlib.util.find_spec(need)
        if found is None:
            return f"not installed: {INSTALL.get(need, 'pip install ' + need)}"
    return ""


def compiler() -> str | None:
    """Return the path of the C compiler, or None."""
    return shutil.which(os.environ.get("CC", "cc"))


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def python_path() -> str:
    """Return the PYTHONPATH of a child process: this repository before all else."""
    return os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))


def describe() -> dict[str, Any]:
    """Return the machine, the load on it now, the versions and the commit."""
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not installed"
    cc = compiler()
    versions["cc"] = _first_line([cc, "--version"]) if cc else "not installed"
    return {
        "cpu": _cpu_model(),
        "cores": cores(),
        "system": f"{platform.system()} {platform.machine()}",
        "load_1min": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "versions": versions,
        "commit": _first_line(["git", "-C", str(ROOT), "rev-parse", "HEAD"]),
        "dirty": bool(_first_line(["git", "-C", str(ROOT), "status", "--porcelain"])),
    }


def _cpu_model() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"


def _first_line(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.splitlines()[0] if done.returncode == 0 and done.stdout else ""

"""Where numbers come from: the versions, the commit, the command and the machine of a run."""

from __future__ import annotations

import hashlib
import os
import platform
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

#: the folder that holds the package: a clone, or site-packages
ROOT = Path(__file__).resolve().parent.parent
#: libraries of which the version is recorded when an experiment has loaded them, with their module
PEERS = {"scikit-learn": "sklearn", "torch": "torch", "jax": "jax", "optax": "optax"}


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True,
                              timeout=20, check=True, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    return done.stdout.strip()


def commit() -> tuple[str | None, bool | None]:
    """Return the commit of the clone and whether files differ from it; None without git."""
    top = _git("rev-parse", "--show-toplevel")
    if not top or Path(top).resolve() != ROOT:  # installed somewhere inside another repository
        return None, None
    head, changes = _git("rev-parse", "HEAD"), _git("status", "--porcelain")
    return head, None if changes is None else bool(changes)


def versions() -> dict[str, str | None]:
    """Return the versions of Python, flowopt and the libraries that numbers depend on."""
    from flowopt import __version__

    made: dict[str, str | None] = {"python": platform.python_version(), "flowopt": __version__}
    peers = [name for name, module in PEERS.items() if module in sys.modules]
    for name in ("numpy", "scipy", "sympy", "numba", "llvmlite", "matplotlib", *peers):
        try:
            made[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            made[name] = None
    made["libc"] = " ".join(platform.libc_ver()).strip() or None
    return made


def provenance(source: Path, command: list[str] | None = None) -> dict[str, Any]:
    """Return what is needed to run an experiment again: versions, commit, command, platform."""
    head, dirty = commit()
    return {"versions": versions(), "commit": head, "dirty": dirty,
            "command": shlex.join(sys.argv if command is None else command),
            "platform": platform.platform(), "machine": platform.machine(),
            "processors": os.cpu_count(),
            "source": source.name,
            "source_sha256": hashlib.sha256(source.read_bytes()).hexdigest(),
            "started": datetime.now(UTC).isoformat(timespec="seconds")}

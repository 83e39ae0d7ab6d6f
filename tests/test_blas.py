"""Commands do linear algebra on one thread, so that numbers do not depend on the processors."""

import os
import subprocess
import sys

import pytest

LOOK = "import os, {0}; print([os.environ[n] for n in flowopt._blas.THREADS])"


@pytest.mark.parametrize("module", ["flowopt.cli", "flowopt.gallery.__main__"])
@pytest.mark.parametrize("given", [None, "2"])
def test_one_thread_unless_asked(module, given):
    clean = {name: value for name, value in os.environ.items() if "_THREADS" not in name}
    asked = {} if given is None else {"OPENBLAS_NUM_THREADS": given}
    done = subprocess.run([sys.executable, "-c", LOOK.format(module)],
                          env=clean | asked, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str([given or "1", "1", "1", "1"])


@pytest.mark.parametrize("module", ["flowopt.cli", "flowopt.gallery.__main__"])
def test_they_are_told_before_numpy_is_loaded(module):
    code = ("import sys, builtins\nof = builtins.__import__\n"
            "def watched(name, *rest):\n"
            "    if name == 'numpy' and 'numpy' not in sys.modules:\n"
            "        print('flowopt._blas' in sys.modules)\n"
            "    return of(name, *rest)\n"
            f"builtins.__import__ = watched\nimport {module}\n")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split()[0] == "True"

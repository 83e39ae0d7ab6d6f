"""One thread for linear algebra: sums in parallel are rounded by the number of processors.

Imported before numpy, by commands whose numbers must be the same on every machine of its kind. Who
sets the number of threads in the environment has what is asked for.
"""

import os

#: how OpenBLAS, MKL, BLIS and Accelerate are told
THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS",
           "VECLIB_MAXIMUM_THREADS")

for _name in THREADS:
    os.environ.setdefault(_name, "1")

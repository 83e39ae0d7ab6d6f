import numpy as np
from numba import cfunc
from numbalsoda import dop853, lsoda_sig


@cfunc(lsoda_sig)
def flow(t, u, du, p):
    x = u[0]
    du[0] = -(4 * x**3 - 21 * x**2 + 30 * x - 9)


times = np.array([0.0, 25.0])
saved, ok = dop853(flow.address, np.array([4.0]), times, rtol=1e-9, atol=1e-9)
print(saved[-1, 0])

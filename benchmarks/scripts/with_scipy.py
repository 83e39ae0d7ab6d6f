from scipy.integrate import solve_ivp


def flow(t, x):
    return -(4 * x**3 - 21 * x**2 + 30 * x - 9)


run = solve_ivp(flow, (0.0, 25.0), [4.0], method="DOP853", rtol=1e-9, atol=1e-9)
print(run.y[0, -1])

import heyoka as hy

x = hy.make_vars("x")
flow = [(x, -(4 * x**3 - 21 * x**2 + 30 * x - 9))]
run = hy.taylor_adaptive(flow, [4.0], tol=1e-9)
run.propagate_until(25.0)
print(run.state[0])

import diffrax
import jax

jax.config.update("jax_enable_x64", True)


def flow(t, x, args):
    return -(4 * x**3 - 21 * x**2 + 30 * x - 9)


run = diffrax.diffeqsolve(
    diffrax.ODETerm(flow), diffrax.Tsit5(), t0=0.0, t1=25.0, dt0=None, y0=4.0,
    stepsize_controller=diffrax.PIDController(rtol=1e-9, atol=1e-9),
)
print(float(run.ys[0]))

import flowopt as fo

loss = fo.Loss("x*(x-1)*(x-3)**2 + 1.62276")
field = fo.flows.GradientFlow().on(loss)
run = fo.integrate(field, [4.0], t=(0.0, 25.0), method=fo.DOP853(rtol=1e-9, atol=1e-9))
print(run.x[-1, 0])

"""Heun's method in its second-order form, the explicit trapezoidal rule: two stages, fixed steps.

No error estimate. The interpolant is the parabola through y_0 and y_1 with slope K_0 at y_0,
order 2.

Source: C. Runge, Ueber die numerische Aufloesung von Differentialgleichungen, Math. Ann. 46 (1895)
167-178; K. Heun, Neue Methoden zur approximativen Integration der Differentialgleichungen einer
unabhaengigen Veraenderlichen, Z. Math. Phys. 45 (1900) 23-38. Many books call a third-order method
"Heun's"; this one is also known as the improved Euler method.
"""

from flowopt.integrators.tableaus.tableau import Tableau

TABLEAU = Tableau(
    name="Heun",
    order=2,
    reference="C. Runge, Math. Ann. 46 (1895) 167-178; K. Heun, Z. Math. Phys. 45 (1900) 23-38",
    c=("0", "1"),
    a=((), ("1",)),
    b=("1/2", "1/2"),
    dense=(("1", "-1/2"), ("0", "1/2")),
    dense_order=2,
)

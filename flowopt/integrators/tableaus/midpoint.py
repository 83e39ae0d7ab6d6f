"""The explicit midpoint rule: order 2, two stages, fixed steps.

No error estimate. The interpolant is the parabola with slope K_0 at the start and K_1 in the
middle, order 2.

Source: C. Runge, Ueber die numerische Aufloesung von Differentialgleichungen, Math. Ann. 46 (1895)
167-178. Also Hairer, Norsett, Wanner, Solving Ordinary Differential Equations I, section II.1.
"""

from flowopt.integrators.tableaus.tableau import Tableau

TABLEAU = Tableau(
    name="Midpoint",
    order=2,
    reference="C. Runge, Math. Ann. 46 (1895) 167-178",
    c=("0", "1/2"),
    a=((), ("1/2",)),
    b=("0", "1"),
    dense=(("1", "-1"), ("0", "1")),
    dense_order=2,
)

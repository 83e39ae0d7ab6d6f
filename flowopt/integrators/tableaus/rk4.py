"""The classical Runge-Kutta method: order 4, four stages, fixed steps.

No error estimate. The interpolant is the natural continuous extension, order 3: no cubic in the
four stages alone reaches order 4.

Source: W. Kutta, Beitrag zur naeherungsweisen Integration totaler Differentialgleichungen,
Z. Math. Phys. 46 (1901) 435-453; in Hairer, Norsett, Wanner, Solving Ordinary Differential
Equations I, Table II.1.2. Interpolant: M. Zennaro, Natural continuous extensions of Runge-Kutta
methods, Math. Comp. 46 (1986) 119-133.
"""

from flowopt.integrators.tableaus.tableau import Tableau

TABLEAU = Tableau(
    name="RK4",
    order=4,
    reference="W. Kutta, Z. Math. Phys. 46 (1901) 435-453; M. Zennaro, Math. Comp. 46 (1986) "
              "119-133 (interpolant)",
    c=("0", "1/2", "1/2", "1"),
    a=((), ("1/2",), ("0", "1/2"), ("0", "0", "1")),
    b=("1/6", "1/3", "1/3", "1/6"),
    dense=(
        ("1", "-3/2", "2/3"),
        ("0", "1", "-2/3"),
        ("0", "1", "-2/3"),
        ("0", "-1/2", "2/3"),
    ),
    dense_order=3,
)

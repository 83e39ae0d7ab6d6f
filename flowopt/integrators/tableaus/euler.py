"""Euler's method: order 1, one stage, fixed steps.

No error estimate. The interpolant is the straight line, order 1.

Source: L. Euler, Institutionum calculi integralis, vol. 1, St Petersburg, 1768, section II,
chapter VII. Also Hairer, Norsett, Wanner, Solving Ordinary Differential Equations I, section I.7.
"""

from flowopt.integrators.tableaus.tableau import Tableau

TABLEAU = Tableau(
    name="Euler",
    order=1,
    reference="L. Euler, Institutionum calculi integralis, vol. 1 (1768), section II, chapter VII",
    c=("0",),
    a=((),),
    b=("1",),
    dense=(("1",),),
    dense_order=1,
)

"""Methods as data: one small file each, and the classes that hold them."""

from flowopt.integrators.tableaus.dop853 import TABLEAU as DOP853
from flowopt.integrators.tableaus.dopri5 import TABLEAU as DOPRI5
from flowopt.integrators.tableaus.euler import TABLEAU as EULER
from flowopt.integrators.tableaus.heun import TABLEAU as HEUN
from flowopt.integrators.tableaus.midpoint import TABLEAU as MIDPOINT
from flowopt.integrators.tableaus.rk4 import TABLEAU as RK4
from flowopt.integrators.tableaus.rodas5p import TABLEAU as RODAS5P
from flowopt.integrators.tableaus.rosenbrock import RosenbrockTableau
from flowopt.integrators.tableaus.series import Series, series
from flowopt.integrators.tableaus.tableau import Tableau
from flowopt.integrators.tableaus.tsit5 import TABLEAU as TSIT5

__all__ = ["DOP853", "DOPRI5", "EULER", "HEUN", "MIDPOINT", "RK4", "RODAS5P", "TSIT5",
           "RosenbrockTableau", "Series", "Tableau", "series"]

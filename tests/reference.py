"""Plain NumPy twins and closed forms that judge the fast code: the door to ``twins_*.py``.

Nothing there imports ``flowopt``: only NumPy, SciPy and mpmath. Every function is the shortest
readable writing of one equation; speed does not matter. Time is dimensionless throughout.
"""

from twins_closed_forms import *
from twins_derivatives import *
from twins_escape import *
from twins_fields import *
from twins_network import *
from twins_noise import *
from twins_optimizers import *
from twins_problems import *
from twins_statistics import *
from twins_steps import *
from twins_two_minima import *

"""Named test landscapes with their known minima and the papers they come from.

Each function returns a `Loss` written as text, so nothing symbolic is imported until it is
needed. ``loss.minimum`` is the least value L*, ``loss.minima`` holds every global minimiser,
each rounded to the nearest double; both are None where the loss has no least value.
Landscapes of one or two fixed dimensions use the variables ``x, y``, the others ``x1 ... xn``.
"""

from collections.abc import Callable

from flowopt._check import integer
from flowopt.losses.loss import Loss
from flowopt.losses.quadratic import MAX_DIMENSION, USE_KERNEL, coordinates, joined, quadratic

__all__ = [
    "beale",
    "catalogue",
    "double_well",
    "goldstein_price",
    "himmelblau",
    "quadratic",
    "rastrigin",
    "rosenbrock",
    "saddle",
    "six_hump_camel",
    "styblinski_tang",
    "two_minima",
]


def two_minima() -> Loss:
    """Return the quartic with a poor minimum at 3 and a good one near 0.41.

    ``L(x) = x (x - 1) (x - 3)^2 + 1.62276``, with
    ``L'(x) = (x - 3) (4 x^2 - 9 x + 3)``.

    Critical points:

    - ``x = (9 - sqrt(33))/8 = 0.40692966918...``, the global minimum. Its value is
      ``1.62276 + (117 - 165 sqrt(33))/512 = 5.5336e-7``: small, but not zero.
    - ``x = (9 + sqrt(33))/8 = 1.84307033081...``, the local maximum, value 3.70255.
    - ``x = 3``, the local minimum, value 1.62276.

    Examples
    --------
    >>> loss = two_minima()
    >>> round(float(loss.value([3.0])), 12)
    1.62276
    >>> loss.minima
    ((0.4069296691827464,),)
    """
    return Loss(
        "x*(x - 1)*(x - 3)**2 + 1.62276",
        variables=("x",),
        minimum=5.533617681076653e-07,
        minima=((0.4069296691827464,),),
        name="two_minima",
        reference="The two-minima example of the essay on optimization seen from dynamics.",
    )


def double_well() -> Loss:
    """Return the symmetric double well.

    ``L(x) = (x^2 - 1)^2 / 4``: minima of value 0 at ``x = -1`` and ``x = 1``, where
    ``L'' = 2``, and a barrier of height 1/4 at ``x = 0``, where ``L'' = -1``.

    References
    ----------
    Kramers (1940), Brownian motion in a field of force and the diffusion model of chemical
    reactions, Physica 7, 284-304.

    Examples
    --------
    >>> float(double_well().value([0.0]))
    0.25
    """
    return Loss(
        "(x**2 - 1)**2/4",
        variables=("x",),
        minimum=0.0,
        minima=((-1.0,), (1.0,)),
        name="double_well",
        reference="Kramers (1940), Physica 7, 284-304.",
    )


def rosenbrock(n: int = 2) -> Loss:
    """Return Rosenbrock's curved valley in n dimensions.

    ``L(x) = sum_{i=1}^{n-1} 100 (x_{i+1} - x_i^2)^2 + (1 - x_i)^2``, with the one global
    minimum 0 at ``(1, ..., 1)``. From n = 4 on there is also a local minimum near
    ``(-1, 1, ..., 1)``.

    Parameters
    ----------
    n : int
        Number of variables, 2 to 200.

    Raises
    ------
    TypeError, ValueError
        If n is not an integer, or is outside its range.

    References
    ----------
    Rosenbrock (1960), An automatic method for finding the greatest or least value of a
    function, Comput. J. 3, 175-184 (n = 2). Shang & Qiu (2006), A note on the extended
    Rosenbrock function, Evol. Comput. 14, 119-126 (the sum, and its local minima).

    Examples
    --------
    >>> float(rosenbrock().value([0.0, 0.0]))
    1.0
    """
    n = _dimension(n, at_least=2)
    x = coordinates(n)
    return Loss(
        joined(
            [f"100*({q} - {p}**2)**2 + (1 - {p})**2" for p, q in zip(x[:-1], x[1:], strict=True)]
        ),
        variables=x,
        minimum=0.0,
        minima=((1.0,) * n,),
        name="rosenbrock",
        reference="Rosenbrock (1960), Comput. J. 3, 175-184.",
    )


def himmelblau() -> Loss:
    """Return Himmelblau's function, which has four equal minima.

    ``L(x, y) = (x^2 + y - 11)^2 + (x + y^2 - 7)^2``, with minimum 0 at ``(3, 2)``,
    ``(-2.8051..., 3.1313...)``, ``(-3.7793..., -3.2831...)`` and ``(3.5844..., -1.8481...)``.

    References
    ----------
    Himmelblau (1972), Applied Nonlinear Programming, McGraw-Hill.

    Examples
    --------
    >>> float(himmelblau().value([3.0, 2.0]))
    0.0
    """
    return Loss(
        "(x**2 + y - 11)**2 + (x + y**2 - 7)**2",
        variables=("x", "y"),
        minimum=0.0,
        minima=(
            (3.0, 2.0),
            (-2.805118086952744853, 3.131312518250572966),
            (-3.779310253377746892, -3.283185991286169412),
            (3.584428340330491745, -1.848126526964403554),
        ),
        name="himmelblau",
        reference="Himmelblau (1972), Applied Nonlinear Programming, McGraw-Hill.",
    )


def beale() -> Loss:
    """Return Beale's function, nearly flat with sharp ridges along x = 0 and y = 1.

    ``L(x, y) = (1.5 - x + x y)^2 + (2.25 - x + x y^2)^2 + (2.625 - x + x y^3)^2``, with the
    one global minimum 0 at ``(3, 0.5)``.

    References
    ----------
    Beale (1958), On an iterative method for finding a local minimum of a function of more
    than one variable, Tech. Rep. 25, Statistical Techniques Research Group, Princeton.

    Examples
    --------
    >>> float(beale().value([3.0, 0.5]))
    0.0
    """
    return Loss(
        "(1.5 - x + x*y)**2 + (2.25 - x + x*y**2)**2 + (2.625 - x + x*y**3)**2",
        variables=("x", "y"),
        minimum=0.0,
        minima=((3.0, 0.5),),
        name="beale",
        reference="Beale (1958), Tech. Rep. 25, Stat. Tech. Research Group, Princeton.",
    )


def styblinski_tang(n: int = 2) -> Loss:
    """Return the Styblinski-Tang function: n independent tilted double wells.

    ``L(x) = sum_i (x_i^4 - 16 x_i^2 + 5 x_i) / 2``, with 2^n minima; the global one has every
    ``x_i = -2.9035340277...`` and the value ``-39.1661657037... n``.

    Parameters
    ----------
    n : int
        Number of variables, 1 to 200.

    Raises
    ------
    TypeError, ValueError
        If n is not an integer, or is outside its range.

    References
    ----------
    Styblinski & Tang (1990), Experiments in nonconvex optimization: stochastic approximation
    with function smoothing and simulated annealing, Neural Networks 3, 467-483.

    Examples
    --------
    >>> float(styblinski_tang(3).value([1.0, 1.0, 1.0]))
    -15.0
    """
    n = _dimension(n, at_least=1)
    x = coordinates(n)
    return Loss(
        joined([f"({p}**4 - 16*{p}**2 + 5*{p})/2" for p in x]),
        variables=x,
        minimum=-39.16616570377141546 * n,
        minima=((-2.903534027771177095,) * n,),
        name="styblinski_tang",
        reference="Styblinski & Tang (1990), Neural Networks 3, 467-483.",
    )


def rastrigin(n: int = 2) -> Loss:
    """Return the Rastrigin function: a bowl with a lattice of local minima.

    ``L(x) = 10 n + sum_i (x_i^2 - 10 cos(2 pi x_i))``, with the one global minimum 0 at the
    origin and a local minimum near many other points with integer coordinates.

    Parameters
    ----------
    n : int
        Number of variables, 1 to 200.

    Raises
    ------
    TypeError, ValueError
        If n is not an integer, or is outside its range.

    References
    ----------
    Rastrigin (1974), Systems of Extremal Control, Mir, Moscow (n = 2). Muehlenbein, Schomisch
    & Born (1991), The parallel genetic algorithm as function optimizer, Parallel Comput. 17,
    619-632 (any n).

    Examples
    --------
    >>> float(rastrigin().value([0.0, 0.0]))
    0.0
    """
    n = _dimension(n, at_least=1)
    x = coordinates(n)
    return Loss(
        f"{10 * n} + {joined([f'({p}**2 - 10*cos(2*pi*{p}))' for p in x])}",
        variables=x,
        minimum=0.0,
        minima=((0.0,) * n,),
        name="rastrigin",
        reference="Rastrigin (1974), Systems of Extremal Control; "
        "Muehlenbein, Schomisch & Born (1991), Parallel Comput. 17, 619-632.",
    )


def saddle() -> Loss:
    """Return the plain saddle.

    ``L(x, y) = (x^2 - y^2) / 2``: its one critical point, the origin, is a saddle with
    Hessian ``diag(1, -1)``. It is unbounded below, so ``minimum`` and ``minima`` are None.

    References
    ----------
    Lee, Simchowitz, Jordan & Recht (2016), Gradient descent only converges to minimizers,
    COLT, PMLR 49, 1246-1257.

    Examples
    --------
    >>> saddle().minimum is None
    True
    """
    return Loss(
        "(x**2 - y**2)/2",
        variables=("x", "y"),
        name="saddle",
        reference="Lee, Simchowitz, Jordan & Recht (2016), COLT, PMLR 49, 1246-1257.",
    )


def six_hump_camel() -> Loss:
    """Return the six-hump camel back: six minima, two of them global.

    ``L(x, y) = (4 - 2.1 x^2 + x^4/3) x^2 + x y + 4 (y^2 - 1) y^2``, with global minimum
    ``-1.0316284534...`` at ``(0.0898..., -0.7126...)`` and at its mirror image in the origin.

    References
    ----------
    Dixon & Szego (1978), The global optimization problem: an introduction, in Towards Global
    Optimisation 2, North-Holland, 1-15.

    Examples
    --------
    >>> float(six_hump_camel().value([0.0, 1.0]))
    0.0
    """
    x, y = 0.08984201310031806249, 0.7126564030207396334
    return Loss(
        "(4 - 2.1*x**2 + x**4/3)*x**2 + x*y + 4*(y**2 - 1)*y**2",
        variables=("x", "y"),
        minimum=-1.031628453489877350,
        minima=((x, -y), (-x, y)),
        name="six_hump_camel",
        reference="Dixon & Szego (1978), Towards Global Optimisation 2, North-Holland, 1-15.",
    )


def goldstein_price() -> Loss:
    """Return the Goldstein-Price function, an octic polynomial with values up to 1e6.

    ``L(x, y) = (1 + (x + y + 1)^2 (19 - 14 x + 3 x^2 - 14 y + 6 x y + 3 y^2))
    (30 + (2 x - 3 y)^2 (18 - 32 x + 12 x^2 + 48 y - 36 x y + 27 y^2))``, with the one global
    minimum 3 at ``(0, -1)`` and three other local minima.

    References
    ----------
    Goldstein & Price (1971), On descent from local minima, Math. Comp. 25, 569-574.

    Examples
    --------
    >>> float(goldstein_price().value([0.0, -1.0]))
    3.0
    """
    return Loss(
        "(1 + (x + y + 1)**2*(19 - 14*x + 3*x**2 - 14*y + 6*x*y + 3*y**2))"
        "*(30 + (2*x - 3*y)**2*(18 - 32*x + 12*x**2 + 48*y - 36*x*y + 27*y**2))",
        variables=("x", "y"),
        minimum=3.0,
        minima=((0.0, -1.0),),
        name="goldstein_price",
        reference="Goldstein & Price (1971), Math. Comp. 25, 569-574.",
    )


def catalogue() -> tuple[Loss, ...]:
    """Return one instance of every landscape, for tests and tables.

    Examples
    --------
    >>> [loss.name for loss in catalogue()][:3]
    ['two_minima', 'quadratic', 'double_well']
    """
    makers: tuple[Callable[[], Loss], ...] = (
        two_minima,
        lambda: quadratic([[2.0, -0.5], [-0.5, 1.0]], b=[1.0, -2.0]),
        double_well,
        rosenbrock,
        himmelblau,
        beale,
        styblinski_tang,
        rastrigin,
        saddle,
        six_hump_camel,
        goldstein_price,
    )
    return tuple(make() for make in makers)


def _dimension(n: int, at_least: int) -> int:
    n = integer("n", n, at_least=at_least)
    if n > MAX_DIMENSION:
        raise ValueError(f"n must be at most {MAX_DIMENSION}, got {n}; {USE_KERNEL}")
    return n

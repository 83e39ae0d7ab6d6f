"""The methods by which an optimizer is composed with penalties, noise and averages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flowopt.optimizers.optimizer import Optimizer


class Composable:
    """What can be composed; each method returns a new optimizer.

    The order of the calls is the order of the composition: decay added before a schedule is
    scheduled with the rest, decay added after it is not.
    """

    def with_l2(self, weight: float) -> Optimizer:
        """Return the optimizer on L + ½ weight ‖θ‖² (coupled L2).

        Its gradients are g + weight θ, in all averages too: torch's ``weight_decay`` of SGD,
        Adagrad, RMSprop and Adam; optax.add_decayed_weights in front of the optimizer. A rule that
        holds L (Polyak's step) sees the penalised loss, of which its ``minimum`` is then the least
        value.

        Parameters
        ----------
        weight : float, > 0
            The weight.

        Examples
        --------
        >>> import flowopt as fo
        >>> opt = fo.optimizers.signum(lr=0.25).with_l2(0.5)
        >>> opt.flow.rules["m"].text
        'a*((g + weight_decay*theta) - m)'
        """
        from flowopt.optimizers.penalties import with_l2

        return with_l2(_optimizer(self), weight)

    def with_decay(self, weight: float) -> Optimizer:
        """Return the optimizer with decoupled decay, θ⁺ = … − lr weight θ.

        As AdamW and torch's convention: decay is multiplied with lr, and not seen by averages. The
        flow gets −decay θ with decay = weight lr/h: −weight θ where t = k lr.

        Source: Loshchilov & Hutter, ICLR 2019, Algorithm 1, line 9, and Algorithm 2, line 12.

        Parameters
        ----------
        weight : float, > 0
            The weight.

        Examples
        --------
        >>> import flowopt as fo
        >>> opt = fo.optimizers.sgd(lr=0.25, momentum=0.5).with_decay(0.8)
        >>> opt.run("x**2/2", [1.0], steps=1).x[:, 0]
        array([1.  , 0.55])
        """
        from flowopt.optimizers.penalties import with_decay

        return with_decay(_optimizer(self), weight)

    def with_l1(self, weight: float, proximal: bool = False) -> Optimizer:
        """Return the optimizer with the penalty weight ‖θ‖₁.

        The discrete side is the subgradient method, with weight sign(θ) added to g (0 at 0): a
        coordinate whose minimum is 0 goes to and fro around it within a step. With
        ``proximal=True`` it is forward–backward splitting: the step on L alone, then
        θᵢ = sign(θᵢ) max(|θᵢ| − lr weight, 0), after which coordinates are exactly 0. Averages and
        scalings do not see that penalty: it is decoupled, as decay in `with_decay` (so with a
        momentum μ, whose steps are longer by 1/(1 − μ), it counts as (1 − μ) weight).

        The flow side has −weight sign(θ) in g, or −κ sign(θ) in θ̇ with κ = weight lr/h: its motion
        slides on θᵢ = 0 where |gᵢ| <= weight (Filippov), and `flowopt.integrate` says so.

        Source: Combettes & Wajs, Multiscale Model. Simul. 4 (2005) 1168, section 3.

        Parameters
        ----------
        weight : float, > 0
            The weight.
        proximal : bool
            Which discrete side.

        Examples
        --------
        >>> import flowopt as fo
        >>> for proximal in (False, True):
        ...     opt = fo.optimizers.gradient_descent(lr=0.5).with_l1(0.5, proximal)
        ...     print(opt.run("(x - 0.25)**2/2", [1.0], steps=6).x[:, 0].tolist())
        [1.0, 0.375, 0.0625, -0.09375, 0.328125, 0.0390625, -0.10546875]
        [1.0, 0.375, 0.0625, 0.0, 0.0, 0.0, 0.0]
        """
        from flowopt.optimizers.penalties import with_l1

        return with_l1(_optimizer(self), weight, proximal)

    def with_noise(self, eta: float = 0.01, gamma: float = 0.55) -> Optimizer:
        """Return the optimizer with noise in its gradients: g + N(0, η/(1 + k)^γ), k = 0, 1, ….

        The scale is that of optax.add_noise(eta, gamma); the numbers are others.

        The noise is a state of the flow, which is 0 there. For the step h → 0 it averages out, the
        error being of order √h: rules that are linear in g lose it, and averages of g² keep its
        variance, v̇ = b (g² + η/(1 + k)^γ − v), in ``opt.limit``.

        Numbers come from the counter of `flowopt.EulerMaruyama`: they depend on the seed, the
        number of the run, and k; a run that goes on (``first=``) with the same seed draws the
        numbers of the whole run.

        Source: Neelakantan et al., arXiv 1511.06807, section 3.

        Parameters
        ----------
        eta : float, > 0
            η, the variance in step 0; 0.01, 0.3 and 1 are theirs.
        gamma : float, >= 0
            γ.

        Examples
        --------
        >>> import flowopt as fo
        >>> opt = fo.optimizers.adam(lr=0.01).with_noise(eta=0.3)
        >>> runs = [opt.run("x**2", [1.0], steps=20, seed=s).x[-1, 0] for s in (1, 1, 2)]
        >>> bool(runs[0] == runs[1]), bool(runs[0] == runs[2])
        (True, False)
        """
        from flowopt.optimizers.perturb import with_noise

        return with_noise(_optimizer(self), eta, gamma)

    def with_kicks(self, size: float, every: int | None = None,
                   probability: float | None = None) -> Optimizer:
        """Return the optimizer with occasional kicks: θ + size N(0, I), behind some steps.

        Between the kicks the flow is what it was; the kicks make it a jump process, at fixed times
        or, with a probability in each step, at random times of the rate probability/h.
        `with_step` keeps what happens in a step.

        Parameters
        ----------
        size : float, > 0
            The standard deviation of a kick in each coordinate.
        every : int, >= 1, optional
            A kick behind each so many-th step.
        probability : float in (0, 1], optional
            Or: the probability of a kick behind a step.

        Examples
        --------
        >>> import flowopt as fo
        >>> opt = fo.optimizers.gradient_descent(lr=0.5).with_kicks(0.1, every=3)
        >>> x = opt.run("x**2/2", [1.0], steps=4, seed=1).x[:, 0]
        >>> x[:3].tolist(), bool(x[3] != 0.125), bool(x[4] == x[3]/2)
        ([1.0, 0.5, 0.25], True, True)
        """
        from flowopt.optimizers.perturb import with_kicks

        return with_kicks(_optimizer(self), size, every, probability)

    def with_average(self, average: Any) -> Optimizer:
        """Return the optimizer whose runs report an average of θ instead of θ.

        The average is a state: θ and the loss of it are not changed, and ``run(...).y`` has it.

        Parameters
        ----------
        average : ExponentialAverage or TailAverage
            Which one: exponential, of the tail, or of snapshots.

        Examples
        --------
        >>> import flowopt as fo
        >>> opt = fo.optimizers.gradient_descent(lr=0.5).with_noise(1.0, 0.0)
        >>> noisy, mean = (q.run("x**2/2", [0.0], steps=4000, seed=1).x[-1, 0]
        ...                for q in (opt, opt.with_average(fo.optimizers.TailAverage(100))))
        >>> bool(abs(mean) < 0.1 < abs(noisy))
        True
        """
        from flowopt.optimizers.averages import with_average

        return with_average(_optimizer(self), average)


def _optimizer(given: Any) -> Optimizer:
    made: Optimizer = given
    return made

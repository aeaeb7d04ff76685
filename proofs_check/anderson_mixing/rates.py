"""Section 3: Theorems 1-3, from the one-step expected decrease."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any, Literal

import sympy as sp

from ..checks.bounds import Inequality, inequality
from ..checks.search import ForAll, for_all
from ..checks.symbolic import is_zero
from ..claim import Budget, Claim, Evidence, Exact, Part
from . import tiny
from .almost_surely import Falls, SmallestGradient, falls, smallest_gradient
from .biased import Decrease, decrease, lasting_gradient
from .hypotheses import ConstantStep, Dropped, conclusion, constant_step
from .one_step import CONSTANTS, OneStep, averaged, largest_step, one_step, paper_noise, sharp_noise
from .series import PATHS, ExpectedValue, Weighted, expected_value, telescoping, weighted
from .simulations import Simulated, falling_gradients, largest_of_the_last, simulated, smallest_so_far

RATE_REPLAY = (
    PATHS
    + """
N, r = len(betas), witness["r"]
right = read(witness["first"]) * (max(values) - low) * N ** witness["power"] + noise / (1 - r) * witness["tail"]
violated = sum(squares) / N > right + 1e-6
"""
)


# Theorem 3


@dataclass(frozen=True)
class Rate:
    """``mean E |grad f|^2 <= first (M_f - f_low) N^power + noise sigma^2 / n * tail / (1 - r)``, as functions of r."""

    first: Callable[[Any, Any, Any], Any]
    noise: Callable[[Any, Any], Any]
    tail: Callable[[Any, Any], Any] = lambda n, r: n**-r - r / n
    power: Callable[[Any], Any] = lambda r: r - 1


def _power_steps(top: Fraction, r: float, depth: int) -> list[Fraction]:
    return [Fraction(float(top) * (k + 1) ** -r) for k in range(depth)]


def rate(statement: Rate, budget: Budget) -> list[Evidence]:
    """All paths of tiny problems for N = 1, 2, ... with the smallest possible M_f; then the derivation."""

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        for problem, (mu, c), r in product(tiny.PROBLEMS, CONSTANTS, (0.51, 0.75, 0.99)):
            top = largest_step(problem.lipschitz, mu, c)
            for start, n in ((problem.minimiser, 1), (Fraction(3), 1), (Fraction(3), 2)):
                depth = budget.pick(3, 4) if n == 1 else 2
                tree = tiny.levels(problem, start, _power_steps(top, r, depth), c, mu, n)
                low = problem.value(problem.minimiser)
                for count in range(1, depth + 1):
                    used = tree[:count]
                    gradients = [tiny.mean(level, problem.squared_gradient) for level in used]
                    top_value = max(tiny.mean(level, problem.value_at) for level in tree[: count + 1])
                    sigma2 = max(problem.variance(node.x) for level in used for node in level)
                    first, noise = statement.first(problem.lipschitz, mu, c), statement.noise(problem.lipschitz, mu)
                    tail = statement.tail(count, r)
                    yield {
                        "a": list(problem.a),
                        "betas": _power_steps(top, r, count),
                        "b": list(problem.b), "start": start, "N": count, "r": r, "n": n,
                        "mu": mu, "C": c, "left": float(sum(gradients)) / count,
                        "first": Fraction(first), "coefficient": Fraction(noise), "tail": tail,
                        "power": statement.power(r),
                        "right": float(first * (top_value - low)) * count ** statement.power(r)
                        + float(noise * sigma2) / n / (1 - r) * tail,
                    }  # fmt: skip

    def again(point: Any) -> tuple[float, float]:
        problem = tiny.FiniteSum(tuple(point["a"]), tuple(point["b"]))
        betas = [float(beta) for beta in point["betas"]]
        start, c, mu = (float(point[k]) for k in ("start", "C", "mu"))
        squares = tiny.float_gradients(problem, start, betas, c, mu, point["n"])
        return sum(squares) / point["N"], point["right"]

    def proof(budget: Budget) -> list[Evidence]:
        lip, mu, c, r, n = sp.symbols("L mu C r N", positive=True)
        top = largest_step(lip, mu, c)
        needed = 4 / mu * top * paper_noise(lip, mu, c)
        # N >= 1 as N = 1 + o; the printed coefficients must not be smaller than the derived ones.
        found = inequality(
            {
                "first coefficient >= 4 / (mu beta_0)": Inequality(4 / (mu * top), "<=", statement.first(lip, mu, c)),
                "noise coefficient >= 4 beta_0 (1 + 1/C)(L + 1/mu) / mu": Inequality(
                    sp.cancel(needed), "<=", statement.noise(lip, mu)
                ),
            },
            budget,
        )
        antiderivative = (n ** (1 - r) - 1) / (1 - r)
        steps = {
            "d/dN (N^(1-r) - 1)/(1 - r) = N^-r, zero at N = 1": is_zero(sp.diff(antiderivative, n) - n**-r)
            and antiderivative.subs(n, 1) == 0,
            "(1 + integral) / N = (N^-r - r/N) / (1 - r)": is_zero(
                sp.expand(sp.powsimp(sp.expand((1 - r) * (1 + antiderivative) / n - statement.tail(n, r))))
            ),
            "last weight over N: N^r / N": is_zero(sp.powsimp(n**r / n - n ** statement.power(r))),
            **telescoping(),
        }
        return [*one_step(OneStep(Fraction(1, 4), paper_noise), budget), *found, Exact("symbolic", steps)]

    methods = ("all paths, sums in rationals", "the same, in floating point")
    statement_ = ForAll(
        points,
        lambda p: (p["left"], p["right"]),
        "<=",
        again,
        RATE_REPLAY,
        methods,
        (1e-9, 1e-9),
        proof=proof,
    )
    return for_all(statement_, budget)


Sampling = Literal["independent", "without replacement", "one sample n times"]


def _batch_variance(sampling: Sampling, budget: Budget) -> list[Evidence]:
    """``E |g - grad f|^2 <= sigma^2 / n`` by enumeration of all batches."""
    import itertools

    steps = {}
    for problem, n in product(tiny.PROBLEMS, (2, 3)):
        count = len(problem.a)
        batches: list[tuple[int, ...]] = {
            "independent": problem.batches(n),
            "without replacement": list(itertools.combinations(range(count), min(n, count))),
            "one sample n times": [(i,) * n for i in range(count)],
        }[sampling]
        x, size = Fraction(3), len(batches[0])
        variance = sum((problem.gradient(x, s) - problem.gradient(x)) ** 2 for s in batches) / len(batches)
        steps[f"a = {[str(v) for v in problem.a]}, n = {size}"] = variance <= problem.variance(x) / size
    del budget
    return [Exact("enumeration", steps, instances=len(steps))]


DROPPED: tuple[tuple[Dropped, str], ...] = (
    ("divergent steps", r"$\beta_k=2^{-k-4}$: the point stays within $1/8$ of its start."),
    ("lower bound", "$f=x$: the gradient is 1 for ever."),
    ("Lipschitz gradient", r"$f=\frac14x^4$ from 10, $\beta_k=1/(k+8)$: the points grow beyond bounds."),
    (
        "unbiased gradient",
        r"A constant bias 1: they go to $-1$. (The bound on $\beta_k$ only serves the constants: as $\beta_k\to0$ it "
        "holds from some step on.)",
    ),
)

CLAIMS = [
    Claim(
        id="anderson-mixing/theorem-1-liminf",
        location="Theorem 1, (19)",
        statement=r"$\liminf_k\|\nabla f(x_k)\|=0$ with probability 1 for $\beta_k\le\frac{\mu}{4L(1+C^{-1})}$, (18a), "
        "(18b).",
        assumptions=(r"$f(x_0)$ finite, $\beta_k$ deterministic", r"$\alpha_k,\delta_k$ may depend on the batch"),
        parts=(
            Part(
                "the weighted series of squared gradients is finite",
                weighted,
                printed=Weighted(Fraction(4)),
                broken=Weighted(Fraction(1, 4)),
                note=r"The dependence of $H_k$ on the batch is met by $-\nabla f^\top H_kg_k=-\nabla f^\top "
                r"H_k\nabla f-"
                r"\beta_k\nabla f^\top e-\nabla f^\top(H_k-\beta_kI)e$: (13) holds for $p=\nabla f$ whatever the "
                r"batch, the second term has mean 0, the third is of order $\beta_k^{3/2}$ by "
                r"$\alpha_k\le\beta_k^{1/2}$. Summed: $\mathbb E\sum\beta_k\|\nabla f(x_k)\|^2\le V<\infty$.",
            ),
            Part(
                "a gradient that stays large has probability 0",
                smallest_gradient,
                printed=SmallestGradient(Fraction(8, 3)),
                broken=SmallestGradient(Fraction(1, 10)),
                note=r"$P(\min_{K\le k<N}\|\nabla f(x_k)\|\ge a)\le V/(a^2\sum_{K\le k<N}\beta_k)\to0$ as "
                r"$N\to\infty$, for every $K$ and $a>0$; the union over $K$ and $a=1,\frac12,\frac13,\dots$ has "
                r"probability 0 too, and off it (19) holds. The step bound $\frac{\mu}{4L(1+C^{-1})}$ only serves "
                "the constants.",
            ),
            Part(
                "simulated runs: the series with its interval below the bound",
                simulated,
                printed=Simulated("weighted series"),
                broken=Simulated("weighted series", 1e-3),
                bears=False,
                note="The runs meet all assumptions. The bound is far from sharp there, see the data.",
            ),
            Part(
                "simulated runs: the smallest gradient keeps falling, in every run",
                falling_gradients,
                printed=smallest_so_far,
                broken=lambda squares, horizon: 1.0 / float(squares[horizon - 1]),
                bears=False,
            ),
            *(
                Part(
                    f"without {name}",
                    conclusion,
                    printed=name,
                    broken="unbiased gradient" if name == "lower bound" else "lower bound",
                    sound="nothing",
                    bears=False,
                    note=note,
                )
                for name, note in DROPPED
            ),
            Part(
                "without alpha <= beta^(1/2), alpha = 1 with (14): the decrease",
                decrease,
                printed=Decrease(lambda beta: Fraction(1)),
                broken=Decrease(lambda beta: Fraction(1, 2)),
                repair=Decrease(tiny.square_root_below),
                repair_note=r"$\alpha_k\le\beta_k^{1/2}$.",
                bears=False,
                note=r"(14) is not enough: $H_k$ contains the current batch, so $\mathbb E[H_kr_k]$ differs from "
                r"$-\mathbb E[H_k]\nabla f$ at the order of $\beta_k$ itself when the noise is skew.",
            ),
            Part(
                "alpha = 1 with (14): the gradient does not vanish as beta falls",
                lasting_gradient,
                printed=lambda beta: 1.0,
                broken=lambda beta: beta**0.5,
                bears=False,
                note=r"Algorithm 1's default $\alpha_k=1$ with its safeguard on settles at a mean gradient of about "
                r"0.6 (noise of variance 4), whatever $\beta$; with $\alpha=\beta^{1/2}$ it falls like $\beta^{1/2}$.",
            ),
            Part(
                "one-step decrease with explicit constants",
                one_step,
                printed=OneStep(Fraction(3, 8), sharp_noise),
                broken=OneStep(Fraction(3, 8), lambda lip, mu, c: 0 * lip),
                bears=False,
                note=r"$\mathbb Ef(x_{k+1})\le f(x_k)-\frac38\beta\mu\|\nabla "
                r"f\|^2+\frac12\beta^2(1+C^{-1})(L+\mu^{-1})"
                r"\sigma^2/n$.",
            ),
        ),
    ),
    Claim(
        id="anderson-mixing/theorem-1-bounded-expectation",
        location="Theorem 1, (20)",
        statement=r"There is $M_f$ with $\mathbb Ef(x_k)\le M_f$ for all $k$. Judged: "
        r"$M_f=f(x_0)+\frac12(1+C^{-1})(L+\mu^{-1})\frac{\sigma^2}n\sum_k\beta_k^2$ is one.",
        parts=(
            Part(
                "explicit M_f",
                expected_value,
                printed=ExpectedValue(sharp_noise),
                broken=ExpectedValue(lambda lip, mu, c: 0 * lip),
                note=r"Started at a minimiser the expectation rises, so $f(x_0)$ alone is no bound.",
            ),
            Part(
                "simulated runs from the minimum",
                simulated,
                printed=Simulated("values"),
                broken=Simulated("values", 1e-3),
                bears=False,
            ),
        ),
    ),
    Claim(
        id="anderson-mixing/theorem-2-limit",
        location="Theorem 2, (21), (22)",
        statement=r"If moreover $\mathbb E\|\nabla f_{\xi_k}(x_k)\|^2\le M_g$, then $\lim\|\nabla f(x_k)\|=0$ with "
        "probability 1.",
        parts=(
            Part(
                "the gradient falls from 2 eps to eps finitely often",
                falls,
                printed=Falls(lambda eps, s: 1 / eps + s / eps**2),
                broken=Falls(lambda eps, s: 1 / eps),
                note=r"At most $\frac{L(1+C^{-1})^{1/2}}\varepsilon(\varepsilon^{-1}+\sigma\varepsilon^{-2})V$ times "
                r"in expectation, $V$ the bound of Theorem 1's series: a fall needs a movement of $\varepsilon/L$ in "
                r"steps that begin where $\|\nabla f\|>\varepsilon$. As the lower limit is 0, the upper limit is at "
                r"most $2\varepsilon$, for every $\varepsilon$. (21) is not used: Assumption 2 is enough.",
            ),
            Part(
                "without square summable steps",
                constant_step,
                printed=ConstantStep(Fraction(1, 100)),
                broken=ConstantStep(Fraction(0)),
                sound=ConstantStep(Fraction(1, 10)),
                bears=False,
                note=r"Constant $\beta$: $\mathbb E\|\nabla f\|^2\to\beta/(2-\beta)$ for $f=\frac12x^2$, noise $\pm1$.",
            ),
            Part(
                "simulated runs: the largest gradient of the last tenth keeps falling, in every run",
                falling_gradients,
                printed=largest_of_the_last,
                broken=lambda squares, horizon: 1.0 / float(squares[horizon - 1]),
                bears=False,
                note="The runs meet all assumptions, (21) included.",
            ),
        ),
    ),
    Claim(
        id="anderson-mixing/theorem-3-rate",
        location="Theorem 3, (23)",
        figures=("anderson-mixing/bound-slack",),
        statement=r"$\frac1N\sum\mathbb E\|\nabla f(x_k)\|^2\le\frac{16L(1+C^{-1})(M_f-f^{low})}{\mu^2}N^{r-1}+"
        r"\frac{(1+L^{-1}\mu^{-1})\sigma^2}{(1-r)n}(N^{-r}-rN^{-1})$ for $\beta_k=\frac{\mu}{4L(1+C^{-1})}(k+1)^{-r}$.",
        assumptions=(r"variance of the batch gradient at most $\sigma^2/n$",),
        parts=(
            Part(
                "(23)",
                rate,
                printed=Rate(lambda lip, mu, c: 16 * lip * (1 + 1 / c) / mu**2, lambda lip, mu: 1 + 1 / (lip * mu)),
                broken=Rate(lambda lip, mu, c: 2 * lip * (1 + 1 / c) / mu**2, lambda lip, mu: 1 + 1 / (lip * mu)),
                note=r"$M_f$ as in (20). $N=1$ included. Needs only $r\in[0,1)$; $r>\frac12$ makes $M_f$ "
                r"independent of $N$.",
            ),
            Part(
                "simulated runs with their intervals below (23)",
                simulated,
                printed=Simulated("rate"),
                broken=Simulated("rate", 1e-4),
                bears=False,
                note="The slack in the data is large: $M_f-f^{low}$ and the largest admissible step are worst cases.",
            ),
            Part(
                "smaller constants suffice",
                averaged,
                printed=(Fraction(2, 3), Fraction(1, 3)),
                broken=(Fraction(1, 2), Fraction(1, 3)),
                bears=False,
                note=r"Not sharp: with $\|Hr\|^2\le\beta^2(1+C^{-1})\|r\|^2$ the first term needs two thirds of its "
                "constant, the second one third.",
            ),
            Part(
                "variance sigma^2/n of the batch: independent draws",
                _batch_variance,
                printed="independent",
                broken="one sample n times",
                bears=False,
            ),
            Part(
                "variance sigma^2/n of the batch: draws without replacement",
                _batch_variance,
                printed="without replacement",
                broken="one sample n times",
                bears=False,
            ),
        ),
    ),
]

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
from .one_step import CONSTANTS, OneStep, largest_step, one_step, paper_noise, sharp_noise

# All paths again in floating point: mean values and squared gradients of every level, the largest variance.
PATHS = """
from fractions import Fraction
from itertools import product
read = lambda v: [read(c) for c in v] if isinstance(v, list) else float(Fraction(str(v)))
a, b, start, betas, C, mu = (read(witness[k]) for k in ("a", "b", "start", "betas", "C", "mu"))
n, T = int(witness["n"]), len(a)
f = lambda x: sum(p * (x - q) ** 2 for p, q in zip(a, b)) / (2 * T)
g = lambda x, batch: sum(a[i] * (x - b[i]) for i in batch) / len(batch)
low = f(sum(p * q for p, q in zip(a, b)) / sum(a))
paths, values, squares, sigma2 = [(start, None, 0.0)], [], [], 0.0
for beta in [*betas, None]:
    values.append(sum(f(x) for x, _, _ in paths) / len(paths))
    if beta is None:
        break
    squares.append(sum(g(x, range(T)) ** 2 for x, _, _ in paths) / len(paths))
    for x, _, _ in paths:
        sigma2 = max(sigma2, sum((g(x, (i,)) - g(x, range(T))) ** 2 for i in range(T)) / T)
    new = []
    for x, old, r_old in paths:
        for batch in product(range(T), repeat=n):
            r = -g(x, batch)
            h = beta
            if old is not None:
                dx, dr = x - old, r - r_old
                z = dr * dr + C / beta**2 * dx * dx
                half = (dx + beta * dr) * dr / z if z else 0.0
                alpha = min(1.0, beta**0.5)
                h -= beta * (1 - mu) if alpha * half > beta * (1 - mu) else alpha * half
            new.append((x + h * r, x, r))
    paths = new
noise = read(witness["coefficient"]) * sigma2 / n
"""
VALUE_REPLAY = PATHS + "violated = max(values) > f(start) + noise * sum(v * v for v in betas) + 1e-6"
WEIGHTED_REPLAY = (
    PATHS
    + """
left = sum(v * s for v, s in zip(betas, squares))
violated = left > read(witness["factor"]) / mu * (f(start) - low + noise * sum(v * v for v in betas)) + 1e-6
"""
)
RATE_REPLAY = (
    PATHS
    + """
N, r = len(betas), witness["r"]
right = read(witness["first"]) * (max(values) - low) * N ** (r - 1) + noise / (1 - r) * witness["tail"]
violated = sum(squares) / N > right + 1e-6
"""
)


# Theorem 1, (20)


@dataclass(frozen=True)
class ExpectedValue:
    """``E f(x_k) <= f(x_0) + coefficient(L, mu, C) sigma^2 / n * sum beta_k^2`` for all k."""

    coefficient: Callable[[Any, Any, Any], Any]


@dataclass(frozen=True)
class Weighted:
    """``sum beta_k E |grad f(x_k)|^2 <= factor / mu * (f(x_0) - f_low + coefficient sigma^2 / n * sum beta_k^2)``."""

    factor: Fraction


def _schedules(top: Fraction, depth: int) -> Iterator[list[Fraction]]:
    yield [top] * depth
    yield [top / (k + 1) for k in range(depth)]


def _runs(budget: Budget) -> Iterator[tuple[dict[str, Any], tiny.FiniteSum, list[list[tiny.Node]]]]:
    """Trees with their data; ``sigma^2`` is the largest variance at a reached point."""
    for problem, (mu, c) in product(tiny.PROBLEMS, CONSTANTS):
        top = largest_step(problem.lipschitz, mu, c)
        for start in (problem.minimiser, Fraction(3)):
            for n, depth in ((1, budget.pick(3, 4)), (2, 2)):
                for betas in _schedules(top, depth):
                    tree = tiny.levels(problem, start, betas, c, mu, n)
                    sigma2 = max(problem.variance(node.x) for level in tree[:-1] for node in level)
                    yield (
                        {"a": list(problem.a), "b": list(problem.b), "start": start, "betas": betas, "C": c, "mu": mu,
                         "n": n, "sigma2": sigma2},
                        problem,
                        tree,
                    )  # fmt: skip


def _tree_statement(
    sides: Callable[..., tuple[Fraction, Fraction]],
    constants: Callable[..., Any],
    replay: str,
    budget: Budget,
    proof: Any,
) -> list[Evidence]:
    """``sides(point, problem, tree)`` in rationals, again with rounded points; ``constants(problem, mu, C)``."""
    trees: dict[int, Any] = {}

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        for key, (point, problem, tree) in enumerate(_runs(budget)):
            point |= constants(problem, point["mu"], point["C"])
            left, right = sides(point, problem, tree)
            trees[key] = (point, problem, tree)
            yield {**point, "key": key, "left": left, "right": right}

    def again(point: Any) -> tuple[float, float]:
        inner, problem, tree = trees[point["key"]]
        rounded = [
            [node._replace(x=Fraction(float(node.x)), probability=Fraction(float(node.probability))) for node in level]
            for level in tree
        ]
        return tuple(map(float, sides(inner, problem, rounded)))  # type: ignore[return-value]

    methods = ("all paths in rationals", "all paths, points rounded to double precision")
    statement = ForAll(points, lambda p: (p["left"], p["right"]), "<=", again, replay, methods, proof=proof)
    return for_all(statement, budget)


def _telescoping() -> dict[str, bool]:
    """The sums over the one-step inequality for any number of steps, by induction; ``a_k = E f(x_k)``.

    ``S_N = sum_(k<N) (a_k - a_(k+1)) = a_0 - a_N``, and Abel's ``T_N = sum_(k<N) w_k (a_k - a_(k+1))``: ``M w_(N-1) -
    T_N - a_N w_(N-1)`` is a sum of ``(M - a_k)(w_k - w_(k-1))``, not negative for ``M >= a_k`` and rising weights.
    """
    first, old, new, top, low, high, total = sp.symbols("a_0 a_N a_N+1 M w_N-1 w_N T_N")
    rest = top * low - total - old * low
    after = top * high - (total + high * (old - new)) - new * high
    return {
        "S_(N+1) = S_N + a_N - a_(N+1)": is_zero((first - old) + (old - new) - (first - new)),
        "Abel: N = 1": is_zero(top * low - low * (first - old) - old * low - (top - first) * low),
        "Abel: from N to N + 1 comes (M - a_N)(w_N - w_(N-1))": is_zero(after - rest - (top - old) * (high - low)),
    }


def expected_value(statement: ExpectedValue, budget: Budget) -> list[Evidence]:
    """Explicit ``M_f``."""

    def sides(point: Any, problem: tiny.FiniteSum, tree: list[list[tiny.Node]]) -> tuple[Fraction, Fraction]:
        squares = sum((beta**2 for beta in point["betas"]), Fraction(0))
        largest = max(tiny.mean(level, problem.value_at) for level in tree)
        return largest, problem.value(point["start"]) + point["coefficient"] * point["sigma2"] / point["n"] * squares

    def constants(problem: tiny.FiniteSum, mu: Fraction, c: Fraction) -> dict[str, Any]:
        return {"coefficient": Fraction(statement.coefficient(problem.lipschitz, mu, c))}

    def proof(budget: Budget) -> list[Evidence]:
        return [*one_step(OneStep(Fraction(1, 4), statement.coefficient), budget), Exact("symbolic", _telescoping())]

    return _tree_statement(sides, constants, VALUE_REPLAY, budget, proof)


def weighted(statement: Weighted, budget: Budget) -> list[Evidence]:
    """The series whose finiteness gives (19)."""

    def sides(point: Any, problem: tiny.FiniteSum, tree: list[list[tiny.Node]]) -> tuple[Fraction, Fraction]:
        coefficient = point["coefficient"]
        squares = sum((beta**2 for beta in point["betas"]), Fraction(0))
        drop = problem.value(point["start"]) - problem.value(problem.minimiser)
        gradients = [tiny.mean(level, problem.squared_gradient) for level in tree[:-1]]
        total = sum((b * g for b, g in zip(point["betas"], gradients, strict=True)), Fraction(0))
        return total, statement.factor / point["mu"] * (drop + coefficient * point["sigma2"] / point["n"] * squares)

    def constants(problem: tiny.FiniteSum, mu: Fraction, c: Fraction) -> dict[str, Any]:
        return {"coefficient": Fraction(sharp_noise(problem.lipschitz, mu, c)), "factor": statement.factor}

    def proof(budget: Budget) -> list[Evidence]:
        found = one_step(OneStep(1 / statement.factor, sharp_noise), budget)
        return [*found, Exact("symbolic", _telescoping())]

    return _tree_statement(sides, constants, WEIGHTED_REPLAY, budget, proof)


# Theorem 2


@dataclass(frozen=True)
class Crossing:
    """``|grad f| + s <= bound(eps, s) |grad f|^2`` while ``|grad f| > eps``: movement against the summable series."""

    bound: Callable[[Any, Any], Any]


def crossing(statement: Crossing, budget: Budget) -> list[Evidence]:
    """The certificate, and the series it is measured by."""
    size, s, eps, over = sp.symbols("G s epsilon o", positive=True)
    item = Inequality(size + s, "<=", statement.bound(eps, s) * size**2, {size: eps + over})
    return [*inequality(item, budget), *weighted(Weighted(Fraction(8, 3)), budget)]


# Theorem 3


@dataclass(frozen=True)
class Rate:
    """``mean E |grad f|^2 <= first (M_f - f_low) N^(r-1) + noise sigma^2 / n * (N^-r - r N^-1) / (1 - r)``."""

    first: Callable[[Any, Any, Any], Any]
    noise: Callable[[Any, Any], Any]
    tail: Callable[[Any, Any], Any] = lambda n, r: n**-r - r / n


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
                        "right": float(first * (top_value - low)) * count ** (r - 1)
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
            **_telescoping(),
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
                r"$\alpha_k\le\beta_k^{1/2}$. Summed: $\mathbb E\sum\beta_k\|\nabla f(x_k)\|^2<\infty$ by "
                r"(18a), so the "
                r"series is finite with probability 1, and $\sum\beta_k=\infty$ leaves $\liminf=0$.",
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
        ),
    ),
    Claim(
        id="anderson-mixing/theorem-2-limit",
        location="Theorem 2, (21), (22)",
        statement=r"If moreover $\mathbb E\|\nabla f_{\xi_k}(x_k)\|^2\le M_g$, then $\lim\|\nabla f(x_k)\|=0$ with "
        "probability 1.",
        parts=(
            Part(
                "movement while the gradient is large is summable",
                crossing,
                printed=Crossing(lambda eps, s: 1 / eps + s / eps**2),
                broken=Crossing(lambda eps, s: 1 / eps),
                note=r"If $\|\nabla f\|$ exceeded $2\varepsilon$ infinitely often it would, by (19), cross from "
                r"$2\varepsilon$ to $\varepsilon$ infinitely often, each time moving by at least $\varepsilon/L$. But "
                r"$\mathbb E\|\Delta x_k\|\le\beta_k(1+C^{-1})^{1/2}(\|\nabla f\|+\sigma)$ and on the crossings, which "
                r"the past decides, $\|\nabla f\|+\sigma\le(\varepsilon^{-1}+\sigma\varepsilon^{-2})\|\nabla "
                r"f\|^2$, so "
                r"the expected total movement is finite by the series of Theorem 1. (21) is not used: Assumption 2 is "
                r"enough.",
            ),
        ),
    ),
    Claim(
        id="anderson-mixing/theorem-3-rate",
        location="Theorem 3, (23)",
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
                "the noise term can be smaller",
                one_step,
                printed=OneStep(Fraction(3, 8), sharp_noise),
                broken=OneStep(Fraction(3, 8), lambda lip, mu, c: 0 * lip),
                bears=False,
                note=r"Not sharp: with $\|Hr\|^2\le\beta^2(1+C^{-1})\|r\|^2$ the factors $16$ and $1+L^{-1}\mu^{-1}$ "
                r"become $\frac{32}{3}$ and $\frac13(1+L^{-1}\mu^{-1})$.",
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

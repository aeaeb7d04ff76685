"""Section C.2: gradient variance from one mini-batch, (44), and its exact bias."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction as F
from itertools import combinations, product
from typing import Any

import numpy as np

from ..checks.search import ForAll, Point, for_all
from ..checks.symbolic import Identity, symbolic_identity
from ..claim import Budget, Claim, Evidence, Part
from .estimators import CONSTANTS, mean, size, var


def as_printed(batch_size: Any) -> Any:
    """Weight of g^2 in (44)."""
    return 1


def bessel(batch_size: Any) -> Any:
    """Weight of g^2 that makes (44) the sample variance over B."""
    return batch_size / (batch_size - 1)


Weight = Callable[[Any], Any]


def variance_estimate(batch: Sequence[Any], square_weight: Weight = as_printed) -> Any:
    """(44) of one batch, with the given weight of g^2."""
    b = len(batch)
    g = sum(batch) / b
    return (sum(x * x for x in batch) / (b - 1) - square_weight(F(b)) * g * g) / b


def expected_estimate(square_weight: Weight, first: Any = mean, second: Any = var) -> Any:
    """E of (44) for n iid examples of mean ``first`` and variance ``second``.

    E sum x^2 = n (v + m^2), E g^2 = v / n + m^2.
    """
    return (size * (second + first**2) / (size - 1) - square_weight(size) * (second / size + first**2)) / size


POPULATIONS: tuple[tuple[int, ...], ...] = ((2, 2, 2), (0, 1, 3), (-1, 2, 5, 2), (-4, 1, 1, 1, 7))


def _batches(point: Point) -> list[tuple[Any, ...]]:
    """All equally likely batches."""
    values = [F(x) for x in point["population"]]
    if point["replacement"]:
        return list(product(values, repeat=point["B"]))
    return list(combinations(values, point["B"]))


def _unbiased(
    square_weight: Weight, replacement: bool, correction: Callable[[int, int], Any] = lambda total, batch: 1
) -> ForAll:
    """E[estimate] against var[g], by enumeration of all batches; for any B by moments when drawn with replacement."""

    def points(budget: Budget) -> Iterable[Point]:
        for population, b in product(POPULATIONS, range(2, budget.pick(5, 6))):
            if replacement or b <= len(population):
                weight = square_weight(F(b))
                yield {"population": population, "B": b, "replacement": replacement, "weight": weight}

    def sides(point: Point) -> tuple[Any, Any]:
        found = _batches(point)
        factor = correction(len(point["population"]), point["B"])
        means = [sum(batch) / len(batch) for batch in found]
        centre = sum(means) / len(found)
        estimates = [variance_estimate(batch, square_weight) for batch in found]
        return factor * sum(estimates) / len(found), sum((g - centre) ** 2 for g in means) / len(found)

    def again(point: Point) -> tuple[Any, Any]:
        found = np.array(_batches(point), dtype=float)
        b = found.shape[1]
        g = found.mean(axis=1)
        values = ((found**2).sum(axis=1) / (b - 1) - float(point["weight"]) * g**2) / b
        return float(correction(len(point["population"]), b)) * values.mean(), g.var()

    def prove(budget: Budget) -> Sequence[Evidence]:
        return symbolic_identity(Identity(expected_estimate(square_weight), var / size, CONSTANTS), budget)

    return ForAll(
        points=points,
        sides=sides,
        relation="==",
        again=again,
        replay="from fractions import Fraction as F\nfrom itertools import combinations, product\n"
        "x, n, weight = [F(v) for v in witness['population']], witness['B'], F(str(witness['weight']))\n"
        "all_batches = list(product(x, repeat=n) if witness['replacement'] else combinations(x, n))\n"
        "s = [(sum(v * v for v in b) / (n - 1) - weight * (sum(b) / n) ** 2) / n for b in all_batches]\n"
        "g = [sum(b) / n for b in all_batches]\ncentre = sum(g) / len(g)\n"
        "violated = sum(s) / len(s) != sum((v - centre) ** 2 for v in g) / len(g)",
        proof=prove if replacement else None,
        exact=True,
    )


CLAIMS = [
    Claim(
        id="dissecting-adam/minibatch-variance-estimate",
        location="C.2, (44)",
        statement=r"$\hat s=\frac1B\big(\frac1{B-1}\sum_{k\in\mathcal B}\nabla\ell_k^2-g^2\big)$ is an unbiased "
        r"estimate "
        r"of $\mathbf{var}[g]$.",
        assumptions=(r"$B\ge2$", "examples drawn iid, with replacement"),
        parts=(
            Part(
                "unbiased with replacement",
                for_all,
                printed=_unbiased(as_printed, True),
                repair=_unbiased(bessel, True),
                broken=_unbiased(lambda b: (b + 1) / b, True),
                repair_note=r"$\frac1B\big(\frac1{B-1}\sum\nabla\ell_k^2-\frac B{B-1}g^2\big)"
                r"=\frac1{B(B-1)}\sum(\nabla\ell_k-g)^2$",
                note="The factor B/(B-1) is missing at g^2. For identical gradients the printed estimate is "
                "g^2 / (B (B - 1)), not 0.",
            ),
            Part(
                "size of the bias",
                symbolic_identity,
                printed=Identity(
                    expected_estimate(as_printed) - var / size, (var / size + mean**2) / (size * (size - 1)), CONSTANTS
                ),
                broken=Identity(expected_estimate(as_printed) - var / size, mean**2 / (size * (size - 1)), CONSTANTS),
                bears=False,
                note="The bias is E[g^2] / (B (B - 1)): relative to var[g] it is 1/(B (B - 1)) + 1/(eta_1^2 (B - 1)), "
                "eta_1 the relative deviation of one example. The smaller the noise, the worse.",
            ),
            Part(
                "the repaired estimate without replacement",
                for_all,
                printed=_unbiased(bessel, False),
                repair=_unbiased(bessel, False, lambda total, batch: F(total - batch, total)),
                broken=_unbiased(as_printed, False),
                bears=False,
                repair_note=r"times $(M-B)/M$",
                note="Without replacement it overestimates var[g] by M / (M - B), as B -> M without bound.",
            ),
        ),
        figures=("dissecting-adam/estimator-bias",),
    ),
]

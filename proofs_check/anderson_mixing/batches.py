"""Remark 3: whether the update matrix depends on the current batch, by enumeration of all batches."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Literal

from ..claim import Budget, Evidence, Exact
from . import tiny
from .algebra import letters

Construction = Literal["current batch", "previous batch"]


def batch_dependence(statement: tuple[Construction, bool], budget: Budget) -> list[Evidence]:
    """Whether ``E[H_k g_k | past] = H_k grad f(x_k)`` at all second steps of tiny problems, every batch enumerated.

    ``y_k`` of the previous batch at both points makes ``H_k`` a number known before the batch is drawn.
    """
    del budget
    construction, identity = statement
    steps = {}
    data: dict[str, Any] = {}
    beta, c, mu = Fraction(1, 4), Fraction(1), Fraction(1, 10)
    for j, problem in enumerate(tiny.PROBLEMS):
        for first in range(len(problem.a)):
            x0 = Fraction(3)
            r0 = -problem.gradient(x0, (first,))
            x1 = x0 + beta * r0
            matrices, products = [], []
            for second in range(len(problem.a)):
                r1 = -problem.gradient(x1, (second,))
                base = r1 if construction == "current batch" else -problem.gradient(x1, (first,))
                h, _ = tiny.step(x1, base, (x0, r0), beta, c, mu)
                matrices.append(h)
                products.append(h * -r1)
            count = len(matrices)
            same = len(set(matrices)) == 1
            gap = sum(products) / count - sum(matrices) / count * problem.gradient(x1)
            steps[f"problem {j}, first sample {first}"] = (gap == 0) == identity and same == identity
            data[f"problem {j}, first sample {first}"] = {
                "H": [str(h) for h in matrices],
                "E[H g] - E[H] grad f": str(gap),
            }
    if not identity:
        return [Exact("enumeration", steps, data)]  # that it fails in general needs one example
    matrix, mean, noise = letters("H g e")
    agree = all(steps.values())
    linear = {
        "H g + H e with e of mean zero has the mean H g, for H fixed before the batch": (
            matrix @ (mean + noise) - matrix @ mean - matrix @ noise
        ).is_zero(),
        f"{len(steps)} instances agree": agree,
    }
    return [Exact("symbolic", linear, data)]

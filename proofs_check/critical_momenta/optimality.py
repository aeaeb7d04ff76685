"""Section 3.2: that no parameters are better than the best found, proved case by case."""

from __future__ import annotations

from dataclasses import dataclass

from spectral import OptimalityCertificate, certify_optimality, verify_optimality

from ..claim import Budget, Evidence, Exact
from .rate_curves import best

QUICK = ((10.0, 3), (100.0, 5), (1e6, 5))
CASES = (*QUICK, (2.0, 3), (1e3, 3), (1e3, 8), (2.0, 10), (1e4, 10), (100.0, 20), (1e5, 20))


@dataclass(frozen=True)
class NothingBetter:
    """No step size and momentum in [0, 1) have a worst-case rate below the one found minus ``slack``."""

    slack: float


def nothing_better(statement: NothingBetter, budget: Budget) -> list[Evidence]:
    """Chains of bad step sizes for all momenta, in ball arithmetic, checked again from their JSON."""
    steps, data = {}, {}
    for kappa, size in budget.pick(QUICK, CASES):
        name, found = f"kappa {kappa:g}, C {size}", best(kappa, size)
        bound = found.rate - statement.slack
        try:
            proof = certify_optimality(kappa, size, bound)
        except ArithmeticError as error:
            steps[name], data[name] = False, {"rate": found.rate, "bound": bound, "no proof": str(error)}
            continue
        steps[name] = verify_optimality(OptimalityCertificate.from_json(proof.to_json()))
        data[name] = {"rate": found.rate, "bound": bound, "intervals of momenta": len(proof.chains)}
    return [Exact("certificate", steps, data, instances=len(steps))]

"""Section 2.2: which eigenvalue AdaGrad believes in when optima, or linear terms, are drawn apart from the spectrum."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from itertools import product
from typing import Any

import sympy as sp

from ..checks.bounds import Inequality, inequality
from ..checks.search import ForAll, for_all
from ..claim import Budget, Claim, Evidence, Part, Sampled

# A model maps (lambda, second draw) to the believed eigenvalue (first AdaGrad step from z_0 = 0, times alpha) and |z*|.
Model = Callable[[Any, Any], tuple[Any, Any]]
MODELS: dict[str, Model] = {
    "z* independent": lambda lam, z: (lam * z, z),
    "b independent": lambda lam, b: (b, b / lam),
}
PAIRS: dict[str, Callable[[Any, Any, Any], tuple[Any, Any]]] = {
    "believed and true": lambda lam, believed, far: (believed, lam),
    "distance and true": lambda lam, believed, far: (far, lam),
    "believed and distance": lambda lam, believed, far: (believed, far),
}


def _sign(value: Any) -> int:
    return (value > 0) - (value < 0)


def _laws(budget: Budget, dependent: bool = False) -> Iterator[dict[str, Any]]:
    values = [[1, 2, 3], [1, 10, 100], [1, 2, 50], [3, 4, 5, 6]]
    if dependent:
        # b = +- lambda^2 and z* = +- lambda^-2 with a random sign: uncorrelated with lambda, not independent.
        for spectrum in values:
            for power in (2, -2):
                atoms = [[Fraction(v), Fraction(v) ** power] for v in spectrum]
                yield {"atoms": atoms, "signs": "random, so that the covariance with lambda is zero"}
    for spectrum, second in product(values[: budget.pick(3, 4)], repeat=2):
        yield {"atoms": [[Fraction(a), Fraction(b)] for a in spectrum for b in second]}


def _kendall(point: Mapping[str, Any], model: str, pair: str, kind: Callable[[Any], Any]) -> Fraction:
    """Kendall's tau of two independent draws, by enumeration of the atoms (equally likely)."""
    drawn = []
    for atom in point["atoms"]:
        lam, second = map(kind, atom)
        drawn.append(PAIRS[pair](lam, *MODELS[model](lam, second)))
    total = sum(_sign(a[0] - b[0]) * _sign(a[1] - b[1]) for a in drawn for b in drawn)
    return Fraction(total, len(drawn) ** 2)


def _library(point: Mapping[str, Any], model: str, pair: str) -> float:
    """Numerator of SciPy's tau-b, which differs from the definition by a positive factor for ties."""
    from scipy.stats import kendalltau

    drawn = [PAIRS[pair](a, *MODELS[model](a, b)) for a, b in ([float(v) for v in x] for x in point["atoms"])]
    tau = float(kendalltau([d[0] for d in drawn], [d[1] for d in drawn]).statistic)
    return round(tau, 12)


REPLAY = """
from proofs_check.softadam.correlations import _kendall
from fractions import Fraction as F
tau = _kendall(witness, witness["model"], witness["pair"], F)
violated = not {">": tau > 0, "<": tau < 0, "==": tau == 0}[witness["relation"]]
"""

_A, _B, _S, _U = sp.symbols("a b s u")
# Two independent draws (lambda, w), (lambda', w') with lambda = b + s > lambda' = b and w = a + u > w' = a > 0: to swap
# w and w' is equally likely, and of the two arrangements at least the aligned one has the sign that is claimed.
PROOFS = {
    ("z* independent", "believed and true"): Inequality(_B * _A, "<", (_B + _S) * (_A + _U)),
    ("b independent", "distance and true"): Inequality(_A / (_B + _S), "<", (_A + _U) / _B),
    ("b independent", "believed and distance"): Inequality(_A / (_B + _S), "<", (_A + _U) / _B),
}


def _association(model: str, pair: str, relation: str, dependent: bool = False) -> ForAll:
    certificate = PROOFS.get((model, pair))

    def proof(budget: Budget) -> list[Evidence]:
        assert certificate is not None
        return inequality({"aligned draws have the claimed sign": certificate}, budget)

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        for law in _laws(budget, dependent):
            yield law | {"model": model, "pair": pair, "relation": relation}

    return ForAll(
        points=points,
        sides=lambda p: (_kendall(p, model, pair, Fraction), 0),
        relation=relation,  # type: ignore[arg-type]
        again=lambda p: (_library(p, model, pair), 0.0),
        replay=REPLAY,
        methods=("exact Kendall tau by enumeration", "Kendall's tau of SciPy"),
        margins=(0.0, 0.0),
        proof=None if certificate is None else proof,
    )


def _simulated(expected: Mapping[str, tuple[float, float]], budget: Budget) -> list[Evidence]:
    """Spearman's rho of |lambda z_0 - b| with lambda, from a random start, with a "
    "99% interval inside the stated one."""
    import numpy as np
    from scipy.stats import norm, spearmanr

    rng = np.random.default_rng(20)
    size = budget.pick(20_000, 400_000)
    lam = 10 ** rng.uniform(-3, 0, size)
    start, other = rng.standard_normal((2, size))
    draws = {
        "z* independent": (np.abs(lam * (start - other)), np.abs(start - other)),
        "b independent": (np.abs(lam * start - other), np.abs(start - other / lam)),
    }
    data, slack = {}, float("inf")
    for model, (believed, far) in draws.items():
        for name, values in (("believed", believed), ("distance", far)):
            rho = float(spearmanr(values, lam).statistic)
            half = float(norm.ppf(0.995)) * np.sqrt((1 + rho**2 / 2) / size)
            data[f"{model}: {name} with lambda"] = [rho - half, rho + half]
    for key, (low, high) in expected.items():
        slack = min(slack, data[key][0] - low, high - data[key][1])
    return [
        Sampled(
            "simulation, Spearman's rho with 99% intervals",
            len(expected),
            0 if slack >= 0 else 1,
            slack,
            f"{size} draws, lambda log-uniform on [1e-3, 1], z_0 and z* (or b) standard normal",
            data,
        )
    ]


CLAIM = Claim(
    id="softadam/eigenvalue-estimate-and-correlations",
    location="section 2.2",
    statement=(
        r"If $z_i^*$ is unrelated to $\lambda_i$, AdaGrad's estimate $\hat\lambda_i$ does "
        r"well on average; if $b_i$ is, "
        r"far optima go with small $\lambda_i$, and a far optimum is taken for a large "
        r"eigenvalue. Precise version: rank "
        r"correlation (Kendall) of $\hat\lambda_i$ with $\lambda_i$ positive in the first model; in the second that of "
        r"$|z_i^*|$ with $\lambda_i$ negative and that of $\hat\lambda_i$ with $|z_i^*|$ positive."
    ),
    assumptions=("'uncorrelated' is read as independent", r"diagonal $H$, $\lambda_i>0$, first step from $z_0=0$"),
    parts=(
        Part(
            "z* independent: estimate and eigenvalue agree in rank more often than not",
            for_all,
            printed=_association("z* independent", "believed and true", ">"),
            broken=_association("z* independent", "believed and true", "<"),
        ),
        Part(
            "b independent: far optima go with small eigenvalues",
            for_all,
            printed=_association("b independent", "distance and true", "<"),
            broken=_association("b independent", "distance and true", ">"),
        ),
        Part(
            "b independent: the farther the optimum, the larger the believed eigenvalue",
            for_all,
            printed=_association("b independent", "believed and distance", ">"),
            broken=_association("b independent", "believed and distance", "<"),
            note="While the true eigenvalue is the smaller the farther: the estimate errs in the wrong direction.",
        ),
        Part(
            "b independent, z_0 = 0: the estimate carries no rank information on the eigenvalue",
            for_all,
            printed=_association("b independent", "believed and true", "=="),
            broken=_association("b independent", "believed and true", ">"),
            bears=False,
            note="The first gradient is -b, whatever lambda is; tau = 0 exactly.",
        ),
        Part(
            "'uncorrelated' taken literally, z* model",
            for_all,
            printed=_association("z* independent", "believed and true", ">", dependent=True),
            broken=_association("z* independent", "believed and true", "<"),
            repair=_association("z* independent", "believed and true", ">"),
            repair_note="independent, not merely uncorrelated",
            bears=False,
            note=(
                "z* = +-lambda^-2 with a random sign has zero covariance with lambda, and the estimate ranks backwards."
            ),
        ),
        Part(
            "'uncorrelated' taken literally, b model",
            for_all,
            printed=_association("b independent", "distance and true", "<", dependent=True),
            broken=_association("b independent", "distance and true", ">"),
            repair=_association("b independent", "distance and true", "<"),
            repair_note="independent, not merely uncorrelated",
            bears=False,
            note="b = +-lambda^2: zero covariance, and far optima go with large eigenvalues.",
        ),
        Part(
            "random start: Spearman's rho over three decades of eigenvalues",
            _simulated,
            printed={
                "z* independent: believed with lambda": (0.0, 1.0),
                "b independent: distance with lambda": (-1.0, 0.0),
                "b independent: believed with lambda": (0.0, 0.25),
            },
            broken={"b independent: distance with lambda": (0.0, 1.0)},
            bears=False,
            note="Intervals are in the data; with a random start the b model's estimate is only weakly informative.",
        ),
    ),
)

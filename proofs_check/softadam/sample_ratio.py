"""Sections 3 and 3.1: the sample ratio r, in words and as a formula."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

import sympy as sp

from ..checks.bounds import Inequality, inequality
from ..checks.search import ForAll, for_all
from ..checks.symbolic import Identity, symbolic_identity
from ..claim import Budget, Claim, Evidence, Part, Sampled
from .transcription import beta2_hat

BETAS = (Fraction(3, 4), Fraction(9, 10), Fraction(7, 10))
BETA, Y, N_T, N_END = sp.symbols("beta y n N")
S, U, W = sp.symbols("p u w")

# --- r ---


def _words(definition: Any, formula: Any) -> Identity:
    """r from sample numbers n = 1/(1 - beta2hat), N = 1/(1 - beta2), against the formula in beta2, beta2hat."""
    return Identity(definition(N_T / N_END), formula((1 / N_END) / (1 / N_T)), {N_T: (1, 2, 3), N_END: (4, 9, 16)})


def _samples(shift: int) -> ForAll:
    """r_t^2 = min(1, (t + shift)(1 - beta2)): rises from 1 - beta2 to one, which it reaches at t >= 1/(1 - beta2)."""

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        for beta in (*BETAS, Fraction(999, 1000)):
            for t in (*range(1, budget.pick(30, 200)), 999, 1000, 1001):
                yield {"beta2": beta, "t": t}

    def exact(p: Mapping[str, Any]) -> tuple[Fraction, Fraction]:
        beta, t = p["beta2"], p["t"]
        return (1 - beta) / (1 - beta2_hat(beta, t)), min(Fraction(1), (t + shift) * (1 - beta))

    def again(p: Mapping[str, Any]) -> tuple[float, float]:
        beta, t = float(p["beta2"]), p["t"]
        return (1 - beta) / (1 - min(beta, 1 - 1 / t)), min(1.0, (t + shift) * (1 - beta))

    def proof(budget: Budget) -> list[Evidence]:
        growing = Identity((1 - BETA) / (1 - (1 - 1 / Y)), (Y + shift) * (1 - BETA))
        return symbolic_identity({"while 1 - 1/t is the smaller": growing}, budget)

    return ForAll(
        points=points,
        sides=exact,
        relation="==",
        again=again,
        replay="""
from fractions import Fraction as F
b, t = F(witness["beta2"]), witness["t"]
violated = (1 - b) / (1 - min(b, 1 - F(1, t))) != min(1, (t + 1) * (1 - b))
""",
        proof=proof,
    )


def _apart(limits: tuple[float, float], budget: Budget) -> list[Evidence]:
    """Largest median distance of the iterates, relative to the start's, when r has its root and when not."""
    import numpy as np

    from optassay.optimizers.softadam import SoftAdam

    rng, n, runs = np.random.default_rng(6), 20, budget.pick(30, 200)
    curvature = np.geomspace(1e-2, 1, n)
    start = rng.standard_normal((runs, n))
    rules = [SoftAdam.paper(ratio=ratio) for ratio in ("root", "plain")]
    points, states, gaps = [start] * 2, [rule.init(start) for rule in rules], []
    for _ in range(1500):
        noise = 0.3 * rng.standard_normal((runs, n))
        moved = [r.step(x, curvature * x + noise, s) for r, x, s in zip(rules, points, states, strict=True)]
        points, states = [x for x, _ in moved], [s for _, s in moved]
        apart = np.linalg.norm(points[0] - points[1], axis=1) / np.linalg.norm(start, axis=1)
        gaps.append(float(np.median(apart)))
    largest, slack = max(gaps), min(max(gaps) - limits[0], limits[1] - max(gaps))
    data = {"largest": largest, "at step": gaps.index(largest) + 1, "after 1500 steps": gaps[-1]}
    return [Sampled("runs in floating point", runs, 0 if slack >= 0 else runs, slack, f"{runs} runs", data)]


CLAIM = Claim(
    id="softadam/sample-ratio-r",
    location="sections 3 and 3.1",
    statement=(
        r"$r=n_t/n_\infty$, the ratio of the numbers of samples in $v_t$ and $v_\infty$, that is "
        r"$r_t=\sqrt{(1-\beta_2)/(1-\hat\beta_{2t})}$, in $d_i=\alpha(1+\eta)/(1+\eta-\eta r+\eta r\,x_i)$."
    ),
    assumptions=(r"$n_t=1/(1-\hat\beta_{2t})$, $n_\infty=1/(1-\beta_2)$",),
    main_reading="root in r_t, none in the definition",
    reading_reason="Algorithm 1 prints sqrt and the code uses it; both sentences call r a ratio of the two numbers",
    parts=(
        Part(
            "definition in words and formula agree",
            symbolic_identity,
            printed=_words(lambda q: q, sp.sqrt),
            broken=_words(lambda q: 1 / q, sp.sqrt),
            repair=_words(sp.sqrt, sp.sqrt),
            repair_note=r"$r=\sqrt{n_t/n_\infty}$",
            reading="root in r_t, none in the definition",
            note="At t = 1, beta2 = .999 the words give .001 and the formula .0316.",
        ),
        Part(
            "definition in words and formula agree",
            symbolic_identity,
            printed=_words(sp.sqrt, sp.sqrt),
            broken=_words(lambda q: 1 / q, sp.sqrt),
            reading="root in both",
        ),
        Part(
            "definition in words and formula agree",
            symbolic_identity,
            printed=_words(lambda q: q, lambda q: q),
            broken=_words(lambda q: 1 / q, lambda q: q),
            reading="no root in either",
            note="Consistent, but not what Algorithm 1 and the code compute.",
        ),
        Part(
            "r_t^2 = min(1, t (1 - beta2)): in [1 - beta2, 1], never falling, one from t = 1/(1 - beta2) on",
            for_all,
            printed=_samples(0),
            broken=_samples(1),
            bears=False,
            note="t = 1000 at the default. Readings: r = .0316 or .001 at t = 1, .316 or .1 at t = 100.",
        ),
        Part(
            "the coefficients of the two readings differ by less than eta |x - 1|",
            inequality,
            printed=Inequality(
                ((1 + Y) / (1 + Y + Y * U * W) - (1 + Y) / (1 + Y + Y * U**2 * W)) ** 2,
                "<=",
                (Y * W) ** 2,
                {U: S / (1 + S)},
            ),
            broken=Inequality(
                ((1 + Y) / (1 + Y + Y * U * W) - (1 + Y) / (1 + Y + Y * U**2 * W)) ** 2,
                "<=",
                (Y * W) ** 2 / 10**6,
                {U: S / (1 + S)},
            ),
            bears=False,
            note="w = x - 1 > 0, y = eta, u = r. The readings agree from t = 1/(1 - beta2) on.",
        ),
        Part(
            "how far the two readings drive the iterates apart on a noisy quadratic (relative to the start)",
            _apart,
            printed=(0.002, 0.05),
            broken=(0.2, 1.0),
            bears=False,
            note="n = 20, defaults: about one percent at most, around step 30, and less than a tenth of that at 1500.",
        ),
    ),
)

"""Section 4 on the two-well family (9): figures 6 and 7.

Step size 0.05 and the paper's defaults; starts are uniform in [-5, 5]^D, 500 steps, unless a part says otherwise. The
runs are deterministic, so that starts are the only chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from analysis.landscapes import TwoWell
from analysis.runs import run
from analysis.toys import READINGS, Method, Name, Starts

from ..checks.orderings import Ordering, Pair
from ..claim import Budget, Claim, Evidence, Part, Sampled
from . import sensitivity
from .toy_runs import AnyArm, Arm, Level, above, ordered, study, wells_ordering

ALL = (1.0, 2.0, 3.0, 5.0, 10.0, 100.0)
SHARP = (10.0, 100.0)
CAPACITIES = (5, 10, 20, 40)


def methods(capacity: int, decay: float, radius: float = 0.05) -> dict[str, Method]:
    """The four optimizers of figures 6 and 7."""
    return {
        "Adam": Method("Adam"),
        "Adam+SAM": Method("Adam+SAM", radius=radius),
        "Adam+CG": Method("Adam+CG", capacity=capacity, decay=decay),
        "Adam+CM": Method("Adam+CM", capacity=capacity, decay=decay),
    }


# --- Figure 6 ---

OTHERS = ("Adam", "Adam+SAM", "Adam+CG")


def _figure_6(**options: Any) -> Ordering:
    options = {"at": SHARP, "family": SHARP, "counts": (300, 1000)} | options
    return wells_ordering(methods(20, 0.99), above("Adam+CM", *OTHERS), dim=10, **options)


def _hardly(level: float) -> Ordering:
    """Every method's ratio at s = 2 and 3 is below ``level``."""
    arms: dict[str, AnyArm] = {
        f"{name}, s={s:g}": Arm(method, "wells", -5.0, 5.0, "basin", 10, 500, s, (2.0, 3.0))
        for name, method in methods(20, 0.99).items()
        for s in (2.0, 3.0)
    }
    pairs = tuple((f"{level:g}", name) for name in arms)
    return Ordering(study(arms | {f"{level:g}": Level(level)}), pairs, (300, 2000))


def _five(order: tuple[Pair, ...]) -> Ordering:
    return wells_ordering(methods(5, 0.99), order, (100.0,), family=(100.0,), dim=10, counts=(200, 1000))


def _separates(name: Name, budget: Budget) -> list[Evidence]:
    """Whether runs in ten dimensions end where the runs of their single coordinates end."""
    starts = Starts(-5.0, 5.0, 10, budget.pick(50, 1000)).points()
    rule, well = Method(name, capacity=20, decay=0.99).rule(), TwoWell(100.0)
    together = run(rule, well, starts, 500).params
    alone = run(rule, well, starts.reshape(-1, 1), 500).params.reshape(starts.shape)
    gap = np.abs(together - alone)
    return [
        Sampled(
            "runs in ten dimensions against runs of their coordinates",
            gap.size,
            int(np.sum(gap > 1e-9)),
            1e-9 - float(gap.max()),
            f"{len(starts)} starts, s = 100, 500 steps",
        )
    ]


def _product_law() -> Ordering:
    method = methods(20, 0.99)["Adam+CM"]
    arms: dict[str, AnyArm] = {
        name: Arm(method, "wells", -5.0, 5.0, outcome, 10, 500, 100.0, (100.0,))
        for name, outcome in (("tenth power of a coordinate's", "product"), ("ratio of all ten", "basin"))
    }
    return Ordering(study(arms), (("tenth power of a coordinate's", "ratio of all ten"),), (800, 4000))


FIGURE_6 = Claim(
    id="critical-momenta/figure-6-escape-10d",
    location="section 4, figure 6",
    statement=(
        r"On (9) with $D=10$, $C=20$, $\lambda=0.99$, starts uniform in $[-5,5]^{10}$, Adam+CM has a higher escape "
        r"ratio than Adam, Adam+SAM and Adam+CG as $s$ increases; judged at $s=10$ and $100$ for every way of counting."
    ),
    assumptions=(r"step 0.05, $\beta_1=0.9$, $\beta_2=0.99$, 500 steps, deterministic gradients",),
    figures=(
        "critical-momenta/figure-6",
        "critical-momenta/escape-ablation",
        "critical-momenta/escape-designs",
        "critical-momenta/escape-laws",
        "critical-momenta/study-size",
    ),
    parts=(
        ordered(
            "all coordinates end in the flat basin",
            _figure_6(),
            reading="basin",
            note="Ratios are far below the printed axis (0 to 0.9): Adam+CM about 0.06 at s=10 and 0.35 at s=100, the "
            "others at most 0.04. In ten dimensions hardly any start lies in the flat basin, so leaving those out "
            "changes nothing.",
        ),
        ordered(
            "all coordinates end within 0.1 of the origin",
            _figure_6(outcome="near"),
            reading="near",
        ),
        ordered(
            "already at s = 5",
            _figure_6(at=(5.0,), family=(5.0,), counts=(400, 1000)),
            bears=False,
            note="Adam+CM about 0.04; in a study of 50 runs two of them.",
        ),
        ordered(
            "with C = 5 instead of 20, same decay, s = 100: Adam+CM and Adam+CG both above Adam and Adam+SAM",
            _five((*above("Adam+CM", "Adam", "Adam+SAM"), *above("Adam+CG", "Adam", "Adam+SAM"))),
            bears=False,
            note="The order needs C = 20: with five slots both escape in about 0.85 of the runs, far more often than "
            "with twenty.",
        ),
        ordered(
            "at s = 2 and 3 hardly any run of any method escapes: fewer than one of twenty",
            _hardly(0.05),
            bears=False,
        ),
        Part(
            "law in D dimensions, Adam: a run is D runs in one dimension, so the ratio is the D-th power",
            _separates,
            printed="Adam",
            broken="Adam+CM",
            bears=False,
            note="Adam acts on each coordinate by itself and (9) is a sum; the norm that is the key, or SAM's radius, "
            "couples the coordinates of the others.",
        ),
        ordered(
            "law in D dimensions, Adam+CM: fewer runs escape in all ten coordinates than independent ones would",
            _product_law(),
            bears=False,
            note="s = 100: a coordinate ends in the flat basin with probability .92, the tenth power is .41, the ratio "
            ".35: escapes of the coordinates of one run exclude each other a little, as they share one buffer.",
        ),
        *sensitivity.FIGURE_6,
    ),
)


# --- Figure 7 ---

BUT_TWO = (1.0, 3.0, 5.0, 10.0, 100.0)


def _figure_7(order: tuple[Pair, ...], at: Sequence[float], decay: float = 0.7, **options: Any) -> Ordering:
    options = {"family": ALL, "counts": (300, 3000)} | options
    return wells_ordering(methods(10, decay), order, tuple(at), dim=1, **options)


def _cg_outperformed(name: str, reading: str | None, **options: Any) -> Part:
    return ordered(
        name,
        _figure_7(((("Adam", "Adam+CG"), ("Adam+SAM", "Adam+CG"))), SHARP, **options),
        sound=_figure_7(above("Adam+CG", "Adam", "Adam+SAM"), (10.0,), **options),
        reading=reading,
        bears=reading is not None,
    )


FIGURE_7_LEFT = Claim(
    id="critical-momenta/figure-7-left-escape-1d",
    location="section 4, figure 7 left",
    statement=(
        r"On (9) with $D=1$, $C=10$, $\lambda=0.7$: Adam+CM reaches $x=0$ more often than the others at "
        r"$s\in\{1,3,5,10,100\}$, and Adam+CG is outperformed by Adam and by Adam+SAM at large $s$ (10 and 100)."
    ),
    assumptions=(r"step 0.05, $\beta_1=0.9$, $\beta_2=0.99$, 500 steps, starts uniform in $[-5,5]$",),
    figures=(
        "critical-momenta/figure-7",
        "critical-momenta/escape-ablation",
        "critical-momenta/escape-designs",
        "critical-momenta/study-size",
    ),
    parts=(
        _cg_outperformed("Adam+CG outperformed: ends in the flat basin", "basin"),
        _cg_outperformed("Adam+CG outperformed: ends within 0.1 of 0", "near", outcome="near"),
        _cg_outperformed("Adam+CG outperformed: leaves the sharp basin", "escaped", outcome="escaped"),
        _cg_outperformed(
            "Adam+CG outperformed: step divided by ten after 250, within 0.1 of 0",
            "near, drop",
            outcome="near",
            drop=250,
        ),
        ordered(
            "Adam+CG outperformed at lambda = 0.99, constant step, ends within 0.1 of 0",
            _figure_7((("Adam", "Adam+CG"), ("Adam+SAM", "Adam+CG")), SHARP, 0.99, outcome="near"),
            bears=False,
            note="The one reading found in which the sentence holds: Adam+CG has left the sharp basin but still "
            "oscillates with more than 0.1 around 0, and counts as a failure.",
        ),
        ordered(
            "Adam+CG outperformed at lambda = 0.99, ends in the flat basin",
            _figure_7((("Adam", "Adam+CG"), ("Adam+SAM", "Adam+CG")), SHARP, 0.99),
            sound=_figure_7(above("Adam+CG", "Adam", "Adam+SAM"), SHARP, 0.99),
            bears=False,
        ),
        ordered(
            "Adam+CM above Adam and Adam+SAM at s = 2, 3, 5, 10, 100: ends in the flat basin",
            _figure_7(above("Adam+CM", "Adam", "Adam+SAM"), (2.0, *BUT_TWO[1:])),
            bears=False,
            note="s = 2 is no exception here.",
        ),
        ordered(
            "Adam+CM above Adam+CG at s = 3 and 5: ends in the flat basin",
            _figure_7(above("Adam+CM", "Adam+CG"), (3.0, 5.0)),
            bears=False,
            note="For s = 10 see the sensitivity below.",
        ),
        ordered(
            "Adam+CM above the others at s = 10: ends within 0.1 of 0, constant step",
            _figure_7(above("Adam+CM", *OTHERS), (1.0, 10.0), outcome="near"),
            sound=_figure_7(above("Adam+CM", "Adam"), (10.0,)),
            bears=False,
            note="Reversed: at lambda = 0.7 Adam+CM keeps oscillating around 0 with a constant step.",
        ),
        ordered(
            "Adam+CM above Adam+CG at s = 3 and 5 with lambda = 0.99: ends in the flat basin",
            _figure_7(above("Adam+CM", "Adam+CG"), (3.0, 5.0), 0.99),
            sound=_figure_7(above("Adam+CM", "Adam"), (5.0, 10.0), 0.99),
            bears=False,
            note="Reversed at the slower decay.",
        ),
        *sensitivity.FIGURE_7_LEFT,
    ),
)


def size(dim: int) -> dict[str, Any]:
    """One dimension: one batch with all s, so that the claims share their runs."""
    return {"family": ALL, "counts": (600, 3000)} if dim == 1 else {"counts": (100, 1000)}


def _sizes(decay: float, capacities: Sequence[int] = CAPACITIES) -> dict[str, Method]:
    return {f"C={c}": Method("Adam+CM", capacity=c, decay=decay) for c in capacities} | {
        "Adam": Method("Adam"),
        "no buffer": Method("Adam+CM", capacity=0),
    }


def _growing(capacities: Sequence[int] = CAPACITIES) -> tuple[Pair, ...]:
    return tuple((f"C={b}", f"C={a}") for i, a in enumerate(capacities) for b in capacities[i + 1 :])


def _growth(name: str, decay: float, dim: int, at: Sequence[float], sound_at: float, **options: Any) -> Part:
    """Each larger buffer above each smaller one; what is sound is that the largest is above Adam."""
    keep = {k: options.pop(k) for k in ("reading", "bears", "note") if k in options}
    setup: dict[str, Any] = {"dim": dim} | size(dim) | options
    quick = (sound_at,) if dim > 1 else None
    return ordered(
        name,
        wells_ordering(_sizes(decay), _growing(), tuple(at), quick_at=quick, **setup),
        sound=wells_ordering(_sizes(decay), (("C=40", "Adam"),), (sound_at,), **setup),
        **keep,
    )


FILL, CODE = READINGS["mean over the fill"], READINGS["published code"]
NEAR: dict[str, Any] = {"family": (1.0,), "dim": 1, "counts": (1500, 3000)}
ONE_D = (1.0, 2.0, 3.0, 5.0, 10.0, 100.0)
TEN_D = (2.0, 3.0, 5.0, 10.0, 100.0)

FIGURE_7_RIGHT = Claim(
    id="critical-momenta/figure-7-right-buffer-size",
    location="section 4, figure 7 right",
    statement=(
        r"On (9), Adam+CM with $C\in\{5,10,20,40\}$, $\lambda=0.7$: a larger $C$ reaches the flat minimum more often; "
        r"judged for every two sizes at every printed $s$."
    ),
    assumptions=(r"step 0.05, $\beta_1=0.9$, $\beta_2=0.99$, 500 steps, starts uniform in $[-5,5]^D$",),
    figures=("critical-momenta/figure-7",),
    parts=(
        _growth("one dimension, ends in the flat basin", 0.7, 1, ONE_D, 10.0, reading="basin"),
        ordered(
            "one dimension, constant step, ends within 0.1 of 0: C = 10 above C = 5 at s = 1",
            wells_ordering(_sizes(0.7), (("C=10", "C=5"),), (1.0,), outcome="near", **NEAR),
            sound=wells_ordering(_sizes(0.7), (("C=20", "C=5"),), (1.0,), outcome="near", **NEAR),
            reading="near",
        ),
        ordered(
            "the same criterion from C = 10 on: C = 20 above C = 10, C = 40 above C = 20 at s = 10",
            wells_ordering(
                _sizes(0.7), (("C=20", "C=10"), ("C=40", "C=20")), (10.0,), outcome="near", family=ALL, dim=1,
                counts=(600, 3000),
            ),
            bears=False,
            note="Large buffers have stopped oscillating after 500 steps.",
        ),
        _growth("one dimension, leaves the sharp basin", 0.7, 1, ONE_D, 10.0, reading="escaped", outcome="escaped"),
        _growth(
            "one dimension, step divided by ten after 250, within 0.1", 0.7, 1, ONE_D, 10.0,
            reading="near, drop", outcome="near", drop=250, counts=(300, 3000),
        ),
        _growth("ten dimensions, all coordinates in the flat basin", 0.7, 10, (10.0,), 10.0, bears=False),
        ordered(
            "mean over the stored, one dimension, basin: no larger C less often by one run in fifty, s > 1",
            wells_ordering(
                _sizes(0.7), _growing(), ONE_D[1:], dim=1, family=ALL, counts=(300, 5000), least=-0.02,
                quick_at=(3.0, 100.0), options=FILL,
            ),
            bears=False,
            note="The one reading found in which the sentence holds, as far as there is room: with the words of (6), "
            "the average of all stored, and every other step as printed. From s = 5 on all sizes above 5 are at .998 "
            "or more.",
        ),
        ordered(
            "mean over the stored: C = 40 above C = 5 at s = 2 and 3",
            wells_ordering(_sizes(0.7), (("C=40", "C=5"),), (2.0, 3.0), dim=1, family=ALL, counts=(300, 5000),
                           options=FILL),
            bears=False,
        ),
        ordered(
            "published code, which also skips step 1: C = 20 above C = 10 at s = 2",
            wells_ordering(_sizes(0.7), (("C=20", "C=10"),), (2.0,), dim=1, family=ALL, counts=(300, 3000),
                           options=CODE),
            sound=wells_ordering(_sizes(0.7), (("C=40", "C=20"),), (2.0,), dim=1, family=ALL, counts=(300, 3000),
                                 options=CODE),
            bears=False,
            note="Reversed, .60 against .71.",
        ),
        *sensitivity.SIZES,
    ),
)  # fmt: skip

OVERSHOOT = Claim(
    id="critical-momenta/larger-buffer-overshoots-more",
    location="section 3.1",
    statement=(
        r"The larger the buffer of Adam+CM, the stronger the overshooting: the probability of leaving the sharp "
        r"minimum of (9) grows with $C\in\{5,10,20,40\}$; judged at $\lambda=0.7$ and $0.99$, $D=1$ and $D=10$."
    ),
    assumptions=(r"step 0.05, $\beta_1=0.9$, $\beta_2=0.99$, 500 steps, starts uniform in $[-5,5]^D$",),
    figures=("critical-momenta/figure-7", "critical-momenta/escape-laws"),
    parts=(
        _growth("one dimension, decay 0.7", 0.7, 1, ONE_D, 10.0),
        _growth("one dimension, decay 0.99", 0.99, 1, ONE_D, 10.0),
        _growth("ten dimensions, decay 0.7", 0.7, 10, TEN_D, 10.0),
        _growth("ten dimensions, decay 0.99", 0.99, 10, TEN_D, 100.0),
        _growth(
            "ten dimensions, decay 0.99, mean over the stored",
            0.99,
            10,
            TEN_D,
            100.0,
            bears=False,
            options=FILL,
            note="So the sentence does not depend on the divisor.",
        ),
    ),
)


CLAIMS = [OVERSHOOT, FIGURE_6, FIGURE_7_LEFT, FIGURE_7_RIGHT]

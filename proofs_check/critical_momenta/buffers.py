"""Sections 3 and 3.1: what the buffers of gradients and of momenta hold near sharp minima, on the toy functions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..claim import Claim
from .buffer_probes import (
    EARLY,
    FULL,
    GRID,
    HALF,
    LARGE,
    LATER,
    PLANES,
    SHARP,
    SMALL,
    SMOOTH,
    Arms,
    Probe,
    Stored,
    part,
    turned,
)

# --- the key ---


def _keys(places: Iterable[str], grid: Iterable[tuple[int, float]] = GRID) -> list[Arms]:
    pairs: list[Arms] = []
    for place in places:
        for size, decay in grid:
            probe = Probe("CM", place, size, decay, "replaced", FULL, near=False)
            pairs.append((probe, replace(probe, key="momentum")))
    return pairs


KEY_PLACES = ("wells s=5", "Ackley", "Goldstein-Price", "Levy", "Ackley+Rosenbrock", "wells s=5, 10-D")
FASTER = _keys(("Ackley", "Ackley+Rosenbrock"), (LARGE,))

KEY = Claim(
    id="critical-momenta/gradient-norm-priority",
    location="section 3.1, footnote 1",
    statement=(
        r"With $\|m_t\|_2$ as key the buffer is updated more slowly than with $\|g_t\|_2$: judged as replacements per "
        r"step of a full buffer on each toy function, $(C,\lambda)\in\{5,20\}\times\{0.7,0.99\}$."
    ),
    assumptions=(
        r"Adam+CM with $\beta_1=.9$, $\beta_2=.99$, the paper's step sizes, starts uniform in the plotted regions",
    ),
    parts=(
        part(
            "the key of the gradient replaces more often, for every function and setting",
            _keys(KEY_PLACES),
            turned(FASTER),
            "At (5, .99) and on the wells the momentum key replaces more often, up to ten times (per step at s = 5 .23 "
            "against .04, in 10-D .14 against .03, on Levy .21 against .02); at lambda = .7 both replace at nearly "
            "every step (above .9). The gradient shrinks towards a minimum at once, its momentum with delay: old "
            "gradient keys last longer.",
            quick=8,
            repair=FASTER,
            repair_note=r"on Ackley and on Ackley+Rosenbrock at $C=20$, $\lambda=.99$",
        ),
        part(
            "the other way round on the wells and on Levy at lambda = .99",
            turned(_keys(("Levy", "wells s=5", "wells s=5, 10-D"), ((5, 0.99), (20, 0.99)))),
            _keys(("wells s=5",), ((5, 0.99),)),
            "The footnote's reason is the opposite of what happens there.",
            bears=False,
        ),
    ),
)

# --- cancellation ---


def _below_half(
    stored: Stored, places: Iterable[str], grid: Iterable[tuple[int, float]], window: tuple[int, int] = LATER
) -> list[Arms]:
    return [(HALF, Probe(stored, place, size, decay, window=window)) for place in places for size, decay in grid]


def _steps(a: Probe, b: Probe) -> Arms:
    return replace(a, measure="step"), replace(b, measure="step")


CANCELS = _below_half("CG", SMOOTH, ((20, 0.7), LARGE))
STORED: tuple[Stored, ...] = ("CG", "CM")
FACTORS: list[Arms] = [
    (Probe(stored, place, *more), Probe(stored, place, *less))
    for stored in STORED
    for place in SMOOTH
    for more, less in (((5, 0.7), (20, 0.7)), ((5, 0.99), (20, 0.99)), ((5, 0.7), (5, 0.99)))
]
COSINES: list[Arms] = [
    (Probe(stored, place, 5, decay, "agreement"), Probe(stored, place, 20, decay, "agreement"))
    for stored in STORED
    for place in PLANES
    for decay in (0.7, 0.99)
]
SHORT = [replace(Probe("CG", place, *LARGE), scale=0.1) for place in SMOOTH]

CANCELLATION = Claim(
    id="critical-momenta/gradient-cancellation",
    location="section 3",
    statement=(
        r"Near a sharp basin the stored gradients of Adam+CG have a mean that goes to zero: judged as $\|$mean$\|$ "
        r"below half the mean norm in steps 50 to 200 (on the wells: while near the sharp minimum), at the default "
        r"$(5,0.7)$ and at $(20,0.99)$."
    ),
    figures=("critical-momenta/figure-2", "critical-momenta/figure-11", "critical-momenta/buffer-courses"),
    parts=(
        part(
            "the mean of the stored gradients is below half their mean norm, on every function at both settings",
            _below_half("CG", (*PLANES, *SHARP), (SMALL, LARGE)),
            turned(CANCELS),
            "At (5, .7), the paper's default and its best setting of Adam+CG on the toys, the ratio is .90 on Ackley, "
            ".82 on Goldstein-Price, .86 on Levy, .91 on Ackley+Rosenbrock, .91, .89 and .84 near the sharp well of "
            "s = 2, 5, 100: they agree. At (20, .99) it is .09 to .26 on the planes, .79, .73, .47 near the wells.",
            quick=6,
            repair=CANCELS,
            repair_note="on Ackley and Goldstein-Price with C = 20",
        ),
        part(
            "stored momenta cancel as well: below half with C = 20 on the planes and at (20, .99) near the wells",
            [
                *_below_half("CM", SMOOTH, ((20, 0.7), LARGE)),
                *_below_half("CM", ("wells s=2", "wells s=5"), (LARGE,)),
            ],
            turned(_below_half("CM", ("Ackley",), (LARGE,))),
            "Ratios of Adam+CM: .09 to .23 on the planes, .23 near both wells, where Adam+CG's are .79 and .73.",
            bears=False,
        ),
        part(
            "which factor: a larger C or a slower decay lowers the ratio, whatever is stored",
            FACTORS,
            turned(FACTORS[:1]),
            "From (5, .7) to (20, .7): Ackley .90 to .17 (CG), .89 to .09 (CM). What is stored moves it far less.",
            quick=6,
            bears=False,
        ),
        part(
            "phase: at (20, .99) on the planes already in steps 10 to 50, whatever is stored",
            [*_below_half("CG", PLANES, (LARGE,), EARLY), *_below_half("CM", PLANES, (LARGE,), EARLY)],
            turned(_below_half("CG", ("Ackley",), (LARGE,), EARLY)),
            "Ratios .13, .24, .40, .45 (CG) and .33, .25, .30, .35 (CM).",
            quick=2,
            bears=False,
        ),
        part(
            "cosines: those of the longest stored vector with the others are lower with C = 20 than with C = 5",
            COSINES,
            turned(COSINES[:1]),
            "From (5, .7) to (20, .7) on Ackley: .76 to -.03 (CG), .72 to -.03 (CM): with twenty slots the longest "
            "vector says nothing of the others, whatever is stored.",
            quick=4,
            bears=False,
        ),
        part(
            "step length: a tenth of it cancels less at (20, .99)",
            list(zip(SHORT, (replace(p, scale=1.0) for p in SHORT), strict=True)),
            [(replace(SHORT[0], scale=1.0), SHORT[0])],
            "Ackley .40 against .09, Goldstein-Price .48 against .14: the gradients differ because the steps are long.",
            bears=False,
        ),
        part(
            "the parameters stay: Adam+CG's steps are shorter at (20, .99) than at (5, .99) and than Adam+CM's",
            [
                pair
                for place in SMOOTH
                for pair in (
                    _steps(Probe("CG", place, 5, 0.99), Probe("CG", place, *LARGE)),
                    _steps(Probe("CM", place, *LARGE), Probe("CG", place, *LARGE)),
                )
            ],
            [_steps(Probe("CG", "Ackley", *LARGE), Probe("CG", "Ackley", 5, 0.99))],
            "Ackley: .004 a step against .078 and .068; Goldstein-Price .008 against .112 and .060.",
            bears=False,
        ),
    ),
)

# --- low variance ---


def _against(
    measure: str,
    places: Iterable[str],
    grid: Iterable[tuple[int, float]],
    windows: Iterable[tuple[int, int]] = (EARLY, LATER),
    smaller: Stored = "CM",
) -> list[Arms]:
    """CG exceeds the other in a measure."""
    return [
        (Probe("CG", place, size, decay, measure, window), Probe(smaller, place, size, decay, measure, window))
        for place in places
        for size, decay in grid
        for window in windows
    ]


def _share(measure: str, places: Iterable[str], grid: Iterable[tuple[int, float]]) -> list[Arms]:
    """More than half of the steps of Adam+CM, in both phases."""
    return [
        (Probe("CM", place, size, decay, measure, window), HALF)
        for place in places
        for size, decay in grid
        for window in (EARLY, LATER)
    ]


AGREE_MORE = [
    *_against("relative variance", ("Goldstein-Price",), (SMALL,)),
    *_against("relative variance", ("Ackley",), (LARGE,)),
]
LONGER = turned(_against("step", (*SMOOTH, *SHARP), (SMALL, LARGE), (EARLY,)))

VARIANCE = Claim(
    id="critical-momenta/momentum-buffer-low-variance",
    location="section 3.1",
    statement=(
        "Near a sharp minimum the elements of Adam+CM's buffer are replaced quickly, yet their variance stays low; new "
        "momenta are smaller and have less immediate influence, so overshooting goes on. Judged link by link against "
        r"Adam+CG at equal $(C,\lambda)$; variance relative to the mean square, as a common scale of the buffer "
        "cancels in the step."
    ),
    figures=("critical-momenta/figure-12", "critical-momenta/buffer-courses"),
    parts=(
        part(
            "replaced in more than half of the steps, at (5, .7) and (20, .99)",
            _share("replaced", (*SMOOTH, "wells s=2", "wells s=5"), (SMALL, LARGE)),
            turned(_share("replaced", ("Ackley",), (SMALL,))),
            "At (5, .7) above .9 everywhere; at (20, .99), steps 50 to 200: .46 on Ackley, .28 on Goldstein-Price, .05 "
            "and .13 near the wells.",
            repair=_share("replaced", (*SMOOTH, "wells s=2", "wells s=5"), (SMALL,)),
            repair_note=r"at $\lambda=.7$",
        ),
        part(
            "relative variance of the stored momenta below that of the stored gradients",
            _against("relative variance", (*SMOOTH, "wells s=2", "wells s=5"), (SMALL, LARGE)),
            turned(AGREE_MORE),
            "Near the well of s = 2, steps 50 to 200, it is higher: .21 against .16 at (5, .7), .87 against .25 at "
            "(20, .99); at s = 5 .88 against .33; Ackley at (5, .7): .27 against .19.",
            repair=AGREE_MORE,
            repair_note="on Goldstein-Price at (5, .7) and on Ackley at (20, .99)",
        ),
        part(
            "raw variance below that of the stored gradients on the planes, every (C, lambda)",
            _against("variance", SMOOTH, GRID),
            turned(_against("variance", ("Ackley",), (SMALL,))),
            "By factors from 13 to 76; most of it is the smaller scale of an average, which the division by the root "
            "of v removes.",
            quick=2,
            bears=False,
        ),
        part(
            "raw variance near the well of s = 2 at (20, .99) is below",
            _against("variance", ("wells s=2",), (LARGE,), (LATER,)),
            turned(_against("variance", ("Ackley",), (LARGE,), (LATER,))),
            "There it is 1.9 against .7: not even the raw variance stays low.",
            sound=_against("variance", ("Ackley",), (LARGE,), (LATER,)),
            bears=False,
        ),
        part(
            "matched positions: momenta of the very gradients that Adam+CG meets vary relatively less, on the planes",
            _against("relative variance", SMOOTH, (SMALL, LARGE), smaller="CM along CG"),
            turned(_against("relative variance", SMOOTH, (SMALL,), smaller="CM along CG")),
            "On one and the same path averaging does lower the relative variance (Ackley .14 against .19, "
            "Goldstein-Price .24 against .30 at (5, .7)); on its own, longer path Adam+CM loses that.",
            bears=False,
        ),
        part(
            "new momenta shorter than the gradient in more than half of the steps",
            _share("smaller", SMOOTH, (SMALL, LARGE)),
            turned(_share("smaller", ("Ackley",), (SMALL,))),
            "Ackley .94 to .99, Goldstein-Price .83 to .94.",
        ),
        part(
            "less immediate influence than a new gradient of Adam+CG",
            _against("influence", SMOOTH, (SMALL, LARGE)),
            turned(_against("influence", ("Ackley",), (SMALL,), (EARLY,))),
            "Change of the mean over change plus aggregate: Ackley at (20, .99) .046 against .008, Goldstein-Price "
            ".028 against .014 (steps 50 to 200): more, since Adam+CG's buffer has stopped changing.",
            repair=_against("influence", ("Goldstein-Price",), (SMALL,)),
            repair_note="on Goldstein-Price at (5, .7)",
        ),
        part(
            "overshooting goes on: longer steps than Adam+CG in steps 10 to 50",
            LONGER,
            turned(LONGER[:8]),
            "1.2 to 5.3 times as long. It does not show a cause: bias correction alone lengthens early steps, see "
            "cm-bias-correction.",
            quick=8,
        ),
        part(
            "longer steps in steps 50 to 200 near the wells at (20, .99)",
            turned(_against("step", ("wells s=2", "wells s=5"), (LARGE,), (LATER,))),
            turned(LONGER[:8]),
            "No: .008 against .029 at s = 2 and 5. Adam+CM has settled by then.",
            sound=LONGER[:8],
            bears=False,
        ),
    ),
)

CLAIMS = [KEY, CANCELLATION, VARIANCE]

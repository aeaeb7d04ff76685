"""Section 4 and A.2.1 on Ackley, Goldstein-Price and Levy: figures 1, 4, 13 to 16.

500 steps, step size 0.1. Every ordering is judged on means over shared random starts.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from analysis.toys import BEST, CRITICAL, Method, with_options

from ..checks.orderings import Ordering, Pair, ordering
from ..claim import Claim, Part
from . import sensitivity
from .pictures import Alone, alone_at
from .toy_runs import AnyArm, Arm, Level, above, ordered, plane_ordering, study

DEFAULTS = {name: Method(name, 0.1) for name in ("Adam", "Adam+CG", "Adam+SAM", "Adam+CM", "Adam+SAM+CM", "Adam+MEG")}
TWENTY = {name: replace(method, capacity=20, decay=0.99) for name, method in DEFAULTS.items()}
FORMS = ("Goldstein-Price", "Goldstein-Price, unit square")


def below(names: tuple[str, ...], others: tuple[str, ...]) -> tuple[Pair, ...]:
    """Each of the names below each of the others, as pairs (larger, smaller)."""
    return tuple((other, name) for name in names for other in others)


# --- Figure 4 ---

WITHOUT = ("Adam", "Adam+SAM", "Adam+CG")
CM_VARIANTS = ("Adam+CM", "Adam+SAM+CM")


def _ackley(pairs: tuple[Pair, ...], radius: float, **options: Any) -> Ordering:
    setup: dict[str, Any] = {
        "outcome": "loss",
        "drop": 250,
        "counts": (200, 1000),
    } | options
    methods = setup.pop("methods", BEST)
    return plane_ordering(methods, pairs, "Ackley", low=-radius, high=radius, **setup)


AT_ZERO = tuple((cm, other) for cm in CM_VARIANTS for other in ("Adam", "Adam+SAM"))
ONLY_CM = below(CM_VARIANTS, WITHOUT)
WEAKER = below(CM_VARIANTS, ("Adam", "Adam+SAM"))


def _start_level(radius: float) -> Ordering:
    """The mean loss of the starts is below 6, the end of figure 4's axis."""
    arms: dict[str, AnyArm] = {
        "start": Arm(Method("Adam", 0.1), "Ackley", -radius, radius, "loss", steps=0),
        "6": Level(6.0),
    }
    return Ordering(study(arms), (("6", "start"),), (2000, 5000))


FIGURE_4 = Claim(
    id="critical-momenta/figure-4-ackley",
    location="section 4, figure 4",
    statement=(
        "On Ackley with the best settings of table 11, 500 steps, the step divided by ten after 250, Adam+CM and "
        "Adam+SAM+CM end with a lower mean loss than Adam, Adam+SAM and Adam+CG, which stay where they started."
    ),
    assumptions=(
        "starts uniform in a square around the origin; its size is not printed",
        "Adam+CG aggregates before it inserts, as Adam+CM does in algorithm 1 and both do in the published code",
    ),
    figures=("critical-momenta/figure-4", "critical-momenta/ackley-start-region", "critical-momenta/study-size"),
    main_reading="starts in [-2, 2]^2",
    reading_reason=(
        "The axis of figure 4 ends at 6. The mean loss of starts in $[-2,2]^2$ is just below that, in $[-3,3]^2$ it is "
        "above (part on the starts): larger squares do not fit the printed curves."
    ),
    parts=(
        Part(
            "both below Adam, Adam+SAM and Adam+CG",
            ordering,
            printed=_ackley(ONLY_CM, 2.0),
            broken=_ackley(below(("Adam",), ("Adam+CG",)), 2.0),
            repair=_ackley(WEAKER, 2.0),
            repair_note="below Adam and Adam+SAM only",
            reading="starts in [-2, 2]^2",
            note="Adam+CG is the best of all: mean loss 0.2 against 1.9 (Adam+CM), 1.0 (Adam+SAM+CM), 3.3 (Adam, "
            "Adam+SAM).",
        ),
        *(
            ordered(
                f"share of runs that end within 0.5 of 0, [-{radius}, {radius}]^2: both above Adam and Adam+SAM",
                _ackley(AT_ZERO, radius, outcome="reached"),
                bears=False,
            )
            for radius in (2, 5, 10)
        ),
        ordered(
            "the same share in [-2, 2]^2: Adam+CG above both",
            _ackley(above("Adam+CG", *CM_VARIANTS), 2.0, outcome="reached"),
            bears=False,
            note="Starts in $[-2,2]^2$: .97 of the runs of Adam+CG, about .6 of either CM variant's, .1 of Adam's.",
        ),
        Part(
            "both below Adam, Adam+SAM and Adam+CG",
            ordering,
            printed=_ackley(ONLY_CM, 10.0),
            broken=_ackley(below(("Adam",), ("Adam+CM",)), 10.0),
            reading="starts in [-10, 10]^2",
            note="From far away the sentence holds: Adam 12.5, Adam+CG 10.8, Adam+CM 7.0, Adam+SAM+CM 4.0.",
        ),
        ordered(
            "Adam+CG leaves the basin of its start too: travels farther than Adam, starts in [-5, 5]^2",
            _ackley(above("Adam+CG", "Adam", "Adam+SAM"), 5.0, outcome="travelled"),
            bears=False,
            note="'Only the CM variants explore' is false of Adam+CG with the settings of table 11.",
        ),
        ordered(
            "with CG at the same C = 20, lambda = 0.99, starts in [-2, 2]^2: Adam+CM below the others",
            _ackley(below(("Adam+CM",), WITHOUT), 2.0, methods=TWENTY),
            bears=False,
            note="Adam+CG with C=20, lambda=0.99 is stuck near 2.7: the order follows the buffer's setting.",
        ),
        Part(
            "mean loss of starts below 6",
            ordering,
            printed=_start_level(2.0),
            broken=_start_level(3.0),
            bears=False,
        ),
        *sensitivity.FIGURE_4,
    ),
)


def _times(pairs: tuple[Pair, ...]) -> Ordering:
    """Mean losses of Adam+CM by the time of the step drop."""
    arms: dict[str, AnyArm] = {
        f"{drop}": Arm(replace(BEST["Adam+CM"], drop=drop), "Ackley", -2.0, 2.0, "loss") for drop in (100, 400)
    }
    return Ordering(study(arms), pairs, (200, 1000))


def _last_steps(drop: int | None, pairs: tuple[Pair, ...]) -> Ordering:
    """Lengths of the last step, starts in [-2, 2]^2."""
    arms: dict[str, AnyArm] = {
        name: Arm(replace(BEST[name], drop=drop), "Ackley", -2.0, 2.0, "step") for name in ("Adam", *CM_VARIANTS)
    }
    return Ordering(study(arms | {"0.01": Level(0.01)}), pairs, (200, 1000))


INSERTED = {name: with_options(m, "insert first") if name in CRITICAL else m for name, m in BEST.items()}

FIGURE_16 = Claim(
    id="critical-momenta/figure-16-constant-step",
    location="A.2.1, figure 16",
    statement=(
        "On Ackley with a constant step Adam+CM and Adam+SAM+CM reach a lower mean loss than Adam, Adam+SAM and "
        "Adam+CG "
        "after 500 steps, and a step drop lets them settle at the minimum."
    ),
    assumptions=("best settings of table 11; starts uniform in a square around the origin; order as for figure 4",),
    figures=("critical-momenta/figure-16",),
    main_reading="starts in [-2, 2]^2",
    reading_reason="As for figure 4: the same axis.",
    parts=(
        Part(
            "both below Adam, Adam+SAM and Adam+CG",
            ordering,
            printed=_ackley(ONLY_CM, 2.0, drop=None),
            broken=_ackley(below(("Adam",), ("Adam+CG",)), 2.0, drop=None),
            repair=_ackley(WEAKER, 2.0, drop=None),
            repair_note="below Adam and Adam+SAM only",
            reading="starts in [-2, 2]^2",
            note="Means 3.4 (Adam), 3.3 (+SAM), 1.5 (+CG), 1.8 (+CM), 2.0 (+SAM+CM).",
        ),
        Part(
            "both below Adam, Adam+SAM and Adam+CG",
            ordering,
            printed=_ackley(ONLY_CM, 10.0, drop=None),
            broken=_ackley(below(("Adam",), ("Adam+CM",)), 10.0, drop=None),
            reading="starts in [-10, 10]^2",
        ),
        ordered(
            "a drop at 250 lowers the mean loss of Adam+SAM+CM, starts in [-2, 2]^2",
            Ordering(
                study(
                    {
                        f"{drop}": Arm(replace(BEST["Adam+SAM+CM"], drop=drop), "Ackley", -2.0, 2.0, "loss")
                        for drop in (None, 250)
                    },
                ),
                (("None", "250"),),
                (200, 1000),
            ),
            bears=False,
            note="From 2.0 to 1.0; the mean of Adam+CM, 1.8 here and 1.9 in figure 4, does not fall: the drop ends the "
            "search of the runs that have not reached the central basin.",
        ),
        ordered(
            "were insertion first, starts in [-2, 2]^2: both below Adam, Adam+SAM and Adam+CG",
            _ackley(ONLY_CM, 2.0, drop=None, methods=INSERTED),
            bears=False,
        ),
        ordered(
            "the time of the drop: Adam+CM ends lower with a drop at 400 than at 100",
            _times((("100", "400"),)),
            bears=False,
        ),
        ordered(
            "oscillation: the last of 500 constant steps of both CM variants is longer than Adam's and than 0.01",
            _last_steps(None, (*((cm, "Adam") for cm in CM_VARIANTS), *((cm, "0.01") for cm in CM_VARIANTS))),
            bears=False,
        ),
        ordered(
            "oscillation: with the drop it is below 0.01",
            _last_steps(250, tuple(("0.01", cm) for cm in CM_VARIANTS)),
            bears=False,
        ),
    ),
)


# --- Figures 1, 13, 14 ---


def _reach(
    methods: dict[str, Method],
    pairs: tuple[Pair, ...],
    form: str = FORMS[0],
    drop: int | None = None,
    radius: float = 2.0,
) -> Ordering:
    """Ends within 0.15 of the global minimum (0, -1), in the variables of the form."""
    unit = form == FORMS[1]
    return plane_ordering(
        methods,
        pairs,
        form,
        low=0.5 - radius / 4 if unit else -radius,
        high=0.5 + radius / 4 if unit else radius,
        outcome="reached",
        target=(0.5, 0.25) if unit else (0.0, -1.0),
        within=0.0375 if unit else 0.15,
        drop=drop,
        counts=(100, 1000),
    )


FOUR = ("Adam", "Adam+SAM", "Adam+CG", "Adam+CM")


def _at_minimum(place: tuple[float, float], pairs: tuple[Pair, ...]) -> Ordering:
    """Shares ending within 0.15 of one of the four minima, settings of figure 1, step drop."""
    arms: dict[str, AnyArm] = {
        name: Arm(replace(TWENTY[name], drop=250), "Goldstein-Price", -2.0, 2.0, "reached", target=place, within=0.15)
        for name in FOUR
    }
    return Ordering(study(arms), pairs, (250, 1000))


FIRST = above("Adam+CM", "Adam", "Adam+SAM", "Adam+CG")
ADAM_FIRST = above("Adam", "Adam+CM")


def _reach_part(name: str, reading: str | None, methods: dict[str, Method], **options: Any) -> Part:
    return Part(
        name,
        ordering,
        printed=_reach(methods, FIRST, **options),
        broken=_reach(methods, FIRST[:1], **options),
        sound=_reach(methods, ADAM_FIRST, **options),
        reading=reading,
        bears=reading is not None,
    )


FIGURE_1 = Claim(
    id="critical-momenta/figure-1-gp-trajectories",
    location="section 1, figure 1",
    statement=(
        r"On Goldstein-Price ($C=20$, $\lambda=0.99$) Adam, Adam+SAM and Adam+CG get stuck, while Adam+CM reaches the "
        r"global "
        r"minimum: a larger share of random starts ends within 0.15 of it."
    ),
    assumptions=("step 0.1, 500 steps; source's form of (12), starts uniform in the square",),
    figures=("critical-momenta/figure-1",),
    parts=(
        replace(
            _reach_part("larger share at the global minimum, constant step", "constant step", TWENTY),
            note="Adam 0.60, Adam+SAM 0.60, Adam+CG 0.58, Adam+CM 0.04: the other way round.",
        ),
        ordered(
            "with the step drop Adam+CM is the one that ends at the highest and flattest minimum, (1.2, 0.8)",
            _at_minimum((1.2, 0.8), above("Adam+CM", "Adam", "Adam+SAM", "Adam+CG")),
            bears=False,
        ),
        ordered(
            "and most often at the second lowest, (-0.6, -0.4), more often than the others",
            _at_minimum((-0.6, -0.4), above("Adam+CM", "Adam", "Adam+SAM", "Adam+CG")),
            bears=False,
        ),
        ordered(
            "while the others end at (1.8, 0.2) more often",
            _at_minimum((1.8, 0.2), tuple((name, "Adam+CM") for name in FOUR[:3])),
            bears=False,
        ),
        Part(
            "from fewer than one start in ten, yet from some, Adam+CM alone reaches it (step divided by ten after 250)",
            alone_at,
            printed=Alone({name: TWENTY[name] for name in FOUR}, 0.0, 0.1),
            broken=Alone({name: TWENTY[name] for name in FOUR}, 0.1, 1.0),
            bears=False,
            note="So the picture can be drawn, from about one start in forty.",
        ),
        _reach_part("step divided by ten after 250", "step drop", TWENTY, drop=250),
        _reach_part("starts in the inner square of half the width", "inner square", TWENTY, radius=1.0),
        _reach_part("variables on the unit square", "unit square", TWENTY, form=FORMS[1], drop=250),
        _reach_part("best settings of table 11, step drop", None, BEST, drop=250),
        _reach_part("defaults C = 5, lambda = 0.7, step drop", None, DEFAULTS, drop=250),
        *sensitivity.FIGURE_1,
    ),
)

FIGURES_13_14 = Claim(
    id="critical-momenta/figures-13-14-trajectories",
    location="A.2.1, figures 13 and 14",
    statement=(
        "Adam, Adam+SAM and Adam+CG stop at local minima, while Adam+CM finds a lower surface on Ackley and the global "
        "minimum on Goldstein-Price; judged over random starts with the best settings of table 11."
    ),
    assumptions=("step 0.1, 500 steps, step divided by ten after 250",),
    figures=("critical-momenta/ackley-start-region", "critical-momenta/figure-13", "critical-momenta/figure-14"),
    parts=(
        _reach_part("Goldstein-Price: larger share at the global minimum", "as printed", BEST, drop=250),
        ordered(
            "Ackley, starts in [-5, 5]^2: lower mean loss than Adam and Adam+SAM",
            _ackley(below(("Adam+CM",), ("Adam", "Adam+SAM")), 5.0),
            bears=False,
        ),
        ordered(
            "Ackley, starts in [-10, 10]^2: lower mean loss than Adam+CG",
            _ackley(below(("Adam+CM",), ("Adam+CG",)), 10.0),
            bears=False,
            note="In [-5, 5]^2 the two are not told apart (3.1 and 3.0), in [-2, 2]^2 Adam+CG is lower.",
        ),
    ),
)


# --- Figure 15 ---

GAMMAS = (0.001, 0.01, 0.1, 1.0)
MEG = {f"gamma={g:g}": Method("Adam+MEG", 0.1, extrapolation=g) for g in GAMMAS} | {"Adam+CM": DEFAULTS["Adam+CM"]}
OVER_MEG = above("Adam+CM", *(f"gamma={g:g}" for g in GAMMAS))


def _meg(function: str, radius: float, outcome: str, pairs: tuple[Pair, ...], **options: Any) -> Ordering:
    return plane_ordering(
        MEG, pairs, function, low=-radius, high=radius, outcome=outcome, counts=(100, 1000), **options
    )


LOWER = tuple((b, a) for a, b in OVER_MEG)

FIGURE_15 = Claim(
    id="critical-momenta/figure-15-meg",
    location="A.2.1, figure 15",
    statement=(
        r"On Ackley and Goldstein-Price Adam+CM explores more than Adam with extragradient; judged as: at the defaults "
        r"it "
        r"ends farther from its start, for every extrapolation step $\gamma\in\{0.001,0.01,0.1,1\}$."
    ),
    assumptions=("step 0.1, 500 steps; Adam+MEG is Adam fed with the extrapolated gradient",),
    figures=("critical-momenta/figure-15",),
    parts=(
        ordered("Ackley, starts in [-5, 5]^2: farther from the start", _meg("Ackley", 5.0, "travelled", OVER_MEG)),
        ordered(
            "Goldstein-Price, starts in [-2, 2]^2: farther from the start",
            _meg("Goldstein-Price", 2.0, "travelled", OVER_MEG),
        ),
        ordered(
            "Ackley: lower mean loss too (step divided by ten after 250)",
            _meg("Ackley", 5.0, "loss", LOWER, drop=250),
            bears=False,
        ),
        Part(
            "Goldstein-Price: lower mean loss too (step divided by ten after 250)",
            ordering,
            printed=_meg("Goldstein-Price", 2.0, "loss", LOWER, drop=250),
            broken=_meg("Goldstein-Price", 2.0, "loss", LOWER[:2], drop=250),
            sound=_meg("Goldstein-Price", 2.0, "loss", LOWER[3:], drop=250),
            bears=False,
            note="Exploring is not finding: Adam+MEG ends at -2.6 with small gamma, Adam+CM at -1.9.",
        ),
        *sensitivity.FIGURE_15,
    ),
)

CLAIMS = [FIGURE_1, FIGURE_4, FIGURES_13_14, FIGURE_15, FIGURE_16]

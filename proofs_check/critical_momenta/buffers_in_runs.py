"""Sections 3, 3.1, 4 and A.1: what the buffers hold along runs on the test functions, and figures 2, 11, 12."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from analysis.landscapes import AckleyRosenbrock
from analysis.toy_buffers import buffer_course
from analysis.toys import Method, Name, Plane, Starts

from ..checks.orderings import Ordering, Pair, ordering
from ..claim import Budget, Claim, Evidence, Missing, Part, Sampled
from .toy_runs import BUFFER_STEPS, LANDSCAPES, Arm, BufferArm, Level, ordered, study

BOX = {"Ackley": 5.0, "Goldstein-Price": 2.0}
SETTINGS = ((5, 0.7), (20, 0.7), (5, 0.99), (20, 0.99))
EARLY, LATE = (2, 10), (80, 120)
COUNTS = (100, 1000)
KEY = (("key", "momentum"),)


def _name(function: str, method: str, capacity: int, decay: float) -> str:
    return f"{method} on {function}, C={capacity}, {decay}"


def _arms(measure: str, window: tuple[int, int], functions: Sequence[str] = tuple(BOX)) -> dict[str, BufferArm]:
    rules: Mapping[str, tuple[Name, Any]] = {
        "CG": ("Adam+CG", ()),
        "CM": ("Adam+CM", ()),
        "CM, key |m|": ("Adam+CM", KEY),
    }
    return {
        _name(function, short, c, lam): BufferArm(
            Method(full, 0.1, capacity=c, decay=lam, options=options),
            function,
            -BOX[function],
            BOX[function],
            measure,
            window,
        )
        for function in functions
        for c, lam in SETTINGS
        for short, (full, options) in rules.items()
    }


def _measured(
    measure: str,
    window: tuple[int, int],
    first: str,
    second: str,
    settings: Sequence[tuple[int, float]] = SETTINGS,
    functions: Sequence[str] = tuple(BOX),
) -> Ordering:
    """The measure is larger for ``first`` than for ``second``, at equal (C, lambda), on each function."""
    pairs = tuple((_name(f, first, *s), _name(f, second, *s)) for f in functions for s in settings)
    return Ordering(study(_arms(measure, window), (10,)), pairs, COUNTS)


def _level(
    measure: str,
    window: tuple[int, int],
    method: str,
    level: float,
    settings: Sequence[tuple[int, float]],
    functions: Sequence[str] = tuple(BOX),
) -> Ordering:
    """The measure is below ``level``."""
    arms = _arms(measure, window) | {f"{level:g}": Level(level)}
    pairs: tuple[Pair, ...] = tuple((f"{level:g}", _name(f, method, *s)) for f in functions for s in settings)
    return Ordering(study(arms, (10,)), pairs, COUNTS)


START = r"step 0.1, $\beta_1=0.9$, $\beta_2=0.99$; starts uniform in $[-5,5]^2$ (Ackley), $[-2,2]^2$ (Goldstein-Price)"
TWENTY = ((20, 0.7), (20, 0.99))

CANCELLATION = Claim(
    id="critical-momenta/gradient-cancellation",
    location="section 3",
    statement=(
        r"Once Adam+CG sits in a basin, its buffer holds gradients of high variance whose mean goes to zero. Judged on "
        r"Ackley and Goldstein-Price at $C\in\{5,20\}$, $\lambda\in\{0.7,0.99\}$ as: in steps 80 to 120 the mean of "
        r"the "
        r"buffer is on average shorter than 0.25 of the mean length of what is stored."
    ),
    assumptions=(START,),
    figures=("critical-momenta/buffers",),
    parts=(
        Part(
            "ratio of mean to mean length below 0.25 in steps 80 to 120",
            ordering,
            printed=_level("ratio", LATE, "CG", 0.25, SETTINGS),
            broken=_level("ratio", LATE, "CG", 0.25, ((5, 0.7),)),
            repair=_level("ratio", LATE, "CG", 0.25, TWENTY),
            repair_note=r"for $C=20$ (both $\lambda$)",
            note="At the defaults C=5, lambda=0.7 the ratio is about 0.9: the stored gradients agree. C decides: a "
            "basin "
            "is crossed in more steps than five slots remember.",
        ),
        ordered(
            "C decides: the ratio is larger with C = 5 than with C = 20 at either decay",
            Ordering(
                study(_arms("ratio", LATE), (10,)),
                tuple((_name(f, "CG", 5, lam), _name(f, "CG", 20, lam)) for f in BOX for lam in (0.7, 0.99)),
                COUNTS,
            ),
            bears=False,
        ),
        Part(
            "stored momenta do not cancel: ratio of Adam+CM above that of Adam+CG at equal (C, lambda)",
            ordering,
            printed=_measured("ratio", LATE, "CM", "CG", ((20, 0.7),), ("Ackley",)),
            broken=_measured("ratio", LATE, "CM", "CG", ((5, 0.99),), ("Ackley", "Goldstein-Price")),
            sound=_measured("ratio", EARLY, "CM", "CG", TWENTY, ("Ackley",)),
            bears=False,
            note="At C=20, lambda=0.7 on Ackley the momenta cancel more completely (0.07 against 0.17): "
            "cancellation does "
            "not set gradients apart from momenta. In the first ten steps they do agree more.",
        ),
        ordered(
            "Adam+CG takes shorter steps than Adam+CM in the first ten",
            _measured("step", EARLY, "CM", "CG"),
            bears=False,
            note="About 0.07 against 0.35: Adam+CM starts with ten times the step size, by its bias correction.",
        ),
    ),
)

LOW_VARIANCE = Claim(
    id="critical-momenta/momentum-buffer-low-variance",
    location="section 3.1",
    statement=(
        r"Near a sharp minimum the elements of Adam+CM's buffer are replaced quickly, but by inertia their variance "
        r"stays "
        r"low. Judged in steps 80 to 120 against Adam+CG's buffer at equal $(C,\lambda)$: variance raw, and "
        r"relative to "
        r"the mean square of what is stored."
    ),
    assumptions=(START,),
    figures=("critical-momenta/buffers",),
    parts=(
        ordered(
            "raw variance below that of Adam+CG's buffer, four settings, two functions",
            _measured("variance", LATE, "CG", "CM"),
            reading="raw variance",
            note="14 to 72 times lower; but so are the mean squares.",
        ),
        Part(
            "variance relative to the mean square below that of Adam+CG's buffer",
            ordering,
            printed=_measured("relative variance", LATE, "CG", "CM", ((5, 0.7), (20, 0.7), (5, 0.99)), ("Ackley",)),
            broken=_measured("relative variance", LATE, "CG", "CM", ((5, 0.99),)),
            sound=_measured("relative variance", EARLY, "CG", "CM", TWENTY, ("Ackley",)),
            reading="relative variance",
            note="On the scale on which vectors cancel, the momenta vary more, not less.",
        ),
        ordered(
            "replaced more often at lambda = 0.7 than at 0.99",
            Ordering(
                study(_arms("replaced", LATE), (10,)),
                tuple((_name(f, "CM", c, 0.7), _name(f, "CM", c, 0.99)) for f in BOX for c in (5, 20)),
                COUNTS,
            ),
            bears=False,
            note="'Quickly' is lambda's doing: at nearly every step with 0.7, at one of five (Ackley, C = 5) with "
            "0.99.",
        ),
        ordered(
            "overshooting goes on: longer steps than Adam+CG's in steps 80 to 120 at lambda = 0.7",
            _measured("step", LATE, "CM", "CG", ((5, 0.7), (20, 0.7))),
            bears=False,
        ),
    ),
)

PRIORITY = Claim(
    id="critical-momenta/gradient-norm-priority",
    location="section 3.1, footnote 1",
    statement=(
        r"With $\|m_t\|_2$ instead of $\|g_t\|_2$ as key the buffer of Adam+CM is not updated fast enough. Judged "
        r"as: in "
        r"steps 80 to 120 fewer momenta are stored with $\|m\|$ than with $\|g\|$, at each "
        r"$(C,\lambda)\in\{5,20\}\times\{0.7,0.99\}$ on Ackley and Goldstein-Price."
    ),
    assumptions=(START,),
    parts=(
        Part(
            "replacements per step larger with the gradient's norm, each setting",
            ordering,
            printed=_measured("replaced", LATE, "CM", "CM, key |m|"),
            broken=_measured("replaced", LATE, "CM", "CM, key |m|", ((5, 0.99),)),
            repair=_measured("replaced", LATE, "CM", "CM, key |m|", ((20, 0.99),), ("Ackley",)),
            repair_note=r"on Ackley with $C=20$, $\lambda=0.99$",
            note="At lambda = 0.7 both store at nearly every step; at C = 5, lambda = 0.99 the momentum's norm "
            "stores more "
            "often on both functions.",
        ),
    ),
)

# --- Figures 2, 11, 12 ---

NEAR_END = {name: Arm(Method(name, 0.1, drop=250), "Ackley", -5.0, 5.0, "reached") for name in ("Adam+CG", "Adam+CM")}


def _exists(level: float, budget: Budget) -> list[Evidence]:
    """Starts with a step among 2 to 10 at which the sum of gradient and buffer mean is below ``level`` gradients."""
    starts = Starts(-5.0, 5.0, 2, budget.pick(*COUNTS))
    shares = {}
    for name in ("Adam+CG", "Adam+CM"):
        course = buffer_course(Method(name, 0.1), Plane(LANDSCAPES["Ackley"], starts, (BUFFER_STEPS,)))
        shares[name] = np.nanmin(course["left over"][1:10], axis=0)
    hits = {name: int(np.sum(found < level)) for name, found in shares.items()}
    return [
        Sampled(
            "search over starts",
            1,
            0 if hits["Adam+CG"] else 1,
            float(level - shares["Adam+CG"].min()),
            f"{starts.count} starts",
            {"starts with such a step": hits, "smallest": {k: float(v.min()) for k, v in shares.items()}},
        )
    ]


FIGURE_2 = Claim(
    id="critical-momenta/figure-2-first-steps",
    location="figure 2",
    statement=(
        r"In the first ten steps on Ackley the mean of Adam+CG's buffer and the new gradient cancel and leave a small "
        r"update, while Adam+CM ends near the global minimum. Judged over starts in $[-5,5]^2$ at the defaults "
        r"($C=5$, $\lambda=0.7$): the sum of gradient and mean is shorter than the gradient."
    ),
    assumptions=(r"step 0.1, $\beta_1=0.9$, $\beta_2=0.99$",),
    parts=(
        Part(
            "gradient plus mean is shorter than the gradient in steps 2 to 10 of Adam+CG",
            ordering,
            printed=_level("left over", EARLY, "CG", 1.0, ((5, 0.7),), ("Ackley",)),
            broken=_level("left over", EARLY, "CG", 0.5, ((5, 0.7),), ("Ackley",)),
            sound=_level("left over", EARLY, "CG", 1.5, ((5, 0.7),), ("Ackley",)),
            reading="over starts",
            note="About 1.2 times as long: on average the mean helps the gradient on. The picture shows one start.",
        ),
        Part(
            "some start has a step among 2 to 10 at which the sum is below 0.3 gradients",
            _exists,
            printed=0.3,
            broken=0.0,
            reading="one start",
        ),
        ordered(
            "Adam+CG's steps are shorter than Adam+CM's",
            _measured("step", EARLY, "CM", "CG", ((5, 0.7),), ("Ackley",)),
            bears=False,
        ),
        Part(
            "Adam+CM ends within 0.5 of the global minimum more often than Adam+CG",
            ordering,
            printed=Ordering(study(NEAR_END, (10,)), (("Adam+CM", "Adam+CG"),), (200, 1000)),
            broken=Ordering(study(NEAR_END, (10,)), (("Adam+CM", "Adam+CG"),), (200, 1000), least=0.5),
            sound=Ordering(study(NEAR_END, (10,)), (("Adam+CG", "Adam+CM"),), (200, 1000)),
            bears=False,
            note="Reversed at the defaults (step divided by ten at 250): Adam+CG 0.7, Adam+CM 0.3.",
        ),
    ),
)


def _stuck(statement: tuple[float, float], budget: Budget) -> list[Evidence]:
    """A start with three consecutive steps of Adam+CG at which the buffer's mean and what is left over are small.

    ``statement``: decay, and the bound of both measures.
    """
    decay, bound = statement
    count = budget.pick(300, 3000)
    study_of = Plane(AckleyRosenbrock(), Starts(-3.0, 3.0, 2, count), (150,))
    shares, first = {}, None
    for name in ("Adam+CG", "Adam+CM"):
        course = buffer_course(Method(name, 0.1, decay=decay), study_of)
        small = (course["ratio"] < bound) & (course["left over"] < bound)
        small[:5] = False
        triple = small[:-2] & small[1:-1] & small[2:]
        shares[name] = float(triple.any(axis=0).mean())
        if name == "Adam+CG" and triple.any():
            at = np.argwhere(triple)[0]
            first = {"start": study_of.starts.points()[at[1]].tolist(), "first step": int(at[0]) + 1}
    data = {"share of starts": shares, "first": first, "method": asdict(Method("Adam+CG", 0.1, decay=decay))}
    table = Sampled(
        "search over starts", 1, 0, shares["Adam+CG"], f"{count} starts in [-3, 3]^2, 150 steps, {decay}", data
    )
    if shares["Adam+CG"] == 0:
        missing = Missing("proof", f"None among {count} starts.", "A start that shows it, or a bound that excludes it.")
        return [missing, Sampled("search over starts", 1, 1, 0.0, table.effort, data)]
    return [table]


FIGURE_11 = Claim(
    id="critical-momenta/figure-11-stuck-steps",
    location="A.1, figure 11",
    statement=(
        r"On (14), $C=5$, there are runs of Adam+CG with three consecutive steps at which the mean of the buffer is "
        r"small "
        r"and cancels the update: both $\|\mathrm{mean}\|$ over the mean length and $\|g+\mathrm{mean}\|/\|g\|$ "
        r"below 0.25."
    ),
    assumptions=(r"step 0.1, $\beta_1=0.9$, $\beta_2=0.99$, starts uniform in $[-3,3]^2$, 150 steps",),
    parts=(
        Part(
            "found at lambda = 0.99",
            _stuck,
            printed=(0.99, 0.25),
            broken=(0.7, 0.01),
            reading="lambda = 0.99",
            note="About one start of a hundred in 150 steps. Adam+CM's buffer shows the same as often.",
        ),
        Part(
            "found at the default lambda = 0.7",
            _stuck,
            printed=(0.7, 0.25),
            broken=(0.7, 0.01),
            reading="lambda = 0.7",
            note="At the default decay no start of the sample shows it.",
        ),
    ),
)

REACHES = {
    name: Arm(
        Method(name, 0.1, drop=250),
        "Goldstein-Price",
        -2.0,
        2.0,
        "reached",
        target=(0.0, -1.0),
        within=0.15,
    )
    for name in ("Adam+CG", "Adam+CM")
}

FIGURE_12 = Claim(
    id="critical-momenta/figure-12-gp-buffer",
    location="A.1, figure 12",
    statement=(
        r"Over the first steps on Goldstein-Price the buffer of Adam+CG is dominated by directions of higher "
        r"sharpness and "
        r"has high variance, Adam+CM's does not change drastically, and Adam+CM reaches the global minimum's basin. "
        r"Judged "
        r"at the defaults over starts in $[-2,2]^2$: alignment with the top Hessian eigenvector and turning of the "
        r"mean "
        r"larger for Adam+CG; global minimum reached more often by Adam+CM."
    ),
    assumptions=(r"step 0.1, $\beta_1=0.9$, $\beta_2=0.99$; source's form of the function",),
    parts=(
        Part(
            "Adam+CM ends within 0.15 of the global minimum more often than Adam+CG",
            ordering,
            printed=Ordering(study(REACHES, (10,)), (("Adam+CM", "Adam+CG"),), (200, 1000)),
            broken=Ordering(study(REACHES, (10,)), (("Adam+CM", "Adam+CG"),), (200, 1000), least=0.5),
            sound=Ordering(study(REACHES, (10,)), (("Adam+CG", "Adam+CM"),), (200, 1000)),
        ),
        ordered(
            "raw variance of Adam+CG's buffer above Adam+CM's in steps 3 to 8",
            _measured("variance", (3, 8), "CG", "CM", ((5, 0.7),), ("Goldstein-Price",)),
            bears=False,
        ),
        Part(
            "Adam+CG's mean turns more per step than Adam+CM's in steps 3 to 8",
            ordering,
            printed=_measured("turning", (3, 8), "CG", "CM", ((5, 0.7),), ("Goldstein-Price",)),
            broken=_level("turning", (3, 8), "CM", 0.001, ((5, 0.7),), ("Goldstein-Price",)),
            sound=_level("turning", (3, 8), "CM", 1.0, ((5, 0.7),), ("Goldstein-Price",)),
            bears=False,
        ),
        Part(
            "Adam+CG's stored vectors align more with the top eigenvector than Adam+CM's in steps 3 to 8",
            ordering,
            printed=_measured("alignment", (3, 8), "CG", "CM", ((5, 0.7),), ("Goldstein-Price",)),
            broken=_level("alignment", (3, 8), "CG", 0.1, ((5, 0.7),), ("Goldstein-Price",)),
            sound=_level("alignment", (3, 8), "CG", 1.0, ((5, 0.7),), ("Goldstein-Price",)),
            bears=False,
            note="2/pi = 0.64 is the mean modulus of the cosine for directions at random.",
        ),
    ),
)

CLAIMS = [CANCELLATION, LOW_VARIANCE, PRIORITY, FIGURE_2, FIGURE_11, FIGURE_12]

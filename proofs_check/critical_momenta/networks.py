"""Section 5 and A.2, A.3: what the printed tables of network results can say, and what would have to be run."""

from __future__ import annotations

from collections.abc import Iterable

from ..checks.search import for_all
from ..checks.tables import Comparison, Excludes, Spread, intervals, means_at_least, significance
from ..claim import Claim, Missing, Part
from .printed import BENCHMARKS, EXTRAGRADIENT, ONLINE, RUNS, STEP_SIZES, WITHOUT_ADAM
from .speed_up import speed_up_parts

BASELINES = ("Adam", "Adam+CG", "Adam+SAM")
SPREADS: tuple[Spread, Spread] = ("standard deviation", "standard error")

CM = Comparison(BENCHMARKS, "Adam+CM", BASELINES, RUNS)
SAM_CM = Comparison(BENCHMARKS, "Adam+SAM+CM", BASELINES, RUNS)
ONLINE_CM = Comparison(ONLINE, "Adam+CM", BASELINES, RUNS)
ONLINE_SAM_CM = Comparison(ONLINE, "Adam+SAM+CM", (*BASELINES, "Adam+CM"), RUNS)
SECOND = Comparison({"PTB": BENCHMARKS["PTB"]}, "Adam+SAM", ("Adam", "Adam+CG", "Adam+SAM+CM"), RUNS)


def only(comparison: Comparison, row: str, others: Iterable[str] | None = None) -> Comparison:
    """The comparison in one row, with all or some of the other methods."""
    return Comparison(
        {row: comparison.table[row]}, comparison.first, tuple(others or comparison.others), comparison.runs
    )


def excluded(comparison: Comparison, *sets: Iterable[tuple[str, str]], name: str = "") -> tuple[Part, ...]:
    """Intervals of all differences, +- read as standard deviation and as standard error."""
    everything = frozenset((row, other) for row in comparison.table for other in comparison.others)
    parts = []
    for spread, pairs in zip(SPREADS, sets, strict=True):
        chosen = frozenset(pairs)
        listed = ", ".join(f"{row} {other}" for row, other in sorted(chosen)) or "none"
        parts.append(
            Part(
                f"{name or comparison.first}: differences whose 95% interval excludes zero, +- as {spread}",
                intervals,
                printed=Excludes(comparison, spread, chosen),
                broken=Excludes(comparison, spread, everything - chosen),
                bears=False,
                note=f"Excluded: {listed}; all intervals are in the data, not adjusted for their number.",
            )
        )
    return tuple(parts)


def all_pairs(comparison: Comparison, row: str) -> set[tuple[str, str]]:
    return {(row, other) for other in comparison.others}


def order(name: str, comparison: Comparison, broken: Comparison, note: str = "") -> Part:
    """The printed means alone, strictly."""
    return Part(
        name,
        for_all,
        printed=means_at_least(comparison, strict=True),
        broken=means_at_least(broken, strict=True),
        bears=False,
        note=note,
    )


TABLE_2 = Claim(
    id="critical-momenta/table-2-benchmarks",
    location="table 2, sections 5.1, 5.2",
    statement=(
        "CM outperforms Adam, Adam+CG and Adam+SAM on PTB, CIFAR10, CIFAR100 and ImageNet; Adam+SAM is second on PTB."
    ),
    missing=Missing(
        "data",
        "The runs behind table 2 (five seeds, +- not defined), the four data sets and accelerator time. Settings were "
        "chosen on the validation score that is reported, over grids of 36 (Adam) to 432 (Adam+SAM+CM) points, "
        "so that methods with more hyperparameters had more tries.",
        "The five methods with equal tuning budgets, at least ten seeds, scores on data not used for tuning; tests "
        "adjusted for twelve comparisons.",
    ),
    parts=(
        order(
            "the mean of Adam+CM is better than that of the three baselines in all four rows",
            CM,
            SAM_CM,
            "Smallest leads: 0.1 points on CIFAR10 over Adam, 0.2 on CIFAR100 over Adam+CG.",
        ),
        Part(
            "the means of Adam+SAM+CM are better than the baselines' too",
            for_all,
            printed=means_at_least(SAM_CM, strict=True),
            broken=means_at_least(Comparison(BENCHMARKS, "Adam+SAM", ("Adam+CM",), RUNS), strict=True),
            repair=means_at_least(
                Comparison({k: BENCHMARKS[k] for k in ("CIFAR10", "ImageNet")}, "Adam+SAM+CM", BASELINES, RUNS),
                strict=True,
            ),
            repair_note="on CIFAR10 and ImageNet only",
            bears=False,
            note="On PTB it is behind Adam+CG and Adam+SAM, on CIFAR100 behind all three.",
        ),
        *excluded(
            CM,
            all_pairs(CM, "ImageNet")
            | {("PTB", "Adam"), ("PTB", "Adam+CG"), ("CIFAR100", "Adam"), ("CIFAR100", "Adam+SAM")},
            all_pairs(CM, "ImageNet") | {("PTB", "Adam")},
        ),
        *excluded(
            SAM_CM,
            all_pairs(SAM_CM, "ImageNet")
            | all_pairs(SAM_CM, "CIFAR100")
            | {("PTB", "Adam+SAM"), ("CIFAR10", "Adam+CG"), ("CIFAR10", "Adam+SAM")},
            all_pairs(SAM_CM, "ImageNet") | {("CIFAR100", "Adam"), ("CIFAR100", "Adam+CG")},
        ),
        Part(
            "Adam+CM better than every baseline beyond chance (Holm over twelve tests, 5%, +- as standard deviation)",
            for_all,
            printed=significance(CM, "better", "standard deviation", family=True),
            broken=significance(SAM_CM, "better", "standard deviation", family=True),
            repair=significance(only(CM, "ImageNet"), "better", "standard error", tests=12),
            repair_note="on ImageNet (there in either reading of +-), and on PTB over Adam (adjusted p = .010)",
            bears=False,
            note=(
                "Unadjusted p: PTB .001 Adam, .012 CG, .089 SAM; CIFAR10 .61, .40, .15; CIFAR100 .030, .32, .015; "
                "ImageNet below 2e-6. Adjusted, four of twelve hold; read as standard error, the three of ImageNet."
            ),
        ),
        order(
            "Adam+SAM has the second best mean on PTB",
            SECOND,
            Comparison({"PTB": BENCHMARKS["PTB"]}, "Adam+SAM", ("Adam+CM",), RUNS),
            "Ahead of Adam beyond chance in either reading (p = .0002, .016); of Adam+CG and Adam+SAM+CM in neither "
            "after adjustment.",
        ),
        *excluded(SECOND, {("PTB", "Adam"), ("PTB", "Adam+SAM+CM")}, {("PTB", "Adam")}, name="second on PTB"),
    ),
)

TABLE_3 = Claim(
    id="critical-momenta/table-3-sgd",
    location="table 3, section 5.3",
    statement="SGD, SGD+CG and SGD+CM perform alike on CIFAR10/100, the latter two 1.2 to 1.3 times faster.",
    missing=Missing(
        "data",
        "The curves of the first 50 epochs and a definition of speed-up (none is printed; neither are the chosen "
        "settings of the three methods).",
        "Epochs (and gradients) to a fixed validation accuracy, each method at its own best step size, with intervals "
        "over seeds, and SGD also at twice the step size.",
    ),
    parts=(
        *excluded(
            Comparison(WITHOUT_ADAM, "SGD+CM", ("SGD", "SGD+CG"), RUNS), set(), set(), name="SGD+CM (same performance)"
        ),
        *speed_up_parts(),
    ),
)

TABLE_4 = Claim(
    id="critical-momenta/table-4-online",
    location="table 4, section 5.4",
    statement="Online learning: Adam+CM better than Adam, Adam+SAM like Adam, Adam+SAM+CM best on both benchmarks.",
    missing=Missing(
        "data",
        "TinyImageNet in 40 tasks and the five data sets, five seeds per method; +- not defined.",
        "The five methods with equal tuning budgets and at least ten seeds on both streams.",
    ),
    parts=(
        order("means: Adam+CM above the baselines", ONLINE_CM, Comparison(ONLINE, "Adam", ("Adam+CM",), RUNS)),
        order("means: Adam+SAM+CM above all", ONLINE_SAM_CM, Comparison(ONLINE, "Adam+CM", ("Adam+SAM+CM",), RUNS)),
        *excluded(
            ONLINE_CM,
            all_pairs(ONLINE_CM, "TinyImageNet"),
            {("TinyImageNet", "Adam+CG")},
        ),
        *excluded(ONLINE_SAM_CM, {("TinyImageNet", other) for other in BASELINES}, set()),
        *excluded(Comparison(ONLINE, "Adam+SAM", ("Adam",), RUNS), set(), set(), name="Adam+SAM like Adam"),
        Part(
            "Adam+CM and Adam+SAM+CM better than Adam beyond chance (Holm over four tests, 5%)",
            for_all,
            printed=significance(
                Comparison(
                    {
                        f"{row}, {method}": {"new": cells[method], "Adam": cells["Adam"]}
                        for row, cells in ONLINE.items()
                        for method in ("Adam+CM", "Adam+SAM+CM")
                    },
                    "new",
                    ("Adam",),
                    RUNS,
                ),
                "better",
                "standard deviation",
                family=True,
            ),
            broken=significance(Comparison(ONLINE, "Adam", ("Adam+CM",), RUNS), "better", "standard deviation"),
            sound=significance(only(ONLINE_CM, "TinyImageNet", ("Adam+CG",)), "better", "standard deviation", tests=14),
            bears=False,
            note=(
                "Unadjusted, +- as standard deviation: .047 and .030 on TinyImageNet, .58 and .37 on 5-dataset; none "
                "below .05 as standard error. Only Adam+CM over Adam+CG on TinyImageNet survives all 14 comparisons."
            ),
        ),
    ),
)

STEPS = Comparison(STEP_SIZES, "0.001", ("0.01", "0.0001"), RUNS)
SAME = Comparison(STEP_SIZES, "table 2", ("0.001",), RUNS)
LEARNING_RATE = Claim(
    id="critical-momenta/figure-20-learning-rate",
    location="figure 20, table 14",
    statement=(
        "Adam on CIFAR10 at step $10^{-2},10^{-3},10^{-4}$: a higher step lowers the sharpness, yet the minima found "
        "are sub-optimal."
    ),
    missing=Missing(
        "data",
        "The sharpness curves (only an image; the signs of its exponents are lost) and the runs.",
        "Final largest Hessian eigenvalues and accuracies per step size over at least ten seeds.",
    ),
    parts=(
        order(
            "the middle step size has the best mean accuracy",
            STEPS,
            Comparison(STEP_SIZES, "0.01", ("0.001",), RUNS),
            "93.5, 93.7, 93.4: the highest step is below the middle one, yet above the lowest, so accuracy is no "
            "monotone function of the step.",
        ),
        *excluded(STEPS, {("CIFAR10", "0.0001")}, set(), name="step 0.001 against the others"),
        Part(
            "0.01 worse than 0.001 beyond chance (+- as standard deviation)",
            for_all,
            printed=significance(
                Comparison(STEP_SIZES, "0.001", ("0.01",), RUNS),
                "better",
                "standard deviation",
            ),
            broken=significance(Comparison(STEP_SIZES, "0.01", ("0.001",), RUNS), "better", "standard deviation"),
            sound=significance(
                Comparison(STEP_SIZES, "0.001", ("0.0001",), RUNS),
                "better",
                "standard deviation",
            ),
            bears=False,
            note="p = .25 (.60 as standard error): 'sub-optimal' for the high step is not beyond chance.",
        ),
        Part(
            "the same setting (step 0.001, .9, .999) has the same mean in tables 2 and 14",
            for_all,
            printed=means_at_least(Comparison(STEP_SIZES, "0.001", ("table 2",), RUNS)),
            broken=means_at_least(Comparison(STEP_SIZES, "0.0001", ("table 2",), RUNS)),
            repair=means_at_least(Comparison(STEP_SIZES, "0.001", ("table 2",), RUNS), "0.2"),
            repair_note="93.7 against 93.9, 0.2 points less; within chance (p = .25)",
            bears=False,
        ),
        *excluded(SAME, set(), set(), name="table 2 against table 14"),
    ),
)

MEG = Claim(
    id="critical-momenta/meg-cifar10",
    location="A.2.1",
    statement="On CIFAR10 Adam+MEG (93.8) is below Adam+CM (94.0) and Adam+SAM+CM (94.4).",
    missing=Missing(
        "data",
        "The runs; Adam+MEG is not written out, its settings are not printed, and it takes two gradients a step.",
        "The three methods at equal numbers of gradients and equal tuning, at least ten seeds.",
    ),
    parts=(
        *(
            order(
                f"the mean of {first} is higher",
                Comparison(EXTRAGRADIENT, first, ("Adam+MEG",), RUNS),
                Comparison(EXTRAGRADIENT, "Adam+MEG", (first,), RUNS),
            )
            for first in ("Adam+CM", "Adam+SAM+CM")
        ),
        *excluded(Comparison(EXTRAGRADIENT, "Adam+CM", ("Adam+MEG",), RUNS), set(), set()),
        *excluded(Comparison(EXTRAGRADIENT, "Adam+SAM+CM", ("Adam+MEG",), RUNS), {("CIFAR10", "Adam+MEG")}, set()),
        Part(
            "Adam+MEG below both beyond chance (Holm over two tests, +- as standard deviation)",
            for_all,
            printed=significance(
                Comparison(
                    {
                        k: {"new": EXTRAGRADIENT["CIFAR10"][k], "MEG": EXTRAGRADIENT["CIFAR10"]["Adam+MEG"]}
                        for k in ("Adam+CM", "Adam+SAM+CM")
                    },
                    "new",
                    ("MEG",),
                    RUNS,
                ),
                "better",
                "standard deviation",
                family=True,
            ),
            broken=significance(
                Comparison(EXTRAGRADIENT, "Adam+MEG", ("Adam+CM",), RUNS), "better", "standard deviation"
            ),
            sound=significance(
                Comparison(EXTRAGRADIENT, "Adam+SAM+CM", ("Adam+MEG",), RUNS), "better", "standard deviation"
            ),
            bears=False,
            note="p = .32 and .030 (.65 and .27 as standard error); adjusted, neither.",
        ),
    ),
)


def _without_numbers(slug: str, location: str, statement: str, what: str, would_decide: str) -> Claim:
    return Claim(
        id=f"critical-momenta/{slug}",
        location=location,
        statement=statement,
        missing=Missing("data", what, would_decide),
    )


FIGURE_8 = _without_numbers(
    "figure-8-cifar100",
    "figure 8",
    "On CIFAR100 CM has lower sharpness and a longer way than Adam and SAM, its buffer lower variance and higher "
    "cosines than CG's.",
    "The curves are images, one run or mean without band, and the signs of their exponents are lost; the ResNet34 runs "
    "need CIFAR100.",
    "Per epoch: largest Hessian eigenvalue, distance from the start, buffer variance raw and over the mean square "
    "(momenta are averages, their raw variance is smaller at equal disagreement), cosines with the longest element; "
    "ten seeds, all methods at equal (C, lambda) as well as at their best.",
)
FIGURE_9 = _without_numbers(
    "figure-9-buffer-sharpness",
    "figure 9",
    "On CIFAR10/100 Adam+CM with C = 20 ends at lower sharpness than with C = 5.",
    "Bars without numbers, signs of the exponents lost; the runs need CIFAR10/100.",
    "Final largest Hessian eigenvalues at C = 5 and 20, ten paired seeds, with intervals of the ratio.",
)
FIGURE_10 = _without_numbers(
    "figure-10-batch-and-buffer",
    "figure 10",
    "Batch 64 and C = 5 give the best accuracy on CIFAR10/100; small C scatters slightly more.",
    "Bars on an axis from 60 to 95 without numbers; the runs need CIFAR10/100. The caption speaks of a grid search per "
    "bar, so the number of tries per bar matters.",
    "Accuracies for batch {64, 128, 256, 512} and C in {1, 2, 3, 5, 20} over ten seeds: simultaneous intervals of the "
    "differences from the best, and a test of equal variances.",
)
FIGURE_19 = _without_numbers(
    "figure-19-m-sharpness",
    "figure 19",
    "At step $10^{-4}$ Adam+CM has lower m-sharpness (15) than Adam, Adam+CG and Adam+SAM on CIFAR10/100.",
    "Curves without band, signs of the exponents lost; the runs need CIFAR10/100.",
    "(15) at radius .05 by one ascent step and by a longer ascent, per epoch over ten seeds, with intervals.",
)

CLAIMS = [TABLE_2, TABLE_3, TABLE_4, FIGURE_8, FIGURE_9, FIGURE_10, FIGURE_19, LEARNING_RATE, MEG]

"""Section 5, tables 2-6: what the printed numbers can and cannot say, and what would have to be run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..checks.search import ForAll, for_all
from ..checks.tables import Cell, Comparison, Spread, means_at_least, significance
from ..claim import Budget, Claim, Missing, Part
from .printed_tables import CIFAR10, GAN, IMAGENET, IWSLT14, OURS, PENN_TREEBANK, RUNS

Table = Mapping[str, Mapping[str, Cell]]
SD: Spread = "standard deviation"
SE: Spread = "standard error"


def _against(table: Table, *others: str) -> Comparison:
    """Ours against the named methods, or against all."""
    names = others or tuple(name for name in next(iter(table.values())) if name != OURS)
    return Comparison(table, OURS, names, RUNS)


def _reversed(table: Table, other: str) -> Comparison:
    return Comparison(table, other, (OURS,), RUNS)


def _adaptive(table: Table) -> Comparison:
    return _against(table, *(name for name in next(iter(table.values())) if name not in (OURS, "SGDM")))


def _best(what: str, table: Table, rival: str, bears: bool = False, note: str = "") -> Part:
    return Part(
        f"{what}: the best printed mean",
        for_all,
        printed=means_at_least(_against(table), strict=True),
        broken=means_at_least(_reversed(table, rival), strict=True),
        bears=bears,
        note=note,
    )


def _better(what: str, comparison: Comparison, broken: Comparison, spread: Spread, note: str, **more: Any) -> Part:
    return Part(
        f"{what}: significantly better (Welch, 5%, Holm over the table, +- read as {spread})",
        for_all,
        printed=significance(comparison, "better", spread, family=True),
        broken=significance(broken, "better", spread, family=True),
        note=note,
        **more,
    )


F_REPLAY = """
from scipy.stats import f
ratio = (witness["other"] / witness["ours"]) ** 2
n = witness["runs"] - 1
violated = ratio < 1 or bool(2 * f.sf(ratio, n, n) >= 0.05)
"""


def lower_variance(table: Table, first: str, others: tuple[str, ...]) -> ForAll:
    """The variance of ``first`` is significantly below that of each of ``others`` (two-sided F test, 5%)."""
    freedom = RUNS - 1

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        del budget
        for row, cells in table.items():
            for other in others:
                yield {"row": row, "other method": other, "ours": cells[first][1], "other": cells[other][1]} | {
                    "runs": RUNS
                }

    def by_beta(p: Any) -> tuple[float, float]:
        import mpmath

        ratio = (p["other"] / p["ours"]) ** 2
        tail = mpmath.betainc(freedom / 2, freedom / 2, 0, 1 / (1 + ratio), regularized=True)
        return (float(min(1.0, 2 * tail)) if ratio > 1 else 1.0), 0.05

    def by_scipy(p: Any) -> tuple[float, float]:
        from scipy.stats import f

        ratio = (p["other"] / p["ours"]) ** 2
        return (float(2 * f.sf(ratio, freedom, freedom)) if ratio > 1 else 1.0), 0.05

    return ForAll(
        points=points,
        sides=by_beta,
        relation="<",
        again=by_scipy,
        replay=F_REPLAY,
        methods=("F test by the incomplete beta function", "F test of SciPy"),
        margins=(1e-9, 1e-9),
    )


NETWORKS_DATA = "the data set, the networks and five seeds of every optimizer with the printed settings"

CLAIMS = [
    Claim(
        id="adamomentum/gan-fid",
        location="section 5.1.2, table 2",
        statement="AdaMomentum has the lowest FID of an SN-GAN on CIFAR-10, by a large margin.",
        missing=Missing(
            "data",
            "CIFAR-10 and an SN-GAN trained 100000 iterations per run; all columns but Adam(W) and AdaMomentum are "
            "taken over from another paper, with its setting.",
            "At least five seeds of all methods in one code, with the tuning of each recorded.",
        ),
        parts=(
            _best("table 2", GAN, "AdaBelief", note="12.06 against 12.52 (AdaBelief, taken over) and 13.05 (Adam)."),
            _better(
                "table 2",
                _against(GAN),
                _reversed(GAN, "AdaBelief"),
                SD,
                "Largest p .0052 (AdaBelief, difference 0.46).",
                bears=False,
            ),
            _better(
                "table 2",
                _against(GAN),
                _reversed(GAN, "AdaBelief"),
                SE,
                "Read as standard errors the differences to AdaBelief (p .12) and RAdam (p .036) do not stand.",
                bears=False,
                repair=significance(_against(GAN, "SGDM", "Adam", "Yogi", "AdaBound"), "better", SE, family=True),
                repair_note="better than SGDM, Adam(W), Yogi and AdaBound",
            ),
        ),
    ),
    Claim(
        id="adamomentum/cifar10",
        location="section 5.2.1, D.1, tables 3 and 7, figure 3",
        statement="On three CIFAR-10 networks AdaMomentum trains as fast as adaptive methods and much faster than "
        "SGDM, and tests as well as SGDM, far above the rest; on ResNet-34 both exceed 96 %.",
        missing=Missing(
            "data",
            NETWORKS_DATA
            + "; figure 3 is only an image. Adaptive methods all use weight decay 5e-4; whether coupled or "
            "decoupled is not said.",
            "Training curves of all methods over seeds, with intervals of the epochs to a given accuracy.",
        ),
        parts=(
            Part(
                "test means above all adaptive rivals",
                for_all,
                printed=means_at_least(_adaptive(CIFAR10), strict=True),
                broken=means_at_least(_against(CIFAR10), strict=True),
                bears=False,
                note="0.23 to 0.34 points above AdaBelief, 0.66 to 1.51 above the others. Against SGDM: +0.07, -0.14, "
                "+0.05 points. ResNet-34: 96.33 and 96.47, both over 96.",
            ),
        ),
    ),
    Claim(
        id="adamomentum/imagenet",
        location="section 5.2, D.1, tables 4 and 8",
        statement="AdaMomentum has the best Top-1 accuracy of ResNet-18 on ImageNet.",
        missing=Missing(
            "data",
            NETWORKS_DATA + "; the weight decay of AdaMomentum (5e-2) differs from Adam's (1e-4) by a factor 500.",
            "Runs of all methods with the same weight decays, so that its effect is told from the optimizer's.",
        ),
        parts=(_best("table 4", IMAGENET, "SGDM", note="70.45 against 70.41 (SGDM) and 69.98 (AdaBelief)."),),
    ),
    Claim(
        id="adamomentum/lstm-penn-treebank",
        location="section 5.2.2, D.2, tables 5, 9-11, figures 4 and 5",
        statement="AdaMomentum has the lowest perplexity with 1, 2 and 3 layers, and is the fastest with 2 and 3.",
        missing=Missing(
            "data",
            NETWORKS_DATA + "; the curves are images, and the step size of Adam, Yogi, AdaBound and AdaBelief is 0.01 "
            "in some tables where AdaMomentum's is 0.001.",
            "Perplexity against epochs of all methods over seeds.",
        ),
        parts=(
            _best(
                "table 5",
                PENN_TREEBANK,
                "AdaBelief",
                note="3.48, 1.81 and 1.25 below the runner-up, AdaBelief, with 1, 2 and 3 layers.",
            ),
        ),
    ),
    Claim(
        id="adamomentum/transformer-iwslt14",
        location="section 5.2.3, D.3, tables 6 and 12",
        statement="AdaMomentum has the highest BLEU with the lowest variance.",
        missing=Missing(
            "data",
            NETWORKS_DATA + ". The sentence cites table 12, which lists hyperparameters; the results are in table 6.",
            "At least a hundred seeds: five cannot tell a standard deviation of 0.11 from one of 0.12.",
        ),
        parts=(_best("table 6", IWSLT14, "AdamW", note="35.66 against 35.62 (AdamW) and 35.60 (AdaBelief)."),),
    ),
    Claim(
        id="adamomentum/tables-significance",
        location="tables 2-6",
        statement="Over five runs the differences are what the text calls them. Judged: best means that are "
        "significant in tables 2, 4, 5 and 6; not significantly worse than SGDM in table 3, and better than the "
        "rest; significantly lowest variance in table 6 (Welch and F tests at 5 %, two-sided, from the printed "
        "numbers; the text calls them standard deviations).",
        parts=(
            _better(
                "table 2, FID",
                _against(GAN),
                _reversed(GAN, "AdaBelief"),
                SD,
                "Largest p .0052, against AdaBelief; but its column comes from another paper's setting.",
            ),
            _better(
                "table 3 against adaptive rivals",
                _adaptive(CIFAR10),
                _reversed(CIFAR10, "AdaBelief"),
                SD,
                "Largest p .0137 (DenseNet-121, AdaBelief).",
            ),
            Part(
                "table 3: not significantly worse than SGDM, row by row",
                for_all,
                printed=significance(_against(CIFAR10, "SGDM"), "not worse", SD),
                broken=significance(_reversed(CIFAR10, "AdaBelief"), "not worse", SD),
                repair=significance(_against(CIFAR10, "SGDM"), "not worse", SD, family=True),
                repair_note="once the three rows are corrected for (Holm): $p=.080$ on ResNet-34",
                note="ResNet-34: 0.14 points worse, p .027; VGG .35 and DenseNet .69 the other way.",
            ),
            _better(
                "table 4, ImageNet",
                _against(IMAGENET),
                _reversed(IMAGENET, "SGDM"),
                SD,
                "Against SGDM 0.04 points, p .56; all others p below .0001.",
                repair=significance(_adaptive(IMAGENET), "better", SD, family=True),
                repair_note="better than every adaptive rival; not told from SGDM",
            ),
            _better(
                "table 5, Penn Treebank",
                _against(PENN_TREEBANK),
                _reversed(PENN_TREEBANK, "AdaBelief"),
                SD,
                "Largest p 9e-6 (three layers, AdaBelief); read as standard errors, .001.",
            ),
            _better(
                "table 6, IWSLT14",
                _against(IWSLT14),
                _reversed(IWSLT14, "AdamW"),
                SD,
                "AdamW p .61, AdaBelief p .43: not told apart.",
                repair=significance(_against(IWSLT14, "SGDM", "Adam"), "better", SD, family=True),
                repair_note="better than SGDM and Adam",
            ),
            Part(
                "table 6: the lowest variance, significantly (F test)",
                for_all,
                printed=lower_variance(IWSLT14, OURS, ("SGDM", "Adam", "AdamW", "AdaBelief")),
                broken=lower_variance(IWSLT14, "Adam", (OURS,)),
                repair=lower_variance(IWSLT14, OURS, ("Adam",)),
                repair_note="lower than Adam's",
                note="0.11 is the least printed, but 0.12 (AdaBelief), 0.13 (AdamW) and 0.24 (SGDM) are not told from "
                "it with five runs.",
            ),
            _better(
                "table 5, read as standard errors",
                _against(PENN_TREEBANK),
                _reversed(PENN_TREEBANK, "AdaBelief"),
                SE,
                "Stands under either reading of the number after the sign.",
                bears=False,
            ),
        ),
    ),
]

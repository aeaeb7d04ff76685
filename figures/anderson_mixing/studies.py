"""The studies: noisy quadratics, logistic regression on real data, variance reduction, preconditioned mixing."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from ..registry import Cost, Figure, FigureData, Level
from ._common import PAPER
from ._panels import Panel, differences, method_note, panels_data, panels_draw, panels_table

if TYPE_CHECKING:
    from analysis.mixing import LinearModel

BASIC = ("SGD", "SGDM", "RAM", "SAM", "AdaSAM")
PRECONDITIONED = ("SGDM", "AdaSAM", "Adagrad", "RMSprop", "Adagrad-AdaSAM", "RMSprop-AdaSAM")
USES = ("figures.anderson_mixing._panels", "analysis", "quadratics", "optassay")


def _quadratic(noise: float) -> LinearModel:
    from analysis.mixing import noisy_quadratic

    return noisy_quadratic(0, noise=noise)


def _logistic(name: str, l2: float = 1e-3, standardise: bool = True) -> LinearModel:
    from analysis.mixing import real_logistic

    return real_logistic(name, l2, standardise)


QUADRATIC = (
    Panel("full gradients", partial(_quadratic, 0.0), 0, 40, (*BASIC, "AdaSAM with (14)")),
    Panel("no errors, batch 50", partial(_quadratic, 0.0), 50, 8, BASIC),
    Panel("errors 0.1, batch 50", partial(_quadratic, 0.1), 50, 8, BASIC),
    Panel("errors 1, batch 50", partial(_quadratic, 1.0), 50, 8, BASIC),
)
LOGISTIC = (
    Panel("all samples", partial(_logistic, "breast-cancer"), 0, 60, (*BASIC, "AdaSAM with (14)")),
    Panel("batch 142", partial(_logistic, "breast-cancer"), 142, 40, BASIC),
    Panel("batch 32", partial(_logistic, "breast-cancer"), 32, 10, BASIC),
)
REDUCED = (
    Panel("batch 16", partial(_logistic, "breast-cancer", 0.01), 16, 12, ("SGD", "SVRG", "AdaSAM", "AdaSAM-VR")),
    Panel("batch 64", partial(_logistic, "breast-cancer", 0.01), 64, 40, ("SGD", "SVRG", "AdaSAM", "AdaSAM-VR")),
    Panel("batch 142", partial(_logistic, "breast-cancer", 0.01), 142, 80, ("SGD", "SVRG", "AdaSAM", "AdaSAM-VR")),
)
SCALED = (
    Panel("wine as it comes", partial(_logistic, "wine", 1e-3, False), 32, 60, PRECONDITIONED),
    Panel("wine, standardised", partial(_logistic, "wine"), 32, 60, PRECONDITIONED),
)


def _data_of(panels: tuple[Panel, ...]) -> Callable[[Level], FigureData]:
    def data(level: Level) -> FigureData:
        return panels_data(panels, level, "AdaSAM")

    return data


def _caption_of(opening: str, rivals: tuple[str, ...]) -> Callable[[FigureData], str]:
    def caption(data: FigureData) -> str:
        return (
            f"{opening} {method_note(data)} Final $\\log_{{10}}$ suboptimality less AdaSAM's, paired by seed "
            f"(positive: AdaSAM is better), with 95% intervals: {differences(data, rivals)}."
        )

    return caption


FIGURES = [
    Figure(
        id="anderson-mixing/study-quadratic",
        paper=PAPER,
        title="Noisy quadratics",
        shows="Nothing drawn; Figure 1 compares the methods on MNIST.",
        caption=_caption_of(
            opening=r"Least squares, $d=20$, 1000 samples, condition number 100, targets without and with errors; the "
            r"gradient budget is the same for every method.",
            rivals=("SGD", "SGDM", "RAM", "SAM", "AdaSAM with (14)"),
        ),
        claims=(
            "anderson-mixing/adaptive-versus-constant-regularisation",
            "anderson-mixing/noise-tolerance",
            "anderson-mixing/algorithm-adasam",
        ),
        cost=Cost(4.0, 20.0, 250.0),
        data=_data_of(QUADRATIC),
        table=panels_table,
        draw=panels_draw,
        uses=USES,
    ),
    Figure(
        id="anderson-mixing/study-logistic",
        paper=PAPER,
        title="Logistic regression on real data",
        shows="Figure 1 (a), (b): training loss of a small network on 12 000 images of MNIST with batches of 6000 and "
        "3000.",
        caption=_caption_of(
            opening=r"Regularised logistic regression ($10^{-3}$) on the breast cancer data, 569 samples, 31 "
            "parameters: the full gradient, batches of a quarter, batches of 32.",
            rivals=("SGD", "SGDM", "RAM", "SAM", "AdaSAM with (14)"),
        ),
        claims=("anderson-mixing/adaptive-versus-constant-regularisation", "anderson-mixing/noise-tolerance"),
        cost=Cost(4.0, 18.0, 250.0),
        data=_data_of(LOGISTIC),
        table=panels_table,
        draw=panels_draw,
        uses=USES,
    ),
    Figure(
        id="anderson-mixing/study-variance-reduction",
        paper=PAPER,
        title="Variance reduction against SVRG",
        shows="Figure 1 (c): AdaSAM with variance reduction reaches a training loss of about $10^{-9}$.",
        caption=_caption_of(
            opening="Regularised logistic regression ($10^{-2}$) on the breast cancer data at equal numbers of sample "
            "gradients: two per sample and step and a full one per snapshot for the reduced methods.",
            rivals=("SGD", "SVRG", "AdaSAM-VR"),
        ),
        claims=("anderson-mixing/variance-reduction-lower-loss", "anderson-mixing/algorithm-2-sam-vr"),
        cost=Cost(4.0, 20.0, 250.0),
        data=_data_of(REDUCED),
        table=panels_table,
        draw=panels_draw,
        uses=USES,
    ),
    Figure(
        id="anderson-mixing/study-preconditioned",
        paper=PAPER,
        title="Preconditioned mixing",
        shows="Figure 1: the Adagrad- and RMSprop-preconditioned methods end higher than AdaSAM, faster at first.",
        caption=_caption_of(
            opening="Regularised logistic regression on the wine data (178 samples, 14 parameters), with features as "
            "they come and standardised.",
            rivals=PRECONDITIONED[:1] + PRECONDITIONED[2:],
        ),
        claims=("anderson-mixing/algorithm-preconditioned", "anderson-mixing/preconditioner-as-optimizer"),
        cost=Cost(4.0, 15.0, 200.0),
        data=_data_of(SCALED),
        table=panels_table,
        draw=panels_draw,
        uses=USES,
    ),
]

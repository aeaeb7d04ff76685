"""Figures of Balles and Hennig, "Dissecting Adam: The Sign, Magnitude and Variance of Stochastic Gradients"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from .dissecting_adam_figure_2 import FIGURES as FIGURE_2
from .dissecting_adam_figure_2 import PAPER
from .registry import Cost, Figure, FigureData, Level, long_table
from .style import BLACK, BLUE, COLUMN, GREEN, GREY, PAGE, VERMILLION, canvas

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas


# Figure 1: variance adaptation of a two-dimensional gradient


def sketch_data(level: Level) -> FigureData:
    """Scatter, mean and covariance of a stochastic gradient before and after the scaling by (1 + eta^2)^-1."""
    from optassay.factors import variance_adaptation_factor

    del level  # exact moments and a few hundred points cost nothing
    gradient, std = np.array([2.0, 1.0]), np.array([1.0, 1.5])
    factor = variance_adaptation_factor(std / gradient)
    scale = np.stack([np.ones(2), factor])  # rows: before, after
    seed, count = 1, 300
    draws = gradient + std * np.random.default_rng(seed).standard_normal((count, 2))
    mean, variance = scale * gradient, (scale * std) ** 2
    squared_bias = np.sum((mean - gradient) ** 2, axis=1)
    total_variance = np.sum(variance, axis=1)
    arrays = {
        "gradient": gradient,
        "factor": factor,
        "samples": scale[:, None, :] * draws,
        "mean": mean,
        "variance": variance,
        "squared_bias": squared_bias,
        "total_variance": total_variance,
        "mean_squared_error": squared_bias + total_variance,
    }
    return FigureData(
        arrays, {"gradient": [2.0, 1.0], "standard deviations": [1.0, 1.5], "seed": seed, "points": count}
    )


def sketch_table(data: FigureData) -> Mapping[str, np.ndarray]:
    samples = data.arrays["samples"]
    coordinates = {"direction": ["before", "after"], "sample": np.arange(samples.shape[1])}
    return long_table(coordinates, first=samples[..., 0], second=samples[..., 1])


def sketch_caption(data: FigureData) -> str:
    a = data.arrays
    before, after = a["mean_squared_error"]
    return (
        r"Draws of $g\sim\mathcal N((2,1),\mathrm{diag}(1,1.5^2))$, left as they are, right with coordinate $i$ scaled "
        rf"by $\gamma_i=(1+\eta_i^2)^{{-1}}$, that is by {a['factor'][0]:.3f} and {a['factor'][1]:.3f}. Ellipses hold "
        "one and two standard deviations of the exact law. Scaling moves the mean to "
        f"({a['mean'][1, 0]:.3f}, {a['mean'][1, 1]:.3f}), a squared bias of {a['squared_bias'][1]:.3f}, and lowers the "
        f"total variance from {a['total_variance'][0]:.3f} to {a['total_variance'][1]:.3f}; the mean squared error "
        f"falls from {before:.3f} to {after:.3f}. The noisier second coordinate is shortened far more than the first."
    )


def sketch_draw(data: FigureData) -> Canvas:
    from matplotlib.patches import Ellipse

    a = data.arrays
    figure = canvas(COLUMN, 2.7)
    axes = figure.subplots(1, 2, sharex=True, sharey=True)
    for k, (ax, title) in enumerate(zip(axes, ("as drawn", "scaled by $(1+\\eta_i^2)^{-1}$"), strict=True)):
        x, y = a["samples"][k].T
        ax.scatter(x, y, s=3, color=BLUE, alpha=0.35, linewidths=0)
        for spread in (1, 2):
            width, height = 2 * spread * np.sqrt(a["variance"][k])
            ax.add_patch(Ellipse(tuple(a["mean"][k]), width, height, fill=False, edgecolor=BLUE, linewidth=0.9))
        arrow = {"arrowstyle": "-|>", "shrinkA": 0, "shrinkB": 0, "linewidth": 1.2, "mutation_scale": 7}
        ax.annotate("", tuple(a["gradient"]), (0, 0), arrowprops={**arrow, "color": BLACK})
        if k:
            ax.annotate("", tuple(a["mean"][k]), (0, 0), arrowprops={**arrow, "color": VERMILLION})
        ax.set_title(f"{title}\nbias² {a['squared_bias'][k]:.2f}, variance {a['total_variance'][k]:.2f}")
        ax.set_xlabel("coordinate 1")
        ax.set_aspect("equal")
    axes[0].set(xlim=(-1.9, 5.4), ylim=(-3.4, 5.2), xticks=[-1, 0, 1, 2, 3, 4, 5], yticks=[-2, 0, 2, 4])
    axes[0].set_ylabel("coordinate 2")
    handles = [axes[0].plot([], [], color=BLACK)[0], axes[0].plot([], [], color=VERMILLION)[0]]
    figure.legend(handles, ["true gradient", "mean after scaling"], loc="outside lower center", ncols=2)
    return figure


# Figure 4: probability of the wrong sign


def wrong_sign_data(level: Level) -> FigureData:
    """Densities of three Gaussians with mean 1, and the wrong-sign probability as a function of sigma / |mu|."""
    from optassay.arrays import normal_pdf
    from quadratics import sign_success_probability

    del level
    mean, variances = 1.0, np.array([0.5, 1.0, 4.0])
    std = np.sqrt(variances)
    x = np.linspace(-6.0, 8.0, 1401)
    ratio = np.geomspace(0.1, 100.0, 301)
    means = np.array([-30.0, -1.0, 1.0, 1e-3])
    arrays = {
        "x": x,
        "variance": variances,
        "density": normal_pdf((x - mean) / std[:, None]) / std[:, None],
        "wrong_sign": 1.0 - sign_success_probability(np.full(3, mean), std),
        "ratio": ratio,
        "means": means,
        "wrong_sign_of_ratio": 1.0 - sign_success_probability(means[:, None], np.abs(means)[:, None] * ratio),
    }
    return FigureData(
        arrays, {"mean": mean, "variances": variances.tolist(), "means of the last panel": means.tolist()}
    )


def wrong_sign_table(data: FigureData) -> Mapping[str, np.ndarray]:
    a = data.arrays
    density = long_table({"variance": a["variance"], "x": a["x"]}, density=a["density"])
    probability = np.repeat(a["wrong_sign"], len(a["x"]))
    return density | {"wrong_sign_probability": probability}


def wrong_sign_caption(data: FigureData) -> str:
    a = data.arrays
    shares = ", ".join(f"{p:.4f} at $\\sigma^2={v:g}$" for p, v in zip(a["wrong_sign"], a["variance"], strict=True))
    spread = float(np.max(np.ptp(a["wrong_sign_of_ratio"], axis=0)))
    return (
        rf"Densities of $\mathcal N(1,\sigma^2)$; the shaded mass is the probability that a draw has the wrong sign: "
        rf"{shares}. It is $\frac12-\frac12\operatorname{{erf}}\frac{{|\mu|}}{{\sqrt2\sigma}}$ and so a function of "
        rf"$\sigma/|\mu|$ alone (last panel, the three cases marked): computed for $\mu$ from $-30$ to $10^{{-3}}$ at "
        f"equal ratio, the values differ by at most {spread:.1e}, which is rounding. It rises to one half, never above."
    )


def wrong_sign_draw(data: FigureData) -> Canvas:
    a = data.arrays
    figure = canvas(PAGE, 1.75)
    axes = figure.subplots(1, 4)
    for k, ax in enumerate(axes[:3]):
        density, wrong = a["density"][k], a["x"] <= 0
        ax.plot(a["x"], density, color=BLUE)
        ax.fill_between(a["x"][wrong], density[wrong], color=VERMILLION, alpha=0.55, linewidth=0)
        ax.axvline(0, color=BLACK, linewidth=0.6)
        ax.axvline(1, color=GREY, linewidth=0.8, linestyle="--")
        ax.set_title(f"$\\mu=1$, $\\sigma^2={a['variance'][k]:g}$")
        ax.set_xlim(-5, 7)
        ax.set_ylim(0, 0.6)
        ax.set_xlabel("$x$")
        ax.text(0.05, 0.93, f"{100 * a['wrong_sign'][k]:.1f} %", transform=ax.transAxes, color="#A34700", va="top")
        if k:
            ax.tick_params(labelleft=False)
    axes[0].set_ylabel("density")
    ax = axes[3]
    ax.semilogx(a["ratio"], a["wrong_sign_of_ratio"][0], color=BLUE)
    ax.plot(np.sqrt(a["variance"]), a["wrong_sign"], "o", color=VERMILLION)
    ax.axhline(0.5, color=GREY, linewidth=0.8, linestyle="--")
    ax.set_ylim(0, 0.6)
    ax.set_xlabel("$\\sigma/|\\mu|$")
    ax.set_title("P(wrong sign)")
    return figure


# Figure 5: three variance adaptation factors

FACTOR_LABELS = ("$(1+\\eta^2)^{-1}$", "erf$\\,(1/(\\sqrt{2}\\eta))$", "$(1+\\eta^2)^{-1/2}$")


def factor_data(level: Level) -> FigureData:
    """The three factors over the relative standard deviation, on a linear range and on a logarithmic one."""
    from optassay.factors import adam_factor, sign_adaptation_factor, variance_adaptation_factor

    del level
    factors = (variance_adaptation_factor, sign_adaptation_factor, adam_factor)
    near, wide = np.linspace(0.0, 5.0, 1001), np.geomspace(1e-2, 1e3, 2001)
    arrays = {
        "relative_std": near,
        "factors": np.stack([factor(near) for factor in factors]),
        "relative_std_wide": wide,
        "factors_wide": np.stack([factor(wide) for factor in factors]),
    }
    return FigureData(arrays, {"factors": ["variance", "sign (Gaussian)", "adam"]})


def factor_table(data: FigureData) -> Mapping[str, np.ndarray]:
    a = data.arrays
    names = ("variance_factor", "sign_factor", "adam_factor")
    eta = np.concatenate([a["relative_std"], a["relative_std_wide"]])
    values = np.concatenate([a["factors"], a["factors_wide"]], axis=1)
    grid = np.repeat(["linear", "logarithmic"], [len(a["relative_std"]), len(a["relative_std_wide"])])
    return {"grid": grid, "relative_std": eta, **dict(zip(names, values, strict=True))}


def factor_caption(data: FigureData) -> str:
    a = data.arrays
    eta, (_, sign, adam) = a["relative_std_wide"], a["factors_wide"]
    high, low = int(np.argmax(sign - adam)), int(np.argmin(sign - adam))
    relative = (sign - adam) / adam
    return (
        r"Factors for a direction of relative standard deviation $\eta$: $(1+\eta^2)^{-1}$ for the gradient itself, "
        r"$\operatorname{erf}((\sqrt2\eta)^{-1})$ for its sign under Gaussian noise, and Adam's $(1+\eta^2)^{-1/2}$. "
        r"Below, the error-function factor minus Adam's. On this grid of 2001 points the difference runs from "
        f"{(sign - adam)[low]:.4f} at $\\eta={eta[low]:.2f}$ to {(sign - adam)[high]:.4f} at $\\eta={eta[high]:.2f}$. "
        rf"The two are close but do not become one: for $\eta\to\infty$ their ratio tends to $\sqrt{{2/\pi}}\approx"
        f"{np.sqrt(2 / np.pi):.4f}$, and at $\\eta=10^3$ the error-function factor is "
        f"{100 * -relative[-1]:.1f} % smaller."
    )


def factor_draw(data: FigureData) -> Canvas:
    a = data.arrays
    figure = canvas(COLUMN, 3.5)
    top, bottom = figure.subplots(2, 1, height_ratios=[1.5, 1])
    for values, label, colour, line in zip(
        a["factors"], FACTOR_LABELS, (BLUE, VERMILLION, GREEN), ("-", "-", "--"), strict=True
    ):
        top.plot(a["relative_std"], values, line, color=colour, label=label)
    top.set_xlim(0, 5)
    top.set_ylim(0, 1.03)
    top.set_xlabel("relative standard deviation $\\eta$")
    top.set_ylabel("factor")
    top.legend(loc="upper right")
    _, sign, adam = a["factors_wide"]
    bottom.axhline(0, color=BLACK, linewidth=0.6)
    bottom.semilogx(a["relative_std_wide"], sign - adam, color=VERMILLION, label="difference")
    bottom.semilogx(a["relative_std_wide"], (sign - adam) / adam, color=GREY, linestyle=":", label="relative to Adam's")
    bottom.set_xlim(1e-2, 1e3)
    bottom.set_xlabel("relative standard deviation $\\eta$")
    bottom.set_ylabel("erf − Adam")
    bottom.legend(loc="lower left")
    return figure


FIGURES = [
    Figure(
        id="dissecting-adam/figure-1",
        paper=PAPER,
        title="Figure 1: shortening the noisy coordinate",
        shows=r"Left, stochastic gradients around the true gradient $(2,1)$ with standard deviations 1 and 1.5; right, "
        r"the same after scaling coordinate $i$ by $(1+\eta_i^2)^{-1}$: less variance, at the price of a bias.",
        caption=sketch_caption,
        claims=("dissecting-adam/fig-1-variance-adaptation-sketch", "dissecting-adam/lemma-1-variance-adaptation"),
        cost=Cost(0.1, 0.1, 0.1),
        data=sketch_data,
        table=sketch_table,
        draw=sketch_draw,
        uses=("optassay.factors", "optassay.arrays"),
    ),
    *FIGURE_2,
    Figure(
        id="dissecting-adam/figure-4",
        paper=PAPER,
        title="Figure 4: probability of the wrong sign",
        shows=r"Three Gaussian densities with mean 1 and variances 0.5, 1 and 4; shaded, the probability of a draw "
        "whose sign is not that of the mean.",
        caption=wrong_sign_caption,
        claims=("dissecting-adam/fig-4-wrong-sign-probability", "dissecting-adam/lemma-2-sign-success-probability"),
        cost=Cost(0.1, 0.1, 0.1),
        data=wrong_sign_data,
        table=wrong_sign_table,
        draw=wrong_sign_draw,
        uses=("quadratics", "optassay"),
    ),
    Figure(
        id="dissecting-adam/figure-5",
        paper=PAPER,
        title="Figure 5: three variance adaptation factors",
        shows=r"$(1+\eta^2)^{-1}$, $\operatorname{erf}((\sqrt2\eta)^{-1})$ and $(1+\eta^2)^{-1/2}$ over $\eta$, the "
        "last two as nearly the same curve.",
        caption=factor_caption,
        claims=(
            "dissecting-adam/erf-approximation",
            "dissecting-adam/svag-factor",
            "dissecting-adam/lemma-1-sign-adaptation",
        ),
        cost=Cost(0.1, 0.1, 0.1),
        data=factor_data,
        table=factor_table,
        draw=factor_draw,
        uses=("optassay.factors", "optassay.arrays"),
    ),
]

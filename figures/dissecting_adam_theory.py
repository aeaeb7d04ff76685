"""Theory of "Dissecting Adam" as figures: theorem 1's rate, the variance estimators, the range of Adam's factor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from .dissecting_adam_figure_2 import PAPER
from .dissecting_adam_signs import FIGURES as SIGNS
from .registry import Cost, Figure, FigureData, Level, long_table
from .style import BLACK, BLUE, GREEN, GREY, ORANGE, PAGE, PURPLE, VERMILLION, canvas

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE)


# Theorem 1: t e_t of idealised SVAG


def rate_data(level: Level) -> FigureData:
    """e_t of idealised SVAG and of SGD with step 1/L on Q = diag(L, lambda), L = nu = 1, started one nu away.

    Arrays: ``svag``, ``sgd``, ``bound``, each times t, (ratios, times); ``limit``, ``bound_limit`` (ratios,).
    """
    from proofs_check.dissecting_adam.svag_limit import limit_constant, mean_square_error

    last, points, nodes = {
        Level.QUICK: (1000, 300, 400),
        Level.NORMAL: (20_000, 500, 1600),
        Level.FULL: (100_000, 600, 3200),
    }[level]
    times = np.unique(np.round(np.geomspace(1, last, 40)).astype(int))
    ratios, start = np.array([1.0, 0.3, 0.1]), 1.0
    square = {a: mean_square_error(a, start, times.tolist(), points, nodes) for a in ratios.tolist()}
    coarse = {a: mean_square_error(a, start, times.tolist(), points // 2, nodes // 2) for a in square}
    grid_error = max(float(np.max(np.abs(coarse[a] / square[a] - 1))) for a in square)
    level_of = ratios / (2 - ratios)  # of E delta^2 under SGD, whose gap to it shrinks by (1 - a)^2 a step
    plain = level_of[:, None] + (start**2 - level_of)[:, None] * (1 - ratios)[:, None] ** (2 * times)
    exact = np.stack([square[a] for a in ratios.tolist()])
    # e_t = sum_i lambda_i E delta_i^2 / 2, the first coordinate having lambda_1 = L
    svag, sgd = ((values[:1] + ratios[:, None] * values) / 2 for values in (exact, plain))
    first = (1 + ratios) * start**2 / 2
    # E|g_t|^2 = sum_i lambda_i^2 (E delta_i^2 + nu^2) is largest at t = 0: the smallest G^2 that can be assumed
    c = 2 * ratios**2 / ((1 + ratios**2) * (start**2 + 1))
    limits = np.array([limit_constant(a) for a in ratios.tolist()])
    arrays = {
        "time": times,
        "ratio": ratios,
        "svag": times * svag,
        "sgd": times * sgd,
        "bound": 1 / (1 / (times * first[:, None]) + c[:, None]),
        "limit": (limits[0] + ratios * limits) / 2,
        "bound_limit": 1 / c,
        "grid_error": np.array(grid_error),
    }
    return FigureData(arrays, {"start over nu": start, "grid points": points, "nodes": nodes, "last step": last})


def rate_table(data: FigureData) -> Mapping[str, np.ndarray]:
    a = data.arrays
    names = {"t_e_svag": "svag", "t_e_sgd": "sgd", "t_e_bound": "bound"}
    columns = long_table({"ratio": a["ratio"], "step": a["time"]}, **{name: a[key] for name, key in names.items()})
    return columns | {name: np.repeat(a[name], len(a["time"])) for name in ("limit", "bound_limit")}


def rate_caption(data: FigureData) -> str:
    a = data.arrays
    rows = [
        rf"$\lambda/L={r:g}$: limit {limit:.4f}, reached to {100 * abs(last / limit - 1):.1f} % at step "
        rf"{a['time'][-1]}; the bound's limit $1/c$ is {loose:.4g}, {loose / limit:.3g} times it"
        for r, limit, last, loose in zip(a["ratio"], a["limit"], a["svag"][:, -1], a["bound_limit"], strict=True)
    ]
    return (
        r"$t\,e_t$ in units of $L\nu^2$ on $Q=\mathrm{diag}(L,\lambda)$ with Gaussian noise, step $1/L$, started at "
        r"distance $\nu$ in each coordinate. Idealised SVAG by quadrature of the exact law (half the "
        rf"grid and nodes move it by {100 * float(a['grid_error']):.1g} % at most): $e_t\in O(1/t)$ holds, and "
        r"$t\,e_t$ tends to $\sum_i\nu^2L^2/(2(2L+\lambda_i))$ (dashed). Theorem 1's bound $(1/(te_0)+c)^{-1}$ with "
        r"the smallest $G^2$ that the problem allows is safe and, for small $\lambda$, far away: it grows like "
        r"$1/\lambda^2$, while the limit stays below $d\,L\nu^2/4$. SGD with the same step stops at a positive $e_t$, "
        "so its line grows like $t$.\n" + ";\n".join(rows) + "."
    )


def rate_draw(data: FigureData) -> Canvas:
    a = data.arrays
    figure = canvas(PAGE, 2.7)
    axes = figure.subplots(1, len(a["ratio"]), sharex=True, sharey=True)
    for k, ax in enumerate(axes):
        ax.loglog(a["time"], a["sgd"][k], color=VERMILLION, label="SGD, step $1/L$")
        ax.loglog(a["time"], a["bound"][k], "-.", color=GREY, label="bound of theorem 1")
        ax.loglog(a["time"], a["svag"][k], color=BLUE, linewidth=1.6, label="idealised SVAG")
        ax.axhline(a["limit"][k], color=BLACK, linestyle="--", linewidth=0.9, label="its limit")
        ax.set_title(f"$\\lambda/L={a['ratio'][k]:g}$")
        ax.set_xlabel("step $t$")
    axes[0].set(ylabel="$t\\,e_t\\;/\\;L\\nu^2$", ylim=(0.15, 3e3), xlim=(1, a["time"][-1]))
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure


# Bias of the variance estimators


def bias_data(level: Level) -> FigureData:
    """Bias of v_t - m_t^2 over t and mu for iid gradients, against its spread if Gaussian, and bias of (44) over B.

    Arrays
    ------
    kappa : (constants, times), minus the bias over sigma^2
    against_spread : (constants, times), |bias| over the standard deviation of the estimate; infinite at t = 1
    minibatch : (noise levels, batch sizes), bias of (44) as printed over var[g]
    """
    from optassay.optimizers.variance_adapted import kappa

    del level
    mu = np.array([0.1, 0.5, 0.9, 0.99, 0.999])
    time = np.unique(np.round(np.geomspace(1, 10_000, 70)).astype(int))
    first = np.stack([kappa(mu, int(t)) for t in time], axis=1)
    # v - m^2 = g^T (C - c c^T) g, of variance 2 tr (C - c c^T)^2 sigma^4 for Gaussian g; sums of powers of c(mu, t, s)
    power = mu[:, None] ** time
    cubes = ((1 - mu)[:, None] / (1 - power)) ** 3 * (1 - power**3) / (1 - mu**3)[:, None]
    variance = 2 * (first - 2 * cubes + first**2)
    variance[:, time == 1] = 0  # v = m^2 for every law
    with np.errstate(divide="ignore"):
        against = first / np.sqrt(variance)
    batch, eta = np.arange(2, 513), np.array([0.1, 1.0, 10.0, 100.0])
    # E[(44)] - var[g] = E[g^2] / (B (B - 1)); eta is the relative standard deviation of one example's gradient
    minibatch = 1 / (batch * (batch - 1)) + 1 / (eta[:, None] ** 2 * (batch - 1))
    arrays = {
        "mu": mu,
        "time": time,
        "kappa": first,
        "against_spread": against,
        "eta": eta,
        "batch": batch,
        "minibatch": minibatch,
    }
    return FigureData(arrays, {"gradients": "iid; Gaussian for the middle panel only"})


def bias_table(data: FigureData) -> Mapping[str, np.ndarray]:
    a = data.arrays
    moving = long_table({"constant": a["mu"], "at": a["time"]}, relative_bias=-a["kappa"], over_std=a["against_spread"])
    batch = long_table({"constant": a["eta"], "at": a["batch"]}, relative_bias=a["minibatch"])
    batch["over_std"] = np.full(a["minibatch"].size, np.nan)
    estimator = np.repeat(["v - m^2 (mu, t)", "(44) (eta_1, B)"], [a["kappa"].size, a["minibatch"].size])
    return {"estimator": estimator, **{key: np.concatenate([moving[key], batch[key]]) for key in moving}}


def bias_caption(data: FigureData) -> str:
    a = data.arrays
    nine, batch = int(np.argmin(np.abs(a["mu"] - 0.9))), dict(zip(a["batch"].tolist(), a["minibatch"].T, strict=True))
    at = {t: float(a["against_spread"][nine, np.argmax(a["time"] == t)]) for t in (2, 10)}
    low = a["against_spread"][0, -1]
    return (
        r"Left: $\mathbf E[v_t-m_t^2]=\sigma^2(1-\kappa(\mu,t))$ for iid gradients of any law. The bias "
        r"$-\kappa\sigma^2$ is the whole variance at $t=1$ and tends to $-\frac{1-\mu}{1+\mu}\sigma^2$ (dashed), "
        rf"{100 * 0.1 / 1.9:.1f} % at $\mu=0.9$; from $t=2$ on a division by $1-\kappa$ removes it. Middle: its size "
        r"over the estimate's own standard deviation if gradients are Gaussian. Below one, other errors dominate: at "
        rf"$\mu=0.9$ from $t=2$ on ({at[2]:.2f} there, {at[10]:.2f} at $t=10$), at $\mu=0.1$ never "
        rf"({low:.2f} in the limit); at $t=1$, where $v=m^2$ always, the bias is the only error. Right: the mini-batch "
        r"estimate (44) as printed lacks a factor $B/(B-1)$ at $g^2$ and overestimates $\mathbf{var}[g]$ by "
        r"$\frac1{B(B-1)}+\frac1{\eta_1^2(B-1)}$ of it, $\eta_1$ the relative deviation of one example: at $B=128$ by "
        rf"{100 * batch[128][3]:.2g} % for $\eta_1=100$, but {100 * batch[128][1]:.2g} % for $\eta_1=1$ and "
        rf"{100 * batch[128][0]:.0f} % for $\eta_1=0.1$."
    )


def bias_draw(data: FigureData) -> Canvas:
    a = data.arrays
    figure = canvas(PAGE, 2.6)
    left, middle, right = figure.subplots(1, 3)
    for k, (mu, colour) in enumerate(zip(a["mu"], COLOURS, strict=True)):
        left.loglog(a["time"], a["kappa"][k], color=colour, label=f"$\\mu={mu:g}$")
        left.axhline((1 - mu) / (1 + mu), color=colour, linestyle="--", linewidth=0.7)
        seen = np.isfinite(a["against_spread"][k])
        middle.loglog(a["time"][seen], a["against_spread"][k, seen], color=colour)
    middle.axhline(1, color=BLACK, linewidth=0.8)
    left.set(xlabel="step $t$", title="−bias of $v_t-m_t^2$, over $\\sigma^2$", ylim=(3e-4, 1.3), xlim=(1, 1e4))
    middle.set(xlabel="step $t$", title="|bias| over std of $v_t-m_t^2$", xlim=(1, 1e4), ylim=(1e-2, 10))
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    for values, eta, colour in zip(a["minibatch"], a["eta"], COLOURS, strict=False):
        right.loglog(a["batch"], values, color=colour, label=f"$\\eta_1={eta:g}$")
    right.axhline(1, color=BLACK, linewidth=0.8)
    right.set(xlabel="batch size $B$", title="bias of (44), over $\\mathbf{var}[g]$", xlim=(2, 512), ylim=(3e-8, 300))
    right.legend(loc="lower left")
    return figure


# Range of Adam's factor over all gradient sequences

PAIRS = ((0.9, 0.999), (0.9, 0.99), (0.99, 0.999), (0.9, 0.9), (0.9, 0.8))
STEPS, QUIET = 2000, 4000  # steps of the extremal sequence; zero gradients before the jump


def largest_factor_limit(beta1: float, beta2: float) -> float:
    """Limit of the largest factor sqrt(S_t): finite iff beta1^2 < beta2."""
    return float(np.sqrt((1 - beta1) ** 2 / ((1 - beta2) * (1 - beta1**2 / beta2)))) if beta1**2 < beta2 else np.inf


def range_data(level: Level) -> FigureData:
    """Largest factor |m_t| / sqrt(v_t) over all gradient sequences, taken from steps of Adam itself.

    By Cauchy-Schwarz the extremal sequence is g_j proportional to (beta_2 / beta_1)^j, the same for every t: one run of
    Adam meets the largest factor at each of its steps. ``jump`` is the factor after k gradients of one that follow
    zeros.
    """
    from optassay.optimizers.adam import Adam

    del level
    first, second = np.array(PAIRS).T
    rule = Adam(1.0, first, second, 0.0)
    at_zero = np.zeros((len(PAIRS), 1))

    def factors(gradients: np.ndarray) -> np.ndarray:
        state, found = rule.init(at_zero), np.empty(gradients.shape)
        for j, gradient in enumerate(gradients):
            new, state = rule.step(at_zero, gradient[:, None], state)
            found[j] = np.abs(new[:, 0])
        return found.T

    largest = factors((second / first) ** np.arange(STEPS)[:, None])
    ones = 300
    jump = factors(np.repeat([0.0, 1.0], [QUIET, ones])[:, None] * np.ones(len(PAIRS)))[:, QUIET:]
    arrays = {
        "beta1": first,
        "beta2": second,
        "largest": largest,
        "limit": np.array([largest_factor_limit(*pair) for pair in PAIRS]),
        "jump": jump,
    }
    return FigureData(arrays, {"epsilon": 0.0, "steps": STEPS, "zero gradients before the jump": QUIET})


def range_table(data: FigureData) -> Mapping[str, np.ndarray]:
    a = data.arrays
    extremal = long_table({"pair": np.arange(len(PAIRS)), "step": np.arange(1, STEPS + 1)}, factor=a["largest"])
    jump = long_table({"pair": np.arange(len(PAIRS)), "step": np.arange(1, a["jump"].shape[1] + 1)}, factor=a["jump"])
    pair = np.concatenate([extremal.pop("pair"), jump.pop("pair")])
    sequence = np.repeat(["extremal", "jump from 0 to 1"], [a["largest"].size, a["jump"].size])
    rest = {key: np.concatenate([extremal[key], jump[key]]) for key in extremal}
    return {"sequence": sequence, "beta1": a["beta1"][pair], "beta2": a["beta2"][pair], **rest}


def range_caption(data: FigureData) -> str:
    a = data.arrays
    largest, limit = a["largest"][0], a["limit"][0]
    peak = int(np.argmax(a["jump"][0]))
    return (
        r"Adam's factor $|m_t|/\sqrt{v_t}=(1+\hat\eta_t^2)^{-1/2}$ is said to shorten steps. Left: the largest value "
        r"over all gradient sequences, reached by Adam on $g_j=(\beta_2/\beta_1)^j$ ($\epsilon=0$); together with 0, "
        r"reached from $t=2$ on, it is the exact range $[0,\sqrt{S_t}]$. It is one at $t=1$, and always one iff "
        rf"$\beta_1=\beta_2$. At the defaults it is {largest[9]:.2f} at $t=10$ and {largest[-1]:.2f} at $t={STEPS}$, "
        rf"with limit {limit:.4f} (dotted, so $\hat\eta^2$ down to ${1 / limit**2 - 1:.4f}$: a negative variance); for "
        r"$\beta_1^2\geq\beta_2$ it grows without bound. Right: a gradient that turns from 0 to "
        rf"1 after {QUIET} steps is lengthened up to {a['jump'][0, peak]:.2f} times at the defaults, {peak + 1} steps "
        r"after the jump, and never above one for $\beta_1=\beta_2$."
    )


def range_draw(data: FigureData) -> Canvas:
    a = data.arrays
    figure = canvas(PAGE, 2.7)
    left, right = figure.subplots(1, 2)
    t, k = np.arange(1, STEPS + 1), np.arange(1, a["jump"].shape[1] + 1)
    for j, colour in enumerate(COLOURS):
        line = "--" if a["beta1"][j] == a["beta2"][j] else "-"
        left.loglog(t, a["largest"][j], line, color=colour, label=f"({a['beta1'][j]:g}, {a['beta2'][j]:g})")
        if np.isfinite(a["limit"][j]) and line == "-":
            left.axhline(a["limit"][j], color=colour, linestyle=":", linewidth=0.9)
        right.semilogx(k, a["jump"][j], line, color=colour)
    right.axhline(1, color=BLACK, linewidth=0.7)
    left.set(xlabel="step $t$", ylabel="largest factor, $\\sqrt{S_t}$", ylim=(0.8, 20), xlim=(1, STEPS))
    left.set_yticks([1, 2, 5, 10, 20], ["1", "2", "5", "10", "20"])
    left.minorticks_off()
    right.set(xlabel="steps after the gradient jumps from 0 to 1", ylabel="factor", xlim=(1, len(k)), ylim=(0, 7.3))
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5, title="$(\\beta_1,\\,\\beta_2)$")
    return figure


FIGURES = [
    *SIGNS,
    Figure(
        id="dissecting-adam/theorem-1-rate",
        paper=PAPER,
        title="Theorem 1: the rate of idealised SVAG",
        shows=r"Nothing drawn; theorem 1 states $e_t\in O(1/t)$ with $Te_T\leq(1/(Te_0)+c)^{-1}$, $c=2\mu^2/(LG^2)$.",
        caption=rate_caption,
        claims=("dissecting-adam/theorem-1-rate", "dissecting-adam/theorem-1-second-moment-assumption"),
        cost=Cost(0.4, 4.0, 30.0),
        data=rate_data,
        table=rate_table,
        draw=rate_draw,
        uses=("proofs_check", "optassay"),
    ),
    Figure(
        id="dissecting-adam/estimator-bias",
        paper=PAPER,
        title="Exact bias of the variance estimators",
        shows=r"Nothing drawn; $v_t-m_t^2$ is said to have a bias dominated by other errors, (44) to be unbiased.",
        caption=bias_caption,
        claims=(
            "dissecting-adam/moving-average-variance-bias",
            "dissecting-adam/minibatch-variance-estimate",
            "dissecting-adam/kappa-correction",
        ),
        cost=Cost(0.1, 0.1, 0.1),
        data=bias_data,
        table=bias_table,
        draw=bias_draw,
        uses=("optassay",),
    ),
    Figure(
        id="dissecting-adam/relative-variance-range",
        paper=PAPER,
        title="How long Adam's steps can be",
        shows=r"Nothing drawn; the factor $(1+\hat\eta_t^2)^{-1/2}$ is said to shorten steps.",
        caption=range_caption,
        claims=("dissecting-adam/relative-variance-shortens-steps", "dissecting-adam/sign-and-variance-decomposition"),
        cost=Cost(0.7, 0.7, 0.7),
        data=range_data,
        table=range_table,
        draw=range_draw,
        uses=("optassay",),
    ),
]

"""Figures of "SoftAdam": the step against SGD's and Adam's, AdaGrad's coefficient, Adam's step in the long run.

The paper prints training curves only; these figures show what its theory section says in words. All numbers come from
steps of the optimizers themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from .registry import Cost, Figure, FigureData, Level, long_table
from .style import BLACK, BLUE, COLUMN, GREEN, GREY, ORANGE, PAGE, PURPLE, SKY, VERMILLION, canvas

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

PAPER = "SoftAdam: Unifying SGD and Adam for Better Stochastic Gradient Descent"
TINY = 1e-9  # a gradient that counts as zero next to one, yet shows how long its step is


def _coefficients(rule: Any, gradient: np.ndarray, steps: int = 1) -> np.ndarray:
    """d_i/alpha that a rule without momentum and with step size one applies in the last of ``steps`` steps."""
    theta = np.zeros_like(gradient)
    state = rule.init(theta)
    for _ in range(steps):
        before = theta
        theta, state = rule.step(theta, gradient, state)
    return (before - theta) / gradient


# Step of SoftAdam against SGD's


def ratio_data(level: Level) -> FigureData:
    """Ends of d_i/alpha over eta and n, reached with one dominant gradient, and values for Gaussian gradients."""
    from optassay.optimizers.softadam import SoftAdam

    sizes, eta = np.array([2, 10, 100, 10_000]), np.geomspace(0.01, 100, 61)
    rule = SoftAdam.paper(step_size=1.0, beta1=0.0, beta2=0.0, eta=eta, epsilon=0.0)  # beta2 = 0: r = 1 at once
    ends = np.empty((len(sizes), 2, len(eta)))
    for k, n in enumerate(sizes):
        gradient = np.full((len(eta), n), TINY)
        gradient[:, 0] = 1.0
        ends[k] = _coefficients(rule, gradient)[:, :2].T
    seed, draws = 0, {Level.QUICK: 20, Level.NORMAL: 200, Level.FULL: 1000}[level]
    gradient = np.random.default_rng(seed).standard_normal((draws, 100))
    values = np.stack([_coefficients(rule.replace(eta=float(e)), gradient) for e in eta])
    quantiles = np.quantile(values.reshape(len(eta), -1), [0.01, 0.5, 0.99], axis=1)

    # over time at the defaults: one large gradient, the others tiny, n = 100
    steps = 2000
    slow = SoftAdam.paper(step_size=1.0, beta1=0.0, eta=np.array([1.0, 10.0]), epsilon=0.0)
    gradient = np.full((2, 100), TINY)
    gradient[:, 0] = 1.0
    theta = np.zeros_like(gradient)
    state, over_time = slow.init(theta), np.empty((steps, 2, 2))
    for t in range(steps):
        new, state = slow.step(theta, gradient, state)
        over_time[t] = ((theta - new) / gradient)[:, :2]
        theta = new * 0.0  # the position does not matter; a large one would round the small steps off
    arrays = {"eta": eta, "n": sizes, "ends": ends, "quantiles": quantiles, "over_time": over_time}
    return FigureData(arrays, {"seed": seed, "draws": draws, "n of the draws": 100, "beta2 over time": 0.999})


def ratio_table(data: FigureData) -> Mapping[str, np.ndarray]:
    a = data.arrays
    return long_table(
        {"n": a["n"], "end": ["all of v in the element", "none of v in the element"], "eta": a["eta"]}, ratio=a["ends"]
    )


def ratio_caption(data: FigureData) -> str:
    a = data.arrays
    one = int(np.argmin(np.abs(a["eta"] - 1)))
    low = ", ".join(f"{end[0, one]:.3f} at $n={n}$" for end, n in zip(a["ends"], a["n"], strict=True))
    return (
        r"Left: ends of $d_i/\alpha$ once $r=1$, $\epsilon=0$. At the top, $1+\eta$ (no $v$ in the element); at the "
        r"bottom, $(1+\eta)/(1+\eta\sqrt n)$ (all of $v$ in it). The stated band, a factor $\eta$ around SGD (dotted), "
        f"holds neither: at $\\eta=1$ it would be a point, while the steps run from {low} up to "
        f"{a['ends'][0, 1, one]:.3f}. Band: 1 to 99 % of the elements for Gaussian gradients, $n=100$, which are far "
        r"milder. Right: the same ends over $t$ at $\beta_2=0.999$, $n=100$; $r_t$ keeps early steps near SGD's and is "
        r"one from $t=1000$ on."
    )


def ratio_draw(data: FigureData) -> Canvas:
    a = data.arrays
    figure = canvas(PAGE, 2.9)
    left, right = figure.subplots(1, 2, width_ratios=[1.25, 1])
    eta = a["eta"]
    left.fill_between(eta, a["quantiles"][0], a["quantiles"][2], color=SKY, alpha=0.35, linewidth=0)
    left.loglog(eta, a["ends"][0, 1], color=BLACK, label="top, any $n\\geq2$")
    for end, n, colour in zip(a["ends"], a["n"], (GREEN, BLUE, ORANGE, VERMILLION), strict=True):
        left.loglog(eta, end[0], color=colour, label=f"bottom, $n={n}$")
    for sign in (1, -1):
        left.loglog(eta, eta**sign, ":", color=GREY, linewidth=0.9, label="$\\eta$, $1/\\eta$" if sign > 0 else None)
    left.set(xlim=(0.01, 100), ylim=(0.008, 150), xlabel="$\\eta$", ylabel="$d_i/\\alpha$")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    t = np.arange(1, len(a["over_time"]) + 1)
    for k, (colour, label) in enumerate(((BLUE, "$\\eta=1$"), (VERMILLION, "$\\eta=10$"))):
        right.loglog(t, a["over_time"][:, k, 1], color=colour, label=label)
        right.loglog(t, a["over_time"][:, k, 0], color=colour)
    right.axvline(1000, color=GREY, linestyle="--", linewidth=0.8)
    right.axhline(1, color=BLACK, linewidth=0.6)
    right.set(xlabel="step $t$", xlim=(1, len(t)))
    right.legend(loc="upper left")
    return figure


# AdaGrad's coefficient against 1/lambda


def adagrad_data(level: Level) -> FigureData:
    """d lambda over lambda for several distances S, from first steps with gradient lambda S."""
    from optassay.optimizers.baselines import Adagrad

    del level
    alpha, epsilon = 0.01, 1e-8
    eigenvalue = np.geomspace(1e-9, 1e2, 221)
    share = np.array([0.25, 0.5, 1.0, 2.0, 4.0])  # S/alpha
    gradient = eigenvalue * (share * alpha)[:, None]
    theta = np.zeros_like(gradient)
    rule = Adagrad(alpha, epsilon)
    new, _ = rule.step(theta, gradient, rule.init(theta))
    arrays = {"eigenvalue": eigenvalue, "share": share, "product": (theta - new) / gradient * eigenvalue}
    return FigureData(arrays, {"alpha": alpha, "epsilon": epsilon})


def adagrad_table(data: FigureData) -> Mapping[str, np.ndarray]:
    a = data.arrays
    return long_table(
        {"distance_over_alpha": a["share"], "eigenvalue": a["eigenvalue"]}, coefficient_times_eigenvalue=a["product"]
    )


def adagrad_caption(data: FigureData) -> str:
    a = data.arrays
    threshold = data.inputs["epsilon"] / data.inputs["alpha"]
    at = float(np.interp(np.log(threshold), np.log(a["eigenvalue"]), a["product"][2]))
    return (
        r"AdaGrad's coefficient relative to the ideal $1/\lambda_i$: "
        r"$d_i\lambda_i=\alpha\lambda_i/(\epsilon+\lambda_iS_i)$. For large $\lambda_i$ "
        r"it is $\alpha/S_i$, one exactly "
        rf"when the distance $S_i$ is $\alpha$; at $\lambda_i=\epsilon/\alpha$ (dashed) that curve is {at:.3f}, and "
        r"below the threshold no distance brings $d_i\lambda_i$ to one. In the shaded part ($d_i\lambda_i>2$) the step "
        r"overshoots and the error grows: the smallest eigenvalues do worst only while $S_i\geq\alpha/2$."
    )


def adagrad_draw(data: FigureData) -> Canvas:
    a = data.arrays
    figure = canvas(COLUMN, 2.6)
    ax = figure.subplots()
    ax.axhspan(2, 10, color=GREY, alpha=0.18, linewidth=0)
    for values, share, colour in zip(a["product"], a["share"], (VERMILLION, ORANGE, BLACK, SKY, BLUE), strict=True):
        ax.loglog(a["eigenvalue"], values, color=colour, label=f"$S_i={share:g}\\,\\alpha$")
    ax.axvline(data.inputs["epsilon"] / data.inputs["alpha"], color=GREY, linestyle="--", linewidth=0.8)
    ax.axhline(1, color=GREY, linewidth=0.6)
    ax.set(xlabel="eigenvalue $\\lambda_i$", ylabel="$d_i\\,\\lambda_i$", ylim=(1e-3, 10), xlim=(1e-9, 1e2))
    ax.legend(loc="lower right")
    return figure


# Angles between SoftAdam's step and those of SGD with momentum and of Adam


def angle_data(level: Level) -> FigureData:
    """Angles at step 1500 for noisy gradients of very different scales, over eta, by random stream."""
    from optassay.optimizers.adam import Adam
    from optassay.optimizers.sgd import Momentum
    from optassay.optimizers.softadam import SoftAdam

    seed, n, steps = 1, 50, 1500
    runs = {Level.QUICK: 8, Level.NORMAL: 40, Level.FULL: 200}[level]
    rng = np.random.default_rng(seed)
    scale = np.exp(1.5 * rng.standard_normal((runs, n)))
    positive, negative = np.geomspace(1e-2, 1e4, 49), np.linspace(-1.98, -0.02, 99)
    shape = (1, runs, n)
    start = np.zeros(shape)
    plain, adam = Momentum(1.0, 0.9, convention="ema"), Adam(1.0, epsilon=0.0)
    # v does not depend on eta: one state serves all of them at the last step
    carrier = SoftAdam.paper(step_size=1.0, eta=1.0, epsilon=0.0)
    states = [rule.init(start) for rule in (plain, adam, carrier)]
    for _ in range(steps):
        g = scale * (0.3 + rng.standard_normal(shape))
        moved = [rule.step(start, g, state) for rule, state in zip((plain, adam, carrier), states, strict=True)]
        before, states = states, [state for _, state in moved]
    last = before[2]

    def steps_of(preset: Any, eta: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.stack([preset(step_size=1.0, eta=float(e), epsilon=0.0).step(start, g, last)[0][0] for e in eta])

    sgd, other = moved[0][0], moved[1][0]
    arrays: dict[str, np.ndarray] = {"eta": positive, "negative": negative}
    for name, preset, eta in (
        ("algorithm", SoftAdam.paper, positive),
        ("algorithm_negative", SoftAdam.paper, negative),
        ("code_negative", SoftAdam.published, negative),
    ):
        mine = steps_of(preset, eta)
        angles = np.stack([_angle(mine, sgd), _angle(mine, other)])
        arrays[name] = np.quantile(angles, [0.25, 0.5, 0.75], axis=2)  # (3, 2, eta)
    arrays["between"] = np.quantile(_angle(sgd, other), [0.25, 0.5, 0.75], axis=1)[:, 0]
    return FigureData(arrays, {"seed": seed, "n": n, "steps": steps, "runs": runs, "beta1": 0.9, "beta2": 0.999})


def _angle(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Degrees between vectors on the last axis; NaN for a step of length zero, which has no direction."""
    norms = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        cosine = np.sum(a * b, axis=-1) / np.where(norms > 0, norms, np.nan)
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def angle_table(data: FigureData) -> Mapping[str, np.ndarray]:
    a = data.arrays
    eta = np.concatenate([a["eta"], a["negative"], a["negative"]])
    rule = np.repeat(["algorithm", "algorithm", "code"], [len(a["eta"]), len(a["negative"]), len(a["negative"])])
    values = np.concatenate([a["algorithm"], a["algorithm_negative"], a["code_negative"]], axis=2)
    names = [f"to_{other}_{q}" for other in ("sgdm", "adam") for q in ("lower", "median", "upper")]
    columns = [values[q, k] for k in range(2) for q in range(3)]
    return {"rule": rule, "eta": eta, **dict(zip(names, columns, strict=True))}


def angle_caption(data: FigureData) -> str:
    a = data.arrays
    one = int(np.argmin(np.abs(a["eta"] - 1)))
    half = int(np.argmin(np.abs(a["negative"] + 0.5)))
    far = a["algorithm_negative"][1, 1, a["negative"] <= -0.2]
    return (
        r"Angle between SoftAdam's step and those of SGD with momentum and of Adam (defaults, step "
        f"{data.inputs['steps']}, gradients with log-normal scales, $n={data.inputs['n']}$; median and quartiles over "
        f"{data.inputs['runs']} streams). Left: with $\\eta$ the direction passes from SGD's to Adam's; at the default "
        f"$\\eta=1$ it is {a['algorithm'][1, 0, one]:.0f}° from SGD's and {a['algorithm'][1, 1, one]:.0f}° from "
        f"Adam's; those two are {a['between'][1]:.0f}° apart. Right: negative $\\eta$. At $\\eta=-1$ there "
        f"is no step at all; from $-2$ to "
        f"$-0.2$ Algorithm 1 is {np.nanmin(far):.0f}° to {np.nanmax(far):.0f}° from Adam, as elements on "
        r"the two sides of a pole move in opposite senses. The code, with $|\eta|$, meets Adam's direction at "
        f"$\\eta=-1/2$: {a['code_negative'][1, 1, half]:.2f}°."
    )


def angle_draw(data: FigureData) -> Canvas:
    a = data.arrays
    figure = canvas(PAGE, 2.5)
    left, right = figure.subplots(1, 2, sharey=True)
    for k, (colour, label) in enumerate(((BLUE, "to SGD with momentum"), (VERMILLION, "to Adam"))):
        left.fill_between(a["eta"], a["algorithm"][0, k], a["algorithm"][2, k], color=colour, alpha=0.2, linewidth=0)
        left.semilogx(a["eta"], a["algorithm"][1, k], color=colour, label=label)
    left.axvline(1, color=GREY, linestyle="--", linewidth=0.8)
    left.set(xlabel="$\\eta$", ylabel="angle in degrees", xlim=(1e-2, 1e4))
    left.legend(loc="upper right")
    for name, colour, label in (
        ("algorithm_negative", VERMILLION, "Algorithm 1 to Adam"),
        ("code_negative", PURPLE, "code to Adam"),
    ):
        right.fill_between(a["negative"], a[name][0, 1], a[name][2, 1], color=colour, alpha=0.2, linewidth=0)
        right.plot(a["negative"], a[name][1, 1], color=colour, label=label)
    right.axvline(-1, color=GREY, linestyle="--", linewidth=0.8)
    right.set(
        xlabel="$\\eta$", xlim=(-2, 0), ylim=(0, 150), xticks=[-1.5, -1, -0.5, 0], yticks=[0, 30, 60, 90, 120, 150]
    )
    right.legend(loc="upper left")
    return figure


# Adam's coefficient on a noise-free quadratic


def long_run_data(level: Level) -> FigureData:
    """Adam's coefficient times lambda and the distance on e^2/2 from several starts (epsilon = 0)."""
    from optassay.optimizers.adam import Adam

    alpha, beta2, beta1 = 0.1, 0.99, np.array([0.0, 0.9])
    steps = {Level.QUICK: 1500, Level.NORMAL: 3000, Level.FULL: 6000}[level]
    start = np.array([0.03, 0.37, 2.3])
    theta = np.broadcast_to(start, (2, 3))[..., None]
    rule = Adam(alpha, beta1[:, None], beta2, 0.0)
    state = rule.init(theta)
    coefficient, distance = np.empty((2, steps, 2, 3))
    for t in range(1, steps + 1):
        new, state = rule.step(theta, theta, state)
        m_hat = state.m[..., 0] / (1 - beta1[:, None] ** t)
        coefficient[t - 1] = (theta - new)[..., 0] / m_hat
        distance[t - 1] = np.abs(new[..., 0])
        theta = new
    arrays = {"beta1": beta1, "start": start, "coefficient": coefficient, "distance": distance}
    return FigureData(arrays, {"alpha": alpha, "beta2": beta2, "epsilon": 0.0, "steps": steps})


def long_run_table(data: FigureData) -> Mapping[str, np.ndarray]:
    a = data.arrays
    return long_table(
        {"step": np.arange(1, len(a["coefficient"]) + 1), "beta1": a["beta1"], "start": a["start"]},
        coefficient_times_eigenvalue=a["coefficient"],
        distance=a["distance"],
    )


def long_run_caption(data: FigureData) -> str:
    a = data.arrays
    tail = a["coefficient"][-len(a["coefficient"]) // 4 :]
    low, high = float(np.min(tail[:, 1])), float(np.max(tail[:, 1]))
    return (
        r"Adam on $\frac12e^2$ without noise, $\alpha=0.1$, $\beta_2=0.99$, $\epsilon=0$, from three starts. Its "
        r"coefficient $\alpha/\sqrt{\hat v}$ (times $\lambda=1$) rises as the optimum is "
        r"reached, but not without bound: "
        rf"without momentum it settles at $2/\lambda$ (last value {a['coefficient'][-1, 0, 0]:.4f}), the distance at "
        rf"$\alpha/2$; with $\beta_1=0.9$ it wanders around $2(1+\beta_1)/((1-\beta_1)\lambda)=38$, between {low:.1f} "
        f"and {high:.1f} in the last quarter. The iterates stay bounded and do not converge to the optimum."
    )


def long_run_draw(data: FigureData) -> Canvas:
    a = data.arrays
    figure = canvas(PAGE, 3.2)
    axes = figure.subplots(2, 2, sharex=True, sharey="row")
    t = np.arange(1, len(a["coefficient"]) + 1)
    for k, beta1 in enumerate(a["beta1"]):
        for j, (start, colour) in enumerate(zip(a["start"], (BLUE, GREEN, VERMILLION), strict=True)):
            axes[0, k].semilogy(t, a["coefficient"][:, k, j], color=colour, linewidth=0.7, label=f"$e_0={start:g}$")
            axes[1, k].semilogy(t, a["distance"][:, k, j], color=colour, linewidth=0.4)
        limit = 2 * (1 + beta1) / (1 - beta1)
        axes[0, k].axhline(limit, color=BLACK, linestyle="--", linewidth=0.9)
        axes[1, k].axhline(data.inputs["alpha"] / limit, color=BLACK, linestyle="--", linewidth=0.9)
        axes[0, k].set_title(f"$\\beta_1={beta1:g}$")
        axes[1, k].set_xlabel("step $t$")
    axes[0, 0].set_ylabel("coefficient × $\\lambda$")
    axes[1, 0].set(ylabel="distance $|e_t|$", ylim=(1e-8, 10))
    axes[0, 0].legend(loc="upper right")
    return figure


FIGURES = [
    Figure(
        id="softadam/step-ratio",
        paper=PAPER,
        title="SoftAdam's step against SGD's",
        shows=r"Nothing drawn; the text says that the step is always within a factor of $\eta$ to an SGD step.",
        caption=ratio_caption,
        claims=(
            "softadam/step-within-factor-eta",
            "softadam/step-size-compared-with-padam",
            "softadam/recovers-sgd-guarantees",
            "softadam/sample-ratio-r",
        ),
        cost=Cost(1.0, 2.0, 6.0),
        data=ratio_data,
        table=ratio_table,
        draw=ratio_draw,
        uses=("optassay.optimizers", "optassay.arrays", "optassay._compiler"),
    ),
    Figure(
        id="softadam/adagrad-coefficient",
        paper=PAPER,
        title="AdaGrad's coefficient against the inverse eigenvalue",
        shows=r"Nothing drawn; equations (2) to (4) compare $d_i$ with $1/\lambda_i$.",
        caption=adagrad_caption,
        claims=("softadam/adagrad-coefficient-condition", "softadam/adagrad-small-eigenvalues"),
        cost=Cost(0.1, 0.1, 0.1),
        data=adagrad_data,
        table=adagrad_table,
        draw=adagrad_draw,
        uses=("optassay.optimizers", "optassay.arrays", "optassay._compiler"),
    ),
    Figure(
        id="softadam/angles",
        paper=PAPER,
        title="From SGD's direction to Adam's",
        shows=r"Nothing drawn; the text says that $\eta$ mixes SGD ($\eta=0$) and Adam ($\eta=-1$).",
        caption=angle_caption,
        claims=("softadam/direction-mixes-sgd-and-adam", "softadam/eta-minus-one-comparable-to-adam"),
        cost=Cost(1.0, 2.0, 6.0),
        data=angle_data,
        table=angle_table,
        draw=angle_draw,
        uses=("optassay.optimizers", "optassay.arrays", "optassay._compiler"),
    ),
    Figure(
        id="softadam/adam-long-run",
        paper=PAPER,
        title="Adam's coefficient near an optimum",
        shows="Nothing drawn; the text says that Adam's step size grows unbounded as a parameter reaches its optimum.",
        caption=long_run_caption,
        claims=("softadam/adam-step-grows-unbounded",),
        cost=Cost(0.3, 0.5, 1.0),
        data=long_run_data,
        table=long_run_table,
        draw=long_run_draw,
        uses=("optassay.optimizers", "optassay.arrays", "optassay._compiler"),
    ),
]

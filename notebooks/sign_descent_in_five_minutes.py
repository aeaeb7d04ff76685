# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # Sign descent in five minutes
#
# Adam's step is, up to a shortening by estimated noise, a step along the *sign* of the gradient. When is that better than
# the gradient itself? *Dissecting Adam* answers on a model problem, a quadratic whose optimum is seen through Gaussian
# noise, where everything can be computed exactly.

# %%
import matplotlib.pyplot as plt
import numpy as np

from proofs_check import assay
from quadratics import (
    StochasticQuadratic,
    compare_directions,
    expected_improvement,
    ill_conditioned_eigenvalues,
    random_rotation,
    sign_improvement_bound,
)

rng = np.random.default_rng(0)
dim = 100
eigenvalues = ill_conditioned_eigenvalues(dim, rng)
problem = StochasticQuadratic(np.diag(eigenvalues), np.zeros(dim), noise_std=4.0)
problem

# %% [markdown]
# ## One step
#
# Both directions take their own optimal step size; the expected improvement is exact, no simulation is involved. For the
# sign it needs $E[ss^T]$ for a Gaussian gradient, which `sign_second_moment` computes to rounding.

# %%
start = 40.0 * rng.standard_normal(dim)
settled = start * (eigenvalues < 2.0)  # the steep directions are at their optimum, as they are after a few steps
for name, point in (("start", start), ("settled", settled)):
    improvements = {d: expected_improvement(problem, point, d) for d in ("gradient", "sign")}
    print(name, {d: round(float(value), 2) for d, value in improvements.items()})
    print("    the paper's lower bound for the sign:", round(float(sign_improvement_bound(problem, point)), 2))

# %% [markdown]
# In the very first step the gradient is ahead: nearly all of the loss is in the few steep directions. Once they have
# settled, their noise still dictates a short step to the gradient, and the sign gains far more.
#
# ## Turn the problem
#
# The sign depends on the coordinates. The same spectrum in a random basis takes the advantage away.

# %%
basis = random_rotation(dim, rng)
rotated = StochasticQuadratic(basis @ np.diag(eigenvalues) @ basis.T, np.zeros(dim), noise_std=4.0)
for name, point in (("start", start), ("settled", settled)):
    improvements = {d: expected_improvement(rotated, basis @ point, d) for d in ("gradient", "sign")}
    print(name, {d: round(float(value), 2) for d, value in improvements.items()})

# %% [markdown]
# ## Two hundred steps
#
# 16 runs at once: leading axes are independent runs.

# %%
fig, axes = plt.subplots(1, 2, figsize=(9, 3.2), sharey=True)
starts = 40.0 * rng.standard_normal((16, dim))
for axis, name, which, at in (
    (axes[0], "axis-aligned", problem, starts),
    (axes[1], "rotated", rotated, starts @ basis.T),
):
    run = compare_directions(which, at, 200, np.random.default_rng(1))
    for values, label in ((run.gradient, "gradient"), (run.sign, "sign")):
        low, middle, high = np.quantile(values, (0.1, 0.5, 0.9), axis=1)
        (line,) = axis.semilogy(middle, label=label)
        axis.fill_between(range(len(middle)), low, high, color=line.get_color(), alpha=0.2)
    axis.set(title=name, xlabel="step")
axes[0].set_ylabel("suboptimality")
axes[0].legend()
plt.show()

# %% [markdown]
# ## What the paper says about it, judged
#
# The printed bound of appendix B.1 lacks a factor, and the "best case" of axis-aligned problems is a theorem.

# %%
assay(
    "dissecting-adam/improvement-ssd-bound",
    "dissecting-adam/improvement-ssd-appendix",
    "dissecting-adam/axis-aligned-is-best-case",
)

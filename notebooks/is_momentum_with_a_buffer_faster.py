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
# # Is momentum with a buffer faster?
#
# *Critical momenta* adds the mean of the last $C$ momenta to the step. On a quadratic the method is linear, so its best
# rate for a condition number is a number that can be proved.

# %%
import matplotlib.pyplot as plt
import numpy as np

from proofs_check import assay
from spectral import optimal_rate, spectral_radius, stability_intervals, verify_rate

best = optimal_rate(condition_number=100.0, buffer_size=5)
best

# %% [markdown]
# `certified_upper` is a bound and not a sample: no curvature in $[1, 100]$ has a larger spectral radius at these
# parameters. The certificate is plain data. Code that shares nothing with the search checks it again, in exact arithmetic:

# %%
print("certificate holds:", verify_rate(best.certificate))
curvatures = np.geomspace(1.0, 100.0, 1001)
radii = spectral_radius(best.step_size, best.momentum, curvatures, 5)
print(f"largest of 1001 radii {radii.max():.15f}, proved bound {best.certified_upper:.15f}")

# %% [markdown]
# ## Against heavy ball
#
# With $C=0$ the method is classical momentum, whose optimal rate is $(\sqrt\kappa-1)/(\sqrt\kappa+1)$.

# %%
kappas = np.geomspace(2.0, 1e4, 12)
for size in (0, 1, 5):
    rates = np.array([optimal_rate(float(kappa), size).rate for kappa in kappas])
    plt.loglog(kappas, 1.0 - rates, "o-", ms=3, label=f"C = {size}")
plt.xlabel("condition number")
plt.ylabel("1 - optimal rate (higher is faster)")
plt.legend()
plt.show()

# %% [markdown]
# ## With momentum fixed at 0.9
#
# Practice fixes the momentum. Then the answer depends on the condition number.

# %%
for kappa in (10.0, 100.0, 1000.0, 10000.0):
    rates = {size: optimal_rate(kappa, size, momentum=0.9).rate for size in (0, 5)}
    print(f"kappa = {kappa:7.0f}: C = 0 {rates[0]:.6f}   C = 5 {rates[5]:.6f}")

# %% [markdown]
# ## Which step sizes are stable at all?
#
# All open intervals of step size times curvature, exactly.

# %%
for size in (0, 1, 5, 20):
    print(f"C = {size:2d}: {stability_intervals(0.9, size)}")

# %% [markdown]
# ## What the paper says about it, judged

# %%
assay("critical-momenta/optimal-rate", "critical-momenta/figure-3-rates")

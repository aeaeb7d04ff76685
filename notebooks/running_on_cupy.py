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
# # Running on CuPy
#
# Every numerical function takes arrays of any array-API namespace and returns arrays of the same one, on the same device.
# With CuPy (`pip install 'optassay[cuda12]'` or `cuda13`) and a GPU this notebook computes there; without, it goes on with
# NumPy, and nothing else changes.

# %%
import numpy as np

from optassay.arrays import backend, to_numpy

try:
    xp = backend("cupy")
except ImportError as reason:
    xp = np
    print(reason)
print("arrays of", xp.__name__)

# %% [markdown]
# ## A grid of a hundred thousand spectral radii

# %%
from spectral import spectral_radius

steps = xp.linspace(0.01, 3.0, 400)[:, None]
momenta = xp.linspace(0.0, 0.99, 250)[None, :]
radii = spectral_radius(steps, momenta, 1.0, 5)
print(type(radii).__module__, radii.shape, "stable share:", float((radii < 1).mean()))

# %% [markdown]
# ## Ten thousand optimizer runs in one call
#
# The last axis is the parameter vector, all others are independent runs. Hyperparameters may be arrays over the runs.

# %%
from optassay.optimizers import AdaMomentum

rule = AdaMomentum.paper(step_size=xp.asarray(np.geomspace(1e-3, 1e-1, 10_000)))
params = xp.ones((10_000, 8))
state = rule.init(params)
for _ in range(200):
    params, state = rule.step(params, 2 * params, state)
losses = to_numpy((params**2).sum(axis=-1))
print(f"best of ten thousand step sizes: {np.geomspace(1e-3, 1e-1, 10_000)[losses.argmin()]:.4f}")

# %% [markdown]
# ## Mixing devices is an error, not a surprise

# %%
import array_api_strict

try:
    spectral_radius(xp.asarray(0.1), array_api_strict.asarray(0.9), 1.0, 5)
except TypeError as error:
    print(error)

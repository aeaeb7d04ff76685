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
# # Anderson mixing is GMRES, until it is not
#
# On a linear system the projected iterates of Anderson mixing with full memory are those of GMRES, in exact arithmetic and
# as long as GMRES does not stagnate. Here is the equality, and three ways to lose it.

# %%
import matplotlib.pyplot as plt
import numpy as np

from proofs_check import assay
from quadratics import anderson_iterates, gmres_iterates

rng = np.random.default_rng(0)
dim, steps = 40, 25
basis, _ = np.linalg.qr(rng.standard_normal((dim, dim)))
matrix = basis @ np.diag(np.geomspace(1.0, 100.0, dim)) @ basis.T
rhs = rng.standard_normal(dim)
start = np.zeros(dim)

gmres = gmres_iterates(matrix, rhs, start, steps)


def residual(iterates):
    """Relative residual norms of the rows."""
    return np.linalg.norm(rhs - iterates @ matrix.T, axis=-1) / np.linalg.norm(rhs)


runs = {
    "full memory": {},
    "memory 3": {"memory": 3},
    "regularized, 10": {"regularization": 10.0},
}
plt.semilogy(residual(gmres), "k", lw=3, alpha=0.4, label="GMRES")
for name, options in runs.items():
    mixed = anderson_iterates(matrix, rhs, start, mixing=0.02, steps=steps, **options)
    plt.semilogy(residual(mixed.projected), label=name)
plt.xlabel("iteration")
plt.ylabel("relative residual")
plt.legend()
plt.show()

# %% [markdown]
# ## How equal?
#
# Rounding alone separates the two, and grows with the conditioning.

# %%
for condition in (1e1, 1e3, 1e5, 1e7):
    matrix_k = basis @ np.diag(np.geomspace(1.0, condition, dim)) @ basis.T
    first = gmres_iterates(matrix_k, rhs, start, 10)
    second = anderson_iterates(matrix_k, rhs, start, mixing=1.0 / condition, steps=10)
    gap = np.abs(first - second.projected).max() / np.abs(first).max()
    print(f"condition {condition:8.0e}: largest relative difference in 10 iterations {gap:.1e}")

# %% [markdown]
# ## Stagnation
#
# For a cyclic shift GMRES does not move until the last step. Anderson mixing then has nothing to divide by; the breakdown
# is a result, not a crash.

# %%
shift = np.roll(np.eye(5), 1, axis=0)
stuck = anderson_iterates(shift, np.eye(5)[0], np.zeros(5), mixing=1.0, steps=5)
print(stuck.reason().name)

# %% [markdown]
# ## What the paper says about it, judged

# %%
assay("anderson-mixing/gmres-equivalence")

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
# # Judging your own claim
#
# A new paper has a lemma: *gradient descent with step size $\alpha\le2/L$ never increases an $L$-smooth quadratic, and
# falls by at least $\frac\alpha2\|g\|^2$.* The folder `my_paper` beside this notebook is a separate, small package with
# that lemma as a claim. This is all of it:

# %%
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from IPython.display import Code

package = Path("my_paper")
Code(package / "my_paper.py")

# %%
print((package / "pyproject.toml").read_text())

# %% [markdown]
# Install it, here into a temporary folder so that your environment stays as it is. The entry point is all that connects
# it with optassay.

# %%
target = tempfile.mkdtemp()
subprocess.run(
    [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--target",
        target,
        package.resolve(),
    ],
    check=True,
)
environment = {**os.environ, "PYTHONPATH": target, "COLUMNS": "120", "NO_COLOR": "1", "TERM": "dumb"}

# %% [markdown]
# `optassay check` finds it. The lemma as stated does not hold up to $2/L$: the check found a counterexample by itself, and
# accepted the repair. The exit code is 1 because no verdict of this claim is recorded yet.

# %%
command = Path(sys.executable).with_name("optassay")
page, ledger = Path(target, "ledger.html"), Path(target, "ledger.json")
result = subprocess.run(
    [command, "check", "--paper", "my-paper", "--html", page, "--json", ledger],
    env=environment,
    capture_output=True,
    text=True,
)
print(result.stdout, result.stderr, sep="\n")

# %% [markdown]
# The same in this notebook, with the evidence:

# %%
sys.path.insert(0, target)

from proofs_check import assay

assay("my-paper/lemma-1")

# %% [markdown]
# The counterexample can be replayed by anyone, from its recorded numbers:

# %%
part = assay("my-paper/lemma-1")["my-paper/lemma-1"]["evidence"]["parts"][0]
found = next(item for item in part["printed"] if item["type"] == "witness")
print(found["point"])
print(found["replay"])
scope = {"witness": found["point"]}
exec(found["replay"], scope)
print("violated:", scope["violated"])

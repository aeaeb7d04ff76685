"""Studies for "Stochastic Anderson Mixing": problems of finite sums, trials at equal budget, tuning and judging."""

from .problems import LinearModel, noisy_quadratic, real_logistic
from .rescaling import Rescaled, rescaled_trials
from .studies import METHODS, Judged, Method, judged_on_new_seeds, paired_difference
from .trials import Curves, trial

__all__ = [
    "METHODS",
    "Curves",
    "Judged",
    "LinearModel",
    "Method",
    "Rescaled",
    "judged_on_new_seeds",
    "noisy_quadratic",
    "paired_difference",
    "real_logistic",
    "rescaled_trials",
    "trial",
]

"""Every rule of :mod:`optassay.optimizers` as a ``torch.optim.Optimizer`` of the same name.

The classes are generated: an optimizer calls the rule's own ``step``. Arguments and group entries are the rule's
hyperparameters, the step size under torch's name ``lr``.
"""

try:
    import torch as _torch  # noqa: F401
except ImportError as error:
    raise ImportError("optassay.torch needs PyTorch; install optassay with the extra 'torch'", name="torch") from error

from ._functional import per_example_gradients
from ._optimizer import RuleOptimizer, generate, rules

_generated = {name: generate(rule) for name, rule in rules().items()}
globals().update(_generated)

__all__ = ["RuleOptimizer", "per_example_gradients", *_generated]

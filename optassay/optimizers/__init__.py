"""Every optimizer of the five papers, each written once as a pure rule on arrays of any namespace.

``state = rule.init(params)`` and ``params, state = rule.step(params, grad, state)``: the last axis is the parameter
vector, leading axes are independent runs, hyperparameters broadcast to them or are schedules of the step.
"""

from ._rule import Rule
from .adam import Adam, AdamW, AMSGrad
from .adamomentum import AdaMomentum
from .baselines import AdaBelief, Adagrad, RMSprop
from .schedules import Constant, Cosine, InverseSqrt, StepDrops, WarmUp
from .sgd import GradientDescent, Momentum
from .sign import MomentumSign, SignDescent
from .softadam import SoftAdam
from .variance_adapted import MSVAG, SVAG, AdamStar, MiniBatchAdamStar, MiniBatchMSVAG, gradient_variance

__all__ = [
    "MSVAG",
    "SVAG",
    "AMSGrad",
    "AdaBelief",
    "AdaMomentum",
    "Adagrad",
    "Adam",
    "AdamStar",
    "AdamW",
    "Constant",
    "Cosine",
    "GradientDescent",
    "InverseSqrt",
    "MiniBatchAdamStar",
    "MiniBatchMSVAG",
    "Momentum",
    "MomentumSign",
    "RMSprop",
    "Rule",
    "SignDescent",
    "SoftAdam",
    "StepDrops",
    "WarmUp",
    "gradient_variance",
]

"""Every optimizer of the five papers, each written once as a pure rule on arrays of any namespace.

``state = rule.init(params)`` and ``params, state = rule.step(params, grad, state)``: the last axis is the parameter
vector, leading axes are independent runs, hyperparameters broadcast to them or are schedules of the step.
"""

from ._rule import Rule
from .adam import Adam, AdamW, AMSGrad
from .adamomentum import AdaMomentum
from .anderson import AdaSAM, AndersonMixing, RegularizedAnderson, StochasticAnderson
from .baselines import AdaBelief, Adagrad, RMSprop
from .critical import (
    AdamCriticalGradients,
    AdamCriticalMomenta,
    RMSpropCriticalGradients,
    SGDCriticalGradients,
    SGDCriticalMomenta,
)
from .preconditioned import PreconditionedAdaSAM
from .schedules import Constant, Cosine, InverseSqrt, StepDrops, WarmUp
from .sgd import GradientDescent, Momentum
from .sharpness import ExtraGradient, SharpnessAware
from .sign import MomentumSign, SignDescent
from .softadam import SoftAdam
from .variance_adapted import MSVAG, SVAG, AdamStar, MiniBatchAdamStar, MiniBatchMSVAG, gradient_variance
from .variance_reduced import VarianceReduced

__all__ = [
    "MSVAG",
    "SVAG",
    "AMSGrad",
    "AdaBelief",
    "AdaMomentum",
    "AdaSAM",
    "Adagrad",
    "Adam",
    "AdamCriticalGradients",
    "AdamCriticalMomenta",
    "AdamStar",
    "AdamW",
    "AndersonMixing",
    "Constant",
    "Cosine",
    "ExtraGradient",
    "GradientDescent",
    "InverseSqrt",
    "MiniBatchAdamStar",
    "MiniBatchMSVAG",
    "Momentum",
    "MomentumSign",
    "PreconditionedAdaSAM",
    "RMSprop",
    "RMSpropCriticalGradients",
    "RegularizedAnderson",
    "Rule",
    "SGDCriticalGradients",
    "SGDCriticalMomenta",
    "SharpnessAware",
    "SignDescent",
    "SoftAdam",
    "StepDrops",
    "StochasticAnderson",
    "VarianceReduced",
    "WarmUp",
    "gradient_variance",
]

"""Rules with hyperparameters that move, small models, and runs of both forms of a rule."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

import optassay.torch as bridge
from optassay import optimizers as rules

INNER = rules.Momentum(0.05, 0.9)

# One set of hyperparameters per rule; together they visit the branches that matter to the bridge.
CASES: dict[str, dict[str, Any]] = {
    "GradientDescent": {"lr": 0.05, "weight_decay": 0.01},
    "Momentum": {"lr": 0.05, "nesterov": True},
    "Adam": {"lr": 0.01},
    "AdamW": {"lr": 0.01},
    "AMSGrad": {"lr": 0.01},
    "RMSprop": {"lr": 0.003},
    "Adagrad": {"lr": 0.03},
    "AdaBelief": {"lr": 0.01},
    "SignDescent": {"lr": 0.003, "sign_of_zero": 1},
    "MomentumSign": {"lr": 0.003},
    "SVAG": {"lr": 0.05},
    "MSVAG": {"lr": 0.05, "unbiased": True, "clip": True},
    "AdamStar": {"lr": 0.005},
    "AdaMomentum": {"lr": 0.01, "weight_decay": 0.01},
    "SoftAdam": {"lr": 0.03, "eta": 0.5},
    "SGDCriticalGradients": {"lr": 0.02, "capacity": 3},
    "AdamCriticalGradients": {"lr": 0.005, "capacity": 3},
    "RMSpropCriticalGradients": {"lr": 0.003, "capacity": 3},
    "SGDCriticalMomenta": {"lr": 0.02, "capacity": 3},
    "AdamCriticalMomenta": {"lr": 0.005, "capacity": 3},
    "AndersonMixing": {"lr": 0.02, "memory": 3},
    "RegularizedAnderson": {"lr": 0.02, "memory": 3, "regularization": 1e-2},
    "StochasticAnderson": {"lr": 0.05, "memory": 3, "regularization": 1.0},
    "AdaSAM": {"memory": 3, "inner": INNER},
    "PreconditionedAdaSAM": {"memory": 3, "inner": rules.Adam(0.01), "c1": 1.0},
    "SharpnessAware": {"rule": INNER, "radius": 0.02},
    "ExtraGradient": {"rule": INNER, "extrapolation": 0.02},
}
MINI_BATCH = {"MiniBatchMSVAG": {"lr": 0.02}, "MiniBatchAdamStar": {"lr": 0.003}}
# Rates with which a few dozen steps on a small network do something.
NETWORK: dict[str, dict[str, Any]] = {
    "GradientDescent": {"lr": 0.5},
    "SVAG": {"lr": 0.5},
    "MSVAG": {"lr": 0.5},
    "SoftAdam": {"lr": 0.3},
    "SGDCriticalGradients": {"lr": 0.2},
    "SGDCriticalMomenta": {"lr": 0.1},
    "StochasticAnderson": {"lr": 0.5},
    "AndersonMixing": {"lr": 2.0, "memory": 1},
    "RegularizedAnderson": {"lr": 0.2, "memory": 2},
}
CLOSURE = ("SharpnessAware", "ExtraGradient")


def make(name: str, params: Any, **changes: Any) -> Any:
    """The optimizer of a case."""
    return getattr(bridge, name)(params, **{**CASES.get(name, MINI_BATCH.get(name, {})), **changes})


def tensors(shapes: Any = ((40, 10), (10,), (7, 3, 2), (1,)), dtype: Any = torch.float64, seed: int = 0) -> list[Any]:
    """Parameters with fixed pseudo-random entries."""
    rng = np.random.default_rng(seed)
    return [torch.nn.Parameter(torch.as_tensor(rng.standard_normal(shape), dtype=dtype)) for shape in shapes]


def flat(params: Any) -> np.ndarray:
    return np.concatenate([p.detach().numpy().reshape(-1) for p in params])


class Quadratic:
    """A loss 1/2 sum h (x - c)^2 whose gradient is noisy; the same numbers for torch and NumPy."""

    def __init__(self, size: int, seed: int = 1) -> None:
        rng = np.random.default_rng(seed)
        self.h, self.c = rng.uniform(0.5, 3.0, size), rng.standard_normal(size)
        self.seed = seed

    def noise(self, t: int) -> np.ndarray:
        return 0.3 * np.random.default_rng((self.seed, t)).standard_normal(self.h.size)

    def gradient(self, x: np.ndarray, t: int) -> np.ndarray:
        return self.h * (x - self.c) + self.noise(t)

    def closure(self, params: Any, t: int) -> Any:
        h, c, e = (torch.as_tensor(a, dtype=params[0].dtype) for a in (self.h, self.c, self.noise(t)))

        def call() -> torch.Tensor:
            for p in params:
                p.grad = None
            x = torch.cat([p.reshape(-1) for p in params])
            loss = (0.5 * h * (x - c) ** 2 + e * x).sum()
            loss.backward()
            return loss.detach()

        return call


def run(optimizer: Any, params: Any, problem: Quadratic, steps: range) -> None:
    """Steps on the quadratic; closures for the rules that need them."""
    for t in steps:
        closure = problem.closure(params, t)
        if type(optimizer).__name__ in CLOSURE:
            optimizer.step(closure)
        else:
            closure()
            optimizer.step()

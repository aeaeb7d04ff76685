"""Seconds of an optimizer step through the torch bridge against ``torch.optim.Adam`` in the same run, on one thread.

Run ``python benchmarks/torch_step.py [--uncompiled] [RULE ...]`` from the repository's root.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import torch
from _common import report, side_by_side

import optassay.torch as bridge
from optassay import optimizers as rules
from optassay.torch import _compiled

ELEMENTWISE = (
    *("GradientDescent", "Momentum", "Adam", "AMSGrad", "RMSprop", "Adagrad", "AdaBelief", "SignDescent"),
    *("MomentumSign", "SVAG", "MSVAG", "AdamStar", "AdaMomentum", "SoftAdam"),
)
MODELS = {"20 tensors": [50_000] * 20, "1000 tensors": [1_000] * 1000}
STREAMS = 3  # gradients alternate, so that differences of successive ones do not vanish
WARM_UP = 15  # buffers and histories are full, loops compiled


def parameters(sizes: list[int]) -> list[torch.nn.Parameter]:
    return [torch.nn.Parameter(torch.randn(n)) for n in sizes]


def stepper(optimizer: torch.optim.Optimizer) -> Callable[[], Any]:
    """A call that takes one step with the next stream's gradients."""
    params = optimizer.param_groups[0]["params"]
    streams = [[torch.randn_like(p) for p in params] for _ in range(STREAMS)]
    calls = 0

    def call() -> None:
        nonlocal calls
        for p, grad in zip(params, streams[calls % STREAMS], strict=True):
            p.grad = grad
        calls += 1
        optimizer.step()

    return call


def candidates(sizes: list[int], compiled: bool, only: list[str]) -> dict[str, Callable[[], Any]]:
    """Reference first, then every rule of the table."""
    inner = rules.Momentum(0.01, 0.9)
    made: dict[str, Callable[[], torch.optim.Optimizer]] = {}
    for name in ELEMENTWISE:
        made[name] = lambda name=name: getattr(bridge, name)(parameters(sizes), compiled=compiled)
    made["SoftAdam, mean per tensor"] = lambda: bridge.SoftAdam(parameters(sizes), scope="tensor", compiled=compiled)
    for capacity in (5, 20):
        made[f"AdamCriticalMomenta C={capacity}"] = lambda c=capacity: bridge.AdamCriticalMomenta(
            parameters(sizes), capacity=c, compiled=compiled
        )
    for memory in (10, 20):
        made[f"AdaSAM m={memory}"] = lambda m=memory: bridge.AdaSAM(parameters(sizes), memory=m, compiled=compiled)
        made[f"AdaSAM published m={memory}"] = lambda m=memory: bridge.AdaSAM.from_rule(
            parameters(sizes), rules.AdaSAM.published(inner).replace(memory=m), compiled=compiled
        )
    made["PreconditionedAdaSAM m=10"] = lambda: bridge.PreconditionedAdaSAM(
        parameters(sizes), inner=rules.Adam(), compiled=compiled
    )
    chosen = {name: call for name, call in made.items() if not only or any(word in name for word in only)}
    return {"torch.optim.Adam": stepper(torch.optim.Adam(parameters(sizes)))} | {
        name: stepper(call()) for name, call in chosen.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rules", nargs="*", help="parts of names; all without")
    parser.add_argument("--uncompiled", action="store_true", help="PyTorch's kernels only")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    compiled = not arguments.uncompiled
    rows = []
    for model, sizes in MODELS.items():
        calls = candidates(sizes, compiled, arguments.rules)
        seconds = side_by_side(calls, repeats=25, warmup=WARM_UP)
        reference = seconds["torch.optim.Adam"]
        rows += [
            {"model": model, "optimizer": name, "ms": 1e3 * value, "ratio": value / reference}
            for name, value in seconds.items()
        ]
    how = f"loops compiled by {_compiled.compiler()}" if compiled and _compiled.compiler() else "PyTorch's kernels"
    name = "torch_step" if compiled else "torch_step_uncompiled"
    report(name, rows, f"1 M float32 parameters, one thread, torch {torch.__version__}, {how}; medians")


if __name__ == "__main__":
    main()

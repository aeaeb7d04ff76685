"""10 000 runs of Adam with critical momenta on a 2-d function, 500 steps: one batched call against a torch loop.

The loop is the published rule as a ``torch.optim.Optimizer``, one run after the other, with the gradient by autograd
and, as the cheapest loop there can be, in closed form; it is timed on a few runs and scaled. One thread.

Run: python benchmarks/critical_batch.py
"""

from __future__ import annotations

import argparse
import math
from typing import Any

import numpy as np
import torch
from _common import report, side_by_side

from optassay.optimizers import AdamCriticalMomenta

RUNS, STEPS, TIMED = 10_000, 500, 4


def gradient(x: Any, xp: Any) -> Any:
    """Of ``sum x^2 / 2 + 3 sum (1 - cos 2x)``: many minima, one of them global."""
    return x + 6.0 * xp.sin(2.0 * x)


def batched(rule: AdamCriticalMomenta, start: np.ndarray, steps: int = STEPS) -> np.ndarray:
    params, state = start, rule.init(start)
    for _ in range(steps):
        params, state = rule.step(params, gradient(params, np), state)
    return params


class PublishedAdamCM(torch.optim.Optimizer):
    """The published Adam_CM for one tensor, line by line; the sum of the buffer is kept, as there."""

    def __init__(self, params: Any, lr: float, capacity: int, decay: float) -> None:
        super().__init__(params, {"lr": lr, "capacity": capacity, "decay": decay})

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for p in group["params"]:
                state, g = self.state[p], p.grad
                key = torch.sqrt(torch.sum(torch.square(g)))
                if not state:
                    state["step"], state["size"] = 0, 1
                    state["m"], state["v"] = torch.zeros_like(p), torch.zeros_like(p)
                    state["keys"] = torch.zeros(group["capacity"], dtype=p.dtype)
                    state["values"] = torch.zeros(group["capacity"], *p.shape, dtype=p.dtype)
                    state["keys"][0], state["values"][0], state["sum"] = key, g, g.clone()
                    aggregate = state["m"]
                else:
                    m = state["m"].mul_(0.9).add_(g, alpha=0.1)
                    aggregate = torch.add(m, state["sum"].div(state["size"]))
                    if state["size"] < group["capacity"]:
                        state["keys"][state["size"]], state["values"][state["size"]] = key, m
                        state["sum"].add_(m)
                        state["size"] += 1
                    else:
                        slot = torch.argmin(state["keys"])
                        if key > state["keys"][slot]:
                            state["sum"].add_(-state["values"][slot]).add_(m)
                            state["keys"][slot], state["values"][slot] = key, m
                state["step"] += 1
                t = state["step"]
                state["v"].mul_(0.999).addcmul_(aggregate, aggregate, value=0.001)
                denominator = (state["v"].sqrt() / math.sqrt(1 - 0.999**t)).add_(1e-8)
                state["keys"] = torch.mul(state["keys"], group["decay"])
                p.addcdiv_(aggregate, denominator, value=-group["lr"] / (1 - 0.9**t))


def torch_run(start: np.ndarray, lr: float, capacity: int, decay: float, steps: int, autograd: bool) -> np.ndarray:
    """One run; the gradient by autograd, as in a training loop, or in closed form, the cheapest a loop can be."""
    x = torch.tensor(start, requires_grad=True)
    optimizer = PublishedAdamCM([x], lr, capacity, decay)
    for _ in range(steps):
        if autograd:
            optimizer.zero_grad()
            (0.5 * x.square() + 3.0 * (1.0 - torch.cos(2.0 * x))).sum().backward()
        else:
            x.grad = gradient(x.detach(), torch)
        optimizer.step()
    return x.detach().numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    start = np.random.default_rng(0).uniform(-5, 5, (arguments.runs, 2))
    rows = []
    for capacity in (5, 20):
        rule = AdamCriticalMomenta.published(step_size=0.05, capacity=capacity, decay=0.99)
        ours = side_by_side({"batched": lambda r=rule: batched(r, start)}, repeats=3, warmup=0)["batched"]
        loops = side_by_side(
            {
                name: lambda c=capacity, a=name == "autograd": [
                    torch_run(s, 0.05, c, 0.99, STEPS, a) for s in start[:TIMED]
                ]
                for name in ("autograd", "closed form")
            },
            repeats=3,
        )
        scaled = {name: seconds / TIMED * arguments.runs for name, seconds in loops.items()}
        expected = np.stack([torch_run(s, 0.05, capacity, 0.99, 40, True) for s in start[:TIMED]])
        rows.append(
            {
                "capacity": capacity,
                "batched s": ours,
                "torch loop s": scaled["autograd"],
                "ratio": scaled["autograd"] / ours,
                "torch loop s, closed form": scaled["closed form"],
                "ratio, closed form": scaled["closed form"] / ours,
                "largest difference after 40 steps": float(np.max(np.abs(expected - batched(rule, start[:TIMED], 40)))),
            }
        )
    report(
        "critical_batch",
        rows,
        f"{arguments.runs} runs, {STEPS} steps, 2 parameters, double precision, one thread. The torch loops were timed "
        f"on {TIMED} runs and scaled to all of them.",
    )


if __name__ == "__main__":
    main()

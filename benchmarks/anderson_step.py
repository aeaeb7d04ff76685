"""One AdaSAM step on NumPy: incremental Gram matrices against the full products, and against memory traffic.

"full" is the published step written on NumPy: columns of (d, m) arrays in place, R'R and X'X formed afresh. The floor
is what any step must move, at the bandwidth of a copy of the same size: the 2 m columns once for the products and once
for the combination, and 10 vectors (x, g, the previous pair and the new pair of differences read and written).

Run: python benchmarks/anderson_step.py [--quick]
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from _common import report, side_by_side

from optassay.optimizers import AdaSAM, GradientDescent

VECTORS = 10


class FullGram:
    """The published AdaSAM around gradient descent, on NumPy."""

    def __init__(self, d: int, m: int) -> None:
        self.big_x, self.big_r = np.zeros((d, m)), np.zeros((d, m))
        self.dx, self.dr = np.zeros(d), np.zeros(d)
        self.x_prev, self.r_prev = np.zeros(d), np.zeros(d)
        self.count, self.m = 0, m

    def step(self, x: np.ndarray, grad: np.ndarray) -> np.ndarray:
        r = -grad
        new = x - 0.1 * grad
        if self.count > 0:
            self.dx = 0.9 * self.dx + 0.1 * (x - self.x_prev)
            self.dr = 0.9 * self.dr + 0.1 * (r - self.r_prev)
            k = (self.count - 1) % self.m
            self.big_x[:, k], self.big_r[:, k] = self.dx, self.dr
            delta = 0.01 * (r @ r) / (self.dx @ self.dx + 1e-8)
            z = self.big_r.T @ self.big_r + delta * (self.big_x.T @ self.big_x)
            gamma = np.linalg.pinv(z, rcond=1e-15) @ (self.big_r.T @ r)
            move = r - (self.big_x + self.big_r) @ gamma
            if move @ r > 0:
                new = x + move
        self.x_prev, self.r_prev = x.copy(), r
        self.count += 1
        return new


def measure(d: int, m: int, repeats: int) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    gradients = [rng.standard_normal(d) for _ in range(3)]
    curvature = np.linspace(0.5, 2.0, d)
    ours = {
        "ours": AdaSAM.published(GradientDescent(0.1), memory=m, solver="gram"),
        "ours, (14) checked": AdaSAM(m, average=0.9, positivity=0.01),
    }
    held: dict[str, Any] = {name: [np.ones(d), rule.init(np.ones(d))] for name, rule in ours.items()}
    full = FullGram(d, m)
    held["full"] = np.ones(d)
    turn = dict.fromkeys(held, 0)

    def step(name: str) -> None:
        turn[name] += 1
        noise = gradients[turn[name] % 3]
        if name == "full":
            held[name] = full.step(held[name], noise)
        else:
            params, state = held[name]
            held[name] = list(ours[name].step(params, noise, state))

    for name in held:
        for _ in range(m + 2):  # fill the memory
            step(name)
    source, target = curvature, np.empty(d)
    seconds = side_by_side(
        {**{name: lambda n=name: step(n) for name in held}, "copy": lambda: np.copyto(target, source)}, repeats
    )
    bandwidth = 2 * 8 * d / seconds["copy"]
    floor = (4 * m + VECTORS) * 8 * d / bandwidth
    return {
        "d": d,
        "m": m,
        "ours ms": 1e3 * seconds["ours"],
        "with (14) ms": 1e3 * seconds["ours, (14) checked"],
        "full ms": 1e3 * seconds["full"],
        "full / ours": seconds["full"] / seconds["ours"],
        "floor ms": 1e3 * floor,
        "floor / ours": floor / seconds["ours"],
        "copy GB/s": bandwidth / 1e9,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="d = 1e5 only")
    quick = parser.parse_args().quick
    rows = [measure(d, m, 7) for d in ((100_000,) if quick else (100_000, 1_000_000)) for m in (5, 10, 20)]
    report("anderson_step", rows, "Double precision, one thread, memory full; medians of 7 steps.")


if __name__ == "__main__":
    main()

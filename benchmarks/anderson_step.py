"""One AdaSAM step on NumPy: incremental Gram matrices against the full products, and against memory traffic.

"full" is the published step written on NumPy: columns of (d, m) arrays in place, R'R and X'X formed afresh. The floor
is what any step must move: the 2 m columns once for the products and once for the combination, and 11 vectors (x, g and
the previous x, r read; x, r, dx, dr and the new point written; r and x read again), at the bandwidth of a copy of 2 m
vectors between two places of memory. "read" is stricter: the columns at the speed at which `v @ v` reads them. "fixed"
is the plain step on vectors of 16 numbers: the small matrices and Python's share, its caches as cold as the others'.

Run: python benchmarks/anderson_step.py [--quick]
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from _common import report, side_by_side

from optassay.optimizers import AdaSAM, GradientDescent

VECTORS = 11
SHORT = 16


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


def agreement(d: int, m: int, steps: int) -> float:
    """Largest relative distance of a step from the step with all products formed afresh, along ``steps`` steps."""
    rng = np.random.default_rng(1)
    rule = AdaSAM(m, 0.5, average=0.5)
    params, state, worst = rng.standard_normal(d), rule.init(np.zeros(d)), 0.0
    curvature = np.linspace(0.05, 1.0, d)
    for _ in range(steps):
        grad = curvature * params + 0.1 * rng.standard_normal(d)
        new, after = rule.step(params, grad, state)
        big_x, big_r = (np.stack(v) for v in (state.history.x, state.history.r))
        fresh = state.history._replace(xx=big_x @ big_x.T, rr=big_r @ big_r.T, xr=big_x @ big_r.T)
        other, _ = rule.step(params, grad, state._replace(history=fresh))
        worst = max(worst, float(np.linalg.norm(new - other) / np.linalg.norm(new - params)))
        params, state = new, after
    return worst


RULES = {
    "published": lambda m: AdaSAM.published(GradientDescent(0.1), memory=m, solver="gram"),
    "(14) checked": lambda m: AdaSAM(m, average=0.9, positivity=0.01),
    "plain": lambda m: AdaSAM(m, positivity=None),
}


def measure(d: int, m: int, repeats: int) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    gradients = [rng.standard_normal(d) for _ in range(3)]
    ours = {name: make(m) for name, make in RULES.items()}
    held: dict[str, Any] = {name: [np.ones(d), rule.init(np.ones(d))] for name, rule in ours.items()}
    full = FullGram(d, m)
    held["full"] = np.ones(d)
    ours["fixed"] = RULES["plain"](m)
    held["fixed"] = [np.ones(SHORT), ours["fixed"].init(np.ones(SHORT))]
    turn = dict.fromkeys(held, 0)

    def step(name: str) -> None:
        turn[name] += 1
        noise = gradients[turn[name] % 3]
        if name == "full":
            held[name] = full.step(held[name], noise)
        else:
            params, state = held[name]
            held[name] = list(ours[name].step(params, noise[: len(params)], state))

    for name in held:
        for _ in range(m + 2):  # fill the memory
            step(name)
    source, target = np.ones((2, 2 * m, d))
    calls = {name: lambda n=name: step(n) for name in held}
    calls["copy"] = lambda: np.copyto(target, source)
    calls["read"] = lambda: [v @ v for v in source]
    calls["vectors"] = lambda: np.copyto(target[:6], source[:6])
    seconds = side_by_side(calls, repeats)
    bandwidth = 4 * m * 8 * d / seconds["copy"]
    floor = (4 * m + VECTORS) * 8 * d / bandwidth
    strict = 2 * seconds["read"] + seconds["vectors"]
    row = {"d": d, "m": m, "floor ms": 1e3 * floor, "read floor ms": 1e3 * strict, "full ms": 1e3 * seconds["full"]}
    for name in RULES:
        row |= {f"{name} ms": 1e3 * seconds[name], f"{name} / floor": seconds[name] / floor}
    row |= {
        "fixed ms": 1e3 * seconds["fixed"],
        "plain / (floor + fixed)": seconds["plain"] / (floor + seconds["fixed"]),
    }
    row |= {"full / published": seconds["full"] / seconds["published"], "plain / read floor": seconds["plain"] / strict}
    return row | {"copy GB/s": bandwidth / 1e9}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="d = 1e5 only")
    quick = parser.parse_args().quick
    rows = [measure(d, m, 15) for d in ((100_000,) if quick else (100_000, 1_000_000)) for m in (5, 10, 20)]
    worst = agreement(20_000 if quick else 100_000, 10, 500)
    note = (
        "Double precision, one thread, memory full; medians. Over 500 steps a step differs from that with fresh Gram "
    )
    report("anderson_step", rows, note + f"matrices by at most {worst:.1e} of its length (m = 10).")


if __name__ == "__main__":
    main()

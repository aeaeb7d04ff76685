"""A million spectral radii for C = 5, whose minimal systems are 6 x 6, against numpy.linalg.eigvals on the stack.

Both on one thread and on two (the stack split in halves). The accuracy is the largest relative difference to
eigenvalues, and, where the two differ most, the error of each against forty-digit roots.

Run: python benchmarks/spectral_radius.py [--quick]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
from _common import report, side_by_side

from spectral import characteristic_polynomial, spectral_radius

SIZE = 5


def parameters(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Momenta in [0, 1) and x = step size * curvature over four orders of magnitude."""
    rng = np.random.default_rng(0)
    return rng.uniform(0.0, 0.99, count), 10.0 ** rng.uniform(-3.5, 0.5, count)


def companions(polynomials: np.ndarray) -> np.ndarray:
    degree = polynomials.shape[-1] - 1
    stack = np.zeros((len(polynomials), degree, degree))
    stack[:, 0] = -polynomials[:, 1:]
    stack[:, np.arange(1, degree), np.arange(degree - 1)] = 1.0
    return stack


def precise(polynomial: np.ndarray) -> float:
    import mpmath

    with mpmath.workdps(40):
        roots = mpmath.polyroots([mpmath.mpf(float(c)) for c in polynomial], maxsteps=500, extraprec=400)
        return float(max(abs(root) for root in roots))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="100 000 radii")
    count = 100_000 if parser.parse_args().quick else 1_000_000
    momentum, x = parameters(count)
    polynomials = characteristic_polynomial(1.0, momentum, x, SIZE)
    stack = companions(polynomials)

    def ours(part: slice) -> np.ndarray:
        return spectral_radius(1.0, momentum[part], x[part], SIZE)

    def theirs(part: slice) -> np.ndarray:
        return np.abs(np.linalg.eigvals(stack[part])).max(axis=-1)

    def threads(call: Callable[[slice], np.ndarray], workers: int) -> np.ndarray:
        edges = np.linspace(0, count, workers + 1).astype(int)
        with ThreadPoolExecutor(workers) as pool:
            return np.concatenate(list(pool.map(call, (slice(a, b) for a, b in pairwise(edges)))))

    calls = {
        f"{name}, {workers} thread{'s' * (workers > 1)}": lambda call=call, workers=workers: threads(call, workers)
        for workers in (1, 2)
        for name, call in (("spectral_radius", ours), ("numpy eigvals", theirs))
    }
    seconds = side_by_side(calls, repeats=3, warmup=1)
    mine, other = ours(slice(None)), theirs(slice(None))
    difference = np.abs(mine - other) / other
    worst = np.argsort(difference)[-20:]
    truth = np.array([precise(polynomials[k]) for k in worst])
    rows = []
    for name, value in seconds.items():
        rival = seconds[name.replace("spectral_radius", "numpy eigvals")]
        errors = (mine if name.startswith("spectral") else other)[worst]
        rows.append(
            {
                "method": name,
                "radii": count,
                "seconds": value,
                "microseconds each": value / count * 1e6,
                "ratio": rival / value,
                "relative error where they differ most": float(np.max(np.abs(errors - truth) / truth)),
            }
        )
    note = f"C = {SIZE}, 6 x 6; largest relative difference of the two {difference.max():.1e}; target ratio 5 at 1e-10."
    report("spectral_radius", rows, note)


if __name__ == "__main__":
    main()

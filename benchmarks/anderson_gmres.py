"""Anderson mixing on 10^4 systems of size 100 in one batch, against a loop over SciPy's gmres.

Symmetric positive definite systems with condition number 10; every method stops where the relative residual of every
system is below the tolerance. SciPy and the one-by-one rows are timed on a subset and scaled, which the note says.

Run: python benchmarks/anderson_gmres.py [--quick]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse.linalg as sparse
from _common import report, side_by_side

from quadratics import anderson_iterates, gmres_iterates

SIZE, MEMORY = 100, 5


def systems(count: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    q, _ = np.linalg.qr(rng.standard_normal((SIZE, SIZE)))
    matrices = np.empty((count, SIZE, SIZE))
    for matrix in matrices:  # a random spectrum in one of many rotated bases
        basis = np.roll(q, rng.integers(SIZE), axis=0) * rng.choice((-1.0, 1.0), (SIZE, 1))
        matrix[...] = basis @ (rng.uniform(1, 10, SIZE)[:, None] * basis.T)
    return matrices, rng.standard_normal((count, SIZE))


def chunked(count: int, size: int, call: Callable[[slice], np.ndarray]) -> np.ndarray:
    """Last points, in chunks whose histories fit the cache better than the whole batch."""
    return np.concatenate([call(slice(i, i + size)) for i in range(0, count, size)])


def repeated(matrix: np.ndarray, x: np.ndarray, times: int) -> np.ndarray:
    for _ in range(times):
        x = np.matmul(matrix, x[..., None])[..., 0] / 10
    return x


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="1000 systems")
    count = 1000 if parser.parse_args().quick else 10_000
    subset = 200
    matrices, rhs = systems(count)
    zero = np.zeros_like(rhs)

    def worst(points: np.ndarray) -> float:
        residual = rhs[: len(points)] - np.einsum("nij,nj->ni", matrices[: len(points)], points)
        return float(np.max(np.linalg.norm(residual, axis=-1) / np.linalg.norm(rhs[: len(points)], axis=-1)))

    rows: list[dict[str, Any]] = []
    # Steps after which every system is below the tolerance.
    for tolerance, anderson_steps, gmres_steps in ((1e-3, 14, 12), (1e-6, 32, 22)):

        def loop(rtol: float = tolerance) -> np.ndarray:
            return np.stack([sparse.gmres(matrices[i], rhs[i], rtol=rtol, restart=SIZE)[0] for i in range(subset)])

        def anderson(k: int = anderson_steps) -> np.ndarray:
            return chunked(count, 50, lambda s: anderson_iterates(
                matrices[s], rhs[s], zero[s], 0.18, k, MEMORY, solver="gram").projected[k])  # fmt: skip

        def gmres(k: int = gmres_steps) -> np.ndarray:
            return chunked(count, 50, lambda s: gmres_iterates(matrices[s], rhs[s], zero[s], k)[k])

        def products(k: int = gmres_steps) -> np.ndarray:
            """The k products with every matrix that no Krylov method can do without."""
            return chunked(count, 50, lambda s: repeated(matrices[s], rhs[s], k))

        calls: dict[str, Callable[[], np.ndarray]] = {
            "SciPy gmres, looped": loop,
            f"Anderson, memory {MEMORY}, {anderson_steps} steps": anderson,
            f"GMRES, {gmres_steps} steps": gmres,
            f"{gmres_steps} products alone": products,
        }
        seconds = side_by_side(calls, repeats=3, warmup=0)
        seconds["SciPy gmres, looped"] *= count / subset
        for name, call in calls.items():
            residual = "" if call is products else worst(call())
            ratio = seconds["SciPy gmres, looped"] / seconds[name]
            row = {"method": name, "tolerance": tolerance, "seconds": seconds[name], "ratio": ratio}
            rows.append({**row, "worst relative residual": residual})
    note = f"{count} systems of size {SIZE}, condition number 10, one thread; SciPy on {subset} of them and scaled."
    report("anderson_gmres", rows, note)


if __name__ == "__main__":
    main()

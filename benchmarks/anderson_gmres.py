"""Anderson mixing and GMRES on 10^4 systems of size 100 in one call, against a loop over SciPy's gmres.

Symmetric positive definite systems with condition number 10. SciPy stops each one at the tolerance; a batched method
takes the steps after which the residual of every system is below it, found in a run that is not timed. The products
alone, from matrices in the cache, are the floor of any Krylov method. SciPy is timed on 200 systems and scaled. The
compilation of Anderson's loops, about a second once in a process, falls into the run that is not timed.

Run: python benchmarks/anderson_gmres.py [--quick]     (OMP_NUM_THREADS limits the threads)
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse.linalg as sparse
from _common import report, side_by_side
from threadpoolctl import threadpool_info, threadpool_limits

from quadratics import anderson_iterates, gmres_iterates

SIZE, MEMORY, MIXING, MOST = 100, 5, 0.18, 40


def systems(count: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    q, _ = np.linalg.qr(rng.standard_normal((SIZE, SIZE)))
    matrices = np.empty((count, SIZE, SIZE))
    for matrix in matrices:  # a random spectrum in one of many rotated bases
        basis = np.roll(q, rng.integers(SIZE), axis=0) * rng.choice((-1.0, 1.0), (SIZE, 1))
        matrix[...] = basis @ (rng.uniform(1, 10, SIZE)[:, None] * basis.T)
    return matrices, rng.standard_normal((count, SIZE))


def repeated(matrices: np.ndarray, x: np.ndarray, times: int) -> None:
    """``times`` products with every matrix, each of which is read from memory once."""
    for i in range(0, len(x), 36):
        block, y = matrices[i : i + 36], x[i : i + 36, :, None]
        for _ in range(times):
            y = np.matmul(block, y)


def residuals(matrices: np.ndarray, rhs: np.ndarray, path: np.ndarray) -> np.ndarray:
    """Largest relative residual at every step."""
    worst = []
    for points in path:
        r = rhs - np.matmul(matrices, points[..., None])[..., 0]
        worst.append(np.max(np.linalg.norm(r, axis=-1) / np.linalg.norm(rhs, axis=-1)))
    return np.array(worst)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="1000 systems")
    count = 1000 if parser.parse_args().quick else 10_000
    subset = 200
    matrices, rhs = systems(count)
    zero = np.zeros_like(rhs)
    threads = max(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas")

    methods: dict[str, Callable[[int], np.ndarray]] = {
        "Anderson": lambda k: anderson_iterates(matrices, rhs, zero, MIXING, k).projected,
        f"Anderson, memory {MEMORY}, solver gram": lambda k: (
            anderson_iterates(matrices, rhs, zero, MIXING, k, MEMORY, solver="gram").projected
        ),
        "GMRES": lambda k: gmres_iterates(matrices, rhs, zero, k),
    }
    attained = {name: residuals(matrices, rhs, method(MOST)) for name, method in methods.items()}
    rows: list[dict[str, Any]] = []
    for tolerance in (1e-3, 1e-6):

        def loop(rtol: float = tolerance) -> None:
            for matrix, b in zip(matrices[:subset], rhs[:subset], strict=True):
                sparse.gmres(matrix, b, rtol=rtol, restart=SIZE)

        calls: dict[str, Callable[[], Any]] = {"SciPy gmres, looped": loop}
        steps: dict[str, int] = {}
        for name, method in methods.items():
            k = int(np.argmax(attained[name] <= tolerance))
            steps[name] = k
            calls[name] = lambda method=method, k=k: method(k)  # type: ignore[misc]
            if threads > 1:
                steps[f"{name}, {threads} threads"] = k
                calls[f"{name}, {threads} threads"] = calls[name]
        k = steps["GMRES"]
        steps["products alone"] = k
        calls["products alone"] = lambda k=k: repeated(matrices, rhs, k)  # type: ignore[misc]

        def timed(name: str, call: Callable[[], Any]) -> Callable[[], None]:
            def run() -> None:
                with threadpool_limits(threads if name.endswith("threads") else 1):
                    call()

            return run

        seconds = side_by_side({name: timed(name, call) for name, call in calls.items()}, repeats=5, warmup=1)
        seconds["SciPy gmres, looped"] *= count / subset
        for name in calls:
            row: dict[str, Any] = {"method": name, "tolerance": tolerance, "steps": steps.get(name, "")}
            row |= {"seconds": seconds[name], "times faster": seconds["SciPy gmres, looped"] / seconds[name]}
            base = name.removesuffix(f", {threads} threads")
            row["worst residual"] = float(attained[base][steps[name]]) if base in attained else ""
            rows.append(row)
    note = (
        f"{count} systems of size {SIZE}, condition number 10, mixing {MIXING}; one thread unless said; a product with "
        f"all matrices is {2e-9 * count * SIZE**2:.2g} Gflop and reads {8e-9 * count * SIZE**2:.2g} GB."
    )
    report("anderson_gmres", rows, note)


if __name__ == "__main__":
    main()

"""Algorithm 1 with its safeguard (14) on quadratics: when it is inactive, and what it does to the equivalence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import sympy as sp

from quadratics.krylov import anderson_iterates, exact_anderson, gmres_iterates

from ..checks.rational import fractions, rotations
from ..checks.search import ForAll, for_all
from ..claim import Budget, Claim, Evidence, Exact, Part, Sampled
from .algebra import IDENTITY, axioms, letters
from .histories import Step, pseudoinverse
from .positivity import definite
from .sam import update_matrix

# low, high: ends of the spectrum of A; beta; mu
Condition = Callable[[Fraction, Fraction, Fraction, Fraction], bool]


def excess(low: Any, high: Any, beta: Any, mu: Any, x: Any) -> Any:
    """``4 beta (1 - mu)(x - beta mu) - (1/low - x)(x - 1/high)``."""
    return 4 * beta * (1 - mu) * (x - beta * mu) - (1 / low - x) * (x - 1 / high)


def lowest(low: Any, high: Any, beta: Any, mu: Any) -> Any:
    """The x at which :func:`excess` is smallest."""
    return (1 / high + 1 / low) / 2 - 2 * beta * (1 - mu)


def never_active(low: Fraction, high: Fraction, beta: Fraction, mu: Fraction) -> bool:
    """``beta mu <= 1/high`` and :func:`excess` ``>= 0`` on ``[1/high, 1/low]``.

    With ``B = A^-1``: for ``u = p + q``, p in the range of R, q orthogonal to it, ``u' H u = p' B p + q' B p + beta
    |q|^2``. On the plane of p and q the two numbers ``x = p' B p`` and ``q' B p`` of unit vectors satisfy ``(q' B p)^2
    = (b2 - x)(x - b1)`` with the plane's eigenvalues ``b1, b2``, which lie in the spectrum's hull. (13) is a 2 x 2
    determinant, and the hull is the worst plane.
    """
    if beta * mu > 1 / high:
        return False
    return excess(low, high, beta, mu, min(max(lowest(low, high, beta, mu), 1 / high), 1 / low)) >= 0


REPLAY = """
from fractions import Fraction
import numpy as np
read = lambda v: np.array([read(c) for c in v]) if isinstance(v, list) else float(Fraction(str(v)))
A, b, x0 = (read(witness[k]) for k in ("A", "b", "x0"))
beta, mu, k = read(witness["beta"]), read(witness["mu"]), witness["k"]
xs, rs = [x0], [b - A @ x0]
for j in range(k):
    X, R = (np.array([v[i + 1] - v[i] for i in range(j)]).T for v in (xs, rs))
    G = np.linalg.lstsq(R, rs[-1], rcond=None)[0] if j else None
    xs.append(xs[-1] + beta * rs[-1] - ((X + beta * R) @ G if j else 0))
    rs.append(b - A @ xs[-1])
X, R = (np.array([v[i + 1] - v[i] for i in range(k)]).T for v in (xs, rs))
H = beta * np.eye(len(b)) - (X + beta * R) @ np.linalg.pinv(R)
violated = bool(np.linalg.eigvalsh(0.5 * (H + H.T))[0] < beta * mu - 1e-9)
"""


HIGHS = (2, 5, 9, 16, 50, 400)
MUS = (Fraction(1, 100), Fraction(1, 2))


def _worst_planes(budget: Budget) -> Iterator[dict[str, Any]]:
    """Two dimensions, first step with ``R`` along the direction in which H is smallest, for ``beta`` just outside.

    ``beta`` runs over a grid of ratio 1.005; of those at which some direction violates (13) the ones next to a safe
    one are taken, and some further out.
    """
    t = np.arange(1, 401) / 400  # p = (1 - t^2, 2 t) / (1 + t^2)
    for high, mu in product(budget.pick((5, 50), HIGHS), MUS):
        cos2 = ((1 - t * t) / (1 + t * t)) ** 2
        x, y2 = cos2 + (1 - cos2) / high, (1 - 1 / high) ** 2 * cos2 * (1 - cos2)
        beta = 1.005 ** np.arange(-1600, 1200)[:, None]
        smallest = (x + beta) / 2 - np.sqrt((x - beta) ** 2 / 4 + y2 / 4) - beta * float(mu)
        violated = np.any(smallest < -1e-6 * beta, axis=1)
        edges = np.flatnonzero(violated & ~(np.roll(violated, 1) & np.roll(violated, -1)))
        for i in [*edges, *np.flatnonzero(violated)[::200]]:
            k = Fraction(int(np.argmin(smallest[i])) + 1, 400)
            p = [(1 - k * k) / (1 + k * k), 2 * k / (1 + k * k)]
            yield {
                "A": [[Fraction(1), Fraction(0)], [Fraction(0), Fraction(high)]], "b": [p[0], p[1] / high],
                "x0": [Fraction(0)] * 2, "beta": Fraction(float(beta[i, 0])).limit_denominator(10**6), "mu": mu, "k": 1,
                "spectrum": [Fraction(1), Fraction(high)],
            }  # fmt: skip


def _inactive(condition: Condition, budget: Budget) -> list[Evidence]:
    """Under the condition (14) holds with ``alpha = 1``, ``delta = 0`` at every step of Anderson mixing, exactly."""

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        rng = np.random.default_rng(19)
        for d in (1, 2, 3):
            for high in HIGHS:
                for beta in (Fraction(1, high), Fraction(2, 1 + high), Fraction(1), Fraction(high, 3)):
                    for mu in MUS:
                        low, top = Fraction(1), Fraction(high if d > 1 else 1)
                        if not condition(low, top, beta, mu):
                            continue
                        for _ in range(budget.pick(1, 5)):
                            values = [low, top, *(Fraction(int(rng.integers(1, high + 1))) for _ in range(d))][:d]
                            rotation = next(rotations(d, 1, int(rng.integers(10**6)))) if d > 1 else fractions([[1]])
                            a = rotation @ np.diag(fractions(values)) @ rotation.T
                            b = fractions(rng.integers(-4, 5, d))
                            for k in range(1, d):
                                yield {
                                    "A": a.tolist(), "b": b.tolist(), "x0": [Fraction(0)] * d, "beta": beta, "mu": mu,
                                    "k": k, "spectrum": [low, top],
                                }  # fmt: skip
        for point in _worst_planes(budget):
            low, top = point["spectrum"]
            if condition(low, top, point["beta"], point["mu"]):
                yield point

    def gap(point: Any) -> np.ndarray:
        a, b, x0 = (fractions(point[k]) for k in ("A", "b", "x0"))
        k, beta = point["k"], point["beta"]
        path = exact_anderson(a, b, x0, lambda j: beta, k)
        x = np.stack([path.iterates[j + 1] - path.iterates[j] for j in range(k)], axis=1)
        step = Step(x, -(a @ x), b - a @ path.iterates[k], Fraction(0), Fraction(1), beta)
        h = update_matrix(step, pseudoinverse)
        return (h + h.T) / 2 - beta * point["mu"] * fractions(np.eye(len(b), dtype=int))

    def again(point: Any) -> tuple[float, float]:
        a, b, x0 = (np.array(fractions(point[k]), dtype=float) for k in ("A", "b", "x0"))
        path = anderson_iterates(a, b, x0, float(point["beta"]), point["k"], positivity=float(point["mu"]))
        return 1.0, float(path.damping[point["k"]] >= 1 - 1e-9 and np.all(path.damping[1:-1] >= 1 - 1e-9))

    return for_all(
        ForAll(
            points,
            lambda p: (1, int(definite(gap(p)))),
            "==",
            again,
            REPLAY,
            ("exact elimination of H", "damping that the method uses"),
            (0.0, 0.5),
            proof=_plane if condition is never_active else None,
        ),
        budget,
    )


def _plane(budget: Budget) -> list[Evidence]:
    """The identities behind :func:`never_active`."""
    del budget
    x, y, z, b1, b2, c1, c2 = sp.symbols("x y z b1 b2 c1 c2")
    beta, mu, s = sp.symbols("beta mu s", positive=True)
    trace = {z: b1 + b2 - x}
    plane = sp.expand((x * z - b1 * b2).subs(trace) - (b2 - x) * (x - b1))  # y^2 = x z - det
    wider = sp.expand((b2 + c2 - x) * (x - b1 + c1) - (b2 - x) * (x - b1) - c2 * (x - b1) - c1 * (b2 - x) - c1 * c2)
    determinant = sp.expand((x - beta * mu) * beta * (1 - mu) - y**2 / 4)
    stated = excess(1 / b2, 1 / b1, beta, mu, x) / 4
    threshold = excess(1 / b2, 1 / b1, beta, 0, s)
    best = sp.simplify(threshold.subs({b1: c1**2, b2: c2**2, s: c1 * c2}) - c1 * c2 * (4 * beta - (c2 - c1) ** 2))
    inverse, r, plus = letters("B R R+")
    gain = sp.Symbol("beta")
    h = update_matrix(
        Step(-(inverse @ r), r, r, sp.Integer(0), sp.Integer(1), gain), lambda z: plus @ plus.T
    )  # (R'R)^+ = R^+ R^+'
    low, high, q = sp.symbols("low high q", positive=True)
    difference = excess(low, high, beta, mu, q)
    steps = {
        "H = beta (I - R R^+) + B R R^+": (h - gain * (IDENTITY - r @ plus) - inverse @ r @ plus).is_zero(axioms("R")),
        "the difference is convex in x, least where never_active looks": sp.diff(difference, q, 2) == 2
        and sp.expand(sp.diff(difference, q).subs(q, lowest(low, high, beta, mu))) == 0,
        "(q'Bp)^2 = (b2 - x)(x - b1) in a plane": plane == 0,
        "a wider spectrum is worse": wider == 0,
        "(13) on the plane is the determinant": sp.expand(determinant.subs(y**2, (b2 - x) * (x - b1)) - stated) == 0,
        "mu = 0: the worst x is (b1 b2)^(1/2), threshold 4 beta = (b2^(1/2) - b1^(1/2))^2": best == 0,
    }
    return [Exact("symbolic", steps)]


def _sharp(scale: Fraction, budget: Budget) -> list[Evidence]:
    """In the plane: ``beta`` times ``scale`` below (above) the threshold, some direction violates (none does).

    The condition with ``mu -> 0`` is ``4 beta >= (low^(-1/2) - high^(-1/2))^2``; ranges along rational directions.
    """
    steps = {}
    for root_low, root_high in ((1, 2), (1, 4), (2, 7), (1, 20)):
        b1, b2 = Fraction(1, root_high**2), Fraction(1, root_low**2)
        threshold = (Fraction(1, root_low) - Fraction(1, root_high)) ** 2 / 4
        for side, beta in (("below", threshold * (1 - scale)), ("above", threshold * (1 + scale))):
            violated = False
            for k in range(1, budget.pick(400, 4000)):
                t = Fraction(k, budget.pick(400, 4000))  # p = (cos, sin) rational
                c, s = (1 - t * t) / (1 + t * t), 2 * t / (1 + t * t)
                x, cross = b1 * c * c + b2 * s * s, (b2 - b1) * c * s
                violated |= cross * cross > 4 * beta * x
            steps[f"spectrum {root_low**2}, {root_high**2}, {side}"] = violated == (side == "below")
    return [Exact("rational", steps, instances=len(steps))]


def _activity(share: float, budget: Budget) -> list[Evidence]:
    """Share of steps at which (14) shrinks alpha on random SPD systems, and the residuals with and without it."""
    rng = np.random.default_rng(23)
    data: dict[str, Any] = {}
    count, d = budget.pick(20, 200), 10
    worst = 0.0
    for kappa in (4, 9, 100, 10_000):
        q, _ = np.linalg.qr(rng.standard_normal((count, d, d)))
        values = np.concatenate([np.full((count, 1), 1 / kappa), rng.uniform(1 / kappa, 1, (count, d - 2)),
                                 np.ones((count, 1))], axis=1)  # fmt: skip
        a = q @ (values[..., None] * np.swapaxes(q, -1, -2))
        b = rng.standard_normal((count, d))
        for label, beta in (("1/L", 1.0), ("2/(L+l)", 2 / (1 + 1 / kappa)), ("1/l", float(kappa))):
            safe = anderson_iterates(a, b, 0 * b, beta, d, positivity=0.01)
            gmres = gmres_iterates(a, b, 0 * b, d)
            active = float(np.mean(safe.damping[1 : d - 1] < 1 - 1e-9))
            ends = np.stack([safe.iterates[9], gmres[8]])
            residuals = np.linalg.norm(b - np.einsum("nij,knj->kni", a, ends), axis=-1)
            sizes = [float(v) for v in np.median(residuals / np.linalg.norm(b, axis=-1), axis=1)]
            data[f"kappa {kappa}, beta {label}"] = {
                "share of steps with (14) active": active,
                "residual of the safeguarded iterate, step 9": sizes[0],
                "residual of GMRES, step 8": sizes[1],
            }
            if kappa == 10_000 and label == "1/L":
                worst = active
    return [Sampled("random systems, d = 10", count, int(worst < share) * count, worst - share, "12 settings", data)]


CLAIMS = [
    Claim(
        id="anderson-mixing/gmres-equivalence-with-safeguard",
        location="Algorithm 1, line 9, with 5",
        figures=("anderson-mixing/residuals",),
        statement=r"On strongly convex quadratics Algorithm 1, line 9 included ($\alpha=1$, $\delta=0$, full "
        r"memory), is "
        r"equivalent to GMRES. Judged: (14) never shrinks $\alpha_k$.",
        assumptions=(r"$A$ symmetric positive definite", r"$\beta_k=\beta>0$, $\mu\in(0,1)$"),
        parts=(
            Part(
                "the safeguard is inactive",
                _inactive,
                printed=lambda low, high, beta, mu: True,
                broken=lambda low, high, beta, mu: beta * mu <= 1 / high,
                repair=never_active,
                repair_note=r"(14) holds at every step, whatever the history, exactly if $\beta\mu\le1/L$ and "
                r"$(\frac1l-x)(x-\frac1L)\le4\beta(1-\mu)(x-\beta\mu)$ for $x\in[\frac1L,\frac1l]$, $[l,L]$ the "
                r"hull of the "
                r"spectrum of $A$; then the equivalence stands.",
                note=r"Otherwise $\alpha_k<1$ and $\bar x_k$ of (8) is not $x_k^G$. For $\mu\to0$ the condition is "
                r"$\beta\ge\frac14(l^{-1/2}-L^{-1/2})^2$: $\beta=1/L$ is safe up to $\kappa=9$. Under (18b) "
                r"$\delta_k\ge C\beta_k^{-2}>0$, so the setting of the equivalence is never that of the theorems.",
            ),
            Part(
                "for mu to 0 the threshold of beta is sharp",
                _sharp,
                printed=Fraction(1, 100),
                broken=Fraction(-1, 100),
                bears=False,
                note=r"$H_k$ is positive definite for $\alpha=1$, $\delta=0$ and every history exactly if "
                r"$\beta>\frac14(l^{-1/2}-L^{-1/2})^2$.",
            ),
            Part(
                "how often it is active",
                _activity,
                printed=0.5,
                broken=0.9,
                bears=False,
                note=r"Random spectra, $d=10$, $\mu=0.01$; never up to $\kappa=9$; at $\kappa=10^4$, "
                r"$\beta=1/L$ more than half of the steps. With $\beta=1/l=10^4$ (beyond $\beta\mu\le1/L$) it acts at "
                r"every "
                "step and the safeguarded iterates blow up, where the free ones follow GMRES.",
            ),
        ),
    ),
]

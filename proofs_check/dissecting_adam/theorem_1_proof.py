"""Section B.4: the proof of theorem 1, inequality by inequality, on exact enumerations and in general."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction as F
from functools import lru_cache
from typing import Any

import numpy as np

from optassay.optimizers.variance_adapted import SVAG

from ..checks.search import ForAll, Point, for_all
from ..claim import Budget, Claim, Evidence, Exact, Part
from . import theorem_1_steps as step
from .svag_tree import PROBLEMS, Node, depth, factors, levels, mean, second_moment
from .theorem_1_paths import along_paths

Sides = Callable[[Point], tuple[Any, Any]]


def _numbers(
    node: Node, name: str, last: int, unconditional: F, conditional: F, average: Sequence[F]
) -> dict[str, Any]:
    problem = PROBLEMS[name]
    return {
        "problem": name,
        "t": node.t,
        "levels": last,
        "point": node.point,
        "f": node.value,
        "next f": node.next_value,
        "gradient": node.gradient,
        "variance": node.variance,
        "L": problem.smoothness,
        "mu": problem.convexity,
        "mean gradient": average,
        "G2": unconditional,
        "G2 almost surely": conditional,
    }


@lru_cache(maxsize=4)
def nodes(budget: Budget) -> tuple[dict[str, Any], ...]:
    """Every node of every enumerated problem; G^2 is the smallest that the assumption allows, in either reading."""
    found = []
    for name, problem in PROBLEMS.items():
        tree = levels(name, depth(name, budget is Budget.FULL))
        unconditional = max(mean(level, second_moment) for level in tree)
        conditional = max(second_moment(node) for level in tree for node in level)
        for level in tree:
            average = [mean(level, lambda node, i=i: node.gradient[i]) for i in range(len(problem.start))]  # type: ignore[misc]
            found += [_numbers(node, name, len(tree) - 1, unconditional, conditional, tuple(average)) for node in level]
    return tuple(found)


@lru_cache(maxsize=4)
def expectations(budget: Budget) -> tuple[dict[str, Any], ...]:
    """Per level: e_t, e_{t+1} and the averages that the proof takes, for every enumerated problem."""
    found = []
    for name, problem in PROBLEMS.items():
        tree = levels(name, depth(name, budget is Budget.FULL))
        bound = max(mean(level, second_moment) for level in tree)
        start = tree[0][0].value
        for t, level in enumerate(tree):
            found.append(
                {
                    "problem": name,
                    "t": t,
                    "e": mean(level, lambda node: node.value),
                    "next e": mean(level, lambda node: node.next_value),
                    "mean of f^2": mean(level, lambda node: node.value**2),
                    "mean decrease": mean(level, lambda node: _scaled(node.gradient, node.variance)),
                    "start": start,
                    "L": problem.smoothness,
                    "mu": problem.convexity,
                    "G2": bound,
                }
            )
    return tuple(found)


def _scaled(gradient: Sequence[Any], variance: Sequence[Any]) -> Any:
    """sum_i c_i grad_i^2."""
    return sum(f * g * g for f, g in zip(factors(tuple(gradient), tuple(variance)), gradient, strict=True))


def library_paths(name: str, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights and points of all noise paths in floating point, advanced by the library's SVAG rule."""
    problem = PROBLEMS[name]
    rule = SVAG(step_size=1 / float(problem.smoothness))
    points, weights = np.array([problem.start], dtype=float), np.ones(1)
    for _ in range(steps):
        points, weights = _library_step(name, rule, points, weights)
    return weights, points


def _library_step(name: str, rule: SVAG, points: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    problem = PROBLEMS[name]
    laws = [problem.noise(tuple(map(F, row))) for row in points]
    chance = np.array([[float(p) for p, _ in law] for law in laws])
    noise = np.array([[[float(v) for v in n] for _, n in law] for law in laws])
    gradient = np.array([problem.gradient(tuple(row)) for row in points], dtype=float)[:, None, :]
    variance = np.sum(chance[:, :, None] * noise**2, axis=1, keepdims=True)
    start = np.broadcast_to(points[:, None, :], noise.shape).copy()
    moved, _ = rule.step(
        start,
        gradient + noise,
        rule.init(start),
        variance=np.broadcast_to(variance, noise.shape).copy(),
        mean=np.broadcast_to(gradient, noise.shape).copy(),
    )
    return moved.reshape(-1, points.shape[1]), (weights[:, None] * chance).reshape(-1)


def _in_floats(point: Point) -> Point:
    """The numbers of a node once more: paths and the next step by the library's rule."""
    name = point["problem"]
    problem = PROBLEMS[name]
    rule = SVAG(step_size=1 / float(problem.smoothness))
    weights, points = library_paths(name, point["t"])
    here = np.array([point["point"]], dtype=float)
    moved, chance = _library_step(name, rule, here, np.ones(1))
    gradients = np.array([problem.gradient(tuple(row)) for row in points], dtype=float)
    law = problem.noise(tuple(map(F, here[0])))
    return dict(point) | {
        "f": float(problem.value(tuple(here[0]))),
        "next f": sum(p * float(problem.value(tuple(row))) for p, row in zip(chance, moved, strict=True)),
        "gradient": tuple(map(float, problem.gradient(tuple(here[0])))),
        "variance": tuple(sum(float(p) * float(n[i]) ** 2 for p, n in law) for i in range(here.shape[1])),
        "mean gradient": tuple(map(float, weights @ gradients)),
        "G2": float(point["G2"]),
    }


def _everywhere(sides: Sides, test: str, *proof: step.Step, relation: Any = "<=") -> ForAll:
    """An inequality at every node of every enumeration, with the steps that prove it in general."""

    def prove(budget: Budget) -> list[Evidence]:
        gaps = []
        for point in nodes(budget):
            left, right = sides(point)
            gaps.append((right - left) * (1 if relation == "<=" else -1))
        return [
            *step.decided(proof, budget),
            Exact("enumeration", {"slack >= 0 at every node": min(gaps) >= 0}, step.spread_of(gaps)),
        ]

    return ForAll(
        points=nodes,
        sides=sides,
        relation=relation,
        again=lambda point: sides(_in_floats(point)),
        replay=step.REPLAY.replace("{test}", test),
        proof=prove,
    )


def _descent(average: str) -> Sides:
    """(31), with the gradient's mean as printed (unconditional) or given theta_t."""

    def sides(point: Point) -> tuple[Any, Any]:
        scale = factors(point["gradient"], point["variance"])
        rows = list(zip(scale, point["gradient"], point["variance"], point[average], strict=True))
        drift = sum(f * g * other for f, g, _, other in rows)
        noise = sum(f * f * (g * g + v) for f, g, v, _ in rows)
        return point["next f"], point["f"] - drift / point["L"] + noise / (2 * point["L"])

    return sides


def _halved(share: F) -> Sides:
    return lambda p: (p["next f"], p["f"] - share * _scaled(p["gradient"], p["variance"]) / p["L"])


def _size(point: Point) -> Any:
    return sum(g * g for g in point["gradient"])


def _second(point: Point) -> Any:
    return sum(g * g + v for g, v in zip(point["gradient"], point["variance"], strict=True))


def _jensen(power: int) -> Sides:
    """First inequality of (34), without division: |grad|^4 <= sum c grad^2 * sum (grad^2 + var)."""
    return lambda p: (_size(p) ** power, _scaled(p["gradient"], p["variance"]) * _second(p))


def _bounded(bound: str) -> Sides:
    """Second inequality of (34), times G^2: |grad|^4 E_t|g|^2 <= |grad|^4 G^2."""
    return lambda p: (_size(p) ** 2 * _second(p), _size(p) ** 2 * p[bound])


def _against_value(bound: str, factor: int) -> Sides:
    """(35): 4 mu^2 f^2 / G^2 <= sum c grad^2."""
    return lambda p: (factor * p["mu"] ** 2 * p["f"] ** 2 / p[bound], _scaled(p["gradient"], p["variance"]))


def _gradient_dominates(factor: int) -> Sides:
    return lambda p: (factor * p["mu"] * p["f"], _size(p))


def _conditional(bound: str) -> Sides:
    """(36)."""
    return lambda p: (p["next f"], p["f"] - 2 * p["mu"] ** 2 / (p["L"] * p[bound]) * p["f"] ** 2)


REPLAY_LEVEL = """
from fractions import Fraction as F
e, after, L, mu, G2 = (F(str(witness[k])) for k in ("e", "next e", "L", "mu", "G2"))
c = 2 * mu**2 / (L * G2)
violated = not ({test})
"""


def level_in_floats(point: Point) -> Point:
    """The level's expectations once more, over the paths of the library's rule."""
    problem = PROBLEMS[point["problem"]]
    found = dict(point) | {"G2": float(point["G2"])}
    for key, t in (("e", point["t"]), ("next e", point["t"] + 1)):
        weights, points = library_paths(point["problem"], t)
        found[key] = float(weights @ np.array([float(problem.value(tuple(row))) for row in points]))
    return found


def _on_levels(sides: Sides, test: str, *proof: step.Step) -> ForAll:
    """A relation between expectations at every level of every enumeration."""

    def prove(budget: Budget) -> list[Evidence]:
        gaps = [right - left for left, right in map(sides, _levels(budget))]
        return [
            *step.decided(proof, budget),
            Exact("enumeration", {"slack >= 0 on every level": min(gaps) >= 0}, step.spread_of(gaps)),
        ]

    return ForAll(
        points=_levels,
        sides=sides,
        relation="<=",
        again=lambda point: sides(level_in_floats(point)),
        replay=REPLAY_LEVEL.replace("{test}", test),
        proof=prove,
    )


def _levels(budget: Budget) -> Iterable[Point]:
    return [point for point in expectations(budget) if point["e"] > 0]


def rate_constant(point: Point) -> Any:
    """c = 2 mu^2 / (L G^2)."""
    return 2 * point["mu"] ** 2 / (point["L"] * point["G2"])


def _falls(scale: Any) -> ForAll:
    """(37), (38): e_{t+1} <= e_t (1 - scale c e_t)."""
    return _on_levels(
        lambda p: (p["next e"], p["e"] * (1 - scale * rate_constant(p) * p["e"])),
        f"after <= e * (1 - {scale} * c * e)",
        step.SQUARE_OF_MEAN,
        step.CAUCHY,
        step.DOMINATION,
        step.decrease(scale),
    )


def _inverses(scale: Any) -> ForAll:
    """(39), without division: 1/e_{t+1} >= 1/e_t + scale c."""
    return _on_levels(
        lambda p: (p["next e"] * (1 + scale * rate_constant(p) * p["e"]), p["e"]),
        f"after * (1 + {scale} * c * e) <= e",
        step.inverse_grows(scale),
    )


def _range(high: Callable[[Point], Any]) -> ForAll:
    return _on_levels(lambda p: (rate_constant(p) * p["e"], high(p)), "c * e <= mu / L")


CLAIMS = [
    Claim(
        id="dissecting-adam/theorem-1-proof-chain",
        location="B.4, (31)-(39)",
        statement=r"Every inequality of the proof: descent with $\mathbf E[g_{t,i}]$ (31), (33), Jensen and "
        r"$\mathbf E\|g_t\|^2\le G^2$ (34), $\|\nabla f\|^2\ge2\mu(f-f_*)$ (35), total expectation (36), (37), "
        r"$e_{t+1}\le e_t(1-ce_t)$ (38), $e_{t+1}^{-1}\ge e_t^{-1}+c$ (39).",
        assumptions=(
            r"$f$ $\mu$-strongly convex and $L$-smooth, $\alpha=1/L$",
            r"$\gamma_{t,i}=0$ where $\nabla f_{t,i}=0$",
        ),
        parts=(
            Part(
                "(31): descent",
                for_all,
                printed=_everywhere(
                    _descent("mean gradient"),
                    "after <= f - sum(s*a*o for s, a, o in zip(c, g, average)) / L"
                    " + sum(s*s*(a*a + v) for s, a, v in zip(c, g, var)) / (2 * L)",
                ),
                repair=_everywhere(_descent("gradient"), "True", step.SECOND_MOMENT),
                broken=_everywhere(
                    lambda p: (p["next f"], p["f"] - _scaled(p["gradient"], p["variance"]) / p["L"]), "False"
                ),
                repair_note=r"$\mathbf E_t[g_{t,i}]$",
                note="The second line takes the unconditional mean of g where theta_t is given; on paths whose "
                "gradient is larger than average the bound then fails. With the conditional mean it holds at every "
                "node, with equality where f is a quadratic of curvature L.",
            ),
            Part(
                "(33): after inserting the factors",
                for_all,
                printed=_everywhere(_halved(F(1, 2)), "True", step.SIMPLIFY),
                broken=_everywhere(_halved(F(1)), "after <= f - scaled / L"),
            ),
            Part(
                "(34): Jensen",
                for_all,
                printed=_everywhere(_jensen(2), "True", step.CAUCHY),
                broken=_everywhere(lambda p: (2 * _size(p) ** 2, _jensen(2)(p)[1]), "2 * size**2 <= scaled * second"),
                note="Coordinates with a zero gradient drop out of the left side and only enlarge the divisor, so the "
                "division by their squares in the display does no harm.",
            ),
            Part(
                "(34): second moment replaced by G^2",
                for_all,
                printed=_everywhere(_bounded("G2"), "size**2 * second <= size**2 * G2"),
                repair=_everywhere(_bounded("G2 almost surely"), "True"),
                broken=_everywhere(
                    lambda p: (_size(p) ** 2 * _second(p), _size(p) ** 2 * p["G2"] / 2),
                    "size**2 * second <= size**2 * G2 / 2",
                ),
                repair_note=r"$\mathbf E_t\|g_t\|^2\le G^2$ almost surely along the iterates",
                note="The divisor is the conditional second moment; the assumption bounds the unconditional one. On "
                "paths with a large gradient the step fails. In expectation it is saved by Cauchy-Schwarz, see (37).",
            ),
            Part(
                "(35): strong convexity",
                for_all,
                printed=_everywhere(_gradient_dominates(2), "True", step.DOMINATION),
                broken=_everywhere(_gradient_dominates(4), "4 * mu * f <= size"),
            ),
            Part(
                "(35), (36) under the almost sure bound",
                for_all,
                printed=_everywhere(_conditional("G2 almost surely"), "True", step.CAUCHY, step.DOMINATION),
                broken=_everywhere(
                    lambda p: (p["next f"], p["f"] - 2 * (p["f"] / p["mu"]) * p["L"] ** 2 / p["G2"] * p["f"]), "False"
                ),
            ),
            Part(
                "(37), (38): total expectation",
                for_all,
                # E[X^2 / S] >= E[X]^2 / E[S] with X = |grad|^2, S = E_t|g|^2: step.CAUCHY again, over paths.
                printed=_falls(1),
                broken=_falls(F(5, 4)),
                note="Holds with the unconditional G^2 too: E[X^2/S] >= E[X]^2 / E[S] replaces the pathwise (34)-(36).",
            ),
            Part(
                "(39): inverses",
                for_all,
                printed=_inverses(1),
                broken=_inverses(F(5, 4)),
                note="Needs 0 <= c e_t < 1. Since G^2 >= E|grad f|^2 >= 2 mu e_t, c e_t <= mu / L <= 1 always, and "
                "c e_t = 1 only without noise at mu = L, where e_{t+1} = 0.",
            ),
            Part(
                "(31), (33)-(35) along simulated Gaussian paths",
                along_paths,
                printed={"(31)": 1.0, "(33)": 1.0, "(34)": 1.0, "(35)": 1.0},
                broken={"(31)": 1.0, "(33)": 2.0, "(34)": 1.0, "(35)": 1.0},
                bears=False,
                note="With the exact conditional expectation at every point; relative slacks.",
            ),
            Part(
                "range of c e_t",
                for_all,
                printed=_range(lambda p: p["mu"] / p["L"]),
                broken=_range(lambda p: p["mu"] / p["L"] / 4),
                bears=False,
                note="0 <= c e_t <= mu / L.",
            ),
        ),
    ),
]

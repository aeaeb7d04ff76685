"""Section 3.1: the areas of figure 1, and how the second moments of momenta and of gradients compare."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

import sympy as sp

from ..checks.bounds import Inequality, inequality, sufficient
from ..checks.search import ForAll, for_all
from ..checks.symbolic import Identity, symbolic_identity
from ..claim import Budget, Claim, Evidence, Exact, Part
from ..search import Never, Problem, never_violated
from .closed_loop import CLOSED_LOOP
from .transcription import momenta, second_moments

MODULE = __name__
SMALL = Fraction(1, 100)
NEAR_ONE = Fraction(99, 100)
B1, B2, S, G, M, P, Q, R, V, U = sp.symbols("beta1 beta2 s g m p q r v u")
X, Y = sp.symbols("x y")
INSIDE = {B1: X / (1 + X), B2: Y / (1 + Y)}


def both(grads: Sequence[Any], b1: Any, b2: Any) -> tuple[list[Any], list[Any], list[Any]]:
    """``m``, ``v`` of AdaMomentum, ``v`` of Adam, uncorrected."""
    m = momenta(grads, [b1] * len(grads))
    return m, second_moments(m, b2), second_moments(grads, b2)


def on_gradients(steps: int, sides: Callable[..., Any], low: Any = -1, root: bool = False) -> Problem:
    names = ["beta1", "s" if root else "beta2", *[f"g{t}" for t in range(1, steps + 1)]]
    top = Fraction(999, 1000)
    return Problem(names, [SMALL, SMALL, *[low] * steps], [NEAR_ONE, top, *[1] * steps], sides)


# --- A and B ---


def rising(steps: int, factor: Fraction = Fraction(1)) -> Problem:
    """``v^M`` against ``factor v^A`` for gradients of one sign that do not fall (increments are the variables)."""

    def sides(values: Sequence[Any], functions: Any) -> tuple[Any, ...]:
        del functions
        grads = [values[2]]
        for x in values[3:]:
            grads.append(grads[-1] + x)
        _, ours, adam = both(grads, values[0], values[1])
        return ours[-1], adam[-1] * factor.numerator / factor.denominator

    return on_gradients(steps, sides, 0)


def _rising_proof(factor: Fraction, budget: Budget) -> list[Evidence]:
    stated = sp.Rational(str(factor))
    return sufficient(
        {
            "0 <= m_{t-1} <= g_{t-1} <= g_t gives m_t <= g_t": Inequality(
                B1 * P + (1 - B1) * (P + Q + R), "<=", P + Q + R, INSIDE
            ),
            "so v^M <= factor v^A, step by step": Inequality(
                B2 * stated * V + (1 - B2) * M**2, "<=", stated * (B2 * (V + U) + (1 - B2) * (M + Q) ** 2), INSIDE
            ),
        },
        budget,
    )


def _rising(sizes: Sequence[int], factor: Fraction = Fraction(1)) -> Never:
    """``v^M <= factor v^A`` along gradients of one sign that do not fall, and what proves it."""
    return Never(MODULE, [f"rising({t}, Fraction('{factor}'))" for t in sizes], partial(_rising_proof, factor))


def _jump(ratio: Callable[[Any], Any]) -> dict[str, Identity]:
    """Plateau of zeros, then one gradient: v^M / v^A right after the jump."""
    _, ours, adam = both([sp.Integer(0), sp.Integer(0), G], B1, B2)
    return {"at the jump": Identity(ours[-1] / adam[-1], ratio(B1))}


def _adam_falls(factor: Any) -> dict[str, Inequality]:
    """Gradients that do not fall, from zero: v^A_t >= v^A_{t-1}, because v_{t-1} <= g_{t-1}^2 <= g_t^2."""
    return {
        "v <= g^2 is kept": Inequality(B2 * V + (1 - B2) * (V + U), "<=", V + U, INSIDE),
        "v rises": Inequality(factor * V, "<=", B2 * V + (1 - B2) * (V + U), INSIDE),
    }


def _approach(error: Callable[[Any, Any], Any]) -> dict[str, Identity]:
    """Constant gradient g from any m_0 = p: g - m_n, for n = 1 and from n to n + 1."""
    n = sp.Symbol("n", positive=True)
    return {
        "n = 1": Identity(G - (B1 * P + (1 - B1) * G), error(B1, 1) * (G - P)),
        "from n to n + 1": Identity(B1 * error(B1, n), error(B1, n + 1)),
    }


def _growing(limit: Any) -> dict[str, Identity]:
    """Gradients that grow by the factor r: the fixed point of m_t / g_t."""
    return {"fixed point": Identity(B1 / R * limit + (1 - B1), limit)}


def _after_jump(plateaus: tuple[str, ...]) -> ForAll:
    """``v^A`` against ``9/4 v^M`` up to ten iterations after a jump to 1 from a settled plateau."""

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        del budget
        return ({"plateau": p, "iterations": n} for p in plateaus for n in (1, 3, 10))

    def sides(point: Mapping[str, Any], kind: Callable[[Any], Any]) -> tuple[Any, Any]:
        b1, b2, p = kind(Fraction(9, 10)), kind(Fraction(999, 1000)), kind(Fraction(point["plateau"]))
        m, ours, adam = p, p * p, p * p
        for _ in range(point["iterations"]):
            m = b1 * m + (1 - b1)
            ours, adam = b2 * ours + (1 - b2) * m * m, b2 * adam + (1 - b2)
        return adam, kind(Fraction(9, 4)) * ours

    return ForAll(
        points=points,
        sides=lambda p: sides(p, Fraction),
        relation=">=",
        again=lambda p: sides(p, float),
        replay="""
from fractions import Fraction as F
m = F(witness["plateau"])
ours = adam = m * m
for _ in range(witness["iterations"]):
    m = F(9, 10) * m + F(1, 10)
    ours, adam = (F(999, 1000) * v + F(1, 1000) * x for v, x in ((ours, m * m), (adam, 1)))
violated = adam < F(9, 4) * ours
""",
        exhaustive=True,
    )


AREAS_A_B = Claim(
    id="adamomentum/areas-a-b",
    location="section 3.1",
    statement=r"Where gradients rise (A), Adam's $\alpha/\sqrt{v_t}$ becomes small and AdaMomentum's stays larger, so "
    r"it is "
    r"faster; on the slope (B) $|m_t|$ becomes as large as $|g_t|$. Precise version: for gradients of one sign that do "
    r"not "
    r"fall, Adam's coefficient falls and AdaMomentum's is at least as large; for a constant gradient $m_t\to g$.",
    assumptions=("both methods see the same gradients from $m_0=v_0=0$",),
    figures=("adamomentum/figure-1",),
    parts=(
        Part(
            "AdaMomentum's coefficient is the larger one",
            never_violated,
            printed=_rising((2, 4)),
            broken=_rising((2, 3), Fraction(1, 2)),
            note=r"$0\le m_t\le g_t$, hence $v^M_t\le v^A_t$; both move along the same $m_t$, so AdaMomentum's move is "
            r"the "
            "longer one, in any such stretch.",
        ),
        Part(
            "Adam's coefficient falls",
            inequality,
            printed=_adam_falls(1),
            broken=_adam_falls(2),
            note=r"How far depends on the jump $J$ over a settled plateau: by $(1+(1-\beta_2)(J^2-1))^{-1/2}$, that is "
            r"0.95 "
            r"for $J=10$ and 0.30 for $J=100$ at $\beta_2=0.999$.",
        ),
        Part(
            "the momentum catches up",
            symbolic_identity,
            printed=_approach(lambda b, n: b**n),
            broken=_approach(lambda b, n: b ** (n + 1)),
            note=r"$|g-m_n|=\beta_1^n|g-m_0|$: 22 iterations to 10% at $\beta_1=0.9$.",
        ),
        Part(
            "ratio right after the jump",
            symbolic_identity,
            printed=_jump(lambda b: (1 - b) ** 2),
            broken=_jump(lambda b: 1 - b),
            bears=False,
            note=r"AdaMomentum's coefficient is $1/(1-\beta_1)$ times Adam's then, 10 at the default, and less with "
            r"every "
            "further step.",
        ),
        Part(
            "half as large again for ten iterations, whatever the age of v (defaults)",
            for_all,
            printed=_after_jump(("0", "1/100", "1/10")),
            broken=_after_jump(("1/2",)),
            repair=_after_jump(("0", "1/100")),
            repair_note="after a plateau below a hundredth of the slope, or with a fresh v",
            bears=False,
            note="An old v hides the jump from both methods: after a jump by 10 neither coefficient changes much.",
        ),
        Part(
            "gradients that keep growing",
            symbolic_identity,
            printed=_growing((1 - B1) * R / (R - B1)),
            broken=_growing(sp.Integer(1)),
            bears=False,
            note=r"Growing by the factor $r>1$ per iteration, $m_t/g_t\to(1-\beta_1)r/(r-\beta_1)<1$: then $|m_t|$ "
            r"never "
            "becomes as large.",
        ),
    ),
)

# --- C: Adam's step ---


def falling(steps: int, repaired: bool = False, debias: bool = False) -> Problem:
    """``v_T`` against ``v_{T-1}`` where ``|g_T| < |g_{T-1}|``; ``repaired``: where ``g_T^2 <= v_{T-1}``."""

    def sides(values: Sequence[Any], functions: Any) -> tuple[Any, ...]:
        del functions
        b2, grads = values[1], values[2:]
        v = second_moments(grads, b2)
        old, new = v[-2], v[-1]
        if debias:
            old, new = old / (1 - b2 ** (steps - 1)), new / (1 - b2**steps)
        if repaired:
            return new, old, old - grads[-1] ** 2
        return new, old, 100 * (abs(grads[-2]) - abs(grads[-1])) - 1

    return on_gradients(steps, sides)


def _falling_proof(budget: Budget) -> list[Evidence]:
    n, b = sp.symbols("n b")  # n is b^{t-1}
    return [
        *inequality(
            {"g^2 <= v: b v + (1 - b) g^2 <= v": Inequality(B2 * (V + G) + (1 - B2) * V, "<=", V + G, INSIDE)}, budget
        ),
        *symbolic_identity(
            {
                "the change is (1 - b)(g^2 - v), so the condition is necessary too": Identity(
                    B2 * V + (1 - B2) * G**2 - V, (1 - B2) * (G**2 - V)
                ),
                "corrected average: the same with weight (1 - b)/(1 - b^t)": Identity(
                    (b * (1 - n) * V + (1 - b) * G**2) / (1 - b * n) - V, (1 - b) / (1 - b * n) * (G**2 - V)
                ),
            },
            budget,
        ),
    ]


@dataclass(frozen=True)
class Doubling:
    """Iterations with zero gradients until Adam's coefficient has doubled, at beta2 = 999/1000."""

    iterations: int


def _doubling(statement: Doubling, budget: Budget) -> list[Evidence]:
    del budget
    b, n = Fraction(999, 1000), statement.iterations
    return [
        Exact(
            "rational",
            {
                "beta2^n <= 1/4: doubled": b**n <= Fraction(1, 4),
                "beta2^(n-1) > 1/4: not before": b ** (n - 1) > Fraction(1, 4),
            },
        )
    ]


AREA_C_ADAM = Claim(
    id="adamomentum/area-c-adam-step",
    location="section 3.1",
    statement=r"As soon as $|g_t|$ falls, Adam's $\alpha/\sqrt{v_t}$ increases.",
    figures=("adamomentum/figure-1",),
    parts=(
        Part(
            "without bias correction",
            never_violated,
            printed=Never(MODULE, ["falling(2)", "falling(3)"]),
            broken=Never(MODULE, ["falling(4)"]),
            repair=Never(MODULE, ["falling(2, True)", "falling(3, True)"], _falling_proof),
            repair_note=r"it increases if and only if $g_t^2<v_{t-1}$ (corrected: $\hat v_{t-1}$)",
            note=r"$v$ lags: while $g_t^2$ is above the average of the past, Adam's coefficient goes on falling.",
        ),
        Part(
            "with bias correction",
            never_violated,
            printed=Never(MODULE, ["falling(2, False, True)", "falling(3, False, True)"]),
            broken=Never(MODULE, ["falling(4)"]),
            repair=Never(MODULE, ["falling(2, True, True)", "falling(3, True, True)"], _falling_proof),
            repair_note=r"it increases if and only if $g_t^2<\hat v_{t-1}$",
            note=r"True at $t=2$, false from $t=3$ on.",
        ),
        Part(
            "how immediate: iterations to double",
            _doubling,
            printed=Doubling(1386),
            broken=Doubling(100),
            bears=False,
            note=r"$v_{t+n}\ge\beta_2^nv_t$, so the coefficient grows by at most $\beta_2^{-n/2}$ in $n$ iterations: "
            r"doubling "
            r"takes 1386 at $\beta_2=0.999$, reached with zero gradients. With bias correction the factor is "
            r"$\sqrt{(1-\beta_2^{t+n})/(\beta_2^n(1-\beta_2^t))}$: up to $\sqrt2$ in one iteration at $t=1$, little "
            r"later.",
        ),
    ),
)

# --- figure 1 ---


def _curves(budget: Budget) -> Iterator[dict[str, Any]]:
    """Rational gradients along walks over three curves from a plateau to the minimum and to rest there."""
    walks = {"-1/(1+x^2)": lambda x: 2 * x / (1 + x * x) ** 2, "x^2/(1+x^2), bumps": _bumpy, "kinked slope": _kinked}
    for name, slope in walks.items():
        for b2 in (Fraction(9, 10), Fraction(99, 100)):
            for per_unit in budget.pick((5, 20), (5, 20, 60)):
                grads = [slope(Fraction(k, per_unit)) for k in range(-4 * per_unit, 1)]
                yield {"curve": name, "per unit": per_unit, "beta1": Fraction(9, 10), "beta2": b2, "gradients": grads}


def _bumpy(x: Fraction) -> Fraction:
    return 2 * x / (1 + x * x) ** 2 + (Fraction(1, 10) if -1 < x < 0 and (10 * x) % 2 < 1 else Fraction(0))


def _kinked(x: Fraction) -> Fraction:
    return -Fraction(1, 20) if x < -2 else Fraction(-1) if x < Fraction(-1, 2) else 2 * x


def _at_rest(relation: str, factor: Callable[[Any, float], Any] | None = None) -> ForAll:
    """``v^A`` against ``v^M`` when the minimum is reached; ``factor`` of beta1 and gamma multiplies ``v^A``."""

    def values(point: Mapping[str, Any], kind: Callable[[Any], Any]) -> tuple[Any, Any]:
        b1, b2 = kind(point["beta1"]), kind(point["beta2"])
        _, ours, adam = both([kind(g) for g in point["gradients"]], b1, b2)
        scale = 1 if factor is None else kind(factor(point["beta1"], float(point["beta2"]) ** 0.5))
        return scale * adam[-1], ours[-1]

    return ForAll(
        points=_curves,
        sides=lambda p: values(p, Fraction),
        relation=relation,  # type: ignore[arg-type]
        again=lambda p: values(p, float),
        replay=f"""
from fractions import Fraction as F
b1, b2, m, ours, adam = F(witness["beta1"]), F(witness["beta2"]), 0, 0, 0
for g in map(F, witness["gradients"]):
    m = b1 * m + (1 - b1) * g
    ours, adam = b2 * ours + (1 - b2) * m * m, b2 * adam + (1 - b2) * g * g
violated = not adam {relation} ours
""",
    )


FIGURE_1 = Claim(
    id="adamomentum/figure-1-loss-curve-areas",
    location="figure 1, section 3.1",
    statement=r"On a curve from a plateau over a slope into a basin AdaMomentum keeps $\alpha/\sqrt{v_t}$ smaller than "
    r"Adam "
    "near convergence (and larger before).",
    assumptions=("the figure gives no formula: every curve of this shape; prescribed gradients, no damping",),
    figures=("adamomentum/figure-1",),
    parts=(
        Part(
            "smaller coefficient at the minimum",
            for_all,
            printed=_at_rest("<="),
            broken=_at_rest("<=", lambda b, s: Fraction(3, 2)),
            sound=_at_rest(">", lambda b, s: Fraction(((1 - float(b)) / (1 - min(float(b) / s, 0.999))) ** 2 * 1.01)),
            note=r"With $m_t^2$ in place of $g_t^2$ as the only change, on walks over three curves (with bumps and "
            r"kinks too, 5 to 60 gradients per unit), Adam's $v$ is the larger one when the minimum is reached, so "
            r"that AdaMomentum's coefficient is the larger one throughout. The part about the plateau and the slope is "
            r"right (areas A, B). The damping term has the opposite effect very near the minimum: where "
            r"$\hat v'_t<\epsilon/(1-\beta_2)$ AdaMomentum's coefficient stays below "
            r"$\alpha\sqrt{(1-\beta_2)/\epsilon}$ (316 $\alpha$ at $\epsilon=10^{-8}$) and Adam's goes on growing; "
            r"see the entries on damping.",
        ),
        CLOSED_LOOP,
    ),
)
CLAIMS = [FIGURE_1, AREAS_A_B, AREA_C_ADAM]

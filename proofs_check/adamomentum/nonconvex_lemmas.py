"""C.2: theorem 5 and its lemmas, on exact runs and symbolically."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy as sp

from analysis.nonconvex import theorem_constants

from ..checks.bounds import Inequality, inequality
from ..checks.search import ForAll, for_all
from ..checks.symbolic import Identity, symbolic_identity
from ..claim import Budget, Claim, Evidence, Part, Witness
from .nonconvex_derivation import EXTRAPOLATED, L, Lemmas, collected, derived, lemmas, stated, three_squares
from .nonconvex_runs import Terms, expected, instances

# Lemma 5


def _z_steps(sign: int = -1) -> Mapping[str, Identity]:
    """``z_{t+1} - z_t`` from the recursions against the stated form; at t = 1 from theta_0 = theta_1."""
    w, v, m, g, b1, b2, theta = sp.symbols("w v m g beta beta_next theta", positive=True)
    c, d = b1 / (1 - b1), b2 / (1 - b2)
    new = b1 * m + (1 - b1) * g

    def step(m_before: Any, w_before: Any) -> Any:
        now = b1 * m_before + (1 - b1) * g
        after = theta - w * now
        return after + d * (after - theta) - (theta + c * (-w_before * m_before))

    general = sign * ((d - c) * w * new + c * (w - v) * m + w * g)
    first = sign * ((d - c) * w * (1 - b1) * g + w * g)
    over = {b1: ("1/2", "1/3"), b2: ("1/5", "1/7")}
    return {
        "t > 1": Identity(step(m, v), general, over),
        "t = 1, without the middle term": Identity(step(sp.Integer(0), sp.Integer(0)), first, over),
    }


# Lemmas 6-11, inequality (20), on exact runs

Bound = Callable[[Terms, Any, Any, Any, Any], tuple[Any, Any]]  # terms, H, L, b, c_{t+1} -> left, right

RUN_REPLAY = """
from fractions import Fraction
from proofs_check.adamomentum.nonconvex_lemmas import BOUNDS, compared
left, right = compared(BOUNDS[witness["bound"]], witness, witness["gradient bound"], Fraction)
violated = left > right
"""


@dataclass(frozen=True)
class Bounded:
    """A named entry of ``BOUNDS``, with H the largest gradient at the iterates, or at the points z_t too."""

    bound: str
    gradient_bound: str = "everywhere"


def _number(kind: Any) -> Callable[[Any], Any]:
    return lambda v: kind(Fraction(str(v)))


def compared(bound: Bound, point: Any, gradient_bound: str, kind: Any) -> tuple[Any, Any]:
    """Both sides at an instance, in numbers of one kind."""
    number = _number(kind)
    terms = expected(point, number)
    c = [number(v) / (1 - number(v)) for v in point["decays"]]
    h = terms.iterates if gradient_bound == "iterates" else terms.everywhere
    return bound(terms, h, number(point["curvature"]), c[0], c[len(point["steps"])])


def _half(value: Any) -> Any:
    return value / 2


def _t2(first: Callable[[Any], Any], second: Callable[[Any], Any]) -> Bound:
    def bound(s: Terms, h: Any, lip: Any, b: Any, last: Any) -> tuple[Any, Any]:
        del last
        right = (Fraction(1, 2) + lip**2 * first(b)) * s.wg2 + lip**2 * h**2 * second(b) * s.delta2
        return s.t[1], right + 2 * h**2 * (s.delta1 + s.w1) - s.left

    return bound


def _twenty(repaired: bool, share: Any = 1) -> Bound:
    """(20) with the printed or the repaired constants."""

    def bound(s: Terms, h: Any, lip: Any, b: Any, last: Any) -> tuple[Any, Any]:
        del last
        c = theorem_constants(lip, b, h, s.wm, s.w1, s.drop, repaired=repaired)
        return s.left, share * (c.c1 * s.wg2 + c.c2 * s.delta1 + c.c3 * s.delta2 + c.c4)

    return bound


BOUNDS: dict[str, Bound] = {
    "lemma 6": lambda s, h, lip, b, last: (s.gain, sum(s.t)),
    "lemma 6, f(z_{t+1}) - f(z_t)": lambda s, h, lip, b, last: (s.last_gain, sum(s.t)),
    "lemma 6, factor 1/2": lambda s, h, lip, b, last: (s.gain, sum(s.t[:3]) + sum(s.t[3:]) / 3),
    "lemma 7": lambda s, h, lip, b, last: (s.t[0], h**2 * b * s.delta1),
    "lemma 7, half": lambda s, h, lip, b, last: (s.t[0], h**2 * b * s.delta1 / 4),
    "lemma 8": lambda s, h, lip, b, last: (s.t[2], (b - last) * (h**2 + s.wm**2)),
    "lemma 8, half": lambda s, h, lip, b, last: (s.t[2], (b - last) * (h**2 + s.wm**2) / 2),
    "lemma 8, eighth": lambda s, h, lip, b, last: (s.t[2], (b - last) * (h**2 + s.wm**2) / 8),
    "lemma 9": lambda s, h, lip, b, last: (s.t[3], Fraction(3, 2) * lip * (b - last) ** 2 * s.wm**2),
    "lemma 9, half": lambda s, h, lip, b, last: (s.t[3], Fraction(3, 4) * lip * (b - last) ** 2 * s.wm**2),
    "lemma 10": lambda s, h, lip, b, last: (s.t[4], Fraction(3, 2) * lip * b**2 * h**2 * s.delta2),
    "lemma 10, quarter": lambda s, h, lip, b, last: (s.t[4], Fraction(3, 8) * lip * b**2 * h**2 * s.delta2 / 4),
    "lemma 11, b^2 and b^4": _t2(lambda b: b**2, lambda b: b**4),
    "lemma 11, b^2 a^2 and a^2 b^4": _t2(lambda b: b**2 * (1 + b) ** 2, lambda b: (1 + b) ** 2 * b**4),
    "lemma 11, nothing": lambda s, h, lip, b, last: (s.t[1], -s.left),
    "(20) as printed": _twenty(False),
    "(20) with 3/2 L": _twenty(True),
    "(20), a hundredth": _twenty(False, Fraction(1, 100)),
}


def on_runs(statement: Bounded | tuple[Bounded, ...], budget: Budget) -> list[Evidence]:
    """Search exact runs for a violation of each bound."""
    evidence: list[Evidence] = []
    for item in statement if isinstance(statement, tuple) else (statement,):
        bound = BOUNDS[item.bound]

        def points(budget: Budget, item: Bounded = item) -> Iterator[dict[str, Any]]:
            for point in instances(budget.pick(60, 3000)):
                yield point | {"bound": item.bound, "gradient bound": item.gradient_bound}

        found = for_all(
            ForAll(
                points,
                lambda p, f=bound, i=item: compared(f, p, i.gradient_bound, Fraction),  # type: ignore[misc]
                "<=",
                lambda p, f=bound, i=item: compared(f, p, i.gradient_bound, float),  # type: ignore[misc]
                RUN_REPLAY,
            ),
            budget,
        )
        if isinstance(found[0], Witness):
            return found
        evidence += found
    return evidence


def _weights(statement: Any, budget: Budget) -> list[Evidence]:
    """Rows and columns of ``m_i = sum_k P_ik g_k`` sum to at most ``statement`` = 1, for falling decays, any length.

    Column k: ``(1 - b_k) (1 + b_{k+1} + b_{k+1} b_{k+2} + ...)``, each product at most a power of b_k.
    """
    b, new, row, total, power, x, y = sp.symbols("b b_new R S p x y", positive=True)
    below = {b: x / (1 + x)}
    products = {power: sp.Symbol("P") * (1 + y), new: sp.Symbol("c"), b: sp.Symbol("c") * (1 + x)}
    return [
        *symbolic_identity(
            {
                "rows: 1 - R_{i+1} = b (1 - R_i)": Identity(1 - (b * row + 1 - b), b * (1 - row)),
                "columns: (1 - b) S = 1 - p goes on to 1 - b p": Identity(
                    ((1 - b) * (total + power)).subs(total, (1 - power) / (1 - b)), 1 - b * power, {b: ("1/2",)}
                ),
            },
            budget,
        ),
        *inequality(
            {
                "columns: a product of later decays is at most a power": Inequality(
                    sp.Symbol("P") * new, "<=", power * b, products
                ),
                "columns: 1 - p below the bound": Inequality(1 - b, "<=", statement, below),
            },
            budget,
        ),
    ]


LEMMAS = ("lemma 8", "lemma 9", "lemma 10", "lemma 11, b^2 a^2 and a^2 b^4")


CLAIMS = [
    Claim(
        id="adamomentum/theorem-5-inequality-20",
        location="theorem 5, (20)",
        statement=r"$E\sum\langle\nabla f,w_t\nabla f\rangle\le E[C_1\sum\|w_tg_t\|^2+C_2\sum\|\delta_t\|_1+C_3\sum"
        r"\|\delta_t\|^2]+C_4$ for constants free of $T$.",
        assumptions=(r"unbiased $g_t$; sums of $\delta_t$ from $t=2$, since $w_0=\alpha_0/\sqrt{v_0}$ does not exist",),
        figures=("adamomentum/nonconvex-bound-slack",),
        parts=(
            Part(
                "derived, with 3/2 L and with H + LbG for the one H that stands for it",
                derived,
                printed=stated(True, EXTRAPOLATED),
                broken=stated(True, EXTRAPOLATED)._replace(c1=L),
                note=r"Every dimension, T and noise, $\|\nabla f\|,\|g\|\le H$ at the iterates only, falling decays: "
                r"$w_im_i$ is an average of the $w_kg_k$ plus a sum of the $\delta_km_{k-1}$, and "
                r"$\|\nabla f(z_i)\|\le H+LbG$. Whether the printed constants follow is judged in theorem-5-constants.",
            ),
            Part(
                "exact runs, printed constants, H at the z_t too",
                on_runs,
                printed=Bounded("(20) as printed"),
                broken=Bounded("(20), a hundredth"),
                bears=False,
                note="No run violates them, though they do not follow from the lemmas.",
            ),
            Part(
                "exact runs, constants with 3/2 L",
                on_runs,
                printed=Bounded("(20) with 3/2 L"),
                broken=Bounded("(20), a hundredth"),
                bears=False,
            ),
        ),
    ),
    Claim(
        id="adamomentum/theorem-5-constants",
        location="C.2.5",
        statement=r"$C_1=\frac32L+\frac12+L^2ba^2$, $C_2=H^2b+2H^2$, $C_3=(1+L^2a^2b)H^2b^2$, "
        r"$C_4=b(H^2+G^2)+b^2G^2+2H^2E\|w_1\|_1+E[f(z_1)-f(z^*)]$ collect lemmas 6-11. Judged: each is at least the "
        "sum of what the lemmas, in their sharpest form here, contribute.",
        figures=("adamomentum/nonconvex-bound-slack",),
        parts=(
            Part(
                "C_1 to C_4 for all L and beta_1",
                inequality,
                printed=collected(stated(False)),
                broken=collected(stated(False)._replace(c1=L)),
                repair=collected(stated(True)),
                repair_note=r"$C_3=(\frac32L+L^2a^2b)H^2b^2$ and $\frac32Lb^2G^2$ in $C_4$",
                note=r"The factor $\frac32L$ of $T_4$ and $T_5$ is lost. Even with half of lemma 8's bound $C_4$ "
                r"follows, for all $G,H$, only where $b(3L-2)\le1$; $C_3$ for all $L$ only where $a^2b-b^2\ge9/16$. "
                r"$C_1$ may be $\frac32L+\frac12+L^2b^2$, $C_2$ is exact. $H$ bounds the gradients at the $z_i$ too.",
            ),
            Part(
                "sum of squared momenta at most that of gradients (falling decays)",
                _weights,
                printed=1,
                broken=sp.Rational(1, 2),
                bears=False,
                note=r"$m_i=\sum_kP_{ik}g_k$ with row and column sums at most 1; so the factor $a^2$ in $C_1$ is not "
                "needed.",
            ),
        ),
    ),
    Claim(
        id="adamomentum/lemma-5-z-sequence",
        location="lemma 5",
        statement=r"$z_t=\theta_t+c_t(\theta_t-\theta_{t-1})$: $z_{t+1}-z_t=-(c_{t+1}-c_t)w_tm_t-c_t\delta_tm_{t-1}"
        r"-w_tg_t$ for $t>1$; at $t=1$ without the middle term.",
        parts=(
            Part(
                "both displays",
                symbolic_identity,
                printed=_z_steps(),
                broken=_z_steps(1),
                note=r"For any $w_t$, so also for the bias-corrected step. $z_1$ needs $\theta_0=\theta_1$; "
                r"$\beta_{1,t}<1$ is needed at every $t$.",
            ),
        ),
    ),
    Claim(
        id="adamomentum/lemma-6-decomposition",
        location="lemma 6",
        statement=r"$E[f(z_{t+1})-f(z_1)]\le\sum_{i\le6}T_i$: smoothness, and $\frac32L$ for three squares.",
        main_reading="f(z_1)",
        reading_reason="The sums run over all steps and C.2.5 starts from it; the display's f(z_t) is a slip.",
        parts=(
            Part(
                "square of a sum of three",
                three_squares,
                printed=3,
                broken=2,
                reading="f(z_1)",
                note=r"$3\sum x_i^2-(\sum x_i)^2=\sum_{i<j}(x_i-x_j)^2$; with smoothness this is the lemma.",
            ),
            Part(
                "exact runs",
                on_runs,
                printed=Bounded("lemma 6"),
                broken=Bounded("lemma 6, factor 1/2"),
                bears=False,
            ),
            Part(
                "exact runs, last step alone on the left",
                on_runs,
                printed=Bounded("lemma 6, f(z_{t+1}) - f(z_t)"),
                broken=Bounded("lemma 6, factor 1/2"),
                repair=Bounded("lemma 6"),
                repair_note=r"$f(z_1)$ for $f(z_t)$",
                reading="f(z_t)",
            ),
        ),
    ),
    Claim(
        id="adamomentum/lemmas-7-to-11",
        location="lemmas 7-11",
        statement=r"$T_1\le H^2bE\sum_{i\ge2}\|\delta_i\|_1$, $T_3\le(b-c_{t+1})(H^2+G^2)$, "
        r"$T_4\le\frac32L(b-c_{t+1})^2G^2$, $T_5\le\frac32Lb^2H^2E\sum\|\delta_i\|^2$, and $T_2$.",
        parts=(
            Part(
                "lemma 7, H bounding the gradients at the iterates (assumption 4)",
                on_runs,
                printed=Bounded("lemma 7", "iterates"),
                broken=Bounded("lemma 7, half"),
                repair=Bounded("lemma 7"),
                repair_note=r"$H$ also bounds $\|\nabla f(z_i)\|$; else $H(H+LbG)$ for $H^2$",
                note=r"The step bounds $\nabla f(z_i)$ by $H$, but assumption 4 speaks of $\theta_t$, and $z_t$ "
                r"extrapolates by $b$ steps.",
            ),
            Part(
                "lemmas 7-11 in their sharpest form (half in 8, b^2 and b^4 in 11), any dimension, T and noise",
                lemmas,
                printed=Lemmas(),
                broken=Lemmas(eight=sp.Rational(1, 4)),
                note=r"With $H+LbG$ for the H that bounds $\|\nabla f(z_i)\|$; the same derivation as in "
                "theorem-5-inequality-20.",
            ),
            Part(
                "lemmas 8-11 on exact runs, H bounding the gradients at the z_i too",
                on_runs,
                printed=tuple(Bounded(name) for name in LEMMAS),
                broken=Bounded("lemma 11, nothing"),
                bears=False,
                note=r"Lemma 11 uses $E[g_t\mid\theta_t]=\nabla f(\theta_t)$ and $w_{i-1}$ independent of $\zeta_i$.",
            ),
            Part(
                "sharper factors: half in lemma 8, b^2 and b^4 in lemma 11",
                on_runs,
                printed=(Bounded("lemma 8, half"), Bounded("lemma 11, b^2 and b^4")),
                broken=Bounded("lemma 8, eighth"),
                bears=False,
                note=r"$HG\le\frac12(H^2+G^2)$; rows and columns of the averaging matrix sum to at most 1.",
            ),
        ),
    ),
]

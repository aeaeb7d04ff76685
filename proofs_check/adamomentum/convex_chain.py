"""Appendix C.1.1, (10)-(16): from convexity to the telescoped bound."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import partial
from typing import Any

import sympy as sp

from ..checks.bounds import Inequality, inequality, sufficient
from ..checks.symbolic import Identity, symbolic_identity
from ..claim import Budget, Claim, Evidence, Part
from ..search import Never, Problem, never_violated

MODULE = __name__
SMALL = Fraction(1, 100)
NEAR_ONE = Fraction(99, 100)
B, G, E, P, W = sp.symbols("beta g e p w")  # decay, gradient, distance, old momentum, sqrt(v) / alpha

# --- (10)-(13) ---

_M = B * P + (1 - B) * G
_A, _C = 1 / (1 - B), B / (1 - B)
_NEXT = E - _M / W
_BELOW_ONE = {B: (Fraction(1, 2), Fraction(1, 3), Fraction(9, 10))}


def _derivation(young: Mapping[str, Any]) -> dict[str, Identity]:
    """Update, squared update, the rearrangement (12), and the slack of Young's inequality as a square."""
    rearranged = _A * W / 2 * (E**2 - _NEXT**2) + _A * _M**2 / (2 * W) + young["cross"] * P * E
    bound = (
        _A * W / 2 * (E**2 - _NEXT**2) + _A * _M**2 / (2 * W) + _C * W / 2 * E**2 + young["last"] * _C * P**2 / (2 * W)
    )
    square = _C / (2 * W) * (W * E + P) ** 2
    return {
        "(11) squared": Identity(_NEXT**2, E**2 - 2 / W * (B * P + (1 - B) * G) * E + _M**2 / W**2, _BELOW_ONE),
        "(12), an identity": Identity(G * E, rearranged, _BELOW_ONE),
        "(13): the slack is a square": Identity(bound - G * E, square, _BELOW_ONE),
        "t = 1: without an old momentum (12) has no cross term": Identity(
            (G * E).subs(P, 0), (_A * W / 2 * (E**2 - _NEXT**2) + _A * _M**2 / (2 * W)).subs(P, 0), _BELOW_ONE
        ),
    }


EQUATIONS = Claim(
    id="adamomentum/equations-10-to-13",
    location="C.1.1, (10)-(13)",
    statement=r"With $e_t=\theta_t-\theta^*$, $a_t=1/(1-\beta_{1,t})$, $c_t=\beta_{1,t}a_t$: $g_te_t\le"
    r"\frac{a_t\sqrt{v_t}}{2\alpha_t}(e_t^2-e_{t+1}^2)+\frac{a_t\alpha_tm_t^2}{2\sqrt{v_t}}"
    r"+\frac{c_t\sqrt{v_t}}{2\alpha_t}e_t^2+\frac{c_t\alpha_tm_{t-1}^2}{2\sqrt{v_t}}$.",
    assumptions=(r"$v_t>0$ (at $v_t=0$ nothing moves and all gradients so far vanish)", r"$0\le\beta_{1,t}<1$"),
    parts=(
        Part(
            "squared update, rearrangement, Young",
            symbolic_identity,
            printed=_derivation({"cross": -_C, "last": 1}),
            broken=_derivation({"cross": _C, "last": 1}),
            note=r"The slack is exactly $\frac{c_t\alpha_t}{2\sqrt{v_t}}(\frac{\sqrt{v_t}}{\alpha_t}e_t+m_{t-1})^2$. "
            r"(10) is the subgradient inequality. At $t=1$ both $m_0$ terms vanish and the $c_1e_1^2$ term is only "
            "given away.",
        ),
    ),
)

# --- one denominator for all ---


def denominators(steps: int, scope: str = "term", schedule: str = "arbitrary") -> Problem:
    """The bracket with ``1 / (1 - beta_{1,t})`` against what replaces it, times two; W_t nondecreasing.

    ``scope``: "term" compares a single term with the common denominator, "sum" the sum with its final bound
    ``a W_T D^2``, "split" with ``W_T D^2 + sum c_t W_t e_t^2``. ``schedule``: "arbitrary", "falling" or "constant".
    """

    def sides(values: Sequence[Any], functions: Any) -> tuple[Any, ...]:
        del functions
        b = values[0]
        ratios, growth, squares = (
            values[1 : 1 + steps],
            values[1 + steps : 1 + 2 * steps],
            values[1 + 2 * steps :],
        )
        decays, weights = [], []
        r, w = 1, 0
        for t in range(steps):
            r = {"arbitrary": ratios[t] if t else 1, "falling": r * ratios[t] if t else 1, "constant": 1}[schedule]
            w = w + growth[t]
            decays.append(b * r)
            weights.append(w)
        brackets = [squares[t] - squares[t + 1] for t in range(steps)]
        if scope == "term":
            # The last term alone; shifted by the common denominator's D^2 to keep both sides positive.
            shift = weights[-1] / (1 - b)
            own = weights[-1] * brackets[-1] / (1 - decays[-1])
            return own + shift, weights[-1] * brackets[-1] / (1 - b) + shift
        left = sum(x * y / (1 - d) for x, y, d in zip(weights, brackets, decays, strict=True))
        if scope == "sum":
            return left, weights[-1] / (1 - b)
        extra = sum(d / (1 - d) * x * y for d, x, y in zip(decays, weights, squares, strict=False))
        return left, weights[-1] + extra

    return Problem(
        [
            "beta1",
            *[f"r{t}" for t in range(steps)],
            *[f"dw{t}" for t in range(steps)],
            *[f"e{t}^2" for t in range(steps + 1)],
        ],
        [SMALL, *[SMALL] * steps, *[0] * steps, *[0] * (steps + 1)],
        [NEAR_ONE, *[1] * steps, *[1] * steps, *[1] * (steps + 1)],
        sides,
    )


def _falling_proof(budget: Budget) -> list[Evidence]:
    # Induction: sum_{t<=T} A_t (E_t - E_{t+1}) <= a W_T D^2 - A_T E_{T+1}, A_t = a_t W_t, 0 <= E_t <= D^2.
    a, w, r, p, q, e, s = sp.symbols("a w r p q e s")  # a_{T+1}, W_T, growth of W, a_T - a_{T+1}, a - a_T, E, D^2 - E
    top, old, new = a + p + q, (a + p) * w, a * (w + r)
    step = Inequality(top * w * (e + s) + (new - old) * e, "<=", top * (w + r) * (e + s))
    start = Inequality((a + p) * w * e, "<=", (a + p + q) * w * (e + s))
    return list(inequality({"start": start, "step": step}, budget))


def _split_proof(budget: Budget) -> list[Evidence]:
    # a_t = 1 + c_t; the first part telescopes with W, of the second -c_t W_t E_{t+1} <= 0 is dropped.
    w, r, e, s, c, n = sp.symbols("w r e s c n")
    claims = {
        "step of the telescoping part": Inequality(w * (e + s) + r * e, "<=", (w + r) * (e + s)),
        "dropped term": Inequality(c * w * (e - n), "<=", c * w * e),
    }
    return list(inequality(claims, budget))


UNIFORM = Claim(
    id="adamomentum/theorem-1-proof-uniform-denominator",
    location="C.1.1, (12)-(15)",
    statement=r"In $\sum_t\frac{\sqrt{v_t}}{2\alpha_t(1-\beta_{1,t})}(e_t^2-e_{t+1}^2)$ each $1/(1-\beta_{1,t})$ may "
    r"be replaced by $1/(1-\beta_1)$, term by term, as an upper bound.",
    assumptions=(r"$\beta_{1,1}=\beta_1$, $0<\beta_{1,t}\le\beta_1$, $v_t\le v_{t+1}$",),
    parts=(
        Part(
            "term by term",
            never_violated,
            printed=Never(MODULE, ["denominators(2)"]),
            broken=Never(MODULE, ["denominators(3)"]),
            repair=Never(
                MODULE, ["denominators(2, 'sum', 'falling')", "denominators(3, 'sum', 'falling')"], _falling_proof
            ),
            repair_note=r"for non-increasing $\beta_{1,t}$ the sum, not its terms, is at most "
            r"$\frac{\sqrt{v_T}}{2\alpha_T(1-\beta_1)}D^2$",
            note=r"The bracket is negative whenever the iterate moves away from $\theta^*$: the replacement then "
            r"lowers the term. Equality for constant $\beta_{1,t}$.",
        ),
        Part(
            "the sum, for arbitrary decays",
            never_violated,
            printed=Never(MODULE, ["denominators(3, 'sum')"], per_axis=2),
            broken=Never(MODULE, ["denominators(2)"]),
            repair=Never(MODULE, ["denominators(2, 'split')", "denominators(3, 'split')"], _split_proof),
            repair_note=r"$\sum_ta_tW_t(e_t^2-e_{t+1}^2)\le W_TD^2+\sum_tc_tW_te_t^2$, $W_t=\sqrt{v_t}/\alpha_t$",
            bears=False,
            note=r"A decay that oscillates makes $W_t/(1-\beta_{1,t})$ rise again and again: the summed bound falls at "
            r"$T=3$.",
        ),
        Part(
            "the sum, for a constant decay",
            never_violated,
            printed=Never(MODULE, ["denominators(2, 'sum', 'constant')"], _falling_proof),
            broken=Never(MODULE, ["denominators(3, 'sum')"], per_axis=2),
            bears=False,
            note="Nothing is replaced then.",
        ),
    ),
)

# --- telescoping ---


def telescoped(steps: int, monotone: bool = True, target: Fraction = Fraction(1)) -> Problem:
    """``sum W_t (e_t^2 - e_{t+1}^2)`` against ``target W_T D^2``, D = 1 the largest distance."""

    def sides(values: Sequence[Any], functions: Any) -> tuple[Any, ...]:
        del functions
        steps_up, squares = values[:steps], values[steps:]
        weights = [steps_up[0]]
        for x in steps_up[1:]:
            weights.append(weights[-1] + x if monotone else x)
        left = sum(w * (squares[t] - squares[t + 1]) for t, w in enumerate(weights))
        return left, weights[-1] * target.numerator / target.denominator

    return Problem(
        [*[f"w{t}" for t in range(steps)], *[f"e{t}^2" for t in range(steps + 1)]],
        [0] * (2 * steps + 1),
        [1] * (2 * steps + 1),
        sides,
    )


def _telescoping_proof(target: Any, budget: Budget) -> list[Evidence]:
    w, r, e, s, n = sp.symbols("w r e s n")
    k = sp.symbols("t")
    v, u = sp.symbols("v u")
    claims = {
        "start: W_1 (E_1 - E_2) <= W_1 D^2 - W_1 E_2": Inequality(w * e - w * n, "<=", w * (e + s) - w * n),
        "step: W_T D^2 + (W_{T+1} - W_T) E <= W_{T+1} D^2": Inequality(w * (e + s) + r * e, "<=", (w + r) * (e + s)),
        "v_t <= v_{t+1} gives t v_t <= (t + 1) v_{t+1}": Inequality(k * v, "<=", (k + 1) * (v + u)),
    }
    stated = {"W_T D^2 <= the stated multiple": Inequality(w, "<=", target * w)}
    return [*inequality(claims, budget), *sufficient(stated, budget)]


def _telescoping(sizes: Sequence[int], target: Fraction = Fraction(1)) -> Never:
    """The sum against ``target W_T D^2``, and what proves it."""
    problems = [f"telescoped({t}, True, Fraction('{target}'))" for t in sizes]
    return Never(MODULE, problems, partial(_telescoping_proof, sp.Rational(str(target))))


def _automatic(limit: Callable[[Any], Any]) -> Inequality:
    """For ``t <= limit(beta2)`` already ``(t + 1) beta2 v_t >= t v_t``."""
    x, y = sp.symbols("x y")
    beta2 = x / (1 + x)
    t = limit(beta2) / (1 + y)  # all t below the limit
    return Inequality(t, "<=", (t + 1) * beta2)


TELESCOPING = Claim(
    id="adamomentum/theorem-1-proof-telescoping",
    location="C.1.1, (15)-(16)",
    statement=r"$\frac{\sqrt{v_1}}{2\alpha_1(1-\beta_1)}e_1^2+\frac1{2(1-\beta_1)}\sum_{t=2}^Te_t^2\bigl[\frac{\sqrt{v_t}}"
    r"{\alpha_t}-\frac{\sqrt{v_{t-1}}}{\alpha_{t-1}}\bigr]\le\frac{D^2\sqrt{Tv_T}}{2\alpha(1-\beta_1)}$.",
    assumptions=(r"$v_t\le v_{t+1}$, $\alpha_t=\alpha/\sqrt t$, $|e_t|\le D$ for $t\le T$",),
    parts=(
        Part(
            "under the theorem's hypothesis",
            never_violated,
            printed=_telescoping((2, 3)),
            broken=_telescoping((2, 3), Fraction(1, 2)),
            note=r"Used is only that $W_t=\sqrt{tv_t}/\alpha$ does not fall, a weaker condition than $v_t\le v_{t+1}$.",
        ),
        Part(
            "without any condition on v",
            never_violated,
            printed=Never(MODULE, ["telescoped(2, False)"]),
            broken=_telescoping((2,), Fraction(1, 2)),
            repair=_telescoping((2,)),
            repair_note=r"$tv_t\le(t+1)v_{t+1}$",
            bears=False,
            note="Where $W_t$ falls the increments enter with their positive parts only and no longer telescope.",
        ),
        Part(
            "the weaker condition holds by itself at first",
            inequality,
            printed=_automatic(lambda b: b / (1 - b)),
            broken=_automatic(lambda b: 2 * b / (1 - b)),
            bears=False,
            note=r"$v_{t+1}\ge\beta_2v_t$ gives $tv_t\le(t+1)v_{t+1}$ for every gradient sequence as long as "
            r"$t\le\beta_2/(1-\beta_2)$: the first 999 rounds at $\beta_2=0.999$.",
        ),
    ),
)
CLAIMS = [EQUATIONS, UNIFORM, TELESCOPING]

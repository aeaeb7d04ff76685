"""Section 2.1: the projection, the full forms, Remark 1, momentum."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy as sp

from ..checks.matrices import MatrixIdentity, matrix_identity
from ..checks.symbolic import Identity, symbolic_identity
from ..claim import Budget, Claim, Evidence, Exact, Part, Way, Witness
from .histories import kernel_in_kernel, rank
from .least_squares import LeastChange, Minimiser, Unique, feasible, least_change, minimises, unique

VECTORS = {"x": (4, 1), "r": (4, 1), "X": (4, 2), "R": (4, 2), "G": (2, 1)}


def _identity(left: Callable[..., Any], right: Callable[..., Any]) -> MatrixIdentity:
    return MatrixIdentity(left, right, ("a", "b"), VECTORS)


def _full_forms(sign: int) -> dict[str, MatrixIdentity]:
    return {
        "(6)": _identity(
            lambda x, r, X, R, G, a, b: (x - X * G) + b * (r - R * G),
            lambda x, r, X, R, G, a, b: x + b * r - (X + sign * b * R) * G,
        ),
        "(8)": _identity(
            lambda x, r, X, R, G, a, b: (x - a * x) + a * (x - X * G),
            lambda x, r, X, R, G, a, b: x - a * (X * G),
        ),
        "(9)": _identity(
            lambda x, r, X, R, G, a, b: (x - a * (X * G)) + b * (r - a * (R * G)),
            lambda x, r, X, R, G, a, b: x + b * r - a * ((X + sign * b * R) * G),
        ),
        "(9) as in Algorithm 1, line 10": _identity(
            lambda x, r, X, R, G, a, b: (x - a * (X * G)) + b * (r - a * (R * G)),
            lambda x, r, X, R, G, a, b: x + b * r - (a * X + sign * a * b * R) * G,
        ),
    }


QUADRATIC = {"A": (3, 3), "x": (3, 1), "y": (3, 1), "c": (3, 1), "X": (3, 2), "G": (2, 1)}


def _on_quadratic(sign: int) -> dict[str, MatrixIdentity]:
    """With ``grad f = A x - c``: the columns, and the objective of (5)."""
    return {
        "a column: Delta r = -A Delta x": MatrixIdentity(
            lambda A, x, y, c, X, G: (c - A * y) - (c - A * x),
            lambda A, x, y, c, X, G: sign * (A * (y - x)),
            (),
            QUADRATIC,
        ),
        "r - R G = -(grad f - A p), p = X G": MatrixIdentity(
            lambda A, x, y, c, X, G: (c - A * x) - sign * (A * X) * G,
            lambda A, x, y, c, X, G: -((A * x - c) - A * (X * G)),
            (),
            QUADRATIC,
        ),
        "it is minus the gradient at x - p": MatrixIdentity(
            lambda A, x, y, c, X, G: (c - A * x) - sign * (A * X) * G,
            lambda A, x, y, c, X, G: c - A * (x - X * G),
            (),
            QUADRATIC,
        ),
    }


def _minibatch(same: bool) -> MatrixIdentity:
    """The column between two points whose gradients come from two batches (or from one, with ``same``)."""
    shapes = dict.fromkeys(("A", "D"), (3, 3)) | dict.fromkeys(("x", "y", "c", "e"), (3, 1))
    if same:
        return MatrixIdentity(
            lambda A, D, x, y, c, e: (c - A * y) - (c - A * x),
            lambda A, D, x, y, c, e: -(A * (y - x)),
            (),
            shapes,
        )
    return MatrixIdentity(  # the second batch has Hessian A + D and linear term c + e
        lambda A, D, x, y, c, e: (c + e - (A + D) * y) - (c - A * x),
        lambda A, D, x, y, c, e: -((A + D) * (y - x)),
        (),
        shapes,
    )


def _secant_error_order(order: int, budget: Budget) -> list[Evidence]:
    """Lowest power of h in ``R + f''(x) X`` for a column ``X = h v`` that ends at x; f a generic quartic."""
    x, h, a, b, c = sp.symbols("x h a b c")
    f = lambda z: a * z**2 / 2 + b * z**3 / 6 + c * z**4 / 24  # noqa: E731
    gradient = sp.diff(f(x), x)
    error = sp.expand(-(gradient - gradient.subs(x, x - h)) + sp.diff(f(x), x, 2) * h)
    polynomial = sp.Poly(error, h)
    lowest = min(power for (power,) in polynomial.monoms())
    steps = {f"lowest power is h^{order}": lowest == order}
    if lowest != order:
        values = {x: 1, a: 1, b: 1, c: 1}
        big, small = (error.subs(values).subs(h, sp.Rational(1, n)) for n in (1000, 2000))
        ratio = big / small
        exact = Fraction(int(ratio.p), int(ratio.q))
        g = lambda z: z + z * z / 2 + z**3 / 6  # noqa: E731
        e = [abs(-(g(1.0) - g(1.0 - s)) + 2.5 * s) for s in (1e-3, 5e-4)]
        point = {"order": order, "f": "z^2/2 + z^3/6 + z^4/24", "x": 1, "h": [1e-3, 5e-4]}
        replay = """
g = lambda z: z + z * z / 2 + z**3 / 6
e = [abs(-(g(1.0) - g(1.0 - s)) + 2.5 * s) for s in witness["h"]]
violated = abs(e[0] / e[1] - 2 ** witness["order"]) > 0.5
"""
        return [
            Witness(
                point,
                Way("exact ratio of errors", exact, "==", 2**order, 0.5),
                Way("floating ratio of errors", e[0] / e[1], "==", float(2**order), 0.5),
                replay,
            )
        ]
    steps |= _along_a_line()
    return [Exact("symbolic", steps, {"leading term": str(polynomial.coeff_monomial(h**order)) + f" h^{order}"})]


def _along_a_line() -> dict[str, bool]:
    """Any f, any dimension: ``phi(s) = u' grad f(x - s v)``, the column ``X = h v`` that ends at x.

    ``e(h) = u'(R + f''(x) X)`` has ``e(0) = 0``, ``e'(h) = phi'(h) - phi'(0)``: ``|e| <= M h^2 / 2`` with a Lipschitz
    constant M of ``phi'``, o(h) without one. A column between two earlier points is a difference of two such.
    """
    h, top, bound = sp.symbols("h s M", nonnegative=True)
    phi = sp.Function("phi")
    slope = sp.diff(phi(top), top)
    error = (phi(h) - phi(0)) - h * slope.subs(top, 0)  # u'R = -(phi(0) - phi(h)), u' f''(x) v = -phi'(0)
    return {
        "e(0) = 0 for every f": error.subs(h, 0) == 0,
        "e'(h) = phi'(h) - phi'(0)": sp.simplify(sp.diff(error, h) - (slope.subs(top, h) - slope.subs(top, 0))) == 0,
        "M h integrates to M h^2 / 2": sp.expand(sp.integrate(bound * top, (top, 0, h)) - bound * h**2 / 2) == 0,
    }


ONE_COLUMN = {"A": (3, 3), "x": (3, 1), "w": (3, 1), "c": (3, 1)}


@dataclass(frozen=True)
class OneColumn:
    """What (9) with one column ``w = x_k - x_{k-1}`` on a quadratic is said to be, ``t = -alpha Gamma``."""

    method: Callable[..., Any]


def _one_column(statement: OneColumn, budget: Budget) -> list[Evidence]:
    def anderson(A: Any, x: Any, w: Any, c: Any, b: Any, t: Any) -> Any:
        return x + b * (c - A * x) + t * (w + b * (-(A * w)))

    identity = MatrixIdentity(anderson, statement.method, ("b", "t"), ONE_COLUMN)
    return matrix_identity(identity, budget)


def _extragradient(power: int) -> Identity:
    """``r - R G = r(x - X G)`` in one dimension for ``f = x^power / power``."""
    x, y, g = sp.symbols("x y g")
    r = lambda z: -(z ** (power - 1))  # noqa: E731
    return Identity(r(y) - (r(y) - r(x)) * g, r(y - (y - x) * g))


CLAIMS = [
    Claim(
        id="anderson-mixing/least-squares-projection",
        location="2.1, (5)",
        statement=r"$\Gamma_k=\mathrm{argmin}_\Gamma\|r_k-R_k\Gamma\|_2$: minimisers exist and are the solutions of "
        r"$R_k^\top R_k\Gamma=R_k^\top r_k$.",
        parts=(
            Part(
                "the least-norm solution of the normal equations minimises",
                minimises,
                printed=Minimiser(lambda s, pinv: pinv(s.r) @ s.res, "none", ("0",)),
                broken=Minimiser(lambda s, pinv: pinv(s.r) @ (s.res + s.r[:, 0] / 3), "none", ("0",)),
                note="Every relation of $d$ and $m$, deficient ranks, zero columns, $r_k=0$; a minimiser always exists "
                "($R_k^\\top r_k$ lies in the range of $R_k^\\top R_k$).",
            ),
            Part(
                "the coefficients are unique",
                unique,
                printed=Unique("gamma", "none", lambda s: True),
                broken=Unique("gamma", "none", lambda s: False),
                repair=Unique("gamma", "none", lambda s: rank(s.r) == s.r.shape[1]),
                repair_note=r"$\Gamma_k$ is unique exactly if $R_k$ has full column rank; never for $m_k>d$.",
                bears=False,
            ),
            Part(
                "the iterate (6) is unique",
                unique,
                printed=Unique("iterate", "none", lambda s: True),
                broken=Unique("iterate", "none", lambda s: rank(s.x) == s.x.shape[1]),
                repair=Unique("iterate", "none", lambda s: kernel_in_kernel(s.r, s.x)),
                repair_note=r"Exactly if $\ker R_k\subseteq\ker X_k$; $R_k\Gamma_k$ is always unique.",
                bears=False,
            ),
        ),
    ),
    Claim(
        id="anderson-mixing/full-forms",
        location="2.1, (6), (8), (9)",
        statement=r"$x_{k+1}=x_k+\beta_kr_k-(X_k+\beta_kR_k)\Gamma_k$; with damping $\bar "
        r"x_k=x_k-\alpha_kX_k\Gamma_k$, "
        r"$\bar r_k=r_k-\alpha_kR_k\Gamma_k$, $x_{k+1}=x_k+\beta_kr_k-\alpha_k(X_k+\beta_kR_k)\Gamma_k$.",
        parts=(
            Part(
                "identities for non-commuting matrices",
                matrix_identity,
                printed=_full_forms(1),
                broken=_full_forms(-1),
                note="Hold for any coefficients, dimensions and real $\\alpha_k$, $\\beta_k$.",
            ),
        ),
    ),
    Claim(
        id="anderson-mixing/frobenius-secant-characterisation",
        location="2.1, Remark 1, (7)",
        statement=r"If $H_k$ solves $\min\|H-\beta_kI\|_F$ subject to $HR_k=-X_k$, then (6) is $x_k+H_kr_k$.",
        assumptions=(r"the constraint is feasible: $\ker R_k\subseteq\ker X_k$",),
        parts=(
            Part(
                "closed form, uniqueness and equality of the iterates where feasible",
                least_change,
                printed=LeastChange(lambda s, g, pinv: g - (s.x + g @ s.r) @ pinv(s.r)),
                broken=LeastChange(lambda s, g, pinv: g - (s.x - g @ s.r) @ pinv(s.r)),
                note=r"The minimiser is $H=\beta I-(X+\beta R)R^\dagger$, unique wherever the constraint is "
                r"feasible (the "
                "norm is strictly convex on an affine set); $Hr_k$ is the step of every minimiser of (5).",
            ),
            Part(
                "the secant condition with the other sign",
                least_change,
                printed=LeastChange(lambda s, g, pinv: g + (s.x - g @ s.r) @ pinv(s.r), sign=1),
                broken=LeastChange(lambda s, g, pinv: g, sign=1),
                sound=LeastChange(lambda s, g, pinv: g - (s.x + g @ s.r) @ pinv(s.r)),
                bears=False,
                note="$HR=+X$ does not give the iterate: the sign in (7) is the right one.",
            ),
            Part(
                "the constraint is feasible for every history",
                feasible,
                printed=lambda s: True,
                broken=lambda s: rank(s.r) == s.r.shape[1],
                repair=lambda s: kernel_in_kernel(s.r, s.x),
                repair_note=r"Feasible exactly if $\ker R_k\subseteq\ker X_k$; sufficient: full column rank; on a "
                r"quadratic with regular $A$ always.",
                bears=False,
                note="Otherwise (7) has no solution while (5), (6) still define an iterate: that of "
                r"$\beta I-(X+\beta R)R^\dagger$ for the least-norm $\Gamma$.",
            ),
        ),
    ),
    Claim(
        id="anderson-mixing/remark-1-quadratic-projection",
        location="2.1, Remark 1",
        statement=r"$R_k\approx-\nabla^2f(x_k)X_k$, so (5) solves $\nabla^2f(x_k)p=\nabla f(x_k)$, $p=X_k\Gamma_k$, in "
        "the least-squares sense; on a quadratic exactly, a minimal residual method.",
        parts=(
            Part(
                "exact on a quadratic, with these signs",
                matrix_identity,
                printed=_on_quadratic(-1),
                broken=_on_quadratic(1),
                note=r"$\|r-R\Gamma\|=\|\nabla f(x_k)-Ap\|=\|\nabla f(x_k-p)\|$: the projected point has the least "
                r"gradient over $x_k+\mathrm{span}X_k$, whatever the definiteness of $A$.",
            ),
            Part(
                "order of the error for smooth f",
                _secant_error_order,
                printed=2,
                broken=3,
                note=r"$R+\nabla^2f(x_k)X=O(h^2)$ for columns of length $h$ that reach back no further than $O(h)$: "
                "first order relative to $R$, at most $\\frac12Mh^2$ where $\\nabla^2f$ is $M$-Lipschitz; twice "
                "differentiable alone gives $o(h)$.",
            ),
            Part(
                "exact with minibatches of quadratics",
                matrix_identity,
                printed=_minibatch(False),
                broken=_on_quadratic(1),
                repair=_minibatch(True),
                repair_note="Exact if both gradients of every column come from one batch.",
                bears=False,
                note=r"Otherwise $\Delta r=-A_{S'}\Delta x-(A_{S'}-A_S)x+(c_{S'}-c_S)$: an error that does not "
                r"vanish with "
                "the step.",
            ),
        ),
    ),
    Claim(
        id="anderson-mixing/momentum-and-extragradient",
        location="2.1, after (4b); 2.2, after (9)",
        statement=r"$\bar r_k$ is reminiscent of an extragradient; $(\alpha_kX_k+\alpha_k\beta_kR_k)\Gamma_k$ is a "
        "generalised momentum term. Judged: on quadratics $\\bar r_k=-\\nabla f(\\bar x_k)$, and for $m=1$ (9) is a "
        "momentum method.",
        parts=(
            Part(
                "on quadratics the projected residual is the residual at the projected point",
                matrix_identity,
                printed={
                    "any damping": MatrixIdentity(
                        lambda A, x, y, c, X, G, a: (c - A * x) - a * (-(A * X) * G),
                        lambda A, x, y, c, X, G, a: c - A * (x - a * (X * G)),
                        ("a",),
                        QUADRATIC,
                    )
                },
                broken={
                    "any damping": MatrixIdentity(
                        lambda A, x, y, c, X, G, a: (c - A * x) - a * (-(A * X) * G),
                        lambda A, x, y, c, X, G, a: c - A * (x - X * G),
                        ("a",),
                        QUADRATIC,
                    )
                },
            ),
            Part(
                "for m = 1 on quadratics it is Nesterov's momentum",
                _one_column,
                printed=OneColumn(lambda A, x, w, c, b, t: (x + t * w) + b * (c - A * (x + t * w))),
                broken=OneColumn(lambda A, x, w, c, b, t: x + b * (c - A * x) + t * w),
                note=r"$y=x_k+\theta\Delta x_{k-1}$, $x_{k+1}=y-\beta\nabla f(y)$ with "
                r"$\theta_k=-\alpha_k\Gamma_k$, which "
                "the data choose and may be negative or exceed one; heavy ball (the control) lacks the term "
                r"$-\theta\beta A\Delta x$.",
            ),
            Part(
                "the same for any smooth f",
                symbolic_identity,
                printed=_extragradient(3),
                broken=_extragradient(4),
                sound=_extragradient(2),
                bears=False,
                note="False off quadratics: no gradient is evaluated at the projected point, so it is no extragradient "
                "method.",
            ),
        ),
    ),
]

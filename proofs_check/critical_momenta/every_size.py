"""Section 3.2 for every buffer size at once: sympy with the size C as a symbol.

The state before a step is [theta_t, theta_{t-1}, m_{t-1}, ..., m_{t-C}]. Rows that only shift are shifts by definition
of the state, so a system is its first row and the row of the new momentum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy as sp

ALPHA, BETA, H, Z = sp.symbols("alpha beta h z")
SIZE, AGE = sp.symbols("C j", integer=True, positive=True)


@dataclass(frozen=True)
class Rows:
    """Coefficients of theta_{t+1} and of m_t: on theta_t, and on m_{t-j} as functions of the age j = 1..C."""

    theta_on_theta: sp.Expr
    theta_on_momentum: sp.Expr
    momentum_on_theta: sp.Expr
    momentum_on_momentum: sp.Expr

    def subs(self, old: Any, new: Any) -> Rows:
        return Rows(*(sp.sympify(entry).subs(old, new) for entry in self.entries))

    @property
    def entries(self) -> tuple[sp.Expr, ...]:
        return self.theta_on_theta, self.theta_on_momentum, self.momentum_on_theta, self.momentum_on_momentum

    def matrix(self, size: int) -> sp.Matrix:
        """A for one size."""
        matrix = sp.zeros(size + 2, size + 2)
        matrix[0, 0], matrix[1, 0], matrix[2, 0] = self.theta_on_theta, 1, self.momentum_on_theta
        for age in range(1, size + 1):
            at = {SIZE: size, AGE: age}
            matrix[0, age + 1] = sp.sympify(self.theta_on_momentum).subs(at)
            matrix[2, age + 1] = sp.sympify(self.momentum_on_momentum).subs(at)
            if age < size:
                matrix[age + 2, age + 1] = 1
        return matrix


def derived_rows(gain: Any = 1) -> Rows:
    """The rows of (8), by differentiating one step with C stored momenta, C a symbol."""
    theta = sp.Symbol("theta")
    stored = sp.IndexedBase("m")
    k = sp.Symbol("k", integer=True)
    new = BETA * stored[1] + gain * H * theta
    following = theta - ALPHA * (new + sp.Sum(stored[k], (k, 1, SIZE)) / SIZE)

    def on_momentum(expression: sp.Expr) -> sp.Expr:
        slope = sp.diff(expression, stored[AGE]).doit()
        # The age is at most C, which is all that the sum asks.
        return slope.replace(lambda e: e.is_Relational, lambda e: sp.true)

    return Rows(sp.diff(following, theta), on_momentum(following), sp.diff(new, theta), on_momentum(new))


def same_rows(first: Rows, second: Rows) -> dict[str, bool]:
    """Entry by entry, for every C and every age."""
    names = ("theta on theta", "theta on m_{t-j}", "m on theta", "m on m_{t-j}")
    return {
        f"every C: {name}": sp.simplify(a - b) == 0
        for name, a, b in zip(names, first.entries, second.entries, strict=True)
    }


def closed_form(size: Any) -> sp.Expr:
    """(z - 1)(z - beta) z^(C-1) + x (z^C + (1 + z + ... + z^(C-1)) / C), x = alpha h; C a number or a symbol."""
    total = (Z**size - 1) / (Z - 1)
    return (Z - 1) * (Z - BETA) * Z ** (size - 1) + ALPHA * H * (Z**size + total / size)


def determinant_steps(statement: Any) -> dict[str, bool]:
    """det(z - A) = z times ``statement(C)`` for every C, by the determinant lemma.

    A = A_0 + e_1 u^T with u the coefficients of theta_{t+1} on momenta; A_0 is lower triangular, so its determinant is
    the product of the diagonal, and det(z - A) = det(z - A_0) (1 - u^T y) with (z - A_0) y = e_1.
    """
    rows = derived_rows()
    y_theta = 1 / (Z - rows.theta_on_theta)
    y_first = rows.momentum_on_theta * y_theta / (Z - BETA)

    def y(age: Any) -> sp.Expr:
        return y_first * Z ** (1 - age)

    geometric = (1 - Z ** (-SIZE)) / (1 - 1 / Z)  # sum of z^(1-j) over j = 1..C
    first = sp.Symbol("first")
    coefficient = rows.theta_on_momentum.replace(lambda e: isinstance(e, sp.KroneckerDelta), lambda e: first)
    only_first, each = sp.expand(coefficient).coeff(first, 1), sp.expand(coefficient).coeff(first, 0)
    product = only_first * y_first + each * y_first * geometric
    triangular = (Z - rows.theta_on_theta) * Z * (Z - BETA) * Z ** (SIZE - 1)
    return {
        "every C: the row of m_t": _vanishes(Z * y(1) - rows.momentum_on_theta * y_theta - BETA * y(1)),
        "every C: the rows that shift": _vanishes(Z * y(AGE + 1) - y(AGE)),
        "every C: geometric sum, first term": _vanishes(geometric.subs(SIZE, 1) - 1),
        "every C: geometric sum, next term": _vanishes(geometric.subs(SIZE, SIZE + 1) - geometric - Z ** (-SIZE)),
        "every C: coefficients are one for j = 1 and one for all j": each.free_symbols <= {ALPHA, SIZE},
        "every C: determinant": _vanishes(triangular * (1 - product) - Z * statement(SIZE)),
    }


def _vanishes(expression: sp.Expr) -> bool:
    """Whether an expression with powers z^(C + k), z^(j + k) is identically zero."""
    power, other = sp.symbols("z_C z_j", positive=True)
    expanded = sp.expand(sp.expand_power_exp(expression))
    return sp.cancel(sp.together(expanded.subs({Z ** (-SIZE): 1 / power, Z**SIZE: power, Z ** (-AGE): 1 / other}))) == 0


def at_one() -> tuple[sp.Expr, sp.Expr, sp.Expr]:
    """A(1), A'(1) and B(1) of p = A + x B for every C."""
    k = sp.Symbol("k", integer=True)
    a = (Z - 1) * (Z - BETA) * Z ** (SIZE - 1)
    b = 1 + sp.Sum(1, (k, 0, SIZE - 1)).doit() / SIZE
    return a.subs(Z, 1), sp.simplify(sp.diff(a, Z).subs(Z, 1)), sp.simplify(b)


def slope_at_one() -> sp.Expr:
    """dz/dx of the root z = 1 at x = 0, which is simple: -B(1) / A'(1), for every C."""
    _, slope, gain = at_one()
    return -gain / slope


def collapse_steps(orthogonal: bool) -> dict[str, bool]:
    """A and the A_h side by side are similar by I x U, for every C and every H = U D U^-1.

    Every block of A is e_0 I + e_1 H. With ``orthogonal``, U^T = U^-1: I x U and the permutation that sorts the blocks
    are orthogonal too, so that singular values are kept as well.
    """
    left, right, diagonal = sp.symbols("Uinv U D", commutative=False)
    e0, e1 = sp.symbols("e0 e1")
    block = e0 + e1 * right * diagonal * left
    turned = sp.expand(left * block * right)
    for _ in range(2):
        turned = sp.expand(turned.subs(left * right, 1))
    steps = {
        f"every C: {name} affine in H": sp.Poly(entry, H).degree() <= 1
        for name, entry in zip(("theta on theta", "m on theta"), derived_rows().entries[::2], strict=True)
    }
    steps["every C: other blocks are multiples of I"] = all(not e.has(H) for e in derived_rows().entries[1::2])
    steps["U^-1 (e_0 + e_1 H) U = e_0 + e_1 D"] = sp.expand(turned - e0 - e1 * diagonal) == 0
    if orthogonal:
        # (V A U)^T (V A U) = U^T A^T (V^T V) A U with V = U^T: V^T V = U U^T = 1.
        first, last = sp.symbols("At A", commutative=False)
        gram = (left * first * right) * (left * last * right)
        kept = left * first * last * right
        steps["U^T A^T U U^T A U = U^T (A^T A) U"] = sp.expand(gram.subs(right * left, 1) - kept) == 0
    return steps

"""Sign correlations of a standard bivariate normal pair by fixed Gauss-Legendre rules.

For (X, Y) with unit variances and correlation r = sin t, E[sign(X + a) sign(Y + b)] obeys Plackett's identity
dE/dr = 4 phi_2(a, b; r), so

    E(a, b, sin t) = erf(a / sqrt 2) erf(b / sqrt 2)
                     + (2 / pi) int_0^t exp(-(a^2 - 2 a b sin u + b^2) / (2 cos^2 u)) du                     (centre)

and, from the other end, with v = cos u, A = cos t and c = (a - b)^2,

    E(a, b, sin t) = 1 - 2 |Phi(a) - Phi(b)|
                     - (2 / pi) int_0^A exp(-c / (2 v^2) - a b / (1 + sqrt(1 - v^2))) / sqrt(1 - v^2) dv.      (edge)

The edge integrand has an essential singularity at v = 0: its terms 1, v^2, v^4 are integrated in closed form and only
the rest by quadrature (Drezner and Wesolowsky 1990; Genz, Statistics and Computing 14 (2004) 251-260, from whom the
node counts per range of |r| are taken). Both forms are written for the *sign* moment, not for an orthant probability,
so that nothing cancels. Negative r at the edge: E(a, b, r) = -E(a, -b, -r).
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from optassay.arrays import Array, Context, erf, erfc

# Beyond 38 standard deviations a sign is certain to every digit of float64; squares and products stay finite.
CERTAIN = 38.0
# |r| up to which the centre form with this many nodes is good to 1e-15.
CENTRE_RULES = ((0.3, 6), (0.75, 12), (0.925, 20))
_SQRT2 = math.sqrt(2.0)
Table = list[tuple[Array, Array, Array]]  # three arrays over the pairs for each node


def _legendre(n: int) -> list[tuple[float, float]]:
    nodes, weights = np.polynomial.legendre.leggauss(n)
    return list(zip(nodes.tolist(), weights.tolist(), strict=True))


def _two_product(x: Array, y: Array) -> tuple[Array, Array]:
    """x y as an unevaluated sum (rounded product, its error): Dekker 1971. Needs float64 and no overflow."""
    product = x * y

    def halves(z: Array) -> tuple[Array, Array]:
        shifted = z * 134217729.0  # 2^27 + 1
        high = shifted - (shifted - z)
        return high, z - high

    (xh, xl), (yh, yl) = halves(x), halves(y)
    return product, ((xh * yh - product) + xh * yl + xl * yh) + xl * yl


def determinant(first: Array, second: Array, covariance: Array) -> Array:
    """Variance times variance minus squared covariance, to full relative accuracy.

    d E / d r grows like (1 - r^2)^(-1/2): next to |r| = 1 a determinant from rounded products would cost half of the
    digits of E.
    """
    p, p_error = _two_product(first, second)
    q, q_error = _two_product(covariance, covariance)
    return (p - q) + (p_error - q_error)


class Group(Protocol):
    """Pairs that share one rule; ``first`` and ``second`` index the last axis of the standardised means."""

    first: Array
    second: Array
    nodes: int

    def table(self, xp: Any) -> Table: ...

    def excess(self, a: Array, b: Array, table: Table, xp: Any) -> Array: ...


@dataclass
class Centre:
    """Pairs of the centre form."""

    first: Array
    second: Array
    angle: Array
    nodes: int

    def table(self, xp: Any) -> Table:
        """Per node: factors of a b and of a^2 + b^2 in the exponent, and the weight. All depend on r alone."""
        rows = []
        for node, weight in _legendre(self.nodes):
            u = self.angle * (0.5 * (1.0 + node))
            half = 0.5 / xp.cos(u) ** 2
            rows.append((2.0 * half * xp.sin(u), half, self.angle * (weight / math.pi)))
        return rows

    def excess(self, a: Array, b: Array, table: Table, xp: Any) -> Array:
        """E(a, b, r) - E(a, b, 0)."""
        product = a * b
        squares = a * a + b * b
        total = None
        for cross, square, weight in table:
            term = xp.exp(cross * product - square * squares) * weight
            total = term if total is None else total + term
        return total


@dataclass
class Edge:
    """Pairs of the edge form; ``cosine`` is sqrt(1 - r^2), ``sign`` that of r."""

    first: Array
    second: Array
    cosine: Array
    sign: Array
    nodes: int = 20

    def table(self, xp: Any) -> Table:
        """Per node: v^2, sqrt(1 - v^2) and the weight."""
        rows = []
        for node, weight in _legendre(self.nodes):
            v = self.cosine * (0.5 * (1.0 + node))
            square = v * v
            rows.append((square, xp.sqrt(1.0 - square), self.cosine * (0.5 * weight)))
        return rows

    def excess(self, a: Array, b: Array, table: Table, xp: Any) -> Array:
        """E(a, b, r) - E(a, b, 0)."""
        certain = erf(a / _SQRT2) * erf(b / _SQRT2)
        b = b * self.sign
        product = a * b
        gap = xp.abs(a - b)
        squared_gap = gap * gap
        # Where a b < -100 the integral is below exp(-600): a clipped exponent avoids 0 * inf.
        decay = xp.where(product > -100.0, -0.5 * product, xp.zeros_like(product) - math.inf)
        live = self.cosine > 0
        cosine = xp.where(live, self.cosine, xp.ones_like(self.cosine))
        c = (4.0 - product) / 8.0
        d = (12.0 - product) / 16.0
        # Closed form of int_0^A exp(-gap^2 / (2 v^2)) (1 + c v^2 + c d v^4) dv.
        area = cosine * cosine
        inner = (
            xp.exp(decay - 0.5 * squared_gap / area)
            * cosine
            * (1.0 - c * (squared_gap - area) * (1.0 - d * squared_gap / 5.0) / 3.0 + c * d * area * area / 5.0)
        )
        tail = xp.where(
            product > -100.0,
            xp.exp(xp.where(product > -100.0, -0.5 * product, xp.zeros_like(product)))
            * (0.5 * math.sqrt(2.0 * math.pi))
            * erfc(gap / (_SQRT2 * cosine))
            * gap
            * (1.0 - c * squared_gap * (1.0 - d * squared_gap / 5.0) / 3.0),
            xp.zeros_like(product),
        )
        total = inner - tail
        for square, root, weight in table:
            square = xp.where(live, square, xp.ones_like(square))
            polynomial = 1.0 + c * square * (1.0 + d * square)
            exact = xp.exp(xp.clip(-0.5 * product * (1.0 - root) / (1.0 + root), None, 100.0)) / root
            total = total + weight * xp.exp(decay - 0.5 * squared_gap / square) * (exact - polynomial)
        total = xp.where(live, total, xp.zeros_like(total))
        # |Phi(a) - Phi(b)| = |erf - erf| / 2 loses nothing in absolute terms.
        ends = 1.0 - xp.abs(erf(a / _SQRT2) - erf(b / _SQRT2))
        return self.sign * (ends - (2.0 / math.pi) * total) - certain


def classify(first: Array, second: Array, angle: Array, cosine: Array, ctx: Context) -> tuple[list[Group], list[Array]]:
    """Flat pairs by the rule that fits their correlation.

    Returns
    -------
    groups : list of Group
        Empty rules are left out.
    members : list of array
        For each group the positions of its pairs in the flat input; then those of the uncorrelated pairs.
    """
    xp = ctx.xp
    size = xp.abs(angle)
    groups: list[Group] = []
    members: list[Array] = []
    edges = [0.0, *(math.asin(limit) for limit, _ in CENTRE_RULES), math.inf]
    for rule, (lower, upper) in enumerate(itertools.pairwise(edges)):
        (index,) = xp.nonzero((size > lower) & (size <= upper))
        if not index.shape[0]:
            continue
        members.append(index)
        left, right, tilt = (xp.take(x, index, axis=0) for x in (first, second, angle))
        if rule < len(CENTRE_RULES):
            groups.append(Centre(left, right, tilt, CENTRE_RULES[rule][1]))
        else:
            groups.append(Edge(left, right, xp.take(cosine, index, axis=0), xp.sign(tilt)))
    members.append(xp.nonzero(size == 0)[0])
    return groups, members

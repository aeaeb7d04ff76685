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
grouping of pairs by |r| is taken). Both forms are written for the *sign* moment, not for an orthant probability,
so that nothing cancels. Negative r at the edge: E(a, b, r) = -E(a, -b, -r).
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from optassay.arrays import Array, Context, erf, erfc

# Beyond 38 standard deviations a sign is certain to every digit of float64; squares and products stay finite.
CERTAIN = 38.0
# Upper ends of |r| in the centre form and of sqrt(1 - r^2) in the edge form, each with the number of nodes that
# leaves a quadrature error below 1e-15 for all means (measured against 48 nodes and against mpmath).
CENTRE_RULES = ((0.1, 4), (0.3, 6), (0.5, 8), (0.75, 12), (0.85, 14), (0.95, 20))
EDGE_RULES = ((0.02, 3), (0.05, 6), (0.1, 10), (0.2, 14), (1.0, 20))
_SQRT2 = math.sqrt(2.0)
Table = list[tuple[Array, Array, Array]]  # three arrays over the pairs for each node


@functools.cache
def _legendre(n: int) -> list[tuple[float, float]]:
    nodes, weights = np.polynomial.legendre.leggauss(n)
    return list(zip(nodes.tolist(), weights.tolist(), strict=True))


def _halves(z: Array) -> tuple[Array, Array]:
    """z as an exact sum of two numbers of 26 bits: Dekker 1971. Needs float64 and no overflow."""
    high = z * 134217729.0  # 2^27 + 1
    high -= high - z
    return high, z - high


def determinant(first: Array, second: Array, covariance: Array) -> Array:
    """Variance times variance minus squared covariance, to full relative accuracy.

    d E / d r grows like (1 - r^2)^(-1/2): next to |r| = 1 a determinant from rounded products would cost half of the
    digits of E. Both products are taken as rounded product and error.
    """
    (xh, xl), (yh, yl), (zh, zl) = _halves(first), _halves(second), _halves(covariance)
    variances, square = first * second, covariance * covariance
    error = xh * yh
    error -= variances
    xh *= yl
    error += xh
    yh *= xl
    error += yh
    xl *= yl
    error += xl
    excess = zh * zh
    excess -= square
    zh *= zl
    excess += 2.0 * zh
    zl *= zl
    excess += zl
    variances -= square
    error -= excess
    variances += error
    return variances


class Group(Protocol):
    """Pairs that share one rule; ``first`` and ``second`` index the last axis of the standardised means."""

    first: Array
    second: Array
    nodes: int

    def table(self, xp: Any) -> Table: ...

    def excess(self, a: Array, b: Array, table: Table, xp: Any) -> Array: ...


@dataclass
class Centre:
    """Pairs of the centre form; ``tangent`` is tan(|t| / 2), ``sign`` that of t.

    The rule runs over tan(u / 2): sine and cosine are rational in it, and its singularities (+-1 and +-i) lie further
    off, relative to the range, than those of u itself (+-pi / 2). About one node in six is saved.
    """

    first: Array
    second: Array
    tangent: Array
    sign: Array
    nodes: int

    def table(self, xp: Any) -> Table:
        """Per node: factors of (a - b)^2 and of a b in the exponent, and the weight. All depend on r alone."""
        rows = []
        for node, weight in _legendre(self.nodes):
            tangent = self.tangent * (0.5 * (1.0 + node))
            square = tangent * tangent
            plus = 1.0 + square
            apart = plus / (1.0 - square)  # 1 / cos u
            apart *= apart
            apart *= -0.5
            together = 1.0 + tangent
            together *= together
            together = plus / together  # 1 / (1 + sin u)
            together *= -1.0
            tangent /= plus
            tangent *= self.sign
            tangent *= 4.0 / math.pi * weight / (1.0 + node)
            rows.append((apart, together, tangent))
        return rows

    def excess(self, a: Array, b: Array, table: Table, xp: Any) -> Array:
        """E(a, b, r) - E(a, b, 0)."""
        # a^2 - 2 a b sin u + b^2 = (a - b)^2 + 2 a b (1 - sin u): two parts that do not cancel next to r = 1.
        b = b * self.sign
        product = a * b
        gap = (a - b) ** 2
        total = xp.zeros_like(product)
        for apart, together, weight in table:
            term = apart * gap
            term += together * product
            term = xp.exp(term)
            term *= weight
            total += term
        return total


@dataclass
class Edge:
    """Pairs of the edge form; ``cosine`` is sqrt(1 - r^2), ``sign`` that of r."""

    first: Array
    second: Array
    cosine: Array
    sign: Array
    nodes: int

    def table(self, xp: Any) -> Table:
        """Per node: v^2 (1 where r = +-1), sqrt(1 - v^2) and the weight."""
        rows = []
        for node, weight in _legendre(self.nodes):
            v = self.cosine * (0.5 * (1.0 + node))
            square = v * v
            rows.append(
                (xp.where(square > 0, square, xp.ones_like(v)), xp.sqrt(1.0 - square), v * (weight / (1.0 + node)))
            )
        return rows

    def excess(self, a: Array, b: Array, table: Table, xp: Any) -> Array:
        """E(a, b, r) - E(a, b, 0)."""
        erf_a, erf_b = erf(a / _SQRT2), erf(b / _SQRT2)
        # |Phi(a) - Phi(b)| = |erf - erf| / 2 loses nothing in absolute terms.
        ends = 1.0 - xp.abs(erf_a - self.sign * erf_b)
        b = b * self.sign
        # Where a b < -100 the integral is below exp(-600): left out, as exp(-a b / 2) would overflow.
        live = (self.cosine > 0) & (a * b > -100.0)
        product = xp.where(live, a * b, xp.zeros_like(a))
        gap = xp.abs(a - b)
        c = 0.125 * (4.0 - product)
        cd = c * (0.0625 * (12.0 - product))
        cosine = xp.where(self.cosine > 0, self.cosine, xp.ones_like(self.cosine))
        total = _edge_closed(gap, product, c, cd, cosine, xp)
        spread = -0.5 * gap * gap
        decay = -0.5 * product
        for square, root, weight in table:
            exact = xp.exp(decay * ((1.0 - root) / (1.0 + root)))
            exact *= 1.0 / root
            exact -= 1.0 + square * (c + cd * square)
            exact *= weight
            exact *= xp.exp(decay + spread / square)
            total += exact
        total = xp.where(live, total, xp.zeros_like(total))
        return self.sign * (ends - (2.0 / math.pi) * total) - erf_a * erf_b


def _edge_closed(gap: Array, product: Array, c: Array, cd: Array, cosine: Array, xp: Any) -> Array:
    """exp(-a b / 2) int_0^A exp(-gap^2 / (2 v^2)) (1 + c v^2 + c d v^4) dv, by parts."""
    square, area = gap * gap, cosine * cosine
    third = (c - cd * square / 5.0) / 3.0
    inner = cosine * xp.exp(-0.5 * (product + square / area)) * (1.0 - third * (square - area) + cd * area * area / 5.0)
    tail = gap * xp.exp(-0.5 * product) * erfc(gap / (_SQRT2 * cosine)) * (1.0 - third * square)
    return inner - math.sqrt(0.5 * math.pi) * tail


def classify(
    first: Array, second: Array, tangent: Array, cosine: Array, ctx: Context
) -> tuple[list[Group], list[Array]]:
    """Flat pairs by the rule that fits their correlation.

    Returns
    -------
    groups : list of Group
        Empty rules are left out.
    members : list of array
        For each group the positions of its pairs in the flat input; then those of the uncorrelated pairs.
    """
    xp = ctx.xp
    size = xp.abs(tangent)
    groups: list[Group] = []
    members: list[Array] = []
    lower = 0.0
    for limit, nodes in CENTRE_RULES:
        upper = math.tan(0.5 * math.asin(limit))
        (index,) = xp.nonzero((size > lower) & (size <= upper))
        lower = upper
        if index.shape[0]:
            members.append(index)
            left, right, tilt = (xp.take(x, index, axis=0) for x in (first, second, tangent))
            groups.append(Centre(left, right, xp.abs(tilt), xp.sign(tilt), nodes))
    edge = size > lower
    lower = -1.0
    for limit, nodes in EDGE_RULES:
        (index,) = xp.nonzero(edge & (cosine > lower) & (cosine <= limit))
        lower = limit
        if index.shape[0]:
            members.append(index)
            left, right, tilt, width = (xp.take(x, index, axis=0) for x in (first, second, tangent, cosine))
            groups.append(Edge(left, right, width, xp.sign(tilt), nodes))
    members.append(xp.nonzero(size == 0)[0])
    return groups, members

"""Remark 2: numbers kept and multiplications of one step, counted."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import sympy as sp

from optassay.optimizers import AndersonMixing, StochasticAnderson

from ..claim import Budget, Evidence, Exact, Way, Witness


class Counted:
    """A number that counts multiplications."""

    total = 0

    def __init__(self, value: float) -> None:
        self.value = value

    def __mul__(self, other: Counted) -> Counted:
        Counted.total += 1
        return Counted(self.value * other.value)

    def __add__(self, other: Counted) -> Counted:
        return Counted(self.value + other.value)


def _count(columns_x: list[list[Counted]], columns_r: list[list[Counted]], r: list[Counted], one_column: bool) -> int:
    """Multiplications with vectors of length d in one step with (14): Gram products, R'r, and the combination."""

    def dot(a: list[Counted], b: list[Counted]) -> Counted:
        total = a[0] * b[0]
        for u, v in zip(a[1:], b[1:], strict=True):
            total = total + u * v
        return total

    Counted.total = 0
    m = len(columns_x)
    for i in range(m):
        for j in range(m):
            new = i == m - 1 or j == m - 1
            if j <= i and (new or not one_column):
                dot(columns_x[i], columns_x[j])
                dot(columns_r[i], columns_r[j])
            if new or not one_column:
                dot(columns_x[i], columns_r[j])
    for column in columns_r:
        dot(column, r)
    weight = Counted(0.5)
    for column in (*columns_x, *columns_r, r):
        for entry in column:
            weight * entry  # the product is counted, the value of no use
    return Counted.total


def cost(statement: tuple[bool, Callable[[int], int]], budget: Budget) -> list[Evidence]:
    """Counted multiplications per entry of the vectors against a stated polynomial in m."""
    one_column, formula = statement
    for m in range(1, budget.pick(7, 12)):
        for d in (3, 8):
            columns = [[Counted(1.0) for _ in range(d)] for _ in range(m)]
            found = _count(columns, columns, columns[0], one_column)
            if found != formula(m) * d:
                point = {"m": m, "d": d, "incremental": one_column, "stated": formula(m) * d}
                closed = 7 * m if one_column else 2 * m * m + 4 * m + 1
                replay = """
m, d = witness["m"], witness["d"]
pairs = [(i, j) for i in range(m) for j in range(m) if not witness["incremental"] or m - 1 in (i, j)]
count = sum(2 * (j <= i) + 1 for i, j in pairs) + m + 2 * m + 1
violated = count * d != witness["stated"]
"""
                ways = (
                    Way("counted", found, "==", formula(m) * d),
                    Way("closed form", closed * d, "==", formula(m) * d),
                )
                return [Witness(point, *ways, replay)]
    m, i, j = sp.symbols("m i j", integer=True, positive=True)
    # Pairs (i, j): symmetric products twice, X'R once; with one new column only those that contain it.
    symmetric = m if one_column else sp.summation(sp.summation(1, (j, 1, i)), (i, 1, m))
    mixed = 2 * m - 1 if one_column else m**2
    total = 2 * symmetric + mixed + m + 2 * m + 1
    return [Exact("symbolic", {"closed form of the count for every m": sp.expand(total - formula(m)) == 0})]


def storage(count: Callable[[int], int], budget: Budget) -> list[Evidence]:
    """Vectors of length d that the state of the rules keeps for X and R, against the stated number of m."""
    del budget
    steps = {}
    for m in (1, 3, 8):
        for d in (50, 200):
            params = np.zeros(d)
            for rule in (AndersonMixing(memory=m), StochasticAnderson(memory=m)):
                state = rule.init(params)
                for k in range(m + 2):
                    params, state = rule.step(params, np.cos(np.arange(d) * (k + 1.0)), state)
                columns = {id(v): v for v in (*state.history.x, *state.history.r)}
                numbers = sum(v.size for v in columns.values())
                steps[f"{type(rule).__name__}, m = {m}, d = {d}: {count(m)} d numbers"] = numbers == count(m) * d
    return [Exact("enumeration", steps, instances=len(steps))]

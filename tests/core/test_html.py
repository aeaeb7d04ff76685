"""Tables that objects show in a notebook."""

from __future__ import annotations

from typing import Any

from optassay.html import fact_table
from quadratics import StochasticQuadratic
from spectral import optimal_rate


def test_a_table_escapes_what_it_shows() -> None:
    table = fact_table("a < b", {"<script>": 1 / 3, "n": "x & y"})
    assert "&lt;script&gt;" in table and "<script>" not in table
    assert "0.333333333333" in table and "x &amp; y" in table and "a &lt; b" in table


def test_a_problem_shows_its_spectrum(xb: Any) -> None:
    problem = StochasticQuadratic(xb.array([[1.0, 0.0], [0.0, 4.0]]), xb.array([0.0, 0.0]), 0.5)
    shown = problem._repr_html_()
    assert "1 to 4" in shown and ">2<" in shown and ">0.5<" in shown


def test_a_rate_shows_its_bound() -> None:
    best = optimal_rate(10.0, 1)
    shown = best._repr_html_()
    assert f"{best.rate:.12g}" in shown and f"{best.certified_upper:.12g}" in shown

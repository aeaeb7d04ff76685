"""Exact theory of stochastic quadratic problems."""

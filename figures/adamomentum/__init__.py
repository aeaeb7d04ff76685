"""Figures of "AdaMomentum"."""

from . import areas, nonconvex, race, regret, slack

FIGURES = [
    *areas.FIGURES,
    *race.FIGURES,
    *regret.FIGURES,
    *slack.FIGURES,
    *nonconvex.FIGURES,
]

"""Figures of "AdaMomentum"."""

from . import areas, exits, nonconvex, race, regret, slack

FIGURES = [
    *areas.FIGURES,
    *race.FIGURES,
    *exits.FIGURES,
    *regret.FIGURES,
    *slack.FIGURES,
    *nonconvex.FIGURES,
]

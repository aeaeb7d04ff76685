"""What the figures of "AdaMomentum" share."""

from __future__ import annotations

from ..style import BLACK, BLUE, GREEN, GREY, ORANGE, VERMILLION

PAPER = "Adapting Stepsizes by Momentumized Gradients Improves Optimization and Generalization"
USES = (
    "analysis",
    "optassay.arrays",
    "optassay.optimizers",
    "optassay.rounds",
    "optassay._c_source",
    "optassay._compiler",
    __name__,
)
COLOURS = {
    "SGDM": GREY,
    "RMSprop": BLACK,
    "Adam": ORANGE,
    "AMSGrad": GREEN,
    "AdaBelief": BLUE,
    "AdaMomentum": VERMILLION,
    "AdaMomentum, running maximum": BLUE,
}

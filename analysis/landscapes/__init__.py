"""Test functions with gradients and Hessians in closed form, as printed and as corrected.

Every formula is written once and runs on arrays (``value``, ``gradient``, ``hessian``), on balls and on symbols
(``formula``, ``formula_gradient``, ``formula_hessian`` with ``BALLS`` or ``SYMBOLS``).
"""

from ._functions import BALLS, SYMBOLS
from ._landscape import Landscape, Separable
from .ackley import Ackley, AckleyRosenbrock
from .classic import Beale, Sphere, ThreeHumpCamel
from .curves import LossCurve, Wave
from .goldstein_price import GoldsteinPrice
from .levy import Levy
from .two_well import TwoWell
from .valley import Valley

__all__ = [
    "BALLS",
    "SYMBOLS",
    "Ackley",
    "AckleyRosenbrock",
    "Beale",
    "GoldsteinPrice",
    "Landscape",
    "Levy",
    "LossCurve",
    "Separable",
    "Sphere",
    "ThreeHumpCamel",
    "TwoWell",
    "Valley",
    "Wave",
]

"""Appendix A: the four toy functions, their global minima and local ones, certified."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import sympy as sp

from analysis.landscapes import SYMBOLS, Ackley, Beale, Sphere, ThreeHumpCamel

from ..checks.symbolic import Identity, is_zero, symbolic_identity
from ..claim import Budget, Claim, Evidence, Exact, Part
from ..critical_momenta.minima import Minima, located, several_minima
from ..critical_momenta.places import Place, global_minimum_lies_in

X, Y = sp.symbols("x y", real=True)
SPHERE_TEXT = "x**2+y**2"
CAMEL_TEXT = "2*x**2-1.05*x**4+x**6/6+x*y+y**2"
ACKLEY_TEXT = "-20*exp(-0.2*sqrt((x**2+y**2)/2))-exp((cos(2*pi*x)+cos(2*pi*y))/2)+20+e"
BEALE_TEXT = "(1.5-x+x*y)**2+({}-x+x*y**2)**2+(2.625-x+x*y**3)**2"
PRINTED, STANDARD = Fraction(11, 5), Fraction(9, 4)
CORNER = ((-5, -5), (5, 5))


def _sphere_beyond(infimum: Any) -> Mapping[str, bool]:
    del infimum
    return {"f = x^2 + y^2, zero at the origin only": is_zero(Sphere().formula((X, Y), SYMBOLS) - X**2 - Y**2)}


def _camel_beyond(infimum: Any) -> Mapping[str, bool]:
    del infimum
    q = sp.Symbol("q")
    quadratic = sp.Rational(7, 4) - sp.Rational(21, 20) * q + q**2 / 6
    return {
        "f = (y + x/2)^2 + x^2 (7/4 - 21/20 q + q^2/6), q = x^2": is_zero(
            ThreeHumpCamel().formula((X, Y), SYMBOLS) - (Y + X / 2) ** 2 - (q * quadratic).subs(q, X**2)
        ),
        "the quadratic in q has a negative discriminant": bool(sp.discriminant(quadratic, q) < 0),
    }


def _ackley_beyond(infimum: Any) -> Mapping[str, bool]:
    del infimum
    r = sp.sqrt((X**2 + Y**2) / 2)
    split = 20 * (1 - sp.exp(-r / 5)) + (sp.E - sp.exp((sp.cos(2 * sp.pi * X) + sp.cos(2 * sp.pi * Y)) / 2))
    return {
        "f = 20 (1 - exp(-r/5)) + (e - exp((cos 2 pi x + cos 2 pi y)/2)), both >= 0, the first zero at r = 0 only": (
            is_zero(Ackley().formula((X, Y), SYMBOLS) - split)
        )
    }


def _beale_beyond(constant: Fraction) -> Any:
    def steps(infimum: Any) -> Mapping[str, bool]:
        """Zeros of the three squares: x (1 - y) = 3/2 and x (1 - y^2) = b give 1 + y = 2 b / 3, hence x."""
        del infimum
        y = Fraction(2, 3) * constant - 1
        x = Fraction(3, 2) / (1 - y)
        return {
            "f is a sum of three squares": is_zero(
                Beale(constant).formula((X, Y), SYMBOLS)
                - sum(
                    (c - X + X * Y**k) ** 2 for k, c in ((1, sp.Rational(3, 2)), (2, _sp(constant)), (3, _sp("21/8")))
                )
            ),
            "the only common zero of the first two is one of the third": x * (1 - y**3) == Fraction(21, 8),
            "it is (3, 1/2)": (x, y) == (3, Fraction(1, 2)),
        }

    return steps


def _sp(value: Any) -> sp.Rational:
    return sp.Rational(str(value))


def _beale_place(constant: Fraction, point: tuple[Any, Any], beyond: bool = True) -> Place:
    text = BEALE_TEXT.format(float(constant))
    box = ((Fraction(-9, 2), Fraction(-9, 2)), (Fraction(9, 2), Fraction(9, 2)))
    return Place(Beale(constant), text, point, point, *box, _beale_beyond(constant) if beyond else None)


def _beale_at(constant: Fraction, value: Any = 0) -> Mapping[str, Identity]:
    """Value and gradient at (3, 1/2)."""
    x, y = (sp.Symbol(s, real=True) for s in "xy")
    f = Beale(constant).formula((x, y), SYMBOLS)
    at = {x: 3, y: sp.Rational(1, 2)}
    return {
        "value": Identity(f.subs(at), value),
        "derivative along x_1": Identity(sp.diff(f, x).subs(at), 0),
        "derivative along x_2": Identity(sp.diff(f, y).subs(at), 0),
    }


def _beale_hessian(entries: tuple[Any, Any, Any]) -> Mapping[str, Identity]:
    x, y = (sp.Symbol(s, real=True) for s in "xy")
    f = Beale(STANDARD).formula((x, y), SYMBOLS)
    at = {x: 3, y: sp.Rational(1, 2)}
    found = (sp.diff(f, x, 2), sp.diff(f, x, y), sp.diff(f, y, 2))
    return {name: Identity(d.subs(at), e) for name, d, e in zip(("xx", "xy", "yy"), found, entries, strict=True)}


def _at_origin(value: Any) -> Mapping[str, Identity]:
    """The value that the three functions have at the origin."""
    named = {"sphere": Sphere(), "three-hump camel": ThreeHumpCamel(), "Ackley": Ackley()}
    return {name: Identity(f.formula((sp.Integer(0), sp.Integer(0)), SYMBOLS), value) for name, f in named.items()}


def _counts(expected: tuple[int, int], budget: Budget) -> list[Evidence]:
    """Numbers of local minima and saddles of the printed Beale function, from its complete list of critical points."""
    del budget
    found = located(Beale(PRINTED), (Fraction(-9, 2),) * 2, (Fraction(9, 2),) * 2)
    counts = tuple(sum(p.kind == kind for p in found.points) for kind in ("minimum", "saddle"))
    steps = {"the list is complete": found.complete, f"{expected} minima and saddles": counts == expected}
    return [Exact("ball", steps, {"points": [[*p.point, float(p.value.mid())] for p in found.points]})]


def _origin(name: str, landscape: Any, text: str, beyond: Any, note: str, tolerance: float = 1e-7) -> Part:
    return Part(
        f"{name}: the origin is the one global minimum, on the plane",
        global_minimum_lies_in,
        printed=Place(landscape, text, (0, 0), (0, 0), *CORNER, beyond, tolerance),
        broken=Place(landscape, text, (1, 0), (1, 0), *CORNER, beyond, tolerance),
        note=note,
    )


CLAIMS = [
    Claim(
        id="adamomentum/toy-functions",
        location="appendix A",
        statement="Sphere, three-hump camel and Ackley have their global minimum, 0, at the origin.",
        figures=("adamomentum/figure-2",),
        parts=(
            Part("the value there", symbolic_identity, printed=_at_origin(0), broken=_at_origin(1)),
            _origin("sphere", Sphere(), SPHERE_TEXT, _sphere_beyond, ""),
            _origin(
                "three-hump camel",
                ThreeHumpCamel(),
                CAMEL_TEXT,
                _camel_beyond,
                r"$f=(x_2+x_1/2)^2+x_1^2(7/4-1.05q+q^2/6)$ with $q=x_1^2$ and discriminant $-0.064<0$.",
            ),
            _origin(
                "Ackley",
                Ackley(),
                ACKLEY_TEXT,
                _ackley_beyond,
                r"The minimum is a cone of slope $2\sqrt2$, not a smooth one: methods with a constant step cannot "
                "settle there.",
                1e-6,
            ),
            Part(
                "three-hump camel: local minima",
                several_minima,
                printed=Minima(ThreeHumpCamel(), *CORNER, 1),
                broken=Minima(ThreeHumpCamel(), *CORNER, 3),
                bears=False,
                note=r"Two others, $\pm(1.7476,-0.8738)$ with value 0.2986, and two saddles; Ackley has 120 others on "
                r"$[-5,5]^2$ (see critical-momenta/ackley).",
            ),
        ),
    ),
    Claim(
        id="adamomentum/toy-function-beale",
        location="appendix A",
        statement=r"The Beale function has its global minimum, 0, at $(3,0.5)$.",
        main_reading="2.2",
        reading_reason="It is what the text shows; the literature's function, cited in 5.1.1, has 2.25.",
        figures=("adamomentum/figure-2",),
        parts=(
            Part(
                "value and gradient at (3, 0.5)",
                symbolic_identity,
                printed=_beale_at(PRINTED),
                broken=_beale_at(STANDARD, 1),
                repair=_beale_at(STANDARD),
                repair_note="2.25 for 2.2",
                reading="2.2",
                note="The printed form has the value 0.0025 there, and a gradient that is not zero.",
            ),
            Part(
                "the one global minimum",
                global_minimum_lies_in,
                printed=_beale_place(PRINTED, (3, Fraction(1, 2)), False),
                broken=_beale_place(STANDARD, (1, 0)),
                repair=_beale_place(STANDARD, (3, Fraction(1, 2))),
                repair_note="2.25 for 2.2",
                reading="2.2",
                note="The printed form has its minimum 0.0015221 at (2.99888, 0.50621); it is nowhere zero.",
            ),
            Part(
                "value and gradient at (3, 0.5), with 2.25",
                symbolic_identity,
                printed=_beale_at(STANDARD),
                broken=_beale_at(PRINTED),
                reading="2.25",
            ),
            Part(
                "the one global minimum, with 2.25, on the plane",
                global_minimum_lies_in,
                printed=_beale_place(STANDARD, (3, Fraction(1, 2))),
                broken=_beale_place(STANDARD, (1, 0)),
                reading="2.25",
            ),
            Part(
                "Hessian there, with 2.25",
                symbolic_identity,
                printed=_beale_hessian((sp.Rational(101, 32), -sp.Rational(183, 16), sp.Rational(369, 8))),
                broken=_beale_hessian((sp.Rational(101, 32), sp.Rational(183, 16), sp.Rational(369, 8))),
                bears=False,
                note="Eigenvalues 0.301 and 48.98: a condition number of 162.",
            ),
            Part(
                "local minima and saddles on [-4.5, 4.5]^2, 2.2",
                _counts,
                printed=(1, 2),
                broken=(2, 2),
                bears=False,
                note="One minimum and two saddles: section 5.1.1 calls the function multimodal.",
            ),
        ),
    ),
]

"""Abstract, introduction and related work: the mixture of SGD and Adam, and the step compared with Padam's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import sympy as sp

from ..checks.bounds import Inequality, inequality
from ..checks.search import for_all
from ..checks.symbolic import Identity, symbolic_identity
from ..checks.tables import Comparison, Spread, means_at_least, significance
from ..claim import Claim, Part
from .tables import CIFAR10, IWSLT14, PENN_TREEBANK, RUNS
from .transcription import ratio

ETA, R, X, ALPHA = sp.symbols("eta r x alpha")

# --- mixture ---


def _harmonic(mix: Callable[[Any, Any], Any]) -> Identity:
    """alpha/d_i as a mean of the reciprocals of SGD's coefficient 1 and of the RMS-scaled Adam's 1/x."""
    return Identity(1 / ratio(ETA, R, X), mix(ETA * R / (1 + ETA), X))


_X3 = sp.symbols("x1:4")
_VOLUME = sp.Matrix([[1, 1, 1], [1 / x for x in _X3], [ratio(ETA, 1, x) for x in _X3]]).det()

_DIVIDER = 1 + ETA - ETA * R + ETA * R * X
_S, _U = sp.symbols("s u")

MIXTURE = Claim(
    id="softadam/direction-mixes-sgd-and-adam",
    location="abstract, section 1",
    statement=(
        r"SoftAdam joins SGD and Adam continuously and steps along a mixture of the two. Precise version: for "
        r"$\eta\ge0$ the coefficient of each element is the weighted harmonic mean of SGD's $\alpha$ and of Adam's, "
        r"rescaled to $\alpha/x_i$, with weights $1-w$ and $w=\eta r/(1+\eta)$; it is continuous in $\eta$, SGD's at "
        r"$\eta=0$, and between the two."
    ),
    assumptions=(r"$\eta\ge0$, $0<r\le1$, $x_i>0$",),
    parts=(
        Part(
            "the coefficient is a weighted harmonic mean of 1 and 1/x",
            symbolic_identity,
            printed=_harmonic(lambda w, x: (1 - w) + w * x),
            broken=_harmonic(lambda w, x: 1 / ((1 - w) + w / x)),
            note="alpha/d = (1 - w) + w x with w = eta r/(1 + eta); the arithmetic mean of 1 and 1/x is the control.",
        ),
        Part(
            "no pole for eta >= 0: the divider stays positive, so d is continuous and ascent never happens",
            inequality,
            printed=Inequality(_DIVIDER, ">", 0, {R: _S / (1 + _S)}),
            broken=Inequality(_DIVIDER, ">", 0, {R: _S / (1 + _S), ETA: _U - 3}),
            note="For negative eta a pole sits at eta = -1/(1 - r + r x), within -1 < eta < 0 as soon as x > 1.",
        ),
        Part(
            "at eta = 0 the coefficient is SGD's; for eta to infinity (r = 1) it is 1/x",
            symbolic_identity,
            printed={
                "SGD end": Identity(ratio(0, R, X), 1),
                "Adam end": Identity(sp.limit(ratio(ETA, 1, X), ETA, sp.oo), 1 / X),
            },
            broken={"Adam end": Identity(sp.limit(ratio(ETA, 1, X), ETA, sp.oo), 1)},
            note="Adam's direction is only a limit, up to the common factor sqrt(mean v), without its bias correction.",
        ),
        Part(
            "the coefficients are a linear combination of SGD's (1, 1, 1) and Adam's (1/x_i)",
            symbolic_identity,
            printed=Identity(_VOLUME, 0),
            broken=Identity(_VOLUME, 1),
            repair=_harmonic(lambda w, x: (1 - w) + w * x),
            repair_note=r"element by element: $\alpha/d_i=(1-w)+w\,x_i$ (harmonic, not linear)",
            bears=False,
            note="With three different x_i (more elements complete the mean square) the step leaves their plane.",
        ),
        Part(
            "a one-element parameter always gets SGD's step (eps = 0)",
            symbolic_identity,
            printed=Identity(ratio(ETA, R, 1), 1),
            broken=Identity(ratio(ETA, R, 1), 1 + ETA),
            bears=False,
            note="n = 1 means x = 1: eta has no effect and nothing of Adam is mixed in.",
        ),
    ),
    figures=("softadam/angles",),
)

# --- Padam ---

_W = sp.Symbol("w")


def _excess(ceiling: Callable[[Any, Any], Any]) -> Inequality:
    """d_i/alpha of SoftAdam against a ceiling in eta and r; 0 < r < 1, x > 0."""
    return Inequality(ratio(ETA, R, X), "<=", ceiling(ETA, R), {R: _S / (1 + _S)})


def _padam(v_root: Any) -> dict[str, Inequality]:
    """Padam's d_i/alpha = v^-p > 1 with p = j/8 and v = w^8."""
    return {f"p = {j}/8": Inequality(_W**-j, ">", 1, {_W: v_root}) for j in range(1, 5)}


def _tangent(relation: Literal[">=", "<="]) -> dict[str, Inequality]:
    """d/alpha against its tangent at x = 1, on both sides of it (eta > 0)."""
    line = 1 - ETA * R / (1 + ETA) * (X - 1)
    sides = {"x > 1": 1 + _U, "x < 1": 1 / (1 + _U)}
    return {name: Inequality(ratio(ETA, R, X), relation, line, {X: x, R: _S / (1 + _S)}) for name, x in sides.items()}


PADAM = Claim(
    id="softadam/step-size-compared-with-padam",
    location="section 1.1",
    statement=(
        r"Padam's step is not strictly smaller than SGD's, so SGD's guarantees cannot be carried over to it, in "
        r"contrast to SoftAdam. Precise version: $d_i-\alpha$ takes both signs for Padam ($d_i=\alpha v_i^{-p}$), and "
        r"$d_i\le\alpha$ for SoftAdam."
    ),
    parts=(
        Part(
            "Padam's coefficient exceeds SGD's wherever v < 1",
            inequality,
            printed=_padam(1 / (1 + _S)),
            broken=_padam(1 + _S),
            note="d_i/alpha = v^-p runs over all of (0, inf): above 1 exactly when v < 1, for every p in (0, 1/2].",
        ),
        Part(
            "SoftAdam's coefficient never exceeds SGD's",
            inequality,
            printed=_excess(lambda eta, r: 1),
            broken=_excess(lambda eta, r: (1 + eta / 2) / (1 + eta - eta * r)),
            repair=_excess(lambda eta, r: (1 + eta) / (1 + eta - eta * r)),
            repair_note=r"$d_i\le\alpha\,(1+\eta)/(1+\eta-\eta r)\le(1+\eta)\alpha$: larger than SGD's, but bounded",
            note=(
                "d_i > alpha whenever x_i < 1 (eta > 0), which some element always meets unless all v_i are equal. "
                "What does set SoftAdam apart is boundedness: Padam's ratio has no bound."
            ),
        ),
        Part(
            "SoftAdam's coefficients lie above their tangent at x = 1, so their mean over elements is at least SGD's",
            inequality,
            printed=_tangent(">="),
            broken=_tangent("<="),
            bears=False,
            note=(
                "The tangent's slope is negative and mean(x) <= sqrt(mean(x^2)) <= 1: for every n the mean of d/alpha "
                "over the elements is >= 1, with equality (eps = 0) only if all v_i agree."
            ),
        ),
        Part(
            "for -1 < eta < 0 the coefficient exceeds SGD's where x > 1",
            inequality,
            printed=Inequality(ratio(ETA, 1, X), ">=", 1, {X: 1 + _S, ETA: -_U / ((1 + _U) * (2 + _S))}),
            broken=Inequality(ratio(ETA, 1, X), "<", 1, {X: 1 + _S, ETA: -_U / ((1 + _U) * (2 + _S))}),
            bears=False,
            note="sign(d_i - alpha) = sign(eta (1 - x_i)) while the divider is positive and eta > -1.",
        ),
    ),
    figures=("softadam/step-ratio",),
)

# --- performance at the defaults ---

_IMAGES = Comparison(CIFAR10, "SoftAdam", ("SGD", "AdamW"), RUNS)
_LANGUAGE = Comparison(
    PENN_TREEBANK | {"IWSLT'14": {name: (-perplexity, 0.0) for name, (perplexity, _) in IWSLT14.items()}},
    "SoftAdam",
    ("SGD",),
    RUNS,
)


def _images(spread: Spread) -> Part:
    return Part(
        f"image networks: in none of ten comparisons significantly worse (Welch, 5%, +- as {spread})",
        for_all,
        printed=significance(_IMAGES, "not worse", spread),
        broken=significance(Comparison(CIFAR10, "AdamW", ("SoftAdam",), RUNS), "not worse", spread),
        note=(
            "Against AdamW significantly better in all five rows; against SGD in two (AlexNet .007, VGG19 .049 as "
            "standard deviation) or one (AlexNet .030 as standard error). Equality is not shown by such a test."
        ),
    )


PERFORMANCE = Claim(
    id="softadam/default-equals-or-outperforms",
    location="abstract, section 5",
    statement=(
        "At its defaults SoftAdam equals or outperforms SGD and Adam on image classification and outperforms SGD on "
        "language modelling. Precise version, on the printed tables: no image network with a significant difference "
        "against it, and a better mean than SGD in every language task."
    ),
    assumptions=("three runs per entry; judged from the printed numbers, no network was trained",),
    parts=(
        _images("standard deviation"),
        _images("standard error"),
        Part(
            "language modelling: printed perplexities below SGD's",
            for_all,
            printed=means_at_least(_LANGUAGE),
            broken=means_at_least(Comparison(PENN_TREEBANK, "SoftAdam", ("Adam",), RUNS)),
            note="63.63 against 66.64 (p = .021, as standard error .065) and 4.02 against 4.14 (single values).",
        ),
        Part(
            "the printed mean is nowhere below SGD's or AdamW's",
            for_all,
            printed=means_at_least(_IMAGES),
            broken=means_at_least(Comparison(CIFAR10, "AdamW", ("SoftAdam",), RUNS)),
            repair=means_at_least(_IMAGES, "0.04"),
            repair_note="nowhere more than 0.04 points below",
            bears=False,
            note="DenseNet-100: 95.00 against SGD's 95.04, p = .64.",
        ),
        Part(
            "differences against SGD that survive a correction for ten tests",
            for_all,
            printed=significance(_IMAGES, "better", "standard deviation", tests=10),
            broken=significance(Comparison(CIFAR10, "AdamW", ("SoftAdam",), RUNS), "better", "standard deviation"),
            repair=significance(
                Comparison(CIFAR10, "SoftAdam", ("AdamW",), RUNS), "better", "standard deviation", tests=10
            ),
            repair_note="after Bonferroni for ten tests only the five against AdamW are significant",
            bears=False,
            note="AlexNet against SGD: .007 becomes .069.",
        ),
    ),
)
CLAIMS = [MIXTURE, PADAM, PERFORMANCE]

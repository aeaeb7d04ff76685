"""Claims, the evidence that checks return, and the verdict computed from it.

A claim is made of *parts*. A part couples one check with the statement objects it is run on: the statement as
``printed``, a deliberately ``broken`` one (the negative control), optionally a ``repair`` and a ``sound`` twin. The
same check function judges all of them, so that a check which cannot tell true from false is seen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from typing import Any, Literal


class Verdict(StrEnum):
    """What the evidence allows to say of a claim."""

    PROVED = "proved"
    SUPPORTED = "supported"
    REFUTED = "refuted"
    CORRECTED = "corrected"
    VACUOUS = "vacuous"
    AMBIGUOUS = "ambiguous"
    NEEDS_DATA = "needs data"
    OPEN = "open"


class Budget(StrEnum):
    """How much work a check may spend: ``quick`` for every day, ``full`` for the ledger."""

    QUICK = "quick"
    FULL = "full"

    def pick(self, quick: Any, full: Any) -> Any:
        """The value that belongs to this budget."""
        return quick if self is Budget.QUICK else full


ExactMethod = Literal["symbolic", "rational", "ball", "certificate", "enumeration"]
Relation = Literal["==", "!=", "<=", "<", ">=", ">"]


@dataclass(frozen=True)
class Exact:
    """Steps decided without rounding: symbolic identities, exact rationals, ball arithmetic, certificates.

    Attributes
    ----------
    method : str
    steps : mapping
        What was decided -> whether it held; not empty.
    data : mapping
    instances : int, optional
        Without it the steps decide the statement for everything it quantifies over. Steps that decide it, however
        exactly, for finitely many members of a larger set give their number; they support the statement and do not
        prove it.
    """

    method: ExactMethod
    steps: Mapping[str, bool]
    data: Mapping[str, Any] = field(default_factory=dict)
    instances: int | None = None

    def __post_init__(self) -> None:
        if not self.steps:
            raise ValueError("steps must not be empty: evidence that decided nothing proves nothing")
        if self.instances is not None and self.instances <= 0:
            raise ValueError(
                f"instances must be positive, got {self.instances}: a run that checked nothing never passes"
            )

    @property
    def holds(self) -> bool:
        return all(self.steps.values())


@dataclass(frozen=True)
class Sampled:
    """Instances tried in floating point or by simulation: how many, how many violations, the smallest slack."""

    method: str
    instances: int
    violations: int
    smallest_slack: float
    effort: str
    data: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.instances <= 0:
            raise ValueError(
                f"instances must be positive, got {self.instances}: a run that checked nothing never passes"
            )
        if not 0 <= self.violations <= self.instances:
            raise ValueError(f"violations must lie in 0..{self.instances}, got {self.violations}")

    @property
    def holds(self) -> bool:
        return self.violations == 0


@dataclass(frozen=True)
class Way:
    """One way of seeing that ``left relation right`` fails: both sides as computed, and the margin demanded.

    ``margin`` is the numerical uncertainty of the two sides; exact values take 0.
    """

    method: str
    left: Any
    relation: Relation
    right: Any
    margin: float = 0.0

    def __post_init__(self) -> None:
        for side in (self.left, self.right):
            if isinstance(side, float) and math.isnan(side):
                raise ValueError(f"{self.method}: a side of the comparison is NaN")

    @property
    def violated(self) -> bool:
        left, right, margin = self.left, self.right, self.margin
        if isinstance(left, Fraction | int) and isinstance(right, Fraction | int):
            margin = Fraction(margin)  # type: ignore[assignment]
        if self.relation == "==":
            return bool(abs(left - right) > margin)
        if self.relation == "!=":
            return bool(abs(left - right) <= margin)
        if self.relation in ("<=", "<"):
            excess = left - right
        else:
            excess = right - left
        return bool(excess > margin) if self.relation in ("<=", ">=") else bool(excess >= margin)


@dataclass(frozen=True)
class Witness:
    """A concrete counterexample, seen in two independent ways, that anyone can run again.

    ``replay`` is Python code of a few lines, run with ``witness = {...}`` (``point``) in scope.
    """

    point: Mapping[str, Any]
    first: Way
    second: Way
    replay: str

    def __post_init__(self) -> None:
        if self.first.method == self.second.method:
            raise ValueError(f"the two ways of a witness must differ, both are {self.first.method!r}")

    @property
    def stands(self) -> bool:
        return self.first.violated and self.second.violated


@dataclass(frozen=True)
class Unsatisfiable:
    """The assumptions contradict each other or are never met: exact steps that show it."""

    method: ExactMethod
    steps: Mapping[str, bool]
    data: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.steps:
            raise ValueError("steps must not be empty")

    @property
    def shown(self) -> bool:
        return all(self.steps.values())


@dataclass(frozen=True)
class Missing:
    """What keeps a claim from being judged: data nobody has here, an undecidable reading, or a proof out of reach."""

    kind: Literal["data", "reading", "proof"]
    what: str
    would_decide: str


Evidence = Exact | Sampled | Witness | Unsatisfiable | Missing
Check = Callable[[Any, Budget], Sequence[Evidence]]


class InconsistentEvidence(RuntimeError):
    """Evidence that neither establishes nor refutes a statement: the check is at fault, not the claim."""


def judge(evidence: Sequence[Evidence]) -> Verdict:
    """The verdict that one list of evidence about one statement allows.

    Raises
    ------
    InconsistentEvidence
        No evidence, a failed step without a witness, a witness that does not stand, or both at once.
    """
    if not evidence:
        raise InconsistentEvidence("no evidence was returned")
    witnesses = [e for e in evidence if isinstance(e, Witness)]
    if witnesses:
        if not all(w.stands for w in witnesses):
            fallen = next(w for w in witnesses if not w.stands)
            raise InconsistentEvidence(f"witness {dict(fallen.point)} does not violate the statement in both ways")
        return Verdict.REFUTED
    contradictions = [e for e in evidence if isinstance(e, Unsatisfiable)]
    if contradictions and all(c.shown for c in contradictions):
        return Verdict.VACUOUS
    missing = [e for e in evidence if isinstance(e, Missing)]
    if missing:
        kinds = {"data": Verdict.NEEDS_DATA, "reading": Verdict.AMBIGUOUS, "proof": Verdict.OPEN}
        return kinds[missing[0].kind]
    exact = [e for e in evidence if isinstance(e, Exact)]
    sampled = [e for e in evidence if isinstance(e, Sampled)]
    failed = [name for e in exact for name, held in e.steps.items() if not held]
    failed += [f"{e.method}: {e.violations} of {e.instances} instances violate" for e in sampled if not e.holds]
    failed += [name for c in contradictions for name, held in c.steps.items() if not held]
    if failed:
        raise InconsistentEvidence(f"failed without a witness: {'; '.join(failed)}")
    if sampled or any(e.instances is not None for e in exact):
        return Verdict.SUPPORTED
    return Verdict.PROVED


def rejects(evidence: Sequence[Evidence]) -> bool:
    """Whether the evidence speaks against the statement: what a negative control must show."""
    for item in evidence:
        if isinstance(item, Witness):
            return item.stands
    return any(not item.holds for item in evidence if isinstance(item, Exact | Sampled)) or any(
        item.shown for item in evidence if isinstance(item, Unsatisfiable)
    )


@dataclass(frozen=True)
class Part:
    """One statement of a claim with its check and its controls.

    Attributes
    ----------
    name : str
        What the part says, in a few words.
    check : callable
        ``check(statement, budget) -> sequence of evidence``.
    printed : object
        The statement as the paper prints it, in whatever form the check takes.
    broken : object
        A deliberately false statement of the same form, which the check must reject.
    repair : object, optional
        The smallest change that makes a refuted statement true; judged by the same check.
    sound : object, optional
        A true statement of the same form, which the check must not reject; for refuted parts without a repair.
    reading : str, optional
        Name of the reading of a damaged text that this part judges.
    bears : bool
        Whether the claim's verdict depends on this part; the rest is recorded as findings.
    note : str
        What the evidence says, in a sentence or two for the reader of the ledger.
    """

    name: str
    check: Check
    printed: Any
    broken: Any
    repair: Any = None
    sound: Any = None
    reading: str | None = None
    bears: bool = True
    note: str = ""
    repair_note: str = ""


@dataclass(frozen=True)
class Claim:
    """One statement of a paper, restated in our words.

    Attributes
    ----------
    id : str
        ``paper/slug``.
    location : str
        Where the paper says it.
    statement : str
        In our words, mathematics as TeX between dollar signs.
    parts : sequence of Part
        Empty for a claim that needs data; then ``missing`` says what.
    assumptions : sequence of str
    main_reading : str, optional
        Where the text is damaged: the reading that the verdict follows, with the reason in ``reading_reason``. Without
        one, readings with different verdicts make the claim ambiguous.
    """

    id: str
    location: str
    statement: str
    parts: tuple[Part, ...] = ()
    assumptions: tuple[str, ...] = ()
    missing: Missing | None = None
    main_reading: str | None = None
    reading_reason: str = ""
    figures: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if "/" not in self.id:
            raise ValueError(f"id must have the form 'paper/slug', got {self.id!r}")
        if not self.parts and self.missing is None:
            raise ValueError(f"claim {self.id} has neither parts nor a statement of what is missing")
        if self.parts and self.missing is None and not any(part.bears for part in self.parts):
            raise ValueError(f"claim {self.id}: at least one part must bear on the verdict")

    @property
    def paper(self) -> str:
        return self.id.partition("/")[0]


def combine(verdicts: Sequence[Verdict]) -> Verdict:
    """The verdict of a conjunction of parts: its worst news first, then its weakest evidence."""
    if not verdicts:
        raise InconsistentEvidence("no part bears on the verdict")
    for worst in (Verdict.REFUTED, Verdict.CORRECTED, Verdict.OPEN, Verdict.AMBIGUOUS, Verdict.NEEDS_DATA):
        if worst in verdicts:
            return worst
    if Verdict.VACUOUS in verdicts:
        return Verdict.VACUOUS
    return Verdict.SUPPORTED if Verdict.SUPPORTED in verdicts else Verdict.PROVED

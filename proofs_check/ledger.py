"""The ledger: finding claims, judging them side by side, comparing with the recorded verdicts, writing JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from functools import cache
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path
from typing import Any

from optassay import __version__
from optassay.files import source_digest, write_atomic

from .claim import Budget, Claim
from .judge import judge_claim

GROUP = "optassay.claims"
RECORD = files("proofs_check") / "recorded.json"


def papers() -> list[str]:
    """Names of the papers whose claims are installed."""
    return sorted({point.name for point in entry_points(group=GROUP)})


def _suggest(kind: str, name: str, known: Iterable[str]) -> ValueError:
    known = sorted(known)
    near = get_close_matches(name, known, n=1, cutoff=0.3)
    hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known[:8])}"
    return ValueError(f"{kind} {name!r} is not known; {hint}")


def load_claims(paper: Sequence[str] = (), claim: Sequence[str] = ()) -> list[Claim]:
    """Claims of the installed packs, in the order of the papers, optionally only some.

    Raises
    ------
    ValueError
        Unknown paper or claim id (suggests the nearest), or two packs that define one id.
    """
    points = sorted(entry_points(group=GROUP), key=lambda point: point.name)
    known = {point.name for point in points}
    for name in paper:
        if name not in known:
            raise _suggest("paper", name, known)
    # Packs of papers that were not asked for are not even imported.
    wanted = set(paper) or {c.partition("/")[0] for c in claim} & known or known
    found: dict[str, Claim] = {}
    for point in points:
        if point.name not in wanted:
            continue
        for item in point.load()():
            if item.id in found:
                raise ValueError(f"claim id {item.id!r} is defined twice")
            found[item.id] = item
    for name in claim:
        if name not in found:
            raise _suggest("claim", name, found)
    return [item for item in found.values() if not claim or item.id in claim]


def _judge_by_id(claim_id: str, budget: str) -> dict[str, Any]:
    # Claims hold functions, which do not always pickle: workers load them by id.
    (claim,) = load_claims(claim=[claim_id])
    return judge_claim(claim, Budget(budget))


def run(claims: Sequence[Claim], budget: Budget = Budget.QUICK, jobs: int = 1) -> Iterator[dict[str, Any]]:
    """Entries of the claims as they are finished; ``jobs`` processes, spread by whatever backend joblib is set to."""
    if jobs == 1:
        for claim in claims:
            yield judge_claim(claim, budget)
        return
    from joblib import Parallel, delayed

    parallel = Parallel(n_jobs=jobs, return_as="generator_unordered")
    yield from parallel(delayed(_judge_by_id)(claim.id, budget.value) for claim in claims)


def recorded() -> dict[str, str]:
    """Verdicts recorded with this version, by claim id."""
    return json.loads(RECORD.read_text()) if RECORD.is_file() else {}


def differences(entries: Iterable[dict[str, Any]]) -> list[str]:
    """One line for every entry whose verdict is not the recorded one."""
    known = recorded()
    lines = []
    for entry in entries:
        expected = known.get(entry["id"])
        if expected is None:
            lines.append(f"{entry['id']}: {entry['verdict']}, no verdict is recorded")
        elif expected != entry["verdict"]:
            lines.append(f"{entry['id']}: {entry['verdict']}, recorded is {expected}")
    return lines


@cache
def source() -> str:
    """Digest of all sources that verdicts are computed from: equal digests give equal entries."""
    return source_digest(["optassay", "quadratics", "spectral", "analysis", "proofs_check"])


def document(entries: Iterable[dict[str, Any]], budget: Budget, complete: bool = True) -> dict[str, Any]:
    """The ledger as one JSON document."""
    return {
        "optassay": __version__,
        "budget": budget.value,
        "source": source(),
        "complete": complete,
        "claims": list(entries),
    }


def unfinished(path: Path, budget: Budget) -> list[dict[str, Any]]:
    """Entries of an interrupted run of the same sources and budget that was writing to ``path``; else none."""
    try:
        ledger = json.loads(path.read_text())
        same = ledger["source"] == source() and ledger["budget"] == budget.value and not ledger["complete"]
        return [entry for entry in ledger["claims"] if entry["verdict"] != "error"] if same else []
    except (OSError, ValueError, KeyError, TypeError):
        # Nothing there, or not a ledger of ours: start afresh.
        return []


def write_json(path: Any, ledger: dict[str, Any]) -> None:
    """Write the ledger atomically."""
    write_atomic(path, (json.dumps(ledger, indent=1, ensure_ascii=False) + "\n").encode())

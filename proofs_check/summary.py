"""What a ledger entry says, in a sentence: how it was decided, and on what evidence."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

_FRACTION = re.compile(r"-?\d+(/\d+)?")
METHODS = {
    "symbolic": "a symbolic identity",
    "rational": "exact rational arithmetic",
    "ball": "ball arithmetic",
    "certificate": "a certificate checked in exact arithmetic",
    "enumeration": "complete enumeration",
}
RELATIONS = {"==": "=", "!=": "≠", "<=": "≤", "<": "<", ">=": "≥", ">": ">"}
WIDEST = 90  # characters of a value in a sentence; the whole of it stands in the details


def short(value: Any) -> str:
    """A JSON value in a few characters: floats to five digits, long fractions as decimals, long texts cut."""
    if isinstance(value, float):
        return f"{value:.5g}"
    if isinstance(value, dict):
        text = ", ".join(f"{name} = {short(item)}" for name, item in value.items())
    elif isinstance(value, list):
        text = f"[{', '.join(short(item) for item in value)}]"
    else:
        text = str(value)
        if len(text) > 24 and _FRACTION.fullmatch(text):
            text = f"{float(Fraction(text)):.6g}"
    return text if len(text) <= WIDEST else text[: WIDEST - 1] + "…"


def first_sentence(text: str) -> str:
    """Up to the first full stop that is followed by a capital letter or a formula."""
    return re.split(r"(?<=[.])\s+(?=[A-Z$])", text, maxsplit=1)[0]


def place(point: Any) -> Any:
    """Where a statement fails, without what the ledger needs to run it there again."""
    keys = [name for name in ("values", "claimed") if isinstance(point, dict) and point.get(name)]
    return point[keys[0]] if keys else point


def violation(witness: dict[str, Any]) -> str:
    """What a witness shows: the two sides of the comparison that fails."""
    way, point = witness["first"], witness["point"]
    claimed = point.get("claimed") if isinstance(point, dict) else None
    what = f"{claimed}: mean difference " if claimed else ""
    return f"{what}{short(way['left'])} where {stated(way)} is stated"


def stated(way: dict[str, Any]) -> str:
    """The right side of a comparison with its relation; equality goes without saying."""
    relation = "" if way["relation"] == "==" else f"{RELATIONS[way['relation']]} "
    return f"{relation}{short(way['right'])}"


def witnesses(evidence: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The counterexamples among records of evidence."""
    return [item for item in evidence if item["type"] == "witness"]


def _grounds(evidence: list[dict[str, Any]]) -> str:
    """On what accepted evidence rests: kinds of proof, or how many instances."""
    general = [item for item in evidence if item["type"] == "exact" and item.get("instances") is None]
    sampled = [item for item in evidence if item["type"] == "sampled"]
    counted = [item for item in evidence if item["type"] == "exact" and item.get("instances") is not None]
    said = list(dict.fromkeys(METHODS[item["method"]] for item in general))
    if counted:
        said.append(f"{sum(item['instances'] for item in counted)} instances decided exactly")
    if sampled:
        tried = sum(item["instances"] for item in sampled)
        slack = min((item["smallest_slack"] for item in sampled), key=float)
        least = f"smallest slack {short(slack)}" if float(slack) >= 0 else "equal to within rounding"
        said.append(f"{tried} sampled instances without a violation ({least})")
    return " and ".join(said) or "the evidence below"


def _part(part: dict[str, Any]) -> str:
    found = witnesses(part["printed"])
    match part["verdict"]:
        case "proved":
            return f"Proved by {_grounds(part['printed'])}."
        case "supported":
            return f"Held: {_grounds(part['printed'])}."
        case "vacuous":
            return "The assumptions contradict each other or are never met, as exact steps show."
        case "corrected":
            repair = part["repair"]
            how = f"repaired form {repair['verdict']}, by {_grounds(repair['evidence'])}"
            return f"As printed it fails ({violation(found[0])}); {how}."
        case "refuted":
            first, second = found[0]["first"]["method"], found[0]["second"]["method"]
            return f"It fails: {violation(found[0])}, seen by {first} and by {second}."
        case _:
            missing = [item for item in part["printed"] if item["type"] == "missing"]
            return f"Missing: {missing[0]['what']}" if missing else part["verdict"]


def sentence(entry: dict[str, Any]) -> str:
    """The evidence of a ledger entry in a sentence or two; TeX between dollar signs."""
    if entry["verdict"] == "error":
        return f"The check failed: {entry['evidence']['error']}"
    missing = entry["evidence"].get("missing")
    parts = [part for part in entry["evidence"]["parts"] if part["bears"]]
    if missing and not any(part["verdict"] == entry["verdict"] for part in parts):
        return f"Missing: {missing['what']}"
    if entry["verdict"] == "ambiguous" and parts:
        readings = ", ".join(f"{part['verdict']} for “{part['reading'] or part['name']}”" for part in parts)
        return f"It depends on the reading: {readings}."
    leading = next((part for part in parts if part["verdict"] == entry["verdict"]), parts[0])
    said = _part(leading)
    if len(parts) == 1:
        return said
    said = f"“{leading['name']}”: {said[0].lower()}{said[1:]}"
    followed = entry["evidence"].get("main_reading", {}).get("reading")
    rest = [part for part in parts if part is not leading]
    same = [part for part in rest if followed is None or part["reading"] in (None, followed)]
    other = [part for part in rest if part not in same]
    for words, group in (("Other parts", same), ("Other readings", other)):
        if group:
            said += f" {words}: {' and '.join(f'{n} {verdict}' for verdict, n in _tally(group).items())}."
    return said


def _tally(parts: Iterable[dict[str, Any]]) -> Counter[str]:
    return Counter(part["verdict"] for part in parts)

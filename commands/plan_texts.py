"""How `guanxi plan` tells differences, to people and to programs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from commands.corps import NAMES
from commands.plan_pushes import Pushes, pushes_as_json
from services.differences.model import SECRET, Change, Difference, What
from services.differences.store import Behind
from shared.plans import Operation
from shared.tenants import Tenant

ACTIONS: Mapping[What, str] = {
    What.NEW: "would be added",
    What.CHANGED: "would change",
    What.MISSING: "is not listed by WeCom: would be read by itself before anything is concluded",
    What.OUT_OF_SIGHT: "is not judged while its associate is out of the app's sight, unless the associate has left",
}
HIDDEN = "(hidden)"


@dataclass
class Findings:
    """What was found: so many differences are kept, all are counted.

    `counts`: by kind and what. `doubt`: why a pass would not remove by itself what is missing. `pushes`: what is
    still to be written to WeCom.
    """

    limit: int
    rows: int = 0
    counts: dict[tuple[str, str], int] = field(default_factory=dict)
    kept: list[tuple[Difference, tuple[Behind, ...]]] = field(default_factory=list)
    unread: list[tuple[str, str]] = field(default_factory=list)
    doubt: str | None = None
    pushes: Pushes = field(default_factory=Pushes)


def said(one: Difference, behind: Sequence[Behind], *, values: bool) -> Iterator[str]:
    """The lines of one difference."""
    name = " / ".join(part for part in (one.key, one.part) if part)
    yield f"{f'{one.count} × ' if one.count > 1 else ''}{one.kind} {name} {ACTIONS[one.what]}"
    if one.changes and not values:
        yield f"    fields: {', '.join(_named(one, change) for change in _worth_showing(one))}"
    for change in _worth_showing(one) if values else ():
        yield f"    {change.name}: {_shown(change, change.here)} → {_shown(change, change.there)}"
    if one.what in (What.NEW, What.CHANGED):
        yield "    why: WeCom shows it so" + (f"; would tell {', '.join(one.facts)}" if one.facts else "")
    for event in behind:
        at = f"{event.occurred_at:%Y-%m-%d %H:%M:%S} UTC"
        yield f"    event not looked at yet: {event.kind} of {at} ({event.caused_by})"


def _named(one: Difference, change: Change) -> str:
    return change.name if change.known or one.what is What.NEW else f"{change.name} (not known here yet)"


def _worth_showing(one: Difference) -> list[Change]:
    """Of what is new, only what is there."""
    return [change for change in one.changes if one.what is not What.NEW or change.there not in (None, (), "")]


def _shown(change: Change, value: object) -> str:
    if value is None:
        return "nothing"
    if change.name in SECRET:
        return HIDDEN
    return str(plain(value))


def plain(value: object) -> Any:
    """A value of the domain in terms of JSON; what is secret in it is hidden."""
    if is_dataclass(value) and not isinstance(value, type):
        value = {one.name: getattr(value, one.name) for one in fields(value)}
        value = {name: part for name, part in value.items() if part not in (None, (), frozenset())}
    told: Any = value
    match value:
        case Enum():
            told = value.value
        case datetime():
            told = value.isoformat()
        case frozenset() | set():
            told = sorted(str(plain(one)) for one in value)
        case tuple() | list():
            told = [plain(one) for one in value]
        case Mapping():
            told = {str(key): HIDDEN if key in SECRET else plain(part) for key, part in value.items()}
    return told


def counted(found: Findings) -> Iterator[str]:
    """The lines at the end."""
    total = sum(found.counts.values())
    if total > len(found.kept):
        yield f"… the first {len(found.kept)} are shown (--limit)"
    numbers = ", ".join(f"{number} {kind} {what}" for (kind, what), number in sorted(found.counts.items()))
    yield f"rows read: {found.rows}; " + (f"differences: {total} ({numbers})" if total else "nothing differs")
    if found.doubt:
        yield f"a pass would keep such removals for a person: {found.doubt}"
    for where, why in found.unread:
        yield f"could not be read: {where}: {why}"


def as_json(tenant: Tenant, found: Findings, *, values: bool) -> dict[str, Any]:
    return {
        "corp_id": tenant.corp_id,
        "rows": found.rows,
        "counts": [
            {"kind": kind, "what": what, "count": number} for (kind, what), number in sorted(found.counts.items())
        ],
        "differences": [_difference(one, behind, values=values) for one, behind in found.kept],
        "unread": [{"where": where, "why": why} for where, why in found.unread],
        "doubt": found.doubt,
        **pushes_as_json(found.pushes),
    }


def _difference(one: Difference, behind: Sequence[Behind], *, values: bool) -> dict[str, Any]:
    changes: list[dict[str, Any]] = [{"field": change.name, "known": change.known} for change in one.changes]
    if values:
        for told, change in zip(changes, one.changes, strict=True):
            secret = change.name in SECRET
            told["here"] = HIDDEN if secret and change.here is not None else plain(change.here)
            told["there"] = HIDDEN if secret and change.there is not None else plain(change.there)
    return {
        "kind": one.kind,
        "key": one.key,
        "part": one.part or None,
        "what": one.what.value,
        "count": one.count,
        "changes": changes,
        "facts": list(one.facts),
        "events": [plain(event) for event in behind],
    }


def refused_lines(tenant: Tenant, plan: Mapping[str, Any], first: Sequence[Operation]) -> Iterator[str]:
    counts = ", ".join(f"{number} {action}" for action, number in sorted(plan["counts"].items()))
    yield f"{plan['checksum']}  {NAMES[plan['resource']]}  of {plan['made_at']:%Y-%m-%d %H:%M} UTC: {counts}"
    yield f"    why it waits: {plan['reason']}"
    for one in first:
        yield f"    {one.action}  {' / '.join(part for part in (one.subject_key, one.userid) if part)}"
    more = sum(plan["counts"].values()) - len(first)
    if more > 0:
        yield f"    … and {more} more"
    yield f"    if it is right: guanxi approve {tenant.corp_id} {plan['checksum']} --by NAME"


def refused_as_json(plan: Mapping[str, Any], first: Sequence[Operation]) -> dict[str, Any]:
    return {
        **{name: plan[name] for name in ("checksum", "reason", "counts", "made_at")},
        "resource": NAMES[plan["resource"]],
        "first": [plain(one) for one in first],
    }

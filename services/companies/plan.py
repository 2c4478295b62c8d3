"""What becomes of a state or a link that the CRM sends. Pure: the newest word stands, whichever comes first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.companies.model import MOST_COMPANIES, Company, Known, Link, LinkOutcome, PutOutcome, Wish
from shared.ids import CompanyId, CustomerId


def plan_put(known: Known | None, given: Company) -> PutOutcome:
    """A deletion stands against states of the same moment; a state stands against older ones only."""
    if known is None:
        return "made"
    if known.company is None:
        return "late" if given.updated_at <= known.updated_at else "made"
    if known.company == given:
        return "unchanged"
    return "late" if given.updated_at < known.updated_at else "changed"


@dataclass(frozen=True)
class PutPlan:
    """`outcomes`: one for each state in its order. `written`: what stands now where that is something else."""

    outcomes: tuple[PutOutcome, ...]
    written: Mapping[CompanyId, Company]


def plan_puts(known: Mapping[CompanyId, Known], given: Sequence[Company]) -> PutPlan:
    """Several states of one company in a request follow each other."""
    standing, written, outcomes = dict(known), dict[CompanyId, Company](), list[PutOutcome]()
    for one in given:
        outcome = plan_put(standing.get(one.company_id), one)
        outcomes.append(outcome)
        if outcome in ("made", "changed"):
            standing[one.company_id] = Known(one, one.updated_at)
            written[one.company_id] = one
    return PutPlan(tuple(outcomes), written)


@dataclass(frozen=True)
class LinkPlan:
    """`outcomes`: one for each wish in its order. `written`: links as they are to be recorded."""

    outcomes: tuple[LinkOutcome, ...]
    written: tuple[Link, ...]

    def who(self, outcome: LinkOutcome, wishes: Sequence[Wish]) -> list[CustomerId]:
        return [wish.customer_id for wish, one in zip(wishes, self.outcomes, strict=True) if one == outcome]


def plan_links(
    known: Mapping[CustomerId, Link],
    wishes: Sequence[Wish],
    *,
    company_id: CompanyId,
    companies_count: Mapping[CustomerId, int],
    updated_at: datetime,
    now: datetime,
    gone_at: datetime | None = None,
) -> LinkPlan:
    """`companies_count`: how many companies each customer has already. The first wish about a customer counts.

    `gone_at`: the company was deleted then, and put again since; what was said of its links before is late.
    """
    outcomes, written, seen = list[LinkOutcome](), list[Link](), set[CustomerId]()
    at = min(updated_at, now)
    for wish in wishes:
        if wish.customer_id in seen:
            outcomes.append("repeated")
            continue
        seen.add(wish.customer_id)
        held = known.get(wish.customer_id) or Link(company_id, wish.customer_id, None, updated_at, None, None)
        gone = gone_at is not None and updated_at <= gone_at
        outcome = "late" if gone else _outcome(held, wish, updated_at, companies_count.get(wish.customer_id, 0))
        outcomes.append(outcome)
        changed = _told(held, wish, outcome, at=at, updated_at=updated_at)
        if outcome not in ("late", "too_many") and changed != known.get(wish.customer_id):
            written.append(changed)
    return LinkPlan(tuple(outcomes), tuple(written))


def _outcome(held: Link, wish: Wish, updated_at: datetime, companies_count: int) -> LinkOutcome:
    if updated_at < held.updated_at:
        return "late"
    if not wish.linked:
        return "unlinked" if held.lasts else "unchanged"
    if held.lasts:
        return "unchanged" if held.role == wish.role else "changed"
    return "too_many" if companies_count >= MOST_COMPANIES else "linked"


def _told(held: Link, wish: Wish, outcome: LinkOutcome, *, at: datetime, updated_at: datetime) -> Link:
    if outcome == "linked":
        return replace(held, role=wish.role, updated_at=updated_at, linked_at=at, ended_at=None)
    if outcome == "unlinked":
        return replace(held, updated_at=updated_at, ended_at=at)
    return replace(held, role=wish.role if wish.linked else held.role, updated_at=updated_at)

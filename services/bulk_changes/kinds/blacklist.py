"""Customers put on the blacklist, or taken off it (CUS-10). The change's reason is the reason that stands there."""

from collections.abc import Sequence

from sqlalchemy import Connection

from services.blacklist.model import CustomerBlacklisted, CustomerUnblacklisted, Entry
from services.blacklist.store import load_open_of, record_added, record_many_ended
from services.bulk_changes.kinds import Before, Kind, Page, lock_standing
from services.bulk_changes.model import BlacklistWanted, Obstacle, Outcome, RowState, Why, Worked
from services.chosen import these
from services.planning import Fact
from shared.ids import CustomerId
from shared.tenants import Tenant


def check(_connection: Connection, _tenant: Tenant, wanted: BlacklistWanted) -> BlacklistWanted:
    return wanted


def obstacle(wanted: BlacklistWanted) -> Obstacle | None:
    """Who is on the list already, or is not on it."""
    there = (
        "exists (select from blacklist_entry b where b.tenant_id = u.tenant_id and b.customer_id = u.id "
        "and b.ended_at is null)"
    )
    return Obstacle(f"case when {there if wanted.listed else f'not {there}'} then '{RowState.SAME}' end")


def apply(page: Page, wanted: BlacklistWanted) -> Worked:
    standing, outcomes = lock_standing(page)
    before: dict[CustomerId, dict[str, object]]
    if wanted.listed:
        entries, facts = _add(page, standing, page.change.reason)
        before = {one: {"entry_id": entry} for one, entry in entries.items()}
    else:
        ended, facts = _end(page, load_open_of(page.connection, page.tenant, standing))
        before = {one: {"reason": entry.reason} for one, entry in ended.items()}
    for one in standing:
        state = RowState.DONE if one in before else RowState.SAME
        outcomes.append(Outcome(one, state, before=before.get(one)))
    return Worked(tuple(outcomes), tuple(facts))


def undo(page: Page, wanted: BlacklistWanted, before: Before) -> Worked:
    """Entries of the change end, if they have not; who was taken off is put back with the old reason."""
    standing, outcomes = lock_standing(page)
    facts: list[Fact] = []
    done: set[CustomerId] = set()
    if wanted.listed:
        still = load_open_of(page.connection, page.tenant, standing)
        ours = {one: entry for one, entry in still.items() if entry.id == before[one]["entry_id"]}
        ended, facts = _end(page, ours)
        done |= ended.keys()
    else:
        for reason in sorted({before[one]["reason"] for one in standing}):
            entries, told = _add(page, [one for one in standing if before[one]["reason"] == reason], reason)
            facts += told
            done |= entries.keys()
    for one in standing:
        state, why = (RowState.DONE, None) if one in done else (RowState.REFUSED, Why.CHANGED_SINCE)
        outcomes.append(Outcome(one, state, why))
    return Worked(tuple(outcomes), tuple(facts))


def _add(page: Page, ids: Sequence[CustomerId], reason: str) -> tuple[dict[CustomerId, int], list[Fact]]:
    """Who was not on the list -> their entry."""
    made, _ = record_added(
        page.connection,
        page.tenant,
        these(page.tenant.id, ids),
        reason,
        limit=len(ids) + 1,
        by=page.change.author,
        now=page.now,
    )
    facts = [CustomerBlacklisted(occurred_at=page.now, customer_id=one, entry_id=entry) for one, entry in made]
    return dict(made), list(facts)


def _end(page: Page, entries: dict[CustomerId, Entry]) -> tuple[dict[CustomerId, Entry], list[Fact]]:
    ended = record_many_ended(
        page.connection, page.tenant, list(entries), page.change.reason, by=page.change.author, now=page.now
    )
    facts = [CustomerUnblacklisted(occurred_at=page.now, customer_id=one, entry_id=entry) for one, entry in ended]
    return {one: entries[one] for one, _ in ended}, list(facts)


KIND = Kind(check, obstacle, apply, undo, page=1000)

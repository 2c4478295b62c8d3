"""Does one page of a bulk change: in one transaction what is done, what became of each customer, and the facts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from services.bulk_changes.kinds import Page
from services.bulk_changes.kinds.registry import KINDS
from services.bulk_changes.model import (
    BulkChangeFinished,
    BulkRefusedError,
    Change,
    ChangeState,
    Outcome,
    RowState,
    Wanted,
    Why,
    Worked,
)
from services.bulk_changes.store import (
    load_before,
    load_change,
    record_outcomes,
    record_state,
    record_undone,
    waiting,
)
from services.planning import Fact
from shared.audit import Change as Audited
from shared.audit import Origin, record_audit
from shared.db.engine import CONFLICTS, describe, is_away
from shared.ids import CustomerId
from shared.tenants import Tenant

log = structlog.get_logger()


@dataclass(frozen=True)
class Step:
    """A page that was done. `last`: where the next one begins."""

    last: CustomerId
    facts: tuple[Fact, ...]


def do_page(connection: Connection, tenant: Tenant, change: Change, *, after: int, now: datetime) -> Step | None:
    """Change the next customers; None: there are no more. The caller holds the change's lock, or its run's."""
    about = change if change.undoes is None else load_change(connection, tenant, change.undoes)
    assert about.wanted is not None
    ids = waiting(connection, tenant.id, change.id, after=after, limit=KINDS[about.kind].page)
    if not ids:
        return None
    page = Page(connection, tenant, about, ids, now, job_id=change.job_id)
    worked = _do(page, about.wanted, undoing=change if change.undoes is not None else None)
    record_outcomes(connection, tenant, change.id, worked.outcomes)
    if change.undoes is not None:
        done = [one.customer_id for one in worked.outcomes if one.state is RowState.DONE]
        record_undone(connection, tenant.id, change.undoes, done)
    return Step(ids[-1], worked.facts)


def _do(page: Page, wanted: Wanted, *, undoing: Change | None) -> Worked:
    """One customer whose rows cannot be read costs nobody else's change."""
    try:
        with page.connection.begin_nested():
            return _apply(page, wanted) if undoing is None else _undo(page, wanted, undoing)
    except BulkRefusedError:
        return Worked(_refused(page.ids, Why.UNWANTED))
    except Exception as error:
        if is_away(error) or (isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", "") in CONFLICTS):
            raise
        if len(page.ids) == 1:
            log.error(
                "bulk_change.failed", tenant_id=page.tenant.id, change_id=page.change.id, customer_id=page.ids[0],
                reason=describe(error), exc_info=error,
            )  # fmt: skip
            return Worked(_refused(page.ids, Why.FAILED))
    half = len(page.ids) // 2
    parts = [_do(replace(page, ids=ids), wanted, undoing=undoing) for ids in (page.ids[:half], page.ids[half:])]
    return Worked(
        tuple(one for part in parts for one in part.outcomes), tuple(one for part in parts for one in part.facts)
    )


def _apply(page: Page, wanted: Wanted) -> Worked:
    return KINDS[wanted.kind].apply(page, wanted)


def _undo(page: Page, wanted: Wanted, undoing: Change) -> Worked:
    undo = KINDS[wanted.kind].undo
    assert undo is not None
    before = load_before(page.connection, page.tenant, page.change.id, page.ids)
    known = [one for one in page.ids if one in before]
    author = replace(page.change, author=undoing.author, source=undoing.source, reason=undoing.reason)
    worked = undo(replace(page, ids=known, change=author), wanted, before) if known else Worked(())
    return replace(
        worked, outcomes=(*worked.outcomes, *_refused([one for one in page.ids if one not in before], Why.GONE))
    )


def _refused(ids: Sequence[CustomerId], why: Why) -> tuple[Outcome, ...]:
    return tuple(Outcome(one, RowState.REFUSED, why) for one in ids)


def finish(connection: Connection, tenant: Tenant, change: Change, *, now: datetime) -> BulkChangeFinished:
    """It is over: done, or cancelled as far as it came. The caller holds its lock."""
    state = ChangeState.CANCELLED if change.state is ChangeState.CANCELLED else ChangeState.DONE
    record_state(connection, tenant.id, change.id, state, finished_at=now)
    counts = {"done": change.done_count, "same": change.same_count, "refused": change.refused_count}
    ended = Audited("bulk_change.ended", "bulk_change", str(change.id), after={"state": state.value, **counts})
    record_audit(connection, tenant, [ended], Origin(change.author, None, now))
    return BulkChangeFinished(
        occurred_at=now,
        change_id=change.id,
        kind=change.kind,
        outcome=state.value,
        done_count=change.done_count,
        same_count=change.same_count,
        refused_count=change.refused_count,
    )

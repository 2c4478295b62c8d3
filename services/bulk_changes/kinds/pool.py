"""Shares customers of the pool out among associates, evenly and each to one (POOL-4), over any filter."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from services.associates.adding import who_can_add
from services.associates.store import share_directory
from services.bulk_changes.kinds import Before, Kind, Page, lock_standing
from services.bulk_changes.model import BulkRefusedError, Obstacle, Outcome, PoolWanted, RowState, Why, Worked
from services.pool.giving import ANY, OPEN, check_receivers, give
from services.pool.model import Act, PoolRefusedError
from services.pool.moving import NOBODYS, release_of, returned_facts
from services.pool.plan import dealing_order
from services.pool.store import lock_records
from shared.db.engine import Row, fetch_all
from shared.ids import CustomerId, UserId
from shared.tenants import Tenant


def check(connection: Connection, tenant: Tenant, wanted: PoolWanted) -> PoolWanted:
    try:
        check_receivers(connection, tenant.id, [UserId(one) for one in wanted.userids])
    except PoolRefusedError as error:
        raise BulkRefusedError(str(error)) from None
    return wanted


def obstacle(wanted: PoolWanted) -> Obstacle | None:
    status = "select p.status from pool_record p where p.tenant_id = u.tenant_id and p.customer_id = u.id"
    return Obstacle(
        f"case when ({status}) is null then '{Why.NOT_IN_POOL}' "
        f"when not ({status}) = any(cast(:o_of as text[])) then '{Why.MOVED_ON}' end",
        {"o_of": list(_of(wanted))},
    )


def _of(wanted: PoolWanted) -> Sequence[str]:
    return ANY if wanted.also_assigned else OPEN


def apply(page: Page, wanted: PoolWanted) -> Worked:
    """Whose turn it is follows from how many were given before, so a run that was killed goes on at the same turn."""
    order = _receivers(page, wanted)
    standing, outcomes = lock_standing(page)
    records = _lock_records(page, standing)
    fit = [one for one in standing if one in records and records[one]["status"] in _of(wanted)]
    turn = page.change.done_count + page.change.same_count
    pairs = {one: order[(turn + n) % len(order)] for n, one in enumerate(fit)}
    given = give(page.connection, page.tenant, pairs, _act(page), of=_of(wanted), caused_by=page.change.caused_by)
    got = set(given.customer_ids)
    for one in standing:
        if one not in pairs:
            why = Why.MOVED_ON if one in records else Why.NOT_IN_POOL
            outcomes.append(Outcome(one, RowState.REFUSED, why))
        elif one in got:
            was = {"userid": records[one]["userid"], "to": pairs[one], "at": page.now.isoformat()}
            outcomes.append(Outcome(one, RowState.DONE, before=was))
        else:
            outcomes.append(Outcome(one, RowState.SAME))
    return Worked(tuple(outcomes), given.facts)


def _receivers(page: Page, wanted: PoolWanted) -> list[UserId]:
    """Those of them who still can add customers, in their order."""
    share_directory(page.connection, page.tenant.id)
    userids = [UserId(one) for one in wanted.userids]
    there = who_can_add(page.connection, page.tenant.id, userids)
    order = [one for one in dealing_order(userids, wanted.how, seed=page.change.id) if one in there]
    if not order:
        raise BulkRefusedError("none of these associates can add customers any more")
    return order


def _lock_records(page: Page, ids: Sequence[CustomerId]) -> Mapping[CustomerId, Row]:
    lock_records(page.connection, page.tenant.id, ids)
    rows = fetch_all(
        page.connection,
        "select customer_id, status, userid, status_at from pool_record where tenant_id = :tenant_id "
        "and customer_id = any(:ids)",
        tenant_id=page.tenant.id,
        ids=list(ids),
    )
    return {CustomerId(row["customer_id"]): row for row in rows}


def _act(page: Page) -> Act:
    return Act("batch", page.change.author, page.now)


def undo(page: Page, _wanted: PoolWanted, before: Before) -> Worked:
    """Back to who had them, else to nobody, where the record has not moved since."""
    share_directory(page.connection, page.tenant.id)
    standing, outcomes = lock_standing(page)
    records = _lock_records(page, standing)
    left = [one for one in standing if one in records and _as_left(records[one], before[one])]
    had = {one: UserId(before[one]["userid"]) for one in left if before[one]["userid"]}
    there = who_can_add(page.connection, page.tenant.id, set(had.values()))
    pairs = {one: userid for one, userid in had.items() if userid in there}
    given = give(page.connection, page.tenant, pairs, _act(page), caused_by=page.change.caused_by)
    act = Act("released", page.change.author, page.now)
    rest = {"ids": [one for one in left if one not in pairs]}
    moved = release_of(page.connection, page.tenant.id, NOBODYS, rest, act)
    for one in standing:
        state, why = (RowState.DONE, None) if one in left else (RowState.REFUSED, Why.CHANGED_SINCE)
        outcomes.append(Outcome(one, state, why))
    return Worked(tuple(outcomes), (*given.facts, *returned_facts(moved, act)))


def _as_left(record: Row, was: Mapping[str, str]) -> bool:
    return (record["status"], record["userid"], record["status_at"].isoformat()) == ("assigned", was["to"], was["at"])


KIND = Kind(check, obstacle, apply, undo, page=1000)

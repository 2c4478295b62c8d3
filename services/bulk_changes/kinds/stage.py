"""Customers put into a stage by hand, or taken out of a line (STG-1)."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from services.bulk_changes.kinds import Before, Kind, Page, lock_standing
from services.bulk_changes.model import BulkRefusedError, Obstacle, Outcome, RowState, StageWanted, Why, Worked
from services.chosen import these
from services.stages.model import CustomerStageChanged, Moved, NoStageError
from services.stages.moving import enter_page, leave_page, lock_stages
from shared.db.engine import Row, fetch_all, fetch_one
from shared.ids import CustomerId
from shared.tenants import Tenant


def check(connection: Connection, tenant: Tenant, wanted: StageWanted) -> StageWanted:
    """With the line of the stage."""
    if wanted.stage_id is not None:
        line_id = lock_stages(connection, tenant.id, [wanted.stage_id]).get(wanted.stage_id)
        if line_id is None or wanted.line_id not in (None, line_id):
            raise BulkRefusedError("there is no such stage in this line")
        return wanted.model_copy(update={"line_id": line_id})
    there = fetch_one(
        connection,
        "select 1 from stage_line where tenant_id = :tenant_id and id = :id and deleted_at is null",
        tenant_id=tenant.id,
        id=wanted.line_id,
    )
    if there is None:
        raise BulkRefusedError("there is no such line of stages")
    return wanted


def obstacle(wanted: StageWanted) -> Obstacle | None:
    """Who is there already, or in no stage of the line."""
    stage = (
        "(select s.stage_id from customer_stage s where s.tenant_id = u.tenant_id and s.customer_id = u.id "
        "and s.line_id = :o_line)"
    )
    return Obstacle(
        f"case when {stage} is not distinct from cast(:o_stage as bigint) then '{RowState.SAME}' end",
        {"o_line": wanted.line_id, "o_stage": wanted.stage_id},
    )


def apply(page: Page, wanted: StageWanted) -> Worked:
    wanted = check(page.connection, page.tenant, wanted)  # the stage may have gone meanwhile
    standing, outcomes = lock_standing(page)
    moved = {one.customer_id: one for one in _move(page, standing, wanted.line_id, wanted.stage_id)}
    for one in standing:
        before = {"stage_id": moved[one].from_stage_id} if one in moved else None
        outcomes.append(Outcome(one, RowState.DONE if one in moved else RowState.SAME, before=before))
    return Worked(tuple(outcomes), _facts(page, list(moved.values())))


def undo(page: Page, wanted: StageWanted, before: Before) -> Worked:
    """Back into the stage from before, for those who have not been moved since."""
    standing, outcomes = lock_standing(page)
    now = _stages(page, standing, wanted.line_id)
    left = [one for one in standing if _as_left(now.get(one), wanted.stage_id, page.change.caused_by)]
    targets = {one: before[one]["stage_id"] for one in left}
    living = lock_stages(page.connection, page.tenant.id, [one for one in targets.values() if one is not None])
    moved: list[Moved] = []
    for stage_id in sorted({one for one in targets.values() if one is None or one in living}, key=lambda one: one or 0):
        moved += _move(page, [one for one in left if targets[one] == stage_id], wanted.line_id, stage_id)
    back = {one.customer_id for one in moved}
    for one in standing:
        state, why = (RowState.DONE, None) if one in back else (RowState.REFUSED, Why.CHANGED_SINCE)
        outcomes.append(Outcome(one, state, why))
    return Worked(tuple(outcomes), _facts(page, moved))


def _as_left(row: Row | None, stage_id: int | None, by_whom: str) -> bool:
    if row is None:
        return stage_id is None
    return (row["stage_id"], row["by_whom"]) == (stage_id, by_whom)


def _stages(page: Page, ids: Sequence[CustomerId], line_id: int | None) -> Mapping[CustomerId, Row]:
    rows = fetch_all(
        page.connection,
        "select customer_id, stage_id, by_whom from customer_stage where tenant_id = :tenant_id "
        "and line_id = :line_id and customer_id = any(:ids)",
        tenant_id=page.tenant.id,
        line_id=line_id,
        ids=list(ids),
    )
    return {CustomerId(row["customer_id"]): row for row in rows}


def _move(page: Page, ids: Sequence[CustomerId], line_id: int | None, stage_id: int | None) -> Sequence[Moved]:
    if not ids:
        return ()
    chosen, limit = these(page.tenant.id, ids), len(ids) + 1
    if stage_id is None:
        assert line_id is not None
        return leave_page(page.connection, page.tenant.id, chosen, line_id, limit=limit, now=page.now).moved
    try:
        return enter_page(
            page.connection,
            page.tenant.id,
            chosen,
            stage_id,
            limit=limit,
            by_whom=page.change.caused_by,
            now=page.now,
        ).moved
    except NoStageError as error:
        raise BulkRefusedError(str(error)) from None


def _facts(page: Page, moved: Sequence[Moved]) -> tuple[CustomerStageChanged, ...]:
    return tuple(CustomerStageChanged(occurred_at=page.now, why="hand", **one.__dict__) for one in moved)


KIND = Kind(check, obstacle, apply, undo, page=1000)

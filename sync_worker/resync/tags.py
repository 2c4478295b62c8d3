"""The pass over corp tags: the catalogue's own request reads them; what is missing beyond belief waits for a person."""

from sqlalchemy import Connection

from services.catalogue.credit import Doing
from services.tags.model import CORP, TAG_CATALOGUE, Catalogue
from services.tags.plan import plan_approved
from services.tags.store import load_catalogue
from shared.db.engine import transact
from shared.plans import CHUNK, Operation, close_plan, operations_of, plan_of, refuse, withdraw
from shared.requests import BACKFILL, Subject, Wanted, load_progress, lock, want
from shared.sync_blocks import Block, Cut
from shared.sync_runs import WALK, add_incomplete, hold_run, set_phase
from sync_worker.reconcilers import Recording
from sync_worker.reconcilers.tags import record_plan
from sync_worker.resync import Pass, Work

RESOURCE = "tag"
SETTLE = "settle"
DELETE_GROUP, DELETE_TAG = "delete_tag_group", "delete_tag"


def _cut(_work: Work) -> list[Cut]:
    """One answer shows all tags: there is nothing to walk."""
    return []


def _walk(_work: Work, _block: Block) -> None:
    raise AssertionError("a pass over tags has no blocks")


def _finish(work: Work) -> bool:
    if work.run.kind == "approval":
        return transact(work.runtime.engine, lambda connection: _apply_approved(connection, work))
    if work.run.phase == WALK:
        transact(work.runtime.engine, lambda connection: _want(connection, work))
        return False
    return transact(work.runtime.engine, lambda connection: _conclude(connection, work))


def _subject(work: Work) -> Subject:
    return Subject(work.tenant.id, TAG_CATALOGUE, CORP)


def _want(connection: Connection, work: Work) -> None:
    """Ask for a read, and remember which one is ours."""
    hold_run(connection, work.run)
    cause = "bootstrap" if work.run.kind == "bootstrap" else "resync"
    wish = Wanted(_subject(work), BACKFILL, cause, work.run.caused_by)
    want(connection, [wish], now=work.runtime.clock.now())
    progress = load_progress(connection, _subject(work))
    assert progress is not None
    set_phase(connection, work.run, SETTLE, cursor=str(progress.generation))


def _conclude(connection: Connection, work: Work) -> bool:
    """Once our read is recorded, or has failed so often that the run ends without it, which goes on by itself."""
    hold_run(connection, work.run)
    progress = load_progress(connection, _subject(work))
    assert progress is not None
    if progress.settled_generation < int(work.run.cursor):
        given_up = progress.dead or progress.attempts >= work.runtime.settings.resync_tries
        if given_up:
            add_incomplete(connection, work.run, [("corp tags", progress.last_error or "could not be read")])
        return given_up
    operations = _missing(load_catalogue(connection, work.tenant.id))
    now = work.runtime.clock.now()
    if not operations:
        withdraw(connection, work.run, resource=RESOURCE, now=now)
        return True
    reason = f"WeCom does not show {len(operations)} tags and groups any more, and no event called them deleted"
    checksum = refuse(connection, work.run, resource=RESOURCE, operations=operations, reason=reason, now=now)
    why = f"{reason}; nothing was removed, plan {checksum} waits for approval"
    add_incomplete(connection, work.run, [("removals", why)])
    return True


def _missing(catalogue: Catalogue) -> list[Operation]:
    groups = [Operation(one, DELETE_GROUP) for one, group in sorted(catalogue.groups.items()) if group.missing_at]
    tags = [
        Operation(one, DELETE_TAG, details={"group_id": tag.group_id})
        for one, tag in sorted(catalogue.tags.items())
        if tag.missing_at
    ]
    return [*groups, *tags]


def _apply_approved(connection: Connection, work: Work) -> bool:
    """Delete what a person agreed to and what is still missing; a corp has 10,000 tags at most, so all at once."""
    hold_run(connection, work.run)
    lock(connection, [_subject(work)])
    now, plan_id = work.runtime.clock.now(), plan_of(work.run)
    ids: set[str] = set()
    after = -1
    while chunk := operations_of(connection, work.tenant.id, plan_id, after=after, limit=CHUNK):
        ids |= {operation.subject_key for _, operation in chunk}
        after = chunk[-1][0]
    recorded = load_catalogue(connection, work.tenant.id)
    plan = plan_approved(recorded, ids, at=now)
    recording = Recording(work.runtime.settings, work.tenant, now)
    record_plan(connection, recording, plan, recorded, observed_at=now, why=Doing("resync", work.run.caused_by))
    skipped = len(ids) - len(plan.groups) - len(plan.tags)
    close_plan(connection, work.tenant.id, plan_id, skipped=skipped, now=now)
    return True


PASS = Pass(RESOURCE, _cut, _walk, _finish)

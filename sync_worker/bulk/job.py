"""A bulk job's run: collect → push → confirm → the rest one by one → wait for that."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from services.bulk.model import Job, JobState
from services.bulk.store import (
    add_counts,
    bury_rows,
    count_by_associate,
    finish_job,
    load_job,
    open_contacts,
    withdraw_rows,
)
from services.customers.choosing import Chosen, chosen_page, count_active_of
from services.customers.model import CONTACT
from services.intents.model import CAUSES, TAG, Wish
from services.intents.store import Asked, record_wishes
from services.notices.store import Caused, record_facts_and_notices
from services.planning import Fact
from shared.ids import ExternalUserId, UserId
from shared.requests import BACKFILL, Subject, Wanted, lock, want
from shared.sync_blocks import Block, Cut, add_blocks, save_page
from shared.sync_runs import BULK, WALK, hold_run, job_of, set_phase
from shared.tenants import may_push
from shared.wecom.errors import PostponedError
from sync_worker.bulk.pages import CONFIRM, PUSH, confirm_page, push_page
from sync_worker.resync import Pass, Work

REST, SETTLE = "rest", "settle"
CHUNK = 500
"""Relations collected, or contacts asked for, in one transaction."""
WITHDRAWN_AT_ONCE = 5000
BLOCK_SIZE = 100
"""Associates of one page at most. Source: WeCom server API, externalcontact/batch/get_by_user."""
OBSERVED_WAIT_S, OPEN_WAIT_S = 30.0, 0.5


def cut(_work: Work) -> list[Cut]:
    """Nothing to walk before the changes are collected."""
    return []


def walk(work: Work, block: Block) -> Block | None:
    job = _job(work)
    if job.state is JobState.CANCELLED and block.kind == PUSH:
        _end(work, block)
        return None
    if job.state is JobState.PAUSED:
        raise PostponedError(BULK, "the job is paused", after_s=OPEN_WAIT_S)
    return push_page(work, job, block) if block.kind == PUSH else confirm_page(work, job, block)


def finish(work: Work) -> bool:
    job = _job(work)
    if job.state is JobState.CANCELLED and _withdraw(work, job):
        return False
    match work.run.phase:
        case phase if phase == WALK:
            if job.state is JobState.CANCELLED or _collect(work, job):
                _cut_walk(work, job, PUSH)
        case phase if phase == PUSH:
            _cut_walk(work, job, CONFIRM)
        case phase if phase == CONFIRM:
            _go_on(work, REST)
        case phase if phase == REST:
            _want_some(work, job)
        case _:
            return _over(work, job)
    return False


def _job(work: Work) -> Job:
    with work.runtime.engine.begin() as connection:
        job = load_job(connection, work.tenant.id, job_of(work.run))
    assert job is not None
    return job


def _end(work: Work, block: Block) -> None:
    now, lease_s = work.runtime.clock.now(), work.runtime.settings.lease_s
    with work.runtime.engine.begin() as connection:
        save_page(connection, work.run, block, cursor=block.cursor, done=True, rows=0, now=now, lease_s=lease_s)


def _withdraw(work: Work, job: Job) -> int:
    now = work.runtime.clock.now()
    with work.runtime.engine.begin() as connection:
        hold_run(connection, work.run)
        facts = withdraw_rows(connection, work.tenant.id, job.id, limit=WITHDRAWN_AT_ONCE, now=now)
        _tell(connection, work, job, facts)
    return len(facts)


def _tell(connection: Connection, work: Work, job: Job, facts: Sequence[Fact]) -> None:
    caused = [Caused(fact, CAUSES[job.source], job.caused_by) for fact in facts]
    now, ttl_s = work.runtime.clock.now(), work.runtime.settings.message_ttl_s
    record_facts_and_notices(connection, work.tenant, caused, now=now, ttl_s=ttl_s)


def _collect(work: Work, job: Job) -> bool:
    """Keep the intents of the next relations; True when these were the last, or a bulk change has kept them all."""
    if job.change_id is not None:
        return True
    contact, _, userid = work.run.cursor.partition(" ")
    after, tenant, now = (contact, userid), work.tenant, work.runtime.clock.now()
    with work.runtime.engine.begin() as connection:
        hold_run(connection, work.run)
        found = chosen_page(connection, tenant.id, job.choice, after=after, limit=CHUNK)
        if not found:
            return True
        locked = {one.external_userid for one in found}
        lock(connection, {Subject(tenant.id, CONTACT, one) for one in locked})
        # What stood there before the lock may have changed.
        again = chosen_page(connection, tenant.id, job.choice, after=after, limit=CHUNK)
        chosen = [one for one in again if one.external_userid in locked and one.key <= found[-1].key]
        asked = {one.key: _asked(job, one) for one in chosen}
        ended = record_wishes(
            connection,
            tenant,
            [change for changes in asked.values() for change in changes],
            author=job.author,
            source=job.source,
            reason=job.reason,
            now=now,
            job_id=job.id,
        )
        gave_way = [settled.fact(ExternalUserId(subject.key), at=now) for subject, settled in ended]
        _tell(connection, work, job, gave_way)
        already = sum(not changes for changes in asked.values())
        add_counts(connection, tenant.id, job.id, matched=len(chosen), already=already)
        set_phase(connection, work.run, WALK, cursor=" ".join(found[-1].key))
    return False


def _asked(job: Job, one: Chosen) -> list[Asked]:
    """What differs from what is recorded; where that is not known, WeCom is asked."""
    known = one.tag_ids
    changes = [(tag, True) for tag in job.add_tags if known is None or tag not in known]
    changes += [(tag, False) for tag in job.remove_tags if known is None or tag in known]
    subject = Subject(job.tenant_id, CONTACT, one.external_userid)
    return [
        Asked(subject, Wish(one.userid, f"{TAG}{tag}", on), frozenset() if known is None else frozenset({not on}))
        for tag, on in changes
    ]


def _cut_walk(work: Work, job: Job, phase: str) -> None:
    """Walk the associates of whom so many relations are open that reading all of theirs is cheaper than each."""
    with work.runtime.engine.begin() as connection:
        if job.state is JobState.RUNNING and not may_push(connection, work.tenant.id):
            raise PostponedError(BULK, "the corp is observed only", after_s=OBSERVED_WAIT_S)
        hold_run(connection, work.run)
        open_of = count_by_associate(connection, work.tenant.id, job.id)
        has = count_active_of(connection, work.tenant.id, sorted(open_of))
        add_blocks(connection, work.run, _blocks(open_of, has, phase, parallel=work.runtime.settings.resync_parallel))
        set_phase(connection, work.run, phase)


def _blocks(open_of: Mapping[UserId, int], has: Mapping[UserId, int], phase: str, *, parallel: int) -> list[Cut]:
    walked = sorted(one for one, count in open_of.items() if has.get(one, 0) <= 100 * count)
    size = max(1, min(BLOCK_SIZE, -(-len(walked) // parallel)))
    return [Cut(walked[at : at + size], phase) for at in range(0, len(walked), size)]


def _go_on(work: Work, phase: str) -> None:
    with work.runtime.engine.begin() as connection:
        hold_run(connection, work.run)
        set_phase(connection, work.run, phase)


def _want_some(work: Work, job: Job) -> None:
    """Have the next contacts that are still open looked at by themselves."""
    with work.runtime.engine.begin() as connection:
        hold_run(connection, work.run)
        found = open_contacts(connection, work.tenant.id, job.id, after=work.run.cursor, limit=CHUNK)
        wishes = [
            Wanted(Subject(work.tenant.id, CONTACT, one), BACKFILL, CAUSES[job.source], job.caused_by) for one in found
        ]
        want(connection, wishes, now=work.runtime.clock.now())
        phase, cursor = (REST, found[-1]) if found else (SETTLE, "")
        set_phase(connection, work.run, phase, cursor=cursor)


def _over(work: Work, job: Job) -> bool:
    now = work.runtime.clock.now()
    with work.runtime.engine.begin() as connection:
        hold_run(connection, work.run)
        _tell(connection, work, job, bury_rows(connection, work.tenant.id, job.id, now=now))
        left = open_contacts(connection, work.tenant.id, job.id, after="", limit=1)
        if not left:
            finish_job(connection, work.tenant.id, job.id, now=now)
    if left:
        raise PostponedError(BULK, "some customers are still to be looked at", after_s=OPEN_WAIT_S)
    return True


PASS = Pass(BULK, cut, walk, finish)

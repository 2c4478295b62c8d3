"""Rows of bulk jobs. The run that carries one out (kind `bulk`) is a full pass like others: blocks, leases, cursors."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from services.bulk.model import Job, JobRefusedError, JobState, check_tags
from services.customers.choice import Choice
from services.customers.model import CONTACT
from services.intents.model import WITHDRAWN, IntentState, RelationEditSettled, Source
from services.intents.rules import load_rules
from services.tags.store import usable_tags
from shared.db.engine import Row, as_json, fetch_all, fetch_one, run
from shared.ids import ExternalUserId, TenantId, UserId
from shared.sync_runs import open_bulk, pause_bulk, resume_bulk


def ask_job(
    connection: Connection,
    tenant_id: TenantId,
    *,
    add: Sequence[str],
    remove: Sequence[str],
    choice: Choice,
    author: str,
    source: Source,
    reason: str | None,
    now: datetime,
) -> int:
    """Keep a job and open its run; the job's id.

    Raises:
        JobRefusedError: it cannot be carried out; the text says why.
    """
    check_job(connection, tenant_id, add=add, remove=remove)
    job_id = record_job(
        connection,
        tenant_id,
        add=add,
        remove=remove,
        choice=choice,
        author=author,
        source=source,
        reason=reason,
        now=now,
    )
    open_bulk(connection, tenant_id, job_id=job_id, asked_by=author, now=now)
    return job_id


def check_job(connection: Connection, tenant_id: TenantId, *, add: Sequence[str], remove: Sequence[str]) -> None:
    """
    Raises:
        JobRefusedError: it cannot be carried out; the text says why.
    """
    check_tags(add, remove, frozenset(usable_tags(connection, tenant_id, [*add, *remove])))
    kept = {rule.tag_id: rule.name for rule in load_rules(connection, tenant_id)}
    for tag_id in remove:
        if tag_id in kept:
            raise JobRefusedError(f"the rule {kept[tag_id]!r} keeps {tag_id} on; `guanxi tag-rule end` ends the rule")


def record_job(
    connection: Connection,
    tenant_id: TenantId,
    *,
    add: Sequence[str],
    remove: Sequence[str],
    choice: Choice,
    author: str,
    source: Source,
    reason: str | None,
    now: datetime,
    change_id: int | None = None,
) -> int:
    """A job that has no run yet; its id. `change_id`: the bulk change of customers that keeps its intents."""
    row = fetch_one(
        connection,
        "insert into bulk_job (tenant_id, add_tags, remove_tags, choice, author, source, reason, created_at, "
        "change_id) values (:tenant_id, :add, :remove, cast(:choice as jsonb), :author, :source, :reason, :now, "
        ":change_id) returning id",
        tenant_id=tenant_id,
        add=list(dict.fromkeys(add)),
        remove=list(dict.fromkeys(remove)),
        choice=as_json(choice.stored()),
        author=author,
        source=source.value,
        reason=reason,
        now=now,
        change_id=change_id,
    )
    assert row is not None
    return int(row["id"])


def load_job(connection: Connection, tenant_id: TenantId, job_id: int) -> Job | None:
    row = fetch_one(
        connection, "select * from bulk_job where tenant_id = :tenant_id and id = :id", tenant_id=tenant_id, id=job_id
    )
    return _job(row) if row else None


def load_jobs(connection: Connection, tenant_id: TenantId, *, limit: int) -> list[Job]:
    """Newest first."""
    rows = fetch_all(
        connection,
        "select * from bulk_job where tenant_id = :tenant_id order by id desc limit :limit",
        tenant_id=tenant_id,
        limit=limit,
    )
    return [_job(row) for row in rows]


def _job(row: Row) -> Job:
    return Job(
        tenant_id=TenantId(row["tenant_id"]),
        id=row["id"],
        add_tags=tuple(row["add_tags"]),
        remove_tags=tuple(row["remove_tags"]),
        choice=Choice.model_validate(row["choice"]),
        author=row["author"],
        source=Source(row["source"]),
        reason=row["reason"],
        state=JobState(row["state"]),
        matched=row["matched"],
        already=row["already"],
        created_at=row["created_at"],
        finished_at=row["finished_at"],
        change_id=row["change_id"],
    )


def count_rows(connection: Connection, tenant_id: TenantId, job_id: int) -> dict[IntentState, int]:
    """How many changes of the job stand how; one relation has one for each tag."""
    rows = fetch_all(
        connection,
        "select state, count(*) as n from intent where tenant_id = :tenant_id and job_id = :id group by state",
        tenant_id=tenant_id,
        id=job_id,
    )
    return {IntentState(row["state"]): row["n"] for row in rows}


def load_rows(
    connection: Connection,
    tenant_id: TenantId,
    job_id: int,
    *,
    states: Sequence[IntentState],
    after: int = 0,
    limit: int,
) -> Sequence[Row]:
    """Changes of a job in the order of their ids, after one: id, subject_key, userid, field, desired, state, refusal,
    pushes, settled_at."""
    return fetch_all(
        connection,
        "select id, subject_key, userid, field, desired, state, refusal, pushes, settled_at from intent "
        "where tenant_id = :tenant_id and job_id = :job_id and id > :after and state = any(:states) "
        "order by id limit :limit",
        tenant_id=tenant_id,
        job_id=job_id,
        after=after,
        states=[one.value for one in states],
        limit=limit,
    )


def add_counts(connection: Connection, tenant_id: TenantId, job_id: int, *, matched: int, already: int) -> None:
    run(
        connection,
        "update bulk_job set matched = matched + :matched, already = already + :already "
        "where tenant_id = :tenant_id and id = :id",
        matched=matched,
        already=already,
        tenant_id=tenant_id,
        id=job_id,
    )


def count_by_associate(connection: Connection, tenant_id: TenantId, job_id: int) -> dict[UserId, int]:
    """How many relations of each associate the job has open changes for."""
    rows = fetch_all(
        connection,
        "select userid, count(distinct subject_key) as n from intent where tenant_id = :tenant_id and job_id = :id "
        "and state in ('pending', 'sent') group by userid",
        tenant_id=tenant_id,
        id=job_id,
    )
    return {UserId(row["userid"]): int(row["n"]) for row in rows}


def open_contacts(
    connection: Connection, tenant_id: TenantId, job_id: int, *, after: str, limit: int
) -> list[ExternalUserId]:
    """The next contacts that the job has open changes for."""
    rows = fetch_all(
        connection,
        "select distinct subject_key as id from intent where tenant_id = :tenant_id and job_id = :id "
        "and state in ('pending', 'sent') and subject_key > :after order by 1 limit :limit",
        tenant_id=tenant_id,
        id=job_id,
        after=after,
        limit=limit,
    )
    return [ExternalUserId(row["id"]) for row in rows]


def withdraw_rows(
    connection: Connection, tenant_id: TenantId, job_id: int, *, limit: int, now: datetime
) -> list[RelationEditSettled]:
    """End changes of a cancelled job that were never pushed, some at a time; their facts."""
    rows = fetch_all(
        connection,
        "update intent set state = 'superseded', refusal = :why, settled_at = :now where (tenant_id, id) in ("
        "select tenant_id, id from intent where tenant_id = :tenant_id and job_id = :id "
        "and state in ('pending', 'sent') and pushes = 0 limit :limit for update) "
        "returning id, subject_key, userid, field",
        why=WITHDRAWN,
        tenant_id=tenant_id,
        id=job_id,
        limit=limit,
        now=now,
    )
    return [RelationEditSettled.of_row(dict(row), IntentState.SUPERSEDED, at=now) for row in rows]


def bury_rows(connection: Connection, tenant_id: TenantId, job_id: int, *, now: datetime) -> list[RelationEditSettled]:
    """End changes of contacts that could not be looked at, try after try (`guanxi dead`); their facts."""
    rows = fetch_all(
        connection,
        "update intent i set state = 'refused', settled_at = :now, "
        "refusal = 'the customer could not be read: ' || coalesce(q.last_error, 'see `guanxi dead`') "
        "from request q where i.tenant_id = :tenant_id and i.job_id = :id and i.state in ('pending', 'sent') "
        "and q.tenant_id = i.tenant_id and q.subject_kind = :kind and q.subject_key = i.subject_key "
        "and q.dead_at is not null returning i.id, i.subject_key, i.userid, i.field",
        tenant_id=tenant_id,
        id=job_id,
        kind=CONTACT,
        now=now,
    )
    return [RelationEditSettled.of_row(dict(row), IntentState.REFUSED, at=now) for row in rows]


def finish_job(connection: Connection, tenant_id: TenantId, job_id: int, *, now: datetime) -> None:
    """A cancelled one stays cancelled."""
    run(
        connection,
        "update bulk_job set state = case when state = 'cancelled' then state else 'done' end, finished_at = :now "
        "where tenant_id = :tenant_id and id = :id",
        tenant_id=tenant_id,
        id=job_id,
        now=now,
    )


def pause(connection: Connection, tenant_id: TenantId, job_id: int) -> None:
    """Begin no further call; those under way end.

    Raises:
        JobRefusedError: it is not running.
    """
    _turn(connection, tenant_id, job_id, before=("running",), after="paused")
    pause_bulk(connection, tenant_id, job_id=job_id)


def resume(connection: Connection, tenant_id: TenantId, job_id: int, *, now: datetime) -> None:
    """
    Raises:
        JobRefusedError: it is not paused.
    """
    _turn(connection, tenant_id, job_id, before=("paused",), after="running")
    resume_bulk(connection, tenant_id, job_id=job_id, now=now)


def cancel(connection: Connection, tenant_id: TenantId, job_id: int, *, now: datetime) -> None:
    """Write nothing more; what was written stays, and what is under way is followed to its end.

    Raises:
        JobRefusedError: it is over.
    """
    _turn(connection, tenant_id, job_id, before=("running", "paused"), after="cancelled")
    resume_bulk(connection, tenant_id, job_id=job_id, now=now)


def cancel_of_rule(connection: Connection, tenant_id: TenantId, name: str, *, now: datetime) -> None:
    """The jobs that a rule has begun, as far as they are not over."""
    rows = fetch_all(
        connection,
        "select id from bulk_job where tenant_id = :tenant_id and source = 'rule' and author = :name "
        "and state in ('running', 'paused')",
        tenant_id=tenant_id,
        name=name,
    )
    for row in rows:
        cancel(connection, tenant_id, row["id"], now=now)


def _turn(connection: Connection, tenant_id: TenantId, job_id: int, *, before: Sequence[str], after: str) -> None:
    turned = run(
        connection,
        "update bulk_job set state = :after where tenant_id = :tenant_id and id = :id and state = any(:before)",
        after=after,
        tenant_id=tenant_id,
        id=job_id,
        before=list(before),
    )
    if not turned:
        job = load_job(connection, tenant_id, job_id)
        raise JobRefusedError(f"no job {job_id}" if job is None else f"job {job_id} is {job.state.value}")

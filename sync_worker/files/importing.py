"""An import, block by block, after a person has seen its check.

A block is one transaction: its customers, its facts, its failures, and how far the file has been read. A process that
dies leaves whole blocks, and the next one begins after them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice

from sqlalchemy import Connection

from services.files.blocks import load_known as load_persons
from services.files.blocks import new_customer_ids, write_block
from services.files.failures import delete_failures, load_failures, record_failures
from services.files.jobs import end, load_job, save
from services.files.model import OUTCOMES, CustomersImported, Failure, ImportFinished, Row, State
from services.files.plan import BlockPlan, Rules, plan_block
from services.files.store import finish_file
from services.notices.store import Caused, record_facts_and_notices
from services.persons.store import lock_all_identities
from services.planning import Fact
from shared.spreadsheets.model import Format, Table, UnreadableError
from sync_worker.files.failed_rows import write_failures
from sync_worker.files.reading import ahead, blocks_of, known_to, make_reading
from sync_worker.files.work import Work


def run(work: Work) -> None:
    """Write what the check has shown, from the first row that is not written yet."""
    try:
        if work.job.failures_id is None:
            with work.table() as (_, table):
                work = _write_all(work, table)
        _finish(work)
    except UnreadableError as error:
        work.fail(error.code, **error.values)


def _write_all(work: Work, table: Table) -> Work:
    mapping = (work.job.found or {})["mapping"]
    reading = make_reading(work, mapping, table.header.cells, known_to(work))
    left = blocks_of(islice(table.lines, work.job.done, None))
    for rows in ahead([reading.reader.read(line) for line in lines] for lines in left):
        work = _write(work, reading.rules, rows)
    return work


def _write(work: Work, rules: Rules, rows: Sequence[Row | Failure]) -> Work:
    """The job with what this block has added."""

    def write(connection: Connection) -> Work:
        tenant, job, now = work.tenant, work.job, work.runtime.clock.now()
        lock_all_identities(connection, tenant)
        persons = load_persons(connection, tenant, rows, locked=True)
        ids = new_customer_ids(connection, len(rows))
        block = plan_block(rows, persons, rules, new_ids=ids)
        write_block(connection, tenant, block, job_id=job.id, by_whom=job.by_whom, now=now)
        record_failures(connection, tenant.id, job.id, block.failures)
        if block.persons:
            _tell(connection, work, _imported(work, block))
        done = job.done + len(rows)
        counts: dict[str, int] = {name: job.counts.get(name, 0) + block.counts[name] for name in OUTCOMES}
        save(connection, tenant, job, now=now, lease_s=work.lease_s, done=done, counts=counts)
        return replace(work, job=replace(job, done=done, counts=counts))

    return work.transact(write)


def _imported(work: Work, block: BlockPlan) -> CustomersImported:
    return CustomersImported(
        occurred_at=work.runtime.clock.now(),
        import_id=work.job.id,
        made_ids=tuple(one.customer_id for one in block.persons if one.made),
        changed_ids=tuple(one.customer_id for one in block.persons if not one.made),
    )


def _tell(connection: Connection, work: Work, fact: Fact) -> None:
    caused = [Caused(fact, "import", f"import:{work.job.id}")]
    ttl_s = work.runtime.settings.message_ttl_s
    record_facts_and_notices(connection, work.tenant, caused, now=work.runtime.clock.now(), ttl_s=ttl_s)


def _finish(work: Work) -> None:
    file_id, format_ = work.job.failures_id, Format.CSV
    if work.transact(lambda c: load_failures(c, work.tenant.id, work.job.id, after=0, limit=1)):
        with work.table() as (file, table):
            file_id, format_ = write_failures(work, file, table), file.format or format_
    work.transact(lambda c: _end(c, work, file_id, format_))


def _end(connection: Connection, work: Work, file_id: int | None, format_: Format) -> None:
    tenant, now = work.tenant, work.runtime.clock.now()
    if file_id is not None:
        finish_file(connection, tenant.id, file_id, format_=format_, until=now + work.keep_until)
    delete_failures(connection, tenant.id, work.job.id)
    counts: Mapping[str, int] = load_job(connection, tenant, work.job.id).counts
    told = {f"{name}_count": counts.get(name, 0) for name in OUTCOMES}
    _tell(connection, work, ImportFinished(occurred_at=now, import_id=work.job.id, **told))
    end(connection, tenant, work.job, State.DONE, now=now)

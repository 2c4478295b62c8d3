"""The file of rows that failed: as the file that was sent, with the row's number and the reasons before it."""

from collections.abc import Iterator

from sqlalchemy import Connection

from services.files.failures import load_failures
from services.files.jobs import keep, load_job, save
from services.files.model import File
from services.files.store import add_piece, begin_file, empty_file
from services.files.words import HEADINGS, row_words
from shared.spreadsheets.model import FORMULA, Format, Table
from shared.spreadsheets.writing import make_writer
from sync_worker.files.reading import BLOCK
from sync_worker.files.work import Work


def write_failures(work: Work, file: File, table: Table) -> int:
    """The id of the file; it is complete, and not yet to be fetched. Begun anew when somebody died over it."""
    format_ = file.format or Format.CSV
    file_id = work.transact(lambda c: _begin(c, work, file, format_))
    writer, n = make_writer(format_), 0
    rows: list[list[str]] = [[*HEADINGS, *table.header.cells]]
    for failed in _failed_lines(work, table):
        n = _add(work, file_id, n, writer.rows(rows + failed))
        rows = []
    _add(work, file_id, n, writer.rows(rows) + writer.end())
    return file_id


def _begin(connection: Connection, work: Work, file: File, format_: Format) -> int:
    job, now = load_job(connection, work.tenant, work.job.id), work.runtime.clock.now()
    if job.failures_id is not None:
        empty_file(connection, work.tenant.id, job.failures_id)
        return job.failures_id
    file_id = begin_file(
        connection,
        work.tenant,
        origin="failures",
        name=f"failed-{file.name}",
        format_=format_,
        by=job.by_whom,
        now=now,
        until=now + work.keep_until,
    )
    save(
        connection,
        work.tenant,
        work.job,
        now=now,
        lease_s=work.lease_s,
        done=job.done,
        counts=job.counts,
        failures_id=file_id,
    )
    return file_id


def _add(work: Work, file_id: int, n: int, body: bytes) -> int:
    def add(connection: Connection) -> None:
        keep(connection, work.tenant, work.job, now=work.runtime.clock.now(), lease_s=work.lease_s)
        if body:
            add_piece(connection, work.tenant, file_id, n, body)

    work.transact(add)
    return n + bool(body)


def _failed_lines(work: Work, table: Table) -> Iterator[list[list[str]]]:
    """Rows of the failure file, some thousand at a time: both sides come in the order of their numbers."""
    after, lines = 0, table.lines
    while True:
        start = after
        failures = work.transact(
            lambda c, start=start: load_failures(c, work.tenant.id, work.job.id, after=start, limit=BLOCK)  # type: ignore[misc]
        )
        if not failures:
            return
        reasons, after = dict(failures), failures[-1][0]
        found: list[list[str]] = []
        for line in lines:
            if line.number in reasons:
                cells = ["" if one == FORMULA else one for one in line.cells]
                found.append([str(line.number), *row_words(reasons[line.number]), *cells])
            if line.number >= after:
                break
        yield found

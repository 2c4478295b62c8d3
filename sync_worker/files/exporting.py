"""An export: who is in it is decided first, then one page after the other becomes a piece of the file.

A page and how far it brought the file are one transaction. When a process has died, a CSV goes on after its last
page; an XLSX, whose bytes hang together, is begun anew.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import count
from typing import Any

from sqlalchemy import Connection

from services.files.choosing import selection_of
from services.files.columns import columns_of
from services.files.exporting import (
    PAGE,
    Layout,
    choose,
    forget_pages,
    load_custom_columns,
    load_names,
    load_page,
    page_rows,
)
from services.files.jobs import end, save
from services.files.model import ExportAsked, FileRefusedError, State
from services.files.store import add_piece, empty_file, finish_file
from shared.spreadsheets.model import Format, UnreadableError
from shared.spreadsheets.writing import MOST_XLSX_ROWS, make_writer
from sync_worker.files.reading import ahead
from sync_worker.files.work import Work

NO_COUNTS: Mapping[str, int] = {}


def asked_of(asked: Mapping[str, Any]) -> ExportAsked:
    return ExportAsked(**{**asked, "columns": tuple(asked["columns"]), "format": Format(asked["format"])})


def run(work: Work) -> None:
    asked = asked_of(work.job.asked)
    try:
        layout = work.transact(lambda c: _layout(c, work, asked))
        if work.job.total is None:
            work = work.transact(lambda c: _choose(c, work, asked))
        if asked.format is Format.XLSX and (work.job.total or 0) >= MOST_XLSX_ROWS:
            raise UnreadableError("xlsx_rows", most=MOST_XLSX_ROWS)
        _write_all(work, asked, layout)
    except FileRefusedError as error:
        work.fail("choice", why=str(error))
    except UnreadableError as error:
        work.fail(error.code, **error.values)


def _layout(connection: Connection, work: Work, asked: ExportAsked) -> Layout:
    custom = load_custom_columns(connection, work.tenant.id)
    names = load_names(connection, work.tenant.id)
    return Layout(columns_of(asked.columns, custom), work.tenant.timezone, names, asked.masked)


def _choose(connection: Connection, work: Work, asked: ExportAsked) -> Work:
    selection = selection_of(work.tenant.id, asked.chosen)
    total = choose(connection, work.tenant.id, work.job.id, selection)
    now = work.runtime.clock.now()
    save(connection, work.tenant, work.job, now=now, lease_s=work.lease_s, done=0, counts=NO_COUNTS, total=total)
    return replace(work, job=replace(work.job, total=total))


def _write_all(work: Work, asked: ExportAsked, layout: Layout) -> None:
    job, tenant = work.job, work.tenant
    file_id = job.file_id
    assert file_id is not None
    done = job.done
    if asked.format is Format.XLSX and done:
        work.transact(lambda c: empty_file(c, tenant.id, file_id))
        done = 0
    n = -(-done // PAGE)
    writer = make_writer(asked.format, begun=n > 0)
    began = writer.rows([layout.header(asked.language)]) if n == 0 else b""
    for rows in ahead(_pages(work, layout, n)):
        body = began + writer.rows(rows)
        done, began = min(done + PAGE, job.total or 0), b""
        work.transact(lambda c, n=n, body=body, done=done: _save(c, work, n, body, done=done))  # type: ignore[misc]
        n += 1
    work.transact(lambda c: _finish(c, work, n, began + writer.end(), format_=asked.format))


def _pages(work: Work, layout: Layout, first: int) -> Iterator[list[list[str]]]:
    for n in count(first):
        rows = work.transact(lambda c, n=n: _read(c, work, layout, n))  # type: ignore[misc]
        if rows is None:
            return
        yield rows


def _read(connection: Connection, work: Work, layout: Layout, n: int) -> list[list[str]] | None:
    ids = load_page(connection, work.tenant.id, work.job.id, n)
    return None if ids is None else page_rows(connection, work.tenant, layout, ids)


def _save(connection: Connection, work: Work, n: int, body: bytes, *, done: int) -> None:
    now, file_id = work.runtime.clock.now(), work.job.file_id
    assert file_id is not None
    save(connection, work.tenant, work.job, now=now, lease_s=work.lease_s, done=done, counts=NO_COUNTS)
    add_piece(connection, work.tenant, file_id, n, body)


def _finish(connection: Connection, work: Work, n: int, body: bytes, *, format_: Format) -> None:
    now, file_id = work.runtime.clock.now(), work.job.file_id
    assert file_id is not None
    end(connection, work.tenant, work.job, State.DONE, now=now)
    if body:
        add_piece(connection, work.tenant, file_id, n, body)
    finish_file(connection, work.tenant.id, file_id, format_=format_, until=now + work.keep_until)
    forget_pages(connection, work.tenant.id, work.job.id)

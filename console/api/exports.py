"""Exports: asked for, looked at, cancelled; the file is fetched like any other (CUS-7)."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from flask import Response

from console.api.acting import Done, Work, read, write
from console.api.asked_files import ExportBody, ExportPath, NewestQuery
from console.api.gate import caller
from console.api.routes import operation
from console.api.told_files import ColumnOut, ColumnsOut, ExportOut, ExportsOut
from console.desk import desk
from services.files.choosing import selection_of
from services.files.columns import COLUMNS, columns_of
from services.files.exporting import load_custom_columns
from services.files.jobs import ask, cancel, list_jobs, load_job
from services.files.model import CUSTOM, Kind
from services.files.store import begin_file
from services.finding.model import FilterError
from shared.api_keys import Scope
from shared.audit import Change

GROUP, SUBJECT = "exports", "export"


def _hides_personal() -> bool:
    """Whether this caller's exports hide what is personal: the one place that decides it (ACC-3)."""
    return not caller().may_read_personal


@operation("get", "/export-columns", Scope.FILES_READ, ColumnsOut, group=GROUP)
def list_columns() -> Response:
    """List the columns that an export may have, the corp's own fields among them."""

    def work(work: Work) -> ColumnsOut:
        custom = load_custom_columns(work.connection, work.tenant.id)
        known = {**COLUMNS, **{f"{CUSTOM}{key}": one for key, one in custom.items()}}
        return ColumnsOut(
            columns=[ColumnOut(name=name, zh=one.zh, en=one.en, personal=one.personal) for name, one in known.items()]
        )

    return read(work)


@operation("post", "/exports", Scope.FILES_WRITE, ExportOut, status=202, group=GROUP, once=True)
def post_export(body: ExportBody) -> Response:
    """Export customers with chosen columns. Who is in it is decided when it begins; cells are as they are then."""
    chosen = body.customers.model_dump(mode="json", exclude_none=True)

    def work(work: Work) -> Done:
        _refuse_unreadable(work, chosen)
        columns_of(body.columns, load_custom_columns(work.connection, work.tenant.id))
        asked: dict[str, Any] = {
            **body.model_dump(mode="json", exclude={"customers"}), "chosen": chosen, "masked": _hides_personal()
        }  # fmt: skip
        until = work.now + timedelta(seconds=desk().runtime.settings.files_keep_s)
        by, name = caller().actor, f"customers-{work.now:%Y%m%d-%H%M}"
        file_id = begin_file(
            work.connection, work.tenant, origin="export", name=name, format_=body.format, by=by, now=work.now,
            until=until,
        )  # fmt: skip
        job_id = ask(work.connection, work.tenant, Kind.EXPORT, asked, file_id=file_id, by=by, now=work.now)
        change = Change("export.asked", SUBJECT, str(job_id), after=asked)
        return Done(ExportOut.of(load_job(work.connection, work.tenant, job_id)), 202, (change,))

    return write(work, once=True)


def _refuse_unreadable(work: Work, chosen: Mapping[str, Any]) -> None:
    """
    Raises:
        FileRefusedError, FilterError: now, and not only when it runs.
    """
    region = desk().runtime.settings.phone_region
    try:
        selection_of(work.connection, work.tenant, chosen, region=region, now=work.now)
    except FilterError as error:
        raise FilterError(error.problems, at="/customers/filter") from None


@operation("get", "/exports", Scope.FILES_READ, ExportsOut, group=GROUP)
def list_exports(query: NewestQuery) -> Response:
    """List exports, newest first."""

    def work(work: Work) -> ExportsOut:
        found = list_jobs(work.connection, work.tenant, Kind.EXPORT, before=query.before, limit=query.limit)
        return ExportsOut(exports=[ExportOut.of(one) for one in found])

    return read(work)


@operation("get", "/exports/<id>", Scope.FILES_READ, ExportOut, group=GROUP)
def show_export(path: ExportPath) -> Response:
    """Show an export: how far it is, and the file to fetch when it is done."""
    return read(lambda work: ExportOut.of(load_job(work.connection, work.tenant, path.id, kind=Kind.EXPORT)))


@operation("post", "/exports/<id>/cancel", Scope.FILES_WRITE, ExportOut, group=GROUP, bare=True)
def cancel_export(path: ExportPath) -> Response:
    """Write no more of it; what was written of the file is never shown."""

    def work(work: Work) -> Done:
        cancel(work.connection, work.tenant, path.id, Kind.EXPORT, now=work.now)
        job = load_job(work.connection, work.tenant, path.id)
        return Done(ExportOut.of(job), 200, (Change("export.cancelled", SUBJECT, str(path.id)),))

    return write(work)

"""Imports: asked for, looked at, started, cancelled (CUS-6)."""

from dataclasses import asdict
from typing import Any

from flask import Response

from console.api.acting import Done, Work, read, write
from console.api.asked_files import ImportBody, ImportPath, MappingBody, NewestQuery
from console.api.files import refuse_anothers
from console.api.gate import caller
from console.api.routes import operation
from console.api.told_files import ImportOut, ImportsOut
from services.files.jobs import ask, cancel, list_jobs, load_job, restart
from services.files.model import FileRefusedError, ImportAsked, Job, Kind, State
from services.files.store import load_file
from shared.api_keys import Scope
from shared.audit import Change

GROUP, SUBJECT = "imports", "import"


@operation("post", "/imports", Scope.FILES_WRITE, ImportOut, status=202, group=GROUP, once=True)
def post_import(body: ImportBody) -> Response:
    """Have a file checked: its columns are mapped, every row is read and looked up, nothing is written.

    Then look at it (GET), map otherwise if need be, and start it.
    """
    asked = asdict(ImportAsked(**body.model_dump(exclude={"file_id"})))
    # A worker of the version before reads imports that ask for nothing new.
    asked = {name: one for name, one in asked.items() if one or name not in ("corp_tag_ids", "segment_ids")}

    def work(work: Work) -> Done:
        file = load_file(work.connection, work.tenant, body.file_id, now=work.now)
        refuse_anothers(file)
        if file.state != "ready":
            raise FileRefusedError("the file has not been sent completely")
        by = caller().actor
        job_id = ask(work.connection, work.tenant, Kind.IMPORT, asked, file_id=file.id, by=by, now=work.now)
        return _told(work, job_id, "import.asked", asked, status=202)

    return write(work, once=True)


def _told(work: Work, job_id: int, action: str, after: dict[str, Any], *, status: int = 200) -> Done:
    job = load_job(work.connection, work.tenant, job_id)
    return Done(ImportOut.of(job), status, (Change(action, SUBJECT, str(job_id), after=after),))


@operation("get", "/imports", Scope.FILES_READ, ImportsOut, group=GROUP)
def list_imports(query: NewestQuery) -> Response:
    """List imports, newest first."""

    def work(work: Work) -> ImportsOut:
        found = list_jobs(work.connection, work.tenant, Kind.IMPORT, before=query.before, limit=query.limit)
        return ImportsOut(imports=[ImportOut.of(one) for one in found])

    return read(work)


@operation("get", "/imports/<id>", Scope.FILES_READ, ImportOut, group=GROUP)
def show_import(path: ImportPath) -> Response:
    """Show an import: what the check found, how far it is, what came of the rows, and the file of those that failed."""
    return read(lambda work: ImportOut.of(load_job(work.connection, work.tenant, path.id, kind=Kind.IMPORT)))


@operation("put", "/imports/<id>/mapping", Scope.FILES_WRITE, ImportOut, group=GROUP)
def put_mapping(path: ImportPath, body: MappingBody) -> Response:
    """Say which column is what, and have the file checked again. 409 unless it waits for its start."""

    def work(work: Work) -> Done:
        asked = {**_load(work, path.id).asked, "mapping": body.mapping}
        restart(work.connection, work.tenant, path.id, State.CHECKING, now=work.now, asked=asked)
        return _told(work, path.id, "import.mapped", {"mapping": body.mapping})

    return write(work)


@operation("post", "/imports/<id>/start", Scope.FILES_WRITE, ImportOut, group=GROUP, bare=True)
def start_import(path: ImportPath) -> Response:
    """Write what the check has shown. 409 unless it waits for its start."""

    def work(work: Work) -> Done:
        if _load(work, path.id).state is not State.RUNNING:  # a repeat starts nothing
            restart(work.connection, work.tenant, path.id, State.RUNNING, now=work.now)
        return _told(work, path.id, "import.started", {})

    return write(work)


@operation("post", "/imports/<id>/cancel", Scope.FILES_WRITE, ImportOut, group=GROUP, bare=True)
def cancel_import(path: ImportPath) -> Response:
    """Write no more of it. Rows that were written stay: `done` says how many."""

    def work(work: Work) -> Done:
        cancel(work.connection, work.tenant, path.id, Kind.IMPORT, now=work.now)
        return _told(work, path.id, "import.cancelled", {})

    return write(work)


def _load(work: Work, job_id: int) -> Job:
    return load_job(work.connection, work.tenant, job_id, kind=Kind.IMPORT)

"""Files that are sent and fetched, as streams of bytes."""

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import quote

from flask import Response, request

from console.api.acting import Done, Work, read, write
from console.api.asked_files import FilePath, NewestQuery, RemovedPath, UploadQuery
from console.api.examples import FILE as EXAMPLE
from console.api.gate import caller
from console.api.problems import ProblemError
from console.api.routes import operation
from console.api.told_files import FileOut, FilesOut
from console.desk import desk
from services.files.model import File, FileRefusedError
from services.files.store import (
    add_piece,
    begin_file,
    delete_file,
    finish_file,
    list_files,
    load_file,
    load_piece,
    pieces_of,
)
from services.files.words import file_words
from shared.api_keys import Scope
from shared.audit import Change
from shared.spreadsheets.model import Format, UnreadableError
from shared.spreadsheets.reading import FIRST_BYTES, format_of

GROUP = "files"
READ_AT_ONCE = 1 << 17
COMING_FOR = timedelta(hours=1)
"""An upload that takes longer is swept away."""
TYPES = {
    Format.CSV: "text/csv; charset=utf-8",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@operation("post", "/files", Scope.FILES_WRITE, FileOut, status=201, group=GROUP, raw=EXAMPLE)
def post_file(query: UploadQuery) -> Response:
    """Send a CSV or XLSX file as the body, as it is. What it is, its content says; its name is only for people.

    422 when it is neither, 413 when it is too large. It is kept, encrypted, for `GUANXI_FILES_KEEP_S`.
    """
    runtime, tenant = desk().runtime, caller().tenant
    with runtime.engine.begin() as connection:
        now = runtime.clock.now()
        file_id = begin_file(
            connection, tenant, origin="upload", name=query.name, format_=None, by=caller().actor, now=now,
            until=now + COMING_FOR,
        )  # fmt: skip
    try:
        format_ = _store(file_id)
    except Exception:  # whatever it was, nobody will fetch this
        with runtime.engine.begin() as connection:
            delete_file(connection, tenant.id, file_id)
        raise

    def work(work: Work) -> Done:
        until = work.now + timedelta(seconds=runtime.settings.files_keep_s)
        finish_file(work.connection, work.tenant.id, file_id, format_=format_, until=until)
        file = load_file(work.connection, work.tenant, file_id, now=work.now)
        change = Change("file.uploaded", "file", str(file_id), after={"name": file.name, "size": file.size})
        return Done(FileOut.of(file), 201, (change,))

    return write(work)


def _store(file_id: int) -> Format:
    """Each piece is a transaction of its own: no slow sender holds one open.

    Raises:
        ProblemError: too large, or no table.
    """
    runtime, tenant = desk().runtime, caller().tenant
    format_: Format | None = None
    for n, piece in enumerate(pieces_of(_body(runtime.settings.files_max_bytes))):
        format_ = format_ or _format_of(piece[:FIRST_BYTES])
        with runtime.engine.begin() as connection:
            add_piece(connection, tenant, file_id, n, piece)
    return format_ or _format_of(b"")


def _body(most: int) -> Iterator[bytes]:
    request.max_content_length = most + 1  # instead of the limit of JSON bodies
    size = 0
    while part := request.stream.read(READ_AT_ONCE):
        size += len(part)
        if size > most:
            raise ProblemError(413, "too-large", f"the file is larger than {most} bytes")
        yield part


def _format_of(first: bytes) -> Format:
    try:
        return format_of(first)
    except UnreadableError as error:
        zh, en = file_words({"code": error.code, **error.values})
        raise ProblemError(422, "invalid", f"{en} / {zh}", errors=[("/", en)]) from None


@operation("get", "/files", Scope.FILES_READ, FilesOut, group=GROUP)
def list_all_files(query: NewestQuery) -> Response:
    """List files that can be fetched, newest first."""

    def work(work: Work) -> FilesOut:
        found = list_files(work.connection, work.tenant, before=query.before, limit=query.limit, now=work.now)
        return FilesOut(files=[FileOut.of(one) for one in found])

    return read(work)


@operation("get", "/files/<id>", Scope.FILES_READ, FileOut, group=GROUP)
def show_file(path: FilePath) -> Response:
    """Show one file."""
    return read(lambda work: FileOut.of(load_file(work.connection, work.tenant, path.id, now=work.now)))


def refuse_anothers(file: File) -> None:
    """
    Raises:
        ProblemError: 403, what another key wrote or sent may hold what this one may not read (ACC-3).
    """
    if not caller().may_read_personal and file.created_by != caller().actor:
        raise ProblemError(403, "forbidden", "another key's file may show what this one may not read: personal:read")


@operation("get", "/files/<id>/content", Scope.FILES_READ, None, group=GROUP, answers_bytes=True)
def fetch_file(path: FilePath) -> Response:
    """Fetch a file: what was sent, what was exported, or rows that failed. 409 while it is still being written."""
    runtime, tenant = desk().runtime, caller().tenant
    with runtime.engine.begin() as connection:
        file = load_file(connection, tenant, path.id, now=runtime.clock.now())
    refuse_anothers(file)
    if file.state != "ready" or file.format is None:
        raise FileRefusedError("the file is not complete yet")

    def body() -> Iterator[bytes]:
        for n in range(file.pieces):
            with runtime.engine.begin() as connection:
                piece = load_piece(connection, tenant, file.id, n)
            yield piece

    name = file.name if file.name.lower().endswith(f".{file.format}") else f"{file.name}.{file.format}"
    headers = {
        "Content-Length": str(file.size),
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",
    }
    return Response(body(), 200, headers=headers, content_type=TYPES[file.format])


@operation("delete", "/files/<id>", Scope.FILES_WRITE, FileOut, group=GROUP)
def remove_file(path: RemovedPath) -> Response:
    """Delete a file before its time. An import that still needs it fails with that reason."""

    def work(work: Work) -> Done:
        file = load_file(work.connection, work.tenant, path.id, now=work.now)
        delete_file(work.connection, work.tenant.id, path.id)
        change = Change("file.deleted", "file", str(path.id), before={"name": file.name, "size": file.size})
        return Done(FileOut.of(file), 200, (change,))

    return write(work)

"""Rows of files: encrypted pieces, written one by one, readable by any process while the file lasts."""

import io
from collections.abc import Callable, Iterator
from datetime import datetime

from sqlalchemy import Connection

from services.files.model import PIECE, File, NoFileError
from shared.db.engine import Row, fetch_all, fetch_one, run
from shared.ids import TenantId
from shared.spreadsheets.model import Format
from shared.tenants import Tenant

BODY, NAME = "file_piece.body", "file.name"
"""Encryption contexts."""
SWEPT_AT_ONCE = 50


def begin_file(
    connection: Connection,
    tenant: Tenant,
    *,
    origin: str,
    name: str,
    format_: Format | None,
    by: str,
    now: datetime,
    until: datetime,
) -> int:
    row = fetch_one(
        connection,
        "insert into file (tenant_id, origin, format, name, state, created_at, created_by, expires_at) "
        "values (:tenant_id, :origin, :format, :name, 'coming', :now, :by, :until) returning id",
        tenant_id=tenant.id,
        origin=origin,
        format=format_,
        name=tenant.cipher.encrypt(name.encode(), NAME),
        now=now,
        by=by,
        until=until,
    )
    assert row is not None
    return int(row["id"])


def add_piece(connection: Connection, tenant: Tenant, file_id: int, n: int, body: bytes) -> None:
    """Piece `n`, from 0; the next one that is missing.

    Raises:
        NoFileError: it was deleted meanwhile; nothing is written.
    """
    # The file first: whoever deletes it waits for this piece, or is waited for.
    grown = run(
        connection,
        "update file set size = size + :size, pieces = pieces + 1 where tenant_id = :tenant_id and id = :id",
        tenant_id=tenant.id,
        id=file_id,
        size=len(body),
    )
    if not grown:
        raise NoFileError("the file was deleted while it was being written")
    run(
        connection,
        "insert into file_piece (tenant_id, file_id, n, body) values (:tenant_id, :file_id, :n, :body)",
        tenant_id=tenant.id,
        file_id=file_id,
        n=n,
        body=tenant.cipher.encrypt(body, BODY),
    )


def finish_file(connection: Connection, tenant_id: TenantId, file_id: int, *, format_: Format, until: datetime) -> None:
    """
    Raises:
        NoFileError: it was deleted meanwhile.
    """
    finished = run(
        connection,
        "update file set state = 'ready', format = :format, expires_at = :until "
        "where tenant_id = :tenant_id and id = :id",
        tenant_id=tenant_id,
        id=file_id,
        format=format_,
        until=until,
    )
    if not finished:
        raise NoFileError("the file was deleted while it was being written")


def empty_file(connection: Connection, tenant_id: TenantId, file_id: int) -> None:
    """Whoever writes it starts anew."""
    values = {"tenant_id": tenant_id, "id": file_id}
    run(connection, "delete from file_piece where tenant_id = :tenant_id and file_id = :id", **values)
    run(connection, "update file set size = 0, pieces = 0 where tenant_id = :tenant_id and id = :id", **values)


def load_file(connection: Connection, tenant: Tenant, file_id: int, *, now: datetime) -> File:
    """
    Raises:
        NoFileError: there is none, or its time is over.
    """
    row = fetch_one(
        connection,
        "select * from file where tenant_id = :tenant_id and id = :id and expires_at > :now",
        tenant_id=tenant.id,
        id=file_id,
        now=now,
    )
    if row is None:
        raise NoFileError("there is no such file, or it has expired")
    return _file(tenant, row)


def _file(tenant: Tenant, row: Row) -> File:
    values = {name: row[name] for name in File.__dataclass_fields__}
    values["format"] = Format(row["format"]) if row["format"] else None
    values["name"] = tenant.cipher.decrypt(row["name"], NAME).decode()
    return File(**values)


def list_files(connection: Connection, tenant: Tenant, *, before: int | None, limit: int, now: datetime) -> list[File]:
    """Newest first."""
    rows = fetch_all(
        connection,
        "select * from file where tenant_id = :tenant_id and expires_at > :now "
        "and (cast(:before as bigint) is null or id < :before) order by id desc limit :limit",
        tenant_id=tenant.id,
        now=now,
        before=before,
        limit=limit,
    )
    return [_file(tenant, row) for row in rows]


def load_piece(connection: Connection, tenant: Tenant, file_id: int, n: int) -> bytes:
    """
    Raises:
        NoFileError: it was deleted meanwhile.
    """
    row = fetch_one(
        connection,
        "select body from file_piece where tenant_id = :tenant_id and file_id = :file_id and n = :n",
        tenant_id=tenant.id,
        file_id=file_id,
        n=n,
    )
    if row is None:
        raise NoFileError("the file is not there any more")
    return tenant.cipher.decrypt(row["body"], BODY)


def delete_file(connection: Connection, tenant_id: TenantId, file_id: int) -> None:
    """The file first: whoever adds a piece just now is waited for, and their piece is seen then."""
    values = {"tenant_id": tenant_id, "id": file_id}
    run(connection, "delete from file where tenant_id = :tenant_id and id = :id", **values)
    run(connection, "delete from file_piece where tenant_id = :tenant_id and file_id = :id", **values)


def sweep_files(connection: Connection, *, now: datetime) -> int:
    """Delete some files whose time is over, in any state; how many. Jobs that need one fail with that reason."""
    return run(
        connection,
        "with old as (select tenant_id, id from file where expires_at <= :now order by expires_at limit :limit "
        "for update skip locked), pieces as (delete from file_piece p using old "
        "where p.tenant_id = old.tenant_id and p.file_id = old.id) "
        "delete from file f using old where f.tenant_id = old.tenant_id and f.id = old.id",
        now=now,
        limit=SWEPT_AT_ONCE,
    )


def pieces_of(body: Iterator[bytes]) -> Iterator[bytes]:
    """As many bytes in each as `PieceReader` expects."""
    held = bytearray()
    for part in body:
        held += part
        while len(held) >= PIECE:
            yield bytes(held[:PIECE])
            del held[:PIECE]
    if held:
        yield bytes(held)


class PieceReader(io.RawIOBase):
    """An upload as a seekable file; two of its pieces are in memory at a time."""

    def __init__(self, load: Callable[[int], bytes], size: int) -> None:
        self._load, self._size, self._at = load, size, 0
        self._held: dict[int, bytes] = {}

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if self._at >= self._size:
            return 0
        n, begin = divmod(self._at, PIECE)
        if n not in self._held:
            while len(self._held) > 1:
                self._held.pop(next(iter(self._held)))
            self._held[n] = self._load(n)
        part = self._held[n][begin : begin + len(buffer)]
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)

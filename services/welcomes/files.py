"""Files that go with welcomes. WeCom keeps an upload for three days, so they are kept here and uploaded in time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from services.welcomes.model import MOST_FILES, Medium, NoWelcomeFileError, WelcomeRefusedError
from shared.db.engine import Row, fetch_all, fetch_one, run
from shared.ids import TenantId
from shared.tenants import Tenant

BODY = "welcome_file.body"
"""Encryption context."""
LIVES = timedelta(days=3) - timedelta(hours=1)
"""How long an upload is relied upon. Source: WeCom server API, temporary media (page 96484)."""
RENEWED_BEFORE = timedelta(days=1)
AGAIN_AFTER = timedelta(minutes=5)
AT_IT = timedelta(minutes=3)
"""Longer than an upload takes; then its process was killed and another one uploads."""
_SHOWN = "id, kind, name, size, created_at, created_by, media_id, media_until, problem"


@dataclass(frozen=True)
class File:
    """`media_until`: until when WeCom has it; None: not yet. `problem`: why the last upload failed."""

    id: int
    kind: str
    name: str
    size: int
    created_at: datetime
    created_by: str
    media_until: datetime | None
    problem: str | None


@dataclass(frozen=True)
class DueFile:
    """One to upload; `body` in the clear."""

    id: int
    kind: str
    name: str
    body: bytes


def add_file(
    connection: Connection, tenant: Tenant, *, kind: str, name: str, body: bytes, by: str, now: datetime
) -> File:
    """
    Raises:
        WelcomeRefusedError: there are too many.
    """
    if len(list_files(connection, tenant.id)) >= MOST_FILES:
        raise WelcomeRefusedError(f"a corp has {MOST_FILES} welcome files at most: delete one first")
    row = fetch_one(
        connection,
        "insert into welcome_file (tenant_id, kind, name, size, body, created_at, created_by, next_try_at) "  # noqa: S608
        f"values (:tenant_id, :kind, :name, :size, :body, :now, :by, :now) returning {_SHOWN}",
        tenant_id=tenant.id,
        kind=kind,
        name=name,
        size=len(body),
        body=tenant.cipher.encrypt(body, BODY),
        by=by,
        now=now,
    )
    assert row is not None
    return _file(row)


def list_files(connection: Connection, tenant_id: TenantId) -> list[File]:
    rows = fetch_all(
        connection,
        f"select {_SHOWN} from welcome_file where tenant_id = :tenant_id order by id",  # noqa: S608 - a constant
        tenant_id=tenant_id,
    )
    return [_file(row) for row in rows]


def delete_file(connection: Connection, tenant_id: TenantId, file_id: int) -> File:
    """
    Raises:
        NoWelcomeFileError, WelcomeRefusedError: no such file; a rule still sends it.
    """
    row = fetch_one(
        connection,
        f"select {_SHOWN} from welcome_file where tenant_id = :tenant_id and id = :id for update",  # noqa: S608 - a constant
        tenant_id=tenant_id,
        id=file_id,
    )
    if row is None:
        raise NoWelcomeFileError(f"no welcome file {file_id}")
    using = fetch_all(
        connection,
        "select id from welcome_rule where tenant_id = :tenant_id and deleted_at is null and :id = any(file_ids)",
        tenant_id=tenant_id,
        id=file_id,
    )
    if using:
        named = ", ".join(str(one["id"]) for one in using)
        raise WelcomeRefusedError(f"welcome rules still send this file: {named}")
    run(connection, "delete from welcome_file where tenant_id = :tenant_id and id = :id",
        tenant_id=tenant_id, id=file_id)  # fmt: skip
    return _file(row)


def _file(row: Row) -> File:
    return File(**{name: row[name] for name in File.__dataclass_fields__})


def load_media(connection: Connection, tenant_id: TenantId, file_ids: Iterable[int]) -> dict[int, Medium]:
    """What WeCom calls them; those that were never uploaded are left out."""
    rows = fetch_all(
        connection,
        "select id, media_id, media_until from welcome_file where tenant_id = :tenant_id and id = any(:ids) "
        "and media_id is not null",
        tenant_id=tenant_id,
        ids=sorted(file_ids),
    )
    return {row["id"]: Medium(row["media_id"], row["media_until"]) for row in rows}


def forget_media(connection: Connection, tenant_id: TenantId, media_ids: Sequence[str], *, now: datetime) -> None:
    """WeCom does not know one of these (any more): all are uploaded anew."""
    run(
        connection,
        "update welcome_file set media_id = null, media_until = null, next_try_at = :now "
        "where tenant_id = :tenant_id and media_id = any(:media_ids)",
        tenant_id=tenant_id,
        media_ids=list(media_ids),
        now=now,
    )


def tenants_with_due_files(connection: Connection, *, now: datetime) -> list[TenantId]:
    rows = fetch_all(connection, f"select distinct f.tenant_id from welcome_file f where {_DUE}", now=now)  # noqa: S608 - a constant
    return [TenantId(row["tenant_id"]) for row in rows]


_DUE = (
    "f.next_try_at <= :now and exists (select from welcome_rule r where r.tenant_id = f.tenant_id "
    "and r.enabled and f.id = any(r.file_ids))"
)
"""Only what a rule sends is uploaded."""


def take_due_file(connection: Connection, tenant: Tenant, *, now: datetime) -> DueFile | None:
    """One that WeCom is to get (again); nobody else takes it for some minutes."""
    row = fetch_one(
        connection,
        "update welcome_file set next_try_at = :until where tenant_id = :tenant_id and id = (select id from "  # noqa: S608
        f"welcome_file f where tenant_id = :tenant_id and {_DUE} order by next_try_at limit 1 for update skip locked) "
        "returning id, kind, name, body",
        tenant_id=tenant.id,
        now=now,
        until=now + AT_IT,
    )
    if row is None:
        return None
    return DueFile(row["id"], row["kind"], row["name"], tenant.cipher.decrypt(row["body"], BODY))


def record_uploaded(connection: Connection, tenant_id: TenantId, file_id: int, media_id: str, *, at: datetime) -> None:
    run(
        connection,
        "update welcome_file set media_id = :media_id, media_until = :until, next_try_at = :again, problem = null "
        "where tenant_id = :tenant_id and id = :id",
        tenant_id=tenant_id,
        id=file_id,
        media_id=media_id,
        until=at + LIVES,
        again=at + LIVES - RENEWED_BEFORE,
    )


def record_not_uploaded(
    connection: Connection, tenant_id: TenantId, file_id: int, problem: str, *, now: datetime
) -> None:
    run(
        connection,
        "update welcome_file set next_try_at = :again, problem = :problem where tenant_id = :tenant_id and id = :id",
        tenant_id=tenant_id,
        id=file_id,
        again=now + AGAIN_AFTER,
        problem=problem,
    )


def kind_problem(kind: str, body: bytes) -> str | None:
    """Why WeCom would not take this as such a file; its first bytes say what it is."""
    if kind == "image" and not body.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")):
        return "is neither JPG nor PNG"
    if kind == "video" and body[4:8] != b"ftyp":
        return "is not MP4"
    return None

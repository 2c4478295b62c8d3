"""Rows of corps' own texts and of the forms in which messages go out."""

from datetime import datetime

from sqlalchemy import Connection

from services.message_templates.model import Dress, Form, Name, OwnText, Text, Wardrobe
from shared.db.engine import Row, fetch_all, fetch_one, run
from shared.ids import TenantId


def load_own_texts(connection: Connection, tenant_id: TenantId) -> dict[Name, OwnText]:
    rows = fetch_all(
        connection, "select * from message_template where tenant_id = :tenant_id order by notice", tenant_id=tenant_id
    )
    return {one.name: one for one in map(_own, rows)}


def _own(row: Row) -> OwnText:
    return OwnText(
        Name(row["notice"], row["language"], row["folded"]),
        Text(row["title"], row["description"]),
        row["version"],
        row["updated_at"],
        row["updated_by"],
    )


def record_own_text(
    connection: Connection, tenant_id: TenantId, name: Name, text: Text, *, by: str, now: datetime
) -> OwnText:
    """In place of what stood there; its version is one more than that one's."""
    row = fetch_one(
        connection,
        "insert into message_template (tenant_id, notice, language, folded, title, description, version, updated_at, "
        "updated_by) values (:tenant_id, :notice, :language, :folded, :title, :description, 1, :now, :by) "
        "on conflict (tenant_id, notice, language, folded) do update set title = excluded.title, "
        "description = excluded.description, version = message_template.version + 1, "
        "updated_at = excluded.updated_at, updated_by = excluded.updated_by returning *",
        tenant_id=tenant_id,
        title=text.title,
        description=text.description,
        now=now,
        by=by,
        **name._asdict(),
    )
    assert row is not None
    return _own(row)


def delete_own_text(connection: Connection, tenant_id: TenantId, name: Name) -> bool:
    """Whether there was one; from the next message on the shipped one stands."""
    return bool(
        run(
            connection,
            "delete from message_template where tenant_id = :tenant_id and notice = :notice "
            "and language = :language and folded = :folded",
            tenant_id=tenant_id,
            **name._asdict(),
        )
    )


def load_dresses(connection: Connection, tenant_id: TenantId) -> dict[str, Dress]:
    rows = fetch_all(connection, "select * from message_form where tenant_id = :tenant_id", tenant_id=tenant_id)
    return {row["notice"]: Dress(Form(row["form"]), row["appid"], row["page"]) for row in rows}


def record_dress(
    connection: Connection, tenant_id: TenantId, notice: str, dress: Dress, *, by: str, now: datetime
) -> None:
    run(
        connection,
        "insert into message_form (tenant_id, notice, form, appid, page, updated_at, updated_by) "
        "values (:tenant_id, :notice, :form, :appid, :page, :now, :by) on conflict (tenant_id, notice) do update set "
        "form = excluded.form, appid = excluded.appid, page = excluded.page, updated_at = excluded.updated_at, "
        "updated_by = excluded.updated_by",
        tenant_id=tenant_id,
        notice=notice,
        form=dress.form.value,
        appid=dress.appid,
        page=dress.page,
        now=now,
        by=by,
    )


def load_wardrobe(connection: Connection, tenant_id: TenantId) -> Wardrobe:
    """All that the corp has set: two looks at tiny tables, for each batch that is rendered."""
    texts = {name: own.text for name, own in load_own_texts(connection, tenant_id).items()}
    return Wardrobe(texts, load_dresses(connection, tenant_id))

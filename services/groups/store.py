"""Loads chats, stays and evidence, always for many chats at once. What writes them is record.py."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from services.groups.model import Chat, Evidence, EvidenceKind, Kind, Recorded, Source, Stay, Traits
from shared.db.engine import Row, as_json, fetch_all
from shared.ids import UserId
from shared.tenants import Tenant
from shared.vault import Cipher

UNIONID = "group_member.unionid"
LATEST_COMMIT = timedelta(hours=1)
"""Evidence may become visible so much later than it was recorded: its transaction, and clocks that differ."""


def load_chats(connection: Connection, tenant: Tenant, chat_ids: Sequence[str]) -> dict[str, Chat]:
    rows = fetch_all(
        connection,
        "select * from group_chat where tenant_id = :tenant_id and chat_id = any(:ids)",
        tenant_id=tenant.id,
        ids=list(chat_ids),
    )
    return {row["chat_id"]: _chat(row) for row in rows}


def _chat(row: Row) -> Chat:
    return Chat(
        chat_id=row["chat_id"],
        name=row["name"],
        owner=UserId(row["owner_userid"]) if row["owner_userid"] is not None else None,
        notice=row["notice"],
        admins=None if row["admins"] is None else tuple(row["admins"]),
        created_at=row["created_at"],
        member_version=row["member_version"],
        member_count=row["member_count"],
        dismissed_at=row["dismissed_at"],
        out_of_sight_at=row["out_of_sight_at"],
        observed_at=row["observed_at"],
        since={name: datetime.fromisoformat(at) for name, at in row["since"].items()},
    )


def load_evidence(connection: Connection, tenant: Tenant, chat_ids: Sequence[str]) -> dict[str, list[Evidence]]:
    """What events said of each chat about the time of its last read and since; of one never read, all of it."""
    rows = fetch_all(
        connection,
        "select e.subject_key, e.kind, e.occurred_at, e.recorded_at, e.details from evidence e "
        "left join group_chat c on c.tenant_id = e.tenant_id and c.chat_id = e.subject_key "
        "where e.tenant_id = :tenant_id and e.subject_kind = 'group_chat' and e.subject_key = any(:ids) "
        "and e.recorded_at >= coalesce(c.observed_at - cast(:late as interval), '-infinity') "
        "order by e.occurred_at, e.id",
        tenant_id=tenant.id,
        ids=list(chat_ids),
        late=LATEST_COMMIT,
    )
    found: dict[str, list[Evidence]] = {one: [] for one in chat_ids}
    for row in rows:
        found[row["subject_key"]].append(_evidence(row))
    return found


def _evidence(row: Row) -> Evidence:
    details = row["details"]
    return Evidence(
        kind=EvidenceKind(row["kind"]),
        occurred_at=row["occurred_at"],
        heard_at=row["recorded_at"],
        members=tuple(details.get("members") or ()),
        scene=details.get("scene"),
        last_version=details.get("last"),
        version=details.get("cur"),
        field=details.get("field"),
    )


def load_recorded(connection: Connection, tenant: Tenant, named: Mapping[str, Sequence[str]]) -> dict[str, Recorded]:
    """What is stored of each chat: who is in it, with all stays of those and of the members named."""
    chats = load_chats(connection, tenant, list(named))
    rows = fetch_all(
        connection,
        "with wanted as (select chat_id, member_id from group_member where tenant_id = :tenant_id "
        "and chat_id = any(:ids) and left_at is null union select r.chat_id, m.member_id "
        "from jsonb_to_recordset(cast(:named as jsonb)) as r(chat_id text, member_ids text[]), "
        "unnest(r.member_ids) as m(member_id)) "
        "select g.* from wanted w join group_member g on g.tenant_id = :tenant_id and g.chat_id = w.chat_id "
        "and g.member_id = w.member_id order by g.number",
        tenant_id=tenant.id,
        ids=list(named),
        named=as_json([{"chat_id": one, "member_ids": list(members)} for one, members in named.items()]),
    )
    stays: dict[str, dict[str, tuple[Stay, ...]]] = {one: {} for one in named}
    for row in rows:
        of_chat = stays[row["chat_id"]]
        of_chat[row["member_id"]] = (*of_chat.get(row["member_id"], ()), _stay(row, tenant.cipher))
    return {one: Recorded(chats.get(one), stays[one]) for one in named}


def _stay(row: Row, cipher: Cipher) -> Stay:
    return Stay(
        member_id=row["member_id"],
        number=row["number"],
        kind=Kind(row["kind"]),
        joined_at=row["joined_at"],
        joined_by=Source(row["joined_by"]) if row["joined_by"] else None,
        left_at=row["left_at"],
        left_by=Source(row["left_by"]) if row["left_by"] else None,
        quit_scene=row["quit_scene"],
        traits=Traits(
            join_scene=row["join_scene"],
            invitor=row["invitor"],
            state=row["state"],
            nickname=row["nickname"],
            name=row["name"],
            unionid=None if row["unionid"] is None else cipher.decrypt(row["unionid"], UNIONID).decode(),
        ),
    )


def chats_of_members(connection: Connection, tenant: Tenant, member_ids: Sequence[str]) -> dict[str, list[str]]:
    """The chats that each of these people is in now (GRP-5)."""
    rows = fetch_all(
        connection,
        "select member_id, chat_id from group_member where tenant_id = :tenant_id and member_id = any(:ids) "
        "and left_at is null order by member_id, chat_id",
        tenant_id=tenant.id,
        ids=list(member_ids),
    )
    found: dict[str, list[str]] = {one: [] for one in member_ids}
    for row in rows:
        found[row["member_id"]].append(row["chat_id"])
    return found


def load_days(connection: Connection, tenant: Tenant, chat_id: str, *, since: date) -> Sequence[Row]:
    """The days on which somebody came or went: day, joined_count, left_count, member_count (GRP-5)."""
    return fetch_all(
        connection,
        "select day, joined_count, left_count, member_count from group_day "
        "where tenant_id = :tenant_id and chat_id = :chat_id and day >= :since order by day",
        tenant_id=tenant.id,
        chat_id=chat_id,
        since=since,
    )

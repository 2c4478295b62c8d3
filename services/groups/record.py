"""Writes chats, stays and the numbers of days, always for many chats at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection

from services.groups.days import DayChange
from services.groups.model import Chat, Stay
from services.groups.plan import ChatPlan
from services.groups.store import UNIONID
from shared.db.engine import as_json, run
from shared.grams import fold, pieces_of
from shared.ids import TenantId
from shared.tenants import Tenant
from shared.vault import Cipher


@dataclass(frozen=True)
class Provenance:
    """Why a row is as it is: the cause, what brought it about (`inbox:...`, `run:...`), and the read's time."""

    cause: str
    caused_by: str | None
    observed_at: datetime


def record_chats(
    connection: Connection, tenant: Tenant, plans: Sequence[ChatPlan], provenance: Mapping[str, Provenance]
) -> None:
    ordered = sorted((plan for plan in plans if plan.chat is not None), key=lambda plan: plan.chat_id)
    if not ordered:
        return
    _record_details(connection, tenant, [plan.chat for plan in ordered if plan.chat], provenance)
    _record_stays(connection, tenant, [plan for plan in ordered if plan.stays], provenance)
    record_days(connection, tenant.id, {plan.chat_id: plan.days for plan in ordered if plan.days})


def _record_details(
    connection: Connection, tenant: Tenant, chats: Sequence[Chat], provenance: Mapping[str, Provenance]
) -> None:
    columns = (
        "chat_id, name, name_key, name_pieces, owner_userid, notice, created_at, admins, member_version, "
        "member_count, since, dismissed_at, out_of_sight_at, observed_at, cause, caused_by"
    )
    changing = columns.split(", ")[1:]
    run(
        connection,
        f"insert into group_chat (tenant_id, {columns}) select :tenant_id, {columns} "  # noqa: S608 - constants above
        "from jsonb_to_recordset(cast(:rows as jsonb)) as r(chat_id text, name text, name_key text, "
        "name_pieces text[], owner_userid text, notice text, created_at timestamptz, admins text[], "
        "member_version text, member_count int, since jsonb, dismissed_at timestamptz, out_of_sight_at timestamptz, "
        "observed_at timestamptz, cause text, caused_by text) "
        "on conflict (tenant_id, chat_id) do update set " + ", ".join(f"{one} = excluded.{one}" for one in changing),
        tenant_id=tenant.id,
        rows=as_json([_detail_row(chat, provenance[chat.chat_id]) for chat in chats]),
    )


def _detail_row(chat: Chat, why: Provenance) -> dict[str, object]:
    return {
        "chat_id": chat.chat_id,
        "name": chat.name,
        "name_key": None if chat.name is None else fold(chat.name),
        "name_pieces": None if chat.name is None else pieces_of(chat.name),
        "owner_userid": chat.owner,
        "notice": chat.notice,
        "created_at": chat.created_at,
        "admins": chat.admins,
        "member_version": chat.member_version,
        "member_count": chat.member_count,
        "since": dict(chat.since),
        "dismissed_at": chat.dismissed_at,
        "out_of_sight_at": chat.out_of_sight_at,
        "observed_at": chat.observed_at,
        "cause": why.cause,
        "caused_by": why.caused_by,
    }


def _record_stays(
    connection: Connection, tenant: Tenant, plans: Sequence[ChatPlan], provenance: Mapping[str, Provenance]
) -> None:
    # Ends first: a member has one present stay at most, also in between.
    rows = [
        _stay_row(stay, plan.chat_id, provenance[plan.chat_id], tenant.cipher)
        for plan in plans
        for stay in sorted(plan.stays, key=lambda one: (one.left_at is None, one.member_id, one.number))
    ]
    if not rows:
        return
    columns = (
        "chat_id, member_id, number, kind, joined_at, joined_by, join_scene, invitor, state, nickname, name, unionid, "
        "left_at, left_by, quit_scene, observed_at, cause, caused_by"
    )
    changing = columns.split(", ")[3:]
    run(
        connection,
        f"insert into group_member (tenant_id, {columns}) select :tenant_id, {columns} "  # noqa: S608 - constants above
        "from jsonb_to_recordset(cast(:rows as jsonb)) as r(chat_id text, member_id text, number int, kind text, "
        "joined_at timestamptz, joined_by text, join_scene bigint, invitor text, state text, nickname text, name text, "
        "unionid bytea, left_at timestamptz, left_by text, quit_scene bigint, observed_at timestamptz, cause text, "
        "caused_by text) on conflict (tenant_id, chat_id, member_id, number) do update set "
        + ", ".join(f"{one} = excluded.{one}" for one in changing),
        tenant_id=tenant.id,
        rows=as_json(rows),
    )


def _stay_row(stay: Stay, chat_id: str, why: Provenance, cipher: Cipher) -> dict[str, object]:
    traits, unionid = stay.traits, stay.traits.unionid
    return {
        "chat_id": chat_id,
        "member_id": stay.member_id,
        "number": stay.number,
        "kind": stay.kind,
        "joined_at": stay.joined_at,
        "joined_by": stay.joined_by,
        "join_scene": traits.join_scene,
        "invitor": traits.invitor,
        "state": traits.state,
        "nickname": traits.nickname,
        "name": traits.name,
        "unionid": unionid and cipher.encrypt(unionid.encode(), UNIONID),
        "left_at": stay.left_at,
        "left_by": stay.left_by,
        "quit_scene": stay.quit_scene,
        "observed_at": why.observed_at,
        "cause": why.cause,
        "caused_by": why.caused_by,
    }


def record_days(connection: Connection, tenant_id: TenantId, days: Mapping[str, Mapping[date, DayChange]]) -> None:
    """Add what changed, by chat; the members at the end of each later day follow from those of now, backwards."""
    rows = [
        {"chat_id": chat_id, "day": day, "joined": change.joined, "gone": change.left}
        for chat_id, changes in days.items()
        for day, change in changes.items()
    ]
    if not days:
        return
    run(
        connection,
        "insert into group_day as d (tenant_id, chat_id, day, joined_count, left_count, member_count) "
        "select :tenant_id, chat_id, day, joined, gone, 0 "
        "from jsonb_to_recordset(cast(:rows as jsonb)) as r(chat_id text, day date, joined int, gone int) "
        "on conflict (tenant_id, chat_id, day) do update set joined_count = d.joined_count + excluded.joined_count, "
        "left_count = d.left_count + excluded.left_count",
        tenant_id=tenant_id,
        rows=as_json(rows),
    )
    run(
        connection,
        "update group_day d set member_count = n.member_count from (select x.chat_id, x.day, c.member_count - "
        "coalesce(sum(x.joined_count - x.left_count) over (partition by x.chat_id order by x.day desc "
        "rows between unbounded preceding and 1 preceding), 0) as member_count from group_chat c "
        "join group_day x on x.tenant_id = c.tenant_id and x.chat_id = c.chat_id "
        "where c.tenant_id = :tenant_id and c.chat_id = any(:chat_ids)) n "
        "where d.tenant_id = :tenant_id and d.chat_id = n.chat_id and d.day = n.day "
        "and d.member_count <> n.member_count",
        tenant_id=tenant_id,
        chat_ids=list(days),
    )

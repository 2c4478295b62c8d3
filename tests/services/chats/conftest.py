"""Chats as a worker has recorded them, in a transaction that is rolled back."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection

from services.groups.model import Kind, Observed, ObservedMember, Traits
from services.groups.plan import plan_chat
from services.groups.record import Provenance, record_chats
from services.groups.store import load_recorded
from shared.db.engine import run
from shared.ids import UserId
from shared.tenants import Tenant
from tests.conftest import NOW
from tests.services.groups.factories import ZONE


def add_chat(
    connection: Connection,
    tenant: Tenant,
    chat_id: str,
    name: str | None = "群",
    *,
    owner: str = "LiNa",
    created: datetime = NOW - timedelta(days=30),
    joined: Mapping[str, datetime] | None = None,
    at: datetime = NOW,
) -> None:
    """A read shows the chat; its owner has been there from the beginning. Members wm… are from outside."""
    members = {owner: ObservedMember(Kind.ASSOCIATE, created, Traits())}
    for member, when in (joined or {}).items():
        members[member] = ObservedMember(Kind.CUSTOMER, when, Traits(3, owner, name=f"name of {member}"))
    seen = Observed(chat_id, at, name, UserId(owner), None, (), created, f"v{at}", members)
    recorded = load_recorded(connection, tenant, {chat_id: list(members)})[chat_id]
    plan = plan_chat(seen, recorded, (), zone=ZONE)
    record_chats(connection, tenant, [plan], {chat_id: Provenance("event", None, at)})


def add_associate(connection: Connection, tenant: Tenant, userid: str, outlet: int) -> None:
    run(
        connection,
        "insert into associate (tenant_id, userid, name, main_department_id, observed_at) "
        "values (:tenant_id, :userid, :name, :outlet, :now)",
        tenant_id=tenant.id,
        userid=userid,
        name=f"name of {userid}",
        outlet=outlet,
        now=NOW,
    )


def add_chat_tag(connection: Connection, tenant: Tenant, id_: int) -> None:
    """A group of chat tags with one tag, both of this id."""
    run(
        connection,
        "with g as (insert into local_tag_group (tenant_id, id, of, name, position, created_at) "
        "overriding system value values (:tenant_id, :id, 'chat', '场景', 1, :now)) insert into local_tag (tenant_id, "
        "id, group_id, kind, name, position, created_at) overriding system value "
        "values (:tenant_id, :id, :id, 'manual', '门店', 1, :now)",
        tenant_id=tenant.id,
        id=id_,
        now=NOW,
    )


def dismiss(connection: Connection, tenant: Tenant, *chat_ids: str) -> None:
    run(
        connection,
        "update group_chat set dismissed_at = :now where tenant_id = :tenant_id and chat_id = any(:ids)",
        tenant_id=tenant.id,
        ids=list(chat_ids),
        now=NOW,
    )


def many_chats(connection: Connection, tenant: Tenant, count: int) -> None:
    run(
        connection,
        "insert into group_chat (tenant_id, chat_id, name, name_key, name_pieces, owner_userid, created_at, cause) "
        "select :tenant_id, 'wr' || n, 'chat ' || n, 'chat ' || n, '{}', 'u' || n % 500, "
        "timestamptz '2026-01-01' + n * interval '1 minute', 'event' from generate_series(1, :count) n",
        tenant_id=tenant.id,
        count=count,
    )


@pytest.fixture
def chats(connection: Connection, tenant: Tenant, other_tenant: Tenant) -> Sequence[str]:
    """Three chats of two owners, and one of another corp that has an id of theirs."""
    for userid, outlet in (("LiNa", 2), ("WangFang", 3)):
        add_associate(connection, tenant, userid, outlet)
    add_chat(connection, tenant, "wrA", "ＶＩＰ 新品群", created=NOW - timedelta(days=3))
    add_chat(connection, tenant, "wrB", "老客户 vip", owner="WangFang", created=NOW - timedelta(days=2))
    add_chat(connection, tenant, "wrC", "新", created=NOW - timedelta(days=1))
    add_chat(connection, other_tenant, "wrA", "新品 of another corp")
    return ["wrA", "wrB", "wrC"]

"""What became of each welcome: one row per associate, contact and code, however often the event comes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

import orjson
from sqlalchemy import Connection

from services.welcomes.model import Names, Said, State, Verdict
from shared.db.engine import Row, fetch_all, fetch_one, run
from shared.ids import ExternalUserId, TenantId, UserId
from shared.tenants import Tenant

BODY = "welcome.body"
"""Encryption context."""


@dataclass(frozen=True)
class Occasion:
    """A new friendship that may be welcomed with `code` until `until`."""

    userid: UserId
    external_userid: ExternalUserId
    code: str
    state: str | None
    half: bool
    received_at: datetime
    until: datetime

    @property
    def code_digest(self) -> bytes:
        return sha256(self.code.encode()).digest()


@dataclass(frozen=True)
class Kept:
    """A welcome's row. `said` is None where nothing is (any more) to be said."""

    id: int
    state: State
    said: Said | None
    attempts: int
    in_doubt: bool
    calling_until: datetime | None


@dataclass(frozen=True)
class Welcome:
    """A welcome as it is listed."""

    id: int
    userid: str
    external_userid: str
    state: State
    rule_id: int | None
    contact_state: str | None
    half: bool
    received_at: datetime
    first_try_at: datetime | None
    settled_at: datetime | None
    attempts: int
    in_doubt: bool
    left_out: int
    errcode: int | None
    problem: str | None


def load_who(
    connection: Connection, tenant_id: TenantId, userid: UserId, external_userid: ExternalUserId | None
) -> tuple[Names, list[int], bool]:
    """Names as far as they are known here, the associate's outlet (ASG-11), and whether the corp is written to."""
    row = fetch_one(
        connection,
        "select t.pushes, a.name as associate, a.main_department_id as outlet, e.name as customer from tenant t "
        "left join associate a on a.tenant_id = t.id and a.userid = :userid "
        "left join external_contact e on e.tenant_id = t.id and e.external_userid = :external_userid "
        "where t.id = :tenant_id",
        tenant_id=tenant_id,
        userid=userid,
        external_userid=external_userid,
    )
    assert row is not None
    outlets = [] if row["outlet"] is None else [int(row["outlet"])]
    return Names(row["customer"], row["associate"]), outlets, row["pushes"]


def find(connection: Connection, tenant: Tenant, occasion: Occasion) -> Kept | None:
    """The row of this occasion, locked."""
    row = fetch_one(
        connection,
        "select * from welcome where tenant_id = :tenant_id and userid = :userid "
        "and external_userid = :external_userid and code_digest = :digest for update",
        **_key(tenant.id, occasion),
    )
    return None if row is None else _kept(tenant, row)


def add(
    connection: Connection,
    tenant: Tenant,
    occasion: Occasion,
    state: State,
    *,
    said: Said | None = None,
    rule_id: int | None = None,
    problem: str | None = None,
    now: datetime,
) -> Kept | None:
    """A new row; None when there is one already. A state that is the end settles it at once."""
    over = state is not State.SENDING
    row = fetch_one(
        connection,
        "insert into welcome (tenant_id, userid, external_userid, code_digest, state, rule_id, contact_state, half, "
        "received_at, until, body, left_out, settled_at, problem) values (:tenant_id, :userid, :external_userid, "
        ":digest, :state, :rule_id, :contact_state, :half, :received_at, :until, :body, :left_out, :settled_at, "
        ":problem) on conflict do nothing returning *",
        **_key(tenant.id, occasion),
        state=state.value,
        rule_id=rule_id,
        contact_state=occasion.state,
        half=occasion.half,
        received_at=occasion.received_at,
        until=occasion.until,
        body=None if said is None or over else _sealed(tenant, said),
        left_out=said.left_out if said else 0,
        settled_at=now if over else None,
        problem=problem,
    )
    return None if row is None else _kept(tenant, row)


def begin_try(connection: Connection, tenant_id: TenantId, welcome_id: int, *, now: datetime, lease_s: float) -> None:
    """Committed before the call: whoever finds this later knows that the code may be used up."""
    run(
        connection,
        "update welcome set attempts = attempts + 1, calling_until = :calling_until, in_doubt = true, "
        "first_try_at = coalesce(first_try_at, :now) where tenant_id = :tenant_id and id = :id",
        tenant_id=tenant_id,
        id=welcome_id,
        now=now,
        calling_until=now + timedelta(seconds=lease_s),
    )


def end_try(
    connection: Connection,
    tenant: Tenant,
    welcome_id: int,
    verdict: Verdict,
    *,
    said: Said,
    errcode: int | None,
    problem: str | None,
    now: datetime,
) -> None:
    """What a try came to. Nothing but a certain yes changes what is settled already."""
    over = verdict.state is not State.SENDING
    run(
        connection,
        "update welcome set state = :state, in_doubt = :in_doubt, calling_until = null, errcode = :errcode, "
        "problem = :problem, left_out = :left_out, body = :body, settled_at = :settled_at "
        "where tenant_id = :tenant_id and id = :id and (state = 'sending' or (:state = 'sent' and not :in_doubt))",
        tenant_id=tenant.id,
        id=welcome_id,
        state=verdict.state.value,
        in_doubt=verdict.in_doubt,
        errcode=errcode,
        problem=problem,
        left_out=said.left_out,
        body=None if over else _sealed(tenant, said),
        settled_at=now if over else None,
    )


def expire(connection: Connection, tenant_id: TenantId, welcome_id: int, *, now: datetime) -> None:
    """Its seconds are over; whether a try arrived, `in_doubt` says."""
    run(
        connection,
        "update welcome set state = 'expired', calling_until = null, body = null, settled_at = :now "
        "where tenant_id = :tenant_id and id = :id and state = 'sending'",
        tenant_id=tenant_id,
        id=welcome_id,
        now=now,
    )


def expire_all(connection: Connection, *, before: datetime, now: datetime) -> int:
    """Those that were left in the middle long ago; how many."""
    return run(
        connection,
        "update welcome set state = 'expired', calling_until = null, body = null, settled_at = :now "
        "where state = 'sending' and until < :before",
        before=before,
        now=now,
    )


def forget(connection: Connection, *, before: datetime, limit: int) -> int:
    """Delete rows of long ago, some at a time."""
    return run(
        connection,
        "delete from welcome w using (select tenant_id, id from welcome where received_at < :before limit :limit) old "
        "where w.tenant_id = old.tenant_id and w.id = old.id",
        before=before,
        limit=limit,
    )


def list_welcomes(
    connection: Connection,
    tenant_id: TenantId,
    *,
    userid: str | None,
    external_userid: str | None,
    state: State | None,
    before: int | None,
    limit: int,
) -> list[Welcome]:
    """Newest first."""
    rows = fetch_all(
        connection,
        "select * from welcome where tenant_id = :tenant_id "
        "and (cast(:userid as text) is null or userid = :userid) "
        "and (cast(:external_userid as text) is null or external_userid = :external_userid) "
        "and (cast(:state as text) is null or state = :state) "
        "and (cast(:before as bigint) is null or id < :before) order by id desc limit :limit",
        tenant_id=tenant_id,
        userid=userid,
        external_userid=external_userid,
        state=state.value if state else None,
        before=before,
        limit=limit,
    )
    return [_welcome(row) for row in rows]


def totals(
    connection: Connection, tenant_id: TenantId, *, since: datetime, until: datetime
) -> Mapping[tuple[State, int | None], int]:
    """How many by state and rule, of events received in that time."""
    rows = fetch_all(
        connection,
        "select state, rule_id, count(*) as n from welcome where tenant_id = :tenant_id and received_at >= :since "
        "and received_at < :until group by 1, 2",
        tenant_id=tenant_id,
        since=since,
        until=until,
    )
    return {(State(row["state"]), row["rule_id"]): row["n"] for row in rows}


def _welcome(row: Row) -> Welcome:
    values = {name: row[name] for name in Welcome.__dataclass_fields__}
    return Welcome(**values | {"state": State(row["state"])})


def _kept(tenant: Tenant, row: Row) -> Kept:
    said = None
    if row["body"] is not None:
        told = orjson.loads(tenant.cipher.decrypt(row["body"], BODY))
        said = Said(told["text"], tuple(told["attachments"]), row["left_out"])
    return Kept(row["id"], State(row["state"]), said, row["attempts"], row["in_doubt"], row["calling_until"])


def _sealed(tenant: Tenant, said: Said) -> bytes:
    attachments: Sequence[Mapping[str, object]] = [dict(one) for one in said.attachments]
    return tenant.cipher.encrypt(orjson.dumps({"text": said.text, "attachments": attachments}), BODY)


def _key(tenant_id: TenantId, occasion: Occasion) -> dict[str, object]:
    return {
        "tenant_id": tenant_id,
        "userid": occasion.userid,
        "external_userid": occasion.external_userid,
        "digest": occasion.code_digest,
    }

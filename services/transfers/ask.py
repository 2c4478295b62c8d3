"""Somebody wants customers or group chats of one associate to be another's: checked, kept, and due."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from services.associates.store import load_associates
from services.customers.model import State
from services.groups.store import load_chats
from services.intents.model import Source
from services.transfers.model import TAKEOVER, Asked, Kind, Refusal, TransferRefusedError
from services.transfers.plan import (
    LONGEST_MESSAGE,
    History,
    Terms,
    check_people,
    refusal_of_chat,
    refusal_of_customer,
)
from services.transfers.store import CAUSES, load_transfers, record_stages
from shared.db.engine import as_json, fetch_all
from shared.ids import ExternalUserId, TenantId, UserId
from shared.requests import OPERATOR, Subject, Wanted, want
from shared.tenants import Tenant

MESSAGE = "transfer.message"
"""Encryption context of what customers are told."""


@dataclass(frozen=True)
class Wish:
    """Who wants it, and why. `departed`: whether they believe that the giver has left; None: as it is.

    `message` is what the customers of an associate in service are told; None: WeCom's own words.
    """

    author: str
    source: Source
    reason: str | None = None
    departed: bool | None = None
    message: str | None = None


def ask_for_customers(
    connection: Connection,
    tenant: Tenant,
    external_userids: Sequence[ExternalUserId],
    *,
    from_userid: UserId,
    to_userid: UserId,
    wish: Wish,
    now: datetime,
) -> Asked:
    """Keep what can be, say of the others why not, and have the rest sent soon.

    Raises:
        TransferRefusedError: one of the two associates cannot give or take; the caller rolls back.
    """
    if wish.message is not None and len(wish.message) > LONGEST_MESSAGE:
        raise TransferRefusedError(Refusal.TOO_LONG)
    keys = list(dict.fromkeys(external_userids))
    # The request first: a worker locks it before the rows, and so do we.
    _want(connection, tenant.id, to_userid, wish, now=now)
    departed = _check_people(connection, tenant.id, from_userid, to_userid, wish, now=now)
    states = _states(connection, tenant.id, from_userid, keys)
    known = _histories(connection, tenant.id, Kind.CUSTOMER, keys, from_userid=from_userid)
    refused: dict[str, Refusal] = {
        key: why
        for key in keys
        if (why := refusal_of_customer(states.get(key), known[key], departed=departed, now=now)) is not None
    }
    pairs = [(key, from_userid, departed) for key in keys if key not in refused]
    wanted = _Wanted(Kind.CUSTOMER, to_userid, pairs, refused)
    return _keep(connection, tenant, wanted, wish, now=now)


def ask_for_chats(
    connection: Connection, tenant: Tenant, chat_ids: Sequence[str], *, to_userid: UserId, wish: Wish, now: datetime
) -> Asked:
    """As `ask_for_customers`, of chats with whoever owns them now.

    Raises:
        TransferRefusedError: an owner or the new one cannot give or take; the caller rolls back.
    """
    keys = list(dict.fromkeys(chat_ids))
    _want(connection, tenant.id, to_userid, wish, now=now)
    chats = load_chats(connection, tenant, keys)
    known = _histories(connection, tenant.id, Kind.CHAT, keys)
    refused: dict[str, Refusal] = {key: Refusal.UNKNOWN_CHAT for key in keys if key not in chats}
    departed: dict[UserId, bool] = {}
    pairs = []
    for key in (one for one in keys if one in chats):
        owner = chats[key].owner
        if owner is not None and owner != to_userid and owner not in departed:
            departed[owner] = _check_people(connection, tenant.id, owner, to_userid, wish, now=now)
        why = refusal_of_chat(
            dismissed=chats[key].dismissed_at is not None,
            owner=owner,
            to_userid=to_userid,
            history=known[key],
            departed=owner is not None and departed.get(owner, False),
            now=now,
        )
        if why is not None or owner is None:
            refused[key] = why or Refusal.CHAT_WITHOUT_OWNER
        else:
            pairs.append((key, owner, departed[owner]))
    return _keep(connection, tenant, _Wanted(Kind.CHAT, to_userid, pairs, refused), wish, now=now)


def _want(connection: Connection, tenant_id: TenantId, to_userid: UserId, wish: Wish, *, now: datetime) -> None:
    cause = CAUSES[wish.source]
    want(
        connection,
        [Wanted(Subject(tenant_id, TAKEOVER, to_userid), OPERATOR, cause, f"{cause}:{wish.author}")],
        now=now,
    )


def _check_people(
    connection: Connection, tenant_id: TenantId, from_userid: UserId, to_userid: UserId, wish: Wish, *, now: datetime
) -> bool:
    people = load_associates(connection, tenant_id, [from_userid, to_userid])
    left_at = left_behind_at(connection, tenant_id, from_userid)
    terms = Terms(from_userid, to_userid, people.get(from_userid), people.get(to_userid), left_at)
    return check_people(terms, departed=wish.departed, now=now)


def left_behind_at(connection: Connection, tenant_id: TenantId, userid: UserId) -> datetime | None:
    """When WeCom says that the associate left customers or chats behind; None when it never did."""
    rows = fetch_all(
        connection,
        "select coalesce((select max(ended_at) from relation where tenant_id = :tenant_id and userid = :userid "
        "and state in ('associate_left', 'transferred') and ended_by = 'associate_left'), (select max(observed_at) "
        "from group_chat where tenant_id = :tenant_id and owner_userid = :userid and status = 1 "
        "and dismissed_at is null)) as at",
        tenant_id=tenant_id,
        userid=userid,
    )
    at: datetime | None = rows[0]["at"]
    return at


def _states(
    connection: Connection, tenant_id: TenantId, userid: UserId, keys: Collection[str]
) -> Mapping[str, State | None]:
    rows = fetch_all(
        connection,
        "select external_userid, state from relation where tenant_id = :tenant_id and userid = :userid "
        "and external_userid = any(:keys)",
        tenant_id=tenant_id,
        userid=userid,
        keys=list(keys),
    )
    return {row["external_userid"]: State(row["state"]) for row in rows}


def _histories(
    connection: Connection,
    tenant_id: TenantId,
    kind: Kind,
    keys: Collection[str],
    *,
    from_userid: UserId | None = None,
) -> dict[str, History]:
    """What our rows tell of each; of customers, a handover of another giver's is no obstacle."""
    rows = fetch_all(
        connection,
        "select subject_key, bool_or(state in ('pending', 'sent') and (cast(:giver as text) is null "
        "or from_userid = :giver)) as is_open, array_agg(coalesce(accepted_at, sent_at)) "
        "filter (where not departed and stage in ('asked', 'waiting', 'done')) as accepted from transfer "
        "where tenant_id = :tenant_id and kind = :kind and subject_key = any(:keys) group by 1",
        tenant_id=tenant_id,
        kind=kind.value,
        keys=list(keys),
        giver=from_userid,
    )
    found = {row["subject_key"]: History(row["is_open"], tuple(row["accepted"] or ())) for row in rows}
    return {key: found.get(key, History()) for key in keys}


@dataclass(frozen=True)
class _Wanted:
    """What passed the checks, as (key, giver, whether they have left), and why the rest did not."""

    kind: Kind
    to_userid: UserId
    pairs: Sequence[tuple[str, UserId, bool]]
    refused: Mapping[str, Refusal]


def _keep(connection: Connection, tenant: Tenant, wanted: _Wanted, wish: Wish, *, now: datetime) -> Asked:
    kind, pairs = wanted.kind, wanted.pairs
    in_service = wish.message is not None and kind is Kind.CUSTOMER
    sealed = tenant.cipher.encrypt(wish.message.encode(), MESSAGE) if in_service and wish.message else None
    rows = fetch_all(
        connection,
        "insert into transfer (tenant_id, kind, subject_key, from_userid, to_userid, departed, message, author, "
        "source, reason, state, stage, asked_at, next_poll_at) select :tenant_id, :kind, subject_key, from_userid, "
        ":to_userid, departed, case when departed then null else cast(:message as bytea) end, :author, :source, "
        ":reason, 'pending', 'queued', :now, :now "
        "from jsonb_to_recordset(cast(:rows as jsonb)) as r(subject_key text, from_userid text, departed boolean) "
        "on conflict (tenant_id, kind, subject_key, from_userid) where state in ('pending', 'sent') do nothing "
        "returning id, subject_key",
        tenant_id=tenant.id,
        kind=kind.value,
        to_userid=wanted.to_userid,
        message=sealed,
        author=wish.author,
        source=wish.source.value,
        reason=wish.reason,
        now=now,
        rows=as_json([{"subject_key": key, "from_userid": giver, "departed": left} for key, giver, left in pairs]),
    )
    kept = load_transfers(connection, tenant.id, [row["id"] for row in rows])
    record_stages(connection, tenant.id, kept, now=now)
    # Somebody else asked for the same at the same moment.
    late = {key for key, _, _ in pairs} - {one.subject_key for one in kept}
    return Asked(len(kept), {**wanted.refused, **dict.fromkeys(late, Refusal.UNDER_WAY)})

"""Recognises in WeCom's contacts people whom the retailer knew: by unionid, phone, or a contact way's state (POOL-9).

Whoever records contacts notes what their friendships show, in that transaction and without a lock on others' rows.
Joining two records is a transaction of its own, soon after: so all who lock customers lock them in one order.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from services.customers.model import Profile, Relation, State
from services.joining.join import Joined, NoCustomerError, unite
from services.persons.model import PHONE, IdentityError, make_identity
from services.persons.plan import ContradictionError
from services.persons.store import key_of
from services.planning import Fact
from services.pool.leaving import leave_of_friends
from services.pool.matches import (
    known_customers,
    lock_match,
    next_sure,
    note_matches,
    phone_holders,
    settle_match,
    state_holders,
    unionid_holders,
)
from services.pool.model import Match, PoolMatchUnclear, PoolRefusedError
from services.pool.plan import recognise
from shared.db.engine import Row
from shared.ids import CustomerId, ExternalUserId
from shared.tenants import Tenant
from shared.vault import VaultError


@dataclass(frozen=True)
class Shown:
    """What is news of one contact: a profile that was read, and relations as they were and are."""

    external_userid: ExternalUserId
    profile: Profile | None
    relations: Sequence[tuple[Relation | None, Relation]]


def notice(
    connection: Connection,
    tenant: Tenant,
    shown: Sequence[Shown],
    *,
    region: str,
    cause: str,
    caused_by: str | None,
    now: datetime,
) -> list[Fact]:
    """Take friends out of the pool, and note whom new friends may be; facts. Nobody: one look into an index."""
    if not shown:
        return []
    customers = known_customers(connection, tenant.id, [one.external_userid for one in shown])
    facts: list[Fact] = list(leave_of_friends(connection, tenant.id, customers.values(), how="contact", now=now))
    found = [
        *_by_unionid(connection, tenant, shown, customers),
        *_by_state(connection, tenant, shown, customers),
        *_by_phone(connection, tenant, shown, region=region),
    ]
    kept = note_matches(connection, tenant.id, found, cause=cause, caused_by=caused_by, now=now) if found else []
    facts += [
        PoolMatchUnclear(
            occurred_at=now,
            external_userid=one.external_userid,
            userid=one.userid,
            how=one.how,
            customer_ids=one.customer_ids,
        )
        for one in kept
        if not one.sure
    ]
    return facts


def _by_unionid(
    connection: Connection, tenant: Tenant, shown: Sequence[Shown], customers: Mapping[ExternalUserId, CustomerId]
) -> Iterable[Match]:
    having = [(one, profile.unionid) for one in shown if (profile := one.profile) and profile.unionid]
    having = [(one, unionid) for one, unionid in having if one.external_userid in customers and one.relations]
    if not having:
        return
    tokens = [tenant.cipher.index("unionid", unionid) for _, unionid in having]
    own = [customers[one.external_userid] for one, _ in having]
    for n, holders in unionid_holders(connection, tenant.id, tokens, own).items():
        one = having[n][0]
        yield Match(one.external_userid, one.relations[0][1].userid, "unionid", tuple(holders), sure=len(holders) == 1)


def _by_state(
    connection: Connection, tenant: Tenant, shown: Sequence[Shown], customers: Mapping[ExternalUserId, CustomerId]
) -> Iterable[Match]:
    having = [
        (one.external_userid, now.userid, now.notes.add_state)
        for one in shown
        for was, now in one.relations
        if now.state is State.ACTIVE and now.notes.add_state
        if was is None or was.notes.add_state != now.notes.add_state or was.state is not State.ACTIVE
    ]
    if not having:
        return
    meant = state_holders(connection, tenant.id, [state for _, _, state in having if state])
    for external_userid, userid, state in having:
        if state in meant and meant[state] != customers.get(external_userid):
            yield Match(external_userid, userid, "state", (meant[state],), sure=True)


def _by_phone(connection: Connection, tenant: Tenant, shown: Sequence[Shown], *, region: str) -> Iterable[Match]:
    having = [
        (one.external_userid, now, token)
        for one in shown
        for _, now in one.relations
        if now.state is State.ACTIVE
        for token in _phones(tenant, now, region=region)
    ]
    if not having:
        return
    holders = phone_holders(connection, tenant.id, [token for _, _, token in having])
    for n, found in holders.items():
        external_userid, relation, _ = having[n]
        ids, sure = recognise(found, relation.userid)
        yield Match(external_userid, relation.userid, "phone", ids, sure)


def _phones(tenant: Tenant, relation: Relation, *, region: str) -> list[bytes]:
    """Also those that were there before: somebody may have entered the pool since."""
    tokens = []
    for one in relation.notes.remark_mobiles or ():
        try:
            tokens.append(key_of(tenant, make_identity(PHONE, one, region=region))[1])
        except IdentityError:  # associates write what they like there
            continue
    return tokens


@dataclass(frozen=True)
class Settled:
    """What came of a match: None when a person must look at it after all."""

    joined: Joined | None
    facts: tuple[Fact, ...]
    row: Row


PROBLEMS = {ContradictionError: "contradiction", NoCustomerError: "no_customer", VaultError: "unreadable"}
"""Why a match that is sure needs a person after all."""


def join_next(connection: Connection, tenant: Tenant, *, now: datetime) -> Settled | None:
    """Carry out the next match that is sure; None: there is none. One in a transaction: locks have one order."""
    row = next_sure(connection, tenant.id)
    if row is None:
        return None
    try:
        with connection.begin_nested():
            joined = _join(connection, tenant, row, row["customer_ids"], how=row["how"], now=now)
    except (ContradictionError, NoCustomerError, VaultError) as error:
        problem = PROBLEMS[type(error)]
        settle_match(connection, row, state="open", by=None, now=now, problem=problem)
        unclear = PoolMatchUnclear(
            occurred_at=now,
            external_userid=row["external_userid"],
            userid=row["userid"],
            how=row["how"],
            customer_ids=tuple(row["customer_ids"]),
        )
        return Settled(None, (unclear,), row)
    settle_match(connection, row, state="joined", by="system", now=now)
    return Settled(joined, joined.facts, row)


def resolve(
    connection: Connection, tenant: Tenant, match_id: int, chosen: CustomerId | None, *, by: str, now: datetime
) -> Joined | None:
    """A person says which of them the contact is; None: none of them.

    Raises:
        NoSuchError, PoolRefusedError, ContradictionError, NoCustomerError: nothing is changed.
    """
    row = lock_match(connection, tenant.id, match_id)
    if chosen is None:
        settle_match(connection, row, state="dismissed", by=by, now=now)
        return None
    if chosen not in row["customer_ids"]:
        raise PoolRefusedError("choose one of the customers that the match names, or none")
    joined = _join(connection, tenant, row, [chosen], how="person", now=now)
    settle_match(connection, row, state="joined", by=by, now=now)
    return joined


def _join(
    connection: Connection, tenant: Tenant, row: Row, customer_ids: Sequence[CustomerId], *, how: str, now: datetime
) -> Joined:
    if row["customer_id"] is None:
        raise NoCustomerError("the contact has no customer")
    return unite(connection, tenant, row["customer_id"], customer_ids, how=how, now=now)  # type: ignore[arg-type]

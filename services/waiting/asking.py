"""Corp tags of a customer as a whole: put on or taken off where there are friends, waiting where there are none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from services.customers.model import CONTACT, Recorded, State
from services.customers.store import load_recorded
from services.intents.ask import ask
from services.intents.model import Intent, RelationEditSettled, Wish, WishRefusedError
from services.intents.store import load_open_of
from services.intents.tagging import wishes_for_tags
from services.persons.store import lock_customers, touch
from services.tags.store import usable_tags
from services.waiting.model import Why
from services.waiting.store import end, keep
from shared.db.engine import AgainError, Row, fetch_all
from shared.ids import CustomerId, ExternalUserId, UserId
from shared.requests import Subject, lock
from shared.tenants import Tenant


@dataclass(frozen=True)
class Contact:
    """One WeCom contact of a customer, whose subject is locked."""

    customer_id: CustomerId
    assigned: UserId | None
    recorded: Recorded
    pending: Sequence[Intent]

    @property
    def key(self) -> ExternalUserId:
        return self.recorded.external_userid

    @property
    def carries(self) -> bool:
        """Whether the assigned associate is a friend here: that relation carries tags (TAG-2)."""
        relation = self.recorded.relations.get(self.assigned) if self.assigned is not None else None
        return relation is not None and relation.state is State.ACTIVE


@dataclass(frozen=True)
class TagsAsked:
    """What became of it. `wished`: contact -> what is wanted of its relations now. `kept`: tags that wait since now;
    `ended`: tags that waited."""

    wished: Mapping[ExternalUserId, tuple[Wish, ...]]
    kept: tuple[str, ...]
    ended: tuple[str, ...]
    facts: tuple[RelationEditSettled, ...]


def lock_contacts(connection: Connection, tenant: Tenant, customer_ids: Sequence[CustomerId]) -> list[Contact]:
    """The contacts of these customers, so that nobody else plans from their rows. To be called before any is locked."""
    keys = [ExternalUserId(row["external_userid"]) for row in _contacts(connection, tenant, customer_ids)]
    lock(connection, [Subject(tenant.id, CONTACT, one) for one in keys])
    rows = [row for row in _contacts(connection, tenant, customer_ids) if row["external_userid"] in set(keys)]
    keys = [ExternalUserId(row["external_userid"]) for row in rows]
    recorded = load_recorded(connection, tenant, keys)
    pending = load_open_of(connection, tenant, CONTACT, keys)
    return [
        Contact(CustomerId(row["id"]), row["assigned_userid"], recorded[key], pending.get(key, ()))
        for key, row in zip(keys, rows, strict=True)
    ]


def _contacts(connection: Connection, tenant: Tenant, ids: Sequence[CustomerId]) -> Sequence[Row]:
    return fetch_all(
        connection,
        "select e.external_userid, u.id, u.assigned_userid from customer u join external_contact e "
        "on e.tenant_id = u.tenant_id and e.customer_id = u.id where u.tenant_id = :tenant_id and u.id = any(:ids) "
        "order by e.external_userid",
        tenant_id=tenant.id,
        ids=list(ids),
    )


def ask_tags(
    connection: Connection,
    tenant: Tenant,
    customer_id: CustomerId,
    *,
    add: Sequence[str],
    remove: Sequence[str],
    why: Why,
    now: datetime,
) -> TagsAsked:
    """Want corp tags put on at the assigned associate's relation, or kept until there is one; or taken off everywhere.

    Raises:
        WishRefusedError: no such tag, or a rule keeps one of them on; the caller rolls back.
        AgainError: they were merged meanwhile.
    """
    _refuse_unknown(connection, tenant, add)
    contacts = lock_contacts(connection, tenant, [customer_id])
    # Of several contacts, one carries what is put on; all lose what is taken off.
    carrier = next((one.key for one in contacts if one.carries), None)
    wished: dict[ExternalUserId, tuple[Wish, ...]] = {}
    facts: list[RelationEditSettled] = []
    for one in contacts:
        put_on = add if one.key == carrier else ()
        found = wishes_for_tags(one.recorded.relations, one.assigned, one.pending, add=put_on, remove=remove)
        if found.wishes:
            wished[one.key] = found.wishes
            facts += ask(
                connection, tenant, one.key, found.wishes, author=why.author, source=why.source, reason=why.reason,
                now=now,
            )  # fmt: skip
    if lock_customers(connection, tenant.id, [customer_id]).get(customer_id, customer_id) != customer_id:
        raise AgainError("the customer was merged into another one meanwhile")  # whose contacts are to be asked
    over = [*remove, *(add if carrier else ())]  # what is wanted of a relation now waits no more
    ended = end(connection, tenant.id, [customer_id], over)
    kept = [] if carrier else keep(connection, tenant.id, [(customer_id, one) for one in add], why, now=now)
    if kept or ended:
        touch(connection, tenant.id, [customer_id], now=now)
    return TagsAsked(wished, tuple(tag for _, tag in kept), tuple(tag for _, tag in ended), tuple(facts))


def _refuse_unknown(connection: Connection, tenant: Tenant, tag_ids: Sequence[str]) -> None:
    known = usable_tags(connection, tenant.id, tag_ids)
    if unknown := [one for one in tag_ids if one not in known]:
        raise WishRefusedError(f"no corp tag {unknown[0]}; WeCom may have deleted it")

"""Tags that waited become intents of the relation that can carry them now (TAG-2).

The row goes and the intent comes in one transaction: whoever is killed has done neither, and nobody does it twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from sqlalchemy import Connection

from services.customers.model import CONTACT
from services.intents.model import CAUSES, TAG, RelationEditSettled, Wish
from services.intents.store import Asked, record_wishes
from services.intents.tagging import lacks
from services.persons.store import lock_customers, touch
from services.planning import Cause
from services.waiting.asking import Contact, lock_contacts
from services.waiting.model import WaitingTag, Why
from services.waiting.store import end, load_waiting, take_ready
from shared.ids import CustomerId, ExternalUserId
from shared.requests import BACKFILL, OPERATOR, Subject, Wanted, want
from shared.tenants import Tenant


@dataclass(frozen=True)
class Placed:
    """`looked_count`: customers; `placed_count`: tags that wait no more. Facts: older wishes that gave way."""

    looked_count: int
    placed_count: int = 0
    facts: tuple[tuple[RelationEditSettled, Cause, str], ...] = ()


def place_next(connection: Connection, tenant: Tenant, *, limit: int, now: datetime) -> Placed:
    """Place the tags of the next customers who have been marked."""
    ids = take_ready(connection, tenant.id, limit=limit)
    if not ids:
        return Placed(0)
    waiting = load_waiting(connection, tenant.id, ids)
    if not waiting:
        return Placed(len(ids))
    contacts = {one.customer_id: one for one in lock_contacts(connection, tenant, ids) if one.carries}
    _want(connection, tenant, contacts, waiting, now=now)
    lock_customers(connection, tenant.id, contacts)
    waiting = load_waiting(connection, tenant.id, sorted(contacts), lock=True)  # nobody ends or moves them any more
    facts: list[tuple[RelationEditSettled, Cause, str]] = []
    for why, some in groupby(sorted(waiting, key=lambda one: _order(one.why)), key=lambda one: one.why):
        asked = _asked(tenant, contacts, list(some))
        ended = record_wishes(
            connection, tenant, asked, author=why.author, source=why.source, reason=why.reason, now=now
        )
        cause = CAUSES[why.source]
        facts += [(one.fact(ExternalUserId(s.key), at=now), cause, f"{cause}:{why.author}") for s, one in ended]
    for tag_id, some in groupby(sorted(waiting, key=lambda one: one.tag_id), key=lambda one: one.tag_id):
        end(connection, tenant.id, [one.customer_id for one in some], [tag_id])
    touch(connection, tenant.id, {one.customer_id for one in waiting}, now=now)
    return Placed(len(ids), len(waiting), tuple(facts))


def _want(
    connection: Connection,
    tenant: Tenant,
    contacts: Mapping[CustomerId, Contact],
    waiting: Sequence[WaitingTag],
    *,
    now: datetime,
) -> None:
    """Have the contacts looked at: whoever does so pushes. Requests before rows, as everybody locks them."""
    wishes = [
        Wanted(
            Subject(tenant.id, CONTACT, contacts[one.customer_id].key),
            BACKFILL if one.why.cause else OPERATOR,
            CAUSES[one.why.source],
            one.why.cause or f"{CAUSES[one.why.source]}:{one.why.author}",
        )
        for one in waiting
        if one.customer_id in contacts
    ]
    want(connection, wishes, now=now)


def _order(why: Why) -> tuple[str, str, str, str]:
    return why.author, why.source.value, why.reason or "", why.cause or ""


def _asked(tenant: Tenant, contacts: Mapping[CustomerId, Contact], waiting: Sequence[WaitingTag]) -> list[Asked]:
    """Wishes for what the relation lacks. A tag that was deleted meanwhile is wanted of nobody."""
    asked = []
    for one in waiting:
        contact = contacts[one.customer_id]
        assert contact.assigned is not None
        relation = contact.recorded.relations[contact.assigned]
        if one.name is None or not lacks(relation, one.tag_id, contact.pending):
            continue
        known = relation.notes.corp_tag_ids
        recorded = frozenset() if known is None else frozenset({one.tag_id in known})
        wish = Wish(contact.assigned, f"{TAG}{one.tag_id}", True)
        asked.append(Asked(Subject(tenant.id, CONTACT, contact.key), wish, recorded))
    return asked

"""WeCom tags of many customers: put on at the assigned associate's relation, taken off everywhere (TAG-2, TAG-3).

A row is done when the wishes are kept as intents. A bulk job of the change pushes them, at page speed, and every
intent says what became of it (docs/tags.md).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from services.bulk.model import JobRefusedError
from services.bulk.store import add_counts, check_job
from services.bulk_changes.kinds import Before, Kind, Page
from services.bulk_changes.model import BulkRefusedError, CorpTagsWanted, Obstacle, Outcome, RowState, Why, Worked
from services.customers.model import CONTACT, Recorded, State
from services.customers.store import load_recorded
from services.intents.model import TAG, Intent, Wish, WishRefusedError
from services.intents.store import Asked, load_open_of, record_wishes
from services.intents.tagging import wishes_for_tags
from services.persons.store import touch
from services.planning import Fact
from shared.db.engine import fetch_all
from shared.ids import CustomerId, ExternalUserId, UserId
from shared.requests import Subject, lock
from shared.tenants import Tenant


def check(connection: Connection, tenant: Tenant, wanted: CorpTagsWanted) -> CorpTagsWanted:
    try:
        check_job(connection, tenant.id, add=wanted.add, remove=wanted.remove)
    except JobRefusedError as error:
        raise BulkRefusedError(str(error)) from None
    return wanted


def obstacle(wanted: CorpTagsWanted) -> Obstacle | None:
    if not wanted.add:
        return None
    friend = (
        "exists (select from external_contact e join relation r on r.tenant_id = e.tenant_id "
        "and r.external_userid = e.external_userid and r.userid = u.assigned_userid and r.state = 'active' "
        "where e.tenant_id = u.tenant_id and e.customer_id = u.id)"
    )
    return Obstacle(f"case when not {friend} then '{Why.NO_FRIEND}' end")


@dataclass(frozen=True)
class _Contact:
    """One WeCom contact of a customer."""

    customer_id: CustomerId
    assigned: UserId | None
    recorded: Recorded
    pending: Sequence[Intent]

    @property
    def subject_key(self) -> ExternalUserId:
        return self.recorded.external_userid


def apply(page: Page, wanted: CorpTagsWanted) -> Worked:
    asked: list[Asked] = []
    outcomes: dict[CustomerId, Outcome] = {one: Outcome(one, RowState.REFUSED, Why.NO_FRIEND) for one in page.ids}
    for contact in _lock_contacts(page):
        customer_id = contact.customer_id
        try:
            wishes = wishes_for_tags(
                contact.recorded.relations, contact.assigned, contact.pending, add=wanted.add, remove=wanted.remove
            )
        except WishRefusedError:
            continue
        changes = [one for wish in wishes for one in _asked(page.tenant, contact, wish)]
        asked += changes
        if changes:
            outcomes[customer_id] = Outcome(customer_id, RowState.DONE, before={})
        elif outcomes[customer_id].state is RowState.REFUSED:
            outcomes[customer_id] = Outcome(customer_id, RowState.SAME)
    return _keep(page, asked, outcomes)


def undo(page: Page, _wanted: CorpTagsWanted, before: Before) -> Worked:
    """The opposite of what WeCom has taken of the change, where a relation is still as that left it."""
    outcomes: dict[CustomerId, Outcome] = {
        one: Outcome(one, RowState.REFUSED, Why.CHANGED_SINCE) for one in page.ids if one in before
    }
    contacts = {one.subject_key: one for one in _lock_contacts(page)}
    asked: list[Asked] = []
    for key, wish in _confirmed(page, list(contacts)):
        contact = contacts[key]
        changes = _asked(page.tenant, contact, wish)
        asked += changes
        if changes:
            outcomes[contact.customer_id] = Outcome(contact.customer_id, RowState.DONE)
    return _keep(page, asked, outcomes)


def _lock_contacts(page: Page) -> list[_Contact]:
    """The contacts of the page's customers, so that nobody else plans from their rows."""
    rows = fetch_all(
        page.connection,
        "select e.external_userid, u.id, u.assigned_userid from customer u join external_contact e "
        "on e.tenant_id = u.tenant_id and e.customer_id = u.id where u.tenant_id = :tenant_id and u.id = any(:ids) "
        "order by e.external_userid",
        tenant_id=page.tenant.id,
        ids=list(page.ids),
    )
    keys = [ExternalUserId(row["external_userid"]) for row in rows]
    lock(page.connection, [Subject(page.tenant.id, CONTACT, one) for one in keys])
    recorded = load_recorded(page.connection, page.tenant, keys)
    pending = load_open_of(page.connection, page.tenant, CONTACT, keys)
    return [
        _Contact(CustomerId(row["id"]), row["assigned_userid"], recorded[key], pending.get(key, ()))
        for key, row in zip(keys, rows, strict=True)
    ]


def _asked(tenant: Tenant, contact: _Contact, wish: Wish) -> list[Asked]:
    """The wish, unless the relation is as wanted, or no friendship any more; what is not known, WeCom is asked."""
    relation = contact.recorded.relations.get(wish.userid)
    if relation is None or relation.state is not State.ACTIVE:
        return []
    known, tag_id = relation.notes.corp_tag_ids, wish.field.removeprefix(TAG)
    coming = any((one.userid, one.field) == (wish.userid, wish.field) for one in contact.pending)
    if known is not None and (tag_id in known) is wish.desired and not coming:
        return []
    recorded = frozenset() if known is None else frozenset({tag_id in known})
    return [Asked(Subject(tenant.id, CONTACT, contact.subject_key), wish, recorded)]


def _confirmed(page: Page, keys: Sequence[ExternalUserId]) -> list[tuple[ExternalUserId, Wish]]:
    rows = fetch_all(
        page.connection,
        "select subject_key, userid, field, desired from intent where tenant_id = :tenant_id and subject_kind = :kind "
        "and subject_key = any(:keys) and job_id = :job_id and state = 'confirmed' order by id",
        tenant_id=page.tenant.id,
        kind=CONTACT,
        keys=list(keys),
        job_id=page.change.job_id,
    )
    return [
        (ExternalUserId(row["subject_key"]), Wish(UserId(row["userid"]), row["field"], not row["desired"]))
        for row in rows
    ]


def _keep(page: Page, asked: Sequence[Asked], outcomes: Mapping[CustomerId, Outcome]) -> Worked:
    ended = record_wishes(
        page.connection,
        page.tenant,
        asked,
        author=page.change.author,
        source=page.change.source,
        reason=page.change.reason,
        now=page.now,
        job_id=page.job_id,
    )
    assert page.job_id is not None
    done = [one for one in outcomes.values() if one.state is RowState.DONE]
    add_counts(page.connection, page.tenant.id, page.job_id, matched=len(asked), already=0)
    touch(page.connection, page.tenant.id, [one.customer_id for one in done], now=page.now)
    facts: Iterable[Fact] = (settled.fact(ExternalUserId(subject.key), at=page.now) for subject, settled in ended)
    return Worked(tuple(outcomes.values()), tuple(facts))


KIND = Kind(check, obstacle, apply, undo, page=500, pushes=True)

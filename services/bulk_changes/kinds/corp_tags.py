"""WeCom tags of many customers: put on at the assigned associate's relation, taken off everywhere (TAG-2, TAG-3).

A row is done when the wishes are kept: as intents, or, where nobody is a friend, as tags that wait. A bulk job of the
change pushes the former, at page speed, and every intent says what became of it (docs/tags.md).
"""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection

from services.bulk.model import JobRefusedError
from services.bulk.store import add_counts, check_job
from services.bulk_changes.kinds import Before, Kind, Page, lock_standing
from services.bulk_changes.model import BulkRefusedError, CorpTagsWanted, Obstacle, Outcome, RowState, Worked
from services.bulk_changes.model import Why as Reason
from services.customers.model import CONTACT, State
from services.intents.model import TAG, Wish
from services.intents.store import Asked, record_wishes
from services.intents.tagging import wishes_for_tags
from services.persons.store import touch
from services.planning import Fact
from services.waiting.asking import Contact, lock_contacts
from services.waiting.model import Why
from services.waiting.store import Pair, end, keep
from shared.db.engine import fetch_all
from shared.ids import CustomerId, ExternalUserId, UserId
from shared.requests import Subject
from shared.tenants import Tenant


def check(connection: Connection, tenant: Tenant, wanted: CorpTagsWanted) -> CorpTagsWanted:
    try:
        check_job(connection, tenant.id, add=wanted.add, remove=wanted.remove)
    except JobRefusedError as error:
        raise BulkRefusedError(str(error)) from None
    return wanted


def obstacle(_wanted: CorpTagsWanted) -> Obstacle | None:
    """None: where nobody is a friend yet, a tag waits."""
    return None


def apply(page: Page, wanted: CorpTagsWanted) -> Worked:
    contacts = lock_contacts(page.connection, page.tenant, page.ids)
    carriers = {one.customer_id: one.key for one in reversed(contacts) if one.carries}
    asked: list[Asked] = []
    for contact in contacts:
        put_on = wanted.add if carriers.get(contact.customer_id) == contact.key else ()
        found = wishes_for_tags(
            contact.recorded.relations, contact.assigned, contact.pending, add=put_on, remove=wanted.remove
        )
        asked += [one for wish in found.wishes for one in _asked(page.tenant, contact, wish)]
    whose = {one.key: one.customer_id for one in contacts}
    wished = {whose[ExternalUserId(one.subject.key)] for one in asked}
    standing, gone = lock_standing(page)
    ended = end(page.connection, page.tenant.id, standing, wanted.remove)
    # What is wanted of a relation now waits no more; nobody needs it back.
    end(page.connection, page.tenant.id, [one for one in standing if one in carriers], wanted.add)
    waits = [(one, tag) for one in standing if one not in carriers for tag in wanted.add]
    kept = keep(page.connection, page.tenant.id, waits, _why(page), now=page.now)
    outcomes = {one.customer_id: one for one in gone} | {
        one: _outcome(one, kept, ended, wished=one in wished) for one in standing
    }
    return _keep(page, asked, outcomes)


def _why(page: Page) -> Why:
    change = page.change
    return Why(change.author, change.source, change.reason, change.caused_by)


def _outcome(customer_id: CustomerId, kept: Sequence[Pair], ended: Sequence[Pair], *, wished: bool) -> Outcome:
    before = {
        name: [tag for one, tag in pairs if one == customer_id] for name, pairs in (("kept", kept), ("ended", ended))
    }
    if wished or any(before.values()):
        return Outcome(customer_id, RowState.DONE, before=before)
    return Outcome(customer_id, RowState.SAME)


def undo(page: Page, _wanted: CorpTagsWanted, before: Before) -> Worked:
    """The opposite of what WeCom has taken of the change, where a relation is still as that left it; what waits because
    of it waits no more. What waited, and has become a wish of a relation since, is somebody's to take off.
    """
    outcomes: dict[CustomerId, Outcome] = {
        one: Outcome(one, RowState.REFUSED, Reason.CHANGED_SINCE) for one in page.ids if one in before
    }
    contacts = {one.key: one for one in lock_contacts(page.connection, page.tenant, page.ids)}
    asked: list[Asked] = []
    for key, wish in _confirmed(page, list(contacts)):
        contact = contacts[key]
        changes = _asked(page.tenant, contact, wish)
        asked += changes
        if changes:
            outcomes[contact.customer_id] = Outcome(contact.customer_id, RowState.DONE)
    for one in _undo_waiting(page, before):
        outcomes[one] = Outcome(one, RowState.DONE)
    return _keep(page, asked, outcomes)


def _undo_waiting(page: Page, before: Before) -> set[CustomerId]:
    standing, _ = lock_standing(page)
    known = [one for one in standing if one in before]
    kept = {tag for one in known for tag in before[one].get("kept", ())}
    back = [(one, tag) for one in known for tag in before[one].get("ended", ())]
    ended = end(page.connection, page.tenant.id, known, kept, cause=page.change.caused_by)
    again = keep(page.connection, page.tenant.id, back, _why(page), now=page.now)
    return {one for one, _ in (*ended, *again)}


def _asked(tenant: Tenant, contact: Contact, wish: Wish) -> list[Asked]:
    """The wish, unless the relation is as wanted, or no friendship any more; what is not known, WeCom is asked."""
    relation = contact.recorded.relations.get(wish.userid)
    if relation is None or relation.state is not State.ACTIVE:
        return []
    known, tag_id = relation.notes.corp_tag_ids, wish.field.removeprefix(TAG)
    coming = any((one.userid, one.field) == (wish.userid, wish.field) for one in contact.pending)
    if known is not None and (tag_id in known) is wish.desired and not coming:
        return []
    recorded = frozenset() if known is None else frozenset({tag_id in known})
    return [Asked(Subject(tenant.id, CONTACT, contact.key), wish, recorded)]


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

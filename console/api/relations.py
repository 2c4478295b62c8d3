"""What is wanted of WeCom: tags, remark and description of relations; and who a customer is assigned to."""

from collections.abc import Sequence

from flask import Response

from console.api import cursors
from console.api.acting import Done, Work, read, write
from console.api.asked import (
    AssignmentBody,
    CustomerPath,
    IntentPath,
    PageQuery,
    RelationBody,
    RelationPath,
    TagsBody,
)
from console.api.customers import sheet_of
from console.api.gate import caller
from console.api.problems import ProblemError
from console.api.routes import operation
from console.api.sheets import intent_out, waiting_out
from console.api.tagging import tag_customer
from console.api.told import (
    AssignmentOut,
    CatalogueOut,
    IntentOut,
    IntentsOut,
    TaggedOut,
    TagGroupOut,
    TagOut,
    WaitingOut,
)
from services.assignment.model import ReassignmentRefusedError
from services.assignment.reassign import reassign
from services.intents.ask import ask
from services.intents.model import NOTES, Source, Wish, WishRefusedError
from services.intents.reading import load_intent, page_intents
from services.local_tags.model import LOCAL
from services.local_tags.plan import local_of
from services.persons.model import CUSTOMER
from services.sheets.store import Sheet, SheetContact
from services.tags.store import load_catalogue
from services.waiting.asking import ask_tags
from services.waiting.model import Why
from services.waiting.store import load_waiting
from shared.api_keys import Scope
from shared.audit import Change
from shared.ids import ExternalUserId, UserId

GROUP = "two-way"


@operation("get", "/tags", Scope.TAGS_READ, CatalogueOut, group=GROUP, limited=True)
def list_tags() -> Response:
    """List the corp tags that live, by groups, in WeCom's order."""

    def work(work: Work) -> CatalogueOut:
        found = load_catalogue(work.connection, work.tenant.id)
        tags: dict[str, list[TagOut]] = {}
        for tag in sorted(found.tags.values(), key=lambda one: (-(one.sort or 0), one.tag_id)):
            if tag.deleted_at is None:
                tags.setdefault(tag.group_id, []).append(TagOut(tag_id=tag.tag_id, name=tag.name))
        groups = sorted(found.groups.values(), key=lambda one: (-(one.sort or 0), one.group_id))
        return CatalogueOut(
            groups=[
                TagGroupOut(group_id=group.group_id, name=group.name, tags=tags.get(group.group_id, []))
                for group in groups
                if group.deleted_at is None
            ]
        )

    return read(work)


@operation(
    "post", "/customers/<id>/tags", Scope.TAGS_WRITE, TaggedOut, status=202, group=GROUP, once=True, limited=True
)
def change_tags(path: CustomerPath, body: TagsBody) -> Response:
    """Want corp tags put on (at the assigned associate's relation) or taken off (everywhere); local ones change now.

    The answer holds the wishes; each ends confirmed, refused by WeCom, or superseded by somebody's later edit (TAG-2).
    Where nobody is a friend yet, as in the pool, a corp tag waits (`waiting`) until somebody is.
    """

    def work(work: Work) -> Done:
        sheet = sheet_of(work, path.id)
        intents, waiting, wished = _wish_tags(work, sheet, body)
        # Last: it locks rows, and wishes lock contacts, which everybody does before rows.
        tagged = tag_customer(work, sheet.customer_id, add=_local(body.add), remove=_local(body.remove))
        answer = TaggedOut(intents=intents, waiting=waiting, added=tagged.added, removed=tagged.removed)
        return Done(answer, 202, (*wished.changes, *tagged.changes), (*wished.facts, *tagged.facts))

    return write(work, once=True)


def _wish_tags(work: Work, sheet: Sheet, body: TagsBody) -> tuple[list[IntentOut], list[WaitingOut], Done]:
    """Wishes that are new, what waits for this customer now, and the lines of the audit with the facts."""
    add, remove = ([one for one in some if not one.startswith(LOCAL)] for some in (body.add, body.remove))
    if not add and not remove:
        return [], _waiting(work, sheet), Done(IntentsOut(intents=[]), 202)
    why = Why(caller().name, Source.API, body.reason)
    asked = ask_tags(work.connection, work.tenant, sheet.customer_id, add=add, remove=remove, why=why, now=work.now)
    intents = [one for key, wishes in asked.wished.items() for one in _newest(work, key, wishes)]
    wished = {f"{one.userid} {one.field}": one.desired for wishes in asked.wished.values() for one in wishes}
    before, after = {"waiting": list(asked.ended)}, {**wished, "waiting": list(asked.kept)}
    change = Change("relation.wished", CUSTOMER, str(sheet.customer_id), before, after)
    changes = (change,) if asked.wished or asked.kept or asked.ended else ()
    return intents, _waiting(work, sheet), Done(IntentsOut(intents=[]), 202, changes, asked.facts)


def _waiting(work: Work, sheet: Sheet) -> list[WaitingOut]:
    return [waiting_out(one) for one in load_waiting(work.connection, work.tenant.id, [sheet.customer_id])]


def _local(tags: Sequence[str]) -> list[int]:
    return [local_of(one) for one in tags if one.startswith(LOCAL)]


@operation(
    "patch",
    "/customers/<id>/relations/<userid>",
    Scope.CUSTOMERS_WRITE,
    IntentsOut,
    status=202,
    group=GROUP,
    once=True,
    limited=True,
)
def change_relation(path: RelationPath, body: RelationBody) -> Response:
    """Want what a relation carries beside its tags changed in WeCom; an associate's edit that is newer stands."""

    def work(work: Work) -> Done:
        sheet = sheet_of(work, path.id)
        contact = _contact(sheet.contacts)
        given = {name: getattr(body, name) for name in sorted(NOTES)}
        wishes = [
            Wish(UserId(path.userid), name, tuple(value) if isinstance(value, list) else value)
            for name, value in given.items()
            if value is not None
        ]
        return _wish(work, contact.external_userid, wishes, body.reason, sheet.customer_id)

    return write(work, once=True)


def _contact(contacts: Sequence[SheetContact]) -> SheetContact:
    if not contacts:
        raise WishRefusedError("this customer is no WeCom contact (yet): there is no relation to write to")
    return contacts[0]


def _wish(
    work: Work, external_userid: ExternalUserId, wishes: Sequence[Wish], reason: str | None, customer_id: int
) -> Done:
    if not wishes:
        return Done(IntentsOut(intents=[]), 202)
    facts = ask(
        work.connection,
        work.tenant,
        external_userid,
        wishes,
        author=caller().name,
        source=Source.API,
        reason=reason,
        now=work.now,
    )
    intents = _newest(work, external_userid, wishes)
    change = Change(
        "relation.wished",
        CUSTOMER,
        str(customer_id),
        after={f"{one.userid} {one.field}": one.desired for one in wishes},
    )
    return Done(IntentsOut(intents=intents), 202, (change,), facts)


def _newest(work: Work, external_userid: ExternalUserId, wishes: Sequence[Wish]) -> list[IntentOut]:
    wanted = {(one.userid, one.field) for one in wishes}
    newest = page_intents(work.connection, work.tenant, [external_userid], limit=len(wishes))
    return [intent_out(one) for one in reversed(newest) if (one.userid, one.field) in wanted]


@operation("get", "/intents/<id>", Scope.CUSTOMERS_READ, IntentOut, group=GROUP, limited=True)
def show_intent(path: IntentPath) -> Response:
    """Show what became of a wish, with WeCom's words when it refused."""

    def work(work: Work) -> IntentOut:
        found = load_intent(work.connection, work.tenant, path.id)
        if found is None:
            raise ProblemError(404, "no-intent", "no such wish")
        return intent_out(found)

    return read(work)


@operation("get", "/customers/<id>/intents", Scope.CUSTOMERS_READ, IntentsOut, group=GROUP, limited=True)
def list_intents(path: CustomerPath, query: PageQuery) -> Response:
    """List what was wanted of a customer's relations, newest first."""
    after = cursors.decode(query.cursor)

    def work(work: Work) -> IntentsOut:
        keys = [one.external_userid for one in sheet_of(work, path.id).contacts]
        before = after.id if after else None
        found = page_intents(work.connection, work.tenant, keys, before=before, limit=query.limit + 1)
        shown = found[: query.limit]
        more = cursors.encode(shown[-1].id) if len(found) > len(shown) else None
        return IntentsOut(intents=[intent_out(one) for one in shown], next_cursor=more)

    return read(work)


@operation(
    "post",
    "/customers/<id>/assignment",
    Scope.CUSTOMERS_WRITE,
    AssignmentOut,
    status=202,
    group=GROUP,
    once=True,
    limited=True,
)
def assign_customer(path: CustomerPath, body: AssignmentBody) -> Response:
    """Give a customer to another associate, who must be their WeCom friend (ASG-4). Both are told."""

    def work(work: Work) -> Done:
        sheet = sheet_of(work, path.id)
        if not sheet.contacts:
            raise ReassignmentRefusedError("this customer is nobody's WeCom friend; only a friend can take over")
        before = sheet.row["assigned_userid"]
        reassign(
            work.connection,
            work.tenant,
            sheet.contacts[0].external_userid,
            UserId(body.userid),
            by=caller().actor,
            now=work.now,
        )
        changed = {"assigned_userid": before}, {"assigned_userid": body.userid}
        change = Change("assignment.decided", CUSTOMER, str(sheet.customer_id), *changed)
        answer = AssignmentOut(customer_id=sheet.customer_id, assigned_userid=before, decided_userid=body.userid)
        return Done(answer, 202, (change,))

    return write(work, once=True)

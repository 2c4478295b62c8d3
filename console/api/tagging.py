"""Local tags of customers: given and taken, by hand and by systems (TAG-3)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from flask import Response

from console.api.acting import Done, Work, write
from console.api.asked_records import TagManyBody
from console.api.gate import caller
from console.api.routes import operation
from console.api.told_records import TaggedManyOut
from console.api.viewing import viewer
from services.chosen import these
from services.local_tags.giving import Tagged, tag_page
from services.local_tags.model import LOCAL, TagRefusedError
from services.local_tags.plan import facts_of, local_of, plan_tagging, usable
from services.local_tags.store import load_groups
from services.persons.model import CUSTOMER
from services.planning import Fact
from shared.api_keys import Scope
from shared.audit import Change
from shared.ids import CustomerId

GROUP = "local tags"


@operation("post", "/customers:tag", Scope.TAGS_WRITE, TaggedManyOut, group=GROUP, once=True)
def tag_customers(body: TagManyBody) -> Response:
    """Give local tags to up to 1,000 customers, take them away, or replace what they have of a group."""

    def work(work: Work) -> Done:
        tagged = _tag(
            work,
            body.customer_ids,
            add=[local_of(one) for one in body.add],
            remove=[local_of(one) for one in body.remove],
            only=_only(body),
        )
        counts = [{f"{LOCAL}{tag}": len(ids) for tag, ids in some.items()} for some in (tagged.given, tagged.taken)]
        answer = TaggedManyOut(customer_count=tagged.chosen_count, added=counts[0], removed=counts[1])
        return Done(answer, 200, _tag_changes(tagged), tuple(facts_of(tagged.given, tagged.taken, at=work.now)))

    return write(work, once=True)


def _only(body: TagManyBody) -> dict[int, list[int]]:
    if len({one.group_id for one in body.only}) < len(body.only):
        raise TagRefusedError("name each group once")
    return {one.group_id: [local_of(tag) for tag in one.tag_ids] for one in body.only}


@dataclass(frozen=True)
class CustomerTags:
    """What became of one customer's local tags."""

    added: list[str]
    removed: list[str]
    changes: tuple[Change, ...] = ()
    facts: tuple[Fact, ...] = ()


def tag_customer(work: Work, customer_id: CustomerId, *, add: Sequence[int], remove: Sequence[int]) -> CustomerTags:
    """
    Raises:
        NoTagError, TagRefusedError: the caller rolls back.
    """
    if not add and not remove:
        return CustomerTags([], [])
    tagged = _tag(work, [customer_id], add=add, remove=remove)
    added, removed = ([f"{LOCAL}{tag}" for tag in some] for some in (tagged.given, tagged.taken))
    facts = tuple(facts_of(tagged.given, tagged.taken, at=work.now))
    return CustomerTags(added, removed, _tag_changes(tagged), facts)


def _tag(
    work: Work,
    customer_ids: Iterable[int],
    *,
    add: Sequence[int],
    remove: Sequence[int],
    only: Mapping[int, Sequence[int]] | None = None,
) -> Tagged:
    groups = usable(load_groups(work.connection, work.tenant.id), viewer())
    tagging = plan_tagging(groups, add=add, remove=remove, only=only)
    chosen = these(work.tenant.id, customer_ids)
    return tag_page(work.connection, work.tenant.id, chosen, tagging, by_whom=caller().actor, now=work.now)


def _tag_changes(tagged: Tagged) -> tuple[Change, ...]:
    """One line of the audit for each customer who has other tags now."""
    found: dict[CustomerId, tuple[list[str], list[str]]] = {}
    for n, some in enumerate((tagged.taken, tagged.given)):
        for tag, ids in some.items():
            for one in ids:
                found.setdefault(one, ([], []))[n].append(f"{LOCAL}{tag}")
    return tuple(
        Change("customer.tagged", CUSTOMER, str(one), {"local_tags": before}, {"local_tags": after})
        for one, (before, after) in sorted(found.items())
    )

"""Local tags of many customers: given, taken away, or the only ones of a group (TAG-3)."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection

from services.bulk_changes.kinds import Before, Kind, Page, lock_standing
from services.bulk_changes.model import BulkRefusedError, LocalTagsWanted, Obstacle, Outcome, RowState, Why, Worked
from services.chosen import these
from services.local_tags.giving import tag_page
from services.local_tags.model import NoTagError, Tagging, TagRefusedError
from services.local_tags.plan import facts_of, local_of, plan_tagging
from services.local_tags.store import load_groups
from services.planning import Fact
from shared.db.engine import fetch_all
from shared.ids import CustomerId
from shared.tenants import Tenant


def check(connection: Connection, tenant: Tenant, wanted: LocalTagsWanted) -> LocalTagsWanted:
    _tagging(connection, tenant, wanted)
    return wanted


def _tagging(connection: Connection, tenant: Tenant, wanted: LocalTagsWanted) -> Tagging:
    try:
        return plan_tagging(
            load_groups(connection, tenant.id),
            add=[local_of(one) for one in wanted.add],
            remove=[local_of(one) for one in wanted.remove],
            only={group: [local_of(one) for one in tags] for group, tags in wanted.only.items()},
        )
    except (NoTagError, TagRefusedError) as error:
        raise BulkRefusedError(str(error)) from None


def obstacle(_wanted: LocalTagsWanted) -> Obstacle | None:
    """Everybody can have local tags."""
    return None


def apply(page: Page, wanted: LocalTagsWanted) -> Worked:
    tagging = _tagging(page.connection, page.tenant, wanted)
    standing, outcomes = lock_standing(page)
    given, taken, facts = _tag(page, standing, tagging)
    of_given, of_taken = _by_customer(given), _by_customer(taken)
    for one in standing:
        before = {"given": of_given.get(one, []), "taken": of_taken.get(one, [])}
        done = any(before.values())
        outcomes.append(Outcome(one, RowState.DONE if done else RowState.SAME, before=before if done else None))
    return Worked(tuple(outcomes), tuple(facts))


Tagged = Mapping[int, Sequence[CustomerId]]


def _by_customer(tagged: Tagged) -> dict[CustomerId, list[int]]:
    found: dict[CustomerId, list[int]] = {}
    for tag, ids in tagged.items():
        for one in ids:
            found.setdefault(one, []).append(tag)
    return found


def _tag(page: Page, ids: Sequence[CustomerId], tagging: Tagging) -> tuple[Tagged, Tagged, list[Fact]]:
    """Tag -> who got it; who lost it; what is told of it."""
    try:
        tagged = tag_page(
            page.connection,
            page.tenant.id,
            these(page.tenant.id, ids),
            tagging,
            limit=len(ids) + 1,
            by_whom=page.change.caused_by,
            now=page.now,
        )
    except NoTagError as error:
        raise BulkRefusedError(str(error)) from None
    return tagged.given, tagged.taken, facts_of(tagged.given, tagged.taken, at=page.now)


def undo(page: Page, _wanted: LocalTagsWanted, before: Before) -> Worked:
    """What the change gave goes, if it is still its gift; what it took returns, if nobody has given it since."""
    standing, outcomes = lock_standing(page)
    wanted = [(one, tag, True) for one in standing for tag in before[one]["taken"]]
    wanted += [(one, tag, False) for one in standing for tag in before[one]["given"]]
    worn = _worn(page, standing, {tag for _, tag, _ in wanted})
    living = {tag.id for group in load_groups(page.connection, page.tenant.id) for tag in group.tags}
    back = [
        (one, tag, give)
        for one, tag, give in wanted
        if tag in living and worn.get((one, tag)) == (None if give else page.change.caused_by)
    ]
    facts: list[Fact] = []
    for tag, give in sorted({(tag, give) for _, tag, give in back}):
        ids = [one for one, its_tag, given in back if (its_tag, given) == (tag, give)]
        facts += _tag(page, ids, Tagging(give=(tag,)) if give else Tagging(take=(tag,)))[2]
    put_back, meant = (Counter(one for one, _, _ in moves) for moves in (back, wanted))
    outcomes += [_outcome(one, put_back[one], meant[one]) for one in standing]
    return Worked(tuple(outcomes), tuple(facts))


def _worn(page: Page, ids: Sequence[CustomerId], tags: Iterable[int]) -> dict[tuple[CustomerId, int], str]:
    """(customer, tag) -> who gave it."""
    rows = fetch_all(
        page.connection,
        "select customer_id, tag_id, by_whom from customer_tag where tenant_id = :tenant_id "
        "and customer_id = any(:ids) and tag_id = any(:tags)",
        tenant_id=page.tenant.id,
        ids=list(ids),
        tags=sorted(tags),
    )
    return {(CustomerId(row["customer_id"]), row["tag_id"]): row["by_whom"] for row in rows}


def _outcome(customer_id: CustomerId, back: int, meant: int) -> Outcome:
    why = None if back == meant else Why.CHANGED_SINCE
    return Outcome(customer_id, RowState.DONE if back else RowState.REFUSED, why)


KIND = Kind(check, obstacle, apply, undo, page=1000)

"""What our pushes made is the doing of who wanted it, and nothing else is."""

from services.catalogue.credit import Doing, credit_of, deleted_by_us, doing_of
from services.catalogue.model import Delete, NewTag, Place, Rename
from services.intents.model import Intent, IntentState, Settled
from services.planning import Fact
from services.tags.draft import CataloguePlan
from services.tags.model import (
    TagCreated,
    TagDeleted,
    TagGroupCreated,
    TagGroupDeleted,
    TagGroupRenamed,
    TagGroupsReordered,
    TagRenamed,
    TagsReordered,
)
from tests.services.catalogue.wishes import GOLD, LEVEL, SILVER, wish
from tests.services.factories import at
from tests.services.tags.catalogues import group, recorded, tag

KNOWN = recorded(group(LEVEL), group("g2"), tag(GOLD, LEVEL), tag(SILVER, LEVEL), tag("t5", "g2"))
OTHER = Doing("resync", "run:1")
TOLD: tuple[Fact, ...] = (
    TagRenamed(occurred_at=at(1), tag_id=GOLD, group_id=LEVEL),
    TagGroupRenamed(occurred_at=at(1), group_id=LEVEL),
    TagsReordered(occurred_at=at(1), group_id=LEVEL),
    TagGroupsReordered(occurred_at=at(1)),
    TagDeleted(occurred_at=at(1), tag_id=GOLD, group_id=LEVEL, evidenced=True),
    TagDeleted(occurred_at=at(1), tag_id=SILVER, group_id=LEVEL, evidenced=True),
    TagGroupDeleted(occurred_at=at(1), group_id=LEVEL, evidenced=True),
    TagCreated(occurred_at=at(1), tag_id="t9", group_id="g9"),
    TagGroupCreated(occurred_at=at(1), group_id="g9"),
)


def credited(one: Intent, *ended: Settled) -> tuple[set[str], set[str]]:
    """Types of the facts that are credited to the intent, and ids of the rows."""
    plan = CataloguePlan(tags=(tag("t9", "g9"),), facts=TOLD)
    credit = credit_of(plan, KNOWN, ours=[one], settled=ended)
    mine = [fact for fact in TOLD if doing_of(fact, credit, other=OTHER) != OTHER]
    return {fact.TYPE for fact in mine}, set(credit.rows)


def test_only_what_a_wish_leads_to_is_its_doing():
    """A rename is no reordering, a tag's place no group's (facts say who did it)."""
    assert credited(wish(1, Rename(GOLD, "x"), pushes=1)) == ({"tag_renamed"}, {GOLD})
    assert credited(wish(1, Rename(LEVEL, "x"), pushes=1)) == ({"tag_group_renamed"}, {LEVEL})
    assert credited(wish(1, Place(GOLD, 3), pushes=1)) == ({"tags_reordered"}, {GOLD})
    assert credited(wish(1, Place(LEVEL, 3), pushes=1)) == ({"tag_groups_reordered"}, {LEVEL})
    assert credited(wish(1, Delete(GOLD), pushes=1)) == ({"tag_deleted", "tag_group_deleted"}, {GOLD, LEVEL})
    whole = wish(1, Delete(LEVEL), pushes=1, group="t1 t2")
    assert credited(whole) == ({"tag_deleted", "tag_group_deleted"}, {GOLD, SILVER, LEVEL})
    made = wish(1, NewTag("x", group_name="y"), pushes=1, made_id="t9")
    assert credited(made) == ({"tag_created", "tag_group_created"}, {"t9", "g9"})


def test_what_was_not_pushed_or_not_taken_is_nobodys_doing_here():
    """An adopted tag, a refused rename, an edit that somebody wrote over."""
    one = wish(1, Rename(GOLD, "x"))
    assert credited(one) == (set(), set())
    pushed = wish(1, Rename(GOLD, "x"), pushes=1)
    for state in (IntentState.REFUSED, IntentState.SUPERSEDED):
        assert credited(pushed, Settled(pushed, state)) == (set(), set())


def test_a_deletion_that_we_asked_for_is_told():
    """At the time of WeCom's answer, or of the read when the answer was lost; not one that was refused."""
    asked = [
        wish(1, Delete("t1"), pushes=1, accepted_at=at(5)),
        wish(2, Delete("t2"), pushes=1),
        wish(3, Delete("t3"), pushes=1),
        wish(4, Delete("t4")),
        wish(5, Rename("t5", "x"), pushes=1),
    ]
    refused = [Settled(asked[2], IntentState.REFUSED)]
    assert deleted_by_us(asked, refused, at=at(9)) == {"t1": at(5), "t2": at(9)}

"""What WeCom could only refuse is refused at once, over what is shown: recorded, with open wishes laid over (TAG-2)."""

import pytest

from services.catalogue.check import check_asked, known_of, moot, places
from services.catalogue.model import MOST_TAGS, Asked, Delete, NewTag, Place, Rename
from services.catalogue.view import Item, View
from services.intents.model import WishRefusedError
from tests.services.catalogue.wishes import GOLD, LEVEL, SILVER, wish
from tests.services.tags.catalogues import group, recorded, tag

KNOWN = recorded(
    group(LEVEL, name="等级", sort=0),
    tag(GOLD, LEVEL, name="金卡", sort=5),
    tag(SILVER, LEVEL, name="银卡", sort=1),
    tag("t9", LEVEL, name="旧卡", deleted=900),
)


def view(*wishes: Asked) -> View:
    return View.of_rows(KNOWN).with_wishes(wish(n, one) for n, one in enumerate(wishes))


@pytest.mark.parametrize(
    ("asked", "before", "why"),
    [
        (Rename(GOLD, "卡" * 31), (), "31 characters; WeCom takes 30"),
        (Rename(GOLD, ""), (), "at least one character"),
        (Rename(GOLD, " 金"), (), "no spaces around"),
        (Rename(GOLD, "银卡"), (), "the name is taken: t2"),
        (Rename(GOLD, "铜卡"), (NewTag("铜卡", group_id=LEVEL),), "the name is taken"),
        (Rename("t9", "铜卡"), (), "was deleted at"),
        (Rename("t7", "铜卡"), (), "no tag or group t7"),
        (Rename(GOLD, "铜卡"), (Delete(LEVEL),), "about to be deleted with its group"),
        (NewTag("金卡", group_id=LEVEL), (), "has a tag of this name: t1"),
        (NewTag("金卡", group_name="等级"), (), "has a tag of this name: t1"),
        (NewTag("铜卡", group_id=GOLD), (), "a tag, not a group"),
        (NewTag("铜卡"), (), "at least one character"),
        (NewTag("铜卡", group_name="级" * 31), (), "31 characters"),
        (Place(GOLD, -1), (), "0 to 4294967295"),
        (Delete("t9"), (), "was deleted at"),
    ],
)
def test_what_cannot_be_is_said(asked: Asked, before: tuple[Asked, ...], why: str):
    """With a text that says why; lengths are in characters."""
    with pytest.raises(WishRefusedError, match=why):
        check_asked(asked, view(*before), KNOWN)


@pytest.mark.parametrize(
    ("asked", "before"),
    [
        (Rename(GOLD, "卡" * 30), ()),
        (Rename(GOLD, "金卡"), ()),
        (Rename(LEVEL, "金卡"), ()),
        (Rename(GOLD, "银卡"), (Rename(SILVER, "白银卡"),)),
        (NewTag("金卡", group_name="城市"), ()),
        (NewTag("金卡", group_id=LEVEL), (Delete(GOLD),)),
        (NewTag("旧卡", group_id=LEVEL), ()),
        (Place(LEVEL, 2**32 - 1), ()),
        (Delete(LEVEL), ()),
    ],
)
def test_what_can_be_is_not_refused(asked: Asked, before: tuple[Asked, ...]):
    """Names are unique in their group only, and free once an older wish leaves them."""
    check_asked(asked, view(*before), KNOWN)


def test_ten_thousand_tags_are_the_most_with_those_that_are_wanted():
    """Before anything is sent."""
    full = View({LEVEL: Item(LEVEL, "等级", 0)}, {f"t{n}": Item(f"t{n}", f"{n}", 0, LEVEL) for n in range(MOST_TAGS)})
    with pytest.raises(WishRefusedError, match="WeCom takes 10000"):
        check_asked(NewTag("铜卡", group_id=LEVEL), full, KNOWN)


def test_an_order_changes_as_little_as_it_can():
    """Those that are named come first, the others follow; what stands right is not written."""
    assert places(view(), [GOLD, SILVER]) == [Place(GOLD, 2)]
    assert places(view(), [SILVER]) == [Place(SILVER, 2), Place(GOLD, 1)]
    for wrong in ([GOLD, LEVEL], [GOLD, GOLD], ["t7"]):
        with pytest.raises(WishRefusedError, match="of tags of one group"):
            places(view(), wrong)


def test_a_deletion_knows_what_its_author_saw_and_what_older_wishes_make_of_it():
    """The recorded name, and the one that an open rename gives; of a group, its tags."""
    rename = wish(1, Rename(GOLD, "白金卡"), "从前")
    assert known_of(Delete(GOLD), KNOWN, [rename]) == (f"gone:{GOLD}", True, ["金卡", "白金卡", "从前"])
    made = wish(2, NewTag("铜卡", group_id=LEVEL), pushes=1, made_id="t5")
    assert known_of(Delete(LEVEL), KNOWN, [made]) == (f"gone:{LEVEL}", "t1 t2 t5 t9", ["等级"])


def test_a_deletion_ends_what_makes_no_sense_beside_it():
    """A rename of the same stays: another wish may wait for its name."""
    wishes = [
        wish(1, Rename(LEVEL, "会员")),
        wish(2, Place(LEVEL, 3)),
        wish(3, Rename(GOLD, "白金卡")),
        wish(4, NewTag("铜卡", group_id=LEVEL)),
        wish(5, NewTag("铜卡", group_name="等级")),
        wish(6, NewTag("铜卡", group_name="城市")),
        wish(7, Delete(SILVER)),
    ]
    assert [one.id for one in moot(wishes, Delete(LEVEL), KNOWN)] == [2, 3, 4, 5]
    assert [one.id for one in moot(wishes, Rename(SILVER, "白银卡"), KNOWN)] == [7]
    assert moot(wishes, NewTag("铁卡", group_id=LEVEL), KNOWN) == []

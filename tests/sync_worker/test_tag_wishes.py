"""What people want of the catalogue of tags reaches WeCom once, is read back, and gives way to who was there later."""

from collections.abc import Iterator

import pytest

from services.catalogue.model import Delete, NewTag, Place, Rename
from services.intents.model import Source, WishRefusedError
from sync_worker.pushing import LeaseGoneError
from tests.sync_worker.shelving import ADD, DELETE, EDIT, LIST, Shelf
from tests.sync_worker.shops import MakeOffice
from tests.sync_worker.test_tags import answering
from tests.sync_worker.test_tags_pass import approve_plan


@pytest.fixture
def shelf(make_office: MakeOffice) -> Iterator[Shelf]:
    yield Shelf(make_office(deletion_lag_s=0))


def test_making_renaming_and_ordering_reach_wecom_and_are_read_back(shelf: Shelf):
    """One call for the new tags of a group; the rows here are what WeCom showed after it (TAG-2)."""
    gold, silver = shelf.tags
    shelf.ask(NewTag("铜卡", group_id=shelf.group), NewTag("铁卡", group_id=shelf.group, sort=9))
    shelf.ask(Rename(gold, "白金卡"), Rename(shelf.group, "会员等级"), Place(silver, 5))
    assert shelf.shown() == {"会员等级": ["铁卡", "银卡", "白金卡", "铜卡"]}
    shelf.office.reconcile()
    assert shelf.there() == {"会员等级": sorted([("白金卡", 0), ("银卡", 5), ("铜卡", 0), ("铁卡", 9)])}
    assert shelf.here() == shelf.there()
    assert shelf.outcomes() == [
        *[("new", "confirmed", 1)] * 2,
        *[("name", "confirmed", 1)] * 2,
        ("sort", "confirmed", 1),
    ]
    assert shelf.writes() == 1 + 4  # the first one was the shelf's own
    made = shelf.office.rows("select made_id from intent where field like 'new:%' order by id")
    assert made == [(shelf.id_of("铜卡"),), (shelf.id_of("铁卡"),)]


def test_what_our_pushes_made_is_told_as_the_doing_of_who_wanted_it(shelf: Shelf):
    """Each change is a fact with cause and author; what somebody did in WeCom meanwhile keeps the run's own cause."""
    shelf.ask(NewTag("铜卡", group_name="城市"), source=Source.API)
    shelf.ask(Rename(shelf.tags[0], "白金卡"), Delete(shelf.tags[1]))
    shelf.act("create_tag_group", group_name="来源", tags=["门店"])
    shelf.look(cause="event")
    facts = shelf.facts()
    assert set(facts) == {
        ("tag_group_created", "api", "api:Zhou"),
        ("tag_created", "api", "api:Zhou"),
        ("tag_renamed", "operator", "operator:Zhou"),
        ("tag_deleted", "operator", "operator:Zhou"),
        ("tag_group_created", "event", "run:1"),
        ("tag_created", "event", "run:1"),
        ("tag_catalogue_edit_settled", "api", "api:Zhou"),
        ("tag_catalogue_edit_settled", "operator", "operator:Zhou"),
    }
    assert len(facts) == 9
    told = shelf.office.rows("select payload from fact where type = 'tag_catalogue_edit_settled' order by id")
    assert {(one["field"].split(":")[0], one["outcome"]) for (one,) in told} == {
        ("new", "confirmed"),
        ("name", "confirmed"),
        ("gone", "confirmed"),
    }
    assert "卡" not in str(told)
    assert "卡" not in str(shelf.office.rows("select desired, bases, field from intent"))
    assert shelf.office.rows("select cause, caused_by from tag where name = '铜卡'") == [("api", "api:Zhou")]


def test_equal_names_in_two_groups_are_two_tags(shelf: Shelf):
    """A name is unique in its group only; in one group it is refused at once, with the tag that has it (TAG-2)."""
    shelf.ask(NewTag("金卡", group_name="城市"), NewTag("银卡", group_name="城市"))
    shelf.office.reconcile()
    assert shelf.there() == {
        "等级": [("金卡", 0), ("银卡", 0)],
        "城市": [("金卡", 0), ("银卡", 0)],
    }
    assert shelf.here() == shelf.there()
    with pytest.raises(WishRefusedError, match=shelf.tags[0]):
        shelf.ask(NewTag("金卡", group_id=shelf.group))
    with pytest.raises(WishRefusedError, match="the name is taken"):
        shelf.ask(Rename(shelf.tags[0], "银卡"))


def test_what_is_wanted_twice_is_made_once(shelf: Shelf):
    """The newer wish takes the place of the older (TAG-2)."""
    shelf.ask(NewTag("铜卡", group_id=shelf.group))
    shelf.ask(NewTag("铜卡", group_id=shelf.group, sort=3))
    shelf.office.reconcile()
    assert shelf.outcomes() == [("new", "superseded", 0), ("new", "confirmed", 1)]
    assert shelf.there()["等级"] == sorted([("金卡", 0), ("银卡", 0), ("铜卡", 3)])


def test_a_lost_answer_to_a_creation_is_found_and_nothing_is_doubled(shelf: Shelf):
    """WeCom took it and the connection broke: the read back shows it (adopted)."""
    shelf.fault(ADD, cut="after", times=1)
    shelf.ask(NewTag("铜卡", group_name="城市"))
    shelf.office.reconcile()
    assert shelf.outcomes() == [("new", "confirmed", 1)]
    assert shelf.there()["城市"] == [("铜卡", 0)]
    assert shelf.office.rows("select made_id from intent") == [(shelf.id_of("铜卡"),)]
    assert {cause for _, cause, _ in shelf.facts()} == {"operator"}


def test_a_crash_after_a_creation_makes_nothing_again(shelf: Shelf):
    """The run dies before it records anything; the next first read shows the tag, even under another name."""
    shelf.ask(NewTag("铜卡", group_id=shelf.group))
    shelf.look_and_die()
    assert shelf.outcomes() == [("new", "sent", 1)]
    ((made,),) = shelf.office.rows("select made_id from intent")
    shelf.act("rename_tag", tag_id=made, name="青铜卡")
    shelf.office.reconcile()
    assert shelf.outcomes() == [("new", "confirmed", 1)]
    assert shelf.there()["等级"] == sorted([("金卡", 0), ("银卡", 0), ("青铜卡", 0)])
    assert shelf.here() == shelf.there()


def test_a_tag_that_the_other_side_made_meanwhile_is_adopted(shelf: Shelf):
    """Equal names inside one group are one tag, whoever was first (TAG-2)."""
    shelf.ask(NewTag("铜卡", group_id=shelf.group), NewTag("铁卡", group_id=shelf.group))
    made = shelf.act("create_tag", group_id=shelf.group, name="铜卡")
    shelf.office.reconcile()
    assert shelf.outcomes() == [("new", "confirmed", 0), ("new", "confirmed", 1)]
    assert shelf.office.rows("select made_id from intent order by id limit 1") == [(made["tag_id"],)]
    assert shelf.there()["等级"] == sorted([("金卡", 0), ("银卡", 0), ("铜卡", 0), ("铁卡", 0)])


def test_a_name_that_is_taken_between_read_and_push_is_adopted(shelf: Shelf):
    """WeCom refuses all new tags of the call; each goes alone, and the read back finds the one that was there."""
    shelf.ask(NewTag("铜卡", group_id=shelf.group), NewTag("铁卡", group_id=shelf.group))
    shelf.fault(ADD, errcode=40071, times=1)
    shelf.office.reconcile()
    assert shelf.outcomes() == [("new", "confirmed", 1), ("new", "confirmed", 1)]
    shelf.ask(NewTag("锡卡", group_id=shelf.group))
    shelf.fault(ADD, errcode=40071, times=1)
    shelf.office.reconcile()
    assert shelf.outcomes()[-1][1] == "sent"  # said to be there, and not shown yet: waited for, not made again
    made = shelf.act("create_tag", group_id=shelf.group, name="锡卡")
    shelf.look()
    assert shelf.outcomes()[-1][1] == "confirmed"
    assert shelf.office.rows("select made_id from intent order by id desc limit 1") == [(made["tag_id"],)]


def test_a_name_that_an_older_wish_frees_can_be_taken(shelf: Shelf):
    """Wishes are pushed in the order in which they were made, each over what the ones before it leave."""
    gold, silver = shelf.tags
    shelf.ask(Rename(gold, "白金卡"), Rename(silver, "金卡"), NewTag("银卡", group_id=shelf.group), Delete(silver))
    shelf.ask(NewTag("金卡", group_id=shelf.group))
    assert shelf.shown() == {"等级": ["白金卡", "金卡", "银卡"]}
    shelf.office.reconcile()
    assert shelf.there() == {"等级": sorted([("白金卡", 0), ("金卡", 0), ("银卡", 0)])}
    assert shelf.here() == shelf.there()
    assert shelf.id_of("白金卡") == gold
    assert shelf.id_of("金卡") != silver


def test_a_tag_that_a_newer_wish_deletes_is_not_taken_for_one_that_is_to_be_made(shelf: Shelf):
    """The creation waits until the name is free (TAG-2)."""
    gold, silver = shelf.tags
    shelf.ask(Rename(gold, "白金卡"), NewTag("金卡", group_id=shelf.group))
    shelf.ask(Rename(gold, "黑金卡"))
    shelf.office.reconcile()
    shelf.look()
    assert shelf.there() == shelf.here() == {"等级": sorted([("黑金卡", 0), ("银卡", 0), ("金卡", 0)])}
    assert [state for _, state, _ in shelf.outcomes()] == ["superseded", "confirmed", "confirmed"]
    assert shelf.id_of("金卡") not in (gold, silver)


def test_a_rename_in_wecom_that_the_author_has_not_seen_stands(shelf: Shelf):
    """The last person to act wins; what another app renamed has no event, and the next look finds it (TAG-2, G4)."""
    shelf.ask(Rename(shelf.tags[0], "白金卡"))
    shelf.act("rename_tag", tag_id=shelf.tags[0], name="黑金卡")
    shelf.office.reconcile()
    assert shelf.outcomes() == [("name", "superseded", 0)]
    assert shelf.why() == ["somebody edited it in WeCom meanwhile"]
    assert shelf.there()["等级"] == sorted([("黑金卡", 0), ("银卡", 0)])
    assert shelf.here() == shelf.there()


def test_an_edit_by_another_app_is_found_by_the_pass(shelf: Shelf):
    """The API's edits cause no event: made, renamed, moved and deleted tags are in the next full pass (TAG-2)."""
    body = {"group_name": "城市", "tag": [{"name": "北京"}, {"name": "上海"}]}
    made = shelf.other_app(ADD, body)["tag_group"]
    assert shelf.office.resync("tag") == [("tag", "done")]
    beijing, shanghai = (one["id"] for one in made["tag"])
    shelf.other_app(EDIT, {"id": beijing, "name": "北京市", "order": 7})
    assert shelf.office.resync("tag") == [("tag", "done")]
    assert shelf.here() == shelf.there()
    assert shelf.here()["城市"] == sorted([("北京市", 7), ("上海", 0)])
    shelf.ask(Rename(shanghai, "上海市"), Place(beijing, 1), Delete(beijing))
    shelf.office.reconcile()
    assert shelf.outcomes() == [("name", "refused", 0), ("gone", "refused", 0)]
    shelf.other_app(DELETE, {"group_id": [made["group_id"]]})
    assert shelf.office.resync("tag") == [("tag", "done")]
    assert shelf.here() == shelf.there() == {"等级": sorted([("金卡", 0), ("银卡", 0)])}


def test_a_tag_that_was_deleted_in_wecom_ends_what_is_wanted_of_it(shelf: Shelf):
    """A rename says that it was deleted; a creation in a deleted group likewise; a deletion is done (TAG-2)."""
    gold, silver = shelf.tags
    shelf.ask(Rename(gold, "白金卡"), Delete(silver))
    shelf.act("delete_tag", tag_id=gold)
    shelf.act("delete_tag", tag_id=silver)
    shelf.office.reconcile()
    assert shelf.outcomes() == [("name", "superseded", 0), ("gone", "confirmed", 0)]
    assert shelf.why()[0] == "it was deleted in WeCom"
    assert shelf.there() == shelf.here() == {}
    with pytest.raises(WishRefusedError, match="was deleted at"):
        shelf.ask(Rename(gold, "白金卡"))
    with pytest.raises(WishRefusedError, match="was deleted at"):
        shelf.ask(NewTag("铜卡", group_id=shelf.group))


def test_a_creation_in_a_group_that_was_deleted_ends(shelf: Shelf):
    """Its group is not made again: who deleted it was later (TAG-2)."""
    shelf.ask(NewTag("铜卡", group_id=shelf.group))
    shelf.act("delete_tag_group", group_id=shelf.group)
    shelf.office.reconcile()
    assert (shelf.outcomes(), shelf.why()) == ([("new", "superseded", 0)], ["the group was deleted in WeCom"])
    assert shelf.there() == shelf.here() == {}


def test_a_deletion_does_not_hit_what_was_renamed_in_wecom_meanwhile(shelf: Shelf):
    """Who deletes a tag deletes the one they saw; under another name it may mean something else (G4)."""
    shelf.ask(Delete(shelf.tags[0]))
    shelf.act("rename_tag", tag_id=shelf.tags[0], name="员工")
    shelf.office.reconcile()
    assert shelf.outcomes() == [("gone", "superseded", 0)]
    assert "renamed it in WeCom" in shelf.why()[0]
    assert shelf.there()["等级"] == sorted([("员工", 0), ("银卡", 0)])
    shelf.ask(Delete(shelf.tags[0]))
    shelf.office.reconcile()
    assert shelf.there() == shelf.here() == {"等级": [("银卡", 0)]}


def test_a_group_that_got_a_tag_meanwhile_is_not_deleted(shelf: Shelf):
    """Its author did not know of that tag; one that lost a tag is (G4)."""
    shelf.ask(Delete(shelf.group))
    shelf.act("create_tag", group_id=shelf.group, name="铜卡")
    shelf.office.reconcile()
    assert shelf.outcomes() == [("gone", "superseded", 0)]
    assert "added a tag" in shelf.why()[0]
    assert len(shelf.there()["等级"]) == 3
    shelf.ask(Delete(shelf.group))
    shelf.act("delete_tag", tag_id=shelf.tags[0])
    shelf.office.reconcile()
    assert shelf.outcomes()[-1] == ("gone", "confirmed", 1)
    assert shelf.there() == shelf.here() == {}


def test_our_own_big_deletion_needs_no_approval(shelf: Shelf):
    """We asked for it, so a read that lacks it is no surprise; no second look, nothing withheld (TAG-2)."""
    shelf.ask(*(NewTag(f"城市{n}", group_name="城市") for n in range(60)))
    shelf.office.reconcile()
    shelf.ask(Delete(shelf.id_of("城市")))
    shelf.office.reconcile()
    assert shelf.here() == shelf.there() == {"等级": [("金卡", 0), ("银卡", 0)]}
    told = "select distinct cause, payload ->> 'evidenced' from fact where type like 'tag%deleted'"
    assert shelf.office.rows(told) == [("operator", "true")]


def test_the_last_tag_takes_its_group_along(shelf: Shelf):
    """WeCom has no empty group, on either side (TAG-2)."""
    shelf.ask(Delete(shelf.tags[0]), Delete(shelf.tags[1]))
    assert shelf.shown() == {}
    shelf.office.reconcile()
    assert shelf.there() == shelf.here() == {}
    assert shelf.outcomes() == [("gone", "confirmed", 1)] * 2
    assert shelf.writes() == 1 + 1


@pytest.mark.parametrize("code", [60011, 81011])
def test_a_tag_of_another_app_can_be_used_but_not_edited(shelf: Shelf, code: int):
    """WeCom's words, and what they mean; the other wishes go on (TAG-2)."""
    shelf.office.corp.post("/sim/settings", {"tags": {"foreign_tag_code": code}})
    theirs = shelf.act("create_tag_group", group_name="来源", tags=["门店", "网店"])
    shelf.look()
    shop, net = theirs["tag_ids"]
    shelf.ask(Rename(shop, "旗舰店"), Delete(net), Delete(shelf.tags[0]), Rename(theirs["group_id"], "渠道"))
    shelf.ask(NewTag("广告", group_id=theirs["group_id"]))
    shelf.office.reconcile()
    assert [state for _, state, _ in shelf.outcomes()] == ["refused", "refused", "confirmed", "refused", "confirmed"]
    assert all(why.startswith(f"{code}: ") and "can be used, not edited" in why for why in shelf.why() if why != "None")
    assert shelf.there() == shelf.here()
    assert [name for name, _ in shelf.there()["来源"]] == sorted(["门店", "网店", "广告"])
    codes = shelf.office.rows("select distinct payload -> 'code' from fact where payload ->> 'outcome' = 'refused'")
    assert codes == [(code,)]


def test_limits_are_checked_before_anything_is_sent(shelf: Shelf):
    """30 characters (not bytes), no empty name, 10,000 tags with those that are wanted, and groups with a tag."""
    shelf.ask(NewTag("卡" * 30, group_id=shelf.group))
    for asked, why in (
        (NewTag("卡" * 31, group_id=shelf.group), "31 characters; WeCom takes 30"),
        (Rename(shelf.group, "级" * 31), "31 characters"),
        (NewTag("  ", group_id=shelf.group), "at least one character"),
        (NewTag("铜卡", group_name=""), "at least one character"),
        (NewTag("铜卡", group_id=shelf.tags[0]), "is a tag, not a group"),
        (Rename("etNobody", "铜卡"), "no tag or group etNobody"),
        (Place(shelf.tags[0], 2**32), "0 to 4294967295"),
        (NewTag("铜卡", group_id=shelf.group, sort=-1), "0 to 4294967295"),
    ):
        with pytest.raises(WishRefusedError, match=why):
            shelf.ask(asked)
    more = [{"tag_id": f"et{n}", "tag_name": f"t{n}", "group_name": f"g{n % 100}"} for n in range(9_997)]
    shelf.office.corp.post(f"/sim/corps/{shelf.office.corp.corp_id}/tags", more)
    shelf.look()
    with pytest.raises(WishRefusedError, match="WeCom takes 10000"):
        shelf.ask(NewTag("铜卡", group_id=shelf.group))


def test_observe_only_writes_nothing_and_keeps_and_shows_what_is_wanted(shelf: Shelf):
    """A corp whose file does not say `pushes = true`."""
    before = shelf.there()
    with shelf.office.runtime.engine.begin() as connection:
        connection.exec_driver_sql("update tenant set pushes = false")
    shelf.ask(NewTag("铜卡", group_name="城市"), Rename(shelf.tags[0], "白金卡"), Delete(shelf.tags[1]))
    shelf.office.reconcile()
    assert shelf.writes() == 1
    assert shelf.there() == before
    assert [state for _, state, _ in shelf.outcomes()] == ["pending"] * 3
    assert shelf.shown() == {"等级": ["白金卡"], "城市": ["铜卡"]}
    with shelf.office.runtime.engine.begin() as connection:
        connection.exec_driver_sql("update tenant set pushes = true")
    shelf.look()
    assert shelf.there() == {"等级": [("白金卡", 0)], "城市": [("铜卡", 0)]}


def test_a_run_that_lost_its_lease_pushes_nothing(shelf: Shelf):
    """One writer of the catalogue: whoever has the newest fence."""
    shelf.ask(NewTag("铜卡", group_id=shelf.group))
    with pytest.raises(LeaseGoneError):
        shelf.look_and_die(stolen=True)
    assert shelf.writes() == 1


def test_a_busy_wecom_is_asked_again_later_and_in_order(shelf: Shelf):
    """What is behind the wish that WeCom is too busy for waits with it; what was read is recorded."""
    shelf.fault(EDIT, errcode=-1, times=9)
    shelf.act("create_tag", group_id=shelf.group, name="铁卡")
    shelf.ask(Rename(shelf.tags[0], "白金卡"), NewTag("金卡", group_id=shelf.group))
    shelf.office.reconcile()
    assert [state for _, state, _ in shelf.outcomes()] == ["sent", "pending"]
    assert ("铁卡", 0) in shelf.here()["等级"]
    due = (
        "select generation > settled_generation, next_try_at > now() from request where subject_kind = 'tag_catalogue'"
    )
    assert shelf.office.rows(due) == [(True, True)]
    shelf.office.corp.post("/sim/faults", {"clear": True})
    shelf.look()
    assert [state for _, state, _ in shelf.outcomes()] == ["confirmed", "confirmed"]
    assert shelf.here() == shelf.there()


@pytest.mark.parametrize("api", [ADD, EDIT, DELETE])
def test_a_call_that_never_arrived_is_made_again(shelf: Shelf, api: str):
    """No answer came: the next first read tells that WeCom does not have it."""
    shelf.fault(api, cut="before", times=1)
    shelf.ask(NewTag("铜卡", group_id=shelf.group), Rename(shelf.tags[0], "白金卡"), Delete(shelf.tags[1]))
    shelf.office.reconcile()
    shelf.look()
    assert [state for _, state, _ in shelf.outcomes()] == ["confirmed"] * 3
    assert shelf.there() == shelf.here() == {"等级": sorted([("铜卡", 0), ("白金卡", 0)])}


def test_a_read_that_shows_nothing_ends_no_wish_and_pushes_none(shelf: Shelf):
    """Absence is suspicious: what is wanted waits until the tags are shown again, or recorded as deleted (TAG-2)."""
    shelf.ask(Delete(shelf.tags[0]), Rename(shelf.group, "会员"), NewTag("铜卡", group_id=shelf.group))
    with answering(shelf.office, {"errcode": 0, "errmsg": "ok", "tag_group": []}):
        shelf.office.reconcile()
    assert [state for _, state, _ in shelf.outcomes()] == ["pending"] * 3
    assert shelf.here() == {"等级": sorted([("金卡", 0), ("银卡", 0)])}
    assert shelf.writes() == 1
    shelf.look()
    assert [state for _, state, _ in shelf.outcomes()] == ["confirmed"] * 3
    assert shelf.here() == shelf.there() == {"会员": sorted([("银卡", 0), ("铜卡", 0)])}


@pytest.mark.parametrize("fault", [{"errcode": 48002}, {"http_status": 500, "times": 99}], ids=str)
def test_an_error_answer_to_the_read_pushes_and_changes_nothing(shelf: Shelf, fault: dict[str, object]):
    """Neither the catalogue nor a wish is judged by an error (TAG-2)."""
    before = shelf.here()
    shelf.fault(LIST, **fault)
    shelf.ask(Delete(shelf.tags[0]), NewTag("铜卡", group_id=shelf.group))
    shelf.office.reconcile()
    assert shelf.here() == before
    assert shelf.writes() == 1
    assert [state for _, state, _ in shelf.outcomes()] == ["pending", "pending"]


def test_a_read_back_that_fails_is_made_up_for(shelf: Shelf):
    """Pushed and not read back: nothing is recorded, and the next run finds it done."""
    shelf.fault(LIST, errcode=-1, skip=1, times=9)
    shelf.ask(Delete(shelf.group), NewTag("北京", group_name="城市"))
    shelf.office.reconcile()
    assert [state for _, state, _ in shelf.outcomes()] == ["sent", "sent"]
    shelf.office.corp.post("/sim/faults", {"clear": True})
    shelf.look()
    assert [state for _, state, _ in shelf.outcomes()] == ["confirmed", "confirmed"]
    assert shelf.here() == shelf.there() == {"城市": [("北京", 0)]}
    assert shelf.writes() == 1 + 2


def test_what_is_missing_beyond_belief_ends_its_wishes_when_a_person_agrees(shelf: Shelf):
    """Until then a rename waits: neither pushed nor ended (design: guard)."""
    shelf.ask(*(NewTag(f"城市{n}", group_name="城市") for n in range(60)))
    shelf.office.reconcile()
    tag = shelf.id_of("城市7")
    shelf.act("delete_tag_group", group_id=shelf.id_of("城市"))
    shelf.ask(Rename(tag, "城市七"))
    assert shelf.office.resync("tag") == [("tag", "incomplete")]
    assert shelf.outcomes()[-1] == ("name", "pending", 0)
    approve_plan(shelf.office)
    shelf.office.walk()
    assert shelf.outcomes()[-1] == ("name", "superseded", 0)
    assert shelf.here() == shelf.there()


def test_a_thousand_wishes_at_once_are_asked_for_in_one_go(shelf: Shelf):
    """Newer ones of the same command take the place of older ones, which are not kept at all."""
    shelf.ask(
        *(NewTag(f"城市{n}", group_name="城市") for n in range(1_000)), NewTag("城市7", group_name="城市", sort=9)
    )
    shelf.office.reconcile()
    assert shelf.outcomes() == [("new", "confirmed", 1)] * 1_000
    assert len(shelf.there()["城市"]) == 1_000
    assert ("城市7", 9) in shelf.there()["城市"]
    assert shelf.writes() == 1 + 10


def test_the_last_wish_of_our_own_people_wins(shelf: Shelf):
    """A deletion ends open renames; a rename takes a deletion back that was not sent."""
    shelf.ask(Rename(shelf.tags[0], "白金卡"), Place(shelf.tags[0], 4), NewTag("铜卡", group_id=shelf.group))
    shelf.ask(Delete(shelf.group))
    assert [state for _, state, _ in shelf.outcomes()] == ["superseded"] * 3 + ["pending"]
    assert shelf.shown() == {}
    shelf.ask(Rename(shelf.group, "会员"))
    shelf.office.reconcile()
    assert [state for _, state, _ in shelf.outcomes()] == ["superseded"] * 4 + ["confirmed"]
    assert shelf.here() == shelf.there() == {"会员": sorted([("金卡", 0), ("银卡", 0)])}

"""Corp tags through the API and through the console."""

import threading
import time
import xml.etree.ElementTree as ET

import pytest

AGENT = 1000002
ADD, EDIT, DELETE = "externalcontact/add_corp_tag", "externalcontact/edit_corp_tag", "externalcontact/del_corp_tag"
LIST, MARK = "externalcontact/get_corp_tag_list", "externalcontact/mark_tag"


@pytest.fixture
def level(sim):
    """A group that the app made: Gold before Silver."""
    tags = [{"name": "Gold", "order": 2}, {"name": "Silver", "order": 1}]
    return sim.post(ADD, {"group_name": "Level", "order": 20, "tag": tags})["tag_group"]


@pytest.fixture
def customer(sim):
    return sim.act("add", userid="LiNa", name="Blue Whale", silent=True)["external_userid"]


def ids(group):
    return [tag["id"] for tag in group["tag"]]


def code(sim, path, **body):
    return sim.post(path, body)["errcode"]


def mark(sim, customer, *, userid="LiNa", **tags):
    return code(sim, MARK, userid=userid, external_userid=customer, **tags)


def seen(sim, customer):
    """The tag ids of the customer's first follower, in get and in batch."""
    found = sim.get("externalcontact/get", external_userid=customer)["follow_user"][0]["tags"]
    rows = sim.post("externalcontact/batch/get_by_user", {"userid_list": ["LiNa"]})["external_contact_list"]
    in_batch = [row["follow_info"]["tag_id"] for row in rows if row["external_contact"]["external_userid"] == customer]
    assert [item["tag_id"] for item in found] == in_batch[0]
    return in_batch[0]


def events(texts):
    """The callbacks' tags and texts, in order, without the head."""
    head = {"ToUserName", "FromUserName", "CreateTime", "MsgType"}
    return [[(item.tag, item.text) for item in ET.fromstring(text) if item.tag not in head] for text in texts]


def test_contact_20_a_full_list_has_no_tombstones_and_a_filtered_one_has(sim, level):
    """Absence means deleted in a full read; a read by id shows the dead, flagged."""
    gold, silver = ids(level)
    assert code(sim, DELETE, tag_id=[silver]) == 0
    full = sim.post(LIST, {})["tag_group"]
    assert full == [{**level, "tag": level["tag"][:1]}]
    assert full[0].keys() == {"group_id", "group_name", "create_time", "order", "tag"}
    by_tag = sim.post(LIST, {"tag_id": [silver]})["tag_group"]
    assert (by_tag[0]["deleted"], [(tag["id"], tag["deleted"]) for tag in by_tag[0]["tag"]]) == (
        False,
        [(silver, True)],
    )
    by_group = sim.post(LIST, {"group_id": [level["group_id"]]})["tag_group"]
    assert "deleted" not in by_group[0]
    assert [(tag["id"], tag["deleted"]) for tag in by_group[0]["tag"]] == [(gold, False), (silver, True)]


def test_contact_20_group_id_wins_over_tag_id(sim, level):
    """When both are given, the tag ids are ignored."""
    other = sim.post(ADD, {"group_name": "City", "tag": [{"name": "Linzhou"}]})["tag_group"]
    found = sim.post(LIST, {"group_id": [other["group_id"]], "tag_id": ids(level)})["tag_group"]
    assert [item["group_name"] for item in found] == ["City"]


def test_contact_20_an_unknown_id_in_a_filter_is_refused_or_left_out(sim, level):
    """WeCom does not say which, so the simulator can do both."""
    assert code(sim, LIST, tag_id=["etNone"]) == 40068
    sim.sim("settings", {"tags": {"unknown_tag_code": 0}})
    assert sim.post(LIST, {"tag_id": ["etNone"]})["tag_group"] == []


def test_contact_20_ten_thousand_tags_come_in_one_answer(sim):
    """The full list is not paged, and larger orders come first."""
    sim.corp("tags", [{"tag_id": f"et{n}", "tag_name": f"t{n}", "group_name": f"g{n % 100}"} for n in range(10_000)])
    began = time.monotonic()
    groups = sim.post(LIST, {})["tag_group"]
    assert time.monotonic() - began < 1
    assert (len(groups), sum(len(item["tag"]) for item in groups)) == (100, 10_000)
    assert code(sim, ADD, group_name="g1", tag=[{"name": "one too many"}]) == 40126


def test_contact_21_a_group_is_found_by_its_name_and_only_new_tags_are_answered(sim, level):
    """Adding to a name that exists adds to that group; a doubled name is made once."""
    more = sim.post(ADD, {"group_name": "Level", "order": 1, "tag": [{"name": "Bronze"}, {"name": "Bronze"}]})
    group = more["tag_group"]
    assert (group["group_id"], group["order"]) == (level["group_id"], 20)
    assert [tag["name"] for tag in group["tag"]] == ["Bronze"]
    assert [tag["name"] for tag in sim.post(LIST, {})["tag_group"][0]["tag"]] == ["Gold", "Silver", "Bronze"]
    by_id = sim.post(ADD, {"group_id": level["group_id"], "group_name": "no", "tag": [{"name": "Tin"}]})["tag_group"]
    assert by_id["group_name"] == "Level"


def test_contact_21_names_and_ids_are_checked(sim, level):
    """40071 taken, 40072 too long, 40063 missing, 40068 unknown; a refused call changes nothing."""
    group_id = level["group_id"]
    assert code(sim, ADD, group_id=group_id, tag=[{"name": "New"}, {"name": "Gold"}]) == 40071
    assert code(sim, ADD, group_id=group_id, tag=[{"name": "x" * 31}]) == 40072
    assert code(sim, ADD, group_id=group_id, tag=[]) == 40063
    assert code(sim, ADD, tag=[{"name": "x"}]) == 40063
    assert code(sim, ADD, group_id="etNone", tag=[{"name": "x"}]) == 40068
    assert code(sim, EDIT, id=ids(level)[1], name="Gold") == 40071
    assert code(sim, EDIT, id="etNone", name="x") == 40068
    assert code(sim, DELETE) == 40063
    assert code(sim, DELETE, tag_id=[ids(level)[0], "etNone"]) == 40068
    assert sim.post(LIST, {})["tag_group"] == [level]


def test_contact_21_what_is_edited_reads_back(sim, level):
    """Tags and groups get new names and orders."""
    assert code(sim, EDIT, id=ids(level)[1], name="Platinum", order=9) == 0
    assert code(sim, EDIT, id=level["group_id"], name="Rank") == 0
    group = sim.post(LIST, {})["tag_group"][0]
    assert (group["group_name"], group["order"]) == ("Rank", 20)
    assert [(tag["name"], tag["order"]) for tag in group["tag"]] == [("Platinum", 9), ("Gold", 2)]


def test_contact_21_an_app_changes_only_its_own_tags(sim, customer):
    """A tag of a person can be read and marked, not edited or deleted; the code is a setting."""
    made = sim.act("create_tag_group", group_name="By hand", tags=["A"])
    tag_id = made["tag_ids"][0]
    assert code(sim, EDIT, id=tag_id, name="B") == 60011
    assert code(sim, DELETE, group_id=[made["group_id"]]) == 60011
    sim.sim("settings", {"tags": {"foreign_tag_code": 81011}})
    assert code(sim, DELETE, tag_id=[tag_id]) == 81011
    assert mark(sim, customer, add_tag=[tag_id]) == 0


def test_contact_21_no_group_stays_empty(sim, level):
    """With its last tag the group goes; its name is free again."""
    assert code(sim, DELETE, tag_id=ids(level)) == 0
    assert sim.post(LIST, {})["tag_group"] == []
    assert sim.post(LIST, {"tag_id": ids(level)})["tag_group"][0]["deleted"] is True
    again = sim.post(ADD, {"group_name": "Level", "tag": [{"name": "Gold"}]})["tag_group"]
    assert again["group_id"] != level["group_id"]


def test_contact_22_deleting_a_group_by_hand_sends_one_event_and_takes_the_tags_off(sim, pushed, customer):
    """Only the group's event; no customer event; no tag left on a customer."""
    made = sim.act("create_tag_group", group_name="Level", tags=["Gold", "Silver"], silent=True)
    assert mark(sim, customer, add_tag=made["tag_ids"]) == 0
    sim.act("delete_tag_group", group_id=made["group_id"])
    expected = [("Event", "change_external_tag"), ("Id", made["group_id"]), ("TagType", "tag_group")]
    assert events(pushed()) == [[*expected, ("ChangeType", "delete")]]
    assert seen(sim, customer) == []


def test_contact_22_a_deleted_tag_leaves_the_customers_after_the_lag(sim, level, customer):
    """For a while a customer shows a tag that the list no longer has."""
    sim.sim("settings", {"tags": {"deletion_lag_s": 60}})
    mark(sim, customer, add_tag=ids(level))
    assert code(sim, DELETE, group_id=[level["group_id"]]) == 0
    assert (sim.post(LIST, {})["tag_group"], seen(sim, customer)) == ([], ids(level))
    sim.sim("clock", {"advance_s": 61})
    assert seen(sim, customer) == []


def test_contact_22_deleting_tags_of_very_many_customers_does_not_stall(sim):
    """Deleting costs the same however many customers carry the tags."""
    group = sim.post(ADD, {"group_name": "g", "tag": [{"name": str(n)} for n in range(20)]})["tag_group"]
    bulk = {"count": 50_000, "userids": ["LiNa"], "tags": ids(group), "tags_each": 20, "ids": True}
    made = sim.corp("customers/bulk", bulk)["external_userid"]
    began = time.monotonic()
    assert code(sim, DELETE, tag_id=ids(group)) == 0
    assert time.monotonic() - began < 0.2
    for external_userid in (made[0], made[-1]):
        assert sim.get("externalcontact/get", external_userid=external_userid)["follow_user"][0]["tags"] == []


def test_contact_22_people_in_the_console_cause_events_and_the_api_causes_none(sim, pushed, level):
    """One save of a group with tags is several events; a shuffle of the groups has no Id."""

    def told(do, **order):
        """What the act answers, and what its callbacks say after the event's name, sorted."""
        before = len(pushed())
        answer = sim.act(do, **order)
        return answer, sorted([value for _, value in event[1:]] for event in events(pushed()[before:]))

    sim.post(EDIT, {"id": level["group_id"], "name": "Rank"})
    made, got = told("create_tag_group", group_name="City", tags=["North"])
    group_id, north = made["group_id"], made["tag_ids"][0]
    assert got == [[group_id, "tag_group", "create"], [north, "tag", "create"]]
    south, got = told("create_tag", group_id=group_id, name="South")
    assert got == [[south["tag_id"], "tag", "create"]]
    assert told("rename_tag", tag_id=north, name="Nord")[1] == [[north, "tag", "update"]]
    assert told("rename_tag_group", group_id=group_id, name="Town")[1] == [[group_id, "tag_group", "update"]]
    assert told("reorder_tags", group_id=group_id, tag_ids=[south["tag_id"]])[1] == [[group_id, "shuffle"]]
    assert told("reorder_tag_groups", group_ids=[group_id])[1] == [["shuffle"]]
    groups = sim.post(LIST, {})["tag_group"]
    assert [item["group_name"] for item in groups] == ["Town", "Rank"]
    assert [tag["name"] for tag in groups[0]["tag"]] == ["South", "Nord"]
    assert told("delete_tag", tag_id=north)[1] == [[north, "tag", "delete"]]
    sim.act("rename_tag", tag_id=south["tag_id"], name="x", status=200)
    sim.act("create_tag", group_id=group_id, name="x", status=409)


def test_contact_23_marking_is_for_one_pair_and_silent(sim, pushed, level, customer):
    """Tags belong to the pair; setting twice and clearing the absent succeed; nobody is called back."""
    sim.act("add", userid="ZhaoMin", external_userid=customer, silent=True)
    gold, silver = ids(level)
    assert mark(sim, customer, add_tag=[gold, gold]) == 0
    assert mark(sim, customer, add_tag=[gold], remove_tag=[silver]) == 0
    follower = {
        item["userid"]: item["tags"] for item in sim.get("externalcontact/get", external_userid=customer)["follow_user"]
    }
    assert follower["LiNa"] == [{"group_name": "Level", "tag_name": "Gold", "tag_id": gold, "type": 1}]
    assert follower["ZhaoMin"] == []
    assert mark(sim, customer, remove_tag=[gold]) == 0
    assert seen(sim, customer) == []
    assert pushed() == []


def test_contact_23_what_cannot_be_marked_has_its_code(sim, level, customer):
    """40068 unknown tag, 84061 no relation, 40096 unknown customer, 60111 unknown member, 40063 nothing to do."""
    gold, silver = ids(level)
    assert mark(sim, customer, add_tag=["etNone"]) == 40068
    assert mark(sim, customer, userid="Wang", add_tag=[gold]) == 84061
    assert mark(sim, "wmNobody", add_tag=[gold]) == 40096
    assert mark(sim, customer, userid="Ghost", add_tag=[gold]) == 60111
    assert mark(sim, customer) == 40063
    sim.sim("settings", {"tags": {"most_tags_on_a_customer": 1}})
    assert mark(sim, customer, add_tag=[gold, silver]) == 40144
    assert mark(sim, customer, add_tag=[gold]) == 0
    assert mark(sim, customer, add_tag=[silver]) == 40144
    assert mark(sim, customer, add_tag=[silver], remove_tag=[gold]) == 0
    sim.act("member_deletes", userid="LiNa", external_userid=customer)
    assert mark(sim, customer, add_tag=[gold]) == 84061


def test_contact_23_a_customer_who_deleted_the_member_can_still_be_marked(sim, level, customer):
    """The one-way relation remains a relation."""
    sim.act("customer_deletes", userid="LiNa", external_userid=customer)
    assert mark(sim, customer, add_tag=ids(level)) == 0


def test_contact_23_parallel_writes_to_a_pair_are_45035(sim, level, customer):
    """While one call for the pair is under way, another is refused; another pair is free."""
    other = sim.act("add", userid="LiNa")["external_userid"]
    sim.sim("faults", {"path": MARK, "latency_ms": 400})
    codes = []
    first = threading.Thread(target=lambda: codes.append(mark(sim, customer, add_tag=ids(level)[:1])))
    first.start()
    time.sleep(0.15)  # real time: the first call is held on the wire
    second = mark(sim, customer, userid="lina", add_tag=ids(level)[1:])
    sim.sim("faults", {"clear": True})
    assert mark(sim, other, add_tag=ids(level)) == 0
    first.join()
    assert (codes, second) == ([0], 45035)
    assert seen(sim, customer) == ids(level)[:1]
    assert mark(sim, customer, add_tag=ids(level)[1:]) == 0


def test_contact_24_a_tag_is_on_a_customer_before_anybody_told_of_it(sim, pushed, customer):
    """The customer's event may come when the tag's has not; the customer shows name and group at once."""
    made = sim.act("create_tag_group", group_name="Level", tags=["Gold"], silent=True)
    sim.act("edit", userid="LiNa", external_userid=customer, tags=made["tag_ids"])
    assert [dict(event)["ChangeType"] for event in events(pushed())] == ["edit_external_contact"]
    found = sim.get("externalcontact/get", external_userid=customer)["follow_user"][0]["tags"]
    assert [(item["group_name"], item["tag_name"], item["type"]) for item in found] == [("Level", "Gold", 1)]


def rule_group(sim, **more):
    body = {"strategy_name": "North", "admin_list": ["Wang"], "range": [{"type": 1, "userid": "LiNa"}], **more}
    return sim.post("externalcontact/customer_strategy/create", body)


def test_rule_group_tags_are_apart_and_type_three(sim, customer):
    """They are not in the corp list, need their rule group, and mark only members in its range."""
    strategy_id = rule_group(sim)["strategy_id"]
    body = {"strategy_id": strategy_id, "group_name": "Stage", "tag": [{"name": "Lead"}]}
    group = sim.post("externalcontact/add_strategy_tag", body)["tag_group"]
    assert "strategy_id" not in group
    assert sim.post(LIST, {})["tag_group"] == []
    found = sim.post("externalcontact/get_strategy_tag_list", {"strategy_id": strategy_id})["tag_group"]
    assert found == [{**group, "strategy_id": strategy_id}]
    assert mark(sim, customer, add_tag=ids(group)) == 0
    assert sim.get("externalcontact/get", external_userid=customer)["follow_user"][0]["tags"][0]["type"] == 3
    sim.act("add", userid="ZhaoMin", external_userid=customer)
    assert mark(sim, customer, userid="ZhaoMin", add_tag=ids(group)) == 60011
    assert code(sim, EDIT, id=ids(group)[0], name="x") == 40068
    assert code(sim, "externalcontact/edit_strategy_tag", id=ids(group)[0], name="Warm") == 0
    assert code(sim, "externalcontact/del_strategy_tag", group_id=[group["group_id"]]) == 0
    assert sim.post("externalcontact/get_strategy_tag_list", {})["tag_group"] == []


def test_rule_groups_are_a_tree_within_ranges(sim):
    """A child's range lies in its parent's, its privileges are the parent's; the last page has no cursor."""
    parent = rule_group(sim, range=[{"type": 2, "partyid": 2}], privilege={"send_group_msg": False})["strategy_id"]
    assert rule_group(sim, parent_id=parent, range=[{"type": 1, "userid": "Wang"}])["errcode"] == 60030
    child = rule_group(sim, parent_id=parent, range=[{"type": 2, "partyid": 3}])["strategy_id"]
    got = sim.post("externalcontact/customer_strategy/get", {"strategy_id": child})["strategy"]
    assert (got["parent_id"], got["privilege"]["send_group_msg"], got["privilege"]["contact_me"]) == (
        parent,
        False,
        True,
    )
    edit = {
        "strategy_id": child,
        "range_add": [{"type": 1, "userid": "LiNa"}],
        "range_del": [{"type": 2, "partyid": 3}],
    }
    assert code(sim, "externalcontact/customer_strategy/edit", **edit) == 0
    ranged = sim.post("externalcontact/customer_strategy/get_range", {"strategy_id": child})
    assert (ranged["range"], "next_cursor" in ranged) == ([{"type": 1, "userid": "LiNa"}], False)
    first = sim.post("externalcontact/customer_strategy/list", {"limit": 1})
    second = sim.post("externalcontact/customer_strategy/list", {"limit": 1, "cursor": first["next_cursor"]})
    assert (first["strategy"], second["strategy"]) == ([{"strategy_id": parent}], [{"strategy_id": child}])
    assert "next_cursor" not in second
    body = {"strategy_id": child, "group_name": "g", "tag": [{"name": "t"}]}
    assert code(sim, "externalcontact/add_strategy_tag", **body) == 40058
    assert code(sim, "externalcontact/customer_strategy/del", strategy_id=parent) == 0
    assert code(sim, "externalcontact/customer_strategy/get", strategy_id=child) == 60136

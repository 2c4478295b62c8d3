"""Walks page by page: limits, cursors, and rows that move while somebody walks."""

import pytest

CORP = "wwsimtest0001"
BATCH, SERVED = "externalcontact/batch/get_by_user", "externalcontact/contact_list"
OWN = {"name": "Guanxi", "secret": "secret-one", "agent_id": 1000002}
SECOND = {"name": "Second", "secret": "secret-own", "agent_id": 1000007}


def tune(sim, **numbers):
    sim.sim("settings", {"customers": numbers})


def fill(sim, count, *userids, **more):
    order = {"count": count, "userids": list(userids) or ["LiNa"], "ids": True, "seed": 7, **more}
    return sim.corp("customers/bulk", order)["external_userid"]


def page(sim, *userids, **more):
    return sim.post(BATCH, {"userid_list": list(userids) or ["LiNa"], **more})


def ids_of(answer):
    return [row["external_contact"]["external_userid"] for row in answer["external_contact_list"]]


def walk(sim, *userids, cursor="", **more):
    """All pages of one walk, or those from a cursor on."""
    pages = [page(sim, *userids, cursor=cursor, **more)]
    while pages[-1]["next_cursor"]:
        pages.append(page(sim, *userids, cursor=pages[-1]["next_cursor"], **more))
    return pages


def met(pages):
    return [external_userid for item in pages for external_userid in ids_of(item)]


# Item 7: limits.


def test_contact_07_batch_has_50_rows_and_clamps_to_100(sim):
    """No limit is 50, more than 100 is 100, and the last cursor is empty."""
    fill(sim, 120)
    assert [len(ids_of(item)) for item in walk(sim)] == [50, 50, 20]
    assert [len(ids_of(item)) for item in walk(sim, limit=1000)] == [100, 20]
    assert [len(ids_of(item)) for item in walk(sim, limit=60)] == [60, 60]
    assert walk(sim, limit=60)[-1]["next_cursor"] == ""


@pytest.mark.parametrize("wrong", [{"limit": "many"}, {"limit": -1}])
def test_contact_07_a_limit_that_is_no_number_is_refused(sim, wrong):
    """A limit that is text or negative is 40058."""
    fill(sim, 2)
    assert page(sim, **wrong)["errcode"] == 40058


def test_contact_07_lists_without_paging_come_at_once(sim):
    """list has no pages, whatever its length."""
    made = fill(sim, 1500)
    assert sorted(sim.get("externalcontact/list", userid="LiNa")["external_userid"]) == sorted(made)


def test_contact_07_contact_list_has_1000_rows(sim):
    """Its default is 1000; the largest page is not published and a setting."""
    fill(sim, 1100)
    first = sim.post(SERVED, {})
    rest = sim.post(SERVED, {"cursor": first["next_cursor"]})
    assert (len(first["info_list"]), len(rest["info_list"]), rest["next_cursor"]) == (1000, 100, "")
    tune(sim, contact_list_most=10)
    assert len(sim.post(SERVED, {"limit": 500})["info_list"]) == 10


# Item 8: cursors.


def test_contact_08_a_cursor_belongs_to_its_endpoint_filter_and_app(sim):
    """Garbage, another filter, another endpoint and another app are 50100; a new token may go on."""
    fill(sim, 3)
    sim.sim("corps", {"corp_id": CORP, "apps": [OWN, SECOND]})
    cursor = page(sim, limit=1)["next_cursor"]
    assert page(sim, cursor="garbage")["errcode"] == 50100
    assert page(sim, cursor=cursor[:-2])["errcode"] == 50100
    assert page(sim, "LiNa", "Wang", cursor=cursor)["errcode"] == 50100
    assert sim.post(SERVED, {"cursor": cursor})["errcode"] == 50100
    served = sim.post(SERVED, {"limit": 1})["next_cursor"]
    assert sim.post("externalcontact/get_unassigned_list", {"cursor": served})["errcode"] == 50100
    sim.sign_in(secret="secret-own")
    assert page(sim, cursor=cursor)["errcode"] == 50100
    sim.sim("tokens/revoke", {})
    sim.sign_in()
    assert len(ids_of(page(sim, cursor=cursor))) == 2


def test_contact_08_the_order_and_case_of_the_userids_do_not_matter(sim):
    """The filter is the set of members."""
    fill(sim, 6, "LiNa", "Wang")
    cursor = page(sim, "LiNa", "Wang", limit=1)["next_cursor"]
    assert len(ids_of(page(sim, "wang", "LiNa", cursor=cursor))) == 5


def test_contact_08_a_cursor_dies(sim):
    """How long it lives is not published and a setting."""
    fill(sim, 3)
    tune(sim, cursor_life_s=600.0)
    cursor = page(sim, limit=1)["next_cursor"]
    sim.sim("clock", {"advance_s": 590})
    assert page(sim, cursor=cursor)["errcode"] == 0
    sim.sim("clock", {"advance_s": 20})
    assert page(sim, cursor=cursor)["errcode"] == 50100


def test_contact_08_contact_list_lives_four_hours(sim):
    """Four hours after its first page a walk is over, however young its last cursor is."""
    fill(sim, 5)
    cursor = sim.post(SERVED, {"limit": 1})["next_cursor"]
    sim.sim("clock", {"advance_s": 3 * 3600})
    sim.sign_in()
    cursor = sim.post(SERVED, {"limit": 1, "cursor": cursor})["next_cursor"]
    assert cursor
    sim.sim("clock", {"advance_s": 3601})
    sim.sign_in()
    assert sim.post(SERVED, {"limit": 1, "cursor": cursor})["errcode"] == 50100


def test_contact_08_temporary_ids_are_of_one_walk(sim):
    """Within a walk a contact has one id, whoever follows; a new first page renews all."""
    made = fill(sim, 3, "LiNa", "Wang", followers_each=2)

    def served():
        first = sim.post(SERVED, {"limit": 4})
        return first["info_list"] + sim.post(SERVED, {"cursor": first["next_cursor"]})["info_list"]

    rows, again = served(), served()
    assert len(rows) == 6
    assert len({(row["external_userid"], row["tmp_openid"]) for row in rows}) == 3
    assert {row["external_userid"] for row in rows} == set(made)
    assert not {row["tmp_openid"] for row in rows} & {row["tmp_openid"] for row in again}


def test_contact_08_contact_list_masks_who_is_no_customer(sim):
    """A contact of a member without the function has a masked name and no id."""
    sim.act("add", userid="LiNa", name="Blue Whale", at=1_760_000_000)
    sim.act("function_off", userid="LiNa")
    row = sim.post(SERVED, {})["info_list"][0]
    assert row.pop("tmp_openid")
    assert row == {"is_customer": False, "name": "***e", "follow_userid": "LiNa", "add_time": 1_760_000_000}


def test_contact_08_contact_list_names_group_chats(sim):
    """One row per follower and one per group; a stranger in a group is masked; a provider may not ask at all."""
    known = sim.act("add", userid="LiNa", name="Blue Whale", at=1_760_000_000)["external_userid"]
    chat = {"owner": "LiNa", "members": [known, {"name": "Grey Seal"}], "at": 1_760_000_060}
    chat_id = sim.act("create_chat", **chat)["chat_id"]
    sim.sim("clock", {"advance_s": 60})
    sim.act("create_chat", owner="Wang", name="Friends of Harbor", members=[known], at=1_760_000_090)
    sim.act("function_off", userid="Wang")
    sim.sim("clock", {"advance_s": 60})
    pages = [sim.post(SERVED, {"limit": 1})]
    while pages[-1]["next_cursor"]:
        pages.append(sim.post(SERVED, {"limit": 1, "cursor": pages[-1]["next_cursor"]}))
    rows = [row for item in pages for row in item["info_list"]]
    assert len({row.pop("tmp_openid") for row in rows}) == 2
    customer = {"is_customer": True, "external_userid": known}
    stranger = {"is_customer": False, "name": "***l", "chat_id": chat_id, "add_time": 1_760_000_060}
    elsewhere = {"follow_userid": "Wang", "chat_name": "Friends of Harbor", "add_time": 1_760_000_090}
    assert sorted(rows, key=str) == sorted(
        [
            {**customer, "follow_userid": "LiNa", "add_time": 1_760_000_000},
            {**customer, "chat_id": chat_id, "add_time": 1_760_000_060},
            stranger,
            {**customer, **elsewhere},
        ],
        key=str,
    )
    provider = {"name": "P", "secret": "secret-p", "agent_id": 1000009, "kind": "suite", "delegated": True}
    sim.sim("corps", {"corp_id": CORP, "apps": [provider]})
    sim.sign_in(secret="secret-p")
    assert sim.post(SERVED, {})["errcode"] == 48002


# Item 9: rows that move.


def disturbed(sim):
    """Walk 40 rows; after the first page delete, add and edit; what was met, and what was done."""
    made = fill(sim, 40)
    first = page(sim, limit=10)
    ahead = [item for item in made if item not in ids_of(first)]
    sim.act("member_deletes", userid="LiNa", external_userid=ahead[0])
    added = fill(sim, 40, seed=8)
    rest = walk(sim, limit=10, cursor=first["next_cursor"])
    return made, ahead[0], added, met([first, *rest])


def test_contact_09_a_snapshot_does_not_see_what_happens_meanwhile(sim):
    """Every row of the beginning is met once, also a deleted one, and none that was added."""
    tune(sim, walk="snapshot")
    made, _deleted, _added, found = disturbed(sim)
    assert sorted(found) == sorted(made)


def test_contact_09_a_live_walk_misses_what_is_added_behind_and_what_is_deleted_ahead(sim):
    """The rows of the beginning but the deleted one are met once; of the added ones some are met, some missed."""
    tune(sim, walk="live", seed=3)
    made, deleted, added, found = disturbed(sim)
    assert len(set(found)) == len(found)
    assert set(made) - set(found) == {deleted}
    assert set() < set(added) & set(found) < set(added)


def test_contact_09_an_edit_moves_a_row_only_when_walks_reorder(sim):
    """By default an edited row can come twice or be missed; in a live walk it keeps its place."""

    def met_while_editing(mode):
        sim.sim("reset", {})
        sim.sim("corps", {"corp_id": CORP, "apps": [OWN]})
        sim.corp("members", [{"userid": "LiNa"}])
        sim.sign_in()
        tune(sim, **({"walk": mode} if mode else {}), seed=5)
        made = fill(sim, 60)
        first = page(sim, limit=30)
        for external_userid in made:
            order = {"userid": "LiNa", "external_userid": external_userid, "remark": "VIP"}
            assert sim.post("externalcontact/remark", order)["errcode"] == 0
        return made, ids_of(first) + met(walk(sim, cursor=first["next_cursor"]))

    made, found = met_while_editing("live")
    assert sorted(found) == sorted(made)
    made, found = met_while_editing("")
    assert len(found) > len(set(found))
    assert set(made) - set(found)


def test_contact_09_a_walk_over_rows_at_rest_meets_each_once(sim):
    """In every mode, over several members, also one without the function."""
    made = fill(sim, 90, "LiNa", "Wang", "ZhaoMin", followers_each=2)
    sim.act("function_off", userid="ZhaoMin")
    for mode in ("snapshot", "live", "reorder"):
        tune(sim, walk=mode)
        pages = walk(sim, "LiNa", "Wang", "ZhaoMin", limit=7)
        pairs = [
            (row["follow_info"]["userid"], row["external_contact"]["external_userid"])
            for item in pages
            for row in item["external_contact_list"]
        ]
        assert len(pairs) == len(set(pairs)) == 120
        assert {external_userid for _, external_userid in pairs} == set(made)


def test_contact_09_an_unknown_mode_is_refused(sim):
    """The setting is snapshot, live or reorder."""
    sim.sim("settings", {"customers": {"walk": "sorted"}}, status=400)


# Items 10 and 11: short and empty pages; the order.


def test_contact_10_pages_may_be_short_and_the_last_one_empty(sim):
    """With the settings, a page has fewer rows than asked before the end, and the last cursor leads to nothing."""
    made = fill(sim, 100)
    tune(sim, seed=4, short_page=0.5, empty_last_page=1.0)
    pages = walk(sim, limit=10)
    sizes = [len(ids_of(item)) for item in pages]
    assert sizes[-1] == 0
    assert min(sizes[:-1]) < 10
    assert all(item["next_cursor"] for item in pages[:-1])
    assert sorted(met(pages)) == sorted(made)


def test_contact_11_two_walks_have_two_orders(sim):
    """Neither is that of adding; the same seed brings the same orders."""
    made = fill(sim, 50)
    tune(sim, seed=9)
    first, second = met(walk(sim)), met(walk(sim))
    assert sorted(first) == sorted(second) == sorted(made)
    assert first != second
    assert made not in (first, second)

"""Members and departments."""


def test_a_member_has_parallel_lists_and_no_personal_fields(sim):
    """department and is_leader_in_dept run in parallel; mobile, email, avatar and gender are not given."""
    found = sim.get("user/get", userid="lina")
    assert (found["userid"], found["name"], found["department"]) == ("LiNa", "李娜", [2, 3])
    assert (found["is_leader_in_dept"], found["main_department"]) == ([1, 0], 2)
    assert (found["direct_leader"], found["status"]) == (["Wang"], 1)
    assert not found.keys() & {"mobile", "email", "avatar", "gender"}


def test_members_are_listed_by_department_without_its_children(sim):
    """user/simplelist and user/list give one department only."""
    names = [item["userid"] for item in sim.get("user/simplelist", department_id=3)["userlist"]]
    assert names == ["LiNa", "ZhaoMin"]
    assert [item["status"] for item in sim.get("user/list", department_id=2)["userlist"]] == [1]


def test_departments_come_as_a_tree_with_larger_order_first(sim):
    """The root is 1; an id narrows to that department and what is below it."""
    assert [item["id"] for item in sim.get("department/list")["department"]] == [1, 3, 2]
    assert [item["id"] for item in sim.get("department/simplelist", id=2)["department_id"]] == [3, 2]
    assert sim.get("department/get", id=3)["department"]["parentid"] == 2


def test_unknown_ids_have_their_codes(sim):
    """60111 for a member, 60123 for a department, 40063 for nothing."""
    assert sim.get("user/get", userid="nobody")["errcode"] == 60111
    assert sim.get("department/get", id=99)["errcode"] == 60123
    assert sim.get("user/simplelist")["errcode"] == 40063


def test_a_member_who_resigned_is_gone(sim):
    """Nobody finds a member who left."""
    sim.act("resign", userid="Wang")
    assert sim.get("user/get", userid="Wang")["errcode"] == 60111
    assert "Wang" not in sim.get("externalcontact/get_follow_user_list")["follow_user"]

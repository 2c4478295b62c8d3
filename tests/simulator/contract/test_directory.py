"""Departments and members as each secret sees them, and the callbacks of the address book."""

import pytest

CORP, SECRET, SYNC = "wwsimtest0001", "secret-one", "secret-sync"
NARROW, OLD, SYSTEM = "secret-narrow", "secret-old", "secret-system"
PERSONAL = {
    "mobile": "13900000001",
    "gender": "2",
    "email": "lina@example.com",
    "biz_mail": "lina@corp.example.com",
    "avatar": "https://img.example.com/a/0",
    "qr_code": "https://img.example.com/q/0",
    "address": "示例市",
}
APPS = [
    {"name": "Guanxi", "secret": SECRET, "agent_id": 1000002},
    {"name": "Sync", "secret": SYNC, "agent_id": 0, "kind": "directory"},
    {"name": "Narrow", "secret": NARROW, "agent_id": 1000005, "visible": ["Wang"], "visible_departments": [3]},
    {"name": "Old", "secret": OLD, "agent_id": 1000006, "sees_personal_data": True},
    {"name": "System", "secret": SYSTEM, "agent_id": 1000007, "kind": "system", "sees_personal_data": True},
]
TOKEN, AES_KEY = "QDG6eK", "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"


@pytest.fixture
def directory(sim):
    """The corp with a secret of each kind; LiNa (2, 3), ZhaoMin (3) and Wang (1) work in it."""
    sim.sim("corps", {"corp_id": CORP, "apps": APPS})
    return sim


@pytest.fixture
def told(directory, inbox):
    """Read what the contact-sync assistant was told; by default its address is a new one."""

    def read(do, *, full=False, **order):
        address = {"url": inbox.url, "token": TOKEN, "encoding_aes_key": AES_KEY, "style": "directory"}
        directory.sim("corps", {"corp_id": CORP, "apps": APPS, "receivers": [{**address, "full_events": full}]})
        directory.act(do, **order)
        assert directory.sim("callbacks/flush", {})["flushed"]
        return [text.partition("<Event><![CDATA[change_contact]]></Event>")[2] for text in inbox.plaintexts()]

    return read


def rows(sim, *, limit):
    """All pages of user/list_id."""
    found, cursor = [], ""
    while True:
        page = sim.post("user/list_id", {"cursor": cursor, "limit": limit})
        assert page["errcode"] == 0
        found.append([(row["userid"], row["department"]) for row in page["dept_user"]])
        cursor = page["next_cursor"]
        if not cursor:
            return found


def test_platform_08_there_is_a_row_for_each_member_and_department(directory):
    """A page may end between two departments of a member; the last page has an empty next_cursor."""
    directory.sign_in(secret=SYNC)
    everyone = [("LiNa", 2), ("LiNa", 3), ("Wang", 1), ("ZhaoMin", 3)]
    assert rows(directory, limit=10_000) == [everyone]
    assert rows(directory, limit=1) == [[row] for row in everyone]
    assert directory.post("user/list_id", {})["next_cursor"] == ""


def test_platform_08_limit_and_cursor_are_checked(directory):
    """1 to 10000 rows; a cursor that was made up is 50100."""
    directory.sign_in(secret=SYNC)
    for limit in (0, 10_001, -1):
        assert directory.post("user/list_id", {"limit": limit})["errcode"] == 40058
    answer = directory.post("user/list_id", {"cursor": "made-up", "limit": 10})
    assert (answer["errcode"], answer["dept_user"]) == (50100, [])


def test_platform_08_a_walk_goes_on_when_a_member_leaves_meanwhile(directory):
    """The cursor names a place, not a number of rows."""
    directory.sign_in(secret=SYNC)
    first = directory.post("user/list_id", {"limit": 3})
    directory.act("resign", userid="LiNa")
    second = directory.post("user/list_id", {"limit": 3, "cursor": first["next_cursor"]})
    assert second["dept_user"] == [{"userid": "ZhaoMin", "department": 3}]


@pytest.mark.parametrize("secret", [SECRET, OLD, SYSTEM])
def test_platform_08_only_the_contact_sync_secret_lists_ids(directory, secret):
    """Every other secret gets 48002."""
    directory.sign_in(secret=secret)
    assert directory.post("user/list_id", {"limit": 10})["errcode"] == 48002


def test_platform_09_the_three_reads_have_their_shapes(directory):
    """list gives full rows, simplelist ids and places, get one object; the root's parent is 0; larger order first."""
    assert directory.get("department/list", id=2)["department"] == [
        {"id": 3, "name": "一组", "name_en": "", "department_leader": [], "parentid": 2, "order": 5},
        {"id": 2, "name": "门店", "name_en": "", "department_leader": [], "parentid": 1, "order": 0},
    ]
    assert directory.get("department/simplelist")["department_id"] == [
        {"id": 1, "parentid": 0, "order": 100000000},
        {"id": 3, "parentid": 2, "order": 5},
        {"id": 2, "parentid": 1, "order": 0},
    ]
    assert directory.get("department/get", id=3)["department"]["id"] == 3


def test_platform_09_an_app_gets_the_departments_of_its_visible_range(directory):
    """With all below them and without their parents: the tree has a hole; members named bring no department."""
    directory.corp("departments", [{"id": 4, "name": "夜班", "parentid": 3}])
    directory.sign_in(secret=NARROW)
    assert [(item["id"], item["parentid"]) for item in directory.get("department/list")["department"]] == [
        (3, 2),
        (4, 3),
    ]
    assert [item["id"] for item in directory.get("department/simplelist")["department_id"]] == [3, 4]
    for read, key in (("department/get", "id"), ("department/list", "id"), ("user/list", "department_id")):
        assert directory.get(read, **{key: 2})["errcode"] == 60011
    assert directory.get("department/get")["errcode"] == 40063
    assert directory.get("department/get", id=99)["errcode"] == 60123


def test_platform_09_the_contact_sync_secret_sees_all_departments(directory):
    """Ids at least, wherever it calls from."""
    directory.sign_in(secret=SYNC)
    assert len(directory.get("department/simplelist")["department_id"]) == 3


def test_platform_09_leaders_out_of_sight_are_left_out(directory):
    """department_leader lists leaders that the app sees."""
    directory.corp("departments", [{"id": 3, "parentid": 2, "department_leader": ["ZhaoMin", "Boss"]}])
    directory.corp("members", [{"userid": "Boss", "department": [2]}])
    assert directory.get("department/get", id=3)["department"]["department_leader"] == ["ZhaoMin", "Boss"]
    directory.sign_in(secret=NARROW)
    assert directory.get("department/get", id=3)["department"]["department_leader"] == ["ZhaoMin"]


def test_platform_10_a_member_is_seen_by_name_or_by_department(directory):
    """And only departments that the app sees are given; department, order and is_leader_in_dept stay parallel."""
    directory.corp("members", [{"userid": "LiNa", "order": [7, 8]}])
    whole = directory.get("user/get", userid="LiNa")
    assert (whole["department"], whole["order"], whole["is_leader_in_dept"]) == ([2, 3], [7, 8], [1, 0])
    directory.sign_in(secret=NARROW)
    part = directory.get("user/get", userid="LiNa")
    assert (part["department"], part["order"], part["is_leader_in_dept"]) == ([3], [8], [0])
    assert directory.get("user/get", userid="Wang")["department"] == []
    directory.corp("members", [{"userid": "Boss", "department": [2]}])
    assert directory.get("user/get", userid="Boss")["errcode"] == 60111


@pytest.mark.parametrize("secret", [SECRET, SYSTEM])
def test_platform_10_personal_fields_are_gone_since_2022(directory, secret):
    """New apps and system apps get neither of the seven; the name stays."""
    directory.corp("members", [{"userid": "LiNa", **PERSONAL, "alias": "Nina", "telephone": "010-1"}])
    directory.sign_in(secret=secret)
    for found in (
        directory.get("user/get", userid="LiNa"),
        directory.get("user/list", department_id=2)["userlist"][0],
    ):
        assert not found.keys() & PERSONAL.keys()
        assert (found["name"], found["alias"], found["telephone"]) == ("李娜", "Nina", "010-1")


@pytest.mark.parametrize("secret", [OLD, SYNC])
def test_platform_10_older_apps_and_contact_sync_still_get_them(directory, secret):
    """A field that nobody filled in is missing, not empty."""
    directory.corp("members", [{"userid": "LiNa", **PERSONAL}])
    directory.sign_in(secret=secret)
    found = directory.get("user/get", userid="LiNa")
    assert {key: found[key] for key in PERSONAL} == PERSONAL
    assert not directory.get("user/get", userid="Wang").keys() & PERSONAL.keys()


def test_platform_10_the_contact_sync_secret_reads_no_details_from_a_new_address(directory):
    """48009 since 2022-08-15; ids go on."""
    apps = [{**app, "new_ips": ["*"]} if app["secret"] == SYNC else app for app in APPS]
    directory.sim("corps", {"corp_id": CORP, "apps": apps})
    directory.sign_in(secret=SYNC)
    assert directory.get("user/get", userid="LiNa")["errcode"] == 48009
    assert directory.get("user/list", department_id=2)["errcode"] == 48009
    assert directory.get("department/list")["errcode"] == 48009
    assert directory.post("user/list_id", {})["errcode"] == 0
    assert directory.get("department/simplelist")["errcode"] == 0


@pytest.mark.parametrize("status", [1, 2, 4, 5])
def test_platform_10_every_status_is_given(directory, status):
    """1 active, 2 disabled, 4 not activated, 5 left; who resigned for good is 60111 like a stranger."""
    directory.corp("members", [{"userid": "LiNa", "status": status}])
    assert directory.get("user/get", userid="lina")["status"] == status
    directory.act("resign", userid="LiNa")
    assert directory.get("user/get", userid="LiNa")["errcode"] == 60111
    assert directory.get("user/get", userid="nobody")["errcode"] == 60111


def test_platform_10_a_simple_list_has_three_fields(directory):
    """userid, name and the departments."""
    found = directory.get("user/simplelist", department_id=3)["userlist"]
    assert found[1] == {"userid": "ZhaoMin", "name": "赵敏", "department": [3]}


def test_platform_10_members_are_found_by_mobile_and_email(directory):
    """email_type 1 is the corp's address, 2 the member's own; nobody is 46004."""
    directory.corp("members", [{"userid": "LiNa", **PERSONAL}])
    assert directory.post("user/getuserid", {"mobile": PERSONAL["mobile"]})["userid"] == "LiNa"
    assert directory.post("user/getuserid", {"mobile": "13800000000"})["errcode"] == 46004
    assert directory.post("user/getuserid", {})["errcode"] == 40063
    corp_mail = {"email": PERSONAL["biz_mail"]}
    assert directory.post("user/get_userid_by_email", corp_mail)["userid"] == "LiNa"
    assert directory.post("user/get_userid_by_email", {**corp_mail, "email_type": 2})["errcode"] == 46004
    own = {"email": PERSONAL["email"], "email_type": 2}
    assert directory.post("user/get_userid_by_email", own)["userid"] == "LiNa"


def test_platform_10_a_member_has_an_openid_and_back(directory):
    """Who was never activated has none: 43004; an unknown openid is 40073."""
    openid = directory.post("user/convert_to_openid", {"userid": "lina"})["openid"]
    assert directory.post("user/convert_to_userid", {"openid": openid})["userid"] == "LiNa"
    assert directory.post("user/convert_to_userid", {"openid": "o-nobody"})["errcode"] == 40073
    directory.corp("members", [{"userid": "Wang", "status": 4}])
    assert directory.post("user/convert_to_openid", {"userid": "Wang"})["errcode"] == 43004


def test_platform_10_a_provider_has_ids_of_its_own(directory):
    """The corp's app turns them back for members whom both apps see; anything else is listed as invalid."""
    suite = {"secret": "suite", "agent_id": 9, "kind": "suite", "suite_id": "ww2b9d", "visible": ["LiNa", "Wang"]}
    own = {**APPS[0], "visible": ["LiNa", "ZhaoMin"]}
    directory.sim("corps", {"corp_id": CORP, "apps": [{**suite, "delegated": True}, own]})
    directory.sign_in(secret="suite")
    found = directory.post("batch/userid_to_openuserid", {"userid_list": ["LiNa", "Wang", "ZhaoMin"]})
    opened = {item["userid"]: item["open_userid"] for item in found["open_userid_list"]}
    assert (opened.keys(), found["invalid_userid_list"]) == ({"LiNa", "Wang"}, ["ZhaoMin"])
    back = {"open_userid_list": [*opened.values(), "LiNa"], "source_agentid": 9}
    assert directory.post("batch/openuserid_to_userid", back)["errcode"] == 48002
    directory.sign_in()
    found = directory.post("batch/openuserid_to_userid", back)
    assert found["userid_list"] == [{"open_userid": opened["LiNa"], "userid": "LiNa"}]
    assert found["invalid_open_userid_list"] == [opened["Wang"], "LiNa"]
    assert directory.post("batch/openuserid_to_userid", {**back, "source_agentid": 77})["errcode"] == 40056
    too_many = {**back, "open_userid_list": ["x"] * 1001}
    assert directory.post("batch/openuserid_to_userid", too_many)["errcode"] == 40032
    assert directory.post("batch/userid_to_openuserid", {"userid_list": ["LiNa"]})["errcode"] == 48002


def test_platform_10_the_addresses_of_wecom_are_listed(directory):
    """Callbacks come from this machine; the list is a setting."""
    assert directory.get("getcallbackip")["ip_list"] == ["127.0.0.1"]
    directory.sim("settings", {"address_book": {"api_ips": ["101.226.0.1"]}})
    assert directory.get("get_api_domain_ip")["ip_list"] == ["101.226.0.1"]


def test_platform_10_a_new_member_is_told_by_ids_only(told):
    """Since 2022-08-15 create_user has UserID and Department."""
    assert told("create_user", userid="Sun", name="孙磊", department=[2, 3]) == [
        "<ChangeType>create_user</ChangeType><UserID><![CDATA[Sun]]></UserID>"
        "<Department><![CDATA[2,3]]></Department></xml>"
    ]


def test_platform_10_an_older_address_is_told_everything(told):
    """Numbers and the mobile stand bare, texts in CDATA, what is empty is left out."""
    attrs = [
        {"type": 0, "name": "工号", "text": {"value": "A-1"}},
        {"type": 1, "name": "主页", "web": {"title": "示例", "url": "https://example.com"}},
    ]
    details = {"mobile": "139", "gender": "2", "alias": "Nina", "extattr": {"attrs": attrs}}
    event = told("create_user", full=True, userid="Sun", name="孙磊", department=[2], is_leader_in_dept=[1], **details)
    assert event == [
        "<ChangeType>create_user</ChangeType><UserID><![CDATA[Sun]]></UserID><Name><![CDATA[孙磊]]></Name>"
        "<Department><![CDATA[2]]></Department><MainDepartment>2</MainDepartment>"
        "<IsLeaderInDept><![CDATA[1]]></IsLeaderInDept><Mobile>139</Mobile><Gender>2</Gender><Status>1</Status>"
        "<Alias><![CDATA[Nina]]></Alias><ExtAttr><Item><Name><![CDATA[工号]]></Name><Type>0</Type>"
        "<Text><Value><![CDATA[A-1]]></Value></Text></Item><Item><Name><![CDATA[主页]]></Name><Type>1</Type>"
        "<Web><Title><![CDATA[示例]]></Title><Url><![CDATA[https://example.com]]></Url></Web></Item></ExtAttr></xml>"
    ]


def test_platform_10_updates_are_told_when_they_move_somebody(told, directory):
    """A new name says nothing; a new department or userid does. An older address gets what changed."""
    assert told("update_user", userid="LiNa", name="李娜娜") == []
    assert directory.get("user/get", userid="LiNa")["name"] == "李娜娜"
    moved = (
        "<ChangeType>update_user</ChangeType><UserID><![CDATA[LiNa]]></UserID><Department><![CDATA[2]]></Department>"
    )
    assert told("update_user", userid="LiNa", department=[2]) == [moved + "</xml>"]
    assert told("update_user", full=True, userid="LiNa", position="店长")[1:] == [
        "<ChangeType>update_user</ChangeType><UserID><![CDATA[LiNa]]></UserID>"
        "<Position><![CDATA[店长]]></Position></xml>"
    ]


def test_platform_10_a_userid_changes_once_and_everything_moves(told, directory):
    """NewUserID says so; relations, tags and leaders are found under the new userid."""
    customer = directory.act("add", userid="Wang", silent=True)["external_userid"]
    tag = directory.post("tag/create", {"tagname": "早班"})["tagid"]
    directory.post("tag/addtagusers", {"tagid": tag, "userlist": ["Wang"]})
    assert told("update_user", userid="Wang", new_userid="wang.wei") == [
        "<ChangeType>update_user</ChangeType><UserID><![CDATA[Wang]]></UserID>"
        "<NewUserID><![CDATA[wang.wei]]></NewUserID></xml>"
    ]
    directory.sign_in()
    assert directory.get("user/get", userid="Wang")["errcode"] == 60111
    assert directory.get("externalcontact/list", userid="wang.wei")["external_userid"] == [customer]
    assert directory.get("user/get", userid="LiNa")["direct_leader"] == ["wang.wei"]
    assert directory.get("tag/get", tagid=tag)["userlist"][0]["userid"] == "wang.wei"
    directory.act("update_user", userid="wang.wei", new_userid="other", status=409)


def test_platform_09_departments_are_told_by_id_and_parent(told, directory):
    """create_party and update_party have Id and ParentId, and only a new parent is an update; delete_party has Id."""
    head = "<ChangeType>create_party</ChangeType><Id>4</Id>"
    assert told("create_party", name="夜班", parentid=2) == [f"{head}<ParentId><![CDATA[2]]></ParentId></xml>"]
    assert told("update_party", id=4, name="晚班")[1:] == []
    assert directory.get("department/get", id=4)["department"]["name"] == "晚班"
    assert told("update_party", id=4, parentid=3)[1:] == [
        "<ChangeType>update_party</ChangeType><Id>4</Id><ParentId><![CDATA[3]]></ParentId></xml>"
    ]
    assert told("delete_party", id=4)[2:] == ["<ChangeType>delete_party</ChangeType><Id>4</Id></xml>"]


def test_platform_09_an_older_address_gets_names_of_departments(told):
    """Id and Order stand bare."""
    assert told("create_party", full=True, name="夜班", order=9) == [
        "<ChangeType>create_party</ChangeType><Id>4</Id><Name><![CDATA[夜班]]></Name>"
        "<ParentId><![CDATA[1]]></ParentId><Order>9</Order></xml>"
    ]


@pytest.mark.parametrize(
    "order",
    [
        {"do": "delete_party", "id": 1},
        {"do": "delete_party", "id": 2},
        {"do": "delete_party", "id": 3},
        {"do": "create_party", "name": "一组", "parentid": 2},
        {"do": "create_party", "name": "坏:名"},
        {"do": "create_party", "name": "好", "parentid": 77},
        {"do": "update_party", "id": 2, "parentid": 3},
        {"do": "create_user", "userid": "lina"},
        {"do": "create_user", "userid": "坏"},
        {"do": "create_user", "userid": "Sun", "department": [77]},
        {"do": "update_user", "userid": "nobody", "name": "x"},
    ],
)
def test_platform_09_what_the_console_refuses_changes_nothing(directory, order):
    """Full departments, the root, circles, taken names, unknown departments."""
    before = directory.get("department/list")["department"], directory.get("user/list", department_id=3)["userlist"]
    directory.corp("act", order, status=409)
    assert before == (
        directory.get("department/list")["department"],
        directory.get("user/list", department_id=3)["userlist"],
    )
    assert directory.get("user/get", userid="Sun")["errcode"] == 60111

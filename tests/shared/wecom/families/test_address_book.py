"""Departments and members, ids of members, and WeCom's own addresses."""

import pytest

from shared.ids import UserId
from shared.wecom.client import WeComClient
from shared.wecom.errors import UnreachableError
from shared.wecom.payloads.directory import DepartmentNode, MemberPlace
from tests.shared.wecom.conftest import Sim
from tests.shared.wecom.samples import answered

LINA = UserId("LiNa")


@pytest.fixture
def shop(sim: Sim) -> None:
    sim.corp("departments", [{"id": 2, "name": "门店", "order": 5}, {"id": 3, "name": "一店", "parentid": 2}])
    details = {"department": [2, 3], "is_leader_in_dept": [1, 0], "mobile": "13900000001", "biz_mail": "lina@a.example"}
    sim.corp("members", [{"userid": "LiNa", "name": "李娜", **details}])


def test_the_tree_and_who_is_in_it(shop: None, client: WeComClient):
    """Of one department, not of those below it."""
    book = client.address_book
    assert {(one.id, one.name) for one in book.departments() if one.id != 1} == {(2, "门店"), (3, "一店")}
    assert {(one.id, one.parent_id) for one in book.department_ids(below=2)} == {(2, 1), (3, 2)}
    assert [(one.userid, one.name, one.departments) for one in book.names_in(2)] == [("LiNa", "李娜", (2, 3))]
    (member,) = book.members_in(3)
    assert (member.userid, member.departments, member.leader_in) == ("LiNa", (2, 3), (2,))


def test_members_are_found_by_what_is_known_of_them(sim: Sim, shop: None, client: WeComClient):
    """By mobile, by e-mail, and there and back by openid."""
    book = client.address_book
    assert book.userid_of_mobile("13900000001") == "LiNa"
    assert book.userid_of_email("lina@a.example") == "LiNa"
    assert book.userid_of_openid(book.openid_of(LINA)) == "LiNa"


def test_all_places_are_walked(client: WeComClient):
    """One row per member and department, over pages; the cursor of the first is empty."""
    pages = [
        {"errcode": 0, "dept_user": [{"userid": "LiNa", "department": 1}], "next_cursor": "c"},
        {"errcode": 0, "dept_user": [{"userid": "LiNa", "department": 2}, {"department": 3}]},
    ]
    with answered("user/list_id", *pages) as asked:
        assert list(client.address_book.every_place()) == [MemberPlace(LINA, 1), MemberPlace(LINA, 2)]
    assert asked.bodies == [b'{"cursor":"","limit":10000}', b'{"cursor":"c","limit":10000}']
    with pytest.raises(ValueError, match="user/list_id: limit is 0"):
        client.address_book.places(limit=0)


def test_a_member_of_a_newer_app_has_few_fields(client: WeComClient):
    """What is missing is unknown, not empty."""
    with answered("user/get", {"errcode": 0, "name": "李娜"}):
        member = client.address_book.member(LINA)
    assert (member.userid, member.name, member.mobile, member.departments) == ("LiNa", "李娜", None, None)
    with answered("department/simplelist", {"department_id": [{"id": 2}, {"parentid": 1}]}) as asked:
        assert client.address_book.department_ids(below=2) == (DepartmentNode(2, None, None),)
    assert asked.queries == [{"id": "2"}]


def test_an_answer_that_says_nothing_is_no_member(client: WeComClient):
    """Taken for one, it would say that somebody who left is there (G2)."""
    with answered("user/get", {"errcode": 0, "errmsg": "ok"}), pytest.raises(UnreachableError, match="without Member"):
        client.address_book.member(LINA)


def test_wecoms_addresses(client: WeComClient):
    """Of callbacks and of the API."""
    with answered("getcallbackip", {"errcode": 0, "ip_list": ["192.0.2.1", "192.0.2.128/25"]}):
        assert client.addresses.callbacks() == ("192.0.2.1", "192.0.2.128/25")
    with answered("get_api_domain_ip", {"errcode": 0}):
        assert client.addresses.api() == ()


def test_wecoms_addresses_from_the_simulator(client: WeComClient):
    """Both calls need nothing but a token."""
    assert client.addresses.callbacks()
    assert client.addresses.api()

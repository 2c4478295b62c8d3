"""Associates for pickers, and customers by part of an associate's name (CUS-2)."""

import pytest

from shared.db.engine import run
from shared.scope import DataScope
from tests.console.api.conftest import Caller, Shop, add_corp
from tests.console.api.test_goods import make_cards
from tests.console.api.test_scope import limited

CALLED = {"LiNa": "李娜", "WangFang": "王芳", "WangWei": "ＷANG Wei", "ZhaoMin": "赵敏"}


@pytest.fixture
def named(shop: Shop) -> Shop:
    """Four associates, of whom one left and one was renamed; two have a customer each."""
    shop.add_associates(*CALLED, "OldName", department_id=7)
    with shop.runtime.engine.begin() as connection:
        for userid, name in CALLED.items():
            run(connection, "update associate set name = :name where userid = :userid", userid=userid, name=name)
        now = shop.clock.now()
        run(connection, "update associate set gone_at = :now where userid = 'ZhaoMin'", now=now)
        run(connection, "update associate set renamed_to = 'LiNa', name = '李娜' where userid = 'OldName'")
        run(connection, "insert into outlet (tenant_id, department_id, name, observed_at) "
            "values (:t, 7, '南京西路店', :now)", t=shop.tenant.id, now=now)  # fmt: skip
    shop.befriend("wmHers", "LiNa")
    shop.befriend("wmHis", "WangFang")
    make_cards(shop)
    return shop


def userids(caller: Caller, **query: object) -> list[str]:
    return [one["userid"] for one in caller.get("/associates", **query)["associates"]]


def test_associates_are_found_by_part_of_name_or_userid(named: Shop):
    """Width and case make no difference; who left is shown when asked for, an old userid never (CUS-2)."""
    assert userids(named) == ["LiNa", "WangFang", "WangWei"]
    assert userids(named, gone=True) == [*CALLED]
    assert [userids(named, name=part) for part in ("娜", "ang w", "wang", "ＬＩＮ", "敏", "%", "_", "nobody")] == [
        ["LiNa"], ["WangWei"], ["WangFang", "WangWei"], ["LiNa"], [], [], [], [],
    ]  # fmt: skip
    (one,) = named.get("/associates", name="李")["associates"]
    assert (one["name"], one["main_department_id"], one["outlet_name"], one["gone_at"]) == (
        "李娜", 7, "南京西路店", None,
    )  # fmt: skip


def test_pages_of_associates_hold_everybody_once(named: Shop):
    """By userid, from the last one on; a cursor from elsewhere is refused (CUS-2, G8)."""
    shown, cursor = [], None
    while True:
        page = named.get("/associates", limit=1, gone=True, **({"cursor": cursor} if cursor else {}))
        shown += [one["userid"] for one in page["associates"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert shown == [*CALLED]
    for query in ({"cursor": "x"}, {"name": ""}, {"name": "a\0b"}, {"limit": 0}):
        assert named.ask("GET", "/associates", query_string=query).status_code in (400, 422), query


def test_a_bound_key_finds_its_own_customers_by_any_name(named: Shop):
    """Names of associates are no secret to it; whose customers others are is (CUS-2, ACC-1, G9)."""
    caller = limited(named, DataScope(userid="LiNa"))
    assert userids(caller, name="王") == ["WangFang"]
    for part, everybody, hers in (("王", 1, 0), ("李", 1, 1), ("fang", 1, 0), ("nobody", 0, 0)):
        for field in ("friend_name", "assigned_name"):
            condition = {"field": field, "op": "contains", "value": part}
            asked = {"filter": {"groups": [{"conditions": [condition]}]}}
            counts = [one.ask("POST", "/customers:count", asked).json["count"] for one in (named, caller)]
            assert counts == [everybody, hers], (field, part)
            condition["op"] = "not_contains"
            counts = [one.ask("POST", "/customers:count", asked).json["count"] for one in (named, caller)]
            assert counts == [2 - everybody, 1 - hers], (field, part)


def test_associates_of_another_corp_are_not_found(named: Shop):
    """Each corp has its own (G9)."""
    other = add_corp(named.runtime.engine, named.runtime.vault, named.clock, "ww0000000000000002")
    assert userids(named.caller(tenant=other), gone=True) == []

"""Two workers, events shuffled and doubled: the end is the same as in order (G2).

Both stories are told in one world. The first one counts all that is there, the second one only looks at its own people.
"""

from typing import Any

from tests.flows.world import World

STORY = ("add", "edit", "lose", "add again", "second friend", "delete")


def test_three_events_of_one_second_are_three_rows_and_all_count(world: World) -> None:
    """Equal sender and second, two of them with equal type and ids: nothing is merged that differs."""
    userid, other = world.userids[:2]
    at = world.corp.get("/sim/clock")["now"]
    made = world.corp.act({"do": "add", "userid": userid, "name": "同秒", "state": "门店A", "at": at, "silent": True})
    pair = {"external_userid": made["external_userid"]}
    world.corp.act({"do": "add", "userid": other, "at": at, "silent": True, **pair})
    for to, state in ((userid, "门店A"), (userid, "门店B"), (other, "")):
        fields = {"UserID": to, "ExternalUserID": made["external_userid"]} | ({"State": state} if state else {})
        event = {"event": "change_external_contact", "change_type": "add_external_contact", "at": at}
        world.corp.post("/sim/corps/wwdemo0000000001/emit", {**event, "fields": fields})
    world.expected.update({(userid, "新客户：同秒"): 1, (other, "新客户：同秒"): 1})
    world.wait_until_quiet()
    assert world.number("select count(*) n from inbox") == 3
    assert world.number("select count(*) n from evidence") == 3
    told = world.rows("select details ->> 'state' as state from evidence order by 1")
    assert [row["state"] for row in told] == ["门店A", "门店B", None]
    world.assert_nothing_was_lost()


def test_events_of_the_same_customers_shuffled_and_doubled_end_as_in_order(world: World) -> None:
    """Order and repetition of callbacks make no difference to relations, assignment and standing (G2, ASG-10)."""
    in_order = _tell(world, world.userids[:20], label="序")
    world.corp.post("/sim/faults", [{"duplicate": 1}, {"shuffle": 40}, {"delay_s": [0, 1.5]}])
    shuffled = _tell(world, world.userids[20:40], label="乱")
    world.corp.post("/sim/faults", {"clear": True})
    world.assert_relations_equal()
    assert [_state(world, one) for one in in_order] == [_state(world, one) for one in shuffled]
    assert not world.rows("select * from request where dead_at is not null")


def _tell(world: World, userids: list[str], *, label: str) -> list[str]:
    """One life per associate, its events 2 s apart by WeCom's clock; the customers' ids."""
    start = int(world.corp.get("/sim/clock")["now"])
    told = []
    for n, userid in enumerate(userids):
        colleague = userids[(n + 1) % len(userids)]
        made = world.corp.act({"do": "add", "userid": userid, "name": f"{label}{n}", "at": start})
        pair = {"userid": userid, "external_userid": made["external_userid"]}
        actions: list[dict[str, Any]] = [
            {"do": "edit", "remark": f"{label}备注", "at": start + 2, **pair},
            {"do": "customer_deletes", "at": start + 4, **pair},
            {"do": "add", "at": start + 6, **pair},
            {"do": "add", "at": start + 8, **pair, "userid": colleague},
            {"do": "member_deletes", "at": start + 10, **pair},
        ]
        world.corp.act(actions[: 1 + n % len(actions)])
        told.append(made["external_userid"])
    world.wait_until_quiet()
    return told


def _state(world: World, external_userid: str) -> tuple[object, ...]:
    """Everything that must not depend on order; times relative to the first friendship."""
    relations = world.rows(
        "select state, ended_by, extract(epoch from started_at - min(started_at) over ()) as since, "
        "extract(epoch from ended_at - min(started_at) over ()) as until, add_way "
        "from relation where external_userid = :id order by since, state",
        id=external_userid,
    )
    customer = world.rows(
        "select u.standing, u.assigned_userid is not null as assigned, "
        "u.assigned_userid = (select userid from relation where external_userid = c.external_userid "
        "and state = 'active' order by started_at limit 1) as to_the_first "
        "from external_contact c join customer u on u.tenant_id = c.tenant_id and u.id = c.customer_id "
        "where c.external_userid = :id",
        id=external_userid,
    )
    return tuple(tuple(row.values()) for row in relations), tuple(tuple(row.values()) for row in customer)

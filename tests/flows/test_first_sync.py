"""A large corp is added: silence; then the first real events are told, each once."""

import pytest

from commands.stack import Stack
from tests.flows.conftest import make_world
from tests.flows.world import World


@pytest.mark.parametrize("customers", [4_000, pytest.param(20_000, marks=pytest.mark.long)])
def test_a_large_corp_is_added_in_silence_and_the_next_event_is_told_once(two_of_each: Stack, customers: int) -> None:
    """The first sync of a corp tells nobody; the next real event sends exactly one message."""
    world = make_world(two_of_each, customers=customers)
    world.wait_until_quiet()
    assert world.number("select count(*) n from relation where state = 'active'") == customers
    assert world.number("select count(*) n from outbox") == 0
    assert not world.corp.messages()
    unassigned = "select count(*) n from customer where assigned_userid is null or standing <> 'friend'"
    assert world.number(unassigned) == 0
    world.assert_relations_equal()

    old = world.corp.pairs()[0]
    world.lose(old["userid"], old["external_userid"], old["remark"] or old["name"])
    world.wait_until_quiet()
    world.assert_nothing_was_lost()
    assert sum(world.phones().values()) == 1

    edited = world.corp.pairs()[1]
    pair = {"userid": edited["userid"], "external_userid": edited["external_userid"]}
    world.corp.act({"do": "edit", "remark": "老客户", **pair})
    world.wait_until_quiet()
    world.assert_nothing_was_lost()

    _same_name_twice(world)


def _same_name_twice(world: World) -> None:
    """Two customers of one name, lost on one day by one associate, are two messages: their bytes differ by the link."""
    userid = world.userids[7]
    lost = [world.add(userid, "王伟") for _ in range(2)]
    world.wait_until_quiet()
    for external_userid in lost:
        world.lose(userid, external_userid, "王伟")
    world.wait_until_quiet()
    assert world.expected[userid, "客户流失：王伟"] == 2
    world.assert_nothing_was_lost()

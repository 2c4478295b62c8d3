"""A member gets another userid while messages are under way: what was told stays told, what is told reaches them."""

from itertools import pairwise

import pytest

from services.associates.model import Renaming
from services.associates.record import Provenance
from services.reminders.model import Wish
from services.reminders.store import record_own_quiet
from services.renames.store import rename
from shared.db.engine import fetch_all, run
from shared.dead import retry_message
from shared.ids import OutboxId, UserId
from shared.tenants import load_tenants
from tests.notifier.desk import Desk
from tests.notifier.test_folding import EVENING, NIGHT, TENANT, wish

LINA = UserId("LiNa")
NOBODYS = UserId("lina.cd")
"""WeCom does not know this userid, and refuses it."""


def hire(desk: Desk, userid: str, *, leader: str | None = None) -> None:
    with desk.runtime.engine.begin() as connection:
        run(
            connection,
            "insert into associate (tenant_id, userid, name, observed_at, cause, direct_leaders) "
            "values (1, :userid, :userid, :now, 'event', cast(:leaders as text[]))",
            userid=userid,
            now=desk.runtime.clock.now(),
            leaders=[leader] if leader else [],
        )


def give(desk: Desk, old: str, new: str) -> None:
    """The member has another userid."""
    now = desk.runtime.clock.now()
    with desk.runtime.engine.begin() as connection:
        (tenant,) = load_tenants(connection, desk.runtime.vault)
        renaming = Renaming(UserId(old), UserId(new), now)
        assert rename(connection, tenant, renaming, Provenance("event", None), now=now)


def lose_at_night(desk: Desk, userid: UserId) -> None:
    """Their superior hears of it at once; they are to in the morning."""
    wish(desk, "relation_lost", Wish(superior=True))
    with desk.runtime.engine.begin() as connection:
        record_own_quiet(connection, TENANT, userid, NIGHT, by="test", now=EVENING)
    desk.lose(userid=userid)
    desk.deliver()


def in_the_morning(desk: Desk) -> None:
    desk.deliver(after_s=11 * 3600)
    desk.deliver(after_s=120)


def test_a_superior_hears_once_of_an_associate_who_was_renamed(desk: Desk) -> None:
    """They were told beside the associate, whose new userid WeCom refuses: nothing is passed on to them (G5)."""
    desk.stop_the_clock(EVENING)
    hire(desk, "ZhaoMin")
    hire(desk, "LiNa", leader="ZhaoMin")
    lose_at_night(desk, LINA)
    assert len(desk.texts("ZhaoMin")) == 1
    give(desk, "LiNa", NOBODYS)
    in_the_morning(desk)
    assert desk.rows("select state from outbox where recipient = 'lina.cd'") == [("refused",)]
    assert len(desk.texts("ZhaoMin")) == 1


@pytest.mark.parametrize("names", [("WangFang", "ZhaoMin"), ("WangFang", "between", "ZhaoMin")])
def test_a_superior_who_was_renamed_hears_once(desk: Desk, names: tuple[str, ...]) -> None:
    """They were told under an earlier userid, and that counts as told (G5)."""
    desk.stop_the_clock(EVENING)
    hire(desk, "WangFang")
    hire(desk, NOBODYS, leader="WangFang")
    lose_at_night(desk, NOBODYS)
    for old, new in pairwise(names):
        give(desk, old, new)
    in_the_morning(desk)
    assert desk.rows("select state from outbox where recipient = 'lina.cd'") == [("refused",)]
    assert (len(desk.texts("WangFang")), len(desk.texts("ZhaoMin"))) == (1, 0)


def test_what_is_sent_again_by_hand_goes_to_the_new_userid(desk: Desk) -> None:
    """It had expired before they got it, with what is folded into it: they hear of all of it (G5)."""
    desk.stop_the_clock(EVENING)
    hire(desk, "old.lina")
    desk.corp.post("/sim/faults", {"path": "message/send", "errcode": -1, "times": 1})
    desk.lose(2, userid="old.lina", ttl_s=600)
    desk.deliver()
    desk.deliver(after_s=3600)
    assert desk.rows("select state from outbox order by 1") == [("expired",), ("folded",)]
    give(desk, "old.lina", "LiNa")
    with desk.runtime.engine.begin() as connection:
        (row,) = fetch_all(connection, "select id from outbox where state = 'expired'")
        assert retry_message(connection, TENANT, OutboxId(row["id"]), now=desk.runtime.clock.now())
    desk.deliver(after_s=1)
    assert desk.texts("LiNa") == ["2 位客户流失"]
    assert desk.rows("select distinct recipient from outbox") == [("LiNa",)]

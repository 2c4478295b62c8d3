"""A corp that is observed only: what people, rules and systems want is kept and planned, and nothing is written."""

import random
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from commands.demo_corp import CORP_ID
from services.bulk.store import ask_job
from services.catalogue.ask import ask_catalogue
from services.catalogue.model import Delete, NewTag, Place, Rename
from services.customers.choice import Choice
from services.intents.ask import renew_wishes
from services.intents.model import Source, WishRefusedError
from services.transfers.ask import Wish, ask_for_customers
from shared.db.engine import run
from shared.ids import UserId
from tests.commands.conftest import Guanxi
from tests.sync_worker.conftest import Office
from tests.sync_worker.wishing import LINA, Shop

READS = {
    "gettoken",
    "externalcontact/get",
    "externalcontact/list",
    "externalcontact/get_follow_user_list",
    "externalcontact/get_corp_tag_list",
    "externalcontact/get_unassigned_list",
    "externalcontact/batch/get_by_user",
    "externalcontact/groupchat/get",
    "externalcontact/groupchat/list",
    "externalcontact/transfer_result",
    "externalcontact/resigned/transfer_result",
    "department/get",
    "department/list",
    "department/simplelist",
    "user/get",
    "user/list",
    "user/list_id",
    "user/simplelist",
}
EDITS = 200


@pytest.fixture
def shop(make_office: Callable[..., Office]) -> Shop:
    made = Shop(make_office(deletion_lag_s=0, write_lag_s=0.2, reconcile_backoff_s=(0.0,)))
    with made.office.runtime.engine.begin() as connection:
        run(connection, "update tenant set pushes = false")
    return made


def _storm(shop: Shop) -> None:
    """Every kind of wish there is, most of them many times."""
    office, chance = shop.office, random.Random(7)
    tenant, now = office.tenant, office.runtime.clock.now()
    fields: list[Callable[[], tuple[str, Any]]] = [
        lambda: ("remark", chance.choice("甲乙丙")),
        lambda: ("description", chance.choice("甲乙丙")),
        lambda: ("remark_corp_name", chance.choice("甲乙丙")),
        lambda: ("remark_mobiles", (chance.choice(("13900000001", "13900000002")),)),
        lambda: (f"tag:{chance.choice(shop.tags)}", True),
    ]
    for n in range(EDITS):
        shop.wish(chance.choice(fields)())
        if n % 20 == 0:
            office.reconcile()
    shop.keep_on()
    who: dict[str, Any] = {"author": "Zhou", "source": Source.PERSON, "reason": None, "now": now}
    with office.runtime.engine.begin() as connection:
        group = office.rows(f"select group_id from tag where tag_id = '{shop.tags[0]}'")[0][0]
        asked = (
            NewTag("钻石", group_id=group),
            Rename(shop.tags[0], "黄金"),
            Place(shop.tags[1], 7),
            Delete(shop.kept),
        )
        ask_catalogue(connection, tenant, asked, **who)
        ask_job(connection, tenant.id, add=shop.tags, remove=[], choice=Choice(), **who)
        wish = Wish("Zhou", Source.PERSON, None)
        ask_for_customers(
            connection, tenant, [shop.key], from_userid=LINA, to_userid=UserId("ZhaoMin"), wish=wish, now=now
        )


def test_a_storm_of_wishes_writes_nothing_and_all_of_it_is_shown(shop: Shop, guanxi: Guanxi) -> None:
    """No API that writes is called, not even once; the plan names what waits (observe-only)."""
    _storm(shop)
    for _ in range(3):
        shop.office.walk()
        shop.office.want(shop.key)
        shop.office.reconcile()
    assert shop.office.resync() == [
        (resource, "done") for resource in ("directory", "tag", "external_contact", "group_chat")
    ]
    shop.office.reconcile()
    assert set(shop.office.corp.get("/sim/calls")) <= READS
    plan = orjson.loads(guanxi("plan", CORP_ID, "--json", "--limit", "1000").stdout)
    assert plan["observed_only"] is True
    wanted = {one["field"].partition(":")[0] for one in plan["pushes"]}
    assert wanted == {
        "remark",
        "description",
        "remark_corp_name",
        "remark_mobiles",
        "tag",
        "new",
        "name",
        "sort",
        "gone",
    }
    assert [job["state"] for job in plan["jobs"]] == ["running"]
    assert plan["transfers"] == 1


def test_all_of_it_is_written_once_the_corp_may_be_written_to(shop: Shop) -> None:
    """Each relation has one call for its notes and at most a few for its tags, however often it was edited."""
    _storm(shop)
    shop.office.walk()
    with shop.office.runtime.engine.begin() as connection:
        run(connection, "update tenant set pushes = true")
        run(connection, "update sync_run set next_try_at = '-infinity' where state = 'walking'")
        renew_wishes(connection, shop.office.tenant.id, now=shop.office.runtime.clock.now())
    shop.office.walk()
    shop.office.reconcile()
    states = {state for (state,) in shop.office.rows("select distinct state from intent")}
    assert states <= {"confirmed", "refused", "superseded", "sent"}
    pair = shop.pair()
    ((remark, description),) = shop.office.rows("select remark, description from relation")
    assert (pair["remark"], pair["description"]) == (remark, description)
    assert remark in "甲乙丙"
    assert shop.writes() <= 6


def test_a_wish_for_a_kept_tag_is_refused_here_too(shop: Shop) -> None:
    """What a rule keeps cannot be wished away, observed or not (TAG-5)."""
    shop.keep_on()
    with pytest.raises(WishRefusedError):
        shop.wish((f"tag:{shop.kept}", False))

"""`guanxi explain` says how a row came to be: provenance, and everything in order of time (idea 12)."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from commands.demo_corp import CORP_ID, corp_file, record_demo_corp
from shared.clock import EPOCH
from shared.db.engine import run
from shared.tenants import record_corp
from tests.commands.conftest import Guanxi
from tests.sync_worker.conftest import Office

NAME, REMARK = "王小明", "老顾客"


@pytest.fixture
def shop(make_office: Callable[..., Office]) -> Office:
    """A live corp with an old customer of LiNa's, and one who came to WangFang and left again, as events told."""
    made = make_office()
    made.corp.add_customers(1, userids=["LiNa"])
    record_demo_corp(made.runtime)
    made.walk()
    one = made.happen({"do": "add", "userid": "WangFang", "name": NAME, "remark": REMARK}, "added")
    made.reconcile()
    made.happen({"do": "customer_deletes", "userid": "WangFang", "external_userid": one}, "ended_by_customer")
    made.reconcile()
    return made


def contact_of(office: Office, userid: str) -> str:
    return next(pair["external_userid"] for pair in office.corp.pairs() if pair["userid"] == userid)


def told(guanxi: Guanxi, *arguments: str) -> dict[str, Any]:
    result = guanxi("explain", *arguments, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = orjson.loads(result.stdout)
    return found


def test_a_customer_of_events_is_explained_by_them_in_order(shop: Office, guanxi: Guanxi) -> None:
    """Event, what it made of the row, who was told: one timeline (peers' check 10)."""
    found = told(guanxi, "customer", contact_of(shop, "WangFang"))
    moments = [(one["what"], one["code"]) for one in found["moments"]]
    assert moments.index(("evidence", "added")) < moments.index(("evidence", "ended_by_customer"))
    expected = {
        ("fact", "relation_started"),
        ("fact", "relation_lost"),
        ("fact", "customer_lost"),
        ("assignment", "first_add"),
        ("notice", "new_customer"),
        ("notice", "relation_lost"),
    }
    assert expected <= set(moments)
    (relation,) = [row for row in found["rows"] if row["table"] == "relation"]
    assert relation["values"]["state"] == "ended_by_customer" and relation["cause"] == "event"
    assert [(one["kind"], one["open"]) for one in found["requests"]] == [("external_contact", False)]


def test_the_callback_that_brought_it_about_is_shown_with_its_times(shop: Office, guanxi: Guanxi) -> None:
    """When WeCom said it, when it arrived, when it was routed: before what it said."""
    with shop.runtime.engine.begin() as connection:
        run(
            connection,
            "insert into inbox (day, receiver_id, digest, id, tenant_id, occurred_at, received_at, routed_at, body, "
            "state, event, change) values ('1970-01-01', 1, 'd', 1, :id, :at, :at, :at, 'b', 'routed', "
            "'change_external_contact', 'del_follow_user')",
            id=shop.tenant.id,
            at=EPOCH,
        )
    moments = told(guanxi, "customer", contact_of(shop, "WangFang"))["moments"]
    (callback,) = [one for one in moments if one["what"] == "callback"]
    assert moments.index(callback) == 0 and callback["code"] == "del_follow_user"
    assert {"received_at", "routed_at", "state", "id"} <= set(callback["details"])
    assert "del_follow_user" in guanxi("explain", "customer", contact_of(shop, "WangFang")).stdout


def test_a_customer_of_the_first_sync_names_its_run(shop: Office, guanxi: Guanxi) -> None:
    """What no event brought was brought by a pass, and which one is said with its start."""
    found = told(guanxi, "customer", contact_of(shop, "LiNa"))
    (relation,) = [row for row in found["rows"] if row["table"] == "relation"]
    origin = found["origins"][relation["caused_by"]]
    assert relation["cause"] == "bootstrap"
    assert (origin["kind"], origin["values"]["kind"], origin["values"]["resource"]) == (
        "run",
        "bootstrap",
        "external_contact",
    )


def test_a_customer_is_found_by_its_number_too(shop: Office, guanxi: Guanxi) -> None:
    """Links and lists name customers by our number."""
    ((number, external_userid),) = shop.rows("select customer_id, external_userid from external_contact limit 1")
    assert told(guanxi, "customer", str(number))["rows"][0]["key"] == external_userid


def test_the_text_is_in_the_corps_language_and_names_nobody(shop: Office, guanxi: Guanxi) -> None:
    """Operators read Chinese here; ids and codes only (G10)."""
    one = contact_of(shop, "WangFang")
    chinese, english = guanxi("explain", "customer", one), guanxi("explain", "customer", one, "--lang", "en")
    assert "当前状态" in chinese.stdout and "历史（时区 Asia/Shanghai）" in chinese.stdout
    assert "as it is now" in english.stdout and "nobody → WangFang" in english.stdout
    assert "relation_lost" in english.stdout and "by event" in english.stdout
    assert NAME not in chinese.output + english.output and REMARK not in chinese.output + english.output


def test_what_was_given_up_says_why_and_how_to_go_on(shop: Office, guanxi: Guanxi) -> None:
    """The state of the request: tries, last problem, and the command that tries again."""
    one = contact_of(shop, "LiNa")
    shop.want(one)
    with shop.runtime.engine.begin() as connection:
        sql = "update request set dead_at = :now, last_error = 'no such thing', attempts = 5 where subject_key = :one"
        run(connection, sql, now=shop.runtime.clock.now(), one=one)
    shop.want(contact_of(shop, "WangFang"))
    english = guanxi("explain", "customer", one, "--lang", "en").stdout
    assert f"`guanxi dead retry request:1:external_contact:{one}`" in english
    assert "last problem: no such thing" in english
    assert "due since" in guanxi("explain", "customer", contact_of(shop, "WangFang"), "--lang", "en").stdout


def test_associates_outlets_tags_and_chats_are_explained(shop: Office, guanxi: Guanxi) -> None:
    """Whatever is mirrored can say why."""
    shop.corp.act({"do": "create_tag_group", "group_name": "等级", "tags": ["会员"], "silent": True})
    chat = shop.corp.act({"do": "create_chat", "owner": "LiNa", "name": "会员群", "members": [{}], "silent": True})
    shop.corp.post("/sim/clock", {"advance_s": 3})
    shop.resync()
    ((tag_id, group_id),) = shop.rows("select tag_id, group_id from tag")
    for kind, key, table in (
        ("associate", "LiNa", "associate"),
        ("outlet", "2", "outlet"),
        ("tag", tag_id, "tag"),
        ("tag", group_id, "tag_group"),
        ("chat", chat["chat_id"], "group_chat"),
    ):
        found = told(guanxi, kind, key)
        assert found["rows"][0]["table"] == table and found["rows"][0]["cause"] in ("bootstrap", "resync")
        assert guanxi("explain", kind, key).exit_code == 0
    joined = [one for one in told(guanxi, "chat", chat["chat_id"])["moments"] if one["what"] == "stay_began"]
    assert len(joined) == 2
    assert ("fact", "tag_created") in {(m["what"], m["code"]) for m in told(guanxi, "tag", tag_id)["moments"]}


def test_the_history_can_be_cut_short(shop: Office, guanxi: Guanxi) -> None:
    """The latest moments are shown, and that there are older ones."""
    one = contact_of(shop, "WangFang")
    found = told(guanxi, "customer", one, "--limit", "2")
    assert len(found["moments"]) == 2 and found["more"]
    assert "--limit" in guanxi("explain", "customer", one, "--limit", "2").stdout


def test_what_nobody_knows_is_exit_code_1(shop: Office, guanxi: Guanxi) -> None:
    """And a wrong kind or corp is wrong use. That the catalogue of tags was read says nothing of a tag."""
    shop.resync("tag")
    shop.reconcile()
    assert guanxi("explain", "customer", "wm-unknown").exit_code == 1
    assert guanxi("explain", "tag", "et-unknown").exit_code == 1
    assert guanxi("explain", "person", "x").exit_code == 2
    assert guanxi("explain", "customer", "x", "--corp", "ww-unknown").exit_code == 2


def test_of_several_corps_the_one_that_knows_the_id_is_meant(shop: Office, guanxi: Guanxi) -> None:
    """Ids of customers differ per corp; those of members may not."""
    with shop.runtime.engine.begin() as connection:
        other = record_corp(connection, shop.runtime.vault, corp_file(corp_id="ww-other"), now=shop.runtime.clock.now())
        run(
            connection,
            "insert into associate (tenant_id, userid, observed_at) values (:id, 'LiNa', now())",
            id=other,
        )
    assert told(guanxi, "customer", contact_of(shop, "LiNa"))["corp_id"] == CORP_ID
    assert guanxi("explain", "associate", "LiNa").exit_code == 2
    assert told(guanxi, "associate", "LiNa", "--corp", "ww-other")["corp_id"] == "ww-other"

"""`guanxi transfer` asks for handovers and says where each stands (TRF-1, TRF-2)."""

from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest

from commands.demo_corp import CORP_ID
from shared.db.engine import run
from tests.commands.conftest import Guanxi
from tests.convergence.post import PostOffice
from tests.sync_worker.conftest import Office
from tests.sync_worker.handing import DAY, HOUR, LINA, Handing, handing_of


@pytest.fixture
def handing(make_office: Callable[..., Office], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Handing]:
    post = PostOffice()
    made = handing_of(make_office(deletion_lag_s=0), post, tmp_path)
    monkeypatch.setenv("GUANXI_CLOCK_FILE", str(made.town.clock_file))
    yield made.live(2)
    post.close()


def test_a_handover_is_asked_for_and_followed(handing: Handing, guanxi: Guanxi) -> None:
    """All of an associate's customers in one go; the list and one by one, as text and as data (TRF-1)."""
    asked = (
        "transfer",
        "ask",
        CORP_ID,
        "--from",
        "LiNa",
        "--to",
        "ZhaoMin",
        "--all",
        "--by",
        "Zhou",
        "--why",
        "new shop",
    )
    result = guanxi(*asked, "--why", "new shop")
    assert result.exit_code == 0, result.output
    assert "recorded: 2 to be handed over" in result.stdout
    assert "2 (guanxi transfer list" in guanxi("plan", CORP_ID, "--customer", handing.key).stdout
    handing.work()
    rows = orjson.loads(guanxi("transfer", "list", CORP_ID, "--json").stdout)
    assert [(row["stage"], row["from_userid"], row["author"], row["reason"]) for row in rows] == [
        ("waiting", "LiNa", "Zhou", "new shop")
    ] * 2
    handing.pass_time(DAY + HOUR)
    assert orjson.loads(guanxi("transfer", "list", CORP_ID, "--json").stdout) == []
    shown = guanxi("transfer", "show", CORP_ID, str(rows[0]["id"])).stdout
    assert shown.startswith("接替完成")
    assert guanxi("transfer", "list", CORP_ID, "--stage", "done").exit_code == 0


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--from", "LiNa", "--to", "LiNa"), "既是原跟进人又是接替人"),
        (("--from", "LiNa", "--to", "Nobody"), "未知成员 Nobody"),
        (("--from", "LiNa", "--to", "ZhaoMin", "--departed"), "LiNa 在职"),
        (("--from", "ZhaoMin", "--to", "LiNa"), "不是（或不再是）原跟进人的客户"),
        (("--to", "ZhaoMin"), "whose customers?"),
        (("--from", "LiNa", "--to", "ZhaoMin", "--message", "好" * 201), "消息超过 200 字"),
    ],
)
def test_what_cannot_be_is_said_at_once(handing: Handing, guanxi: Guanxi, options: tuple[str, ...], why: str) -> None:
    """Nothing is kept of it, and WeCom is not asked (TRF-1)."""
    result = guanxi("transfer", "ask", CORP_ID, *options, "--customer", handing.key, "--by", "Zhou")
    assert result.exit_code != 0
    assert why in result.output
    handing.work()
    assert (handing.stages(), handing.writes()) == ([], 0)


def test_what_leavers_left_behind_is_listed_until_it_has_an_owner(handing: Handing, guanxi: Guanxi) -> None:
    """Who, how many, and one by one; what is under way is still there (TRF-2)."""
    act = {"do": "create_chat", "owner": LINA, "name": "新品", "silent": True}
    chat = handing.office.corp.act(act)["chat_id"]
    handing.office.corp.act({"do": "resign", "userid": LINA, "silent": True})
    handing.town.advance(HOUR)
    handing.office.resync("directory", "external_contact", "group_chat")
    (row,) = orjson.loads(guanxi("transfer", "unassigned", CORP_ID, "--json").stdout)
    assert (row["userid"], row["customers"], row["chats"], row["under_way"]) == (LINA, 2, 1, 0)
    asked = ("transfer", "ask", CORP_ID, "--from", LINA, "--to", "ZhaoMin", "--all", "--departed", "--by", "Zhou")
    result = guanxi(*asked)
    assert result.exit_code == 0, result.output
    left = orjson.loads(guanxi("transfer", "unassigned", CORP_ID, "--associate", LINA, "--json").stdout)
    assert sorted(row["subject_key"] for row in left) == sorted([*handing.keys, chat])
    assert {row["stage"] for row in left} == {"queued"}
    handing.work()
    handing.pass_time(DAY + HOUR)
    handing.office.resync("group_chat")
    assert orjson.loads(guanxi("transfer", "unassigned", CORP_ID, "--json").stdout) == []


def test_what_was_not_sent_can_be_taken_back(handing: Handing, guanxi: Guanxi) -> None:
    """Before WeCom is asked; after that only the customer can refuse (TRF-1)."""
    handing.ask()
    (first, second) = (id_ for (id_,) in handing.rows("select id from transfer order by id"))
    assert guanxi("transfer", "withdraw", CORP_ID, str(first)).exit_code == 0
    handing.work()
    assert handing.stages() == ["withdrawn", "waiting"]
    result = guanxi("transfer", "withdraw", CORP_ID, str(second))
    assert (result.exit_code, "sent already" in result.output) == (1, True)


def test_a_leavers_customers_go_on_by_rule_after_a_look(handing: Handing, guanxi: Guanxi) -> None:
    """A preview does nothing; --run does exactly what was seen, and nothing when that has changed (TRF-6)."""
    handing.befriend("WangFang")
    handing.office.corp.act({"do": "resign", "userid": LINA, "silent": True})
    handing.town.advance(HOUR)
    handing.office.resync("directory", "external_contact")
    look = ("transfer", "leaver", CORP_ID, LINA, "--policy", "friend", "--policy", "outlet")
    seen = orjson.loads(guanxi(*look, "--json").stdout)
    assert [(row["userid"], row["policy"], row["count"]) for row in seen["takers"]] == [
        ("WangFang", "friend", 1),
        ("WangFang", "outlet", 1),
    ]
    assert handing.stages() == []
    assert "has changed" in guanxi(*look, "--run", "0" * 12, "--by", "Zhou").output
    result = guanxi(*look, "--run", seen["checksum"], "--by", "Zhou")
    assert result.exit_code == 0, result.output
    handing.work()
    handing.pass_time(DAY + HOUR)
    assert handing.stages() == ["done", "done"]
    assert {handing.assigned(key) for key in handing.keys} == {
        ("WangFang", "auto", "system"),
        ("WangFang", "transfer", "Zhou"),
    }


def test_the_doctor_names_leavers_whose_year_is_nearly_over(handing: Handing, guanxi: Guanxi) -> None:
    """A month before nobody can hand over what they left, and not before that (TRF-6)."""
    handing.office.corp.act({"do": "resign", "userid": LINA, "silent": True})
    handing.town.advance(HOUR)
    handing.office.resync()
    assert "ok    nothing that leavers left behind" in guanxi("doctor").stdout
    with handing.office.runtime.engine.begin() as connection:
        ago = "make_interval(days => 340)"
        run(connection, f"update relation set ended_at = ended_at - {ago} where state = 'associate_left'")
        run(connection, f"update associate set gone_at = gone_at - {ago} where userid = 'LiNa'")
    assert "2 customers and chats of LiNa, who left, can be handed over until" in guanxi("doctor").stdout

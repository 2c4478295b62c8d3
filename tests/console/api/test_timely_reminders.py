"""What the clock reminds of is set in one place."""

import pytest

from shared.api_keys import Scope
from tests.console.api.conftest import Shop

USUAL = {
    "deletions": {"mode": "digest", "hour": 8},
    "leavers": {"days_before": [7, 1], "hour": 9},
    "stages": [],
    "silence": [],
}


@pytest.fixture
def stage_id(shop: Shop) -> int:
    line = shop.ask("POST", "/stage-lines", {"name": "零售"}).json["lines"][0]["line_id"]
    made = shop.ask("POST", f"/stage-lines/{line}/stages", {"name": "意向"})
    return int(made.json["lines"][0]["stages"][0]["stage_id"])


def test_what_is_set_is_shown_and_what_is_left_out_is_usual(shop: Shop, stage_id: int) -> None:
    """Hours and days per corp and stage, audited; a digest at eight where nothing is set (LOSS-3, STG-2, TRF-6)."""
    assert shop.get("/reminders/kinds") == USUAL
    wanted = {
        "deletions": {"mode": "each", "hour": 10},
        "leavers": {"days_before": [30], "hour": 7},
        "stages": [{"stage_id": stage_id, "days": 7, "every_days": 3, "hour": 9}],
        "silence": [{"stage_id": None, "days": 30, "every_days": None, "hour": 9}],
    }
    assert shop.ask("PUT", "/reminders/kinds", wanted).json == wanted
    assert shop.get("/reminders/kinds") == wanted
    assert shop.rows("select notice, enabled from reminder_switch order by 1") == [
        ("deletions_of_day", False), ("relation_deleted", True),
    ]  # fmt: skip
    assert shop.rows("select action, actor from audit where action = 'reminder_kinds.set'") == [
        ("reminder_kinds.set", "api:crm")
    ]
    assert shop.ask("PUT", "/reminders/kinds", {}).json == USUAL


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param({"deletions": {"mode": "sometimes"}}, 422, id="no such way"),
        pytest.param({"deletions": {"hour": 24}}, 422, id="no such hour"),
        pytest.param({"stages": [{"stage_id": 1, "days": 0}]}, 422, id="no days"),
        pytest.param({"stages": [{"stage_id": 1, "days": 1}] * 2}, 422, id="a stage twice"),
        pytest.param({"stages": [{"stage_id": 99, "days": 1}]}, 404, id="no such stage"),
        pytest.param({"leavers": {"days_before": [400]}}, 422, id="before they left"),
    ],
)
def test_what_cannot_be_is_refused(shop: Shop, stage_id: int, body: dict[str, object], status: int) -> None:
    """With its field or name, and nothing is changed (STG-2)."""
    assert shop.ask("PUT", "/reminders/kinds", body).status_code == status
    assert shop.get("/reminders/kinds") == USUAL


def test_a_key_needs_the_scope(shop: Shop) -> None:
    """Reading and setting are two (ACC-1)."""

    reader = shop.caller(Scope.REMINDERS_READ)
    assert reader.ask("GET", "/reminders/kinds").status_code == 200
    assert reader.ask("PUT", "/reminders/kinds", {}).status_code == 403

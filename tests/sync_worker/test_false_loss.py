"""Never a false loss: whatever spoils one page of one walk, nobody is lost or deleted, and the report says so."""

from collections.abc import Callable
from typing import Any

import pytest

from commands.demo_corp import record_demo_corp
from tests.sync_worker.conftest import Office

BATCH = "externalcontact/batch/get_by_user"
QUICK = {"reconcile_backoff_s": (0.01,), "resync_tries": 2, "wecom_read_timeout_s": 0.3, "wecom_wait_s": 0.0}
AGAIN = 40
"""So often that no part of the block, however it is halved, gets through."""
FAULTS: dict[str, dict[str, Any]] = {
    "empty list": {"spoil": "empty"},
    "no cursor": {"spoil": "no_cursor"},
    "repeated cursor": {"spoil": "same_cursor", "times": AGAIN},
    "malformed": {"spoil": "garbage", "times": 9},
    "no list": {"spoil": {"external_contact_list": None, "next_cursor": None}},
    "rows of nobody": {"spoil": {"external_contact_list": [{}, None, {"follow_info": {"userid": "LiNa"}}]}},
    "45009": {"errcode": 45009, "times": 1},
    "45033": {"errcode": 45033, "times": 1},
    "500": {"http_status": 500, "times": 9},
    "timeout": {"hang_s": 1, "times": 9},
    "84061": {"errcode": 84061, "times": 9},
    "40003": {"errcode": 40003, "times": 9},
    "50100": {"errcode": 50100, "times": AGAIN},
}
WAITS = ("45009", "malformed", "500", "timeout")
"""No error of the page: the API is closed, or WeCom seems to be down. The walk stands still, says why, and goes on."""
STILL_GOOD = ("45033", ("no cursor", 2))
"""Too many at once is asked again; the last page has no cursor anyway."""


@pytest.fixture
def busy(make_office: Callable[..., Office]) -> Office:
    """A live corp: two associates with customers enough for three pages each, in one block or two."""
    office = make_office(**QUICK, resync_parallel=1)
    office.corp.add_customers(250, userids=["LiNa", "ZhaoMin"])
    record_demo_corp(office.runtime)
    office.walk()
    assert office.rows("select state from tenant") == [("live",)]
    return office


def states(office: Office) -> list[tuple[Any, ...]]:
    return office.rows("select state, count(*) from relation group by 1 order by 1")


CASES = [(fault, page) for fault in FAULTS for page in (0, 1, 2)]


def _once_in_short(place: int, fault: str, page: int) -> Any:
    """Each fault at one page, the pages in turn; at the others in the long run."""
    marks = [] if place // 3 % 3 == page else [pytest.mark.long]
    return pytest.param(fault, page, id=f"{fault}-{page}", marks=marks)


@pytest.mark.parametrize(("fault", "page"), [_once_in_short(place, *case) for place, case in enumerate(CASES)])
def test_a_spoiled_page_loses_nobody(busy: Office, fault: str, page: int):
    """Zero customers become lost or deleted, and the pass says where it was incomplete and why (G3)."""
    busy.corp.post("/sim/faults", {"path": BATCH, "skip": page, **FAULTS[fault]})
    facts = busy.rows("select count(*) from fact")
    ((_, state),) = busy.resync("external_contact")
    assert states(busy) == [("active", 250)]
    assert busy.rows("select count(*) from fact") == facts
    assert busy.rows("select count(*) from removal_plan") == [(0,)]
    assert busy.rows("select count(*) from customer where standing <> 'friend'") == [(0,)]
    ((incomplete, waits),) = busy.rows(
        "select incomplete, (select count(*) from sync_block b where b.run_id = r.id and not b.done "
        "and b.last_error is not null) from sync_run r order by id desc limit 1"
    )
    if fault in STILL_GOOD or (fault, page) in STILL_GOOD:
        assert (state, incomplete) == ("done", [])
    elif fault in WAITS and state == "walking":
        assert waits >= 1
    elif fault in WAITS and state == "done":  # it was waited out
        assert incomplete == []
    else:
        assert state == "incomplete"
        assert incomplete and all(where and why for where, why in incomplete)

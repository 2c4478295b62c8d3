"""Customers pass to another associate, and every handover is followed to its end (TRF-1, TRF-5)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.convergence.post import PostOffice
from tests.sync_worker.handing import DAY, LINA, MINUTE, ZHAO, Handing, handing_of
from tests.sync_worker.shops import MakeOffice


@pytest.fixture
def post() -> Iterator[PostOffice]:
    opened = PostOffice()
    yield opened
    opened.close()


@pytest.fixture
def handing(make_office: MakeOffice, post: PostOffice, tmp_path: Path) -> Handing:
    return handing_of(make_office(deletion_lag_s=0), post, tmp_path)


def test_after_a_day_the_customer_is_the_new_owners(handing: Handing):
    """Asked, accepted, done; WeCom's relations and ours agree, and the history says why and by whom (TRF-1, ASG-9)."""
    handing.live()
    assert handing.ask().kept == 1
    handing.work()
    assert handing.stages() == ["waiting"]
    assert (handing.states(), handing.assigned()[0]) == ({LINA: "active"}, LINA)
    handing.pass_time(DAY - MINUTE)
    assert handing.stages() == ["waiting"]
    handing.pass_time(2 * MINUTE, step_s=MINUTE)
    assert handing.ended() == [("done", None, None)]
    assert handing.states() == {LINA: "transferred", ZHAO: "active"}
    assert handing.assigned() == (ZHAO, "transfer", "Zhou")
    assert handing.writes() == 1

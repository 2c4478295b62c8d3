"""A push that WeCom is too busy for is tried again later, each time after longer."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from services.intents.model import Intent
from shared.errors import RetryableError
from shared.ids import UserId
from sync_worker.pushing import Pushing

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("waited_s", "after_s", "expected"), [(0, None, 2.0), (60, None, 30.0), (60, 45.0, 45.0), (86_400, None, 300.0)]
)
def test_it_waits_half_as_long_again(waited_s: float, after_s: float | None, expected: float) -> None:
    """Busy answers take nothing: two seconds at first, five minutes at last, and as long as WeCom says."""
    intent = Intent(1, UserId("LiNa"), "remark", "a", frozenset(), NOW - timedelta(seconds=waited_s))
    pushing = Pushing(cast(Any, None), cast(Any, None), cast(Any, None), NOW, [])
    pushing.put_off([intent], RetryableError("busy", after_s=after_s))
    assert pushing.again_s == expected

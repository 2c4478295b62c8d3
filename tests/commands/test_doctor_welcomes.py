"""`guanxi doctor` and new friends whom nobody welcomes."""

from datetime import timedelta

import pytest
from redis import Redis
from sqlalchemy import Engine

from commands.doctor import _Ill, _welcomes
from shared.clock import FixedClock
from shared.db.engine import run
from shared.runtime import Runtime
from shared.settings import Settings
from shared.vault import Vault


def test_doctor_says_when_no_process_welcomes(engine: Engine, redis_url: str, vault: Vault, clock: FixedClock) -> None:
    """Events that wait for a minute mean that no worker does it, or that it hangs (OUT-1)."""
    runtime = Runtime(Settings(_env_file=None), clock, engine, Redis.from_url(redis_url), vault)
    assert _welcomes(runtime) == "new friends are seen to"
    with engine.begin() as connection:
        run(connection, "insert into urgent_event (day, receiver_id, digest, tenant_id, received_at, next_try_at) "
            "values ('2026-11-22', 1, 'x', 1, :at, :at)", at=clock.now() - timedelta(seconds=61))  # fmt: skip
    with pytest.raises(_Ill, match="--only welcomes"):
        _welcomes(runtime)

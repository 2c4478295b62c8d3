"""`guanxi doctor` and corps whose keys do not open."""

import pytest
from redis import Redis
from sqlalchemy import Engine

from commands.corps import chosen_corp
from commands.doctor import _Ill, _keys
from shared.clock import FixedClock
from shared.runtime import Runtime
from shared.settings import Settings
from shared.tenants import record_corp
from shared.vault import Vault
from tests.shared.corps import CLOSED_CORP, CORP, corp_file, record_closed_corp


def test_doctor_names_the_corps_whose_keys_do_not_open(engine: Engine, redis_url: str, vault: Vault, clock: FixedClock):
    """The others go on, also by commands, so nobody else would say so."""
    runtime = Runtime(Settings(_env_file=None), clock, engine, Redis.from_url(redis_url), vault)
    with engine.begin() as connection:
        record_corp(connection, vault, corp_file(), now=clock.now())
    assert _keys(runtime) == "1 corps, all keys open"
    with engine.begin() as connection:
        record_closed_corp(connection, now=clock.now())
    with pytest.raises(_Ill, match=f"stored keys of {CLOSED_CORP}: was it changed") as told:
        _keys(runtime)
    assert CORP not in str(told.value)
    assert chosen_corp(runtime, CORP).corp_id == CORP

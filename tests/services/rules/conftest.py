"""A shop that commits, on a database of its own."""

import pytest
from sqlalchemy import Engine

from shared.clock import FixedClock
from shared.vault import Vault
from tests.services.rules.shop import Shop, open_shop


@pytest.fixture
def shop(engine: Engine, vault: Vault, clock: FixedClock, redis_url: str) -> Shop:
    return open_shop(engine, vault, clock, redis_url)

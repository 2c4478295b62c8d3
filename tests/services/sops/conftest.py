"""A shop with SOPs in a real database, and the worker's thread of them, a step at a time."""

import pytest
from sqlalchemy import Engine

from shared.clock import FixedClock
from shared.vault import Vault
from tests.services.rules.shop import open_shop
from tests.services.sops.sopping import SopShop


@pytest.fixture
def shop(engine: Engine, vault: Vault, clock: FixedClock, redis_url: str) -> SopShop:
    return SopShop(open_shop(engine, vault, clock, redis_url))

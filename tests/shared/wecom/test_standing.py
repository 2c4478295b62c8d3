"""What an operator is told about the way to WeCom."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from shared.clock import FixedClock
from shared.errors import RetryableError
from shared.tenants import Tenant
from shared.wecom.client import WeComClient
from shared.wecom.standing import load_obstacles
from tests.shared.corps import CORP
from tests.shared.wecom.conftest import Sim


def obstacles(engine: Engine, clock: FixedClock) -> list[str]:
    with engine.begin() as connection:
        return list(load_obstacles(connection, now=clock.now()))


def test_a_closed_api_is_told_until_it_opens(sim: Sim, engine: Engine, client: WeComClient, clock: FixedClock):
    """Which API, whose, and until when (G6)."""
    client.contacts.follow_users()
    assert obstacles(engine, clock) == []
    sim.fault("externalcontact/get_follow_user_list", errcode=45009, times=1)
    with pytest.raises(RetryableError):
        client.contacts.follow_users()
    until = clock.now() + timedelta(seconds=61)
    (told,) = obstacles(engine, clock)
    assert (
        told == f"WeCom closed externalcontact/get_follow_user_list for corp:{CORP} until {until:%H:%M:%S} UTC (45009)"
    )
    clock.advance(62)
    assert obstacles(engine, clock) == []


def test_a_refused_token_and_an_outage_are_told(
    sim: Sim, engine: Engine, tenant: Tenant, make_client: Callable[..., WeComClient], clock: FixedClock
):
    """With the reason, never with the secret (G10)."""
    sim("corps", {"corp_id": CORP, "apps": [{"secret": "changed", "agent_id": 1000002}]})
    with pytest.raises(RetryableError):
        make_client().contacts.follow_users()
    (told,) = obstacles(engine, clock)
    assert f"WeCom gave no access_token of {CORP}/contact: gettoken answered 40001" in told
    for _ in range(5):
        with pytest.raises(RetryableError):
            make_client(app="contact", wecom_base_url="http://127.0.0.1:9", wecom_egress="north").address_book.member(
                "X"
            )
        clock.advance(301)
    assert any("does not answer from address 'north'" in one for one in obstacles(engine, clock))

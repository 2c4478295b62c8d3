"""When WeCom is down, everybody stops, one probes, and the pauses grow up to half a minute."""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from shared.clock import FixedClock
from shared.ids import UserId
from shared.tenants import Tenant
from shared.wecom.circuit import PAUSES_S, PROBE_S, THRESHOLD, Circuit, Outage, after_failure, wait_s
from shared.wecom.client import WeComClient
from shared.wecom.errors import PostponedError, UnreachableError, WeComRetryableError
from tests.shared.wecom.conftest import Sim

NOW = 1_800_000_000.0
NOWHERE = "http://127.0.0.1:9"


def failed(outage: Outage, times: int, *, now: float = NOW) -> Outage:
    for _ in range(times):
        outage = after_failure(outage, now=now)
    return outage


def test_it_opens_after_five_calls_without_an_answer():
    """Fewer are an accident."""
    assert not failed(Outage(), THRESHOLD - 1).open_until
    assert failed(Outage(), THRESHOLD).open_until == NOW + PAUSES_S[0]


def test_calls_that_were_under_way_when_it_opened_open_it_no_further():
    """A crowd that fails together is one outage."""
    opened = failed(Outage(), THRESHOLD)
    crowd = failed(opened, 100, now=NOW + 0.5)
    assert (crowd.open_until, crowd.openings) == (opened.open_until, opened.openings)


def test_each_failed_probe_waits_longer_up_to_half_a_minute():
    """Ten minutes of outage are about twenty-five probes, whatever the number of processes."""
    outage, now, pauses = failed(Outage(), THRESHOLD), NOW, []
    for _ in range(len(PAUSES_S) + 2):
        pauses.append(wait_s(outage, now=now))
        now = outage.open_until
        assert wait_s(outage, now=now) == 0
        outage = after_failure(Outage(outage.failures, outage.openings, outage.open_until, now + PROBE_S), now=now)
    assert pauses == [*PAUSES_S, PAUSES_S[-1], PAUSES_S[-1]]


def test_clocks_that_disagree_do_not_keep_it_open():
    """Set back, or another machine's: who has seen the same pause for a probe's time may probe."""
    opened = failed(Outage(), THRESHOLD)
    assert wait_s(opened, now=NOW - 86_400) == PROBE_S
    assert wait_s(opened, now=NOW - 86_400, unchanged_s=30) == PROBE_S - 30
    assert wait_s(opened, now=NOW - 86_400, unchanged_s=PROBE_S) == 0


def test_one_process_finds_out_for_all_and_one_probes(
    sim: Sim, engine: Engine, tenant: Tenant, make_client: Callable[..., WeComClient], clock: FixedClock
):
    """Who fails opens it for everybody; after the pause one call goes out, and its success closes it for everybody."""
    there, away = make_client(), make_client(wecom_base_url=NOWHERE)
    there.contacts.follow_users()
    with pytest.raises(UnreachableError):
        away.contacts.follow_users()
    with pytest.raises(PostponedError):
        away.contacts.follow_users()
    calls = sim.calls("externalcontact/get_follow_user_list")
    stranger = make_client()
    with pytest.raises(PostponedError) as caught:
        stranger.contacts.follow_users()
    assert 1 <= (caught.value.after_s or 0) <= 5
    assert sim.calls("externalcontact/get_follow_user_list") == calls
    clock.advance(2)
    assert stranger.contacts.follow_users() == ("LiNa", "ZhaoMin")
    assert make_client().contacts.follow_users() == ("LiNa", "ZhaoMin")


def test_only_one_probes_and_a_killed_prober_is_not_waited_for_long(engine: Engine, tenant: Tenant, clock: FixedClock):
    """The second is told to wait; when the first never came back, another one may try."""
    one, other = Circuit(engine, clock, "here"), Circuit(engine, clock, "here")
    for _ in range(THRESHOLD):
        one.failed()
    clock.advance(PAUSES_S[0])
    one.check("an/api")
    with pytest.raises(PostponedError):
        other.check("an/api")
    clock.advance(PROBE_S)
    Circuit(engine, clock, "here").check("an/api")


def test_another_egress_address_is_another_matter(engine: Engine, tenant: Tenant, clock: FixedClock):
    """What one address cannot reach, another may."""
    here = Circuit(engine, clock, "here")
    for _ in range(THRESHOLD):
        here.failed()
    with pytest.raises(PostponedError):
        here.check("an/api")
    Circuit(engine, clock, "elsewhere").check("an/api")


def test_an_answer_forgets_failures(engine: Engine, tenant: Tenant, clock: FixedClock):
    """Failures count in a row."""
    circuit = Circuit(engine, clock, "here")
    for _ in range(3):
        for _ in range(THRESHOLD - 1):
            circuit.failed()
        circuit.answered()
    circuit.check("an/api")


def test_a_call_that_is_not_made_does_not_take_the_probe(
    sim: Sim, make_client: Callable[..., WeComClient], clock: FixedClock
):
    """While its API is closed it cannot find out whether WeCom is back; the next call does."""
    there, away = make_client(), make_client(wecom_base_url=NOWHERE)
    there.contacts.follow_users()
    sim.fault("externalcontact/list", errcode=45009)
    with pytest.raises(WeComRetryableError):
        there.contacts.list(UserId("LiNa"))
    with pytest.raises((UnreachableError, PostponedError)):
        away.contacts.follow_users()
    with pytest.raises((UnreachableError, PostponedError)):
        away.contacts.follow_users()
    clock.advance(6)
    with pytest.raises(PostponedError, match="closed by WeCom"):
        there.contacts.list(UserId("LiNa"))
    assert there.contacts.follow_users() == ("LiNa", "ZhaoMin")

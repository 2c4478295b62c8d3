"""A token is fetched by one process for all, kept encrypted, and renewed without a storm."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from shared.clock import FixedClock
from shared.db.engine import Row, fetch_all, run
from shared.errors import RetryableError
from shared.tenants import Tenant, record_corp
from shared.vault import Vault
from shared.wecom.client import WeComClient
from shared.wecom.credentials import Credential, renewal_time
from shared.wecom.errors import UnreachableError, WeComRetryableError
from tests.shared.corps import APP_SECRET, CORP, corp_file
from tests.shared.wecom.conftest import Sim

START = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
Make = Callable[..., WeComClient]
LEASE = timedelta(seconds=45)


def stored_row(engine: Engine) -> Row:
    with engine.connect() as connection:
        (row,) = fetch_all(connection, "select * from credential")
    return row


def all_at_once(*calls: Callable[[], object]) -> list[object]:
    barrier = threading.Barrier(len(calls))

    def started(call: Callable[[], object]) -> object:
        barrier.wait(10)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(started, calls))


def test_processes_that_start_together_fetch_one_token(sim: Sim, make_client: Make):
    """Who renews holds the row's lock; the others wait and use what it stored."""
    sim.fault("gettoken", latency_ms=150)
    first, second = make_client(), make_client()
    calls = [client.contacts.follow_users for client in (first, first, second, second)]
    assert all_at_once(*calls) == [("LiNa", "ZhaoMin")] * 4
    assert sim.calls("gettoken") == {"0": 1}


def test_a_revoked_token_is_renewed_once_for_all_and_the_calls_repeated(sim: Sim, make_client: Make):
    """Many fail with the old one at the same time; one fetches, and nobody sees an error."""
    clients = [make_client(), make_client()]
    for client in clients:
        client.contacts.follow_users()
    assert sim.calls("gettoken") == {"0": 1}
    sim("tokens/revoke", {"corp_id": CORP})
    sim.fault("gettoken", latency_ms=150)
    sim.fault("externalcontact/get_follow_user_list", latency_ms=50)
    assert all_at_once(*[client.contacts.follow_users for client in clients * 4]) == [("LiNa", "ZhaoMin")] * 8
    assert sim.calls("gettoken") == {"0": 2}
    # Two calls with the first token, eight that failed with it at most, eight good ones.
    assert sim.calls("externalcontact/get_follow_user_list")["0"] == 10
    assert sim.calls("externalcontact/get_follow_user_list")["40014"] <= 8


@pytest.mark.parametrize("code", [40001, 40014, 42001])
def test_every_code_of_a_bad_token_renews_it(sim: Sim, client: WeComClient, code: int):
    """WeCom may end a token early and says so in several ways."""
    client.contacts.follow_users()
    sim.fault("externalcontact/get_follow_user_list", errcode=code, times=1)
    assert client.contacts.follow_users() == ("LiNa", "ZhaoMin")
    assert sim.calls("gettoken") == {"0": 2}


def test_a_token_that_fails_twice_is_no_endless_loop(sim: Sim, client: WeComClient):
    """One renewal and one repeat per call; then the app is blocked, and the caller waits."""
    sim.fault("externalcontact/get_follow_user_list", errcode=40014, times=99)
    with pytest.raises(WeComRetryableError) as caught:
        client.contacts.follow_users()
    assert (caught.value.code, caught.value.after_s) == (40014, 300.0)
    assert sim.calls("externalcontact/get_follow_user_list") == {"40014": 2}
    assert sim.calls("gettoken") == {"0": 2}


def test_a_good_token_that_the_apis_refuse_is_no_storm_of_fetches(sim: Sim, client: WeComClient):
    """WeCom gives the same one again: fetched once a minute for that, however many calls fail."""
    client.contacts.follow_users()
    sim.fault("externalcontact/get_follow_user_list", errcode=40014, times=20)
    for _ in range(10):
        with pytest.raises(WeComRetryableError):
            client.contacts.follow_users()
    assert sim.calls("gettoken") == {"0": 2}
    assert client.contacts.follow_users() == ("LiNa", "ZhaoMin")


def test_ahead_of_its_end_one_renews_and_the_others_go_on_with_the_old_one(
    sim: Sim, make_client: Make, clock: FixedClock
):
    """Nobody waits for a token while the old one is good."""
    clients = [make_client(), make_client()]
    for client in clients:
        client.contacts.follow_users()
    clock.advance(7200 - 200)
    sim.fault("gettoken", latency_ms=400)
    began = sim.calls("externalcontact/get_follow_user_list")["0"]
    assert all_at_once(*[client.contacts.follow_users for client in clients * 4]) == [("LiNa", "ZhaoMin")] * 8
    assert sim.calls("externalcontact/get_follow_user_list")["0"] == began + 8
    assert sim.calls("gettoken") == {"0": 2}


def test_a_token_that_cannot_be_renewed_ahead_of_time_is_used_to_its_end(
    sim: Sim, client: WeComClient, clock: FixedClock
):
    """WeCom gives none for the last five minutes: calls go on with what is there, and ask every 15 s for a new one."""
    client.contacts.follow_users()
    clock.advance(7200 - 200)
    sim.fault("gettoken", http_status=502, times=99)
    for _ in range(20):
        assert client.contacts.follow_users() == ("LiNa", "ZhaoMin")
    assert sim.calls("gettoken") == {"0": 1, "502": 1}
    clock.advance(16)
    client.contacts.follow_users()
    assert sim.calls("gettoken") == {"0": 1, "502": 2}


def test_who_is_killed_while_fetching_is_waited_for_less_than_a_minute(
    sim: Sim, engine: Engine, make_client: Make, clock: FixedClock
):
    """The next process takes over; what the killed one might still store is refused by its fence."""
    make_client().contacts.follow_users()
    with engine.begin() as connection:
        run(connection, "update credential set value = null, renewing_until = :until", until=clock.now() + LEASE)
    clock.advance(LEASE.total_seconds())
    assert make_client().contacts.follow_users() == ("LiNa", "ZhaoMin")
    assert stored_row(engine)["fence"] == 2


def test_a_refusal_is_remembered_for_all_processes(sim: Sim, make_client: Make, clock: FixedClock):
    """A thousand calls with a wrong secret are one gettoken in five minutes, not a thousand: WeCom blocks for that."""
    sim("corps", {"corp_id": CORP, "apps": [{"secret": "changed", "agent_id": 1000002}]})
    for client in [make_client() for _ in range(3)] * 3:
        with pytest.raises(RetryableError):
            client.contacts.follow_users()
    assert sim.calls("gettoken") == {"40001": 1}
    clock.advance(301)
    with pytest.raises(RetryableError):
        make_client().contacts.follow_users()
    assert sim.calls("gettoken") == {"40001": 2}


def test_the_stored_token_is_encrypted(sim: Sim, engine: Engine, tenant: Tenant, client: WeComClient):
    """Who reads the table cannot call WeCom with it."""
    client.contacts.follow_users()
    stored = stored_row(engine)["value"]
    token = tenant.cipher.decrypt(stored, "app.access_token").decode()
    assert token.encode() not in stored
    assert sim("tokens/revoke", {"token": token})["revoked"] == 1


def test_a_token_outlives_the_process_that_fetched_it(sim: Sim, make_client: Make):
    """A restart fetches nothing."""
    make_client().contacts.follow_users()
    make_client().contacts.follow_users()
    assert sim.calls("gettoken") == {"0": 1}


def test_a_token_is_renewed_ahead_of_its_end(sim: Sim, engine: Engine, client: WeComClient, clock: FixedClock):
    """Five minutes before; until then nobody asks."""
    client.contacts.follow_users()
    assert stored_row(engine)["expires_at"] - clock.now() == timedelta(seconds=7200)
    clock.advance(7200 - 300 - 1)
    client.contacts.follow_users()
    assert sim.calls("gettoken") == {"0": 1}
    clock.advance(1)
    client.contacts.follow_users()
    assert sim.calls("gettoken") == {"0": 2}


def test_the_last_minutes_of_a_token_are_no_storm(sim: Sim, make_client: Make, clock: FixedClock):
    """WeCom gives the same short-lived token again; once a minute is enough, for all processes together."""
    sim("corps", {"corp_id": CORP, "token_ttl_s": 200, "apps": [{"secret": APP_SECRET, "agent_id": 1000002}]})
    clients = [make_client(), make_client()]
    for _ in range(3):
        for client in clients * 3:
            client.contacts.follow_users()
        clock.advance(60)
    assert sim.calls("gettoken") == {"0": 3}


@pytest.mark.parametrize(
    ("lifetime_s", "renewed_after_s"), [(7200, 6900), (600, 300), (360, 60), (301, 60), (200, 60), (60, 60), (10, 10)]
)
def test_when_a_token_is_renewed(lifetime_s: int, renewed_after_s: int):
    """Five minutes ahead, not within a minute of its coming, and never after its end."""
    at = renewal_time(START, START + timedelta(seconds=lifetime_s))
    assert at == START + timedelta(seconds=renewed_after_s)


def test_a_wrong_secret_waits_for_a_person(sim: Sim, engine: Engine, client: WeComClient):
    """From gettoken, 40001 is a matter of settings: asked again every five minutes, never in a loop."""
    sim("corps", {"corp_id": CORP, "apps": [{"secret": "changed", "agent_id": 1000002}]})
    with pytest.raises(WeComRetryableError) as caught:
        client.contacts.follow_users()
    assert (caught.value.api, caught.value.code, caught.value.after_s) == ("gettoken", 40001, 300.0)
    assert sim.calls("gettoken") == {"40001": 1}
    assert APP_SECRET not in str(caught.value)
    assert stored_row(engine)["value"] is None


def test_a_failed_fetch_stores_nothing_and_frees_the_row(sim: Sim, engine: Engine, tenant: Tenant, clock: FixedClock):
    """The next one tries again at once."""
    answers: list[object] = [UnreachableError("gettoken", "no answer in time", maybe_accepted=False), ("token", 7200)]

    def fetch(secret: str) -> tuple[str, int]:
        assert secret == APP_SECRET
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[return-value]

    store = Credential(engine, clock, tenant, "contact", fetch)
    with pytest.raises(UnreachableError):
        store.current()
    assert (store.current(), store.current()) == ("token", "token")


def test_only_the_token_that_failed_is_replaced(engine: Engine, tenant: Tenant, clock: FixedClock):
    """Whoever comes late with an older one gets what was stored meanwhile."""
    tokens = iter(["one", "two", "three"])
    store = Credential(engine, clock, tenant, "contact", lambda _: (next(tokens), 7200))
    other = Credential(engine, clock, tenant, "contact", lambda _: (next(tokens), 7200))
    assert (store.current(), other.current()) == ("one", "one")
    assert store.renew(failed="one") == "two"
    assert other.renew(failed="one") == "two"
    assert other.renew(failed="two") == "three"


def test_an_app_that_is_not_configured_is_told_by_name(engine: Engine, tenant: Tenant, clock: FixedClock):
    """A person adds it to the corp's file; until then it is asked for every five minutes."""
    store = Credential(engine, clock, tenant, "directory", lambda *_: ("never", 1))
    with pytest.raises(RetryableError, match=f"corp {CORP} has no app named 'directory'") as caught:
        store.current()
    assert caught.value.after_s == 300


def test_a_token_of_a_removed_secret_is_not_used(engine: Engine, vault: Vault, tenant: Tenant, clock: FixedClock):
    """Recording the corp's file anew clears it; a new process fetches with the new secret."""
    Credential(engine, clock, tenant, "contact", lambda _: ("old", 7200)).current()
    with engine.begin() as connection:
        record_corp(connection, vault, corp_file(), now=clock.now())
    assert Credential(engine, clock, tenant, "contact", lambda _: ("new", 7200)).current() == "new"

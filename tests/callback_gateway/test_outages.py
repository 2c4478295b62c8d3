"""An answered callback is kept, whatever dies: the database, the gateway, Redis, the disk (G1)."""

import resource
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import requests
from sqlalchemy import Engine, text

from callback_gateway.segments import SegmentReader
from shared.db.engine import fetch_all
from shared.embedded import EmbeddedServers
from tests.callback_gateway.conftest import Gateway, StartGateway, until
from tests.callback_gateway.sealing import event

Inbox = Callable[[], list[bytes]]


@contextmanager
def database_away(servers: EmbeddedServers) -> Iterator[None]:
    servers.stop_postgres()
    try:
        yield
    finally:
        servers.start_postgres()


def push(gateway: Gateway, numbers: range) -> list[int]:
    sender = gateway.sender("app")
    return [sender.push(event(number)).status_code for number in numbers]


def test_events_are_spooled_while_the_database_is_away_and_drained_in_order(
    gateway: Gateway, servers: EmbeddedServers, inbox: Inbox
) -> None:
    """Answered with 200 from the disk; afterwards each is in the inbox once, in the order it came."""
    with database_away(servers):
        assert push(gateway, range(30)) == [200] * 30
        assert push(gateway, range(30)) == [200] * 30
        ready = gateway.http.get(f"{gateway.address}/readyz")
        assert (ready.status_code, "database: away" in ready.text) == (200, True)
        assert gateway.metric("guanxi_gateway_spool_events") == 60
        assert gateway.metric("guanxi_gateway_spool_bytes") > 0
    until(lambda: gateway.metric("guanxi_gateway_drained_total") == 60)
    assert inbox() == [event(number) for number in range(30)]
    assert push(gateway, range(30, 31)) == [200]
    until(lambda: gateway.metric("guanxi_gateway_spool_bytes") == 0)


def test_a_killed_gateway_finds_its_spool_again(
    start_gateway: StartGateway, servers: EmbeddedServers, inbox: Inbox, home: Path
) -> None:
    """kill -9 with events on the disk, then a start while the database is still away: the copy of the receivers serves,
    and both runs' events arrive."""
    first = start_gateway()
    with database_away(servers):
        assert push(first, range(10)) == [200] * 10
        first.kill()
        second = start_gateway()
        assert second.sender("app").verify(b"echo").content == b"echo"
        assert push(second, range(10, 20)) == [200] * 10
    until(lambda: len(inbox()) == 20)
    assert inbox() == [event(number) for number in range(20)]
    until(lambda: not list(home.glob("spool/*/*.events")))


def test_a_torn_record_at_the_end_of_a_spool_costs_nothing_that_was_answered(
    start_gateway: StartGateway, servers: EmbeddedServers, inbox: Inbox, home: Path
) -> None:
    """What was being written when the process died was not answered; everything before it is stored."""
    first = start_gateway()
    with database_away(servers):
        assert push(first, range(5)) == [200] * 5
        first.kill()
        (segment,) = home.glob("spool/*/*.events")
        with segment.open("ab") as file:
            file.write(b"\x40\x01\x00\x00torn")
    start_gateway()
    until(lambda: len(inbox()) == 5)


@pytest.mark.parametrize("place", ["end", "only", "middle"])
def test_zeros_in_a_spool_hold_up_nothing(
    start_gateway: StartGateway, servers: EmbeddedServers, inbox: Inbox, home: Path, place: str
) -> None:
    """What a power cut leaves behind: the readable events arrive, later ones too, and the database stays in use."""
    first = start_gateway()
    with database_away(servers):
        assert push(first, range(5)) == [200] * 5
        first.kill()
        (segment,) = home.glob("spool/*/*.events")
        content = segment.read_bytes()
        zeros = {"end": content + bytes(512), "only": bytes(4096), "middle": content + bytes(64) + content}
        segment.write_bytes(zeros[place])
        second = start_gateway()
        assert push(second, range(5, 10)) == [200] * 5
    expected = [event(number) for number in range(5 if place == "only" else 0, 10)]
    until(lambda: inbox() == expected)
    until(lambda: not list(home.glob("spool/*/*.events")))
    assert len(list(home.glob("spool/*/*.damaged"))) == (place == "middle")
    with database_away(servers):
        assert push(second, range(10, 11)) == [200]
    until(lambda: second.metric("guanxi_gateway_database_up") == 1)


def test_readiness_does_not_wait_for_a_database_that_hangs(gateway: Gateway, servers: EmbeddedServers) -> None:
    """A probe with a timeout of one second must not end a gateway whose disk takes everything."""
    assert push(gateway, range(1)) == [200]
    until(lambda: "spool: answers" in gateway.http.get(f"{gateway.address}/readyz").text)
    assert servers.postgres_pid is not None
    postgres = psutil.Process(servers.postgres_pid)
    stopped = [postgres, *postgres.children(recursive=True)]
    for process in stopped:
        process.suspend()
    try:
        assert push(gateway, range(1, 2)) == [200]
        for _ in range(3):
            ready = gateway.http.get(f"{gateway.address}/readyz", timeout=1)
            assert (ready.status_code, "database: away" in ready.text) == (200, True)
        forged = requests.Session()
        forged.post(gateway.url("app"), params={"msg_signature": "a", "timestamp": "1", "nonce": "1"}, data=b"{}")
        assert gateway.sender("app", token="wrong").push(event(3)).status_code == 403
        assert gateway.http.get(f"{gateway.address}/readyz", timeout=1).status_code == 200
    finally:
        for process in stopped:
            process.resume()


def test_the_events_of_a_process_that_is_gone_are_adopted(
    start_gateway: StartGateway, servers: EmbeddedServers, inbox: Inbox, home: Path
) -> None:
    """Another process of the same home drains the slot of one that died and did not come back."""
    survivor, victim = start_gateway(), start_gateway()
    with database_away(servers):
        assert push(victim, range(5)) == [200] * 5
        victim.kill()
    until(lambda: len(inbox()) == 5)
    until(lambda: survivor.metric("guanxi_gateway_drained_total") == 5)  # counted after the commit


def test_a_disk_that_fails_too_is_answered_503(
    start_gateway: StartGateway, servers: EmbeddedServers, inbox: Inbox, home: Path
) -> None:
    """Not stored means not answered with 200; with the database back everything is accepted again."""
    home.mkdir()
    (home / "spool").write_text("a file where the folder should be")
    gateway = start_gateway()
    assert push(gateway, range(3)) == [200] * 3
    with database_away(servers):
        assert push(gateway, range(3, 6)) == [503] * 3
        assert gateway.http.get(f"{gateway.address}/readyz").status_code == 503
        assert gateway.metric("guanxi_gateway_unavailable_total", reason="disk") == 3
    until(lambda: push(gateway, range(6, 7)) == [200])
    assert inbox() == [event(number) for number in (0, 1, 2, 6)]


def test_a_full_disk_is_answered_503_and_loses_nothing_answered_before(
    start_gateway: StartGateway, servers: EmbeddedServers, inbox: Inbox
) -> None:
    """Writes that fail half-way leave torn files; only what was answered has to be in the inbox afterwards."""

    def small_files_only() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (12_000, 12_000))

    gateway = start_gateway(preexec=small_files_only)
    with database_away(servers):
        statuses = [gateway.sender("app").push(event(n)[:-6] + b"x" * 9_000 + b"</xml>").status_code for n in range(3)]
        assert statuses == [200, 503, 200]
    until(lambda: len(inbox()) == 2)


def test_a_spool_at_its_limit_refuses(start_gateway: StartGateway, servers: EmbeddedServers) -> None:
    """`spool_max_bytes` bounds what an outage may take from the disk."""
    gateway = start_gateway(spool_max_bytes=1_048_576)
    large = event(1)[:-6] + b"x" * 700_000 + b"</xml>"
    with database_away(servers):
        sender = gateway.sender("app")
        assert [sender.push(large).status_code, sender.push(large).status_code] == [200, 503]
        assert sender.push(event(2)).status_code == 200


def test_a_database_that_hangs_is_left_after_the_commit_timeout(
    start_gateway: StartGateway, engine: Engine, inbox: Inbox
) -> None:
    """A lock held by somebody else delays an answer by `commit_timeout_s` at most: then the disk takes the event."""
    gateway = start_gateway(commit_timeout_s=0.5)
    with engine.begin() as connection:
        connection.execute(text("lock table inbox in access exclusive mode"))
        assert push(gateway, range(2)) == [200] * 2
        assert gateway.metric("guanxi_gateway_accepted_total", store="spool") == 2
    until(lambda: len(inbox()) == 2)


def test_a_restart_of_the_database_and_a_flush_of_redis_lose_nothing(
    gateway: Gateway, servers: EmbeddedServers, inbox: Inbox
) -> None:
    """The database dies under load (kill -9) and Redis forgets everything: what was answered is in the inbox, once."""
    with ThreadPoolExecutor(8) as pool:
        sent = [pool.submit(gateway.sender("app").push, event(number)) for number in range(400)]
        until(lambda: sum(future.done() for future in sent) > 50)
        servers.kill_postgres()
        servers.kill_valkey()
        servers.ensure_running()
        answered = {number for number, future in enumerate(sent) if future.result().status_code == 200}
    assert answered
    until(lambda: {event(number) for number in answered} <= set(inbox()))
    assert len(inbox()) == len(set(inbox()))


@pytest.mark.parametrize("workers", [1, 2])
def test_a_gateway_killed_among_500_concurrent_sends_has_stored_what_it_answered(
    start_gateway: StartGateway, inbox: Inbox, workers: int
) -> None:
    """kill -9 of every process of it at a random moment of the load: each answered event is in the inbox once."""
    gateway = start_gateway(gateway_workers=workers)

    def send(number: int) -> int:
        try:
            sender = gateway.sender("app")
            sender.http = requests.Session()
            return sender.push(event(number)).status_code
        except requests.RequestException:
            return 0

    with ThreadPoolExecutor(32) as pool:
        sent = [pool.submit(send, number) for number in range(500)]
        until(lambda: sum(future.done() for future in sent) > 100)
        gateway.kill()
        answered = {number for number, future in enumerate(sent) if future.result() == 200}
    assert 100 <= len(answered) < 500
    stored = inbox()
    assert len(stored) == len(set(stored))
    assert {event(number) for number in answered} <= set(stored)


def test_a_wakeup_is_rung_for_what_was_stored(gateway: Gateway, engine: Engine, redis_url: str) -> None:
    """A worker need not wait for its sweep."""
    assert push(gateway, range(1)) == [200]
    until(lambda: gateway.metric("guanxi_wakeups_total", outcome="rung", queue="work"))
    with engine.connect() as connection:
        assert [row["state"] for row in fetch_all(connection, "select state from inbox")] == ["new"]


def test_a_row_that_the_database_refuses_does_not_hold_up_the_others(
    start_gateway: StartGateway, servers: EmbeddedServers, engine: Engine, inbox: Inbox, home: Path
) -> None:
    """It is kept in a file and counted; its neighbours are stored, from the shared commit and from the spool alike."""
    gateway = start_gateway()
    with engine.begin() as connection:
        refused = "select id from receiver where name = 'directory'"
        (number,) = [row["id"] for row in fetch_all(connection, refused)]
        connection.execute(text(f"alter table inbox add check (receiver_id <> {number})"))
    directory, app = gateway.sender("directory"), gateway.sender("app")
    assert [directory.push(event(1)).status_code, app.push(event(2)).status_code] == [200, 200]
    with database_away(servers):
        assert [directory.push(event(3)).status_code, app.push(event(4)).status_code] == [200, 200]
    until(lambda: gateway.metric("guanxi_gateway_refused_rows_total") == 2)
    until(lambda: inbox() == [event(2), event(4)])
    (kept,) = home.glob("spool/*/refused")
    assert len(list(SegmentReader(kept))) == 2

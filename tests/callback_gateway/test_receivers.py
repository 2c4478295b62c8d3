"""The address book in memory: one bad entry, one bug or one slow reading harms nobody else."""

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from callback_gateway import receivers
from callback_gateway.receivers import Directory
from shared.clock import FixedClock
from shared.corp_file import parse_corp_file
from shared.db.engine import run
from shared.tenants import load_receiver_rows, record_corp
from shared.vault import Vault
from tests.callback_gateway.conftest import CORP, KEYS, until

OTHER = "wwother"


@pytest.fixture
def directory(corp: Callable[..., None], engine: Engine, vault: Vault, tmp_path: Path) -> Directory:
    return Directory(engine, vault, tmp_path / "receivers")


def test_a_row_that_does_not_open_leaves_the_others_alone(
    directory: Directory, corp: Callable[..., None], engine: Engine, clock: FixedClock
) -> None:
    """Stored with another secret key, or damaged: the others are still added, changed and withdrawn."""
    stranger = {"corp_id": OTHER, "name": "Other", "receivers": {"x": {"kind": "app", **KEYS}}}
    with engine.begin() as connection:
        record_corp(
            connection,
            Vault("another secret key, long enough, really"),
            parse_corp_file(stranger, source="test"),
            now=clock.now(),
        )
        run(connection, "update receiver set token = :token where name = 'directory'", token=b"rubbish")
    assert directory.refresh()
    assert (directory.find(OTHER, "x"), directory.find(CORP, "directory")) == (None, None)
    before = directory.find(CORP, "app")
    assert before is not None
    corp(app={"kind": "app", "token": "NewToken1", "encoding_aes_key": "b" * 43}, late={"kind": "app", **KEYS})
    with engine.begin() as connection:
        run(connection, "delete from receiver where name = 'suite'")
    assert directory.refresh()
    after = directory.find(CORP, "app")
    assert after is not None
    assert after.rules.keys != before.rules.keys
    assert directory.find(CORP, "late") is not None
    assert directory.find(CORP, "suite") is None


def test_the_copy_on_the_disk_opens_row_by_row_too(
    directory: Directory, engine: Engine, vault: Vault, tmp_path: Path
) -> None:
    """A gateway that starts during an outage must not fail on the same row."""
    with engine.begin() as connection:
        run(connection, "update receiver set token = :token where name = 'directory'", token=b"rubbish")
    assert directory.refresh()
    away = Directory(engine, vault, tmp_path / "receivers")
    away._load_snapshot()
    assert away.find(CORP, "app") is not None
    assert away.find(CORP, "directory") is None


def test_readings_go_on_after_a_bug_and_their_age_is_shown(
    directory: Directory, corp: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread outlives any exception; meanwhile what is in memory grows old."""
    monkeypatch.setattr(receivers, "REFRESH_S", 0.05)
    directory.start()
    assert directory.age_s < 5

    def broken(_: object) -> Any:
        raise RuntimeError("a bug")

    monkeypatch.setattr(receivers, "load_receiver_rows", broken)
    before = directory._read_at
    time.sleep(0.3)
    assert directory._read_at == before
    monkeypatch.setattr(receivers, "load_receiver_rows", load_receiver_rows)
    corp(late={"kind": "app", **KEYS})
    until(lambda: directory.find(CORP, "late") is not None)


def test_a_request_with_a_new_token_waits_for_the_reading_in_progress(
    directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many at once one asks, and all get what it finds; a moment later nobody may ask."""
    readings, go = [], threading.Event()

    def slow(connection: Any) -> list[dict[str, Any]]:
        readings.append(1)
        go.wait(2)
        return load_receiver_rows(connection)

    directory.start()
    monkeypatch.setattr(receivers, "load_receiver_rows", slow)

    async def ask() -> list[bool]:
        asked = [asyncio.ensure_future(directory.refreshed()) for _ in range(20)]
        await asyncio.sleep(0.2)
        assert not any(one.done() for one in asked)
        go.set()
        found = await asyncio.gather(*asked)
        return [*found, await directory.refreshed()]

    directory._refreshed_at = float("-inf")
    assert asyncio.run(ask()) == [True] * 20 + [False]
    assert len(readings) == 1


def test_nobody_waits_long_for_a_database_that_hangs(directory: Directory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first ones give up in time, later ones at once."""
    go = threading.Event()
    directory.start()
    monkeypatch.setattr(receivers, "load_receiver_rows", lambda _: go.wait(20) and [])
    monkeypatch.setattr(receivers, "ASKED_WAIT_S", 0.2)
    directory._refreshed_at = float("-inf")
    started = time.monotonic()
    assert not asyncio.run(directory.refreshed())
    assert 0.2 <= time.monotonic() - started < 2
    started = time.monotonic()
    assert not asyncio.run(directory.refreshed())
    assert time.monotonic() - started < 0.15
    go.set()

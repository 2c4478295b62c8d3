"""What a process needs is opened at its entry, and what is missing is told with what to do."""

import socket
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from shared.clock import SystemClock
from shared.runtime import endpoints, open_runtime, secret_key
from shared.settings import Settings, SettingsError
from shared.vault import VaultError

KEY = "a secret key of the tests, long enough"


def settings(**values: Any) -> Settings:
    return Settings(_env_file=None, **values)


def test_set_addresses_are_used_as_they_are(tmp_path: Path):
    """With both variables set nothing embedded is looked for."""
    both = settings(database_url="postgresql://db/guanxi", redis_url="redis://redis/0", home=tmp_path / "absent")
    assert endpoints(both) == ("postgresql://db/guanxi", "redis://redis/0")
    assert not (tmp_path / "absent").exists()


@pytest.mark.parametrize(
    ("values", "missing"),
    [
        ({}, "GUANXI_DATABASE_URL"),
        ({"redis_url": "redis://redis/0"}, "GUANXI_DATABASE_URL"),
        ({"database_url": "postgresql://db/guanxi"}, "GUANXI_REDIS_URL"),
    ],
)
def test_a_missing_server_is_told_with_what_to_do(tmp_path: Path, values: dict[str, str], missing: str):
    """The variable, where an embedded one was looked for, and the command that starts one."""
    with pytest.raises(SettingsError) as caught:
        endpoints(settings(home=tmp_path, **values))
    assert str(caught.value).startswith(f"{missing} is not set and no embedded server runs in {tmp_path}: ")
    assert "guanxi up" in str(caught.value)


def test_a_database_of_ones_own_needs_a_key_of_ones_own():
    """A made key in a container's home would be lost with it, and all data with the key."""
    with pytest.raises(SettingsError, match=r"GUANXI_SECRET_KEY is not set; .*openssl rand"):
        secret_key(settings(database_url="postgresql://db/guanxi"))


def test_an_embedded_installation_makes_its_key(tmp_path: Path):
    """Nothing has to be set for a first try; a set key is used and none is made."""
    assert secret_key(settings(home=tmp_path)) == (tmp_path / "secret_key").read_text()
    assert secret_key(settings(home=tmp_path / "other", secret_key=SecretStr(KEY))) == KEY
    assert not (tmp_path / "other").exists()


def test_an_open_runtime_reaches_its_servers(database_url: str, redis_url: str, tmp_path: Path):
    """Its checks are what readiness asks."""
    offset = tmp_path / "offset"
    runtime = open_runtime(
        settings(database_url=database_url, redis_url=redis_url, secret_key=SecretStr(KEY), clock_file=offset),
        application="test",
    )
    checks = runtime.checks()
    assert sorted(checks) == ["database", "redis"]
    for check in checks.values():
        check()
    with runtime.engine.connect() as connection:
        shown = connection.exec_driver_sql("select current_setting('TimeZone'), current_setting('application_name')")
        assert tuple(shown.one()) == ("UTC", "guanxi-test")
    assert isinstance(runtime.clock, SystemClock)
    with pytest.raises(VaultError):
        runtime.vault.open(b"\x01" + bytes(60))
    runtime.engine.dispose()


def test_a_server_that_is_away_fails_its_own_check_only(database_url: str):
    """Opening does not wait for servers: a process starts before them and becomes ready with them."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        away = f"redis://127.0.0.1:{probe.getsockname()[1]}/0"
        runtime = open_runtime(
            settings(database_url=database_url, redis_url=away, secret_key=SecretStr(KEY)), application="test"
        )
        runtime.checks()["database"]()
        with pytest.raises(Exception, match="refused"):
            runtime.checks()["redis"]()
    runtime.engine.dispose()


def test_a_runtime_shows_no_key(database_url: str, redis_url: str):
    """It may reach an error text."""
    runtime = open_runtime(
        settings(database_url=database_url, redis_url=redis_url, secret_key=SecretStr(KEY)), application="test"
    )
    assert KEY not in repr(runtime)
    runtime.engine.dispose()

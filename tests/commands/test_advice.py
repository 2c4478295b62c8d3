"""An ordinary outage is one sentence of advice and exit code 1; our bugs keep their traceback."""

import subprocess
import sys
from pathlib import Path

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from commands.advice import advice_for, exit_code
from commands.ports import PortError
from shared.db.engine import make_engine
from shared.settings import SettingsError
from shared.supervise import NotReadyError
from shared.vault import VaultError

PROJECT = Path(__file__).resolve().parents[2]
PASSWORD = "a-password-that-nobody-may-see"
AWAY = {
    "GUANXI_DATABASE_URL": f"postgresql://guanxi:{PASSWORD}@127.0.0.1:1/guanxi",
    "GUANXI_REDIS_URL": f"redis://:{PASSWORD}@127.0.0.1:1/0",
    "GUANXI_SECRET_KEY": "k" * 40,
}


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (RedisConnectionError("redis://:secret@host"), "is GUANXI_REDIS_URL right?"),
        (VaultError("tenant.data_key: made with another key"), "GUANXI_SECRET_KEY does not open what is stored"),
        (NotReadyError("worker ended"), "worker ended"),
        (PortError("127.0.0.1:8750 is in use"), "127.0.0.1:8750 is in use"),
        (SettingsError("unknown setting GUANXI_X"), "unknown setting GUANXI_X"),
    ],
)
def test_an_outage_has_advice(error: Exception, advice: str):
    """It says what to do, without secrets; only wrong settings are wrong use."""
    found = advice_for(error)
    assert found is not None and advice in found and "secret@" not in found
    assert exit_code(error) == (2 if isinstance(error, SettingsError) else 1)


def test_a_bug_has_no_advice():
    """Its traceback is what we need."""
    assert advice_for(KeyError("x")) is None


def test_a_database_without_tables_says_migrate(database_url: str):
    """The usual first mistake."""
    with make_engine(database_url).connect() as connection, pytest.raises(DBAPIError) as caught:
        connection.execute(text("select * from no_such_table"))
    assert "run `guanxi migrate`" in str(advice_for(caught.value))


@pytest.mark.parametrize("command", [["migrate"], ["corp", "list"], ["dead", "list"], ["doctor"], ["inbox", "counts"]])
def test_a_command_without_a_database_says_so_and_exits_1(command: list[str], tmp_path: Path):
    """No traceback, no password."""
    done = subprocess.run(
        [sys.executable, str(PROJECT / "guanxi.py"), *command],
        cwd=tmp_path,
        env=AWAY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    output = done.stdout + done.stderr
    assert done.returncode == 1
    assert "does not answer" in output
    assert "Traceback" not in output and PASSWORD not in output

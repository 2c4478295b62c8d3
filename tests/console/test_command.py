"""`guanxi console` as a process: over real HTTP, from start to end."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests
from click.testing import CliRunner
from sqlalchemy import Engine

from commands.ports import Ports
from commands.waiting import wait_for
from console.command import command
from guanxi import main
from shared.clock import FixedClock
from shared.vault import Vault
from tests.console.api.conftest import add_corp, upsert_body

PROJECT = Path(__file__).resolve().parents[2]
SECRET_KEY = "a secret key of the tests, long enough"


@pytest.fixture
def environment(database_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    values = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "SECRET_KEY": SECRET_KEY}
    for name, value in values.items():
        monkeypatch.setenv(f"GUANXI_{name}", value)


@pytest.fixture
def address(environment: None, tmp_path: Path) -> Iterator[str]:
    ports = Ports()
    bind = f"127.0.0.1:{ports.take()}"
    log = (tmp_path / "log").open("w")
    process = subprocess.Popen([sys.executable, PROJECT / "guanxi.py", "console", "--bind", bind], stderr=log)
    wait_for(lambda: _answers(f"http://{bind}/readyz"), "the console")
    yield f"http://{bind}"
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGTERM)
    assert process.wait(15) == 0
    ports.release()
    assert not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in children)


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except requests.ConnectionError:
        return False


@pytest.fixture
def key(environment: None, engine: Engine, vault: Vault, clock: FixedClock) -> str:
    corp = add_corp(engine, vault, clock, "ww0000000000000001")
    made = CliRunner().invoke(main, ["api-key", "add", corp.corp_id, "crm", "--scope", "all", "--by", "Chen Jing"])
    assert made.exit_code == 0, made.output
    return made.stdout.strip()


def test_a_system_with_a_key_speaks_to_it_and_without_does_not(address: str, key: str, tmp_path: Path):
    """Over HTTP: made once, shown, refused without a key; the log holds nothing of it (G8, G10)."""
    http = requests.Session()
    http.headers["Authorization"] = f"Bearer {key}"
    body = upsert_body("crm=C-1", "phone=13800138042", real_name="欧阳小满")
    made = http.post(f"{address}/api/v1/customers:upsert", json=body, timeout=10)
    assert (made.status_code, made.json()["made"]) == (201, True)
    shown = http.get(f"{address}/api/v1/customers/{made.json()['customer']['id']}", timeout=10)
    assert shown.json()["fields"]["real_name"] == "欧阳小满"
    refused = requests.get(f"{address}/api/v1/customers", timeout=10)
    assert (refused.status_code, refused.headers["content-type"]) == (401, "application/problem+json")
    assert requests.get(f"{address}/healthz", timeout=10).text == "ok\n"
    metrics = requests.get(f"{address}/metrics", timeout=10).text
    log = (tmp_path / "log").read_text()
    for secret in (key, "13800138042", "欧阳小满", "C-1"):
        assert secret not in metrics + log


def test_a_body_that_is_too_large_is_refused(address: str, key: str):
    """10 MB, with a length or in chunks: 413 as a problem, and the next request is served (G8)."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    huge = json.dumps({"note": "x" * 10_000_000}).encode()
    url = f"{address}/api/v1/customers:upsert"
    with_length = requests.post(url, data=huge, headers=headers, timeout=20)
    assert (with_length.status_code, with_length.headers["content-type"]) == (413, "application/problem+json")
    chunked = requests.post(url, data=iter([huge]), headers=headers, timeout=20)
    assert (chunked.status_code, chunked.headers["content-type"]) == (413, "application/problem+json")
    small = requests.post(url, data=iter([json.dumps(upsert_body("crm=C-1")).encode()]), headers=headers, timeout=20)
    assert small.status_code == 201
    assert requests.get(f"{address}/api/v1/customers", headers=headers, timeout=10).status_code == 200


def test_an_address_that_is_taken_is_said_at_start(environment: None, address: str):
    """One line and exit code 1: two programs never share the address unnoticed."""
    result = CliRunner().invoke(command, ["--bind", address.removeprefix("http://")])
    assert result.exit_code == 1
    assert "GUANXI_CONSOLE_BIND says where" in result.output


def test_keys_are_listed_and_revoked(address: str, key: str):
    """Never shown again; a revoked one is refused from the next request on."""
    listed = CliRunner().invoke(main, ["api-key", "list", "ww0000000000000001"])
    assert "crm" in listed.stdout and key not in listed.stdout
    again = CliRunner().invoke(main, ["api-key", "add", "ww0000000000000001", "crm", "--scope", "all", "--by", "x"])
    assert again.exit_code == 1 and "choose another" in again.output
    assert CliRunner().invoke(main, ["api-key", "revoke", "ww0000000000000001", "crm"]).exit_code == 0
    assert CliRunner().invoke(main, ["api-key", "revoke", "ww0000000000000001", "crm"]).exit_code == 1
    answer = requests.get(f"{address}/api/v1/customers", headers={"Authorization": f"Bearer {key}"}, timeout=10)
    assert answer.status_code == 401

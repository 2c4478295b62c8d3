"""`guanxi gateway` as a process: its address, its end."""

import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import click
import psutil
import pytest
import requests
from click.testing import CliRunner
from sqlalchemy import Engine, text

from callback_gateway.command import command
from callback_gateway.port import reserve
from shared.db.engine import fetch_all
from tests.callback_gateway.conftest import Gateway, StartGateway, until
from tests.callback_gateway.sealing import event


def test_it_ends_on_sigterm_with_success(gateway: Gateway) -> None:
    """A supervisor sees exit code 0, and no worker is left."""
    workers = psutil.Process(gateway.process.pid).children(recursive=True)
    gateway.stop()
    assert gateway.process.returncode == 0
    assert not any(worker.is_running() for worker in workers)


def test_a_request_in_flight_is_answered_before_the_end(start_gateway: StartGateway, engine: Engine) -> None:
    """SIGTERM while an event waits for the database: it is stored, answered, and only then the gateway goes."""
    gateway = start_gateway(commit_timeout_s=1.5)
    with engine.begin() as connection, ThreadPoolExecutor(1) as pool:
        connection.execute(text("lock table inbox in access exclusive mode"))
        waiting = pool.submit(gateway.sender("app").push, event(1))
        until(lambda: fetch_all(connection, "select 1 from pg_stat_activity where wait_event_type = 'Lock'"))
        gateway.process.terminate()
        assert waiting.result().status_code == 200
    until(lambda: gateway.process.poll() == 0)


def test_workers_do_not_outlive_a_killed_parent(gateway: Gateway) -> None:
    """An orphan would keep the address and the spool's slot."""
    workers = psutil.Process(gateway.process.pid).children(recursive=True)
    gateway.process.kill()
    gateway.process.wait()
    until(lambda: not any(worker.is_running() for worker in workers))


def test_a_killed_worker_is_replaced(start_gateway: StartGateway) -> None:
    """The address answers again without a person; the other worker has answered meanwhile."""
    gateway = start_gateway(gateway_workers=2)
    first = psutil.Process(gateway.process.pid).children()[0]
    first.kill()
    until(lambda: len([c for c in psutil.Process(gateway.process.pid).children() if c.pid != first.pid]) == 2)
    gateway.http.close()

    def answers() -> bool:
        with suppress(requests.ConnectionError):  # what the dead one had not taken yet
            return gateway.sender("app").push(event(1)).status_code == 200
        return False

    until(answers)


def test_it_stops_when_the_process_it_belongs_to_is_gone(start_gateway: StartGateway) -> None:
    """`--parent-pid` is for whoever starts it beside others."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as owner:
        gateway = start_gateway(options=[f"--parent-pid={owner.pid}"])
        owner.kill()
        owner.wait()
    until(lambda: gateway.process.poll() is not None)


def test_an_address_that_is_not_ours_is_said_at_start() -> None:
    """One line with the reason and exit code 1, not a trace."""
    environment = {
        "GUANXI_DATABASE_URL": "postgresql://nobody@localhost/none",
        "GUANXI_REDIS_URL": "redis://localhost/0",
        "GUANXI_SECRET_KEY": "x" * 32,
    }
    result = CliRunner().invoke(command, ["--bind", "192.0.2.1:80"], env=environment)
    assert result.exit_code == 1
    assert "cannot listen on 192.0.2.1:80" in result.output


def test_gateways_share_an_address_within_a_home_only(start_gateway: StartGateway, tmp_path: Path) -> None:
    """A rolling restart may overlap; another installation would get a share of the callbacks, so it is told to go."""
    first = start_gateway()
    port = first.address.rsplit(":", 1)[1]
    second = start_gateway(options=[f"--bind=127.0.0.1:{port}"])
    assert second.address == first.address
    with pytest.raises(AssertionError, match="another home's gateway"):
        start_gateway(options=[f"--bind=127.0.0.1:{port}"], home=tmp_path / "other")
    first.stop()
    assert second.sender("app").push(event(1)).status_code == 200


def test_an_address_of_another_program_is_refused_even_when_it_would_share_it(tmp_path: Path) -> None:
    """SO_REUSEPORT of both sides would succeed silently."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(click.ClickException, match="choose another port"):
            reserve(tmp_path, "127.0.0.1", other.getsockname()[1]).__enter__()

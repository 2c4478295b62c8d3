"""The stack starts wholly, where it was told to, or not at all."""

import http.server
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from commands.demo_corp import SimulatedCorp
from commands.ports import Ports
from commands.stack import Stack, answers, without_proxies
from shared.settings import load_settings
from shared.supervise import NotReadyError, Program, StartCancelledError, Supervisor

PROJECT = Path(__file__).resolve().parents[2]
NOBODY = "http://127.0.0.1:1"


class _Healthy(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"{}"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


def environment(home: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GUANXI_")}
    return kept | {"GUANXI_HOME": str(home)} | more


def test_a_gateway_address_in_use_is_an_error_and_not_another_address(tmp_path: Path):
    """WeCom's console has that address; who moves from it silently loses callbacks."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        bind = f"127.0.0.1:{server.getsockname()[1]}"
        done = subprocess.run(
            [sys.executable, str(PROJECT / "guanxi.py"), "up"],
            cwd=tmp_path,
            env=environment(tmp_path / "home", GUANXI_GATEWAY_BIND=bind),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert f"{bind} is in use; stop what listens there or set GUANXI_GATEWAY_BIND" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "home" / "postgres").exists()


def test_a_stack_listens_on_ipv6_and_its_probes_pass_by_proxies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Brackets in every URL; what is on this machine needs no proxy."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, NOBODY)
    ports = Ports()
    bind = f"[::1]:{ports.take('::1')}"
    ports.release()
    with Stack(load_settings(home=tmp_path, gateway_bind=bind)) as stack:
        assert stack.addresses["gateway"] == f"http://{bind}"
        assert answers(f"http://{bind}/readyz")()


def test_programs_that_start_alongside_wait_for_none_of_each_other(tmp_path: Path):
    """Each is ready only when the other runs; both wait for the one before them, and one that fails stops all."""
    first, a, b = (tmp_path / name for name in ("first", "a", "b"))
    early: list[str] = []

    def program(mark: Path, *needed: Path, alongside: bool = True) -> Program:
        def ready() -> bool:
            early.extend(one.name for one in (a, b) if mark == first and one.exists())
            return all(one.exists() for one in (mark, *needed))

        code = "import pathlib, sys, time; pathlib.Path(sys.argv[1]).touch(); time.sleep(1000)"
        return Program(mark.name, [sys.executable, "-c", code, str(mark)], {}, ready=ready, alongside=alongside)

    programs = [program(first, alongside=False), program(a, b, alongside=False), program(b, a)]
    with Supervisor(programs, log_folder=tmp_path, ready_timeout_s=20) as supervisor:
        assert set(supervisor.pids()) == {"first", "a", "b"}
    assert supervisor.pids() == {} and early == []
    failing = Supervisor(
        [*programs, program(tmp_path / "c", tmp_path / "never")], log_folder=tmp_path, ready_timeout_s=1
    )
    with pytest.raises(NotReadyError, match="c was not ready"):
        failing.start()
    assert failing.pids() == {}


def test_loopback_clients_pass_by_proxies(monkeypatch: pytest.MonkeyPatch):
    """The probe, the demo's client, and the environment of the processes beside a simulator."""
    monkeypatch.setenv("http_proxy", NOBODY)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Healthy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    assert answers(f"{url}/healthz")()
    assert SimulatedCorp(url).get("/x") == {}
    assert without_proxies({"http_proxy": NOBODY, "ALL_PROXY": NOBODY, "PATH": "/bin"}) == {"PATH": "/bin"}
    server.shutdown()
    server.server_close()


def test_a_start_that_is_to_stop_starts_nothing(tmp_path: Path):
    """Between any two steps of the start."""
    stopping = threading.Event()
    stopping.set()
    with (
        pytest.raises(StartCancelledError),
        Stack(load_settings(home=tmp_path, gateway_bind="127.0.0.1:0"), stopping=stopping),
    ):
        pass
    assert not (tmp_path / "postgres").exists()


@pytest.mark.parametrize(("number", "after_s"), [(signal.SIGTERM, 1.0), (signal.SIGINT, 2.5), (signal.SIGTERM, 4.0)])
def test_a_signal_while_up_is_starting_stops_everything(tmp_path: Path, number: signal.Signals, after_s: float):
    """Promptly, with exit code 0, and without a process left."""
    up = subprocess.Popen(
        [sys.executable, str(PROJECT / "guanxi.py"), "up"],
        cwd=tmp_path,
        env=environment(tmp_path / "home", GUANXI_GATEWAY_BIND="127.0.0.1:0"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert up.stdout is not None
    assert up.stdout.readline().startswith("Starting")
    time.sleep(after_s - 1)  # any moment of the start will do
    seen = psutil.Process(up.pid).children(recursive=True)
    up.send_signal(number)
    _, errors = up.communicate(timeout=20)
    assert up.returncode == 0
    assert "Traceback" not in errors
    assert not [child for child in seen if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]

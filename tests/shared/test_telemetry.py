"""A process says whether it lives, what it waits for and how it does; its log has fields and no secrets."""

import subprocess
import sys
from pathlib import Path

import orjson
import pytest
import requests

from shared.telemetry import serve_health

ROOT = Path(__file__).parents[2]
LOG = """
import structlog
from shared.settings import Settings
from shared.telemetry import configure_logging
configure_logging(Settings(_env_file=None, log_format={format!r}, log_level="info"), process="worker")
log = structlog.get_logger()
log.debug("not.shown")
log.info("inbox.stored", inbox_id=7)
import logging
logging.getLogger("urllib3.connectionpool").debug("GET /cgi-bin/x?access_token=hunter2")
logging.getLogger("urllib3.connectionpool").info("GET /cgi-bin/x?access_token=hunter2")
try:
    secret = "hunter2"
    raise ValueError("broken")
except ValueError as error:
    log.error("work.failed", exc_info=error)
"""


def answers() -> None:
    """A dependency that is there."""


def away() -> None:
    raise ConnectionError("postgresql://guanxi:hunter2@db is away")


def get(address: str, path: str) -> tuple[int, str]:
    answer = requests.get(address + path, timeout=10)
    return answer.status_code, answer.text


def test_a_process_whose_dependencies_answer_is_ready():
    """Port 0 picks a free one, and the address is told."""
    address = serve_health("127.0.0.1:0", {"database": answers, "redis": answers})
    assert get(address, "/healthz") == (200, "ok\n")
    assert get(address, "/readyz") == (200, "ready\n")


def test_readiness_names_what_is_away_and_nothing_else():
    """503 with the names; the process itself lives, and no address or password shows."""
    address = serve_health("127.0.0.1:0", {"database": away, "redis": answers, "wecom": away})
    assert get(address, "/readyz") == (503, "waiting for database, wecom\n")
    assert get(address, "/healthz") == (200, "ok\n")


def test_readiness_is_asked_anew_each_time():
    """A dependency that comes back makes the process ready again."""
    states = iter([False, True])

    def sometimes() -> None:
        if not next(states):
            away()

    address = serve_health("127.0.0.1:0", {"database": sometimes})
    assert [get(address, "/readyz")[0] for _ in range(2)] == [503, 200]


def test_metrics_are_served_as_prometheus_reads_them():
    """Every counter of this system carries its prefix."""
    import shared.queue  # noqa: F401 - a module with a counter

    answer = requests.get(serve_health("127.0.0.1:0", {}) + "/metrics", timeout=10)
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    assert "# TYPE guanxi_wakeups_total counter" in answer.text


def test_there_is_nothing_else_to_find():
    """The health address is no way in."""
    address = serve_health("127.0.0.1:0", {})
    assert get(address, "/")[0] == 404
    assert requests.post(address + "/readyz", timeout=10).status_code == 405


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_log_line_has_a_constant_message_and_fields(log_format: str):
    """One line per event, with process and level; other libraries' chatter (addresses with tokens) stays out."""
    script = LOG.format(format=log_format)
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == ""
    assert "hunter2" not in done.stderr.replace('secret = "hunter2"', "")
    assert "not.shown" not in done.stderr
    if log_format == "console":
        assert "inbox.stored" in done.stderr
        assert "error=ValueError" in done.stderr
        assert "broken" not in done.stderr
        return
    first, second = (orjson.loads(line) for line in done.stderr.splitlines())
    assert (first["event"], first["inbox_id"]) == ("inbox.stored", 7)
    assert (first["process"], first["level"]) == ("worker", "info")
    # The type and the way it took; its text may quote rows or bodies.
    assert (second["event"], second["error"], len(second["trace"])) == ("work.failed", "ValueError", 1)
    assert "broken" not in done.stderr.replace("raise ValueError", "")

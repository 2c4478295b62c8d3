"""A corp of which all processes and servers run, whose time passes when a test says so."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from commands.stack import Stack
from shared.settings import load_settings
from tests.flows.conftest import QUICK, make_world
from tests.flows.reminding.square import Square


@pytest.fixture
def clock_file(tmp_path: Path) -> Path:
    made = tmp_path / "clock"
    made.write_text("0")
    return made


@pytest.fixture
def square(tmp_path: Path, clock_file: Path) -> Iterator[Square]:
    """Two workers and two notifiers; every callback is sent twice."""
    settings = load_settings(home=tmp_path / "home", gateway_bind="127.0.0.1:0", clock_file=clock_file)
    extra = {**QUICK, "CLOCK_FILE": str(clock_file), "RESYNC_CRON": "off", "DRIFT_SAMPLE": "0"}
    with Stack(settings, simulator=True, workers=2, notifiers=2, extra=extra) as stack:
        made = Square(make_world(stack), clock_file)
        made.open()
        yield made

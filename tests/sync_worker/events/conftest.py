"""Events as routing hands them to their modules: read from the samples of the platform's documents."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.body import read_body
from shared.inbox import usable_time
from sync_worker.events import Fields

ARRIVED = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)


@pytest.fixture
def event(fixtures: Path) -> Callable[..., Fields]:
    """The fields of a sample; `without` takes tags away by giving them another name, `changed` gives others a value."""

    def read(name: str, *, without: tuple[str, ...] = (), changed: Mapping[str, str] | None = None) -> Fields:
        plaintext = (fixtures / "events" / f"{name}.xml").read_text()
        for tag in without:
            plaintext = plaintext.replace(f"<{tag}>", "<Gone>").replace(f"</{tag}>", "</Gone>")
        for tag, value in (changed or {}).items():
            plaintext = re.sub(f"(?s)<{tag}>.*</{tag}>", f"<{tag}>{value}</{tag}>", plaintext)
        body = read_body(plaintext.encode())
        return Fields(body, usable_time(body.created) or ARRIVED)

    return read

"""docs/filters.md names every field and every operator that there is."""

import re
from pathlib import Path

from services.finding.fields import FIELDS, OPS

PAGE = (Path(__file__).parents[3] / "docs" / "filters.md").read_text()


def test_the_page_names_every_field_and_operator():
    """Whoever builds a filter finds there what may stand in it (CUS-3)."""
    named = set(re.findall(r"`([a-z_]+)`", PAGE))
    assert FIELDS.keys() <= named
    assert {op for ops in OPS.values() for op in ops} <= named

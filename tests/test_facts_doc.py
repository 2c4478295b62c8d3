"""docs/facts.md is what the code says."""

from typing import get_args

import pytest

from commands.facts_doc import PLACE, facts, meaning, render
from services.notices.plan import REACTIONS, SILENT
from services.planning import Cause, Fact


def test_the_page_lists_every_fact_as_the_code_has_it() -> None:
    """Whoever reads facts relies on it; `make facts` writes it anew."""
    page = PLACE.read_text()
    assert page == render(page), "docs/facts.md is not what the code says: run `make facts`"


def test_the_list_is_complete() -> None:
    """No fact that somebody may hear of is missing."""
    assert set(facts()) >= {*SILENT, *REACTIONS}


@pytest.mark.parametrize("fact", facts(), ids=lambda fact: fact.TYPE)
def test_every_fact_says_what_it_means(fact: type[Fact]) -> None:
    """A sentence of its own, not only a name."""
    assert meaning(fact)


def test_the_page_names_every_cause() -> None:
    """And no other."""
    (line,) = [line for line in PLACE.read_text().splitlines() if line.startswith("| `cause` |")]
    assert line.count("`") == 2 * (1 + len(get_args(Cause)))
    assert all(f"`{cause}`" in line for cause in get_args(Cause))

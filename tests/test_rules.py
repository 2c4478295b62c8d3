"""docs/rules.md lists every rule once, and what it calls done is built and tested."""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
COUNTS = {
    "ASG": 11,
    "POOL": 13,
    "TRF": 6,
    "LOSS": 6,
    "TAG": 7,
    "GRP": 7,
    "SOP": 7,
    "STG": 4,
    "CUS": 15,
    "SEG": 2,
    "OUT": 8,
    "HOME": 1,
    "ACC": 5,
}
ID = re.compile(r"\b[A-Z]{3,4}-\d{1,2}\b")


@dataclass(frozen=True)
class Rule:
    id: str
    text: str
    state: str
    where: str


def _rules() -> list[Rule]:
    lines = (PROJECT / "docs/rules.md").read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if re.match(r"\| [A-Z]+-\d", line)]
    return [Rule(*row) for row in cells]


RULES = _rules()
DONE = [rule for rule in RULES if rule.state == "done"]


@pytest.fixture(scope="module")
def cited() -> set[str]:
    """The ids that tests name, this file apart."""
    files = [path for path in (PROJECT / "tests").rglob("test_*.py") if path != Path(__file__).resolve()]
    return {found for path in files for found in ID.findall(path.read_text(encoding="utf-8"))}


def test_every_rule_is_listed_once_and_in_order():
    """Thirteen sections, each with its ids from 1 on (docs/rules.md)."""
    expected = [f"{section}-{number}" for section, count in COUNTS.items() for number in range(1, count + 1)]
    assert [rule.id for rule in RULES] == expected
    assert max(Counter(rule.text for rule in RULES).values()) == 1


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_every_rule_has_words_and_a_known_state(rule: Rule):
    """A state is done, in part with what is missing, or not yet; only the last has no place (docs/rules.md)."""
    assert rule.text.endswith(".")
    assert rule.state in {"done", "not yet"} or re.match(r"in part: .+", rule.state)
    assert (rule.state == "not yet") == (rule.where == "")


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.where], ids=lambda rule: rule.id)
def test_every_place_is_a_file(rule: Rule):
    """What is built can be opened (docs/rules.md)."""
    places = re.findall(r"`([^`]+)`", rule.where)
    assert places and all((PROJECT / place).is_file() for place in places)


@pytest.mark.parametrize("rule", DONE, ids=lambda rule: rule.id)
def test_every_rule_that_is_done_is_cited_by_a_test(rule: Rule, cited: set[str]):
    """Nothing is called done that no test proves (docs/rules.md)."""
    assert rule.id in cited


def test_tests_cite_no_rule_that_is_not_listed(cited: set[str]):
    """A wrong id in a test would prove nothing (docs/rules.md)."""
    sections = tuple(f"{section}-" for section in COUNTS)
    assert {one for one in cited if one.startswith(sections)} <= {rule.id for rule in RULES}

"""Every number of the four checklists has a test that is named after it."""

import ast
import re
from pathlib import Path

import pytest

LAST = {"platform": 16, "messages": 13, "contact": 46, "official_account": 13}
NAMED = re.compile(r"test_(platform|messages|contact|official_account)_(\d\d)_\w+")


def named():
    """(topic, number) -> how many test functions bear it, by the text of the modules."""
    found = {}
    for path in Path(__file__).parent.glob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match = NAMED.fullmatch(node.name) if isinstance(node, ast.FunctionDef) else None
            if match:
                key = match[1], int(match[2])
                found[key] = found.get(key, 0) + 1
    return found


@pytest.mark.parametrize("topic", LAST)
def test_every_number_of_a_checklist_has_a_test(topic):
    """A number without a test is a promise that nobody keeps; one beyond the list belongs to nothing."""
    assert sorted(number for found, number in named() if found == topic) == [*range(1, LAST[topic] + 1)]

"""Rules that feed one another: what they ask for, and that no circle is saved."""

from services.finding.model import parse
from services.rules.circles import find_circle, reads
from tests.services.rules.shop import one


def nodes(given: object) -> set[str]:
    return reads(parse(given, {}), {5: 1, 6: 1, 9: 2})


def test_what_a_filter_asks_for():
    """Tags by rule, lines of stages, segments; WeCom's tags and facts are nobody's making here (TAG-5)."""
    assert nodes(one("tag", "any_of", ["local:3", "etVip"])) == {"tag:3"}
    assert nodes(one("tag", "empty")) == {"tag:*"}
    assert nodes(one("stage", "none_of", [5, 6, 9])) == {"line:1", "line:2"}
    assert nodes(one("segment", "all_of", [4])) == {"segment:4"}
    assert nodes(one("score", "between", {"min": 1})) == set()


def test_circles_are_found_over_any_way():
    """Through others, through `any tag`, and of a rule with itself (TAG-5, SEG-1)."""
    assert find_circle({"tag:1": {"tag:1"}}, "tag:1") == ["tag:1", "tag:1"]
    chain = {"tag:1": {"line:1"}, "line:1": {"segment:4"}, "segment:4": {"tag:2"}, "tag:2": set[str]()}
    assert find_circle(chain, "tag:1") is None
    assert find_circle(chain | {"tag:2": {"tag:*"}}, "segment:4") == [
        "segment:4",
        "tag:2",
        "tag:1",
        "line:1",
        "segment:4",
    ]
    assert find_circle(chain | {"tag:2": {"tag:*"}}, "line:1") is not None

"""Rules that feed one another: a tag's rule may ask for a stage, whose rule asks for a segment ... Pure.

A circle would never come to rest (the tag is given because it is missing), so none is saved. Scores are no part of
circles: a score rule counts each behaviour once, so it ends by itself.
"""

from collections.abc import Mapping, Set

from services.finding.model import Condition, Filter
from services.stages.model import Line

ANY_TAG, ANY_STAGE, ANY_SEGMENT = "tag:*", "line:*", "segment:*"
_ANY = {"tag": ANY_TAG, "stage": ANY_STAGE, "segment": ANY_SEGMENT}


def reads(given: Filter, lines: Mapping[int, int]) -> set[str]:
    """What of rules' making a filter asks for: tag:ID, line:ID, segment:ID or `*` of a kind. `lines`: stage -> line."""
    return {node for one in given.conditions for node in _nodes(one, lines)}


def _nodes(one: Condition, lines: Mapping[int, int]) -> set[str]:
    name = one.spec.name
    if name not in _ANY:
        return set()
    if one.value is None:
        return {_ANY[name]}
    if name == "tag":
        return {f"tag:{tag.removeprefix('local:')}" for tag in one.value if tag.startswith("local:")}
    if name == "stage":
        return {f"line:{lines[stage]}" for stage in one.value if stage in lines}
    return {f"segment:{segment}" for segment in one.value}


def lines_of(lines: list[Line]) -> dict[int, int]:
    return {stage.id: line.id for line in lines for stage in line.stages}


def find_circle(edges: Mapping[str, Set[str]], start: str) -> list[str] | None:
    """A way from `start` back to it. `edges`: what a rule makes -> what it asks for."""
    left: list[tuple[str, list[str]]] = [(start, [start])]
    seen = set[str]()
    while left:
        node, way = left.pop()
        for one in _expanded(edges.get(node, frozenset()), edges):
            if one == start:
                return [*way, one]
            if one not in seen:
                seen.add(one)
                left.append((one, [*way, one]))
    return None


def _expanded(nodes: Set[str], edges: Mapping[str, Set[str]]) -> list[str]:
    """`tag:*` is every tag that a rule makes."""
    found = set(nodes)
    for one in nodes:
        if one.endswith(":*"):
            found |= {made for made in edges if made.startswith(one[:-1])}
    return sorted(found)

"""What may be saved: no rule that feeds itself. Nothing that a rule asks for is taken away. Under the rules' lock."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection

from services.finding.model import FilterError, parse
from services.finding.store import load_definitions
from services.rules.book import RUNNING, load_automatic_tags
from services.rules.circles import find_circle, lines_of, reads
from services.rules.model import RuleRefusedError
from services.segments.model import Kind
from services.segments.store import load_segments
from services.stages.store import load_lines
from shared.tenants import Tenant


def refuse_circle(connection: Connection, tenant: Tenant, node: str) -> None:
    """`node`: what was just written: tag:ID, line:ID or segment:ID.

    Raises:
        RuleRefusedError: it asks for what follows from it; the caller rolls back.
    """
    circle = find_circle(_edges(connection, tenant), node)
    if circle is not None:
        raise RuleRefusedError(f"this rule would feed itself: {' asks for '.join(circle)}")


def refuse_in_use(connection: Connection, tenant: Tenant, node: str) -> None:
    """
    Raises:
        RuleRefusedError: a rule, stage or segment asks for it.
    """
    users = sorted(made for made, asked in _edges(connection, tenant).items() if node in asked)
    if users:
        raise RuleRefusedError(f"filters ask for it: {', '.join(users)}; change these first")


def _edges(connection: Connection, tenant: Tenant) -> dict[str, set[str]]:
    """What follows from a filter -> what the filter asks for. One that cannot be read asks for nothing."""
    definitions, lines = load_definitions(connection, tenant), load_lines(connection, tenant)
    of_stage = lines_of(lines)
    asked = _reader(lambda given: reads(parse(given, definitions), of_stage))
    tags = {
        f"tag:{one.tag_id}": asked(one.filter)
        for one in load_automatic_tags(connection, tenant)
        if one.state == RUNNING
    }
    segments = {
        f"segment:{one.id}": asked(one.filter) for one in load_segments(connection, tenant) if one.kind is Kind.DYNAMIC
    }
    stages = {
        f"line:{line.id}": {node for one in line.stages if one.automatic for node in asked(one.filter)}
        for line in lines
    }
    return tags | segments | stages


def _reader(read: Callable[[Any], set[str]]) -> Callable[[Any], set[str]]:
    def asked(given: Any) -> set[str]:
        try:
            return read(given)
        except FilterError:
            return set()

    return asked

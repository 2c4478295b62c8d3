"""A corp's rules as they stand, remembered until one changes; and the rows of automatic tags.

Every change of a rule raises the book's version, and whoever applies rules looks at it under the lock of cards: a
change of a rule is followed by a run over everybody, whose pages take that lock too, so nobody falls between.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
import structlog
from sqlalchemy import Connection

from services.finding.model import Filter, FilterError, parse
from services.finding.store import load_definitions
from services.rules.model import AutomaticStage, LineRule, NoRuleError, Rule, RuleKey, RuleRefusedError, TagRule
from services.rules.plan import Index, make_index
from services.stages.store import load_lines
from shared.db.engine import Row, fetch_all, fetch_one, run
from shared.ids import TenantId
from shared.requests import Subject, lock
from shared.tenants import Tenant

FILTER = "automatic_tag.filter"
RUNNING, STOPPED = "running", "stopped"

log = structlog.get_logger()


@dataclass(frozen=True)
class AutomaticTag:
    id: int
    tag_id: int
    filter: Any = field(repr=False)
    state: str
    made_at: datetime
    made_by: str


def lock_rules(connection: Connection, tenant_id: TenantId) -> None:
    """Nobody else changes a rule, stage or segment until the transaction ends; then rules are read anew."""
    lock(connection, [Subject(tenant_id, "rules", "book")])
    run(
        connection,
        "insert into rule_book as b (tenant_id) values (:tenant_id) "
        "on conflict (tenant_id) do update set version = b.version + 1",
        tenant_id=tenant_id,
    )


@dataclass(frozen=True)
class Book:
    version: int
    index: Index

    def find(self, key: RuleKey) -> Rule | None:
        return next((one for one in self.index.rules if one.key == key), None)


class Books:
    """The books of all corps, in one process. Looking costs one small statement when nothing changed."""

    def __init__(self) -> None:
        self._known: dict[TenantId, Book] = {}

    def of(self, connection: Connection, tenant: Tenant) -> Book | None:
        """None: this corp has never had a rule."""
        row = fetch_one(connection, "select version from rule_book where tenant_id = :id", id=tenant.id)
        if row is None:
            return None
        known = self._known.get(tenant.id)
        if known is None or known.version != row["version"]:
            known = Book(row["version"], make_index(load_rules(connection, tenant)))
            self._known[tenant.id] = known
        return known


def load_rules(connection: Connection, tenant: Tenant) -> list[Rule]:
    """Those that apply. One whose filter cannot be read any more (its custom field is gone) is left out, and said."""
    definitions = load_definitions(connection, tenant)

    def read(key: RuleKey, given: Any) -> Filter | None:
        try:
            return parse(given, definitions)
        except FilterError:
            log.warning("rules.unreadable", tenant_id=tenant.id, kind=key.kind, rule_id=key.id)
            return None

    return [*_tag_rules(connection, tenant, read), *_line_rules(connection, tenant, read)]


Read = Callable[[RuleKey, Any], Filter | None]


def _tag_rules(connection: Connection, tenant: Tenant, read: Read) -> list[Rule]:
    found: list[Rule] = []
    for one in load_automatic_tags(connection, tenant):
        given = read(RuleKey("tag", one.id), one.filter) if one.state == RUNNING else None
        if given is not None:
            found.append(TagRule(one.id, one.tag_id, given))
    return found


def _line_rules(connection: Connection, tenant: Tenant, read: Read) -> list[Rule]:
    """A line of which one stage cannot be read does nothing: it would move people out of that stage."""
    found: list[Rule] = []
    for line in load_lines(connection, tenant):
        given = [(one.id, read(RuleKey("line", line.id), one.filter)) for one in line.stages if one.automatic]
        if all(one is not None for _, one in given):
            found.append(LineRule(line.id, tuple(AutomaticStage(id_, one) for id_, one in given if one is not None)))
    return found


def load_automatic_tags(connection: Connection, tenant: Tenant) -> list[AutomaticTag]:
    """Those of tags that live, oldest first."""
    rows = fetch_all(
        connection,
        "select a.* from automatic_tag a join local_tag t on t.tenant_id = a.tenant_id and t.id = a.tag_id "
        "and t.deleted_at is null where a.tenant_id = :tenant_id and a.ended_at is null order by a.id",
        tenant_id=tenant.id,
    )
    return [_automatic_tag(tenant, row) for row in rows]


def _automatic_tag(tenant: Tenant, row: Row) -> AutomaticTag:
    given = orjson.loads(tenant.cipher.decrypt(row["filter"], FILTER))
    return AutomaticTag(row["id"], row["tag_id"], given, row["state"], row["made_at"], row["made_by"])


def find_automatic_tag(rules: Sequence[AutomaticTag], rule_id: int) -> AutomaticTag:
    """
    Raises:
        NoRuleError
    """
    found = next((one for one in rules if one.id == rule_id), None)
    if found is None:
        raise NoRuleError("there is no such rule of an automatic tag")
    return found


def record_automatic_tag(
    connection: Connection, tenant: Tenant, tag_id: int, given: Any, *, by: str, now: datetime
) -> int:
    """The id of a new rule."""
    row = fetch_one(
        connection,
        "insert into automatic_tag (tenant_id, tag_id, filter, made_at, made_by) "
        "values (:tenant_id, :tag_id, :filter, :now, :by) returning id",
        tenant_id=tenant.id,
        tag_id=tag_id,
        filter=tenant.cipher.encrypt(orjson.dumps(given), FILTER),
        now=now,
        by=by,
    )
    assert row is not None
    return int(row["id"])


def record_automatic_tag_edit(connection: Connection, tenant: Tenant, rule_id: int, *, given: Any, state: str) -> None:
    run(
        connection,
        "update automatic_tag set filter = :filter, state = :state where tenant_id = :tenant_id and id = :id",
        tenant_id=tenant.id,
        id=rule_id,
        filter=tenant.cipher.encrypt(orjson.dumps(given), FILTER),
        state=state,
    )


def record_automatic_tag_end(
    connection: Connection, tenant_id: TenantId, rule_id: int, *, by: str, now: datetime
) -> None:
    run(
        connection,
        "update automatic_tag set ended_at = :now, ended_by = :by where tenant_id = :tenant_id and id = :id",
        tenant_id=tenant_id,
        id=rule_id,
        by=by,
        now=now,
    )


def lock_automatic_tag(connection: Connection, tenant_id: TenantId, tag_id: int) -> None:
    """Nobody deletes it until the transaction ends.

    Raises:
        RuleRefusedError: there is no such tag of customers, or people give it.
    """
    row = fetch_one(
        connection,
        "select kind from local_tag where tenant_id = :tenant_id and id = :id and deleted_at is null for share",
        tenant_id=tenant_id,
        id=tag_id,
    )
    if row is None or row["kind"] != "automatic":
        raise RuleRefusedError("there is no such automatic tag: a tag that people give by hand has no rule")

"""Rules of welcome messages as they are kept."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from services.welcomes.model import (
    MOST_RULES,
    Draft,
    NoWelcomeRuleError,
    Rule,
    SavedRule,
    WelcomeRefusedError,
)
from shared.db.engine import Row, as_json, fetch_all, fetch_one, run
from shared.ids import TenantId, UserId

COLUMNS = tuple(Draft.__dataclass_fields__)


def make_rule(connection: Connection, tenant_id: TenantId, draft: Draft, *, by: str, now: datetime) -> SavedRule:
    """
    Raises:
        WelcomeRefusedError: there are too many rules, or a file is missing or of another kind.
    """
    if len(load_rules(connection, tenant_id)) >= MOST_RULES:
        raise WelcomeRefusedError(f"a corp has {MOST_RULES} welcome rules at most: delete one first")
    row = fetch_one(
        connection,
        "insert into welcome_rule (tenant_id, name, enabled, userids, department_ids, states, weekdays, from_time, "
        "until_time, priority, text, attachments, file_ids, created_at, created_by, updated_at) values (:tenant_id, "
        ":name, :enabled, :userids, :department_ids, :states, :weekdays, :from_time, :until_time, :priority, :text, "
        "cast(:attachments as jsonb), :file_ids, :now, :by, :now) returning id",
        tenant_id=tenant_id,
        by=by,
        now=now,
        **_columns(connection, tenant_id, draft),
    )
    assert row is not None
    return load_rule(connection, tenant_id, row["id"])


def change_rule(connection: Connection, tenant_id: TenantId, rule_id: int, draft: Draft, *, now: datetime) -> SavedRule:
    """From the next new friend on it says this.

    Raises:
        NoWelcomeRuleError, WelcomeRefusedError: no such rule; or as `make_rule`.
    """
    run(
        connection,
        "update welcome_rule set name = :name, enabled = :enabled, userids = :userids, department_ids = "
        ":department_ids, states = :states, weekdays = :weekdays, from_time = :from_time, until_time = :until_time, "
        "priority = :priority, text = :text, attachments = cast(:attachments as jsonb), file_ids = :file_ids, "
        "updated_at = :now where tenant_id = :tenant_id and id = :id and deleted_at is null",
        tenant_id=tenant_id,
        id=rule_id,
        now=now,
        **_columns(connection, tenant_id, draft),
    )
    return load_rule(connection, tenant_id, rule_id)


def delete_rule(connection: Connection, tenant_id: TenantId, rule_id: int, *, now: datetime) -> None:
    """What was said by it still names it."""
    run(
        connection,
        "update welcome_rule set deleted_at = :now, enabled = false, file_ids = '{}' where tenant_id = :tenant_id "
        "and id = :id and deleted_at is null",
        tenant_id=tenant_id,
        id=rule_id,
        now=now,
    )


def move_userid(connection: Connection, tenant_id: TenantId, old: UserId, new: UserId) -> int:
    """Rules for a member go on under the new userid; how many there are."""
    return run(
        connection,
        "update welcome_rule set userids = array_replace(userids, :old, :new) "
        "where tenant_id = :tenant_id and :old = any(userids) and deleted_at is null",
        tenant_id=tenant_id,
        old=old,
        new=new,
    )


def _columns(connection: Connection, tenant_id: TenantId, draft: Draft) -> dict[str, object]:
    values: dict[str, Any] = {name: getattr(draft, name) for name in COLUMNS}
    lists = ("userids", "department_ids", "states", "weekdays")
    files = {one["file_id"]: _kind_of_file(one) for one in draft.attachments if one.get("file_id") is not None}
    _refuse_missing(connection, tenant_id, files)
    return values | {
        **{name: list(values[name]) for name in lists},
        "attachments": as_json([dict(one) for one in draft.attachments]),
        "file_ids": sorted(files),
    }


def _kind_of_file(attachment: Mapping[str, Any]) -> str:
    return "image" if attachment["kind"] == "miniprogram" else str(attachment["kind"])


def _refuse_missing(connection: Connection, tenant_id: TenantId, wanted: Mapping[int, str]) -> None:
    """Who deletes one of these files waits until this is committed."""
    rows = fetch_all(
        connection,
        "select id, kind from welcome_file where tenant_id = :tenant_id and id = any(:ids) order by id for share",
        tenant_id=tenant_id,
        ids=sorted(wanted),
    )
    kinds = {row["id"]: row["kind"] for row in rows}
    for file_id, kind in wanted.items():
        if kinds.get(file_id) != kind:
            raise WelcomeRefusedError(f"there is no {kind} {file_id} among the welcome files: send it first")


def load_rules(connection: Connection, tenant_id: TenantId, *, enabled_only: bool = False) -> list[SavedRule]:
    """The oldest first."""
    rows = fetch_all(
        connection,
        "select * from welcome_rule where tenant_id = :tenant_id and deleted_at is null "
        "and (enabled or not :enabled_only) order by id",
        tenant_id=tenant_id,
        enabled_only=enabled_only,
    )
    return [_saved(row) for row in rows]


def load_rule(connection: Connection, tenant_id: TenantId, rule_id: int) -> SavedRule:
    """
    Raises:
        NoWelcomeRuleError: no such rule.
    """
    row = fetch_one(
        connection,
        "select * from welcome_rule where tenant_id = :tenant_id and id = :id and deleted_at is null",
        tenant_id=tenant_id,
        id=rule_id,
    )
    if row is None:
        raise NoWelcomeRuleError(f"no welcome rule {rule_id}")
    return _saved(row)


def rules_of(saved: Iterable[SavedRule]) -> list[Rule]:
    return [one.rule for one in saved]


def _saved(row: Row) -> SavedRule:
    draft = Draft(**{name: row[name] for name in COLUMNS})
    rule = Rule(
        row["id"],
        frozenset(map(UserId, row["userids"])),
        frozenset(row["department_ids"]),
        frozenset(row["states"]),
        frozenset(row["weekdays"]),
        row["from_time"],
        row["until_time"],
        row["priority"],
    )
    return SavedRule(rule, draft, row["created_at"], row["created_by"], row["updated_at"])

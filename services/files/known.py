"""What a corp has that the rows of a file may name: local tags, associates, custom fields. Reads only."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import Connection

from services.files.rows import CustomField, Known, read_day
from shared.db.engine import fetch_all
from shared.ids import TenantId

LONGEST_LINE, LONGEST_TEXT, LARGEST = 200, 2000, 10**15


def load_known(connection: Connection, tenant_id: TenantId, *, region: str) -> Known:
    return Known(
        region, _tags(connection, tenant_id), _associates(connection, tenant_id), load_fields(connection, tenant_id)
    )


def _tags(connection: Connection, tenant_id: TenantId) -> dict[str, int | None]:
    rows = fetch_all(
        connection,
        "select t.id, t.name, g.name as group_name from local_tag t join local_tag_group g "
        "on g.tenant_id = t.tenant_id and g.id = t.group_id where t.tenant_id = :tenant_id and g.of = 'customer' "
        "and t.kind = 'manual' and t.deleted_at is null and g.deleted_at is null order by t.id",
        tenant_id=tenant_id,
    )
    named = [(row["name"], row["id"]) for row in rows]
    return _unambiguous(named) | {f"{row['group_name']}/{row['name']}": row["id"] for row in rows}


def _associates(connection: Connection, tenant_id: TenantId) -> dict[str, str | None]:
    rows = fetch_all(
        connection,
        "select userid, name from associate where tenant_id = :tenant_id and gone_at is null",
        tenant_id=tenant_id,
    )
    named = [(row["name"], row["userid"]) for row in rows if row["name"]]
    return _unambiguous(named) | {row["userid"]: row["userid"] for row in rows}


def _unambiguous(named: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, id_ in named:
        found[name] = None if name in found else id_
    return found


def load_fields(connection: Connection, tenant_id: TenantId) -> dict[str, CustomField]:
    """The corp's own fields that can be used, by key."""
    rows = fetch_all(
        connection,
        "select key, name, kind, options, required_of_pool from custom_field where tenant_id = :tenant_id "
        "and enabled and deleted_at is null order by position, id",
        tenant_id=tenant_id,
    )
    return {
        row["key"]: CustomField(row["key"], row["name"], row["required_of_pool"], parser(row["kind"], row["options"]))
        for row in rows
    }


def parser(kind: str, options: Sequence[Any]) -> Callable[[str], Any]:
    """How a cell of such a field is read; it raises ValueError."""
    named = {word: one["id"] for one in options if isinstance(one, dict) for word in (one["name"], one["id"])}
    named |= {one: one for one in options if isinstance(one, str)}

    def chosen(text: str) -> str:
        if text not in named:
            raise ValueError
        return str(named[text])

    def several(text: str) -> list[str]:
        return list(dict.fromkeys(chosen(one.strip()) for one in text.replace("，", ",").replace(";", ",").split(",")))

    readers: dict[str, Callable[[str], Any]] = {
        "single_line": lambda text: _text(text, LONGEST_LINE),
        "multi_line": lambda text: _text(text, LONGEST_TEXT),
        "single_choice": chosen,
        "multiple_choice": several,
        "date": _day,
        "number": _number,
    }
    return readers.get(kind, _refuse)


def _text(text: str, longest: int) -> str:
    if len(text) > longest:
        raise ValueError
    return text


def _day(text: str) -> str:
    day = read_day(text)
    if day is None:
        raise ValueError
    return day.isoformat()


def _number(text: str) -> int | float:
    number = float(text.replace(",", ""))
    if not abs(number) <= LARGEST:
        raise ValueError
    return int(number) if number.is_integer() else number


def _refuse(_text: str) -> None:
    raise ValueError

"""A retailer's data for benchmarks: made by SQL (town.sql), with personal values that are really encrypted and indexed.

Names and phones are invented. Equal for equal numbers: nothing is drawn.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import orjson
from sqlalchemy import Connection, Engine, text

from shared.db.engine import as_json, run
from shared.tenants import Tenant

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
ASSOCIATES, OUTLETS, TAGS, GOODS = 2_000, 300, 200, 5_000
BLOCK, BATCH = 50_000, 5_000
SURNAMES, GIVEN = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗", "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平"
LEVELS = ("gold", "silver", "bronze", "bronze", "bronze")


def make_town(engine: Engine, tenant: Tenant, *, size: int, chats: int, progress: Callable[[str], None]) -> None:
    """`size` customers, a fifth of them in the pool; the others with some relations each. All cards are due then."""
    parts = _parts()
    numbers = {"t": tenant.id, "size": size, "chats": chats, "tags": TAGS, "associates": ASSOCIATES, "outlets": OUTLETS,
               "goods": GOODS}  # fmt: skip
    with engine.begin() as connection:
        connection.execute(text(parts["functions"].replace(":", "\\:")))
        _quietly(connection)
        _run(connection, parts["once"], numbers)
    for first in range(1, size + 1, BLOCK):
        bounds = {"first": first, "last": min(size, first + BLOCK - 1)}
        with engine.begin() as connection:
            _quietly(connection)
            _run(connection, parts["block"], numbers | bounds)
            _record_own(connection, tenant, range(first, bounds["last"] + 1))
            _record_phones(connection, tenant, range(first, bounds["last"] + 1))
            _run(connection, parts["due"], numbers | bounds)
        progress(f"{bounds['last']:,} customers")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        run(connection, "select setval('customer_id_seq', :size)", size=size)
        connection.execute(text("vacuum analyze"))


def _parts() -> dict[str, str]:
    """Name -> statements."""
    _, *parts = (Path(__file__).parent / "town.sql").read_text().split("-- name: ")
    return {name: body for name, _, body in (part.partition("\n") for part in parts)}


def _quietly(connection: Connection) -> None:
    """No marks by triggers: every customer gets one, at the end of their block."""
    connection.execute(text("set local session_replication_role = replica"))


def _run(connection: Connection, statements: str, numbers: dict[str, object] | dict[str, int]) -> None:
    for statement in statements.split(";\n"):
        if statement.strip():
            run(connection, statement, **{name: one for name, one in numbers.items() if f":{name}" in statement})


def _record_own(connection: Connection, tenant: Tenant, numbers: range) -> None:
    """Own documents of a third."""
    for some in _batches(n for n in numbers if n % 3 == 0):
        rows = [{"id": n, "own": tenant.cipher.encrypt(orjson.dumps(_document(n)), "customer.own")} for n in some]
        run(
            connection,
            "update customer u set own = r.own from jsonb_to_recordset(cast(:rows as jsonb)) "
            "as r(id bigint, own bytea) where u.tenant_id = :t and u.id = r.id",
            t=tenant.id,
            rows=as_json(rows),
        )


def _record_phones(connection: Connection, tenant: Tenant, numbers: range) -> None:
    """Phones of a half."""
    for some in _batches(n for n in numbers if n % 2 == 0):
        rows = [
            {
                "id": n,
                "hmac": tenant.cipher.index("phone", phone(n)),
                "value": tenant.cipher.encrypt(phone(n).encode(), "identity.value"),
            }
            for n in some
        ]
        run(
            connection,
            "insert into identity (tenant_id, kind, hmac, customer_id, value, verified, source, created_at) "
            "select :t, 'phone', hmac, id, value, false, 'api', :now from jsonb_to_recordset(cast(:rows as jsonb)) "
            "as r(id bigint, hmac bytea, value bytea)",
            t=tenant.id,
            now=NOW,
            rows=as_json(rows),
        )


def phone(n: int) -> str:
    return f"+8613{n % 1_000_000_000:09d}"


def _document(n: int) -> dict[str, object]:
    return {
        "real_name": SURNAMES[n % len(SURNAMES)] + GIVEN[n // 7 % len(GIVEN)],
        "gender": ("male", "female")[n % 2],
        "level": "diamond" if n % 700 == 0 else LEVELS[n % 5],
        "birthday": f"{1950 + n % 60}-{1 + n // 3 % 12:02d}-{1 + n // 5 % 28:02d}",
        "fields": {
            "size": "SMLX"[n // 3 % 4],
            "visits": n // 3 % 1000,
            "member_since": f"20{10 + n // 3 % 16}-0{1 + n % 9}-11",
        },
    }


def _batches(numbers: Iterable[int]) -> Iterator[list[int]]:
    rest = iter(numbers)
    while some := list(islice(rest, BATCH)):
        yield some

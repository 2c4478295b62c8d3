"""The rows behind the budgets: read and written under their locks, in one short transaction."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import orjson
from sqlalchemy import Connection

from shared.clock import from_unix
from shared.db.engine import fetch_all, run
from shared.wecom.budget import Limits, Scope, Usage, unused
from shared.wecom.locking import END_STANDSTILL


def make_usages(
    connection: Connection, keys: Sequence[tuple[str, str]], limits: Sequence[Limits], *, now: float
) -> None:
    """Make the states that are missing; in a transaction of its own, which locks nothing else."""
    for (scope, api), limit in zip(keys, limits, strict=True):
        run(
            connection,
            "insert into api_budget (scope, api, usage) values (:scope, :api, cast(:usage as jsonb)) "
            "on conflict do nothing",
            scope=scope,
            api=api,
            usage=orjson.dumps(asdict(unused(limit, now=now))).decode(),
        )


def lock_usages(
    connection: Connection, keys: Sequence[tuple[str, str]], limits: Sequence[Limits]
) -> list[Scope] | None:
    """The shared states of (scope, api), locked until the transaction ends; None when one was never made.

    The caller names them in one order, so that nobody waits for each other.
    """
    found = _locked(connection, keys)
    if len(found) < len(keys):
        return None
    return [Scope(found[key], limit) for key, limit in zip(keys, limits, strict=True)]


# A lost second of counts after a crash of the database is within the margin; a disk flush per call is not.
_LOCK = (
    f"select set_config('synchronous_commit', 'off', true), {END_STANDSTILL}, b.scope, b.api, b.usage "  # noqa: S608 - a constant
    "from unnest(cast(:scopes as text[]), cast(:apis as text[])) with ordinality as k (scope, api, number) "
    "join api_budget b on (b.scope, b.api) = (k.scope, k.api) order by k.number for update of b"
)


def _locked(connection: Connection, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Usage]:
    rows = fetch_all(connection, _LOCK, scopes=[scope for scope, _ in keys], apis=[api for _, api in keys])
    return {(row["scope"], row["api"]): _usage(row["usage"]) for row in rows}


def _usage(stored: dict[str, Any]) -> Usage:
    holders = {name: (count, until) for name, (count, until) in stored["holders"].items()}
    return Usage(**{**stored, "slots": tuple(stored["slots"]), "holders": holders})


def record_usages(
    connection: Connection, keys: Sequence[tuple[str, str]], scopes: Sequence[Scope], *, ahead_s: float
) -> None:
    """`ahead_s` is how far the states' time is ahead of this machine's clock."""
    rows = [
        {
            "scope": scope,
            "api": api,
            "usage": asdict(one.usage),
            "closed_until": from_unix(int(one.usage.closed_until - ahead_s)) if one.usage.closed_until else None,
        }
        for (scope, api), one in zip(keys, scopes, strict=True)
    ]
    run(
        connection,
        "update api_budget b set usage = r.usage, closed_until = r.closed_until "
        "from jsonb_to_recordset(cast(:rows as jsonb)) "
        "as r (scope text, api text, usage jsonb, closed_until timestamptz) "
        "where (b.scope, b.api) = (r.scope, r.api)",
        rows=orjson.dumps(rows).decode(),
    )

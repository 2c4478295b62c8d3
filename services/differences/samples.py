"""Random contacts to measure drift on, and what became of the measurements."""

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import Connection

from shared.db.engine import fetch_all, fetch_one, run
from shared.ids import ExternalUserId, TenantId

FEW = 10_000
"""Of so many contacts all ids are loaded, to choose among them."""
WIDTHS = (1, 64, 4096, 2**62)
"""Of more: how far from a random number the next contact may be, first to last."""
TRIES = 20
"""Random numbers per wanted contact and width."""

Draw = Callable[[int, int], int]
"""A random number between two, both included."""


def sample_contacts(
    connection: Connection, tenant_id: TenantId, *, size: int, draw: Draw, few: int = FEW
) -> list[ExternalUserId]:
    """`size` random contacts, or all if there are fewer; never more work than `few` rows and some thousand looks."""
    rows = fetch_all(
        connection,
        "select external_userid as id from external_contact where tenant_id = :tenant_id "
        "order by external_userid limit :most",
        tenant_id=tenant_id,
        most=few + 1,
    )
    ids = [ExternalUserId(row["id"]) for row in rows]
    if len(ids) > few:
        return _drawn_by_number(connection, tenant_id, size=size, draw=draw)
    for place in range(min(size, len(ids))):
        other = draw(place, len(ids) - 1)
        ids[place], ids[other] = ids[other], ids[place]
    return ids[:size]


def _drawn_by_number(connection: Connection, tenant_id: TenantId, *, size: int, draw: Draw) -> list[ExternalUserId]:
    """Numbers of customers are drawn. Contacts count that are exactly there, then, if those are too few, ever further
    away: whoever comes after a gap is not drawn all the time."""
    bounds = fetch_one(
        connection,
        "select min(customer_id) as low, max(customer_id) as high from external_contact where tenant_id = :tenant_id",
        tenant_id=tenant_id,
    )
    assert bounds is not None
    found: dict[ExternalUserId, None] = {}
    for width in WIDTHS:
        rows = fetch_all(
            connection,
            "select c.external_userid as id from unnest(cast(:drawn as bigint[])) as d(number) cross join lateral "
            "(select external_userid from external_contact where tenant_id = :tenant_id and customer_id >= d.number "
            "and customer_id < d.number + :width order by customer_id limit 1) c",
            tenant_id=tenant_id,
            drawn=[draw(bounds["low"], bounds["high"]) for _ in range(size * TRIES)],
            width=width,
        )
        found |= {ExternalUserId(row["id"]): None for row in rows}
        if len(found) >= size:
            break
    return list(found)[:size]


def claim_check(connection: Connection, tenant_id: TenantId, resource: str, *, at: datetime) -> bool:
    """Whether this check, of the hour `at`, is the caller's to make."""
    return bool(
        run(
            connection,
            "insert into drift_check (tenant_id, at, resource, sampled, differing) "
            "values (:tenant_id, :at, :resource, 0, 0) on conflict do nothing",
            tenant_id=tenant_id,
            at=at,
            resource=resource,
        )
    )


def record_check(
    connection: Connection, tenant_id: TenantId, resource: str, *, at: datetime, sampled: int, differing: int
) -> None:
    run(
        connection,
        "update drift_check set sampled = :sampled, differing = :differing "
        "where tenant_id = :tenant_id and at = :at and resource = :resource",
        tenant_id=tenant_id,
        at=at,
        resource=resource,
        sampled=sampled,
        differing=differing,
    )


def load_checks(connection: Connection, *, since: datetime) -> Sequence[tuple[str, int, int]]:
    """Per corp: its id, how many contacts were sampled since, and how many of them differed."""
    rows = fetch_all(
        connection,
        "select t.corp_id, sum(d.sampled) as sampled, sum(d.differing) as differing from drift_check d "
        "join tenant t on t.id = d.tenant_id where d.at >= :since group by t.corp_id order by t.corp_id",
        since=since,
    )
    return [(row["corp_id"], int(row["sampled"]), int(row["differing"])) for row in rows]

"""Who is exported, decided when it begins, and the rows of one page after the other."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, text

from services.fields.store import load_fields
from services.files.columns import Cell, Column, Names, Person, custom_column, masked
from services.finding.selection import Selection
from services.persons.store import OWN, VALUE
from shared.db.engine import fetch_all, fetch_one, run
from shared.ids import TenantId
from shared.tenants import Tenant

PAGE = 5000
NOTHING: Mapping[str, Any] = {}
NO_IDENTITIES: Mapping[str, Sequence[str]] = {}


def load_custom_columns(connection: Connection, tenant_id: TenantId) -> dict[str, Column]:
    return {one.key: custom_column(one) for one in load_fields(connection, tenant_id) if one.enabled}


def choose(connection: Connection, tenant_id: TenantId, job_id: int, selection: Selection) -> int:
    """Keep who is meant, in pages; how many. Whoever comes later is in no page, whoever goes is left out then."""
    run(
        connection,
        "insert into export_page (tenant_id, job_id, n, customer_ids) select :tenant_id, :job_id, n, "  # noqa: S608
        "array_agg(customer_id order by customer_id) from (select customer_id, "
        f"(row_number() over (order by customer_id) - 1) / :page as n from ({selection.sql}) as chosen) as numbered "
        "group by n",
        tenant_id=tenant_id,
        job_id=job_id,
        page=PAGE,
        **selection.parameters,
    )
    row = fetch_one(
        connection,
        "select coalesce(sum(cardinality(customer_ids)), 0)::bigint as n from export_page "
        "where tenant_id = :tenant_id and job_id = :job_id",
        tenant_id=tenant_id,
        job_id=job_id,
    )
    assert row is not None
    return int(row["n"])


def load_page(connection: Connection, tenant_id: TenantId, job_id: int, n: int) -> list[int] | None:
    """None: there is no such page, the one before was the last."""
    row = fetch_one(
        connection,
        "select customer_ids from export_page where tenant_id = :tenant_id and job_id = :job_id and n = :n",
        tenant_id=tenant_id,
        job_id=job_id,
        n=n,
    )
    return list(row["customer_ids"]) if row else None


def forget_pages(connection: Connection, tenant_id: TenantId, job_id: int) -> None:
    run(
        connection,
        "delete from export_page where tenant_id = :tenant_id and job_id = :job_id",
        tenant_id=tenant_id,
        job_id=job_id,
    )


def load_names(connection: Connection, tenant_id: TenantId) -> Names:
    people = fetch_all(
        connection,
        "select a.userid, a.name, o.name as outlet from associate a left join outlet o on o.tenant_id = a.tenant_id "
        "and o.department_id = a.main_department_id where a.tenant_id = :tenant_id",
        tenant_id=tenant_id,
    )
    tags = fetch_all(
        connection,
        "select tag_id as id, name from tag where tenant_id = :tenant_id union all "
        "select 'local:' || id, name from local_tag where tenant_id = :tenant_id",
        tenant_id=tenant_id,
    )
    stages = fetch_all(connection, "select id, name from stage where tenant_id = :tenant_id", tenant_id=tenant_id)
    return Names(
        associates={row["userid"]: row["name"] for row in people if row["name"]},
        outlets={row["userid"]: row["outlet"] for row in people if row["outlet"]},
        tags={row["id"]: row["name"] for row in tags if row["name"]},
        stages={row["id"]: row["name"] for row in stages},
    )


@dataclass(frozen=True)
class Layout:
    """What a page needs of the database for the chosen columns, and how its cells are made."""

    columns: Mapping[str, Column]
    timezone: str
    names: Names
    hide: bool

    @property
    def kinds(self) -> list[str]:
        return sorted({kind for one in self.columns.values() for kind in one.kinds})

    def header(self, language: str) -> list[str]:
        return [one.zh if language == "zh" else one.en for one in self.columns.values()]

    def sql(self) -> str:
        made = "".join(f', {one.sql} as "{name}"' for name, one in self.columns.items() if one.sql is not None)
        own = ", c.own" if any(one.own for one in self.columns.values()) else ""
        contacts = (
            "left join lateral (select string_agg(e.external_userid, '; ' order by e.external_userid) as ids, "
            "min(e.name) as name from external_contact e where e.tenant_id = c.tenant_id and e.customer_id = c.id) w "
            "on true "
            if any(one.contacts for one in self.columns.values())
            else ""
        )
        card = (
            "left join customer_card k on k.tenant_id = c.tenant_id and k.customer_id = c.id " if "k." in made else ""
        )
        return (
            f"select c.id as customer_id{own}{made} from customer c {card}{contacts}"  # noqa: S608 - constants
            "where c.tenant_id = :tenant_id and c.id = any(:ids) and c.merged_into is null order by c.id"
        )

    def cells(self) -> list[Callable[[Person, Names], str]]:
        return [masked(column, column.cell or _plain(name), hide=self.hide) for name, column in self.columns.items()]


def _plain(name: str) -> Cell:
    return lambda person, _names: person.row[name] or ""


def page_rows(connection: Connection, tenant: Tenant, layout: Layout, ids: Sequence[int]) -> list[list[str]]:
    """The cells of these customers, in the order of their ids; who is gone or was merged is left out."""
    parameters = {"tenant_id": tenant.id, "ids": list(ids), "timezone": layout.timezone}
    found = connection.execute(text(layout.sql()), parameters)
    names_of = tuple(found.keys())
    identities = _identities(connection, tenant, ids, layout.kinds)
    cells, names, decrypt = layout.cells(), layout.names, tenant.cipher.decrypt
    made = []
    for values in found.all():
        row = dict(zip(names_of, values, strict=True))
        own = row.get("own")
        held = orjson.loads(decrypt(own, OWN)) if own else NOTHING
        person = Person(row, held, identities.get(row["customer_id"], NO_IDENTITIES))
        made.append([cell(person, names) for cell in cells])
    return made


def _identities(
    connection: Connection, tenant: Tenant, ids: Sequence[int], kinds: Sequence[str]
) -> dict[int, dict[str, list[str]]]:
    if not kinds:
        return {}
    rows = connection.execute(
        text(
            "select customer_id, kind, value from identity where tenant_id = :tenant_id and customer_id = any(:ids) "
            "and kind = any(:kinds) order by verified desc, created_at, hmac"
        ),
        {"tenant_id": tenant.id, "ids": list(ids), "kinds": list(kinds)},
    )
    found: dict[int, dict[str, list[str]]] = {}
    decrypt = tenant.cipher.decrypt
    for customer_id, kind, value in rows.all():
        found.setdefault(customer_id, {}).setdefault(kind, []).append(decrypt(value, VALUE).decode())
    return found

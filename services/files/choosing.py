"""Reads whom an export is to hold: the one place where a stored choice becomes a SELECT."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from services.files.model import FileRefusedError
from services.finding.selection import Selection
from services.finding.store import select_found
from shared.tenants import Tenant

ALL, IDS, FILTER = "all", "customer_ids", "filter"


def selection_of(
    connection: Connection, tenant: Tenant, chosen: Mapping[str, Any], *, region: str, now: datetime
) -> Selection:
    """
    Raises:
        FileRefusedError: it cannot be read (any more).
        FilterError: the filter cannot be, such as when a custom field was deleted meanwhile.
    """
    whole = "select id as customer_id from customer where tenant_id = :f_tenant_id and merged_into is null"
    if chosen == {ALL: True}:
        return Selection(whole, {"f_tenant_id": tenant.id})
    if set(chosen) == {IDS}:
        return Selection(
            f"{whole} and id = any(cast(:f_ids as bigint[]))", {"f_tenant_id": tenant.id, "f_ids": chosen[IDS]}
        )
    if set(chosen) == {FILTER}:
        return select_found(connection, tenant, chosen[FILTER], region=region, now=now)
    raise FileRefusedError("nobody knows whom this means")

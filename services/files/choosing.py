"""Reads whom an export is to hold: the one place where a stored choice becomes a SELECT."""

from collections.abc import Mapping
from typing import Any

from services.files.model import FileRefusedError
from services.finding.selection import Selection
from shared.ids import TenantId

ALL, IDS = "all", "customer_ids"


def selection_of(tenant_id: TenantId, chosen: Mapping[str, Any]) -> Selection:
    """
    Raises:
        FileRefusedError: it cannot be read (any more).
    """
    whole = "select id as customer_id from customer where tenant_id = :f_tenant_id and merged_into is null"
    if chosen == {ALL: True}:
        return Selection(whole, {"f_tenant_id": tenant_id})
    if set(chosen) == {IDS}:
        return Selection(
            f"{whole} and id = any(cast(:f_ids as bigint[]))", {"f_tenant_id": tenant_id, "f_ids": chosen[IDS]}
        )
    raise FileRefusedError("nobody knows whom this means")

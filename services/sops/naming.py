"""Whether what a rule names is there: tags, stages, fields of the retailer's own."""

from sqlalchemy import Connection

from services.finding.model import FilterError
from services.finding.store import load_definitions, read_filter
from services.sops.check import Draft, Problem
from shared.db.engine import fetch_one
from shared.tenants import Tenant


def problems_of_names(connection: Connection, tenant: Tenant, draft: Draft) -> list[Problem]:
    """(JSON pointer into the rule, reason) of what is not there.

    Raises:
        FilterError: what is wrong with the audience's filter, and where.
    """
    named = [("/trigger", draft.trigger.tag_id, draft.trigger.stage_id)]
    named += [(f"/exits/{n}", one.tag_id, one.stage_id) for n, one in enumerate(draft.exits)]
    problems: list[Problem] = []
    for place, tag_id, stage_id in named:
        if tag_id is not None and not _there(connection, tenant, _TAG, str(tag_id)):
            problems.append((f"{place}/tag_id", "there is no such tag (a local one is local:ID)"))
        if stage_id is not None and not _there(connection, tenant, _STAGE, str(stage_id)):
            problems.append((f"{place}/stage_id", "there is no such stage"))
    problems += _of_field(connection, tenant, draft)
    if draft.audience.filter is not None:
        try:
            read_filter(connection, tenant, draft.audience.filter)
        except FilterError as error:
            raise FilterError(error.problems, at="/audience/filter") from None
    return problems


_TAG = (
    "select from tag where tenant_id = :tenant_id and tag_id = :id and deleted_at is null union all "
    "select from local_tag where tenant_id = :tenant_id and 'local:' || id = :id and deleted_at is null"
)
_STAGE = "select from stage where tenant_id = :tenant_id and cast(id as text) = :id and deleted_at is null"


def _there(connection: Connection, tenant: Tenant, sql: str, id_: str) -> bool:
    return fetch_one(connection, sql, tenant_id=tenant.id, id=id_) is not None


def _of_field(connection: Connection, tenant: Tenant, draft: Draft) -> list[Problem]:
    field = draft.trigger.field or ""
    if not field.startswith("own:"):
        return []
    known = load_definitions(connection, tenant).get(field.removeprefix("own:"))
    if known is None or known.kind != "date":
        return [("/trigger/field", "there is no such field that is a date and not personal")]
    return []

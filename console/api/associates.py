"""Associates, for whoever picks one: in a filter, an assignment, a batch (CUS-2)."""

from flask import Response

from console.api import keysets
from console.api.acting import Work, read
from console.api.asked_finding import AssociatesQuery
from console.api.routes import operation
from console.api.told_finding import AssociateOut, AssociatesOut
from services.associates.listing import list_associates
from shared.api_keys import Scope


@operation("get", "/associates", Scope.CUSTOMERS_READ, AssociatesOut, group="finding", limited=True)
def find_associates(query: AssociatesQuery) -> Response:
    """List associates by userid, or find them by part of a name or userid; those who left only when asked for."""
    values = keysets.decode(query.cursor, (str,))
    after = "" if values is None else str(values[0] or "")

    def work(work: Work) -> AssociatesOut:
        found = list_associates(
            work.connection, work.tenant.id, part=query.name, gone=query.gone, after=after, limit=query.limit + 1
        )
        shown = found[: query.limit]
        return AssociatesOut(
            associates=[AssociateOut(**one.__dict__) for one in shown],
            next_cursor=keysets.encode(shown[-1].userid) if len(found) > len(shown) else None,
        )

    return read(work)

"""Relations that were lost, and that were deleted: two lists, never mixed (LOSS-1, LOSS-5, LOSS-6)."""

from datetime import datetime
from typing import cast

from flask import Response

from console.api import keysets
from console.api.acting import Work, read, stream, view
from console.api.asked_chats import EndedFilterIn, EndedQuery
from console.api.problems import ProblemError
from console.api.routes import operation
from console.api.told_chats import EndedRelationOut, EndedRelationsOut
from services.customers.model import State
from services.loss.listing import EndedAfter, ended_lines, list_ended
from shared.api_keys import Scope
from shared.audit import Change

GROUP = "losses"


@operation("get", "/lost-relations", Scope.CUSTOMERS_READ, EndedRelationsOut, group=GROUP)
def list_lost_relations(query: EndedQuery) -> Response:
    """List relations that the customer ended, the last one first, with how we know of it."""
    return _list(State.ENDED_BY_CUSTOMER, query)


@operation("get", "/deleted-relations", Scope.CUSTOMERS_READ, EndedRelationsOut, group=GROUP)
def list_deleted_relations(query: EndedQuery) -> Response:
    """List relations that the associate ended, the last one first, with how we know of it."""
    return _list(State.ENDED_BY_ASSOCIATE, query)


@operation("get", "/lost-relations:export", Scope.CUSTOMERS_READ, None, group=GROUP, file=True)
def export_lost_relations(query: EndedFilterIn) -> Response:
    """The list of lost relations as CSV (UTF-8 with BOM; no cell is a formula)."""
    return _export(State.ENDED_BY_CUSTOMER, query, name="lost-relations")


@operation("get", "/deleted-relations:export", Scope.CUSTOMERS_READ, None, group=GROUP, file=True)
def export_deleted_relations(query: EndedFilterIn) -> Response:
    """The list of deleted relations as CSV (UTF-8 with BOM; no cell is a formula)."""
    return _export(State.ENDED_BY_ASSOCIATE, query, name="deleted-relations")


def _list(state: State, query: EndedQuery) -> Response:
    values = keysets.decode(query.cursor, (datetime, str, str))
    if values is not None and None in values:
        raise ProblemError(400, "cursor", "no cursor of this listing: start without one")
    after = cast("EndedAfter | None", tuple(values) if values else None)

    def work(work: Work) -> EndedRelationsOut:
        limit = query.limit + 1
        rows = list_ended(work.connection, work.tenant.id, state, query.chosen(), after=after, limit=limit)
        shown = rows[: query.limit]
        last = shown[-1] if len(rows) > len(shown) else None
        return EndedRelationsOut(
            relations=[EndedRelationOut(**row) for row in shown],
            next_cursor=keysets.encode(last["ended_at"], last["external_userid"], last["userid"]) if last else None,
        )

    return read(work)


def _export(state: State, query: EndedFilterIn, *, name: str) -> Response:
    hide = view().mask_of_nicknames  # the request itself is over when the later pages are made
    after = {"filter": query.model_dump(mode="json", exclude_defaults=True)}
    return stream(
        lambda work, after: ended_lines(work.connection, work.tenant, state, query.chosen(), after=after, hide=hide),
        name=name,
        change=Change("relations.exported", "relation", state.value, after=after),
    )

"""Saved filters: kept, renamed, copied, deleted (CUS-3)."""

from dataclasses import replace

from flask import Response

from console.api.acting import Done, Work, read, write
from console.api.asked_records import NumberPath
from console.api.asked_rules import CopyBody, SavedFilterBody, SavedFilterEditBody, told
from console.api.gate import caller
from console.api.routes import operation
from console.api.told_rules import SavedFilterOut, SavedFiltersOut
from services.finding.store import read_filter
from services.saved_filters.model import SavedFilter
from services.saved_filters.store import (
    load_own_filter,
    load_saved_filter,
    load_saved_filters,
    record_saved_filter,
    record_saved_filter_edit,
    remove_saved_filter,
)
from shared.api_keys import Scope
from shared.audit import Change

GROUP = "finding"
KIND = "saved_filter"


@operation("get", "/saved-filters", Scope.FILTERS_READ, SavedFiltersOut, group=GROUP)
def list_saved_filters() -> Response:
    """List the caller's saved filters, and those that others share."""
    return read(_filters_out)


@operation("post", "/saved-filters", Scope.FILTERS_WRITE, SavedFiltersOut, status=201, group=GROUP, once=True)
def save_filter(body: SavedFilterBody) -> Response:
    """Save a filter under a name."""
    given = told(body.filter)

    def work(work: Work) -> Done:
        read_filter(work.connection, work.tenant, given)
        return _save(work, body.name, given, shared=body.shared)

    return write(work, once=True)


@operation(
    "post", "/saved-filters/<id>/copies", Scope.FILTERS_WRITE, SavedFiltersOut, status=201, group=GROUP, once=True
)
def copy_filter(path: NumberPath, body: CopyBody) -> Response:
    """Copy a filter, one that another one shares too, to one of the caller's own."""

    def work(work: Work) -> Done:
        found = load_saved_filter(work.connection, work.tenant, path.id, owner=caller().actor)
        return _save(work, body.name, found.filter, shared=False)

    return write(work, once=True)


def _save(work: Work, name: str, given: object, *, shared: bool) -> Done:
    owner = caller().actor
    id_ = record_saved_filter(
        work.connection, work.tenant, name=name, given=given, owner=owner, shared=shared, now=work.now
    )
    change = Change("saved_filter.made", KIND, str(id_), after={"name": name, "filter": given, "shared": shared})
    return Done(_filters_out(work), 201, (change,))


@operation("patch", "/saved-filters/<id>", Scope.FILTERS_WRITE, SavedFiltersOut, group=GROUP, once=True)
def edit_filter(path: NumberPath, body: SavedFilterEditBody) -> Response:
    """Rename a saved filter of one's own, change it, share it or keep it to oneself."""

    def work(work: Work) -> Done:
        found = load_own_filter(work.connection, work.tenant, path.id, owner=caller().actor)
        given = told(body.filter) if body.filter is not None else found.filter
        read_filter(work.connection, work.tenant, given)
        shared = found.shared if body.shared is None else body.shared
        changed = replace(found, name=body.name or found.name, filter=given, shared=shared)
        record_saved_filter_edit(work.connection, work.tenant, changed, now=work.now)
        before, after = ({"name": o.name, "filter": o.filter, "shared": o.shared} for o in (found, changed))
        return Done(_filters_out(work), 200, (Change("saved_filter.edited", KIND, str(found.id), before, after),))

    return write(work, once=True)


@operation("delete", "/saved-filters/<id>", Scope.FILTERS_WRITE, SavedFiltersOut, group=GROUP)
def delete_filter(path: NumberPath) -> Response:
    """Delete a saved filter of one's own; segments and rules made of it keep theirs."""

    def work(work: Work) -> Done:
        found = load_own_filter(work.connection, work.tenant, path.id, owner=caller().actor)
        remove_saved_filter(work.connection, work.tenant.id, found.id)
        before = {"name": found.name, "filter": found.filter}
        return Done(_filters_out(work), 200, (Change("saved_filter.deleted", KIND, str(found.id), before),))

    return write(work)


def _filters_out(work: Work) -> SavedFiltersOut:
    found = load_saved_filters(work.connection, work.tenant, owner=caller().actor)
    return SavedFiltersOut(filters=[_out(one) for one in found])


def _out(one: SavedFilter) -> SavedFilterOut:
    same = {name: getattr(one, name) for name in SavedFilterOut.model_fields if hasattr(one, name)}
    return SavedFilterOut(filter_id=one.id, **same)

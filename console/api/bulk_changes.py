"""Changes of all customers whom a filter finds: previewed, asked for, followed, stopped, undone (CUS-8)."""

from collections.abc import Callable

from flask import Response

from console.api import cursors
from console.api.acting import Done, Work, read, write
from console.api.asked_bulk import (
    BulkChangeBody,
    BulkChangePath,
    BulkChangesQuery,
    BulkPreviewBody,
    BulkRowsQuery,
    BulkTurnBody,
    BulkUndoBody,
    ChangeIn,
)
from console.api.gate import caller
from console.api.problems import ProblemError
from console.api.routes import operation
from console.api.told_bulk import (
    BulkChangeLineOut,
    BulkChangeOut,
    BulkChangesOut,
    BulkPreviewOut,
    BulkRowOut,
    BulkRowsOut,
)
from console.desk import desk
from services.bulk.store import count_rows
from services.bulk_changes import asking
from services.bulk_changes.kinds.registry import KINDS
from services.bulk_changes.model import BulkRefusedError, Change, RowState, Wanted, read_wanted
from services.bulk_changes.plan import confirmations, most_of
from services.bulk_changes.store import count_reasons, load_change, load_rows, page_changes
from services.finding.model import FilterIn
from services.finding.selection import Selection
from services.finding.store import select_found
from services.intents.model import Source
from shared.api_keys import Scope
from shared.audit import Change as Audited

GROUP = "bulk changes"
SUBJECT = "bulk_change"
ALSO = {
    "fields": Scope.CUSTOMERS_WRITE,
    "local_tags": Scope.TAGS_WRITE,
    "corp_tags": Scope.TAGS_WRITE,
    "blacklist": Scope.BLACKLIST_WRITE,
    "assignment": Scope.CUSTOMERS_WRITE,
    "pool": Scope.POOL_WRITE,
    "stage": Scope.CUSTOMERS_WRITE,
    "score": Scope.CUSTOMERS_WRITE,
    "deletion": Scope.CUSTOMERS_DELETE,
}
"""What a key needs besides to change many in this way."""


def _may(kind: str) -> None:
    if ALSO[kind].value not in caller().scopes:
        raise ProblemError(403, "forbidden", f"this key lacks the scope {ALSO[kind].value}")


def _wanted(change: ChangeIn) -> Wanted:
    _may(change.kind)
    return read_wanted(change.model_dump(mode="json", exclude_unset=True))


def _chosen(work: Work, given: FilterIn) -> Selection:
    region = desk().runtime.settings.phone_region
    return select_found(work.connection, work.tenant, given, region=region, now=work.now)


@operation("post", "/bulk-changes:preview", Scope.BULK_WRITE, BulkPreviewOut, group=GROUP)
def preview_bulk_change(body: BulkPreviewBody) -> Response:
    """Count exactly whom a change would be about, and of whom it could not be done and why. Nothing is changed."""
    wanted = _wanted(body.change)

    def work(work: Work) -> BulkPreviewOut:
        found = asking.preview(work.connection, work.tenant, _chosen(work, body.filter), wanted)
        return BulkPreviewOut(
            count=found.count,
            most=most_of(wanted.kind),
            sample_customer_ids=list(found.sample),
            hindered=dict(found.hindered),
            confirmations=list(found.confirmations),
            undoable=KINDS[wanted.kind].undo is not None,
        )

    return read(work)


@operation("post", "/bulk-changes", Scope.BULK_WRITE, BulkChangeOut, status=202, group=GROUP, once=True)
def ask_bulk_change(body: BulkChangeBody) -> Response:
    """Change all customers whom the filter finds now; who comes to fit it later is not touched.

    409 `confirmation` with the number of now, when it is another one than was confirmed.
    """
    wanted = _wanted(body.change)
    filter_ = body.filter.model_dump(mode="json")

    def work(work: Work) -> Done:
        change = asking.ask(
            work.connection,
            work.tenant,
            _chosen(work, body.filter),
            wanted,
            filter_=filter_,
            reason=body.reason,
            confirmation=body.confirmation,
            author=caller().name,
            source=Source.API,
            now=work.now,
        )
        told = {
            "kind": change.kind,
            "filter": filter_,
            "change": wanted.model_dump(mode="json"),
            "count": change.total_count,
            "reason": change.reason,
        }
        return Done(_out(work, change), 202, (Audited("bulk_change.asked", SUBJECT, str(change.id), after=told),))

    return write(work, once=True)


@operation("get", "/bulk-changes", Scope.BULK_READ, BulkChangesOut, group=GROUP)
def list_bulk_changes(query: BulkChangesQuery) -> Response:
    """List bulk changes, newest first."""
    after = cursors.decode(query.cursor)

    def work(work: Work) -> BulkChangesOut:
        before = after.id if after else None
        found = page_changes(work.connection, work.tenant, before=before, limit=query.limit + 1)
        shown = found[: query.limit]
        more = cursors.encode(shown[-1].id) if len(found) > len(shown) else None
        return BulkChangesOut(changes=[_line(one) for one in shown], next_cursor=more)

    return read(work)


@operation("get", "/bulk-changes/<id>", Scope.BULK_READ, BulkChangeOut, group=GROUP)
def show_bulk_change(path: BulkChangePath) -> Response:
    """Show how far a bulk change is, and what came of it."""
    return read(lambda work: _out(work, load_change(work.connection, work.tenant, path.id)))


@operation("get", "/bulk-changes/<id>/rows", Scope.BULK_READ, BulkRowsOut, group=GROUP)
def list_bulk_rows(path: BulkChangePath, query: BulkRowsQuery) -> Response:
    """List the customers of a bulk change with what came of each, in the order of their ids."""
    after = cursors.decode(query.cursor)

    def work(work: Work) -> BulkRowsOut:
        load_change(work.connection, work.tenant, path.id)
        states = [query.state] if query.state else list(RowState)
        found = load_rows(
            work.connection,
            work.tenant.id,
            path.id,
            states=states,
            after=after.id if after else 0,
            limit=query.limit + 1,
        )
        shown = found[: query.limit]
        more = cursors.encode(shown[-1]["customer_id"]) if len(found) > len(shown) else None
        return BulkRowsOut(rows=[BulkRowOut(**row) for row in shown], next_cursor=more)

    return read(work)


@operation("post", "/bulk-changes/<id>/pause", Scope.BULK_WRITE, BulkChangeOut, group=GROUP)
def pause_bulk_change(path: BulkChangePath, body: BulkTurnBody) -> Response:
    """Begin no further page of it."""
    return _turn(path.id, body, "paused", lambda work: asking.pause(work.connection, work.tenant, path.id))


@operation("post", "/bulk-changes/<id>/resume", Scope.BULK_WRITE, BulkChangeOut, group=GROUP)
def resume_bulk_change(path: BulkChangePath, body: BulkTurnBody) -> Response:
    """Go on where it was paused."""
    return _turn(
        path.id, body, "resumed", lambda work: asking.resume(work.connection, work.tenant, path.id, now=work.now)
    )


@operation("post", "/bulk-changes/<id>/cancel", Scope.BULK_WRITE, BulkChangeOut, group=GROUP)
def cancel_bulk_change(path: BulkChangePath, body: BulkTurnBody) -> Response:
    """Change nobody else; what was changed stays so, and can be undone."""
    return _turn(
        path.id, body, "cancelled", lambda work: asking.cancel(work.connection, work.tenant, path.id, now=work.now)
    )


def _turn(change_id: int, body: BulkTurnBody, done: str, act: Callable[[Work], Change]) -> Response:
    def work(work: Work) -> Done:
        change = act(work)
        _may_touch(change)
        told = {"reason": body.reason} if body.reason else {}
        return Done(_out(work, change), 200, (Audited(f"bulk_change.{done}", SUBJECT, str(change_id), after=told),))

    return write(work)


def _may_touch(change: Change) -> None:
    if change.wanted is not None:
        _may(change.kind)


@operation("post", "/bulk-changes/<id>/undo", Scope.BULK_WRITE, BulkChangeOut, status=202, group=GROUP, once=True)
def undo_bulk_change(path: BulkChangePath, body: BulkUndoBody) -> Response:
    """Put back what was before, of all customers who are still as the change left them. A bulk change of its own."""

    def work(work: Work) -> Done:
        _may_touch(load_change(work.connection, work.tenant, path.id))
        change = asking.ask_undo(
            work.connection,
            work.tenant,
            path.id,
            reason=body.reason,
            confirmation=body.confirmation,
            author=caller().name,
            source=Source.API,
            now=work.now,
        )
        told = {"undoes": path.id, "count": change.total_count, "reason": change.reason}
        return Done(_out(work, change), 202, (Audited("bulk_change.asked", SUBJECT, str(change.id), after=told),))

    return write(work, once=True)


def _counts(change: Change) -> dict[str, int]:
    reached = change.done_count + change.same_count + change.refused_count
    counts = {"done": change.done_count, "same": change.same_count, "refused": change.refused_count}
    return {"waiting": change.total_count - reached, **counts}


def _line(change: Change) -> BulkChangeLineOut:
    names = ("id", "kind", "author", "undoes", "created_at", "finished_at")
    known = {name: getattr(change, name) for name in names}
    return BulkChangeLineOut(state=change.state.value, total=change.total_count, counts=_counts(change), **known)


def _out(work: Work, change: Change) -> BulkChangeOut:
    pushes = {} if change.job_id is None else count_rows(work.connection, work.tenant.id, change.job_id)
    try:
        asking.check_undoable(change)
        undo = list(confirmations("undo", asking.count_undoable(work.connection, work.tenant.id, change.id)))
    except BulkRefusedError:
        undo = []
    return BulkChangeOut(
        **_line(change).model_dump(),
        change=change.wanted.model_dump(mode="json") if change.wanted else None,
        filter=change.filter,
        reason=change.reason,
        refused=count_reasons(work.connection, work.tenant.id, change.id),
        pushes={state.value: count for state, count in pushes.items()},
        job_id=change.job_id,
        undo_confirmations=undo,
    )

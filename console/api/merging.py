"""Two records of one person become one, and part again (CUS-9)."""

from flask import Response

from console.api import cursors
from console.api.acting import Done, Work, read, write
from console.api.asked import CustomerPath, PageQuery
from console.api.asked_persons import MergeBody, MergePath, MergePreviewPath, MergePreviewQuery, UndoBody
from console.api.customers import sheet_of
from console.api.gate import caller
from console.api.routes import operation
from console.api.sheets import customer_out
from console.api.told_persons import (
    FieldChoiceOut,
    KeptOut,
    MergedOut,
    MergeOut,
    MergePreviewOut,
    MergesOut,
    PartedOut,
)
from services.merging.merge import merge, preview
from services.merging.store import page_merges
from services.merging.undo import undo
from services.pool.leaving import leave_of_friends
from shared.api_keys import Scope
from shared.audit import Change
from shared.ids import CustomerId

GROUP = "merges"


@operation("get", "/customers/<id>/merge-preview/<other_id>", Scope.CUSTOMERS_READ, MergePreviewOut, group=GROUP)
def preview_merge(path: MergePreviewPath, query: MergePreviewQuery) -> Response:
    """Show both records, what each field would become, and how much would go over. Writes nothing."""

    def work(work: Work) -> MergePreviewOut:
        master, other = sheet_of(work, path.id), sheet_of(work, path.other_id)
        found = preview(work.connection, work.tenant, master.customer_id, other.customer_id, take=query.take)
        return MergePreviewOut(
            refused=found.refused,
            fields=[FieldChoiceOut(**one.__dict__) for one in found.fields],
            rows=dict(found.rows),
            customer=customer_out(master),
            other=customer_out(other),
        )

    return read(work)


@operation("post", "/customers/<id>/merge", Scope.CUSTOMERS_WRITE, MergedOut, group=GROUP, once=True)
def merge_customers(path: CustomerPath, body: MergeBody) -> Response:
    """Make another record part of this one; its id leads here from now on.

    409 when they contradict each other in what a person has once: external_userid, unionid, crm.
    """

    def work(work: Work) -> Done:
        done = merge(
            work.connection,
            work.tenant,
            CustomerId(path.id),
            CustomerId(body.other_id),
            take=body.take,
            by=caller().actor,
            now=work.now,
        )
        left = leave_of_friends(work.connection, work.tenant.id, [done.customer_id], how="person", now=work.now)
        answer = MergedOut(
            merge_id=done.merge_id, moved=dict(done.moved), customer=customer_out(sheet_of(work, done.customer_id))
        )
        return Done(answer, 200, _with_reason(done.changes, body.reason), (done.fact, *left))

    return write(work, once=True)


def _with_reason(changes: tuple[Change, ...], reason: str | None) -> tuple[Change, ...]:
    if reason is None:
        return changes
    first, *others = changes
    after = dict(first.after) | {"reason": reason}
    return (Change(first.action, first.subject_kind, first.subject_key, first.before, after), *others)


@operation("get", "/customers/<id>/merges", Scope.CUSTOMERS_READ, MergesOut, group=GROUP)
def list_merges(path: CustomerPath, query: PageQuery) -> Response:
    """List the merges that made this customer, newest first, undone ones too."""
    after = cursors.decode(query.cursor)

    def work(work: Work) -> MergesOut:
        sheet = sheet_of(work, path.id)
        ids = [sheet.customer_id, *sheet.merged_ids]
        before = after.id if after else None
        rows = page_merges(work.connection, work.tenant.id, ids, before=before, limit=query.limit + 1)
        shown = rows[: query.limit]
        more = cursors.encode(shown[-1].id) if len(rows) > len(shown) else None
        return MergesOut(merges=[MergeOut(**one.__dict__) for one in shown], next_cursor=more)

    return read(work)


@operation("post", "/merges/<id>/undo", Scope.CUSTOMERS_WRITE, PartedOut, group=GROUP, once=True)
def undo_merge(path: MergePath, body: UndoBody) -> Response:
    """Take a merge back: what came with the record goes with it; what was made or changed since stays, and is told."""

    def work(work: Work) -> Done:
        done = undo(work.connection, work.tenant, path.id, by=caller().actor, now=work.now)
        answer = PartedOut(
            merge_id=done.merge_id,
            returned=dict(done.returned),
            kept=[KeptOut(table=one.table, key=dict(one.key)) for one in done.kept],
            kept_count=done.kept_count,
            kept_fields=list(done.kept_fields),
            customer=customer_out(sheet_of(work, done.customer_id)),
            parted=customer_out(sheet_of(work, done.parted_id)),
        )
        return Done(answer, 200, _with_reason(done.changes, body.reason), (done.fact,))

    return write(work, once=True)

"""Who changed what, when, from where (ACC-2)."""

from flask import Response

from console.api import cursors
from console.api.acting import Work, read
from console.api.asked_persons import AuditQuery
from console.api.routes import operation
from console.api.told_persons import AuditLineOut, AuditOut
from shared.api_keys import Scope
from shared.audit import Sought, page_audit


@operation("get", "/audit", Scope.AUDIT_READ, AuditOut, group="audit")
def list_audit(query: AuditQuery) -> Response:
    """List changes by people, keys and commands, newest first; with `details`, what the fields were and are."""
    after = cursors.decode(query.cursor, by_time=True)
    named = query.model_dump(include=set(Sought.__dataclass_fields__))

    def work(work: Work) -> AuditOut:
        before = None if after is None or after.updated_at is None else (after.updated_at, after.id)
        rows = page_audit(
            work.connection,
            work.tenant,
            Sought(**named),
            before=before,
            limit=query.limit + 1,
            details=query.details,
        )
        shown = rows[: query.limit]
        more = cursors.encode(shown[-1].id, shown[-1].at) if len(rows) > len(shown) else None
        return AuditOut(lines=[AuditLineOut(**one.__dict__) for one in shown], next_cursor=more)

    return read(work)

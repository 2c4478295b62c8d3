"""What was told to whom: every delivery with its tries, and trying again."""

from dataclasses import replace

from flask import Response

from console.api import cursors
from console.api.acting import Done, Work, read, write
from console.api.asked_reminders import NotificationPath, NotificationsQuery, RetryBody
from console.api.routes import operation
from console.api.told_reminders import NotificationDetailOut, NotificationOut, NotificationsOut, TryOut
from services.notices.log import Sought, list_notifications, load_message, load_notification, load_tries, retry
from shared.api_keys import Scope
from shared.ids import OutboxId

GROUP = "reminders"
RETRY = "/notifications/<string:id>:retry"
"""The document's maker would take `<id:` for the kind of a part."""


@operation("get", "/notifications", Scope.REMINDERS_READ, NotificationsOut, group=GROUP)
def list_notifications_(query: NotificationsQuery) -> Response:
    """List notifications to associates, newest first."""
    after = cursors.decode(query.cursor)
    sought = Sought(**query.model_dump(include=set(Sought.__dataclass_fields__)))

    def work(work: Work) -> NotificationsOut:
        before = after.id if after else None
        rows = list_notifications(work.connection, work.tenant.id, sought, before=before, limit=query.limit + 1)
        shown = rows[: query.limit]
        more = cursors.encode(shown[-1]["id"]) if len(rows) > len(shown) else None
        return NotificationsOut(notifications=[NotificationOut(**row) for row in shown], next_cursor=more)

    return read(work)


@operation("get", "/notifications/<id>", Scope.REMINDERS_READ, NotificationDetailOut, group=GROUP)
def show_notification(path: NotificationPath) -> Response:
    """Show one notification with every try and what its message says."""
    return read(lambda work: _detail(work, OutboxId(path.id)))


def _detail(work: Work, id_: OutboxId) -> NotificationDetailOut:
    row = load_notification(work.connection, work.tenant.id, id_)
    tries = [TryOut(**one) for one in load_tries(work.connection, work.tenant.id, row["folded_into"] or id_)]
    return NotificationDetailOut(**row, tries=tries, message=load_message(work.connection, work.tenant, id_))


@operation("post", RETRY, Scope.REMINDERS_WRITE, NotificationDetailOut, group=GROUP, once=True)
def retry_notification(path: NotificationPath, body: RetryBody) -> Response:
    """Send one again that is dead, refused or expired; one in doubt only if it may arrive twice. 409 for all others."""

    def work(work: Work) -> Done:
        id_ = OutboxId(path.id)
        change = retry(work.connection, work.tenant.id, id_, accept_duplicate=body.accept_duplicate, now=work.now)
        if body.reason is not None:
            change = replace(change, after={**change.after, "reason": body.reason})
        return Done(_detail(work, id_), 200, (change,))

    return write(work, once=True)

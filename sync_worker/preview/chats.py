"""What a full pass over group chats would change: their lists, then each chat by itself."""

from collections.abc import Collection, Iterator, Sequence
from functools import partial

from services.differences.model import Difference, What
from services.differences.store import present_chats
from services.groups.listing import owners_to_walk
from services.groups.model import CHAT
from shared.db.engine import describe
from shared.errors import RetryableError, TerminalError
from shared.ids import UserId
from shared.wecom.errors import NO_MEMBER, NO_RELATION, WeComError
from shared.wecom.payloads.chats import ChatKey
from shared.wecom.payloads.pages import Page
from sync_worker.preview import Step, View
from sync_worker.preview.subjects import preview_subject
from sync_worker.resync import CircleError
from sync_worker.resync.chats import BLOCK_SIZE, LEFT_OWNER, TOO_MANY


def preview_chats(view: View, scope: Collection[str] | None = None) -> Iterator[Step]:
    """Chat by chat. `scope`: only those of these owners."""
    owners = set(view.ask(view.client().contacts.follow_users))
    with view.reading() as connection:
        owners |= set(owners_to_walk(connection, view.tenant.id))
        known = present_chats(connection, view.tenant.id)
    walked = sorted(owner for owner in owners if scope is None or owner in scope)
    listed: set[str] = set()
    unread: set[str] = set()
    for at in range(0, len(walked), BLOCK_SIZE):
        yield from _owners(view, walked[at : at + BLOCK_SIZE], listed, unread)
    for status in () if scope is not None else LEFT_OWNER:
        yield from _status(view, status, listed)
    lost = [one for one, owner in known.items() if one not in listed and (scope is None or owner in scope)]
    yield Step(differences=tuple(Difference(CHAT, one, What.MISSING) for one in lost if known[one] not in unread))


def _owners(view: View, owners: Sequence[UserId], listed: set[str], unread: set[str]) -> Iterator[Step]:
    cursor, cursors = "", set[str]()
    while True:
        try:
            page = view.ask(partial(view.client().chats.list, owners=owners, cursor=cursor))
            if page.next_cursor in cursors:
                raise CircleError
        except (RetryableError, TerminalError) as error:
            refused = isinstance(error, WeComError) and error.code in NO_MEMBER | NO_RELATION | {40031, 40058}
            if refused and len(owners) == 1:
                return
            if refused:
                for one in owners:
                    yield from _owners(view, [one], listed, unread)
                return
            unread.update(owners)
            yield Step(unread=((", ".join(owners[:5]), describe(error)),))
            return
        yield from _chats(view, page, listed)
        if not page.next_cursor:
            return
        cursor = page.next_cursor
        cursors.add(cursor)


def _status(view: View, status: int, listed: set[str]) -> Iterator[Step]:
    cursor, cursors = "", set[str]()
    while True:
        try:
            page = view.ask(partial(view.client().chats.list, status=status, cursor=cursor))
            if page.next_cursor in cursors:
                raise CircleError
        except (RetryableError, TerminalError) as error:
            if not isinstance(error, WeComError) or error.code != TOO_MANY:
                yield Step(unread=((f"chats of status {status}", describe(error)),))
            return
        yield from _chats(view, page, listed)
        if not page.next_cursor:
            return
        cursor = page.next_cursor
        cursors.add(cursor)


def _chats(view: View, page: Page[ChatKey], listed: set[str]) -> Iterator[Step]:
    for chat_id in sorted({row.chat_id for row in page.rows} - listed):
        listed.add(chat_id)
        try:
            yield Step(1, preview_subject(view, CHAT, chat_id).differences)
        except (RetryableError, TerminalError) as error:
            yield Step(unread=((chat_id, describe(error)),))

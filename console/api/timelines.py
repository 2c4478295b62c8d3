"""Everything that happened to one customer, newest first (CUS-4)."""

from flask import Response

from console.api import cursors
from console.api.acting import Work, read
from console.api.asked import CustomerPath
from console.api.asked_persons import TimelineQuery
from console.api.customers import sheet_of
from console.api.routes import operation
from console.api.told_persons import EntryOut, TimelineOut, WordsOut
from services.timeline.model import Entry, Names
from services.timeline.sources import SOURCES
from services.timeline.store import load_page
from services.timeline.words import said
from shared.api_keys import Scope

NUMBERED = [source.number for source in SOURCES]


@operation("get", "/customers/<id>/timeline", Scope.CUSTOMERS_READ, TimelineOut, group="customers")
def show_timeline(path: CustomerPath, query: TimelineQuery) -> Response:
    """List what happened to a customer, newest first: friendships, orders, events, notes, tasks, chats, edits.

    Records that were merged into this customer are included.
    """
    place = cursors.decode_place(query.cursor, numbered=NUMBERED)

    def work(work: Work) -> TimelineOut:
        customer_id = sheet_of(work, path.id).customer_id
        page = load_page(work.connection, work.tenant, customer_id, kinds=query.kind, place=place, limit=query.limit)
        return TimelineOut(
            customer_id=customer_id,
            entries=[_out(one, page.names) for one in page.entries],
            next_cursor=None if page.next is None else cursors.encode_place(page.next),
        )

    return read(work)


def _out(entry: Entry, names: Names) -> EntryOut:
    return EntryOut(
        at=entry.place.at,
        kind=entry.kind,
        what=entry.what,
        source=entry.source,
        words=WordsOut(zh=said(entry, names, "zh"), en=said(entry, names, "en")),
        cause=entry.cause,
        by=entry.by,
        values=dict(entry.values),
        text=entry.text,
        properties=dict(entry.properties),
    )

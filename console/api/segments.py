"""Segments: made, changed, refreshed, their members and what these are like (SEG-1, SEG-2)."""

from dataclasses import replace

from flask import Response

from console.api import cursors
from console.api.acting import Done, Work, read, write
from console.api.asked import PageQuery
from console.api.asked_records import NumberPath
from console.api.asked_rules import ByHandPath, MembersBody, RefreshBody, SegmentBody, SegmentEditBody, told
from console.api.gate import caller
from console.api.meant import MOST_FOUND, chosen
from console.api.routes import operation
from console.api.told_rules import (
    GoodsOut,
    MemberOut,
    MembersChangedOut,
    MembersOut,
    PortraitOut,
    SegmentOut,
    SegmentsOut,
)
from services.chosen import load_page, lock_page
from services.finding.store import read_filter
from services.rules.book import lock_rules
from services.rules.checking import refuse_circle, refuse_in_use
from services.segments.by_hand import lock_by_hand, put_in, take_out
from services.segments.model import MOST_SEGMENTS, Kind, Segment, SegmentRefusedError, State
from services.segments.portrait import portray
from services.segments.store import (
    load_members,
    load_segment,
    load_segments,
    record_deleted,
    record_segment,
    record_segment_edit,
    want_refresh,
)
from shared.api_keys import Scope
from shared.audit import Change
from shared.names import plain

GROUP = "segments"


@operation("get", "/segments", Scope.SEGMENTS_READ, SegmentsOut, group=GROUP, limited=True)
def list_segments() -> Response:
    """List segments by name."""
    return read(_segments_out)


@operation("post", "/segments", Scope.SEGMENTS_WRITE, SegmentOut, status=201, group=GROUP, once=True)
def make_segment(body: SegmentBody) -> Response:
    """Make a segment; its members are there within seconds, and are then what the filter finds (`refreshed_at`).

    A static one without a filter is empty: people are put in by hand, and by imports.
    """
    given = None if body.filter is None else told(body.filter)

    def work(work: Work) -> Done:
        lock_rules(work.connection, work.tenant.id)
        if given is not None:
            read_filter(work.connection, work.tenant, given)
        segments = load_segments(work.connection, work.tenant)
        _refuse_name(body.name, segments)
        if len(segments) >= MOST_SEGMENTS:
            raise SegmentRefusedError(f"there are {MOST_SEGMENTS} segments at most: delete one first")
        segment_id = record_segment(
            work.connection,
            work.tenant,
            name=body.name,
            category=body.category,
            kind=body.kind,
            given=given,
            by=caller().actor,
            now=work.now,
        )
        refuse_circle(work.connection, work.tenant, f"segment:{segment_id}")
        change = Change("segment.made", "segment", str(segment_id), after=body.model_dump(mode="json"))
        return Done(_out(load_segment(work.connection, work.tenant, segment_id)), 201, (change,))

    return write(work, once=True)


@operation("get", "/segments/<id>/members", Scope.SEGMENTS_READ, MembersOut, group=GROUP, limited=True)
def list_members(path: NumberPath, query: PageQuery) -> Response:
    """List the members of a segment, by id."""
    after = cursors.decode(query.cursor)

    def work(work: Work) -> MembersOut:
        load_segment(work.connection, work.tenant, path.id)
        first = after.id if after else 0
        found = load_members(work.connection, work.tenant.id, path.id, after=first, limit=query.limit + 1)
        shown = found[: query.limit]
        return MembersOut(
            members=[MemberOut(customer_id=one.customer_id, since=one.since) for one in shown],
            next_cursor=cursors.encode(shown[-1].customer_id) if len(found) > len(shown) else None,
        )

    return read(work)


@operation("post", "/segments/<id>/members", Scope.SEGMENTS_WRITE, MembersChangedOut, group=GROUP, once=True)
def put_members_in(path: ByHandPath, body: MembersBody) -> Response:
    """Put customers into a static segment without a filter: 1,000 named ones at most, or 10,000 found by a filter."""
    return write(lambda work: _change_members(work, path.id, body, come=True), once=True)


@operation("post", "/segments/<id>/members/remove", Scope.SEGMENTS_WRITE, MembersChangedOut, group=GROUP, once=True)
def take_members_out(path: ByHandPath, body: MembersBody) -> Response:
    """Take customers out of a static segment without a filter, as many as are put in at once."""
    return write(lambda work: _change_members(work, path.id, body, come=False), once=True)


def _change_members(work: Work, segment_id: int, body: MembersBody, *, come: bool) -> Done:
    connection, tenant_id, by = work.connection, work.tenant.id, caller().actor
    ids = load_page(connection, chosen(work, body), after=0, limit=MOST_FOUND)
    ids = lock_page(connection, tenant_id, ids)
    segment = lock_by_hand(connection, work.tenant, segment_id)
    if come:
        count = put_in(connection, tenant_id, {segment.id: ids}, by=by, now=work.now).get(segment.id, 0)
    else:
        count = take_out(connection, tenant_id, segment.id, ids, by=by, now=work.now)
    answer = MembersChangedOut(chosen_count=len(ids), changed_count=count)
    named = {"customer_ids": body.customer_ids, "filter": body.filter and told(body.filter), **answer.model_dump()}
    action = "segment.members_put_in" if come else "segment.members_taken_out"
    return Done(answer, 200, (Change(action, "segment", str(segment.id), after=named),) if count else ())


@operation("get", "/segments/<id>/portrait", Scope.SEGMENTS_READ, PortraitOut, group=GROUP)
def show_portrait(path: NumberPath) -> Response:
    """Show what the members are like: standing, gender, level, outlet, tags, purchases, shops, preferred goods.

    Of more than 50,000 members a part is looked at (`share`). Goods are known from orders told with their lines.
    """

    def work(work: Work) -> PortraitOut:
        segment = load_segment(work.connection, work.tenant, path.id)
        found = portray(work.connection, work.tenant.id, segment.id, member_count=segment.member_count)
        goods = [GoodsOut(**one.__dict__) for one in found.goods]
        values = {name: getattr(found, name) for name in ("seen_count", "share", "counts", "averages")}
        return PortraitOut(goods=goods, **values)

    return read(work)


@operation("post", "/segments/<id>/refreshes", Scope.SEGMENTS_WRITE, SegmentOut, status=202, group=GROUP)
def refresh_segment(path: NumberPath, body: RefreshBody) -> Response:  # noqa: ARG001 - a POST has a body
    """Have a segment refreshed now, in the background: a dynamic one, or one filled by hand, which is counted anew."""

    def work(work: Work) -> Done:
        segment = load_segment(work.connection, work.tenant, path.id)
        if segment.kind is Kind.STATIC and not segment.by_hand:
            raise SegmentRefusedError("a static segment stays as it was made")
        if segment.state is State.STOPPED:
            raise SegmentRefusedError("this segment is stopped; open it first")
        want_refresh(work.connection, work.tenant.id, segment.id, by=caller().actor, now=work.now)
        shown = _out(load_segment(work.connection, work.tenant, segment.id))
        return Done(shown, 202, (Change("segment.refresh_asked", "segment", str(segment.id)),))

    return write(work)


@operation("get", "/segments/<id>", Scope.SEGMENTS_READ, SegmentOut, group=GROUP, limited=True)
def show_segment(path: NumberPath) -> Response:
    """Show one segment."""
    return read(lambda work: _out(load_segment(work.connection, work.tenant, path.id)))


@operation("patch", "/segments/<id>", Scope.SEGMENTS_WRITE, SegmentOut, group=GROUP, once=True)
def edit_segment(path: NumberPath, body: SegmentEditBody) -> Response:
    """Rename a segment, change its category or filter, stop it (nothing refreshes it then) or open it again."""

    def work(work: Work) -> Done:
        lock_rules(work.connection, work.tenant.id)
        segment = load_segment(work.connection, work.tenant, path.id, lock=True)
        changed = _edited(segment, body)
        _refuse_name(changed.name, [one for one in load_segments(work.connection, work.tenant) if one.id != segment.id])
        if changed.filter is not None:
            read_filter(work.connection, work.tenant, changed.filter)
        record_segment_edit(work.connection, work.tenant, changed)
        refuse_circle(work.connection, work.tenant, f"segment:{segment.id}")
        other = (changed.filter, changed.state) != (segment.filter, segment.state)
        if other and changed.state is State.RUNNING and changed.kind is Kind.DYNAMIC:
            want_refresh(work.connection, work.tenant.id, segment.id, by=caller().actor, now=work.now)
        before, after = (
            {"name": one.name, "category": one.category, "filter": one.filter, "state": one.state.value}
            for one in (segment, changed)
        )
        shown = _out(load_segment(work.connection, work.tenant, segment.id))
        return Done(shown, 200, (Change("segment.edited", "segment", str(segment.id), before, after),))

    return write(work, once=True)


def _edited(segment: Segment, body: SegmentEditBody) -> Segment:
    if segment.kind is Kind.STATIC and (body.filter is not None or body.state is not None):
        raise SegmentRefusedError("a static segment stays as it was made: only its name and category change")
    category = body.category if "category" in body.model_fields_set else segment.category
    given = told(body.filter) if body.filter is not None else segment.filter
    state = body.state or segment.state
    return replace(segment, name=body.name or segment.name, category=category, filter=given, state=state)


@operation("delete", "/segments/<id>", Scope.SEGMENTS_WRITE, SegmentsOut, group=GROUP)
def delete_segment(path: NumberPath) -> Response:
    """Delete a segment. 409 while a rule or another segment asks for it."""

    def work(work: Work) -> Done:
        lock_rules(work.connection, work.tenant.id)
        segment = load_segment(work.connection, work.tenant, path.id, lock=True)
        refuse_in_use(work.connection, work.tenant, f"segment:{segment.id}")
        record_deleted(work.connection, work.tenant.id, segment.id, now=work.now)
        before = {"name": segment.name, "filter": segment.filter}
        return Done(_segments_out(work), 200, (Change("segment.deleted", "segment", str(segment.id), before),))

    return write(work)


def _refuse_name(name: str, others: list[Segment]) -> None:
    if any(plain(one.name) == plain(name) for one in others):
        raise SegmentRefusedError("another segment has this name already")


def _segments_out(work: Work) -> SegmentsOut:
    return SegmentsOut(segments=[_out(one) for one in load_segments(work.connection, work.tenant)])


def _out(one: Segment) -> SegmentOut:
    return SegmentOut(
        segment_id=one.id,
        name=one.name,
        category=one.category,
        kind=one.kind.value,
        by_hand=one.by_hand,
        filter=one.filter if caller().sight.is_everything else None,
        state=one.state.value,
        member_count=one.member_count if caller().sight.is_everything else None,
        refreshed_at=one.refreshed_at,
        wanted_at=one.wanted_at,
        problem=one.problem,
        created_at=one.created_at,
        created_by=one.created_by,
    )

"""Moments: a job makes one, members publish it, the rest is polling.

Source: WeCom server API, moments (pages 93333, 95094 and 97612).
"""

import secrets
from datetime import datetime
from typing import Any

from simulator.api import cursors
from simulator.api.calls import Call, Endpoint
from simulator.api.fields import number, part, text
from simulator.broadcasts.book import BEIJING
from simulator.customers.subjects import outward
from simulator.errors import ApiError
from simulator.moments.book import Copy, Job, Json, Moment, MomentBook
from simulator.moments.making import check_content, choose_senders, choose_tags, finish
from simulator.moments.settings import MomentSettings
from simulator.tags.rule_api import RuleApi
from simulator.tags.rule_groups import MomentRuleBook

MOST_A_MINUTE, MOST_A_MONTH = 10, 100_000
JOB_LIFE_S = 86_400
LONGEST_SPAN_S = 30 * 86_400
BY_CORP, BY_MEMBER, EVERYTHING = 0, 1, 2
STARTED, IN_PROGRESS, FINISHED = 1, 2, 3


def add_moment_task(call: Call) -> Json:
    """Start a job; members who are not in scope are not asked."""
    asked, numbers, now = call.json(), call.settings(MomentSettings), call.world.now()
    if not numbers.enabled:
        raise ApiError(41211)
    content, told = check_content(call, asked), part(asked, "visible_range")
    userids, invalid_senders = choose_senders(call, part(told, "sender_list"))
    tags, invalid_tags = choose_tags(call, part(told, "external_contact_list"))
    _count(call, now=now)
    job = Job(
        f"simjob-{secrets.token_hex(8)}",
        call.app.agent_id,
        now,
        starts_at=now + numbers.starts_after_s,
        finishes_at=now + numbers.finishes_after_s,
    )
    moment = Moment(f"momSim{secrets.token_urlsafe(18)}", content, 0, 0, tags=tags)
    moment.copies = {userid: Copy(userid) for userid in userids}
    invalid = {"invalid_sender_list": invalid_senders, "invalid_external_contact_list": {"tag_list": invalid_tags}}
    call.book(MomentBook).jobs[job.jobid] = job
    world, corp = call.world, call.corp
    world.later(job.finishes_at, lambda at: finish(world, corp, job, moment, invalid))  # noqa: ARG005 - Later has a time
    return {"jobid": job.jobid}


def _count(call: Call, *, now: float) -> None:
    """ApiError when there were ten in the last minute, or 41210 as many as a month may have."""
    book = call.book(MomentBook)
    book.created_at = [at for at in book.created_at if at > now - 60]
    if len(book.created_at) >= MOST_A_MINUTE:
        raise ApiError(call.settings(MomentSettings).too_often_code)
    month = f"{datetime.fromtimestamp(now, BEIJING):%Y-%m}"
    if book.by_month[month] >= MOST_A_MONTH:
        raise ApiError(41210)
    book.created_at.append(now)
    book.by_month[month] += 1


def get_moment_task_result(call: Call) -> Json:
    job, now = call.book(MomentBook).jobs.get(call.query.get("jobid", "")), call.world.now()
    if job is None or job.agent_id != call.app.agent_id or now >= job.created_at + JOB_LIFE_S:
        raise ApiError(40088)
    answer: Json = {"status": STARTED if now < job.starts_at else IN_PROGRESS, "type": "add_moment_task"}
    return {**answer, "status": FINISHED, "result": job.result} if job.result else answer


def _moment(call: Call, asked: Json) -> Moment:
    if not asked.get("moment_id"):
        raise ApiError(41059)
    found = call.book(MomentBook).moments.get(text(asked, "moment_id"))
    if found is None or found.deleted:
        raise ApiError(41060)
    return found


def _corp_moment(call: Call, asked: Json) -> Moment:
    """ApiError 41067 for a member's own."""
    found = _moment(call, asked)
    if found.creator:
        raise ApiError(41067)
    return found


def cancel_moment_task(call: Call) -> Json:
    """Nobody publishes it any more; published copies stay."""
    _corp_moment(call, call.json()).cancelled = True
    return {}


def get_moment_list(call: Call) -> Json:
    """The interval is open at both ends."""
    asked = call.json()
    start, end = number(asked, "start_time"), number(asked, "end_time")
    if not start or not end:
        raise ApiError(40063, detail="start_time")
    if not 0 <= end - start <= LONGEST_SPAN_S:
        raise ApiError(40058, detail="end_time")
    creator, kind = text(asked, "creator").lower(), asked.get("filter_type", EVERYTHING)
    if kind not in (BY_CORP, BY_MEMBER, EVERYTHING):
        raise ApiError(40058, detail="filter_type")
    rows = [
        _view(item)
        for item in call.book(MomentBook).moments.values()
        if start < item.create_time < end
        and not item.deleted
        and creator in ("", item.creator.lower())
        and kind in (EVERYTHING, BY_MEMBER if item.creator else BY_CORP)
        and any(_in_scope(call, userid) for userid in item.copies)
    ]
    return _page(call, asked, "moment_list", rows, default=20, most=20)


def _view(moment: Moment) -> Json:
    view: Json = {
        "moment_id": moment.moment_id,
        "create_time": moment.create_time,
        "create_type": BY_MEMBER if moment.creator else BY_CORP,
        "visible_type": 1 if moment.tags is None else 0,
        **moment.content,
    }
    return {**view, "creator": moment.creator} if moment.creator else view


def _in_scope(call: Call, userid: str) -> bool:
    member = call.corp.member(userid)
    return member is not None and call.sees(member)


def _page(call: Call, asked: Json, key: str, rows: list[Any], *, default: int, most: int) -> Json:
    """A limit over the most falls back to the default."""
    limit = cursors.limit_of(asked, default=default, most=most, over="default")
    filters = {name: value for name, value in asked.items() if name not in ("cursor", "limit")}
    bound_to = cursors.bound(call, key, *sorted(filters.items()))
    page, next_cursor = cursors.page(rows, cursor=asked.get("cursor"), limit=limit, bound_to=bound_to)
    return {key: page, "next_cursor": next_cursor}


def get_moment_task(call: Call) -> Json:
    asked = call.json()
    moment = _corp_moment(call, asked)
    if call.world.now() < moment.dispatched_at:
        raise ApiError(41079)
    rows = [
        {"userid": copy.userid, "publish_status": 1 if copy.published_at else 0}
        for copy in moment.copies.values()
        if _in_scope(call, copy.userid)
    ]
    return _page(call, asked, "task_list", rows, default=500, most=1000)


def _copy(call: Call, asked: Json) -> Copy:
    """What the named member published; ApiError 41061 not theirs, 41062 not published yet."""
    moment, member = _moment(call, asked), call.member(text(asked, "userid"))
    found = moment.copies.get(member.userid)
    if found is None:
        raise ApiError(41061)
    if not found.published_at:
        raise ApiError(41062)
    return found


def get_moment_customer_list(call: Call) -> Json:
    asked = call.json()
    copy = _copy(call, asked)
    rows = [{"userid": copy.userid, "external_userid": outward(call, item)} for item in copy.audience]
    return _page(call, asked, "customer_list", rows, default=500, most=1000)


def get_moment_send_result(call: Call) -> Json:
    asked = call.json()
    rows = [{"external_userid": outward(call, item)} for item in _copy(call, asked).reached]
    return _page(call, asked, "customer_list", rows, default=3000, most=5000)


def get_moment_comments(call: Call) -> Json:
    copy = _copy(call, call.json())
    return {"comment_list": _outward(call, copy.comments), "like_list": _outward(call, copy.likes)}


def _outward(call: Call, rows: list[Json]) -> list[Json]:
    told = [{"external_userid": outward(call, row.get("external_userid", ""))} for row in rows]
    return [{**row, **who} if "external_userid" in row else row for row, who in zip(rows, told, strict=True)]


PRIVILEGES = ("view_moment_list", "send_moment", "manage_moment_cover_and_sign")
ENDPOINTS = {
    "externalcontact/add_moment_task": Endpoint("POST", add_moment_task, {}, True),
    "externalcontact/get_moment_task_result": Endpoint("GET", get_moment_task_result, {}, True),
    "externalcontact/cancel_moment_task": Endpoint("POST", cancel_moment_task, {}, True),
    "externalcontact/get_moment_list": Endpoint("POST", get_moment_list, {"moment_list": []}, True),
    "externalcontact/get_moment_task": Endpoint("POST", get_moment_task, {"task_list": []}, True),
    "externalcontact/get_moment_customer_list": Endpoint("POST", get_moment_customer_list, {"customer_list": []}, True),
    "externalcontact/get_moment_send_result": Endpoint("POST", get_moment_send_result, {"customer_list": []}, True),
    "externalcontact/get_moment_comments": Endpoint("POST", get_moment_comments, {}, True),
    **RuleApi(MomentRuleBook, always=(), switched=PRIVILEGES).endpoints("moment_strategy"),
}

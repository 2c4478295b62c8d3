"""Mass sends: started at once, done and told later.

Source: WeChat Official Account guide, batch sends.
"""

from collections.abc import Iterable
from typing import Any

from simulator.official_account.book import Account, Follower, MassJob, Sent, month_of
from simulator.official_account.calls import OK, Call, Endpoint
from simulator.official_account.errors import RefusedError
from simulator.official_account.events import JOB_SENDER, event, tell
from simulator.official_account.settings import OfficialSettings
from simulator.world import World

TYPES = frozenset({"mpnews", "text", "voice", "music", "image", "images", "mpvideo", "wxcard"})
PER_USER_A_MONTH = 4
CALLS_A_MINUTE = 60
CONFIRM_WITHIN_S = 1800
RETRY_AFTER_S = 60
ID_BYTES = 64
WAITING = "WAITING"


def sendall(call: Call) -> dict[str, Any]:
    body = call.json()
    chosen = body.get("filter")
    if not isinstance(chosen, dict):
        raise RefusedError(47001)
    to_all = chosen.get("is_to_all") is True
    if to_all:
        return _start(call, body, call.account.present(), to_all=True)
    tag = call.account.tags.get(int(chosen.get("tag_id") or 0))
    if tag is None:
        raise RefusedError(45159)
    return _start(call, body, tag.openids, to_all=False)


def send(call: Call) -> dict[str, Any]:
    body = call.json()
    openids = call.openids(body, most=10_000, key="touser")
    if len(openids) < 2:
        raise RefusedError(40032)
    return _start(call, body, openids, to_all=False)


def _start(call: Call, body: dict[str, Any], openids: Iterable[str], *, to_all: bool) -> dict[str, Any]:
    account, world = call.account, call.world
    msgtype = _msgtype(body)
    key = _not_again(call, str(body.get("clientmsgid") or ""))
    _slowly(call)
    number = 1_000_000_000 + world.next_sequence()
    job = MassJob(number, number + 2_000_000_000, msgtype, body, list(dict.fromkeys(openids)), to_all)
    account.jobs[job.msg_id] = job
    if key:
        account.clientmsgids[key] = (call.now, job.msg_id)
    if account.protected and to_all:
        job.status = WAITING
        world.later(call.now + CONFIRM_WITHIN_S, lambda at: reject(world, account, job, at=at))
    else:
        plan(world, account, job, now=call.now)
    return {**OK, "msg_id": job.msg_id, "msg_data_id": job.msg_data_id}


def _msgtype(body: dict[str, Any]) -> str:
    msgtype = str(body.get("msgtype", ""))
    if msgtype not in TYPES:
        raise RefusedError(40008)
    if not isinstance(body.get(msgtype), dict):
        raise RefusedError(47001)
    if msgtype == "text" and not body["text"].get("content"):
        raise RefusedError(44004)
    return msgtype


def _not_again(call: Call, key: str) -> str:
    """An id that was used: 45066 within a minute of the last try, afterwards 45065 with the earlier msg_id."""
    if len(key.encode()) > ID_BYTES:
        raise RefusedError(45067)
    earlier = call.account.clientmsgids.get(key)
    if not key or earlier is None:
        return key
    tried_at, msg_id = earlier
    call.account.clientmsgids[key] = (call.now, msg_id)
    if call.now - tried_at < RETRY_AFTER_S:
        raise RefusedError(45066)
    raise RefusedError(45065, more={"msg_id": msg_id})


def _slowly(call: Call) -> None:
    """Sixty calls a minute; a subscription account has one a day. The codes are not published."""
    account = call.account
    minute = int(call.now // 60)
    counts = account.minute[1] if account.minute[0] == minute else {}
    account.minute = (minute, counts)
    counts["mass"] = counts.get("mass", 0) + 1
    if counts["mass"] > CALLS_A_MINUTE:
        raise RefusedError(45011)
    if not account.is_service:
        if account.quotas.used.get("mass of the day", 0):
            raise RefusedError(45009)
        account.quotas.used["mass of the day"] = 1


def plan(world: World, account: Account, job: MassJob, *, now: float) -> None:
    """Do the sends when their time comes."""
    job.status = "SENDING"
    wait_s = world.settings(OfficialSettings).mass_report_after_s
    world.later(now + wait_s, lambda at: _finish(world, account, job, at))


def reject(world: World, account: Account, job: MassJob, *, at: int) -> None:
    """The administrator said no, or nothing for half an hour."""
    if job.status == WAITING:
        job.status = "SEND_FAIL"
        job.filtered = len(job.openids)
        _tell(world, account, job, status="send fail", at=at)


def _finish(world: World, account: Account, job: MassJob, at: int) -> None:
    """Who may not be reached is filtered out; who had four this month counts as an error."""
    if job.status != "SENDING":
        return
    for openid in job.openids:
        follower = account.followers.get(openid)
        if follower is None or not follower.subscribed or follower.refuses or follower.blacklisted:
            job.filtered += 1
        elif _counted(follower, month=month_of(at)):
            account.sent.append(Sent(openid, "mass", job.msgtype, job.payload, at, job.msg_id))
            job.sent += 1
        else:
            job.failed += 1
    job.status = "SEND_SUCCESS"
    _tell(world, account, job, status="send success", at=at)


def _counted(follower: Follower, *, month: int) -> bool:
    count = follower.mass_in[1] if follower.mass_in[0] == month else 0
    if count >= PER_USER_A_MONTH:
        return False
    follower.mass_in = (month, count + 1)
    return True


def _tell(world: World, account: Account, job: MassJob, *, status: str, at: int) -> None:
    fields = event(
        "MASSSENDJOBFINISH",
        ("MsgID", job.msg_id),
        ("Status", status),
        ("TotalCount", len(job.openids)),
        ("FilterCount", job.sent + job.failed),
        ("SentCount", job.sent),
        ("ErrorCount", job.failed),
    )
    tell(world, account, JOB_SENDER, fields, at=at, answered=False)


def preview(call: Call) -> dict[str, Any]:
    body = call.json()
    follower, msgtype = call.known(body.get("touser")), _msgtype(body)
    if not follower.subscribed:
        raise RefusedError(43004)
    number = call.world.next_sequence()
    call.account.sent.append(Sent(follower.openid, "preview", msgtype, body, int(call.now), number))
    return {**OK, "msg_id": number}


def _job(call: Call) -> MassJob:
    """The code for an unknown msg_id is not published."""
    found = call.account.jobs.get(int(call.json().get("msg_id") or 0))
    if found is None:
        raise RefusedError(47001, detail="msg_id")
    return found


def delete(call: Call) -> dict[str, Any]:
    """What was sent disappears from the followers' view; what is under way is not sent."""
    job = _job(call)
    job.status = "DELETE"
    for item in call.account.sent:
        if item.msgid == job.msg_id and item.via == "mass":
            item.status = "deleted"
    return OK


def get(call: Call) -> dict[str, Any]:
    job = _job(call)
    return {"msg_id": job.msg_id, "msg_status": "SENDING" if job.status == WAITING else job.status}


def speed_get(call: Call) -> dict[str, Any]:
    return {"speed": call.account.mass_speed}


def speed_set(call: Call) -> dict[str, Any]:
    speed = call.json().get("speed")
    if not isinstance(speed, int) or not 0 <= speed <= 4:
        raise RefusedError(45083)
    call.account.mass_speed = speed
    return OK


ENDPOINTS = {
    "cgi-bin/message/mass/sendall": Endpoint("POST", sendall, quota="message/mass"),
    "cgi-bin/message/mass/send": Endpoint("POST", send, quota="message/mass"),
    "cgi-bin/message/mass/preview": Endpoint("POST", preview),
    "cgi-bin/message/mass/delete": Endpoint("POST", delete),
    "cgi-bin/message/mass/get": Endpoint("POST", get),
    "cgi-bin/message/mass/speed/get": Endpoint("POST", speed_get),
    "cgi-bin/message/mass/speed/set": Endpoint("POST", speed_set),
}

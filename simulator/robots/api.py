"""webhook/send and webhook/upload_media: the key in the address is the only credential.

Source: WeCom server API, group robots (page 91770).
"""

from typing import Any

from simulator.api.calls import Call, Endpoint
from simulator.errors import ApiError
from simulator.media.uploads import read_upload
from simulator.records import Corp
from simulator.robots.book import Post, Robot, RobotBook
from simulator.robots.rules import Desk, check
from simulator.robots.settings import RobotSettings

AMR = b"#!AMR"


def _robot(call: Call) -> tuple[Corp, Robot]:
    """ApiError 93000 when no robot has the key, or its robot was removed from the group."""
    key = call.query.get("key", "")
    for corp in call.world.corps.values():
        robot = corp.book(RobotBook).robots.get(key)
        if robot is not None and not robot.removed:
            return corp, robot
    raise ApiError(93000)


def send(call: Call) -> dict[str, Any]:
    """Every call with a good key counts, also one that is refused for its content, which is not published."""
    corp, robot = _robot(call)
    numbers, now = call.settings(RobotSettings), call.world.now()
    if not call.world.limiter.take(("robot", robot.key), numbers.messages_per_minute, window="minute", now=now):
        raise ApiError(45009)
    desk = Desk(robot, numbers, lambda userid: corp.member(userid) is not None, now)
    msgtype, payload, mentioned = check(call.json(), desk)
    robot.posts.append(Post(msgtype, payload, mentioned, int(now)))
    return {}


def upload_media(call: Call) -> dict[str, Any]:
    """Keep a file for three days; only this robot can use it."""
    _, robot = _robot(call)
    numbers, kind = call.settings(RobotSettings), call.query.get("type", "")
    most = {"file": numbers.file_bytes, "voice": numbers.voice_bytes}.get(kind)
    if most is None:
        raise ApiError(40005)
    file = read_upload(call)
    if len(file.content) > most:
        raise ApiError(45001)
    if kind == "voice" and not file.content.startswith(AMR):
        raise ApiError(40004)
    kept = robot.media.keep(
        kind=kind,
        filename=file.filename,
        size=len(file.content),
        content_type=file.content_type,
        now=call.world.now(),
    )
    return {"type": kind, "media_id": kept.media_id, "created_at": str(kept.at)}


ENDPOINTS = {
    "webhook/send": Endpoint("POST", send, open=True),
    "webhook/upload_media": Endpoint("POST", upload_media, open=True),
}

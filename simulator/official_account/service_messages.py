"""Customer-service (kf) messages.

Source: WeChat Official Account guide, customer service messages.
"""

from typing import Any

from simulator.official_account.book import Follower, Sent
from simulator.official_account.calls import OK, Call, Endpoint
from simulator.official_account.errors import RefusedError
from simulator.official_account.windows import is_open, spend

NEEDS_MEDIA = frozenset({"image", "voice", "video", "mpnews"})
TYPES = NEEDS_MEDIA | {
    "text", "music", "news", "mpnewsarticle", "msgmenu", "wxcard", "miniprogrampage", "link",
}  # fmt: skip


def send(call: Call) -> dict[str, Any]:
    body = call.json()
    follower = call.known(body.get("touser"))
    msgtype = str(body.get("msgtype", ""))
    _check_body(call, body, msgtype)
    _check_reach(follower)
    spend(follower, now=call.now)
    follower.typing = False
    call.account.sent.append(Sent(follower.openid, "kf", msgtype, body[msgtype], int(call.now)))
    return OK


def _check_body(call: Call, body: dict[str, Any], msgtype: str) -> None:
    if msgtype not in TYPES:
        raise RefusedError(40008)
    payload = body.get(msgtype)
    if not isinstance(payload, dict):
        raise RefusedError(47001)
    if msgtype in NEEDS_MEDIA and not payload.get("media_id"):
        raise RefusedError(41006)
    if msgtype == "text":
        content = str(payload.get("content", ""))
        if not content:
            raise RefusedError(44004)
        if len(content.encode()) > call.settings.kf_text_bytes:
            raise RefusedError(45002)
    if msgtype == "news" and len(payload.get("articles") or []) != 1:
        raise RefusedError(45008)


def _check_reach(follower: Follower) -> None:
    if not follower.subscribed:
        raise RefusedError(45015)
    if follower.blacklisted:
        raise RefusedError(43019)
    if follower.refuses:
        raise RefusedError(48002)


def typing(call: Call) -> dict[str, Any]:
    """The codes of this call are not published."""
    body = call.json()
    follower, command = call.known(body.get("touser")), body.get("command")
    if command not in {"Typing", "CancelTyping"}:
        raise RefusedError(45072)
    if not follower.subscribed or not is_open(follower, now=call.now):
        raise RefusedError(45015)
    if command == "Typing" and follower.typing:
        raise RefusedError(45081)
    follower.typing = command == "Typing"
    return OK


ENDPOINTS = {
    "cgi-bin/message/custom/send": Endpoint("POST", send, quota="message/custom/send"),
    "cgi-bin/message/custom/typing": Endpoint("POST", typing),
}

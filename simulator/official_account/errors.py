"""Refusals of the official account's API: HTTP 200, errcode, errmsg with a request id.

Source: WeChat Official Account guide, global error codes.
"""

import secrets
from typing import Any

TEXTS = {
    -1: "system error",
    40001: "invalid credential, access_token is invalid or not latest",
    40002: "invalid grant_type",
    40003: "invalid openid",
    40008: "invalid message type",
    40013: "invalid appid",
    40014: "invalid access_token",
    40016: "invalid button size",
    40017: "invalid button type",
    40018: "invalid button name size",
    40019: "invalid button key size",
    40020: "invalid button url size",
    40023: "invalid sub button size",
    40024: "invalid sub button type",
    40025: "invalid sub button name size",
    40026: "invalid sub button key size",
    40027: "invalid sub button url size",
    40029: "invalid code",
    40031: "invalid openid list",
    40032: "invalid openid list size",
    40036: "invalid template_id size",
    40037: "invalid template_id",
    40053: "invalid action info",
    40125: "invalid appsecret",
    40163: "code been used",
    40164: "invalid ip {ip}, not in whitelist",
    41001: "access_token missing",
    41002: "appid missing",
    41004: "appsecret missing",
    41006: "media_id missing",
    41008: "missing code",
    41009: "missing openid",
    42001: "access_token expired",
    42003: "code expired",
    43001: "require GET method",
    43002: "require POST method",
    43004: "require subscribe",
    43019: "require remove user from blacklist",
    43101: "user refuse to accept the msg",
    44002: "empty post data",
    44004: "empty content",
    45002: "content size out of limit",
    45008: "article size out of limit",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit, must slower, retry next minute",
    45015: "response out of time limit or subscription is canceled",
    45026: "template num exceeds limit",
    45047: "out of response count limit",
    45056: "too many tag now, no need to add new",
    45057: "can't delete the tag that has too many fans",
    45058: "can't modify sys tag",
    45059: "can not tag on any more tags, over limit",
    45065: "clientmsgid exist",
    45066: "same clientmsgid retry too fast",
    45067: "clientmsgid size out of limit",
    45072: "invalid command",
    45081: "typing status already sent",
    45083: "invalid mass send speed",
    45084: "invalid mass send speed in this state",
    45157: "invalid tag name",
    45158: "tag name too long",
    45159: "invalid tag id",
    46003: "menu no exist",
    47001: "data format error",
    47003: "argument invalid",
    48001: "api unauthorized",
    48002: "user block receive message",
    48006: "forbid to clear quota because of reaching the limit",
    49003: "not match openid with appid",
    65301: "menuid not exist",
    65302: "user not exist",
    65303: "default menu not exist",
    65304: "match rule empty",
    65305: "conditional menu size out of limit",
    65307: "button content empty",
    65308: "button has no type",
    65316: "too many domains in conditional menus",
    65317: "invalid url",
    65320: "match rule no longer supported",
}


class RefusedError(Exception):
    """A call that WeChat refuses; `more` joins the body."""

    def __init__(self, code: int, *, detail: str = "", more: dict[str, Any] | None = None) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail
        self.more = more or {}


def refusal(error: RefusedError, *, address: str) -> dict[str, Any]:
    rid = "-".join(secrets.token_hex(4) for _ in range(3))
    text = TEXTS.get(error.code, "error").format(ip=address)
    detail = f" {error.detail}" if error.detail else ""
    return {"errcode": error.code, "errmsg": f"{text}{detail} rid: {rid}", **error.more}

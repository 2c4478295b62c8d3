"""Error codes and the envelope they come in: HTTP 200, errcode, errmsg with hint, address and link.

Source: WeCom server API, global error codes (page 90313).
"""

import secrets
import time
from typing import Any

TEXTS = {
    -1: "system busy",
    40001: "invalid credential",
    40003: "invalid userid",
    40008: "invalid message type",
    40013: "invalid corpid",
    40014: "invalid access_token",
    40032: "invalid userid list length",
    40039: "invalid url length",
    40056: "invalid agentid",
    40058: "invalid Request Parameter",
    40063: "some parameters are empty",
    40096: "invalid external userid",
    40206: "request body too large",
    41001: "access_token missing",
    41002: "corpid missing",
    41004: "corpsecret missing",
    41010: "url missing",
    41011: "agentid missing",
    41016: "title missing",
    41033: "textcard description missing",
    41035: "external userid missing",
    42001: "access_token expired",
    44004: "empty text content",
    45002: "message content too large",
    45008: "article size out of limit",
    45009: "api freq out of limit",
    45033: "api concurrent out of limit",
    45034: "url missing scheme",
    48002: "api forbidden",
    50100: "invalid paging cursor",
    60111: "userid not found",
    60123: "invalid department id",
    81012: "no recipient",
    81013: "user & party & tag all invalid",
    82002: "party count out of limit",
    82003: "tag count out of limit",
    84061: "not external contact",
    301002: "no privilege to access/modify this agent",
}


class ApiError(Exception):
    """A call that WeCom refuses; `more` joins the body, `detail` the text."""

    def __init__(self, code: int, *, detail: str = "", more: dict[str, Any] | None = None) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail
        self.more = more or {}


def refusal(error: ApiError, *, address: str, empty: dict[str, Any]) -> dict[str, Any]:
    """The body of a refused call. `empty` is the endpoint's list field, which comes along empty."""
    text = TEXTS.get(error.code, "error")
    if error.detail:
        text = f"{text}, {error.detail}"
    hint = f"[{int(time.time())}_{secrets.randbelow(1000)}_{secrets.token_hex(16)}]"
    message = (
        f"{text}, hint: {hint}, from ip: {address}, "
        f"more info at https://open.work.weixin.qq.com/devtool/query?e={error.code}"
    )
    return {"errcode": error.code, "errmsg": message, **empty, **error.more}

"""Error codes and the envelope they come in: HTTP 200, errcode, errmsg with hint, address and link.

Source: WeCom server API, global error codes (page 90313).
"""

import secrets
import time
from functools import cache
from random import Random
from typing import Any

from simulator.error_texts import TEXTS

__all__ = ["TEXTS", "ApiError", "refusal", "wording"]

# WeCom may change its texts at any time: here each run words them in another way.
_RUN = secrets.token_hex(8)


@cache
def wording(code: int) -> str:
    """The text of a code, as this run puts it."""
    text = TEXTS.get(code, "error")
    return (text, f"{text} ", f"{text}.", text[:1].upper() + text[1:])[Random(f"{_RUN} {code}").randrange(4)]


class ApiError(Exception):
    """A call that WeCom refuses; `more` joins the body, `detail` the text."""

    def __init__(self, code: int, *, detail: str = "", more: dict[str, Any] | None = None) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail
        self.more = more or {}


def refusal(error: ApiError, *, address: str, empty: dict[str, Any]) -> dict[str, Any]:
    """The body of a refused call. `empty` is the endpoint's list field, which comes along empty."""
    text = wording(error.code)
    if error.detail:
        text = f"{text}, {error.detail}"
    hint = f"[{int(time.time())}_{secrets.randbelow(1000)}_{secrets.token_hex(16)}]"
    message = (
        f"{text}, hint: {hint}, from ip: {address}, "
        f"more info at https://open.work.weixin.qq.com/devtool/query?e={error.code}"
    )
    return {"errcode": error.code, "errmsg": message, **empty, **error.more}

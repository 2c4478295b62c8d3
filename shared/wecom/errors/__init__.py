"""WeCom answers HTTP 200 and hides the error in `errcode`; here a code of `table` becomes an error to catch.

Source: WeCom server API, global error codes.
"""

import re

from shared.errors import RetryableError, TerminalError
from shared.wecom.errors.table import TABLE, Action, entry_of

TOKEN_CODES = frozenset(code for code, entry in TABLE.items() if entry.action is Action.RENEW)
"""The access token is bad, unknown or expired: fetch one and try once more."""

NO_RELATION = frozenset({84061})
NOT_VISIBLE = frozenset({40096, 84084})
"""Another subject's id, or no follower in the app's scope: not the same as deleted."""
NO_MEMBER = frozenset({40003, 60111})
NO_DEPARTMENT = frozenset({60003, 60123})

_HINT = re.compile(r"hint:\s*\[([^\]]{1,80})\]")
_ADDRESS = re.compile(r"from ip:\s*([0-9A-Fa-f.:]{2,45}?)[.:]*(?=[\s,;]|$)", re.IGNORECASE)


class WeComError(Exception):
    """An answer with an error code. `hint` is what the vendor's support asks for.

    `address` is the caller's as WeCom saw it; "" when the answer does not say. It is for people to read.
    """

    def __init__(self, api: str, code: int, message: str = "") -> None:
        self.api, self.code, self.hint, self.address = api, code, _found(_HINT, message), _found(_ADDRESS, message)
        super().__init__(f"{api} answered {code}" + (f" (hint {self.hint})" if self.hint else ""))


class WeComRetryableError(WeComError, RetryableError):
    """Busy or limited: the same call may succeed later."""

    def __init__(self, api: str, code: int, message: str = "", *, after_s: float | None = None) -> None:
        WeComError.__init__(self, api, code, message)
        self.after_s = after_s


class WeComTerminalError(WeComError, TerminalError):
    """A wrong call, a missing permission or a bad id: the same call will not succeed."""


class PostponedError(RetryableError):
    """Nothing was sent: a budget is used up, WeCom has closed the API for a while, WeCom is down, or our database is.

    It is no failure of the work that wanted to call; `after_s` says when to come again.
    """

    def __init__(self, api: str, reason: str, *, after_s: float) -> None:
        super().__init__(f"{api}: {reason}", after_s=after_s)
        self.api = api


class UnreachableError(RetryableError):
    """No usable answer came. `maybe_accepted` says whether WeCom may have taken the call nevertheless."""

    def __init__(self, api: str, reason: str, *, maybe_accepted: bool) -> None:
        super().__init__(f"{api}: {reason}")
        self.reason = reason
        self.maybe_accepted = maybe_accepted


def error_for(api: str, code: int, message: str) -> WeComError:
    entry = entry_of(code)
    if entry.action is Action.NEVER:
        return WeComTerminalError(api, code, message)
    return WeComRetryableError(api, code, message, after_s=entry.wait_s)


def _found(pattern: re.Pattern[str], message: str) -> str:
    match = pattern.search(message)
    return match.group(1) if match else ""

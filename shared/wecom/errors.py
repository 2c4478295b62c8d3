"""WeCom answers HTTP 200 and hides the error in `errcode`. This is the one place that says what a code asks us to do.

Source: WeCom server API, global error codes.
"""

import re

from shared.errors import RetryableError, TerminalError

TOKEN_CODES = frozenset({40001, 40014, 42001})
"""The access token is bad, unknown or expired: fetch one and try once more."""

NO_RELATION = frozenset({84061})
NOT_VISIBLE = frozenset({40096, 84084})
"""Another subject's id, or no follower in the app's scope: not the same as deleted."""
NO_MEMBER = frozenset({40003, 60111})
NO_DEPARTMENT = frozenset({60003, 60123})

_WAIT_S: dict[int, float | None] = {
    -1: None,  # busy
    6000: None,  # version conflict of parallel writers
    45009: 60.0,  # a minute's limit blocks for 60 s
    45033: 1.0,  # too many calls at once
    45035: 1.0,  # another writer on the same record
    45036: 5.0,
    # The whole app or corp is blocked until a person acts in WeCom's console; then all goes on by itself.
    40001: 300.0,  # from gettoken: wrong secret
    40013: 300.0,
    40014: 300.0,
    40091: 300.0,
    42001: 300.0,
    48002: 300.0,
    48006: 300.0,
    50003: 300.0,
    60020: 300.0,
    60031: 300.0,
    301007: 300.0,
    610023: 300.0,
    610024: 300.0,
}

_HINT = re.compile(r"hint:\s*\[([^\]]{1,80})\]")


class WeComError(Exception):
    """An answer with an error code. `hint` is what the vendor's support asks for."""

    def __init__(self, api: str, code: int, message: str = "") -> None:
        found = _HINT.search(message)
        self.api, self.code, self.hint = api, code, found.group(1) if found else ""
        super().__init__(f"{api} answered {code}" + (f" (hint {self.hint})" if self.hint else ""))


class WeComRetryableError(WeComError, RetryableError):
    """Busy or limited: the same call may succeed later."""

    def __init__(self, api: str, code: int, message: str = "", *, after_s: float | None = None) -> None:
        WeComError.__init__(self, api, code, message)
        self.after_s = after_s


class WeComTerminalError(WeComError, TerminalError):
    """A wrong call, a missing permission or a bad id: the same call will not succeed."""


class UnreachableError(RetryableError):
    """No usable answer came. `maybe_accepted` says whether WeCom may have taken the call nevertheless."""

    def __init__(self, api: str, reason: str, *, maybe_accepted: bool) -> None:
        super().__init__(f"{api}: {reason}")
        self.maybe_accepted = maybe_accepted


def error_for(api: str, code: int, message: str) -> WeComError:
    if code in _WAIT_S:
        return WeComRetryableError(api, code, message, after_s=_WAIT_S[code])
    return WeComTerminalError(api, code, message)

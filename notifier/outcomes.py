"""What becomes of a message whose call failed, or that could not be rendered. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from shared.errors import RetryableError
from shared.tries import Outcome
from shared.wecom.errors import NO_MEMBER, PostponedError, UnreachableError, WeComError

NOBODY = frozenset({81013, 60011}) | NO_MEMBER
"""The recipient is unknown to WeCom or outside the app's visible range."""
TASK_ID_USED = 42014
"""Ours are well-formed, so a second try that is answered so says that an earlier one may have arrived."""
LONGEST_WAIT_FOR_WECOM_S = 60.0
MOST_FAILURES = 5
"""Tries to render a message."""


def outcome_of(error: Exception, *, attempts: int, backoff_s: Sequence[float], now: datetime) -> Outcome:
    """What a failed call means for its delivery. Pure.

    WeCom's own error says that the message was not taken; no answer says nothing, so the same bytes go out again.
    """
    wait_s = backoff_s[min(attempts, len(backoff_s)) - 1]
    if isinstance(error, UnreachableError):  # not this message's fault: when WeCom is back, it goes out soon
        wait_s = min(wait_s, LONGEST_WAIT_FOR_WECOM_S)
    later = now + timedelta(seconds=wait_s)
    match error:
        case UnreachableError(maybe_accepted=True):
            return Outcome("unknown", "due", next_try_at=later, detail=str(error))
        case WeComError(code=code) if code in NOBODY:
            return Outcome("refused", "refused", code=code, detail=str(error))
        case PostponedError():  # nothing was sent: it costs no patience
            at = now + timedelta(seconds=error.after_s or 1.0)
            return Outcome("retry", "due", next_try_at=at, detail=str(error))
        case RetryableError():
            after_s = max(wait_s, error.after_s or 0.0)
            known = error.code if isinstance(error, WeComError) else None
            return Outcome("retry", "due", next_try_at=now + timedelta(seconds=after_s), code=known, detail=str(error))
        case WeComError(code=code):
            in_doubt = code == TASK_ID_USED and attempts > 1
            return Outcome("refused", "in_doubt" if in_doubt else "dead", code=code, detail=str(error))
    return Outcome("unknown", "due", next_try_at=later, detail=type(error).__name__)


def unrendered(number: int, *, waits: str, unknown: bool, backoff_s: Sequence[float], now: datetime) -> Outcome:
    """What becomes of a delivery that has no words at this try, its `number`th: later again, or given up. Pure.

    `waits`: its state. `unknown`: an earlier try may have arrived.
    """
    detail = "could not be rendered"
    if number >= MOST_FAILURES:
        return Outcome("retry", "in_doubt" if unknown else "dead", detail=detail)
    at = now + timedelta(seconds=backoff_s[min(number, len(backoff_s)) - 1])
    return Outcome("retry", waits, next_try_at=at, detail=detail)

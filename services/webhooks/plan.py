"""What becomes of a webhook's row, and of its endpoint, after each answer. Pure.

A row waits longer after each failure and is given up when its tries are used up. An endpoint that does not answer, or
asks for a pause, is closed for a while as a whole: then one call at a time finds out whether it is back, so that an
outage uses up the tries of few rows. After days of nothing but failures it is disabled, and its rows wait.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from services.webhooks.model import Answer, Ended, Listener, Standing

GONE = 410
BUSY = frozenset({429, 503})
MOST_PAUSE_S = 86_400.0
"""No Retry-After is obeyed for longer than a day."""
TOLERATED = 10
"""So many errors in a row may be the facts' fault; after more it is the endpoint's."""


def listens(listener: Listener, *, fact_type: str, cause: str) -> bool:
    wanted = listener.fact_types is None or fact_type in listener.fact_types
    return wanted and cause in listener.causes


def accepted(answer: Answer) -> bool:
    return answer.status is not None and 200 <= answer.status < 300


def closes(answer: Answer) -> bool:
    """Whether it says something about the endpoint, not about one row: calls that wait for their turn are given up."""
    return answer.status is None or answer.status == GONE or answer.status in BUSY


def ended(answer: Answer, *, tries: int, backoff_s: Sequence[float], now: datetime) -> Ended:
    """What a try means for its row, when it was the row's `tries`-th."""
    status = answer.status
    if accepted(answer):
        return Ended("accepted", "accepted", "sent", code=status)
    if status == GONE:  # the endpoint is disabled; the row waits with the others
        return Ended("gone", "refused", "queued", next_try_at=now, counts=False, code=status, detail=_told(answer))
    if status in BUSY:  # it was certainly not taken, and not for the row's sake
        at = now + timedelta(seconds=_asked_s(answer, else_s=backoff_s[0]))
        return Ended("busy", "retry", "queued", next_try_at=at, counts=False, code=status, detail=_told(answer))
    kind, outcome = ("unreachable", "unknown") if status is None else ("failed", "refused")
    if tries > len(backoff_s):
        return Ended("dead", outcome, "dead", code=status, detail=_told(answer))
    at = now + timedelta(seconds=_asked_s(answer, else_s=backoff_s[tries - 1]))
    return Ended(kind, outcome, "queued", next_try_at=at, code=status, detail=_told(answer))


def standing_after(
    standing: Standing, answer: Answer, *, pause_s: Sequence[float], give_up_s: float, now: datetime
) -> Standing:
    """How the endpoint stands after one more answer. `give_up_s`: after so long with failures alone it is disabled."""
    if accepted(answer):
        return Standing(closed_until=standing.closed_until)  # a pause that another call was asked for stays
    failures, since = standing.failures + 1, standing.failing_since or now
    after = replace(standing, failures=failures, failing_since=since)
    if answer.status == GONE:
        return replace(after, disabled="it answered 410 Gone")
    if now - since >= timedelta(seconds=give_up_s):
        return replace(after, disabled=f"nothing but failures since {since:%Y-%m-%d %H:%M} UTC; last: {_told(answer)}")
    step = failures if closes(answer) else failures - TOLERATED
    if step < 1:
        return after
    wait_s = _asked_s(answer, else_s=pause_s[min(step, len(pause_s)) - 1])
    until = now + timedelta(seconds=wait_s)
    return replace(after, closed_until=max(until, standing.closed_until or until))


def _asked_s(answer: Answer, *, else_s: float) -> float:
    """The longer of the two; at most a day of what was asked."""
    return max(else_s, min(answer.after_s or 0.0, MOST_PAUSE_S))


def _told(answer: Answer) -> str:
    return answer.problem or f"HTTP {answer.status}"

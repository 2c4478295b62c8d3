"""Every error code of WeCom's that Guanxi may meet: what the client does about it, what it means, what a person can do.

Texts are for people, in English and Chinese. A code that is not here is final.
Source: WeCom server API, global error codes (page 90313), frequency limits (page 90454), group messages (page 93338).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from shared.wecom.errors.advice import ADVICE
from shared.wecom.errors.customer_meanings import CUSTOMER_MEANINGS
from shared.wecom.errors.meanings import MEANINGS
from shared.wecom.errors.words import Words

CONFIGURATION_WAIT_S = 300.0
"""How often a call is tried anew that fails until a person has acted in WeCom's console; then all goes on by itself."""


class Action(Enum):
    AGAIN = "again"
    """The same call may succeed after `wait_s`; None leaves the wait to the caller's backoff."""
    RENEW = "renew"
    """Fetch another access token and try once more; when WeCom gives none, `wait_s`."""
    WINDOW = "window"
    """WeCom has closed the API; `wait_s` is the shortest such time."""
    SETTLE = "settle"
    """The whole app or corp is refused until a person acts; tried again every `wait_s`."""
    NEVER = "never"
    """This call will not succeed. Where there is advice, a person can see to it that the next one does."""


@dataclass(frozen=True)
class Entry:
    action: Action
    wait_s: float | None
    meaning: Words
    advice: Words | None = None
    """What to do in WeCom's console or in the corp's file, for what is a matter of configuration."""


_ACTIONS: Mapping[int, tuple[Action, float | None]] = {
    -1: (Action.AGAIN, None),
    6000: (Action.AGAIN, None),
    45033: (Action.AGAIN, 1.0),
    45035: (Action.AGAIN, 1.0),
    45036: (Action.AGAIN, 5.0),
    # Right after a broadcast or a moment was created its progress cannot be read yet.
    41063: (Action.AGAIN, 60.0),
    41079: (Action.AGAIN, 60.0),
    41096: (Action.AGAIN, 1.0),
    # A minute's limit blocks for 60 s; how long it lasts when it comes again is the shared budget's to say.
    45009: (Action.WINDOW, 60.0),
    **dict.fromkeys((40001, 40014, 42001), (Action.RENEW, CONFIGURATION_WAIT_S)),
    **dict.fromkeys(
        (40013, 40091, 48002, 48006, 50003, 60020, 60031, 301007, 610023, 610024),
        (Action.SETTLE, CONFIGURATION_WAIT_S),
    ),
}

TABLE: Mapping[int, Entry] = {
    code: Entry(*_ACTIONS.get(code, (Action.NEVER, None)), meaning, ADVICE.get(code))
    for code, meaning in {**MEANINGS, **CUSTOMER_MEANINGS}.items()
}

_UNKNOWN = Entry(Action.NEVER, None, Words("a code that Guanxi does not know", "未收录的错误码"))


def entry_of(code: int) -> Entry:
    return TABLE.get(code, _UNKNOWN)

"""Which of the deliveries that are held go out now, and until when the others wait. Pure.

What may have arrived goes again whenever a member's limit lets it: WeCom forgets. What is told together goes as its
first row, once for its key; what gathers waits for more until a burst is over.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from notifier.pace import Pace
from services.notices.model import FOLDED
from services.reminders.model import Quiet
from services.reminders.plan import Gathering, gathered_at, goes_at
from shared.folding import Hold, Key
from shared.ids import OutboxId, UserId
from shared.tries import Due


@dataclass
class Choice:
    """`carriers`: those who go and tell of others, too. `wait`, `wait_together`: until when, because it is not its
    time; `gather`: because more of their key may come; `crowded`, `crowded_together`: because the recipient, or the
    app, was sent as much as WeCom lets through.
    """

    go: list[Due] = field(default_factory=list)
    carriers: dict[OutboxId, Key] = field(default_factory=dict)
    wait: list[tuple[Due, datetime]] = field(default_factory=list)
    wait_together: list[tuple[Key, datetime]] = field(default_factory=list)
    gather: list[Hold] = field(default_factory=list)
    crowded: list[tuple[Due, datetime]] = field(default_factory=list)
    crowded_together: list[tuple[Key, datetime]] = field(default_factory=list)


def together(due: Due) -> Key | None:
    """The key under which it is told with others; None: by itself, with the bytes that it has."""
    return Key.of(due) if due.notice in FOLDED and due.body is None else None


def choose(
    held: Sequence[Due],
    *,
    told: Mapping[Key, datetime],
    gathering: Mapping[Key, Gathering],
    quiet_of: Callable[[UserId], Quiet | None],
    timezone: str,
    pace: Pace,
    now: datetime,
) -> Choice:
    choice, seen = Choice(), set[Key]()
    for due in held:
        key = together(due)
        if key is not None:
            if key in seen:
                continue  # told with the first of them, or waiting with it
            seen.add(key)
        at = now
        if due.first_unknown_at is None:
            at = goes_at(
                due.fair_at,
                now=now,
                told_at=None if key is None else told.get(key),
                apart_s=due.apart_s,
                urgent=due.urgent,
                quiet=quiet_of(UserId(due.recipient)),
                timezone=timezone,
            )
        if at > now:
            _put_off(choice.wait, choice.wait_together, due, key, at)
        elif key is not None and key in gathering and (until := gathered_at(gathering[key], now=now)) > now:
            choice.gather.append(Hold(key, due.id, until, gathering[key].end))
        elif (free_at := pace.take(due.recipient)) is not None:
            _put_off(choice.crowded, choice.crowded_together, due, key, free_at)
        else:
            choice.go.append(due)
            if key is not None:
                choice.carriers[due.id] = key
    return choice


def _put_off(
    alone: list[tuple[Due, datetime]],
    with_others: list[tuple[Key, datetime]],
    due: Due,
    key: Key | None,
    at: datetime,
) -> None:
    if key is None:
        alone.append((due, at))
    else:
        with_others.append((key, at))

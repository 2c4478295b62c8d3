"""Values of reminders' switches. Pure.

Authority: ours. What a corp has not set is as usual for the kind of notice.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import time
from typing import Literal

from shared.ids import UserId

NOT_KNOWN = 0
"""No stage: a switch for customers wherever they are."""
NOBODY, ASSIGNED = UserId(""), UserId("?")
"""In place of a recipient: only those above hear of it; whoever the customer is assigned to when it is recorded."""

Undeliverable = Literal["superior", "administrators", "nobody"]


@dataclass(frozen=True)
class Switch:
    """How one kind of notice is told.

    `superior`, `administrators`: they hear of it beside whom it concerns. `urgent`: it goes out in quiet hours.
    Seconds: `delay_s` after it happened; `gather_s` it waits for others to be told with; `apart_s` the next one waits
    after one was sent; `ttl_s` None is as the settings say.
    """

    enabled: bool = True
    superior: bool = False
    administrators: bool = False
    urgent: bool = False
    delay_s: int = 0
    gather_s: int = 0
    apart_s: int = 0
    ttl_s: int | None = None


@dataclass(frozen=True)
class Wish:
    """What a corp has set of a switch; None is as usual."""

    enabled: bool | None = None
    superior: bool | None = None
    administrators: bool | None = None
    urgent: bool | None = None
    delay_s: int | None = None
    gather_s: int | None = None
    apart_s: int | None = None
    ttl_s: int | None = None

    def over(self, usual: Switch) -> Switch:
        return replace(usual, **{name: value for name, value in vars(self).items() if value is not None})


@dataclass(frozen=True)
class Quiet:
    """Hours of a day in the corp's time zone, from `start` until before `end`; they may pass midnight."""

    start: time
    end: time


@dataclass(frozen=True)
class Policy:
    """All of a corp's wishes. `wishes`: by notice and stage (NOT_KNOWN for any). `own_quiet`: None is none at all."""

    stages_on: bool = True
    administrators: tuple[UserId, ...] = ()
    undeliverable: Undeliverable = "superior"
    quiet: Quiet | None = None
    own_quiet: Mapping[UserId, Quiet | None] = field(default_factory=dict)
    wishes: Mapping[tuple[str, int], Wish] = field(default_factory=dict)

    def switch(self, notice: str, usual: Switch, stage_ids: Iterable[int] = ()) -> Switch:
        """The switch for a customer in these stages: the first stage that has a wish of its own decides."""
        general = self.wishes.get((notice, NOT_KNOWN), Wish()).over(usual)
        own = next((wish for one in sorted(stage_ids) if (wish := self.wishes.get((notice, one)))), None)
        return own.over(general) if own else general

    def asks_for_stage(self, notice: str) -> bool:
        return any(name == notice and stage != NOT_KNOWN for name, stage in self.wishes)

    def quiet_of(self, userid: UserId) -> Quiet | None:
        return self.own_quiet.get(userid, self.quiet)

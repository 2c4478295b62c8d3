"""What one process knows of one API of one corp: who waits, who is under way, what it may start without asking.

Asking costs a transaction on a row that all processes share. While calls come one after the other and the budgets are
far from used up, a process therefore takes starts in advance, as many as it made lately, and tells late that calls have
ended. What it took and did not use in time is lost to everybody, and a place that it keeps stays taken: both are small.
"""

import threading
from collections import deque
from dataclasses import dataclass, field

from shared.clock import monotonic
from shared.wecom.apis import Priority
from shared.wecom.budget import ENDING_S, Limits

LONGEST_PAUSE_S = 0.1
GRACE_S = 1.0
"""How much longer a call waits while another one's question is with the database."""
STALE_S = 1.0
"""A turn that was not used for this long is given back: WeCom would count the call in another window."""
AHEAD_S = 0.5
"""How long starts that were taken in advance may be used; as many are taken as were made within this time."""
MOST_AHEAD = 32
TELL_S, KEEP_S = 0.02, 0.25
"""How long after a process's last start it tells that its calls have ended: soon, so that the ends of a crowd go in one
question; or, while there is plenty, when it has been quiet."""
MOST_KEPT = 2
"""So many places that nobody uses are kept from one question to the next."""
LEAST_AHEAD = 2
"""Whoever made fewer calls lately asks for each: there is little to save, and nothing to lose."""


@dataclass(eq=False)
class Waiting:
    priority: Priority
    granted_at: float | None = None


@dataclass(eq=False)
class Gate:
    """To be read and changed under `changed`; all times but `clock_ahead_s` and `closed_until` are of `monotonic`.

    `told` is what the shared state says of `under_way`, as far as this process knows; the next question puts it right.
    `plenty`: the last answer left so much room that places may be kept for a moment. `ahead` starts may be made until
    `ahead_until`. `clock_ahead_s` is how far the shared state's time is ahead of this machine's clock; `reopens_at` is
    `closed_until` as a time of `monotonic`.
    """

    keys: tuple[tuple[str, str], ...]
    limits: tuple[Limits, ...]
    changed: threading.Condition = field(default_factory=threading.Condition)
    waiting: list[Waiting] = field(default_factory=list)
    under_way: int = 0
    told: int = 0
    asking: bool = False
    quiet_until: float = 0.0
    denied: Priority | None = None
    wait_s: float = 0.0
    closed_until: float = 0.0
    reopens_at: float = 0.0
    clock_ahead_s: float = 0.0
    ahead: int = 0
    ahead_until: float = 0.0
    plenty: bool = False
    refusals: int = 0
    starts: deque[float] = field(default_factory=lambda: deque([0.0] * MOST_AHEAD, MOST_AHEAD))

    def start_ahead(self) -> bool:
        """Start a call with what was taken in advance, in a place that is kept; whether there was one."""
        with self.changed:
            now = monotonic()
            if self.asking or self.waiting or self.ahead < 1 or now >= self.ahead_until or self.under_way >= self.told:
                return False
            self.ahead -= 1
            self.under_way += 1
            self.starts.append(now)
            return True

    def start_no_more_ahead(self) -> None:
        """WeCom has refused a call: keep no places, and use nothing that was or just now is taken in advance."""
        with self.changed:
            self.ahead, self.plenty = 0, False
            self.refusals += 1

    def wishes(self) -> tuple[list[Waiting], int, int, int]:
        """Who waits, how many places to keep beside theirs, how many starts to take in advance; `refusals` so far."""
        with self.changed:
            lately = sum(1 for at in self.starts if at > monotonic() - AHEAD_S)
            ahead = lately if lately >= LEAST_AHEAD and self.waiting else 0
            idle = min(self.told - len(self.waiting) - self.under_way, MOST_KEPT) if self.plenty and ahead else 0
            return list(self.waiting), self.under_way + max(0, idle), ahead, self.refusals

    def answered(
        self, asked: list[Waiting], granted: list[bool], *, kept: int, ahead: int, wait_s: float, refusals: int
    ) -> None:
        """What the shared state has answered: who may start, and how many more, unless WeCom refused one meanwhile."""
        with self.changed:
            at = monotonic()
            ahead = ahead if refusals == self.refusals else 0
            self.told = kept + sum(granted)
            self.ahead, self.ahead_until, self.plenty = ahead, at + AHEAD_S, ahead > 0
            for one, yes in zip(asked, granted, strict=True):
                if yes and one in self.waiting:  # else it has left meanwhile
                    one.granted_at = at
                    self.under_way += 1
                    self.starts.append(at)
                    self.waiting.remove(one)
            self.wait_s = wait_s
            self.denied = min((one.priority for one in asked if one.granted_at is None), default=None)
            self.quiet_until = at + min(wait_s, LONGEST_PAUSE_S)
            self.ended_asking()

    def ended_asking(self) -> None:
        with self.changed:
            self.asking = False
            self.changed.notify_all()

    def is_to_ask(self, me: Waiting, *, until: float) -> bool:
        """Wait until this call is the one to ask for all that wait; False when it was granted, or waited too long."""
        with self.changed:
            while me.granted_at is None and monotonic() < until + GRACE_S:
                pause = self.quiet_until - monotonic()
                if self.denied is not None and me.priority < self.denied:
                    pause = 0.0  # there may be room for it where there was none for the others
                if not self.asking and pause <= 0:
                    self.asking = True
                    return True
                self.changed.wait(LONGEST_PAUSE_S if self.asking else pause)
            return False

    def owes_word(self) -> bool:
        """Whether others may believe that more is under way than is. Who waits will ask, and tell with it."""
        with self.changed:
            return self.told != self.under_way and not self.waiting and not self.asking

    def is_to_tell(self) -> bool:
        """Whether the caller is now the one to tell that calls have ended: a little after the last start."""
        with self.changed:
            after_s = KEEP_S if self.plenty else TELL_S
            if not self.owes_word() or monotonic() - self.starts[-1] < after_s:
                return False
            self.asking = True
            return True

    def forget_word(self) -> None:
        """It could not be told; the next question tells it."""
        with self.changed:
            self.told = self.under_way

    def end(self) -> None:
        """A call has ended. Should others wait for that, one of them asks now."""
        with self.changed:
            self.under_way -= 1
            if self.waiting and self.wait_s <= ENDING_S:
                self.quiet_until = 0.0
                self.changed.notify_all()

    def give_back(self, me: Waiting) -> None:
        """The turn came, but the thread was held up: it is to ask anew."""
        with self.changed:
            self.under_way -= 1
            me.granted_at = None
            self.waiting.append(me)

    def leave(self, me: Waiting, *, entered: bool) -> None:
        """A call waits no more; should its turn have come while its thread gave up, others may have it."""
        with self.changed:
            if me in self.waiting:
                self.waiting.remove(me)
            elif not entered:
                self.under_way -= 1
            self.changed.notify_all()

"""A push: written down before the call, and what its answer said after it. Shared by what is written to WeCom.

It happens under the lease of its subject. A run that dies after the call, or gets no answer, leaves an intent of which
the next first read tells the truth.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from services.intents.model import Intent, Settled
from services.intents.plan import refused
from services.intents.store import begin_push, record_accepted, record_unsent
from shared.errors import RetryableError
from shared.requests import Leased, hold, prolong
from shared.runtime import Runtime
from shared.tenants import Tenant
from shared.wecom.errors import PostponedError, UnreachableError, WeComError, WeComTerminalError
from shared.wecom.errors.table import entry_of

SHORTEST_WAIT_S, LONGEST_WAIT_S = 2.0, 300.0
"""When a push that WeCom was too busy for is tried again: after half the time that it has waited so far."""

Made = Mapping[int, str]
"""Id of an intent -> what WeCom calls the thing that it made."""
Call = Callable[[Sequence[Intent]], Made]
"""Writes what the intents want, in one call."""


class LeaseGoneError(RetryableError):
    """Somebody else looks after the subject by now: it is theirs to write."""


@dataclass(frozen=True)
class Written:
    """What became of a subject's open intents. `ours`: those whose fields our own pushes may have changed.

    `again_s`: in how many seconds the subject is to be looked at again; None: nothing is left to do.
    """

    settled: tuple[Settled, ...] = ()
    ours: tuple[Intent, ...] = ()
    again_s: float | None = None


NOTHING_WANTED = Written()


@dataclass
class Pushing:
    """The pushes of one run over one subject, which it began to read at `at`, with what became of them so far."""

    runtime: Runtime
    tenant: Tenant
    leased: Leased
    at: datetime
    settled: list[Settled]
    ours: dict[int, Intent] = field(default_factory=dict)
    again_s: float | None = None

    @property
    def written(self) -> Written:
        return Written(tuple(self.settled), tuple(self.ours.values()), self.again_s)

    def put_off(self, intents: Sequence[Intent], error: RetryableError) -> None:
        """WeCom is too busy for these, or did not answer: look again, later each time."""
        waited_s = (self.at - min(one.created_at for one in intents)).total_seconds()
        wait_s = max(error.after_s or 0.0, SHORTEST_WAIT_S, min(waited_s / 2, LONGEST_WAIT_S))
        self.again_s = wait_s if self.again_s is None else min(self.again_s, wait_s)

    def push(self, intents: Sequence[Intent], call: Call, refuse: Callable[[Intent, WeComTerminalError], None]) -> None:
        """All in one call; should WeCom refuse that for good, each in a call of its own, and `refuse` hears of each.

        Raises:
            RetryableError: WeCom is too busy, or gave no answer; LeaseGoneError: nothing may be written any more.
        """
        try:
            self._call(intents, call)
            return
        except WeComTerminalError as error:
            if len(intents) == 1:
                refuse(intents[0], error)
                return
        for one in intents:  # one of them is refused: which, only a call of its own tells
            try:
                self._call([one], call)
            except WeComTerminalError as own:
                refuse(one, own)

    def refused(self, intent: Intent, error: WeComTerminalError) -> None:
        self.settled += refused([intent], code=error.code, why=words_of(error))

    def _call(self, intents: Sequence[Intent], call: Call) -> None:
        """Push what is still wanted at this moment; the lease is kept for as long as a call may take."""
        runtime, tenant_id = self.runtime, self.tenant.id
        now = runtime.clock.now()
        with runtime.engine.begin() as connection:
            if not prolong(connection, self.leased, until=now + timedelta(seconds=runtime.settings.lease_s)):
                raise LeaseGoneError("another run has taken the subject")
            ids = begin_push(connection, tenant_id, intents, now=now)
        begun = [replace(one, pushes=one.pushes + 1, accepted_at=None) for one in intents if one.id in ids]
        if not begun:
            return
        try:
            made = call(begun)
        except (PostponedError, UnreachableError, WeComError) as error:
            if isinstance(error, UnreachableError) and error.maybe_accepted:
                self.ours |= {one.id: one for one in begun}
            else:
                with runtime.engine.begin() as connection:
                    record_unsent(connection, tenant_id, sorted(ids))
            raise
        self.accepted(begun, made)

    def accepted(self, intents: Sequence[Intent], made: Made) -> None:
        """WeCom has taken them, or says that they are so already."""
        with self.runtime.engine.begin() as connection:
            if hold(connection, [self.leased]):
                record_accepted(connection, self.tenant.id, [one.id for one in intents], at=self.at, made=made)
        taken = [replace(one, accepted_at=self.at, made_id=made.get(one.id, one.made_id)) for one in intents]
        self.ours |= {one.id: one for one in taken}


def words_of(error: WeComTerminalError) -> str:
    return f"{error.code}: {entry_of(error.code).meaning.en}"

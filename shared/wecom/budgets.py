"""Every call passes a turnstile: it starts when the budgets that all processes share have room for it.

The calls of one process that wait for the same API ask together, in one short transaction, with what has ended since.
Waiting is bounded by a setting; whoever would wait longer is postponed in its own row instead of holding a thread.
"""

import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog
from prometheus_client import Gauge, Histogram
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from shared.clock import Clock, monotonic
from shared.db.engine import describe
from shared.settings import Settings
from shared.wecom.apis import Api, Priority
from shared.wecom.budget import ENDING_S, Limits, Scope, agreed, closed, grant, lowered
from shared.wecom.budget_store import lock_usages, make_usages, record_usages
from shared.wecom.errors import PostponedError

CLOSED, CROWDED = 45009, 45033
STALE_S = 1.0
"""A place that was not used for this long is given back: WeCom would count the call in another window."""
LONGEST_PAUSE_S = 0.1
GRACE_S = 1.0
"""How much longer a call waits while another one's question is with the database."""
FORGOTTEN_S = 15.0
"""How long after its latest end a call of a killed process still counts as under way."""

log = structlog.get_logger()
waits = Histogram(
    "guanxi_wecom_wait_seconds",
    "How long a call waited for its turn",
    ["api", "priority"],
    buckets=(0.001, 0.005, 0.02, 0.1, 0.3, 1, 2, 5),
)
left = Gauge("guanxi_wecom_budget_left", "Calls left of a budget", ["scope", "api", "window"])
closed_until = Gauge(
    "guanxi_wecom_closed_until_seconds", "Unix time until which WeCom has closed an API", ["scope", "api"]
)


@dataclass(eq=False)
class _Waiting:
    priority: Priority
    granted_at: float | None = None


@dataclass
class _Gate:
    """The calls of this process of one API of one corp.

    `told` is what the shared state says of `under_way`, as far as this process knows; the next question puts it right.
    `ahead_s` is how far that state's time is ahead of this machine's clock; `reopens_at` is `closed_until` as a time of
    `monotonic`.
    """

    keys: tuple[tuple[str, str], ...]
    limits: tuple[Limits, ...]
    changed: threading.Condition = field(default_factory=threading.Condition)
    waiting: list[_Waiting] = field(default_factory=list)
    under_way: int = 0
    told: int = 0
    asking: bool = False
    quiet_until: float = 0.0
    denied: Priority | None = None
    wait_s: float = 0.0
    closed_until: float = 0.0
    reopens_at: float = 0.0
    ahead_s: float = 0.0


class Budgets:
    """One per process; `holder` names it among the others."""

    def __init__(self, engine: Engine, clock: Clock, settings: Settings) -> None:
        self._engine, self._clock, self._settings = engine, clock, settings
        self._holder = uuid.uuid4().hex[:12]
        self._gates: dict[tuple[str, str], _Gate] = {}
        self._lock = threading.Lock()

    @contextmanager
    def place(self, scope: str, api: Api, priority: Priority) -> Iterator[None]:
        """Wait for a turn, hold it while the call is under way.

        Raises:
            PostponedError: there is no room within `wecom_wait_s`, or the API is closed; nothing was sent.
        """
        gate = self._gate(scope, api)
        if self._closed_s(gate) > 0:
            raise self._postponed(gate, api)
        started = monotonic()
        self._enter(gate, api, priority, until=started + self._settings.wecom_wait_s)
        waits.labels(api.path, priority.name.lower()).observe(monotonic() - started)
        try:
            yield
        finally:
            self._leave(gate)

    def refused(self, scope: str, api: Api, code: int) -> float:
        """Tell everybody that WeCom answered 45009 or 45033; seconds until the API may be called again."""
        gate = self._gate(scope, api)
        change = closed if code == CLOSED else lowered

        def refuse(scopes: list[Scope], now: float) -> list[Scope]:
            return [Scope(change(scopes[0].usage, scopes[0].limits, now=now), scopes[0].limits), *scopes[1:]]

        self._changed(gate, refuse)
        wait_s = self._closed_s(gate)
        log.warning(
            "wecom.api_closed" if code == CLOSED else "wecom.api_crowded", scope=scope, api=api.path, wait_s=wait_s
        )
        return wait_s

    def closed_for(self, scope: str, api: Api) -> float:
        return self._closed_s(self._gate(scope, api))

    def _gate(self, scope: str, api: Api) -> _Gate:
        with self._lock:
            gate = self._gates.get((scope, api.path))
            if gate is None:
                gate = self._gates[scope, api.path] = self._made(scope, api)
            return gate

    def _made(self, scope: str, api: Api) -> _Gate:
        settings = self._settings
        keys: list[tuple[str, str]] = [(scope, api.path)]
        general = api.counted and not api.keyed
        own = Limits(
            api.per_minute or (settings.wecom_per_minute if general else None),
            api.per_hour or (settings.wecom_per_hour if general else None),
            settings.wecom_at_once,
        )
        limits = [own]
        if general:
            keys.append((f"address:{settings.wecom_egress}", api.path))
            limits.append(Limits(settings.wecom_address_per_minute, settings.wecom_address_per_hour, None))
        return _Gate(tuple(keys), tuple(limits))

    def _enter(self, gate: _Gate, api: Api, priority: Priority, *, until: float) -> None:
        me, entered = _Waiting(priority), False
        with gate.changed:
            gate.waiting.append(me)
        try:
            while True:
                if self._is_to_ask(gate, me, until=until):
                    self._ask(gate)
                if me.granted_at is not None:
                    if monotonic() - me.granted_at < STALE_S:
                        entered = True
                        return
                    self._give_back(gate, me)
                elif self._closed_s(gate) > 0 or monotonic() + gate.wait_s > until:
                    raise self._postponed(gate, api)
        finally:
            with gate.changed:
                if me in gate.waiting:
                    gate.waiting.remove(me)
                elif not entered:  # its turn came while this thread gave up
                    gate.under_way -= 1
                gate.changed.notify_all()
            self._tell_what_ended(gate)

    def _is_to_ask(self, gate: _Gate, me: _Waiting, *, until: float) -> bool:
        """Wait until this call is the one to ask for all that wait; False when it was granted, or waited too long."""
        with gate.changed:
            while me.granted_at is None and monotonic() < until + GRACE_S:
                pause = gate.quiet_until - monotonic()
                if gate.denied is not None and me.priority < gate.denied:
                    pause = 0.0  # there may be room for it where there was none for the others
                if not gate.asking and pause <= 0:
                    gate.asking = True
                    return True
                gate.changed.wait(LONGEST_PAUSE_S if gate.asking else pause)
            return False

    def _ask(self, gate: _Gate) -> None:
        with gate.changed:
            asking, under_way = list(gate.waiting), gate.under_way
        try:
            granted, wait_s = self._granted(gate, [one.priority for one in asking], under_way=under_way)
        except BaseException:
            with gate.changed:
                gate.asking = False
                gate.changed.notify_all()
            raise
        with gate.changed:
            at = monotonic()
            gate.told = under_way + sum(granted)
            for one, yes in zip(asking, granted, strict=True):
                if yes and one in gate.waiting:  # else it has left meanwhile
                    one.granted_at = at
                    gate.under_way += 1
                    gate.waiting.remove(one)
            gate.wait_s = wait_s
            gate.denied = min((one.priority for one in asking if one.granted_at is None), default=None)
            gate.quiet_until = at + min(wait_s, LONGEST_PAUSE_S)
            gate.asking = False
            gate.changed.notify_all()

    def _granted(self, gate: _Gate, wanted: Sequence[Priority], *, under_way: int) -> tuple[list[bool], float]:
        keep_s = self._settings.wecom_total_timeout_s + self._settings.wecom_connect_timeout_s + FORGOTTEN_S
        result: list[tuple[list[bool], float]] = []

        def let_start(scopes: list[Scope], now: float) -> list[Scope]:
            after, granted, wait_s = grant(
                scopes, wanted, under_way=under_way, holder=self._holder, keep_s=keep_s, now=now
            )
            result.append((granted, wait_s))
            return after

        self._changed(gate, let_start)
        return result[-1]

    def _changed(self, gate: _Gate, change: Callable[[list[Scope], float], list[Scope]]) -> None:
        """Change the shared states under their locks, and remember what this process needs of them."""
        while True:
            with self._engine.begin() as connection:
                scopes = lock_usages(connection, gate.keys, gate.limits)
                if scopes is not None:
                    clock = self._clock.now().timestamp()
                    now = agreed(scopes, now=clock + gate.ahead_s)
                    scopes = change(scopes, now)
                    record_usages(connection, gate.keys, scopes, ahead_s=now - clock)
                    break
            with self._engine.begin() as connection:
                make_usages(connection, gate.keys, gate.limits, now=self._now(gate))
        with gate.changed:
            gate.ahead_s = now - clock
            gate.closed_until = scopes[0].usage.closed_until
            gate.reopens_at = monotonic() + gate.closed_until - now
        _show(gate.keys, scopes, now=now, ahead_s=now - clock)

    def _closed_s(self, gate: _Gate) -> float:
        """Seconds until WeCom takes calls again, as far as is known; when clocks disagree, ask the shared state."""
        return max(0.0, min(gate.closed_until - self._now(gate), gate.reopens_at - monotonic()))

    def _give_back(self, gate: _Gate, me: _Waiting) -> None:
        """The turn came, but the thread was held up: ask anew."""
        with gate.changed:
            gate.under_way -= 1
            me.granted_at = None
            gate.waiting.append(me)

    def _leave(self, gate: _Gate) -> None:
        with gate.changed:
            gate.under_way -= 1
            if gate.waiting and gate.wait_s <= ENDING_S:  # they wait for a call to end: one of them asks now
                gate.quiet_until = 0.0
                gate.changed.notify_all()
        self._tell_what_ended(gate)

    def _tell_what_ended(self, gate: _Gate) -> None:
        """When nobody waits, nobody asks: then who ends a call says so."""
        while True:
            with gate.changed:
                if gate.waiting or gate.asking or gate.told == gate.under_way:
                    return
                gate.asking = True
            try:
                self._ask(gate)
            except SQLAlchemyError as error:  # the answer matters more, and the count has an end of its own
                log.warning("wecom.budget_away", api=gate.keys[0][1], reason=describe(error))
                return

    def _postponed(self, gate: _Gate, api: Api) -> PostponedError:
        closed_s = self._closed_s(gate)
        if closed_s > 0:
            return PostponedError(api.path, "closed by WeCom for a while", after_s=closed_s)
        return PostponedError(api.path, "its budget is used up", after_s=max(1.0, gate.wait_s))

    def _now(self, gate: _Gate) -> float:
        return self._clock.now().timestamp() + gate.ahead_s


def _show(keys: Sequence[tuple[str, str]], scopes: Sequence[Scope], *, now: float, ahead_s: float) -> None:
    for (scope, api), one in zip(keys, scopes, strict=True):
        if one.limits.per_minute is not None:
            left.labels(scope, api, "minute").set(max(0.0, one.usage.tokens))
        if one.limits.per_hour is not None:
            left.labels(scope, api, "hour").set(one.limits.per_hour - one.usage.in_hour)
        until = one.usage.closed_until
        closed_until.labels(scope, api).set(until - ahead_s if until > now else 0)

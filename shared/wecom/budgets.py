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
from sqlalchemy.exc import DBAPIError

from shared.clock import Clock, monotonic
from shared.db.engine import describe
from shared.settings import Settings
from shared.wecom.apis import Api, Priority
from shared.wecom.budget import ENDING_S, Limits, Scope, closed, grant, lowered
from shared.wecom.budget_store import lock_usages, make_usages, record_usages
from shared.wecom.errors import PostponedError

CLOSED, CROWDED = 45009, 45033
STALE_S = 1.0
"""A place that was not used for this long is given back: WeCom would count the call in another window."""
LONGEST_PAUSE_S = 0.1
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
    """The waiting calls of this process for one API of one corp."""

    keys: tuple[tuple[str, str], ...]
    limits: tuple[Limits, ...]
    changed: threading.Condition = field(default_factory=threading.Condition)
    waiting: list[_Waiting] = field(default_factory=list)
    ended: int = 0
    asking: bool = False
    quiet_until: float = 0.0
    denied: Priority | None = None
    wait_s: float = 0.0
    closed_until: float = 0.0


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
        if gate.closed_until > self._now():
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
        gate, now = self._gate(scope, api), self._now()
        change = closed if code == CLOSED else lowered

        def refuse(scopes: list[Scope]) -> list[Scope]:
            return [Scope(change(scopes[0].usage, scopes[0].limits, now=now), scopes[0].limits), *scopes[1:]]

        scopes = self._changed(gate, refuse)
        usage = scopes[0].usage
        wait_s = max(0.0, usage.closed_until - now)
        with gate.changed:
            gate.closed_until = usage.closed_until
        _show(gate.keys, scopes, now=now)
        log.warning(
            "wecom.api_closed" if code == CLOSED else "wecom.api_crowded", scope=scope, api=api.path, wait_s=wait_s
        )
        return wait_s

    def closed_for(self, scope: str, api: Api) -> float:
        return max(0.0, self._gate(scope, api).closed_until - self._now())

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
        me = _Waiting(priority)
        with gate.changed:
            gate.waiting.append(me)
        try:
            while True:
                self._wait_for_turn_to_ask(gate, me)
                if me.granted_at is None:
                    self._ask(gate)
                if me.granted_at is not None:
                    if monotonic() - me.granted_at < STALE_S:
                        return
                    self._give_back(gate, me)
                elif gate.closed_until > self._now() or monotonic() + gate.wait_s > until:
                    raise self._postponed(gate, api)
        finally:
            with gate.changed:
                if me in gate.waiting:
                    gate.waiting.remove(me)
                gate.changed.notify_all()
            self._tell_what_ended(gate)

    def _wait_for_turn_to_ask(self, gate: _Gate, me: _Waiting) -> None:
        """Return when this call was granted, or when it is the one to ask for all that wait."""
        with gate.changed:
            while me.granted_at is None:
                pause = gate.quiet_until - monotonic()
                if gate.denied is not None and me.priority < gate.denied:
                    pause = 0.0  # there may be room for it where there was none for the others
                if not gate.asking and pause <= 0:
                    gate.asking = True
                    return
                gate.changed.wait(LONGEST_PAUSE_S if gate.asking else pause)

    def _ask(self, gate: _Gate) -> None:
        with gate.changed:
            asking, ended, gate.ended = list(gate.waiting), gate.ended, 0
        wait_s = LONGEST_PAUSE_S
        try:
            granted, wait_s = self._granted(gate, [one.priority for one in asking], ended=ended)
        except BaseException:
            with gate.changed:
                gate.ended += ended
                gate.asking = False
                gate.changed.notify_all()
            raise
        with gate.changed:
            at = monotonic()
            for one, yes in zip(asking, granted, strict=True):
                if not yes:
                    continue
                if one in gate.waiting:
                    one.granted_at = at
                    gate.waiting.remove(one)
                else:  # it has left meanwhile
                    gate.ended += 1
            gate.wait_s = wait_s
            gate.denied = min((one.priority for one in asking if one.granted_at is None), default=None)
            gate.quiet_until = at + min(wait_s, LONGEST_PAUSE_S)
            gate.asking = False
            gate.changed.notify_all()

    def _granted(self, gate: _Gate, wanted: Sequence[Priority], *, ended: int) -> tuple[list[bool], float]:
        now = self._now()
        until = now + self._settings.wecom_total_timeout_s + self._settings.wecom_connect_timeout_s + FORGOTTEN_S
        result: list[tuple[list[bool], float]] = []

        def let_start(scopes: list[Scope]) -> list[Scope]:
            after, granted, wait_s = grant(
                scopes, wanted, ended=ended, holder=self._holder, until=until, now=self._now()
            )
            result.append((granted, wait_s))
            return after

        scopes = self._changed(gate, let_start)
        granted, wait_s = result[-1]
        gate.closed_until = scopes[0].usage.closed_until
        _show(gate.keys, scopes, now=now)
        return granted, wait_s

    def _changed(self, gate: _Gate, change: Callable[[list[Scope]], list[Scope]]) -> list[Scope]:
        """Change the shared states under their locks; the new ones."""
        while True:
            with self._engine.begin() as connection:
                scopes = lock_usages(connection, gate.keys, gate.limits)
                if scopes is not None:
                    scopes = change(scopes)
                    record_usages(connection, gate.keys, scopes)
                    return scopes
            with self._engine.begin() as connection:
                make_usages(connection, gate.keys, gate.limits, now=self._now())

    def _give_back(self, gate: _Gate, me: _Waiting) -> None:
        """The turn came, but the thread was held up: ask anew."""
        with gate.changed:
            gate.ended += 1
            me.granted_at = None
            gate.waiting.append(me)

    def _leave(self, gate: _Gate) -> None:
        with gate.changed:
            gate.ended += 1
            if gate.waiting and gate.wait_s <= ENDING_S:  # they wait for a call to end: one of them asks now
                gate.quiet_until = 0.0
                gate.changed.notify_all()
        self._tell_what_ended(gate)

    def _tell_what_ended(self, gate: _Gate) -> None:
        """When nobody waits, nobody asks: then who ends a call says so."""
        while True:
            with gate.changed:
                if gate.waiting or gate.asking or not gate.ended:
                    return
                gate.asking = True
            try:
                self._ask(gate)
            except (
                DBAPIError
            ) as error:  # the call is over, and its answer matters more; the count has an end of its own
                log.warning("wecom.budget_away", api=gate.keys[0][1], reason=describe(error))
                return

    def _postponed(self, gate: _Gate, api: Api) -> PostponedError:
        now = self._now()
        if gate.closed_until > now:
            return PostponedError(api.path, "closed by WeCom for a while", after_s=gate.closed_until - now)
        return PostponedError(api.path, "its budget is used up", after_s=max(1.0, gate.wait_s))

    def _now(self) -> float:
        return self._clock.now().timestamp()


def _show(keys: Sequence[tuple[str, str]], scopes: Sequence[Scope], *, now: float) -> None:
    for (scope, api), one in zip(keys, scopes, strict=True):
        if one.limits.per_minute is not None:
            left.labels(scope, api, "minute").set(max(0.0, one.usage.tokens))
        if one.limits.per_hour is not None:
            left.labels(scope, api, "hour").set(one.limits.per_hour - one.usage.in_hour)
        closed_until.labels(scope, api).set(one.usage.closed_until if one.usage.closed_until > now else 0)

"""Every call passes a turnstile: it starts when the budgets that all processes share have room for it.

The calls of one process that wait for the same API ask together, in one short transaction, with what has ended since;
a process that calls often asks for the calls of the next half second at once (see `gate`).
Waiting is bounded by a setting; whoever would wait longer is postponed in its own row instead of holding a thread.
"""

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import structlog
from prometheus_client import Gauge, Histogram
from sqlalchemy import Engine

from shared.clock import Clock, monotonic
from shared.db.engine import describe
from shared.settings import Settings
from shared.wecom.apis import Api, Priority
from shared.wecom.budget import Limits, Scope, agreed, closed, grant, in_advance, lowered
from shared.wecom.budget_store import lock_usages, make_usages, record_usages
from shared.wecom.errors import PostponedError
from shared.wecom.gate import STALE_S, TELL_S, Gate, Waiting

CLOSED, CROWDED = 45009, 45033
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


class Budgets:
    """One per process; `holder` names it among the others."""

    def __init__(self, engine: Engine, clock: Clock, settings: Settings) -> None:
        self._engine, self._clock, self._settings = engine, clock, settings
        self._holder = uuid.uuid4().hex[:12]
        self._gates: dict[tuple[str, str], Gate] = {}
        self._lock = threading.Lock()
        self._telling = False

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

        gate.start_no_more_ahead()
        self._changed(gate, refuse)
        gate.start_no_more_ahead()
        wait_s = self._closed_s(gate)
        log.warning(
            "wecom.api_closed" if code == CLOSED else "wecom.api_crowded", scope=scope, api=api.path, wait_s=wait_s
        )
        return wait_s

    def closed_for(self, scope: str, api: Api) -> float:
        return self._closed_s(self._gate(scope, api))

    def _gate(self, scope: str, api: Api) -> Gate:
        with self._lock:
            gate = self._gates.get((scope, api.path))
            if gate is None:
                gate = self._gates[scope, api.path] = self._made(scope, api)
            return gate

    def _made(self, scope: str, api: Api) -> Gate:
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
        return Gate(tuple(keys), tuple(limits))

    def _enter(self, gate: Gate, api: Api, priority: Priority, *, until: float) -> None:
        if gate.start_ahead():
            return
        me, entered = Waiting(priority), False
        with gate.changed:
            gate.waiting.append(me)
        try:
            while True:
                if gate.is_to_ask(me, until=until):
                    self._ask(gate)
                if me.granted_at is not None:
                    if monotonic() - me.granted_at < STALE_S:
                        entered = True
                        return
                    gate.give_back(me)
                elif self._closed_s(gate) > 0 or monotonic() + gate.wait_s > until:
                    raise self._postponed(gate, api)
        finally:
            gate.leave(me, entered=entered)
            self._have_it_told(gate)

    def _leave(self, gate: Gate) -> None:
        gate.end()
        self._have_it_told(gate)

    def _ask(self, gate: Gate) -> None:
        """To be called by whoever has set `asking`."""
        asking, kept, ahead, refusals = gate.wishes()
        try:
            granted, ahead, wait_s = self._granted(gate, [one.priority for one in asking], under_way=kept, ahead=ahead)
        except BaseException:
            gate.ended_asking()
            raise
        gate.answered(asking, granted, kept=kept, ahead=ahead, wait_s=wait_s, refusals=refusals)

    def _granted(
        self, gate: Gate, wanted: Sequence[Priority], *, under_way: int, ahead: int
    ) -> tuple[list[bool], int, float]:
        """Which may start, how many more soon, and how long the first that may not has to wait."""
        keep_s = self._settings.wecom_total_timeout_s + self._settings.wecom_connect_timeout_s + FORGOTTEN_S
        result: list[tuple[list[bool], int, float]] = []

        def let_start(scopes: list[Scope], now: float) -> list[Scope]:
            after, granted, wait_s = grant(
                scopes, wanted, under_way=under_way, holder=self._holder, keep_s=keep_s, now=now
            )
            after, more = in_advance(after, ahead if all(granted) else 0, now=now)
            result.append((granted, more, wait_s))
            return after

        self._changed(gate, let_start)
        return result[-1]

    def _changed(self, gate: Gate, change: Callable[[list[Scope], float], list[Scope]]) -> None:
        """Change the shared states under their locks, and remember what this process needs of them."""
        while True:
            with self._engine.begin() as connection:
                scopes = lock_usages(connection, gate.keys, gate.limits)
                if scopes is not None:
                    clock = self._clock.now().timestamp()
                    now = agreed(scopes, now=clock + gate.clock_ahead_s)
                    scopes = change(scopes, now)
                    record_usages(connection, gate.keys, scopes, ahead_s=now - clock)
                    break
            with self._engine.begin() as connection:
                make_usages(connection, gate.keys, gate.limits, now=self._now(gate))
        with gate.changed:
            gate.clock_ahead_s = now - clock
            gate.closed_until = scopes[0].usage.closed_until
            gate.reopens_at = monotonic() + gate.closed_until - now
        _show(gate.keys, scopes, now=now, ahead_s=now - clock)

    def _closed_s(self, gate: Gate) -> float:
        """Seconds until WeCom takes calls again, as far as is known; when clocks disagree, ask the shared state."""
        return max(0.0, min(gate.closed_until - self._now(gate), gate.reopens_at - monotonic()))

    def _have_it_told(self, gate: Gate) -> None:
        """Should nobody ask in a moment, a thread tells what has ended."""
        if not gate.owes_word():
            return
        with self._lock:
            wanted, self._telling = not self._telling, True
        if not wanted:
            return
        try:  # no daemon: a process that ends waits until it has told
            threading.Thread(target=self._tell, name="budgets", daemon=False).start()
        except RuntimeError as error:  # too many threads, or the interpreter is ending: the count has an end of its own
            self._telling = False
            log.warning("wecom.budget_untold", reason=str(error))

    def _tell(self) -> None:
        while True:
            time.sleep(TELL_S)
            with self._lock:
                owing = [gate for gate in self._gates.values() if gate.owes_word()]
                if not owing:
                    self._telling = False
                    return
            for gate in owing:
                if gate.is_to_tell():
                    self._tell_of(gate)

    def _tell_of(self, gate: Gate) -> None:
        try:
            self._ask(gate)
        except Exception as error:  # whatever it is, others are still to be told; the count has an end of its own
            log.warning("wecom.budget_away", api=gate.keys[0][1], reason=describe(error))
            gate.forget_word()

    def _postponed(self, gate: Gate, api: Api) -> PostponedError:
        closed_s = self._closed_s(gate)
        if closed_s > 0:
            return PostponedError(api.path, "closed by WeCom for a while", after_s=closed_s)
        return PostponedError(api.path, "its budget is used up", after_s=max(1.0, gate.wait_s))

    def _now(self, gate: Gate) -> float:
        return self._clock.now().timestamp() + gate.clock_ahead_s


def _show(keys: Sequence[tuple[str, str]], scopes: Sequence[Scope], *, now: float, ahead_s: float) -> None:
    for (scope, api), one in zip(keys, scopes, strict=True):
        if one.limits.per_minute is not None:
            left.labels(scope, api, "minute").set(max(0.0, one.usage.tokens))
        if one.limits.per_hour is not None:
            left.labels(scope, api, "hour").set(one.limits.per_hour - one.usage.in_hour)
        until = one.usage.closed_until
        closed_until.labels(scope, api).set(until - ahead_s if until > now else 0)

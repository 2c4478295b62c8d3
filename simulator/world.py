"""The whole simulated WeCom: corps, tokens, limits, faults, counters and the clock, behind one lock."""

import heapq
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any, TypeVar

from simulator.callback_pool import CallbackPool
from simulator.events import Event
from simulator.faults import Faults
from simulator.limits import Limiter
from simulator.records import App, Corp, Receiver
from simulator.tokens import TokenBook

Numbers = TypeVar("Numbers")
Later = Callable[[int], None]
"""What happens by itself; it is given its time, which may lie behind the clock when that was moved."""


class World:
    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.corps: dict[str, Corp] = {}
        self.tokens = TokenBook()
        self.limiter = Limiter()
        self.faults = Faults()
        self.calls: Counter[tuple[str, int]] = Counter()
        self.callbacks = CallbackPool()
        self.offset_s = 0.0
        self.sequence = 0
        self._settings: dict[type, Any] = {}
        self._later: list[tuple[float, int, Later]] = []

    def now(self) -> float:
        """Unix seconds of the simulated clock: real time plus the offset."""
        return time.time() + self.offset_s

    def next_sequence(self) -> int:
        self.sequence += 1
        return self.sequence

    def settings(self, kind: type[Numbers]) -> Numbers:
        """A family's numbers: its defaults until the control API changes them."""
        found: Numbers = self._settings.setdefault(kind, kind())
        return found

    def tune(self, kind: type, values: Mapping[str, Any]) -> None:
        """Change a family's numbers; ValueError when one is unknown or of another type than its default."""
        present: Any = self.settings(kind)
        known = {item.name for item in fields(kind)}
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"unknown setting {name}: one of {', '.join(sorted(known))}")
            default = getattr(present, name)
            told = float(value) if isinstance(default, float) and type(value) is int else value
            if type(told) is not type(default):
                raise ValueError(f"{name} must be {type(default).__name__}")
            setattr(present, name, told)

    def later(self, at: float, do: Later) -> None:
        """Do something when the simulated clock reaches `at`."""
        heapq.heappush(self._later, (at, self.next_sequence(), do))

    def run_due(self) -> None:
        """Do what the clock has reached, in the order of its times. The lock is held."""
        while self._later and self._later[0][0] <= self.now():
            at, _, do = heapq.heappop(self._later)
            do(int(at))

    def configure(
        self, corp_id: str, *, name: str, apps: list[App], receivers: list[Receiver], token_ttl_s: int
    ) -> Corp:
        """Create the corp or replace its configuration; members, customers and messages stay."""
        with self.lock:
            corp = self.corps.get(corp_id)
            if corp is None:
                corp = self.corps[corp_id] = Corp(corp_id, name=name)
            corp.name = name or corp.name
            corp.apps = {app.secret: app for app in apps}
            corp.receivers = [replace(item, receiveid=item.receiveid or corp_id) for item in receivers]
            corp.token_ttl_s = token_ttl_s
            return corp

    def emit(self, corp: Corp, event: Event, *, copies: int | None = None) -> None:
        """Send a callback to every receiver of the corp."""
        if corp.receivers:
            self.callbacks.faults = self.faults.callbacks
            self.callbacks.enqueue(event, corp.receivers, copies=copies)

    def reset(self) -> None:
        """Back to an empty WeCom at real time."""
        with self.lock:
            self.corps.clear()
            self.tokens = TokenBook()
            self.limiter.reset()
            self.faults.clear()
            self.calls.clear()
            self.callbacks.reset()
            self.offset_s = 0.0
            self._settings.clear()
            self._later.clear()

"""The whole simulated WeCom: corps, tokens, limits, faults, counters and the clock, behind one lock."""

import gc
import heapq
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from dataclasses import fields, replace
from functools import partial
from typing import Any, TypeVar

from simulator.audience import audience
from simulator.call_rates import CallRates
from simulator.callback_pool import CallbackPool, Done
from simulator.events import Event, render
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
        # By path and what failed: "down", "cut" or the HTTP status.
        self.unanswered: Counter[tuple[str, str]] = Counter()
        self.rates = CallRates()
        self.callbacks = CallbackPool()
        self.offset_s = 0.0
        self.sequence = 0
        self.held: set[Hashable] = set()
        self._settings: dict[type, Any] = {}
        self._books: dict[type, Any] = {}
        self._later: list[tuple[float, int, Later]] = []

    def now(self) -> float:
        """Unix seconds of the simulated clock: real time plus the offset."""
        return time.time() + self.offset_s

    def next_sequence(self) -> int:
        self.sequence += 1
        return self.sequence

    def settings(self, kind: type[Numbers]) -> Numbers:
        """A family's numbers: its defaults until the control API changes them."""
        found: Numbers | None = self._settings.get(kind)
        if found is None:
            found = self._settings[kind] = kind()
        return found

    def book(self, kind: type[Numbers]) -> Numbers:
        """What one family remembers beyond the corps, empty at first."""
        found: Numbers = self._books.setdefault(kind, kind())
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
        """Create the corp or replace its configuration; people, messages and what suites installed stay."""
        with self.lock:
            corp = self.corps.get(corp_id)
            if corp is None:
                corp = self.corps[corp_id] = Corp(corp_id, name=name)
            corp.name = name or corp.name
            installed = {secret: app for secret, app in corp.apps.items() if app.suite_id}
            kept = [item for item in corp.receivers if item.app in installed]
            corp.apps = {app.secret: app for app in apps} | installed
            corp.receivers = [
                replace(item, receiveid=item.receiveid or ("" if item.style == "robot" else corp_id))
                for item in receivers
            ] + kept
            corp.token_ttl_s = token_ttl_s
            return corp

    def emit(self, corp: Corp, event: Event, *, copies: int | None = None) -> None:
        """Send a callback to every receiver of the corp that may hear of it."""
        for receiver in audience(corp, event):
            self.push(render(event, receiver), receiver, copies=copies, agent_id=event.agent_id)

    def push(
        self,
        plaintext: str,
        receiver: Receiver,
        *,
        copies: int | None = None,
        agent_id: int = 0,
        query: Mapping[str, str] | None = None,
        done: Done | None = None,
    ) -> None:
        """Send a plaintext to one receiver; with the fault `late_s` when the simulated clock gets there."""
        pool = self.callbacks
        pool.faults = self.faults.callbacks
        send = partial(pool.send, plaintext, receiver, copies=copies, agent_id=agent_id, query=query or {}, done=done)
        if pool.faults.late_s[1]:
            self.later(self.now() + random.uniform(*pool.faults.late_s), lambda at: send())  # noqa: ARG005
        else:
            send()

    def reset(self) -> None:
        """Back to an empty WeCom at real time."""
        with self.lock:
            self.corps.clear()
            self.tokens = TokenBook()
            self.limiter.reset()
            self.faults.clear()
            self.calls.clear()
            self.unanswered.clear()
            self.rates = CallRates()
            self._books.clear()
            self.callbacks.reset()
            self.offset_s = 0.0
            self._settings.clear()
            self._later.clear()
            # A large population was taken out of the collector's sight (see population.py); now it is garbage.
            if gc.get_freeze_count():
                gc.unfreeze()
                gc.collect()

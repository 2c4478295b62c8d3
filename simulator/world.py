"""The whole simulated WeCom: corps, tokens, limits, faults, counters and the clock, behind one lock."""

import threading
import time
from collections import Counter
from dataclasses import replace

from simulator.callback_pool import CallbackPool
from simulator.events import Event
from simulator.faults import Faults
from simulator.limits import Limiter
from simulator.records import App, Corp, Receiver
from simulator.tokens import TokenBook


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

    def now(self) -> float:
        """Unix seconds of the simulated clock: real time plus the offset."""
        return time.time() + self.offset_s

    def next_sequence(self) -> int:
        self.sequence += 1
        return self.sequence

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

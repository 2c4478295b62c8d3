"""What goes wrong on purpose: refused, slow and unanswered calls, lost, repeated and late callbacks."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class CallbackFaults:
    """`drop` is a probability, `duplicate` the number of extra copies, `delay_s` a range of seconds.

    `shuffle` is how many callbacks are held back and then released in random order (0 = none).
    """

    drop: float = 0.0
    duplicate: int = 0
    delay_s: tuple[float, float] = (0.0, 0.0)
    shuffle: int = 0


@dataclass
class Scripted:
    """The next `times` calls are refused with `errcode`, or (hang) done but answered only after `hang_s`."""

    times: int
    errcode: int = 0
    hang_s: float = 0.0


def api_path(path: str) -> str:
    return path.removeprefix("/").removeprefix("cgi-bin/")


@dataclass
class Faults:
    callbacks: CallbackFaults = field(default_factory=CallbackFaults)
    errors: dict[str, list[Scripted]] = field(default_factory=dict)
    hangs: dict[str, list[Scripted]] = field(default_factory=dict)
    latency_ms: dict[str, float] = field(default_factory=dict)

    def apply(self, change: dict[str, Any]) -> None:
        """Merge one description from the control API; ValueError when a key is unknown."""
        unknown = change.keys() - {
            "clear", "drop", "duplicate", "delay_s", "shuffle", "path", "errcode", "times", "latency_ms", "hang_s"
        }  # fmt: skip
        if unknown:
            raise ValueError(f"unknown fault: {', '.join(sorted(unknown))}")
        if change.get("clear"):
            self.clear()
        callbacks = self.callbacks
        callbacks.drop = float(change.get("drop", callbacks.drop))
        callbacks.duplicate = int(change.get("duplicate", callbacks.duplicate))
        callbacks.shuffle = int(change.get("shuffle", callbacks.shuffle))
        if "delay_s" in change:
            delay = change["delay_s"]
            low, high = delay if isinstance(delay, list) else (delay, delay)
            callbacks.delay_s = (float(low), float(high))
        if "path" in change:
            self._apply_to_path(api_path(str(change["path"])), change)
        elif change.keys() & {"errcode", "times", "latency_ms", "hang_s"}:
            raise ValueError("errcode, hang_s and latency_ms need a path")

    def _apply_to_path(self, path: str, change: dict[str, Any]) -> None:
        times = int(change.get("times", 1))
        if "latency_ms" in change:
            self.latency_ms[path] = float(change["latency_ms"])
        if "errcode" in change:
            self.errors.setdefault(path, []).append(Scripted(times, errcode=int(change["errcode"])))
        if "hang_s" in change:
            self.hangs.setdefault(path, []).append(Scripted(times, hang_s=float(change["hang_s"])))

    def clear(self) -> None:
        self.callbacks = CallbackFaults()
        self.errors.clear()
        self.hangs.clear()
        self.latency_ms.clear()

    def next_error(self, path: str) -> int:
        scripted = self._take(self.errors, path)
        return scripted.errcode if scripted else 0

    def next_hang(self, path: str) -> float:
        scripted = self._take(self.hangs, path)
        return scripted.hang_s if scripted else 0.0

    @staticmethod
    def _take(scripts: dict[str, list[Scripted]], path: str) -> Scripted | None:
        waiting = scripts.get(path)
        if not waiting:
            return None
        first = waiting[0]
        first.times -= 1
        if first.times <= 0:
            waiting.pop(0)
        return first

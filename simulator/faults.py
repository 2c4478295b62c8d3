"""What goes wrong on purpose: refused, slow, cut and unanswered calls, dead tokens, lost and late callbacks."""

import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Failure = Literal["errcode", "hang_s", "cut", "http_status", "spoil"]
SHOWN_AS: Mapping[Failure, str] = {
    "errcode": "errors",
    "hang_s": "hangs",
    "cut": "cuts",
    "http_status": "pages",
    "spoil": "spoils",
}
SPOILED = ("empty", "no_cursor", "same_cursor", "garbage")
ANY = "*"
CALLBACK_KEYS = frozenset({"drop", "duplicate", "delay_s", "late_s", "shuffle"})
CALL_KEYS = frozenset({*SHOWN_AS, "latency_ms", "block_s", "revoke_after"})
CONDITIONS = frozenset({"path", "corp_id", "times", "probability", "skip", "expired"})
DOWN = ("", "cut", "502", "both")


@dataclass
class CallbackFaults:
    """`drop` is a probability, `duplicate` the number of extra copies, `delay_s` a range of seconds.

    `late_s` is such a range of the simulated clock. `shuffle` is how many callbacks are held back and then released
    in random order (0 = none).
    """

    drop: float = 0.0
    duplicate: int = 0
    delay_s: tuple[float, float] = (0.0, 0.0)
    shuffle: int = 0
    late_s: tuple[float, float] = (0.0, 0.0)


@dataclass
class Scripted:
    """One failure: what fails and how, of which calls, how many times (None = for good), with which probability."""

    what: Failure
    how: Any
    path: str
    corp_id: str = ""
    times: int | None = 1
    probability: float = 1.0
    skip: int = 0
    """So many fitting calls go well first."""


@dataclass
class Block:
    """45009 until a moment of the simulated clock, whatever was counted."""

    path: str
    until: float
    corp_id: str = ""


@dataclass
class Revocation:
    """After `left` more calls the caller's token is dead: unknown, or expired."""

    left: int
    path: str
    corp_id: str = ""
    expired: bool = False


def api_path(path: str) -> str:
    return path.removeprefix("/").removeprefix("cgi-bin/")


def _paths(scripts: list[dict[str, Any]]) -> list[str]:
    return sorted({script["path"] for script in scripts})


def _concerns(fault: Scripted | Block | Revocation, path: str, corp_id: str) -> bool:
    return fault.path in (path, ANY) and fault.corp_id in (corp_id, "")


@dataclass
class Faults:
    """`down` is empty, or how every call fails: `cut`, `502`, or `both` in turn by chance."""

    callbacks: CallbackFaults = field(default_factory=CallbackFaults)
    calls: list[Scripted] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    revocations: list[Revocation] = field(default_factory=list)
    latency_ms: dict[str, float] = field(default_factory=dict)
    down: str = ""

    def __post_init__(self) -> None:
        self._dice = random.Random()

    def apply(self, change: dict[str, Any], *, now: float = 0) -> None:
        """Merge one description from the control API; ValueError when a key is unknown or lacks what it needs."""
        unknown = change.keys() - CALLBACK_KEYS - CALL_KEYS - CONDITIONS - {"clear", "seed", "down"}
        if unknown:
            raise ValueError(f"unknown fault: {', '.join(sorted(unknown))}")
        if change.get("clear"):
            self.clear()
        if "seed" in change:
            self._dice.seed(change["seed"])
        if "down" in change:
            self._apply_down(change["down"])
        self._apply_to_callbacks(change)
        if change.keys() & CALL_KEYS:
            self._apply_to_calls(change, now=now)

    def _apply_down(self, told: Any) -> None:
        down = {True: "both", False: ""}.get(told, told) if isinstance(told, bool) else told
        if down not in DOWN:
            raise ValueError("down is true, false, cut or 502")
        self.down = down

    def _apply_to_callbacks(self, change: dict[str, Any]) -> None:
        callbacks = self.callbacks
        callbacks.drop = float(change.get("drop", callbacks.drop))
        callbacks.duplicate = int(change.get("duplicate", callbacks.duplicate))
        callbacks.shuffle = int(change.get("shuffle", callbacks.shuffle))
        for name in change.keys() & {"delay_s", "late_s"}:
            told = change[name]
            low, high = told if isinstance(told, list) else (told, told)
            setattr(callbacks, name, (float(low), float(high)))

    def _apply_to_calls(self, change: dict[str, Any], *, now: float) -> None:
        if "path" not in change and "revoke_after" not in change:
            raise ValueError("a fault of calls needs a path; * is all of them")
        path, corp_id = api_path(str(change.get("path", ANY))), str(change.get("corp_id", ""))
        if "latency_ms" in change:
            self.latency_ms[path] = float(change["latency_ms"])
        if "block_s" in change:
            self.blocks.append(Block(path, now + float(change["block_s"]), corp_id))
        if "revoke_after" in change:
            expired = bool(change.get("expired", False))
            self.revocations.append(Revocation(int(change["revoke_after"]), path, corp_id, expired))
        if change.get("cut", "before") not in ("before", "after"):
            raise ValueError("cut is before or after")
        if change.get("spoil", "empty") not in SPOILED and not isinstance(change["spoil"], dict):
            raise ValueError(f"spoil is one of {', '.join(SPOILED)}, or an object that is laid over the answer")
        probability = float(change.get("probability", 1.0))
        times = change.get("times", 1 if "probability" not in change else None)
        for what in SHOWN_AS:
            if what in change:
                often = None if times is None else int(times)
                skip = int(change.get("skip", 0))
                self.calls.append(Scripted(what, change[what], path, corp_id, often, probability, skip))

    def clear(self) -> None:
        self.callbacks = CallbackFaults()
        for kept in (self.calls, self.blocks, self.revocations, self.latency_ms):
            kept.clear()
        self.down = ""

    def shown(self) -> dict[str, Any]:
        """What is set now, with what is left of it; scripted calls by what fails and then by path."""
        found = asdict(self)
        scripts = found.pop("calls")
        for what, name in SHOWN_AS.items():
            fitting = [script for script in scripts if script["what"] == what]
            found[name] = {path: [item for item in fitting if item["path"] == path] for path in _paths(fitting)}
        return found

    def latency_s(self, path: str) -> float:
        return self.latency_ms.get(path, self.latency_ms.get(ANY, 0)) / 1000

    def outage(self) -> str:
        """How this call fails because WeCom is down: `cut`, `502`, or empty."""
        return self._dice.choice(("cut", "502")) if self.down == "both" else self.down

    def next(self, what: Failure, path: str, *, corp_id: str = "", how: Any = None) -> Any:
        """What the oldest fitting script says, or None; it is used up by one. `how` asks for one value only."""
        for script in list(self.calls):
            if script.what != what or not _concerns(script, path, corp_id) or how not in (None, script.how):
                continue
            if script.probability < 1 and self._dice.random() >= script.probability:
                continue
            if script.skip > 0:
                script.skip -= 1
                continue
            if script.times is not None:
                script.times -= 1
                if script.times <= 0:
                    self.calls.remove(script)
            return script.how
        return None

    def is_blocked(self, path: str, *, corp_id: str, now: float) -> bool:
        return any(now < block.until and _concerns(block, path, corp_id) for block in self.blocks)

    def revocation(self, path: str, *, corp_id: str) -> Revocation | None:
        """Count one call; the revocation that it brings about, if any, which is then done with."""
        for item in self.revocations:
            if _concerns(item, path, corp_id):
                item.left -= 1
                if item.left < 0:
                    self.revocations.remove(item)
                    return item
        return None

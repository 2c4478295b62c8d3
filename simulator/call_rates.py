"""How many calls came in each second, by the real and by the simulated clock: for load tests.

A call costs two additions. The last hour of seconds in which something happened is kept.
"""

import time
from collections import Counter, deque
from typing import Any

KEPT_SECONDS = 3600
Kind = tuple[str, str, int | str]
"""Path, corp id (empty when unknown), errcode or what failed before the API."""


class Seconds:
    """Calls by second of one clock. The simulated one may be set back, so seconds need not come in order."""

    def __init__(self) -> None:
        self._kept: deque[tuple[int, Counter[Kind]]] = deque(maxlen=KEPT_SECONDS)

    def add(self, second: int, kind: Kind) -> None:
        if not self._kept or self._kept[-1][0] != second:
            self._kept.append((second, Counter()))
        self._kept[-1][1][kind] += 1

    def report(self, *, now: float, last_s: int, path: str, corp_id: str) -> dict[str, Any]:
        """Of the last seconds: the number, the rate and the codes; of the hour: the fullest second and minute."""
        by_second: Counter[int] = Counter()
        codes: Counter[str] = Counter()
        recent = 0
        for second, kinds in list(self._kept):
            for (called, corp, errcode), count in list(kinds.items()):
                if (path and called != path) or (corp_id and corp != corp_id):
                    continue
                by_second[second] += count
                if now - last_s < second <= now:
                    recent += count
                    codes[str(errcode)] += count
        return {
            "calls": recent,
            "per_s": round(recent / last_s, 3),
            "codes": dict(codes),
            "most_in_1_s": max(by_second.values(), default=0),
            "most_in_60_s": _most_within(by_second, 60),
        }

    def by_path(self, *, since: int) -> Counter[str]:
        """Calls of each path from a second on."""
        found: Counter[str] = Counter()
        for second, kinds in reversed(list(self._kept)):
            if second < since:
                break
            for (path, _, _), count in list(kinds.items()):
                found[path] += count
        return found


def _most_within(by_second: Counter[int], length: int) -> int:
    most = total = 0
    inside: deque[tuple[int, int]] = deque()
    for second in sorted(by_second):
        inside.append((second, by_second[second]))
        total += by_second[second]
        while inside[0][0] <= second - length:
            total -= inside.popleft()[1]
        most = max(most, total)
    return most


class CallRates:
    def __init__(self) -> None:
        self._real, self._simulated = Seconds(), Seconds()

    def record(self, kind: Kind, *, simulated_now: float) -> None:
        self._real.add(int(time.time()), kind)
        self._simulated.add(int(simulated_now), kind)

    def report(self, *, simulated_now: float, last_s: int = 60, path: str = "", corp_id: str = "") -> dict[str, Any]:
        """`last_s` counts back from now; empty `path` and `corp_id` are all."""
        if last_s < 1:
            raise ValueError("seconds must be 1 or more")
        asked: dict[str, Any] = {"last_s": last_s, "path": path, "corp_id": corp_id}
        return {
            "seconds": last_s,
            "real": self._real.report(now=time.time(), **asked),
            "simulated": self._simulated.report(now=simulated_now, **asked),
        }

    def last_minute(self) -> Counter[str]:
        """Calls of each path in the last real minute."""
        return self._real.by_path(since=int(time.time()) - 60)

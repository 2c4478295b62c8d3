"""A trickle of believable life: mostly new customers, some edits, some losses, few deletions."""

import random
import threading
import time
from typing import Any

from simulator import names
from simulator.acting import ImpossibleError
from simulator.actions import act
from simulator.records import Corp, Pair, PairState
from simulator.tags.book import TagBook
from simulator.world import World

WEIGHTS = {"add": 60, "half_add": 5, "confirm": 5, "edit": 18, "customer_deletes": 9, "member_deletes": 3}
STATES = ("", "", "", "store_window", "booth_a7", "livestream")
TRIES = 20


class Activity:
    """One thread for all corps; each has its own number of actions a minute (0 = none)."""

    def __init__(self, world: World, *, seed: int | None = None) -> None:
        self._world = world
        self._dice = random.Random(seed)
        self._per_minute: dict[str, float] = {}
        self._due: dict[str, float] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def rate(self, corp_id: str) -> float:
        return self._per_minute.get(corp_id, 0.0)

    def set_rate(self, corp_id: str, per_minute: float) -> None:
        with self._changed:
            if per_minute > 0:
                self._per_minute[corp_id] = per_minute
                self._due[corp_id] = time.monotonic()
            else:
                self._per_minute.pop(corp_id, None)
                self._due.pop(corp_id, None)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="activity", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def stop(self) -> None:
        with self._changed:
            self._per_minute.clear()
            self._due.clear()

    def _run(self) -> None:
        while True:
            corp = self._world.corps.get(self._next())
            if corp is not None:
                step(self._world, corp, self._dice)

    def _next(self) -> str:
        """Wait until a corp is due and set its next time; gaps are drawn at random around the mean."""
        with self._changed:
            while True:
                now = time.monotonic()
                if not self._due:
                    self._changed.wait()
                    continue
                corp_id = min(self._due, key=self._due.__getitem__)
                if self._due[corp_id] <= now:
                    gap = self._dice.expovariate(self._per_minute[corp_id] / 60)
                    self._due[corp_id] = max(self._due[corp_id], now - 1) + gap
                    return corp_id
                self._changed.wait(self._due[corp_id] - now)


def step(world: World, corp: Corp, dice: random.Random) -> None:
    """Do one random action; what the state does not allow is drawn again, a few times."""
    for _ in range(TRIES):
        do = dice.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        try:
            with world.lock:
                action = _new(corp, do, dice) if do in {"add", "half_add"} else _on_existing(corp, do, dice)
                if action is not None:
                    act(world, corp, action)
                    return
        except ImpossibleError:
            continue


def _new(corp: Corp, do: str, dice: random.Random) -> dict[str, Any] | None:
    userids = [member.userid for member in corp.members.values() if member.serves_customers]
    if not userids:
        return None
    return {
        "do": do,
        "userid": dice.choice(userids),
        "name": names.person(dice),
        "state": dice.choice(STATES),
        "add_way": dice.choice((1, 1, 1, 3, 4, 16)),
        "welcome": True,
    }


def _on_existing(corp: Corp, do: str, dice: random.Random) -> dict[str, Any] | None:
    pair = _some_pair(corp, dice)
    if pair is None or (do == "confirm") != (pair.state is PairState.HALF):
        return None
    ids = {"userid": pair.userid, "external_userid": pair.customer.external_userid}
    if do != "edit":
        return {"do": do, **ids}
    known = corp.book(TagBook).ids()
    tags = dice.sample(known, min(len(known), dice.choice((0, 1, 2)))) or None
    return {"do": do, **ids, "remark": f"{pair.customer.name}·{dice.choice(names.REMARKS)}"[:20], "tags": tags}


def _some_pair(corp: Corp, dice: random.Random) -> Pair | None:
    """A recent pair, for people mostly touch the customers of the day."""
    return corp.recent[dice.randrange(len(corp.recent))] if corp.recent else None

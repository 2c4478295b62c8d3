"""One play: towns in a simulated WeCom, the system's parts in this process, and the post between them.

Everything runs in the test's thread, under one clock that only the play moves.
"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from commands.demo_corp import AES_KEY, TOKEN, SimulatedCorp
from shared.corp_file import parse_corp_file
from shared.runtime import Runtime
from shared.settings import Settings
from shared.tenants import record_corp
from sync_worker.routing import route_inbox
from tests.convergence import passes
from tests.convergence.deeds import order_of
from tests.convergence.post import Letter
from tests.convergence.relay import Trouble
from tests.convergence.stage import HereAndNow, Killed, Stage
from tests.convergence.town import CUSTOMERS, FRIEND, GROUP, MEMBERS, OUTLETS, TAGS, Deed, Order, Town
from tests.sync_worker.conftest import Office

START = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
LEASE_S = 60.0
PATIENCE = 300
"""Rounds until everything must be at rest."""


@dataclass
class Scene:
    """`received`: pushes answered with 200; `pending`: those on their way; `found`: what was wrong meanwhile."""

    stage: Stage
    towns: list[Town]
    wecom: dict[str, dict[str, Any]]
    pending: list[Letter] = field(default_factory=list)
    received: list[Letter] = field(default_factory=list)
    history: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    story: list[str] = field(default_factory=list)
    count: Counter[str] = field(default_factory=Counter)
    found: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        stage = self.stage
        stage.axe.after = None
        stage.relay.disarm()
        stage.relay.errors.clear()
        stage.relay.kill = self._strike
        stage.post.collect()
        stage.clear()
        self.corp = SimulatedCorp(stage.simulator_url)
        self.corp.post("/sim/reset", {})
        self.corp.post("/sim/limits", {"per_minute": 0, "per_hour": 0})
        self.corp.post("/sim/settings", self.wecom)
        stage.clock.present = START
        self.pin_clock()
        for town in self.towns:
            self._found(town)
        self.office = self.hire()
        for town in self.towns:
            with stage.engine.begin() as connection:
                record_corp(connection, stage.vault, parse_corp_file(_corp_file(town), source="play"), now=self.now)
        stage.gateway.refresh()

    @property
    def now(self) -> datetime:
        return self.stage.clock.now()

    def hire(self) -> Office:
        """A worker that knows nothing of an earlier one."""
        values: dict[str, Any] = {
            "wecom_base_url": self.stage.relay.url,
            "lease_s": LEASE_S,
            "wecom_wait_s": 0,
            "wecom_per_minute": 1_000_000,
            "wecom_per_hour": 10_000_000,
            "wecom_address_per_minute": 1_000_000,
            "wecom_address_per_hour": 10_000_000,
            "resync_parallel": 2,
            "guard_floor": 10_000,  # in so small a corp nearly every end is "too many at once"
        }
        stage = self.stage
        settings = Settings(_env_file=None, **values)
        runtime = Runtime(settings, stage.clock, stage.engine, stage.redis, stage.vault)
        return Office(runtime, self.corp, HereAndNow())  # type: ignore[arg-type]

    def _found(self, town: Town) -> None:
        base = f"/sim/corps/{town.corp_id}"
        self._configure(town)
        departments = [{"id": id_, "name": name, "parentid": 0 if id_ == 1 else 1} for id_, name in OUTLETS.items()]
        self.corp.post(f"{base}/departments", departments)
        members = [{"userid": one, "name": one, "department": [outlet]} for one, outlet in MEMBERS.items()]
        self.corp.post(f"{base}/members", members)
        tags = [{"tag_id": tag, "tag_name": tag[5:], "group_name": GROUP} for tag in TAGS]
        self.corp.post(f"{base}/tags", tags)
        for group in self.corp.get(f"{base}/look/tags"):
            town.done({"do": "create_tag_group", "group_id": group["group_id"]}, {"tag_ids": list(TAGS)})

    def _configure(self, town: Town) -> None:
        """The corp's apps, as far as they see, and its receivers."""
        apps: list[dict[str, Any]] = [
            {"name": "contact", "secret": town.secret, "agent_id": 1000002, **town.sight},
        ]
        if town.contact_sync:
            apps.append({"name": "directory", "secret": town.contact_sync, "agent_id": 0, "kind": "directory"})
        receivers = [
            {
                "url": f"{self.stage.post.url}/callback/{town.corp_id}/{name}",
                "token": TOKEN,
                "encoding_aes_key": AES_KEY,
                "app": "contact",
            }
            for name in ("main", "second")
        ]
        self.corp.post("/sim/corps", {"corp_id": town.corp_id, "apps": apps, "receivers": receivers})

    def pin_clock(self) -> None:
        """WeCom's clock is ours, and a moment later."""
        self.corp.post("/sim/clock", {"offset_s": self.now.timestamp() + 0.05 - time.time()})

    def advance(self, seconds: float) -> None:
        self.stage.clock.advance(seconds)
        self.pin_clock()

    def tell(self, line: str) -> None:
        self.story.append(f"{(self.now - START).total_seconds():>8.0f} s  {line}")

    # What people do.

    def act(self, town: Town, deed: Deed) -> None:
        """Do it, when it is possible; its pushes are on their way then."""
        self.advance(deed.wait_s)
        order = order_of(town, deed)
        if order is not None:
            self.carry_out(town, order, silent=deed.silent)

    def carry_out(self, town: Town, order: Order, *, silent: bool = False) -> None:
        told = {**order, "at": int(self.now.timestamp()), "silent": silent}
        made = self._do(town, order, told)
        if made is None:
            return
        town.done(order, made)
        self.history.append((town.corp_id, {**told, "made": made}))
        self.tell(
            " ".join(f"{value}" for value in {"corp": town.corp_id, **order, "made": made.get("chat_id", "")}.values())
        )
        self.count["deeds"] += 1
        if not silent:
            self.corp.flush()
            self.pending += self.stage.post.collect(town.names)

    def _do(self, town: Town, order: Order, told: Order) -> dict[str, Any] | None:
        """WeCom's answer, None when it is impossible. The sight is configured."""
        if order["do"] == "sight":
            self._configure(replace(town, sight=order["sight"]))
            return {}
        url = f"{self.stage.simulator_url}/sim/corps/{town.corp_id}/act"
        answered = self.corp.http.post(url, json=told)
        if answered.status_code == 409:
            return None
        assert answered.ok, (told, answered.text)
        return dict(answered.json())

    def befriend(self, town: Town, number: int, many: int) -> None:
        """So many members get the same new friend, whom the worker records; unless there is such a one already."""
        if town.shared_pair(number) if many > 1 else town.pair(number, FRIEND):
            return
        customer = CUSTOMERS[number % len(CUSTOMERS)]
        for userid in sorted(town.members)[:many]:
            self.advance(1)
            if town.pairs.get((userid, customer)) != FRIEND:
                order = {"do": "add", "userid": userid, "external_userid": customer, "name": "新友", "add_way": 1}
                self.carry_out(town, order)
        self.deliver_all()
        self.safely(lambda: self.route() + self.reconcile())

    # The post.

    def deliver(self, number: int, *, copies: int = 1, keep: bool = False) -> None:
        """Let one of the pushes arrive, so many times; `keep`: and once more some day."""
        if not self.pending:
            return
        place = number % len(self.pending)
        letter = self.pending[place] if keep else self.pending.pop(place)
        self.tell(f"arrives {'(not for the last time) ' if keep else ''}x{copies}: {letter}")
        for _ in range(copies):
            assert self.stage.gateway.receive(letter) == 200
        self.count["pushes received"] += copies
        self.received.append(letter)

    def deliver_all(self) -> None:
        while self.pending:
            self.deliver(0)

    def lose(self, number: int) -> None:
        if self.pending:
            self.count["pushes lost"] += 1
            self.tell(f"is lost: {self.pending.pop(number % len(self.pending))}")

    # The worker.

    def safely(self, work: Callable[[], object]) -> None:
        """Let the worker work; when it is killed meanwhile, another one takes its place."""
        try:
            work()
        except Killed:
            self.tell("the worker is killed")
            self.count["kills"] += 1
            self.office = self.hire()
            self._end_fetches()
        if self.stage.relay.errors:
            raise self.stage.relay.errors.pop()

    def route(self, limit: int = 200) -> int:
        return route_inbox(self.office.runtime, self.office.directory, limit=limit)

    def reconcile(self, limit: int = 50) -> int:
        return self.office.reconciler.reconcile_due(limit=limit)

    def walk(self) -> int:
        return passes.walk_step(self.office)

    def work(self) -> None:
        """Everything that is due now."""
        for _ in range(PATIENCE):
            if not any([self._repeat(self.route), self._repeat(self.walk), self._repeat(self.reconcile)]):
                return
        raise AssertionError("there is always something due")

    def _repeat(self, part: Callable[[], int]) -> int:
        """How many times there was something to do."""
        for times in range(PATIENCE):
            if not part():
                return times
        raise AssertionError(f"no end of it: {passes.open_work(self.office)}")

    def settle(self) -> None:
        """Work until nothing is due, however late."""
        for _ in range(PATIENCE):
            self.safely(self.work)
            due = passes.next_due(self.office)
            if due is None:
                return
            self.advance(max(1.0, (due - self.now).total_seconds() + 0.5))
        raise AssertionError(f"never at rest: {passes.open_work(self.office)}")

    def trouble(self, trouble: Trouble, meanwhile: Callable[[], None] | None = None) -> None:
        self.tell(f"trouble ahead: {trouble}")
        self.count["troubles"] += 1
        if meanwhile is not None:
            self.stage.relay.meanwhile = meanwhile
        self.stage.relay.arm(trouble)

    def peace(self) -> None:
        """No more faults, and every lag is over."""
        self.tell("peace")
        self.stage.axe.after = None
        self.stage.relay.disarm()
        self.advance(timedelta(hours=2).total_seconds())

    def rows(self, sql: str) -> list[dict[str, Any]]:
        with self.stage.engine.begin() as connection:
            return [dict(row) for row in connection.execute(text(sql)).mappings()]

    def _strike(self) -> None:
        self.stage.axe.after = 0

    def _end_fetches(self) -> None:
        """A worker that was killed while it fetched a token keeps the others from it for 45 s of the real clock."""
        rows = self.office.rows("select 1 from credential where renewing_until is not null")
        if rows:
            self.advance(46)


def _corp_file(town: Town) -> dict[str, object]:
    receiver = {"kind": "app", "app": "contact", "token": TOKEN, "encoding_aes_key": AES_KEY}
    apps: dict[str, object] = {"contact": {"agent_id": 1000002, "secret": town.secret}}
    apps |= {"directory": {"secret": town.contact_sync}} if town.contact_sync else {}
    return {
        "corp_id": town.corp_id,
        "name": f"一城 {town.corp_id}",
        "apps": apps,
        "receivers": {"main": receiver, "second": receiver},
    }

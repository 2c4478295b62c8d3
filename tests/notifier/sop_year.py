"""A corp that lives with SOPs in virtual time, its phones in the simulator; and a plain reading of what is to arrive.

The reading knows nothing of rows: from what happened it says which step is told to whom at which minute, and from quiet
hours, the notifier's pauses and WeCom's pace when its message reaches the phone.
"""

import heapq
import random
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from functools import cache

from notifier.deliver import Notifier
from services.reminders.model import Policy, Quiet
from services.reminders.store import record_own_quiet, record_policy
from services.sops.by_hand import take_out
from services.sops.check import StepDraft
from services.sops.ending import withdraw_of_rule
from services.sops.model import Exit, RuleState, Trigger
from shared.clock import FixedClock
from shared.ids import UserId
from shared.outbox import next_due
from shared.tenants import load_tenants
from shared.tries import lease
from shared.wecom.clients import Clients
from sync_worker.cards import make_all_due
from tests.conftest import quick_engine
from tests.notifier.desk import Desk
from tests.notifier.test_kills import die_at_commit
from tests.services.rules.shop import Shop
from tests.services.sops.sopping import LOCAL, SopShop, after, expected, on

MINUTE = timedelta(minutes=1)
START = datetime(2026, 1, 4, 16, tzinfo=UTC)
STAFF = [f"sales{n}" for n in range(8)]
NIGHT, NOON = Quiet(time(21), time(8)), Quiet(time(12), time(14))
LONGEST_WAIT = timedelta(hours=15)
PACE, WINDOW = 30, timedelta(seconds=70)
"""Messages that one phone gets in a window: a minute, and ten seconds in which a try may be on its way."""
LATE = timedelta(minutes=5)
"""So much later arrives at most what somebody held who died: a lease, and the pace after it."""
PLANS: dict[str, list[StepDraft]] = {
    "a": [after(0), after(45), after(24 * 60), on(2, "09:30"), on(7, "20:00"), after(30 * 1440 + 7)],
    "b": [on(0, "23:59"), on(1, "00:00"), on(3, "12:00"), on(10, "22:30"), on(15, "07:15"), on(40, "10:00")],
    "c": [after(5), after(6), on(1, "10:00"), on(5, "10:00"), on(14, "13:00"), on(28, "10:00")],
}
Key = tuple[str, int, int]
"""(rule, customer, number of the step)."""
MESSAGE = re.compile(r"【(\w)/(\d+)/(\d+)】顾客(\d+)")


def quiet_of(userid: str) -> Quiet | None:
    return NOON if userid == STAFF[0] else None if userid == STAFF[1] else NIGHT


def after_quiet(moment: datetime, userid: str) -> datetime:
    """The first minute that is not quiet, asked minute by minute."""
    minutes = _quiet_minutes((moment + LOCAL).time().replace(second=0, microsecond=0), quiet_of(userid))
    return moment.replace(second=0, microsecond=0) + minutes * MINUTE if minutes else moment


@cache
def _quiet_minutes(clock: time, quiet: Quiet | None) -> int:
    moment, minutes = datetime.combine(START, clock), 0
    while quiet is not None:
        at = (moment + minutes * MINUTE).time()
        inside = quiet.start <= at < quiet.end if quiet.start < quiet.end else not quiet.end <= at < quiet.start
        if not inside:
            break
        minutes += 1
    return minutes


@dataclass
class Reading:
    """What is to be told: by key the minute. `told`: to whom, in the order of those minutes, once they have come."""

    wanted: dict[Key, datetime] = field(default_factory=dict)
    told: dict[Key, str] = field(default_factory=dict)
    words: dict[tuple[str, int], list[datetime]] = field(default_factory=dict)
    pauses: list[tuple[datetime, datetime]] = field(default_factory=list)
    heap: list[tuple[datetime, Key]] = field(default_factory=list)

    def want(self, key: Key, due: datetime) -> None:
        self.wanted[key] = due
        heapq.heappush(self.heap, (due, key))

    def next_due(self) -> datetime | None:
        while self.heap and self.wanted.get(self.heap[0][1]) != self.heap[0][0]:
            heapq.heappop(self.heap)
        return self.heap[0][0] if self.heap else None

    def tell(self, now: datetime, owner_of: Callable[[int], str], stopped: dict[str, datetime]) -> None:
        """What is due is told; what falls into a stop is past."""
        while (due := self.next_due()) is not None and due <= now:
            key = heapq.heappop(self.heap)[1]
            if key[0] in stopped:
                del self.wanted[key]
            else:
                self.told[key] = owner_of(key[1])

    def ready(self, key: Key) -> datetime:
        """When it may go out, but for the pace."""
        due = self.wanted[key]
        return after_quiet(next((end for start, end in self.pauses if start <= due < end), due), self.told[key])

    def waiting(self, now: datetime) -> Iterator[Key]:
        """Told, and not gone out yet."""
        for key in reversed(self.told):
            if self.wanted[key] < now - LONGEST_WAIT:
                return
            if self.ready(key) > now:
                yield key

    def forget(self, gone: Callable[[Key], bool], now: datetime) -> None:
        """Neither what is ahead nor what waits arrives."""
        waiting = [key for key in self.waiting(now) if gone(key)]
        for key in waiting:
            del self.told[key]
        for key in [key for key in self.wanted if gone(key) and key not in self.told]:
            del self.wanted[key]

    def arrivals(self, until: datetime) -> dict[tuple[str, datetime], list[tuple[Key, datetime]]]:
        """By phone and when it may go out: each phone gets what is ready in its order, no more in a window than WeCom
        lets through. Of what is ready together, any may be first.
        """
        found: dict[tuple[str, datetime], list[tuple[Key, datetime]]] = {}
        sent: dict[str, list[datetime]] = {}
        for ready, key in sorted((self.ready(key), key) for key in self.told):
            who, at = self.told[key], ready
            times = sent.setdefault(who, [])
            while (later := after_quiet(_paced(at, times), who)) != at:
                at = later
            times.append(at)
            if at <= until:
                found.setdefault((who, ready), []).append((key, at))
        return found

    def version(self, key: Key, at: datetime) -> int:
        """Of the words, as they are when it goes out."""
        return sum(changed < at for changed in self.words.get((key[0], key[2]), ()))


def _paced(moment: datetime, times: list[datetime]) -> datetime:
    recent = [one for one in times[-PACE:] if one > moment - WINDOW]
    return recent[0] + WINDOW if len(recent) >= PACE else moment


class Year:
    """The corp. What is done to it here is done to the reading as well."""

    def __init__(self, desk: Desk, customers: int, *, seed: int) -> None:
        settings = desk.runtime.settings.model_copy(update={"wecom_read_timeout_s": 30})
        desk.runtime = replace(desk.runtime, settings=settings)
        desk.corp.post("/sim/reset", {})
        desk.corp.create([], associates={one: (one, 2) for one in STAFF})
        desk.stop_the_clock(START)
        self.desk, self.chance, self.reading = desk, random.Random(seed), Reading()
        clock = desk.runtime.clock
        assert isinstance(clock, FixedClock)
        with desk.runtime.engine.begin() as connection:
            tenant = load_tenants(connection, desk.runtime.vault)[0]
        self.shop = SopShop(Shop(desk.runtime, tenant, clock))
        self.shop.do(record_policy, tenant.id, Policy(quiet=NIGHT), by="x", now=START)
        for one in STAFF[:2]:
            self.shop.do(record_own_quiet, tenant.id, UserId(one), quiet_of(one), by="x", now=START)
        self.ids = self._people(customers)
        self.owners = {one: STAFF[n % len(STAFF)] for n, one in enumerate(self.ids)}
        self.tag = self.shop.shop.tag("manual")
        self.plans = {kind: [self._worded(kind, n, one) for n, one in enumerate(p)] for kind, p in PLANS.items()}
        exits = [Exit("tag_gained", tag_id=f"local:{self.tag}")]
        self.rules = {
            kind: self.shop.rule(
                kind, *steps, trigger=Trigger("event", event=kind), workdays_only=kind == "c",
                exits=exits if kind == "c" else (), late_s=30 * 86_400,
            )
            for kind, steps in self.plans.items()
        }  # fmt: skip
        self.anchors: dict[str, dict[int, datetime]] = {kind: {} for kind in PLANS}
        self.stopped: dict[str, datetime] = {}
        self.hit: list[datetime] = []
        self.number = 0
        self.tagged: set[int] = set()
        self.crowded_count = 0

    def _people(self, customers: int) -> list[int]:
        ids = self.shop.shop.customers(customers)
        given = {"t": self.shop.tenant.id, "ids": ids, "staff": STAFF, "now": START}
        for sql in (
            "insert into external_contact (tenant_id, external_userid, customer_id, name, cause) "
            "select :t, 'wm' || c, c, '顾客' || c, 'event' from unnest(cast(:ids as bigint[])) c",
            "insert into relation (tenant_id, external_userid, userid, state, started_at, observed_at, cause) "
            "select :t, 'wm' || c, u, 'active', :now, :now, 'event' from unnest(cast(:ids as bigint[])) c "
            "cross join unnest(cast(:staff as text[])) u",
            "update customer u set standing = 'friend', assigned_at = :now, "
            "assigned_userid = (cast(:staff as text[]))[1 + (o.n - 1) % cardinality(cast(:staff as text[]))] "
            "from unnest(cast(:ids as bigint[])) with ordinality as o(id, n) where u.tenant_id = :t and u.id = o.id",
        ):
            self.shop.run(sql, **given)
        make_all_due(self.shop.runtime, self.shop.shop.directory)
        return ids

    def _worded(self, kind: str, n: int, one: StepDraft, id_: int | None = None) -> StepDraft:
        version = len(self.reading.words.get((kind, n), ()))
        return replace(one, id=id_, content=f"【{kind}/{n}/{version}】{{customer}}")

    @property
    def now(self) -> datetime:
        return self.shop.now

    def at(self, moment: datetime) -> None:
        self.desk.at(moment)

    # What happens

    def come(self, kind: str, *customers: int) -> None:
        for one in customers:
            self.number += 1
            self.shop.happen(one, f"E{self.number}", kind, at=self.now)
            if kind in self.stopped or one in self.anchors[kind]:
                continue
            self.anchors[kind][one] = self.now
            for n, draft in enumerate(self.plans[kind]):
                due = expected(draft, self.now, workdays_only=kind == "c")
                if due >= self.now:
                    self.reading.want((kind, one, n), due)

    def edit(self, kind: str) -> None:
        """One step gets another time, one other words: who is past the first stays past it."""
        plan = self.plans[kind]
        moved, worded = self.chance.sample(range(len(plan)), 2)
        clock = time(self.chance.randrange(24), self.chance.randrange(60))
        day = (plan[moved].day or 0) + self.chance.randrange(1, 9)
        changed = list(plan)
        changed[moved] = replace(plan[moved], after_minutes=None, day=day, at=clock)
        if kind in self.stopped or len({one.timing for one in changed}) < len(changed):
            return
        self.reading.words.setdefault((kind, worded), []).append(self.now)
        ids = self.shop.step_ids(self.rules[kind])
        self.plans[kind] = [self._worded(kind, n, one, ids[n]) for n, one in enumerate(changed)]
        self.shop.edit(self.rules[kind], *self.plans[kind])
        for one, anchor in self.anchors[kind].items():
            key = (kind, one, moved)
            if key in self.reading.told:
                continue
            known = self.reading.wanted.pop(key, None)
            due = expected(changed[moved], anchor, workdays_only=kind == "c")
            if known is not None and due >= self.now:
                self.reading.want(key, due)

    def stop(self, kind: str) -> None:
        self.shop.stop(self.rules[kind])
        self.shop.do(withdraw_of_rule, self.shop.tenant.id, self.rules[kind], now=self.now)
        waiting = {key for key in self.reading.waiting(self.now) if key[0] == kind}
        self.reading.forget(waiting.__contains__, self.now)
        self.stopped[kind] = self.now

    def resume(self, kind: str) -> None:
        self.shop.turn(self.rules[kind], RuleState.RUNNING)
        del self.stopped[kind]

    def leave(self, kind: str) -> None:
        """Somebody's way ends, by hand or by a tag; of whom something waits to be told, where there is one."""
        waiting = sorted(key[1] for key in self.reading.waiting(self.now) if key[0] == kind)
        customer = self.chance.choice(waiting or self.ids)
        if customer not in self.anchors[kind] or kind in self.stopped or customer in self.tagged:
            return
        if kind == "c":
            self.tagged.add(customer)
            sql = "insert into customer_tag (tenant_id, customer_id, tag_id, given_at, by_whom) "
            self.shop.run(sql + "values (:t, :c, :tag, :now, 'x')",
                          t=self.shop.tenant.id, c=customer, tag=self.tag, now=self.now)  # fmt: skip
            self.shop.look()
        else:
            self.shop.do(take_out, self.shop.tenant, self._enrolment(kind, customer), now=self.now)
        self.reading.forget(lambda key: key[:2] == (kind, customer), self.now)

    def confirm_one_that_waits(self) -> None:
        waiting = list(self.reading.waiting(self.now))
        if not waiting:
            return
        key = self.chance.choice(sorted(waiting))
        step_id = self.shop.step_ids(self.rules[key[0]])[key[2]]
        self.shop.confirm(self._enrolment(*key[:2]), step_id)
        self.reading.forget(lambda one: one == key, self.now)

    def reassign(self, customer: int, userid: str) -> None:
        self.shop.assign(customer, userid)
        self.owners[customer] = userid

    def _enrolment(self, kind: str, customer: int) -> int:
        sql = "select id from sop_enrolment where rule_id = :r and customer_id = :c"
        ((id_,),) = self.shop.rows(sql, r=self.rules[kind], c=customer)
        return int(id_)

    # Processes

    def look(self) -> None:
        self.shop.look()
        self.reading.tell(self.now, self.owners.__getitem__, self.stopped)

    def next_message(self) -> datetime | None:
        with self.shop.runtime.engine.begin() as connection:
            return next_due(connection)

    def deliver(self) -> None:
        due = self.next_message()
        if due is None or due > self.now:
            return
        with ThreadPoolExecutor(4) as pool:
            notifier = Notifier(self.desk.runtime, clients=Clients(self.desk.runtime, connections=4), pool=pool)
            while notifier.deliver_due():
                self.at(self.now)  # WeCom's clock goes on meanwhile: however slow this machine is, it is that minute

    def abandon(self) -> None:
        """Somebody leased what is due and was not seen again."""
        with self.shop.runtime.engine.begin() as connection:
            held = lease(connection, limit=self.chance.randrange(1, 9), now=self.now, lease_s=60)
        self.hit += [self.now] if held else []

    def die(self) -> None:
        """A notifier that is killed at one of its commits."""
        if die_at_commit(self.desk, self.chance.randrange(1, 12), before=self.chance.random() < 0.5):
            self.hit.append(self.now)

    def restart(self) -> None:
        """All processes are new ones."""
        url = self.shop.runtime.engine.url.render_as_string(hide_password=False)
        runtime = replace(self.shop.runtime, engine=quick_engine(url))
        self.shop.runtime.engine.dispose()
        self.desk.runtime = self.shop.shop.runtime = runtime
        self.shop.shop.__post_init__()

    # What came of it

    def compare(self) -> int:
        """Everything arrived once, at its minute, at its phone, in its words; the number of messages."""
        found: dict[Key, tuple[str, datetime, int]] = {}
        for one in self.desk.corp.messages():
            shown = MESSAGE.search(one["payload"]["description"])
            assert shown is not None, one
            key = (shown[1], int(shown[4]), int(shown[2]))
            assert key not in found, f"{key} twice"
            found[key] = one["userid"], _minute(datetime.fromtimestamp(one["at"], UTC)), int(shown[3])
        groups = self.reading.arrivals(self.now)
        self.crowded_count = sum(len(group) > PACE for group in groups.values())
        wanted = {key for group in groups.values() for key, _ in group}
        assert (wanted - found.keys(), found.keys() - wanted) == (set(), set())
        for (who, ready), group in groups.items():
            elsewhere = {key: found[key] for key, _ in group if found[key][0] != who}
            assert elsewhere == {}, (who, ready)
            minutes, shown_at = sorted(_minute(at) for _, at in group), sorted(found[key][1] for key, _ in group)
            if any(_minute(hit) <= at <= hit + LATE for hit in self.hit for _, at in group):
                assert all(minutes[0] <= at <= minutes[-1] + LATE for at in shown_at), (who, ready, shown_at)
                continue
            near = [hit for hit in self.hit if abs(hit - ready) < timedelta(hours=1)]
            assert shown_at == minutes, (who, ready, near, shown_at, minutes)
            for key, _ in group:
                assert found[key][2] == self.reading.version(key, found[key][1]), key
        return len(found)


def _minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)

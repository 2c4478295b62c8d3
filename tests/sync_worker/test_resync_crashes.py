"""Workers die in the middle of a full pass: others go on where it stood, and the end is as if nobody had died (G3)."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from commands.demo_corp import CORP_ID, SimulatedCorp, record_demo_corp
from shared.clock import SystemClock
from shared.db.engine import fetch_all
from shared.ids import TenantId
from shared.sync_runs import RESOURCES, open_runs
from shared.tenants import load_tenants
from sync_worker.resync.removals import CONFIRM_AT_ONCE
from tests.convergence.stage import Axe, HereAndNow, Killed
from tests.sync_worker.conftest import Office

BATCH, GET = "externalcontact/batch/get_by_user", "externalcontact/get"
TWIN = "wwdemo0000000002"
CORPS = (CORP_ID, TWIN)
TEAM = ["LiNa", "WangFang", "ZhangWei", "ZhaoMin"]
LEASE_S = 60
NEVER = 10**9
DAY_S, HOUR_S = 86_400, 3_600

PAIRS = (
    "select external_userid, userid, state, remark, started_at, ended_by, digest is not null as walked "
    "from relation where tenant_id = :tenant_id order by 1, 2"
)
CUSTOMERS = (
    "select c.external_userid, c.name, u.standing, u.assigned_userid from external_contact c "
    "join customer u on u.tenant_id = c.tenant_id and u.id = c.customer_id where c.tenant_id = :tenant_id order by 1"
)
CHATS = (
    "select g.chat_id, g.status, g.member_count, (select count(*) from group_member m where m.tenant_id = g.tenant_id "
    "and m.chat_id = g.chat_id) as stays from group_chat g where g.tenant_id = :tenant_id order by 1"
)
FACTS = (
    "select type, case when subject_kind <> 'customer' then subject_key end as about, "
    "(payload - 'customer_id')::text as told from fact "
    "where tenant_id = :tenant_id and cause = 'resync'"
)
OPEN = "select 1 from request where generation > settled_generation or dead_at is not null"
NOTICES = "select notice, recipient from outbox where tenant_id = :tenant_id"


@dataclass
class Twins:
    """Two corps that are the same in WeCom and here; the events of the same changes were lost in both."""

    office: Office
    axe: Axe
    clock_file: Path
    offset_s: float = 0.0

    def __post_init__(self) -> None:
        self.office = replace(self.office, pool=HereAndNow())  # type: ignore[arg-type]
        self.succeed()

    def succeed(self) -> None:
        """A worker takes over that knows nothing of the one before, when the leases of that one have ended."""
        self.axe.after = None
        self.offset_s += LEASE_S + 1
        self.clock_file.write_text(str(self.offset_s))
        self.office.corp.post("/sim/clock", {"offset_s": self.offset_s})
        self.office.move_clock(SystemClock(self.clock_file))

    def found(self, customers: int) -> None:
        now = int(self.office.runtime.clock.now().timestamp())
        wish = {"count": customers, "userids": TEAM, "followers_each": 3, "seed": 5, "createtime": now - DAY_S}
        for corp_id in CORPS:
            corp = self.corp(corp_id)
            corp.create([])
            corp.post(f"/sim/corps/{corp_id}/customers/bulk", wish)
            record_demo_corp(self.office.runtime, corp_id=corp_id)
        self.office.walk()
        assert self.office.rows("select distinct state from tenant") == [("live",)]

    def corp(self, corp_id: str) -> SimulatedCorp:
        return SimulatedCorp(self.office.corp.simulator_url, corp_id=corp_id)

    def change(self, *, edits: int, deletions: int, additions: int) -> None:
        """What people did an hour ago, and no event told."""
        at = int(self.office.runtime.clock.now().timestamp()) - HOUR_S
        pairs = sorted((one["external_userid"], one["userid"]) for one in self.corp(CORP_ID).pairs())
        chosen = random.Random(5).sample(pairs, edits + deletions)
        acts: list[dict[str, Any]] = [{"do": "edit", "remark": f"改{n}", **_pair(chosen[n])} for n in range(edits)]
        acts += [{"do": "member_deletes", **_pair(one)} for one in chosen[edits:]]
        acts += [
            {"do": "add", "name": f"新{n}", "external_userid": f"wmNew{n:04d}", "userid": TEAM[n % 4]}
            for n in range(additions)
        ]
        for corp_id in CORPS:
            self.corp(corp_id).act([{**act, "at": at, "silent": True} for act in acts])

    def open_resync(self, corp_id: str) -> None:
        runtime = self.office.runtime
        with runtime.engine.begin() as connection:
            open_runs(connection, self.tenant_id(corp_id), resources=RESOURCES, now=runtime.clock.now())

    def tenant_id(self, corp_id: str) -> TenantId:
        with self.office.runtime.engine.begin() as connection:
            return next(one.id for one in load_tenants(connection, self.office.runtime.vault) if one.corp_id == corp_id)

    def undisturbed(self) -> int:
        """The first twin's resync; how many statements and commits it took."""
        self.open_resync(CORP_ID)
        self.axe.after = NEVER
        self.office.walk()
        assert self.axe.after is not None
        return NEVER - self.axe.after

    def walk_until_killed(self, after: int) -> str | None:
        """Walk until the `after`th statement or commit from now; the phase that ended so, None: all is done."""
        self.axe.after = after
        try:
            self.office.walk()
        except Killed:
            self.succeed()
            return self.phase()
        self.axe.after = None
        return None

    def phase(self) -> str:
        """Where the second twin's pass over customers is."""
        ((phase,),) = self.office.rows(
            "select coalesce((select min(b.kind) from sync_block b where b.tenant_id = r.tenant_id "
            "and b.run_id = r.id and not b.done), r.phase) from sync_run r "
            "where r.resource = 'external_contact' order by r.id desc limit 1"
        )
        return str(phase)

    def calls(self) -> Counter[str]:
        return Counter({path: sum(codes.values()) for path, codes in self.office.corp.get("/sim/calls").items()})

    def state(self, corp_id: str) -> dict[str, list[tuple[Any, ...]]]:
        """Everything that must not depend on who was killed when."""
        queries = {"pairs": PAIRS, "customers": CUSTOMERS, "chats": CHATS, "facts": FACTS, "notices": NOTICES}
        with self.office.runtime.engine.begin() as connection:
            found = {
                name: [tuple(row.values()) for row in fetch_all(connection, sql, tenant_id=self.tenant_id(corp_id))]
                for name, sql in queries.items()
            }
        return {name: sorted(rows, key=repr) for name, rows in found.items()}

    def assert_alike(self) -> None:
        assert self.office.rows("select distinct state from sync_run") == [("done",)]
        assert not self.office.rows(
            "select 1 from request where generation > settled_generation or dead_at is not null"
        )
        first, second = self.state(CORP_ID), self.state(TWIN)
        for name, rows in first.items():
            assert second[name] == rows, name


def _pair(pair: tuple[str, str]) -> dict[str, str]:
    return {"external_userid": pair[0], "userid": pair[1]}


@pytest.fixture
def twins(make_office: Callable[..., Office], engine: Engine, tmp_path: Path) -> Twins:
    return Twins(make_office(resync_parallel=2, lease_s=LEASE_S), Axe(engine), tmp_path / "clock")


def test_six_kills_of_one_pass_cost_a_page_each_and_change_nothing(twins: Twins) -> None:
    """It resumes at the page where it stood, with few calls more, and ends as without any kill (G3)."""
    twins.found(1000)
    twins.change(edits=40, deletions=30, additions=30)
    before = twins.calls()
    moments = twins.undisturbed()
    used = twins.calls() - before
    twins.open_resync(TWIN)
    before, dice = twins.calls(), random.Random(5)
    killed_at = [0, *(int(moments * (n + dice.random()) / 7) for n in range(6))]
    phases = [twins.walk_until_killed(later - earlier) for earlier, later in pairwise(killed_at)]
    assert None not in phases
    assert twins.walk_until_killed(NEVER) is None
    spent = twins.calls() - before
    twins.assert_alike()
    assert len([one for one in twins.state(TWIN)["facts"] if one[0] == "relation_deleted"]) == 30
    assert 0 <= spent[BATCH] - used[BATCH] <= phases.count("page")
    assert 0 <= spent[GET] - used[GET] <= CONFIRM_AT_ONCE * phases.count("confirm")
    assert spent.total() <= 1.1 * used.total() + CONFIRM_AT_ONCE
    assert twins.office.rows("select sum(restarts) from sync_block") == [(0,)]


@pytest.mark.parametrize("seed", range(2))
def test_a_pass_that_is_killed_over_and_over_comes_to_its_end(twins: Twins, seed: int) -> None:
    """Whatever dies with whatever it has not committed: every phase goes on, nothing is told twice (G3)."""
    twins.found(60)
    for corp_id in CORPS:
        chats = {"do": "make_chats", "count": 3, "owners": TEAM, "members": 2, "seed": 5}
        twins.corp(corp_id).act(chats)
    twins.change(edits=8, deletions=6, additions=6)
    twins.undisturbed()
    twins.open_resync(TWIN)
    dice, phases = random.Random(seed), Counter[str]()
    while (phase := twins.walk_until_killed(dice.randrange(10, 110))) is not None:
        phases[phase] += 1
        assert phases.total() < 400, phases
    assert phases.total() >= 5
    twins.assert_alike()

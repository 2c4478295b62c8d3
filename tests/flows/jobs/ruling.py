"""Rules over 10,000 customers after a change of a rule, with behaviours to be counted; and segments (TAG-5, STG-1)."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from services.rules.book import lock_rules, record_automatic_tag, record_automatic_tag_edit
from services.rules.model import RuleKey
from services.rules.runs import ask_runs
from services.scores.model import Account
from services.scores.store import record_score_rule
from services.segments.model import Kind
from services.segments.store import load_segment, record_segment, record_segment_edit, want_refresh
from services.stages.store import find_stage, load_lines, record_line, record_stage, record_stage_edit
from tests.flows.jobs.changing import add_tag
from tests.flows.jobs.town import LEVELS, Town

State = dict[int, tuple[bool, int | None, int, int]]
"""Customer -> has the tag, stage, and how much score and points came of one round."""
ROUNDS = (("gold", "silver"), ("bronze", "none"))
"""Whom the rules mean, in turns."""


def of_levels(levels: tuple[str, ...]) -> dict[str, Any]:
    condition = {"field": "level", "op": "any_of", "value": list(levels)}
    return {"groups": [{"conditions": [condition]}]}


class Ruling:
    """A tag and a stage by rule, which change their filters each round; a visit of everybody gives a score and points.

    The first two rounds are done by a worker that nobody disturbs: later ones must end as these did.
    """

    longest_s, in_peace = 0.4, 2

    def __init__(self, town: Town, count: int = 10_000) -> None:
        self._town, self._count, self._round = town, count, 0
        self._ids = town.add_customers(count, cards=True)
        self._known: dict[tuple[str, ...], State] = {}
        self._totals: dict[int, tuple[int, int]] = {}
        self._before: dict[int, tuple[int, int]] = {}
        tag_id, now = add_tag(town, "rich", kind="automatic"), town.now
        with town.runtime.engine.begin() as connection:
            tenant = town.tenant
            lock_rules(connection, tenant.id)
            self._rule = record_automatic_tag(connection, tenant, tag_id, of_levels(ROUNDS[1]), by="x", now=now)
            self._line = record_line(connection, tenant.id, "line", now=now)
            given = of_levels(ROUNDS[1])
            self._stage = record_stage(connection, tenant, self._line, "new", automatic=True, given=given, now=now)
            for account in Account:
                record_score_rule(
                    connection, tenant.id, account=account, name=account.value, behaviour="event:visit", amount=3,
                    each=None, per_day=None, by="x", now=now - timedelta(minutes=1),
                )  # fmt: skip

    @property
    def levels(self) -> tuple[str, ...]:
        return ROUNDS[self._round % 2]

    def begin(self) -> None:
        self._round += 1
        self._before = dict(self._totals)
        town, given = self._town, of_levels(self.levels)
        with town.runtime.engine.begin() as connection:
            lock_rules(connection, town.tenant.id)
            record_automatic_tag_edit(connection, town.tenant, self._rule, given=given, state="running")
            stage = find_stage(load_lines(connection, town.tenant), self._stage)
            record_stage_edit(connection, town.tenant, _with_filter(stage, given))
            keys = [RuleKey("tag", self._rule), RuleKey("line", self._line)]
            ask_runs(connection, town.tenant.id, keys, by="x", now=town.now)
        town.run(
            "insert into customer_event (tenant_id, event_id, customer_id, kind, occurred_at, recorded_at) "
            "select :tenant_id, :round || '/' || id, id, 'visit', :now, :now from customer",
            round=str(self._round),
        )

    def is_under_way(self, since: datetime) -> bool:
        return self._town.holds(("rule_run", "score_entry", "behaviour_due", "customer_tag"), since)

    def is_over(self) -> bool:
        return not self._town.rows(
            "select 1 from rule_run where done_at is null union all (select 1 from behaviour_due limit 1) "
            "union all (select 1 from card_due limit 1)"
        )

    def check(self) -> None:
        found, levels = self._state(), self.levels
        expected = {
            one: (LEVELS[one % 4] in levels, self._stage if LEVELS[one % 4] in levels else None, 3, 3)
            for one in self._ids
        }
        assert found == expected
        assert self._known.setdefault(levels, found) == found
        lines = self._town.rows("select count(*), count(distinct (rule_id, source_key)) from score_entry")
        assert lines == [(2 * self._count * self._round,) * 2]
        sums = "select customer_id, account, sum(amount) from score_entry group by 1, 2"
        ledger = {(one, account): int(amount) for one, account, amount in self._town.rows(sums)}
        assert ledger == {
            (one, account): totals[n] for one, totals in self._totals.items()
            for n, account in enumerate(("score", "points"))
        }  # fmt: skip
        cards = "select count(*) from customer_card k join customer_score s using (tenant_id, customer_id) "
        assert self._town.one(cards + "where k.score <> s.score or k.points <> s.points") == 0

    def _state(self) -> State:
        town = self._town
        tagged = {one for (one,) in town.rows("select customer_id from customer_tag")}
        stages = dict(town.rows("select customer_id, stage_id from customer_stage"))
        totals = {one: (s, p) for one, s, p in town.rows("select customer_id, score, points from customer_score")}
        self._totals = totals
        return {
            one: (one in tagged, stages.get(one), *_less(totals.get(one, (0, 0)), self._before.get(one, (0, 0))))
            for one in self._ids
        }


def _less(now: tuple[int, int], before: tuple[int, int]) -> tuple[int, int]:
    return now[0] - before[0], now[1] - before[1]


def _with_filter(stage: Any, given: object) -> Any:
    return replace(stage, filter=given)


class Filling:
    """A segment of 20,000 of 40,000: filled, then refreshed with another half of everybody each time (SEG-1)."""

    longest_s, in_peace = 0.15, 0
    HALVES = (("gold", "silver"), ("silver", "bronze"), ("bronze", "none"))

    def __init__(self, town: Town, count: int = 40_000) -> None:
        self._town, self._round, self._segment = town, 0, 0
        self._ids = town.add_customers(count, cards=True)
        self._since: dict[int, datetime] = {}

    @property
    def _levels(self) -> tuple[str, ...]:
        return self.HALVES[self._round % 3]

    def begin(self) -> None:
        self._round += 1
        town, given = self._town, of_levels(self._levels)
        self._since = dict(town.rows("select customer_id, since from segment_member"))
        with town.runtime.engine.begin() as connection:
            lock_rules(connection, town.tenant.id)
            if not self._segment:
                self._segment = record_segment(
                    connection, town.tenant, name="half", category=None, kind=Kind.DYNAMIC, given=given, by="x",
                    now=town.now,
                )  # fmt: skip
            else:
                segment = load_segment(connection, town.tenant, self._segment, lock=True)
                record_segment_edit(connection, town.tenant, _with_filter(segment, given))
                want_refresh(connection, town.tenant.id, self._segment, by="x", now=town.now)

    def is_under_way(self, since: datetime) -> bool:
        return self._town.holds(("segment_member",), since)

    def is_over(self) -> bool:
        return not self._town.rows("select 1 from segment where wanted_at is not null")

    def check(self) -> None:
        members = dict(self._town.rows("select customer_id, since from segment_member"))
        assert set(members) == {one for one in self._ids if LEVELS[one % 4] in self._levels}
        stayed = members.keys() & self._since.keys()
        assert all(members[one] == self._since[one] for one in stayed)
        assert self._town.rows("select member_count, problem from segment") == [(len(members), None)]
        told = self._town.facts("segment_refreshed", f"segment:{self._segment}")
        assert len(told) == self._round
        counts = {"member_count": len(members), "joined_count": len(members) - len(stayed)}
        assert told[-1].items() >= counts.items()
        assert told[-1]["left_count"] == len(self._since) - len(stayed)

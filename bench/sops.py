"""SOPs over many customers: what marks cost those who write, and what the clock and the days cost by who is due.

`python -m bench sops` makes BENCH_SIZE customers (1,000,000) by SQL, with cards and little else, and enrols them;
BENCH_HOME keeps them. CPU is that of PostgreSQL's process, so a busy machine changes little; a page is 8 KiB.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median

from sqlalchemy import Connection, Engine, text

from bench.cpu import SYSTEM, TICKS, USER
from bench.finding import peak_mib, place
from bench.measure import Line
from bench.town import NOW
from services.finding.store import context_of
from services.sops import clock, days
from services.sops.check import Draft, StepDraft, spec_of
from services.sops.marks import follow_marks
from services.sops.model import Audience, RuleState, Trigger, Ways
from services.sops.store import record_edit, record_rule, record_state
from services.sops.workdays import calendar_of
from shared.db.engine import run
from shared.tenants import Tenant

SIZE = int(os.environ.get("BENCH_SIZE", "1000000"))
SOME, TURNS = SIZE // 50, 5
DAYS = calendar_of("Asia/Shanghai")
LONGEST_S = float(os.environ.get("BENCH_LONGEST_S", "150"))
"""A day that takes longer is left unfinished."""
EVERYBODY = Audience(filter={"groups": []})

PEOPLE = """
insert into customer (tenant_id, id, standing, created_at, updated_at)
select :t, n, 'friend', cast(:now as timestamptz) - make_interval(mins => n), :now
from generate_series(1, :size) n;
insert into customer_card (tenant_id, customer_id, created_at, standing, assigned_userid, friend_userids, seen_by,
  tag_ids, chat_ids, add_ways, add_states, stage_ids, last_added_at, gender, birthday, has_phone, has_email,
  blacklisted, score, points, purchase_count, purchase_amount, fields)
select :t, n, cast(:now as timestamptz) - make_interval(mins => n), 'friend', 'sales' || n % 2000,
  array['sales' || n % 2000], array['sales' || n % 2000], array['etTag' || n % 50], '{}', '{}', '{}', '{}',
  cast(:now as timestamptz) - interval '300 days', 'unknown', (1 + n % 12) * 100 + 1 + n / 12 % 28, false, false, false,
  0, 0, 0, 0, '{}' from generate_series(1, :size) n;
insert into customer_number (tenant_id, customer_id, key, value)
select :t, n, 'wedding', 10000 + n % 8000 from generate_series(1, :size) n;
insert into customer_event (tenant_id, event_id, customer_id, kind, occurred_at, recorded_at)
select :t, 'E' || n, n, 'visited', cast(:now as timestamptz) - interval '20 days', :now from generate_series(1, :size) n
"""
ENROLLED = """
insert into sop_enrolment (tenant_id, rule_id, customer_id, source_key, anchor_at, entered_at, entered_by, version,
  next_at, next_step_id) select :t, :rule, n, 'bench:' || n, :now, :now, 'bench', 2,
  cast(:now as timestamptz) + make_interval(mins => n), 1 from generate_series(1, :size) n
"""


@dataclass
class Spent:
    took_s: float = 0.0
    cpu_s: float = 0.0
    pages: int = 0


class Bench:
    def __init__(self, engine: Engine, tenant: Tenant) -> None:
        self.engine, self.tenant, self.lines = engine, tenant, list[Line]()
        self.context = context_of(tenant, region="CN", now=NOW)

    def spent(self, work: Callable[[Connection], object]) -> Spent:
        """What one transaction costs."""
        with self.engine.connect() as connection:
            pid, before = self._looked(connection)
            began, cpu = time.perf_counter(), _cpu_s(pid)
            with connection.begin():
                work(connection)
            took, cpu = time.perf_counter() - began, _cpu_s(pid) - cpu
            return Spent(took, cpu, self._looked(connection)[1] - before)

    def _looked(self, connection: Connection) -> tuple[int, int]:
        with connection.begin():
            connection.execute(text("select pg_stat_force_next_flush()"))
        with connection.begin():
            sql = (
                "select pg_backend_pid(), blks_hit + blks_read from pg_stat_database where datname = current_database()"
            )
            pid, pages = connection.execute(text(sql)).one()
        return int(pid), int(pages)

    def tell(self, what: str, spent: Spent, ratio: float | None = None) -> None:
        self.lines.append(Line(f"{what}: CPU", (1000 * spent.cpu_s,), "ms", ratio))
        self.lines.append(Line(f"{what}: took", (1000 * spent.took_s,), "ms"))
        self.lines.append(Line(f"{what}: pages", (spent.pages,), "pages"))

    def rule(self, name: str, trigger: Trigger, *, minutes: int = 10) -> int:
        draft = Draft("customer", trigger, EVERYBODY, (StepDraft(None, "hi", after_minutes=minutes),), (), Ways())
        spec, last = spec_of(draft, None, last_step_id=0, now=NOW)
        with self.engine.begin() as connection:
            made = record_rule(
                connection, self.tenant, name=f"{name} {time.time()}", subject="customer", spec=spec,
                last_step_id=last, by="x", now=NOW,
            )  # fmt: skip
            record_state(connection, self.tenant.id, made.id, RuleState.RUNNING, by="x", now=NOW)
        return made.id

    def end(self, rule_id: int) -> None:
        with self.engine.begin() as connection:
            run(connection, "delete from sop_signal where rule_id = :r", r=rule_id)
            run(
                connection, "update sop_rule set state = 'stopped', deleted_at = :now where id = :r", r=rule_id, now=NOW
            )


def measure() -> list[Line]:
    with place() as (engine, tenant):
        bench = Bench(engine, tenant)
        _fill(bench)
        for part in (_marks, _clock, _days):
            part(bench)
        bench.lines.append(Line("most memory of this process", (peak_mib(),), "MiB"))
        return bench.lines


def _fill(bench: Bench) -> None:
    with bench.engine.begin() as connection:
        if connection.execute(text("select 1 from customer_card limit 1")).first():
            return
        connection.execute(text("set local session_replication_role = replica"))
        for statement in PEOPLE.split(";\n"):
            given = {"t": bench.tenant.id, "now": NOW, "size": SIZE}
            run(connection, statement, **{name: one for name, one in given.items() if f":{name}" in statement})
    _vacuum(bench)


def _vacuum(bench: Bench) -> None:
    with bench.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("vacuum analyze"))


# What writers pay


FACTS = (
    "insert into fact (tenant_id, type, version, subject_kind, subject_key, occurred_at, recorded_at, cause, payload) "
    "select :t, 'relation_started', 1, 'relation', n::text, cast(:at as timestamptz), :at, 'bootstrap', "
    "jsonb_build_object('external_userid', 'wm' || n, 'userid', 'sales1') from generate_series(1, :some) n"
)
WRITES = {
    "cards whose score changes": "update customer_card set score = score + 1 where customer_id <= :some",
    "cards that get a tag": "update customer_card set tag_ids = array[:tag] where customer_id <= :some",
    "facts of a first sync": FACTS,
}


def _marks(bench: Bench) -> None:
    """Each kind of write without the triggers, with them, with rules that wait for other things, and for just this, in
    turns; and what following the marks costs.
    """
    for what, sql in WRITES.items():
        table, trigger = ("fact", "mark_sops") if "facts" in what else ("customer_card", "mark_sops_update")
        found: dict[str, list[Spent]] = {}
        left: dict[str, int] = {}
        for turn in range(TURNS):
            tag = f"{what} {turn}"
            waited = {
                "no triggers": None,
                "no rule": None,
                "a rule for something else": Trigger("tag", tag_id="etOther"),
                "a rule for just that": Trigger("friend") if table == "fact" else Trigger("tag", tag_id=f"{tag} 3"),
            }
            for n, (name, one) in enumerate(waited.items()):
                rule_id = bench.rule(name, one) if one else 0
                without = (table, trigger) if n == 0 else None
                found.setdefault(name, []).append(_write(bench, sql, f"{tag} {n}", without=without))
                with bench.engine.begin() as connection:
                    left[name] = connection.execute(text("select count(*) from sop_mark")).scalar_one()
                if left[name]:
                    _follow(bench, f"{SOME:,} {what}, {name}")
                bench.end(rule_id)
        for name, spent in found.items():
            cpu = tuple(1000 * one.cpu_s for one in spent)
            ratio = median(cpu) / max(1.0, median(1000 * one.cpu_s for one in found["no triggers"]))
            bench.lines.append(Line(f"{SOME:,} {what}, {name}, {left[name]:,} marks: CPU", cpu, "ms", ratio))


def _write(bench: Bench, sql: str, tag: str, without: tuple[str, str] | None = None) -> Spent:
    given = {"t": bench.tenant.id, "some": SOME, "tag": tag, "at": NOW - timedelta(days=400)}

    def work(connection: Connection) -> None:
        run(connection, sql, **{name: one for name, one in given.items() if f":{name}" in sql})

    if without is None:
        return bench.spent(work)
    table, trigger = without
    with bench.engine.begin() as connection:
        connection.execute(text(f"alter table {table} disable trigger {trigger}"))
    try:
        return bench.spent(work)
    finally:
        with bench.engine.begin() as connection:
            connection.execute(text(f"alter table {table} enable trigger {trigger}"))


def _follow(bench: Bench, what: str) -> None:
    """Marks that were left are followed to the end; who came in goes again."""
    began, taken = time.perf_counter(), 0
    with bench.engine.begin() as connection:
        run(connection, "delete from card_due")
    while True:
        with bench.engine.begin() as connection:
            took = follow_marks(connection, bench.tenant, bench.context, DAYS)
        taken += took
        if not took:
            break
    if taken:
        bench.lines.append(Line(f"{what}: marks followed", (taken / (time.perf_counter() - began),), "a second"))
    with bench.engine.begin() as connection:
        run(connection, "delete from sop_enrolment")


# The clock


def _clock(bench: Bench) -> None:
    """With everybody on the way: nobody due, some due, and an edit that concerns all."""
    rule_id = bench.rule("clock", Trigger("by_hand"))
    with bench.engine.begin() as connection:
        connection.execute(text("set local session_replication_role = replica"))
        run(connection, ENROLLED, t=bench.tenant.id, rule=rule_id, now=NOW, size=SIZE)
    _vacuum(bench)
    bench.tell("nobody due of all", bench.spent(partial(clock.rules_due, now=NOW)))
    for count in (20, 200):
        now = NOW + timedelta(minutes=count)
        bench.tell(f"{count} due of all: which rules", bench.spent(partial(clock.rules_due, now=now)))
        bench.tell(f"{count} due of all: a look", bench.spent(partial(_looked, bench, rule_id, now)))
    with bench.engine.begin() as connection:
        spec, last = spec_of(
            Draft("customer", Trigger("by_hand"), EVERYBODY, (StepDraft(None, "hi", after_minutes=10**6),), (), Ways()),
            None, last_step_id=1, now=NOW,
        )  # fmt: skip
        record_edit(connection, bench.tenant, rule_id, name="edited", spec=spec, last_step_id=last, by="x", now=NOW)
    for batch in range(50):
        spent = bench.spent(partial(_looked, bench, rule_id, NOW))
        if batch in (0, 9, 49):
            bench.tell(f"an edit that concerns all, batch {batch + 1}", spent)
    _vacuum(bench)
    with bench.engine.begin() as connection:  # as it is half-way
        connection.execute(text("set local session_replication_role = replica"))
        run(connection, "update sop_enrolment set version = 3 where rule_id = :r and id % 2 = 0", r=rule_id)
    _vacuum(bench)
    for batch in range(2):
        bench.tell(f"half-way, batch {batch + 1}", bench.spent(partial(_looked, bench, rule_id, NOW)))
    bench.end(rule_id)
    with bench.engine.begin() as connection:
        connection.execute(text("truncate sop_enrolment, sop_progress, sop_tally"))


def _looked(bench: Bench, rule_id: int, now: datetime, connection: Connection) -> None:
    assert clock.look(connection, bench.tenant, rule_id, DAYS, now=now).count


# Days


def _days(bench: Bench) -> None:
    """The first midnight after a rule was turned on."""
    today = NOW.astimezone(DAYS.zone).date()
    silent = (today - (NOW - timedelta(days=20)).astimezone(DAYS.zone).date()).days
    triggers = {
        "date": Trigger("date", day=today),
        "birthdays": Trigger("yearly", field="birthday", days_before=3),
        "a field's day": Trigger("yearly", field="own:wedding"),
        "no contact": Trigger("no_contact", days=silent),
        "nobody silent": Trigger("no_contact", days=3),
    }
    for name, trigger in triggers.items():
        rule_id = bench.rule(name, trigger)
        pages = list[Spent]()
        while not _day_done(bench, rule_id, today) and sum(one.took_s for one in pages) < LONGEST_S:
            pages.append(bench.spent(partial(_page, bench, rule_id)))
        with bench.engine.begin() as connection:
            came = connection.execute(text("select count(*) from sop_enrolment")).scalar_one()
        bench.lines.append(Line(f"{name}: came in", (came,), "customers"))
        bench.lines.append(Line(f"{name}: transactions", (len(pages),), ""))
        bench.lines.append(Line(f"{name}: CPU of a transaction", tuple(1000 * one.cpu_s for one in pages), "ms"))
        bench.lines.append(Line(f"{name}: pages of a transaction", tuple(float(one.pages) for one in pages), "pages"))
        bench.lines.append(Line(f"{name}: all of them", (sum(one.took_s for one in pages),), "s"))
        bench.lines.append(Line(f"{name}: all of them, CPU", (sum(one.cpu_s for one in pages),), "s"))
        bench.end(rule_id)
        with bench.engine.begin() as connection:
            connection.execute(text("truncate sop_enrolment, sop_progress, sop_tally"))


def _page(bench: Bench, rule_id: int, connection: Connection) -> None:
    days.look_at_day(connection, bench.tenant, rule_id, bench.context, DAYS)


def _day_done(bench: Bench, rule_id: int, today: date) -> bool:
    with bench.engine.begin() as connection:
        sql = "select run_day is not distinct from :today and run_after is null from sop_rule where id = :r"
        return bool(connection.execute(text(sql), {"r": rule_id, "today": today}).scalar_one())


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[USER]) + int(fields[SYSTEM])) / TICKS

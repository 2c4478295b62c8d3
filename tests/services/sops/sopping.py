"""What tests of SOPs do to a corp, in virtual time."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any

from services.notices.store import Caused, record_facts_and_notices
from services.planning import Cause, Fact
from services.sops import confirming
from services.sops.check import Draft, StepDraft, problems_of, spec_of
from services.sops.ending import withdraw_removed_steps
from services.sops.model import Audience, Exit, RuleState, Subject, Trigger, Ways
from services.sops.store import load_rule, lock_rule, record_edit, record_rule, record_state
from services.sops.workdays import is_workday
from shared.db.engine import run
from sync_worker.cards import make_all_due
from sync_worker.sops import follow_all_sops
from tests.services.rules.shop import Shop

LOCAL = timedelta(hours=8)
EVERYBODY = Audience(filter={"match": "all", "groups": []})


def at(text: str) -> datetime:
    """A moment in the corp's time zone, UTC+8."""
    return datetime.fromisoformat(f"{text}+08:00").astimezone(UTC)


def after(minutes: int, content: str = "您好 {customer}", id_: int | None = None) -> StepDraft:
    return StepDraft(id_, content, after_minutes=minutes)


def on(day: int, clock: str, content: str = "您好 {customer}", id_: int | None = None) -> StepDraft:
    return StepDraft(id_, content, day=day, at=time.fromisoformat(clock))


def expected(draft: StepDraft, anchor: datetime, *, workdays_only: bool) -> datetime:
    """The minute of a step, read plainly; the corp is at UTC+8."""
    local = anchor + LOCAL
    if draft.after_minutes is not None:
        due = local + timedelta(minutes=draft.after_minutes)
    else:
        assert draft.day is not None and draft.at is not None
        due = datetime.combine(local.date() + timedelta(days=draft.day), draft.at, UTC)
    while workdays_only and not is_workday(due.date()):
        due += timedelta(days=1)
    return due - LOCAL


class SopShop:
    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.do, self.rows, self.run = shop.do, shop.rows, shop.run

    @property
    def tenant(self) -> Any:
        return self.shop.tenant

    @property
    def now(self) -> datetime:
        return self.shop.now

    @property
    def runtime(self) -> Any:
        return self.shop.runtime

    def set_time(self, moment: datetime) -> None:
        self.shop.pass_time(moment - self.now)

    def draft(
        self,
        *steps: StepDraft,
        trigger: Trigger,
        audience: Audience = EVERYBODY,
        subject: Subject = "customer",
        exits: Sequence[Exit] = (),
        **ways: Any,
    ) -> Draft:
        return Draft(subject, trigger, audience, tuple(steps), tuple(exits), Ways(**ways))

    def rule(self, name: str, *steps: StepDraft, enable: bool = True, **given: Any) -> int:
        draft = self.draft(*steps, **given)
        assert not problems_of(draft, None)

        def make(connection: Any) -> int:
            spec, last = spec_of(draft, None, last_step_id=0, now=self.now)
            made = record_rule(
                connection, self.tenant, name=name, subject=draft.subject, spec=spec, last_step_id=last, by="x",
                now=self.now,
            )  # fmt: skip
            return made.id

        rule_id = int(self.do(make))
        if enable:
            self.turn(rule_id, RuleState.RUNNING)
        return rule_id

    def edit(self, rule_id: int, *steps: StepDraft) -> None:
        def change(connection: Any) -> None:
            rule = lock_rule(connection, self.tenant, rule_id, "change")
            spec = rule.spec
            draft = Draft(rule.subject, spec.trigger, spec.audience, steps, spec.exits, spec.ways)
            assert not problems_of(draft, spec)
            changed, last = spec_of(draft, spec, last_step_id=rule.last_step_id, now=self.now)
            record_edit(
                connection, self.tenant, rule_id, name=rule.name, spec=changed, last_step_id=last, by="x", now=self.now
            )
            kept = [one.id for one in changed.steps]
            withdraw_removed_steps(connection, self.tenant.id, rule_id, kept, now=self.now)

        self.do(change)

    def turn(self, rule_id: int, state: RuleState) -> None:
        def change(connection: Any) -> None:
            lock_rule(connection, self.tenant, rule_id, "change")
            record_state(connection, self.tenant.id, rule_id, state, by="x", now=self.now)

        self.do(change)

    def stop(self, rule_id: int) -> None:
        self.turn(rule_id, RuleState.STOPPED)

    def step_ids(self, rule_id: int) -> list[int]:
        return [one.id for one in self.do(load_rule, self.tenant, rule_id).spec.steps]

    def customers(self, count: int, userid: str | None = "LiNa") -> list[int]:
        """Friends of an associate, as WeCom shows them: wm1, wm2, ... by their ids."""
        ids = self.shop.customers(count)
        for id_ in ids:
            with self.runtime.engine.begin() as connection:
                befriend(connection, self.tenant.id, id_, userid, now=self.now)
        make_all_due(self.runtime, self.shop.directory)
        return ids

    def assign(self, customer_id: int, userid: str | None) -> None:
        sql = "update customer set assigned_userid = :u where id = :c"
        self.run(sql, u=userid, c=customer_id)

    def tell(self, *facts: Fact, cause: Cause = "event") -> None:
        def record(connection: Any) -> None:
            told = [Caused(one, cause) for one in facts]
            record_facts_and_notices(connection, self.tenant, told, now=self.now, ttl_s=86_400)

        self.do(record)

    def happen(self, customer_id: int, event_id: str, kind: str = "visited", *, at: datetime | None = None) -> None:
        self.shop.happen(customer_id, event_id, kind, at=at)

    def look(self) -> None:
        """Whatever is due now is done."""
        make_all_due(self.runtime, self.shop.directory)
        follow_all_sops(self.runtime, self.shop.directory)

    def wait(self, by: timedelta) -> None:
        self.shop.pass_time(by)
        self.look()

    def confirm(self, enrolment_id: int, step_id: int, by: str = "LiNa") -> Any:
        return self.do(confirming.confirm_step, self.tenant, enrolment_id, step_id, by=by, now=self.now)

    def reminded(self) -> list[tuple[Any, ...]]:
        """(customer or chat, step, minute in UTC+8) of each reminder, in the order in which it was made."""
        rows = self.rows(
            "select coalesce(f.payload ->> 'customer_id', f.payload ->> 'chat_id'), "
            "cast(f.payload ->> 'step_id' as int), o.recipient, f.recorded_at from fact f "
            "left join outbox o on o.tenant_id = f.tenant_id and o.fact_id = f.id "
            "where f.type = 'sop_step_due' order by f.id"
        )
        return [(whom, step, f"{(when + LOCAL):%m-%d %H:%M}") for whom, step, _, when in rows]

    def states(self, rule_id: int) -> list[tuple[Any, ...]]:
        sql = "select step_id, state, why from sop_progress where rule_id = :r order by enrolment_id, due_at, step_id"
        return self.rows(sql, r=rule_id)

    def ways(self, rule_id: int) -> list[tuple[Any, ...]]:
        return self.rows("select state, ended_why from sop_enrolment where rule_id = :r order by id", r=rule_id)


def befriend(connection: Any, tenant_id: int, customer_id: int, userid: str | None, *, now: datetime) -> None:
    """The contact wmID of this customer is the associate's friend, and assigned to them."""
    given = {"t": tenant_id, "c": customer_id, "wm": f"wm{customer_id}", "u": userid, "now": now}
    run(connection, "insert into external_contact (tenant_id, external_userid, customer_id, name, cause) "
        "values (:t, :wm, :c, '顾客' || :c, 'event')", **given)  # fmt: skip
    if userid is not None:
        run(connection, "insert into relation (tenant_id, external_userid, userid, state, started_at, observed_at, "
            "cause) values (:t, :wm, :u, 'active', :now, :now, 'event')", **given)  # fmt: skip
        run(connection, "update customer set standing = 'friend', assigned_userid = :u, assigned_at = :now "
            "where id = :c", **given)  # fmt: skip

"""The clock reminds people of digests, last days, stages, silence and events of chats: each once, however it jumps."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import Connection, Engine

from services.chats.events import cancel_event, change_event, plan_event
from services.chats.model import ChatEvent
from services.chosen import these
from services.customers.model import RelationDeleted
from services.notes.model import EventRecordedByHand, NoteAdded, NoteRemoved
from services.notes.store import add_note
from services.notices.store import Caused, record_facts_and_notices
from services.persons.store import lock_customers
from services.planning import Fact
from services.reminders.model import NOT_KNOWN, Policy, Wish
from services.reminders.store import record_policy, record_wish
from services.stages.model import CustomerStageChanged
from services.stages.moving import leave_page
from services.watching.clocks import hold, record_watches
from services.watching.deletions import take
from services.watching.following import silence_page, stays_page
from services.watching.model import CustomerNotContacted, CustomerStageOverstayed, DeletionsOfDay, Watch
from shared.clock import FixedClock
from shared.corp_file import CorpFile
from shared.db.engine import fetch_all, run
from shared.ids import CustomerId, ExternalUserId, UserId
from shared.runtime import Runtime
from shared.settings import Settings
from shared.tenants import Tenant, load_tenant, record_corp
from shared.vault import Vault
from sync_worker.reminding import remind
from tests.notifier.test_lock_order import meanwhile

LI, ZHAO, BOSS = UserId("LiNa"), UserId("ZhaoMin"), UserId("Boss")
EIGHT = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
"""Eight in the morning in Shanghai, on the day after the tests' now."""
LINE, STAGE = 1, 11


@dataclass
class Corp:
    runtime: Runtime
    clock: FixedClock
    tenant: Tenant

    def remind(self) -> int:
        """All that is due now; how many steps."""
        steps = 0
        while done := remind(self.runtime):
            steps += done
        return steps

    def at(self, moment: datetime) -> int:
        self.clock.present = moment
        return self.remind()

    def do(self, sql: str, **values: object) -> None:
        with self.runtime.engine.begin() as connection:
            run(connection, sql, t=self.tenant.id, **values)

    def tell(self, *facts: Fact) -> None:
        with self.runtime.engine.begin() as connection:
            caused = [Caused(fact, "event") for fact in facts]
            record_facts_and_notices(connection, self.tenant, caused, now=self.clock.now(), ttl_s=60)

    def delete(self, userid: UserId, *contacts: str) -> None:
        now = self.clock.now()
        self.tell(
            *(
                RelationDeleted(occurred_at=now, userid=userid, external_userid=ExternalUserId(one), evidenced=True)
                for one in contacts
            )
        )

    def wish(self, notice: str, wish: Wish, stage_id: int = NOT_KNOWN) -> None:
        with self.runtime.engine.begin() as connection:
            record_wish(connection, self.tenant.id, notice, stage_id, wish, by="test", now=self.clock.now())

    def watch(self, *watches: Watch) -> None:
        with self.runtime.engine.begin() as connection:
            record_watches(connection, self.tenant, watches, by="test", now=self.clock.now())

    def rows(self, sql: str, **values: object) -> list[tuple[Any, ...]]:
        with self.runtime.engine.begin() as connection:
            return [tuple(row.values()) for row in fetch_all(connection, sql, **values)]

    def waiting(self) -> list[tuple[Any, ...]]:
        return self.rows("select notice, recipient, about from outbox where state = 'due' order by id")

    def told(self, type_: str) -> list[dict[str, Any]]:
        return [row[0] for row in self.rows("select payload from fact where type = :type order by id", type=type_)]

    def customers(self, *ids: int, userid: str | None = LI, since: datetime | None = None) -> None:
        self.do(
            "insert into customer (tenant_id, id, standing, assigned_userid, assigned_at, created_at, updated_at) "
            "select :t, one, 'friend', :userid, :since, :since, :since from unnest(cast(:ids as bigint[])) as one",
            ids=list(ids),
            userid=userid,
            since=since or self.clock.now(),
        )

    def enter(self, *ids: int, stage_id: int = STAGE) -> None:
        self.do(
            "insert into customer_stage (tenant_id, line_id, customer_id, stage_id, entered_at, by_whom) "
            "select :t, :line, one, :stage, :now, 'test' from unnest(cast(:ids as bigint[])) as one "
            "on conflict (tenant_id, customer_id, line_id) do update set stage_id = excluded.stage_id, "
            "entered_at = excluded.entered_at",
            ids=list(ids),
            line=LINE,
            stage=stage_id,
            now=self.clock.now(),
        )


@pytest.fixture
def corp(engine: Engine, redis_url: str, vault: Vault, clock: FixedClock) -> Corp:
    runtime = Runtime(Settings(_env_file=None), clock, engine, Redis.from_url(redis_url), vault)
    with engine.begin() as connection:
        corp_file = CorpFile(corp_id="ww0000000000000001", name="Example Retail")
        tenant_id = record_corp(connection, vault, corp_file, now=clock.now() - timedelta(days=90))
        run(connection, "update tenant set state = 'live'")
        tenant = load_tenant(connection, vault, tenant_id)
        assert tenant is not None
        record_policy(connection, tenant.id, Policy(administrators=(BOSS,)), by="test", now=clock.now())
    made = Corp(runtime, clock, tenant)
    made.remind()
    return made


def test_the_digest_of_deletions_goes_once_at_eight(corp: Corp) -> None:
    """How many, and who removed most; nothing on a day without any (LOSS-3)."""
    corp.delete(LI, "wm1", "wm2")
    corp.delete(ZHAO, "wm3")
    corp.at(EIGHT - timedelta(seconds=1))
    assert corp.waiting() == []
    corp.at(EIGHT)
    assert corp.waiting() == [("deletions_of_day", BOSS, None)]
    (told,) = corp.told(DeletionsOfDay.TYPE)
    assert (told["day"], told["count"], told["top_userids"], told["top_counts"]) == (
        "2026-11-23",
        3,
        [LI, ZHAO],
        [2, 1],
    )
    for days in (1, 2):
        corp.at(EIGHT + timedelta(days=days))
    assert len(corp.waiting()) == 1


def test_two_schedulers_and_a_clock_that_jumps_send_one_digest(corp: Corp) -> None:
    """Both look at once, the clock is set back and on again: one message, and no deletion in two (LOSS-3)."""
    corp.delete(LI, "wm1")
    corp.clock.present = EIGHT
    with ThreadPoolExecutor(2) as both:
        list(both.map(lambda _: corp.remind(), range(8)))
    assert len(corp.waiting()) == 1
    for jump in (timedelta(hours=-1), timedelta(), timedelta(hours=-23), timedelta(minutes=1)):
        corp.delete(LI, "wm2")
        corp.at(EIGHT + jump)
    assert len(corp.waiting()) == 1
    corp.at(EIGHT + timedelta(days=30))
    assert [one["count"] for one in corp.told(DeletionsOfDay.TYPE)] == [1, 4]
    corp.at(EIGHT + timedelta(minutes=2))  # it was a mistake: the clock had run ahead
    corp.delete(LI, "wm3")
    corp.at(EIGHT + timedelta(days=1))
    assert [one["count"] for one in corp.told(DeletionsOfDay.TYPE)] == [1, 4, 1]


def test_an_hour_that_is_changed_gives_the_day_no_second_digest(corp: Corp) -> None:
    """Today's is done; a later hour, set before today's look, is waited for (LOSS-3)."""
    corp.delete(LI, "wm1")
    corp.at(EIGHT)
    corp.delete(LI, "wm2")
    corp.watch(Watch(DeletionsOfDay.TYPE, hour=10))
    corp.at(EIGHT + timedelta(hours=3))
    assert len(corp.waiting()) == 1
    corp.at(EIGHT + timedelta(days=1, hours=1))
    assert len(corp.waiting()) == 1
    corp.at(EIGHT + timedelta(days=1, hours=2))
    assert len(corp.waiting()) == 2


def test_a_crash_between_the_look_and_its_commit_loses_no_digest(corp: Corp) -> None:
    """The look, what it took and what is told are one commit: without it, the next look finds all there (LOSS-3)."""
    corp.delete(LI, "wm1")
    corp.clock.present = EIGHT
    with corp.runtime.engine.connect() as connection:
        clock = hold(connection, corp.tenant, DeletionsOfDay.TYPE, NOT_KNOWN, now=EIGHT)
        assert clock is not None and clock.day == EIGHT.date()
        assert take(connection, corp.tenant.id, clock.day, now=EIGHT) is not None
        assert corp.remind() == 0  # somebody is at it
    corp.remind()
    assert len(corp.waiting()) == 1


def test_each_deletion_can_be_told_at_once_instead(corp: Corp) -> None:
    """By switch; and what no digest is wanted for is not kept for one either (LOSS-3, LOSS-4)."""
    corp.wish("relation_deleted", Wish(enabled=True))
    corp.wish("deletions_of_day", Wish(enabled=False))
    corp.delete(LI, "wm1")
    assert corp.waiting() == [("relation_deleted", BOSS, LI)]
    corp.wish("deletions_of_day", Wish(enabled=True))
    corp.at(EIGHT)
    assert corp.told(DeletionsOfDay.TYPE) == []


STAYS = Watch(CustomerStageOverstayed.TYPE, STAGE, 9, (7,), 3)


def days_later(corp: Corp, count: int) -> int:
    """Nine in the morning, so many days after the first; a look at everything."""
    return corp.at(datetime(2026, 11, 22, 1, 30, tzinfo=UTC) + timedelta(days=count))


def test_who_stays_in_a_stage_is_told_once_for_each_entry_and_number(corp: Corp) -> None:
    """To associate and administrators, after the days of the stage, and again every so many (STG-2)."""
    corp.watch(STAYS)
    corp.customers(1, 2)
    corp.customers(3, userid=None)
    corp.enter(1, 3)
    corp.enter(2, stage_id=STAGE + 1)
    for day in range(1, 11):
        days_later(corp, day)
        days_later(corp, day)
    told = [(one["customer_id"], one["number"]) for one in corp.told(CustomerStageOverstayed.TYPE)]
    assert told == [(1, 1), (3, 1), (1, 2), (3, 2)]
    assert corp.waiting()[:3] == [
        ("stage_overstayed", LI, None), ("stage_overstayed", BOSS, LI), ("stage_overstayed", BOSS, None),
    ]  # fmt: skip
    corp.enter(1)
    days_later(corp, 18)
    assert [(one["customer_id"], one["number"]) for one in corp.told(CustomerStageOverstayed.TYPE)][4:] == [
        (1, 1),
        (3, 3),
    ]


def test_a_walk_goes_on_where_it_stopped(corp: Corp) -> None:
    """A page is a commit; whoever is killed between two leaves the rest to the next one (STG-2)."""
    corp.watch(replace(STAYS, every_days=None))
    corp.customers(*range(1, 26))
    corp.enter(*range(1, 26))
    walked = []
    day = date(2026, 11, 30)
    with corp.runtime.engine.begin() as connection:
        after: int | None = 0
        while after is not None:
            page = stays_page(connection, corp.tenant, STAYS, day, after=after, limit=10, now=corp.clock.now())
            walked.append(len(page.facts))
            after = page.cursor
    assert walked == [10, 10, 5]
    days_later(corp, 8)
    assert corp.told(CustomerStageOverstayed.TYPE) == []  # they were told


def test_silence_is_told_to_the_associate_with_its_source(corp: Corp) -> None:
    """Counted from the last contact, else from when they became theirs; not of who is blacklisted (STG-2, SOP-7)."""
    corp.watch(Watch(CustomerNotContacted.TYPE, days=(7,)), Watch(CustomerNotContacted.TYPE, STAGE, days=(3,)))
    corp.customers(1, 2, 3, 4)
    corp.customers(5, userid=None)
    corp.enter(3)
    now = corp.clock.now()
    corp.do(
        "insert into customer_event (tenant_id, event_id, customer_id, kind, occurred_at, recorded_at, properties) "
        "values (:t, 'e', 2, 'visit', :at, :at, '{}')",
        at=now + timedelta(days=2),
    )
    corp.do(
        "insert into blacklist_entry (tenant_id, customer_id, reason, added_at, added_by) "
        "values (:t, 4, 'x', :now, 'x')",
        now=now,
    )
    for day in range(1, 10):
        days_later(corp, day)
    told = [(one["customer_id"], one["days"], one["source"]) for one in corp.told(CustomerNotContacted.TYPE)]
    assert told == [(3, 3, None), (1, 7, None), (2, 7, "event")]
    assert set(corp.waiting()) == {("not_contacted", LI, None)}


SILENT = Watch(CustomerNotContacted.TYPE, days=(30,))
NINE = EIGHT + timedelta(hours=1)
SEVEN = CustomerId(7)


def silent_for_40_days(corp: Corp) -> None:
    """Customer 7, of whom it is time to tell at nine; in a stage for as long."""
    corp.clock.present = NINE - timedelta(days=40)
    corp.customers(7)
    corp.enter(7)
    corp.clock.present = NINE - timedelta(hours=2)
    corp.watch(SILENT)


def visited(corp: Corp, at: datetime) -> EventRecordedByHand:
    corp.do(
        "insert into customer_event (tenant_id, event_id, customer_id, kind, occurred_at, recorded_at, by_whom) "
        "values (:t, :id, 7, 'visit', :at, :now, 'x')",
        id=f"hand:{at}",
        at=at,
        now=corp.clock.now(),
    )
    return EventRecordedByHand(occurred_at=at, event_id=f"hand:{at}", customer_id=SEVEN, kind="visit", template_id=1)


@pytest.mark.parametrize(("days_ago", "state"), [(300, "due"), (41, "due"), (39, "withdrawn"), (1, "withdrawn")])
def test_only_a_contact_since_takes_a_reminder_of_silence_back(corp: Corp, days_ago: int, state: str) -> None:
    """What is written down today, and was before the silence began, does not end it (STG-2, SOP-7)."""
    silent_for_40_days(corp)
    corp.at(NINE)
    corp.tell(visited(corp, NINE - timedelta(days=days_ago)))
    assert corp.rows("select state from outbox") == [(state,)]


def test_who_was_contacted_too_long_ago_all_the_same_is_told_of_anew(corp: Corp) -> None:
    """35 days instead of 40: the reminder that waits says the wrong day, the next one the right one (STG-2)."""
    silent_for_40_days(corp)
    corp.at(NINE)
    visit = visited(corp, NINE - timedelta(days=35))
    corp.tell(visit)
    corp.at(NINE + timedelta(days=1))
    assert [one["since"] for one in corp.told(SILENT.kind)][1:] == [visit.occurred_at.isoformat()]
    assert len(corp.waiting()) == 1


@pytest.mark.parametrize("sent", [False, True])
def test_a_contact_that_is_taken_away_again_was_none(corp: Corp, sent: bool) -> None:
    """A note at the wrong customer takes back what waits, or was just sent; next morning it is told again (STG-2)."""
    silent_for_40_days(corp)
    corp.at(NINE)
    if sent:
        corp.do("update outbox set state = 'sent', msgid = 'm', settled_at = :now where tenant_id = :t", now=NINE)
    corp.tell(NoteAdded(occurred_at=NINE, note_id=1, customer_id=SEVEN))
    assert corp.waiting() == []
    corp.tell(NoteRemoved(occurred_at=NINE, note_id=1, customer_id=SEVEN))
    for day in range(1, 60):
        corp.at(NINE + timedelta(days=day))
    assert corp.waiting() == [("not_contacted", LI, None)]


def test_what_was_told_long_ago_is_not_told_again_for_a_note_that_came_and_went(corp: Corp) -> None:
    """It was not taken back: it was right when it was read (STG-2)."""
    silent_for_40_days(corp)
    corp.at(NINE)
    corp.do("update outbox set state = 'sent', msgid = 'm', settled_at = :now where tenant_id = :t", now=NINE)
    corp.clock.present = noon = NINE + timedelta(hours=3)
    corp.tell(NoteAdded(occurred_at=noon, note_id=1, customer_id=SEVEN))
    corp.tell(NoteRemoved(occurred_at=noon, note_id=1, customer_id=SEVEN))
    corp.at(NINE + timedelta(days=1))
    assert corp.waiting() == []


def write_note(corp: Corp, connection: Connection) -> None:
    lock_customers(connection, corp.tenant.id, [SEVEN])
    note = add_note(connection, corp.tenant, SEVEN, "x", by="x", now=NINE)
    fact = NoteAdded(occurred_at=NINE, note_id=note.id, customer_id=SEVEN)
    record_facts_and_notices(connection, corp.tenant, [Caused(fact, "operator")], now=NINE, ttl_s=60)


def move_on(corp: Corp, connection: Connection) -> None:
    chosen = these(corp.tenant.id, [SEVEN])
    (moved,) = leave_page(connection, corp.tenant.id, chosen, LINE, now=NINE).moved
    fact = CustomerStageChanged(occurred_at=NINE, why="hand", **moved.__dict__)
    record_facts_and_notices(connection, corp.tenant, [Caused(fact, "operator")], now=NINE, ttl_s=60)


ENDS = pytest.mark.parametrize(
    ("watch", "page", "end"), [(SILENT, silence_page, write_note), (replace(STAYS, days=(30,)), stays_page, move_on)]
)


@ENDS
def test_what_ends_while_a_walk_comes_to_it_is_not_told(corp: Corp, watch: Watch, page: Any, end: Any) -> None:
    """The walk has read of them, and waits for whoever changes them: it looks again (STG-2, SOP-7)."""
    silent_for_40_days(corp)
    corp.watch(watch)
    corp.clock.present = NINE
    with corp.runtime.engine.connect() as mine:
        end(corp, mine)
        meanwhile(corp.runtime.engine, mine, corp.remind, lambda: None)
    assert corp.told(watch.kind) == []


@ENDS
def test_what_ends_while_a_walk_tells_of_it_is_taken_back(corp: Corp, watch: Watch, page: Any, end: Any) -> None:
    """Whoever changes them waits for the walk, and finds what it told (STG-2, SOP-7)."""
    silent_for_40_days(corp)
    engine, tenant = corp.runtime.engine, corp.tenant

    def end_it() -> None:
        with engine.begin() as connection:
            end(corp, connection)

    with engine.connect() as mine:
        found = page(mine, tenant, watch, NINE.date(), after=0, now=NINE)
        told = [Caused(one, "rule") for one in found.facts]
        meanwhile(engine, mine, end_it, lambda: record_facts_and_notices(mine, tenant, told, now=NINE, ttl_s=60))
    assert corp.rows("select distinct state from outbox") == [("withdrawn",)]


def change(customer_id: int, to: int | None, at: datetime) -> CustomerStageChanged:
    return CustomerStageChanged(
        occurred_at=at,
        customer_id=CustomerId(customer_id),
        line_id=LINE,
        from_stage_id=None,
        to_stage_id=to,
        why="hand",
    )


def test_a_delayed_change_of_stage_is_dropped_when_the_customer_has_moved_on(corp: Corp) -> None:
    """Only of the stage that they are in (STG-3)."""
    corp.customers(1)
    now = corp.clock.now()
    corp.tell(change(1, STAGE, now))
    assert corp.waiting() == []  # switched off, as is usual
    corp.wish("stage_changed", Wish(enabled=True, delay_s=3600), STAGE)
    corp.tell(change(1, STAGE, now))
    assert corp.rows("select recipient, state, next_try_at - created_at from outbox") == [
        (LI, "due", timedelta(hours=1))
    ]
    corp.tell(change(1, STAGE + 1, now))
    assert corp.rows("select recipient, state from outbox") == [(LI, "withdrawn")]


def test_the_master_switch_turns_all_stage_messages_off(corp: Corp) -> None:
    """Whatever the switches of each say (STG-4)."""
    corp.watch(STAYS)
    corp.customers(1)
    corp.enter(1)
    corp.wish("stage_changed", Wish(enabled=True))
    with corp.runtime.engine.begin() as connection:
        record_policy(
            connection, corp.tenant.id, Policy(stages_on=False, administrators=(BOSS,)), by="test", now=corp.clock.now()
        )
    corp.tell(change(1, STAGE, corp.clock.now()))
    days_later(corp, 8)
    assert len(corp.told(CustomerStageOverstayed.TYPE)) == 1
    assert corp.waiting() == []


STARTS = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)


def plan(corp: Corp, *chats: tuple[str, str], minutes: int = 60) -> int:
    for chat_id, owner in chats:
        corp.do(
            "insert into group_chat (tenant_id, chat_id, name, owner_userid, observed_at, cause) "
            "values (:t, :chat_id, '群', :owner, :now, 'event')",
            chat_id=chat_id,
            owner=owner,
            now=corp.clock.now(),
        )
    with corp.runtime.engine.begin() as connection:
        event = ChatEvent("周年庆", "", STARTS, minutes, [one for one, _ in chats])
        return plan_event(connection, corp.tenant.id, event, by="test", now=corp.clock.now())[0]


def owners(corp: Corp) -> Sequence[tuple[Any, ...]]:
    return corp.rows("select recipient, state from outbox order by id")


def test_owners_are_reminded_of_an_event_once_and_those_of_now(corp: Corp) -> None:
    """One message each, however many chats; whoever owns them now (GRP-6)."""
    plan(corp, ("c1", LI), ("c2", LI), ("c3", ZHAO))
    corp.do("update group_chat set owner_userid = 'WangWei' where tenant_id = :t and chat_id = 'c3'")
    corp.at(STARTS - timedelta(minutes=61))
    assert owners(corp) == []
    corp.clock.present = STARTS - timedelta(minutes=60)
    with ThreadPoolExecutor(2) as both:
        list(both.map(lambda _: corp.remind(), range(4)))
    assert owners(corp) == [(LI, "due"), ("WangWei", "due")]
    assert [one["chat_count"] for one in corp.told("chat_event_due")] == [2, 1]
    assert corp.rows("select distinct expires_at from outbox") == [(STARTS + timedelta(minutes=15),)]


@pytest.mark.parametrize("what", ["cancelled", "moved"])
def test_an_event_that_moves_or_ends_takes_its_reminder_back(corp: Corp, what: str) -> None:
    """Reminded at the new time or not at all (GRP-6)."""
    event_id = plan(corp, ("c1", LI))
    corp.at(STARTS - timedelta(minutes=50))
    assert owners(corp) == [(LI, "due")]
    with corp.runtime.engine.begin() as connection:
        if what == "cancelled":
            cancel_event(connection, corp.tenant.id, event_id, now=corp.clock.now())
        else:
            moved = {"starts_at": STARTS + timedelta(days=1)}
            change_event(connection, corp.tenant.id, event_id, moved, now=corp.clock.now())
    assert owners(corp) == [(LI, "withdrawn")]
    corp.at(STARTS + timedelta(hours=23))
    assert owners(corp) == [(LI, "withdrawn")] + ([(LI, "due")] if what == "moved" else [])


def test_a_reminder_that_was_just_sent_goes_with_its_event(corp: Corp) -> None:
    """It names an hour that is no more: it is recalled within the hour (GRP-6)."""
    event_id = plan(corp, ("c1", LI))
    corp.at(STARTS - timedelta(minutes=50))
    with corp.runtime.engine.begin() as connection:
        run(connection, "update outbox set state = 'sent', msgid = 'm', settled_at = :now", now=corp.clock.now())
        cancel_event(connection, corp.tenant.id, event_id, now=corp.clock.now())
    assert corp.rows("select state, recall from outbox") == [("sent", "wanted")]


def test_nobody_is_reminded_of_what_has_begun_long_ago(corp: Corp) -> None:
    """After a night without a scheduler, too (GRP-6)."""
    plan(corp, ("c1", LI))
    corp.at(STARTS + timedelta(hours=5))
    assert owners(corp) == []


def test_the_last_days_of_a_leavers_customers_are_announced(corp: Corp) -> None:
    """To administrators, seven days and one day before, once each (TRF-6)."""
    corp.do(
        "insert into associate (tenant_id, userid, observed_at, gone_at) values (:t, 'Gone', :at, :at)",
        at=datetime(2025, 12, 2, 6, tzinfo=UTC),  # until 2 December 2026
    )
    corp.do(
        "insert into relation (tenant_id, userid, external_userid, state, started_at, ended_at, observed_at, cause) "
        "values (:t, 'Gone', 'wm1', 'associate_left', :at, :at, :at, 'event')",
        at=datetime(2025, 12, 2, 6, tzinfo=UTC),
    )
    for day in range(13):
        days_later(corp, day)
        days_later(corp, day)
    told = [(one["userid"], one["days_left"], one["customer_count"]) for one in corp.told("leaver_deadline")]
    assert told == [("Gone", 7, 1), ("Gone", 1, 1)]
    assert corp.waiting() == [("leaver_deadline", BOSS, "Gone")] * 2

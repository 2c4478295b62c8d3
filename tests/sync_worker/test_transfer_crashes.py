"""Two workers, lost leases and deaths at the worst moment: WeCom is asked once, and all is followed (TRF-5)."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from commands.waiting import wait_for
from services.intents.model import Source
from services.transfers.ask import Wish
from services.transfers.listing import withdraw
from services.transfers.store import begin_request, load_due, want_due
from shared.claims import lease
from shared.db.engine import fetch_all, run
from shared.requests import Leased
from shared.wecom.apis import Priority
from sync_worker.reconcilers import Looking, Recording, Seen
from sync_worker.reconcilers.takeovers import TAKEOVERS
from sync_worker.worker import Worker
from sync_worker.writeback import LeaseGoneError
from tests.convergence.post import PostOffice
from tests.sync_worker.handing import (
    DAY,
    HOUR,
    LINA,
    MINUTE,
    RESIGNED,
    TRANSFER,
    WANG,
    ZHAO,
    Handing,
    handing_of,
)
from tests.sync_worker.shops import MakeOffice


@pytest.fixture
def handing(make_office: MakeOffice, tmp_path: Path) -> Iterator[Handing]:
    post = PostOffice()
    yield handing_of(make_office(deletion_lag_s=0), post, tmp_path)
    post.close()


def take(handing: Handing) -> Leased:
    """A worker leases what is due, which is one associate's handovers."""
    runtime = handing.office.runtime
    with runtime.engine.begin() as connection:
        tenant_id = handing.office.tenant.id
        taken = lease(connection, {tenant_id: 1}, now=runtime.clock.now(), lease_s=60)
    (leased,) = taken[tenant_id]
    return leased


def look(handing: Handing, leased: Leased) -> object:
    runtime = handing.office.runtime
    looking = Looking(handing.office.clients, handing.office.tenant, Priority.OPERATOR, runtime.clock.now(), runtime)
    return TAKEOVERS.observe(looking, leased)


def free(handing: Handing) -> None:
    """The lease of whoever died has ended, and somebody else may take it."""
    with handing.office.runtime.engine.begin() as connection:
        run(connection, "update request set fence = fence + 1, lease_until = null")


def test_a_run_that_dies_after_the_answer_asks_no_second_time(handing: Handing):
    """The answer is a commit of its own, whatever becomes of the run."""
    handing.live()
    handing.ask()
    look(handing, take(handing))
    assert handing.stages() == ["waiting"]
    free(handing)
    handing.work()
    assert (handing.stages(), handing.writes()) == (["waiting"], 1)


def test_a_run_that_dies_before_the_call_is_found_out(handing: Handing):
    """The attempt is in the database, WeCom was never asked: after its results had time to show it, it is."""
    handing.live()
    handing.ask()
    runtime = handing.office.runtime
    with runtime.engine.begin() as connection:
        now, tenant_id = runtime.clock.now(), handing.office.tenant.id
        due = load_due(connection, tenant_id, ZHAO, now=now, limit=9)
        assert len(begin_request(connection, tenant_id, due, {}, now=now, known_at=now)) == 1
        assert begin_request(connection, tenant_id, due, {}, now=now, known_at=now) == []  # nobody begins it twice
    handing.work()
    assert (handing.stages(), handing.writes()) == (["asked"], 0)
    handing.pass_time(11 * MINUTE, step_s=MINUTE)
    assert (handing.stages(), handing.writes()) == (["waiting"], 1)


def test_who_comes_while_a_request_is_under_way_makes_no_other(handing: Handing):
    """A stalled worker loses its lease in the middle of the call; its answer is still written down."""
    handing.live()
    handing.ask()
    leased = take(handing)
    handing.fault(TRANSFER, latency_ms=800, times=1)
    stalled = threading.Thread(target=look, args=(handing, leased))
    stalled.start()
    while handing.stages() != ["asked"]:
        pass
    free(handing)
    handing.work()
    assert handing.stages() == ["asked"]
    stalled.join()
    assert (handing.stages(), handing.writes()) == (["waiting"], 1)


def test_a_run_without_its_lease_sends_nothing(handing: Handing):
    """One request at a time for one associate: whoever has the newest fence."""
    handing.live()
    handing.ask()
    leased = take(handing)
    free(handing)
    with pytest.raises(LeaseGoneError):
        look(handing, leased)
    assert (handing.stages(), handing.writes()) == (["queued"], 0)


def test_two_workers_send_a_leavers_customers_one_request_after_the_other(handing: Handing, make_office: MakeOffice):
    """Two leavers, one new owner, two processes: WeCom never says that another call is under way (45035)."""
    handing.live(120)
    handing.office.corp.add_customers(30, userids=[WANG])
    handing.office.resync("external_contact")
    hers = [key for (key,) in handing.rows("select external_userid from relation where userid = 'WangFang'")]
    for userid in (LINA, WANG):
        handing.office.corp.act({"do": "resign", "userid": userid, "silent": True})
    handing.office.resync("directory", "external_contact")
    handing.ask()
    handing.ask(*hers, giver=WANG)
    other = make_office(deletion_lag_s=0)
    other.move_clock(handing.office.runtime.clock)
    handing.fault(RESIGNED, latency_ms=150, times=9)
    beside = threading.Thread(target=other.reconcile)
    beside.start()
    handing.work()
    beside.join()
    handing.work()
    assert handing.stages() == ["waiting"] * 150
    assert handing.office.corp.get("/sim/calls")[RESIGNED] == {"0": 3}
    handing.pass_time(DAY + HOUR)
    assert handing.stages() == ["done"] * 150


def test_a_worker_finds_by_itself_what_is_due(handing: Handing):
    """Nothing rings when a time has come: whoever sweeps looks into the rows, and a restart loses none (TRF-5)."""
    handing.live()
    handing.ask()
    handing.work()
    handing.town.advance(DAY + MINUTE)
    worker = Worker(handing.office.runtime, passes=False)
    try:
        worker.look()
        wait_for(lambda: handing.stages() == ["done"], "the end of the handover")
        worker.look()
        wait_for(lambda: handing.assigned() == (ZHAO, "transfer", "Zhou"), "the new owner")
    finally:
        worker.stop()


def test_everybody_hears_once(handing: Handing):
    """The new owner and the one before, of the handover only: neither as a new customer nor as reassigned (TRF-4)."""
    handing.live()
    handing.ask()
    handing.work()
    handing.town.advance(DAY + MINUTE)
    handing.hear()
    handing.work()
    assert handing.notices() == [("handed_over", LINA), ("taken_over", ZHAO)]
    expected = ("transfer_asked", "transfer_accepted", "transfer_done", "takeover_done", "relation_transferred")
    assert {name: handing.facts()[name] for name in expected} == dict.fromkeys(expected, 1)


def test_who_asked_hears_of_what_failed(handing: Handing):
    """An associate who asked; all that failed together is one message (TRF-4)."""
    handing.live(3)
    for key in handing.keys[:2]:
        act = {"do": "member_deletes", "userid": LINA, "external_userid": key, "silent": True}
        handing.office.corp.act(act)
    handing.ask(wish=Wish("WangFang", Source.PERSON))
    handing.work()
    assert handing.notices() == [("handover_failed", WANG)]
    handing.office.corp.act({"do": "refuse_transfer", "external_userid": handing.keys[2], "silent": True})
    handing.pass_time(2 * HOUR)
    assert handing.notices() == [("handover_failed", WANG)] * 2
    (first, second) = (told for (told,) in handing.rows("select payload from fact where type = 'takeover_failed'"))
    assert (first["failed_count"], first["refused_count"], first["external_userid"]) == (2, 0, None)
    assert (second["failed_count"], second["refused_count"], second["external_userid"]) == (0, 1, handing.keys[2])


def test_an_event_that_comes_during_a_look_leads_to_another(handing: Handing):
    """What it tells may have happened after WeCom was read: it is known at once, not at the next poll (TRF-5)."""
    handing.live()
    handing.ask()
    handing.work()
    handing.town.advance(HOUR + 1)
    with handing.office.runtime.engine.begin() as connection:
        assert want_due(connection, now=handing.office.runtime.clock.now()) == 1
    leased = take(handing)
    found = look(handing, leased)
    handing.office.corp.act({"do": "refuse_transfer", "external_userid": handing.key})
    handing.hear()
    handing.office.reconcile()
    runtime = handing.office.runtime
    with runtime.engine.begin() as connection:
        recording = Recording(runtime.settings, handing.office.tenant, runtime.clock.now())
        TAKEOVERS.record(connection, recording, [Seen(leased, found)])
    free(handing)
    with runtime.engine.begin() as connection:
        due = load_due(connection, handing.office.tenant.id, ZHAO, now=runtime.clock.now(), limit=9)
    assert [one.subject_key for one in due] == [handing.key]
    handing.work()
    assert handing.stages() == ["refused"]


def test_what_is_not_due_costs_a_look_nothing(handing: Handing):
    """Looked for at every wake-up: thousands of handovers that wait are not read for it (TRF-5)."""
    handing.live()
    handing.ask()
    runtime = handing.office.runtime
    now = runtime.clock.now()
    with runtime.engine.begin() as connection:
        run(
            connection,
            "insert into transfer (tenant_id, kind, subject_key, from_userid, to_userid, departed, author, source, "
            "state, stage, attempts, asked_at, sent_at, accepted_at, effect_at, next_poll_at) "
            "select t.tenant_id, 'customer', 'wm' || n, 'LiNa', 'taker' || n, false, 'Zhou', 'person', 'sent', "
            "'waiting', 1, :now, :now, :now, :now, cast(:now as timestamptz) + interval '1 hour' "
            "from transfer t, generate_series(1, 3000) n",
            now=now,
        )
        run(connection, "analyze transfer")
    with runtime.engine.begin() as connection:
        before = _pages(connection)
        assert want_due(connection, now=now) == 0
        assert _pages(connection) - before < 30


def _pages(connection: Connection) -> int:
    """Pages of `transfer` and its indexes that this connection has looked at."""
    (row,) = fetch_all(
        connection,
        "select pg_stat_get_xact_blocks_fetched('transfer'::regclass) + (select sum(pg_stat_get_xact_blocks_fetched("
        "indexrelid)) from pg_index where indrelid = 'transfer'::regclass) as pages",
    )
    return int(row["pages"])


def test_what_is_withdrawn_is_on_record(handing: Handing):
    """Who asked for it sees in the timeline that it came to nothing; nobody is told (TRF-1)."""
    handing.live(2)
    handing.ask()
    with handing.office.runtime.engine.begin() as connection:
        ids = [one for (one,) in handing.rows("select id from transfer")]
        at = handing.office.runtime.clock.now()
        assert sorted(withdraw(connection, handing.office.tenant.id, ids, at=at)) == ids
        assert withdraw(connection, handing.office.tenant.id, ids, at=at) == []
    told = handing.rows("select payload->>'outcome', payload->>'why' from fact where type = 'transfer_failed'")
    assert told == [("withdrawn", "withdrawn")] * 2
    handing.work()
    assert (handing.stages(), handing.notices()) == (["withdrawn"] * 2, [])

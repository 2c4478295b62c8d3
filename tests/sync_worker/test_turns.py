"""Corps take turns, and one whose reads hang holds few threads."""

from collections import Counter

import pytest

from shared.ids import TenantId
from sync_worker.turns import FEW, LONG_S, QUANTUM, TAKES_S, Read, Turns, most_threads

THREADS, BATCH, PATIENCE_S = 8, 64, 5.0
A, B, C = TenantId(1), TenantId(2), TenantId(3)


@pytest.fixture
def turns() -> Turns[str]:
    return Turns(threads=THREADS, batch=BATCH, patience_s=PATIENCE_S)


def lease(turns: Turns[str], tenant: TenantId, count: int, *, rank: int = 1, now: float = 0.0) -> None:
    turns.add_batch(tenant, [(rank, f"{tenant}-{n}") for n in range(count)], now=now)


def start_all(turns: Turns[str], *, now: float = 0.0) -> list[Read[str]]:
    return list(iter(lambda: turns.start(now), None))


def end(turns: Turns[str], reads: list[Read[str]], *, took_s: float) -> None:
    """The reads are done, and with them a batch of their corp."""
    for read in reads:
        turns.end(read)
    turns.end_batch(reads[0].tenant_id, size=len(reads), read=len(reads), took_s=took_s)


def hang(turns: Turns[str], tenant: TenantId) -> None:
    """The corp has had a batch that took ten seconds."""
    lease(turns, tenant, THREADS)
    end(turns, start_all(turns), took_s=10)
    assert turns.pace(tenant) == FEW


def test_a_corp_alone_has_all_threads_and_the_largest_batch(turns: Turns[str]):
    """Fairness costs nothing when there is nobody to be fair to."""
    assert turns.shares([A], limit=BATCH, now=0) == {A: BATCH}
    lease(turns, A, BATCH)
    assert len(start_all(turns)) == THREADS


def test_the_next_batch_is_taken_while_the_last_reads_of_the_one_before_are_under_way(turns: Turns[str]):
    """Threads read while others record: at most two batches at once."""
    lease(turns, A, THREADS + 1)
    reads = start_all(turns)
    assert turns.shares([A], limit=BATCH, now=0) == {}
    turns.end(reads[0])
    assert len(start_all(turns)) == 1
    assert turns.shares([A], limit=BATCH, now=0) == {A: BATCH}
    lease(turns, A, BATCH)
    assert turns.shares([A], limit=BATCH, now=0) == {}


def test_a_corp_that_comes_finds_a_thread(turns: Turns[str]):
    """However much the other one has to do."""
    lease(turns, A, BATCH)
    start_all(turns)
    lease(turns, B, 1)
    assert [read.tenant_id for read in start_all(turns)] == [B]


def test_threads_are_shared_evenly(turns: Turns[str]):
    """Whoever has the fewest under way is next; among equals, who was served longest ago."""
    for tenant in (A, B, C):
        lease(turns, tenant, 20)
    assert Counter(read.tenant_id for read in start_all(turns)) == {A: 4, B: 3, C: 3}


def test_within_a_corp_the_lower_rank_goes_first(turns: Turns[str]):
    """Operator before events before backfill, each in the order of age."""
    for rank, name in ((2, "backfill"), (1, "event"), (0, "operator"), (1, "younger event")):
        turns.add(A, [(rank, name)], now=0)
    assert [read.job for read in start_all(turns)] == ["operator", "event", "younger event", "backfill"]


def test_who_was_served_longest_ago_leases_first(turns: Turns[str]):
    """When there is no room for all, each gets some in turn."""
    assert turns.shares([A, B, C], limit=2 * QUANTUM, now=0) == {A: QUANTUM, B: QUANTUM}
    lease(turns, A, QUANTUM)
    lease(turns, B, QUANTUM)
    start_all(turns)
    many = [TenantId(n) for n in range(1, 21)]
    assert list(turns.shares(many, limit=BATCH, now=0))[:2] == [C, TenantId(4)]


def test_a_limit_is_kept(turns: Turns[str]):
    """A caller may want less than there is room for."""
    assert turns.shares([A, B], limit=1, now=0) == {A: 1}


def test_what_waits_for_a_thread_takes_the_room(turns: Turns[str]):
    """More is leased only when threads come free: other processes may have some."""
    for n in range(1, 9):
        lease(turns, TenantId(n), 9)
    start_all(turns)
    assert turns.room(0) < BATCH / 4
    assert sum(turns.shares([TenantId(9), TenantId(10)], limit=BATCH, now=0).values()) == turns.room(0)


def test_reads_that_hang_fill_no_threads(turns: Turns[str]):
    """After a second the others have all threads again, and there is room for their subjects."""
    lease(turns, A, BATCH)
    assert len(start_all(turns)) == THREADS
    late = LONG_S + 0.1
    assert turns.room(late) == BATCH
    for tenant in (B, C):
        lease(turns, tenant, 20, now=late)
    assert Counter(read.tenant_id for read in start_all(turns, now=late)) == {B: 5, C: 5}
    assert turns.hanging(late) == THREADS


def test_a_corp_whose_reads_hang_has_two_of_them(turns: Turns[str]):
    """What it costs once is learnt: two reads at a time, whatever is due."""
    hang(turns, A)
    lease(turns, B, 1)
    assert turns.shares([A, C], limit=BATCH, now=0)[A] == FEW
    lease(turns, A, FEW)
    assert Counter(read.tenant_id for read in start_all(turns)) == {A: FEW, B: 1}
    assert turns.shares([A], limit=BATCH, now=0) == {}


def test_many_corps_that_hang_stop_at_the_last_thread(turns: Turns[str]):
    """Threads are not without end."""
    for n in range(100):
        lease(turns, TenantId(n), 9, now=n * 2.0)
        start_all(turns, now=n * 2.0)
    assert turns.hanging(1000) == most_threads(THREADS)


def test_one_slow_read_among_quick_ones_slows_down_nobody(turns: Turns[str]):
    """Every WeCom has a slow answer now and then."""
    lease(turns, B, 1)
    start_all(turns)
    lease(turns, A, 40)
    quick = start_all(turns)[1:]
    for now in (0.5, LONG_S + 0.1):
        for read in quick:
            turns.end(read)
        quick = start_all(turns, now=now)
        assert len(quick) == THREADS - 1


def test_batches_fit_into_two_seconds(turns: Turns[str]):
    """Each corp has its own pace: half of it when a batch took twice as long, twice as much when it was quick."""
    paces = []
    for took_s in (2 * TAKES_S, 4 * TAKES_S, 0.5, 0.5, 0.5, 0.5):
        size = turns.pace(A)
        lease(turns, A, size)
        while reads := start_all(turns):
            for read in reads:
                turns.end(read)
        turns.end_batch(A, size=size, read=size, took_s=took_s)
        paces.append(turns.pace(A))
    assert paces == [32, 8, 16, 32, 64, 64]
    assert turns.pace(B) == BATCH


def test_who_waits_too_long_is_given_back(turns: Turns[str]):
    """By then something more urgent of that corp may be due."""
    lease(turns, A, THREADS + 3)
    start_all(turns)
    assert turns.late(PATIENCE_S) == []
    assert len(turns.late(PATIENCE_S + 0.1)) == 3
    assert not turns.waits()

"""Threads that look for due work: one that cannot be done stops nothing else."""

import threading

import pytest
from sqlalchemy.exc import OperationalError

from commands.waiting import wait_for
from shared.ids import TenantId
from sync_worker.looking import Looking, each_alone


def test_a_corp_that_cannot_be_worked_on_holds_up_no_other():
    """One bad row of one corp stops neither the corps behind it nor what they found (G8)."""
    done = []

    def work(tenant_id: TenantId) -> int:
        if tenant_id == 1:
            raise ValueError("a row of this corp")
        done.append(tenant_id)
        return 2

    due = [TenantId(1), TenantId(2), TenantId(3)]
    assert each_alone(due, work, what="test", tenant_of=lambda one: one) == 4
    assert done == [2, 3]


def test_a_database_that_is_away_is_no_fault_of_a_corp():
    """Nobody else is tried: the next look tries again (G1)."""
    tried = []

    def work(tenant_id: TenantId) -> int:
        tried.append(tenant_id)
        raise OperationalError("select", {}, Exception("gone"))

    with pytest.raises(OperationalError):
        each_alone([TenantId(1), TenantId(2)], work, what="test", tenant_of=lambda one: one)
    assert tried == [1]


def test_a_thread_goes_on_after_whatever_failed():
    """It looks when it is told to, until nothing is due, and an error is not its end."""
    left, looks = [3], threading.Semaphore(0)

    def work() -> int:
        looks.release()
        left[0] -= 1
        if left[0] == 1:
            raise ValueError("broken")
        return max(0, left[0])

    looking = Looking("test", work, every_s=None)
    try:
        looking.look()
        wait_for(lambda: left[0] == 1, "the error")
        looking.look()
        wait_for(lambda: left[0] == 0, "what was left")
    finally:
        looking.stop(within_s=5)
    assert looking.stopping

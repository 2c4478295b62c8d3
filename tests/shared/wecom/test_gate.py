"""What one process may start without asking the shared state."""

import pytest

from shared.wecom import gate as module
from shared.wecom.apis import Priority
from shared.wecom.gate import AHEAD_S, Gate, Waiting


class Time:
    """The machine's monotonic clock, as this test wants it."""

    now_s = 100.0


@pytest.fixture(autouse=True)
def at(monkeypatch: pytest.MonkeyPatch) -> Time:
    made = Time()
    monkeypatch.setattr(module, "monotonic", lambda: made.now_s)
    return made


def gate_with(*, ahead: int, places: int = 1) -> Gate:
    """A gate whose last answer was so many starts ahead, with so many places of which one is in use."""
    gate, me = Gate((), ()), Waiting(Priority.EVENTS)
    gate.waiting.append(me)
    gate.answered([me], [True], kept=places - 1, ahead=ahead, wait_s=0.0)
    return gate


def test_what_was_taken_in_advance_is_used_one_by_one():
    """A call that ended leaves its place to the next one of this process."""
    gate = gate_with(ahead=2)
    for _ in range(2):
        gate.end()
        assert gate.start_ahead()
    gate.end()
    assert not gate.start_ahead()


def test_no_more_at_once_than_the_shared_state_knows_of():
    """A second call beside the first needs a place of its own (G6)."""
    assert not gate_with(ahead=5).start_ahead()
    assert gate_with(ahead=5, places=2).start_ahead()


def test_what_was_taken_in_advance_gets_stale(at: Time):
    """WeCom would count the call in another window than we did."""
    gate = gate_with(ahead=5, places=2)
    at.now_s += AHEAD_S
    assert not gate.start_ahead()


def test_nobody_overtakes_those_who_wait():
    """Nor starts while somebody tells the shared state how many are under way."""
    gate = gate_with(ahead=5, places=2)
    gate.waiting.append(Waiting(Priority.BACKFILL))
    assert not gate.start_ahead()
    gate.waiting.clear()
    gate.asking = True
    assert not gate.start_ahead()


def test_places_are_kept_only_while_there_is_plenty():
    """Where nothing could be taken in advance, others may need the place at once."""
    gate = gate_with(ahead=1)
    gate.end()
    assert gate.keeps_places()
    assert not gate.is_to_tell()
    gate.start_no_more_ahead()
    assert not gate.keeps_places()
    assert gate.is_to_tell()
    scarce = gate_with(ahead=0)
    scarce.end()
    assert scarce.is_to_tell()


def test_as_many_are_taken_in_advance_as_were_started_lately(at: Time):
    """Whoever calls rarely takes nothing, and so wastes nothing."""
    gate = gate_with(ahead=9)
    gate.end()
    gate.waiting.append(Waiting(Priority.EVENTS))
    assert gate.wishes()[2] == 0
    for _ in range(3):
        gate.waiting.clear()
        assert gate.start_ahead()
        gate.end()
    gate.waiting.append(Waiting(Priority.EVENTS))
    assert gate.wishes()[1:] == (0, 4)
    at.now_s += AHEAD_S
    assert gate.wishes()[2] == 0

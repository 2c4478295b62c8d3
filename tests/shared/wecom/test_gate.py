"""What one process may start without asking the shared state."""

import pytest

from shared.wecom import gate as module
from shared.wecom.apis import Priority
from shared.wecom.gate import AHEAD_S, KEEP_S, MOST_KEPT, TELL_S, Gate, Waiting


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
    gate.answered([me], [True], kept=places - 1, ahead=ahead, wait_s=0.0, refusals=0)
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


def test_others_hear_soon_that_calls_have_ended_and_later_while_there_is_plenty(at: Time):
    """Where nothing could be taken in advance they may need the place; all ends of a moment go in one question."""
    for ahead, after_s in ((0, TELL_S), (1, KEEP_S)):
        gate = gate_with(ahead=ahead)
        assert not gate.owes_word()
        gate.end()
        assert gate.owes_word()
        at.now_s += after_s * 0.9
        assert not gate.is_to_tell()
        at.now_s += after_s * 0.2
        assert gate.is_to_tell()
        assert not gate.is_to_tell()  # somebody does already
        assert gate.asking


def test_a_few_idle_places_are_kept_while_there_is_plenty(at: Time):
    """More would be missing elsewhere; and none when a call was refused."""
    gate = gate_with(ahead=5, places=6)
    assert gate.start_ahead()
    gate.waiting.append(Waiting(Priority.EVENTS))
    assert gate.wishes()[1] == 2 + MOST_KEPT
    gate.start_no_more_ahead()
    assert gate.wishes()[1] == 2


def test_an_answer_from_before_a_refusal_lets_nothing_start_ahead():
    """A 45009 came while the question was under way (G6)."""
    gate, me = Gate((), ()), Waiting(Priority.EVENTS)
    gate.waiting.append(me)
    asked, kept, _, refusals = gate.wishes()
    gate.start_no_more_ahead()
    gate.answered(asked, [True], kept=kept, ahead=5, wait_s=0.0, refusals=refusals)
    gate.end()
    assert not gate.start_ahead()


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
    assert gate.wishes()[1:3] == (0, 4)
    at.now_s += AHEAD_S
    assert gate.wishes()[2] == 0

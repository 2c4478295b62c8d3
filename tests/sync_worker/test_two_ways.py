"""Two sides edit the same relation at random; in the end they agree, and neither is overwritten silently (G4)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commands.waiting import wait_for
from tests.sync_worker.shops import MakeOffice
from tests.sync_worker.wishing import MARK, REMARK, Shop

TEXTS = ("甲", "乙", "丙")
Step = tuple[Any, ...]

steps = st.lists(
    st.one_of(
        st.tuples(st.just("wish_text"), st.sampled_from(("remark", "description")), st.sampled_from(TEXTS)),
        st.tuples(st.just("wish_tag"), st.integers(0, 1), st.booleans()),
        st.tuples(st.just("they_edit"), st.sampled_from(("remark", "description")), st.sampled_from(TEXTS)),
        st.tuples(st.just("they_tag"), st.integers(0, 1), st.booleans()),
        st.tuples(st.just("they_take_off")),
        st.tuples(st.just("reconcile")),
        st.tuples(st.just("hear")),
        st.tuples(st.just("die")),
        st.tuples(st.just("cut"), st.sampled_from((MARK, REMARK)), st.sampled_from(("before", "after"))),
    ),
    max_size=14,
)


@dataclass
class Play:
    """What happens to one relation. `troubles`: pushes that may come a second time."""

    shop: Shop
    wishes: int = 0
    troubles: int = 0
    takings_off: int = 1  # the tag is off at first
    written_before: int = field(init=False)

    def __post_init__(self) -> None:
        self.written_before = self.shop.writes()

    def do(self, step: Step) -> None:
        name, *rest = step
        getattr(self, name)(*rest)

    def wish_text(self, name: str, value: str) -> None:
        self.wishes += 1
        self.shop.wish((name, value))

    def wish_tag(self, number: int, on: bool) -> None:
        self.wishes += 1
        self.shop.wish((f"tag:{self.shop.tags[number]}", on))

    def they_edit(self, name: str, value: str) -> None:
        self.shop.edit_there(**{name: value})

    def they_tag(self, number: int, on: bool) -> None:
        tag, present = self.shop.tags[number], self.shop.pair()["tags"]
        self.shop.edit_there(tags=[one for one in present if one != tag] + [tag] * on)

    def they_take_off(self) -> None:
        self.takings_off += 1
        self.shop.edit_there(tags=[one for one in self.shop.pair()["tags"] if one != self.shop.kept])

    def reconcile(self) -> None:
        self.shop.office.reconcile()

    def hear(self) -> None:
        self.shop.office.want(self.shop.key)

    def die(self) -> None:
        self.troubles += 2  # it may have written tags and texts
        self.shop.look_and_die()

    def cut(self, api: str, how: str) -> None:
        self.troubles += 1
        self.shop.office.corp.post("/sim/faults", {"path": api, "cut": how, "times": 1})

    def end(self) -> None:
        self.shop.office.corp.post("/sim/faults", {"clear": True})
        wait_for(self._quiet, "the last of the wishes")
        assert self.shop.office.resync("external_contact") == [("external_contact", "done")]
        self.shop.office.reconcile()

    def _quiet(self) -> bool:
        self.shop.office.want(self.shop.key)
        self.shop.office.reconcile()
        still = any(state in ("pending", "sent") for _, state, _ in self.shop.outcomes())
        return not still and self.shop.kept in self.shop.pair()["tags"]


@pytest.fixture
def begin(make_office: MakeOffice) -> Callable[[], Play]:
    shop = Shop(make_office(deletion_lag_s=0, reconcile_backoff_s=(0.0,), write_lag_s=0.1))
    shop.keep_on()

    def start() -> Play:
        with shop.office.runtime.engine.begin() as connection:
            connection.exec_driver_sql("delete from intent")
        shop.edit_there(tags=[one for one in shop.pair()["tags"] if one != shop.kept])
        return Play(shop)

    return start


def agree_in_the_end(play: Play, story: list[Step]) -> None:
    for step in story:
        play.do(step)
    play.end()
    there = play.shop.pair()
    ((remark, description, tags),) = play.shop.office.rows("select remark, description, corp_tag_ids from relation")
    assert (remark, description, sorted(tags)) == (there["remark"], there["description"], sorted(there["tags"]))
    assert all(state in ("confirmed", "refused", "superseded") for _, state, _ in play.shop.outcomes())
    assert play.shop.writes() - play.written_before <= play.wishes + play.troubles + play.takings_off
    assert play.shop.kept in tags


@settings(max_examples=15, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=steps)
def test_both_sides_agree_in_the_end_and_nothing_is_pushed_in_turns(begin: Callable[[], Play], story: list[Step]):
    """Whoever acts, whatever dies or is lost: one relation, one truth, at most one push per wish and trouble, and what
    a rule enforces is on.
    """
    agree_in_the_end(begin(), story)


@pytest.mark.long
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=steps)
def test_both_sides_agree_in_many_stories(begin: Callable[[], Play], story: list[Step]):
    """The same for many more stories, others each time."""
    agree_in_the_end(begin(), story)


@settings(max_examples=10, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ours=st.sampled_from(TEXTS), theirs=st.sampled_from(TEXTS), heard=st.booleans(), first=st.booleans())
def test_the_last_who_saw_the_other_wins(
    begin: Callable[[], Play], *, ours: str, theirs: str, heard: bool, first: bool
):
    """An edit that the author had before their eyes gives way; one that they had not stands."""
    play = begin()
    play.they_edit("remark", "从前")
    play.hear()
    play.reconcile()
    if first:
        play.they_edit("remark", theirs)
        if heard:
            play.hear()
            play.reconcile()
    play.wish_text("remark", ours)
    if not first:
        play.they_edit("remark", theirs)
    play.end()
    assert play.shop.pair()["remark"] == (ours if first and heard else theirs)

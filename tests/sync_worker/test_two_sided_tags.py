"""Two sides change the catalogue of tags at random; in the end they agree, and every wish has its end (G4, TAG-2)."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commands.waiting import wait_for
from services.catalogue.model import Delete, NewTag, Place, Rename
from services.intents.model import WishRefusedError
from shared.wecom.payloads import tags as payloads
from tests.sync_worker.shelving import ADD, DELETE, EDIT, Shelf
from tests.sync_worker.shops import MakeOffice

NAMES, GROUPS = ("甲", "乙", "丙"), ("等级", "城市")
Step = tuple[Any, ...]
some, name = st.integers(0, 7), st.sampled_from(NAMES)

steps = st.lists(
    st.one_of(
        st.tuples(st.just("wish_new"), some, name),
        st.tuples(st.just("wish_new_group"), st.sampled_from(GROUPS), name),
        st.tuples(st.just("wish_rename"), some, name),
        st.tuples(st.just("wish_rename_group"), some, st.sampled_from(GROUPS)),
        st.tuples(st.just("wish_place"), some, st.integers(0, 3)),
        st.tuples(st.just("wish_delete"), some, st.booleans()),
        st.tuples(st.just("they_create"), some, name),
        st.tuples(st.just("they_create_group"), st.sampled_from(GROUPS), name),
        st.tuples(st.just("they_rename"), some, name),
        st.tuples(st.just("they_rename_group"), some, st.sampled_from(GROUPS)),
        st.tuples(st.just("they_delete"), some, st.booleans()),
        st.tuples(st.just("they_reorder"), some),
        st.tuples(st.just("reconcile")),
        st.tuples(st.just("hear")),
        st.tuples(st.just("die")),
        st.tuples(st.just("cut"), st.sampled_from((ADD, EDIT, DELETE)), st.sampled_from(("before", "after"))),
    ),
    max_size=14,
)


@dataclass
class Play:
    """What happens to one catalogue. `troubles`: pushes of one wish that may come again."""

    shelf: Shelf
    troubles: int = 0

    def do(self, step: Step) -> None:
        what, *rest = step
        with suppress(WishRefusedError):
            getattr(self, what)(*rest)

    def _act(self, do: str, **what: Any) -> None:
        with suppress(RuntimeError):  # the simulator says that it cannot be
            self.shelf.act(do, **what)

    def _ours(self, kind: str, number: int) -> str:
        """The id of something that lives here; of nothing, when nothing does."""
        column = "group_id" if kind == "tag_group" else "tag_id"
        found = self.shelf.office.rows(f"select {column} from {kind} where deleted_at is null order by name, 1")
        return str(found[number % len(found)][0]) if found else "etNobody"

    def _theirs(self, kind: str, number: int) -> str:
        groups = [one for one in self.shelf.looked() if not one["deleted"]]
        tags = [tag["id"] for one in groups for tag in one["tag"] if not tag["deleted"]]
        found = tags if kind == "tag" else [one["group_id"] for one in groups]
        return str(found[number % len(found)]) if found else "etNobody"

    def wish_new(self, number: int, name: str) -> None:
        self.shelf.ask(NewTag(name, group_id=self._ours("tag_group", number)))

    def wish_new_group(self, group: str, name: str) -> None:
        self.shelf.ask(NewTag(name, group_name=group))

    def wish_rename(self, number: int, name: str) -> None:
        self.shelf.ask(Rename(self._ours("tag", number), name))

    def wish_rename_group(self, number: int, name: str) -> None:
        self.shelf.ask(Rename(self._ours("tag_group", number), name))

    def wish_place(self, number: int, sort: int) -> None:
        self.shelf.ask(Place(self._ours("tag", number), sort))

    def wish_delete(self, number: int, group: bool) -> None:
        self.shelf.ask(Delete(self._ours("tag_group" if group else "tag", number)))

    def they_create(self, number: int, name: str) -> None:
        self._act("create_tag", group_id=self._theirs("group", number), name=name)

    def they_create_group(self, group: str, name: str) -> None:
        self._act("create_tag_group", group_name=group, tags=[name])

    def they_rename(self, number: int, name: str) -> None:
        self._act("rename_tag", tag_id=self._theirs("tag", number), name=name)

    def they_rename_group(self, number: int, name: str) -> None:
        self._act("rename_tag_group", group_id=self._theirs("group", number), name=name)

    def they_delete(self, number: int, group: bool) -> None:
        kind = "group" if group else "tag"
        self._act(f"delete_tag{'_group' if group else ''}", **{f"{kind}_id": self._theirs(kind, number)})

    def they_reorder(self, number: int) -> None:
        group_id = self._theirs("group", number)
        (group,) = [one for one in self.shelf.looked() if one["group_id"] == group_id] or [{"tag": []}]
        tag_ids = [tag["id"] for tag in group["tag"] if not tag["deleted"]][::-1]
        self._act("reorder_tags", group_id=group_id, tag_ids=tag_ids)

    def reconcile(self) -> None:
        self.shelf.office.reconcile()

    def hear(self) -> None:
        self.shelf.look(cause="event")

    def die(self) -> None:
        self.troubles += 1
        self.shelf.look_and_die()

    def cut(self, api: str, how: str) -> None:
        self.troubles += 1
        self.shelf.fault(api, cut=how, times=1)

    def end(self) -> None:
        self.shelf.office.corp.post("/sim/faults", {"clear": True})
        wait_for(self._quiet, "the last of the wishes")
        assert self.shelf.office.resync("tag") == [("tag", "done")]

    def _quiet(self) -> bool:
        self.shelf.look()
        return not any(state in ("pending", "sent") for _, state, _ in self.shelf.outcomes())


@pytest.fixture
def begin(make_office: MakeOffice) -> Callable[[], Play]:
    shelf = Shelf(make_office(deletion_lag_s=0, reconcile_backoff_s=(0.0,), write_lag_s=0.2))

    def start() -> Play:
        """A group that we made, and one that people made."""
        shelf.office.corp.post("/sim/faults", {"clear": True})
        for one in shelf.looked():
            if not one["deleted"]:
                shelf.act("delete_tag_group", group_id=one["group_id"])
        tags = shelf.office.clients.of(shelf.office.tenant).tags
        tags.add([payloads.NewTag("甲"), payloads.NewTag("乙")], group_name="等级")
        shelf.act("create_tag_group", group_name="来源", tags=["门店"])
        shelf.look()
        with shelf.office.runtime.engine.begin() as connection:
            connection.exec_driver_sql("delete from intent")
        return Play(shelf)

    return start


def agree_in_the_end(play: Play, story: list[Step]) -> None:
    for step in story:
        play.do(step)
    play.end()
    assert play.shelf.here_by_id() == play.shelf.there_by_id()
    assert all(state in ("confirmed", "refused", "superseded") for _, state, _ in play.shelf.outcomes())
    assert all(pushes <= 1 + play.troubles for _, _, pushes in play.shelf.outcomes())
    shown = {group: sorted(tags) for group, tags in play.shelf.shown().items()}
    assert shown == {group: sorted(tag for tag, _ in tags) for group, tags in play.shelf.here().items()}


@settings(max_examples=15, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=steps)
def test_both_sides_agree_in_the_end(begin: Callable[[], Play], story: list[Step]):
    """Renames, deletions, creations from both sides, crashes and lost answers: one catalogue, every wish ended."""
    agree_in_the_end(begin(), story)


@pytest.mark.long
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=steps)
def test_both_sides_agree_in_many_stories(begin: Callable[[], Play], story: list[Step]):
    """The same for many more stories, others each time."""
    agree_in_the_end(begin(), story)


RACES = [
    *[("wish_rename", "they_rename", None), ("wish_rename", "they_delete", None), ("wish_delete", "they_rename", None)],
    *[("wish_new", "they_create", None), ("wish_delete", "they_delete", None), ("wish_new", "they_delete", True)],
]


@pytest.mark.parametrize("first", ["ours", "theirs"])
@pytest.mark.parametrize("between", ["nothing", "die", "cut after", "cut before"])
@pytest.mark.parametrize(("wish", "act", "group"), RACES)
def test_races_end_equal_on_both_sides(
    begin: Callable[[], Play], *, wish: str, act: str, group: bool | None, between: str, first: str
):
    """Rename/rename, rename/delete, delete/rename, create/create, delete/delete, create/delete of the group (TAG-2)."""
    play = begin()
    ours: Step = (wish, 0, bool(group)) if wish == "wish_delete" else (wish, 0, "丙")
    theirs: Step = (act, 0, bool(group)) if act == "they_delete" else (act, 0, "丙" if "create" in act else "丁")
    story = [ours, theirs] if first == "ours" else [theirs, ours]
    if between.startswith("cut"):
        story = [("cut", one, between[4:]) for one in (ADD, EDIT, DELETE)] + story
    elif between == "die":
        story.insert(1, ("die",))
    agree_in_the_end(play, story)

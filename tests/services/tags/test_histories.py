"""Whatever a catalogue goes through, and whatever reads and events get lost, it ends as WeCom shows it."""

from dataclasses import dataclass, field
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from services.tags.draft import Bounds, CataloguePlan
from services.tags.model import Catalogue, Observed, SecondLook
from services.tags.plan import applied, plan_catalogue
from tests.services.factories import at
from tests.services.tags.catalogues import seen_group, seen_tag

GROUPS, NAMES = ("g1", "g2", "g3"), ("Gold", "Silver", None)
BOUNDS = Bounds(lag=timedelta(seconds=30))


@dataclass
class World:
    """WeCom's catalogue: living tags as id -> (group, name, order); ids are never used again."""

    tags: dict[str, tuple[str, str | None, int]] = field(default_factory=dict)
    dead: dict[str, str] = field(default_factory=dict)
    made: int = 0

    def shown(self, second: float, looks: dict[str, SecondLook] | None = None) -> Observed:
        groups = [
            seen_group(one, *(seen_tag(t, name, sort) for t, (g, name, sort) in self.tags.items() if g == one))
            for one in sorted({group for group, _, _ in self.tags.values()})
        ]
        return Observed(tuple(groups), at(second), looks)

    def look(self, group_id: str) -> SecondLook:
        (living,) = [one for one in self.shown(0).groups if one.group_id == group_id] or [None]
        return SecondLook(living, frozenset(tag for tag, group in self.dead.items() if group == group_id))

    def delete(self, tag_ids: list[str]) -> None:
        for one in tag_ids:
            self.dead[one] = self.tags.pop(one)[0]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["make", "rename", "reorder", "delete", "delete_group", "read", "empty_read"]),
        st.integers(0, 5),
        st.sampled_from(NAMES),
        st.booleans(),
    ),
    max_size=25,
)


def act(world: World, step: tuple[str, int, str | None, bool], deletions: dict, second: float) -> None:
    what, number, name, heard = step
    ids = sorted(world.tags)
    if what == "make":
        world.made += 1
        world.tags[f"t{world.made}"] = (GROUPS[number % 3], name, number)
    elif ids and what in ("rename", "reorder"):
        group, old, sort = world.tags[ids[number % len(ids)]]
        world.tags[ids[number % len(ids)]] = (group, name or old, sort) if what == "rename" else (group, old, number)
    elif ids and what == "delete":
        one = ids[number % len(ids)]
        world.delete([one])
        if heard:
            deletions[one] = at(second)
    elif ids and what == "delete_group":
        group = world.tags[ids[number % len(ids)]][0]
        world.delete([one for one in ids if world.tags[one][0] == group])
        # A group that went away and came back under its id has old events.
        if heard:
            deletions[group] = at(second)


def look_and_plan(world: World, known: Catalogue, deletions: dict, second: float, *, empty: bool) -> CataloguePlan:
    """One reconciliation; `empty`: WeCom's full answer is empty for no reason."""
    observed = Observed((), at(second)) if empty else world.shown(second)
    plan = plan_catalogue(observed, known, deletions, bounds=BOUNDS)
    if plan.unconfirmed:
        looks = {one: world.look(one) for one in plan.unconfirmed}
        plan = plan_catalogue(Observed(observed.groups, at(second), looks), known, deletions, bounds=BOUNDS)
    assert not plan.unconfirmed
    return plan


@settings(max_examples=300, deadline=None)
@given(STEPS)
def test_a_catalogue_ends_as_wecom_shows_it_and_settles(steps):
    """Lost events, late reads, empty answers: one good read puts all right, and a second writes nothing (TAG-2)."""
    world, known, deletions = World(), Catalogue(), {}
    told: list[tuple[str, str]] = []
    for number, step in enumerate(steps):
        second = 1000.0 + number * 10
        act(world, step, deletions, second)
        if step[0] in ("read", "empty_read"):
            plan = look_and_plan(world, known, deletions, second + 5, empty=step[0] == "empty_read")
            known = applied(known, plan)
            told += [(fact.TYPE, fact.subject[1]) for fact in plan.facts]
    end = 5000.0
    plan = look_and_plan(world, known, deletions, end, empty=False)
    known = applied(known, plan)
    told += [(fact.TYPE, fact.subject[1]) for fact in plan.facts]
    living = {one: tag for one, tag in known.tags.items() if tag.deleted_at is None}
    assert {one: tag.group_id for one, tag in living.items()} == {one: tag[0] for one, tag in world.tags.items()}
    assert all(living[one].sort == sort and (name is None or living[one].name == name)
               for one, (_, name, sort) in world.tags.items())  # fmt: skip
    groups = {one for one, group in known.groups.items() if group.deleted_at is None}
    assert groups == {group for group, _, _ in world.tags.values()}
    again = look_and_plan(world, known, deletions, end + 100, empty=False)
    assert (again.groups, again.tags, again.facts, again.look_again_at) == ((), (), (), None)
    for one in known.tags:
        births, ends = told.count(("tag_created", one)), told.count(("tag_deleted", one))
        assert (births, ends) == (1, 0 if one in living else 1)

"""Bulk changes of 10,000 customers: tags, edits and their undoing, deletions (CUS-8)."""

from datetime import datetime

from services.bulk_changes import asking
from services.bulk_changes.model import read_wanted
from services.bulk_changes.plan import confirmations
from services.finding.selection import Selection
from services.intents.model import Source
from services.persons.store import load_own
from shared.ids import CustomerId
from tests.flows.jobs.town import LEVELS, Town

COUNT = 10_000
REASON = "asked for by the customers"


class _Changing:
    longest_s, in_peace = 0.5, 0

    def __init__(self, town: Town) -> None:
        self.town, self.change, self.undoing = town, 0, False
        self.ids: list[int] = []

    def ask(self, wanted: dict[str, object]) -> None:
        town, read = self.town, read_wanted(wanted)
        chosen = Selection("select unnest(cast(:f_ids as bigint[])) as customer_id", {"f_ids": self.ids})
        with town.runtime.engine.begin() as connection:
            self.change = asking.ask(
                connection, town.tenant, chosen, read, filter_={}, reason=REASON,
                confirmation=confirmations(read.kind, len(self.ids))[0], author="Zhou", source=Source.PERSON,
                now=town.now,
            ).id  # fmt: skip
        self.undoing = False

    def undo(self) -> None:
        town = self.town
        with town.runtime.engine.begin() as connection:
            assert asking.count_undoable(connection, town.tenant.id, self.change) == len(self.ids)
            self.change = asking.ask_undo(
                connection, town.tenant, self.change, reason=REASON, confirmation=f"UNDO {len(self.ids):,}",
                author="Zhou", source=Source.PERSON, now=town.now,
            ).id  # fmt: skip
        self.undoing = True

    def is_under_way(self, since: datetime) -> bool:
        return self.town.holds(("bulk_change_row",), since)

    def is_over(self) -> bool:
        return not self.town.rows("select 1 from bulk_change where id = :id and state = 'running'", id=self.change)

    def check_counts(self) -> None:
        shown = "select state, done_count, same_count, refused_count, total_count from bulk_change where id = :id"
        assert self.town.rows(shown, id=self.change) == [("done", COUNT, 0, 0, COUNT)]
        (fact,) = self.town.facts("bulk_change_finished", f"bulk_change:{self.change}")
        assert (fact["outcome"], fact["done_count"]) == ("done", COUNT)
        rows = "select state, count(*) from bulk_change_row where change_id = :id group by 1"
        assert self.town.rows(rows, id=self.change) == [("done", COUNT)]


class Tagging(_Changing):
    """A local tag on everybody, and off by undoing it."""

    def __init__(self, town: Town) -> None:
        super().__init__(town)
        self.ids, self.tag = town.add_customers(COUNT), add_tag(town, "VIP")

    def begin(self) -> None:
        if self.change and not self.undoing:
            self.undo()
        else:
            self.ask({"kind": "local_tags", "add": [f"local:{self.tag}"]})

    def check(self) -> None:
        self.check_counts()
        tagged = self.town.rows("select customer_id from customer_tag where tag_id = :id order by 1", id=self.tag)
        assert tagged == ([] if self.undoing else [(one,) for one in self.ids])
        what = "local_tag_taken" if self.undoing else "local_tag_given"
        facts = self.town.facts(what, f"bulk_change:{self.change}")
        told = [one for fact in facts for one in fact["customer_ids"]]
        assert sorted(told) == self.ids


class Editing(_Changing):
    """Another level for everybody, and the old ones back; each write is noted."""

    def __init__(self, town: Town) -> None:
        super().__init__(town)
        self.ids = town.add_customers(COUNT)
        town.run("create table written (customer_id bigint)")
        town.run("create function note() returns trigger language plpgsql as $$ begin "
                 "insert into written values (new.id); return null; end $$")  # fmt: skip
        town.run("create trigger note after update of own on customer for each row execute function note()")

    def begin(self) -> None:
        self.town.run("truncate written")
        if self.change and not self.undoing:
            self.undo()
        else:
            self.ask({"kind": "fields", "set": {"level": "platinum"}})

    def check(self) -> None:
        self.check_counts()
        written = self.town.rows("select count(*), count(distinct customer_id) from written")
        assert written == [(COUNT, COUNT)]
        with self.town.runtime.engine.begin() as connection:
            own = load_own(connection, self.town.tenant, [CustomerId(one) for one in self.ids])
        expected = {one: LEVELS[one % 4] if self.undoing else "platinum" for one in self.ids}
        assert {one: own[CustomerId(one)].get("level") for one in self.ids} == expected


class Deleting(_Changing):
    """Everybody there is, each time; two hundred others stay."""

    def __init__(self, town: Town) -> None:
        super().__init__(town)
        self.others = town.add_customers(200)

    def begin(self) -> None:
        self.ids = self.town.add_customers(COUNT)
        self.ask({"kind": "deletion"})

    def check(self) -> None:
        self.check_counts()
        assert self.town.rows("select id from customer order by id") == [(one,) for one in self.others]
        assert self.town.one("select count(*) from identity") == len(self.others)
        told = self.town.facts("customer_erased", f"bulk_change:{self.change}")
        assert sorted(fact["customer_id"] for fact in told) == self.ids


def add_tag(town: Town, name: str, *, kind: str = "manual") -> int:
    group = (
        "insert into local_tag_group (tenant_id, of, name, position, created_at) "
        "values (:tenant_id, 'customer', :name, 0, :now)"
    )
    town.run(group, name=name)
    town.run(
        "insert into local_tag (tenant_id, group_id, kind, name, position, created_at) "
        "select :tenant_id, max(id), :kind, :name, 0, :now from local_tag_group",
        kind=kind, name=name,
    )  # fmt: skip
    return int(town.one("select max(id) from local_tag"))

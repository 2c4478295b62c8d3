"""Bulk changes of what associates and WeCom have a part in: tags by intents, assignment by the rules."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from commands.demo_corp import record_demo_corp
from services.bulk_changes import asking
from services.bulk_changes.model import BulkRefusedError, Preview, read_wanted
from services.bulk_changes.plan import confirmations
from services.bulk_changes.store import count_reasons, load_change
from services.finding.selection import Selection
from services.intents.model import Source
from shared.db.engine import run
from tests.sync_worker.conftest import Office
from tests.sync_worker.wishing import MARK

EVERYBODY = Selection("select id as customer_id from customer", {})
REASON = "asked for by the customers"


class Shop:
    """A live corp with 42 customers of LiNa's, 12 of whom ZhangWei added later, two tags, and a person of its own."""

    def __init__(self, office: Office) -> None:
        self.office = office
        office.corp.add_customers(42, userids=["LiNa"])
        known = [one["external_userid"] for one in office.corp.pairs()]
        add = {"do": "add", "userid": "ZhangWei", "silent": True}
        office.corp.act([{**add, "external_userid": one} for one in known[:12]])
        made = office.corp.act({"do": "create_tag_group", "group_name": "等级", "tags": ["金卡", "银卡"]})
        self.gold, self.silver = made["tag_ids"]
        record_demo_corp(office.runtime)
        office.walk()
        self.tenant = office.tenant
        with office.runtime.engine.begin() as connection:
            run(connection, f"insert into customer (tenant_id, created_at) values ({self.tenant.id}, now())")

    def preview(self, wanted: Mapping[str, Any]) -> Preview:
        with self.office.runtime.engine.begin() as connection:
            return asking.preview(connection, self.tenant, EVERYBODY, read_wanted(wanted))

    def ask(self, wanted: Mapping[str, Any]) -> int:
        read, now = read_wanted(wanted), self.office.runtime.clock.now()
        with self.office.runtime.engine.begin() as connection:
            return asking.ask(
                connection, self.tenant, EVERYBODY, read, filter_={}, reason=REASON,
                confirmation=confirmations(read.kind, 43)[0], author="Zhou", source=Source.PERSON, now=now,
            ).id  # fmt: skip

    def undo(self, change_id: int) -> int:
        with self.office.runtime.engine.begin() as connection:
            count = asking.count_undoable(connection, self.tenant.id, change_id)
            return asking.ask_undo(
                connection, self.tenant, change_id, reason=REASON, confirmation=f"UNDO {count}", author="Zhou",
                source=Source.PERSON, now=self.office.runtime.clock.now(),
            ).id  # fmt: skip

    def outcome(self, change_id: int) -> tuple[str, int, int, dict[str, int]]:
        """(state, done, same, refused by reason)."""
        with self.office.runtime.engine.begin() as connection:
            change = load_change(connection, self.tenant, change_id)
            reasons = count_reasons(connection, self.tenant.id, change_id)
        return change.state.value, change.done_count, change.same_count, reasons

    def tagged(self, tag: str) -> dict[str, int]:
        pairs = [one["userid"] for one in self.office.corp.pairs() if tag in one["tags"]]
        return {one: pairs.count(one) for one in sorted(set(pairs))}

    def marks(self) -> int:
        return sum(self.office.corp.get("/sim/calls").get(MARK, {}).values())


@pytest.fixture
def shop(make_office: Callable[..., Office]) -> Shop:
    return Shop(make_office(deletion_lag_s=0, write_lag_s=0.3, reconcile_backoff_s=(0.0,)))


def test_corp_tags_go_to_the_assigned_associates_relation_by_one_job(shop: Shop) -> None:
    """Of whoever has no friend it is kept; the rest is written at page speed (TAG-2, TAG-3)."""
    wanted = {"kind": "corp_tags", "add": [shop.gold]}
    assert shop.preview(wanted).hindered == {}
    change = shop.ask(wanted)
    shop.office.walk()
    assert shop.outcome(change) == ("done", 43, 0, {})
    assert (shop.tagged(shop.gold), shop.marks()) == ({"LiNa": 42}, 42)
    assert shop.office.rows("select state, count(*) from intent group by 1") == [("confirmed", 42)]
    assert shop.office.rows("select state, change_id from bulk_job") == [("done", change)]
    assert shop.outcome(shop.ask(wanted))[1:3] == (0, 0)
    shop.office.walk()
    assert shop.marks() == 42


def test_an_undo_of_tags_takes_off_what_the_change_put_on_and_is_still_there(shop: Shop) -> None:
    """An associate who took a tag off meanwhile, or had put it on before, is left alone (TAG-3)."""
    ours = shop.office.corp.pairs()[0]
    edit = {"do": "edit", "userid": ours["userid"], "external_userid": ours["external_userid"], "silent": True}
    shop.office.corp.act({**edit, "tags": [shop.gold]})
    shop.office.resync("external_contact")
    change = shop.ask({"kind": "corp_tags", "add": [shop.gold]})
    shop.office.walk()
    assert shop.outcome(change) == ("done", 42, 1, {})
    undo = shop.undo(change)
    shop.office.walk()
    assert shop.outcome(undo) == ("done", 42, 0, {})
    assert shop.tagged(shop.gold) == {"LiNa": 1}


def test_a_change_of_tags_that_is_cancelled_writes_nothing_more(shop: Shop) -> None:
    """Wishes that were never pushed end, and the change with them (TAG-3)."""
    change = shop.ask({"kind": "corp_tags", "add": [shop.gold]})
    while not shop.office.rows("select 1 from intent"):
        shop.office.step()
    with shop.office.runtime.engine.begin() as connection:
        asking.cancel(connection, shop.tenant, change, now=shop.office.runtime.clock.now())
    with shop.office.runtime.engine.begin() as connection, pytest.raises(BulkRefusedError):
        asking.ask_undo(connection, shop.tenant, change, reason=REASON, confirmation="", author="Zhou",
                        source=Source.PERSON, now=shop.office.runtime.clock.now())  # fmt: skip
    shop.office.walk()
    assert (shop.outcome(change)[0], shop.marks(), shop.tagged(shop.gold)) == ("cancelled", 0, {})
    assert shop.office.rows("select state, count(*) from intent group by 1") == [("superseded", 42)]


def test_customers_are_given_to_a_friend_of_theirs_only_and_each_refusal_says_why(shop: Shop) -> None:
    """The preview and the change decide alike; an undo gives them back (ASG-4)."""
    wanted = {"kind": "assignment", "to_userid": "ZhangWei"}
    assert shop.preview(wanted).hindered == {"not_a_friend": 30, "no_contact": 1}
    change = shop.ask(wanted)
    shop.office.walk()
    assert shop.outcome(change) == ("done", 12, 0, {"not_a_friend": 30, "no_contact": 1})
    assert shop.office.rows("select assigned_userid, count(*) from customer where assigned_userid is not null "
                            "group by 1 order by 1") == [("LiNa", 30), ("ZhangWei", 12)]  # fmt: skip
    assert shop.office.rows("select by_whom, count(*) from assignment_change where why = 'operator' group by 1") == [
        ("Zhou", 12)  # at once, and the look that follows finds nothing new
    ]
    assert shop.office.rows("select caused_by, count(*) from fact where type = 'customer_reassigned' group by 1") == [
        (f"bulk_change:{change}", 12)
    ]
    assert shop.preview(wanted).hindered == {"not_a_friend": 30, "no_contact": 1, "same": 12}
    again = shop.ask(wanted)
    shop.office.walk()
    assert shop.outcome(again)[1:3] == (0, 12)
    assert shop.preview({**wanted, "to_userid": "LiNa"}).hindered == {"one_friend": 30, "no_contact": 1}
    undo = shop.undo(change)
    shop.office.walk()
    assert shop.outcome(undo) == ("done", 12, 0, {})
    assert shop.office.rows("select distinct assigned_userid from customer where assigned_userid is not null") == [
        ("LiNa",)
    ]


def test_whoever_was_given_to_somebody_else_since_stays_there(shop: Shop) -> None:
    """An undo does not overrule a later decision (ASG-4)."""
    change = shop.ask({"kind": "assignment", "to_userid": "ZhangWei"})
    shop.office.walk()
    with shop.office.runtime.engine.begin() as connection:
        run(
            connection,
            "insert into assignment_decision (tenant_id, customer_id, to_userid, decided_at, by_whom) "
            "select tenant_id, min(id), 'ZhangWei', now(), 'Chen' from customer where assigned_userid = 'ZhangWei' "
            "group by 1",
        )
    undo = shop.undo(change)
    shop.office.walk()
    assert shop.outcome(undo) == ("done", 11, 0, {"changed_since": 1})

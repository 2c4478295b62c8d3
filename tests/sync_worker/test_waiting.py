"""Corp tags that wait for a friendship, and a WeCom that speaks HTTP (TAG-2)."""

from collections.abc import Callable, Sequence

import pytest

from services.bulk_changes.model import read_wanted
from services.erasing.store import erase
from services.intents.model import Source, WishRefusedError
from services.merging.merge import merge
from services.merging.undo import undo
from services.waiting.asking import TagsAsked, ask_tags
from services.waiting.model import Why
from services.waiting.placing import place_next
from services.waiting.store import keep, load_waiting, mark_ready
from shared.audit import Origin, record_audit
from shared.db.engine import AgainError, run
from shared.ids import CustomerId
from sync_worker.cards import make_all_due, make_due_cards
from sync_worker.pool import keep_pool
from sync_worker.waiting import place_waiting
from tests.conftest import NOW
from tests.sync_worker.conftest import Office
from tests.sync_worker.test_bulk_wishes import Shop as BulkShop
from tests.sync_worker.test_pool import expect
from tests.sync_worker.test_tags import hear_tag
from tests.sync_worker.wishing import MARK, Shop

MakeOffice = Callable[..., Office]
PHONE = "13800138000"


class Town(Shop):
    """A live corp with two tags, and people of the pool."""

    def tag(self, one: CustomerId, *add: str, remove: Sequence[str] = (), by: str = "Zhou") -> TagsAsked:
        runtime, why = self.office.runtime, Why(by, Source.PERSON, "asked by phone")
        with runtime.engine.begin() as connection:
            return ask_tags(
                connection, self.office.tenant, one, add=add, remove=remove, why=why, now=runtime.clock.now()
            )

    def waiting(self) -> list[tuple[int, str]]:
        return self.office.rows("select customer_id, tag_id from waiting_tag order by 1, 2")  # type: ignore[return-value]

    def place(self) -> int:
        """Whatever is due in the background, until nothing is."""
        office, placed = self.office, 0
        while True:
            keep_pool(office.runtime)
            make_all_due(office.runtime, office.directory)
            found = place_waiting(office.runtime, office.directory)
            placed += found
            if not found:
                return placed

    def pushed(self) -> list[tuple[str, str, list[str]]]:
        """Relations with tags in WeCom, after whatever is wanted has been written."""
        self.office.reconcile()
        pairs = [(one["external_userid"], one["userid"], sorted(one["tags"])) for one in self.office.corp.pairs()]
        return [one for one in pairs if one[2]]

    def marks(self) -> int:
        return sum(self.office.corp.get("/sim/calls").get(MARK, {}).values())


@pytest.fixture
def town(make_office: MakeOffice) -> Town:
    made = Town(make_office(deletion_lag_s=0, reconcile_backoff_s=(0.0,)))
    made.tags.sort()
    return made


def test_a_tag_of_a_pool_customer_waits_and_is_put_on_when_somebody_has_added_them(town: Town) -> None:
    """The friendship is recognised as theirs, and their associate's relation gets the tag, once (TAG-2, POOL-9)."""
    office, (gold, silver) = town.office, town.tags
    one = expect(office, "phone", PHONE)
    town.tag(one, gold, silver)
    assert town.place() == 0
    assert (town.waiting(), town.outcomes()) == ([(one, gold), (one, silver)], [])
    key = office.happen({"do": "add", "userid": "WangFang", "name": "丙", "mobiles": [PHONE]}, "added")
    office.reconcile()
    assert town.place() == 1
    assert town.waiting() == []
    assert town.pushed() == [(key, "WangFang", town.tags)]
    assert (
        office.rows("select author, source, reason, state, job_id from intent")
        == [("Zhou", "person", "asked by phone", "confirmed", None)] * 2
    )
    office.resync("external_contact")
    assert (town.place(), town.marks(), len(town.outcomes())) == (0, 1, 2)


def test_a_full_pass_finds_the_friendship_of_which_no_event_told(town: Town) -> None:
    """Somebody who was lost, and somebody whom the retailer knew by a unionid: both are put on (TAG-2, G2)."""
    office, (gold, _) = town.office, town.tags
    known = expect(office, "unionid", "un-1")
    office.happen({"do": "customer_deletes", "userid": "LiNa", "external_userid": town.key}, "ended_by_customer")
    office.reconcile()
    ((lost,),) = office.rows("select customer_id from external_contact")
    for one in (known, lost):
        town.tag(CustomerId(one), gold)
    assert (town.place(), len(town.waiting())) == (0, 2)
    office.corp.act({"do": "add", "silent": True, "userid": "WangFang", "name": "甲", "unionid": "un-1"})
    office.corp.act({"do": "add", "silent": True, "userid": "WangFang", "external_userid": town.key})
    office.resync("external_contact")
    assert town.place() == 2
    assert town.waiting() == []
    assert [(userid, tags) for _, userid, tags in town.pushed()] == [("WangFang", [gold])] * 2


def test_whoever_dies_while_tags_are_placed_has_done_nothing_and_two_at_once_do_it_once(town: Town) -> None:
    """Row, mark and intent are one commit, and one process at a time places tags of a corp (TAG-2, G4)."""
    office, (gold, _) = town.office, town.tags
    ((one,),) = office.rows("select customer_id from external_contact")
    office.rows("insert into waiting_tag (tenant_id, customer_id, tag_id, author, source, created_at) "
                f"values ({office.tenant.id}, {one}, '{gold}', 'Zhou', 'person', now()) returning 1")  # fmt: skip
    make_all_due(office.runtime, office.directory)
    now = office.runtime.clock.now()
    with office.runtime.engine.connect() as dying, office.runtime.engine.begin() as second:
        assert place_next(dying, office.tenant, limit=10, now=now).placed_count == 1
        assert place_next(second, office.tenant, limit=10, now=now).looked_count == 0
        dying.rollback()
    assert (town.waiting(), town.outcomes()) == ([(one, gold)], [])
    assert (town.place(), place_waiting(office.runtime, office.directory)) == (1, 0)
    assert (town.waiting(), town.pushed(), town.marks()) == ([], [(town.key, "LiNa", [gold])], 1)


@pytest.mark.parametrize("first", ["wish", "friendship"])
def test_neither_of_two_that_are_committed_at_once_misses_the_other(town: Town, first: str) -> None:
    """Each has its mark taken after its own commit: the later one finds both (TAG-2)."""
    office, (gold, _) = town.office, town.tags
    office.rows("update relation set state = 'ended_by_customer' returning 1")
    make_all_due(office.runtime, office.directory)
    acts = {
        "friendship": "update relation set state = 'active' where tenant_id = :id and external_userid = :key",
        "wish": "insert into waiting_tag (tenant_id, customer_id, tag_id, author, source, created_at) "
        "select :id, customer_id, :tag, 'Zhou', 'person', now() from external_contact where external_userid = :key",
    }
    values = {"id": office.tenant.id, "key": town.key, "tag": gold}
    last = ({*acts} - {first}).pop()
    with office.runtime.engine.begin() as open_:
        run(open_, acts[last], **values)
        with office.runtime.engine.begin() as connection:
            run(connection, acts[first], **values)
        make_all_due(office.runtime, office.directory)
        assert place_waiting(office.runtime, office.directory) == 0
    assert town.place() == 1
    assert (town.waiting(), len(town.outcomes())) == ([], 1)


def test_a_tag_that_the_relation_has_or_is_about_to_have_is_wanted_of_nobody_again(town: Town) -> None:
    """What waited is fulfilled; nothing is written to WeCom for it (TAG-2)."""
    office, (gold, silver) = town.office, town.tags
    town.edit_there(tags=[gold])
    office.resync("external_contact")
    ((one,),) = office.rows("select customer_id from external_contact")
    asked = town.tag(CustomerId(one), silver)
    assert (len(asked.wished), asked.kept) == (1, ())
    office.rows("insert into waiting_tag (tenant_id, customer_id, tag_id, author, source, created_at) "
                f"select {office.tenant.id}, {one}, tag_id, 'Zhou', 'person', now() from tag "
                f"where tag_id in ('{gold}', '{silver}') returning 1")  # fmt: skip
    assert town.place() == 1
    assert (town.waiting(), len(town.outcomes())) == ([], 1)


def test_the_opposite_wish_a_deleted_tag_and_erasing_end_the_waiting(town: Town) -> None:
    """Nothing comes back from what nobody wants any more (TAG-2, CUS-8)."""
    office, (gold, silver) = town.office, town.tags
    first, second = expect(office, "crm", "C-1"), expect(office, "crm", "C-2")
    for one in (first, second):
        town.tag(one, gold, silver)
    asked = town.tag(first, remove=[gold])
    assert (asked.ended, asked.wished) == ((gold,), {})
    assert town.waiting() == [(first, silver), (second, gold), (second, silver)]
    office.corp.act({"do": "delete_tag", "tag_id": silver})
    hear_tag(office, "delete", silver, "tag")
    assert town.waiting() == [(second, gold)]
    with pytest.raises(WishRefusedError, match="no corp tag"):
        town.tag(first, silver)
    with office.runtime.engine.begin() as connection:
        erase(connection, office.tenant.id, [second], now=office.runtime.clock.now())
    assert town.waiting() == []


def test_a_merge_takes_what_waits_along_and_its_undoing_gives_it_back(town: Town) -> None:
    """Of two that wait for one tag the master's stays; parted, both have theirs again (TAG-2, CUS-9)."""
    office, (gold, silver) = town.office, town.tags
    one, other = expect(office, "crm", "C-1"), expect(office, "shop:tmall", "T-1")
    town.tag(one, gold)
    town.tag(other, gold, silver, by="Chen")
    before, now = office.rows("select * from waiting_tag order by customer_id, tag_id"), office.runtime.clock.now()
    with office.runtime.engine.begin() as connection:
        done = merge(connection, office.tenant, one, other, by="operator:Zhou", now=now)
        record_audit(connection, office.tenant, done.changes, Origin("operator:Zhou", None, now))
        shown = load_waiting(connection, office.tenant.id, [one])
    assert [(w.tag_id, w.why.author) for w in shown] == [(gold, "Zhou"), (silver, "Chen")]
    assert town.waiting() == [(one, gold), (one, silver)]
    with office.runtime.engine.begin() as connection:
        undo(connection, office.tenant, done.merge_id, by="operator:Zhou", now=now)
    assert office.rows("select * from waiting_tag order by customer_id, tag_id") == before


def test_who_cannot_be_read_holds_up_nobody(town: Town) -> None:
    """Their tag goes on waiting, and the next one is put on (TAG-2)."""
    office, (gold, _) = town.office, town.tags
    office.corp.act({"do": "add", "silent": True, "userid": "WangFang", "name": "乙"})
    office.resync("external_contact")
    found = office.rows("select e.external_userid, e.customer_id from external_contact e order by 2")
    with office.runtime.engine.begin() as connection:
        run(connection, "update relation set remark_mobiles = '\\x00' where external_userid = :key", key=found[0][0])
        run(connection, "insert into waiting_tag (tenant_id, customer_id, tag_id, author, source, created_at) "
            "select tenant_id, customer_id, :tag, 'Zhou', 'person', now() from external_contact", tag=gold)  # fmt: skip
    while make_due_cards(office.runtime, office.directory):
        pass
    while place_waiting(office.runtime, office.directory):
        pass
    assert town.waiting() == [(found[0][1], gold)]
    assert office.rows("select subject_key from intent") == [(found[1][0],)]


def test_a_bulk_change_over_friends_and_others_tags_the_former_and_keeps_it_for_the_latter(
    make_office: MakeOffice,
) -> None:
    """An undo ends what still waits because of it, and gives back what it ended (TAG-2, TAG-3)."""
    shop = BulkShop(make_office(deletion_lag_s=0, write_lag_s=0.3, reconcile_backoff_s=(0.0,)))
    wanted, rows = {"kind": "corp_tags", "add": [shop.gold]}, "select tag_id, cause from waiting_tag"
    assert shop.preview(wanted).hindered == {}
    assert read_wanted(wanted)
    change = shop.ask(wanted)
    shop.office.walk()
    assert (shop.outcome(change), shop.tagged(shop.gold)) == (("done", 43, 0, {}), {"LiNa": 42})
    assert shop.office.rows(rows) == [(shop.gold, f"bulk_change:{change}")]
    again = shop.ask(wanted)
    shop.office.walk()
    assert shop.outcome(again)[2] == 43
    off = shop.ask({"kind": "corp_tags", "remove": [shop.gold]})
    shop.office.walk()
    assert (shop.outcome(off)[1], shop.office.rows(rows), shop.tagged(shop.gold)) == (43, [], {})
    back = shop.undo(off)
    shop.office.walk()
    assert (shop.outcome(back)[1], shop.office.rows(rows)) == (43, [(shop.gold, f"bulk_change:{off}")])
    last = shop.ask({"kind": "corp_tags", "add": [shop.silver]})
    shop.office.walk()
    shop.undo(last)
    shop.office.walk()
    assert (shop.office.rows(rows), shop.tagged(shop.silver)) == ([(shop.gold, f"bulk_change:{off}")], {})


def test_what_is_taken_off_is_asked_of_whoever_they_were_merged_into(town: Town) -> None:
    """Nothing is dropped when a merge comes in between: the request starts over (TAG-2, G4)."""
    office, (gold, _) = town.office, town.tags
    ((friend,),) = office.rows("select customer_id from external_contact")
    other, now = expect(office, "crm", "C-1"), office.runtime.clock.now()
    with office.runtime.engine.begin() as connection:
        done = merge(connection, office.tenant, CustomerId(other), CustomerId(friend), by="x", now=now)
        record_audit(connection, office.tenant, done.changes, Origin("x", None, now))
    with pytest.raises(AgainError):
        town.tag(CustomerId(friend), remove=[gold])


def test_a_mark_that_was_lost_is_found_by_the_sweep(town: Town) -> None:
    """A tag never waits for good because somebody could not be read once (TAG-2)."""
    office, (gold, _) = town.office, town.tags
    ((one,),) = office.rows("select customer_id from external_contact")
    town.place()
    with office.runtime.engine.begin() as connection:
        keep(connection, office.tenant.id, [(CustomerId(one), gold)], Why("Z", Source.PERSON, None), now=NOW)
        run(connection, "delete from card_due")
        run(connection, "delete from waiting_due")
    assert town.place() == 0 and town.waiting()
    with office.runtime.engine.begin() as connection:
        assert mark_ready(connection) == 1 and mark_ready(connection) == 0
    assert town.place() == 1 and not town.waiting()

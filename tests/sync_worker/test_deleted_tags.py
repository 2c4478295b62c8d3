"""A deleted tag is on nobody: the rows of relations lose it, and what was wanted of it ends (TAG-2)."""

from collections.abc import Iterator

import pytest

from services.catalogue.store import START, take_off
from shared.db.engine import run
from shared.ids import TagId
from tests.sync_worker.conftest import Office
from tests.sync_worker.shops import MakeOffice
from tests.sync_worker.test_tags import hear_tag, look, make_group
from tests.sync_worker.wishing import Shop

GET = "externalcontact/get"
RELATIONS = 5_000
CARRY = "select count(*) from relation where corp_tag_ids && array(select tag_id from tag where deleted_at is not null)"
OPEN = "select count(*) from request where generation > settled_generation"


def add_relations(office: Office, tags: list[str], *, count: int = RELATIONS) -> None:
    """Relations with all these tags, and one more that no catalogue has."""
    with office.runtime.engine.begin() as connection:
        run(
            connection,
            "insert into relation (tenant_id, external_userid, userid, state, corp_tag_ids, digest, cause) "
            "select :tenant_id, 'wm' || n, 'LiNa', 'active', cast(:tags as text[]) || array['stOfARule'], "
            "'\\x01'::bytea, 'event' from generate_series(1, :count) as n",
            tenant_id=office.tenant.id,
            tags=tags,
            count=count,
        )


@pytest.fixture
def shop(make_office: MakeOffice) -> Iterator[Shop]:
    yield Shop(make_office(deletion_lag_s=0))


def test_five_thousand_relations_lose_the_tags_of_a_deleted_group(office: Office) -> None:
    """One event, one read of the catalogue, none of a customer; other tags stay, in their order (TAG-2)."""
    level, city = make_group(office), make_group(office, "City", ("Linzhou",))
    look(office)
    gold, silver = level["tag_ids"]
    add_relations(office, [gold, *city["tag_ids"], silver])
    office.corp.act({"do": "delete_tag_group", "group_id": level["group_id"]})
    hear_tag(office, "delete", level["group_id"], "tag_group")
    assert office.rows(CARRY) == [(0,)]
    assert office.rows("select distinct corp_tag_ids, digest from relation") == [
        ([*city["tag_ids"], "stOfARule"], None)
    ]
    assert office.rows(OPEN) == [(0,)]
    assert GET not in office.corp.get("/sim/calls")
    assert office.rows("select count(*) from fact where type = 'relation_edited'") == [(0,)]
    assert office.rows("select count(*) from tag where deleted_at is not null and taken_off_at is null") == [(0,)]


def test_tags_leave_page_by_page_and_of_this_corp_only(office: Office) -> None:
    """Each page goes on where the one before it ended (bounded memory)."""
    add_relations(office, ["et1"], count=100)
    with office.runtime.engine.begin() as connection:
        run(connection, "insert into relation (tenant_id, external_userid, userid, state, corp_tag_ids, cause) "
            "values (999, 'wm1', 'LiNa', 'active', '{et1}', 'event')")  # fmt: skip
        place, pages = START, 0
        while True:
            pages += 1
            after = take_off(
                connection, office.tenant.id, [TagId("et1")], after=place, now=office.runtime.clock.now(), limit=33
            )
            if after is None:
                break
            assert after > place
            place = after
    assert pages == 4
    assert office.rows("select tenant_id from relation where 'et1' = any(corp_tag_ids)") == [(999,)]


def test_a_run_that_dies_starts_over(office: Office) -> None:
    """Only the last page's commit calls the tags done."""
    made = make_group(office, tags=("Gold",))
    look(office)
    add_relations(office, made["tag_ids"], count=10)
    with office.runtime.engine.begin() as connection:
        run(connection, "update tag set deleted_at = now()")
        take_off(
            connection,
            office.tenant.id,
            [TagId(made["tag_ids"][0])],
            after=START,
            now=office.runtime.clock.now(),
            limit=4,
        )
    assert office.rows("select count(*) from tag where taken_off_at is null") == [(1,)]
    assert office.rows(CARRY) == [(6,)]
    other = make_group(office, "City", ("Linzhou",))
    look(office)
    office.corp.act({"do": "delete_tag_group", "group_id": other["group_id"]})
    hear_tag(office, "delete", other["group_id"], "tag_group")
    assert office.rows(CARRY) == [(0,)]


def test_a_read_that_still_shows_a_deleted_tag_does_not_bring_it_back(shop: Shop) -> None:
    """WeCom takes it off its customers later: no read puts it on the row, none tells of an edit."""
    office = shop.office
    office.corp.post("/sim/settings", {"tags": {"deletion_lag_s": 3600}})
    shop.edit_there(tags=shop.tags)
    office.want(shop.key)
    office.reconcile()
    office.corp.act({"do": "delete_tag", "tag_id": shop.tags[0], "silent": True})
    hear_tag(office, "delete", shop.tags[0])
    edits = office.rows("select count(*) from fact where type = 'relation_edited'")
    assert shop.tags[0] in str(office.clients.of(office.tenant).contacts.get(shop.key))
    office.want(shop.key)
    office.reconcile()
    assert office.rows("select corp_tag_ids from relation") == [([shop.tags[1]],)]
    assert office.resync("external_contact") == [("external_contact", "done")]
    assert office.rows("select corp_tag_ids, digest from relation") == [([shop.tags[1]], None)]
    assert office.rows("select count(*) from fact where type = 'relation_edited'") == edits


def test_a_tag_that_comes_back_comes_back_to_its_relations(shop: Shop) -> None:
    """Should WeCom show a deleted tag again: the next pass looks at the rows whose pages are as before."""
    office = shop.office
    shop.edit_there(tags=shop.tags)
    assert office.resync("external_contact") == [("external_contact", "done")]
    assert office.rows("select digest is not null from relation") == [(True,)]
    office.corp.act({"do": "delete_tag", "tag_id": shop.tags[0], "silent": True})
    hear_tag(office, "delete", shop.tags[0])
    assert office.rows("select corp_tag_ids from relation") == [([shop.tags[1]],)]
    again = {"tag_id": shop.tags[0], "tag_name": "金卡", "group_name": "等级"}
    office.corp.post(f"/sim/corps/{office.corp.corp_id}/tags", [again])
    look(office)
    assert office.resync("external_contact") == [("external_contact", "done")]
    ((tags,),) = office.rows("select corp_tag_ids from relation")
    assert sorted(tags) == sorted(shop.tags)


def test_what_was_wanted_of_a_deleted_tag_ends_and_says_so(shop: Shop) -> None:
    """Putting it on is superseded, taking it off is done; also where nothing is written (observe-only)."""
    office, (gold, silver) = shop.office, shop.tags
    with office.runtime.engine.begin() as connection:
        connection.exec_driver_sql("update tenant set pushes = false")
    shop.edit_there(tags=[silver])
    office.want(shop.key)
    office.reconcile()
    shop.wish((f"tag:{gold}", True), (f"tag:{silver}", False), ("remark", "老友"))
    office.reconcile()
    ((group_id,),) = office.rows(f"select group_id from tag where tag_id = '{gold}'")
    office.corp.act({"do": "delete_tag_group", "group_id": group_id, "silent": True})
    hear_tag(office, "delete", group_id, "tag_group")
    assert [state for _, state, _ in shop.outcomes()] == ["superseded", "confirmed", "pending"]
    assert office.rows("select refusal from intent where state = 'superseded'") == [("the tag was deleted in WeCom",)]
    told = office.rows("select payload ->> 'outcome' from fact where type = 'relation_edit_settled' order by id")
    assert told == [("superseded",), ("confirmed",)]
    assert shop.writes() == 0

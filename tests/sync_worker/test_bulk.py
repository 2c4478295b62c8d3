"""Bulk jobs tag everything that a choice means: at page speed, once each, through pauses, crashes and refusals."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from commands.demo_corp import record_demo_corp
from services.bulk.model import JobRefusedError
from services.bulk.store import ask_job, cancel, count_rows, load_job, pause, resume
from services.customers.choice import Choice
from services.intents.model import Source
from shared.db.engine import run
from tests.sync_worker.conftest import Office
from tests.sync_worker.wishing import MARK

USERIDS = ("LiNa", "ZhangWei")
LIST, GET = "externalcontact/batch/get_by_user", "externalcontact/get"


class Shop:
    """A live corp with 130 customers of LiNa's and 20 of ZhangWei's, and two corp tags."""

    def __init__(self, office: Office) -> None:
        self.office = office
        office.corp.add_customers(130, userids=["LiNa"])
        office.corp.add_customers(20, userids=["ZhangWei"])
        made = office.corp.act({"do": "create_tag_group", "group_name": "等级", "tags": ["金卡", "银卡"]})
        self.gold, self.silver = made["tag_ids"]
        record_demo_corp(office.runtime)
        office.walk()
        self.calls_before = self.calls()

    def ask(self, *, add: Sequence[str] = (), remove: Sequence[str] = (), **conditions: Any) -> int:
        with self.office.runtime.engine.begin() as connection:
            return ask_job(
                connection,
                self.office.tenant.id,
                add=add,
                remove=remove,
                choice=Choice(**conditions),
                author="Zhou",
                source=Source.PERSON,
                reason=None,
                now=self.office.runtime.clock.now(),
            )

    def act(self, act: Callable[..., None], job_id: int) -> None:
        extra = {} if act is pause else {"now": self.office.runtime.clock.now()}
        with self.office.runtime.engine.begin() as connection:
            act(connection, self.office.tenant.id, job_id, **extra)

    def numbers(self, job_id: int) -> dict[str, int]:
        with self.office.runtime.engine.begin() as connection:
            return {k.value: n for k, n in count_rows(connection, self.office.tenant.id, job_id).items()}

    def state(self, job_id: int) -> str:
        with self.office.runtime.engine.begin() as connection:
            job = load_job(connection, self.office.tenant.id, job_id)
        assert job is not None
        return job.state.value

    def calls(self) -> dict[str, int]:
        return {api: sum(by_code.values()) for api, by_code in self.office.corp.get("/sim/calls").items()}

    def made(self, api: str) -> int:
        return self.calls().get(api, 0) - self.calls_before.get(api, 0)

    def tagged(self, tag: str) -> int:
        return sum(tag in pair["tags"] for pair in self.office.corp.pairs())

    def here(self, tag: str) -> int:
        ((count,),) = self.office.rows(f"select count(*) from relation where '{tag}' = any(corp_tag_ids)")
        return int(count)

    def die_in_a_push(self) -> None:
        """A process takes a step of the run, WeCom takes what it pushes, and the process is gone before it notes it."""
        fails = "create or replace function die() returns trigger language plpgsql as $$ begin raise 'gone'; end $$"
        with self.office.runtime.engine.begin() as connection:
            run(connection, fails)
            run(
                connection,
                "create trigger die before update on intent for each row "
                "when (new.accepted_at is not null and old.accepted_at is null) execute function die()",
            )
        for _ in range(4):
            self.office.step()
        with self.office.runtime.engine.begin() as connection:
            run(connection, "drop trigger die on intent")
            run(connection, "drop function die")
            run(connection, "update request set lease_until = null")
            run(connection, "update sync_block set lease_until = null, next_try_at = '-infinity'")
            run(connection, "update sync_run set lease_until = null, next_try_at = '-infinity'")


@pytest.fixture
def shop(make_office: Callable[..., Office]) -> Shop:
    return Shop(make_office(deletion_lag_s=0, write_lag_s=0.3, reconcile_backoff_s=(0.0,)))


def test_everything_that_is_meant_is_tagged_at_page_speed(shop: Shop) -> None:
    """One push for each relation, and a read for a hundred of them; records, facts and outcomes agree (TAG-3)."""
    job = shop.ask(add=[shop.gold])
    shop.office.walk()
    assert (shop.state(job), shop.numbers(job)) == ("done", {"confirmed": 150})
    assert (shop.tagged(shop.gold), shop.here(shop.gold)) == (150, 150)
    assert shop.made(MARK) == 150
    assert shop.made(GET) == 0
    assert shop.made(LIST) <= 8
    assert shop.office.rows("select cause, caused_by, count(*) from fact where type = 'relation_edit_settled' "
                            "group by 1, 2") == [("operator", f"bulk:{job}", 150)]  # fmt: skip
    assert shop.office.rows("select 1 from fact where type = 'relation_edited'") == []
    assert shop.office.rows("select 1 from request where lease_until > now()") == []
    again = shop.ask(add=[shop.gold], remove=[shop.silver])
    shop.office.walk()
    assert (shop.state(again), shop.numbers(again), shop.made(MARK)) == ("done", {}, 150)


def test_a_choice_is_obeyed(shop: Shop) -> None:
    """Conditions hold together; what is not meant is not touched."""
    shop.ask(add=[shop.gold], userids=["ZhangWei"])
    shop.office.walk()
    job = shop.ask(add=[shop.silver], remove=[shop.gold], any_tags=[shop.gold])
    shop.office.walk()
    assert shop.numbers(job) == {"confirmed": 40}
    assert (shop.tagged(shop.gold), shop.tagged(shop.silver)) == (0, 20)
    assert shop.made(MARK) == 40  # on and off in one call


def test_a_pass_beside_a_job_tells_of_no_edits_and_undoes_nothing(shop: Shop) -> None:
    """What the job wrote and nobody has read back is nobody's edit; a page read before it is out of date (G4)."""
    job = shop.ask(add=[shop.gold])
    while shop.tagged(shop.gold) < 150:
        shop.office.step()
    shop.act(pause, job)
    assert shop.office.resync("external_contact") == [("external_contact", "done")]
    assert shop.office.rows("select 1 from fact where type = 'relation_edited'") == []
    shop.act(resume, job)
    shop.office.walk()
    assert (shop.numbers(job), shop.here(shop.gold)) == ({"confirmed": 150}, 150)
    assert shop.office.rows("select count(*) from request where subject_kind = 'external_contact' "
                            "and settled_at is not null") == [(150,)]  # fmt: skip


def test_an_associates_edit_that_a_pass_shows_is_told_while_a_push_is_open(shop: Shop) -> None:
    """Only what came true of our wishes is ours."""
    job = shop.ask(add=[shop.gold], userids=["ZhangWei"])
    while shop.tagged(shop.gold) < 20:
        shop.office.step()
    shop.act(pause, job)
    pair = next(one for one in shop.office.corp.pairs() if one["userid"] == "ZhangWei")
    edit = {"do": "edit", "userid": "ZhangWei", "external_userid": pair["external_userid"], "silent": True}
    shop.office.corp.act(edit | {"tags": [shop.gold, shop.silver]})
    shop.office.resync("external_contact")
    told = shop.office.rows("select subject_key, payload -> 'changed' from fact where type = 'relation_edited'")
    assert told == [(pair["external_userid"], ["corp_tag_ids"])]


def test_a_job_takes_the_place_of_older_wishes_and_that_is_told(shop: Shop) -> None:
    """One wish for a field at a time, whoever wishes (TAG-3)."""
    with shop.office.runtime.engine.begin() as connection:
        run(connection, "update tenant set pushes = false")
    first, second = shop.ask(add=[shop.gold], userids=["ZhangWei"]), 0
    shop.office.walk()
    second = shop.ask(add=[shop.gold], userids=["ZhangWei"])
    shop.office.walk()
    assert (shop.numbers(first), shop.numbers(second)) == ({"superseded": 20}, {"pending": 20})
    assert shop.office.rows("select caused_by, payload ->> 'outcome', count(*) from fact "
                            "where type = 'relation_edit_settled' group by 1, 2") == [
        (f"bulk:{second}", "superseded", 20)
    ]  # fmt: skip


def test_few_of_many_are_looked_at_one_by_one(shop: Shop) -> None:
    """Walking all of an associate's customers for one would cost more than reading that one."""
    (key,) = shop.office.rows("select min(external_userid) from relation where userid = 'LiNa'")[0]
    with shop.office.runtime.engine.begin() as connection:
        run(connection, "update relation set corp_tag_ids = array[:tag] where external_userid = :key",
            tag=shop.silver, key=key)  # fmt: skip
    job = shop.ask(add=[shop.gold], any_tags=[shop.silver])
    shop.office.walk()
    assert shop.numbers(job) == {"confirmed": 1}
    assert shop.made(LIST) == 0


def test_a_crash_between_push_and_note_tags_nobody_twice(shop: Shop) -> None:
    """The next read of the page shows what WeCom had taken (one push for each relation, all the same)."""
    job = shop.ask(add=[shop.gold])
    shop.die_in_a_push()
    taken = shop.made(MARK)
    assert taken > 0
    assert shop.numbers(job).get("confirmed", 0) == 0
    shop.office.walk()
    assert (shop.state(job), shop.numbers(job), shop.made(MARK)) == ("done", {"confirmed": 150}, 150)


def test_answers_that_are_lost_tag_nobody_twice(shop: Shop) -> None:
    """WeCom took some and the connection broke, others never reached it: reads tell which (G4)."""
    shop.office.corp.post("/sim/faults", {"path": MARK, "cut": "after", "times": 3, "skip": 20})
    shop.office.corp.post("/sim/faults", {"path": MARK, "cut": "before", "times": 3, "skip": 60})
    job = shop.ask(add=[shop.gold])
    shop.office.walk()
    assert (shop.state(job), shop.numbers(job)) == ("done", {"confirmed": 150})
    assert (shop.tagged(shop.gold), shop.here(shop.gold)) == (150, 150)
    assert shop.made(MARK) <= 153


def test_a_pause_stops_it_and_it_goes_on(shop: Shop) -> None:
    """Nothing is written meanwhile, not even by whoever looks after a customer; later all of it is (TAG-3)."""
    job = shop.ask(add=[shop.gold])
    while not shop.office.rows("select 1 from sync_block b join sync_run r on r.id = b.run_id where r.kind = 'bulk'"):
        shop.office.step()
    shop.act(pause, job)
    assert shop.office.step() == 0
    (key,) = shop.office.rows("select min(external_userid) from relation")[0]
    shop.office.want(key)
    shop.office.walk()
    assert (shop.state(job), shop.made(MARK)) == ("paused", 0)
    shop.act(resume, job)
    shop.office.walk()
    assert (shop.state(job), shop.numbers(job), shop.made(MARK)) == ("done", {"confirmed": 150}, 150)
    with pytest.raises(JobRefusedError, match="is done"):
        shop.act(pause, job)


def test_a_cancelled_job_writes_nothing_more(shop: Shop) -> None:
    """What was written stays, each change says what became of it, and the job comes to its end."""
    job = shop.ask(add=[shop.gold])
    shop.die_in_a_push()
    taken = shop.made(MARK)
    shop.act(cancel, job)
    shop.office.walk()
    assert shop.state(job) == "cancelled"
    assert (shop.made(MARK), shop.tagged(shop.gold), shop.here(shop.gold)) == (taken, taken, taken)
    assert shop.numbers(job) == {"confirmed": taken, "superseded": 150 - taken}
    assert shop.office.rows("select 1 from sync_run where state = 'walking'") == []
    told = dict(shop.office.rows("select payload ->> 'outcome', count(*) from fact "
                                 "where type = 'relation_edit_settled' group by 1"))  # fmt: skip
    assert told == {"confirmed": taken, "superseded": 150 - taken}


def test_what_wecom_refuses_is_said_for_each(shop: Shop) -> None:
    """A tag that another hand has deleted meanwhile; and a customer who left while the job waited."""
    job = shop.ask(add=[shop.gold, shop.silver], userids=["ZhangWei"])
    shop.office.corp.act({"do": "delete_tag", "tag_id": shop.gold, "silent": True})
    gone = next(pair for pair in shop.office.corp.pairs() if pair["userid"] == "ZhangWei")["external_userid"]
    shop.office.corp.act({"do": "member_deletes", "userid": "ZhangWei", "external_userid": gone, "silent": True})
    shop.office.walk()
    assert shop.state(job) == "done"
    assert shop.numbers(job) == {"confirmed": 19, "refused": 21}
    assert shop.office.rows("select distinct refusal from intent where state = 'refused' order by 1") == [
        ("40068: the tag id is invalid or does not exist",),
        ("they are not friends in WeCom",),
    ]


def test_an_associate_who_was_there_meanwhile_is_not_overwritten(shop: Shop) -> None:
    """The job's author had not seen it: their edit stands, and the change says so (G4)."""
    shop.ask(add=[shop.gold])
    shop.office.walk()
    job = shop.ask(remove=[shop.gold], userids=["ZhangWei"])
    shop.office.step()
    shop.office.step()
    taken_off = next(pair for pair in shop.office.corp.pairs() if pair["userid"] == "ZhangWei")
    edit = {"do": "edit", "userid": "ZhangWei", "external_userid": taken_off["external_userid"], "silent": True}
    shop.office.corp.act(edit | {"tags": [shop.silver]})
    shop.office.walk()
    assert shop.numbers(job) == {"confirmed": 20}
    assert shop.tagged(shop.silver) == 1
    assert shop.here(shop.silver) == 1
    ((who,),) = shop.office.rows("select subject_key from fact where type = 'relation_edited'")
    assert who == taken_off["external_userid"]


def test_observe_only_collects_and_writes_nothing(shop: Shop) -> None:
    """All is planned; when the corp may be written to, it is (observe-only)."""
    with shop.office.runtime.engine.begin() as connection:
        run(connection, "update tenant set pushes = false")
    job = shop.ask(add=[shop.gold])
    shop.office.walk()
    assert (shop.numbers(job), shop.made(MARK)) == ({"pending": 150}, 0)
    with shop.office.runtime.engine.begin() as connection:
        run(connection, "update tenant set pushes = true")
        run(connection, "update sync_run set next_try_at = '-infinity' where state = 'walking'")
    shop.office.walk()
    assert (shop.numbers(job), shop.made(MARK)) == ({"confirmed": 150}, 150)


@pytest.mark.parametrize(
    ("add", "remove", "why"),
    [((), (), "nothing to do"), (("etNone",), (), "no corp tag etNone"), (("a",), ("a",), "put on and taken off")],
)
def test_what_cannot_be_carried_out_is_said_at_once(
    shop: Shop, add: tuple[str, ...], remove: tuple[str, ...], why: str
) -> None:
    """Nothing is kept of it."""
    with pytest.raises(JobRefusedError, match=why):
        shop.ask(add=add, remove=remove)

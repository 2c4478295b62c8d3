"""What an import gives beside fields: corp tags, which wait for a friend, and places in segments (CUS-6, TAG-2)."""

import orjson
import pytest
from sqlalchemy.exc import DBAPIError

from services.files.model import State
from shared.directory import Directory
from sync_worker.cards import make_all_due
from sync_worker.files import importing
from sync_worker.files.job import work_once
from sync_worker.files.work import claim_work
from sync_worker.segments import refresh_wanted
from sync_worker.waiting import place_waiting
from tests.sync_worker.files.conftest import Desk


def add_segment(desk: Desk, name: str, *, filter_: object = None) -> int:
    sealed = desk.tenant.cipher.encrypt(orjson.dumps(filter_), "segment.filter")
    desk.run(
        "insert into segment (tenant_id, name, kind, filter, created_at, created_by, refreshed_at) "
        "values (:tenant_id, :name, 'static', :sealed, :now, 'x', :now)",
        name=name, sealed=sealed,
    )  # fmt: skip
    return int(desk.one("select max(id) from segment"))


def add_corp_tags(desk: Desk, *names: str, group: str = "等级") -> list[str]:
    desk.run(
        "insert into tag_group (tenant_id, group_id, name, shown_at, observed_at, cause) "
        "values (:tenant_id, :group, :group, :now, :now, 'event')",
        group=group,
    )
    for one in names:
        desk.run(
            "insert into tag (tenant_id, tag_id, group_id, name, shown_at, observed_at, cause) "
            "values (:tenant_id, :tag, :group, :name, :now, :now, 'event')",
            tag=f"et{group}{one}", group=group, name=one,
        )  # fmt: skip
    return [f"et{group}{one}" for one in names]


def befriend(desk: Desk, customer_id: int, *, tags: list[str]) -> None:
    desk.run("insert into external_contact (tenant_id, external_userid, customer_id, cause) "
             "values (:tenant_id, 'wmOne', :id, 'event')", id=customer_id)  # fmt: skip
    desk.run("insert into relation (tenant_id, external_userid, userid, state, started_at, corp_tag_ids, cause) "
             "values (:tenant_id, 'wmOne', 'LiNa', 'active', :now, :tags, 'event')", tags=tags)  # fmt: skip
    desk.run("update customer set standing = 'friend', assigned_userid = 'LiNa' where id = :id", id=customer_id)


def settle(desk: Desk) -> None:
    """What workers do within seconds."""
    directory = Directory(desk.runtime.vault)
    make_all_due(desk.runtime, directory)
    while place_waiting(desk.runtime, directory) or refresh_wanted(desk.runtime, directory):
        make_all_due(desk.runtime, directory)


def test_rows_are_put_into_segments_all_of_them_and_by_a_column(desk: Desk):
    """A column names what is filled by hand; all others are refused at the check with their row (CUS-6)."""
    fair, vip = add_segment(desk, "fair"), add_segment(desk, "VIP 客户")
    add_segment(desk, "buyers", filter_={"match": "all", "groups": []})
    text = "会员号,人群\nC-1,VIP 客户\nC-2,\nC-3,nobody\nC-4,buyers\nC-5,fair;VIP 客户\n"
    job = desk.check(text, segment_ids=[fair])
    assert job.found is not None
    assert job.found["mapping"] == {"会员号": "crm", "人群": "segments"}
    assert job.found["problems"] == [{"row": n, "reasons": [["segment", "segments"]]} for n in (4, 5)]
    assert desk.one("select count(*) from segment_member") == 0
    desk.start(job.id)
    desk.work()
    job = desk.job(job.id)
    assert (job.counts["made"], job.counts["failed"]) == (3, 2)
    members = "select segment_id, count(*) from segment_member group by 1 order by 1"
    assert desk.rows(members) == [(fair, 3), (vip, 2)]
    assert "does not exist, or whose filter" in desk.lines(job.failures_id)[1]
    settle(desk)
    told = "select payload -> 'segment_id', payload -> 'member_count', payload -> 'joined_count' from fact "
    assert desk.rows(told + "where type = 'segment_refreshed' order by 1") == [(fair, 3, 3), (vip, 2, 2)]
    again = desk.bring("会员号,人群\nC-1,VIP 客户\nC-2,VIP 客户\n", segment_ids=[fair])
    assert (again.counts["unchanged"], again.counts["updated"]) == (1, 1)
    assert desk.rows(members) == [(fair, 3), (vip, 3)]


def test_a_segment_or_tag_of_all_rows_that_is_not_there_fails_the_check(desk: Desk):
    """Nothing can be started then; both languages say why (CUS-6)."""
    dynamic = add_segment(desk, "buyers", filter_={"match": "all", "groups": []})
    for asked, code in (({"segment_ids": [99]}, "segment"), ({"segment_ids": [dynamic]}, "segment"),
                        ({"corp_tag_ids": ["etNone"]}, "wecom_tag")):  # fmt: skip
        job = desk.check("会员号\nC-1\n", **asked)
        assert job.problem is not None and job.problem["code"] == code


def test_corp_tags_of_an_import_wait_in_the_pool_and_are_wished_for_where_there_is_a_friend(desk: Desk):
    """What the relation has already is wanted of nobody; unknown names are refused with their row (TAG-2, CUS-6)."""
    gold, silver = add_corp_tags(desk, "金卡", "银卡")
    add_corp_tags(desk, "银卡", group="other")
    desk.bring("会员号\nC-1\n")
    befriend(desk, desk.one("select id from customer"), tags=[gold])
    text = "会员号,企业微信标签\nC-1,金卡;等级/银卡\nC-2,金卡\nC-3,铜卡\nC-4,银卡\n"
    job = desk.bring(text, corp_tag_ids=[gold])
    assert (job.counts["made"], job.counts["updated"], job.counts["failed"]) == (1, 1, 2)
    reasons = [one["reasons"][0] for one in (job.found or {})["problems"]]
    assert reasons == [["wecom_tag", "wecom_tags"], ["tag_several", "wecom_tags"]]
    settle(desk)
    second = desk.one("select max(id) from customer")
    waiting = desk.rows("select customer_id, tag_id, author, cause from waiting_tag")
    assert waiting == [(second, gold, "Chen Jing", f"import:{job.id}")]
    assert desk.rows("select subject_key, userid, field from intent") == [("wmOne", "LiNa", f"tag:{silver}")]
    again = desk.bring("会员号,企业微信标签\nC-2,金卡\n")
    assert again.counts["unchanged"] == 1


def test_an_import_that_dies_in_a_block_gives_everything_once(desk: Desk):
    """A block is one commit; whoever goes on begins after the last whole one (CUS-6, TAG-2)."""
    (gold,) = add_corp_tags(desk, "金卡")
    fair = add_segment(desk, "fair")
    text = "会员号\n" + "".join(f"C-{n}\n" for n in range(4500))
    job = desk.check(text, segment_ids=[fair], corp_tag_ids=[gold])
    desk.start(job.id)
    work = claim_work(desk.runtime)
    assert work is not None
    desk.run("create function die() returns trigger language plpgsql as $$ begin raise 'dead'; end $$")
    desk.run("create trigger die before update on file_job for each row when (new.done > 2000) execute function die()")
    with pytest.raises(DBAPIError, match="dead"):  # after all of the second block was written, before its commit
        importing.run(work)
    counted = (
        "select (select count(*) from segment_member), (select count(*) from waiting_tag), put_in_count from segment"
    )
    assert desk.rows(counted) == [(2000, 2000, 2000)]
    desk.run("drop trigger die on file_job")
    desk.clock.advance(desk.runtime.settings.files_lease_s + 1)
    assert work_once(desk.runtime)
    assert (desk.job(job.id).state, desk.rows(counted)) == (State.DONE, [(4500, 4500, 4500)])


def test_phones_and_e_mail_addresses_of_files_are_unverified_and_take_nothing_from_what_is_proven(desk: Desk):
    """Somebody's verified phone stays theirs; a row with it means that person, and proves nothing (CUS-12)."""
    desk.bring("会员号,手机,邮箱\nC-1,13800138000,ming@example.com\n")
    assert {(k, ok, s) for _, k, _, ok, s in desk.identities()} == {
        ("crm", False, "import"), ("phone", False, "import"), ("email", False, "import"),
    }  # fmt: skip
    desk.run("update identity set verified = true, source = 'api' where kind = 'phone'")
    desk.bring("会员号,手机\nC-1,13800138000\n,13800138000\n")
    assert desk.rows("select verified, source from identity where kind = 'phone'") == [(True, "api")]
    second = desk.bring("会员号,手机\nC-2,13800138001\n")
    desk.run("insert into identity (tenant_id, kind, hmac, customer_id, value, verified, source, created_at) "
             "select tenant_id, kind, hmac, (select max(id) from customer), value, false, 'import', :now from identity "
             "where verified")  # fmt: skip
    again = desk.bring("手机,等级\n13800138000,gold\n")
    assert (second.counts["made"], again.counts["updated"]) == (1, 1)
    assert [one.get("level") for one in desk.own()] == ["gold", None]

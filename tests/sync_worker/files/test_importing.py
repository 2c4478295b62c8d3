"""Imports from the file to the rows (CUS-6, CUS-12)."""

import io

import pytest

from services.files.jobs import MOST_TRIES, LostJobError, cancel
from services.files.model import FileRefusedError, Kind, State
from services.files.store import sweep_files
from shared.spreadsheets.model import Format
from shared.spreadsheets.reading import read_table
from shared.spreadsheets.writing import make_writer
from sync_worker.files import importing
from sync_worker.files.job import work_once
from sync_worker.files.work import claim_work
from tests.sync_worker.files.conftest import Desk

CSV = """姓名,手机号,邮箱,会员号,性别,生日,标签
王小明,138 0013 8000,Ming@Example.com,C-1,男,1990/1/31,VIP
李娜,13800138001,,C-2,女,32874,
赵,没有,,C-3,,,
,,,,,,
钱,,,,,,
"""


def test_a_file_is_checked_then_imported_and_says_what_failed(desk: Desk):
    """Nothing is written before a person has seen the check; failed rows come back with number and reason (CUS-6)."""
    desk.add_tag("VIP")
    job = desk.check(CSV)
    assert job.state is State.CHECKED
    assert job.found is not None
    assert job.found["mapping"]["手机号"] == "phone"
    assert job.found["counts"] == {"made": 2, "updated": 0, "unchanged": 0, "skipped": 0, "failed": 2}
    assert job.found["problems"][0] == {"row": 4, "reasons": [["identity", "phone"]]}
    assert desk.one("select count(*) from customer") == 0
    desk.start(job.id)
    desk.work()
    job = desk.job(job.id)
    assert (job.state, job.done, job.total) == (State.DONE, 4, 4)
    assert job.counts == {"made": 2, "updated": 0, "unchanged": 0, "skipped": 0, "failed": 2}
    assert [one["birthday"] for one in desk.own()] == ["1990-01-31", "1990-01-01"]
    assert [(k, v, ok, s) for _, k, v, ok, s in desk.identities()][:3] == [
        ("crm", "C-1", False, "import"),
        ("email", "ming@example.com", False, "import"),
        ("phone", "+8613800138000", False, "import"),
    ]
    assert desk.rows("select status, source from pool_record") == [("unassigned", "import")] * 2
    assert desk.one("select count(*) from customer_tag") == 1
    lines = desk.lines(job.failures_id)
    assert lines[1].startswith("4,phone 不是有效的值,phone is no such value,赵,没有")
    assert lines[2].startswith("6,")
    assert desk.one("select count(*) from import_failure") == 0
    assert desk.rows("select type, cause from fact order by id") == [
        ("customers_imported", "import"),
        ("import_finished", "import"),
    ]


def test_rows_of_one_person_become_one_customer_also_over_blocks(desk: Desk):
    """Whoever a row means is looked for among those whom earlier rows have made (CUS-6)."""
    rows = [f"C-{n % 3000},138{n % 3000:08d},{'gold' if n < 3000 else 'silver'}" for n in range(4500)]
    job = desk.bring("\n".join(["会员号,手机,等级", *rows]))
    assert job.counts == {"made": 3000, "updated": 1500, "unchanged": 0, "skipped": 0, "failed": 0}
    assert job.found is not None and (job.found["repeated"], job.found["counts"]["made"]) == (1500, 3000)
    assert desk.one("select count(*) from customer") == 3000
    assert [one["level"] for one in desk.own()] == ["silver"] * 1500 + ["gold"] * 1500
    assert desk.one("select count(*) from audit where action = 'customer.imported'") == 1500
    assert desk.rows("select type, count(*) from fact group by 1 order by 1") == [
        ("customers_imported", 3),
        ("import_finished", 1),
    ]


def test_an_import_finds_who_is_there_and_brings_nothing_twice(desk: Desk):
    """The same file again changes nothing (CUS-6)."""
    first = desk.bring(CSV.replace(",VIP", ","))
    again = desk.bring(CSV.replace(",VIP", ","))
    assert (first.counts["made"], again.counts["made"], again.counts["unchanged"]) == (2, 0, 2)
    assert desk.one("select count(*) from identity") == 5


def test_a_row_that_may_mean_several_customers_fails(desk: Desk):
    """Nobody is guessed, and nobody joined (CUS-6, CUS-12)."""
    desk.bring("会员号,手机\nC-1,13800138000\nC-2,13800138000\nC-3,13800138003\n")
    job = desk.bring("会员号,手机,shop:tmall\n,13800138000,\nC-3,13800138003,T-3\n")
    assert job.counts["failed"] == 1
    desk.bring("会员号,shop:tmall\nC-9,\n,T-9\n")
    job = desk.bring("会员号,shop:tmall\nC-1,T-3\nC-9,T-9\n")
    assert job.counts["failed"] == 2
    assert desk.lines(job.failures_id)[2].endswith("join them first,C-9,T-9")


def test_everybody_gets_the_tags_the_source_and_the_associate_of_the_import(desk: Desk):
    """What no row says for itself holds for all; non-friends enter the pool (CUS-6, POOL-1)."""
    vip, new = desk.add_tag("VIP"), desk.add_tag("新客")
    desk.add_tag("自动", kind="automatic")
    desk.add_associate("LiNa", "李娜")
    desk.add_associate("WangFang", "王芳")
    job = desk.bring(
        "会员号,标签,导购,来源\nC-1,新客,王芳,\nC-2,,,tmall\nC-3,自动,,\nC-4,,nobody,\n",
        tag_ids=[vip], source="fair", userid="LiNa",
    )  # fmt: skip
    assert (job.counts["made"], job.counts["failed"]) == (2, 2)
    pool = desk.rows("select status, source, userid, why, by_whom from pool_record order by customer_id")
    assert pool == [
        ("assigned", "fair", "WangFang", "import", "Chen Jing"),
        ("assigned", "tmall", "LiNa", "import", "Chen Jing"),
    ]
    assert desk.rows("select tag_id from customer_tag order by customer_id, tag_id") == [(vip,), (new,), (vip,)]


def test_a_mapping_that_finds_nobody_again_waits_for_a_better_one(desk: Desk):
    """An import without any identity cannot be started (CUS-6)."""
    job = desk.check("甲,乙\n1,2\n")
    assert job.state is State.CHECKED and job.problem is not None
    with pytest.raises(FileRefusedError):
        desk.start(job.id)


def test_an_unreadable_file_fails_and_says_why(desk: Desk):
    """The whole file is looked at before anything is written (CUS-6)."""
    job = desk.check("会员号,姓名\n" + "C-1,王\n" * 3000 + 'C-2,"never closed\n' + "C-3,赵\n" * 20_000)
    assert job.state is State.FAILED and job.problem is not None and job.problem["code"] == "cell"
    assert desk.one("select count(*) from customer") == 0


def test_xlsx_comes_back_as_xlsx(desk: Desk):
    """The failure file is of the kind that was sent, and can be sent again (CUS-6)."""
    writer = make_writer(Format.XLSX)
    content = writer.rows([["会员号", "性别"], ["C-1", "男"], ["C-2", "=2+2"]]) + writer.end()
    job = desk.bring(content)
    assert (job.counts["made"], job.counts["failed"]) == (1, 1)
    table = read_table(io.BytesIO(desk.fetch(job.failures_id)), Format.XLSX)
    (line,) = table.lines
    assert (line.cells[0], line.cells[-2:]) == ("3", ["C-2", "=2+2"])


def test_a_cancelled_import_writes_no_more(desk: Desk):
    """What is written stays, the rest is not written, and no process picks it up (CUS-6)."""
    job = desk.check(CSV)
    desk.start(job.id)
    work = claim_work(desk.runtime)
    assert work is not None
    with desk.runtime.engine.begin() as connection:
        cancel(connection, desk.tenant, job.id, Kind.IMPORT, now=desk.clock.now())
    with pytest.raises(LostJobError):
        importing.run(work)
    assert not work_once(desk.runtime)
    assert desk.one("select count(*) from customer") == 0


def test_who_was_overtaken_writes_nothing(desk: Desk):
    """A process that was silent for longer than its lease cannot bring a row twice (CUS-6)."""
    job = desk.check(CSV)
    desk.start(job.id)
    slow = claim_work(desk.runtime)
    assert slow is not None
    desk.clock.advance(desk.runtime.settings.files_lease_s + 1)
    other = claim_work(desk.runtime)
    assert other is not None
    with pytest.raises(LostJobError):
        importing.run(slow)
    assert desk.one("select count(*) from customer") == 0
    importing.run(other)
    assert desk.job(job.id).counts["made"] == desk.one("select count(*) from customer")


def test_a_job_that_kills_its_process_again_and_again_fails(desk: Desk):
    """It does not hold up others for ever, and says what happened (CUS-6)."""
    job_id = desk.ask(CSV)
    for _ in range(MOST_TRIES):
        assert claim_work(desk.runtime) is not None
        desk.clock.advance(seconds=desk.runtime.settings.files_lease_s + 1)
    desk.work()
    job = desk.job(job_id)
    assert job.state is State.FAILED and job.problem == {"code": "crashed"}


def test_a_file_whose_time_is_over_is_gone(desk: Desk):
    """Its pieces, too; a job that needs it says so (CUS-6, CUS-7)."""
    job_id = desk.ask(CSV)
    desk.clock.advance(8 * 86_400)
    with desk.runtime.engine.begin() as connection:
        assert sweep_files(connection, now=desk.clock.now()) == 1
    assert desk.one("select count(*) from file_piece") == 0
    desk.work()
    assert desk.job(job_id).problem == {"code": "file_gone"}


def test_nothing_personal_lies_in_the_clear(desk: Desk):
    """Files, what was asked and what was found are encrypted (G10)."""
    desk.bring(CSV)
    found = desk.rows(
        "select name from file union all select body from file_piece union all select asked from file_job "
        "union all select found from file_job union all select convert_to(payload::text, 'UTF8') from fact "
        "union all select convert_to(reasons::text, 'UTF8') from import_failure"
    )
    assert not any(
        secret in bytes(one) for (one,) in found for secret in (b"13800138000", "王小明".encode(), b"customers.csv")
    )

"""Exports from the rows to the file (CUS-7)."""

import io

import pytest

from services.files.jobs import MOST_TRIES, LostJobError
from services.files.model import State
from services.files.store import delete_file, empty_file
from shared.spreadsheets.model import Format
from shared.spreadsheets.reading import read_table
from sync_worker.files import exporting
from sync_worker.files.exporting import PAGE
from sync_worker.files.work import claim_work
from tests.sync_worker.files.conftest import Desk

CARD = """
insert into customer_card (tenant_id, customer_id, created_at, standing, friend_userids, seen_by, tag_ids, chat_ids,
  add_ways, add_states, stage_ids, gender, has_phone, has_email, blacklisted, score, points, purchase_count,
  purchase_amount, fields)
select :tenant_id, id, :now, 'none', '{}', '{}', array['local:' || :tag], '{}', '{}', '{}', '{}', 'female', true,
  true, false, 7, 0, 1, 19950, '{}' from customer
"""


def fill(desk: Desk, count: int) -> None:
    desk.run(
        "insert into customer (tenant_id, created_at, updated_at) select :tenant_id, :now, :now "
        "from generate_series(1, :count)",
        count=count,
    )


def test_chosen_columns_of_all_customers(desk: Desk):
    """In the order asked for; times are the corp's; a person's cells are theirs, formulas are none (CUS-7)."""
    vip = desk.add_tag("VIP")
    desk.bring('会员号,手机,姓名,手机2\nC-1,13800138000,"\'=cmd",13900139000\nC-2,,李娜,\n')
    desk.run(CARD, tag=str(vip))
    job_id = desk.export("real_name", "phones", "crm", "tags", "score", "purchase_amount", "created_at")
    desk.work()
    job = desk.job(job_id)
    assert (job.state, job.done, job.total) == (State.DONE, 2, 2)
    header, first, second = desk.lines(job.file_id)
    assert header == "name,phone,crm,tags,score,amount,created"
    name, phones, *others = first.split(",")
    assert (name, ",".join(others)) == ("'=cmd", "C-1,VIP,7,199.5,2026-11-22 10:00:00")
    assert sorted(phones.strip("'").split("; ")) == ["+8613800138000", "+8613900139000"]
    assert second.startswith("李娜,,C-2")


def test_who_hides_personal_cells_hides_them_in_files(desk: Desk):
    """Names, phones and whatever else is personal (ACC-3)."""
    desk.bring("会员号,手机,姓名,等级\nC-1,13800138000,王小明,gold\n")
    job_id = desk.export("real_name", "phones", "level", masked=True)
    desk.work()
    assert desk.lines(desk.job(job_id).file_id)[1] == "王*,'+86138****8000,gold"


@pytest.mark.parametrize("format_", list(Format))
def test_an_export_goes_on_after_a_process_died(desk: Desk, format_: Format):
    """Everybody is in it once; who came after it began is not (CUS-7)."""
    fill(desk, PAGE + 10)
    job_id = desk.export("id", format=format_)
    died = claim_work(desk.runtime)
    assert died is not None
    asked = exporting.asked_of(died.job.asked)
    layout = died.transact(lambda c: exporting._layout(c, died, asked))
    chosen = died.transact(lambda c: exporting._choose(c, died, asked))
    writer = exporting.make_writer(format_)
    body = writer.rows([layout.header("en")]) + writer.rows(
        died.transact(lambda c: exporting._read(c, chosen, layout, 0)) or []
    )
    died.transact(lambda c: exporting._save(c, chosen, 0, body, done=PAGE))
    fill(desk, 5)
    desk.clock.advance(desk.runtime.settings.files_lease_s + 1)
    desk.work()
    job = desk.job(job_id)
    table = read_table(io.BytesIO(desk.fetch(job.file_id)), format_)
    ids = [line.cells[0] for line in table.lines]
    first = desk.one("select min(id) from customer")
    assert ids == [str(first + n) for n in range(PAGE + 10)]
    assert desk.one("select count(*) from export_page") == 0
    with pytest.raises(LostJobError):
        exporting.run(chosen)


def test_only_the_customers_asked_for_are_exported(desk: Desk):
    """Merged records are nobody of their own (CUS-7)."""
    fill(desk, 3)
    ids = [one for (one,) in desk.rows("select id from customer order by id")]
    desk.run("update customer set merged_into = :into where id = :id", id=ids[1], into=ids[0])
    job_id = desk.export("id", chosen={"customer_ids": ids[:2]})
    desk.work()
    assert desk.lines(desk.job(job_id).file_id) == ["id", str(ids[0])]


def test_an_xlsx_that_dies_at_the_same_page_again_and_again_is_given_up(desk: Desk):
    """Begun anew each time, it gets no further: only that counts as progress, so it ends (CUS-7)."""
    fill(desk, PAGE + 10)
    job_id = desk.export("id", format=Format.XLSX)
    for _ in range(MOST_TRIES + 2):
        died = claim_work(desk.runtime)
        if died is None or died.job.tries > MOST_TRIES:
            break
        asked = exporting.asked_of(died.job.asked)
        layout = died.transact(lambda c, died=died, asked=asked: exporting._layout(c, died, asked))
        if died.job.total is None:
            died = died.transact(lambda c, died=died, asked=asked: exporting._choose(c, died, asked))
        died.transact(lambda c, died=died: empty_file(c, desk.tenant.id, died.job.file_id))
        body = exporting.make_writer(Format.XLSX).rows([layout.header("en")])
        died.transact(lambda c, died=died, body=body: exporting._save(c, died, 0, body, done=PAGE))
        desk.clock.advance(desk.runtime.settings.files_lease_s + 1)
    desk.clock.advance(desk.runtime.settings.files_lease_s + 1)
    desk.work()
    assert desk.job(job_id).state is State.FAILED


def test_a_file_that_is_deleted_while_it_is_written_leaves_nothing(desk: Desk):
    """The export ends with the reason, and no piece of anybody's data stays behind (CUS-7, ACC-3)."""
    fill(desk, PAGE + 10)
    job_id = desk.export("id")
    died = claim_work(desk.runtime)
    assert died is not None
    asked = exporting.asked_of(died.job.asked)
    chosen = died.transact(lambda c: exporting._choose(c, died, asked))
    died.transact(lambda c: exporting._save(c, chosen, 0, b"x", done=PAGE))
    with desk.runtime.engine.begin() as connection:
        delete_file(connection, desk.tenant.id, died.job.file_id)
    desk.clock.advance(desk.runtime.settings.files_lease_s + 1)
    desk.work()
    job = desk.job(job_id)
    assert (job.state, job.problem and job.problem["code"]) == (State.FAILED, "file_gone")
    assert desk.one("select count(*) from file_piece") == 0

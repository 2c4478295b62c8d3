"""Imports from the file to the rows (CUS-6, CUS-12)."""

from services.files.model import State
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


def test_an_export_has_all_customers(desk: Desk):
    """Chosen columns, one line for each customer (CUS-7)."""
    desk.bring(CSV)
    job_id = desk.export("id", "real_name", "phones", "crm")
    desk.work()
    job = desk.job(job_id)
    assert job.state is State.DONE
    assert [line.split(",")[1:] for line in desk.lines(job.file_id)] == [
        ["name", "phone", "crm"],
        ["李娜", "+8613800138001", "C-2"],
    ]

"""Imports and exports at the size that is promised: how long, how many rows a second, and how much memory at most.

`python -m bench files` imports BENCH_ROWS rows (200,000) from CSV and from XLSX, each checked and then written, and
exports BENCH_CUSTOMERS customers (1,000,000) to both. Each job runs in a process of its own, as in a worker.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import islice
from pathlib import Path

import orjson
from sqlalchemy import text

from bench.measure import Line
from commands.demo_corp import record_demo_corp
from commands.stack import Stack
from services.files.jobs import ask, load_job, restart
from services.files.model import Job, Kind, State
from services.files.store import add_piece, begin_file, finish_file, pieces_of
from services.persons.store import OWN, VALUE
from shared.runtime import Runtime
from shared.settings import child_environment, load_settings
from shared.spreadsheets.model import Format
from shared.spreadsheets.writing import make_writer
from shared.tenants import Tenant, load_tenants

HEADER = ["姓名", "手机号", "邮箱", "会员号", "性别", "生日", "公司", "等级", "备注", "来源"]
COLUMNS = (
    "id", "real_name", "phones", "emails", "gender", "level", "assigned_associate", "tags", "score", "purchase_amount",
    "created_at",
)  # fmt: skip
DIFFERENT = 1000
"""Sealed values that the exported customers share: sealing a million of each here would take longer than the export."""
CARD = """
insert into customer_card (tenant_id, customer_id, created_at, standing, friend_userids, seen_by, tag_ids, chat_ids,
  add_ways, add_states, stage_ids, gender, has_phone, has_email, blacklisted, score, points, purchase_count,
  purchase_amount, fields)
select :tenant_id, id, now(), 'none', '{}', '{}', array['local:1', 'local:2'], '{}', '{}', '{}', '{}', 'female', true,
  true, false, id % 100, 0, 1, id, '{}' from customer where tenant_id = :tenant_id on conflict do nothing
"""


def measure() -> list[Line]:
    rows = int(os.environ.get("BENCH_ROWS", "200000"))
    customers = int(os.environ.get("BENCH_CUSTOMERS", "1000000"))
    lines: list[Line] = []
    with tempfile.TemporaryDirectory(prefix="guanxi-bench-", ignore_cleanup_errors=True) as folder:
        settings = load_settings(home=Path(folder))
        with Stack(settings, simulator=True, workers=0, extra={"LOG_LEVEL": "warning"}) as stack:
            runtime = stack.open_runtime()
            record_demo_corp(runtime)
            with runtime.engine.begin() as connection:
                tenant = load_tenants(connection, runtime.vault)[0]
            for first, format_ in enumerate(Format):
                lines += _import(runtime, tenant, format_, rows, begin=first * rows)
            _fill(runtime, tenant, customers)
            for format_ in Format:
                lines += _export(runtime, tenant, format_)
    return lines


def _import(runtime: Runtime, tenant: Tenant, format_: Format, count: int, *, begin: int) -> list[Line]:
    file_id = _upload(runtime, tenant, format_, count, begin=begin)
    asked: dict[str, object] = {
        "mapping": None, "tag_ids": [], "source": "bench", "userid": None, "existing": "update", "make": True,
        "pool": True,
    }  # fmt: skip
    with runtime.engine.begin() as connection:
        job_id = ask(connection, tenant, Kind.IMPORT, asked, file_id=file_id, by="bench", now=runtime.clock.now())
    checked = _job_process(runtime)
    with runtime.engine.begin() as connection:
        restart(connection, tenant, job_id, State.RUNNING, now=runtime.clock.now())
    written = _job_process(runtime)
    job = _job(runtime, tenant, job_id)
    assert job.state is State.DONE and job.counts["made"] == count, (job.state, job.counts, job.problem)
    return [
        *_lines(f"check of {count:,} rows, {format_}", checked, count),
        *_lines(f"import of {count:,} rows, {format_}", written, count),
    ]


def _export(runtime: Runtime, tenant: Tenant, format_: Format) -> list[Line]:
    now = runtime.clock.now()
    asked: dict[str, object] = {
        "chosen": {"all": True}, "columns": COLUMNS, "format": format_, "language": "zh", "masked": False,
    }  # fmt: skip
    with runtime.engine.begin() as connection:
        file_id = begin_file(
            connection, tenant, origin="export", name="all", format_=format_, by="bench", now=now,
            until=now + timedelta(days=1),
        )  # fmt: skip
        job_id = ask(connection, tenant, Kind.EXPORT, asked, file_id=file_id, by="bench", now=now)
    taken = _job_process(runtime)
    job = _job(runtime, tenant, job_id)
    assert job.state is State.DONE and job.total is not None, (job.state, job.problem)
    return _lines(f"export of {job.total:,} customers, {format_}", taken, job.total)


def _lines(what: str, taken: tuple[float, float], count: int) -> list[Line]:
    seconds, megabytes = taken
    return [
        Line(what, (seconds,), "s"),
        Line("  rows", (count / seconds,), "1/s"),
        Line("  memory at most", (megabytes,), "MB"),
    ]


def _job_process(runtime: Runtime) -> tuple[float, float]:
    """Seconds, from the start of its process to the end, and megabytes of it at most."""
    environment = child_environment({"HOME": str(runtime.settings.home), "LOG_LEVEL": "warning"})
    started = time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", "sync_worker.files"], env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, status
    return time.monotonic() - started, usage.ru_maxrss / 1024


def _job(runtime: Runtime, tenant: Tenant, job_id: int) -> Job:
    with runtime.engine.begin() as connection:
        return load_job(connection, tenant, job_id)


def _upload(runtime: Runtime, tenant: Tenant, format_: Format, count: int, *, begin: int) -> int:
    now, until = runtime.clock.now(), runtime.clock.now() + timedelta(days=1)
    with runtime.engine.begin() as connection:
        file_id = begin_file(
            connection, tenant, origin="upload", name="bench", format_=None, by="bench", now=now, until=until
        )
        for n, piece in enumerate(pieces_of(_file(format_, count, begin=begin))):
            add_piece(connection, tenant, file_id, n, piece)
        finish_file(connection, tenant.id, file_id, format_=format_, until=until)
    return file_id


def _file(format_: Format, count: int, *, begin: int) -> Iterator[bytes]:
    writer = make_writer(format_)
    yield writer.rows([HEADER])
    rows: Iterable[list[str]] = (
        [
            f"王小{n}", f"1{3 + n % 7}{n:09d}", f"u{n}@example.com", f"C-{n}", "女" if n % 2 else "男", "1990-01-01",
            f"公司{n % 100}", "gold", f"备注 {n}", "tmall",
        ]
        for n in range(begin, begin + count)
    )  # fmt: skip
    rows = iter(rows)
    while block := list(islice(rows, 5000)):
        yield writer.rows(block)
    yield writer.end()


def _fill(runtime: Runtime, tenant: Tenant, count: int) -> None:
    """Customers up to so many, with what an export opens; set-based, from a thousand values sealed here."""
    cipher = tenant.cipher
    own = [cipher.encrypt(orjson.dumps({"real_name": f"王小{n}", "gender": "female", "level": "gold"}), OWN)
           for n in range(DIFFERENT)]  # fmt: skip
    values = {
        "phone": [cipher.encrypt(f"+8613{n:09d}".encode(), VALUE) for n in range(DIFFERENT)],
        "email": [cipher.encrypt(f"u{n}@example.com".encode(), VALUE) for n in range(DIFFERENT)],
    }
    with runtime.engine.begin() as connection:
        connection.execute(
            text(
                "insert into customer (tenant_id, own, created_at, updated_at) select :tenant_id, "
                "(cast(:own as bytea[]))[1 + n % :different], now(), now() from generate_series(1, :count - "
                "(select count(*) from customer where tenant_id = :tenant_id)) as n"
            ),
            {"tenant_id": tenant.id, "own": own, "different": DIFFERENT, "count": count},
        )
        for kind, sealed in values.items():
            connection.execute(
                text(
                    "insert into identity (tenant_id, kind, hmac, customer_id, value, verified, source, created_at) "
                    "select :tenant_id, :kind, sha256(convert_to(:kind || id, 'UTF8')), id, "
                    "(cast(:sealed as bytea[]))[1 + id % :different], false, 'bench', now() from customer c "
                    "where tenant_id = :tenant_id and not exists (select from identity i where "
                    "i.tenant_id = c.tenant_id and i.customer_id = c.id and i.kind = :kind)"
                ),
                {"tenant_id": tenant.id, "kind": kind, "sealed": sealed, "different": DIFFERENT},
            )
        connection.execute(text("delete from card_due"))
        connection.execute(text(CARD), {"tenant_id": tenant.id})
    with runtime.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("vacuum analyze"))

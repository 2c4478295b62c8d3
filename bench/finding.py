"""Finding customers among many: first pages, counts, and making their cards.

`python -m bench finding` makes a town of BENCH_SIZE customers (1,000,000; bench/town.py) and asks each of the forty
filters (bench/filters.py) BENCH_TURNS times (7), as the console does: a page of fifty with its rows, and a count.
BENCH_HOME keeps the town for the next run.
"""

import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles

from sqlalchemy import Engine, text

from bench.filters import filters
from bench.measure import Line
from bench.town import NOW, make_town, phone
from services.cards.store import refresh_cards, take_due
from services.finding.listing import count_found, find_page
from services.finding.rows import load_rows
from services.finding.store import context_of, read_filter
from shared.corp_file import CorpFile
from shared.db.engine import fetch_one, make_engine
from shared.db.migrate import migrate
from shared.embedded import EmbeddedServers
from shared.tenants import Tenant, load_tenants, record_corp
from shared.vault import Vault

PAGE = 50
CORP = CorpFile.model_validate({"corp_id": "ww00000000000bench", "name": "Bench Retail"})
VAULT = Vault("the secret key of benchmarks, which guards nothing")


def measure() -> list[Line]:
    size, turns = int(os.environ.get("BENCH_SIZE", "1000000")), int(os.environ.get("BENCH_TURNS", "7"))
    with town(size) as (engine, tenant, made):
        lines, pages = [*made], []
        context = context_of(tenant, region="CN", now=NOW)
        for name, given, sort in filters(phone(size // 2 // 2 * 2)):
            took, counts, number = [], [], None
            for _ in range(turns):
                with engine.begin() as connection:
                    chosen = read_filter(connection, tenant, given)
                    began = time.perf_counter()
                    found = find_page(connection, chosen, context, sort=sort, limit=PAGE + 1)
                    load_rows(connection, tenant, [one.customer_id for one in found[:PAGE]])
                    took.append(1000 * (time.perf_counter() - began))
                    began = time.perf_counter()
                    number = count_found(connection, chosen, context)
                    counts.append(1000 * (time.perf_counter() - began))
            pages += took
            assert number is not None
            about = "about " if number.estimated else ""
            lines.append(Line(f"{name}: page", tuple(took), "ms"))
            lines.append(Line(f"{name}: {about}{number.number:,}", tuple(counts), "ms"))
        lines.append(Line("all pages, p95", (quantiles(pages, n=20)[-1],), "ms"))
        lines.append(Line("most memory of this process", (peak_mib(),), "MiB"))
    return lines


@contextmanager
def town(size: int) -> Iterator[tuple[Engine, Tenant, list[Line]]]:
    """A town with its cards, made unless BENCH_HOME holds one; and what making it took."""
    with place() as (engine, tenant):
        made = [] if _has_cards(engine) else _make(engine, tenant, size)
        yield engine, tenant, made


@contextmanager
def place() -> Iterator[tuple[Engine, Tenant]]:
    """A corp in a database of its own, which BENCH_HOME keeps."""
    kept = os.environ.get("BENCH_HOME")
    with (
        tempfile.TemporaryDirectory(prefix="guanxi-bench-", ignore_cleanup_errors=True) as folder,
        EmbeddedServers(Path(kept or folder), valkey=False) as servers,
    ):
        engine = make_engine(servers.database_url)
        migrate(engine, now=NOW)
        yield engine, _tenant(engine)
        engine.dispose()


def _tenant(engine: Engine) -> Tenant:
    with engine.begin() as connection:
        if not load_tenants(connection, VAULT):
            record_corp(connection, VAULT, CORP, now=NOW)
        return load_tenants(connection, VAULT)[0]


def _has_cards(engine: Engine) -> bool:
    with engine.begin() as connection:
        return fetch_one(connection, "select 1 from customer_card limit 1") is not None


def _make(engine: Engine, tenant: Tenant, size: int) -> list[Line]:
    tell: Callable[[str], None] = lambda words: print(words, flush=True)  # noqa: E731
    make_town(engine, tenant, size=size, chats=max(1, size // 20), progress=tell)
    began, count = time.perf_counter(), 0
    while True:
        with engine.begin() as connection:
            ids = take_due(connection, tenant.id, limit=1000)
            if not ids:
                break
            count += len(refresh_cards(connection, tenant, ids))
    rate = count / (time.perf_counter() - began)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("vacuum analyze"))
    return [Line("cards made", (rate,), "cards/s")]


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

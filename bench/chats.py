"""Chats for operators at the size of a large retailer: first pages, searches, counts, moves (GRP-2 to GRP-4, GRP-7).

`python -m bench chats`: BENCH_CHATS chats (50,000) of 500 owners in one corp, twenty people from outside in each, half
in folders, a tag on every fifth. Each question is asked BENCH_RUNS times (30); the slowest but one of twenty counts.
"""

import os
import random
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, Engine

from bench.measure import Line
from services.chats.folders import delete_folder, load_folders, make_folder, move_chats
from services.chats.listing import list_chats, today_of
from services.chats.members import list_several
from services.chats.model import ChatFilter, ChatsAfter, Sort
from shared.corp_file import CorpFile
from shared.db.engine import as_json, make_engine, run
from shared.db.migrate import migrate
from shared.embedded import EmbeddedServers
from shared.grams import fold, pieces_of
from shared.tenants import Tenant, load_tenant, record_corp
from shared.vault import Vault

NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)
WORDS = "新品 老客户 会员 福利 专享 上海 北京 南京路 旗舰店 VIP 童装 女装 秋冬 外套 首发 折扣 一店 二店 群 交流"
INSIDE = 20
PAGE = 100

Question = Callable[[Connection, Tenant], object]


def measure() -> list[Line]:
    chats, runs = int(os.environ.get("BENCH_CHATS", "50000")), int(os.environ.get("BENCH_RUNS", "30"))
    with tempfile.TemporaryDirectory() as folder, EmbeddedServers(Path(folder) / "home", valkey=False) as servers:
        engine = make_engine(servers.database_url)
        migrate(engine, now=NOW)
        tenant = _fill(engine, chats)
        lines = [_asked(engine, tenant, what, question, runs) for what, question in _questions().items()]
        lines += [_asked(engine, tenant, what, question, 3) for what, question in _moves(chats).items()]
        engine.dispose()
    return lines


def _questions() -> dict[str, Question]:
    filters = {
        "one character": ChatFilter(name="童"),
        "one character that a third have": ChatFilter(name="店"),
        "two characters": ChatFilter(name="福利"),
        "five characters": ChatFilter(name="旗舰店vip"),
        "nothing found": ChatFilter(name="钢铁"),
        "an owner": ChatFilter(owner_userids=["u7"]),
        "an outlet": ChatFilter(outlet_ids=[3]),
        "Ungrouped": ChatFilter(folder_ids=[0]),
        "a tag, none of another": ChatFilter(any_tags=[1], no_tags=[2]),
    }
    found: dict[str, Question] = {
        f"first page by {sort}": lambda c, t, s=sort: _page(c, t, ChatFilter(), s)  # type: ignore[misc]
        for sort in Sort
    }
    found |= {
        f"first page, {name}": lambda c, t, x=chosen: _page(c, t, x, Sort.MEMBERS)  # type: ignore[misc]
        for name, chosen in filters.items()
    }
    after = ChatsAfter(NOW.date(), "老客户 上海 ", "")
    found["a page amidst, by name"] = lambda c, t: _page(c, t, ChatFilter(), Sort.NAME, after)
    found["folders with counts"] = load_folders
    found["customers in two chats"] = lambda c, t: list_several(c, t.id, least=2, limit=PAGE)
    found["customers in six chats"] = lambda c, t: list_several(c, t.id, least=6, limit=PAGE)
    return found


def _page(
    connection: Connection, tenant: Tenant, chosen: ChatFilter, sort: Sort, after: ChatsAfter | None = None
) -> object:
    today = today_of(tenant, NOW)
    return list_chats(connection, tenant, chosen, sort=sort, after=after, limit=PAGE, today=today)


def _moves(chats: int) -> dict[str, Question]:
    def moved(connection: Connection, tenant: Tenant) -> None:
        folder, _ = make_folder(connection, tenant.id, "all", by="bench", now=NOW)
        assert move_chats(connection, tenant.id, folder, ChatFilter())[0] == chats
        delete_folder(connection, tenant.id, folder)

    return {"move all into a folder, delete it": moved}


def _asked(engine: Engine, tenant: Tenant, what: str, question: Question, runs: int) -> Line:
    """Milliseconds; of many runs the slowest twentieth is left out."""
    taken = []
    for _ in range(runs):
        with closing(engine.connect()) as connection:
            begun = time.perf_counter()
            question(connection, tenant)
            taken.append((time.perf_counter() - begun) * 1000)
            connection.rollback()
    kept = sorted(taken)[: -(-runs * 19 // 20)]
    return Line(what, tuple(kept), "ms")


def _fill(engine: Engine, chats: int) -> Tenant:
    chance = random.Random(7)
    vault = Vault("a secret key of the benchmark, long enough")
    with engine.begin() as connection:
        tenant = load_tenant(
            connection,
            vault,
            record_corp(connection, vault, CorpFile.model_validate({"corp_id": "wwBench", "name": "x"}), now=NOW),
        )
        assert tenant is not None
        rows = []
        for number in range(chats):
            name = "".join(chance.choices(WORDS.split(), k=4)) + f" {number % 977}"
            rows.append({"n": number, "name": name, "key": fold(name), "pieces": pieces_of(name)})
        run(
            connection,
            "insert into group_chat (tenant_id, chat_id, name, name_key, name_pieces, notice, owner_userid, "
            "created_at, member_count, cause) select :id, 'wr' || lpad(n::text, 30, '0'), name, key, pieces, "
            "repeat('公告', 30), "
            "'u' || n % 500, timestamptz '2024-01-01' + n * interval '13 minutes', n % 480, 'resync' "
            "from jsonb_to_recordset(cast(:rows as jsonb)) as r(n int, name text, key text, pieces text[])",
            id=tenant.id,
            rows=as_json(rows),
        )
        for statement in _BESIDE:
            run(connection, statement, id=tenant.id, inside=INSIDE, chats=chats)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("vacuum analyze")
    return tenant


_BESIDE = (
    "insert into associate (tenant_id, userid, name, main_department_id, observed_at) "
    "select :id, 'u' || n, 'name ' || n, n % 40, now() from generate_series(0, 499) n where :inside + :chats > 0",
    "insert into group_day (tenant_id, chat_id, day, joined_count, left_count, member_count) "
    "select :id, chat_id, d::date, 1 + length(name) % 9, length(name) % 4, 100 from group_chat, "
    "generate_series(date '2026-11-16', date '2026-11-22', '1 day') d where :inside + :chats > 0",
    "insert into group_member (tenant_id, chat_id, member_id, number, kind, joined_at, observed_at, cause) "
    "select distinct on (1, 2, 3) :id, chat_id, 'wm' || (random() * :chats * 10)::int, 1, 'customer', now(), now(), "
    "'resync' from group_chat, generate_series(1, :inside) n",
    "insert into chat_folder (tenant_id, name, name_key, position, created_at, created_by) "
    "select :id, n, n, n, now(), 'x' from generate_series(1, 100) n where :inside + :chats > 0",
    "insert into chat_own (tenant_id, chat_id, folder_id, description) select :id, chat_id, "
    "(select min(id) from chat_folder) + ascii(right(chat_id, 1)), repeat('说明', 20) from group_chat "
    "where right(chat_id, 1) in ('0', '2', '4', '6', '8') and :inside + :chats > 0",
    "insert into chat_tag (tenant_id, chat_id, tag_id, given_at, by_whom) select :id, chat_id, t, now(), 'x' "
    "from group_chat, generate_series(1, 2) t where right(chat_id, 1) in ('5', t::text) and :inside + :chats > 0",
)

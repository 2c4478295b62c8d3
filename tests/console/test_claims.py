"""Many connections to a real console reach for the same people of the pool at one moment (POOL-3 to POOL-6)."""

import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, cast

import pytest
from redis import Redis
from sqlalchemy import Engine

from commands.ports import Ports
from commands.stack import ROOT, answers
from commands.waiting import wait_for
from services.pool.entering import enter
from services.pool.model import Act, Entry
from shared.api_keys import Scope, make_key
from shared.clock import FixedClock, SystemClock
from shared.corp_file import CorpFile
from shared.db.engine import fetch_all, run
from shared.ids import CustomerId
from shared.runtime import Runtime
from shared.scope import EVERYTHING, DataScope
from shared.settings import Settings, child_environment
from shared.tenants import Tenant, load_tenant, record_corp
from shared.vault import Vault
from tests.conftest import SECRET_KEY
from tests.sync_worker.files.conftest import Desk

CALLERS = 50
USERIDS = [f"sales{n:02d}" for n in range(CALLERS)]
TAKEN = "urn:guanxi:problem:pool-taken"


@dataclass(frozen=True)
class Said:
    who: str
    status: int
    mime: str
    body: dict[str, Any]


@dataclass
class Shop:
    runtime: Runtime
    tenant: Tenant
    ports: Sequence[int]
    keys: dict[str, str]
    env: dict[str, str]

    def rows(self, sql: str, **given: object) -> list[tuple[Any, ...]]:
        with self.runtime.engine.begin() as connection:
            return [tuple(row.values()) for row in fetch_all(connection, sql, **given)]

    def fill(self, count: int) -> list[int]:
        """So many more who wait for an associate."""
        now = self.runtime.clock.now()
        with self.runtime.engine.begin() as connection:
            rows = fetch_all(
                connection,
                "insert into customer (tenant_id, created_at, updated_at) select :tenant_id, :now, :now "
                "from generate_series(1, :count) returning id",
                tenant_id=self.tenant.id, now=now, count=count,
            )  # fmt: skip
            ids = sorted(row["id"] for row in rows)
            enter(connection, self.tenant, [Entry(CustomerId(one), "hand") for one in ids], Act("entered", "x", now))
        return ids

    def let_go(self, asked: Sequence[tuple[str, str, str, object]]) -> list[Said]:
        """All at once: who, method, path, body; each on a connection of its own that is open before."""
        barrier = threading.Barrier(len(asked))

        def reach(n: int) -> Said:
            who, method, path, body = asked[n]
            connection = HTTPConnection("127.0.0.1", self.ports[n % len(self.ports)], timeout=60)
            connection.connect()
            headers = {"Authorization": f"Bearer {self.keys[who]}", "Content-Type": "application/json"}
            barrier.wait(60)
            connection.request(method, f"/api/v1{path}", json.dumps(body), headers)
            answer = connection.getresponse()
            said = Said(who, answer.status, answer.headers.get_content_type(), json.loads(answer.read()))
            connection.close()
            return said

        with ThreadPoolExecutor(len(asked)) as threads:
            return list(threads.map(reach, range(len(asked))))

    def stands(self, ids: Sequence[int]) -> dict[int, str | None]:
        found = self.rows("select customer_id, userid from pool_record where customer_id = any(:ids)", ids=list(ids))
        return dict(found)  # type: ignore[arg-type]

    def histories(self, ids: Sequence[int]) -> dict[int, list[tuple[str | None, str | None, str]]]:
        """Customer -> from whom, to whom, why; but for entering."""
        rows = self.rows(
            "select customer_id, from_userid, to_userid, why from pool_change where customer_id = any(:ids) "
            "and from_status is not null order by id",
            ids=list(ids),
        )
        found: dict[int, list[tuple[str | None, str | None, str]]] = {one: [] for one in ids}
        for customer_id, *step in rows:
            found[customer_id].append((step[0], step[1], step[2]))
        return found

    def history(self, customer_id: int) -> list[tuple[str | None, str | None, str]]:
        return self.histories([customer_id])[customer_id]

    def assert_history_holds(self, ids: Sequence[int]) -> None:
        """Each step begins where the one before has ended, the last is the record; one fact and step for each."""
        stands, told = self.stands(ids), self.told()
        for one, steps in self.histories(ids).items():
            holder = None
            for from_userid, to_userid, _ in steps:
                assert from_userid == holder
                holder = to_userid
            assert holder == stands[one]
            assert Counter(told.get(one, [])) == Counter(to_userid for _, to_userid, _ in steps)

    def told(self) -> dict[int, list[str]]:
        """Customer -> to whom facts say that they were given."""
        rows = self.rows(
            "select (jsonb_array_elements_text(payload -> 'customer_ids'))::bigint, payload ->> 'userid' from fact "
            "where type = 'pool_assigned'"
        )
        found: dict[int, list[str]] = {}
        for customer_id, userid in rows:
            found.setdefault(customer_id, []).append(userid)
        return found


MakeShop = Callable[[int], Shop]


@pytest.fixture
def make_shop(engine: Engine, database_url: str, redis_url: str, vault: Vault, tmp_path: Path) -> Iterator[MakeShop]:
    """A corp with fifty associates, each with a key of their own, and one of the operator's; so many consoles."""
    clock = SystemClock()
    runtime = Runtime(Settings(_env_file=None), clock, engine, Redis.from_url(redis_url), vault)
    values = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "SECRET_KEY": SECRET_KEY, "HOME": str(tmp_path)}
    env, ports, processes = child_environment(values), Ports(), list[subprocess.Popen[bytes]]()

    def make(consoles: int) -> Shop:
        taken = [ports.take() for _ in range(consoles)]
        for port in taken:
            argv = [sys.executable, str(ROOT / "guanxi.py"), "console", "--bind", f"127.0.0.1:{port}"]
            with (tmp_path / "log").open("ab") as log:
                processes.append(subprocess.Popen(argv, env=env, stdout=log, stderr=log, cwd=tmp_path))
        tenant, keys = _record(runtime)
        for port in taken:
            wait_for(answers(f"http://127.0.0.1:{port}/readyz"), "the console")
        return Shop(runtime, tenant, taken, keys, env)

    yield make
    for process in processes:
        process.terminate()
    for process in processes:
        process.wait(15)
    ports.release()


def _record(runtime: Runtime) -> tuple[Tenant, dict[str, str]]:
    now = runtime.clock.now()
    sights = {"operator": EVERYTHING} | {one: DataScope(userid=one) for one in USERIDS}
    with runtime.engine.begin() as connection:
        corp = CorpFile(corp_id="ww0000000000000001", name="Example Retail")
        tenant = load_tenant(connection, runtime.vault, record_corp(connection, runtime.vault, corp, now=now))
        assert tenant is not None
        run(
            connection,
            "insert into associate (tenant_id, userid, main_department_id, observed_at, cause) "
            "select :id, u, 1, :now, 'event' from unnest(cast(:userids as text[])) u",
            id=tenant.id, now=now, userids=USERIDS,
        )  # fmt: skip
        keys = {
            who: make_key(connection, tenant.id, name=who, scopes=list(Scope), may_verify=False, by="x", now=now,
                          sight=sight)
            for who, sight in sights.items()
        }  # fmt: skip
    return tenant, keys


def claims(userids: Sequence[str], customer_id: int) -> list[tuple[str, str, str, object]]:
    return [(one, "POST", "/pool:claim", {"userid": one, "customer_ids": [customer_id]}) for one in userids]


def _fifty_for_one(shop: Shop) -> None:
    (one,) = shop.fill(1)
    said = shop.let_go(claims(USERIDS, one))
    (winner,) = [one for one in said if one.status < 300]
    assert winner.body["customer_ids"] == [one]
    late = [one for one in said if one is not winner]
    assert Counter((answer.status, answer.mime, answer.body["type"]) for answer in late) == {
        (409, "application/problem+json", TAKEN): CALLERS - 1
    }
    for answer in late:
        assert answer.body["customer_ids"] == [one]
        assert not any(userid in json.dumps(answer.body) for userid in USERIDS)
    assert shop.history(one) == [(None, winner.who, "claim")]
    shop.assert_history_holds([one])
    audited = "select action, actor from audit where subject_key = :id and action <> 'pool.entered'"
    assert shop.rows(audited, id=str(one)) == [("pool.claimed", f"api:{winner.who}")]
    assert shop.rows("select 1 from pool_given") == []


def _claims_while_an_operator_assigns(shop: Shop) -> None:
    (one,) = shop.fill(1)
    asked = claims(USERIDS[:24], one)
    asked.insert(12, ("operator", "PUT", f"/pool/customers/{one}/associate", {"userid": "sales49"}))
    said = shop.let_go(asked)
    assert [answer.status for answer in said if answer.who == "operator"] == [200]
    won = [answer.who for answer in said if answer.status == 200 and answer.who != "operator"]
    assert len(won) <= 1
    assert {answer.body["type"] for answer in said if answer.status != 200} == {TAKEN}
    # An operator may take somebody from whoever has claimed them (POOL-6), never the other way.
    assert [to for _, to, _ in shop.history(one)] == [*won, "sales49"]
    shop.assert_history_holds([one])


def _claims_while_a_batch_deals(shop: Shop) -> None:
    ids = shop.fill(120)
    asked = [*claims(USERIDS[:12], ids[0]), *claims(USERIDS[12:24], ids[60]), *claims(USERIDS[24:36], ids[119])]
    asked.insert(
        18, ("operator", "POST", "/pool:assign", {"customer_ids": ids, "userids": USERIDS[40:47], "how": "random"})
    )
    said = shop.let_go(asked)
    (batch,) = [answer for answer in said if answer.who == "operator"]
    assert (batch.status, batch.body["state"]) == (202, "done")
    won = [answer.body["customer_ids"][0] for answer in said if answer.status == 200]
    assert len(won) == len(set(won))
    assert {(answer.status, answer.body["type"]) for answer in said if answer.status > 202} == {(409, TAKEN)}
    assert batch.body["assigned_count"] == len(ids) - len(won)
    assert all(len(steps) == 1 for steps in shop.histories(ids).values())
    dealt = shop.rows("select count(*) from pool_change where batch_id = :id group by to_userid", id=batch.body["id"])
    sizes = [size for (size,) in dealt]
    assert max(sizes) - min(sizes) <= 1
    shop.assert_history_holds(ids)


def _a_batch_while_an_import_touches_them(shop: Shop, count: int = 3000) -> None:
    """A file has people of the pool with another level, and as many new ones, every other with an associate."""
    first = shop.rows("select coalesce(max(id), 0) from customer")[0][0]
    desk = Desk(shop.runtime, shop.tenant, cast(FixedClock, shop.runtime.clock))
    known = [f"C-{first}-{n}" for n in range(count // 2)]
    new = [(f"N-{first}-{n}", "sales49" if n % 2 else "") for n in range(count // 2)]
    desk.bring("\n".join(["会员号", *known]))
    lines = [
        line for old, (one, userid) in zip(known, new, strict=True) for line in (f"{old},,gold", f"{one},{userid},")
    ]
    job = desk.check("\n".join(["会员号,导购,等级", *lines]))
    desk.start(job.id)
    with subprocess.Popen([sys.executable, "-m", "sync_worker.files"], cwd=ROOT, env=shop.env) as process:
        wait_for(lambda: _is_writing(shop) or desk.job(job.id).done > 0, "the first block", patience_s=60)
        asked = {"filter": {}, "userids": USERIDS[:7]}
        (batch,) = shop.let_go([("operator", "POST", "/pool:assign", asked)])
        assert process.wait(60) == 0
    assert (batch.status, batch.body["state"]) == (202, "done")
    job = desk.job(job.id)
    assert (job.state, job.counts["failed"], job.done) == ("done", 0, count)
    ids = [one for (one,) in shop.rows("select id from customer where id > :first order by id", first=first)]
    histories = shop.histories(ids)
    assert {one: steps for one, steps in histories.items() if len(steps) > 1} == {}
    whys = Counter(why for steps in histories.values() for _, _, why in steps)
    assert whys["import"] == count // 4
    assert all(len(histories[one]) == 1 for one in ids[: count // 2])
    dealt = shop.rows("select count(*) from pool_change where batch_id = :id group by to_userid", id=batch.body["id"])
    sizes = [size for (size,) in dealt]
    assert max(sizes) - min(sizes) <= 1 and sum(sizes) == batch.body["assigned_count"]
    gold = sum(1 for own in desk.own() if own.get("level") == "gold")
    assert gold == shop.rows("select count(*) from identity where kind = 'crm'")[0][0] // 2
    shop.assert_history_holds(ids)


def _is_writing(shop: Shop) -> bool:
    return bool(
        shop.rows(
            "select 1 from pg_locks l join pg_class c on c.oid = l.relation join pg_stat_activity a on a.pid = l.pid "
            "where l.mode = 'RowExclusiveLock' and a.application_name = 'guanxi-files' "
            "and a.datname = current_database() and c.relname like 'customer%' limit 1"
        )
    )


ROUND = {
    "fifty": _fifty_for_one,
    "operator": _claims_while_an_operator_assigns,
    "batch": _claims_while_a_batch_deals,
    "import": _a_batch_while_an_import_touches_them,
}


def test_one_round_of_each(make_shop: MakeShop) -> None:
    """One of fifty keys gets a 2xx, the others a 409 that names nobody; nobody is dealt twice (POOL-5, ACC-1)."""
    shop = make_shop(1)
    for one in ROUND.values():
        one(shop)


@pytest.mark.long
@pytest.mark.parametrize("what", ROUND)
def test_ten_rounds_over_two_consoles(make_shop: MakeShop, what: str) -> None:
    """The same over two processes at once, ten times (POOL-4, POOL-5, POOL-6)."""
    shop = make_shop(2)
    for _ in range(10):
        ROUND[what](shop)

"""A corp with customers of its own, none of them WeCom's, whom bulk changes are about."""

from collections.abc import Mapping, Sequence
from typing import Any

from redis import Redis
from sqlalchemy import Engine

from services.bulk_changes import asking
from services.bulk_changes.model import Change, Wanted, read_wanted
from services.bulk_changes.plan import confirmations
from services.bulk_changes.store import load_change
from services.finding.selection import Selection
from services.intents.model import Source
from services.persons.store import load_own, record_owns
from shared.clock import FixedClock
from shared.corp_file import CorpFile
from shared.db.engine import fetch_all, run
from shared.directory import Directory
from shared.ids import CustomerId
from shared.runtime import Runtime
from shared.settings import Settings
from shared.sync_runs import lease_run
from shared.tenants import load_tenant, record_corp
from shared.vault import Vault
from shared.wecom.clients import Clients
from sync_worker.resync import Work
from sync_worker.resync.steps import walk_step

REASON = "asked for by the customers"
GOLD = {"kind": "fields", "set": {"level": "gold"}}


class People:
    """`count` customers, of whom every third is silver already and every fifth gold."""

    def __init__(self, engine: Engine, redis_url: str, vault: Vault, clock: FixedClock, count: int) -> None:
        self.clock = clock
        self.runtime = Runtime(Settings(_env_file=None), clock, engine, Redis.from_url(redis_url), vault)
        self.directory, self.clients = Directory(vault), Clients(self.runtime, connections=1)
        with engine.begin() as connection:
            corp = CorpFile(corp_id="ww0000000000000001", name="Example Retail", pushes=True)
            tenant = load_tenant(connection, vault, record_corp(connection, vault, corp, now=clock.now()))
            assert tenant is not None
            self.tenant = tenant
            run(connection, "update tenant set state = 'live'")
            rows = fetch_all(
                connection,
                "insert into customer (tenant_id, created_at, updated_at) select :tenant_id, :now, :now "
                "from generate_series(1, :count) returning id",
                tenant_id=tenant.id,
                now=clock.now(),
                count=count,
            )
            self.ids = [CustomerId(row["id"]) for row in rows]
            levels = {
                one: "gold" if n % 5 == 0 else "silver" for n, one in enumerate(self.ids) if not (n % 5 and n % 3)
            }
            record_owns(connection, tenant, {one: {"level": level} for one, level in levels.items()}, now=clock.now())

    def everybody(self) -> Selection:
        return self.some(self.ids)

    def some(self, ids: Sequence[CustomerId]) -> Selection:
        return Selection("select id as customer_id from customer where id = any(:f_ids)", {"f_ids": list(ids)})

    def ask(self, wanted: Mapping[str, Any] = GOLD, *, ids: Sequence[CustomerId] | None = None) -> int:
        chosen = self.everybody() if ids is None else self.some(ids)
        read: Wanted = read_wanted(wanted)
        with self.runtime.engine.begin() as connection:
            count = asking.preview(connection, self.tenant, chosen, read).count
            change = asking.ask(
                connection,
                self.tenant,
                chosen,
                read,
                filter_={},
                reason=REASON,
                confirmation=confirmations(read.kind, count)[0],
                author="Zhou",
                source=Source.PERSON,
                now=self.clock.now(),
            )
        return change.id

    def undo(self, change_id: int) -> int:
        with self.runtime.engine.begin() as connection:
            count = asking.count_undoable(connection, self.tenant.id, change_id)
            undo = asking.ask_undo(
                connection,
                self.tenant,
                change_id,
                reason=REASON,
                confirmation=f"UNDO {count:,}",
                author="Zhou",
                source=Source.PERSON,
                now=self.clock.now(),
            )
        return undo.id

    def step(self) -> int:
        return walk_step(self.runtime, self.directory, self.clients)

    def work(self) -> None:
        while self.step():
            pass

    def lease(self) -> Work | None:
        """A process takes the run, if nobody has it."""
        with self.runtime.engine.begin() as connection:
            held = lease_run(connection, now=self.clock.now(), lease_s=self.runtime.settings.lease_s)
        return None if held is None else Work(self.runtime, self.clients, self.tenant, held)

    def let_leases_end(self) -> None:
        self.clock.advance(self.runtime.settings.lease_s + 1)

    def change(self, change_id: int) -> Change:
        with self.runtime.engine.begin() as connection:
            return load_change(connection, self.tenant, change_id)

    def counts(self, change_id: int) -> tuple[str, int, int, int]:
        """(state, done, same, refused)."""
        one = self.change(change_id)
        return one.state.value, one.done_count, one.same_count, one.refused_count

    def levels(self) -> list[str | None]:
        with self.runtime.engine.begin() as connection:
            own = load_own(connection, self.tenant, self.ids)
        return [own.get(one, {}).get("level") for one in self.ids]

    def set_own(self, customer_id: CustomerId, **own: object) -> None:
        with self.runtime.engine.begin() as connection:
            record_owns(connection, self.tenant, {customer_id: own}, now=self.clock.now())

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.runtime.engine.begin() as connection:
            return [tuple(row.values()) for row in fetch_all(connection, sql)]

    def act(self, sql: str) -> None:
        with self.runtime.engine.begin() as connection:
            run(connection, sql)

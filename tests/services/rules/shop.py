"""A corp with customers, tags and rules in a real database, and the worker's parts that apply rules."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import orjson
from redis import Redis
from sqlalchemy import Engine, event

from services.chosen import these
from services.purchases.store import summarise
from services.rules.book import lock_rules, record_automatic_tag
from services.rules.model import RuleKey
from services.rules.runs import ask_runs
from services.segments.model import Kind
from services.segments.store import record_segment
from services.stages.moving import enter_page, leave_page
from services.stages.store import record_line, record_stage
from shared.clock import FixedClock
from shared.corp_file import CorpFile
from shared.db.engine import fetch_all, run
from shared.directory import Directory
from shared.runtime import Runtime
from shared.settings import Settings
from shared.tenants import Tenant, load_tenant, record_corp
from shared.vault import Vault
from sync_worker.cards import make_all_due
from sync_worker.ruling import Ruling
from sync_worker.segments import refresh_wanted


def one(field_: str, op: str, value: object = None) -> dict[str, Any]:
    """A filter of one condition."""
    condition = {"field": field_, "op": op} | ({} if value is None else {"value": value})
    return {"groups": [{"conditions": [condition]}]}


@dataclass
class Shop:
    runtime: Runtime
    tenant: Tenant
    clock: FixedClock
    numbers: int = 0
    group_id: int = 0
    statements: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.directory = Directory(self.runtime.vault)
        self.ruling = Ruling(self.runtime, self.directory)

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def rows(self, sql: str, **given: object) -> list[tuple[Any, ...]]:
        with self.runtime.engine.begin() as connection:
            return [tuple(row.values()) for row in fetch_all(connection, sql, **given)]

    def do(self, work: Callable[..., Any], *given: Any, **named: Any) -> Any:
        with self.runtime.engine.begin() as connection:
            return work(connection, *given, **named)

    def run(self, sql: str, **given: object) -> int:
        with self.runtime.engine.begin() as connection:
            return run(connection, sql, **given)

    def customers(self, count: int, *, score: int = 0) -> list[int]:
        ids = [
            row[0]
            for row in self.rows(
                "insert into customer (tenant_id, standing, created_at) select :t, 'none', :now "
                "from generate_series(1, :n) returning id",
                t=self.tenant.id,
                now=self.now,
                n=count,
            )
        ]
        if score:
            self.score(ids, score)
        return sorted(ids)

    def score(self, ids: Sequence[int], score: int) -> None:
        self.run(
            "insert into customer_score as s (tenant_id, customer_id, score) "
            "select :t, unnest(cast(:ids as bigint[])), :score "
            "on conflict (tenant_id, customer_id) do update set score = excluded.score",
            t=self.tenant.id,
            ids=list(ids),
            score=score,
        )

    def tag(self, kind: str = "automatic") -> int:
        self.numbers += 1
        ((id_,),) = self.rows(
            "insert into local_tag (tenant_id, group_id, kind, name, position, created_at) "
            "values (:t, 1, :kind, :name, :n, :now) returning id",
            t=self.tenant.id,
            kind=kind,
            name=f"tag {self.numbers}",
            n=self.numbers,
            now=self.now,
        )
        return int(id_)

    def rule(self, tag_id: int, given: object) -> int:
        """An automatic tag, as the console saves it."""
        with self.runtime.engine.begin() as connection:
            lock_rules(connection, self.tenant.id)
            rule_id = record_automatic_tag(connection, self.tenant, tag_id, given, by="x", now=self.now)
            ask_runs(connection, self.tenant.id, [RuleKey("tag", rule_id)], by="x", now=self.now)
        return rule_id

    def line(self, *filters: object) -> tuple[int, list[int]]:
        """A line with these stages in order; None: by hand."""
        with self.runtime.engine.begin() as connection:
            lock_rules(connection, self.tenant.id)
            self.numbers += 1
            line_id = record_line(connection, self.tenant.id, f"line {self.numbers}", now=self.now)
            stages = [
                record_stage(
                    connection,
                    self.tenant,
                    line_id,
                    f"stage {n}",
                    automatic=given is not None,
                    given=given,
                    now=self.now,
                )
                for n, given in enumerate(filters)
            ]
            ask_runs(connection, self.tenant.id, [RuleKey("line", line_id)], by="x", now=self.now)
        return line_id, stages

    def segment(self, name: str, given: object, kind: Kind = Kind.DYNAMIC) -> int:
        with self.runtime.engine.begin() as connection:
            lock_rules(connection, self.tenant.id)
            return record_segment(
                connection, self.tenant, name=name, category=None, kind=kind, given=given, by="x", now=self.now
            )

    def enter(self, stage_id: int, *ids: int) -> Any:
        return self.do(enter_page, self.tenant.id, these(self.tenant.id, ids), stage_id, by_whom="Chen", now=self.now)

    def leave(self, line_id: int, *ids: int) -> Any:
        return self.do(leave_page, self.tenant.id, these(self.tenant.id, ids), line_id, now=self.now)

    def order(self, customer_id: int, order_id: str, *, status: str = "paid", amount: int = 1000, currency: str = "CNY",
              at: datetime | None = None) -> None:  # fmt: skip
        with self.runtime.engine.begin() as connection:
            run(
                connection,
                "insert into customer_order as o (tenant_id, shop, order_id, customer_id, amount, currency, status, "
                "items_count, paid_at, updated_at, recorded_at) values (:t, 'tmall', :id, :c, :amount, :currency, "
                ":status, 1, :at, :at, :at) on conflict (tenant_id, shop, order_id) do update "
                "set status = excluded.status",
                t=self.tenant.id,
                id=order_id,
                c=customer_id,
                amount=amount,
                currency=currency,
                status=status,
                at=at or self.now,
            )
            summarise(connection, self.tenant.id, [customer_id])  # type: ignore[list-item]

    def happen(self, customer_id: int, event_id: str, kind: str = "visited", *, at: datetime | None = None) -> None:
        self.run(
            "insert into customer_event (tenant_id, event_id, customer_id, kind, occurred_at, recorded_at) "
            "values (:t, :id, :c, :kind, :at, :at) on conflict do nothing",
            t=self.tenant.id,
            id=event_id,
            c=customer_id,
            kind=kind,
            at=at or self.now,
        )

    def settle(self) -> None:
        """Everything that is due has been done."""
        make_all_due(self.runtime, self.directory)
        while refresh_wanted(self.runtime, self.directory):
            make_all_due(self.runtime, self.directory)

    def tagged(self, tag_id: int) -> list[int]:
        return [
            row[0] for row in self.rows("select customer_id from customer_tag where tag_id = :t order by 1", t=tag_id)
        ]

    def stage_of(self, customer_id: int) -> int | None:
        rows = self.rows("select stage_id from customer_stage where customer_id = :c", c=customer_id)
        return int(rows[0][0]) if rows else None

    def members(self, segment_id: int) -> list[int]:
        sql = "select customer_id from segment_member where segment_id = :s order by 1"
        return [row[0] for row in self.rows(sql, s=segment_id)]

    def facts(self, type_: str) -> list[dict[str, Any]]:
        return [row[0] for row in self.rows("select payload from fact where type = :t order by id", t=type_)]

    def pass_time(self, by: timedelta) -> None:
        clock = FixedClock(self.now + by)
        self.clock, self.runtime = clock, replace(self.runtime, clock=clock)
        self.__post_init__()

    def watch(self) -> list[str]:
        """Statements from now on."""
        seen: list[str] = []

        def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
            seen.append(statement)

        event.listen(self.runtime.engine, "before_cursor_execute", note)
        return seen


def open_shop(engine: Engine, vault: Vault, clock: FixedClock, redis_url: str) -> Shop:
    with engine.begin() as connection:
        corp = CorpFile(corp_id="ww0000000000000001", name="Example Retail")
        tenant = load_tenant(connection, vault, record_corp(connection, vault, corp, now=clock.now()))
        assert tenant is not None
    runtime = Runtime(Settings(_env_file=None), clock, engine, Redis.from_url(redis_url), vault)
    return Shop(runtime, tenant, clock)


def as_told(given: object) -> str:
    return orjson.dumps(given).decode()


def fetch_sum(shop: Shop, account: str) -> dict[int, int]:
    """Ledger: customer -> sum of entries."""
    sql = "select customer_id, cast(sum(amount) as bigint) from score_entry where account = :a group by 1"
    return dict(shop.rows(sql, a=account))  # type: ignore[arg-type]

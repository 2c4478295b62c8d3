"""20,000 people of the pool to 37 associates, over and over (POOL-4, POOL-7)."""

from collections import Counter
from datetime import datetime

from services.finding.selection import Selection
from services.pool.batches import ask_batch
from services.pool.entering import enter
from services.pool.model import Act, Entry
from shared.ids import CustomerId, UserId
from tests.flows.jobs.town import Town

ASSOCIATES = tuple(UserId(f"sales{n:02d}") for n in range(37))


class Dealing:
    longest_s, in_peace = 0.4, 0

    def __init__(self, town: Town, count: int = 20_000) -> None:
        self._town, self._count, self._batch = town, count, 0
        ids = town.add_customers(count)
        town.run(
            "insert into associate (tenant_id, userid, main_department_id, has_contact, in_sight, observed_at, cause) "
            "select :tenant_id, u, 1, true, true, :now, 'event' from unnest(cast(:userids as text[])) u",
            userids=list(ASSOCIATES),
        )
        with town.runtime.engine.begin() as connection:
            entries = [Entry(CustomerId(one), "hand") for one in ids]
            enter(connection, town.tenant, entries, Act("entered", "Chen Jing", town.now))

    def begin(self) -> None:
        """Whoever was assigned by the batch before changes hands."""
        everybody = Selection("select customer_id from pool_record where tenant_id = :tenant_id", {})
        how = "random" if self._batch % 2 else "turns"
        with self._town.runtime.engine.begin() as connection:
            act = Act("batch", "Chen Jing", self._town.now)
            asked = ask_batch(
                connection, self._town.tenant, everybody, ASSOCIATES, how=how, also_assigned=True, act=act
            )
        assert asked.total_count == self._count
        self._batch = asked.id

    def is_under_way(self, since: datetime) -> bool:
        return self._town.holds(("pool_record", "pool_given"), since)

    def is_over(self) -> bool:
        """Dealt out, and told."""
        return not self._town.rows(
            "select 1 from pool_batch where id = :id and state = 'running' union all "
            "select 1 from pool_given where batch_id = :id",
            id=self._batch,
        )

    def check(self) -> None:
        town, batch = self._town, self._batch
        changes = town.rows("select customer_id, to_userid from pool_change where batch_id = :id", id=batch)
        assert len(changes) == len({one for one, _ in changes}) == self._count
        shares = Counter(userid for _, userid in changes)
        assert set(shares) == set(ASSOCIATES) and max(shares.values()) - min(shares.values()) <= 1
        stands = town.rows("select customer_id, userid from pool_record where status = 'assigned'")
        assert sorted(stands) == sorted(changes)
        assert town.rows("select state, reached, assigned_count from pool_batch where id = :id", id=batch) == [
            ("done", self._count, self._count)
        ]
        cause = f"pool_batch:{batch}"
        told = town.facts("pool_customers_given", cause)
        assert {one["userid"]: one["count"] for one in told} == dict(shares) and len(told) == len(shares)
        named = [one for fact in town.facts("pool_assigned", cause) for one in fact["customer_ids"]]
        assert sorted(named) == sorted(one for one, _ in changes)
        messages = town.rows(
            "select o.recipient from outbox o join fact f on f.id = o.fact_id where f.caused_by = :by "
            "and o.channel = 'wecom'", by=cause,
        )  # fmt: skip
        assert sorted(messages) == sorted((one,) for one in ASSOCIATES)

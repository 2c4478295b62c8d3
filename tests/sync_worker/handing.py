"""A live corp whose customers pass from one associate to another, and a clock that both sides share."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from commands.demo_corp import CORP_ID, record_demo_corp
from services.intents.model import Source
from services.transfers.ask import Wish, ask_for_chats, ask_for_customers
from services.transfers.model import Asked
from services.transfers.store import want_due
from shared.clock import SystemClock
from shared.db.engine import fetch_all
from shared.ids import ExternalUserId, UserId
from tests.convergence.post import PostOffice
from tests.sync_worker.chat_town import ChatTown
from tests.sync_worker.conftest import Office

DAY, HOUR, MINUTE = 86_400, 3600, 60
LINA, ZHAO, WANG, ZHANG = UserId("LiNa"), UserId("ZhaoMin"), UserId("WangFang"), UserId("ZhangWei")
TRANSFER, RESIGNED = "externalcontact/transfer_customer", "externalcontact/resigned/transfer_customer"
CHATS, RESIGNED_CHATS = "externalcontact/groupchat/onjob_transfer", "externalcontact/groupchat/transfer"
WRITES = (TRANSFER, RESIGNED, CHATS, RESIGNED_CHATS)
ZHOU = Wish("Zhou", Source.PERSON, "a new outlet")


@dataclass
class Handing:
    """`town` has the clock and the callbacks, which nobody reads unless a test says so."""

    office: Office
    town: ChatTown
    keys: list[ExternalUserId] = field(default_factory=list)

    def live(self, customers: int = 1, **shared: Sequence[str]) -> "Handing":
        """LiNa has so many customers, of whom others are friends, too; all is known here."""
        self.office.corp.add_customers(customers, userids=[LINA])
        self.keys = sorted(ExternalUserId(p["external_userid"]) for p in self.office.corp.pairs())
        self.town.advance(MINUTE)
        for userid in shared.get("friends", ()):
            self.befriend(userid)
        record_demo_corp(self.office.runtime)
        self.office.walk()
        self.office.reconcile()
        return self

    @property
    def key(self) -> ExternalUserId:
        return self.keys[0]

    def befriend(self, userid: str, key: str | None = None) -> None:
        """Somebody adds a customer of LiNa's, and nobody hears of it."""
        act = {"do": "add", "userid": userid, "external_userid": key or self.key, "silent": True}
        self.office.corp.act(act)

    def ask(self, *keys: str, giver: UserId = LINA, taker: UserId = ZHAO, wish: Wish = ZHOU) -> Asked:
        with self.office.runtime.engine.begin() as connection:
            return ask_for_customers(
                connection,
                self.office.tenant,
                [ExternalUserId(key) for key in keys or self.keys],
                from_userid=giver,
                to_userid=taker,
                wish=wish,
                now=self.office.runtime.clock.now(),
            )

    def ask_chats(self, *chat_ids: str, taker: UserId = ZHAO, wish: Wish = ZHOU) -> Asked:
        with self.office.runtime.engine.begin() as connection:
            now = self.office.runtime.clock.now()
            return ask_for_chats(connection, self.office.tenant, chat_ids, to_userid=taker, wish=wish, now=now)

    def work(self) -> None:
        """A worker does all that is due now."""
        while self._want() or self.office.reconciler.reconcile_due(limit=50):
            pass

    def _want(self) -> int:
        with self.office.runtime.engine.begin() as connection:
            return want_due(connection, now=self.office.runtime.clock.now())

    def pass_time(self, seconds: float, *, step_s: float = HOUR) -> None:
        """Time passes while a worker works."""
        while seconds > 0:
            self.town.advance(min(step_s, seconds))
            self.work()
            seconds -= step_s

    def stages(self) -> list[str]:
        return [stage for (stage,) in self.rows("select stage from transfer order by id")]

    def ended(self) -> list[tuple[Any, ...]]:
        return self.rows("select stage, why, code from transfer order by id")

    def rows(self, sql: str, **parameters: object) -> list[tuple[Any, ...]]:
        with self.office.runtime.engine.begin() as connection:
            return [tuple(row.values()) for row in fetch_all(connection, sql, **parameters)]

    def states(self, key: str | None = None) -> dict[str, str]:
        """The relations of a customer here."""
        sql = "select userid, state from relation where external_userid = :key"
        return dict(self.rows(sql, key=key or self.key))

    def assigned(self, key: str | None = None) -> tuple[Any, ...]:
        """Who the customer is assigned to, with why and by whom by the last line of the history."""
        (found,) = self.rows(
            "select u.assigned_userid, c.why, c.by_whom from customer u join external_contact e "
            "on e.tenant_id = u.tenant_id and e.customer_id = u.id join assignment_change c "
            "on c.tenant_id = u.tenant_id and c.customer_id = u.id where e.external_userid = :key "
            "order by c.id desc limit 1",
            key=key or self.key,
        )
        return found

    def facts(self) -> Counter[str]:
        told = self.rows("select type from fact where cause not in ('bootstrap', 'resync')")
        return Counter(kind for (kind,) in told)

    def notices(self) -> list[tuple[str, str]]:
        return self.rows("select notice, recipient from outbox order by notice, recipient")  # type: ignore[return-value]

    def writes(self) -> int:
        """How often WeCom was asked to hand something over."""
        calls = self.office.corp.get("/sim/calls")
        return sum(sum(calls.get(api, {}).values()) for api in WRITES)

    def there(self, key: str | None = None) -> dict[str, str]:
        """The relations of a customer in WeCom."""
        return {p["userid"]: p["state"] for p in self.office.corp.pairs() if p["external_userid"] == (key or self.key)}

    def hear(self) -> None:
        """All callbacks of the corp arrive."""
        self.town.hear()

    def fault(self, path: str, **fault: object) -> None:
        self.office.corp.post("/sim/faults", {"path": path, **fault})

    def tune(self, **numbers: object) -> None:
        self.office.corp.post("/sim/settings", {"transfers": numbers})

    def member(self, userid: str, **fields: object) -> None:
        self.office.corp.post(f"/sim/corps/{CORP_ID}/members", [{"userid": userid, **fields}])


def handing_of(office: Office, post: PostOffice, tmp_path: Path) -> Handing:
    """A corp without customers so far."""
    clock_file = tmp_path / "clock"
    town = ChatTown(office, post, clock_file)
    return Handing(office, town)


def clock_of(handing: Handing) -> SystemClock:
    return SystemClock(handing.town.clock_file)

"""A corp with group chats whose callbacks come when a test says so, and a clock that both sides share."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared.clock import SystemClock
from shared.db.engine import fetch_all
from shared.inbox import BODY, Arrival, digest_of, usable_time
from shared.requests import EVENTS, Subject, Wanted, next_due, want
from shared.tenants import load_receivers, load_tenants
from sync_worker.routing import route_inbox
from tests.convergence.post import Letter, PostOffice
from tests.shared.arrivals import store
from tests.sync_worker.conftest import Office

GET = "externalcontact/groupchat/get"
STAYS = (
    "select member_id, extract(epoch from joined_at)::bigint, left_by, quit_scene from group_member "
    "order by joined_at, member_id"
)


@dataclass
class ChatTown:
    office: Office
    post: PostOffice
    clock_file: Path
    offset_s: float = 0.0
    counted: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.clock_file.write_text("0")
        self.office.move_clock(SystemClock(self.clock_file))
        self.office.corp.create([self.post.url])
        self.letters()

    def lag(self, seconds: float, **more: object) -> None:
        self.office.corp.post("/sim/settings", {"chats": {"detail_lag_s": seconds, **more}})

    def act(self, do: str, **action: object) -> Any:
        return self.office.corp.act({"do": do, **action})

    def letters(self) -> list[Letter]:
        """The callbacks that came since, in order of time; nobody has read them yet."""
        self.office.corp.flush()
        return sorted(self.post.collect(), key=lambda one: int(one.fields["CreateTime"]))

    def hear(self, letters: Sequence[Letter] | None = None) -> None:
        """These callbacks arrive, or all that came since, and become evidence and requests."""
        self.arrive([one.text for one in (self.letters() if letters is None else letters)])

    def arrive(self, bodies: Sequence[str]) -> None:
        runtime = self.office.runtime
        with runtime.engine.connect() as connection:
            (to,) = load_receivers(connection, runtime.vault)
        for body in (one.encode() for one in bodies):
            created = body.partition(b"<CreateTime>")[2].partition(b"<")[0].decode()
            sealed = to.cipher.encrypt(body, BODY)
            now = runtime.clock.now()
            store(runtime.engine, [Arrival(to.id, to.tenant_id, digest_of(body), sealed, usable_time(created), now)])
        while route_inbox(runtime, self.office.directory, limit=100):
            pass

    def look(self, chat_id: str) -> None:
        """Somebody wants the chat to be read."""
        with self.office.runtime.engine.begin() as connection:
            tenant = load_tenants(connection, self.office.runtime.vault)[0]
            wish = Wanted(Subject(tenant.id, "group_chat", chat_id), EVENTS, "operator")
            want(connection, [wish], now=self.office.runtime.clock.now())

    def advance(self, seconds: float) -> None:
        self.offset_s += seconds
        self.clock_file.write_text(str(self.offset_s))
        self.office.corp.post("/sim/clock", {"offset_s": self.offset_s})

    def settle(self) -> None:
        """Reconcile, and let time pass, until nothing is due any more."""
        for _ in range(60):
            self.office.reconcile()
            with self.office.runtime.engine.connect() as connection:
                due = next_due(connection)
            if due is None:
                return
            self.advance(max(0.0, (due - self.office.runtime.clock.now()).total_seconds()) + 0.05)
        raise AssertionError("it never settles")

    def calls(self, path: str = GET) -> int:
        """How often a path was called since this was asked last."""
        total = sum(self.office.corp.get("/sim/calls").get(path, {}).values())
        fresh = total - self.counted[path]
        self.counted[path] = total
        return int(fresh)

    def truth(self, chat_id: str) -> tuple[str, dict[str, int]]:
        """The newest version and who is there since when."""
        (chat,) = [one for one in self.office.corp.get(f"{BASE}/look/chats") if one["chat_id"] == chat_id]
        return chat["member_version"], {one["userid"]: one["join_time"] for one in chat["members"]}

    def mirror(self, chat_id: str) -> tuple[str, dict[str, int]]:
        ((version,),) = self.rows("select member_version from group_chat where chat_id = :id", id=chat_id)
        present = self.rows(
            "select member_id, extract(epoch from joined_at)::bigint from group_member "
            "where chat_id = :id and left_at is null",
            id=chat_id,
        )
        return version, {member: int(joined) for member, joined in present}

    def rows(self, sql: str, **parameters: object) -> list[tuple[Any, ...]]:
        with self.office.runtime.engine.begin() as connection:
            return [tuple(row.values()) for row in fetch_all(connection, sql, **parameters)]

    def told(self) -> Counter[str]:
        """How often each fact about chats was told."""
        return Counter(dict(self.rows("select type, count(*) from fact where type like 'chat%' group by type")))


BASE = "/sim/corps/wwdemo0000000001"

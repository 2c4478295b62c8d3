"""A live corp in which people want tags and remarks of a customer changed."""

from contextlib import nullcontext, suppress
from typing import Any

from commands.demo_corp import record_demo_corp
from services.customers.choice import Choice
from services.intents.ask import ask
from services.intents.enforcement import TagRule
from services.intents.model import Source, Wish
from services.intents.rules import add_rule
from shared.claims import lease
from shared.db.engine import run
from shared.ids import ExternalUserId, UserId
from shared.wecom.apis import Priority
from shared.wecom.errors import UnreachableError
from sync_worker.reconcilers import Looking
from sync_worker.reconcilers.contacts import CONTACTS
from tests.sync_worker.conftest import Office

LINA = UserId("LiNa")
MARK, REMARK = "externalcontact/mark_tag", "externalcontact/remark"


class Shop:
    """A live corp with one customer of LiNa's, and two corp tags."""

    def __init__(self, office: Office) -> None:
        self.office = office
        office.corp.add_customers(1, userids=[LINA])
        (self.key,) = [ExternalUserId(one["external_userid"]) for one in office.corp.pairs()]
        made = office.corp.act({"do": "create_tag_group", "group_name": "等级", "tags": ["金卡", "银卡"]})
        self.tags: list[str] = made["tag_ids"]
        made = office.corp.act({"do": "create_tag_group", "group_name": "规则", "tags": ["必有"]})
        (self.kept,) = made["tag_ids"]
        record_demo_corp(office.runtime)
        office.walk()

    def wish(self, *wishes: tuple[str, Any], userid: UserId = LINA) -> None:
        runtime = self.office.runtime
        with runtime.engine.begin() as connection:
            ask(
                connection,
                self.office.tenant,
                self.key,
                [Wish(userid, name, value) for name, value in wishes],
                author="Zhou",
                source=Source.PERSON,
                reason="asked by phone",
                now=runtime.clock.now(),
            )

    def keep_on(self) -> TagRule:
        """From now on a rule keeps the tag `kept` on everything."""
        runtime = self.office.runtime
        with runtime.engine.begin() as connection:
            return add_rule(
                connection,
                self.office.tenant.id,
                name="必有",
                tag_id=self.kept,
                choice=Choice(),
                author="Zhou",
                reason=None,
                now=runtime.clock.now(),
            )

    def look_and_die(self, *, stolen: bool = False, free: bool = True) -> None:
        """A run takes the customer if they are due, reads and pushes, and records nothing."""
        runtime = self.office.runtime
        with runtime.engine.begin() as connection:
            now = runtime.clock.now()
            taken = lease(connection, {self.office.tenant.id: 1}, now=now, lease_s=60).values()
            if stolen:
                run(connection, "update request set fence = fence + 1")
        looking = Looking(self.office.clients, self.office.tenant, Priority.OPERATOR, now, runtime)
        for (leased,) in taken:
            with nullcontext() if stolen else suppress(UnreachableError):
                CONTACTS.observe(looking, leased)
        if free:
            with runtime.engine.begin() as connection:
                run(connection, "update request set lease_until = null")

    def edit_there(self, **notes: Any) -> None:
        """The associate edits in WeCom; nobody hears of it."""
        edit = {"do": "edit", "userid": LINA, "external_userid": self.key, "silent": True}
        self.office.corp.act(edit | notes)

    def pair(self) -> dict[str, Any]:
        (found,) = self.office.corp.pairs()
        return found

    def outcomes(self) -> list[tuple[str, str, int]]:
        return self.office.rows("select field, state, pushes::int from intent order by id")  # type: ignore[return-value]

    def writes(self) -> int:
        calls = self.office.corp.get("/sim/calls")
        return sum(sum(calls.get(api, {}).values()) for api in (MARK, REMARK))

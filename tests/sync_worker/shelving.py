"""A live corp in which people want its tags and groups of tags changed, here and in WeCom."""

from contextlib import nullcontext, suppress
from typing import Any

from commands.demo_corp import SECRET, record_demo_corp
from services.catalogue.ask import ask_catalogue, catalogue_subject, load_view
from services.catalogue.model import Asked, NewTag
from services.intents.model import Source
from shared.claims import lease
from shared.db.engine import run
from shared.requests import EVENTS, Wanted, want
from shared.wecom.apis import Priority
from shared.wecom.errors import UnreachableError
from sync_worker.reconcilers import Looking
from sync_worker.reconcilers.tags import CATALOGUE
from tests.sync_worker.conftest import Office

ADD, EDIT, DELETE = (f"externalcontact/{one}_corp_tag" for one in ("add", "edit", "del"))
LIST = "externalcontact/get_corp_tag_list"


class Shelf:
    """The tags of a live corp. `group`, `tags`: a group with two tags that we made, so we may change them."""

    def __init__(self, office: Office) -> None:
        self.office = office
        record_demo_corp(office.runtime)
        office.walk()
        self.ask(NewTag("金卡", group_name="等级"), NewTag("银卡", group_name="等级"))
        office.reconcile()
        self.group = self.id_of("等级")
        self.tags = [self.id_of("金卡"), self.id_of("银卡")]
        with office.runtime.engine.begin() as connection:
            run(connection, "delete from intent")
            run(connection, "delete from fact")

    def ask(self, *asked: Asked, source: Source = Source.PERSON) -> None:
        runtime = self.office.runtime
        with runtime.engine.begin() as connection:
            ask_catalogue(
                connection,
                self.office.tenant,
                asked,
                author="Zhou",
                source=source,
                reason="a new season",
                now=runtime.clock.now(),
            )

    def look(self, *, cause: str = "resync") -> None:
        """A look at all tags that is due now, whatever waits."""
        with self.office.runtime.engine.begin() as connection:
            wish = Wanted(catalogue_subject(self.office.tenant.id), EVENTS, cause, "run:1")
            want(connection, [wish], now=self.office.runtime.clock.now())
        self.office.reconcile()

    def look_and_die(self, *, stolen: bool = False) -> None:
        """A run takes the catalogue if it is due, reads and pushes, and records nothing."""
        runtime = self.office.runtime
        with runtime.engine.begin() as connection:
            now = runtime.clock.now()
            taken = lease(connection, {self.office.tenant.id: 1}, now=now, lease_s=60).values()
            if stolen:
                run(connection, "update request set fence = fence + 1")
        looking = Looking(self.office.clients, self.office.tenant, Priority.OPERATOR, now, runtime)
        for (leased,) in taken:
            if leased.subject.kind == CATALOGUE.kind:
                with nullcontext() if stolen else suppress(UnreachableError):
                    CATALOGUE.observe(looking, leased)
        with runtime.engine.begin() as connection:
            run(connection, "update request set lease_until = null")

    def act(self, do: str, **what: Any) -> dict[str, Any]:
        """Somebody does it in WeCom's console; nobody hears of it."""
        made: dict[str, Any] = self.office.corp.act({"do": do, "silent": True, **what})
        return made

    def other_app(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Another app of the corp calls WeCom: it may change what it made itself, and nobody hears of it."""
        corp = self.office.corp
        apps = [
            {"name": "contact", "secret": SECRET, "agent_id": 1000002},
            {"name": "crm", "secret": "the other app's", "agent_id": 1000009},
        ]
        corp.post("/sim/corps", {"corp_id": corp.corp_id, "apps": apps})
        token = corp.get(f"/cgi-bin/gettoken?corpid={corp.corp_id}&corpsecret=the other app's")["access_token"]
        answer: dict[str, Any] = corp.post(f"/cgi-bin/{path}?access_token={token}", body)
        assert answer["errcode"] == 0, answer
        return answer

    def looked(self) -> list[dict[str, Any]]:
        """All groups as WeCom has them, with tombstones."""
        return list(self.office.corp.get(f"/sim/corps/{self.office.corp.corp_id}/look/tags"))

    def there(self) -> dict[str, list[tuple[str, int]]]:
        """Name of a group -> names and places of its tags, as WeCom has them."""
        return {name: sorted(tags) for _, name, tags in self.there_by_id()}

    def there_by_id(self) -> list[tuple[str, str, list[tuple[str, int]]]]:
        """Id and name of each group with its tags, as WeCom has them."""
        living = [one for one in self.looked() if not one["deleted"]]
        return sorted((one["group_id"], one["group_name"], _tags(one["tag"])) for one in living)

    def here(self) -> dict[str, list[tuple[str, int]]]:
        """As `there`, as recorded."""
        return {name: tags for _, name, tags in self.here_by_id()}

    def here_by_id(self) -> list[tuple[str, str, list[tuple[str, int]]]]:
        """As `there_by_id`, as recorded."""
        groups = self.office.rows("select group_id, name from tag_group where deleted_at is null order by 1")
        tags = self.office.rows("select group_id, name, sort from tag where deleted_at is null order by name, sort")
        assert {one for one, *_ in tags} <= {one for one, _ in groups}
        return [(one, name, [(tag, sort) for of, tag, sort in tags if of == one]) for one, name in groups]

    def shown(self) -> dict[str, list[str]]:
        """As people here see it: recorded, with the open wishes laid over it."""
        with self.office.runtime.engine.begin() as connection:
            view = load_view(connection, self.office.tenant)
        return {str(one.name): [str(tag.name) for tag in view.tags_of(one.id)] for one in view.in_order()}

    def id_of(self, name: str) -> str:
        """The id of a living tag or group as recorded."""
        found = self.office.rows(
            f"select tag_id from tag where name = '{name}' and deleted_at is null "
            f"union all select group_id from tag_group where name = '{name}' and deleted_at is null"
        )
        return str(found[0][0])

    def outcomes(self) -> list[tuple[str, str, int]]:
        """What was wanted, how it stands, and how often it was pushed."""
        wanted = "select split_part(field, ':', 1), state, pushes::int from intent order by id"
        return self.office.rows(wanted)  # type: ignore[return-value]

    def why(self) -> list[str]:
        return [str(one) for (one,) in self.office.rows("select refusal from intent order by id")]

    def writes(self) -> int:
        calls = self.office.corp.get("/sim/calls")
        return sum(sum(calls.get(api, {}).values()) for api in (ADD, EDIT, DELETE))

    def facts(self) -> list[tuple[str, str, str]]:
        return self.office.rows("select type, cause, caused_by from fact order by id")  # type: ignore[return-value]

    def fault(self, api: str, **fault: Any) -> None:
        self.office.corp.post("/sim/faults", {"path": api, **fault})


def _tags(tags: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return sorted((one["name"], one["order"]) for one in tags if not one["deleted"])

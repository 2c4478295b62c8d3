"""The API as a retailer's system meets it: a corp in the database, keys, and a client that speaks JSON."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from console.api import examples_sops
from console.app import make_app
from console.desk import Desk
from services.cards.store import refresh_cards, take_due
from services.customers.model import Notes, Observed, ObservedRelation, Profile
from shared.api_keys import Scope, make_key
from shared.clock import FixedClock
from shared.corp_file import CorpFile
from shared.db.engine import fetch_all, run
from shared.ids import ExternalUserId, UserId
from shared.runtime import Runtime
from shared.scope import EVERYTHING, DataScope
from shared.settings import Settings
from shared.tenants import Tenant, load_tenant, record_corp
from shared.vault import Vault
from sync_worker.reconcilers.contact_records import Sighting, record

V1 = "/api/v1"


@dataclass
class Caller:
    """A system with a key."""

    client: FlaskClient
    key: str

    def ask(
        self, method: str, path: str, body: object = None, *, once: str | None = None, **options: Any
    ) -> TestResponse:
        """`once`: the Idempotency-Key."""
        headers = {"Authorization": f"Bearer {self.key}"} | options.pop("headers", {})
        if once is not None:
            headers["Idempotency-Key"] = once
        if body is not None:
            options |= {"data": json.dumps(body), "content_type": "application/json"}
        return self.client.open(V1 + path, method=method, headers=headers, **options)

    def get(self, path: str, **query: Any) -> Any:
        answer = self.ask("GET", path, query_string=query)
        assert answer.status_code == 200, answer.text
        return answer.json

    def upsert(self, *identities: str | tuple[str, str, bool], **fields: object) -> Any:
        answer = self.ask("POST", "/customers:upsert", upsert_body(*identities, **fields))
        assert answer.status_code in (200, 201), answer.text
        return answer.json


def upsert_body(*identities: str | tuple[str, str, bool], **fields: object) -> dict[str, object]:
    """Each identity as "kind=value", or with whether it is verified."""
    return {"identities": [identity(one) for one in identities], "fields": fields}


def identity(told: str | tuple[str, str, bool]) -> dict[str, object]:
    kind, value, verified = (*told.split("=", 1), False) if isinstance(told, str) else told
    return {"kind": kind, "value": value} | ({"verified": True} if verified else {})


@dataclass
class Shop(Caller):
    """A corp and its CRM, whose key may do everything."""

    runtime: Runtime
    tenant: Tenant
    clock: FixedClock
    rung: list[str] = field(default_factory=list)
    began: dict[tuple[str, str], datetime] = field(default_factory=dict)

    def caller(
        self,
        *scopes: Scope,
        name: str = "other",
        tenant: Tenant | None = None,
        may_verify: bool = False,
        sight: DataScope = EVERYTHING,
    ) -> Caller:
        with self.runtime.engine.begin() as connection:
            key = make_key(
                connection,
                (tenant or self.tenant).id,
                name=name,
                scopes=scopes or list(Scope),
                may_verify=may_verify,
                by="Chen Jing",
                now=self.clock.now(),
                sight=sight,
            )
        return Caller(self.client, key)

    def befriend(
        self,
        external_userid: str,
        *userids: str,
        unionid: str | None = None,
        name: str = "顾客",
        notes: Notes | None = None,
    ) -> None:
        """WeCom shows a contact with these friends, in the order of their beginnings; a worker has recorded it."""
        now = self.clock.now()
        observed = Observed(
            ExternalUserId(external_userid),
            Profile(name=name, type=1, unionid=unionid),
            tuple(
                ObservedRelation(
                    UserId(one), self.began.setdefault((external_userid, one), now), notes or Notes(corp_tag_ids=())
                )
                for one in userids
            ),
            now,
            complete=True,
        )
        with self.runtime.engine.begin() as connection:
            record(connection, self.runtime.settings, self.tenant, [Sighting(observed, "event", None)], now=now)

    def add_associates(self, *userids: str, department_id: int = 1) -> None:
        """The directory shows them, with the customer-contact function."""
        with self.runtime.engine.begin() as connection:
            run(
                connection,
                "insert into associate (tenant_id, userid, main_department_id, observed_at, cause) "
                "select :tenant_id, u, :department_id, :now, 'event' from unnest(cast(:userids as text[])) u",
                tenant_id=self.tenant.id,
                department_id=department_id,
                userids=list(userids),
                now=self.clock.now(),
            )

    def add_tags(self, *tag_ids: str) -> None:
        now = self.clock.now()
        with self.runtime.engine.begin() as connection:
            values = {"tenant_id": self.tenant.id, "now": now}
            fetch_all(
                connection,
                "insert into tag_group (tenant_id, group_id, name, shown_at, observed_at, cause) "
                "values (:tenant_id, 'etLevels', '等级', :now, :now, 'event') on conflict do nothing "
                "returning group_id",
                **values,
            )
            for tag_id in tag_ids:
                fetch_all(
                    connection,
                    "insert into tag (tenant_id, tag_id, group_id, name, shown_at, observed_at, cause) "
                    "values (:tenant_id, :tag_id, 'etLevels', :tag_id, :now, :now, 'event') returning tag_id",
                    tag_id=tag_id,
                    **values,
                )

    def renew_cards(self) -> None:
        """What a worker does within seconds: filters find customers as they are now."""
        with self.runtime.engine.begin() as connection:
            refresh_cards(connection, self.tenant, take_due(connection, self.tenant.id, limit=1000) or [])

    def add_automatic_tag(self) -> None:
        """local:900, as the examples name it."""
        with self.runtime.engine.begin() as connection:
            run(
                connection,
                "insert into local_tag (tenant_id, id, group_id, kind, name, position, created_at) "
                "overriding system value values (:tenant_id, 900, 900, 'automatic', 'big spender', 1, :now)",
                tenant_id=self.tenant.id,
                now=self.clock.now(),
            )

    def add_segment_by_hand(self) -> None:
        """700, as the examples name it."""
        with self.runtime.engine.begin() as connection:
            run(
                connection,
                "insert into segment (tenant_id, id, name, kind, filter, created_at, created_by, refreshed_at) "
                "overriding system value values (:tenant_id, 700, 'came to the fair', 'static', :filter, :now, 'x', "
                ":now)",
                tenant_id=self.tenant.id,
                filter=self.tenant.cipher.encrypt(b"null", "segment.filter"),
                now=self.clock.now(),
            )

    def add_sop_rule(self, *customer_ids: int) -> None:
        """Rule 1, with these on the way in it: enrolments 1, 2, ..."""
        rule = examples_sops.RULE | {"name": "欢迎", "audience": {"filter": {}}, "exits": []}
        assert self.ask("POST", "/sop-rules", rule).status_code == 201
        assert self.ask("POST", "/sop-rules/1/enable", {}).status_code == 200
        for n, one in enumerate(customer_ids, 1):
            assert self.ask("POST", "/sop-rules/1/enrolments", {"customer_ids": [one]}).json["enrolment_ids"] == [n]

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.runtime.engine.begin() as connection:
            return [tuple(row.values()) for row in fetch_all(connection, sql)]


def add_corp(engine: Engine, vault: Vault, clock: FixedClock, corp_id: str) -> Tenant:
    with engine.begin() as connection:
        corp = CorpFile(corp_id=corp_id, name="Example Retail", pushes=True)
        tenant = load_tenant(connection, vault, record_corp(connection, vault, corp, now=clock.now()))
        assert tenant is not None
        return tenant


MakeShop = Callable[..., Shop]


@pytest.fixture
def make_shop(engine: Engine, redis_url: str, vault: Vault, clock: FixedClock) -> MakeShop:
    def make(**settings: Any) -> Shop:
        runtime = Runtime(Settings(_env_file=None, **settings), clock, engine, Redis.from_url(redis_url), vault)
        rung: list[str] = []
        app = make_app(Desk(runtime, lambda: rung.append("worker")))
        tenant = add_corp(engine, vault, clock, "ww0000000000000001")
        shop = Shop(app.test_client(), "", runtime, tenant, clock, rung)
        shop.key = shop.caller(name="crm", may_verify=True).key
        return shop

    return make


@pytest.fixture
def shop(make_shop: MakeShop) -> Shop:
    return make_shop()

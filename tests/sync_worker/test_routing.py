"""From the inbox to requests: one commit per batch, and every row gets an outcome."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import Engine
from structlog.testing import capture_logs

from shared.clock import FixedClock, from_unix
from shared.db.engine import fetch_all, make_engine, run
from shared.directory import Directory
from shared.inbox import BODY, Arrival, digest_of, usable_time
from shared.queue import make_redis
from shared.runtime import Runtime
from shared.settings import Settings
from shared.tenants import Receiver, load_receivers, record_corp
from shared.vault import Vault
from sync_worker.routing import route_inbox
from tests.shared.arrivals import store
from tests.shared.corps import CORP, KEYS, OLD_KEYS, OTHER_VAULT, corp_file, record_closed_corp

CUSTOMER = "wmQx3LCQAAk7Tz9vRn5PbWc0HsYd2UeA"
RECEIVERS = {
    "main": {"kind": "app", "app": "contact", **KEYS},
    "second": {"kind": "app", **OLD_KEYS},
    "directory": {"kind": "directory", **KEYS},
    "suite": {"kind": "suite", "suite_id": "ww2b9d0e64fa17c385", "provider_corp_id": "wwprovider", **KEYS},
}


class World:
    """One installation: a worker's runtime, a way to let events arrive, and what became of them."""

    def __init__(self, engine: Engine, vault: Vault, clock: FixedClock) -> None:
        self.engine, self.vault, self.clock = engine, vault, clock
        self.runtime = Runtime(Settings(_env_file=None), clock, engine, make_redis("redis://127.0.0.1:1/0"), vault)
        self.record()
        self.directory = Directory(vault)

    def record(self, **changes: Any) -> None:
        with self.engine.begin() as connection:
            record_corp(connection, self.vault, corp_file(receivers=RECEIVERS | changes), now=self.clock.now())

    def receivers(self) -> dict[str, Receiver]:
        with self.engine.connect() as connection:
            return {one.name: one for one in load_receivers(connection, self.vault)}

    def arrive(self, *bodies: bytes, receiver: str = "main", at: datetime | None = None) -> None:
        to = self.receivers()[receiver]
        arrivals = [
            Arrival(to.id, to.tenant_id, digest_of(body), to.cipher.encrypt(body, BODY), at, self.clock.now())
            for body in bodies
        ]
        store(self.engine, arrivals)

    def route(self, *, limit: int = 500) -> int:
        return route_inbox(self.runtime, self.directory, limit=limit)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.engine.connect() as connection:
            return [tuple(row.values()) for row in fetch_all(connection, sql)]

    def outcomes(self) -> list[tuple[Any, ...]]:
        return self.rows("select state, event, change, problem from inbox order by id")


@pytest.fixture
def world(engine: Engine, vault: Vault, clock: FixedClock) -> World:
    return World(engine, vault, clock)


@pytest.fixture
def sample(fixtures: Path) -> Callable[[str], bytes]:
    return lambda name: (fixtures / "events" / f"{name}.xml").read_bytes()


def edited(customer: str) -> bytes:
    return (
        "<xml><Event>change_external_contact</Event><ChangeType>edit_external_contact</ChangeType>"
        f"<UserID>LiNa</UserID><ExternalUserID>{customer}</ExternalUserID></xml>"
    ).encode()


def counted(state: str, event: str) -> float:
    return REGISTRY.get_sample_value("guanxi_inbox_routed_total", {"state": state, "event": event}) or 0.0


def test_a_known_event_marks_its_customer_and_leaves_its_evidence(world: World, sample: Callable[[str], bytes]):
    """The subject is due, what no read can tell is kept at its own time, the row is routed."""
    at = usable_time("1790000140")
    world.arrive(sample("ec_del_follow_user"), at=at)
    assert world.route() == 1
    assert world.outcomes() == [("routed", "change_external_contact", "del_follow_user", None)]
    ((day, inbox_id, routed_at),) = world.rows("select day, id, routed_at from inbox")
    assert routed_at == world.clock.now()
    assert world.rows("select subject_kind, subject_key, generation, lane, cause, caused_by from request") == [
        ("external_contact", CUSTOMER, 1, 1, "event", f"inbox:{day:%Y%m%d}-{inbox_id}")
    ]
    assert world.rows("select subject_key, userid, kind, occurred_at, inbox_day, inbox_id, details from evidence") == [
        (CUSTOMER, "LiNa", "ended_by_customer", from_unix(1790000140), day, inbox_id, {})
    ]


def test_the_contact_way_is_kept_with_the_evidence(world: World, sample: Callable[[str], bytes]):
    """The customer may be gone before we read."""
    world.arrive(sample("ec_add_external_contact"))
    world.route()
    assert world.rows("select kind, details from evidence") == [("added", {"state": "booth_a7"})]


def test_an_event_without_a_usable_time_counts_from_its_arrival(world: World, sample: Callable[[str], bytes]):
    """Evidence always has a time."""
    world.arrive(sample("ec_del_follow_user"), at=None)
    world.route()
    assert world.rows("select occurred_at from evidence") == [(world.clock.now(),)]


def test_an_event_of_the_future_counts_from_its_arrival(world: World, sample: Callable[[str], bytes]):
    """What has not happened yet would freeze what it is about, since no read is later (G2); a skew of minutes stays."""
    near, far = world.clock.now() + timedelta(minutes=9), from_unix(4_000_000_000)
    world.arrive(sample("ec_del_follow_user"), at=far)
    world.arrive(sample("ec_add_external_contact"), at=near)
    world.route()
    assert world.rows("select kind, occurred_at from evidence order by kind") == [
        ("added", near),
        ("ended_by_customer", world.clock.now()),
    ]


def test_routing_is_one_commit(world: World, sample: Callable[[str], bytes]):
    """If the outcome cannot be stored, neither evidence nor request stays, and the row is routed again."""
    world.arrive(sample("ec_del_follow_user"))
    with world.engine.begin() as connection:
        run(connection, "alter table inbox add constraint no_outcome check (state = 'new')")
    with pytest.raises(Exception, match="no_outcome"):
        world.route()
    assert (world.rows("select * from request"), world.rows("select * from evidence")) == ([], [])
    with world.engine.begin() as connection:
        run(connection, "alter table inbox drop constraint no_outcome")
    assert world.route() == 1
    assert len(world.rows("select * from request")) == len(world.rows("select * from evidence")) == 1


def test_events_of_one_customer_fold_into_one_request(world: World, sample: Callable[[str], bytes]):
    """One batch, one generation; a later batch adds one more."""
    world.arrive(sample("ec_add_external_contact"), sample("ec_edit_external_contact"))
    assert world.route() == 2
    assert world.rows("select generation from request") == [(1,)]
    world.arrive(sample("ec_del_follow_user"))
    world.route()
    assert world.rows("select generation from request") == [(2,)]


def test_an_unknown_event_stays_unrouted_and_counted(world: World, sample: Callable[[str], bytes]):
    """It is no failure, and its name does not become a label: what arrives must not grow the metrics."""
    before = counted("unrouted", "other")
    names = ["app_view", "app_click", "msg_text", "msg_image"]
    strange = b"<xml><Event>change_external_contact</Event><ChangeType>brand_new_4711</ChangeType></xml>"
    world.arrive(*map(sample, names), strange)
    assert world.route() == 5
    assert {(state, problem) for state, *_, problem in world.outcomes()} == {("unrouted", None)}
    assert ("unrouted", "change_external_contact", "brand_new_4711", None) in world.outcomes()
    assert world.rows("select * from request") == []
    assert counted("unrouted", "other") == before + 5
    labels = {s.labels["event"] for m in REGISTRY.collect() if m.name == "guanxi_inbox_routed" for s in m.samples}
    assert not [label for label in labels if "4711" in label or "click" in label]


def test_a_family_that_wecom_misspells_is_the_same_family(world: World, sample: Callable[[str], bytes]):
    """One page of its documents writes customer_aqcuisition; it counts under its right name."""
    before = counted("routed", "customer_acquisition/balance_low")
    world.arrive(sample("ca_balance_low").replace(b"customer_acquisition", b"customer_aqcuisition"))
    world.route()
    assert world.rows("select subject_kind, kind from evidence") == [("acquisition_quota", "balance_low")]
    assert counted("routed", "customer_acquisition/balance_low") == before + 1


def test_names_are_matched_without_case(world: World, sample: Callable[[str], bytes]):
    """The families spell them differently."""
    before = counted("routed", "change_external_contact/edit_external_contact")
    world.arrive(sample("ec_edit_external_contact").replace(b"edit_external", b"Edit_External"))
    world.route()
    assert [state for state, *_ in world.outcomes()] == ["routed"]
    assert counted("routed", "change_external_contact/edit_external_contact") == before + 1


@pytest.mark.parametrize("tag", ["UserID", "ExternalUserID"])
def test_an_event_that_names_nobody_is_unrouted_with_the_reason(world: World, sample: Callable[[str], bytes], tag: str):
    """It leaves neither half a request nor half its evidence, and does not hold up the others."""
    broken = sample("ec_del_follow_user").replace(f"<{tag}>".encode(), b"<X>").replace(f"</{tag}>".encode(), b"</X>")
    world.arrive(broken, edited("wm2"))
    assert world.route() == 2
    outcomes = {problem: state for state, *_, problem in world.outcomes()}
    assert outcomes == {f"lacks a usable {tag}": "unrouted", None: "routed"}
    assert world.rows("select subject_key from request") == [("wm2",)]
    assert world.rows("select * from evidence") == []


def test_a_suites_event_is_unrouted(world: World, sample: Callable[[str], bytes]):
    """A suite sees other ids for the same people: never merged with the corp's own."""
    world.arrive(sample("ec_del_follow_user"), receiver="suite")
    world.route()
    assert world.outcomes() == [("unrouted", "change_external_contact", "del_follow_user", None)]
    assert world.rows("select * from request") == []


def test_one_event_heard_by_two_receivers_is_one_piece_of_evidence(world: World, sample: Callable[[str], bytes]):
    """Stored per receiver, the effect is per tenant."""
    for receiver in ("main", "second", "directory"):
        world.arrive(sample("ec_del_follow_user"), receiver=receiver)
    assert world.route(limit=2) == 2
    assert world.route(limit=2) == 1
    assert [state for state, *_ in world.outcomes()] == ["routed"] * 3
    assert len(world.rows("select * from evidence")) == 1
    assert world.rows("select subject_key, generation from request") == [(CUSTOMER, 2)]


def test_what_cannot_be_read_is_failed_and_holds_up_nobody(world: World, sample: Callable[[str], bytes]):
    """Not decryptable, damaged to nothing, or no body at all: kept with the reason, the others are routed."""
    for damaged in ("body || 'x'::bytea", "''::bytea", "'\\x01ff'::bytea"):
        world.arrive(edited(damaged))
        with world.engine.begin() as connection:
            run(connection, f"update inbox set body = {damaged} where id = (select max(id) from inbox)")
    world.arrive(b"<xml><broken></xml>", edited("wm2"))
    assert world.route() == 5
    states = [state for state, *_ in world.outcomes()]
    assert sorted(states) == ["failed"] * 4 + ["routed"]
    assert all(problem for state, *_, problem in world.outcomes() if state == "failed")
    assert world.rows("select subject_key from request") == [("wm2",)]


def test_an_id_that_no_index_holds_holds_up_nobody(world: World):
    """An id of thousands of characters is none; without a bound its batch would fail for ever."""
    endless = "".join(sha256(b"%d" % n).hexdigest() for n in range(400))
    world.arrive(edited(endless), edited("w" * 64))
    assert world.route() == 2
    assert ("unrouted", "lacks a usable ExternalUserID") in world.rows("select state, problem from inbox")
    assert world.rows("select subject_key from request") == [("w" * 64,)]


def test_a_body_with_a_nul_holds_up_nobody(world: World):
    """JSON may hold one, PostgreSQL may not."""
    event = b'{"Event":"change_external_contact","ChangeType":"edit_external_contact","ExternalUserID":"wm\\u00001"}'
    world.arrive(event, b'{"msgtype":"te\\u0000xt"}', edited("wm2"))
    assert world.route() == 3
    assert world.rows("select subject_key from request order by 1") == [("wm1",), ("wm2",)]


def test_the_event_of_a_removed_receiver_is_unrouted(world: World, sample: Callable[[str], bytes]):
    """There is nothing to decrypt it with any more."""
    world.arrive(sample("ec_del_follow_user"), receiver="second")
    with world.engine.begin() as connection:
        kept = {name: one for name, one in RECEIVERS.items() if name != "second"}
        record_corp(connection, world.vault, corp_file(receivers=kept), now=world.clock.now())
    world.route()
    assert world.outcomes() == [("unrouted", None, None, "its receiver was removed")]


def test_a_receiver_that_was_added_later_is_found(world: World, sample: Callable[[str], bytes]):
    """A running worker learns of it with its first event."""
    world.arrive(edited("wm1"))
    world.route()
    world.record(third={"kind": "app", **KEYS})
    world.arrive(edited("wm2"), receiver="third")
    world.route()
    assert [state for state, *_ in world.outcomes()] == ["routed", "routed"]


def test_the_events_of_a_corp_whose_keys_do_not_open_wait_and_hold_up_nobody(world: World):
    """They are routed once its keys open; the log says whose it is, once a minute (G1)."""
    world.arrive(edited("wmOpen"))
    with world.engine.begin() as connection:
        closed = record_closed_corp(connection, now=world.clock.now())
        (to,) = load_receivers(connection, OTHER_VAULT, tenant_id=closed)
    body = edited("wmClosed")
    store(world.engine, [Arrival(to.id, to.tenant_id, digest_of(body), to.cipher.encrypt(body, BODY), None,
                                 world.clock.now())])  # fmt: skip
    with capture_logs() as logs:
        assert [world.route() for _ in range(3)] == [1, 0, 0]
    assert world.rows("select state from inbox order by id") == [("routed",), ("new",)]
    (told,) = [one for one in logs if one["event"] == "receiver.unusable"]
    assert (told["tenant_id"], told["receiver_id"]) == (to.tenant_id, to.id)
    world.directory = Directory(OTHER_VAULT)
    assert world.route() == 1
    assert world.rows("select state from inbox order by id") == [("routed",), ("routed",)]


def test_an_empty_inbox_costs_nothing(world: World):
    """Looking twice is harmless."""
    assert world.route() == 0
    world.arrive(edited("wm1"))
    assert (world.route(), world.route()) == (1, 0)
    assert world.rows("select generation from request") == [(1,)]


def test_two_routers_at_once_route_each_row_once(world: World, database_url: str):
    """Rows are claimed, not shared; customers named in both batches do not deadlock."""
    for batch in range(4):
        world.arrive(*(edited(f"wm{n}") + b"<!-- %d -->" % batch for n in range(100)))
    others = [World(make_engine(database_url), world.vault, world.clock) for _ in range(2)]

    def work(one: World) -> int:
        return sum(iter(lambda: one.route(limit=30), 0))

    with ThreadPoolExecutor(2) as pool:
        counts = list(pool.map(work, others))
    for one in others:
        one.engine.dispose()
    assert sum(counts) == 400
    assert world.rows("select state, count(*) from inbox group by 1") == [("routed", 400)]
    assert len(world.rows("select * from request")) == 100


def test_logs_and_metrics_hold_no_ids_of_people(world: World, sample: Callable[[str], bytes]):
    """Labels are names that this system knows."""
    world.arrive(sample("ec_del_follow_user"))
    world.route()
    samples = [s for m in REGISTRY.collect() if m.name.startswith("guanxi_inbox") for s in m.samples]
    assert not [s for s in samples if {CUSTOMER, "LiNa", CORP} & set(s.labels.values())]

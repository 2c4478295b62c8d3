"""What events say of acquisition links becomes facts: each once, however they come."""

from collections.abc import Callable
from pathlib import Path

import pytest

from shared.db.engine import run
from shared.inbox import BODY, Arrival, digest_of
from shared.tenants import load_receivers
from sync_worker.routing import route_inbox
from tests.shared.arrivals import store
from tests.sync_worker.conftest import Office

FACTS = "select type, payload ->> 'step', subject_key from fact where type like 'acquisition%' order by occurred_at, id"
OPEN = "select subject_kind from request where generation > settled_generation"
LINK = "cawq7d0e19b45c82af"


@pytest.fixture
def hear(office: Office, fixtures: Path) -> Callable[..., None]:
    """Samples arrive, each with its own time, and are routed together."""

    def arrive(*names: str, instead: tuple[bytes, bytes] = (b"", b"")) -> None:
        with office.runtime.engine.begin() as connection:
            (receiver,) = [one for one in load_receivers(connection, office.runtime.vault) if one.name == "main"]
        bodies = [(fixtures / "events" / f"ca_{name}.xml").read_bytes().replace(*instead) for name in names]
        now = office.runtime.clock.now()
        arrivals = [
            Arrival(receiver.id, receiver.tenant_id, digest_of(one), receiver.cipher.encrypt(one, BODY), now, now)
            for one in bodies
        ]
        store(office.runtime.engine, arrivals)
        route_inbox(office.runtime, office.directory, limit=100)

    return arrive


def test_each_event_is_one_fact_though_requests_fold(office: Office, hear: Callable[..., None]) -> None:
    """Many events of one link are one request; none of them is told twice, none is left out."""
    hear("open_profile", "friend_request", "message_from_customer", "balance_low", "balance_exhausted")
    office.reconcile()
    hear("open_profile", "friend_request", "link_unavailable", "delete_link", "quota_expire_soon")
    office.reconcile()
    hear("balance_increased")
    office.reconcile()
    told = office.rows("select type, coalesce(payload ->> 'step', payload ->> 'news'), payload ->> 'count' from fact "
                       "where type like 'acquisition%'")  # fmt: skip
    assert sorted(told, key=str) == [
        ("acquisition_link_deleted", None, None),
        ("acquisition_link_unavailable", None, None),
        ("acquisition_link_used", "friend_request", None),
        ("acquisition_link_used", "message_from_customer", None),
        ("acquisition_link_used", "open_profile", None),
        ("acquisition_quota_changed", "balance_exhausted", None),
        ("acquisition_quota_changed", "balance_increased", None),
        ("acquisition_quota_changed", "balance_low", None),
        ("acquisition_quota_changed", "quota_expire_soon", "120"),
    ]
    assert office.rows(OPEN) == []


def test_a_fact_names_its_own_event(office: Office, hear: Callable[..., None]) -> None:
    """Whatever request it shared: cause and time are the event's own (design: every row can say why)."""
    hear("open_profile", "friend_request")
    office.reconcile()
    caused = office.rows("select caused_by from fact where type = 'acquisition_link_used' order by 1")
    inbox = office.rows("select 'inbox:' || to_char(day, 'YYYYMMDD') || '-' || id from inbox order by 1")
    assert caused == inbox


def test_evidence_with_an_id_of_long_ago_is_told_too(office: Office, hear: Callable[..., None]) -> None:
    """Ids are given before commits, which come in any order: what is told is marked, not counted up to."""
    hear("open_profile")
    office.reconcile()
    hear("friend_request")
    with office.runtime.engine.begin() as connection:
        run(connection, "update evidence set id = -id where kind = 'friend_request'")
    office.reconcile()
    assert [step for _, step, _ in office.rows(FACTS)] == ["open_profile", "friend_request"]


def test_the_first_message_of_a_customer_is_told_and_does_not_disturb_the_customer(
    office: Office, hear: Callable[..., None]
) -> None:
    """The contact is looked at; evidence that relations do not follow from changes none of them."""
    one = office.corp.act({"do": "add", "userid": "LiNa", "name": "王小明", "silent": True})["external_userid"]
    hear("customer_start_chat", instead=(b"wmQx3LCQAAk7Tz9vRn5PbWc0HsYd2UeA", one.encode()))
    office.reconcile()
    assert office.rows(FACTS) == [("acquisition_link_used", "customer_start_chat", LINK)]
    assert office.rows("select userid, state from relation") == [("LiNa", "active")]
    assert office.rows("select kind, userid, details ->> 'link_id' from evidence where subject_key = :one".replace(
        ":one", f"'{one}'")) == [("acquisition_chat_started", "LiNa", LINK)]  # fmt: skip
    assert office.rows(OPEN) == []


def test_rubbish_in_an_event_does_not_stop_the_others(office: Office, hear: Callable[..., None]) -> None:
    """A number that is none is not known; a link without an id is unrouted (G8)."""
    hear("quota_expire_soon", instead=(b"<ExpireQuotaNum>120", b"<ExpireQuotaNum>" + b"9" * 400))
    hear("open_profile", instead=(b"cawq7d0e19b45c82af", b"x" * 300))
    office.reconcile()
    assert office.rows("select payload ->> 'count' from fact where type = 'acquisition_quota_changed'") == [(None,)]
    assert office.rows("select state from inbox order by id") == [("routed",), ("unrouted",)]


def test_the_chat_key_is_in_no_row(office: Office, hear: Callable[..., None]) -> None:
    """A secret of half an hour: only the encrypted inbox has it (G10)."""
    hear("message_from_customer")
    office.reconcile()
    for table in ("evidence", "fact", "request", "inbox"):
        assert office.rows(f"select 1 from {table} t where t::text like '%CK_7pLq0z%'") == []

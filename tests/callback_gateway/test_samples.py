"""Every sample of the platform's events, sent encrypted to a receiver of its kind."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
import requests
from redis import Redis
from sqlalchemy import Engine

from shared.body import read_body
from shared.clock import FixedClock
from shared.db.engine import fetch_all, run
from shared.directory import Directory
from shared.inbox import usable_time
from shared.runtime import Runtime
from shared.settings import Settings
from shared.vault import Vault
from sync_worker.events import Fields, spec_of
from sync_worker.routing import route_inbox
from tests.callback_gateway.conftest import CORP, Gateway, StartGateway

SAMPLES = Path(__file__).parents[1] / "fixtures" / "events"
SUITE, PROVIDER, APP_ID = "ww2b9d0e64fa17c385", "wwprovider", "wx0account"
KINDS = {
    "contact": "directory",
    "suite": "suite",
    "provider": "suite",
    "mp": "account",
    "aibot": "robot",
}


def send(gateway: Gateway, path: Path) -> list[tuple[requests.Response, bytes]]:
    """The answers to one sample, each with what the receiver's style demands."""
    body = path.read_bytes()
    match KINDS.get(path.name.split("_")[0], "app"):
        case "account":
            account = gateway.sender("account", APP_ID)
            both = gateway.sender("account_both", APP_ID)
            plain = gateway.sender("account_plain")
            return [(answer, b"success") for answer in (account.push(body), both.push(body), plain.push_plain(body))]
        case "suite":
            return [(gateway.sender("suite", SUITE).push(body), b"success")]
        case "robot":
            return [(gateway.sender("robot", "").push_json(body), b"")]
        case kind:
            return [(gateway.sender(kind).push(body), b"")]


def test_every_sample_arrives_as_one_row_and_is_answered_in_its_receivers_style(
    gateway: Gateway, inbox: Callable[[], list[bytes]]
) -> None:
    """200 with an empty body for apps, directory and robots, `success` for suites and official accounts."""
    sent = []
    for path in sorted(SAMPLES.iterdir()):
        for answer, expected in send(gateway, path):
            assert (answer.status_code, answer.content) == (200, expected), path.name
            sent.append(path.read_bytes())
    assert len(sent) > 120
    assert sorted(inbox()) == sorted(sent)


def expected_of(
    path: Path, *, arrived: datetime
) -> tuple[set[tuple[str, str]], set[tuple[str, str, str | None]]] | None:
    """Subjects and evidence that a sample's event file names; None when nothing acts on it."""
    if KINDS.get(path.name.split("_")[0], "app") not in ("app", "directory"):
        return None
    body = read_body(path.read_bytes())
    spec = spec_of(body.event, body.change)
    if spec is None:
        return None
    fields = Fields(body, usable_time(body.created) or arrived)
    said = {(one.key.key, str(one.kind), one.userid) for one in spec.evidence(fields)}
    return {(key.kind, key.key) for key in spec.targets(fields)}, said


def test_every_sample_comes_out_as_the_right_subjects_or_as_unrouted(
    gateway: Gateway, engine: Engine, vault: Vault, clock: FixedClock
) -> None:
    """From the wire to the request: what to look at, with the evidence, or kept and counted."""
    runtime = Runtime(Settings(), clock, engine, Redis(), vault)
    acted_on = 0
    for path in sorted(SAMPLES.iterdir()):
        with engine.begin() as connection:
            for table in ("inbox", "evidence", "request"):
                run(connection, f"delete from {table}")
        send(gateway, path)
        route_inbox(runtime, Directory(vault), limit=10)
        with engine.connect() as connection:
            states = {row["state"] for row in fetch_all(connection, "select state from inbox")}
            subjects = fetch_all(connection, "select subject_kind, subject_key from request")
            evidence = fetch_all(connection, "select subject_key, kind, userid from evidence")
        expected = expected_of(path, arrived=clock.now())
        acted_on += expected is not None
        assert states == {"unrouted" if expected is None else "routed"}, path.name
        found = {tuple(row.values()) for row in subjects}, {tuple(row.values()) for row in evidence}
        assert found == (expected or (set(), set())), path.name
    assert acted_on >= 25


def test_an_event_of_an_unknown_type_is_kept(gateway: Gateway, inbox: Callable[[], list[bytes]]) -> None:
    """What we do not know today may matter tomorrow; it is never an error."""
    body = b"<xml><CreateTime>1409659813</CreateTime><Event><![CDATA[no_such_event]]></Event><New>1</New></xml>"
    assert gateway.sender("app").push(body).status_code == 200
    assert inbox() == [body]


def test_the_form_of_a_push_is_told_by_its_first_byte(gateway: Gateway) -> None:
    """Neither an app nor a robot loses an authentic event because it came in the other form."""
    message = (SAMPLES / "msg_text.xml").read_bytes()
    app, robot = gateway.sender("app"), gateway.sender("robot", "")
    assert [sender.push_json(message).status_code for sender in (app, robot)] == [200, 200]
    assert [sender.push(message).status_code for sender in (app, robot)] == [200, 200]


@pytest.mark.parametrize("receiver", ["account", "account_both", "account_plain"])
def test_an_official_account_gets_its_echostr_back_unchanged(gateway: Gateway, receiver: str) -> None:
    """It is not encrypted in any mode; a wrong signature is refused."""
    query = {**gateway.sender(receiver).plain_query(), "echostr": "5837397520665436492"}
    answer = requests.get(gateway.url(receiver), params=query, timeout=30)
    assert (answer.status_code, answer.text) == (200, "5837397520665436492")
    forged = requests.get(gateway.url(receiver), params={**query, "timestamp": "1"}, timeout=30)
    assert forged.status_code == 403


def test_the_plain_fields_of_compatible_mode_are_not_believed(
    gateway: Gateway, inbox: Callable[[], list[bytes]]
) -> None:
    """Only the encrypted part is signed: without it the push is refused, whatever the plain fields say."""
    account = gateway.sender("account_both", APP_ID)
    body = (SAMPLES / "mp_text.xml").read_bytes()
    query = {**account.plain_query(), "msg_signature": account.query("")["msg_signature"]}
    assert requests.post(account.url, params=query, data=body, timeout=30).status_code == 400
    assert inbox() == []


def test_the_expected_receiveid_depends_on_kind_and_method(gateway: Gateway) -> None:
    """A suite's address is verified with the provider's id and pushed to with the suite's or the corp's."""
    suite = {name: gateway.sender("suite", name) for name in (SUITE, PROVIDER, CORP)}
    assert {name: sender.verify(b"echo").status_code for name, sender in suite.items()} == {
        SUITE: 403,
        PROVIDER: 200,
        CORP: 403,
    }
    push = (SAMPLES / "suite_ticket.xml").read_bytes()
    assert {name: sender.push(push).status_code for name, sender in suite.items()} == {
        SUITE: 200,
        PROVIDER: 403,
        CORP: 200,
    }
    assert gateway.sender("robot", "").verify(b"echo").text == "echo"
    assert gateway.sender("robot", CORP).verify(b"echo").status_code == 403


def test_a_configured_set_of_receiveids_replaces_the_default(
    start_gateway: StartGateway, corp: Callable[..., None]
) -> None:
    """`receiveids` may name other ids, for GET and POST apart."""
    ids = {"get": ["first"], "post": ["second", "third"]}
    keys = {"token": "abc", "encoding_aes_key": "a" * 43}
    corp(own={"kind": "app", "receiveids": ids, **keys})
    gateway = start_gateway()
    body = (SAMPLES / "msg_text.xml").read_bytes()
    found = {}
    for receiveid in ("first", "second", "third", CORP):
        sender = gateway.sender("own", receiveid, token="abc", aes_key="a" * 43)
        found[receiveid] = (sender.verify(b"x").status_code, sender.push(body).status_code)
    assert found == {"first": (200, 403), "second": (403, 200), "third": (403, 200), CORP: (403, 403)}

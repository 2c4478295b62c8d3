"""`guanxi webhook`: endpoints by hand, trials, and sending again."""

import json
import re
from collections.abc import Callable, Iterator

import pytest

from commands.demo_corp import CORP_ID, record_demo_corp
from notifier.webhooks.lanes import Lanes
from services.customers.model import RelationEdited
from services.notices.store import Caused, record_facts_and_notices
from shared.ids import ExternalUserId, UserId
from tests.commands.conftest import Guanxi
from tests.notifier.webhooks.sink import Reply, Sink, sink
from tests.sync_worker.conftest import Office


@pytest.fixture
def receiver() -> Iterator[Sink]:
    with sink() as made:
        yield made


@pytest.fixture
def office(make_office: Callable[..., Office]) -> Office:
    return opened(make_office())


def opened(office: Office) -> Office:
    """With a corp that has not been looked at yet: no facts but ours."""
    record_demo_corp(office.runtime)
    return office


def happen(office: Office, count: int = 1, *, cause: str = "event") -> None:
    now = office.runtime.clock.now()
    fact = RelationEdited(
        occurred_at=now, userid=UserId("LiNa"), external_userid=ExternalUserId("wm1"), changed=("remark",)
    )
    with office.runtime.engine.begin() as connection:
        caused = [Caused(fact, cause)] * count  # type: ignore[arg-type]
        record_facts_and_notices(connection, office.tenant, caused, now=now, ttl_s=60)


def call(office: Office) -> None:
    """A notifier's lanes, until nothing is due."""
    lanes = Lanes(office.runtime)
    while lanes.serve_due():
        lanes._pool.shutdown(wait=True)
        lanes = Lanes(office.runtime)


def add(guanxi: Guanxi, receiver: Sink, *options: str) -> str:
    result = guanxi("webhook", "add", CORP_ID, f"{receiver.url}/hook?key=hush", "--by", "Chen Jing", *options)
    assert result.exit_code == 0, result.output
    (secret,) = re.findall(r"^whsec_\S+$", result.stdout, re.MULTILINE)
    return str(secret)


def test_an_endpoint_from_its_beginning_to_its_end(office: Office, guanxi: Guanxi, receiver: Sink):
    """Added, tried, paused, resumed, rotated, removed; what is said never has the query or an old secret (G10)."""
    secret = add(guanxi, receiver)
    assert "accepted: HTTP 204" in guanxi("webhook", "test", "1").stdout
    assert json.loads(receiver.got[0].body)["type"] == "webhook_test"
    happen(office)
    guanxi("webhook", "pause", "1", "--by", "Chen Jing", "--why", "they move house")
    call(office)
    listed = guanxi("webhook", "list").stdout
    assert "paused" in listed and len(receiver.got) == 1
    assert guanxi("webhook", "resume", "1", "--by", "Chen Jing").exit_code == 0
    call(office)
    assert len(receiver.got) == 2
    assert receiver.ids()[1] in guanxi("webhook", "deliveries", "1").stdout
    rotated = guanxi("webhook", "rotate", "1", "--by", "Chen Jing").stdout
    assert "whsec_" in rotated and secret not in rotated
    assert "hush" not in listed + rotated + guanxi("webhook", "deliveries", "1").output
    assert guanxi("webhook", "remove", "1", "--by", "Chen Jing", "--yes").exit_code == 0
    assert "no endpoints" in guanxi("webhook", "list").stdout
    assert guanxi("webhook", "test", "1").exit_code == 2


def test_a_trial_that_is_not_accepted_says_what_was_answered(office: Office, guanxi: Guanxi, receiver: Sink):
    """The status or what went wrong, never what the receiver wrote."""
    add(guanxi, receiver)
    receiver.replies = [Reply(500, body=b"at line 7 of secret.py")]
    result = guanxi("webhook", "test", "1")
    assert result.exit_code == 1
    assert "HTTP 500" in result.output and "secret.py" not in result.output


def test_after_an_outage_everything_since_a_time_goes_out_again(office: Office, guanxi: Guanxi, receiver: Sink):
    """Under the same ids, also what was recorded before the endpoint was there; not what it does not listen to."""
    happen(office, 3)
    happen(office, 2, cause="bootstrap")
    add(guanxi, receiver)
    happen(office, 3)
    call(office)
    before = receiver.ids()
    assert len(before) == 3
    result = guanxi("webhook", "resend", "1", "--since", "2020-01-01")
    assert "6 wait for endpoint 1" in result.stdout
    call(office)
    assert len(receiver.got) == 9 and set(before) < set(receiver.ids()[3:])
    assert "0 wait" in guanxi("webhook", "resend", "1", "--since", "2099-01-01").stdout
    fact = before[0].removeprefix("fact_")
    assert "1 wait" in guanxi("webhook", "resend", "1", "--fact", fact).stdout


@pytest.mark.parametrize("again", [("webhook", "resend", "1", "--dead"), ("dead", "retry", "--all")])
def test_what_was_given_up_can_be_sent_again(
    make_office: Callable[..., Office], guanxi: Guanxi, receiver: Sink, again: tuple[str, ...]
):
    """`doctor` and `dead list` name it; it begins with all its tries (webhooks)."""
    office = opened(make_office(webhook_backoff_s=(0.0,)))
    add(guanxi, receiver)
    happen(office)
    receiver.replies = [Reply(500)] * 2
    call(office)
    assert "1 were given up: `guanxi webhook deliveries 1 --state dead`" in guanxi("doctor").stdout
    assert "endpoint:1" in guanxi("dead", "list").stdout
    result = guanxi(*again)
    assert result.exit_code == 0, result.output
    receiver.replies = [Reply(500)]
    call(office)
    assert "sent" in guanxi("webhook", "deliveries", "1").stdout
    assert "ok    1 webhook endpoints" in guanxi("doctor").stdout


def test_an_endpoint_that_was_disabled_is_said_with_its_reason(office: Office, guanxi: Guanxi, receiver: Sink):
    """`doctor` says what waits and what to do (webhooks)."""
    add(guanxi, receiver)
    receiver.usual = Reply(410)
    happen(office)
    call(office)
    told = guanxi("doctor").stdout
    assert f"webhook endpoint 1 of {CORP_ID} was disabled (it answered 410 Gone), 1 wait" in told
    assert "guanxi webhook resume 1" in told


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("add", CORP_ID, "https://chen:hush@crm.example.com", "--by", "x"), "must not hold a user or a password"),
        (("add", CORP_ID, "crm.example.com", "--by", "x"), "must start with https:// or http://"),
        (("add", CORP_ID, "https://crm.example.com"), "--by"),
        (("add", CORP_ID, "https://crm.example.com", "--by", "x", "--fact", "no_such_fact"), "no_such_fact"),
        (("add", "wwnone", "https://crm.example.com", "--by", "x"), "no corp wwnone"),
        (("pause", "7", "--by", "x"), "no endpoint 7"),
        (("resend", "7"), "name one of --since, --dead, --fact"),
        (("resend", "1", "--since", "yesterday"), "write 2026-11-20"),
    ],
)
def test_wrong_use_says_what_is_wrong(office: Office, guanxi: Guanxi, receiver: Sink, arguments, why: str):
    """Exit code 2, and nothing is kept."""
    add(guanxi, receiver)
    result = guanxi("webhook", *arguments)
    assert result.exit_code == 2
    assert why in result.output and "hush" not in result.output

"""What the client makes of WeCom's answers, and what it never lets out."""

import re
import socket
import threading
import traceback
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any

import orjson
import pytest
import responses
from sqlalchemy import Engine
from structlog.testing import capture_logs

from shared.clock import FixedClock
from shared.db.engine import make_engine
from shared.ids import ExternalUserId, UserId
from shared.settings import Settings
from shared.tenants import Tenant
from shared.wecom.client import WeComClient
from shared.wecom.client import make_client as new_client
from shared.wecom.errors import PostponedError, UnreachableError, WeComError, WeComRetryableError, WeComTerminalError
from shared.wecom.wire import Wire
from tests.failing import BUDGETS, DEADLOCK, LOST, failing
from tests.shared.corps import APP_SECRET
from tests.shared.wecom.conftest import Sim

LINA = UserId("LiNa")
CONTACT = "wmQx3LCQAAk7Tz9vRn5PbWc0HsYd2UeA"
KEY = ExternalUserId(CONTACT)
LIST = "externalcontact/get_follow_user_list"
GET = "externalcontact/get"
BATCH = "externalcontact/batch/get_by_user"
Make = Callable[..., WeComClient]


def befriend(sim: Sim, *, contact: str = CONTACT, userid: str = "LiNa", **rest: Any) -> None:
    sim.corp("act", {"do": "add", "userid": userid, "external_userid": contact, "name": "张三", **rest})


def text_message(content: str = "你好") -> bytes:
    body = {"touser": "LiNa|Nobody", "msgtype": "text", "agentid": 1000002, "text": {"content": content}}
    return orjson.dumps({**body, "enable_duplicate_check": 1, "duplicate_check_interval": 14400})


# reads


def test_a_contact_comes_with_its_followers(sim: Sim, client: WeComClient):
    """Profile once, one relation per follower; personal tags by name, corp tags by id."""
    sim.corp("tags", [{"tag_id": "et1", "tag_name": "VIP"}])
    befriend(sim, state="booth_a7", tags=["et1"], personal_tags=["常客"], remark="张", mobiles=["13800000000"])
    befriend(sim, userid="ZhaoMin")
    read = client.contacts.get(KEY)
    assert read.profile is not None
    assert (read.profile.external_userid, read.profile.name) == (CONTACT, "张三")
    relations = {one.userid: one for one in read.relations}
    assert sorted(relations) == ["LiNa", "ZhaoMin"]
    lina = relations[LINA]
    assert (lina.remark, lina.state, lina.corp_tag_ids, lina.personal_tags) == ("张", "booth_a7", ("et1",), ("常客",))
    assert lina.remark_mobiles == ("13800000000",)
    assert lina.createtime is not None


def test_more_followers_than_a_page_are_all_read(sim: Sim, client: WeComClient):
    """Absence from a complete read means something, so every page is fetched."""
    userids = [f"member{n:03}" for n in range(501)]
    sim.corp("members", [{"userid": userid, "name": userid} for userid in userids])
    add = {"do": "add", "external_userid": CONTACT, "silent": True}
    sim.corp("act", [{**add, "userid": userid} for userid in userids])
    assert sorted(one.userid for one in client.contacts.get(KEY).relations) == userids
    assert sim.calls(GET) == {"0": 2}


@pytest.mark.parametrize("code", [84061, 40096, 84084])
def test_a_contact_without_a_relation_in_sight_is_an_empty_read(sim: Sim, client: WeComClient, code: int):
    """Not an error: the planner decides what absence means."""
    befriend(sim)
    sim.fault(GET, errcode=code)
    read = client.contacts.get(KEY)
    assert (read.profile, read.relations) == (None, ())


def test_a_member_without_contacts_has_an_empty_list(sim: Sim, client: WeComClient):
    """WeCom says 84061 for that."""
    assert client.contacts.list(LINA) == ()
    befriend(sim)
    assert client.contacts.list(LINA) == (CONTACT,)
    assert sim.calls("externalcontact/list") == {"84061": 1, "0": 1}


def test_the_batch_read_is_paged_to_its_end(sim: Sim, client: WeComClient):
    """100 rows a page; the page whose next cursor is empty is the last. Personal tags are not stated."""
    sim.corp("customers/bulk", {"count": 250, "userids": ["LiNa", "ZhaoMin"]})
    pages, cursor = [], ""
    while True:
        page = client.contacts.batch((LINA, UserId("ZhaoMin")), cursor=cursor)
        pages.append(page.rows)
        cursor = page.next_cursor
        if not cursor:
            break
    assert [len(rows) for rows in pages] == [100, 100, 50]
    pairs = {(row.external_userid, row.userid) for rows in pages for row in rows}
    assert len(pairs) == 250
    assert {row.relation.personal_tags for rows in pages for row in rows} == {None}


def test_members_and_departments_are_read(sim: Sim, client: WeComClient):
    """Who leads what comes from two parallel lists."""
    sim.corp("departments", [{"id": 2, "name": "门店", "department_leader": ["LiNa"]}, {"id": 3, "parentid": 2}])
    sim.corp("members", [{"userid": "LiNa", "department": [2, 3], "is_leader_in_dept": [1, 0]}])
    member = client.address_book.member(LINA)
    assert (member.name, member.departments, member.leader_in) == ("李娜", (2, 3), (2,))
    department = client.address_book.department(2)
    assert (department.id, department.name, department.leaders) == (2, "门店", ("LiNa",))


# errors


@pytest.mark.parametrize(
    ("code", "kind", "after_s"),
    [
        (45009, WeComRetryableError, 60.0),
        (45033, WeComRetryableError, 1.0),
        (48002, WeComRetryableError, 300.0),
        (60020, WeComRetryableError, 300.0),
        (6000, WeComRetryableError, None),
        (40003, WeComTerminalError, None),
        (60111, WeComTerminalError, None),
        (40058, WeComTerminalError, None),
    ],
)
def test_a_code_becomes_what_the_caller_must_do(
    sim: Sim, client: WeComClient, code: int, kind: type[WeComError], after_s: float | None
):
    """Wait, or change something; the hint that WeCom's support asks for is kept. None of these is tried again here."""
    sim.fault(LIST, errcode=code)
    with pytest.raises(kind) as caught:
        client.contacts.follow_users()
    assert (caught.value.api, caught.value.code) == (LIST, code)
    assert getattr(caught.value, "after_s", None) == after_s
    assert caught.value.hint in str(caught.value)
    assert len(caught.value.hint) > 10
    assert sim.calls(LIST) == {str(code): 1}


def test_a_busy_wecom_is_asked_three_times(sim: Sim, client: WeComClient):
    """-1 passes; the third refusal is the caller's."""
    sim.fault(LIST, errcode=-1, times=2)
    assert client.contacts.follow_users() == ("LiNa", "ZhaoMin")
    assert sim.calls(LIST) == {"-1": 2, "0": 1}
    sim.fault(LIST, errcode=-1, times=9)
    with pytest.raises(WeComRetryableError):
        client.contacts.follow_users()
    assert sim.calls(LIST) == {"-1": 5, "0": 1}


def test_a_slow_answer_may_have_been_accepted(sim: Sim, make_client: Make):
    """The call arrived, its answer did not: who repeats it must know. A write is never repeated here."""
    client = make_client(wecom_read_timeout_s=0.3)
    client.contacts.follow_users()
    sim.fault("message/send", hang_s=5)
    with pytest.raises(UnreachableError) as caught:
        client.messages.send(text_message())
    assert caught.value.maybe_accepted
    assert len(sim.corp("messages")) == 1


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n", b" "),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    ],
)
def test_an_answer_that_trickles_in_holds_no_thread_for_long(make_client: Make, head: bytes, piece: bytes):
    """Each byte comes in time; the whole answer does not."""
    make_client().contacts.follow_users()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def trickle() -> None:
            accepted, _ = listener.accept()
            accepted.recv(65536)
            accepted.sendall(head)
            with suppress(OSError), accepted:
                while not gone.wait(0.05):
                    accepted.sendall(piece)

        gone = threading.Event()
        threading.Thread(target=trickle, daemon=True).start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        client = make_client(wecom_base_url=url, wecom_total_timeout_s=0.5)
        timer = threading.Timer(5, gone.set)
        timer.start()
        with pytest.raises(UnreachableError, match="no answer in time"):
            client.messages.send(text_message())
        timer.cancel()


def test_connections_are_kept(sim: Sim, make_client: Make, caplog: pytest.LogCaptureFixture):
    """A second call opens none, whatever the first answer's size."""
    client = make_client()
    sim.corp("customers/bulk", {"count": 3000, "userids": ["LiNa"]})
    client.contacts.follow_users()
    caplog.set_level("DEBUG", logger="urllib3")
    assert len(client.contacts.list(LINA)) == 3000
    client.contacts.follow_users()
    assert "Starting new" not in caplog.text
    assert caplog.text.count("GET /cgi-bin") == 2


def test_a_refused_connection_was_certainly_not_accepted(sim: Sim, make_client: Make):
    """Nothing was sent, so the message may be tried again without doubt."""
    make_client().contacts.follow_users()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        client = make_client(wecom_base_url=f"http://127.0.0.1:{probe.getsockname()[1]}")
        with pytest.raises(UnreachableError) as caught:
            client.messages.send(text_message())
    assert not caught.value.maybe_accepted


def test_an_unknown_host_was_certainly_not_reached(make_client: Make):
    """A name that does not resolve leaves no doubt either."""
    make_client().contacts.follow_users()
    with pytest.raises(UnreachableError) as caught:
        make_client(wecom_base_url="http://wecom.invalid").messages.send(text_message())
    assert not caught.value.maybe_accepted


def test_a_message_without_a_token_was_certainly_not_sent(sim: Sim, make_client: Make):
    """The token's fetch may have arrived; the message was never tried."""
    sim.fault("gettoken", hang_s=5)
    with pytest.raises(UnreachableError) as caught:
        make_client(wecom_read_timeout_s=0.3).messages.send(text_message())
    assert not caught.value.maybe_accepted
    assert sim.calls("message/send") == {}


@pytest.mark.parametrize("why", [DEADLOCK, LOST, "42P01"])
@pytest.mark.parametrize("about", [BUDGETS, "credential"])
def test_a_message_before_which_the_database_failed_was_certainly_not_sent(
    sim: Sim, client: WeComClient, about: str, why: str
):
    """A turn, or a token, is asked of it before the request: the same message may go out in a moment (G5)."""
    with failing(Engine, about, why), pytest.raises(PostponedError, match="our database failed before the call"):
        client.messages.send(text_message())
    assert sim.calls("message/send") == {}
    client.messages.send(text_message())
    assert sim.calls("message/send") == {"0": 1}


def test_a_message_for_which_no_connection_was_free_was_certainly_not_sent(
    sim: Sim, tenant: Tenant, database_url: str, clock: FixedClock
):
    """All of this process were in use for as long as it waits for one (G5)."""
    engine = make_engine(database_url, pool_size=1)
    engine.pool._timeout = 0.1  # type: ignore[attr-defined]
    wire = Wire(Settings(_env_file=None, wecom_base_url=sim.url), engine=engine, clock=clock, connections=1)
    client = new_client(wire, engine=engine, clock=clock, tenant=tenant, app="contact")
    with ExitStack() as held:
        for _ in range(3):
            held.enter_context(engine.connect())
        with pytest.raises(PostponedError):
            client.messages.send(text_message())
    client.messages.send(text_message())
    assert sim.calls("message/send") == {"0": 1}
    engine.dispose()


def test_what_the_database_fails_to_note_after_an_answer_leaves_the_call_done(sim: Sim, client: WeComClient):
    """WeCom closed the API, and nobody can be told: the answer is the answer (G5)."""
    client.messages.send(text_message())
    sim.fault("message/send", errcode=45009)
    answered = {"0": 1, "45009": 1}
    with (
        failing(Engine, BUDGETS, times=9, when=lambda: sim.calls("message/send") == answered) as failed,
        pytest.raises(WeComRetryableError) as caught,
    ):
        client.messages.send(text_message("2"))
    assert caught.value.code == 45009 and failed


def test_a_connection_that_breaks_off_may_have_been_accepted(make_client: Make):
    """The request went out; nobody knows who read it."""
    make_client().contacts.follow_users()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def hang_up() -> None:
            accepted, _ = listener.accept()
            accepted.recv(65536)
            accepted.close()

        threading.Thread(target=hang_up, daemon=True).start()
        client = make_client(wecom_base_url=f"http://127.0.0.1:{listener.getsockname()[1]}")
        with pytest.raises(UnreachableError) as caught:
            client.messages.send(text_message())
    assert caught.value.maybe_accepted


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (502, "<html>bad gateway</html>"),
        (502, '{"error": "bad gateway"}'),
        (302, "{}"),
        (404, '{"errcode": 0}'),
        (200, "[]"),
        (200, "null"),
        (200, ""),
    ],
)
def test_what_wecom_never_answers_is_no_answer(make_client: Make, status: int, body: str):
    """A proxy's page, JSON or redirect must not pass for an empty list of members."""
    client = make_client()
    client.contacts.follow_users()
    with responses.RequestsMock() as mocked:
        mocked.get(re.compile(".*get_follow_user_list.*"), body=body, status=status)
        with pytest.raises(UnreachableError) as caught:
            client.contacts.follow_users()
    assert caught.value.maybe_accepted


# secrets


def test_no_error_and_no_log_shows_token_or_secret(
    sim: Sim, make_client: Make, caplog: pytest.LogCaptureFixture, engine: Any, tenant: Any
):
    """The token travels in the query: a trace with the address would be a leak."""
    caplog.set_level("INFO")
    with capture_logs() as logs, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        client = make_client(wecom_read_timeout_s=0.3)
        client.contacts.follow_users()
        shown = []
        for prepare, call in (
            (lambda: sim.fault("message/send", hang_s=5), lambda: client.messages.send(text_message())),
            (lambda: sim.fault(LIST, errcode=40058), client.contacts.follow_users),
            (
                lambda: None,
                make_client(wecom_base_url=f"http://127.0.0.1:{probe.getsockname()[1]}").contacts.follow_users,
            ),
        ):
            prepare()
            with pytest.raises((UnreachableError, WeComError)) as caught:
                call()
            shown += [str(caught.value), *traceback.format_exception(caught.value)]
    with engine.connect() as connection:
        row = connection.exec_driver_sql("select value from credential").scalar_one()
    token = tenant.cipher.decrypt(row, "app.access_token").decode()
    everything = "\n".join(shown) + caplog.text + repr(logs) + repr(client.__dict__)
    assert "wecom.credential_renewed" in everything
    assert token not in everything
    assert "access_token=" not in everything
    assert APP_SECRET not in everything


# messages


def test_a_message_goes_out_as_it_is(sim: Sim, client: WeComClient):
    """Byte by byte, so that WeCom recognises a repeat; refused recipients come back in small letters."""
    body = text_message()
    first, second = client.messages.send(body), client.messages.send(body)
    assert first.msgid
    assert first.invalid == frozenset({"nobody"})
    assert second.invalid == frozenset({"nobody"})
    assert [(one["payload"]["content"], one["duplicate"]) for one in sim.corp("messages")] == [
        ("你好", False),
        ("你好", True),
    ]


def test_the_bytes_on_the_wire_are_the_bytes_given(make_client: Make):
    """No re-encoding, no reordering, no escapes (WeCom refuses \\u escapes with 40033)."""
    body = '{ "b":1,"a":"你好"  }'.encode()
    client = make_client()
    client.contacts.follow_users()
    with responses.RequestsMock() as mocked:
        mocked.post(re.compile(".*message/send.*"), json={"errcode": 0, "msgid": "m"})
        client.messages.send(body)
        client.messages.send(body)
        assert [call.request.body for call in mocked.calls] == [body, body]
        assert mocked.calls[0].request.headers["Content-Type"] == "application/json; charset=utf-8"


def test_a_refused_message_is_not_sent_twice_by_the_client(sim: Sim, client: WeComClient):
    """Even -1: only the outbox knows whether a repeat is safe."""
    sim.fault("message/send", errcode=-1)
    with pytest.raises(WeComRetryableError):
        client.messages.send(text_message())
    assert sim.calls("message/send") == {"-1": 1}
    assert sim.corp("messages") == []


def test_an_address_that_is_none_is_told_as_unreachable(client: WeComClient, make_client: Callable[..., WeComClient]):
    """A slip in the base address must not look like a bug of ours: bugs end as dead letters."""
    client.contacts.follow_users()
    with pytest.raises(UnreachableError):
        make_client(wecom_base_url="http://[nowhere").contacts.follow_users()

"""Bad input is a clear 4xx and a counter, never a 5xx, never a lost good event (G8), and is not logged (G10)."""

import json
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
import requests
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from callback_gateway.ingest import READ_TIMEOUT_S, READERS_MAX
from shared.db.engine import fetch_all
from tests.callback_gateway.conftest import CORP, SECRET_KEY, Gateway, StartGateway, until
from tests.callback_gateway.sealing import AES_KEY, TOKEN, Sender, encrypt, envelope, event, json_envelope, seal

MUTATIONS = 1_500
MUTATIONS_LONG = 10_000
BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><xml><Encrypt>&b;</Encrypt></xml>'
EXTERNAL = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><xml><Encrypt>&a;</Encrypt></xml>'
TOP_LARGE = 10 * 1024 * 1024

Request = tuple[str, dict[str, str] | list[tuple[str, str]], bytes]
"""Method, query, body."""


@st.composite
def bad_requests(draw: st.DrawFn) -> Request:
    """A callback with exactly one thing wrong, or plain rubbish."""
    sender = Sender(requests.Session(), "", receiveid=CORP)
    message = event(draw(st.integers(0, 10**6)))
    sealed = seal(message, CORP)

    def signed(text: str) -> Request:
        return "POST", sender.query(text), envelope(text)

    kind = draw(st.sampled_from(sorted(MUTATORS)))
    return MUTATORS[kind](draw, sender, message, sealed, signed)


def _flipped(draw: st.DrawFn, text: str) -> str:
    place = draw(st.integers(0, len(text) - 1))
    return text[:place] + ("0" if text[place] != "0" else "1") + text[place + 1 :]


def _bad_signature(draw, sender, message, sealed, signed) -> Request:  # type: ignore[no-untyped-def]
    query = sender.query(sealed)
    name = draw(st.sampled_from(sorted(query)))
    query[name] = draw(st.one_of(st.just(_flipped(draw, query[name])), st.text(max_size=60))) + "~"
    return "POST", query, envelope(sealed)


def _bad_base64(draw, sender, message, sealed, signed) -> Request:  # type: ignore[no-untyped-def]
    place = draw(st.integers(1, len(sealed) - 3))
    return signed(sealed[:place] + draw(st.sampled_from("!-_é中 \t*")) + sealed[place:])


def _cut(draw, sender, message, sealed, signed) -> Request:  # type: ignore[no-untyped-def]
    return signed(sealed[: draw(st.integers(0, len(sealed) - 1))])


def _bad_padding(draw, sender, message, sealed, signed) -> Request:  # type: ignore[no-untyped-def]
    return signed(seal(message, CORP, pad=draw(st.one_of(st.just(0), st.integers(33, 255)))))


def _bad_length(draw, sender, message, sealed, signed) -> Request:  # type: ignore[no-untyped-def]
    return signed(seal(message, CORP, length=draw(st.integers(len(message) + 100, 2**32 - 1))))


def _noise(draw, sender, message, sealed, signed) -> Request:  # type: ignore[no-untyped-def]
    return signed(encrypt(b"\x00" * 16 + draw(st.binary(min_size=16, max_size=16)) * draw(st.integers(1, 4))))


def _bad_receiveid(draw, sender, message, sealed, signed) -> Request:  # type: ignore[no-untyped-def]
    return signed(seal(message, draw(st.text(max_size=40)) + "!"))


def _bad_parameters(draw, sender, message, sealed, signed) -> Request:  # type: ignore[no-untyped-def]
    pairs = list(sender.query(sealed).items())
    chosen = draw(st.sampled_from(pairs))
    other = [pair for pair in pairs if pair != chosen]
    many = [(f"p{number}", "") for number in range(40)]
    return (
        "POST",
        draw(st.sampled_from([other, [*pairs, chosen], [*other, (chosen[0], "")], pairs + many])),
        envelope(sealed),
    )


def _bad_envelope(draw, sender, message, sealed, signed) -> Request:  # type: ignore[no-untyped-def]
    body = draw(
        st.one_of(
            st.binary(max_size=300).map(lambda noise: b"~" + noise),
            st.sampled_from(
                [BOMB, EXTERNAL, b"", b"<xml/>", b"{}", b"<xml><Encrypt/></xml>", b"[" * 5000, b"<a>" * 5000]
            ),
            st.just(envelope(sealed).replace(b"<ToUserName>", b"<Encrypt>x</Encrypt><ToUserName>")),
            st.just(envelope(sealed)[: draw(st.integers(0, 80))]),
            st.just(b"<!DOCTYPE xml>" + envelope(sealed)),
            st.just(json.dumps({"encrypt": [sealed]}).encode()),
            st.just(json_envelope(sealed)[:-2]),
            st.just(b'{"encrypt":{"a":' + b"[" * 3000),
        )
    )
    return "POST", sender.query(sealed), body


def _bad_verification(draw, sender, message, sealed, signed) -> Request:  # type: ignore[no-untyped-def]
    echo = _flipped(draw, sealed)
    return "GET", {**sender.query(sealed), "echostr": echo}, b""


def _bad_method(draw, sender, message, sealed, signed) -> Request:  # type: ignore[no-untyped-def]
    method = draw(st.sampled_from(["PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "BREW"]))
    return method, sender.query(sealed), envelope(sealed)


MUTATORS = {
    name: mutator
    for name, mutator in list(globals().items())
    if name.startswith("_") and name.count("__") == 0 and name not in ("_flipped",) and callable(mutator)
}


def _fuzz(gateway: Gateway, inbox: Callable[[], list[bytes]], count: int) -> None:
    good = gateway.sender("app")
    sent: list[bytes] = []

    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(bad_requests())
    def every_one_is_a_4xx(request: Request) -> None:
        method, query, body = request
        answer = gateway.http.request(method, gateway.url("app"), params=query, data=body, timeout=30)
        assert 400 <= answer.status_code < 500, (answer.status_code, method, query, body)
        assert method == "HEAD" or 0 < len(answer.content) < 100
        if len(sent) * 50 < every_one_is_a_4xx.tried:  # type: ignore[attr-defined]
            sent.append(event(10**7 + len(sent)))
            assert good.push(sent[-1]).status_code == 200
        every_one_is_a_4xx.tried += 1  # type: ignore[attr-defined]

    every_one_is_a_4xx.tried = 0  # type: ignore[attr-defined]
    every_one_is_a_4xx()
    assert sorted(inbox()) == sorted(sent)
    assert len(sent) >= count // 60
    assert gateway.metric("guanxi_gateway_failed_total") == 0
    log = gateway.log.read_text()
    assert "Traceback" not in log
    for secret in (TOKEN, AES_KEY, SECRET_KEY, "wm00", "wm1", "associate"):
        assert secret not in log


def test_mutated_callbacks_are_refused_and_good_ones_among_them_arrive(
    gateway: Gateway, inbox: Callable[[], list[bytes]]
) -> None:
    """Whatever is wrong with a request, the next good one is stored; the log says nothing of what was sent."""
    _fuzz(gateway, inbox, MUTATIONS)


@pytest.mark.long
def test_many_more_mutated_callbacks(gateway: Gateway, inbox: Callable[[], list[bytes]]) -> None:
    """The same rule, for longer."""
    _fuzz(gateway, inbox, MUTATIONS_LONG)


def test_a_body_over_the_limit_is_refused_with_and_without_a_declared_length(gateway: Gateway) -> None:
    """10 MB are not read to the end; the connection's next caller is served."""
    query = gateway.sender("app").query("x")

    def chunks() -> list[bytes]:
        return [b"x" * 65536] * (TOP_LARGE // 65536)

    for body in (b"x" * TOP_LARGE, iter(chunks())):
        try:
            answer = requests.post(gateway.url("app"), params=query, data=body, timeout=30)
            assert answer.status_code == 413
        except requests.ConnectionError:
            pass  # answered and closed while we were still sending
    until(lambda: gateway.metric("guanxi_gateway_refused_total", reason="size") == 2)
    assert gateway.sender("app").push(event(1)).status_code == 200


UNREADABLE = [
    b"",
    b"\x00",
    b"neither",
    b"<",
    b"{",
    b"[1]",
    b"<a>\xff</a>",
    b"<a>" * 50 + b"</a>" * 50,
    b'{"a":' * 2000,
    event(1)[:100],
    BOMB,
    EXTERNAL,
]
READABLE_ALL_THE_SAME = [
    event(1).replace(b"associate", b"assoc\x08iate"),
    b"\xef\xbb\xbf" + event(2),
    b'\n<?xml version="1.0"?>' + event(3),
    b'{"msgtype":"text","create_time":1409659813,"text":{"content":"\\ud83d"}}',
]


def test_an_authentic_event_is_stored_even_when_it_cannot_be_read(
    gateway: Gateway, inbox: Callable[[], list[bytes]], engine: Engine
) -> None:
    """The platform may never send it again, so it is kept for routing to mark as failed; nothing of it is expanded."""
    for message in (*UNREADABLE, *READABLE_ALL_THE_SAME):
        assert gateway.sender("app").push(message).status_code == 200, message
    assert inbox() == [*UNREADABLE, *READABLE_ALL_THE_SAME]
    with engine.connect() as connection:
        times = [row["occurred_at"] for row in fetch_all(connection, "select occurred_at from inbox order by id")]
    assert [time is None for time in times] == [True] * len(UNREADABLE) + [False] * len(READABLE_ALL_THE_SAME)
    assert gateway.metric("guanxi_gateway_unreadable_total") == len(UNREADABLE)


def test_an_unreadable_body_that_is_not_signed_is_refused(gateway: Gateway, inbox: Callable[[], list[bytes]]) -> None:
    """In plaintext mode anybody could fill the inbox with it."""
    for message in UNREADABLE:
        assert gateway.sender("account_plain").push_plain(message).status_code == 400, message
    assert inbox() == []


def test_bodies_that_never_come_do_not_stop_the_others(gateway: Gateway) -> None:
    """More silent connections than are served at once: others hear 503 meanwhile, and all is well seconds later."""
    place = urlsplit(gateway.url("app"))
    assert place.hostname and place.port
    head = f"POST {place.path}?a HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n".encode()
    silent = []
    try:
        for _ in range(1_100):
            connection = socket.create_connection((place.hostname, place.port), timeout=READ_TIMEOUT_S * 3)
            connection.sendall(head)
            silent.append(connection)
        assert requests.get(f"{gateway.address}/healthz", timeout=2).ok
        until(lambda: gateway.sender("app").push(event(1)).status_code == 200)
        assert silent[0].recv(100).startswith(b"HTTP/1.1 400")
    finally:
        for connection in silent:
            connection.close()
    assert gateway.metric("guanxi_gateway_unavailable_total", reason="overloaded") > 0
    until(lambda: gateway.metric("guanxi_gateway_refused_total", reason="incomplete") >= READERS_MAX / 2)


def test_unknown_addresses_are_404_and_leave_no_label(gateway: Gateway) -> None:
    """Nothing that a stranger chose becomes a metric or a log line."""
    for path in ("/callback/ww1/stranger", "/callback/", "/callback/a/b/c", f"/callback/{CORP}/app/", "/other"):
        assert requests.post(gateway.address + path, data=b"x", timeout=30).status_code == 404
    assert "stranger" not in requests.get(f"{gateway.address}/metrics", timeout=30).text
    assert "stranger" not in gateway.log.read_text()


def test_more_waiting_events_than_allowed_are_told_to_come_back(start_gateway: StartGateway, engine: Engine) -> None:
    """A bounded queue: 503 at once, instead of answers that come too late for everybody."""
    gateway = start_gateway(gateway_max_waiting=2, commit_timeout_s=3)
    with engine.begin() as connection, ThreadPoolExecutor(12) as pool:
        connection.execute(text("lock table inbox in access exclusive mode"))
        senders = [Sender(requests.Session(), gateway.url("app"), receiveid=CORP) for _ in range(12)]
        answers = list(pool.map(lambda pair: pair[1].push(event(pair[0])).status_code, enumerate(senders)))
    assert set(answers) == {200, 503}
    assert gateway.metric("guanxi_gateway_unavailable_total", reason="overloaded") == answers.count(503)


def test_health_metrics_and_answers_carry_no_secret(gateway: Gateway) -> None:
    """What anybody may read names no key, no corp and no person."""
    gateway.sender("app").push(event(1))
    gateway.sender("app", token="wrong").push(event(1))
    pages = [requests.get(f"{gateway.address}{path}", timeout=30) for path in ("/healthz", "/readyz", "/metrics")]
    assert [page.status_code for page in pages] == [200] * 3
    for page in (*(page.text for page in pages), gateway.log.read_text()):
        for secret in (TOKEN, AES_KEY, SECRET_KEY, CORP, "wm00000001", "associate"):
            assert secret not in page

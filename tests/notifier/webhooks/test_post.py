"""Signatures that others can verify, and headers read as they are sent."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from notifier.webhooks.post import make_http, post, retry_after_s, signed_headers
from services.webhooks.model import Endpoint, Standing
from services.webhooks.store import new_secret, rotate_secret
from shared.ids import EndpointId, TenantId
from tests.conftest import NOW
from tests.notifier.webhooks.conftest import Town
from tests.notifier.webhooks.sink import Reply, Sink

DOC = Path(__file__).resolve().parents[3] / "docs" / "webhooks.md"
Open = Callable[[], Sink]


@pytest.fixture
def verify() -> Callable[..., Any]:
    """The ten lines that docs/webhooks.md gives to receivers."""
    (code,) = re.findall(r"```python\n(.*?)```", DOC.read_text(), re.DOTALL)
    scope: dict[str, Any] = {}
    exec(code, scope)
    found: Callable[..., Any] = scope["verify"]
    return found


def test_a_receiver_verifies_as_the_documentation_says(town: Town, open_sink: Open, verify):
    """With the secret that was shown; not with another, another body, or much later (webhooks)."""
    receiver = open_sink()
    id_ = town.listen(receiver.url)
    town.happen()
    town.call()
    (got,) = receiver.got
    now = town.clock.now().timestamp()
    verify(town.secrets[id_], got.headers, got.body, now=now)
    for secret, body, at in (
        (new_secret(), got.body, now),
        (town.secrets[id_], got.body + b" ", now),
        (town.secrets[id_], got.body, now + 600),
    ):
        with pytest.raises(ValueError):
            verify(secret, got.headers, body, now=at)


def test_the_published_library_verifies_it_too():
    """Standard Webhooks, whoever implements it (webhooks)."""
    secret, body = new_secret(), '{"name":"关系"}'.encode()
    headers = signed_headers([new_secret(), secret], message_id="fact_1", body=body, now=datetime.now(UTC))
    assert Webhook(secret).verify(body, headers) == {"name": "关系"}
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(body, headers)


def test_two_secrets_sign_while_one_is_rotated(town: Town, open_sink: Open, verify):
    """Either is valid until the old one's time is over (webhooks)."""
    receiver, fresh = open_sink(), new_secret()
    id_ = town.listen(receiver.url)
    with town.runtime.engine.begin() as connection:
        until = town.clock.now() + timedelta(hours=24)
        assert rotate_secret(
            connection, town.tenant, id_, secret=fresh, until=until, by="Chen Jing", now=town.clock.now()
        )
    town.happen()
    town.call()
    town.after(86_400)
    town.happen()
    town.call()
    during, afterwards = receiver.got
    verify(fresh, during.headers, during.body, now=NOW.timestamp())
    verify(town.secrets[id_], during.headers, during.body, now=NOW.timestamp())
    verify(fresh, afterwards.headers, afterwards.body, now=NOW.timestamp() + 86_400)
    with pytest.raises(ValueError):
        verify(town.secrets[id_], afterwards.headers, afterwards.body, now=NOW.timestamp() + 86_400)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("120", 120),
        (" 7 ", 7),
        ("Sun, 22 Nov 2026 02:01:00 GMT", 60),
        ("Sun, 22 Nov 2026 01:00:00 GMT", 0),
        ("soon", None),
        ("Thu, 01 Jan 99999999999999999999999 00:00:00 GMT", None),
        ("-5", None),
        ("9" * 400, timedelta.max.total_seconds()),
        ("٣", None),
    ],
)
def test_both_forms_of_retry_after(value, seconds):
    """Seconds or a date; what is neither is no plea. Source: RFC 9110, 10.2.3."""
    assert retry_after_s(value, now=NOW) == seconds


def test_no_stored_password_cookie_or_redirect_is_sent(open_sink: Open, tmp_path: Path, monkeypatch):
    """A .netrc, or what the receiver sets, goes to nobody (webhooks)."""
    receiver = open_sink()
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login chen password secret")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    receiver.usual = Reply(307, {"location": "/elsewhere", "set-cookie": "a=b"})
    endpoint = Endpoint(EndpointId(1), TenantId(1), "ww1", f"{receiver.url}/x", (new_secret(),), Standing())
    with make_http(connections=1) as http:
        for _ in range(2):
            answer = post(http, endpoint, message_id="fact_1", body=b"{}", timeout=(1, 1), now=NOW)
    assert (answer.status, answer.problem) == (307, "a redirect, which is not followed")
    assert [one.path for one in receiver.got] == ["/x", "/x"]
    assert not {"authorization", "cookie"} & {name for one in receiver.got for name in one.headers}


def test_the_body_of_a_redirect_is_not_read(open_sink: Open):
    """However large, and however long it takes: the answer is its status (webhooks)."""
    receiver = open_sink()
    receiver.usual = Reply(302, {"location": "/elsewhere", "content-length": "4000000000"}, b"x" * 100)
    endpoint = Endpoint(EndpointId(1), TenantId(1), "ww1", receiver.url, (new_secret(),), Standing())
    with make_http(connections=1) as http:
        answer = post(http, endpoint, message_id="fact_1", body=b"{}", timeout=(1, 1), now=NOW)
    assert (answer.status, answer.problem) == (302, "a redirect, which is not followed")


def test_a_certificate_that_nobody_vouches_for_is_refused(open_sink: Open, tmp_path: Path):
    """TLS is verified: what cannot prove who it is hears nothing (webhooks)."""
    receiver = open_sink()
    certify(receiver, tmp_path)
    url = receiver.url.replace("http:", "https:")
    endpoint = Endpoint(EndpointId(1), TenantId(1), "ww1", url, (new_secret(),), Standing())
    with make_http(connections=1) as http:
        answer = post(http, endpoint, message_id="fact_1", body=b"{}", timeout=(3, 3), now=NOW)
    assert (answer.status, receiver.got) == (None, [])
    assert "certificate" in str(answer.problem)


def certify(receiver: Sink, folder: Path) -> None:
    """Let it speak TLS with a certificate that it signed itself."""
    import ssl

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, NOW, NOW + timedelta(days=36_500))
    host = x509.SubjectAlternativeName([x509.IPAddress(__import__("ipaddress").ip_address("127.0.0.1"))])
    certificate = made.add_extension(host, critical=True).sign(key, hashes.SHA256())
    kept = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, kept)
    (folder / "pem").write_bytes(pem + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "pem")
    receiver.socket = context.wrap_socket(receiver.socket, server_side=True)

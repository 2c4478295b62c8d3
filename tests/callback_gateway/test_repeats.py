"""What is one event and what are two, and what a change of keys means."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from wechatpy.enterprise.crypto import WeChatCrypto

from tests.callback_gateway.conftest import CORP, KEYS, Gateway, StartGateway, until
from tests.callback_gateway.sealing import AES_KEY, TOKEN, event, signature

NEW_TOKEN, NEW_KEY = "NewToken1", "b" * 43


def test_events_of_one_sender_and_second_stay_apart(gateway: Gateway, inbox: Callable[[], list[bytes]]) -> None:
    """FromUserName and CreateTime are no identity; two of these even have the same type and associate."""
    tag = event(1).replace(b"change_external_contact", b"change_external_tag")
    events = [event(1), event(2), tag]
    for body in events:
        assert gateway.sender("app").push(body).status_code == 200
    assert sorted(inbox()) == sorted(events)


def test_one_event_sent_four_times_to_two_gateways_is_one_row(
    start_gateway: StartGateway, inbox: Callable[[], list[bytes]], tmp_path: Path
) -> None:
    """A repeat is answered like the first and changes nothing, though every ciphertext differs."""
    gateways = [start_gateway(), start_gateway(home=tmp_path / "second", gateway_workers=2)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda n: gateways[n % 2].sender("app").push(event(1)), range(4)))
    assert [answer.status_code for answer in answers] == [200] * 4
    assert inbox() == [event(1)]


def test_the_same_body_at_two_receivers_is_two_events(gateway: Gateway, inbox: Callable[[], list[bytes]]) -> None:
    """Each app gets its own copy of an event; what they mean together is decided later."""
    assert gateway.sender("app").push(event(1)).ok
    assert gateway.sender("directory").push(event(1)).ok
    assert inbox() == [event(1), event(1)]


def test_old_and_new_keys_are_accepted_during_a_change_and_others_are_not(
    start_gateway: StartGateway, corp: Callable[..., None]
) -> None:
    """Token and key may change one after the other, so any pairing of old and new works; the rest is refused."""
    new: dict[str, Any] = {"token": NEW_TOKEN, "encoding_aes_key": NEW_KEY}
    corp(app={"kind": "app", **new, "previous": KEYS})
    gateway = start_gateway()

    def status(token: str, aes_key: str) -> int:
        return gateway.sender("app", token=token, aes_key=aes_key).push(event(1)).status_code

    assert [status(token, key) for token in (TOKEN, NEW_TOKEN) for key in (AES_KEY, NEW_KEY)] == [200] * 4
    assert status("OtherToken", NEW_KEY) == 403
    assert status(NEW_TOKEN, "c" * 43) == 400


def test_a_changed_key_and_a_new_receiver_are_noticed_while_running(
    gateway: Gateway, corp: Callable[..., None]
) -> None:
    """The address book is read again, so no restart is needed; a removed receiver is gone."""
    assert gateway.sender("later").push(event(1)).status_code == 404
    new = {"token": NEW_TOKEN, "encoding_aes_key": NEW_KEY}
    corp(app={"kind": "app", **new}, later={"kind": "app", **KEYS})
    until(lambda: gateway.sender("app", token=NEW_TOKEN, aes_key=NEW_KEY).push(event(1)).ok)
    until(lambda: gateway.sender("later").push(event(1)).ok)
    assert gateway.sender("app").push(event(1)).status_code == 403


def test_what_an_independent_library_encrypts_is_accepted(gateway: Gateway, inbox: Callable[[], list[bytes]]) -> None:
    """The oracle is wechatpy: its envelope, signature and padding are understood."""
    crypto = WeChatCrypto(TOKEN, AES_KEY, CORP)
    bodies = [event(number)[: -len(b"</xml>")] + b"<Note>" + b"x" * number + b"</Note></xml>" for number in range(40)]
    for body in bodies:
        envelope = crypto.encrypt_message(body.decode(), "nonce", "1409659813")
        sealed = envelope.split("<Encrypt><![CDATA[")[1].split("]]>")[0]
        query = {"timestamp": "1409659813", "nonce": "nonce"}
        query["msg_signature"] = signature(TOKEN, *query.values(), sealed)
        assert gateway.http.post(gateway.url("app"), params=query, data=envelope, timeout=30).status_code == 200
    assert sorted(inbox()) == sorted(bodies)

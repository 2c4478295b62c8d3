"""What goes over the wire: a plaintext sealed and signed for one receiver, and the question that verifies an address.

Source: WeCom server API, callback encryption (pages 90968 and 90930); intelligent robots (page 101033); the WeChat
Official Account guide, encrypted messages.
"""

import hashlib
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

import orjson

from simulator import crypto
from simulator.events import element
from simulator.records import Receiver

XML, JSON = "text/xml", "application/json"


@dataclass(frozen=True)
class Letter:
    url: str
    content_type: str
    body: bytes


@dataclass(frozen=True)
class Stamp:
    """What is signed along; the timestamp is real time, for receivers compare it with their own clock."""

    timestamp: str
    nonce: str


def stamp(*, timestamp: str = "", nonce: str = "") -> Stamp:
    return Stamp(timestamp or str(int(time.time())), nonce or str(secrets.randbelow(10**10)))


def address(receiver: Receiver, query: Mapping[str, str]) -> str:
    return f"{receiver.url}{'&' if '?' in receiver.url else '?'}{urlencode(query)}"


def plain_signature(receiver: Receiver, when: Stamp) -> str:
    """What an official account adds in every mode; it covers no body."""
    joined = "".join(sorted([receiver.token, when.timestamp, when.nonce]))
    return hashlib.sha1(joined.encode(), usedforsecurity=False).hexdigest()


def letter(
    plaintext: str, receiver: Receiver, *, when: Stamp, agent_id: int = 0, query: Mapping[str, str] | None = None
) -> Letter:
    """The push as this receiver's style wants it; `query` joins the address, `agent_id` the envelope."""
    asked = {"timestamp": when.timestamp, "nonce": when.nonce, **(query or {})}
    official = receiver.style == "official_account"
    if official:
        asked = {"signature": plain_signature(receiver, when), **asked}
        if receiver.mode == "plaintext":
            return Letter(address(receiver, asked), XML, plaintext.encode())
        asked["encrypt_type"] = "aes"
    sealed = _sealed(plaintext, receiver)
    asked = {"msg_signature": _signature(sealed, receiver, when), **asked}
    if receiver.style == "robot":
        return Letter(address(receiver, asked), JSON, orjson.dumps({"encrypt": sealed}))
    if official:
        return Letter(address(receiver, asked), XML, _official_body(plaintext, sealed, receiver).encode())
    body = element("ToUserName", receiver.receiveid) + element("AgentID", str(agent_id or ""))
    return Letter(address(receiver, asked), XML, f"<xml>{body}{element('Encrypt', sealed)}</xml>".encode())


def question(receiver: Receiver, echo: str, *, when: Stamp, receiveid: str = "") -> str:
    """The address of the GET that verifies a receiver; the answer must be `echo`, bare.

    An official account's echo is not encrypted. A suite's is sealed for the provider's corp: `receiveid` says so.
    """
    asked = {"timestamp": when.timestamp, "nonce": when.nonce}
    if receiver.style == "official_account":
        return address(receiver, {"signature": plain_signature(receiver, when), **asked, "echostr": echo})
    sealed = _sealed(echo, receiver, receiveid=receiveid)
    return address(receiver, {"msg_signature": _signature(sealed, receiver, when), **asked, "echostr": sealed})


def _sealed(plaintext: str, receiver: Receiver, *, receiveid: str = "") -> str:
    key = crypto.aes_key(receiver.encoding_aes_key)
    return crypto.encrypt(plaintext, key=key, receiveid=receiveid or receiver.receiveid)


def _signature(sealed: str, receiver: Receiver, when: Stamp) -> str:
    return crypto.signature(token=receiver.token, timestamp=when.timestamp, nonce=when.nonce, encrypt=sealed)


def _official_body(plaintext: str, sealed: str, receiver: Receiver) -> str:
    """Compatible: the plain fields and Encrypt; secure: only ToUserName, taken from the plaintext, and Encrypt."""
    inside = plaintext.removeprefix("<xml>").removesuffix("</xml>")
    to_user = inside[: inside.index("</ToUserName>") + len("</ToUserName>")]
    plain = inside if receiver.mode == "compatible" else to_user
    return f"<xml>{plain}{element('Encrypt', sealed)}</xml>"

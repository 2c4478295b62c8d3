"""What a request wraps around a callback: the query parameters, the outer XML or JSON, the official account's modes.

Pure: takes query string and body, gives the plaintext. The outer fields other than Encrypt are not signed and not read.
"""

from dataclasses import dataclass
from urllib.parse import parse_qsl

from callback_gateway.crypto import Key, RefusedError, open_sealed, refused_message, signers
from callback_gateway.outer import sealed_in_json, sealed_in_xml

MAX_PARAMETERS = 32
SIGNED = ("msg_signature", "timestamp", "nonce")
PLAIN_SIGNED = ("signature", "timestamp", "nonce")
"""Official account: this signature covers no body (plaintext mode, and every GET)."""


@dataclass(frozen=True)
class Rules:
    """How one receiver checks a request. `account_mode` is None for everything but official accounts."""

    keys: tuple[Key, ...]
    receiveids_get: frozenset[str]
    receiveids_post: frozenset[str]
    account_mode: str | None = None

    @property
    def is_body_signed(self) -> bool:
        return self.account_mode != "plaintext"


def read_query(query: str, names: tuple[str, ...]) -> list[str]:
    """The values of parameters that must be there exactly once; others are ignored.

    Raises:
        RefusedError: one is missing, empty or repeated.
    """
    try:
        found = parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_PARAMETERS)
    except ValueError:
        raise refused_parameters("too many query parameters") from None
    values: dict[str, str] = {}
    for name, value in found:
        if name in names:
            if name in values:
                raise refused_parameters(f"the query parameter {name} is repeated")
            values[name] = value
    for name in names:
        if not values.get(name):
            raise refused_parameters(f"the query parameter {name} is missing")
    return [values[name] for name in names]


def refused_parameters(text: str) -> RefusedError:
    return RefusedError("parameters", status=400, text=text)


def open_verification(rules: Rules, query: str) -> bytes:
    """The answer to a GET: the decrypted echostr, of an official account the echostr itself.

    Raises:
        RefusedError: not signed by this receiver's Token, or not decryptable.
    """
    if rules.account_mode is not None:
        signature, timestamp, nonce, echo = read_query(query, (*PLAIN_SIGNED, "echostr"))
        signers(rules.keys, signature, timestamp, nonce)
        return echo.encode("utf-8", "replace")
    signature, timestamp, nonce, echo = read_query(query, (*SIGNED, "echostr"))
    return open_sealed(
        rules.keys,
        echo.replace(" ", "+"),  # a "+" that was not percent-encoded arrives as a blank
        signature=signature,
        timestamp=timestamp,
        nonce=nonce,
        receiveids=rules.receiveids_get,
    )


def open_push(rules: Rules, query: str, body: bytes) -> bytes:
    """The plaintext of a POST.

    Raises:
        RefusedError: not signed by this receiver's Token, not decryptable, or not an envelope.
    """
    if not rules.is_body_signed:
        signature, timestamp, nonce = read_query(query, PLAIN_SIGNED)
        signers(rules.keys, signature, timestamp, nonce)
        return body
    signature, timestamp, nonce = read_query(query, SIGNED)
    return open_sealed(
        rules.keys,
        read_encrypted(body),
        signature=signature,
        timestamp=timestamp,
        nonce=nonce,
        receiveids=rules.receiveids_post,
    )


def read_encrypted(body: bytes) -> str:
    """The base64 text inside the envelope; XML and JSON are told apart by the first byte that is not blank.

    Raises:
        RefusedError: neither, or without exactly one text of that name.
    """
    body = body.strip()
    if body[:1] == b"<":
        return sealed_in_xml(body)
    if body[:1] == b"{":
        return sealed_in_json(body)
    raise refused_message("the body is not an envelope")

"""The platform's signature and encryption of callbacks.

Source: WeCom developer documents, callback encryption (pages 90968, 91144); error codes of the official libraries.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK_BYTES: Final = 16
PAD_MAX: Final = 32  # PKCS#7 over 32 bytes; the usual unpadders stop at 16
HEAD_BYTES: Final = 20  # 16 random bytes and the length of the message

SIGNATURE, UNREADABLE, RECEIVEID = "-40001", "-40002", "-40005"
NOT_DECRYPTED, ILLEGAL_BUFFER, ILLEGAL_BASE64 = "-40007", "-40008", "-40010"
_UNDECRYPTABLE: Final = "cannot be decrypted"


class RefusedError(Exception):
    """A request that is not an authentic callback. The text is fixed: it never repeats what was sent.

    `reason` is the official library's code or a word of ours; it is counted, not told to the caller.
    """

    def __init__(self, reason: str, *, status: int, text: str) -> None:
        super().__init__(text)
        self.reason, self.status, self.text = reason, status, text


def refused_decryption(reason: str) -> RefusedError:
    """Every failure after the signature has one answer, so that the answer tells nothing about the plaintext."""
    return RefusedError(reason, status=400, text=_UNDECRYPTABLE)


def refused_message(text: str) -> RefusedError:
    return RefusedError(UNREADABLE, status=400, text=text)


@dataclass(frozen=True)
class Key:
    """One Token with the AES key decoded; `aes` is None for plaintext official accounts."""

    token: bytes = field(repr=False)
    aes: bytes | None = field(repr=False)


def make_key(token: str, encoding_aes_key: str | None) -> Key:
    # Consoles hand out keys whose last character has bits to spare; strict decoders refuse those, b64decode does not.
    return Key(token.encode(), base64.b64decode(encoding_aes_key + "=") if encoding_aes_key else None)


def signature_of(token: bytes, *values: str) -> str:
    parts = sorted([token, *(value.encode("utf-8", "replace") for value in values)])
    return hashlib.sha1(b"".join(parts)).hexdigest()  # noqa: S324 - the platform's choice


def signers(keys: Iterable[Key], signature: str, *values: str) -> list[Key]:
    """The keys whose Token made the signature.

    Raises:
        RefusedError: none did.
    """
    given = signature.encode("utf-8", "replace")
    found = [key for key in keys if hmac.compare_digest(signature_of(key.token, *values).encode(), given)]
    if not found:
        raise RefusedError(SIGNATURE, status=403, text="the signature does not match")
    return found


def open_sealed(
    keys: tuple[Key, ...], sealed: str, *, signature: str, timestamp: str, nonce: str, receiveids: frozenset[str]
) -> bytes:
    """Check the signature of `sealed` (base64 as received), then decrypt it with whichever key fits.

    Token and key may be changed one after the other, so each Token's own key is tried first, then the others.

    Raises:
        RefusedError: forged, damaged or meant for another receiver.
    """
    sealed = sealed.strip()
    signed_by = signers(keys, signature, timestamp, nonce, sealed)
    ciphertext = _decode(sealed)
    failure: RefusedError | None = None
    for key in dict.fromkeys((*signed_by, *keys)):
        if key.aes is None:
            continue
        try:
            return _decrypt(key.aes, ciphertext, receiveids)
        except RefusedError as error:
            # What the signer's own key found is the better explanation, unless another key opened it.
            failure = error if failure is None or error.reason == RECEIVEID else failure
    raise failure or refused_decryption(NOT_DECRYPTED)


def _decode(sealed: str) -> bytes:
    try:
        ciphertext = base64.b64decode(sealed.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise refused_decryption(ILLEGAL_BASE64) from None
    if not ciphertext or len(ciphertext) % BLOCK_BYTES:
        raise refused_decryption(NOT_DECRYPTED)
    return ciphertext


def _decrypt(aes: bytes, ciphertext: bytes, receiveids: frozenset[str]) -> bytes:
    decryptor = Cipher(algorithms.AES(aes), modes.CBC(aes[:BLOCK_BYTES])).decryptor()
    padded = decryptor.update(ciphertext) + decryptor.finalize()
    pad = padded[-1]
    if not 1 <= pad <= PAD_MAX or pad > len(padded) or padded[-pad:] != bytes((pad,)) * pad:
        raise refused_decryption(ILLEGAL_BUFFER)
    end = len(padded) - pad
    # The head is sliced as bytes: the 16 random ones need not be text.
    message_end = HEAD_BYTES + int.from_bytes(padded[16:HEAD_BYTES], "big")
    if end < HEAD_BYTES or message_end > end:
        raise refused_decryption(ILLEGAL_BUFFER)
    receiveid = padded[message_end:end]
    if not any(hmac.compare_digest(receiveid, allowed.encode()) for allowed in receiveids):
        raise RefusedError(RECEIVEID, status=403, text="meant for another receiver")
    return padded[HEAD_BYTES:message_end]

"""Encrypt, decrypt and sign callbacks: AES-256-CBC with PKCS#7 to 32 bytes, SHA-1 over the sorted values.

Source: WeCom server API, callback encryption (pages 90968 and 91144).
"""

import base64
import hashlib
import os
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK = 32
HEAD = 20


class UnreadableError(ValueError):
    """The ciphertext was not made with this key for this receiver."""


def signature(*, token: str, timestamp: str, nonce: str, encrypt: str) -> str:
    joined = "".join(sorted([token, timestamp, nonce, encrypt]))
    return hashlib.sha1(joined.encode(), usedforsecurity=False).hexdigest()


def aes_key(encoding_aes_key: str) -> bytes:
    """Turn the 43 characters of the console into 32 bytes; ValueError when they are not 43 base64 characters."""
    key = base64.b64decode(encoding_aes_key + "=", validate=True)
    if len(encoding_aes_key) != 43 or len(key) != 32:
        raise ValueError("EncodingAESKey must be 43 characters of a-z, A-Z, 0-9")
    return key


def _cipher(key: bytes) -> Cipher[modes.CBC]:
    return Cipher(algorithms.AES(key), modes.CBC(key[:16]))


def encrypt(message: str, *, key: bytes, receiveid: str) -> str:
    """random(16) + length(4, big endian) + message + receiveid, padded, encrypted, base64."""
    body = message.encode()
    plain = os.urandom(16) + struct.pack(">I", len(body)) + body + receiveid.encode()
    pad = BLOCK - len(plain) % BLOCK
    encryptor = _cipher(key).encryptor()
    sealed = encryptor.update(plain + bytes([pad]) * pad) + encryptor.finalize()
    return base64.b64encode(sealed).decode()


def decrypt(sealed: str, *, key: bytes, receiveid: str) -> str:
    """The message inside; UnreadableError when padding, length or receiveid is wrong."""
    try:
        raw = base64.b64decode(sealed, validate=True)
        decryptor = _cipher(key).decryptor()
        plain = decryptor.update(raw) + decryptor.finalize()
    except ValueError as error:
        raise UnreadableError(str(error)) from error
    pad = plain[-1] if plain else 0
    if not 1 <= pad <= BLOCK or pad > len(plain) - HEAD or plain[-pad:] != bytes([pad]) * pad:
        raise UnreadableError("padding")
    end = HEAD + struct.unpack(">I", plain[16:HEAD])[0]
    if end > len(plain) - pad:
        raise UnreadableError("length")
    if plain[end : len(plain) - pad] != receiveid.encode():
        raise UnreadableError("receiveid")
    return plain[HEAD:end].decode()

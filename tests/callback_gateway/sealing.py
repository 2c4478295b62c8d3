"""The platform's side of the encryption, written apart from the gateway's: plain steps, nothing shared."""

import base64
import hashlib
import json
import os
from dataclasses import dataclass

import requests
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

TOKEN = "QDG6eK"
AES_KEY = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"


def signature(token: str, *values: str) -> str:
    return hashlib.sha1("".join(sorted([token, *values])).encode()).hexdigest()


def seal(
    message: bytes, receiveid: str, *, aes_key: str = AES_KEY, pad: int | None = None, length: int | None = None
) -> str:
    """`pad` and `length` forge the padding byte and the message's length."""
    plain = os.urandom(16) + (len(message) if length is None else length).to_bytes(4, "big") + message
    plain += receiveid.encode()
    right = 32 - len(plain) % 32
    return encrypt(plain + bytes([right if pad is None else pad]) * right, aes_key)


def encrypt(padded: bytes, aes_key: str = AES_KEY) -> str:
    key = base64.b64decode(aes_key + "=")
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()


def envelope(sealed: str) -> bytes:
    return f"<xml><ToUserName><![CDATA[any]]></ToUserName><Encrypt><![CDATA[{sealed}]]></Encrypt></xml>".encode()


def json_envelope(sealed: str) -> bytes:
    return json.dumps({"encrypt": sealed}).encode()


@dataclass
class Sender:
    """Sends what the platform would send to one address."""

    http: requests.Session
    url: str
    receiveid: str
    token: str = TOKEN
    aes_key: str = AES_KEY
    timestamp: str = "1409659813"
    nonce: str = "1372623149"

    def query(self, sealed: str) -> dict[str, str]:
        made = signature(self.token, self.timestamp, self.nonce, sealed)
        return {"msg_signature": made, "timestamp": self.timestamp, "nonce": self.nonce}

    def plain_query(self) -> dict[str, str]:
        made = signature(self.token, self.timestamp, self.nonce)
        return {"signature": made, "timestamp": self.timestamp, "nonce": self.nonce}

    def push(self, message: bytes) -> requests.Response:
        return self.push_sealed(seal(message, self.receiveid, aes_key=self.aes_key))

    def push_sealed(self, sealed: str) -> requests.Response:
        return self.http.post(self.url, params=self.query(sealed), data=envelope(sealed), timeout=30)

    def push_json(self, message: bytes) -> requests.Response:
        sealed = seal(message, self.receiveid, aes_key=self.aes_key)
        return self.http.post(self.url, params=self.query(sealed), data=json_envelope(sealed), timeout=30)

    def push_plain(self, message: bytes) -> requests.Response:
        return self.http.post(self.url, params=self.plain_query(), data=message, timeout=30)

    def verify(self, echo: bytes) -> requests.Response:
        sealed = seal(echo, self.receiveid, aes_key=self.aes_key)
        return self.http.get(self.url, params={**self.query(sealed), "echostr": sealed}, timeout=30)


def event(number: int, *, created: int = 1409659813) -> bytes:
    """A customer event that differs from others by its number."""
    return (
        f"<xml><ToUserName><![CDATA[ww7f3ac19e0b52d846]]></ToUserName><FromUserName><![CDATA[sys]]></FromUserName>"
        f"<CreateTime>{created}</CreateTime><MsgType><![CDATA[event]]></MsgType>"
        f"<Event><![CDATA[change_external_contact]]></Event><ChangeType><![CDATA[add_external_contact]]></ChangeType>"
        f"<UserID><![CDATA[associate]]></UserID><ExternalUserID><![CDATA[wm{number:08d}]]></ExternalUserID></xml>"
    ).encode()

"""The known-answer vectors of the callback encryption, and its refusals."""

import pytest
from hypothesis import given, strategies
from wechatpy.enterprise.crypto import WeChatCrypto

from simulator import crypto

TOKEN, AES_KEY, RECEIVEID = "QDG6eK", "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C", "wx5823bf96d3bd56c7"
KEY = crypto.aes_key(AES_KEY)
ECHO = "P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ=="
PUSH = (
    "RypEvHKD8QQKFhvQ6QleEB4J58tiPdvo+rtK1I9qca6aM/wvqnLSV5zEPeusUiX5L5X/0lWfrf0QADHHhGd3QczcdCUpj911L3vg3W/sYYvuJTs3TUUk"
    "SUXxaccAS0qhxchrRYt66wiSpGLYL42aM6A8dTT+6k4aSknmPj48kzJs8qLjvd4Xgpue06DOdnLxAUHzM6+kDZ+HMZfJYuR+LtwGc2hgf5gsijff0ekU"
    "NXZiqATP7PF5mZxZ3Izoun1s4zG4LUMnvw2r+KqCKIw+3IQH03v+BCA9nMELNqbSf6tiWSrXJB3LAVGUcallcrw8V2t9EL4EhzJWrQUax5wLVMNS0+rU"
    "PA3k22Ncx4XXZS9o0MBH27Bo6BpNelZpS+/uh9KsNlY6bHCmJU9p8g7m3fVKn28H3KDYA5Pl/T8Z1ptDAVe0lXdQ2YoyyH2uyPIGHBZZIs2pDBS8R07+"
    "qN+E7Q=="
)
MESSAGE = """<xml><ToUserName><![CDATA[wx5823bf96d3bd56c7]]></ToUserName>
<FromUserName><![CDATA[mycreate]]></FromUserName>
<CreateTime>1409659813</CreateTime>
<MsgType><![CDATA[text]]></MsgType>
<Content><![CDATA[hello]]></Content>
<MsgId>4561255354251345929</MsgId>
<AgentID>218</AgentID>
</xml>"""


def test_the_echo_vector():
    """The verification request of the vendor's demonstration is signed and read as published."""
    signed = crypto.signature(token=TOKEN, timestamp="1409659589", nonce="263014780", encrypt=ECHO)
    assert signed == "5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3"
    assert crypto.decrypt(ECHO, key=KEY, receiveid=RECEIVEID) == "1616140317555161061"


def test_the_push_vector():
    """The pushed message of the vendor's demonstration is signed and read as published; its padding is 30."""
    signed = crypto.signature(token=TOKEN, timestamp="1409659813", nonce="1372623149", encrypt=PUSH)
    assert signed == "477715d11cdb4164915debcba66cb864d751f3e6"
    assert crypto.decrypt(PUSH, key=KEY, receiveid=RECEIVEID) == MESSAGE


@pytest.mark.parametrize("sealed", [PUSH[:-4], PUSH[:-1] + "!", ECHO[:22] + "==", ""])
def test_what_was_cut_or_garbled_is_unreadable(sealed):
    """A wrong length, an illegal character and nothing at all are refused alike."""
    with pytest.raises(crypto.UnreadableError):
        crypto.decrypt(sealed, key=KEY, receiveid=RECEIVEID)


def test_a_message_for_somebody_else_is_unreadable():
    """The receiveid at the end of the plaintext must be ours."""
    with pytest.raises(crypto.UnreadableError):
        crypto.decrypt(PUSH, key=KEY, receiveid="ww0000000000000000")


@given(strategies.text(max_size=200))
def test_what_we_encrypt_others_can_read(message):
    """An independent library verifies and decrypts every message that we seal."""
    sealed = crypto.encrypt(message, key=KEY, receiveid=RECEIVEID)
    signed = crypto.signature(token=TOKEN, timestamp="1", nonce="2", encrypt=sealed)
    outer = f"<xml><Encrypt><![CDATA[{sealed}]]></Encrypt></xml>"
    assert WeChatCrypto(TOKEN, AES_KEY, RECEIVEID).decrypt_message(outer, signed, "1", "2") == message
    assert crypto.decrypt(sealed, key=KEY, receiveid=RECEIVEID) == message


def test_a_key_of_the_wrong_length_is_refused():
    """EncodingAESKey has 43 characters."""
    with pytest.raises(ValueError, match="43"):
        crypto.aes_key("abcd" * 10)

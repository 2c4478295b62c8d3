"""The platform's published vectors, through HTTP."""

from collections.abc import Callable
from urllib.parse import quote

import requests

from tests.callback_gateway.conftest import Gateway
from tests.callback_gateway.sealing import envelope, seal

RECEIVEID = "wx5823bf96d3bd56c7"
VERIFICATION = {
    "msg_signature": "5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3",
    "timestamp": "1409659589",
    "nonce": "263014780",
    "echostr": "P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ==",
}
PUSH = {
    "msg_signature": "477715d11cdb4164915debcba66cb864d751f3e6",
    "timestamp": "1409659813",
    "nonce": "1372623149",
}
SEALED = (
    "RypEvHKD8QQKFhvQ6QleEB4J58tiPdvo+rtK1I9qca6aM/wvqnLSV5zEPeusUiX5L5X/0lWfrf0QADHHhGd3QczcdCUpj911L3vg3W/sYYvuJTs3"
    "TUUkSUXxaccAS0qhxchrRYt66wiSpGLYL42aM6A8dTT+6k4aSknmPj48kzJs8qLjvd4Xgpue06DOdnLxAUHzM6+kDZ+HMZfJYuR+LtwGc2hgf5gs"
    "ijff0ekUNXZiqATP7PF5mZxZ3Izoun1s4zG4LUMnvw2r+KqCKIw+3IQH03v+BCA9nMELNqbSf6tiWSrXJB3LAVGUcallcrw8V2t9EL4EhzJWrQUa"
    "x5wLVMNS0+rUPA3k22Ncx4XXZS9o0MBH27Bo6BpNelZpS+/uh9KsNlY6bHCmJU9p8g7m3fVKn28H3KDYA5Pl/T8Z1ptDAVe0lXdQ2YoyyH2uyPIG"
    "HBZZIs2pDBS8R07+qN+E7Q=="
)
MESSAGE = (
    b"<xml><ToUserName><![CDATA[wx5823bf96d3bd56c7]]></ToUserName>\n<FromUserName><![CDATA[mycreate]]></FromUserName>\n"
    b"<CreateTime>1409659813</CreateTime>\n<MsgType><![CDATA[text]]></MsgType>\n<Content><![CDATA[hello]]></Content>\n"
    b"<MsgId>4561255354251345929</MsgId>\n<AgentID>218</AgentID>\n</xml>"
)


def test_the_verification_is_answered_with_the_decrypted_echo_and_nothing_else(gateway: Gateway) -> None:
    """Vector A: status 200 and exactly the decrypted bytes, whether or not '+' was percent-encoded."""
    encoded = "&".join(f"{name}={quote(value, safe='')}" for name, value in VERIFICATION.items())
    bare = "&".join(f"{name}={quote(value, safe='+/=')}" for name, value in VERIFICATION.items())
    for query in (encoded, bare):
        answer = requests.get(f"{gateway.url('vectors')}?{query}", timeout=30)
        assert (answer.status_code, answer.content) == (200, b"1616140317555161061")


def test_the_published_push_is_stored_and_answered_empty(gateway: Gateway, inbox: Callable[[], list[bytes]]) -> None:
    """Vector B: the body in the inbox is the published message, byte for byte."""
    answer = requests.post(gateway.url("vectors"), params=PUSH, data=envelope(SEALED), timeout=30)
    assert (answer.status_code, answer.content) == (200, b"")
    assert inbox() == [MESSAGE]


def test_each_change_to_the_vectors_has_its_code_and_status(gateway: Gateway, inbox: Callable[[], list[bytes]]) -> None:
    """Forged, meant for others, cut, padded wrongly, too long or not base64: a 4xx by its code, nothing kept."""
    forged = {**PUSH, "msg_signature": "577715d11cdb4164915debcba66cb864d751f3e6"}
    sender = gateway.sender("vectors", RECEIVEID)
    answers = {
        "-40001": [requests.post(gateway.url("vectors"), params=forged, data=envelope(SEALED), timeout=30)],
        "-40005": [gateway.sender("app").push_sealed(SEALED), sender.push_sealed(seal(MESSAGE, "wxother"))],
        "-40007": [sender.push_sealed(SEALED[:-4])],
        "-40008": [
            sender.push_sealed(seal(MESSAGE, RECEIVEID, pad=33)),
            sender.push_sealed(seal(MESSAGE, RECEIVEID, pad=0)),
            sender.push_sealed(seal(MESSAGE, RECEIVEID, length=10_000)),
        ],
        "-40010": [sender.push_sealed(SEALED[:-5] + "!" + SEALED[-4:])],
    }
    for code, received in answers.items():
        expected = 403 if code in ("-40001", "-40005") else 400
        assert [answer.status_code for answer in received] == [expected] * len(received), code
        assert gateway.metric("guanxi_gateway_refused_total", reason=code) == len(received), code
    assert len({answer.content for code in ("-40007", "-40008", "-40010") for answer in answers[code]}) == 1
    assert inbox() == []

"""Callbacks of an official account: what a follower does, and how jobs ended.

Source: WeChat Official Account guide, receiving event pushes, custom menu push, template messages, batch sends.
"""

import re

from simulator import crypto
from simulator.callback_pool import Answer
from simulator.events import Fields, elements
from simulator.official_account.book import Account, Sent
from simulator.records import Receiver
from simulator.world import World

REPLIES = frozenset({"text", "image", "voice", "video", "music", "news"})
# Who speaks for jobs that no single follower caused; in reality an account of WeChat's own.
JOB_SENDER = "oSimulatedJobSender000000000"


def tell(world: World, account: Account, openid: str, fields: Fields, *, at: int, answered: bool = True) -> None:
    """Push one message or event; `answered`: the follower waits for the reply and sees it, or that there was none."""
    receiver = account.receiver
    if receiver is None:
        return
    head: Fields = (("ToUserName", account.original_id), ("FromUserName", openid), ("CreateTime", at))

    def done(answer: Answer) -> None:
        with world.lock:
            _take_reply(account, receiver, openid, answer, at=at)

    text = f"<xml>{elements(head + fields)}</xml>"
    world.push(text, receiver, query={"openid": openid}, done=done if answered else None)


def event(name: str, *fields: tuple[str, str | int]) -> Fields:
    return (("MsgType", "event"), ("Event", name), *fields)


def _take_reply(account: Account, receiver: Receiver, openid: str, answer: Answer, *, at: int) -> None:
    """`success` and nothing are fine; what is no reply makes the user see that the account is unavailable."""
    text = answer.body.strip()
    if answer.status == 200 and text in {"", "success"}:
        return
    plain = _opened(receiver, text) if answer.status == 200 else ""
    msgtype = _inside(plain, "MsgType")
    if msgtype in REPLIES:
        account.sent.append(Sent(openid, "reply", msgtype, {"content": _inside(plain, "Content"), "xml": plain}, at))
    else:
        account.notices.append((openid, at))


def _opened(receiver: Receiver, text: str) -> str:
    """The plaintext of a reply; "" when it cannot be read."""
    sealed = _inside(text, "Encrypt")
    if not sealed:
        return text if receiver.mode != "secure" else ""
    try:
        return crypto.decrypt(sealed, key=crypto.aes_key(receiver.encoding_aes_key), receiveid=receiver.receiveid)
    except ValueError:
        return ""


def _inside(text: str, tag: str) -> str:
    found = re.search(rf"<{tag}>\s*(?:<!\[CDATA\[)?(.*?)(?:\]\]>)?\s*</{tag}>", text, re.DOTALL)
    return found.group(1) if found else ""

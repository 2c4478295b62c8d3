"""The signature of a page that uses the JS-SDK.

Source: WeCom server API, JS-SDK (page 96909).
"""

import hashlib

from simulator.login.book import LoginBook
from simulator.login.settings import LoginSettings
from simulator.records import Corp
from simulator.world import World

UNUSABLE = 42012


def signature_of(ticket: str, *, noncestr: str, timestamp: str, url: str) -> str:
    """SHA-1 over the four in this order, not encoded; what follows # in the address does not count."""
    text = f"jsapi_ticket={ticket}&noncestr={noncestr}&timestamp={timestamp}&url={url.partition('#')[0]}"
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def verdict(
    world: World, corp: Corp, *, secret: str, signature: str, noncestr: str, timestamp: str, url: str, now: float
) -> int:
    """0 when a valid ticket of the right kind made it, 42012 when another ticket of the corp did, else 40093.

    `secret` is that of the app for wx.agentConfig, empty for wx.config.
    """
    for ticket in reversed(corp.book(LoginBook).tickets):
        if signature == signature_of(ticket.ticket, noncestr=noncestr, timestamp=timestamp, url=url):
            return 0 if ticket.secret == secret and now < ticket.expires_at else UNUSABLE
    return world.settings(LoginSettings).wrong_signature_code

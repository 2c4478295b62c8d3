"""When an account may write to a follower: each thing that the follower does opens a window of its own.

Source: WeChat Official Account guide, customer service messages. How windows of different triggers combine is not
published: here they are independent, and the one that ends first is spent first.
"""

from simulator.official_account.book import Allowance, Follower
from simulator.official_account.errors import RefusedError
from simulator.official_account.settings import OfficialSettings

# Only these menu buttons count as an action of the user.
CLICKS = frozenset({"click", "scancode_push", "scancode_waitmsg"})


def open_window(follower: Follower, trigger: str, *, settings: OfficialSettings, at: float) -> None:
    """`trigger` is message, menu, follow, scan or payment; a new one of the same kind starts anew."""
    if trigger == "message":
        allowance = Allowance(settings.kf_after_message, at + settings.kf_after_message_s)
    elif trigger == "payment":
        allowance = Allowance(None, at + settings.kf_after_payment_s)
    else:
        allowance = Allowance(settings.kf_after_action, at + settings.kf_after_action_s)
    follower.windows[trigger] = allowance


def is_open(follower: Follower, *, now: float) -> bool:
    return any(item.until > now for item in follower.windows.values())


def spend(follower: Follower, *, now: float) -> None:
    """Take one message; RefusedError 45015 when no window is open, 45047 when what is open is used up."""
    running = sorted((item for item in follower.windows.values() if item.until > now), key=lambda item: item.until)
    if not running:
        raise RefusedError(45015)
    for item in running:
        if item.left is None:
            return
        if item.left > 0:
            item.left -= 1
            return
    raise RefusedError(45047)

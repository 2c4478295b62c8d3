"""The words of a step, ready to send: `{customer}` and the like are replaced, nothing else is. Pure.

Plain replacement: a text that people write is never run as code, and braces that name no variable are refused when
the rule is saved, so that no associate sends `{custmer}` to a customer.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from services.sops.model import Attachment

VARIABLES: Mapping[str, str] = {
    "customer": "how the associate knows the customer: their remark, else the nickname (of a chat: who joined)",
    "associate": "the associate's name",
    "outlet": "the name of the associate's outlet",
    "stage": "the customer's stages, by name",
    "shop": "the name of the retailer",
    "chat": "the chat's name",
}
_PLACE = re.compile(r"\{([^{}\n]{0,40})\}")


def unknown_in(content: str) -> list[str]:
    """What stands in braces and is no variable, in the order of the text, each once."""
    return [one for one in dict.fromkeys(_PLACE.findall(content)) if one not in VARIABLES]


def said(content: str, words: Mapping[str, str]) -> str:
    """With every variable replaced, once: braces in a customer's name stay what they are."""
    return _PLACE.sub(lambda place: words.get(place[1], "") if place[1] in VARIABLES else place[0], content)


_CALLED: Mapping[str, tuple[str, str, str]] = {
    "image": ("张图片", "image", "images"),
    "video": ("个视频", "video", "videos"),
    "link": ("个链接", "link", "links"),
    "miniprogram": ("个小程序", "mini-program", "mini-programs"),
    "file": ("个文件", "file", "files"),
    "material": ("个素材", "material", "materials"),
}
"""What each kind of attachment is called: with a number in Chinese; one, and many, in English."""


def attached(attachments: Sequence[Attachment], language: str) -> str:
    """How many there are of each kind, for a message that cannot carry them; "" where there are none."""
    counts = Counter(one.kind for one in attachments)
    if language == "zh":
        return "、".join(f"{counts[kind]} {zh}" for kind, (zh, _, _) in _CALLED.items() if counts[kind])
    return ", ".join(
        f"{counts[kind]} {one if counts[kind] == 1 else many}"
        for kind, (_, one, many) in _CALLED.items()
        if counts[kind]
    )

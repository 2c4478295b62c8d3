"""Renders a notice into the bytes of one message/send call. Rendered once: every try sends the same bytes."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from notifier.messages import People, specs
from services.notices.store import NoticeSource
from services.planning import read_fact
from shared.ids import OutboxId, UserId
from shared.outbox import DUPLICATE_WINDOW
from shared.tenants import Tenant

LONGEST_NAME = 40
"""Characters of a name in a message."""
TITLE_MOST, DESCRIPTION_MOST = 128, 512
"""Characters; WeCom cuts what is longer, in the middle of the markup."""

TEXT = "content"
"""A word that is a whole text: it may be six times as long as a name."""

JOINER = "\u200d"
"""Holds the parts of an emoji together."""

_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    keep_trailing_newline=False,
)
_plain = _templates.overlay(autoescape=False)


def render_card(tenant: Tenant, source: NoticeSource, people: People, *, agent_id: int, console_url: str) -> bytes:
    """The body of message/send for one notice.

    The link carries the outbox id, so two notices never have the same bytes and one notice always has: WeCom then
    recognises a repeat of this one, and only of this one.

    Source: WeCom server API, sending application messages, text card.
    """
    spec = specs()[source.notice]
    fact = read_fact(source.fact_type, source.occurred_at, source.payload)
    recipient = UserId(source.recipient)
    told = replace(people, words=source.words)
    words = dict(spec.values(fact, recipient, told)) | {"at": _local(source.occurred_at, tenant.timezone)}
    name = f"{tenant.language}/{source.notice}.txt"
    title, description = _fitting(name, words)
    card = {
        "touser": recipient,
        "msgtype": "textcard",
        "agentid": agent_id,
        "textcard": {
            "title": title,
            "description": description,
            "url": _link(console_url, spec.page or f"c/{source.customer_id or 0}", source.outbox_id),
            "btntxt": "详情" if tenant.language == "zh" else "Open",
        },
        "enable_duplicate_check": 1,
        "duplicate_check_interval": int(DUPLICATE_WINDOW.total_seconds()),
    }
    return orjson.dumps(card)


def _link(console_url: str, page: str, outbox_id: OutboxId) -> str:
    return f"{console_url}/{page}?n={outbox_id}"


def _local(moment: datetime, timezone: str) -> str:
    return f"{moment.astimezone(ZoneInfo(timezone)):%Y-%m-%d %H:%M}"


def _fitting(template: str, words: dict[str, str]) -> tuple[str, str]:
    """Title and description; the words get shorter until both fit (an escaped character counts as what it becomes)."""
    for most in (LONGEST_NAME, 20, 10, 5):
        room = {"at": LONGEST_NAME, TEXT: most * 6}
        short = {key: shortened(word, room.get(key, most)) for key, word in words.items()}
        title = _plain.get_template(template).render(short).split("\n", 1)[0]
        description = _templates.get_template(template).render(short).split("\n", 1)[1]
        if len(title) <= TITLE_MOST and len(description) <= DESCRIPTION_MOST:
            break
    return title, description


def shortened(name: str, most: int = LONGEST_NAME) -> str:
    """A name as one line of readable length: control characters and line breaks become blanks."""
    clean = "".join(c if c.isprintable() or c == JOINER else " " for c in name).strip()
    return clean if len(clean) <= most else clean[: most - 1] + "…"

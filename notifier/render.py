"""Renders a notice into the bytes of one message/send call. Rendered once: every try sends the same bytes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from notifier.messages import People, specs
from services.notices.model import FOLDED
from services.notices.store import NoticeSource
from services.planning import read_fact
from shared.ids import OutboxId, UserId
from shared.outbox import DUPLICATE_WINDOW
from shared.tenants import Tenant

LONGEST_NAME = 40
"""Characters of a name in a message."""
TITLE_MOST, DESCRIPTION_MOST = 128, 512
"""Characters; WeCom cuts what is longer, in the middle of the markup."""

NAMED = 3
"""People named in a message about many."""

JOINER = "\u200d"
"""Holds the parts of an emoji together."""

_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    keep_trailing_newline=False,
)
_plain = _templates.overlay(autoescape=False)


@dataclass(frozen=True)
class Others:
    """What a message tells of besides its own notice: some of them to be named; `count` is of all."""

    named: Sequence[NoticeSource]
    count: int


def render_card(
    tenant: Tenant,
    source: NoticeSource,
    people: People,
    *,
    agent_id: int,
    console_url: str,
    others: Others | None = None,
) -> bytes:
    """The body of message/send for one notice, or for several that are told together.

    The link carries the outbox id, so two notices never have the same bytes and one notice always has: WeCom then
    recognises a repeat of this one, and only of this one.

    Source: WeCom server API, sending application messages, text card.
    """
    spec = specs()[source.notice]
    recipient = UserId(source.recipient)
    words = _words(source, people) | {"at": _local(source.occurred_at, tenant.timezone)}
    name, page = source.notice, spec.page or f"c/{source.customer_id or 0}"
    if others is not None:
        words |= _folded(source, others, people)
        name, page = f"{source.notice}.folded", FOLDED[source.notice]
    title, description = _fitting(f"{tenant.language}/{name}.txt", words)
    card = {
        "touser": recipient,
        "msgtype": "textcard",
        "agentid": agent_id,
        "textcard": {
            "title": title,
            "description": description,
            "url": _link(console_url, page, source.outbox_id),
            "btntxt": "详情" if tenant.language == "zh" else "Open",
        },
        "enable_duplicate_check": 1,
        "duplicate_check_interval": int(DUPLICATE_WINDOW.total_seconds()),
    }
    return orjson.dumps(card)


def _words(source: NoticeSource, people: People) -> dict[str, str]:
    fact = read_fact(source.fact_type, source.occurred_at, source.payload)
    return dict(specs()[source.notice].values(fact, UserId(source.recipient), people))


def _folded(source: NoticeSource, others: Others, people: People) -> dict[str, str]:
    """How many, and the first few by name; the templates know whether those are all."""
    found = [_words(one, people).get("customer", "") for one in (source, *others.named)]
    names = {f"name{n}": name for n, name in enumerate(dict.fromkeys(name for name in found if name), start=1)}
    blank = {f"name{n}": "" for n in range(1, NAMED + 1)}
    counts = {"count": str(others.count), "named": str(len(names))}
    return blank | names | counts | {"above": "1" if source.about else ""}


def _link(console_url: str, page: str, outbox_id: OutboxId) -> str:
    return f"{console_url}/{page}?n={outbox_id}"


def _local(moment: datetime, timezone: str) -> str:
    return f"{moment.astimezone(ZoneInfo(timezone)):%Y-%m-%d %H:%M}"


def _fitting(template: str, words: dict[str, str]) -> tuple[str, str]:
    """Title and description; the words get shorter until both fit (an escaped character counts as what it becomes)."""
    for most in (LONGEST_NAME, 20, 10, 5):
        short = {key: word if key == "at" else shortened(word, most) for key, word in words.items()}
        title = _plain.get_template(template).render(short).split("\n", 1)[0]
        description = _templates.get_template(template).render(short).split("\n", 1)[1]
        if len(title) <= TITLE_MOST and len(description) <= DESCRIPTION_MOST:
            break
    return title, description


def shortened(name: str, most: int = LONGEST_NAME) -> str:
    """A name as one line of readable length: control characters and line breaks become blanks."""
    clean = "".join(c if c.isprintable() or c == JOINER else " " for c in name).strip()
    return clean if len(clean) <= most else clean[: most - 1] + "…"

"""Renders a notice into the bytes of one message/send call. Rendered once: every try sends the same bytes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

import structlog
from jinja2 import TemplateError

from notifier.forms import MARKED, Message, dressed, tame
from notifier.messages import MessageSpec, People, specs
from services.message_cards.model import buttons_of
from services.message_cards.pressing import task_id_for
from services.message_templates.model import Name, TextRefusedError, Wardrobe, Words, Written
from services.message_templates.shipped import shipped_text
from services.message_templates.writing import LONGEST_NAME, shortened, write, write_checked
from services.notices.model import FOLDED
from services.notices.store import NoticeSource
from services.planning import read_fact
from shared.ids import OutboxId, UserId
from shared.outbox import DUPLICATE_WINDOW
from shared.tenants import Tenant
from shared.wecom.families.messages import Recipients, message_body

__all__ = ["LONGEST_NAME", "message_of", "render_card", "shortened", "written"]

log = structlog.get_logger()
NAMED = 3
"""People named in a message about many."""


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
    wardrobe: Wardrobe | None = None,
    others: Others | None = None,
) -> bytes:
    """The body of message/send for one notice, or for several that are told together, as the corp wants its kind to
    look (None: as shipped).

    The link carries the outbox id, so two notices never have the same bytes and one notice always has: WeCom then
    recognises a repeat of this one, and only of this one.

    Source: WeCom server API, sending application messages.
    """
    wardrobe = wardrobe or Wardrobe()
    dress = wardrobe.dress(source.notice)
    message = message_of(
        tenant, source, people, others, console_url=console_url, wardrobe=wardrobe, marked=dress.form in MARKED
    )
    return message_body(
        dressed(message, dress),
        to=Recipients((UserId(source.recipient),)),
        agentid=agent_id,
        duplicate_check_s=int(DUPLICATE_WINDOW.total_seconds()),
    )


def message_of(
    tenant: Tenant,
    source: NoticeSource,
    people: People,
    others: Others | None = None,
    *,
    console_url: str,
    wardrobe: Wardrobe,
    marked: bool,
) -> Message:
    """What the notice says, before it has a form. `marked`: in that form, words could mark something up."""
    spec = specs()[source.notice]
    words = words_for(spec, source, people)
    name, page = Name(source.notice, tenant.language), spec.page or f"c/{source.customer_id or 0}"
    if others is not None:
        words |= _folded(source, others, people)
        name, page = Name(source.notice, tenant.language, folded=True), FOLDED[source.notice]
    if marked:
        words = {name: word if isinstance(word, bool) else tame(word) for name, word in words.items()}
    words |= {
        key: _local(datetime.fromisoformat(word), tenant.timezone)
        for key, word in words.items()
        if key.endswith("_at") and isinstance(word, str)
    }
    words["at"] = _local(source.occurred_at, tenant.timezone)
    return Message(
        written=written(tenant, name, words, wardrobe),
        at=str(words["at"]),
        url=_link(console_url, page, source.outbox_id),
        language=tenant.language,
        task_id=task_id_for(tenant, source.outbox_id),
        buttons=() if others is not None else buttons_of(source.notice, source.payload),
    )


def words_for(spec: MessageSpec, source: NoticeSource, people: People) -> dict[str, str | bool]:
    """The message's own words, and those that every text has.

    Who hears of somebody else's matter (`about`) reads what that one would, with customers called as that one calls
    them: then `above` is true, and `owner` whose matter it is; `associate` as well, where the kind has none of its own.
    """
    fact = read_fact(source.fact_type, source.occurred_at, source.payload)
    about = UserId(source.about) if source.about else None
    told = replace(people, words=source.words)
    own: Mapping[str, str] = spec.values(fact, about or UserId(source.recipient), told)
    whose = "" if about is None else people.associate(about)
    return {"associate": whose, "owner": whose, **own, "above": about is not None}


def written(tenant: Tenant, name: Name, words: Words, wardrobe: Wardrobe) -> Written:
    """By the corp's own text, or, where it has none or it is broken, by the shipped one."""
    own = wardrobe.texts.get(name)
    if own is not None:
        try:
            return write_checked(own, words)
        except (TextRefusedError, TemplateError) as error:
            log.error("message.own_text_broken", tenant_id=tenant.id, notice=name.notice, language=name.language,
                      folded=name.folded, reason=str(error))  # fmt: skip
    return write(shipped_text(name), words)


def _folded(source: NoticeSource, others: Others, people: People) -> dict[str, str]:
    """How many, and the first few by name; the templates know whether those are all."""
    spec = specs()[source.notice]
    found = [str(words_for(spec, one, people).get("customer", "")) for one in (source, *others.named)]
    names = {f"name{n}": name for n, name in enumerate(dict.fromkeys(name for name in found if name), start=1)}
    blank = {f"name{n}": "" for n in range(1, NAMED + 1)}
    counts = {"count": str(others.count), "named": str(len(names))}
    return blank | names | counts


def _link(console_url: str, page: str, outbox_id: OutboxId) -> str:
    return f"{console_url}/{page}?n={outbox_id}"


def _local(moment: datetime, timezone: str) -> str:
    return f"{moment.astimezone(ZoneInfo(timezone)):%Y-%m-%d %H:%M}"

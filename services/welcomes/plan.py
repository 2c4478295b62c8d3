"""Which rule speaks, what it says, and what an answer of WeCom's means. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo

from services.welcomes.model import (
    TEXT_BYTES,
    Answer,
    Attachment,
    Medium,
    Names,
    Rule,
    Said,
    State,
    Verdict,
)
from shared.ids import UserId

VARIABLE = re.compile(r"\{([a-z_]+)(?:\|([^{}|]*))?\}")
"""`{customer}`, or `{customer|what is said while the name is not known}`."""
VARIABLES = ("customer", "associate")
# Source: WeCom server API, welcome messages (page 92137).
USED, TALKING, ANOTHER_IS_SENDING = 41050, 41051, 41096
# Source: WeCom server API, global error codes.
BAD_MEDIA = 40007
OVER = frozenset({USED, TALKING})
AGAIN_S = 0.5
"""Before a try is repeated that WeCom gave no reason to wait for."""
LEAST_LEFT_S = 0.2
"""With less time left, no call would reach WeCom in time."""


def choose(
    rules: Iterable[Rule], userid: UserId, *, outlets: Iterable[int], state: str | None, now: datetime, zone: tzinfo
) -> Rule | None:
    """The most particular rule that holds; None: nothing is said.

    A contact way's state is more particular than the associate, they than their outlet, an outlet than everybody; then
    days or hours than always; then the priority decides, and the older rule.
    """
    here, local = frozenset(outlets), now.astimezone(zone)
    held = [one for one in rules if _concerns(one, userid, here, state) and _is_time(one, local)]
    return min(held, key=lambda one: _rank(one, userid), default=None)


def _concerns(rule: Rule, userid: UserId, outlets: frozenset[int], state: str | None) -> bool:
    everybody = not rule.userids and not rule.department_ids
    theirs = everybody or userid in rule.userids or bool(rule.department_ids & outlets)
    return theirs and (not rule.states or state in rule.states)


def _is_time(rule: Rule, local: datetime) -> bool:
    """The hours after midnight of a span that passes it belong to the day on which it began."""
    start, end, at = rule.from_time, rule.until_time, local.time()
    day = local
    if start is not None and end is not None:
        passes_midnight = end <= start
        if not (at >= start or at < end if passes_midnight else start <= at < end):
            return False
        if passes_midnight and at < end and at < start:
            day = local - timedelta(days=1)
    return not rule.weekdays or day.isoweekday() in rule.weekdays


def _rank(rule: Rule, userid: UserId) -> tuple[bool, bool, bool, bool, int, int]:
    return (
        not rule.states,
        userid not in rule.userids,
        not rule.department_ids,
        not rule.weekdays and rule.from_time is None,
        -rule.priority,
        rule.id,
    )


def unknown_variables(text: str) -> list[str]:
    """Names in braces that mean nothing here; they would reach the customer as they are."""
    return sorted({name for name in re.findall(r"\{([^{}|]*)", text) if name not in VARIABLES})


def said(
    text: str | None,
    attachments: Sequence[Attachment],
    names: Names,
    *,
    media: Mapping[int, Medium],
    now: datetime,
) -> Said:
    """The words with names, cut where WeCom would refuse them, and what goes with them.

    An attachment whose file WeCom has not (any more) stays behind: the rest is worth more in time than all of it late.
    """
    known = {"customer": names.customer, "associate": names.associate}
    words = VARIABLE.sub(lambda found: known.get(found[1]) or (found[2] or "").strip(), text or "").strip()
    usable = {file_id: one.media_id for file_id, one in media.items() if one.until > now}
    made = [_attached(one, usable) for one in attachments]
    there = tuple(one for one in made if one is not None)
    return Said(cut(words, TEXT_BYTES) or None, there, left_out=len(made) - len(there))


def cut(text: str, most_bytes: int) -> str:
    """As much as fits, without half a character at the end."""
    return text.encode()[:most_bytes].decode(errors="ignore")


def _attached(one: Attachment, media: Mapping[int, str]) -> Attachment | None:
    kind, file_id = str(one["kind"]), one.get("file_id")
    fields = {name: value for name, value in one.items() if name not in ("kind", "file_id") and value is not None}
    if file_id is not None:
        if file_id not in media:
            return None
        fields["pic_media_id" if kind == "miniprogram" else "media_id"] = media[file_id]
    return {"msgtype": kind, kind: fields}


def bared(told: Said) -> Said:
    """The same without files: WeCom does not know one of them any more."""
    kept = tuple(one for one in told.attachments if not _has_file(one))
    return Said(told.text, kept, told.left_out + len(told.attachments) - len(kept))


def _has_file(one: Attachment) -> bool:
    fields = one[one["msgtype"]]
    return "media_id" in fields or "pic_media_id" in fields


def judge(answer: Answer, *, in_doubt: bool, told: Said, now: datetime, until: datetime) -> Verdict:
    """What a try's answer means. `in_doubt`: one before it has no certain answer.

    A code is good for one message. So who is told that it is used up, after a try without an answer, has used it.
    """
    if answer.is_yes:
        return Verdict(State.SENT, in_doubt=False)
    if answer.errcode in OVER:
        return Verdict(State.SENT, in_doubt=True) if in_doubt else Verdict(State.TAKEN, in_doubt=False)
    if answer.errcode == BAD_MEDIA and not bared(told).is_empty and bared(told) != told:
        return Verdict(State.SENDING, in_doubt, again_at=now, bare=True)
    in_doubt = in_doubt or answer.lost
    if not answer.again:
        return Verdict(State.REFUSED, in_doubt)
    again_at = now + timedelta(seconds=AGAIN_S if answer.after_s is None else answer.after_s)
    if again_at + timedelta(seconds=LEAST_LEFT_S) < until:
        return Verdict(State.SENDING, in_doubt, again_at=again_at)
    taken = answer.errcode == ANOTHER_IS_SENDING and not in_doubt
    return Verdict(State.TAKEN if taken else State.EXPIRED, in_doubt)

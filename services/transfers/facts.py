"""The facts that changes of handovers are, and those that tell people of many at once. Pure."""

from collections.abc import Collection, Iterable
from itertools import groupby
from typing import Any

from services.planning import Fact
from services.transfers.model import (
    ChatTransferAccepted,
    ChatTransferAsked,
    ChatTransferDone,
    ChatTransferFailed,
    Kind,
    Stage,
    TakeoverDone,
    TakeoverFailed,
    Transfer,
    TransferAccepted,
    TransferAsked,
    TransferDone,
    TransferFailed,
    TransferRefused,
)
from shared.ids import ExternalUserId, UserId


def fact_of(one: Transfer) -> Fact | None:
    """What its stage tells; None when that is nothing new to anybody."""
    chat = one.kind is Kind.CHAT
    match one.stage:
        case Stage.QUEUED:
            return (ChatTransferAsked if chat else TransferAsked)(occurred_at=one.asked_at, **_about(one))
        case Stage.WAITING if one.accepted_at is not None:
            return (ChatTransferAccepted if chat else TransferAccepted)(occurred_at=one.accepted_at, **_about(one))
        case Stage.DONE if one.effect_at is not None:
            return (ChatTransferDone if chat else TransferDone)(occurred_at=one.effect_at, **_about(one))
        case Stage.REFUSED if one.ended_at is not None:
            return TransferRefused(occurred_at=one.ended_at, **_about(one))
        case Stage.LIMIT | Stage.FAILED | Stage.WITHDRAWN if one.ended_at is not None:
            outcome: dict[str, Any] = {"outcome": one.stage.value, "why": one.why or one.stage.value, "code": one.code}
            failed = ChatTransferFailed if chat else TransferFailed
            return failed(occurred_at=one.ended_at, **_about(one), **outcome)
        case _:
            return None


def _about(one: Transfer) -> dict[str, Any]:
    subject = "chat_id" if one.kind is Kind.CHAT else "external_userid"
    return {
        subject: one.subject_key,
        "transfer_id": one.id,
        "from_userid": one.from_userid,
        "to_userid": one.to_userid,
        "departed": one.departed,
    }


def facts_for_people(ended: Iterable[Transfer], associates: Collection[str]) -> list[tuple[Fact, Transfer]]:
    """One fact for all of a giver's that came to an end together, with one of them; `associates` are known userids."""

    def together(one: Transfer) -> tuple[object, ...]:
        return one.stage is Stage.DONE, one.kind, one.from_userid, one.to_userid, one.departed, one.author, one.source

    found: list[tuple[Fact, Transfer]] = []
    for _, group in groupby(sorted(ended, key=together), key=together):
        rows = list(group)
        found.append(((_done if rows[0].stage is Stage.DONE else _failed)(rows, associates), rows[0]))
    return found


def _shared(rows: list[Transfer]) -> dict[str, Any]:
    first = rows[0]
    single = len(rows) == 1 and first.kind is Kind.CUSTOMER
    return {
        "kind": first.kind.value,
        "from_userid": first.from_userid,
        "to_userid": first.to_userid,
        "external_userid": ExternalUserId(first.subject_key) if single else None,
    }


def _author(rows: list[Transfer], associates: Collection[str]) -> UserId | None:
    return UserId(rows[0].author) if rows[0].author in associates else None


def _done(rows: list[Transfer], associates: Collection[str]) -> TakeoverDone:
    return TakeoverDone(
        occurred_at=max(one.effect_at for one in rows if one.effect_at),
        count=len(rows),
        departed=rows[0].departed,
        author_userid=_author(rows, associates),
        **_shared(rows),
    )


def _failed(rows: list[Transfer], associates: Collection[str]) -> TakeoverFailed:
    stages = [one.stage for one in rows]
    return TakeoverFailed(
        occurred_at=max(one.ended_at for one in rows if one.ended_at),
        author_userid=_author(rows, associates),
        refused_count=stages.count(Stage.REFUSED),
        limit_count=stages.count(Stage.LIMIT),
        failed_count=stages.count(Stage.FAILED),
        **_shared(rows),
    )

"""What may be asked for, before WeCom is asked. Pure.

WeCom refuses the same with a code of its own: whoever asks here is told at once, and nothing is sent.
Source: WeCom server API, assign customers (pages 92125 and 94081), of group chats (pages 95703 and 92127).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from services.associates.model import RecordedAssociate
from services.customers.model import State
from services.transfers.model import Refusal, TransferRefusedError
from shared.ids import UserId

IN_SERVICE = 1
"""Status of a member whose account is active. Source: WeCom server API, reading a member (page 96255)."""
YEAR = timedelta(days=365)
"""Customers and chats of a member who left longer ago cannot be handed over any more (TRF-6)."""
MOST_IN_PERIOD, PERIOD_DAYS = 2, 90
LONGEST_MESSAGE = 200
BEIJING = timezone(timedelta(hours=8))
"""WeCom's days."""


@dataclass(frozen=True)
class Terms:
    """Who gives to whom. None: nobody of that userid is known here.

    `left_at`: when the giver left, as far as WeCom's lists of what was left behind tell.
    """

    from_userid: UserId
    to_userid: UserId
    giver: RecordedAssociate | None
    taker: RecordedAssociate | None
    left_at: datetime | None = None

    @property
    def gone_at(self) -> datetime | None:
        """When the giver left; an app without contact sync learns it from what was left behind only."""
        if self.giver is None or self.giver.gone_at is not None:
            return self.giver.gone_at if self.giver else self.left_at
        return None if self.giver.has_contact else self.left_at


def check_people(terms: Terms, *, departed: bool | None, now: datetime) -> bool:
    """Whether the giver has left; `departed` is what who asks believes, None: as it is.

    Raises:
        TransferRefusedError: one of the two cannot give or take.
    """
    if terms.from_userid.lower() == terms.to_userid.lower():
        raise TransferRefusedError(Refusal.SAME, terms.to_userid)
    _check_taker(terms.to_userid, terms.taker)
    giver, gone_at = terms.giver, terms.gone_at
    if giver is None and gone_at is None:
        raise TransferRefusedError(Refusal.UNKNOWN_GIVER, terms.from_userid)
    if giver is not None and giver.renamed_to is not None:
        raise TransferRefusedError(Refusal.RENAMED, f"{terms.from_userid} → {giver.renamed_to}")
    has_left = gone_at is not None
    if not has_left and departed and giver is not None and not giver.in_sight:
        return True  # nobody here knows: WeCom does
    if departed is not None and departed != has_left:
        raise TransferRefusedError(Refusal.GIVER_LEFT if has_left else Refusal.GIVER_IN_SERVICE, terms.from_userid)
    if gone_at is not None and now - gone_at > YEAR:
        raise TransferRefusedError(Refusal.GIVER_LEFT_TOO_LONG_AGO, terms.from_userid)
    return has_left


def _check_taker(userid: UserId, taker: RecordedAssociate | None) -> None:
    if taker is None:
        raise TransferRefusedError(Refusal.UNKNOWN_TAKER, userid)
    if taker.renamed_to is not None:
        raise TransferRefusedError(Refusal.RENAMED, f"{userid} → {taker.renamed_to}")
    if taker.gone_at is not None:
        raise TransferRefusedError(Refusal.TAKER_LEFT, userid)
    if not taker.in_sight:
        raise TransferRefusedError(Refusal.TAKER_OUT_OF_SIGHT, userid)
    if not taker.has_contact:
        raise TransferRefusedError(Refusal.TAKER_WITHOUT_FUNCTION, userid)
    if taker.associate.status not in (None, IN_SERVICE):
        raise TransferRefusedError(Refusal.TAKER_NOT_ACTIVE, userid)


@dataclass(frozen=True)
class History:
    """What our own rows tell of one customer or chat: whether a handover is open, and when others were accepted."""

    is_open: bool = False
    accepted: tuple[datetime, ...] = ()


def refusal_of_customer(state: State | None, history: History, *, departed: bool, now: datetime) -> Refusal | None:
    """Why this customer cannot be handed over; None when nothing speaks against it."""
    wanted = {State.ASSOCIATE_LEFT, State.ACTIVE, State.OUT_OF_SIGHT} if departed else {State.ACTIVE}
    if state not in wanted:
        return Refusal.NOT_A_FRIEND
    return _refusal_by(history, departed=departed, now=now)


def refusal_of_chat(
    *, dismissed: bool, owner: UserId | None, to_userid: UserId, history: History, departed: bool, now: datetime
) -> Refusal | None:
    if dismissed:
        return Refusal.CHAT_DISMISSED
    if owner is None:
        return Refusal.CHAT_WITHOUT_OWNER
    if owner.lower() == to_userid.lower():
        return Refusal.OWNER_ALREADY
    return _refusal_by(history, departed=departed, now=now)


def _refusal_by(history: History, *, departed: bool, now: datetime) -> Refusal | None:
    if history.is_open:
        return Refusal.UNDER_WAY
    too_often = not departed and within_period(history.accepted, now=now) >= MOST_IN_PERIOD
    return Refusal.TOO_OFTEN if too_often else None


def within_period(accepted: Sequence[datetime], *, now: datetime) -> int:
    """How many of these times lie within the last 90 natural days."""
    today = now.astimezone(BEIJING).date()
    return sum((today - at.astimezone(BEIJING).date()).days < PERIOD_DAYS for at in accepted)


def day_of(now: datetime) -> tuple[datetime, datetime]:
    """Beginning and end of WeCom's present day."""
    start = now.astimezone(BEIJING).replace(hour=0, minute=0, second=0, microsecond=0)
    return start, start + timedelta(days=1)

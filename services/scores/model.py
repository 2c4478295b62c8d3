"""Values of scores and points. Authority: ours. A balance is the sum of its ledger; entries are only ever added."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar

from services.planning import Fact
from shared.errors import TerminalError
from shared.ids import CustomerId

MOST_RULES = 500
BEHAVIOUR = re.compile(r"(event:[a-z][a-z0-9_.]{0,63}|purchase|refund|tag:[A-Za-z0-9_:-]{1,128})\Z")
"""event:KIND (told by the API), purchase (an order is paid), refund, tag:ID (WeCom's) and tag:local:ID (gained)."""
ORDERS = ("purchase", "refund")


class Account(StrEnum):
    SCORE = "score"
    POINTS = "points"


class NoScoreRuleError(TerminalError):
    """There is no such rule of a score."""


class ScoreRefusedError(TerminalError):
    """It cannot be so; the text says why."""


@dataclass(frozen=True)
class ScoreRule:
    """`each`: of orders, the amount counts for each full so many minor units of the corp's currency.

    `per_day`: so many behaviours count per customer and day. Only what happens after `made_at` counts.
    """

    id: int
    account: Account
    name: str
    behaviour: str
    amount: int
    each: int | None
    per_day: int | None
    made_at: datetime


@dataclass(frozen=True)
class Behaviour:
    """Something that counts. `key`: what makes it the same when it is told again. `day`: the corp's."""

    customer_id: CustomerId
    behaviour: str
    key: str
    occurred_at: datetime
    day: date
    amount: int | None = None


@dataclass(frozen=True)
class Entry:
    """A line of the ledger. `amount`: what the balance changes by; 0 where nothing was left to take."""

    account: Account
    customer_id: CustomerId
    amount: int
    rule_id: int
    key: str
    day: date
    occurred_at: datetime


@dataclass(frozen=True, kw_only=True)
class ScoreChanged(Fact):
    """Behaviours of somebody counted (CUS-11). `account` is score or points, `amount` their sum, `balance` after it."""

    TYPE: ClassVar[str] = "customer_score_changed"
    SUBJECT: ClassVar[tuple[str, str]] = ("customer", "customer_id")
    customer_id: CustomerId
    account: str
    amount: int
    balance: int
    rule_ids: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class ScoresAdjusted(Fact):
    """A person added `amount` to the score or points of customers (CUS-11); several of these tell of one job."""

    TYPE: ClassVar[str] = "customer_scores_adjusted"
    SUBJECT: ClassVar[tuple[str, str]] = ("account", "account")
    account: str
    amount: int
    customer_ids: tuple[CustomerId, ...]

"""Decides which behaviours count, and for how much. Pure (CUS-11)."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import date, datetime

from services.scores.model import Account, Behaviour, Entry, ScoreChanged, ScoreRule
from shared.ids import CustomerId

Holder = tuple[CustomerId, Account]


def plan_entries(
    behaviours: Sequence[Behaviour],
    rules: Iterable[ScoreRule],
    *,
    known: Set[tuple[int, str]],
    counts: Mapping[tuple[int, CustomerId, date], int],
    balances: Mapping[Holder, int],
    below_zero: bool,
) -> list[Entry]:
    """The entries of these behaviours, in their order.

    `known`: (rule, key) that have counted. `counts`: how many of a rule, customer and day. Points that are not there
    are not taken, unless `below_zero`.
    """
    by_behaviour: dict[str, list[ScoreRule]] = {}
    for rule in sorted(rules, key=lambda one: one.id):
        by_behaviour.setdefault(rule.behaviour, []).append(rule)
    seen, today, held = set(known), Counter(counts), Counter(balances)
    entries = []
    for one in behaviours:
        for rule in by_behaviour.get(one.behaviour, ()):
            of_day = (rule.id, one.customer_id, one.day)
            worth = _worth(rule, one)
            full = rule.per_day is not None and today[of_day] >= rule.per_day
            if not worth or full or (rule.id, one.key) in seen or one.occurred_at < rule.made_at:
                continue
            holder = (one.customer_id, rule.account)
            if rule.account is Account.POINTS and not below_zero:
                worth = max(worth, -max(held[holder], 0))
            seen.add((rule.id, one.key))
            today[of_day] += 1
            held[holder] += worth
            entries.append(Entry(rule.account, one.customer_id, worth, rule.id, one.key, one.day, one.occurred_at))
    return entries


MOST_AT_ONCE = 10**15
"""What one behaviour can count for: a ledger's numbers have 64 bits."""


def _worth(rule: ScoreRule, one: Behaviour) -> int:
    """An order in another currency has no amount: it is worth nothing where amounts count."""
    worth = rule.amount if rule.each is None else rule.amount * ((one.amount or 0) // rule.each)
    return max(-MOST_AT_ONCE, min(MOST_AT_ONCE, worth))


def sums(entries: Iterable[Entry]) -> dict[Holder, int]:
    """Whose balance changes by how much; those that do not change are left out."""
    found = Counter[Holder]()
    for one in entries:
        found[one.customer_id, one.account] += one.amount
    return {holder: amount for holder, amount in found.items() if amount}


def facts_of(entries: Sequence[Entry], balances: Mapping[Holder, int], *, at: datetime) -> list[ScoreChanged]:
    """`balances`: before."""
    return [
        ScoreChanged(
            occurred_at=at,
            customer_id=customer_id,
            account=account.value,
            amount=amount,
            balance=balances.get((customer_id, account), 0) + amount,
            rule_ids=tuple(
                sorted({e.rule_id for e in entries if (e.customer_id, e.account) == (customer_id, account)})
            ),
        )
        for (customer_id, account), amount in sorted(sums(entries).items())
    ]

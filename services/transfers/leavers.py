"""Who is to get what a leaver left behind, by rule: a proposal that a person looks at before it is asked for. Pure."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from services.transfers.model import Kind
from shared.ids import UserId


class Policy(StrEnum):
    """Tried in the order given, until one finds somebody (TRF-6)."""

    FRIEND = "friend"  # of a customer: the associate who has been their friend for longest
    SUPERIOR = "superior"
    OUTLET = "outlet"  # the leaver's colleagues, by turns


@dataclass(frozen=True)
class Left:
    """A customer or chat left behind. `friends`: the customer's other friends who may take over, longest first."""

    kind: Kind
    key: str
    friends: tuple[UserId, ...] = ()


@dataclass(frozen=True)
class Team:
    """Who may take over: the leaver's superior, and the colleagues of their outlet."""

    superior: UserId | None = None
    colleagues: tuple[UserId, ...] = ()


@dataclass(frozen=True)
class Proposal:
    """`takers`: by (kind, key), with the policy that found them. `nobody`: for these none did."""

    takers: Mapping[tuple[Kind, str], tuple[UserId, Policy]] = field(default_factory=dict)
    nobody: tuple[tuple[Kind, str], ...] = ()

    @property
    def checksum(self) -> str:
        """Changes with anything that would be done: who confirms it has seen exactly this."""
        lines = sorted(f"{kind}/{key}→{userid}" for (kind, key), (userid, _) in self.takers.items())
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]

    @property
    def counts(self) -> Counter[tuple[UserId, Policy, Kind]]:
        """How many each new owner would get, by which policy."""
        return Counter((userid, policy, kind) for (kind, _), (userid, policy) in self.takers.items())


def propose(left: Sequence[Left], policies: Sequence[Policy], team: Team) -> Proposal:
    """Each in the order of its key; colleagues share evenly: their numbers differ by one at most."""
    takers: dict[tuple[Kind, str], tuple[UserId, Policy]] = {}
    nobody: list[tuple[Kind, str]] = []
    turn = 0
    for one in sorted(left, key=lambda item: (item.kind, item.key)):
        found = _first(one, policies, team, turn)
        if found is None:
            nobody.append((one.kind, one.key))
        else:
            takers[one.kind, one.key] = found
            turn += found[1] is Policy.OUTLET
    return Proposal(takers, tuple(nobody))


def _first(one: Left, policies: Sequence[Policy], team: Team, turn: int) -> tuple[UserId, Policy] | None:
    for policy in policies:
        if policy is Policy.FRIEND and one.friends:
            return one.friends[0], policy
        if policy is Policy.SUPERIOR and team.superior is not None:
            return team.superior, policy
        if policy is Policy.OUTLET and team.colleagues:
            return team.colleagues[turn % len(team.colleagues)], policy
    return None

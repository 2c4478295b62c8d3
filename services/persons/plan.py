"""Decides which person a set of identities means. Pure (CUS-12, CUS-14).

- What a system issues (external_userid, unionid, crm, shop and mini-program ids) proves who somebody is. A phone or an
  e-mail address proves it only where both sides call it verified.
- What proves leads to one record: several are joined, unless they contradict each other in what a person has once.
- Without a proof, whoever has the phone or address verified goes before those who have it unverified. Whoever
  contradicts what was given is somebody else with the same phone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.persons.model import EXTERNAL_USERID, SINGLE, WEAK, Key
from shared.errors import TerminalError
from shared.ids import CustomerId


@dataclass(frozen=True)
class Given:
    key: Key
    verified: bool = False


@dataclass(frozen=True)
class Candidate:
    """A person who has at least one of the given identities. `identities`: all of theirs -> whether verified."""

    customer_id: CustomerId
    identities: Mapping[Key, bool]

    @property
    def is_contact(self) -> bool:
        return any(kind == EXTERNAL_USERID for kind, _ in self.identities)


@dataclass(frozen=True)
class Match:
    """`customer_id` None: nobody is known yet. `joined`: records that are the same person, and become theirs."""

    customer_id: CustomerId | None
    joined: tuple[CustomerId, ...] = ()


class ContradictionError(TerminalError):
    """The identities belong to different persons, or do not tell which of several; `customer_ids` are these."""

    def __init__(self, reason: str, customer_ids: Iterable[CustomerId]) -> None:
        super().__init__(reason)
        self.customer_ids = tuple(sorted(customer_ids))


def plan_match(given: Sequence[Given], candidates: Sequence[Candidate]) -> Match:
    """
    Raises:
        ContradictionError: a person must say which it is.
    """
    refuse_contradictions(given, [])
    proven = [one for one in candidates if any(_proves(claim, one) for claim in given)]
    if proven:
        refuse_contradictions(given, proven)
        master, *others = sorted(proven, key=lambda one: (not one.is_contact, one.customer_id))
        return Match(master.customer_id, tuple(sorted(one.customer_id for one in others)))
    likely = [one for one in candidates if not _contradicting([*_tokens(given), *_tokens_of(one)])]
    verified = [one for one in likely if any(one.identities.get(claim.key) for claim in given)]
    likely = verified or likely
    if len(likely) == 1:
        return Match(likely[0].customer_id)
    if likely and all(claim.key[0] in WEAK for claim in given):
        raise ContradictionError(
            "several customers have this phone or e-mail address, none of them verified: give an id that tells which",
            (one.customer_id for one in likely),
        )
    return Match(None)


def refuse_contradictions(given: Sequence[Given], persons: Sequence[Candidate]) -> None:
    """
    Raises:
        ContradictionError: together they would have two of what a person has once.
    """
    tokens = [*_tokens(given), *(token for one in persons for token in _tokens_of(one))]
    if kinds := _contradicting(tokens):
        who = "this customer has another one" if len(persons) == 1 else "these are different persons"
        raise ContradictionError(f"{who}: {', '.join(sorted(kinds))} differ", (one.customer_id for one in persons))


def holders(claim: Given, others: Sequence[Candidate]) -> list[CustomerId]:
    """Those among the others whose claim to this identity excludes anybody else's."""
    return [one.customer_id for one in others if _proves(claim, one)]


def likeliest(having: Mapping[CustomerId, bool]) -> list[CustomerId]:
    """Of those who have an identity (-> whether verified): who has it verified, else all (CUS-12)."""
    return sorted(one for one, verified in having.items() if verified) or sorted(having)


def _proves(claim: Given, person: Candidate) -> bool:
    verified = person.identities.get(claim.key)
    return verified is not None and (claim.key[0] not in WEAK or (claim.verified and verified))


def _tokens(given: Iterable[Given]) -> list[Key]:
    return [claim.key for claim in given]


def _tokens_of(person: Candidate) -> list[Key]:
    return list(person.identities)


def _contradicting(keys: Iterable[Key]) -> set[str]:
    """Kinds of which a person has one, and these have several."""
    found: dict[str, set[bytes]] = {}
    for kind, token in keys:
        if kind in SINGLE:
            found.setdefault(kind, set()).add(token)
    return {kind for kind, tokens in found.items() if len(tokens) > 1}


def filled(documents: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Own documents of one person's records as one: what stands further back wins, custom field by custom field."""
    whole = {name: value for one in documents for name, value in one.items()}
    custom = {key: value for one in documents for key, value in (one.get("fields") or {}).items()}
    return whole | ({"fields": custom} if custom else {})

"""Whom a message is for: members, departments and member tags within the app's scope, and the names that are bad.

Source: WeCom server API, application messages (page 90236).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from simulator.address_book.scope import sees_department
from simulator.api.calls import Call
from simulator.errors import ApiError
from simulator.member_tags.book import MemberTagBook
from simulator.records import Member

EVERYBODY = "@all"
MOST_USERS, MOST_PARTIES, MOST_TAGS = 1000, 100, 100


@dataclass
class Recipients:
    """`found` by lower-cased userid, in the order of the request."""

    found: dict[str, Member] = field(default_factory=dict)
    bad_users: list[str] = field(default_factory=list)
    bad_parties: list[str] = field(default_factory=list)
    bad_tags: list[str] = field(default_factory=list)
    all_bad: bool = False

    def report(self) -> dict[str, str]:
        return {
            "invaliduser": "|".join(self.bad_users),
            "invalidparty": "|".join(self.bad_parties),
            "invalidtag": "|".join(self.bad_tags),
        }


def _names(body: dict[str, Any], key: str) -> list[str]:
    text = body.get(key) or ""
    if not isinstance(text, str):
        raise ApiError(40058, detail=key)
    return list(dict.fromkeys(item.strip() for item in text.split("|") if item.strip()))


def named_in(call: Call, body: dict[str, Any]) -> Recipients:
    """Read touser, toparty and totag; ApiError 81012 when all are empty."""
    users, parties, tags = (_names(body, key) for key in ("touser", "toparty", "totag"))
    check_lengths(users, parties, tags)
    if users == [EVERYBODY]:
        everybody = in_scope(call)
        return Recipients(everybody, all_bad=not everybody)
    if not (users or parties or tags):
        raise ApiError(81012)
    return resolve(call, users=users, parties=parties, tags=tags)


def check_lengths(users: Sequence[str], parties: Sequence[str], tags: Sequence[str]) -> None:
    for names, most, code in ((users, MOST_USERS, 40032), (parties, MOST_PARTIES, 82002), (tags, MOST_TAGS, 82003)):
        if len(names) > most:
            raise ApiError(code)


def in_scope(call: Call) -> dict[str, Member]:
    return {key: item for key, item in call.corp.members.items() if not item.resigned and call.sees(item)}


def resolve(call: Call, *, users: Sequence[str], parties: Sequence[str], tags: Sequence[str]) -> Recipients:
    """Expand departments (with those below) and tags; an empty one that the app may see is good and reaches nobody."""
    scope = in_scope(call)
    named = Recipients()
    for user in users:
        if user.lower() in scope:
            named.found[user.lower()] = scope[user.lower()]
        else:
            named.bad_users.append(user.lower())
    for party in parties:
        inside = members_of_party(call, party, scope)
        if inside is None:
            named.bad_parties.append(party)
        else:
            named.found |= inside
    for tag in tags:
        tagged = members_with_tag(call, tag, scope)
        if tagged is None:
            named.bad_tags.append(tag)
        else:
            named.found |= tagged
    bad = len(named.bad_users) + len(named.bad_parties) + len(named.bad_tags)
    named.all_bad = bad == len(users) + len(parties) + len(tags)
    return named


def members_of_party(call: Call, party: str, scope: dict[str, Member]) -> dict[str, Member] | None:
    """Those of the department and below whom the app sees; None when there is none such, or it is out of scope."""
    if not party.isdecimal() or int(party) not in call.corp.departments or not sees_department(call, int(party)):
        return None
    inside = {item.department_id for item in call.corp.descendants(int(party))}
    return {key: item for key, item in scope.items() if inside & set(item.departments)}


def members_with_tag(call: Call, tag: str, scope: dict[str, Member]) -> dict[str, Member] | None:
    """Those who carry the tag and whom the app sees; None when it is unknown, or has nobody that the app sees."""
    tagged = call.book(MemberTagBook).members(call.corp, int(tag)) if tag.isdecimal() else None
    if tagged is None:
        return None
    seen = {member.userid.lower(): member for member in tagged if member.userid.lower() in scope}
    return seen if seen or call.app.visible is None else None

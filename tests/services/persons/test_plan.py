"""Which person a set of identities means: nobody is taken for somebody else (CUS-12, CUS-14)."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.persons.model import SINGLE, IdentityError, Key, make_identity
from services.persons.plan import Candidate, ContradictionError, Given, Match, plan_match
from shared.ids import CustomerId

A, B, C = CustomerId(1), CustomerId(2), CustomerId(3)


def key(told: str) -> Key:
    kind, value = told.split("=")
    return kind, value.encode()


def claims(*told: str) -> list[Given]:
    """Each as "kind=value", with "!" when it is called verified."""
    return [Given(key(one.rstrip("!")), one.endswith("!")) for one in told]


def person(customer_id: CustomerId, *told: str) -> Candidate:
    return Candidate(customer_id, {key(one.rstrip("!")): one.endswith("!") for one in told})


CASES = [
    pytest.param(claims("crm=1"), [], Match(None), id="nobody is known"),
    pytest.param(claims("crm=1", "phone=1"), [person(A, "crm=1")], Match(A), id="an id proves it"),
    pytest.param(claims("phone=1"), [person(A, "phone=1")], Match(A), id="an unverified phone that one has"),
    pytest.param(
        claims("phone=1"), [person(A, "phone=1"), person(B, "phone=1!")], Match(B), id="the verified one is preferred"
    ),
    pytest.param(
        claims("crm=2", "phone=1"), [person(A, "crm=1", "phone=1")], Match(None), id="somebody else with the same phone"
    ),
    pytest.param(
        claims("crm=2", "phone=1!"), [person(A, "phone=1")], Match(A), id="a claim is not refused for being new"
    ),
    pytest.param(
        claims("crm=1", "unionid=1"),
        [person(B, "crm=1"), person(C, "unionid=1", "external_userid=w")],
        Match(C, (B,)),
        id="records join into the contact",
    ),
    pytest.param(
        claims("shop:a=1", "shop:b=1"),
        [person(B, "shop:b=1"), person(A, "shop:a=1")],
        Match(A, (B,)),
        id="without a contact into the oldest",
    ),
    pytest.param(
        claims("crm=1", "phone=1"),
        [person(A, "crm=1"), person(B, "phone=1!")],
        Match(A),
        id="an unverified phone joins nobody",
    ),
    pytest.param(
        claims("crm=1", "phone=1!"),
        [person(A, "crm=1"), person(B, "phone=1!")],
        Match(A, (B,)),
        id="one that is verified on both sides does",
    ),
    pytest.param(
        claims("crm=9", "phone=1"),
        [person(A, "phone=1"), person(B, "phone=1")],
        Match(None),
        id="an id of its own is no guess",
    ),
]


@pytest.mark.parametrize(("given_", "persons", "match"), CASES)
def test_who_is_meant(given_: list[Given], persons: list[Candidate], match: Match) -> None:
    """The same in whichever order they are told (CUS-12, CUS-14)."""
    for order in permutations(persons):
        assert plan_match(given_, order) == match
        assert plan_match(list(reversed(given_)), order) == match


CONTRADICTIONS = [
    pytest.param(
        claims("crm=1", "unionid=1"),
        [person(A, "crm=1", "external_userid=w"), person(B, "unionid=1", "external_userid=v")],
        (A, B),
        id="two contacts",
    ),
    pytest.param(
        claims("unionid=1", "shop:a=1"),
        [person(A, "unionid=1", "crm=1"), person(B, "shop:a=1", "crm=2")],
        (A, B),
        id="two crm ids",
    ),
    pytest.param(claims("crm=1", "unionid=2"), [person(A, "crm=1", "unionid=1")], (A,), id="another unionid"),
    pytest.param(claims("phone=1"), [person(A, "phone=1"), person(B, "phone=1")], (A, B), id="a phone that two have"),
    pytest.param(claims("crm=1", "crm=2"), [], (), id="two crm ids at once"),
]


@pytest.mark.parametrize(("given_", "persons", "ids"), CONTRADICTIONS)
def test_who_cannot_be_told_is_not_guessed(
    given_: list[Given], persons: list[Candidate], ids: tuple[CustomerId, ...]
) -> None:
    """A person must say; the error names all of them (CUS-14)."""
    for order in permutations(persons):
        with pytest.raises(ContradictionError) as caught:
            plan_match(given_, order)
        assert caught.value.customer_ids == ids


KINDS = st.sampled_from(["crm", "unionid", "phone", "shop:a"])
KEYS = st.builds(lambda kind, n: (kind, str(n).encode()), KINDS, st.integers(0, 2))
PERSONS = st.lists(st.dictionaries(KEYS, st.booleans(), max_size=4), max_size=4).map(
    lambda found: [Candidate(CustomerId(n), one) for n, one in enumerate(found, 1)]
)


@given(st.lists(st.builds(Given, KEYS, st.booleans()), min_size=1, max_size=4), PERSONS)
def test_nobody_ever_has_two_of_what_a_person_has_once(given_: list[Given], persons: list[Candidate]) -> None:
    """Whoever is found, made or joined: plan, apply, plan again finds the same one (settles)."""
    persons = [one for one in persons if any(claim.key in one.identities for claim in given_)]
    persons = [one for one in persons if _is_one(one.identities)]
    try:
        match = plan_match(given_, persons)
    except ContradictionError:
        return
    members = [one for one in persons if one.customer_id in {match.customer_id, *match.joined}]
    whole = {claim.key: claim.verified for claim in given_}
    for one in members:
        for held, verified in one.identities.items():
            whole[held] = verified or whole.get(held, False)
    assert _is_one(whole)
    after = [one for one in persons if one not in members] + [Candidate(match.customer_id or CustomerId(9), whole)]
    if any(claim.key[0] != "phone" for claim in given_):
        assert plan_match(given_, after).joined == ()


def _is_one(identities: dict[Key, bool]) -> bool:
    kinds = [kind for kind, _ in identities if kind in SINGLE]
    return len(kinds) == len(set(kinds))


@pytest.mark.parametrize(
    ("kind", "told", "kept"),
    [
        ("phone", "138 0013 8000", "+8613800138000"),
        ("phone", "0086-13800138000", "+8613800138000"),
        ("phone", "+1 (650) 253-0000", "+16502530000"),
        ("email", " Wang@Example.COM ", "wang@example.com"),
        ("crm", " C-1 ", "C-1"),
    ],
)
def test_equal_values_are_equal_however_they_are_written(kind: str, told: str, kept: str) -> None:
    """Else one person would be two (CUS-14)."""
    assert make_identity(kind, told, region="CN").value == kept


@pytest.mark.parametrize(
    ("kind", "told"),
    [("phone", "1"), ("phone", "x"), ("email", "a@b"), ("email", "a@b@c.d"), ("crm", " "), ("crm", "a\nb"), ("x", "y")],
)
def test_what_is_no_identity_is_refused(kind: str, told: str) -> None:
    """With words that do not repeat it (G10)."""
    with pytest.raises(IdentityError):
        make_identity(kind, told, region="CN")

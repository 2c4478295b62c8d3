"""Who is proposed for what a leaver left behind."""

from hypothesis import given
from hypothesis import strategies as st

from services.transfers.leavers import Left, Policy, Team, propose
from services.transfers.model import Kind
from shared.ids import UserId
from tests.services.factories import LI, WANG, ZHAO

CUSTOMERS = [Left(Kind.CUSTOMER, f"wm{number}") for number in range(5)]
BEFRIENDED = Left(Kind.CUSTOMER, "wmFriend", (WANG, ZHAO))
CHAT = Left(Kind.CHAT, "wrOne")
TEAM = Team(ZHAO, (LI, WANG))


def test_the_policies_are_tried_in_their_order():
    """A friend where there is one, else the superior; nobody is invented (TRF-6)."""
    proposal = propose([BEFRIENDED, *CUSTOMERS, CHAT], [Policy.FRIEND, Policy.SUPERIOR], TEAM)
    assert proposal.counts == {
        (WANG, Policy.FRIEND, Kind.CUSTOMER): 1,
        (ZHAO, Policy.SUPERIOR, Kind.CUSTOMER): 5,
        (ZHAO, Policy.SUPERIOR, Kind.CHAT): 1,
    }
    alone = propose([BEFRIENDED, CHAT], [Policy.FRIEND], TEAM)
    assert (list(alone.takers), alone.nobody) == ([(Kind.CUSTOMER, "wmFriend")], ((Kind.CHAT, "wrOne"),))
    assert propose([CHAT], [Policy.SUPERIOR, Policy.OUTLET], Team()).nobody == ((Kind.CHAT, "wrOne"),)


@given(st.integers(0, 40), st.integers(1, 7), st.randoms(use_true_random=False))
def test_colleagues_share_evenly_whatever_the_order(count: int, colleagues: int, random):
    """Their numbers differ by one at most, and the checksum names exactly this (TRF-6)."""
    left = [Left(Kind.CUSTOMER, f"wm{number}") for number in range(count)]
    team = Team(None, tuple(UserId(f"u{number}") for number in range(colleagues)))
    proposal = propose(left, [Policy.OUTLET], team)
    numbers = [proposal.counts[one, Policy.OUTLET, Kind.CUSTOMER] for one in team.colleagues]
    assert sum(numbers) == count and max(numbers) - min(numbers) <= 1
    shuffled = random.sample(left, len(left))
    assert propose(shuffled, [Policy.OUTLET], team).checksum == proposal.checksum
    if count:
        assert propose(left[1:], [Policy.OUTLET], team).checksum != proposal.checksum

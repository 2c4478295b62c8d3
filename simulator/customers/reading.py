"""Which relations a read shows: those of members who serve customers, in the app's scope, after the lags."""

from simulator.api.calls import Call
from simulator.customers.book import CustomerBook
from simulator.customers.settings import CustomerSettings
from simulator.errors import ApiError
from simulator.records import Corp, Customer, Member, Pair, PairState
from simulator.world import World


def readable(call: Call, pair: Pair) -> bool:
    return pair.readable and pair not in call.book(CustomerBook).coming


def served(call: Call, pair: Pair) -> bool:
    """Its member is in service, has the function, and is in the app's scope."""
    member = call.corp.members[pair.userid.lower()]
    return member.serves_customers and call.sees(member)


def followers(call: Call, customer: Customer) -> list[Pair]:
    """As `get` names them: for a while also a member who has just deleted the customer."""
    fading = call.book(CustomerBook).fading
    return [pair for pair in customer.pairs if (readable(call, pair) or pair in fading) and served(call, pair)]


def visible_pair(call: Call, member: Member, customer: Customer) -> Pair:
    """ApiError 84061 when the two are no relation that a read would show."""
    pair = member.pairs.get(customer.external_userid)
    if pair is None or not member.serves_customers or not readable(call, pair):
        raise ApiError(84061)
    return pair


def member_of(call: Call, userid: object) -> Member:
    """The member in service and in scope; the code for anybody else is a setting."""
    try:
        return call.member(userid if isinstance(userid, str) else "")
    except ApiError as error:
        if error.code != 60111:
            raise
        raise ApiError(call.settings(CustomerSettings).bad_userid_code) from None


def began(world: World, corp: Corp, pair: Pair) -> None:
    """A new relation lags behind its event."""
    lag_s, book = world.settings(CustomerSettings).addition_lag_s, corp.book(CustomerBook)
    if lag_s > 0:
        book.coming.add(pair)
        world.later(world.now() + lag_s, book.arrived(pair))


def ended(world: World, corp: Corp, pair: Pair) -> None:
    """`get` goes on naming the member for a while."""
    lag_s, book = world.settings(CustomerSettings).deletion_lag_s, corp.book(CustomerBook)
    if lag_s > 0 and pair.state is PairState.GONE:
        book.fading.add(pair)
        world.later(world.now() + lag_s, book.faded(pair))

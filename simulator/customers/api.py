"""Customers: who serves them, and what the relations look like.

Source: WeCom server API, customer contact (pages 92571, 96312, 92113, 92114, 92994).
"""

from typing import Any

from simulator.api import cursors
from simulator.api.calls import Call, Endpoint
from simulator.api.fields import numbers, texts
from simulator.customers import contact_list, conversions, notes, walks
from simulator.customers.book import CustomerBook
from simulator.customers.reading import followers, member_of, readable
from simulator.customers.settings import CustomerSettings
from simulator.customers.subjects import customer_of, is_provider, outward
from simulator.customers.views import customer_view, follow_info, follow_user
from simulator.errors import ApiError
from simulator.records import Customer, Member

FOLLOWERS_A_PAGE = 500
ROWS_A_PAGE, MOST_ROWS_A_PAGE = 50, 100
OWN_SECRETS = frozenset({"app", "system"})
MOST_USERIDS, MOST_USERID_BYTES = 100, 64


def get_follow_user_list(call: Call) -> dict[str, Any]:
    members = call.corp.members.values()
    return {"follow_user": [item.userid for item in members if item.serves_customers and call.sees(item)]}


def check_follow_user(call: Call) -> dict[str, Any]:
    """Who and which departments have the function; an empty half misses its arrays."""
    asked = call.json()
    userids, parties = texts(asked, "userid"), numbers(asked, "partyid")
    if not userids and not parties:
        raise ApiError(40063, detail="userid or partyid")
    yes: dict[str, list[Any]] = {"userid": [], "partyid": []}
    no: dict[str, list[Any]] = {"userid": [], "partyid": []}
    for userid in userids:
        member = call.corp.member(userid)
        served = member is not None and member.serves_customers and call.sees(member)
        (yes if served else no)["userid"].append(userid)
    for party in parties:
        (yes if _party_serves(call, party) else no)["partyid"].append(party)
    halves = {"authorized": yes, "unauthorized": no}
    return {half: {name: ids for name, ids in lists.items() if ids} for half, lists in halves.items()}


def _party_serves(call: Call, department_id: int) -> bool:
    """A department is in the range of the function when all who work in it or below it have the function."""
    if department_id not in call.corp.departments:
        return False
    inside = {item.department_id for item in call.corp.descendants(department_id)}
    people = [item for item in call.corp.members.values() if not item.resigned and inside & {*item.departments}]
    return bool(people) and all(item.serves_customers and call.sees(item) for item in people)


def list_customers(call: Call) -> dict[str, Any]:
    member = member_of(call, call.query.get("userid"))
    pairs = map(member.pair_at, member.ordered()) if member.serves_customers else ()
    coming = call.book(CustomerBook).coming
    found = [pair.customer.external_userid for pair in pairs if pair.readable and pair not in coming]
    if not found:
        raise ApiError(84061)
    return {"external_userid": [outward(call, item) for item in found] if is_provider(call.app) else found}


def get_customer(call: Call) -> dict[str, Any]:
    customer, numbers = customer_of(call, call.query.get("external_userid")), call.settings(CustomerSettings)
    cursor = call.query.get("cursor", "")
    found = followers(call, customer)
    if not found:
        raise ApiError(numbers.out_of_scope_code if _is_followed(call, customer) else 84061)
    page, next_cursor = cursors.page(
        found,
        cursor=cursor,
        limit=FOLLOWERS_A_PAGE,
        bound_to=cursors.bound(call, "get", customer.external_userid),
        now=call.world.now(),
        life_s=numbers.cursor_life_s,
    )
    repeated = {"external_contact": customer_view(customer, call)} if not cursor or numbers.get_repeats_contact else {}
    more = {"next_cursor": next_cursor} if next_cursor else {}
    return {**repeated, "follow_user": [follow_user(pair, call) for pair in page], **more}


def _is_followed(call: Call, customer: Customer) -> bool:
    """By somebody in service with the function, whether or not the app sees them."""
    members = ((pair, call.corp.members[pair.userid.lower()]) for pair in customer.pairs)
    return any(readable(call, pair) and member.serves_customers for pair, member in members)


def _listed_members(call: Call, userids: list[str]) -> list[Member | None]:
    """Each member once, in the order of their ids; None stands for one who is passed over.

    A walk counts these places, so they must not depend on how members were listed, or on who left meanwhile.
    """
    if not userids:
        raise ApiError(40063, detail="userid_list")
    if len(userids) > MOST_USERIDS or any(len(item.encode()) > MOST_USERID_BYTES for item in userids):
        raise ApiError(40058, detail="field `userid_list` exceed max length 64")
    unique: dict[str, Member | None] = {}
    for item in userids:
        try:
            unique[item.lower()] = member_of(call, item)
        except ApiError:
            if call.settings(CustomerSettings).bad_userid_fails_batch:
                raise
            unique[item.lower()] = None
    return [unique[key] for key in sorted(unique)]


def batch_get_by_user(call: Call) -> dict[str, Any]:
    """One page of relations, a row for each: a customer of two listed members comes twice."""
    asked = call.json()
    userids = texts(asked, "userid_list")
    members = _listed_members(call, userids)
    limit = cursors.limit_of(asked, default=ROWS_A_PAGE, most=MOST_ROWS_A_PAGE, over="clamp")
    bound_to = cursors.bound(call, "batch/get_by_user", *sorted({item.lower() for item in userids}))
    page, next_cursor = walks.page(call, members, walks.Asked(limit, asked.get("cursor"), bound_to))
    rows = [
        {"external_contact": customer_view(pair.customer, call), "follow_info": follow_info(pair, call)}
        for pair in page
    ]
    return {"external_contact_list": rows, "next_cursor": next_cursor}


ENDPOINTS = {
    "externalcontact/get_follow_user_list": Endpoint("GET", get_follow_user_list, {"follow_user": []}, True),
    "externalcontact/check_follow_user": Endpoint("POST", check_follow_user, {}, True),
    "externalcontact/list": Endpoint("GET", list_customers, {"external_userid": []}, True),
    "externalcontact/get": Endpoint("GET", get_customer, {"follow_user": []}, True),
    "externalcontact/batch/get_by_user": Endpoint("POST", batch_get_by_user, {"external_contact_list": []}, True),
    "externalcontact/remark": Endpoint("POST", notes.remark, {}, True),
    "externalcontact/contact_list": Endpoint(
        "POST", contact_list.contact_list, {"info_list": []}, True, only=OWN_SECRETS
    ),
    "externalcontact/from_service_external_userid": Endpoint(
        "POST", conversions.from_service, {}, True, only=OWN_SECRETS
    ),
    "externalcontact/convert_to_openid": Endpoint("POST", conversions.to_openid, {}, True),
}

"""What members and customers do with each other."""

from tests.convergence.town import CUSTOMERS, FRIEND, GONE, HALF, LOST, Choose, Deed, Order, Town

PHONES = (["13800000001"], ["13800000002", "13800000003"], [])
REMARKS = ("老客户", "", "VIP🌟", "王姐（江南）")


def _new_friend(town: Town, deed: Deed) -> Order | None:
    customer = CUSTOMERS[deed.b % len(CUSTOMERS)]
    order: Order = {"userid": town.member(deed.a), "external_userid": customer, "name": f"客户{customer[-2:]}"}
    if town.pairs.get((order["userid"], customer)) == FRIEND:
        return None
    order |= {"add_way": (1, 3, 16, 202)[deed.c % 4]}
    if deed.c % 3 == 0:
        order["state"] = f"门店{deed.c % 5}"
    return order


def _edit(town: Town, deed: Deed) -> Order | None:
    pair = town.pair(deed.a, FRIEND, LOST)
    if pair is None:
        return None
    notes: Order = {
        "remark": REMARKS[deed.b % len(REMARKS)],
        "description": f"备注 {deed.b}",
        "tags": [tag for place, tag in enumerate(list(town.tags)[-4:]) if deed.b >> place & 1],
        "mobiles": PHONES[deed.b % len(PHONES)],
        "remark_company": f"公司{deed.b % 4}",
    }
    chosen = list(notes)[deed.c % len(notes)]
    return pair | (notes if deed.c % 7 == 0 else {chosen: notes[chosen]})


def _rename(town: Town, deed: Deed) -> Order | None:
    pair = town.pair(deed.a, FRIEND, LOST, HALF, GONE)
    return pair and {"external_userid": pair["external_userid"], "name": f"新名字{deed.b}"}


def _transfer(town: Town, deed: Deed) -> Order | None:
    pair, taker = town.pair(deed.a, FRIEND, LOST), town.member(deed.b)
    if pair is None or taker == pair["userid"]:
        return None
    return {
        "handover_userid": pair["userid"],
        "takeover_userid": taker,
        "external_userid": pair["external_userid"],
    }


ORDERS: dict[str, Choose] = {
    "add": _new_friend,
    "half_add": _new_friend,
    "confirm": lambda town, deed: town.pair(deed.a, HALF),
    "customer_deletes": lambda town, deed: town.pair(deed.a, FRIEND),
    "member_deletes": lambda town, deed: town.pair(deed.a, FRIEND, LOST, HALF),
    "edit": _edit,
    "customer_renames": _rename,
    "transfer_done": _transfer,
}

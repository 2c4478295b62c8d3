"""A corp with a shop's few associates, each with customers of their own, and what passes over them left."""

from collections.abc import Callable

from commands.demo_corp import CORP_ID, SECRET, record_demo_corp
from tests.sync_worker.conftest import Office

TEAM = ["LiNa", "WangFang", "ZhangWei", "ZhaoMin"]
MakeOffice = Callable[..., Office]


def shop_of(make_office: MakeOffice, each: int, **settings: object) -> Office:
    """A live corp in which each associate has so many customers; reads are never behind events."""
    office = make_office(**{"deletion_lag_s": 0, **settings})
    for userid in TEAM:
        office.corp.add_customers(each, userids=[userid])
    record_demo_corp(office.runtime)
    office.walk()
    assert office.rows("select state, count(*) from relation group by 1") == [("active", each * len(TEAM))]
    return office


def customers_of(office: Office, userid: str) -> list[str]:
    return sorted(p["external_userid"] for p in office.corp.pairs() if p["userid"] == userid and p["state"] == "active")


def states(office: Office, userid: str) -> dict[str, int]:
    return dict(office.rows(f"select state, count(*)::int from relation where userid = '{userid}' group by 1"))


def see(office: Office, userids: list[str]) -> None:
    """Somebody changes the app's visible range."""
    app = {"name": "contact", "secret": SECRET, "agent_id": 1000002, "visible": userids}
    office.corp.post("/sim/corps", {"corp_id": CORP_ID, "apps": [app]})

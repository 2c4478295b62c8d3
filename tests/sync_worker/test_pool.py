"""People in the pool and a WeCom that speaks HTTP: found in a first sync, after an event, and when a member leaves."""

from collections.abc import Callable

from commands.demo_corp import record_demo_corp
from services.joining.join import join
from services.persons.model import make_identity
from services.pool.entering import enter
from services.pool.giving import assign
from services.pool.model import Act, Entry
from shared.db.engine import run
from shared.ids import CustomerId, UserId
from sync_worker.pool import keep_pool
from tests.sync_worker.conftest import Office
from tests.sync_worker.staff import Staff

LINA = UserId("LiNa")


def expect(office: Office, kind: str, value: str, *, userid: UserId | None = None) -> CustomerId:
    """The retailer knows somebody, who waits in the pool."""
    now, tenant = office.runtime.clock.now(), office.tenant
    identity = make_identity(kind, value, region="CN", verified=kind == "phone")
    with office.runtime.engine.begin() as connection:
        one = join(connection, tenant, [identity], {}, now=now).customer_id
        enter(connection, tenant, [Entry(one, "import")], Act("import", "Chen Jing", now))
        if userid is not None:
            assign(connection, tenant, [one], userid, Act("operator", "Chen Jing", now))
    return one


def stands(office: Office) -> list[tuple[object, ...]]:
    keep_pool(office.runtime)
    return office.rows(
        "select coalesce(u.merged_into, u.id) = p.customer_id, p.status, p.userid, e.external_userid is not null "
        "from pool_record p join customer u on u.tenant_id = p.tenant_id and u.id = p.customer_id "
        "left join external_contact e on e.tenant_id = p.tenant_id and e.customer_id = p.customer_id "
        "order by p.status, u.id"
    )


def test_a_first_sync_finds_whom_the_retailer_knew(make_office: Callable[..., Office]) -> None:
    """By unionid and by a verified phone in a remark; it tells nobody (POOL-9)."""
    office = make_office()
    for name, more in (("甲", {"unionid": "un-1"}), ("乙", {"mobiles": ["138 0013 8000"]})):
        office.corp.act({"do": "add", "silent": True, "userid": "LiNa", "name": name, **more})
    record_demo_corp(office.runtime)
    expect(office, "unionid", "un-1")
    expect(office, "phone", "13800138000")
    expect(office, "crm", "C-1")
    office.walk()
    assert stands(office) == [
        (True, "added", "LiNa", True), (True, "added", "LiNa", True), (True, "unassigned", None, False),
    ]  # fmt: skip
    assert office.rows("select count(*) from outbox") == [(0,)]


def test_an_event_takes_somebody_out_of_the_pool_and_a_departure_brings_them_back(
    make_office: Callable[..., Office],
) -> None:
    """WeCom shows the friend; who left has nobody to add any more (POOL-9, POOL-10)."""
    one = Staff(make_office(deletion_lag_s=1)).live()
    office = one.office
    expect(office, "phone", "13800138000", userid=LINA)
    expect(office, "crm", "C-1", userid=LINA)
    office.happen({"do": "add", "userid": "LiNa", "name": "丙", "mobiles": ["13800138000"]}, "added")
    office.reconcile()
    assert stands(office) == [(True, "added", "LiNa", True), (True, "assigned", "LiNa", False)]
    one.do("resign", userid="LiNa")
    one.hear("delete_user", UserID="LiNa")
    office.reconcile()
    assert one.states()["LiNa"] == "gone"
    assert stands(office)[1][1:3] == ("unassigned", None)


def test_a_record_that_does_not_open_is_shown_to_a_person_and_holds_up_nobody(
    make_office: Callable[..., Office],
) -> None:
    """The match waits with its problem, and the next one is carried out (POOL-9)."""
    office = make_office()
    for name, phone in (("甲", "13800138000"), ("乙", "13800138001")):
        office.corp.act({"do": "add", "silent": True, "userid": "LiNa", "name": name, "mobiles": [phone]})
    record_demo_corp(office.runtime)
    damaged, sound = expect(office, "phone", "13800138000"), expect(office, "phone", "13800138001")
    with office.runtime.engine.begin() as connection:
        run(connection, "update customer set own = '\\x00' where id = :id", id=damaged)
    office.walk()
    while keep_pool(office.runtime):
        pass
    assert office.rows("select state, problem from pool_match order by state") == [
        ("joined", None), ("open", "unreadable"),
    ]  # fmt: skip
    stood = "select status from pool_record p join customer u on p.customer_id = coalesce(u.merged_into, u.id)"
    assert office.rows(f"{stood} where u.id = {sound}") == [("added",)]
    assert office.rows(f"{stood} where u.id = {damaged}") == [("unassigned",)]

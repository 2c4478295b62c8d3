"""A member's new userid: what they were to add goes along."""

from services.pool.giving import assign
from services.pool.leaving import return_of_leavers
from services.pool.rules import Draft, load_rules, make_rule
from services.pool.store import move_userid
from services.pool.telling import tell_given
from shared.db.engine import run
from shared.ids import UserId
from tests.services.pool.people import NOW, act, add_associates, fill_pool, stand


def test_a_new_userid_takes_records_rules_and_untold_customers_along(connection, tenant):
    """Nobody's list is emptied, and nothing comes back, because a userid changed (POOL-10)."""
    old, new = UserId("LiNa"), UserId("LiNa2")
    add_associates(connection, tenant, old, new)
    (one,) = fill_pool(connection, tenant, 1)
    assign(connection, tenant, [one], old, act())
    make_rule(connection, tenant.id, Draft("assign", "r", 0, True, {}, {"userids": ["WangFang", old]}), act("rule"))
    run(connection, "update associate set has_contact = false, renamed_to = 'LiNa2' where userid = 'LiNa'")
    move_userid(connection, tenant.id, old, new)
    assert stand(connection, tenant) == {one: ("assigned", new)}
    assert load_rules(connection, tenant.id)[0].action["userids"] == ["WangFang", new]
    assert [t.fact.userid for t in tell_given(connection, tenant.id, after=NOW - NOW, now=NOW)] == [new]
    assert return_of_leavers(connection, tenant.id, grace=NOW - NOW, now=NOW) == ()

"""Deleting customers in bulk: what goes with them, and what stays."""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from services.bulk_changes.model import BulkRefusedError
from shared.audit import load_audit
from shared.clock import FixedClock
from shared.vault import Vault
from tests.sync_worker.changing import People

MakePeople = Callable[[int], People]
AUDITED = "insert into audit (tenant_id, at, actor, action, subject_kind, subject_key, changed, details) values "


@pytest.fixture
def make_people(engine: Engine, redis_url: str, vault: Vault, clock: FixedClock) -> MakePeople:
    return lambda count: People(engine, redis_url, vault, clock, count)


def test_deleting_leaves_nothing_of_a_customer_but_ids(make_people: MakePeople) -> None:
    """Identities, tags, orders, notes of what was: gone; who WeCom shows stays as what it shows (CUS-8)."""
    people = make_people(4)
    gone, stays, other, merged = people.ids
    people.ids.remove(merged)
    before = people.ask({"kind": "fields", "set": {"company": "晨光"}})
    people.work()
    people.act(f"update customer set merged_into = {gone} where id = {merged}")
    tenant = people.tenant.id
    for one in (gone, stays, other):
        people.act(
            f"insert into identity values ({tenant}, 'phone', '\\x{one:02x}', {one}, '\\x01', false, 'api', now())"
        )
        people.act(
            f"insert into identity values ({tenant}, 'unionid', '\\x{one:02x}', {one}, '\\x01', true, 'wecom', now())"
        )
        people.act(f"insert into customer_tag values ({tenant}, {one}, 1, now(), 'Zhou')")
        people.act(f"insert into assignment_decision (tenant_id, customer_id, to_userid, decided_at, by_whom) "
                   f"values ({tenant}, {one}, 'LiNa', now(), 'Zhou')")  # fmt: skip
        people.act(f"{AUDITED} ({tenant}, now(), 'Zhou', 'customer.edited', 'customer', '{one}', '{{}}', '\\x01')")
    people.act("insert into external_contact (tenant_id, external_userid, customer_id, cause) "
               f"values ({tenant}, 'wmStays', {stays}, 'event')")  # fmt: skip
    people.act("delete from card_due")
    change = people.ask({"kind": "deletion"}, ids=[gone, stays])
    people.work()
    assert people.counts(change) == ("done", 2, 0, 0)
    assert people.rows("select id, own is null from customer order by id") == [(stays, True), (other, False)]
    assert people.rows("select customer_id, kind from identity order by 1, 2") == [
        (stays, "unionid"), (other, "phone"), (other, "unionid"),
    ]  # fmt: skip
    assert people.rows("select customer_id from customer_tag") == [(other,)]
    assert people.rows("select customer_id from assignment_decision order by 1") == [(stays,), (other,)]
    assert people.rows(
        "select subject_key::bigint from audit where details is not null and subject_kind = 'customer'"
    ) == [(other,)]
    assert people.rows(
        f"select customer_id from bulk_change_row where change_id = {before} and before is not null"
    ) == [(other,)]
    assert people.rows("select distinct customer_id from card_due order by 1") == [(gone,), (stays,), (merged,)]
    assert people.rows("select payload from fact where type = 'customer_erased' order by id") == [
        ({"customer_id": gone, "contact_stays": False},), ({"customer_id": stays, "contact_stays": True},),
    ]  # fmt: skip
    with pytest.raises(BulkRefusedError, match="for good"):
        people.undo(change)


def test_the_audit_of_a_deleted_customer_still_says_who_did_what(make_people: MakePeople) -> None:
    """Without the values, which were the person's (ACC-2, CUS-8)."""
    people = make_people(1)
    subject = f"'customer', '{people.ids[0]}'"
    people.act(f"{AUDITED} ({people.tenant.id}, now(), 'Zhou', 'customer.edited', {subject}, '{{level}}', null)")
    with people.runtime.engine.begin() as connection:
        (line,) = load_audit(connection, people.tenant, "customer", str(people.ids[0]))
    assert (line.actor, line.change.action, line.change.before) == ("Zhou", "customer.edited", {})

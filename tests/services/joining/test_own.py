"""The retailer's own fields of one customer, in one document."""

import pytest
from sqlalchemy import Connection

from services.fields.model import Field, Kind, Use, ValuesRefusedError
from services.fields.store import record_new
from services.joining.join import edit_own, join
from services.persons.model import make_identity
from shared.clock import FixedClock
from shared.tenants import Tenant

CRM = make_identity("crm", "C-1", region="CN")


def test_a_record_made_by_hand_has_what_is_required(connection: Connection, tenant: Tenant, clock: FixedClock):
    """For the use that it is made for; a system's record may come without, and an edit may fill it later (CUS-5)."""
    now = clock.now()
    record_new(connection, tenant.id, Field("hobby", "爱好", Kind.SINGLE_LINE, required_of_pool=True), now=now)
    with pytest.raises(ValuesRefusedError) as refused:
        join(connection, tenant, [CRM], {"real_name": "X"}, now=now, made_for=Use.POOL)
    assert refused.value.problems == (("hobby", "is required"),)
    assert join(connection, tenant, [CRM], {}, now=now).customer_id
    customer_id, changes = edit_own(
        connection,
        tenant,
        join(connection, tenant, [CRM], {}, now=now).customer_id,
        {"fields": {"hobby": "x"}},
        now=now,
    )
    assert (len(changes), edit_own(connection, tenant, customer_id, {"fields": {"hobby": "x"}}, now=now)[1]) == (1, [])
    join(connection, tenant, [CRM], {}, now=now, made_for=Use.POOL)

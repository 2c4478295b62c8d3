"""What a choice means is the same in PostgreSQL and here (TAG-3, TAG-6)."""

import itertools
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from services.customers.choice import Choice, chooses
from services.customers.choosing import chosen_page, count_chosen
from services.customers.model import Friendship, Notes, Relation, State
from shared.db.engine import as_json, run
from shared.ids import TenantId, UserId

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
TENANT = TenantId(4711)
USERIDS = [UserId(one) for one in ("LiNa", "WangFang", "ZhangWei")]
OUTLETS: dict[UserId, int | None] = {USERIDS[0]: 2, USERIDS[1]: 3, USERIDS[2]: None}
TAGS = ("etA", "etB", "etC")
CHATS = ("wrOne", "wrTwo")
DAYS = [NOW - timedelta(days=n) for n in range(4)]

some_tags = st.lists(st.sampled_from(TAGS), max_size=2, unique=True)
choices = st.builds(
    Choice,
    userids=st.lists(st.sampled_from(USERIDS), max_size=2),
    departments=st.lists(st.sampled_from([2, 3, 4]), max_size=2),
    any_tags=some_tags,
    all_tags=some_tags,
    no_tags=some_tags,
    added_since=st.none() | st.sampled_from(DAYS),
    added_before=st.none() | st.sampled_from(DAYS),
    assigned=st.booleans(),
    chats=st.lists(st.sampled_from(CHATS), max_size=2, unique=True),
)
relations = st.lists(
    st.tuples(
        st.sampled_from(USERIDS),
        st.sampled_from([State.ACTIVE, State.ACTIVE, State.HALF, State.ENDED_BY_CUSTOMER]),
        st.none() | some_tags,
        st.none() | st.sampled_from(DAYS),
        st.booleans(),
        st.lists(st.tuples(st.sampled_from(CHATS), st.booleans()), max_size=2, unique_by=lambda one: one[0]),
    ),
    max_size=8,
)
Drawn = tuple[UserId, State, list[str] | None, datetime | None, bool, list[tuple[str, bool]]]


def _keep(connection: Connection, drawn: list[Drawn]) -> None:
    for table in ("relation", "external_contact", "customer", "associate", "group_member"):
        run(connection, f"delete from {table} where tenant_id = {TENANT}")
    run(
        connection,
        f"insert into associate (tenant_id, userid, main_department_id, observed_at) select {TENANT}, key, "
        "(value)::bigint, now() from jsonb_each_text(cast(:outlets as jsonb))",
        outlets=as_json(OUTLETS),
    )
    for n, (userid, state, tags, began, assigned, chats) in enumerate(drawn):
        run(connection, "insert into customer (tenant_id, id, assigned_userid, created_at) "
            f"values ({TENANT}, :n, :who, now())", n=n, who=userid if assigned else None)  # fmt: skip
        run(connection, f"insert into external_contact (tenant_id, external_userid, customer_id, cause) "
            f"values ({TENANT}, :key, :n, 'event')", key=f"wm{n}", n=n)  # fmt: skip
        run(connection, f"insert into relation (tenant_id, external_userid, userid, state, started_at, corp_tag_ids, "
            f"cause) values ({TENANT}, :key, :userid, :state, :began, :tags, 'event')",
            key=f"wm{n}", userid=userid, state=state.value, began=began, tags=tags)  # fmt: skip
        for chat_id, there in chats:
            run(connection, "insert into group_member (tenant_id, chat_id, member_id, number, kind, left_at, "
                f"observed_at, cause) values ({TENANT}, :chat, :key, 1, 'customer', :left, now(), 'event')",
                chat=chat_id, key=f"wm{n}", left=None if there else NOW)  # fmt: skip


@settings(max_examples=60, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(choice=choices, drawn=relations)
def test_postgresql_and_python_mean_the_same(connection: Connection, choice: Choice, drawn: list[Drawn]) -> None:
    """Every condition alone and with others; pages show each relation once, in the order of keys."""
    _keep(connection, drawn)
    meant = [
        f"wm{n}"
        for n, (userid, state, tags, began, assigned, chats) in enumerate(drawn)
        if chooses(
            choice,
            Relation(
                userid,
                state,
                (Friendship(began),),
                notes=Notes(corp_tag_ids=None if tags is None else tuple(tags)),
            ),
            outlets=OUTLETS,
            assigned=userid if assigned else None,
            chats=[chat_id for chat_id, there in chats if there],
        )
    ]
    found: list[str] = []
    after = ("", "")
    for _ in itertools.count():
        page = chosen_page(connection, TENANT, choice, after=after, limit=3)
        found += [one.external_userid for one in page]
        if not page:
            break
        after = page[-1].key
    assert found == meant
    assert count_chosen(connection, TENANT, choice) == len(meant)


def test_a_choice_is_stored_as_what_is_given_of_it() -> None:
    """And comes back from it."""
    choice = Choice(userids=("LiNa",), added_since=NOW)
    assert choice.stored() == {"userids": ["LiNa"], "added_since": "2026-11-22T09:00:00Z"}
    assert Choice.model_validate(choice.stored()) == choice

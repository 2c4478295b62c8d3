"""Every table with a column `customer_id`: what of it goes over in a merge, and what is computed anew. Pure.

A test holds this list against the database: a table that is in neither half fails it. Encrypted columns have the
context "table.column".
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Moved:
    """A table whose rows go over to whom the record is merged into.

    `key`: columns that, with the tenant, name a row for good. `once`: columns of which a person has each value once
    (() = one row in all, None = any number); `among`: of which rows that holds. Where both sides have one, the master's
    stays, unless `instead` holds; the other is taken out and kept in the audit. `alters`: columns that people change: a
    row of which one changed since the merge stays where it is when the merge is undone. `gives`: what else moving sets.
    In `among` and `instead`, i is the master's row and m the other's; `one_way` are SOP rules in which a person has one
    way at a time.
    """

    name: str
    key: tuple[str, ...]
    once: tuple[str, ...] | None = None
    among: str = "true"
    instead: str = "false"
    alters: tuple[str, ...] = ()
    sealed: tuple[str, ...] = ()
    gives: str = ""


FURTHEST = "array['added', 'assigned', 'unreachable', 'unassigned']"
"""Of two records of the pool the one that is further stays (POOL-13)."""

MOVED = (
    Moved("external_contact", ("external_userid",)),
    Moved(
        "identity",
        ("id",),
        gives="id = coalesce(t.id, nextval('identity_id_seq'))",
        once=("kind", "hmac"),
        instead="m.verified and not i.verified",
        sealed=("value",),
    ),
    Moved("assignment_change", ("id",)),
    Moved("assignment_decision", ("id",)),
    Moved("customer_order", ("shop", "order_id")),
    Moved("customer_event", ("event_id",)),
    Moved("customer_note", ("id",)),
    Moved("customer_task", ("id",)),
    Moved("customer_tag", ("tag_id",), once=("tag_id",)),
    Moved("waiting_tag", ("tag_id",), once=("tag_id",)),
    Moved("segment_member", ("segment_id",), once=("segment_id",)),
    Moved(
        "company_customer",
        ("company_id",),
        once=("company_id",),
        instead="m.ended_at is null and m.linked_at is not null and (i.ended_at is not null or i.linked_at is null)",
        alters=("updated_at",),
    ),
    Moved("customer_stage", ("line_id",), once=("line_id",), alters=("stage_id", "entered_at")),
    Moved(
        "pool_record",
        ("created_at",),
        once=(),
        instead=f"array_position({FURTHEST}, m.status) < array_position({FURTHEST}, i.status)",
        alters=("status", "userid", "reason", "status_at"),
        sealed=("note",),
    ),
    Moved(
        "blacklist_entry",
        ("id",),
        once=(),
        among="i.ended_at is null and m.ended_at is null",
        alters=("ended_at",),
        sealed=("reason", "end_reason"),
    ),
    Moved("pool_change", ("id",)),
    Moved("pool_state", ("state",)),
    Moved("score_entry", ("id",)),
    Moved("behaviour_due", ("id",)),
    Moved(
        "sop_enrolment",
        ("id",),
        once=("rule_id",),
        among="i.state = 'running' and m.state = 'running' and m.rule_id = any(:one_way)",
        alters=("state", "next_at"),
    ),
    Moved("sop_progress", ("enrolment_id", "step_id"), alters=("state",)),
)

SUMMED = ("customer_score",)
"""One row of numbers per person: a merge adds them up, its undoing subtracts what came."""

DERIVED = ("purchase_summary", "customer_card", "customer_name", "customer_number", "card_due", "stage_met")
"""Computed anew: the summary here, the card from marks that triggers leave."""

PASSING = ("bulk_change_row", "pool_batch_row", "pool_given", "pool_due", "waiting_due", "reminder_told", "sop_mark")
"""Work that is on its way: whoever carries it out looks whether a customer still stands for themselves.

What was told of a customer stays with their own id: the master's reminders go by the master's days.
"""

"""What of a customer is deleted with them, table by table. A test compares this with the schema. Data, no I/O."""

from collections.abc import Mapping

ERASED: tuple[str, ...] = (
    "blacklist_entry", "company_customer", "customer_event", "customer_note", "customer_order", "customer_score",
    "customer_stage", "customer_tag", "customer_task", "reminder_told",
    "pool_change", "pool_record", "pool_state", "purchase_summary", "score_entry", "segment_member", "sop_enrolment",
    "sop_progress", "stage_met", "waiting_tag",
)  # fmt: skip
"""Rows of these go with their customer, whoever the customer is. Each has `customer_id`, with an index."""

ERASED_IF_GONE: tuple[str, ...] = ("assignment_change", "assignment_decision")
"""Rows of these go where no contact of WeCom's stays: who a contact is assigned to follows from them."""

KEPT: Mapping[str, str] = {
    "identity": "those that WeCom shows of a contact that stays; all others go",
    "external_contact": "WeCom's record, kept in step with it; deleting a friend is done in WeCom",
    "customer_card": "derived: made anew, or taken away, after the marks that the deletion leaves",
    "customer_name": "derived, likewise",
    "customer_number": "derived, likewise",
    "card_due": "marks: ids only",
    "pool_due": "marks: ids only",
    "waiting_due": "marks: ids only",
    "behaviour_due": "behaviours that are still to be counted: ids and amounts, gone within seconds",
    "sop_mark": "what happened and rules wait for: ids only, gone within seconds",
    "pool_given": "what associates are still to be told: ids only, gone when they are",
    "pool_batch_row": "ids only, gone with its batch, which leaves out whoever has no record any more",
    "bulk_change_row": "the proof of what was done, with ids and codes; what was before is emptied",
}
"""Tables with a `customer_id` that are left alone, or looked after in store.py, and why."""

"""The numbers of inheritance, and what sources leave open. Nothing here is published unless it says so."""

from dataclasses import dataclass


@dataclass
class TransferSettings:
    # Published: an accepted transfer takes effect by itself after 24 hours (pages 92125 and 94081).
    effective_after_s: int = 86_400
    # How long a new row is missing from transfer_result.
    result_lag_s: int = 0
    # Whether transfer_fail is sent at all: one user saw none on refusal.
    fail_event: bool = True
    # Whether a customer stays in get_unassigned_list between the request and its end.
    waiting_is_unassigned: bool = False
    # Friends a member may have; a member's own contact_cap goes first.
    contact_cap: int = 50_000
    # Row codes whose cases are described, but not their numbers.
    left_too_long_code: int = 40205
    resigned_busy_code: int = 40100
    not_activated_code: int = 40098
    no_function_code: int = 84074
    # Whether a refused request counts towards the two transfers in 90 days.
    refused_counts: bool = False
    # Whether remark, description, tags and the rest go over to the new pair.
    notes_go_over: bool = False
    # The status when the takeover member left or lost the function meanwhile: 3 or 4.
    taker_gone_status: int = 4
    # Whether the refusal of a customer whose member left also sends del_external_contact for that member.
    refusal_deletes: bool = False

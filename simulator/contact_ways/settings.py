"""Numbers of contact ways that WeCom does not publish."""

from dataclasses import dataclass


@dataclass
class ContactWaySettings:
    # Not published: whether a deleted way may be replaced by a new one, or has used up the quota for good.
    deleting_frees_quota: bool = True
    # Not verified: the code for a member without the customer-contact function.
    no_function_code: int = 60011
    # Not published: the code for editing a temporary way that has expired.
    expired_way_code: int = 40058
    # Not published: the code for closing a temporary chat that is none, or is over.
    no_temp_chat_code: int = 84061

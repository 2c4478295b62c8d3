"""Numbers of tags that WeCom does not publish."""

from dataclasses import dataclass


@dataclass
class TagSettings:
    # Not published: how long a deleted tag is still seen on customers.
    deletion_lag_s: float = 0.0
    # Not published: how many tags one relation can carry before mark_tag is 40144.
    most_tags_on_a_customer: int = 1000
    # Not published for mark_tag; the error table speaks of 1 to 1000 tags (41111).
    most_tags_a_call: int = 1000
    # Not verified: the code for editing a tag of somebody else, 60011 or 81011.
    foreign_tag_code: int = 60011
    # Not verified: an unknown id in a filtered list is refused with this code, or with 0 left out of the answer.
    unknown_tag_code: int = 40068
    # The tag page says at most 30 characters, the error table 32.
    longest_name: int = 30

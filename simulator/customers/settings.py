"""The numbers of customers and their relations that WeCom does not publish."""

from dataclasses import dataclass
from typing import Any

SNAPSHOT, LIVE, REORDER = "snapshot", "live", "reorder"


@dataclass
class CustomerSettings:
    # Whether a walk of batch/get_by_user is a snapshot is not published: snapshot, live, or reorder (live, and a row
    # that is edited changes its place, so that it is met twice or not at all).
    walk: str = REORDER
    # The order of the rows is not published, and differs between two walks. 0: drawn at random; else repeatable.
    seed: int = 0
    # Not published: how often a page that is not the last is shorter than asked (0 to 1).
    short_page: float = 0.0
    # Not published: how often the last rows come with a cursor, behind which is an empty page (0 to 1).
    empty_last_page: float = 0.0
    # Not published: how long a cursor of get and batch/get_by_user lives.
    cursor_life_s: float = 86_400.0
    # Not published: the largest page of contact_list.
    contact_list_most: int = 1000
    # Not published: how long `get` still names a member who deleted the customer.
    deletion_lag_s: float = 0.0
    # Not published: how long a new relation is missing from the reads after its event.
    addition_lag_s: float = 0.0
    # Not published: whether `external_contact` comes again with every page of followers.
    get_repeats_contact: bool = True
    # Not published: 60111 or 40003 for a member who left, never was, or is out of scope.
    bad_userid_code: int = 60_111
    # Not published: whether one such member fails a whole batch/get_by_user, or is passed over.
    bad_userid_fails_batch: bool = True
    # Not published: 84061 or 40096 when all followers are out of the app's scope.
    out_of_scope_code: int = 84_061
    # Not published: what a customer who comes back after deleting the member changes in the row that stayed.
    readding_renews_createtime: bool = True
    readding_renews_add_way: bool = True
    readding_keeps_notes: bool = True
    # Not published: whether remark with "" clears the remark or the description, or leaves it.
    empty_remark_clears: bool = False
    # Not published: the most customers of one member; 0 is no limit. Member.contact_cap goes before it.
    contact_cap: int = 0

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "walk" and value not in {SNAPSHOT, LIVE, REORDER}:
            raise ValueError(f"walk is {SNAPSHOT}, {LIVE} or {REORDER}")
        super().__setattr__(name, value)

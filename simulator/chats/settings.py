"""The numbers of group chats, and what sources leave open. Nothing here is published unless it says so."""

from dataclasses import dataclass
from typing import Any


@dataclass
class ChatSettings:
    # How long reads show the state before a change. Published as an example: "2 seconds" (page 92122).
    detail_lag_s: float = 2.0
    # False: the groups of an owner who left are listed when owner_filter names the owner, and only then.
    # True: naming the owner is 40003, and the groups are listed without owner_filter by status_filter 1 or 2.
    left_owner_is_refused: bool = False
    # The code for a group whose owner is outside the app's scope: 60011 or 84074.
    out_of_scope_code: int = 60011
    # Published: without owner_filter, a scope of more people is 81017 (page 92120).
    most_unfiltered: int = 1000
    # How long a dismissed group is still listed.
    dismissed_listed_s: int = 0
    # How long a transfer takes until the new owner is there, of groups in service and of those whose owner left.
    onjob_takes_s: int = 0
    inherit_takes_s: int = 3600
    # Published: 300 groups a day of one owner, two transfers of one group in 90 days (pages 95703 and 92127).
    most_a_day: int = 300
    most_in_90_days: int = 2
    # The row codes of these two limits.
    day_limit_code: int = 45009
    too_often_code: int = 40128
    # Whether an owner change through the API sends change_owner.
    transfer_calls_back: bool = False
    # How many WeChat members a group may have for a new owner from outside it; the text of 90503 says 99.
    most_wechat_members: int = 99
    # How many people a group can have.
    most_members: int = 500
    # MemChangeList: items, text (ids with commas, as before 2024) or none (older still).
    member_list: str = "items"
    # The code for a join way that is not there or belongs to another app.
    unknown_way_code: int = 41044
    # Whether a group that a full join way created joins its chat_id_list.
    way_gains_new_chat: bool = True

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "member_list" and value not in {"items", "text", "none"}:
            raise ValueError("member_list is items, text or none")
        super().__setattr__(name, value)

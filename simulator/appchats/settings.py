"""The numbers of group chats made by an app, which WeCom may tune."""

from dataclasses import dataclass


@dataclass
class AppchatSettings:
    # Per corp, all apps together. Source: WeCom server API, frequency limits (page 90454).
    creates_per_day: int = 1000
    updates_per_hour: int = 1000
    person_times_per_minute: int = 20_000
    # Source: WeCom server API, sending to group chats (page 90248): 150,000, 350,000 or 700,000 by the corp's size.
    person_times_per_hour: int = 150_000
    # Per member; beyond it nothing arrives and nobody is told. Source: the same page.
    member_per_minute: int = 200
    member_per_day: int = 10_000
    # Both 86003 and 40050 mean that there is no such chat; which of them answers is not published.
    unknown_chat_errcode: int = 86003

"""What WeCom's reads answer, as values. Unknown fields are ignored; a missing field is None, which is not "emptied"."""

from shared.wecom.payloads.contacts import BatchPage, ContactProfile, ContactRead, FollowRelation
from shared.wecom.payloads.decoding import decoded
from shared.wecom.payloads.directory import Department, Member
from shared.wecom.payloads.messages import SendResult
from shared.wecom.payloads.pages import Page
from shared.wecom.payloads.reading import LARGEST

__all__ = [
    "LARGEST",
    "BatchPage",
    "ContactProfile",
    "ContactRead",
    "Department",
    "FollowRelation",
    "Member",
    "Page",
    "SendResult",
    "decoded",
]

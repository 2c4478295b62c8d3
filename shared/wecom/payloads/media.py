"""Files that WeCom keeps for us."""

from dataclasses import dataclass, field

from shared.wecom.payloads.reading import IDENTITY


@dataclass(frozen=True)
class Uploaded:
    """`media_id` is good for 3 days after `created_at` (Unix seconds), for all apps of the corp."""

    media_id: str = field(metadata=IDENTITY)
    type: str | None
    created_at: int | None

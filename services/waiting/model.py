"""Values of tags that wait. Authority: ours, until the customer has a friend; from then on it is an intent's."""

from dataclasses import dataclass
from datetime import datetime

from services.intents.model import Source
from shared.ids import CustomerId, TagId


@dataclass(frozen=True)
class Why:
    """Who wants it. `cause`: the bulk change or import that it came with, as `import:ID`; None: by itself."""

    author: str
    source: Source
    reason: str | None
    cause: str | None = None


@dataclass(frozen=True)
class WaitingTag:
    """`name`: None of a tag that was deleted just now."""

    customer_id: CustomerId
    tag_id: TagId
    name: str | None
    why: Why
    created_at: datetime

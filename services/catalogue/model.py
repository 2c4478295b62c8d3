"""Values of wishes for the catalogue of corp tags.

Authority of names, places and existence is shared: the last person to act wins, on either side. Each wish is an intent
for one field: `name:ID`, `sort:ID`, `gone:ID` of a tag or a group, and `new:…` (an id of ours) for a tag to be made.
WeCom has no empty group: a group is made with its first tags.
"""

import json
from dataclasses import asdict, dataclass
from dataclasses import field as kept
from datetime import datetime
from typing import ClassVar

from services.intents.model import Intent, Settled
from services.planning import Fact
from services.tags.model import CORP, TAG_CATALOGUE

DELETED_TAGS = "deleted_tags"
"""Subject kind: what relations still carry of deleted tags; its one key is `CORP`."""
NAME, SORT, GONE, NEW = "name", "sort", "gone", "new"
MOST_TAGS = 10_000
"""Of a corp, tags of rule groups among them. Source: WeCom server API, corp tags (page 92117)."""
NAME_CHARS = 30
"""Characters, not bytes. Source: likewise."""
LARGEST_SORT = 2**32 - 1


@dataclass(frozen=True)
class NewTag:
    """A tag to be made in a group: of this id, or else of this name, which is made if need be.

    `sort`, `group_sort`: larger comes first; None: WeCom's choice. `group_sort` is for a group that is made.
    """

    name: str = kept(repr=False)
    group_id: str = ""
    group_name: str = kept(default="", repr=False)
    sort: int | None = None
    group_sort: int | None = None

    def written(self) -> str:
        """As the value of an intent."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def read(cls, written: str) -> "NewTag":
        return cls(**json.loads(written))


@dataclass(frozen=True)
class Rename:
    id: str
    name: str = kept(repr=False)


@dataclass(frozen=True)
class Place:
    """`sort`: larger comes first."""

    id: str
    sort: int


@dataclass(frozen=True)
class Delete:
    id: str


Asked = NewTag | Rename | Place | Delete


def field_of(what: str, id_: str) -> str:
    return f"{what}:{id_}"


def what_of(intent: Intent) -> str:
    return intent.field.partition(":")[0]


def target_of(intent: Intent) -> str:
    """The id of the tag or group; of a tag to be made, ours."""
    return intent.field.partition(":")[2]


def new_tag(intent: Intent) -> NewTag:
    return NewTag.read(str(intent.desired))


def tags_at_stake(intent: Intent) -> frozenset[str]:
    """The tags that the author of a group's deletion knew of."""
    return frozenset(intent.desired.split()) if isinstance(intent.desired, str) else frozenset()


@dataclass(frozen=True, kw_only=True)
class TagCatalogueEditSettled(Fact):
    """What was wanted of the catalogue has come to its end: `outcome` is confirmed, refused or superseded.

    `field` is name:ID, sort:ID or gone:ID of a tag or group, or new: with an id of ours, whose tag is `made_id` then.
    `code` is WeCom's, when it refused.
    """

    TYPE: ClassVar[str] = "tag_catalogue_edit_settled"
    SUBJECT: ClassVar[tuple[str, str]] = (TAG_CATALOGUE, "catalogue")
    catalogue: str = CORP
    intent_id: int
    field: str
    outcome: str
    code: int | None = None
    made_id: str | None = None

    @classmethod
    def of(cls, settled: Settled, *, at: datetime) -> "TagCatalogueEditSettled":
        return cls(
            occurred_at=at,
            intent_id=settled.intent.id,
            field=settled.intent.field,
            outcome=settled.state.value,
            code=settled.code,
            made_id=settled.made_id or settled.intent.made_id or None,
        )

"""Every kind of bulk change, by the word that asks for it."""

from collections.abc import Mapping

from services.bulk_changes.kinds import (
    Kind,
    assignment,
    blacklist,
    corp_tags,
    deletion,
    local_tags,
    own_fields,
    pool,
    score,
    stage,
)

KINDS: Mapping[str, Kind] = {
    "fields": own_fields.KIND,
    "local_tags": local_tags.KIND,
    "blacklist": blacklist.KIND,
    "corp_tags": corp_tags.KIND,
    "assignment": assignment.KIND,
    "pool": pool.KIND,
    "stage": stage.KIND,
    "score": score.KIND,
    "deletion": deletion.KIND,
}

"""Every kind of bulk change, by the word that asks for it."""

from collections.abc import Mapping

from services.bulk_changes.kinds import Kind, assignment, corp_tags, deletion, own_fields

KINDS: Mapping[str, Kind] = {
    "fields": own_fields.KIND,
    "corp_tags": corp_tags.KIND,
    "assignment": assignment.KIND,
    "deletion": deletion.KIND,
}

"""Every kind of subject that is reconciled, in the order in which one transaction records them."""

from collections.abc import Mapping

from sync_worker.reconcilers import (
    Shell,
    acquisition,
    chats,
    contacts,
    deleted_local_tags,
    deleted_tags,
    field_cards,
    members,
    outlets,
    tags,
    takeovers,
)

SHELLS: Mapping[str, Shell] = {
    shell.kind: shell
    for shell in (
        outlets.OUTLETS,
        members.ASSOCIATES,
        contacts.CONTACTS,
        chats.CHATS,
        tags.CATALOGUE,
        deleted_tags.TAKEN_OFF,
        deleted_local_tags.TAKEN_OFF,
        field_cards.MARKED,
        acquisition.LINKS,
        acquisition.QUOTA,
        takeovers.TAKEOVERS,
    )
}

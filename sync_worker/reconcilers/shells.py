"""Every kind of subject that is reconciled, in the order in which one transaction records them."""

from collections.abc import Mapping

from sync_worker.reconcilers import Shell, contacts, members

SHELLS: Mapping[str, Shell] = {shell.kind: shell for shell in (members.OUTLETS, members.ASSOCIATES, contacts.CONTACTS)}

"""Every resource that is walked."""

from collections.abc import Mapping

from sync_worker.bulk import changes, job
from sync_worker.resync import Pass, chats, contacts, directory, tags

PASSES: Mapping[str, Pass] = {
    one.resource: one for one in (directory.PASS, tags.PASS, contacts.PASS, chats.PASS, job.PASS, changes.PASS)
}

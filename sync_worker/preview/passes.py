"""Every resource whose full pass can be previewed."""

from collections.abc import Callable, Collection, Iterator, Mapping

from services.tags.model import CORP, TAG_CATALOGUE
from sync_worker.preview import Step, View
from sync_worker.preview.chats import preview_chats
from sync_worker.preview.customers import preview_customers
from sync_worker.preview.directory import preview_directory
from sync_worker.preview.subjects import preview_subject

Scope = Collection[str] | None


def _tags(view: View, _scope: Scope) -> Iterator[Step]:
    yield Step(1, preview_subject(view, TAG_CATALOGUE, CORP).differences)


PREVIEWS: Mapping[str, Callable[[View, Scope], Iterator[Step]]] = {
    "directory": lambda view, _scope: preview_directory(view),
    "tag": _tags,
    "external_contact": preview_customers,
    "group_chat": preview_chats,
}

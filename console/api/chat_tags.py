"""Local tags of chats, and tags for every customer inside a chat (TAG-7)."""

from flask import Response

from console.api.acting import Done, Work, read, write
from console.api.asked_chats import (
    ChatPath,
    ChatTagBody,
    ChatTagPath,
    ChatTagsBody,
    CustomersTagsBody,
    TagGroupBody,
    TagNameBody,
)
from console.api.gate import caller
from console.api.routes import operation
from console.api.told_chats import ChatTagGroupOut, ChatTagOut, ChatTagsOut, TaggedCustomersOut, TaggedOut
from services.chats.customers import TagsAsked, tag_customers_of
from services.chats.listing import check_known
from services.chats.model import ChatIds
from services.chats.tags import (
    delete_group,
    delete_tag,
    load_tags,
    make_group,
    make_tag,
    rename_group,
    rename_tag,
    tag_chats,
)
from shared.api_keys import Scope
from shared.audit import Change

GROUP = "chats"


def _tags(work: Work) -> ChatTagsOut:
    found = load_tags(work.connection, work.tenant.id)
    return ChatTagsOut(
        groups=[
            ChatTagGroupOut(
                id=group["id"], name=group["name"], tags=[ChatTagOut(id=one["id"], name=one["name"]) for one in tags]
            )
            for group, tags in found
        ]
    )


def _done(work: Work, change: Change, status: int = 200) -> Done:
    return Done(_tags(work), status, (change,))


@operation("get", "/chat-tags", Scope.GROUPS_READ, ChatTagsOut, group=GROUP)
def list_chat_tags() -> Response:
    """List the local tags of chats by their groups. WeCom knows nothing of them."""
    return read(_tags)


@operation("post", "/chat-tag-groups", Scope.GROUPS_WRITE, ChatTagsOut, status=201, group=GROUP, once=True)
def create_chat_tag_group(body: TagGroupBody) -> Response:
    """Make a group of chat tags; the answer lists all."""
    return write(
        lambda work: _done(work, make_group(work.connection, work.tenant.id, body.name, now=work.now), 201), once=True
    )


@operation("post", "/chat-tags", Scope.GROUPS_WRITE, ChatTagsOut, status=201, group=GROUP, once=True)
def create_chat_tag(body: ChatTagBody) -> Response:
    """Make a chat tag in a group; the answer lists all."""

    def work(work: Work) -> Done:
        change = make_tag(work.connection, work.tenant.id, body.group_id, body.name, now=work.now)
        return _done(work, change, 201)

    return write(work, once=True)


@operation("post", "/chats:tag", Scope.GROUPS_WRITE, TaggedOut, group=GROUP)
def tag_some_chats(body: ChatTagsBody) -> Response:
    """Put tags on one chat, many, or all that a filter finds, and take others off."""

    def work(work: Work) -> Done:
        chosen = body.chosen()
        if isinstance(chosen, ChatIds):
            check_known(work.connection, work.tenant.id, chosen.ids)
        added, removed, change = tag_chats(
            work.connection,
            work.tenant.id,
            chosen,
            add=body.add,
            remove=body.remove,
            by=caller().actor,
            now=work.now,
        )
        return Done(TaggedOut(added=added, removed=removed), 200, (change,) if added or removed else ())

    return write(work)


@operation(
    "post", "/chats/<chat_id>/customer-tags", Scope.TAGS_WRITE, TaggedCustomersOut, status=202, group=GROUP, once=True
)
def tag_customers_of_chat(path: ChatPath, body: CustomersTagsBody) -> Response:
    """Tag every customer who is in a chat now, or take tags off. Local tags at once, corp tags as jobs.

    A corp tag goes to the assigned associate's relation and leaves all relations (TAG-2); `guanxi bulk show` follows.
    """
    asked = TagsAsked(body.add, body.remove)

    def work(work: Work) -> Done:
        tagged, change = tag_customers_of(
            work.connection,
            work.tenant.id,
            path.chat_id,
            asked,
            author=caller().name,
            by=caller().actor,
            reason=body.reason,
            now=work.now,
        )
        return Done(TaggedCustomersOut(**vars(tagged)), 202, (change,))

    return write(work, once=True)


@operation("put", "/chat-tags/<id>", Scope.GROUPS_WRITE, ChatTagsOut, group=GROUP)
def change_chat_tag(path: ChatTagPath, body: TagNameBody) -> Response:
    """Give a chat tag another name."""
    return write(lambda work: _done(work, rename_tag(work.connection, work.tenant.id, path.id, body.name)))


@operation("delete", "/chat-tags/<id>", Scope.GROUPS_WRITE, ChatTagsOut, group=GROUP)
def remove_chat_tag(path: ChatTagPath) -> Response:
    """Delete a chat tag; it leaves all chats."""
    return write(lambda work: _done(work, delete_tag(work.connection, work.tenant.id, path.id, now=work.now)))


@operation("put", "/chat-tag-groups/<id>", Scope.GROUPS_WRITE, ChatTagsOut, group=GROUP)
def change_chat_tag_group(path: ChatTagPath, body: TagNameBody) -> Response:
    """Give a group of chat tags another name."""
    return write(lambda work: _done(work, rename_group(work.connection, work.tenant.id, path.id, body.name)))


@operation("delete", "/chat-tag-groups/<id>", Scope.GROUPS_WRITE, ChatTagsOut, group=GROUP)
def remove_chat_tag_group(path: ChatTagPath) -> Response:
    """Delete a group of chat tags with its tags; they leave all chats."""
    return write(lambda work: _done(work, delete_group(work.connection, work.tenant.id, path.id, now=work.now)))

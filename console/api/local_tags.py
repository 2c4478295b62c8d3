"""Local tags of customers and their groups (TAG-1, TAG-4)."""

from collections.abc import Mapping, Sequence

from flask import Response

from console.api.acting import Done, Work, read, write
from console.api.asked_records import (
    GroupBody,
    GroupEditBody,
    GroupOrderBody,
    NumberPath,
    TagBody,
    TagEditBody,
    TagOrderBody,
)
from console.api.gate import caller
from console.api.routes import operation
from console.api.told_records import LocalGroupOut, LocalTagOut, LocalTagsOut
from console.api.viewing import viewer
from services.local_tags.model import Group, LocalTagDeleted
from services.local_tags.plan import (
    find_group,
    find_tag,
    local_of,
    plan_group_order,
    plan_tag_order,
    refuse_name,
    refuse_too_many,
    usable,
)
from services.local_tags.store import (
    load_groups,
    lock_groups,
    record_deleted,
    record_group,
    record_group_edit,
    record_places,
    record_tag,
    record_tag_name,
)
from shared.api_keys import Scope
from shared.audit import Change
from shared.ids import UserId

GROUP = "local tags"


def _seen(work: Work) -> list[Group]:
    return usable(load_groups(work.connection, work.tenant.id), viewer())


def _locked(work: Work) -> tuple[list[Group], list[Group]]:
    """All groups, and those of them that the caller sees; nobody else changes any meanwhile."""
    groups = lock_groups(work.connection, work.tenant.id)
    return groups, usable(groups, viewer())


@operation("get", "/local-tags", Scope.TAGS_READ, LocalTagsOut, group=GROUP, limited=True)
def list_local_tags() -> Response:
    """List the local tags of customers by groups, in their order; groups that the caller may not see are left out."""
    return read(_tags_out)


@operation("post", "/local-tag-groups", Scope.TAGS_WRITE, LocalTagsOut, status=201, group=GROUP, once=True)
def make_local_group(body: GroupBody) -> Response:
    """Make a group, for everybody or for chosen people."""

    def work(work: Work) -> Done:
        groups, _ = _locked(work)
        refuse_name(body.name, groups)
        refuse_too_many(groups, more_groups=1)
        people = _people(body.visible_to)
        group_id = record_group(work.connection, work.tenant.id, body.name, people, now=work.now)
        after = {"name": body.name, "visible_to": body.visible_to}
        return Done(_tags_out(work), 201, (_of_group("made", group_id, {}, after),))

    return write(work, once=True)


@operation("put", "/local-tag-groups:order", Scope.TAGS_WRITE, LocalTagsOut, group=GROUP)
def order_local_groups(body: GroupOrderBody) -> Response:
    """Put groups in order: those named come first, the others follow in theirs."""

    def work(work: Work) -> Done:
        groups, seen = _locked(work)
        placed = plan_group_order(groups, seen, body.group_ids)
        record_places(work.connection, work.tenant.id, placed)
        before, after = ({"order": [one.id for one in some]} for some in (groups, placed))
        return Done(_tags_out(work), 200, (Change("local_tag_groups.ordered", "local_tag_group", "*", before, after),))

    return write(work)


@operation("post", "/local-tag-groups/<id>/tags", Scope.TAGS_WRITE, LocalTagsOut, status=201, group=GROUP, once=True)
def make_local_tag(path: NumberPath, body: TagBody) -> Response:
    """Make a tag in a group, to be given by hand or by rules."""

    def work(work: Work) -> Done:
        groups, seen = _locked(work)
        group = find_group(seen, path.id)
        refuse_name(body.name, group.tags)
        refuse_too_many(groups, more_tags=1)
        tag_id = record_tag(work.connection, work.tenant.id, group.id, body.name, body.kind, now=work.now)
        after = {"name": body.name, "kind": body.kind.value, "group_id": group.id}
        return Done(_tags_out(work), 201, (_of_tag("made", tag_id, {}, after),))

    return write(work, once=True)


@operation("put", "/local-tag-groups/<id>/order", Scope.TAGS_WRITE, LocalTagsOut, group=GROUP)
def order_local_tags(path: NumberPath, body: TagOrderBody) -> Response:
    """Put the tags of a group in order: those named come first, the others follow in theirs."""

    def work(work: Work) -> Done:
        _, seen = _locked(work)
        group = find_group(seen, path.id)
        placed = plan_tag_order(group, [local_of(one) for one in body.tag_ids])
        record_places(work.connection, work.tenant.id, placed)
        before, after = ({"order": [one.id for one in some]} for some in (group.tags, placed))
        return Done(_tags_out(work), 200, (_of_group("ordered", group.id, before, after),))

    return write(work)


@operation("patch", "/local-tags/<id>", Scope.TAGS_WRITE, LocalTagsOut, group=GROUP, once=True)
def rename_local_tag(path: NumberPath, body: TagEditBody) -> Response:
    """Rename a tag; who has it keeps it."""

    def work(work: Work) -> Done:
        _, seen = _locked(work)
        tag = find_tag(seen, path.id)
        refuse_name(body.name, [one for one in find_group(seen, tag.group_id).tags if one.id != tag.id])
        record_tag_name(work.connection, work.tenant.id, tag.id, body.name)
        return Done(_tags_out(work), 200, (_of_tag("renamed", tag.id, {"name": tag.name}, {"name": body.name}),))

    return write(work, once=True)


@operation("delete", "/local-tags/<id>", Scope.TAGS_WRITE, LocalTagsOut, group=GROUP)
def delete_local_tag(path: NumberPath) -> Response:
    """Delete a tag: it is on nobody any more."""

    def work(work: Work) -> Done:
        _, seen = _locked(work)
        tag = find_tag(seen, path.id)
        record_deleted(work.connection, work.tenant.id, [tag.id], by=caller().actor, now=work.now)
        change = _of_tag("deleted", tag.id, {"name": tag.name, "group_id": tag.group_id}, {})
        gone = LocalTagDeleted(occurred_at=work.now, tag_id=tag.id, group_id=tag.group_id)
        return Done(_tags_out(work), 200, (change,), (gone,))

    return write(work)


@operation("patch", "/local-tag-groups/<id>", Scope.TAGS_WRITE, LocalTagsOut, group=GROUP, once=True)
def edit_local_group(path: NumberPath, body: GroupEditBody) -> Response:
    """Rename a group, or change who sees it."""

    def work(work: Work) -> Done:
        groups, seen = _locked(work)
        group = find_group(seen, path.id)
        name = body.name or group.name
        refuse_name(name, [one for one in groups if one.id != group.id])
        people = _people(body.visible_to) if "visible_to" in body.model_fields_set else group.visible_to
        record_group_edit(work.connection, work.tenant.id, group.id, name, people)
        before = {"name": group.name, "visible_to": group.visible_to}
        return Done(
            _tags_out(work), 200, (_of_group("edited", group.id, before, {"name": name, "visible_to": people}),)
        )

    return write(work, once=True)


@operation("delete", "/local-tag-groups/<id>", Scope.TAGS_WRITE, LocalTagsOut, group=GROUP)
def delete_local_group(path: NumberPath) -> Response:
    """Delete a group with its tags: they are on nobody any more."""

    def work(work: Work) -> Done:
        _, seen = _locked(work)
        group = find_group(seen, path.id)
        ids = [one.id for one in group.tags]
        record_deleted(work.connection, work.tenant.id, ids, group_id=group.id, by=caller().actor, now=work.now)
        before = {"name": group.name, "tags": {one.key: one.name for one in group.tags}}
        gone = tuple(LocalTagDeleted(occurred_at=work.now, tag_id=one, group_id=group.id) for one in ids)
        return Done(_tags_out(work), 200, (_of_group("deleted", group.id, before, {}),), gone)

    return write(work)


def _people(visible_to: Sequence[str] | None) -> list[UserId] | None:
    return None if visible_to is None else [UserId(one) for one in visible_to]


def _of_group(what: str, group_id: int, before: Mapping[str, object], after: Mapping[str, object]) -> Change:
    return Change(f"local_tag_group.{what}", "local_tag_group", str(group_id), before, after)


def _of_tag(what: str, tag_id: int, before: Mapping[str, object], after: Mapping[str, object]) -> Change:
    return Change(f"local_tag.{what}", "local_tag", str(tag_id), before, after)


def _tags_out(work: Work) -> LocalTagsOut:
    return LocalTagsOut(
        groups=[
            LocalGroupOut(
                group_id=one.id,
                name=one.name,
                visible_to=None if one.visible_to is None else list(one.visible_to),
                tags=[LocalTagOut(tag_id=tag.key, name=tag.name, kind=tag.kind) for tag in one.tags],
            )
            for one in _seen(work)
        ]
    )

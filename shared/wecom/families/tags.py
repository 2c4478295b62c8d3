"""Corp tags (企业标签), the tags of rule groups, and putting either on a customer."""

from collections.abc import Sequence

from shared.ids import ExternalUserId, UserId
from shared.wecom.apis import Api, Repeat
from shared.wecom.calls import Calls
from shared.wecom.families import limits
from shared.wecom.families.answers import listed, needed
from shared.wecom.payloads.reading import LARGEST, written
from shared.wecom.payloads.tags import NewTag, TagGroup

LIST = Api("externalcontact/get_corp_tag_list")
ADD = Api("externalcontact/add_corp_tag", Repeat.ONCE)
EDIT = Api("externalcontact/edit_corp_tag", Repeat.SAME)
DELETE = Api("externalcontact/del_corp_tag", Repeat.SAME)
LIST_RULES = Api("externalcontact/get_strategy_tag_list")
ADD_RULE = Api("externalcontact/add_strategy_tag", Repeat.ONCE)
EDIT_RULE = Api("externalcontact/edit_strategy_tag", Repeat.SAME)
DELETE_RULE = Api("externalcontact/del_strategy_tag", Repeat.SAME)
MARK = Api("externalcontact/mark_tag", Repeat.ONCE)
NAME_CHARS = 30


class Tags:
    """An app edits and deletes only the tags that it made; it reads and uses all."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def list(self, *, tag_ids: Sequence[str] = (), group_ids: Sequence[str] = ()) -> tuple[TagGroup, ...]:
        """All corp tags in one answer, or the named ones. Absent from all means deleted; a filter may show the deleted.

        Source: WeCom server API, externalcontact/get_corp_tag_list.
        """
        return _read(self._calls, LIST, tag_ids=tag_ids, group_ids=group_ids)

    def add(
        self,
        tags: Sequence[NewTag],
        *,
        group_id: str | None = None,
        group_name: str | None = None,
        order: int | None = None,
    ) -> TagGroup:
        """Add to a group by its id or name; an unknown name makes the group. The answer has the new tags only.

        After UnreachableError with `maybe_accepted`, read before the next try.

        Source: WeCom server API, externalcontact/add_corp_tag.
        """
        body = {"group_id": group_id, "group_name": group_name, "order": order}
        return _add(self._calls, ADD, tags=tags, body=body)

    def edit(self, tag_or_group_id: str, *, name: str | None = None, order: int | None = None) -> None:
        """Source: WeCom server API, externalcontact/edit_corp_tag."""
        _edit(self._calls, EDIT, tag_or_group_id=tag_or_group_id, name=name, order=order)

    def delete(self, *, tag_ids: Sequence[str] = (), group_ids: Sequence[str] = ()) -> None:
        """Deleting a group deletes its tags, and deleting its last tag the group.

        Source: WeCom server API, externalcontact/del_corp_tag.
        """
        _delete(self._calls, DELETE, tag_ids=tag_ids, group_ids=group_ids)

    def mark(
        self, userid: UserId, external_userid: ExternalUserId, *, add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> None:
        """Change the tags of one pair of member and customer. It causes no callback.

        Not for one pair at the same time: 45035. After UnreachableError, read before the next try: the member may have
        changed them meanwhile.

        Source: WeCom server API, externalcontact/mark_tag.
        """
        limits.some(MARK, add_tag=add, remove_tag=remove)
        pair = {"userid": userid, "external_userid": external_userid}
        self._calls.post(MARK, {**pair, "add_tag": [*add] or None, "remove_tag": [*remove] or None})


class RuleTags:
    """Tags of rule groups; an app sees only those that it made."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def list(
        self, *, strategy_id: int | None = None, tag_ids: Sequence[str] = (), group_ids: Sequence[str] = ()
    ) -> tuple[TagGroup, ...]:
        """Source: WeCom server API, externalcontact/get_strategy_tag_list."""
        return _read(self._calls, LIST_RULES, tag_ids=tag_ids, group_ids=group_ids, strategy_id=strategy_id)

    def add(
        self,
        tags: Sequence[NewTag],
        *,
        strategy_id: int,
        group_id: str | None = None,
        group_name: str | None = None,
        order: int | None = None,
    ) -> TagGroup:
        """As `Tags.add`, under a rule group of the first level.

        Source: WeCom server API, externalcontact/add_strategy_tag.
        """
        body = {"strategy_id": strategy_id, "group_id": group_id, "group_name": group_name, "order": order}
        return _add(self._calls, ADD_RULE, tags=tags, body=body)

    def edit(self, tag_or_group_id: str, *, name: str | None = None, order: int | None = None) -> None:
        """Source: WeCom server API, externalcontact/edit_strategy_tag."""
        _edit(self._calls, EDIT_RULE, tag_or_group_id=tag_or_group_id, name=name, order=order)

    def delete(self, *, tag_ids: Sequence[str] = (), group_ids: Sequence[str] = ()) -> None:
        """Source: WeCom server API, externalcontact/del_strategy_tag."""
        _delete(self._calls, DELETE_RULE, tag_ids=tag_ids, group_ids=group_ids)


def _read(
    calls: Calls, api: Api, *, tag_ids: Sequence[str], group_ids: Sequence[str], strategy_id: int | None = None
) -> tuple[TagGroup, ...]:
    if tag_ids and group_ids:
        raise ValueError(f"{api.path}: with group_id, tag_id would be ignored")
    asked = {"strategy_id": strategy_id, "tag_id": [*tag_ids] or None, "group_id": [*group_ids] or None}
    return listed(TagGroup, calls.post(api, asked), "tag_group")


def _add(calls: Calls, api: Api, *, tags: Sequence[NewTag], body: dict[str, str | int | None]) -> TagGroup:
    limits.some(api, group_id=body["group_id"], group_name=body["group_name"])
    limits.each(api, tag=tags, **{f"tag[{at}].name": tag.name for at, tag in enumerate(tags)})
    if isinstance(body["group_name"], str):
        limits.chars(api, NAME_CHARS, group_name=body["group_name"])
    for at, tag in enumerate(tags):
        limits.chars(api, NAME_CHARS, **{f"tag[{at}].name": tag.name})
        limits.between(api, 0, LARGEST - 1, **{f"tag[{at}].order": tag.order})
    if isinstance(body["order"], int):
        limits.between(api, 0, LARGEST - 1, order=body["order"])
    return needed(api, TagGroup, calls.post(api, {**body, "tag": written(tags)}).get("tag_group"))


def _edit(calls: Calls, api: Api, *, tag_or_group_id: str, name: str | None, order: int | None) -> None:
    limits.each(api, id=tag_or_group_id)
    if name is None and order is None:
        raise ValueError(f"{api.path}: one of name, order is needed")
    limits.chars(api, NAME_CHARS, name=name)
    limits.between(api, 0, LARGEST - 1, order=order)
    calls.post(api, {"id": tag_or_group_id, "name": name, "order": order})


def _delete(calls: Calls, api: Api, *, tag_ids: Sequence[str], group_ids: Sequence[str]) -> None:
    limits.some(api, tag_id=tag_ids, group_id=group_ids)
    calls.post(api, {"tag_id": [*tag_ids] or None, "group_id": [*group_ids] or None})

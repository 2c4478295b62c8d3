"""A filter of chats as SQL: conditions on `group_chat c` and `chat_own o`, and their parameters."""

from dataclasses import dataclass, field

from services.chats.model import UNGROUPED, ChatFilter, Chosen
from shared.grams import fold, pieces_sought

SOURCE = "group_chat c left join chat_own o on o.tenant_id = c.tenant_id and o.chat_id = c.chat_id"
NAME_KEY = "coalesce(c.name_key, lower(normalize(c.name, nfkc)), '')"
"""Chats whose name code of before has written have no key until they are read again; this is nearly the same."""


@dataclass(frozen=True)
class Conditions:
    sql: str
    parameters: dict[str, object] = field(default_factory=dict, repr=False)


def conditions_of(chosen: Chosen) -> Conditions:
    """What must hold, beside `c.tenant_id = :tenant_id`."""
    found = _of_filter(chosen) if isinstance(chosen, ChatFilter) else {"c.chat_id = any(:ids)": ("ids", chosen.ids)}
    parameters = {name: list(value) if isinstance(value, list | tuple) else value for name, value in found.values()}
    if isinstance(chosen, ChatFilter) and chosen.all_tags:
        parameters["all_tags_count"] = len(set(chosen.all_tags))
    if isinstance(chosen, ChatFilter) and chosen.name is not None:
        parameters["pieces"] = pieces_sought(chosen.name)
    return Conditions(" and ".join(["c.tenant_id = :tenant_id", *found]), parameters)


def _of_filter(chosen: ChatFilter) -> dict[str, tuple[str, object]]:
    """SQL -> its parameter's name and value."""
    candidates: list[tuple[bool, str, str, object]] = [
        (
            chosen.name is not None,
            "((c.name_pieces @> cast(:pieces as text[]) and strpos(c.name_key, :needle) > 0) or "
            "(c.name_key is null and strpos(lower(normalize(c.name, nfkc)), :needle) > 0))",
            "needle",
            fold(chosen.name or ""),
        ),
        (bool(chosen.owner_userids), "c.owner_userid = any(:owners)", "owners", chosen.owner_userids),
        (
            bool(chosen.outlet_ids),
            "c.owner_userid in (select userid from associate where tenant_id = :tenant_id "
            "and main_department_id = any(cast(:outlets as bigint[])))",
            "outlets",
            chosen.outlet_ids,
        ),
        (
            bool(chosen.folder_ids),
            "(o.folder_id is null or o.folder_id = any(cast(:folders as bigint[])))"
            if UNGROUPED in chosen.folder_ids
            else "o.folder_id = any(cast(:folders as bigint[]))",
            "folders",
            chosen.folder_ids,
        ),
        (
            bool(chosen.any_tags),
            "c.chat_id in (select chat_id from chat_tag where tenant_id = :tenant_id "
            "and tag_id = any(cast(:any_tags as bigint[])))",
            "any_tags",
            chosen.any_tags,
        ),
        (
            bool(chosen.all_tags),
            "c.chat_id in (select chat_id from chat_tag where tenant_id = :tenant_id "
            "and tag_id = any(cast(:all_tags as bigint[])) group by chat_id having count(*) = :all_tags_count)",
            "all_tags",
            chosen.all_tags,
        ),
        (
            bool(chosen.no_tags),
            "not exists (select from chat_tag t where t.tenant_id = c.tenant_id and t.chat_id = c.chat_id "
            "and t.tag_id = any(cast(:no_tags as bigint[])))",
            "no_tags",
            chosen.no_tags,
        ),
        (
            chosen.dismissed is not None,
            "(c.dismissed_at is not null) = :dismissed",
            "dismissed",
            chosen.dismissed,
        ),
    ]
    return {sql: (name, value) for given, sql, name, value in candidates if given}

"""The catalogue of corp tags: what the full list shows lives here, and nothing else does."""

from typing import Any

from tests.convergence.scene import Scene
from tests.convergence.truth import Reader


def of_tags(scene: Scene, reader: Reader, tenant_id: int) -> list[str]:
    groups = reader.call("externalcontact/get_corp_tag_list", {})["tag_group"]
    there: dict[str, tuple[Any, ...]] = {one["group_id"]: (one["group_name"], one["order"]) for one in groups}
    there |= {tag["id"]: (tag["name"], tag["order"], group["group_id"]) for group in groups for tag in group["tag"]}
    where = f"where tenant_id = {tenant_id} and deleted_at is null"
    here: dict[str, tuple[Any, ...]] = {
        row["group_id"]: (row["name"], row["sort"]) for row in scene.rows(f"select * from tag_group {where}")
    }
    here |= {
        row["tag_id"]: (row["name"], row["sort"], row["group_id"]) for row in scene.rows(f"select * from tag {where}")
    }
    lines = [
        f"tag or group {one} is {here.get(one)}, not {there.get(one)}"
        for one in sorted(here.keys() | there.keys())
        if here.get(one) != there.get(one)
    ]
    active = scene.rows(
        "select userid, external_userid, tag_id from relation, unnest(corp_tag_ids) as t(tag_id) "
        f"where tenant_id = {tenant_id} and state = 'active'"
    )
    return lines + [
        f"an active relation has a tag that is not there: {row}" for row in active if row["tag_id"] not in there
    ]

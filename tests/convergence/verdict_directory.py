"""Associates and outlets: as the app may read them, one by one; whom it may not read is out of sight, not gone."""

from collections.abc import Sequence
from typing import Any

from tests.convergence.directory_deeds import NEWCOMERS
from tests.convergence.post import Letter
from tests.convergence.scene import Scene
from tests.convergence.town import MEMBERS, Town
from tests.convergence.truth import Reader

Row = dict[str, Any]


def of_directory(scene: Scene, town: Town, reader: Reader, tenant_id: int) -> list[str]:
    lines = []
    outlets = {number: reader.ask("department/get", id=str(number)) for number in range(1, 8)}
    for number, read in outlets.items():
        lines += [f"outlet {number}: {line}" for line in _of_outlet(scene, tenant_id, number, read)]
    contacts = reader.ask("externalcontact/get_follow_user_list").get("follow_user", [])
    listed = {
        one["userid"]
        for number, read in outlets.items()
        if read["errcode"] == 0
        for one in reader.ask("user/list", department_id=str(number))["userlist"]
    }
    hidden = {number for number, read in outlets.items() if read["errcode"]}
    for userid in (*MEMBERS, *NEWCOMERS):
        read, row = reader.ask("user/get", userid=userid), _associate(scene, tenant_id, userid)
        if userid not in {*contacts, *listed} and (row is None or not read["errcode"]):
            continue  # nothing names them, whom only a read by their id would show
        if row is None:
            lines.append(f"{userid} is not recorded")
            continue
        if row["has_contact"] is not (userid in contacts):
            lines.append(f"{userid} has the function: {row['has_contact']}, not {userid in contacts}")
        there = _shown(read, row, hidden) if read["errcode"] == 0 else _not_shown(scene, town, row, userid)
        lines += [f"{userid}: {line}" for line in there]
    return lines


def _associate(scene: Scene, tenant_id: int, userid: str) -> Row | None:
    found = scene.rows(
        "select name, main_department_id, department_ids, in_sight, has_contact, gone_at is not null as gone "
        f"from associate where tenant_id = {tenant_id} and userid = '{userid}'"
    )
    return found[0] if found else None


def _of_outlet(scene: Scene, tenant_id: int, number: int, read: Row) -> list[str]:
    found = scene.rows(
        "select name, parent_id, in_sight, gone_at is not null as gone from outlet "
        f"where tenant_id = {tenant_id} and department_id = {number}"
    )
    if read["errcode"]:
        return ["is in sight"] if found and found[0]["in_sight"] and not found[0]["gone"] else []
    if not found:
        return ["is not recorded"]
    there = {"name": read["department"]["name"], "parent_id": read["department"]["parentid"]}
    return _unlike(found[0], there | {"in_sight": True, "gone": False})


def _unlike(row: Row, there: Row) -> list[str]:
    return [f"{name} is {row[name]!r}, not {value!r}" for name, value in there.items() if row[name] != value]


def _shown(read: Row, row: Row, hidden: set[int]) -> list[str]:
    kept = set(row["department_ids"] or ()) - set(read["department"])
    lines = [f"is in {kept} too"] if kept - hidden else []
    there: Row = {"name": read["name"], "in_sight": True, "gone": False}
    if read["department"]:
        there["main_department_id"] = read["main_department"]
    return lines + _unlike(row, there)


def _not_shown(scene: Scene, town: Town, row: Row, userid: str) -> list[str]:
    left = userid in town.resigned
    lines = ["is in sight"] if row["in_sight"] else []
    if row["gone"] and not left:
        lines.append("has not left")
    if not row["gone"] and left and (town.contact_sync or _told(scene.received, town.corp_id, userid)):
        lines.append("has left")
    return lines


def _told(letters: Sequence[Letter], corp_id: str, userid: str) -> bool:
    return any(
        one.corp_id == corp_id and one.fields.get("ChangeType") == "delete_user" and one.fields.get("UserID") == userid
        for one in letters
    )

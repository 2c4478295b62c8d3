"""Group chats: members and versions as groupchat/get shows them; nobody comes or goes more often than they did."""

from collections import Counter
from typing import Any

from tests.convergence.scene import Scene
from tests.convergence.town import Town
from tests.convergence.truth import Reader

DISMISSED = 49008


def of_chats(scene: Scene, town: Town, reader: Reader, tenant_id: int) -> list[str]:
    lines = []
    in_sight = reader.call("externalcontact/get_follow_user_list")["follow_user"]
    for chat in reader.look("look/chats"):
        chat_id = chat["chat_id"]
        read = reader.ask("externalcontact/groupchat/get", {"chat_id": chat_id, "need_name": 0})
        found = scene.rows(
            "select name, owner_userid, notice, member_version, member_count, dismissed_at, out_of_sight_at "
            f"from group_chat where tenant_id = {tenant_id} and chat_id = '{chat_id}'"
        )
        row = found[0] if found else None
        if row is None and read["errcode"] == 0 and _hidden(scene, town, tenant_id, read["group_chat"]["owner"]):
            continue
        if read["errcode"] == 0:
            there = _shown(scene, tenant_id, row, read["group_chat"])
        else:
            there = _not_shown(row, read["errcode"], in_sight=in_sight)
        lines += [f"{chat_id}: {line}" for line in there]
    return lines


def _hidden(scene: Scene, town: Town, tenant_id: int, owner: str) -> bool:
    """The chats of an owner who left are listed for who names the owner (page 92120), and nobody here knew of them."""
    heard_of = f"select 1 from associate where tenant_id = {tenant_id} and userid = '{owner}'"
    return owner in town.resigned and not scene.rows(heard_of)


def _shown(scene: Scene, tenant_id: int, row: dict[str, Any] | None, read: dict[str, Any]) -> list[str]:
    if row is None:
        return ["is not recorded"]
    here = {**row, "members": _members(scene, tenant_id, read["chat_id"])}
    there = {
        "name": read["name"],
        "owner_userid": read["owner"],
        "notice": read.get("notice", ""),
        "member_version": read["member_version"],
        "member_count": len(read["member_list"]),
        "members": {one["userid"]: one["join_time"] for one in read["member_list"]},
        "dismissed_at": None,
        "out_of_sight_at": None,
    }
    return [
        f"{name} is {here[name]!r}, not {value!r}"
        for name, value in there.items()
        if (here[name] or None) != (value or None)
    ]


def _members(scene: Scene, tenant_id: int, chat_id: str) -> dict[str, int]:
    rows = scene.rows(
        f"select member_id, joined_at from group_member where tenant_id = {tenant_id} and chat_id = '{chat_id}' "
        "and left_at is null"
    )
    return {row["member_id"]: int(row["joined_at"].timestamp()) if row["joined_at"] else 0 for row in rows}


def _not_shown(row: dict[str, Any] | None, code: int, *, in_sight: list[str]) -> list[str]:
    if row is None or row["dismissed_at"] is not None:
        return []
    if code == DISMISSED and (row["out_of_sight_at"] is None or row["owner_userid"] in in_sight):
        return ["was dismissed"]  # what becomes of a chat out of sight, nobody asks until its owner is back
    return [] if row["out_of_sight_at"] is not None else [f"cannot be read ({code}), and is not out of sight"]


def invented_moves(scene: Scene, town: Town, tenant_id: int) -> list[str]:
    """More joins or leaves than there were: each is one fact."""
    happened = Counter[tuple[str, str, str]]()
    inside: dict[str, set[str]] = {}
    for corp_id, order in scene.history:
        if corp_id != town.corp_id:
            continue
        chat_id = order.get("chat_id") or order["made"].get("chat_id", "")
        members, do = set(order.get("members", ())), order["do"]
        if do == "create_chat":
            members.add(order["owner"])
        if do in ("create_chat", "join_chat"):
            inside.setdefault(chat_id, set()).update(members)
            happened.update((chat_id, one, "chat_member_joined") for one in members)
        elif do == "dismiss_chat":
            happened.update((chat_id, one, "chat_member_left") for one in inside[chat_id])
        elif do in ("leave_chat", "remove_from_chat"):
            inside[chat_id] -= members
            happened.update((chat_id, one, "chat_member_left") for one in members)
    rows = scene.rows(
        "select type, payload ->> 'chat_id' as chat, payload ->> 'member_id' as member, count(*) as n from fact "
        f"where tenant_id = {tenant_id} and type like 'chat_member_%' group by 1, 2, 3"
    )
    told = {(row["chat"], row["member"], row["type"]): row["n"] for row in rows}
    lines = []
    for (chat_id, member, kind), n in told.items():
        back = told.get((chat_id, member, "chat_member_returned"), 0) if kind == "chat_member_left" else 0
        if kind != "chat_member_returned" and n - back > happened[chat_id, member, kind]:
            lines.append(f"{n} x {kind} ({back} taken back), but {happened[chat_id, member, kind]}: {chat_id} {member}")
    return lines

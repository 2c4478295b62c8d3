"""Compares what is recorded here with what WeCom shows and what was received; every difference is one line."""

from collections import Counter
from typing import Any

from services.customers.model import Recorded, Relation
from services.customers.store import load_recorded
from shared.ids import ExternalUserId
from shared.tenants import load_tenants
from tests.convergence import passes
from tests.convergence.scene import Scene
from tests.convergence.town import Town
from tests.convergence.truth import ADDED, LOST_BY, STARTS, Pair, Reader, Shown, Told, shown_by, states_of, told_by
from tests.convergence.verdict_chats import invented_moves, of_chats
from tests.convergence.verdict_directory import of_directory
from tests.convergence.verdict_tags import of_tags


def differences(scene: Scene) -> list[str]:
    """What is not as it should be, at rest, after a resync (G2)."""
    found = [*_open_ends(scene)]
    for town in scene.towns:
        reader, tenant_id = Reader(scene.stage.simulator_url, town.corp_id, town.secret), _tenant_of(scene, town)
        shown = shown_by(reader, town.resigned)
        told = told_by(scene.received, town.corp_id, scene.history)
        recorded = _recorded(scene, town)
        lines = [*_of_contacts(shown, told, recorded), *of_directory(scene, town, reader, tenant_id)]
        lines += [*of_tags(scene, reader, tenant_id), *of_chats(scene, town, reader, tenant_id)]
        found += [f"{town.corp_id}: {line}" for line in lines]
    return found


def unheeded(scene: Scene) -> list[str]:
    """What a push was received of and is not recorded at rest, before any resync: ends by customers, edits."""
    found = []
    for town in scene.towns:
        shown, told = _shown(scene, town), told_by(scene.received, town.corp_id, scene.history)
        recorded = _recorded(scene, town)
        for pair in sorted(shown.pairs.keys() & told.keys()):
            _, relation = recorded.get(pair, (None, None))
            state = relation.state.value if relation else None
            if state not in (allowed := states_of(pair, shown, told[pair])) and told[pair].times(LOST_BY):
                found.append(f"{town.corp_id}: {pair} is {state}, not {sorted(map(str, allowed))}, before the resync")
            found += _stale(scene, town, pair, shown, relation)
    return found


def unread(scene: Scene, town: Town, pair: Pair) -> list[str]:
    """An edit that was told, and that nobody will read any more although it is not recorded."""
    due = scene.rows(
        "select 1 from request where generation > settled_generation and subject_kind = 'external_contact' "
        f"and subject_key = '{pair[1]}' and tenant_id = {_tenant_of(scene, town)} "
        "union all select 1 from inbox where state = 'new'"
    )
    return [] if due else _stale(scene, town, pair, _shown(scene, town), _recorded(scene, town).get(pair, (0, None))[1])


def _shown(scene: Scene, town: Town) -> Shown:
    return shown_by(Reader(scene.stage.simulator_url, town.corp_id, town.secret), town.resigned)


def _stale(scene: Scene, town: Town, pair: Pair, shown: Shown, relation: Relation | None) -> list[str]:
    read = shown.pairs.get(pair)
    if not (read and relation and _was_told(scene, town, pair)) or relation.notes.description == read["description"]:
        return []
    return [f"{town.corp_id}: {pair}: the last edit was told, and is not recorded"]


HIDES = ("function_off", "function_on", "sight", "resign")


def _was_told(scene: Scene, town: Town, pair: Pair) -> bool:
    """Whether a push was received of the last edit of a relation that could be seen ever since."""
    told = [order for corp_id, order in scene.history if corp_id == town.corp_id]
    last = max((place for place, one in enumerate(told) if one["do"] == "edit" and _pair_of(one) == pair), default=None)
    if last is None or any(_touches(one, pair) for one in told[last + 1 :]):
        return False
    said = {"ChangeType": "edit_external_contact", "UserID": pair[0], "ExternalUserID": pair[1]}
    said |= {"CreateTime": str(told[last]["at"])}
    return any(one.corp_id == town.corp_id and said.items() <= one.fields.items() for one in scene.received)


def _touches(order: dict[str, Any], pair: Pair) -> bool:
    if order["do"] in HIDES:
        return order["do"] == "sight" or order["userid"] == pair[0]
    return _pair_of(order) == pair


def _pair_of(order: dict[str, Any]) -> Pair:
    return order.get("userid", ""), order.get("external_userid", "")


def _tenant_of(scene: Scene, town: Town) -> int:
    return int(scene.rows(f"select id from tenant where corp_id = '{town.corp_id}'")[0]["id"])


def _open_ends(scene: Scene) -> list[str]:
    left = passes.open_work(scene.office)
    dead = scene.office.rows("select subject_kind, subject_key, last_error from request where dead_at is not null")
    unrouted = scene.office.rows("select state, event, change, problem from inbox where state <> 'routed'")
    lines = [f"open {name}: {rows}" for name, rows in left.items() if rows]
    return lines + [f"dead: {row}" for row in dead] + [f"inbox: {row}" for row in unrouted]


def _recorded(scene: Scene, town: Town) -> dict[Pair, tuple[Recorded, Relation]]:
    with scene.stage.engine.begin() as connection:
        tenant = next(t for t in load_tenants(connection, scene.stage.vault) if t.corp_id == town.corp_id)
    ids = scene.office.rows(f"select external_userid from external_contact where tenant_id = {tenant.id}")
    with scene.stage.engine.begin() as connection:
        contacts = load_recorded(connection, tenant, [ExternalUserId(one) for (one,) in ids])
    return {
        (userid, contact.external_userid): (contact, relation)
        for contact in contacts.values()
        for userid, relation in contact.relations.items()
    }


def _of_contacts(shown: Shown, told: dict[Pair, Told], recorded: dict[Pair, tuple[Recorded, Relation]]) -> list[str]:
    lines = []
    for pair in sorted(shown.true.keys() | recorded.keys() | told.keys()):
        _, relation = recorded.get(pair, (None, None))
        state = relation.state.value if relation else None
        allowed = states_of(pair, shown, told.get(pair, Told()))
        if state not in allowed:
            lines.append(f"{pair} is {state}, not {sorted(map(str, allowed))}")
        read = shown.pairs.get(pair)
        if read is not None and relation is not None:
            lines += [f"{pair}: {line}" for line in _of_relation(read, relation, told.get(pair, Told()))]
    for external_userid, name in shown.names.items():
        known = {c.profile.name for (_, one), (c, _) in recorded.items() if one == external_userid and c.profile}
        if known != {name}:
            lines.append(f"{external_userid} is named {known}, not {name}")
    return lines


def _of_relation(read: dict[str, Any], relation: Relation, told: Told) -> list[str]:
    notes, last = relation.notes, relation.friendships[-1] if relation.friendships else None
    started = int(last.started_at.timestamp()) if last and last.started_at else None
    # A customer who comes back may keep the createtime; then only the add event tells of the new start.
    may_be_later = started is not None and started in told.times(ADDED) and started > read["createtime"]
    pairs = {
        "createtime": (started, started if may_be_later else read["createtime"]),
        "remark": (notes.remark, read["remark"]),
        "description": (notes.description, read["description"]),
        "remark_corp_name": (notes.remark_corp_name or "", read.get("remark_corp_name", "")),
        "remark_mobiles": (sorted(notes.remark_mobiles or ()), sorted(read.get("remark_mobiles", ()))),
        "tags": (sorted(notes.corp_tag_ids or ()), sorted(read.get("tag_id", ()))),
        "state": (notes.add_state or "", read.get("state") or told.add_state),
        "add_way": (notes.add_way, read["add_way"]),
        "oper_userid": (notes.oper_userid, read["oper_userid"]),
    }
    return [f"{name} is {here!r}, not {there!r}" for name, (here, there) in pairs.items() if here != there]


ENDS = {
    "relation_lost": ("customer_deletes",),
    "relation_deleted": ("member_deletes", "transfer_done"),  # without its event, a transfer is an absence
    "relation_transferred": ("transfer_done",),
}


def inventions(scene: Scene) -> list[str]:
    """Facts that nothing in WeCom stands behind: no false loss, no false deletion, nothing told twice."""
    happened = Counter[tuple[str, str, str, str]]()
    for corp_id, order in scene.history:
        userid = order.get("userid") or order.get("takeover_userid", "")
        for fact, deeds in ENDS.items():
            who = order.get("handover_userid", userid)
            happened[corp_id, fact, who, order.get("external_userid", "")] += order["do"] in deeds
        happened[corp_id, "relation_started", userid, order.get("external_userid", "")] += order["do"] in STARTS
    rows = scene.office.rows(
        "select t.corp_id, f.type, f.payload ->> 'userid', f.payload ->> 'external_userid', count(*) from fact f "
        "join tenant t on t.id = f.tenant_id where f.type in "
        "('relation_lost', 'relation_deleted', 'relation_transferred', 'relation_started') group by 1, 2, 3, 4"
    )
    moves = [line for town in scene.towns for line in invented_moves(scene, town, _tenant_of(scene, town))]
    return moves + [
        f"{count} facts, but it happened {happened[what]} times: {what}"
        for *told, count in rows
        if count > happened[what := tuple(told)]
    ]


def memory(scene: Scene) -> dict[str, list[tuple[Any, ...]]]:
    """What a second resync must not change: the mirror without the times of looking, and every fact."""
    kept = {
        "fact": "select tenant_id, type, subject_key, occurred_at, payload::text from fact order by 1, 2, 3, 4, 5",
        "relation": "select tenant_id, userid, external_userid, state, started_at, ended_at, ended_by, half_at, "
        "remark, description, corp_tag_ids, add_state, past::text from relation order by 1, 2, 3",
        "associate": "select tenant_id, userid, name, main_department_id, department_ids, in_sight, has_contact, "
        "gone_at from associate order by 1, 2",
        "outlet": "select tenant_id, department_id, name, parent_id, in_sight, gone_at from outlet order by 1, 2",
        "tag": "select tenant_id, tag_id, name, sort, group_id, deleted_at from tag order by 1, 2",
        "group_chat": "select tenant_id, chat_id, name, owner_userid, member_version, dismissed_at, out_of_sight_at "
        "from group_chat order by 1, 2",
        "group_member": "select tenant_id, chat_id, member_id, number, joined_at, left_at from group_member "
        "order by 1, 2, 3, 4",
        "customer": "select tenant_id, id, assigned_userid, standing from customer order by 1, 2",
    }
    return {name: scene.office.rows(sql) for name, sql in kept.items()}

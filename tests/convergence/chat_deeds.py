"""What people do in group chats."""

from tests.convergence.town import CUSTOMERS, Choose, Deed, Order, Town


def _chat(town: Town, deed: Deed) -> str | None:
    return list(town.chats)[deed.a % len(town.chats)] if town.chats else None


def _some(found: list[str], number: int) -> list[str]:
    """One or two of them."""
    if not found:
        return []
    return list(dict.fromkeys([found[number % len(found)], *([found[number // 2 % len(found)]] if number % 3 else [])]))


def _outside(town: Town, members: set[str]) -> list[str]:
    customers = [one for one in CUSTOMERS if any(pair[1] == one for pair in town.pairs)]
    return [one for one in [*sorted(town.members), *customers] if one not in members]


def _create(town: Town, deed: Deed) -> Order | None:
    owner = town.member(deed.a)
    members = _some(_outside(town, {owner}), deed.b)
    return {"owner": owner, "name": f"群{deed.c}", "members": members} if len(town.chats) < 5 else None


def _join(town: Town, deed: Deed) -> Order | None:
    chat = _chat(town, deed)
    coming = chat and _some(_outside(town, town.chats[chat].members), deed.b)
    return {"chat_id": chat, "members": coming, "scene": 1 + deed.c % 3} if coming else None


def _leave(town: Town, deed: Deed) -> Order | None:
    chat = _chat(town, deed)
    going = chat and _some(sorted(town.chats[chat].members - {town.chats[chat].owner}), deed.b)
    return {"chat_id": chat, "members": going} if going else None


def _pass_on(town: Town, deed: Deed) -> Order | None:
    chat = _chat(town, deed)
    fit = chat and sorted(town.chats[chat].members & town.members.keys() - {town.chats[chat].owner})
    return {"chat_id": chat, "userid": fit[deed.b % len(fit)]} if fit else None


def _say(field: str) -> Choose:
    def choose(town: Town, deed: Deed) -> Order | None:
        chat = _chat(town, deed)
        return {"chat_id": chat, field: f"新{deed.b % 4}"} if chat else None

    return choose


def _admins(town: Town, deed: Deed) -> Order | None:
    chat = _chat(town, deed)
    fit = chat and sorted(town.chats[chat].members & town.members.keys() - {town.chats[chat].owner})
    return {"chat_id": chat, "admins": fit[: deed.b % 2]} if fit else None


def _dismiss(town: Town, deed: Deed) -> Order | None:
    chat = _chat(town, deed)
    return {"chat_id": chat} if chat and deed.b % 2 else None


ORDERS: dict[str, Choose] = {
    "create_chat": _create,
    "join_chat": _join,
    "leave_chat": _leave,
    "remove_from_chat": _leave,
    "change_owner": _pass_on,
    "rename_chat": _say("name"),
    "change_notice": _say("notice"),
    "set_chat_admins": _admins,
    "dismiss_chat": _dismiss,
}

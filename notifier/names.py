"""How people and things are called in messages: by the names that were looked up, else by their ids."""

from collections.abc import Callable, Mapping

from notifier.messages import People
from notifier.render import shortened
from services.notices.store import Names


def people_of(names: Names) -> People:
    def by_key(of: Mapping[object, str]) -> Callable[[object], str]:
        return lambda key: shortened(of.get(key) or str(key))

    return People(
        lambda external_userid, userid: shortened(names.contact(external_userid, userid)),
        lambda userid: shortened(names.associates.get(userid) or userid),
        lambda customer_id, userid: shortened(names.customer(customer_id, userid)),
        by_key(names.stages),
        by_key(names.chats),
        by_key(names.chat_events),
    )
